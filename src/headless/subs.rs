//! `subs`: what is subscribed, at the platform and at the broker.

use std::collections::HashMap;
use std::time::Duration;

use crate::base::problem::{Exit, Problem};
use crate::base::text::SafeText;
use crate::domain::device::{Device, DeviceId};
use crate::domain::json::quote;
use crate::domain::message::Qos;
use crate::domain::request::{FeedEntry, Reply, Request};
use crate::domain::session::{LinkState, SessionEvent};
use crate::domain::subscription::FeedState;
use crate::domain::topic::TopicFilter;

use super::console::{Heard, Opening};
use super::feed::state_words;
use super::script::{End, Script, unfit};
use super::table;

/// A broker answers SUBSCRIBE at once or not at all.
const SUBACK_WAIT: Duration = Duration::from_secs(10);
/// Filters are granted in batches; after this long without one it was the last.
const QUIET: Duration = Duration::from_millis(500);
/// Sign-in and connecting; the session's own limits come first.
const CONNECT_WAIT: Duration = Duration::from_mins(2);

/// A filter, and the broker's word on it.
type Granted = (TopicFilter, Result<Qos, String>);

pub(super) async fn run(
    script: &mut Script<'_>,
    json: bool,
    no_connect: bool,
) -> Result<Exit, End> {
    let profile = script.begin()?;
    // On a plain broker the profile's own filters are all there is.
    let is_plain = script.console.capabilities(&profile).topics;
    let wanted = is_plain.then_some(profile.common.topics.len());
    let (devices, feeds) = if is_plain {
        (Vec::new(), Vec::new())
    } else {
        feeds(script).await?
    };
    let mut filters = Vec::new();
    let connected = if no_connect || wanted == Some(0) {
        Ok(())
    } else {
        granted(script, wanted, &mut filters).await
    };
    // What is attached is so on a connection only.
    let feeds = if connected.is_ok() && script.console.capabilities(&profile).relay.bind {
        turned_on(script).await?
    } else {
        feeds
    };
    // What is known is told, whatever became of the connection.
    if json {
        print_json(script, &devices, &feeds, &filters).await?;
    } else {
        print_table(script, &devices, &feeds, &filters).await?;
    }
    connected.map(|()| Exit::Done)
}

async fn feeds(script: &mut Script<'_>) -> Result<(Vec<Device>, Vec<FeedEntry>), End> {
    let devices = script.devices().await?;
    let feeds = turned_on(script).await?;
    Ok((devices, feeds))
}

async fn turned_on(script: &mut Script<'_>) -> Result<Vec<FeedEntry>, End> {
    let mut feeds = match script.ask(Request::Feeds).await? {
        Reply::Feeds(feeds) => feeds,
        other => return Err(unfit(&other)),
    };
    feeds.retain(|entry| entry.state != FeedState::Off);
    Ok(feeds)
}

/// Connects and listens to what the broker says to each filter. `wanted`: how many there are, where that is known.
async fn granted(
    script: &mut Script<'_>,
    wanted: Option<usize>,
    filters: &mut Vec<Granted>,
) -> Result<(), End> {
    // Nothing is acknowledged: what the broker kept for this client comes again to whoever reads it.
    script.console.open(Opening {
        manual_ack: true,
        filters: Vec::new(),
        bare: false,
    });
    let mut connected = false;
    let mut until = script.console.now().mono.plus(CONNECT_WAIT);
    loop {
        match script.console.next(Some(until)).await {
            Heard::Interrupt => return Err(End::Interrupted),
            Heard::Deadline if connected => return Ok(()),
            Heard::Deadline => return Err(too_slow().into()),
            Heard::Session(SessionEvent::Link(LinkState::Connected { .. })) => {
                connected = true;
                until = script.console.now().mono.plus(SUBACK_WAIT);
            }
            Heard::Session(SessionEvent::Link(
                LinkState::Refused(why)
                | LinkState::TakenOver(why)
                | LinkState::Reconnecting { why, .. },
            )) => return Err(why.into()),
            Heard::Session(SessionEvent::Granted { filter, result }) => {
                filters.push((filter, result));
                if wanted.is_some_and(|wanted| filters.len() >= wanted) {
                    return Ok(());
                }
                until = script.console.now().mono.plus(QUIET);
            }
            Heard::Session(SessionEvent::Fact(fact)) | Heard::Fact(fact) => script.tell(&fact),
            Heard::Session(_) | Heard::Reply(..) | Heard::Piece(_) | Heard::Left => {}
        }
    }
}

