use std::sync::Arc;
use std::task::Waker;

use bytes::Bytes;
use proptest::prelude::*;
use tokio::io::{BufReader, DuplexStream};

use super::*;
use crate::domain::message::{Draft, Qos};
use crate::domain::profile::Version;
use crate::domain::topic::Topic;
use crate::platform::plan::{ConnectPlan, Endpoint, Limits};
use crate::session::link::Ticket;

const LIMIT: Duration = Duration::from_secs(20);
const ACCEPT_V4: &[u8] = &[0x20, 2, 0, 0];
const ACCEPT_V5: &[u8] = &[0x20, 3, 0, 0, 0];

fn opening(version: Version) -> Opening {
    let endpoint = Endpoint::tcp("broker".to_owned(), 1883, None);
    let plan = ConnectPlan {
        endpoints: Vec::new(),
        client_id: "deck".to_owned(),
        username: None,
        password: None,
        keep_alive: Duration::from_mins(1),
        version,
        clean_session: true,
        session_expiry: Duration::ZERO,
        will: None,
        filters: Vec::new(),
        limits: Limits {
            max_packet: 1000,
            filters_per_subscribe: 8,
            max_qos: Qos::ExactlyOnce,
            connect_timeout: LIMIT,
        },
    };
    Opening {
        plan: Arc::new(plan),
        endpoint,
        manual_ack: false,
    }
}

impl Stream for DuplexStream {
    fn rest(&mut self) {}

    fn is_drained(&self) -> bool {
        true
    }
}

/// More is at hand than was read, as of WebSocket frames and TLS records.
impl Stream for BufReader<DuplexStream> {
    fn rest(&mut self) {}

    fn is_drained(&self) -> bool {
        false
    }
}

/// A wire, and the broker's end of it.
fn wire(version: Version, room: usize) -> (Wire, DuplexStream) {
    let (ours, theirs) = tokio::io::duplex(room);
    (on(version, Box::new(ours)), theirs)
}

fn on(version: Version, stream: Box<dyn Stream>) -> Wire {
    let opening = opening(version);
    let deadline = Instant::now() + LIMIT;
    let codec = Codec::new(version);
    Wire::new(&opening, stream, None, codec, b"CONNECT", deadline)
}

/// Every event but the log, up to the end. Each wait is dropped and begun again after every single poll.
async fn events(wire: &mut Wire) -> Vec<LinkEvent> {
    let mut events = Vec::new();
    while !matches!(events.last(), Some(LinkEvent::Closed(_))) {
        let impatient = async {
            loop {
                let once = poll_fn(|cx| Poll::Ready(pin!(wire.next()).poll(cx)));
                match once.await {
                    Poll::Ready(event) => return event,
                    Poll::Pending => tokio::task::yield_now().await,
                }
            }
        };
        let event = tokio::time::timeout(LIMIT, impatient).await;
        events.push(event.unwrap_or_else(|_| panic!("no end after {events:?}")));
    }
    events.retain(|event| !matches!(event, LinkEvent::Packet { .. }));
    events
}

/// What comes of these bytes, sent in pieces of these sizes, then the end of the stream.
fn heard(version: Version, bytes: &[u8], sizes: &[usize]) -> Vec<LinkEvent> {
    said(version, bytes, sizes, false).0
}

/// The same, and what was answered.
fn said(
    version: Version,
    bytes: &[u8],
    sizes: &[usize],
    in_batches: bool,
) -> (Vec<LinkEvent>, Vec<u8>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let (mut wire, theirs) = wire(version, 1 << 20);
        if in_batches {
            wire.take_in_batches();
        }
        let (mut answers, mut theirs) = tokio::io::split(theirs);
        let broker = async {
            let mut left = bytes;
            let mut sizes = sizes.iter().cycle();
            while !left.is_empty() {
                let size = sizes
                    .next()
                    .map_or(left.len(), |size| (*size).clamp(1, left.len()));
                let (piece, rest) = left.split_at(size);
                if theirs.write_all(piece).await.is_err() {
                    break;
                }
                tokio::task::yield_now().await;
                left = rest;
            }
            drop(theirs.shutdown().await);
        };
        let ((), events) = tokio::join!(broker, events(&mut wire));
        drop(wire);
        let mut answered = Vec::new();
        drop(answers.read_to_end(&mut answered).await);
        (events, answered)
    })
}

