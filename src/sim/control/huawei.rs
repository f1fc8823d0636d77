//! The simulated Huawei project, seen from the console. Devices are named by device id or node id.

use bytes::Bytes;
use serde_json::{Value, json};

use super::SimControl;
use crate::base::moment::Moment;
use crate::sim::cloud::huawei::downlink::What;
use crate::sim::cloud::huawei::registry::{DAY, Fate, Letter};
use crate::sim::cloud::huawei::sign::Kind;
use crate::sim::cloud::huawei::{Huawei, Unreached};

impl SimControl {
    fn huawei<T>(&self, work: impl FnOnce(&mut Huawei, Moment) -> T) -> Option<T> {
        self.core(|core| {
            let now = core.clock.now();
            core.cloud_as().map(|huawei| work(huawei, now))
        })
    }

    fn ask_device(&self, device: &str, what: What, body: Value) -> Result<String, Unreached> {
        let asked = self.huawei(|huawei, now| {
            let id = huawei.find(device).map(|device| device.id.clone());
            huawei.ask(&id.ok_or(Unreached::NoSuch)?, what, body, now)
        });
        let sent = asked.ok_or(Unreached::NoSuch)??;
        self.hub.do_now(sent.tick);
        Ok(sent.request)
    }

    /// Sends a command; the id of the request, in v1 its `mid`. The device's answer, or that there was none within
    /// 20 s, is told by [`crate::sim::SimEvent::DeviceAnswered`].
    pub fn ask_command(
        &self,
        device: &str,
        service: &str,
        command: &str,
        paras: &Value,
    ) -> Result<String, Unreached> {
        let body = json!({"service_id": service, "command_name": command, "paras": paras});
        self.ask_device(device, What::Command, body)
    }

    /// Asks for properties to be set: `[{"service_id", "properties"}]`.
    pub fn ask_to_set(&self, device: &str, services: &Value) -> Result<String, Unreached> {
        self.ask_device(device, What::Set, json!({"services": services}))
    }

    /// Asks for the properties of a service, or of all.
    pub fn ask_properties(&self, device: &str, service: Option<&str>) -> Result<String, Unreached> {
        let body = service.map_or_else(|| json!({}), |service| json!({"service_id": service}));
        self.ask_device(device, What::Get, body)
    }

    /// Sends a message in the system's format; who is away gets it later.
    pub fn send_message(&self, device: &str, name: &str, content: &Value) -> Result<(), Unreached> {
        let posted = self.huawei(|huawei, now| {
            let id = huawei.find(device).map(|device| device.id.clone());
            let letter = Letter {
                id: format!("{:032x}", fastrand::u128(..)),
                name: Some(name.to_owned()),
                content: content.clone(),
                encoding: "none".to_owned(),
                format: "standard".to_owned(),
                topic: None,
                fate: Fate::Pending,
                created: now.wall,
                finished: None,
                ends: now.wall.plus(DAY),
            };
            huawei.post(&id.ok_or(Unreached::NoSuch)?, letter, now.wall)
        });
        let tick = posted.ok_or(Unreached::NoSuch)??;
        self.hub.do_now(tick);
        Ok(())
    }

    /// Sends an event of one of the platform's services; whether somebody is there to hear it.
    pub fn send_event(&self, device: &str, service: &str, kind: &str, paras: &Value) -> bool {
        let told = self.huawei(|huawei, now| {
            let id = huawei.find(device)?.id.clone();
            huawei.tell_event(&id, service, kind, paras, None, now.wall)
        });
        let told = told.flatten();
        let is_heard = told.is_some();
        self.hub.do_now(told.unwrap_or_default());
        is_heard
    }

    /// Freezes a device (or no longer): it is thrown out, and refused with code 5.
    pub fn freeze_device(&self, device: &str, frozen: bool) {
        let tick = self.huawei(|huawei, _| huawei.freeze_device(device, frozen));
        self.hub.do_now(tick.unwrap_or_default());
    }

    /// `ONLINE`, `OFFLINE`, `INACTIVE`, `FROZEN`.
    pub fn device_status(&self, device: &str) -> Option<&'static str> {
        self.huawei(|huawei, _| Some(huawei.find(device)?.status_word()))
            .flatten()
    }

    /// The shadow of a device, as REST shows it.
    pub fn device_shadow(&self, device: &str) -> Option<Value> {
        self.huawei(|huawei, _| huawei.shadow(device)).flatten()
    }

    /// What has come from a device so far: topic and payload.
    pub fn uplinks(&self, device: &str) -> Vec<(String, Bytes)> {
        let found = self.huawei(|huawei, _| {
            let id = huawei.find(device)?.id.clone();
            let all = huawei.uplinks.iter().filter(|(from, ..)| *from == id);
            Some(
                all.map(|(_, topic, payload)| (topic.clone(), payload.clone()))
                    .collect(),
            )
        });
        found.flatten().unwrap_or_default()
    }

    /// Whether REST wants the derived signature (true) or the standard one; otherwise the host tells.
    pub fn require_derived(&self, derived: bool) {
        let kind = if derived {
            Kind::Derived
        } else {
            Kind::Standard
        };
        self.huawei(|huawei, _| huawei.required = Some(kind));
    }
}
