//! Writing a message and sending it, on a plain broker.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use thingdeck::app::Setup;
use thingdeck::app::effect::{Effect, Needs};
use thingdeck::app::event::{Event, Gathered, Kept, Outcome};
use thingdeck::app::screen::{Body, ComposeRow, PaneId};
use thingdeck::base::moment::Timestamp;
use thingdeck::base::problem::Problem;
use thingdeck::base::secret::Secret;
use thingdeck::domain::capability::Capabilities;
use thingdeck::domain::compose::{Entry, Sheet};
use thingdeck::domain::message::{Draft, Qos};
use thingdeck::domain::profile::{PlatformId, Version};
use thingdeck::domain::session::{Delivered, LinkState, ReceiptId, SessionCommand, SessionEvent};

use crate::deck::{Deck, plain, profile, setup};

pub fn broker(version: Version) -> Setup {
    let mut lab = profile("lab");
    lab.platform = PlatformId::Mqtt;
    lab.version = version;
    lab.capabilities = Capabilities::MQTT;
    let mut other = lab.clone();
    "other".clone_into(&mut other.name);
    Setup {
        profiles: vec![lab, other],
        open: "lab".to_owned(),
        ..setup()
    }
}

/// Connected, nothing kept from before.
pub fn lab(version: Version) -> Deck {
    let mut deck = Deck::new(broker(version));
    deck.connect();
    deck.kept(Kept::default());
    deck.asked();
    deck
}

impl Deck {
    /// Answers what the composer asked of the disk.
    pub fn kept(&mut self, kept: Kept) -> &mut Self {
        let id = self.effects.iter().find_map(|effect| match effect {
            Effect::LoadKept(id, _) => Some(*id),
            _ => None,
        });
        self.done(id.expect("it was asked"), Ok(Outcome::Kept(Box::new(kept))))
    }

    /// The composer as a person reads it.
    pub fn composer(&self) -> String {
        let Body::Compose(rows) = self.pane(PaneId::Publish).body else {
            return String::new();
        };
        let row = |row: &ComposeRow| match row {
            ComposeRow::Fields(fields) => fields
                .iter()
                .map(|f| {
                    let mark = if f.focused { ">" } else { "" };
                    format!("{mark}{}: {}", f.label, f.value)
                })
                .collect::<Vec<_>>()
                .join("  "),
            ComposeRow::Text {
                number,
                text,
                cursor,
                broken,
            } => {
                let cursor = cursor.map_or(String::new(), |c| format!(" @{c}"));
                let broken = if *broken { "!" } else { "" };
                format!("{number}{broken} {text}{cursor}")
            }
            ComposeRow::Choice { text, selected } => {
                format!("{} {text}", if *selected { "->" } else { " -" })
            }
            ComposeRow::Line(line) => plain(line),
        };
        let lines: Vec<_> = rows.iter().map(row).collect();
        lines.join("\n")
    }

    /// Messages handed to the session since the last look.
    pub fn published(&mut self) -> Vec<(ReceiptId, Draft)> {
        self.asked()
            .into_iter()
            .filter_map(|effect| match effect {
                Effect::Session(_, SessionCommand::Publish(id, draft)) => Some((id, draft)),
                _ => None,
            })
            .collect()
    }

    pub fn receipt(&mut self, id: ReceiptId, result: Result<Delivered, Problem>) -> &mut Self {
        let event = SessionEvent::Receipt { id, result };
        self.event(Event::Session(self.session, event))
    }

    /// Writes topic and payload from anywhere.
    pub fn write(&mut self, topic: &str, payload: &str) -> &mut Self {
        self.press("c").type_text(topic).press("enter");
        self.paste(payload)
    }
}

fn only(mut sent: Vec<(ReceiptId, Draft)>) -> (ReceiptId, Draft) {
    assert_eq!(sent.len(), 1, "{sent:?}");
    sent.remove(0)
}

