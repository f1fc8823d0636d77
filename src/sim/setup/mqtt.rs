//! The plain broker and its plant: four ways in, one broker.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::task::JoinSet;

use super::{File, Running, listen, write_files};
use crate::sim::ca::Authority;
use crate::sim::clock::SimClock;
use crate::sim::cloud::mqtt::Plant;
use crate::sim::hub::Hub;
use crate::sim::serve::port::{self, Port};
use crate::sim::serve::web_socket::Door;
use crate::sim::{Ready, SimError, SimOptions};

const PATH: &str = "/mqtt";
/// The line of a profile over TLS.
const CA: &str = "ca_file = \"ca.pem\"\n";

pub async fn start(options: SimOptions) -> Result<Running, SimError> {
    let mqtts = listen(options.mqtt_port)?;
    let wss = listen(options.wss_port)?;
    let (plain, ws) = (listen(0)?, listen(0)?);
    let authority = Authority::new()?;
    let url = |scheme: &str, address: SocketAddr, path: &str| format!("{scheme}://{address}{path}");
    let ready = Ready {
        ready: true,
        platform: "mqtt",
        api_url: None,
        mqtt_url: url("mqtts", mqtts.1, ""),
        wss_url: Some(url("wss", wss.1, PATH)),
        plain_url: Some(url("mqtt", plain.1, "")),
        ws_url: Some(url("ws", ws.1, PATH)),
        ca_file: options.dir.join("ca.pem"),
        config: options.dir.join("config.toml"),
    };
    let files = vec![
        File::public(&ready.ca_file, authority.pem()),
        File::public(&ready.config, config(&ready)),
    ];
    write_files(&options.dir, files).await?;
    let clock = SimClock::start();
    let plant = Plant::new(options.seed, options.devices);
    let hub = Arc::new(Hub::new(clock, Box::new(plant)));
    let door = Arc::new(Door::open(PATH));
    let ports = vec![
        Port::plain(mqtts).tls(authority.server(&[b"mqtt"])?),
        Port::plain(wss)
            .tls(authority.https()?)
            .web_socket(Arc::clone(&door)),
        Port::plain(plain),
        Port::plain(ws).web_socket(door),
    ];
    let mut tasks = JoinSet::new();
    tasks.spawn(port::serve(Arc::clone(&hub), ports));
    Ok(Running { ready, hub, tasks })
}

fn config(ready: &Ready) -> String {
    let mut text = "# Made by `thingdeck sim mqtt`; valid while it runs.\n\
         default_profile = \"plant\"\n"
        .to_owned();
    let mut profile = |name: &str, url: &str, more: &str| {
        text.push_str(&format!(
            "\n[profiles.{name}]\n\
             platform = \"mqtt\"\n\
             url = \"{url}\"\n{more}\
             topics = [\"plant/#\"]\n"
        ));
    };
    profile("plant", &ready.mqtt_url, CA);
    let five = format!("{CA}version = \"5\"\n");
    profile("plant-v5", &ready.mqtt_url, &five);
    profile("plant-ws", ready.wss_url.as_deref().unwrap_or_default(), CA);
    profile(
        "plant-plain",
        ready.plain_url.as_deref().unwrap_or_default(),
        "",
    );
    text
}
