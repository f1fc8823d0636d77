//! What is looked for in texts: a word, whatever its case, or a regular expression.
//!
//! A word of ASCII letters is the common case and must go through a million payloads while somebody types: it is looked
//! for by its rarest byte, in both cases, and compared only where that stands.

use std::ops::Range;

use memchr::{memchr, memchr_iter, memchr2_iter, memmem};
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

    /// `flags` are letters that the regex crate knows, as in `(?i)`. The error is the last line of what it says: the ones
    /// before draw the pattern.
    pub(super) fn regex(pattern: &str, flags: &str) -> Result<Self, String> {
        // In the pattern itself, so that two patterns are equal only when they find the same.
        let flags = match flags {
            "" => String::new(),
            flags => format!("(?{flags})"),
        };
        RegexBuilder::new(&format!("{flags}{pattern}"))
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

    /// The first one that begins at `at` or behind.
    pub(super) fn find_from(&self, hay: &[u8], at: usize) -> Option<Range<usize>> {
        match self {
            Self::Word(needle) => {
                let found = needle.find(hay.get(at..)?)?;
                Some(at + found.start..at + found.end)
            }
            Self::Regex(_) if at > hay.len() => None,
            Self::Regex(regex) => regex.find_at(hay, at).map(|found| found.range()),
        }
    }

    /// How many times slower than a plain word it is to look for, about.
    pub(super) fn weight(&self) -> usize {
        match self {
            Self::Word(needle) => needle.weight(),
            Self::Regex(_) => 8,
        }
    }

    pub(super) fn is_in(&self, hay: &[u8]) -> bool {
        match self {
            Self::Word(needle) => needle.is_in(hay),
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

/// A word that is found in either case, also where it stands escaped in a JSON string (`\uac70`, `\/`).
#[derive(Debug, Clone)]
pub struct Needle {
    /// Lower case.
    text: String,
    how: How,
    /// With escapes: for texts with a backslash in them, and only where the word has something to escape.
    escaped: Option<Box<Regex>>,
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
        Self {
            escaped: escaped(&text),
            text,
            how,
        }
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
            how: rarest(self.text.as_bytes(), rarity),
            ..self.clone()
        }
    }

    pub fn find(&self, hay: &[u8]) -> Option<Range<usize>> {
        let plain = self.find_plain(hay);
        let Some(escaped) = self.escaped_in(hay) else {
            return plain;
        };
        let escaped = escaped.find(hay).map(|found| found.range());
        plain.into_iter().chain(escaped).min_by_key(|r| r.start)
    }

    fn is_in(&self, hay: &[u8]) -> bool {
        self.find_plain(hay).is_some()
            || self
                .escaped_in(hay)
                .is_some_and(|regex| regex.is_match(hay))
    }

    fn escaped_in(&self, hay: &[u8]) -> Option<&Regex> {
        let escaped = self.escaped.as_deref()?;
        memchr(b'\\', hay).map(|_| escaped)
    }

    fn weight(&self) -> usize {
        match self.how {
            How::Exact(_) | How::Ascii { .. } if self.escaped.is_none() => 1,
            _ => 8,
        }
    }

    fn find_plain(&self, hay: &[u8]) -> Option<Range<usize>> {
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

/// The text as JSON may write it: letters beyond ASCII, and what encoders escape to be safe in HTML, by their number; slashes
/// and quotes behind a backslash.
fn escaped(text: &str) -> Option<Box<Regex>> {
    let is_escaped =
        |c: char| !c.is_ascii() || matches!(c, '<' | '>' | '&' | '\'' | '=' | '/' | '"');
    if !text.contains(is_escaped) {
        return None;
    }
    let mut pattern = String::new();
    for c in text.chars() {
        let itself = regex::escape(c.encode_utf8(&mut [0; 4]));
        if !is_escaped(c) {
            pattern.push_str(&itself);
            continue;
        }
        pattern.push_str("(?:");
        pattern.push_str(&itself);
        if matches!(c, '/' | '"') {
            pattern.push_str(r"|\\");
            pattern.push(c);
        }
        let mut upper = c.to_uppercase();
        let other = upper
            .next()
            .filter(|other| upper.next().is_none() && *other != c);
        for c in std::iter::once(c).chain(other) {
            pattern.push('|');
            for unit in c.encode_utf16(&mut [0; 2]) {
                pattern.push_str(&format!(r"\\u{unit:04x}"));
            }
        }
        pattern.push(')');
    }
    let built = RegexBuilder::new(&pattern)
        .case_insensitive(true)
        .size_limit(REGEX_BYTES)
        .build();
    built.ok().map(Box::new)
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
    fn a_word_is_found_where_json_escapes_it() {
        let cases = [
            ("거실", r#"{"a":"\uac70\uc2e4"}"#),
            ("거실", r#"{"a":"\uAC70\uC2E4"}"#),
            ("거실", r#"{"a":"거\uc2e4"}"#),
            ("café", r#"["CAF\u00C9"]"#),
            ("Привет", r#"["\u041f\u0440\u0438\u0432\u0435\u0442"]"#),
            ("привет", r#"["\u041F\u0440\u0438\u0432\u0435\u0442"]"#),
            ("😀 ok", r#"["\ud83d\ude00 OK"]"#),
            ("home/kitchen", r#"{"t":"home\/kitchen"}"#),
            ("a&b", r#"["a\u0026b"]"#),
            ("say \"hi\"", r#"["say \"hi\""]"#),
        ];
        for (word, hay) in cases {
            let needle = Needle::new(word);
            assert!(needle.is_in(hay.as_bytes()), "{word} in {hay}");
            assert!(needle.find(hay.as_bytes()).is_some(), "{word} in {hay}");
        }
        assert!(!Needle::new("거실").is_in(br#"["\uac71\uc2e4"]"#));
    }

    #[test]
    fn a_pattern_that_is_wrong_says_why_in_one_line() {
        let why = Pattern::regex("a(b", "").expect_err("open");
        assert_eq!(why, "unclosed group");
        assert!(Pattern::regex(r"\w{9999}", "").is_err(), "too large");
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
