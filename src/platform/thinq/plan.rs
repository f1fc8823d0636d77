//! The connect plan (`reference/lg-thinq.md` 7.2): the route's own port first, then 443 with ALPN for networks that let
//! nothing else through.

use std::time::Duration;

use url::Url;

use super::Thinq;
use super::enroll::SignedIn;
use crate::base::problem::{Exit, Problem};
use crate::domain::message::Qos;
use crate::domain::profile::Version;
use crate::domain::subscription::FilterWish;
use crate::domain::topic::TopicFilter;
use crate::platform::common;
use crate::platform::io::Io;
use crate::platform::plan::{ConnectPlan, Endpoint, Limits, TlsPlan};

/// What AWS IoT expects of MQTT on the port of HTTPS.
const ALPN: &str = "x-amzn-mqtt-ca";
const KEEP_ALIVE: Duration = Duration::from_secs(30);
const LIMITS: Limits = Limits {
    max_packet: 16 * 1024 * 1024,
    filters_per_subscribe: 8,
    max_qos: Qos::AtLeastOnce,
    connect_timeout: Duration::from_secs(10),
};

impl Thinq {
    pub(super) async fn connect_plan(&self, io: &dyn Io) -> Result<ConnectPlan, Problem> {
        let signed_in = self.sign_in(io).await?;
        let seconds = self.common.keep_alive.map(u64::from);
        let proxy = common::proxy(io, &self.common).await?;
        let mut endpoints = self.endpoints(io, &signed_in)?;
        for endpoint in &mut endpoints {
            endpoint.proxy.clone_from(&proxy);
        }
        Ok(ConnectPlan {
            endpoints,
            client_id: signed_in.identity.client_id.clone(),
            username: None,
            password: None,
            keep_alive: seconds.map_or(KEEP_ALIVE, Duration::from_secs),
            version: Version::V311,
            clean_session: false,
            session_expiry: Duration::ZERO,
            will: self.common.will.clone(),
            filters: filters(&signed_in.identity.topics),
            limits: LIMITS,
        })
    }

    fn endpoints(&self, io: &dyn Io, signed_in: &SignedIn) -> Result<Vec<Endpoint>, Problem> {
        let own = self.settings.mqtt_url.as_deref();
        let address = Address::parse(own.unwrap_or(&signed_in.identity.mqtt_server))?;
        if !address.tls {
            return Ok(vec![Endpoint::tcp(address.host, address.port, None)]);
        }
        let tls = self.tls(io, signed_in)?;
        let with_alpn = TlsPlan {
            alpn: vec![ALPN.to_owned()],
            ..tls.clone()
        };
        if address.port == 443 {
            return Ok(vec![Endpoint::tcp(address.host, 443, Some(with_alpn))]);
        }
        let mut endpoints = vec![Endpoint::tcp(address.host.clone(), address.port, Some(tls))];
        if own.is_none() {
            endpoints.push(Endpoint::tcp(address.host, 443, Some(with_alpn)));
        }
        Ok(endpoints)
    }

    fn tls(&self, io: &dyn Io, signed_in: &SignedIn) -> Result<TlsPlan, Problem> {
        let mut extra_roots: Vec<_> = common::roots(io, &self.common)?.into_iter().collect();
        let system_roots = !self.common.ca_file_only;
        if system_roots {
            extra_roots.extend(common::AMAZON_ROOTS.map(str::to_owned));
        }
        Ok(TlsPlan {
            extra_roots,
            system_roots,
            identity: Some((
                signed_in.certificate.expose().to_owned(),
                signed_in.key.clone(),
            )),
            alpn: Vec::new(),
            insecure_skip_verify: self.common.insecure_skip_verify,
        })
    }
}

/// All topics that the certificate names, the one for pushes first.
fn filters(topics: &[String]) -> Vec<FilterWish> {
    let mut topics: Vec<_> = topics.iter().collect();
    topics.sort_by_key(|topic| !topic.ends_with("/push"));
    topics
        .into_iter()
        .filter_map(|topic| TopicFilter::parse(topic).ok())
        .map(|filter| FilterWish::new(filter, Qos::AtLeastOnce))
        .collect()
}

#[derive(Debug, PartialEq, Eq)]
struct Address {
    host: String,
    port: u16,
    tls: bool,
}

impl Address {
    /// `mqtts://host:8883`; also without scheme or port.
    fn parse(text: &str) -> Result<Self, Problem> {
        let whole = if text.contains("://") {
            text.to_owned()
        } else {
            format!("mqtts://{text}")
        };
        let url = Url::parse(&whole).ok();
        let parsed = url
            .as_ref()
            .and_then(|url| Some((url, url.host_str().filter(|host| !host.is_empty())?)));
        let Some((url, host)) = parsed else {
            return Err(Problem::new(
                "could not tell where MQTT is",
                format!("{text:?} is no address"),
                "set `mqtt_url` of the profile, as mqtts://host:8883",
            )
            .exit(Exit::Usage));
        };
        let tls = !matches!(url.scheme(), "mqtt" | "tcp");
        Ok(Self {
            host: host
                .trim_start_matches('[')
                .trim_end_matches(']')
                .to_owned(),
            port: url.port().unwrap_or(if tls { 8883 } else { 1883 }),
            tls,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_with_and_without_scheme_and_port() {
        let read = |text: &str| Address::parse(text).map(|a| (a.host, a.port, a.tls)).ok();
        let host = "a1-ats.iot.eu-west-1.amazonaws.com";
        assert_eq!(
            read(&format!("mqtts://{host}:8883")),
            Some((host.to_owned(), 8883, true))
        );
        assert_eq!(read(host), Some((host.to_owned(), 8883, true)));
        assert_eq!(
            read("mqtts://127.0.0.1:40124"),
            Some(("127.0.0.1".to_owned(), 40124, true))
        );
        assert_eq!(
            read("mqtt://localhost"),
            Some(("localhost".to_owned(), 1883, false))
        );
        assert_eq!(
            read("mqtts://[::1]:8883"),
            Some(("::1".to_owned(), 8883, true))
        );
        assert_eq!(read("mqtts://"), None);
    }

    #[test]
    fn the_push_topic_comes_first_wherever_it_stands() {
        let wishes = filters(&[
            "app/clients/x/inbox".to_owned(),
            "app/clients/x/push".to_owned(),
        ]);
        let names: Vec<_> = wishes.iter().map(|w| w.filter.as_str()).collect();
        assert_eq!(names, ["app/clients/x/push", "app/clients/x/inbox"]);
    }
}
