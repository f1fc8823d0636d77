//! The shadow (`reference/huawei-iot.md` 5, 7): a list of services, each with what is desired, what was reported and a
//! version. All of them together are the classic shadow, each of them one with the service's name.
//!
//! Asked for over REST where there is access to the application side, else over MQTT as the device itself, which can
//! read all of it and write nothing but what it reports.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use super::Huawei;
use super::body::{self, array, list, object, raw, text, word};
use super::rest::Ask;
use super::topics::{answer_topic, sys_topic};
use crate::base::moment::Timestamp;
use crate::base::problem::{Exit, Problem, Retry};
use crate::base::text::hex;
use crate::domain::message::{Draft, Qos};
use crate::domain::profile::HuaweiDialect;
use crate::domain::shadow::{Leaf, Node, Shadow, ShadowKey, ShadowReply, ShadowRequest};
use crate::domain::topic::{Topic, TopicFilter};
use crate::platform::io::{Io, Method};
use futures_util::future::{Either, FutureExt as _, select};

/// Until the platform has answered.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) async fn request(
    huawei: &Huawei,
    io: &dyn Io,
    what: ShadowRequest,
) -> Result<ShadowReply, Problem> {
    match &what {
        ShadowRequest::Get(key) => {
            let Some(body) = whole(huawei, io, key).await? else {
                return Ok(ShadowReply::NoConnection);
            };
            let shadow = read(&body, key.name.as_deref()).ok_or_else(unread)?;
            let raw = Arc::from(body.text());
            Ok(ShadowReply::Document { raw, shadow })
        }
        ShadowRequest::Names(device) => {
            let key = ShadowKey::classic(device.clone());
            let Some(body) = whole(huawei, io, &key).await? else {
                return Ok(ShadowReply::NoConnection);
            };
            let names = services(&body).into_iter();
            let names = names.map(|entry| word(&entry, "service_id"));
            Ok(ShadowReply::Names(names.collect()))
        }
        ShadowRequest::Update {
            key,
            state,
            version,
            ..
        } => update(huawei, io, key, state, *version).await,
        ShadowRequest::Delete(key) => {
            let cause = "a shadow lives as long as its device";
            let remedy = "write null for what is not desired any more; or delete the device";
            let what = format!("the {key} is not deleted");
            Err(Problem::new(what, cause, remedy).exit(Exit::Usage))
        }
    }
}

/// All services as they were reported last, where that can be told now.
pub(super) async fn reported(
    huawei: &Huawei,
    io: &dyn Io,
    key: &ShadowKey,
) -> Result<Option<Node>, Problem> {
    let body = whole(huawei, io, key).await?;
    Ok(body.and_then(|body| read(&body, None)?.reported))
}

/// `None`: nobody can be asked without a connection.
async fn whole(huawei: &Huawei, io: &dyn Io, key: &ShadowKey) -> Result<Option<Node>, Problem> {
    if huawei.settings.rest.is_some() {
        let what = format!("could not get the {key}");
        let path = ["devices", key.thing.as_str(), "shadow"];
        return huawei
            .ask(io, Ask::new(Method::Get, &path, &what))
            .await
            .map(Some);
    }
    if huawei.settings.dialect == HuaweiDialect::V1 {
        let cause = "the v1 interface has no topics for it, and the profile has no access to the application side";
        let remedy =
            "add [profiles.NAME.rest] with api_url, region, project_id, access_key and secret_key";
        let what = format!("could not get the {key}");
        return Err(Problem::new(what, cause, remedy).exit(Exit::Usage));
    }
    if io.connected().now_or_never().is_none() {
        return Ok(None);
    }
    over_mqtt(huawei, io, key).await.map(Some)
}

/// The request's id is ours; the answer comes unasked for on its topic (`reference/huawei-iot.md` 5).
async fn over_mqtt(huawei: &Huawei, io: &dyn Io, key: &ShadowKey) -> Result<Node, Problem> {
    let own = &huawei.settings.device_id;
    let request = request_id(io);
    let answer = answer_topic(own, "shadow/get", &request);
    let misnamed = |why: &dyn std::fmt::Display| {
        let what = format!("could not ask for the {key}");
        Problem::new(what, why.to_string(), "check device_id").exit(Exit::Usage)
    };
    let filter = TopicFilter::parse(&answer).map_err(|why| misnamed(&why))?;
    let topic = sys_topic(own, &format!("shadow/get/request_id={request}"));
    let topic = Topic::parse(&topic).map_err(|why| misnamed(&why))?;
    let mut body = Vec::new();
    if key.thing.as_str() != own {
        body.push(("object_device_id".to_owned(), text(key.thing.as_str())));
    }
    if let Some(service) = &key.name {
        body.push(("service_id".to_owned(), text(service)));
    }
    let mut ear = io.listen(vec![filter]);
    let payload = Node::Object(body).text();
    let draft = Draft::new(topic, payload.into(), Qos::AtLeastOnce);
    let exchange = async {
        io.publish(draft).await?;
        Ok::<_, Problem>(ear.next().await)
    };
    let message = match select(pin!(exchange), io.sleep(PATIENCE)).await {
        Either::Left((message, _)) => message?,
        Either::Right(_) => return Err(silent(key, &answer)),
    };
    Ok(body::read(&message.payload))
}

