//! What devices and platform say to each other (`reference/huawei-iot.md` 4, 5).

use serde_json::{Value, json};

use super::{GATEWAYS, Login, METERS, OLDER, Project, SENSORS, answered, json, lose_patience, sys};
use crate::raw::Three;

async fn body(three: &mut Three) -> (String, Value) {
    let message = three.message().await;
    (message.topic.clone(), json(&message.payload))
}

fn report(properties: &Value) -> Vec<u8> {
    json!({"services": [{"service_id": "Meter", "properties": properties}]})
        .to_string()
        .into_bytes()
}

#[tokio::test]
async fn a_report_changes_the_shadow_and_what_the_product_does_not_know_is_dropped() {
    let project = Project::quiet().await;
    let mut three = project.meter("meter-2").await;
    let topic = sys("meter-2", "properties/report");
    let first = json!({"voltage": 221.5, "weight": 3});
    assert!(three.tell(&topic, &report(&first)).await);
    let traced = format!("{topic}?request_id=mine");
    assert!(three.tell(&traced, &report(&json!({"power": 40}))).await);
    for nothing in ["{", "[]", r#"{"services":[{"service_id":"Other"}]}"#] {
        assert!(
            three.tell(&topic, nothing.as_bytes()).await,
            "acknowledged all the same"
        );
    }
    three
        .publish(&sys("meter-2", "shadow/get/request_id=a-1"), b"")
        .await;
    let (topic, shadow) = body(&mut three).await;
    assert_eq!(topic, sys("meter-2", "shadow/get/response/request_id=a-1"));
    assert_eq!(shadow["object_device_id"], format!("{METERS}_meter-2"));
    let section = &shadow["shadow"][0];
    assert_eq!(section["service_id"], "Meter");
    assert_eq!(section["version"], 2);
    assert_eq!(
        section["reported"]["properties"],
        json!({"voltage": 221.5, "power": 40})
    );
}

