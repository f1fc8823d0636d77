//! Who is connected, and the life-cycle events that tell it (`reference/aws-iot.md` 5.4).

use std::collections::BTreeMap;

use fastrand::Rng;
use serde_json::{Value, json};

use super::registry::uuid;
use crate::base::moment::Timestamp;
use crate::domain::message::Qos;
use crate::sim::broker::{Arrival, Cause, ConnectionId};
use crate::sim::cloud::Publication;

/// After this long offline, version numbers start over.
const MEMORY_SECONDS: i64 = 3600;

/// What is known of one client id.
#[derive(Debug, Clone)]
pub struct Client {
    pub connected: bool,
    /// Milliseconds, of the last change.
    pub since: i64,
    /// Why it is gone.
    pub reason: Option<&'static str>,
    pub principal: String,
    pub keep_alive: u16,
    pub clean: bool,
    pub filters: Vec<(String, Qos)>,
    session: String,
    version: u64,
    /// None: a client of the simulator's own things.
    connection: Option<ConnectionId>,
}

#[derive(Debug)]
pub struct Presence {
    clients: BTreeMap<String, Client>,
    rng: Rng,
}

impl Presence {
    pub fn new(rng: Rng) -> Self {
        Self {
            clients: BTreeMap::new(),
            rng,
        }
    }

    pub fn client(&self, id: &str) -> Option<&Client> {
        self.clients.get(id)
    }

    pub fn is_connected(&self, id: &str) -> bool {
        self.client(id).is_some_and(|client| client.connected)
    }

    pub fn arrived(
        &mut self,
        arrival: &Arrival,
        principal: String,
        now: Timestamp,
    ) -> Vec<Publication> {
        let filters = match self.clients.get(&arrival.client) {
            Some(old) if !arrival.clean => old.filters.clone(),
            _ => Vec::new(),
        };
        let published = self.connect(&arrival.client, principal, Some(arrival.connection), now);
        if let Some(client) = self.clients.get_mut(&arrival.client) {
            client.keep_alive = arrival.keep_alive;
            client.clean = arrival.clean;
            client.filters = filters;
        }
        published
    }

    /// One of the simulator's own things has come.
    pub fn thing_arrived(&mut self, thing: &str, now: Timestamp) -> Vec<Publication> {
        let principal = super::sigv4::sha256(thing.as_bytes());
        self.connect(thing, principal, None, now)
    }

    fn connect(
        &mut self,
        id: &str,
        principal: String,
        connection: Option<ConnectionId>,
        now: Timestamp,
    ) -> Vec<Publication> {
        let old = self.clients.get(id);
        let version = match old {
            Some(old) if now.0 / 1000 - old.since < MEMORY_SECONDS * 1000 || old.connected => {
                old.version + 1
            }
            _ => 0,
        };
        let client = Client {
            connected: true,
            since: now.0 / 1000,
            reason: None,
            principal,
            keep_alive: 1200,
            clean: true,
            filters: Vec::new(),
            session: uuid(&mut self.rng),
            version,
            connection,
        };
        let mut body = client.event(id, "connected", now);
        body["ipAddress"] = json!("127.0.0.1");
        self.clients.insert(id.to_owned(), client);
        event(id, "presence/connected", &body)
    }

    /// A connection has ended. What another has taken over stays connected.
    pub fn left(
        &mut self,
        id: &str,
        connection: ConnectionId,
        cause: Cause,
        now: Timestamp,
    ) -> Vec<Publication> {
        let mine = |client: &&mut Client| client.connection == Some(connection);
        match self.clients.get_mut(id).filter(mine) {
            Some(client) => client.leave(id, cause, now),
            None => Vec::new(),
        }
    }

    /// One of the simulator's own things has gone.
    pub fn thing_left(&mut self, thing: &str, cause: Cause, now: Timestamp) -> Vec<Publication> {
        let mine = |client: &&mut Client| client.connection.is_none() && client.connected;
        match self.clients.get_mut(thing).filter(mine) {
            Some(client) => client.leave(thing, cause, now),
            None => Vec::new(),
        }
    }

    /// Somebody was turned away at CONNECT.
    pub fn failed(&mut self, id: &str, principal: &str, now: Timestamp) -> Vec<Publication> {
        let body = json!({
            "clientId": id,
            "timestamp": now.0 / 1000,
            "eventType": "connect_failed",
            "connectFailureReason": "AUTHORIZATION_FAILED",
            "principalIdentifier": principal,
            "sessionIdentifier": uuid(&mut self.rng),
            "ipAddress": "127.0.0.1",
        });
        event(id, "presence/connect_failed", &body)
    }

    pub fn subscribed(
        &mut self,
        id: &str,
        filters: &[(String, Qos)],
        now: Timestamp,
    ) -> Vec<Publication> {
        let topics: Vec<_> = filters.iter().map(|(filter, _)| filter.clone()).collect();
        let Some(client) = self.clients.get_mut(id) else {
            return Vec::new();
        };
        client
            .filters
            .retain(|(filter, _)| !topics.contains(filter));
        client.filters.extend_from_slice(filters);
        let mut body = client.event(id, "subscribed", now);
        body["topics"] = json!(topics);
        event(id, "subscriptions/subscribed", &body)
    }

    pub fn unsubscribed(
        &mut self,
        id: &str,
        filters: &[String],
        now: Timestamp,
    ) -> Vec<Publication> {
        let Some(client) = self.clients.get_mut(id) else {
            return Vec::new();
        };
        client
            .filters
            .retain(|(filter, _)| !filters.contains(filter));
        let mut body = client.event(id, "unsubscribed", now);
        body["topics"] = json!(filters);
        event(id, "subscriptions/unsubscribed", &body)
    }
}

impl Client {
    fn leave(&mut self, id: &str, cause: Cause, now: Timestamp) -> Vec<Publication> {
        self.connected = false;
        self.since = now.0 / 1000;
        self.reason = Some(reason(cause));
        self.connection = None;
        let mut body = self.event(id, "disconnected", now);
        body["clientInitiatedDisconnect"] = json!(cause == Cause::Client);
        body["disconnectReason"] = json!(reason(cause));
        event(id, "presence/disconnected", &body)
    }

    fn event(&self, id: &str, kind: &str, now: Timestamp) -> Value {
        json!({
            "clientId": id,
            "timestamp": now.0 / 1000,
            "eventType": kind,
            "sessionIdentifier": self.session,
            "principalIdentifier": self.principal,
            "versionNumber": self.version,
        })
    }
}

/// Ids with wildcards in them have no events.
fn event(id: &str, kind: &str, body: &Value) -> Vec<Publication> {
    if id.contains(['+', '#']) {
        return Vec::new();
    }
    let topic = format!("$aws/events/{kind}/{id}");
    vec![Publication::new(topic, body.to_string())]
}

pub const fn reason(cause: Cause) -> &'static str {
    match cause {
        Cause::Lost => "CONNECTION_LOST",
        Cause::Client => "CLIENT_INITIATED_DISCONNECT",
        Cause::ClientError => "CLIENT_ERROR",
        Cause::TakenOver => "DUPLICATE_CLIENTID",
        Cause::KeepAlive => "MQTT_KEEP_ALIVE_TIMEOUT",
        Cause::Server => "SERVER_INITIATED_DISCONNECT",
        Cause::Forbidden => "FORBIDDEN_ACCESS",
        Cause::Api => "API_INITIATED_DISCONNECT",
        Cause::Throttled => "THROTTLED",
        Cause::Expired => "WEBSOCKET_TTL_EXPIRATION",
    }
}
