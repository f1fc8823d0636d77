//! Does the shadow follow a device that is gone without a word? A second connection with a client id of its own stands in
//! for the device: it has the will, says that it is there, and is cut. This session watches (`reference/aws-iot.md` 6).
//!
//! Cutting this session itself would show the same, but nobody would be left to see it.
//!
//! Will and message carry a `clientToken` that nobody else has, and the shadow repeats it: a device that leaves at the same
//! time proves nothing.

use std::time::Duration;

use serde_json::Value;

use super::Aws;
use super::ask::token;
use super::provision::answers::{Answers, Trouble, within};
use crate::base::problem::{Exit, Problem, Retry};
use crate::domain::connection_state::{CONNECTED, LONGEST_TESTED, Proof, TEST, TEST_CLIENT, Trial};
use crate::domain::fact::{Fact, Progress, Step, StepState};
use crate::domain::message::{Draft, Message, Qos, Will};
use crate::domain::request::Reply;
use crate::domain::topic::{Topic, TopicFilter};
use crate::platform::io::Io;
use crate::platform::plan::ConnectPlan;

/// For the connection and the grants of what is watched.
const WAIT: Duration = Duration::from_secs(20);
/// From the cut to the shadow: the broker notices a closed socket at once.
const PATIENCE: Duration = Duration::from_secs(15);

pub(super) async fn request(aws: &Aws, io: &dyn Io, trial: Trial) -> Result<Reply, Problem> {
    let watch = Watch {
        token: token(io),
        shadow: format!("$aws/things/{}/shadow/update", trial.thing),
        io,
        trial,
    };
    watch.run(aws).await.map(Reply::ConnectionState)
}

struct Watch<'a> {
    io: &'a dyn Io,
    trial: Trial,
    /// `…/shadow/update`.
    shadow: String,
    /// By which this trial's messages are known again.
    token: String,
}

/// What was heard that counts.
enum Heard {
    Will,
    /// `connected` and the shadow's version.
    Shadow(bool, Option<u64>),
    /// `connected: false`, but said by somebody else, or passed on without the token.
    Stranger,
    Rejected(String),
    Other,
}

