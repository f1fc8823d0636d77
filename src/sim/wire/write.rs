//! What a broker may send.

use bytes::{BufMut as _, BytesMut};

use super::property::{self, Writer};
use crate::sim::packet::{Ack, ConnAck, Disconnect, Packet, Publish, Qos, SubAck, Version, code};

/// Appends a packet to `out` as it stands on the wire. Packets that only a client sends leave nothing.
pub fn encode(packet: &Packet, version: Version, out: &mut BytesMut) {
    let five = version == Version::V5;
    let mut body = BytesMut::new();
    let first = match packet {
        Packet::ConnAck(ack) => {
            connack(ack, five, &mut body);
            0x20
        }
        Packet::Publish(message) => {
            publish(message, five, &mut body);
            0x30 | u8::from(message.dup) << 3 | message.qos.number() << 1 | u8::from(message.retain)
        }
        Packet::PubAck(ack) => acknowledge(0x40, ack, five, &mut body),
        Packet::PubRec(ack) => acknowledge(0x50, ack, five, &mut body),
        Packet::PubRel(ack) => acknowledge(0x62, ack, five, &mut body),
        Packet::PubComp(ack) => acknowledge(0x70, ack, five, &mut body),
        Packet::SubAck(ack) => {
            suback(ack, five, true, &mut body);
            0x90
        }
        Packet::UnsubAck(ack) => {
            suback(ack, five, five, &mut body);
            0xb0
        }
        Packet::PingResp => 0xd0,
        // 3.1.1 has no such packet from a broker: it just closes.
        Packet::Disconnect(end) if five => {
            disconnect(end, &mut body);
            0xe0
        }
        Packet::Disconnect(_)
        | Packet::Connect(_)
        | Packet::Subscribe(_)
        | Packet::Unsubscribe(_)
        | Packet::PingReq
        | Packet::Auth => return,
    };
    out.put_u8(first);
    put_number(u32::try_from(body.len()).unwrap_or(u32::MAX), out);
    out.extend_from_slice(&body);
}

/// A variable byte integer (MQTT 5, 1.5.5).
pub fn put_number(mut number: u32, out: &mut BytesMut) {
    loop {
        let [.., low] = number.to_be_bytes();
        number >>= 7;
        if number == 0 {
            return out.put_u8(low & 0x7f);
        }
        out.put_u8(low | 0x80);
    }
}

/// Two bytes of length and the bytes; beyond what two bytes can say, the rest is cut off.
pub fn put_data(data: &[u8], out: &mut BytesMut) {
    let length = u16::try_from(data.len()).unwrap_or(u16::MAX);
    out.put_u16(length);
    out.extend_from_slice(&data[..usize::from(length)]);
}

fn connack(ack: &ConnAck, five: bool, out: &mut BytesMut) {
    out.put_u8(u8::from(ack.session_present));
    if !five {
        return out.put_u8(code::in_connack_of_3(ack.code));
    }
    out.put_u8(code::in_connack_of_5(ack.code));
    let mut properties = Writer::default();
    properties.number(property::SESSION_EXPIRY, ack.session_expiry);
    properties.number(
        property::RECEIVE_MAXIMUM,
        ack.receive_maximum.map(u32::from),
    );
    properties.number(property::MAXIMUM_QOS, ack.maximum_qos.map(u32::from));
    properties.number(
        property::RETAIN_AVAILABLE,
        ack.retain_available.map(u32::from),
    );
    properties.number(property::MAXIMUM_PACKET, ack.maximum_packet);
    properties.text(
        property::ASSIGNED_CLIENT_ID,
        ack.assigned_client_id.as_deref(),
    );
    properties.number(
        property::TOPIC_ALIAS_MAXIMUM,
        ack.topic_alias_maximum.map(u32::from),
    );
    properties.text(property::REASON, ack.words.as_deref());
    properties.number(
        property::WILDCARDS_AVAILABLE,
        ack.wildcards_available.map(u32::from),
    );
    properties.number(
        property::SUBSCRIPTION_IDS_AVAILABLE,
        ack.subscription_ids_available.map(u32::from),
    );
    properties.number(
        property::SHARED_AVAILABLE,
        ack.shared_available.map(u32::from),
    );
    properties.number(
        property::SERVER_KEEP_ALIVE,
        ack.server_keep_alive.map(u32::from),
    );
    properties.write(out);
}

fn publish(message: &Publish, five: bool, out: &mut BytesMut) {
    put_data(message.topic.as_bytes(), out);
    if message.qos != Qos::AtMostOnce {
        out.put_u16(message.packet);
    }
    if five {
        let said = &message.properties;
        let mut properties = Writer::default();
        properties.number(property::PAYLOAD_FORMAT, said.utf8.map(u32::from));
        properties.number(property::MESSAGE_EXPIRY, said.expiry);
        properties.text(property::RESPONSE_TOPIC, said.response_topic.as_deref());
        properties.data(property::CORRELATION_DATA, said.correlation_data.as_deref());
        said.user.iter().for_each(|pair| properties.pair(pair));
        for id in &said.subscription_ids {
            properties.number(property::SUBSCRIPTION_ID, Some(*id));
        }
        properties.text(property::CONTENT_TYPE, said.content_type.as_deref());
        properties.write(out);
    }
    out.extend_from_slice(&message.payload);
}

/// The short form where there is nothing to say (MQTT 5, 3.4.2.1).
fn acknowledge(first: u8, ack: &Ack, five: bool, out: &mut BytesMut) -> u8 {
    out.put_u16(ack.packet);
    if five && (ack.code != 0 || ack.words.is_some()) {
        out.put_u8(ack.code);
        reason(ack.words.as_deref(), out);
    }
    first
}

fn suback(ack: &SubAck, five: bool, codes: bool, out: &mut BytesMut) {
    out.put_u16(ack.packet);
    if five {
        reason(ack.words.as_deref(), out);
        // With the other codes of 5 a refusal is still a refusal.
        out.extend_from_slice(&ack.codes);
    } else if codes {
        out.extend(ack.codes.iter().map(|code| (*code).min(code::UNSPECIFIED)));
    }
}

fn disconnect(end: &Disconnect, out: &mut BytesMut) {
    out.put_u8(end.code);
    reason(end.words.as_deref(), out);
}

fn reason(words: Option<&str>, out: &mut BytesMut) {
    let mut properties = Writer::default();
    properties.text(property::REASON, words);
    properties.write(out);
}
