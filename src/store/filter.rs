//! The filter language of the stream: words, `"phrases"`, `-not`, `device:`, `kind:`, `topic:`.

use memchr::memchr2_iter;

use crate::domain::reading::Kind;
use crate::domain::topic::{TopicError, TopicFilter};

/// A filter that is understood. All terms must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    terms: Vec<Term>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Term {
    negated: bool,
    test: Test,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Test {
    /// Lower case; anywhere in payload, gist, topic or device name.
    Text(String),
    Device(String),
    Kinds(Vec<Kind>),
    Topic(TopicFilter),
}

/// Why a filter is not understood; shown while it is typed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    #[error("the quote is not closed")]
    OpenQuote,
    #[error("{0}: needs a value, as in {0}:{1}")]
    NoValue(&'static str, &'static str),
    #[error("no kind is called {0:?}; kinds: push, event, device, state, error, message, gap")]
    NoSuchKind(String),
    #[error("not a topic filter: {0}")]
    Topic(TopicError),
}

/// What a message offers to a filter.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    pub kind: Kind,
    pub topic: &'a str,
    /// Name of the device, lower case.
    pub device: &'a str,
    pub device_id: &'a str,
    pub gist: &'a str,
    pub payload: &'a [u8],
}

impl Filter {
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        let mut terms = Vec::new();
        let mut rest = text.trim_start();
        while !rest.is_empty() {
            let negated = rest.len() > 1 && rest.starts_with('-');
            if negated {
                rest = &rest[1..];
            }
            let (word, quoted, after) = word(rest)?;
            terms.push(Term {
                negated,
                test: test(&word, quoted)?,
            });
            rest = after.trim_start();
        }
        Ok(Self { terms })
    }

    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    pub fn matches(&self, subject: &Subject<'_>) -> bool {
        self.terms
            .iter()
            .all(|term| term.test.holds(subject) != term.negated)
    }

    /// The words to be shown as found, lower case.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.terms.iter().filter_map(|term| match &term.test {
            Test::Text(text) if !term.negated => Some(text.as_str()),
            _ => None,
        })
    }
}

impl Test {
    fn holds(&self, subject: &Subject<'_>) -> bool {
        match self {
            Self::Text(text) => {
                contains(subject.payload, text)
                    || contains(subject.gist.as_bytes(), text)
                    || contains(subject.topic.as_bytes(), text)
                    || contains(subject.device.as_bytes(), text)
            }
            Self::Device(text) => {
                contains(subject.device.as_bytes(), text)
                    || (!subject.device_id.is_empty()
                        && subject.device_id.starts_with(text.as_str()))
            }
            Self::Kinds(kinds) => kinds.contains(&subject.kind),
            Self::Topic(filter) => filter.matches(subject.topic),
        }
    }
}

/// The next word, whether it was a bare phrase in quotes, and what stands behind it. A quote may also stand behind a
/// colon: `device:"living room"`.
fn word(text: &str) -> Result<(String, bool, &str), FilterError> {
    let mut word = String::new();
    let mut open = false;
    let quoted = text.starts_with('"');
    for (at, c) in text.char_indices() {
        match c {
            '"' => open = !open,
            _ if c.is_whitespace() && !open => return Ok((word, quoted, &text[at..])),
            _ => word.push(c),
        }
    }
    if open {
        return Err(FilterError::OpenQuote);
    }
    Ok((word, quoted, ""))
}

fn test(word: &str, quoted: bool) -> Result<Test, FilterError> {
    let (name, value) = match word.split_once(':') {
        Some(parts) if !quoted => parts,
        _ => return Ok(Test::Text(word.to_lowercase())),
    };
    match name {
        "device" if value.is_empty() => Err(FilterError::NoValue("device", "washer")),
        "device" => Ok(Test::Device(value.to_lowercase())),
        "kind" if value.is_empty() => Err(FilterError::NoValue("kind", "push")),
        "kind" => kinds(value).map(Test::Kinds),
        "topic" if value.is_empty() => Err(FilterError::NoValue("topic", "app/#")),
        "topic" => TopicFilter::parse(value)
            .map(Test::Topic)
            .map_err(FilterError::Topic),
        _ => Ok(Test::Text(word.to_lowercase())),
    }
}

/// Every kind whose word begins so: half a word is on its way to one.
fn kinds(beginning: &str) -> Result<Vec<Kind>, FilterError> {
    let beginning = beginning.to_lowercase();
    let found: Vec<_> = Kind::ALL
        .into_iter()
        .filter(|k| k.word().starts_with(&beginning))
        .collect();
    if found.is_empty() {
        return Err(FilterError::NoSuchKind(beginning));
    }
    Ok(found)
}

/// Whether `hay` holds `needle` (lower case), ASCII letters of either case taken as equal.
pub fn contains(hay: &[u8], needle: &str) -> bool {
    find(hay, needle).is_some()
}

/// Where `hay` first holds `needle` (lower case), ASCII letters of either case taken as equal.
pub fn find(hay: &[u8], needle: &str) -> Option<usize> {
    let needle = needle.as_bytes();
    let Some(first) = needle.first() else {
        return Some(0);
    };
    let last = hay.len().checked_sub(needle.len())?;
    memchr2_iter(*first, first.to_ascii_uppercase(), &hay[..=last])
        .find(|at| hay[*at..*at + needle.len()].eq_ignore_ascii_case(needle))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(filter: &str, payload: &str) -> bool {
        let subject = Subject {
            kind: Kind::Event,
            topic: "app/clients/x/push",
            device: "거실 에어컨",
            device_id: "08c7cc",
            gist: "",
            payload: payload.as_bytes(),
        };
        Filter::parse(filter).expect("understood").matches(&subject)
    }

    #[test]
    fn every_term_must_hold_and_a_minus_turns_it_round() {
        let payload = r#"{"report":{"runState":{"currentState":"RINSING"}}}"#;
        let cases = [
            ("", true),
            ("rinsing", true),
            ("rinsing washing", false),
            ("-washing rinsing", true),
            ("-rinsing", false),
            ("\"currentstate\"", true),
            ("거실", true),
            ("device:에어컨", true),
            ("device:\"거실 에어컨\"", true),
            ("device:08c7", true),
            ("-device:거실", false),
            ("kind:event", true),
            ("kind:ev", true),
            ("kind:push", false),
            ("topic:app/#", true),
            ("topic:other/+", false),
            ("-", false),
        ];
        for (filter, expected) in cases {
            assert_eq!(matches(filter, payload), expected, "{filter}");
        }
    }

    #[test]
    fn what_is_not_understood_says_why() {
        let why = |text: &str| Filter::parse(text).expect_err("wrong").to_string();
        assert_eq!(why("\"living room"), "the quote is not closed");
        assert_eq!(
            why("topic:a/#/b"),
            "not a topic filter: # may only be the last level, alone"
        );
        assert!(why("kind:pusch").starts_with("no kind is called \"pusch\""));
        assert_eq!(why("device:"), "device: needs a value, as in device:washer");
    }
}
