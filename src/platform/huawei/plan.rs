//! The connect plan (`reference/huawei-iot.md` 2, 3): a login of this hour, made afresh for every attempt.

use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::future::{Either, select};

use super::Huawei;
use super::login::login;
use crate::base::problem::{Exit, Problem};
use crate::base::secret::Secret;
use crate::domain::fact::Fact;
use crate::domain::message::Qos;
use crate::domain::profile::Version;
use crate::platform::common;
use crate::platform::io::Io;
use crate::platform::mqtt::address::Address;
use crate::platform::plan::{ConnectPlan, Endpoint, Limits, WebSocketPlan};

/// As the platform recommends; 30 to 1,200 s are taken.
const KEEP_ALIVE: Duration = Duration::from_mins(2);
/// A platform that is slow to say whether the device is connected does not hold up the connection.
const LOOK_PATIENCE: Duration = Duration::from_secs(3);
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
            Some(place) => Some(Secret::new(io.secret(place).await?.expose().trim())),
            None if self.common.cert_file.is_some() => None,
            None => return Err(no_login()),
        };
        if let Some(secret) = &secret {
            check_secret(secret)?;
        }
        self.warn_of_the_real_device(io).await;
        // Afterwards: the hour may have passed meanwhile.
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
            filters: self.wanted(),
            limits: LIMITS,
        })
    }

    /// One connection a device: the newer one wins (`reference/huawei-iot.md` 3, 10). Where it can be known before, it is
    /// said; once connected the one that is online is ourselves.
    async fn warn_of_the_real_device(&self, io: &dyn Io) {
        if self.settings.rest.is_none() || self.looked.swap(true, Ordering::Relaxed) {
            return;
        }
        let id = &self.settings.device_id;
        let look = std::pin::pin!(self.is_online(io, id));
        let late = io.sleep(LOOK_PATIENCE);
        let Either::Left((Ok(true), _)) = select(look, late).await else {
            return;
        };
        io.fact(Fact::Notice(Problem::new(
            format!("the device {id} is connected already, and is thrown out now"),
            "the platform has one connection for each device: the newer one wins",
            "quit to let it come back; for watching register a device of its own (`thingdeck device-register`)",
        )));
    }

    async fn endpoint(&self, io: &dyn Io) -> Result<Endpoint, Problem> {
        let address = Address::parse(&self.settings.mqtt_url).map_err(|why| {
            let remedy = "write mqtt_url = \"mqtts://HOST:8883\", as the console's access information tells it";
            Problem::new("could not tell where the platform is", why, remedy).exit(Exit::Usage)
        })?;
        let tls = if address.tls {
            Some(common::tls(io, &self.common, &[])?)
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

/// Told before the platform answers with its one code for everything.
fn check_secret(secret: &Secret) -> Result<(), Problem> {
    let text = secret.expose();
    let why = if text.is_empty() {
        "the secret is empty"
    } else if text.contains("-----BEGIN") {
        "the secret is a key or a certificate"
    } else if text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        "the secret has 64 hexadecimal digits: that is a password made of it, good for one hour"
    } else {
        return Ok(());
    };
    let remedy = "give the secret that the device got when it was registered; the password is made from it at each connection";
    Err(Problem::new("could not sign in at Huawei IoT", why, remedy).exit(Exit::Usage))
}

fn no_login() -> Problem {
    Problem::new(
        "could not sign in at Huawei IoT",
        "the profile names neither a secret nor a certificate",
        "write secret = { env = \"HW_SECRET\" }; or cert_file and key_file",
    )
    .exit(Exit::Usage)
}
