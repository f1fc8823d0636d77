//! Certificate verification: the standard one, watched, and none at all.

use std::sync::{Arc, Mutex, PoisonError};

use crate::base::text::hex;
use aws_lc_rs::digest::{SHA256, digest};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, Error, SignatureScheme};
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// What a server presented: for the log, and for the sentence about why it was not trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presented {
    pub subject: String,
    pub issuer: String,
    /// The leaf and what came with it.
    pub certificates: usize,
    /// A line each, from the leaf on: subject, issuer, validity, SHA-256.
    pub chain: Vec<String>,
}

impl Presented {
    pub fn is_self_signed(&self) -> bool {
        self.subject == self.issuer
    }
}

/// One certificate of a chain, for a person. Names in certificates are outside text: whoever shows this makes it safe.
fn line(certificate: &CertificateDer<'_>) -> String {
    let digest = hex(digest(&SHA256, certificate).as_ref());
    match X509Certificate::from_der(certificate) {
        Ok((_, read)) => format!(
            "{}, issued by {}, valid {} to {}, sha256 {digest}",
            read.subject(),
            read.issuer(),
            read.validity().not_before,
            read.validity().not_after,
        ),
        Err(_) => format!("a certificate that cannot be read, sha256 {digest}"),
    }
}

/// Where the verifier leaves what it was shown.
#[derive(Debug, Default)]
pub struct Seen(Mutex<Option<Presented>>);

impl Seen {
    pub fn last(&self) -> Option<Presented> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn note(&self, leaf: &CertificateDer<'_>, more: &[CertificateDer<'_>]) {
        let Ok((_, parsed)) = X509Certificate::from_der(leaf) else {
            return;
        };
        let presented = Presented {
            subject: parsed.subject().to_string(),
            issuer: parsed.issuer().to_string(),
            certificates: more.len() + 1,
            chain: std::iter::once(leaf).chain(more).map(line).collect(),
        };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(presented);
    }
}

/// The standard verifier, which also remembers whom it has seen.
#[derive(Debug)]
pub struct Watching {
    inner: Arc<WebPkiServerVerifier>,
    seen: Arc<Seen>,
}

impl Watching {
    pub const fn new(inner: Arc<WebPkiServerVerifier>, seen: Arc<Seen>) -> Self {
        Self { inner, seen }
    }
}

impl ServerCertVerifier for Watching {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        more: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.seen.note(leaf, more);
        self.inner.verify_server_cert(leaf, more, name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, leaf, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, leaf, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

/// Trusts whoever answers; only where the profile and the command line both ask for it. The handshake's signatures are
/// still checked: the peer owns the key it shows.
#[derive(Debug)]
pub struct Anyone {
    algorithms: WebPkiSupportedAlgorithms,
    seen: Arc<Seen>,
}

impl Anyone {
    pub const fn new(provider: &CryptoProvider, seen: Arc<Seen>) -> Self {
        Self {
            algorithms: provider.signature_verification_algorithms,
            seen,
        }
    }
}

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        more: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.seen.note(leaf, more);
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, leaf, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, leaf, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
