//! Private keys as people bring them: PKCS#8, PKCS#1 and SEC1, with a block of parameters before it, with CRLF, with a
//! byte order mark. What is no such key gets its own message.

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair as RsaKeyPair;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256,
};
use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

use crate::base::secret::Secret;

/// The least that RS256 may be signed with here (`reference/google-iot-core.md` 4).
const LEAST_RSA_BITS: usize = 2048;

/// PEM writers differ in the padding; readers need not care.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Why a file is no key to sign with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("it is empty")]
    Empty,
    #[error("the key is encrypted with a passphrase")]
    Encrypted,
    #[error("it holds a certificate and no private key")]
    Certificate,
    #[error("it holds a certificate request and no private key")]
    Request,
    #[error("it holds a public key")]
    Public,
    #[error("it is a service account's file")]
    ServiceAccount,
    #[error("it is an OpenSSH key")]
    OpenSsh,
    #[error("it holds no PEM block (no line -----BEGIN PRIVATE KEY-----)")]
    NoPem,
    #[error("the PEM block {0} is cut off or damaged")]
    Damaged(String),
    #[error("it holds {0}, which is no private key")]
    Other(String),
    #[error("the key is on the curve {0}")]
    Curve(&'static str),
    #[error("it is an Ed25519 key")]
    Edwards,
    #[error("the RSA key has fewer than 2048 bits")]
    Short,
    #[error("the key cannot be read: {0}")]
    Unreadable(String),
}

impl KeyError {
    /// What to do about it.
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::Encrypted => {
                "write it out without one: openssl pkey -in KEY -out key.pem, and chmod 600 key.pem"
            }
            Self::Certificate | Self::Request | Self::Public => {
                "name the private key that belongs to it (BEGIN PRIVATE KEY, BEGIN RSA PRIVATE KEY or BEGIN EC PRIVATE KEY)"
            }
            Self::ServiceAccount => {
                "name it as `credentials_file`, and the device's private key as `key_file`"
            }
            Self::OpenSsh => "convert a copy: ssh-keygen -p -m pkcs8 -f KEY",
            Self::Curve(_) | Self::Edwards => {
                "ES256 takes P-256 only: openssl ecparam -genkey -name prime256v1 -noout -out key.pem, and register its public key"
            }
            Self::Short => {
                "the platform takes 2048 bits or more: openssl genrsa -out key.pem 2048, and register its public key"
            }
            Self::Empty | Self::NoPem | Self::Damaged(_) | Self::Other(_) | Self::Unreadable(_) => {
                "name a private key in PEM, as `openssl genrsa 2048` or `openssl ecparam -genkey -name prime256v1 -noout` writes it"
            }
        }
    }
}

/// A key that a token can be signed with.
pub enum SigningKey {
    Rsa(Box<RsaKeyPair>),
    Ec(Box<EcdsaKeyPair>),
}

impl SigningKey {
    pub fn parse(text: &Secret) -> Result<Self, KeyError> {
        let text = text.expose().trim_start_matches('\u{feff}').trim();
        if text.is_empty() {
            return Err(KeyError::Empty);
        }
        if text.starts_with('{') {
            return Err(KeyError::ServiceAccount);
        }
        let mut instead = KeyError::NoPem;
        for block in blocks(text)? {
            match block.label {
                "PRIVATE KEY" => return from_pkcs8(&block.content()?),
                "RSA PRIVATE KEY" if !block.is_encrypted() => return from_pkcs1(&block.content()?),
                "EC PRIVATE KEY" if !block.is_encrypted() => return from_sec1(&block.content()?),
                "RSA PRIVATE KEY" | "EC PRIVATE KEY" | "ENCRYPTED PRIVATE KEY" => {
                    return Err(KeyError::Encrypted);
                }
                "OPENSSH PRIVATE KEY" => return Err(KeyError::OpenSsh),
                "EC PARAMETERS" => {}
                "CERTIFICATE" | "X509 CERTIFICATE" | "TRUSTED CERTIFICATE" => {
                    instead = KeyError::Certificate;
                }
                "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => instead = KeyError::Request,
                "PUBLIC KEY" | "RSA PUBLIC KEY" => instead = KeyError::Public,
                other => instead = KeyError::Other(other.to_owned()),
            }
        }
        Err(instead)
    }

