//! MQTT 5's properties as they stand in a packet (MQTT 5, 2.2.2).

use bytes::{BufMut as _, Bytes, BytesMut};

use super::Wrong;
use super::read::Input;
use super::write::{put_data, put_number};

pub const PAYLOAD_FORMAT: u8 = 0x01;
pub const MESSAGE_EXPIRY: u8 = 0x02;
pub const CONTENT_TYPE: u8 = 0x03;
pub const RESPONSE_TOPIC: u8 = 0x08;
pub const CORRELATION_DATA: u8 = 0x09;
pub const SUBSCRIPTION_ID: u8 = 0x0b;
pub const SESSION_EXPIRY: u8 = 0x11;
pub const ASSIGNED_CLIENT_ID: u8 = 0x12;
pub const SERVER_KEEP_ALIVE: u8 = 0x13;
pub const AUTHENTICATION_METHOD: u8 = 0x15;
pub const AUTHENTICATION_DATA: u8 = 0x16;
pub const REQUEST_PROBLEM: u8 = 0x17;
pub const WILL_DELAY: u8 = 0x18;
pub const REQUEST_RESPONSE: u8 = 0x19;
pub const REASON: u8 = 0x1f;
pub const RECEIVE_MAXIMUM: u8 = 0x21;
pub const TOPIC_ALIAS_MAXIMUM: u8 = 0x22;
pub const TOPIC_ALIAS: u8 = 0x23;
pub const MAXIMUM_QOS: u8 = 0x24;
pub const RETAIN_AVAILABLE: u8 = 0x25;
pub const USER: u8 = 0x26;
pub const MAXIMUM_PACKET: u8 = 0x27;
pub const WILDCARDS_AVAILABLE: u8 = 0x28;
pub const SUBSCRIPTION_IDS_AVAILABLE: u8 = 0x29;
pub const SHARED_AVAILABLE: u8 = 0x2a;

#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// All the numbers; how wide one is, its name says.
    Number(u32),
    Text(String),
    Data(Bytes),
    Pair(String, String),
}

/// How a property's value stands on the wire.
#[derive(Clone, Copy)]
enum Shape {
    /// 0 or 1.
    Flag,
    Short,
    Long,
    Variable,
    Text,
    Data,
    Pair,
}

fn shape(name: u8) -> Option<Shape> {
    Some(match name {
        0x01 | 0x17 | 0x19 | 0x24 | 0x25 | 0x28..=0x2a => Shape::Flag,
        0x13 | 0x21..=0x23 => Shape::Short,
        0x02 | 0x11 | 0x18 | 0x27 => Shape::Long,
        0x0b => Shape::Variable,
        0x03 | 0x08 | 0x12 | 0x15 | 0x1a | 0x1c | 0x1f => Shape::Text,
        0x09 | 0x16 => Shape::Data,
        0x26 => Shape::Pair,
        _ => return None,
    })
}

/// The properties of a packet that may have those named in `allowed`, in their order.
pub fn read(input: &mut Input, allowed: &[u8]) -> Result<Vec<(u8, Value)>, Wrong> {
    let length = input.number()?;
    let mut input = input.part(length as usize)?;
    let mut found: Vec<(u8, Value)> = Vec::new();
    while !input.is_empty() {
        let name = input.byte()?;
        let shape = shape(name).ok_or(Wrong::malformed("a property that nobody knows"))?;
        if !allowed.contains(&name) {
            return Err(Wrong::malformed("a property that this packet cannot have"));
        }
        if name != USER && found.iter().any(|(other, _)| *other == name) {
            return Err(Wrong::protocol("a property that stands there twice"));
        }
        found.push((name, value(&mut input, name, shape)?));
    }
    Ok(found)
}

fn value(input: &mut Input, name: u8, shape: Shape) -> Result<Value, Wrong> {
    let number = match shape {
        Shape::Text => return input.text().map(Value::Text),
        Shape::Data => return input.data().map(Value::Data),
        Shape::Pair => return Ok(Value::Pair(input.text()?, input.text()?)),
        Shape::Flag => u32::from(input.byte()?),
        Shape::Short => u32::from(input.short()?),
        Shape::Long => input.long()?,
        Shape::Variable => input.number()?,
    };
    if matches!(shape, Shape::Flag) && number > 1 {
        return Err(Wrong::protocol("a property that is neither 0 nor 1"));
    }
    // Each of these says for itself that 0 is a protocol error (MQTT 5, 3.1.2.11.3, 3.1.2.11.4, 3.8.2.1.2).
    if number == 0 && matches!(name, RECEIVE_MAXIMUM | MAXIMUM_PACKET | SUBSCRIPTION_ID) {
        return Err(Wrong::protocol("a property that must not be 0"));
    }
    Ok(Value::Number(number))
}

/// Collects properties and writes them with their length.
#[derive(Default)]
pub struct Writer(BytesMut);

impl Writer {
    pub fn number(&mut self, name: u8, value: Option<u32>) {
        let (Some(value), Some(shape)) = (value, shape(name)) else {
            return;
        };
        self.0.put_u8(name);
        let [_, _, high, low] = value.to_be_bytes();
        match shape {
            Shape::Flag => self.0.put_u8(low),
            Shape::Short => self.0.put_slice(&[high, low]),
            Shape::Long => self.0.put_u32(value),
            _ => put_number(value, &mut self.0),
        }
    }

    pub fn text(&mut self, name: u8, value: Option<&str>) {
        self.data(name, value.map(str::as_bytes));
    }

    pub fn data(&mut self, name: u8, value: Option<&[u8]>) {
        if let Some(value) = value {
            self.0.put_u8(name);
            put_data(value, &mut self.0);
        }
    }

    pub fn pair(&mut self, (name, value): &(String, String)) {
        self.0.put_u8(USER);
        put_data(name.as_bytes(), &mut self.0);
        put_data(value.as_bytes(), &mut self.0);
    }

    pub fn write(self, out: &mut BytesMut) {
        put_number(u32::try_from(self.0.len()).unwrap_or(u32::MAX), out);
        out.extend_from_slice(&self.0);
    }
}
