//! The broker's core: (connection, packet, now) to packets. No sockets, no clock, no cloud.
//!
//! What a cloud allows is asked of its [`Rules`]. Sessions, QoS 1 with redelivery, takeover, keep-alive, wills and
//! retained messages are the standard's; the limits are AWS IoT's unless the rules say otherwise.

pub mod faults;
mod policy;
mod session;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v4::{
    Connect, LastWill, Packet, PubAck, Publish, SubAck, Subscribe, SubscribeReasonCode, UnsubAck,
};

use self::faults::BrokerFaults;
pub use self::policy::{ConnectionId, Identity, Limits, Rules, Verdict};
use self::session::Session;
use super::cloud::Publication;
use super::wire::Frame;
use crate::base::moment::Mono;
use crate::domain::message::Qos;
use crate::domain::topic::TopicFilter;

/// What the broker wants done, in this order.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    Send(ConnectionId, Frame),
    Close(ConnectionId),
    Happened(Happening),
    /// A client has published this, and it was delivered.
    Heard(Publication),
}

/// What a cloud, a test or a log may want to know.
#[derive(Debug, Clone, PartialEq)]
pub enum Happening {
    Connected {
        client: String,
        session_present: bool,
    },
    Disconnected {
        client: String,
    },
    Refused {
        client: String,
    },
    Subscribed {
        client: String,
        filter: String,
    },
    Unsubscribed {
        client: String,
        filter: String,
    },
    Acknowledged {
        client: String,
        packet: u16,
    },
    /// A client published.
    Received {
        client: String,
        topic: String,
        payload: Bytes,
    },
}

#[derive(Debug)]
struct Connection {
    identity: Identity,
    client: Option<String>,
    keep_alive: Option<Duration>,
    heard: Mono,
    will: Option<LastWill>,
}

/// The broker: connections, sessions, retained messages.
#[derive(Debug, Default)]
pub struct Broker {
    connections: BTreeMap<ConnectionId, Connection>,
    sessions: BTreeMap<String, Session>,
    retained: BTreeMap<String, Publish>,
    last_connection: u64,
    pub faults: BrokerFaults,
    /// Messages that a full session had to let go.
    pub dropped: u64,
    out: VecDeque<Output>,
}

impl Broker {
    /// A connection that has finished its handshake.
    pub fn open(&mut self, identity: Identity, now: Mono) -> ConnectionId {
        self.last_connection += 1;
        let id = ConnectionId(self.last_connection);
        self.connections.insert(
            id,
            Connection {
                identity,
                client: None,
                keep_alive: None,
                heard: now,
                will: None,
            },
        );
        id
    }

    /// The connection is gone: the client left, or the network did.
    pub fn lost(&mut self, id: ConnectionId, now: Mono, rules: &dyn Rules) -> Vec<Output> {
        self.leave(id, now, rules, true);
        self.drain()
    }

