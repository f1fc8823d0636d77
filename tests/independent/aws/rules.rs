//! AWS's rules: what is refused before the wire, and what its hang-ups mean.

use serde_json::json;

use crate::support::account::{Account, ended};

#[test]
fn what_aws_would_hang_up_at_never_reaches_it() {
    let Some(account) = Account::start() else {
        return;
    };
    let large = account.path("large");
    std::fs::write(&large, vec![b'x'; 131_073]).expect("written");
    let large = large.to_str().expect("a path");
    let cases: [&[&str]; 7] = [
        &["publish", "a", "x", "--qos", "2"],
        &["publish", "$aws/things/RPI/shadow/update", "{}", "--retain"],
        &["publish", "1/2/3/4/5/6/7/8/9", "x"],
        &["publish", "a", "--file", large],
        &["publish", "$aws/things/RPI/shadow/update/accepted", "{}"],
        &["publish", "$aws/events/presence/connected/RPI", "{}"],
        &["tail", "$SYS/#", "--count", "1"],
    ];
    for line in cases {
        account.run("device", line).expect(2);
    }
    assert_eq!(account.logged("PUBLISH", 0), Vec::<String>::new());
    assert_eq!(account.logged("hangs up", 0), Vec::<String>::new());
    let most = account.path("most");
    std::fs::write(&most, vec![b'x'; 131_072]).expect("written");
    let most = most.to_str().expect("a path");
    account
        .run("device", &["publish", "a", "--file", most, "--qos", "1"])
        .expect(0);
    account.assert_lawful();
}

fn allow(action: &str, resource: &str) -> serde_json::Value {
    json!({"Effect": "Allow", "Action": action, "Resource": resource})
}

