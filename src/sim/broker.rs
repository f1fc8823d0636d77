//! The broker's core: (connection, packet, now) to packets. No sockets, no clock, no cloud.
//!
//! What a cloud allows is asked of its [`Rules`]. Sessions, acknowledgements and redelivery, takeover, keep-alive,
//! wills and retained messages are the standard's, of both versions; a connection speaks one of them, a message both.

mod allowance;
mod behest;
mod connect;
pub mod faults;
mod health;
mod policy;
mod publish;
mod route;
mod session;
mod subscribe;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;

use self::allowance::Allowance;
use self::faults::BrokerFaults;
use self::health::Health;
pub use self::policy::{Arrival, Cause, ConnectionId, Identity, Life, Limits, Rules, Verdict, Who};
use self::session::Session;
use super::cloud::Publication;
use super::packet::{Disconnect, Packet, Publish, Version, Will, code};
use super::wire::{Frame, Wrong};
use crate::base::moment::Mono;

/// What the broker wants done, in this order.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    Send(ConnectionId, Frame),
    Close(ConnectionId),
    Happened(Happening),
    /// A client has published this, and it was delivered.
    Heard {
        client: String,
        publication: Publication,
        is_will: bool,
    },
    /// For a cloud that follows its clients.
    Life(Life),
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
    /// PUBACK, or PUBREC of a QoS 2 message: the client has it.
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
    version: Version,
    client: Option<String>,
    username: Option<String>,
    keep_alive: Option<Duration>,
    heard: Mono,
    will: Option<Will>,
    /// What the client takes at a time.
    window: usize,
    maximum_packet: Option<usize>,
    /// What the client has named by number.
    aliases: BTreeMap<u16, String>,
    /// Acknowledgements that a fault keeps back.
    held: Vec<Packet>,
    wants_reasons: bool,
    opened: Mono,
    /// Why it ends, once that is known.
    cause: Cause,
    allowance: Allowance,
}

/// A message that new subscribers get, and until when.
#[derive(Debug)]
struct Retained {
    publish: Publish,
    expires: Option<Mono>,
}

/// The time, and the cloud that the broker belongs to.
#[derive(Clone, Copy)]
struct Turn<'a> {
    now: Mono,
    rules: &'a dyn Rules,
    limits: Limits,
}

impl<'a> Turn<'a> {
    fn new(now: Mono, rules: &'a dyn Rules) -> Self {
        Self {
            now,
            rules,
            limits: rules.limits(),
        }
    }
}

