//! Which decoders fit a payload, and how sure that is.
//!
//! What could be text is text: a guess has to explain every byte, and by more than chance, before it is made. A guess says how sure it
//! is; nothing here is certain but what carries a mark of its own.

use super::chain::{Chain, Step};
use super::reader::{Fault, Work};
use super::value::Value;
use super::{Limits, avro, cbor, inflate, json, msgpack, picture, protobuf, sparkplug, text};
use crate::base::text::is_unsafe;

/// A chain that fits, and how sure it is, from 0 to 100.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guess {
    pub chain: Chain,
    pub sure: u8,
}

/// Layers that are unwrapped one inside the other.
const LAYERS: usize = 4;

/// The chains that fit, the likeliest first; never empty.
pub fn guess(bytes: &[u8], topic: &str, limits: Limits) -> Vec<Guess> {
    guess_within(bytes, topic, limits).0
}

/// The same, and whether the work was over before every format had its turn: with a higher bound others may fit better.
pub(super) fn guess_within(bytes: &[u8], topic: &str, limits: Limits) -> (Vec<Guess>, bool) {
    /// What is surer than that, nothing else would be.
    const SURE: u8 = 90;
    let mut work = Work::new(limits.values);
    let mut found = look(bytes, topic, limits, &mut work, LAYERS);
    found.sort_by_key(|guess| std::cmp::Reverse(guess.sure));
    found.truncate(6);
    let is_open = work.is_over() && found.first().is_none_or(|best| best.sure < SURE);
    (found, is_open)
}

fn one(step: Step, sure: u8) -> Guess {
    Guess {
        chain: Chain(vec![step]),
        sure,
    }
}

fn look(bytes: &[u8], topic: &str, limits: Limits, work: &mut Work, layers: usize) -> Vec<Guess> {
    if bytes.is_empty() {
        return vec![one(Step::Text, 100)];
    }
    if let Some(marked) = marked(bytes, topic, limits, work, layers) {
        return marked;
    }
    let mut found = Vec::new();
    match std::str::from_utf8(bytes) {
        Ok(text) if text::is_plain(text) => {
            return written(text, topic, limits, work, layers);
        }
        Ok(text) => {
            if let Some(sure) = document_before_junk(text, bytes.len(), work) {
                found.push(one(Step::Json, sure));
            }
            found.push(one(Step::Text, sure_of_text(text)));
        }
        Err(error) => {
            // A text cut in the middle of its last character.
            let cut = error.error_len().is_none() && error.valid_up_to() + 4 > bytes.len();
            let front = std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default();
            if let Some(sure) = document_before_junk(front, bytes.len(), work) {
                found.push(one(Step::Json, sure));
            }
            if cut && error.valid_up_to() >= 16 && text::is_plain(front) {
                found.push(one(Step::Text, 75));
            } else if is_western(bytes) {
                found.push(one(Step::Text, 62));
            }
        }
    }
    binary(bytes, topic, work, &mut found);
    found.push(one(Step::Bytes, 25));
    found
}

/// ASCII with a few letters of one byte between, as ISO 8859 has them: `21.5 °C` without UTF-8.
fn is_western(bytes: &[u8]) -> bool {
    /// In a shorter one chance would do it.
    const SHORTEST: usize = 7;
    let high = bytes.iter().filter(|b| **b >= 0xa0).count();
    let is_written = |b: &u8| matches!(b, b' '..=b'~' | b'\n' | b'\r' | b'\t' | 0xa0..);
    bytes.len() >= SHORTEST && high * 5 <= bytes.len() && bytes.iter().all(is_written)
}

fn is_odd(c: char) -> bool {
    is_unsafe(c) && !matches!(c, '\n' | '\r' | '\t')
}

