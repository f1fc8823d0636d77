//! How a connection ends, and what that calls for.

use crate::base::problem::Problem;
use crate::platform::io::HttpReply;

/// The end of one attempt or one connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    pub class: EndClass,
    pub problem: Problem,
    pub seen: Box<Seen>,
}

/// What the other side showed of itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Seen {
    /// For the log: its certificates.
    pub certificates: Vec<String>,
    /// What answered instead of a WebSocket: the platform may read more in it.
    pub reply: Option<HttpReply>,
}

impl End {
    pub fn new(class: EndClass, problem: Problem) -> Self {
        Self {
            class,
            problem,
            seen: Box::default(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndClass {
    /// No MQTT connection could be made at all: the next endpoint may do better.
    Unreachable,
    /// The other side refused who we are: credentials, client id, client certificate. The platform is asked once
    /// whether it can renew something.
    Refused,
    /// We refused the other side, or the plan cannot work: nothing changes until a person acts.
    Fatal,
    /// Closed between CONNECT and CONNACK without a word. Some brokers refuse this way (AWS IoT), some restart this way.
    ClosedEarly,
    /// Another client connected with the same client id, and the broker says so (MQTT 5, reason code 142).
    TakenOver,
    /// The peer closed an established connection.
    HungUp,
    /// Trouble that passes: again with backoff.
    Passing,
}
