//! As a device over MQTT: logins, reports, messages, the shadow, events, answers by themselves.

use std::process::Child;

use serde_json::{Value, json};

use crate::support::plant::Plant;
use crate::support::program::Ended;

const METER: &str = "5e06_meter";

fn ended(child: Child) -> Ended {
    Ended::from(child.wait_with_output().expect("it ends"))
}

fn lines(ended: &Ended) -> Vec<Value> {
    let lines = ended.out.lines();
    lines
        .map(|line| serde_json::from_str(line).expect("a JSON line"))
        .collect()
}

#[test]
fn a_login_is_made_of_id_secret_and_hour_and_the_server_is_named() {
    let Some(plant) = Plant::start() else { return };
    let topic = format!("$oc/devices/{METER}/sys/messages/up");
    for profile in ["meter", "unchecked", "plain"] {
        let arguments = ["-p", profile, "publish", &topic, "hello", "--qos", "1"];
        plant.run(&arguments).expect(0);
    }
    let older = "/huawei/v1/devices/SN-0042/data/json";
    let report = r#"{"msgType":"deviceReq","data":[{"serviceId":"M","serviceData":{"v":1}}]}"#;
    let arguments = ["-p", "older", "publish", older, report, "--qos", "1"];
    plant.run(&arguments).expect(0);
    let x509 = "$oc/devices/5e06_x509/sys/messages/up";
    plant
        .run(&["-p", "x509", "publish", x509, "hello", "--qos", "1"])
        .expect(0);
    let connects = plant.connects();
    let begins: Vec<_> = connects
        .iter()
        .map(|connect| {
            let id = connect["client_id"].as_str().expect("text");
            let (front, hour) = id.rsplit_once('_').expect("an hour");
            assert_eq!(hour.len(), 10, "{id}");
            (front, connect["user"].as_str().expect("a user"))
        })
        .collect();
    assert_eq!(
        begins,
        [
            ("5e06_meter_0_1", METER),
            ("5e06_meter_0_0", METER),
            ("5e06_meter_0_1", METER),
            ("SN-0042_2_1", "SN-0042"),
            ("5e06_x509_0_1", "5e06_x509"),
        ]
    );
    assert_eq!(connects[4]["password"], Value::Null);
    assert!(connects.iter().all(|c| c["keep_alive"] == 120));
    plant.assert_lawful();
}

#[test]
fn a_refusal_is_told_once_with_what_to_look_at() {
    let Some(plant) = Plant::start() else { return };
    let refused = |profile: &str, exit: i32| {
        let before = plant.connects().len();
        let ended = plant
            .run(&["-p", profile, "tail", "--for", "10s"])
            .expect(exit);
        (ended.err, plant.connects().len() - before)
    };
    let (words, tries) = refused("wrong-secret", 3);
    for part in [
        "CONNACK 4",
        "5e06_meter_0_1_",
        "(UTC)",
        "check: 1. device_id",
        "2. the secret",
    ] {
        assert!(words.contains(part), "{part}: {words}");
    }
    assert!(!words.contains("s3cret"), "{words}");
    assert_eq!(tries, 1, "a wrong password is not tried again");
    let (words, tries) = refused("frozen", 3);
    assert!(words.contains("frozen") && tries == 1, "{words}");
    let (words, tries) = refused("untrusted", 3);
    assert!(words.contains("certificate") && tries == 0, "{words}");
    let (words, tries) = refused("other-host", 3);
    assert!(words.contains("other.example") && tries == 0, "{words}");
    // The platform's clock is three hours ahead: the login is one of another hour.
    plant.rules(&json!({"shift": 3}));
    let (words, tries) = refused("meter", 3);
    assert!(words.contains("compares the hour") && tries == 1, "{words}");
    let topic = format!("$oc/devices/{METER}/sys/messages/up");
    let unchecked = ["-p", "unchecked", "publish", &topic, "x", "--qos", "1"];
    plant.run(&unchecked).expect(0);
}

