//! thingdeck's own side: a profile of platform `mqtt`, opened as the program opens it.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::sync::Arc;

use bytes::Bytes;
use thingdeck::app::event::Event;
use thingdeck::base::problem::Problem;
use thingdeck::cli::Options;
use thingdeck::domain::message::{Draft, Message, Qos};
use thingdeck::domain::session::{
    Delivered, LinkState, ReceiptId, SessionCommand, SessionEvent, SessionId,
};
use thingdeck::domain::subscription::FilterWish;
use thingdeck::domain::topic::{Topic, TopicFilter};
use thingdeck::runtime::context::Context;
use thingdeck::runtime::inbox::Inbox;
use thingdeck::runtime::station::{How, Station};

use crate::bench::{Bench, PATIENCE, shown};

/// More than a test sends at once: nothing is dropped on the way.
const ROOM: usize = 256 << 20;

pub struct Client {
    station: Option<Station>,
    inbox: Inbox,
    last: u64,
    seen: Vec<String>,
    /// Messages that came while something else was awaited.
    unread: VecDeque<SessionEvent>,
}

impl Bench {
    /// The context of a program whose config file holds this profile, named `lab`. Each key a line of TOML.
    pub fn context(&self, name: &str, keys: &str) -> Arc<Context> {
        let config = self.path(&format!("{name}.toml"));
        let text =
            format!("default_profile = \"lab\"\n[profiles.lab]\nplatform = \"mqtt\"\n{keys}\n");
        std::fs::write(&config, text).expect("the folder is writable");
        let path = |folder: &str| self.path(&format!("{name}-{folder}")).into_os_string();
        let environment = [
            ("THINGDECK_DATA_DIR", path("data")),
            ("THINGDECK_STATE_DIR", path("state")),
            ("LAB_PW", crate::bench::PASSWORD.into()),
        ];
        let environment = environment
            .into_iter()
            .map(|(name, value): (&str, OsString)| (name.to_owned(), value))
            .collect();
        let arguments = ["thingdeck", "--config"].map(OsString::from).into_iter();
        let arguments = arguments.chain([config.clone().into_os_string(), "subs".into()]);
        let options = Options::read(arguments, environment).expect("usable options");
        match Context::load(&options) {
            Ok(context) => context,
            Err(problem) => panic!("{problem}\n{}", shown(&config)),
        }
    }

    /// Opens the profile and its stream.
    pub fn open(&self, name: &str, keys: &str) -> Client {
        self.open_as(name, keys, How::default())
    }

    pub fn open_as(&self, name: &str, keys: &str, how: How) -> Client {
        let inbox = Inbox::new(ROOM);
        let id = SessionId { generation: 1 };
        let mut station = Station::open(&self.context(name, keys), id, "lab", &inbox);
        station.stream(how);
        Client {
            station: Some(station),
            inbox,
            last: 0,
            seen: Vec::new(),
            unread: VecDeque::new(),
        }
    }

    /// On the plain port, connected.
    pub async fn plain(&self, name: &str, keys: &str) -> Client {
        let url = format!("url = \"mqtt://127.0.0.1:{}\"\n{keys}", self.ports.plain);
        let mut client = self.open(name, &url);
        client.connected().await;
        client
    }
}

impl Client {
    /// The first event for which `pick` has an answer; the ones before it are gone, but for messages.
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
        for at in 0..self.unread.len() {
            if let Some(found) = pick(&self.unread[at]) {
                self.unread.remove(at);
                return found;
            }
        }
        loop {
            while let Some(event) = self.inbox.pop() {
                let Event::Session(_, event) = event else {
                    continue;
                };
                if let Some(found) = pick(&event) {
                    return found;
                }
                let line: String = format!("{event:?}").chars().take(300).collect();
                self.seen.push(line);
                if matches!(event, SessionEvent::Message(..)) {
                    self.unread.push_back(event);
                }
            }
            let filled = tokio::time::timeout_at(deadline, self.inbox.filled()).await;
            if filled.is_err() {
                let from = self.seen.len().saturating_sub(60);
                panic!(
                    "never happened: {what}\nwhat did:\n{}",
                    self.seen[from..].join("\n")
                );
            }
        }
    }

    #[track_caller]
    pub fn connected(&mut self) -> impl Future<Output = bool> {
        self.next("connected", |event| match event {
            SessionEvent::Link(LinkState::Connected {
                session_present, ..
            }) => Some(*session_present),
            SessionEvent::Link(LinkState::Refused(problem)) => panic!("refused: {problem}"),
            _ => None,
        })
    }

    /// Refused for good.
    #[track_caller]
    pub fn refused(&mut self) -> impl Future<Output = Problem> {
        self.next("a refusal", |event| match event {
            SessionEvent::Link(LinkState::Refused(problem)) => Some(problem.clone()),
            SessionEvent::Link(LinkState::Connected { .. }) => panic!("it was let in"),
            _ => None,
        })
    }

    #[track_caller]
    pub fn reconnecting(&mut self) -> impl Future<Output = Problem> {
        self.next("a lost connection", |event| match event {
            SessionEvent::Link(LinkState::Reconnecting { why, .. }) => Some(why.clone()),
            _ => None,
        })
    }

    pub async fn granted(&mut self, filter: &str) -> Result<Qos, String> {
        let what = format!("the broker's word on {filter}");
        self.find(what, |event| match event {
            SessionEvent::Granted { filter: of, result } if of.as_str() == filter => {
                Some(result.clone())
            }
            _ => None,
        })
        .await
    }

    #[track_caller]
    pub fn message(&mut self) -> impl Future<Output = Message> {
        self.next("a message", |event| match event {
            SessionEvent::Message(message, _) => Some((**message).clone()),
            _ => None,
        })
    }

    pub fn command(&self, command: SessionCommand) {
        assert!(self.station.as_ref().expect("open").command(command));
    }

    pub async fn subscribe(&mut self, filter: &str, qos: Qos) -> Result<Qos, String> {
        self.wish(FilterWish::new(
            TopicFilter::parse(filter).expect("a filter"),
            qos,
        ))
        .await
    }

    pub async fn wish(&mut self, wish: FilterWish) -> Result<Qos, String> {
        let filter = wish.filter.to_string();
        self.command(SessionCommand::Subscribe(wish));
        self.granted(&filter).await
    }

    /// Hands it over; the receipt is another matter.
    pub fn send(&mut self, draft: Draft) -> ReceiptId {
        self.last += 1;
        let id = ReceiptId(self.last);
        self.command(SessionCommand::Publish(id, draft));
        id
    }

    pub async fn publish(&mut self, draft: Draft) -> Result<Delivered, Problem> {
        let wanted = self.send(draft);
        self.next("a receipt", |event| match event {
            SessionEvent::Receipt { id, result } if *id == wanted => Some(result.clone()),
            _ => None,
        })
        .await
    }

    pub async fn close(mut self) {
        self.station.take().expect("open").close().await;
    }
}

pub fn draft(topic: &str, payload: &str, qos: Qos) -> Draft {
    let payload = Bytes::copy_from_slice(payload.as_bytes());
    Draft::new(Topic::parse(topic).expect("a topic"), payload, qos)
}

/// The text of a payload.
pub fn text(message: &Message) -> String {
    String::from_utf8_lossy(&message.payload).into_owned()
}
