//! A new account, a new token, another profile.

use thingdeck::app::effect::{Effect, NewAccount, NewProfile};
use thingdeck::app::event::{Event, Outcome};
use thingdeck::base::problem::Problem;
use thingdeck::base::secret::Secret;
use thingdeck::domain::fact::{Fact, Step, StepState};
use thingdeck::domain::profile::Version;
use thingdeck::domain::request::{Reply, Request};
use thingdeck::domain::session::{LinkState, SessionCommand, SessionId};
use thingdeck::domain::topic::TopicFilter;

use crate::deck::{Deck, refusal, setup};

const TOKEN: &str = "thinqpat_0123456789abcdef";

fn fresh() -> Deck {
    let mut setup = setup();
    setup.profiles.clear();
    setup.open = String::new();
    Deck::new(setup)
}

/// Country chosen, token pasted.
fn filled() -> Deck {
    let mut deck = fresh();
    deck.press("enter")
        .type_text("south k")
        .press("enter")
        .paste(&format!(" {TOKEN}\n"));
    deck
}

fn profile() -> NewProfile {
    NewProfile {
        name: "home".to_owned(),
        account: NewAccount::Thinq {
            country: "KR".to_owned(),
            token: Secret::new(TOKEN),
        },
    }
}

#[test]
fn with_no_profile_to_open_the_wizard_comes_up() {
    let deck = fresh();
    let shown = deck.overlay();
    assert!(
        shown.starts_with("Add an LG ThinQ account") && shown.contains("connect-pat.lgthinq.com"),
        "{shown}"
    );
}

#[test]
fn the_country_is_searched_by_name_or_code() {
    let mut deck = fresh();
    deck.press("enter").type_text("germ");
    assert!(
        deck.overlay().contains("> DE  Germany | Europe"),
        "{}",
        deck.overlay()
    );
    deck.press("ctrl-u").type_text("kr");
    let shown = deck.overlay();
    assert!(
        shown.contains("KR  South Korea | Korea, Asia-Pacific"),
        "{shown}"
    );
}

#[test]
fn a_pasted_token_is_never_shown() {
    let deck = filled();
    let shown = deck.overlay();
    assert!(shown.contains("> Token: •••••••• 25 characters"), "{shown}");
    assert!(shown.contains("Country: KR South Korea"), "{shown}");
    assert!(!format!("{:?} {:?}", deck.screen(), deck.app).contains("thinqpat"));
}

#[test]
fn what_is_missing_is_said_and_nothing_is_sent() {
    let mut deck = fresh();
    deck.asked();
    deck.press("ctrl-s");
    assert!(
        deck.overlay().contains("choose the country"),
        "{}",
        deck.overlay()
    );
    deck.press("enter").type_text("korea").press("enter ctrl-s");
    assert!(
        deck.overlay().contains("paste the access token"),
        "{}",
        deck.overlay()
    );
    deck.paste("two words").press("ctrl-s");
    assert!(
        deck.overlay().contains("without blanks"),
        "{}",
        deck.overlay()
    );
    assert_eq!(deck.asked(), []);
}

#[test]
fn an_account_is_tried_step_by_step_then_saved_and_opened() {
    let mut deck = filled();
    deck.asked();
    deck.press("enter");
    let asked = deck.asked();
    let [Effect::TryProfile(id, tried)] = asked.as_slice() else {
        panic!("{asked:?}");
    };
    assert_eq!(*tried, profile());
    let step = Step {
        name: "route",
        text: "route found".to_owned(),
        state: StepState::Done,
    };
    deck.event(Event::Progress(*id, Fact::Step(step)));
    assert!(
        deck.overlay().contains("✓ route       route found"),
        "{}",
        deck.overlay()
    );
    deck.event(Event::Reply(*id, Ok(Reply::Probed { devices: 7 })));
    let asked = deck.asked();
    let [Effect::SaveProfile(id, saved)] = asked.as_slice() else {
        panic!("{asked:?}");
    };
    assert_eq!(*saved, profile());
    let name = "home".to_owned();
    deck.done(*id, Ok(Outcome::ProfileSaved { name }));
    let session = SessionId { generation: 2 };
    let open = Effect::Open {
        id: session,
        profile: "home".to_owned(),
    };
    assert_eq!(deck.asked(), [open]);
    assert_eq!(deck.overlay(), "");
    assert_eq!(deck.screen().header.profile.as_str(), "home");
}

#[test]
fn a_refused_account_says_why_and_keeps_what_was_typed() {
    let mut deck = filled();
    deck.press("enter");
    let asked = deck.asked();
    let Some(Effect::TryProfile(id, _)) = asked.last() else {
        panic!("{asked:?}");
    };
    deck.event(Event::Reply(
        *id,
        Err(refusal("1307", "the country is not supported")),
    ));
    let shown = deck.overlay();
    assert!(
        shown.contains("1307: the country is not supported") && shown.contains("25 characters"),
        "{shown}"
    );
}

