//! What went wrong in a TLS handshake, in a sentence of its own for each cause, with names, dates and a hint
//! (failure-modes.md F17).

use std::error::Error;
use std::io;

use rustls::{
    AlertDescription, CertificateError, InconsistentKeys, InvalidMessage, PeerIncompatible,
};

use super::Presented;
use crate::base::problem::{Exit, Problem, Retry};
use crate::session::end::EndClass;

/// A handshake's failure in words, and who has to act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    pub kind: Kind,
    pub problem: Problem,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// We do not trust the server.
    Server,
    /// The server does not accept our certificate.
    Client,
    /// Our own certificate and key cannot be used.
    Ours,
    /// The trusted certificates cannot be used.
    Roots,
    /// What answers does not speak TLS as we do.
    Peer,
}

impl Trouble {
    pub const fn class(&self) -> EndClass {
        match self.kind {
            Kind::Server | Kind::Roots => EndClass::Fatal,
            Kind::Client | Kind::Ours => EndClass::Refused,
            Kind::Peer => EndClass::Unreachable,
        }
    }
}

/// A TLS error found in a chain of errors.
#[derive(Debug, Clone, Copy)]
pub enum Found<'a> {
    Rustls(&'a rustls::Error),
    /// The host is no name that a certificate could hold.
    BadName,
}

