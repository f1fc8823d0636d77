//! The connect plan (`reference/huawei-iot.md` 2, 3): a login of this hour, made afresh for every attempt.

use std::time::Duration;

use super::Huawei;
use super::login::login;
use super::topics::command_topic_v1;
use crate::base::problem::{Exit, Problem};
use crate::base::secret::Secret;
use crate::domain::message::Qos;
use crate::domain::profile::{HuaweiDialect, Version};
use crate::domain::subscription::FilterWish;
use crate::domain::topic::TopicFilter;
use crate::platform::common;
use crate::platform::io::Io;
use crate::platform::mqtt::address::Address;
use crate::platform::plan::{ConnectPlan, Endpoint, Limits, TlsPlan, WebSocketPlan};

/// As the platform recommends; 30 to 1,200 s are taken.
const KEEP_ALIVE: Duration = Duration::from_mins(2);
const LIMITS: Limits = Limits {
    // A payload of 1 MB and what is around it.
    max_packet: (1 << 20) + 4096,
    filters_per_subscribe: 8,
    max_qos: Qos::AtLeastOnce,
    connect_timeout: Duration::from_secs(10),
};

impl Huawei {
    pub(super) async fn connect_plan(&self, io: &dyn Io) -> Result<ConnectPlan, Problem> {
        let secret = match &self.settings.secret {
            Some(place) => Some(io.secret(place).await?),
            None if self.common.cert_file.is_some() => None,
            None => return Err(no_login()),
        };
        let login = login(&self.settings, secret.as_ref(), io.now().wall);
        let seconds = self.common.keep_alive.map(u64::from);
        Ok(ConnectPlan {
            endpoints: vec![self.endpoint(io).await?],
            client_id: login.client_id,
            username: Some(login.username),
            password: login.password,
            keep_alive: seconds.map_or(KEEP_ALIVE, Duration::from_secs),
            version: Version::V311,
            clean_session: true,
            session_expiry: Duration::ZERO,
            // The platform knows no last will.
            will: None,
            filters: self.filters(),
            limits: LIMITS,
        })
    }

    /// IoTDA delivers its own downlinks unasked; v1 does not.
    fn filters(&self) -> Vec<FilterWish> {
        let wanted = match self.settings.dialect {
            HuaweiDialect::V1 => vec![command_topic_v1(&self.settings.device_id)],
            HuaweiDialect::Iotda => Vec::new(),
        };
        let wish = |text: String| {
            let filter = TopicFilter::parse(&text).ok()?;
            Some(FilterWish::new(filter, Qos::AtLeastOnce))
        };
        wanted.into_iter().filter_map(wish).collect()
    }

    async fn endpoint(&self, io: &dyn Io) -> Result<Endpoint, Problem> {
        let address = Address::parse(&self.settings.mqtt_url).map_err(|why| {
            let remedy = "write mqtt_url = \"mqtts://HOST:8883\", as the console's access information tells it";
            Problem::new("could not tell where the platform is", why, remedy).exit(Exit::Usage)
        })?;
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
            proxy: common::proxy(io, &self.common).await?,
        })
    }

    fn tls(&self, io: &dyn Io) -> Result<TlsPlan, Problem> {
        let identity = match (&self.common.cert_file, &self.common.key_file) {
            (Some(chain), Some(key)) => Some((
                String::from_utf8_lossy(&io.read_file(chain)?).into_owned(),
                io.read_private(key)?,
            )),
            _ => None,
        };
        Ok(TlsPlan {
            extra_roots: common::roots(io, &self.common)?.into_iter().collect(),
            system_roots: !self.common.ca_file_only,
            identity,
            alpn: Vec::new(),
            insecure_skip_verify: self.common.insecure_skip_verify,
        })
    }
}

fn no_login() -> Problem {
    Problem::new(
        "could not sign in at Huawei IoT",
        "the profile names neither a secret nor a certificate",
        "write secret = { env = \"HW_SECRET\" }; or cert_file and key_file",
    )
    .exit(Exit::Usage)
}
