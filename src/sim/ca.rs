//! A throwaway certificate authority: server certificates for this machine, client certificates from a CSR.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, CertifiedIssuer,
    DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose,
    PKCS_RSA_SHA256, RsaKeySize, SanType, date_time_ymd,
};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName as WireName, RootCertStore,
    ServerConfig, SignatureScheme,
};

use crate::base::secret::Secret;

#[derive(Debug, thiserror::Error)]
pub enum CaError {
    #[error("cannot make a certificate")]
    Certificate(#[from] rcgen::Error),
    #[error("cannot set up TLS")]
    Tls(#[from] rustls::Error),
    #[error("cannot set up the check of client certificates")]
    Verifier(#[from] rustls::server::VerifierBuilderError),
}

/// Why a certificate signing request is no good.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum CsrError {
    #[error("the request is neither PEM nor base64")]
    Encoding,
    #[error("the request is not a PKCS#10 request with a valid signature")]
    Request,
}

/// A client certificate as it was issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issued {
    pub pem: String,
    pub der: Vec<u8>,
}

/// A certificate together with its private key, as a service hands them out.
#[derive(Debug, Clone)]
pub struct Pair {
    pub issued: Issued,
    pub key_pem: Secret,
}

/// Which kind of key is made, and how it stands in its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// 2048 bits, PKCS#1: what AWS IoT issues (`reference/aws-iot.md` 2.1, 2.5).
    Rsa,
    /// P-256, PKCS#8.
    Elliptic,
}

/// Decides at the handshake whether a certificate of this authority is still accepted.
pub type Accepted = Arc<dyn Fn(&[u8]) -> bool + Send + Sync>;

pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    provider: Arc<CryptoProvider>,
}

impl Authority {
    pub fn new() -> Result<Self, CaError> {
        let mut params = CertificateParams::default();
        params.distinguished_name = name("thingdeck simulator CA");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![
            KeyUsagePurpose::KeyCertSign,
            KeyUsagePurpose::CrlSign,
            KeyUsagePurpose::DigitalSignature,
        ];
        lifetime(&mut params);
        Ok(Self {
            issuer: CertifiedIssuer::self_signed(params, KeyPair::generate()?)?,
            provider: Arc::new(rustls::crypto::aws_lc_rs::default_provider()),
        })
    }

    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// Signs the key of a request. As with AWS IoT, the subject of the request is not taken over.
    ///
    /// `request` is PEM, or the base64 inside it with or without line breaks (`reference/lg-thinq.md` 5.4).
    pub fn sign(&self, request: &str) -> Result<Issued, CsrError> {
        let inner: String = request
            .lines()
            .filter(|line| !line.starts_with("-----"))
            .flat_map(str::chars)
            .filter(|c| !c.is_whitespace())
            .collect();
        let der = STANDARD.decode(inner).map_err(|_| CsrError::Encoding)?;
        let mut csr = CertificateSigningRequestParams::from_der(&der.into())
            .map_err(|_| CsrError::Request)?;
        csr.params = client();
        let certificate = csr.signed_by(&self.issuer).map_err(|_| CsrError::Request)?;
        Ok(Issued {
            pem: certificate.pem(),
            der: certificate.der().to_vec(),
        })
    }

    /// A new key, and a client certificate for it.
    pub fn issue(&self, kind: KeyKind) -> Result<Pair, CaError> {
        let key = match kind {
            KeyKind::Rsa => KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048)?,
            KeyKind::Elliptic => KeyPair::generate()?,
        };
        let certificate = client().signed_by(&key, &self.issuer)?;
        let key_pem = match kind {
            KeyKind::Rsa => pkcs1(&key.serialize_der()),
            KeyKind::Elliptic => key.serialize_pem(),
        };
        Ok(Pair {
            issued: Issued {
                pem: certificate.pem(),
                der: certificate.der().to_vec(),
            },
            key_pem: Secret::new(key_pem),
        })
    }

    /// TLS that asks for a client certificate and takes any, of whatever authority: what it is worth is found out
    /// later. Without one the handshake fails where it `is_required`.
    pub fn anyone(&self, alpn: &[&[u8]], is_required: bool) -> Result<ServerConfig, CaError> {
        let (chain, key) = self.server_certificate()?;
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()?
            .with_client_cert_verifier(Arc::new(Anyone {
                provider: Arc::clone(&self.provider),
                is_required,
            }))
            .with_single_cert(chain, key)?;
        config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
        // AWS has no session tickets (`reference/aws-iot.md` 2.5).
        config.send_tls13_tickets = 0;
        Ok(config)
    }

    /// TLS for HTTPS: nobody is asked for a certificate.
    pub fn https(&self) -> Result<ServerConfig, CaError> {
        self.server(&[b"http/1.1"])
    }

    /// TLS with these ALPN protocols; nobody is asked for a certificate.
    pub fn server(&self, alpn: &[&[u8]]) -> Result<ServerConfig, CaError> {
        let (chain, key) = self.server_certificate()?;
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
        Ok(config)
    }

    /// TLS for MQTT: a certificate of this authority is required, and `accepted` has the last word on it.
    pub fn mutual(&self, alpn: &[&[u8]], accepted: Accepted) -> Result<ServerConfig, CaError> {
        let (chain, key) = self.server_certificate()?;
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone())?;
        let signed_here = WebPkiClientVerifier::builder_with_provider(
            Arc::new(roots),
            Arc::clone(&self.provider),
        )
        .build()?;
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()?
            .with_client_cert_verifier(Arc::new(Gate {
                signed_here,
                accepted,
            }))
            .with_single_cert(chain, key)?;
        config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
        Ok(config)
    }

    /// Whether a client certificate is of this authority and good today.
    pub fn has_signed(&self, certificate: &[u8]) -> bool {
        let mut roots = RootCertStore::empty();
        if roots.add(self.issuer.der().clone()).is_err() {
            return false;
        }
        let provider = Arc::clone(&self.provider);
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
        verifier.is_ok_and(|verifier| {
            let certificate = CertificateDer::from(certificate);
            let checked = verifier.verify_client_cert(&certificate, &[], UnixTime::now());
            checked.is_ok()
        })
    }

    fn server_certificate(
        &self,
    ) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), CaError> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(["localhost".to_owned()])?;
        params
            .subject_alt_names
            .push(SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST)));
        params
            .subject_alt_names
            .push(SanType::IpAddress(IpAddr::V6(Ipv6Addr::LOCALHOST)));
        params.distinguished_name = name("localhost");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        lifetime(&mut params);
        let certificate = params.signed_by(&key, &self.issuer)?;
        let chain = vec![certificate.der().clone(), self.issuer.der().clone()];
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        Ok((chain, key))
    }
}

