//! A PUBLISH over the limit is read past while it streams, so that it can neither fill the memory nor end the
//! connection: a retained one would end every connection again (failure-modes.md F12).

use bytes::{Buf as _, BytesMut};

use super::codec::{Codec, Header, Malformed, Preamble};

/// What is known of it once all of it has gone by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skim {
    pub preamble: Preamble,
    left: usize,
}

impl Skim {
    /// `None` when its topic and properties are not there yet. `most` bounds what is waited for: properties that are
    /// longer are skipped unread, with the topic alias that they may hold.
    pub fn begin(
        header: Header,
        inbox: &[u8],
        codec: &mut Codec,
        most: usize,
    ) -> Result<Option<Self>, Malformed> {
        let there = inbox.get(header.len..).unwrap_or_default();
        let there = there.get(..header.body).unwrap_or(there);
        let found = match Preamble::read(codec.version(), header, there)? {
            None if there.len() >= most => Preamble::without_properties(header, there)?,
            found => found,
        };
        let Some(mut preamble) = found else {
            return Ok(None);
        };
        let topic = std::mem::take(&mut preamble.head.topic);
        preamble.head.topic = codec.resolve(topic, preamble.alias)?;
        Ok(Some(Self {
            preamble,
            left: header.total(),
        }))
    }

    /// Lets go of what has come of it; whether it is over.
    pub fn pass(&mut self, inbox: &mut BytesMut) -> bool {
        let gone = self.left.min(inbox.len());
        inbox.advance(gone);
        self.left -= gone;
        self.left == 0
    }
}
