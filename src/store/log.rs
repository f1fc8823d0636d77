//! The last lines of the log: REST calls, MQTT packets, remarks.

use std::collections::VecDeque;

use crate::domain::session::LogLine;

/// Lines kept.
pub const LINES: usize = 4000;
/// Longest text kept of one line, in bytes.
const LONGEST: usize = 4096;

#[derive(Debug, Default)]
pub struct Log {
    lines: VecDeque<LogLine>,
    /// Older lines that the bound let go.
    dropped: u64,
}

impl Log {
    pub fn push(&mut self, mut line: LogLine) {
        if line.text.len() > LONGEST {
            let cut = line.text.floor_char_boundary(LONGEST);
            line.text.truncate(cut);
            line.text.push('…');
        }
        if self.lines.len() == LINES {
            self.lines.pop_front();
            self.dropped += 1;
        }
        self.lines.push_back(line);
    }

    pub fn lines(&self) -> impl DoubleEndedIterator<Item = &LogLine> + ExactSizeIterator {
        self.lines.iter()
    }

    pub fn dropped(&self) -> u64 {
        self.dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::moment::Timestamp;
    use crate::domain::session::{LogLevel, LogSource};

    #[test]
    fn the_oldest_lines_go_and_are_counted() {
        let mut log = Log::default();
        for n in 0..LINES + 3 {
            log.push(LogLine {
                at: Timestamp::default(),
                source: LogSource::Rest,
                level: LogLevel::Info,
                text: format!("line {n}"),
            });
        }
        assert_eq!(log.lines().next().map(|l| l.text.as_str()), Some("line 3"));
        assert_eq!(log.dropped(), 3);
    }
}
