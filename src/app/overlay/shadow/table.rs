//! Trees side by side in columns, or one below the other where there is no room for columns. Nothing is cut: a long value
//! goes on in the next line.

use super::super::super::lines::{self, line, span};
use super::super::super::screen::{Line, Role};
use super::Page;
use crate::base::moment::Timestamp;
use crate::base::text::{self, SafeText};
use crate::domain::shadow::{Cell, Row};

/// Below this a column holds too little to be compared: then the values stand one below the other.
const NARROWEST: usize = 13;
/// Wider than this they stand too far apart.
const WIDEST: usize = 42;
/// Cells between columns.
const GAP: usize = 2;
/// Cells of the sign before a field.
const SIGN: usize = 2;

/// One field, ready to be laid out.
struct Field {
    sign: &'static str,
    role: Role,
    name: String,
    cells: Vec<Line>,
    /// For each column the time beside its value.
    times: Vec<String>,
}

pub(super) type When<'a> = &'a dyn Fn(Timestamp) -> String;

/// Desired, reported and delta.
pub(super) fn shadow(rows: &[Row], cells: usize, when: When<'_>) -> Page {
    let fields: Vec<_> = rows
        .iter()
        .map(|row| {
            let differs = !matches!(row.cells[2], Cell::Absent);
            let is_leaf = row
                .cells
                .iter()
                .any(|cell| !matches!(cell, Cell::Branch | Cell::Absent));
            let mut columns: Vec<_> = row
                .cells
                .iter()
                .map(|cell| value(cell, differs && is_leaf))
                .collect();
            if let Some(delta) = columns.last_mut()
                && differs
                && is_leaf
            {
                delta.insert(0, span("→ ", Role::Changed));
            }
            let mut times: Vec<_> = row.cells.iter().map(|cell| time(cell, when)).collect();
            // The delta's times are those of what is desired.
            times[2].clear();
            Field {
                sign: if differs && is_leaf { "≠" } else { "" },
                role: Role::Warn,
                name: name(row),
                cells: columns,
                times,
            }
        })
        .collect();
    lay_out(&["desired", "reported", "delta"], &fields, cells)
}

/// What it was, what I make of it, what they made of it: only fields in which one of them differs.
pub(super) fn conflict(rows: &[Row], cells: usize) -> Page {
    let fields: Vec<_> = rows
        .iter()
        .filter(|row| row.cells.iter().any(|cell| !cell.same(&row.cells[0])) || is_branch(row))
        .map(|row| {
            let [base, mine, theirs] = &row.cells[..] else {
                return Field {
                    sign: "",
                    role: Role::Normal,
                    name: name(row),
                    cells: Vec::new(),
                    times: Vec::new(),
                };
            };
            let (i, they) = (!mine.same(base), !theirs.same(base));
            let (sign, role) = match (i, they) {
                (true, true) if !mine.same(theirs) => ("≠", Role::Bad),
                (true, true) => ("=", Role::Good),
                (true, false) => ("+", Role::Pending),
                (false, true) => ("-", Role::Warn),
                (false, false) => ("", Role::Normal),
            };
            Field {
                sign,
                role,
                name: name(row),
                cells: vec![value(base, false), value(mine, i), value(theirs, they)],
                times: vec![String::new(); 3],
            }
        })
        .collect();
    lay_out(&["before", "mine", "theirs"], &fields, cells)
}

fn is_branch(row: &Row) -> bool {
    row.cells.iter().any(|cell| matches!(cell, Cell::Branch))
}

fn name(row: &Row) -> String {
    let shown = SafeText::new(&row.name).into_string();
    format!("{}{shown}", "  ".repeat(row.depth.min(12)))
}

fn value(cell: &Cell, changed: bool) -> Line {
    match cell {
        Cell::Absent => vec![span("·", Role::Dim)],
        Cell::Branch => Line::new(),
        Cell::EmptyObject => vec![span("{}", Role::Punctuation)],
        Cell::Leaf(leaf) => {
            let role = match leaf.raw.chars().next() {
                _ if changed => Role::Changed,
                Some('"') => Role::Text,
                Some('t' | 'f' | 'n') => Role::Literal,
                Some('[') => Role::Normal,
                _ => Role::Number,
            };
            vec![span(&*leaf.raw, role)]
        }
    }
}

