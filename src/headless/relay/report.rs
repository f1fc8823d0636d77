//! `report`: properties, over a connection of its own.

use super::{beside, device};
use crate::base::problem::{Exit, Problem};
use crate::domain::json::quote;
use crate::domain::relay::{RelayReply, RelayRequest};
use crate::domain::request::{Reply, Request};
use crate::domain::shadow::{Leaf, Node};
use crate::headless::console::{Heard, Opening};
use crate::headless::script::{End, Script, unfit};

pub(super) async fn run(
    script: &mut Script<'_>,
    wanted: &str,
    words: &[String],
) -> Result<Exit, End> {
    script.begin_with("report", |can| can.relay.report)?;
    let (service, properties) = read(words)?;
    let device = device(script, wanted).await?;
    let request = RelayRequest::Report {
        device: Some(device.clone()),
        service,
        properties,
    };
    match connected(script, request).await? {
        RelayReply::Done => {
            script.say(&format!("the report of {device} is acknowledged"));
            Ok(Exit::Done)
        }
        other => Err(unfit(&Reply::Relay(other))),
    }
}

/// While the answer is awaited the connection comes about.
pub(super) async fn connected(
    script: &mut Script<'_>,
    request: RelayRequest,
) -> Result<RelayReply, End> {
    script.console.open(Opening {
        manual_ack: false,
        filters: Vec::new(),
        bare: true,
    });
    let id = script.console.request(Request::Relay(request));
    loop {
        match script.console.next(None).await {
            Heard::Reply(answered, outcome) if answered == id => {
                return match outcome? {
                    Reply::Relay(reply) => Ok(reply),
                    other => Err(unfit(&other)),
                };
            }
            Heard::Interrupt => return Err(End::Interrupted),
            heard => beside(script, heard)?,
        }
    }
}

/// The service, and its properties as JSON; no service where the JSON names them.
fn read(words: &[String]) -> Result<(Option<String>, String), Problem> {
    let wrong = |why: String| {
        let remedy = "write SERVICE PROPERTY=VALUE…, or SERVICE and a JSON object, or {\"SERVICE\":{\"PROPERTY\":value}}";
        Problem::new("the report is not sent", why, remedy).exit(Exit::Usage)
    };
    match words {
        [json] if json.trim_start().starts_with(['{', '[']) => Ok((None, json.clone())),
        [service, json] if json.trim_start().starts_with('{') => {
            Ok((Some(service.clone()), json.clone()))
        }
        [service, settings @ ..] if !settings.is_empty() => {
            let mut properties = Vec::new();
            for setting in settings {
                let (name, value) = setting
                    .split_once('=')
                    .filter(|(name, _)| !name.is_empty())
                    .ok_or_else(|| wrong(format!("{setting:?} is not PROPERTY=VALUE")))?;
                properties.push((name.to_owned(), value_of(value)));
            }
            Ok((Some(service.clone()), Node::Object(properties).text()))
        }
        [service] => Err(wrong(format!(
            "{service:?} is a service without properties"
        ))),
        [] | [_, ..] => Err(wrong("nothing is to be reported".to_owned())),
    }
}

/// A number, true, false, null or quoted as JSON reads it; any other word as itself.
fn value_of(text: &str) -> Node {
    Node::parse(text).unwrap_or_else(|_| Node::Leaf(Leaf::new(&quote(text))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(words: &[&str]) -> Result<(Option<String>, String), String> {
        let words: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
        read(&words).map_err(|problem| problem.cause)
    }

    #[test]
    fn properties_are_written_as_words_or_as_json() {
        let meter = Some("Meter".to_owned());
        assert_eq!(
            of(&[
                "Meter",
                "voltage=229.50",
                "on=true",
                "mode=eco",
                "text=\"7\""
            ]),
            Ok((
                meter.clone(),
                r#"{"voltage":229.50,"on":true,"mode":"eco","text":"7"}"#.to_owned()
            ))
        );
        assert_eq!(
            of(&["Meter", r#"{"v":1}"#]),
            Ok((meter, r#"{"v":1}"#.to_owned()))
        );
        let all = r#"{"Meter":{"v":1}}"#;
        assert_eq!(of(&[all]), Ok((None, all.to_owned())));
        assert!(of(&["Meter"]).is_err_and(|why| why.contains("without properties")));
        assert!(of(&["Meter", "v"]).is_err_and(|why| why.contains("not PROPERTY=VALUE")));
    }
}
