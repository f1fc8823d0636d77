//! Topic filters on a plain broker: added, changed, dropped, refused, muted.

use thingdeck::app::effect::Effect;
use thingdeck::app::event::Event;
use thingdeck::app::screen::{Mark, PaneId};
use thingdeck::base::problem::Problem;
use thingdeck::domain::message::Qos;
use thingdeck::domain::session::{LinkState, SessionCommand, SessionEvent};
use thingdeck::domain::subscription::{FilterOptions, FilterWish, RetainHandling};
use thingdeck::domain::topic::TopicFilter;

use crate::deck::{Deck, wish};

fn commands(deck: &mut Deck) -> Vec<SessionCommand> {
    let effects = deck.asked().into_iter();
    effects
        .filter_map(|effect| match effect {
            Effect::Session(_, command) => Some(command),
            _ => None,
        })
        .collect()
}

fn dropped(deck: &mut Deck, filter: &str) {
    let filter = TopicFilter::parse(filter).expect("a filter");
    deck.event(Event::Session(deck.session, SessionEvent::Dropped(filter)));
}

fn row(deck: &Deck, filter: &str) -> (Mark, String) {
    let row = deck.filter(filter);
    (row.mark, row.detail.text.to_string())
}

#[test]
fn a_filter_of_the_profile_stands_there_before_the_broker_has_answered() {
    let mut deck = Deck::broker(&["home/#"]);
    deck.link(LinkState::Reconnecting {
        at: deck.at.mono,
        attempt: 1,
        why: Problem::new("lost", "the network is down", ""),
    });
    assert_eq!(
        row(&deck, "home/#"),
        (Mark::Pending(true), "QoS 1, offline".to_owned())
    );
    deck.connect();
    assert_eq!(row(&deck, "home/#").1, "QoS 1, asked");
    deck.granted("home/#", Ok(Qos::AtLeastOnce));
    assert_eq!(row(&deck, "home/#"), (Mark::On(None), "QoS 1".to_owned()));
    assert_eq!(deck.filter("home/#").origin, "profile");
}

#[test]
fn what_the_broker_grants_less_or_refuses_is_said() {
    let mut deck = Deck::broker(&["a", "b", "c"]);
    deck.granted("a", Ok(Qos::AtMostOnce));
    deck.granted("b", Err("not authorised (0x87)".to_owned()));
    let aside = "the broker hangs up when this filter is subscribed; it is set aside for now";
    deck.granted("c", Err(aside.to_owned()));
    assert_eq!(
        row(&deck, "a"),
        (Mark::On(None), "QoS 1 → 0 granted".to_owned())
    );
    assert_eq!(
        row(&deck, "b"),
        (Mark::Failed, "refused: not authorised (0x87)".to_owned())
    );
    assert_eq!(row(&deck, "c").1, "set aside: the broker hangs up at it");
}

#[test]
fn a_opens_a_form_that_checks_the_filter_as_it_is_typed() {
    let mut deck = Deck::broker(&[]);
    deck.press("2 a").type_text("home/#/x");
    assert!(
        deck.overlay().contains("# may only be the last level"),
        "{}",
        deck.overlay()
    );
    deck.press("enter ctrl-s");
    assert_eq!(commands(&mut deck), [], "it is not sent like that");
    deck.press("backtab backspace backspace");
    assert!(!deck.overlay().contains("may only"), "{}", deck.overlay());
    deck.press("ctrl-s");
    assert_eq!(
        commands(&mut deck),
        [SessionCommand::Subscribe(wish("home/#", 1))]
    );
    assert_eq!(deck.overlay(), "");
    let row = deck.filter("home/#");
    assert_eq!((row.origin, row.selected), ("by hand", true));
}

#[test]
fn qos_and_the_options_of_mqtt_5_go_along() {
    let mut deck = Deck::broker(&[]);
    deck.press("2 a").type_text("x/+");
    deck.press("tab right tab right tab right tab right right tab")
        .type_text("7");
    deck.press("enter");
    let expected = FilterWish {
        options: FilterOptions {
            no_local: true,
            retain_as_published: true,
            retain_handling: RetainHandling::Never,
            id: Some(7),
        },
        ..wish("x/+", 2)
    };
    assert_eq!(commands(&mut deck), [SessionCommand::Subscribe(expected)]);
    assert_eq!(deck.filter("x/+").options.as_str(), "nl rap rh2 id7");
}

#[test]
fn a_shared_filter_cannot_be_no_local_nor_an_id_be_zero() {
    let mut deck = Deck::broker(&[]);
    deck.press("2 a").type_text("$share/g/x");
    deck.press("tab tab right");
    assert!(
        deck.overlay().contains("cannot be no-local"),
        "{}",
        deck.overlay()
    );
    deck.press("left tab tab tab").type_text("0");
    assert!(
        deck.overlay().contains("from 1 to 268,435,455"),
        "{}",
        deck.overlay()
    );
}

#[test]
fn without_mqtt_5_there_is_only_the_qos_to_choose() {
    let mut deck = Deck::plain_broker();
    deck.press("2 a");
    let shown = deck.overlay();
    assert!(
        shown.contains("QoS") && !shown.contains("No local"),
        "{shown}"
    );
}

#[test]
fn tab_completes_from_the_topics_that_are_known() {
    let mut deck = Deck::broker(&["#"]);
    deck.receive(1, "home/kitchen/temp")
        .receive(1, "home/kiosk");
    deck.press("2 a").type_text("ho");
    deck.press("tab");
    assert!(
        deck.overlay().contains("Filter: home/ "),
        "{}",
        deck.overlay()
    );
    deck.press("tab");
    assert!(
        deck.overlay().contains("Filter: home/ki "),
        "{}",
        deck.overlay()
    );
    assert!(
        deck.overlay().contains("Tab: kiosk, kitchen"),
        "{}",
        deck.overlay()
    );
    deck.type_text("t").press("tab tab tab");
    assert!(
        deck.overlay().contains("Filter: home/kitchen/temp "),
        "{}",
        deck.overlay()
    );
    assert!(deck.overlay().contains("> QoS"), "{}", deck.overlay());
}

