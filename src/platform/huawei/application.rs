//! What the application side is asked: devices, shadows, commands, messages, registering (`reference/huawei-iot.md` 7).

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::messages::word;
use super::rest::Ask;
use super::{Huawei, shadow};
use crate::base::problem::{Exit, Problem};
use crate::base::secret::Secret;
use crate::domain::device::{Device, DeviceId, Presence};
use crate::domain::relay::{Command, NewDevice, RelayReply};
use crate::domain::request::Reply;
use crate::domain::shadow::{ShadowKey, ShadowReply, ShadowRequest};
use crate::platform::io::{Io, Method};

/// As many as one page gives.
const PAGE: usize = 50;
/// A list that never ends is not followed for ever.
const MOST_PAGES: usize = 4000;
/// Attributes of a device worth showing, by their names in the answer.
const SHOWN: [&str; 8] = [
    "product_name",
    "node_id",
    "gateway_id",
    "status",
    "fw_version",
    "sw_version",
    "app_name",
    "description",
];

impl Huawei {
    /// Newest first, as the platform has them; without access to it, this device alone.
    pub(super) async fn devices(&self, io: &dyn Io) -> Result<Vec<Device>, Problem> {
        if self.settings.rest.is_none() {
            return Ok(vec![self.own()]);
        }
        let mut all: Vec<Device> = Vec::new();
        let mut marker: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let mut ask = Ask::new(Method::Get, &["devices"], "could not list the devices");
            ask.query.push(("limit".to_owned(), PAGE.to_string()));
            ask.query
                .extend(marker.take().map(|m| ("marker".to_owned(), m)));
            let page = self.ask(io, ask).await?;
            let devices = page.get("devices").and_then(Value::as_array);
            let devices = devices.map_or(&[][..], Vec::as_slice);
            all.extend(devices.iter().filter_map(device));
            marker = page
                .pointer("/page/marker")
                .and_then(Value::as_str)
                .map(str::to_owned);
            if devices.len() < PAGE || marker.is_none() {
                break;
            }
        }
        Ok(all)
    }

    pub(super) fn own(&self) -> Device {
        Device {
            id: DeviceId::new(&self.settings.device_id),
            name: String::new(),
            kind: "device".to_owned(),
            model: String::new(),
            reportable: true,
            group: None,
            presence: Presence::Unknown,
            attributes: Vec::new(),
        }
    }

    pub(super) async fn is_online(&self, io: &dyn Io, device: &str) -> Result<bool, Problem> {
        let ask = Ask::new(
            Method::Get,
            &["devices", device],
            "could not ask whether the device is connected",
        );
        let answer = self.ask(io, ask).await?;
        Ok(word(&answer, "status") == "ONLINE")
    }

    /// The last values that the platform has: the device itself need not be there.
    pub(super) async fn properties(
        &self,
        io: &dyn Io,
        device: &DeviceId,
    ) -> Result<Arc<Value>, Problem> {
        let key = ShadowKey::classic(device.clone());
        match shadow::request(self, io, ShadowRequest::Get(key)).await? {
            ShadowReply::Document { shadow, .. } => {
                let text = shadow
                    .reported
                    .map_or_else(|| "{}".to_owned(), |node| node.text());
                Ok(Arc::new(serde_json::from_str(&text).unwrap_or_default()))
            }
            _ => Err(Problem::new(
                format!("the properties of {device} are not known"),
                "there is no access over REST, and no connection",
                "add [profiles.NAME.rest] to the profile",
            )
            .exit(Exit::Usage)),
        }
    }

    /// One page of devices where there is access; else what a login is made of.
    pub(super) async fn probe(&self, io: &dyn Io) -> Result<Reply, Problem> {
        if self.settings.rest.is_none() {
            self.looked
                .store(true, std::sync::atomic::Ordering::Relaxed);
            self.connect_plan(io).await?;
            return Ok(Reply::Probed { devices: 1 });
        }
        let mut ask = Ask::new(Method::Get, &["devices"], "could not list the devices");
        ask.query.push(("limit".to_owned(), "1".to_owned()));
        let page = self.ask(io, ask).await?;
        let count = page.pointer("/page/count").and_then(Value::as_u64);
        let devices = count.and_then(|count| usize::try_from(count).ok());
        Ok(Reply::Probed {
            devices: devices.unwrap_or(1),
        })
    }

    /// Synchronous: the answer of the device, or that none came within 20 s.
    pub(super) async fn send_command(
        &self,
        io: &dyn Io,
        device: &DeviceId,
        command: Command,
    ) -> Result<RelayReply, Problem> {
        let Command::Named {
            service,
            name,
            parameters,
        } = command
        else {
            let cause = "a command here has a service and a name";
            let remedy = "write it as SERVICE.COMMAND, with its parameters as JSON";
            return Err(Problem::new("the command is not sent", cause, remedy).exit(Exit::Usage));
        };
        let mut body = Map::new();
        if let Some(service) = service {
            body.insert("service_id".to_owned(), service.into());
        }
        body.insert("command_name".to_owned(), name.into());
        body.insert("paras".to_owned(), object("the command", &parameters)?);
        let path = ["devices", device.as_str(), "commands"];
        let ask = Ask::new(Method::Post, &path, "the command is not done").body(body.into());
        let answer = self.ask(io, ask).await?;
        Ok(RelayReply::Commanded {
            id: text(&answer, "command_id"),
            answer: answer.get("response").cloned().map(Arc::new),
        })
    }

    pub(super) async fn send_message(
        &self,
        io: &dyn Io,
        device: &DeviceId,
        payload: &[u8],
        name: Option<String>,
        topic: Option<String>,
    ) -> Result<RelayReply, Problem> {
        let mut body = Map::new();
        match std::str::from_utf8(payload) {
            Ok(text) => {
                body.insert("message".to_owned(), text.into());
                body.insert("encoding".to_owned(), "none".into());
            }
            Err(_binary) => {
                body.insert("message".to_owned(), STANDARD.encode(payload).into());
                body.insert("encoding".to_owned(), "base64".into());
            }
        }
        // The device gets the bytes as they are, not wrapped in the platform's own JSON.
        body.insert("payload_format".to_owned(), "raw".into());
        if let Some(name) = name {
            body.insert("name".to_owned(), name.into());
        }
        match topic {
            Some(full) if full.starts_with(['$', '/']) || full.contains('/') => {
                body.insert("topic_full_name".to_owned(), full.into());
            }
            Some(suffix) => {
                body.insert("topic".to_owned(), suffix.into());
            }
            None => {}
        }
        let path = ["devices", device.as_str(), "messages"];
        let ask = Ask::new(Method::Post, &path, "the message is not sent").body(body.into());
        let answer = self.ask(io, ask).await?;
        Ok(RelayReply::Commanded {
            id: text(&answer, "message_id"),
            answer: answer.get("result").cloned().map(Arc::new),
        })
    }

    pub(super) async fn register(
        &self,
        io: &dyn Io,
        new: NewDevice,
    ) -> Result<RelayReply, Problem> {
        let Some(product) = new.product else {
            let cause = "no product is named";
            let remedy = "give --product: the console lists the products";
            let what = "the device is not registered";
            return Err(Problem::new(what, cause, remedy).exit(Exit::Usage));
        };
        let mut body = Map::new();
        let mut put = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                body.insert(name.to_owned(), value.into());
            }
        };
        put("node_id", Some(new.node));
        put("product_id", Some(product));
        put("device_name", new.name);
        put("device_id", new.device.map(|id| id.to_string()));
        put("gateway_id", new.gateway.map(|id| id.to_string()));
        if let Some(secret) = new.secret {
            let info = json!({"auth_type": "SECRET", "secret": secret.expose().trim()});
            body.insert("auth_info".to_owned(), info);
        }
        let ask = Ask::new(Method::Post, &["devices"], "the device is not registered");
        let mut answer = self.ask(io, ask.body(body.into())).await?;
        let device = text(&answer, "device_id").unwrap_or_default();
        let made = answer
            .get_mut("auth_info")
            .and_then(Value::as_object_mut)
            .and_then(|info| info.remove("secret"));
        Ok(RelayReply::Registered {
            device: DeviceId::new(&device),
            secret: made.as_ref().and_then(Value::as_str).map(Secret::new),
            raw: Arc::new(answer),
        })
    }

    pub(super) async fn delete(
        &self,
        io: &dyn Io,
        device: &DeviceId,
    ) -> Result<RelayReply, Problem> {
        let path = ["devices", device.as_str()];
        let ask = Ask::new(Method::Delete, &path, "the device is not deleted");
        self.ask(io, ask).await?;
        Ok(RelayReply::Done)
    }
}

