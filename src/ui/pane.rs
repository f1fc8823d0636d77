//! A pane: its frame with title, note, filter and scroll bar, and inside it the body.

pub(super) mod compose;
mod devices;
mod filters;
mod inspector;
mod messages;
mod publish;
mod subscriptions;
mod topics;

use ratatui::layout::Rect;
use ratatui::style::Style;

use super::canvas::{Canvas, cells};
use super::clip;
use super::widget::{field, scroll, wrap};
use crate::app::screen::{Body, FilterLine, Line, PaneId, PaneView, Role, Scroll, Span};

pub fn draw(pane: &PaneView, canvas: &mut Canvas<'_>) {
    let area = clip(pane.area, canvas.area());
    if area.width < 2 || area.height < 2 {
        return;
    }
    let focused = pane.focused;
    outline(canvas, area, canvas.theme().frame(focused), focused);
    title(pane, area, canvas);
    lower_line(pane, area, canvas);
    bar(canvas, area, pane.scroll, focused);
    let inner = inside(area);
    match &pane.body {
        Body::Empty(lines) => empty(lines, inner, canvas),
        Body::Devices(rows) => devices::draw(rows, pane.feeds, inner, focused, canvas),
        Body::Topics(rows) => topics::draw(rows, inner, focused, canvas),
        Body::Subscriptions(rows) => subscriptions::draw(rows, pane.feeds, inner, focused, canvas),
        Body::Filters(rows) => filters::draw(rows, inner, focused, canvas),
        Body::Messages(rows) => messages::draw(rows, inner, focused, canvas),
        Body::Lines(lines) => inspector::draw(lines, None, inner, focused, canvas),
        Body::Document { lines, selected } => {
            inspector::draw(lines, *selected, inner, focused, canvas);
        }
        Body::Commands(rows) => publish::draw(rows, inner, focused, canvas),
        Body::Compose(rows) => compose::draw(rows, inner, canvas),
    }
}

/// The area without its frame.
pub const fn inside(area: Rect) -> Rect {
    Rect {
        x: area.x + 1,
        y: area.y + 1,
        width: area.width.saturating_sub(2),
        height: area.height.saturating_sub(2),
    }
}

/// Draws the frame of `area`, which is at least two cells wide and high.
pub fn outline(canvas: &mut Canvas<'_>, area: Rect, style: Style, strong: bool) {
    let lines = canvas.theme().lines(strong);
    let (left, right) = (area.x, area.right() - 1);
    let (top, bottom) = (area.y, area.bottom() - 1);
    canvas.repeat(left + 1, top, area.width - 2, lines.across, style);
    canvas.repeat(left + 1, bottom, area.width - 2, lines.across, style);
    for y in top + 1..bottom {
        canvas.text(left, y, 1, lines.down, style);
        canvas.text(right, y, 1, lines.down, style);
    }
    canvas.text(left, top, 1, lines.top_left, style);
    canvas.text(right, top, 1, lines.top_right, style);
    canvas.text(left, bottom, 1, lines.bottom_left, style);
    canvas.text(right, bottom, 1, lines.bottom_right, style);
}

pub fn bar(canvas: &mut Canvas<'_>, area: Rect, position: Scroll, focused: bool) {
    let track = Rect {
        x: area.right() - 1,
        y: area.y + 1,
        width: 1,
        height: area.height - 2,
    };
    let style = canvas.theme().bar(focused);
    scroll::draw(canvas, track, position, style);
}

/// ` 1 Devices ` in the upper line, and the note at its right end.
fn title(pane: &PaneView, area: Rect, canvas: &mut Canvas<'_>) {
    let theme = canvas.theme();
    let name = pane.id.title();
    let room = area.width.saturating_sub(4);
    let (x, y) = (area.x + 2, area.y);
    let digit = digit(pane.id);
    let wide = cells(name) + 4;
    let used = if room >= wide {
        canvas.text(x, y, 1, " ", Style::new());
        canvas.text(x + 1, y, 1, digit, theme.role(Role::Key));
        canvas.text(x + 2, y, 1, " ", Style::new());
        canvas.text(x + 3, y, wide - 3, name, theme.title(pane.focused));
        canvas.text(x + wide - 1, y, 1, " ", Style::new());
        wide
    } else {
        canvas.text(x, y, room, name, theme.title(pane.focused))
    };
    if let Some(note) = &pane.note {
        note_at_the_right(note, area, used, canvas);
    }
}

