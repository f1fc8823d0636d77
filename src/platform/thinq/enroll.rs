//! The sign-in ritual (`reference/lg-thinq.md` 7.1): region, route, client, key, certificate. Each step is told as it
//! happens, kept on disk before the next depends on it, and skipped when it was kept.

use std::time::Duration;

use serde_json::Value;

use super::Thinq;
use super::budget::Urgency;
use super::error::ThinqError;
use super::identity::{CERTIFICATE, Identity, KEY};
use super::region::Region;
use super::shared::lock;
use super::wire;
use crate::base::moment::{Mono, Timestamp};
use crate::base::problem::{Exit, Problem};
use crate::base::secret::Secret;
use crate::domain::fact::{Fact, Step, StepState};
use crate::domain::session::LogLevel;
use crate::platform::Verdict;
use crate::platform::io::Io;

/// A constant of LG's SDKs, not the client id.
const COMMON_NAME: &str = "lg_thinq";
/// A renewed certificate that is refused again within this time is not renewed again.
const RENEWAL_APART: Duration = Duration::from_hours(1);
/// So many plans without a connection, and the route is asked again.
const STALE_ROUTE: u32 = 4;

/// What the process remembers of it.
#[derive(Debug, Default)]
pub struct Enrolment {
    identity: Option<Identity>,
    renewed: Option<Mono>,
    plans_since_connected: u32,
}

/// The result: what `plan` connects with.
pub struct SignedIn {
    pub identity: Identity,
    pub key: Secret,
    pub certificate: Secret,
}

impl Thinq {
    /// Ours, made once: the profile's, else the kept one, else a new one.
    pub(super) fn client_id(&self, io: &dyn Io) -> Result<String, Problem> {
        self.identity(io).map(|identity| identity.client_id)
    }

    fn identity(&self, io: &dyn Io) -> Result<Identity, Problem> {
        let mut enrolment = lock(&self.enrolment);
        if let Some(identity) = &enrolment.identity {
            return Ok(identity.clone());
        }
        let kept = Identity::load(io)?.unwrap_or_default();
        let identity = self.usable(kept.clone(), io)?;
        if identity != kept {
            identity.keep(io)?;
        }
        enrolment.identity = Some(identity.clone());
        drop(enrolment);
        Ok(identity)
    }

    /// What of a kept identity still holds for this profile.
    fn usable(&self, mut kept: Identity, io: &dyn Io) -> Result<Identity, Problem> {
        let api = self.base_url()?;
        let wanted = self.settings.client_id.clone();
        let renamed = wanted.as_ref().is_some_and(|id| *id != kept.client_id);
        if renamed || kept.api != api || kept.country != self.settings.country {
            kept = Identity {
                client_id: kept.client_id,
                api,
                country: self.settings.country.clone(),
                ..Identity::default()
            };
        }
        if let Some(id) = wanted {
            check_client_id(&id)?;
            kept.client_id = id;
        }
        if kept.client_id.is_empty() {
            let mut random = [0; 16];
            io.random(&mut random);
            kept.client_id = format!("thingdeck-{}", wire::uuid(random));
        }
        Ok(kept)
    }

    fn change_identity(
        &self,
        io: &dyn Io,
        change: impl FnOnce(&mut Identity),
    ) -> Result<Identity, Problem> {
        let known = self.identity(io)?;
        // Another command of the same profile may have gone on from the same beginning.
        let on_disk = Identity::load(io)?
            .filter(|kept| (&kept.client_id, &kept.api) == (&known.client_id, &known.api));
        let mut identity = on_disk.unwrap_or(known);
        change(&mut identity);
        identity.keep(io)?;
        lock(&self.enrolment).identity = Some(identity.clone());
        Ok(identity)
    }

    pub(super) fn forget_identity(&self) {
        *lock(&self.enrolment) = Enrolment::default();
    }

    /// A connection stands on it.
    pub(super) fn connected(&self) {
        lock(&self.enrolment).plans_since_connected = 0;
    }

    pub(super) async fn sign_in(&self, io: &dyn Io) -> Result<SignedIn, Problem> {
        self.forget_token();
        let _alone = self.lanes.turn("enrolment").await;
        lock(&self.enrolment).identity = None;
        self.choose_region(io)?;
        self.find_route(io).await?;
        self.register(io).await?;
        let (key, certificate) = self.certificate(io).await?;
        Ok(SignedIn {
            identity: self.identity(io)?,
            key,
            certificate,
        })
    }

    fn choose_region(&self, io: &dyn Io) -> Result<(), Problem> {
        let base = self
            .base_url()
            .inspect_err(|problem| step(io, "region", StepState::Failed, problem.line()))?;
        let country = &self.settings.country;
        let text = match Region::of(country) {
            _ if self.settings.api_url.is_some() => format!("{base}, as the profile says"),
            Some(region) => format!(
                "{country} is in {} ({}): {base}",
                region.word(),
                region.name()
            ),
            None => base,
        };
        step(io, "region", StepState::Done, text);
        Ok(())
    }

