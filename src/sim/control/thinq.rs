//! The simulated home: its account and its devices.

use serde_json::Value;

use super::SimControl;
use crate::base::moment::{Moment, Timestamp};
use crate::sim::cloud::Publication;
use crate::sim::cloud::thinq::Thinq;
use crate::sim::world::{Device, catalog};

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
    fn thinq<T: Default>(&self, work: impl FnOnce(&mut Thinq, Moment) -> T) -> T {
        self.core(|core| {
            let now = core.clock.now();
            core.cloud_as()
                .map_or_else(T::default, |thinq| work(thinq, now))
        })
    }

    fn announce(&self, work: impl FnOnce(&mut Thinq, Moment) -> Vec<Publication>) {
        let publications = self.thinq(work);
        self.hub.publish(publications);
    }

    pub fn devices(&self) -> Vec<DeviceInfo> {
        self.thinq(|cloud, _| {
            let devices = cloud.world.devices().iter();
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
        self.thinq(|cloud, _| cloud.world.device(id).map(|device| device.state.clone()))
    }

    /// (client, device) of every push subscription.
    pub fn push_subscriptions(&self) -> Vec<(String, String)> {
        self.thinq(|cloud, _| {
            let clients = cloud.accounts.clients.iter();
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
        self.thinq(|cloud, now| {
            let clients = cloud.accounts.clients.iter();
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
        self.thinq(|cloud, _| {
            let clients = cloud.accounts.clients.iter();
            clients
                .filter(|(_, client)| client.home)
                .map(|(id, _)| id.clone())
                .collect()
        })
    }

    pub fn clients(&self) -> Vec<String> {
        self.thinq(|cloud, _| cloud.accounts.clients.keys().cloned().collect())
    }

    pub fn certificates_issued(&self) -> usize {
        self.thinq(|cloud, _| cloud.accounts.certificates.len())
    }

    pub fn set_call_limit(&self, per_hour: usize) {
        self.thinq(|cloud, _| cloud.accounts.call_limit = per_hour);
    }

    /// How many event subscriptions there may be in all.
    pub fn set_event_limit(&self, limit: usize) {
        self.thinq(|cloud, _| cloud.accounts.event_limit = limit);
    }

    /// The token in the config is unknown from now on (1302).
    pub fn revoke_token(&self) {
        self.thinq(|cloud, _| cloud.revoke_token());
    }

    /// As if the client had never registered: its subscriptions and certificates are gone, too.
    pub fn forget_client(&self, client: &str) {
        self.thinq(|cloud, _| cloud.accounts.forget(client));
        self.hub
            .with_broker(|broker, cloud, now| broker.drop_client(client, now, cloud));
    }

    /// The certificates issued so far are no longer accepted at the handshake (or are again). New ones are.
    pub fn refuse_certificates(&self, refuse: bool) {
        self.thinq(|cloud, _| {
            for certificate in cloud.accounts.certificates.values_mut() {
                certificate.refused = refuse;
            }
        });
    }

    /// Publishes any bytes on a client's push topic.
    pub fn publish_raw(&self, client: &str, payload: impl Into<Vec<u8>>) {
        self.publish_to(&Thinq::push_topic(client), payload);
    }

    /// A notification of a device to all who subscribed to it.
    pub fn notify(&self, id: &str, code: &str) {
        self.announce(|cloud, now| cloud.notify(id, code, now));
    }

    /// A state report of a device to all who subscribed to it; the state itself stays as it is.
    pub fn report(&self, id: &str, report: Value) {
        self.announce(|cloud, now| cloud.report(id, report, now));
    }

    /// A new appliance of a kind (`washer`, `DEVICE_WASHER`); its id, or none for a kind that is not there.
    pub fn register_device(&self, kind: &str, alias: &str) -> Option<String> {
        let kind = catalog::kind(kind)?;
        let mut id = None;
        self.announce(|cloud, now| {
            let (added, heard) = cloud.add_device(kind, alias, now);
            id = Some(added);
            heard
        });
        id
    }

    pub fn unregister_device(&self, id: &str) {
        self.announce(|cloud, now| cloud.remove_device(id, now));
    }

    pub fn rename_device(&self, id: &str, alias: &str) {
        self.announce(|cloud, now| cloud.rename_device(id, alias, now));
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

    fn device(&self, id: &str, work: impl FnOnce(&mut Device)) {
        self.thinq(|cloud, _| {
            if let Some(device) = cloud.world.device_mut(id) {
                work(device);
            }
        });
    }
}
