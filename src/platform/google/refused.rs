//! A refused connection in words: the bridge has one code for a dozen causes, so what can be checked here is checked
//! (`reference/google-iot-core.md` 14.1).

use std::time::Duration;

use super::Google;
use super::rest::{SKEW, clock_off, clock_problem};
use super::topics::{self, Place};
use crate::base::moment::words;
use crate::base::problem::{Exit, Problem};
use crate::platform::io::{HttpCall, Io, Method};
use crate::platform::{After, Verdict};

const CLOCK_TIMEOUT: Duration = Duration::from_secs(3);

/// What a hang-up most likely means: the bridge has no other way to say no (`reference/google-iot-core.md` 7, 14).
pub fn explain(after: &After<'_>, said: &Problem, lifetime: Duration) -> Option<Problem> {
    let (cause, remedy) = match after {
        After::Publish(draft) => {
            let topic = &draft.topic;
            let (why, remedy) = match topics::parse(topic.as_str())?.place {
                Place::Events(_) => (
                    "it does so when the registry has no Pub/Sub topic for it, or the device is blocked or deleted",
                    "see the device's last error (s on it, or `thingdeck devices --json`), and the registry's telemetry topics",
                ),
                Place::State => (
                    "it does so at more than one state a second of a device, also where another program sends the other one",
                    "let one program alone send this device's state",
                ),
                _ => return None,
            };
            (
                format!("{} right after a message to {topic}: {why}", said.cause),
                remedy,
            )
        }
        After::Subscribe(filters) => {
            let filters: Vec<_> = filters.iter().map(ToString::to_string).collect();
            let cause = format!(
                "{} right after SUBSCRIBE {}: it does so at a filter that this client may not have",
                said.cause,
                filters.join(", ")
            );
            (
                cause,
                "check that the device is registered and attached, and its id's case",
            )
        }
        After::Standing { lived } if *lived >= lifetime => (
            format!("{}: the token has ended", said.cause),
            "a new one is signed",
        ),
        After::Standing { .. } | After::Connect | After::Upgrade { .. } => return None,
    };
    Some(Problem::new(said.what.as_str(), cause, remedy))
}

impl Google {
    pub(super) async fn explain(&self, io: &dyn Io, problem: &Problem) -> Verdict {
        let Ok(token) = self.token(io) else {
            return Verdict::Final;
        };
        let off = self.clock_off(io).await;
        if let Some(off) = off
            && off.abs() > SKEW
        {
            let clock = clock_problem(off);
            let cause = format!("{}; {}: {}", problem.cause, clock.what, clock.cause);
            return Verdict::Explained(
                Problem::new(problem.what.as_str(), cause, clock.remedy).exit(Exit::Refused),
            );
        }
        let clock = match off {
            Some(off) => format!("this clock is within {} s of the platform's", off.abs()),
            None => "the platform's clock could not be asked".to_owned(),
        };
        let cause = format!(
            "{}. Checked here: client id {}; token signed with {}, good for {}, aud {}; {clock}",
            problem.cause.trim_end_matches('.'),
            self.settings.client_id(),
            token.described(),
            words(self.lifetime()),
            self.settings.project,
        );
        let remedy = "compare with the console: is this public key registered for the device, does it exist in this registry and region, is it blocked, is MQTT on for the registry";
        Verdict::Explained(Problem::new(problem.what.as_str(), cause, remedy).exit(Exit::Refused))
    }

    /// Any answer has the server's time, a refusal too.
    async fn clock_off(&self, io: &dyn Io) -> Option<i64> {
        let call = HttpCall {
            method: Method::Get,
            url: format!("{}/", self.api_host()),
            headers: Vec::new(),
            secret_headers: Vec::new(),
            body: None,
            timeout: CLOCK_TIMEOUT,
            label: "GET / (for the platform's clock)".to_owned(),
        };
        let reply = io.http(call).await.ok()?;
        clock_off(io.now().wall, &reply)
    }
}
