//! Which pane is where for a size, what is dropped when there is little room, and what is under the mouse.

use super::event::Size;
use super::screen::{Area, PaneId};

/// Below this there is nothing but a line that says so.
pub const LEAST: Size = Size {
    width: 40,
    height: 10,
};

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Layout {
    pub header: Area,
    pub footer: Area,
    /// None overlap; in the order of importance.
    pub panes: Vec<(PaneId, Area)>,
    pub too_small: bool,
}

impl Layout {
    pub fn area(&self, id: PaneId) -> Option<Area> {
        self.panes.iter().find(|(p, _)| *p == id).map(|(_, a)| *a)
    }

    pub fn under(&self, column: u16, row: u16) -> Option<(PaneId, Area)> {
        self.panes
            .iter()
            .copied()
            .find(|(_, area)| area.contains(column, row))
    }
}

/// Header: two lines, one where there are few; a third for the hint where the second has no room for it. Footer: one line.
///
/// `composer`: the Publish pane is one, and has room to write when it has the focus.
pub fn arrange(size: Size, focus: PaneId, zoomed: bool, hint: bool, composer: bool) -> Layout {
    if size.width < LEAST.width || size.height < LEAST.height {
        return Layout {
            too_small: true,
            ..Layout::default()
        };
    }
    let lines = if size.height >= 20 { 2 } else { 1 };
    let top = lines + u16::from(hint && size.width < 160 && size.height >= 20);
    let row = |y, height| Area {
        x: 0,
        y,
        width: size.width,
        height,
    };
    Layout {
        header: row(0, top),
        footer: row(size.height - 1, 1),
        panes: panes(
            row(top, size.height - 1 - top),
            size,
            focus,
            zoomed,
            composer && focus == PaneId::Publish,
        ),
        too_small: false,
    }
}

fn panes(body: Area, size: Size, focus: PaneId, zoomed: bool, writes: bool) -> Vec<(PaneId, Area)> {
    let wide = size.width >= 110;
    let roomy = size.width >= 80 && size.height >= 24;
    if zoomed || (size.height < 16 && !wide) {
        return vec![(focus, body)];
    }
    match (wide, size.height) {
        (true, 32..) => everything(body, writes),
        (false, ..40) if writes => stack(body, &[PaneId::Messages, PaneId::Publish]),
        (true, _) => side_by_side(body, focus),
        (false, 40..) => stack(body, &[PaneId::Devices, PaneId::Messages, third(focus)]),
        _ if !roomy || matches!(focus, PaneId::Devices | PaneId::Messages) => {
            let other = match focus {
                PaneId::Devices | PaneId::Messages => PaneId::Messages,
                focus => focus,
            };
            stack(body, &[PaneId::Devices, other])
        }
        _ => stack(body, &[PaneId::Devices, PaneId::Messages, focus]),
    }
}

/// The pane that joins devices and messages where a third one fits.
const fn third(focus: PaneId) -> PaneId {
    match focus {
        PaneId::Devices | PaneId::Messages => PaneId::Inspector,
        focus => focus,
    }
}

fn everything(body: Area, writes: bool) -> Vec<(PaneId, Area)> {
    let (left, right) = columns(body);
    let (devices, subscriptions) = split(left, left.height * 62 / 100);
    let slim = if writes {
        right.height * 50 / 100
    } else {
        5 + (body.height.saturating_sub(40) / 8).min(3)
    };
    let (upper, publish) = split(right, right.height - slim);
    let (messages, inspector) = split(upper, upper.height * 55 / 100);
    vec![
        (PaneId::Devices, devices),
        (PaneId::Messages, messages),
        (PaneId::Inspector, inspector),
        (PaneId::Subscriptions, subscriptions),
        (PaneId::Publish, publish),
    ]
}

fn side_by_side(body: Area, focus: PaneId) -> Vec<(PaneId, Area)> {
    let (left, right) = columns(body);
    match focus {
        PaneId::Devices | PaneId::Messages => {
            vec![(PaneId::Devices, left), (PaneId::Messages, right)]
        }
        _ if body.height < 12 => vec![(PaneId::Devices, left), (focus, right)],
        PaneId::Subscriptions => {
            let (devices, subscriptions) = split(left, left.height / 2);
            vec![
                (PaneId::Devices, devices),
                (PaneId::Messages, right),
                (PaneId::Subscriptions, subscriptions),
            ]
        }
        PaneId::Inspector | PaneId::Publish => {
            let (messages, below) = split(right, right.height * 45 / 100);
            vec![
                (PaneId::Devices, left),
                (PaneId::Messages, messages),
                (focus, below),
            ]
        }
    }
}

