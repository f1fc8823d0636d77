//! From bytes to something to read: decoders for what devices send, chains of them, and guesses which chain fits.
//!
//! Everything here is a function of the bytes, bounded in depth, size and work: no payload can hold the program up or fill
//! its memory. What was not taken apart (trailing bytes, a bomb's rest, a broken end) is said.

pub mod avro;
pub mod cbor;
mod chain;
pub mod difference;
mod guess;
pub mod inflate;
pub mod json;
pub mod msgpack;
pub mod picture;
pub mod protobuf;
mod reader;
pub mod sparkplug;
pub mod text;
mod value;

pub use chain::{Chain, ChainError, PLAIN, Pins, Step, Written};
pub use guess::{Guess, guess};
pub use picture::{NoPixels, Picture, Pixels};
pub use reader::{Fault, Work};
pub use value::{Literal, MAX_DEPTH, Value, bytes_line, path_step};

use guess::guess_within;
use inflate::Opened;

/// Bounds of one decoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes that one step may bring out.
    pub output: usize,
    /// Units of work: a value, or 64 bytes read.
    pub values: usize,
    /// Pixels of a picture that is drawn.
    pub pixels: usize,
}

impl Limits {
    /// What is done at once, between two frames.
    pub const QUICK: Self = Self {
        output: 64 * 1024,
        values: 6_000,
        pixels: 4_096,
    };

    /// What is done beside the screen.
    pub const FULL: Self = Self {
        output: 16 << 20,
        values: 400_000,
        pixels: 16_000_000,
    };
}

/// What became of a payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// The decoders that did their part, and the bytes that each was given.
    pub steps: Vec<(Step, usize)>,
    pub sure: Sure,
    pub content: Content,
    /// Bytes behind what was decoded.
    pub trailing: Vec<u8>,
    /// What a reader must know: cut, broken, refused.
    pub remarks: Vec<String>,
    /// Other chains that fit, with how sure.
    pub others: Vec<Guess>,
    /// A bound was met: with higher ones there may be more.
    pub stopped: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sure {
    /// Somebody said so.
    Pinned,
    /// 0 to 100.
    Guessed(u8),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    Tree(Value),
    Text(String),
    Picture(Picture),
    Bytes(Vec<u8>),
}

impl Decoded {
    /// `gzip > cbor`
    pub fn chain(&self) -> Chain {
        Chain(self.steps.iter().map(|(step, _)| step.clone()).collect())
    }

    pub fn tree(&self) -> Option<&Value> {
        match &self.content {
            Content::Tree(value) => Some(value),
            _ => None,
        }
    }
}

/// Takes `payload` apart: by the chain that is pinned, else by the likeliest that fits.
pub fn decode(payload: &[u8], topic: &str, pin: Option<&Chain>, limits: Limits) -> Decoded {
    let mut is_open = false;
    let (chain, sure, others) = if let Some(chain) = pin {
        (chain.clone(), Sure::Pinned, Vec::new())
    } else {
        let (mut guesses, open) = guess_within(payload, topic, limits);
        let best = guesses.remove(0);
        is_open = open;
        (best.chain, Sure::Guessed(best.sure), guesses)
    };
    let mut run = Run {
        out: Decoded {
            steps: Vec::new(),
            sure,
            content: Content::Bytes(Vec::new()),
            trailing: Vec::new(),
            remarks: Vec::new(),
            others,
            stopped: false,
        },
        limits,
        work: Work::new(limits.values),
    };
    if is_open {
        run.guessed_in_part();
    }
    run.go(payload.to_vec(), &chain, topic);
    run.out
}

struct Run {
    out: Decoded,
    limits: Limits,
    work: Work,
}

impl Run {
    fn go(&mut self, payload: Vec<u8>, chain: &Chain, topic: &str) {
        let mut bytes = payload;
        for step in &chain.0 {
            if !step.unwraps() {
                return self.finish(bytes, step);
            }
            match self.unwrapped(&bytes, step) {
                Ok(inner) => {
                    self.out.steps.push((step.clone(), bytes.len()));
                    bytes = inner;
                }
                Err(why) => {
                    self.refused(step, &why);
                    return self.rest(bytes, topic);
                }
            }
        }
        self.rest(bytes, topic);
    }

    fn guessed_in_part(&mut self) {
        self.out.stopped = true;
        let text = "not every format was tried: there is more in it than is taken apart at once";
        self.out.remarks.push(text.to_owned());
    }

    /// What a chain leaves open is guessed, without unwrapping any further.
    fn rest(&mut self, bytes: Vec<u8>, topic: &str) {
        let (guesses, is_open) = guess_within(&bytes, topic, self.limits);
        if is_open {
            self.guessed_in_part();
        }
        let last = guesses
            .into_iter()
            .find(|guess| !guess.chain.0.iter().any(Step::unwraps));
        let step = last.and_then(|guess| guess.chain.0.into_iter().next());
        self.finish(bytes, &step.unwrap_or(Step::Bytes));
    }

    fn refused(&mut self, step: &Step, why: &str) {
        self.out.remarks.push(format!("{}: {why}", step.word()));
    }

