//! The connect plan of a plain broker: the profile's own words, and what they leave open.

use std::time::Duration;

use super::Mqtt;
use super::address::Address;
use crate::base::problem::{Exit, Problem};
use crate::base::secret::Secret;
use crate::domain::message::Qos;
use crate::domain::profile::{Common, MqttSettings, Version};
use crate::platform::common;
use crate::platform::io::Io;
use crate::platform::plan::{ConnectPlan, Endpoint, Limits, WebSocketPlan};

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
        let clean_session = !keeps_session(&self.settings, &self.common);
        Ok(ConnectPlan {
            endpoints: vec![self.endpoint(io).await?],
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
        // 23 bytes, as every broker must take them (MQTT 3.1.1, 3.1.3.1). Only to be unlike others: the system's generator
        // would take longer to start than a message to send.
        let made_up = || {
            let digits = (io.roll() + 1.0).to_bits() & 0xf_ffff_ffff_ffff;
            format!("thingdeck-{digits:013x}")
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

    async fn endpoint(&self, io: &dyn Io) -> Result<Endpoint, Problem> {
        let address = Address::parse(&self.settings.url).map_err(|why| {
            let remedy = "write the address as mqtt://HOST:PORT, or with mqtts, ws or wss";
            Problem::new("could not tell where the broker is", why, remedy).exit(Exit::Usage)
        })?;
        if address.user.is_some() || address.has_password {
            let cause = "its address holds a user name or a password";
            let remedy = "take them out of it, and name them as `username` and `password`";
            return Err(Problem::new("the broker is not asked", cause, remedy).exit(Exit::Usage));
        }
        let tls = if address.tls {
            Some(common::tls(io, &self.common, &self.settings.alpn)?)
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
}

/// Whether the broker is to keep what is subscribed and queued when the connection ends. Who names a time for it means it.
pub fn keeps_session(settings: &MqttSettings, common: &Common) -> bool {
    let has_time = settings.session_expiry.is_some_and(|seconds| seconds > 0);
    !common.clean_session.unwrap_or(!has_time)
}
