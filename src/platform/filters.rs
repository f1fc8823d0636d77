//! How many topic filters a connection has, for clouds that grant only so many.

use std::collections::BTreeSet;

use crate::domain::topic::TopicFilter;

#[derive(Debug)]
pub struct Filters {
    most: usize,
    held: BTreeSet<TopicFilter>,
}

impl Filters {
    pub const fn up_to(most: usize) -> Self {
        Self {
            most,
            held: BTreeSet::new(),
        }
    }

    /// Counts this one, once; `false` when it would be one too many.
    pub fn take(&mut self, filter: &TopicFilter) -> bool {
        if self.held.contains(filter) {
            return true;
        }
        if self.held.len() >= self.most {
            return false;
        }
        self.held.insert(filter.clone())
    }

    pub fn leave(&mut self, filter: &TopicFilter) {
        self.held.remove(filter);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_too_many_is_not_taken_until_another_leaves() {
        let filter = |name: &str| TopicFilter::parse(name).expect("a filter");
        let mut filters = Filters::up_to(2);
        assert!(filters.take(&filter("a")) && filters.take(&filter("b")));
        assert!(filters.take(&filter("a")), "it is one of them");
        assert!(!filters.take(&filter("c")));
        filters.leave(&filter("a"));
        assert!(filters.take(&filter("c")));
    }
}
