//! What is looked for in texts: a word, whatever its case, or a regular expression.
//!
//! A word of ASCII letters is the common case and must go through a million payloads while somebody types: it is looked
//! for by its rarest byte, in both cases, and compared only where that stands.

use std::ops::Range;

use memchr::{memchr_iter, memchr2_iter, memmem};
use regex::bytes::{Regex, RegexBuilder};

/// A compiled pattern may take so many bytes: it is compiled at every key stroke.
const REGEX_BYTES: usize = 1 << 20;

#[derive(Debug, Clone)]
pub(super) enum Pattern {
    Word(Needle),
    Regex(Regex),
}

impl Pattern {
    pub(super) fn word(text: &str) -> Self {
        Self::Word(Needle::new(text))
    }

    /// The error is the last line of what the regex crate says: the ones before draw the pattern.
    pub(super) fn regex(pattern: &str, ignores_case: bool) -> Result<Self, String> {
        // In the pattern itself, so that two patterns are equal only when they find the same.
        let flag = if ignores_case { "(?i)" } else { "" };
        RegexBuilder::new(&format!("{flag}{pattern}"))
            .size_limit(REGEX_BYTES)
            .dfa_size_limit(REGEX_BYTES)
            .nest_limit(50)
            .build()
            .map(Self::Regex)
            .map_err(|error| {
                let text = error.to_string();
                let last = text.lines().last().unwrap_or_default().trim();
                last.strip_prefix("error: ").unwrap_or(last).to_owned()
            })
    }

    pub(super) fn find(&self, hay: &[u8]) -> Option<Range<usize>> {
        match self {
            Self::Word(needle) => needle.find(hay),
            Self::Regex(regex) => regex.find(hay).map(|found| found.range()),
        }
    }

    pub(super) fn is_in(&self, hay: &[u8]) -> bool {
        match self {
            Self::Word(needle) => needle.find(hay).is_some(),
            Self::Regex(regex) => regex.is_match(hay),
        }
    }
}

impl PartialEq for Needle {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Word(a), Self::Word(b)) => a == b,
            (Self::Regex(a), Self::Regex(b)) => a.as_str() == b.as_str(),
            _ => false,
        }
    }
}

/// A word that is found in either case.
#[derive(Debug, Clone)]
pub struct Needle {
    /// Lower case.
    text: String,
    how: How,
}

#[derive(Debug, Clone)]
enum How {
    /// Nothing in it has a case.
    Exact(Box<memmem::Finder<'static>>),
    /// Places of the rarest and the second rarest byte.
    Ascii { rarest: usize, second: usize },
    /// Letters beyond ASCII have cases too.
    Folded(Regex),
}

impl Needle {
    pub fn new(text: &str) -> Self {
        let text = text.to_lowercase();
        let cased = |c: char| c.is_lowercase() || c.to_uppercase().ne([c]);
        let how = if !text.chars().any(cased) {
            How::Exact(Box::new(memmem::Finder::new(text.as_bytes()).into_owned()))
        } else if let Some(folded) = (!text.is_ascii()).then(|| folded(&text)).flatten() {
            How::Folded(folded)
        } else {
            let rarity = |byte: &u8| commonness(*byte);
            rarest(text.as_bytes(), rarity)
        };
        Self { text, how }
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// The same, made for texts like `sample`: what is rare in general may be common there.
    #[must_use]
    pub fn tuned(&self, sample: &[u8]) -> Self {
        let How::Ascii { .. } = self.how else {
            return self.clone();
        };
        let mut counts = [0_u32; 256];
        for byte in sample {
            counts[usize::from(byte.to_ascii_lowercase())] += 1;
        }
        // Where the sample has none of two bytes, the general rule decides.
        let rarity = |byte: &u8| counts[usize::from(*byte)] * 256 + commonness(*byte);
        Self {
            text: self.text.clone(),
            how: rarest(self.text.as_bytes(), rarity),
        }
    }

    pub fn find(&self, hay: &[u8]) -> Option<Range<usize>> {
        let needle = self.text.as_bytes();
        match &self.how {
            How::Exact(finder) => finder.find(hay).map(|at| at..at + needle.len()),
            How::Folded(regex) => regex.find(hay).map(|found| found.range()),
            How::Ascii { rarest, second } => {
                let room = hay.len().checked_sub(needle.len())?;
                let window = hay.get(*rarest..=room + rarest)?;
                let (byte, other) = (needle[*rarest], needle[*second]);
                let fits = |at: &usize| {
                    hay[at + second].eq_ignore_ascii_case(&other)
                        && hay[*at..at + needle.len()].eq_ignore_ascii_case(needle)
                };
                let at = if byte.is_ascii_alphabetic() {
                    memchr2_iter(byte, byte.to_ascii_uppercase(), window).find(fits)
                } else {
                    memchr_iter(byte, window).find(fits)
                };
                at.map(|at| at..at + needle.len())
            }
        }
    }
}

fn folded(text: &str) -> Option<Regex> {
    RegexBuilder::new(&regex::escape(text))
        .case_insensitive(true)
        .build()
        .ok()
}

fn rarest(text: &[u8], rarity: impl Fn(&u8) -> u32) -> How {
    let mut places: Vec<usize> = (0..text.len()).collect();
    places.sort_by_key(|at| rarity(&text[*at]));
    let rarest = places.first().copied().unwrap_or(0);
    How::Ascii {
        rarest,
        second: places.get(1).copied().unwrap_or(rarest),
    }
}

/// How common a byte is in JSON of things, from 0 (rare): letters in either case by English, digits and JSON's own signs.
fn commonness(byte: u8) -> u32 {
    const ORDER: &[u8] = b"zqjxkvywbfghpcudml-_.rnsoait e0123456789/{}[],:\"";
    let place = ORDER.iter().position(|b| *b == byte);
    place.map_or(0, |at| u32::try_from(at).unwrap_or(0) + 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_word_is_found_in_either_case_in_any_script() {
        let cases = [
            ("rinsing", "xRINSINGx", Some(1..8)),
            ("RINSING", "rinsing", Some(0..7)),
            ("25.5", "\"t\":25.5", Some(4..8)),
            ("küche", "KÜCHE", Some(0..6)),
            ("거실", "내 거실", Some(4..10)),
            ("a", "", None),
            ("ab", "a", None),
            ("", "abc", Some(0..0)),
        ];
        for (word, hay, expected) in cases {
            assert_eq!(Needle::new(word).find(hay.as_bytes()), expected, "{word}");
        }
    }

    #[test]
    fn a_pattern_that_is_wrong_says_why_in_one_line() {
        let why = Pattern::regex("a(b", false).expect_err("open");
        assert_eq!(why, "unclosed group");
        assert!(Pattern::regex(r"\w{9999}", false).is_err(), "too large");
    }

    proptest! {
        #[test]
        fn the_quick_way_finds_what_the_slow_way_finds(
            hay in "[a-cA-C\"0]{0,40}", word in "[a-c\"0]{1,4}", sample in "[a-cA-C\"0]{0,40}"
        ) {
            let slow = hay.to_ascii_lowercase().find(&word).map(|at| at..at + word.len());
            let tuned = Needle::new(&word).tuned(sample.as_bytes());
            prop_assert_eq!(Needle::new(&word).find(hay.as_bytes()), tuned.find(hay.as_bytes()));
            prop_assert_eq!(tuned.find(hay.as_bytes()), slow);
        }
    }
}
