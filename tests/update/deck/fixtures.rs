//! A household of LG appliances, and what its platform says of them.

use serde_json::{Value, json};
use thingdeck::app::event::Size;
use thingdeck::app::{ProfileSummary, Setup};
use thingdeck::base::moment::{Moment, Timestamp};
use thingdeck::base::problem::Problem;
use thingdeck::domain::capability::Capabilities;
use thingdeck::domain::device::{Device, DeviceId, Presence};
use thingdeck::domain::message::Qos;
use thingdeck::domain::model::{Domain, Model, Property};
use thingdeck::domain::profile::PlatformId;
use thingdeck::domain::request::PropertyPath;
use thingdeck::domain::subscription::FilterWish;
use thingdeck::domain::topic::TopicFilter;

use super::START;

pub fn thinq() -> Capabilities {
    Capabilities {
        push: Some("push"),
        event: Some("event"),
        state: true,
        control: true,
        energy: true,
        nobody: Capabilities::THINQ.nobody,
        ..Capabilities::NONE
    }
}

pub fn profile(name: &str) -> ProfileSummary {
    ProfileSummary {
        capabilities: thinq(),
        ..ProfileSummary::new(name, PlatformId::Thinq, "token: env THINQ_PAT")
    }
}

pub fn wish(filter: &str, qos: u8) -> FilterWish {
    let filter = TopicFilter::parse(filter).expect("a filter");
    FilterWish::new(filter, Qos::from_number(qos).expect("a QoS"))
}

pub fn setup() -> Setup {
    let size = Size {
        width: 120,
        height: 40,
    };
    Setup {
        at: Moment {
            wall: Timestamp::from_seconds(START),
            ..Moment::default()
        },
        ..Setup::new(size, vec![profile("home"), profile("cabin")])
    }
}

pub fn device(id: &str, name: &str, kind: &str) -> Device {
    Device {
        id: DeviceId::new(id),
        name: name.to_owned(),
        kind: format!("DEVICE_{kind}"),
        model: format!("{kind}_01"),
        reportable: true,
        group: None,
        presence: Presence::Unknown,
        attributes: Vec::new(),
    }
}

/// In the order in which the screen has them.
pub fn household() -> Vec<Device> {
    vec![
        device("d-dryer", "Dryer", "DRYER"),
        device("d-hood", "Hood", "HOOD"),
        device("d-washer", "Washer", "WASHER"),
        device("d-air", "거실 에어컨", "AIR_CONDITIONER"),
    ]
}

pub fn path(text: &str) -> PropertyPath {
    let parts: Vec<_> = text.split('.').collect();
    let (place, resource, property) = match parts.as_slice() {
        [place, resource, property] => (Some((*place).to_owned()), resource, property),
        [resource, property] => (None, resource, property),
        _ => panic!("{text} is no path"),
    };
    PropertyPath {
        place,
        resource: (*resource).to_owned(),
        property: (*property).to_owned(),
    }
}

fn words(list: &[&str]) -> Domain {
    Domain::Words(list.iter().map(|w| (*w).to_owned()).collect())
}

fn property(at: &str, read: Domain, write: Option<Domain>, unit: &str) -> Property {
    Property {
        path: path(at),
        readable: true,
        read,
        write,
        unit: unit.to_owned(),
        together: Vec::new(),
    }
}

/// An air conditioner: a switch, a temperature in halves, a timer whose parts go together, START that reads ON.
pub fn air_conditioner() -> Model {
    let degrees = Domain::Range {
        min: 18.into(),
        max: 30.into(),
        step: serde_json::Number::from_f64(0.5).expect("a number"),
        except: Vec::new(),
    };
    let power = words(&["POWER_ON", "POWER_OFF"]);
    let mut hour = property(
        "timer.relativeHourToStop",
        Domain::Number,
        Some(Domain::Number),
        "",
    );
    hour.together = vec![path("timer.relativeMinuteToStop")];
    let mut minute = property(
        "timer.relativeMinuteToStop",
        Domain::Number,
        Some(Domain::Number),
        "",
    );
    minute.together = vec![path("timer.relativeHourToStop")];
    Model {
        properties: vec![
            property(
                "operation.airConOperationMode",
                power.clone(),
                Some(power),
                "",
            ),
            property(
                "operation.airCleanOperationMode",
                words(&["ON", "OFF"]),
                Some(words(&["START", "STOP"])),
                "",
            ),
            property("temperature.currentTemperature", Domain::Number, None, "C"),
            property(
                "temperature.targetTemperature",
                Domain::Number,
                Some(degrees),
                "C",
            ),
            hour,
            minute,
            property("filterInfo.usedTime", Domain::Number, None, "h"),
        ],
        ..Model::default()
    }
}

pub fn air_state() -> Value {
    json!({
        "operation": {"airConOperationMode": "POWER_OFF"},
        "temperature": {"currentTemperature": 27, "targetTemperature": 24.5, "unit": "C"},
        "timer": {"relativeHourToStop": null, "relativeMinuteToStop": null},
    })
}

pub fn refusal(code: &str, words: &str) -> Problem {
    Problem::new(
        "the platform refused",
        format!("LG answered {code}: {words}"),
        "see the app",
    )
}
