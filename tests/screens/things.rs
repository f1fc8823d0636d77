//! The shadow view, its editor and conflicts, and the jobs, as a person sees them on three sizes.

use std::sync::Arc;

use ratatui::buffer::Cell;
use thingdeck::app::effect::Effect;
use thingdeck::app::event::{Event, Key, KeyCode, Size};
use thingdeck::app::screen::Header;
use thingdeck::app::{App, ProfileSummary, Setup};
use thingdeck::base::moment::{Moment, Timestamp};
use thingdeck::base::problem::Problem;
use thingdeck::domain::device::{Device, DeviceId, Presence};
use thingdeck::domain::fact::Fact;
use thingdeck::domain::jobs::{Job, JobsReply};
use thingdeck::domain::profile::{PlatformId, Version};
use thingdeck::domain::request::{Reply, RequestId};
use thingdeck::domain::session::{LinkState, SessionEvent, SessionId};
use thingdeck::domain::shadow::{ShadowReply, read};
use thingdeck::domain::subscription::{Feed, FeedState};
use thingdeck::ui::Theme;

use crate::{drawn, row_of, shown};

const NOW: i64 = 1_763_671_200;

struct Fleet {
    app: App,
    open: Vec<RequestId>,
}

fn at() -> Moment {
    Moment {
        wall: Timestamp::from_seconds(NOW),
        ..Moment::default()
    }
}

impl Fleet {
    fn new(width: u16, height: u16) -> Self {
        let fleet = ProfileSummary {
            version: Version::V5,
            ..ProfileSummary::new(
                "fleet",
                PlatformId::Aws,
                "abc-ats.iot.eu-west-1.amazonaws.com",
            )
        };
        Self::of(fleet, "RPI", width, height)
    }

    /// Connected, with this one device.
    fn of(fleet: ProfileSummary, device: &str, width: u16, height: u16) -> Self {
        let (app, _) = App::new(Setup {
            at: at(),
            ..Setup::new(Size { width, height }, vec![fleet])
        });
        let mut fleet = Self {
            app,
            open: Vec::new(),
        };
        fleet.session(SessionEvent::Link(LinkState::Connected {
            since: at().wall,
            session_present: false,
        }));
        let thing = Device {
            id: DeviceId::new(device),
            name: device.to_owned(),
            kind: "Gateway".to_owned(),
            model: String::new(),
            reportable: true,
            group: None,
            presence: Presence::Online,
            attributes: Vec::new(),
        };
        fleet.session(SessionEvent::Fact(Fact::Devices(vec![thing])));
        fleet.open.clear();
        fleet
    }

    fn event(&mut self, event: Event) {
        for effect in self.app.update(at(), event) {
            if let Effect::Request(id, _) = effect {
                self.open.push(id);
            }
        }
    }

    fn session(&mut self, event: SessionEvent) {
        self.event(Event::Session(SessionId { generation: 1 }, event));
    }

    fn press(&mut self, keys: &str) -> &mut Self {
        for c in keys.chars() {
            let key = match c {
                '\t' => Key::plain(KeyCode::Tab),
                '\n' => Key::plain(KeyCode::Enter),
                '\u{13}' => Key::ctrl('s'),
                '\u{8}' => Key::plain(KeyCode::Backspace),
                c => Key::plain(KeyCode::Char(c)),
            };
            self.event(Event::Key(key));
        }
        self
    }

    fn answer(&mut self, reply: Result<Reply, Problem>) -> &mut Self {
        let id = self.open.remove(0);
        self.event(Event::Reply(id, reply));
        self
    }

    fn document(&mut self, text: &str) -> &mut Self {
        let shadow = read::document(text).expect("a document");
        self.answer(Ok(Reply::Shadow(ShadowReply::Document {
            raw: Arc::from(text),
            shadow,
        })))
    }

    fn names(&mut self, names: &[&str]) -> &mut Self {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        self.answer(Ok(Reply::Shadow(ShadowReply::Names(names))))
    }

    fn refused(&mut self, code: u16, message: &str) -> &mut Self {
        self.answer(Ok(Reply::Shadow(ShadowReply::Refused {
            code,
            message: message.to_owned(),
        })))
    }

