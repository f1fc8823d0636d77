use super::*;
use crate::sim::packet::{
    Ack, ConnAck, Connect, Disconnect, FilterOptions, Properties, Publish, RetainHandling, SubAck,
    Subscribe, Unsubscribe, Wanted,
};

/// Reads these bytes after a CONNECT of a version.
fn read(version: Version, bytes: &[u8]) -> Incoming {
    let mut reader = Reader::new(1 << 20);
    reader.version = Some(version);
    reader.next(&mut BytesMut::from(bytes))
}

fn first(bytes: &[u8]) -> Incoming {
    Reader::new(1 << 20).next(&mut BytesMut::from(bytes))
}

#[track_caller]
fn wrong(incoming: Incoming) -> u8 {
    match incoming {
        Incoming::Wrong(wrong) => wrong.code,
        other => panic!("{other:?}"),
    }
}

fn written(version: Version, packet: Packet) -> Vec<u8> {
    let mut out = BytesMut::new();
    Frame::Packet(version, packet).write(&mut out);
    out.to_vec()
}

/// A CONNECT with these parts after its name and level.
fn connect(level: u8, rest: &[u8]) -> Vec<u8> {
    let body = [b"\0\x04MQTT", &[level][..], rest].concat();
    [&[0x10, u8::try_from(body.len()).unwrap()][..], &body].concat()
}

#[test]
fn a_connect_of_3_is_read() {
    let bytes = connect(4, b"\xc6\0\x1e\0\x02me\0\x01w\0\x02by\0\x01u\0\x01p");
    let Incoming::Packet(Packet::Connect(read)) = first(&bytes) else {
        panic!("a CONNECT");
    };
    assert_eq!(
        (read.version, read.clean, read.keep_alive),
        (Version::V311, true, 30)
    );
    assert_eq!(read.client_id, "me");
    let will = read.will.expect("a will");
    assert_eq!(
        (will.publish.topic, &will.publish.payload[..]),
        ("w".into(), &b"by"[..])
    );
    assert_eq!(read.username.as_deref(), Some("u"));
    assert_eq!(read.password.as_deref(), Some(&b"p"[..]));
}

#[test]
fn a_connect_of_5_is_read_with_its_properties() {
    let properties = b"\x0f\x11\0\0\x0e\x10\x21\0\x05\x27\0\0\x01\0\x17\0";
    let will = b"\x05\x18\0\0\0\x09\0\x01w\0\0";
    let bytes = connect(5, &[b"\x04\0\0", &properties[..], b"\0\0", will].concat());
    let Incoming::Packet(Packet::Connect(read)) = first(&bytes) else {
        panic!("a CONNECT: {:?}", first(&bytes));
    };
    let expected = Connect {
        version: Version::V5,
        session_expiry: 3600,
        receive_maximum: Some(5),
        maximum_packet: Some(256),
        will: read.will.clone(),
        ..Connect::default()
    };
    assert_eq!(*read, expected);
    assert_eq!(read.will.map(|will| will.delay), Some(9));
}

#[test]
fn a_connect_that_is_none_is_refused_with_the_reason() {
    for (bytes, code) in [
        (connect(3, b"\x02\0\0\0\0"), code::UNSUPPORTED_VERSION),
        (connect(6, b"\x02\0\0\0\0\0"), code::UNSUPPORTED_VERSION),
        (connect(4, b"\x03\0\0\0\0"), code::MALFORMED),
        (connect(4, b"\x0a\0\0\0\0"), code::MALFORMED),
        (connect(4, b"\x1e\0\0\0\0\0\x01w\0\0"), code::MALFORMED),
        (connect(4, b"\x42\0\0\0\0\0\0"), code::MALFORMED),
        (connect(4, b"\x02\0\0\0\x01"), code::MALFORMED),
        (connect(4, b"\x02\0\0\0\x01ax"), code::MALFORMED),
        (connect(4, b"\x02\0\0\0\x01\xff"), code::MALFORMED),
        (connect(4, b"\x02\0\0\0\x01\0"), code::MALFORMED),
        // The receive maximum is 0; twice the same; one of PUBLISH; authentication data alone.
        (
            connect(5, b"\x02\0\0\x03\x21\0\0\0\0"),
            code::PROTOCOL_ERROR,
        ),
        (
            connect(5, b"\x02\0\0\x04\x17\0\x17\0\0\0"),
            code::PROTOCOL_ERROR,
        ),
        (connect(5, b"\x02\0\0\x03\x23\0\x01\0\0"), code::MALFORMED),
        (
            connect(5, b"\x02\0\0\x03\x16\0\0\0\0"),
            code::PROTOCOL_ERROR,
        ),
        (
            connect(5, b"\x02\0\0\x02\x17\x02\0\0"),
            code::PROTOCOL_ERROR,
        ),
        (b"GET / HTTP/1.1\r\n\r\n".to_vec(), code::PROTOCOL_ERROR),
        (b"\xc0\0".to_vec(), code::PROTOCOL_ERROR),
    ] {
        assert_eq!(wrong(first(&bytes)), code, "{bytes:02x?}");
    }
}

