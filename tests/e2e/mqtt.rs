//! The verbs on a real broker, with a profile and with nothing but `--url`.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::support::home::Ended;
use crate::support::mosquitto::{Mosquitto, free_port};
use crate::support::signal;

/// A verb that runs until it is told otherwise.
struct Running {
    child: Child,
    talk: BufReader<std::process::ChildStderr>,
}

impl Running {
    fn start(broker: &Mosquitto, arguments: &[&str]) -> Self {
        let mut child = broker.command(arguments).spawn().expect("the binary runs");
        let talk = BufReader::new(child.stderr.take().expect("piped"));
        Self { child, talk }
    }

    /// Reads what it says until a line holds this.
    #[track_caller]
    fn says(mut self, wanted: &str) -> Self {
        let mut line = String::new();
        loop {
            line.clear();
            let read = self.talk.read_line(&mut line).expect("text");
            assert!(read > 0, "it ended without {wanted:?}");
            if line.contains(wanted) {
                return self;
            }
        }
    }

    fn interrupt(&self) {
        let process = i32::try_from(self.child.id()).expect("fits");
        signal::send(process, "INT");
    }

    fn end(self) -> Ended {
        let Self { child, mut talk } = self;
        // Both at once: a full pipe would stop it.
        let reader = std::thread::spawn(move || {
            let mut err = String::new();
            talk.read_to_string(&mut err).map(|_| err)
        });
        let ended = Ended::from(child.wait_with_output().expect("it ends"));
        let err = reader.join().expect("read").expect("text");
        Ended { err, ..ended }
    }
}

fn lines(ended: &Ended) -> Vec<Value> {
    let lines = ended.out.lines();
    lines
        .map(|l| serde_json::from_str(l).unwrap_or_else(|error| panic!("{error}: {l}")))
        .collect()
}

/// `expect` or `tail` begun, and heard of its subscription.
fn expecting(broker: &Mosquitto, version: &str, arguments: &[&str]) -> Running {
    let url = broker.url();
    let whole = ["--url", &url, "--mqtt-version", version, "expect"];
    Running::start(broker, &[&whole, arguments].concat()).says("subscribed to")
}

