//! What the application side is asked: devices, shadows, commands, messages, registering (`reference/huawei-iot.md` 7).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Huawei;
use super::body::{list, object, text, whole, word, word_of};
use super::rest::Ask;
use crate::base::problem::{Exit, Problem};
use crate::base::secret::Secret;
use crate::domain::device::{Device, DeviceId, Presence};
use crate::domain::profile::HuaweiDialect;
use crate::domain::relay::{Command, NewDevice, RelayReply};
use crate::domain::request::Reply;
use crate::domain::shadow::Node;
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
            let devices = list(&page, "devices");
            let reportable = self.settings.dialect != HuaweiDialect::V1;
            let devices_here = devices.iter().filter_map(device);
            all.extend(devices_here.map(|device| Device {
                reportable,
                ..device
            }));
            let place = page.member("page");
            marker = place
                .map(|place| word(place, "marker"))
                .filter(|m| !m.is_empty());
            if devices.len() < PAGE || marker.is_none() {
                break;
            }
        }
        Ok(all)
    }

    pub(super) fn own(&self) -> Device {
        Device {
            id: DeviceId::new(&self.settings.device_id),
            name: node_of(&self.settings.device_id).to_owned(),
            kind: "device".to_owned(),
            model: String::new(),
            // v1 has no messages and no events.
            reportable: self.settings.dialect != HuaweiDialect::V1,
            group: None,
            presence: Presence::Unknown,
            attributes: Vec::new(),
        }
    }

    pub(super) async fn is_online(&self, io: &dyn Io, device: &str) -> Result<bool, Problem> {
        let what = "could not ask whether the device is connected";
        let ask = Ask::new(Method::Get, &["devices", device], what);
        let answer = self.ask(io, ask).await?;
        Ok(word(&answer, "status") == "ONLINE")
    }

    /// All that the platform tells of a device.
    pub(super) async fn detail(
        &self,
        io: &dyn Io,
        device: &DeviceId,
    ) -> Result<RelayReply, Problem> {
        let path = ["devices", device.as_str()];
        let ask = Ask::new(Method::Get, &path, "could not ask for the device");
        let answer = self.ask(io, ask).await?;
        // What a device signs in with is nobody's to see.
        let (shown, _) = without_secret(answer);
        Ok(RelayReply::Detail(shown.text().into()))
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
        let count = page.member("page").and_then(|place| whole(place, "count"));
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
        let mut body = Vec::new();
        body.extend(service.map(|service| ("service_id".to_owned(), text(&service))));
        body.push(("command_name".to_owned(), text(&name)));
        body.push((
            "paras".to_owned(),
            parameters_of("the command", &parameters)?,
        ));
        let path = ["devices", device.as_str(), "commands"];
        let ask = Ask::new(Method::Post, &path, "the command is not done");
        let answer = self.ask(io, ask.body(Node::Object(body))).await?;
        Ok(RelayReply::Commanded {
            id: some_word(&answer, "command_id"),
            answer: answer.member("response").map(|node| node.text().into()),
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
        let (message, encoding) = match std::str::from_utf8(payload) {
            Ok(text) => (text.to_owned(), "none"),
            Err(_binary) => (STANDARD.encode(payload), "base64"),
        };
        let mut body = vec![
            ("message".to_owned(), text(&message)),
            ("encoding".to_owned(), text(encoding)),
            // The device gets the bytes as they are, not wrapped in the platform's own JSON.
            ("payload_format".to_owned(), text("raw")),
        ];
        body.extend(name.map(|name| ("name".to_owned(), text(&name))));
        if let Some(topic) = topic {
            let (member, topic) = place_of(&topic);
            body.push((member.to_owned(), text(topic)));
        }
        let path = ["devices", device.as_str(), "messages"];
        let ask = Ask::new(Method::Post, &path, "the message is not sent");
        let answer = self.ask(io, ask.body(Node::Object(body))).await?;
        Ok(RelayReply::Commanded {
            id: some_word(&answer, "message_id"),
            answer: answer.member("result").map(|node| node.text().into()),
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
        let mut body = Vec::new();
        let mut put = |name: &str, value: Option<String>| {
            body.extend(value.map(|value| (name.to_owned(), text(&value))));
        };
        put("node_id", Some(new.node));
        put("product_id", Some(product));
        put("device_name", new.name);
        put("device_id", new.device.map(|id| id.as_str().to_owned()));
        put("gateway_id", new.gateway.map(|id| id.as_str().to_owned()));
        if let Some(secret) = new.secret {
            let secret = text(secret.expose().trim());
            let info = object([("auth_type", text("SECRET")), ("secret", secret)]);
            body.push(("auth_info".to_owned(), info));
        }
        let ask = Ask::new(Method::Post, &["devices"], "the device is not registered");
        let answer = self.ask(io, ask.body(Node::Object(body))).await?;
        let device = DeviceId::new(&word(&answer, "device_id"));
        let (answer, secret) = without_secret(answer);
        Ok(RelayReply::Registered {
            device,
            secret,
            raw: answer.text().into(),
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

/// A product's custom topic is named by its end, any other by the whole of it (`reference/huawei-iot.md` 7).
fn place_of(topic: &str) -> (&'static str, &str) {
    let own = topic.strip_prefix("$oc/devices/");
    let suffix = own.and_then(|rest| rest.split_once("/user/"));
    match suffix {
        Some((_, suffix)) => ("topic", suffix),
        None if topic.contains('/') => ("topic_full_name", topic),
        None => ("topic", topic),
    }
}

/// The answer to who is registered, and the secret that stood in it.
fn without_secret(answer: Node) -> (Node, Option<Secret>) {
    let Some(info) = answer.member("auth_info") else {
        return (answer, None);
    };
    let secret = some_word(info, "secret").map(|secret| Secret::new(&secret));
    let mut clean = info.clone();
    for name in ["secret", "secondary_secret"] {
        clean = without(clean, name);
    }
    let Node::Object(mut members) = answer else {
        return (answer, secret);
    };
    for (_, node) in members.iter_mut().filter(|(name, _)| name == "auth_info") {
        node.clone_from(&clean);
    }
    (Node::Object(members), secret)
}

fn without(node: Node, name: &str) -> Node {
    match node {
        Node::Object(mut members) => {
            members.retain(|(known, _)| known != name);
            Node::Object(members)
        }
        leaf @ Node::Leaf(_) => leaf,
    }
}

fn device(entry: &Node) -> Option<Device> {
    let id = word(entry, "device_id");
    if id.is_empty() {
        return None;
    }
    let shown = |name: &&str| Some(((*name).to_owned(), some_word(entry, name)?));
    Some(Device {
        id: DeviceId::new(&id),
        // An id begins with the product's: its first characters tell no devices apart.
        name: match word_of(entry, ["device_name", "node_id"]) {
            name if name.is_empty() => node_of(&id).to_owned(),
            name => name,
        },
        kind: word(entry, "node_type"),
        model: word(entry, "product_name"),
        reportable: true,
        group: None,
        presence: match word(entry, "status").as_str() {
            "ONLINE" => Presence::Online,
            "OFFLINE" | "FROZEN" | "INACTIVE" => Presence::Offline,
            _ => Presence::Unknown,
        },
        attributes: SHOWN.iter().filter_map(shown).collect(),
    })
}

/// An id that the platform makes is `{product}_{node}`.
fn node_of(id: &str) -> &str {
    match id.split_once('_') {
        Some((_, node)) if !node.is_empty() => node,
        _ => id,
    }
}

fn some_word(answer: &Node, name: &str) -> Option<String> {
    Some(word(answer, name)).filter(|word| !word.is_empty())
}

/// A JSON object as the user wrote it; nothing at all is an empty one.
pub(super) fn parameters_of(what: &str, text: &str) -> Result<Node, Problem> {
    if text.trim().is_empty() {
        return Ok(Node::empty());
    }
    let wrong = |why: String| {
        let remedy = "write it as {\"name\": value}";
        Problem::new(format!("{what} is not sent"), why, remedy).exit(Exit::Usage)
    };
    match Node::parse(text) {
        Ok(node) if node.is_object() => Ok(node),
        Ok(_) => Err(wrong("its parameters are no JSON object".to_owned())),
        Err(error) => Err(wrong(format!("its parameters are no JSON: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::super::body::read;
    use super::*;

    #[test]
    fn a_topic_of_the_product_is_named_by_its_end() {
        assert_eq!(place_of("$oc/devices/d/user/a/b"), ("topic", "a/b"));
        assert_eq!(place_of("alarm"), ("topic", "alarm"));
        assert_eq!(place_of("/plant/1"), ("topic_full_name", "/plant/1"));
        assert_eq!(place_of("plant/1"), ("topic_full_name", "plant/1"));
    }

    #[test]
    fn a_secret_is_taken_out_of_what_is_shown() {
        let answer = read(br#"{"device_id":"d","auth_info":{"auth_type":"SECRET","secret":"s1","secondary_secret":"s2"},"n":1.50}"#);
        let (shown, secret) = without_secret(answer);
        assert_eq!(
            shown.text(),
            r#"{"device_id":"d","auth_info":{"auth_type":"SECRET"},"n":1.50}"#
        );
        assert_eq!(secret.expect("one").expose(), "s1");
    }
}
