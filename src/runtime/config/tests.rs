//! What the config file may say, and what it is told when it is wrong.

use std::path::Path;

use super::edit::{
    remove_profile, save_messages, save_pin, save_profile, save_program, save_token,
};
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
    let keyring = with("{ keyring = true }").expect_err("no keyring");
    assert_eq!(keyring.cause, "this build has no keyring yet");
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

fn entry(name: &str, token: SecretRef) -> NewEntry {
    NewEntry {
        profile: Profile {
            name: name.to_owned(),
            settings: Settings::Thinq(ThinqSettings::new("KR".to_owned(), token)),
            common: Common::default(),
            simulated: false,
        },
        make_default: false,
        replace: false,
    }
}

fn thinq_entry(name: &str, token: SecretRef, change: impl FnOnce(&mut ThinqSettings)) -> NewEntry {
    let mut entry = entry(name, token);
    if let Settings::Thinq(settings) = &mut entry.profile.settings {
        change(settings);
    }
    entry
}

fn folders(root: &Path) -> Folders {
    Folders::find(Overrides {
        config: Some(root.join("etc/config.toml")),
        data_dir: Some(root.join("data")),
        state_dir: Some(root.join("state")),
    })
    .expect("folders")
}

fn text_of(folders: &Folders) -> String {
    fs::read_to_string(&folders.config_file).expect("a config file")
}

#[test]
fn the_first_profile_makes_the_file_and_is_the_default() {
    let root = tempfile::tempdir().expect("a folder");
    let folders = folders(root.path());
    let said = save_profile(
        &folders,
        &entry("home", SecretRef::Plain(Secret::new("c4nary"))),
    )
    .expect("saved");
    assert!(
        said.contains("config.toml") && said.contains("token in"),
        "{said}"
    );
    assert!(
        !text_of(&folders).contains("c4nary"),
        "{}",
        text_of(&folders)
    );
    let config = Config::load(&folders.config_file).expect("a config");
    assert_eq!(config.warnings, []);
    let home = config.choose(None, false).expect("one").expect("home");
    let path = folders.identity("home").path(TOKEN_FILE);
    let Settings::Thinq(settings) = home.settings else {
        panic!("a ThinQ profile");
    };
    assert_eq!(settings.token, SecretRef::File(path));
    assert_eq!(
        folders
            .identity("home")
            .load(TOKEN_FILE)
            .expect("kept")
            .content,
        Some(Secret::new("c4nary"))
    );
    assert_eq!(config.default_profile.as_deref(), Some("home"));
}

const COMMENTED: &str = r#"# my house, do not touch

# the theme of my terminal
[ui]
theme = "dark" # of course

# the old flat
[profiles.flat]
platform = "thinq"  # LG
country  = "DE"
token    = { env = "FLAT" }

# parents
[profiles.parents]
platform = "thinq"
country = "KR"
token = { env = "PARENTS" }
"#;

fn commented(root: &Path) -> Folders {
    let folders = folders(root);
    make_folder_of(&folders);
    replace(&folders.config_file, COMMENTED.as_bytes(), Access::AsBefore).expect("written");
    folders
}

fn make_folder_of(folders: &Folders) {
    crate::runtime::files::make_folder(folders.config_file.parent().expect("a folder"))
        .expect("made");
}

#[test]
fn adding_a_profile_keeps_every_comment_and_all_else() {
    let root = tempfile::tempdir().expect("a folder");
    let folders = commented(root.path());
    let new = thinq_entry("home", SecretRef::Env("PAT".to_owned()), |settings| {
        settings.event_hours = 6;
        settings.api_url = Some("https://127.0.0.1:1".to_owned());
    });
    save_profile(&folders, &new).expect("saved");
    let text = text_of(&folders);
    assert!(text.starts_with(COMMENTED), "{text}");
    assert_eq!(
        text.strip_prefix(COMMENTED).expect("appended"),
        "\n[profiles.home]\nplatform = \"thinq\"\ncountry = \"KR\"\napi_url = \"https://127.0.0.1:1\"\ntoken = { env = \"PAT\" }\nevent_hours = 6\n"
    );
}

