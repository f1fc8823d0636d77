//! `attach`, `detach`, `config`, `command`, `device`, `bind`, `unbind`, `registries`, and `state` where a platform keeps the states
//! that a device sent.

mod event;
mod register;
mod report;

use std::time::Duration;

use bytes::Bytes;

use super::console::{Heard, Opening};
use super::script::{End, Script, unfit};
use crate::base::moment::{Mono, Timestamp};
use crate::base::problem::{Exit, Problem};
use crate::base::text::SafeText;
use crate::cli::verb::{ConfigVerb, PayloadSource, RelayVerb};
use crate::domain::device::{DeviceId, FindError, find};
use crate::domain::json::{one_line, quote};
use crate::domain::line::push_payload;
use crate::domain::profile::{PlatformId, Profile, Settings};
use crate::domain::relay::{Command, ConfigVersion, RelayReply, RelayRequest, StateVersion};
use crate::domain::request::{Reply, Request, RequestId};
use crate::domain::session::{LinkState, SessionEvent};
use crate::domain::subscription::{Feed, FeedState};

pub(super) async fn run(script: &mut Script<'_>, verb: &RelayVerb) -> Result<Exit, End> {
    match verb {
        RelayVerb::Attach { device, on, hold } => attach(script, device, *on, *hold).await,
        RelayVerb::Config { device, what } => config(script, device, what).await,
        RelayVerb::Command {
            device,
            subfolder,
            payload,
            parameters,
        } => {
            let parameters = parameters.as_deref();
            command(script, device, subfolder.clone(), payload, parameters).await
        }
        RelayVerb::Report { device, words } => report::run(script, device, words).await,
        RelayVerb::Event {
            device,
            name,
            parameters,
        } => event::run(script, device, name, parameters).await,
        RelayVerb::SyncClock { json } => event::sync_clock(script, *json).await,
        RelayVerb::Detail { device } => detail(script, device).await,
        RelayVerb::Message {
            device,
            payload,
            name,
            topic,
        } => message(script, device, payload, name.clone(), topic.clone()).await,
        RelayVerb::Register(verb) => register::register(script, verb).await,
        RelayVerb::Delete { device, yes } => register::delete(script, device, *yes).await,
        RelayVerb::Bind {
            device,
            gateway,
            on,
        } => bind(script, device, gateway.as_deref(), *on).await,
        RelayVerb::Registries { json } => registries(script, *json).await,
    }
}

/// A whole id may be one that no list names: without REST the platform's list is not there.
async fn device(script: &mut Script<'_>, wanted: &str) -> Result<DeviceId, End> {
    let devices = script.devices().await?;
    match find(&devices, wanted) {
        Ok(device) => Ok(device.id.clone()),
        Err(FindError::NoSuch(_)) if !wanted.trim().is_empty() => Ok(DeviceId::new(wanted)),
        Err(error) => Err(Problem::new(
            format!("which device is {wanted:?}?"),
            error.to_string(),
            "give its id, or more of it",
        )
        .exit(Exit::Usage)
        .into()),
    }
}

async fn payload(script: &mut Script<'_>, source: &PayloadSource) -> Result<Bytes, Problem> {
    match source {
        PayloadSource::Text(text) => Ok(Bytes::copy_from_slice(text.as_bytes())),
        PayloadSource::File(path) => script.console.read_file(path),
        PayloadSource::Stdin => script.console.read_stdin().await,
    }
}

