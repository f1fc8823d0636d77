//! AWS IoT Core: MQTT with a certificate, over a presigned WebSocket or past a custom authorizer; REST with SigV4 for
//! what is listed (`reference/aws-iot.md`).

mod ask;
mod authorizer;
mod credentials;
mod explain;
mod feeds;
mod identity;
mod jobs;
mod messages;
mod plan;
mod presence;
mod provision;
mod proxy;
mod rest;
pub mod rules;
mod shadow;
mod sign;
mod things;
pub mod topics;
mod trial;

use std::collections::BTreeSet;
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use ask::Desk;
use credentials::Kept;
use explain::Known;
use presence::Presences;
use rules::Counted;

use futures_util::future::{Either, select};

use super::io::Io;
use super::plan::ConnectPlan;
use super::{After, Leave, Pending, Platform, PlatformInfo, Verdict};
use crate::base::moment::Mono;
use crate::base::problem::{Exit, Problem};
use crate::domain::capability::Capabilities;
use crate::domain::device::Presence;
use crate::domain::fact::Fact;
use crate::domain::message::{Draft, Message};
use crate::domain::profile::{AwsAuth, AwsCredentials, AwsSettings, Common, PlatformId};
use crate::domain::reading::Reading;
use crate::domain::request::{Reply, Request};
use crate::domain::session::LogLevel;
use crate::domain::subscription::FilterWish;
use crate::domain::topic::TopicFilter;

/// How often it is looked at what goes on beside a connection.
const LOOK: Duration = Duration::from_secs(1);
/// AWS ends a signed WebSocket after 24 h; to leave before that costs no message.
const SIGNED_LIFE: Duration = Duration::from_mins(24 * 60 - 10);

/// One endpoint of one account.
pub struct Aws {
    settings: AwsSettings,
    common: Common,
    /// The client id that was made up for a profile without one: the same for the whole run.
    made_up: OnceLock<String>,
    keys: Mutex<Kept>,
    counted: Mutex<Counted>,
    /// Who we are, for the sentences about what was refused.
    known: Mutex<Known>,
    things: things::Book,
    presences: Mutex<Presences>,
    feeds: feeds::Feeds,
    /// What was said to a person once is not said at every attempt.
    told: Mutex<BTreeSet<String>>,
    /// Questions over MQTT.
    desk: Desk,
}

impl Aws {
    pub fn new(settings: AwsSettings, common: Common) -> Self {
        Self {
            counted: Mutex::default(),
            settings,
            common,
            made_up: OnceLock::new(),
            keys: Mutex::default(),
            known: Mutex::default(),
            things: things::Book::default(),
            presences: Mutex::default(),
            feeds: feeds::Feeds::default(),
            told: Mutex::default(),
            desk: Desk::default(),
        }
    }

    fn kept_keys(&self) -> MutexGuard<'_, Kept> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn counted(&self) -> MutexGuard<'_, Counted> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn presences(&self) -> MutexGuard<'_, Presences> {
        self.presences
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn notice_once(&self, io: &dyn Io, problem: Problem) {
        if self.is_news(&problem.what) {
            io.fact(Fact::Notice(problem));
        }
    }

