//! The device certificate, its key and the roots, looked at before they are used (`reference/aws-iot.md` 2.1, 2.5): what a file
//! really is, whether both belong together, and what the console knows the certificate by.

use std::path::Path;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::base::moment::Timestamp;
use crate::base::problem::{Exit, Problem};
use crate::base::secret::Secret;
use crate::base::text::hex;
use crate::platform::io::Io;

/// A certificate that ends sooner than this is worth a word.
const SOON: Duration = Duration::from_hours(14 * 24);

/// A pair that fits.
#[derive(Debug)]
pub(super) struct Identity {
    /// PEM.
    pub(super) chain: String,
    /// PEM.
    pub(super) key: Secret,
    /// Lower-case hex SHA-256: the console finds the certificate by it.
    pub(super) certificate_id: String,
    pub(super) until: Timestamp,
}

impl Identity {
    pub(super) fn words(&self) -> String {
        format!(
            "certificate {}, valid until {}",
            self.certificate_id,
            day(self.until)
        )
    }

    pub(super) fn ends_soon(&self, now: Timestamp) -> Option<Problem> {
        let what = format!("the device certificate ends on {}", day(self.until));
        let cause = format!("certificate {}", self.certificate_id);
        let remedy = "register its successor in time";
        (now.until(self.until) < SOON).then(|| Problem::new(what, cause, remedy))
    }
}

pub(super) fn read(io: &dyn Io, chain: &Path, key: &Path) -> Result<Identity, Problem> {
    let pem = certificate_text(io, chain)?;
    let leaf = leaf(&pem).ok_or_else(|| wrong(chain, "certificate", what_else(&pem)))?;
    let secret = clean_key(&io.read_private(key)?);
    let private = PrivateKeyDer::from_pem_slice(secret.expose().as_bytes())
        .map_err(|_quotes| wrong(key, "private key", what_key(secret.expose())))?;
    let certificate_id = hex(digest(&SHA256, &leaf).as_ref());
    let (_, read) = X509Certificate::from_der(&leaf)
        .map_err(|error| wrong(chain, "certificate", format!("it cannot be read: {error}")))?;
    check_pair(&read, &private, key, &certificate_id)?;
    let until = check_validity(io, &read, &certificate_id)?;
    Ok(Identity {
        chain: pem,
        key: secret,
        certificate_id,
        until,
    })
}

/// What is trusted besides the system's. A device's own certificate given for it is the most frequent mistake.
pub(super) fn roots(io: &dyn Io, path: &Path) -> Result<String, Problem> {
    let pem = certificate_text(io, path)?;
    let Some(first) = leaf(&pem) else {
        return Err(wrong(path, "CA certificate", what_else(&pem)));
    };
    let is_device = X509Certificate::from_der(&first).is_ok_and(|(_, read)| {
        !read.is_ca() && read.subject().to_string().contains("AWS IoT Certificate")
    });
    if is_device {
        let cause = "it is the device's own certificate, not the authority of the server's";
        let problem = wrong(path, "CA certificate", cause);
        let remedy = "leave ca_file out: Amazon's roots are known without it";
        return Err(Problem {
            remedy: remedy.to_owned(),
            ..problem
        });
    }
    Ok(pem)
}

/// Text without a byte order mark; what is binary and a certificate is written as text.
fn certificate_text(io: &dyn Io, path: &Path) -> Result<String, Problem> {
    let bytes = io.read_file(path)?;
    if X509Certificate::from_der(&bytes).is_ok() {
        let lines = STANDARD.encode(&bytes);
        return Ok(format!(
            "-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n"
        ));
    }
    let text = String::from_utf8_lossy(&bytes);
    Ok(text.trim_start_matches('\u{feff}').to_owned())
}

fn clean_key(key: &Secret) -> Secret {
    match key.expose().strip_prefix('\u{feff}') {
        Some(rest) => Secret::new(rest),
        None => key.clone(),
    }
}

