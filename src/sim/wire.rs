//! Bytes to packets and back, MQTT 3.1.1, with rumqttc's codec.
//!
//! The codec knows five CONNACK refusals; some clouds send others, so [`Frame`] can also carry bytes as they are.

use bytes::{Bytes, BytesMut};
use rumqttc::mqttbytes;
use rumqttc::mqttbytes::v4::{ConnAck, ConnectReturnCode, Packet};

/// Largest packet taken: AWS IoT's payload limit of 128 KiB and room for the topic.
pub const MAX_PACKET: usize = 128 * 1024 + 4096;

/// What goes out on a connection.
#[derive(Debug, Clone, PartialEq)]
pub enum Frame {
    Packet(Packet),
    /// Bytes as they are: a CONNACK with a code of tomorrow, or rubbish on purpose.
    Raw(Bytes),
}

impl Frame {
    /// A CONNACK that refuses with any code.
    pub fn refusal(code: u8) -> Self {
        Self::Raw(Bytes::copy_from_slice(&[0x20, 0x02, 0x00, code]))
    }

    pub fn accepted(session_present: bool) -> Self {
        Self::Packet(Packet::ConnAck(ConnAck::new(
            ConnectReturnCode::Success,
            session_present,
        )))
    }

    /// Appends the frame to `buffer`; false when the packet cannot be written (its sender made nonsense).
    pub fn write(&self, buffer: &mut BytesMut) -> bool {
        match self {
            Self::Packet(packet) => packet.write(buffer, usize::MAX).is_ok(),
            Self::Raw(bytes) => {
                buffer.extend_from_slice(bytes);
                true
            }
        }
    }
}

/// What the reader of a connection learns from its buffer.
#[derive(Debug, PartialEq)]
pub enum Incoming {
    Packet(Packet),
    /// The buffer ends in the middle of a packet.
    Incomplete,
    /// Not MQTT 3.1.1, or larger than allowed: the connection must go.
    Malformed,
}

/// Takes the next packet out of `buffer`.
pub fn next(buffer: &mut BytesMut) -> Incoming {
    if is_other_version(buffer) {
        return Incoming::Malformed;
    }
    match Packet::read(buffer, MAX_PACKET) {
        Ok(packet) => Incoming::Packet(packet),
        Err(mqttbytes::Error::InsufficientBytes(_)) => Incoming::Incomplete,
        Err(_) => Incoming::Malformed,
    }
}

/// Whether a CONNECT of another MQTT version begins here. The codec would read on and misunderstand it.
fn is_other_version(buffer: &[u8]) -> bool {
    if buffer.first().is_none_or(|byte| byte >> 4 != 1) {
        return false;
    }
    let length_bytes = buffer
        .iter()
        .skip(1)
        .take(4)
        .take_while(|byte| *byte & 0x80 != 0)
        .count()
        + 1;
    buffer
        .get(1 + length_bytes + 6)
        .is_some_and(|level| *level != 4)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rumqttc::mqttbytes::v4::{Connect, Publish};

    fn bytes_of(frame: &Frame) -> BytesMut {
        let mut buffer = BytesMut::new();
        assert!(frame.write(&mut buffer));
        buffer
    }

    #[test]
    fn packets_survive_the_wire_in_any_portions() {
        let mut publish = Publish::new("a/b", mqttbytes::QoS::AtLeastOnce, "한글");
        publish.pkid = 7;
        let sent = [
            Packet::Connect(Connect::new("me")),
            Packet::Publish(publish),
            Packet::PingReq,
        ];
        let mut wire = BytesMut::new();
        for packet in &sent {
            assert!(Frame::Packet(packet.clone()).write(&mut wire));
        }
        let (mut buffer, mut read) = (BytesMut::new(), Vec::new());
        for byte in wire {
            buffer.extend_from_slice(&[byte]);
            if let Incoming::Packet(packet) = next(&mut buffer) {
                read.push(packet);
            }
        }
        assert_eq!(read, sent);
    }

    #[test]
    fn a_refusal_may_have_a_code_that_the_codec_does_not_know() {
        assert_eq!(&bytes_of(&Frame::refusal(7))[..], [0x20, 2, 0, 7]);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic_or_loop(bytes in proptest::collection::vec(0_u8.., 0..200)) {
            let mut buffer = BytesMut::from(&bytes[..]);
            let mut left = buffer.len() + 1;
            while let Incoming::Packet(_) = next(&mut buffer) {
                proptest::prop_assert!(buffer.len() < left, "no progress");
                left = buffer.len();
            }
        }
    }

    #[test]
    fn a_version_5_connect_and_rubbish_are_malformed() {
        let mut version5 = bytes_of(&Frame::Packet(Packet::Connect(Connect::new("me"))));
        version5[8] = 5;
        assert_eq!(next(&mut version5), Incoming::Malformed);
        assert_eq!(
            next(&mut BytesMut::from(&b"GET / HTTP/1.1\r\n\r\n"[..])),
            Incoming::Incomplete
        );
        assert_eq!(
            next(&mut BytesMut::from(&[0xf0, 0x00][..])),
            Incoming::Malformed
        );
    }
}
