//! Messages that are on the disk: what leaves memory goes there, what is looked at comes back, and a search goes on there.

use std::sync::Arc;

use super::Effects;
use super::effect::Effect;
use super::event::{SearchId, ShelfEvent};
use super::screen::PaneId;
use super::state::App;
use crate::domain::session::SessionId;
use crate::store::ring::Seq;
use crate::store::shelf::{Loss, Place};

impl App {
    pub(super) fn offer_message(&mut self, seq: Seq) {
        self.messages.offer(seq, &self.home);
        self.shelve();
    }

    /// What is kept on behalf of the messages counts as theirs: one ceiling for all of it.
    pub(super) fn charge(&mut self) {
        let beside = self.messages.bytes() + self.home.tree.charged() + self.groups_bytes();
        self.home.ring.set_beside(beside);
    }

    /// What had to leave memory goes to the disk.
    pub(super) fn shelve(&mut self) {
        self.charge();
        let id = self.home.session;
        for (place, sheet) in self.home.ring.take_leaving(&self.home.devices) {
            self.ask(Effect::Shelve(id, place, Arc::new(sheet)));
        }
    }

    /// The open profile's messages leave memory, all of them: for good, or to be found at the next start.
    pub(super) fn shelve_rest(&mut self) {
        self.stop_search();
        let id = self.home.session;
        if !self.home.ring.has_shelf() {
            return;
        }
        self.home.ring.let_go_of_all();
        let rest = self.home.ring.take_leaving(&self.home.devices);
        let rest = rest
            .into_iter()
            .map(|(place, sheet)| (place, Arc::new(sheet)));
        let rest = rest.collect();
        self.ask(Effect::ShelveRest(id, rest));
    }

    /// The program ends: what is to be kept of what was seen.
    pub fn leave(&mut self) -> Effects {
        self.shelve_rest();
        std::mem::take(&mut self.out)
    }

    pub(super) fn shelf_event(&mut self, id: SessionId, event: ShelfEvent) {
        if id != self.home.session {
            return self.pending.stray();
        }
        match event {
            ShelfEvent::Earlier(earlier) => {
                self.home.ring.add_earlier(&earlier);
                // A search that is under way does not know of them.
                self.search_again();
            }
            ShelfEvent::Lost(places, loss) => self.lost(&places, loss),
            ShelfEvent::Page(place, rows, sheet) => {
                self.messages.arrived(place, &rows);
                let devices = &mut self.home.devices;
                self.home.ring.add_page(place, rows, *sheet, devices);
            }
            ShelfEvent::Found(search, place, rows) => self.found_on_disk(search, place, rows),
            ShelfEvent::SearchOver(search) => self.search_is_over(search),
            ShelfEvent::Sought(seek, found) => self.sought(seek, found),
        }
    }

    fn lost(&mut self, places: &[Place], loss: Loss) {
        for place in places {
            self.messages.forget_asked(*place);
            if let Some(first) = self.home.ring.lose(*place, loss) {
                self.messages.lose(first, &self.home);
            }
        }
        self.moved = true;
    }

    /// What the window shows and is on the disk is read back.
    pub(super) fn fetch_window(&mut self) {
        let rows = self.rows(PaneId::Messages);
        for (place, rows) in self.messages.missing(&self.home, rows) {
            let id = self.home.session;
            self.ask(Effect::Unshelve(id, place, rows));
        }
    }

    pub(super) fn next_search(&mut self) -> SearchId {
        self.searches += 1;
        SearchId(self.searches)
    }
}
