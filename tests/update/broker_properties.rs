//! What holds on a plain broker whatever happens: hostile topics and payloads, any keys, any size of the terminal (F14, F21,
//! F27), and the sum of the counters.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use thingdeck::app::effect::Effect;
use thingdeck::app::event::{Event, Gathered, Kept, Outcome, ShelfEvent};
use thingdeck::app::screen::Screen;
use thingdeck::base::moment::Timestamp;
use thingdeck::base::problem::{Problem, Retry};
use thingdeck::base::text;
use thingdeck::domain::compose::{Entry, Sheet, Template};
use thingdeck::domain::message::{Properties, Qos};
use thingdeck::domain::profile::Version;
use thingdeck::domain::request::RequestId;
use thingdeck::domain::session::{Delivered, Gap, LinkState, SessionCommand, SessionEvent};
use thingdeck::store::sheet::Sheet as Block;
use thingdeck::store::shelf::{Loss, Place};
use thingdeck::ui::{self, Theme};

use crate::composer::broker;
use crate::composer_more::message;
use crate::deck::Deck;

const KEYS: [&str; 76] = [
    "a",
    "c",
    "d",
    "e",
    "g",
    "h",
    "j",
    "k",
    "l",
    "m",
    "n",
    "o",
    "p",
    "r",
    "s",
    "v",
    "x",
    "y",
    "z",
    "B",
    "C",
    "E",
    "G",
    "L",
    "N",
    "O",
    "P",
    "S",
    "Y",
    "1",
    "2",
    "3",
    "4",
    "5",
    "/",
    "[",
    "]",
    "=",
    ":",
    "?",
    "-",
    "\"",
    ".",
    "0",
    "tab",
    "tab",
    "backtab",
    "enter",
    "enter",
    "enter",
    "esc",
    "esc",
    "space",
    "up",
    "down",
    "left",
    "right",
    "home",
    "end",
    "pageup",
    "pagedown",
    "backspace",
    "ctrl-d",
    "ctrl-u",
    "ctrl-p",
    "ctrl-s",
    "ctrl-w",
    "ctrl-e",
    "ctrl-r",
    "ctrl-t",
    "ctrl-f",
    "ctrl-x",
    "ctrl-k",
    "ctrl-_",
    "{",
    "한",
];

/// What brokers and people come up with.
const TEXTS: [&str; 16] = [
    "",
    "/",
    "a//b",
    "plant/boiler/temperature",
    "plant",
    "$SYS/broker/uptime",
    "e\u{1b}[2J\u{7}\u{9b}31m",
    "\u{202e}rtl \u{200b}\u{feff}",
    "거실/에어컨/온도",
    "👨‍👩‍👧/\u{301}\u{301}x",
    "{\"a\":[1,{\"b\":1e400}],\"a\":\"\\u001b\"}",
    "{{uuid}} {{seq}} {{rand 1..9}} {{{{ {{env X}}",
    "[[[[[[[[",
    "plant/#",
    "\r\n\t\0",
    "clear retained",
];

#[derive(Debug, Clone)]
enum Happening {
    Key(usize),
    Text(usize),
    Paste(String),
    Resize(u16, u16),
    Message(usize, usize, u8),
    Bytes(Vec<u8>),
    Burst(usize),
    Gap(u64),
    Link(u8),
    Broker(u8),
    Disk(u8),
    Wait(u64),
}

fn happening() -> impl Strategy<Value = Happening> {
    let text = || 0..TEXTS.len();
    prop_oneof![
        14 => (0..KEYS.len()).prop_map(Happening::Key),
        3 => text().prop_map(Happening::Text),
        1 => ".{0,40}".prop_map(Happening::Paste),
        2 => (1_u16..=500, 1_u16..=200).prop_map(|(w, h)| Happening::Resize(w, h)),
        1 => (1_u16..60, 1_u16..14).prop_map(|(w, h)| Happening::Resize(w, h)),
        5 => (text(), text(), 0_u8..16).prop_map(|(t, p, flags)| Happening::Message(t, p, flags)),
        1 => proptest::collection::vec(any::<u8>(), 0..80).prop_map(Happening::Bytes),
        1 => (1_usize..200).prop_map(Happening::Burst),
        1 => (1_u64..100).prop_map(Happening::Gap),
        1 => (0_u8..8).prop_map(Happening::Link),
        3 => (0_u8..6).prop_map(Happening::Broker),
        3 => (0_u8..6).prop_map(Happening::Disk),
        3 => (0_u64..20_000).prop_map(Happening::Wait),
    ]
}