    fn is_news(&self, what: &str) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.insert(what.to_owned())
    }

    async fn answer(&self, io: &dyn Io, what: Request) -> Result<Reply, Problem> {
        match what {
            Request::Devices { fresh } => self.list_things(io, fresh).await.map(Reply::Devices),
            Request::Feeds => Ok(Reply::Feeds(self.list_feeds())),
            Request::Feed {
                device, feed, on, ..
            } => self.set_feed(io, &device, feed, on).await.map(Reply::Feed),
            Request::Shadow(what) => shadow::request(self, io, what).await.map(Reply::Shadow),
            Request::Jobs(what) => jobs::request(self, io, what).await.map(Reply::Jobs),
            Request::Provision(what) => provision::request(self, io, *what).await,
            Request::ConnectionState(trial) => trial::request(self, io, *trial).await,
            Request::SignOut => Ok(Reply::SignedOut { left: Vec::new() }),
            Request::Leave { .. } => Ok(Reply::Left { failed: Vec::new() }),
            Request::Probe
            | Request::Model { .. }
            | Request::State { .. }
            | Request::Control { .. }
            | Request::Energy { .. }
            | Request::Relay(_) => Err(no_such()),
        }
    }

    /// Beside one connection: the things are listed, and it is watched.
    async fn beside_connection(&self, io: &dyn Io) -> Leave {
        let _up = self.desk.connected();
        let greeting = pin!(self.greet(io));
        let watching = pin!(self.watch(io));
        match select(greeting, watching).await {
            Either::Left(((), watching)) => watching.await,
            Either::Right((leave, _)) => leave,
        }
    }

    /// The list as far as it may be asked for; what is heard comes on top.
    async fn greet(&self, io: &dyn Io) {
        self.confirm_feeds(io).await;
        match self.list_things(io, false).await {
            Ok(things) => {
                let first = things.first().map(|thing| thing.id.clone());
                io.fact(Fact::Devices(things));
                if let Some(first) = first {
                    self.learn_account(io, &first).await;
                }
            }
            Err(problem) if self.is_a_device_s(&problem) => {
                io.log(LogLevel::Info, problem.line());
                io.fact(Fact::Devices(Vec::new()));
            }
            Err(problem) => self.notice_once(io, problem),
        }
    }

    /// A device's own profile has a certificate and mostly no access keys: that its things are not listed is no trouble.
    fn is_a_device_s(&self, problem: &Problem) -> bool {
        let is_set_up = self.settings.credentials != AwsCredentials::Chain;
        self.settings.auth != AwsAuth::SigV4 && !is_set_up && credentials::are_nowhere(problem)
    }

    /// What its rate is, and when it would end by itself.
    async fn watch(&self, io: &dyn Io) -> Leave {
        let begun = io.now().mono;
        loop {
            io.sleep(LOOK).await;
            let moment = io.now();
            let now = moment.mono;
            self.counted().tick(moment);
            let warning = self.counted().warning(now);
            if let Some(text) = warning {
                io.log(LogLevel::Warn, text);
            }
            let gone = self.presences().gone();
            for device in gone {
                io.fact(Fact::Presence {
                    device,
                    presence: Presence::Offline,
                });
            }
            let is_signed = self.settings.auth == AwsAuth::SigV4;
            if is_signed && now.since(begun) >= SIGNED_LIFE {
                let reason = "AWS ends signed WebSockets after 24 h".to_owned();
                return Leave::Reconnect { reason };
            }
        }
    }

    /// Keys that ended are found anew once; a certificate that is refused stays refused.
    fn after_refusal(&self, problem: &Problem) -> Verdict {
        let ended = ["expired", "security token", "ExpiredToken"];
        // "Signature expired" is said of the clock: no other key helps.
        let is_clock = problem.cause.contains("Signature expired");
        let is_stale = !is_clock && ended.iter().any(|word| problem.cause.contains(word));
        if self.settings.auth == AwsAuth::SigV4 && is_stale && self.forget_keys() {
            let reason = "the access key has ended: looking for a new one".to_owned();
            return Verdict::TryAgain { reason };
        }
        Verdict::Final
    }
}

fn no_such() -> Problem {
    Problem::new(
        "AWS IoT Core has no answer to this",
        "it has things, shadows and jobs",
        "use devices, shadow, tail and publish",
    )
    .exit(Exit::Usage)
}

impl Platform for Aws {
    fn info(&self) -> PlatformInfo {
        PlatformInfo {
            id: PlatformId::Aws,
            capabilities: Capabilities::AWS,
        }
    }

    fn interpret(&self, message: &Message) -> Reading {
        self.read(message)
    }

    fn plan<'a>(&'a self, io: &'a dyn Io) -> Pending<'a, Result<ConnectPlan, Problem>> {
        self.desk.begin();
        self.counted().tick(io.now());
        Box::pin(self.connect_plan(io))
    }

    fn attend<'a>(&'a self, io: &'a dyn Io) -> Pending<'a, Leave> {
        Box::pin(self.beside_connection(io))
    }

    fn refused<'a>(&'a self, _io: &'a dyn Io, problem: &'a Problem) -> Pending<'a, Verdict> {
        Box::pin(std::future::ready(self.after_refusal(problem)))
    }

    fn request<'a>(&'a self, io: &'a dyn Io, what: Request) -> Pending<'a, Result<Reply, Problem>> {
        Box::pin(self.answer(io, what))
    }

    fn check_publish(&self, draft: &Draft, at: Mono) -> Result<(), Problem> {
        rules::lawful(draft)?;
        self.counted().publish(at)
    }

    fn check_filter(&self, wish: &FilterWish) -> Result<(), Problem> {
        rules::check_filter(wish)?;
        self.counted().subscribe(&wish.filter)
    }

    fn explain(&self, after: &After<'_>, said: &Problem) -> Option<Problem> {
        self.likely(after, said)
    }

    fn trusts_kept_session(&self) -> bool {
        true
    }

    fn filter_gone(&self, filter: &TopicFilter) {
        self.counted().unsubscribe(filter);
    }

    fn filter_answered(&self, filter: &TopicFilter, granted: bool) {
        let mut counted = self.counted();
        if granted {
            // It is in force, whatever the count says.
            let _full = counted.subscribe(filter);
        } else {
            counted.unsubscribe(filter);
        }
    }
}