    pub fn receive(
        &mut self,
        id: ConnectionId,
        packet: Packet,
        now: Mono,
        rules: &dyn Rules,
    ) -> Vec<Output> {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.heard = now;
            match (connection.client.clone(), packet) {
                (None, Packet::Connect(connect)) => self.connect(id, connect, now, rules),
                (Some(client), packet) => self.serve(id, &client, packet, now, rules),
                (None, _) => self.close(id, now, rules),
            }
        }
        self.drain()
    }

    /// A message of the cloud itself.
    pub fn publish(&mut self, publication: &Publication, rules: &dyn Rules) -> Vec<Output> {
        let qos = match publication.qos {
            Qos::AtMostOnce => QoS::AtMostOnce,
            Qos::AtLeastOnce | Qos::ExactlyOnce => QoS::AtLeastOnce,
        };
        let (topic, payload) = (&publication.topic, publication.payload.clone());
        let publish = Publish {
            retain: publication.retain,
            ..Publish::from_bytes(topic, qos, payload)
        };
        self.route(&publish, rules.limits());
        self.drain()
    }

    /// Ends connections that have been quiet for 1.5 times their keep-alive, and sessions that nobody came back to.
    pub fn tick(&mut self, now: Mono, rules: &dyn Rules) -> Vec<Output> {
        let silent: Vec<_> = self
            .connections
            .iter()
            .filter(|(_, c)| {
                c.keep_alive
                    .is_some_and(|limit| now.since(c.heard) > limit.mul_f64(1.5))
            })
            .map(|(id, _)| *id)
            .collect();
        for id in silent {
            self.close(id, now, rules);
        }
        self.sessions
            .retain(|_, session| session.ends.is_none_or(|end| end > now));
        self.drain()
    }

    /// The clock has been put forward: connections have not been silent for that time.
    pub fn skip(&mut self, by: Duration) {
        for connection in self.connections.values_mut() {
            connection.heard = connection.heard.plus(by);
        }
    }

    /// Ends every connection. Sessions stay as they are.
    pub fn drop_all(&mut self, now: Mono, rules: &dyn Rules) -> Vec<Output> {
        for id in self.connections.keys().copied().collect::<Vec<_>>() {
            self.close(id, now, rules);
        }
        self.drain()
    }

    /// Ends the connection of one client.
    pub fn drop_client(&mut self, client: &str, now: Mono, rules: &dyn Rules) -> Vec<Output> {
        if let Some(id) = self.sessions.get(client).and_then(|s| s.connection) {
            self.close(id, now, rules);
        }
        self.drain()
    }

    /// Forgets every session: who is connected stays connected, but has no filters any more and finds no session on
    /// return.
    pub fn lose_sessions(&mut self) {
        self.sessions
            .retain(|_, session| session.connection.is_some());
        for session in self.sessions.values_mut() {
            session.filters.clear();
            session.clean = true;
        }
    }

    /// Forgets the filters of every session, connected or not. The sessions themselves stay "present".
    pub fn forget_subscriptions(&mut self) {
        for session in self.sessions.values_mut() {
            session.filters.clear();
        }
    }

    pub fn is_connected(&self, client: &str) -> bool {
        self.sessions
            .get(client)
            .is_some_and(|session| session.connection.is_some())
    }

    /// The filters of a client's session.
    pub fn filters(&self, client: &str) -> Vec<String> {
        let session = self.sessions.get(client);
        session.map_or_else(Vec::new, |session| {
            let names = session.filters.iter().map(|(f, _)| f.as_str().to_owned());
            names.collect()
        })
    }

    /// Messages waiting for a client, sent or not, that it has not acknowledged.
    pub fn backlog(&self, client: &str) -> usize {
        self.sessions.get(client).map_or(0, Session::backlog)
    }

    fn connect(&mut self, id: ConnectionId, connect: Connect, now: Mono, rules: &dyn Rules) {
        let Some(connection) = self.connections.get(&id) else {
            return;
        };
        let client = connect.client_id.clone();
        let verdict = self
            .faults
            .connect(&client)
            .unwrap_or_else(|| rules.connect(&connection.identity, &connect));
        match verdict {
            Verdict::Allowed => self.welcome(id, connect, now, rules),
            Verdict::Refused(code) => {
                self.out.push_back(Output::Send(id, Frame::refusal(code)));
                self.refuse(id, client, now, rules);
            }
            Verdict::Closed => self.refuse(id, client, now, rules),
        }
    }

    fn refuse(&mut self, id: ConnectionId, client: String, now: Mono, rules: &dyn Rules) {
        self.happened(Happening::Refused { client });
        self.close(id, now, rules);
    }

    fn welcome(&mut self, id: ConnectionId, connect: Connect, now: Mono, rules: &dyn Rules) {
        let client = connect.client_id;
        if let Some(first) = self.sessions.get(&client).and_then(|s| s.connection) {
            self.close(first, now, rules);
        }
        if connect.clean_session {
            self.sessions.remove(&client);
        }
        let session_present = self.sessions.contains_key(&client);
        let session = self.sessions.entry(client.clone()).or_default();
        session.resume(id, connect.clean_session);
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.client = Some(client.clone());
            connection.will = connect.last_will;
            connection.keep_alive =
                (connect.keep_alive > 0).then(|| Duration::from_secs(connect.keep_alive.into()));
        }
        self.out
            .push_back(Output::Send(id, Frame::accepted(session_present)));
        self.happened(Happening::Connected {
            client: client.clone(),
            session_present,
        });
        if self.faults.evicts(&client) {
            return self.close(id, now, rules);
        }
        for publish in self
            .sessions
            .get_mut(&client)
            .map_or_else(Vec::new, Session::unacknowledged)
        {
            self.send(id, Packet::Publish(publish));
        }
        self.pump(&client, rules.limits());
    }

    fn serve(
        &mut self,
        id: ConnectionId,
        client: &str,
        packet: Packet,
        now: Mono,
        rules: &dyn Rules,
    ) {
        match packet {
            Packet::Subscribe(subscribe) => self.subscribe(id, client, subscribe, now, rules),
            Packet::Unsubscribe(unsubscribe) => {
                for filter in unsubscribe.topics {
                    if let Some(session) = self.sessions.get_mut(client) {
                        session.filters.retain(|(f, _)| f.as_str() != filter);
                    }
                    self.happened(Happening::Unsubscribed {
                        client: client.to_owned(),
                        filter,
                    });
                }
                self.send(id, Packet::UnsubAck(UnsubAck::new(unsubscribe.pkid)));
            }
            Packet::Publish(publish) => self.take(id, client, &publish, now, rules),
            Packet::PubAck(ack) => self.acknowledged(id, client, ack.pkid, now, rules),
            Packet::PingReq => self.send(id, Packet::PingResp),
            Packet::Disconnect => {
                self.out.push_back(Output::Close(id));
                self.leave(id, now, rules, false);
            }
            // QoS 2 packets, a second CONNECT and the server's own packets: against the standard or AWS IoT's limits.
            _ => self.close(id, now, rules),
        }
    }

    fn subscribe(
        &mut self,
        id: ConnectionId,
        client: &str,
        subscribe: Subscribe,
        now: Mono,
        rules: &dyn Rules,
    ) {
        let limits = rules.limits();
        if subscribe.filters.len() > limits.filters_per_subscribe {
            return self.close(id, now, rules);
        }
        let mut codes = Vec::new();
        let mut granted = Vec::new();
        for filter in subscribe.filters {
            let parsed = TopicFilter::parse(&filter.path);
            match (parsed, rules.subscribe(client, &filter.path)) {
                (Err(_), _) | (_, Verdict::Closed) => return self.close(id, now, rules),
                (Ok(_), Verdict::Refused(_)) => codes.push(SubscribeReasonCode::Failure),
                (Ok(parsed), Verdict::Allowed) => {
                    let qos = if filter.qos == QoS::AtMostOnce {
                        QoS::AtMostOnce
                    } else {
                        QoS::AtLeastOnce
                    };
                    codes.push(SubscribeReasonCode::Success(qos));
                    granted.push((parsed, qos));
                }
            }
        }
        self.send(id, Packet::SubAck(SubAck::new(subscribe.pkid, codes)));
        for (filter, qos) in granted {
            if let Some(session) = self.sessions.get_mut(client) {
                session.subscribe(filter.clone(), qos);
            }
            self.happened(Happening::Subscribed {
                client: client.to_owned(),
                filter: filter.as_str().to_owned(),
            });
            self.send_retained(client, &filter, qos, limits);
        }
    }

    fn send_retained(&mut self, client: &str, filter: &TopicFilter, qos: QoS, limits: Limits) {
        let matching: Vec<_> = self
            .retained
            .values()
            .filter(|publish| filter.matches(&publish.topic))
            .cloned()
            .collect();
        for publish in matching {
            self.offer(client, &publish, qos, limits);
        }
    }

    fn take(
        &mut self,
        id: ConnectionId,
        client: &str,
        publish: &Publish,
        now: Mono,
        rules: &dyn Rules,
    ) {
        let limits = rules.limits();
        let allowed = rules.publish(client, &publish.topic) == Verdict::Allowed
            && publish.qos != QoS::ExactlyOnce;
        if !allowed || self.faults.cuts_before_puback(publish) {
            return self.close(id, now, rules);
        }
        if publish.qos == QoS::AtLeastOnce {
            self.send(id, Packet::PubAck(PubAck::new(publish.pkid)));
        }
        self.happened(Happening::Received {
            client: client.to_owned(),
            topic: publish.topic.clone(),
            payload: publish.payload.clone(),
        });
        self.route(publish, limits);
        let heard = Publication {
            retain: publish.retain,
            ..Publication::new(publish.topic.clone(), publish.payload.clone())
        };
        self.out.push_back(Output::Heard(heard));
    }

    fn acknowledged(
        &mut self,
        id: ConnectionId,
        client: &str,
        packet: u16,
        now: Mono,
        rules: &dyn Rules,
    ) {
        if self.faults.loses_puback() {
            return self.close(id, now, rules);
        }
        if let Some(session) = self.sessions.get_mut(client)
            && session.acknowledge(packet)
        {
            self.happened(Happening::Acknowledged {
                client: client.to_owned(),
                packet,
            });
        }
        self.pump(client, rules.limits());
    }

    fn route(&mut self, publish: &Publish, limits: Limits) {
        if publish.retain {
            if publish.payload.is_empty() {
                self.retained.remove(&publish.topic);
            } else {
                self.retained.insert(publish.topic.clone(), publish.clone());
            }
        }
        if self.faults.deaf {
            return;
        }
        let live = Publish {
            retain: false,
            ..publish.clone()
        };
        let wanted: Vec<_> = self
            .sessions
            .iter()
            .filter_map(|(client, session)| Some((client.clone(), session.grants(&live.topic)?)))
            .collect();
        for (client, qos) in wanted {
            self.offer(&client, &live, qos, limits);
        }
    }

    /// Puts a message into a client's session and sends what may be sent.
    fn offer(&mut self, client: &str, publish: &Publish, granted: QoS, limits: Limits) {
        let qos = if publish.qos == QoS::AtMostOnce {
            QoS::AtMostOnce
        } else {
            granted
        };
        let Some(session) = self.sessions.get_mut(client) else {
            return;
        };
        if session.connection.is_none() && qos == QoS::AtMostOnce {
            return;
        }
        self.dropped += session.queue(
            Publish {
                qos,
                dup: false,
                pkid: 0,
                ..publish.clone()
            },
            limits.queued,
        );
        self.pump(client, limits);
    }

    fn pump(&mut self, client: &str, limits: Limits) {
        let Some(session) = self.sessions.get_mut(client) else {
            return;
        };
        let Some(id) = session.connection else {
            return;
        };
        for publish in session.ready(limits.in_flight) {
            let again = self.faults.duplicates(&publish);
            self.send(id, Packet::Publish(publish));
            if let Some(again) = again {
                self.send(id, Packet::Publish(again));
            }
        }
    }

    fn close(&mut self, id: ConnectionId, now: Mono, rules: &dyn Rules) {
        self.out.push_back(Output::Close(id));
        self.leave(id, now, rules, true);
    }

    fn leave(&mut self, id: ConnectionId, now: Mono, rules: &dyn Rules, unclean: bool) {
        let Some(connection) = self.connections.remove(&id) else {
            return;
        };
        let Some(client) = connection.client else {
            return;
        };
        if let Some(session) = self.sessions.get_mut(&client)
            && session.connection == Some(id)
        {
            session.connection = None;
            session.ends = Some(now.plus(rules.limits().session_life));
            if session.clean {
                self.sessions.remove(&client);
            }
        }
        self.happened(Happening::Disconnected { client });
        if let (true, Some(will)) = (unclean, connection.will) {
            let publish = Publish {
                retain: will.retain,
                ..Publish::from_bytes(will.topic, will.qos, will.message)
            };
            self.route(&publish, rules.limits());
        }
    }

    fn send(&mut self, id: ConnectionId, packet: Packet) {
        self.out.push_back(Output::Send(id, Frame::Packet(packet)));
    }

    fn happened(&mut self, happening: Happening) {
        self.out.push_back(Output::Happened(happening));
    }

    fn drain(&mut self) -> Vec<Output> {
        self.out.drain(..).collect()
    }
}

#[cfg(test)]
mod tests;
