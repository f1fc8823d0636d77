//! What a client may send, read to the letter: a reserved bit or a byte too many is an error, as the standard has it.

use bytes::{Buf as _, Bytes};

use super::Wrong;
use super::property::{self, Value};
use crate::sim::packet::{
    Ack, Connect, Disconnect, FilterOptions, Packet, Properties, Publish, Qos, RetainHandling,
    Subscribe, Unsubscribe, Version, Wanted, Will, code,
};

/// The rest of a packet.
pub struct Input(Bytes);

const SHORT: Wrong = Wrong::malformed("the packet ends too early");

impl Input {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn byte(&mut self) -> Result<u8, Wrong> {
        self.0.try_get_u8().map_err(|_| SHORT)
    }

    pub fn short(&mut self) -> Result<u16, Wrong> {
        self.0.try_get_u16().map_err(|_| SHORT)
    }

    pub fn long(&mut self) -> Result<u32, Wrong> {
        self.0.try_get_u32().map_err(|_| SHORT)
    }

    /// A variable byte integer (MQTT 5, 1.5.5).
    pub fn number(&mut self) -> Result<u32, Wrong> {
        let mut number = 0;
        for shift in [0, 7, 14, 21] {
            let byte = self.byte()?;
            number |= u32::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                // The fewest bytes that will do are a must (1.5.5-1).
                return if shift > 0 && byte == 0 {
                    Err(Wrong::malformed("a number is longer than it needs to be"))
                } else {
                    Ok(number)
                };
            }
        }
        Err(Wrong::malformed("a number has more than four bytes"))
    }

    pub fn part(&mut self, length: usize) -> Result<Self, Wrong> {
        if self.0.len() < length {
            return Err(SHORT);
        }
        Ok(Self(self.0.split_to(length)))
    }

    pub fn data(&mut self) -> Result<Bytes, Wrong> {
        let length = usize::from(self.short()?);
        Ok(self.part(length)?.0)
    }

    /// UTF-8 without U+0000 (MQTT 5, 1.5.4).
    pub fn text(&mut self) -> Result<String, Wrong> {
        let text = String::from_utf8(self.data()?.to_vec())
            .map_err(|_| Wrong::malformed("a text is not UTF-8"))?;
        if text.contains('\0') {
            return Err(Wrong::malformed("a text holds U+0000"));
        }
        Ok(text)
    }

    fn packet_id(&mut self) -> Result<u16, Wrong> {
        match self.short()? {
            0 => Err(Wrong::protocol("a packet id must not be 0")),
            id => Ok(id),
        }
    }

    fn end(self) -> Result<(), Wrong> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(Wrong::malformed("the packet goes on after its end"))
        }
    }
}

fn qos(bits: u8) -> Result<Qos, Wrong> {
    Qos::from_number(bits & 3).ok_or(Wrong::malformed("there is no QoS 3"))
}

/// A packet that is not the first.
pub fn packet(first: u8, body: Bytes, version: Version) -> Result<Packet, Wrong> {
    let (kind, flags) = (first >> 4, first & 0x0f);
    // PUBREL, SUBSCRIBE and UNSUBSCRIBE have 2 there, all but PUBLISH 0 (MQTT 5, 2.1.3).
    let fixed = if matches!(kind, 6 | 8 | 10) { 2 } else { 0 };
    if kind != 3 && flags != fixed {
        return Err(Wrong::malformed("flags that this packet cannot have"));
    }
    let input = Input(body);
    Ok(match kind {
        1 => return Err(Wrong::protocol("a second CONNECT")),
        3 => Packet::Publish(publish(flags, input, version)?),
        4 => Packet::PubAck(ack(input, version)?),
        5 => Packet::PubRec(ack(input, version)?),
        6 => Packet::PubRel(ack(input, version)?),
        7 => Packet::PubComp(ack(input, version)?),
        8 => Packet::Subscribe(subscribe(input, version)?),
        10 => Packet::Unsubscribe(unsubscribe(input, version)?),
        12 => {
            input.end()?;
            Packet::PingReq
        }
        14 => Packet::Disconnect(disconnect(input, version)?),
        15 if version == Version::V5 => Packet::Auth,
        2 | 9 | 11 | 13 => return Err(Wrong::protocol("a packet that only a broker sends")),
        _ => return Err(Wrong::malformed("there is no such packet")),
    })
}

const CONNECT: [u8; 9] = [
    property::SESSION_EXPIRY,
    property::RECEIVE_MAXIMUM,
    property::MAXIMUM_PACKET,
    property::TOPIC_ALIAS_MAXIMUM,
    property::REQUEST_RESPONSE,
    property::REQUEST_PROBLEM,
    property::USER,
    property::AUTHENTICATION_METHOD,
    property::AUTHENTICATION_DATA,
];

