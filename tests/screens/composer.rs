//! The composer as the core lays it out, on a small and on a large terminal.

use thingdeck::app::event::{Event, Key, KeyCode, Size};
use thingdeck::app::{App, ProfileSummary, Setup};
use thingdeck::base::moment::{Moment, Timestamp};
use thingdeck::domain::message::{Direction, Message, Qos};
use thingdeck::domain::profile::{PlatformId, Version};
use thingdeck::domain::reading::Reading;
use thingdeck::domain::session::{LinkState, SessionEvent, SessionId};
use thingdeck::domain::topic::Topic;
use thingdeck::ui::Theme;

use crate::{drawn_with_caret, shown};

fn lab(width: u16, height: u16) -> App {
    let lab = ProfileSummary {
        version: Version::V5,
        ..ProfileSummary::new("lab", PlatformId::Mqtt, "mqtt://lab")
    };
    let (mut app, _) = App::new(Setup::new(Size { width, height }, vec![lab]));
    let session = SessionId { generation: 1 };
    let up = SessionEvent::Link(LinkState::Connected {
        since: Timestamp(0),
        session_present: false,
    });
    app.update(Moment::default(), Event::Session(session, up));
    for topic in ["home/거실/lamp", "home/hall/lamp"] {
        let message = Message {
            at: Timestamp(0),
            direction: Direction::In,
            topic: Topic::received(topic),
            payload: "on".into(),
            qos: Qos::AtMostOnce,
            retain: false,
            dup: false,
            ack: None,
            properties: None,
            session: false,
        };
        let heard = SessionEvent::Message(Box::new(message), Reading::default());
        app.update(Moment::default(), Event::Session(session, heard));
    }
    app
}

fn type_text(app: &mut App, text: &str) {
    for c in text.chars() {
        let code = match c {
            '\n' => KeyCode::Enter,
            '\t' => KeyCode::Tab,
            c => KeyCode::Char(c),
        };
        app.update(Moment::default(), Event::Key(Key::plain(code)));
    }
}

const WRITTEN: &str = "chome/거\t\t{\n  \"on\": true,\n  \"세기\": {{rand 1..9}}\n}";

#[test]
fn on_80_by_24() {
    let mut app = lab(80, 24);
    type_text(&mut app, WRITTEN);
    insta::assert_snapshot!(shown(&app.screen(Moment::default())));
}

#[test]
fn on_120_by_36_with_known_topics() {
    let mut app = lab(120, 36);
    type_text(&mut app, "chome");
    insta::assert_snapshot!(shown(&app.screen(Moment::default())));
}

#[test]
fn the_cursor_stands_behind_wide_letters_and_zoomed_as_well() {
    for zoomed in [false, true] {
        let mut app = lab(80, 24);
        if zoomed {
            type_text(&mut app, "5z");
        }
        type_text(&mut app, "ct\t세기");
        let (buffer, at) = drawn_with_caret(&app.screen(Moment::default()), &Theme::dark());
        let at = at.expect("the cursor is shown");
        let before: String = (0..at.x).map(|x| buffer[(x, at.y)].symbol()).collect();
        let before = before.replace('\u{a0}', "");
        assert!(before.ends_with("1  세기"), "{before:?}");
    }
}
