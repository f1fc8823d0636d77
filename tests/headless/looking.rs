//! `devices`, `state`, `profile`, `control`.

use thingdeck::base::problem::Exit;
use thingdeck::base::text::{is_unsafe, width};
use thingdeck::domain::fact::{Budget, Fact, Step, StepState};
use thingdeck::domain::request::{Reply, Request};
use thingdeck::headless::console::Heard;

use super::stage::{Deed, START, Stage, problem, state};

#[test]
fn devices_stand_in_straight_columns_and_nothing_hostile_gets_out() {
    let mut stage = Stage::home();
    assert_eq!(stage.run(&["devices"]), Exit::Done);
    assert_eq!(
        stage.printed(),
        [
            "NAME               TYPE             MODEL  ONLINE  ID",
            "거실 에어컨        air conditioner  M1     yes     aaa111",
            "Washer             washer           M1     ?       aab222",
            "Evil\\e[2J\\u{202e}  new thing        M1     no      ccc333",
            "ddd444             dish washer      M1     ?       ddd444",
        ]
    );
    let starts: Vec<_> = stage.printed().iter().map(|line| width(line) - 6).collect();
    assert!(
        starts[1..].iter().all(|start| *start == starts[1]),
        "{starts:?}"
    );
}

#[test]
fn devices_as_json_are_one_object_a_line() {
    let mut stage = Stage::home();
    assert_eq!(stage.run(&["devices", "--json"]), Exit::Done);
    let lines = stage.printed();
    assert_eq!(
        lines[0],
        r#"{"id":"aaa111","name":"거실 에어컨","type":"DEVICE_AIR_CONDITIONER","model":"M1","reportable":true,"online":true}"#
    );
    assert_eq!(
        lines[1],
        r#"{"id":"aab222","name":"Washer","type":"DEVICE_WASHER","model":"M1","reportable":true}"#
    );
    for line in lines {
        let value: serde_json::Value = serde_json::from_str(line).expect("JSON");
        assert!(value["id"].is_string());
        assert!(!line.chars().any(is_unsafe), "{line}");
    }
}

#[test]
fn an_empty_home_is_said_on_stderr() {
    let mut stage = Stage::home().answering(|_| Some(Ok(Reply::Devices(Vec::new()))));
    assert_eq!(stage.run(&["devices"]), Exit::Done);
    assert_eq!(stage.printed(), Vec::<&str>::new());
    assert!(stage.talk().starts_with("no devices"), "{}", stage.talk());
}

#[test]
fn each_step_of_the_sign_in_is_told_on_stderr_as_it_happens() {
    let mut stage = Stage::home();
    let step = |name, text: &str, state| {
        Heard::Fact(Fact::Step(Step {
            name,
            text: text.to_owned(),
            state,
        }))
    };
    let rest = Heard::Fact(Fact::Budget(Budget {
        calls_this_hour: 9,
        resting_until: Some(START.plus(std::time::Duration::from_secs(40))),
    }));
    stage.on_the_way = [
        step("client", "registering", StepState::Running),
        step("client", "registered as x", StepState::Done),
        step("certificate", "valid\u{1b}[2J", StepState::Kept),
        rest.clone(),
        rest,
    ]
    .into();
    assert_eq!(stage.run(&["devices", "--json"]), Exit::Done);
    assert_eq!(
        stage.said,
        [
            "[..] client: registering",
            "[ok] client: registered as x",
            "[--] certificate: valid\\e[2J",
            "the call limit is reached: calls go on in 40 s",
        ]
    );
    assert_eq!(stage.printed().len(), 4, "none of it is on stdout");
}

#[test]
fn every_failure_ends_with_its_code_and_its_words() {
    for (exit, words) in [
        (Exit::Failed, "exit 1   failed while running"),
        (Exit::Usage, "exit 2   wrong usage or configuration"),
        (Exit::Refused, "exit 3   refused"),
        (Exit::NotFound, "exit 4   not found"),
        (Exit::Unreachable, "exit 6   could not reach the host"),
    ] {
        let mut stage =
            Stage::home().answering(move |_| Some(Err(problem("LG said\u{1b}[31m no\nway", exit))));
        assert_eq!(stage.run(&["devices"]), exit);
        assert_eq!(
            stage.talk(),
            format!(
                "could not do it\n  because  LG said\\e[31m no\\nway\n  try      do something\n  {words}"
            )
        );
    }
}

#[test]
fn without_a_profile_nothing_is_asked() {
    let mut stage = Stage::home();
    stage.no_profile = Some(problem("there is no profile", Exit::Usage));
    assert_eq!(stage.run(&["devices"]), Exit::Usage);
    assert_eq!(stage.deeds, [Deed::Close]);
}

#[test]
fn an_interrupt_before_the_answer_ends_with_130() {
    let mut stage = Stage::home();
    stage.on_the_way = [Heard::Interrupt].into();
    assert_eq!(stage.run(&["devices"]), Exit::Interrupted);
    assert_eq!(stage.talk(), "interrupted");
    assert_eq!(stage.deeds.last(), Some(&Deed::Close));
}

