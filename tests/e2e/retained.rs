//! Clearing what a broker retains below a large node (F22).

use std::io::{BufWriter, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};

use crate::support::home::PATIENCE;
use crate::support::mosquitto::Mosquitto;

/// Messages for that many topics `big/<n>`, with QoS 0 over one socket; comes back when the broker has them all.
fn retain(port: u16, count: usize) {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a limit");
    let mut reader = stream.try_clone().expect("the same");
    let mut writer = BufWriter::new(stream);
    let connect = [
        0x10, 13, 0, 4, b'M', b'Q', b'T', b'T', 4, 2, 0, 0, 0, 1, b'f',
    ];
    writer.write_all(&connect).expect("written");
    for n in 0..count {
        let topic = format!("big/{n:06}");
        let length = u8::try_from(2 + topic.len() + 1).expect("short");
        writer
            .write_all(&[0x31, length, 0, length - 3])
            .expect("written");
        writer.write_all(topic.as_bytes()).expect("written");
        writer.write_all(b"x").expect("written");
    }
    // PINGREQ: its answer comes after all of them.
    writer.write_all(&[0xc0, 0]).expect("written");
    writer.flush().expect("written");
    let mut answers = [0; 6];
    reader
        .read_exact(&mut answers)
        .expect("CONNACK and PINGRESP");
    assert_eq!(answers, [0x20, 2, 0, 0, 0xd0, 0]);
}

fn counted_confirmed_and_stopped(count: usize, grouped: &str) {
    let Some(broker) = Mosquitto::open() else {
        return;
    };
    retain(broker.port, count);
    broker.configure("");
    let mut screen = broker.dashboard((120, 36), &["-p", "lab"], &[]);
    screen.shows("● connected").press("\x10").shows("Commands");
    screen
        .press("clear retained\r")
        .shows("Below")
        .press("big\r");
    screen.shows("so far");
    // A key is answered while they come.
    screen
        .press("/")
        .press("zz")
        .shows("zz")
        .press("\x1b")
        .no_longer_shows("zz");
    screen.shows(&format!("Clear {grouped} retained messages?"));
    screen
        .press("bi\r")
        .shows("neither the topic nor the number");
    screen.press("g\r").shows(&format!("of {grouped} cleared"));
    screen.until("progress", |text| {
        let done = text
            .split(" of ")
            .next()
            .and_then(|t| t.split_whitespace().last());
        done.is_some_and(|done| done.len() >= 3)
    });
    screen
        .press("/")
        .press("zz")
        .shows("zz")
        .press("\x1b")
        .no_longer_shows("zz");
    screen
        .press("\x1b")
        .shows("stopped: ")
        .shows("left as they were");
    screen.until("the last receipts", |text| {
        !text.contains("not answered yet")
    });
    let cleared = number_before(&screen.text(), " cleared");
    let left = number_before(&screen.text(), " left as they were");
    assert!(
        cleared > 0 && left > 0 && cleared + left == count,
        "{}",
        screen.text()
    );
    screen.leaves();
    let line = [
        "tail",
        "big/#",
        "--count",
        &left.to_string(),
        "--for",
        "60s",
    ];
    let kept = broker.look(&line).expect(0);
    assert_eq!(kept.out.lines().count(), left);
}

fn number_before(text: &str, words: &str) -> usize {
    let before = text.split(words).next().unwrap_or_default();
    let number = before.split_whitespace().last().unwrap_or_default();
    number.replace(',', "").parse().expect("a number")
}

#[test]
fn retained_messages_of_a_large_node_are_counted_cleared_at_a_pace_and_left_when_stopped() {
    counted_confirmed_and_stopped(20_000, "20,000");
}

/// `cargo test --test e2e -- --ignored two_hundred_thousand`
#[test]
#[ignore = "by hand: it takes a minute or two"]
fn two_hundred_thousand_retained_messages_are_counted_and_cleared_the_same_way() {
    counted_confirmed_and_stopped(200_000, "200,000");
}
