//! Beside a connection: greet the account, keep what is subscribed alive, and notice when nothing is heard.

use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::{Either, join3, select};
use futures_util::stream;

use super::Thinq;
use super::book::Hold;
use super::budget::Urgency;
use super::codes::Concern;
use super::error::ThinqError;
use super::feeds::lasting;
use super::wire;
use crate::base::moment::{Moment, words};
use crate::domain::device::{Device, DeviceId, Presence};
use crate::domain::fact::Fact;
use crate::domain::session::LogLevel;
use crate::domain::subscription::{Feed, FeedState};
use crate::platform::io::Io;
use crate::platform::{Leave, Pending};

/// The longest the renewals sleep: feeds are turned on meanwhile.
const TICK: Duration = Duration::from_secs(30);
/// A subscription armed so recently is not armed again for a reconnect.
const ARMED_LATELY: Duration = Duration::from_mins(10);
/// Devices that do not tell by themselves are asked this often.
const SLOW_POLL: Duration = Duration::from_mins(45);
/// A state read so recently is not read again for a reconnect.
const READ_LATELY: Duration = Duration::from_mins(1);
/// Of many subscriptions that are armed anew without need, one in so long: 240 an hour.
const ARMED_APART: Duration = Duration::from_secs(15);
const STATES_AT_ONCE: usize = 3;
/// Devices whose states are read without a pause.
const SMALL_HOME: usize = 30;
/// Of a larger home the others follow at 90 an hour: a thousand devices must not use up what LG lets through.
const STATE_PAUSE: Duration = Duration::from_mins(2);
const RETRY_FIRST: Duration = Duration::from_secs(5);
const RETRY_CAP: Duration = Duration::from_mins(10);
/// While LG waits for the person rather than for us.
const RETRY_ASK: Duration = Duration::from_mins(10);

/// What is asked at each connection, in this order.
#[derive(Debug, Clone, Copy)]
enum Greeting {
    Account,
    Devices,
    Feeds,
}

impl Greeting {
    /// Without it nothing can be shown: asked for until it is there.
    const fn is_vital(self) -> bool {
        matches!(self, Self::Devices)
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Account => "account changes",
            Self::Devices => "devices",
            Self::Feeds => "subscriptions",
        }
    }
}

impl Thinq {
    pub(super) async fn beside_connection(&self, io: &dyn Io) -> Leave {
        self.connected();
        let greeting = async {
            self.greet(io).await;
            self.survey(io, |_| true).await;
            self.poll_slowly(io).await;
        };
        let for_ever = join3(greeting, self.renewals(io), self.clear_doubts(io));
        match select(Box::pin(self.watch(io)), Box::pin(for_ever)).await {
            Either::Left((leave, _)) => leave,
            // None of the three ends.
            Either::Right(_) => std::future::pending().await,
        }
    }

    async fn greet(&self, io: &dyn Io) {
        for greeting in [Greeting::Account, Greeting::Devices, Greeting::Feeds] {
            self.until_done(io, greeting).await;
        }
        self.take_over(io);
    }

    async fn ask(&self, io: &dyn Io, greeting: Greeting) -> Result<(), ThinqError> {
        match greeting {
            Greeting::Account => self.hear_account(io).await,
            Greeting::Devices => self
                .devices(io, Duration::ZERO, Urgency::Background)
                .await
                .map(|_| ()),
            Greeting::Feeds => self.refresh_feeds(io, Urgency::Background).await,
        }
    }

    pub(super) async fn hear_account(&self, io: &dyn Io) -> Result<(), ThinqError> {
        match self.call(io, &wire::account_on(), Urgency::Duty).await {
            Err(error) if error.is("4001") => Ok(()),
            Err(error) if error.is("1209") => {
                self.register_again(io).await?;
                self.call(io, &wire::account_on(), Urgency::Duty)
                    .await
                    .map(|_| ())
            }
            other => other.map(|_| ()),
        }
    }

    /// Again and again while that can help; what cannot is logged and let be.
    async fn until_done(&self, io: &dyn Io, greeting: Greeting) {
        let mut failures = 0;
        while let Err(error) = self.ask(io, greeting).await {
            let what = greeting.words();
            let problem = self.problem_of(&error, format!("could not read the {what}"));
            if failures == 0 && problem.is_fatal() && !error.is_token() && greeting.is_vital() {
                io.fact(Fact::Notice(problem));
            }
            let again = greeting.is_vital().then_some(RETRY_ASK);
            let Some(wait) = retry_in(&error, failures, io.roll()).or(again) else {
                io.log(LogLevel::Warn, format!("{what}: {error}; going on without"));
                return;
            };
            io.log(
                LogLevel::Warn,
                format!("{what}: {error}; again in {}", words(wait)),
            );
            io.sleep(wait).await;
            failures += 1;
        }
    }