    fn unwrapped(&mut self, bytes: &[u8], step: &Step) -> Result<Vec<u8>, String> {
        let ceiling = self.limits.output;
        let opened = match step {
            Step::Gzip => inflate::gzip(bytes, ceiling)?,
            Step::Zlib => inflate::zlib(bytes, ceiling)?,
            Step::Zstd => inflate::zstd(bytes, ceiling)?,
            Step::Base64 => return text::base64(bytes).ok_or_else(|| "this is none".to_owned()),
            Step::Hex => return text::hex(bytes).ok_or_else(|| "this is none".to_owned()),
            _ => return Ok(bytes.to_vec()),
        };
        let Opened {
            bytes: plain,
            cut,
            trailing,
            broken,
        } = opened;
        if cut {
            self.out.stopped = true;
            let text =
                format!("stopped after {ceiling} bytes: there is more than is opened at once");
            self.refused(step, &text);
        }
        if let Some(why) = broken {
            self.refused(step, &format!("broken: {why}"));
        }
        if trailing > 0 {
            let text = format!("{trailing} bytes behind the end are left out");
            self.refused(step, &text);
        }
        Ok(plain)
    }

    /// The last step: bytes to something to read.
    fn finish(&mut self, bytes: Vec<u8>, step: &Step) {
        let length = bytes.len();
        match self.content(&bytes, step) {
            Ok((content, end)) => {
                self.out.steps.push((step.clone(), length));
                self.out.content = content;
                self.out.trailing = bytes.get(end..).unwrap_or_default().to_vec();
            }
            Err(fault) => {
                self.out.stopped |= fault == Fault::Work;
                self.refused(step, &fault.to_string());
                self.plain(bytes);
            }
        }
    }

    /// As text where it is text, else as it is.
    fn plain(&mut self, bytes: Vec<u8>) {
        let length = bytes.len();
        let (step, content) = match String::from_utf8(bytes) {
            Ok(text) if text::is_plain(&text) => (Step::Text, Content::Text(text)),
            Ok(text) => (Step::Bytes, Content::Bytes(text.into_bytes())),
            Err(error) => (Step::Bytes, Content::Bytes(error.into_bytes())),
        };
        self.out.steps.push((step, length));
        self.out.content = content;
    }

    fn content(&mut self, bytes: &[u8], step: &Step) -> Result<(Content, usize), Fault> {
        let all = bytes.len();
        let work = &mut self.work;
        let tree = |(value, end): (Value, usize)| (Content::Tree(value), end);
        let whole = |value: Value| (Content::Tree(value), all);
        match step {
            Step::Json => {
                let (whole, end) = front(bytes);
                let text = text::without_mark(whole);
                let (value, used) = json::read(text, work)?;
                let rest = text.get(used..).unwrap_or_default();
                let mark = whole.len() - text.len();
                let used = used + mark;
                if mark > 0 {
                    self.refused(step, "a byte order mark in front of it is passed over");
                }
                let blank = if end == all {
                    rest.trim_start().is_empty()
                } else {
                    false
                };
                Ok((Content::Tree(value), if blank { all } else { used }))
            }
            Step::JsonLines => lines(front(bytes).0, work).map(whole),
            Step::Cbor => cbor::read(bytes, work).map(tree),
            Step::MsgPack => msgpack::read(bytes, work).map(tree),
            Step::Protobuf(None) => protobuf::read(bytes, work).map(whole),
            Step::Protobuf(Some(written)) => {
                protobuf::read_as(&written.schema, bytes, work).map(whole)
            }
            Step::Sparkplug => sparkplug::read(bytes, work).map(whole),
            Step::Avro(None) => avro::read_file(bytes, self.limits.output, work).map(whole),
            Step::Avro(Some(written)) => avro::read(&written.schema, bytes, work).map(tree),
            Step::Picture => self.picture(bytes),
            Step::Text => Ok((Content::Text(lossy(bytes)), all)),
            _ => Ok((Content::Bytes(bytes.to_vec()), all)),
        }
    }

    fn picture(&mut self, bytes: &[u8]) -> Result<(Content, usize), Fault> {
        let found = picture::read(bytes, self.limits.pixels).ok_or_else(|| Fault::Wrong {
            at: 0,
            what: "no picture that is known".into(),
        })?;
        self.out.stopped |= found.pixels == Err(NoPixels::Large);
        Ok((Content::Picture(found), bytes.len()))
    }
}

/// The beginning that is UTF-8, and where it ends.
fn front(bytes: &[u8]) -> (&str, usize) {
    match std::str::from_utf8(bytes) {
        Ok(text) => (text, bytes.len()),
        Err(error) => {
            let end = error.valid_up_to();
            (std::str::from_utf8(&bytes[..end]).unwrap_or_default(), end)
        }
    }
}

fn lines(text: &str, work: &mut Work) -> Result<Value, Fault> {
    let mut items = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        items.push(json::read(line, work)?.0);
    }
    Ok(Value::List(items))
}

/// The text, bytes that are no UTF-8 as `\xNN`.
pub fn lossy(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    text
}

#[cfg(test)]
mod tests;