#[test]
fn a_message_is_written_sent_and_acknowledged() {
    let mut deck = lab(Version::V311);
    deck.press("3 c").type_text("home/lamp").press("enter");
    deck.type_text("{\"on\": true, \"q\": \"hjkl?:\"}");
    deck.press("tab tab")
        .type_text("1")
        .press("tab")
        .type_text("y");
    deck.press("ctrl-s");
    let (id, draft) = only(deck.published());
    assert_eq!(draft.topic.as_str(), "home/lamp");
    assert_eq!(draft.payload.as_ref(), b"{\"on\": true, \"q\": \"hjkl?:\"}");
    assert_eq!((draft.qos, draft.retain), (Qos::AtLeastOnce, true));
    assert!(
        deck.composer()
            .contains("home/lamp  waits for its acknowledgement")
    );
    deck.wait(Duration::from_millis(12));
    let note = Some("nobody is subscribed to it".to_owned());
    deck.receipt(id, Ok(Delivered { note }));
    let said = "acknowledged after 12 ms: nobody is subscribed to it";
    assert!(deck.notice().contains(said), "{}", deck.notice());
    assert!(deck.composer().contains(said), "{}", deck.composer());
    deck.press("esc");
    assert_eq!(deck.focus(), PaneId::Messages);
}

#[test]
fn what_went_out_is_a_row_of_the_stream_and_does_not_count_as_received() {
    let mut deck = lab(Version::V311);
    deck.receive(2, "home/t")
        .write("home/lamp", "on")
        .press("ctrl-s");
    let (id, _) = only(deck.published());
    assert_eq!(deck.messages().len(), 2);
    deck.receipt(id, Ok(Delivered::default()));
    let rows = deck.messages();
    assert_eq!(rows.len(), 3);
    assert!(rows[2].outgoing && rows[2].source.as_str() == "home/lamp");
    let header = deck.screen().header;
    assert_eq!((header.received, header.kept, header.dropped), (2, 2, 0));
}

#[test]
fn a_refusal_is_said_in_words_and_the_draft_stays() {
    let mut deck = lab(Version::V5);
    deck.write("home/lamp", "on").press("ctrl-s");
    let (id, _) = only(deck.published());
    let why = Problem::new(
        "could not publish to home/lamp",
        "the broker: not authorised",
        "",
    );
    deck.receipt(id, Err(why));
    assert!(
        deck.notice()
            .contains("refused: the broker: not authorised")
    );
    assert!(deck.composer().contains("1 on"));
    assert!(deck.messages().is_empty());
}

#[test]
fn what_no_broker_takes_is_not_sent_and_the_reason_is_said() {
    for (topic, why) in [
        ("home/+", "wildcards"),
        ("", "it is empty"),
        ("home/{{uid}}", "the nearest is {{uuid}}"),
    ] {
        let mut deck = lab(Version::V311);
        deck.press("c")
            .type_text(topic)
            .press("tab")
            .type_text("x")
            .press("ctrl-s");
        assert_eq!(deck.published(), [], "{topic}");
        assert!(deck.notice().contains(why), "{topic}: {}", deck.notice());
        assert!(
            deck.composer().contains(">Topic"),
            "the keys are where the mistake is"
        );
    }
    let mut deck = lab(Version::V311);
    deck.write("t", "0g")
        .press("tab")
        .type_text("h")
        .press("ctrl-s");
    assert!(
        deck.notice()
            .contains("line 1, column 2: 'g' is no hex digit")
    );
}

#[test]
fn json_is_checked_while_it_is_typed_and_laid_out_on_demand() {
    let mut deck = lab(Version::V311);
    deck.write("t", "{\"on\": tru");
    assert!(
        deck.composer().contains("JSON error at line 1"),
        "{}",
        deck.composer()
    );
    assert!(deck.composer().contains("1! {"));
    deck.type_text("e}");
    assert!(deck.composer().contains("valid JSON  12 bytes"));
    deck.press("ctrl-f");
    assert!(
        deck.composer().contains("2   \"on\": true"),
        "{}",
        deck.composer()
    );
    deck.press("ctrl-_");
    assert!(deck.composer().contains("1 {\"on\": true}"));
    deck.press("ctrl-y");
    assert!(deck.composer().contains("3 }"));
}

