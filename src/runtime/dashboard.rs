//! The loop: keys first, then what the tasks found out, and a frame when something visible moved.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use crossterm::event::EventStream;
use futures_util::StreamExt as _;
use futures_util::stream::{SelectAll, select_all};

use super::context::Context;
use super::editing::{self, Editing};
use super::effects::{Errand, Hands};
use super::inbox::Inbox;
use super::pacer::Pacer;
use super::signals::{Signal, Signals};
use super::terminal::{self, Terminal};
use super::{keys, logging, signals};
use crate::app::App;
use crate::app::Setup;
use crate::app::effect::Effect;
use crate::app::event::{Event, Outcome, StopReason};
use crate::base::problem::Exit;
use crate::domain::fact::Fact;
use crate::domain::session::{SessionEvent, SessionId};
use crate::ui;
use crate::ui::Theme;

/// Messages waiting for the loop; beyond it the oldest give way to a gap. Bytes.
const INBOX: usize = 32 * 1024 * 1024;
/// Who gives the history little memory wants little taken: a quarter of it, but no less than this. Bytes.
const INBOX_LEAST: usize = 4 * 1024 * 1024;

/// The session that the core opens at the start.
const FIRST: SessionId = SessionId { generation: 1 };

/// At most this many events, and this long, between two looks at the keyboard.
const BATCH: usize = 1024;
const BATCH_TIME: Duration = Duration::from_millis(4);

/// The core with everything around it but the terminal.
pub struct Desk {
    pub app: App,
    pub inbox: Inbox,
    pub hands: Hands,
    context: Arc<Context>,
    errands: Vec<Errand>,
    /// Input events that `app` has seen.
    pub inputs: u64,
}

impl Desk {
    pub fn new(context: &Arc<Context>, setup: Setup) -> Self {
        let inbox = Inbox::for_batches(INBOX.min(setup.memory_limit / 4).max(INBOX_LEAST));
        let hands = Hands::new(Arc::clone(context), inbox.clone());
        let (app, effects) = App::new(setup);
        for warning in context.take_warnings() {
            let notice = SessionEvent::Fact(Fact::Notice(warning));
            inbox.push(Event::Session(FIRST, notice));
        }
        let mut desk = Self {
            app,
            inbox,
            hands,
            context: Arc::clone(context),
            errands: Vec::new(),
            inputs: 0,
        };
        desk.carry_out(effects);
        desk
    }

    pub fn feed(&mut self, event: Event) {
        let effects = self.app.update(self.context.clock.now(), event);
        self.carry_out(effects);
    }

    fn carry_out(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            self.errands.extend(self.hands.carry_out(effect));
        }
    }

    /// What has come in, as much as one batch may hold.
    pub fn drain(&mut self) {
        let begun = self.context.clock.now().mono;
        for _ in 0..BATCH {
            let Some(event) = self.inbox.pop() else {
                return;
            };
            self.feed(event);
            if self.context.clock.now().mono.since(begun) > BATCH_TIME {
                return;
            }
        }
    }

    pub fn run_timers(&mut self) {
        for id in self.hands.due(self.context.clock.now().mono) {
            self.feed(Event::Timer(id));
        }
    }

    /// What memory holds goes to the disk, where the user wants that.
    pub fn shelve_rest(&mut self) {
        let effects = self.app.leave();
        self.carry_out(effects);
    }

    pub fn errands(&mut self) -> Vec<Errand> {
        std::mem::take(&mut self.errands)
    }
}

/// The dashboard until it is left.
pub async fn run(context: &Arc<Context>, mut setup: Setup, theme: &Theme) -> io::Result<Exit> {
    let mut signals = Signals::listen()?;
    let mut terminal = Terminal::take(setup.mouse, context.frame_marks)?;
    setup.size = terminal.size()?;
    let mut desk = Desk::new(context, setup);
    let left = work(context, theme, &mut terminal, &mut signals, &mut desk).await;
    drop(terminal);
    // However it ended: what was typed last is on its way to the disk, and so is what memory holds.
    desk.feed(Event::Stop(StopReason::TerminalGone));
    desk.shelve_rest();
    desk.hands.leave().await;
    left
}

/// Asked only when it has something to say: each look into crossterm's own lock, which its reader holds, spins for a while.
fn keyboard() -> SelectAll<EventStream> {
    select_all([EventStream::new()])
}

