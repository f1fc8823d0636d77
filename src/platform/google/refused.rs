//! A refused connection in words: the bridge has one code for a dozen causes, so what can be checked here is checked
//! (`reference/google-iot-core.md` 14.1).

use std::time::Duration;

use super::Google;
use super::rest::{SKEW, clock_off, clock_problem};
use crate::base::moment::words;
use crate::base::problem::{Exit, Problem};
use crate::platform::Verdict;
use crate::platform::io::{HttpCall, Io, Method};

const CLOCK_TIMEOUT: Duration = Duration::from_secs(3);

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
