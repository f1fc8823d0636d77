//! One line of a text and the part of it that is seen, in cells.

use unicode_segmentation::UnicodeSegmentation as _;

use crate::base::text::{self, SafeText};

/// Cells as the text is shown: escapes and all.
pub(super) fn shown_width(text: &str) -> usize {
    SafeText::new(text).width()
}

/// Every byte of it is a character of one cell: then nothing has to be gone through. A payload of a megabyte may be one line.
pub(super) fn is_simple(line: &str) -> bool {
    line.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

/// Byte offset of the cluster that stands at `cells`, at most the end.
pub(super) fn offset_at(line: &str, cells: usize) -> usize {
    if is_simple(line) {
        return cells.min(line.len());
    }
    let mut used = 0;
    for (at, cluster) in line.grapheme_indices(true) {
        used += shown_width(cluster);
        if used > cells {
            return at;
        }
    }
    line.len()
}

/// The line without its first clusters, at least `left` cells wide together: how wide these were, and what follows, not
/// much longer than `cells`.
pub(super) fn window(line: &str, left: usize, cells: usize) -> (usize, SafeText) {
    if is_simple(line) {
        let from = left.min(line.len());
        let to = from.saturating_add(cells + 1).min(line.len());
        return (from, SafeText::new(line.get(from..to).unwrap_or_default()));
    }
    let (mut hidden, mut used) = (0, 0);
    let (mut from, mut to) = (line.len(), line.len());
    for (at, cluster) in line.grapheme_indices(true) {
        let wide = shown_width(cluster);
        if hidden < left {
            hidden += wide;
            continue;
        }
        from = from.min(at);
        if used > cells {
            to = at;
            break;
        }
        used += wide;
    }
    let shown = line.get(from..to).unwrap_or_default();
    (hidden, SafeText::new(&text::escape(shown)))
}
