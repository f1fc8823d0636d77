//! One open profile: its adapter, its port, and the task that runs its session.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use super::context::Context;
use super::inbox::Inbox;
use super::io::{GREETING, Receipts, RuntimeIo};
use super::probe;
use crate::app::event::Event;
use crate::base::problem::Problem;
use crate::domain::fact::Fact;
use crate::domain::message::Draft;
use crate::domain::profile::{Profile, Settings};
use crate::domain::request::{Reply, Request};
use crate::domain::session::{LinkState, SessionCommand, SessionEvent, SessionId};
use crate::domain::subscription::FilterWish;
use crate::platform::{Pending, Platform};
use crate::session::driver::{Driver, Heard, Post};

/// Commands on their way to a session. A full queue is an answer ("the session is busy"), not a wait.
const COMMANDS: usize = 1024;

/// A session says DISCONNECT and ends within this, whatever the network does.
const FAREWELL: Duration = Duration::from_millis(800);

/// How a profile is opened.
#[derive(Debug, Clone, Default)]
pub struct How {
    /// The reader acknowledges when it has used a message.
    pub manual_ack: bool,
    /// Filters besides the platform's and the profile's.
    pub filters: Vec<FilterWish>,
    /// The profile's own are left out.
    pub bare: bool,
}

pub struct Station {
    pub id: SessionId,
    commands: mpsc::Sender<SessionCommand>,
    opening: watch::Receiver<Opening>,
    /// Taken when the stream begins; until then only requests are answered.
    begin: Option<oneshot::Sender<How>>,
    task: JoinHandle<()>,
}

#[derive(Clone)]
enum Opening {
    Underway,
    Ready(Arc<Live>),
    Failed(Problem),
}

/// An opened profile: what requests are made with.
pub struct Live {
    pub profile: Profile,
    pub platform: Arc<dyn Platform>,
    pub io: Arc<RuntimeIo>,
}

impl Live {
    pub async fn request(&self, what: Request) -> Result<Reply, Problem> {
        // A broker answers nothing but a connection, and connections are not the adapter's.
        let is_tried_so = matches!(
            self.profile.settings,
            Settings::Mqtt(_) | Settings::Aws(_) | Settings::Google(_) | Settings::Huawei(_)
        );
        if is_tried_so && what == Request::Probe {
            return probe::connect(Arc::clone(&self.platform), self.io.clone()).await;
        }
        self.platform.request(&*self.io, what).await
    }
}

/// Where a session's events go: into the inbox, except the receipts of the adapter's own publishes.
pub struct Outlet {
    pub inbox: Inbox,
    pub id: SessionId,
    pub receipts: Arc<Receipts>,
    /// What the profile wants said at each connection, and the way to say it.
    pub greeting: OnceLock<(mpsc::Sender<SessionCommand>, Draft)>,
}

impl Outlet {
    fn greet(&self) {
        if let Some((commands, draft)) = self.greeting.get() {
            let command = SessionCommand::Publish(GREETING, draft.clone());
            // A session with more than a thousand commands ahead has more to say than that it is there.
            let _busy = commands.try_send(command);
        }
    }
}

impl Post for Outlet {
    fn post(&self, event: SessionEvent) {
        if let SessionEvent::Receipt {
            id: GREETING,
            result: Err(problem),
        } = &event
        {
            let notice = Fact::Notice(problem.clone());
            self.inbox
                .push(Event::Session(self.id, SessionEvent::Fact(notice)));
        }
        if matches!(event, SessionEvent::Link(LinkState::Connected { .. })) {
            self.greet();
        }
        if let SessionEvent::Receipt { id, result } = &event
            && self.receipts.settle(*id, result)
        {
            return;
        }
        self.receipts.taps.pass(&event);
        if let SessionEvent::Log(line) = &event {
            super::logging::tap(line);
        }
        self.inbox.push(Event::Session(self.id, event));
    }

    fn takes_batches(&self) -> bool {
        self.inbox.takes_batches()
    }

    fn is_crowded(&self) -> bool {
        self.inbox.is_crowded()
    }

    fn room(&self) -> Pending<'_, ()> {
        Box::pin(self.inbox.room())
    }
}

impl Station {
    /// At once, by name; what comes of it reaches the inbox. Requests are answered; the stream begins with [`Self::stream`].
    pub fn open(context: &Arc<Context>, id: SessionId, profile: &str, inbox: &Inbox) -> Self {
        let (shared, name) = (Arc::clone(context), profile.to_owned());
        Self::open_with(
            context,
            id,
            async move { shared.profile(&name).await },
            inbox,
        )
    }

    /// The same with a profile at hand.
    pub fn open_profile(
        context: &Arc<Context>,
        id: SessionId,
        profile: Option<Profile>,
        inbox: &Inbox,
    ) -> Self {
        let none = || {
            Problem::new(
                "nothing was asked",
                "no profile is chosen",
                "name one with -p",
            )
        };
        Self::open_with(context, id, async move { profile.ok_or_else(none) }, inbox)
    }

