//! The dashboard on a plain broker: the core's own screens, drawn.

use std::time::Duration;

use bytes::Bytes;
use thingdeck::app::event::{Event, Key, KeyCode, Size};
use thingdeck::app::{App, ProfileSummary, Setup};
use thingdeck::base::moment::{Moment, Mono, Timestamp};
use thingdeck::domain::message::{Direction, Message, Qos};
use thingdeck::domain::profile::{PlatformId, Version};
use thingdeck::domain::reading::Reading;
use thingdeck::domain::session::{LinkState, SessionEvent, SessionId};
use thingdeck::domain::subscription::{FilterOptions, FilterWish};
use thingdeck::domain::topic::{Topic, TopicFilter};
use thingdeck::ui::{Theme, picture};

use crate::{drawn, hostile, shown};

/// The core on a broker, and the time that has passed for it.
struct Plant {
    app: App,
    elapsed: Duration,
}

fn wish(filter: &str, qos: Qos) -> FilterWish {
    FilterWish::new(TopicFilter::parse(filter).unwrap(), qos)
}

impl Plant {
    fn new(width: u16, height: u16) -> Self {
        let profile = ProfileSummary {
            version: Version::V5,
            topics: vec![
                wish("#", Qos::AtMostOnce),
                FilterWish {
                    options: FilterOptions {
                        no_local: true,
                        id: Some(7),
                        ..FilterOptions::default()
                    },
                    ..wish("plant/+/state", Qos::ExactlyOnce)
                },
                wish("secret/#", Qos::AtLeastOnce),
            ],
            ..ProfileSummary::new("lab", PlatformId::Mqtt, "mqtt://127.0.0.1")
        };
        let (app, _) = App::new(Setup::new(Size { width, height }, vec![profile]));
        let mut plant = Self {
            app,
            elapsed: Duration::ZERO,
        };
        plant.tell(SessionEvent::Link(LinkState::Connected {
            since: Timestamp(0),
            session_present: false,
        }));
        plant
    }

    fn now(&self) -> Moment {
        Moment {
            mono: Mono(self.elapsed),
            wall: Timestamp::from_seconds(1_790_000_000).plus(self.elapsed),
        }
    }

    fn event(&mut self, event: Event) -> &mut Self {
        self.elapsed += Duration::from_millis(50);
        self.app.update(self.now(), event);
        self
    }

    fn tell(&mut self, event: SessionEvent) -> &mut Self {
        self.event(Event::Session(SessionId { generation: 1 }, event))
    }

    fn granted(&mut self, filter: &str, result: Result<Qos, String>) -> &mut Self {
        let filter = TopicFilter::parse(filter).unwrap();
        self.tell(SessionEvent::Granted { filter, result })
    }

    fn hear(&mut self, topic: &str, payload: &[u8], retain: bool) -> &mut Self {
        let message = Message {
            at: self.now().wall,
            direction: Direction::In,
            topic: Topic::received(topic),
            payload: Bytes::copy_from_slice(payload),
            qos: Qos::AtMostOnce,
            retain,
            dup: false,
            ack: None,
            properties: None,
            session: false,
        };
        self.tell(SessionEvent::Message(Box::new(message), Reading::default()))
    }

    fn press(&mut self, keys: &str) -> &mut Self {
        for name in keys.split_whitespace() {
            let code = match name {
                "enter" => KeyCode::Enter,
                "tab" => KeyCode::Tab,
                _ => KeyCode::Char(name.chars().next().unwrap()),
            };
            self.event(Event::Key(Key::plain(code)));
        }
        self
    }

    fn text(&self) -> String {
        shown(&self.app.screen(self.now()))
    }
}