#[tokio::test]
async fn a_command_needs_no_subscription_and_its_answer_the_same_id() {
    let project = Project::quiet().await;
    let mut three = project.meter("meter-1").await;
    let mut events = project.control.events();
    let paras = json!({"value": "ON"});
    let request = project
        .control
        .ask_command("meter-1", "Meter", "SWITCH", &paras)
        .unwrap();
    let (topic, command) = body(&mut three).await;
    assert_eq!(
        topic,
        sys("meter-1", &format!("commands/request_id={request}"))
    );
    assert_eq!(
        command,
        json!({"service_id": "Meter", "command_name": "SWITCH", "paras": paras})
    );
    let wrong = sys("meter-1", "commands/response/request_id=other");
    three.tell(&wrong, br#"{"result_code":1}"#).await;
    let right = sys(
        "meter-1",
        &format!("commands/response/request_id={request}"),
    );
    three
        .tell(&right, br#"{"result_code":0,"paras":{"x":1}}"#)
        .await;
    assert_eq!(
        answered(&mut events, &request).await,
        Some(json!({"result_code": 0, "paras": {"x": 1}}))
    );
}

#[tokio::test]
async fn who_answers_under_another_id_or_not_at_all_has_not_answered() {
    let project = Project::quiet().await;
    let mut three = project.meter("meter-1").await;
    let mut events = project.control.events();
    let control = &project.control;
    let request = control
        .ask_command("meter-1", "Meter", "READ", &json!({}))
        .unwrap();
    let wrong = sys("meter-1", "commands/response/request_id=other");
    assert!(three.tell(&wrong, b"{}").await);
    lose_patience(control);
    assert_eq!(answered(&mut events, &request).await, None);
}

#[tokio::test]
async fn properties_are_set_and_asked_for() {
    let project = Project::quiet().await;
    let mut three = project.meter("meter-1").await;
    let mut events = project.control.events();
    let services = json!([{"service_id": "Meter", "properties": {"reportInterval": 5}}]);
    let request = project.control.ask_to_set("meter-1", &services).unwrap();
    let (topic, asked) = body(&mut three).await;
    assert!(topic.ends_with(&format!("properties/set/request_id={request}")));
    assert_eq!(asked, json!({"services": services}));
    let answer = sys(
        "meter-1",
        &format!("properties/set/response/request_id={request}"),
    );
    three.tell(&answer, br#"{"result_code":0}"#).await;
    assert!(answered(&mut events, &request).await.is_some());
    let request = project
        .control
        .ask_properties("meter-1", Some("Meter"))
        .unwrap();
    let (topic, asked) = body(&mut three).await;
    assert!(topic.ends_with(&format!("properties/get/request_id={request}")));
    assert_eq!(asked, json!({"service_id": "Meter"}));
    let answer = sys(
        "meter-1",
        &format!("properties/get/response/request_id={request}"),
    );
    three.tell(&answer, &report(&json!({"power": 1}))).await;
    let told = answered(&mut events, &request).await.unwrap();
    assert_eq!(told["services"][0]["properties"]["power"], 1);
}

fn v1_login(project: &Project) -> Login {
    let secret = project.file("v1-0001.secret");
    let id = format!("{OLDER}_v1-0001");
    Login::new(&id, &secret, 0, 1, &project.hour())
}

#[tokio::test]
async fn v1_hears_its_commands_when_it_has_subscribed_and_answers_with_the_number() {
    let project = Project::quiet().await;
    let mut three = project.three(&v1_login(&project)).await;
    let mut events = project.control.events();
    let ask = || {
        let paras = json!({"value": "OFF"});
        project
            .control
            .ask_command("v1-0001", "Meter", "SWITCH", &paras)
    };
    assert!(ask().is_err(), "not subscribed");
    let base = format!("/huawei/v1/devices/{OLDER}_v1-0001");
    three.listen(&[&format!("{base}/command/json")]).await;
    let mid = ask().unwrap();
    let (topic, command) = body(&mut three).await;
    assert_eq!(topic, format!("{base}/command/json"));
    assert_eq!(command["msgType"], "cloudReq");
    assert_eq!(command["cmd"], "SWITCH");
    assert_eq!(command["mid"].to_string(), mid);
    let data = format!("{base}/data/json");
    let answer = |mid: Value| {
        json!({"msgType": "deviceRsp", "mid": mid, "errcode": 0, "body": {"ok": 1}}).to_string()
    };
    // As text the number is none.
    three.tell(&data, answer(json!(mid)).as_bytes()).await;
    three
        .tell(&data, answer(command["mid"].clone()).as_bytes())
        .await;
    assert_eq!(
        answered(&mut events, &mid).await,
        Some(json!({"result_code": 0, "paras": {"ok": 1}}))
    );
}

#[tokio::test]
async fn v1_reports_several_services_with_their_times() {
    let project = Project::quiet().await;
    let mut three = project.three(&v1_login(&project)).await;
    let report = json!({"msgType": "deviceReq", "hasMore": 0, "data": [
        {"serviceId": "Meter", "serviceData": {"power": 9}, "eventTime": "20260101T020304Z"},
        {"serviceId": "Unknown", "serviceData": {"x": 1}},
    ]});
    let topic = format!("/huawei/v1/devices/{OLDER}_v1-0001/data/json");
    assert!(three.tell(&topic, report.to_string().as_bytes()).await);
    let shadow = project.control.device_shadow("v1-0001").unwrap();
    assert_eq!(shadow.as_array().unwrap().len(), 1);
    assert_eq!(
        shadow[0]["reported"],
        json!({"properties": {"power": 9}, "event_time": "20260101T020304Z"})
    );
}

async fn gateway(project: &Project) -> Three {
    let secret = project.file("gateway-1.secret");
    let id = format!("{GATEWAYS}_gateway-1");
    let login = Login::new(&id, &secret, 0, 1, &project.hour());
    project.three(&login).await
}

fn of_gateway(rest: &str) -> String {
    format!("$oc/devices/{GATEWAYS}_gateway-1/sys/{rest}")
}

/// Asks one of the platform's services; what it answers.
async fn event(three: &mut Three, service: &str, kind: &str, paras: Value) -> Value {
    let told = json!({"services": [{"service_id": service, "event_type": kind, "event_id": "e-7", "event_time": "20260101T000000Z", "paras": paras}]});
    three
        .publish(&of_gateway("events/up"), told.to_string().as_bytes())
        .await;
    let (topic, answer) = body(three).await;
    assert_eq!(topic, of_gateway("events/down"));
    let answer = answer["services"][0].clone();
    assert_eq!(answer["event_id"], "e-7");
    assert_eq!(answer["service_id"], service);
    answer
}

#[tokio::test]
async fn a_gateway_speaks_for_what_is_behind_it() {
    let project = Project::quiet().await;
    let mut three = gateway(&project).await;
    let child = format!("{SENSORS}_sensor-1");
    let services = json!([{"service_id": "Environment", "properties": {"humidity": 61}}]);
    let batch = json!({"devices": [
        {"device_id": child, "services": services},
        {"device_id": format!("{METERS}_meter-1"), "services": [{"service_id": "Environment", "properties": {"humidity": 99}}]},
    ]});
    let topic = of_gateway("gateway/sub_devices/properties/report");
    assert!(three.tell(&topic, batch.to_string().as_bytes()).await);
    assert_eq!(project.control.device_status("sensor-1"), Some("ONLINE"));
    let humidity = |node: &str| {
        let shadow = project.control.device_shadow(node).unwrap();
        let sections = shadow.as_array().unwrap().clone();
        let room = sections
            .into_iter()
            .find(|section| section["service_id"] == "Environment");
        room.unwrap()["reported"]["properties"]["humidity"].clone()
    };
    assert_eq!(humidity("sensor-1"), 61);
    assert_ne!(humidity("meter-1"), 99, "not behind this gateway");
    project
        .control
        .ask_command("sensor-1", "Environment", "CALIBRATE", &json!({}))
        .unwrap();
    let (topic, command) = body(&mut three).await;
    assert!(topic.starts_with(&of_gateway("commands/request_id=")));
    assert_eq!(command["object_device_id"], child);
    drop(three);
}

#[tokio::test]
async fn sub_devices_come_go_and_change_their_state() {
    let project = Project::quiet().await;
    let mut three = gateway(&project).await;
    let service = "$sub_device_manager";
    let devices = json!({"devices": [
        {"node_id": "new-1", "product_id": SENSORS, "name": "새 센서"},
        {"node_id": "new-2", "product_id": "nothing"},
    ]});
    let answer = event(&mut three, service, "add_sub_device_request", devices).await;
    assert_eq!(answer["event_type"], "add_sub_device_response");
    let id = format!("{SENSORS}_new-1");
    assert_eq!(answer["paras"]["successful_devices"][0]["device_id"], id);
    assert_eq!(answer["paras"]["failed_devices"][0]["node_id"], "new-2");
    assert_eq!(project.control.device_status("new-1"), Some("INACTIVE"));
    let statuses = json!({"device_statuses": [{"device_id": id, "status": "ONLINE"}]});
    let kind = "sub_device_update_status";
    let answer = event(&mut three, service, kind, statuses).await;
    assert_eq!(answer["event_type"], "sub_device_update_status_response");
    assert_eq!(project.control.device_status("new-1"), Some("ONLINE"));
    let gone = json!({"devices": [id, "nobody"]});
    let answer = event(&mut three, service, "delete_sub_device_request", gone).await;
    assert_eq!(answer["event_type"], "delete_sub_device_response");
    assert_eq!(answer["paras"]["successful_devices"], json!([id]));
    assert_eq!(project.control.device_status("new-1"), None);
}

#[tokio::test]
async fn the_time_is_told_and_versions_are_asked_for() {
    let project = Project::quiet().await;
    let mut three = gateway(&project).await;
    let paras = json!({"device_send_time": 12345});
    let answer = event(&mut three, "$time_sync", "time_sync_request", paras).await;
    assert_eq!(answer["paras"]["device_send_time"], 12345);
    let server = answer["paras"]["server_recv_time"].as_i64().unwrap();
    assert!((server / 1000 - project.control.now().seconds()).abs() < 5);
    assert!(
        project
            .control
            .send_event("gateway-1", "$ota", "version_query", &json!({}))
    );
    let (topic, query) = body(&mut three).await;
    assert_eq!(topic, of_gateway("events/down"));
    assert_eq!(query["services"][0]["event_type"], "version_query");
}

#[tokio::test]
async fn messages_wait_for_a_device_and_go_out_when_it_comes() {
    let project = Project::quiet().await;
    let send = |number: u32| {
        let content = json!({"안녕": number});
        project
            .control
            .send_message("meter-1", "greeting", &content)
            .unwrap();
    };
    for number in 0..22 {
        send(number);
    }
    let mut three = project.meter("meter-1").await;
    // 20 are kept; the oldest are overwritten.
    for number in 2..22 {
        let (topic, message) = body(&mut three).await;
        assert_eq!(topic, sys("meter-1", "messages/down"));
        assert_eq!(message["name"], "greeting");
        assert_eq!(message["content"], json!({"안녕": number}));
    }
}

#[tokio::test]
async fn who_asks_to_be_provisioned_is_told_the_address() {
    let project = Project::quiet().await;
    let mut meter = project.meter("meter-1").await;
    meter.publish(&sys("meter-1", "bootstrap/up"), b"").await;
    let (topic, told) = body(&mut meter).await;
    assert_eq!(topic, sys("meter-1", "bootstrap/down"));
    let address = project.sim.ready().mqtt_url.replace("mqtts://", "");
    assert_eq!(told["address"], address);
}
