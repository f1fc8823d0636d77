//! `shadow`: the document as it came, over REST where there are credentials, else over a connection of its own.

use crate::base::problem::{Exit, Problem};
use crate::base::text::SafeText;
use crate::cli::verb::{PayloadSource, ShadowDeed, ShadowVerb};
use crate::domain::device::DeviceId;
use crate::domain::json;
use crate::domain::profile::PlatformId;
use crate::domain::request::{Reply, Request};
use crate::domain::session::{LinkState, SessionEvent};
use crate::domain::shadow::{Node, ShadowKey, ShadowReply, ShadowRequest, refusal};

use super::console::{Heard, Opening};
use super::script::{End, Script, unfit};

pub(super) async fn run(script: &mut Script<'_>, verb: &ShadowVerb) -> Result<Exit, End> {
    let profile = script.begin_with("shadow", |can| can.shadow)?;
    let key = ShadowKey {
        thing: DeviceId::new(&verb.thing),
        name: verb.name.clone(),
    };
    let request = match &verb.deed {
        ShadowDeed::Get => ShadowRequest::Get(key.clone()),
        ShadowDeed::Delete => ShadowRequest::Delete(key.clone()),
        ShadowDeed::List => ShadowRequest::Names(key.thing.clone()),
        ShadowDeed::Update { change, version } => {
            let text = text(script, change).await?;
            update(&key, &text, *version)?
        }
    };
    let doing = request.doing();
    match ask(script, request).await? {
        ShadowReply::Document { raw, .. }
        | ShadowReply::Accepted { raw, .. }
        | ShadowReply::Deleted { raw } => script.out(&json::one_line(&raw)).await?,
        ShadowReply::Names(names) => {
            for name in names {
                script.out(SafeText::new(&name).as_str()).await?;
            }
        }
        ShadowReply::Refused { code, message } => {
            return Err(refusal(&key, doing, code, &message, None).into());
        }
        ShadowReply::NoConnection => return Err(nowhere(&key, profile.platform()).into()),
    }
    Ok(Exit::Done)
}

async fn text(script: &mut Script<'_>, source: &PayloadSource) -> Result<String, Problem> {
    let bytes = match source {
        PayloadSource::Text(text) => return Ok(text.clone()),
        PayloadSource::File(path) => script.console.read_file(path)?,
        PayloadSource::Stdin => script.console.read_stdin().await?,
    };
    String::from_utf8(bytes.to_vec()).map_err(|error| wrong(&format!("it is no UTF-8: {error}")))
}

fn wrong(why: &str) -> Problem {
    Problem::new(
        "the shadow is not updated",
        why,
        "write {\"state\":{\"desired\":{…}}}, or {\"desired\":{…}} alone; null takes a field away",
    )
    .exit(Exit::Usage)
}

/// The request as it was written: `state` goes on byte for byte.
fn update(key: &ShadowKey, text: &str, version: Option<u64>) -> Result<ShadowRequest, Problem> {
    let root = Node::parse(text).map_err(|error| wrong(&format!("it is no JSON: {error}")))?;
    if !root.is_object() {
        return Err(wrong("it is no JSON object"));
    }
    let state = match root.member("state") {
        Some(state) => state,
        None if root.member("desired").is_some() || root.member("reported").is_some() => &root,
        // Huawei's own form, a list of services.
        None if root.member("shadow").is_some() => &root,
        None => {
            return Err(wrong(
                "it has no `state`, and neither `desired` nor `reported`",
            ));
        }
    };
    if !state.is_object() {
        return Err(wrong("`state` is no object"));
    }
    for name in ["desired", "reported"] {
        let section = state.member(name);
        if section.is_some_and(|section| !section.is_object() && !section.is_null()) {
            return Err(wrong(&format!("`{name}` is neither an object nor null")));
        }
    }
    if state.has_null_in_array() {
        return Err(wrong("an array may not hold null"));
    }
    let written = match root.member("version") {
        None => None,
        Some(node) if node.is_null() => None,
        Some(node) => {
            let number = node.number();
            Some(number.ok_or_else(|| wrong("`version` is no whole number"))?)
        }
    };
    let token = root.member("clientToken").and_then(Node::words);
    if token.as_ref().is_some_and(|token| token.len() > 64) {
        return Err(wrong("`clientToken` is longer than 64 bytes"));
    }
    Ok(ShadowRequest::Update {
        key: key.clone(),
        state: state.text(),
        version: version.or(written),
        token,
    })
}

