//! The scroll bar on a frame's right edge, where a list is longer than its window.

use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::app::screen::Scroll;
use crate::ui::canvas::Canvas;

/// Draws the thumb over the edge's line; `track` is the edge without its corners.
pub fn draw(canvas: &mut Canvas<'_>, track: Rect, scroll: Scroll, style: Style) {
    let Some((start, length)) = thumb(scroll, track.height) else {
        return;
    };
    let sign = canvas.theme().thumb();
    for y in track.y + start..track.y + start + length {
        canvas.text(track.x, y, 1, sign, style);
    }
}

/// First row and length of the thumb. It touches an end only when the window does.
fn thumb(scroll: Scroll, height: u16) -> Option<(u16, u16)> {
    let Scroll {
        offset,
        total,
        shown,
    } = scroll;
    if total <= shown || height < 2 {
        return None;
    }
    let rows = usize::from(height);
    let length = (shown.saturating_mul(rows) / total).clamp(1, rows - 1);
    let last = total - shown;
    let free = rows - length;
    let start = match offset.min(last) {
        0 => 0,
        offset if offset == last => free,
        offset if free > 1 => (offset.saturating_mul(free) / last).clamp(1, free - 1),
        _ => 0,
    };
    Some((u16::try_from(start).ok()?, u16::try_from(length).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(offset: usize) -> Option<(u16, u16)> {
        let scroll = Scroll {
            offset,
            total: 100,
            shown: 20,
        };
        thumb(scroll, 10)
    }

    #[test]
    fn the_thumb_touches_an_end_only_when_the_window_does() {
        assert_eq!(
            [at(0), at(1), at(40)],
            [Some((0, 2)), Some((1, 2)), Some((4, 2))]
        );
        assert_eq!(
            [at(79), at(80), at(1000)],
            [Some((7, 2)), Some((8, 2)), Some((8, 2))]
        );
    }

    #[test]
    fn a_list_that_fits_has_no_bar() {
        let scroll = Scroll {
            offset: 0,
            total: 5,
            shown: 5,
        };
        assert_eq!(thumb(scroll, 10), None);
        assert_eq!(thumb(scroll, 0), None);
    }
}