async fn attach(
    script: &mut Script<'_>,
    wanted: &str,
    on: bool,
    hold: Option<Duration>,
) -> Result<Exit, End> {
    let verb = if on { "attach" } else { "detach" };
    let profile = script.begin_with(verb, |can| can.relay.bind)?;
    if own_gateway(&profile).is_none() {
        let cause = "only a gateway attaches devices, and this profile is a device's";
        let remedy = "use a profile with `gateway`";
        return Err(
            Problem::new(format!("{wanted} is not {verb}ed"), cause, remedy)
                .exit(Exit::Usage)
                .into(),
        );
    }
    let device = device(script, wanted).await?;
    script.console.open(Opening {
        manual_ack: false,
        filters: Vec::new(),
        bare: true,
    });
    let id = script.console.request(Request::Feed {
        device: device.clone(),
        feed: Feed::Push,
        on,
        hours: None,
    });
    let state = answered(script, id).await?;
    let word = if on { "attached" } else { "detached" };
    let line = match state {
        FeedState::On { until: Some(until) } => {
            format!("{word}  {device}  its token ends at {until}")
        }
        _ => format!("{word}  {device}"),
    };
    script.out(SafeText::new(&line).as_str()).await?;
    if let Some(hold) = hold {
        let until = script.console.now().mono.plus(hold);
        stay(script, until).await?;
    }
    Ok(Exit::Done)
}

/// While the answer is awaited the connection comes about.
async fn answered(script: &mut Script<'_>, id: RequestId) -> Result<FeedState, End> {
    loop {
        match script.console.next(None).await {
            Heard::Reply(answered, outcome) if answered == id => {
                return match outcome? {
                    Reply::Feed(state) => Ok(state),
                    other => Err(unfit(&other)),
                };
            }
            Heard::Interrupt => return Err(End::Interrupted),
            heard => beside(script, heard)?,
        }
    }
}

/// Until the time is over, or a signal comes.
async fn stay(script: &mut Script<'_>, until: Mono) -> Result<(), End> {
    loop {
        match script.console.next(Some(until)).await {
            Heard::Deadline | Heard::Interrupt => return Ok(()),
            heard => beside(script, heard)?,
        }
    }
}

fn beside(script: &mut Script<'_>, heard: Heard) -> Result<(), End> {
    match heard {
        Heard::Fact(fact) | Heard::Session(SessionEvent::Fact(fact)) => script.tell(&fact),
        Heard::Session(SessionEvent::Link(link)) => match link {
            LinkState::Connected { .. } => script.say("connected"),
            LinkState::Refused(why) | LinkState::TakenOver(why) => return Err(why.into()),
            LinkState::Reconnecting { at, attempt, why } => {
                if attempt >= 3 {
                    return Err(why.into());
                }
                script.say_reconnecting(at, &why);
            }
            _ => {}
        },
        _ => {}
    }
    Ok(())
}

async fn ask(script: &mut Script<'_>, what: RelayRequest) -> Result<RelayReply, End> {
    match script.ask(Request::Relay(what)).await? {
        Reply::Relay(reply) => Ok(reply),
        other => Err(unfit(&other)),
    }
}

fn unfit_relay(reply: RelayReply) -> End {
    unfit(&Reply::Relay(reply))
}

async fn config(script: &mut Script<'_>, wanted: &str, what: &ConfigVerb) -> Result<Exit, End> {
    script.begin_with("config", |can| can.relay.config)?;
    match what {
        ConfigVerb::Show { all } => {
            let device = device(script, wanted).await?;
            let versions = match ask(script, RelayRequest::Configs(device)).await? {
                RelayReply::Configs(versions) => versions,
                other => return Err(unfit_relay(other)),
            };
            let most = if *all { usize::MAX } else { 1 };
            for version in versions.iter().take(most) {
                script.out(&config_line(version)).await?;
            }
            Ok(Exit::Done)
        }
        ConfigVerb::Send {
            payload: source,
            expected,
        } => {
            let payload = payload(script, source).await?;
            let device = device(script, wanted).await?;
            let request = RelayRequest::SendConfig {
                device: device.clone(),
                payload,
                expected: *expected,
            };
            match ask(script, request).await? {
                RelayReply::Configured(version) => {
                    script.out(&config_line(&version)).await?;
                    Ok(Exit::Done)
                }
                RelayReply::Conflict { newest } => {
                    Err(conflict(&device, *expected, &newest).into())
                }
                other => Err(unfit_relay(other)),
            }
        }
    }
}

