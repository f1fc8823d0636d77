//! F1, F2, F27: under a flood the keys are answered, memory stays under its ceiling, every message is accounted for, the window
//! may be pulled about, and the program ends when it is told to.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::home::Home;
use crate::support::screen::Screen;

const TOPICS: u64 = 5_000;
const RATE: u64 = 50_000;

/// What a flood is made of.
#[derive(Debug, Clone, Copy)]
struct Shape {
    topics: u64,
    /// Messages a second.
    rate: u64,
}

const USUAL: Shape = Shape {
    topics: TOPICS,
    rate: RATE,
};

/// A broker that grants everything and then sends as fast as it is told, or as fast as it is read.
struct Flood {
    port: u16,
    sent: Arc<AtomicU64>,
    begun: Arc<AtomicBool>,
    over: Arc<AtomicBool>,
}

impl Flood {
    fn open(shape: Shape) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let flood = Self {
            port: listener.local_addr().expect("bound").port(),
            sent: Arc::default(),
            begun: Arc::default(),
            over: Arc::default(),
        };
        let (sent, begun, over) = (
            Arc::clone(&flood.sent),
            Arc::clone(&flood.begun),
            Arc::clone(&flood.over),
        );
        thread::spawn(move || {
            if let Ok((stream, _)) = listener.accept() {
                // The client has gone: that is how it ends.
                let _gone = serve(stream, shape, &sent, &begun, &over);
            }
        });
        flood
    }

    fn url(&self) -> String {
        format!("mqtt://127.0.0.1:{}", self.port)
    }

    fn begin(&self) {
        self.begun.store(true, Ordering::Relaxed);
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}

