//! The task of one session: runs the machine, its link and the platform's rituals side by side, and never waits for
//! whoever listens.

use std::collections::HashMap;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

pub use super::heard::Heard;
use super::link::{Arrival, Link, LinkEvent, Opening, Order, Ticket};
use super::machine::{Action, Input, Machine};
use crate::base::moment::Mono;
use crate::base::problem::Problem;
use crate::domain::message::{AckToken, Direction, Message};
use crate::domain::session::{LogLevel, LogLine, LogSource, SessionCommand, SessionEvent};
use crate::domain::subscription::FilterWish;
use crate::domain::topic::Topic;
use crate::platform::io::Io;
use crate::platform::plan::ConnectPlan;
use crate::platform::{Leave, Pending, Platform, Verdict};

/// Where a session's events go. [`Post::post`] never waits.
pub trait Post: Send + Sync {
    fn post(&self, event: SessionEvent);

    /// Whether messages may come as [`SessionEvent::Messages`].
    fn takes_batches(&self) -> bool {
        false
    }

    /// Whether so much waits that [`Post::room`] is worth a pause.
    fn is_crowded(&self) -> bool {
        false
    }

    /// Until whoever listens has caught up; not for one who does not listen. In a flood the socket pushes back for these
    /// moments, and nothing has to be dropped here.
    fn room(&self) -> Pending<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}

/// Everything one session needs. Dropping `commands`' sender closes the session like [`SessionCommand::Close`].
pub struct Driver {
    pub platform: Arc<dyn Platform>,
    pub io: Arc<dyn Io>,
    pub post: Arc<dyn Post>,
    pub commands: mpsc::Receiver<SessionCommand>,
    /// The profile's own filters, wanted besides the plan's.
    pub extra_filters: Vec<FilterWish>,
    /// Acknowledge QoS 1 and 2 only when told by [`SessionCommand::Ack`].
    pub manual_ack: bool,
    pub heard: Arc<Heard>,
}

/// Events of one read that are taken in a row.
const BURST: usize = 128;

/// The socket is not read for so long at a time while whoever listens catches up.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// What was received is heard before a deadline, but no flood holds a deadline back for longer than this.
const LATE: Duration = Duration::from_millis(100);

/// The connection of the moment: being prepared, or there.
enum Line {
    None,
    Opening(Pending<'static, Result<Link, super::end::End>>),
    Open(Box<Link>),
}

/// One question to the platform at a time.
enum Asked<'a> {
    Nothing,
    Plan(Pending<'a, Result<ConnectPlan, Problem>>),
    Judge(Pending<'a, Verdict>),
}

impl Driver {
    /// Runs until it is closed: at most 500 ms longer than that.
    pub async fn run(mut self) {
        let platform = Arc::clone(&self.platform);
        let io = Arc::clone(&self.io);
        let extra_filters = std::mem::take(&mut self.extra_filters);
        let mut running = Running {
            platform: &*platform,
            io: &*io,
            post: &*self.post,
            heard: &self.heard,
            manual_ack: self.manual_ack,
            line: Line::None,
            asked: Asked::Nothing,
            attend: None,
            over: false,
            on_their_way: HashMap::new(),
        };
        let lawful = |wish: &FilterWish| running.allows(wish);
        let extra_filters = extra_filters.into_iter().filter(lawful).collect();
        let mut machine = Machine::new(extra_filters, self.manual_ack)
            .guided_by(Arc::clone(&platform))
            .holding_publishes(platform.holds_publishes());
        machine.handle(io.now(), io.roll(), Input::Start);
        running.obey(&mut machine);
        let mut listening = true;
        while !running.over {
            let wake = sleep_until(&*io, machine.wake());
            let input = if is_late(io.now().mono, machine.wake()) {
                Input::Tick
            } else {
                tokio::select! {
                    command = self.commands.recv(), if listening => {
                        listening = command.is_some();
                        let command = command.unwrap_or(SessionCommand::Close);
                        let Some(command) = running.lawful(command) else {
                            continue;
                        };
                        Input::Command(command)
                    }
                    input = running.next_before(wake) => input,
                }
            };
            machine.handle(io.now(), io.roll(), input);
            running.obey(&mut machine);
            running.burst(&mut machine);
            let pause = tokio::time::sleep(LONGEST_PAUSE);
            tokio::pin!(pause);
            // Commands are obeyed meanwhile, and a reader that is slow for long must not cost the pings.
            while running.post.is_crowded() && !machine.is_leaving() && !running.over {
                let command = tokio::select! {
                    () = running.post.room() => break,
                    () = &mut pause => break,
                    command = self.commands.recv(), if listening => command,
                };
                listening = command.is_some();
                let command = command.unwrap_or(SessionCommand::Close);
                let Some(command) = running.lawful(command) else {
                    continue;
                };
                machine.handle(io.now(), io.roll(), Input::Command(command));
                running.obey(&mut machine);
            }
        }
    }
}

struct Running<'a> {
    platform: &'a dyn Platform,
    io: &'a dyn Io,
    post: &'a dyn Post,
    heard: &'a Heard,
    manual_ack: bool,
    line: Line,
    asked: Asked<'a>,
    attend: Option<Pending<'a, Leave>>,
    over: bool,
    /// Packet ids of publishes that the broker has not answered.
    on_their_way: HashMap<Ticket, u16>,
}

impl<'a> Running<'a> {
    /// The command, unless the cloud's own rules forbid it: then that is said at once, and nothing reaches the wire.
    fn lawful(&self, command: SessionCommand) -> Option<SessionCommand> {
        match &command {
            SessionCommand::Publish(id, draft) | SessionCommand::PublishFirst(id, draft) => {
                let checked = self.platform.check_publish(draft, self.io.now().mono);
                let Err(problem) = checked else {
                    return Some(command);
                };
                self.post.post(SessionEvent::Receipt {
                    id: *id,
                    result: Err(problem),
                });
                None
            }
            SessionCommand::Subscribe(wish) => self.allows(wish).then_some(command),
            SessionCommand::Unsubscribe(filter) => {
                self.platform.filter_gone(filter);
                Some(command)
            }
            _ => Some(command),
        }
    }

