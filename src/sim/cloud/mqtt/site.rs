//! What belongs to the plant as a whole: cameras, alarms that come and go, notes of the operators.

use std::time::Duration;

use bytes::Bytes;
use fastrand::Rng;
use serde_json::json;

use super::encode::png;
use crate::base::moment::Mono;
use crate::domain::message::Properties;
use crate::sim::cloud::Publication;

const WIDTH: usize = 64;
const HEIGHT: usize = 48;

/// A note as it comes out of a broken terminal: escape sequences, a bell, an overlong title, a text that runs backwards.
const HOSTILE: &str = "\u{1b}]0;pwned\u{7}\u{1b}[2J\u{1b}[31mNO FLOW\u{1b}[0m \r\nline 2\u{202e}txet desrever\u{202c} \u{200b}zero\u{0}nul \u{9b}5mblink\u{7f}";

const NOTES: [&str; 3] = [
    "교대 완료, 이상 없음",
    "3号罐已清洗 ✔",
    "filter changed on line 1",
];

pub struct Site {
    rng: Rng,
    /// When each of [`TASKS`] is due again, and how often it was done.
    due: Vec<(Mono, u64)>,
}

type Task = fn(&mut Rng, u64, &mut Vec<Publication>);

/// What is done, how long after the start, how often.
const TASKS: [(Task, u64, u64); 6] = [
    (hello, 0, 300),
    (room, 1, 7),
    (camera, 2, 20),
    (alarm, 4, 11),
    (note, 3, 13),
    (gateway, 5, 45),
];

impl Site {
    pub fn new(rng: Rng) -> Self {
        let due = TASKS.map(|(_, first, _)| (Mono(Duration::from_secs(first)), 0));
        Self {
            rng,
            due: due.to_vec(),
        }
    }

    pub fn live(&mut self, now: Mono, out: &mut Vec<Publication>) {
        for (index, (task, _, every)) in TASKS.into_iter().enumerate() {
            let (due, turn) = self.due[index];
            if due <= now {
                self.due[index] = (now.plus(Duration::from_secs(every)), turn + 1);
                task(&mut self.rng, turn, out);
            }
        }
    }
}

fn hello(_: &mut Rng, turn: u64, out: &mut Vec<Publication>) {
    let shift = ["주간", "야간", "夜班"][usize::try_from(turn % 3).unwrap_or_default()];
    let config = json!({
        "name": "한빛 제2공장 · 苏州联合工厂",
        "shift": {"name": shift, "lead": "김민준", "crew": ["이서연", "王伟", "Anna Müller"]},
        "revision": turn + 1,
    });
    out.push(Publication::new("plant/config", config.to_string()).retained());
    out.push(Publication::new("plant/status", "online").retained());
}

/// A topic that is not ASCII.
fn room(rng: &mut Rng, turn: u64, out: &mut Vec<Publication>) {
    let celsius = 21.0 + f64::from(rng.u8(..40)) / 10.0;
    let text = format!("{celsius:.1} °C");
    out.push(Publication::new("plant/현장/온도", text).at_most_once());
    if turn.is_multiple_of(4) {
        // QoS 2 once in a while.
        let count = json!({"pallets": turn * 3}).to_string();
        out.push(Publication::new("plant/stock", count).exactly_once());
    }
}

/// A square that wanders over a slope of colours.
fn camera(rng: &mut Rng, turn: u64, out: &mut Vec<Publication>) {
    let left = usize::try_from(turn * 5).unwrap_or_default() % (WIDTH - 12);
    let top = rng.usize(..HEIGHT - 12);
    let picture = png(WIDTH, HEIGHT, |x, y| {
        let inside = (left..left + 12).contains(&x) && (top..top + 12).contains(&y);
        let slope = |at: usize, of: usize| u8::try_from(at * 255 / of).unwrap_or(u8::MAX);
        if inside {
            [240, 80, 30]
        } else {
            [slope(x, WIDTH), slope(y, HEIGHT), 120]
        }
    });
    out.push(Publication {
        properties: Properties {
            content_type: Some("image/png".to_owned()),
            ..Properties::default()
        },
        ..Publication::new("plant/line1/camera", picture)
    });
}

/// Raised, and cleared by an empty retained message.
fn alarm(rng: &mut Rng, turn: u64, out: &mut Vec<Publication>) {
    let payload = if turn.is_multiple_of(2) {
        let alarm = json!({"severity": "warning", "text": "유압 저하 · 液压过低", "value": rng.u16(80..120)});
        Bytes::from(alarm.to_string())
    } else {
        Bytes::new()
    };
    out.push(Publication::new("plant/line1/alarm", payload).retained());
}

fn note(_: &mut Rng, turn: u64, out: &mut Vec<Publication>) {
    let topic = "plant/operator/note";
    let at = usize::try_from(turn).unwrap_or_default() % (NOTES.len() + 1);
    let text = NOTES.get(at).copied().unwrap_or(HOSTILE);
    out.push(Publication {
        properties: Properties {
            content_type: Some("text/plain; charset=utf-8".to_owned()),
            utf8: Some(true),
            expiry: Some(3600),
            user: vec![("작업자".to_owned(), "김민준".to_owned())],
            ..Properties::default()
        },
        ..Publication::new(topic, text)
    });
}

/// As a last will leaves it behind, and the return.
fn gateway(_: &mut Rng, turn: u64, out: &mut Vec<Publication>) {
    let word = if turn.is_multiple_of(2) {
        "online"
    } else {
        "offline"
    };
    out.push(Publication::new("plant/gateway/status", word).retained());
}
