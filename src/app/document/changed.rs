//! The table of what changed: path, before, now, and how much.

use super::super::screen::Role;
use super::job::Counts;
use super::sheet::Sheet;
use super::tree::difference;
use crate::base::text;
use crate::domain::decode::Value;
use crate::domain::decode::difference::{Change, changes};

/// Changes that are counted and listed.
const MOST: usize = 20_000;

pub(super) fn count(before: &Value, now: &Value) -> Counts {
    let mut counts = Counts::default();
    for change in changes(before, now, MOST) {
        match (change.before, change.now) {
            (None, _) => counts.came += 1,
            (_, None) => counts.gone += 1,
            _ => counts.changed += 1,
        }
    }
    counts
}

pub(super) fn write(sheet: &mut Sheet, before: &Value, now: &Value, cells: usize) {
    let all = changes(before, now, MOST);
    if all.is_empty() {
        return sheet.line("nothing changed", Role::Dim);
    }
    sheet.pointed = true;
    let widest = all.iter().map(|c| text::width(&c.path)).max().unwrap_or(0);
    let column = widest.min(cells / 2);
    for change in &all {
        row(sheet, change, column);
    }
}

fn row(sheet: &mut Sheet, change: &Change<'_>, column: usize) {
    const SHOWN: usize = 60;
    if !sheet.begin(2, &change.path) {
        return;
    }
    sheet.put(&change.path, Role::Label);
    let pad = column.saturating_sub(text::width(&change.path));
    sheet.put(&" ".repeat(pad + 2), Role::Normal);
    match (change.before, change.now) {
        (Some(before), Some(now)) => {
            sheet.put(&before.line(SHOWN), Role::Dim);
            sheet.put(" -> ", Role::Punctuation);
            sheet.put(&now.line(SHOWN), Role::Changed);
            if let (Value::Number(_), Value::Number(_)) = (before.bare(), now.bare()) {
                let words = difference(before.bare(), now.bare());
                if !words.starts_with("was") {
                    sheet.put(&format!(" ({words})"), Role::Dim);
                }
            }
        }
        (None, Some(now)) => {
            sheet.put("new: ", Role::Good);
            sheet.put(&now.line(SHOWN), Role::Changed);
        }
        (Some(before), None) => {
            sheet.put("gone, was ", Role::Warn);
            sheet.put(&before.line(SHOWN), Role::Dim);
        }
        (None, None) => {}
    }
}