    fn open_with(
        context: &Arc<Context>,
        id: SessionId,
        profile: impl Future<Output = Result<Profile, Problem>> + Send + 'static,
        inbox: &Inbox,
    ) -> Self {
        let (commands, orders) = mpsc::channel(COMMANDS);
        let (tell, opening) = watch::channel(Opening::Underway);
        let (begin, beginning) = oneshot::channel();
        let receipts = Arc::new(Receipts::default());
        let outlet = Arc::new(Outlet {
            inbox: inbox.clone(),
            id,
            receipts: Arc::clone(&receipts),
            greeting: OnceLock::new(),
        });
        let (context, sender) = (Arc::clone(context), commands.clone());
        let say = commands.clone();
        let task = tokio::spawn(async move {
            let heard = Arc::new(Heard::default());
            let opened = match profile.await {
                Ok(profile) => {
                    let heard = Arc::clone(&heard);
                    context
                        .live(profile, sender, heard, receipts, outlet.clone())
                        .await
                }
                Err(problem) => Err(problem),
            };
            match opened {
                Ok(live) => {
                    let live = Arc::new(live);
                    if let Some(draft) = live.profile.common.on_connect.clone() {
                        let _once = outlet.greeting.set((say, draft));
                    }
                    tell.send_replace(Opening::Ready(Arc::clone(&live)));
                    run(&live, orders, beginning, heard, outlet).await;
                }
                Err(problem) => {
                    tell.send_replace(Opening::Failed(problem.clone()));
                    outlet.post(SessionEvent::Link(LinkState::Refused(problem)));
                }
            }
        });
        Self {
            id,
            commands,
            opening,
            begin: Some(begin),
            task,
        }
    }

    /// Connect to MQTT. Once; a second call does nothing.
    pub fn stream(&mut self, how: How) {
        if let Some(begin) = self.begin.take() {
            // Nobody listens when the profile could not be opened: said already.
            let _ = begin.send(how);
        }
    }

    /// The opened profile, once it is.
    pub async fn live(&self) -> Result<Arc<Live>, Problem> {
        ready(self.opening.clone()).await
    }

    /// A request that outlives the borrow of the station.
    pub fn request(
        &self,
        what: Request,
    ) -> impl Future<Output = Result<Reply, Problem>> + Send + use<> {
        let opening = self.opening.clone();
        async move { ready(opening).await?.request(what).await }
    }

    /// `false` when the session is busy or gone.
    pub fn command(&self, command: SessionCommand) -> bool {
        self.commands.try_send(command).is_ok()
    }

    /// Waits for room. Does nothing when the session is gone.
    pub async fn send(&self, command: SessionCommand) {
        let _gone = self.commands.send(command).await;
    }

    /// DISCONNECT and wait, but never long.
    pub async fn close(mut self) {
        self.take_leave();
        let _ = self.commands.try_send(SessionCommand::Close);
        if tokio::time::timeout(FAREWELL, &mut self.task)
            .await
            .is_err()
        {
            self.task.abort();
        }
    }
}

impl Station {
    /// A clean DISCONNECT sends no will: the profile's own word goes before it, on the same connection.
    fn take_leave(&self) {
        let Opening::Ready(live) = &*self.opening.borrow() else {
            return;
        };
        if let Some(draft) = live.profile.common.on_disconnect.clone()
            && live.io.receipts.taps.is_up()
        {
            let command = SessionCommand::Publish(GREETING, draft);
            let _busy = self.commands.try_send(command);
        }
    }
}

async fn ready(mut opening: watch::Receiver<Opening>) -> Result<Arc<Live>, Problem> {
    let closed = || Problem::new("the profile is closed", "", "");
    let now = opening
        .wait_for(|o| !matches!(o, Opening::Underway))
        .await
        .map_err(|_gone| closed())?
        .clone();
    match now {
        Opening::Ready(live) => Ok(live),
        Opening::Failed(problem) => Err(problem),
        Opening::Underway => Err(closed()),
    }
}

async fn run(
    live: &Arc<Live>,
    mut orders: mpsc::Receiver<SessionCommand>,
    mut begun: oneshot::Receiver<How>,
    heard: Arc<Heard>,
    outlet: Arc<Outlet>,
) {
    let how = loop {
        tokio::select! {
            biased;
            how = &mut begun => match how {
                Ok(how) => break how,
                Err(_dropped) => return,
            },
            order = orders.recv() => if matches!(order, None | Some(SessionCommand::Close)) {
                return;
            },
        }
    };
    let mut filters = Vec::new();
    if !how.bare {
        filters.clone_from(&live.profile.common.topics);
    }
    filters.extend(how.filters);
    let driver = Driver {
        platform: Arc::clone(&live.platform),
        io: live.io.clone(),
        post: outlet,
        commands: orders,
        extra_filters: filters,
        manual_ack: how.manual_ack,
        heard,
    };
    driver.run().await;
}
