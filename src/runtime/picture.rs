//! `thingdeck picture FILE`: the dashboard on the simulated home, a few seconds into its life, as an SVG of a real frame.
//! The README's picture is made by it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::context::Context;
use super::dashboard::Desk;
use super::files::{self, Access};
use crate::app::Setup;
use crate::app::event::{Event, Key, KeyCode};
use crate::app::screen::{Body, PaneId, Screen};
use crate::base::problem::Problem;
use crate::ui;
use crate::ui::Theme;

/// Rows in the stream that make a picture worth looking at.
const ENOUGH: usize = 24;

const PATIENCE: Duration = Duration::from_mins(1);

pub async fn draw(
    context: &Arc<Context>,
    setup: Setup,
    theme: &Theme,
    file: &Path,
) -> Result<(), Problem> {
    let size = setup.size;
    let mut desk = Desk::new(context, setup);
    let played = tokio::time::timeout(PATIENCE, play(context, &mut desk)).await;
    let failed = |why: String| Problem::new(format!("could not draw {}", file.display()), why, "");
    let drawn = played
        .map_err(|_late| failed("the simulated home stayed silent".to_owned()))
        .and_then(|()| {
            let screen = desk.app.screen(context.clock.now());
            let mut terminal = Terminal::new(TestBackend::new(size.width, size.height))
                .map_err(|e| failed(e.to_string()))?;
            let frame = terminal
                .draw(|frame| ui::view(&screen, theme, frame))
                .map_err(|e| failed(e.to_string()))?;
            let svg = ui::picture::svg(frame.buffer, "thingdeck");
            files::replace(file, svg.as_bytes(), Access::AsBefore)
        });
    desk.hands.leave().await;
    drawn
}

/// What a person would do: turn on both feeds of every device, wait, and look at a message.
async fn play(context: &Arc<Context>, desk: &mut Desk) {
    until(context, desk, |screen| {
        screen.header.state.text.as_str() == "connected" && devices(screen) > 0
    })
    .await;
    let count = devices(&desk.app.screen(context.clock.now()));
    press(desk, KeyCode::Char('1'));
    for _ in 0..count {
        // Marks it and goes on to the next.
        press(desk, KeyCode::Char(' '));
    }
    press(desk, KeyCode::Char('p'));
    press(desk, KeyCode::Char('e'));
    until(context, desk, |screen| messages(screen) >= ENOUGH).await;
    press(desk, KeyCode::Esc);
    press(desk, KeyCode::Home);
    press(desk, KeyCode::Char('3'));
    for _ in 0..3 {
        press(desk, KeyCode::Up);
    }
    press(desk, KeyCode::Enter);
    press(desk, KeyCode::Char('3'));
    until(context, desk, |_| true).await;
}

fn press(desk: &mut Desk, code: KeyCode) {
    desk.feed(Event::Key(Key {
        code,
        ctrl: false,
        alt: false,
        shift: false,
        repeat: false,
    }));
}

async fn until(context: &Arc<Context>, desk: &mut Desk, test: impl Fn(&Screen) -> bool) {
    loop {
        desk.drain();
        desk.run_timers();
        // Nobody is there to be suspended or to paste to.
        desk.errands();
        if test(&desk.app.screen(context.clock.now())) {
            return;
        }
        let wake = desk.hands.next_timer().map(|at| context.clock.instant(at));
        tokio::select! {
            () = desk.inbox.filled() => {}
            () = async {
                match wake {
                    Some(at) => tokio::time::sleep_until(at).await,
                    None => std::future::pending().await,
                }
            } => {}
        }
    }
}

fn devices(screen: &Screen) -> usize {
    pane(screen, PaneId::Devices, |body| {
        if let Body::Devices(_) = body {
            Some(())
        } else {
            None
        }
    })
}

fn messages(screen: &Screen) -> usize {
    pane(screen, PaneId::Messages, |body| {
        if let Body::Messages(_) = body {
            Some(())
        } else {
            None
        }
    })
}

/// Rows in all of that pane, when it has rows at all.
fn pane(screen: &Screen, id: PaneId, test: impl Fn(&Body) -> Option<()>) -> usize {
    screen
        .panes
        .iter()
        .find(|p| p.id == id)
        .filter(|p| test(&p.body).is_some())
        .map_or(0, |p| p.scroll.total)
}
