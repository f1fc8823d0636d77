//! The command line as people type it.

use std::collections::BTreeSet;
use std::time::Duration;

use clap::CommandFactory as _;

use super::verb::{
    Account, AddVerb, ControlVerb, Existing, FeedVerb, PayloadSource, Place, PublishVerb,
    SecretSource, Speed, TailVerb, Target,
};
use super::*;
use crate::domain::message::Qos;
use crate::domain::profile::SecretRef;
use crate::domain::subscription::Feed;

fn read_with(line: &[&str], variables: &[(&str, &str)]) -> Result<Options, Declined> {
    let arguments = std::iter::once("thingdeck").chain(line.iter().copied());
    let environment = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), OsString::from(value)))
        .collect();
    Options::read(arguments.map(OsString::from), environment)
}

fn command(line: &[&str]) -> Command {
    read_with(line, &[])
        .unwrap_or_else(|declined| panic!("{line:?}: {declined}"))
        .command
}

fn verb(line: &[&str]) -> Verb {
    match command(line) {
        Command::Verb(verb) => verb,
        other => panic!("{other:?}"),
    }
}

#[test]
fn recordings_are_made_and_replayed_as_documented() {
    let Verb::Record(record) = verb(&["record", "a.zst", "a/#", "--for", "5s", "--append"]) else {
        panic!("another verb");
    };
    assert_eq!(record.to, Place::File("a.zst".into()));
    assert_eq!(record.existing, Existing::Append);
    assert_eq!(record.tail.filters.len(), 1);
    assert_eq!(record.tail.within, Some(Duration::from_secs(5)));
    let replay = |line: &[&str]| match verb(&[&["replay"], line].concat()) {
        Verb::Replay(replay) => replay,
        other => panic!("{other:?}"),
    };
    let whole = replay(&["-"]);
    assert_eq!(
        (whole.from, whole.speed),
        (Place::Standard, Speed::Times(1.0))
    );
    assert!(whole.prefix.is_empty() && !whole.sent && !whole.dry_run);
    for (text, speed) in [
        ("2", Speed::Times(2.0)),
        ("0.5x", Speed::Times(0.5)),
        ("0", Speed::Max),
        ("max", Speed::Max),
    ] {
        assert_eq!(replay(&["f", "--speed", text]).speed, speed, "{text}");
    }
    for line in [
        &["replay", "f", "--speed", "-1"][..],
        &["replay", "f", "--speed", "inf"],
        &["replay", "f", "--prefix", "a/#/"],
        &["record", "f", "--append", "--force"],
        &["record"],
    ] {
        assert!(read_with(line, &[]).is_err(), "{line:?}");
    }
}

#[test]
fn the_definitions_are_sound() {
    args::Args::command().debug_assert();
}

#[test]
fn every_command_is_understood_as_it_is_documented() {
    assert_eq!(command(&[]), Command::Dashboard);
    assert_eq!(command(&["demo"]), Command::Demo(PlatformId::Thinq));
    assert_eq!(
        command(&["demo", "thinq"]),
        Command::Demo(PlatformId::Thinq)
    );
    assert_eq!(command(&["demo", "mqtt"]), Command::Demo(PlatformId::Mqtt));
    assert_eq!(command(&["man"]), Command::Man);
    assert_eq!(command(&["info", "--json"]), Command::Info { json: true });
    assert_eq!(
        command(&["completions", "zsh"]),
        Command::Completions(clap_complete::Shell::Zsh)
    );
    assert_eq!(
        command(&["picture", "x.svg", "--size", "80x24"]),
        Command::Picture {
            file: "x.svg".into(),
            width: 80,
            height: 24
        }
    );
    assert_eq!(verb(&["devices", "--json"]), Verb::Devices { json: true });
    assert_eq!(
        verb(&["subs"]),
        Verb::Subs {
            json: false,
            no_connect: false
        }
    );
    assert_eq!(
        verb(&["state", "x"]),
        Verb::State {
            versions: false,
            device: "x".to_owned()
        }
    );
    assert_eq!(
        verb(&["profile", "x"]),
        Verb::Profile {
            device: "x".to_owned()
        }
    );
    assert_eq!(verb(&["profile-list"]), Verb::ProfileList { json: false });
    assert_eq!(
        verb(&["profile-remove", "home", "--yes"]),
        Verb::ProfileRemove {
            name: "home".to_owned(),
            yes: true
        }
    );
    assert_eq!(
        verb(&["control", "x", "a.b=c=d", "e=1", "--dry-run"]),
        Verb::Control(ControlVerb {
            device: "x".to_owned(),
            settings: vec!["a.b=c=d".to_owned(), "e=1".to_owned()],
            dry_run: true
        })
    );
}

