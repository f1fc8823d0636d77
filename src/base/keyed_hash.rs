//! A fast hash of short texts, with a key of its own for every table: whoever chooses the texts cannot choose their places.
//!
//! Two words at a time are folded by a wide multiplication. std's hash is stronger and costs several times as much, which
//! counts where there is one for every message.

use std::hash::{BuildHasher as _, BuildHasherDefault, Hasher, RandomState};

/// See the module.
#[derive(Debug, Clone)]
pub struct KeyedHash {
    first: u64,
    second: u64,
}

impl Default for KeyedHash {
    fn default() -> Self {
        let random = RandomState::new();
        Self {
            first: random.hash_one(1_u8),
            second: random.hash_one(2_u8) | 1,
        }
    }
}

impl KeyedHash {
    pub fn of(&self, bytes: &[u8]) -> u64 {
        let mut state = self.first ^ bytes.len() as u64;
        let (pairs, rest) = bytes.as_chunks::<16>();
        for pair in pairs {
            state = self.step(state, *pair);
        }
        if !rest.is_empty() {
            let mut last = [0; 16];
            last[..rest.len()].copy_from_slice(rest);
            state = self.step(state, last);
        }
        fold(state, self.second)
    }

    fn step(&self, state: u64, pair: [u8; 16]) -> u64 {
        let both = u128::from_le_bytes(pair);
        let (low, high) = halves(both);
        fold(low ^ state, high ^ self.second)
    }
}

fn fold(a: u64, b: u64) -> u64 {
    let (low, high) = halves(u128::from(a) * u128::from(b));
    low ^ high
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the halves of a number are meant"
)]
const fn halves(number: u128) -> (u64, u64) {
    (number as u64, (number >> 64) as u64)
}

/// For tables whose keys are hashes already.
pub type AsItIs = BuildHasherDefault<Unchanged>;

/// See [`AsItIs`].
#[derive(Debug, Default)]
pub struct Unchanged(u64);

impl Hasher for Unchanged {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn texts_that_are_alike_get_places_of_their_own() {
        let hash = KeyedHash::default();
        let texts = (0..20_000).map(|n| format!("bench/{:02}/{n:05}/event", n % 10));
        let more = ["", "\0", "\0\0", "a", "a\0"].map(str::to_owned);
        let all: Vec<_> = texts.chain(more).collect();
        let places: HashSet<_> = all.iter().map(|text| hash.of(text.as_bytes())).collect();
        assert_eq!(places.len(), all.len());
        let low: HashSet<_> = places.iter().map(|place| place & 0xfff).collect();
        assert!(low.len() > 3900, "{} of 4096 are used", low.len());
        assert_ne!(hash.of(b"a"), KeyedHash::default().of(b"a"));
    }
}