const WILL: [u8; 7] = [
    property::WILL_DELAY,
    property::PAYLOAD_FORMAT,
    property::MESSAGE_EXPIRY,
    property::CONTENT_TYPE,
    property::RESPONSE_TOPIC,
    property::CORRELATION_DATA,
    property::USER,
];

const UNSUPPORTED: Wrong = Wrong {
    code: code::UNSUPPORTED_VERSION,
    words: "this broker speaks MQTT 3.1.1 and 5",
};

/// MQTT 5, 3.1, and 3.1.1's chapter of the same number.
pub fn connect(body: Bytes) -> Result<Connect, Wrong> {
    let mut input = Input(body);
    let name = input.data()?;
    let level = input.byte()?;
    let version = match (&name[..], level) {
        (b"MQTT", 4) => Version::V311,
        (b"MQTT", 5) => Version::V5,
        (b"MQTT" | b"MQIsdp", _) => return Err(UNSUPPORTED),
        _ => return Err(Wrong::protocol("the protocol's name is not MQTT")),
    };
    let flags = input.byte()?;
    let has = |bit: u8| flags >> bit & 1 == 1;
    if has(0) {
        return Err(Wrong::malformed("the reserved flag of CONNECT is set"));
    }
    let keep_alive = input.short()?;
    let mut connect = Connect {
        version,
        clean: has(1),
        keep_alive,
        wants_reasons: true,
        ..Connect::default()
    };
    if version == Version::V5 {
        connect_properties(&mut connect, &mut input)?;
    }
    connect.client_id = input.text()?;
    if has(2) {
        connect.will = Some(will(flags, &mut input, version)?);
    } else if flags & 0b0011_1000 != 0 {
        return Err(Wrong::malformed("flags of a will without a will"));
    }
    if has(7) {
        connect.username = Some(input.text()?);
    }
    if has(6) {
        // 3.1.1 does not have a password alone (MQTT 3.1.1, 3.1.2.9).
        if version == Version::V311 && !has(7) {
            return Err(Wrong::malformed("a password without a user name"));
        }
        connect.password = Some(input.data()?);
    }
    input.end()?;
    Ok(connect)
}

fn connect_properties(connect: &mut Connect, input: &mut Input) -> Result<(), Wrong> {
    let mut data = false;
    for (name, value) in property::read(input, &CONNECT)? {
        match (name, value) {
            (property::SESSION_EXPIRY, Value::Number(seconds)) => connect.session_expiry = seconds,
            (property::RECEIVE_MAXIMUM, Value::Number(count)) => {
                connect.receive_maximum = u16::try_from(count).ok();
            }
            (property::MAXIMUM_PACKET, Value::Number(bytes)) => {
                connect.maximum_packet = Some(bytes);
            }
            (property::REQUEST_PROBLEM, Value::Number(flag)) => connect.wants_reasons = flag == 1,
            (property::AUTHENTICATION_METHOD, Value::Text(method)) => {
                connect.authentication_method = Some(method);
            }
            (property::AUTHENTICATION_DATA, _) => data = true,
            // Aliases that the client would take, and the rest, are offers that this broker does not take up.
            _ => {}
        }
    }
    if data && connect.authentication_method.is_none() {
        return Err(Wrong::protocol("authentication data without a method"));
    }
    Ok(())
}

fn will(flags: u8, input: &mut Input, version: Version) -> Result<Will, Wrong> {
    let mut will = Will {
        publish: Publish {
            qos: qos(flags >> 3)?,
            retain: flags >> 5 & 1 == 1,
            ..Publish::default()
        },
        delay: 0,
    };
    if version == Version::V5 {
        for (name, value) in property::read(input, &WILL)? {
            if let (property::WILL_DELAY, Value::Number(seconds)) = (name, &value) {
                will.delay = *seconds;
            } else {
                message_property(&mut will.publish.properties, name, value);
            }
        }
    }
    will.publish.topic = input.text()?;
    will.publish.payload = input.data()?;
    Ok(will)
}

/// What a message carries to its receivers.
fn message_property(properties: &mut Properties, name: u8, value: Value) {
    match (name, value) {
        (property::PAYLOAD_FORMAT, Value::Number(flag)) => properties.utf8 = Some(flag == 1),
        (property::MESSAGE_EXPIRY, Value::Number(seconds)) => properties.expiry = Some(seconds),
        (property::CONTENT_TYPE, Value::Text(text)) => properties.content_type = Some(text),
        (property::RESPONSE_TOPIC, Value::Text(text)) => properties.response_topic = Some(text),
        (property::CORRELATION_DATA, Value::Data(data)) => {
            properties.correlation_data = Some(data);
        }
        (property::USER, Value::Pair(name, value)) => properties.user.push((name, value)),
        _ => {}
    }
}

