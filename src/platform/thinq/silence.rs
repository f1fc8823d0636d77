//! "Connected" is not "alive": a stream that says nothing for longer than it should is subscribed anew on both channels,
//! and a log line tells what was found (`reference/lg-thinq.md` 7.3).

use std::time::Duration;

use super::Thinq;
use super::book::Hold;
use super::budget::Urgency;
use super::wire;
use crate::base::moment::{Mono, words};
use crate::domain::device::{DeviceId, Presence};
use crate::domain::session::LogLevel;
use crate::domain::subscription::Feed;
use crate::platform::io::Io;

/// How long nothing may be heard, unless the profile says otherwise (`reference/lg-thinq.md` 7.3).
const SILENT_AFTER: Duration = Duration::from_mins(30);
/// Silences in a row are looked into ever more rarely, up to this many times `SILENT_AFTER`.
const SILENCE_DOUBLINGS: u32 = 3;

impl Thinq {
    /// "Connected" is not "alive": a stream that says nothing for too long is subscribed anew on both channels.
    pub(super) async fn watch(&self, io: &dyn Io) {
        let patience = self
            .settings
            .silent_after
            .map_or(SILENT_AFTER, |s| Duration::from_secs(u64::from(s.max(1))));
        let mut looked = Mono::default();
        let mut silences = 0;
        loop {
            let heard = io.heard();
            if heard > looked {
                silences = 0;
            }
            let allowed = patience.saturating_mul(1 << silences.min(SILENCE_DOUBLINGS));
            let left = heard.max(looked).plus(allowed).since(io.now().mono);
            if !left.is_zero() {
                io.sleep(left).await;
                continue;
            }
            looked = io.now().mono;
            if self.expects_to_hear() {
                silences += 1;
                self.look_into_silence(io, looked.since(heard)).await;
            }
        }
    }

    fn expects_to_hear(&self) -> bool {
        let on = self.feeds.on(Feed::Event);
        on.iter()
            .any(|device| self.cache.presence(device) != Presence::Offline)
    }

    async fn look_into_silence(&self, io: &dyn Io, silent: Duration) {
        let on = self.feeds.on(Feed::Event);
        io.silent(&format!(
            "nothing was heard for {} though events of {} devices are on",
            words(silent),
            on.len()
        ));
        self.compare_account(io).await;
        self.compare_list(io, &on).await;
        self.compare_state(io, &on).await;
        let now = io.now();
        for device in &on {
            let hours = self.settings.event_hours.clamp(1, 24);
            let hold = self.feeds.holds().remove(device);
            let hold = hold.unwrap_or(Hold {
                hours,
                until: None,
                due: now,
                armed: None,
                failures: 0,
            });
            self.feeds.hold(device, Hold { due: now, ..hold });
        }
        io.log(
            LogLevel::Info,
            format!(
                "silence: subscribing again to events of {} devices",
                on.len()
            ),
        );
        // The renewals may sleep for a while yet.
        for device in &on {
            self.renew(io, device).await;
        }
    }

    /// The shape of the list is not documented; that it is empty can be told all the same.
    async fn compare_account(&self, io: &dyn Io) {
        let Ok(listed) = self.call(io, &wire::account_list(), Urgency::Duty).await else {
            return;
        };
        let empty = listed.as_array().is_some_and(Vec::is_empty)
            || listed.as_object().is_some_and(serde_json::Map::is_empty);
        if empty && self.hear_account(io).await.is_ok() {
            io.log(
                LogLevel::Info,
                "silence: subscribed again to account changes".to_owned(),
            );
        }
    }

    async fn compare_list(&self, io: &dyn Io, on: &[DeviceId]) {
        let text = match self.listed(io, Feed::Event, Urgency::Duty).await {
            Ok(listed) => {
                let missing: Vec<_> = on
                    .iter()
                    .filter(|d| !listed.devices.contains(*d))
                    .map(|d| self.name(d))
                    .collect();
                match missing.as_slice() {
                    [] => "silence: LG lists all event subscriptions".to_owned(),
                    names => format!(
                        "silence: LG has lost the event subscriptions of {}",
                        names.join(", ")
                    ),
                }
            }
            Err(error) => {
                format!("silence: LG's list of event subscriptions cannot be read: {error}")
            }
        };
        io.log(LogLevel::Info, text);
    }

    async fn compare_state(&self, io: &dyn Io, on: &[DeviceId]) {
        let Some(device) = on
            .iter()
            .find(|device| self.cache.presence(device) != Presence::Offline)
        else {
            return;
        };
        let before = self.cache.state(device);
        let name = self.name(device);
        let text = match self.state(io, device, Duration::ZERO, Urgency::Duty).await {
            Ok(now) if before.as_ref() == Some(&now) => {
                format!("silence: {name} is as it was; perhaps nothing happened")
            }
            Ok(_) => format!("silence: {name} is not as last read; changes may have been missed"),
            Err(error) => format!("silence: the state of {name} cannot be read: {error}"),
        };
        io.log(LogLevel::Info, text);
    }
}