fn serve(
    mut stream: TcpStream,
    shape: Shape,
    sent: &AtomicU64,
    begun: &AtomicBool,
    over: &AtomicBool,
) -> std::io::Result<()> {
    packet(&mut stream)?;
    stream.write_all(&[0x20, 2, 0, 0])?;
    let subscribe = packet(&mut stream)?;
    stream.write_all(&[0x90, 3, subscribe[0], subscribe[1], 0])?;
    while !begun.load(Ordering::Relaxed) && !over.load(Ordering::Relaxed) {
        thread::sleep(Duration::from_millis(5));
    }
    let begun = Instant::now();
    let mut out = Vec::new();
    while !over.load(Ordering::Relaxed) {
        let due =
            u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX) * shape.rate / 1000;
        let from = sent.load(Ordering::Relaxed);
        out.clear();
        for number in from..due.min(from + 5_000) {
            publish(number, shape.topics, &mut out);
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

fn publish(number: u64, topics: u64, out: &mut Vec<u8>) {
    let topic = format!("flood/{:02}/{:04}", number % 50, number % topics);
    let mut payload = format!("{{\"number\":{number},\"state\":\"RUNNING\",\"x\":\"").into_bytes();
    payload.extend(noise(number, 198 - payload.len()));
    payload.extend(b"\"}");
    let length = 2 + topic.len() + payload.len();
    out.push(0x30);
    out.push(u8::try_from(length % 128).expect("seven bits") | 0x80);
    out.push(u8::try_from(length / 128).expect("short"));
    out.extend(u16::try_from(topic.len()).expect("short").to_be_bytes());
    out.extend(topic.as_bytes());
    out.extend(payload);
}

/// What no disk can make much smaller.
fn noise(number: u64, length: usize) -> &'static [u8] {
    static NOISE: OnceLock<Vec<u8>> = OnceLock::new();
    let noise = NOISE.get_or_init(|| {
        let mut dice = fastrand::Rng::with_seed(2);
        let letters = std::iter::repeat_with(|| u8::try_from(dice.alphanumeric()));
        letters.take(4 << 20).flatten().collect()
    });
    let places = noise.len() - length;
    let place = usize::try_from(number * 211).expect("fits") % places;
    &noise[place..place + length]
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
    let (home, flood) = (Home::fresh(), Flood::open(USUAL));
    let url = flood.url();
    let arguments = ["--frame-marks", "--url", url.as_str(), "--topic", "#"];
    let mut screen = Screen::start(&home, 120, 40, &arguments);
    flood.begin();
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

/// `received 1,203   kept 1,203   on disk 0   dropped 0`: the four, where all of them are there.
fn counters(screen: &str) -> Option<[u64; 4]> {
    let line = screen
        .lines()
        .find(|line| line.contains("received ") && line.contains("dropped "))?;
    let counter = |name: &str| {
        let (_, number) = line.split_once(name)?;
        let number: String = number
            .chars()
            .take_while(|c| c.is_ascii_digit() || *c == ',')
            .filter(|c| *c != ',')
            .collect();
        number.parse().ok()
    };
    Some([
        counter("received ")?,
        counter("kept ")?,
        counter("on disk ")?,
        counter("dropped ")?,
    ])
}

/// A line of `/proc/PID/status` that is about memory, in bytes.
#[cfg(target_os = "linux")]
fn memory(screen: &Screen, name: &str) -> u64 {
    let path = format!("/proc/{}/status", screen.process_id());
    let status = std::fs::read_to_string(path).expect("it lives");
    let line = status.lines().find(|line| line.starts_with(name));
    let kib = line.and_then(|line| line.split_whitespace().nth(1));
    kib.expect("a number").parse::<u64>().expect("a number") * 1024
}

/// That many messages through the whole program with a ceiling of so many MiB in memory and on the disk: every frame accounts
/// for every message, and resident memory stays under the ceiling and a quarter more. Then the window is pulled about.
#[cfg(target_os = "linux")]
#[expect(clippy::print_stderr, reason = "figures to read")]
fn all_accounted_for(messages: u64, shape: Shape, memory_mib: u64, disk_mib: u64) {
    let (home, flood) = (Home::fresh(), Flood::open(shape));
    let folder = home.path(".config/thingdeck");
    std::fs::create_dir_all(&folder).expect("a folder");
    let config = format!("[history]\nmemory = \"{memory_mib} MiB\"\ndisk = \"{disk_mib} MiB\"\n");
    std::fs::write(folder.join("config.toml"), config).expect("writable");
    let arguments = ["--url", &flood.url(), "--topic", "#"];
    let mut screen = Screen::start(&home, 140, 40, &arguments);
    screen.shows("● connected").shows("on disk 0");
    let before = memory(&screen, "VmRSS:");
    flood.begin();
    let mut last = [0; 4];
    let mut accounted = |text: &str| {
        let counted = counters(text).unwrap_or_else(|| panic!("no counters:\n{text}"));
        let [received, kept, on_disk, dropped] = counted;
        assert_eq!(received, kept + on_disk + dropped, "{text}");
        assert!(received >= last[0], "{last:?}, then {counted:?}");
        last = counted;
        received
    };
    let stage = messages.div_ceil(40).max(30_000);
    for goal in (0..messages).step_by(usize::try_from(stage).expect("fits")) {
        let goal = messages.min(goal + stage);
        screen.frames(&format!("{goal} received"), |text| accounted(text) >= goal);
    }
    let peak = memory(&screen, "VmHWM:") - before;
    eprintln!(
        "{last:?} received, kept, on disk, dropped; at most {} MiB more than before, {} MiB in all",
        peak >> 20,
        (peak + before) >> 20
    );
    assert!(
        peak <= (memory_mib << 20) / 4 * 5,
        "{peak} more than before"
    );
    assert!(last.iter().all(|count| *count > 0), "a flood: {last:?}");
    pulled_about(&mut screen);
    screen.leaves();
}

#[cfg(target_os = "linux")]
fn pulled_about(screen: &mut Screen) {
    let mut dice = fastrand::Rng::with_seed(27);
    for round in 0..60 {
        let most = [(500, 200), (80, 24), (500, 12)][round % 3];
        screen.resize(dice.u16(1..=most.0), dice.u16(1..=most.1));
        // Through the loop, so that sizes are drawn and not only passed over.
        screen.press("j");
    }
    for (columns, rows) in [(1, 1), (500, 200), (140, 40)] {
        screen.resize(columns, rows);
    }
    screen.shows("● connected");
    let mut received = Vec::new();
    screen.frames("that it goes on", |text| {
        let Some([now, kept, on_disk, dropped]) = counters(text) else {
            return false;
        };
        assert_eq!(now, kept + on_disk + dropped, "{text}");
        received.push(now);
        received.first() < received.last()
    });
}

/// A disk that has not room for all of it either.
#[cfg(target_os = "linux")]
#[test]
fn every_frame_of_a_flood_accounts_for_every_message_and_memory_stays_under_its_ceiling() {
    all_accounted_for(250_000, USUAL, 32, 1);
}

#[cfg(target_os = "linux")]
#[test]
fn ever_new_topics_stay_under_the_same_ceiling_and_are_accounted_for() {
    let shape = Shape {
        topics: u64::MAX,
        ..USUAL
    };
    all_accounted_for(180_000, shape, 32, 1);
}

/// F2 with the whole program: `cargo test --release --test e2e -- --ignored --nocapture --test-threads 1 twenty_million`
#[cfg(target_os = "linux")]
#[test]
#[ignore = "takes minutes, and a release build"]
fn twenty_million_messages_of_five_thousand_and_of_a_million_topics() {
    for topics in [TOPICS, 1_000_000] {
        let rate = 400_000;
        all_accounted_for(20_000_000, Shape { topics, rate }, 256, 64);
    }
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
