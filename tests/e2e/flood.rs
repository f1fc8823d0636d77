//! F1: under a flood the keys are answered and the program ends when it is told to.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::home::Home;
use crate::support::screen::Screen;

const TOPICS: u64 = 5_000;
const RATE: u64 = 50_000;

/// A broker that grants everything and then sends as fast as it is told, or as fast as it is read.
struct Flood {
    port: u16,
    sent: Arc<AtomicU64>,
    over: Arc<AtomicBool>,
}

impl Flood {
    fn open() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let flood = Self {
            port: listener.local_addr().expect("bound").port(),
            sent: Arc::default(),
            over: Arc::default(),
        };
        let (sent, over) = (Arc::clone(&flood.sent), Arc::clone(&flood.over));
        thread::spawn(move || {
            if let Ok((stream, _)) = listener.accept() {
                // The client has gone: that is how it ends.
                let _gone = serve(stream, &sent, &over);
            }
        });
        flood
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}

fn serve(mut stream: TcpStream, sent: &AtomicU64, over: &AtomicBool) -> std::io::Result<()> {
    packet(&mut stream)?;
    stream.write_all(&[0x20, 2, 0, 0])?;
    let subscribe = packet(&mut stream)?;
    stream.write_all(&[0x90, 3, subscribe[0], subscribe[1], 0])?;
    let begun = Instant::now();
    let mut out = Vec::new();
    while !over.load(Ordering::Relaxed) {
        let due = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX) * RATE / 1000;
        let from = sent.load(Ordering::Relaxed);
        out.clear();
        for number in from..due.min(from + 5_000) {
            publish(number, &mut out);
        }
        stream.write_all(&out)?;
        sent.store(due.min(from + 5_000), Ordering::Relaxed);
        thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

/// The body of the next packet.
fn packet(stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut head = [0; 2];
    stream.read_exact(&mut head)?;
    assert!(head[1] < 128, "what a client sends here is short");
    let mut body = vec![0; usize::from(head[1])];
    stream.read_exact(&mut body)?;
    Ok(body)
}

fn publish(number: u64, out: &mut Vec<u8>) {
    let topic = format!("flood/{:02}/{:04}", number % 50, number % TOPICS);
    let mut payload = format!("{{\"number\":{number},\"state\":\"RUNNING\",\"x\":\"").into_bytes();
    payload.resize(198, b'k');
    payload.extend(b"\"}");
    let length = 2 + topic.len() + payload.len();
    out.push(0x30);
    out.push(u8::try_from(length % 128).expect("seven bits") | 0x80);
    out.push(u8::try_from(length / 128).expect("short"));
    out.extend(u16::try_from(topic.len()).expect("short").to_be_bytes());
    out.extend(topic.as_bytes());
    out.extend(payload);
}

/// How many inputs the last frame knew of.
fn answered(raw: &[u8]) -> u64 {
    let end = &raw[raw.len().saturating_sub(256 << 10)..];
    let text = String::from_utf8_lossy(end);
    let mark = text.rsplit("\x1b]7777;").next().unwrap_or_default();
    let digits: String = mark.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap_or_default()
}

/// Presses `j` so many times, some pause apart; how long each took to be answered.
fn under_a_flood(presses: u64, pause: Duration) -> Vec<Duration> {
    let (home, flood) = (Home::fresh(), Flood::open());
    let url = format!("mqtt://127.0.0.1:{}", flood.port);
    let arguments = ["--frame-marks", "--url", url.as_str(), "--topic", "#"];
    let mut screen = Screen::start(&home, 120, 40, &arguments);
    screen.shows("● connected").shows("flood/");
    let mut took = Vec::new();
    for number in 1..=presses {
        let begun = Instant::now();
        screen.press("j");
        screen.until_raw(&format!("the answer to key {number}"), |raw| {
            answered(raw) >= number
        });
        took.push(begun.elapsed());
        thread::sleep(pause);
    }
    assert!(flood.sent.load(Ordering::Relaxed) > 0);
    screen.leaves();
    took
}

#[test]
fn keys_are_answered_and_the_program_ends_in_the_middle_of_a_flood() {
    let took = under_a_flood(20, Duration::from_millis(50));
    assert_eq!(took.len(), 20);
}

/// The figures of F1: `cargo test --release --test e2e -- --ignored --nocapture a_minute_of_flood`
#[test]
#[ignore = "a minute, for figures"]
fn a_minute_of_flood() {
    let mut took = under_a_flood(500, Duration::from_millis(100));
    took.sort();
    eprintln!(
        "key to frame at {RATE} messages a second on {TOPICS} topics: median {:?}, 99 % {:?}, slowest {:?}",
        took[took.len() / 2],
        took[took.len() * 99 / 100],
        took[took.len() - 1]
    );
}
