//! Client id, user name and password of a device, from its id, its secret and the hour
//! (`reference/huawei-iot.md` 3). Made afresh for every attempt: of type 1 they are valid in that hour only.

use aws_lc_rs::hmac;
use jiff::tz::TimeZone;

use crate::base::moment::Timestamp;
use crate::base::secret::Secret;
use crate::domain::profile::{HuaweiSettings, HuaweiSignature};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    pub client_id: String,
    pub username: String,
    /// `None` where a certificate signs in.
    pub password: Option<Secret>,
    /// `YYYYMMDDHH`, UTC.
    pub hour: String,
}

pub fn login(settings: &HuaweiSettings, secret: Option<&Secret>, at: Timestamp) -> Login {
    let hour = hour(at);
    let access = if settings.by_node { '2' } else { '0' };
    let digit = settings.signature.digit();
    let id = &settings.device_id;
    Login {
        client_id: format!("{id}_{access}_{digit}_{hour}"),
        username: id.clone(),
        password: secret.map(|secret| password(secret, &hour)),
        hour,
    }
}

/// The hour is the key and the secret the message: not the usual way round.
pub fn password(secret: &Secret, hour: &str) -> Secret {
    let key = hmac::Key::new(hmac::HMAC_SHA256, hour.as_bytes());
    let tag = hmac::sign(&key, secret.expose().as_bytes());
    Secret::new(hex(tag.as_ref()))
}

/// `YYYYMMDDHH` in UTC.
pub fn hour(at: Timestamp) -> String {
    civil(at).strftime("%Y%m%d%H").to_string()
}

pub(super) fn civil(at: Timestamp) -> jiff::civil::DateTime {
    let at = jiff::Timestamp::from_microsecond(at.0).unwrap_or_default();
    at.to_zoned(TimeZone::UTC).datetime()
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        out.push_str(&format!("{byte:02x}"));
        out
    })
}

impl HuaweiSignature {
    /// What to make of a refusal in this hour.
    pub const fn hint(self) -> &'static str {
        match self {
            Self::Checked => "the platform compares the hour with its clock (signature type 1)",
            Self::Unchecked => "the hour is not compared with the clock (signature type 0)",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::profile::HuaweiDialect;

    fn settings() -> HuaweiSettings {
        let url = "mqtts://h:8883".to_owned();
        HuaweiSettings::new(HuaweiDialect::Iotda, url, "5e06_meter".to_owned())
    }

    /// 2026-11-21T16:59:59Z.
    const AT: Timestamp = Timestamp(1_795_280_399_000_000);

    #[test]
    fn the_three_parts_agree_on_the_utc_hour() {
        // Made with Python's hmac, hashlib: tests/huawei/vectors.py.
        let secret = Secret::new("s3cret_of-meter");
        let login = login(&settings(), Some(&secret), AT);
        assert_eq!(login.client_id, "5e06_meter_0_1_2026112116");
        assert_eq!(login.username, "5e06_meter");
        let password = login.password.expect("a password");
        assert_eq!(
            password.expose(),
            "69ef907a7d42350f2742ca993cf4bf763d274fa8640b0dba887c1ed25fe4ddbd"
        );
    }

    #[test]
    fn a_node_id_and_an_unchecked_hour_show_in_the_client_id() {
        let settings = HuaweiSettings {
            by_node: true,
            signature: HuaweiSignature::Unchecked,
            ..settings()
        };
        let login = login(&settings, None, AT);
        assert_eq!(login.client_id, "5e06_meter_2_0_2026112116");
        assert_eq!(login.password, None);
    }
}
