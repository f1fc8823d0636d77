//! MQTT 5.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{
    Connect, ConnectProperties, Filter, LastWill, LastWillProperties, Login, Publish,
    PublishProperties, RetainForwardRule, Subscribe, SubscribeProperties, Unsubscribe,
};

use super::properties::{self as property, Properties as List, Value};
use super::reader::{Malformed, Reader};
use super::{Answer, Farewell, Incoming, TOPIC_ALIASES, out};
use crate::domain::message::{Draft, Properties, Qos, Will};
use crate::domain::subscription::{FilterWish, RetainHandling};
use crate::platform::plan::ConnectPlan;
use crate::session::link::Accepted;

/// A broker that knows only 3.1.1 answers in its own form: two bytes, no properties.
pub fn connack(reader: &mut Reader<'_>) -> Result<Incoming, Malformed> {
    let session_present = reader.u8()? & 1 != 0;
    let code = reader.u8()?;
    let mut farewell = Farewell {
        code,
        ..Farewell::default()
    };
    let mut accepted = Accepted {
        session_present,
        ..Accepted::default()
    };
    let mut words = Vec::new();
    for read in List::read_or_none(reader)? {
        let (id, value) = read?;
        match id {
            property::REASON_STRING => {
                words.push(value.text());
                farewell.reason = Some(value.text());
            }
            property::SERVER_REFERENCE => farewell.reference = Some(value.text()),
            property::RESPONSE_INFORMATION => {
                words.push(format!("response information {}", value.text()));
            }
            other => note(&mut accepted, other, value),
        }
    }
    if code != 0 {
        return Ok(Incoming::Refused(farewell));
    }
    accepted.words = (!words.is_empty()).then(|| words.join("; "));
    Ok(Incoming::Accepted(accepted))
}

/// A property of a CONNACK that says what the broker gives and takes.
fn note(accepted: &mut Accepted, id: u8, value: Value<'_>) {
    let no = value.number() == 0;
    match id {
        property::ASSIGNED_CLIENT_ID => accepted.client_id = Some(value.text()),
        property::SERVER_KEEP_ALIVE => {
            accepted.keep_alive = Some(Duration::from_secs(value.number().into()));
        }
        property::MAXIMUM_QOS => accepted.max_qos = Qos::from_number(low_byte(value)),
        property::MAXIMUM_PACKET => accepted.max_packet = Some(value.number()),
        property::RECEIVE_MAXIMUM => accepted.receive_max = Some(value.short().max(1)),
        property::RETAIN_AVAILABLE => accepted.no_retain = no,
        property::WILDCARDS_AVAILABLE => accepted.no_wildcards = no,
        property::SHARED_AVAILABLE => accepted.no_shared = no,
        property::SUBSCRIPTION_IDS_AVAILABLE => accepted.no_subscription_ids = no,
        _ => {}
    }
}

fn low_byte(value: Value<'_>) -> u8 {
    u8::try_from(value.number()).unwrap_or(u8::MAX)
}

/// The topic alias, and what else there is.
pub fn publish_properties(
    reader: &mut Reader<'_>,
) -> Result<(Option<u16>, Option<Box<Properties>>), Malformed> {
    // Nearly every message has none.
    let list = List::read(reader)?;
    let mut alias = None;
    let mut found: Option<Box<Properties>> = None;
    for read in list {
        let (id, value) = read?;
        if id == property::TOPIC_ALIAS {
            alias = Some(value.short());
        } else {
            fill(found.get_or_insert_default(), id, value);
        }
    }
    Ok((alias, found))
}

fn fill(properties: &mut Properties, id: u8, value: Value<'_>) {
    match (id, value) {
        (property::PAYLOAD_FORMAT, value) => properties.utf8 = Some(value.number() == 1),
        (property::MESSAGE_EXPIRY, value) => properties.expiry = Some(value.number()),
        (property::CONTENT_TYPE, value) => properties.content_type = Some(value.text()),
        (property::RESPONSE_TOPIC, value) => properties.response_topic = Some(value.text()),
        (property::CORRELATION_DATA, Value::Bytes(data)) => {
            properties.correlation_data = Some(Bytes::copy_from_slice(data));
        }
        (property::SUBSCRIPTION_ID, value) => properties.subscription_ids.push(value.number()),
        (property::USER_PROPERTY, Value::Pair(name, value)) => {
            let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
            properties.user.push((text(name), text(value)));
        }
        _ => {}
    }
}

/// Code and properties may be left out where all is well (MQTT 5, 3.4.2.1).
pub fn answer(packet: u16, reader: &mut Reader<'_>) -> Result<Answer, Malformed> {
    let farewell = code_and_words(reader)?;
    Ok(Answer {
        packet,
        code: farewell.code,
        reason: farewell.reason,
    })
}

pub fn disconnect(reader: &mut Reader<'_>) -> Result<Incoming, Malformed> {
    code_and_words(reader).map(Incoming::Disconnect)
}

fn code_and_words(reader: &mut Reader<'_>) -> Result<Farewell, Malformed> {
    let mut farewell = Farewell::default();
    if !reader.is_empty() {
        farewell.code = reader.u8()?;
    }
    for read in List::read_or_none(reader)? {
        match read? {
            (property::REASON_STRING, value) => farewell.reason = Some(value.text()),
            (property::SERVER_REFERENCE, value) => farewell.reference = Some(value.text()),
            _ => {}
        }
    }
    Ok(farewell)
}