    fn allows(&self, wish: &FilterWish) -> bool {
        if self.platform.defers(wish) {
            return false;
        }
        let Err(problem) = self.platform.check_filter(wish) else {
            return true;
        };
        self.post.post(SessionEvent::Granted {
            filter: wish.filter.clone(),
            result: Err(format!("{}: {}", problem.what, problem.cause)),
        });
        false
    }

    /// What was received is acknowledged already, so it is heard before a deadline leaves the connection.
    async fn next_before(&mut self, wake: impl Future<Output = ()>) -> Input {
        tokio::select! {
            biased;
            input = self.next() => input,
            () = wake => Input::Tick,
        }
    }

    /// Whatever comes first of connection, platform and ritual. Safe to cancel: each keeps its place.
    async fn next(&mut self) -> Input {
        tokio::select! {
            event = next_event(&mut self.line, self.heard, self.io) => {
                answered(&mut self.on_their_way, self.platform, &event);
                Input::Link(event)
            }
            input = answer(&mut self.asked) => input,
            leave = ended(&mut self.attend) => Input::Left(leave),
        }
    }

    /// What came in the same read, without a round of everything else for each message. Not all of it: commands wait.
    fn burst(&mut self, machine: &mut Machine) {
        for _ in 0..BURST {
            let Line::Open(link) = &mut self.line else {
                return;
            };
            let Some(event) = link.at_hand() else {
                return;
            };
            mark(&event, self.heard, self.io);
            answered(&mut self.on_their_way, self.platform, &event);
            machine.handle(self.io.now(), self.io.roll(), Input::Link(event));
            self.obey(machine);
        }
    }

    fn obey(&mut self, machine: &mut Machine) {
        while let Some(action) = machine.next_action() {
            self.act(action);
        }
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Plan => self.asked = Asked::Plan(self.platform.plan(self.io)),
            Action::Open { plan, endpoint } => self.open(plan, endpoint),
            Action::Send(order) => {
                if let Line::Open(link) = &mut self.line {
                    if let Order::Publish {
                        ticket,
                        draft,
                        packet,
                        ..
                    } = &order
                        && *packet != 0
                    {
                        self.on_their_way.insert(*ticket, *packet);
                        self.platform.sent(draft, *packet, self.io.now());
                    }
                    link.send(order);
                }
            }
            Action::Attend => self.attend = Some(self.platform.attend(self.io)),
            Action::Abandon => {
                self.line = Line::None;
                self.on_their_way.clear();
                self.attend = None;
            }
            Action::Judge(problem) => self.asked = Asked::Judge(self.judge(problem)),
            Action::Deliver {
                arrival,
                ack,
                session,
            } => self.deliver(arrival, ack, session),
            Action::DeliverAll(mut batch) => {
                batch.at = self.io.now().wall;
                self.post.post(SessionEvent::Messages(batch));
            }
            Action::Post(event) => {
                if let SessionEvent::Granted { filter, result } = &event {
                    self.platform.filter_answered(filter, result.is_ok());
                }
                self.post.post(event);
            }
            Action::Log(level, text) => self.log(level, text),
            Action::End => {
                self.asked = Asked::Nothing;
                self.over = true;
            }
        }
    }

