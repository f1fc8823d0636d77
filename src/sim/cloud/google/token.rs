//! Tokens as the bridge checks them (`reference/google-iot-core.md` 4), and keys as the simulator hands them out.

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _,
    RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, SubjectPublicKeyInfoDer};
use serde_json::Value;
use x509_parser::oid_registry::OID_EC_P256;
use x509_parser::prelude::{FromDer as _, X509Certificate};
use x509_parser::public_key::PublicKey as AnyKey;
use x509_parser::x509::SubjectPublicKeyInfo;

use crate::base::moment::Timestamp;
use crate::base::secret::Secret;

/// Clocks may differ by so many seconds, each way.
pub const SKEW: i64 = 600;
const LONGEST: i64 = 24 * 3600;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    Rs256,
    Es256,
}

/// One registered key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    pub algorithm: Algorithm,
    /// SubjectPublicKeyInfo.
    der: Vec<u8>,
    pub expires: Option<Timestamp>,
}

impl PublicKey {
    pub fn new(algorithm: Algorithm, der: Vec<u8>) -> Self {
        Self {
            algorithm,
            der,
            expires: None,
        }
    }

    /// As the registry is given it; none where it is not what its format says.
    pub fn registered(format: &str, pem: &str) -> Option<Self> {
        let algorithm = match format {
            "RSA_PEM" | "RSA_X509_PEM" => Algorithm::Rs256,
            "ES256_PEM" | "ES256_X509_PEM" => Algorithm::Es256,
            _ => return None,
        };
        let der = if format.contains("X509") {
            let certificate = CertificateDer::from_pem_slice(pem.as_bytes()).ok()?;
            let (_, certificate) = X509Certificate::from_der(&certificate).ok()?;
            certificate.public_key().raw.to_vec()
        } else {
            SubjectPublicKeyInfoDer::from_pem_slice(pem.as_bytes())
                .ok()?
                .to_vec()
        };
        let (_, info) = SubjectPublicKeyInfo::from_der(&der).ok()?;
        let fits = match (info.parsed().ok()?, algorithm) {
            (AnyKey::RSA(key), Algorithm::Rs256) => key.key_size() >= 2048,
            (AnyKey::EC(_), Algorithm::Es256) => {
                let curve = info.algorithm.parameters.as_ref()?.as_oid().ok()?;
                curve == OID_EC_P256
            }
            _ => false,
        };
        drop(info);
        fits.then(|| Self::new(algorithm, der))
    }

    pub fn pem(&self) -> String {
        pem("PUBLIC KEY", &self.der)
    }

    /// As the registry names the format.
    pub const fn format(&self) -> &'static str {
        match self.algorithm {
            Algorithm::Rs256 => "RSA_PEM",
            Algorithm::Es256 => "ES256_PEM",
        }
    }

    fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match self.algorithm {
            Algorithm::Rs256 => UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &self.der)
                .verify(message, signature)
                .is_ok(),
            Algorithm::Es256 => UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &self.der)
                .verify(message, signature)
                .is_ok(),
        }
    }
}

/// A fresh pair: the private half in PEM (PKCS#8), the public one. `None`: the system has no memory for it.
pub fn key_pair(algorithm: Algorithm) -> Option<(Secret, PublicKey)> {
    let (private, public) = match algorithm {
        Algorithm::Rs256 => {
            let key = RsaKeyPair::generate(KeySize::Rsa2048).ok()?;
            let private: Pkcs8V1Der<'static> = key.as_der().ok()?;
            let public: PublicKeyX509Der<'static> = key.public_key().as_der().ok()?;
            (private.as_ref().to_vec(), public.as_ref().to_vec())
        }
        Algorithm::Es256 => {
            let document = EcdsaKeyPair::generate_pkcs8(
                &ECDSA_P256_SHA256_FIXED_SIGNING,
                &SystemRandom::new(),
            )
            .ok()?;
            let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref())
                .ok()?;
            let public: PublicKeyX509Der<'static> = key.public_key().as_der().ok()?;
            (document.as_ref().to_vec(), public.as_ref().to_vec())
        }
    };
    let private = Secret::new(pem("PRIVATE KEY", &private));
    Some((private, PublicKey::new(algorithm, public)))
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut out = format!("-----BEGIN {label}-----\n");
    for line in text.as_bytes().chunks(64) {
        out.push_str(&String::from_utf8_lossy(line));
        out.push('\n');
    }
    out.push_str(&format!("-----END {label}-----\n"));
    out
}

