//! What the config file may say, and what it is told when it is wrong.

use std::path::Path;

use super::entry::{PASSWORD_FILE, TOKEN_FILE};
use super::*;
use crate::base::secret::Secret;
use crate::domain::message::Qos;
use crate::domain::profile::{Common, OnQuit, Profile, SecretRef, Settings, ThinqSettings};
use crate::domain::subscription::FilterWish;
use crate::domain::topic::TopicFilter;
use crate::headless::console::NewEntry;
use crate::runtime::files::{Access, Folders, Overrides, replace};

const FULL: &str = r#"
default_profile = "home"
[ui]
theme = "light"
mouse = false
[history]
memory = "64 MiB"

[profiles.work]
platform = "thinq"
country = "us"
token = { command = ["pass", "thinq"] }

[profiles.home]
platform  = "thinq"
country   = "KR"
token     = { env = "THINQ_PAT" }
client_id = "my-client_1"
event_hours = 12
api_url   = "https://127.0.0.1:8443"
mqtt_url  = "mqtts://127.0.0.1:8883"
ca_file   = "ca.pem"
api_key   = "k"
on_quit   = "end-events"
silent_after = "30m"
keep_alive = 45
insecure_skip_verify = true
topics    = ["a/#", { filter = "b", qos = 0 }]
"#;

fn parse(text: &str) -> Result<Config, Problem> {
    Config::parse(text, Path::new("/etc/deck/config.toml"))
}

fn thinq(lines: &str) -> String {
    format!(
        "[profiles.home]\nplatform = \"thinq\"\ncountry = \"KR\"\ntoken = {{ env = \"PAT\" }}\n{lines}"
    )
}

fn names(config: &Config) -> Vec<&str> {
    config.profiles.iter().map(|p| p.name.as_str()).collect()
}

#[test]
fn everything_the_interface_names_is_read() {
    let config = parse(FULL).expect("a config");
    assert_eq!(config.default_profile.as_deref(), Some("home"));
    assert_eq!(
        config.ui,
        Ui {
            theme: Some(Theme::Light),
            mouse: false
        }
    );
    assert_eq!(config.history.memory, 64 * 1024 * 1024);
    assert_eq!(config.history.disk, 0, "nothing goes to the disk unasked");
    assert_eq!(names(&config), ["work", "home"], "in the order of the file");
    assert_eq!(config.warnings, []);
    let filter = |text, qos| FilterWish::new(TopicFilter::parse(text).expect("a filter"), qos);
    assert_eq!(
        config.profiles[1],
        Profile {
            name: "home".to_owned(),
            simulated: false,
            settings: Settings::Thinq(ThinqSettings {
                country: "KR".to_owned(),
                token: SecretRef::Env("THINQ_PAT".to_owned()),
                client_id: Some("my-client_1".to_owned()),
                event_hours: 12,
                api_url: Some("https://127.0.0.1:8443".to_owned()),
                mqtt_url: Some("mqtts://127.0.0.1:8883".to_owned()),
                api_key: Some("k".to_owned()),
                on_quit: OnQuit::EndEvents,
                silent_after: Some(1800),
            }),
            common: Common {
                ca_file: Some("/etc/deck/ca.pem".into()),
                topics: vec![
                    filter("a/#", Qos::AtLeastOnce),
                    filter("b", Qos::AtMostOnce)
                ],
                keep_alive: Some(45),
                insecure_skip_verify: true,
                ..Common::default()
            },
        }
    );
    let Settings::Thinq(work) = &config.profiles[0].settings else {
        panic!("a ThinQ profile");
    };
    assert_eq!(work.country, "US");
    assert_eq!(
        work.token,
        SecretRef::Command(vec!["pass".to_owned(), "thinq".to_owned()])
    );
    assert_eq!((work.event_hours, work.on_quit), (24, OnQuit::Keep));
}

#[test]
fn an_absent_file_is_an_empty_one() {
    let config = Config::load(Path::new("/nowhere/config.toml")).expect("empty");
    assert_eq!(
        (config.ui, config.history.memory),
        (Ui::default(), 256 << 20)
    );
    assert_eq!(config.profiles, []);
}