    async fn find_route(&self, io: &dyn Io) -> Result<(), Problem> {
        if let Some(url) = &self.settings.mqtt_url {
            step(
                io,
                "route",
                StepState::Kept,
                format!("{url}, as the profile says"),
            );
            return Ok(());
        }
        let kept = self.identity(io)?.mqtt_server;
        let plans = {
            let mut enrolment = lock(&self.enrolment);
            enrolment.plans_since_connected += 1;
            enrolment.plans_since_connected
        };
        let again = plans % STALE_ROUTE == 0;
        if !kept.is_empty() && !again {
            step(io, "route", StepState::Kept, kept);
            return Ok(());
        }
        step(
            io,
            "route",
            StepState::Running,
            "asking where MQTT is".to_owned(),
        );
        match self.ask_route(io).await {
            Ok(server) => {
                step(io, "route", StepState::Done, server.clone());
                self.change_identity(io, |identity| identity.mqtt_server = server)?;
                Ok(())
            }
            Err(_still_known) if !kept.is_empty() => {
                step(io, "route", StepState::Kept, kept);
                Ok(())
            }
            Err(error) => Err(self.failed(io, "route", "could not find LG's MQTT server", &error)),
        }
    }

    async fn ask_route(&self, io: &dyn Io) -> Result<String, ThinqError> {
        let route = self.call(io, &wire::route(), Urgency::Command).await?;
        let server = route
            .get("mqttServer")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .trim();
        if server.is_empty() {
            Err(ThinqError::Shape("mqttServer"))
        } else {
            Ok(server.to_owned())
        }
    }

    /// Registers the client unless it is; for feeds that are asked for before any connection.
    pub(super) async fn ensure_registered(&self, io: &dyn Io) -> Result<(), Problem> {
        if self.identity(io)?.registered {
            return Ok(());
        }
        let _alone = self.lanes.turn("enrolment").await;
        self.register(io).await
    }

    /// LG says that it does not know the client (1209).
    pub(super) async fn register_again(&self, io: &dyn Io) -> Result<(), Problem> {
        let _alone = self.lanes.turn("enrolment").await;
        self.change_identity(io, |identity| identity.registered = false)?;
        self.register(io).await
    }

    async fn register(&self, io: &dyn Io) -> Result<(), Problem> {
        let identity = self.identity(io)?;
        if identity.registered {
            step(io, "client", StepState::Kept, identity.client_id);
            return Ok(());
        }
        step(
            io,
            "client",
            StepState::Running,
            format!("registering {}", identity.client_id),
        );
        self.call(io, &wire::register(), Urgency::Command)
            .await
            .map_err(|error| {
                self.failed(
                    io,
                    "client",
                    "could not register this client with LG",
                    &error,
                )
            })?;
        self.change_identity(io, |identity| identity.registered = true)?;
        step(
            io,
            "client",
            StepState::Done,
            format!("registered as {}", identity.client_id),
        );
        Ok(())
    }

    async fn certificate(&self, io: &dyn Io) -> Result<(Secret, Secret), Problem> {
        if let Some((key, certificate)) = self.kept_certificate(io)? {
            step(
                io,
                "key",
                StepState::Kept,
                "RSA-2048, made here earlier".to_owned(),
            );
            step(io, "certificate", StepState::Kept, validity(&certificate));
            return Ok((key, certificate));
        }
        step(
            io,
            "key",
            StepState::Running,
            "making an RSA-2048 key".to_owned(),
        );
        // A certificate must never be found beside a key that is not its own.
        io.forget(CERTIFICATE)?;
        let (key, csr) = io
            .key_and_csr(COMMON_NAME)
            .await
            .inspect_err(|problem| step(io, "key", StepState::Failed, problem.line()))?;
        io.keep(KEY, &key)?;
        step(
            io,
            "key",
            StepState::Done,
            "RSA-2048, made here and kept here".to_owned(),
        );
        step(
            io,
            "certificate",
            StepState::Running,
            "asking LG to sign it".to_owned(),
        );
        let (certificate, topics) = self.issue(io, &csr).await.map_err(|error| {
            self.failed(io, "certificate", "could not obtain a certificate", &error)
        })?;
        io.keep(CERTIFICATE, &certificate)?;
        self.change_identity(io, |identity| identity.topics = topics)?;
        step(
            io,
            "certificate",
            StepState::Done,
            format!("issued, {}", validity(&certificate)),
        );
        Ok((key, certificate))
    }