/// Somebody else was faster: nothing was overwritten, and this is what there is now.
fn conflict(device: &DeviceId, expected: Option<u64>, newest: &ConfigVersion) -> Problem {
    let expected = expected.unwrap_or_default();
    Problem::new(
        format!("the configuration of {device} was not sent"),
        format!(
            "its newest version is {}, not {expected}: {}",
            newest.version,
            config_line(newest)
        ),
        format!("look at it, then send with --if-version {}", newest.version),
    )
}

/// One JSON object: version, times, payload.
fn config_line(version: &ConfigVersion) -> String {
    let mut line = format!("{{\"version\":{}", version.version);
    push_time(&mut line, "updated", version.updated);
    push_time(&mut line, "acknowledged", version.acknowledged);
    push_payload(&mut line, &version.payload, &[]);
    line.push('}');
    line
}

fn state_line(state: &StateVersion) -> String {
    let mut members = String::new();
    push_time(&mut members, "updated", state.updated);
    push_payload(&mut members, &state.payload, &[]);
    // Each has a comma before it.
    format!("{{{}}}", members.strip_prefix(',').unwrap_or(&members))
}

fn push_time(line: &mut String, name: &str, at: Option<Timestamp>) {
    if let Some(at) = at {
        line.push_str(&format!(",\"{name}\":\"{at}\""));
    }
}

/// The states that a device sent, newest first.
pub(super) async fn states(script: &mut Script<'_>, wanted: &str, all: bool) -> Result<Exit, End> {
    let device = device(script, wanted).await?;
    let states = match ask(script, RelayRequest::States(device.clone())).await? {
        RelayReply::States(states) => states,
        other => return Err(unfit_relay(other)),
    };
    if states.is_empty() {
        let cause = format!("{device} has sent none yet");
        let remedy = "wait until it has published to its state topic";
        return Err(Problem::new("there is no state", cause, remedy)
            .exit(Exit::NotFound)
            .into());
    }
    let most = if all { usize::MAX } else { 1 };
    for state in states.iter().take(most) {
        script.out(&state_line(state)).await?;
    }
    Ok(Exit::Done)
}

async fn command(
    script: &mut Script<'_>,
    wanted: &str,
    subfolder: Option<String>,
    source: &PayloadSource,
    parameters: Option<&str>,
) -> Result<Exit, End> {
    let profile = script.begin_with("command", |can| can.relay.command)?;
    let payload = payload(script, source).await?;
    let command = match profile.platform() {
        PlatformId::Huawei => named(&payload, parameters)?,
        _ if parameters.is_some() => {
            let cause = "a command here is one payload";
            let remedy = "quote it as one word; --subfolder names its folder";
            return Err(Problem::new("the command is not sent", cause, remedy)
                .exit(Exit::Usage)
                .into());
        }
        _ => Command::Bytes { subfolder, payload },
    };
    let device = device(script, wanted).await?;
    let request = RelayRequest::SendCommand {
        device: device.clone(),
        command,
    };
    match ask(script, request).await? {
        RelayReply::Commanded { answer, .. } => {
            match answer {
                Some(answer) => script.out(&one_line(&answer)).await?,
                None => script.say(&format!("the command is sent to {device}")),
            }
            Ok(Exit::Done)
        }
        other => Err(unfit_relay(other)),
    }
}

/// `SERVICE.COMMAND`, or `COMMAND`.
fn named(payload: &[u8], parameters: Option<&str>) -> Result<Command, Problem> {
    let text = String::from_utf8_lossy(payload);
    let (service, name) = match text.trim().split_once('.') {
        Some((service, name)) => (Some(service.to_owned()), name.to_owned()),
        None => (None, text.trim().to_owned()),
    };
    if name.is_empty() || service.as_deref() == Some("") {
        let cause = "no command is named";
        let remedy = "write SERVICE.COMMAND, then its parameters as JSON";
        return Err(Problem::new("the command is not sent", cause, remedy).exit(Exit::Usage));
    }
    Ok(Command::Named {
        service,
        name,
        parameters: parameters.unwrap_or_default().to_owned(),
    })
}

