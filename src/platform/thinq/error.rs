//! Why a call did not give what was asked, and the same for a person.

use std::time::Duration;

use super::codes::{self, Concern};
use crate::base::moment::{Timestamp, words};
use crate::base::problem::{Exit, Problem, Retry};
use crate::platform::io::HttpError;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ThinqError {
    /// LG's own error, from the envelope.
    #[error("LG answered {code}: {}", meaning(.code, .words))]
    Api {
        code: String,
        /// LG's own text; for 2302 and 2305 it names the state or mode.
        words: String,
        status: u16,
    },
    /// The call limit, in any of its forms: 1306, 1314, HTTP 429.
    #[error("LG answered {}: the call limit is reached", .code.as_deref().unwrap_or("429"))]
    Limit {
        code: Option<String>,
        retry_after: Option<Duration>,
    },
    /// Not sent: the call limit was hit before, and calls rest.
    #[error("LG's call limit was hit; calls rest for {}, until {} UTC", words(*.wait), .until.clock(0))]
    Resting { until: Timestamp, wait: Duration },
    /// Not sent: our own budget of reads for this hour is used up.
    #[error("this hour's budget of calls is used up; the next is due in {}", words(*.wait))]
    Spent { wait: Duration },
    /// Something in front of LG's API answered, without an envelope.
    #[error("the answer was HTTP {status} without LG's envelope: {gist}")]
    Gateway { status: u16, gist: String },
    #[error(transparent)]
    Network(#[from] HttpError),
    /// An answer without what the call is for.
    #[error("LG's answer lacks {0}")]
    Shape(&'static str),
    /// It failed on this side, and was put into words there: the token's place, the identity folder.
    #[error("{}", .0.cause)]
    Local(Problem),
}

fn meaning<'a>(code: &str, words: &'a str) -> std::borrow::Cow<'a, str> {
    let known = codes::find(code).map(|row| row.meaning);
    match (known, words) {
        (Some(known), "") => known.into(),
        (Some(known), words) => format!("{known} ({words})").into(),
        (None, "") => "an error that no documentation lists".into(),
        (None, words) => words.into(),
    }
}

