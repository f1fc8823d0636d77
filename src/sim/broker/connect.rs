//! How a client comes and goes: CONNECT, takeover, DISCONNECT, wills, the end of sessions.

use std::time::Duration;

use super::policy::{Arrival, NOBODY};
use super::session::Session;
use super::{
    Broker, Cause, ConnectionId, Happening, Identity, Life, Output, Turn, Verdict, Who, publication,
};
use crate::domain::topic::Topic;
use crate::sim::packet::{ConnAck, Connect, Disconnect, Packet, Qos, Version, Will, code};
use crate::sim::wire::Frame;

impl Broker {
    pub(super) fn connect(&mut self, id: ConnectionId, mut connect: Connect, turn: Turn<'_>) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        if connect.version == Version::V5 && !turn.limits.version_5 {
            return self.close(id, turn);
        }
        connection.version = connect.version;
        let identity = connection.identity.clone();
        let assigned = connect.client_id.is_empty();
        if let Err(code) = sound(&connect) {
            return self.refuse(id, connect.client_id, Verdict::Refused(code), turn);
        }
        if assigned {
            match turn.rules.client_id(connect.version, self.last_connection) {
                Some(id) => connect.client_id = id,
                None => return self.refuse(id, connect.client_id, Verdict::Closed, turn),
            }
        }
        let verdict = self
            .faults
            .connect(&connect.client_id)
            .unwrap_or_else(|| turn.rules.connect(&identity, &connect));
        let verdict = match verdict {
            Verdict::Allowed => may_leave_its_will(&connect, &identity, turn),
            verdict => verdict,
        };
        if verdict == Verdict::Allowed {
            self.welcome(id, connect, assigned, turn);
        } else {
            self.refuse(id, connect.client_id, verdict, turn);
        }
    }

    fn refuse(&mut self, id: ConnectionId, client: String, verdict: Verdict, turn: Turn<'_>) {
        if let (Verdict::Refused(code), Some(connection)) = (verdict, self.connections.get(&id)) {
            self.connack_refused(id, connection.version, code, None);
        }
        let connection = self.connections.get(&id);
        let identity = connection.map_or_else(|| NOBODY.clone(), |c| c.identity.clone());
        self.told(turn, || Life::Refused {
            client: client.clone(),
            identity,
        });
        self.happened(Happening::Refused { client });
        self.close(id, turn);
    }

    pub(super) fn connack_refused(
        &mut self,
        id: ConnectionId,
        version: Version,
        code: u8,
        words: Option<&str>,
    ) {
        let ack = ConnAck {
            code,
            words: words.map(str::to_owned),
            ..ConnAck::default()
        };
        let frame = Frame::Packet(version, Packet::ConnAck(Box::new(ack)));
        self.out.push_back(Output::Send(id, frame));
    }

    fn welcome(&mut self, id: ConnectionId, connect: Connect, assigned: bool, turn: Turn<'_>) {
        let client = connect.client_id.clone();
        if let Some(first) = self.sessions.get(&client).and_then(|s| s.connection) {
            let words = "another client has come with this client id";
            self.end(first, code::TAKEN_OVER, words, turn);
        }
        let foreign =
            |session: &Session| turn.limits.separate_versions && session.version != connect.version;
        if connect.clean || self.sessions.get(&client).is_some_and(foreign) {
            self.forget(&client, turn);
        }
        let session_present = self.sessions.contains_key(&client);
        let life = session_life(&connect, turn);
        let session = self.sessions.entry(client.clone()).or_default();
        session.resume(id, life);
        session.version = connect.version;
        session.username.clone_from(&connect.username);
        session.owner = self
            .connections
            .get(&id)
            .map_or_else(Identity::default, |c| c.identity.clone());
        if turn.limits.resume_per_second.is_some() {
            session.store(turn.now);
        }
        let ack = self.settle(id, connect, assigned, session_present, turn);
        self.send(id, Packet::ConnAck(Box::new(ack)));
        self.happened(Happening::Connected {
            client: client.clone(),
            session_present,
        });
        if self.faults.evicts(&client) {
            return self.end(id, code::TAKEN_OVER, "its rival is back", turn);
        }
        let session = self.sessions.get_mut(&client);
        for packet in session.map_or_else(Vec::new, |session| session.unfinished(turn.now)) {
            self.send(id, packet);
        }
        self.pump(&client, turn);
    }

    /// Takes over what the client said of itself; the answer says where the broker sees it otherwise.
    fn settle(
        &mut self,
        id: ConnectionId,
        connect: Connect,
        assigned: bool,
        session_present: bool,
        turn: Turn<'_>,
    ) -> ConnAck {
        let limits = turn.limits;
        let five = connect.version == Version::V5;
        let shortened = limits
            .keep_alive
            .filter(|limit| five && (connect.keep_alive == 0 || connect.keep_alive > *limit));
        let mut keep_alive = shortened.unwrap_or(connect.keep_alive);
        if let Some((least, most)) = limits.keep_alive_range {
            keep_alive = match keep_alive {
                0 => most,
                seconds => seconds.clamp(least, most),
            };
        }
        let all = limits.tells_all.then_some(true);
        let life = session_life(&connect, turn);
        let wanted = wanted_life(connect.session_expiry);
        let connection = self.connections.get(&id);
        let identity = connection.map_or_else(|| NOBODY.clone(), |c| c.identity.clone());
        let ack = ConnAck {
            session_present,
            session_expiry: (life < wanted)
                .then(|| u32::try_from(life.as_secs()).unwrap_or(u32::MAX)),
            receive_maximum: Some(limits.receive_maximum),
            maximum_qos: (limits.maximum_qos != Qos::ExactlyOnce)
                .then(|| limits.maximum_qos.number()),
            maximum_packet: u32::try_from(limits.packet).ok(),
            assigned_client_id: assigned.then(|| connect.client_id.clone()),
            topic_alias_maximum: Some(limits.topic_aliases),
            retain_available: (!limits.retains).then_some(false).or(all),
            wildcards_available: all,
            subscription_ids_available: (!limits.subscription_ids).then_some(false),
            shared_available: (!limits.shared).then_some(false).or(all),
            server_keep_alive: shortened.or_else(|| all.map(|_| keep_alive)),
            ..ConnAck::default()
        };
        self.told(turn, || {
            Life::Connected(Box::new(Arrival {
                client: connect.client_id.clone(),
                connection: id,
                identity,
                username: connect.username.clone(),
                version: connect.version,
                keep_alive,
                clean: connect.clean,
            }))
        });
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.client = Some(connect.client_id);
            connection.username = connect.username;
            connection.will = connect.will;
            connection.wants_reasons = connect.wants_reasons;
            connection.keep_alive =
                (keep_alive > 0).then(|| Duration::from_secs(keep_alive.into()));
            // 65,535 where the client does not say (MQTT 5, 3.1.2.11.3).
            connection.window = connect.receive_maximum.map_or(65_535, usize::from);
            connection.maximum_packet = connect
                .maximum_packet
                .map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
        }
        ack
    }

    /// DISCONNECT of a client (MQTT 5, 3.14.4).
    pub(super) fn farewell(
        &mut self,
        id: ConnectionId,
        client: &str,
        disconnect: &Disconnect,
        turn: Turn<'_>,
    ) {
        if let (Some(seconds), Some(session)) =
            (disconnect.session_expiry, self.sessions.get_mut(client))
        {
            if session.life.is_zero() && seconds > 0 {
                let words = "a session that ends with its connection cannot be kept afterwards";
                return self.end(id, code::PROTOCOL_ERROR, words, turn);
            }
            session.life = wanted_life(seconds).min(turn.limits.session_life);
        }
        self.out.push_back(Output::Close(id));
        self.because(id, Cause::Client);
        self.leave(id, turn, disconnect.code != code::SUCCESS);
    }

    /// The end of a connection; its will is published unless the client has taken its leave.
    pub(super) fn leave(&mut self, id: ConnectionId, turn: Turn<'_>, with_will: bool) {
        let Some(connection) = self.connections.remove(&id) else {
            return;
        };
        let Some(client) = connection.client else {
            return;
        };
        let cause = connection.cause;
        self.told(turn, || Life::Disconnected {
            client: client.clone(),
            connection: id,
            cause,
        });
        let will = connection.will.filter(|_| with_will);
        let mut last_words = will;
        let mut ended = false;
        if let Some(session) = self.sessions.get_mut(&client)
            && session.connection == Some(id)
        {
            session.connection = None;
            // Some sessions have no end: a sum that does not fit is one.
            session.ends = turn
                .now
                .0
                .checked_add(session.life)
                .map(crate::base::moment::Mono);
            ended = session.life.is_zero();
            if let Some(will) = last_words.take_if(|will| will.delay > 0 && !ended) {
                let due = turn.now.plus(Duration::from_secs(will.delay.into()));
                session.will = Some((due, will));
            }
        }
        self.happened(Happening::Disconnected {
            client: client.clone(),
        });
        if let Some(will) = last_words {
            self.bequeath(&client, will, turn);
        }
        if ended {
            self.forget(&client, turn);
        }
    }

    /// Wills whose delay is over.
    pub(super) fn publish_wills(&mut self, turn: Turn<'_>) {
        let mut due: Vec<(String, Will)> = Vec::new();
        for (client, session) in &mut self.sessions {
            let is_due = |(at, _): &mut (_, _)| *at <= turn.now;
            if let Some((_, will)) = session.will.take_if(is_due) {
                due.push((client.clone(), will));
            }
        }
        for (client, will) in due {
            self.bequeath(&client, will, turn);
        }
    }

    /// A client's last words.
    fn bequeath(&mut self, client: &str, will: Will, turn: Turn<'_>) {
        if turn.limits.follows {
            self.out.push_back(Output::Heard {
                client: client.to_owned(),
                publication: publication(&will.publish),
                is_will: true,
            });
        }
        self.route(Some(client), will.publish, turn);
    }

    /// The end of a session: its will is published at the latest now, and what it held for a shared subscription goes
    /// to the others.
    pub(super) fn forget(&mut self, client: &str, turn: Turn<'_>) {
        let Some(mut session) = self.sessions.remove(client) else {
            return;
        };
        if let Some((_, will)) = session.will.take() {
            self.bequeath(client, will, turn);
        }
        for held in Session::inheritance(session) {
            self.hand_over(held, turn);
        }
    }

    /// A connected client, as rules know it.
    pub(super) fn who<'a>(&'a self, id: ConnectionId, client: &'a str) -> Who<'a> {
        let connection = self.connections.get(&id);
        Who {
            client,
            username: connection.and_then(|c| c.username.as_deref()),
            identity: connection.map_or(&NOBODY, |c| &c.identity),
            version: connection.map_or_else(Version::default, |c| c.version),
        }
    }
}

