//! The header: who we are connected as, how the connection is, and what has come.
//!
//! What does not fit is left out whole, the least important first, so that the state in words is always there.

use ratatui::layout::Rect;
use ratatui::style::Style;

use super::canvas::{Canvas, cells};
use super::widget::number::{grouped, short};
use super::widget::spark;
use crate::app::screen::{Header, Role, Span};

const SPARK: u16 = 30;
const SPARK_SHORT: u16 = 10;

pub fn draw(header: &Header, area: Rect, canvas: &mut Canvas<'_>) {
    let inner = Rect {
        x: area.x + 1,
        width: area.width.saturating_sub(2),
        ..area
    };
    if inner.width == 0 || inner.height == 0 {
        return;
    }
    let row = |n: u16| Rect {
        y: inner.y + n,
        height: 1,
        ..inner
    };
    let left = identity(header, row(0), canvas);
    if inner.height == 1 {
        let rest = beside(row(0), left);
        let used = counters(header, rest, canvas);
        rate(header, beside(rest, used), canvas);
        return;
    }
    if inner.height > 2 || header.hint.is_none() {
        rate(header, beside(row(0), left), canvas);
        counters(header, row(1), canvas);
        let last = row(inner.height - 1);
        hint(header, last, canvas);
        return;
    }
    two_rows_with_hint(header, row(0), row(1), left, canvas);
}

/// The hint stands beside the counters, or where there is no room, in place of the sparkline.
fn two_rows_with_hint(
    header: &Header,
    first: Rect,
    second: Rect,
    left: u16,
    canvas: &mut Canvas<'_>,
) {
    let wanted = header.hint.as_ref().map_or(0, |hint| cells(hint.as_str()));
    let room = narrowed(second, 0, wanted.saturating_add(3));
    let counted = counters_wide(header, room);
    if counted {
        rate(header, beside(first, left), canvas);
        let used = counters(header, room, canvas);
        hint(header, to_the_right(beside(second, used), wanted), canvas);
    } else {
        counters(header, second, canvas);
        hint(header, to_the_right(beside(first, left), wanted), canvas);
    }
}

const fn to_the_right(row: Rect, wanted: u16) -> Rect {
    let width = if wanted < row.width {
        wanted
    } else {
        row.width
    };
    Rect {
        x: row.right() - width,
        width,
        ..row
    }
}

/// What is right of the first `used` cells, with some air.
const fn beside(row: Rect, used: u16) -> Rect {
    narrowed(row, used, 0)
}

const fn narrowed(row: Rect, left: u16, right: u16) -> Rect {
    let gap = if left == 0 { 0 } else { 3 };
    let left = left.saturating_add(gap);
    Rect {
        x: row.x + if left < row.width { left } else { row.width },
        width: row.width.saturating_sub(left.saturating_add(right)),
        ..row
    }
}

/// `home · ThinQ   ● connected`. The state keeps its place: the name gives way first,
/// but where there is room for both never all of it.
fn identity(header: &Header, row: Rect, canvas: &mut Canvas<'_>) -> u16 {
    let theme = canvas.theme();
    let signs = theme.signs();
    let state_role = header.state.role;
    let state_style = theme.role(state_role);
    let state_cells = cells(header.state.text.as_str()).saturating_add(2);
    let platform = cells(header.platform).saturating_add(3);
    let alarm = if header.insecure {
        alarm(row.width)
    } else {
        ""
    };
    let after_name = state_cells.saturating_add(3 + cells(alarm) + 2);
    let least = if row.width < 100 {
        0
    } else {
        cells(header.profile.as_str()).min(row.width / 6)
    };
    let room = row.width.saturating_sub(after_name).max(least);
    let with_platform = room >= platform + 6;
    let name_room = if with_platform { room - platform } else { room };
    let name_cells = if name_room >= 4 { name_room } else { 0 };
    let title = theme.title(true);
    let mut used = canvas.text(row.x, row.y, name_cells, header.profile.as_str(), title);
    if with_platform && !header.platform.is_empty() {
        let dim = theme.role(Role::Dim);
        used += canvas.text(row.x + used + 1, row.y, 1, signs.dot, dim) + 2;
        used += canvas.text(row.x + used, row.y, platform, header.platform, Style::new());
    }
    if used > 0 {
        used += 3;
    }
    if header.insecure {
        let rest = row.width.saturating_sub(used);
        used += canvas.text(row.x + used, row.y, rest, alarm, theme.alarm()) + 2;
    }
    let sign = signs.state(state_role);
    used += canvas.text(row.x + used, row.y, 1, sign, state_style) + 1;
    let rest = row.width.saturating_sub(used);
    used + canvas.text(
        row.x + used,
        row.y,
        rest,
        header.state.text.as_str(),
        state_style,
    )
}

