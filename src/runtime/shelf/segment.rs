//! A segment file: blocks of messages, each compressed, one behind the other.
//!
//! It begins with [`HEAD`]. A block is its header (sign, rows, messages, length as it was, length compressed, checksum of the
//! header; `u32` each, little endian) and a zstd frame with a checksum of its own. So the list of blocks is read without their
//! content, and what a crash left half written at the end is told from what a disk garbled. A header that makes no sense costs
//! its block and no other one: the next is looked for by its sign.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use crate::store::sheet::Sheet;

const HEAD: &[u8; 16] = b"thingdeck-seg 1\n";
const SIGN: u32 = u32::from_le_bytes(*b"BLK1");
const FRAME: usize = 24;
/// A block is never larger, whatever a file says: a payload has at most 16 MiB.
const LARGEST: u32 = 64 << 20;
/// Fast: a flood must not wait for it.
const LEVEL: i32 = 1;

/// A block in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// Where its zstd frame begins.
    pub at: u64,
    pub rows: u32,
    pub messages: u32,
    raw: u32,
    length: u32,
}

/// What a look at a file came to.
#[derive(Debug, PartialEq, Eq)]
pub enum Scan {
    Whole(Vec<Frame>),
    /// It ends in the middle of a block, which begins there.
    Torn(Vec<Frame>, u64),
    /// There are holes between its blocks, each from a byte to another. What stands behind the last block is one, too.
    Holed(Vec<Frame>, Vec<(u64, u64)>),
    Garbled,
}

/// The file being written.
#[derive(Debug)]
pub struct Writer {
    file: File,
    /// Bytes written.
    pub length: u64,
    /// Something half written could not be taken back: nothing may come behind it.
    pub is_torn: bool,
}

impl Writer {
    /// A new file that only its owner can read.
    pub fn create(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path)?;
        if let Err(error) = file.write_all(HEAD) {
            let _ = std::fs::remove_file(path);
            return Err(error);
        }
        Ok(Self {
            file,
            length: HEAD.len() as u64,
            is_torn: false,
        })
    }

    /// All of it or, as far as the disk allows, nothing.
    pub fn append(&mut self, sheet: &Sheet) -> io::Result<Frame> {
        let raw = sheet.encode();
        let compressed = compress(&raw)?;
        let fit = |length: usize| u32::try_from(length).ok().filter(|l| *l <= LARGEST);
        let (Some(raw), Some(length)) = (fit(raw.len()), fit(compressed.len())) else {
            return Err(io::Error::other("the block is too large"));
        };
        let frame = Frame {
            at: self.length + FRAME as u64,
            rows: u32::try_from(sheet.rows()).unwrap_or(u32::MAX),
            messages: u32::try_from(sheet.messages()).unwrap_or(u32::MAX),
            raw,
            length,
        };
        let mut bytes = frame.header().to_vec();
        bytes.extend(compressed);
        if let Err(error) = self.file.write_all(&bytes) {
            let back = self.file.set_len(self.length);
            let back = back.and_then(|()| self.file.seek(SeekFrom::Start(self.length)));
            self.is_torn = back.is_err();
            return Err(error);
        }
        self.length += bytes.len() as u64;
        Ok(frame)
    }
}

fn compress(raw: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = zstd::Encoder::new(Vec::with_capacity(raw.len() / 4), LEVEL)?;
    encoder.include_checksum(true)?;
    encoder.set_pledged_src_size(Some(raw.len() as u64))?;
    encoder.write_all(raw)?;
    encoder.finish()
}

impl Frame {
    fn header(&self) -> [u8; FRAME] {
        let mut header = [0; FRAME];
        let numbers = [SIGN, self.rows, self.messages, self.raw, self.length];
        for (place, number) in header.chunks_exact_mut(4).zip(numbers) {
            place.copy_from_slice(&number.to_le_bytes());
        }
        let (head, check) = header.split_at_mut(FRAME - 4);
        check.copy_from_slice(&checksum(head).to_le_bytes());
        header
    }

    fn parse(header: &[u8; FRAME], at: u64) -> Option<Self> {
        let (head, check) = header.split_last_chunk::<4>()?;
        let mut numbers = head.chunks_exact(4).map(|chunk| {
            let bytes = chunk.try_into().unwrap_or_default();
            u32::from_le_bytes(bytes)
        });
        let mut next = || numbers.next();
        let (sign, rows, messages) = (next()?, next()?, next()?);
        let frame = Self {
            at,
            rows,
            messages,
            raw: next()?,
            length: next()?,
        };
        let fits = frame.raw <= LARGEST && frame.length <= LARGEST;
        (sign == SIGN && fits && checksum(head).to_le_bytes() == *check).then_some(frame)
    }

