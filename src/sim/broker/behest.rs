//! What a cloud has its broker do besides publishing, and why connections end.

use super::{Broker, Cause, Connection, ConnectionId, Output, Rules, Turn};
use crate::base::moment::Mono;
use crate::sim::cloud::Publication;
use crate::sim::packet::code;

impl Broker {
    /// A message for one client alone. Where it is `unasked` it needs no subscription.
    pub fn tell(
        &mut self,
        client: &str,
        publication: &Publication,
        unasked: bool,
        now: Mono,
        rules: &dyn Rules,
    ) -> Vec<Output> {
        self.answer(client, publication, unasked, Turn::new(now, rules));
        self.drain()
    }

    /// Somebody has asked the cloud to end a client's connection, without its will or its session if so wanted.
    /// Whether there was one.
    pub fn evict(
        &mut self,
        client: &str,
        forget: bool,
        with_will: bool,
        now: Mono,
        rules: &dyn Rules,
    ) -> Vec<Output> {
        let turn = Turn::new(now, rules);
        if let Some(id) = self.sessions.get(client).and_then(|s| s.connection) {
            if let Some(connection) = self.connections.get_mut(&id) {
                connection.will.take_if(|_| !with_will);
                connection.cause = Cause::Api;
            }
            self.end(id, code::ADMINISTRATIVE, "ended on request", turn);
        }
        if forget {
            self.forget(client, turn);
        }
        self.drain()
    }

    /// The peer has taken its leave in the words of what carries its MQTT.
    pub fn goodbye(&mut self, id: ConnectionId, now: Mono, rules: &dyn Rules) -> Vec<Output> {
        let turn = Turn::new(now, rules);
        if turn.limits.close_frame_is_goodbye {
            self.because(id, Cause::Client);
            self.leave(id, turn, false);
        }
        self.drain()
    }

    /// Notes why a connection will end, unless that is known already.
    pub(super) fn because(&mut self, id: ConnectionId, cause: Cause) {
        if let Some(connection) = self.connections.get_mut(&id)
            && connection.cause == Cause::Lost
        {
            connection.cause = cause;
        }
    }

    /// Ends connections that are older than their way in allows.
    pub(super) fn expire(&mut self, turn: Turn<'_>) {
        let old = |c: &Connection| {
            let life = c.identity.life;
            life.is_some_and(|life| turn.now.since(c.opened) >= life)
        };
        let connections = self.connections.iter();
        let old: Vec<_> = connections
            .filter_map(|(id, connection)| old(connection).then_some(*id))
            .collect();
        for id in old {
            self.because(id, Cause::Expired);
            self.end(id, code::ADMINISTRATIVE, "the connection is too old", turn);
        }
    }
}
