//! Push and event per device: turned on and off one after the other for one device, side by side for many, and always
//! ending in the state that LG's lists tell (`reference/lg-thinq.md` 5.5 and 5.6).

use std::time::Duration;

use serde_json::Value;

use super::Thinq;
use super::book::{Hold, Key, Listed, Wish};
use super::budget::Urgency;
use super::error::ThinqError;
use super::identity::KeptEvent;
use super::wire::{self, Call};
use crate::base::moment::Moment;
use crate::base::problem::Problem;
use crate::domain::device::DeviceId;
use crate::domain::fact::Fact;
use crate::domain::request::FeedEntry;
use crate::domain::subscription::{Feed, FeedState};
use crate::platform::io::Io;

/// Why a feed is not as wanted, and how it is.
struct Failure {
    state: FeedState,
    error: ThinqError,
}

pub fn list_call(feed: Feed) -> Call {
    match feed {
        Feed::Push => wire::push_list(),
        Feed::Event => wire::event_list(),
    }
}

fn toggle_call(device: &DeviceId, feed: Feed, on: bool, hours: u8) -> Call {
    match (feed, on) {
        (Feed::Push, true) => wire::push_on(device),
        (Feed::Push, false) => wire::push_off(device),
        (Feed::Event, true) => wire::event_on(device, hours),
        (Feed::Event, false) => wire::event_off(device),
    }
}

/// "Already subscribed" and "not subscribed" say that it is as wanted.
fn is_as_wanted(error: &ThinqError, feed: Feed, on: bool) -> bool {
    match (feed, on) {
        (Feed::Push, true) => error.is("1207"),
        (Feed::Push, false) => error.is("1206"),
        (Feed::Event, false) => error.is("1204"),
        (Feed::Event, true) => false,
    }
}

pub fn lasting(hours: u8) -> Duration {
    Duration::from_secs(u64::from(hours) * 3600)
}

fn on_since(feed: Feed, sent: Moment, hours: u8) -> FeedState {
    let until = (feed == Feed::Event).then(|| sent.wall.plus(lasting(hours)));
    FeedState::On { until }
}

/// At about half its time, so that a house full of devices does not renew in one breath.
fn renewal(now: Moment, hours: u8, roll: f64) -> Moment {
    let wait = lasting(hours).mul_f64(0.45 + 0.1 * roll);
    Moment {
        mono: now.mono.plus(wait),
        wall: now.wall.plus(wait),
    }
}

impl Thinq {
    /// Both feeds of all devices, as the lists tell.
    pub(super) async fn list_feeds(&self, io: &dyn Io) -> Result<Vec<FeedEntry>, Problem> {
        let what = "could not list the subscriptions";
        let problem = |error: ThinqError| self.problem_of(&error, what);
        self.devices(io, Duration::from_hours(1), Urgency::Look)
            .await
            .map_err(problem)?;
        self.refresh_feeds(io, Urgency::Look)
            .await
            .map_err(problem)?;
        let devices = self.cache.devices();
        let entries = devices.iter().flat_map(|device| {
            Feed::ALL.map(|feed| FeedEntry {
                device: device.id.clone(),
                feed,
                state: self.feeds.state(&device.id, feed),
            })
        });
        Ok(entries.collect())
    }

    /// Asks both lists and tells what they say.
    pub(super) async fn refresh_feeds(
        &self,
        io: &dyn Io,
        urgency: Urgency,
    ) -> Result<(), ThinqError> {
        self.feeds.load_kept(io);
        for feed in Feed::ALL {
            let listed = self.listed(io, feed, urgency).await?;
            let devices = self.cache.devices();
            let known = devices.iter().map(|device| &device.id);
            let foreign = listed
                .devices
                .iter()
                .filter(|id| !devices.iter().any(|d| d.id == **id));
            for device in known.chain(foreign) {
                self.apply_list(io, device, feed, &listed);
            }
        }
        Ok(())
    }

    fn apply_list(&self, io: &dyn Io, device: &DeviceId, feed: Feed, listed: &Listed) {
        if let Some(state) = self.feeds.apply(&(device.clone(), feed), listed) {
            io.fact(Fact::Feed {
                device: device.clone(),
                feed,
                state,
            });
        }
    }

    /// Turns a feed on or off. Of several wishes for one feed that wait together the last one counts, and all hear what
    /// became of it.
    pub(super) async fn set_feed(
        &self,
        io: &dyn Io,
        device: &DeviceId,
        feed: Feed,
        on: bool,
        hours: Option<u8>,
    ) -> Result<FeedState, Problem> {
        let key = (device.clone(), feed);
        let hours = hours.unwrap_or(self.settings.event_hours).clamp(1, 24);
        let sequence = self.sequence.next();
        self.feeds.wish(
            &key,
            Wish {
                sequence,
                on,
                hours,
                outcome: None,
            },
        );
        let _turn = self.lanes.turn(device.as_str()).await;
        let wish = self.feeds.last_wish(&key).unwrap_or(Wish {
            sequence,
            on,
            hours,
            outcome: None,
        });
        if let Some(outcome) = wish.outcome {
            return outcome;
        }
        let outcome = self
            .carry_out(io, &key, wish.on, wish.hours, Urgency::Command)
            .await;
        self.feeds.fulfil(&key, wish.sequence, &outcome);
        outcome
    }

