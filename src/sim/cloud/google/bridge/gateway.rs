//! Gateways: who may be attached, who is, and what a gateway is told of its devices
//! (`reference/google-iot-core.md` 6).

use bytes::Bytes;
use serde_json::json;

use crate::base::moment::Moment;
use crate::sim::broker::Verdict;
use crate::sim::cloud::Publication;
use crate::sim::cloud::google::Google;
use crate::sim::cloud::google::registry::{Auth, Device};
use crate::sim::cloud::google::token;
use crate::sim::packet::Publish;

/// Devices attached to one gateway.
const ATTACHED: usize = 1000;

/// What a gateway is told of its devices.
pub struct Complaint<'a> {
    pub kind: &'static str,
    pub device: &'a str,
    pub description: &'a str,
    pub message_type: &'static str,
    pub topic: &'a str,
    pub packet: u16,
}

impl Google {
    pub(super) fn complain(&self, gateway: &str, complaint: &Complaint<'_>) {
        let body = json!({
            "error_type": complaint.kind,
            "device_id": complaint.device,
            "description": complaint.description,
            "message_type": complaint.message_type,
            "topic": complaint.topic,
            "packet_id": complaint.packet,
        });
        let topic = format!("/devices/{gateway}/errors");
        let publication = Publication::new(topic, body.to_string()).at_most_once();
        self.aside.borrow_mut().errors.push(publication);
    }

    /// Whether a device may be attached to this gateway with this payload; the end of its token, or why not.
    fn may_attach(
        &self,
        gateway: &Device,
        id: &str,
        payload: &[u8],
    ) -> Result<Option<i64>, String> {
        let now = self.aside.borrow().now.wall;
        let Some(device) = self.registry.devices.get(id) else {
            return Err(format!("Device {id} not found"));
        };
        if device.gateway.is_some() {
            return Err(format!("{id} is a gateway itself"));
        }
        if device.blocked {
            return Err(format!("Device {id} is blocked"));
        }
        let Some(admits) = &gateway.gateway else {
            return Err("not a gateway".to_owned());
        };
        if admits.auth == Auth::Unspecified {
            return Err("The gateway's authentication method is not set".to_owned());
        }
        if admits.auth.wants_binding() && !admits.bound.contains(id) {
            return Err(format!("Device {id} is not associated with the gateway"));
        }
        if !admits.auth.wants_token() {
            return Ok(None);
        }
        let body: serde_json::Value = serde_json::from_slice(payload).unwrap_or_default();
        let given = body.get("authorization").and_then(|v| v.as_str());
        match given.filter(|token| !token.is_empty()) {
            None => Err(format!("An authorization token for {id} is required")),
            Some(given) => token::check(given.as_bytes(), &device.keys, &self.project, now)
                .map(Some)
                .map_err(|wrong| format!("The authorization token of {id} was refused: {wrong}")),
        }
    }

    /// A message for a device behind the gateway that is not attached.
    pub(super) fn not_attached(&self, gateway: &str, device: &str, publish: &Publish) -> Verdict {
        self.complain(
            gateway,
            &Complaint {
                kind: "GATEWAY_DEVICE_NOT_FOUND",
                device,
                description: &format!("Device {device} is not attached to the gateway"),
                message_type: "PUBLISH",
                topic: &publish.topic,
                packet: publish.packet,
            },
        );
        Verdict::Discarded
    }

    /// A gateway is told of packets that make no sense.
    pub(super) fn wonder(&self, client: &str, message_type: &'static str, packet: u16) {
        let session = self.sessions.get(client);
        let Some(session) = session.filter(|session| session.is_gateway) else {
            return;
        };
        let kind = match message_type {
            "PUBACK" => "GATEWAY_UNEXPECTED_PACKET_ID",
            _ => "GATEWAY_UNEXPECTED_MESSAGE_TYPE",
        };
        self.complain(
            &session.device,
            &Complaint {
                kind,
                device: &session.device,
                description: &format!("{message_type} for a packet that is not awaited"),
                message_type,
                topic: "",
                packet,
            },
        );
    }

    pub(super) fn attach_verdict(
        &self,
        gateway: &Device,
        device: &str,
        publish: &Publish,
    ) -> Verdict {
        let session = self.sessions.get(&self.client_of(&gateway.id));
        let is_full = session
            .is_some_and(|s| s.attached.len() >= ATTACHED && !s.attached.contains_key(device));
        let outcome = if is_full {
            Err(format!("More than {ATTACHED} devices are attached"))
        } else {
            self.may_attach(gateway, device, &publish.payload)
        };
        let Err(words) = outcome else {
            return Verdict::Allowed;
        };
        self.note_wrong(device, 7, &words);
        self.complain(
            &gateway.id,
            &Complaint {
                kind: "GATEWAY_ATTACHMENT_ERROR",
                device,
                description: &words,
                message_type: "PUBLISH",
                topic: &publish.topic,
                packet: publish.packet,
            },
        );
        Verdict::Discarded
    }

    pub(super) fn admit(&mut self, client: &str, id: &str, payload: &Bytes, now: Moment) {
        let Some(gateway) = self.device_of(client).cloned() else {
            return;
        };
        let until = self.may_attach(&gateway, id, payload).ok().flatten();
        // Only one gateway speaks for a device.
        for session in self.sessions.values_mut() {
            session.attached.remove(id);
        }
        if let Some(session) = self.sessions.get_mut(client) {
            session.attached.insert(id.to_owned(), until);
        }
        if let Some(device) = self.registry.devices.get_mut(id) {
            device.last_gateway = Some((gateway.id, now.wall));
        }
    }

    /// Detached by the platform, with the reason on the errors topic.
    pub fn throw_out(&mut self, id: &str, words: &str) {
        let mut gateways = Vec::new();
        for session in self.sessions.values_mut() {
            if session.attached.remove(id).is_some() {
                session
                    .filters
                    .retain(|f| !f.starts_with(&format!("/devices/{id}/")));
                gateways.push(session.device.clone());
            }
        }
        for gateway in gateways {
            self.complain(
                &gateway,
                &Complaint {
                    kind: "GATEWAY_DETACHMENT_DEVICE_ERROR",
                    device: id,
                    description: words,
                    message_type: "",
                    topic: "",
                    packet: 0,
                },
            );
        }
    }
}
