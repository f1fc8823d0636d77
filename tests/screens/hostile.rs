//! F14 and F26: whatever a name, a topic or a payload holds, nothing that a terminal obeys is drawn, no glyph is halved, and
//! columns and borders stay where they are.

use crate::{drawn, sample, sample::area};
use ratatui::buffer::{Buffer, CellWidth as _};
use thingdeck::app::screen::{
    Body, ComposeRow, FilterLine, Footer, Overlay, PaneView, Role, Screen, Span,
};
use thingdeck::base::text::{SafeText, is_unsafe};
use thingdeck::ui::{Theme, picture};

/// Every glyph is whole, and none is a command.
pub fn check(buffer: &Buffer) {
    let area = buffer.area;
    for y in 0..area.height {
        let mut x = 0;
        while x < area.width {
            let symbol = buffer[(x, y)].symbol();
            let cluster = symbol.chars().count() > 1;
            for c in symbol.chars() {
                let joiner = cluster && c == '\u{200d}';
                assert!(!is_unsafe(c) || joiner, "{symbol:?} at {x}, {y}");
            }
            let wide = buffer[(x, y)].cell_width().max(1);
            assert!(x + wide <= area.width, "half of {symbol:?} at {x}, {y}");
            for covered in x + 1..x + wide {
                let hidden = buffer[(covered, y)].symbol();
                assert_eq!(hidden, "\u{a0}", "hidden by {symbol:?} at {x}, {y}");
            }
            x += wide;
        }
    }
}

/// The frame of a pane that fills the buffer's first rows.
fn check_frame(buffer: &Buffer, width: u16, height: u16) {
    if width < 2 {
        return;
    }
    let text = || picture::text(buffer);
    for y in 1..height - 1 {
        for x in [0, width - 1] {
            let symbol = buffer[(x, y)].symbol();
            assert!(
                matches!(symbol, "│" | "┃" | "█"),
                "{symbol:?} at {x}, {y}\n{}",
                text()
            );
        }
    }
    let corners = [
        (0, 0),
        (width - 1, 0),
        (0, height - 1),
        (width - 1, height - 1),
    ];
    let drawn = corners.map(|corner| buffer[corner].symbol());
    assert_eq!(drawn, ["╭", "╮", "╰", "╯"], "at {width}\n{}", text());
}

/// All that comes from outside in a pane, replaced by `text`.
fn spoil(pane: &mut PaneView, text: &SafeText) {
    pane.focused = false;
    pane.note = Some(Span::new(text.clone(), Role::Dim));
    pane.filter = Some(FilterLine {
        text: text.clone(),
        cursor: u16::try_from(text.width()).ok(),
        error: Some(text.clone()),
    });
    pane.program.clone_from(&pane.filter);
    let line = || {
        vec![
            Span::new(text.clone(), Role::Match),
            Span::new(text.clone(), Role::Text),
        ]
    };
    match &mut pane.body {
        Body::Devices(rows) => rows.iter_mut().for_each(|row| {
            row.name = text.clone();
            row.kind = text.clone();
            row.model = text.clone();
            row.trouble = row.trouble.as_ref().map(|_| text.clone());
        }),
        Body::Subscriptions(rows) => rows.iter_mut().for_each(|row| {
            row.what = text.clone();
            row.detail.text = text.clone();
        }),
        Body::Messages(rows) => rows.iter_mut().for_each(|row| {
            row.source = text.clone();
            row.gist = line();
        }),
        Body::Commands(rows) => rows.iter_mut().for_each(|row| {
            row.device = text.clone();
            row.what = text.clone();
            row.outcome.text = text.clone();
        }),
        Body::Topics(rows) => {
            for row in rows {
                row.name = text.clone();
                row.value = line();
            }
        }
        Body::Filters(rows) => {
            for row in rows {
                row.filter = text.clone();
                row.options = text.clone();
                row.detail.text = text.clone();
            }
        }
        Body::Lines(lines) | Body::Empty(lines) | Body::Document { lines, .. } => {
            for row in lines {
                *row = line();
            }
        }
        Body::Compose(rows) => rows.iter_mut().for_each(|row| match row {
            ComposeRow::Fields(fields) => fields.iter_mut().for_each(|field| {
                field.label = text.clone();
                field.value = text.clone();
            }),
            ComposeRow::Text { text: shown, .. } | ComposeRow::Choice { text: shown, .. } => {
                *shown = text.clone();
            }
            ComposeRow::Line(row) => *row = line(),
        }),
    }
}

#[test]
fn panes_of_every_width_keep_their_frame_whatever_the_names_are() {
    for text in sample::awkward() {
        for width in 1..=200 {
            let area = area(0, 0, width, 10);
            for mut pane in [
                sample::devices(area),
                sample::subscriptions(area),
                sample::topics(area),
                sample::filters(area),
                sample::messages(area),
                sample::inspector(area),
                sample::publish(area),
                sample::composer(area),
            ] {
                spoil(&mut pane, &text);
                let buffer = drawn(&sample::alone(width, 11, pane), &Theme::plain());
                check(&buffer);
                check_frame(&buffer, width, 10);
            }
        }
    }
}