    /// Reads the block. What a disk made of it is an error, never a panic.
    pub fn read(&self, path: &Path) -> io::Result<Sheet> {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(self.at))?;
        let mut compressed = vec![0; self.length as usize];
        file.read_exact(&mut compressed)?;
        let raw = zstd::bulk::decompress(&compressed, self.raw as usize)?;
        let sheet = Sheet::decode(&raw).map_err(io::Error::other)?;
        // Who counts on rows that are not there would ask for them again and again.
        if sheet.rows() as u64 != u64::from(self.rows) {
            return Err(io::Error::other("rows are missing in it"));
        }
        Ok(sheet)
    }
}

/// FNV-1a.
fn checksum(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
    })
}

/// Which blocks a file has: only headers are read, unless one makes no sense.
pub fn scan(path: &Path) -> io::Result<Scan> {
    let mut file = File::open(path)?;
    let end = file.metadata()?.len();
    let mut head = [0; HEAD.len()];
    if end < HEAD.len() as u64 {
        return Ok(Scan::Torn(Vec::new(), 0));
    }
    file.read_exact(&mut head)?;
    if head != *HEAD {
        return Ok(Scan::Garbled);
    }
    let (mut frames, mut holes) = (Vec::new(), Vec::new());
    let mut at = HEAD.len() as u64;
    while at < end {
        let begins = at + FRAME as u64;
        if begins > end {
            break;
        }
        let mut header = [0; FRAME];
        file.seek(SeekFrom::Start(at))?;
        file.read_exact(&mut header)?;
        let Some(frame) = Frame::parse(&header, begins) else {
            let next = next_block(&mut file, at + 1)?.unwrap_or(end);
            holes.push((at, next));
            at = next;
            continue;
        };
        let ends = begins + u64::from(frame.length);
        if ends > end {
            break;
        }
        at = ends;
        if frame.rows > 0 {
            frames.push(frame);
        }
    }
    Ok(match (at < end, holes.is_empty()) {
        (_, false) if frames.is_empty() => Scan::Garbled,
        (true, true) => Scan::Torn(frames, at),
        (false, true) => Scan::Whole(frames),
        (torn, false) => {
            if torn {
                holes.push((at, end));
            }
            Scan::Holed(frames, holes)
        }
    })
}

/// Where a block begins, there or behind it.
fn next_block(file: &mut File, from: u64) -> io::Result<Option<u64>> {
    const STEP: usize = 1 << 20;
    let mut at = from;
    loop {
        file.seek(SeekFrom::Start(at))?;
        let mut part = Vec::new();
        // A header may stand across the end of a step.
        let step = (STEP + FRAME) as u64;
        let read = file.take(step).read_to_end(&mut part)?;
        let found = memchr::memmem::find_iter(&part, &SIGN.to_le_bytes()).find(|place| {
            let header = part.get(*place..).and_then(<[u8]>::first_chunk::<FRAME>);
            header.is_some_and(|header| Frame::parse(header, 0).is_some())
        });
        if let Some(place) = found {
            return Ok(Some(at + place as u64));
        }
        if (read as u64) < step {
            return Ok(None);
        }
        at += STEP as u64;
    }
}

/// The file without its holes: an empty block stands in each, the one at the end is cut off.
pub fn fill(path: &Path, holes: &[(u64, u64)]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(path)?;
    let end = file.metadata()?.len();
    for (from, to) in holes {
        if *to >= end {
            file.set_len(*from)?;
            continue;
        }
        let length = (to - from).checked_sub(FRAME as u64);
        let length = length.and_then(|length| u32::try_from(length).ok());
        let Some(length) = length.filter(|length| *length <= LARGEST) else {
            // It is stepped over at each start.
            continue;
        };
        let empty = Frame {
            at: 0,
            rows: 0,
            messages: 0,
            raw: 0,
            length,
        };
        file.seek(SeekFrom::Start(*from))?;
        file.write_all(&empty.header())?;
    }
    Ok(())
}

/// Without what is torn at its end.
pub fn mend(path: &Path, end: u64) -> io::Result<()> {
    OpenOptions::new().write(true).open(path)?.set_len(end)
}