#[test]
fn what_is_published_is_what_is_expected() {
    let Some(broker) = Mosquitto::open() else {
        return;
    };
    for version in ["3.1.1", "5"] {
        for qos in ["0", "1", "2"] {
            let expect = expecting(&broker, version, &["a/#", ".n>3", "--qos", qos]);
            let publish = |payload: &str| {
                let line = [
                    "--mqtt-version",
                    version,
                    "publish",
                    "a/b",
                    payload,
                    "--qos",
                    qos,
                ];
                broker.look(&line).expect(0)
            };
            publish(r#"{"n":1}"#);
            let talk = publish(r#"{"n":5}"#);
            assert_eq!((talk.out.as_str(), talk.err.as_str()), ("", ""));
            let heard = lines(&expect.end().expect(0)).remove(0);
            assert_eq!(heard["payload"], json!({"n": 5}));
            assert_eq!(heard["platform"], "mqtt");
            assert_eq!(
                heard["profile"],
                json!(format!("127.0.0.1:{}", broker.port))
            );
            assert_eq!(heard["qos"].to_string(), qos, "MQTT {version}");
        }
    }
}

#[test]
fn bytes_arrive_as_they_were_and_a_retained_message_counts() {
    let Some(broker) = Mosquitto::open() else {
        return;
    };
    let bytes: Vec<u8> = (0..=255).collect();
    std::fs::write(broker.path("bytes"), &bytes).expect("writable");
    let file = broker.path("bytes").display().to_string();
    broker
        .look(&["publish", "kept", "--file", &file, "--retain"])
        .expect(0);
    let heard = lines(&broker.look(&["expect", "kept"]).expect(0)).remove(0);
    assert_eq!(heard["retain"], true);
    assert_eq!(heard["base64"], json!(STANDARD.encode(&bytes)));
    broker.look(&["publish", "kept", "--retain"]).expect(0);
    broker
        .look(&["expect", "kept", "--within", "300ms"])
        .expect(5);
}

#[test]
fn mqtt_5_brings_its_properties_along() {
    let Some(broker) = Mosquitto::open() else {
        return;
    };
    let expect = expecting(&broker, "5", &["p"]);
    let line = [
        "--mqtt-version",
        "5",
        "publish",
        "p",
        "x",
        "--content-type",
        "text/plain",
        "--response-topic",
        "r",
        "--correlation",
        "7",
        "--property",
        "k=v",
        "--property",
        "k=w",
    ];
    broker.look(&line).expect(0);
    let heard = lines(&expect.end().expect(0)).remove(0);
    assert_eq!(
        heard["properties"],
        json!({
            "content_type": "text/plain",
            "response_topic": "r",
            "correlation_data": "7",
            "user": [["k", "v"], ["k", "w"]],
        })
    );
    let old = broker.look(&["publish", "p", "x", "--content-type", "t"]);
    assert!(old.expect(2).err.contains("need MQTT 5"));
}

#[test]
fn a_burst_of_any_qos_is_all_there() {
    let Some(broker) = Mosquitto::with(&[], "allow_anonymous true\nmax_queued_messages 0\n") else {
        return;
    };
    for qos in ["0", "1", "2"] {
        let url = broker.url();
        let line = ["--url", &url, "tail", "b/#", "--qos", "2", "--count", "500"];
        let tail = Running::start(&broker, &line).says("subscribed to");
        broker
            .look(&["publish", "b/n", "x", "--qos", qos, "--repeat", "500"])
            .expect(0);
        assert_eq!(lines(&tail.end().expect(0)).len(), 500, "QoS {qos}");
    }
}

#[test]
fn each_way_to_fail_has_its_code_and_its_words() {
    let Some(broker) = Mosquitto::with(&[("me", "right-c4nary")], "") else {
        return;
    };
    let ended = broker.look(&["publish", "a", "x"]).expect(3);
    assert!(ended.err.contains("exit 3   refused"), "{}", ended.err);
    let with = |password: &str, arguments: &[&str]| {
        let url = broker.url().replace("//", "//me@");
        let mut command = broker.command(&[&["--url", url.as_str()], arguments].concat());
        command.env("THINGDECK_PASSWORD", password);
        Ended::from(command.output().expect("the binary runs"))
    };
    let wrong = with("wrong-c4nary", &["tail", "a"]).expect(3);
    assert!(
        wrong.err.contains("user name or the password") || wrong.err.contains("not authori"),
        "{}",
        wrong.err
    );
    with("right-c4nary", &["publish", "a", "x"]).expect(0);
    let none = with("right-c4nary", &["expect", "a", "--within", "200ms"]).expect(5);
    assert!(none.err.contains("nothing matched in time"), "{}", none.err);
    let url = broker.url().replace("//", "//me:right-c4nary@");
    let shown = broker.run(&["--url", &url, "publish", "a", "x"]).expect(2);
    assert!(shown.err.contains("THINGDECK_PASSWORD"), "{}", shown.err);
    assert!(!shown.err.contains("c4nary"), "{}", shown.err);
    let nobody = format!("mqtt://127.0.0.1:{}", free_port());
    let nobody = broker
        .run(&["--url", &nobody, "publish", "a", "x"])
        .expect(6);
    assert!(
        nobody.err.contains("nothing listens on that port"),
        "{}",
        nobody.err
    );
    let unknown = ["--url", "mqtt://no-such-host.invalid", "publish", "a", "x"];
    let unknown = broker.run(&unknown).expect(6);
    assert!(
        unknown.err.contains("could not be resolved"),
        "{}",
        unknown.err
    );
    let wild = broker.look(&["publish", "a/+", "x"]).expect(2);
    assert!(wild.err.contains("wildcards"), "{}", wild.err);
    let devices = broker.look(&["devices"]).expect(2);
    assert!(devices.err.contains("no devices"), "{}", devices.err);
    let log = std::fs::read_dir(broker.path("state/logs")).expect("logs");
    for file in log.flatten() {
        let text = std::fs::read_to_string(file.path()).expect("text");
        assert!(!text.contains("c4nary"), "{text}");
    }
}

#[test]
fn a_signal_ends_what_has_no_end_and_cuts_off_what_has() {
    let Some(broker) = Mosquitto::open() else {
        return;
    };
    let expect = expecting(&broker, "3.1.1", &["never"]);
    expect.interrupt();
    expect.end().expect(130);
    let url = broker.url();
    let line = ["--url", &url, "publish", "tick", "x", "--every", "20ms"];
    let ticking = expecting(&broker, "5", &["tick"]);
    let publish = Running::start(&broker, &line);
    ticking.end().expect(0);
    publish.interrupt();
    publish.end().expect(0);
}

#[test]
fn tail_leaves_nothing_behind_in_a_kept_session() {
    let Some(broker) = Mosquitto::open() else {
        return;
    };
    broker.configure("client_id = \"deck 거실\"\nclean_session = false\ntopics = [\"own\"]\n");
    broker.run(&["tail", "--for", "300ms"]).expect(0);
    broker.run(&["tail", "other/#", "--for", "300ms"]).expect(0);
    broker.look(&["publish", "other/a", "1"]).expect(0);
    broker.look(&["publish", "own", "2"]).expect(0);
    let kept = lines(&broker.run(&["tail", "--count", "1"]).expect(0));
    assert_eq!(kept[0]["topic"], "own", "{kept:?}");
    let kept = lines(&broker.run(&["tail", "--for", "300ms"]).expect(0));
    assert_eq!(kept, [] as [Value; 0], "nothing else was waiting");
}

#[test]
fn subs_shows_what_the_broker_granted() {
    let Some(broker) = Mosquitto::open() else {
        return;
    };
    broker.configure("topics = [\"a/#\", { filter = \"b\", qos = 2 }]\n");
    let subs = lines(&broker.run(&["subs", "--json"]).expect(0));
    assert_eq!(
        subs,
        [
            json!({"sort": "filter", "filter": "a/#", "state": "granted", "qos": 1}),
            json!({"sort": "filter", "filter": "b", "state": "granted", "qos": 2}),
        ]
    );
}

#[test]
fn a_profile_is_added_when_its_password_works_and_removed_with_it() {
    let Some(broker) = Mosquitto::with(&[("me", "right-c4nary")], "") else {
        return;
    };
    let url = broker.url();
    let add = |password: &str| {
        let line = [
            "profile-add",
            "--name",
            "lab",
            "--platform",
            "mqtt",
            "--url",
            &url,
            "--username",
            "me",
            "--password-stdin",
            "--topic",
            "a/#",
        ];
        let mut child = broker
            .command(&line)
            .stdin(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        let mut stdin = child.stdin.take().expect("piped");
        writeln!(stdin, "{password}").expect("it reads");
        drop(stdin);
        Ended::from(child.wait_with_output().expect("it ends"))
    };
    add("wrong-c4nary").expect(3);
    assert!(!broker.path("config.toml").exists(), "nothing is saved");
    let added = add("right-c4nary").expect(0);
    assert!(added.err.contains("the broker lets us in"), "{}", added.err);
    let config = std::fs::read_to_string(broker.path("config.toml")).expect("saved");
    assert!(!config.contains("c4nary"), "{config}");
    let path = config
        .split("{ file = \"")
        .nth(1)
        .and_then(|rest| rest.split('"').next());
    let path = std::path::PathBuf::from(path.expect("a file"));
    let mode = std::fs::metadata(&path)
        .expect("there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let listed = broker.run(&["profile-list"]).expect(0).out;
    assert!(listed.contains("lab") && listed.contains(&url), "{listed}");
    let subs = broker.run(&["subs"]).expect(0).out;
    assert!(subs.contains("a/#   granted QoS 1"), "{subs}");
    broker.run(&["profile-remove", "lab", "--yes"]).expect(0);
    assert!(!path.exists());
}

/// A broker in 3.1.1 that says yes to CONNECT, and then what it is told to each packet.
fn scripted(answer: impl Fn(&[u8]) -> Option<Vec<u8>> + Send + 'static) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let port = listener.local_addr().expect("bound").port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            serve(stream, &answer);
        }
    });
    format!("mqtt://127.0.0.1:{port}")
}

fn serve(mut stream: TcpStream, answer: &impl Fn(&[u8]) -> Option<Vec<u8>>) {
    let mut head = [0; 2];
    while stream.read_exact(&mut head).is_ok() {
        let mut body = vec![0; usize::from(head[1])];
        if stream.read_exact(&mut body).is_err() {
            return;
        }
        let said = match head[0] >> 4 {
            1 => Some(vec![0x20, 2, 0, 0]),
            _ => answer(&[&head[..], &body].concat()),
        };
        match said {
            Some(bytes) if stream.write_all(&bytes).is_ok() => {}
            _ => return,
        }
    }
}

#[test]
fn a_filter_that_the_broker_refuses_is_a_refusal() {
    let Some(broker) = Mosquitto::open() else {
        return;
    };
    let url = scripted(|packet| match packet[0] >> 4 {
        8 => Some(vec![0x90, 3, packet[2], packet[3], 0x80]),
        _ => Some(Vec::new()),
    });
    for verb in ["tail", "expect"] {
        let ended = broker.run(&["--url", &url, verb, "secret/#"]).expect(3);
        assert!(ended.err.contains("secret/#"), "{}", ended.err);
    }
}

#[test]
fn a_broker_that_hangs_up_at_a_publish_is_not_asked_for_ever() {
    let Some(broker) = Mosquitto::open() else {
        return;
    };
    let url = scripted(|packet| (packet[0] >> 4 != 3).then(Vec::new));
    let ended = broker.run(&["--url", &url, "publish", "a", "x"]).expect(3);
    assert!(
        ended.err.contains("may not allow this topic"),
        "{}",
        ended.err
    );
}

/// Says yes to CONNECT and SUBSCRIBE, then sends messages without end. Tells when nobody takes them any more.
fn flooding() -> (String, Receiver<()>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let port = listener.local_addr().expect("bound").port();
    let (tell, told) = channel();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a client");
        for kind in [1, 8] {
            let mut head = [0; 2];
            stream.read_exact(&mut head).expect("a packet");
            let mut body = vec![0; usize::from(head[1])];
            stream.read_exact(&mut body).expect("its body");
            assert_eq!(head[0] >> 4, kind);
            let answer = match kind {
                1 => vec![0x20, 2, 0, 0],
                _ => vec![0x90, 3, body[0], body[1], 0],
            };
            stream.write_all(&answer).expect("a client");
        }
        let messages = [0x30, 5, 0, 1, b't', b'o', b'n'].repeat(10_000);
        while stream.write_all(&messages).is_ok() {}
        let _nobody_listens = tell.send(());
    });
    (format!("mqtt://127.0.0.1:{port}"), told)
}

#[test]
fn a_flood_does_not_keep_a_command_from_its_end() {
    let Some(broker) = Mosquitto::open() else {
        return;
    };
    let (url, told) = flooding();
    let line = ["--url", &url, "tail", "t", "--for", "300ms"];
    let mut command = broker.command(&line);
    let mut child = command.stdout(Stdio::null()).spawn().expect("it runs");
    let mut talk = child.stderr.take().expect("piped");
    let reader = std::thread::spawn(move || talk.read_to_end(&mut Vec::new()));
    let ended = told.recv_timeout(crate::support::home::PATIENCE);
    let _when_it_did_not_end = child.kill();
    ended.expect("it takes leave in the middle of the flood");
    child.wait().expect("it ends");
    reader.join().expect("read").expect("bytes");
}
