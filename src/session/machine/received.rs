//! Messages received and not finished with: the tokens of manual acknowledgement, and the packet ids of QoS 2.
//!
//! A QoS 2 message has arrived once its packet id was seen, and the same id means the same message until the broker
//! releases it (MQTT 5, 4.3.3), also over connections while the broker keeps the session. QoS 1 has no such memory: a
//! message that comes again is delivered again, marked (failure-modes.md F5).

use std::collections::{BTreeMap, HashMap};

use crate::domain::message::{AckToken, Qos};

/// So many packet ids there are: a broker that keeps to the protocol never has more unacknowledged (MQTT 5, 3.3.4).
const MOST_TOKENS: usize = u16::MAX as usize;

/// See the module.
#[derive(Debug, Default)]
pub struct Received {
    /// Of the connection that stands; the oldest first.
    tokens: BTreeMap<u64, (u16, Qos)>,
    /// QoS 2 ids that the broker has not released.
    exact: HashMap<u16, Exact>,
    next: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Exact {
    /// Delivered; its reader has not acknowledged it yet.
    InUse(AckToken),
    Used,
}

/// What is to be done with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Deliver(Option<AckToken>),
    /// The same QoS 2 message again; its reader has it and will acknowledge it.
    Known,
    /// The same QoS 2 message again; acknowledged already, and the broker did not hear it.
    Acknowledged,
}

impl Received {
    /// A connection stands. `kept`: the broker knows the session of the last one.
    pub fn begin(&mut self, kept: bool) {
        self.tokens.clear();
        if !kept {
            self.exact.clear();
        }
    }

    /// The connection is gone, and its tokens name nothing any more.
    pub fn lost(&mut self) {
        self.tokens.clear();
    }

    pub fn arrived(&mut self, packet: u16, qos: Qos, manual: bool) -> Verdict {
        if qos == Qos::ExactlyOnce {
            match self.exact.get(&packet) {
                Some(Exact::InUse(token)) => {
                    self.tokens.insert(token.0, (packet, qos));
                    return Verdict::Known;
                }
                Some(Exact::Used) => return Verdict::Acknowledged,
                None => {}
            }
        }
        let token = (manual && qos != Qos::AtMostOnce).then(|| self.token(packet, qos));
        if qos == Qos::ExactlyOnce {
            let exact = token.map_or(Exact::Used, Exact::InUse);
            self.exact.insert(packet, exact);
        }
        Verdict::Deliver(token)
    }

    /// The reader is done with it. What to tell the broker; `None` where it would not understand: the token is of an
    /// earlier connection, on this one the broker delivers the message again (and a QoS 2 one is acknowledged then).
    pub fn used(&mut self, token: AckToken) -> Option<(u16, Qos)> {
        let told = self.tokens.remove(&token.0);
        let exact = match told {
            Some((packet, Qos::ExactlyOnce)) => self.exact.get_mut(&packet),
            Some(_) => None,
            None => self.exact.values_mut().find(|e| **e == Exact::InUse(token)),
        };
        if let Some(exact) = exact {
            *exact = Exact::Used;
        }
        told
    }

    /// PUBREL: the id is free again.
    pub fn released(&mut self, packet: u16) {
        self.exact.remove(&packet);
    }

    fn token(&mut self, packet: u16, qos: Qos) -> AckToken {
        self.next += 1;
        let token = AckToken(self.next);
        self.tokens.insert(token.0, (packet, qos));
        if self.tokens.len() > MOST_TOKENS {
            self.tokens.pop_first();
        }
        token
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXACT: Qos = Qos::ExactlyOnce;

    #[test]
    fn a_reader_that_acknowledges_between_two_connections_is_remembered() {
        let mut received = Received::default();
        let Verdict::Deliver(Some(token)) = received.arrived(7, EXACT, true) else {
            panic!("a first time");
        };
        received.lost();
        assert_eq!(received.used(token), None, "nobody to tell");
        received.begin(true);
        assert_eq!(received.arrived(7, EXACT, true), Verdict::Acknowledged);
        received.released(7);
        assert!(matches!(
            received.arrived(7, EXACT, true),
            Verdict::Deliver(Some(_))
        ));
    }

    #[test]
    fn a_reader_that_is_slower_than_the_network_still_acknowledges() {
        let mut received = Received::default();
        let Verdict::Deliver(Some(token)) = received.arrived(7, EXACT, true) else {
            panic!("a first time");
        };
        received.lost();
        received.begin(true);
        assert_eq!(received.arrived(7, EXACT, true), Verdict::Known);
        assert_eq!(received.used(token), Some((7, EXACT)));
    }

    #[test]
    fn a_token_of_qos_1_dies_with_its_connection() {
        let mut received = Received::default();
        let Verdict::Deliver(Some(token)) = received.arrived(7, Qos::AtLeastOnce, true) else {
            panic!("a first time");
        };
        received.lost();
        received.begin(true);
        assert_eq!(received.used(token), None);
    }

    #[test]
    fn a_broker_that_waits_for_no_acknowledgement_fills_no_memory() {
        let mut received = Received::default();
        let mut last = None;
        for _ in 0..100_000 {
            last = Some(received.arrived(7, Qos::AtLeastOnce, true));
        }
        assert_eq!(received.tokens.len(), MOST_TOKENS);
        let Some(Verdict::Deliver(Some(token))) = last else {
            panic!("delivered");
        };
        assert_eq!(received.used(token), Some((7, Qos::AtLeastOnce)));
    }
}
