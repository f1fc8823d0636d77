//! Reading bytes under a bound: every decoder goes through here, so that none reads past the end, loops or grows
//! without being counted.

use std::borrow::Cow;

/// Why a decoder stopped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("it ends in the middle, at byte {0}")]
    Ends(usize),
    #[error("{what} at byte {at}")]
    Wrong { at: usize, what: Cow<'static, str> },
    #[error("nested deeper than {0} levels", super::value::MAX_DEPTH)]
    Deep,
    /// The bound on work: the same bytes with a higher bound may be fine.
    #[error("more than is taken apart at once")]
    Work,
}

/// What one decoding may still cost, in units: one for a value, one for 64 bytes of output.
#[derive(Debug)]
pub struct Work {
    left: usize,
}

impl Work {
    pub const fn new(units: usize) -> Self {
        Self { left: units }
    }

    pub const fn spend(&mut self, units: usize) -> Result<(), Fault> {
        if let Some(left) = self.left.checked_sub(units) {
            self.left = left;
            return Ok(());
        }
        self.left = 0;
        Err(Fault::Work)
    }

    pub const fn is_over(&self) -> bool {
        self.left == 0
    }
}

/// A place in the bytes.
#[derive(Debug)]
pub struct Reader<'a, 'w> {
    pub bytes: &'a [u8],
    pub at: usize,
    pub work: &'w mut Work,
}

impl<'a, 'w> Reader<'a, 'w> {
    pub const fn new(bytes: &'a [u8], work: &'w mut Work) -> Self {
        Self { bytes, at: 0, work }
    }

    pub const fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    pub const fn is_at_end(&self) -> bool {
        self.left() == 0
    }

    pub fn wrong(&self, what: impl Into<Cow<'static, str>>) -> Fault {
        Fault::Wrong {
            at: self.at,
            what: what.into(),
        }
    }

    /// One value more.
    pub fn count(&mut self, depth: usize) -> Result<(), Fault> {
        if depth > super::value::MAX_DEPTH {
            return Err(Fault::Deep);
        }
        self.work.spend(1)
    }

    pub fn peek(&self) -> Result<u8, Fault> {
        self.bytes.get(self.at).copied().ok_or(Fault::Ends(self.at))
    }

    pub fn byte(&mut self) -> Result<u8, Fault> {
        let byte = self.peek()?;
        self.at += 1;
        Ok(byte)
    }

    pub fn take(&mut self, length: u64) -> Result<&'a [u8], Fault> {
        let length = usize::try_from(length)
            .ok()
            .filter(|n| *n <= self.left())
            .ok_or(Fault::Ends(self.bytes.len()))?;
        self.work.spend(length / 64)?;
        let taken = &self.bytes[self.at..self.at + length];
        self.at += length;
        Ok(taken)
    }

    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let taken = self.take(N as u64)?;
        Ok(taken.try_into().expect("as many as were asked for"))
    }

    /// Seven bits a byte, the lowest first (Protobuf, Avro).
    pub fn varint(&mut self) -> Result<u64, Fault> {
        let mut number = 0_u64;
        for shift in (0..70).step_by(7) {
            let byte = self.byte()?;
            if shift == 63 && byte > 1 {
                break;
            }
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(self.wrong("a number longer than 64 bits"))
    }

    /// The same with the sign in the lowest bit.
    pub fn zigzag(&mut self) -> Result<i64, Fault> {
        self.varint().map(unzigzag)
    }
}

#[expect(
    clippy::cast_possible_wrap,
    reason = "the sign is taken out of the lowest bit before"
)]
pub const fn unzigzag(number: u64) -> i64 {
    (number >> 1) as i64 ^ -((number & 1) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_sit_in_the_lowest_bit() {
        let pairs = [(0, 0), (1, -1), (2, 1), (u64::MAX, i64::MIN)];
        for (raw, number) in pairs {
            assert_eq!(unzigzag(raw), number);
        }
    }

    #[test]
    fn nothing_is_read_past_the_end_or_beyond_the_work() {
        let mut work = Work::new(2);
        let mut reader = Reader::new(&[0xff; 300], &mut work);
        assert_eq!(reader.take(301), Err(Fault::Ends(300)));
        assert_eq!(reader.take(u64::MAX), Err(Fault::Ends(300)));
        assert!(reader.varint().is_err());
        reader.at = 0;
        assert_eq!(reader.take(300), Err(Fault::Work));
    }
}
