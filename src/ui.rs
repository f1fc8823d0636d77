//! The picture: a pure function from [`Screen`] to cells.
//!
//! The core says *what* is visible and where, this layer *how* it looks. It keeps nothing between two frames and does no
//! work beyond the visible cells. Everything is drawn through [`canvas::Canvas`], which lets nothing through that a
//! terminal would obey, and every style comes from [`Theme`].

mod canvas;
mod footer;
mod header;
mod overlay;
mod palette;
mod pane;
pub mod picture;
mod signs;
mod theme;
mod theme_file;
mod widget;

use ratatui::Frame;
use ratatui::layout::{Alignment, Rect};

pub use self::signs::Signs;
pub use self::theme::{ColourDepth, Theme};
use crate::app::screen::{Area, Role, Screen};
use crate::base::text::SafeText;
use canvas::Canvas;

/// Draws the whole frame. Areas that reach beyond the frame are clipped.
pub fn view(screen: &Screen, theme: &Theme, frame: &mut Frame<'_>) {
    let mut canvas = Canvas::new(frame.buffer_mut(), theme);
    draw(screen, &mut canvas);
    if let Some(caret) = canvas.caret() {
        frame.set_cursor_position(caret);
    }
}

fn draw(screen: &Screen, canvas: &mut Canvas<'_>) {
    let whole = canvas.area();
    if screen.too_small {
        too_small(screen, canvas);
        return;
    }
    let (header, footer) = edges(screen, whole);
    header::draw(&screen.header, header, canvas);
    for pane in &screen.panes {
        pane::draw(pane, canvas);
    }
    footer::draw(&screen.footer, footer, canvas);
    if !screen.overlays.is_empty() {
        let between = Rect {
            y: header.bottom(),
            height: footer.y.saturating_sub(header.bottom()),
            ..whole
        };
        canvas.recede(between);
    }
    for overlay in &screen.overlays {
        canvas.forget_caret();
        overlay::draw(overlay, canvas);
    }
}

/// What the panes leave free above and below them.
fn edges(screen: &Screen, whole: Rect) -> (Rect, Rect) {
    let areas = || screen.panes.iter().map(|pane| clip(pane.area, whole));
    let hint = u16::from(screen.header.hint.is_some());
    let top = areas().map(|area| area.y).min().unwrap_or(1 + hint);
    let last = whole.bottom().saturating_sub(1);
    let bottom = areas().map(Rect::bottom).max().unwrap_or(last).min(last);
    let top = top.min(bottom);
    let header = Rect {
        height: top - whole.y,
        ..whole
    };
    let footer = Rect {
        y: bottom,
        height: whole.bottom() - bottom,
        ..whole
    };
    (header, footer)
}

fn too_small(screen: &Screen, canvas: &mut Canvas<'_>) {
    let whole = canvas.area();
    let size = format!("{}x{}", screen.size.width, screen.size.height);
    let lines = [
        (SafeText::from("too small"), Role::Warn),
        (SafeText::from(size), Role::Normal),
        (SafeText::from("needs 40x10"), Role::Dim),
    ];
    let count = u16::try_from(lines.len()).unwrap_or(u16::MAX);
    let first = whole.y + whole.height.saturating_sub(count) / 2;
    for (y, (text, role)) in (first..whole.bottom()).zip(&lines) {
        let row = Rect {
            y,
            height: 1,
            ..whole
        };
        let style = canvas.theme().role(*role);
        canvas.aligned(row, text.as_str(), style, Alignment::Center);
    }
}

/// The part of `area` that lies in `frame`.
fn clip(area: Area, frame: Rect) -> Rect {
    let left = area.x.clamp(frame.x, frame.right());
    let top = area.y.clamp(frame.y, frame.bottom());
    let right = area.x.saturating_add(area.width).clamp(left, frame.right());
    let bottom = area
        .y
        .saturating_add(area.height)
        .clamp(top, frame.bottom());
    Rect::new(left, top, right - left, bottom - top)
}
