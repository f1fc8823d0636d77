//! The rows of the stream that the view in force lets through, kept up to date one message at a time.
//!
//! A push tests one message, an eviction pops one list, a scroll is an index. A new view looks back from the newest
//! message in slices of a few milliseconds, block by block, so that the rows on screen are right at once and the count catches
//! up; then what is on the disk is searched elsewhere and comes in the same way.

use std::collections::VecDeque;

use super::devices::Devices;
use super::ring::{Ring, Seq};
use super::shelf::Place;
pub use super::view::{Mute, View};
use crate::domain::expression::Expression;

/// What one slice may cost: bytes, each weighed by how slowly it is looked at. About 3 ms.
const SLICE: usize = 16 << 20;
/// Bytes that a row costs to be looked at, whatever it says.
const ROW: usize = 64;
/// What decoders may cost while messages come in; rows beyond it are looked at in slices of their own.
const AT_ONCE: usize = SLICE / 2;

#[derive(Debug, Default)]
pub struct Hits {
    view: View,
    /// Everything is let through: rows are counted, not listed.
    all: bool,
    /// Oldest first.
    found: VecDeque<Found>,
    /// Rows in memory before this one are still to be looked at.
    from: Seq,
    /// Rows from this one on came faster than decoders are: they are still to be looked at, too.
    behind: Option<Seq>,
    /// What decoders have cost since the last slice.
    cost: usize,
    /// Bytes of all lists.
    bytes: usize,
}

/// What was found in one block.
#[derive(Debug, PartialEq, Eq)]
struct Found {
    /// Number of the block's first row.
    first: u64,
    /// Rows found before it, counted from somewhere.
    start: u64,
    rows: Vec<u16>,
}

/// Where lists begin to count, so that older ones can be put before them.
const MIDDLE: u64 = 1 << 40;

impl Found {
    fn cost(&self) -> usize {
        size_of::<Self>() + self.rows.capacity() * size_of::<u16>()
    }

    fn end(&self) -> u64 {
        self.start + self.rows.len() as u64
    }

    fn seqs(&self) -> impl Iterator<Item = Seq> {
        self.rows
            .iter()
            .map(|row| Seq(self.first + u64::from(*row)))
    }
}

impl Hits {
    pub fn new(view: View, ring: &Ring, devices: &Devices) -> Self {
        let all = view == View::default();
        let sample = ring.blocks().next_back();
        let sample = sample.map_or(&[][..], |block| {
            let bytes = block.bytes();
            &bytes[..bytes.len().min(16 * 1024)]
        });
        let mut hits = Self {
            view: view.tuned(sample),
            all,
            found: VecDeque::new(),
            from: ring.end(),
            behind: None,
            cost: 0,
            bytes: 0,
        };
        hits.look_back(ring, devices);
        hits
    }

    pub fn view(&self) -> &View {
        &self.view
    }

    /// Bytes that the lists take.
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// One slice: of what came too fast, then further back. Rows found among what came.
    pub fn look_on(&mut self, ring: &Ring, devices: &Devices) -> usize {
        self.cost = 0;
        let new = self.catch_up(ring, devices);
        if self.behind.is_none() {
            self.look_back(ring, devices);
        }
        new
    }

    /// One slice further back; whether anything in memory is left to look at.
    pub fn look_back(&mut self, ring: &Ring, devices: &Devices) -> bool {
        if self.all {
            self.from = ring.first_in_memory();
            return false;
        }
        let weight = self.view.filter.expression().map_or(1, Expression::weight);
        let mut spent = self.cost;
        let from = self.from.0;
        for block in ring.blocks().rev().skip_while(|block| block.first >= from) {
            if spent >= SLICE {
                break;
            }
            let end = usize::try_from(self.from.0 - block.first).unwrap_or(usize::MAX);
            let end = end.min(block.rows);
            let part = self.view.sift_before(block, devices, end, SLICE - spent);
            self.put_front(block.first, part.rows);
            self.from = Seq(block.first + part.from as u64);
            let whole = (block.bytes().len() + block.rows * ROW) * weight;
            spent += whole / block.rows.max(1) * (end - part.from) + part.cost;
            if part.from > 0 {
                break;
            }
        }
        self.is_looking_back(ring)
    }

    /// Rows that came faster than they could be looked at, oldest first, a slice of them.
    fn catch_up(&mut self, ring: &Ring, devices: &Devices) -> usize {
        let mut new = 0;
        while let Some(seq) = self.behind.map(|seq| seq.max(ring.first_in_memory())) {
            if seq >= ring.end() {
                self.behind = None;
            } else if self.cost >= SLICE {
                self.behind = Some(seq);
                break;
            } else {
                self.behind = Some(Seq(seq.0 + 1));
                self.cost += ROW;
                new += usize::from(self.look_at(seq, ring, devices));
            }
        }
        new
    }

