//! SUBSCRIBE and UNSUBSCRIBE, and the retained messages that greet a subscription.

use super::session::Subscription;
use super::{Broker, Cause, ConnectionId, Happening, Life, Turn, Verdict};
use crate::domain::topic::TopicFilter;
use crate::sim::packet::{Packet, RetainHandling, SubAck, Subscribe, Unsubscribe, Wanted, code};

/// What becomes of one filter.
enum Outcome {
    Granted(Subscription),
    Refused(u8),
    /// The connection goes, without a SUBACK.
    Closed,
    /// The same, with a reason for those who can hear it.
    Ended(u8),
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
            let words = "too many filters at a time";
            return self.end(id, code::QUOTA_EXCEEDED, words, turn);
        }
        let mut codes = Vec::new();
        let mut granted = Vec::new();
        for wanted in subscribe.filters {
            match self.judge(id, client, &wanted, &granted, turn) {
                Outcome::Closed => {
                    self.because(id, Cause::Forbidden);
                    return self.close(id, turn);
                }
                Outcome::Ended(code) => {
                    return self.end(id, code, "this filter cannot be subscribed", turn);
                }
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
        if !granted.is_empty() {
            self.told(turn, || Life::Subscribed {
                client: client.to_owned(),
                connection: id,
                filters: granted
                    .iter()
                    .map(|s| (s.filter.as_str().to_owned(), s.qos))
                    .collect(),
            });
        }
        for subscription in granted {
            self.grant(client, &subscription, turn);
        }
    }

    fn judge(
        &self,
        id: ConnectionId,
        client: &str,
        wanted: &Wanted,
        granted: &[Subscription],
        turn: Turn<'_>,
    ) -> Outcome {
        let five = self.speaks_5(id);
        if turn.limits.strict_qos && wanted.qos > turn.limits.maximum_qos {
            return Outcome::Ended(code::QOS_NOT_SUPPORTED);
        }
        if wanted.options.id.is_some() && !turn.limits.subscription_ids {
            return Outcome::Ended(code::SUBSCRIPTION_IDS_NOT_SUPPORTED);
        }
        let verdict = self
            .faults
            .subscribe(&wanted.filter)
            .unwrap_or_else(|| turn.rules.subscribe(self.who(id, client), &wanted.filter));
        let shared = wanted.filter.starts_with("$share/");
        match (TopicFilter::parse(&wanted.filter), verdict) {
            (_, Verdict::Closed | Verdict::Discarded) => Outcome::Closed,
            (_, Verdict::Ended(code)) => Outcome::Ended(code),
            // 3.1.1 has no word for it.
            (Err(_), _) if five => Outcome::Refused(code::FILTER_INVALID),
            (Err(_), _) => Outcome::Closed,
            (Ok(_), Verdict::Refused(code)) if code > code::UNSPECIFIED => Outcome::Refused(code),
            (Ok(_), Verdict::Refused(_)) => Outcome::Refused(code::NOT_AUTHORIZED),
            (Ok(_), Verdict::Allowed) if shared && !turn.limits.shared => {
                Outcome::Refused(code::SHARED_NOT_SUPPORTED)
            }
            (Ok(filter), Verdict::Allowed) if self.is_full(client, &filter, granted, turn) => {
                Outcome::Refused(code::QUOTA_EXCEEDED)
            }
            (Ok(filter), Verdict::Allowed) => Outcome::Granted(Subscription {
                filter,
                qos: wanted.qos.min(turn.limits.maximum_qos),
                options: wanted.options,
            }),
        }
    }

    /// Whether one more filter would be too many.
    fn is_full(
        &self,
        client: &str,
        filter: &TopicFilter,
        granted: &[Subscription],
        turn: Turn<'_>,
    ) -> bool {
        let session = self.sessions.get(client);
        let held = session.map_or(&[][..], |session| &session.subscriptions);
        let is_new = |s: &&Subscription| !held.iter().any(|old| old.filter == s.filter);
        let new = granted.iter().filter(is_new).count();
        let known = held.iter().chain(granted).any(|s| s.filter == *filter);
        !known && held.len() + new >= turn.limits.subscriptions
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

    pub(super) fn unsubscribe(
        &mut self,
        id: ConnectionId,
        client: &str,
        unsubscribe: Unsubscribe,
        turn: Turn<'_>,
    ) {
        if unsubscribe.filters.len() > turn.limits.filters_per_subscribe {
            let words = "too many filters at a time";
            return self.end(id, code::QUOTA_EXCEEDED, words, turn);
        }
        self.told(turn, || Life::Unsubscribed {
            client: client.to_owned(),
            connection: id,
            filters: unsubscribe.filters.clone(),
        });
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
