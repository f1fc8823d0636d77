//! One line of what a payload says, decoded where its bytes say nothing by themselves. Only for rows that are drawn.

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::document::Job;
use super::lines::{self, line, span};
use super::screen::{Line, Role};
use crate::domain::decode::{self, Content, Limits, Pins, SURE_ENOUGH, Sure};
use crate::domain::payload::{self, Format};
use crate::store::ring::{Kept, Seq};

/// What one row may cost: some hundred microseconds at worst.
const LIMITS: Limits = Limits {
    output: 8 * 1024,
    values: 800,
    pixels: 1,
};
/// Lines kept: some windows full.
const KEPT: usize = 512;
/// Characters of a line.
const LONGEST: usize = 500;

/// Lines of the rows drawn last. A function of bytes and pins, so that it may be filled while the screen is read.
#[derive(Debug, Default)]
pub(super) struct Glances {
    lines: RefCell<BTreeMap<Seq, (u64, Option<Line>)>>,
}

impl Glances {
    /// `pinned` changes with the pins.
    pub(super) fn line(&self, kept: &Kept<'_>, pins: &Pins, pinned: u64, cells: usize) -> Line {
        let plain = || lines::pieces(payload::compact(kept.payload, cells));
        if !Job::is_quick(kept.payload.len()) || !is_worth_it(kept, pins) {
            return plain();
        }
        let mut known = self.lines.borrow_mut();
        if let Some((_, line)) = known.get(&kept.seq).filter(|(made, _)| *made == pinned) {
            return line.clone().unwrap_or_else(plain);
        }
        if known.len() >= KEPT {
            known.clear();
        }
        let line = decoded(kept, pins);
        known.insert(kept.seq, (pinned, line.clone()));
        line.unwrap_or_else(plain)
    }

    /// Other messages have these numbers now.
    pub(super) fn forget(&mut self) {
        self.lines.get_mut().clear();
    }
}

/// Text speaks for itself, unless somebody said that it is something else.
fn is_worth_it(kept: &Kept<'_>, pins: &Pins) -> bool {
    payload::format(kept.payload) == Format::Binary || pins.of(kept.topic).is_some()
}

/// `None`: the bytes are as good as anything.
fn decoded(kept: &Kept<'_>, pins: &Pins) -> Option<Line> {
    let found = decode::decode(kept.payload, kept.topic, pins.of(kept.topic), LIMITS);
    if matches!(found.sure, Sure::Guessed(sure) if sure < SURE_ENOUGH) {
        return None;
    }
    let what = match &found.content {
        Content::Tree(value) => lines::pieces(payload::tokens(&value.line(LONGEST), LONGEST)),
        Content::Text(text) => {
            let text: String = text.chars().take(LONGEST).collect();
            line(text, Role::Normal)
        }
        Content::Picture(picture) => {
            let text = format!("{} x {}", picture.width, picture.height);
            line(format!("{} picture, {text}", picture.format), Role::Normal)
        }
        Content::Bytes(_) => return None,
    };
    if matches!(found.content, Content::Picture(_)) {
        return Some(what);
    }
    let mut out = line(format!("{} ", found.chain()), Role::Dim);
    out.extend(what);
    if found.stopped {
        out.push(span(" …", Role::Dim));
    }
    Some(out)
}