    fn look_at(&mut self, seq: Seq, ring: &Ring, devices: &Devices) -> bool {
        let Some(kept) = ring.get(seq) else {
            return false;
        };
        let (shown, cost) = self.view.shows(&kept, devices);
        self.cost += cost;
        if shown {
            self.put_back(seq, ring);
        }
        shown
    }

    fn put_front(&mut self, first: u64, mut rows: Vec<u16>) {
        if rows.is_empty() {
            return;
        }
        rows.shrink_to_fit();
        if let Some(front) = self.found.front_mut().filter(|front| front.first == first) {
            let before = front.cost();
            front.start -= rows.len() as u64;
            rows.append(&mut front.rows);
            front.rows = rows;
            self.bytes = self.bytes + front.cost() - before;
            return;
        }
        let end = self.found.front().map_or(MIDDLE, |found| found.start);
        let found = Found {
            first,
            start: end - rows.len() as u64,
            rows,
        };
        self.bytes += found.cost();
        self.found.push_front(found);
    }

    /// Whether rows in memory are still to be looked at.
    pub fn is_looking(&self, ring: &Ring) -> bool {
        self.behind.is_some() || self.is_looking_back(ring)
    }

    fn is_looking_back(&self, ring: &Ring) -> bool {
        !self.all && self.from > ring.first_in_memory()
    }

    /// Everything is let through.
    pub const fn shows_all(&self) -> bool {
        self.all
    }

    /// What has left the ring is no hit any more.
    pub fn forget(&mut self, ring: &Ring) {
        self.forget_before(ring.first());
    }

    /// A row has just been pushed. Whether it is shown, as far as is known by now.
    pub fn offer(&mut self, seq: Seq, ring: &Ring, devices: &Devices) -> bool {
        self.forget_before(ring.first());
        if self.all {
            return true;
        }
        if self.behind.is_some() {
            return false;
        }
        if self.cost >= AT_ONCE {
            self.behind = Some(seq);
            return false;
        }
        self.look_at(seq, ring, devices)
    }

    fn put_back(&mut self, seq: Seq, ring: &Ring) {
        let mut blocks = ring.blocks().rev().map(|block| block.first);
        let first = blocks.find(|first| *first <= seq.0).unwrap_or(seq.0);
        let row = u16::try_from(seq.0 - first).unwrap_or(u16::MAX);
        if let Some(last) = self.found.back_mut().filter(|last| last.first == first) {
            let before = last.cost();
            last.rows.push(row);
            self.bytes += last.cost() - before;
            return;
        }
        if let Some(last) = self.found.back_mut() {
            let before = last.cost();
            last.rows.shrink_to_fit();
            self.bytes -= before - last.cost();
        }
        let found = Found {
            first,
            start: self.found.back().map_or(MIDDLE, Found::end),
            rows: vec![row],
        };
        self.bytes += found.cost();
        self.found.push_back(found);
    }

    fn forget_before(&mut self, first: Seq) {
        while let Some(oldest) = self.found.front().filter(|f| f.first < first.0) {
            self.bytes -= oldest.cost();
            self.found.pop_front();
        }
        self.from = self.from.max(first);
    }

    /// What was found in a block on the disk, which begins with that row. They come newest first.
    pub fn add_shelved(&mut self, first: Seq, rows: Vec<u16>) {
        // One that left memory while it was looked through: what was found before is found again.
        if let Some(part) = self.found.pop_front_if(|oldest| oldest.first == first.0) {
            self.bytes -= part.cost();
        }
        let is_older = self
            .found
            .front()
            .is_none_or(|oldest| first.0 < oldest.first);
        if is_older && !self.all {
            self.put_front(first.0, rows);
        }
        self.from = self.from.min(first);
    }

    /// A block is on the disk no more: one row stands for what was found in it, and for what might have been, where a mark does.
    pub fn lose(&mut self, first: Seq, ring: &Ring) {
        self.forget_before(ring.first());
        // Marks in a row are one: this one may have gone into the one before.
        let stays = ring.get(first).is_some_and(|kept| kept.gap.is_some());
        let at = self.found.partition_point(|found| found.first < first.0);
        let is_listed = self.found.get(at).is_some_and(|f| f.first == first.0);
        if !is_listed {
            // What is still searched for comes before all that was found.
            if !stays || self.all || (first < self.from && at == 0) {
                return;
            }
            let end = self.found.back().map_or(MIDDLE, Found::end);
            let none = Found {
                first: first.0,
                start: self.found.get(at).map_or(end, |newer| newer.start),
                rows: Vec::new(),
            };
            self.bytes += none.cost();
            self.found.insert(at, none);
        }
        let found = &mut self.found[at];
        let before = found.rows.len() as u64;
        self.bytes -= found.rows.capacity() * size_of::<u16>();
        found.rows = if stays { vec![0] } else { Vec::new() };
        self.bytes += found.rows.capacity() * size_of::<u16>();
        let now = found.rows.len() as u64;
        for older in self.found.iter_mut().take(at + 1) {
            older.start = older.start + before - now;
        }
        if !stays && let Some(gone) = self.found.remove(at) {
            self.bytes -= gone.cost();
        }
    }

