//! What devices tell and answer. Malformed JSON is acknowledged and dropped: PUBACK says only "received"
//! (`reference/huawei-iot.md` 10, number 12).

use bytes::Bytes;
use serde_json::{Value, json};

use super::Huawei;
use super::downlink::What;
use super::registry::{Status, read_time, stamp};
use super::topic::{self, Place, Up};
use crate::base::moment::{Moment, Timestamp};
use crate::sim::cloud::{Publication, Tick};

/// Devices in one batch report of a gateway.
const BATCH: usize = 100;

fn object(payload: &Bytes) -> Option<Value> {
    let value: Value = serde_json::from_slice(payload).ok()?;
    value.is_object().then_some(value)
}

/// The time that a report tells, in the platform's form; when it came, where it tells none.
fn event_time(given: &Value, now: Timestamp) -> String {
    let told = given.as_str().and_then(read_time);
    stamp(told.unwrap_or(now))
}

impl Huawei {
    pub(super) fn heard(&mut self, device: &str, heard: &Publication, now: Moment) -> Tick {
        let Place::Up { what, .. } = topic::place(&heard.topic) else {
            return Tick::default();
        };
        if what == Up::Bootstrap {
            return self.tell_address(device);
        }
        let Some(body) = object(&heard.payload) else {
            // Messages may be anything, and answers without content mean success or nothing at all.
            return self.heard_nothing(device, what, &heard.payload, now);
        };
        match what {
            Up::Report => self.report(device, &body["services"], now.wall),
            Up::Batch => self.report_batch(device, &body["devices"], now.wall),
            Up::Event => return self.heard_event(device, &body, now),
            Up::CommandAnswer(request) => {
                return self.resolve(device, What::Command, request, &body, now);
            }
            Up::SetAnswer(request) => {
                return self.resolve(device, What::Set, request, &body, now);
            }
            Up::GetAnswer(request) => {
                return self.resolve(device, What::Get, request, &body, now);
            }
            Up::ShadowGet(request) => return self.tell_shadow(device, request, &body),
            Up::Data("json") => return self.heard_older(device, &body, now),
            // A message is for who looks; bytes are for a codec plug-in, which no product here has.
            Up::Message | Up::Data(_) | Up::Bootstrap => {}
        }
        Tick::default()
    }

    /// A shadow can be asked for with nothing; a result that is absent is success.
    fn heard_nothing(&mut self, device: &str, what: Up<'_>, payload: &Bytes, now: Moment) -> Tick {
        if !payload.is_empty() {
            return Tick::default();
        }
        match what {
            Up::ShadowGet(request) => self.tell_shadow(device, request, &json!({})),
            Up::CommandAnswer(request) => {
                self.resolve(device, What::Command, request, &json!({}), now)
            }
            Up::SetAnswer(request) => self.resolve(device, What::Set, request, &json!({}), now),
            _ => Tick::default(),
        }
    }

    /// A report on services, as IoTDA has it.
    pub(super) fn report(&mut self, device: &str, services: &Value, now: Timestamp) {
        let Some(device) = self.devices.get_mut(device) else {
            return;
        };
        for service in services.as_array().into_iter().flatten() {
            let id = service["service_id"].as_str().unwrap_or_default();
            let at = event_time(&service["event_time"], now);
            device.report(id, &service["properties"], at);
        }
    }

    fn report_batch(&mut self, gateway: &str, devices: &Value, now: Timestamp) {
        let behind = self.behind(gateway);
        for entry in devices.as_array().into_iter().flatten().take(BATCH) {
            let id = entry["device_id"].as_str().unwrap_or_default();
            if !behind.iter().any(|known| known == id) {
                continue;
            }
            // Who has a gateway and reports is there.
            if let Some(child) = self.devices.get_mut(id)
                && child.status != Status::Online
            {
                child.set_status(Status::Online, now);
            }
            self.report(id, &entry["services"], now);
        }
    }

    /// Where a device is to connect that asks for provisioning; here it is there already. The form is that of Huawei's
    /// device SDK.
    fn tell_address(&self, device: &str) -> Tick {
        let answer = json!({"address": self.address});
        self.say_system(device, "bootstrap/down", answer.to_string())
            .unwrap_or_default()
    }

    fn tell_shadow(&self, device: &str, request: &str, body: &Value) -> Tick {
        let wanted = body["object_device_id"].as_str().unwrap_or(device);
        let is_own = wanted == device || self.behind(device).iter().any(|id| id == wanted);
        let found = self.devices.get(wanted).filter(|_| is_own);
        let shadow = found.map_or_else(
            || json!([]),
            |found| found.shadow_json(body["service_id"].as_str()),
        );
        let answer = json!({"object_device_id": wanted, "shadow": shadow});
        let rest = format!("shadow/get/response/request_id={request}");
        self.say_system(device, &rest, answer.to_string())
            .unwrap_or_default()
    }

    /// v1: reports and answers share a topic.
    fn heard_older(&mut self, device: &str, body: &Value, now: Moment) -> Tick {
        match body["msgType"].as_str() {
            Some("deviceReq") => {
                let services = body["data"].as_array().into_iter().flatten().map(|entry| {
                    json!({
                        "service_id": entry["serviceId"],
                        "properties": entry["serviceData"],
                        "event_time": entry["eventTime"],
                    })
                });
                let services = services.collect::<Value>();
                self.report(device, &services, now.wall);
                Tick::default()
            }
            // The number as a number: a text is not what was sent.
            Some("deviceRsp") => match (body["mid"].as_u64(), body["errcode"].as_i64()) {
                (Some(mid), Some(code)) => {
                    let mut answer = json!({"result_code": code});
                    if let Some(paras) = body.get("body") {
                        answer["paras"] = paras.clone();
                    }
                    self.resolve(device, What::Command, &mid.to_string(), &answer, now)
                }
                _ => Tick::default(),
            },
            _ => Tick::default(),
        }
    }
}
