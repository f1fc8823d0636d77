//! Clouds as translators: an adapter describes HTTP calls and connect plans, conducts the rituals of its cloud, and
//! turns answers into facts. It never opens a connection itself; [`io::Io`] is everything it may do.

pub mod aws;
pub mod catalog;
pub mod common;
mod filters;
pub mod google;
pub mod huawei;
pub mod io;
pub mod mqtt;
pub mod plan;
pub mod thinq;

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use crate::base::moment::{Moment, Mono, Timestamp};
use crate::base::problem::Problem;
use crate::domain::capability::Capabilities;
use crate::domain::message::{Draft, Message};
use crate::domain::profile::PlatformId;
use crate::domain::reading::Reading;
use crate::domain::request::{Reply, Request};
use crate::domain::subscription::FilterWish;
use crate::domain::topic::TopicFilter;
use io::{HttpReply, Io};
use plan::ConnectPlan;

/// A boxed future: adapters are straight-line async code without a runtime.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// One profile on one platform. Shared by the session task and by requests, so what it remembers (caches, the truth
/// about feeds, the call budget) is behind its own locks, never held across an await.
pub trait Platform: Send + Sync {
    fn info(&self) -> PlatformInfo;

    /// Pure: kind, device, facts, what to mask. Never fails: what it cannot read is `Kind::Message`.
    fn interpret(&self, message: &Message) -> Reading;

    /// `false` where no message means anything beyond itself, so that [`Self::interpret`] need not be asked.
    fn interprets(&self) -> bool {
        true
    }

    /// Everything needed to connect. Asked again at every attempt: tokens and signatures expire. Signs in where needed
    /// and reports each step as `Fact::Step`.
    fn plan<'a>(&'a self, io: &'a dyn Io) -> Pending<'a, Result<ConnectPlan, Problem>>;

    /// Beside one connection: greet, renew, watch, answer. Begun at each CONNACK once the filters are subscribed, dropped
    /// at each disconnect; when it ends by itself the session leaves as told.
    fn attend<'a>(&'a self, io: &'a dyn Io) -> Pending<'a, Leave>;

    /// The broker or the TLS peer refused this connection. Answers whether another plan is worth one immediate try
    /// (ThinQ: a certificate that is no longer accepted is renewed once), having forgotten what the plan stood on.
    fn refused<'a>(&'a self, io: &'a dyn Io, problem: &'a Problem) -> Pending<'a, Verdict>;

    fn request<'a>(&'a self, io: &'a dyn Io, what: Request) -> Pending<'a, Result<Reply, Problem>>;

    /// The cloud's rules, known before the wire: what it would answer with a hang-up or with silence is refused here, with
    /// the rule and what to do. Counts rates by `at`, so it is asked once for each publish that is about to be queued.
    fn check_publish(&self, _draft: &Draft, _at: Mono) -> Result<(), Problem> {
        Ok(())
    }

    /// How long the publish that is next has to wait before it goes out; zero: it goes now, and counts as gone. Asked at
    /// the wire: what waited for a connection would otherwise go out in a row, whatever [`Platform::check_publish`] said
    /// to each when it was queued.
    fn wait_before(&self, _draft: &Draft, _at: Mono) -> Duration {
        Duration::ZERO
    }

    /// The same for a filter that the user or the profile adds.
    fn check_filter(&self, _wish: &FilterWish) -> Result<(), Problem> {
        Ok(())
    }

    /// A filter that passed [`Platform::check_filter`] is wanted no more.
    fn filter_gone(&self, _filter: &TopicFilter) {}

    /// The broker's word on a wanted filter: one that it refused takes up no room.
    fn filter_answered(&self, _filter: &TopicFilter, _granted: bool) {}

    /// Pure: what a no or a hang-up of this cloud most likely means, in place of `said`, which is what it looks like from
    /// the wire alone. `None`: nothing better is known.
    fn explain(&self, _after: &After<'_>, _said: &Problem) -> Option<Problem> {
        None
    }

    /// Whether a session that the broker kept is known to hold its subscriptions: they are not sent again then.
    fn trusts_kept_session(&self) -> bool {
        false
    }

    /// Whether this filter has to wait for something that the adapter does first on each connection; the adapter then
    /// subscribes it by itself.
    fn defers(&self, _wish: &FilterWish) -> bool {
        false
    }

    /// Whether publishes wait on each connection until the adapter says [`Io::release`](io::Io::release): what they are
    /// about has to be prepared first.
    fn holds_publishes(&self) -> bool {
        false
    }

    /// A publish of QoS 1 or 2 has gone out, whoever asked for it.
    fn sent(&self, _draft: &Draft, _packet: u16, _at: Moment) {}

    /// The broker has acknowledged what went out under this packet id.
    fn acknowledged(&self, _packet: u16) {}
}

/// What came last before the broker closed the connection or said no.
#[derive(Debug)]
pub enum After<'a> {
    /// The TLS handshake or CONNECT.
    Connect,
    /// The handshake of the WebSocket: this answer instead of an upgrade.
    Upgrade { reply: &'a HttpReply, at: Timestamp },
    /// A SUBSCRIBE of these filters; only one where the broker named it.
    Subscribe(&'a [TopicFilter]),
    /// This message, perhaps without its payload.
    Publish(&'a Draft),
    /// Nothing in particular: the connection had stood for so long.
    Standing { lived: Duration },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlatformInfo {
    pub id: PlatformId,
    pub capabilities: Capabilities,
}

/// How `attend` ends by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leave {
    /// Connect again with a fresh plan (a token is about to expire).
    Reconnect {
        reason: String,
    },
    Stop(Problem),
}

/// What to do after a refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Explain and stop.
    Final,
    /// Stop, with these words instead of the broker's code.
    Explained(Problem),
    /// Something was renewed or forgotten: plan and connect once more now. The reason is shown.
    TryAgain { reason: String },
}
