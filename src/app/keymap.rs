//! (pane, key) → action, from the table of actions.

use super::action::{self, Action, ActionInfo};
use super::event::{Key, KeyCode};
use super::screen::PaneId;

/// What a key means in a pane.
pub fn lookup(pane: PaneId, key: Key) -> Option<&'static ActionInfo> {
    action::all()
        .iter()
        .filter(|info| info.holds_in(pane))
        .find(|info| info.keys.iter().any(|name| is_key(name, key)))
}

/// How the list moves under a key that is not in a pane: in a box.
pub fn movement_of(key: Key) -> Option<Action> {
    lookup(PaneId::Devices, key)
        .filter(|info| info.moves)
        .map(|info| info.action)
}

/// Whether `key` is the one written `name`. A letter's case says whether Shift is held, so Shift itself is not asked.
pub fn is_key(name: &str, key: Key) -> bool {
    let (ctrl, rest) = match name.strip_prefix("Ctrl-") {
        Some(letter) => (true, letter.to_lowercase()),
        None => (false, name.to_owned()),
    };
    if key.ctrl != ctrl || key.alt {
        return false;
    }
    match key.code {
        KeyCode::Char(' ') => rest == "Space",
        KeyCode::Char(c) if ctrl => rest.starts_with(c.to_ascii_lowercase()) && rest.len() == 1,
        KeyCode::Char(c) => rest.chars().eq([c]),
        KeyCode::Enter => rest == "Enter",
        KeyCode::Esc => rest == "Esc",
        KeyCode::Tab if key.shift => rest == "Shift-Tab",
        KeyCode::Tab => rest == "Tab",
        KeyCode::BackTab => rest == "Shift-Tab",
        KeyCode::Backspace => rest == "Backspace",
        KeyCode::Delete => rest == "Delete",
        KeyCode::Up => rest == "Up",
        KeyCode::Down => rest == "Down",
        KeyCode::Left => rest == "Left",
        KeyCode::Right => rest == "Right",
        KeyCode::Home => rest == "Home",
        KeyCode::End => rest == "End",
        KeyCode::PageUp => rest == "PageUp",
        KeyCode::PageDown => rest == "PageDown",
        KeyCode::F(n) => rest == format!("F{n}"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::app::action::table;

    #[test]
    fn no_key_means_two_things_in_one_pane() {
        for pane in PaneId::ALL {
            let mut taken = BTreeMap::new();
            for info in table().iter().filter(|i| i.holds_in(pane)) {
                for key in info.keys {
                    let before = taken.insert(*key, info.name);
                    assert_eq!(before, None, "{key} in {pane:?}");
                }
            }
        }
    }

    #[test]
    fn every_key_of_the_table_is_found_again() {
        let code = |name: &str| match name {
            "Up" => KeyCode::Up,
            "Down" => KeyCode::Down,
            "Left" => KeyCode::Left,
            "Right" => KeyCode::Right,
            "Home" => KeyCode::Home,
            "End" => KeyCode::End,
            "PageUp" => KeyCode::PageUp,
            "PageDown" => KeyCode::PageDown,
            "Enter" => KeyCode::Enter,
            "Esc" => KeyCode::Esc,
            "Tab" => KeyCode::Tab,
            "Shift-Tab" => KeyCode::BackTab,
            "Space" => KeyCode::Char(' '),
            other => KeyCode::Char(other.chars().next_back().expect("not empty")),
        };
        for info in table() {
            for name in info.keys {
                let mut key = Key::plain(code(name));
                if let Some(letter) = name.strip_prefix("Ctrl-") {
                    key = Key::ctrl(letter.to_lowercase().chars().next().expect("a letter"));
                }
                let found = lookup(info.panes[0], key).map(|i| i.action);
                assert_eq!(found, Some(info.action), "{name}");
            }
        }
    }
}
