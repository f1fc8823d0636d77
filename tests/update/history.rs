//! Messages that are on the disk, and finding among them.

use std::collections::BTreeMap;
use std::time::Duration;

use thingdeck::app::effect::Effect;
use thingdeck::app::event::{Event, ShelfEvent};
use thingdeck::app::screen::{PaneId, Role};
use thingdeck::domain::reading::Kind;
use thingdeck::store::sheet::Sheet;
use thingdeck::store::shelf::{Earlier, Loss, Place};

use crate::deck::{Deck, setup};

/// Does what the runtime does with a disk, at once.
#[derive(Default)]
struct Disk {
    blocks: BTreeMap<Place, Vec<u8>>,
}

impl Disk {
    fn sheet(&self, place: Place) -> Sheet {
        Sheet::decode(&self.blocks[&place]).expect("a sheet")
    }

    /// Carries out what was asked, until nothing is asked any more.
    fn serve(&mut self, deck: &mut Deck) {
        loop {
            let asked = deck.asked();
            if asked.is_empty() {
                return;
            }
            for effect in asked {
                self.carry_out(deck, effect);
            }
        }
    }

    fn carry_out(&mut self, deck: &mut Deck, effect: Effect) {
        let session = deck.session;
        let mut tell = |event| {
            deck.event(Event::Shelf(session, event));
        };
        match effect {
            Effect::Shelve(_, place, sheet) => {
                self.blocks.insert(place, sheet.encode());
            }
            Effect::ShelveRest(_, rest) => {
                for (place, sheet) in rest {
                    self.blocks.insert(place, sheet.encode());
                }
            }
            Effect::Unshelve(_, place, rows) => {
                let page = Box::new(self.sheet(place).some(&rows));
                tell(ShelfEvent::Page(place, rows, page));
            }
            Effect::Search(_, id, query) => {
                for place in query.places() {
                    let rows = query.sift(&self.sheet(*place));
                    if !rows.is_empty() {
                        tell(ShelfEvent::Found(id, *place, rows));
                    }
                }
                tell(ShelfEvent::SearchOver(id));
            }
            Effect::Seek(_, id, seek) => {
                let found = seek.places.iter().find_map(|place| {
                    let sheet = self.sheet(*place);
                    let row = seek.find(*place, &sheet)?;
                    Some((*place, row, Box::new(sheet.some(&[row]))))
                });
                tell(ShelfEvent::Sought(id, found));
            }
            _ => {}
        }
    }
}

/// A dashboard with little memory and a disk, after that many messages.
fn deep(messages: usize) -> (Deck, Disk) {
    let mut setup = setup();
    setup.memory_limit = 128 * 1024;
    setup.keeps_history = true;
    let (mut deck, mut disk) = (Deck::new(setup), Disk::default());
    deck.connect().press("3");
    flood(&mut deck, &mut disk, messages);
    (deck, disk)
}

fn flood(deck: &mut Deck, disk: &mut Disk, messages: usize) {
    for _ in 0..messages / 1000 {
        deck.receive(1000, "t");
        disk.serve(deck);
        holds(deck);
    }
}

/// received = kept + on disk + dropped.
fn holds(deck: &Deck) {
    let header = deck.screen().header;
    let on_disk = header.on_disk.expect("there is a disk");
    assert_eq!(header.received, header.kept + on_disk + header.dropped);
}

fn number(gist: &str) -> String {
    gist.chars().filter(char::is_ascii_digit).collect()
}

fn numbers(deck: &Deck) -> Vec<String> {
    deck.gists().iter().map(|gist| number(gist)).collect()
}

#[test]
fn what_leaves_memory_goes_to_the_disk_and_is_counted_there() {
    let (deck, disk) = deep(20_000);
    let header = deck.screen().header;
    assert!(header.on_disk > Some(10_000), "{header:?}");
    assert_eq!((header.received, header.dropped), (20_000, 0));
    assert!(!disk.blocks.is_empty());
}

#[test]
fn the_oldest_message_is_scrolled_to_and_read_from_the_disk() {
    let (mut deck, mut disk) = deep(20_000);
    deck.press("g");
    assert_eq!(deck.gists()[0], "reading it from the disk");
    disk.serve(&mut deck);
    assert_eq!(numbers(&deck)[..3], ["1", "2", "3"]);
    deck.press("j");
    disk.serve(&mut deck);
    assert_eq!(number(&deck.selected_gist()), "2");
    deck.press("G");
    assert_eq!(number(&deck.selected_gist()), "20000");
}