/// Every message on its own, however it came: topic, payload, QoS, retain, dup.
fn messages(events: &[LinkEvent]) -> Vec<(String, Vec<u8>, Qos, bool, bool)> {
    let mut all = Vec::new();
    for event in events {
        match event {
            LinkEvent::Message(one) => all.push((
                one.topic.clone(),
                one.payload.to_vec(),
                one.qos,
                one.retain,
                one.dup,
            )),
            LinkEvent::Messages(batch) => all.extend(batch.messages().map(|one| {
                let topic = one.topic.as_str().to_owned();
                (topic, one.payload.to_vec(), one.qos, one.retain, one.dup)
            })),
            _ => {}
        }
    }
    all
}

/// A PUBLISH with everything that it may have, from a few numbers.
fn any_publish(version: Version, first: u8, topic: &[u8], more: u8, size: usize) -> Vec<u8> {
    let mut body = Vec::new();
    body.extend(u16::try_from(topic.len()).unwrap().to_be_bytes());
    body.extend(topic);
    if first & 6 != 0 {
        body.extend([0, more | 1]);
    }
    if version == Version::V5 {
        match more % 3 {
            0 => body.extend([2, 1, 1]),
            _ => body.push(0),
        }
    }
    body.resize(body.len() + size, more);
    let mut out = vec![0x30 | (first & 0xf)];
    let mut left = body.len();
    loop {
        let more = left / 128;
        out.push(u8::try_from(left % 128).unwrap() | if more > 0 { 0x80 } else { 0 });
        left = more;
        if left == 0 {
            break;
        }
    }
    out.extend(body);
    out
}

fn publish(topic: &str, payload: &[u8], version: Version) -> Vec<u8> {
    let draft = Draft::new(
        Topic::parse(topic).unwrap(),
        Bytes::copy_from_slice(payload),
        Qos::AtLeastOnce,
    );
    let mut out = BytesMut::new();
    Codec::new(version)
        .write_publish(&draft, 9, false, &mut out)
        .unwrap();
    out.to_vec()
}

#[test]
fn the_sizes_of_the_pieces_make_no_difference() {
    for (version, accept) in [(Version::V311, ACCEPT_V4), (Version::V5, ACCEPT_V5)] {
        let mut bytes = accept.to_vec();
        for size in [0, 1, 127, 128, 900, 1000, 5000, 300_000, 1] {
            bytes.extend(publish("t", &vec![b'x'; size], version));
        }
        let whole = heard(version, &bytes, &[]);
        let sizes: Vec<_> = whole
            .iter()
            .map(|event| match event {
                LinkEvent::Message(arrival) => arrival.payload.len(),
                LinkEvent::Skipped { bytes, .. } => usize::try_from(*bytes).unwrap() * 10,
                _ => usize::MAX,
            })
            .collect();
        let end = usize::MAX;
        let expected = [end, 0, 1, 127, 128, 900, 10_000, 50_000, 3_000_000, 1, end];
        assert_eq!(sizes, expected);
        assert_eq!(heard(version, &bytes, &[1000, 7, 1]), whole);
        // One byte at a time, and broken off in the middle of a message.
        let broken_off = heard(version, &bytes[..3000], &[1]);
        assert_eq!(broken_off[..7], whole[..7]);
        assert_eq!(broken_off.len(), 8);
    }
}

#[test]
fn a_flood_uses_the_same_memory_again_when_its_batches_are_gone() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    runtime.block_on(async {
        let (mut wire, mut theirs) = wire(Version::V311, 1 << 20);
        wire.take_in_batches();
        theirs.write_all(ACCEPT_V4).await.unwrap();
        let read = any_publish(Version::V311, 0, b"t", 7, 200).repeat(310);
        let mut cx = Context::from_waker(Waker::noop());
        let (mut count, mut places) = (0, std::collections::HashSet::new());
        for _ in 0..200 {
            theirs.write_all(&read).await.unwrap();
            while let Poll::Ready(event) = pin!(wire.next()).poll(&mut cx) {
                if let LinkEvent::Messages(batch) = event {
                    count += batch.len();
                    places.insert(batch.bytes().as_ptr() as usize >> 12);
                    assert!(batch.iter().all(|one| one.payload == [7; 200]));
                }
            }
        }
        assert_eq!(count, 200 * 310);
        assert!(wire.lent.len() <= LENT);
        assert!(places.len() < 100, "{} places of memory", places.len());
    });
}

