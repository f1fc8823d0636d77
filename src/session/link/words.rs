//! rumqttc's errors as ends in words.

use std::io;
use std::time::Duration;

use rumqttc::mqttbytes::Error as PacketError;
use rumqttc::{ConnectReturnCode, ConnectionError, Packet, StateError, TlsError};

use crate::base::problem::{Exit, Problem, Retry};
use crate::session::end::{End, EndClass};
use crate::session::tls::{Tls, trouble};

/// Where the connection leads, for the sentences.
#[derive(Debug, Clone)]
pub struct Place {
    pub host: String,
    pub port: u16,
    pub patience: Duration,
}

/// Why it ended. `up` tells whether there had been a CONNACK.
pub fn end(error: ConnectionError, up: bool, place: &Place, tls: Option<&Tls>) -> End {
    match error {
        ConnectionError::Io(error) => io_end(&error, up, place, tls),
        ConnectionError::Tls(TlsError::Io(error)) => handshake_end(&error, place, tls),
        ConnectionError::Tls(error) => handshake_end(&error, place, tls),
        ConnectionError::NetworkTimeout => unreachable_end(
            place,
            &format!("no answer within {} s", place.patience.as_secs()),
        ),
        ConnectionError::FlushTimeout => passing(
            place,
            "what was sent did not leave in time: the network is stuck",
        ),
        ConnectionError::ConnectionRefused(code) => refused_by_code(code, place),
        ConnectionError::NotConnAck(packet) => not_connack(&packet, place),
        ConnectionError::MqttState(error) => state_end(error, up, place, tls),
        ConnectionError::RequestsDone => passing(place, "the session let go of the connection"),
    }
}

fn state_end(error: StateError, up: bool, place: &Place, tls: Option<&Tls>) -> End {
    match error {
        StateError::Io(error) | StateError::Deserialization(PacketError::Io(error)) => {
            io_end_after_connect(&error, up, place, tls)
        }
        StateError::ConnectionAborted => hung_up(up, place, "the broker closed the connection"),
        StateError::AwaitPingResp => passing(place, "the broker does not answer pings any more"),
        StateError::CollisionTimeout => {
            passing(place, "the broker does not acknowledge what is published")
        }
        StateError::Deserialization(PacketError::InvalidConnectReturnCode(code)) => {
            unknown_code(code, place)
        }
        StateError::Deserialization(error) if !up => strange(place, &error.to_string()),
        error => passing(place, &format!("the broker broke the protocol: {error}")),
    }
}

/// Before CONNECT: DNS and TCP.
fn io_end(error: &io::Error, up: bool, place: &Place, tls: Option<&Tls>) -> End {
    if up {
        return io_end_after_connect(error, up, place, tls);
    }
    unreachable_end(place, &io_words(error))
}

/// After CONNECT was written: an alert in the stream, a reset, a plain end.
fn io_end_after_connect(error: &io::Error, up: bool, place: &Place, tls: Option<&Tls>) -> End {
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

fn handshake_end(
    error: &(dyn std::error::Error + 'static),
    place: &Place,
    tls: Option<&Tls>,
) -> End {
    if let Some(found) = trouble::find(error) {
        let trouble = trouble::words(found, &place.host, tls.and_then(Tls::presented).as_ref());
        return End::new(trouble.class(), trouble.problem);
    }
    let cause = match error.downcast_ref::<io::Error>() {
        Some(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            "it closed the connection in the middle of the TLS handshake".to_owned()
        }
        Some(error) => io_words(error),
        None => error.to_string(),
    };
    unreachable_end(place, &cause)
}

fn what(place: &Place) -> String {
    format!("could not connect to {}:{}", place.host, place.port)
}

fn unreachable_end(place: &Place, cause: &str) -> End {
    let remedy = "check the network, the host and the port";
    let problem = Problem::new(what(place), cause, remedy)
        .exit(Exit::Unreachable)
        .retry(Retry::Backoff);
    End::new(EndClass::Unreachable, problem)
}

fn passing(place: &Place, cause: &str) -> End {
    let what = format!("lost the connection to {}:{}", place.host, place.port);
    let problem = Problem::new(what, cause, "")
        .exit(Exit::Unreachable)
        .retry(Retry::Backoff);
    End::new(EndClass::Passing, problem)
}

fn hung_up(up: bool, place: &Place, cause: &str) -> End {
    if up {
        let end = passing(place, cause);
        return End::new(EndClass::HungUp, end.problem);
    }
    let cause = format!("{cause} right after CONNECT");
    let remedy = "some brokers refuse a client id or a certificate this way: check both";
    let problem = Problem::new(what(place), cause, remedy)
        .exit(Exit::Refused)
        .retry(Retry::Backoff);
    End::new(EndClass::ClosedEarly, problem)
}

fn refused_by_code(code: ConnectReturnCode, place: &Place) -> End {
    let (cause, remedy) = match code {
        ConnectReturnCode::ServiceUnavailable => {
            return unavailable(place);
        }
        ConnectReturnCode::BadClientId => (
            "the broker refused the client id (CONNACK 2)",
            "check `client_id` in the profile; the platform may have to register it first",
        ),
        ConnectReturnCode::BadUserNamePassword => (
            "the broker refused the user name or the password (CONNACK 4)",
            "check `username` and `password` in the profile",
        ),
        ConnectReturnCode::NotAuthorized => (
            "the broker says that this client is not authorized (CONNACK 5)",
            "check the credentials and the policy of this client id",
        ),
        ConnectReturnCode::RefusedProtocolVersion => (
            "the broker does not speak MQTT 3.1.1 (CONNACK 1)",
            "check that the address belongs to an MQTT broker of this platform",
        ),
        ConnectReturnCode::Success => ("the broker answered twice", ""),
    };
    let problem = Problem::new(what(place), cause, remedy).exit(Exit::Refused);
    End::new(EndClass::Refused, problem)
}

fn unavailable(place: &Place) -> End {
    let cause = "the broker says that its service is unavailable (CONNACK 3)";
    let problem = Problem::new(what(place), cause, "")
        .exit(Exit::Unreachable)
        .retry(Retry::Backoff);
    End::new(EndClass::Passing, problem)
}

/// CONNACK codes beyond the standard: 7 from AWS IoT's denials, 13 from ClearBlade (reference/crates.md).
fn unknown_code(code: u8, place: &Place) -> End {
    let cause = format!(
        "the broker refused the connection with code {code}, which MQTT 3.1.1 does not define"
    );
    let remedy = "check the credentials, the client id and the policy of this client";
    let problem = Problem::new(what(place), cause, remedy).exit(Exit::Refused);
    End::new(EndClass::Refused, problem)
}

fn not_connack(packet: &Packet, place: &Place) -> End {
    // "HTTP" read as MQTT: type 4, length 0x54, packet id 0x5450.
    if matches!(packet, Packet::PubAck(ack) if ack.pkid == 0x5450) {
        return strange(place, "it answered in HTTP");
    }
    strange(place, "its first packet was not a CONNACK")
}

fn strange(place: &Place, cause: &str) -> End {
    let cause = format!("what answers there does not speak MQTT: {cause}");
    let remedy = "check the port; port 443 of AWS IoT speaks MQTT only with its ALPN name";
    let problem = Problem::new(what(place), cause, remedy)
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