#[test]
fn a_denied_client_id_filter_and_topic_are_named_with_the_statement_that_allows_them() {
    let Some(account) = Account::start() else {
        return;
    };
    account.configure("client_id = \"desk\"");
    let connect = allow("iot:Connect", "*");
    let policy = |statements: &serde_json::Value| {
        account.cloud(&json!({"do": "policy", "name": "device", "statements": statements}));
    };
    for way in ["device", "device5"] {
        policy(&json!([allow(
            "iot:Connect",
            "arn:aws:iot:eu-west-1:123456789012:client/other"
        )]));
        let ended = account
            .run(way, &["publish", "a/b", "x", "--qos", "1"])
            .expect(3);
        assert!(
            ended.err.contains(r#""Action":"iot:Connect""#),
            "{way}: {}",
            ended.err
        );
        assert!(ended.err.contains(":client/desk"), "{way}: {}", ended.err);

        policy(&json!([connect]));
        let ended = account
            .run(way, &["tail", "plant/#", "--for", "20s"])
            .expect(3);
        assert!(
            ended.err.contains(":topicfilter/plant/#"),
            "{way}: {}",
            ended.err
        );

        policy(&json!([
            connect,
            allow("iot:Subscribe", "*"),
            allow("iot:Receive", "*")
        ]));
        let ended = account
            .run(way, &["publish", "a/b", "x", "--qos", "1"])
            .expect(3);
        assert!(
            ended.err.contains(r#""Action":"iot:Publish""#),
            "{way}: {}",
            ended.err
        );
        assert!(ended.err.contains(":topic/a/b"), "{way}: {}", ended.err);
    }
    account.assert_lawful();
}

#[test]
fn a_certificate_that_is_not_active_is_named() {
    let Some(account) = Account::start() else {
        return;
    };
    let all = account.cloud(&json!({"do": "certificates"}));
    for id in all.as_object().expect("certificates").keys() {
        account.cloud(&json!({"do": "certificate", "id": id, "status": "INACTIVE"}));
    }
    let ended = account
        .run("device", &["publish", "a", "x", "--qos", "1"])
        .expect(3);
    let named = all
        .as_object()
        .expect("certificates")
        .keys()
        .any(|id| ended.err.contains(id));
    assert!(named && ended.err.contains("not active"), "{}", ended.err);
}

#[test]
fn thirty_filters_go_eight_at_a_time() {
    let Some(account) = Account::start() else {
        return;
    };
    let filters: Vec<_> = (0..30).map(|n| format!("\"t/{n}\"")).collect();
    account.configure(&format!("topics = [{}]", filters.join(", ")));
    for way in ["device", "wss5"] {
        let from = account.log_length();
        let tail = account
            .command(way, &["tail", "--count", "1"])
            .spawn()
            .expect("it starts");
        account.wait("SUBSCRIBE .* t/29@", from);
        account.publish("t/29", "x");
        ended(tail).expect(0);
        assert_eq!(account.logged("hangs up", from), Vec::<String>::new());
    }
    account.assert_lawful();
}

#[test]
fn a_wrong_clock_is_told_with_the_difference() {
    let Some(account) = Account::start() else {
        return;
    };
    account.cloud(&json!({"do": "set", "name": "skew", "value": 1770}));
    let ended = account
        .run("wss5", &["publish", "a", "x", "--qos", "1"])
        .expect(3);
    assert!(ended.err.contains("Signature expired"), "{}", ended.err);
    assert!(ended.err.contains("29 min behind"), "{}", ended.err);
    let ended = account.run("wss5", &["shadow", "get", "RPI"]).expect(3);
    assert!(ended.err.contains("29 min behind"), "{}", ended.err);
}

#[test]
fn a_reconnect_over_a_web_socket_signs_anew() {
    let Some(account) = Account::start() else {
        return;
    };
    account.configure("client_id = \"desk\"");
    let tail = account
        .command("wss5", &["tail", "a/#", "--count", "1"])
        .spawn()
        .expect("it starts");
    account.wait("SUBSCRIBE desk a/#", 0);
    let from = account.log_length();
    account.cloud(&json!({"do": "kick", "client": "desk"}));
    account.wait("SUBSCRIBE desk a/#", from);
    account.publish("a/1", "x");
    ended(tail).expect(0);
    // A presigned address that is more than seconds old is a violation.
    account.assert_lawful();
}

#[test]
fn a_twin_with_the_same_client_id_ends_the_stream_and_is_named() {
    let Some(account) = Account::start() else {
        return;
    };
    account.configure("client_id = \"twin\"");
    for way in ["device", "device5"] {
        let from = account.log_length();
        let first = account
            .command(way, &["tail", "a/#", "--count", "1"])
            .spawn()
            .expect("it starts");
        account.wait("SUBSCRIBE twin a/#", from);
        account.cloud(&json!({"do": "usurp", "client": "twin", "times": 4}));
        let told = ended(first).expect(3).err;
        assert!(
            told.contains("twin") && told.contains("another client"),
            "{way}: {told}"
        );
        account.cloud(&json!({"do": "usurp", "client": "twin", "times": 0}));
    }
    account.assert_lawful();
}

#[test]
fn a_filter_over_the_quota_is_named_and_the_others_go_on() {
    let Some(account) = Account::start() else {
        return;
    };
    // AWS grants 3 here, as an account with another quota would.
    account.cloud(&json!({"do": "set", "name": "subscriptions", "value": 3}));
    let line = ["tail", "a", "b", "c", "d", "--count", "1"];
    for way in ["device", "device5"] {
        let from = account.log_length();
        let tail = account.command(way, &line).spawn().expect("it starts");
        account.wait("SUBSCRIBE .* d@", from);
        account.publish("c", "x");
        let told = ended(tail).expect(0);
        assert!(told.err.contains("refused d"), "{way}: {}", told.err);
    }
    account.assert_lawful();
}

#[test]
fn what_is_said_after_connecting_and_before_leaving_reaches_the_shadow_and_a_cut_sends_the_will() {
    let Some(account) = Account::start() else {
        return;
    };
    let says =
        |connected: bool| format!("'{{\"state\":{{\"reported\":{{\"connected\":{connected}}}}}}}'");
    account.configure(&format!(
        "client_id = \"RPI\"\n\
         will = {{ topic = \"my/things/RPI/update\", payload = {0}, qos = 1 }}\n\
         on_connect = {{ topic = \"$aws/things/RPI/shadow/update\", payload = {1}, qos = 1 }}\n\
         on_disconnect = {{ topic = \"$aws/things/RPI/shadow/update\", payload = {0}, qos = 1 }}",
        says(false),
        says(true)
    ));
    account.cloud(&json!({"do": "rule", "from": "my/things/+/update", "to": "$$aws/things/${topic(3)}/shadow/update"}));
    let connected = || {
        account.cloud(&json!({"do": "shadow", "thing": "RPI"}))["state"]["reported"]["connected"]
            .clone()
    };
    for way in ["device", "device5"] {
        let from = account.log_length();
        let tail = account
            .command(way, &["tail", "a/#", "--count", "1"])
            .spawn()
            .expect("it starts");
        account.wait("RPI/shadow/update/accepted .*true", from);
        assert_eq!(connected(), json!(true), "{way}");
        let from = account.log_length();
        account.cloud(&json!({"do": "kick", "client": "RPI"}));
        account.wait("^my/things/RPI/update ", from);
        account.wait("RPI/shadow/update/accepted .*false", from);
        account.wait("RPI/shadow/update/accepted .*true", from);
        account.wait("SUBSCRIBE RPI a/#", from);
        account.publish("a/1", "x");
        ended(tail).expect(0);
        account.wait("left: RPI", from);
        assert_eq!(connected(), json!(false), "{way}: said before it left");
    }
    account.assert_lawful();
}