pub(super) fn request_id(io: &dyn Io) -> String {
    let mut bytes = [0; 12];
    io.random(&mut bytes);
    hex(&bytes)
}

async fn update(
    huawei: &Huawei,
    io: &dyn Io,
    key: &ShadowKey,
    state: &str,
    version: Option<u64>,
) -> Result<ShadowReply, Problem> {
    let body = desired(key, state, version)?;
    let what = format!("could not update the {key}");
    huawei.rest(&what)?;
    let path = ["devices", key.thing.as_str(), "shadow"];
    let ask = Ask::new(Method::Put, &path, &what).body(body);
    let answer = huawei.ask(io, ask).await?;
    let shadow = read(&answer, key.name.as_deref()).unwrap_or_default();
    let raw = Arc::from(answer.text());
    Ok(ShadowReply::Accepted { raw, shadow })
}

/// The body of the call: `{"desired":{"SERVICE":{…}}}`, or with a service's name `{"desired":{…}}`; or the platform's own
/// `{"shadow":[…]}` as it stands.
fn desired(key: &ShadowKey, state: &str, version: Option<u64>) -> Result<Node, Problem> {
    let wrong = |why: &str| {
        let remedy = "write {\"desired\":{\"SERVICE\":{\"PROPERTY\":value}}}; what a device reports is sent with `report`";
        Problem::new(format!("the {key} is not updated"), why, remedy).exit(Exit::Usage)
    };
    let state = Node::parse(state).map_err(|error| wrong(&format!("it is no JSON: {error}")))?;
    if let Some(whole) = state.member("shadow").and_then(Node::items) {
        return Ok(object([("shadow", array(&whole))]));
    }
    if state.member("reported").is_some_and(|part| !part.is_null()) {
        return Err(wrong("what was reported only the device itself can change"));
    }
    let Some(desired @ Node::Object(services)) = state.member("desired") else {
        return Err(wrong("there is no object `desired`"));
    };
    let entries = match &key.name {
        Some(service) => vec![(service.clone(), desired.clone())],
        None => services.clone(),
    };
    if entries
        .iter()
        .any(|(_, properties)| !properties.is_object())
    {
        return Err(wrong(
            "each service in `desired` is an object of properties",
        ));
    }
    if entries.is_empty() {
        return Err(wrong("`desired` names no service"));
    }
    let entry = |(service, properties): (String, Node)| {
        let mut members = vec![
            ("service_id".to_owned(), text(&service)),
            ("desired".to_owned(), properties),
        ];
        members.extend(version.map(|version| ("version".to_owned(), raw(&version.to_string()))));
        Node::Object(members)
    };
    let entries: Vec<_> = entries.into_iter().map(entry).collect();
    Ok(object([("shadow", array(&entries))]))
}

fn services(body: &Node) -> Vec<Node> {
    let mut services = list(body, "shadow");
    services.retain(|entry| !word(entry, "service_id").is_empty());
    services
}

/// All services, or one of them alone. `None`: it is no shadow.
pub(super) fn read(body: &Node, only: Option<&str>) -> Option<Shadow> {
    body.member("shadow")?.items()?;
    let services = services(body);
    let version = |entry: &Node| entry.member("version").and_then(Node::number);
    if let Some(only) = only {
        let mut services = services.iter();
        let entry = services.find(|entry| word(entry, "service_id") == only);
        return Some(entry.map_or_else(Shadow::default, |entry| Shadow {
            desired: section(entry, "desired"),
            reported: section(entry, "reported"),
            version: version(entry),
            at: time(entry.member("reported")).max(time(entry.member("desired"))),
            delta: None,
        }));
    }
    let gather = |name: &str| {
        let members: Vec<_> = services
            .iter()
            .filter_map(|entry| Some((word(entry, "service_id"), section(entry, name)?)))
            .collect();
        (!members.is_empty()).then_some(Node::Object(members))
    };
    Some(Shadow {
        desired: gather("desired"),
        reported: gather("reported"),
        // Each service counts its own.
        version: match services.as_slice() {
            [entry] => version(entry),
            _ => None,
        },
        at: services
            .iter()
            .flat_map(|entry| {
                [
                    time(entry.member("reported")),
                    time(entry.member("desired")),
                ]
            })
            .max()
            .flatten(),
        delta: None,
    })
}