#[test]
fn known_topics_complete_what_is_typed() {
    let mut deck = lab(Version::V311);
    deck.receive(1, "home/거실/lamp")
        .receive(1, "home/hall/lamp")
        .receive(1, "plant/1");
    deck.press("c").type_text("home");
    assert!(
        deck.composer()
            .contains(" - home/hall/lamp\n - home/거실/lamp"),
        "{}",
        deck.composer()
    );
    deck.press("down down enter");
    assert!(
        deck.composer().contains(">Topic: home/거실/lamp"),
        "{}",
        deck.composer()
    );
    deck.press("ctrl-u").type_text("lant").press("tab");
    assert!(deck.composer().contains(">Topic: plant/1"));
    deck.press("tab");
    assert!(!deck.composer().contains(">Topic"), "the next Tab goes on");
    deck.press("backtab backspace esc");
    assert_eq!(deck.focus(), PaneId::Publish);
    deck.press("esc");
    assert_eq!(deck.focus(), PaneId::Devices);
}

#[test]
fn placeholders_are_made_when_it_is_sent_and_numbered() {
    let mut deck = lab(Version::V311);
    deck.write("t/{{seq}}", "{\"n\":{{seq}},\"at\":\"{{now}}\"}");
    deck.press("ctrl-s ctrl-s");
    let sent: Vec<_> = deck
        .published()
        .into_iter()
        .map(|(_, draft)| draft)
        .collect();
    assert_eq!(sent[0].topic.as_str(), "t/1");
    assert_eq!(
        sent[0].payload.as_ref(),
        b"{\"n\":1,\"at\":\"2025-11-20T20:40:00.000000Z\"}"
    );
    assert_eq!(sent[1].topic.as_str(), "t/2");
}

#[test]
fn a_variable_is_asked_for_and_never_kept() {
    let mut deck = lab(Version::V311);
    deck.write("t", "{{env LAB_PW}}").press("ctrl-s");
    let asked = deck.asked();
    let Some(Effect::Gather(id, needs)) = asked.iter().find(|e| matches!(e, Effect::Gather(..)))
    else {
        panic!("{asked:?}");
    };
    assert_eq!(needs.variables, ["LAB_PW"]);
    let variables = BTreeMap::from([("LAB_PW".to_owned(), Some(Secret::new("c4nary")))]);
    deck.done(
        *id,
        Ok(Outcome::Gathered(Gathered {
            variables,
            file: None,
        })),
    );
    let effects = deck.asked();
    let kept: Vec<_> = effects
        .iter()
        .filter(|e| matches!(e, Effect::KeepHistory { .. } | Effect::KeepDraft { .. }))
        .collect();
    assert!(!kept.is_empty());
    assert!(!format!("{kept:?}").contains("c4nary"), "{kept:?}");
    let sent = effects.iter().find_map(|e| match e {
        Effect::Session(_, SessionCommand::Publish(_, draft)) => Some(draft.payload.clone()),
        _ => None,
    });
    assert_eq!(sent.as_deref(), Some(b"c4nary".as_slice()));
    deck.wait(Duration::from_secs(1));
    assert!(!format!("{:?}", deck.asked()).contains("c4nary"));
}