#[test]
fn a_profile_of_the_same_name_is_replaced_only_when_told() {
    let root = tempfile::tempdir().expect("a folder");
    let folders = commented(root.path());
    let new = entry("flat", SecretRef::Plain(Secret::new("t")));
    let problem = save_profile(&folders, &new).expect_err("there is one");
    assert!(problem.remedy.contains("--replace"), "{problem}");
    assert_eq!(text_of(&folders), COMMENTED);
    assert!(
        !folders.identity("flat").folder().exists(),
        "no token is left behind"
    );
    let told = NewEntry {
        replace: true,
        make_default: true,
        ..new
    };
    save_profile(&folders, &told).expect("replaced");
    let config = Config::load(&folders.config_file).expect("a config");
    assert_eq!(config.default_profile.as_deref(), Some("flat"));
    assert!(
        text_of(&folders).contains("# of course"),
        "{}",
        text_of(&folders)
    );
}

#[test]
fn a_profile_that_could_not_be_read_back_is_not_written() {
    let root = tempfile::tempdir().expect("a folder");
    let folders = commented(root.path());
    for wrong in [
        entry("a/b", SecretRef::Env("X".to_owned())),
        entry("", SecretRef::Env("X".to_owned())),
        entry("new", SecretRef::Env(String::new())),
        thinq_entry("new", SecretRef::Env("X".to_owned()), |settings| {
            settings.api_url = Some("ftp://x".to_owned());
        }),
    ] {
        assert_eq!(
            save_profile(&folders, &wrong).expect_err("wrong").exit,
            Exit::Usage
        );
        assert_eq!(text_of(&folders), COMMENTED);
    }
}

#[test]
fn removing_a_profile_takes_its_own_comment_and_no_other() {
    let root = tempfile::tempdir().expect("a folder");
    let folders = commented(root.path());
    remove_profile(&folders.config_file, "flat").expect("removed");
    let text = text_of(&folders);
    assert!(!text.contains("flat") && !text.contains("DE"), "{text}");
    for kept in [
        "# my house, do not touch",
        "# the theme of my terminal",
        "# of course",
        "# parents",
        "PARENTS",
    ] {
        assert!(text.contains(kept), "{kept}: {text}");
    }
    assert_eq!(
        names(&Config::load(&folders.config_file).expect("a config")),
        ["parents"]
    );
    let problem = remove_profile(&folders.config_file, "flat").expect_err("gone");
    assert_eq!(problem.exit, Exit::NotFound);
}

#[test]
fn removing_the_first_table_keeps_what_the_file_begins_with() {
    let root = tempfile::tempdir().expect("a folder");
    let folders = folders(root.path());
    save_profile(&folders, &entry("home", SecretRef::Env("X".to_owned()))).expect("saved");
    let header = "# thingdeck's profiles.";
    let text = text_of(&folders);
    assert!(text.starts_with(header), "{text}");
    assert!(text.contains("\n\ndefault_profile = \"home\"\n"), "{text}");
    remove_profile(&folders.config_file, "home").expect("removed");
    let text = text_of(&folders);
    assert!(text.starts_with(header), "{text}");
    let config = Config::load(&folders.config_file).expect("a config");
    assert_eq!((config.default_profile, config.profiles), (None, vec![]));
}

