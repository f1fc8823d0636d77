use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::domain::message::{Properties, Qos};
use crate::domain::topic::Topic;
use crate::store::seek::{Near, Wanted};

fn message(topic: &str, payload: &[u8]) -> Message {
    Message {
        at: Timestamp(7),
        direction: Direction::In,
        topic: Topic::received(topic),
        payload: Bytes::copy_from_slice(payload),
        qos: Qos::AtLeastOnce,
        retain: false,
        dup: true,
        ack: None,
        properties: None,
        session: false,
    }
}

#[test]
fn a_message_comes_back_as_it_went_in() {
    let mut ring = Ring::new(1 << 20);
    let note = Note {
        kind: Kind::Push,
        device: Some(3),
        gist: "세탁이 끝났습니다",
        mask: &["privateKey"],
    };
    let seq = ring.push(&message("app/x", b"\x00\xff{}"), note);
    let kept = ring.get(seq).expect("just pushed");
    assert_eq!(
        (kept.topic, kept.payload),
        ("app/x", b"\x00\xff{}".as_slice())
    );
    assert_eq!((kept.gist, kept.kind), ("세탁이 끝났습니다", Kind::Push));
    assert_eq!(
        (kept.device, kept.mask),
        (Some(3), ["privateKey"].as_slice())
    );
    assert_eq!((kept.dup, kept.retain, kept.outgoing), (true, false, false));
}

#[test]
fn a_payload_too_long_to_keep_keeps_its_beginning_and_its_true_length() {
    let mut ring = Ring::new(64 * 1024);
    let seq = ring.push(&message("t", &vec![b'x'; 100_000]), Note::default());
    let kept = ring.get(seq).expect("just pushed");
    assert_eq!((kept.payload.len(), kept.length), (16 * 1024, 100_000));
    assert_eq!(kept.topic, "t");
}

#[test]
fn a_gap_is_a_row_and_counts_as_dropped() {
    let mut ring = Ring::new(1 << 20);
    let gap = Gap {
        messages: 1203,
        bytes: 2_202_009,
    };
    let seq = ring.push_gap(Timestamp(1), gap);
    assert_eq!(ring.get(seq).and_then(|k| k.gap), Some(gap));
    assert_eq!(
        (ring.received(), ring.kept(), ring.dropped()),
        (1203, 0, 1203)
    );
}

#[test]
fn ever_new_topics_stay_under_the_bound() {
    let mut ring = Ring::new(2 << 20);
    let mut last = Seq(0);
    for n in 0..70_000 {
        last = ring.push(&message(&format!("site/{n}/state"), b"x"), Note::default());
        assert!(ring.charged() <= 2 << 20, "{}", ring.charged());
    }
    assert_eq!(ring.get(last).map(|k| k.topic), Some("site/69999/state"));
    assert!(ring.evicted() > 10_000, "{}", ring.evicted());
    assert_eq!(ring.kept() + ring.evicted(), 70_000);
    let oldest = ring.get(ring.first()).expect("there");
    assert_eq!(oldest.topic, format!("site/{}/state", ring.first().0));
}

#[test]
fn what_few_messages_carry_is_kept_too() {
    let mut ring = Ring::new(1 << 20);
    let properties = Properties {
        content_type: Some("json".to_owned()),
        ..Properties::default()
    };
    let mut message = message("a", b"{}");
    message.properties = Some(Box::new(properties.clone()));
    message.session = true;
    let long = "세".repeat(100);
    let note = Note {
        gist: &long,
        ..Note::default()
    };
    let seq = ring.push(&message, note);
    let kept = ring.get(seq).expect("just pushed");
    assert_eq!(kept.properties(), Some(Box::new(properties)));
    assert_eq!((kept.payload, kept.gist), (b"{}".as_slice(), long.as_str()));
    assert!(kept.session);
}

#[test]
fn two_hundred_bytes_cost_less_than_forty_more() {
    let mut ring = Ring::new(256 << 20);
    let payload = vec![b'x'; 200];
    for n in 0..100_000 {
        ring.push(
            &message(&format!("bench/{}", n % 100), &payload),
            Note::default(),
        );
    }
    let over = ring.charged() as u64 / ring.kept() - 200;
    assert!(over < 24, "{over}");
}

fn listed(ring: &Ring) -> Vec<Seq> {
    (0..).map_while(|index| ring.at(index)).collect()
}

