//! One machine of the plant: what it measures, in which format it says so, and what it can be told.

use std::time::Duration;

use bytes::Bytes;
use fastrand::Rng;
use serde_json::{Value, json};

use super::encode::{cbor, gzip, modbus};
use crate::base::moment::Mono;
use crate::sim::cloud::Publication;

/// What stands in a line, in this order; each says it in its own format.
const KINDS: [Kind; 8] = [
    kind("pump", "펌프", "state", 1450.0, Format::Json),
    kind("motor", "主电动机", "vibration", 2900.0, Format::Cbor),
    kind("conveyor", "컨베이어 벨트", "count", 40.0, Format::Text),
    kind("robot", "로봇 팔", "pose", 60.0, Format::Pose),
    kind("press", "液压机", "cycle", 24.0, Format::Gzip),
    kind("tank", "储罐", "level", 0.0, Format::Cbor),
    kind("oven", "건조 오븐", "temperature", 180.0, Format::Json),
    kind("meter", "전력계", "modbus", 50.0, Format::Modbus),
];

/// Faster than any machine turns.
const TOP_SPEED: f64 = 6000.0;

struct Kind {
    word: &'static str,
    /// As the operators call it.
    name: &'static str,
    /// The last level of its telemetry.
    leaf: &'static str,
    speed: f64,
    format: Format,
}

#[derive(Clone, Copy)]
enum Format {
    Json,
    Cbor,
    Text,
    /// JSON with arrays in arrays.
    Pose,
    Gzip,
    Modbus,
}

const fn kind(
    word: &'static str,
    name: &'static str,
    leaf: &'static str,
    speed: f64,
    format: Format,
) -> Kind {
    Kind {
        word,
        name,
        leaf,
        speed,
        format,
    }
}

pub struct Machine {
    kind: &'static Kind,
    topic: String,
    number: usize,
    rng: Rng,
    next: Mono,
    /// Measurements so far.
    steps: u64,
    online: bool,
    running: bool,
    /// In the machine's own unit: revolutions, strokes or pieces a minute, degrees.
    speed: f64,
    wanted: f64,
    temperature: f64,
    level: f64,
    total: f64,
}

impl Machine {
    /// The machine at place `index` of the plant.
    pub fn new(index: usize, mut rng: Rng) -> Self {
        let kind = &KINDS[index % KINDS.len()];
        let line = index / KINDS.len() + 1;
        Self {
            kind,
            topic: format!("plant/line{line}/{}", kind.word),
            number: index + 1,
            // All of them within the first three seconds.
            next: Mono(Duration::from_millis(rng.u64(200..3000))),
            steps: 0,
            online: true,
            running: true,
            speed: kind.speed,
            wanted: kind.speed,
            temperature: 35.0 + rng.f64() * 20.0,
            level: 30.0 + rng.f64() * 50.0,
            total: 0.0,
            rng,
        }
    }

    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// Its next step, when it is due.
    pub fn live(&mut self, now: Mono, out: &mut Vec<Publication>) {
        if self.next > now {
            return;
        }
        if self.steps == 0 {
            out.push(self.config());
            out.push(self.status());
        }
        self.next = now.plus(Duration::from_millis(self.rng.u64(1500..6000)));
        // Once in a while one of them is away for a step.
        let online = self.steps < 5 || self.rng.u32(..60) > 0;
        if online != self.online {
            self.online = online;
            out.push(self.status());
        }
        if self.online {
            out.push(self.measure());
        } else {
            self.steps += 1;
        }
    }

    /// A command: `{"speed": number}`, `{"running": bool}`; the answer is its state, or what was wrong.
    pub fn obey(&mut self, payload: &[u8]) -> Publication {
        let command: Value = serde_json::from_slice(payload).unwrap_or_default();
        let speed = command.get("speed").and_then(Value::as_f64);
        let running = command.get("running").and_then(Value::as_bool);
        if speed.is_none() && running.is_none() {
            let words =
                "a command is JSON with \"speed\" (a number) or \"running\" (true or false)";
            return self.say("error", json!({"error": words}).to_string());
        }
        if let Some(speed) = speed {
            self.wanted = speed.clamp(0.0, TOP_SPEED);
        }
        if let Some(running) = running {
            self.running = running;
        }
        self.step();
        self.say("state", self.state().to_string())
    }

