//! A [`TlsPlan`] as a rustls configuration, and certificate troubles in words.

pub mod trouble;

mod verify;

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, Error, InconsistentKeys, RootCertStore};
use x509_parser::prelude::{FromDer as _, X509Certificate, X509Version};

use crate::base::problem::{Exit, Problem};
use crate::base::secret::Secret;
use crate::platform::plan::TlsPlan;
use trouble::{Kind, Trouble};
use verify::{Anyone, Watching};

pub use verify::{Presented, Seen};

/// A client's side of TLS, and what the last server that was not trusted presented.
#[derive(Debug, Clone)]
pub struct Tls {
    config: Arc<ClientConfig>,
    seen: Arc<Seen>,
}

impl Tls {
    /// Reads the system's roots where the plan wants them: blocking work of some milliseconds.
    pub fn build(plan: &TlsPlan) -> Result<Self, Trouble> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let seen = Arc::new(Seen::default());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| unusable("the TLS library refused its own defaults", &error))?
            .dangerous();
        let builder = if plan.insecure_skip_verify {
            builder.with_custom_certificate_verifier(Arc::new(Anyone::new(
                &provider,
                Arc::clone(&seen),
            )))
        } else {
            let verifier =
                WebPkiServerVerifier::builder_with_provider(roots(plan)?, Arc::clone(&provider))
                    .build()
                    .map_err(|error| unusable("the trusted certificates cannot be used", &error))?;
            let watching = Watching::new(verifier, Arc::clone(&seen));
            builder.with_custom_certificate_verifier(Arc::new(watching))
        };
        let mut config = match &plan.identity {
            None => builder.with_no_client_auth(),
            Some((chain, key)) => {
                let chain = certificates(chain, Kind::Ours, "client certificate")?;
                let own = own_identity(&provider, chain, read_key(key)?)
                    .map_err(|error| trouble::words(trouble::Found::Rustls(&error), "", None))?;
                builder.with_client_cert_resolver(own)
            }
        };
        config.alpn_protocols = plan
            .alpn
            .iter()
            .map(|name| name.clone().into_bytes())
            .collect();
        // Where SSLKEYLOGFILE is set, and only there: for people who look at their own traffic.
        config.key_log = Arc::new(rustls::KeyLogFile::new());
        Ok(Self {
            config: Arc::new(config),
            seen,
        })
    }

    pub fn config(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.config)
    }

    /// What the server showed last, trusted or not.
    pub fn presented(&self) -> Option<Presented> {
        self.seen.last()
    }
}

/// What rustls makes of chain and key, certificates of X.509's first version too: `openssl x509 -req` makes those for a
/// device under an authority of one's own, and brokers take them.
fn own_identity(
    provider: &CryptoProvider,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<Arc<SingleCertAndKey>, Error> {
    let key = provider.key_provider.load_private_key(key)?;
    let own = CertifiedKey::new(chain, key);
    match own.keys_match() {
        Ok(()) | Err(Error::InconsistentKeys(InconsistentKeys::Unknown)) => {}
        Err(Error::InvalidCertificate(why)) => match is_of_old_and_fits(&own) {
            Some(true) => {}
            Some(false) => return Err(InconsistentKeys::KeyMismatch.into()),
            None => return Err(Error::InvalidCertificate(why)),
        },
        Err(error) => return Err(error),
    }
    Ok(Arc::new(SingleCertAndKey::from(own)))
}

/// Whether a certificate of the first version belongs to its key; `None`: it is another one.
fn is_of_old_and_fits(own: &CertifiedKey) -> Option<bool> {
    let leaf = own.cert.first()?;
    let (_, leaf) = X509Certificate::from_der(leaf).ok()?;
    let key = own.key.public_key()?;
    (leaf.version() == X509Version::V1).then(|| leaf.public_key().raw == &*key)
}

fn roots(plan: &TlsPlan) -> Result<Arc<RootCertStore>, Trouble> {
    let mut store = RootCertStore::empty();
    for pem in &plan.extra_roots {
        for certificate in certificates(pem, Kind::Roots, "CA certificate")? {
            store
                .add(certificate)
                .map_err(|error| unusable("a CA certificate cannot be used", &error))?;
        }
    }
    if plan.system_roots {
        // One bad file among the system's is no reason to refuse all.
        store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    if store.is_empty() {
        return Err(Trouble {
            kind: Kind::Roots,
            problem: Problem::new(
                "could not prepare the secure connection",
                "there are no trusted root certificates on this machine",
                "install the system's CA certificates, or name a `ca_file` in the profile",
            )
            .exit(Exit::Usage),
        });
    }
    Ok(Arc::new(store))
}

fn certificates(
    pem: &str,
    kind: Kind,
    name: &str,
) -> Result<Vec<CertificateDer<'static>>, Trouble> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    match read {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) if pem.contains("PRIVATE KEY") => {
            let cause =
                "it holds a private key: `cert_file` and `key_file` may be the wrong way round";
            Err(unreadable(kind, name, cause))
        }
        Ok(_) if is_binary(pem) => {
            let cause = "it is no text: write it as PEM first, with `openssl x509 -inform der`";
            Err(unreadable(kind, name, cause))
        }
        Ok(_) => Err(unreadable(kind, name, "it holds no PEM certificate")),
        Err(error) => Err(unreadable(kind, name, &error.to_string())),
    }
}

/// PKCS#8, PKCS#1 or SEC1, whichever comes first.
fn read_key(pem: &Secret) -> Result<PrivateKeyDer<'static>, Trouble> {
    // The library's error could quote the text.
    PrivateKeyDer::from_pem_slice(pem.expose().as_bytes())
        .map_err(|_unsaid| unreadable(Kind::Ours, "private key", no_key(pem.expose())))
}

/// What the file is instead of a key that can be used; never its text.
fn no_key(text: &str) -> &'static str {
    if text.contains("ENCRYPTED") {
        "it is encrypted, and thingdeck asks for no passphrase: write it in clear with `openssl pkey -in KEY -out KEY.clear`, for your eyes only"
    } else if text.contains("BEGIN CERTIFICATE") {
        "it holds a certificate: `cert_file` and `key_file` may be the wrong way round"
    } else if text.contains("BEGIN PUBLIC KEY") {
        "it holds a public key; the private one is needed"
    } else if is_binary(text) {
        "it is no text: a DER or PKCS#12 file has to be written as PEM first, with `openssl pkey` or `openssl pkcs12`"
    } else {
        "it holds no PEM key (PKCS#8, PKCS#1 or SEC1)"
    }
}

/// Read as text, bytes that are none leave replacement characters.
fn is_binary(text: &str) -> bool {
    text.contains(['\u{fffd}', '\0'])
}

fn unreadable(kind: Kind, name: &str, cause: &str) -> Trouble {
    let what = format!("could not read the {name}");
    let problem = Problem::new(what, cause, "check the file that the profile names");
    Trouble {
        kind,
        problem: problem.exit(Exit::Usage),
    }
}

fn unusable(what: &str, error: &dyn std::error::Error) -> Trouble {
    let problem = Problem::new(
        what,
        error.to_string(),
        "check the files that the profile names",
    );
    Trouble {
        kind: Kind::Roots,
        problem: problem.exit(Exit::Usage),
    }
}
