//! Finds a row's source in the newest block.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};

use crate::base::keyed_hash::AsItIs;
use crate::store::block::{Block, Row, Source};

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Index {
    random: RandomState,
    numbers: HashMap<u64, u16, AsItIs>,
}

impl Index {
    pub(super) fn key(&self, row: &Row<'_>) -> u64 {
        self.random
            .hash_one((row.topic, row.device, row.kind, row.mask))
    }

    pub(super) fn find(&self, key: u64, row: &Row<'_>, block: &Block) -> Option<u16> {
        let number = *self.numbers.get(&key)?;
        let source = block.source(number)?;
        let same = |source: &Source| {
            (source.device, source.kind, source.mask) == (row.device, row.kind, row.mask)
                && block.topic(source) == row.topic
        };
        same(source).then_some(number)
    }

    /// Should two share a key, the later one is found from now on; the earlier one may come twice in the block.
    pub(super) fn add(&mut self, key: u64, number: u16) {
        self.numbers.insert(key, number);
    }

    pub(super) fn clear(&mut self) {
        if self.numbers.len() < self.numbers.capacity() / 8 {
            self.numbers = HashMap::default();
        } else {
            self.numbers.clear();
        }
    }

    pub(super) fn cost(&self) -> usize {
        self.numbers.capacity() * (size_of::<(u64, u16)>() + 2)
    }
}