#[test]
fn a_filter_finds_in_memory_first_and_then_on_the_disk() {
    let (mut deck, mut disk) = deep(20_000);
    deck.press("/").type_text("re:/\\b1?9777\\b/");
    deck.wait(Duration::from_millis(50));
    assert_eq!(
        numbers(&deck),
        ["19777"],
        "what is in memory is there at once"
    );
    assert!(deck.note(PaneId::Messages).contains("so far"));
    disk.serve(&mut deck);
    assert_eq!(deck.note(PaneId::Messages), "2 of 20,000");
    assert_eq!(numbers(&deck), ["9777", "19777"]);
    let found: Vec<_> = deck.messages()[0]
        .gist
        .iter()
        .filter(|span| span.role == Role::Match)
        .map(|span| span.text.to_string())
        .collect();
    assert_eq!(found, ["9777"]);
}

#[test]
fn the_next_key_stroke_ends_a_search() {
    let (mut deck, _disk) = deep(20_000);
    deck.press("/").type_text("n");
    deck.wait(Duration::from_millis(50));
    let searches = deck.asked();
    let Some(Effect::Search(_, first, _)) = searches.last() else {
        panic!("{searches:?}")
    };
    deck.type_text("o");
    assert!(deck.asked().contains(&Effect::StopSearch(*first)));
}

#[test]
fn what_the_disk_could_not_take_is_a_mark_and_a_number() {
    let (mut deck, disk) = deep(20_000);
    let places: Vec<_> = disk.blocks.keys().copied().collect();
    let lost = ShelfEvent::Lost(vec![places[0], places[1]], Loss::Hole);
    deck.event(Event::Shelf(deck.session, lost));
    holds(&deck);
    assert!(deck.screen().header.dropped > 0);
    deck.press("g");
    assert!(deck.messages()[0].gap);
    let words = deck.gists()[0].clone();
    assert!(words.contains("dropped: the disk did not keep"), "{words}");
    let old = ShelfEvent::Lost(vec![places[2]], Loss::Old);
    deck.event(Event::Shelf(deck.session, old));
    holds(&deck);
    deck.press("g");
    assert!(
        !deck.messages()[0].gap,
        "the mark went with what stood before it"
    );
}

#[track_caller]
fn inspects(deck: &Deck, wanted: &str) {
    let shown = deck.inspector();
    assert!(shown.contains(wanted), "{wanted} is not in\n{shown}");
}

#[test]
fn the_brackets_go_on_from_memory_to_the_disk_and_back() {
    let (mut deck, mut disk) = deep(0);
    deck.resize(160, 50);
    for value in [1, 5] {
        deck.receive_bytes("rare", format!("{{\"v\":{value}}}").as_bytes());
        flood(&mut deck, &mut disk, 8000);
    }
    deck.receive_bytes("rare", b"{\"v\":6}").press("3 G enter");
    disk.serve(&mut deck);
    inspects(&deck, "\"v\": 6 (+1)");
    deck.press("[");
    assert_eq!(deck.notice(), "looking on the disk …");
    disk.serve(&mut deck);
    inspects(&deck, "\"v\": 5 (+4)");
    assert_eq!(deck.notice(), "", "it is there");
    assert_eq!(deck.selected_gist(), "{\"v\":5}", "the stream goes along");
    deck.press("[");
    disk.serve(&mut deck);
    inspects(&deck, "\"v\": 1\n");
    deck.press("[");
    disk.serve(&mut deck);
    assert_eq!(deck.notice(), "no earlier message of this topic is kept");
    deck.press("]");
    disk.serve(&mut deck);
    inspects(&deck, "\"v\": 5 (+4)");
    // From the disk back into memory.
    deck.press("]");
    disk.serve(&mut deck);
    inspects(&deck, "\"v\": 6 (+1)");
    deck.press("]");
    assert_eq!(deck.notice(), "no later message of this topic is kept");
}

#[test]
fn a_device_is_stepped_through_on_the_disk_by_its_own_messages() {
    let (mut deck, mut disk) = deep(0);
    deck.resize(160, 50);
    deck.receive_from("d-air", Kind::Event, "{\"t\":1}")
        .receive_from("d-hood", Kind::Event, "{\"t\":50}");
    flood(&mut deck, &mut disk, 8000);
    deck.receive_from("d-air", Kind::Event, "{\"t\":3}")
        .press("3 G enter");
    disk.serve(&mut deck);
    inspects(&deck, "\"t\": 3 (+2)");
    deck.press("[");
    disk.serve(&mut deck);
    inspects(&deck, "\"t\": 1");
}