#[test]
fn the_simulator_takes_any_free_port_unless_told() {
    let Command::Sim(plain) = command(&["sim"]) else {
        panic!("sim")
    };
    assert_eq!(
        (plain.api_port, plain.mqtt_port, plain.wss_port, plain.seed),
        (0, 0, 0, None)
    );
    let all = [
        "sim",
        "thinq",
        "--dir",
        "d",
        "--api-port",
        "1",
        "--mqtt-port",
        "2",
        "--wss-port",
        "3",
        "--devices",
        "1000",
        "--rate",
        "2.5",
        "--seed",
        "7",
    ];
    assert_eq!(
        command(&all),
        Command::Sim(SimOptions {
            platform: PlatformId::Thinq,
            dir: Some("d".into()),
            api_port: 1,
            mqtt_port: 2,
            wss_port: 3,
            devices: Some(1000),
            rate: Some(2.5),
            seed: Some(7),
        })
    );
}

#[test]
fn feeds_name_one_device_or_all() {
    let one = FeedVerb {
        feed: Feed::Event,
        on: true,
        target: Target::One("거실".to_owned()),
        hours: Some(3),
    };
    assert_eq!(
        verb(&["subscribe", "event", "거실", "--hours", "3"]),
        Verb::Feed(one)
    );
    let all = FeedVerb {
        feed: Feed::Push,
        on: false,
        target: Target::All,
        hours: None,
    };
    assert_eq!(verb(&["unsubscribe", "push", "--all"]), Verb::Feed(all));
}

#[test]
fn tail_takes_filters_bounds_and_a_condition() {
    let tail = TailVerb {
        filters: vec![FilterWish::new(
            crate::domain::topic::TopicFilter::parse("a/#").expect("a filter"),
            Qos::ExactlyOnce,
        )],
        count: Some(3),
        within: Some(Duration::from_secs(90)),
        condition: Some(
            crate::domain::expression::Expression::parse("-kind:push").expect("a condition"),
        ),
    };
    let line = [
        "tail",
        "a/#",
        "--count",
        "3",
        "--for",
        "1m30s",
        "--where",
        "-kind:push",
        "--qos",
        "2",
    ];
    assert_eq!(verb(&line), Verb::Tail(tail));
    assert_eq!(verb(&["tail"]), Verb::Tail(TailVerb::default()));
}

