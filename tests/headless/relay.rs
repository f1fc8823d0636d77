//! Devices behind a gateway, and what a registry is asked.

use bytes::Bytes;
use thingdeck::base::problem::Exit;
use thingdeck::base::secret::Secret;
use thingdeck::domain::device::{DeviceId, Presence};
use thingdeck::domain::profile::{
    GoogleIdentity, GoogleSettings, HuaweiDialect, HuaweiSettings, Profile, SecretRef, Settings,
};
use thingdeck::domain::relay::{RelayReply, RelayRequest, StateVersion};
use thingdeck::domain::request::{Reply, Request};

use super::stage::{Deed, Stage, device, problem, profile};

fn plant(name: &str) -> Profile {
    let identity = GoogleIdentity::Gateway("gw".to_owned());
    let text = |text: &str| text.to_owned();
    Profile {
        settings: Settings::Google(GoogleSettings::new(
            text("p"),
            text("us-central1"),
            text("r"),
            identity,
            "key.pem".into(),
        )),
        ..profile(name)
    }
}

fn meter(name: &str) -> Profile {
    let url = "mqtts://127.0.0.1".to_owned();
    Profile {
        settings: Settings::Huawei(HuaweiSettings {
            secret: Some(SecretRef::Env("SET".to_owned())),
            ..HuaweiSettings::new(HuaweiDialect::Iotda, url, "meter-1".to_owned())
        }),
        ..profile(name)
    }
}

fn registering() -> Stage {
    let mut stage = Stage::home().answering(|request| match request {
        Request::Relay(RelayRequest::Register(_)) => {
            Some(Ok(Reply::Relay(RelayReply::Registered {
                device: DeviceId::new("new-1"),
                secret: Some(Secret::new("c4nary")),
                raw: r#"{"device_id":"new-1"}"#.into(),
            })))
        }
        _ => None,
    });
    stage.profiles = vec![meter("home")];
    stage
}

const REGISTER: [&str; 4] = ["device-register", "new-1", "--product", "p"];

fn is_saved(stage: &Stage) -> bool {
    stage.deeds.iter().any(|deed| matches!(deed, Deed::Save(_)))
}

#[test]
fn a_state_is_printed_as_it_was_sent() {
    let mut stage = Stage::home().answering(|request| match request {
        Request::Devices { .. } => Some(Ok(Reply::Devices(Vec::new()))),
        Request::Relay(RelayRequest::States(_)) => {
            let state = |updated, payload| StateVersion {
                updated,
                payload: Bytes::from_static(payload),
            };
            let at = Some(super::stage::START);
            let states = vec![state(at, b"{, no json"), state(None, b"7")];
            Some(Ok(Reply::Relay(RelayReply::States(states))))
        }
        _ => None,
    });
    stage.profiles = vec![plant("home")];
    assert_eq!(stage.run(&["state", "sensor-1", "--versions"]), Exit::Done);
    assert_eq!(
        stage.printed(),
        [
            r#"{"updated":"2025-11-20T20:41:22.000000Z","text":"{, no json"}"#,
            r#"{"payload":7}"#,
        ]
    );
}

#[test]
fn a_device_says_its_attributes_once() {
    let mut stage = Stage::home().answering(|request| match request {
        Request::Devices { .. } => {
            let mut device = device("d", "D", "T", Presence::Online);
            device.attributes = vec![("room".to_owned(), "hall".to_owned())];
            Some(Ok(Reply::Devices(vec![device])))
        }
        _ => None,
    });
    assert_eq!(stage.run(&["devices", "--json"]), Exit::Done);
    assert_eq!(
        stage.printed(),
        [
            r#"{"id":"d","name":"D","type":"T","model":"M1","reportable":true,"attributes":{"room":"hall"},"online":true}"#
        ]
    );
}

#[test]
fn a_reader_that_goes_away_costs_no_secret_of_a_registered_device() {
    let mut stage = registering();
    stage.room = 0;
    assert_eq!(stage.run(&REGISTER), Exit::Done);
    assert!(is_saved(&stage));
    assert!(!stage.talk().contains("c4nary"), "{}", stage.talk());
}

#[test]
fn a_secret_that_could_not_be_kept_is_said_with_the_device() {
    let mut stage = registering();
    stage.unsaved = Some(problem("the disk is full", Exit::Failed));
    assert_eq!(stage.run(&REGISTER), Exit::Failed);
    assert_eq!(stage.printed(), [r#"{"device_id":"new-1"}"#]);
    let talk = stage.talk();
    assert!(talk.contains("its secret is not kept"), "{talk}");
    assert!(!talk.contains("c4nary"), "{talk}");
}
