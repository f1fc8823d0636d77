//! The connect plan (`reference/aws-iot.md` 2): with a certificate its own port first, then 443 with ALPN for networks that
//! let nothing else through; with access keys a WebSocket whose address is signed anew for every attempt.

use std::time::Duration;

use super::{Aws, authorizer, identity, rules, sign};
use crate::base::problem::{Exit, Problem};
use crate::base::secret::Secret;
use crate::domain::fact::{Fact, Step, StepState};
use crate::domain::message::Qos;
use crate::domain::profile::{AwsAuth, AwsEndpoint, Version};
use crate::domain::subscription::FilterWish;
use crate::domain::topic::TopicFilter;
use crate::platform::common;
use crate::platform::io::Io;
use crate::platform::plan::{ConnectPlan, Endpoint, Limits, TlsPlan, WebSocketPlan};

/// What AWS IoT expects of MQTT with a certificate on the port of HTTPS.
const ALPN_CERTIFICATE: &str = "x-amzn-mqtt-ca";
/// The same for a custom authorizer.
const ALPN_AUTHORIZER: &str = "mqtt";
const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// As long as AWS keeps a session when nobody asks for longer.
const SESSION: Duration = Duration::from_hours(1);
const LIMITS: Limits = Limits {
    max_packet: 1024 * 1024,
    filters_per_subscribe: 8,
    max_qos: Qos::AtLeastOnce,
    connect_timeout: Duration::from_secs(10),
};
/// One level more than people write: `$aws/events/presence/+` matches nothing.
pub(super) const PRESENCE: &str = "$aws/events/presence/+/+";

impl Aws {
    pub(super) async fn connect_plan(&self, io: &dyn Io) -> Result<ConnectPlan, Problem> {
        let endpoint = self.endpoint()?;
        let client_id = self.client_id(io);
        self.known().client_id.clone_from(&client_id);
        if let Some(warning) = rules::check_connect(&client_id, self.common.will.as_ref())? {
            self.notice_once(io, warning);
        }
        let mut endpoints = match self.settings.auth {
            AwsAuth::Mtls => self.with_certificate(io, &endpoint)?,
            AwsAuth::SigV4 => vec![self.with_keys(io, &endpoint).await?],
            AwsAuth::Custom => vec![self.past_authorizer(io, &endpoint)?],
        };
        let proxy = self.proxy(io, &endpoint.host).await?;
        for endpoint in &mut endpoints {
            endpoint.proxy.clone_from(&proxy);
        }
        let (username, password) = self.login(io).await?;
        let seconds = self.common.keep_alive.map(u64::from);
        let clean_session = self.common.clean_session.unwrap_or(true);
        Ok(ConnectPlan {
            endpoints,
            client_id,
            username,
            password,
            keep_alive: seconds.map_or(KEEP_ALIVE, Duration::from_secs),
            version: self.settings.version,
            clean_session,
            session_expiry: match self.settings.version {
                Version::V5 if !clean_session => SESSION,
                _ => Duration::ZERO,
            },
            will: self.common.will.clone(),
            filters: self.filters(io),
            limits: LIMITS,
        })
    }

    pub(super) fn endpoint(&self) -> Result<AwsEndpoint, Problem> {
        AwsEndpoint::parse(&self.settings.endpoint).map_err(|why| {
            let remedy = "write endpoint = \"xxxx-ats.iot.REGION.amazonaws.com\"";
            Problem::new("could not tell where AWS IoT is", why, remedy).exit(Exit::Usage)
        })
    }

    /// Never a thing's own id, unless the profile says so: two clients with one id throw each other out.
    pub(super) fn client_id(&self, io: &dyn Io) -> String {
        let made_up = || {
            let digits = (io.roll() + 1.0).to_bits() & 0xf_ffff_ffff_ffff;
            format!("thingdeck-{digits:013x}")
        };
        self.settings
            .client_id
            .clone()
            .unwrap_or_else(|| self.made_up.get_or_init(made_up).clone())
    }

    /// A device's own policy seldom allows the presence of others, and a denied filter costs the connection.
    fn filters(&self, io: &dyn Io) -> Vec<FilterWish> {
        let wanted = self.settings.presence;
        if !wanted.unwrap_or(self.settings.auth == AwsAuth::SigV4) {
            return Vec::new();
        }
        let Ok(filter) = TopicFilter::parse(PRESENCE) else {
            return Vec::new();
        };
        // One more than AWS grants would cost the connection.
        let counted = self.counted().subscribe(&filter);
        if let Err(problem) = counted {
            self.notice_once(io, problem);
            return Vec::new();
        }
        vec![FilterWish::new(filter, Qos::AtLeastOnce)]
    }

