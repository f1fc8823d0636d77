//! From a message to those who want it: filters, shared subscriptions, retained messages, queues.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::BytesMut;

use super::session::{Held, Session, Subscription};
use super::{Broker, Retained, Turn, Who};
use crate::base::moment::Mono;
use crate::domain::topic::TopicFilter;
use crate::sim::cloud::Publication;
use crate::sim::packet::{Packet, Publish, Qos, Version};
use crate::sim::wire;

/// What one client gets for all its filters that match: one message.
struct Delivery {
    qos: Qos,
    retain: bool,
    ids: Vec<u32>,
    share: Option<TopicFilter>,
}

impl Broker {
    /// Delivers a message to all who want it, and keeps it where it is retained. Whether anybody wanted it.
    pub(super) fn route(&mut self, from: Option<&str>, publish: Publish, turn: Turn<'_>) -> bool {
        let publish = Publish {
            dup: false,
            packet: 0,
            alias: None,
            ..publish
        };
        self.health.published(&publish);
        let expires = expiry(&publish, turn.now);
        if publish.retain && turn.limits.retains {
            self.retain(&publish, expires);
        }
        if self.faults.deaf {
            return true;
        }
        let wanted = self.wanted(from, &publish, turn);
        let matched = !wanted.is_empty();
        for (client, delivery) in wanted {
            self.offer(&client, &publish, expires, delivery, turn);
        }
        matched
    }

    /// An empty message clears what was retained (MQTT 5, 3.3.1-6).
    fn retain(&mut self, publish: &Publish, expires: Option<Mono>) {
        if publish.payload.is_empty() {
            self.retained.remove(&publish.topic);
            return;
        }
        let publish = publish.clone();
        let topic = publish.topic.clone();
        self.retained.insert(topic, Retained { publish, expires });
    }

    fn wanted(
        &mut self,
        from: Option<&str>,
        publish: &Publish,
        turn: Turn<'_>,
    ) -> Vec<(String, Delivery)> {
        let mut wanted = Vec::new();
        let mut groups: BTreeMap<TopicFilter, Vec<(String, bool, Subscription)>> = BTreeMap::new();
        for (client, session) in &self.sessions {
            let own = from == Some(client);
            let matching: Vec<_> = session
                .subscriptions
                .iter()
                .filter(|s| matches(&s.filter, &publish.topic, turn))
                .filter(|s| !(own && s.options.no_local))
                .collect();
            if matching.is_empty() || !may_receive(client, session, &publish.topic, turn) {
                continue;
            }
            let (shared, plain): (Vec<_>, Vec<_>) =
                matching.into_iter().partition(|s| s.is_shared());
            if let Some(delivery) = delivery(&plain, publish.retain) {
                wanted.push((client.clone(), delivery));
            }
            for subscription in shared {
                let member = (
                    client.clone(),
                    session.connection.is_some(),
                    subscription.clone(),
                );
                let members = groups.entry(subscription.filter.clone()).or_default();
                members.push(member);
            }
        }
        for (filter, members) in groups {
            if let Some((client, subscription)) = self.choose(&filter, members)
                && let Some(mut delivery) = delivery(&[&subscription], publish.retain)
            {
                delivery.share = Some(filter);
                wanted.push((client, delivery));
            }
        }
        wanted
    }

    /// In turn; who is away gets nothing while somebody is there.
    fn choose(
        &mut self,
        filter: &TopicFilter,
        mut members: Vec<(String, bool, Subscription)>,
    ) -> Option<(String, Subscription)> {
        if members.iter().any(|(_, connected, _)| *connected) {
            members.retain(|(_, connected, _)| *connected);
        }
        let turn = self.turns.entry(filter.as_str().to_owned()).or_default();
        *turn = turn.wrapping_add(1);
        let at = *turn % members.len().max(1);
        let (client, _, subscription) = members.into_iter().nth(at)?;
        Some((client, subscription))
    }