pub fn suback(reader: &mut Reader<'_>) -> Result<Incoming, Malformed> {
    let (packet, reason, codes) = codes(reader)?;
    Ok(Incoming::SubAck {
        packet,
        codes,
        reason,
    })
}

pub fn unsuback(reader: &mut Reader<'_>) -> Result<Incoming, Malformed> {
    let (packet, reason, codes) = codes(reader)?;
    Ok(Incoming::UnsubAck {
        packet,
        codes,
        reason,
    })
}

fn codes(reader: &mut Reader<'_>) -> Result<(u16, Option<String>, Vec<u8>), Malformed> {
    let packet = reader.u16()?;
    let mut reason = None;
    for read in List::read(reader)? {
        if let (property::REASON_STRING, value) = read? {
            reason = Some(value.text());
        }
    }
    Ok((packet, reason, reader.rest().to_vec()))
}

/// No maximum packet size is asked for: a broker drops what is larger without a word (MQTT 5, 3.1.2.11.4), and a
/// person would never know. Here it is skipped while it streams, and told.
pub fn connect(plan: &ConnectPlan, out: &mut BytesMut) -> Result<(), String> {
    let mut properties = ConnectProperties::new();
    let expiry = plan.session_expiry.as_secs();
    // All bits set means that it never ends (MQTT 5, 3.1.2.11.2).
    properties.session_expiry_interval =
        (expiry > 0).then(|| u32::try_from(expiry).unwrap_or(u32::MAX));
    properties.topic_alias_max = Some(TOPIC_ALIASES);
    let connect = Connect {
        keep_alive: out::seconds(plan.keep_alive),
        client_id: plan.client_id.clone(),
        clean_start: plan.clean_session,
        properties: Some(properties),
    };
    let password = plan.password.as_ref().map_or("", |secret| secret.expose());
    let login = Login::new(plan.username.as_deref().unwrap_or_default(), password);
    out::written_v5(connect.write(&plan.will.as_ref().map(will), &Some(login), out))
}

fn will(will: &Will) -> LastWill {
    let draft = &will.draft;
    let extra = draft.properties.as_deref().cloned().unwrap_or_default();
    LastWill {
        topic: Bytes::copy_from_slice(draft.topic.as_str().as_bytes()),
        message: draft.payload.clone(),
        qos: qos(draft.qos),
        retain: draft.retain,
        properties: Some(LastWillProperties {
            delay_interval: (will.delay > 0).then_some(will.delay),
            payload_format_indicator: extra.utf8.map(u8::from),
            message_expiry_interval: extra.expiry,
            content_type: extra.content_type,
            response_topic: extra.response_topic,
            correlation_data: extra.correlation_data,
            user_properties: extra.user,
        }),
    }
}

pub fn subscribe(
    packet: u16,
    id: Option<u32>,
    filters: &[&FilterWish],
    out: &mut BytesMut,
) -> Result<(), String> {
    let subscribe = Subscribe {
        pkid: packet,
        filters: filters.iter().map(|wish| filter(wish)).collect(),
        properties: id.map(|id| SubscribeProperties {
            id: Some(id as usize),
            user_properties: Vec::new(),
        }),
    };
    out::written_v5(subscribe.write(out))
}

fn filter(wish: &FilterWish) -> Filter {
    let path = wish.filter.as_str().to_owned();
    Filter {
        // On a shared subscription it is a protocol error (MQTT 5, 3.8.3.1).
        nolocal: wish.options.no_local && !path.starts_with("$share/"),
        path,
        qos: qos(wish.qos),
        preserve_retain: wish.options.retain_as_published,
        retain_forward_rule: match wish.options.retain_handling {
            RetainHandling::Send => RetainForwardRule::OnEverySubscribe,
            RetainHandling::SendIfNew => RetainForwardRule::OnNewSubscribe,
            RetainHandling::Never => RetainForwardRule::Never,
        },
    }
}

pub fn unsubscribe(packet: u16, filter: &str, out: &mut BytesMut) -> Result<(), String> {
    let mut unsubscribe = Unsubscribe::new(filter, None);
    unsubscribe.pkid = packet;
    out::written_v5(unsubscribe.write(out))
}

pub fn publish(draft: &Draft, packet: u16, dup: bool, out: &mut BytesMut) -> Result<(), String> {
    let properties = draft.properties.as_deref().map(|extra| PublishProperties {
        payload_format_indicator: extra.utf8.map(u8::from),
        message_expiry_interval: extra.expiry,
        topic_alias: None,
        response_topic: extra.response_topic.clone(),
        correlation_data: extra.correlation_data.clone(),
        user_properties: extra.user.clone(),
        // A client must not send them (MQTT 5, 3.3.4).
        subscription_identifiers: Vec::new(),
        content_type: extra.content_type.clone(),
    });
    let publish = Publish {
        dup,
        qos: qos(draft.qos),
        retain: draft.retain,
        topic: Bytes::copy_from_slice(draft.topic.as_str().as_bytes()),
        pkid: packet,
        payload: draft.payload.clone(),
        properties,
    };
    out::written_v5(publish.write(out))
}

const fn qos(qos: Qos) -> QoS {
    match qos {
        Qos::AtMostOnce => QoS::AtMostOnce,
        Qos::AtLeastOnce => QoS::AtLeastOnce,
        Qos::ExactlyOnce => QoS::ExactlyOnce,
    }
}
