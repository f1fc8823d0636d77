//! The terminal: taken at start, given back whatever happens.

use std::io::{self, BufWriter, Stdout, Write, stdout};
use std::sync::atomic::{AtomicBool, Ordering};

use crossterm::cursor::{Hide, Show};
use crossterm::event::{
    DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture,
};
use crossterm::terminal::{
    BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen,
    disable_raw_mode, enable_raw_mode,
};
use crossterm::{execute, queue};
use ratatui::backend::{Backend, CrosstermBackend};
use ratatui::{Frame, Terminal as Ratatui};

use crate::app::event::Size;

/// Whether the screen is ours now; read by the panic hook, which has nothing else at hand.
static TAKEN: AtomicBool = AtomicBool::new(false);

pub struct Terminal {
    inner: Ratatui<CrosstermBackend<BufWriter<Stdout>>>,
    mouse: bool,
    /// Hidden flag `--frame-marks`: each frame ends in a private sequence that tests wait for.
    frame_marks: bool,
}

impl Terminal {
    pub fn take(mouse: bool, frame_marks: bool) -> io::Result<Self> {
        let inner = Ratatui::new(CrosstermBackend::new(BufWriter::with_capacity(
            64 * 1024,
            stdout(),
        )))?;
        let mut terminal = Self {
            inner,
            mouse,
            frame_marks,
        };
        terminal.enter()?;
        Ok(terminal)
    }

    /// Also after a suspension: everything is drawn anew.
    pub fn enter(&mut self) -> io::Result<()> {
        enable_raw_mode()?;
        TAKEN.store(true, Ordering::SeqCst);
        execute!(stdout(), EnterAlternateScreen, EnableBracketedPaste, Hide)?;
        if self.mouse {
            execute!(stdout(), EnableMouseCapture)?;
        }
        // Not `Terminal::clear`: it asks the terminal where its cursor is, and one that does not answer would end us.
        Backend::clear(self.inner.backend_mut())?;
        self.inner.swap_buffers();
        Ok(())
    }

    pub fn size(&self) -> io::Result<Size> {
        let size = self.inner.size()?;
        Ok(Size {
            width: size.width,
            height: size.height,
        })
    }

    /// One frame, inside one synchronized update. `inputs` is how many events it includes.
    pub fn draw(&mut self, inputs: u64, render: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        queue!(self.inner.backend_mut(), BeginSynchronizedUpdate)?;
        self.inner.draw(render)?;
        if self.frame_marks {
            write!(self.inner.backend_mut(), "\x1b]7777;{inputs}\x1b\\")?;
        }
        execute!(self.inner.backend_mut(), EndSynchronizedUpdate)
    }

    /// Bytes that are no picture: a clipboard sequence.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.inner.backend_mut().write_all(bytes)?;
        Write::flush(self.inner.backend_mut())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        restore();
    }
}

/// Give the terminal back. Safe to call at any time, from a panic hook too; does nothing when it is not ours.
pub fn restore() {
    if !TAKEN.swap(false, Ordering::SeqCst) {
        return;
    }
    // Each on its own: one that fails must not keep the next from being tried.
    let _ = execute!(stdout(), EndSynchronizedUpdate);
    let _ = execute!(stdout(), DisableMouseCapture);
    let _ = execute!(stdout(), DisableBracketedPaste, LeaveAlternateScreen, Show);
    let _ = disable_raw_mode();
}
