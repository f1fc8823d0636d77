//! Bytes on their way out, and who waits for them to be gone.

use std::collections::VecDeque;

use bytes::{Buf as _, BytesMut};

use super::Ticket;
use super::codec::{self, Ack};

/// Acknowledgements of what the broker sends may pile up to here while it does not read; then it is not read from
/// either. Some 260,000 messages: a broker that keeps to its own window never comes near.
const MOST_ANSWERS: usize = 1 << 20;
/// A buffer that a large packet has stretched is let go.
const KEPT: usize = 256 << 10;

/// See the module.
#[derive(Debug, Default)]
pub struct Outgoing {
    bytes: BytesMut,
    /// All that was ever written to the stream, and all of it that was flushed.
    written: u64,
    flushed: u64,
    /// QoS 0 publishes: gone when so many bytes are flushed.
    waiting: VecDeque<(u64, Ticket)>,
    answers: usize,
}

impl Outgoing {
    /// Where packets are written to.
    pub const fn bytes(&mut self) -> &mut BytesMut {
        &mut self.bytes
    }

    pub fn unsent(&self) -> usize {
        self.bytes.len()
    }

    pub fn is_flushed(&self) -> bool {
        self.bytes.is_empty() && self.flushed == self.written
    }

    pub fn answer(&mut self, ack: Ack, packet: u16) {
        let before = self.bytes.len();
        codec::acknowledge(ack, packet, &mut self.bytes);
        self.answers += self.bytes.len() - before;
    }

    pub const fn has_room_for_answers(&self) -> bool {
        self.answers < MOST_ANSWERS
    }

    /// Tell `ticket` when everything up to here is flushed.
    pub fn mark(&mut self, ticket: Ticket) {
        let end = self.written + self.bytes.len() as u64;
        self.waiting.push_back((end, ticket));
    }

    /// The stream took some.
    pub fn sent(&mut self, count: usize) {
        self.written += count as u64;
        if self.bytes.is_empty() {
            self.answers = 0;
            if self.bytes.capacity() > KEPT {
                self.bytes = BytesMut::new();
            }
        }
    }

    /// The stream flushed all it took.
    pub const fn flushed(&mut self) {
        self.flushed = self.written;
    }

    /// The next one that is gone.
    pub fn gone(&mut self) -> Option<Ticket> {
        match self.waiting.front() {
            Some((end, ticket)) if *end <= self.flushed => {
                let ticket = *ticket;
                self.waiting.pop_front();
                Some(ticket)
            }
            _ => None,
        }
    }

    /// Nothing can leave any more.
    pub fn clear(&mut self) {
        let left = self.bytes.len();
        self.bytes.advance(left);
        self.flushed = self.written;
        self.answers = 0;
        self.waiting.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_is_told_when_its_last_byte_is_flushed_and_not_before() {
        let mut out = Outgoing::default();
        out.bytes().extend_from_slice(b"first");
        out.mark(Ticket(1));
        out.bytes().extend_from_slice(b"second");
        out.mark(Ticket(2));
        out.bytes().advance(8);
        out.sent(8);
        assert_eq!(out.gone(), None);
        out.flushed();
        assert_eq!((out.gone(), out.gone()), (Some(Ticket(1)), None));
        out.bytes().advance(3);
        out.sent(3);
        assert!(!out.is_flushed());
        out.flushed();
        assert_eq!((out.gone(), out.gone()), (Some(Ticket(2)), None));
        assert!(out.is_flushed());
    }
}
