//! Where in a shown text stands what is looked for.

use std::ops::Range;

use memchr::memmem;

use super::number;
use super::path::{Found, Path, said};
use super::pattern::Pattern;
use super::{Comparison, Expression, Node, SenderTest, Wanted};

impl Expression {
    /// Where what is looked for stands in `text`, in order, without overlaps. A comparison stands where a member of that
    /// name has a value that compares so.
    pub fn marks(&self, text: &str) -> Vec<Range<usize>> {
        let mut sought = Sought::default();
        self.root.sought(&mut sought);
        let mut found = patterns(&sought.patterns, text);
        for (path, compared) in sought.members {
            members(text, path, compared, &mut found);
        }
        merged(text, found)
    }

    /// The same in a sender's name, which is its topic or its device's.
    pub fn marks_in_name(&self, name: &str, is_topic: bool) -> Vec<Range<usize>> {
        let mut sought = Sought::default();
        self.root.sought(&mut sought);
        let mut found = patterns(&sought.patterns, name);
        for test in sought.tests {
            let ((SenderTest::TopicPart(needle), true) | (SenderTest::Device(needle), false)) =
                (test, is_topic)
            else {
                continue;
            };
            found.extend(needle.find(name.as_bytes()));
        }
        merged(name, found)
    }
}

/// What must be there; what must not is marked nowhere.
#[derive(Default)]
struct Sought<'a> {
    patterns: Vec<&'a Pattern>,
    members: Vec<(&'a Path, Option<(Comparison, &'a Wanted)>)>,
    tests: Vec<&'a SenderTest>,
}

impl Node {
    fn sought<'a>(&'a self, sought: &mut Sought<'a>) {
        match self {
            Self::All(nodes) | Self::Any(nodes) => {
                for node in nodes {
                    node.sought(sought);
                }
            }
            Self::Text { pattern, .. } => sought.patterns.push(pattern),
            Self::Sender { test, .. } => sought.tests.push(test),
            Self::Exists(path) => sought.members.push((path, None)),
            Self::Compare(path, comparison, wanted) => {
                sought.members.push((path, Some((*comparison, wanted))));
            }
            Self::Not(_) | Self::Envelope(_) => {}
        }
    }
}

fn patterns(patterns: &[&Pattern], text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for pattern in patterns {
        let mut at = 0;
        while let Some(next) = pattern.find_from(text.as_bytes(), at) {
            if next.is_empty() {
                at = next.end + 1;
            } else {
                at = next.end;
                found.push(next);
            }
            if at >= text.len() {
                break;
            }
        }
    }
    found
}

/// `"temp":25.5`, with its value where that compares as is wanted.
fn members(
    text: &str,
    path: &Path,
    compared: Option<(Comparison, &Wanted)>,
    found: &mut Vec<Range<usize>>,
) {
    let Some(name) = path.last_name() else {
        return;
    };
    let quoted = format!("\"{name}\"");
    for start in memmem::find_iter(text.as_bytes(), &quoted) {
        let behind = start + quoted.len();
        let rest = text.get(behind..).unwrap_or_default();
        let Some(value) = rest.trim_start().strip_prefix(':').map(str::trim_start) else {
            continue;
        };
        let Some((compared, wanted)) = compared else {
            found.push(start..behind);
            continue;
        };
        if let Some((length, is_so)) = scalar(value, |found| compared.holds(found, &wanted.value))
            && is_so
        {
            found.push(start..text.len() - value.len() + length);
        }
    }
}

/// Bytes of the value that `text` begins with, and what `fits` says of it.
fn scalar(text: &str, fits: impl Fn(&Found<'_>) -> bool) -> Option<(usize, bool)> {
    let words = [
        ("true", Found::Bool(true)),
        ("false", Found::Bool(false)),
        ("null", Found::Null),
    ];
    if let Some((word, found)) = words.iter().find(|(word, _)| text.starts_with(word)) {
        return Some((word.len(), fits(found)));
    }
    if let Some(string) = text.strip_prefix('"') {
        let mut escaped = false;
        let end = string.bytes().position(|byte| {
            let ends = byte == b'"' && !escaped;
            escaped = byte == b'\\' && !escaped;
            ends
        })?;
        let found = Found::Text(said(string.get(..end)?));
        return Some((end + 2, fits(&found)));
    }
    let length = number::length(text.as_bytes())?;
    Some((length, fits(&Found::Number(text.get(..length)?))))
}

/// In order, at whole characters, as one where they touch or overlap.
fn merged(text: &str, mut found: Vec<Range<usize>>) -> Vec<Range<usize>> {
    found.sort_by_key(|range| range.start);
    let mut marks: Vec<Range<usize>> = Vec::new();
    for range in found {
        let start = text.floor_char_boundary(range.start);
        let end = text.ceil_char_boundary(range.end);
        match marks.last_mut().filter(|last| start < last.end) {
            Some(last) => last.end = last.end.max(end),
            None => marks.push(start..end),
        }
    }
    marks
}
