//! What happens by itself: devices elsewhere report, and somebody at the console sends commands, messages and events to
//! those that are connected here.

use std::time::Duration;

use fastrand::Rng;
use serde_json::{Value, json};

use super::downlink::What;
use super::registry::{DAY, Fate, Letter, Status, stamp};
use super::{Huawei, joined};
use crate::base::moment::{Moment, Mono, Timestamp};
use crate::sim::cloud::Tick;

const REPORTS_EVERY: Duration = Duration::from_secs(3);
const ASKS_EVERY: Duration = Duration::from_secs(9);

pub struct Living {
    pub rng: Rng,
    next_report: Mono,
    next_ask: Mono,
    turn: u64,
    /// What a REST call, or a hand behind the curtain, has set off.
    pub pending: Tick,
}

impl Living {
    pub fn new(rng: Rng) -> Self {
        Self {
            rng,
            next_report: Mono::default(),
            next_ask: Mono(Duration::from_secs(4)),
            turn: 0,
            pending: Tick::default(),
        }
    }
}

pub fn live(huawei: &mut Huawei, now: Moment) -> Tick {
    if huawei.living.next_report <= now.mono {
        huawei.living.next_report = now.mono.plus(REPORTS_EVERY);
        report(huawei, now.wall);
    }
    let mut tick = Tick::default();
    if huawei.living.next_ask <= now.mono {
        huawei.living.next_ask = now.mono.plus(ASKS_EVERY);
        huawei.living.turn += 1;
        let here: Vec<_> = huawei.sessions.values().map(|s| s.device.clone()).collect();
        for device in here {
            tick = joined(tick, stir(huawei, &device, now));
        }
    }
    tick
}

/// One of those that are connected elsewhere.
fn report(huawei: &mut Huawei, now: Timestamp) {
    let elsewhere: Vec<_> = huawei
        .devices
        .values()
        .filter(|device| device.elsewhere && !device.frozen)
        .map(|device| device.id.clone())
        .collect();
    let Some(id) = huawei.living.rng.choice(&elsewhere) else {
        return;
    };
    let services = measured(&mut huawei.living.rng);
    if let Some(device) = huawei.devices.get_mut(id) {
        if device.status != Status::Online {
            device.set_status(Status::Online, now);
        }
        for (service, properties) in services {
            device.report(service, &properties, stamp(now));
        }
    }
}

fn tenths(rng: &mut Rng, least: u16, most: u16) -> f64 {
    f64::from(rng.u16(least..most)) / 10.0
}

/// What a meter measures.
pub fn measured(rng: &mut Rng) -> [(&'static str, Value); 2] {
    let volts = tenths(rng, 2180, 2240);
    let amperes = tenths(rng, 5, 150);
    [
        (
            "Meter",
            json!({
                "voltage": volts,
                "current": amperes,
                "power": rng.u16(100..3300),
                "energy": tenths(rng, 10_000, 60_000),
                "relay": "ON",
            }),
        ),
        (
            "Environment",
            json!({"temperature": tenths(rng, 180, 320), "humidity": rng.u8(30..80)}),
        ),
    ]
}

/// Something for a device that is here; mostly commands, for they are what waits for an answer.
fn stir(huawei: &mut Huawei, device: &str, now: Moment) -> Tick {
    let behind = huawei.behind(device);
    let target = match behind.first() {
        Some(_) if huawei.living.turn % 2 == 1 => huawei.living.rng.choice(&behind).cloned(),
        _ => None,
    };
    let target = target.unwrap_or_else(|| device.to_owned());
    let turn = huawei.living.turn;
    let only_commands = huawei
        .devices
        .get(device)
        .is_some_and(|d| d.product.is_older);
    match turn % 6 {
        2 if !only_commands => {
            let every = [5, 10, 30][huawei.living.rng.usize(..3)];
            let Some(service) = first_service(huawei, &target) else {
                return Tick::default();
            };
            let services =
                json!([{"service_id": service, "properties": {"reportInterval": every}}]);
            ask(
                huawei,
                &target,
                What::Set,
                json!({"services": services}),
                now,
            )
        }
        3 if !only_commands => message(huawei, &target, now.wall),
        4 if !only_commands => {
            let Some(service) = first_service(huawei, &target) else {
                return Tick::default();
            };
            ask(
                huawei,
                &target,
                What::Get,
                json!({"service_id": service}),
                now,
            )
        }
        5 if !only_commands => huawei
            .tell_event(device, "$ota", "version_query", &json!({}), None, now.wall)
            .unwrap_or_default(),
        _ => command(huawei, &target, now),
    }
}

fn first_service(huawei: &Huawei, id: &str) -> Option<&'static str> {
    let device = huawei.devices.get(id)?;
    device.product.services.first().map(|service| service.id)
}

fn ask(huawei: &mut Huawei, id: &str, what: What, body: Value, now: Moment) -> Tick {
    huawei
        .ask(id, what, body, now)
        .map_or_else(|_| Tick::default(), |sent| sent.tick)
}

fn command(huawei: &mut Huawei, id: &str, now: Moment) -> Tick {
    let Some(device) = huawei.devices.get(id) else {
        return Tick::default();
    };
    let services = device.product.services.iter();
    let all: Vec<_> = services
        .flat_map(|service| {
            service
                .commands
                .iter()
                .map(move |command| (service.id, command))
        })
        .collect();
    let Some((service, command)) = huawei.living.rng.choice(&all).copied() else {
        return Tick::default();
    };
    let rng = &mut huawei.living.rng;
    let paras = command.paras.iter().map(|para| {
        let value = match rng.choice(para.choices) {
            Some(choice) => json!(choice),
            None => json!(rng.u8(0..5)),
        };
        (para.name.to_owned(), value)
    });
    let paras = paras.collect::<serde_json::Map<_, _>>();
    let body = json!({"service_id": service, "command_name": command.name, "paras": paras});
    ask(huawei, id, What::Command, body, now)
}

fn message(huawei: &mut Huawei, id: &str, now: Timestamp) -> Tick {
    let number = huawei.living.turn;
    let letter = Letter {
        id: format!("msg-{number}-{}", huawei.living.rng.u32(..)),
        name: Some("공지".to_owned()),
        content: json!({"text": "请检查三楼的电表", "number": number}),
        encoding: "none".to_owned(),
        format: "standard".to_owned(),
        topic: None,
        fate: Fate::Pending,
        created: now,
        finished: None,
        ends: now.plus(DAY),
    };
    huawei.post(id, letter, now).unwrap_or_default()
}
