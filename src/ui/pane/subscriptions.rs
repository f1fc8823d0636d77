//! The subscriptions: what is wanted, and what has been granted.

use ratatui::layout::Rect;

use crate::app::screen::{Role, SubscriptionRow};
use crate::ui::canvas::{Canvas, cells};
use crate::ui::widget::badge;
use crate::ui::widget::rows::{self, Column, Slot};

/// `feeds`: what the platform calls them; room for `filter` there is in any case.
fn columns(feeds: [&'static str; 2]) -> [Column; 4] {
    let kind = feeds.map(cells).into_iter().fold(6, u16::max);
    [
        Column::new("Kind", kind, kind, 5),
        Column::new("For", 10, 16, 9).grows(),
        Column::new("State", 1, 8, 7),
        Column::new("Detail", 12, 28, 3),
    ]
}

pub fn draw(
    subscriptions: &[SubscriptionRow],
    feeds: [&'static str; 2],
    area: Rect,
    focused: bool,
    canvas: &mut Canvas<'_>,
) {
    let columns = columns(feeds);
    let slots = rows::places(&columns, area, 0);
    let area = rows::headings(canvas, area, &columns, &slots, subscriptions.len());
    for (line, subscription) in rows::visible(area, subscriptions, |row| row.selected) {
        row(subscription, line.y, &slots, canvas);
        if subscription.selected {
            rows::select(canvas, line, focused);
        }
    }
}

fn row(subscription: &SubscriptionRow, y: u16, slots: &[Slot; 4], canvas: &mut Canvas<'_>) {
    let theme = canvas.theme();
    let dim = theme.role(Role::Dim);
    let [sort, what, mark, detail] = *slots;
    canvas.text(sort.x, y, sort.cells, subscription.sort, dim);
    let (role, muted) = if subscription.muted {
        (Role::Dim, "muted ")
    } else {
        (Role::Normal, "")
    };
    let said = canvas.text(what.x, y, what.cells, muted, theme.role(Role::Warn));
    let room = what.cells.saturating_sub(said);
    canvas.text(
        what.x + said,
        y,
        room,
        subscription.what.as_str(),
        theme.role(role),
    );
    badge::draw_mark(canvas, mark.x, y, mark.cells, &subscription.mark);
    let style = theme.role(subscription.detail.role);
    canvas.text(
        detail.x,
        y,
        detail.cells,
        subscription.detail.text.as_str(),
        style,
    );
}