async fn message(
    script: &mut Script<'_>,
    wanted: &str,
    source: &PayloadSource,
    name: Option<String>,
    topic: Option<String>,
) -> Result<Exit, End> {
    script.begin_with("message", |can| can.relay.message)?;
    let payload = payload(script, source).await?;
    let device = device(script, wanted).await?;
    let request = RelayRequest::SendMessage {
        device,
        payload,
        name,
        topic,
    };
    match ask(script, request).await? {
        RelayReply::Commanded { id, answer } => {
            let id = quote(&id.unwrap_or_default());
            let answer = answer.as_deref().unwrap_or("null");
            let line = format!("{{\"message_id\":{id},\"result\":{}}}", one_line(answer));
            script.out(&line).await?;
            Ok(Exit::Done)
        }
        other => Err(unfit_relay(other)),
    }
}

/// All that the platform tells of a device.
async fn detail(script: &mut Script<'_>, wanted: &str) -> Result<Exit, End> {
    script.begin_with("device", |can| can.relay.register)?;
    let device = device(script, wanted).await?;
    match ask(script, RelayRequest::Detail(device)).await? {
        RelayReply::Detail(raw) => {
            script.out(&one_line(&raw)).await?;
            Ok(Exit::Done)
        }
        other => Err(unfit_relay(other)),
    }
}

async fn bind(
    script: &mut Script<'_>,
    wanted: &str,
    gateway: Option<&str>,
    on: bool,
) -> Result<Exit, End> {
    let verb = if on { "bind" } else { "unbind" };
    let profile = script.begin_with(verb, |can| can.relay.bind)?;
    let Some(gateway) = gateway.map(str::to_owned).or_else(|| own_gateway(&profile)) else {
        let cause = "the profile is a device's, and no gateway is named";
        let what = format!("{wanted} is not {}", if on { "bound" } else { "unbound" });
        return Err(Problem::new(what, cause, "name it with --gateway")
            .exit(Exit::Usage)
            .into());
    };
    let device = device(script, wanted).await?;
    let gateway = DeviceId::new(&gateway);
    let request = if on {
        RelayRequest::Bind {
            gateway: gateway.clone(),
            device: device.clone(),
        }
    } else {
        RelayRequest::Unbind {
            gateway: gateway.clone(),
            device: device.clone(),
        }
    };
    match ask(script, request).await? {
        RelayReply::Done => {
            let line = if on {
                format!("bound  {device}  to {gateway}")
            } else {
                format!("unbound  {device}  from {gateway}")
            };
            script.out(SafeText::new(&line).as_str()).await?;
            Ok(Exit::Done)
        }
        other => Err(unfit_relay(other)),
    }
}

fn own_gateway(profile: &Profile) -> Option<String> {
    match &profile.settings {
        Settings::Google(settings) if settings.identity.is_gateway() => {
            Some(settings.identity.id().to_owned())
        }
        _ => None,
    }
}

async fn registries(script: &mut Script<'_>, json: bool) -> Result<Exit, End> {
    script.begin_with("registries", |can| can.relay.config)?;
    let registries = match ask(script, RelayRequest::Registries).await? {
        RelayReply::Registries(registries) => registries,
        other => return Err(unfit_relay(other)),
    };
    for registry in &registries {
        let line = if json {
            format!(
                "{{\"id\":{},\"registry\":{}}}",
                quote(&registry.id),
                one_line(&registry.raw.to_string())
            )
        } else {
            SafeText::new(&registry.id).into_string()
        };
        script.out(&line).await?;
    }
    Ok(Exit::Done)
}
