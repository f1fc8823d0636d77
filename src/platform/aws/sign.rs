//! Signature Version 4, by AWS's own crate: presigned WebSockets and signed REST calls (`reference/aws-iot.md` 2.2, 7).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    SessionTokenMode, SignableBody, SignableRequest, SignatureLocation, SigningInstructions,
    SigningSettings, sign,
};
use aws_sigv4::sign::v4::SigningParams;

use crate::base::moment::Timestamp;
use crate::base::percent;
use crate::base::problem::{Exit, Problem};
use crate::base::secret::Secret;

/// AWS takes 5 minutes either way whatever is asked for; each URL is used once, right away.
const VALID: Duration = Duration::from_mins(5);
/// The service name of the MQTT gateway.
const GATEWAY: &str = "iotdevicegateway";

/// An access key. The token belongs to temporary ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys {
    /// No secret: AWS shows it in logs and messages too.
    pub id: String,
    pub secret: Secret,
    pub token: Option<Secret>,
}

impl Keys {
    /// What an empty token means, and the word that real programs send for none.
    pub fn new(id: &str, secret: &Secret, token: Option<Secret>) -> Self {
        Self {
            id: id.trim().to_owned(),
            secret: Secret::new(secret.expose().trim()),
            token: token
                .map(|token| Secret::new(token.expose().trim()))
                .filter(|token| !token.is_empty() && token.expose() != "None"),
        }
    }

    /// Something in a header that cannot be in one is a mistake in a file, and no key.
    fn are_legal(&self) -> bool {
        let texts = [
            self.id.as_str(),
            self.secret.expose(),
            self.token.as_ref().map_or("-", Secret::expose),
        ];
        texts
            .iter()
            .all(|text| !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic()))
    }
}

/// Path and query of the WebSocket. `authority` is the `Host` that will be sent: with the port where it is not 443.
pub fn presign(
    keys: &Keys,
    region: &str,
    authority: &str,
    at: Timestamp,
) -> Result<Secret, Problem> {
    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(VALID);
    // The gateway's quirk: the token is appended after signing (`reference/aws-iot.md` 2.2).
    settings.session_token_mode = SessionTokenMode::Exclude;
    let url = format!("https://{authority}/mqtt");
    let signed = signed(keys, region, GATEWAY, settings, at, "GET", &url, &[])?;
    let query = signed
        .params()
        .iter()
        .map(|(name, value)| format!("{name}={}", percent::encode(value)));
    let query = query.collect::<Vec<_>>().join("&");
    Ok(Secret::new(format!("/mqtt?{query}")))
}

/// The headers that a call needs beside its own; `url` is percent-encoded as it goes out.
pub fn headers(
    keys: &Keys,
    region: &str,
    service: &str,
    at: Timestamp,
    method: &str,
    url: &str,
    body: &[u8],
) -> Result<Vec<(&'static str, Secret)>, Problem> {
    let settings = SigningSettings::default();
    let signed = signed(keys, region, service, settings, at, method, url, body)?;
    let (headers, _) = signed.into_parts();
    let headers = headers.iter();
    Ok(headers
        .map(|header| (header.name(), Secret::new(header.value())))
        .collect())
}

#[expect(
    clippy::too_many_arguments,
    reason = "what is signed, flat; both callers stand above"
)]
fn signed(
    keys: &Keys,
    region: &str,
    service: &str,
    settings: SigningSettings,
    at: Timestamp,
    method: &str,
    url: &str,
    body: &[u8],
) -> Result<SigningInstructions, Problem> {
    if !keys.are_legal() {
        return Err(unfit("the access key holds characters that no key has"));
    }
    let token = keys.token.as_ref().map(|token| token.expose().to_owned());
    let identity = Credentials::new(&*keys.id, keys.secret.expose(), token, None, "thingdeck");
    let identity = identity.into();
    let params = SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(service)
        .time(clock(at))
        .settings(settings)
        .build()
        .map_err(|error| unfit(&error.to_string()))?
        .into();
    let body = SignableBody::Bytes(body);
    let request = SignableRequest::new(method, url, std::iter::empty(), body)
        .map_err(|error| unfit(&error.to_string()))?;
    let output = sign(request, &params).map_err(|error| unfit(&error.to_string()))?;
    Ok(output.into_parts().0)
}

