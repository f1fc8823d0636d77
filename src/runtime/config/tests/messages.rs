//! What a profile says of itself, and profiles that are written for things.

use super::*;
use crate::domain::message::Draft;
use crate::domain::profile::{AwsAuth, Settings};
use crate::domain::topic::Topic;
use crate::runtime::config::edit::{ThingEntry, save_messages, save_thing};

const FLEET: &str = r#"# My account.
default_profile = "claim"

[profiles.claim] # the claim
platform  = "aws"
endpoint  = "xxxx-ats.iot.eu-north-1.amazonaws.com"
cert_file = "claim.crt"
key_file  = "claim.key"
ca_file   = "ca.pem"             # ours
proxy     = "http://proxy:3128"
topics    = ["a/b"]
will      = { topic = "a/gone" }
"#;

fn fleet() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("config.toml");
    replace(&file, FLEET.as_bytes(), Access::AsBefore).expect("written");
    (folder, file)
}

fn draft(topic: &str, payload: &'static str) -> Draft {
    let topic = Topic::parse(topic).expect("a topic");
    Draft::new(topic, payload.into(), Qos::AtLeastOnce)
}

#[test]
fn what_is_said_at_each_connection_and_before_leaving_is_read() {
    let text = "[profiles.lab]\nplatform = \"mqtt\"\nurl = \"mqtt://h\"\n\
                on_connect = { topic = \"me\", payload = \"here\", qos = 1 }\n\
                on_disconnect = { topic = \"me\", payload = \"gone\", qos = 1, retain = true }\n";
    let config = parse(text).expect("a config");
    let common = &config.profiles[0].common;
    assert_eq!(common.on_connect, Some(draft("me", "here")));
    let gone = Draft {
        retain: true,
        ..draft("me", "gone")
    };
    assert_eq!(common.on_disconnect, Some(gone));
}

#[test]
fn a_wrong_message_is_named_and_a_home_has_none() {
    let lab = "[profiles.lab]\nplatform = \"mqtt\"\nurl = \"mqtt://h\"\n";
    for (line, why) in [
        ("on_connect = { topic = \"a/#\" }", "no topic"),
        ("on_connect = { payload = \"x\" }", "topic"),
        ("on_disconnect = { topic = \"a\", delay = 1 }", "delay"),
    ] {
        let problem = parse(&format!("{lab}{line}\n")).expect_err("wrong");
        assert!(problem.to_string().contains(why), "{problem}");
    }
    let home = "[profiles.home]\nplatform = \"thinq\"\ncountry = \"KR\"\ntoken = { env = \"X\" }\n";
    let problem =
        parse(&format!("{home}on_connect = {{ topic = \"a\" }}\n")).expect_err("not here");
    assert!(problem.to_string().contains("ThinQ"), "{problem}");
}

#[test]
fn the_recipes_messages_are_written_and_all_else_stays_as_it_is() {
    let (_folder, file) = fleet();
    let topic = "$aws/things/RPI/shadow/update".to_owned();
    let messages = [
        ("will", "my/things/RPI/update".to_owned(), "{\"x\":1}"),
        ("on_connect", topic.clone(), "{\"x\":2}"),
        ("on_disconnect", topic, "{\"x\":3}"),
    ];
    save_messages(&file, "claim", &messages).expect("written");
    let text = fs::read_to_string(&file).expect("there");
    for kept in ["# My account.", "[profiles.claim] # the claim", "# ours"] {
        assert!(text.contains(kept), "{kept}: {text}");
    }
    assert_eq!(text.matches("will ").count(), 1, "{text}");
    let config = Config::load(&file).expect("a config");
    let common = &config.profiles[0].common;
    let will = common.will.as_ref().map(|will| will.draft.clone());
    assert_eq!(will, Some(draft("my/things/RPI/update", "{\"x\":1}")));
    assert_eq!(
        common.on_disconnect,
        Some(draft("$aws/things/RPI/shadow/update", "{\"x\":3}"))
    );
    let problem = save_messages(&file, "other", &messages).expect_err("no such profile");
    assert_eq!(problem.exit, Exit::NotFound);
}

#[test]
fn a_things_profile_leads_where_its_claim_leads_and_never_takes_anothers_place() {
    let (_folder, file) = fleet();
    let entry = |name, replace| ThingEntry {
        name,
        claim: "claim",
        thing: "line:1",
        endpoint: "xxxx-ats.iot.eu-north-1.amazonaws.com",
        certificate: Path::new("/data/certificate.pem"),
        key: Path::new("/data/private.key"),
        replace,
    };
    save_thing(&file, &entry("line-1", false)).expect("saved");
    let config = Config::load(&file).expect("a config");
    let thing = config.find("line-1").expect("the thing");
    let claim = config.find("claim").expect("the claim");
    let Settings::Aws(settings) = &thing.settings else {
        panic!("{thing:?}")
    };
    assert_eq!(settings.client_id.as_deref(), Some("line:1"));
    assert_eq!(
        (settings.auth, &settings.things[..]),
        (AwsAuth::Mtls, &["line:1".to_owned()][..])
    );
    assert_eq!(thing.common.ca_file, claim.common.ca_file);
    assert_eq!(thing.common.proxy, claim.common.proxy);
    assert_eq!(
        thing.common.key_file.as_deref(),
        Some(Path::new("/data/private.key"))
    );
    assert!(thing.common.topics.is_empty() && thing.common.will.is_none());
    assert_eq!(config.default_profile.as_deref(), Some("claim"));
    let problem = save_thing(&file, &entry("line-1", false)).expect_err("there is one");
    assert_eq!(problem.exit, Exit::Usage);
    save_thing(&file, &entry("line-1", true)).expect("replaced");
}