/// The deck with what stands around it.
struct World {
    deck: Deck,
    /// What was asked and is not answered.
    asked: Vec<Effect>,
    blocks: BTreeMap<Place, Vec<u8>>,
}

impl World {
    fn collect(&mut self) {
        for effect in self.deck.asked() {
            match effect {
                Effect::Shelve(_, place, sheet) => {
                    self.blocks.insert(place, sheet.encode());
                }
                Effect::Open { .. } => {
                    self.asked.clear();
                    self.blocks.clear();
                }
                effect => self.asked.push(effect),
            }
        }
    }

    fn session(&mut self, event: SessionEvent) {
        self.deck.event(Event::Session(self.deck.session, event));
    }

    fn happen(&mut self, happening: &Happening) {
        match happening {
            Happening::Key(index) => {
                self.deck.press(KEYS[*index]);
            }
            Happening::Text(index) => {
                self.deck.paste(TEXTS[*index]);
            }
            Happening::Paste(text) => {
                self.deck.paste(text);
            }
            Happening::Resize(width, height) => {
                self.deck.resize(*width, *height);
            }
            Happening::Message(topic, payload, flags) => {
                let mut message = message(&self.deck, TEXTS[*topic], TEXTS[*payload]);
                message.retain = flags & 1 != 0;
                message.dup = flags & 2 != 0;
                message.session = flags & 4 != 0;
                let text = || TEXTS[*payload].to_owned();
                message.properties = (flags & 8 != 0).then(|| {
                    Box::new(Properties {
                        content_type: Some(text()),
                        response_topic: Some(text()),
                        correlation_data: Some(Bytes::from(text())),
                        user: vec![(text(), text()); 12],
                        ..Properties::default()
                    })
                });
                self.deck.hears(message);
            }
            Happening::Bytes(bytes) => {
                self.deck.receive_bytes("plant/bytes", bytes);
            }
            Happening::Burst(count) => {
                for n in 0..*count {
                    let topic = format!("plant/{}/{n}", n % 7);
                    let message = message(&self.deck, &topic, "{\"n\":1}");
                    self.deck.hears(message);
                }
            }
            Happening::Gap(messages) => self.session(SessionEvent::Gap(Gap {
                messages: *messages,
                bytes: 10,
            })),
            Happening::Link(state) => self.link(*state),
            Happening::Broker(how) => self.broker(*how),
            Happening::Disk(how) => self.disk(*how),
            Happening::Wait(millis) => {
                self.deck.wait(Duration::from_millis(*millis));
            }
        }
        self.collect();
    }

    fn link(&mut self, state: u8) {
        let problem = || Problem::new("could not \u{1b}[31m", "because", "try");
        let since = self.deck.at.wall;
        let at = self.deck.at.mono.plus(Duration::from_millis(2500));
        self.deck.link(match state {
            0 => LinkState::Silent { since },
            1 => LinkState::Reconnecting {
                at,
                attempt: 1,
                why: problem(),
            },
            2 => LinkState::Refused(problem()),
            3 => LinkState::TakenOver(problem()),
            4 => LinkState::Closed,
            _ => LinkState::Connected {
                since,
                session_present: true,
            },
        });
    }

    /// The broker's answer to the oldest command.
    fn broker(&mut self, how: u8) {
        let is_command = |e: &Effect| matches!(e, Effect::Session(..));
        let Some(at) = self.asked.iter().position(is_command) else {
            return;
        };
        let Effect::Session(_, command) = self.asked.remove(at) else {
            return;
        };
        let event = match command {
            SessionCommand::Subscribe(wish) => SessionEvent::Granted {
                filter: wish.filter,
                result: if how == 0 {
                    Err("not \u{1b}]52;c;x\u{7} authorised".to_owned())
                } else {
                    Ok(Qos::AtMostOnce)
                },
            },
            SessionCommand::Unsubscribe(filter) => SessionEvent::Dropped(filter),
            SessionCommand::Publish(id, _) => SessionEvent::Receipt {
                id,
                result: match how {
                    0 => Err(Problem::new("no", "\u{1b}[2J", "").retry(Retry::Never)),
                    1 => Err(Problem::new("no", "busy", "")),
                    _ => Ok(Delivered::default()),
                },
            },
            _ => return,
        };
        self.session(event);
    }

