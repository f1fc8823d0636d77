//! `provision`: steps on stderr, one line on stdout, and no secret in either.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use thingdeck::base::problem::{Exit, Problem, Retry};
use thingdeck::base::secret::Secret;
use thingdeck::domain::fact::{Fact, Progress, Step, StepState};
use thingdeck::domain::profile::{AwsSettings, Common, Profile, Settings};
use thingdeck::domain::provision::{NewThing, ProvisionRequest, Provisioned};
use thingdeck::domain::request::{Reply, Request};
use thingdeck::domain::session::{LinkState, SessionEvent};
use thingdeck::headless::console::{Console as _, Heard};

use crate::stage::{Deed, Stage, connected};

const CANARY: &str = "c4nary";

fn claim(name: &str) -> Profile {
    let endpoint = "xxxx-ats.iot.eu-north-1.amazonaws.com";
    Profile {
        name: name.to_owned(),
        settings: Settings::Aws(AwsSettings::new(endpoint.to_owned())),
        common: Common::default(),
        simulated: false,
    }
}

fn lamp() -> Provisioned {
    Provisioned {
        thing: "lamp-1".to_owned(),
        certificate_id: "ab".repeat(32),
        certificate: "PEM".to_owned(),
        key: Secret::new(CANARY),
        configuration: Some(Arc::new(json!({"site": "north\u{202e}"}))),
    }
}

fn aws() -> Stage {
    let mut stage = Stage::home().streaming([connected()]);
    stage.profiles = vec![claim("claim"), claim("lamp-9")];
    stage.answering(|request| match request {
        Request::Provision(what) => Some(Ok(match **what {
            ProvisionRequest::Begin(_) => Reply::Provisioned(Box::new(lamp())),
            ProvisionRequest::Saved => Reply::Kept,
        })),
        _ => None,
    })
}

fn step(stage: &Stage, name: &'static str, minutes: u64) -> Heard {
    let until = (minutes > 0).then(|| stage.now().wall.plus(Duration::from_mins(minutes)));
    let step = Step {
        name,
        text: "says something".to_owned(),
        state: StepState::Done,
    };
    Heard::Fact(Fact::Progress(Progress { step, until }))
}

#[test]
fn one_line_tells_what_came_of_it_and_nothing_secret_is_printed() {
    let mut stage = aws();
    stage.on_the_way = [step(&stage, "certificate", 60)].into();
    let exit = stage.run(&["provision", "--template", "Fleet", "--param", "Serial=1=2"]);
    assert_eq!(exit, Exit::Done, "{}", stage.talk());
    let [line] = stage.printed()[..] else {
        panic!("{:?}", stage.printed())
    };
    let read: Value = serde_json::from_str(line).expect("JSON");
    assert_eq!(
        read,
        json!({
            "thing": "lamp-1",
            "certificateId": "ab".repeat(32),
            "profile": "lamp-1",
            "files": {"certificate": "data/lamp-1/certificate.pem", "key": "data/lamp-1/private.key"},
            "connected": true,
            "deviceConfiguration": {"site": "north\u{202e}"},
        })
    );
    assert!(!line.contains('\u{202e}'), "{line}");
    assert!(stage.talk().contains("[ok] certificate: says something"));
    assert!(!format!("{}{line}", stage.talk()).contains(CANARY));
}

#[test]
fn the_thing_is_saved_before_what_was_kept_is_deleted_and_tried_after_that() {
    let mut stage = aws();
    let line = [
        "provision",
        "--template",
        "Fleet",
        "--csr",
        "--save-as",
        "lamp",
    ];
    assert_eq!(stage.run(&line), Exit::Done);
    let asked = NewThing::new("Fleet", Vec::new(), true).expect("a new thing");
    let deeds: Vec<_> = stage
        .deeds
        .iter()
        .filter_map(|deed| match deed {
            Deed::Ask(Request::Provision(what)) => Some(format!("{what:?}")),
            Deed::SaveThing(new) => Some(format!("save {} as {:?}", new.thing.thing, new.name)),
            Deed::Try(name) => Some(format!("try {name}")),
            _ => None,
        })
        .collect();
    assert_eq!(
        deeds,
        [
            format!("{:?}", ProvisionRequest::Begin(asked)),
            "save lamp-1 as Some(\"lamp\")".to_owned(),
            "Saved".to_owned(),
            "try lamp".to_owned(),
        ]
    );
}

