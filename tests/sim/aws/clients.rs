//! Clients that others wrote: mosquitto's, over mutual TLS. AWS's own are in `aws_sdk.py`.

use std::process::Stdio;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

use super::Account;
use crate::client::LIMIT;
use crate::mosquitto::are_there;

#[tokio::test]
async fn mosquittos_clients_talk_to_a_shadow_in_both_versions() {
    if !are_there().await {
        return;
    }
    for version in ["311", "5"] {
        let account = Account::quiet().await;
        let way = |id: &str| {
            let file = |name: &str| account.dir.path().join(name).display().to_string();
            let port = account.mqtt_port().to_string();
            let (ca, cert, key) = (file("ca.pem"), file("deck.pem.crt"), file("deck.pem.key"));
            [
                "-h",
                "localhost",
                "-p",
                &port,
                "--cafile",
                &ca,
                "--cert",
                &cert,
                "--key",
                &key,
                "-V",
                version,
                "-i",
                id,
                "-q",
                "1",
            ]
            .map(str::to_owned)
        };
        let mut events = account.control.events();
        let mut listener = Command::new("mosquitto_sub")
            .args(way("listener"))
            .args(["-t", "$aws/things/RPI/shadow/update/accepted", "-C", "1"])
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        crate::client::wait(&mut events, |event| {
            format!("{event:?}").contains("Subscribed")
        })
        .await;
        let sent = Command::new("mosquitto_pub")
            .args(way("talker"))
            .args(["-t", "$aws/things/RPI/shadow/update"])
            .args(["-m", r#"{"state":{"reported":{"by":"mosquitto"}}}"#])
            .output();
        let sent = tokio::time::timeout(LIMIT, sent).await.unwrap().unwrap();
        assert!(sent.status.success(), "{sent:?}");
        let mut lines = BufReader::new(listener.stdout.take().unwrap()).lines();
        let line = tokio::time::timeout(LIMIT, lines.next_line()).await;
        let line = line.unwrap().unwrap().expect("a message");
        assert!(line.contains("\"by\":\"mosquitto\""), "{line}");
    }
}