#[test]
fn a_file_is_read_when_it_is_sent() {
    let mut deck = lab(Version::V311);
    deck.write("t", "~/x.bin")
        .press("tab")
        .type_text("f")
        .press("ctrl-s");
    let asked = deck.asked();
    let gather = asked.iter().find_map(|e| match e {
        Effect::Gather(id, Needs { file, .. }) => Some((*id, file.clone())),
        _ => None,
    });
    let (id, file) = gather.expect("the file is asked for");
    assert_eq!(file.as_deref(), Some("~/x.bin"));
    let file = Some(Bytes::from_static(b"\x00\xff"));
    deck.done(
        id,
        Ok(Outcome::Gathered(Gathered {
            file,
            ..Gathered::default()
        })),
    );
    assert_eq!(only(deck.published()).1.payload.as_ref(), b"\x00\xff");
    deck.press("ctrl-s");
    let id = deck.asked().into_iter().find_map(|e| match e {
        Effect::Gather(id, _) => Some(id),
        _ => None,
    });
    let missing = Problem::new(
        "could not read ~/x.bin",
        "it is not there",
        "check the path",
    );
    deck.done(id.expect("asked again"), Err(missing));
    assert!(deck.notice().contains("could not read"));
    assert_eq!(deck.published(), []);
}

#[test]
fn without_a_connection_it_waits_and_quitting_asks() {
    let mut deck = lab(Version::V311);
    deck.link(LinkState::Connecting {
        host: "h".to_owned(),
        port: 1,
    });
    deck.write("home/lamp", "on").press("ctrl-s ctrl-s");
    assert!(
        deck.notice()
            .contains("home/lamp waits for the connection (2 waiting)")
    );
    assert_eq!(deck.note(PaneId::Publish), "2 waiting");
    let sent = deck.published();
    deck.press("esc q");
    assert!(
        deck.overlay()
            .contains("2 messages not delivered yet; what waits would be lost")
    );
    deck.press("n");
    assert!(!deck.quits());
    for (id, _) in sent {
        deck.receipt(id, Ok(Delivered::default()));
    }
    deck.press("q");
    assert!(deck.quits(), "a draft is on the disk: no question");
}

#[test]
fn the_draft_is_on_its_way_to_the_disk_soon_after_each_change() {
    let mut deck = lab(Version::V311);
    deck.press("c").type_text("home/lamp");
    deck.wait(Duration::from_millis(500));
    let drafts = |deck: &mut Deck| -> Vec<_> {
        deck.asked()
            .into_iter()
            .filter_map(|e| match e {
                Effect::KeepDraft { profile, draft } => {
                    Some((profile, draft.map(|d| d.sheet.topic)))
                }
                _ => None,
            })
            .collect()
    };
    let kept = |text: &str| vec![("lab".to_owned(), Some(text.to_owned()))];
    assert_eq!(drafts(&mut deck), kept("home/lamp"));
    deck.wait(Duration::from_secs(5));
    assert_eq!(drafts(&mut deck), []);
    deck.type_text("s").press("ctrl-c");
    assert_eq!(
        drafts(&mut deck),
        kept("home/lamps"),
        "leaving does not outrun it"
    );
    deck.press("ctrl-s").wait(Duration::from_millis(500));
    let (id, _) = only(deck.published());
    deck.receipt(id, Ok(Delivered::default()));
    deck.wait(Duration::from_millis(500));
    assert_eq!(
        drafts(&mut deck),
        [("lab".to_owned(), None)],
        "delivered: no draft any more"
    );
}

fn entry(topic: &str, sent: bool) -> Entry {
    Entry {
        at: Timestamp::from_seconds(1),
        sent,
        sheet: Sheet {
            topic: topic.to_owned(),
            payload: format!("to {topic}"),
            ..Sheet::default()
        },
    }
}

#[test]
fn the_draft_of_last_time_is_back_unless_something_is_typed_already() {
    let kept = || Kept {
        draft: Some(entry("home/last", false)),
        history: vec![entry("home/old", true)],
        notices: Vec::new(),
    };
    let mut deck = Deck::new(broker(Version::V311));
    deck.kept(kept()).press("5");
    assert!(
        deck.composer().contains("Topic: home/last"),
        "{}",
        deck.composer()
    );
    let mut deck = Deck::new(broker(Version::V311));
    deck.press("c").type_text("x").kept(kept());
    assert!(deck.composer().contains("Topic: x"));
    deck.press("ctrl-r");
    assert!(
        deck.overlay()
            .contains("home/last  to home/last | not sent"),
        "{}",
        deck.overlay()
    );
}

