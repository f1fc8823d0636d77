//! `profile-list`, `profile-add`, `profile-remove`.

use thingdeck::base::problem::Exit;
use thingdeck::base::secret::Secret;
use thingdeck::domain::profile::{
    Common, MqttSettings, Profile, SecretRef, Settings, ThinqSettings, Version,
};
use thingdeck::domain::request::{Reply, Request};
use thingdeck::headless::console::{Answer, Heard, NewEntry};

use super::stage::{Deed, Stage, broker, problem, profile, wish};

#[test]
fn profiles_are_listed_with_the_place_of_their_token() {
    let mut stage = Stage::home();
    stage.profiles.push(profile("work"));
    stage.profiles.push(broker("lab", |settings| {
        settings.password = Some(SecretRef::Env("LAB_PW".to_owned()));
    }));
    assert_eq!(stage.run(&["profile-list"]), Exit::Done);
    assert_eq!(
        stage.printed(),
        [
            "NAME  PLATFORM  WHERE             SECRET         DEFAULT",
            "home  thinq     KR                env THINQ_PAT  yes",
            "work  thinq     KR                env THINQ_PAT",
            "lab   mqtt      mqtt://127.0.0.1  env LAB_PW",
        ]
    );
    let mut stage = Stage::home();
    assert_eq!(stage.run(&["profile-list", "--json"]), Exit::Done);
    assert_eq!(
        stage.printed(),
        [
            r#"{"name":"home","platform":"thinq","country":"KR","token":"env THINQ_PAT","default":true}"#
        ]
    );
    assert_eq!(stage.asked(), Vec::<&Request>::new(), "nobody is asked");
    stage.profiles = vec![broker("lab", |settings| {
        settings.password = Some(SecretRef::Plain(Secret::new("c4nary")));
    })];
    assert_eq!(stage.run(&["profile-list", "--json"]), Exit::Done);
    let line = stage.printed()[1];
    assert_eq!(
        line,
        r#"{"name":"lab","platform":"mqtt","url":"mqtt://127.0.0.1","password":"in the config file, in clear","default":false}"#
    );
}

#[test]
fn a_list_of_profiles_does_not_show_the_credential_in_a_query() {
    for line in [&["profile-list"] as &[&str], &["profile-list", "--json"]] {
        let mut stage = Stage::home();
        stage.profiles = vec![broker("lab", |settings| {
            settings.url = "wss://h/mqtt?X-Token=c4nary".to_owned();
        })];
        assert_eq!(stage.run(line), Exit::Done);
        let printed = stage.printed().join("\n");
        assert!(printed.contains("wss://h/mqtt?…"), "{printed}");
        assert!(!printed.contains("c4nary"), "{printed}");
    }
}

const ADD: [&str; 5] = ["profile-add", "--name", "new", "--country", "de"];

fn entry(token: SecretRef) -> Box<NewEntry> {
    Box::new(NewEntry {
        profile: Profile {
            name: "new".to_owned(),
            settings: Settings::Thinq(ThinqSettings::new("DE".to_owned(), token)),
            common: Common::default(),
            simulated: false,
        },
        make_default: false,
        replace: false,
    })
}

#[test]
fn a_new_profile_is_tried_and_then_saved() {
    let mut stage = Stage::home();
    stage.stdin = "thinqpat_c4nary\n".to_owned();
    assert_eq!(
        stage.run(&[&ADD[..], &["--token-stdin"]].concat()),
        Exit::Done
    );
    assert_eq!(
        stage.deeds,
        [
            Deed::Choose("new".to_owned()),
            Deed::Ask(Request::Probe),
            Deed::Save(entry(SecretRef::Plain(Secret::new("thinqpat_c4nary")))),
            Deed::Close,
        ]
    );
    assert_eq!(stage.talk(), "the token works: 4 devices\nsaved");
    assert!(!format!("{:?}", stage.deeds).contains("c4nary"));
}

#[test]
fn a_token_that_does_not_work_is_not_saved_unless_told() {
    let failing =
        || Stage::home().answering(|_| Some(Err(problem("LG answered 1302", Exit::Refused))));
    let line = [&ADD[..], &["--token-env", "PAT"]].concat();
    let mut stage = failing();
    assert_eq!(stage.run(&line), Exit::Refused);
    assert!(!stage.deeds.iter().any(|deed| matches!(deed, Deed::Save(_))));
    let mut stage = failing();
    assert_eq!(
        stage.run(&[&line[..], &["--no-check"]].concat()),
        Exit::Done
    );
    assert_eq!(
        stage.deeds,
        [
            Deed::Save(entry(SecretRef::Env("PAT".to_owned()))),
            Deed::Close
        ]
    );
}

#[test]
fn a_name_that_is_taken_is_not_tried_at_all() {
    let mut stage = Stage::home();
    let line = [
        "profile-add",
        "--name",
        "home",
        "--country",
        "KR",
        "--token-env",
        "X",
    ];
    assert_eq!(stage.run(&line), Exit::Usage);
    assert_eq!(stage.deeds, [Deed::Close]);
    let mut stage = Stage::home();
    assert_eq!(stage.run(&[&line[..], &["--replace"]].concat()), Exit::Done);
}