/// Looks through an error and everything it wraps.
pub fn find<'a>(error: &'a (dyn Error + 'static)) -> Option<Found<'a>> {
    if let Some(found) = error.downcast_ref::<rustls::Error>() {
        return Some(Found::Rustls(found));
    }
    if error.is::<rustls::pki_types::InvalidDnsNameError>() {
        return Some(Found::BadName);
    }
    // `io::Error::source` skips the error that it wraps.
    if let Some(inner) = error
        .downcast_ref::<io::Error>()
        .and_then(io::Error::get_ref)
        && let Some(found) = find(inner)
    {
        return Some(found);
    }
    error.source().and_then(find)
}

pub fn words(found: Found<'_>, host: &str, presented: Option<&Presented>) -> Trouble {
    let error = match found {
        Found::Rustls(error) => error,
        Found::BadName => {
            let cause = format!("{host:?} is no host name that a certificate could hold");
            return trouble(Kind::Server, host, &cause, "check the host in the profile");
        }
    };
    match error {
        rustls::Error::InvalidCertificate(error) => server(error, host, presented),
        rustls::Error::AlertReceived(alert) => alert_words(*alert, host),
        rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => trouble(
            Kind::Ours,
            host,
            "the private key does not belong to the client certificate",
            "check `cert_file` and `key_file`: they must be a pair",
        ),
        rustls::Error::InvalidMessage(
            InvalidMessage::InvalidContentType
            | InvalidMessage::UnknownProtocolVersion
            | InvalidMessage::MessageTooLarge,
        ) => trouble(
            Kind::Peer,
            host,
            "what answers on this port does not speak TLS: it looks like a plain port",
            "check the port (8883 is usual for secure MQTT), or whether a proxy or a sign-in page is in between",
        ),
        rustls::Error::PeerIncompatible(error) => incompatible(error, host),
        rustls::Error::NoApplicationProtocol => no_protocol(host),
        rustls::Error::NoCertificatesPresented => trouble(
            Kind::Server,
            host,
            "the server presented no certificate",
            "",
        ),
        error => trouble(Kind::Peer, host, &error.to_string(), ""),
    }
}

fn server(error: &CertificateError, host: &str, presented: Option<&Presented>) -> Trouble {
    let (cause, remedy) = match error {
        CertificateError::ExpiredContext { time, not_after } => (
            format!(
                "the server's certificate expired on {} (this machine's clock says {})",
                date(not_after.as_secs()),
                date(time.as_secs())
            ),
            "tell whoever runs the server; if the date on this machine is wrong, set its clock",
        ),
        CertificateError::Expired => (
            "the server's certificate has expired".to_owned(),
            "tell whoever runs the server, and check this machine's clock",
        ),
        CertificateError::NotValidYetContext { time, not_before } => (
            format!(
                "the server's certificate is not valid before {} (this machine's clock says {})",
                date(not_before.as_secs()),
                date(time.as_secs())
            ),
            "check this machine's clock first",
        ),
        CertificateError::NotValidYet => (
            "the server's certificate is not valid yet".to_owned(),
            "check this machine's clock first",
        ),
        CertificateError::NotValidForNameContext { presented, .. } => (
            format!(
                "the server's certificate is for {}, not for {host}",
                names(presented)
            ),
            "check the host in the profile: it may be another server's address",
        ),
        CertificateError::NotValidForName => (
            format!("the server's certificate is not for {host}"),
            "check the host in the profile: it may be another server's address",
        ),
        CertificateError::UnknownIssuer => unknown_issuer(presented),
        CertificateError::Revoked => (
            "the server's certificate has been revoked".to_owned(),
            "do not go on; tell whoever runs the server",
        ),
        CertificateError::BadSignature => (
            "the server's certificate carries a wrong signature".to_owned(),
            "somebody may be in between; try another network",
        ),
        error => (
            format!("the server's certificate is not acceptable: {error}"),
            "",
        ),
    };
    trouble(Kind::Server, host, &cause, remedy)
}

fn unknown_issuer(presented: Option<&Presented>) -> (String, &'static str) {
    let remedy = "if this server is yours, name its CA certificate as `ca_file`; a company proxy may also be in between";
    let alone = "either the server has to send its intermediate certificates too, or, if it is yours, name its CA certificate as `ca_file`";
    let lone = presented.is_some_and(|shown| shown.certificates == 1 && !shown.is_self_signed());
    let cause = match presented {
        None => "the server's certificate is not signed by an authority trusted here".to_owned(),
        Some(shown) if shown.is_self_signed() => {
            format!(
                "the server's certificate ({}) is signed by itself",
                shown.subject
            )
        }
        Some(shown) if shown.certificates == 1 => format!(
            "the server's certificate is signed by {}, which is not trusted here, and came without intermediate certificates",
            shown.issuer
        ),
        Some(shown) => format!(
            "the server's certificate is signed by {}, which is not trusted here",
            shown.issuer
        ),
    };
    (cause, if lone { alone } else { remedy })
}

fn alert_words(alert: AlertDescription, host: &str) -> Trouble {
    let renew = "check the client certificate: it may belong to another account, have ended, or not be activated";
    let refused = |cause: &str| trouble(Kind::Client, host, cause, renew);
    match alert {
        AlertDescription::CertificateRequired | AlertDescription::NoCertificate => trouble(
            Kind::Client,
            host,
            "the server wants a client certificate, and none was sent",
            "name `cert_file` and `key_file` in the profile",
        ),
        AlertDescription::CertificateExpired => {
            refused("the server refused the client certificate: it has expired")
        }
        AlertDescription::CertificateRevoked => {
            refused("the server refused the client certificate: it has been revoked")
        }
        AlertDescription::UnknownCA => {
            refused("the server refused the client certificate: it does not know who signed it")
        }
        AlertDescription::BadCertificate
        | AlertDescription::CertificateUnknown
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::DecryptError => refused("the server refused the client certificate"),
        AlertDescription::AccessDenied => {
            refused("the server knows the client certificate and denies it access")
        }
        AlertDescription::ProtocolVersion => too_old(host),
        AlertDescription::NoApplicationProtocol => no_protocol(host),
        AlertDescription::UnrecognisedName => trouble(
            Kind::Peer,
            host,
            &format!("the server does not know the name {host}"),
            "check the host in the profile",
        ),
        AlertDescription::HandshakeFailure | AlertDescription::InsufficientSecurity => trouble(
            Kind::Peer,
            host,
            "the server and thingdeck have no cipher in common, or it wants a client certificate",
            "check the port and the client certificate",
        ),
        alert => trouble(
            Kind::Peer,
            host,
            &format!("the server sent the TLS alert {alert:?}"),
            "",
        ),
    }
}

fn incompatible(error: &PeerIncompatible, host: &str) -> Trouble {
    match error {
        PeerIncompatible::ServerDoesNotSupportTls12Or13
        | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
        | PeerIncompatible::Tls12NotOffered
        | PeerIncompatible::Tls12NotOfferedOrEnabled => too_old(host),
        error => {
            let cause = format!("the server's TLS does not fit: {error:?}");
            trouble(Kind::Peer, host, &cause, "the server may be too old")
        }
    }
}

fn too_old(host: &str) -> Trouble {
    trouble(
        Kind::Peer,
        host,
        "the server speaks only TLS versions before 1.2, which are not safe any more",
        "update the server",
    )
}

fn no_protocol(host: &str) -> Trouble {
    trouble(
        Kind::Peer,
        host,
        "the server does not speak the protocol that was asked for (ALPN)",
        "check the port: 443 wants an ALPN name, 8883 none",
    )
}

fn trouble(kind: Kind, host: &str, cause: &str, remedy: &str) -> Trouble {
    let what = match host {
        "" => "could not prepare the secure connection".to_owned(),
        host => format!("could not make a secure connection to {host}"),
    };
    let problem = Problem::new(what, cause, remedy);
    let problem = match kind {
        Kind::Server | Kind::Client => problem.exit(Exit::Refused),
        Kind::Ours | Kind::Roots => problem.exit(Exit::Usage),
        Kind::Peer => problem.exit(Exit::Unreachable).retry(Retry::Backoff),
    };
    Trouble { kind, problem }
}

/// webpki writes `DnsName("a.example")` and `IpAddress(127.0.0.1)`.
fn names(presented: &[String]) -> String {
    let bare = presented.iter().map(|name| {
        name.trim_start_matches("DnsName(")
            .trim_start_matches("IpAddress(")
            .trim_end_matches(')')
            .trim_matches('"')
            .to_owned()
    });
    let bare: Vec<_> = bare.take(5).collect();
    match bare.as_slice() {
        [] => "no name at all".to_owned(),
        names if presented.len() > names.len() => {
            format!(
                "{} and {} more names",
                names.join(", "),
                presented.len() - names.len()
            )
        }
        [names @ .., last] if !names.is_empty() => format!("{} and {last}", names.join(", ")),
        names => names.concat(),
    }
}

fn date(seconds: u64) -> String {
    let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
    jiff::Timestamp::from_second(seconds).map_or_else(
        |_| "a date out of range".to_owned(),
        |at| at.strftime("%Y-%m-%d %H:%M UTC").to_string(),
    )
}
