//! Turning push and event on and off: one request in flight for each device and feed, the last wish wins, and the mark
//! shows what the server confirmed.

use std::collections::BTreeMap;

use super::effect::Effect;
use super::overlay::Over;
use super::pending::Purpose;
use super::screen::{Mark, Role};
use super::state::App;
use super::words;
use crate::base::problem::Problem;
use crate::domain::device::DeviceId;
use crate::domain::request::{Reply, Request};
use crate::domain::subscription::{Feed, FeedState};
use crate::store::devices::Entry;

type Key = (DeviceId, Feed);

#[derive(Debug, Default)]
pub(super) struct Feeds {
    wishes: BTreeMap<Key, Wish>,
    /// Why the last wish was refused.
    failed: BTreeMap<Key, Problem>,
    batches: BTreeMap<u64, Batch>,
    last_batch: u64,
}

#[derive(Debug)]
struct Wish {
    want: bool,
    batch: Option<u64>,
}

/// One press that concerned several devices.
#[derive(Debug)]
struct Batch {
    feed: Feed,
    on: bool,
    total: usize,
    waiting: usize,
    failures: Vec<(String, Problem)>,
}

impl Feeds {
    pub(super) fn wish(&self, device: &DeviceId, feed: Feed) -> Option<bool> {
        self.wishes
            .get(&(device.clone(), feed))
            .map(|wish| wish.want)
    }

    pub(super) fn failure(&self, device: &DeviceId, feed: Feed) -> Option<&Problem> {
        self.failed.get(&(device.clone(), feed))
    }

    /// Devices that something is wished for, or was refused.
    pub(super) fn devices(&self) -> impl Iterator<Item = &DeviceId> {
        let wished = self.wishes.keys().map(|(device, _)| device);
        wished.chain(self.failed.keys().map(|(device, _)| device))
    }

    pub(super) fn is_waiting(&self) -> bool {
        !self.wishes.is_empty()
    }
}