    /// Which event subscriptions to arm anew now that a connection stands.
    fn take_over(&self, io: &dyn Io) {
        let now = io.now();
        let holds = self.feeds.holds();
        for (device, hold) in &holds {
            let lately = hold
                .armed
                .is_some_and(|armed| now.mono.since(armed.mono) < ARMED_LATELY);
            let listed = self.feeds.state(device, Feed::Event).is_on();
            if !listed {
                io.log(
                    LogLevel::Info,
                    format!(
                        "events of {} have ended; subscribing again",
                        self.name(device)
                    ),
                );
            }
            if !listed || !lately {
                let wait = spread(holds.len(), if listed { io.roll() } else { 0.0 });
                self.feeds.change_hold(device, |hold| {
                    hold.due = earlier(hold.due, after(now, wait));
                });
            }
        }
        self.inherit(io);
    }

    /// Event subscriptions that nobody keeps alive yet: of an earlier run, of another command, of a lost answer.
    fn inherit(&self, io: &dyn Io) {
        let (now, holds) = (io.now(), self.feeds.holds());
        let on = self.feeds.on(Feed::Event);
        let unheld: Vec<_> = on.iter().filter(|id| !holds.contains_key(id)).collect();
        for device in &unheld {
            let hold = self.inherited(io, device, now, unheld.len());
            self.feeds.hold_if_on(device, hold);
        }
    }

    /// A subscription from an earlier run: when it ends is kept, or has to be set anew.
    fn inherited(&self, io: &dyn Io, device: &DeviceId, now: Moment, of: usize) -> Hold {
        let Some(kept) = self.feeds.kept(device) else {
            let hours = self.settings.event_hours.clamp(1, 24);
            return Hold {
                hours,
                until: None,
                due: after(now, spread(of, io.roll())),
                armed: None,
                failures: 0,
            };
        };
        let left = now.wall.until(kept.until());
        let wait = left.saturating_sub(lasting(kept.hours).mul_f64(0.45 + 0.1 * io.roll()));
        Hold {
            hours: kept.hours,
            until: Some(kept.until()),
            due: after(now, wait),
            armed: None,
            failures: 0,
        }
    }

