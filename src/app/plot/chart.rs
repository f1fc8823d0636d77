//! A band of a plot: a line with its figures, and the values as braille dots, two by four in a cell.

use std::collections::BTreeSet;

use super::{Point, clock, figures};
use crate::app::lines::span;
use crate::app::screen::{Line, Role};
use crate::base::text::{self, SafeText};

/// Cells for the figures on the left.
const LEFT: usize = 11;

/// The time that is seen, in microseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) from: i64,
    pub(super) to: i64,
}

impl Span {
    /// The column of a moment, of so many.
    fn column(self, at: i64, columns: usize) -> usize {
        let whole = self.to.saturating_sub(self.from).max(1);
        let part = at.saturating_sub(self.from).max(0);
        let last = columns.saturating_sub(1);
        let factor = i64::try_from(last).unwrap_or(i64::MAX);
        let column = match part.checked_mul(factor) {
            Some(product) => i128::from(product / whole),
            None => i128::from(part) * i128::from(factor) / i128::from(whole),
        };
        usize::try_from(column).unwrap_or(0).min(last)
    }
}

#[derive(Debug)]
pub(super) struct Band<'a> {
    pub(super) index: usize,
    pub(super) label: &'a str,
    /// In the order of time.
    pub(super) points: &'a [Point],
    pub(super) gaps: &'a BTreeSet<i64>,
    pub(super) span: Span,
}

/// Least and greatest value, their mean, and the last one.
struct Figures {
    min: f64,
    max: f64,
    mean: f64,
    last: f64,
}

impl Figures {
    fn of(points: &[Point]) -> Option<Self> {
        let last = points.last()?.value;
        let mut figures = Self {
            min: last,
            max: last,
            mean: 0.0,
            last,
        };
        for (n, point) in points.iter().enumerate() {
            figures.min = figures.min.min(point.value);
            figures.max = figures.max.max(point.value);
            // Never a sum: it could grow out of all numbers.
            #[expect(clippy::cast_precision_loss, reason = "some thousand values")]
            let share = (n + 1) as f64;
            figures.mean += point.value / share - figures.mean / share;
        }
        Some(figures)
    }
}

const ROLES: [Role; 4] = [Role::Number, Role::Good, Role::Pending, Role::Key];

/// `rows` lines, the first with the figures.
pub(super) fn band(band: &Band<'_>, cells: usize, rows: usize) -> Vec<Line> {
    let role = ROLES[band.index % ROLES.len()];
    let letter = ["A ", "B ", "C ", "D "][band.index % 4];
    let label = SafeText::new(band.label);
    let mut out = Vec::new();
    let Some(figures) = Figures::of(band.points) else {
        let room = cells.saturating_sub(2 + 20);
        out.push(vec![
            span(letter, role),
            span(label.fit_end(room), Role::Label),
            span("  no values here", Role::Dim),
        ]);
        out.resize(rows.max(1), Line::new());
        return out;
    };
    let said = [
        ("min", figures.min),
        ("max", figures.max),
        ("mean", figures.mean),
        ("last", figures.last),
    ];
    let mut numbers = Line::new();
    for (word, number) in said {
        numbers.push(span(format!("  {word} "), Role::Dim));
        numbers.push(span(figures::short(number), Role::Number));
    }
    numbers.push(span(format!("  of {}", band.points.len()), Role::Dim));
    let wide: usize = numbers.iter().map(|s| s.text.width()).sum();
    let letter_cells = text::width(letter);
    let fits = letter_cells + label.width() + wide <= cells;
    let room = if fits || rows < 4 {
        cells.saturating_sub(letter_cells + wide).max(8)
    } else {
        cells.saturating_sub(letter_cells)
    };
    let mut first = vec![span(letter, role), span(label.fit_end(room), Role::Label)];
    if fits || rows < 4 {
        first.extend(numbers);
        out.push(first);
    } else {
        out.push(first);
        out.push(numbers);
    }
    out.extend(dots(
        band,
        &figures,
        role,
        cells,
        rows.saturating_sub(out.len()),
    ));
    out
}

fn dots(band: &Band<'_>, figures: &Figures, role: Role, cells: usize, rows: usize) -> Vec<Line> {
    let wide = cells.saturating_sub(LEFT);
    if wide == 0 || rows == 0 {
        return Vec::new();
    }
    let mut field = Field::new(wide, rows);
    draw(band, figures, &mut field);
    let columns = wide * 2;
    let marks: BTreeSet<usize> = band
        .gaps
        .range(band.span.from..=band.span.to)
        .map(|at| band.span.column(*at, columns) / 2)
        .collect();
    (0..rows)
        .map(|row| {
            let is_flat = figures.min.total_cmp(&figures.max).is_eq();
            let figure = match row {
                _ if is_flat && row != (rows - 1) / 2 => String::new(),
                _ if is_flat => figures::short(figures.max),
                0 => figures::short(figures.max),
                _ if row + 1 == rows => figures::short(figures.min),
                _ => String::new(),
            };
            let left = format!("{figure:>width$} ", width = LEFT - 1);
            let mut line = vec![span(left, Role::Dim)];
            line.extend(field.row(row, &marks, role));
            line
        })
        .collect()
}

