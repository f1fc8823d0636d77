//! Topic names as numbers, so that a message record stays small.

use std::collections::HashMap;

use crate::domain::topic::Topic;

/// Names kept. A topic beyond that stands in full beside its message.
const NAMES: usize = 65_536;
/// Bytes of all names kept.
const BYTES: usize = 4 * 1024 * 1024;

/// Number of an interned topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TopicId(pub u32);

#[derive(Debug, Default)]
pub struct Topics {
    numbers: HashMap<Topic, TopicId>,
    names: Vec<Topic>,
    bytes: usize,
}

impl Topics {
    /// `None` when the table is full and the topic is not in it.
    pub fn intern(&mut self, topic: &Topic) -> Option<TopicId> {
        if let Some(id) = self.numbers.get(topic) {
            return Some(*id);
        }
        let bytes = self.bytes + topic.as_str().len();
        if self.names.len() >= NAMES || bytes > BYTES {
            return None;
        }
        self.bytes = bytes;
        let id = TopicId(u32::try_from(self.names.len()).ok()?);
        self.names.push(topic.clone());
        self.numbers.insert(topic.clone(), id);
        Some(id)
    }

    pub fn name(&self, id: TopicId) -> Option<&Topic> {
        self.names.get(id.0 as usize)
    }

    pub fn names(&self) -> impl Iterator<Item = &Topic> {
        self.names.iter()
    }

    pub fn len(&self) -> usize {
        self.names.len()
    }

    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_table_says_so_and_keeps_what_it_has() {
        let mut topics = Topics::default();
        for n in 0..NAMES {
            assert!(topics.intern(&Topic::received(&format!("t/{n}"))).is_some());
        }
        assert_eq!(topics.intern(&Topic::received("one more")), None);
        assert_eq!(topics.intern(&Topic::received("t/7")), Some(TopicId(7)));
        assert_eq!(topics.name(TopicId(7)).map(Topic::as_str), Some("t/7"));
    }

    #[test]
    fn long_names_fill_it_sooner() {
        let mut topics = Topics::default();
        let long = "x".repeat(60_000);
        for n in 0..100 {
            topics.intern(&Topic::received(&format!("{n}/{long}")));
        }
        assert_eq!(topics.len(), BYTES / 60_003);
    }
}
