use bytes::{Bytes, BytesMut};
use proptest::prelude::*;
use rumqttc::mqttbytes::v4 as theirs_v4;
use rumqttc::v5::mqttbytes::v5 as theirs;

use super::*;
use crate::base::secret::Secret;
use crate::domain::message::{Properties, Will};
use crate::domain::subscription::{FilterOptions, RetainHandling};
use crate::domain::topic::{Topic, TopicFilter};
use crate::platform::plan::Limits;

fn plan(version: Version) -> ConnectPlan {
    ConnectPlan {
        endpoints: Vec::new(),
        client_id: "deck-Ω 1".to_owned(),
        username: Some("ann".to_owned()),
        password: Some(Secret::new("s3cret")),
        keep_alive: Duration::from_mins(1),
        version,
        clean_session: false,
        session_expiry: Duration::from_hours(1),
        will: None,
        filters: Vec::new(),
        limits: Limits {
            max_packet: 1 << 20,
            filters_per_subscribe: 8,
            max_qos: Qos::ExactlyOnce,
            connect_timeout: Duration::from_secs(5),
        },
    }
}

fn draft(qos: Qos, properties: Option<Properties>) -> Draft {
    Draft {
        qos,
        retain: true,
        properties: properties.map(Box::new),
        ..Draft::new(
            Topic::parse("plant/ß").unwrap(),
            Bytes::from_static(b"\xff\0"),
            qos,
        )
    }
}

fn full() -> Properties {
    Properties {
        utf8: Some(true),
        expiry: Some(7),
        content_type: Some("image/png".to_owned()),
        response_topic: Some("answers".to_owned()),
        correlation_data: Some(Bytes::from_static(b"\0\xff")),
        user: vec![
            ("a".to_owned(), "1".to_owned()),
            ("a".to_owned(), "2".to_owned()),
        ],
        subscription_ids: Vec::new(),
    }
}

/// One whole packet, as it stands on the wire.
fn read(codec: &mut Codec, bytes: &[u8]) -> Result<Incoming, Malformed> {
    let header = Header::read(bytes)?.expect("a whole header");
    assert_eq!(header.total(), bytes.len());
    codec.read(header.first, &bytes[header.len..])
}

fn v5(bytes: &[u8]) -> Incoming {
    read(&mut Codec::new(Version::V5), bytes).expect("well formed")
}

#[test]
fn connect_carries_everything_byte_for_byte() {
    let mut plan = plan(Version::V5);
    plan.will = Some(Will {
        draft: draft(Qos::AtLeastOnce, Some(full())),
        delay: 30,
    });
    let mut out = BytesMut::new();
    Codec::new(Version::V5).connect(&plan, &mut out).unwrap();
    let read = theirs::Packet::read(&mut out, None).unwrap();
    let theirs::Packet::Connect(connect, Some(will), Some(login)) = read else {
        panic!("{read:?}");
    };
    assert_eq!(connect.client_id, "deck-Ω 1");
    assert_eq!((connect.keep_alive, connect.clean_start), (60, false));
    let asked = connect.properties.expect("some");
    assert_eq!(asked.session_expiry_interval, Some(3600));
    assert_eq!(
        (asked.max_packet_size, asked.topic_alias_max),
        (None, Some(64))
    );
    assert_eq!(login, theirs::Login::new("ann", "s3cret"));
    assert_eq!(
        (&will.topic[..], &will.message[..]),
        ("plant/ß".as_bytes(), &b"\xff\0"[..])
    );
    let extra = will.properties.expect("some");
    assert_eq!(extra.delay_interval, Some(30));
    assert_eq!(extra.correlation_data.as_deref(), Some(&b"\0\xff"[..]));
    assert_eq!(extra.user_properties, full().user);

    plan.version = Version::V311;
    plan.will.as_mut().unwrap().draft.properties = None;
    Codec::new(Version::V311).connect(&plan, &mut out).unwrap();
    let read = theirs_v4::Packet::read(&mut out, 1 << 20).unwrap();
    let theirs_v4::Packet::Connect(connect) = read else {
        panic!("{read:?}");
    };
    assert_eq!((connect.keep_alive, connect.clean_session), (60, false));
    assert_eq!(connect.client_id, "deck-Ω 1");
    assert_eq!(connect.login, Some(theirs_v4::Login::new("ann", "s3cret")));
    assert_eq!(
        connect.last_will.map(|will| will.message),
        Some(draft(Qos::AtMostOnce, None).payload)
    );
}

