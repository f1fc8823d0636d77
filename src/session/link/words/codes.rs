//! What the broker's codes mean, and what follows from them. The one table of its kind.

use super::Place;
use crate::base::problem::{Exit, Problem, Retry};
use crate::domain::message::Qos;
use crate::domain::profile::Version;
use crate::domain::session::Delivered;
use crate::session::end::{End, EndClass};
use crate::session::link::codec::{Answer, Farewell};

/// Codes from here on say no (MQTT 5, 2.4).
pub const REFUSED: u8 = 0x80;
pub const NO_ANSWER: &str = "the broker gave no answer for this filter";
/// Well received, by nobody (MQTT 5, 3.4.2.1).
const NO_SUBSCRIBERS: u8 = 0x10;

struct Reason {
    code: u8,
    words: &'static str,
    /// What it calls for in a CONNACK.
    first: EndClass,
    /// What it calls for in a DISCONNECT. [`EndClass::HungUp`] where it is about something that we sent: the session
    /// then looks for the filter or the message at fault.
    later: EndClass,
    remedy: &'static str,
}

const fn reason(
    code: u8,
    words: &'static str,
    first: EndClass,
    later: EndClass,
    remedy: &'static str,
) -> Reason {
    Reason {
        code,
        words,
        first,
        later,
        remedy,
    }
}

use EndClass::{HungUp, Passing, Refused, TakenOver};

const CREDENTIALS: &str = "check `username` and `password` in the profile";
const POLICY: &str = "check the credentials and the policy of this client id";
const CLIENT_ID: &str =
    "check `client_id` in the profile; the platform may have to register it first";
const WILL: &str = "check the last will in the profile";

/// MQTT 5, 2.4; those of 3.1.1 (3.2.2.3) are put in place of theirs.
const REASONS: &[Reason] = &[
    reason(0x80, "unspecified error", Passing, HungUp, ""),
    reason(0x81, "malformed packet", Refused, HungUp, ""),
    reason(0x82, "protocol error", Refused, HungUp, ""),
    reason(
        0x83,
        "implementation specific error",
        Refused,
        HungUp,
        POLICY,
    ),
    reason(0x84, "unsupported protocol version", Refused, Refused, ""),
    reason(0x85, "client id not valid", Refused, Refused, CLIENT_ID),
    reason(
        0x86,
        "bad user name or password",
        Refused,
        Refused,
        CREDENTIALS,
    ),
    reason(0x87, "not authorized", Refused, HungUp, POLICY),
    reason(0x88, "server unavailable", Passing, Passing, ""),
    reason(0x89, "server busy", Passing, Passing, ""),
    reason(
        0x8a,
        "banned",
        Refused,
        Refused,
        "ask whoever runs the broker",
    ),
    reason(0x8b, "server shutting down", Passing, Passing, ""),
    reason(
        0x8c,
        "bad authentication method",
        Refused,
        Refused,
        CREDENTIALS,
    ),
    reason(0x8d, "keep alive timeout", Passing, Passing, ""),
    reason(0x8e, "session taken over", TakenOver, TakenOver, ""),
    reason(0x8f, "topic filter invalid", Refused, HungUp, ""),
    reason(0x90, "topic name invalid", Refused, HungUp, WILL),
    reason(0x93, "receive maximum exceeded", Passing, Passing, ""),
    reason(0x94, "topic alias invalid", Passing, Passing, ""),
    reason(0x95, "packet too large", Refused, HungUp, WILL),
    reason(
        0x96,
        "message rate too high",
        Passing,
        Passing,
        "send less often",
    ),
    reason(0x97, "quota exceeded", Passing, Passing, ""),
    reason(0x98, "administrative action", Passing, Passing, ""),
    reason(0x99, "payload format invalid", Refused, HungUp, WILL),
    reason(
        0x9a,
        "retained messages are not supported",
        Refused,
        HungUp,
        WILL,
    ),
    reason(0x9b, "this QoS is not supported", Refused, HungUp, WILL),
    reason(0x9c, "use another server for now", Passing, Passing, ""),
    reason(0x9d, "the server has moved", Refused, Refused, ""),
    reason(
        0x9e,
        "shared subscriptions are not supported",
        Refused,
        HungUp,
        "",
    ),
    reason(0x9f, "connection rate exceeded", Passing, Passing, ""),
    reason(0xa0, "maximum connect time", Passing, Passing, ""),
    reason(
        0xa1,
        "subscription ids are not supported",
        Refused,
        HungUp,
        "",
    ),
    reason(0xa2, "wildcards are not supported", Refused, HungUp, ""),
    // Not of CONNACK or DISCONNECT.
    reason(0x91, "packet id in use", Passing, HungUp, ""),
    reason(0x92, "packet id not found", Passing, HungUp, ""),
];

