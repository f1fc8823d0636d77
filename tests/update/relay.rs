//! Google's bridge (ClearBlade): a new profile, what is sent to a device, which version a configuration is.

use std::path::PathBuf;

use bytes::Bytes;
use thingdeck::app::effect::{Effect, NewAccount, NewProfile};
use thingdeck::app::event::{Event, Outcome};
use thingdeck::app::screen::PaneId;
use thingdeck::app::{ProfileSummary, Setup};
use thingdeck::domain::capability::Capabilities;
use thingdeck::domain::device::DeviceId;
use thingdeck::domain::fact::Fact;
use thingdeck::domain::profile::{GoogleDevice, GoogleIdentity, GoogleSettings, PlatformId};
use thingdeck::domain::reading::Kind;
use thingdeck::domain::relay::{Command, ConfigVersion, RelayReply, RelayRequest};
use thingdeck::domain::request::{Reply, Request};

use crate::deck::{Deck, device, profile, setup};

fn plant() -> Deck {
    let plant = ProfileSummary {
        platform: PlatformId::Google,
        capabilities: Capabilities::GOOGLE,
        ..profile("plant")
    };
    let mut deck = Deck::new(Setup {
        profiles: vec![plant],
        open: "plant".to_owned(),
        ..setup()
    });
    deck.connect();
    deck.fact(Fact::Devices(vec![
        device("gw-1", "gw-1", "GATEWAY"),
        device("sensor-1", "sensor-1", "DEVICE"),
    ]));
    deck.hold();
    deck.open.clear();
    deck.effects.clear();
    deck
}

#[test]
fn a_gateway_is_tried_saved_and_opened() {
    let mut deck = Deck::connected();
    deck.press("P G k k k enter");
    deck.asked();
    let shown = deck.overlay();
    for part in ["IoT Core (ClearBlade)", "Name: gateway", "us-central1"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    deck.press("ctrl-s");
    assert!(
        deck.overlay().contains("the cloud project's id"),
        "{}",
        deck.overlay()
    );
    deck.type_text("acme plant")
        .press("tab tab")
        .type_text("floor-7")
        .press("tab tab")
        .type_text("gw-hall")
        .press("tab")
        .type_text("/k/gw.pem")
        .press("tab")
        .type_text("sensor-1, sensor-2")
        .press("tab")
        .type_text("/k/blade.json")
        .press("ctrl-s");
    assert!(
        deck.overlay().contains("the id alone"),
        "{}",
        deck.overlay()
    );
    deck.press("ctrl-u").type_text("acme-plant").press("ctrl-s");
    let asked = deck.asked();
    let [Effect::TryProfile(id, tried)] = asked.as_slice() else {
        panic!("{asked:?} {}", deck.overlay());
    };
    let behind = |id: &str| GoogleDevice {
        id: id.to_owned(),
        key_file: None,
    };
    let expected = NewProfile {
        name: "gateway".to_owned(),
        account: NewAccount::Google(Box::new(GoogleSettings {
            devices: vec![behind("sensor-1"), behind("sensor-2")],
            credentials_file: Some(PathBuf::from("/k/blade.json")),
            ..GoogleSettings::new(
                "acme-plant".to_owned(),
                "us-central1".to_owned(),
                "floor-7".to_owned(),
                GoogleIdentity::Gateway("gw-hall".to_owned()),
                PathBuf::from("/k/gw.pem"),
            )
        })),
    };
    assert_eq!(*tried, expected);
    deck.event(Event::Reply(*id, Ok(Reply::Probed { devices: 0 })));
    let asked = deck.asked();
    let [Effect::SaveProfile(id, saved)] = asked.as_slice() else {
        panic!("{asked:?}");
    };
    assert_eq!(*saved, expected);
    let name = "gateway".to_owned();
    deck.done(*id, Ok(Outcome::ProfileSaved { name }));
    assert_eq!(deck.screen().header.profile.as_str(), "gateway");
}

#[test]
fn a_device_attaches_nobody_and_the_form_says_so() {
    let mut deck = Deck::connected();
    deck.press("P G k k k enter");
    deck.type_text("p")
        .press("tab tab")
        .type_text("r")
        .press("tab right tab")
        .type_text("meter-1")
        .press("tab")
        .type_text("k.pem")
        .press("tab")
        .type_text("sensor-1")
        .press("ctrl-s");
    assert!(
        deck.overlay().contains("only a gateway"),
        "{}",
        deck.overlay()
    );
}

fn sent(deck: &mut Deck) -> Command {
    let requests = deck.requests();
    requests
        .into_iter()
        .find_map(|request| match request {
            Request::Relay(RelayRequest::SendCommand { command, .. }) => Some(command),
            _ => None,
        })
        .expect("a command is sent")
}

fn bytes(payload: &str) -> Command {
    Command::Bytes {
        subfolder: None,
        payload: Bytes::copy_from_slice(payload.as_bytes()),
    }
}

#[test]
fn a_pasted_payload_is_sent_as_it_is_with_its_lines_and_blanks() {
    let mut deck = plant();
    deck.press("j x")
        .paste(" {\n\t\"on\": true\n}\n")
        .press("ctrl-s");
    assert_eq!(sent(&mut deck), bytes(" {\n\t\"on\": true\n}\n"));
}

#[test]
fn a_payload_of_many_lines_comes_from_the_editor() {
    let mut deck = plant();
    deck.press("j x").type_text("{}").press("ctrl-e");
    let asked = deck.asked();
    let edit = asked.iter().find_map(|effect| match effect {
        Effect::Edit { id, text, .. } => Some((*id, text.clone())),
        _ => None,
    });
    let (id, text) = edit.expect("the editor is asked for");
    assert_eq!(text, "{}");
    let text = "{\n  \"a\": 1\n}\n".to_owned();
    deck.done(id, Ok(Outcome::Edited { text }));
    deck.press("ctrl-s");
    assert_eq!(sent(&mut deck), bytes("{\n  \"a\": 1\n}"));
}

/// MQTT brings no version; the platform is asked when a configuration is opened.
#[test]
fn an_opened_configuration_tells_its_version() {
    let mut deck = plant();
    deck.receive_from("sensor-1", Kind::Config, "{\"every\":5}");
    deck.press("3 G enter");
    let wanted = Request::Relay(RelayRequest::Configs(DeviceId::new("sensor-1")));
    assert_eq!(deck.requests(), [wanted]);
    let version = |version, payload: &'static str| ConfigVersion {
        version,
        payload: Bytes::from_static(payload.as_bytes()),
        ..ConfigVersion::default()
    };
    let configs = vec![version(4, "{\"every\":6}"), version(3, "{\"every\":5}")];
    deck.answer(Ok(Reply::Relay(RelayReply::Configs(configs))));
    let shown = deck.inspector();
    assert!(shown.contains("version 3"), "{shown}");
    assert_eq!(deck.focus(), PaneId::Inspector);
}

/// The bridge hangs up at both.
#[test]
fn the_composer_offers_neither_qos_2_nor_retain() {
    let mut deck = plant();
    deck.press("c")
        .type_text("/devices/gw-1/events")
        .press("tab tab tab");
    let shown = deck.composer();
    assert!(shown.contains("QoS: < 0 >"), "{shown}");
    deck.press("right right");
    assert!(
        deck.composer().contains("QoS: < 0 >"),
        "{}",
        deck.composer()
    );
    deck.press("2");
    assert!(
        deck.composer().contains("QoS: < 0 >"),
        "{}",
        deck.composer()
    );
    deck.press("tab space y");
    assert!(
        deck.composer().contains("Retain: not here"),
        "{}",
        deck.composer()
    );
}
