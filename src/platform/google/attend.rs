//! Beside a connection: attach what is to be attached, tell what the bridge complains about and what it does not
//! acknowledge, and leave before the token ends.

use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::{Either, join3, select};
use futures_util::stream;

use super::Google;
use super::book::Late;
use super::errors::{self, Fault, GatewayError};
use super::topics::{self, Place};
use crate::base::moment::words;
use crate::base::problem::{Problem, Retry};
use crate::domain::device::DeviceId;
use crate::domain::fact::Fact;
use crate::domain::relay::{Culprit, RelayFault, RelayNews};
use crate::domain::session::LogLevel;
use crate::domain::subscription::Feed;
use crate::platform::Leave;
use crate::platform::io::{Ear, Io};

/// Devices that are attached at the same time.
const ATTACHED_AT_ONCE: usize = 3;
/// How often late acknowledgements are looked for, and at the longest the clock: it may jump.
const LOOK: Duration = Duration::from_secs(1);
const CLOCK_LOOK: Duration = Duration::from_secs(30);
/// The last moment for a new token, before the end of the old one.
const BEFORE_END: Duration = Duration::from_mins(1);

impl Google {
    pub(super) async fn beside_connection(&self, io: &dyn Io) -> Leave {
        let id = self.settings.identity.id();
        let errors = topics::errors(id).filter(|_| self.is_gateway());
        let ear = io.listen(errors.into_iter().collect());
        self.book().is_live = true;
        let work = join3(self.watch(io, ear), self.restore(io), self.greet(io));
        let renew = std::pin::pin!(self.until_renewal(io));
        match select(renew, std::pin::pin!(work)).await {
            Either::Left((leave, _)) => leave,
            Either::Right(_) => std::future::pending().await,
        }
    }

    /// 85 % of the lifetime, and never in the last minute where there is more than two.
    async fn until_renewal(&self, io: &dyn Io) -> Leave {
        let lifetime = self.lifetime();
        let early = lifetime.mul_f64(0.15).max(BEFORE_END).min(lifetime / 2);
        loop {
            let Some(until) = self.book().expires else {
                return std::future::pending().await;
            };
            let left = io.now().wall.until(until);
            if left <= early {
                let reason = format!("the token ends in {}: a new one is signed", words(left));
                return Leave::Reconnect { reason };
            }
            let wait = left.saturating_sub(early).min(CLOCK_LOOK);
            io.sleep(wait.max(Duration::from_millis(10))).await;
        }
    }

    async fn greet(&self, io: &dyn Io) {
        let devices = self.book().devices(&self.settings);
        io.fact(Fact::Devices(devices));
        self.tell_feeds(io);
        if !self.has_registry(io) {
            return;
        }
        match self.list_devices(io, true).await {
            Ok(devices) => {
                io.fact(Fact::Devices(devices));
                self.tell_feeds(io);
            }
            Err(problem) => io.fact(Fact::Notice(problem)),
        }
    }

    fn tell_feeds(&self, io: &dyn Io) {
        let feeds = self.book().feeds(&self.settings);
        for entry in feeds {
            io.fact(Fact::Feed {
                device: entry.device,
                feed: entry.feed,
                state: entry.state,
            });
        }
    }

    /// Attachments ended with the last connection. What is to be published for the devices waits for it.
    async fn restore(&self, io: &dyn Io) {
        let wanted = self.book().wanted();
        stream::iter(wanted)
            .for_each_concurrent(ATTACHED_AT_ONCE, |device| async move {
                // Told where it is found out.
                let _told = self.attach(io, &device).await;
            })
            .await;
        io.release();
    }

    async fn watch(&self, io: &dyn Io, mut ear: Box<dyn Ear>) {
        loop {
            let heard = {
                let next = std::pin::pin!(ear.next());
                let sleep = std::pin::pin!(io.sleep(LOOK));
                match select(next, sleep).await {
                    Either::Left((message, _)) => Some(message),
                    Either::Right(_) => None,
                }
            };
            if let Some(message) = heard {
                self.complaint(io, &message.payload);
            }
            if self.book().has_under_way() {
                self.look_for_late(io);
            }
            self.follow_hands(io);
        }
    }

    /// What somebody attached or detached in the composer is shown and subscribed like what the adapter did.
    fn follow_hands(&self, io: &dyn Io) {
        let changed = self.book().changed_by_hand();
        for (device, attached) in changed {
            if attached {
                self.subscribe_downlinks(io, &device);
            } else {
                self.drop_downlinks(io, &device);
            }
            self.tell_device_feeds(io, &device);
        }
    }