#[test]
fn removing_asks_signs_out_and_deletes_in_that_order() {
    let mut stage = Stage::home();
    assert_eq!(stage.run(&["profile-remove", "home"]), Exit::Done);
    assert!(
        matches!(&stage.deeds[0], Deed::Confirm(question) if question.starts_with("Remove profile \"home\"?"))
    );
    assert_eq!(
        stage.deeds[1..],
        [
            Deed::Choose("home".to_owned()),
            Deed::Ask(Request::SignOut),
            Deed::Remove("home".to_owned()),
            Deed::Close
        ]
    );
}

#[test]
fn without_a_yes_nothing_is_removed() {
    for (answer, exit) in [
        (Answer::No, Exit::Failed),
        (Answer::Nobody, Exit::Usage),
        (Answer::Interrupted, Exit::Interrupted),
    ] {
        let mut stage = Stage::home();
        stage.answer = answer;
        assert_eq!(stage.run(&["profile-remove", "home"]), exit);
        assert_eq!(stage.deeds.len(), 2, "asked and closed: {:?}", stage.deeds);
    }
    let mut told = Stage::home();
    told.answer = Answer::No;
    assert_eq!(told.run(&["profile-remove", "home", "--yes"]), Exit::Done);
}

#[test]
fn what_could_not_be_undone_is_named() {
    let mut stage = Stage::home().answering(|_| {
        Some(Ok(Reply::SignedOut {
            left: vec!["event of 거실 에어컨: 1222".to_owned()],
        }))
    });
    stage.left = vec!["the token file".to_owned()];
    assert_eq!(
        stage.run(&["profile-remove", "home", "--yes"]),
        Exit::Failed
    );
    assert!(
        stage
            .said
            .contains(&"could not be undone: event of 거실 에어컨: 1222".to_owned()),
        "{}",
        stage.talk()
    );
    assert!(
        stage
            .said
            .contains(&"could not be undone: the token file".to_owned()),
        "{}",
        stage.talk()
    );
}

#[test]
fn a_dead_token_does_not_keep_a_profile_alive() {
    let mut stage =
        Stage::home().answering(|_| Some(Err(problem("LG answered 1302", Exit::Refused))));
    assert_eq!(
        stage.run(&["profile-remove", "home", "--yes"]),
        Exit::Failed
    );
    assert!(stage.deeds.contains(&Deed::Remove("home".to_owned())));
    assert!(stage.talk().contains("1302"), "{}", stage.talk());
    assert!(
        stage
            .talk()
            .contains("could not be undone: the subscriptions"),
        "{}",
        stage.talk()
    );
}

#[test]
fn an_interrupt_during_the_sign_out_removes_nothing() {
    let mut stage = Stage::home();
    stage.on_the_way = [Heard::Interrupt].into();
    assert_eq!(
        stage.run(&["profile-remove", "home", "--yes"]),
        Exit::Interrupted
    );
    assert!(!stage.deeds.contains(&Deed::Remove("home".to_owned())));
}

#[test]
fn a_profile_that_is_not_there_is_not_found() {
    let mut stage = Stage::home();
    assert_eq!(stage.run(&["profile-remove", "hom"]), Exit::NotFound);
    assert!(
        stage.talk().contains("the profiles are: home"),
        "{}",
        stage.talk()
    );
}

#[test]
fn a_broker_is_tried_and_saved_with_its_password_out_of_sight() {
    let mut stage = Stage::home();
    stage.stdin = "c4nary\n".to_owned();
    let line = [
        "profile-add",
        "--name",
        "lab",
        "--platform",
        "mqtt",
        "--url",
        "mqtts://h",
        "--mqtt-version",
        "5",
        "--username",
        "me",
        "--password-stdin",
        "--client-id",
        "deck 1",
        "--topic",
        "a/#",
        "--topic",
        "b",
        "--ca-file",
        "ca.pem",
    ];
    assert_eq!(stage.run(&line), Exit::Done);
    let expected = Profile {
        name: "lab".to_owned(),
        settings: Settings::Mqtt(MqttSettings {
            version: Version::V5,
            username: Some("me".to_owned()),
            password: Some(SecretRef::Plain(Secret::new("c4nary"))),
            client_id: Some("deck 1".to_owned()),
            ..MqttSettings::new("mqtts://h".to_owned())
        }),
        common: Common {
            ca_file: Some("ca.pem".into()),
            topics: vec![wish("a/#"), wish("b")],
            ..Common::default()
        },
        simulated: false,
    };
    let entry = NewEntry {
        profile: expected,
        make_default: false,
        replace: false,
    };
    assert_eq!(
        stage.deeds,
        [
            Deed::Choose("lab".to_owned()),
            Deed::Ask(Request::Probe),
            Deed::Save(Box::new(entry)),
            Deed::Close,
        ]
    );
    assert_eq!(stage.talk(), "the broker lets us in\nsaved");
    assert!(!format!("{:?}", stage.deeds).contains("c4nary"));
}
