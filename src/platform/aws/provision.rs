//! Fleet provisioning (`reference/aws-iot.md` 5.3): answer topics first, then a certificate, then the registration.
//!
//! Nothing is asked for before its answer can be heard, and nothing is registered before key and certificate are on the
//! disk: AWS shows the key once. What a try leaves (a certificate that waits for its registration, the token that pays
//! for it) is kept with the profile, so that the next try goes on from there while the token lives.

pub(super) mod answers;
mod gist;
mod kept;
mod words;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Aws;
use crate::base::moment::{Timestamp, words as time_words};
use crate::base::problem::Problem;
use crate::base::secret::Secret;
use crate::domain::fact::{Fact, Progress, Step, StepState};
use crate::domain::message::Qos;
use crate::domain::profile::Version;
use crate::domain::provision::{NewThing, ProvisionRequest, Provisioned};
use crate::domain::request::Reply;
use crate::domain::topic::{Topic, TopicFilter};
use crate::platform::io::Io;
use answers::{Answers, Question, Trouble};
pub(super) use gist::interpret;
use kept::{Kept, Registered};

pub const KEYS: &str = "$aws/certificates/create/json";
pub const CSR: &str = "$aws/certificates/create-from-csr/json";

/// Of the whole request (`reference/aws-iot.md` 5.3).
const LARGEST_BODY: usize = 10 << 10;
const TOKEN_LIFE: Duration = Duration::from_hours(1);
/// A token that ends sooner is not worth a try.
const MARGIN: Duration = Duration::from_secs(30);
/// Before anything is made: how long a connection is waited for.
const WAIT: Duration = Duration::from_mins(5);

pub fn register_topic(template: &str) -> String {
    format!("$aws/provisioning-templates/{template}/provision/json")
}

pub(super) async fn request(
    aws: &Aws,
    io: &dyn Io,
    what: ProvisionRequest,
) -> Result<Reply, Problem> {
    match what {
        ProvisionRequest::Begin(thing) => {
            let ritual = Ritual { aws, io, thing };
            let provisioned = ritual.begin().await?;
            Ok(Reply::Provisioned(Box::new(provisioned)))
        }
        ProvisionRequest::Saved => kept::forget(io).map(|()| Reply::Kept),
    }
}

/// CreateKeysAndCertificate's answer, and with it CreateCertificateFromCsr's.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Created {
    certificate_id: String,
    certificate_pem: String,
    #[serde(default)]
    private_key: Option<String>,
    certificate_ownership_token: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Accepted {
    thing_name: String,
    #[serde(default)]
    device_configuration: Option<Value>,
}

struct Ritual<'a> {
    aws: &'a Aws,
    io: &'a dyn Io,
    thing: NewThing,
}

