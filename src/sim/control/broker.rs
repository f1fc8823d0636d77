//! What can be asked of the broker, and what it can be told to do wrong. The same for every cloud.

use std::time::Duration;

use bytes::Bytes;

use super::SimControl;
use crate::sim::cloud::Publication;

impl SimControl {
    pub fn is_connected(&self, client: &str) -> bool {
        self.core(|core| core.broker.is_connected(client))
    }

    /// The topic filters of a client's session.
    pub fn filters(&self, client: &str) -> Vec<String> {
        self.core(|core| core.broker.filters(client))
    }

    /// Closes the port and every connection; [`super::SimEvent::BrokerStopped`] tells when.
    pub fn stop_broker(&self) {
        self.hub.broker_runs.send_replace(false);
    }

    /// Opens the same port again; [`super::SimEvent::BrokerStarted`] tells when.
    pub fn start_broker(&self) {
        self.hub.broker_runs.send_replace(true);
    }

    pub fn drop_connections(&self) {
        self.hub
            .with_broker(|broker, cloud, now| broker.drop_all(now, cloud));
    }

    /// Deaf: pings are answered, nothing is delivered, and nothing is kept for later.
    pub fn deaf(&self, deaf: bool) {
        self.core(|core| core.broker.faults.deaf = deaf);
    }

    /// The broker forgets all sessions: connections stay, without filters; a return finds no session.
    pub fn lose_session(&self) {
        self.core(|core| core.broker.lose_sessions());
    }

    /// Connections and sessions stay, their filters are forgotten.
    pub fn forget_subscriptions(&self) {
        self.core(|core| core.broker.forget_subscriptions());
    }

    /// Every CONNECT is refused with this CONNACK code.
    pub fn refuse_connect(&self, code: Option<u8>) {
        self.core(|core| core.broker.faults.refuse_connect = code);
    }

    /// Every connection ends right after its CONNECT.
    pub fn close_after_connect(&self, close: bool) {
        self.core(|core| core.broker.faults.close_after_connect = close);
    }

    /// A second client with this id takes the connection over, now and after the next `rounds` returns.
    pub fn takeover(&self, client: &str, rounds: u32) {
        self.core(|core| core.broker.faults.rivals.insert(client.to_owned(), rounds));
        self.hub
            .with_broker(|broker, cloud, now| broker.drop_client(client, now, cloud));
    }

    /// The next acknowledgement of a client is lost together with its connection: the message comes again, as a
    /// duplicate.
    pub fn lose_next_puback(&self) {
        self.core(|core| core.broker.faults.lose_pubacks += 1);
    }

    /// The next QoS 1 publish of a client is cut off before it is acknowledged.
    pub fn drop_before_puback(&self) {
        self.core(|core| core.broker.faults.cut_before_puback += 1);
    }

    /// The next QoS 1 delivery is sent twice, the second time marked as a duplicate.
    pub fn duplicate_next(&self) {
        self.core(|core| core.broker.faults.duplicate += 1);
    }

    /// Publishes any bytes on any topic.
    pub fn publish_to(&self, topic: &str, payload: impl Into<Vec<u8>>) {
        self.hub
            .publish(vec![Publication::new(topic, payload.into())]);
    }

    /// Publishes any message, as the cloud does it.
    pub fn publish(&self, publication: Publication) {
        self.hub.publish(vec![publication]);
    }

    /// What is retained at a topic.
    pub fn retained(&self, topic: &str) -> Option<Bytes> {
        self.core(|core| core.broker.retained(topic).cloned())
    }

    /// Messages that a client has not acknowledged, and those that wait for it.
    pub fn backlog(&self, client: &str) -> usize {
        self.core(|core| core.broker.backlog(client))
    }

    /// Ends one client's connection without a word.
    pub fn drop_client(&self, client: &str) {
        self.hub
            .with_broker(|broker, rules, now| broker.drop_client(client, now, rules));
    }

    /// Ends one client's connection with this reason code, which only MQTT 5 can hear.
    pub fn kick(&self, client: &str, code: u8) {
        self.hub
            .with_broker(|broker, rules, now| broker.kick(client, code, now, rules));
    }

    /// Sends any bytes to a client, as if they were a packet.
    pub fn send_raw(&self, client: &str, bytes: impl Into<Bytes>) {
        let bytes = bytes.into();
        self.hub
            .with_broker(|broker, _, _| broker.send_raw(client, bytes));
    }

    /// This filter is refused with this code (3.1.1 hears 0x80), or no longer.
    pub fn refuse_filter(&self, filter: &str, code: Option<u8>) {
        self.core(|core| {
            let refused = &mut core.broker.faults.refused_filters;
            match code {
                Some(code) => drop(refused.insert(filter.to_owned(), code)),
                None => drop(refused.remove(filter)),
            }
        });
    }

    /// A SUBSCRIBE with this filter ends its connection, without an answer.
    pub fn hang_up_at(&self, filter: &str, hang_up: bool) {
        self.core(|core| {
            let deadly = &mut core.broker.faults.deadly_filters;
            if hang_up {
                deadly.insert(filter.to_owned());
            } else {
                deadly.remove(filter);
            }
        });
    }

    /// What clients publish is taken and not acknowledged, until [`SimControl::release`].
    pub fn hold_acknowledgements(&self) {
        self.core(|core| core.broker.faults.hold_acknowledgements = true);
    }

    /// What clients subscribe is in force and not answered, until [`SimControl::release`].
    pub fn hold_subacks(&self) {
        self.core(|core| core.broker.faults.hold_subacks = true);
    }

    /// Sends what was held, and holds no more.
    pub fn release(&self) {
        self.hub.with_broker(|broker, _, _| broker.release());
    }

    /// The next deliveries are not sent. Those of QoS 1 and 2 come on the next connection of a kept session.
    pub fn swallow_next(&self, count: u32) {
        self.core(|core| core.broker.faults.swallow = count);
    }

    /// All that the broker says comes this much later (real time).
    pub fn delay(&self, by: Duration) {
        self.hub.delay.send_replace(by);
    }
}
