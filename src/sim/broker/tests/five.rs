//! What MQTT 5 adds, and how its messages meet those of 3.1.1.

use super::*;
use crate::sim::packet::{Properties, RetainHandling};

/// A client of version 5 whose session outlives its connection by a minute.
fn five(connect: &mut Connect) {
    connect.version = Version::V5;
    connect.session_expiry = 60;
}

impl Bench {
    fn five(&mut self, client: &str) -> ConnectionId {
        self.join(client, five).0
    }

    fn listening(&mut self, client: &str, options: FilterOptions) -> ConnectionId {
        let id = self.five(client);
        self.subscribe_with(id, &["free/#"], options);
        id
    }

    fn say(&mut self, id: ConnectionId, publish: Publish) -> Vec<Output> {
        self.send(id, Packet::Publish(publish))
    }
}

/// The code of the DISCONNECT to a connection that is closed after it.
#[track_caller]
fn ended(out: &[Output], id: ConnectionId) -> u8 {
    assert!(closes(out, id), "{out:?}");
    match &sent(out, id)[..] {
        [.., Packet::Disconnect(end)] => end.code,
        other => panic!("{other:?}"),
    }
}

fn at_most_once(text: &str) -> Publish {
    message("free/x", Qos::AtMostOnce, 0, text)
}

