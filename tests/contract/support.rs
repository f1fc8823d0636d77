//! An opened profile on a simulator of its own, and a queue of what happens to it.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use thingdeck::app::event::Event;
use thingdeck::base::problem::Problem;
use thingdeck::cli::Options;
use thingdeck::domain::device::DeviceId;
use thingdeck::domain::fact::Fact;
use thingdeck::domain::message::{Draft, Qos};
use thingdeck::domain::profile::PlatformId;
use thingdeck::domain::request::{Reply, Request};
use thingdeck::domain::session::{
    Delivered, LinkState, ReceiptId, SessionCommand, SessionEvent, SessionId,
};
use thingdeck::domain::subscription::{Feed, FeedState};
use thingdeck::domain::topic::Topic;
use thingdeck::runtime::context::Context;
use thingdeck::runtime::inbox::Inbox;
use thingdeck::runtime::station::{How, Station};
use thingdeck::sim::{Sim, SimControl, SimOptions};

/// Nothing here should take this long; a test that does has failed.
pub const PATIENCE: Duration = Duration::from_secs(30);

pub struct Bench {
    pub folder: TempDir,
    pub sim: Option<Sim>,
    pub control: SimControl,
}

impl Bench {
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub async fn of(platform: PlatformId) -> Self {
        Self::start_with(|options| options.platform = platform).await
    }

    /// Of another platform, or otherwise.
    pub async fn start_with(adjust: impl FnOnce(&mut SimOptions)) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut options = SimOptions::in_dir(folder.path().join("sim"));
        adjust(&mut options);
        let sim = Sim::start(options).await.expect("the simulator starts");
        let control = sim.control();
        Self {
            folder,
            sim: Some(sim),
            control,
        }
    }

    /// The program's context, as a start with the simulator's config file gives it.
    pub fn context(&self) -> Arc<Context> {
        let config = self.sim.as_ref().expect("running").ready().config.clone();
        let path = |name: &str| self.folder.path().join(name).into_os_string();
        let environment = [
            ("THINGDECK_DATA_DIR", path("data")),
            ("THINGDECK_STATE_DIR", path("state")),
        ];
        let environment = environment
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        let arguments = ["thingdeck", "--config"]
            .map(OsString::from)
            .into_iter()
            .chain([OsString::from(config), "devices".into()]);
        Context::load(&Options::read(arguments, environment).expect("usable options"))
            .expect("a usable config")
    }

    /// Opens the profile `home` and its stream.
    pub fn open(&self) -> Open {
        self.open_profile("home")
    }

    pub fn open_profile(&self, name: &str) -> Open {
        let inbox = Inbox::new(1 << 20);
        let session = SessionId { generation: 1 };
        let mut station = Station::open(&self.context(), session, name, &inbox);
        station.stream(How::default());
        Open {
            station: Some(station),
            inbox,
            seen: Vec::new(),
        }
    }

    pub fn config(&self) -> PathBuf {
        self.sim.as_ref().expect("running").ready().config.clone()
    }

    pub fn add_to_config(&self, text: &str) {
        let path = &self.sim.as_ref().expect("running").ready().config;
        let old = std::fs::read_to_string(path).expect("there");
        std::fs::write(path, format!("{old}\n{text}\n")).expect("writable");
    }
}

pub struct Open {
    station: Option<Station>,
    inbox: Inbox,
    /// For the report of a failure.
    seen: Vec<String>,
}

impl Open {
    pub async fn request(&self, what: Request) -> Result<Reply, Problem> {
        let asked = self.station.as_ref().expect("open").request(what);
        tokio::time::timeout(PATIENCE, asked)
            .await
            .expect("an answer in time")
    }

    pub async fn feed(
        &self,
        device: &DeviceId,
        feed: Feed,
        on: bool,
    ) -> Result<FeedState, Problem> {
        match self
            .request(Request::Feed {
                device: device.clone(),
                feed,
                on,
                hours: None,
            })
            .await?
        {
            Reply::Feed(state) => Ok(state),
            other => panic!("{other:?}"),
        }
    }

    pub async fn devices(&self) -> Vec<thingdeck::domain::device::Device> {
        match self
            .request(Request::Devices { fresh: false })
            .await
            .expect("a list")
        {
            Reply::Devices(devices) => devices,
            other => panic!("{other:?}"),
        }
    }

    pub async fn device(&self, alias: &str) -> DeviceId {
        self.devices()
            .await
            .into_iter()
            .find(|d| d.name == alias)
            .expect("it is there")
            .id
    }