    /// The next measurement, in the machine's own format.
    pub fn measure(&mut self) -> Publication {
        self.step();
        let payload = match self.kind.format {
            Format::Json => Bytes::from(self.state().to_string()),
            Format::Cbor => Bytes::from(cbor(&self.samples())),
            Format::Text => Bytes::from(format!("{:.0}\n", self.total)),
            Format::Pose => Bytes::from(self.pose().to_string()),
            Format::Gzip => Bytes::from(gzip(self.cycle().to_string().as_bytes())),
            Format::Modbus => Bytes::from(modbus(self.unit(), &self.registers())),
        };
        self.say(self.kind.leaf, payload)
    }

    fn step(&mut self) {
        self.steps += 1;
        let wanted = if self.running { self.wanted } else { 0.0 };
        let noise = self.rng.f64() - 0.5;
        self.speed += (wanted - self.speed) * 0.6 + noise * self.kind.speed * 0.01;
        self.speed = self.speed.max(0.0);
        let warmth = 30.0 + 40.0 * self.speed / (self.kind.speed + 1.0);
        self.temperature += (warmth - self.temperature) * 0.1 + noise;
        self.level = (self.level + (self.rng.f64() - 0.5) * 4.0).clamp(0.0, 100.0);
        self.total += self.speed / 20.0;
    }

    fn state(&self) -> Value {
        json!({
            "seq": self.steps,
            "running": self.running,
            "speed": {"value": round(self.speed), "target": self.wanted, "unit": "rpm"},
            "temperature": {"value": round(self.temperature), "unit": "°C"},
            "pressure": {"in": round(1.2 + self.level / 200.0), "out": round(2.0 + self.speed / 900.0)},
            "total": round(self.total),
            "flags": if self.temperature > 75.0 { json!(["overheated"]) } else { json!([]) },
        })
    }

    /// For CBOR: numbers of all sizes, an array of fractions, bytes of text in two scripts.
    fn samples(&mut self) -> Value {
        let rms: Vec<f64> = (0..8).map(|_| round(self.rng.f64() * 4.0)).collect();
        json!({
            "seq": self.steps,
            "name": self.kind.name,
            "level": round(self.level),
            "rms": rms,
            "axis": {"x": -12, "y": 700, "z": 70_000},
            "ok": self.temperature < 75.0,
            "fault": null,
        })
    }

    fn pose(&mut self) -> Value {
        let mut joint = || round(self.rng.f64() * 360.0 - 180.0);
        let joints: Vec<f64> = (0..6).map(|_| joint()).collect();
        let path: Vec<[f64; 3]> = (0..3).map(|_| [joint(), joint(), joint()]).collect();
        json!({"seq": self.steps, "joints": joints, "path": path, "gripper": {"open": self.steps.is_multiple_of(2), "force_n": round(self.level)}})
    }

    fn cycle(&mut self) -> Value {
        let curve: Vec<f64> = (0..40)
            .map(|at| round(f64::from(at * (40 - at)) / 4.0 + self.rng.f64()))
            .collect();
        json!({"cycle": self.steps, "force_kn": curve, "material": "钢板 2.0 mm", "good": true})
    }

    fn unit(&self) -> u8 {
        u8::try_from(self.number % 247).unwrap_or_default() + 1
    }

    /// Voltage in tenths, current in hundredths, frequency in hundredths, energy in two words.
    fn registers(&mut self) -> [u16; 5] {
        let energy = self.steps * 7;
        let word = |value: u64| u16::try_from(value & 0xffff).unwrap_or_default();
        [
            2280 + self.rng.u16(..60),
            400 + self.rng.u16(..200),
            4990 + self.rng.u16(..20),
            word(energy >> 16),
            word(energy),
        ]
    }

    /// What it is; retained.
    fn config(&self) -> Publication {
        let config = json!({
            "id": format!("M-{:04}", self.number),
            "kind": self.kind.word,
            "name": format!("{} {}호기", self.kind.name, self.number),
            "place": {"hall": "제2공장", "line": self.topic.split('/').nth(1), "position": [self.number, 3]},
            "limits": {"speed": {"min": 0, "max": TOP_SPEED}, "temperature": {"max": 75.0}},
            "telemetry": self.kind.leaf,
        });
        self.say("config", config.to_string()).retained()
    }

    fn status(&self) -> Publication {
        let word = if self.online { "online" } else { "offline" };
        self.say("status", word).retained()
    }

    fn say(&self, leaf: &str, payload: impl Into<Bytes>) -> Publication {
        Publication::new(format!("{}/{leaf}", self.topic), payload)
    }
}

/// Two decimals are what such an instrument shows.
fn round(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}