/// All points, with a line from each to the next where no gap lies between. Those in one column of dots are one stroke: twenty
/// thousand of them cost hardly more than the dots that there are.
fn draw(band: &Band<'_>, figures: &Figures, field: &mut Field) {
    let (columns, high) = (field.wide * 2, field.high * 4);
    let mut gaps = band.gaps.iter().copied().peekable();
    let mut before: Option<(i64, Stroke)> = None;
    for point in band.points {
        let column = band.span.column(point.at, columns);
        let now = Stroke::new(column, height(point.value, figures, high));
        let since = before.as_ref().map_or(i64::MIN, |(at, _)| *at);
        while gaps.next_if(|gap| *gap < since).is_some() {}
        let is_broken = gaps.peek().is_some_and(|gap| *gap <= point.at);
        let stroke = match before.take() {
            Some((_, stroke)) if !is_broken && stroke.column == column => stroke.with(now.last),
            Some((_, stroke)) => {
                stroke.draw(field);
                if !is_broken {
                    field.line((stroke.column, stroke.last), (column, now.last));
                }
                now
            }
            None => now,
        };
        before = Some((point.at, stroke));
    }
    if let Some((_, stroke)) = before {
        stroke.draw(field);
    }
}

/// The points of one column of dots, by their heights.
struct Stroke {
    column: usize,
    top: usize,
    bottom: usize,
    last: usize,
}

impl Stroke {
    const fn new(column: usize, height: usize) -> Self {
        Self {
            column,
            top: height,
            bottom: height,
            last: height,
        }
    }

    fn with(self, height: usize) -> Self {
        Self {
            top: self.top.min(height),
            bottom: self.bottom.max(height),
            last: height,
            ..self
        }
    }

    fn draw(&self, field: &mut Field) {
        field.line((self.column, self.top), (self.column, self.bottom));
    }
}

/// Dots from the top. A value that never changes stands in the middle.
fn height(value: f64, figures: &Figures, high: usize) -> usize {
    let last = high.saturating_sub(1);
    // Halves first: the difference of two numbers may be larger than any number.
    let whole = figures.max / 2.0 - figures.min / 2.0;
    if whole <= 0.0 {
        return last / 2;
    }
    let part = (figures.max / 2.0 - value / 2.0) / whole;
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between nothing and some hundred dots"
    )]
    let dot = (part.clamp(0.0, 1.0) * last as f64).round() as usize;
    dot.min(last)
}

/// Cells of dots.
struct Field {
    wide: usize,
    high: usize,
    cells: Vec<u8>,
}

impl Field {
    fn new(wide: usize, high: usize) -> Self {
        Self {
            wide,
            high,
            cells: vec![0; wide * high],
        }
    }

    fn dot(&mut self, (x, y): (usize, usize)) {
        /// Bits of a braille cell, by column and row (Unicode, block 2800).
        const BITS: [[u8; 4]; 2] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];
        let (column, row) = (x / 2, y / 4);
        if column < self.wide && row < self.high {
            self.cells[row * self.wide + column] |= BITS[x % 2][y % 4];
        }
    }

    /// Every dot on the way; columns only grow.
    fn line(&mut self, (x0, y0): (usize, usize), (x1, y1): (usize, usize)) {
        let steps = x1.abs_diff(x0).max(y1.abs_diff(y0)).max(1);
        let between = |from: usize, to: usize, step: usize| {
            if to >= from {
                from + (to - from) * step / steps
            } else {
                from - (from - to) * step / steps
            }
        };
        for step in 0..=steps {
            self.dot((between(x0, x1, step), between(y0, y1, step)));
        }
    }

    /// A row of cells; a gap is a line of its own where nothing else stands.
    fn row(&self, row: usize, marks: &BTreeSet<usize>, role: Role) -> Line {
        let mut line = Line::new();
        let mut run = String::new();
        let mut in_mark = false;
        for column in 0..self.wide {
            let bits = self.cells[row * self.wide + column];
            let mark = bits == 0 && marks.contains(&column);
            if mark != in_mark && !run.is_empty() {
                let role = if in_mark { Role::Warn } else { role };
                line.push(span(std::mem::take(&mut run), role));
            }
            in_mark = mark;
            run.push(match (mark, bits) {
                (true, _) => ':',
                (false, 0) => ' ',
                (false, bits) => char::from_u32(0x2800 + u32::from(bits)).unwrap_or(' '),
            });
        }
        let role = if in_mark { Role::Warn } else { role };
        line.push(span(run, role));
        line
    }
}

