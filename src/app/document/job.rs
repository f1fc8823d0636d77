//! One payload from bytes to lines.

use bytes::Bytes;

use super::super::screen::Role;
use super::super::words;
use super::sheet::Sheet;
use super::tree::Writer;
use super::{View, changed, picture, plain};
use crate::domain::decode::{self, Chain, Content, Decoded, Limits, Step, Sure, Value};

/// Everything that the lines depend on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    pub payload: Bytes,
    pub topic: String,
    /// The chain that is said for the topic.
    pub pin: Option<Chain>,
    /// Names whose values are secret.
    pub mask: Vec<&'static str>,
    /// What it is compared with: payload, topic and pin of the message before.
    pub before: Option<(Bytes, String, Option<Chain>)>,
    pub view: View,
    /// Cells of a line, and rows of the window.
    pub cells: usize,
    pub rows: usize,
}

/// The lines, and what is said above them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ready {
    pub sheet: Sheet,
    /// `JSON`, or `gzip > cbor, 95 % sure`.
    pub what: String,
    /// The chain that was gone through, and how sure it is; `None` where it is pinned.
    pub chain: Chain,
    pub sure: Option<u8>,
    /// Other chains that fit.
    pub others: Vec<decode::Guess>,
    /// What the message before has otherwise; `None` where nothing was compared.
    pub counts: Option<Counts>,
    /// A bound was met that is higher beside the screen.
    pub stopped: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    pub changed: usize,
    pub came: usize,
    pub gone: usize,
}

/// Payloads up to this are done at once; a larger one might hold a frame up. Bytes.
const QUICK: usize = 16 * 1024;

impl Job {
    /// Whether it may be tried between two frames.
    pub fn is_small(&self) -> bool {
        let before = self.before.as_ref().map_or(0, |b| b.0.len());
        Self::is_quick(self.payload.len() + before)
    }

    pub const fn is_quick(bytes: usize) -> bool {
        bytes <= QUICK
    }

    /// Between two frames; what takes longer comes back as `stopped`.
    pub fn run_quick(&self) -> Ready {
        self.run_within(Limits::QUICK)
    }

    /// With all the bounds a payload may need.
    pub fn run(&self) -> Ready {
        self.run_within(Limits::FULL)
    }

    fn run_within(&self, limits: Limits) -> Ready {
        let mut decoded = self.decoded(&self.payload, &self.topic, self.pin.as_ref(), limits);
        let mut before = self
            .before
            .as_ref()
            .map(|(payload, topic, pin)| self.decoded(payload, topic, pin.as_ref(), limits));
        for one in std::iter::once(&mut decoded).chain(&mut before) {
            if let Content::Tree(value) = &mut one.content {
                value.mask(&self.mask);
            }
        }
        let old = before.as_ref().and_then(Decoded::tree);
        let counts = match (old, decoded.tree()) {
            (Some(old), Some(now)) => Some(changed::count(old, now)),
            _ => None,
        };
        let mut sheet = Sheet::default();
        self.remarks(&mut sheet, &decoded);
        let left = if self.mask.is_empty() {
            self.body(&mut sheet, &decoded, old)
        } else {
            self.masked_body(&mut sheet, &decoded, old);
            0
        };
        self.end(&mut sheet, &decoded, left);
        sheet.lay(self.cells);
        Ready {
            sheet,
            what: what(&decoded),
            chain: decoded.chain(),
            sure: match decoded.sure {
                Sure::Pinned => None,
                Sure::Guessed(sure) => Some(sure),
            },
            counts,
            stopped: decoded.stopped || before.is_some_and(|b| b.stopped),
            others: decoded.others,
        }
    }

    /// A payload that holds a secret is taken for nothing but JSON: only there it is known where the secret stands.
    fn decoded(&self, payload: &[u8], topic: &str, pin: Option<&Chain>, limits: Limits) -> Decoded {
        if self.mask.is_empty() {
            return decode::decode(payload, topic, pin, limits);
        }
        let json = Chain(vec![Step::Json]);
        decode::decode(payload, topic, Some(&json), limits)
    }

    fn remarks(&self, sheet: &mut Sheet, decoded: &Decoded) {
        if matches!(self.view, View::Raw | View::Hex) {
            return;
        }
        for remark in &decoded.remarks {
            sheet.line(remark, Role::Warn);
        }
    }