fn device(entry: &Value) -> Option<Device> {
    let id = word(entry, "device_id");
    if id.is_empty() {
        return None;
    }
    let shown = |name: &&str| {
        let value = word(entry, name);
        (!value.is_empty()).then(|| ((*name).to_owned(), value.to_owned()))
    };
    Some(Device {
        id: DeviceId::new(id),
        name: word(entry, "device_name").to_owned(),
        kind: word(entry, "node_type").to_owned(),
        model: word(entry, "product_name").to_owned(),
        reportable: true,
        group: None,
        presence: match word(entry, "status") {
            "ONLINE" => Presence::Online,
            "OFFLINE" | "FROZEN" | "INACTIVE" => Presence::Offline,
            _ => Presence::Unknown,
        },
        attributes: SHOWN.iter().filter_map(shown).collect(),
    })
}

fn text(answer: &Value, name: &str) -> Option<String> {
    answer.get(name).and_then(Value::as_str).map(str::to_owned)
}

/// A JSON object as the user wrote it; nothing at all is an empty one.
pub(super) fn object(what: &str, text: &str) -> Result<Value, Problem> {
    if text.trim().is_empty() {
        return Ok(json!({}));
    }
    let wrong = |why: String| {
        let remedy = "write it as {\"name\": value}";
        Problem::new(format!("{what} is not sent"), why, remedy).exit(Exit::Usage)
    };
    match serde_json::from_str::<Value>(text) {
        Ok(value) if value.is_object() => Ok(value),
        Ok(_) => Err(wrong("its parameters are no JSON object".to_owned())),
        Err(error) => Err(wrong(format!("its parameters are no JSON: {error}"))),
    }
}
