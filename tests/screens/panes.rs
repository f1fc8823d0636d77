//! Every pane alone: full, empty, pending, failed, filtered, narrow.

use crate::{drawn, drawn_with_caret, pane_shown, sample, sample::area};
use thingdeck::app::screen::{
    Body, DeviceRow, FilterLine, Mark, PaneId, PaneView, Presence, Role, Scroll, Span,
};
use thingdeck::ui::{Theme, picture};

#[test]
fn devices_with_every_mark() {
    insta::assert_snapshot!(pane_shown(sample::devices(area(0, 0, 110, 17))));
}

#[test]
fn devices_lose_the_least_important_columns_first() {
    let headings = |width: u16| -> String {
        let text = pane_shown(sample::devices(area(0, 0, width, 6)));
        let line = text.lines().nth(1).unwrap();
        let words = line.trim_matches(['│', '█']).split_whitespace();
        words.collect::<Vec<_>>().join(" ")
    };
    let at = [100, 70, 60, 46, 40, 34, 22].map(headings);
    assert_eq!(
        at,
        [
            "Name Type Push Event Last Msgs Model",
            "Name Type Push Event Last Msgs",
            "Name Type Push Event Last Msgs",
            "Name Push Event Last Msgs",
            "Name Push Event Last",
            "Name Push Event",
            "Name",
        ]
    );
}

#[test]
fn trouble_is_said_even_where_the_type_has_no_room() {
    let rows = vec![DeviceRow {
        name: "로봇".into(),
        push: Mark::Failed,
        trouble: Some("1222 not connected".into()),
        ..DeviceRow::default()
    }];
    let text = pane_shown(PaneView {
        body: Body::Devices(rows),
        ..sample::devices(area(0, 0, 44, 5))
    });
    assert!(text.contains("로봇 ! 1222"), "{text}");
}

#[test]
fn every_state_of_a_feed_has_a_sign_of_its_own() {
    let marks = [
        Mark::None,
        Mark::Unknown,
        Mark::Off,
        Mark::On(None),
        Mark::On(Some("23h40".to_owned())),
        Mark::Pending(true),
        Mark::Pending(false),
        Mark::Failed,
    ];
    let rows = marks
        .into_iter()
        .map(|event| DeviceRow {
            name: "x".into(),
            push: Mark::None,
            event,
            ..DeviceRow::default()
        })
        .collect();
    let text = pane_shown(PaneView {
        body: Body::Devices(rows),
        note: None,
        scroll: Scroll::default(),
        ..sample::devices(area(0, 0, 40, 11))
    });
    insta::assert_snapshot!(text);
}

#[test]
fn presence_is_told_without_colour() {
    let rows = [Presence::Online, Presence::Offline, Presence::Unknown]
        .map(|presence| DeviceRow {
            name: "x".into(),
            presence,
            ..DeviceRow::default()
        })
        .to_vec();
    let text = pane_shown(PaneView {
        body: Body::Devices(rows),
        ..sample::devices(area(0, 0, 40, 6))
    });
    let dots: Vec<char> = text
        .lines()
        .skip(2)
        .take(3)
        .filter_map(|line| line.chars().nth(3))
        .collect();
    assert_eq!(dots, ['●', '○', '·'], "{text}");
}

#[test]
fn subscriptions_wanted_granted_refused_and_muted() {
    insta::assert_snapshot!(pane_shown(sample::subscriptions(area(0, 0, 76, 10))));
}

#[test]
fn messages_with_what_was_lost_in_its_place() {
    insta::assert_snapshot!(pane_shown(sample::messages(area(0, 0, 110, 13))));
}

#[test]
fn messages_in_half_a_terminal() {
    insta::assert_snapshot!(pane_shown(sample::messages(area(0, 0, 60, 13))));
}

#[test]
fn the_inspector() {
    insta::assert_snapshot!(pane_shown(sample::inspector(area(0, 0, 60, 18))));
}

#[test]
fn commands_and_what_became_of_them() {
    insta::assert_snapshot!(pane_shown(sample::publish(area(0, 0, 90, 7))));
}

#[test]
fn an_empty_pane_says_what_to_press() {
    let mut pane = sample::devices(area(0, 0, 60, 9));
    pane.note = Some(Span::new("loading…", Role::Pending));
    pane.scroll = Scroll::default();
    pane.body = Body::Empty(vec![
        vec![Span::new("No device yet", Role::Title)],
        vec![
            Span::new("r", Role::Key),
            Span::new(" asks 우리집 again", Role::Dim),
        ],
    ]);
    insta::assert_snapshot!(pane_shown(pane));
}

