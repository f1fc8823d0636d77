//! The hand behind the curtain: for tests and demonstrations.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;

use super::event::{CallRecord, SimEvents};
use super::faults::{Fault, Times};
use super::hub::{Core, Hub};
use super::world::catalog;
use crate::base::moment::Timestamp;
use crate::sim::cloud::Publication;
use crate::sim::cloud::thinq::Thinq;

/// Steers a running simulator. A clone steers the same one; every method may be called from any thread, does not
/// wait, and has taken effect when it returns, but for [`SimControl::stop_broker`] and [`SimControl::start_broker`],
/// which tell by an event.
#[derive(Clone)]
pub struct SimControl {
    hub: Arc<Hub<Thinq>>,
}

/// A device as the simulator knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceInfo {
    pub id: String,
    pub device_type: &'static str,
    pub alias: String,
    pub reportable: bool,
    pub online: bool,
}

impl SimControl {
    pub(super) fn new(hub: Arc<Hub<Thinq>>) -> Self {
        Self { hub }
    }

    fn core<T>(&self, work: impl FnOnce(&mut Core<Thinq>) -> T) -> T {
        work(&mut self.hub.core())
    }

    fn thinq(&self, work: impl FnOnce(&mut Core<Thinq>) -> Vec<Publication>) {
        let publications = self.core(work);
        self.hub.publish(publications);
    }

    // What has happened

    /// What happens from now on.
    pub fn events(&self) -> SimEvents {
        SimEvents(self.hub.events())
    }

    /// The HTTP calls so far, in order (the last 50,000).
    pub fn calls(&self) -> Vec<CallRecord> {
        self.core(|core| core.calls.iter().cloned().collect())
    }

    pub fn clear_calls(&self) {
        self.core(|core| core.calls.clear());
    }

    pub fn devices(&self) -> Vec<DeviceInfo> {
        self.core(|core| {
            let devices = core.cloud.world.devices().iter();
            devices
                .map(|device| DeviceInfo {
                    id: device.id.clone(),
                    device_type: device.kind.device_type,
                    alias: device.alias.clone(),
                    reportable: device.reportable,
                    online: device.online,
                })
                .collect()
        })
    }

    /// The id of the first device with this alias.
    pub fn id_of(&self, alias: &str) -> Option<String> {
        let devices = self.devices();
        devices.into_iter().find(|d| d.alias == alias).map(|d| d.id)
    }

    /// What the cloud would answer as the device's state.
    pub fn state(&self, id: &str) -> Option<Value> {
        self.core(|core| {
            core.cloud
                .world
                .device(id)
                .map(|device| device.state.clone())
        })
    }

    /// (client, device) of every push subscription.
    pub fn push_subscriptions(&self) -> Vec<(String, String)> {
        self.core(|core| {
            let clients = core.cloud.accounts.clients.iter();
            clients
                .flat_map(|(id, client)| {
                    client
                        .push
                        .iter()
                        .map(|device| (id.clone(), device.clone()))
                })
                .collect()
        })
    }

    /// (client, device, end) of every event subscription.
    pub fn event_subscriptions(&self) -> Vec<(String, String, Timestamp)> {
        self.core(|core| {
            let now = core.clock.now();
            let clients = core.cloud.accounts.clients.iter();
            clients
                .flat_map(|(id, client)| {
                    client.event.iter().map(move |(device, end)| {
                        let end = now.wall.plus(end.since(now.mono));
                        (id.clone(), device.clone(), end)
                    })
                })
                .collect()
        })
    }

    /// The clients that hear of new, removed and renamed devices.
    pub fn home_subscriptions(&self) -> Vec<String> {
        self.core(|core| {
            let clients = core.cloud.accounts.clients.iter();
            clients
                .filter(|(_, client)| client.home)
                .map(|(id, _)| id.clone())
                .collect()
        })
    }

    pub fn clients(&self) -> Vec<String> {
        self.core(|core| core.cloud.accounts.clients.keys().cloned().collect())
    }

    pub fn certificates_issued(&self) -> usize {
        self.core(|core| core.cloud.accounts.certificates.len())
    }

    pub fn is_connected(&self, client: &str) -> bool {
        self.core(|core| core.broker.is_connected(client))
    }

    /// The topic filters of a client's session.
    pub fn filters(&self, client: &str) -> Vec<String> {
        self.core(|core| core.broker.filters(client))
    }

    // Time

    /// The simulator's clock, in wall time.
    pub fn now(&self) -> Timestamp {
        self.core(|core| core.clock.now().wall)
    }