/// What says itself what it is, by its first bytes and by opening as such.
fn marked(
    bytes: &[u8],
    topic: &str,
    limits: Limits,
    work: &mut Work,
    layers: usize,
) -> Option<Vec<Guess>> {
    if sparkplug::is_topic(topic)
        && !std::str::from_utf8(bytes).is_ok_and(text::is_plain)
        && match sparkplug::read(bytes, work) {
            Ok(value) => sparkplug::is_known(&value),
            Err(fault) => fault == Fault::Work,
        }
    {
        return Some(vec![
            one(Step::Sparkplug, 99),
            one(Step::Protobuf(None), 20),
        ]);
    }
    if picture::size(bytes).is_some() {
        return Some(vec![one(Step::Picture, 99)]);
    }
    if bytes.starts_with(avro::MAGIC) {
        // One that is broken, or packed as we cannot open it, says so when it is read.
        let sure = match avro::read_file(bytes, limits.output, work) {
            Ok(_) | Err(Fault::Work) => 99,
            Err(_) => 80,
        };
        return Some(vec![one(Step::Avro(None), sure)]);
    }
    let (step, opened) = match bytes {
        [0x1f, 0x8b, 8, ..] => (Step::Gzip, inflate::gzip(bytes, limits.output)),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => (Step::Zstd, inflate::zstd(bytes, limits.output)),
        // CMF and FLG are a multiple of 31 (RFC 1950, 2.2).
        [
            cmf @ (0x08 | 0x18 | 0x28 | 0x38 | 0x48 | 0x58 | 0x68 | 0x78),
            flg,
            ..,
        ] if (u16::from(*cmf) << 8 | u16::from(*flg)) % 31 == 0 && flg & 0x20 == 0 => {
            (Step::Zlib, inflate::zlib(bytes, limits.output))
        }
        _ => return None,
    };
    let opened = match opened {
        Ok(opened) => opened,
        // Nothing comes out: why, is said when it is opened.
        Err(_) if step != Step::Zlib => return Some(vec![one(step, 80)]),
        Err(_) => return None,
    };
    // Two bytes alone say little: then it has to open to the end, checksum and all.
    if step == Step::Zlib && !opened.cut && (opened.broken.is_some() || opened.trailing > 16) {
        return None;
    }
    Some(inside(
        &step,
        &opened.bytes,
        topic,
        limits,
        work,
        layers,
        98,
    ))
}

/// Guesses for what was unwrapped, behind the step that unwrapped it.
fn inside(
    step: &Step,
    bytes: &[u8],
    topic: &str,
    limits: Limits,
    work: &mut Work,
    layers: usize,
    most: u8,
) -> Vec<Guess> {
    if layers == 0 {
        return vec![one(step.clone(), most)];
    }
    look(bytes, topic, limits, work, layers - 1)
        .into_iter()
        .map(|guess| {
            let mut steps = vec![step.clone()];
            // Bytes that say nothing: the chain ends with what was sure.
            if guess.chain.0 != [Step::Bytes] {
                steps.extend(guess.chain.0);
            }
            Guess {
                chain: Chain(steps),
                sure: guess.sure.min(most),
            }
        })
        .collect()
}

/// What can be read as text.
fn written(text: &str, topic: &str, limits: Limits, work: &mut Work, layers: usize) -> Vec<Guess> {
    let trimmed = text::without_mark(text).trim();
    let mut found = Vec::new();
    if trimmed.starts_with(['{', '[']) {
        match json::read(trimmed, &mut Work::new(limits.values)) {
            Ok((_, end)) if end == trimmed.len() => found.push(one(Step::Json, 99)),
            // Too much for one look, or too deep: it begins like JSON, and that is enough.
            Err(Fault::Work | Fault::Deep) => found.push(one(Step::Json, 90)),
            Ok((_, end)) if is_lines(trimmed, work) => {
                found.push(one(Step::JsonLines, 95));
                found.push(one(
                    Step::Json,
                    u8::try_from(end * 50 / trimmed.len()).unwrap_or(50),
                ));
            }
            Ok((Value::Map(_), end)) if end * 2 > trimmed.len() => {
                found.push(one(Step::Json, 88));
            }
            _ => {}
        }
    }
    found.extend(encoded(trimmed, topic, limits, work, layers));
    let is_taken = found.iter().any(|guess| guess.sure > 90);
    found.push(one(Step::Text, if is_taken { 30 } else { 85 }));
    found
}

/// Whether every line is a document of its own.
fn is_lines(text: &str, work: &mut Work) -> bool {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    text.lines().count() > 1
        && lines.all(|line| {
            let line = line.trim();
            line.starts_with(['{', '['])
                && matches!(json::read(line, work), Ok((_, end)) if end == line.len())
        })
}

