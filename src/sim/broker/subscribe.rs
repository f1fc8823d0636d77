//! SUBSCRIBE and UNSUBSCRIBE, and the retained messages that greet a subscription.

use super::session::Subscription;
use super::{Broker, ConnectionId, Happening, Turn, Verdict};
use crate::domain::topic::TopicFilter;
use crate::sim::packet::{Packet, RetainHandling, SubAck, Subscribe, Unsubscribe, Wanted, code};

/// What becomes of one filter.
enum Outcome {
    Granted(Subscription),
    Refused(u8),
    /// The connection goes, without a SUBACK.
    Closed,
}

impl Broker {
    pub(super) fn subscribe(
        &mut self,
        id: ConnectionId,
        client: &str,
        subscribe: Subscribe,
        turn: Turn<'_>,
    ) {
        if subscribe.filters.len() > turn.limits.filters_per_subscribe {
            return self.close(id, turn);
        }
        let mut codes = Vec::new();
        let mut granted = Vec::new();
        for wanted in subscribe.filters {
            match self.judge(id, client, &wanted, turn) {
                Outcome::Closed => return self.close(id, turn),
                Outcome::Refused(code) => codes.push(code),
                Outcome::Granted(subscription) => {
                    codes.push(subscription.qos.number());
                    granted.push(subscription);
                }
            }
        }
        let refused = codes.iter().any(|code| *code >= code::UNSPECIFIED);
        let words = self.words(id, "not all filters were granted");
        let ack = SubAck {
            packet: subscribe.packet,
            codes,
            words: words.filter(|_| refused).map(str::to_owned),
        };
        let hold = self.faults.hold_subacks;
        self.acknowledge(id, Packet::SubAck(ack), hold);
        for subscription in granted {
            self.grant(client, &subscription, turn);
        }
    }

    fn judge(&self, id: ConnectionId, client: &str, wanted: &Wanted, turn: Turn<'_>) -> Outcome {
        let five = self.speaks_5(id);
        let verdict = self
            .faults
            .subscribe(&wanted.filter)
            .unwrap_or_else(|| turn.rules.subscribe(self.who(id, client), &wanted.filter));
        let shared = wanted.filter.starts_with("$share/");
        match (TopicFilter::parse(&wanted.filter), verdict) {
            (_, Verdict::Closed) => Outcome::Closed,
            // 3.1.1 has no word for it.
            (Err(_), _) if five => Outcome::Refused(code::FILTER_INVALID),
            (Err(_), _) => Outcome::Closed,
            (Ok(_), Verdict::Refused(code)) if code > code::UNSPECIFIED => Outcome::Refused(code),
            (Ok(_), Verdict::Refused(_)) => Outcome::Refused(code::NOT_AUTHORIZED),
            (Ok(_), Verdict::Allowed) if shared && !turn.limits.shared => {
                Outcome::Refused(code::SHARED_NOT_SUPPORTED)
            }
            (Ok(filter), Verdict::Allowed) => Outcome::Granted(Subscription {
                filter,
                qos: wanted.qos.min(turn.limits.maximum_qos),
                options: wanted.options,
            }),
        }
    }

    fn grant(&mut self, client: &str, subscription: &Subscription, turn: Turn<'_>) {
        let Some(session) = self.sessions.get_mut(client) else {
            return;
        };
        let new = session.subscribe(subscription.clone());
        self.happened(Happening::Subscribed {
            client: client.to_owned(),
            filter: subscription.filter.as_str().to_owned(),
        });
        let greet = match subscription.options.retain_handling {
            RetainHandling::Send => true,
            RetainHandling::SendIfNew => new,
            RetainHandling::Never => false,
        };
        // Who shares gets none (MQTT 5, 4.8.2).
        if greet && !subscription.is_shared() {
            self.send_retained(client, subscription, turn);
        }
    }

    pub(super) fn unsubscribe(&mut self, id: ConnectionId, client: &str, unsubscribe: Unsubscribe) {
        let mut codes = Vec::new();
        for filter in unsubscribe.filters {
            let session = self.sessions.get_mut(client);
            let was_there = session.is_some_and(|session| session.unsubscribe(&filter));
            codes.push(match (TopicFilter::parse(&filter), was_there) {
                (Err(_), _) => code::FILTER_INVALID,
                (Ok(_), false) => code::NO_SUBSCRIPTION_EXISTED,
                (Ok(_), true) => code::SUCCESS,
            });
            self.happened(Happening::Unsubscribed {
                client: client.to_owned(),
                filter,
            });
        }
        let ack = SubAck {
            packet: unsubscribe.packet,
            codes,
            words: None,
        };
        let hold = self.faults.hold_subacks;
        self.acknowledge(id, Packet::UnsubAck(ack), hold);
    }
}
