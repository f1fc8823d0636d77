//! Answers to what the platform asks: as the profile says, else with result 0 (`reference/huawei-iot.md` 4, 5).

use super::body::{array, object, raw, text};
use super::messages::{Asked, Reported};
use super::topics::{answer_topic, data_topic_v1, place};
use crate::domain::device::DeviceId;
use crate::domain::message::Message;
use crate::domain::profile::{HuaweiAnswer, HuaweiSettings};
use crate::domain::shadow::Node;

/// A message that is not checked yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub topic: String,
    pub payload: String,
}

/// What is sent by itself, or proposed where the user answers. `None` where nothing can be: the topic names no device.
pub fn draft(
    settings: &HuaweiSettings,
    message: &Message,
    asked: &Asked,
    reported: &Reported,
) -> Option<Answer> {
    let own = place(message.topic.as_str())?.device();
    let answer = |topic: String, body: Node| Answer {
        topic,
        payload: body.text(),
    };
    Some(match asked {
        Asked::Command { request, key } => answer(
            answer_topic(own, "commands", request),
            command(configured(settings, key)),
        ),
        Asked::PropertySet { request } => answer(
            answer_topic(own, "properties/set", request),
            object([("result_code", raw("0")), ("result_desc", text("success"))]),
        ),
        Asked::PropertyGet {
            request,
            device,
            service,
        } => answer(
            answer_topic(own, "properties/get", request),
            known(reported, device, service.as_deref()),
        ),
        Asked::CommandV1 { mid, key } => answer(
            data_topic_v1(own),
            command_v1(*mid, configured(settings, key)),
        ),
    })
}

/// `SERVICE.COMMAND` goes before `COMMAND` of any service.
fn configured<'a>(settings: &'a HuaweiSettings, key: &str) -> Option<&'a HuaweiAnswer> {
    let find = |wanted: &str| {
        settings
            .replies
            .iter()
            .find(|reply| reply.command == wanted)
    };
    let name = key.split_once('.').map_or(key, |(_, name)| name);
    find(key).or_else(|| find(name))
}

/// What was reported last; nothing is made up where nothing was.
fn known(reported: &Reported, device: &DeviceId, service: Option<&str>) -> Node {
    let services = match reported.get(device) {
        Some(Node::Object(services)) => services.as_slice(),
        _ => &[],
    };
    let services: Vec<_> = services
        .iter()
        .filter(|(id, _)| service.is_none_or(|service| service == id))
        .map(|(id, properties)| {
            object([("service_id", text(id)), ("properties", properties.clone())])
        })
        .collect();
    object([("services", array(&services))])
}

fn command(answer: Option<&HuaweiAnswer>) -> Node {
    let code = answer.map_or(0, |answer| answer.result);
    let name = answer.and_then(|answer| answer.name.as_deref());
    let paras = answer.and_then(|answer| answer.paras.as_deref());
    let mut members = vec![("result_code".to_owned(), raw(&code.to_string()))];
    members.extend(name.map(|name| ("response_name".to_owned(), text(name))));
    members.extend(paras.map(|paras| ("paras".to_owned(), raw(paras))));
    Node::Object(members)
}

/// `mid` is a number and comes back as it was.
fn command_v1(mid: u64, answer: Option<&HuaweiAnswer>) -> Node {
    let code = answer.map_or(0, |answer| answer.result);
    let paras = answer.and_then(|answer| answer.paras.as_deref());
    let mut members = vec![
        ("msgType".to_owned(), text("deviceRsp")),
        ("mid".to_owned(), raw(&mid.to_string())),
        ("errcode".to_owned(), raw(&code.to_string())),
    ];
    members.extend(paras.map(|paras| ("body".to_owned(), raw(paras))));
    Node::Object(members)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::profile::HuaweiDialect;

    fn settings() -> HuaweiSettings {
        let reply = |command: &str, result, paras: Option<&str>| HuaweiAnswer {
            command: command.to_owned(),
            result,
            name: None,
            paras: paras.map(str::to_owned),
        };
        HuaweiSettings {
            replies: vec![
                reply("ON", 1, None),
                reply("Relay.ON", 0, Some(r#"{"on":true,"load":1.50}"#)),
            ],
            ..HuaweiSettings::new(HuaweiDialect::Iotda, String::new(), "d".to_owned())
        }
    }

    #[test]
    fn a_command_is_answered_as_the_profile_says_and_the_closer_name_wins() {
        let settings = settings();
        let of = |key| command(configured(&settings, key)).text();
        assert_eq!(
            of("Relay.ON"),
            r#"{"result_code":0,"paras":{"on":true,"load":1.50}}"#
        );
        assert_eq!(of("Lamp.ON"), r#"{"result_code":1}"#);
        assert_eq!(of("Lamp.OFF"), r#"{"result_code":0}"#);
        assert_eq!(
            command_v1(65_535, configured(&settings, "Relay.ON")).text(),
            r#"{"msgType":"deviceRsp","mid":65535,"errcode":0,"body":{"on":true,"load":1.50}}"#
        );
    }

    #[test]
    fn properties_are_answered_with_what_was_reported_last() {
        let services = super::super::body::read(br#"{"Meter":{"v":229.80},"Relay":{"on":true}}"#);
        let reported = Reported::from([(DeviceId::new("d"), services)]);
        let of = |device: &str, service| known(&reported, &DeviceId::new(device), service).text();
        assert_eq!(
            of("d", Some("Meter")),
            r#"{"services":[{"service_id":"Meter","properties":{"v":229.80}}]}"#
        );
        assert!(of("d", None).contains("Relay"));
        assert_eq!(of("other", None), r#"{"services":[]}"#);
    }
}
