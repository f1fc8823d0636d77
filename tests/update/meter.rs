//! Huawei: commands that wait for an answer, what the application side is asked, what comes unasked.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use thingdeck::app::screen::{Mark, PaneId};
use thingdeck::app::{ProfileSummary, Setup};
use thingdeck::base::problem::Problem;
use thingdeck::domain::capability::Capabilities;
use thingdeck::domain::device::DeviceId;
use thingdeck::domain::fact::Fact;
use thingdeck::domain::message::{Direction, Message, Qos};
use thingdeck::domain::profile::PlatformId;
use thingdeck::domain::reading::{Kind, Reading};
use thingdeck::domain::relay::{AskedCommand, Command, RelayNews, RelayReply, RelayRequest};
use thingdeck::domain::request::{Reply, Request};
use thingdeck::domain::session::SessionEvent;
use thingdeck::domain::subscription::{Feed, FeedState};
use thingdeck::domain::topic::Topic;

use crate::deck::{Deck, device, profile, setup};

const ASKED: &str = "$oc/devices/meter/sys/commands/request_id=r-1";
const ANSWER: &str = "$oc/devices/meter/sys/commands/response/request_id=r-1";

/// Connected as `meter`, with a device behind it and one elsewhere; nothing is answered by itself.
fn plant() -> Deck {
    let meter = ProfileSummary {
        platform: PlatformId::Huawei,
        capabilities: Capabilities::HUAWEI,
        place: "mqtts://h:8883".to_owned(),
        ..profile("meter")
    };
    let mut deck = Deck::new(Setup {
        profiles: vec![meter],
        open: "meter".to_owned(),
        ..setup()
    });
    deck.connect();
    let behind = |id: &str, name: &str, gateway: &str| {
        let mut device = device(id, name, "ENDPOINT");
        device.attributes = vec![("gateway_id".to_owned(), gateway.to_owned())];
        device
    };
    deck.fact(Fact::Devices(vec![
        behind("meter", "一号电表", "meter"),
        behind("probe", "二号探头", "meter"),
        behind("pump", "水泵", "pump"),
    ]));
    for feed in Feed::ALL {
        deck.fact(Fact::Feed {
            device: DeviceId::new("meter"),
            feed,
            state: FeedState::Unasked,
        });
    }
    deck.hold();
    deck.open.clear();
    deck.effects.clear();
    deck
}

fn message(deck: &Deck, topic: &str, payload: &str, direction: Direction) -> Message {
    Message {
        at: deck.at.wall,
        direction,
        topic: Topic::received(topic),
        payload: Bytes::copy_from_slice(payload.as_bytes()),
        qos: Qos::AtLeastOnce,
        retain: false,
        dup: false,
        ack: None,
        properties: None,
        session: false,
    }
}

fn hear(deck: &mut Deck, message: Message, facts: Vec<Fact>) {
    let reading = Reading {
        kind: Kind::Command,
        device: Some(DeviceId::new("meter")),
        facts,
        ..Reading::default()
    };
    let event = SessionEvent::Message(Box::new(message), reading);
    deck.event(thingdeck::app::event::Event::Session(deck.session, event));
}

