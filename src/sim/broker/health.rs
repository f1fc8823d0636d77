//! How the broker is: `$SYS`, with mosquitto's names, retained, every ten seconds.

use std::time::Duration;

use super::{Broker, Turn};
use crate::base::moment::Mono;
use crate::sim::packet::{Publish, Qos};

/// As often as mosquitto does it unless told otherwise.
const EVERY: Duration = Duration::from_secs(10);

/// Counters since the start.
#[derive(Debug, Default)]
pub struct Health {
    pub bytes_received: u64,
    pub bytes_sent: u64,
    pub(super) messages_received: u64,
    pub(super) messages_sent: u64,
    publishes_received: u64,
    publishes_sent: u64,
    publish_bytes_received: u64,
    publish_bytes_sent: u64,
    pub dropped: u64,
    most_clients: usize,
    next: Mono,
    loads: Vec<Load>,
}

/// A rate a minute, averaged over one, five and fifteen.
#[derive(Debug, Default)]
struct Load {
    last: u64,
    averages: [f64; 3],
}

impl Load {
    /// Decays as mosquitto's does: e^(-interval / period).
    fn take(&mut self, count: u64) {
        #[expect(clippy::cast_precision_loss, reason = "an average for people")]
        let rate = (count - self.last) as f64 * 60.0 / EVERY.as_secs_f64();
        self.last = count;
        for (average, minutes) in self.averages.iter_mut().zip([1.0, 5.0, 15.0]) {
            let weight = (-EVERY.as_secs_f64() / (minutes * 60.0)).exp();
            *average = *average * weight + rate * (1.0 - weight);
        }
    }
}

impl Health {
    /// A message has come in, from a client or the cloud.
    pub(super) fn published(&mut self, publish: &Publish) {
        if !publish.topic.starts_with("$SYS/") {
            self.publishes_received += 1;
            self.publish_bytes_received += publish.payload.len() as u64;
        }
    }

    pub(super) fn sent(&mut self, publish: &Publish) {
        self.publishes_sent += 1;
        self.publish_bytes_sent += publish.payload.len() as u64;
    }
}

impl Broker {
    /// Publishes `$SYS` when it is due.
    pub(super) fn report(&mut self, turn: Turn<'_>) {
        if self.health.next > turn.now {
            return;
        }
        self.health.next = turn.now.plus(EVERY);
        let mut report = self.counts(turn);
        report.extend(self.loads());
        for (name, value) in report {
            let publish = Publish {
                qos: Qos::ExactlyOnce,
                retain: true,
                topic: format!("$SYS/broker/{name}"),
                payload: value.into(),
                ..Publish::default()
            };
            self.route(None, publish, turn);
        }
    }

    fn counts(&mut self, turn: Turn<'_>) -> Vec<(String, String)> {
        let connected = self.connections.values();
        let connected = connected.filter(|c| c.client.is_some()).count();
        let all = self.sessions.len();
        self.health.most_clients = self.health.most_clients.max(all);
        let filters = self.sessions.values().flat_map(|s| &s.subscriptions);
        let (shared, plain): (Vec<_>, Vec<_>) = filters.partition(|s| s.is_shared());
        let stored: usize = self
            .retained
            .values()
            .map(|r| r.publish.payload.len())
            .sum();
        let health = &self.health;
        let uptime = format!("{} seconds", turn.now.0.as_secs());
        let number = |name: &str, value: u64| (name.to_owned(), value.to_string());
        let count = |name: &str, value: usize| number(name, value as u64);
        let version = concat!("thingdeck simulator ", env!("CARGO_PKG_VERSION"));
        vec![
            ("version".to_owned(), version.to_owned()),
            ("uptime".to_owned(), uptime),
            count("clients/total", all),
            count("clients/connected", connected),
            count("clients/disconnected", all - connected),
            count("clients/active", connected),
            count("clients/inactive", all - connected),
            count("clients/maximum", health.most_clients),
            count("subscriptions/count", plain.len()),
            count("shared_subscriptions/count", shared.len()),
            count("retained messages/count", self.retained.len()),
            count("store/messages/count", self.retained.len()),
            count("messages/stored", self.retained.len()),
            count("store/messages/bytes", stored),
            number("messages/received", health.messages_received),
            number("messages/sent", health.messages_sent),
            number("publish/messages/received", health.publishes_received),
            number("publish/messages/sent", health.publishes_sent),
            number("publish/messages/dropped", health.dropped),
            number("publish/bytes/received", health.publish_bytes_received),
            number("publish/bytes/sent", health.publish_bytes_sent),
            number("bytes/received", health.bytes_received),
            number("bytes/sent", health.bytes_sent),
        ]
    }

    fn loads(&mut self) -> Vec<(String, String)> {
        let health = &mut self.health;
        let counts = [
            ("messages/received", health.messages_received),
            ("messages/sent", health.messages_sent),
            ("publish/received", health.publishes_received),
            ("publish/sent", health.publishes_sent),
            ("publish/dropped", health.dropped),
            ("bytes/received", health.bytes_received),
            ("bytes/sent", health.bytes_sent),
        ];
        health.loads.resize_with(counts.len(), Load::default);
        let mut report = Vec::new();
        for (load, (name, count)) in health.loads.iter_mut().zip(counts) {
            load.take(count);
            for (average, period) in load.averages.iter().zip(["1min", "5min", "15min"]) {
                report.push((format!("load/{name}/{period}"), format!("{average:.2}")));
            }
        }
        report
    }
}