#[test]
fn esc_stops_a_try_and_its_answer_is_let_go() {
    let mut deck = filled();
    deck.press("enter");
    let asked = deck.asked();
    let Some(Effect::TryProfile(id, _)) = asked.last() else {
        panic!("{asked:?}");
    };
    deck.press("esc");
    assert_eq!(deck.asked(), [Effect::Abort(*id)]);
    deck.event(Event::Reply(*id, Ok(Reply::Probed { devices: 1 })));
    assert_eq!(deck.asked(), []);
    assert!(deck.overlay().starts_with("Add an LG ThinQ account"));
}

#[test]
fn leaving_a_half_filled_wizard_asks_first() {
    let mut deck = filled();
    deck.press("esc");
    assert!(deck.overlay().contains("thrown away"), "{}", deck.overlay());
    deck.press("n");
    assert!(
        deck.overlay().contains("25 characters"),
        "{}",
        deck.overlay()
    );
    deck.press("esc y");
    assert_eq!(deck.overlay(), "");
}

#[test]
fn the_simulated_home_says_so_and_the_hint_goes_with_it() {
    let mut start = setup();
    start.profiles[0].simulated = true;
    start.hint = Some("this is a simulated home: P adds an account".to_owned());
    let mut deck = Deck::new(start);
    let header = deck.screen().header;
    assert_eq!(header.profile.as_str(), "simulated home");
    assert_eq!(
        header.hint.map(|h| h.to_string()).as_deref(),
        Some("this is a simulated home: P adds an account")
    );
    deck.press("P j enter");
    assert_eq!(deck.screen().header.hint, None);
}

#[test]
fn switching_the_profile_leaves_everything_of_the_old_one_behind() {
    let mut deck = Deck::connected();
    deck.hold().receive(5, "t").press("s");
    let left: Vec<_> = deck.open.iter().map(|(id, _)| *id).collect();
    deck.press("esc").asked();
    deck.press("P");
    assert!(
        deck.overlay().contains("> home") && deck.overlay().contains("add an LG ThinQ account"),
        "{}",
        deck.overlay()
    );
    deck.press("j enter");
    let mut expected: Vec<_> = left.into_iter().map(Effect::Abort).collect();
    expected.push(Effect::Open {
        id: SessionId { generation: 2 },
        profile: "cabin".to_owned(),
    });
    assert_eq!(deck.asked(), expected);
    let header = deck.screen().header;
    assert_eq!((header.profile.as_str(), header.received), ("cabin", 0));
    assert_eq!(deck.state_words(), "connecting");
}

#[test]
fn choosing_the_open_profile_changes_nothing() {
    let mut deck = Deck::connected();
    deck.press("P enter");
    assert_eq!(deck.asked(), []);
    assert_eq!(deck.devices().len(), 4);
}

#[test]
fn the_list_of_profiles_says_where_the_token_is_and_adds_an_account() {
    let mut deck = Deck::connected();
    deck.press("P");
    assert!(
        deck.overlay().contains("token: env THINQ_PAT"),
        "{}",
        deck.overlay()
    );
    deck.press("G k k k k enter");
    assert!(
        deck.overlay().starts_with("Add an LG ThinQ account"),
        "{}",
        deck.overlay()
    );
    assert!(deck.overlay().contains("Name: home2"), "{}", deck.overlay());
}

fn refused() -> Problem {
    refusal("1302", "the token is unknown or has expired")
}

#[test]
fn a_refused_token_asks_for_a_new_one_and_the_stream_stays() {
    let mut deck = Deck::connected();
    deck.fact(Fact::TokenRefused(refused()));
    assert!(deck.overlay().contains("1302"), "{}", deck.overlay());
    assert_eq!(deck.state_words(), "connected");
    deck.receive(3, "t").paste("thinqpat_new").press("enter");
    let asked = deck.asked();
    let [Effect::SaveToken(id, token)] = asked.as_slice() else {
        panic!("{asked:?}");
    };
    assert_eq!(*token, Secret::new("thinqpat_new"));
    let path = "token".to_owned();
    deck.done(*id, Ok(Outcome::Written { path }));
    assert_eq!(deck.overlay(), "");
    assert_eq!(deck.notice(), "the new token is saved");
    assert_eq!(deck.screen().header.received, 3);
    assert_eq!(deck.requests(), [Request::Devices { fresh: false }]);
}

