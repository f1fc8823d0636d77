//! What happens by itself: somebody at the console sends commands and configurations, and devices elsewhere report.

use std::time::Duration;

use bytes::Bytes;
use fastrand::Rng;
use serde_json::{Value, json};

use super::Google;
use crate::base::moment::{Moment, Mono};
use crate::sim::cloud::Tick;

const COMMANDS_EVERY: Duration = Duration::from_secs(7);
const CONFIGS_EVERY: Duration = Duration::from_secs(31);
const REPORTS_EVERY: Duration = Duration::from_secs(3);

pub struct Life {
    rng: Rng,
    next_command: Mono,
    next_config: Mono,
    next_report: Mono,
    turn: u64,
    /// What a REST call, or a hand behind the curtain, has set off.
    pub pending: Tick,
}

impl Life {
    pub fn new(rng: Rng) -> Self {
        Self {
            rng,
            next_command: Mono(Duration::from_secs(4)),
            next_config: Mono(Duration::from_secs(11)),
            next_report: Mono::default(),
            turn: 0,
            pending: Tick::default(),
        }
    }
}

pub fn live(google: &mut Google, now: Moment) -> Tick {
    let mut tick = Tick::default();
    if google.living.next_report <= now.mono {
        google.living.next_report = now.mono.plus(REPORTS_EVERY);
        report(google, now);
    }
    if google.living.next_command <= now.mono {
        google.living.next_command = now.mono.plus(COMMANDS_EVERY);
        tick = super::joined(tick, command(google));
    }
    if google.living.next_config <= now.mono {
        google.living.next_config = now.mono.plus(CONFIGS_EVERY);
        tick = super::joined(tick, configure(google, now));
    }
    tick
}

/// Devices of the registry that nobody here speaks for: connected elsewhere.
fn report(google: &mut Google, now: Moment) {
    let elsewhere: Vec<String> = google
        .registry
        .devices
        .values()
        .filter(|device| {
            device.gateway.is_none() && !device.blocked && device.id.starts_with("pump-")
        })
        .map(|device| device.id.clone())
        .collect();
    let Some(id) = google.living.rng.choice(&elsewhere) else {
        return;
    };
    let step = f64::from(google.living.rng.i8(-6..=6)) / 100.0;
    if let Some(device) = google.registry.devices.get_mut(id) {
        let last = device.states.back();
        let last = last.and_then(|(_, data)| serde_json::from_slice::<Value>(data).ok());
        let last = last.and_then(|state| state["pressure"].as_f64());
        let bar = (last.unwrap_or(2.2) + step).clamp(1.8, 2.6);
        let bar = (bar * 100.0).round() / 100.0;
        device.last_heartbeat = Some(now.wall);
        device.last_event = Some(now.wall);
        let state = json!({"pressure": bar, "valve": "open"});
        device.tell_state(Bytes::from(state.to_string()), now.wall);
    }
}

fn listening(google: &Google) -> Vec<String> {
    let ids = google.registry.devices.keys();
    ids.filter(|id| google.hears_commands(id).is_some())
        .cloned()
        .collect()
}

fn command(google: &mut Google) -> Tick {
    let listening = listening(google);
    let Some(id) = google.living.rng.choice(&listening).cloned() else {
        return Tick::default();
    };
    google.living.turn += 1;
    let (folder, payload) = match google.living.turn % 4 {
        0 => ("", Bytes::from_static(b"reboot")),
        1 => ("led", Bytes::from_static(br#"{"on":true,"color":"green"}"#)),
        2 => {
            let celsius = google.living.rng.u8(18..26);
            let payload = json!({"celsius": celsius, "by": "김민준"}).to_string();
            ("setpoint", Bytes::from(payload))
        }
        _ => (
            "firmware/check",
            Bytes::from_static(&[0x00, 0x9f, 0x01, 0xff]),
        ),
    };
    google.command(&id, folder, payload)
}

fn configure(google: &mut Google, now: Moment) -> Tick {
    let listening = listening(google);
    let Some(id) = google.living.rng.choice(&listening).cloned() else {
        return Tick::default();
    };
    let every = [10, 30, 60][google.living.rng.usize(..3)];
    let config = json!({"sampling": {"every_s": every, "unit": "°C"}, "name": id});
    google.configure(&id, Bytes::from(config.to_string()), now.wall)
}
