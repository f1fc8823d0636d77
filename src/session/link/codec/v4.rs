//! MQTT 3.1.1.

use bytes::BytesMut;
use rumqttc::mqttbytes::v4::{
    Connect, LastWill, Login, Publish, Subscribe, SubscribeFilter, Unsubscribe,
};
use rumqttc::mqttbytes::{Protocol, QoS};

use super::reader::{Malformed, Reader};
use super::{Farewell, Incoming, out};
use crate::domain::message::{Draft, Qos};
use crate::domain::subscription::FilterWish;
use crate::platform::plan::ConnectPlan;
use crate::session::link::Accepted;

pub fn connack(reader: &mut Reader<'_>) -> Result<Incoming, Malformed> {
    let flags = reader.u8()?;
    match reader.u8()? {
        0 => Ok(Incoming::Accepted(Accepted {
            session_present: flags & 1 != 0,
            ..Accepted::default()
        })),
        code => Ok(Incoming::Refused(Farewell {
            code,
            ..Farewell::default()
        })),
    }
}

pub fn suback(reader: &mut Reader<'_>) -> Result<Incoming, Malformed> {
    Ok(Incoming::SubAck {
        packet: reader.u16()?,
        codes: reader.rest().to_vec(),
        reason: None,
    })
}

pub fn unsuback(reader: &mut Reader<'_>) -> Result<Incoming, Malformed> {
    Ok(Incoming::UnsubAck {
        packet: reader.u16()?,
        codes: Vec::new(),
        reason: None,
    })
}

pub fn connect(plan: &ConnectPlan, out: &mut BytesMut) -> Result<(), String> {
    let password = plan.password.as_ref().map_or("", |secret| secret.expose());
    let username = plan.username.as_deref().unwrap_or_default();
    let connect = Connect {
        protocol: Protocol::V4,
        keep_alive: out::seconds(plan.keep_alive),
        client_id: plan.client_id.clone(),
        clean_session: plan.clean_session,
        last_will: plan.will.as_ref().map(|will| LastWill {
            topic: will.draft.topic.as_str().to_owned(),
            message: will.draft.payload.clone(),
            qos: qos(will.draft.qos),
            retain: will.draft.retain,
        }),
        login: Some(Login::new(username, password)),
    };
    out::written(connect.write(out))
}

pub fn subscribe(packet: u16, filters: &[&FilterWish], out: &mut BytesMut) -> Result<(), String> {
    let filters = filters.iter().map(|wish| SubscribeFilter {
        path: wish.filter.as_str().to_owned(),
        qos: qos(wish.qos),
    });
    let mut subscribe = Subscribe::new_many(filters);
    subscribe.pkid = packet;
    out::written(subscribe.write(out))
}

pub fn unsubscribe(packet: u16, filter: &str, out: &mut BytesMut) -> Result<(), String> {
    let mut unsubscribe = Unsubscribe::new(filter);
    unsubscribe.pkid = packet;
    out::written(unsubscribe.write(out))
}

pub fn publish(draft: &Draft, packet: u16, dup: bool, out: &mut BytesMut) -> Result<(), String> {
    let publish = Publish {
        dup,
        qos: qos(draft.qos),
        retain: draft.retain,
        topic: draft.topic.as_str().to_owned(),
        pkid: packet,
        payload: draft.payload.clone(),
    };
    out::written(publish.write(out))
}

const fn qos(qos: Qos) -> QoS {
    match qos {
        Qos::AtMostOnce => QoS::AtMostOnce,
        Qos::AtLeastOnce => QoS::AtLeastOnce,
        Qos::ExactlyOnce => QoS::ExactlyOnce,
    }
}
