//! What each service accepts, refuses and answers. A cloud is called, never awaited: requests in, answers out.

pub mod thinq;

use std::collections::BTreeMap;

use bytes::Bytes;

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
