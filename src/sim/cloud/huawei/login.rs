//! What a device shows when it connects (`reference/huawei-iot.md` 3).

use std::time::Duration;

use aws_lc_rs::{constant_time, digest, hmac};

use crate::base::moment::Timestamp;

/// How far the hour of a signature of type 1 may be from the clock. The platform's tolerance is not documented; a login
/// made just before the full hour and sent just after it must pass, and so must a clock that is a little off.
const TOLERANCE: Duration = Duration::from_mins(5);

/// Characters.
const LONGEST_CLIENT_ID: usize = 256;
const LONGEST_ID: usize = 128;
const LONGEST_NODE_ID: usize = 64;

/// `{id}_{access type}_{signature type}_{YYYYMMDDHH}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientId<'a> {
    /// What is before the rest; may hold `_` itself.
    pub id: &'a str,
    /// Access type 2: the id is a node id.
    pub by_node: bool,
    /// Signature type 1: the hour is compared with the clock.
    pub is_checked: bool,
    pub hour: &'a str,
}

impl<'a> ClientId<'a> {
    /// None where the form is wrong.
    pub fn parse(text: &'a str) -> Option<Self> {
        if text.chars().count() > LONGEST_CLIENT_ID {
            return None;
        }
        let (rest, hour) = text.rsplit_once('_')?;
        let (rest, signature) = rest.rsplit_once('_')?;
        let (id, access) = rest.rsplit_once('_')?;
        let by_node = match access {
            "0" => false,
            "2" => true,
            // One secret for a whole product (1) is not offered here, nor is provisioning.
            _ => return None,
        };
        let is_checked = match signature {
            "0" => false,
            "1" => true,
            _ => return None,
        };
        let longest = if by_node { LONGEST_NODE_ID } else { LONGEST_ID };
        let fits = !id.is_empty() && id.chars().count() <= longest;
        (fits && is_hour(hour)).then_some(Self {
            id,
            by_node,
            is_checked,
            hour,
        })
    }

    /// Whether the hour is one in which this login is good.
    pub fn is_timely(&self, now: Timestamp) -> bool {
        if !self.is_checked {
            return true;
        }
        let seconds = i64::try_from(TOLERANCE.as_secs()).unwrap_or_default();
        [-seconds, 0, seconds]
            .iter()
            .any(|off| hour(Timestamp::from_seconds(now.seconds() + off)) == self.hour)
    }

    /// Whether the password is the one that belongs to this secret and hour.
    pub fn is_signed(&self, password: &[u8], secret: &str) -> bool {
        // The hour is the key and the secret is the message.
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.hour.as_bytes());
        let expected = hex(hmac::sign(&key, secret.as_bytes()).as_ref());
        constant_time::verify_slices_are_equal(password, expected.as_bytes()).is_ok()
    }
}

/// `YYYYMMDDHH` in UTC.
fn hour(at: Timestamp) -> String {
    let at = jiff::Timestamp::from_microsecond(at.0).unwrap_or_default();
    at.strftime("%Y%m%d%H").to_string()
}

fn is_hour(text: &str) -> bool {
    if text.len() != 10 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return false;
    }
    let (day, hour) = text.split_at(8);
    jiff::civil::Date::strptime("%Y%m%d", day).is_ok() && hour.parse::<u8>().is_ok_and(|h| h < 24)
}

/// Lower-case.
pub fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push_str(&format!("{byte:02x}"));
    }
    text
}

/// Whether a certificate has this fingerprint: SHA-1 or SHA-256, in hex of either case.
pub fn has_fingerprint(certificate: &[u8], fingerprint: &str) -> bool {
    let wanted = fingerprint.to_ascii_lowercase();
    wanted == sha256(certificate)
        || wanted == hex(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, certificate).as_ref())
}

/// In lower-case hex.
pub fn sha256(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp(text.parse::<jiff::Timestamp>().unwrap().as_microsecond())
    }

    #[test]
    fn a_client_id_is_read_from_the_right() {
        let read = ClientId::parse("6560_a_b_0_1_2026112118").unwrap();
        assert_eq!(
            (read.id, read.by_node, read.is_checked, read.hour),
            ("6560_a_b", false, true, "2026112118")
        );
        assert!(ClientId::parse("n_2_0_2026112118").unwrap().by_node);
        for wrong in [
            "",
            "d",
            "d_0_1",
            "_0_1_2026112118",
            "d_1_1_2026112118",
            "d_0_2_2026112118",
            "d_0_1_202611211",
            "d_0_1_2026112124",
            "d_0_1_2026133118",
            "d_0_1_20261121ab",
        ] {
            assert_eq!(ClientId::parse(wrong), None, "{wrong}");
        }
        let long = format!("{}_0_0_2026112118", "x".repeat(129));
        assert_eq!(ClientId::parse(&long), None);
    }

    #[test]
    fn the_hour_counts_with_type_1_only_and_its_neighbour_for_five_minutes() {
        let checked = ClientId::parse("d_0_1_2026112118").unwrap();
        for (now, good) in [
            ("2026-11-21T17:54:59Z", false),
            ("2026-11-21T17:55:00Z", true),
            ("2026-11-21T18:00:00Z", true),
            ("2026-11-21T19:04:59Z", true),
            ("2026-11-21T19:05:01Z", false),
            ("2026-11-22T18:30:00Z", false),
        ] {
            assert_eq!(checked.is_timely(at(now)), good, "{now}");
        }
        let any = ClientId::parse("d_0_0_1999010100").unwrap();
        assert!(any.is_timely(at("2026-11-22T18:30:00Z")));
    }

    /// Python: hmac.new(b"2026112118", b"abcdefgh12345678", "sha256").hexdigest()
    #[test]
    fn the_password_is_the_secret_signed_with_the_hour() {
        let id = ClientId::parse("d_0_1_2026112118").unwrap();
        let password = b"ac3aab947bd617d7b0991948f4a64a8587e15dfca7598c2ec0c43b088bfb27c1";
        assert!(id.is_signed(password, "abcdefgh12345678"));
        assert!(!id.is_signed(password, "abcdefgh12345679"));
        assert!(!id.is_signed(&password.to_ascii_uppercase(), "abcdefgh12345678"));
    }
}
