//! The picture of a frame: an SVG that needs nothing else.

use crate::{drawn, sample};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use thingdeck::app::screen::Screen;
use thingdeck::ui::{Theme, picture};

fn frame() -> String {
    picture::svg(
        &drawn(&sample::screen(120, 36), &Theme::dark()),
        "thingdeck <demo> & \"co\"",
    )
}

/// Just enough of XML: every element that is opened is closed, and nothing is left unescaped.
fn assert_well_formed(svg: &str) {
    let mut open: Vec<&str> = Vec::new();
    for piece in svg.split('<').skip(1) {
        let (tag, text) = piece.split_once('>').expect("a tag ends");
        assert!(!text.contains('>'), "{piece}");
        assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name));
        } else if !tag.ends_with('/') {
            open.push(tag.split(' ').next().unwrap());
        }
        for entity in text.split('&').skip(1) {
            let known = ["amp;", "lt;", "gt;", "quot;"];
            assert!(known.iter().any(|name| entity.starts_with(name)), "{text}");
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

#[test]
fn a_frame_becomes_a_picture_that_needs_no_other_file() {
    let svg = frame();
    assert_well_formed(&svg);
    assert!(svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\""));
    for outside in ["href", "url(", "<script", "@import", "<image"] {
        assert!(!svg.contains(outside), "{outside}");
    }
    assert!(svg.contains("thingdeck &lt;demo&gt; &amp; &quot;co&quot;"));
    assert!(svg.len() < 60_000, "{} bytes", svg.len());
}

#[test]
fn every_wide_letter_stands_in_its_own_cells() {
    let mut buffer = Buffer::empty(Rect::new(0, 0, 10, 1));
    buffer.set_string(0, 0, "a거실b", Style::new());
    let svg = picture::svg(&buffer, "t");
    assert!(
        svg.contains("x=\"14.0\" y=\"47.2\" fill=\"#d3d9e2\">a</text>"),
        "{svg}"
    );
    assert!(svg.contains("x=\"30.8\" text-anchor=\"middle\""), "{svg}");
    assert!(svg.contains("x=\"47.6\" text-anchor=\"middle\""), "{svg}");
    assert!(
        svg.contains("x=\"56.0\" y=\"47.2\" fill=\"#d3d9e2\">b</text>"),
        "{svg}"
    );
}

#[test]
fn colours_and_attributes_are_in_the_picture() {
    let mut buffer = Buffer::empty(Rect::new(0, 0, 20, 2));
    let style = Style::new()
        .fg(Color::Rgb(1, 2, 3))
        .add_modifier(Modifier::BOLD);
    buffer.set_string(0, 0, "strong", style);
    buffer.set_string(
        8,
        0,
        "named",
        Style::new().fg(Color::Green).bg(Color::Indexed(196)),
    );
    buffer.set_string(
        0,
        1,
        "turned",
        Style::new().add_modifier(Modifier::REVERSED),
    );
    let svg = picture::svg(&buffer, "t");
    assert!(
        svg.contains("fill=\"#010203\" font-weight=\"bold\">strong<"),
        "{svg}"
    );
    assert!(svg.contains("fill=\"#8fc07a\">named<"), "{svg}");
    assert!(svg.contains("<path fill=\"#ff0000\" d="), "{svg}");
    assert!(svg.contains("fill=\"#14181f\">turned<"), "{svg}");
}

#[test]
#[ignore = "writes pictures to the temporary folder, for people to look at"]
fn pictures_to_look_at() {
    let dir = std::env::temp_dir().join("thingdeck-pictures");
    std::fs::create_dir_all(&dir).unwrap();
    let save = |name: &str, screen: &Screen, theme: &Theme| {
        let svg = picture::svg(&drawn(screen, theme), "thingdeck");
        std::fs::File::create(dir.join(format!("{name}.svg")))
            .and_then(|mut file| std::io::Write::write_all(&mut file, svg.as_bytes()))
            .unwrap();
    };
    save("main", &sample::screen(120, 36), &Theme::dark());
    save("plain", &sample::screen(120, 36), &Theme::plain());
    save("light", &sample::screen(120, 36), &Theme::light());
    save("ansi", &sample::screen(120, 36), &Theme::ansi16());
    save("small", &sample::screen(80, 24), &Theme::dark());
    save(
        "ascii",
        &sample::screen(80, 24),
        &Theme::plain().with_ascii(),
    );
    save("large", &sample::screen(200, 60), &Theme::dark());
    for (name, overlay) in [
        ("palette", sample::palette()),
        ("wizard", sample::wizard()),
        ("question", sample::question()),
        ("help", sample::help()),
    ] {
        let mut screen = sample::screen(120, 36);
        screen.overlays = vec![overlay];
        save(name, &screen, &Theme::dark());
    }
}