#[test]
fn a_profile_is_not_overwritten_unless_that_is_wanted() {
    let line = ["provision", "--template", "Fleet", "--save-as", "lamp-9"];
    let mut stage = aws();
    assert_eq!(stage.run(&line), Exit::Usage);
    assert!(stage.asked().is_empty(), "nothing is made for it");
    assert!(stage.talk().contains("--replace"), "{}", stage.talk());
    let mut stage = aws();
    assert_eq!(stage.run(&[&line[..], &["--replace"]].concat()), Exit::Done);
}

#[test]
fn a_thing_that_may_not_connect_is_told_after_its_line() {
    let mut stage = aws();
    let why = Problem::new("could not connect", "closed", "look at its policy").exit(Exit::Refused);
    stage.refusal = Some(why);
    assert_eq!(
        stage.run(&["provision", "--template", "Fleet"]),
        Exit::Refused
    );
    assert!(stage.printed()[0].contains("\"connected\":false"));
    assert!(
        stage
            .talk()
            .contains("registered and saved as profile \"lamp-1\", but"),
        "{}",
        stage.talk()
    );
    let mut stage = aws();
    let line = ["provision", "--template", "Fleet", "--no-check"];
    assert_eq!(stage.run(&line), Exit::Done);
    assert!(!stage.printed()[0].contains("connected"));
}

#[test]
fn a_rejection_ends_with_its_exit_code_and_saves_nothing() {
    let mut stage = aws().answering(|request| match request {
        Request::Provision(_) => {
            let problem = Problem::new("AWS registered no thing", "AWS answered 403", "the hook");
            Some(Err(problem.exit(Exit::Refused)))
        }
        _ => None,
    });
    assert_eq!(
        stage.run(&["provision", "--template", "Fleet"]),
        Exit::Refused
    );
    assert!(stage.printed().is_empty());
    assert!(
        !stage
            .deeds
            .iter()
            .any(|deed| matches!(deed, Deed::SaveThing(_)))
    );
}

#[test]
fn an_interrupt_tells_which_certificate_waits() {
    let mut stage = aws();
    stage.on_the_way = [step(&stage, "certificate", 59), Heard::Interrupt].into();
    assert_eq!(
        stage.run(&["provision", "--template", "Fleet"]),
        Exit::Interrupted
    );
    assert!(
        stage
            .talk()
            .contains("waits here for its registration for another 59 min"),
        "{}",
        stage.talk()
    );
}

#[test]
fn a_claim_that_is_refused_and_a_host_that_is_not_there_end_it() {
    let why = |exit| Problem::new("could not connect", "why", "").exit(exit);
    let refused = LinkState::Refused(why(Exit::Refused));
    let away = LinkState::Reconnecting {
        at: thingdeck::base::moment::Mono::default(),
        attempt: 1,
        why: why(Exit::Unreachable).retry(Retry::Backoff),
    };
    for (link, exit) in [(refused, Exit::Refused), (away, Exit::Unreachable)] {
        let mut stage = aws();
        stage.stream = [Heard::Session(SessionEvent::Link(link))].into();
        assert_eq!(stage.run(&["provision", "--template", "Fleet"]), exit);
    }
}

#[test]
fn other_platforms_have_no_such_thing() {
    let mut stage = Stage::lab(0);
    assert_eq!(
        stage.run(&["provision", "--template", "Fleet"]),
        Exit::Usage
    );
    assert!(
        stage.talk().contains("`provision` is not for profile"),
        "{}",
        stage.talk()
    );
}
