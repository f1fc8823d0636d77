//! What holds whatever happens.

use std::time::Duration;

use proptest::prelude::*;
use serde_json::json;
use thingdeck::app::event::{Event, MouseKind};
use thingdeck::app::screen::{Mark, PaneId};
use thingdeck::base::problem::Problem;
use thingdeck::domain::device::DeviceId;
use thingdeck::domain::fact::Fact;
use thingdeck::domain::reading::Kind;
use thingdeck::domain::request::{Reply, Request};
use thingdeck::domain::session::{Gap, LinkState, SessionEvent};
use thingdeck::domain::subscription::{Feed, FeedState};

use crate::deck::{Deck, device, household, refusal, setup};

const KEYS: [&str; 68] = [
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
    "p",
    "r",
    "s",
    "v",
    "x",
    "y",
    "z",
    "E",
    "G",
    "L",
    "N",
    "P",
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
    "o",
    "d",
    "v",
    ":",
    "?",
    "-",
    "\"",
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
    "ctrl-z",
    "t",
    "o",
    "k",
    ":",
    "한",
];

#[derive(Debug, Clone)]
enum Happening {
    Key(usize),
    Paste(String),
    Mouse(u8, u16, u16),
    Resize(u16, u16),
    Receive(usize),
    From(usize, String),
    Gap(u64),
    Devices(usize),
    Rename(usize, String),
    Report(usize, f64),
    Link(u8),
    Answer(bool),
    Token,
    Wait(u64),
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        12 => (0..KEYS.len()).prop_map(Happening::Key),
        1 => ".{0,12}".prop_map(Happening::Paste),
        2 => (0_u8..3, 0_u16..200, 0_u16..60).prop_map(|(k, x, y)| Happening::Mouse(k, x, y)),
        2 => (1_u16..260, 1_u16..80).prop_map(|(w, h)| Happening::Resize(w, h)),
        2 => (1_usize..60).prop_map(Happening::Receive),
        2 => (0_usize..6, ".{0,60}").prop_map(|(d, text)| Happening::From(d, text)),
        1 => (1_u64..100).prop_map(Happening::Gap),
        1 => (0_usize..5).prop_map(Happening::Devices),
        1 => (0_usize..4, ".{0,12}").prop_map(|(d, name)| Happening::Rename(d, name)),
        1 => (0_usize..4, 0.0..40.0).prop_map(|(d, t)| Happening::Report(d, t)),
        1 => (0_u8..7).prop_map(Happening::Link),
        2 => any::<bool>().prop_map(Happening::Answer),
        1 => Just(Happening::Token),
        1 => (0_u64..100_000).prop_map(Happening::Wait),
    ]
}

fn id(index: usize) -> DeviceId {
    let all = household();
    all.get(index)
        .map_or_else(|| DeviceId::new("d-unknown"), |d| d.id.clone())
}

fn happen(deck: &mut Deck, happening: &Happening) {
    match happening {
        Happening::Key(index) => {
            deck.press(KEYS[*index]);
        }
        Happening::Paste(text) => {
            deck.paste(text);
        }
        Happening::Mouse(kind, x, y) => {
            let kind =
                [MouseKind::Click, MouseKind::ScrollUp, MouseKind::ScrollDown][usize::from(*kind)];
            deck.mouse(kind, *x, *y);
        }
        Happening::Resize(width, height) => {
            deck.resize(*width, *height);
        }
        Happening::Receive(count) => {
            deck.receive(*count, "home/t");
        }
        Happening::From(index, text) => {
            deck.receive_from(id(*index).as_str(), Kind::Event, text);
        }
        Happening::Gap(messages) => {
            let gap = Gap {
                messages: *messages,
                bytes: messages * 100,
            };
            deck.event(Event::Session(deck.session, SessionEvent::Gap(gap)));
        }
        Happening::Devices(without) => {
            let mut list = household();
            if *without < list.len() {
                list.remove(*without);
            }
            deck.fact(Fact::Devices(list));
        }
        Happening::Rename(index, name) => {
            deck.fact(Fact::DeviceRenamed {
                device: id(*index),
                name: name.clone(),
            });
        }
        Happening::Report(index, degrees) => {
            let patch = json!({"temperature": {"targetTemperature": degrees}});
            deck.report(id(*index).as_str(), patch);
        }
        Happening::Link(state) => link(deck, *state),
        Happening::Answer(good) => answer(deck, *good),
        Happening::Token => {
            deck.fact(Fact::TokenRefused(refusal("1302", "the token has expired")));
        }
        Happening::Wait(millis) => {
            deck.wait(Duration::from_millis(*millis));
        }
    }
}

fn link(deck: &mut Deck, state: u8) {
    let problem = || Problem::new("could not connect", "because", "try");
    let since = deck.at.wall;
    let at = deck.at.mono.plus(Duration::from_millis(2500));
    deck.link(match state {
        0 => LinkState::SigningIn {
            step: "route".to_owned(),
        },
        1 => LinkState::Silent { since },
        2 => LinkState::Reconnecting {
            at,
            attempt: 1,
            why: problem(),
        },
        3 => LinkState::Refused(problem()),
        4 => LinkState::TakenOver(problem()),
        _ => LinkState::Connected {
            since,
            session_present: true,
        },
    });
}