fn time(cell: &Cell, when: When<'_>) -> String {
    match cell {
        Cell::Leaf(leaf) => leaf.at.map(when).unwrap_or_default(),
        _ => String::new(),
    }
}

fn wide(line: &Line) -> usize {
    line.iter().map(|part| part.text.width()).sum()
}

fn lay_out(headings: &[&str], fields: &[Field], cells: usize) -> Page {
    let longest = fields
        .iter()
        .map(|field| text::width(&field.name))
        .max()
        .unwrap_or(0);
    let names = longest.clamp(5, (cells / 3).max(5));
    let count = headings.len();
    let left = cells.saturating_sub(SIGN + names + count * GAP);
    if left / count < NARROWEST {
        return stacked(headings, fields, cells);
    }
    // Where they fit beside every value the times are shown.
    let clock = fields
        .iter()
        .flat_map(|field| &field.times)
        .map(|time| text::width(time))
        .max()
        .unwrap_or(0);
    let timed = clock > 0 && left / count >= NARROWEST + clock + GAP;
    let columns = columns(headings, fields, left, if timed { clock } else { 0 });
    let mut heading = vec![span(" ".repeat(SIGN + names), Role::Normal)];
    for (title, column) in headings.iter().zip(&columns) {
        heading.push(span(" ".repeat(GAP), Role::Normal));
        heading.push(span(
            text::pad(title, column.value + column.clock),
            Role::Label,
        ));
    }
    let rows = fields
        .iter()
        .flat_map(|field| row(field, names, &columns))
        .collect();
    Page {
        head: vec![heading],
        rows,
    }
}

/// Cells of one.
struct Column {
    value: usize,
    /// For the time beside it, with a blank before it; 0 where there is none.
    clock: usize,
}

/// Each as wide as its values, as far as there is room; what one does not need the others may have.
fn columns(headings: &[&str], fields: &[Field], left: usize, clock: usize) -> Vec<Column> {
    let has_time = |n: usize| {
        fields
            .iter()
            .any(|f| f.times.get(n).is_some_and(|t| !t.is_empty()))
    };
    let clocks: Vec<_> = (0..headings.len())
        .map(|n| {
            if clock > 0 && has_time(n) {
                clock + 2
            } else {
                0
            }
        })
        .collect();
    let needs: Vec<_> = (0..headings.len())
        .map(|n| {
            let values = fields
                .iter()
                .filter_map(|field| Some(wide(field.cells.get(n)?)));
            values
                .max()
                .unwrap_or(0)
                .max(text::width(headings[n]))
                .min(WIDEST)
        })
        .collect();
    let mut room = left.saturating_sub(clocks.iter().sum());
    let mut open: Vec<_> = (0..headings.len()).collect();
    open.sort_by_key(|n| needs[*n]);
    let mut out: Vec<_> = clocks
        .iter()
        .map(|clock| Column {
            value: 0,
            clock: *clock,
        })
        .collect();
    for (done, n) in open.iter().enumerate() {
        let share = room / (headings.len() - done);
        out[*n].value = needs[*n].min(share).max(1);
        room = room.saturating_sub(out[*n].value);
    }
    out
}

/// A field over as many lines as its longest value needs.
fn row(field: &Field, names: usize, columns: &[Column]) -> Vec<Line> {
    let values: Vec<Vec<Line>> = field
        .cells
        .iter()
        .zip(columns)
        .map(|(value, column)| lines::fold(value.clone(), column.value, 0))
        .collect();
    let name = lines::fold(
        line(field.name.as_str(), Role::Label),
        names,
        indent(&field.name) + 1,
    );
    let high = values
        .iter()
        .map(Vec::len)
        .max()
        .unwrap_or(1)
        .max(name.len());
    (0..high)
        .map(|n| {
            let sign = if n == 0 { field.sign } else { "" };
            let mut out = vec![span(text::pad(sign, SIGN), field.role)];
            out.extend(padded(name.get(n), names));
            for (at, (value, column)) in values.iter().zip(columns).enumerate() {
                out.push(span(" ".repeat(GAP), Role::Normal));
                out.extend(padded(value.get(n), column.value));
                if column.clock > 0 {
                    let time = field.times.get(at).filter(|_| n == 0);
                    let time = time.map_or("", String::as_str);
                    out.push(span(
                        text::pad(&format!("  {time}"), column.clock),
                        Role::Dim,
                    ));
                }
            }
            out
        })
        .collect()
}