#[test]
fn messages_events_and_commands_come_unasked_and_keep_their_numbers() {
    let Some(plant) = Plant::start() else { return };
    let tail = plant.begin(&["-p", "bare", "tail", "--count", "4", "--for", "30s"]);
    plant.wait("connected 5e06_meter");
    let down = |tail: &str, text: &str| {
        let topic = format!("$oc/devices/{METER}/sys/{tail}");
        let order = json!({"do": "down", "device": METER, "topic": topic, "text": text});
        assert_eq!(plant.cloud(&order), true);
    };
    down("messages/down", "no JSON at all");
    let event = r#"{"services":[{"service_id":"$ota","event_type":"version_query","event_time":"20261121T165500Z","paras":{}}]}"#;
    down("events/down", event);
    let command = r#"{"service_id":"Relay","command_name":"ON","paras":{"n":1.50,"big":12345678901234567890123}}"#;
    let request = plant.asks("command", METER, command);
    plant.asks(
        "set",
        METER,
        r#"{"services":[{"service_id":"Relay","properties":{"on":true}}]}"#,
    );
    let ended = ended(tail).expect(0);
    let lines = lines(&ended);
    let kinds: Vec<_> = lines.iter().map(|line| line["kind"].clone()).collect();
    assert_eq!(kinds, ["message", "event", "command", "command"]);
    assert!(
        ended.out.contains(&format!("\"payload\":{command}")),
        "{}",
        ended.out
    );
    let topic = format!("$oc/devices/{METER}/sys/commands/request_id={request}");
    assert_eq!(lines[2]["topic"], topic.as_str());
    assert_eq!(lines[0]["text"], "no JSON at all");
    plant.assert_lawful();
}