fn leaf(pem: &str) -> Option<CertificateDer<'static>> {
    CertificateDer::from_pem_slice(pem.as_bytes()).ok()
}

/// rustls would find out too, and would not name the certificate.
fn check_pair(
    certificate: &X509Certificate<'_>,
    key: &PrivateKeyDer<'static>,
    path: &Path,
    id: &str,
) -> Result<(), Problem> {
    let signing = rustls::crypto::aws_lc_rs::sign::any_supported_type(key).map_err(|_quotes| {
        let cause = "it is a key of a kind that TLS does not know, or with its curve spelled out";
        wrong(path, "private key", cause)
    })?;
    let Some(public) = signing.public_key() else {
        return Ok(());
    };
    if public.as_ref() == certificate.public_key().raw {
        return Ok(());
    }
    let cause = format!(
        "{} is the key of another certificate than {id}",
        path.display()
    );
    let remedy = "the console's files that belong together begin with the same letters and digits";
    Err(Problem::new(WHAT, cause, remedy).exit(Exit::Usage))
}

fn check_validity(
    io: &dyn Io,
    certificate: &X509Certificate<'_>,
    id: &str,
) -> Result<Timestamp, Problem> {
    let validity = certificate.validity();
    let from = Timestamp::from_seconds(validity.not_before.timestamp());
    let until = Timestamp::from_seconds(validity.not_after.timestamp());
    let now = io.now().wall;
    if now < from || now > until {
        let (word, at) = if now < from {
            ("is not valid before", from)
        } else {
            ("ended on", until)
        };
        let cause = format!(
            "certificate {id} {word} {} (this machine's clock says {})",
            day(at),
            day(now)
        );
        let remedy = "register a new certificate; or set this machine's clock";
        return Err(Problem::new(WHAT, cause, remedy).exit(Exit::Refused));
    }
    Ok(until)
}

const WHAT: &str = "could not connect to AWS IoT";

fn wrong(path: &Path, wanted: &str, cause: impl Into<String>) -> Problem {
    let what = format!("{} is no {wanted}", path.display());
    let remedy =
        "the console gives …-certificate.pem.crt for cert_file and …-private.pem.key for key_file";
    Problem::new(what, cause, remedy).exit(Exit::Usage)
}

/// Instead of a certificate.
fn what_else(text: &str) -> &'static str {
    if text.contains("PRIVATE KEY") {
        "it holds a private key"
    } else if text.contains("PUBLIC KEY") {
        "it holds a public key, which TLS has no use for"
    } else if text.contains("CERTIFICATE REQUEST") {
        "it holds the request for a certificate, not the certificate"
    } else if is_binary(text) {
        "it is no text: a PKCS#12 file has to be taken apart first, with `openssl pkcs12`"
    } else {
        "it holds no PEM certificate"
    }
}

/// Instead of a key that can be used; never its text.
fn what_key(text: &str) -> &'static str {
    if text.contains("ENCRYPTED") {
        "it is encrypted, and thingdeck asks for no passphrase: write it in clear with `openssl pkcs8 -topk8 -nodes -in KEY -out KEY.clear`"
    } else if text.contains("PUBLIC KEY") {
        "it holds the public key: TLS needs the private one (…-private.pem.key)"
    } else if text.contains("BEGIN CERTIFICATE") {
        "it holds a certificate: cert_file and key_file may be the wrong way round"
    } else if is_binary(text) {
        "it is no text: write it as PEM first, with `openssl pkcs8 -topk8 -nodes -inform der`"
    } else {
        "it holds no PEM key (PKCS#1, PKCS#8 or SEC1)"
    }
}

fn is_binary(text: &str) -> bool {
    text.contains(['\u{fffd}', '\0'])
}

/// `2049-12-31`.
fn day(at: Timestamp) -> String {
    at.to_string().chars().take(10).collect()
}