#[test]
fn header_footer_and_boxes_of_every_width_hold_whatever_the_names_are() {
    for text in sample::awkward() {
        for width in (1..=60).chain([79, 80, 81, 120, 199, 200]) {
            let mut screen = sample::screen(width, 20);
            screen.panes.clear();
            screen.header.profile = text.clone();
            screen.header.state = Span::new(text.clone(), Role::Bad);
            screen.header.hint = Some(text.clone());
            screen.footer = Footer {
                keys: vec![(text.clone(), text.clone()); 3],
                notice: Some(Span::new(text.clone(), Role::Warn)),
            };
            check(&drawn(&screen, &Theme::plain()));
            for mut overlay in [
                sample::palette(),
                sample::wizard(),
                sample::question(),
                sample::help(),
            ] {
                spoil_box(&mut overlay, width, &text);
                screen.overlays = vec![overlay];
                let buffer = drawn(&screen, &Theme::plain());
                check(&buffer);
                if width >= 4 {
                    check_box(&buffer, width);
                }
            }
        }
    }
}

fn check_box(buffer: &Buffer, width: u16) {
    for y in 4..15 {
        for x in [0, width - 1] {
            let symbol = buffer[(x, y)].symbol();
            assert!(
                matches!(symbol, "│" | "█"),
                "{symbol:?}\n{}",
                picture::text(buffer)
            );
        }
    }
}

fn spoil_box(overlay: &mut Overlay, width: u16, text: &SafeText) {
    let whole = area(0, 3, width, 13);
    let line = vec![Span::new(text.clone(), Role::Text); 2];
    match overlay {
        Overlay::Text(shown) => {
            shown.area = whole;
            shown.title = text.clone();
            shown.hint = text.clone();
            shown.lines.fill(line);
        }
        Overlay::Choice(shown) => {
            shown.area = whole;
            shown.intro = vec![line.clone()];
            for row in &mut shown.rows {
                row.name.clone_from(&line);
                row.detail.text = text.clone();
            }
        }
        Overlay::Form(shown) => {
            shown.area = whole;
            for field in &mut shown.fields {
                field.label = text.clone();
                field.value = text.clone();
                field.cursor = u16::try_from(text.width()).ok();
                field.note = Some(Span::new(text.clone(), Role::Dim));
            }
        }
        Overlay::Editor(shown) => {
            shown.area = whole;
            shown.title = text.clone();
            shown.intro.fill(line.clone());
            shown.below.fill(line);
        }
        Overlay::Confirm(shown) => {
            shown.area = whole;
            shown.lines.fill(line);
            shown.answers = vec![(text.clone(), text.clone()); 2];
        }
    }
}

#[test]
fn what_stands_beside_a_name_does_not_move() {
    for width in [44, 60, 80, 110, 150] {
        let pane = |name: &SafeText| {
            let mut pane = sample::devices(area(0, 0, width, 10));
            let Body::Devices(rows) = &mut pane.body else {
                panic!("devices are devices");
            };
            for row in rows {
                row.name = name.clone();
                row.trouble = None;
            }
            drawn(&sample::alone(width, 11, pane), &Theme::plain())
        };
        let plain = pane(&"x".into());
        let headings = picture::text(&plain);
        let headings = headings.lines().nth(1).unwrap();
        let after_name = headings
            .find("Type")
            .or_else(|| headings.find("Push"))
            .unwrap();
        let after_name = headings[..after_name].chars().count();
        for name in sample::awkward() {
            let other = pane(&name);
            for y in 0..10 {
                for x in (0..5).chain(u16::try_from(after_name).unwrap()..width) {
                    let cells = (plain[(x, y)].symbol(), other[(x, y)].symbol());
                    assert_eq!(cells.0, cells.1, "{x}, {y}\n{}", picture::text(&other));
                }
            }
        }
    }
}

#[test]
fn an_escape_sequence_in_a_device_name_is_shown_not_obeyed() {
    let mut screen: Screen = sample::screen(80, 24);
    let Body::Devices(rows) = &mut screen.panes[0].body else {
        panic!("the first pane holds the devices");
    };
    rows[1].name = "\u{1b}[2J\u{202e}x".into();
    let buffer = drawn(&screen, &Theme::dark());
    check(&buffer);
    let text = picture::text(&buffer);
    assert!(text.contains("\\e[2J\\u{202e}x"), "{text}");
}

#[test]
fn a_cut_is_shown_by_a_sign_in_the_column() {
    let mut screen: Screen = sample::screen(80, 24);
    let Body::Devices(rows) = &mut screen.panes[0].body else {
        panic!("the first pane holds the devices");
    };
    rows[1].name = "거실 에어컨 그리고 안방 공기청정기".into();
    let text = picture::text(&drawn(&screen, &Theme::dark()));
    let row = text.lines().find(|line| line.contains("그리")).unwrap();
    assert!(row.contains('…'), "{row}");
}
