//! Clearing what a broker retains below a large node (F22).

use std::io::{BufReader, BufWriter, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};

use crate::support::home::PATIENCE;
use crate::support::mosquitto::Mosquitto;
use crate::support::screen::Screen;

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

/// Counted, not confirmed by half a word, then confirmed; stopped on the way. What is left is what was not cleared.
fn counted_confirmed_and_stopped(all: usize) {
    let Some(broker) = Mosquitto::open() else {
        return;
    };
    retain(broker.port, all);
    broker.configure("");
    let mut screen = broker.dashboard((120, 36), &["-p", "lab"], &[]);
    screen.shows("● connected").press("\x10").shows("Commands");
    screen
        .press("clear retained\r")
        .shows("Below")
        .press("big\r");
    screen.shows("so far");
    // A key is answered while they come.
    let answers = |screen: &mut Screen| {
        screen.press("/").press("zz").shows("zz").press("\x1b");
        screen.no_longer_shows("zz");
    };
    answers(&mut screen);
    screen.shows("Clear ").shows(" retained messages?");
    let counted = number_before(&screen.text(), " retained messages?");
    // A machine that is too slow for the flood drops some in front of the window, and then it is said.
    assert!(
        counted == all || (counted < all && screen.text().contains("at least")),
        "{}",
        screen.text()
    );
    screen
        .press("bi\r")
        .shows("neither the topic nor the number");
    screen.press("g\r").shows(" cleared");
    screen.until("progress", |text| {
        let done = text.split(" of ").next();
        let done = done.and_then(|text| text.split_whitespace().last());
        done.is_some_and(|done| done.len() >= 3 && text.contains("at most"))
    });
    answers(&mut screen);
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
        cleared > 0 && left > 0 && cleared + left == counted,
        "{}",
        screen.text()
    );
    screen.leaves();
    assert_eq!(retained(broker.port), all - cleared, "told by the broker");
}

/// How many messages the broker retains below `big`, as it tells another client.
fn retained(port: u16) -> usize {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a limit");
    let connect = [
        0x10, 13, 0, 4, b'M', b'Q', b'T', b'T', 4, 2, 0, 0, 0, 1, b'c',
    ];
    let subscribe = [0x82, 10, 0, 1, 0, 5, b'b', b'i', b'g', b'/', b'#', 0];
    stream.write_all(&connect).expect("written");
    stream.write_all(&subscribe).expect("written");
    // PINGREQ: its answer comes after all that is retained.
    stream.write_all(&[0xc0, 0]).expect("written");
    let mut reader = BufReader::new(stream);
    let mut count = 0;
    loop {
        let mut head = [0; 2];
        reader.read_exact(&mut head).expect("a packet");
        let mut body = [0; 127];
        let length = usize::from(head[1]);
        reader.read_exact(&mut body[..length]).expect("its body");
        match head[0] >> 4 {
            3 => count += 1,
            13 => return count,
            _ => {}
        }
    }
}

fn number_before(text: &str, words: &str) -> usize {
    let before = text.split(words).next().unwrap_or_default();
    let number = before.split_whitespace().last().unwrap_or_default();
    number.replace(',', "").parse().expect("a number")
}

#[test]
fn retained_messages_of_a_large_node_are_counted_cleared_at_a_pace_and_left_when_stopped() {
    counted_confirmed_and_stopped(20_000);
}

/// `cargo test --release --test e2e -- --ignored two_hundred_thousand`
#[test]
#[ignore = "by hand: it takes a minute or two"]
fn two_hundred_thousand_retained_messages_are_counted_and_cleared_the_same_way() {
    counted_confirmed_and_stopped(200_000);
}
