//! Messages that need no second look, taken out of a read all at once.
//!
//! What is cheap to hand on is a PUBLISH below QoS 2 without properties and with a topic of its own. Everything else ends a
//! batch and goes its way alone, so that the order holds.

use bytes::{Buf as _, Bytes, BytesMut};

use super::codec::Header;
use crate::domain::batch::{Batch, Head};
use crate::domain::message::Qos;
use crate::domain::profile::Version;

/// Messages of one batch, at most: what one step of the loop may take.
const MOST: usize = 4096;
/// Bytes of one batch, but for a single message: batches are dropped whole.
const MOST_BYTES: usize = 256 << 10;
/// What is shorter is copied, and the read buffer is used again: else every lone message would keep all of it alive.
const SHARED: usize = 16 << 10;

/// Takes the messages at the beginning of `inbox`; `None` when the first packet is none of that kind, or not all there.
/// `acknowledge` is told the packet id of each at QoS 1.
pub fn gather(
    inbox: &mut BytesMut,
    version: Version,
    max_packet: usize,
    expected: usize,
    mut acknowledge: impl FnMut(u16),
) -> Option<Batch> {
    let mut heads = Vec::new();
    let mut end = 0;
    while heads.len() < MOST && (end == 0 || end < MOST_BYTES) {
        let rest = inbox.get(end..).unwrap_or_default();
        let Some((head, total)) = light(rest, end, version, max_packet) else {
            break;
        };
        if heads.is_empty() {
            heads.reserve(expected.min(MOST));
        }
        if head.packet() != 0 {
            acknowledge(head.packet());
        }
        heads.push(head);
        end += total;
    }
    if heads.is_empty() {
        return None;
    }
    if end < SHARED {
        heads.shrink_to_fit();
        let bytes = Bytes::copy_from_slice(inbox.get(..end)?);
        inbox.advance(end);
        return Some(Batch::new(bytes, end, heads));
    }
    let held = inbox.capacity();
    let bytes = inbox.split_to(end).freeze();
    Some(Batch::new(bytes, held, heads))
}

/// The message that `bytes` begin with, and the length of its packet. They stand at `at`.
fn light(bytes: &[u8], at: usize, version: Version, max_packet: usize) -> Option<(Head, usize)> {
    let header = Header::read(bytes).ok()??;
    let total = header.total();
    if !header.is_publish() || total > max_packet {
        return None;
    }
    let body = bytes.get(header.len..total)?;
    let qos = match (header.first >> 1) & 3 {
        0 => Qos::AtMostOnce,
        1 => Qos::AtLeastOnce,
        _ => return None,
    };
    let (length, rest) = body.split_first_chunk::<2>()?;
    let length = u16::from_be_bytes(*length);
    let (topic, rest) = rest.split_at_checked(usize::from(length))?;
    // Without a topic it has an alias; a topic that is no UTF-8 is mended elsewhere.
    if topic.is_empty() || std::str::from_utf8(topic).is_err() {
        return None;
    }
    let (packet, rest) = if qos == Qos::AtMostOnce {
        (0, rest)
    } else {
        let (packet, rest) = rest.split_first_chunk::<2>()?;
        (u16::from_be_bytes(*packet), rest)
    };
    if qos != Qos::AtMostOnce && packet == 0 {
        return None;
    }
    let payload = match version {
        Version::V311 => rest,
        // The length of the properties: none.
        Version::V5 => rest.strip_prefix(&[0])?,
    };
    let gap = body.len() - 2 - topic.len() - payload.len();
    let start = at + header.len + 2;
    let head = Head::new(start, length, u8::try_from(gap).ok()?, payload.len());
    let (retain, dup) = (header.first & 1 != 0, header.first & 8 != 0);
    Some((head.marked(qos, packet, retain, dup), total))
}