fn find(code: u8) -> Option<&'static Reason> {
    REASONS.iter().find(|reason| reason.code == code)
}

/// `not authorized (code 135): the policy forbids it`
fn meaning(code: u8, said: Option<&str>) -> String {
    let words = find(code).map_or("for a reason that MQTT does not define", |found| {
        found.words
    });
    format!("{words} (code {code}){}", quoted(said))
}

fn quoted(said: Option<&str>) -> String {
    match said {
        Some(said) if !said.is_empty() => format!(": {said}"),
        _ => String::new(),
    }
}

/// CONNACK with a code other than 0.
pub fn refused(farewell: &Farewell, place: &Place) -> End {
    let code = match farewell.code {
        1 => 0x84,
        2 => 0x85,
        3 => 0x88,
        4 => 0x86,
        5 => 0x87,
        // Codes beyond the standard: 7 from AWS IoT's denials, 13 from ClearBlade.
        _ if place.version == Version::V311 => 0,
        code => code,
    };
    let shown = farewell.code;
    let version = place.version.word();
    let known = find(code);
    let sentence = match (code, known) {
        (0x84, _) => format!("the broker does not speak MQTT {version} (CONNACK {shown})"),
        (0x85, _) => format!("the broker refused the client id (CONNACK {shown})"),
        (0x86, _) => format!("the broker refused the user name or the password (CONNACK {shown})"),
        (0x87, _) => {
            format!("the broker says that this client is not authorized (CONNACK {shown})")
        }
        (0x88, _) => format!("the broker says that its service is unavailable (CONNACK {shown})"),
        (_, Some(known)) => format!(
            "the broker refused the connection: {} (CONNACK {shown})",
            known.words
        ),
        (_, None) => format!(
            "the broker refused the connection with code {shown}, which MQTT {version} does not define"
        ),
    };
    let remedy = match (code, known) {
        (0x84, _) if place.version == Version::V5 => "set `version = \"3.1.1\"` in the profile",
        (0x84, _) => "check that the address belongs to an MQTT broker of this platform",
        (_, Some(known)) => known.remedy,
        (_, None) => "check the credentials, the client id and the policy of this client",
    };
    let class = known.map_or(Refused, |known| known.first);
    end(
        place.could_not_connect(),
        class,
        &sentence,
        remedy,
        farewell,
    )
}

/// AUTH instead of CONNACK.
pub fn asks_more(place: &Place) -> End {
    let sentence =
        "the broker asks for enhanced authentication (AUTH), which thingdeck does not have";
    let farewell = Farewell::default();
    end(
        place.could_not_connect(),
        Refused,
        sentence,
        CREDENTIALS,
        &farewell,
    )
}

/// DISCONNECT from the broker.
pub fn disconnected(farewell: &Farewell, place: &Place) -> End {
    let known = find(farewell.code);
    let sentence = match (farewell.code, known) {
        (0, _) => "the broker said goodbye without a reason".to_owned(),
        (0x8e, _) => "another client connected with the same client id (DISCONNECT 142)".to_owned(),
        (code, Some(known)) => format!(
            "the broker ended the connection: {} (DISCONNECT {code})",
            known.words
        ),
        (code, None) => format!(
            "the broker ended the connection with code {code}, which MQTT 5 does not define"
        ),
    };
    let class = known.map_or(HungUp, |known| known.later);
    let remedy = known.map_or("", |known| known.remedy);
    let remedy = if remedy == WILL { "" } else { remedy };
    end(place.lost(), class, &sentence, remedy, farewell)
}

