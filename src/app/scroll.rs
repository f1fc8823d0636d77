//! A window over a long list.

use super::screen::Scroll;

/// How far one movement goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Up,
    Down,
    HalfUp,
    HalfDown,
    PageUp,
    PageDown,
    First,
    Last,
}

impl Step {
    /// The index after this step from `index`, in a list of `total` seen through `rows`.
    pub fn from(self, index: usize, total: usize, rows: usize) -> usize {
        let page = rows.saturating_sub(1).max(1);
        let half = (rows / 2).max(1);
        let to = match self {
            Self::Up => index.saturating_sub(1),
            Self::Down => index.saturating_add(1),
            Self::HalfUp => index.saturating_sub(half),
            Self::HalfDown => index.saturating_add(half),
            Self::PageUp => index.saturating_sub(page),
            Self::PageDown => index.saturating_add(page),
            Self::First => 0,
            Self::Last => usize::MAX,
        };
        to.min(total.saturating_sub(1))
    }

    /// The same for a text without a selected line: the offset of the window itself.
    pub fn scroll(self, offset: usize, total: usize, rows: usize) -> usize {
        let last = total.saturating_sub(rows);
        self.from(offset, usize::MAX, rows).min(last)
    }
}

/// The offset nearest to `offset` at which `index` is inside the window and the window is not past the end.
pub fn reveal(offset: usize, index: usize, total: usize, rows: usize) -> usize {
    let rows = rows.max(1);
    let low = (index + 1).saturating_sub(rows);
    offset
        .clamp(low, index.max(low))
        .min(total.saturating_sub(rows))
}

pub fn scroll(offset: usize, total: usize, rows: usize) -> Scroll {
    Scroll {
        offset,
        total,
        shown: rows.min(total.saturating_sub(offset)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_moves_no_further_than_it_must() {
        assert_eq!(reveal(0, 5, 100, 10), 0);
        assert_eq!(reveal(0, 10, 100, 10), 1);
        assert_eq!(reveal(50, 20, 100, 10), 20);
        assert_eq!(reveal(95, 99, 100, 10), 90);
        assert_eq!(reveal(7, 0, 0, 10), 0);
        assert_eq!(reveal(3, 2, 3, 0), 2);
    }

    #[test]
    fn steps_stay_inside_the_list() {
        assert_eq!(Step::PageDown.from(0, 100, 10), 9);
        assert_eq!(Step::Last.from(0, 100, 10), 99);
        assert_eq!(Step::Up.from(0, 0, 0), 0);
        assert_eq!(Step::Last.scroll(0, 100, 10), 90);
        assert_eq!(Step::Down.scroll(0, 5, 10), 0);
    }
}