    fn open(&mut self, plan: Arc<ConnectPlan>, endpoint: usize) {
        let Some(endpoint) = plan.endpoints.get(endpoint).cloned() else {
            return;
        };
        let manual_ack = self.manual_ack;
        let opening = Opening {
            plan,
            endpoint,
            manual_ack,
        };
        let in_batches = !manual_ack && !self.platform.interprets() && self.post.takes_batches();
        self.line = Line::Opening(Box::pin(async move {
            let mut link = Link::open(opening).await?;
            if in_batches {
                link.take_in_batches();
            }
            Ok(link)
        }));
    }

    fn judge(&self, problem: Problem) -> Pending<'a, Verdict> {
        let (platform, io) = (self.platform, self.io);
        Box::pin(async move { platform.refused(io, &problem).await })
    }

    fn deliver(&self, arrival: Arrival, ack: Option<AckToken>, session: bool) {
        let message = Message {
            at: self.io.now().wall,
            direction: Direction::In,
            topic: Topic::received(&arrival.topic),
            payload: arrival.payload,
            qos: arrival.qos,
            retain: arrival.retain,
            dup: arrival.dup,
            ack,
            properties: arrival.properties,
            session,
        };
        let reading = self.platform.interpret(&message);
        self.post
            .post(SessionEvent::Message(Box::new(message), reading));
    }

    fn log(&self, level: LogLevel, text: String) {
        self.post.post(SessionEvent::Log(LogLine {
            at: self.io.now().wall,
            source: LogSource::Mqtt,
            level,
            text,
        }));
    }
}

async fn next_event(line: &mut Line, heard: &Heard, io: &dyn Io) -> LinkEvent {
    if let Line::Opening(opening) = line {
        match opening.await {
            Ok(opened) => *line = Line::Open(Box::new(opened)),
            Err(end) => {
                *line = Line::None;
                return LinkEvent::Closed(end);
            }
        }
    }
    let Line::Open(open) = line else {
        return pending().await;
    };
    let event = open.next().await;
    mark(&event, heard, io);
    event
}

/// Tells the adapter which of all publishes the broker has acknowledged.
fn answered(on_their_way: &mut HashMap<Ticket, u16>, platform: &dyn Platform, event: &LinkEvent) {
    if let LinkEvent::Published { ticket, result } = event
        && let Some(packet) = on_their_way.remove(ticket)
        && result.is_ok()
    {
        platform.acknowledged(packet);
    }
}

fn mark(event: &LinkEvent, heard: &Heard, io: &dyn Io) {
    if matches!(
        event,
        LinkEvent::Up(_)
            | LinkEvent::Message(_)
            | LinkEvent::Messages(_)
            | LinkEvent::Skipped { .. }
    ) {
        heard.mark(io.now().mono);
    }
}

async fn answer(asked: &mut Asked<'_>) -> Input {
    let input = match asked {
        Asked::Nothing => pending().await,
        Asked::Plan(plan) => Input::Planned(plan.await),
        Asked::Judge(verdict) => Input::Judged(verdict.await),
    };
    *asked = Asked::Nothing;
    input
}

async fn ended(attend: &mut Option<Pending<'_, Leave>>) -> Leave {
    let leave = match attend {
        None => pending().await,
        Some(attend) => attend.await,
    };
    *attend = None;
    leave
}

fn is_late(now: Mono, wake: Option<Mono>) -> bool {
    wake.is_some_and(|at| now.since(at) > LATE)
}

async fn sleep_until(io: &dyn Io, at: Option<Mono>) {
    match at {
        None => pending().await,
        Some(at) => io.sleep(at.since(io.now().mono)).await,
    }
}