#[test]
fn a_publish_of_5_is_read_with_its_properties() {
    let bytes =
        b"\x3d\x1d\0\x01t\0\x07\x15\x01\x01\x02\0\0\0\x0a\x23\0\x02\x08\0\x01r\x26\0\x01a\0\x01bhi";
    let properties = Properties {
        utf8: Some(true),
        expiry: Some(10),
        response_topic: Some("r".to_owned()),
        user: vec![("a".to_owned(), "b".to_owned())],
        ..Properties::default()
    };
    let expected = Publish {
        dup: true,
        qos: Qos::ExactlyOnce,
        retain: true,
        topic: "t".to_owned(),
        packet: 7,
        alias: Some(2),
        properties,
        payload: "hi".into(),
    };
    let read = read(Version::V5, bytes);
    assert_eq!(read, Incoming::Packet(Packet::Publish(expected)));
}

#[test]
fn a_subscribe_is_read_with_its_options() {
    let bytes = b"\x82\x09\0\x01\x02\x0b\x05\0\x01#\x2e";
    let options = FilterOptions {
        no_local: true,
        retain_as_published: true,
        retain_handling: RetainHandling::Never,
        id: Some(5),
    };
    let wanted = Wanted {
        filter: "#".to_owned(),
        qos: Qos::ExactlyOnce,
        options,
    };
    let expected = Subscribe {
        packet: 1,
        filters: vec![wanted],
    };
    let found = read(Version::V5, bytes);
    assert_eq!(found, Incoming::Packet(Packet::Subscribe(expected)));
    let three = read(Version::V311, b"\x82\x06\0\x01\0\x01#\x01");
    assert!(matches!(three, Incoming::Packet(Packet::Subscribe(_))));
}

#[test]
fn the_short_forms_of_5_are_read() {
    for (bytes, expected) in [
        (&b"\x40\x02\0\x01"[..], Packet::PubAck(Ack::of(1))),
        (
            b"\x40\x03\0\x01\x10",
            Packet::PubAck(Ack::with(1, 0x10, None)),
        ),
        (b"\x62\x04\0\x01\0\0", Packet::PubRel(Ack::of(1))),
        (b"\xe0\0", Packet::Disconnect(Disconnect::default())),
        (
            b"\xe0\x01\x04",
            Packet::Disconnect(Disconnect {
                code: 4,
                ..Disconnect::default()
            }),
        ),
        (b"\xc0\0", Packet::PingReq),
        (
            b"\xa2\x06\0\x02\0\0\x01a",
            Packet::Unsubscribe(Unsubscribe {
                packet: 2,
                filters: vec!["a".to_owned()],
            }),
        ),
        (b"\xf0\0", Packet::Auth),
    ] {
        assert_eq!(read(Version::V5, bytes), Incoming::Packet(expected));
    }
}

