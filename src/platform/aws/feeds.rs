//! `p` and `e`: a thing's shadow topics; its presence and the notifications of its jobs. They are filters of this
//! connection, so the session keeps them over reconnects.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::provision::answers::within;
use super::topics::{is_thing_name, jobs_prefix, shadow_prefix};
use super::{Aws, things};
use crate::base::problem::{Exit, Problem, Retry};
use crate::domain::device::DeviceId;
use crate::domain::fact::Fact;
use crate::domain::message::Qos;
use crate::domain::request::FeedEntry;
use crate::domain::subscription::{Feed, FeedState, FilterWish};
use crate::domain::topic::TopicFilter;
use crate::platform::io::Io;

/// For the broker's word. A session that finds out at which filter it hangs up takes a while.
const PATIENCE: Duration = Duration::from_mins(1);

/// Those that are on.
#[derive(Debug, Default)]
pub(super) struct Feeds(Mutex<BTreeSet<(DeviceId, Feed)>>);

impl Feeds {
    pub(super) fn has(&self, device: &DeviceId, feed: Feed) -> bool {
        self.lock().contains(&(device.clone(), feed))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<(DeviceId, Feed)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const ON: FeedState = FeedState::On { until: None };

impl Aws {
    pub(super) async fn set_feed(
        &self,
        io: &dyn Io,
        device: &DeviceId,
        feed: Feed,
        on: bool,
    ) -> Result<FeedState, Problem> {
        let wishes = wishes(device, feed)?;
        if !on {
            for wish in wishes {
                io.unsubscribe(wish.filter);
            }
            self.feeds.lock().remove(&(device.clone(), feed));
            return Ok(FeedState::Off);
        }
        let granted = within(io, PATIENCE, subscribe(io, &wishes)).await;
        if let Err(problem) = granted.unwrap_or_else(|| Err(not_granted(device))) {
            for wish in wishes {
                io.unsubscribe(wish.filter);
            }
            return Err(problem);
        }
        self.feeds.lock().insert((device.clone(), feed));
        Ok(ON)
    }

    pub(super) fn list_feeds(&self) -> Vec<FeedEntry> {
        let feeds = self.feeds.lock();
        let entries = feeds.iter().map(|(device, feed)| FeedEntry {
            device: device.clone(),
            feed: *feed,
            state: ON,
        });
        entries.collect()
    }

    /// After a reconnect the session has asked for them again: what the broker says now counts.
    pub(super) async fn confirm_feeds(&self, io: &dyn Io) {
        let on: Vec<_> = self.feeds.lock().iter().cloned().collect();
        for (device, feed) in on {
            let Ok(wishes) = wishes(&device, feed) else {
                continue;
            };
            match subscribe(io, &wishes).await {
                Ok(()) => io.fact(Fact::Feed {
                    device,
                    feed,
                    state: ON,
                }),
                Err(problem) => {
                    self.feeds.lock().remove(&(device.clone(), feed));
                    io.fact(Fact::FeedFailed {
                        device,
                        feed,
                        state: FeedState::Off,
                        problem,
                    });
                }
            }
        }
    }
}

fn not_granted(device: &DeviceId) -> Problem {
    let cause = format!(
        "the broker did not grant it within {} s",
        PATIENCE.as_secs()
    );
    let what = format!("{} is not followed", device.as_str());
    Problem::new(what, cause, "try again when the connection is there").retry(Retry::Backoff)
}

async fn subscribe(io: &dyn Io, wishes: &[FilterWish]) -> Result<(), Problem> {
    for wish in wishes {
        io.subscribed(wish.clone()).await?;
    }
    Ok(())
}

/// Requests go to `…/update` and the like, answers one level deeper: those are what is looked at.
fn wishes(device: &DeviceId, feed: Feed) -> Result<Vec<FilterWish>, Problem> {
    let thing = device.as_str();
    if !is_thing_name(thing) {
        let cause = format!("{thing:?} cannot be a thing's name");
        let remedy = "only things of the registry have shadows and jobs";
        return Err(Problem::new(things::NO_TOPICS, cause, remedy).exit(Exit::Usage));
    }
    let filters = match feed {
        Feed::Push => vec![
            format!("{}/+/+", shadow_prefix(thing, None)),
            format!("{}/+/+", shadow_prefix(thing, Some("+"))),
        ],
        Feed::Event => vec![
            format!("$aws/events/presence/+/{thing}"),
            format!("{}/notify", jobs_prefix(thing)),
            format!("{}/notify-next", jobs_prefix(thing)),
        ],
    };
    let wish = |filter: &String| {
        let filter = TopicFilter::parse(filter).ok()?;
        Some(FilterWish::new(filter, Qos::AtLeastOnce))
    };
    Ok(filters.iter().filter_map(wish).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answers_of_both_kinds_of_shadows_are_heard_and_not_the_requests() {
        let wishes = wishes(&DeviceId::new("RPI"), Feed::Push).expect("a thing");
        let heard = |topic: &str| wishes.iter().any(|wish| wish.filter.matches(topic));
        for topic in [
            "get/accepted",
            "update/rejected",
            "update/delta",
            "update/documents",
        ] {
            assert!(heard(&format!("$aws/things/RPI/shadow/{topic}")), "{topic}");
            assert!(
                heard(&format!("$aws/things/RPI/shadow/name/wifi/{topic}")),
                "{topic}"
            );
        }
        assert!(!heard("$aws/things/RPI/shadow/update"));
        assert!(!heard("$aws/things/RPI/shadow/name/wifi/update"));
    }

    #[test]
    fn who_is_no_thing_has_no_topics() {
        assert!(wishes(&DeviceId::new("a/+"), Feed::Event).is_err());
    }
}
