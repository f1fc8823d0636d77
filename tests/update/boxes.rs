//! Help, palette, quitting, keys.

use thingdeck::app::action::{self, Action};
use thingdeck::app::effect::Effect;
use thingdeck::app::event::{Event, StopReason};
use thingdeck::app::screen::{Mark, PaneId};

use crate::deck::{Deck, held};

/// What an account with devices has no use for.
const FOR_BROKERS: [Action; 7] = [
    Action::AddFilter,
    Action::EditFilter,
    Action::Fold,
    Action::FoldBelow,
    Action::Sort,
    Action::Health,
    Action::StopRepeat,
];

#[test]
fn help_lists_the_keys_valid_here_and_no_others() {
    let mut deck = Deck::sized(120, 60);
    deck.press("?");
    let shown = deck.overlay();
    for info in action::table() {
        let listed = shown.contains(info.help);
        let here = info.panes.contains(&PaneId::Devices) && !info.keys.is_empty();
        let valid = here && !FOR_BROKERS.contains(&info.action) && info.action != Action::Jobs;
        assert_eq!(listed, valid, "{}: {shown}", info.name);
    }
    deck.press("? 3 ?");
    let shown = deck.overlay();
    assert!(
        shown.contains("freeze or follow") && !shown.contains("mark, for an action"),
        "{shown}"
    );
}

#[test]
fn the_footer_shows_keys_of_the_table_that_hold_in_the_pane() {
    let mut deck = Deck::connected();
    for pane in PaneId::ALL {
        let digit = (PaneId::ALL.iter().position(|p| *p == pane).unwrap() + 1).to_string();
        deck.press(&digit);
        for (key, short) in deck.screen().footer.keys {
            let from = action::table().into_iter().find(|i| {
                i.short == Some(short.as_str())
                    && i.keys.contains(&key.as_str())
                    && i.holds_in(pane)
            });
            assert!(from.is_some(), "{key} {short} in {pane:?}");
        }
    }
}

#[test]
fn the_palette_finds_an_action_by_letters_in_order_and_does_it() {
    let mut deck = Deck::connected();
    deck.press("ctrl-p").type_text("tpsh");
    assert!(
        deck.overlay().contains("> toggle push"),
        "{}",
        deck.overlay()
    );
    deck.press("enter");
    assert_eq!(deck.device("Dryer").push, Mark::On(None));
    assert_eq!(deck.overlay(), "");
}

#[test]
fn the_palette_can_quit_and_end_every_subscription() {
    let mut deck = Deck::connected();
    deck.press(":").type_text("quit and end").press("enter");
    assert!(deck.asked().contains(&Effect::QuitEnding));
}

#[test]
fn the_palette_offers_every_action_that_is_possible() {
    let mut deck = Deck::connected();
    deck.press(":");
    let mut missing = Vec::new();
    for info in action::table() {
        deck.press("ctrl-u").type_text(info.name);
        if !deck.overlay().contains(&format!("> {}", info.name)) {
            missing.push(info.name);
        }
    }
    assert_eq!(
        missing,
        [
            "add topic filter",
            "edit topic filter",
            "fold or unfold topic",
            "fold or unfold all below the topic",
            "sort topics by name or rate",
            "jobs",
            "bind device to a gateway",
            "unbind device from a gateway",
            "send a command to the device",
            "send a message to the device",
            "report an event",
            "compare clocks with the platform",
            "open message in the composer",
            "write a message",
            "send",
            "edit in $EDITOR",
            "history",
            "open template",
            "lay out JSON",
            "undo typing",
            "redo typing",
            "stop repeating",
            "up",
            "down",
            "pane to the left",
            "pane to the right",
            "page up",
            "page down",
            "half a page up",
            "half a page down",
            "broker health",
            "command palette",
            "save as template",
            "delete template",
            "message properties",
            "repeat message",
            "wait for an answer",
            "new message",
            "clear retained messages below a topic",
            "provision a new thing",
            "report connection state in the shadow",
        ]
    );
}

#[test]
fn q_leaves_at_once_when_nothing_is_unfinished() {
    let mut deck = Deck::connected();
    deck.press("q");
    assert!(deck.quits());
}

#[test]
fn q_asks_while_a_command_is_not_confirmed_and_names_the_subscriptions_that_stay() {
    let mut deck = Deck::connected();
    deck.press("G p e x").press("enter g enter enter").asked();
    deck.press("q");
    assert!(!deck.quits());
    let shown = deck.overlay();
    assert!(shown.contains("1 command not confirmed yet"), "{shown}");
    assert!(
        shown.contains("1 push and 1 event subscriptions: they stay"),
        "{shown}"
    );
    deck.press("n");
    assert_eq!(deck.overlay(), "");
    deck.press("q y");
    assert!(deck.quits());
}

#[test]
fn q_asks_while_a_subscription_is_being_changed() {
    let mut deck = Deck::connected();
    deck.hold().press("p q");
    assert!(
        deck.overlay().contains("still being changed"),
        "{}",
        deck.overlay()
    );
}

#[test]
fn a_command_of_long_ago_does_not_keep_anybody() {
    let mut deck = Deck::connected();
    deck.press("G x enter g enter enter")
        .wait(std::time::Duration::from_mins(2))
        .asked();
    deck.press("q");
    assert!(deck.quits());
}

#[test]
fn ctrl_c_quits_from_anywhere_also_while_typing() {
    for before in ["", "/ a b", ": a", "?", "P G enter", "G x"] {
        let mut deck = Deck::connected();
        deck.press(before).asked();
        deck.press("ctrl-c");
        assert!(deck.quits(), "after {before:?}");
    }
}

#[test]
fn ctrl_z_suspends_and_a_signal_quits() {
    let mut deck = Deck::connected();
    deck.press("/ ctrl-z");
    assert_eq!(deck.asked(), [Effect::Suspend]);
    deck.event(Event::Stop(StopReason::Signal));
    assert!(deck.quits());
}

#[test]
fn a_held_key_moves_but_does_nothing_else() {
    let mut deck = Deck::connected();
    deck.event(held("j")).event(held("down"));
    assert_eq!(deck.selected_device(), "Washer");
    for key in [
        "p", "e", "space", "q", "?", "s", "x", "enter", "z", "/", "r",
    ] {
        deck.event(held(key));
    }
    assert_eq!(deck.asked(), []);
    assert_eq!(deck.overlay(), "");
    assert!(deck.devices().iter().all(|r| !r.marked));
}

#[test]
fn a_paste_is_text_and_never_commands() {
    let mut deck = Deck::connected();
    deck.paste("qqq\u{3}p");
    assert_eq!(deck.asked(), []);
    deck.press("/").paste("dryer\n");
    assert_eq!(deck.device_names(), ["Dryer"]);
}

#[test]
fn letters_typed_into_a_filter_are_not_commands() {
    let mut deck = Deck::connected();
    deck.press("/").type_text("qpe?");
    assert_eq!(deck.asked(), []);
    assert_eq!(
        deck.pane(PaneId::Devices)
            .filter
            .expect("typed")
            .text
            .as_str(),
        "qpe?"
    );
}

#[test]
fn the_last_problem_can_be_read_once_more() {
    let mut deck = Deck::connected();
    deck.hold().press("e");
    deck.answer_for(
        "d-dryer",
        Err(crate::deck::refusal("1312", "too many event subscriptions")),
    );
    deck.press("j :").type_text("last problems").press("enter");
    let shown = deck.overlay();
    assert!(
        shown.contains("Dryer") && shown.contains("1312") && shown.contains("see the app"),
        "{shown}"
    );
}