/// What stands in a client certificate, whoever asked for it.
fn client() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = name("AWS IoT Certificate");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params.use_authority_key_identifier_extension = true;
    lifetime(&mut params);
    params
}

/// The PKCS#1 key inside of a PKCS#8 one: the content of its octet string (RFC 5208, 5).
fn pkcs1(pkcs8: &[u8]) -> String {
    let inner = x509_parser::der_parser::parse_der(pkcs8)
        .ok()
        .and_then(|(_, key)| Some(key.as_sequence().ok()?.get(2)?.as_slice().ok()?.to_vec()));
    let base64 = STANDARD.encode(inner.unwrap_or_default());
    let lines: Vec<_> = base64
        .as_bytes()
        .chunks(64)
        .map(String::from_utf8_lossy)
        .collect();
    format!(
        "-----BEGIN RSA PRIVATE KEY-----\n{}\n-----END RSA PRIVATE KEY-----\n",
        lines.join("\n")
    )
}

fn name(common: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common);
    name
}

/// To the end of 2049, as AWS IoT's certificates (`reference/lg-thinq.md` 13).
fn lifetime(params: &mut CertificateParams) {
    params.not_before = date_time_ymd(2024, 1, 1);
    params.not_after = date_time_ymd(2049, 12, 31);
}

/// Signed by this authority, and not taken back since: AWS IoT ends the handshake of a deactivated certificate.
struct Gate {
    signed_here: Arc<dyn ClientCertVerifier>,
    accepted: Accepted,
}

impl std::fmt::Debug for Gate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Gate")
    }
}

impl ClientCertVerifier for Gate {
    fn root_hint_subjects(&self) -> &[WireName] {
        self.signed_here.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        let verified = self
            .signed_here
            .verify_client_cert(end_entity, intermediates, now)?;
        if (self.accepted)(end_entity) {
            Ok(verified)
        } else {
            Err(CertificateError::Revoked.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.signed_here.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.signed_here.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.signed_here.supported_verify_schemes()
    }
}

/// Whoever can prove that the certificate is theirs.
#[derive(Debug)]
struct Anyone {
    provider: Arc<CryptoProvider>,
    is_required: bool,
}

impl ClientCertVerifier for Anyone {
    fn client_auth_mandatory(&self) -> bool {
        self.is_required
    }

    fn root_hint_subjects(&self) -> &[WireName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, dss, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, dss, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let known = &self.provider.signature_verification_algorithms;
        known.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> String {
        let key = KeyPair::generate().unwrap();
        let csr = CertificateParams::default()
            .serialize_request(&key)
            .unwrap();
        csr.pem().unwrap()
    }

    #[test]
    fn a_request_is_signed_as_pem_and_as_bare_base64() {
        let authority = Authority::new().unwrap();
        let pem = request();
        let bare: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        for form in [pem, bare] {
            let issued = authority.sign(&form).expect("signed");
            assert!(issued.pem.starts_with("-----BEGIN CERTIFICATE-----"));
        }
    }

    #[test]
    fn what_is_no_request_is_refused() {
        let authority = Authority::new().unwrap();
        assert_eq!(authority.sign("***"), Err(CsrError::Encoding));
        assert_eq!(authority.sign("AAAA"), Err(CsrError::Request));
    }
}
