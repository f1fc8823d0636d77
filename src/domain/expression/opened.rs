//! Payloads that say something only to a decoder: compressed, in a binary format, or declared to be so by topic.
//!
//! What is searched is what the row shows: the payload behind the chain that is pinned to its topic, else behind a guess that
//! is sure enough to be shown. It is opened at most once, when somebody asks, and within bounds: no payload and nothing that
//! comes out of one beyond [`LARGEST`] is looked at.

use std::cell::OnceCell;

use crate::domain::decode::{self, Chain, Content, Limits, SURE_ENOUGH, Step, Sure};
use crate::domain::payload::{self, Format};

/// Bytes, before and after.
const LARGEST: usize = 64 * 1024;
const LIMITS: Limits = Limits {
    output: LARGEST,
    values: 6_000,
    pixels: 1,
};
/// Bytes at the beginning of a payload that tell whether it may be closed.
const LOOKED_AT: usize = 4 * 1024;

/// A payload that a decoder may open. See the module.
#[derive(Debug)]
pub struct Opened<'a> {
    payload: &'a [u8],
    topic: &'a str,
    pin: Option<&'a Chain>,
    said: OnceCell<Option<Vec<u8>>>,
}

impl<'a> Opened<'a> {
    /// `None` where the payload speaks for itself.
    pub fn of(payload: &'a [u8], topic: &'a str, pin: Option<&'a Chain>) -> Option<Self> {
        let is_closed = match pin {
            Some(chain) => opens(chain),
            None => {
                payload.len() <= LARGEST
                    && may_be_closed(payload)
                    && payload::format(payload) == Format::Binary
            }
        };
        (is_closed && payload.len() <= LARGEST).then(|| Self {
            payload,
            topic,
            pin,
            said: OnceCell::new(),
        })
    }

    /// What it says as JSON, as text, or as bytes that were wrapped; `None` where no decoder makes sense of it.
    pub fn said(&self) -> Option<&[u8]> {
        let said = self.said.get_or_init(|| self.open());
        said.as_deref()
    }

    /// What asking has cost, in bytes that a word could have been looked for in.
    pub fn cost(&self) -> usize {
        /// A payload is as much as a word in some 24 KiB, and each of its bytes, or of what came out, as in 128.
        const OPENING: usize = 24 * 1024;
        const BYTE: usize = 128;
        match self.said.get() {
            None => 0,
            Some(said) => {
                let out = said.as_ref().map_or(0, Vec::len);
                OPENING + BYTE * (self.payload.len() + out)
            }
        }
    }

    fn open(&self) -> Option<Vec<u8>> {
        let found = decode::decode(self.payload, self.topic, self.pin, LIMITS);
        if matches!(found.sure, Sure::Guessed(sure) if sure < SURE_ENOUGH) {
            return None;
        }
        let unwrapped = found.steps.len() > 1;
        match found.content {
            Content::Tree(value) => {
                let mut text = String::new();
                value.json(&mut text);
                Some(text.into_bytes())
            }
            Content::Text(text) => Some(text.into_bytes()),
            // As they came they were looked at already.
            Content::Bytes(bytes) => unwrapped.then_some(bytes),
            Content::Picture(_) => None,
        }
    }
}

/// Whether the chain makes more of a payload than can be seen without it.
pub fn opens(chain: &Chain) -> bool {
    !matches!(
        chain.0.as_slice(),
        [] | [Step::Text | Step::Bytes | Step::Json | Step::JsonLines]
    )
}

/// Quickly: whether a payload may say more behind a decoder that nobody has pinned. Text and JSON do not.
pub fn may_be_closed(payload: &[u8]) -> bool {
    if matches!(payload.first(), None | Some(b'{' | b'[')) {
        return false;
    }
    let front = payload.get(..LOOKED_AT).unwrap_or(payload);
    let is_odd = |byte: &u8| *byte < 0x20 && !matches!(byte, b'\n' | b'\r' | b'\t');
    let is_broken =
        |error: std::str::Utf8Error| error.error_len().is_some() || payload.len() <= LOOKED_AT;
    front.iter().any(is_odd) || std::str::from_utf8(front).err().is_some_and(is_broken)
}