    /// The answer of a disk, an editor or the environment to the oldest question.
    fn disk(&mut self, how: u8) {
        let is_for_disk = |e: &Effect| !matches!(e, Effect::Session(..));
        let Some(at) = self.asked.iter().position(is_for_disk) else {
            return;
        };
        let session = self.deck.session;
        let tell = |deck: &mut Deck, event| {
            deck.event(Event::Shelf(session, event));
        };
        match self.asked.remove(at) {
            Effect::Unshelve(_, place, _) if how == 0 => {
                self.blocks.remove(&place);
                tell(&mut self.deck, ShelfEvent::Lost(vec![place], Loss::Hole));
            }
            Effect::Unshelve(_, place, rows) => {
                if let Some(block) = self.blocks.get(&place) {
                    let block = Block::decode(block).expect("as it was written");
                    let page = Box::new(block.some(&rows));
                    tell(&mut self.deck, ShelfEvent::Page(place, rows, page));
                }
            }
            Effect::Search(_, id, query) => {
                for place in query.places() {
                    if let Some(block) = self.blocks.get(place) {
                        let rows = query.sift(&Block::decode(block).expect("as it was written"));
                        if !rows.is_empty() {
                            tell(&mut self.deck, ShelfEvent::Found(id, *place, rows));
                        }
                    }
                }
                tell(&mut self.deck, ShelfEvent::SearchOver(id));
            }
            Effect::Seek(_, id, seek) => {
                let found = seek.places.iter().find_map(|place| {
                    let sheet = Block::decode(self.blocks.get(place)?).expect("as it was written");
                    let row = seek.find(*place, &sheet)?;
                    Some((*place, row, Box::new(sheet.some(&[row]))))
                });
                let found = found.filter(|_| how != 1);
                tell(&mut self.deck, ShelfEvent::Sought(id, found));
            }
            Effect::LoadKept(id, _) => self.answer(id, how, Outcome::Kept(Box::new(kept()))),
            Effect::Edit { id, .. } => {
                let text = TEXTS[usize::from(how) + 6].to_owned();
                self.answer(id, how, Outcome::Edited { text });
            }
            Effect::Gather(id, needs) => {
                let variables = needs.variables.into_iter().map(|name| (name, None));
                let gathered = Gathered {
                    variables: variables.collect(),
                    file: needs.file.map(|_| Bytes::from_static(b"\xff")),
                };
                self.answer(id, how, Outcome::Gathered(gathered));
            }
            Effect::Templates(id, _) => {
                let templates = kept().history.into_iter().map(|entry| Template {
                    name: "\u{1b}[2J".to_owned(),
                    sheet: entry.sheet,
                });
                self.answer(id, how, Outcome::Templates(templates.collect()));
            }
            _ => {}
        }
    }

    fn answer(&mut self, id: RequestId, how: u8, outcome: Outcome) {
        let wrong = || Problem::new("the disk \u{1b}[2J", "is full", "");
        self.deck
            .done(id, if how == 0 { Err(wrong()) } else { Ok(outcome) });
    }
}

fn kept() -> Kept {
    let entry = |n: usize| Entry {
        at: Timestamp(1),
        sent: n.is_multiple_of(2),
        sheet: Sheet {
            topic: TEXTS[n].to_owned(),
            payload: TEXTS[15 - n].to_owned(),
            ..Sheet::default()
        },
    };
    Kept {
        draft: Some(entry(3)),
        history: (4..12).map(entry).collect(),
        notices: Vec::new(),
    }
}

/// Nothing in any cell is obeyed by a terminal.
fn drawn_is_harmless(screen: &Screen) -> Result<(), TestCaseError> {
    let backend = TestBackend::new(screen.size.width, screen.size.height);
    let mut terminal = Terminal::new(backend).expect("memory");
    let theme = Theme::plain();
    let frame = terminal.draw(|frame| ui::view(screen, &theme, frame));
    for cell in frame.expect("memory").buffer.content() {
        let joined = cell.symbol().contains('\u{200d}');
        let bad = cell.symbol().chars().any(text::is_unsafe);
        prop_assert!(!bad || joined, "{:?} is drawn", cell.symbol());
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn nothing_that_happens_on_a_broker_breaks_it(
        happenings in proptest::collection::vec(happening(), 1..150), five: bool, history: bool
    ) {
        let mut setup = broker(if five { Version::V5 } else { Version::V311 });
        setup.memory_limit = 96 * 1024;
        setup.keeps_history = history;
        let mut world = World { deck: Deck::new(setup), asked: Vec::new(), blocks: BTreeMap::new() };
        world.collect();
        world.deck.connect();
        for one in &happenings {
            world.happen(one);
            let screen = world.deck.screen();
            let header = &screen.header;
            prop_assert_eq!(header.received, header.kept + header.on_disk.unwrap_or(0) + header.dropped);
            for pane in &screen.panes {
                prop_assert!(pane.scroll.offset + pane.scroll.shown <= pane.scroll.total, "{:?}", pane.scroll);
            }
            drawn_is_harmless(&screen)?;
        }
    }
}