    pub fn station(&self) -> &Station {
        self.station.as_ref().expect("open")
    }

    /// The first event for which `pick` has an answer; the ones before it are gone.
    #[track_caller]
    pub fn next<T>(
        &mut self,
        what: &str,
        pick: impl FnMut(&SessionEvent) -> Option<T>,
    ) -> impl Future<Output = T> {
        let what = format!("{what} (asked for at {})", std::panic::Location::caller());
        self.find(what, pick)
    }

    async fn find<T>(
        &mut self,
        what: String,
        mut pick: impl FnMut(&SessionEvent) -> Option<T>,
    ) -> T {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            while let Some(event) = self.inbox.pop() {
                let Event::Session(_, event) = event else {
                    continue;
                };
                if let Some(found) = pick(&event) {
                    return found;
                }
                self.seen
                    .push(format!("{event:?}").chars().take(300).collect());
            }
            if tokio::time::timeout_at(deadline, self.inbox.filled())
                .await
                .is_err()
            {
                panic!(
                    "never happened: {what}\nwhat did:\n{}",
                    self.seen.join("\n")
                );
            }
        }
    }

    pub async fn connected(&mut self) {
        self.next("connected", |e| {
            matches!(e, SessionEvent::Link(LinkState::Connected { .. })).then_some(())
        })
        .await;
    }

    /// Connected, and done with what it does at the start: the presence of every device is known.
    pub async fn settled(&mut self, bench: &Bench) {
        self.connected().await;
        let mut unknown = bench.control.devices().len();
        while unknown > 0 {
            self.fact("the presence of each device", |f| {
                matches!(f, Fact::Presence { .. })
            })
            .await;
            unknown -= 1;
        }
    }

    /// Connected, and every filter granted: from here on nothing that is published is missed.
    pub async fn subscribed(&mut self) {
        self.connected().await;
        self.next("a granted filter", |e| {
            matches!(e, SessionEvent::Granted { result: Ok(_), .. }).then_some(())
        })
        .await;
    }

    pub async fn link(&mut self, what: &str, test: impl Fn(&LinkState) -> bool) -> LinkState {
        self.next(what, |e| match e {
            SessionEvent::Link(state) if test(state) => Some(state.clone()),
            _ => None,
        })
        .await
    }

    /// The next state of the link that has a reason of that kind.
    async fn reason(&mut self, what: &str, of: fn(&LinkState) -> Option<&Problem>) -> Problem {
        self.next(what, |event| match event {
            SessionEvent::Link(state) => of(state).cloned(),
            _ => None,
        })
        .await
    }

    pub async fn refused(&mut self) -> Problem {
        self.reason("refused", |state| match state {
            LinkState::Refused(why) => Some(why),
            _ => None,
        })
        .await
    }

    pub async fn taken_over(&mut self) -> Problem {
        self.reason("taken over", |state| match state {
            LinkState::TakenOver(why) => Some(why),
            _ => None,
        })
        .await
    }

    pub async fn broken(&mut self) -> Problem {
        self.reason("reconnecting", |state| match state {
            LinkState::Reconnecting { why, .. } => Some(why),
            _ => None,
        })
        .await
    }

    pub async fn publish(&self, topic: &str, payload: &'static str, qos: Qos) {
        let topic = Topic::parse(topic).expect("a topic");
        let draft = Draft::new(topic, payload.into(), qos);
        self.command(SessionCommand::Publish(ReceiptId(1), draft))
            .await;
    }

    pub async fn receipt(&mut self) -> Result<Delivered, Problem> {
        self.next("the receipt", |event| match event {
            SessionEvent::Receipt { result, .. } => Some(result.clone()),
            _ => None,
        })
        .await
    }

    pub async fn fact(&mut self, what: &str, test: impl Fn(&Fact) -> bool) -> Fact {
        self.next(what, |e| match e {
            SessionEvent::Fact(fact) if test(fact) => Some(fact.clone()),
            SessionEvent::Message(_, reading) => reading.facts.iter().find(|f| test(f)).cloned(),
            _ => None,
        })
        .await
    }

    pub async fn command(&self, command: SessionCommand) {
        self.station().send(command).await;
    }

    /// The broker's word on a filter, or ours.
    pub async fn answer_for(&mut self, filter: &str) -> Result<Qos, String> {
        self.next("an answer for a filter", |event| match event {
            SessionEvent::Granted { filter: of, result } if of.as_str() == filter => {
                Some(result.clone())
            }
            _ => None,
        })
        .await
    }

    pub async fn close(mut self) {
        self.station.take().expect("open").close().await;
    }
}
