//! The connect plan (`reference/google-iot-core.md` 2, 3): a fresh token each time.

use std::time::Duration;

use super::Google;
use super::topics;
use crate::base::moment::words;
use crate::base::problem::{Exit, Problem};
use crate::domain::fact::{Fact, Step, StepState};
use crate::domain::message::Qos;
use crate::domain::profile::{GoogleFlavor, Version};
use crate::domain::relay::RelayNews;
use crate::domain::subscription::FilterWish;
use crate::platform::common;
use crate::platform::io::Io;
use crate::platform::mqtt::address::Address;
use crate::platform::plan::{ConnectPlan, Endpoint, Limits, TlsPlan};

/// At least 60 s; each ping is billed as 1,024 bytes.
const KEEP_ALIVE: Duration = Duration::from_mins(1);
/// Where ClearBlade serves it.
const REGIONS: [&str; 3] = ["us-central1", "europe-west1", "asia-east1"];
/// After so long without a packet the bridge closes the connection, whatever the keep-alive.
const LONGEST_SILENCE: Duration = Duration::from_mins(20);
const LIMITS: Limits = Limits {
    // 256 KB and the topic.
    max_packet: 320 * 1024,
    filters_per_subscribe: 8,
    max_qos: Qos::AtLeastOnce,
    connect_timeout: Duration::from_secs(15),
};

impl Google {
    pub(super) async fn connect_plan(&self, io: &dyn Io) -> Result<ConnectPlan, Problem> {
        self.check_ids()?;
        let foreign = {
            let mut book = self.book();
            book.disconnected();
            book.foreign_filters()
        };
        // They come back when their devices are attached again.
        for filter in foreign {
            io.unsubscribe(filter);
        }
        let token = self.token(io)?;
        self.book().expires = Some(token.until);
        io.fact(Fact::Relay(Box::new(RelayNews::Credential {
            until: token.until,
        })));
        io.fact(Fact::Step(Step {
            name: "token",
            text: format!(
                "signed with {}, good for {}",
                token.algorithm,
                words(self.lifetime())
            ),
            state: StepState::Done,
        }));
        let keep_alive = self.keep_alive()?;
        Ok(ConnectPlan {
            endpoints: self.endpoints(io).await?,
            client_id: self.settings.client_id(),
            // Ignored, but without one some libraries send no password.
            username: Some("unused".to_owned()),
            password: Some(token.text),
            keep_alive,
            version: Version::V311,
            clean_session: true,
            session_expiry: Duration::ZERO,
            will: None,
            filters: self.own_filters(),
            limits: LIMITS,
        })
    }

    /// ClearBlade's brokers are regional: one takes client ids of its own region only.
    fn check_region(&self) -> Result<(), Problem> {
        let url = self.settings.mqtt_url.as_deref().unwrap_or_default();
        let host = url.split("://").nth(1).unwrap_or_default();
        let region = REGIONS
            .into_iter()
            .find(|region| host.starts_with(region) && host.contains(".clearblade.com"));
        let Some(region) = region.filter(|region| *region != self.settings.region) else {
            return Ok(());
        };
        let what = "the bridge would refuse this client";
        let cause = format!(
            "mqtt_url is the broker of {region}, and the registry's region is {}",
            self.settings.region
        );
        let remedy = "leave mqtt_url out: the region names its host";
        Err(Problem::new(what, cause, remedy).exit(Exit::Usage))
    }

    fn keep_alive(&self) -> Result<Duration, Problem> {
        let Some(seconds) = self.common.keep_alive else {
            return Ok(KEEP_ALIVE);
        };
        let asked = Duration::from_secs(seconds.into());
        if asked.is_zero() || asked >= LONGEST_SILENCE {
            let what = format!("keep_alive = {seconds} is of no use here");
            let cause = "the bridge closes a connection that is silent for 20 minutes";
            let remedy = "write keep_alive = 60, up to 1199";
            return Err(Problem::new(what, cause, remedy).exit(Exit::Usage));
        }
        Ok(asked)
    }

    /// The errors first: without them a refused attach is silence.
    fn own_filters(&self) -> Vec<FilterWish> {
        let id = self.settings.identity.id();
        if self.book().has_downlinks(id) {
            self.downlinks(id)
        } else {
            Vec::new()
        }
    }

    /// What is subscribed of a device: its configuration and commands, and the errors, which only this gateway has.
    pub(super) fn downlinks(&self, device: &str) -> Vec<FilterWish> {
        let is_own_gateway = self.is_gateway() && device == self.settings.identity.id();
        let errors = topics::errors(device).filter(|_| is_own_gateway);
        let errors = errors.map(|filter| FilterWish::new(filter, Qos::AtMostOnce));
        let own = super::book::filters(device);
        let own = own.map(|filter| FilterWish::new(filter, Qos::AtLeastOnce));
        errors.into_iter().chain(own).collect()
    }

    /// An empty or impossible id makes a client id that the bridge refuses without saying why.
    fn check_ids(&self) -> Result<(), Problem> {
        let id = self.settings.identity.id();
        let named = [
            ("project", self.settings.project.as_str()),
            ("region", self.settings.region.as_str()),
            ("registry", self.settings.registry.as_str()),
            ("gateway or device", id),
        ];
        if let Some((name, _)) = named.iter().find(|(_, value)| value.trim().is_empty()) {
            let what = "the client id cannot be made";
            let cause = format!("the {name} is empty");
            return Err(Problem::new(what, cause, "name it in the profile").exit(Exit::Usage));
        }
        self.check_region()?;
        if id.contains('+') {
            let cause = "an id with a + fits in no topic";
            let remedy = "register the device under another id";
            return Err(
                Problem::new(format!("{id:?} cannot be used"), cause, remedy).exit(Exit::Usage),
            );
        }
        Ok(())
    }

    async fn endpoints(&self, io: &dyn Io) -> Result<Vec<Endpoint>, Problem> {
        let proxy = common::proxy(io, &self.common).await?;
        let mut endpoints = if let Some(url) = &self.settings.mqtt_url {
            let address = Address::parse(url).map_err(|why| {
                let remedy = "write mqtt_url = \"mqtts://HOST:8883\"";
                Problem::new("could not tell where the bridge is", why, remedy).exit(Exit::Usage)
            })?;
            let tls = if address.tls {
                Some(self.tls(io)?)
            } else {
                None
            };
            vec![Endpoint::tcp(address.host, address.port, tls)]
        } else {
            let host = match self.settings.flavor {
                GoogleFlavor::ClearBlade => {
                    format!("{}-g5-mqtt.clearblade.com", self.settings.region)
                }
                GoogleFlavor::Google => "mqtt.googleapis.com".to_owned(),
            };
            let tls = self.tls(io)?;
            // 443 carries plain MQTT under TLS, for networks that let nothing else through.
            [8883, 443]
                .map(|port| Endpoint::tcp(host.clone(), port, Some(tls.clone())))
                .to_vec()
        };
        for endpoint in &mut endpoints {
            endpoint.proxy.clone_from(&proxy);
        }
        Ok(endpoints)
    }

    fn tls(&self, io: &dyn Io) -> Result<TlsPlan, Problem> {
        Ok(TlsPlan {
            extra_roots: common::roots(io, &self.common)?.into_iter().collect(),
            system_roots: !self.common.ca_file_only,
            insecure_skip_verify: self.common.insecure_skip_verify,
            ..TlsPlan::default()
        })
    }
}
