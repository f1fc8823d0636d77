//! Somebody was faster (409): what stood there, what I made of it and what they made of it, to go on from.

use super::super::super::event::{Key, KeyCode};
use super::super::super::keymap;
use super::super::super::lines::{self, line, span};
use super::super::super::screen::Role;
use super::super::super::state::App;
use super::super::{After, Over};
use super::edit::{Draft, Edit, merged};
use super::{Mode, Page, ShadowOver, table};
use crate::domain::shadow::{Knowledge, Node, Shadow, ShadowKey, rows};

/// An edit that was refused because the document has moved on.
#[derive(Debug)]
pub(super) struct Conflict {
    edit: Box<Edit>,
    /// In the service's words.
    message: String,
}

impl Conflict {
    pub(super) fn new(mut edit: Box<Edit>, message: &str) -> Self {
        edit.waiting = None;
        Self {
            edit,
            message: message.to_owned(),
        }
    }

    /// The change itself, whatever it is applied to.
    fn patch(&self) -> Option<Node> {
        match self.edit.draft() {
            Draft::Change { patch, .. } => Some(patch),
            Draft::Broken(..) | Draft::Same => None,
        }
    }

    /// `shadow`'s section with the change on top.
    fn applied(&self, shadow: &Shadow, patch: &Node) -> Node {
        let mut node = shadow
            .section(self.edit.section)
            .cloned()
            .unwrap_or_else(Node::empty);
        if patch.is_null() {
            return Node::empty();
        }
        node.merge(patch);
        node
    }
}

impl App {
    /// Their document, once it is known.
    fn theirs(&self, key: &ShadowKey, conflict: &Conflict) -> Option<Shadow> {
        match &self.home.shadows.get(key)?.record.knowledge {
            Knowledge::Whole(shadow) if shadow.version != conflict.edit.base.version => {
                Some(shadow.clone())
            }
            // They deleted it.
            Knowledge::Absent(_) => Some(Shadow::default()),
            Knowledge::Whole(_) | Knowledge::Nothing => None,
        }
    }

    pub(super) fn shadow_conflict_key(
        &mut self,
        mut over: ShadowOver,
        conflict: Box<Conflict>,
        key: Key,
    ) -> After {
        if let Some(action) = keymap::movement_of(key) {
            over.mode = Mode::Conflict(conflict);
            self.shadow_scroll(&mut over, action);
            return After::Stay(Over::Shadow(over));
        }
        let theirs = self.theirs(&over.key(), &conflict);
        over.mode = match (key.code, theirs, conflict.patch()) {
            _ if key.repeat || key.ctrl => Mode::Conflict(conflict),
            (KeyCode::Char('e') | KeyCode::Enter | KeyCode::Esc, Some(theirs), Some(patch)) => {
                self.unsettled = true;
                Mode::Edit(Box::new(rebased(&conflict, theirs, &patch)))
            }
            // Theirs is not known yet, or the shadow is gone: the text as it is.
            (KeyCode::Char('e') | KeyCode::Enter | KeyCode::Esc, ..) => {
                self.unsettled = true;
                Mode::Edit(conflict.edit)
            }
            (KeyCode::Char('s'), Some(theirs), Some(patch)) => {
                self.send_anyway(&over.key(), &conflict, &theirs, &patch)
            }
            (KeyCode::Char('s'), None, _) => {
                self.say(Role::Warn, "their version is not known yet");
                Mode::Conflict(conflict)
            }
            (KeyCode::Char('x'), ..) => {
                self.say(Role::Warn, "your change is dropped");
                Mode::View
            }
            (KeyCode::Char('r'), ..) => {
                let key = over.key();
                self.ask_shadow(&key);
                Mode::Conflict(conflict)
            }
            _ => Mode::Conflict(conflict),
        };
        After::Stay(Over::Shadow(over))
    }

    /// On their version: when it moves on once more, that is a conflict again.
    fn send_anyway(
        &mut self,
        key: &ShadowKey,
        conflict: &Conflict,
        theirs: &Shadow,
        patch: &Node,
    ) -> Mode {
        let section = conflict.edit.section;
        let bytes = merged(theirs, section, patch);
        let id = self.send_patch(key, section, patch, theirs.version, bytes);
        let mut edit = rebased(conflict, theirs.clone(), patch);
        edit.waiting = Some(id);
        Mode::Edit(Box::new(edit))
    }

    pub(super) fn conflict_page(&self, key: &ShadowKey, conflict: &Conflict, cells: usize) -> Page {
        let base = &conflict.edit.base;
        let section = conflict.edit.section;
        let version = |shadow: &Shadow| {
            shadow
                .version
                .map_or_else(|| "none".to_owned(), |v| v.to_string())
        };
        let said = format!(
            "AWS answered 409{}: somebody changed the shadow first, nothing of yours was taken",
            match conflict.message.as_str() {
                "" => String::new(),
                words => format!(" {words}"),
            }
        );
        let mut head = lines::wrapped(&said, Role::Bad, cells);
        let Some(theirs) = self.theirs(key, conflict) else {
            let text = if self.asks_shadow(key) {
                "asking for their version …"
            } else {
                "their version is not known; r asks again"
            };
            head.push(line(text, Role::Pending));
            return Page {
                head,
                rows: Vec::new(),
            };
        };
        head.push(vec![
            span(
                format!("{}: mine is based on version ", section.word()),
                Role::Dim,
            ),
            span(version(base), Role::Number),
            span(", theirs is version ", Role::Dim),
            span(version(&theirs), Role::Number),
        ]);
        head.push(vec![
            span("+", Role::Pending),
            span(" mine  ", Role::Dim),
            span("-", Role::Warn),
            span(" theirs  ", Role::Dim),
            span("≠", Role::Bad),
            span(" both, differently  ", Role::Dim),
            span("=", Role::Good),
            span(" both alike", Role::Dim),
        ]);
        head.push(line("", Role::Normal));
        let mine = conflict.patch().map(|patch| conflict.applied(base, &patch));
        let trees = [
            base.section(section),
            mine.as_ref(),
            theirs.section(section),
        ];
        let table = table::conflict(&rows(&trees), cells);
        head.extend(table.head);
        let mut lines = table.rows;
        if base
            .section(section)
            .is_some_and(|b| theirs.section(section).is_some_and(|t| t.same(b)))
        {
            lines.push(line("", Role::Normal));
            lines.push(line(
                format!("they left {} as it was", section.word()),
                Role::Dim,
            ));
        }
        Page { head, rows: lines }
    }
}

/// My change on top of theirs.
fn rebased(conflict: &Conflict, theirs: Shadow, patch: &Node) -> Edit {
    let section = conflict.edit.section;
    let text = conflict.applied(&theirs, patch).pretty();
    let original = theirs
        .section(section)
        .map_or_else(String::new, Node::pretty);
    Edit::rebased(section, theirs, text, original)
}