fn indent(name: &str) -> usize {
    name.len() - name.trim_start().len()
}

fn padded(part: Option<&Line>, cells: usize) -> Line {
    let mut out = part.cloned().unwrap_or_default();
    let air = cells.saturating_sub(wide(&out));
    out.push(span(" ".repeat(air), Role::Normal));
    out
}

/// The field, and below it what each column would say.
fn stacked(headings: &[&str], fields: &[Field], cells: usize) -> Page {
    let label = headings.iter().map(|title| title.len()).max().unwrap_or(0) + 2;
    let mut rows = Vec::new();
    for field in fields {
        let mut first = vec![span(text::pad(field.sign, SIGN), field.role)];
        first.push(span(field.name.as_str(), Role::Label));
        rows.extend(lines::fold(first, cells, SIGN + 2));
        let air = SIGN + 2 + indent(&field.name);
        for (n, (title, value)) in headings.iter().zip(&field.cells).enumerate() {
            let silent = wide(value) == 0 || value.iter().all(|part| part.text.as_str() == "·");
            if silent {
                continue;
            }
            let mut out = vec![span(" ".repeat(air), Role::Normal)];
            out.push(span(text::pad(title, label), Role::Dim));
            out.extend(value.iter().cloned());
            let time = field.times.get(n).filter(|time| !time.is_empty());
            if let Some(time) = time
                && wide(&out) + 2 + text::width(time) <= cells
            {
                out.push(span(format!("  {time}"), Role::Dim));
            }
            rows.extend(lines::fold(out, cells, air + label));
        }
    }
    Page {
        head: Vec::new(),
        rows,
    }
}

/// The line without what does not fit.
pub(super) fn cut(line: Line, cells: usize) -> Line {
    lines::fold(line, cells, 0)
        .into_iter()
        .next()
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::shadow::{Node, rows};

    fn page(trees: [&str; 3], cells: usize) -> Vec<String> {
        let trees = trees.map(|text| Node::parse(text).expect("JSON"));
        let rows = rows(&trees.each_ref().map(Some));
        let page = shadow(&rows, cells, &|at| at.clock(0));
        let all = page.head.iter().chain(&page.rows);
        all.map(|line| line.iter().map(|s| s.text.as_str()).collect::<String>())
            .map(|line| line.trim_end().to_owned())
            .collect()
    }

    #[test]
    fn wide_values_go_on_in_the_next_line_and_no_column_moves() {
        let shown = page(
            [
                r#"{"name":"거실에어컨입니다아주긴이름","t":24}"#,
                r#"{"name":"짧은","t":24.0}"#,
                r#"{"name":"거실에어컨입니다아주긴이름"}"#,
            ],
            60,
        );
        assert_eq!(
            shown,
            [
                "         desired              reported  delta",
                "≠ name   \"거실에어컨입니다아  \"짧은\"    → \"거실에어컨입니다",
                "         주긴이름\"                      아주긴이름\"",
                "  t      24                   24.0      ·",
            ]
        );
    }

    #[test]
    fn without_room_for_columns_values_stand_one_below_the_other() {
        let shown = page(
            [
                r#"{"a":{"b":1}}"#,
                r#"{"a":{"b":2},"c":3}"#,
                r#"{"a":{"b":1}}"#,
            ],
            34,
        );
        assert_eq!(
            shown,
            [
                "  a",
                "≠   b",
                "      desired   1",
                "      reported  2",
                "      delta     → 1",
                "  c",
                "    reported  3",
            ]
        );
    }

    #[test]
    fn no_line_is_wider_than_there_is_room() {
        let long = format!(
            r#"{{"{}":{{"k":"{}"}}}}"#,
            "필드".repeat(30),
            "값".repeat(90)
        );
        for cells in [12, 20, 33, 47, 60, 76, 116, 196] {
            for line in page([&long, &long, &long], cells) {
                assert!(text::width(&line) <= cells, "{cells}: {line}");
            }
        }
    }
}