#[test]
fn a_damaged_file_is_said_and_nothing_else_suffers() {
    let mut deck = Deck::new(broker(Version::V311));
    let notice = Problem::new(
        "draft.json was damaged and is not used",
        "line 1",
        "kept aside",
    );
    deck.kept(Kept {
        notices: vec![notice],
        ..Kept::default()
    });
    assert!(deck.notice().contains("was damaged"));
    deck.press("c").type_text("still/works");
    assert!(deck.composer().contains("still/works"));
}

#[test]
fn the_history_is_searched_and_opens_what_was_sent() {
    let mut deck = lab(Version::V311);
    for topic in ["a/1", "b/2"] {
        deck.press("c ctrl-p").type_text("new mess").press("enter");
        deck.type_text(topic)
            .press("enter")
            .type_text("x")
            .press("ctrl-s");
    }
    deck.press("ctrl-r").type_text("a/");
    assert!(deck.overlay().contains("> a/1  x"), "{}", deck.overlay());
    deck.press("enter");
    assert!(
        deck.composer().contains("Topic: a/1"),
        "{}",
        deck.composer()
    );
}

#[test]
fn a_received_message_opens_byte_for_byte_and_the_draft_is_not_lost() {
    let mut deck = lab(Version::V311);
    deck.receive(1, "home/{{x}}")
        .write("mine", "half written")
        .press("esc");
    deck.press("3 C");
    assert!(
        deck.notice().contains("is in the history"),
        "{}",
        deck.notice()
    );
    assert!(
        deck.composer().contains("Topic: home/{{{{x}}"),
        "{}",
        deck.composer()
    );
    deck.press("ctrl-s");
    let (_, draft) = only(deck.published());
    assert_eq!(draft.topic.as_str(), "home/{{x}}");
    assert_eq!(draft.payload.as_ref(), b"{\"n\":1}");
    assert_eq!(draft.qos, Qos::AtLeastOnce);
    deck.press("ctrl-r").type_text("half");
    assert!(
        deck.overlay().contains("mine  half written | not sent"),
        "{}",
        deck.overlay()
    );
}

#[test]
fn the_editor_gets_the_payload_and_gives_it_back() {
    let mut deck = lab(Version::V311);
    deck.write("t", "{\"a\":1}").press("ctrl-e");
    let edit = deck.asked().into_iter().find_map(|e| match e {
        Effect::Edit { id, text, ending } => Some((id, text, ending)),
        _ => None,
    });
    let (id, text, ending) = edit.expect("the editor is asked for");
    assert_eq!((text.as_str(), ending), ("{\"a\":1}", ".json"));
    deck.done(
        id,
        Ok(Outcome::Edited {
            text: "{\n}\n".to_owned(),
        }),
    );
    assert!(deck.composer().contains("1 {") && deck.composer().contains("2 }"));
    deck.press("ctrl-_");
    assert!(
        deck.composer().contains("1 {\"a\":1}"),
        "one step back takes the editor's work back"
    );
    deck.press("ctrl-e");
    let id = deck.asked().into_iter().find_map(|e| match e {
        Effect::Edit { id, .. } => Some(id),
        _ => None,
    });
    let failed = Problem::new("the editor \"vi\" failed", "127", "set EDITOR");
    deck.done(id.expect("again"), Err(failed));
    assert!(deck.notice().contains("failed"));
    assert!(deck.composer().contains("1 {\"a\":1}"));
}

