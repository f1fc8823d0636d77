//! Why no connection could be made, in words.

use std::io;

use super::authority;
use crate::base::problem::{Exit, Problem, Retry};
use crate::base::text::SafeText;
use crate::session::end::{End, EndClass};
use crate::session::link::io_words;
use crate::session::tls::{Tls, trouble};

/// Longest piece of a server's own words that is repeated, in characters.
const QUOTE: usize = 160;

pub fn what(host: &str, port: u16) -> String {
    format!("could not connect to {}", authority(host, port))
}

/// DNS and TCP.
pub fn io_end(host: &str, port: u16, error: &io::Error) -> End {
    let remedy = "check the network, the host and the port";
    unreachable_end(what(host, port), io_words(error), remedy)
}

pub fn handshake_end(host: &str, port: u16, tls: &Tls, error: &io::Error) -> End {
    if let Some(found) = trouble::find(error) {
        let trouble = trouble::words(found, host, tls.presented().as_ref());
        return End::new(trouble.class(), trouble.problem);
    }
    let remedy =
        "check the port: one without TLS often answers this way, and 8883 is usual with it";
    match error.kind() {
        io::ErrorKind::UnexpectedEof => {
            let cause = "it closed the connection in the middle of the TLS handshake";
            unreachable_end(what(host, port), cause, remedy)
        }
        // mosquitto's plain port.
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => {
            let cause = "it reset the connection in the middle of the TLS handshake";
            unreachable_end(what(host, port), cause, remedy)
        }
        _ => io_end(host, port, error),
    }
}

/// Tried again with backoff, after the plan's other addresses.
pub fn unreachable_end(what: String, cause: impl Into<String>, remedy: &str) -> End {
    let problem = Problem::new(what, cause, remedy)
        .exit(Exit::Unreachable)
        .retry(Retry::Backoff);
    End::new(EndClass::Unreachable, problem)
}

/// Tried once.
pub fn refused_end(what: String, cause: impl Into<String>, remedy: &str) -> End {
    let problem = Problem::new(what, cause, remedy).exit(Exit::Refused);
    End::new(EndClass::Refused, problem)
}

/// A server's words, harmless and short.
pub fn quote(text: &str) -> String {
    let text: String = text.trim().chars().take(QUOTE).collect();
    SafeText::new(&text).as_str().to_owned()
}