fn command_comes(deck: &mut Deck) {
    let asked = AskedCommand {
        id: "r-1".to_owned(),
        device: DeviceId::new("meter"),
        name: "Relay.ON".to_owned(),
        at: deck.at.wall,
        topic: Topic::received(ASKED),
        deadline: deck.at.wall.plus(Duration::from_secs(20)),
        answer_topic: Topic::received(ANSWER),
        answer: Bytes::from_static(br#"{"result_code":0}"#),
        mark: None,
    };
    let message = message(deck, ASKED, r#"{"command_name":"ON"}"#, Direction::In);
    let fact = Fact::Relay(Box::new(RelayNews::Asked(asked)));
    hear(deck, message, vec![fact]);
}

#[test]
fn a_command_counts_down_and_is_called_unanswered_when_its_time_is_over() {
    let mut deck = plant();
    command_comes(&mut deck);
    assert!(deck.gists()[0].contains("20 s left"), "{:?}", deck.gists());
    deck.wait(Duration::from_millis(12_500));
    assert!(deck.gists()[0].contains("8 s left"), "{:?}", deck.gists());
    deck.wait(Duration::from_secs(8));
    assert!(deck.gists()[0].contains("unanswered"), "{:?}", deck.gists());
    deck.press("3 G enter");
    assert!(
        !deck.notice().contains("left to answer"),
        "{}",
        deck.notice()
    );
    assert!(
        deck.inspector().contains("expected on"),
        "{}",
        deck.inspector()
    );
}

#[test]
fn an_answer_and_its_command_are_a_pair_and_a_late_one_is_called_late() {
    for (wait, said) in [
        (Duration::from_millis(1500), "answered after 1.5 s"),
        (Duration::from_secs(25), "answered after 25 s, too late"),
    ] {
        let mut deck = plant();
        command_comes(&mut deck);
        deck.wait(wait);
        let answer = message(&deck, ANSWER, r#"{"result_code":0}"#, Direction::Out);
        hear(&mut deck, answer, Vec::new());
        let gists = deck.gists();
        assert!(gists[0].contains(said), "{gists:?}");
        assert!(gists[1].contains("answers Relay.ON after"), "{gists:?}");
        assert_eq!(gists[1].contains("too late"), said.ends_with("late"));
    }
}

#[test]
fn enter_on_a_command_opens_its_answer() {
    let mut deck = plant();
    command_comes(&mut deck);
    deck.press("3 G enter");
    assert!(
        deck.notice().contains("Relay.ON: 20 s left to answer"),
        "{}",
        deck.notice()
    );
    assert_eq!(deck.focus(), PaneId::Publish);
}

#[test]
fn a_device_that_connects_by_itself_is_sent_a_command_and_its_answer_is_shown() {
    let mut deck = plant();
    deck.press("1 G x");
    let shown = deck.overlay();
    assert!(shown.contains("A command to 水泵"), "{shown}");
    deck.press("ctrl-s");
    assert!(
        deck.overlay().contains("which command?"),
        "{}",
        deck.overlay()
    );
    deck.type_text("Valve.OPEN").press("ctrl-s");
    let asked = deck.requests();
    let wanted = RelayRequest::SendCommand {
        device: DeviceId::new("pump"),
        command: Command::Named {
            service: Some("Valve".to_owned()),
            name: "OPEN".to_owned(),
            parameters: "{}".to_owned(),
        },
    };
    assert_eq!(asked, [Request::Relay(wanted)]);
    deck.answer(Err(Problem::new("the command is not done", "offline", "")));
    assert!(deck.overlay().contains("offline"), "{}", deck.overlay());
    deck.press("ctrl-s");
    deck.answer(Ok(Reply::Relay(RelayReply::Commanded {
        id: None,
        answer: Some(Arc::from(r#"{"result_code":0,"paras":{"v":1.50}}"#)),
    })));
    assert_eq!(deck.overlay(), "");
    assert!(
        deck.notice()
            .contains(r#"水泵 answers {"result_code":0,"paras":{"v":1.50}}"#),
        "{}",
        deck.notice()
    );
}

#[test]
fn for_itself_and_those_behind_it_a_report_is_composed() {
    for rows in ["1 g x", "1 g j x"] {
        let mut deck = plant();
        deck.press(rows);
        let asked = deck.requests();
        assert!(
            matches!(
                asked.as_slice(),
                [Request::Relay(RelayRequest::ReportDraft(_))]
            ),
            "{asked:?}"
        );
    }
}

#[test]
fn what_comes_unasked_is_neither_on_nor_off() {
    let mut deck = plant();
    let meter = deck.device("一号电表");
    assert_eq!(
        (&meter.push, &meter.event),
        (&Mark::Unasked, &Mark::Unasked)
    );
    let rows = deck.subscriptions();
    assert_eq!(rows[0].detail.text.as_str(), "comes unasked");
    deck.press("1 g p");
    assert!(
        matches!(deck.requests().as_slice(), [Request::Feed { on: true, .. }]),
        "p subscribes it"
    );
    deck.answer(Ok(Reply::Feed(FeedState::On { until: None })));
    deck.press("p");
    assert!(matches!(
        deck.requests().as_slice(),
        [Request::Feed { on: false, .. }]
    ));
    deck.answer(Ok(Reply::Feed(FeedState::Unasked)));
    assert_eq!(deck.device("一号电表").push, Mark::Unasked);
}

#[test]
fn the_platforms_clock_is_asked_for_and_told() {
    let mut deck = plant();
    deck.press(":").type_text("compare clocks").press("enter");
    assert_eq!(deck.requests(), [Request::Relay(RelayRequest::SyncClock)]);
    deck.answer(Ok(Reply::Relay(RelayReply::Clock {
        offset_ms: 250,
        words: "this clock is 250 ms behind the platform's".to_owned(),
    })));
    assert!(deck.notice().contains("250 ms behind"), "{}", deck.notice());
}

#[test]
fn muting_the_commands_hides_the_commands() {
    let mut deck = plant();
    command_comes(&mut deck);
    assert_eq!(deck.messages().len(), 1);
    deck.press("2 g m");
    assert_eq!(deck.gists(), Vec::<String>::new());
    deck.press("m");
    assert_eq!(deck.messages().len(), 1);
    deck.press("d");
    assert!(deck.notice().contains("unasked"), "{}", deck.notice());
}

#[test]
fn an_answer_of_the_adapter_that_did_not_arrive_is_told() {
    let mut deck = plant();
    command_comes(&mut deck);
    let answer = message(&deck, ANSWER, r#"{"result_code":0}"#, Direction::Out);
    hear(&mut deck, answer, Vec::new());
    assert!(deck.gists()[0].contains("answered after"));
    let at = deck.at.wall;
    deck.fact(Fact::Relay(Box::new(RelayNews::Answered {
        id: "r-1".to_owned(),
        at,
        result: Err(Problem::new("it may not have arrived", "no word", "")),
    })));
    let gists = deck.gists();
    assert!(
        gists[0].contains("not answered: it may not have arrived"),
        "{gists:?}"
    );
}
