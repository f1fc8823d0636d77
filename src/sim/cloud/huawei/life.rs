//! What happens by itself: devices elsewhere report, and somebody at the console sends commands, messages and events to
//! those that are connected here.

use std::time::Duration;

use fastrand::Rng;
use serde_json::{Value, json};

use super::downlink::What;
use super::registry::{DAY, Device, Fate, Letter, Status, read_time, stamp};
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
    let rng = &mut huawei.living.rng;
    if let Some(device) = huawei.devices.get_mut(id) {
        let services = measured(device, rng, now);
        if device.status != Status::Online {
            device.set_status(Status::Online, now);
        }
        for (service, properties) in services {
            device.report(service, &properties, stamp(now));
        }
    }
}

fn rounded(value: f64, places: i32) -> f64 {
    let scale = 10_f64.powi(places);
    (value * scale).round() / scale
}

/// A little more or less than `before`; anything in the range where nothing was.
fn wander(
    rng: &mut Rng,
    before: Option<f64>,
    step: f64,
    range: std::ops::RangeInclusive<f64>,
) -> f64 {
    let (least, most) = range.into_inner();
    let value = match before {
        Some(before) => before + (rng.f64() - 0.5) * 2.0 * step,
        None => least + rng.f64() * (most - least),
    };
    rounded(value.clamp(least, most), 1)
}

/// What a meter measures next: volts times amperes are watts, and these add up.
pub fn measured(device: &Device, rng: &mut Rng, now: Timestamp) -> [(&'static str, Value); 2] {
    let section = |service: &str| device.shadow.get(service);
    let before = |service: &str, name: &str| section(service)?.reported.get(name)?.as_f64();
    let is_off =
        section("Meter").is_some_and(|meter| meter.reported.get("relay") == Some(&json!("OFF")));
    let volts = wander(rng, before("Meter", "voltage"), 0.5, 217.0..=225.0);
    let flowing = before("Meter", "current").filter(|amperes| *amperes > 0.0);
    let amperes = if is_off {
        0.0
    } else {
        wander(rng, flowing, 0.6, 0.5..=15.0)
    };
    let watts = rounded(volts * amperes, 0);
    let since = section("Meter").and_then(|meter| read_time(meter.reported_at.as_deref()?));
    let micros = since.map_or(0, |since| (now.0 - since.0).max(0));
    let hours = Duration::from_micros(micros.unsigned_abs()).as_secs_f64() / 3600.0;
    let energy = before("Meter", "energy").unwrap_or_else(|| 1000.0 + 5000.0 * rng.f64());
    let warm = before("Environment", "temperature");
    let damp = before("Environment", "humidity");
    [
        (
            "Meter",
            json!({
                "voltage": volts,
                "current": amperes,
                "power": whole(watts),
                "energy": rounded(energy + watts / 1000.0 * hours, 3),
                "relay": if is_off { "OFF" } else { "ON" },
            }),
        ),
        (
            "Environment",
            json!({
                "temperature": wander(rng, warm, 0.2, 18.0..=32.0),
                "humidity": whole(wander(rng, damp, 1.5, 30.0..=80.0)),
            }),
        ),
    ]
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "what is measured here is small and not negative"
)]
fn whole(value: f64) -> u32 {
    value.round() as u32
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
        content: json!(format!("请检查三楼的电表 ({number})")),
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