/// Its properties, each with the time at which the platform has it from.
fn section(entry: &Node, name: &str) -> Option<Node> {
    let part = entry.member(name)?;
    let properties = part.member("properties")?;
    if !properties.is_object() || properties.is_empty() {
        return None;
    }
    Some(timed(properties.clone(), time(Some(part))))
}

fn timed(node: Node, at: Option<Timestamp>) -> Node {
    match node {
        Node::Object(members) => Node::Object(
            members
                .into_iter()
                .map(|(name, node)| (name, timed(node, at)))
                .collect(),
        ),
        Node::Leaf(leaf) => Node::Leaf(Leaf { at, ..leaf }),
    }
}

/// `20151212T121212Z` or `2015-12-12T12:12:12.123Z`, both UTC.
fn time(part: Option<&Node>) -> Option<Timestamp> {
    event_time(&word(part?, "event_time"))
}

pub(super) fn event_time(text: &str) -> Option<Timestamp> {
    if let Ok(at) = text.parse::<jiff::Timestamp>() {
        return Some(Timestamp(at.as_microsecond()));
    }
    let civil = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", text).ok()?;
    let at = civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(Timestamp(at.timestamp().as_microsecond()))
}

fn unread() -> Problem {
    let cause = "what the platform answered is no shadow";
    Problem::new(
        "the shadow could not be read",
        cause,
        "the log shows the answer",
    )
}

fn silent(key: &ShadowKey, answer: &str) -> Problem {
    let waited = PATIENCE.as_secs();
    Problem::new(
        format!("no answer about the {key}"),
        format!("nothing came on {answer} within {waited} s"),
        "check that the device exists on this instance; with [profiles.NAME.rest] it is asked for over REST",
    )
    .retry(Retry::Backoff)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::device::DeviceId;

    fn body() -> Node {
        let body = json!({"device_id": "d", "shadow": [
            {"service_id": "Relay", "version": 7,
             "desired": {"properties": {"on": true}, "event_time": "20261121T165500Z"},
             "reported": {"properties": {"on": false, "load": 1.25}, "event_time": "2026-11-21T16:56:00.250Z"}},
            {"service_id": "Meter", "version": 2,
             "reported": {"properties": {"voltage": 229.8}, "event_time": null}}]});
        body::read(body.to_string().as_bytes())
    }

    #[test]
    fn the_services_together_are_one_document_and_each_is_one_of_its_own() {
        let all = read(&body(), None).expect("a shadow");
        assert_eq!(all.version, None);
        assert_eq!(
            all.json(),
            r#"{"desired":{"Relay":{"on":true}},"reported":{"Relay":{"on":false,"load":1.25},"Meter":{"voltage":229.8}}}"#
        );
        let relay = read(&body(), Some("Relay")).expect("a shadow");
        assert_eq!(relay.version, Some(7));
        assert_eq!(
            relay.json(),
            r#"{"desired":{"on":true},"reported":{"on":false,"load":1.25}}"#
        );
        assert_eq!(relay.at, event_time("2026-11-21T16:56:00.250Z"));
        assert_eq!(
            event_time("20261121T165500Z"),
            event_time("2026-11-21T16:55:00Z")
        );
        assert_eq!(read(&body::read(br#"{"shadow": 7}"#), None), None);
    }

    #[test]
    fn what_is_desired_is_written_service_by_service() {
        let key = ShadowKey::classic(DeviceId::new("d"));
        let told = |key: &ShadowKey, text: &str, version| {
            desired(key, text, version).map_or_else(|p| p.cause, |body| body.text())
        };
        assert_eq!(
            told(&key, r#"{"desired":{"Relay":{"on":true}}}"#, Some(7)),
            r#"{"shadow":[{"service_id":"Relay","desired":{"on":true},"version":7}]}"#
        );
        let relay = ShadowKey {
            name: Some("Relay".to_owned()),
            ..key.clone()
        };
        assert_eq!(
            told(&relay, r#"{"desired":{"on":true}}"#, None),
            r#"{"shadow":[{"service_id":"Relay","desired":{"on":true}}]}"#
        );
        assert!(told(&key, r#"{"reported":{"R":{}}}"#, None).contains("only the device"));
        assert!(told(&key, r#"{"desired":{"on":true}}"#, None).contains("object of properties"));
        assert!(told(&key, "{}", None).contains("no object `desired`"));
    }
}