#[test]
fn a_step_that_comes_too_late_does_not_take_the_reader_away() {
    let (mut deck, mut disk) = deep(0);
    deck.resize(160, 50);
    deck.receive_bytes("rare", b"{\"v\":1}");
    flood(&mut deck, &mut disk, 8000);
    deck.receive_bytes("rare", b"{\"v\":2}").press("3 G enter");
    disk.serve(&mut deck);
    deck.press("[ 3 k enter");
    let shown = deck.inspector();
    disk.serve(&mut deck);
    assert_eq!(deck.inspector(), shown);
    // The other way round ends it, and so does a filter.
    deck.press("3 G enter [");
    let asked = deck.asked();
    let Some(Effect::Seek(_, id, _)) = asked.iter().rfind(|e| matches!(e, Effect::Seek(..))) else {
        panic!("{asked:?}")
    };
    deck.press("]");
    assert!(deck.asked().contains(&Effect::StopSearch(*id)));
}

#[test]
fn an_earlier_run_is_found_too() {
    let (mut deck, mut disk) = deep(20_000);
    deck.press("P");
    let effects = deck.app.leave();
    for effect in effects {
        disk.carry_out(&mut deck, effect);
    }
    let mut setup = setup();
    setup.keeps_history = true;
    let mut deck = Deck::new(setup);
    deck.connect().press("3").receive(3, "t");
    let earlier = disk.blocks.keys().map(|place| {
        let sheet = disk.sheet(*place);
        Earlier {
            place: *place,
            rows: u32::try_from(sheet.rows()).expect("few"),
            messages: sheet.messages(),
        }
    });
    let earlier = ShelfEvent::Earlier(earlier.collect());
    deck.event(Event::Shelf(deck.session, earlier));
    let header = deck.screen().header;
    assert_eq!(
        (header.received, header.kept, header.on_disk),
        (3, 3, Some(0))
    );
    deck.press("/").type_text("re:/\\b[13]\\b/");
    deck.wait(Duration::from_millis(50));
    disk.serve(&mut deck);
    assert_eq!(numbers(&deck), ["1", "3", "1", "3"]);
}

/// They are no part of what this run received, so no number tells how many they were.
#[test]
fn an_earlier_run_that_cannot_be_read_is_a_mark_that_says_so() {
    let (mut deck, mut disk) = deep(1000);
    let earlier = vec![Earlier {
        place: Place(0),
        rows: 50,
        messages: 50,
    }];
    deck.event(Event::Shelf(deck.session, ShelfEvent::Earlier(earlier)));
    let lost = ShelfEvent::Lost(vec![Place(0)], Loss::Hole);
    deck.event(Event::Shelf(deck.session, lost));
    holds(&deck);
    deck.press("g");
    disk.serve(&mut deck);
    assert_eq!(
        deck.gists()[0],
        "⋯ messages of an earlier run cannot be read from the disk"
    );
    assert_eq!(deck.messages()[0].time, "");
    assert_eq!(number(&deck.gists()[1]), "1");
}

/// F23: what comes while the stream is frozen goes to the disk, or is counted as dropped where there is none.
#[test]
fn a_flood_behind_a_frozen_stream_is_on_the_disk_or_counted() {
    for keeps in [false, true] {
        let mut small = setup();
        small.memory_limit = 64 * 1024;
        small.keeps_history = keeps;
        let mut deck = Deck::new(small);
        deck.connect().receive(50, "home/t").press("3 space");
        let frozen = deck.gists();
        deck.receive(20_000, "home/t");
        assert_eq!(deck.gists(), frozen, "the frozen rows stay, disk: {keeps}");
        let header = deck.screen().header;
        assert_eq!(header.received, 20_050);
        let (on_disk, dropped) = (header.on_disk.unwrap_or(0), header.dropped);
        assert_eq!(header.kept + on_disk + dropped, 20_050);
        assert!(deck.note(PaneId::Messages).contains("frozen, 20,000 new"));
        if keeps {
            assert_eq!(dropped, 0, "the disk takes what memory has no room for");
            assert!(on_disk > 10_000, "{on_disk}");
        } else {
            assert!(dropped > 10_000, "{dropped}");
        }
        deck.press("space");
        assert_eq!(
            deck.gists().last().map(String::as_str),
            Some("{\"n\":20050}")
        );
    }
}