fn answer(deck: &mut Deck, good: bool) {
    let Some((_, request)) = deck.open.first().cloned() else {
        return;
    };
    let result = match request {
        _ if !good => Err(refusal("2000", "internal error")),
        Request::Feed { feed, on, .. } => Ok(Reply::Feed(deck.confirmed(feed, on))),
        Request::Devices { .. } => Ok(Reply::Devices(household())),
        Request::Feeds => Ok(Reply::Feeds(Vec::new())),
        Request::Control { dry_run, .. } => Ok(Reply::Control {
            body: "{\"a\":{\"b\":1}}".to_owned(),
            sent: !dry_run,
        }),
        _ => Err(refusal("1221", "not supported")),
    };
    deck.answer(result);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn nothing_that_happens_breaks_it(happenings in proptest::collection::vec(happening(), 1..120), obliging: bool) {
        let mut small = setup();
        small.memory_limit = 48 * 1024;
        let mut deck = Deck::new(small);
        deck.connect().fact(Fact::Devices(household()));
        deck.obliging = obliging;
        for one in &happenings {
            let selected = (deck.screen().panes.iter().any(|p| p.id == PaneId::Devices)
                && !deck.device_rows().is_empty()).then(|| deck.selected_device());
            happen(&mut deck, one);
            let screen = deck.screen();
            let header = &screen.header;
            prop_assert_eq!(header.received, header.kept + header.dropped);
            for pane in &screen.panes {
                prop_assert!(pane.scroll.offset + pane.scroll.shown <= pane.scroll.total, "{:?}", pane.scroll);
            }
            // Whatever comes from outside leaves the cursor on the device it is on, as long as that is shown.
            let outside = matches!(one, Happening::Receive(_) | Happening::From(..) | Happening::Gap(_) | Happening::Link(_));
            let shown = screen.panes.iter().any(|p| p.id == PaneId::Devices);
            if let Some(before) = selected.filter(|_| outside && shown) {
                prop_assert_eq!(deck.selected_device(), before);
            }
        }
    }

    /// Any order of on, off and lost answers ends in what the server said last (F31).
    #[test]
    fn marks_end_true(steps in proptest::collection::vec(0_u8..5, 1..40)) {
        let mut deck = Deck::connected();
        deck.hold();
        deck.open.clear();
        let mut server = FeedState::Off;
        for step in steps {
            match step {
                0 | 1 => {
                    deck.press("p");
                }
                2 | 3 if !deck.open.is_empty() => serve(&mut deck, &mut server, step == 2),
                _ => {
                    deck.fact(Fact::Feed { device: DeviceId::new("d-dryer"), feed: Feed::Push, state: server });
                }
            }
        }
        let wanted = match deck.device("Dryer").push {
            Mark::Pending(on) => on,
            _ => server.is_on(),
        };
        while !deck.open.is_empty() {
            serve(&mut deck, &mut server, true);
        }
        deck.fact(Fact::Feed { device: DeviceId::new("d-dryer"), feed: Feed::Push, state: server });
        prop_assert_eq!(server.is_on(), wanted);
        let mark = deck.device("Dryer").push;
        let true_mark = if server.is_on() { Mark::On(None) } else { Mark::Off };
        prop_assert!(mark == true_mark || mark == Mark::Failed, "{:?} though the server says {:?}", mark, server);
        prop_assert!(mark != Mark::Failed || !server.is_on());
    }

    /// New devices above and below, renames of others: the selected one stays selected (F21).
    #[test]
    fn the_selected_device_is_never_another_one(names in proptest::collection::vec("[a-z]{1,6}", 1..30), keys in 0_usize..4) {
        let mut deck = Deck::connected();
        for _ in 0..keys {
            deck.press("j");
        }
        let selected = deck.selected_device();
        for (n, name) in names.iter().enumerate() {
            deck.fact(Fact::DeviceAdded(device(&format!("new{n}"), name, "X")));
            prop_assert_eq!(deck.selected_device(), selected.clone());
            deck.fact(Fact::DeviceRenamed { device: DeviceId::new(&format!("new{}", n / 2)), name: format!("z{name}") });
            prop_assert_eq!(deck.selected_device(), selected.clone());
        }
    }
}

/// The server does what is asked; its answer may be lost on the way.
fn serve(deck: &mut Deck, server: &mut FeedState, arrives: bool) {
    let Some((_, Request::Feed { on, .. })) = deck.open.first().cloned() else {
        deck.open.remove(0);
        return;
    };
    *server = if on {
        FeedState::On { until: None }
    } else {
        FeedState::Off
    };
    if arrives {
        deck.answer(Ok(Reply::Feed(*server)));
    } else {
        // The adapter reads the lists again and tells the truth before it gives up.
        let state = *server;
        deck.fact(Fact::Feed {
            device: DeviceId::new("d-dryer"),
            feed: Feed::Push,
            state,
        });
        deck.answer(Err(Problem::new("no answer", "no answer within 15 s", "")));
    }
}