/// Whether a CONNECT is one that any broker could take.
fn sound(connect: &Connect) -> Result<(), u8> {
    if connect.authentication_method.is_some() {
        return Err(code::BAD_AUTHENTICATION_METHOD);
    }
    // Without an id there is nothing to come back to (MQTT 3.1.1, 3.1.3-8).
    if connect.client_id.is_empty() && connect.version == Version::V311 && !connect.clean {
        return Err(code::CLIENT_ID_INVALID);
    }
    match &connect.will {
        Some(will) if Topic::parse(&will.publish.topic).is_err() => Err(code::TOPIC_INVALID),
        _ => Ok(()),
    }
}

fn may_leave_its_will(connect: &Connect, identity: &Identity, turn: Turn<'_>) -> Verdict {
    let Some(will) = &connect.will else {
        return Verdict::Allowed;
    };
    if will.publish.qos > turn.limits.maximum_qos {
        return Verdict::Refused(code::QOS_NOT_SUPPORTED);
    }
    let who = Who {
        client: &connect.client_id,
        username: connect.username.as_deref(),
        identity,
        version: connect.version,
    };
    match turn.rules.publish(who, &will.publish.topic) {
        Verdict::Refused(_) => Verdict::Refused(code::NOT_AUTHORIZED),
        verdict => verdict,
    }
}

/// `u32::MAX` is for ever (MQTT 5, 3.1.2.11.2).
fn wanted_life(seconds: u32) -> Duration {
    match seconds {
        u32::MAX => Duration::MAX,
        seconds => Duration::from_secs(seconds.into()),
    }
}

/// 3.1.1 keeps a session that is not clean for as long as the broker likes.
fn session_life(connect: &Connect, turn: Turn<'_>) -> Duration {
    let wanted = match (connect.version, connect.clean) {
        (Version::V5, _) => wanted_life(connect.session_expiry),
        (Version::V311, true) => Duration::ZERO,
        (Version::V311, false) => Duration::MAX,
    };
    wanted.min(turn.limits.session_life)
}