fn end(what: String, class: EndClass, sentence: &str, remedy: &str, farewell: &Farewell) -> End {
    let cause = format!("{sentence}{}", quoted(farewell.reason.as_deref()));
    let remedy = match farewell.reference.as_deref() {
        Some(server) if !server.is_empty() => {
            format!("connect to {server}, which the broker names instead")
        }
        _ => remedy.to_owned(),
    };
    let problem = Problem::new(what, cause, remedy);
    let problem = match class {
        Refused | EndClass::Fatal | TakenOver => problem.exit(Exit::Refused),
        _ => problem.exit(Exit::Unreachable).retry(Retry::Backoff),
    };
    End::new(class, problem)
}

/// A farewell for the log.
pub fn farewell_text(packet: &str, farewell: &Farewell) -> String {
    let reference = farewell.reference.as_deref().unwrap_or_default();
    let gap = if reference.is_empty() { "" } else { " see " };
    let said = quoted(farewell.reason.as_deref());
    format!("{packet} {}{said}{gap}{reference}", farewell.code)
}

/// One code of a SUBACK.
pub fn granted(code: u8, said: Option<&str>) -> Result<Qos, String> {
    match Qos::from_number(code) {
        Some(qos) => Ok(qos),
        // The only one of MQTT 3.1.1, and it says no more than that.
        None if code == REFUSED && said.is_none() => {
            Err("the broker refused this filter (code 128)".to_owned())
        }
        None => Err(format!(
            "the broker refused this filter: {}",
            meaning(code, said)
        )),
    }
}

pub fn granted_list(codes: &[Result<Qos, String>]) -> String {
    let words = codes.iter().map(|code| match code {
        Ok(qos) => format!("qos{}", qos.number()),
        Err(_) => "refused".to_owned(),
    });
    words.collect::<Vec<_>>().join(", ")
}

/// The codes of an UNSUBACK that are a no, for the log. 17 says that there was no such subscription: as well.
pub fn refusals(codes: &[u8], said: Option<&str>) -> String {
    let refused = codes.iter().filter(|code| **code >= REFUSED);
    let words: Vec<_> = refused.map(|code| meaning(*code, said)).collect();
    if words.is_empty() {
        String::new()
    } else {
        format!(" {}", words.join(", "))
    }
}

/// The code of an acknowledgement for the log; nothing where there is nothing to say.
pub fn code_words(answer: &Answer) -> String {
    match (answer.code, &answer.reason) {
        (0, None) => String::new(),
        (0, said) => quoted(said.as_deref()),
        (NO_SUBSCRIBERS, _) => format!(" {NOBODY}"),
        (code, said) => format!(" {}", meaning(code, said.as_deref())),
    }
}

const NOBODY: &str = "nobody is subscribed to it";

/// PUBACK or PUBREC.
pub fn published(answer: &Answer, topic: &str) -> Result<Delivered, Problem> {
    if answer.code < REFUSED {
        return Ok(delivered(answer));
    }
    let cause = format!(
        "the broker refused it: {}",
        meaning(answer.code, answer.reason.as_deref())
    );
    let what = format!("could not publish to {topic}");
    Err(match answer.code {
        0x87 => Problem::new(what, cause, "check what this client may publish to"),
        0x90 => Problem::new(what, cause, "use another topic"),
        0x97 => Problem::new(what, cause, "publish less often").retry(Retry::Backoff),
        0x99 => Problem::new(what, cause, "leave out the mark that the payload is UTF-8"),
        _ => Problem::new(what, cause, ""),
    }
    .exit(Exit::Refused))
}

pub fn delivered(answer: &Answer) -> Delivered {
    let said = answer.reason.clone().filter(|said| !said.is_empty());
    let note = match (answer.code, said) {
        (0, said) => said,
        (NO_SUBSCRIBERS, said) => Some(format!("{NOBODY}{}", quoted(said.as_deref()))),
        (code, said) => Some(meaning(code, said.as_deref())),
    };
    Delivered { note }
}

#[cfg(test)]
mod tests;
