//! The search: through memory in slices, then through the disk.

use super::Search;
use crate::app::effect::Effect;
use crate::app::event::SearchId;
use crate::app::state::App;
use crate::store::query::Query;
use crate::store::shelf::Place;

impl App {
    /// Memory is searched: now what is on the disk.
    pub(in super::super::super) fn search_disk(&mut self) {
        if self.messages.search != Search::Due || self.messages.is_looking(&self.home) {
            return;
        }
        let places = self.messages.hits.still_shelved(&self.home.ring);
        if places.is_empty() {
            self.messages.search = Search::Over;
            return;
        }
        let view = self.messages.hits.view().clone();
        let id = self.next_search();
        self.messages.search = Search::Running(id);
        let query = Query::new(view, &self.home.devices, places);
        self.ask(Effect::Search(self.home.session, id, query));
    }

    pub(in super::super::super) fn stop_search(&mut self) {
        if let Search::Running(id) = std::mem::take(&mut self.messages.search) {
            self.ask(Effect::StopSearch(id));
        }
    }

    /// More is on the disk than was known: it is searched from where the last search is.
    pub(in super::super::super) fn search_again(&mut self) {
        self.stop_search();
        self.moved = true;
    }

    pub(in super::super::super) fn found_on_disk(
        &mut self,
        search: SearchId,
        place: Place,
        rows: Vec<u16>,
    ) {
        if self.messages.search != Search::Running(search) {
            return self.pending.stray();
        }
        if let Some(first) = self.home.ring.first_of(place) {
            self.messages.hits.add_shelved(first, rows);
            self.moved = true;
        }
    }

    pub(in super::super::super) fn search_is_over(&mut self, search: SearchId) {
        if self.messages.search == Search::Running(search) {
            self.messages.search = Search::Over;
        }
    }
}
