//! The platforms' documented flows, written in Python's standard library by `flows.py`: another language, another TLS,
//! and a simulator that lives meanwhile.

use std::path::Path;
use std::process::Stdio;

use tempfile::TempDir;
use thingdeck::domain::profile::PlatformId;
use thingdeck::sim::{Sim, SimOptions};
use tokio::process::Command;

use crate::client::LIMIT;

async fn hold(platform: PlatformId, name: &str) {
    let dir = TempDir::new().unwrap();
    let mut options = SimOptions::in_dir(dir.path());
    options.platform = platform;
    let sim = Sim::start(options).await.expect("the simulator starts");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sim/flows.py");
    let run = Command::new("python3")
        .arg(script)
        .arg(name)
        .arg(dir.path())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(LIMIT * 6, run).await;
    let output = output.expect("the flows end").expect("python3 runs");
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{complained}");
    sim.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn googles_flows_hold_for_devices_gateways_and_the_registry() {
    hold(PlatformId::Google, "google").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn huaweis_flows_hold_for_logins_commands_and_signed_calls() {
    hold(PlatformId::Huawei, "huawei").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn awss_flows_hold_for_certificates_signatures_shadows_and_provisioning() {
    hold(PlatformId::Aws, "aws").await;
}
