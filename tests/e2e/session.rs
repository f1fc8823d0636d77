//! A person on a broker of their own: looked at by its address, written to, lost and found again.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use thingdeck::domain::profile::PlatformId;

use crate::support::home::{Ended, Home, PATIENCE};
use crate::support::mosquitto::Mosquitto;
use crate::support::screen::Screen;

const SEND: &str = "\x13";
const STOP: &str = "\x18";
const WIDE: (u16, u16) = (120, 36);

/// From a broker that is not known to a message there and back.
fn a_look(size: (u16, u16)) {
    let Some(broker) = Mosquitto::open() else {
        return;
    };
    broker
        .look(&["publish", "b/kept", "42", "--retain"])
        .expect(0);
    let url = broker.url();
    let look = ["--url", &url, "--mqtt-version", "5", "--topic", "a/#"];
    let mut screen = broker.dashboard(size, &look, &[]);
    screen.shows("● connected").shows("1 Devices");
    screen.shows(&format!("127.0.0.1:{} · MQTT", broker.port));
    let heard = |text: &str, topic: &str| row_of(text, topic).is_some();
    broker
        .look(&["publish", "a/lamp", r#"{"on":true}"#, "--qos", "1"])
        .expect(0);
    screen.until("the topic in the tree", |text| heard(text, "lamp"));

    screen.press("2").shows("Enter edit").press("a");
    screen.shows("Add a topic filter").press("b/+\x13");
    screen.no_longer_shows("Add a topic filter");
    screen.until("the new filter, granted", |text| {
        text.lines()
            .any(|l| l.contains("b/+") && l.contains("QoS 1"))
    });
    screen.press("1").shows("Enter its messages");
    screen.until("the retained message", |text| heard(text, "kept"));
    assert!(
        row_of(&screen.text(), "kept").is_some_and(|row| row.contains(" R ")),
        "retained messages are marked\n{}",
        screen.text()
    );

    screen.press("c").shows("Ctrl-S send");
    screen.press("a/lamp\r{\"on\":false}").shows("valid JSON");
    screen.press("\t\t1").shows("< 1 >").press(SEND);
    screen.shows("acknowledged after").escape("Ctrl-S send");
    screen.press("3").shows("Enter inspect");
    screen.until("what was sent and what came back", |text| {
        let said: Vec<_> = text
            .lines()
            .filter(|l| l.contains(r#""on":false"#))
            .collect();
        said.iter().any(|l| l.contains('↑')) && said.iter().any(|l| !l.contains('↑'))
    });
    screen.press("q");
    assert_eq!(screen.ends(), 0);
    assert!(
        !broker.path("config.toml").exists(),
        "a look leaves no profile"
    );
}

/// The row of a topic in the tree: what is between its frame.
fn row_of<'a>(text: &'a str, topic: &str) -> Option<&'a str> {
    let rows = text.lines().filter_map(|l| l.strip_prefix('│'));
    rows.map(|row| row.split('│').next().unwrap_or_default())
        .find(|row| row.split_whitespace().any(|word| word == topic))
}

#[test]
fn a_broker_is_looked_at_by_its_address_at_120x36() {
    a_look(WIDE);
}

#[test]
fn a_broker_is_looked_at_by_its_address_at_80x24() {
    a_look((80, 24));
}

fn connected(broker: &Mosquitto, lines: &str) -> Screen {
    broker.configure(lines);
    let mut screen = broker.dashboard(WIDE, &["-p", "lab"], &[]);
    screen.shows("● connected");
    screen
}

/// Through the palette.
fn command(screen: &mut Screen, name: &str) {
    screen.press("\x10").shows("Commands").press(name);
    screen.press("\r").no_longer_shows("Commands");
}

/// Waits until `subscribers` have been told by the broker that they are heard.
#[track_caller]
fn until_logged(broker: &Mosquitto, wanted: &str, times: usize) {
    let deadline = Instant::now() + PATIENCE;
    while broker.log().matches(wanted).count() < times {
        assert!(Instant::now() < deadline, "{wanted}: {}", broker.log());
        std::thread::yield_now();
    }
}

#[test]
fn a_request_gets_its_answer_and_the_time_it_took() {
    let Some(broker) = Mosquitto::open() else {
        return;
    };
    let mut screen = connected(&broker, "version = \"5\"\n");
    let url = broker.url();
    let whole = ["--url", &url, "--mqtt-version", "5"];
    let expect = broker
        .command(&[&whole[..], &["expect", "ask/time"]].concat())
        .spawn()
        .expect("it runs");
    until_logged(&broker, "Sending SUBACK to", 1);

    screen
        .press("c")
        .shows("Ctrl-S send")
        .press("ask/time\rwhat time?");
    command(&mut screen, "wait for an answer");
    screen
        .shows("On topic")
        .press(SEND)
        .no_longer_shows("On topic");
    screen
        .shows("Answer awaited")
        .press(SEND)
        .shows("awaited on ");

    let asked = Ended::from(expect.wait_with_output().expect("it ends")).expect(0);
    let asked: Value = serde_json::from_str(&asked.out).expect("a JSON line");
    let properties = &asked["properties"];
    let word = |name: &str| properties[name].as_str().expect("made up").to_owned();
    let (to, known_by) = (word("response_topic"), word("correlation_data"));
    let answer = |correlation: &str, text: &str| {
        let line = ["publish", &to, text, "--correlation", correlation];
        broker.run(&[&whole[..], &line].concat()).expect(0);
    };
    answer("of somebody else", "not for you");
    let known_by = format!("base64:{}", STANDARD.encode(known_by));
    answer(&known_by, "20:41");
    screen.until("the answer with its time", |text| {
        text.lines()
            .any(|l| l.contains("answer") && l.contains("after ") && l.contains("20:41"))
    });
    screen.leaves();
}

#[test]
fn a_message_is_repeated_until_it_is_stopped() {
    let Some(broker) = Mosquitto::open() else {
        return;
    };
    let mut screen = connected(&broker, "topics = [\"tick\"]\n");
    screen
        .press("c")
        .shows("Ctrl-S send")
        .press("tick\r{{seq}}");
    command(&mut screen, "repeat message");
    screen.shows("Every").press("\x7f\x7f50ms\x13");
    screen.shows("repeats every 50 ms");
    screen.until("several of them", |text| text.contains("5 sent"));
    // From anywhere.
    screen
        .escape("Ctrl-S send")
        .press("3")
        .shows("Enter inspect");
    screen
        .press(STOP)
        .shows("stopped: every 50 ms")
        .no_longer_shows("repeats every");
    let line = ["expect", "tick", "--within", "300ms"];
    broker.look(&line).expect(5);
    screen.leaves();
}

#[test]
fn a_broker_that_goes_is_waited_for_and_so_is_what_was_sent_meanwhile() {
    let Some(mut broker) = Mosquitto::open() else {
        return;
    };
    let mut screen = connected(&broker, "topics = [\"home/#\"]\n");
    screen.shows("QoS 1");
    broker.stop();
    screen.until("the seconds to the next try", |text| {
        let state = text.lines().next().unwrap_or_default();
        let after = state.split("reconnecting in ").nth(1);
        after.is_some_and(|text| text.starts_with(|c: char| c.is_ascii_digit()))
    });
    screen
        .press("c")
        .shows("Ctrl-S send")
        .press("home/lamp\rpatience\t\t1");
    screen.shows("< 1 >").press(SEND);
    screen.shows("waits for the connection").shows("1 waiting");
    assert!(!screen.text().contains("acknowledged"), "{}", screen.text());
    broker.start_again();
    screen.shows("● connected").shows("acknowledged after");
    screen.no_longer_shows("1 waiting").escape("Ctrl-S send");
    // The filters are asked for before what waited goes out, so it comes back.
    screen.press("3").shows("Enter inspect");
    screen.until("the message, back", |text| {
        let stream = text.lines().filter_map(|l| l.rsplit("││").next());
        let mut rows = stream.filter(|l| l.contains("home/lamp") && l.contains("patience"));
        rows.any(|row| !row.contains('↑'))
    });
    broker.stop();
    screen.shows("reconnecting");
    broker.start_again();
    screen.press("r").shows("● connected").leaves();
}

#[test]
fn a_wrong_password_is_told_in_words_and_tried_once() {
    let Some(broker) = Mosquitto::with(&[("me", "right-c4nary")], "") else {
        return;
    };
    let lines = "username = \"me\"\npassword = { env = \"LAB_PW\" }\ntopics = [\"a/#\"]\n";
    for (n, version) in ["3.1.1", "5"].into_iter().enumerate() {
        broker.configure(&format!("version = \"{version}\"\n{lines}"));
        let wrong = [("LAB_PW", "wrong-c4nary")];
        let mut screen = broker.dashboard(WIDE, &["-p", "lab"], &wrong);
        screen.shows("refused: ").shows("not authorized");
        // Long enough for the first of several tries, had there been one.
        screen.shows("because").escape("because");
        screen
            .press("?")
            .shows("Keys in")
            .escape("Keys in")
            .leaves();
        let tries = broker.log().matches("Sending CONNACK to").count();
        assert_eq!(tries, n + 1, "{}", broker.log());
    }
}

/// Takes the client id again whenever it is thrown out, until it is told to stop.
fn twin(port: u16, id: &'static [u8], stop: &Arc<AtomicBool>) -> std::thread::JoinHandle<()> {
    let stop = Arc::clone(stop);
    std::thread::spawn(move || {
        while !stop.load(Ordering::Relaxed) {
            let Ok(mut stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) else {
                return;
            };
            let limit = std::time::Duration::from_millis(200);
            let _ = stream.set_read_timeout(Some(limit));
            let length = u8::try_from(12 + id.len()).expect("short");
            let head = [0x10, length, 0, 4, b'M', b'Q', b'T', b'T', 4, 2, 0, 60, 0];
            let count = u8::try_from(id.len()).expect("short");
            let packet = [&head[..], &[count], id].concat();
            let mut answer = [0; 64];
            if stream.write_all(&packet).is_err() {
                continue;
            }
            // A timeout: it is still ours.
            loop {
                match stream.read(&mut answer) {
                    Ok(0) => break,
                    Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => break,
                    _ if stop.load(Ordering::Relaxed) => return,
                    _ => {}
                }
            }
        }
    })
}

#[test]
fn another_client_of_the_same_name_is_named_and_not_fought_with() {
    let Some(broker) = Mosquitto::open() else {
        return;
    };
    let mut screen = connected(&broker, "version = \"5\"\nclient_id = \"deck-1\"\n");
    let stop = Arc::new(AtomicBool::new(false));
    let other = twin(broker.port, b"deck-1", &stop);
    screen
        .shows("refused: ")
        .shows("taken over by another client");
    screen.shows("\"deck-1\"").shows("close the other program");
    let fights = broker.log().matches("already connected").count();
    screen.escape("close the other program");
    screen.press("?").shows("Keys in").escape("Keys in");
    assert_eq!(broker.log().matches("already connected").count(), fights);
    stop.store(true, Ordering::Relaxed);
    other.join().expect("it ends");
    // The other is gone, and the user says so.
    screen.press("r").shows("● connected").leaves();
}

#[test]
fn an_unchecked_connection_needs_both_words_and_says_so_the_whole_time() {
    let home = Home::with(|options| options.platform = PlatformId::Mqtt);
    let text = format!(
        "[profiles.lab]\nplatform = \"mqtt\"\nurl = \"{}\"\ninsecure_skip_verify = true\ntopics = [\"plant/#\"]\n",
        home.ready().mqtt_url
    );
    let config = home.path("insecure.toml");
    std::fs::write(&config, text).expect("writable");
    let config = config.display().to_string();
    let profile = ["--config", &config, "-p", "lab"];
    let refused = home.run(&[&profile[..], &["tail", "--count", "1"]].concat());
    assert!(
        refused.expect(2).err.contains("--insecure"),
        "one word is not enough"
    );
    for (columns, words) in [(120, "INSECURE: TLS is not verified"), (80, "INSECURE")] {
        let arguments = [&profile[..], &["--insecure"]].concat();
        let mut screen = Screen::start(&home, columns, 24, &arguments);
        let header = |text: &str| text.lines().next().unwrap_or_default().contains(words);
        screen.until("the alarm, before anything else", header);
        screen.shows("● connected").until("the alarm", header);
        for (key, shown) in [("z", "1 Devices"), ("?", "Keys in")] {
            screen.press(key).shows(shown).until("the alarm", header);
        }
        screen.escape("Keys in").until("the alarm", header);
        screen
            .press("3")
            .shows("3 Messages")
            .until("the alarm", header);
        home.control.drop_connections();
        screen.shows("reconnecting").until("the alarm", header);
        screen.shows("● connected").until("the alarm", header);
        screen.leaves();
    }
}
