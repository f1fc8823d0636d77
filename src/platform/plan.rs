//! How to connect, as data. Made by an adapter for one attempt, carried out by `session`.

use std::time::Duration;

use crate::base::secret::Secret;
use crate::domain::message::{Qos, Will};
use crate::domain::profile::{Proxy, Version};
use crate::domain::subscription::FilterWish;

#[derive(Debug, Clone)]
pub struct ConnectPlan {
    /// In the order to be tried: the next when a connection cannot be made (not when it is refused).
    pub endpoints: Vec<Endpoint>,
    /// Sent byte for byte.
    pub client_id: String,
    pub username: Option<String>,
    pub password: Option<Secret>,
    pub keep_alive: Duration,
    pub version: Version,
    /// MQTT 5 calls it clean start.
    pub clean_session: bool,
    /// How long the broker keeps the session after a disconnect (MQTT 5); zero ends it with the connection.
    pub session_expiry: Duration,
    pub will: Option<Will>,
    /// The platform's own filters; the session adds the profile's and the user's.
    pub filters: Vec<FilterWish>,
    pub limits: Limits,
}

/// One address to try.
#[derive(Debug, Clone)]
pub struct Endpoint {
    pub host: String,
    pub port: u16,
    /// `None`: plain TCP.
    pub tls: Option<TlsPlan>,
    /// MQTT inside WebSocket frames.
    pub web_socket: Option<WebSocketPlan>,
    pub proxy: Option<Proxy>,
}

impl Endpoint {
    /// TCP, with or without TLS.
    pub const fn tcp(host: String, port: u16, tls: Option<TlsPlan>) -> Self {
        Self {
            host,
            port,
            tls,
            web_socket: None,
            proxy: None,
        }
    }
}

/// The upgrade request. Subprotocol `mqtt`.
#[derive(Debug, Clone)]
pub struct WebSocketPlan {
    /// Path and query. A secret, because a presigned URL carries its signature here.
    pub target: Secret,
    pub headers: Vec<(String, Secret)>,
}

#[derive(Debug, Clone, Default)]
pub struct TlsPlan {
    /// PEM certificates trusted besides (or, without `system_roots`, instead of) the system's.
    pub extra_roots: Vec<String>,
    pub system_roots: bool,
    /// Client certificate chain (PEM) and its key (PEM: PKCS#8, PKCS#1 or SEC1).
    pub identity: Option<(String, Secret)>,
    /// ALPN protocols, in order; empty sends none.
    pub alpn: Vec<String>,
    /// Both the profile's entry and the `--insecure` flag were given.
    pub insecure_skip_verify: bool,
}

/// The broker's rules, known before the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Largest incoming packet in bytes.
    pub max_packet: usize,
    /// Filters in one SUBSCRIBE.
    pub filters_per_subscribe: usize,
    pub max_qos: Qos,
    /// TCP and TLS and CONNACK together.
    pub connect_timeout: Duration,
}