/// Until it is left, or the terminal fails.
async fn work(
    context: &Arc<Context>,
    theme: &Theme,
    terminal: &mut Terminal,
    signals: &mut Signals,
    desk: &mut Desk,
) -> io::Result<Exit> {
    let mut input = keyboard();
    let mut pacer = Pacer::default();
    loop {
        if logging::has_crashed() {
            // The terminal is given back already: not another frame.
            return Ok(Exit::Failed);
        }
        let now = context.clock.now();
        let due = pacer.due(desk.app.revision(), now.mono);
        let wake = due.into_iter().chain(desk.hands.next_timer()).min();
        if due.is_some_and(|at| at <= now.mono) {
            if !pacer.hurries() {
                // What came since the loop went to rest.
                desk.drain();
            }
            let revision = desk.app.revision();
            let screen = desk.app.picture(now);
            let inputs = desk.inputs;
            if terminal
                .draw(screen.size, inputs, |frame| ui::view(&screen, theme, frame))
                .is_err()
            {
                return Ok(Exit::Done);
            }
            pacer.drew(revision, now.mono, context.clock.now().mono);
        } else {
            tokio::select! {
              biased;
              event = input.next() => match event {
                  Some(Ok(event)) => {
                      if let Some(event) = keys::translate(event) {
                          desk.inputs += 1;
                          pacer.hurry();
                          if matches!(event, Event::Resize(_)) {
                              terminal.forget();
                              pacer.forget();
                          }
                          desk.feed(event);
                      }
                  }
                  Some(Err(_)) | None => desk.feed(Event::Stop(StopReason::TerminalGone)),
              },
              signal = signals.next() => match signal {
                  Signal::Stop | Signal::Interrupt => desk.feed(Event::Stop(StopReason::Signal)),
                  Signal::Suspend => suspend(terminal, desk, &mut pacer, signals, false)?,
                  Signal::Continued => {
                      terminal.enter()?;
                      pacer.forget();
                  }
                  Signal::Resized => {
                      let size = terminal.size()?;
                      desk.feed(Event::Resize(size));
                      terminal.forget();
                      pacer.forget();
                  }
              },
              () = until(context, wake) => desk.run_timers(),
              // Until a frame is due, messages wait for it.
              () = desk.inbox.filled_much(), if due.is_some() => desk.drain(),
              () = desk.inbox.filled(), if due.is_none() => desk.drain(),
            }
        }
        let mut quit = false;
        // An errand may bring another one: who is told to stop while the editor is open stops after it.
        let mut errands = VecDeque::from(desk.errands());
        while let Some(errand) = errands.pop_front() {
            match errand {
                Errand::Quit => quit = true,
                Errand::Suspend => {
                    suspend(terminal, desk, &mut pacer, signals, true)?;
                }
                Errand::Send(bytes) => terminal.send(&bytes)?,
                Errand::Edit(editing) => {
                    // Whoever reads keys ahead would take them from the editor.
                    input = keyboard();
                    edit(terminal, desk, signals, editing).await?;
                    pacer.forget();
                }
            }
            errands.extend(desk.errands());
        }
        if quit && !logging::has_crashed() {
            return Ok(Exit::Done);
        }
    }
}

/// Gives the terminal to the user's editor and takes it again. The stream goes on meanwhile.
async fn edit(
    terminal: &mut Terminal,
    desk: &mut Desk,
    signals: &mut Signals,
    editing: Editing,
) -> io::Result<()> {
    terminal::restore();
    let id = editing.id;
    let outcome = match editing::Open::start(&desk.context.environment, &editing) {
        Ok(mut open) => {
            attend(&mut open, desk, signals).await?;
            open.outcome().await
        }
        Err(problem) => Err(problem),
    };
    terminal.enter()?;
    let size = terminal.size()?;
    desk.feed(Event::Resize(size));
    desk.feed(Event::Done(
        id,
        outcome.map(|text| Outcome::Edited { text }),
    ));
    Ok(())
}

/// Until the editor is closed.
async fn attend(
    open: &mut editing::Open,
    desk: &mut Desk,
    signals: &mut Signals,
) -> io::Result<()> {
    let context = Arc::clone(&desk.context);
    loop {
        tokio::select! {
            biased;
            () = open.ended() => return Ok(()),
            signal = signals.next() => match signal {
                Signal::Stop => {
                    open.stop();
                    desk.feed(Event::Stop(StopReason::Signal));
                }
                // The editor has stopped and given the terminal back; so do we, and go on with it.
                Signal::Suspend => {
                    signals::stop_here(false)?;
                    signals.resumed();
                }
                Signal::Interrupt | Signal::Continued | Signal::Resized => {}
            },
            () = until(&context, desk.hands.next_timer()) => desk.run_timers(),
            () = desk.inbox.filled() => desk.drain(),
        }
    }
}

async fn until(context: &Context, wake: Option<crate::base::moment::Mono>) {
    match wake {
        Some(at) => tokio::time::sleep_until(context.clock.instant(at)).await,
        None => std::future::pending().await,
    }
}

/// Gives the terminal back, stops, and takes it again when somebody says `fg`.
fn suspend(
    terminal: &mut Terminal,
    desk: &mut Desk,
    pacer: &mut Pacer,
    signals: &mut Signals,
    by_key: bool,
) -> io::Result<()> {
    terminal::restore();
    signals::stop_here(by_key)?;
    signals.resumed();
    terminal.enter()?;
    let size = terminal.size()?;
    desk.feed(Event::Resize(size));
    pacer.forget();
    Ok(())
}
