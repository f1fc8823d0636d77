//! MQTT 5's properties (MQTT 5, 2.2.2), one after the other.

use super::reader::{Malformed, Reader};

pub const PAYLOAD_FORMAT: u8 = 1;
pub const MESSAGE_EXPIRY: u8 = 2;
pub const CONTENT_TYPE: u8 = 3;
pub const RESPONSE_TOPIC: u8 = 8;
pub const CORRELATION_DATA: u8 = 9;
pub const SUBSCRIPTION_ID: u8 = 11;
pub const ASSIGNED_CLIENT_ID: u8 = 18;
pub const SERVER_KEEP_ALIVE: u8 = 19;
pub const RESPONSE_INFORMATION: u8 = 26;
pub const SERVER_REFERENCE: u8 = 28;
pub const REASON_STRING: u8 = 31;
pub const RECEIVE_MAXIMUM: u8 = 33;
pub const TOPIC_ALIAS: u8 = 35;
pub const MAXIMUM_QOS: u8 = 36;
pub const RETAIN_AVAILABLE: u8 = 37;
pub const USER_PROPERTY: u8 = 38;
pub const MAXIMUM_PACKET: u8 = 39;
pub const WILDCARDS_AVAILABLE: u8 = 40;
pub const SUBSCRIPTION_IDS_AVAILABLE: u8 = 41;
pub const SHARED_AVAILABLE: u8 = 42;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'a> {
    Number(u32),
    Bytes(&'a [u8]),
    Pair(&'a [u8], &'a [u8]),
}

impl Value<'_> {
    pub const fn number(self) -> u32 {
        match self {
            Self::Number(number) => number,
            Self::Bytes(_) | Self::Pair(..) => 0,
        }
    }

    /// For a property whose type has sixteen bits.
    pub fn short(self) -> u16 {
        u16::try_from(self.number()).unwrap_or(u16::MAX)
    }

    pub fn text(self) -> String {
        match self {
            Self::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Self::Number(_) | Self::Pair(..) => String::new(),
        }
    }
}

/// The properties that stand at the reader's place, with their length in front.
pub struct Properties<'a>(Reader<'a>);

impl<'a> Properties<'a> {
    pub fn read(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        let length = reader.varint()?;
        reader
            .take(length as usize)
            .map(|all| Self(Reader::new(all)))
    }

    /// Packets that end before their properties have none (MQTT 5, 3.4.2.2.1).
    pub fn read_or_none(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        if reader.is_empty() {
            Ok(Self(Reader::new(&[])))
        } else {
            Self::read(reader)
        }
    }
}

impl<'a> Iterator for Properties<'a> {
    type Item = Result<(u8, Value<'a>), Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let read = one(&mut self.0);
        if read.is_err() {
            self.0.rest();
        }
        Some(read)
    }
}

fn one<'a>(reader: &mut Reader<'a>) -> Result<(u8, Value<'a>), Malformed> {
    let id = reader.u8()?;
    let value = match id {
        1 | 23 | 25 | 36 | 37 | 40 | 41 | 42 => Value::Number(reader.u8()?.into()),
        19 | 33 | 34 | 35 => Value::Number(reader.u16()?.into()),
        2 | 17 | 24 | 39 => Value::Number(reader.u32()?),
        11 => Value::Number(reader.varint()?),
        3 | 8 | 9 | 18 | 21 | 22 | 26 | 28 | 31 => Value::Bytes(reader.bytes()?),
        38 => Value::Pair(reader.bytes()?, reader.bytes()?),
        unknown => {
            return Err(Malformed(format!(
                "a property {unknown}, which MQTT does not know"
            )));
        }
    };
    Ok((id, value))
}