    /// Gives the bytes that were left out.
    fn body(&self, sheet: &mut Sheet, decoded: &Decoded, old: Option<&Value>) -> usize {
        match self.view {
            View::Raw => return plain::raw(sheet, &self.payload),
            View::Hex => return plain::hex(sheet, &self.payload, self.cells),
            View::Decoded => report(sheet, decoded),
            _ => {}
        }
        match (&decoded.content, self.view) {
            (Content::Tree(value), _) => self.tree(sheet, value, old),
            (Content::Picture(found), _) => picture::write(sheet, found, self.cells, self.rows),
            (_, View::Tree | View::Changes) => self.no_tree(sheet),
            (Content::Text(text), _) => {
                return plain::raw(sheet, text.as_bytes());
            }
            (Content::Bytes(bytes), _) => return plain::hex(sheet, bytes, self.cells),
        }
        0
    }

    fn no_tree(&self, sheet: &mut Sheet) {
        let text = match self.view {
            View::Changes => "this payload has no fields to compare",
            _ => "this payload has no fields",
        };
        sheet.line(text, Role::Dim);
    }

    fn masked_body(&self, sheet: &mut Sheet, decoded: &Decoded, old: Option<&Value>) {
        match (&decoded.content, self.view) {
            (Content::Tree(value), View::Pretty | View::Tree | View::Changes) => {
                self.tree(sheet, value, old);
            }
            _ => sheet.line("(holds a secret: only the pretty view is shown)", Role::Dim),
        }
    }

    fn tree(&self, sheet: &mut Sheet, value: &Value, old: Option<&Value>) {
        match (self.view, old) {
            (View::Changes, Some(old)) => changed::write(sheet, old, value, self.cells),
            (View::Changes, None) => {
                sheet.line("there is no message before to compare with", Role::Dim);
            }
            (view, old) => Writer {
                sheet,
                compares: old.is_some(),
                plain: view == View::Tree,
            }
            .write(value, old),
        }
    }

    fn end(&self, sheet: &mut Sheet, decoded: &Decoded, left: usize) {
        if sheet.left_out > 0 {
            let many = words::grouped(std::mem::take(&mut sheet.left_out) as u64);
            sheet.last_words(&format!("… {many} more lines are left out; y copies all"));
        }
        if left > 0 {
            let bytes = words::bytes(left as u64);
            sheet.last_words(&format!("… {bytes} more are left out; y copies all"));
        }
        if !decoded.trailing.is_empty()
            && !matches!(self.view, View::Raw | View::Hex)
            && self.mask.is_empty()
        {
            let text = match std::str::from_utf8(&decoded.trailing) {
                Ok(text) if text.len() < 80 => {
                    format!("behind the end: {}", Value::text(text).line(200))
                }
                _ => format!(
                    "behind the end: {}",
                    Value::Bytes(decoded.trailing.clone()).line(200)
                ),
            };
            sheet.last_words(&text);
        }
    }
}

/// What the payload is, in a few words.
fn what(decoded: &Decoded) -> String {
    let chain = decoded.chain();
    let first = decoded.steps.first().map(|(step, size)| (step, *size));
    match (first, decoded.sure) {
        (Some((_, 0)), Sure::Guessed(_)) => "empty".to_owned(),
        (_, Sure::Pinned) => format!("{chain}, pinned"),
        (Some((step, _)), Sure::Guessed(sure)) if chain.0.len() == 1 => match step {
            Step::Json if sure >= 90 => "JSON".to_owned(),
            Step::Text => "text".to_owned(),
            Step::Bytes => "binary".to_owned(),
            _ => format!("{chain}, {sure} % sure"),
        },
        (_, Sure::Guessed(sure)) => format!("{chain}, {sure} % sure"),
    }
}

/// How it was decoded, and what else it could be.
fn report(sheet: &mut Sheet, decoded: &Decoded) {
    for (step, bytes) in &decoded.steps {
        if sheet.begin(2, "") {
            sheet.put(&step.to_string(), Role::Title);
            sheet.put(&format!("  {}", words::bytes(*bytes as u64)), Role::Dim);
        }
    }
    let sure = match decoded.sure {
        Sure::Pinned => "as pinned for the topic".to_owned(),
        Sure::Guessed(sure) => format!("{sure} % sure"),
    };
    sheet.line(&sure, Role::Normal);
    let others: Vec<_> = decoded
        .others
        .iter()
        .filter(|guess| guess.sure >= 10)
        .map(|guess| format!("{} ({} %)", guess.chain, guess.sure))
        .collect();
    if !others.is_empty() {
        sheet.line(&format!("or: {}", others.join(", ")), Role::Dim);
    }
    sheet.line("o decodes otherwise, for this topic from now on", Role::Dim);
    sheet.line("", Role::Normal);
}
