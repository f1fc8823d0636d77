//! The topic tree: levels under each other, what was said last, how often, when.

use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use crate::app::screen::{Fold, Role, TopicRow};
use crate::ui::canvas::Canvas;
use crate::ui::widget::number::{short, size};
use crate::ui::widget::rows::{self, Column, Slot};

const COLUMNS: [Column; 9] = [
    Column::new("Topic", 14, 28, 9).grows(),
    Column::new("", 1, 1, 4),
    Column::new("Value", 18, 40, 8),
    Column::new("Msg/s", 5, 5, 6).right(),
    Column::new("Last", 4, 4, 5).right(),
    Column::new("Msgs", 5, 5, 7).right(),
    Column::new("Own", 5, 5, 1).right(),
    Column::new("Topics", 6, 6, 2).right(),
    Column::new("Bytes", 8, 8, 3).right(),
];

pub fn draw(topics: &[TopicRow], area: Rect, focused: bool, canvas: &mut Canvas<'_>) {
    let slots = rows::places(&COLUMNS, area, 0);
    let area = rows::headings(canvas, area, &COLUMNS, &slots, topics.len());
    for (line, topic) in rows::visible(area, topics, |topic| topic.selected) {
        row(topic, line, &slots, canvas);
        if topic.selected {
            rows::select(canvas, line, focused);
        }
    }
}

fn row(topic: &TopicRow, line: Rect, slots: &[Slot; 9], canvas: &mut Canvas<'_>) {
    let theme = canvas.theme();
    let signs = theme.signs();
    let dim = theme.role(Role::Dim);
    let y = line.y;
    let [name, retained, value, rate, last, count, own, below, bytes] = *slots;
    if topic.marked {
        let room = line.width.saturating_sub(1).min(1);
        canvas.text(line.x + 1, y, room, signs.marked, theme.role(Role::Key));
    }
    let weight = if topic.fresh {
        Style::new().add_modifier(Modifier::BOLD)
    } else {
        Style::new()
    };
    draw_name(topic, name, y, weight, canvas);
    if topic.retained {
        let style = theme.role(Role::Pending);
        canvas.text(retained.x, y, retained.cells, "R", style);
    }
    canvas.line(value.x, y, value.cells, &topic.value);
    let moving = if topic.rate.is_empty() { dim } else { weight };
    rows::right(canvas, rate, y, &topic.rate, moving);
    let heard = if topic.fresh { weight } else { dim };
    rows::right(canvas, last, y, &topic.last, heard);
    rows::right(canvas, count, y, &short(topic.count), Style::new());
    if topic.own > 0 && topic.fold != Fold::Leaf {
        rows::right(canvas, own, y, &short(topic.own), dim);
    }
    if topic.topics > 0 {
        rows::right(canvas, below, y, &short(topic.topics), dim);
    }
    let amount = size(usize::try_from(topic.bytes).unwrap_or(usize::MAX));
    rows::right(canvas, bytes, y, &amount, dim);
}

/// Two cells for each level above, one where that would take more than half of the room. Never more than half: a
/// sign says that it is deeper than it looks.
fn draw_name(topic: &TopicRow, slot: Slot, y: u16, style: Style, canvas: &mut Canvas<'_>) {
    let theme = canvas.theme();
    let signs = theme.signs();
    let half = slot.cells / 2;
    let indent = topic.depth.saturating_mul(2);
    let indent = if indent > half {
        topic.depth.min(half)
    } else {
        indent
    };
    let (x, room) = (slot.x + indent, slot.cells - indent);
    if topic.depth > indent && indent > 0 {
        canvas.text(x - 1, y, 1, signs.cut, theme.role(Role::Dim));
    }
    let (sign, sign_style) = match topic.fold {
        Fold::Leaf => (" ", style),
        Fold::Folded => (signs.folded, theme.role(Role::Key)),
        Fold::Unfolded => (signs.unfolded, theme.role(Role::Dim)),
    };
    canvas.text(x, y, room.min(1), sign, sign_style);
    if room > 2 {
        canvas.text(x + 2, y, room - 2, topic.name.as_str(), style);
    }
}