#[test]
fn an_empty_pane_says_so_in_narrow_panes_too() {
    let mut pane = sample::devices(area(0, 0, 18, 8));
    pane.body = Body::Empty(vec![vec![
        Span::new("No device yet. ", Role::Title),
        Span::new("r", Role::Key),
        Span::new(" asks again", Role::Dim),
    ]]);
    let text = pane_shown(pane);
    let inside: String = text.lines().skip(1).take(6).collect();
    for word in ["device", "yet.", "asks again"] {
        assert!(inside.contains(word), "no {word:?} in\n{text}");
    }
    assert!(!text.contains('…'), "{text}");
}

#[test]
fn a_filter_stands_in_the_lower_line_and_takes_no_row_away() {
    let mut pane = sample::devices(area(0, 0, 60, 9));
    let rows = |text: &str| text.lines().skip(1).take(7).collect::<Vec<_>>().join("\n");
    let without = pane_shown(pane.clone());
    pane.filter = Some(FilterLine {
        text: "거실".into(),
        cursor: None,
        error: None,
    });
    let with = pane_shown(pane);
    assert_eq!(rows(&with), rows(&without));
    assert!(
        with.contains("╰─ / 거실 ──") || with.contains("─ / 거실 ─"),
        "{with}"
    );
}

#[test]
fn a_filter_that_is_not_understood_says_why() {
    let mut pane = sample::devices(area(0, 0, 70, 6));
    pane.filter = Some(FilterLine {
        text: "temp >".into(),
        cursor: Some(6),
        error: Some("a number is missing after `>`".into()),
    });
    let text = pane_shown(pane);
    assert!(
        text.contains("/ temp >  ! a number is missing after"),
        "{text}"
    );
}

#[test]
fn the_cursor_stands_where_the_next_letter_goes() {
    for (typed, caret) in [("", 0), ("abc", 3), ("거실", 4), ("거실 a", 6)] {
        let mut pane = sample::devices(area(3, 2, 60, 9));
        pane.filter = Some(FilterLine {
            text: typed.into(),
            cursor: Some(caret),
            error: None,
        });
        let screen = sample::alone(80, 24, pane);
        let (_, at) = drawn_with_caret(&screen, &Theme::dark());
        let at = at.map(|at| (at.x, at.y));
        // Area, corner, line, ` / `.
        assert_eq!(at, Some((3 + 2 + 3 + caret, 2 + 8)), "{typed:?}");
    }
}

#[test]
fn typing_beyond_the_end_keeps_the_cursor_in_the_pane() {
    let mut pane = sample::devices(area(0, 0, 24, 9));
    let typed = "거실 에어컨 아니면 안방 공기청정기";
    pane.filter = Some(FilterLine {
        text: typed.into(),
        cursor: Some(34),
        error: None,
    });
    let screen = sample::alone(80, 24, pane);
    let (buffer, at) = drawn_with_caret(&screen, &Theme::dark());
    let at = at.unwrap();
    assert!(at.x < 23 && at.y == 8, "{at:?}");
    assert!(
        picture::text(&buffer).contains("공기청정기"),
        "{}",
        picture::text(&buffer)
    );
}

#[test]
fn only_a_list_that_is_longer_than_its_window_has_a_bar() {
    let bars = |total: usize| {
        let mut pane = sample::inspector(area(0, 0, 30, 10));
        pane.scroll = Scroll {
            offset: 0,
            total,
            shown: 8,
        };
        pane_shown(pane).matches('█').count()
    };
    assert_eq!((bars(8), bars(16)), (0, 4));
}

#[test]
fn panes_say_their_names_and_the_digits_that_reach_them() {
    let buffer = drawn(&sample::screen(120, 36), &Theme::plain());
    let text = picture::text(&buffer);
    for (id, digit) in PaneId::ALL.into_iter().zip(1..) {
        let title = format!(" {digit} {} ", id.title());
        assert!(text.contains(&title), "no {title:?} in\n{text}");
    }
}

#[test]
fn a_note_gives_way_to_the_title() {
    for width in 4..60 {
        let mut pane = sample::subscriptions(area(0, 0, width, 5));
        pane.note = Some(Span::new("3 of 12 match \"거실\"", Role::Dim));
        let text = pane_shown(pane);
        let line = text.lines().next().unwrap();
        let title = "Subscriptions";
        let said = title.chars().take_while(|c| line.contains(*c)).count();
        assert!(width < 17 || line.contains(title), "{line}");
        assert!(said > 0 || width < 6, "{line}");
        assert!(line.ends_with(['╮', '┓']), "{line}");
    }
}

#[test]
fn the_composer_with_suggestions_a_mistake_and_receipts() {
    insta::assert_snapshot!(pane_shown(sample::composer(area(0, 0, 72, 14))));
}

#[test]
fn the_cursor_of_the_composer_stands_where_letters_go() {
    let screen = sample::alone(72, 14, sample::composer(area(0, 0, 72, 14)));
    let (buffer, at) = drawn_with_caret(&screen, &Theme::dark());
    let at = at.unwrap();
    let before: String = (0..at.x).map(|x| buffer[(x, at.y)].symbol()).collect();
    assert!(before.ends_with("lamp"), "{before:?}");
}
