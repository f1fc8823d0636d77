//! crossterm's events as the core's. Releases end here; a repeat is marked as one (F25).

use crossterm::event::{
    Event as Term, KeyCode as Code, KeyEvent, KeyEventKind, KeyModifiers, MouseButton,
    MouseEventKind,
};

use crate::app::event::{Event, Key, KeyCode, Mouse, MouseKind, Size};

/// `None` for what means nothing to us.
pub fn translate(event: Term) -> Option<Event> {
    Some(match event {
        Term::Key(key) => Event::Key(translate_key(key)?),
        Term::Paste(text) => Event::Paste(text),
        Term::Resize(width, height) => Event::Resize(Size { width, height }),
        Term::FocusGained => Event::Focus(true),
        Term::FocusLost => Event::Focus(false),
        Term::Mouse(mouse) => {
            let kind = match mouse.kind {
                MouseEventKind::Down(MouseButton::Left) => MouseKind::Click,
                MouseEventKind::ScrollUp => MouseKind::ScrollUp,
                MouseEventKind::ScrollDown => MouseKind::ScrollDown,
                _ => return None,
            };
            Event::Mouse(Mouse {
                kind,
                column: mouse.column,
                row: mouse.row,
            })
        }
    })
}

fn translate_key(key: KeyEvent) -> Option<Key> {
    if key.kind == KeyEventKind::Release {
        return None;
    }
    let shift = key.modifiers.contains(KeyModifiers::SHIFT);
    let code = match key.code {
        // As terminals without the newer protocol send Ctrl-_ (and Ctrl-/).
        Code::Char('7' | '/') if key.modifiers.contains(KeyModifiers::CONTROL) => {
            KeyCode::Char('_')
        }
        Code::Char(c) => KeyCode::Char(c),
        Code::Enter => KeyCode::Enter,
        Code::Esc => KeyCode::Esc,
        Code::Tab if shift => KeyCode::BackTab,
        Code::Tab => KeyCode::Tab,
        Code::BackTab => KeyCode::BackTab,
        Code::Backspace => KeyCode::Backspace,
        Code::Delete => KeyCode::Delete,
        Code::Up => KeyCode::Up,
        Code::Down => KeyCode::Down,
        Code::Left => KeyCode::Left,
        Code::Right => KeyCode::Right,
        Code::Home => KeyCode::Home,
        Code::End => KeyCode::End,
        Code::PageUp => KeyCode::PageUp,
        Code::PageDown => KeyCode::PageDown,
        Code::F(number) => KeyCode::F(number),
        _ => return None,
    };
    Some(Key {
        code,
        ctrl: key.modifiers.contains(KeyModifiers::CONTROL),
        alt: key.modifiers.contains(KeyModifiers::ALT),
        shift,
        repeat: key.kind == KeyEventKind::Repeat,
    })
}

#[cfg(test)]
mod tests {
    use crossterm::event::KeyEventState;

    use super::*;

    fn press(kind: KeyEventKind) -> Option<Event> {
        let key = KeyEvent {
            code: Code::Char('p'),
            modifiers: KeyModifiers::NONE,
            kind,
            state: KeyEventState::NONE,
        };
        translate(Term::Key(key))
    }

    #[test]
    fn press_repeat_and_release_make_one_action_and_one_marked_repeat() {
        let all: Vec<_> = [
            KeyEventKind::Press,
            KeyEventKind::Repeat,
            KeyEventKind::Release,
        ]
        .into_iter()
        .filter_map(press)
        .collect();
        let key = |repeat| {
            Event::Key(Key {
                code: KeyCode::Char('p'),
                ctrl: false,
                alt: false,
                shift: false,
                repeat,
            })
        };
        assert_eq!(all, [key(false), key(true)]);
    }
}
