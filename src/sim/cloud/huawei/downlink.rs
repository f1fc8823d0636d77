//! What goes to devices: commands and properties, whose answers are waited for, and messages, which are kept for those
//! who are away (`reference/huawei-iot.md` 4, 5, 7).

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};

use super::registry::{Device, Fate, Letter, stamp};
use super::topic;
use super::{Huawei, joined};
use crate::base::moment::{Moment, Mono, Timestamp};
use crate::sim::cloud::{Answer, Publication, Tick};
use crate::sim::event::SimEvent;

/// A device has this long to answer.
pub const PATIENCE: Duration = Duration::from_secs(20);
/// An answer that nobody has fetched goes after this.
const FETCHED_WITHIN: Duration = Duration::from_mins(1);
/// How long a device that lives elsewhere takes.
const ELSEWHERE: Duration = Duration::from_millis(300);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    Command,
    Set,
    Get,
}

/// Something asked of a device.
#[derive(Debug)]
pub struct Ask {
    pub device: String,
    /// Who is to answer: the device, or its gateway.
    pub carrier: String,
    pub what: What,
    /// In v1 the `mid`.
    pub request: String,
    pub is_older: bool,
    /// As it was asked.
    body: Value,
    pub deadline: Mono,
    /// The device is not here, and answers at this time by itself.
    by_itself: Option<Mono>,
    pub outcome: Option<Outcome>,
    over: Mono,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    Answered(Value),
    TimedOut,
}

/// Why a device cannot be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreached {
    NoSuch,
    Offline,
    /// Or it has no such topic: v1 knows commands only.
    NotSubscribed,
}

/// Asked: where the answer will be, under which id, and what goes out for it.
pub struct Sent {
    pub ticket: u64,
    pub request: String,
    pub tick: Tick,
}

impl Huawei {
    /// A message for a connected device; where it is `unasked`, without a subscription. The platform's QoS there is not
    /// documented: it is 0 unless a subscription grants 1.
    fn say(
        &self,
        device: &str,
        topic: String,
        payload: impl Into<Bytes>,
        unasked: bool,
    ) -> Option<Tick> {
        let (client, session) = self.session_of(device)?;
        if !unasked && !topic::is_wanted(&session.filters, &topic) {
            return None;
        }
        let answer = Answer {
            client: client.to_owned(),
            publication: Publication::new(topic.clone(), payload),
            unasked,
        };
        Some(Tick {
            answers: vec![answer],
            events: vec![SimEvent::Published { topic }],
            ..Tick::default()
        })
    }

    /// To `$oc/devices/ID/sys/REST`.
    pub(super) fn say_system(
        &self,
        device: &str,
        rest: &str,
        payload: impl Into<Bytes>,
    ) -> Option<Tick> {
        let (_, session) = self.session_of(device)?;
        self.say(device, topic::sys(&session.login, rest), payload, true)
    }

    fn request_id(&mut self) -> String {
        let digits: String = (0..32).map(|_| self.living.rng.digit(16)).collect();
        let part = |range: std::ops::Range<usize>| digits.get(range).unwrap_or_default().to_owned();
        [
            part(0..8),
            part(8..12),
            part(12..16),
            part(16..20),
            part(20..32),
        ]
        .join("-")
    }

    /// Whether the device is to be asked in v1.
    fn speaks_v1(&self, carrier: &Device) -> bool {
        let asked = self.session_of(&carrier.id).is_some_and(|(_, session)| {
            session.filters.iter().any(|filter| topic::is_older(filter))
        });
        carrier.product.is_older || asked
    }

    /// Asks a device for something and waits for its answer. `body` is as IoTDA's topics have it.
    pub fn ask(
        &mut self,
        id: &str,
        what: What,
        body: Value,
        now: Moment,
    ) -> Result<Sent, Unreached> {
        let device = self.devices.get(id).ok_or(Unreached::NoSuch)?;
        let carrier = self.carrier(id).ok_or(Unreached::NoSuch)?;
        let is_child = device.id != carrier.id;
        let (device, carrier, elsewhere) =
            (device.id.clone(), carrier.id.clone(), carrier.elsewhere);
        let is_older = self
            .devices
            .get(&carrier)
            .is_some_and(|c| self.speaks_v1(c));
        let (request, tick) = if elsewhere {
            (self.request_id(), Tick::default())
        } else if is_older {
            self.send_older(&carrier, what, &body)?
        } else {
            self.send_new(&carrier, what, &body, is_child.then_some(&device))?
        };
        self.tickets += 1;
        let ask = Ask {
            device,
            carrier,
            what,
            request: request.clone(),
            is_older,
            body,
            deadline: now.mono.plus(PATIENCE),
            by_itself: elsewhere.then(|| now.mono.plus(ELSEWHERE)),
            outcome: None,
            over: now.mono,
        };
        self.asks.insert(self.tickets, ask);
        Ok(Sent {
            ticket: self.tickets,
            request,
            tick,
        })
    }

