//! Recordings read back line by line: from a file or a pipe, compressed or not, whole or cut off.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::thread;

use tokio::sync::mpsc::{Receiver, Sender, channel};

use crate::base::problem::{Exit, Problem};
use crate::cli::verb::Place;
use crate::headless::console::Piece;
use crate::runtime::files;

/// Every zstd frame begins so (RFC 8878, 3.1.1).
pub(super) const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// The longest payload of MQTT in Base64, and some air. Bytes.
const LONGEST_LINE: u64 = 512 << 20;

/// The lines of a recording.
pub struct Lines {
    input: Box<dyn BufRead + Send>,
    longest: u64,
    over: bool,
}

impl Lines {
    pub fn new(from: Box<dyn Read + Send>) -> io::Result<Self> {
        Self::limited(from, LONGEST_LINE)
    }

    /// Lines of at most so many bytes; those that are longer are bad.
    pub fn limited(mut from: Box<dyn Read + Send>, longest: u64) -> io::Result<Self> {
        let mut head = Vec::new();
        from.by_ref()
            .take(MAGIC.len() as u64)
            .read_to_end(&mut head)?;
        let is_packed = head == MAGIC;
        let whole = BufReader::new(Cursor::new(head).chain(from));
        let input: Box<dyn BufRead + Send> = if is_packed {
            Box::new(BufReader::new(zstd::Decoder::with_buffer(whole)?))
        } else {
            Box::new(whole)
        };
        Ok(Self {
            input,
            longest,
            over: false,
        })
    }

    pub fn piece(&mut self) -> Piece {
        if self.over {
            return Piece::End;
        }
        let mut line = Vec::new();
        let mut input = self.input.by_ref().take(self.longest);
        match input.read_until(b'\n', &mut line) {
            Ok(0) => {
                self.over = true;
                Piece::End
            }
            Ok(_) if line.last() == Some(&b'\n') => {
                line.pop();
                text(line).map_or_else(Piece::Bad, Piece::Line)
            }
            Ok(read) if read as u64 == self.longest => self.skip(),
            Ok(_) => {
                self.over = true;
                text(line).map_or_else(Piece::Torn, Piece::Rest)
            }
            Err(error) => self.torn(&error),
        }
    }

    /// To the end of a line that nobody can want.
    fn skip(&mut self) -> Piece {
        loop {
            let (used, found) = match self.input.fill_buf() {
                Ok([]) => {
                    self.over = true;
                    return Piece::Torn("its last line is too long".to_owned());
                }
                Ok(part) => match memchr::memchr(b'\n', part) {
                    Some(at) => (at + 1, true),
                    None => (part.len(), false),
                },
                Err(error) => return self.torn(&error),
            };
            self.input.consume(used);
            if found {
                return Piece::Bad("it is longer than a message can be".to_owned());
            }
        }
    }

    fn torn(&mut self, error: &io::Error) -> Piece {
        self.over = true;
        // A frame that ends too early, as a crash leaves it; anything else is no end.
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Piece::Torn(error.to_string()),
            _ => Piece::Damaged(error.to_string()),
        }
    }
}

fn text(line: Vec<u8>) -> Result<String, String> {
    String::from_utf8(line).map_err(|error| format!("it is no text: {}", error.utf8_error()))
}

/// A recording that a thread reads ahead of whoever uses it.
pub struct Reading {
    pieces: Receiver<Vec<Piece>>,
    at_hand: VecDeque<Piece>,
}

/// Parts that wait to be used, at most.
const AHEAD: usize = 4;
/// A part has so many bytes, or one line. Those of a pipe are handed on as they come.
const PART: usize = 64 * 1024;

impl Reading {
    pub fn open(from: &Place) -> Result<Self, Problem> {
        let (input, waits): (Box<dyn Read + Send>, _) = match from {
            Place::Standard => (Box::new(io::stdin()), true),
            Place::File(path) => {
                let wrong = |error: &io::Error| {
                    let exit = match error.kind() {
                        io::ErrorKind::NotFound => Exit::NotFound,
                        _ => Exit::Usage,
                    };
                    files::trouble("read", path, error).exit(exit)
                };
                let file = File::open(path).map_err(|error| wrong(&error))?;
                let there = file.metadata().map_err(|error| wrong(&error))?;
                if there.is_dir() {
                    let error = io::Error::from(io::ErrorKind::IsADirectory);
                    return Err(wrong(&error));
                }
                (Box::new(file), !there.is_file())
            }
        };
        let (sender, pieces) = channel(AHEAD);
        let part = if waits { 1 } else { PART };
        thread::Builder::new()
            .name("recording".to_owned())
            .spawn(move || read(input, part, &sender))
            .map_err(|error| {
                Problem::new(
                    "the recording is not read",
                    error.to_string(),
                    "free some memory or threads",
                )
            })?;
        Ok(Self {
            pieces,
            at_hand: VecDeque::new(),
        })
    }

    /// May be dropped and called again.
    pub async fn next(&mut self) -> Piece {
        loop {
            if let Some(piece) = self.at_hand.pop_front() {
                return piece;
            }
            match self.pieces.recv().await {
                Some(part) => self.at_hand.extend(part),
                None => return Piece::End,
            }
        }
    }
}

fn read(input: Box<dyn Read + Send>, part: usize, to: &Sender<Vec<Piece>>) {
    let mut lines = match Lines::new(input) {
        Ok(lines) => lines,
        Err(error) => {
            let _nobody_reads = to.blocking_send(vec![Piece::Damaged(error.to_string())]);
            return;
        }
    };
    loop {
        let (mut pieces, mut bytes) = (Vec::new(), 0);
        while bytes < part && !lines.over {
            let piece = lines.piece();
            if let Piece::Line(text) = &piece {
                bytes += text.len().max(1);
            }
            pieces.push(piece);
        }
        if to.blocking_send(pieces).is_err() || lines.over {
            return;
        }
    }
}
