//! What each service accepts, refuses and answers. A cloud is called, never awaited: requests in, answers out.

pub mod aws;
pub mod google;
pub mod huawei;
pub mod mqtt;
pub mod thinq;

use std::any::Any;
use std::collections::BTreeMap;

use bytes::Bytes;

use super::broker::{Life, Rules};
use super::event::SimEvent;
use crate::base::moment::Moment;
use crate::domain::message::{Properties, Qos};

/// A service: its REST side, its rules for the broker, and what happens in it as time passes.
pub trait Cloud: Rules + Any + Send {
    /// One REST call.
    fn http(&mut self, _request: &HttpRequest, _now: Moment) -> HttpAnswer {
        HttpAnswer::none()
    }

    /// An answer that was put off, once it is there: [`HttpAnswer::later`].
    fn later(&mut self, _ticket: u64, _now: Moment) -> Option<HttpAnswer> {
        None
    }

    /// The answer to a call that fails with one of the service's codes, whatever it asked.
    fn failure(&self, _code: &str, _request: &HttpRequest, _now: Moment) -> HttpAnswer {
        HttpAnswer::none()
    }

    /// Whether a client's certificate may finish its handshake; its authority has been checked.
    fn accepts(&self, _certificate: &[u8]) -> bool {
        true
    }

    /// A client has published; the broker delivers it besides.
    fn hear(&mut self, _heard: &Publication, _now: Moment) -> Tick {
        Tick::default()
    }

    /// The same, for a cloud to which it matters who it was.
    fn hear_from(&mut self, _client: &str, heard: &Publication, now: Moment) -> Tick {
        self.hear(heard, now)
    }

    /// A client's will has been published.
    fn last_words(&mut self, _client: &str, _heard: &Publication, _now: Moment) -> Tick {
        Tick::default()
    }

    /// What becomes of clients, where [`super::broker::Limits::follows`].
    fn life(&mut self, _life: &Life, _now: Moment) -> Tick {
        Tick::default()
    }

    /// What the last REST call, or a hand behind the curtain, has set off.
    fn aftermath(&mut self, _now: Moment) -> Tick {
        Tick::default()
    }

    /// Stops (or resumes) what devices do by themselves.
    fn freeze(&mut self, frozen: bool);

    /// Lets time pass until `now`.
    fn tick(&mut self, now: Moment) -> Tick;

    /// `count` more messages that change nothing. Clients that cannot keep up, as `is_busy` tells, get none.
    fn load(
        &mut self,
        count: usize,
        now: Moment,
        is_busy: &dyn Fn(&str) -> bool,
    ) -> Vec<Publication>;
}

/// What a step of time has brought.
#[derive(Debug, Default)]
pub struct Tick {
    /// Come before the publications.
    pub answers: Vec<Answer>,
    pub publications: Vec<Publication>,
    pub events: Vec<SimEvent>,
    pub commands: Vec<Command>,
}

/// Two steps as one.
fn joined(mut all: Tick, more: Tick) -> Tick {
    all.answers.extend(more.answers);
    all.publications.extend(more.publications);
    all.events.extend(more.events);
    all.commands.extend(more.commands);
    all
}

/// A message for one client alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub client: String,
    pub publication: Publication,
    /// Needs no subscription.
    pub unasked: bool,
}

/// What a cloud has its broker do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    Disconnect {
        client: String,
        /// Its session goes, too.
        forget: bool,
        with_will: bool,
    },
    /// Somebody else has come in its place.
    Replace { client: String },
}

/// An HTTP request, read whole.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HttpRequest {
    pub method: String,
    /// Decoded, without the query: `/devices/1/state`.
    pub path: String,
    pub query: BTreeMap<String, String>,
    /// Both as they stood in the request.
    pub raw_path: String,
    pub raw_query: String,
    /// Names in lower case.
    pub headers: BTreeMap<String, String>,
    pub body: Bytes,
    /// The client's certificate in DER, where one is asked for.
    pub certificate: Option<Vec<u8>>,
}

impl HttpRequest {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HttpAnswer {
    pub status: u16,
    pub content_type: &'static str,
    pub body: Bytes,
    /// The cloud's own code, for the record of calls.
    pub code: Option<String>,
    /// Besides the type of the content.
    pub headers: Vec<(&'static str, String)>,
    /// Not there yet: [`Cloud::later`] has it under this number, after something has happened.
    pub later: Option<u64>,
}

impl HttpAnswer {
    /// Of a cloud that has no REST side.
    fn none() -> Self {
        Self {
            status: 404,
            content_type: "text/plain",
            ..Self::default()
        }
    }
}

/// A message that the cloud publishes through its broker, or that the broker has taken from a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    pub topic: String,
    pub payload: Bytes,
    pub qos: Qos,
    pub retain: bool,
    pub properties: Properties,
}

impl Publication {
    /// With QoS 1.
    pub fn new(topic: impl Into<String>, payload: impl Into<Bytes>) -> Self {
        Self {
            topic: topic.into(),
            payload: payload.into(),
            qos: Qos::AtLeastOnce,
            retain: false,
            properties: Properties::default(),
        }
    }

    #[must_use]
    pub fn retained(self) -> Self {
        Self {
            retain: true,
            ..self
        }
    }

    #[must_use]
    pub fn exactly_once(self) -> Self {
        Self {
            qos: Qos::ExactlyOnce,
            ..self
        }
    }

    #[must_use]
    pub fn at_most_once(self) -> Self {
        Self {
            qos: Qos::AtMostOnce,
            ..self
        }
    }
}