/// A plant with a deep branch, wide names, values of every sort, and a broker that grants less than asked.
fn plant(width: u16, height: u16) -> Plant {
    let mut plant = Plant::new(width, height);
    plant
        .granted("#", Ok(Qos::AtMostOnce))
        .granted("plant/+/state", Ok(Qos::AtLeastOnce))
        .granted("secret/#", Err("not authorised (0x87)".to_owned()));
    for (topic, payload) in [
        (
            "plant/press-1/state",
            "{\"running\":true,\"strokes\":12804,\"oil\":{\"temp\":61.5}}",
        ),
        ("plant/press-2/state", "{\"running\":false}"),
        ("plant/press-10/state", "{\"running\":true}"),
        ("plant/press-1/temp", "61.5"),
        ("공장/3층/온도", "21.5"),
        (
            "공장/3층/거실 에어컨의 상태를 알려 주는 아주 긴 이름",
            "켜짐",
        ),
        ("工厂/温度", "二十一度"),
        ("/leading", "x"),
        ("a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r/s/t", "deep"),
        ("image", "\u{fffd}PNG"),
        ("$SYS/broker/version", "mosquitto version 2.0.18"),
        ("$SYS/broker/uptime", "3700 seconds"),
        ("$SYS/broker/clients/connected", "12"),
        ("$SYS/broker/messages/received", "10234"),
        ("$SYS/broker/load/messages/received/1min", "304.2"),
        ("$SYS/broker/heap/current", "51200"),
        ("$SYS/broker/retained messages/count", "42"),
        ("$SYS/broker/bridge/x", "1"),
    ] {
        plant.hear(
            topic,
            payload.as_bytes(),
            topic.starts_with("plant/press-1/"),
        );
    }
    for _ in 0..40 {
        plant.hear("plant/press-1/temp", b"61.75", false);
    }
    plant
}

#[test]
fn the_tree_on_120_by_36() {
    insta::assert_snapshot!(plant(120, 36).press("j j").text());
}

#[test]
fn the_tree_on_80_by_24() {
    insta::assert_snapshot!(plant(80, 24).press("S").text());
}

#[test]
fn the_tree_on_200_by_60() {
    insta::assert_snapshot!(plant(200, 60).press("G space").text());
}

#[test]
fn a_deep_tree_in_a_narrow_terminal() {
    insta::assert_snapshot!(plant(44, 24).press("/ l / m enter").text());
}

#[test]
fn filters_granted_less_refused_and_muted() {
    insta::assert_snapshot!(plant(120, 36).press("2 m z").text());
}

#[test]
fn the_form_of_a_filter() {
    insta::assert_snapshot!(plant(120, 36).press("2 j enter").text());
}

#[test]
fn the_brokers_health() {
    insta::assert_snapshot!(plant(120, 36).press("B").text());
}

#[test]
fn with_nothing_heard_every_pane_says_what_to_press() {
    let mut plant = Plant::new(120, 36);
    for filter in ["#", "plant/+/state", "secret/#"] {
        let filter = TopicFilter::parse(filter).unwrap();
        plant.tell(SessionEvent::Dropped(filter));
    }
    insta::assert_snapshot!(plant.text());
}

#[test]
fn hostile_topics_stay_in_their_cells_at_any_size() {
    for (width, height) in [(40, 10), (60, 20), (80, 24), (120, 36), (200, 60)] {
        let mut plant = Plant::new(width, height);
        for topic in [
            "\u{1b}]0;owned\u{7}/x",
            "a\u{202e}b/\u{200b}\u{feff}",
            "거실\u{300}\u{301}\u{302}/👨‍👩‍👧/🏠",
            "///",
            "x\u{0}y",
            "ﷺﷺﷺ/\u{1100}\u{1161}",
        ] {
            plant.hear(topic, topic.as_bytes(), true);
        }
        plant.hear(
            &"deep/".repeat(2_000),
            &[0xff, 0x00, 0x1b, b'[', b'2', b'J'],
            false,
        );
        for theme in [Theme::dark(), Theme::plain(), Theme::ansi16().with_ascii()] {
            hostile::check(&drawn(&plant.app.screen(plant.now()), &theme));
        }
        plant.press("G 2 1 S B");
        hostile::check(&drawn(&plant.app.screen(plant.now()), &Theme::dark()));
    }
}

#[test]
fn folds_are_told_apart_in_ascii() {
    let screen = plant(120, 36)
        .press("j j j o")
        .app
        .screen(Moment::default());
    let text = picture::text(&drawn(&screen, &Theme::plain().with_ascii()));
    assert!(text.contains("- plant") && text.contains("+ "), "{text}");
}
