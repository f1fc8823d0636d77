//! Who is connected, by AWS's life-cycle events, which come late, twice and out of order (`reference/aws-iot.md` 5.4).

use std::collections::{BTreeMap, HashMap};

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

/// A client that is back within so many looks was never gone: AWS advises to wait some seconds (`reference/aws-iot.md` 5.4).
const LOOKS: u8 = 5;

/// The last event of each client that counts.
#[derive(Debug, Default)]
pub(super) struct Presences {
    seen: HashMap<String, Seen>,
    /// Clients that disconnected a moment ago, and how often it was looked since.
    leaving: BTreeMap<String, Leaving>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    /// The thing, where it is not called as its client is.
    thing: Option<DeviceId>,
    session: String,
    version: u64,
    /// Milliseconds, by AWS's clock.
    at: i64,
    connected: bool,
}

#[derive(Debug)]
struct Leaving {
    device: DeviceId,
    looks: u8,
}

impl Presences {
    /// Whether this event says something newer than what is known.
    fn takes(&mut self, client: &str, event: Seen) -> bool {
        let newer = match self.seen.get(client) {
            None if self.seen.len() >= MOST => return true,
            None => true,
            // A connection has one connect and one disconnect, both with the same number.
            Some(known) if known.session == event.session => known.connected && !event.connected,
            Some(known) if event.version == known.version => event.at > known.at,
            Some(known) if event.version > known.version => event.at + NEW_COUNT > known.at,
            Some(known) => event.at > known.at + NEW_COUNT,
        };
        if newer {
            self.seen.insert(client.to_owned(), event);
        }
        newer
    }

    /// Asked once a second: those that are gone, and do not come back.
    pub(super) fn gone(&mut self) -> Vec<DeviceId> {
        let mut gone = Vec::new();
        self.leaving.retain(|_, leaving| {
            leaving.looks += 1;
            let is_gone = leaving.looks > LOOKS;
            if is_gone {
                gone.push(leaving.device.clone());
            }
            !is_gone
        });
        gone
    }

    /// The index lags behind the events.
    pub(super) fn correct(&self, devices: &mut [Device]) {
        let of_things = self.seen.iter().filter_map(|(client, seen)| {
            let connected = seen.connected || self.leaving.contains_key(client);
            Some((seen.thing.as_ref()?, connected))
        });
        let of_things: HashMap<_, _> = of_things.collect();
        for device in devices {
            let id = device.id.as_str();
            let of_client = self.seen.get(id).filter(|seen| seen.thing.is_none());
            let connected = match of_client {
                Some(seen) => Some(seen.connected || self.leaving.contains_key(id)),
                None => of_things.get(&device.id).copied(),
            };
            if let Some(connected) = connected {
                device.presence = presence(connected);
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
                thing: (device.as_str() != client).then(|| device.clone()),
                session: text("sessionIdentifier").unwrap_or_default().to_owned(),
                version: body
                    .get("versionNumber")
                    .and_then(Value::as_u64)
                    .unwrap_or(0),
                at: body.get("timestamp").and_then(Value::as_i64).unwrap_or(0),
                connected,
            };
            if self.takes(client, seen) {
                facts.extend(self.change(client, &device, connected));
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

    /// A connection counts at once; the end of one when no other follows.
    fn change(&mut self, client: &str, device: &DeviceId, connected: bool) -> Option<Fact> {
        if connected {
            self.leaving.remove(client);
        } else if self.leaving.len() < MOST {
            let leaving = Leaving {
                device: device.clone(),
                looks: 0,
            };
            self.leaving.insert(client.to_owned(), leaving);
            return None;
        }
        Some(Fact::Presence {
            device: device.clone(),
            presence: presence(connected),
        })
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
            thing: None,
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

    fn heard(presences: &mut Presences, event: &str, body: &Value) -> Vec<Fact> {
        let topic = format!("$aws/events/presence/{event}/RPI");
        let message = Message {
            payload: body.to_string().into(),
            ..message(&topic)
        };
        let event = if event == "connected" {
            ClientEvent::Connected
        } else {
            ClientEvent::Disconnected
        };
        presences.read(&message, event, "RPI").facts
    }

    fn message(topic: &str) -> Message {
        use crate::base::moment::Timestamp;
        use crate::domain::message::{Direction, Qos};
        use crate::domain::topic::Topic;
        Message {
            at: Timestamp::default(),
            direction: Direction::In,
            topic: Topic::received(topic),
            payload: bytes::Bytes::new(),
            qos: Qos::AtLeastOnce,
            retain: false,
            dup: false,
            ack: None,
            properties: None,
            session: false,
        }
    }

    fn body(session: &str, version: u64, at: i64) -> Value {
        serde_json::json!({"clientId": "RPI", "sessionIdentifier": session, "versionNumber": version, "timestamp": at})
    }

    fn presence_of(name: &str, presences: &Presences) -> Presence {
        let mut devices = [Device {
            id: DeviceId::new(name),
            name: name.to_owned(),
            kind: String::new(),
            model: String::new(),
            reportable: true,
            group: None,
            presence: Presence::Unknown,
            attributes: Vec::new(),
        }];
        presences.correct(&mut devices);
        devices[0].presence
    }

    #[test]
    fn a_quick_reconnect_is_never_offline() {
        let mut presences = Presences::default();
        assert_eq!(
            heard(&mut presences, "connected", &body("a", 1, 1000)).len(),
            1
        );
        assert_eq!(
            heard(&mut presences, "disconnected", &body("a", 1, 2000)),
            []
        );
        assert_eq!(presences.gone(), []);
        assert_eq!(presence_of("RPI", &presences), Presence::Online);
        heard(&mut presences, "connected", &body("b", 2, 3000));
        for _ in 0..10 {
            assert_eq!(presences.gone(), []);
        }
        assert_eq!(presence_of("RPI", &presences), Presence::Online);
    }

    #[test]
    fn who_does_not_come_back_is_offline_after_some_seconds_and_once() {
        let mut presences = Presences::default();
        heard(&mut presences, "connected", &body("a", 1, 1000));
        heard(&mut presences, "disconnected", &body("a", 1, 2000));
        let told: Vec<_> = (0..8).map(|_| presences.gone().len()).collect();
        assert_eq!(told, [0, 0, 0, 0, 0, 1, 0, 0]);
        assert_eq!(presence_of("RPI", &presences), Presence::Offline);
    }

    #[test]
    fn a_thing_with_another_name_than_its_client_keeps_its_presence_in_a_new_list() {
        let mut presences = Presences::default();
        let mut said = body("a", 1, 1000);
        said["thingName"] = "pump".into();
        heard(&mut presences, "connected", &said);
        assert_eq!(presence_of("pump", &presences), Presence::Online);
        assert_eq!(presence_of("RPI", &presences), Presence::Unknown);
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