    /// A message for a shared subscription whose client will not come back.
    pub(super) fn hand_over(&mut self, held: Held, turn: Turn<'_>) {
        let Some(filter) = held.share else {
            return;
        };
        let members = self.sessions.iter().filter_map(|(client, session)| {
            let mut all = session.subscriptions.iter();
            let subscription = all.find(|s| s.filter == filter)?.clone();
            Some((client.clone(), session.connection.is_some(), subscription))
        });
        let members = members.collect();
        if let Some((client, subscription)) = self.choose(&filter, members)
            && let Some(mut delivery) = delivery(&[&subscription], held.publish.retain)
        {
            delivery.share = Some(filter);
            self.offer(&client, &held.publish, held.expires, delivery, turn);
        }
    }

    /// What is retained and matches, as the greeting of a subscription.
    pub(super) fn send_retained(
        &mut self,
        client: &str,
        subscription: &Subscription,
        turn: Turn<'_>,
    ) {
        if self.faults.deaf {
            return;
        }
        let exact = !subscription.filter.as_str().contains(['+', '#']);
        if !exact && !turn.limits.greets_wildcards {
            return;
        }
        let alive = |r: &&Retained| r.expires.is_none_or(|end| end > turn.now);
        let matching: Vec<_> = self
            .retained
            .values()
            .filter(|r| matches(&subscription.filter, &r.publish.topic, turn))
            .filter(alive)
            .map(|r| (r.publish.clone(), r.expires))
            .collect();
        for (publish, expires) in matching {
            let delivery = Delivery {
                qos: subscription.qos,
                retain: true,
                ids: subscription.options.id.into_iter().collect(),
                share: None,
            };
            self.offer(client, &publish, expires, delivery, turn);
        }
    }

    /// A message for one client alone.
    pub(super) fn answer(
        &mut self,
        client: &str,
        publication: &Publication,
        unasked: bool,
        turn: Turn<'_>,
    ) {
        let Some(session) = self.sessions.get(client) else {
            return;
        };
        let matching: Vec<_> = session
            .subscriptions
            .iter()
            .filter(|s| matches(&s.filter, &publication.topic, turn))
            .collect();
        let subscribed = delivery(&matching, false);
        let unasked = unasked.then(|| Delivery {
            qos: Qos::AtMostOnce,
            retain: false,
            ids: Vec::new(),
            share: None,
        });
        let Some(delivery) = subscribed.or(unasked) else {
            return;
        };
        if self.faults.deaf || !may_receive(client, session, &publication.topic, turn) {
            return;
        }
        let publish = Publish {
            qos: publication.qos,
            topic: publication.topic.clone(),
            properties: publication.properties.clone(),
            payload: publication.payload.clone(),
            ..Publish::default()
        };
        self.offer(client, &publish, None, delivery, turn);
    }

    /// Hands out what has waited in kept sessions, at the cloud's pace.
    pub(super) fn resume_stored(&mut self, turn: Turn<'_>) {
        let Some(per_second) = turn.limits.resume_per_second else {
            return;
        };
        let mut woken = Vec::new();
        for (client, session) in &mut self.sessions {
            if session.connection.is_some() && session.hand_out(per_second, turn.now) {
                woken.push(client.clone());
            }
        }
        for client in woken {
            self.pump(&client, turn);
        }
    }

    /// Puts a message into a client's session and sends what may be sent.
    fn offer(
        &mut self,
        client: &str,
        publish: &Publish,
        expires: Option<Mono>,
        delivery: Delivery,
        turn: Turn<'_>,
    ) {
        let qos = publish.qos.min(delivery.qos);
        let Some(session) = self.sessions.get_mut(client) else {
            return;
        };
        if session.connection.is_none() && qos == Qos::AtMostOnce {
            return;
        }
        if let Some(connection) = session.connection
            && let Some(connection) = self.connections.get_mut(&connection)
            && !connection
                .allowance
                .take(turn.limits.publishes_per_second, turn.now)
        {
            self.health.dropped += 1;
            return;
        }
        let mut publish = Publish {
            qos,
            retain: delivery.retain,
            dup: false,
            packet: 0,
            ..publish.clone()
        };
        publish.properties.subscription_ids = delivery.ids;
        let held = Held {
            publish,
            expires,
            share: delivery.share,
        };
        let dropped = session.queue(held, turn.limits.queued);
        self.dropped += dropped;
        self.health.dropped += dropped;
        self.pump(client, turn);
    }