    fn send_new(
        &mut self,
        carrier: &str,
        what: What,
        body: &Value,
        child: Option<&String>,
    ) -> Result<(String, Tick), Unreached> {
        let request = self.request_id();
        let place = match what {
            What::Command => "commands",
            What::Set => "properties/set",
            What::Get => "properties/get",
        };
        let mut whole = json!({});
        if let Some(child) = child {
            whole["object_device_id"] = json!(child);
        }
        if let (Some(whole), Some(body)) = (whole.as_object_mut(), body.as_object()) {
            whole.extend(body.clone());
        }
        let rest = format!("{place}/request_id={request}");
        let tick = self.say_system(carrier, &rest, whole.to_string());
        Ok((request, tick.ok_or(Unreached::Offline)?))
    }

    fn send_older(
        &mut self,
        carrier: &str,
        what: What,
        body: &Value,
    ) -> Result<(String, Tick), Unreached> {
        let (_, session) = self.session_of(carrier).ok_or(Unreached::Offline)?;
        let topic = topic::v1_command(&session.login);
        if what != What::Command {
            return Err(Unreached::NotSubscribed);
        }
        self.mid = self.mid.checked_add(1).unwrap_or(1);
        let payload = json!({
            "msgType": "cloudReq",
            "serviceId": body["service_id"],
            "cmd": body["command_name"],
            "paras": body["paras"],
            "mid": self.mid,
        });
        let tick = self.say(carrier, topic, payload.to_string(), false);
        Ok((self.mid.to_string(), tick.ok_or(Unreached::NotSubscribed)?))
    }

    /// An answer of a device. One with an id that nobody waits for is ignored.
    pub(super) fn resolve(
        &mut self,
        carrier: &str,
        what: What,
        request: &str,
        answer: &Value,
        now: Moment,
    ) -> Tick {
        let mut tick = Tick::default();
        let waiting = self.asks.values_mut().find(|ask| {
            ask.carrier == carrier
                && ask.what == what
                && ask.request == request
                && ask.outcome.is_none()
        });
        if let Some(ask) = waiting {
            ask.outcome = Some(Outcome::Answered(answer.clone()));
            ask.over = now.mono;
            tick.events.push(SimEvent::DeviceAnswered {
                device: ask.device.clone(),
                request: ask.request.clone(),
                payload: Some(Bytes::from(answer.to_string())),
            });
        }
        tick
    }

    /// What has happened to an ask; its answer can be fetched once.
    pub(super) fn fetch(&mut self, ticket: u64) -> Option<Ask> {
        let ask = self.asks.get(&ticket)?;
        ask.outcome.as_ref()?;
        self.asks.remove(&ticket)
    }

    /// Devices that have not answered in time, and those elsewhere that have.
    pub(super) fn overdue(&mut self, now: Moment) -> Tick {
        let mut tick = Tick::default();
        let due =
            |ask: &&Ask| ask.outcome.is_none() && ask.by_itself.is_some_and(|at| at <= now.mono);
        let answering: Vec<_> = self
            .asks
            .values()
            .filter(due)
            .map(|ask| {
                (
                    ask.device.clone(),
                    ask.carrier.clone(),
                    ask.what,
                    ask.request.clone(),
                    ask.body.clone(),
                )
            })
            .collect();
        for (device, carrier, what, request, body) in answering {
            let answer = self.answer_elsewhere(&device, what, &body, now.wall);
            tick = joined(tick, self.resolve(&carrier, what, &request, &answer, now));
        }
        for ask in self.asks.values_mut() {
            if ask.outcome.is_none() && ask.deadline <= now.mono {
                ask.outcome = Some(Outcome::TimedOut);
                ask.over = now.mono;
                tick.events.push(SimEvent::DeviceAnswered {
                    device: ask.device.clone(),
                    request: ask.request.clone(),
                    payload: None,
                });
            }
        }
        self.asks
            .retain(|_, ask| ask.outcome.is_none() || now.mono.since(ask.over) < FETCHED_WITHIN);
        tick
    }

    /// What a device says that is simulated, too.
    fn answer_elsewhere(&mut self, id: &str, what: What, body: &Value, now: Timestamp) -> Value {
        let Some(device) = self.devices.get_mut(id) else {
            return json!({"result_code": 1});
        };
        match what {
            What::Command => {
                // It is really done: the next report shows it.
                if body["command_name"] == "SWITCH" && body["paras"]["value"].is_string() {
                    let relay = json!({"relay": body["paras"]["value"]});
                    device.report("Meter", &relay, stamp(now));
                }
                json!({
                    "result_code": 0,
                    "response_name": format!("{}_RESPONSE", body["command_name"].as_str().unwrap_or_default()),
                    "paras": {"result": "success"},
                })
            }
            What::Set => {
                for service in body["services"].as_array().into_iter().flatten() {
                    let id = service["service_id"].as_str().unwrap_or_default();
                    device.report(id, &service["properties"], stamp(now));
                }
                json!({"result_code": 0, "result_desc": "success"})
            }
            What::Get => {
                let wanted = body["service_id"].as_str();
                let services = device
                    .shadow
                    .iter()
                    .filter(|(id, _)| wanted.is_none_or(|wanted| wanted == id.as_str()))
                    .map(|(id, section)| {
                        json!({
                            "service_id": id,
                            "properties": section.reported,
                            "event_time": section.reported_at,
                        })
                    });
                json!({"services": services.collect::<Vec<_>>()})
            }
        }
    }