#[test]
fn a_new_token_goes_to_the_private_file_and_nowhere_else() {
    let root = tempfile::tempdir().expect("a folder");
    let folders = commented(root.path());
    save_token(&folders, "flat", &Secret::new("c4nary")).expect("saved");
    let text = text_of(&folders);
    assert!(
        text.contains("# the old flat") && text.contains("# LG"),
        "{text}"
    );
    assert!(!text.contains("FLAT") && !text.contains("c4nary"), "{text}");
    assert_eq!(
        folders
            .identity("flat")
            .load(TOKEN_FILE)
            .expect("kept")
            .content,
        Some(Secret::new("c4nary"))
    );
    assert_eq!(
        save_token(&folders, "nobody", &Secret::new("x"))
            .expect_err("none")
            .exit,
        Exit::NotFound
    );
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
fn a_pin_is_written_beside_what_is_there_and_replaced_when_it_is_said_again() {
    let root = beside(&[("config.toml", "# mine\n[ui]\nmouse = false # yes\n")]);
    let file = root.path().join("config.toml");
    save_pin(&file, "plant/a", "gzip > cbor").expect("saved");
    save_pin(&file, "plant/a", "text").expect("saved");
    save_pin(&file, "odd \"topic\"", "auto").expect("saved");
    let text = fs::read_to_string(&file).expect("there");
    assert!(
        text.starts_with("# mine\n[ui]\nmouse = false # yes\n"),
        "{text}"
    );
    let config = Config::load(&file).expect("a config");
    let of = |topic: &str| config.decode.of(topic).map(ToString::to_string);
    assert_eq!(of("plant/a").as_deref(), Some("text"));
    assert_eq!(of("odd \"topic\""), None);
    assert!(save_pin(&file, "a", "nonsense").is_err());
    assert_eq!(fs::read_to_string(&file).expect("there"), text);
}

#[test]
fn a_jq_program_is_written_for_its_topics_and_taken_out_again() {
    let root = beside(&[("config.toml", "# mine\n[ui]\nmouse = false # yes\n")]);
    let file = root.path().join("config.toml");
    let of = |topic: &str| {
        let config = Config::load(&file).expect("a config");
        config.programs.of(topic).map(ToString::to_string)
    };
    save_program(&file, "plant/#", Some(".a | \"x\"")).expect("saved");
    save_program(&file, "plant/b", Some(".b")).expect("saved");
    assert_eq!(of("plant/a").as_deref(), Some(".a | \"x\""));
    assert_eq!(of("plant/b").as_deref(), Some(".b"));
    save_program(&file, "plant/b", None).expect("saved");
    save_program(&file, "plant/#", None).expect("saved");
    assert_eq!(of("plant/b"), None);
    assert!(save_program(&file, "a", Some("nonsense |")).is_err());
    let text = fs::read_to_string(&file).expect("there");
    assert!(
        text.starts_with("# mine\n[ui]\nmouse = false # yes\n"),
        "{text}"
    );
    let problem = Config::parse("[jq]\n\"a\" = \"foo\"\n", &file).expect_err("no program");
    assert!(problem.what.contains("`jq.a`"), "{}", problem.what);
    assert!(
        problem.cause.contains("there is no filter foo"),
        "{}",
        problem.cause
    );
}

#[test]
fn the_disk_takes_what_memory_has_no_room_for_where_that_is_asked() {
    let disk = |text: &str| parse(&format!("[history]\ndisk = {text}")).map(|c| c.history.disk);
    assert_eq!(disk("\"1 GiB\""), Ok(1 << 30));
    assert_eq!(disk("0"), Ok(0));
}

#[test]
fn what_is_said_anew_keeps_the_comments_around_it() {
    let root = beside(&[(
        "config.toml",
        "# where it begins\ndefault_profile = \"lab\" # mine\n\n# what I see\n[jq]\n# of the plant\n\"plant/#\" = \".a\" # for now\n\n# the lab\n[profiles.lab]\nplatform = \"mqtt\"\nurl = \"mqtt://127.0.0.1\"\n# goodbye\nwill = { topic = \"a\", payload = \"old\" } # always\n\n# the other\n[profiles.other]\nplatform = \"thinq\"\ncountry = \"KR\"\n# of last year\ntoken = { env = \"PAT\" } # renew it\n",
    )]);
    let file = root.path().join("config.toml");
    let before = fs::read_to_string(&file).expect("there");
    save_program(&file, "plant/#", Some(".b")).expect("saved");
    save_messages(&file, "lab", &[("will", "a".to_owned(), "new")]).expect("saved");
    let folders = Folders::find(Overrides {
        config: Some(file.clone()),
        data_dir: Some(root.path().join("data")),
        state_dir: Some(root.path().join("state")),
    })
    .expect("folders");
    save_token(&folders, "other", &Secret::new("t")).expect("saved");
    let new = NewEntry {
        replace: true,
        make_default: true,
        ..entry("other", SecretRef::Env("PAT".to_owned()))
    };
    let token = fs::read_to_string(&file).expect("there");
    for comment in ["# of last year\ntoken", "} # renew it"] {
        assert!(token.contains(comment), "{comment}: {token}");
    }
    save_profile(&folders, &new).expect("saved");
    let after = fs::read_to_string(&file).expect("there");
    for comment in [
        "# where it begins\ndefault_profile = \"other\" # mine\n",
        "# what I see\n[jq]\n# of the plant\n\"plant/#\" = \".b\" # for now\n",
        "# goodbye\nwill = { topic = \"a\", payload = \"new\", qos = 1 } # always\n",
        "\n# the other\n[profiles.other]\n",
    ] {
        assert!(after.contains(comment), "{comment}: {after}\n{before}");
    }
}
