//! F26 and F27 through the whole: names, topics and payloads in every script, on every width, in a flood, while somebody types,
//! opens boxes and pulls at the window.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use fastrand::Rng;
use thingdeck::app::effect::Effect;
use thingdeck::app::event::{Event, Key, KeyCode, Mouse, MouseKind, Size, TimerId};
use thingdeck::app::screen::{Overlay, PaneView, Screen};
use thingdeck::app::sieve::Sifted;
use thingdeck::app::{App, ProfileSummary, Setup};
use thingdeck::base::moment::{Moment, Mono, Timestamp};
use thingdeck::base::problem::Problem;
use thingdeck::domain::capability::Capabilities;
use thingdeck::domain::device::{Device, DeviceId, Presence};
use thingdeck::domain::fact::Fact;
use thingdeck::domain::message::{Direction, Message, Qos};
use thingdeck::domain::profile::{PlatformId, Version};
use thingdeck::domain::program::Made;
use thingdeck::domain::reading::{Kind, Reading};
use thingdeck::domain::request::{Reply, Request};
use thingdeck::domain::session::{Gap, LinkState, SessionEvent, SessionId};
use thingdeck::domain::shadow::{ShadowReply, read};
use thingdeck::domain::topic::Topic;
use thingdeck::ui::{Theme, picture};

use crate::{drawn_with_caret, hostile};

/// Hangul (composed, and as single letters), Han, kana, emoji (joined, flags, skin, keycaps), combining marks, right-to-left
/// scripts and marks, controls, tags, widths that terminals disagree about.
const WORDS: [&str; 28] = [
    "거실 에어컨",
    "\u{1112}\u{1161}\u{11ab}",
    "漢字仮名",
    "ﾊﾝｶｸ",
    "👨\u{200d}👩\u{200d}👧\u{200d}👦",
    "🇰🇷🇯🇵🇨",
    "👍🏽",
    "1\u{fe0f}\u{20e3}",
    "❤\u{fe0f}",
    "☂\u{fe0e}",
    "e\u{301}\u{302}\u{303}\u{304}",
    "\u{301}",
    "Z\u{363}\u{364}\u{365}algo",
    "مرحبا",
    "שָׁלוֹם",
    "\u{202e}evil\u{202c}",
    "\u{2067}x\u{2069}",
    "\u{1b}[31mred\u{7}",
    "\u{200b}\u{feff}",
    "tab\tand\r\n",
    "\u{e0041}",
    "ไทยนี้",
    "हिन्दी",
    "ﷺ",
    "𒐫",
    "\u{1f3f4}\u{e0067}\u{e0062}\u{e007f}",
    "A",
    "0",
];

struct World {
    app: App,
    dice: Rng,
    elapsed: Duration,
    timers: Vec<TimerId>,
    size: Size,
    /// Carets that stood where they should: a fuzz that never types would find nothing.
    carets: usize,
}

fn profile(platform: PlatformId) -> ProfileSummary {
    ProfileSummary {
        version: Version::V5,
        ..ProfileSummary::new("漢字 🇰🇷", platform, "mqtt://거실.example")
    }
}

impl World {
    fn new(seed: u64, platform: PlatformId) -> Self {
        let size = Size {
            width: 120,
            height: 36,
        };
        let (app, _) = App::new(Setup {
            memory_limit: 256 << 10,
            seed,
            ..Setup::new(size, vec![profile(platform)])
        });
        let mut world = Self {
            app,
            dice: Rng::with_seed(seed),
            elapsed: Duration::ZERO,
            timers: Vec::new(),
            size,
            carets: 0,
        };
        world.tell(SessionEvent::Link(LinkState::Connected {
            since: Timestamp(0),
            session_present: false,
        }));
        let devices = (0..12).map(|n| Device {
            id: DeviceId::new(&format!("d{n}")),
            name: WORDS[n].to_owned(),
            kind: format!("DEVICE_{}", WORDS[n + 5]),
            model: WORDS[n + 9].to_owned(),
            reportable: true,
            group: None,
            presence: Presence::Online,
            attributes: vec![(WORDS[n].to_owned(), WORDS[n + 3].to_owned())],
        });
        if !Capabilities::of(platform).topics {
            let devices = devices.collect();
            world.tell(SessionEvent::Fact(Fact::Devices(devices)));
        }
        world
    }

    fn now(&self) -> Moment {
        Moment {
            mono: Mono(self.elapsed),
            wall: Timestamp::from_seconds(1_790_000_000).plus(self.elapsed),
        }
    }

