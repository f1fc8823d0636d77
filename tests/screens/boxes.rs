//! Boxes on top: what they hold, what they hide, and where the cursor goes.

use crate::{drawn, drawn_with_caret, row_of, sample, sample::area, shown};
use thingdeck::app::screen::{FilterLine, Overlay, Screen};
use thingdeck::ui::{Theme, picture};

fn with(overlay: Overlay) -> Screen {
    let mut screen = sample::screen(120, 36);
    screen.overlays = vec![overlay];
    screen
}

#[test]
fn the_palette() {
    insta::assert_snapshot!(shown(&with(sample::palette())));
}

#[test]
fn the_wizard() {
    insta::assert_snapshot!(shown(&with(sample::wizard())));
}

#[test]
fn a_question() {
    insta::assert_snapshot!(shown(&with(sample::question())));
}

#[test]
fn a_text_to_scroll() {
    insta::assert_snapshot!(shown(&with(sample::help())));
}

#[test]
fn the_cursor_belongs_to_the_topmost_box() {
    let mut screen = sample::screen(120, 36);
    screen.panes[0].filter = Some(FilterLine {
        text: "abc".into(),
        cursor: Some(3),
        error: None,
    });
    let caret = |screen: &Screen| {
        drawn_with_caret(screen, &Theme::dark())
            .1
            .map(|at| (at.x, at.y))
    };
    assert!(caret(&screen).is_some());
    screen.overlays = vec![sample::palette()];
    assert_eq!(caret(&screen), Some((30 + 2 + 2 + 5, 9)));
    screen.overlays.push(sample::question());
    assert_eq!(caret(&screen), None);
}

#[test]
fn the_cursor_of_a_form_stands_in_the_field_with_the_focus() {
    let screen = with(sample::wizard());
    let (buffer, at) = drawn_with_caret(&screen, &Theme::dark());
    let at = at.unwrap();
    assert_eq!(at.y, row_of(&buffer, "Token"));
    let before: String = (0..at.x).map(|x| buffer[(x, at.y)].symbol()).collect();
    assert!(before.ends_with("•••••••• 61 characters"), "{before:?}");
}

#[test]
fn the_chosen_row_stays_visible_in_a_box_without_room() {
    let Overlay::Choice(mut choice) = sample::palette() else {
        panic!("the palette is a choice");
    };
    choice.area = area(30, 8, 40, 6);
    for row in &mut choice.rows {
        row.selected = false;
    }
    choice.rows[5].selected = true;
    let text = shown(&with(Overlay::Choice(choice)));
    assert!(text.contains("▌ Zoom the pane"), "{text}");
}

#[test]
fn the_answers_stay_when_the_question_has_no_room() {
    let Overlay::Confirm(mut question) = sample::question() else {
        panic!("the question is a question");
    };
    question.area.height = 3;
    let text = shown(&with(Overlay::Confirm(question)));
    assert!(
        text.contains("y quit, leave them  o turn them off  n stay"),
        "{text}"
    );
}

#[test]
fn a_box_that_cuts_through_wide_letters_leaves_no_half_behind() {
    for x in 0..40 {
        let mut screen = sample::screen(120, 36);
        let Overlay::Text(mut text) = sample::help() else {
            panic!("help is a text");
        };
        text.area = area(x, 1, 30, 30);
        screen.overlays = vec![Overlay::Text(text)];
        let buffer = drawn(&screen, &Theme::plain());
        crate::hostile::check(&buffer);
        for y in 2..30 {
            assert_eq!(buffer[(x, y)].symbol(), "│", "\n{}", picture::text(&buffer));
        }
    }
}