/// Why a token is no good, in the words of the platform's log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    #[error("the token is malformed: {0}")]
    Malformed(&'static str),
    #[error("the algorithm is neither RS256 nor ES256")]
    Algorithm,
    #[error("the audience is not the project")]
    Audience,
    #[error("the token was made in the future")]
    Future,
    #[error("the token has expired")]
    Expired,
    #[error("the token is good for more than 24 hours")]
    TooLong,
    #[error("no registered key made the signature")]
    Signature,
}

/// The end of a good token, in seconds of 1970.
pub fn check(
    token: &[u8],
    keys: &[PublicKey],
    project: &str,
    now: Timestamp,
) -> Result<i64, Wrong> {
    let (claims, _) = verified(token, keys, now)?;
    if claims.get("aud").and_then(Value::as_str) != Some(project) {
        return Err(Wrong::Audience);
    }
    times(&claims, now)
}

/// The claims of a token that one of the keys has signed, and its header.
pub fn verified(token: &[u8], keys: &[PublicKey], now: Timestamp) -> Result<(Value, Value), Wrong> {
    let text = std::str::from_utf8(token).map_err(|_| Wrong::Malformed("it is no text"))?;
    let parts: Vec<&str> = text.split('.').collect();
    let [header, claims, signature] = parts[..] else {
        return Err(Wrong::Malformed("it has not three parts"));
    };
    // Strict: no padding, and nothing but base64url.
    let open = |part: &str| {
        URL_SAFE_NO_PAD
            .decode(part)
            .map_err(|_| Wrong::Malformed("a part is no base64url"))
    };
    let json = |part: &str| {
        serde_json::from_slice::<Value>(&open(part)?)
            .map_err(|_| Wrong::Malformed("a part is no JSON"))
    };
    let (header_json, claims_json) = (json(header)?, json(claims)?);
    let algorithm = match header_json.get("alg").and_then(Value::as_str) {
        Some("RS256") => Algorithm::Rs256,
        Some("ES256") => Algorithm::Es256,
        _ => return Err(Wrong::Algorithm),
    };
    if header_json.get("typ").and_then(Value::as_str) != Some("JWT") {
        return Err(Wrong::Malformed("its type is not JWT"));
    }
    let signature = open(signature)?;
    let message = format!("{header}.{claims}");
    let good = keys.iter().any(|key| {
        key.algorithm == algorithm
            && key.expires.is_none_or(|end| end > now)
            && key.verifies(message.as_bytes(), &signature)
    });
    if good {
        Ok((claims_json, header_json))
    } else {
        Err(Wrong::Signature)
    }
}

/// Whole seconds, and a life of a day at most.
fn times(claims: &Value, now: Timestamp) -> Result<i64, Wrong> {
    let whole = |name| {
        claims
            .get(name)
            .and_then(Value::as_i64)
            .ok_or(Wrong::Malformed("iat and exp have to be whole seconds"))
    };
    let (issued, expires) = (whole("iat")?, whole("exp")?);
    let now = now.seconds();
    if issued > now + SKEW {
        return Err(Wrong::Future);
    }
    if expires + SKEW <= now {
        return Err(Wrong::Expired);
    }
    if expires - issued > LONGEST + SKEW {
        return Err(Wrong::TooLong);
    }
    Ok(expires)
}