    fn event(&mut self, event: Event) {
        self.elapsed += Duration::from_millis(self.dice.u64(0..200));
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            for effect in self.app.update(self.now(), event) {
                match effect {
                    Effect::StartTimer(id, _) => self.timers.push(id),
                    Effect::StopTimer(id) => self.timers.retain(|timer| *timer != id),
                    effect => events.extend(self.answer(effect)),
                }
            }
        }
    }

    /// What the outside might say, as odd as everything else here.
    fn answer(&mut self, effect: Effect) -> Option<Event> {
        Some(match effect {
            Effect::Decode(id, job) => Event::Decoded(id, Box::new(job.run())),
            Effect::Sift(id, rows) => {
                let answers = (0..rows.len()).map(|row| (row, self.output()));
                Event::Sifted(id, answers.collect(), true)
            }
            Effect::Request(id, Request::Shadow(_)) if self.dice.u8(0..4) > 0 => {
                let (name, value) = (self.words(3), self.words(9));
                let state = serde_json::json!({
                    "desired": {name.clone(): value, "t": self.dice.u8(..)},
                    "reported": {name: [1, value], "t": 3},
                });
                let raw = serde_json::json!({"state": state, "version": 7}).to_string();
                let shadow = read::document(&raw).expect("a document");
                let raw = Arc::from(raw);
                Event::Reply(id, Ok(Reply::Shadow(ShadowReply::Document { raw, shadow })))
            }
            Effect::Request(id, _) if self.dice.bool() => {
                let (what, cause, remedy) = (self.words(4), self.words(9), self.words(9));
                Event::Reply(id, Err(Problem::new(what, cause, remedy)))
            }
            _ => return None,
        })
    }

    fn output(&mut self) -> Sifted {
        match self.dice.u8(0..12) {
            0 => Sifted::Stopped(self.words(5)),
            1 => Sifted::Made(Made::Failed(self.words(5))),
            2 => Sifted::Made(Made::Lines {
                text: String::new(),
                cut: false,
            }),
            kind => {
                let value = serde_json::json!({self.words(1): self.words(9), "t": kind});
                let text = [value.to_string(), kind.to_string()][usize::from(kind % 2)].clone();
                let text =
                    [text.clone(), format!("{text}\n{text}")][usize::from(kind % 3 == 0)].clone();
                Sifted::Made(Made::Lines {
                    text,
                    cut: kind == 5,
                })
            }
        }
    }

    fn tell(&mut self, event: SessionEvent) {
        self.event(Event::Session(SessionId { generation: 1 }, event));
    }

    fn words(&mut self, most: usize) -> String {
        let count = self.dice.usize(1..=most);
        let words = (0..count).map(|_| WORDS[self.dice.usize(0..WORDS.len())]);
        words.collect::<Vec<_>>().concat()
    }

    fn message(&mut self) {
        if self.dice.u8(0..40) == 0 {
            let messages = self.dice.u64(1..1_000_000);
            return self.tell(SessionEvent::Gap(Gap {
                messages,
                bytes: messages * 9,
            }));
        }
        let levels: Vec<_> = (0..self.dice.usize(1..4)).map(|_| self.words(2)).collect();
        let (name, text) = (self.words(2), self.words(12));
        let number = self.dice.f32() * 100.0;
        let payload = match self.dice.u8(0..5) {
            0 => text.clone().into_bytes(),
            1 => serde_json::json!({ name.clone(): text, "t": number, "list": [1, name] })
                .to_string()
                .into_bytes(),
            2 => format!("{number}").into_bytes(),
            3 => (0..self.dice.usize(0..40))
                .map(|_| self.dice.u8(..))
                .collect(),
            _ => [
                b"\xa2\x64temp\xf9\x4d\x60\x64name\x6c".as_slice(),
                "거실방문".as_bytes(),
            ]
            .concat(),
        };
        let message = Message {
            at: self.now().wall,
            direction: if self.dice.u8(0..9) == 0 {
                Direction::Out
            } else {
                Direction::In
            },
            topic: Topic::received(&levels.join("/")),
            payload: Bytes::from(payload),
            qos: Qos::AtMostOnce,
            retain: self.dice.bool(),
            dup: self.dice.bool(),
            ack: None,
            properties: None,
            session: false,
        };
        let reading = Reading {
            kind: if self.dice.bool() {
                Kind::Message
            } else {
                Kind::Event
            },
            device: self
                .dice
                .bool()
                .then(|| DeviceId::new(&format!("d{}", self.dice.u8(0..14)))),
            gist: if self.dice.bool() {
                text
            } else {
                String::new()
            },
            ..Reading::default()
        };
        self.tell(SessionEvent::Message(Box::new(message), reading));
    }

    fn key(&mut self) {
        const KEYS: &[u8] = b"12345zhjklgGped amsx/ncyYvrLDP:?t|o[]=-dCBSOqT";
        let code = match self.dice.u8(0..12) {
            0 => KeyCode::Enter,
            1 | 2 => KeyCode::Esc,
            3 => KeyCode::Tab,
            4 => KeyCode::Up,
            5 => KeyCode::Down,
            6 => KeyCode::Left,
            7 => KeyCode::Right,
            8 => KeyCode::PageUp,
            9 => {
                let word = self.words(1);
                return self.event(Event::Paste(word));
            }
            _ => KeyCode::Char(char::from(KEYS[self.dice.usize(0..KEYS.len())])),
        };
        self.event(Event::Key(Key::plain(code)));
    }

    fn happen(&mut self) {
        match self.dice.u8(0..10) {
            0..=4 => self.message(),
            5..=7 => self.key(),
            8 if !self.timers.is_empty() => {
                let timer = self
                    .timers
                    .swap_remove(self.dice.usize(0..self.timers.len()));
                self.event(Event::Timer(timer));
            }
            _ => {
                let mouse = Mouse {
                    kind: [MouseKind::Click, MouseKind::ScrollDown, MouseKind::ScrollUp]
                        [self.dice.usize(0..3)],
                    column: self.dice.u16(0..self.size.width),
                    row: self.dice.u16(0..self.size.height),
                };
                self.event(Event::Mouse(mouse));
            }
        }
    }

    /// A filter or a program, in any pane.
    fn type_somewhere(&mut self) {
        let pane = char::from(b'1' + self.dice.u8(0..4));
        let sign = ['/', '|'][self.dice.usize(0..2)];
        for code in [
            KeyCode::Esc,
            KeyCode::Esc,
            KeyCode::Esc,
            KeyCode::Char(pane),
            KeyCode::Char(sign),
        ] {
            self.event(Event::Key(Key::plain(code)));
        }
        let words = self.words(2);
        self.event(Event::Paste(words));
    }

    fn plot_is_open(&self) {
        let overlays = self.app.screen(self.now()).overlays;
        let title = match overlays.last() {
            Some(Overlay::Text(shown)) => shown.title.to_string(),
            other => panic!("{other:?}"),
        };
        assert!(title.starts_with("Plot: 1 field"), "{title}");
    }

    fn resize(&mut self, width: u16, height: u16) {
        self.size = Size { width, height };
        self.event(Event::Resize(self.size));
    }

    fn check(&mut self) {
        let screen = self.app.screen(self.now());
        let kind = self.dice.u8(0..4);
        let theme = match kind {
            0 => Theme::dark(),
            1 => Theme::ansi16().with_ascii(),
            _ => Theme::plain(),
        };
        let ascii = kind == 1;
        let (buffer, caret) = drawn_with_caret(&screen, &theme);
        hostile::check(&buffer);
        if let Some(caret) = caret {
            assert!(
                caret.x < self.size.width && caret.y < self.size.height,
                "{caret:?}"
            );
        }
        if !screen.overlays.is_empty() || screen.too_small {
            return overlays_are_whole(&screen, &buffer);
        }
        for pane in &screen.panes {
            if !ascii {
                frame_is_whole(pane, &buffer);
            }
            if let Some(column) = caret_of(pane) {
                let caret = caret.unwrap_or_else(|| panic!("no caret\n{}", picture::text(&buffer)));
                assert_eq!(caret.x, column, "{}", picture::text(&buffer));
                self.carets += 1;
            }
        }
    }
}

