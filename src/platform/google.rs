//! Google IoT Core's MQTT bridge, as ClearBlade serves it: a device or a gateway with its devices, a signed token as the
//! password, and the registry over REST where there are credentials for it (`reference/google-iot-core.md`).

mod account;
mod attend;
mod book;
pub mod errors;
mod gateway;
mod identity;
pub mod jwt;
pub mod key;
mod messages;
mod plan;
mod refused;
mod registry;
mod rest;
pub mod rules;
pub mod topics;
mod wire;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::io::Io;
use super::plan::ConnectPlan;
use super::{After, Leave, Pending, Platform, PlatformInfo, Verdict};
use crate::base::moment::{Moment, Mono};
use crate::base::problem::{Exit, Problem};
use crate::domain::capability::Capabilities;
use crate::domain::message::{Draft, Message};
use crate::domain::profile::{Common, GoogleSettings, PlatformId};
use crate::domain::reading::Reading;
use crate::domain::request::{Reply, Request};
use crate::domain::subscription::FilterWish;
use account::Account;
use book::Book;

/// See the module.
pub struct Google {
    settings: GoogleSettings,
    common: Common,
    book: Mutex<Book>,
    /// States that were asked for, and all that went out.
    states: Mutex<rules::States>,
    pace: Mutex<rules::Pace>,
    account: Mutex<Account>,
}

impl Google {
    pub fn new(settings: GoogleSettings, common: Common) -> Self {
        let book = Book::new(&settings);
        Self {
            settings,
            common,
            book: Mutex::new(book),
            states: Mutex::default(),
            pace: Mutex::default(),
            account: Mutex::default(),
        }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn account(&self) -> MutexGuard<'_, Account> {
        self.account.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_gateway(&self) -> bool {
        self.settings.identity.is_gateway()
    }

    async fn answer(&self, io: &dyn Io, what: Request) -> Result<Reply, Problem> {
        match what {
            Request::Devices { fresh } => self.list_devices(io, fresh).await.map(Reply::Devices),
            Request::Feeds => Ok(Reply::Feeds(self.book().feeds(&self.settings))),
            Request::Feed {
                device, feed, on, ..
            } => self.set_feed(io, &device, feed, on).await.map(Reply::Feed),
            Request::Relay(request) => self.relay(io, request).await.map(Reply::Relay),
            Request::Probe => self.probe(io).await,
            Request::SignOut => Ok(Reply::SignedOut { left: Vec::new() }),
            // Attachments end with the connection.
            Request::Leave { .. } => Ok(Reply::Left { failed: Vec::new() }),
            Request::Model { .. }
            | Request::State { .. }
            | Request::Control { .. }
            | Request::Energy { .. }
            | Request::Shadow(_)
            | Request::Jobs(_)
            | Request::Provision(_)
            | Request::ConnectionState(_) => Err(Problem::new(
                "the bridge has no answer to this",
                "its devices have a configuration, commands and states",
                "use config, command and state",
            )
            .exit(Exit::Usage)),
        }
    }
}

impl Platform for Google {
    fn info(&self) -> PlatformInfo {
        let mut capabilities = Capabilities::GOOGLE;
        if !self.is_gateway() {
            capabilities.push = None;
        }
        PlatformInfo {
            id: PlatformId::Google,
            capabilities,
        }
    }

    fn interpret(&self, message: &Message) -> Reading {
        messages::interpret(self, message)
    }

    fn plan<'a>(&'a self, io: &'a dyn Io) -> Pending<'a, Result<ConnectPlan, Problem>> {
        Box::pin(self.connect_plan(io))
    }

    fn attend<'a>(&'a self, io: &'a dyn Io) -> Pending<'a, Leave> {
        Box::pin(self.beside_connection(io))
    }

    fn refused<'a>(&'a self, io: &'a dyn Io, problem: &'a Problem) -> Pending<'a, Verdict> {
        Box::pin(self.explain(io, problem))
    }

    fn request<'a>(&'a self, io: &'a dyn Io, what: Request) -> Pending<'a, Result<Reply, Problem>> {
        Box::pin(self.answer(io, what))
    }

    fn check_publish(&self, draft: &Draft, at: Mono) -> Result<(), Problem> {
        let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        rules::check_publish(&self.settings.identity, draft, at, &mut states)
    }

    fn wait_before(&self, draft: &Draft, at: Mono) -> Duration {
        let mut pace = self.pace.lock().unwrap_or_else(PoisonError::into_inner);
        pace.ask(draft, at)
    }

    fn explain(&self, after: &After<'_>, said: &Problem) -> Option<Problem> {
        refused::explain(after, said, self.lifetime())
    }

    fn check_filter(&self, wish: &FilterWish) -> Result<(), Problem> {
        let book = self.book();
        rules::check_filter(&self.settings.identity, &wish.filter, |device| {
            book.is_attached(device)
        })
    }

    fn defers(&self, wish: &FilterWish) -> bool {
        self.book().defers(&wish.filter)
    }

    /// What is for an attached device has to wait until it is attached again.
    fn holds_publishes(&self) -> bool {
        self.is_gateway()
    }

    fn sent(&self, draft: &Draft, packet: u16, at: Moment) {
        self.book().sent(draft.topic.clone(), packet, at);
    }

    fn acknowledged(&self, packet: u16) {
        self.book().acknowledged(packet);
    }
}