/// A JSON document with something unprintable behind it: a NUL that some C code has sent along, a checksum.
fn document_before_junk(text: &str, all: usize, work: &mut Work) -> Option<u8> {
    let text = text::without_mark(text);
    if !text.trim_start().starts_with(['{', '[']) {
        return None;
    }
    let (_, end) = json::read(text, work).ok()?;
    (end * 2 > all).then_some(if end * 4 > all * 3 { 90 } else { 82 })
}

/// Text with some control characters in it is still a text, but the less surely the more there are.
fn sure_of_text(text: &str) -> u8 {
    /// Characters: a few letters may stand anywhere.
    const SHORTEST: usize = 12;
    let odd = text.chars().filter(|c| is_odd(*c)).count();
    let all = text.chars().count();
    let zeros = text.matches('\0').count();
    // As a C string ends.
    if text::is_plain(text.trim_end_matches('\0')) && !text.starts_with('\0') {
        80
    } else if odd * 50 <= all {
        70
    } else if odd * 5 <= all && zeros * 20 <= all && all >= SHORTEST {
        55
    } else {
        12
    }
}

/// base64 and hex: any word of letters could be either, so what comes out has to be something.
fn encoded(text: &str, topic: &str, limits: Limits, work: &mut Work, layers: usize) -> Vec<Guess> {
    if layers == 0 || text.len() < 8 {
        return Vec::new();
    }
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let digits = |b: &u8| b.is_ascii_hexdigit();
    if bytes.iter().filter(|b| digits(b)).count() * 3 >= bytes.len() * 2
        && let Some(plain) = text::hex(bytes)
    {
        let sure = meaning(&plain, topic, limits, work, layers);
        found.push(chosen(&Step::Hex, sure, 15));
        if found.iter().any(|g| g.sure > 80) {
            return found;
        }
    }
    let letters =
        |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'-' | b'_' | b'=');
    if bytes
        .iter()
        .all(|b| letters(b) || matches!(b, b'\r' | b'\n'))
        && let Some(plain) = text::base64(bytes)
    {
        let sure = meaning(&plain, topic, limits, work, layers);
        let floor = if is_mixed(bytes) { 88 } else { 15 };
        found.push(chosen(&Step::Base64, sure, floor));
    }
    found
}

/// Long, padded or of a whole number of groups, with capitals, small letters and digits mixed as chance would.
fn is_mixed(bytes: &[u8]) -> bool {
    let count = |test: fn(&u8) -> bool| bytes.iter().filter(|b| test(b)).count() * 20;
    let length = bytes.len();
    length >= 64
        && length.is_multiple_of(4)
        && count(u8::is_ascii_uppercase) > length * 4
        && count(u8::is_ascii_lowercase) > length * 4
        && count(u8::is_ascii_digit) > length
}

/// What the bytes behind an encoding are, where they are something.
fn meaning(
    plain: &[u8],
    topic: &str,
    limits: Limits,
    work: &mut Work,
    layers: usize,
) -> Option<Guess> {
    let best = look(plain, topic, limits, work, layers - 1)
        .into_iter()
        .max_by_key(|guess| guess.sure)?;
    let first = best.chain.0.first()?;
    let says_so = match first {
        // Readable text out of letters is no accident when it is long enough.
        Step::Text => plain.len() >= 8 && plain.is_ascii(),
        Step::Bytes | Step::Base64 | Step::Hex => false,
        Step::Cbor | Step::MsgPack | Step::Protobuf(_) => plain.len() >= 12 && best.sure >= 80,
        _ => true,
    };
    says_so.then_some(best)
}

fn chosen(step: &Step, meaning: Option<Guess>, floor: u8) -> Guess {
    match meaning {
        Some(guess) => {
            let mut steps = vec![step.clone()];
            steps.extend(guess.chain.0);
            Guess {
                chain: Chain(steps),
                sure: guess.sure.clamp(88, 96),
            }
        }
        None => one(step.clone(), floor),
    }
}

