//! The inspector's views of a payload as they look.

use bytes::Bytes;
use thingdeck::app::document::{Job, View};
use thingdeck::app::screen::{Body, Line, PaneView};
use thingdeck::ui::{ColourDepth, Theme};

use crate::{drawn, pane_shown, sample, sample::alone, sample::area};

const BEFORE: &[u8] =
    br#"{"report":{"temperature":{"current":21,"target":24},"mode":"COOL","alarms":[]},"seq":41}"#;
const NOW: &[u8] = "{\"report\":{\"temperature\":{\"current\":21.5,\"target\":24},\"mode\":\"HEAT\",\"name\":\"거실 에어컨\",\
                    \"alarms\":[]},\"seq\":9007199254740993}"
    .as_bytes();

fn job(payload: &[u8], view: View, cells: usize) -> Job {
    Job {
        payload: Bytes::copy_from_slice(payload),
        topic: "t".to_owned(),
        pin: None,
        mask: Vec::new(),
        before: None,
        view,
        cells,
        rows: 12,
    }
}

/// The pane with these lines in it, the cursor on one of them.
fn pane(job: &Job, width: u16, height: u16, selected: Option<usize>) -> PaneView {
    let ready = job.run();
    let rows = ready.sheet.visible(&[]);
    let lines: Vec<Line> = rows
        .into_iter()
        .map(|row| {
            let mut line = ready.sheet.shown(row, &[]);
            line.insert(0, thingdeck::app::screen::Span::default());
            line[0].text = " ".into();
            line
        })
        .collect();
    PaneView {
        focused: true,
        body: Body::Document { lines, selected },
        ..sample::inspector(area(0, 0, width, height))
    }
}

fn compared(view: View, cells: usize) -> Job {
    Job {
        before: Some((Bytes::from_static(BEFORE), "t".to_owned(), None)),
        ..job(NOW, view, cells)
    }
}

#[test]
fn what_changed_stands_beside_the_value() {
    insta::assert_snapshot!(pane_shown(pane(
        &compared(View::Pretty, 56),
        60,
        16,
        Some(3)
    )));
}

#[test]
fn the_tree_has_signs_to_fold() {
    insta::assert_snapshot!(pane_shown(pane(&compared(View::Tree, 56), 60, 14, None)));
}

#[test]
fn the_table_of_changes() {
    insta::assert_snapshot!(pane_shown(pane(
        &compared(View::Changes, 66),
        70,
        8,
        Some(0)
    )));
}

/// A cross, red on blue.
fn cross() -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 8, 8);
    encoder.set_color(png::ColorType::Rgb);
    let mut writer = encoder.write_header().expect("memory");
    let pixels: Vec<u8> = (0..64)
        .flat_map(|n| {
            if n % 8 == n / 8 || n % 8 + n / 8 == 7 {
                [255, 40, 40]
            } else {
                [0, 0, 90]
            }
        })
        .collect();
    writer.write_image_data(&pixels).expect("memory");
    writer.finish().expect("memory");
    bytes
}

#[test]
fn without_colours_a_picture_is_drawn_in_letters() {
    let shown = pane(&job(&cross(), View::Pretty, 40), 44, 16, None);
    let buffer = drawn(&alone(44, 16, shown), &Theme::plain());
    insta::assert_snapshot!(thingdeck::ui::picture::text(&buffer));
}

#[test]
fn with_colours_every_cell_holds_two_pixels() {
    for colours in [ColourDepth::True, ColourDepth::TwoHundredFiftySix] {
        let shown = pane(&job(&cross(), View::Pretty, 40), 44, 16, None);
        let buffer = drawn(&alone(44, 16, shown), &Theme::pick("dark", false, colours));
        let pictured: Vec<_> = buffer
            .content()
            .iter()
            .filter(|c| c.symbol() == "▀")
            .collect();
        assert!(pictured.len() > 100, "{}", pictured.len());
        // Red above and blue below, somewhere at the edge of the cross.
        assert!(pictured.iter().any(|c| c.fg != c.bg), "{colours:?}");
    }
}

#[test]
fn at_every_width_the_lines_stay_inside_the_frame() {
    for width in (8..120).step_by(7) {
        for view in [
            View::Pretty,
            View::Tree,
            View::Changes,
            View::Hex,
            View::Raw,
            View::Decoded,
        ] {
            let inside = usize::from(width).saturating_sub(4).max(1);
            let text = pane_shown(pane(&compared(view, inside), width, 14, Some(2)));
            for line in text.lines().filter(|line| !line.is_empty()) {
                let wide = thingdeck::base::text::width(line);
                assert!(
                    wide <= usize::from(width),
                    "{view:?} at {width}: {wide} {line:?}"
                );
            }
        }
    }
}