    fn with_certificate(
        &self,
        io: &dyn Io,
        endpoint: &AwsEndpoint,
    ) -> Result<Vec<Endpoint>, Problem> {
        let (Some(chain), Some(key)) = (&self.common.cert_file, &self.common.key_file) else {
            return Err(no_certificate());
        };
        let identity = identity::read(io, chain, key)?;
        if let Some(notice) = identity.ends_soon(io.now().wall) {
            self.notice_once(io, notice);
        }
        self.known().identity = format!("certificate {}", identity.certificate_id);
        step(io, "certificate", identity.words());
        let own = TlsPlan {
            identity: Some((identity.chain, identity.key)),
            ..self.tls(io)?
        };
        let with_alpn = TlsPlan {
            alpn: vec![ALPN_CERTIFICATE.to_owned()],
            ..own.clone()
        };
        let at = |port, tls| Endpoint::tcp(endpoint.host.clone(), port, Some(tls));
        Ok(match endpoint.port {
            None => vec![at(8883, own), at(443, with_alpn)],
            Some(443) => vec![at(443, with_alpn)],
            // Another port may stand for either: without ALPN the one that stands for 443 answers in HTTP.
            Some(port) if port != 8883 => vec![at(port, own), at(port, with_alpn)],
            Some(port) => vec![at(port, own)],
        })
    }

    /// The signature is made for the `Host` that is sent: without a port where it is 443.
    async fn with_keys(&self, io: &dyn Io, endpoint: &AwsEndpoint) -> Result<Endpoint, Problem> {
        let region = self.region()?;
        let found = self.keys(io).await?;
        self.known().identity = found.words();
        step(io, "credentials", found.words());
        let port = endpoint.port.unwrap_or(443);
        let authority = match (port, endpoint.host.contains(':')) {
            (443, false) => endpoint.host.clone(),
            (443, true) => format!("[{}]", endpoint.host),
            (port, false) => format!("{}:{port}", endpoint.host),
            (port, true) => format!("[{}]:{port}", endpoint.host),
        };
        let target = sign::presign(&found.keys, &region, &authority, io.now().wall)?;
        Ok(Endpoint {
            web_socket: Some(WebSocketPlan {
                target,
                headers: Vec::new(),
            }),
            ..Endpoint::tcp(endpoint.host.clone(), port, Some(self.tls(io)?))
        })
    }

    fn past_authorizer(&self, io: &dyn Io, endpoint: &AwsEndpoint) -> Result<Endpoint, Problem> {
        let tls = TlsPlan {
            alpn: vec![ALPN_AUTHORIZER.to_owned()],
            ..self.tls(io)?
        };
        let port = endpoint.port.unwrap_or(443);
        Ok(Endpoint::tcp(endpoint.host.clone(), port, Some(tls)))
    }

    async fn login(&self, io: &dyn Io) -> Result<(Option<String>, Option<Secret>), Problem> {
        match (&self.settings.authorizer, self.settings.auth) {
            (Some(authorizer), AwsAuth::Custom) => authorizer::login(io, authorizer).await,
            _ => Ok((None, None)),
        }
    }

    fn tls(&self, io: &dyn Io) -> Result<TlsPlan, Problem> {
        let mut extra_roots: Vec<_> = match &self.common.ca_file {
            Some(path) => vec![identity::roots(io, path)?],
            None => Vec::new(),
        };
        let system_roots = !self.common.ca_file_only;
        if system_roots {
            extra_roots.extend(common::AMAZON_ROOTS.map(str::to_owned));
        }
        Ok(TlsPlan {
            extra_roots,
            system_roots,
            identity: None,
            alpn: Vec::new(),
            insecure_skip_verify: self.common.insecure_skip_verify,
        })
    }
}

fn step(io: &dyn Io, name: &'static str, text: String) {
    io.fact(Fact::Step(Step {
        name,
        text,
        state: StepState::Done,
    }));
}

fn no_certificate() -> Problem {
    Problem::new(
        "could not connect to AWS IoT",
        "the profile signs in with a certificate and names none",
        "write cert_file = \"…-certificate.pem.crt\" and key_file = \"…-private.pem.key\"",
    )
    .exit(Exit::Usage)
}
