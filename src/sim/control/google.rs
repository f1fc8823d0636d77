//! The simulated bridge: its registry seen from the console.

use bytes::Bytes;

use super::SimControl;
use crate::base::moment::{Moment, Timestamp};
use crate::sim::cloud::Tick;
use crate::sim::cloud::google::Google;

impl SimControl {
    fn google<T: Default>(&self, work: impl FnOnce(&mut Google, Moment) -> T) -> T {
        self.core(|core| {
            let now = core.clock.now();
            core.cloud_as()
                .map_or_else(T::default, |google| work(google, now))
        })
    }

    fn set_off(&self, work: impl FnOnce(&mut Google, Moment) -> Tick) {
        let tick = self.google(work);
        self.hub.do_now(tick);
    }

    /// Sends a configuration as the console does.
    pub fn send_config(&self, device: &str, data: impl Into<Bytes>) {
        let data = data.into();
        self.set_off(|google, now| google.configure(device, data, now.wall));
    }

    /// Sends a command as the console does; nothing where nobody listens.
    pub fn send_command(&self, device: &str, subfolder: &str, data: impl Into<Bytes>) {
        let data = data.into();
        self.set_off(|google, _| google.command(device, subfolder, data));
    }

    /// Blocks a device (or no longer): it is thrown out.
    pub fn block_device(&self, device: &str, blocked: bool) {
        self.set_off(|google, _| google.block(device, blocked));
    }

    /// Devices attached to a gateway at this moment.
    pub fn attached_to(&self, gateway: &str) -> Vec<String> {
        self.google(|google, _| google.attached(gateway))
    }

    /// Devices bound to a gateway.
    pub fn bound_to(&self, gateway: &str) -> Vec<String> {
        self.google(|google, _| {
            let found = google.registry.find(gateway);
            let gateway = found.and_then(|device| device.gateway.as_ref());
            gateway.map_or_else(Vec::new, |gateway| gateway.bound.iter().cloned().collect())
        })
    }

    /// What has reached Pub/Sub: topic and payload.
    pub fn telemetry(&self) -> Vec<(String, Bytes)> {
        self.google(|google, _| google.telemetry.clone())
    }

    /// The states of a device, newest last.
    pub fn device_states(&self, device: &str) -> Vec<Bytes> {
        self.google(|google, _| {
            let device = google.registry.find(device);
            device.map_or_else(Vec::new, |device| {
                device.states.iter().map(|(_, data)| data.clone()).collect()
            })
        })
    }

    /// The newest configuration of a device: version, data, and when it was acknowledged.
    pub fn device_config(&self, device: &str) -> Option<(u64, Bytes, Option<Timestamp>)> {
        self.google(|google, _| {
            let config = google.registry.find(device)?.newest()?;
            Some((config.version, config.data.clone(), config.acknowledged))
        })
    }

    /// The last error of a device, as the console shows it.
    pub fn device_error(&self, device: &str) -> Option<String> {
        self.google(|google, _| {
            let error = google.registry.find(device)?.last_error.as_ref()?;
            Some(error.2.clone())
        })
    }

    /// Whether the registry has a Pub/Sub topic; without one telemetry ends the connection.
    pub fn set_pubsub(&self, there: bool) {
        self.google(|google, _| google.registry.pubsub = there);
    }

    /// Google's CONNACK codes instead of ClearBlade's.
    pub fn google_codes(&self, on: bool) {
        self.google(|google, _| google.google_codes = on);
    }
}
