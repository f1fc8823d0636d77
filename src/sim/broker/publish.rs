//! What clients publish, and how they acknowledge what is published to them (MQTT 5, 4.3).

use super::{Broker, Cause, ConnectionId, Happening, Life, Output, Turn, Verdict, publication};
use crate::domain::topic::Topic;
use crate::sim::packet::{Ack, Packet, Publish, Qos, code};

/// Why a PUBLISH ends its connection.
type Fatal = (u8, &'static str);

impl Broker {
    pub(super) fn take(
        &mut self,
        id: ConnectionId,
        client: &str,
        mut publish: Publish,
        turn: Turn<'_>,
    ) {
        if let Err((code, words)) = self.resolve(id, client, &mut publish, turn) {
            return self.end(id, code, words, turn);
        }
        let limit = turn.limits.publishes_per_second;
        let connection = self.connections.get_mut(&id);
        if connection.is_some_and(|c| !c.allowance.take(limit, turn.now)) {
            self.health.dropped += 1;
            return;
        }
        let verdict = turn.rules.take(self.who(id, client), &publish);
        match verdict {
            Verdict::Closed => {
                self.because(id, Cause::Forbidden);
                return self.close(id, turn);
            }
            Verdict::Ended(code) => {
                return self.end(id, code, "this message cannot be taken", turn);
            }
            Verdict::Discarded => return,
            Verdict::Allowed | Verdict::Refused(_) => {}
        }
        if self.faults.cuts_before_puback(&publish) {
            return self.close(id, turn);
        }
        if publish.qos == Qos::ExactlyOnce && self.is_unreleased(client, publish.packet) {
            // Sent again; it has gone its way already.
            return self.confirm(id, client, &publish, code::SUCCESS);
        }
        if let Verdict::Refused(code) = verdict {
            // 3.1.1 cannot say so: it is acknowledged, and goes nowhere.
            let code = match code {
                ..=code::UNSPECIFIED => code::NOT_AUTHORIZED,
                said => said,
            };
            return self.confirm(id, client, &publish, code);
        }
        let heard = publish.clone();
        let (packet, qos) = (publish.packet, publish.qos);
        self.happened(Happening::Received {
            client: client.to_owned(),
            topic: publish.topic.clone(),
            payload: publish.payload.clone(),
        });
        let before = self.out.len();
        let matched = self.route(Some(client), publish, turn);
        let deliveries = self.out.split_off(before);
        let code = if matched || turn.rules.hears(&heard.topic) {
            code::SUCCESS
        } else {
            code::NO_MATCHING_SUBSCRIBERS
        };
        let acknowledged = Publish {
            qos,
            packet,
            ..Publish::default()
        };
        self.confirm(id, client, &acknowledged, code);
        self.out.extend(deliveries);
        self.out.push_back(Output::Heard {
            client: client.to_owned(),
            publication: publication(&heard),
            is_will: false,
        });
    }

    /// Puts the topic in its place and looks for what no broker may take.
    fn resolve(
        &mut self,
        id: ConnectionId,
        client: &str,
        publish: &mut Publish,
        turn: Turn<'_>,
    ) -> Result<(), Fatal> {
        if publish.qos > turn.limits.maximum_qos {
            return Err((code::QOS_NOT_SUPPORTED, "this QoS is not supported"));
        }
        if let Some(alias) = publish.alias.take() {
            self.alias(id, alias, publish, turn)?;
        } else if publish.topic.is_empty() && self.speaks_5(id) {
            return Err((code::PROTOCOL_ERROR, "neither a topic nor an alias"));
        }
        if Topic::parse(&publish.topic).is_err() {
            return Err((code::TOPIC_INVALID, "a topic that nobody can publish to"));
        }
        let response = publish.properties.response_topic.as_deref();
        if response.is_some_and(|topic| Topic::parse(topic).is_err()) {
            return Err((code::PROTOCOL_ERROR, "a response topic with wildcards"));
        }
        let limit = usize::from(turn.limits.receive_maximum);
        if publish.qos != Qos::AtMostOnce && self.unfinished_of(id, client, publish) >= limit {
            let words = "more messages at a time than the receive maximum";
            return Err((code::RECEIVE_MAXIMUM_EXCEEDED, words));
        }
        Ok(())
    }

    /// A topic alias is set where a topic comes with it, else used (MQTT 5, 3.3.2.3.4).
    fn alias(
        &mut self,
        id: ConnectionId,
        alias: u16,
        publish: &mut Publish,
        turn: Turn<'_>,
    ) -> Result<(), Fatal> {
        if alias == 0 || alias > turn.limits.topic_aliases {
            return Err((code::TOPIC_ALIAS_INVALID, "a topic alias out of range"));
        }
        let aliases = self.connections.get_mut(&id).map(|c| &mut c.aliases);
        let Some(aliases) = aliases else {
            return Ok(());
        };
        if publish.topic.is_empty() {
            let known = aliases.get(&alias).cloned();
            publish.topic = known.ok_or((
                code::PROTOCOL_ERROR,
                "a topic alias that stands for nothing",
            ))?;
        } else {
            aliases.insert(alias, publish.topic.clone());
        }
        Ok(())
    }

    /// Messages of the client, besides this one, whose exchange is not over.
    fn unfinished_of(&self, id: ConnectionId, client: &str, publish: &Publish) -> usize {
        let session = self.sessions.get(client);
        let unreleased = session.map_or(0, |session| {
            let others = session.unreleased.iter();
            others.filter(|packet| **packet != publish.packet).count()
        });
        let held = self.connections.get(&id).map_or(0, |connection| {
            let acks = connection.held.iter();
            acks.filter(|packet| matches!(packet, Packet::PubAck(_)))
                .count()
        });
        unreleased + held
    }

    fn is_unreleased(&self, client: &str, packet: u16) -> bool {
        let session = self.sessions.get(client);
        session.is_some_and(|session| session.unreleased.contains(&packet))
    }

    /// PUBACK or PUBREC.
    fn confirm(&mut self, id: ConnectionId, client: &str, publish: &Publish, code: u8) {
        let words = self.words(id, "this client may not publish here");
        let words = words.filter(|_| code == code::NOT_AUTHORIZED);
        let ack = Ack::with(publish.packet, code, words);
        let hold = self.faults.hold_acknowledgements;
        match publish.qos {
            Qos::AtMostOnce => {}
            Qos::AtLeastOnce => self.acknowledge(id, Packet::PubAck(ack), hold),
            Qos::ExactlyOnce => {
                // A refusal is the end of it in 5; 3.1.1 goes through the motions.
                let five = self.speaks_5(id);
                if let Some(session) = self.sessions.get_mut(client)
                    && !(five && code >= code::UNSPECIFIED)
                {
                    session.unreleased.insert(publish.packet);
                }
                self.acknowledge(id, Packet::PubRec(ack), hold);
            }
        }
    }

    /// PUBREL of a client: the packet id is free again.
    pub(super) fn pubrel(&mut self, id: ConnectionId, client: &str, ack: &Ack, turn: Turn<'_>) {
        let session = self.sessions.get_mut(client);
        let known = session.is_some_and(|session| session.unreleased.remove(&ack.packet));
        let code = if known {
            code::SUCCESS
        } else {
            self.wondered(client, "PUBREL", ack, turn);
            code::PACKET_NOT_FOUND
        };
        let hold = self.faults.hold_acknowledgements;
        self.acknowledge(id, Packet::PubComp(Ack::with(ack.packet, code, None)), hold);
    }

    pub(super) fn puback(&mut self, id: ConnectionId, client: &str, ack: &Ack, turn: Turn<'_>) {
        if self.faults.loses_puback() {
            return self.close(id, turn);
        }
        let session = self.sessions.get_mut(client);
        let sent = session.and_then(|session| {
            let sent = session.sent(ack.packet)?.clone();
            session.acknowledge(ack.packet).then_some(sent)
        });
        match sent {
            None => self.wondered(client, "PUBACK", ack, turn),
            Some(sent) => {
                self.acknowledged(client, ack.packet);
                self.told(turn, || Life::Acknowledged {
                    client: client.to_owned(),
                    topic: sent.topic,
                    payload: sent.payload,
                });
            }
        }
        self.pump(client, turn);
    }

    pub(super) fn pubrec(&mut self, id: ConnectionId, client: &str, ack: &Ack, turn: Turn<'_>) {
        if self.faults.loses_puback() {
            return self.close(id, turn);
        }
        let Some(session) = self.sessions.get_mut(client) else {
            return;
        };
        if ack.code >= code::UNSPECIFIED {
            session.rejected(ack.packet);
            return self.pump(client, turn);
        }
        let code = if session.received(ack.packet) {
            self.acknowledged(client, ack.packet);
            code::SUCCESS
        } else {
            self.wondered(client, "PUBREC", ack, turn);
            code::PACKET_NOT_FOUND
        };
        self.send(id, Packet::PubRel(Ack::with(ack.packet, code, None)));
    }

    pub(super) fn pubcomp(&mut self, client: &str, ack: &Ack, turn: Turn<'_>) {
        let session = self.sessions.get_mut(client);
        if !session.is_some_and(|session| session.complete(ack.packet)) {
            self.wondered(client, "PUBCOMP", ack, turn);
        }
        self.pump(client, turn);
    }

    /// An acknowledgement came that nobody waits for.
    fn wondered(&mut self, client: &str, kind: &'static str, ack: &Ack, turn: Turn<'_>) {
        self.told(turn, || Life::Strange {
            client: client.to_owned(),
            kind,
            packet: ack.packet,
        });
    }

    fn acknowledged(&mut self, client: &str, packet: u16) {
        self.happened(Happening::Acknowledged {
            client: client.to_owned(),
            packet,
        });
    }
}