    /// The name in the token's header.
    pub const fn algorithm(&self) -> &'static str {
        match self {
            Self::Rsa(_) => "RS256",
            Self::Ec(_) => "ES256",
        }
    }

    /// PKCS#1 v1.5, or the 64 bytes r and s (not DER).
    pub fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        let random = SystemRandom::new();
        match self {
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
                    .ok()?;
                Some(signature)
            }
            Self::Ec(key) => Some(key.sign(&random, message).ok()?.as_ref().to_vec()),
        }
    }

    /// SHA-256 of the public key (SubjectPublicKeyInfo in DER), in lower-case hex: what `openssl pkey -pubout -outform der |
    /// sha256sum` says.
    pub fn fingerprint(&self) -> String {
        let der: Option<PublicKeyX509Der<'static>> = match self {
            Self::Rsa(key) => key.public_key().as_der().ok(),
            Self::Ec(key) => key.public_key().as_der().ok(),
        };
        let der: &[u8] = match &der {
            Some(der) => der.as_ref(),
            None => &[],
        };
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, der);
        let mut text = String::with_capacity(64);
        for byte in digest.as_ref() {
            text.push_str(&format!("{byte:02x}"));
        }
        text
    }
}

/// One PEM block.
struct Block<'a> {
    label: &'a str,
    body: &'a str,
}

impl Block<'_> {
    /// OpenSSL's old form says so in a header (RFC 1421, 4.6.1.1).
    fn is_encrypted(&self) -> bool {
        self.body.contains("ENCRYPTED")
    }

    fn content(&self) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let damaged = || KeyError::Damaged(self.label.to_owned());
        let lines = self.body.lines().filter(|line| !line.contains(':'));
        let text: Zeroizing<String> = Zeroizing::new(
            lines
                .flat_map(|line| line.chars().filter(|c| !c.is_whitespace()))
                .collect(),
        );
        let content = BASE64.decode(text.as_bytes()).map_err(|_| damaged())?;
        if content.is_empty() {
            return Err(damaged());
        }
        Ok(Zeroizing::new(content))
    }
}

fn blocks(text: &str) -> Result<Vec<Block<'_>>, KeyError> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("-----BEGIN ") {
        let damaged = |label: &str| {
            let label: String = label.chars().take(40).collect();
            KeyError::Damaged(label)
        };
        let (label, after) = after
            .split_once("-----")
            .ok_or_else(|| damaged("at its beginning"))?;
        let end = format!("-----END {label}-----");
        let (body, after) = after
            .split_once(end.as_str())
            .ok_or_else(|| damaged(label))?;
        found.push(Block { label, body });
        rest = after;
    }
    Ok(found)
}

/// Object identifiers as DER has them.
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01];
const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const ED25519: &[u8] = &[0x06, 0x03, 0x2b, 0x65, 0x70];
const CURVES: [(&[u8], &str); 4] = [
    (&[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22], "P-384"),
    (&[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23], "P-521"),
    (&[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a], "secp256k1"),
    (&[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x21], "P-224"),
];

fn has(der: &[u8], part: &[u8]) -> bool {
    memchr::memmem::find(der, part).is_some()
}

fn from_pkcs8(der: &[u8]) -> Result<SigningKey, KeyError> {
    // The algorithm stands at the beginning; the key's own bytes could hold anything.
    let head = der.get(..40).unwrap_or(der);
    if has(head, RSA) {
        return rsa(RsaKeyPair::from_pkcs8(der));
    }
    if has(head, EC) {
        return from_sec1(der);
    }
    if has(head, ED25519) {
        return Err(KeyError::Edwards);
    }
    let why = "it is neither RSA nor on a known curve";
    Err(KeyError::Unreadable(why.to_owned()))
}

fn from_pkcs1(der: &[u8]) -> Result<SigningKey, KeyError> {
    rsa(RsaKeyPair::from_der(der))
}

fn rsa(key: Result<RsaKeyPair, aws_lc_rs::error::KeyRejected>) -> Result<SigningKey, KeyError> {
    // The library reads none that is shorter than that, either.
    let key = key.map_err(|error| match error.to_string() {
        words if words == "TooSmall" => KeyError::Short,
        words => KeyError::Unreadable(words),
    })?;
    if key.public_modulus_len() * 8 < LEAST_RSA_BITS {
        return Err(KeyError::Short);
    }
    Ok(SigningKey::Rsa(Box::new(key)))
}

/// SEC1 or PKCS#8.
fn from_sec1(der: &[u8]) -> Result<SigningKey, KeyError> {
    if let Some((_, name)) = CURVES.iter().find(|(oid, _)| has(der, oid)) {
        return Err(KeyError::Curve(name));
    }
    EcdsaKeyPair::from_private_key_der(&ECDSA_P256_SHA256_FIXED_SIGNING, der)
        .map(|key| SigningKey::Ec(Box::new(key)))
        .map_err(|error| KeyError::Unreadable(error.to_string()))
}
