//! What a broker keeps of one client, connected or not.

use std::collections::VecDeque;

use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v4::Publish;

use super::ConnectionId;
use crate::base::moment::Mono;
use crate::domain::topic::TopicFilter;

#[derive(Debug, Default)]
pub(super) struct Session {
    pub connection: Option<ConnectionId>,
    /// Ends with its connection.
    pub clean: bool,
    /// When it is forgotten, while nobody is connected.
    pub ends: Option<Mono>,
    pub filters: Vec<(TopicFilter, QoS)>,
    waiting: VecDeque<Publish>,
    in_flight: VecDeque<Publish>,
    last_packet: u16,
}

impl Session {
    pub fn resume(&mut self, connection: ConnectionId, clean: bool) {
        self.connection = Some(connection);
        self.clean = clean;
        self.ends = None;
    }

    pub fn subscribe(&mut self, filter: TopicFilter, qos: QoS) {
        self.filters.retain(|(old, _)| *old != filter);
        self.filters.push((filter, qos));
    }

    /// The best QoS that a filter of this session grants for `topic`; one delivery, however many filters match.
    pub fn grants(&self, topic: &str) -> Option<QoS> {
        let matching = self.filters.iter().filter(|(f, _)| f.matches(topic));
        matching.map(|(_, qos)| *qos).max_by_key(|qos| *qos as u8)
    }

    /// Takes a message in; returns how many old ones had to go for it.
    pub fn queue(&mut self, publish: Publish, limit: usize) -> u64 {
        self.waiting.push_back(publish);
        let mut dropped = 0;
        while self.waiting.len() > limit {
            self.waiting.pop_front();
            dropped += 1;
        }
        dropped
    }

    /// What may be sent now, in order, with packet ids.
    pub fn ready(&mut self, window: usize) -> Vec<Publish> {
        let mut ready = Vec::new();
        while let Some(next) = self.waiting.front() {
            let counts = next.qos != QoS::AtMostOnce;
            if counts && self.in_flight.len() >= window {
                break;
            }
            let Some(mut publish) = self.waiting.pop_front() else {
                break;
            };
            if counts {
                publish.pkid = self.free_packet();
                self.in_flight.push_back(publish.clone());
            }
            ready.push(publish);
        }
        ready
    }

    /// What was sent on an earlier connection and not acknowledged, marked as sent before.
    pub fn unacknowledged(&mut self) -> Vec<Publish> {
        for publish in &mut self.in_flight {
            publish.dup = true;
        }
        self.in_flight.iter().cloned().collect()
    }

    pub fn acknowledge(&mut self, packet: u16) -> bool {
        let before = self.in_flight.len();
        self.in_flight.retain(|publish| publish.pkid != packet);
        self.in_flight.len() < before
    }

    pub fn backlog(&self) -> usize {
        self.waiting.len() + self.in_flight.len()
    }

    fn free_packet(&mut self) -> u16 {
        loop {
            self.last_packet = self.last_packet.checked_add(1).unwrap_or(1);
            if self.in_flight.iter().all(|p| p.pkid != self.last_packet) {
                return self.last_packet;
            }
        }
    }
}
