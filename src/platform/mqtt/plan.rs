//! The connect plan of a plain broker: the profile's own words, and what they leave open.

use std::time::Duration;

use url::Url;

use super::Mqtt;
use crate::base::problem::{Exit, Problem};
use crate::base::secret::Secret;
use crate::base::text::hex;
use crate::domain::message::Qos;
use crate::domain::profile::Version;
use crate::platform::io::Io;
use crate::platform::plan::{ConnectPlan, Endpoint, Limits, TlsPlan, WebSocketPlan};

const KEEP_ALIVE: Duration = Duration::from_secs(30);
const MAX_PACKET: usize = 16 << 20;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// As mosquitto's clients do it; brokers take far more.
const FILTERS_PER_SUBSCRIBE: usize = 100;

impl Mqtt {
    pub(super) async fn connect_plan(&self, io: &dyn Io) -> Result<ConnectPlan, Problem> {
        let password = match &self.settings.password {
            Some(place) => Some(io.secret(place).await?),
            None => None,
        };
        let seconds = self.common.keep_alive.map(u64::from);
        let clean_session = self.common.clean_session.unwrap_or(true);
        Ok(ConnectPlan {
            endpoints: vec![self.endpoint(io)?],
            client_id: self.client_id(io),
            username: self.settings.username.clone(),
            password,
            keep_alive: seconds.map_or(KEEP_ALIVE, Duration::from_secs),
            version: self.settings.version,
            clean_session,
            session_expiry: self.session_expiry(clean_session),
            will: self.common.will.clone(),
            filters: Vec::new(),
            limits: Limits {
                max_packet: self.settings.max_packet.unwrap_or(MAX_PACKET),
                filters_per_subscribe: FILTERS_PER_SUBSCRIBE,
                max_qos: Qos::ExactlyOnce,
                connect_timeout: CONNECT_TIMEOUT,
            },
        })
    }

    fn client_id(&self, io: &dyn Io) -> String {
        let made_up = || {
            let mut bytes = [0; 5];
            io.random(&mut bytes);
            format!("thingdeck-{}", hex(&bytes))
        };
        self.settings
            .client_id
            .clone()
            .unwrap_or_else(|| self.made_up.get_or_init(made_up).clone())
    }

    /// A kept session without a stated end lasts an hour after the connection.
    fn session_expiry(&self, clean_session: bool) -> Duration {
        match (self.settings.version, self.settings.session_expiry) {
            (Version::V5, Some(seconds)) => Duration::from_secs(u64::from(seconds)),
            (Version::V5, None) if !clean_session => Duration::from_hours(1),
            _ => Duration::ZERO,
        }
    }

    fn endpoint(&self, io: &dyn Io) -> Result<Endpoint, Problem> {
        let address = Address::parse(&self.settings.url)?;
        let tls = if address.tls {
            Some(self.tls(io)?)
        } else {
            None
        };
        Ok(Endpoint {
            host: address.host,
            port: address.port,
            tls,
            web_socket: address.target.map(|target| WebSocketPlan {
                target: Secret::new(target),
                headers: Vec::new(),
            }),
            proxy: self.common.proxy.clone(),
        })
    }

    fn tls(&self, io: &dyn Io) -> Result<TlsPlan, Problem> {
        let mut extra_roots = Vec::new();
        if let Some(path) = &self.common.ca_file {
            extra_roots.push(String::from_utf8_lossy(&io.read_file(path)?).into_owned());
        }
        let identity = match (&self.common.cert_file, &self.common.key_file) {
            (Some(chain), Some(key)) => Some((
                String::from_utf8_lossy(&io.read_file(chain)?).into_owned(),
                Secret::new(String::from_utf8_lossy(&io.read_file(key)?)),
            )),
            _ => None,
        };
        Ok(TlsPlan {
            extra_roots,
            system_roots: true,
            identity,
            alpn: self.settings.alpn.clone(),
            insecure_skip_verify: self.common.insecure_skip_verify,
        })
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Address {
    host: String,
    port: u16,
    tls: bool,
    /// Of a WebSocket.
    target: Option<String>,
}

impl Address {
    fn parse(text: &str) -> Result<Self, Problem> {
        let wrong = |cause: String| {
            Problem::new(
                "could not tell where the broker is",
                cause,
                "write the address as mqtt://HOST:PORT, or with mqtts, ws or wss",
            )
            .exit(Exit::Usage)
        };
        let url = Url::parse(text).map_err(|error| wrong(error.to_string()))?;
        let (tls, port, web_socket) = match url.scheme() {
            "mqtt" | "tcp" => (false, 1883, false),
            "mqtts" | "ssl" => (true, 8883, false),
            "ws" => (false, 80, true),
            "wss" => (true, 443, true),
            other => return Err(wrong(format!("nothing is known of {other}://"))),
        };
        let host = url.host_str().filter(|host| !host.is_empty());
        let host = host.ok_or_else(|| wrong("the address names no host".to_owned()))?;
        let target = web_socket.then(|| {
            let query = url
                .query()
                .map_or(String::new(), |query| format!("?{query}"));
            format!("{}{query}", url.path())
        });
        Ok(Self {
            host: host
                .trim_start_matches('[')
                .trim_end_matches(']')
                .to_owned(),
            port: url.port().unwrap_or(port),
            tls,
            target,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_the_ports_and_the_path_that_its_scheme_means() {
        let read = |text: &str| {
            let read = Address::parse(text).ok();
            read.map(|a| (a.host, a.port, a.tls, a.target))
        };
        let of = |host: &str, port, tls, target: Option<&str>| {
            Some((host.to_owned(), port, tls, target.map(str::to_owned)))
        };
        assert_eq!(read("mqtt://h"), of("h", 1883, false, None));
        assert_eq!(read("mqtts://h:1"), of("h", 1, true, None));
        assert_eq!(read("mqtt://[::1]"), of("::1", 1883, false, None));
        assert_eq!(read("ws://h:9001"), of("h", 9001, false, Some("/")));
        assert_eq!(
            read("wss://h/mqtt?a=b"),
            of("h", 443, true, Some("/mqtt?a=b"))
        );
        assert_eq!(read("http://h"), None);
        assert_eq!(read("mqtt://"), None);
    }
}
