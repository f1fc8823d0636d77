//! Many messages at once, of a broker whose topics stand for devices: what holds for all of them is worked out once, and
//! a topic that is known costs one look.

use super::state::App;
use crate::domain::batch::{Batch, Batched};
use crate::domain::reading::Reading;
use crate::store::tree::Heard;
use std::time::Duration;

impl App {
    pub(super) fn batch(&mut self, batch: &Batch) {
        let is_awaited = self.composer.exchange.is_some()
            || self.composer.sweep.is_some()
            || self.recording.is_some();
        if !self.has_topics() || is_awaited {
            for message in batch.messages() {
                self.message(&message, Reading::default());
            }
            return;
        }
        let muted = self.subscriptions.muted_bits;
        let filtered = !self.messages.shows_all();
        for message in batch.iter() {
            self.batched(batch, &message, muted);
            if filtered {
                let seq = self.home.ring.last();
                self.messages.offer(seq, &self.home);
            }
        }
        let count = batch.len();
        self.home
            .rates
            .count(self.at.mono, u32::try_from(count).unwrap_or(u32::MAX));
        if !filtered {
            self.messages.offer_all(count, &self.home);
        }
        self.shelve();
        let due = [self.topics_due_in(), self.groups_due_in()];
        self.unsettled |= due.contains(&Some(Duration::ZERO));
        self.moved = true;
    }

    fn batched(&mut self, batch: &Batch, message: &Batched<'_>, muted: u64) {
        let home = &mut self.home;
        let heard = Heard {
            at: self.at.mono,
            seq: home.ring.end(),
            payload: message.payload,
            retain: message.retain,
        };
        let node = match home.tree.hear_known(message.topic, &heard) {
            Some(node) => node,
            None => home.tree.hear(message.topic_text(), &heard),
        };
        let known = home.tree.known(node);
        let now = home.ring.push_batched(batch.at, message, known);
        if now != known {
            home.tree.set_known(node, now);
        }
        let filters = &home.filters;
        let find = || filters.matching(message.topic_text());
        let matching = home.tree.matched(node, filters.list(), find);
        home.filters.count(matching, muted);
        if message.topic.starts_with(b"$") {
            home.sys
                .hear(message.topic_text(), message.payload, heard.at);
        }
    }
}