    /// With the device's turn held. Tells the outcome as a fact.
    pub(super) async fn carry_out(
        &self,
        io: &dyn Io,
        (device, feed): &Key,
        on: bool,
        hours: u8,
        urgency: Urgency,
    ) -> Result<FeedState, Problem> {
        let done = self.toggle(io, device, *feed, on, hours, urgency).await;
        let (state, failure) = match done {
            Ok(state) => (state, None),
            Err(Failure { state, error }) => (state, Some(error)),
        };
        self.settle(io, device, *feed, state, hours);
        let (device, feed) = (device.clone(), *feed);
        let Some(error) = failure else {
            io.fact(Fact::Feed {
                device,
                feed,
                state,
            });
            return Ok(state);
        };
        let doing = if on {
            "subscribe to"
        } else {
            "unsubscribe from"
        };
        let what = format!(
            "could not {doing} {} of {}",
            feed.word(),
            self.name(&device)
        );
        let problem = self.problem_of(&error, what);
        io.fact(Fact::FeedFailed {
            device,
            feed,
            state,
            problem: problem.clone(),
        });
        Err(problem)
    }

    /// Files a state that is certain, and what follows for renewals.
    pub(super) fn settle(
        &self,
        io: &dyn Io,
        device: &DeviceId,
        feed: Feed,
        state: FeedState,
        hours: u8,
    ) {
        self.feeds
            .confirm(&(device.clone(), feed), state, self.sequence.next());
        if feed == Feed::Push {
            return;
        }
        match state {
            FeedState::On { until } => {
                let now = io.now();
                let due = if until.is_some() {
                    renewal(now, hours, io.roll())
                } else {
                    now
                };
                self.feeds.hold(
                    device,
                    Hold {
                        hours,
                        until,
                        due,
                        armed: Some(now),
                        failures: 0,
                    },
                );
                let event = until.map(|until| KeptEvent {
                    hours,
                    until: until.0,
                });
                self.feeds.keep(io, device, event);
            }
            FeedState::Off | FeedState::Unasked => {
                self.feeds.release(device);
                self.feeds.keep(io, device, None);
            }
            FeedState::Unknown => {}
        }
    }

    async fn toggle(
        &self,
        io: &dyn Io,
        device: &DeviceId,
        feed: Feed,
        on: bool,
        hours: u8,
        urgency: Urgency,
    ) -> Result<FeedState, Failure> {
        let mut state = self.feeds.state(device, feed);
        if on {
            let registered = self.ensure_registered(io).await;
            registered.map_err(|problem| Failure {
                state,
                error: problem.into(),
            })?;
        }
        let call = toggle_call(device, feed, on, hours);
        let mut lost = None;
        for attempt in 0..2 {
            let sent = io.now();
            let wanted = if on {
                on_since(feed, sent, hours)
            } else {
                FeedState::Off
            };
            let error = match self.call_registered(io, &call, urgency).await {
                Ok(_) => return Ok(wanted),
                Err(error) if is_as_wanted(&error, feed, on) => {
                    if error.is("1207") && attempt == 0 && !state.is_on() {
                        self.feeds.doubt_push(device);
                    }
                    return Ok(wanted);
                }
                Err(error) if error.is_lost() => error,
                Err(error) => return Err(self.refusal(io, device, feed, state, error).await),
            };
            let Ok(listed) = self.listed(io, feed, urgency).await else {
                return Err(Failure {
                    state: FeedState::Unknown,
                    error,
                });
            };
            let is_on = listed.devices.contains(device);
            // A subscription that was on before may be listed without having been armed anew.
            let certain = is_on == on && !(feed == Feed::Event && on && state.is_on());
            if certain {
                return Ok(wanted);
            }
            state = match (is_on, state) {
                (true, known @ FeedState::On { .. }) => known,
                (true, _) => FeedState::On { until: None },
                (false, _) => FeedState::Off,
            };
            lost = Some(error);
        }
        match lost {
            Some(error) if state.is_on() != on => Err(Failure { state, error }),
            _ => Ok(state),
        }
    }

    /// A client that LG has forgotten is registered again, once.
    async fn call_registered(
        &self,
        io: &dyn Io,
        call: &Call,
        urgency: Urgency,
    ) -> Result<Value, ThinqError> {
        match self.call(io, call, urgency).await {
            Err(error) if error.is("1209") => {
                self.register_again(io).await?;
                self.call(io, call, urgency).await
            }
            other => other,
        }
    }

    /// The true state beside a refusal.
    async fn refusal(
        &self,
        io: &dyn Io,
        device: &DeviceId,
        feed: Feed,
        known: FeedState,
        error: ThinqError,
    ) -> Failure {
        let gone = ["1205", "1211", "1212", "1213", "1214", "1217", "1224"];
        let state = if gone.iter().any(|code| error.is(code)) {
            FeedState::Off
        } else if known == FeedState::Unknown && matches!(error, ThinqError::Api { .. }) {
            match self.listed(io, feed, Urgency::Look).await {
                Ok(listed) if listed.devices.contains(device) => FeedState::On { until: None },
                Ok(_) => FeedState::Off,
                Err(_) => known,
            }
        } else {
            known
        };
        Failure { state, error }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renewals_are_due_at_about_half_the_time() {
        let now = Moment::default();
        let due = [0.0, 0.5, 1.0].map(|roll| renewal(now, 10, roll).mono.0.as_secs());
        assert_eq!(due, [16_200, 18_000, 19_800]);
    }
}
