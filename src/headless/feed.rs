//! `subscribe` and `unsubscribe`: one device, or all of them with the failures named one by one.

use crate::base::moment::{Moment, words};
use crate::base::problem::{Exit, Problem};
use crate::cli::verb::{FeedVerb, Target};
use crate::domain::device::Device;
use crate::domain::request::{Reply, Request};
use crate::domain::subscription::{Feed, FeedState};

use super::script::{End, Script, unfit};

pub(super) async fn run(script: &mut Script<'_>, verb: &FeedVerb) -> Result<Exit, End> {
    let word = if verb.on { "subscribe" } else { "unsubscribe" };
    script.begin_with(word, |can| {
        can.feed(verb.feed).is_some() && !can.relay.is_some() && !can.own_feeds
    })?;
    match &verb.target {
        Target::One(wanted) => {
            let device = script.device(wanted).await?;
            one(script, verb, &device).await?;
            Ok(Exit::Done)
        }
        Target::All => all(script, verb).await,
    }
}

async fn one(script: &mut Script<'_>, verb: &FeedVerb, device: &Device) -> Result<(), End> {
    let request = Request::Feed {
        device: device.id.clone(),
        feed: verb.feed,
        on: verb.on,
        hours: verb.hours,
    };
    let state = match script.ask(request).await? {
        Reply::Feed(state) => state,
        other => return Err(unfit(&other)),
    };
    if state.is_on() != verb.on {
        return Err(contradicted(verb, device).into());
    }
    let line = format!(
        "{}  {}  {}",
        verb.feed.word(),
        state_words(state, script.console.now()),
        named(device)
    );
    script
        .out(crate::base::text::SafeText::new(&line).as_str())
        .await
}

/// Each device in turn. One that fails does not stop the others; a host that cannot be reached does.
async fn all(script: &mut Script<'_>, verb: &FeedVerb) -> Result<Exit, End> {
    let devices = script.devices().await?;
    let mut failures: Vec<Exit> = Vec::new();
    let mut tried = 0_usize;
    for device in &devices {
        if verb.on && verb.feed == Feed::Event && !device.reportable {
            script.say(&format!(
                "left out: {} does not report state changes",
                named(device)
            ));
            continue;
        }
        tried += 1;
        let problem = match one(script, verb, device).await {
            Ok(()) => continue,
            Err(End::Failed(problem)) => problem,
            Err(end) => return Err(end),
        };
        script.say(&format!("{}: {}", named(device), problem.line()));
        if problem.exit == Exit::Unreachable {
            return Err(problem.into());
        }
        failures.push(problem.exit);
    }
    if failures.is_empty() {
        return Ok(Exit::Done);
    }
    Err(summary(verb, &failures, tried).into())
}

fn summary(verb: &FeedVerb, failures: &[Exit], tried: usize) -> Problem {
    let doing = if verb.on {
        "subscribe to"
    } else {
        "unsubscribe from"
    };
    let exit = match failures {
        [first, rest @ ..] if failures.len() == tried && rest.iter().all(|exit| exit == first) => {
            *first
        }
        _ => Exit::Failed,
    };
    Problem::new(
        format!(
            "could not {doing} {} of {} of {tried} devices",
            verb.feed.word(),
            failures.len()
        ),
        "each is named above with its reason",
        "try those again by their id",
    )
    .exit(exit)
}

fn contradicted(verb: &FeedVerb, device: &Device) -> Problem {
    let (wanted, found) = if verb.on {
        ("on", "off")
    } else {
        ("off", "on")
    };
    Problem::new(
        format!("{} of {} is not {wanted}", verb.feed.word(), named(device)),
        format!("the server took the request, and its list says that it is {found}"),
        "try again in a minute",
    )
}

pub(super) fn named(device: &Device) -> String {
    format!("{} ({})", device.label(), device.id)
}

/// `on, ends in 23 h 40 min`.
pub(super) fn state_words(state: FeedState, now: Moment) -> String {
    match state {
        FeedState::Unknown => "unknown".to_owned(),
        FeedState::Off => "off".to_owned(),
        FeedState::Unasked => "delivered unasked".to_owned(),
        FeedState::On { until: None } => "on".to_owned(),
        FeedState::On { until: Some(until) } => {
            format!("on, ends in {}", words(now.wall.until(until)))
        }
    }
}