#[test]
fn a_stuck_write_side_stops_neither_reading_nor_the_caller() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    runtime.block_on(async {
        let (mut wire, mut theirs) = wire(Version::V311, 64);
        theirs.write_all(ACCEPT_V4).await.unwrap();
        let mut cx = Context::from_waker(Waker::noop());
        let mut told = Vec::new();
        for ticket in 0..20 {
            wire.send(Order::Publish {
                ticket: Ticket(ticket),
                draft: Draft::new(
                    Topic::parse("t").unwrap(),
                    Bytes::from(vec![0; 1 << 20]),
                    Qos::AtMostOnce,
                ),
                packet: 0,
                dup: false,
            });
        }
        for number in 0..1000_u32 {
            let mut bytes = vec![0x30, 7, 0, 1, b't'];
            bytes.extend(number.to_be_bytes());
            theirs.write_all(&bytes).await.unwrap();
            while let Poll::Ready(event) = pin!(wire.next()).poll(&mut cx) {
                if let LinkEvent::Message(arrival) = event {
                    told.push(u32::from_be_bytes(arrival.payload[..].try_into().unwrap()));
                }
            }
        }
        assert_eq!(told, (0..1000).collect::<Vec<_>>());
        // The drafts are not copied before there is room for them.
        assert_eq!(wire.orders.len(), 19);
        assert!(wire.out.unsent() < 2 << 20);
    });
}

/// A ping in line behind a large message is answered when that has gone through, however slow the network is.
#[test]
fn a_slow_upload_is_not_taken_for_a_broker_that_answers_no_pings() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    runtime.block_on(async {
        let (mut wire, mut theirs) = wire(Version::V311, 64);
        theirs.write_all(ACCEPT_V4).await.unwrap();
        wire.send(Order::Publish {
            ticket: Ticket(1),
            draft: Draft::new(
                Topic::parse("t").unwrap(),
                Bytes::from(vec![0; 1 << 20]),
                Qos::AtLeastOnce,
            ),
            packet: 1,
            dup: false,
        });
        let mut cx = Context::from_waker(Waker::noop());
        let mut poll = |wire: &mut Wire| {
            let mut closed = false;
            while let Poll::Ready(event) = pin!(wire.next()).poll(&mut cx) {
                closed |= matches!(event, LinkEvent::Closed(_));
            }
            closed
        };
        // CONNECT goes, CONNACK comes.
        let mut some = [0; 64];
        for _ in 0..3 {
            assert!(!poll(&mut wire));
            theirs.read_exact(&mut some[..7]).await.unwrap();
        }
        wire.rang(Instant::now());
        assert!(wire.pulse.is_waiting());
        for _ in 0..3 {
            theirs.read_exact(&mut some[..7]).await.unwrap();
            assert!(!poll(&mut wire), "the network takes it, slowly");
            wire.rang(Instant::now());
        }
        wire.rang(Instant::now());
        assert!(poll(&mut wire), "the network takes nothing any more");
    });
}

