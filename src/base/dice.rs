//! Random numbers as a pure function of their seed. For made-up ids and sample values; never for keys.

/// SplitMix64 (Steele, Lea and Flood, 2014): every seed gives a good sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dice {
    state: u64,
}

impl Dice {
    pub const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    pub const fn roll(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform in `low..=high`; `low` where the bounds are the wrong way round.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        let span = i128::from(high) - i128::from(low);
        if span <= 0 {
            return low;
        }
        let within = i128::from(self.roll()) % (span + 1);
        i64::try_from(i128::from(low) + within).unwrap_or(low)
    }

    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.roll().to_le_bytes()[0])
    }

    /// A random UUID (RFC 9562, version 4).
    pub fn uuid(&mut self) -> String {
        let mut bytes: [u8; 16] = self.bytes();
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        let hex = bytes.map(|b| format!("{b:02x}")).concat();
        let parts = [0..8, 8..12, 12..16, 16..20, 20..32];
        parts.map(|part| &hex[part]).join("-")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_between_their_bounds_and_reach_both() {
        let mut dice = Dice::new(7);
        let rolled: Vec<_> = (0..200).map(|_| dice.between(-1, 1)).collect();
        assert!(rolled.iter().all(|n| (-1..=1).contains(n)));
        assert!(rolled.contains(&-1) && rolled.contains(&0) && rolled.contains(&1));
        assert_eq!(dice.between(3, 3), 3);
        assert!((i64::MIN..=i64::MAX).contains(&dice.between(i64::MIN, i64::MAX)));
    }

    #[test]
    fn a_uuid_says_that_it_is_a_random_one() {
        let mut dice = Dice::new(1);
        let (one, other) = (dice.uuid(), dice.uuid());
        assert_ne!(one, other);
        assert_eq!(one.len(), 36);
        assert_eq!(&one[14..15], "4");
        assert!("89ab".contains(&one[19..20]), "{one}");
    }
}