#[test]
fn every_mistake_names_file_line_key_and_remedy() {
    let cases = [
        (
            "contry = 1",
            "line 1: `contry`",
            "no such key",
            "the keys here are",
        ),
        (
            "default_profil = \"x\"",
            "line 1: `default_profil`",
            "no such key",
            "did you mean `default_profile`?",
        ),
        (
            "\n\n[ui]\nthem = \"dark\"",
            "line 4: `ui.them`",
            "no such key",
            "did you mean `theme`?",
        ),
        (
            "[ui]\nmouse = \"yes\"",
            "line 2: `ui.mouse`",
            "it must be true or false, not text",
            "correct",
        ),
        (
            "[ui]\ntheme = \"drak\"",
            "line 2: `ui.theme`",
            "\"drak\" is no theme",
            "dark",
        ),
        (
            "[history]\nmemory = \"many\"",
            "line 2: `history.memory`",
            "\"many\" is no size",
            "256 MiB",
        ),
        (
            "[history]\ndisk = 10",
            "line 2: `history.disk`",
            "less than 1 MiB",
            "1 GiB",
        ),
        (
            "[history]\nmemory = 10",
            "line 2: `history.memory`",
            "less than 1 MiB",
            "256 MiB",
        ),
        ("a = \n", "line 1: this is no TOML", "", "correct that line"),
        (
            "default_profile = \"x\"",
            "line 1: `default_profile`",
            "there is no profile \"x\"",
            "profile-add",
        ),
        (
            "[profiles.home]\ncountry = \"KR\"",
            "line 1: `profiles.home.platform`",
            "it is missing",
            "thinq",
        ),
        (
            "[profiles.home]\nplatform = \"azure\"",
            "line 2: `profiles.home.platform`",
            "does not know the platform \"azure\"",
            "it knows: thinq",
        ),
        (
            "[profiles.\"a b\"]\nplatform = \"thinq\"",
            "line 1: `profiles.a b`",
            "cannot be a profile's name",
            "letters",
        ),
        (
            "[profiles.\"../x\"]\nplatform = \"thinq\"",
            "line 1: `profiles.../x`",
            "cannot be a profile's name",
            "letters",
        ),
        (
            "profiles.home = 1",
            "line 1: `profiles.home`",
            "it must be a table, not a number",
            "correct",
        ),
        (
            "[profiles.home]\nplatform = \"thinq\"\ntoken = { env = \"X\" }",
            "`profiles.home.country`",
            "it is missing",
            "country = \"KR\"",
        ),
        (
            "[profiles.home]\nplatform = \"thinq\"\ncountry = \"KR\"",
            "`profiles.home.token`",
            "it is missing",
            "env",
        ),
        (
            "[profiles.home]\nplatform = \"thinq\"\ncountry = \"Korea\"\n",
            "line 3: `profiles.home.country`",
            "\"Korea\" is no ISO",
            "KR",
        ),
    ];
    for (text, place, cause, remedy) in cases {
        let problem = parse(text).expect_err(text);
        assert!(
            problem.what.starts_with("/etc/deck/config.toml, line "),
            "{problem}"
        );
        assert!(problem.what.contains(place), "{place}: {problem}");
        assert!(problem.cause.contains(cause), "{cause}: {problem}");
        assert!(problem.remedy.contains(remedy), "{remedy}: {problem}");
        assert_eq!(problem.exit, Exit::Usage);
    }
}

#[test]
fn a_mistake_in_a_profile_is_named_too() {
    let cases = [
        (
            "contry = \"KR\"",
            "`profiles.home.contry`",
            "did you mean `country`?",
        ),
        (
            "event_hour = 3",
            "`profiles.home.event_hour`",
            "did you mean `event_hours`?",
        ),
        (
            "event_hours = 25",
            "`profiles.home.event_hours`",
            "from 1 to 24",
        ),
        (
            "event_hours = \"x\"",
            "`profiles.home.event_hours`",
            "correct its value",
        ),
        (
            "client_id = \"a/b\"",
            "`profiles.home.client_id`",
            "use 1 to 64",
        ),
        (
            "api_url = \"http://x\"",
            "`profiles.home.api_url`",
            "write https://HOST:PORT",
        ),
        (
            "api_url = \"https://u:p@x\"",
            "`profiles.home.api_url`",
            "write https://HOST:PORT",
        ),
        (
            "mqtt_url = \"x\"",
            "`profiles.home.mqtt_url`",
            "write mqtts://HOST:PORT",
        ),
        (
            "on_quit = \"stay\"",
            "`profiles.home.on_quit`",
            "end-events",
        ),
        (
            "silent_after = \"x\"",
            "`profiles.home.silent_after`",
            "30m",
        ),
        (
            "keep_alive = 1",
            "`profiles.home.keep_alive`",
            "from 5 to 1200",
        ),
        (
            "topics = \"a\"",
            "`profiles.home.topics`",
            "correct its value",
        ),
        (
            "topics = [\"a/#/b\"]",
            "`profiles.home.topics`",
            "correct the filter",
        ),
        (
            "topics = [{ filter = \"a\", qos = 3 }]",
            "`profiles.home.topics[0].qos`",
            "from 0 to 2",
        ),
        (
            "topics = [{ filter = \"a\", qs = 3 }]",
            "`profiles.home.topics[0].qs`",
            "did you mean `qos`?",
        ),
        ("cert_file = \"x\"", "`profiles.home.cert_file`", ""),
    ];
    for (line, place, remedy) in cases {
        let problem = parse(&thinq(line)).expect_err(line);
        assert!(
            problem.what.ends_with(&format!("line 5: {place}")),
            "{line}: {problem}"
        );
        assert!(problem.remedy.contains(remedy), "{line}: {problem}");
    }
}