    fn kept_certificate(&self, io: &dyn Io) -> Result<Option<(Secret, Secret)>, Problem> {
        if self.identity(io)?.topics.is_empty() {
            return Ok(None);
        }
        let (Some(key), Some(certificate)) = (io.load(KEY)?, io.load(CERTIFICATE)?) else {
            return Ok(None);
        };
        if !(is_pem(&key) && is_pem(&certificate)) {
            io.log(
                LogLevel::Warn,
                "the kept key or certificate is damaged; asking for a new one".to_owned(),
            );
            return Ok(None);
        }
        let expired = not_after(&certificate).is_some_and(|end| end <= io.now().wall);
        if expired {
            io.log(
                LogLevel::Warn,
                format!(
                    "the certificate has expired ({}); asking for a new one",
                    validity(&certificate)
                ),
            );
        }
        Ok((!expired).then_some((key, certificate)))
    }

    async fn issue(&self, io: &dyn Io, csr: &str) -> Result<(Secret, Vec<String>), ThinqError> {
        let call = wire::certificate(csr);
        let response = match self.call(io, &call, Urgency::Command).await {
            Err(error) if error.is("1209") => {
                self.change_identity(io, |identity| identity.registered = false)?;
                self.register(io).await?;
                self.call(io, &call, Urgency::Command).await?
            }
            other => other?,
        };
        let result = response.get("result").unwrap_or(&response);
        let certificate = result
            .get("certificatePem")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let listed = result.get("subscriptions").and_then(Value::as_array);
        let topics: Vec<_> = listed
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect();
        match () {
            () if certificate.is_empty() => Err(ThinqError::Shape("certificatePem")),
            () if topics.is_empty() => Err(ThinqError::Shape("the topics to subscribe to")),
            () => Ok((Secret::new(certificate), topics)),
        }
    }

    fn failed(&self, io: &dyn Io, name: &'static str, what: &str, error: &ThinqError) -> Problem {
        let problem = self.problem_of(error, what);
        step(io, name, StepState::Failed, problem.cause.clone());
        problem
    }

    /// The broker or its TLS refused. A TLS alert, CONNACK 2, 4 or 5, and a plain close after CONNECT all mean the same:
    /// certificate or registration are no longer accepted (`reference/lg-thinq.md` 7.2).
    pub(super) async fn renew_once(&self, io: &dyn Io, problem: &Problem) -> Verdict {
        if problem.exit == Exit::Unreachable {
            return Verdict::Final;
        }
        let _alone = self.lanes.turn("enrolment").await;
        let now = io.now().mono;
        let renewed = lock(&self.enrolment).renewed;
        if renewed.is_some_and(|at| now.since(at) < RENEWAL_APART) {
            let text = format!(
                "a renewed certificate was refused as well: {}",
                problem.cause
            );
            step(io, "certificate", StepState::Failed, text);
            // From here on only a person connects again, and a person may have mended what was wrong: then it is renewed once more.
            lock(&self.enrolment).renewed = None;
            return Verdict::Final;
        }
        let forgotten = self.forget_certificate(io);
        lock(&self.enrolment).renewed = Some(now);
        match forgotten {
            Ok(()) => {
                let reason = format!(
                    "{}: registering again and asking for a new certificate, once",
                    problem.cause
                );
                io.log(LogLevel::Warn, reason.clone());
                Verdict::TryAgain { reason }
            }
            Err(kept) => {
                step(io, "certificate", StepState::Failed, kept.line());
                Verdict::Final
            }
        }
    }

    fn forget_certificate(&self, io: &dyn Io) -> Result<(), Problem> {
        io.forget(CERTIFICATE)?;
        io.forget(KEY)?;
        self.change_identity(io, |identity| {
            identity.registered = false;
            identity.topics.clear();
            identity.mqtt_server.clear();
        })?;
        Ok(())
    }
}

fn step(io: &dyn Io, name: &'static str, state: StepState, text: String) {
    io.fact(Fact::Step(Step { name, text, state }));
}

/// It has to fit a header, an MQTT client id and a level of a topic.
fn check_client_id(id: &str) -> Result<(), Problem> {
    let fits = (1..=64).contains(&id.len())
        && id
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if fits {
        return Ok(());
    }
    Err(Problem::new(
        "the profile's client_id cannot be used",
        format!("{id:?} is not 1 to 64 letters, digits, - and _"),
        "leave `client_id` away, and one is made and kept",
    )
    .exit(Exit::Usage))
}

fn is_pem(kept: &Secret) -> bool {
    x509_parser::pem::parse_x509_pem(kept.expose().as_bytes()).is_ok()
}

fn not_after(certificate: &Secret) -> Option<Timestamp> {
    let (_, pem) = x509_parser::pem::parse_x509_pem(certificate.expose().as_bytes()).ok()?;
    let parsed = pem.parse_x509().ok()?;
    Some(Timestamp::from_seconds(
        parsed.validity().not_after.timestamp(),
    ))
}

fn validity(certificate: &Secret) -> String {
    match not_after(certificate) {
        Some(end) => format!(
            "valid until {}",
            &end.to_string().chars().take(10).collect::<String>()
        ),
        None => "its validity cannot be read".to_owned(),
    }
}