    /// States after the filters stand, so that no change falls between snapshot and stream.
    async fn survey(&self, io: &dyn Io, wanted: impl Fn(&Device) -> bool) {
        let devices = self.cache.devices();
        let jobs: Vec<Pending<'_, ()>> = devices
            .iter()
            .filter(|device| wanted(device))
            .enumerate()
            .map(|(number, device)| -> Pending<'_, ()> {
                let pause = (number >= SMALL_HOME).then_some(STATE_PAUSE);
                Box::pin(self.survey_one(io, device.id.clone(), pause))
            })
            .collect();
        stream::iter(jobs)
            .buffer_unordered(STATES_AT_ONCE)
            .collect::<()>()
            .await;
    }

    async fn survey_one(&self, io: &dyn Io, device: DeviceId, pause: Option<Duration>) {
        if let Some(pause) = pause {
            io.sleep(pause).await;
        }
        for failures in 0..3 {
            let Err(error) = self
                .state(io, &device, READ_LATELY, Urgency::Background)
                .await
            else {
                return;
            };
            let Some(wait) = retry_in(&error, failures, io.roll()) else {
                return;
            };
            io.sleep(wait).await;
        }
    }

    /// For what does not come by itself: devices that are offline, and those without an event subscription.
    async fn poll_slowly(&self, io: &dyn Io) {
        loop {
            io.sleep(SLOW_POLL.mul_f64(0.75 + 0.5 * io.roll())).await;
            self.survey(io, |device| {
                self.cache.presence(&device.id) == Presence::Offline
                    || !self.feeds.state(&device.id, Feed::Event).is_on()
            })
            .await;
        }
    }

    /// Where neither an answer nor the list told what became of a toggle, the lists are asked until they tell.
    async fn clear_doubts(&self, io: &dyn Io) {
        let mut failures = 0;
        loop {
            io.sleep(TICK.saturating_mul(1 << failures.min(5))).await;
            let in_doubt = self.feeds.is_in_doubt();
            if in_doubt && self.refresh_feeds(io, Urgency::Background).await.is_err() {
                failures += 1;
            } else {
                failures = 0;
            }
        }
    }

    async fn renewals(&self, io: &dyn Io) {
        loop {
            self.inherit(io);
            let now = io.now();
            let holds = self.feeds.holds();
            let due: Vec<_> = holds
                .iter()
                .filter(|(_, hold)| is_due(hold, now))
                .map(|(device, _)| device.clone())
                .collect();
            for device in due {
                self.renew(io, &device).await;
            }
            self.reread_doubted_devices(io).await;
            let now = io.now();
            let next = self
                .feeds
                .holds()
                .values()
                .map(|hold| hold.due.mono.since(now.mono))
                .min();
            io.sleep(next.unwrap_or(TICK).clamp(Duration::from_millis(50), TICK))
                .await;
        }
    }

    pub(super) async fn renew(&self, io: &dyn Io, device: &DeviceId) {
        let _turn = self.lanes.turn(device.as_str()).await;
        // Turned off, or renewed by hand, while we waited for our turn.
        let Some(hold) = self
            .feeds
            .holds()
            .remove(device)
            .filter(|hold| is_due(hold, io.now()))
        else {
            return;
        };
        let sent = io.now();
        match self
            .call(io, &wire::event_on(device, hold.hours), Urgency::Duty)
            .await
        {
            Ok(_) => self.renewed(io, device, hold.hours, sent),
            Err(error) => self.not_renewed(io, device, &hold, &error),
        }
    }

    fn renewed(&self, io: &dyn Io, device: &DeviceId, hours: u8, sent: Moment) {
        let state = FeedState::On {
            until: Some(sent.wall.plus(lasting(hours))),
        };
        self.settle(io, device, Feed::Event, state, hours);
        io.log(
            LogLevel::Debug,
            format!("events of {} renewed for {hours} h", self.name(device)),
        );
        io.fact(Fact::Feed {
            device: device.clone(),
            feed: Feed::Event,
            state,
        });
    }

    fn not_renewed(&self, io: &dyn Io, device: &DeviceId, hold: &Hold, error: &ThinqError) {
        let what = format!("could not renew events of {}", self.name(device));
        let problem = self.problem_of(error, what);
        let (feed, device) = (Feed::Event, device.clone());
        let later = error.is_about_the_moment().then_some(RETRY_CAP);
        let Some(wait) = retry_in(error, hold.failures, io.roll()).or(later) else {
            // This device refuses; the others are not asked less for it.
            self.settle(io, &device, feed, FeedState::Off, hold.hours);
            io.fact(Fact::FeedFailed {
                device,
                feed,
                state: FeedState::Off,
                problem,
            });
            return;
        };
        let now = io.now();
        io.log(
            LogLevel::Warn,
            format!("{}; again in {}", problem.line(), words(wait)),
        );
        let due = after(now, wait);
        let ended = hold.until.is_some_and(|until| until <= now.wall);
        self.feeds.hold(
            &device,
            Hold {
                due,
                failures: hold.failures + 1,
                ..*hold
            },
        );
        if ended && self.feeds.state(&device, feed).is_on() {
            self.feeds.lapse(&device, self.sequence.next());
            io.fact(Fact::FeedFailed {
                device,
                feed,
                state: FeedState::Off,
                problem,
            });
        }
    }
}

/// Within the next minute; of many, each in its turn, so that arming all of them stays within the hour's budget.
pub fn spread(many: usize, roll: f64) -> Duration {
    let many = u32::try_from(many).unwrap_or(u32::MAX);
    ARMED_APART
        .saturating_mul(many)
        .max(Duration::from_mins(1))
        .mul_f64(roll)
}

pub fn after(now: Moment, wait: Duration) -> Moment {
    Moment {
        mono: now.mono.plus(wait),
        wall: now.wall.plus(wait),
    }
}

pub fn earlier(one: Moment, other: Moment) -> Moment {
    if one.mono <= other.mono { one } else { other }
}

fn is_due(hold: &Hold, now: Moment) -> bool {
    hold.due.mono <= now.mono || hold.due.wall.plus(TICK) <= now.wall
}

/// When to try again, if that can help.
fn retry_in(error: &ThinqError, failures: u32, roll: f64) -> Option<Duration> {
    if let Some(wait) = error.wait() {
        return Some(wait + Duration::from_secs(10).mul_f64(roll));
    }
    match (error, error.concern()) {
        (ThinqError::Limit { retry_after, .. }, _) => Some(retry_after.unwrap_or(RETRY_CAP)),
        (_, Concern::Wait) => {
            let ceiling = RETRY_FIRST
                .saturating_mul(1 << failures.min(10))
                .min(RETRY_CAP);
            Some(ceiling.mul_f64(0.5 + 0.5 * roll))
        }
        (_, Concern::Ask) => Some(RETRY_ASK),
        _ => None,
    }
}
