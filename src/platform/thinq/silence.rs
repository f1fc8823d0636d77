//! "Connected" is not "alive": a stream that says nothing for longer than it should is subscribed anew on both channels,
//! and a log line tells what was found (`reference/lg-thinq.md` 7.3).

use std::time::Duration;

use super::Thinq;
use super::attend::{after, earlier, spread};
use super::budget::Urgency;
use super::wire;
use crate::base::moment::{Mono, words};
use crate::domain::device::{DeviceId, Presence};
use crate::domain::session::LogLevel;
use crate::domain::subscription::Feed;
use crate::platform::Leave;
use crate::platform::io::Io;

/// How long nothing may be heard, unless the profile says otherwise (`reference/lg-thinq.md` 7.3).
const SILENT_AFTER: Duration = Duration::from_mins(30);
/// Silences in a row are looked into ever more rarely, up to this many times `SILENT_AFTER`.
const SILENCE_DOUBLINGS: u32 = 3;
/// So many subscriptions are armed anew at once.
const FEW: usize = 20;

/// What was found where nothing was heard.
struct Finding {
    /// Not in LG's list any more.
    lost: Vec<DeviceId>,
    /// A device whose state changed since it was last read.
    changed: Option<String>,
}

impl Thinq {
    /// "Connected" is not "alive": a stream that says nothing for too long is subscribed anew on both channels. When that
    /// did not help, and something did happen meanwhile, the connection itself is left.
    pub(super) async fn watch(&self, io: &dyn Io) -> Leave {
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
                let changed = self.look_into_silence(io, looked.since(heard)).await;
                // What was read at the first look is known to be of this silence; before that it may be older.
                if let Some(name) = changed.filter(|_| silences > 1 && io.heard() <= looked) {
                    let reason = format!("{name} changed, and this connection did not tell it");
                    return Leave::Reconnect { reason };
                }
            }
        }
    }

    fn expects_to_hear(&self) -> bool {
        let on = self.feeds.on(Feed::Event);
        let live = |device: &DeviceId| self.cache.presence(device) != Presence::Offline;
        on.iter().any(live) || self.feeds.has_foreign_push()
    }

    /// Answers the name of a device that changed unheard.
    async fn look_into_silence(&self, io: &dyn Io, silent: Duration) -> Option<String> {
        let on = self.feeds.on(Feed::Event);
        io.silent(&format!(
            "nothing was heard for {} though events of {} devices are on",
            words(silent),
            on.len()
        ));
        self.compare_account(io).await;
        let found = Finding {
            lost: self.compare_list(io, &on).await,
            changed: self.compare_state(io, &on).await,
        };
        self.arm_anew(io, &found.lost).await;
        self.claim_push(io).await;
        found.changed
    }

    /// What LG has lost at once, the others too where they are few. What was turned off meanwhile stays off.
    async fn arm_anew(&self, io: &dyn Io, lost: &[DeviceId]) {
        let on = self.feeds.on(Feed::Event);
        let now = io.now();
        for device in &on {
            let at_once = on.len() <= FEW || lost.contains(device);
            let wait = spread(on.len(), if at_once { 0.0 } else { io.roll() });
            self.feeds.change_hold(device, |hold| {
                hold.due = earlier(hold.due, after(now, wait));
            });
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

    /// LG said "already subscribed" (1207) though this client had not subscribed, and nothing arrives: perhaps somebody
    /// else's subscription stands in the way. Once per device (`reference/lg-thinq.md` 5.5).
    async fn claim_push(&self, io: &dyn Io) {
        for device in self.feeds.take_foreign_push() {
            let _turn = self.lanes.turn(device.as_str()).await;
            if !self.feeds.state(&device, Feed::Push).is_on() {
                continue;
            }
            let text = format!(
                "silence: push of {} was on before this client asked; turning it off and on once",
                self.name(&device)
            );
            io.log(LogLevel::Info, text);
            let key = (device, Feed::Push);
            // Both tell their outcome themselves.
            let _told = self.carry_out(io, &key, false, 1, Urgency::Duty).await;
            let _told = self.carry_out(io, &key, true, 1, Urgency::Duty).await;
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

    async fn compare_list(&self, io: &dyn Io, on: &[DeviceId]) -> Vec<DeviceId> {
        let mut lost = Vec::new();
        let text = match self.listed(io, Feed::Event, Urgency::Duty).await {
            Ok(listed) => {
                lost.extend(on.iter().filter(|d| !listed.devices.contains(*d)).cloned());
                let names: Vec<_> = lost.iter().map(|d| self.name(d)).collect();
                match names.as_slice() {
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
        lost
    }

    async fn compare_state(&self, io: &dyn Io, on: &[DeviceId]) -> Option<String> {
        let device = on
            .iter()
            .find(|device| self.cache.presence(device) != Presence::Offline)?;
        let before = self.cache.state(device);
        let name = self.name(device);
        let mut changed = None;
        let text = match self.state(io, device, Duration::ZERO, Urgency::Duty).await {
            Ok(now) if before.as_ref() == Some(&now) => {
                format!("silence: {name} is as it was; perhaps nothing happened")
            }
            Ok(_) => {
                let text =
                    format!("silence: {name} is not as last read; changes may have been missed");
                changed = before.and(Some(name));
                text
            }
            Err(error) => format!("silence: the state of {name} cannot be read: {error}"),
        };
        io.log(LogLevel::Info, text);
        changed
    }
}
