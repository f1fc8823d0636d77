//! What the bridge answers with a hang-up, refused here first (`reference/google-iot-core.md` 3, 5, 7, 8).

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use super::topics::{Place, is_id, parse};
use crate::base::moment::Mono;
use crate::base::problem::{Exit, Problem, Retry};
use crate::domain::message::{Draft, Qos};
use crate::domain::profile::GoogleIdentity;
use crate::domain::topic::TopicFilter;

/// Bytes of one message.
pub const LARGEST_EVENT: usize = 256 * 1024;
pub const LARGEST_STATE: usize = 64 * 1024;
pub const LARGEST_CONFIG: usize = 64 * 1024;
/// States of one device, this far apart.
const STATES_APART: Duration = Duration::from_secs(1);
/// Clocks run apart, and a message takes its time: a little more than the rule.
const MARGIN: Duration = Duration::from_millis(50);
/// Characters of a command's subfolder.
const LONGEST_FOLDER: usize = 256;

/// When each device's last state went out.
#[derive(Debug, Default)]
pub struct States(HashMap<String, Mono>);

impl States {
    /// How long this device's next state has to wait; none when it may go, and then it counts as gone.
    fn ask(&mut self, device: &str, at: Mono) -> Option<Duration> {
        let least = STATES_APART + MARGIN;
        if let Some(last) = self.0.get(device)
            && at.since(*last) < least
        {
            return Some(least.saturating_sub(at.since(*last)));
        }
        self.0.insert(device.to_owned(), at);
        None
    }
}

/// What has gone out lately: the bridge's rates hold at the wire, also for what waited for a connection and goes out in a
/// row (`reference/google-iot-core.md` 3, 7).
#[derive(Debug, Default)]
pub struct Pace {
    states: States,
    /// Of the last second: when, and how many bytes.
    recent: VecDeque<(Mono, usize)>,
}

/// A little less than the bridge takes in a second, for what goes out evenly may arrive in a heap.
const MESSAGES_A_SECOND: usize = 90;
const BYTES_A_SECOND: usize = 480 * 1024;

impl Pace {
    /// How long this message has to wait; none when it goes now, and then it counts.
    pub fn ask(&mut self, draft: &Draft, at: Mono) -> Duration {
        let second = Duration::from_secs(1) + MARGIN;
        while self
            .recent
            .front()
            .is_some_and(|(gone, _)| at.since(*gone) >= second)
        {
            self.recent.pop_front();
        }
        let size = draft.payload.len();
        let bytes: usize = self.recent.iter().map(|(_, bytes)| bytes).sum();
        let is_full = self.recent.len() >= MESSAGES_A_SECOND || bytes + size > BYTES_A_SECOND;
        if let Some((oldest, _)) = self.recent.front().filter(|_| is_full) {
            return second.saturating_sub(at.since(*oldest));
        }
        if let Some(topic) = parse(draft.topic.as_str())
            && topic.place == Place::State
            && let Some(wait) = self.states.ask(topic.device, at)
        {
            return wait;
        }
        self.recent.push_back((at, size));
        Duration::ZERO
    }
}

/// Whether the bridge would take this message of this client.
pub fn check_publish(
    who: &GoogleIdentity,
    draft: &Draft,
    at: Mono,
    states: &mut States,
) -> Result<(), Problem> {
    let refused = |cause: String, remedy: String| {
        let what = format!("could not publish to {}", draft.topic);
        Err(Problem::new(what, cause, remedy).exit(Exit::Refused))
    };
    if draft.qos == Qos::ExactlyOnce {
        let cause = "the bridge closes the connection at a QoS 2 message";
        return refused(cause.to_owned(), "use QoS 1 or 0".to_owned());
    }
    if draft.retain {
        let cause = "the bridge keeps no retained messages";
        return refused(cause.to_owned(), "publish it without retain".to_owned());
    }
    let Some(topic) = parse(draft.topic.as_str()) else {
        let cause = "the bridge closes the connection at this topic: it is none of its own";
        return refused(cause.to_owned(), allowed(who));
    };
    if !who.is_gateway() && topic.device != who.id() {
        let cause = format!(
            "a device may publish for itself only, and this client is {:?}",
            who.id()
        );
        return refused(cause, allowed(who));
    }
    let most = match topic.place {
        Place::State => LARGEST_STATE,
        Place::Attach | Place::Detach if !who.is_gateway() => {
            let cause =
                "only a gateway attaches devices; the bridge disconnects a device that tries";
            return refused(
                cause.to_owned(),
                "connect as the gateway (`gateway` in the profile)".to_owned(),
            );
        }
        Place::Attach | Place::Detach if draft.qos != Qos::AtLeastOnce => {
            let cause = "attach and detach are told by their acknowledgement, which QoS 0 has not";
            return refused(cause.to_owned(), "use QoS 1".to_owned());
        }
        Place::Events(_) | Place::Attach | Place::Detach => LARGEST_EVENT,
        Place::Config | Place::Commands(_) => {
            let cause = "config and commands come down only; they are sent over REST";
            let remedy = "use x on the device, or `thingdeck config` and `thingdeck command`";
            return refused(cause.to_owned(), remedy.to_owned());
        }
        Place::Errors => {
            let cause = "the errors topic is the platform's own";
            return refused(cause.to_owned(), allowed(who));
        }
    };
    if draft.payload.len() > most {
        let cause = format!(
            "it has {} bytes, and the platform takes {most} here",
            draft.payload.len()
        );
        return refused(cause, "send less at once".to_owned());
    }
    if topic.place == Place::State
        && let Some(wait) = states.ask(topic.device, at)
    {
        let cause = format!(
            "the bridge closes the connection at more than one state a second of a device ({})",
            topic.device
        );
        let remedy = format!("send it again in {} ms", wait.as_millis().max(1));
        return Err(Problem::new(
            format!("could not publish to {}", draft.topic),
            cause,
            remedy,
        )
        .retry(Retry::After(wait))
        .exit(Exit::Refused));
    }
    Ok(())
}

