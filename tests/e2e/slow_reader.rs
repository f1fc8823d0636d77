//! Whoever reads `tail` slowly slows the broker: what the pipe has no room for is not acknowledged, and comes.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::support::home::{BINARY, PATIENCE};

/// So many are on their way at once: a broker's packet ids, and more than a pipe holds.
const MESSAGES: u16 = 400;
const PAYLOAD: usize = 1024;
/// Of that size go into a pipe of Linux.
const FIT: usize = 65_536 / PAYLOAD;
/// An acknowledgement that is on its way has come by then.
const LULL: Duration = Duration::from_millis(500);

/// A broker in 3.1.1 with one client, who is sent everything at once.
struct Broker {
    stream: TcpStream,
}

impl Broker {
    fn greets(listener: &TcpListener, qos: u8) -> Self {
        let (stream, _) = listener.accept().expect("a client");
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
        let mut broker = Self { stream };
        assert_eq!(broker.packet().expect("CONNECT").0 >> 4, 1);
        broker.says(&[0x20, 2, 0, 0]);
        let (kind, body) = broker.packet().expect("SUBSCRIBE");
        assert_eq!(kind >> 4, 8);
        broker.says(&[0x90, 3, body[0], body[1], qos]);
        broker
    }

    fn says(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("a client");
    }

    fn sends(&mut self, qos: u8, id: u16) {
        let length = 2 + 3 + 2 + PAYLOAD;
        let low = u8::try_from(length % 128).expect("seven bits");
        let high = u8::try_from(length / 128).expect("seven bits");
        let [first, second] = id.to_be_bytes();
        let mut packet = vec![
            0x30 | qos << 1,
            low | 0x80,
            high,
            0,
            3,
            b'a',
            b'/',
            b'b',
            first,
            second,
        ];
        packet.resize(packet.len() + PAYLOAD, b'x');
        self.says(&packet);
    }

    /// `None`: nothing came in time, or the client is gone.
    fn packet(&mut self) -> Option<(u8, Vec<u8>)> {
        let mut head = [0; 2];
        self.stream.read_exact(&mut head).ok()?;
        let mut body = vec![0; usize::from(head[1])];
        self.stream.read_exact(&mut body).ok()?;
        Some((head[0], body))
    }

    /// Packet ids acknowledged for the first time (PUBACK, PUBREC), until there is a pause or there are so many.
    fn acknowledged(&mut self, pause: Duration, most: usize) -> Vec<u16> {
        self.stream.set_read_timeout(Some(pause)).expect("a socket");
        let mut ids = Vec::new();
        while ids.len() < most {
            let Some((kind, body)) = self.packet() else {
                break;
            };
            if matches!(kind >> 4, 4 | 5) {
                ids.push(u16::from_be_bytes([body[0], body[1]]));
            }
        }
        ids
    }
}

fn tail(home: &TempDir, port: u16, qos: u8) -> Child {
    Command::new(BINARY)
        .env_clear()
        .env("HOME", home.path())
        .arg("--url")
        .arg(format!("mqtt://127.0.0.1:{port}"))
        .args(["tail", "a/#", "--qos", &qos.to_string()])
        .args(["--count", &MESSAGES.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary runs")
}

#[test]
fn a_reader_that_stands_still_is_waited_for_and_misses_nothing() {
    for qos in [1, 2] {
        let home = tempfile::tempdir().expect("a folder");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let mut child = tail(&home, listener.local_addr().expect("bound").port(), qos);
        let mut broker = Broker::greets(&listener, qos);
        for id in 1..=MESSAGES {
            broker.sends(qos, id);
        }
        let early = broker.acknowledged(LULL, MESSAGES.into());
        assert!(
            early.len() <= FIT,
            "QoS {qos}: {} messages are acknowledged, and nobody has read a line",
            early.len()
        );
        let lines = BufReader::new(child.stdout.take().expect("piped"));
        let reader = std::thread::spawn(move || lines.lines().map_while(Result::ok).count());
        let rest = usize::from(MESSAGES) - early.len();
        let late = broker.acknowledged(PATIENCE, rest);
        let all: Vec<u16> = early.into_iter().chain(late).collect();
        let wanted: Vec<u16> = (1..=MESSAGES).collect();
        assert_eq!(all, wanted, "QoS {qos}: each once, in the order they came");
        assert_eq!(reader.join().expect("read"), usize::from(MESSAGES));
        assert!(child.wait().expect("it ends").success());
    }
}

#[test]
fn a_reader_that_leaves_is_noticed_though_nothing_comes() {
    let home = tempfile::tempdir().expect("a folder");
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let mut child = tail(&home, listener.local_addr().expect("bound").port(), 1);
    let mut broker = Broker::greets(&listener, 1);
    broker.sends(1, 1);
    let mut lines = BufReader::new(child.stdout.take().expect("piped"));
    let mut line = String::new();
    lines.read_line(&mut line).expect("text");
    assert_eq!(broker.acknowledged(PATIENCE, 1), [1]);
    drop(lines);
    // What it says next is that it goes, without being sent another message.
    let mut last = None;
    while let Some((kind, _)) = broker.packet() {
        last = Some(kind >> 4);
    }
    if last != Some(14) {
        let _ = child.kill();
    }
    let status = child.wait().expect("it ends");
    assert_eq!(last, Some(14), "it takes leave; {status}");
    assert!(status.success(), "{status}");
}
