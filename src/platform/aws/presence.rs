//! Who is connected, by AWS's life-cycle events, which come late, twice and out of order (`reference/aws-iot.md` 5.4).

use std::collections::HashMap;

use serde_json::Value;

use super::topics::ClientEvent;
use crate::domain::device::{Device, DeviceId, Presence};
use crate::domain::fact::Fact;
use crate::domain::message::Message;
use crate::domain::reading::{Kind, Reading};

/// Clients that are remembered, at most.
const MOST: usize = 250_000;
/// The version starts over after about an hour offline; a smaller one that is younger by this much is a new count.
const NEW_COUNT: i64 = 50 * 60 * 1000;

/// The last event of each client that counts.
#[derive(Debug, Default)]
pub(super) struct Presences(HashMap<String, Seen>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    session: String,
    version: u64,
    /// Milliseconds, by AWS's clock.
    at: i64,
    connected: bool,
}

impl Presences {
    /// Whether this event says something newer than what is known.
    fn takes(&mut self, client: &str, event: Seen) -> bool {
        let newer = match self.0.get(client) {
            None if self.0.len() >= MOST => return true,
            None => true,
            // A connection has one connect and one disconnect, both with the same number.
            Some(known) if known.session == event.session => known.connected && !event.connected,
            Some(known) if event.version == known.version => event.at > known.at,
            Some(known) if event.version > known.version => event.at + NEW_COUNT > known.at,
            Some(known) => event.at > known.at + NEW_COUNT,
        };
        if newer {
            self.0.insert(client.to_owned(), event);
        }
        newer
    }

    /// The index lags behind the events.
    pub(super) fn correct(&self, devices: &mut [Device]) {
        for device in devices {
            if let Some(seen) = self.0.get(device.id.as_str()) {
                device.presence = presence(seen.connected);
            }
        }
    }

    pub(super) fn read(&mut self, message: &Message, event: ClientEvent, client: &str) -> Reading {
        let body: Value = serde_json::from_slice(&message.payload).unwrap_or_default();
        let text = |name: &str| body.get(name).and_then(Value::as_str);
        let client = text("clientId").unwrap_or(client);
        let device = DeviceId::new(text("thingName").unwrap_or(client));
        let mut facts = Vec::new();
        if let Some(connected) = told(event) {
            let seen = Seen {
                session: text("sessionIdentifier").unwrap_or_default().to_owned(),
                version: body
                    .get("versionNumber")
                    .and_then(Value::as_u64)
                    .unwrap_or(0),
                at: body.get("timestamp").and_then(Value::as_i64).unwrap_or(0),
                connected,
            };
            if self.takes(client, seen) {
                facts.push(Fact::Presence {
                    device: device.clone(),
                    presence: presence(connected),
                });
            }
        }
        Reading {
            kind: Kind::Presence,
            device: Some(device),
            gist: gist(event, &body),
            facts,
            mask: Vec::new(),
        }
    }
}

const fn presence(connected: bool) -> Presence {
    if connected {
        Presence::Online
    } else {
        Presence::Offline
    }
}

const fn told(event: ClientEvent) -> Option<bool> {
    match event {
        ClientEvent::Connected => Some(true),
        ClientEvent::Disconnected => Some(false),
        ClientEvent::ConnectFailed | ClientEvent::Subscribed | ClientEvent::Unsubscribed => None,
    }
}

fn gist(event: ClientEvent, body: &Value) -> String {
    let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
    let topics = || {
        let topics = body.get("topics").and_then(Value::as_array);
        let topics = topics.into_iter().flatten().filter_map(Value::as_str);
        topics.collect::<Vec<_>>().join(", ")
    };
    match event {
        ClientEvent::Connected if text("ipAddress").is_empty() => "connected".to_owned(),
        ClientEvent::Connected => format!("connected from {}", text("ipAddress")),
        ClientEvent::Disconnected => match reason(text("disconnectReason")) {
            "" => "disconnected".to_owned(),
            reason => format!("disconnected: {reason}"),
        },
        ClientEvent::ConnectFailed => match text("connectFailureReason") {
            "AUTHORIZATION_FAILED" => "could not connect: its policy does not allow it".to_owned(),
            "" => "could not connect".to_owned(),
            reason => format!("could not connect: {reason}"),
        },
        ClientEvent::Subscribed => format!("subscribed {}", topics()),
        ClientEvent::Unsubscribed => format!("unsubscribed {}", topics()),
    }
}

/// As a person says it; what nobody knows yet as it stands.
fn reason(code: &str) -> &str {
    match code {
        "CLIENT_INITIATED_DISCONNECT" => "it said goodbye (no will is sent)",
        "CLIENT_ERROR" => "it broke the protocol",
        "CONNECTION_LOST" => "the connection was lost (the will is sent)",
        "DUPLICATE_CLIENTID" => "another client took its id",
        "MQTT_KEEP_ALIVE_TIMEOUT" => "it fell silent past its keep-alive (the will is sent)",
        "SERVER_ERROR" => "AWS failed",
        "SERVER_INITIATED_DISCONNECT" => "AWS ended it",
        "THROTTLED" => "it was too fast",
        "WEBSOCKET_TTL_EXPIRATION" => "its WebSocket stood for 24 h",
        "CUSTOMAUTH_TTL_EXPIRATION" => "its authorizer's time was over",
        "AUTH_ERROR" | "FORBIDDEN_ACCESS" => "its policy does not allow what it did",
        "API_INITIATED_DISCONNECT" => "somebody ended it through the API",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(session: &str, version: u64, at: i64, connected: bool) -> Seen {
        Seen {
            session: session.to_owned(),
            version,
            at,
            connected,
        }
    }

    #[test]
    fn events_are_ordered_by_session_and_version_whatever_their_arrival() {
        let mut presences = Presences::default();
        let mut takes = |event| presences.takes("RPI", event);
        assert!(takes(seen("a", 3, 1000, true)));
        assert!(!takes(seen("a", 3, 1000, true)), "twice");
        // The takeover: the new connection's event comes before the end of the old one.
        assert!(takes(seen("b", 4, 2000, true)));
        assert!(!takes(seen("a", 3, 1999, false)), "of the session before");
        assert!(takes(seen("b", 4, 5000, false)));
        assert!(!takes(seen("b", 4, 2000, true)), "its connect comes late");
        assert!(!takes(seen("c", 2, 6000, true)), "an older count");
        assert!(
            takes(seen("d", 0, 5000 + NEW_COUNT + 1, true)),
            "the count started over"
        );
    }

    #[test]
    fn the_reason_of_an_end_is_told_in_words() {
        let body = serde_json::json!({"disconnectReason": "DUPLICATE_CLIENTID"});
        assert_eq!(
            gist(ClientEvent::Disconnected, &body),
            "disconnected: another client took its id"
        );
        let body = serde_json::json!({"topics": ["a", "b/#"]});
        assert_eq!(gist(ClientEvent::Subscribed, &body), "subscribed a, b/#");
    }
}