impl Watch<'_> {
    async fn run(&self, aws: &Aws) -> Result<Proof, Problem> {
        check_payload(&self.trial.payload)?;
        let filters = [
            self.trial.topic.as_str().to_owned(),
            format!("{}/accepted", self.shadow),
            format!("{}/rejected", self.shadow),
        ];
        let filters: Result<Vec<_>, _> = filters.iter().map(|f| TopicFilter::parse(f)).collect();
        let filters = filters.map_err(|why| failed(&why.to_string(), ""))?;
        let mut answers = Answers::listen(self.io, filters, &aws.common.topics);
        self.step("watch", StepState::Running, "subscribes to will and shadow");
        if let Err(trouble) = answers.ready(WAIT).await {
            return Err(self.broken("watch", self.not_watched(trouble)));
        }
        let text = format!("{} and the shadow's answers", self.trial.topic);
        self.step("watch", StepState::Done, &text);
        let client_id = self.cut_device(aws).await?;
        let version = self.follow(&mut answers).await?;
        Ok(Proof { client_id, version })
    }

    /// Connects as a device and is gone. Its client id.
    async fn cut_device(&self, aws: &Aws) -> Result<String, Problem> {
        let plan = self.plan(aws).await.map_err(|p| self.broken("device", p))?;
        let id = plan.client_id.clone();
        self.step(
            "device",
            StepState::Running,
            &format!("connects as {id}, with the will"),
        );
        let here = Topic::parse(&self.shadow).map_err(|why| failed(&why.to_string(), ""))?;
        let here = Draft::new(here, self.marked(CONNECTED).into(), Qos::AtLeastOnce);
        let gone = self.io.vanish(plan, vec![here]).await;
        gone.map_err(|problem| self.broken("device", self.no_device(&id, &problem)))?;
        let text = format!("{id} said connected = true, and its socket was cut");
        self.step("device", StepState::Done, &text);
        Ok(id)
    }

    async fn plan(&self, aws: &Aws) -> Result<ConnectPlan, Problem> {
        let mut plan = aws.connect_plan(self.io).await?;
        plan.client_id = match &aws.settings.client_id {
            Some(id) if id.len() <= LONGEST_TESTED => format!("{id}{TEST}"),
            _ => {
                let mut bytes = [0; 4];
                self.io.random(&mut bytes);
                format!("{TEST_CLIENT}{:08x}", u32::from_be_bytes(bytes))
            }
        };
        plan.clean_session = true;
        plan.session_expiry = Duration::ZERO;
        plan.filters.clear();
        plan.will = Some(Will {
            draft: Draft::new(
                self.trial.topic.clone(),
                self.marked(&self.trial.payload).into(),
                Qos::AtLeastOnce,
            ),
            delay: 0,
        });
        Ok(plan)
    }

    /// Until the shadow says that the device is gone. Its version.
    async fn follow(&self, answers: &mut Answers<'_>) -> Result<Option<u64>, Problem> {
        let end = self.io.now().mono.plus(PATIENCE);
        let (mut will, mut stranger) = (false, false);
        self.step(
            "will",
            StepState::Running,
            "the broker notices, and sends it",
        );
        loop {
            let left = end.since(self.io.now().mono);
            let Some(message) = within(self.io, left, answers.next()).await else {
                return Err(if will && stranger {
                    self.followed_by_somebody()
                } else {
                    self.not_followed(will)
                });
            };
            match self.read(&message) {
                Heard::Will => {
                    will = true;
                    self.step("will", StepState::Done, &format!("on {}", self.trial.topic));
                    self.step("shadow", StepState::Running, "waits for the rule");
                }
                Heard::Shadow(true, version) => {
                    let text = format!("connected = true{}", version_words(version));
                    self.step("shadow", StepState::Running, &text);
                }
                Heard::Shadow(false, version) => {
                    if !will {
                        self.step("will", StepState::Done, "the rule has seen it");
                    }
                    let text = format!("connected = false{}", version_words(version));
                    self.step("shadow", StepState::Done, &text);
                    return Ok(version);
                }
                Heard::Stranger => stranger = true,
                Heard::Rejected(words) => return Err(self.broken("shadow", rejected(&words))),
                Heard::Other => {}
            }
        }
    }

    fn read(&self, message: &Message) -> Heard {
        let topic = message.topic.as_str();
        let body: Value = serde_json::from_slice(&message.payload).unwrap_or_default();
        let theirs = body.get("clientToken").and_then(Value::as_str);
        let is_ours = theirs == Some(&*self.token);
        if topic == self.trial.topic.as_str() {
            return if is_ours { Heard::Will } else { Heard::Other };
        }
        match topic.strip_prefix(self.shadow.as_str()) {
            Some("/accepted") => match body.pointer("/state/reported/connected") {
                Some(Value::Bool(false)) if !is_ours => Heard::Stranger,
                Some(Value::Bool(_)) if !is_ours => Heard::Other,
                Some(Value::Bool(connected)) => {
                    Heard::Shadow(*connected, body.get("version").and_then(Value::as_u64))
                }
                _ => Heard::Other,
            },
            // A request that cannot be read is rejected without its token.
            Some("/rejected") if is_ours || theirs.is_none() => {
                let code = body.get("code").map(Value::to_string).unwrap_or_default();
                let message = body.get("message").and_then(Value::as_str);
                Heard::Rejected(format!("{code} {}", message.unwrap_or_default()))
            }
            _ => Heard::Other,
        }
    }

    fn not_watched(&self, trouble: Trouble) -> Problem {
        let cause = match trouble {
            Trouble::Problem(problem) => format!("{}: {}", problem.what, problem.cause),
            Trouble::Away(_) => "there is no connection".to_owned(),
            _ => "the broker does not answer".to_owned(),
        };
        let remedy = format!(
            "allow this client iot:Subscribe on topicfilter/ and iot:Receive on topic/ of {} and {}/*",
            self.trial.topic, self.shadow
        );
        failed(&cause, &remedy).exit(Exit::Refused)
    }

    fn no_device(&self, id: &str, problem: &Problem) -> Problem {
        let cause = format!("{}: {}", problem.what, problem.cause);
        let remedy = format!(
            "the certificate's policy must allow iot:Connect on client/{id} (client/{0}* does), iot:Publish on \
             topic/{1} and topic/{2}, and have no iot:ConnectAttributes condition that forbids LastWill",
            id.trim_end_matches(TEST),
            self.trial.topic,
            self.shadow
        );
        failed(&cause, &remedy).exit(problem.exit)
    }

    /// `reference/aws-iot.md` 6, and 8: 15, 16.
    fn not_followed(&self, will: bool) -> Problem {
        let seconds = PATIENCE.as_secs();
        if will {
            let cause = format!(
                "the will came on {}, and the shadow did not change within {seconds} s",
                self.trial.topic
            );
            let remedy = "one of these: the rule is missing or disabled, or its SQL names another topic; its action's topic has one $ \
                          instead of two; its role lacks iot:Publish on topic/$aws/things/*, or does not trust iot.amazonaws.com. \
                          Turn on the rule's error action or CloudWatch logs to see which";
            return self.broken("shadow", failed(&cause, remedy));
        }
        let cause = format!("no will came on {} within {seconds} s", self.trial.topic);
        let remedy = format!(
            "may this client receive it (iot:Receive on topic/{0})? may the device publish it (iot:Publish on topic/{0})?",
            self.trial.topic
        );
        self.broken("will", failed(&cause, &remedy))
    }

    /// The shadow says it, and nobody knows whether because of the will.
    fn followed_by_somebody(&self) -> Problem {
        let cause = "the shadow turned connected = false, but without the clientToken that the will had: somebody else said so, or the rule passes on a part of the will only";
        let remedy = "let the rule's SQL select everything (SELECT * FROM …), and test again while the device is quiet";
        self.broken("shadow", failed(cause, remedy))
    }

    /// The payload with this trial's token in it: a rule that selects everything passes it on, the shadow repeats it.
    fn marked(&self, payload: &str) -> String {
        let Ok(Value::Object(mut body)) = serde_json::from_str(payload) else {
            return payload.to_owned();
        };
        body.insert("clientToken".to_owned(), self.token.as_str().into());
        Value::Object(body).to_string()
    }

    fn broken(&self, name: &'static str, problem: Problem) -> Problem {
        self.step(name, StepState::Failed, &problem.cause);
        problem
    }

    fn step(&self, name: &'static str, state: StepState, text: &str) {
        let text = text.to_owned();
        let step = Step { name, text, state };
        self.io.fact(Fact::Progress(Progress { step, until: None }));
    }
}

fn failed(cause: &str, remedy: &str) -> Problem {
    Problem::new("the shadow does not follow", cause, remedy).retry(Retry::Never)
}

fn rejected(words: &str) -> Problem {
    let cause = format!("the shadow refuses what it is told: {words}");
    let remedy = "the payload must be {\"state\":{\"reported\":{…}}}, and the thing must exist";
    failed(&cause, remedy)
}

fn version_words(version: Option<u64>) -> String {
    version.map_or(String::new(), |version| format!(", version {version}"))
}

/// A rule passes it on as it is, and the shadow wants a state.
fn check_payload(payload: &str) -> Result<(), Problem> {
    let body: Value = serde_json::from_str(payload).unwrap_or_default();
    if body.get("state").is_some_and(Value::is_object) {
        return Ok(());
    }
    let cause =
        "the will's payload holds no state: the shadow would refuse what the rule passes on";
    Err(failed(
        cause,
        "write {\"state\":{\"reported\":{\"connected\":false}}}",
    )
    .exit(Exit::Usage))
}