fn note_at_the_right(note: &Span, area: Rect, title: u16, canvas: &mut Canvas<'_>) {
    // The title, two corners with a bit of line each, a bit of line between, a blank on either side.
    let room = area.width.saturating_sub(title + 7);
    let wide = cells(note.text.as_str()).min(room);
    if wide < 1 || (wide < 4 && wide < cells(note.text.as_str())) {
        return;
    }
    let x = area.right() - 3 - wide;
    let style = canvas.theme().role(note.role);
    canvas.text(x - 1, area.y, 1, " ", Style::new());
    canvas.text(x, area.y, wide, note.text.as_str(), style);
    canvas.text(x + wide, area.y, 1, " ", Style::new());
}

const fn digit(id: PaneId) -> &'static str {
    match id {
        PaneId::Devices => "1",
        PaneId::Subscriptions => "2",
        PaneId::Messages => "3",
        PaneId::Inspector => "4",
        PaneId::Publish => "5",
    }
}

/// ` / text ` and ` | program ` in the lower line, so that they take no row away.
fn lower_line(pane: &PaneView, area: Rect, canvas: &mut Canvas<'_>) {
    // A corner and a bit of line on either side.
    let room = area.width.saturating_sub(4);
    let typed = |line: &FilterLine| line.cursor.is_some();
    let (filter, program) = match (&pane.filter, &pane.program) {
        // What is typed has the line for itself.
        (Some(filter), Some(program)) if typed(program) => {
            (Some(filter).filter(|f| typed(f)), Some(program))
        }
        (Some(filter), Some(_)) if typed(filter) => (Some(filter), None),
        both => (both.0.as_ref(), both.1.as_ref()),
    };
    let first = match (filter, program) {
        (Some(_), Some(_)) => room / 2,
        _ => room,
    };
    let (x, y) = (area.x + 2, area.bottom() - 1);
    let mut used = 0;
    if let Some(filter) = filter {
        used = search_line(" / ", filter, (x, y), first, canvas);
        used = (used + 1).min(room);
    }
    if let Some(program) = program {
        search_line(" | ", program, (x + used, y), room - used, canvas);
    }
}

/// The text after its sign, then why it is not understood. Gives the cells used.
fn search_line(
    sign: &str,
    line: &FilterLine,
    (x, y): (u16, u16),
    room: u16,
    canvas: &mut Canvas<'_>,
) -> u16 {
    // The sign and a blank at the end.
    let room = room.saturating_sub(3 + 1);
    if room == 0 {
        return 0;
    }
    let theme = canvas.theme();
    let (normal, bad) = (theme.role(Role::Normal), theme.role(Role::Bad));
    canvas.text(x, y, 3, sign, theme.role(Role::Key));
    let error = line.error.as_ref().filter(|_| room >= 12);
    let error_cells = error.map_or(0, |error| {
        cells(error.as_str()).saturating_add(3).min(room / 2)
    });
    let text = line.text.as_str();
    let used = field::draw(
        canvas,
        (x + 3, y),
        room - error_cells,
        text,
        line.cursor,
        normal,
    );
    let end = x + 3 + used;
    canvas.text(end, y, 1, " ", normal);
    let mut all = 3 + used + 1;
    if let Some(error) = error {
        let sign = theme.signs().warning;
        canvas.text(end + 1, y, 1, sign, bad);
        canvas.text(end + 2, y, 1, " ", normal);
        let said = canvas.text(end + 3, y, error_cells - 3, error.as_str(), bad);
        canvas.text(end + 3 + said, y, 1, " ", normal);
        all += 3 + said;
    }
    all
}

/// What to press when there is nothing to see yet, in the middle.
fn empty(lines: &[Line], inner: Rect, canvas: &mut Canvas<'_>) {
    let lines: Vec<Line> = lines
        .iter()
        .flat_map(|line| wrap::wrap(line, inner.width))
        .collect();
    let count = u16::try_from(lines.len()).unwrap_or(u16::MAX);
    let above = inner.height.saturating_sub(count) / 2;
    for (y, line) in (inner.y + above..inner.bottom()).zip(&lines) {
        let row = Rect {
            y,
            height: 1,
            ..inner
        };
        canvas.centred(row, line);
    }
}