    /// The boxes alone: what lies below them is shown elsewhere.
    fn picture(&self) -> String {
        let mut screen = self.app.screen(at());
        screen.panes.clear();
        screen.header = Header::default();
        shown(&screen)
    }

    /// The view is open, with a long document and two named shadows.
    fn viewed(width: u16, height: u16) -> Self {
        let mut fleet = Self::new(width, height);
        fleet
            .press("s")
            .document(DOCUMENT)
            .names(&["config", "wifi"]);
        fleet
    }

    fn conflict(width: u16, height: u16) -> Self {
        let mut fleet = Self::viewed(width, height);
        fleet.press("e\u{8}\u{8}\u{8}\u{8}\u{8}\u{8}26.0,\u{13}");
        fleet.refused(409, "Version conflict");
        fleet.document(THEIRS);
        fleet
    }
}

const DOCUMENT: &str = r#"{"state":{"desired":{"온도":24.50,"led":{"r":255,"g":0,"b":128},"schedule":[6,18,22],"firmware":"2.4.1","greeting":"안녕하세요, 저는 거실에 있는 라즈베리파이입니다"},
    "reported":{"온도":22,"led":{"r":255,"g":0,"b":64},"schedule":[6,18],"firmware":"2.4.0","connected":true,"uptime":86400,"net":{"rssi":-61,"ssid":"plant-north","ip":"192.168.1.40"}},
    "delta":{"온도":24.50,"led":{"b":128},"schedule":[6,18,22],"firmware":"2.4.1","greeting":"안녕하세요, 저는 거실에 있는 라즈베리파이입니다"}},
    "metadata":{"desired":{"온도":{"timestamp":1763671190},"led":{"r":{"timestamp":1763671000},"g":{"timestamp":1763671000},"b":{"timestamp":1763671100}},"schedule":[{"timestamp":1763571000},{"timestamp":1763571001},{"timestamp":1763571000}],"firmware":{"timestamp":1763671000},"greeting":{"timestamp":1763671000}},
    "reported":{"온도":{"timestamp":1763671180},"led":{"r":{"timestamp":1763670000},"g":{"timestamp":1763670000},"b":{"timestamp":1763670000}},"schedule":[{"timestamp":1763571000},{"timestamp":1763571000}],"firmware":{"timestamp":1763570000},"connected":{"timestamp":1763670000},"uptime":{"timestamp":1763671180},"net":{"rssi":{"timestamp":1763671180},"ssid":{"timestamp":1763670000},"ip":{"timestamp":1763670000}}}},
    "version":12,"timestamp":1763671195}"#;

const THEIRS: &str = r#"{"state":{"desired":{"온도":19,"led":{"r":255,"g":7,"b":128},"schedule":[6,18,22],"firmware":"2.4.1","greeting":"안녕하세요, 저는 거실에 있는 라즈베리파이입니다"}},"version":14,"timestamp":1763671210}"#;

#[test]
fn the_shadow_on_80_by_24() {
    insta::assert_snapshot!(Fleet::viewed(80, 24).picture());
}

#[test]
fn the_shadow_on_120_by_36() {
    insta::assert_snapshot!(Fleet::viewed(120, 36).picture());
}

#[test]
fn the_shadow_on_200_by_60() {
    insta::assert_snapshot!(Fleet::viewed(200, 60).picture());
}

#[test]
fn the_shadow_on_44_by_20_is_stacked() {
    insta::assert_snapshot!(Fleet::viewed(44, 20).picture());
}

#[test]
fn a_thing_without_a_shadow() {
    let mut fleet = Fleet::new(80, 24);
    fleet
        .press("s")
        .refused(404, "No shadow exists with name: 'RPI'");
    insta::assert_snapshot!(fleet.picture());
}

#[test]
fn a_shadow_that_is_waited_for_and_one_that_was_refused() {
    let mut fleet = Fleet::new(80, 24);
    fleet.press("s");
    insta::assert_snapshot!("waiting", fleet.picture());
    fleet.refused(403, "Forbidden");
    insta::assert_snapshot!("refused", fleet.picture());
}

