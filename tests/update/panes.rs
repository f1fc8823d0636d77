//! Focus, zoom, sizes, mouse.

use thingdeck::app::event::MouseKind;
use thingdeck::app::screen::PaneId;
use thingdeck::domain::fact::Fact;

use crate::deck::{Deck, device};

fn shown(deck: &Deck) -> Vec<PaneId> {
    let mut ids: Vec<_> = deck.screen().panes.iter().map(|p| p.id).collect();
    ids.sort();
    ids
}

#[test]
fn tab_goes_round_and_digits_jump() {
    let mut deck = Deck::connected();
    let mut seen = vec![deck.focus()];
    for _ in 0..5 {
        deck.press("tab");
        seen.push(deck.focus());
    }
    let mut round = PaneId::ALL.to_vec();
    round.push(PaneId::Devices);
    assert_eq!(seen, round);
    deck.press("backtab");
    assert_eq!(deck.focus(), PaneId::Publish);
    deck.press("3");
    assert_eq!(deck.focus(), PaneId::Messages);
}

#[test]
fn left_and_right_go_to_the_pane_beside() {
    let mut deck = Deck::sized(120, 36);
    deck.press("l");
    assert_eq!(deck.focus(), PaneId::Messages);
    deck.press("right h");
    assert_eq!(deck.focus(), PaneId::Devices);
    deck.press("5 left");
    assert_eq!(deck.focus(), PaneId::Subscriptions);
}

#[test]
fn a_large_terminal_shows_all_panes_and_a_small_one_the_important_ones() {
    let mut deck = Deck::sized(120, 36);
    assert_eq!(shown(&deck), PaneId::ALL);
    deck.resize(80, 24);
    assert_eq!(shown(&deck), [PaneId::Devices, PaneId::Messages]);
    deck.press("4");
    assert_eq!(
        shown(&deck),
        [PaneId::Devices, PaneId::Messages, PaneId::Inspector]
    );
    deck.resize(50, 12);
    assert_eq!(shown(&deck), [PaneId::Inspector]);
}

#[test]
fn below_the_minimum_it_says_so_and_comes_back() {
    let mut deck = Deck::sized(39, 20);
    assert!(deck.screen().too_small);
    deck.resize(40, 9);
    assert!(deck.screen().too_small);
    deck.resize(40, 10);
    assert!(!deck.screen().too_small);
    assert_eq!(shown(&deck), [PaneId::Devices]);
}

#[test]
fn z_shows_the_pane_alone_and_all_again() {
    let mut deck = Deck::sized(120, 36);
    deck.press("3 z");
    assert_eq!(shown(&deck), [PaneId::Messages]);
    deck.press("tab");
    assert_eq!(shown(&deck), [PaneId::Inspector]);
    deck.press("z");
    assert_eq!(shown(&deck), PaneId::ALL);
}

#[test]
fn a_click_focuses_the_pane_and_selects_the_row() {
    let mut deck = Deck::sized(120, 36);
    deck.press("3");
    let area = deck.pane(PaneId::Devices).area;
    // The border, the headings, two rows.
    deck.click(area.x + 5, area.y + 4);
    assert_eq!(
        (deck.focus(), deck.selected_device()),
        (PaneId::Devices, "Washer".to_owned())
    );
    deck.click(area.x + 5, area.y);
    assert_eq!(
        deck.selected_device(),
        "Washer",
        "the border selects nothing"
    );
}

#[test]
fn the_wheel_scrolls_what_is_under_the_pointer_and_moves_no_focus() {
    let mut deck = Deck::sized(120, 36);
    deck.receive(100, "t");
    let area = deck.pane(PaneId::Messages).area;
    let before = deck.selected_gist();
    deck.mouse(MouseKind::ScrollUp, area.x + 3, area.y + 3);
    assert_ne!(deck.selected_gist(), before);
    assert_eq!(deck.focus(), PaneId::Devices);
    assert_eq!(deck.selected_device(), "Dryer");
}

#[test]
fn with_the_mouse_off_a_click_does_nothing() {
    let mut setup = crate::deck::setup();
    setup.mouse = false;
    let mut deck = Deck::new(setup);
    deck.fact(Fact::Devices(vec![
        device("a", "A", "X"),
        device("b", "B", "X"),
    ]));
    deck.click(5, 5).click(100, 10);
    assert_eq!(deck.focus(), PaneId::Devices);
    assert_eq!(deck.selected_device(), "A");
}

#[test]
fn only_the_rows_of_the_window_are_handed_over() {
    let mut deck = Deck::sized(120, 36);
    let many = (0..10_000).map(|n| device(&format!("d{n:05}"), &format!("Sensor {n:05}"), "X"));
    deck.fact(Fact::Devices(many.collect()))
        .receive(10_000, "t");
    let area = deck.pane(PaneId::Devices).area;
    assert_eq!(deck.devices().len(), usize::from(area.height) - 3);
    let view = deck.pane(PaneId::Messages);
    assert_eq!(
        (view.scroll.total, view.scroll.offset + view.scroll.shown),
        (10_000, 10_000)
    );
    assert_eq!(deck.messages().len(), usize::from(view.area.height) - 3);
}