#[test]
fn what_no_connect_can_say_is_refused_before_the_wire() {
    let refusal = |change: fn(&mut ConnectPlan)| {
        let mut plan = plan(Version::V311);
        change(&mut plan);
        let connected = Codec::new(plan.version).connect(&plan, &mut BytesMut::new());
        connected.map_err(|problem| problem.cause)
    };
    let no_user = refusal(|plan| plan.username = None).unwrap_err();
    assert_eq!(no_user, "MQTT 3.1.1 allows no password without a user name");
    assert!(!no_user.contains("s3cret"));
    let no_id = refusal(|plan| plan.client_id.clear()).unwrap_err();
    assert_eq!(no_id, "a kept session needs a client id, and it is empty");
    let long = refusal(|plan| plan.client_id = "x".repeat(65_536)).unwrap_err();
    assert_eq!(long, "`client_id` is 65536 bytes long; at most 65,535 fit");
    let will = refusal(|plan| {
        let draft = draft(Qos::AtMostOnce, Some(full()));
        plan.will = Some(Will { draft, delay: 0 });
    });
    assert_eq!(
        will.unwrap_err(),
        "the last will: it has properties, and MQTT 3.1.1 knows none"
    );
    let fine = refusal(|plan| {
        plan.version = Version::V5;
        plan.username = None;
        plan.client_id.clear();
    });
    assert_eq!(fine, Ok(()));
}

#[test]
fn a_keep_alive_is_whole_seconds_and_none_only_when_none_is_wanted() {
    let seconds = |millis| out::seconds(Duration::from_millis(millis));
    let found = [0, 1, 999, 1000, 61_900, 70_000_000].map(seconds);
    assert_eq!(found, [0, 1, 1, 1, 61, 65_535]);
}

#[test]
fn filters_carry_their_options_and_nothing_that_is_forbidden() {
    let wish = |filter: &str| FilterWish {
        filter: TopicFilter::parse(filter).unwrap(),
        qos: Qos::ExactlyOnce,
        options: FilterOptions {
            no_local: true,
            retain_as_published: true,
            retain_handling: RetainHandling::SendIfNew,
            id: Some(268_435_455),
        },
    };
    let wishes = [wish("a/#"), wish("$share/g/b")];
    let mut out = BytesMut::new();
    Codec::new(Version::V5)
        .subscribe(
            0x8000,
            Some(268_435_455),
            &[&wishes[0], &wishes[1]],
            &mut out,
        )
        .unwrap();
    // Bytes, because rumqttc reads on past a subscription id.
    assert_eq!(&out[..9], [0x82, 27, 0x80, 0, 5, 11, 0xff, 0xff, 0xff]);
    assert_eq!(&out[9..], b"\x7f\0\x03a/#\x1e\0\x0a$share/g/b\x1a");
}

#[test]
fn a_publish_carries_its_properties_and_a_long_one_is_refused() {
    let mut out = BytesMut::new();
    let codec = Codec::new(Version::V5);
    codec
        .write_publish(&draft(Qos::ExactlyOnce, Some(full())), 5, true, &mut out)
        .unwrap();
    let sent = v5(&out);
    let expected = Arrival {
        topic: "plant/ß".to_owned(),
        payload: Bytes::from_static(b"\xff\0"),
        qos: Qos::ExactlyOnce,
        retain: true,
        dup: true,
        packet: 5,
        properties: Some(Box::new(full())),
    };
    assert_eq!(sent, Incoming::Publish(expected));

    out.clear();
    let mut long = full();
    long.user[1].1 = "x".repeat(65_536);
    let long = draft(Qos::AtMostOnce, Some(long));
    let refused = codec.write_publish(&long, 0, false, &mut out).unwrap_err();
    assert_eq!(
        refused.cause,
        "a property is 65536 bytes long; at most 65,535 fit"
    );
    let old = Codec::new(Version::V311);
    let refused = old.write_publish(&long, 0, false, &mut out).unwrap_err();
    assert_eq!(
        refused.cause,
        "it has properties, and MQTT 3.1.1 knows none"
    );
    assert!(out.is_empty());
}

#[test]
fn several_subscription_ids_do_not_become_payload() {
    let body = b"\0\x01t\x0d\x0b\x05\x0b\xff\x01\x0b\x07\x03\0\x03a/bhello";
    let found = Codec::new(Version::V5).read(0x30, body).unwrap();
    let Incoming::Publish(arrival) = found else {
        panic!("{found:?}");
    };
    assert_eq!(&arrival.payload[..], b"hello");
    let properties = arrival.properties.unwrap();
    assert_eq!(properties.subscription_ids, [5, 255, 7]);
    assert_eq!(properties.content_type.as_deref(), Some("a/b"));
}

