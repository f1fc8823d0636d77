//! What each service accepts, refuses and answers. A cloud is called, never awaited: requests in, answers out.

pub mod thinq;

use std::collections::BTreeMap;

use bytes::Bytes;

use super::broker::Rules;
use super::event::SimEvent;
use crate::base::moment::Moment;

/// A service: its REST side, its rules for the broker, and what happens in it as time passes.
pub trait Cloud: Rules + Send + 'static {
    /// One REST call.
    fn http(&mut self, request: &HttpRequest, now: Moment) -> HttpAnswer;

    /// The answer to a call that fails with one of the service's codes, whatever it asked.
    fn failure(&self, code: &str, request: &HttpRequest, now: Moment) -> HttpAnswer;

    /// Whether a client's certificate may finish its handshake; its authority has been checked.
    fn accepts(&self, certificate: &[u8]) -> bool;

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
    pub publications: Vec<Publication>,
    pub events: Vec<SimEvent>,
}

/// An HTTP request, read whole.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HttpRequest {
    pub method: String,
    /// Decoded, without the query: `/devices/1/state`.
    pub path: String,
    pub query: BTreeMap<String, String>,
    /// Names in lower case.
    pub headers: BTreeMap<String, String>,
    pub body: Bytes,
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
}

/// A message that the cloud publishes through its broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    pub topic: String,
    pub payload: Bytes,
}