    /// Blocks on the disk that are still to be searched, newest first.
    pub fn still_shelved(&self, ring: &Ring) -> Vec<Place> {
        if self.all {
            return Vec::new();
        }
        ring.shelved_before(self.from)
    }

    fn start(&self) -> u64 {
        self.found.front().map_or(MIDDLE, |found| found.start)
    }

    /// Rows shown in all, of those before `end`.
    pub fn len_before(&self, end: Seq, ring: &Ring) -> usize {
        if self.all {
            return ring.index_of(end);
        }
        let after = self.found.partition_point(|found| found.first < end.0);
        let Some(last) = after.checked_sub(1).and_then(|at| self.found.get(at)) else {
            return 0;
        };
        let within = last
            .rows
            .partition_point(|row| last.first + u64::from(*row) < end.0);
        usize::try_from(last.start - self.start()).unwrap_or(usize::MAX) + within
    }

    pub fn at(&self, index: usize, ring: &Ring) -> Option<Seq> {
        if self.all {
            return ring.at(index);
        }
        let place = self.start() + index as u64;
        let after = self.found.partition_point(|found| found.start <= place);
        let found = self.found.get(after.checked_sub(1)?)?;
        let row = found.rows.get(usize::try_from(place - found.start).ok()?)?;
        Some(Seq(found.first + u64::from(*row)))
    }

    /// Index of the row, or of the next newer one where that row is not shown.
    pub fn index_of(&self, seq: Seq, ring: &Ring) -> usize {
        self.len_before(seq, ring)
    }

