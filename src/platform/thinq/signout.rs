//! Leaving: for a while, with what the profile's owner wants ended, or for good. Best effort, bounded, and told in words
//! where it did not succeed.

use std::sync::Mutex;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::{Either, select};
use futures_util::stream;

use super::Thinq;
use super::budget::Urgency;
use super::codes::Concern;
use super::error::ThinqError;
use super::identity::{CERTIFICATE, FILES, Identity};
use super::shared::lock;
use super::wire;
use crate::domain::device::DeviceId;
use crate::domain::subscription::Feed;
use crate::platform::Pending;
use crate::platform::io::Io;

/// Quitting waits no longer than this.
const LEAVE_WITHIN: Duration = Duration::from_secs(4);
const SIGN_OUT_WITHIN: Duration = Duration::from_secs(30);
const AT_ONCE: usize = 4;

impl Thinq {
    /// Ends feeds before quitting. Answers what could not be ended.
    pub(super) async fn leave(&self, io: &dyn Io, end_push: bool, end_event: bool) -> Vec<String> {
        let mut ending = Vec::new();
        for (feed, end) in [(Feed::Push, end_push), (Feed::Event, end_event)] {
            if end {
                ending.extend(self.feeds.on(feed).into_iter().map(|device| (device, feed)));
            }
        }
        self.end_feeds(io, ending, LEAVE_WITHIN).await
    }

    /// Unsubscribes, deregisters, deletes the identity. Answers what could not be undone.
    pub(super) async fn sign_out(&self, io: &dyn Io) -> Vec<String> {
        self.forget_token();
        let mut left = if is_known_to_lg(io) {
            self.end_account(io).await
        } else {
            Vec::new()
        };
        for name in FILES {
            if let Err(problem) = io.forget(name) {
                left.push(problem.line());
            }
        }
        self.feeds.forget();
        self.forget_identity();
        left
    }

    async fn end_account(&self, io: &dyn Io) -> Vec<String> {
        let mut left = Vec::new();
        // The lists know of feeds that earlier runs turned on.
        if let Err(error) = self.refresh_feeds(io, Urgency::Command).await {
            let problem = self.problem_of(&error, "could not list the subscriptions to end");
            if error.concern() == Concern::Ask || error.wait().is_some() {
                return vec![
                    problem.line(),
                    "this client is still registered with LG, and its subscriptions stay"
                        .to_owned(),
                ];
            }
            left.push(problem.line());
        }
        let mut ending = Vec::new();
        for feed in Feed::ALL {
            ending.extend(self.feeds.on(feed).into_iter().map(|device| (device, feed)));
        }
        left.extend(self.end_feeds(io, ending, SIGN_OUT_WITHIN).await);
        for (call, what) in [
            (
                wire::account_off(),
                "could not unsubscribe from account changes",
            ),
            (wire::deregister(), "could not deregister this client"),
        ] {
            let undone = self.call(io, &call, Urgency::Command).await;
            if let Err(error) = undone
                && !is_gone(&error)
            {
                left.push(self.problem_of(&error, what).line());
            }
        }
        left
    }

    async fn end_feeds(
        &self,
        io: &dyn Io,
        ending: Vec<(DeviceId, Feed)>,
        within: Duration,
    ) -> Vec<String> {
        if ending.is_empty() {
            return Vec::new();
        }
        let failed = Mutex::new(Vec::new());
        let waiting = Mutex::new(ending.clone());
        let jobs: Vec<Pending<'_, ()>> = ending
            .into_iter()
            .map(|one| Box::pin(self.end_feed(io, one, &failed, &waiting)) as Pending<'_, ()>)
            .collect();
        let all = stream::iter(jobs).buffer_unordered(AT_ONCE).collect::<()>();
        let in_time = matches!(
            select(Box::pin(all), io.sleep(within)).await,
            Either::Left(_)
        );
        let mut failed = failed.into_inner().unwrap_or_default();
        if !in_time {
            for (device, feed) in waiting.into_inner().unwrap_or_default() {
                failed.push(format!(
                    "{} of {} was not ended in time",
                    feed.word(),
                    self.name(&device)
                ));
            }
        }
        failed
    }

    async fn end_feed(
        &self,
        io: &dyn Io,
        one: (DeviceId, Feed),
        failed: &Mutex<Vec<String>>,
        waiting: &Mutex<Vec<(DeviceId, Feed)>>,
    ) {
        let ended = self.set_feed(io, &one.0, one.1, false, None).await;
        lock(waiting).retain(|other| *other != one);
        if let Err(problem) = ended {
            lock(failed).push(problem.line());
        }
    }
}

/// Not being subscribed or registered is what was wanted.
fn is_gone(error: &ThinqError) -> bool {
    ["1204", "1206", "1209"].iter().any(|code| error.is(code))
}

/// Nothing has to be undone where nothing was ever registered.
fn is_known_to_lg(io: &dyn Io) -> bool {
    let identity = Identity::load(io).ok().flatten();
    let certified = io.load(CERTIFICATE).is_ok_and(|kept| kept.is_some());
    certified || identity.is_some_and(|identity| identity.registered)
}
