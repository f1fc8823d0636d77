//! Columns for a terminal and for `awk` alike: aligned by cells, two blanks between, nothing cut.

use crate::base::text::{SafeText, pad, width};

/// Lines of a table: a heading, then the rows. The last column is not padded.
pub(super) fn lines(heading: &[&str], rows: &[Vec<SafeText>]) -> Vec<String> {
    let heading: Vec<SafeText> = heading.iter().map(|name| SafeText::new(name)).collect();
    let all = || std::iter::once(&heading).chain(rows);
    let widths: Vec<usize> = (0..heading.len())
        .map(|column| {
            all()
                .map(|row| row.get(column).map_or(0, |cell| width(cell.as_str())))
                .max()
                .unwrap_or(0)
        })
        .collect();
    all().map(|row| line(row, &widths)).collect()
}

fn line(row: &[SafeText], widths: &[usize]) -> String {
    let cells: Vec<String> = row
        .iter()
        .zip(widths)
        .map(|(cell, width)| pad(cell.as_str(), *width))
        .collect();
    cells.join("  ").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stay_straight_under_wide_and_hostile_names() {
        let row = |name: &str, kind: &str| vec![SafeText::new(name), SafeText::new(kind)];
        let rows = [
            row("거실 에어컨", "ac"),
            row("x", "washer"),
            row("a\u{1b}[2J", ""),
            row("", "tv"),
        ];
        assert_eq!(
            lines(&["NAME", "TYPE"], &rows),
            [
                "NAME         TYPE",
                "거실 에어컨  ac",
                "x            washer",
                "a\\e[2J",
                "             tv"
            ]
        );
    }
}
