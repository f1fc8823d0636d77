//! The stream: when, of what kind, from whom, what it says, how large; and what was lost, in its place.

use std::ops::Range;

use ratatui::layout::Rect;

use crate::app::screen::{MessageRow, Role, Span};
use crate::base::text::SafeText;
use crate::domain::reading::Kind;
use crate::ui::canvas::Canvas;
use crate::ui::widget::number::size;
use crate::ui::widget::rows::{self, Column, GUTTER, Slot};

const COLUMNS: [Column; 5] = [
    Column::new("Time", 8, 12, 6),
    Column::new("Kind", 7, 8, 5),
    Column::new("Source", 12, 26, 7),
    Column::new("Message", 24, 28, 9).grows(),
    Column::new("Size", 8, 8, 2).right(),
];

/// `20:41:22`, without the milliseconds.
const TIME_SHORT: usize = 8;

/// Where all are messages of a topic and nothing else, that is not said of each.
const PLAIN: [Column; 5] = {
    let mut columns = COLUMNS;
    columns[1] = Column::new("", 0, 0, 5);
    columns
};

/// The same in half a terminal: there the topic needs what room there is.
const PLAIN_NARROW: [Column; 5] = {
    let mut columns = PLAIN;
    columns[3] = Column::new("Message", 24, 24, 9).grows();
    columns[4] = Column::new("", 0, 0, 2);
    columns
};

fn is_plain(row: &MessageRow) -> bool {
    row.gap || (row.topic && row.kind == Kind::Message.word())
}

pub fn draw(messages: &[MessageRow], area: Rect, focused: bool, canvas: &mut Canvas<'_>) {
    let columns = match messages.iter().all(is_plain) {
        true if area.width < 72 => PLAIN_NARROW,
        true => PLAIN,
        false => COLUMNS,
    };
    let slots = rows::places(&columns, area, 0);
    let area = rows::headings(canvas, area, &columns, &slots, messages.len());
    for (line, message) in rows::visible(area, messages, |row| row.selected) {
        if message.gap {
            gap(message, line, canvas);
        } else {
            row(message, line, &slots, canvas);
        }
        if message.selected {
            rows::select(canvas, line, focused);
        }
    }
}

fn row(message: &MessageRow, line: Rect, slots: &[Slot; 5], canvas: &mut Canvas<'_>) {
    let theme = canvas.theme();
    let dim = theme.role(Role::Dim);
    let y = line.y;
    let [time, kind, source, gist, bytes] = *slots;
    if let Some(flag) = flag(message, canvas) {
        let room = line.width.saturating_sub(1).min(1);
        canvas.text(line.x + 1, y, room, flag, theme.role(Role::Pending));
    }
    let shown = if usize::from(time.cells) < message.time.len() {
        message.time.get(..TIME_SHORT).unwrap_or(&message.time)
    } else {
        &message.time
    };
    canvas.text(time.x, y, time.cells, shown, dim);
    canvas.text(
        kind.x,
        y,
        kind.cells,
        message.kind,
        theme.role(message.kind_role),
    );
    let room = usize::from(source.cells);
    let shown = if message.topic {
        message.source.fit_end(room)
    } else {
        message.source.fit(room)
    };
    if message.found.is_empty() {
        let normal = theme.role(Role::Normal);
        canvas.text(source.x, y, source.cells, shown.as_str(), normal);
    } else {
        canvas.line(source.x, y, source.cells, &marked(message, &shown));
    }
    canvas.line(gist.x, y, gist.cells, &message.gist);
    rows::right(canvas, bytes, y, &size(message.bytes), dim);
}

/// The source as far as it is shown, with what is looked for marked in it.
fn marked(message: &MessageRow, shown: &SafeText) -> Vec<Span> {
    let (all, text) = (message.source.as_str(), shown.as_str());
    // Where the text that is shown begins in it, and the bytes of both that are the same.
    let (lead, from, same) = if text.len() == all.len() && text == all {
        (0, 0, all.len())
    } else if let Some(end) = text.strip_prefix('…').filter(|_| message.topic) {
        (
            '…'.len_utf8(),
            all.len() - end.len().min(all.len()),
            end.len(),
        )
    } else {
        (0, 0, text.strip_suffix('…').unwrap_or(text).len())
    };
    let (mut line, mut at) = (Vec::new(), 0);
    let mut put = |range: Range<usize>, role: Role| {
        let part = text.get(range).filter(|part| !part.is_empty());
        line.extend(part.map(|part| Span::new(part, role)));
    };
    for mark in &message.found {
        let start = lead + mark.start.clamp(from, from + same) - from;
        let end = lead + mark.end.clamp(from, from + same) - from;
        if start < end {
            put(at..start, Role::Normal);
            put(start..end, Role::Match);
            at = end;
        }
    }
    put(at..text.len(), Role::Normal);
    line
}

/// Sent by us, sent again, or kept by the broker: one sign, the most telling one.
const fn flag(message: &MessageRow, canvas: &Canvas<'_>) -> Option<&'static str> {
    match message {
        MessageRow { outgoing: true, .. } => Some(canvas.theme().signs().outgoing),
        MessageRow { dup: true, .. } => Some("D"),
        MessageRow { retain: true, .. } => Some("R"),
        _ => None,
    }
}

/// What is missing here, over the whole width.
fn gap(message: &MessageRow, line: Rect, canvas: &mut Canvas<'_>) {
    let theme = canvas.theme();
    let style = theme.role(Role::Warn);
    let mut x = line.x + GUTTER.min(line.width);
    let says_so = message
        .gist
        .first()
        .is_some_and(|span| span.text.as_str().starts_with(['⋯', ':']));
    if !says_so {
        let room = line.right().saturating_sub(x).min(1);
        x += canvas.text(x, line.y, room, theme.signs().gap, style) + 1;
    }
    x += canvas.line(x, line.y, line.right().saturating_sub(x), &message.gist) + 1;
    let rest = line.right().saturating_sub(x);
    canvas.repeat(
        x,
        line.y,
        rest,
        theme.signs().gap_line,
        theme.role(Role::Dim),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The parts that are marked, of a topic in so many cells.
    fn parts(source: &str, topic: bool, found: Range<usize>, cells: usize) -> Vec<String> {
        let message = MessageRow {
            source: SafeText::new(source),
            topic,
            found: std::iter::once(found).collect(),
            ..MessageRow::default()
        };
        let shown = if topic {
            message.source.fit_end(cells)
        } else {
            message.source.fit(cells)
        };
        let line = marked(&message, &shown);
        let all: String = line.iter().map(|span| span.text.as_str()).collect();
        assert_eq!(all, shown.as_str());
        let found = line.iter().filter(|span| span.role == Role::Match);
        found.map(|span| span.text.to_string()).collect()
    }

    #[test]
    fn what_is_looked_for_is_marked_in_a_source_that_is_cut_too() {
        assert_eq!(parts("home/kitchen", true, 5..8, 20), ["kit"]);
        assert_eq!(parts("home/kitchen", true, 5..8, 7), ["it"]);
        assert_eq!(parts("home/kitchen", true, 0..4, 8), Vec::<String>::new());
        assert_eq!(parts("거실 에어컨", false, 7..13, 8), ["에"]);
        assert_eq!(parts("거실 에어컨", false, 7..13, 4), Vec::<String>::new());
    }
}