impl App {
    /// What the platform calls it.
    pub(super) fn feed_word(&self, feed: Feed) -> &'static str {
        self.capabilities()
            .feed(feed)
            .unwrap_or_else(|| feed.word())
    }

    /// The mark of one device's feed.
    pub(super) fn mark(&self, entry: &Entry, feed: Feed) -> Mark {
        let id = &entry.device.id;
        if self.capabilities().feed(feed).is_none() {
            return Mark::None;
        }
        if let Some(want) = self.home.feeds.wish(id, feed) {
            return Mark::Pending(want);
        }
        if self.home.feeds.failure(id, feed).is_some() {
            return Mark::Failed;
        }
        match entry.feed(feed) {
            FeedState::On { until: Some(until) } if until > self.at_wall() => {
                Mark::On(Some(words::left(self.at_wall().until(until))))
            }
            // Its time is over and nobody has said yet that it was renewed.
            FeedState::On { until: Some(_) } => Mark::Unknown,
            FeedState::On { until: None } => Mark::On(None),
            _ if feed == Feed::Event && !entry.device.reportable => Mark::None,
            FeedState::Off => Mark::Off,
            FeedState::Unasked => Mark::Unasked,
            FeedState::Unknown if self.capabilities().own_feeds => Mark::Off,
            FeedState::Unknown => Mark::Unknown,
        }
    }

    /// Toggles for all of `devices` in one direction: off only when all are on.
    pub(super) fn toggle_feed(&mut self, feed: Feed, devices: &[DeviceId]) {
        if self.capabilities().feed(feed).is_none() {
            let platform = self.platform_name();
            self.say(
                Role::Warn,
                format!("{platform} has no {} subscriptions", self.feed_word(feed)),
            );
            return;
        }
        let on = !devices.iter().all(|id| self.wants(id, feed));
        let concerned: Vec<_> = devices
            .iter()
            .filter(|id| self.wants(id, feed) != on)
            .cloned()
            .collect();
        let batch = (concerned.len() > 1).then(|| self.home.feeds.begin(feed, on, concerned.len()));
        for device in concerned {
            self.wish(device, feed, on, batch);
        }
    }

    /// As it will be when everything asked for is done.
    pub(super) fn wants(&self, device: &DeviceId, feed: Feed) -> bool {
        self.home.feeds.wish(device, feed).unwrap_or_else(|| {
            let entry = self.home.devices.get(device);
            entry.is_some_and(|e| e.feed(feed).is_on())
        })
    }

    pub(super) fn wish(&mut self, device: DeviceId, feed: Feed, on: bool, batch: Option<u64>) {
        let key = (device.clone(), feed);
        self.home.feeds.failed.remove(&key);
        if let Some(wish) = self.home.feeds.wishes.get_mut(&key) {
            // One request in flight: its answer decides whether another one is needed.
            wish.want = on;
            let before = std::mem::replace(&mut wish.batch, batch);
            self.batch_done(before, None);
            return;
        }
        self.home.feeds.wishes.insert(key, Wish { want: on, batch });
        self.send_feed(device, feed, on);
    }

    fn send_feed(&mut self, device: DeviceId, feed: Feed, on: bool) {
        let id = self.pending.begin(Purpose::Feed {
            device: device.clone(),
            feed,
            on,
        });
        let request = Request::Feed {
            device,
            feed,
            on,
            hours: None,
        };
        self.ask(Effect::Request(id, request));
    }

    pub(super) fn feed_answered(
        &mut self,
        device: DeviceId,
        feed: Feed,
        asked: bool,
        result: Result<Reply, Problem>,
    ) {
        let problem = match result {
            Ok(Reply::Feed(state)) => {
                self.home.devices.set_feed(&device, feed, state);
                None
            }
            Ok(_) => None,
            Err(problem) => Some(problem),
        };
        let key = (device.clone(), feed);
        let Some(wish) = self.home.feeds.wishes.get(&key) else {
            return;
        };
        let (want, batch) = (wish.want, wish.batch);
        let state = self.home.devices.get(&device).map(|e| e.feed(feed));
        let state = state.unwrap_or_default();
        let is_on = state.is_on();
        // What nobody knows may be the opposite of what is wanted.
        if want != asked && (is_on != want || state == FeedState::Unknown) {
            self.send_feed(device, feed, want);
            return;
        }
        self.home.feeds.wishes.remove(&key);
        let failure = problem.filter(|_| want == asked);
        if let Some(problem) = &failure {
            self.home.feeds.failed.insert(key, problem.clone());
        }
        let name = self.home.devices.label(&device);
        match (failure, batch) {
            (failure, Some(batch)) => self.batch_done(Some(batch), failure.map(|p| (name, p))),
            (Some(problem), None) => self.problem_notice(&name, &problem),
            (None, None) if is_on == want => {}
            (None, None) => {
                let word = if is_on { "on" } else { "off" };
                let feed = self.feed_word(feed);
                let text = format!("{name}: the platform says that {feed} is {word}");
                self.say(Role::Warn, text);
            }
        }
    }

    /// The adapter gave up on a device's feed by itself.
    pub(super) fn feed_failed(
        &mut self,
        device: &DeviceId,
        feed: Feed,
        state: FeedState,
        problem: Problem,
    ) {
        self.home.devices.set_feed(device, feed, state);
        if self.home.feeds.wish(device, feed).is_some() {
            // The answer to the request that is in flight will say it.
            return;
        }
        let name = self.home.devices.label(device);
        self.problem_notice(&name, &problem);
        self.home
            .feeds
            .failed
            .insert((device.clone(), feed), problem);
    }

    /// The server's word on a feed.
    pub(super) fn feed_told(&mut self, device: &DeviceId, feed: Feed, state: FeedState) -> bool {
        let mut changed = self.home.devices.set_feed(device, feed, state);
        if state.is_on() {
            let key = (device.clone(), feed);
            changed |= self.home.feeds.failed.remove(&key).is_some();
        }
        changed
    }

    fn batch_done(&mut self, batch: Option<u64>, failure: Option<(String, Problem)>) {
        let Some(number) = batch else { return };
        let Some(batch) = self.home.feeds.batches.get_mut(&number) else {
            return;
        };
        batch.waiting = batch.waiting.saturating_sub(1);
        batch.failures.extend(failure);
        if batch.waiting > 0 {
            return;
        }
        if let Some(batch) = self.home.feeds.batches.remove(&number) {
            self.batch_over(&batch);
        }
    }

    /// Which device failed is said, each with code and words (F34).
    fn batch_over(&mut self, batch: &Batch) {
        let direction = if batch.on { "on" } else { "off" };
        let feed = self.feed_word(batch.feed);
        let done = words::count(batch.total - batch.failures.len(), "device");
        if batch.failures.is_empty() {
            self.say(Role::Good, format!("{feed} {direction} for {done}"));
            return;
        }
        let failed = words::count(batch.failures.len(), "device");
        let title = format!("{feed} {direction}: {failed} of {} refused", batch.total);
        let mut lines: Vec<_> = batch
            .failures
            .iter()
            .map(|(name, problem)| (name.clone(), words::brief(problem), problem.remedy.clone()))
            .collect();
        lines.sort();
        self.say(Role::Bad, title.clone());
        self.report = Some(super::overlay::Report { title, lines });
        self.offer(Over::report());
    }
}

impl Feeds {
    fn begin(&mut self, feed: Feed, on: bool, total: usize) -> u64 {
        self.last_batch += 1;
        let batch = Batch {
            feed,
            on,
            total,
            waiting: total,
            failures: Vec::new(),
        };
        self.batches.insert(self.last_batch, batch);
        self.last_batch
    }
}
