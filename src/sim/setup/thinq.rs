//! The simulated ThinQ cloud: HTTPS, and MQTT over mutual TLS.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::{File, Running, listen, write_files};
use crate::base::secret::Secret;
use crate::sim::ca::Authority;
use crate::sim::clock::SimClock;
use crate::sim::cloud::thinq::{Hosts, Thinq};
use crate::sim::hub::Hub;
use crate::sim::serve::port::{self, Port};
use crate::sim::world::World;
use crate::sim::{Ready, SimError, SimOptions, serve};

pub async fn start(options: SimOptions) -> Result<Running, SimError> {
    let (api, api_address) = listen(options.api_port)?;
    let (mqtt, mqtt_address) = listen(options.mqtt_port)?;
    let authority = Arc::new(Authority::new()?);
    let hosts = Hosts {
        api: format!("https://{api_address}"),
        mqtt: format!("mqtts://{mqtt_address}"),
        web_socket: format!("wss://{mqtt_address}/mqtt"),
    };
    let ready = Ready {
        ready: true,
        platform: "thinq",
        api_url: Some(hosts.api.clone()),
        mqtt_url: hosts.mqtt.clone(),
        wss_url: None,
        plain_url: None,
        ws_url: None,
        ca_file: options.dir.join("ca.pem"),
        config: options.dir.join("config.toml"),
    };
    let token = new_token();
    let files = vec![
        File::private(options.dir.join("token"), token.expose().to_owned()),
        File::public(&ready.ca_file, authority.pem()),
        File::public(&ready.config, config(&hosts)),
    ];
    write_files(&options.dir, files).await?;
    let world = World::new(options.seed, options.devices);
    let cloud = Thinq::new(world, hosts, token, Arc::clone(&authority));
    let hub = Arc::new(Hub::new(SimClock::start(), Box::new(cloud)));
    let mut tasks = JoinSet::new();
    let https = authority.https()?;
    tasks.spawn(serve::http::serve(Arc::clone(&hub), api, https));
    // Weak: the TLS set-up belongs to a task that the hub's owner ends.
    let gate = Arc::downgrade(&hub);
    let accepted = Arc::new(move |der: &[u8]| {
        gate.upgrade()
            .is_some_and(|hub| hub.core().cloud.accepts(der))
    });
    let mutual = authority.mutual(&[b"x-amzn-mqtt-ca"], accepted)?;
    let ports = vec![Port::plain((mqtt, mqtt_address)).tls(mutual)];
    tasks.spawn(port::serve(Arc::clone(&hub), ports));
    Ok(Running { ready, hub, tasks })
}

/// A personal access token in LG's form; new at every start, good for nothing but this simulator.
fn new_token() -> Secret {
    let digits: String = (0..52).map(|_| fastrand::digit(16)).collect();
    Secret::new(format!("thinqpat_{digits}"))
}

fn config(hosts: &Hosts) -> String {
    format!(
        "# Made by `thingdeck sim thinq`; valid while it runs.\n\
         default_profile = \"home\"\n\n\
         [profiles.home]\n\
         platform = \"thinq\"\n\
         country = \"KR\"\n\
         token = {{ file = \"token\" }}\n\
         api_url = \"{}\"\n\
         mqtt_url = \"{}\"\n\
         ca_file = \"ca.pem\"\n",
        hosts.api, hosts.mqtt
    )
}