    /// Sends what waits for a client, as far as its window goes.
    pub(super) fn pump(&mut self, client: &str, turn: Turn<'_>) {
        loop {
            let Some(session) = self.sessions.get_mut(client) else {
                return;
            };
            let Some((id, connection)) = session
                .connection
                .and_then(|id| Some((id, self.connections.get(&id)?)))
            else {
                return;
            };
            let window = connection.window.min(turn.limits.in_flight);
            let (version, limit) = (connection.version, connection.maximum_packet);
            let (ready, expired) = session.ready(window, turn.now);
            self.health.dropped += expired;
            let mut left_out = false;
            for publish in ready {
                // As if it had been delivered (MQTT 5, 3.1.2-25).
                if limit.is_some_and(|limit| size(&publish, version) > limit) {
                    left_out |= self.leave_out(client, &publish);
                    continue;
                }
                if self.faults.swallows() {
                    continue;
                }
                self.health.sent(&publish);
                let again = self.faults.duplicates(&publish);
                self.send(id, Packet::Publish(publish));
                if let Some(again) = again {
                    self.send(id, Packet::Publish(again));
                }
            }
            // What was left out has made room.
            if !left_out {
                return;
            }
        }
    }

    fn leave_out(&mut self, client: &str, publish: &Publish) -> bool {
        self.dropped += 1;
        self.health.dropped += 1;
        let session = self.sessions.get_mut(client);
        session.is_some_and(|session: &mut Session| {
            session.acknowledge(publish.packet) || session.rejected(publish.packet)
        })
    }
}

fn matches(filter: &TopicFilter, topic: &str, turn: Turn<'_>) -> bool {
    filter.matches(topic) && (turn.limits.parent_matches || !is_parent(filter.as_str(), topic))
}

/// Whether `topic` is `a` where the filter is `a/#`.
fn is_parent(filter: &str, topic: &str) -> bool {
    let filter = match filter.strip_prefix("$share/") {
        Some(shared) => shared.split_once('/').map_or(shared, |(_, filter)| filter),
        None => filter,
    };
    filter
        .strip_suffix("/#")
        .is_some_and(|parent| parent.split('/').count() == topic.split('/').count())
}

fn may_receive(client: &str, session: &Session, topic: &str, turn: Turn<'_>) -> bool {
    let who = Who {
        client,
        username: session.username.as_deref(),
        identity: &session.owner,
        version: session.version,
    };
    turn.rules.receive(who, topic)
}

/// One delivery for all matching filters, with the best QoS that one of them grants (MQTT 5, 3.3.4).
fn delivery(matching: &[&Subscription], retain: bool) -> Option<Delivery> {
    let qos = matching.iter().map(|s| s.qos).max()?;
    Some(Delivery {
        qos,
        retain: retain && matching.iter().any(|s| s.options.retain_as_published),
        ids: matching.iter().filter_map(|s| s.options.id).collect(),
        share: None,
    })
}

fn expiry(publish: &Publish, now: Mono) -> Option<Mono> {
    let seconds = publish.properties.expiry?;
    Some(now.plus(Duration::from_secs(seconds.into())))
}

fn size(publish: &Publish, version: Version) -> usize {
    let mut bytes = BytesMut::new();
    wire::encode(&Packet::Publish(publish.clone()), version, &mut bytes);
    bytes.len()
}
