//! Attaching, detaching, and what is subscribed of a device (`reference/google-iot-core.md` 6).

use std::time::Duration;

use bytes::Bytes;

use super::Google;
use super::topics;
use crate::base::problem::{Exit, Problem, Retry};
use crate::domain::device::DeviceId;
use crate::domain::json::quote;
use crate::domain::message::{Draft, Qos};
use crate::domain::subscription::{Feed, FeedState};
use crate::platform::io::Io;

/// An attach that fails for a reason unknown is tried again so often.
const TRIES: u32 = 4;
/// A request waits so long for a connection.
const PATIENCE: Duration = Duration::from_secs(15);
const LOOK: Duration = Duration::from_millis(50);

impl Google {
    pub(super) async fn set_feed(
        &self,
        io: &dyn Io,
        device: &DeviceId,
        feed: Feed,
        on: bool,
    ) -> Result<FeedState, Problem> {
        let id = device.as_str();
        match (feed, on) {
            (Feed::Push, true) => {
                self.check_attachable(id)?;
                self.connected(io).await?;
                self.attach(io, id).await?;
            }
            (Feed::Push, false) => {
                self.check_attachable(id)?;
                self.connected(io).await?;
                self.detach(io, id).await?;
            }
            (Feed::Event, on) => self.toggle_downlinks(io, id, on)?,
        }
        self.tell_device_feeds(io, id);
        Ok(self.book().feed(id, feed))
    }

    fn check_attachable(&self, id: &str) -> Result<(), Problem> {
        let refused = |cause: &str, remedy: &str| {
            let what = format!("{id} cannot be attached");
            Err(Problem::new(what, cause, remedy).exit(Exit::Usage))
        };
        if !self.is_gateway() {
            return refused(
                "this client is a device, and only a gateway attaches others; the bridge disconnects a device that tries",
                "use a profile with `gateway`",
            );
        }
        if id == self.settings.identity.id() {
            return refused("it is the gateway itself", "choose a device behind it");
        }
        Ok(())
    }

    /// Waits a while for a connection with its own filters granted.
    async fn connected(&self, io: &dyn Io) -> Result<(), Problem> {
        let begun = io.now().mono;
        while !self.book().is_live {
            if io.now().mono.since(begun) > PATIENCE {
                let cause = "there is no connection to the bridge";
                let remedy = "wait until it stands, then try again";
                return Err(Problem::new("could not reach the device", cause, remedy)
                    .exit(Exit::Unreachable)
                    .retry(Retry::Backoff));
            }
            io.sleep(LOOK).await;
        }
        Ok(())
    }

    /// Acknowledged means authorised. Tells the outcome as facts besides.
    pub(super) async fn attach(&self, io: &dyn Io, device: &str) -> Result<(), Problem> {
        let mut tries = 0;
        loop {
            let problem = match self.attach_once(io, device).await {
                Ok(()) => {
                    self.subscribe_downlinks(io, device);
                    self.tell_device_feeds(io, device);
                    return Ok(());
                }
                Err(problem) => problem,
            };
            tries += 1;
            if problem.retry == Retry::Backoff && tries < TRIES && self.book().is_live {
                let seconds = f64::from(1_u32 << tries.min(6)) * (0.5 + io.roll() / 2.0);
                io.sleep(Duration::from_secs_f64(seconds)).await;
                continue;
            }
            let now = io.now().mono;
            let is_refused = self.book().last_error(device, now).is_some();
            if is_refused {
                // Unchanged it would be refused again after each reconnect. Mere silence may pass.
                self.book().want(device, false);
            }
            self.feed_failed(io, device, problem.clone());
            return Err(problem);
        }
    }

    async fn attach_once(&self, io: &dyn Io, device: &str) -> Result<(), Problem> {
        let Some(topic) = topics::attach(device) else {
            return Err(no_topic(device));
        };
        let token = self.device_token(io, device)?;
        let payload = match &token {
            Some(token) => format!("{{\"authorization\":{}}}", quote(token.text.expose())),
            None => "{}".to_owned(),
        };
        let draft = Draft::new(topic, Bytes::from(payload), Qos::AtLeastOnce);
        io.publish_first(draft).await.map_err(|problem| Problem {
            what: format!("could not attach {device}"),
            exit: Exit::Refused,
            ..problem
        })?;
        self.book().attached(device, token.map(|token| token.until));
        Ok(())
    }

    async fn detach(&self, io: &dyn Io, device: &str) -> Result<(), Problem> {
        let topic = topics::detach(device).ok_or_else(|| no_topic(device))?;
        self.drop_downlinks(io, device);
        let draft = Draft::new(topic, Bytes::from_static(b"{}"), Qos::AtLeastOnce);
        let done = io.publish_first(draft).await;
        if done.is_err() && self.book().is_attached(device) {
            self.subscribe_downlinks(io, device);
        }
        done.map_err(|problem| Problem {
            what: format!("could not detach {device}"),
            ..problem
        })?;
        self.book().detached(device);
        Ok(())
    }

    fn toggle_downlinks(&self, io: &dyn Io, device: &str, on: bool) -> Result<(), Problem> {
        let is_own = device == self.settings.identity.id();
        if !is_own && on && !self.book().is_attached(device) {
            let (cause, remedy) = if self.is_gateway() {
                (
                    "it is not attached to this gateway",
                    "attach it first: p on the device",
                )
            } else {
                (
                    "it is another device, and this client is no gateway",
                    "use a profile with `gateway`",
                )
            };
            let what = format!("config and commands of {device} cannot be subscribed");
            return Err(Problem::new(what, cause, remedy).exit(Exit::Usage));
        }
        self.book().set_downlinks(device, on);
        if on {
            self.subscribe_downlinks(io, device);
        } else {
            self.drop_downlinks(io, device);
        }
        Ok(())
    }

    pub(super) fn drop_downlinks(&self, io: &dyn Io, device: &str) {
        for wish in self.downlinks(device) {
            io.unsubscribe(wish.filter);
        }
    }

    pub(super) fn subscribe_downlinks(&self, io: &dyn Io, device: &str) {
        if !self.book().has_downlinks(device) {
            return;
        }
        for wish in self.downlinks(device) {
            io.subscribe(wish);
        }
    }

    /// What the gateway's way to admit devices asks for, and what of it is missing here.
    pub(super) fn add_auth_method(&self, problem: &mut Problem, device: &str) {
        let Some(method) = self.book().auth_method.clone() else {
            return;
        };
        let mut known = self.settings.devices.iter();
        let has_key = known.any(|known| known.id == device && known.key_file.is_some());
        let needs = match method.as_str() {
            "ASSOCIATION_ONLY" => "the device has to be bound to it, and no token counts",
            "DEVICE_AUTH_TOKEN_ONLY" if has_key => "the device's token has to be good",
            "DEVICE_AUTH_TOKEN_ONLY" => {
                "the device's token has to come along, and the profile names no key for it"
            }
            "ASSOCIATION_AND_DEVICE_AUTH_TOKEN" if has_key => {
                "the device has to be bound to it, and its token has to be good"
            }
            "ASSOCIATION_AND_DEVICE_AUTH_TOKEN" => {
                "the device has to be bound to it and its token has to come along, and the profile names no key for it"
            }
            _ => "no device may use this gateway",
        };
        problem.cause = format!(
            "{} (the gateway admits by {method}: {needs})",
            problem.cause
        );
    }
}

fn no_topic(device: &str) -> Problem {
    let cause = "an id with a + fits in no topic";
    let what = format!("{device:?} cannot be attached");
    Problem::new(what, cause, "register it under another id").exit(Exit::Usage)
}
