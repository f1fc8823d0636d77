//! How a connection ends, in words: what the stream did and what the bytes were. What the broker's codes say is in
//! [`codes`].

pub mod codes;

use std::io;
use std::time::Duration;

use super::Opening;
use crate::base::problem::{Exit, Problem, Retry};
use crate::domain::profile::Version;
use crate::session::end::{End, EndClass};
use crate::session::tls::{Tls, trouble};

/// Where the connection leads, for the sentences.
#[derive(Debug, Clone)]
pub struct Place {
    pub host: String,
    pub port: u16,
    pub version: Version,
    patience: Duration,
}

impl Place {
    pub fn new(opening: &Opening) -> Self {
        Self {
            host: opening.endpoint.host.clone(),
            port: opening.endpoint.port,
            version: opening.plan.version,
            patience: opening.plan.limits.connect_timeout,
        }
    }

    fn could_not_connect(&self) -> String {
        format!("could not connect to {}:{}", self.host, self.port)
    }

    fn lost(&self) -> String {
        format!("lost the connection to {}:{}", self.host, self.port)
    }
}

/// The stream ended or broke after CONNECT was written. `up` tells whether there had been a CONNACK.
pub fn ended(error: Option<&io::Error>, up: bool, place: &Place, tls: Option<&Tls>) -> End {
    let Some(error) = error else {
        return hung_up(up, place, "the broker closed the connection");
    };
    // A TLS 1.3 server refuses a client's certificate only now.
    if let Some(found) = trouble::find(error) {
        let trouble = trouble::words(found, &place.host, tls.and_then(Tls::presented).as_ref());
        let class = match trouble.class() {
            _ if up => EndClass::HungUp,
            EndClass::Unreachable => EndClass::ClosedEarly,
            class => class,
        };
        return End::new(class, trouble.problem);
    }
    hung_up(up, place, &io_words(error))
}

fn hung_up(up: bool, place: &Place, cause: &str) -> End {
    if up {
        return End::new(EndClass::HungUp, passing(place.lost(), cause));
    }
    let cause = format!("{cause} right after CONNECT");
    let remedy = match place.version {
        Version::V311 => "some brokers refuse a client id or a certificate this way: check both",
        Version::V5 => {
            "some brokers refuse a client id or a certificate this way, and some MQTT 5: check the first two, or set `version = \"3.1.1\"` in the profile"
        }
    };
    let problem = Problem::new(place.could_not_connect(), cause, remedy)
        .exit(Exit::Refused)
        .retry(Retry::Backoff);
    End::new(EndClass::ClosedEarly, problem)
}

fn passing(what: String, cause: &str) -> Problem {
    Problem::new(what, cause, "")
        .exit(Exit::Unreachable)
        .retry(Retry::Backoff)
}

/// The time ran out before there was a connection to send CONNECT on.
pub fn no_connection(place: &Place) -> End {
    let cause = format!("no answer within {} s", place.patience.as_secs());
    unreachable_end(place, &cause, "check the network, the host and the port")
}

/// The time ran out after CONNECT.
pub fn no_connack(place: &Place) -> End {
    let cause = format!(
        "it takes connections but does not answer CONNECT within {} s",
        place.patience.as_secs()
    );
    unreachable_end(
        place,
        &cause,
        "check that the port is one of an MQTT broker",
    )
}

pub fn no_pong(place: &Place) -> End {
    let cause = "the broker does not answer pings any more";
    End::new(EndClass::Passing, passing(place.lost(), cause))
}

pub fn broke_protocol(place: &Place, cause: &str) -> End {
    let cause = format!("the broker broke the protocol: {cause}");
    End::new(EndClass::Passing, passing(place.lost(), &cause))
}

/// The first bytes already tell that this is no broker; they may be too few for a packet, and never become one.
pub fn sniff(bytes: &[u8], place: &Place) -> Option<End> {
    const HTTP: &[u8] = b"HTTP/";
    match bytes {
        [] | [CONNACK | AUTH, ..] => None,
        _ if bytes.starts_with(HTTP) => Some(strange(place, "it answered in HTTP")),
        _ if HTTP.starts_with(bytes) => None,
        // A TLS alert or handshake record (RFC 8446, 5.1).
        [0x15 | 0x16] => None,
        [0x15 | 0x16, 3, ..] => Some(strange(place, "it speaks TLS, and the profile does not")),
        _ => Some(strange(place, NOT_CONNACK)),
    }
}

const CONNACK: u8 = 0x20;
const AUTH: u8 = 0xf0;
pub const NOT_CONNACK: &str = "its first packet was not a CONNACK";

/// What answers is no MQTT broker.
pub fn strange(place: &Place, cause: &str) -> End {
    let cause = format!("what answers there does not speak MQTT: {cause}");
    let remedy = "check the port; port 443 of AWS IoT speaks MQTT only with its ALPN name";
    unreachable_end(place, &cause, remedy)
}

fn unreachable_end(place: &Place, cause: &str, remedy: &str) -> End {
    let problem = Problem::new(place.could_not_connect(), cause, remedy)
        .exit(Exit::Unreachable)
        .retry(Retry::Backoff);
    End::new(EndClass::Unreachable, problem)
}

/// An I/O error as a person says it.
pub fn io_words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "nothing listens on that port".to_owned(),
        io::ErrorKind::ConnectionReset => "the connection was reset by the other side".to_owned(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::UnexpectedEof => {
            "the other side closed the connection".to_owned()
        }
        io::ErrorKind::BrokenPipe => "the connection is gone".to_owned(),
        io::ErrorKind::TimedOut => "no answer in time".to_owned(),
        io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable => {
            "there is no route to it: the network is down or the host is away".to_owned()
        }
        _ if error.to_string().contains("lookup address") => {
            "its name could not be resolved (DNS)".to_owned()
        }
        _ => error.to_string(),
    }
}