#[test]
fn reports_go_up_in_both_forms_and_no_number_is_altered() {
    let Some(plant) = Plant::start() else { return };
    let arguments = [
        "report",
        METER,
        "Meter",
        "voltage=229.80",
        "pulses=12345678901234567890123",
        "on=true",
    ];
    plant.run(&arguments).expect(0);
    let several = r#"{"Meter":{"huge":1e400},"Relay":{"on":false}}"#;
    plant.run(&["report", METER, several]).expect(0);
    let timed = r#"[{"service_id":"Meter","properties":{"v":1.0},"event_time":"2026-11-21T16:55:00.250Z"}]"#;
    plant.run(&["report", METER, timed]).expect(0);
    let front = format!("$oc/devices/{METER}/sys/properties/report");
    assert_eq!(
        plant.uplinks(METER),
        [
            (front.clone(), r#"{"services":[{"service_id":"Meter","properties":{"voltage":229.80,"pulses":12345678901234567890123,"on":true}}]}"#.to_owned()),
            (front.clone(), r#"{"services":[{"service_id":"Meter","properties":{"huge":1e400}},{"service_id":"Relay","properties":{"on":false}}]}"#.to_owned()),
            (front, r#"{"services":[{"service_id":"Meter","properties":{"v":1.0},"event_time":"2026-11-21T16:55:00.250Z"}]}"#.to_owned()),
        ]
    );
    plant
        .run(&["-p", "older", "report", "SN-0042", several])
        .expect(0);
    assert_eq!(
        plant.uplinks("5e06_older"),
        [(
            "/huawei/v1/devices/SN-0042/data/json".to_owned(),
            r#"{"msgType":"deviceReq","data":[{"serviceId":"Meter","serviceData":{"huge":1e400}},{"serviceId":"Relay","serviceData":{"on":false}}]}"#.to_owned()
        )]
    );
    // For a device behind the gateway, and several devices in one message.
    plant
        .run(&[
            "-p",
            "gateway",
            "report",
            "5e06_child",
            "Climate",
            "t=21.50",
        ])
        .expect(0);
    let batch = r#"{"devices":[{"device_id":"5e06_child","services":[{"service_id":"Climate","properties":{"t":21.75}}]},{"device_id":"5e06_gateway","services":[{"service_id":"Box","properties":{"load":3}}]}]}"#;
    plant
        .run(&["-p", "gateway", "report", "5e06_gateway", batch])
        .expect(0);
    let front = "$oc/devices/5e06_gateway/sys/gateway/sub_devices/properties/report".to_owned();
    let one = r#"{"devices":[{"device_id":"5e06_child","services":[{"service_id":"Climate","properties":{"t":21.50}}]}]}"#;
    assert_eq!(
        plant.uplinks("5e06_gateway"),
        [(front.clone(), one.to_owned()), (front, batch.to_owned())]
    );
    plant.assert_lawful();
}

#[test]
fn events_go_up_and_the_platforms_clock_is_asked_for() {
    let Some(plant) = Plant::start() else { return };
    plant
        .run(&[
            "-p",
            "gateway",
            "event",
            "5e06_child",
            "Door.opened",
            r#"{"force":1.50}"#,
        ])
        .expect(0);
    let (topic, payload) = plant.uplinks("5e06_gateway").pop().expect("one");
    assert_eq!(topic, "$oc/devices/5e06_gateway/sys/events/up");
    assert!(payload.starts_with(r#"{"object_device_id":"5e06_child","services":[{"service_id":"Door","event_type":"opened","event_time":""#), "{payload}");
    assert!(
        payload.ends_with(r#""paras":{"force":1.50}}]}"#),
        "{payload}"
    );
    let agreed = plant.run(&["-p", "bare", "time-sync", "--json"]).expect(0);
    let offset = lines(&agreed)[0]["offset_ms"].as_i64().expect("a number");
    assert!(offset.abs() < 10_000, "{offset}");
    plant.rules(&json!({"shift": 1}));
    let ended = plant.run(&["-p", "unchecked", "time-sync"]).expect(0);
    assert!(ended.out.contains("behind the platform's"), "{}", ended.out);
    let none = plant
        .run(&["-p", "older", "event", "SN-0042", "Door.opened"])
        .expect(2);
    assert!(none.err.contains("v1"), "{}", none.err);
    plant.assert_lawful();
}

#[test]
fn the_shadow_is_told_over_mqtt_as_it_stands() {
    let Some(plant) = Plant::start() else { return };
    let ended = plant.run(&["-p", "bare", "shadow", "get", METER]).expect(0);
    let known = r#""reported":{"properties":{"voltage":229.80,"pulses":12345678901234567890123,"huge":1e400}"#;
    assert!(ended.out.contains(known), "{}", ended.out);
    let (topic, payload) = plant.uplinks(METER).pop().expect("one");
    assert!(topic.contains("/sys/shadow/get/request_id="), "{topic}");
    assert_eq!(payload, "{}");
    plant
        .run(&["-p", "bare", "shadow", "get", METER, "--name", "Relay"])
        .expect(0);
    let (_, payload) = plant.uplinks(METER).pop().expect("one");
    assert_eq!(payload, r#"{"service_id":"Relay"}"#);
    plant.assert_lawful();
}

#[test]
fn commands_and_properties_are_answered_as_the_profile_says() {
    let Some(plant) = Plant::start() else { return };
    let mut tail = plant.begin(&["-p", "auto", "tail", "--for", "5m"]);
    plant.wait("connected 5e06_meter");
    let on = plant.asks(
        "command",
        METER,
        r#"{"service_id":"Relay","command_name":"ON","paras":{}}"#,
    );
    assert_eq!(
        plant.answer(&on),
        r#"{"result_code":1,"response_name":"DONE","paras":{"load":1.50}}"#
    );
    // What no JSON reader of this program could hold as a number is answered all the same.
    let off = plant.asks(
        "command",
        METER,
        r#"{"service_id":"Relay","command_name":"OFF","paras":{"huge":1e400}}"#,
    );
    assert_eq!(plant.answer(&off), r#"{"result_code":0}"#);
    let set = plant.asks(
        "set",
        METER,
        r#"{"services":[{"service_id":"Relay","properties":{"on":true}}]}"#,
    );
    assert_eq!(
        plant.answer(&set),
        r#"{"result_code":0,"result_desc":"success"}"#
    );
    let get = plant.asks("get", METER, r#"{"service_id":"Relay"}"#);
    assert_eq!(
        plant.answer(&get),
        r#"{"services":[]}"#,
        "nothing was reported here, nothing is made up"
    );
    // A connection that breaks comes back with a login of its own, and answers again.
    let before = plant.log().len();
    plant.cloud(&json!({"do": "kick", "device": METER}));
    plant.wait_from("connected 5e06_meter", before);
    let again = plant.asks(
        "command",
        METER,
        r#"{"service_id":"Relay","command_name":"ON","paras":{}}"#,
    );
    assert!(plant.answer(&again).starts_with(r#"{"result_code":1"#));
    tail.kill().expect("it runs");
    tail.wait().expect("it ends");

    let mut tail = plant.begin(&["-p", "older-auto", "tail", "--for", "5m"]);
    plant.wait("subscribed /huawei/v1/devices/5e06_older/command/json 1");
    let mid = plant.asks_v1("5e06_older", "Relay", "ON");
    assert_eq!(
        plant.answer_v1("5e06_older", &mid),
        format!(r#"{{"msgType":"deviceRsp","mid":{mid},"errcode":1,"body":{{"load":1.50}}}}"#)
    );
    tail.kill().expect("it runs");
    tail.wait().expect("it ends");
    plant.assert_lawful();
}

#[test]
fn a_device_behind_the_gateway_is_answered_for_under_the_gateways_id() {
    let Some(plant) = Plant::start() else { return };
    let tail = plant.begin(&["-p", "gateway-auto", "tail", "--count", "2", "--for", "30s"]);
    plant.wait("connected 5e06_gateway");
    let text =
        r#"{"object_device_id":"5e06_child","service_id":"Relay","command_name":"ON","paras":{}}"#;
    let request = plant.asks("command", "5e06_child", text);
    assert_eq!(plant.answer(&request), r#"{"result_code":0}"#);
    // The second message ends it: then the first is written.
    let topic = "$oc/devices/5e06_gateway/sys/messages/down";
    let order = json!({"do": "down", "device": "5e06_gateway", "topic": topic, "text": "done"});
    assert_eq!(plant.cloud(&order), true);
    let ended = ended(tail).expect(0);
    assert_eq!(lines(&ended)[0]["device"]["id"], "5e06_child");
    plant.assert_lawful();
}

#[test]
fn what_the_platform_would_hang_up_for_is_refused_before_the_wire() {
    let Some(plant) = Plant::start() else { return };
    let own = format!("$oc/devices/{METER}/sys/messages/up");
    let other = "$oc/devices/5e06_gateway/sys/messages/up";
    let filter = "$oc/devices/5e06_gateway/sys/#";
    let cases: [(&[&str], i32, &str); 4] = [
        (&["publish", &own, "x", "--qos", "2"], 2, "QoS 0 and 1"),
        (&["publish", &own, "x", "--retain"], 2, "retained"),
        (&["publish", other, "x"], 2, "own id only"),
        (&["tail", filter, "--for", "5s"], 2, "own id only"),
    ];
    for (arguments, exit, why) in cases {
        let ended = plant.run(arguments).expect(exit);
        assert!(ended.err.contains(why), "{}", ended.err);
    }
    let listed = plant.run(&["subs", "--json"]).expect(0);
    let states: Vec<_> = lines(&listed)
        .iter()
        .map(|line| (line["sort"].clone(), line["state"].clone()))
        .collect();
    assert_eq!(
        states,
        [
            (json!("push"), json!("unasked")),
            (json!("event"), json!("unasked"))
        ],
        "IoTDA delivers what is not subscribed, and that is what is said"
    );
    plant.assert_lawful();
}