/// A client must not name subscriptions (3.3.4-6): they are not in the list.
const PUBLISH: [u8; 7] = [
    property::PAYLOAD_FORMAT,
    property::MESSAGE_EXPIRY,
    property::TOPIC_ALIAS,
    property::RESPONSE_TOPIC,
    property::CORRELATION_DATA,
    property::USER,
    property::CONTENT_TYPE,
];

fn publish(flags: u8, mut input: Input, version: Version) -> Result<Publish, Wrong> {
    let mut publish = Publish {
        dup: flags & 8 != 0,
        qos: qos(flags >> 1)?,
        retain: flags & 1 == 1,
        topic: input.text()?,
        ..Publish::default()
    };
    if publish.dup && publish.qos == Qos::AtMostOnce {
        return Err(Wrong::malformed("QoS 0 is never a duplicate"));
    }
    if publish.qos != Qos::AtMostOnce {
        publish.packet = input.packet_id()?;
    }
    if version == Version::V5 {
        for (name, value) in property::read(&mut input, &PUBLISH)? {
            if let (property::TOPIC_ALIAS, Value::Number(alias)) = (name, &value) {
                publish.alias = u16::try_from(*alias).ok();
            } else {
                message_property(&mut publish.properties, name, value);
            }
        }
    }
    publish.payload = input.0;
    Ok(publish)
}

const REASON: [u8; 2] = [property::REASON, property::USER];

/// Code and properties may be left out in 5 (MQTT 5, 3.4.2.1), and are never there in 3.1.1.
fn ack(mut input: Input, version: Version) -> Result<Ack, Wrong> {
    let mut ack = Ack::of(input.packet_id()?);
    if version == Version::V5 && !input.is_empty() {
        ack.code = input.byte()?;
        if !input.is_empty() {
            property::read(&mut input, &REASON)?;
        }
    }
    input.end()?;
    Ok(ack)
}

fn subscribe(mut input: Input, version: Version) -> Result<Subscribe, Wrong> {
    let mut subscribe = Subscribe {
        packet: input.packet_id()?,
        filters: Vec::new(),
    };
    let mut id = None;
    if version == Version::V5 {
        let allowed = [property::SUBSCRIPTION_ID, property::USER];
        for (_, value) in property::read(&mut input, &allowed)? {
            if let Value::Number(number) = value {
                id = Some(number);
            }
        }
    }
    while !input.is_empty() {
        let filter = input.text()?;
        let bits = input.byte()?;
        let reserved = if version == Version::V5 { 0xc0 } else { 0xfc };
        if bits & reserved != 0 {
            return Err(Wrong::malformed("reserved bits of a filter's options"));
        }
        let retain_handling = match bits >> 4 & 3 {
            0 => RetainHandling::Send,
            1 => RetainHandling::SendIfNew,
            2 => RetainHandling::Never,
            _ => return Err(Wrong::protocol("there is no retain handling 3")),
        };
        let options = FilterOptions {
            no_local: bits & 4 != 0,
            retain_as_published: bits & 8 != 0,
            retain_handling,
            id,
        };
        if options.no_local && filter.starts_with("$share/") {
            return Err(Wrong::protocol("a shared subscription cannot be no-local"));
        }
        subscribe.filters.push(Wanted {
            filter,
            qos: qos(bits)?,
            options,
        });
    }
    if subscribe.filters.is_empty() {
        return Err(Wrong::protocol("a SUBSCRIBE without filters"));
    }
    Ok(subscribe)
}

fn unsubscribe(mut input: Input, version: Version) -> Result<Unsubscribe, Wrong> {
    let mut unsubscribe = Unsubscribe {
        packet: input.packet_id()?,
        filters: Vec::new(),
    };
    if version == Version::V5 {
        property::read(&mut input, &[property::USER])?;
    }
    while !input.is_empty() {
        unsubscribe.filters.push(input.text()?);
    }
    if unsubscribe.filters.is_empty() {
        return Err(Wrong::protocol("an UNSUBSCRIBE without filters"));
    }
    Ok(unsubscribe)
}

fn disconnect(mut input: Input, version: Version) -> Result<Disconnect, Wrong> {
    let mut disconnect = Disconnect::default();
    if version == Version::V5 && !input.is_empty() {
        disconnect.code = input.byte()?;
        if !input.is_empty() {
            let allowed = [property::SESSION_EXPIRY, property::REASON, property::USER];
            for (name, value) in property::read(&mut input, &allowed)? {
                match (name, value) {
                    (property::SESSION_EXPIRY, Value::Number(seconds)) => {
                        disconnect.session_expiry = Some(seconds);
                    }
                    (property::REASON, Value::Text(words)) => disconnect.words = Some(words),
                    _ => {}
                }
            }
        }
    }
    input.end()?;
    Ok(disconnect)
}