#[test]
fn a_token_names_one_place_and_no_problem_repeats_it() {
    let with = |token: &str| {
        parse(&format!(
            "[profiles.home]\nplatform = \"thinq\"\ncountry = \"KR\"\ntoken = {token}\n"
        ))
    };
    let place = |token: &str| match with(token).expect(token).profiles.remove(0).settings {
        Settings::Thinq(settings) => settings.token,
        _ => panic!("a ThinQ profile"),
    };
    assert_eq!(
        place("{ file = \"t\" }"),
        SecretRef::File("/etc/deck/t".into())
    );
    assert_eq!(place("\"c4nary\""), SecretRef::Plain(Secret::new("c4nary")));
    let warnings = with("\"c4nary\"").expect("a config").warnings;
    assert_eq!(warnings.len(), 1);
    assert!(
        warnings[0].what.ends_with("line 4: `profiles.home.token`"),
        "{}",
        warnings[0]
    );
    assert!(!format!("{warnings:?}").contains("c4nary"));
    #[cfg(not(target_os = "macos"))]
    {
        let lookup = [
            "secret-tool",
            "lookup",
            "service",
            "thingdeck",
            "account",
            "home/token",
        ];
        let words = lookup.map(str::to_owned).into();
        assert_eq!(place("{ keyring = true }"), SecretRef::Command(words));
    }
    assert!(with("{ keyring = false }").is_err());
    for wrong in [
        "\"\"",
        "{}",
        "{ env = \"\" }",
        "{ env = \"a\", file = \"b\" }",
        "{ command = [] }",
        "{ command = \"c4nary\" }",
        "{ evn = \"c4nary\" }",
        "7",
        "[\"c4nary\"]",
        "\"c4nary",
    ] {
        let problem = with(wrong).expect_err(wrong);
        assert!(problem.what.contains("line 4"), "{wrong}: {problem}");
        assert!(!format!("{problem:?}").contains("c4nary"), "{problem:?}");
    }
}

#[test]
fn the_profile_is_the_one_named_the_default_or_the_only_one() {
    let both = parse(FULL).expect("a config");
    let chosen = |name: Option<&str>| both.choose(name, true).map(|p| p.map(|p| p.name));
    assert_eq!(chosen(Some("work")), Ok(Some("work".to_owned())));
    assert_eq!(chosen(None), Ok(Some("home".to_owned())));
    let problem = chosen(Some("hom")).expect_err("no such profile");
    assert_eq!(
        (problem.exit, problem.remedy.as_str()),
        (Exit::NotFound, "did you mean \"home\"?")
    );
    let only = parse(&thinq("")).expect("a config");
    assert_eq!(
        only.choose(None, false).expect("one").map(|p| p.name),
        Some("home".to_owned())
    );
    assert_eq!(parse("").expect("empty").choose(None, false), Ok(None));
    assert_eq!(
        parse("")
            .expect("empty")
            .choose(Some("x"), false)
            .expect_err("none")
            .exit,
        Exit::NotFound
    );
    let several = parse(&FULL.replace("default_profile = \"home\"", "")).expect("a config");
    let problem = several.choose(None, true).expect_err("which");
    assert_eq!(
        (problem.exit, problem.remedy.as_str()),
        (Exit::Usage, "name one with -p: work, home")
    );
}

#[test]
fn skipping_the_check_of_certificates_takes_the_flag_too() {
    let config = parse(FULL).expect("a config");
    let problem = config
        .choose(Some("home"), false)
        .expect_err("not without the flag");
    assert!(
        problem.remedy.starts_with("give --insecure too"),
        "{problem}"
    );
    assert_eq!(problem.exit, Exit::Usage);
    assert!(config.choose(Some("work"), false).is_ok());
}