#[test]
fn editing_on_80_by_24_and_on_120_by_36() {
    for (width, height) in [(80, 24), (120, 36)] {
        let mut fleet = Fleet::viewed(width, height);
        fleet.press("e\u{8}\u{8}\u{8}\u{8}\u{8}\u{8}26.0,");
        insta::assert_snapshot!(format!("edit_{width}"), fleet.picture());
    }
}

#[test]
fn a_conflict_on_80_by_24_and_on_120_by_36() {
    for (width, height) in [(80, 24), (120, 36)] {
        let fleet = Fleet::conflict(width, height);
        insta::assert_snapshot!(format!("conflict_{width}"), fleet.picture());
    }
}

/// Colour is not all: without it the differing field has its sign and is drawn otherwise.
#[test]
fn a_difference_is_seen_without_colour() {
    let fleet = Fleet::viewed(120, 36);
    let buffer = drawn(&fleet.app.screen(at()), &Theme::plain());
    let row = row_of(&buffer, "firmware");
    let modifiers = |text: &str| {
        let line: Vec<_> = (0..buffer.area.width)
            .map(|x| buffer[(x, row)].clone())
            .collect();
        let at = line
            .windows(text.len())
            .position(|cells| cells.iter().map(Cell::symbol).collect::<String>() == text)
            .expect("it is in the row");
        line[at].modifier
    };
    assert_ne!(modifiers("2.4.0"), modifiers("firmware"));
    let line: String = (0..buffer.area.width)
        .map(|x| buffer[(x, row)].symbol())
        .collect();
    assert!(line.contains("≠ firmware"), "{line}");
}

fn job(id: &str, status: &str) -> Job {
    Job {
        id: id.to_owned(),
        status: status.to_owned(),
        version: Some(3),
        execution: Some(1),
        queued: Some(Timestamp::from_seconds(NOW - 600)),
        started: (status == "IN_PROGRESS").then(|| Timestamp::from_seconds(NOW - 60)),
        ..Job::default()
    }
}

#[test]
fn jobs_and_one_of_them() {
    let mut fleet = Fleet::new(80, 24);
    let list = vec![
        job("firmware-2.4.1", "IN_PROGRESS"),
        job("재시작", "QUEUED"),
    ];
    fleet
        .press("J")
        .answer(Ok(Reply::Jobs(JobsReply::List(list))));
    insta::assert_snapshot!("jobs", fleet.picture());
    let told = Job {
        document: Some(Arc::from(
            r#"{"operation":"update","version":2.10,"files":[{"url":"https://plant.example/fw/2.4.1.bin","bytes":1048576}]}"#,
        )),
        details: Some(Arc::from(r#"{"step":"download","progress":"50%"}"#)),
        ..job("firmware-2.4.1", "IN_PROGRESS")
    };
    fleet
        .press("\n")
        .answer(Ok(Reply::Jobs(JobsReply::One(Some(Box::new(told))))));
    insta::assert_snapshot!("job", fleet.picture());
    fleet.press("u");
    insta::assert_snapshot!("job_update", fleet.picture());
}

#[test]
fn an_attachment_is_called_one_in_full_and_lives_with_the_connection() {
    for (width, height) in [(80, 24), (120, 36), (200, 60)] {
        let plant = ProfileSummary::new("plant", PlatformId::Google, "plant");
        let mut fleet = Fleet::of(plant, "sensor-1", width, height);
        for feed in Feed::ALL {
            fleet.session(SessionEvent::Fact(Fact::Feed {
                device: DeviceId::new("sensor-1"),
                feed,
                state: FeedState::On { until: None },
            }));
        }
        // The pane alone, as far as it may be wide.
        fleet.press("2z");
        let text = shown(&fleet.app.screen(at()));
        assert!(text.contains("attached"), "{text}");
        assert!(text.contains("while connected"), "{text}");
        fleet.press("z");
        let text = shown(&fleet.app.screen(at()));
        let is_shown = text.contains("Subscriptions") && width >= 120;
        assert!(!is_shown || text.contains("attached"), "{text}");
    }
}
