use bytes::Bytes;
use proptest::prelude::*;

use std::sync::Arc;

use super::*;
use crate::base::moment::Timestamp;
use crate::domain::batch::{Batch, Head};
use crate::domain::message::{AckToken, Direction, Qos};
use crate::domain::reading::Reading;
use crate::domain::session::LinkState;
use crate::domain::topic::Topic;
use crate::runtime::inbox::Inbox;

fn message(number: usize, size: usize) -> Event {
    let message = Message {
        at: Timestamp(i64::try_from(number).unwrap()),
        direction: Direction::In,
        topic: Topic::received("t"),
        payload: Bytes::from(vec![0; size]),
        qos: Qos::AtLeastOnce,
        retain: false,
        dup: false,
        ack: None,
        properties: None,
        session: false,
    };
    Event::Session(
        SessionId::default(),
        SessionEvent::Message(Box::new(message), Reading::default()),
    )
}

/// That many messages in one, with numbers from there on.
fn batch(number: usize, many: usize, size: usize) -> Event {
    let bytes = Bytes::from(vec![b't'; many * (size + 1)]);
    let heads = (0..many).map(|n| Head::new(n * (size + 1), 1, 0, size));
    let mut batch = Batch::new(bytes, many * (size + 1), heads.collect());
    batch.at = Timestamp(i64::try_from(number).unwrap());
    Event::Session(SessionId::default(), SessionEvent::Messages(batch))
}

fn gap(messages: u64) -> Event {
    let gap = Gap { messages, bytes: 0 };
    Event::Session(SessionId::default(), SessionEvent::Gap(gap))
}

fn gap_of(messages: u64, bytes: u64) -> Event {
    let gap = Gap { messages, bytes };
    Event::Session(SessionId::default(), SessionEvent::Gap(gap))
}

fn line(number: usize) -> Event {
    let line = LogLine {
        at: Timestamp::default(),
        source: LogSource::Mqtt,
        level: LogLevel::Debug,
        text: format!("line {number}"),
    };
    Event::Session(SessionId::default(), SessionEvent::Log(line))
}

fn text(event: Option<Event>) -> String {
    match event {
        Some(Event::Session(_, SessionEvent::Log(line))) => line.text,
        other => format!("{other:?}"),
    }
}

fn link() -> Event {
    Event::Session(SessionId::default(), SessionEvent::Link(LinkState::Closed))
}

#[tokio::test]
async fn a_flood_drops_nothing_while_somebody_takes_it() {
    let inbox = Inbox::new(20_000);
    let (sender, many) = (inbox.clone(), 5_000);
    let flood = tokio::spawn(async move {
        for number in 0..many {
            sender.push(message(number, 100));
            if sender.is_crowded() {
                sender.room().await;
            }
        }
    });
    for number in 0..many {
        inbox.filled().await;
        let event = inbox.pop().expect("filled");
        assert_eq!(event, message(number, 100));
    }
    flood.await.expect("it ends");
}

#[tokio::test]
async fn a_loop_at_rest_is_woken_for_much_or_for_what_is_no_message() {
    let waits = |inbox: &Inbox| {
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        std::pin::pin!(inbox.filled_much())
            .poll(&mut cx)
            .is_pending()
    };
    let inbox = Inbox::new(100_000);
    inbox.push(message(0, 100));
    inbox.push(line(1));
    assert!(waits(&inbox), "they wait for the next frame");
    inbox.push(link());
    assert!(!waits(&inbox));
    while inbox.pop().is_some() {}
    inbox.push(message(2, 50_000));
    assert!(!waits(&inbox), "that is much");
    let resting = inbox.clone();
    while inbox.pop().is_some() {}
    let woken = tokio::spawn(async move { resting.filled_much().await });
    tokio::task::yield_now().await;
    inbox.push(batch(3, 100, 500));
    woken.await.expect("it is woken");
}

#[tokio::test]
async fn a_loop_that_stands_still_is_not_waited_for_again() {
    let inbox = Inbox::new(20_000);
    for number in 0..100 {
        inbox.push(message(number, 100));
    }
    assert!(inbox.is_crowded());
    inbox.room().await;
    assert!(!inbox.is_crowded(), "nobody takes anything");
    assert!(inbox.pop().is_some());
    assert!(inbox.is_crowded(), "it moves again");
}

