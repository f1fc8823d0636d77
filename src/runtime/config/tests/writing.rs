//! What is written into the config file, and that all else stays as it is.

use super::super::edit::{
    remove_profile, save_messages, save_pin, save_profile, save_program, save_token,
};
use super::*;

pub(super) fn entry(name: &str, token: SecretRef) -> NewEntry {
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

pub(super) fn thinq_entry(
    name: &str,
    token: SecretRef,
    change: impl FnOnce(&mut ThinqSettings),
) -> NewEntry {
    let mut entry = entry(name, token);
    if let Settings::Thinq(settings) = &mut entry.profile.settings {
        change(settings);
    }
    entry
}

pub(super) fn folders(root: &Path) -> Folders {
    Folders::find(Overrides {
        config: Some(root.join("etc/config.toml")),
        data_dir: Some(root.join("data")),
        state_dir: Some(root.join("state")),
    })
    .expect("folders")
}

pub(super) fn text_of(folders: &Folders) -> String {
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