    fn complaint(&self, io: &dyn Io, payload: &[u8]) {
        let Some(error) = errors::parse(payload) else {
            io.log(
                LogLevel::Warn,
                "an error of the bridge that cannot be read".to_owned(),
            );
            return;
        };
        let now = io.now();
        let culprit = self.book().culprit(error.packet_id, &error.topic);
        let caused_by = culprit.as_ref().map(|(packet, sent)| {
            let ago = words(now.mono.since(sent.at.mono));
            format!("packet {packet} to {}, {ago} ago", sent.topic)
        });
        let mut problem = error.problem(caused_by.as_deref());
        if error.fault() == Fault::Attachment {
            self.add_auth_method(&mut problem, &error.device_id);
        }
        self.book()
            .error(&error.device_id, now.mono, problem.clone());
        io.log(LogLevel::Warn, problem.line());
        io.fact(Fact::Relay(Box::new(RelayNews::Fault(RelayFault {
            device: (!error.device_id.is_empty()).then(|| DeviceId::new(&error.device_id)),
            problem: problem.clone(),
            culprit: culprit.as_ref().map(|(_, sent)| Culprit {
                topic: sent.topic.clone(),
                at: sent.at.wall,
            }),
        }))));
        match &culprit {
            // Whoever sent it is told; telling it twice helps nobody.
            Some((packet, _)) => io.give_up(*packet, problem.clone()),
            None => io.fact(Fact::Notice(problem.clone())),
        }
        match error.fault() {
            Fault::Detached => self.thrown_out(io, &error, problem),
            Fault::NotAttached if self.book().is_attached(&error.device_id) => {
                self.book().lost(&error.device_id);
                self.drop_downlinks(io, &error.device_id);
                self.tell_device_feeds(io, &error.device_id);
            }
            _ => {}
        }
    }

    /// The platform has detached the device by itself.
    fn thrown_out(&self, io: &dyn Io, error: &GatewayError, problem: Problem) {
        self.book().detached(&error.device_id);
        self.drop_downlinks(io, &error.device_id);
        self.feed_failed(io, &error.device_id, problem);
    }

    fn look_for_late(&self, io: &dyn Io) {
        let now = io.now().mono;
        let late = self.book().late(now);
        for late in late {
            let problem = self.not_acknowledged(&late, now);
            if late.over {
                io.give_up(late.packet, problem);
            } else {
                io.log(LogLevel::Warn, problem.line());
                io.fact(Fact::Notice(problem));
            }
        }
    }

    fn not_acknowledged(&self, late: &Late, now: crate::base::moment::Mono) -> Problem {
        let topic = topics::parse(late.topic.as_str());
        let device = topic.map_or("", |topic| topic.device);
        let what = format!("{} is not acknowledged", late.topic);
        let waited = words(super::book::ACKNOWLEDGED_WITHIN);
        let last = self.book().last_error(device, now).cloned();
        if let Some(error) = last {
            let cause = format!(
                "nothing came within {waited}; the last error of {device}: {}",
                error.cause
            );
            return Problem::new(what, cause, error.remedy);
        }
        if topic.is_some_and(|topic| topic.place == Place::Attach) {
            let cause = format!("nothing came within {waited}: a refused attach gets no answer");
            let mut problem = Problem::new(what, cause, Self::attach_remedy());
            self.add_auth_method(&mut problem, device);
            if !self.book().has_downlinks(self.settings.identity.id()) {
                problem.remedy = format!(
                    "subscribe the errors: e on the gateway; then {}",
                    problem.remedy
                );
            }
            return problem;
        }
        let cause = format!(
            "nothing came within {waited}: the bridge acknowledges a message when Pub/Sub has it"
        );
        let remedy = "check that the device is attached, and that the registry has a Pub/Sub topic";
        Problem::new(what, cause, remedy).retry(Retry::Backoff)
    }

    const fn attach_remedy() -> &'static str {
        "check that the device exists, is not blocked, is bound to this gateway (`thingdeck bind`), and that its key is named where the gateway asks for its token (`devices = [{ id, key_file }]`)"
    }

    pub(super) fn feed_failed(&self, io: &dyn Io, device: &str, problem: Problem) {
        let state = self.book().feed(device, Feed::Push);
        io.fact(Fact::FeedFailed {
            device: DeviceId::new(device),
            feed: Feed::Push,
            state,
            problem,
        });
        self.tell_device_feeds(io, device);
    }

    pub(super) fn tell_device_feeds(&self, io: &dyn Io, device: &str) {
        let is_own = device == self.settings.identity.id();
        let feeds = Feed::ALL.into_iter();
        for feed in feeds.filter(|feed| !is_own || *feed == Feed::Event) {
            let state = self.book().feed(device, feed);
            io.fact(Fact::Feed {
                device: DeviceId::new(device),
                feed,
                state,
            });
        }
    }
}
