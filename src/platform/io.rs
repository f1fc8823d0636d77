//! Everything an adapter may do to the outside, as one narrow port. `runtime` implements it for real, tests with a
//! script on virtual time.

use std::time::Duration;

use bytes::Bytes;

use super::Pending;
use super::plan::ConnectPlan;
use crate::base::moment::{Moment, Mono};
use crate::base::problem::Problem;
use crate::base::secret::Secret;
use crate::domain::fact::Fact;
use crate::domain::message::{Draft, Message, Qos};
use crate::domain::profile::SecretRef;
use crate::domain::reading::Reading;
use crate::domain::session::LogLevel;
use crate::domain::subscription::FilterWish;
use crate::domain::topic::TopicFilter;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    Get,
    Post,
    Delete,
    Put,
}

impl Method {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Delete => "DELETE",
            Self::Put => "PUT",
        }
    }
}

/// One HTTP call, described. Header values that are secrets go in `secret_headers`, and never into a log.
#[derive(Debug, Clone)]
pub struct HttpCall {
    pub method: Method,
    /// Whole URL. Must hold no secret.
    pub url: String,
    pub headers: Vec<(&'static str, String)>,
    pub secret_headers: Vec<(&'static str, Secret)>,
    pub body: Option<Bytes>,
    /// The whole call, connect to last byte.
    pub timeout: Duration,
    /// For the log: `POST push/{device}/subscribe`, short and without ids where they are long.
    pub label: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpReply {
    pub status: u16,
    /// `Retry-After`, in seconds or as a date, as a wait.
    pub retry_after: Option<Duration>,
    /// Names in lower case, in the order they came; such as are no text are left out.
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
}

impl HttpReply {
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }
}

/// Why no HTTP answer came.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    #[error("no answer from {host} within {} s", .after.as_secs())]
    Timeout { host: String, after: Duration },
    #[error("could not reach {host}: {why}")]
    Unreachable { host: String, why: String },
    #[error("the TLS handshake with {host} failed: {why}")]
    Tls { host: String, why: String },
    #[error("the answer of {host} broke off: {why}")]
    Broken { host: String, why: String },
    #[error("the answer of {host} is longer than {limit} bytes")]
    TooLong { host: String, limit: usize },
}

/// What [`Io::listen`] hears: bounded, the oldest is let go when nobody takes it. Dropping it ends the listening.
pub trait Ear: Send {
    /// Pending for ever when nothing comes: put a deadline beside it.
    fn next(&mut self) -> Pending<'_, Message>;
}

/// The port. All methods may be called from several tasks at once.
pub trait Io: Send + Sync {
    fn http(&self, call: HttpCall) -> Pending<'_, Result<HttpReply, HttpError>>;

    /// On the live connection; answered by the broker's acknowledgement. An error when there is no connection.
    fn publish(&self, draft: Draft) -> Pending<'_, Result<(), Problem>>;

    /// The same before all that waits, and on this connection only: when it ends, the message is not sent again.
    fn publish_first(&self, draft: Draft) -> Pending<'_, Result<(), Problem>> {
        self.publish(draft)
    }

    /// A message that the adapter has published by itself, to be shown among the others.
    fn outgoing(&self, _message: Message, _reading: Reading) {}

    /// Lets go what [`Platform::holds_publishes`](super::Platform::holds_publishes) holds back, until the connection ends.
    fn release(&self) {}

    /// The publish under this packet id is not waited for any more: whoever sent it is told the problem.
    fn give_up(&self, _packet: u16, _problem: Problem) {}

    /// Adds a filter to the session's registry.
    fn subscribe(&self, wish: FilterWish);

    /// The same, over when the broker has answered: granted, or refused in words. Without a connection it waits for one.
    fn subscribed(&self, wish: FilterWish) -> Pending<'_, Result<Qos, Problem>>;

    /// Takes a filter out of the registry.
    fn unsubscribe(&self, filter: TopicFilter);

    /// The number of the connection that stands, from 1; waits while there is none.
    fn connected(&self) -> Pending<'_, u64> {
        Box::pin(std::future::ready(1))
    }

    /// Over when the connection of that number is.
    fn disconnected(&self, _number: u64) -> Pending<'_, ()> {
        Box::pin(std::future::pending())
    }

    /// Another connection beside the session's: made with this plan, the drafts published and acknowledged, then cut
    /// without a DISCONNECT, as by a power loss.
    fn vanish(&self, _plan: ConnectPlan, _drafts: Vec<Draft>) -> Pending<'_, Result<(), Problem>> {
        let problem = Problem::new("no second connection was made", "there is no way to", "");
        Box::pin(std::future::ready(Err(problem)))
    }

    /// Messages on any of these filters from now on, besides where they go anyway. Subscribes nothing.
    fn listen(&self, filters: Vec<TopicFilter>) -> Box<dyn Ear>;

    /// A variable of the environment.
    fn variable(&self, name: &str) -> Option<Secret>;

    /// The stream is silent: the header says so, every filter is subscribed again, a log line tells why.
    fn silent(&self, reason: &str);

    /// When the last MQTT message came on this connection (or the connection stood, whichever is later).
    fn heard(&self) -> Mono;

    fn sleep(&self, wait: Duration) -> Pending<'_, ()>;

    fn now(&self) -> Moment;

    /// Uniform in `0.0..1.0`; for jitter.
    fn roll(&self) -> f64;

    /// Random bytes from the system, for message ids and client ids.
    fn random(&self, bytes: &mut [u8]);

    /// A fresh RSA-2048 key (PKCS#8 PEM) and a CSR for it with the single subject attribute `CN = common_name`, signed with
    /// SHA-256 (PEM). Made off the loop: it takes up to seconds.
    fn key_and_csr(&self, common_name: &str) -> Pending<'_, Result<(Secret, String), Problem>>;

    /// The profile's credential, read afresh where it lives (environment, file, command).
    fn token(&self) -> Pending<'_, Result<Secret, Problem>>;

    /// Any other secret of the profile, read afresh.
    fn secret<'a>(&'a self, place: &'a SecretRef) -> Pending<'a, Result<Secret, Problem>>;

    /// What a command prints, started without a shell. A secret, because that is what such commands print.
    fn output<'a>(&'a self, words: &'a [String]) -> Pending<'a, Result<Secret, Problem>> {
        let program = words.first().cloned().unwrap_or_default();
        let cause = "no programs are started here";
        let problem = Problem::new(format!("{program} was not run"), cause, "");
        Box::pin(std::future::ready(Err(problem)))
    }

    /// Something was found out.
    fn fact(&self, fact: Fact);

    fn log(&self, level: LogLevel, text: String);

    /// From the profile's identity folder; `None` when it is not there.
    fn load(&self, name: &str) -> Result<Option<Secret>, Problem>;

    /// Into the profile's identity folder, mode 0600, replaced by rename: on disk before anything depends on it.
    fn keep(&self, name: &str, content: &Secret) -> Result<(), Problem>;

    /// Removes it; fine when it is not there.
    fn forget(&self, name: &str) -> Result<(), Problem>;

    /// A file's content: the profile's `ca_file`.
    fn read_file(&self, path: &std::path::Path) -> Result<Bytes, Problem>;

    /// The same for a file that nobody else should be able to read: the profile's `key_file`. Tells when others can.
    fn read_private(&self, path: &std::path::Path) -> Result<Secret, Problem> {
        let content = self.read_file(path)?;
        Ok(Secret::new(String::from_utf8_lossy(&content)))
    }
}