/// The code in the acknowledgement of what a client published.
#[track_caller]
fn acknowledged(out: &[Output], id: ConnectionId) -> u8 {
    match &sent(out, id)[..] {
        [Packet::PubAck(ack) | Packet::PubRec(ack), ..] => ack.code,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_broker_says_what_it_sees_otherwise() {
    let mut bench = Bench::plain();
    bench.policy.0.keep_alive = Some(20);
    bench.policy.0.session_life = Duration::from_secs(30);
    bench.policy.0.maximum_qos = Qos::AtLeastOnce;
    let (_, out) = bench.join("", five);
    let ack = connack(&out).expect("a CONNACK");
    let expected = ConnAck {
        session_expiry: Some(30),
        receive_maximum: Some(100),
        maximum_qos: Some(1),
        maximum_packet: Some(64 << 20),
        assigned_client_id: Some("auto-00000001".to_owned()),
        topic_alias_maximum: Some(16),
        server_keep_alive: Some(20),
        ..ConnAck::default()
    };
    assert_eq!(*ack, expected);
    let (_, out) = bench.join("b", |connect| {
        five(connect);
        connect.session_expiry = 10;
        connect.keep_alive = 5;
    });
    let ack = connack(&out).expect("a CONNACK");
    assert_eq!((ack.session_expiry, ack.server_keep_alive), (None, None));
}

#[test]
fn a_session_lasts_as_long_as_it_was_asked_for() {
    let mut bench = Bench::plain();
    for (life, after, present) in [
        (0, 0, false),
        (60, 59, true),
        (60, 61, false),
        (u32::MAX, 100_000_000, true),
    ] {
        let join = |connect: &mut Connect| {
            connect.version = Version::V5;
            connect.session_expiry = life;
        };
        let (id, _) = bench.join("a", |connect| {
            join(connect);
            connect.clean = true;
        });
        bench.lose(id);
        bench.pass(after);
        let (id, out) = bench.join("a", join);
        assert_eq!(welcome(&out), Some((present, 0)), "{life} {after}");
        bench.lose(id);
    }
}

#[test]
fn a_farewell_may_change_how_long_the_session_lasts() {
    let mut bench = Bench::plain();
    let id = bench.five("a");
    let goodbye = |seconds| {
        Packet::Disconnect(Disconnect {
            session_expiry: Some(seconds),
            ..Disconnect::default()
        })
    };
    bench.send(id, goodbye(1000));
    bench.pass(999);
    let (id, out) = bench.join("a", |connect| connect.version = Version::V5);
    assert_eq!(welcome(&out), Some((true, 0)));
    // What ends with its connection cannot be kept afterwards.
    let out = bench.send(id, goodbye(10));
    assert_eq!(ended(&out, id), code::PROTOCOL_ERROR);
}

#[test]
fn who_is_taken_over_and_who_is_silent_hears_why() {
    let mut bench = Bench::plain();
    let first = bench.five("a");
    let (second, out) = bench.join("a", five);
    assert_eq!(ended(&out, first), code::TAKEN_OVER);
    assert_eq!(ended(&bench.pass(50), second), code::KEEP_ALIVE_TIMEOUT);
    let third = bench.five("a");
    let out = bench
        .broker
        .kick("a", code::ADMINISTRATIVE, bench.now, &bench.policy);
    assert_eq!(ended(&out, third), code::ADMINISTRATIVE);
}

#[test]
fn properties_reach_every_receiver_of_5_and_3_gets_the_message() {
    let mut bench = Bench::plain();
    let (three, _) = bench.connect("three");
    bench.subscribe(three, &["free/#"]);
    let listener = bench.listening("five", FilterOptions::default());
    let sender = bench.five("sender");
    let properties = Properties {
        utf8: Some(true),
        content_type: Some("text/plain".to_owned()),
        response_topic: Some("free/answer".to_owned()),
        correlation_data: Some(Bytes::from_static(&[0, 255])),
        user: vec![("a".into(), "1".into()), ("a".into(), "2".into())],
        ..Properties::default()
    };
    let publish = Publish {
        properties: properties.clone(),
        ..message("free/x", Qos::ExactlyOnce, 7, "x")
    };
    let out = bench.say(sender, publish);
    let Some(Packet::Publish(heard)) = sent(&out, listener).pop() else {
        panic!("{out:?}");
    };
    assert_eq!(
        (heard.properties, heard.qos),
        (properties, Qos::ExactlyOnce)
    );
    assert!(matches!(&sent(&out, three)[..], [Packet::Publish(p)] if p.payload == "x"));
    // And the other way round.
    let out = bench.say(three, at_most_once("from 3"));
    assert!(matches!(&sent(&out, listener)[..], [Packet::Publish(p)] if p.payload == "from 3"));
}

#[test]
fn qos_2_arrives_once_however_often_it_is_sent() {
    let mut bench = Bench::plain();
    let listener = bench.listening("b", FilterOptions::default());
    let sender = bench.five("a");
    let publish = message("free/x", Qos::ExactlyOnce, 7, "x");
    let out = bench.say(sender, publish.clone());
    assert_eq!(sent(&out, sender), [Packet::PubRec(Ack::of(7))]);
    assert_eq!(sent(&out, listener).len(), 1);
    bench.lose(sender);
    let sender = bench.five("a");
    let again = Publish {
        dup: true,
        ..publish.clone()
    };
    let out = bench.say(sender, again);
    assert_eq!(sent(&out, sender), [Packet::PubRec(Ack::of(7))]);
    assert!(sent(&out, listener).is_empty());
    for code in [code::SUCCESS, code::PACKET_NOT_FOUND] {
        let out = bench.send(sender, Packet::PubRel(Ack::of(7)));
        assert_eq!(
            sent(&out, sender),
            [Packet::PubComp(Ack::with(7, code, None))]
        );
    }
    // The id is free again: this is another message.
    assert_eq!(sent(&bench.say(sender, publish), listener).len(), 1);
}

#[test]
fn a_released_message_is_released_again_and_not_sent_again() {
    let mut bench = Bench::plain();
    let id = bench.listening("a", FilterOptions::default());
    let two = Publication::new("free/x", "x").exactly_once();
    bench.broker.publish(&two, bench.now, &bench.policy);
    let out = bench.send(id, Packet::PubRec(Ack::of(1)));
    assert_eq!(sent(&out, id), [Packet::PubRel(Ack::of(1))]);
    bench.lose(id);
    let (id, out) = bench.join("a", five);
    assert_eq!(sent(&out, id)[1..], [Packet::PubRel(Ack::of(1))]);
    bench.send(id, Packet::PubComp(Ack::of(1)));
    assert_eq!(bench.broker.backlog("a"), 0);
    let out = bench.send(id, Packet::PubRec(Ack::of(9)));
    let unknown = Ack::with(9, code::PACKET_NOT_FOUND, None);
    assert_eq!(sent(&out, id), [Packet::PubRel(unknown)]);
}

#[test]
fn what_a_client_refuses_is_over() {
    let mut bench = Bench::plain();
    let id = bench.listening("a", FilterOptions::default());
    let two = Publication::new("free/x", "x").exactly_once();
    bench.broker.publish(&two, bench.now, &bench.policy);
    let out = bench.send(id, Packet::PubRec(Ack::with(1, 0x97, None)));
    assert!(sent(&out, id).is_empty());
    assert_eq!(bench.broker.backlog("a"), 0);
}

#[test]
fn expiry_counts_down_and_what_has_expired_is_not_delivered() {
    let mut bench = Bench::plain();
    let id = bench.listening("a", FilterOptions::default());
    bench.lose(id);
    for seconds in [10, 100] {
        let mut message = Publication::new("free/x", seconds.to_string()).retained();
        message.properties.expiry = Some(seconds);
        bench.broker.publish(&message, bench.now, &bench.policy);
    }
    bench.pass(30);
    let (_, out) = bench.join("a", five);
    assert_eq!(texts(&out), ["100"]);
    assert_eq!(publishes(&out)[0].properties.expiry, Some(70));
    bench.pass(30);
    let retained = bench.subscribe(bench_id(&out), &["free/x"]);
    assert_eq!(publishes(&retained)[0].properties.expiry, Some(40));
    bench.pass(41);
    let (id, _) = bench.join("b", five);
    assert!(texts(&bench.subscribe(id, &["free/x"])).is_empty());
}

/// The connection that this output is to.
fn bench_id(out: &[Output]) -> ConnectionId {
    let ids = out.iter().find_map(|output| match output {
        Output::Send(id, _) => Some(*id),
        _ => None,
    });
    ids.expect("something is sent")
}

#[test]
fn no_local_keeps_what_one_has_said_oneself_away() {
    let mut bench = Bench::plain();
    let options = FilterOptions {
        no_local: true,
        ..FilterOptions::default()
    };
    let own = bench.listening("a", options);
    let other = bench.listening("b", options);
    let out = bench.say(own, at_most_once("x"));
    assert!(sent(&out, own).is_empty());
    assert_eq!(sent(&out, other).len(), 1);
}

#[test]
fn retain_is_shown_as_published_where_that_is_wanted() {
    let mut bench = Bench::plain();
    let as_published = FilterOptions {
        retain_as_published: true,
        ..FilterOptions::default()
    };
    let one = bench.listening("a", as_published);
    let other = bench.listening("b", FilterOptions::default());
    let publish = Publish {
        retain: true,
        ..at_most_once("x")
    };
    let out = bench.say(one, publish);
    let retain = |id| matches!(&sent(&out, id)[..], [Packet::Publish(p)] if p.retain);
    assert_eq!((retain(one), retain(other)), (true, false));
}

#[test]
fn retained_messages_come_as_often_as_the_handling_says() {
    let mut bench = Bench::plain();
    let id = bench.five("a");
    bench.say(
        id,
        Publish {
            retain: true,
            ..at_most_once("x")
        },
    );
    let mut heard = Vec::new();
    for (handling, filter) in [
        (RetainHandling::Never, "free/x"),
        (RetainHandling::SendIfNew, "free/x"),
        (RetainHandling::SendIfNew, "free/+"),
        (RetainHandling::SendIfNew, "free/+"),
        (RetainHandling::Send, "free/+"),
        (RetainHandling::Send, "$share/g/free/x"),
    ] {
        let options = FilterOptions {
            retain_handling: handling,
            ..FilterOptions::default()
        };
        let out = bench.subscribe_with(id, &[filter], options);
        heard.push(publishes(&out).len());
    }
    assert_eq!(heard, [0, 0, 1, 0, 1, 0]);
}

#[test]
fn the_ids_of_all_subscriptions_that_match_come_with_the_message() {
    let mut bench = Bench::plain();
    let id = bench.five("a");
    for (number, filter) in [(7, "free/#"), (300, "free/+"), (9, "free/other")] {
        let options = FilterOptions {
            id: Some(number),
            ..FilterOptions::default()
        };
        bench.subscribe_with(id, &[filter], options);
    }
    let out = bench.say(id, at_most_once("x"));
    assert_eq!(publishes(&out)[0].properties.subscription_ids, [7, 300]);
}

#[test]
fn a_shared_subscription_goes_round_and_passes_on_what_nobody_fetched() {
    let mut bench = Bench::plain();
    let members = ["a", "b", "c"].map(|client| {
        let id = bench.five(client);
        bench.subscribe(id, &["$share/g/free/#"]);
        id
    });
    let outsider = bench.listening("d", FilterOptions::default());
    let mut counts = [0; 3];
    for n in 0..9 {
        let out = bench.publish(&n.to_string());
        for (count, id) in counts.iter_mut().zip(members) {
            *count += sent(&out, id).len();
        }
        assert_eq!(sent(&out, outsider).len(), 1, "each is on its own");
    }
    assert_eq!(counts, [3, 3, 3]);
    // Nobody has acknowledged; the sessions of two of them end.
    bench.lose(members[0]);
    bench.lose(members[1]);
    bench.pass(40);
    bench.send(members[2], Packet::PingReq);
    let out = bench.pass(21);
    let passed_on = sent(&out, members[2]);
    assert_eq!(passed_on.len(), 6, "{passed_on:?}");
}

#[test]
fn who_is_away_gets_nothing_of_a_share_while_somebody_is_there() {
    let mut bench = Bench::plain();
    let [away, there] = ["a", "b"].map(|client| {
        let id = bench.five(client);
        bench.subscribe(id, &["$share/g/free/#"]);
        id
    });
    bench.lose(away);
    let heard: usize = (0..4)
        .map(|n| sent(&bench.publish(&n.to_string()), there).len())
        .sum();
    assert_eq!((heard, bench.broker.backlog("a")), (4, 0));
}

#[test]
fn a_will_waits_for_its_delay_and_a_return_prevents_it() {
    let mut bench = Bench::plain();
    bench.listening("watcher", FilterOptions::default());
    let join = |bench: &mut Bench, clean| {
        let joined = bench.join("a", |connect| {
            five(connect);
            connect.clean = clean;
            connect.will = Some(will(10));
        });
        (joined.0, texts(&joined.1))
    };
    let (id, _) = join(&mut bench, true);
    assert!(texts(&bench.lose(id)).is_empty());
    assert!(texts(&bench.pass(9)).is_empty());
    assert_eq!(texts(&bench.pass(1)), ["gone"]);
    let (id, _) = join(&mut bench, false);
    bench.lose(id);
    bench.pass(5);
    let (id, said) = join(&mut bench, false);
    assert!(said.is_empty() && texts(&bench.pass(10)).is_empty());
    // A clean start ends the session, and with it the wait.
    bench.lose(id);
    let (id, said) = join(&mut bench, true);
    assert_eq!(said, ["gone"]);
    // So does the end of the session before the delay is over.
    let soon = Disconnect {
        code: code::WITH_WILL,
        session_expiry: Some(3),
        words: None,
    };
    assert!(texts(&bench.send(id, Packet::Disconnect(soon))).is_empty());
    assert_eq!(texts(&bench.pass(3)), ["gone"]);
}

#[test]
fn aliases_stand_for_topics_on_their_connection_only() {
    let mut bench = Bench::plain();
    let listener = bench.listening("b", FilterOptions::default());
    let sender = bench.five("a");
    let with = |alias, topic: &str| Publish {
        alias: Some(alias),
        ..message(topic, Qos::AtMostOnce, 0, "x")
    };
    let heard = [
        with(1, "free/one"),
        with(16, "free/two"),
        with(1, ""),
        with(16, ""),
    ]
    .map(|publish| {
        let out = bench.say(sender, publish);
        sent(&out, listener).pop().map(|packet| match packet {
            Packet::Publish(publish) => publish.topic,
            other => panic!("{other:?}"),
        })
    });
    let expected = ["free/one", "free/two", "free/one", "free/two"];
    assert_eq!(heard.map(Option::unwrap), expected);
    bench.lose(sender);
    for (alias, topic, code) in [
        (1, "", code::PROTOCOL_ERROR),
        (0, "free/x", code::TOPIC_ALIAS_INVALID),
        (17, "free/x", code::TOPIC_ALIAS_INVALID),
    ] {
        let id = bench.five("a");
        assert_eq!(ended(&bench.say(id, with(alias, topic)), id), code);
    }
}

#[test]
fn a_publish_that_no_broker_takes_ends_the_connection_with_the_reason() {
    let mut bench = Bench::plain();
    let mut wildcard = at_most_once("x");
    wildcard.properties.response_topic = Some("a/+".to_owned());
    for (publish, code) in [
        (
            message("free/+", Qos::AtMostOnce, 0, ""),
            code::TOPIC_INVALID,
        ),
        (message("", Qos::AtMostOnce, 0, ""), code::PROTOCOL_ERROR),
        (wildcard, code::PROTOCOL_ERROR),
    ] {
        let id = bench.five("a");
        assert_eq!(ended(&bench.say(id, publish), id), code);
    }
    bench.policy.0.maximum_qos = Qos::AtLeastOnce;
    let id = bench.five("a");
    let two = message("free/x", Qos::ExactlyOnce, 1, "");
    assert_eq!(ended(&bench.say(id, two), id), code::QOS_NOT_SUPPORTED);
}

#[test]
fn acknowledgements_say_whether_anybody_was_there_and_whether_one_may() {
    let mut bench = Bench::plain();
    let id = bench.five("a");
    for qos in [Qos::AtLeastOnce, Qos::ExactlyOnce] {
        let nobody = bench.say(id, message("free/x", qos, 1, "x"));
        assert_eq!(acknowledged(&nobody, id), code::NO_MATCHING_SUBSCRIBERS);
        bench.send(id, Packet::PubRel(Ack::of(1)));
        let refused = bench.say(id, message("refused/x", qos, 2, "x"));
        assert_eq!(acknowledged(&refused, id), code::NOT_AUTHORIZED);
        // Refused is over: the id is free.
        let again = bench.say(id, message("refused/x", qos, 2, "x"));
        assert_eq!(acknowledged(&again, id), code::NOT_AUTHORIZED);
    }
    bench.listening("b", FilterOptions::default());
    let heard = bench.say(id, message("free/x", Qos::AtLeastOnce, 3, "x"));
    assert_eq!(acknowledged(&heard, id), code::SUCCESS);
}

#[test]
fn filters_are_refused_one_by_one_with_their_reason() {
    let mut bench = Bench::plain();
    let id = bench.five("a");
    let out = bench.subscribe(id, &["free/x", "refused/x", "free/#/x", "$share/g/free/x"]);
    let [Packet::SubAck(ack)] = &sent(&out, id)[..] else {
        panic!("{out:?}");
    };
    assert_eq!(
        ack.codes,
        [2, code::NOT_AUTHORIZED, code::FILTER_INVALID, 2]
    );
    assert!(ack.words.is_some());
    bench.policy.0.shared = false;
    let out = bench.subscribe(id, &["$share/g/free/x"]);
    let [Packet::SubAck(ack)] = &sent(&out, id)[..] else {
        panic!("{out:?}");
    };
    assert_eq!(ack.codes, [code::SHARED_NOT_SUPPORTED]);
}

#[test]
fn who_wants_no_reasons_gets_them_in_connack_and_disconnect_only() {
    let mut bench = Bench::plain();
    let (id, _) = bench.join("a", |connect| {
        five(connect);
        connect.wants_reasons = false;
    });
    let out = bench.subscribe(id, &["refused/x"]);
    assert!(matches!(&sent(&out, id)[..], [Packet::SubAck(ack)] if ack.words.is_none()));
    let out = bench.say(id, message("refused/x", Qos::AtLeastOnce, 1, "x"));
    assert!(matches!(&sent(&out, id)[..], [Packet::PubAck(ack)] if ack.words.is_none()));
}

#[test]
fn a_client_gets_no_more_at_a_time_and_nothing_larger_than_it_takes() {
    let mut bench = Bench::plain();
    let (id, _) = bench.join("a", |connect| {
        five(connect);
        connect.receive_maximum = Some(2);
        connect.maximum_packet = Some(40);
    });
    bench.subscribe(id, &["free/#"]);
    let long = "x".repeat(100);
    let heard: Vec<_> = [long.as_str(), "1", "2", "3"]
        .into_iter()
        .flat_map(|text| texts(&bench.publish(text)))
        .collect();
    assert_eq!(heard, ["1", "2"]);
    assert_eq!(bench.broker.dropped, 1);
    bench.publish(&long);
    bench.publish("4");
    let out = bench.send(id, puback(2));
    assert_eq!(texts(&out), ["3"]);
    let out = bench.send(id, puback(3));
    // The long one has made room for the next as soon as its turn came.
    assert_eq!(texts(&out), ["4"]);
}

#[test]
fn a_client_that_sends_more_at_a_time_than_it_may_is_sent_away() {
    let mut bench = Bench::plain();
    bench.policy.0.receive_maximum = 2;
    let id = bench.five("a");
    for packet in [1, 2] {
        bench.say(id, message("free/x", Qos::ExactlyOnce, packet, "x"));
    }
    let out = bench.say(id, message("free/x", Qos::ExactlyOnce, 3, "x"));
    assert_eq!(ended(&out, id), code::RECEIVE_MAXIMUM_EXCEEDED);
}

#[test]
fn what_cannot_be_read_ends_the_connection_with_the_reason() {
    let mut bench = Bench::plain();
    let broken = Wrong {
        code: code::MALFORMED,
        words: "broken",
    };
    let id = bench.five("a");
    let out = bench
        .broker
        .wrong(id, Version::V5, broken, bench.now, &bench.policy);
    assert_eq!(ended(&out, id), code::MALFORMED);
    let id = bench.broker.open(Identity::default(), bench.now);
    let out = bench
        .broker
        .wrong(id, Version::V5, broken, bench.now, &bench.policy);
    assert_eq!(welcome(&out), Some((false, code::MALFORMED)));
    assert!(closes(&out, id));
}

#[test]
fn an_authentication_method_is_not_known_here() {
    let mut bench = Bench::plain();
    let (_, out) = bench.join("a", |connect| {
        five(connect);
        connect.authentication_method = Some("SCRAM-SHA-1".to_owned());
    });
    assert_eq!(
        welcome(&out),
        Some((false, code::BAD_AUTHENTICATION_METHOD))
    );
    let id = bench.five("a");
    let out = bench.send(id, Packet::Auth);
    assert_eq!(ended(&out, id), code::PROTOCOL_ERROR);
}

#[test]
fn what_is_held_comes_when_it_is_released() {
    let mut bench = Bench::plain();
    let id = bench.five("a");
    bench.broker.faults.hold_acknowledgements = true;
    bench.broker.faults.hold_subacks = true;
    let out = bench.subscribe(id, &["free/#"]);
    assert!(sent(&out, id).is_empty());
    let out = bench.say(id, message("free/x", Qos::AtLeastOnce, 5, "x"));
    assert_eq!(texts(&out), ["x"], "delivered all the same");
    let out = bench.broker.release();
    assert!(matches!(
        &sent(&out, id)[..],
        [Packet::SubAck(_), Packet::PubAck(_)]
    ));
}

#[test]
fn filters_can_be_made_to_hurt() {
    let mut bench = Bench::plain();
    let faults = &mut bench.broker.faults;
    faults.refused_filters.insert("free/no".to_owned(), 0x97);
    faults.deadly_filters.insert("free/deadly".to_owned());
    let id = bench.five("a");
    let out = bench.subscribe(id, &["free/no", "free/yes"]);
    assert!(matches!(&sent(&out, id)[..], [Packet::SubAck(ack)] if ack.codes == [0x97, 2]));
    let out = bench.subscribe(id, &["free/a", "free/deadly"]);
    assert_eq!(out[0], Output::Close(id));
}

#[test]
fn what_was_swallowed_comes_on_the_next_connection() {
    let mut bench = Bench::plain();
    let id = bench.listening("a", FilterOptions::default());
    bench.broker.faults.swallow = 1;
    assert!(texts(&bench.publish("x")).is_empty());
    assert_eq!(texts(&bench.publish("y")), ["y"]);
    bench.lose(id);
    let (_, out) = bench.join("a", five);
    assert_eq!(texts(&out), ["x", "y"]);
}

#[test]
fn the_health_of_the_broker_is_retained_under_sys() {
    let mut bench = Bench::plain();
    bench.policy.0.health = true;
    bench.listening("a", FilterOptions::default());
    bench.pass(10);
    let read = |bench: &Bench, name: &str| {
        let value = bench.broker.retained(&format!("$SYS/broker/{name}"));
        String::from_utf8_lossy(value.expect(name)).into_owned()
    };
    assert_eq!(read(&bench, "clients/connected"), "1");
    assert_eq!(read(&bench, "uptime"), "10 seconds");
    assert_eq!(read(&bench, "messages/received"), "2");
    assert_ne!(read(&bench, "load/messages/received/1min"), "0.00");
    // Not sooner than ten seconds later.
    bench.pass(9);
    assert_eq!(read(&bench, "uptime"), "10 seconds");
}