#[test]
fn a_closed_pipe_ends_quietly() {
    let mut stage = Stage::home();
    stage.room = 2;
    assert_eq!(stage.run(&["devices"]), Exit::Done);
    assert_eq!(stage.printed().len(), 2);
    assert_eq!(stage.talk(), "");
}

#[test]
fn a_device_is_found_by_id_beginning_or_alias() {
    for wanted in ["aab222", "aab", "Washer", "washer"] {
        let mut stage = Stage::home();
        assert_eq!(
            stage.run(&["state", wanted]),
            Exit::Done,
            "{wanted}: {}",
            stage.talk()
        );
        let Some(Request::State { device }) = stage.asked().last().copied() else {
            panic!("{:?}", stage.asked())
        };
        assert_eq!(device.as_str(), "aab222");
    }
}

#[test]
fn a_device_that_is_not_there_or_not_the_only_one_is_explained() {
    let mut stage = Stage::home();
    assert_eq!(stage.run(&["state", "fridge"]), Exit::NotFound);
    assert!(
        stage.talk().contains("no device is called \"fridge\""),
        "{}",
        stage.talk()
    );
    let mut stage = Stage::home();
    assert_eq!(stage.run(&["state", "aa"]), Exit::Usage);
    assert!(
        stage
            .talk()
            .contains("거실 에어컨 (aaa111), Washer (aab222)"),
        "{}",
        stage.talk()
    );
}

#[test]
fn state_and_profile_are_the_platforms_own_json() {
    let mut stage = Stage::home();
    assert_eq!(stage.run(&["state", "washer"]), Exit::Done);
    let text = stage.printed().join("\n");
    assert!(!text.contains('\u{202e}'));
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&text).expect("JSON"),
        state()
    );
    assert_eq!(
        stage.printed()[1],
        "  \"runState\": {",
        "for people, on several lines"
    );
    let mut stage = Stage::home();
    assert_eq!(stage.run(&["profile", "washer"]), Exit::Done);
    assert!(stage.printed().join("").contains("airConOperationMode"));
}

#[test]
fn control_checks_and_sends_what_was_typed() {
    let mut stage = Stage::home();
    let line = [
        "control",
        "거실 에어컨",
        "operation.airConOperationMode=power_on",
        "targetTemperature=21.5",
    ];
    assert_eq!(stage.run(&line), Exit::Done, "{}", stage.talk());
    let Some(Request::Control {
        settings,
        dry_run: false,
        ..
    }) = stage.asked().last().copied()
    else {
        panic!("{:?}", stage.asked())
    };
    let set: Vec<String> = settings
        .iter()
        .map(|s| format!("{}={}", s.path, s.value))
        .collect();
    assert_eq!(
        set,
        [
            "operation.airConOperationMode=\"POWER_ON\"",
            "temperature.targetTemperature=21.5"
        ]
    );
    assert!(
        stage.talk().starts_with("sent to 거실 에어컨 (aaa111): {"),
        "{}",
        stage.talk()
    );
    assert_eq!(stage.printed(), Vec::<&str>::new());
}

#[test]
fn a_dry_run_prints_the_body_and_sends_nothing() {
    let mut stage = Stage::home();
    assert_eq!(
        stage.run(&["control", "aaa", "FREEZER.door.target=19", "--dry-run"]),
        Exit::Done
    );
    assert_eq!(stage.printed(), [r#"{"FREEZER.door.target": 19}"#]);
    assert!(matches!(
        stage.asked().last(),
        Some(Request::Control { dry_run: true, .. })
    ));
}

#[test]
fn a_property_that_cannot_be_set_is_refused_before_anything_is_sent() {
    let cases = [
        (
            "targetTemperature=31",
            "31 is not allowed; allowed: 18 to 30 in steps of 0.5",
        ),
        ("targetTemperature=warm", "\"warm\" is not a number"),
        ("airConOperationMode=START", "POWER_ON, POWER_OFF"),
        ("currentTemperature=20", "can only be read"),
        (
            "target=20",
            "it could be any of: FREEZER.door.target, FRIDGE.door.target",
        ),
        ("door.target=20", "it could be any of"),
        ("targetTemprature=20", "did you mean targetTemperature?"),
        ("x.y.z=20", "what can be set: operation.airConOperationMode"),
    ];
    for (typed, said) in cases {
        let mut stage = Stage::home();
        assert_eq!(
            stage.run(&["control", "aaa111", typed]),
            Exit::Usage,
            "{typed}"
        );
        assert!(stage.talk().contains(said), "{typed}: {}", stage.talk());
        let sent = stage
            .asked()
            .iter()
            .any(|r| matches!(r, Request::Control { .. }));
        assert!(!sent, "{typed}");
    }
}

#[test]
fn an_appliance_that_refuses_is_quoted() {
    let mut stage = Stage::home().answering(|request| {
        matches!(request, Request::Control { .. }).then(|| {
            Err(problem(
                "LG answered 2301: remote control is off",
                Exit::Failed,
            ))
        })
    });
    assert_eq!(
        stage.run(&["control", "aaa111", "targetTemperature=20"]),
        Exit::Failed
    );
    assert!(stage.talk().contains("2301"), "{}", stage.talk());
}