/// Where the caret of a filter or a program is to stand, where there is room for all of it.
fn caret_of(pane: &PaneView) -> Option<u16> {
    let typed = |line: &&thingdeck::app::screen::FilterLine| line.cursor.is_some();
    let line = pane.program.as_ref().filter(typed);
    let line = line.or_else(|| pane.filter.as_ref().filter(typed))?;
    let cells = u16::try_from(line.text.width()).ok()?;
    assert!(line.cursor <= Some(cells));
    let room = pane.area.width.saturating_sub(4 + 3 + 1) / 2;
    let cursor = line.cursor.filter(|_| cells < room)?;
    Some(pane.area.x + 2 + 3 + cursor)
}

/// A message with one number in it, on a topic that is wide.
fn temperature() -> Message {
    Message {
        at: Timestamp::from_seconds(1_790_000_000),
        direction: Direction::In,
        topic: Topic::received(&WORDS.concat()),
        payload: Bytes::from_static("{\"거실\":21.5}".as_bytes()),
        qos: Qos::AtMostOnce,
        retain: false,
        dup: false,
        ack: None,
        properties: None,
        session: false,
    }
}

fn frame_is_whole(pane: &PaneView, buffer: &ratatui::buffer::Buffer) {
    let area = pane.area;
    if area.width < 2 || area.height < 2 {
        return;
    }
    for y in area.y + 1..area.y + area.height - 1 {
        for x in [area.x, area.x + area.width - 1] {
            let symbol = buffer[(x, y)].symbol();
            assert!(
                matches!(symbol, "│" | "┃" | "█"),
                "{symbol:?} at {x}, {y} of {:?}\n{}",
                pane.id,
                picture::text(buffer)
            );
        }
    }
}

