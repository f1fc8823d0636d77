//! The connect plan (`reference/aws-iot.md` 2): with a certificate its own port first, then 443 with ALPN for networks that
//! let nothing else through.

use std::time::Duration;

use super::Aws;
use crate::base::problem::{Exit, Problem};
use crate::domain::message::Qos;
use crate::domain::profile::{AwsAuth, AwsEndpoint, Version};
use crate::platform::common;
use crate::platform::io::Io;
use crate::platform::plan::{ConnectPlan, Endpoint, Limits, TlsPlan};

/// What AWS IoT expects of MQTT with a certificate on the port of HTTPS.
const ALPN_CERTIFICATE: &str = "x-amzn-mqtt-ca";
const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// As long as AWS keeps a session when nobody asks for longer.
const SESSION: Duration = Duration::from_hours(1);
const LIMITS: Limits = Limits {
    max_packet: 1024 * 1024,
    filters_per_subscribe: 8,
    max_qos: Qos::AtLeastOnce,
    connect_timeout: Duration::from_secs(10),
};

impl Aws {
    pub(super) async fn connect_plan(&self, io: &dyn Io) -> Result<ConnectPlan, Problem> {
        let endpoint = self.endpoint()?;
        let mut endpoints = match self.settings.auth {
            AwsAuth::Mtls => self.with_certificate(io, &endpoint)?,
            AwsAuth::SigV4 | AwsAuth::Custom => return Err(not_yet()),
        };
        let proxy = common::proxy(io, &self.common).await?;
        for endpoint in &mut endpoints {
            endpoint.proxy.clone_from(&proxy);
        }
        let seconds = self.common.keep_alive.map(u64::from);
        let clean_session = self.common.clean_session.unwrap_or(true);
        Ok(ConnectPlan {
            endpoints,
            client_id: self.client_id(io),
            username: None,
            password: None,
            keep_alive: seconds.map_or(KEEP_ALIVE, Duration::from_secs),
            version: self.settings.version,
            clean_session,
            session_expiry: match self.settings.version {
                Version::V5 if !clean_session => SESSION,
                _ => Duration::ZERO,
            },
            will: self.common.will.clone(),
            filters: Vec::new(),
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

    fn with_certificate(
        &self,
        io: &dyn Io,
        endpoint: &AwsEndpoint,
    ) -> Result<Vec<Endpoint>, Problem> {
        let (Some(chain), Some(key)) = (&self.common.cert_file, &self.common.key_file) else {
            return Err(no_certificate());
        };
        let chain = String::from_utf8_lossy(&io.read_file(chain)?).into_owned();
        let own = TlsPlan {
            identity: Some((chain, io.read_private(key)?)),
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
            Some(port) => vec![at(port, own)],
        })
    }

    fn tls(&self, io: &dyn Io) -> Result<TlsPlan, Problem> {
        let mut extra_roots: Vec<_> = common::roots(io, &self.common)?.into_iter().collect();
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

fn no_certificate() -> Problem {
    Problem::new(
        "could not connect to AWS IoT",
        "the profile signs in with a certificate and names none",
        "write cert_file = \"…-certificate.pem.crt\" and key_file = \"…-private.pem.key\"",
    )
    .exit(Exit::Usage)
}

fn not_yet() -> Problem {
    Problem::new(
        "could not connect to AWS IoT",
        "this version signs in with a certificate only",
        "write auth = \"mtls\"",
    )
    .exit(Exit::Usage)
}
