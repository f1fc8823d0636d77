//! A throwaway certificate authority, and server configurations that go wrong in one way each.

use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use thingdeck::base::secret::Secret;
use thingdeck::platform::plan::TlsPlan;

/// Signs servers and clients.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate and its key.
#[derive(Clone)]
pub struct Pair {
    pub certificate: String,
    pub key: String,
}

impl Pair {
    /// The key in its older form: a PKCS#8 key wraps a PKCS#1 (RSA) or SEC1 (EC) key in its third element.
    pub fn inner_key(&self) -> String {
        let PrivateKeyDer::Pkcs8(outer) = key(self) else {
            panic!("rcgen writes PKCS#8");
        };
        let (_, sequence) = element(outer.secret_pkcs8_der());
        let (version, _) = element(sequence);
        let (algorithm, _) = element(&sequence[version..]);
        let (_, inner) = element(&sequence[version + algorithm..]);
        let label = if algorithm > 17 { "EC" } else { "RSA" };
        let text = BASE64_STANDARD.encode(inner);
        format!("-----BEGIN {label} PRIVATE KEY-----\n{text}\n-----END {label} PRIVATE KEY-----\n")
    }
}

/// The length of the first DER element with its header, and its content.
fn element(der: &[u8]) -> (usize, &[u8]) {
    let (header, length) = match der[1] {
        short @ 0..0x80 => (2, usize::from(short)),
        long => {
            let bytes = &der[2..2 + usize::from(long & 0x7f)];
            let length = bytes
                .iter()
                .fold(0, |sum, byte| sum << 8 | usize::from(*byte));
            (2 + bytes.len(), length)
        }
    };
    (header + length, &der[header..header + length])
}

fn ca_params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).expect("valid");
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![
        KeyUsagePurpose::KeyCertSign,
        KeyUsagePurpose::DigitalSignature,
    ];
    params
}

impl Authority {
    pub fn new(name: &str) -> Self {
        let key = KeyPair::generate().expect("a key");
        let issuer = CertifiedIssuer::self_signed(ca_params(name), key).expect("signs itself");
        Self { issuer }
    }

    /// An authority below this one.
    pub fn below(&self, name: &str) -> Self {
        let key = KeyPair::generate().expect("a key");
        let issuer = CertifiedIssuer::signed_by(ca_params(name), key, &self.issuer).expect("signs");
        Self { issuer }
    }

    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    pub fn server(&self, name: &str) -> Pair {
        self.sign(name, ExtendedKeyUsagePurpose::ServerAuth, |_| {})
    }

    /// With a validity of the caller's choice, in years.
    pub fn server_between(&self, name: &str, from: i32, until: i32) -> Pair {
        self.sign(name, ExtendedKeyUsagePurpose::ServerAuth, |params| {
            params.not_before = rcgen::date_time_ymd(from, 1, 1);
            params.not_after = rcgen::date_time_ymd(until, 1, 1);
        })
    }

    pub fn client(&self, name: &str) -> Pair {
        self.sign(name, ExtendedKeyUsagePurpose::ClientAuth, |_| {})
    }

    pub fn client_rsa(&self, name: &str) -> Pair {
        let key = KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048);
        let key = key.expect("a key");
        let params = CertificateParams::new(vec![name.to_owned()]).expect("a valid name");
        let certificate = params.signed_by(&key, &self.issuer).expect("signs");
        Pair {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        }
    }

    pub fn client_expired(&self, name: &str) -> Pair {
        self.sign(name, ExtendedKeyUsagePurpose::ClientAuth, |params| {
            params.not_before = rcgen::date_time_ymd(2019, 1, 1);
            params.not_after = rcgen::date_time_ymd(2020, 1, 1);
        })
    }

    fn sign(
        &self,
        name: &str,
        usage: ExtendedKeyUsagePurpose,
        change: impl FnOnce(&mut CertificateParams),
    ) -> Pair {
        let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a valid name");
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages = vec![usage];
        change(&mut params);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("signs");
        Pair {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        }
    }
}

fn chain(pair: &Pair) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(pair.certificate.as_bytes())
        .map(|certificate| certificate.expect("PEM"))
        .collect()
}

fn key(pair: &Pair) -> PrivateKeyDer<'static> {
    PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).expect("PEM")
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// A server that wants a client certificate of `clients`.
pub fn mutual(server: &Pair, clients: &Authority) -> rustls::ServerConfig {
    mutual_with(server, clients, rustls::ALL_VERSIONS)
}

pub fn mutual_with(
    server: &Pair,
    clients: &Authority,
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> rustls::ServerConfig {
    let mut roots = RootCertStore::empty();
    roots.add(clients.issuer.der().clone()).expect("a root");
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider())
        .build()
        .expect("a verifier");
    rustls::ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(versions)
        .expect("versions")
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain(server), key(server))
        .expect("a pair")
}

/// A server that wants no client certificate.
pub fn open(server: &Pair) -> rustls::ServerConfig {
    rustls::ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(chain(server), key(server))
        .expect("a pair")
}

/// Trusts `authority` alone and shows `identity`.
pub fn trusting(authority: &Authority, identity: Option<&Pair>) -> TlsPlan {
    TlsPlan {
        extra_roots: vec![authority.pem()],
        identity: identity.map(|pair| (pair.certificate.clone(), Secret::new(&pair.key))),
        ..TlsPlan::default()
    }
}