    // ---- messages

    /// Sends a message, or keeps it for later; what became of it is in the device's letters.
    pub fn post(&mut self, id: &str, letter: Letter, now: Timestamp) -> Result<Tick, Unreached> {
        let carrier = self.carrier(id).ok_or(Unreached::NoSuch)?;
        let (carrier, elsewhere) = (carrier.id.clone(), carrier.elsewhere);
        if self
            .devices
            .get(&carrier)
            .is_some_and(|c| c.product.is_older)
        {
            return Err(Unreached::NotSubscribed);
        }
        let mut letter = letter;
        let mut tick = Tick::default();
        let is_here = self.session_of(&carrier).is_some();
        if elsewhere {
            letter.fate = Fate::Delivered;
            letter.finished = Some(now);
        } else if is_here {
            let sent = self.hand_over(&carrier, id, &letter);
            tick = sent.ok_or(Unreached::NotSubscribed)?;
            letter.fate = Fate::Delivered;
            letter.finished = Some(now);
        } else if letter.ends <= now {
            letter.fate = Fate::Failed;
            letter.finished = Some(now);
        }
        if let Some(device) = self.devices.get_mut(id) {
            device.post(letter, now);
        }
        Ok(tick)
    }

    fn hand_over(&self, carrier: &str, id: &str, letter: &Letter) -> Option<Tick> {
        let payload = payload(id, letter);
        match &letter.topic {
            None => self.say_system(carrier, "messages/down", payload),
            Some(topic) => self.say(carrier, topic.clone(), payload, false),
        }
    }

    /// What has waited for a device, and for those behind it.
    pub(super) fn deliver_letters(&mut self, carrier: &str, now: Timestamp) -> Tick {
        let mut tick = Tick::default();
        let mut all = self.behind(carrier);
        all.push(carrier.to_owned());
        for id in all {
            let letters = self.devices.get(&id).map(|device| device.letters.clone());
            let waiting = letters.into_iter().flatten();
            for letter in waiting.filter(|letter| letter.fate == Fate::Pending) {
                let Some(sent) = self.hand_over(carrier, &id, &letter) else {
                    continue;
                };
                tick = joined(tick, sent);
                let known = self.devices.get_mut(&id);
                let mut letters = known.into_iter().flat_map(|device| &mut device.letters);
                if let Some(kept) = letters.find(|kept| kept.id == letter.id) {
                    kept.fate = Fate::Delivered;
                    kept.finished = Some(now);
                }
            }
        }
        tick
    }

    pub(super) fn expire_letters(&mut self, now: Timestamp) {
        for letter in self.devices.values_mut().flat_map(|d| &mut d.letters) {
            if letter.fate == Fate::Pending && letter.ends <= now {
                letter.fate = Fate::Timeout;
                letter.finished = Some(now);
            }
        }
    }

    // ---- events

    /// An event of one of the platform's services.
    pub fn tell_event(
        &self,
        device: &str,
        service: &str,
        kind: &str,
        paras: &Value,
        id: Option<&str>,
        now: Timestamp,
    ) -> Option<Tick> {
        let mut told = json!({
            "service_id": service,
            "event_type": kind,
            "event_time": stamp(now),
        });
        if let Some(id) = id {
            told["event_id"] = json!(id);
        }
        told["paras"] = paras.clone();
        let payload = json!({"object_device_id": device, "services": [told]});
        let carrier = self.carrier(device)?.id.clone();
        self.say_system(&carrier, "events/down", payload.to_string())
    }
}

/// The bytes of a message: in the system's format, or as they were given.
fn payload(device: &str, letter: &Letter) -> Bytes {
    if letter.format == "standard" {
        let mut whole = json!({"object_device_id": device});
        if let Some(name) = &letter.name {
            whole["name"] = json!(name);
        }
        whole["id"] = json!(letter.id);
        whole["content"] = letter.content.clone();
        return Bytes::from(whole.to_string());
    }
    match &letter.content {
        Value::String(text) if letter.encoding == "base64" => {
            Bytes::from(STANDARD.decode(text).unwrap_or_default())
        }
        Value::String(text) => Bytes::from(text.clone()),
        other => Bytes::from(other.to_string()),
    }
}