    /// All rows shown, oldest first.
    pub fn seqs(&self) -> impl Iterator<Item = Seq> {
        self.found.iter().flat_map(Found::seqs)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::super::filter::Filter;
    use super::super::query::Query;
    use super::super::sheet::Sheet;
    use super::super::shelf::Loss;
    use super::*;
    use crate::base::moment::Timestamp;
    use crate::domain::message::{Direction, Message, Qos};
    use crate::domain::topic::Topic;
    use crate::store::ring::Note;

    fn push(ring: &mut Ring, payload: impl AsRef<[u8]>) -> Seq {
        let message = Message {
            at: Timestamp(0),
            direction: Direction::In,
            topic: Topic::received("t"),
            payload: Bytes::copy_from_slice(payload.as_ref()),
            qos: Qos::AtMostOnce,
            retain: false,
            dup: false,
            ack: None,
            properties: None,
            session: false,
        };
        ring.push(&message, Note::default())
    }

    fn view(text: &str) -> View {
        View {
            filter: Filter::parse(text).expect("understood"),
            ..View::default()
        }
    }

    #[test]
    fn looking_back_in_slices_finds_what_looking_forward_finds() {
        let (mut ring, devices) = (Ring::new(64 << 20), Devices::default());
        let mut forward = Hits::new(view("even"), &ring, &devices);
        for n in 0..50_000 {
            let seq = push(&mut ring, if n % 2 == 0 { "even" } else { "odd" });
            forward.offer(seq, &ring, &devices);
        }
        let mut back = Hits::new(view("even"), &ring, &devices);
        assert_eq!(
            back.seqs().last(),
            Some(Seq(49_998)),
            "the newest are there at once"
        );
        while back.look_back(&ring, &devices) {}
        assert!(back.seqs().eq(forward.seqs()));
        assert_eq!(back.seqs().count(), 25_000);
    }

    /// `{"even":1}` or `{"even":0}` in CBOR.
    fn cbor(n: usize) -> Vec<u8> {
        let mut bytes = b"\xa1deven".to_vec();
        bytes.push(u8::from(n.is_multiple_of(2)));
        bytes
    }

    #[test]
    fn what_decoders_open_is_found_in_slices_of_a_block() {
        let (mut ring, devices) = (Ring::new(64 << 20), Devices::default());
        for n in 0..20_000 {
            push(&mut ring, cbor(n));
        }
        let mut back = Hits::new(view("even == 1"), &ring, &devices);
        assert_eq!(
            back.seqs().last(),
            Some(Seq(19_998)),
            "the newest are there at once"
        );
        let mut slices = 1;
        while back.look_back(&ring, &devices) {
            slices += 1;
        }
        assert!(slices > 10, "{slices} slices");
        let even = (0..10_000).map(|n| Seq(n * 2));
        assert!(back.seqs().eq(even), "each once, in order");
        let all: Vec<_> = back.seqs().collect();
        assert_eq!(back.at(5_000, &ring), Some(Seq(10_000)));
        assert_eq!(back.len_before(ring.end(), &ring), all.len());
    }

    #[test]
    fn what_comes_faster_than_it_is_opened_is_looked_at_in_slices_of_its_own() {
        let (mut ring, devices) = (Ring::new(64 << 20), Devices::default());
        let mut hits = Hits::new(view("even == 1 or plain"), &ring, &devices);
        let mut shown = 0;
        for n in 0..5_000 {
            let seq = push(&mut ring, cbor(n));
            shown += usize::from(hits.offer(seq, &ring, &devices));
        }
        assert!((1..2_500).contains(&shown), "{shown} at once");
        assert!(hits.is_looking(&ring));
        let seq = push(&mut ring, "plain");
        assert!(!hits.offer(seq, &ring, &devices), "in its order");
        let mut slices = 0;
        while hits.is_looking(&ring) {
            shown += hits.look_on(&ring, &devices);
            slices += 1;
        }
        assert!(slices > 2, "{slices} slices");
        assert_eq!(shown, 2_501);
        let expected = (0..2_500).map(|n| Seq(n * 2)).chain([seq]);
        assert!(hits.seqs().eq(expected));
    }

    #[test]
    fn what_decoders_open_is_found_on_the_disk_too() {
        let (mut ring, devices) = (Ring::new(64 << 20), Devices::default());
        for n in 0..100 {
            push(&mut ring, cbor(n));
        }
        let sheet = Sheet {
            block: ring.blocks().next().expect("rows").clone(),
            devices: Vec::new(),
            masks: Vec::new(),
        };
        let read = Sheet::decode(&sheet.encode()).expect("whole");
        let query = Query::new(view("even==1"), &devices, Vec::new());
        let even: Vec<u16> = (0..50).map(|n| n * 2).collect();
        assert_eq!(query.sift(&read), even);
    }

    #[test]
    fn a_block_that_holds_what_is_closed_is_not_ruled_out_by_its_bytes() {
        let (mut ring, devices) = (Ring::new(64 << 20), Devices::default());
        for n in 0..100 {
            push(&mut ring, r#"{"temp":20}"#);
            push(&mut ring, cbor(n));
        }
        let found = |text: &str| Hits::new(view(text), &ring, &devices).seqs().count();
        // A number stands in CBOR in bits only.
        assert_eq!(found("\"even\\\":1\""), 50);
        assert_eq!(found("temp==20"), 100);
        assert_eq!(found("-even==0 -temp"), 50);
    }

    #[test]
    fn what_the_disk_lost_is_a_mark_in_its_place_whatever_is_looked_for() {
        let (mut ring, devices) = (Ring::with_shelf(20_000), Devices::default());
        let mut hits = Hits::new(view("even"), &ring, &devices);
        for n in 0..1000 {
            // Whole blocks without any that is looked for.
            let text = if n % 300 == 0 {
                "even"
            } else {
                "odd, and so long that it fills blocks"
            };
            let seq = push(&mut ring, text);
            hits.offer(seq, &ring, &devices);
        }
        let listed = |hits: &Hits, ring: &Ring| -> Vec<Seq> {
            let count = hits.len_before(ring.end(), ring);
            let all: Vec<_> = (0..count).filter_map(|at| hits.at(at, ring)).collect();
            assert_eq!(all.len(), count);
            assert!(all.is_sorted() && hits.seqs().eq(all.iter().copied()));
            all
        };
        assert_eq!(listed(&hits, &ring).len(), 4);
        let places: Vec<_> = ring.take_leaving(&devices).into_iter().collect();
        assert!(places.len() > 9, "{}", places.len());
        let mut marks = 0;
        for at in [2, 5, 7, 0, 6] {
            let first = ring.lose(places[at].0, Loss::Hole).expect("known");
            hits.lose(first, &ring);
            let all = listed(&hits, &ring);
            marks = all.iter().filter(|seq| ring.is_hole(**seq)).count();
        }
        assert_eq!(marks, 4, "5 and 6 are one, and 7 was one before them");
        let bytes: usize = hits.found.iter().map(Found::cost).sum();
        assert_eq!(hits.bytes(), bytes);
    }

    #[test]
    fn what_the_ring_let_go_is_no_row_any_more() {
        let (mut ring, devices) = (Ring::new(20_000), Devices::default());
        let mut hits = Hits::new(view("x"), &ring, &devices);
        for _ in 0..1000 {
            let seq = push(&mut ring, "x and some more text to fill the blocks");
            hits.offer(seq, &ring, &devices);
        }
        assert!(ring.evicted() > 0);
        assert_eq!(hits.at(0, &ring), Some(ring.first()));
        assert_eq!(hits.len_before(ring.end(), &ring) as u64, ring.kept());
    }
}
