//! JSON Web Tokens, as the bridge and Google's token endpoint take them (`reference/google-iot-core.md` 4, 10).

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::key::SigningKey;
use crate::base::moment::Timestamp;
use crate::base::secret::Secret;
use crate::domain::json::quote;

/// Signed claims. `None`: the key could not sign, which is a matter of memory.
pub fn sign(key: &SigningKey, claims: &str) -> Option<Secret> {
    let header = format!("{{\"alg\":\"{}\",\"typ\":\"JWT\"}}", key.algorithm());
    let signed = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header),
        URL_SAFE_NO_PAD.encode(claims)
    );
    let signature = key.sign(signed.as_bytes())?;
    Some(Secret::new(format!(
        "{signed}.{}",
        URL_SAFE_NO_PAD.encode(signature)
    )))
}

/// What the bridge wants to know: whole seconds, and one project.
pub fn device_claims(project: &str, issued: Timestamp, lifetime: Duration) -> String {
    let expires = issued.plus(lifetime);
    format!(
        "{{\"iat\":{},\"exp\":{},\"aud\":{}}}",
        issued.seconds(),
        expires.seconds(),
        quote(project)
    )
}

/// A service account asking for an access token (RFC 7523).
pub fn account_claims(email: &str, scope: &str, audience: &str, issued: Timestamp) -> String {
    let expires = issued.plus(Duration::from_hours(1));
    format!(
        "{{\"iss\":{},\"scope\":{},\"aud\":{},\"iat\":{},\"exp\":{}}}",
        quote(email),
        quote(scope),
        quote(audience),
        issued.seconds(),
        expires.seconds()
    )
}