#[test]
fn a_topic_alias_stands_for_its_topic_until_it_is_given_another() {
    let mut codec = Codec::new(Version::V5);
    let mut topic = |body: &[u8]| match codec.read(0x30, body) {
        Ok(Incoming::Publish(arrival)) => Ok(arrival.topic),
        Ok(other) => panic!("{other:?}"),
        Err(Malformed(words)) => Err(words),
    };
    assert_eq!(topic(b"\0\x01a\x03\x23\0\x01"), Ok("a".to_owned()));
    assert_eq!(topic(b"\0\0\x03\x23\0\x01"), Ok("a".to_owned()));
    assert_eq!(topic(b"\0\x01b\x03\x23\0\x01"), Ok("b".to_owned()));
    assert_eq!(topic(b"\0\0\x03\x23\0\x01"), Ok("b".to_owned()));
    let unknown = topic(b"\0\0\x03\x23\0\x02").unwrap_err();
    assert_eq!(unknown, "topic alias 2 was never introduced");
    let out_of_range = topic(b"\0\x01a\x03\x23\0\x41").unwrap_err();
    assert_eq!(out_of_range, "topic alias 65 is out of range");
}

#[test]
fn a_connack_says_what_the_broker_gives_and_takes() {
    let ack = theirs::ConnAck {
        session_present: true,
        code: theirs::ConnectReturnCode::Success,
        properties: Some(theirs::ConnAckProperties {
            session_expiry_interval: Some(1),
            receive_max: Some(20),
            max_qos: Some(1),
            retain_available: Some(0),
            max_packet_size: Some(1000),
            assigned_client_identifier: Some("auto-1".to_owned()),
            topic_alias_max: Some(3),
            reason_string: Some("welcome".to_owned()),
            user_properties: vec![("a".to_owned(), "b".to_owned())],
            wildcard_subscription_available: Some(0),
            subscription_identifiers_available: Some(0),
            shared_subscription_available: Some(1),
            server_keep_alive: Some(30),
            response_information: Some("re/".to_owned()),
            server_reference: None,
            authentication_method: None,
            authentication_data: None,
        }),
    };
    let mut bytes = BytesMut::new();
    ack.write(&mut bytes).unwrap();
    let expected = Accepted {
        session_present: true,
        client_id: Some("auto-1".to_owned()),
        keep_alive: Some(Duration::from_secs(30)),
        max_qos: Some(Qos::AtLeastOnce),
        max_packet: Some(1000),
        receive_max: Some(20),
        no_retain: true,
        no_wildcards: true,
        no_shared: false,
        no_subscription_ids: true,
        words: Some("welcome; response information re/".to_owned()),
    };
    assert_eq!(v5(&bytes), Incoming::Accepted(expected));
    assert_eq!(
        v5(&[0x20, 3, 0, 0, 0]),
        Incoming::Accepted(Accepted::default())
    );
}