proptest! {
    #[test]
    fn pushed_is_delivered_or_in_a_gap_and_order_is_kept(steps in prop::collection::vec((0_u8..10, 0_usize..3000), 1..200)) {
        let mut queue = Queue::new(5000);
        let (mut pushed, mut links, mut delivered, mut lost, mut seen_links, mut last) = (0_u64, 0, 0, 0, 0, -1);
        let mut check = |event: Option<Event>| {
            match event {
                Some(Event::Session(_, SessionEvent::Message(m, _))) => {
                    assert!(m.at.0 > last, "order");
                    last = m.at.0;
                    delivered += 1;
                }
                Some(Event::Session(_, SessionEvent::Messages(batch))) => {
                    assert!(batch.at.0 > last, "order");
                    last = batch.at.0;
                    delivered += batch.len() as u64;
                }
                Some(Event::Session(_, SessionEvent::Gap(gap))) => lost += gap.messages,
                Some(_) => seen_links += 1,
                None => return false,
            }
            true
        };
        for (number, (kind, size)) in steps.into_iter().enumerate() {
            match kind {
                0 => { queue.push(link()); links += 1; }
                1 | 2 => { check(queue.pop()); }
                3 => { queue.push(gap(2)); pushed += 2; }
                4 | 5 => { queue.push(batch(number, 7, size / 7)); pushed += 7; }
                _ => { queue.push(message(number, size)); pushed += 1; }
            }
            let waiting = queue.data.len();
            prop_assert!(queue.bytes <= 5000 || waiting == 1);
        }
        while check(queue.pop()) {}
        prop_assert_eq!(pushed, delivered + lost);
        prop_assert_eq!(links, seen_links);
    }
}

#[test]
fn the_mark_stands_where_the_messages_were_lost() {
    let mut queue = Queue::new(3 * (OVERHEAD + 101));
    queue.push(link());
    (0..5).for_each(|n| queue.push(message(n, 100)));
    assert_eq!(queue.pop(), Some(link()));
    let gap = SessionEvent::Gap(Gap {
        messages: 2,
        bytes: 200,
    });
    assert_eq!(queue.pop(), Some(Event::Session(SessionId::default(), gap)));
    assert_eq!(queue.pop(), Some(message(2, 100)));
}

#[test]
fn what_its_reader_acknowledges_waits_longer_and_not_without_end() {
    let mut queue = Queue::new(2 * (OVERHEAD + 101));
    let owed = |number: usize| match message(number, 100) {
        Event::Session(id, SessionEvent::Message(mut message, reading)) => {
            message.ack = Some(AckToken(number as u64));
            Event::Session(id, SessionEvent::Message(message, reading))
        }
        other => other,
    };
    (0..2 * UNACKNOWLEDGED).for_each(|n| queue.push(owed(n)));
    assert_eq!(queue.data.len(), 2 * UNACKNOWLEDGED, "none is lost");
    queue.push(owed(2 * UNACKNOWLEDGED));
    assert_eq!(queue.pop(), Some(gap_of(3, 300)));
    assert_eq!(queue.pop(), Some(owed(3)));
}

#[test]
fn properties_of_a_message_count_like_its_payload() {
    let mut queue = Queue::new(100_000);
    let pairs = |number: usize| match message(number, 1) {
        Event::Session(id, SessionEvent::Message(mut message, reading)) => {
            let user = vec![(String::new(), String::new()); 1000];
            let properties = Properties {
                user,
                ..Properties::default()
            };
            message.properties = Some(Box::new(properties));
            Event::Session(id, SessionEvent::Message(message, reading))
        }
        other => other,
    };
    (0..10).for_each(|n| queue.push(pairs(n)));
    assert_eq!(queue.data.len(), 2, "each takes 48,000 bytes and more");
}

#[test]
fn a_flood_of_log_lines_is_bounded_and_counted() {
    let mut queue = Queue::new(5000);
    queue.push(message(0, 10));
    (0..LINES + 7).for_each(|n| queue.push(line(n)));
    queue.push(link());
    assert_eq!(queue.lines.len(), LINES);
    assert_eq!(queue.pop(), Some(message(0, 10)));
    let said = text(queue.pop());
    assert_eq!(said, "7 log lines came faster than they could be shown");
    assert_eq!(text(queue.pop()), "line 7");
    for _ in 1..LINES {
        queue.pop();
    }
    assert_eq!((queue.pop(), queue.pop()), (Some(link()), None));
}

#[test]
fn gaps_in_a_row_are_one_also_with_log_lines_between() {
    let mut queue = Queue::new(1);
    for n in 0..50 {
        queue.push(message(n, 10));
        queue.push(line(n));
        queue.push(gap(1));
    }
    // All but the last message had to go; the last gap stands behind it.
    let lost = SessionEvent::Gap(Gap {
        messages: 49 + 49,
        bytes: 490,
    });
    assert_eq!(
        queue.pop(),
        Some(Event::Session(SessionId::default(), lost))
    );
    assert_eq!(queue.gaps.len(), 1);
}

#[test]
fn a_short_payload_that_reads_as_much_is_charged_for_that() {
    let Event::Session(_, SessionEvent::Message(message, mut reading)) = message(0, 10) else {
        unreachable!("a message")
    };
    let plain = weight(&message, &reading);
    reading.facts.push(Fact::Report {
        device: crate::domain::device::DeviceId::new("d"),
        patch: Arc::new(serde_json::json!({"list": vec![0; 1000]})),
    });
    assert!(weight(&message, &reading) > plain + 1000 * size_of::<Value>());
}