const fn alarm(width: u16) -> &'static str {
    if width >= 100 {
        " INSECURE: TLS is not verified "
    } else {
        " INSECURE "
    }
}

/// The sparkline and the rate now, at the right.
fn rate(header: &Header, row: Rect, canvas: &mut Canvas<'_>) {
    let now = format!("{}/s", grouped(u64::from(header.rate)));
    let now_cells = cells(&now).max(6);
    if header.rates.is_empty() || row.width < now_cells {
        return;
    }
    let theme = canvas.theme();
    let strong = if header.rate > 0 {
        Style::new()
    } else {
        theme.role(Role::Dim)
    };
    let x = row.right() - cells(&now);
    canvas.text(x, row.y, row.right() - x, &now, strong);
    let room = row.width - now_cells;
    let bars = match room {
        _ if room > SPARK => SPARK,
        _ if room > SPARK_SHORT => SPARK_SHORT,
        _ => return,
    };
    let levels = spark::levels(&header.rates, usize::from(bars));
    let shown = u16::try_from(levels.len()).unwrap_or(bars).min(bars);
    let first = row.right() - now_cells - 1 - shown;
    for (x, level) in (first..).zip(levels) {
        let (sign, style) = match level {
            0 => (theme.signs().bars[0], theme.frame(false)),
            _ => (theme.signs().bars[level.min(8) - 1], theme.spark()),
        };
        canvas.text(x, row.y, 1, sign, style);
    }
}

/// `received 1,203   kept 1,203   dropped 0   42 calls this hour`, each whole or not at all.
fn counters(header: &Header, row: Rect, canvas: &mut Canvas<'_>) -> u16 {
    let mut parts = parts(header, row.width);
    while width(&parts) > row.width {
        // The calls go first; what was dropped goes last, but for a recording: nobody should forget that.
        let counted = counted(header);
        let oldest = usize::from(header.recording.is_some() && parts.len() > 1);
        parts.remove(if parts.len() > counted {
            counted
        } else {
            oldest
        });
    }
    let wide = width(&parts);
    let mut x = row.x;
    for part in &parts {
        let used = canvas.line(x, row.y, row.right().saturating_sub(x), part);
        x = x.saturating_add(used + 3);
    }
    wide
}

/// How many counters there are: three, what is on the disk where anything goes there, and before them what is recorded.
const fn counted(header: &Header) -> usize {
    3 + header.on_disk.is_some() as usize + header.recording.is_some() as usize
}

/// Whether the counters have room there, with or without the calls.
fn counters_wide(header: &Header, row: Rect) -> bool {
    let mut parts = parts(header, row.width);
    parts.truncate(counted(header));
    width(&parts) <= row.width
}

fn parts(header: &Header, room: u16) -> Vec<Vec<Span>> {
    // A number in full takes more cells than its name.
    let wide = if header.on_disk.is_some() { 80 } else { 60 };
    let number = if room < wide { short } else { grouped };
    let count = |name: &str, count: u64, role: Role| {
        vec![
            Span::new(format!("{name} "), Role::Dim),
            Span::new(number(count), role),
        ]
    };
    let dropped = if header.dropped > 0 {
        Role::Warn
    } else {
        Role::Normal
    };
    let mut parts = vec![
        count("received", header.received, Role::Normal),
        count("kept", header.kept, Role::Normal),
    ];
    if let Some(on_disk) = header.on_disk {
        parts.push(count("on disk", on_disk, Role::Normal));
    }
    parts.push(count("dropped", header.dropped, dropped));
    if let Some(recording) = &header.recording {
        parts.insert(0, vec![recording.clone()]);
    }
    parts.extend(header.calls.clone().map(|calls| vec![calls]));
    parts
}

fn width(parts: &[Vec<Span>]) -> u16 {
    let texts: usize = parts.iter().map(|part| super::canvas::width(part)).sum();
    let gaps = parts.len().saturating_sub(1) * 3;
    u16::try_from(texts + gaps).unwrap_or(u16::MAX)
}

fn hint(header: &Header, row: Rect, canvas: &mut Canvas<'_>) {
    if let Some(hint) = &header.hint {
        let style = canvas.theme().role(Role::Pending);
        canvas.text(row.x, row.y, row.width, hint.as_str(), style);
    }
}