/// Where nothing but a connection answers, one is opened and the question put again.
async fn ask(script: &mut Script<'_>, request: ShadowRequest) -> Result<ShadowReply, End> {
    match once(script, request.clone()).await? {
        ShadowReply::NoConnection => {
            connect(script).await?;
            once(script, request).await
        }
        reply => Ok(reply),
    }
}

async fn once(script: &mut Script<'_>, request: ShadowRequest) -> Result<ShadowReply, End> {
    match script.ask(Request::Shadow(request)).await? {
        Reply::Shadow(reply) => Ok(reply),
        other => Err(unfit(&other)),
    }
}

/// Nothing is subscribed and nothing acknowledged: what a kept session holds comes again to whoever reads it.
async fn connect(script: &mut Script<'_>) -> Result<(), End> {
    script.console.open(Opening {
        manual_ack: true,
        filters: Vec::new(),
        bare: true,
    });
    loop {
        match script.console.next(None).await {
            Heard::Session(SessionEvent::Link(link)) => match link {
                LinkState::Connected { .. } => return Ok(()),
                LinkState::Reconnecting { why, .. }
                | LinkState::Refused(why)
                | LinkState::TakenOver(why) => return Err(why.into()),
                LinkState::Closed => {
                    let cause = "the session was closed";
                    let remedy = "the log file tells why";
                    return Err(Problem::new("could not connect", cause, remedy).into());
                }
                _ => {}
            },
            Heard::Session(SessionEvent::Fact(fact)) | Heard::Fact(fact) => script.tell(&fact),
            Heard::Interrupt => return Err(End::Interrupted),
            Heard::Session(_)
            | Heard::Reply(..)
            | Heard::Piece(_)
            | Heard::Left
            | Heard::Deadline => {}
        }
    }
}

fn nowhere(key: &ShadowKey, platform: PlatformId) -> Problem {
    let remedy = match platform {
        PlatformId::Huawei => "add [profiles.NAME.rest] to the profile, or try again",
        _ => "sign in (`aws sso login`), or try again",
    };
    Problem::new(
        format!("could not ask for the {key}"),
        "there are no credentials for REST, and the connection did not stand",
        remedy,
    )
    .exit(Exit::Unreachable)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, version: Option<u64>) -> Result<String, String> {
        let key = ShadowKey::classic(DeviceId::new("RPI"));
        match update(&key, text, version) {
            Ok(ShadowRequest::Update {
                state,
                version,
                token,
                ..
            }) => Ok(format!("{state} {version:?} {token:?}")),
            Ok(other) => panic!("{other:?}"),
            Err(problem) => Err(problem.cause),
        }
    }

    #[test]
    fn the_change_goes_as_it_was_written() {
        let text = r#"{"state": {"desired": {"t": 24.50, "big": 12345678901234567890}}, "version": 3, "clientToken": "x"}"#;
        assert_eq!(
            read(text, None),
            Ok(
                r#"{"desired":{"t":24.50,"big":12345678901234567890}} Some(3) Some("x")"#
                    .to_owned()
            )
        );
        assert_eq!(
            read(r#"{"reported":null}"#, Some(9)),
            Ok(r#"{"reported":null} Some(9) None"#.to_owned())
        );
    }

    #[test]
    fn what_the_service_would_refuse_is_said_before_it_is_asked() {
        let cases = [
            ("{", "it is no JSON"),
            ("[]", "no JSON object"),
            ("{}", "it has no `state`"),
            (r#"{"state":null}"#, "`state` is no object"),
            (r#"{"state":{"desired":7}}"#, "neither an object nor null"),
            (r#"{"state":{"desired":{"a":[null]}}}"#, "may not hold null"),
            (r#"{"state":{},"version":"x"}"#, "no whole number"),
        ];
        for (text, why) in cases {
            let found = read(text, None).expect_err(text);
            assert!(found.contains(why), "{text}: {found}");
        }
    }
}
