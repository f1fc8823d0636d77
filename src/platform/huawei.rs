//! The adapter for Huawei IoT: a device over its older v1 topics or IoTDA, and the application side over REST.

mod answer;
mod application;
mod attend;
mod body;
mod clock;
mod draft;
mod event;
mod facts;
mod feeds;
pub mod login;
pub mod messages;
mod plan;
mod refusal;
mod report;
mod rest;
mod rules;
mod shadow;
pub mod sign;
pub mod topics;

use std::collections::BTreeSet;
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::filters::Filters;
use super::io::{Ear, Io};
use super::plan::ConnectPlan;
use super::{Leave, Pending, Platform, PlatformInfo, Verdict};
use crate::base::moment::{Moment, Mono};
use crate::base::problem::{Exit, Problem};
use crate::domain::capability::Capabilities;
use crate::domain::message::{Draft, Message};
use crate::domain::profile::{Common, HuaweiDialect, HuaweiSettings, PlatformId};
use crate::domain::reading::Reading;
use crate::domain::relay::{RelayReply, RelayRequest};
use crate::domain::request::{Reply, Request};
use crate::domain::subscription::{Feed, FilterWish};
use crate::domain::topic::TopicFilter;

/// One device of one instance.
pub struct Huawei {
    settings: HuaweiSettings,
    common: Common,
    /// Listens from before the connection stands: the platform delivers what waits without being asked.
    ear: Mutex<Option<Box<dyn Ear>>>,
    rate: Mutex<rules::Rate>,
    filters: Mutex<Filters>,
    session: Mutex<Option<rest::Session>>,
    reported: Mutex<messages::Reported>,
    /// Topic sets that this connection subscribes.
    feeds: Mutex<BTreeSet<Feed>>,
    /// Whether the real device is connected was asked: after that it may be ourselves.
    looked: AtomicBool,
}

impl Huawei {
    pub fn new(settings: HuaweiSettings, common: Common) -> Self {
        let feeds = match settings.dialect {
            // Nothing comes down there unless it is subscribed.
            HuaweiDialect::V1 => BTreeSet::from([Feed::Push]),
            HuaweiDialect::Iotda => BTreeSet::new(),
        };
        let huawei = Self {
            settings,
            common,
            ear: Mutex::default(),
            rate: Mutex::default(),
            filters: Mutex::new(Filters::up_to(rules::SUBSCRIPTIONS)),
            session: Mutex::default(),
            reported: Mutex::default(),
            feeds: Mutex::new(feeds),
            looked: AtomicBool::new(false),
        };
        for wish in huawei.wanted() {
            huawei.filters().take(&wish.filter);
        }
        huawei
    }

    fn filters(&self) -> MutexGuard<'_, Filters> {
        self.filters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn feeds(&self) -> MutexGuard<'_, BTreeSet<Feed>> {
        self.feeds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn answer(&self, io: &dyn Io, what: Request) -> Result<Reply, Problem> {
        match what {
            Request::Devices { .. } => self.devices(io).await.map(Reply::Devices),
            Request::Feeds => Ok(Reply::Feeds(self.list_feeds())),
            Request::Feed {
                device, feed, on, ..
            } => self.set_feed(io, &device, feed, on).await.map(Reply::Feed),
            Request::Shadow(what) => shadow::request(self, io, what).await.map(Reply::Shadow),
            Request::Probe => self.probe(io).await,
            Request::Relay(what) => self.relay(io, what).await.map(Reply::Relay),
            Request::SignOut => Ok(Reply::SignedOut { left: Vec::new() }),
            Request::Leave { .. } => Ok(Reply::Left { failed: Vec::new() }),
            _ => Err(no_such()),
        }
    }
}

impl Huawei {
    async fn relay(&self, io: &dyn Io, what: RelayRequest) -> Result<RelayReply, Problem> {
        match what {
            RelayRequest::SendCommand { device, command } => {
                self.send_command(io, &device, command).await
            }
            RelayRequest::SendMessage {
                device,
                payload,
                name,
                topic,
            } => self.send_message(io, &device, &payload, name, topic).await,
            RelayRequest::Report {
                device,
                service,
                properties,
            } => {
                let service = service.as_deref();
                self.report(io, device.as_ref(), service, &properties).await
            }
            RelayRequest::ReportDraft(device) => self.report_draft(io, &device).await,
            RelayRequest::Event { device, event } => self.event(io, device.as_ref(), &event).await,
            RelayRequest::EventDraft(device) => self.event_draft(io, &device),
            RelayRequest::SyncClock => self.sync_clock(io).await,
            RelayRequest::Detail(device) => self.detail(io, &device).await,
            RelayRequest::Register(new) => self.register(io, new).await,
            RelayRequest::Delete(device) => self.delete(io, &device).await,
            _ => Err(no_such()),
        }
    }
}

fn no_such() -> Problem {
    Problem::new(
        "Huawei IoT has no answer to this",
        "it has devices, shadows, commands, messages and events",
        "use devices, device, shadow, report, event, command, message, tail and publish",
    )
    .exit(Exit::Usage)
}

impl Platform for Huawei {
    fn info(&self) -> PlatformInfo {
        PlatformInfo {
            id: PlatformId::Huawei,
            capabilities: Capabilities::HUAWEI,
        }
    }

    fn interpret(&self, message: &Message) -> Reading {
        messages::interpret(&self.settings, message, &mut self.reported())
    }

    fn plan<'a>(&'a self, io: &'a dyn Io) -> Pending<'a, Result<ConnectPlan, Problem>> {
        self.listen(io);
        Box::pin(self.connect_plan(io))
    }

    fn attend<'a>(&'a self, io: &'a dyn Io) -> Pending<'a, Leave> {
        Box::pin(self.beside_connection(io))
    }

    fn refused<'a>(&'a self, io: &'a dyn Io, problem: &'a Problem) -> Pending<'a, Verdict> {
        Box::pin(std::future::ready(self.judge(io, problem)))
    }

    fn request<'a>(&'a self, io: &'a dyn Io, what: Request) -> Pending<'a, Result<Reply, Problem>> {
        Box::pin(self.answer(io, what))
    }

    /// What a person reports is known as what the adapter reports itself.
    fn sent(&self, draft: &Draft, _packet: u16, _at: Moment) {
        facts::note(&mut self.reported(), draft);
    }

    fn check_publish(&self, draft: &Draft, at: Mono) -> Result<(), Problem> {
        self.check(draft, at)
    }

    fn check_filter(&self, wish: &FilterWish) -> Result<(), Problem> {
        rules::filter(&self.settings.device_id, wish)?;
        if self.filters().take(&wish.filter) {
            return Ok(());
        }
        Err(rules::one_too_many())
    }

    fn filter_gone(&self, filter: &TopicFilter) {
        self.filters().leave(filter);
    }

    fn filter_answered(&self, filter: &TopicFilter, granted: bool) {
        if granted {
            // It is in force, whatever the count says.
            let _full = self.filters().take(filter);
        } else {
            self.filters().leave(filter);
        }
    }
}