fn too_slow() -> Problem {
    Problem::new(
        "could not connect in time",
        format!("no connection after {} s", CONNECT_WAIT.as_secs()),
        "try again, or leave the topic filters out: --no-connect",
    )
    .exit(Exit::Unreachable)
}

fn names(devices: &[Device]) -> HashMap<&DeviceId, &Device> {
    devices.iter().map(|device| (&device.id, device)).collect()
}

async fn print_table(
    script: &mut Script<'_>,
    devices: &[Device],
    feeds: &[FeedEntry],
    filters: &[Granted],
) -> Result<(), End> {
    let now = script.console.now();
    let names = names(devices);
    let feed_row = |entry: &FeedEntry| {
        let name = names
            .get(&entry.device)
            .map_or_else(String::new, |device| device.label());
        vec![
            SafeText::new(entry.feed.word()),
            name.into(),
            state_words(entry.state, now).into(),
            SafeText::new(entry.device.as_str()),
        ]
    };
    let filter_row = |(filter, result): &Granted| {
        let state = match result {
            Ok(qos) => format!("granted QoS {}", qos.number()),
            Err(why) => format!("refused: {why}"),
        };
        vec![
            SafeText::new("filter"),
            SafeText::new(filter.as_str()),
            state.into(),
            SafeText::default(),
        ]
    };
    let rows: Vec<_> = feeds
        .iter()
        .map(feed_row)
        .chain(filters.iter().map(filter_row))
        .collect();
    if rows.is_empty() {
        script.say("nothing is subscribed");
        return Ok(());
    }
    for line in table::lines(&["SORT", "WHAT", "STATE", "ID"], &rows) {
        script.out(&line).await?;
    }
    Ok(())
}

async fn print_json(
    script: &mut Script<'_>,
    devices: &[Device],
    feeds: &[FeedEntry],
    filters: &[Granted],
) -> Result<(), End> {
    let names = names(devices);
    for entry in feeds {
        let name = names.get(&entry.device).map(|device| device.name.as_str());
        script.out(&feed_line(entry, name)).await?;
    }
    for (filter, result) in filters {
        let state = match result {
            Ok(qos) => format!("\"state\":\"granted\",\"qos\":{}", qos.number()),
            Err(why) => format!("\"state\":\"refused\",\"reason\":{}", quote(why)),
        };
        let line = format!(
            "{{\"sort\":\"filter\",\"filter\":{},{state}}}",
            quote(filter.as_str())
        );
        script.out(&line).await?;
    }
    Ok(())
}

fn feed_line(entry: &FeedEntry, name: Option<&str>) -> String {
    let name = name.map_or_else(String::new, |name| format!(",\"name\":{}", quote(name)));
    let state = match entry.state {
        FeedState::Unknown => "\"unknown\"".to_owned(),
        FeedState::Off => "\"off\"".to_owned(),
        FeedState::Unasked => "\"unasked\"".to_owned(),
        FeedState::On { until: None } => "\"on\"".to_owned(),
        FeedState::On { until: Some(until) } => format!("\"on\",\"until\":\"{until}\""),
    };
    format!(
        "{{\"sort\":\"{}\",\"device\":{{\"id\":{}{name}}},\"state\":{state}}}",
        entry.feed.word(),
        quote(entry.device.as_str())
    )
}
