//! Answers to what the platform asks: as the profile says, else with result 0 (`reference/huawei-iot.md` 4, 5).

use serde_json::{Map, Value, json};

use super::messages::Asked;
use super::topics::{answer_topic, data_topic_v1, place};
use crate::domain::message::Message;
use crate::domain::profile::{HuaweiAnswer, HuaweiSettings};

/// A message that is not checked yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub topic: String,
    pub payload: String,
}

/// What is sent by itself, or proposed where the user answers. `None` where nothing can be: the topic names no device.
pub fn draft(settings: &HuaweiSettings, message: &Message, asked: &Asked) -> Option<Answer> {
    let device = place(message.topic.as_str())?.device();
    Some(match asked {
        Asked::Command { request, key } => Answer {
            topic: answer_topic(device, "commands", request),
            payload: command(configured(settings, key)).to_string(),
        },
        Asked::PropertySet { request } => Answer {
            topic: answer_topic(device, "properties/set", request),
            payload: json!({"result_code": 0, "result_desc": "success"}).to_string(),
        },
        // Which values a property has only its device knows: nothing is made up.
        Asked::PropertyGet { request, .. } => Answer {
            topic: answer_topic(device, "properties/get", request),
            payload: json!({"services": []}).to_string(),
        },
        Asked::CommandV1 { mid, key } => Answer {
            topic: data_topic_v1(device),
            payload: command_v1(*mid, configured(settings, key)).to_string(),
        },
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

fn command(answer: Option<&HuaweiAnswer>) -> Value {
    let mut body = Map::new();
    let code = answer.map_or(0, |answer| answer.result);
    body.insert("result_code".to_owned(), code.into());
    if let Some(name) = answer.and_then(|answer| answer.name.as_ref()) {
        body.insert("response_name".to_owned(), name.as_str().into());
    }
    if let Some(paras) = answer.and_then(|answer| answer.paras.as_ref()) {
        body.insert("paras".to_owned(), paras.clone());
    }
    Value::Object(body)
}

/// `mid` is a number and comes back as it was.
fn command_v1(mid: u64, answer: Option<&HuaweiAnswer>) -> Value {
    let mut body = Map::new();
    body.insert("msgType".to_owned(), "deviceRsp".into());
    body.insert("mid".to_owned(), mid.into());
    let code = answer.map_or(0, |answer| answer.result);
    body.insert("errcode".to_owned(), code.into());
    if let Some(paras) = answer.and_then(|answer| answer.paras.as_ref()) {
        body.insert("body".to_owned(), paras.clone());
    }
    Value::Object(body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::profile::HuaweiDialect;

    fn settings() -> HuaweiSettings {
        let reply = |command: &str, result, paras| HuaweiAnswer {
            command: command.to_owned(),
            result,
            name: None,
            paras,
        };
        HuaweiSettings {
            replies: vec![
                reply("ON", 1, None),
                reply("Relay.ON", 0, Some(json!({"on": true}))),
            ],
            ..HuaweiSettings::new(HuaweiDialect::Iotda, String::new(), "d".to_owned())
        }
    }

    #[test]
    fn a_command_is_answered_as_the_profile_says_and_the_closer_name_wins() {
        let settings = settings();
        let of = |key| command(configured(&settings, key)).to_string();
        assert_eq!(of("Relay.ON"), r#"{"result_code":0,"paras":{"on":true}}"#);
        assert_eq!(of("Lamp.ON"), r#"{"result_code":1}"#);
        assert_eq!(of("Lamp.OFF"), r#"{"result_code":0}"#);
        assert_eq!(
            command_v1(65_535, configured(&settings, "Relay.ON")).to_string(),
            r#"{"msgType":"deviceRsp","mid":65535,"errcode":0,"body":{"on":true}}"#
        );
    }
}
