//! What can be asked of the broker, and what it can be told to do wrong. The same for every cloud.

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
}