#[test]
fn a_broker_that_does_not_read_cannot_make_acknowledgements_pile_up() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    runtime.block_on(async {
        let (mut wire, mut theirs) = wire(Version::V311, 1 << 16);
        theirs.write_all(ACCEPT_V4).await.unwrap();
        let burst: Vec<u8> = [0x32, 5, 0, 1, b't', 0, 1].repeat(1 << 13);
        let mut cx = Context::from_waker(Waker::noop());
        for _ in 0..100 {
            let mut left = &burst[..];
            // As much as there is room for.
            let _stuck = pin!(theirs.write_all_buf(&mut left)).poll(&mut cx);
            while pin!(wire.next()).poll(&mut cx).is_ready() {}
        }
        let unsent = wire.out.unsent();
        assert!((1 << 19..2 << 20).contains(&unsent), "{unsent}");
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_bytes_from_a_broker_hang_or_break_anything(
        v5: bool,
        accepted: bool,
        bytes in proptest::collection::vec(any::<u8>(), 0..2000),
        sizes in proptest::collection::vec(1_usize..200, 1..5),
    ) {
        let (version, accept) = if v5 { (Version::V5, ACCEPT_V5) } else { (Version::V311, ACCEPT_V4) };
        let mut all = if accepted { accept.to_vec() } else { Vec::new() };
        all.extend(bytes);
        let events = heard(version, &all, &sizes);
        prop_assert!(matches!(events.last(), Some(LinkEvent::Closed(_))));
    }

    #[test]
    fn messages_in_batches_are_the_same_messages(
        v5: bool,
        packets in proptest::collection::vec((0_u8..16, 0_usize..6, any::<u8>(), 0_usize..1500), 0..60),
        sizes in proptest::collection::vec(1_usize..70_000, 1..5),
    ) {
        const TOPICS: [&[u8]; 6] = [b"a", b"home/kitchen", "집/온도".as_bytes(), b"\xff", b"$SYS/x", b"b/"];
        let (version, accept) = if v5 { (Version::V5, ACCEPT_V5) } else { (Version::V311, ACCEPT_V4) };
        let mut all = accept.to_vec();
        for (first, topic, more, size) in packets {
            // QoS 3 is no QoS.
            let first = if first & 6 == 6 { first & 9 } else { first };
            all.extend(any_publish(version, first, TOPICS[topic], more, size));
        }
        let (alone, answered) = said(version, &all, &sizes, false);
        let (gathered, also_answered) = said(version, &all, &sizes, true);
        prop_assert_eq!(messages(&alone), messages(&gathered));
        prop_assert_eq!(answered, also_answered);
        let skipped = |events: &[LinkEvent]| {
            events.iter().filter(|event| matches!(event, LinkEvent::Skipped { .. })).count()
        };
        prop_assert_eq!(skipped(&alone), skipped(&gathered));
    }

    #[test]
    fn well_framed_nonsense_does_not_either(
        v5: bool,
        packets in proptest::collection::vec(
            (any::<u8>(), proptest::collection::vec(any::<u8>(), 0..100)), 0..20),
        sizes in proptest::collection::vec(1_usize..200, 1..5),
    ) {
        let (version, accept) = if v5 { (Version::V5, ACCEPT_V5) } else { (Version::V311, ACCEPT_V4) };
        let mut all = accept.to_vec();
        for (first, body) in packets {
            all.extend([first, u8::try_from(body.len()).unwrap()]);
            all.extend(body);
        }
        let events = heard(version, &all, &sizes);
        prop_assert!(matches!(events.last(), Some(LinkEvent::Closed(_))));
    }
}

/// What the broker sent before it read our DISCONNECT comes never again.
#[test]
fn what_comes_after_our_disconnect_is_handed_on_and_not_answered() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    runtime.block_on(async {
        let (mut wire, mut theirs) = wire(Version::V311, 4096);
        theirs.write_all(ACCEPT_V4).await.unwrap();
        let mut cx = Context::from_waker(Waker::noop());
        wire.send(Order::Disconnect);
        let mut told = Vec::new();
        let mut poll = |wire: &mut Wire| {
            while let Poll::Ready(event) = pin!(wire.next()).poll(&mut cx) {
                match event {
                    LinkEvent::Message(arrival) => told.push(arrival.payload),
                    LinkEvent::Closed(_) => return,
                    _ => {}
                }
            }
        };
        poll(&mut wire);
        // QoS 1, packet id 7; then one that is too large, packet id 8; then a PUBACK of nothing.
        theirs
            .write_all(&[0x32, 6, 0, 1, b't', 0, 7, b'x'])
            .await
            .unwrap();
        let mut large = vec![0x32, 0x80 | 0x50, 0x0f, 0, 1, b't', 0, 8];
        large.extend(vec![b'y'; 2000 - 5]);
        theirs.write_all(&large).await.unwrap();
        theirs.write_all(&[0x40, 2, 0, 9]).await.unwrap();
        poll(&mut wire);
        theirs.shutdown().await.unwrap();
        poll(&mut wire);
        assert_eq!(told, [Bytes::from_static(b"x")]);
        let mut sent = Vec::new();
        theirs.read_to_end(&mut sent).await.unwrap();
        assert_eq!(sent, b"CONNECT\xe0\x00", "DISCONNECT is the last packet");
    });
}

/// Whether the wire wants a rest after so many messages, each read by itself in quick succession.
fn rests_after_many(has_more: bool) -> bool {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let (ours, mut theirs) = tokio::io::duplex(1 << 16);
        let stream: Box<dyn Stream> = if has_more {
            Box::new(BufReader::new(ours))
        } else {
            Box::new(ours)
        };
        let mut wire = on(Version::V311, stream);
        wire.take_in_batches();
        theirs.write_all(ACCEPT_V4).await.expect("written");
        // A busy machine may pause in between.
        for _ in 0..2000 {
            theirs
                .write_all(&any_publish(Version::V311, 0, b"a", b'b', 1))
                .await
                .expect("written");
            while !matches!(wire.next().await, LinkEvent::Messages(_)) {}
            if wire.pace.rest().is_some() {
                return true;
            }
        }
        false
    })
}

#[test]
fn only_a_stream_that_was_read_to_its_end_is_let_rest() {
    assert!(rests_after_many(false));
    assert!(!rests_after_many(true));
}