#[test]
fn refusals_are_read_whatever_their_code_and_form() {
    let code = |version, bytes: &[u8]| match read(&mut Codec::new(version), bytes) {
        Ok(Incoming::Refused(farewell) | Incoming::Disconnect(farewell)) => {
            (farewell.code, farewell.reason)
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(code(Version::V311, &[0x20, 2, 0, 7]), (7, None));
    assert_eq!(code(Version::V311, &[0x20, 2, 0, 13]), (13, None));
    assert_eq!(
        code(Version::V5, &[0x20, 2, 0, 1]),
        (1, None),
        "a 3.1.1 broker"
    );
    let said = b"\x20\x08\0\xfe\x05\x1f\0\x02no";
    assert_eq!(code(Version::V5, said), (0xfe, Some("no".to_owned())));
    assert_eq!(code(Version::V5, &[0xe0, 0]), (0, None));
    assert_eq!(code(Version::V5, &[0xe0, 1, 0x8e]), (0x8e, None));
    let elsewhere = v5(b"\xe0\x09\x9d\x07\x1c\0\x04b:42");
    let expected = Farewell {
        code: 0x9d,
        reason: None,
        reference: Some("b:42".to_owned()),
    };
    assert_eq!(elsewhere, Incoming::Disconnect(expected));
}

#[test]
fn acknowledgements_are_read_short_and_long() {
    let answer = |code, reason: Option<&str>| Answer {
        packet: 9,
        code,
        reason: reason.map(str::to_owned),
    };
    let found = [
        v5(&[0x40, 2, 0, 9]),
        v5(&[0x50, 3, 0, 9, 0x10]),
        v5(&[0x62, 4, 0, 9, 0x92, 0]),
        v5(b"\x70\x09\0\x09\xee\x05\x1f\0\x02no"),
        read(&mut Codec::new(Version::V311), &[0x40, 2, 0, 9]).unwrap(),
    ];
    let expected = [
        Incoming::Ack(Ack::Acknowledged, answer(0, None)),
        Incoming::Ack(Ack::Recorded, answer(0x10, None)),
        Incoming::Ack(Ack::Released, answer(0x92, None)),
        Incoming::Ack(Ack::Completed, answer(0xee, Some("no"))),
        Incoming::Ack(Ack::Acknowledged, answer(0, None)),
    ];
    assert_eq!(found, expected);
    let sub = v5(b"\x90\x0a\0\x09\x05\x1f\0\x02no\x02\x87");
    let expected = Incoming::SubAck {
        packet: 9,
        codes: vec![2, 0x87],
        reason: Some("no".to_owned()),
    };
    assert_eq!(sub, expected);
    let unsub = v5(&[0xb0, 5, 0, 9, 0, 0, 0x11]);
    let expected = Incoming::UnsubAck {
        packet: 9,
        codes: vec![0, 0x11],
        reason: None,
    };
    assert_eq!(unsub, expected);
}

#[test]
fn the_beginning_of_a_huge_message_is_enough_to_name_it() {
    let bytes = b"\x34\xff\xff\xff\x7f\0\x03big\0\x07\x03\x23\0\x02xxxxx";
    let header = Header::read(bytes).unwrap().unwrap();
    assert_eq!((header.len, header.body), (5, 268_435_455));
    let body = &bytes[5..];
    for cut in 0..11 {
        let found = Preamble::read(Version::V5, header, &body[..cut]);
        assert_eq!(found, Ok(None), "{cut} bytes");
    }
    for there in [&body[..11], body] {
        let found = Preamble::read(Version::V5, header, there).unwrap().unwrap();
        assert_eq!(found.payload, 268_435_455 - 11);
        assert_eq!((found.head.topic.as_str(), found.head.packet), ("big", 7));
        assert_eq!((found.head.qos, found.alias), (Qos::ExactlyOnce, Some(2)));
    }
}

#[test]
fn headers_are_read_as_soon_as_they_are_whole() {
    assert_eq!(Header::read(&[]), Ok(None));
    assert_eq!(Header::read(&[0x30, 0x80, 0x80, 0x80]), Ok(None));
    let malformed = Header::read(&[0x30, 0x80, 0x80, 0x80, 0x80]).unwrap_err();
    assert_eq!(malformed.0, "a length of more than four bytes");
    let header = Header::read(&[0x30, 0x81, 1, 9]).unwrap().unwrap();
    assert_eq!((header.len, header.body, header.total()), (3, 129, 132));
}

fn version() -> impl Strategy<Value = Version> {
    prop_oneof![Just(Version::V311), Just(Version::V5)]
}

fn properties() -> impl Strategy<Value = Properties> {
    (
        proptest::option::of(any::<bool>()),
        proptest::option::of(any::<u32>()),
        proptest::option::of(".{0,9}"),
        proptest::option::of("[a-z/]{1,9}"),
        proptest::option::of(proptest::collection::vec(any::<u8>(), 0..9)),
        proptest::collection::vec((".{0,5}", ".{0,5}"), 0..3),
    )
        .prop_map(
            |(utf8, expiry, content_type, response_topic, data, user)| Properties {
                utf8,
                expiry,
                content_type,
                response_topic,
                correlation_data: data.map(Bytes::from),
                user,
                subscription_ids: Vec::new(),
            },
        )
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(
        version in version(),
        first: u8,
        body in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let _whatever = Header::read(&body);
        let _whatever = Codec::new(version).read(first, &body);
        let header = Header { first, len: 2, body: body.len() + 10 };
        let _whatever = Preamble::read(version, header, &body);
    }

    #[test]
    fn what_is_written_is_read_as_the_same(
        version in version(),
        topic in "[a-zß/]{1,20}",
        payload in proptest::collection::vec(any::<u8>(), 0..300),
        number in 0_u8..3,
        packet in 1_u16..,
        dup: bool,
        retain: bool,
        properties in properties(),
    ) {
        let qos = Qos::from_number(number).unwrap();
        let properties = (version == Version::V5 && !properties.is_empty())
            .then(|| Box::new(properties));
        let draft = Draft {
            topic: Topic::parse(&topic).unwrap(),
            payload: Bytes::from(payload),
            qos,
            retain,
            properties,
        };
        let mut out = BytesMut::new();
        let mut codec = Codec::new(version);
        codec.write_publish(&draft, packet, dup, &mut out).unwrap();
        let expected = Arrival {
            topic,
            payload: draft.payload,
            qos,
            retain,
            dup,
            packet: if number == 0 { 0 } else { packet },
            properties: draft.properties,
        };
        prop_assert_eq!(read(&mut codec, &out), Ok(Incoming::Publish(expected)));
    }
}
