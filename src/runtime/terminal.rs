//! The terminal: taken at start, given back whatever happens.

use std::cell::RefCell;
use std::io::{self, Write, stdout};
use std::rc::Rc;
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
use ratatui::layout::Rect;
use ratatui::{Frame, Terminal as Ratatui, TerminalOptions, Viewport};

use crate::app::event::Size;

/// Whether the screen is ours now; read by the panic hook, which has nothing else at hand.
static TAKEN: AtomicBool = AtomicBool::new(false);

pub struct Terminal {
    inner: Ratatui<CrosstermBackend<Page>>,
    page: Page,
    /// Of the last frame. Not asked of the system for each: that opens the terminal's device anew every time.
    size: Size,
    mouse: bool,
    /// Hidden flag `--frame-marks`: each frame ends in a private sequence that tests wait for.
    frame_marks: bool,
}

/// The bytes of one frame. They go out at once, in one write: whatever draws flushes as it likes.
#[derive(Clone, Default)]
struct Page {
    bytes: Rc<RefCell<Vec<u8>>>,
}

impl Page {
    fn send(&self) -> io::Result<()> {
        let mut bytes = self.bytes.borrow_mut();
        let mut out = stdout().lock();
        out.write_all(&bytes)?;
        bytes.clear();
        out.flush()
    }
}

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Terminal {
    pub fn take(mouse: bool, frame_marks: bool) -> io::Result<Self> {
        let page = Page::default();
        let backend = CrosstermBackend::new(page.clone());
        let viewport = Viewport::Fixed(Rect::default());
        let inner = Ratatui::with_options(backend, TerminalOptions { viewport })?;
        let mut terminal = Self {
            inner,
            page,
            size: Size::default(),
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
        self.page.send()?;
        self.inner.swap_buffers();
        Ok(())
    }

    /// As the system says now.
    pub fn size(&self) -> io::Result<Size> {
        let size = self.inner.size()?;
        Ok(Size {
            width: size.width,
            height: size.height,
        })
    }

    /// One frame of that size, inside one synchronized update. `inputs` is how many events it includes.
    pub fn draw(
        &mut self,
        size: Size,
        inputs: u64,
        render: impl FnOnce(&mut Frame<'_>),
    ) -> io::Result<()> {
        queue!(self.page, BeginSynchronizedUpdate)?;
        if size != self.size {
            let area = Rect::new(0, 0, size.width, size.height);
            self.inner.resize(area)?;
            self.size = size;
        }
        self.inner.draw(render)?;
        if self.frame_marks {
            write!(self.page, "\x1b]7777;{inputs}\x1b\\")?;
        }
        queue!(self.page, EndSynchronizedUpdate)?;
        self.page.send()
    }

    /// The window was pulled about: nobody knows what is left on it, also where it is as large as before by now.
    pub fn forget(&mut self) {
        self.size = Size::default();
    }

    /// Bytes that are no picture: a clipboard sequence.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.page.write_all(bytes)?;
        self.page.send()
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