/// Formats without a mark of their own: each has to take the bytes to the last one, and by more than chance.
fn binary(bytes: &[u8], topic: &str, work: &mut Work, found: &mut Vec<Guess>) {
    let described = bytes.starts_with(&[0xd9, 0xd9, 0xf7]);
    if let Ok((value, end)) = cbor::read(bytes, work)
        && end == bytes.len()
    {
        let sure = if described { 99 } else { score(&value) };
        found.extend((sure > 0).then(|| one(Step::Cbor, sure)));
    }
    if let Ok((value, end)) = msgpack::read(bytes, work)
        && end == bytes.len()
    {
        let sure = score(&value);
        found.extend((sure > 0).then(|| one(Step::MsgPack, sure)));
    }
    let tree = found
        .iter()
        .any(|g| g.sure >= 60 && g.chain.0 != [Step::Text]);
    if let Some(bits) = protobuf::evidence(bytes, work) {
        // Chance brings about so many bits in one of so many payloads.
        let sure = match bits {
            0..12 => 10,
            12..20 => 30,
            20..28 => 60,
            28..40 => 75,
            _ => 85,
        };
        let sure = if tree { sure / 3 } else { sure };
        if !tree
            && sure >= 60
            && sparkplug::read(bytes, work).is_ok_and(|value| sparkplug::is_likely(&value))
        {
            let named = topic.split('/').any(|level| level == "spBv1.0");
            found.push(one(Step::Sparkplug, if named { 95 } else { 87 }));
        }
        found.push(one(Step::Protobuf(None), sure));
    }
}

/// How likely somebody meant this tree: maps with names and readable texts are meant, a lone number is not.
fn score(value: &Value) -> u8 {
    let mut tally = Tally::default();
    tally.add(value);
    if !value.is_container() || tally.odd_texts > 0 || tally.odd_keys * 4 > tally.keys {
        return 8;
    }
    match (tally.named_keys, tally.letters, tally.values) {
        // A mark in front of each fraction, or numbered members in order: chance writes neither.
        (0, 0, _) if tally.fractions > 1 => 75,
        (0, 0, _) if tally.fractions == 1 || tally.numbered > 0 => 60,
        (0, 0, values) if values < 6 => 15,
        (0, 0, _) => 55,
        (0, letters, _) if letters < 4 => 40,
        (0, _, _) => 70,
        (1, letters, _) if letters < 2 => 60,
        (1..=2, _, _) => 85,
        _ => 95,
    }
}

#[derive(Default)]
struct Tally {
    values: usize,
    keys: usize,
    named_keys: usize,
    odd_keys: usize,
    odd_texts: usize,
    letters: usize,
    fractions: usize,
    /// Maps of three and more whose keys count upwards.
    numbered: usize,
}

impl Tally {
    fn add(&mut self, value: &Value) {
        self.values += 1;
        match value {
            Value::List(items) => items.iter().for_each(|item| self.add(item)),
            Value::Map(entries) => {
                self.numbered += usize::from(is_numbered(entries));
                for (key, value) in entries {
                    self.keys += 1;
                    match key.bare() {
                        Value::Text(literal) if is_readable(literal.as_str()) => {
                            self.named_keys += 1;
                            self.letters += literal.as_str().len() - 2;
                        }
                        Value::Number(_) => {}
                        _ => self.odd_keys += 1,
                    }
                    self.add(value);
                }
            }
            Value::Noted(noted) => {
                let odd = ["simple value", "undefined"].contains(&noted.0.as_str())
                    || noted.0.starts_with("tag ")
                    || noted.0.starts_with("extension ")
                    || noted.0.starts_with("a text that");
                self.odd_texts += usize::from(odd);
                self.add(&noted.1);
            }
            Value::Number(digits) => {
                self.fractions += usize::from(digits.contains(['.', 'e']));
            }
            Value::Text(literal) => {
                if is_readable(literal.as_str()) {
                    self.letters += literal.as_str().len() - 2;
                } else {
                    self.odd_texts += 1;
                }
            }
            _ => {}
        }
    }
}

fn is_numbered(entries: &[(Value, Value)]) -> bool {
    let numbers = entries.iter().map(|(key, _)| match key {
        Value::Number(digits) => digits.parse::<i64>().ok(),
        _ => None,
    });
    let numbers: Option<Vec<_>> = numbers.collect();
    numbers.is_some_and(|numbers| numbers.len() > 2 && numbers.is_sorted_by(|a, b| a < b))
}

/// A literal without escapes for control characters.
fn is_readable(literal: &str) -> bool {
    !literal.contains("\\u00")
}