#[test]
fn a_on_a_topic_of_the_tree_offers_it_with_all_below() {
    let mut deck = Deck::broker(&["#"]);
    deck.receive(1, "home/kitchen/temp").press("j a ctrl-s");
    assert_eq!(
        commands(&mut deck),
        [SessionCommand::Subscribe(wish("home/kitchen/#", 1))]
    );
}

#[test]
fn enter_changes_a_filter_and_another_text_replaces_it() {
    let mut deck = Deck::broker(&["home/#"]);
    deck.press("2 enter");
    assert!(
        deck.overlay().contains("Change a topic filter"),
        "{}",
        deck.overlay()
    );
    deck.press("tab left ctrl-s");
    assert_eq!(
        commands(&mut deck),
        [SessionCommand::Subscribe(wish("home/#", 0))]
    );
    deck.granted("home/#", Ok(Qos::AtMostOnce));
    deck.press("enter backspace").type_text("+");
    deck.press("ctrl-s");
    let old = TopicFilter::parse("home/#").expect("a filter");
    assert_eq!(
        commands(&mut deck),
        [
            SessionCommand::Unsubscribe(old),
            SessionCommand::Subscribe(wish("home/+", 0))
        ]
    );
}

#[test]
fn d_drops_a_filter_when_the_broker_has_confirmed() {
    let mut deck = Deck::broker(&["a/#", "b"]);
    deck.press("2 d");
    let filter = TopicFilter::parse("a/#").expect("a filter");
    assert_eq!(commands(&mut deck), [SessionCommand::Unsubscribe(filter)]);
    dropped(&mut deck, "a/#");
    assert_eq!(deck.filters().len(), 1);
}

#[test]
fn messages_are_counted_for_each_filter_that_matches() {
    let mut deck = Deck::broker(&["#", "home/#", "home/+/temp"]);
    deck.receive(3, "home/bath/temp")
        .receive(2, "home")
        .receive(4, "x");
    let counts: Vec<_> = deck
        .filters()
        .iter()
        .map(|r| (r.filter.to_string(), r.count))
        .collect();
    assert_eq!(
        counts,
        [
            ("#".to_owned(), Some(9)),
            ("home/#".to_owned(), Some(5)),
            ("home/+/temp".to_owned(), Some(3))
        ]
    );
    deck.press("2 a").type_text("x");
    deck.press("ctrl-s")
        .granted("x", Ok(Qos::AtLeastOnce))
        .receive(1, "x");
    assert_eq!(
        deck.filter("x").count,
        Some(1),
        "a new filter counts from now on"
    );
}

#[test]
fn a_muted_filter_hides_its_messages_and_keeps_and_counts_them() {
    let mut deck = Deck::broker(&["a/#", "b/#"]);
    deck.receive(2, "a/x")
        .press("2 m")
        .receive(3, "a/x")
        .receive(1, "b/x");
    assert_eq!(deck.gists(), ["{\"n\":6}"]);
    assert_eq!(row(&deck, "a/#").1, "QoS 1, muted, 3 hidden");
    assert_eq!(deck.screen().header.kept, 6);
    assert_eq!(deck.topic("a").count, 5, "the tree counts on");
    deck.press("m");
    assert_eq!(deck.gists().len(), 6);
    assert_eq!(row(&deck, "a/#").1, "QoS 1");
}

#[test]
fn what_another_filter_brings_too_is_shown_until_that_is_muted_as_well() {
    let mut deck = Deck::broker(&["#", "home/#"]);
    deck.press("2 j m").receive(2, "home/x");
    assert_eq!(deck.gists().len(), 2, "# is not muted");
    assert_eq!(row(&deck, "home/#").1, "QoS 1, muted, 0 hidden");
    deck.press("k m").receive(1, "home/x");
    assert_eq!(deck.gists().len(), 0);
    assert_eq!(row(&deck, "home/#").1, "QoS 1, muted, 1 hidden");
    deck.press("m");
    assert_eq!(deck.gists().len(), 3);
    deck.granted("#", Err("not authorised".to_owned()));
    assert_eq!(deck.gists().len(), 0, "a refused filter brings nothing");
}

/// F8.
#[test]
fn muted_stays_muted_when_everything_is_subscribed_again() {
    let mut deck = Deck::broker(&["a/#", "b/#"]);
    deck.press("2 m");
    deck.link(LinkState::Reconnecting {
        at: deck.at.mono,
        attempt: 1,
        why: Problem::new("lost", "the broker went away", ""),
    });
    deck.connect();
    for filter in ["a/#", "b/#"] {
        deck.granted(filter, Ok(Qos::AtLeastOnce));
    }
    deck.receive(2, "a/x").receive(1, "b/x");
    assert_eq!(deck.gists().len(), 1);
    assert_eq!(row(&deck, "a/#").1, "QoS 1, muted, 2 hidden");
}

#[test]
fn a_muted_filter_that_is_dropped_hides_nothing_any_more() {
    let mut deck = Deck::broker(&["a/#"]);
    deck.press("2 m").receive(2, "a/x").press("d");
    dropped(&mut deck, "a/#");
    assert_eq!(deck.gists().len(), 2);
    assert_eq!(deck.focus(), PaneId::Subscriptions);
}