fn clock(at: Timestamp) -> SystemTime {
    let micros = u64::try_from(at.0).unwrap_or(0);
    UNIX_EPOCH + Duration::from_micros(micros)
}

fn unfit(why: &str) -> Problem {
    Problem::new(
        "could not sign with the AWS credentials",
        why,
        "look at the place they come from: the log names it",
    )
    .exit(Exit::Usage)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &str = "abcdefghijklmn-ats.iot.eu-north-1.amazonaws.com";
    /// 2026-03-01T12:34:56Z.
    const AT: Timestamp = Timestamp::from_seconds(1_772_368_496);

    fn keys() -> Keys {
        let secret = Secret::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
        let token = Secret::new("AQoDYXdz/EJr+1==");
        Keys::new("ASIAIOSFODNN7EXAMPLE", &secret, Some(token))
    }

    #[test]
    fn a_presigned_url_is_the_reference_s_byte_for_byte() {
        let target = presign(&keys(), "eu-north-1", HOST, AT).expect("signed");
        let expected = "/mqtt?X-Amz-Algorithm=AWS4-HMAC-SHA256\
            &X-Amz-Credential=ASIAIOSFODNN7EXAMPLE%2F20260301%2Feu-north-1%2Fiotdevicegateway%2Faws4_request\
            &X-Amz-Date=20260301T123456Z&X-Amz-Expires=300&X-Amz-SignedHeaders=host\
            &X-Amz-Signature=e03d8e91cfc025542af37b3cc2b29efb2e5185561f607628330fda81dae01aaf\
            &X-Amz-Security-Token=AQoDYXdz%2FEJr%2B1%3D%3D";
        assert_eq!(target.expose(), expected);
    }

    #[test]
    fn a_port_that_is_not_443_is_signed_with_the_host() {
        let at = |authority: &str| presign(&keys(), "eu-north-1", authority, AT).expect("signed");
        assert_eq!(at(HOST), at(&format!("{HOST}:443")));
        assert_ne!(at(HOST), at(&format!("{HOST}:8444")));
    }

    #[test]
    fn signed_headers_are_the_reference_s() {
        let url = format!("https://{HOST}/topics/plant%2Fline%201?qos=1");
        let headers = headers(
            &keys(),
            "eu-north-1",
            "iotdevicegateway",
            AT,
            "POST",
            &url,
            b"hi",
        )
        .expect("signed");
        let value = |name: &str| {
            let found = headers.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| value.expose())
        };
        assert_eq!(value("x-amz-date"), Some("20260301T123456Z"));
        assert_eq!(value("x-amz-security-token"), Some("AQoDYXdz/EJr+1=="));
        let authorization = value("authorization").unwrap_or_default();
        assert!(
            authorization.contains("SignedHeaders=host;x-amz-date;x-amz-security-token,")
                && authorization
                    .ends_with("a2dfa44dcb52d4fe53c1e098efadb12aa43505d1d54251a5b10da397ea5b3b0d"),
            "{authorization}"
        );
    }

    #[test]
    fn an_empty_token_and_the_word_none_are_no_token() {
        let with =
            |token: &str| Keys::new("AKIA", &Secret::new("s"), Some(Secret::new(token))).token;
        assert_eq!(with(" "), None);
        assert_eq!(with("None"), None);
        assert_eq!(with("x\n"), Some(Secret::new("x")));
    }

    #[test]
    fn a_key_with_a_line_break_in_it_is_refused_and_not_repeated() {
        let broken = Keys::new("AKIA", &Secret::new("c4na\nry"), None);
        let problem = presign(&broken, "eu-north-1", HOST, AT).expect_err("refused");
        assert!(!problem.to_string().contains("c4na"), "{problem}");
    }
}