fn pushed(ring: &mut Ring, messages: usize) {
    for n in 0..messages {
        ring.push(
            &message("t", format!("{n:0>200}").as_bytes()),
            Note::default(),
        );
    }
}

#[test]
fn what_leaves_memory_stands_on_the_shelf_and_can_be_read_back() {
    let mut devices = Devices::default();
    let mut ring = Ring::with_shelf(64 * 1024);
    let first = ring.end();
    pushed(&mut ring, 1000);
    let leaving = ring.take_leaving(&devices);
    assert!(!leaving.is_empty());
    assert_eq!(ring.kept() + ring.shelved(), 1000);
    assert_eq!((ring.rows(), ring.first()), (1000, first));
    assert_eq!(ring.at(0), Some(first));
    assert_eq!(ring.index_of(ring.end()), 1000);
    let (place, sheet) = &leaving[0];
    assert_eq!(ring.missing(first), Some((*place, 0)));
    assert!(ring.get(first).is_none(), "it is on the disk");
    let back = Sheet::decode(&sheet.encode()).expect("a sheet");
    ring.add_page(*place, vec![0, 2], back.some(&[0, 2]), &mut devices);
    assert!(ring.get(Seq(first.0 + 1)).is_none());
    let third = ring.get(Seq(first.0 + 2)).expect("read back");
    assert_eq!(third.seq, Seq(first.0 + 2));
    assert_eq!(third.payload, format!("{:0>200}", 2).as_bytes());
    let kept = ring.get(first).expect("read back");
    assert_eq!(kept.payload, format!("{:0>200}", 0).as_bytes());
    assert_eq!((kept.seq, kept.topic), (first, "t"));
}

#[test]
fn a_block_that_never_got_to_the_disk_leaves_a_mark() {
    let mut ring = Ring::with_shelf(64 * 1024);
    pushed(&mut ring, 1000);
    let leaving = ring.take_leaving(&Devices::default());
    let (lost, rows) = (leaving[2].0, leaving[2].1.rows() as u64);
    let first = ring.lose(lost, Loss::Hole).expect("known");
    assert_eq!(ring.dropped(), rows);
    assert_eq!(
        ring.received(),
        ring.kept() + ring.shelved() + ring.dropped()
    );
    let gap = ring.get(first).and_then(|kept| kept.gap).expect("a mark");
    assert_eq!((gap.messages, ring.rows()), (rows, 1001 - rows));
    // Every place in the list has a row, each newer than the one before.
    let seqs = listed(&ring);
    assert_eq!(seqs.len() as u64, ring.rows());
    assert!(seqs.is_sorted());
    for (index, seq) in seqs.iter().enumerate() {
        assert_eq!(ring.index_of(*seq), index);
    }
    ring.lose(leaving[1].0, Loss::Hole);
    ring.lose(leaving[3].0, Loss::Hole);
    let gaps = listed(&ring).into_iter();
    let gaps = gaps.filter_map(|seq| ring.get(seq)?.gap).count();
    assert_eq!(gaps, 2, "holes are joined with the one before");
    ring.lose(leaving[0].0, Loss::Old);
    assert_eq!(
        ring.received(),
        ring.kept() + ring.shelved() + ring.dropped()
    );
}

#[test]
fn an_earlier_run_comes_before_this_one_and_is_not_counted_as_received() {
    let mut ring = Ring::with_shelf(64 * 1024);
    pushed(&mut ring, 10);
    let earlier = [(1, 300), (2, 200)].map(|(place, rows)| Earlier {
        place: Place(place),
        rows,
        messages: u64::from(rows),
    });
    ring.add_earlier(&earlier);
    assert_eq!((ring.rows(), ring.received(), ring.shelved()), (510, 10, 0));
    let oldest = ring.at(0).expect("a row");
    assert_eq!(ring.missing(oldest), Some((Place(1), 0)));
    let next = ring.at(300).expect("a row");
    assert_eq!(ring.missing(next), Some((Place(2), 0)));
    assert!(ring.get(ring.at(500).expect("a row")).is_some());
    assert_eq!(ring.shelved_before(ring.end()), [Place(2), Place(1)]);
}