/// The broker: connections, sessions, retained messages.
#[derive(Debug, Default)]
pub struct Broker {
    connections: BTreeMap<ConnectionId, Connection>,
    sessions: BTreeMap<String, Session>,
    retained: BTreeMap<String, Retained>,
    last_connection: u64,
    /// Whose turn it is in each shared subscription.
    turns: BTreeMap<String, usize>,
    pub faults: BrokerFaults,
    pub health: Health,
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
                version: Version::V311,
                client: None,
                username: None,
                keep_alive: None,
                heard: now,
                will: None,
                window: usize::MAX,
                maximum_packet: None,
                aliases: BTreeMap::new(),
                held: Vec::new(),
                wants_reasons: true,
                opened: now,
                cause: Cause::Lost,
                allowance: Allowance::default(),
            },
        );
        id
    }

    /// The connection is gone: the client left, or the network did.
    pub fn lost(&mut self, id: ConnectionId, now: Mono, rules: &dyn Rules) -> Vec<Output> {
        self.leave(id, Turn::new(now, rules), true);
        self.drain()
    }

    pub fn receive(
        &mut self,
        id: ConnectionId,
        packet: Packet,
        now: Mono,
        rules: &dyn Rules,
    ) -> Vec<Output> {
        let turn = Turn::new(now, rules);
        self.health.messages_received += 1;
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.heard = now;
            match (connection.client.clone(), packet) {
                (None, Packet::Connect(connect)) => self.connect(id, *connect, turn),
                (Some(client), packet) => self.serve(id, &client, packet, turn),
                (None, _) => self.close(id, turn),
            }
        }
        self.drain()
    }

    /// What came on this connection cannot be read. `version` is what its CONNECT began with.
    pub fn wrong(
        &mut self,
        id: ConnectionId,
        version: Version,
        wrong: Wrong,
        now: Mono,
        rules: &dyn Rules,
    ) -> Vec<Output> {
        let turn = Turn::new(now, rules);
        let connected = self.connections.get(&id).map(|c| c.client.is_some());
        match connected {
            Some(true) => self.end(id, wrong.code, wrong.words, turn),
            Some(false) if turn.limits.version_5 => {
                // Only 3.1.1's own word for it: it has none for what is malformed.
                if version == Version::V5 || wrong.code == code::UNSUPPORTED_VERSION {
                    self.connack_refused(id, version, wrong.code, Some(wrong.words));
                }
                self.close(id, turn);
            }
            _ => self.close(id, turn),
        }
        self.drain()
    }

    /// A message of the cloud itself.
    pub fn publish(
        &mut self,
        publication: &Publication,
        now: Mono,
        rules: &dyn Rules,
    ) -> Vec<Output> {
        let turn = Turn::new(now, rules);
        let publish = Publish {
            qos: publication.qos,
            retain: publication.retain,
            topic: publication.topic.clone(),
            properties: publication.properties.clone(),
            payload: publication.payload.clone(),
            ..Publish::default()
        };
        self.route(None, publish, turn);
        self.drain()
    }

    /// Ends connections that have been quiet for 1.5 times their keep-alive, and sessions that nobody came back to;
    /// publishes wills whose delay is over, and the broker's health.
    pub fn tick(&mut self, now: Mono, rules: &dyn Rules) -> Vec<Output> {
        let turn = Turn::new(now, rules);
        let silent = |c: &Connection| {
            c.keep_alive
                .is_some_and(|limit| now.since(c.heard) > limit.mul_f64(1.5))
        };
        let silent: Vec<_> = self
            .connections
            .iter()
            .filter_map(|(id, connection)| silent(connection).then_some(*id))
            .collect();
        for id in silent {
            self.end(id, code::KEEP_ALIVE_TIMEOUT, "nothing was heard", turn);
        }
        self.expire(turn);
        self.publish_wills(turn);
        self.resume_stored(turn);
        let ended: Vec<_> = self
            .sessions
            .iter()
            .filter(|(_, session)| session.ends.is_some_and(|end| end <= now))
            .map(|(client, _)| client.clone())
            .collect();
        for client in ended {
            self.forget(&client, turn);
        }
        if turn.limits.health {
            self.report(turn);
        }
        self.drain()
    }

    /// The clock has been put forward: connections have not been silent for that time.
    pub fn skip(&mut self, by: Duration) {
        for connection in self.connections.values_mut() {
            connection.heard = connection.heard.plus(by);
        }
    }

    /// Ends every connection without a word. Sessions stay as they are.
    pub fn drop_all(&mut self, now: Mono, rules: &dyn Rules) -> Vec<Output> {
        for id in self.connections.keys().copied().collect::<Vec<_>>() {
            self.because(id, Cause::Server);
            self.close(id, Turn::new(now, rules));
        }
        self.drain()
    }

    /// Ends the connection of one client without a word.
    pub fn drop_client(&mut self, client: &str, now: Mono, rules: &dyn Rules) -> Vec<Output> {
        if let Some(id) = self.sessions.get(client).and_then(|s| s.connection) {
            self.because(id, Cause::Lost);
            self.close(id, Turn::new(now, rules));
        }
        self.drain()
    }

    /// Ends the connection of one client with a reason, which only MQTT 5 can hear.
    pub fn kick(&mut self, client: &str, code: u8, now: Mono, rules: &dyn Rules) -> Vec<Output> {
        if let Some(id) = self.sessions.get(client).and_then(|s| s.connection) {
            self.end(
                id,
                code,
                "sent away by the simulator",
                Turn::new(now, rules),
            );
        }
        self.drain()
    }

    /// Any bytes, as if they were a packet.
    pub fn send_raw(&mut self, client: &str, bytes: Bytes) -> Vec<Output> {
        if let Some(id) = self.sessions.get(client).and_then(|s| s.connection) {
            self.out.push_back(Output::Send(id, Frame::Raw(bytes)));
        }
        self.drain()
    }

    /// Sends the acknowledgements that were held, and holds no more.
    pub fn release(&mut self) -> Vec<Output> {
        self.faults.hold_acknowledgements = false;
        self.faults.hold_subacks = false;
        for id in self.connections.keys().copied().collect::<Vec<_>>() {
            let connection = self.connections.get_mut(&id);
            for packet in connection.map_or_else(Vec::new, |c| std::mem::take(&mut c.held)) {
                self.send(id, packet);
            }
        }
        self.drain()
    }

    /// Forgets every session: who is connected stays connected, but has no filters any more and finds no session on
    /// return.
    pub fn lose_sessions(&mut self) {
        self.sessions
            .retain(|_, session| session.connection.is_some());
        for session in self.sessions.values_mut() {
            session.subscriptions.clear();
            session.life = Duration::ZERO;
        }
    }

    /// Forgets the filters of every session, connected or not. The sessions themselves stay "present".
    pub fn forget_subscriptions(&mut self) {
        for session in self.sessions.values_mut() {
            session.subscriptions.clear();
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
            let filters = session.subscriptions.iter();
            filters.map(|s| s.filter.as_str().to_owned()).collect()
        })
    }

    /// Messages waiting for a client, sent or not, that it has not acknowledged.
    pub fn backlog(&self, client: &str) -> usize {
        self.sessions.get(client).map_or(0, Session::backlog)
    }

    /// What is retained at a topic.
    pub fn retained(&self, topic: &str) -> Option<&Bytes> {
        self.retained.get(topic).map(|r| &r.publish.payload)
    }

    fn serve(&mut self, id: ConnectionId, client: &str, packet: Packet, turn: Turn<'_>) {
        match packet {
            Packet::Publish(publish) => self.take(id, client, publish, turn),
            Packet::PubAck(ack) => self.puback(id, client, &ack, turn),
            Packet::PubRec(ack) => self.pubrec(id, client, &ack, turn),
            Packet::PubRel(ack) => self.pubrel(id, client, &ack, turn),
            Packet::PubComp(ack) => self.pubcomp(client, &ack, turn),
            Packet::Subscribe(subscribe) => self.subscribe(id, client, subscribe, turn),
            Packet::Unsubscribe(unsubscribe) => self.unsubscribe(id, client, unsubscribe, turn),
            Packet::PingReq => {
                self.told(turn, || Life::Pinged {
                    client: client.to_owned(),
                });
                self.send(id, Packet::PingResp);
            }
            Packet::Disconnect(disconnect) => self.farewell(id, client, &disconnect, turn),
            Packet::Auth => {
                let words = "no authentication method was agreed on";
                self.end(id, code::PROTOCOL_ERROR, words, turn);
            }
            Packet::Connect(_) => {
                self.end(id, code::PROTOCOL_ERROR, "a second CONNECT", turn);
            }
            Packet::ConnAck(_) | Packet::SubAck(_) | Packet::UnsubAck(_) | Packet::PingResp => {
                let words = "a packet that only a broker sends";
                self.end(id, code::PROTOCOL_ERROR, words, turn);
            }
        }
    }

    /// Ends a connection and says why, where the version can say it.
    fn end(&mut self, id: ConnectionId, code: u8, words: &str, turn: Turn<'_>) {
        self.because(
            id,
            match code {
                code::KEEP_ALIVE_TIMEOUT => Cause::KeepAlive,
                code::TAKEN_OVER => Cause::TakenOver,
                code::NOT_AUTHORIZED => Cause::Forbidden,
                code::ADMINISTRATIVE | code::SHUTTING_DOWN => Cause::Server,
                _ => Cause::ClientError,
            },
        );
        let disconnect = Disconnect {
            code,
            words: Some(words.to_owned()),
            session_expiry: None,
        };
        if self.speaks_5(id) {
            self.send(id, Packet::Disconnect(disconnect));
        }
        self.close(id, turn);
    }

    fn close(&mut self, id: ConnectionId, turn: Turn<'_>) {
        self.out.push_back(Output::Close(id));
        self.leave(id, turn, true);
    }

    fn speaks_5(&self, id: ConnectionId) -> bool {
        let connection = self.connections.get(&id);
        connection.is_some_and(|c| c.version == Version::V5)
    }

    fn send(&mut self, id: ConnectionId, packet: Packet) {
        let Some(connection) = self.connections.get(&id) else {
            return;
        };
        self.health.messages_sent += 1;
        let frame = Frame::Packet(connection.version, packet);
        self.out.push_back(Output::Send(id, frame));
    }

    /// An acknowledgement to a client, unless a fault keeps it.
    fn acknowledge(&mut self, id: ConnectionId, packet: Packet, is_held: bool) {
        match self.connections.get_mut(&id) {
            Some(connection) if is_held => connection.held.push(packet),
            _ => self.send(id, packet),
        }
    }

    /// Words for an acknowledgement, where the client wants them (MQTT 5, 3.1.2.11.7).
    fn words(&self, id: ConnectionId, words: &'static str) -> Option<&'static str> {
        let connection = self.connections.get(&id)?;
        (connection.version == Version::V5 && connection.wants_reasons).then_some(words)
    }

    fn told(&mut self, turn: Turn<'_>, life: impl FnOnce() -> Life) {
        if turn.limits.follows {
            self.out.push_back(Output::Life(life()));
        }
    }

    fn happened(&mut self, happening: Happening) {
        self.out.push_back(Output::Happened(happening));
    }

    fn drain(&mut self) -> Vec<Output> {
        self.out.drain(..).collect()
    }
}

fn publication(publish: &Publish) -> Publication {
    Publication {
        topic: publish.topic.clone(),
        payload: publish.payload.clone(),
        qos: publish.qos,
        retain: publish.retain,
        properties: publish.properties.clone(),
    }
}

#[cfg(test)]
mod tests;
