//! Signals as events. Ctrl-C comes as a key while the terminal is ours.

use std::io;

use tokio::signal::unix::{Signal as Unix, SignalKind, signal};
use tokio::time::{Duration, Instant};

/// How long the echo of our own SIGTSTP may take.
const ECHO: Duration = Duration::from_millis(250);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// SIGTERM, SIGHUP.
    Stop,
    /// SIGINT: of no meaning while an editor has the terminal, else a stop.
    Interrupt,
    /// SIGTSTP from outside.
    Suspend,
    /// SIGCONT after a SIGSTOP that we could not see.
    Continued,
    /// The terminal has another size now. crossterm tells it, too, but loses it when a key comes at the same moment.
    Resized,
}

pub struct Signals {
    terminate: Unix,
    hang_up: Unix,
    interrupt: Unix,
    suspend: Unix,
    resume: Unix,
    resize: Unix,
    /// A SIGTSTP that we sent our own group may reach us after we went on; until then it is no new wish.
    deaf_until: Option<Instant>,
}

impl Signals {
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
            suspend: signal(SignalKind::from_raw(signal_hook::consts::SIGTSTP))?,
            resume: signal(SignalKind::from_raw(signal_hook::consts::SIGCONT))?,
            resize: signal(SignalKind::window_change())?,
            deaf_until: None,
        })
    }

    pub async fn next(&mut self) -> Signal {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return Signal::Stop,
                _ = self.hang_up.recv() => return Signal::Stop,
                _ = self.interrupt.recv() => return Signal::Interrupt,
                _ = self.suspend.recv() => {
                    if self.deaf_until.is_none_or(|until| Instant::now() >= until) {
                        return Signal::Suspend;
                    }
                }
                _ = self.resume.recv() => return Signal::Continued,
                _ = self.resize.recv() => return Signal::Resized,
            }
        }
    }

    /// We went on after a stop: the SIGTSTP that stopped us is spent.
    pub fn resumed(&mut self) {
        self.deaf_until = Some(Instant::now() + ECHO);
    }
}

/// Stops this process until SIGCONT. By key, the whole foreground group stops (as with `cargo run`), so that the shell gets its
/// prompt back.
pub fn stop_here(by_key: bool) -> io::Result<()> {
    if by_key {
        // Fails where there is no group to stop; then only we stop.
        let _ = rustix::process::kill_current_process_group(rustix::process::Signal::TSTP);
    }
    signal_hook::low_level::raise(signal_hook::consts::SIGSTOP)
}