#[test]
fn a_damaged_file_is_an_explanation_never_a_crash_and_never_the_token() {
    let text = FULL.replace("{ env = \"THINQ_PAT\" }", "\"c4nary\"");
    let mut roll = fastrand::Rng::with_seed(11);
    let mut refused = 0;
    for _ in 0..5000 {
        let mut damaged: Vec<char> = text.chars().collect();
        for _ in 0..roll.usize(1..4) {
            let at = roll.usize(0..damaged.len());
            match roll.u8(0..3) {
                0 => damaged[at] = roll.char('\0'..='\u{7f}'),
                1 => drop(damaged.remove(at)),
                _ => damaged.truncate(at.max(20)),
            }
        }
        let damaged: String = damaged.into_iter().collect();
        if let Err(problem) = parse(&damaged) {
            refused += 1;
            let said = format!("{problem:?}");
            assert!(!said.contains("c4nary"), "{damaged}\n{said}");
            assert!(
                problem.what.contains(", line ") && !problem.remedy.is_empty(),
                "{said}"
            );
        }
    }
    assert!(refused > 2000, "{refused}");
}

mod aws;
mod messages;
mod mqtt;
mod writing;

/// A config file with a folder of its own, and files beside it.
fn beside(files: &[(&str, &str)]) -> tempfile::TempDir {
    let root = tempfile::tempdir().expect("a folder");
    for (name, text) in files {
        let path = root.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        replace(&path, text.as_bytes(), Access::Private).expect("written");
    }
    root
}

#[test]
fn decoders_are_pinned_by_topic_with_schemas_beside_the_config() {
    let root = beside(&[
        (
            "proto/line.proto",
            "import \"parts.proto\"; package acme; message Report { Part p = 1; }",
        ),
        (
            "proto/parts.proto",
            "package acme; message Part { int32 n = 1; }",
        ),
        ("meter.avsc", "\"long\""),
    ]);
    let text = r#"[decode]
"plant/#" = "gzip > cbor"
"line/+/report" = "protobuf(proto/line.proto, acme.Report)"
"meter/#" = "avro(meter.avsc)"
"door/raw" = "text""#;
    let config = Config::parse(text, &root.path().join("config.toml")).expect("a config");
    let of = |topic: &str| config.decode.of(topic).map(ToString::to_string);
    assert_eq!(of("plant/1").as_deref(), Some("gzip > cbor"));
    assert_eq!(
        of("line/7/report").as_deref(),
        Some("protobuf(proto/line.proto, acme.Report)")
    );
    assert_eq!(of("meter/1").as_deref(), Some("avro(meter.avsc)"));
    assert_eq!(of("door/raw").as_deref(), Some("text"));
    assert_eq!(of("home/x"), None);
}

/// As `protoc -I proto proto/acme/line.proto` finds them.
#[test]
fn an_import_is_found_from_the_folder_that_its_compiler_begins_in() {
    let root = beside(&[
        (
            "proto/acme/line.proto",
            "import \"acme/parts/part.proto\"; package acme; message Report { Part p = 1; }",
        ),
        (
            "proto/acme/parts/part.proto",
            "package acme; message Part { int32 n = 1; }",
        ),
    ]);
    let text = "[decode]\n\"line\" = \"protobuf(proto/acme/line.proto, acme.Report)\"";
    let config = Config::parse(text, &root.path().join("config.toml")).expect("a config");
    assert!(config.decode.of("line").is_some());
}

#[test]
fn a_decoder_that_is_wrong_names_file_line_key_and_what_is_wrong() {
    let root = beside(&[("a.proto", "message A {\n  int32 x;\n}")]);
    let file = root.path().join("config.toml");
    let cases = [
        ("\"a/#/b\" = \"text\"", "`decode.a/#/b`", "no topic filter"),
        ("\"a\" = \"gzipp\"", "`decode.a`", "did you mean \"gzip\"?"),
        ("\"a\" = 7", "`decode.a`", "must be text in quotes"),
        ("\"a\" = \"avro(none.avsc)\"", "`decode.a`", "none.avsc: "),
        (
            "\"a\" = \"protobuf(a.proto, A)\"",
            "`decode.a`",
            "a.proto: line 2: ",
        ),
    ];
    for (line, key, cause) in cases {
        let text = format!("[ui]\nmouse = true\n[decode]\n{line}\n");
        let problem = Config::parse(&text, &file).expect_err(line);
        assert!(problem.what.contains("line 4"), "{}", problem.what);
        assert!(problem.what.contains(key), "{}", problem.what);
        assert!(problem.cause.contains(cause), "{line}: {}", problem.cause);
        assert_eq!(problem.exit, Exit::Usage);
    }
}

#[test]
fn the_disk_takes_what_memory_has_no_room_for_where_that_is_asked() {
    let disk = |text: &str| parse(&format!("[history]\ndisk = {text}")).map(|c| c.history.disk);
    assert_eq!(disk("\"1 GiB\""), Ok(1 << 30));
    assert_eq!(disk("0"), Ok(0));
}