impl Ritual<'_> {
    async fn begin(&self) -> Result<Provisioned, Problem> {
        if let Some(done) = self.registered_before()? {
            return Ok(done);
        }
        let mut answers = self.listen()?;
        self.step("answers", StepState::Running, "subscribes to the answers");
        let subscribed = answers.ready(WAIT).await;
        subscribed.map_err(|trouble| self.not_ready(trouble))?;
        let text = format!("{} topics are subscribed", answers.count());
        self.step("answers", StepState::Done, &text);
        let kept = match self.waiting_from_before()? {
            Some(kept) => kept,
            None => self.create(&mut answers).await?,
        };
        self.register(&mut answers, kept).await
    }

    fn create_topic(&self) -> &'static str {
        if self.thing.is_csr() { CSR } else { KEYS }
    }

    fn listen(&self) -> Result<Answers<'_>, Problem> {
        let asked = [
            self.create_topic().to_owned(),
            register_topic(self.thing.template()),
        ];
        let mut filters = Vec::new();
        for topic in asked {
            for answer in ["accepted", "rejected"] {
                filters.push(TopicFilter::parse(&format!("{topic}/{answer}")).map_err(odd)?);
            }
        }
        Ok(Answers::listen(self.io, filters, &self.aws.common.topics))
    }

    /// Registered by an earlier try that could not save it: it must not be lost, and it is no other thing either.
    fn registered_before(&self) -> Result<Option<Provisioned>, Problem> {
        let Some(kept) = kept::load(self.io, &self.aws.settings.endpoint)? else {
            return Ok(None);
        };
        let Some(registered) = kept.registered else {
            return Ok(None);
        };
        if !registered.is_for(&self.thing) {
            return Err(words::another_is_not_saved(&registered.thing));
        }
        let text = format!(
            "{} was registered before and is not saved yet",
            registered.thing
        );
        self.step("register", StepState::Kept, &text);
        Ok(Some(Provisioned {
            thing: registered.thing,
            certificate_id: kept.certificate_id,
            certificate: kept.certificate,
            key: kept.key,
            configuration: registered.configuration.map(Arc::new),
        }))
    }

    /// A certificate that still waits for its registration.
    fn waiting_from_before(&self) -> Result<Option<Kept>, Problem> {
        let Some(kept) = kept::load(self.io, &self.aws.settings.endpoint)? else {
            return Ok(None);
        };
        let left = self.left(kept.until);
        if left < MARGIN || kept.csr != self.thing.is_csr() {
            kept::forget(self.io)?;
            let id = short(&kept.certificate_id);
            let text = if left < MARGIN {
                format!("certificate {id} of an earlier try: its token has ended, AWS deletes it")
            } else {
                format!(
                    "certificate {id} of an earlier try had its key made otherwise; AWS deletes it"
                )
            };
            self.step("earlier try", StepState::Done, &text);
            return Ok(None);
        }
        let text = format!(
            "certificate {} of an earlier try; its token lives {} more",
            short(&kept.certificate_id),
            time_words(left)
        );
        self.tell("certificate", StepState::Kept, &text, Some(kept.until));
        Ok(Some(kept))
    }

    fn left(&self, until: Timestamp) -> Duration {
        self.io.now().wall.until(until)
    }

    /// Key and certificate, on the disk when this returns.
    async fn create(&self, answers: &mut Answers<'_>) -> Result<Kept, Problem> {
        let (key, payload) = self.key_and_request().await?;
        let text = if key.is_some() {
            "asks for a certificate for the key"
        } else {
            "asks for a key and a certificate"
        };
        self.step("certificate", StepState::Running, text);
        let question = Question {
            topic: Topic::parse(self.create_topic()).map_err(odd)?,
            payload,
            qos: self.qos(),
            wait: WAIT,
        };
        let asked = answers.ask(&question, |text| {
            self.step("certificate", StepState::Running, text);
        });
        let answer = match asked.await {
            Ok(answer) => answer,
            Err(trouble) => {
                let problem = words::not_created(&trouble, self.thing.template(), answers.repeated);
                return Err(self.failed("certificate", self.without_key(problem)));
            }
        };
        let made_at = self.io.now().wall;
        let created: Created = serde_json::from_slice(&answer.payload)
            .map_err(|why| self.failed("certificate", self.without_key(words::unreadable(&why))))?;
        let Some(key) = key.or_else(|| created.private_key.map(Secret::new)) else {
            return Err(self.failed("certificate", words::no_key()));
        };
        let kept = Kept {
            certificate_id: created.certificate_id,
            certificate: created.certificate_pem,
            key,
            token: Secret::new(created.certificate_ownership_token),
            until: made_at.plus(TOKEN_LIFE),
            endpoint: self.aws.settings.endpoint.clone(),
            csr: self.thing.is_csr(),
            registered: None,
        };
        kept::keep(self.io, &kept).map_err(|problem| {
            let id = short(&kept.certificate_id);
            self.failed("certificate", words::not_kept(problem, &id))
        })?;
        let text = format!(
            "{} is made, and kept here with its key",
            short(&kept.certificate_id)
        );
        self.tell("certificate", StepState::Done, &text, Some(kept.until));
        Ok(kept)
    }

    /// Where the key is made here it is on the disk before AWS hears of it.
    async fn key_and_request(&self) -> Result<(Option<Secret>, Bytes), Problem> {
        if !self.thing.is_csr() {
            return Ok((None, Bytes::new()));
        }
        self.step(
            "key",
            StepState::Running,
            "makes a key here (RSA, 2048 bits)",
        );
        let (key, csr) = self
            .io
            .key_and_csr("AWS IoT Certificate")
            .await
            .map_err(|problem| self.failed("key", problem))?;
        kept::keep_key(self.io, &key).map_err(|problem| self.failed("key", problem))?;
        self.step("key", StepState::Done, "made here, and it stays here");
        let request = json!({ "certificateSigningRequest": csr });
        Ok((Some(key), Bytes::from(request.to_string())))
    }

    /// A key that no certificate came for is of no use to anybody.
    fn without_key(&self, problem: Problem) -> Problem {
        if self.thing.is_csr() {
            // It is replaced by the next try in any case.
            let _ = kept::forget(self.io);
        }
        problem
    }

    async fn register(
        &self,
        answers: &mut Answers<'_>,
        mut kept: Kept,
    ) -> Result<Provisioned, Problem> {
        let parameters = self.thing.parameters();
        let text = format!(
            "template {}, {}",
            self.thing.template(),
            count(parameters.len(), "parameter")
        );
        self.tell("register", StepState::Running, &text, Some(kept.until));
        let payload = self.register_body(&kept);
        if payload.len() > LARGEST_BODY {
            let problem = words::too_large(payload.len(), LARGEST_BODY);
            return Err(self.not_registered(problem, &kept));
        }
        let question = Question {
            topic: Topic::parse(&register_topic(self.thing.template())).map_err(odd)?,
            payload,
            qos: self.qos(),
            wait: self.left(kept.until),
        };
        let asked = answers.ask(&question, |text| {
            self.tell("register", StepState::Running, text, Some(kept.until));
        });
        let answer = match asked.await {
            Ok(answer) => answer,
            Err(trouble) => return Err(self.refused(&trouble, answers.repeated, &kept)),
        };
        let accepted: Accepted = serde_json::from_slice(&answer.payload).map_err(|why| {
            self.failed(
                "register",
                words::half_registered(&why, &kept.certificate_id),
            )
        })?;
        kept.registered = Some(Registered::new(
            &self.thing,
            &accepted.thing_name,
            accepted.device_configuration.as_ref(),
        ));
        // The thing exists: that this could not be written down is no reason to lose it.
        if let Err(problem) = kept::keep_state(self.io, &kept) {
            self.io.fact(Fact::Notice(problem));
        }
        let text = format!("thing {}", accepted.thing_name);
        self.step("register", StepState::Done, &text);
        Ok(Provisioned {
            thing: accepted.thing_name,
            certificate_id: kept.certificate_id,
            certificate: kept.certificate,
            key: kept.key,
            configuration: accepted.device_configuration.map(Arc::new),
        })
    }

    fn register_body(&self, kept: &Kept) -> Bytes {
        let parameters: Map<String, Value> = self
            .thing
            .parameters()
            .iter()
            .map(|(name, value)| (name.clone(), Value::from(value.as_str())))
            .collect();
        let body = json!({
            "certificateOwnershipToken": kept.token.expose(),
            "parameters": parameters,
        });
        Bytes::from(body.to_string())
    }

    fn refused(&self, trouble: &Trouble, repeated: bool, kept: &Kept) -> Problem {
        if !words::is_token_refused(trouble) {
            let problem = words::not_registered(trouble, self.thing.template());
            return self.not_registered(problem, kept);
        }
        let id = short(&kept.certificate_id);
        if repeated {
            // The first request may have used the token: then this certificate is a thing's.
            return self.failed("register", words::perhaps_registered(&id));
        }
        let problem = match kept::forget(self.io) {
            Ok(()) => words::token_refused(trouble, &id),
            Err(problem) => problem,
        };
        self.failed("register", problem)
    }

    /// The certificate stays for another try.
    fn not_registered(&self, problem: Problem, kept: &Kept) -> Problem {
        let left = time_words(self.left(kept.until));
        let id = short(&kept.certificate_id);
        self.failed("register", words::with_what_is_left(problem, &id, &left))
    }

    fn not_ready(&self, trouble: Trouble) -> Problem {
        let problem = match trouble {
            Trouble::Problem(problem) => words::not_subscribed(&problem, self.thing.template()),
            other => words::not_created(&other, self.thing.template(), false),
        };
        self.failed("answers", problem)
    }

    /// MQTT 5 tells with the PUBACK why a publish is refused; in 3.1.1 it would only be sent again after each hang-up.
    fn qos(&self) -> Qos {
        match self.aws.settings.version {
            Version::V5 => Qos::AtLeastOnce,
            Version::V311 => Qos::AtMostOnce,
        }
    }

    fn failed(&self, name: &'static str, problem: Problem) -> Problem {
        self.step(name, StepState::Failed, &problem.what);
        problem
    }

    fn step(&self, name: &'static str, state: StepState, text: &str) {
        self.tell(name, state, text, None);
    }

    fn tell(&self, name: &'static str, state: StepState, text: &str, until: Option<Timestamp>) {
        let text = text.to_owned();
        let step = Step { name, text, state };
        self.io.fact(Fact::Progress(Progress { step, until }));
    }
}

/// The beginning of a certificate id, which is 64 digits.
fn short(id: &str) -> String {
    let start: String = id.chars().take(12).collect();
    if start.len() < id.len() {
        format!("{start}…")
    } else {
        start
    }
}

fn count(number: usize, word: &str) -> String {
    match number {
        0 => format!("no {word}s"),
        1 => format!("1 {word}"),
        n => format!("{n} {word}s"),
    }
}

/// Our own topics are topics.
fn odd(why: impl std::fmt::Display) -> Problem {
    Problem::new(
        "could not name a topic",
        why.to_string(),
        "please report this",
    )
}
