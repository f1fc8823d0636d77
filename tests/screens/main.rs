//! What a person sees: whole screens, single panes and boxes, drawn into a buffer.

mod sample;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use thingdeck::app::screen::Screen;
use thingdeck::ui::{self, Theme, picture};

pub fn drawn(screen: &Screen, theme: &Theme, width: u16, height: u16) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal
        .draw(|frame| ui::view(screen, theme, frame))
        .unwrap();
    terminal.backend().buffer().clone()
}

#[test]
#[ignore = "writes pictures to look at"]
fn pictures() {
    let dir = std::env::temp_dir().join("thingdeck-pictures");
    std::fs::create_dir_all(&dir).unwrap();
    let save = |name: &str, screen: &Screen, theme: &Theme| {
        let (width, height) = (screen.size.width, screen.size.height);
        let buffer = drawn(screen, theme, width, height);
        let svg = picture::svg(&buffer, "thingdeck");
        std::fs::File::create(dir.join(format!("{name}.svg")))
            .and_then(|mut file| std::io::Write::write_all(&mut file, svg.as_bytes()))
            .unwrap();
        println!("{name}\n{}", picture::text(&buffer));
    };
    save("main", &sample::screen(120, 36), &Theme::dark());
    save("plain", &sample::screen(120, 36), &Theme::plain());
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