/// Whether the bridge would grant this filter. `attached`: whether a device is attached to this gateway.
pub fn check_filter(
    who: &GoogleIdentity,
    filter: &TopicFilter,
    attached: impl Fn(&str) -> bool,
) -> Result<(), Problem> {
    let refused = |cause: String, remedy: String| {
        let what = format!("could not subscribe {filter}");
        Err(Problem::new(what, cause, remedy).exit(Exit::Refused))
    };
    let text = filter.as_str();
    let wildcard =
        "the bridge closes the connection at a filter with wildcards, but for commands/#";
    let topic = match text.strip_suffix("/commands/#") {
        Some(rest) => rest.strip_prefix("/devices/").filter(|id| is_id(id)),
        None if text.contains(['#', '+']) => return refused(wildcard.to_owned(), readable(who)),
        None => match parse(text) {
            Some(topic) if topic.place == Place::Config => Some(topic.device),
            Some(topic) if topic.place == Place::Errors => {
                if who.is_gateway() && topic.device == who.id() {
                    return Ok(());
                }
                let cause = "errors are a gateway's own";
                return refused(cause.to_owned(), readable(who));
            }
            Some(topic) if matches!(topic.place, Place::Commands(_)) => {
                let cause = "one subfolder of the commands, or none, cannot be subscribed";
                let remedy = format!("subscribe /devices/{}/commands/#", topic.device);
                return refused(cause.to_owned(), remedy);
            }
            _ => None,
        },
    };
    let Some(device) = topic else {
        let cause = "the bridge closes the connection at this filter: it is none of its own";
        return refused(cause.to_owned(), readable(who));
    };
    if device == who.id() || (who.is_gateway() && attached(device)) {
        return Ok(());
    }
    if who.is_gateway() {
        let cause = format!("{device} is not attached to this gateway");
        return refused(cause, "attach it first: p on the device".to_owned());
    }
    let cause = format!("it is another device's, and this client is {:?}", who.id());
    refused(cause, readable(who))
}

/// Whether a command's subfolder is one.
pub fn check_folder(folder: &str) -> Result<(), Problem> {
    let cause = if folder.chars().count() > LONGEST_FOLDER {
        "it is longer than 256 characters"
    } else if folder.contains(['+', '#', '\0']) {
        "it holds +, # or NUL"
    } else {
        return Ok(());
    };
    let what = format!("{folder:?} is no subfolder for a command");
    Err(Problem::new(what, cause, "write it as a/b").exit(Exit::Usage))
}

fn allowed(who: &GoogleIdentity) -> String {
    let id = who.id();
    if who.is_gateway() {
        format!(
            "publish to /devices/{id}/events[/SUBFOLDER], /devices/{id}/state, the same of an attached device, or its attach and detach"
        )
    } else {
        format!("publish to /devices/{id}/events[/SUBFOLDER] or /devices/{id}/state")
    }
}

fn readable(who: &GoogleIdentity) -> String {
    let id = who.id();
    if who.is_gateway() {
        format!(
            "subscribe /devices/{id}/config, /devices/{id}/commands/#, /devices/{id}/errors, or config and commands/# of an attached device"
        )
    } else {
        format!("subscribe /devices/{id}/config or /devices/{id}/commands/#")
    }
}
