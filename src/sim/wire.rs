//! Bytes to packets and back, MQTT 3.1.1 and 5: what a client may send is read, what a broker may send is written.

mod property;
mod read;
mod write;

use bytes::{Bytes, BytesMut};

use super::packet::{Packet, Qos, Version, code};

pub use self::write::encode;

/// What goes out on a connection.
#[derive(Debug, Clone, PartialEq)]
pub enum Frame {
    Packet(Version, Packet),
    /// Bytes as they are: rubbish on purpose.
    Raw(Bytes),
}

impl Frame {
    /// A QoS 0 message: nobody is promised it.
    pub fn is_droppable(&self) -> bool {
        matches!(self, Self::Packet(_, Packet::Publish(publish)) if publish.qos == Qos::AtMostOnce)
    }

    pub fn write(&self, buffer: &mut BytesMut) {
        match self {
            Self::Packet(version, packet) => encode(packet, *version, buffer),
            Self::Raw(bytes) => buffer.extend_from_slice(bytes),
        }
    }
}

/// What is wrong with bytes: the reason code of MQTT 5, and words for the reason string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wrong {
    pub code: u8,
    pub words: &'static str,
}

impl Wrong {
    const fn malformed(words: &'static str) -> Self {
        Self {
            code: code::MALFORMED,
            words,
        }
    }

    const fn protocol(words: &'static str) -> Self {
        Self {
            code: code::PROTOCOL_ERROR,
            words,
        }
    }
}

/// What the reader of a connection learns from its buffer.
#[derive(Debug, PartialEq)]
pub enum Incoming {
    Packet(Packet),
    /// The buffer ends in the middle of a packet.
    Incomplete,
    /// Not MQTT, or larger than allowed: the connection must go.
    Wrong(Wrong),
}

/// Reads the packets of one client. Which version they are of, its CONNECT says.
#[derive(Debug)]
pub struct Reader {
    version: Option<Version>,
    /// Largest packet taken, in bytes and as a whole.
    limit: usize,
}

impl Reader {
    pub fn new(limit: usize) -> Self {
        Self {
            version: None,
            limit,
        }
    }

    /// Takes the next packet out of `buffer`.
    pub fn next(&mut self, buffer: &mut BytesMut) -> Incoming {
        match self.frame(buffer) {
            Ok(None) => Incoming::Incomplete,
            Ok(Some((first, body))) => match self.packet(first, body) {
                Ok(packet) => Incoming::Packet(packet),
                Err(wrong) => Incoming::Wrong(wrong),
            },
            Err(wrong) => Incoming::Wrong(wrong),
        }
    }

    /// First byte and content of the next packet (MQTT 5, 2.1).
    fn frame(&self, buffer: &mut BytesMut) -> Result<Option<(u8, Bytes)>, Wrong> {
        let Some(first) = buffer.first().copied() else {
            return Ok(None);
        };
        // Said at once: what follows is no MQTT, and its length would be anything.
        if self.version.is_none() && first != 0x10 {
            return Err(Wrong::protocol("the first packet has to be CONNECT"));
        }
        let mut length = 0;
        let mut header = 1;
        loop {
            let Some(byte) = buffer.get(header) else {
                return Ok(None);
            };
            length |= usize::from(byte & 0x7f) << (7 * (header - 1));
            header += 1;
            if byte & 0x80 == 0 {
                break;
            }
            if header == 5 {
                return Err(Wrong::malformed("the length has more than four bytes"));
            }
        }
        if header + length > self.limit {
            return Err(Wrong {
                code: code::PACKET_TOO_LARGE,
                words: "the packet is larger than this broker takes",
            });
        }
        if buffer.len() < header + length {
            return Ok(None);
        }
        let packet = buffer.split_to(header + length).freeze();
        Ok(Some((first, packet.slice(header..))))
    }

    fn packet(&mut self, first: u8, body: Bytes) -> Result<Packet, Wrong> {
        if let Some(version) = self.version {
            return read::packet(first, body, version);
        }
        // Known from here on, so that the rest may be refused in the words of its version.
        self.version = match body.get(..7) {
            Some(b"\0\x04MQTT\x05") => Some(Version::V5),
            _ => Some(Version::V311),
        };
        read::connect(body).map(|connect| Packet::Connect(Box::new(connect)))
    }

    /// That of the client, once its CONNECT has begun to say.
    pub fn version(&self) -> Version {
        self.version.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