#[test]
fn what_the_standard_forbids_is_refused() {
    let both = [Version::V311, Version::V5];
    for (versions, bytes, code) in [
        (&both[..], &b"\x36\x05\0\x01t\0\x01"[..], code::MALFORMED), // QoS 3
        (&both, b"\x38\x04\0\x01t\0", code::MALFORMED),              // DUP with QoS 0
        (&both, b"\x32\x06\0\x01t\0\0\0", code::PROTOCOL_ERROR),     // packet id 0
        (&both, b"\x82\x06\0\0\0\x01a\0", code::PROTOCOL_ERROR),
        (&both, b"\x80\x06\0\x01\0\x01a\0", code::MALFORMED), // flags
        (&both, b"\x60\x02\0\x01", code::MALFORMED),
        (&both, b"\xc0\x01\0", code::MALFORMED), // a byte too many
        (&both, b"\x20\x02\0\0", code::PROTOCOL_ERROR),
        (&both, b"\x10\x00", code::PROTOCOL_ERROR),
        (&both, b"\x00\x00", code::MALFORMED),
        (&both, b"\xc0\xff\xff\xff\xff\x01", code::MALFORMED), // five bytes of length
        (&both, b"\xc0\xff\xff\xff\x7f", code::PACKET_TOO_LARGE),
        (&[Version::V311], b"\xf0\x00", code::MALFORMED),
        (&[Version::V311], b"\x82\x02\0\x01", code::PROTOCOL_ERROR),
        (
            &[Version::V311],
            b"\x82\x06\0\x01\0\x01a\x04",
            code::MALFORMED,
        ),
        (&[Version::V311], b"\x40\x03\0\x01\0", code::MALFORMED),
        (
            &[Version::V5],
            b"\x82\x07\0\x01\0\0\x01a\x40",
            code::MALFORMED,
        ),
        (
            &[Version::V5],
            b"\x82\x07\0\x01\0\0\x01a\x30",
            code::PROTOCOL_ERROR,
        ),
        (
            &[Version::V5],
            b"\x82\x09\0\x01\x02\x0b\0\0\x01a\0",
            code::PROTOCOL_ERROR,
        ),
        (
            &[Version::V5],
            b"\x82\x10\0\x01\0\0\x0a$share/g/a\x04",
            code::PROTOCOL_ERROR,
        ),
        // A client does not name subscriptions; a length that is longer than it needs to be.
        (
            &[Version::V5],
            b"\x30\x06\0\x01t\x02\x0b\x01",
            code::MALFORMED,
        ),
        (&[Version::V5], b"\x30\x05\0\x01t\x80\0", code::MALFORMED),
        (&[Version::V5], b"\x30\x04\0\x01t\x09", code::MALFORMED),
    ] {
        for version in versions {
            let told = wrong(read(*version, bytes));
            assert_eq!(told, code, "{version:?} {bytes:02x?}");
        }
    }
}