impl ThinqError {
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Api { code, .. } => Some(code),
            Self::Limit { code, .. } => code.as_deref(),
            _ => None,
        }
    }

    pub fn is(&self, code: &str) -> bool {
        self.code() == Some(code)
    }

    pub fn concern(&self) -> Concern {
        match self {
            Self::Api { code, status, .. } => match codes::concern(code) {
                _ if codes::find(code).is_none() && *status >= 500 => Concern::Wait,
                concern => concern,
            },
            Self::Gateway { status: 401, .. } => Concern::Ask,
            Self::Gateway {
                status: 400..=499, ..
            } => Concern::Device,
            Self::Local(problem) if problem.is_fatal() => Concern::Ask,
            _ => Concern::Wait,
        }
    }

    /// The token itself was refused, so that another one may help.
    pub fn is_token(&self) -> bool {
        match self {
            Self::Api { code, .. } => matches!(code.as_str(), "1103" | "1218" | "1302" | "1303"),
            Self::Gateway { status, .. } => *status == 401,
            _ => false,
        }
    }

    /// Whether the server may have carried it out all the same: the answer is lost, not the request.
    pub fn is_lost(&self) -> bool {
        match self {
            Self::Network(error) => {
                !matches!(error, HttpError::Unreachable { .. } | HttpError::Tls { .. })
            }
            Self::Gateway { status, .. } => *status >= 500 || *status < 300,
            Self::Api { code, status, .. } => {
                matches!(code.as_str(), "0000" | "2000")
                    || (*status >= 500 && codes::find(code).is_none())
            }
            _ => false,
        }
    }

    /// A read that failed so may succeed a moment later.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Api { code, .. } => {
                self.is_lost() || matches!(code.as_str(), "2205" | "2209" | "2210")
            }
            Self::Gateway { status, .. } => *status >= 500,
            Self::Network(HttpError::Broken { .. }) => true,
            _ => false,
        }
    }

    /// It says nothing of whether the device may be subscribed: it is offline, busy, or somebody in between answered.
    pub fn is_about_the_moment(&self) -> bool {
        match self {
            Self::Api { code, .. } => {
                matches!(code.as_str(), "1222" | "1223" | "2208" | "2212" | "2214")
                    || code.starts_with("23")
                    || self.is_passing()
            }
            Self::Gateway { .. } => true,
            _ => false,
        }
    }

    /// How long calls have to wait, where it was us who did not send.
    pub const fn wait(&self) -> Option<Duration> {
        match self {
            Self::Resting { wait, .. } | Self::Spent { wait } => Some(*wait),
            _ => None,
        }
    }

    /// In words, after `what` failed.
    pub fn problem(&self, what: impl Into<String>) -> Problem {
        if let Self::Local(problem) = self {
            return problem.clone();
        }
        Problem::new(what, self.to_string(), self.remedy())
            .exit(self.exit())
            .retry(self.retry())
    }

    fn remedy(&self) -> String {
        match self {
            Self::Api { code, .. } => match codes::find(code) {
                Some(row) => row.remedy.to_owned(),
                None => "look at the log (L) and try again".to_owned(),
            },
            Self::Limit { .. } | Self::Resting { .. } => {
                "wait; the stream goes on meanwhile. Does another program use the same token?"
                    .to_owned()
            }
            Self::Spent { .. } => {
                "wait, or read the stream: what changes comes by itself".to_owned()
            }
            Self::Gateway {
                status: 401 | 403, ..
            } => "check the token, `api_key` and `api_url` of the profile".to_owned(),
            Self::Gateway { .. } | Self::Shape(_) => {
                "try again in a moment; check `api_url` if it lasts".to_owned()
            }
            Self::Network(HttpError::Tls { .. }) => {
                "check `ca_file` of the profile, and whether a proxy stands between".to_owned()
            }
            Self::Network(_) => {
                "check the network, and `api_url` if the profile sets it".to_owned()
            }
            Self::Local(problem) => problem.remedy.clone(),
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Api { code, .. } => match code.as_str() {
                "1205" | "1210" | "1211" | "1212" | "1213" | "1217" | "1224" => Exit::NotFound,
                "1305" | "1308" | "1309" => Exit::Refused,
                _ if self.concern() == Concern::Ask => Exit::Refused,
                _ => Exit::Failed,
            },
            Self::Gateway {
                status: 401 | 403, ..
            }
            | Self::Network(HttpError::Tls { .. }) => Exit::Refused,
            Self::Network(_) => Exit::Unreachable,
            Self::Local(problem) => problem.exit,
            _ => Exit::Failed,
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Resting { wait, .. } | Self::Spent { wait } => Retry::After(*wait),
            Self::Limit { retry_after, .. } => retry_after.map_or(Retry::Backoff, Retry::After),
            Self::Api { code, .. }
                if matches!(
                    code.as_str(),
                    "1222" | "1223" | "2205" | "2209" | "2210" | "2212"
                ) =>
            {
                Retry::Backoff
            }
            Self::Gateway {
                status: 400..=499, ..
            } => Retry::Never,
            Self::Local(problem) => problem.retry,
            _ if self.concern() == Concern::Wait => Retry::Backoff,
            _ => Retry::Never,
        }
    }
}

impl From<Problem> for ThinqError {
    fn from(problem: Problem) -> Self {
        Self::Local(problem)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn api(code: &str, status: u16) -> ThinqError {
        ThinqError::Api {
            code: code.to_owned(),
            words: "text".to_owned(),
            status,
        }
    }

    #[test]
    fn every_code_becomes_a_problem_with_code_cause_and_remedy() {
        for row in codes::TABLE {
            let problem = api(row.code, 400).problem("could not do it");
            assert!(
                problem
                    .cause
                    .starts_with(&format!("LG answered {}: {}", row.code, row.meaning)),
                "{problem}"
            );
            assert_eq!(problem.remedy, row.remedy);
        }
    }

    #[test]
    fn exit_codes_say_who_has_to_act() {
        let exits = ["1302", "1222", "2301", "1205", "1309", "9999"]
            .map(|code| api(code, 400).problem("x").exit);
        assert_eq!(
            exits,
            [
                Exit::Refused,
                Exit::Failed,
                Exit::Failed,
                Exit::NotFound,
                Exit::Refused,
                Exit::Failed
            ]
        );
        let lost = ThinqError::Network(HttpError::Timeout {
            host: "h".to_owned(),
            after: Duration::from_secs(15),
        });
        assert_eq!(lost.problem("x").exit, Exit::Unreachable);
        assert!(lost.is_lost());
    }

    #[test]
    fn lg_s_own_words_stand_beside_ours() {
        let error = ThinqError::Api {
            code: "2302".to_owned(),
            words: "Command not supported in POWER_ON".to_owned(),
            status: 400,
        };
        assert_eq!(
            error.to_string(),
            "LG answered 2302: not possible in its present state (Command not supported in POWER_ON)"
        );
    }
}