#[test]
fn properties_are_offered_with_mqtt_5_only_and_why_is_said() {
    let mut deck = lab(Version::V311);
    deck.press("c tab tab tab tab tab enter");
    assert!(
        deck.notice().contains("properties need MQTT 5"),
        "{}",
        deck.notice()
    );
    assert!(deck.composer().contains(">Properties: MQTT 5 only"));
    let mut deck = lab(Version::V5);
    deck.write("t", "x").press("tab tab tab tab enter");
    deck.type_text("text/plain")
        .press("tab tab tab")
        .type_text("soon")
        .press("ctrl-s");
    assert!(
        deck.overlay().contains("whole number of seconds"),
        "{}",
        deck.overlay()
    );
    deck.press("ctrl-u")
        .type_text("60")
        .press("tab")
        .type_text("a=1, b=2")
        .press("ctrl-s");
    assert!(
        deck.composer()
            .contains("content type, expiry, 2 user properties")
    );
    deck.press("ctrl-s");
    let properties = only(deck.published()).1.properties.expect("some");
    assert_eq!(properties.content_type.as_deref(), Some("text/plain"));
    assert_eq!(properties.expiry, Some(60));
    assert_eq!(properties.user.len(), 2);
}

#[test]
fn a_long_paste_is_one_and_nothing_in_it_is_a_command() {
    let mut deck = lab(Version::V311);
    deck.press("c").paste("home/lamp\n").press("tab");
    let lines: Vec<_> = (0..500)
        .map(|n| format!("line {n} q\u{1b}[2J\r\n"))
        .collect();
    let text = lines.concat();
    deck.paste(&text);
    assert!(deck.composer().contains("501 "), "{}", deck.composer());
    assert!(deck.composer().contains("line 499 q\\e[2J"));
    deck.press("ctrl-_");
    assert!(!deck.composer().contains("line"));
    deck.paste(&"x".repeat(5 << 20));
    assert!(deck.notice().contains("too long"), "{}", deck.notice());
    assert_eq!(deck.focus(), PaneId::Publish);
}

#[test]
fn another_profile_has_another_draft() {
    let mut deck = lab(Version::V311);
    deck.write("home/lamp", "on").press("esc P down enter");
    let asked = deck.asked();
    let flushed = asked.iter().position(
        |e| matches!(e, Effect::KeepDraft { profile, draft: Some(_) } if profile == "lab"),
    );
    let loaded = asked
        .iter()
        .position(|e| matches!(e, Effect::LoadKept(_, profile) if profile == "other"));
    assert!(flushed.is_some() && flushed < loaded, "{asked:?}");
    deck.press("5");
    assert!(!deck.composer().contains("home/lamp"));
}

#[test]
fn on_a_platform_that_takes_no_messages_the_keys_do_nothing() {
    let mut deck = Deck::connected();
    deck.press("5 ctrl-s ctrl-e ctrl-r ctrl-t ctrl-f enter");
    assert_eq!(deck.asked(), []);
    assert_eq!(deck.overlay(), "");
}

#[test]
fn the_composer_fits_small_and_large_terminals() {
    for (width, height) in [(120, 36), (80, 24), (200, 60), (60, 20), (40, 10)] {
        let mut deck = lab(Version::V5);
        deck.resize(width, height)
            .write("home/lamp", "{\n  \"on\": true\n}");
        let pane = deck.pane(PaneId::Publish);
        let Body::Compose(rows) = &pane.body else {
            panic!("{pane:?}");
        };
        assert!(
            rows.len() <= usize::from(pane.area.height) - 2,
            "{width}x{height}"
        );
        let cursor = rows.iter().any(|r| {
            matches!(
                r,
                ComposeRow::Text {
                    cursor: Some(_),
                    ..
                }
            )
        });
        assert!(cursor, "{width}x{height}: {}", deck.composer());
    }
}

#[test]
fn a_paste_that_is_too_long_for_a_topic_is_not_cut_into_another_topic() {
    let mut deck = lab(Version::V311);
    deck.press("c").paste(&"x".repeat(70_000));
    assert!(deck.notice().contains("too long"), "{}", deck.notice());
    deck.type_text("t").press("ctrl-s");
    let (_, draft) = only(deck.published());
    assert_eq!(draft.topic.as_str(), "t");
}
