//! A segment file: blocks of messages, each compressed, one behind the other.
//!
//! It begins with [`HEAD`]. A block is its header (sign, rows, messages, length as it was, length compressed, checksum of the
//! header; `u32` each, little endian) and a zstd frame with a checksum of its own. So the list of blocks is read without their
//! content, and what a crash left half written at the end is told from what a disk garbled.

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
    Garbled,
}

/// The file being written.
#[derive(Debug)]
pub struct Writer {
    file: File,
    /// Bytes written.
    pub length: u64,
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
            let _torn_otherwise = self.file.set_len(self.length);
            let _ = self.file.seek(SeekFrom::Start(self.length));
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
        Sheet::decode(&raw).map_err(io::Error::other)
    }
}

/// FNV-1a.
fn checksum(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
    })
}

/// Which blocks a file has: only headers are read.
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
    let mut frames = Vec::new();
    let mut at = HEAD.len() as u64;
    while at < end {
        let begins = at + FRAME as u64;
        if begins > end {
            return Ok(Scan::Torn(frames, at));
        }
        let mut header = [0; FRAME];
        file.seek(SeekFrom::Start(at))?;
        file.read_exact(&mut header)?;
        let Some(frame) = Frame::parse(&header, begins) else {
            return Ok(Scan::Garbled);
        };
        at = begins + u64::from(frame.length);
        if at > end {
            return Ok(Scan::Torn(frames, begins - FRAME as u64));
        }
        frames.push(frame);
    }
    Ok(Scan::Whole(frames))
}

/// Without what is torn at its end.
pub fn mend(path: &Path, end: u64) -> io::Result<()> {
    OpenOptions::new().write(true).open(path)?.set_len(end)
}