#[test]
fn what_is_masked_on_its_way_to_the_disk_may_be_longer_than_it_was() {
    let mut ring = Ring::with_shelf(64 * 1024);
    let payload = format!("{{{}}}", vec!["\"key\":1"; 300].join(","));
    for _ in 0..10 {
        let note = Note {
            mask: &["key"],
            ..Note::default()
        };
        ring.push(&message("t", payload.as_bytes()), note);
    }
    ring.let_go_of_all();
    let mut rows = 0;
    for (_, sheet) in ring.take_leaving(&Devices::default()) {
        let back = Sheet::decode(&sheet.encode()).expect("a sheet");
        assert_eq!(
            (back.rows(), back.messages()),
            (sheet.rows(), sheet.messages())
        );
        rows += back.rows();
    }
    assert_eq!(rows, 10);
}

proptest! {
    #[test]
    fn received_is_kept_and_dropped_and_the_bound_holds(
        sizes in proptest::collection::vec(0_usize..9000, 1..200), limit in 8_000_usize..100_000
    ) {
        let mut ring = Ring::new(limit);
        for (n, size) in sizes.iter().enumerate() {
            if n % 17 == 3 {
                ring.push_gap(Timestamp(0), Gap { messages: 5, bytes: 50 });
            }
            ring.push(&message("t", &vec![b'a'; *size]), Note::default());
            prop_assert_eq!(ring.received(), ring.kept() + ring.dropped());
            let rows = (ring.first().0..ring.end().0).filter_map(|s| ring.get(Seq(s)));
            let messages = rows.filter(|k| k.gap.is_none()).count() as u64;
            prop_assert_eq!(messages, ring.kept());
            prop_assert!(ring.charged() <= limit + 9000 + 4096, "{} over {}", ring.charged(), limit);
        }
    }

    #[test]
    fn received_is_kept_and_shelved_and_dropped_whatever_the_disk_does(
        steps in proptest::collection::vec((0_usize..3000, 0_u8..8), 1..300)
    ) {
        let mut devices = Devices::default();
        let mut ring = Ring::with_shelf(40_000);
        let mut places = Vec::new();
        for (size, what) in steps {
            ring.push(&message("t", &vec![b'a'; size]), Note::default());
            places.extend(ring.take_leaving(&devices));
            match what {
                0 => { ring.push_gap(Timestamp(0), Gap { messages: 5, bytes: 50 }); }
                1 if !places.is_empty() => { ring.lose(places.remove(0).0, Loss::Old); }
                2 if !places.is_empty() => { ring.lose(places.remove(places.len() / 2).0, Loss::Hole); }
                3 => if let Some((place, sheet)) = places.last() {
                    ring.add_page(*place, vec![0], sheet.some(&[0]), &mut devices);
                },
                _ => {}
            }
            prop_assert_eq!(ring.received(), ring.kept() + ring.shelved() + ring.dropped());
            let seqs = listed(&ring);
            prop_assert_eq!(seqs.len() as u64, ring.rows());
            prop_assert!(seqs.is_sorted());
            prop_assert!(seqs.iter().enumerate().all(|(index, seq)| ring.index_of(*seq) == index));
        }
    }
}

proptest! {
    /// However little one look may cost, going on from where it came to finds what looking at every row finds.
    #[test]
    fn a_look_in_parts_finds_what_a_look_at_every_row_finds(
        messages in proptest::collection::vec((0..4_usize, 0..3_u32, any::<bool>()), 1..600),
        from in any::<prop::sample::Index>(),
        later in any::<bool>(),
        most in 1..400_usize,
    ) {
        let mut ring = Ring::new(16 * 1024);
        for (topic, device, out) in &messages {
            let direction = if *out { Direction::Out } else { Direction::In };
            let message = Message { direction, ..message(["a", "b", "c", "d"][*topic], &[b'x'; 40]) };
            let note = Note { device: device.checked_sub(1), ..Note::default() };
            ring.push(&message, note);
        }
        let from = Seq(from.index(messages.len()) as u64);
        let wanted = Wanted { device: None, topic: Some("a"), like: Some((Kind::Message, false)) };
        let fits = |seq: &u64| {
            let (topic, device, out) = messages[usize::try_from(*seq).expect("few")];
            (topic, device, out) == (0, 0, false) && ring.get(Seq(*seq)).is_some()
        };
        let expected = if later {
            (from.0 + 1..ring.end().0).find(fits)
        } else {
            (0..from.0).rev().find(fits)
        };
        let mut at = from;
        let found = loop {
            match ring.look(at, later, wanted, most) {
                Near::Found(seq) => break Some(seq.0),
                Near::Nothing => break None,
                Near::Until(to) => {
                    prop_assert!(to != at, "it does not go on from {at:?}");
                    at = to;
                }
            }
        };
        prop_assert_eq!(found, expected);
    }
}