fn overlays_are_whole(screen: &Screen, buffer: &ratatui::buffer::Buffer) {
    let Some(top) = screen.overlays.last() else {
        return;
    };
    let area = match top {
        Overlay::Text(shown) => shown.area,
        Overlay::Choice(shown) => shown.area,
        Overlay::Form(shown) => shown.area,
        Overlay::Confirm(shown) => shown.area,
        Overlay::Editor(shown) => shown.area,
    };
    assert!(area.x + area.width <= screen.size.width, "{area:?}");
    if area.width < 4 || area.height < 3 {
        return;
    }
    for y in area.y + 1..area.y + area.height - 1 {
        for x in [area.x, area.x + area.width - 1] {
            let symbol = buffer[(x, y)].symbol();
            let line = matches!(symbol, "│" | "┃" | "█" | "|" | "#" | "├" | "┤" | "+");
            assert!(line, "{symbol:?} at {x}, {y}\n{}", picture::text(buffer));
        }
    }
}

#[test]
fn every_width_shows_every_pane_and_box_whole_in_every_script() {
    for platform in PlatformId::ALL {
        let mut world = World::new(26, platform);
        for _ in 0..60 {
            world.message();
        }
        for width in 1..=200 {
            let height = world.dice.u16(1..60);
            world.resize(width, height);
            world.check();
            for _ in 0..4 {
                world.happen();
            }
            world.check();
            world.type_somewhere();
            world.check();
        }
        assert!(world.carets > 40, "{} carets were seen", world.carets);
    }
}

#[test]
fn a_box_of_every_sort_fits_every_width() {
    let boxes = [":", "?", "L", "P", "x", "s", "a", "B", "c", "J", "g"];
    for platform in PlatformId::ALL {
        let mut world = World::new(14, platform);
        for _ in 0..30 {
            world.message();
        }
        world.tell(SessionEvent::Message(
            Box::new(temperature()),
            Reading::default(),
        ));
        for (n, opener) in (1..).zip(boxes) {
            world.resize(120, 36);
            for _ in 0..4 {
                world.event(Event::Key(Key::plain(KeyCode::Esc)));
            }
            let way = match opener {
                "a" => "2",
                // The plot: of the one number that the newest message holds.
                "g" => "3G\rGkg",
                _ => "1",
            };
            for c in way.chars() {
                let code = if c == '\r' {
                    KeyCode::Enter
                } else {
                    KeyCode::Char(c)
                };
                world.event(Event::Key(Key::plain(code)));
            }
            if opener == "g" {
                world.plot_is_open();
            } else {
                let opener = opener.chars().next().unwrap();
                world.event(Event::Key(Key::plain(KeyCode::Char(opener))));
                let words = world.words(3);
                world.event(Event::Paste(words));
            }
            for width in (n..=200_u16).step_by(7) {
                let height = world.dice.u16(1..50);
                world.resize(width, height);
                world.check();
            }
        }
    }
}

#[test]
fn a_window_pulled_about_in_a_flood_is_drawn_whole_each_time() {
    for seed in 0..2 {
        let mut world = World::new(seed, PlatformId::ALL[usize::try_from(seed).expect("few")]);
        for round in 0..90 {
            for _ in 0..25 {
                world.message();
            }
            world.happen();
            let (width, height) = match round % 3 {
                0 => (world.dice.u16(1..=500), world.dice.u16(1..=200)),
                1 => (world.dice.u16(1..=90), world.dice.u16(1..=30)),
                _ => (world.dice.u16(1..=500), world.dice.u16(1..=12)),
            };
            world.resize(width, height);
            world.check();
        }
        world.resize(1, 1);
        world.check();
        world.resize(500, 200);
        world.check();
    }
}
