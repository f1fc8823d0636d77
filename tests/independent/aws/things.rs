//! Lists, messages and shadows.

use serde_json::{Value, json};

use crate::support::account::{Account, ended};

/// `own`: a certificate of an authority of the user's own.
const WAYS: [&str; 7] = ["device", "alpn", "wss", "wss5", "device5", "own", "custom"];

#[test]
fn every_way_to_connect_hears_and_publishes() {
    let Some(account) = Account::start() else {
        return;
    };
    for way in WAYS {
        let from = account.log_length();
        let line = ["tail", "plant/+/t", "--count", "2", "--qos", "1"];
        let tail = account.command(way, &line).spawn().expect("it starts");
        account.wait("SUBSCRIBE .* plant/\\+/t@1", from);
        account.publish("plant/1/t", r#"{"t":21.50}"#);
        let published = account.run(way, &["publish", "plant/2/t", r#"{"t":22}"#, "--qos", "1"]);
        published.expect(0);
        let tail = ended(tail).expect(0);
        // A device has a certificate and no access keys: that is no trouble.
        assert!(!tail.err.contains("could not list"), "{way}: {}", tail.err);
        let told = tail.out;
        assert!(told.contains(r#""payload":{"t":21.50}"#), "{way}: {told}");
        assert!(told.contains(r#""topic":"plant/2/t""#), "{way}: {told}");
    }
    account.assert_lawful();
}

fn names(text: &str) -> Vec<String> {
    let name = |line: &str| {
        let value: Value = serde_json::from_str(line).expect("JSON");
        assert!(line.matches("\"attributes\"").count() < 2, "{line}");
        value["id"].as_str().expect("an id").to_owned()
    };
    let mut names: Vec<_> = text.lines().map(name).collect();
    names.sort();
    names
}

#[test]
fn things_come_page_by_page_from_the_index_and_from_the_registry() {
    let Some(account) = Account::start() else {
        return;
    };
    account.cloud(&json!({"do": "thing", "name": "pump-{:04}", "count": 1100, "type": "Pump"}));
    for index in [true, false] {
        account.cloud(&json!({"do": "set", "name": "index_on", "value": index}));
        let from = account.log_length();
        let listed = account.run("wss5", &["devices", "--json"]).expect(0);
        let names = names(&listed.out);
        assert_eq!(names.len(), 1103);
        assert!(names.contains(&"pump-0000".to_owned()) && names.contains(&"pump-1099".to_owned()));
        let pages = account.logged("GET /things?", from).len();
        assert_eq!(pages, if index { 0 } else { 5 });
    }
    account.assert_lawful();
}

#[test]
fn a_query_lists_a_part_of_the_fleet() {
    let Some(account) = Account::start() else {
        return;
    };
    account.configure("things_query = \"thingTypeName:Board AND attributes.site:north\"");
    let listed = account.run("wss", &["devices", "--json"]).expect(0);
    assert_eq!(names(&listed.out), ["RPI"]);
    account.assert_lawful();
}

#[test]
fn a_throttled_list_is_asked_for_again() {
    let Some(account) = Account::start() else {
        return;
    };
    let slow = json!([400, "ThrottlingException", "Rate exceeded"]);
    account.cloud(&json!({"do": "throttle", "answers": [slow, slow]}));
    let listed = account.run("wss", &["devices", "--json"]).expect(0);
    assert_eq!(names(&listed.out), ["RPI", "lamp", "pump:1"]);
    account.assert_lawful();
}

/// Over REST, over MQTT 3.1.1 and over MQTT 5.
#[test]
fn a_shadow_is_made_read_refused_and_deleted_each_way() {
    let Some(account) = Account::start() else {
        return;
    };
    for (way, name) in [("wss5", "a"), ("device", "b"), ("device5", "c")] {
        let shadow = |arguments: &[&str]| {
            let line = [&["shadow"], arguments, &["--name", name]].concat();
            account.run(way, &line)
        };
        shadow(&["get", "RPI"]).expect(4);
        let made = shadow(&["update", "RPI", r#"{"desired":{"t":24.50,"led":{"r":1}}}"#]);
        let made: Value = serde_json::from_str(&made.expect(0).out).expect("JSON");
        assert_eq!(made["version"], 1, "{way}");
        account.update(
            "RPI",
            Some(name),
            &json!({"reported": {"t": 20, "led": {"r": 1}}}),
        );
        let read: Value =
            serde_json::from_str(&shadow(&["get", "RPI"]).expect(0).out).expect("JSON");
        assert_eq!(read["version"], 2, "{way}");
        assert_eq!(read["state"]["delta"], json!({"t": 24.50}), "{way}");
        let stale = shadow(&["update", "RPI", r#"{"desired":{"t":1}}"#, "--version", "1"]);
        let stale = stale.expect(3).err;
        assert!(stale.contains("409"), "{way}: {stale}");
        let large = format!(r#"{{"reported":{{"x":"{}"}}}}"#, "x".repeat(8200));
        let large = shadow(&["update", "RPI", &large]);
        assert!(large.err.contains("413"), "{way}: {}", large.err);
        shadow(&["delete", "RPI"]).expect(0);
        let gone = account.cloud(&json!({"do": "shadow", "thing": "RPI", "name": name}));
        assert_eq!(gone, Value::Null);
        // Within 48 hours it goes on counting.
        let again = shadow(&["update", "RPI", r#"{"reported":{"t":1}}"#]);
        let again: Value = serde_json::from_str(&again.expect(0).out).expect("JSON");
        assert_eq!(again["version"], 3, "{way}");
    }
    let listed = account.run("wss", &["shadow", "list", "RPI"]).expect(0);
    assert_eq!(listed.out, "a\nb\nc\n");
    account.run("wss", &["shadow", "get", "nobody"]).expect(4);
    account.assert_lawful();
}

#[test]
fn a_kept_session_brings_what_came_meanwhile_and_is_not_subscribed_again() {
    let Some(account) = Account::start() else {
        return;
    };
    account.configure(
        "client_id = \"desk\"\nclean_session = false\ntopics = [{ filter = \"plant/#\", qos = 1 }]",
    );
    for way in ["device", "device5"] {
        let tail = |count: &str| {
            account
                .command(way, &["tail", "--count", count])
                .spawn()
                .expect("it starts")
        };
        let from = account.log_length();
        let first = tail("1");
        account.wait("SUBSCRIBE desk plant/#@1", from);
        account.publish("plant/1", "first");
        ended(first).expect(0);
        account.wait("presence/disconnected/desk", from);
        account.publish("plant/2", "second");
        account.publish("plant/3", "third");
        let told = ended(tail("2")).expect(0).out;
        assert!(
            told.contains("plant/2") && told.contains("plant/3"),
            "{way}: {told}"
        );
        assert_eq!(told.matches("\"session\":true").count(), 2, "{way}: {told}");
        account.wait("presence/disconnected/desk", from);
    }
    account.assert_lawful();
}
