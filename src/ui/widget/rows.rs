//! A table: columns that give way as the room shrinks, and the rows of the window.

use ratatui::layout::Rect;

use crate::ui::canvas::{Canvas, cells};

/// Cells before the first column: the marker of the selected row and a sign of its own for a marked one.
pub const GUTTER: u16 = 2;

#[derive(Debug, Clone, Copy)]
pub struct Column {
    heading: &'static str,
    min: u16,
    want: u16,
    /// The least important column goes first; the one that grows stays to the end.
    importance: u8,
    right: bool,
    grows: bool,
}

impl Column {
    /// From `min` to `want` cells wide.
    pub const fn new(heading: &'static str, min: u16, want: u16, importance: u8) -> Self {
        Self {
            heading,
            min,
            want,
            importance,
            right: false,
            grows: false,
        }
    }

    /// Its text stands at the right.
    #[must_use]
    pub const fn right(mut self) -> Self {
        self.right = true;
        self
    }

    /// Takes what the others leave.
    #[must_use]
    pub const fn grows(mut self) -> Self {
        self.grows = true;
        self
    }
}

/// The places of `columns` in `area`, after the gutter and `before` more cells, with a cell of air at the right.
pub fn places<const N: usize>(columns: &[Column; N], area: Rect, before: u16) -> [Slot; N] {
    let before = GUTTER + before;
    let air = u16::from(area.width >= 32);
    slots(
        columns,
        area.x.saturating_add(before),
        area.width.saturating_sub(before + air),
    )
}

/// Where a column stands; no cells when there is no room for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Slot {
    pub x: u16,
    pub cells: u16,
}

impl Slot {
    pub const fn shown(self) -> bool {
        self.cells > 0
    }
}

/// The columns' places from `x` on. They depend on the room only, never on what the rows say, so that columns stand still.
fn slots<const N: usize>(columns: &[Column; N], x: u16, room: u16) -> [Slot; N] {
    let gap = if room >= 72 { 2 } else { 1 };
    let widths = widths(columns, room, gap);
    let mut slots = [Slot::default(); N];
    let mut at = x;
    for (slot, cells) in slots.iter_mut().zip(widths) {
        if cells > 0 {
            *slot = Slot { x: at, cells };
            at = at.saturating_add(cells + gap);
        }
    }
    slots
}

fn widths<const N: usize>(columns: &[Column; N], room: u16, gap: u16) -> [u16; N] {
    let mut widths = columns.map(|column| column.min);
    while needed(&widths, gap) > room {
        let shown = (0..N).filter(|&i| widths[i] > 0);
        let Some(least) = shown.min_by_key(|&i| columns[i].importance) else {
            return widths;
        };
        if widths.iter().filter(|&&cells| cells > 0).count() == 1 {
            widths[least] = room;
            return widths;
        }
        widths[least] = 0;
    }
    let mut free = room - needed(&widths, gap);
    let mut by_importance: [usize; N] = std::array::from_fn(|i| i);
    by_importance.sort_by_key(|&i| u8::MAX - columns[i].importance);
    for i in by_importance {
        if widths[i] > 0 {
            let more = columns[i].want.saturating_sub(columns[i].min).min(free);
            widths[i] += more;
            free -= more;
        }
    }
    if let Some(i) = (0..N).find(|&i| columns[i].grows && widths[i] > 0) {
        widths[i] += free;
    }
    widths
}

fn needed(widths: &[u16], gap: u16) -> u16 {
    let shown = widths.iter().filter(|&&cells| cells > 0);
    let gaps = u16::try_from(shown.count()).unwrap_or(0).saturating_sub(1) * gap;
    widths.iter().sum::<u16>() + gaps
}

/// The headings, and what is left for the rows. There are none where the area is very low (the core, which counts the
/// rows of its windows and knows what a click hits, leaves no line for them then) or every line has a row to show.
pub fn headings<const N: usize>(
    canvas: &mut Canvas<'_>,
    area: Rect,
    columns: &[Column; N],
    slots: &[Slot; N],
    rows: usize,
) -> Rect {
    if area.height < 3 || rows >= usize::from(area.height) {
        return area;
    }
    let style = canvas.theme().heading();
    for (column, slot) in columns.iter().zip(slots) {
        if column.right {
            right(canvas, *slot, area.y, column.heading, style);
        } else {
            canvas.text(slot.x, area.y, slot.cells, column.heading, style);
        }
    }
    Rect {
        y: area.y + 1,
        height: area.height - 1,
        ..area
    }
}

/// Right-aligned text in a column.
pub fn right(
    canvas: &mut Canvas<'_>,
    slot: Slot,
    y: u16,
    text: &str,
    style: ratatui::style::Style,
) {
    let wide = cells(text).min(slot.cells);
    canvas.text(slot.x + slot.cells - wide, y, wide, text, style);
}

/// The rows with their lines on the screen. Should there be more rows than room, the selected one is among those shown.
pub fn visible<R>(
    area: Rect,
    rows: &[R],
    is_selected: impl Fn(&R) -> bool,
) -> impl Iterator<Item = (Rect, &R)> {
    let height = usize::from(area.height);
    let selected = if rows.len() > height {
        rows.iter().position(is_selected).unwrap_or(0)
    } else {
        0
    };
    let skip = (selected + 1).saturating_sub(height).min(rows.len());
    let line = move |y: u16| Rect {
        y,
        height: 1,
        ..area
    };
    (area.y..area.bottom()).map(line).zip(&rows[skip..])
}

/// Marks the selected row over its whole width, without relying on colour.
pub fn select(canvas: &mut Canvas<'_>, line: Rect, focused: bool) {
    let theme = canvas.theme();
    let marker = theme.signs().marker;
    canvas.text(line.x, line.y, line.width.min(1), marker, theme.marker());
    // A reversed marker would be a hole in a reversed row: it stands beside it.
    let beside = u16::from(theme.selects_in_reverse()).min(line.width);
    let row = Rect {
        x: line.x + beside,
        width: line.width - beside,
        ..line
    };
    canvas.select(row, focused);
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [Column; 3] = [
        Column::new("Name", 4, 10, 9).grows(),
        Column::new("Type", 4, 8, 1),
        Column::new("Count", 5, 5, 5).right(),
    ];

    fn widths_at(room: u16) -> [u16; 3] {
        widths(&COLUMNS, room, 1)
    }

    #[test]
    fn the_least_important_column_goes_first() {
        assert_eq!(widths_at(15), [4, 4, 5]);
        assert_eq!(widths_at(14), [8, 0, 5]);
        assert_eq!(widths_at(9), [9, 0, 0]);
        assert_eq!(widths_at(2), [2, 0, 0]);
        assert_eq!(widths_at(0), [0, 0, 0]);
    }

    #[test]
    fn the_growing_column_takes_what_the_others_leave() {
        assert_eq!(widths_at(25), [10, 8, 5]);
        assert_eq!(widths_at(60), [45, 8, 5]);
    }

    #[test]
    fn the_selected_row_is_among_those_shown() {
        let area = Rect::new(0, 3, 9, 2);
        let shown: Vec<_> = visible(area, &[1, 2, 3, 4], |&row| row == 3)
            .map(|(line, row)| (line.y, *row))
            .collect();
        assert_eq!(shown, [(3, 2), (4, 3)]);
    }
}
