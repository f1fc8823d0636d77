//! Events: what devices ask of the platform's own services, and what it answers (`reference/huawei-iot.md` 5).

use serde_json::{Value, json};

use super::registry::{Auth, Device, Status, stamp};
use super::{Huawei, joined, model};
use crate::base::moment::{Moment, Timestamp};
use crate::sim::cloud::Tick;

impl Huawei {
    pub(super) fn heard_event(&mut self, gateway: &str, body: &Value, now: Moment) -> Tick {
        let about = body["object_device_id"].as_str().unwrap_or(gateway);
        let is_own = about == gateway || self.behind(gateway).iter().any(|id| id == about);
        if !is_own {
            return Tick::default();
        }
        let about = about.to_owned();
        let mut tick = Tick::default();
        for told in body["services"].as_array().into_iter().flatten() {
            let service = told["service_id"].as_str().unwrap_or_default();
            let kind = told["event_type"].as_str().unwrap_or_default();
            let paras = &told["paras"];
            let answer = match (service, kind) {
                ("$time_sync", "time_sync_request") => {
                    let at = now.wall.0 / 1000;
                    let paras = json!({
                        "device_send_time": paras["device_send_time"],
                        "server_recv_time": at,
                        "server_send_time": at,
                    });
                    Some(("time_sync_response", paras))
                }
                ("$sub_device_manager", kind) => self.manage(gateway, kind, paras, now.wall),
                ("$ota", "version_report") => {
                    self.note_versions(&about, paras);
                    None
                }
                ("$sdk_info", "sdk_info_report") => {
                    let version = ["device_sdk_version", "sdk_version"]
                        .iter()
                        .find_map(|name| paras[*name].as_str());
                    if let (Some(version), Some(device)) = (version, self.devices.get_mut(&about)) {
                        version.clone_into(&mut device.sdk);
                    }
                    None
                }
                ("$device_rule", "device_rule_config_request") => {
                    Some(("device_rule_config_response", json!({"rulesInfos": []})))
                }
                // Progress, logs, files, rules: heard, and kept with the other messages.
                _ => None,
            };
            if let Some((kind, paras)) = answer {
                let id = told["event_id"].as_str();
                let said = self.tell_event(&about, service, kind, &paras, id, now.wall);
                tick = joined(tick, said.unwrap_or_default());
            }
        }
        tick
    }

    fn note_versions(&mut self, id: &str, paras: &Value) {
        if let Some(device) = self.devices.get_mut(id) {
            if let Some(version) = paras["fw_version"].as_str() {
                version.clone_into(&mut device.firmware);
            }
            if let Some(version) = paras["sw_version"].as_str() {
                version.clone_into(&mut device.software);
            }
        }
    }

    fn manage(
        &mut self,
        gateway: &str,
        kind: &str,
        paras: &Value,
        now: Timestamp,
    ) -> Option<(&'static str, Value)> {
        let entries = |name: &str| paras[name].as_array().cloned().unwrap_or_default();
        let mut good = Vec::new();
        let mut bad = Vec::new();
        let kind = match kind {
            "add_sub_device_request" => {
                for entry in entries("devices") {
                    match self.take_in(gateway, &entry, now) {
                        Ok(info) => good.push(info),
                        Err((code, words)) => bad.push(json!({
                            "node_id": entry["node_id"],
                            "product_id": entry["product_id"],
                            "error_code": code,
                            "error_msg": words,
                        })),
                    }
                }
                "add_sub_device_response"
            }
            "delete_sub_device_request" => {
                let behind = self.behind(gateway);
                for entry in entries("devices") {
                    let id = entry.as_str().unwrap_or_default();
                    if behind.iter().any(|known| known == id) {
                        self.devices.remove(id);
                        self.bump();
                        good.push(json!(id));
                    } else {
                        bad.push(json!({"device_id": entry, "error_code": "IOTDA.014000", "error_msg": "The device does not exist."}));
                    }
                }
                "delete_sub_device_response"
            }
            "sub_device_update_status" => {
                let behind = self.behind(gateway);
                for entry in entries("device_statuses") {
                    let id = entry["device_id"].as_str().unwrap_or_default();
                    let status = match entry["status"].as_str() {
                        Some("ONLINE") => Some(Status::Online),
                        Some("OFFLINE") => Some(Status::Offline),
                        _ => None,
                    };
                    let known = behind.iter().any(|known| known == id);
                    match (self.devices.get_mut(id).filter(|_| known), status) {
                        (Some(device), Some(status)) => {
                            device.set_status(status, now);
                            good.push(entry);
                        }
                        (None, _) => bad.push(json!({"device_id": entry["device_id"], "status": entry["status"], "error_code": "IOTDA.014000", "error_msg": "The device does not exist."})),
                        (Some(_), None) => bad.push(json!({"device_id": entry["device_id"], "status": entry["status"], "error_code": "IOTDA.000006", "error_msg": "Invalid input. Invalid status."})),
                    }
                }
                "sub_device_update_status_response"
            }
            "sub_device_sync_request" => {
                let children = self.children_json(gateway);
                let paras = json!({"devices": children, "version": self.version});
                return Some(("add_sub_device_notify", paras));
            }
            _ => return None,
        };
        let paras = json!({"successful_devices": good, "failed_devices": bad});
        Some((kind, paras))
    }