#[test]
fn packets_are_found_in_any_portions() {
    let bytes = [
        &connect(4, b"\x02\0\0\0\x02me")[..],
        "\x32\x0c\0\x03a/b\0\x07한글"
            .replace('\x0c', "\x0d")
            .as_bytes(),
        b"\xc0\0",
    ]
    .concat();
    let (mut reader, mut buffer, mut names) = (Reader::new(1000), BytesMut::new(), Vec::new());
    for byte in bytes {
        buffer.extend_from_slice(&[byte]);
        match reader.next(&mut buffer) {
            Incoming::Packet(Packet::Connect(_)) => names.push("CONNECT"),
            Incoming::Packet(Packet::Publish(publish)) => {
                assert_eq!(publish.payload, "한글");
                names.push("PUBLISH");
            }
            Incoming::Packet(Packet::PingReq) => names.push("PINGREQ"),
            Incoming::Incomplete => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(names, ["CONNECT", "PUBLISH", "PINGREQ"]);
}

#[test]
fn a_packet_over_the_limit_is_refused_before_it_has_come() {
    let mut reader = Reader::new(100);
    let mut buffer = BytesMut::from(&b"\x10\x63"[..]);
    assert_eq!(wrong(reader.next(&mut buffer)), code::PACKET_TOO_LARGE);
    let mut buffer = BytesMut::from(&b"\x10\x62"[..]);
    assert_eq!(reader.next(&mut buffer), Incoming::Incomplete);
}

#[test]
fn a_broker_says_in_3_what_3_knows() {
    let three = |packet| written(Version::V311, packet);
    let refusal = |code| {
        Packet::ConnAck(Box::new(ConnAck {
            code,
            words: Some("no".to_owned()),
            ..ConnAck::default()
        }))
    };
    assert_eq!(three(refusal(code::NOT_AUTHORIZED)), [0x20, 2, 0, 5]);
    assert_eq!(three(refusal(7)), [0x20, 2, 0, 7]);
    assert_eq!(
        three(Packet::PubAck(Ack::with(1, 0x10, None))),
        [0x40, 2, 0, 1]
    );
    let ack = SubAck {
        packet: 1,
        codes: vec![2, code::NOT_AUTHORIZED],
        words: Some("no".to_owned()),
    };
    assert_eq!(three(Packet::SubAck(ack.clone())), [0x90, 4, 0, 1, 2, 0x80]);
    assert_eq!(three(Packet::UnsubAck(ack)), [0xb0, 2, 0, 1]);
    assert!(three(Packet::Disconnect(Disconnect::default())).is_empty());
}

#[test]
fn a_broker_says_in_5_what_5_knows() {
    let five = |packet| written(Version::V5, packet);
    let refused = ConnAck {
        code: 5,
        words: Some("no".to_owned()),
        ..ConnAck::default()
    };
    assert_eq!(
        five(Packet::ConnAck(Box::new(refused))),
        [0x20, 8, 0, 0x87, 5, 0x1f, 0, 2, b'n', b'o']
    );
    assert_eq!(five(Packet::PubAck(Ack::of(1))), [0x40, 2, 0, 1]);
    assert_eq!(
        five(Packet::PubAck(Ack::with(1, 0x10, None))),
        [0x40, 4, 0, 1, 0x10, 0]
    );
    let ack = SubAck {
        packet: 1,
        codes: vec![0x11],
        words: None,
    };
    assert_eq!(five(Packet::UnsubAck(ack)), [0xb0, 4, 0, 1, 0, 0x11]);
    let publish = Publish {
        topic: "t".to_owned(),
        payload: "x".into(),
        properties: Properties {
            subscription_ids: vec![1, 200],
            ..Properties::default()
        },
        ..Publish::default()
    };
    assert_eq!(
        five(Packet::Publish(publish)),
        [0x30, 10, 0, 1, b't', 5, 0x0b, 1, 0x0b, 0xc8, 1, b'x']
    );
    let gone = Disconnect {
        code: code::TAKEN_OVER,
        ..Disconnect::default()
    };
    assert_eq!(five(Packet::Disconnect(gone)), [0xe0, 2, 0x8e, 0]);
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic_or_loop(
        bytes in proptest::collection::vec(0_u8.., 0..200),
        version in 0..3,
    ) {
        let mut reader = Reader::new(1000);
        reader.version = [None, Some(Version::V311), Some(Version::V5)][usize::try_from(version).unwrap()];
        let mut buffer = BytesMut::from(&bytes[..]);
        let mut left = buffer.len() + 1;
        while let Incoming::Packet(_) = reader.next(&mut buffer) {
            proptest::prop_assert!(buffer.len() < left, "no progress");
            left = buffer.len();
        }
    }

    /// Most random bytes are no packet at all: these are one, spoilt somewhere.
    #[test]
    fn no_spoilt_packet_makes_the_reader_panic(at in 0_usize..60, with in 0_u8.., kind in 0_usize..4) {
        let packets: [&[u8]; 4] = [
            b"\x10\x22\0\x04MQTT\x05\x04\0\0\x0f\x11\0\0\x0e\x10\x21\0\x05\x27\0\0\x01\0\x17\0\0\0\x00\0\x01w\0\0",
            b"\x3d\x1d\0\x01t\0\x07\x15\x01\x01\x02\0\0\0\x0a\x23\0\x02\x08\0\x01r\x26\0\x01a\0\x01bhi",
            b"\x82\x09\0\x01\x02\x0b\x05\0\x01#\x2e",
            b"\xe0\x0a\x04\x08\x11\0\0\0\x01\x1f\0\0",
        ];
        let mut bytes = packets[kind].to_vec();
        let length = bytes.len();
        bytes[at % length] = with;
        drop(first(&bytes));
        drop(read(Version::V5, &bytes));
        drop(read(Version::V311, &bytes));
    }
}