#[test]
fn where_the_token_was_what_kept_it_from_connecting_it_connects_again() {
    let mut deck = Deck::connected();
    deck.link(LinkState::Refused(refused()))
        .fact(Fact::TokenRefused(refused()));
    assert!(
        deck.overlay().starts_with("A new access token"),
        "one box, not two: {}",
        deck.overlay()
    );
    deck.paste("thinqpat_new").press("enter");
    let asked = deck.asked();
    let Some(Effect::SaveToken(id, _)) = asked.last() else {
        panic!("{asked:?}");
    };
    let path = "token".to_owned();
    deck.done(*id, Ok(Outcome::Written { path }));
    assert_eq!(
        deck.asked(),
        [Effect::Session(deck.session, SessionCommand::RetryNow)]
    );
}

#[test]
fn the_question_for_a_token_comes_once_and_waits_while_something_is_typed() {
    let mut deck = Deck::connected();
    deck.press("/").fact(Fact::TokenRefused(refused()));
    deck.type_text("dry");
    assert_eq!(deck.overlay(), "");
    deck.press("enter");
    assert!(
        deck.overlay().starts_with("A new access token"),
        "{}",
        deck.overlay()
    );
    deck.press("esc").fact(Fact::TokenRefused(refused()));
    assert_eq!(deck.overlay(), "", "declined is declined");
    assert!(deck.notice().contains("1302"), "{}", deck.notice());
    deck.press(":").type_text("new access").press("enter");
    assert!(
        deck.overlay().starts_with("A new access token"),
        "{}",
        deck.overlay()
    );
}

fn at_the_broker() -> Deck {
    let mut deck = Deck::connected();
    deck.press("P G enter");
    deck.asked();
    deck
}

#[test]
fn a_broker_is_tried_saved_and_opened_with_its_first_filter() {
    let mut deck = at_the_broker();
    let shown = deck.overlay();
    assert!(
        shown.starts_with("Add an MQTT broker") && shown.contains("Name: lab"),
        "{shown}"
    );
    deck.type_text("mqtts://h")
        .press("tab left tab")
        .type_text("me")
        .press("tab")
        .paste("c4nary")
        .press("tab")
        .type_text("home/#");
    let shown = deck.overlay();
    assert!(shown.contains("6 characters"), "{shown}");
    assert!(!format!("{:?} {:?}", deck.screen(), deck.app).contains("c4nary"));
    deck.press("enter");
    let asked = deck.asked();
    let [Effect::TryProfile(id, tried)] = asked.as_slice() else {
        panic!("{asked:?}");
    };
    let filter = TopicFilter::parse("home/#").expect("a filter");
    let expected = NewProfile {
        name: "lab".to_owned(),
        account: NewAccount::Mqtt {
            url: "mqtts://h".to_owned(),
            version: Version::V5,
            username: Some("me".to_owned()),
            password: Some(Secret::new("c4nary")),
            filter: Some(filter),
        },
    };
    assert_eq!(*tried, expected);
    deck.event(Event::Reply(*id, Ok(Reply::Probed { devices: 0 })));
    let asked = deck.asked();
    let [Effect::SaveProfile(id, saved)] = asked.as_slice() else {
        panic!("{asked:?}");
    };
    assert_eq!(*saved, expected);
    let name = "lab".to_owned();
    deck.done(*id, Ok(Outcome::ProfileSaved { name }));
    assert!(
        deck.asked()
            .iter()
            .any(|effect| matches!(effect, Effect::Open { profile, .. } if profile == "lab")),
    );
    assert_eq!(deck.overlay(), "");
    assert_eq!(deck.screen().header.profile.as_str(), "lab");
}

#[test]
fn an_address_that_is_none_and_a_login_in_it_are_told_at_once() {
    let mut deck = at_the_broker();
    deck.press("ctrl-s");
    assert!(
        deck.overlay().contains("begins with mqtt://"),
        "{}",
        deck.overlay()
    );
    deck.type_text("mqtt://me:x@h").press("ctrl-s");
    assert!(
        deck.overlay().contains("fields of their own"),
        "{}",
        deck.overlay()
    );
    deck.press("ctrl-u")
        .type_text("mqtt://h")
        .press("tab tab tab tab");
    deck.type_text("a#").press("ctrl-s");
    assert!(
        deck.overlay().contains("this is no topic filter"),
        "{}",
        deck.overlay()
    );
    assert_eq!(deck.asked(), []);
    deck.press("esc");
    assert!(deck.overlay().contains("thrown away"), "{}", deck.overlay());
}

#[test]
fn a_broker_that_refuses_says_why_and_keeps_what_was_typed() {
    let mut deck = at_the_broker();
    deck.type_text("mqtt://h").press("ctrl-s");
    let asked = deck.asked();
    let Some(Effect::TryProfile(id, _)) = asked.last() else {
        panic!("{asked:?}");
    };
    let why = Problem::new("could not connect to h:1883", "bad password", "");
    deck.event(Event::Reply(*id, Err(why)));
    let shown = deck.overlay();
    assert!(
        shown.contains("bad password") && shown.contains("mqtt://h"),
        "{shown}"
    );
}