#[test]
fn a_profile_is_added_without_its_token_on_the_command_line() {
    let base = ["profile-add", "--name", "home", "--country", "kr"];
    let token = |more: &[&str]| match verb(&[&base[..], more].concat()) {
        Verb::ProfileAdd(AddVerb {
            account: Account::Thinq { country, token, .. },
            ..
        }) => {
            assert_eq!(country, "KR");
            token
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(
        token(&["--token-env", "PAT"]),
        SecretSource::At(SecretRef::Env("PAT".to_owned()))
    );
    assert_eq!(
        token(&["--token-file", "f"]),
        SecretSource::At(SecretRef::File("f".into()))
    );
    assert_eq!(token(&["--token-stdin"]), SecretSource::Stdin);
    assert!(read_with(&base, &[]).is_err(), "some token is needed");
    assert!(
        read_with(
            &[&base[..], &["--token-stdin", "--token-env", "X"]].concat(),
            &[]
        )
        .is_err()
    );
}

#[test]
fn a_broker_is_named_on_the_command_line_before_or_after_the_command() {
    let expected = Look {
        url: Secret::new("mqtt://me@h"),
        topics: ["a/#", "b"]
            .map(|text| {
                let filter = crate::domain::topic::TopicFilter::parse(text).expect("a filter");
                FilterWish::new(filter, Qos::AtLeastOnce)
            })
            .into(),
        ca_file: Some("ca.pem".into()),
        version: Version::V5,
    };
    let options = [
        "--url",
        "mqtt://me@h",
        "--topic",
        "a/#",
        "--topic",
        "b",
        "--ca-file",
        "ca.pem",
        "--mqtt-version",
        "5",
    ];
    let variables = [("THINGDECK_PROFILE", "other")];
    for line in [
        [&options[..], &["tail"]].concat(),
        [&["tail"], &options[..]].concat(),
        options.to_vec(),
    ] {
        let read = read_with(&line, &variables).expect("options");
        assert_eq!(read.look.as_ref(), Some(&expected), "{line:?}");
        assert_eq!(read.profile, None, "the variable does not name another");
        assert!(
            !format!("{read:?}").contains("me@h"),
            "it may hold a password"
        );
    }
    assert_eq!(read_with(&["tail"], &[]).expect("options").look, None);
}

#[test]
fn a_message_to_publish_is_read_as_it_is_typed() {
    let plain = PublishVerb {
        topic: crate::domain::topic::Topic::parse("a/b").expect("a topic"),
        payload: PayloadSource::Text("-x --qos".to_owned()),
        qos: Qos::AtLeastOnce,
        retain: false,
        repeat: None,
        every: None,
        expand: false,
        properties: crate::domain::message::Properties::default(),
    };
    assert_eq!(
        verb(&["publish", "a/b", "-x --qos"]),
        Verb::Publish(plain.clone())
    );
    let told = PublishVerb {
        payload: PayloadSource::Stdin,
        qos: Qos::AtMostOnce,
        retain: true,
        repeat: Some(2),
        every: Some(Duration::from_millis(500)),
        expand: true,
        ..plain
    };
    let line = [
        "publish", "a/b", "--stdin", "--qos", "0", "--retain", "--repeat", "2", "--every", "500ms",
        "--expand",
    ];
    assert_eq!(verb(&line), Verb::Publish(told));
}

#[test]
fn wrong_usage_leaves_with_2_and_says_what_is_right() {
    let cases = [
        (&["tail", "--for", "10"][..], "10s, 5m or 1h30m"),
        (
            &["tail", "--where", "kind:pusch"],
            "is no kind; the kinds are",
        ),
        (&["tail", "a/#/b"], "# may only be the last level"),
        (&["tail", "--qos", "3"], "QoS is 0, 1 or 2"),
        (&["tail", "--count", "0"], "0 is not in 1.."),
        (
            &["subscribe", "event", "x", "--hours", "25"],
            "25 is not in 1..=24",
        ),
        (
            &["subscribe", "push", "x", "--hours", "2"],
            "push has no end",
        ),
        (&["subscribe", "push"], "DEVICE"),
        (&["subscribe", "push", "x", "--all"], "cannot be used with"),
        (&["subscribe", "both", "x"], "push, event"),
        (&["control", "x"], "KEY=VALUE"),
        (&["control", "x", "y"], "it must be written KEY=VALUE"),
        (&["sim", "--devices", "100001"], "between 1 and 100000"),
        (&["sim", "azure"], "thinq, aws"),
        (&["devces"], "devices"),
        (
            &["publish", "a/+", "x"],
            "wildcards (+ and #) are for filters",
        ),
        (&["publish", "", "x"], "it is empty"),
        (&["publish", "a", "x", "--file", "f"], "cannot be used with"),
        (
            &["publish", "a", "--stdin", "--file", "f"],
            "cannot be used with",
        ),
        (&["publish", "a", "--repeat", "0"], "0 is not in 1.."),
        (
            &["publish", "a", "--property", "x"],
            "it must be written KEY=VALUE",
        ),
        (&["publish", "a", "--expiry", "100ms"], "whole seconds"),
        (&["expect", "a#"], "# may only be the last level"),
        (&["expect"], "FILTER"),
        (
            &["-p", "x", "--url", "mqtt://h"],
            "cannot be used with --profile",
        ),
        (
            &["tail", "--url", "mqtt://h", "-p", "x"],
            "cannot be used with --profile",
        ),
        (
            &["--url", "mqtt://h", "tail", "--insecure"],
            "insecure_skip_verify",
        ),
        (&["--url", "mqtt://h", "demo"], "cannot be used with --url"),
        (&["tail", "--topic", "a"], "--topic goes with --url"),
        (&["tail", "--ca-file", "a"], "--ca-file goes with --url"),
        (&["--mqtt-version", "5"], "--mqtt-version goes with --url"),
        (
            &["--url", "mqtt://h", "--mqtt-version", "4"],
            "the versions are 5 and 3.1.1",
        ),
        (
            &["profile-add", "--name", "x", "--platform", "mqtt"],
            "needs its --url",
        ),
        (
            &["profile-add", "--name", "x", "--token-stdin"],
            "needs its --country",
        ),
        (
            &[
                "profile-add",
                "--name",
                "x",
                "--platform",
                "google",
                "--project",
                "p",
                "--region",
                "r",
                "--registry",
                "r",
                "--device",
                "d",
                "--private-key",
                "k",
                "--topic",
                "a",
            ],
            "go with --platform thinq",
        ),
        (
            &[
                "profile-add",
                "--name",
                "x",
                "--country",
                "KR",
                "--url",
                "mqtt://h",
                "--token-stdin",
            ],
            "go with --platform mqtt",
        ),
        (
            &[
                "profile-add",
                "--name",
                "x",
                "--platform",
                "mqtt",
                "--url",
                "mqtt://h",
                "--country",
                "KR",
            ],
            "go with --platform thinq",
        ),
        (&["--log-level", "loud"], "error, warn, info, debug"),
        (
            &[
                "profile-add",
                "--name",
                "x",
                "--country",
                "Korea",
                "--token-stdin",
            ],
            "two letters",
        ),
    ];
    for (line, said) in cases {
        let declined = read_with(line, &[]).expect_err("wrong");
        assert_eq!(declined.exit(), Exit::Usage, "{line:?}");
        assert!(declined.to_string().contains(said), "{line:?}: {declined}");
    }
}

#[test]
fn help_and_version_are_no_mistakes() {
    for line in [
        &["--help"][..],
        &["-h"],
        &["--version"],
        &["tail", "--help"],
    ] {
        assert_eq!(read_with(line, &[]).expect_err("help").exit(), Exit::Done);
    }
    let version = read_with(&["--version"], &[])
        .expect_err("version")
        .to_string();
    assert_eq!(
        version.trim(),
        concat!("thingdeck ", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn help_offers_what_this_version_does_and_nothing_else() {
    let help = read_with(&["--help"], &[]).expect_err("help").to_string();
    for word in [
        "demo",
        "sim",
        "devices",
        "subs",
        "subscribe",
        "unsubscribe",
        "state",
        "profile",
        "control",
        "tail",
        "expect",
        "publish",
        "shadow",
        "report",
        "message",
        "device-register",
        "record",
        "replay",
        "attach",
        "config",
        "command",
        "bind",
        "profile-add",
        "profile-list",
        "profile-remove",
        "completions",
        "--url",
        "THINGDECK_PASSWORD",
        "man",
        "THINGDECK_PROFILE",
        "130",
    ] {
        assert!(help.contains(word), "{word}: {help}");
    }
    for word in ["picture", "frame-marks", "doctor"] {
        assert!(!help.contains(word), "{word}: {help}");
    }
}

#[test]
fn arguments_win_over_variables_and_empty_variables_are_none() {
    let variables = [
        ("THINGDECK_PROFILE", "one"),
        ("THINGDECK_CONFIG", "c.toml"),
        ("THINGDECK_DATA_DIR", "data"),
        ("THINGDECK_STATE_DIR", ""),
        ("NO_COLOR", "1"),
        ("TERM", "xterm"),
    ];
    let options = read_with(&["devices"], &variables).expect("options");
    assert_eq!(options.profile.as_deref(), Some("one"));
    assert_eq!(options.config, Some("c.toml".into()));
    assert_eq!(
        (options.data_dir, options.state_dir),
        (Some("data".into()), None)
    );
    assert_eq!(
        options.terminal,
        TerminalHints {
            no_color: true,
            colorterm: String::new(),
            term: "xterm".to_owned()
        }
    );
    let options = read_with(
        &[
            "devices",
            "-p",
            "two",
            "--config",
            "d.toml",
            "--log-level",
            "debug",
            "--insecure",
        ],
        &variables,
    )
    .expect("options");
    assert_eq!(
        (options.profile.as_deref(), options.config),
        (Some("two"), Some("d.toml".into()))
    );
    assert_eq!(
        (options.log_level, options.insecure, options.frame_marks),
        (LogLevel::Debug, true, false)
    );
    let options = read_with(&["-p", "two", "--frame-marks"], &[("NO_COLOR", "")]).expect("options");
    assert_eq!(
        (
            options.command,
            options.terminal.no_color,
            options.frame_marks
        ),
        (Command::Dashboard, false, true)
    );
}

#[test]
fn options_never_show_a_variables_value() {
    let options = read_with(&[], &[("THINQ_PAT", "c4nary")]).expect("options");
    assert!(!format!("{options:?}").contains("c4nary"));
    assert_eq!(options.environment.text("THINQ_PAT"), Some("c4nary"));
}

#[test]
fn completions_exist_for_each_shell_and_know_the_commands() {
    use clap_complete::Shell;
    for shell in [
        Shell::Bash,
        Shell::Zsh,
        Shell::Fish,
        Shell::PowerShell,
        Shell::Elvish,
    ] {
        let script = String::from_utf8(paper::completions(shell)).expect("text");
        assert!(script.contains("profile-remove"), "{shell}");
    }
}

#[test]
fn the_manual_names_every_command_and_its_options() {
    let page = String::from_utf8(paper::man().expect("a page")).expect("text");
    let sections: BTreeSet<_> = page
        .lines()
        .filter_map(|line| line.strip_prefix(".SS \""))
        .collect();
    for command in args::Args::command()
        .get_subcommands()
        .filter(|c| !c.is_hide_set())
    {
        let heading = format!("{}\"", command.get_name().replace('-', "\\-"));
        assert!(
            sections.contains(heading.as_str()),
            "{heading}: {sections:?}"
        );
    }
    assert!(sections.contains("shadow update\""), "{sections:?}");
    for word in [
        "\\-\\-dry\\-run",
        "thingdeck shadow update",
        "Exit codes",
        "THINGDECK_DATA_DIR",
        ".TH thingdeck 1",
    ] {
        assert!(page.contains(word), "{word}: {page}");
    }
    let notes = page.split_once(".SH \"NOTES\"\n.nf\n").expect("notes").1;
    assert!(
        notes.contains("\n  5    nothing matched in time\n"),
        "{notes}"
    );
    assert!(!page.contains("picture"));
}