    /// Lets this much of the simulator's time pass at once: subscriptions end, the call limit's hour moves on, each
    /// device takes its next step. Connections live through it; their keep-alive runs in real time.
    pub fn advance(&self, by: Duration) {
        self.core(|core| {
            core.clock.advance(by);
            core.broker.skip(by);
        });
        self.hub.tick();
    }

    // HTTP

    /// `method` and `path` (`/devices/*/state`) may hold `*`. Faults strike in the order they were added.
    pub fn fail_http(&self, method: &str, path: &str, times: Times, fault: Fault) {
        self.core(|core| core.faults.add(method, path, times, fault));
    }

    pub fn heal_http(&self) {
        self.core(|core| core.faults.clear());
    }

    pub fn set_call_limit(&self, per_hour: usize) {
        self.core(|core| core.cloud.accounts.call_limit = per_hour);
    }

    /// How many event subscriptions there may be in all.
    pub fn set_event_limit(&self, limit: usize) {
        self.core(|core| core.cloud.accounts.event_limit = limit);
    }

    /// The token in the config is unknown from now on (1302).
    pub fn revoke_token(&self) {
        self.core(|core| core.cloud.revoke_token());
    }

    /// As if the client had never registered: its subscriptions and certificates are gone, too.
    pub fn forget_client(&self, client: &str) {
        self.core(|core| core.cloud.accounts.forget(client));
        self.hub
            .with_broker(|broker, cloud, now| broker.drop_client(client, now, cloud));
    }

    // MQTT

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

    /// The certificates issued so far are no longer accepted at the handshake (or are again). New ones are.
    pub fn refuse_certificates(&self, refuse: bool) {
        self.core(|core| {
            for certificate in core.cloud.accounts.certificates.values_mut() {
                certificate.refused = refuse;
            }
        });
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

    /// Publishes any bytes on a client's push topic.
    pub fn publish_raw(&self, client: &str, payload: impl Into<Vec<u8>>) {
        self.publish_to(&Thinq::push_topic(client), payload);
    }

    /// Publishes any bytes on any topic.
    pub fn publish_to(&self, topic: &str, payload: impl Into<Vec<u8>>) {
        self.hub.publish(vec![Publication {
            topic: topic.to_owned(),
            payload: Bytes::from(payload.into()),
        }]);
    }

    // The home

    /// A notification of a device to all who subscribed to it.
    pub fn notify(&self, id: &str, code: &str) {
        self.thinq(|core| core.cloud.notify(id, code, core.clock.now()));
    }

    /// A state report of a device to all who subscribed to it; the state itself stays as it is.
    pub fn report(&self, id: &str, report: Value) {
        self.thinq(|core| core.cloud.report(id, report, core.clock.now()));
    }

    /// A new appliance of a kind (`washer`, `DEVICE_WASHER`); its id, or none for a kind that is not there.
    pub fn register_device(&self, kind: &str, alias: &str) -> Option<String> {
        let kind = catalog::kind(kind)?;
        let mut id = None;
        self.thinq(|core| {
            let (added, heard) = core.cloud.add_device(kind, alias, core.clock.now());
            id = Some(added);
            heard
        });
        id
    }

    pub fn unregister_device(&self, id: &str) {
        self.thinq(|core| core.cloud.remove_device(id, core.clock.now()));
    }

    pub fn rename_device(&self, id: &str, alias: &str) {
        self.thinq(|core| core.cloud.rename_device(id, alias, core.clock.now()));
    }

    /// Offline: its state and control are refused with 1222, and it reports nothing.
    pub fn set_offline(&self, id: &str, offline: bool) {
        self.device(id, |device| device.online = !offline);
    }

    /// Whether remote control is switched on at the appliance (2301 when not).
    pub fn set_remote_control(&self, id: &str, on: bool) {
        self.device(id, |device| device.set_remote_control(on));
    }

    /// Sets a device's state, without a report.
    pub fn set_state(&self, id: &str, state: Value) {
        self.device(id, |device| device.state = state);
    }

    /// Stops (or resumes) what devices do by themselves; controls still reach them.
    pub fn freeze(&self, frozen: bool) {
        self.core(|core| core.cloud.world.frozen = frozen);
    }

    fn device(&self, id: &str, work: impl FnOnce(&mut super::world::Device)) {
        self.core(|core| {
            if let Some(device) = core.cloud.world.device_mut(id) {
                work(device);
            }
        });
    }
}