/// One above the other; the last one gets what is left over.
fn stack(body: Area, ids: &[PaneId]) -> Vec<(PaneId, Area)> {
    let count = u16::try_from(ids.len()).unwrap_or(1).max(1);
    let share = match count {
        2 => body.height * 45 / 100,
        _ => body.height * 30 / 100,
    };
    let mut rest = body;
    let mut out = Vec::new();
    for (index, id) in ids.iter().enumerate() {
        if index + 1 == ids.len() {
            out.push((*id, rest));
            break;
        }
        let (area, below) = split(rest, share);
        out.push((*id, area));
        rest = below;
    }
    out
}

fn columns(body: Area) -> (Area, Area) {
    // Half of 120 cells is what the devices' type needs; where there is more room the payloads get it.
    let left = (body.width / 2)
        .clamp(50, 60)
        .max(body.width * 42 / 100)
        .min(84);
    (
        Area {
            width: left,
            ..body
        },
        Area {
            x: body.x + left,
            width: body.width - left,
            ..body
        },
    )
}

fn split(area: Area, first: u16) -> (Area, Area) {
    let first = first.min(area.height);
    (
        Area {
            height: first,
            ..area
        },
        Area {
            y: area.y + first,
            height: area.height - first,
            ..area
        },
    )
}

/// Cells inside the border.
pub const fn inner_width(area: Area) -> u16 {
    area.width.saturating_sub(2)
}

/// Rows that a pane shows: lists leave a line for the names of their columns where there is room for it. A filter stands
/// in the border and takes none.
pub const fn rows(id: PaneId, area: Area) -> u16 {
    let inside = area.height.saturating_sub(2);
    match id {
        PaneId::Inspector => inside,
        _ if inside >= 3 => inside - 1,
        _ => inside,
    }
}

/// A box of at most that size in the middle of the screen.
pub fn centre(size: Size, width: u16, height: u16) -> Area {
    let width = width.min(size.width.saturating_sub(2)).max(1);
    let height = height.min(size.height.saturating_sub(2)).max(1);
    Area {
        x: (size.width.saturating_sub(width)) / 2,
        y: (size.height.saturating_sub(height)) / 2,
        width,
        height,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(width: u16, height: u16, focus: PaneId) -> Vec<PaneId> {
        let layout = arrange(Size { width, height }, focus, false, true, false);
        layout.panes.into_iter().map(|(id, _)| id).collect()
    }

    #[test]
    fn panes_are_dropped_by_importance() {
        use PaneId::{Devices, Inspector, Messages, Publish, Subscriptions};
        assert_eq!(
            ids(120, 36, Devices),
            [Devices, Messages, Inspector, Subscriptions, Publish]
        );
        assert_eq!(ids(80, 24, Devices), [Devices, Messages]);
        assert_eq!(ids(80, 24, Inspector), [Devices, Messages, Inspector]);
        assert_eq!(ids(120, 24, Publish), [Devices, Messages, Publish]);
        assert_eq!(ids(60, 20, Inspector), [Devices, Inspector]);
        assert_eq!(ids(40, 10, Messages), [Messages]);
        assert_eq!(ids(39, 40, Messages), []);
        assert_eq!(ids(200, 9, Messages), []);
    }

    #[test]
    fn panes_never_overlap_nor_leave_the_screen_at_any_size() {
        for width in 1..220 {
            for height in 1..70 {
                for focus in PaneId::ALL {
                    check(Size { width, height }, focus, false);
                }
                check(Size { width, height }, PaneId::Publish, true);
            }
        }
    }

    fn check(size: Size, focus: PaneId, composer: bool) {
        let layout = arrange(size, focus, false, true, composer);
        let mut used = 0;
        for (index, (_, a)) in layout.panes.iter().enumerate() {
            assert!(
                a.x + a.width <= size.width && a.y + a.height < size.height,
                "{size:?} {layout:?}"
            );
            assert!(
                a.y >= layout.header.height && a.height >= 4,
                "{size:?} {layout:?}"
            );
            used += u32::from(a.width) * u32::from(a.height);
            for (_, b) in &layout.panes[index + 1..] {
                let apart = a.x + a.width <= b.x
                    || b.x + b.width <= a.x
                    || a.y + a.height <= b.y
                    || b.y + b.height <= a.y;
                assert!(apart, "{size:?} {layout:?}");
            }
        }
        let body =
            u32::from(size.width) * u32::from(size.height.saturating_sub(1 + layout.header.height));
        assert!(layout.too_small || used == body, "{size:?} {layout:?}");
        assert!(layout.too_small || layout.area(focus).is_some(), "{size:?}");
    }
}