    fn children_json(&self, gateway: &str) -> Vec<Value> {
        let all = self.behind(gateway);
        let known = all.iter().filter_map(|id| self.devices.get(id));
        known.map(child_json).collect()
    }

    /// A sub-device that its gateway, or REST, brings.
    pub(super) fn take_in(
        &mut self,
        gateway: &str,
        entry: &Value,
        now: Timestamp,
    ) -> Result<Value, (&'static str, String)> {
        let wrong = |words: &str| ("IOTDA.000006", format!("Invalid input. {words}"));
        let text = |name: &str| entry[name].as_str().filter(|text| !text.is_empty());
        let node = text("node_id").ok_or_else(|| wrong("node_id is missing."))?;
        let product = text("product_id").and_then(model::find);
        let product = product.ok_or_else(|| wrong("There is no such product."))?;
        let parent = text("parent_device_id").unwrap_or(gateway);
        let level_ok = parent == gateway
            || self
                .devices
                .get(parent)
                .is_some_and(|parent| parent.gateway.as_deref() == Some(gateway));
        if !level_ok {
            return Err(wrong("Sub-devices are two levels deep at most."));
        }
        let default = format!("{}_{node}", product.id);
        let id = text("device_id").unwrap_or(&default).to_owned();
        if self.devices.contains_key(&id) {
            return Err(wrong("The device exists already."));
        }
        let name = text("device_name").or_else(|| text("name")).unwrap_or(node);
        let mut device = Device::new(self.next_number(), node, name, product, now);
        device.id.clone_from(&id);
        device.auth = Auth::None;
        device.gateway = Some(parent.to_owned());
        text("description")
            .unwrap_or_default()
            .clone_into(&mut device.description);
        device.extension = entry.get("extension_info").cloned();
        self.bump();
        let json = child_json(&device);
        self.devices.insert(id, device);
        Ok(json)
    }

    /// Tells a gateway of a change that somebody else has made.
    pub(super) fn notify_gateway(
        &self,
        gateway: &str,
        kind: &str,
        devices: &Value,
        now: Timestamp,
    ) -> Tick {
        let Some(carrier) = self.carrier(gateway).map(|device| device.id.clone()) else {
            return Tick::default();
        };
        let paras = json!({"devices": devices, "version": self.version});
        self.tell_event(&carrier, "$sub_device_manager", kind, &paras, None, now)
            .unwrap_or_default()
    }
}

pub(super) fn child_json(device: &Device) -> Value {
    json!({
        "parent_device_id": device.gateway,
        "node_id": device.node_id,
        "device_id": device.id,
        "name": device.name,
        "description": device.description,
        "product_id": device.product.id,
        "status": device.status_word(),
        "create_time": stamp(device.created),
    })
}