/// The time below: where it begins, its middle, its end.
pub(super) fn axis(range: Span, zone: i32, cells: usize) -> Line {
    let wide = cells.saturating_sub(LEFT);
    let whole = range.to - range.from;
    let label = |at: i64| match whole {
        0..=9_999_999 => clock(at, zone, true),
        10_000_000..=86_399_999_999 => clock(at, zone, false),
        _ => dated(at, zone),
    };
    let (from, middle, to) = (
        label(range.from),
        label(range.from + whole / 2),
        label(range.to),
    );
    let mut out = " ".repeat(LEFT);
    if wide >= from.len() + middle.len() + to.len() + 4 {
        let before = (wide / 2).saturating_sub(middle.len() / 2 + from.len());
        let after = wide.saturating_sub(from.len() + before + middle.len() + to.len());
        out.push_str(&format!(
            "{from}{}{middle}{}{to}",
            " ".repeat(before),
            " ".repeat(after)
        ));
    } else if wide > from.len() + to.len() {
        let between = wide - from.len() - to.len();
        out.push_str(&format!("{from}{}{to}", " ".repeat(between)));
    } else {
        out = to;
    }
    vec![span(out, Role::Dim)]
}

/// `11-20 14:00`
fn dated(at: i64, zone: i32) -> String {
    let there = crate::base::moment::Timestamp(at.saturating_add(i64::from(zone) * 1_000_000));
    let text = there.to_string();
    text.get(5..16).unwrap_or(&text).replace('T', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(values: &[(i64, f64)], gaps: &[i64], cells: usize, rows: usize) -> Vec<String> {
        let points: Vec<_> = values
            .iter()
            .map(|(at, value)| Point {
                at: *at,
                value: *value,
            })
            .collect();
        let span = Span {
            from: values.first().map_or(0, |v| v.0),
            to: values.last().map_or(0, |v| v.0),
        };
        let gaps: BTreeSet<i64> = gaps.iter().copied().collect();
        let one = Band {
            index: 0,
            label: "home/t .temp",
            points: &points,
            gaps: &gaps,
            span,
        };
        let lines = band(&one, cells, rows);
        lines
            .iter()
            .map(|line| line.iter().map(|s| s.text.as_str()).collect())
            .collect()
    }

    #[test]
    fn values_that_grow_are_a_line_that_rises() {
        let values: Vec<_> = (0..16_u8).map(|n| (i64::from(n), f64::from(n))).collect();
        assert_eq!(
            shown(&values, &[], 19, 4),
            [
                "A home/t .temp",
                "  min 0  max 15  mean 7.5  last 15  of 16",
                "        15     ⣀⠤⠒⠉",
                "         0 ⣀⠤⠒⠉    ",
            ]
        );
    }

    #[test]
    fn no_line_is_drawn_across_a_gap() {
        let values = [(0, 1.0), (10, 1.0), (30, 1.0), (40, 1.0)];
        let whole = shown(&values, &[], 31, 2);
        let broken = shown(&values, &[20], 31, 2);
        assert_eq!(whole[1].matches(' ').count(), 10, "{whole:?}");
        assert!(broken[1].contains(':'), "{broken:?}");
        assert!(broken[1].matches(' ').count() > 14, "{broken:?}");
    }

    /// The clock of the computer was put back, or the messages are of two runs.
    #[test]
    fn time_that_goes_backwards_is_drawn_all_the_same() {
        let lines = shown(
            &[(10, 1.0), (40, 2.0), (20, 3.0), (30, 1.0)],
            &[5, 15, 35],
            31,
            4,
        );
        assert!(lines[1].contains("of 4"), "{lines:?}");
    }

    #[test]
    fn many_values_in_one_column_are_one_stroke_from_the_least_to_the_greatest() {
        let values: Vec<_> = (0..1000)
            .map(|n| (n, f64::from(i32::from(n % 2 == 0))))
            .collect();
        let rows = shown(&values, &[], LEFT + 3, 6);
        let first: Vec<_> = rows[2..].iter().map(|row| row.chars().nth(LEFT)).collect();
        assert_eq!(first, [Some('⣿'); 4], "{rows:?}");
    }

    #[test]
    fn numbers_at_the_ends_of_what_there_is_are_drawn() {
        for values in [
            vec![(0, f64::MAX), (1, f64::MIN)],
            vec![(i64::MIN / 2, 0.0), (i64::MAX / 2, 1.0)],
            vec![(5, 1.0)],
        ] {
            for (cells, rows) in [(0, 0), (1, 1), (11, 3), (12, 4), (200, 50)] {
                let _ = shown(&values, &[], cells, rows);
            }
        }
    }

    #[test]
    fn the_time_stands_below_at_its_place() {
        let second = 1_000_000;
        let text = |to: i64, cells| {
            axis(Span { from: 0, to }, 3600, cells)[0]
                .text
                .as_str()
                .to_owned()
        };
        assert_eq!(
            text(60 * second, 60),
            format!(
                "{}01:00:00{}01:00:30{}01:01:00",
                " ".repeat(11),
                " ".repeat(12),
                " ".repeat(13)
            )
        );
        assert_eq!(text(60 * second, 20).trim(), "01:01:00");
        assert!(text(100 * 3600 * second, 60).contains("01-05 05:00"));
    }
}
