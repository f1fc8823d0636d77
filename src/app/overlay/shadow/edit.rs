//! A section of a shadow as text to change. What is sent is the difference to what stood there: fields that were taken
//! out as `null`, arrays whole, the version it is based on with it.

use super::super::super::editor::Editor;
use super::super::super::effect::Effect;
use super::super::super::event::{Key, KeyCode};
use super::super::super::keymap::is_key;
use super::super::super::layout::centre;
use super::super::super::lines::{self, line, span};
use super::super::super::pending::Purpose;
use super::super::super::screen::{ComposeRow, EditorBox, Line, Role};
use super::super::super::shadows::ShadowPurpose;
use super::super::super::state::App;
use super::super::super::words;
use super::super::confirm::{ConfirmKind, ConfirmOver};
use super::super::form::{FormField, FormKind, FormOver, Sort};
use super::super::text::problem_lines;
use super::super::{After, Over};
use super::{Conflict, Mode, ShadowOver, fitting};
use crate::base::problem::Problem;
use crate::base::text::SafeText;
use crate::domain::device::DeviceId;
use crate::domain::profile::PlatformId;
use crate::domain::request::RequestId;
use crate::domain::shadow::{
    Knowledge, LIMIT_BYTES, Leaf, Node, Section, Shadow, ShadowKey, ShadowRequest,
};

/// One section being changed.
#[derive(Debug)]
pub(super) struct Edit {
    pub(super) section: Section,
    /// The document that the text was made of; without a version where there was none.
    pub(super) base: Shadow,
    pub(super) editor: Editor,
    /// The text before the first key.
    original: String,
    pub(super) trouble: Option<Problem>,
    pub(super) waiting: Option<RequestId>,
}

/// What the text stands for.
pub(super) enum Draft {
    /// The line and what is wrong there.
    Broken(usize, String),
    Same,
    Change {
        /// Of the section.
        patch: Node,
        /// Bytes of the document as it becomes.
        merged: usize,
    },
}

impl Edit {
    pub(super) fn new(section: Section, base: Shadow) -> Self {
        let text = base
            .section(section)
            .map_or_else(|| "{\n  \n}".to_owned(), Node::pretty);
        let original = text.clone();
        Self::rebased(section, base, text, original)
    }

    /// A text that is no longer what stood there.
    pub(super) fn rebased(section: Section, base: Shadow, text: String, original: String) -> Self {
        let mut editor = Editor::new(text);
        // Into the first field, where there is one.
        for code in [KeyCode::Down, KeyCode::End] {
            editor.key(Key::plain(code));
        }
        Self {
            section,
            base,
            editor,
            original,
            trouble: None,
            waiting: None,
        }
    }

    pub(super) fn keys(&self) -> Vec<(&'static str, &'static str)> {
        if self.waiting.is_some() {
            return vec![("Esc", "do not wait")];
        }
        vec![
            ("Ctrl-S", "send"),
            ("Ctrl-E", "$EDITOR"),
            ("Ctrl-F", "lay out"),
            ("Ctrl-_", "undo"),
            ("Esc", "leave"),
        ]
    }

    pub(super) fn is_touched(&self) -> bool {
        self.editor.text() != self.original
    }

    pub(super) fn paste(&mut self, text: &str) {
        if self.waiting.is_none() {
            self.editor.paste(text);
            self.trouble = None;
        }
    }

    pub(super) fn draft(&self) -> Draft {
        let empty = Node::empty();
        let before = self.base.section(self.section).unwrap_or(&empty);
        let text = self.editor.text();
        let after = if text.trim().is_empty() {
            Node::Leaf(Leaf::new("null"))
        } else {
            match Node::parse(text) {
                Ok(node) => node,
                Err(wrong) => return Draft::Broken(wrong.line, wrong.why),
            }
        };
        if !after.is_object() && !after.is_null() {
            let why = format!(
                "{} must be an object {{…}}, or nothing",
                self.section.word()
            );
            return Draft::Broken(1, why);
        }
        if after.has_null_in_array() {
            return Draft::Broken(1, "an array may not hold null".to_owned());
        }
        let nothing_left = after.is_null() || after.is_empty();
        let patch = if nothing_left && !before.is_empty() {
            Some(Node::Leaf(Leaf::new("null")))
        } else if nothing_left {
            None
        } else {
            Node::patch(before, &after)
        };
        match patch {
            None => Draft::Same,
            Some(patch) => Draft::Change {
                merged: merged(&self.base, self.section, &patch),
                patch,
            },
        }
    }
}

/// Bytes of the document once the patch is in.
pub(super) fn merged(base: &Shadow, section: Section, patch: &Node) -> usize {
    let mut shadow = base.clone();
    let node = shadow.section_mut(section);
    if patch.is_null() {
        *node = None;
    } else {
        node.get_or_insert_with(Node::empty).merge(patch);
    }
    shadow.bytes()
}

/// The request's `state`.
pub(super) fn state(section: Section, patch: &Node) -> String {
    format!("{{\"{}\":{}}}", section.word(), patch.text())
}

pub(super) fn name_form(thing: &DeviceId) -> FormOver {
    let note = "1 to 64 letters, digits, : _ - $";
    let field = FormField::new("Name", "", Sort::Text, note);
    FormOver::new(FormKind::ShadowName(thing.clone()), vec![field])
}

impl App {
    pub(super) fn edit_shadow(&mut self, over: &mut ShadowOver, section: Section) {
        let entry = self.home.shadows.get(&over.key());
        let base = match entry.map(|entry| &entry.record.knowledge) {
            Some(Knowledge::Whole(shadow)) => shadow.clone(),
            Some(Knowledge::Absent(_)) => Shadow::default(),
            Some(Knowledge::Nothing) | None => {
                return self.say(Role::Warn, "the shadow is not known yet: r asks for it");
            }
        };
        over.mode = Mode::Edit(Box::new(Edit::new(section, base)));
        self.unsettled = true;
    }

    pub(in super::super) fn submit_shadow_name(
        &mut self,
        mut form: FormOver,
        thing: &DeviceId,
    ) -> After {
        let name = form.text(0).to_owned();
        let fits = (1..=64).contains(&name.len())
            && name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b":_-$".contains(&b));
        if !fits {
            let why = "a shadow's name has 1 to 64 letters, digits and : _ - $";
            form.error = Some(Problem::new(why, "", ""));
            return After::Stay(Over::Form(form));
        }
        self.open_named_shadow(thing, &name);
        After::Close
    }

    pub(super) fn shadow_edit_key(
        &mut self,
        mut over: ShadowOver,
        mut edit: Box<Edit>,
        key: Key,
    ) -> After {
        if let Some(id) = edit.waiting {
            if key.code == KeyCode::Esc && !key.repeat {
                self.give_up(id);
                edit.waiting = None;
                self.say(
                    Role::Warn,
                    "it was sent: whether it was accepted is not waited for",
                );
            }
        } else if key.code == KeyCode::Esc && !key.repeat {
            if !edit.is_touched() {
                self.unsettled = true;
                return After::Stay(Over::Shadow(over));
            }
            over.mode = Mode::Edit(edit);
            let kind = ConfirmKind::DropShadowEdit;
            return After::Cover(Over::Shadow(over), Over::Confirm(ConfirmOver { kind }));
        } else if is_key("Ctrl-S", key) && !key.repeat {
            self.send_shadow_edit(&over.key(), &mut edit);
        } else if is_key("Ctrl-E", key) && !key.repeat {
            let id = self.pending.begin(Purpose::EditShadow);
            self.ask(Effect::Edit {
                id,
                text: edit.editor.text().to_owned(),
                ending: ".json",
            });
        } else if is_key("Ctrl-F", key) {
            if let Ok(node) = Node::parse(edit.editor.text()) {
                edit.editor.replace(&node.pretty());
            }
        } else if is_key("Ctrl-_", key) {
            edit.editor.undo();
        } else if is_key("Ctrl-Y", key) {
            edit.editor.redo();
        } else if edit.editor.key(key) == super::super::super::input::Typed::Changed {
            edit.trouble = None;
        }
        over.mode = Mode::Edit(edit);
        self.unsettled = true;
        After::Stay(Over::Shadow(over))
    }

    fn send_shadow_edit(&mut self, key: &ShadowKey, edit: &mut Edit) {
        match edit.draft() {
            Draft::Broken(number, why) => {
                let what = format!("line {number}: {why}");
                edit.trouble = Some(Problem::new(what, "", ""));
            }
            Draft::Same => self.say(Role::Warn, "nothing is changed: there is nothing to send"),
            Draft::Change { merged, .. } if self.is_over_limit(merged) => {
                edit.trouble = Some(too_long(merged));
            }
            Draft::Change { patch, merged } => {
                let version = edit.base.version;
                let id = self.send_patch(key, edit.section, &patch, version, merged);
                edit.waiting = Some(id);
                edit.trouble = None;
            }
        }
    }

    pub(super) fn send_patch(
        &mut self,
        key: &ShadowKey,
        section: Section,
        patch: &Node,
        version: Option<u64>,
        merged: usize,
    ) -> RequestId {
        let purpose = ShadowPurpose::Update {
            key: key.clone(),
            section,
            merged,
        };
        let request = ShadowRequest::Update {
            key: key.clone(),
            state: state(section, patch),
            version,
            token: None,
        };
        self.request_shadow(purpose, request)
    }

    pub(super) fn is_over_limit(&self, bytes: usize) -> bool {
        bytes > LIMIT_BYTES && self.has_shadow_limit()
    }

    pub(super) fn has_shadow_limit(&self) -> bool {
        self.profile()
            .is_some_and(|p| p.platform == PlatformId::Aws)
    }

    /// The user's editor is done.
    pub(in super::super::super) fn shadow_edited(&mut self, text: &str) {
        let Some(edit) = self.shadow_edit() else {
            return self.pending.stray();
        };
        edit.editor.replace(text.strip_suffix('\n').unwrap_or(text));
        edit.trouble = None;
        self.say(
            Role::Good,
            "the text comes from the editor; Ctrl-S sends it",
        );
    }

    fn shadow_edit(&mut self) -> Option<&mut Edit> {
        self.overlays.iter_mut().rev().find_map(|over| match over {
            Over::Shadow(ShadowOver {
                mode: Mode::Edit(edit),
                ..
            }) => Some(&mut **edit),
            _ => None,
        })
    }

    fn shadow_waiting(&mut self, id: RequestId) -> Option<&mut ShadowOver> {
        self.overlays.iter_mut().rev().find_map(|over| match over {
            Over::Shadow(shadow) if shadow.waits_for(id) => Some(shadow),
            _ => None,
        })
    }

    pub(in super::super::super) fn shadow_edit_done(&mut self, id: RequestId) {
        if let Some(over) = self.shadow_waiting(id) {
            over.mode = Mode::View;
        }
    }

    pub(in super::super::super) fn shadow_edit_failed(
        &mut self,
        id: RequestId,
        key: &ShadowKey,
        problem: Problem,
    ) {
        match self.shadow_waiting(id).map(|over| &mut over.mode) {
            Some(Mode::Edit(edit)) => {
                edit.waiting = None;
                edit.trouble = Some(problem);
            }
            Some(Mode::View | Mode::Conflict(_)) | None => {
                self.problem_notice(&key.to_string(), &problem);
            }
        }
    }

    pub(in super::super::super) fn shadow_conflict(
        &mut self,
        id: RequestId,
        key: &ShadowKey,
        message: &str,
    ) {
        let Some(over) = self.shadow_waiting(id) else {
            let words = format!("{key}: AWS answered 409: {message}; nothing was changed");
            return self.say(Role::Bad, words);
        };
        if let Mode::Edit(edit) = std::mem::replace(&mut over.mode, Mode::View) {
            over.mode = Mode::Conflict(Box::new(Conflict::new(edit, message)));
            over.offset = 0;
        }
    }

    /// Asked before it was thrown away.
    pub(in super::super) fn drop_shadow_edit(&mut self) {
        for over in self.overlays.iter_mut().rev() {
            if let Over::Shadow(shadow) = over {
                shadow.mode = Mode::View;
                return;
            }
        }
    }

    /// The window of the text follows its cursor.
    pub(in super::super::super) fn settle_shadow(&mut self) {
        let (rows, cells) = self.edit_window();
        if let Some(edit) = self.shadow_edit() {
            edit.editor.settle(rows, cells);
        }
    }

    /// Rows and cells of the text, as the picture has them.
    fn edit_window(&self) -> (usize, usize) {
        let shown = self.overlays.iter().rev().find_map(|over| match over {
            Over::Shadow(shadow) => match &shadow.mode {
                Mode::Edit(edit) => Some((shadow, edit)),
                _ => None,
            },
            _ => None,
        });
        let Some((over, edit)) = shown else {
            return (1, 1);
        };
        let area = centre(self.size, WIDEST, u16::MAX);
        let cells = usize::from(area.width).saturating_sub(4);
        let around =
            self.edit_intro(over, edit, cells).len() + self.edit_below(over, edit, cells).len();
        let rows = usize::from(area.height).saturating_sub(2 + around).max(1);
        (rows, cells.saturating_sub(NUMBERS).max(1))
    }

    pub(super) fn edit_picture(&self, over: &ShadowOver, edit: &Edit) -> EditorBox {
        let area = centre(self.size, WIDEST, u16::MAX);
        let cells = usize::from(area.width).saturating_sub(4);
        let (rows, room) = self.edit_window();
        let broken = match edit.draft() {
            Draft::Broken(number, _) => Some(number),
            _ => None,
        };
        let waits = edit.waiting.is_some();
        let rows = edit
            .editor
            .window(rows, room)
            .into_iter()
            .map(|row| ComposeRow::Text {
                number: row.number,
                text: row.text,
                cursor: row.cursor.filter(|_| !waits),
                broken: broken == Some(row.number),
            })
            .collect();
        let key = over.key();
        let title = format!(
            "Edit {} of {}, {}",
            edit.section.word(),
            self.home.devices.label(&over.thing),
            key.label()
        );
        let hint = fitting(&edit.keys(), usize::from(area.width).saturating_sub(8));
        EditorBox {
            area,
            title: SafeText::new(&title),
            intro: self.edit_intro(over, edit, cells),
            rows,
            below: self.edit_below(over, edit, cells),
            hint: SafeText::new(&hint),
        }
    }

    fn edit_intro(&self, over: &ShadowOver, edit: &Edit, cells: usize) -> Vec<Line> {
        let mut out = Vec::new();
        out.push(match edit.base.version {
            Some(version) => vec![
                span("based on version ", Role::Dim),
                span(version.to_string(), Role::Number),
            ],
            None => line("there is no shadow yet: this makes one", Role::Dim),
        });
        let now = self
            .home
            .shadows
            .get(&over.key())
            .and_then(|entry| entry.record.version());
        if let Some(now) = now
            && edit.base.version != Some(now)
        {
            let text = format!(
                "version {now} has come meanwhile: this one will be refused as a conflict, and then compared"
            );
            out.extend(lines::wrapped(&text, Role::Warn, cells));
        }
        out.push(line("", Role::Normal));
        out
    }

    fn edit_below(&self, _over: &ShadowOver, edit: &Edit, cells: usize) -> Vec<Line> {
        let mut out = vec![line("", Role::Normal)];
        if edit.waiting.is_some() {
            out.push(line("sent, waits for the answer …", Role::Pending));
            return out;
        }
        match edit.draft() {
            Draft::Broken(number, why) => {
                let text = format!("line {number}: {why}");
                out.extend(lines::wrapped(&text, Role::Bad, cells).into_iter().take(2));
            }
            Draft::Same => out.push(line("nothing changed yet", Role::Dim)),
            Draft::Change { patch, merged } => {
                let body = vec![
                    span("sends  ", Role::Dim),
                    span(state(edit.section, &patch), Role::Text),
                ];
                let mut folded = lines::fold(body, cells, 7);
                let more = folded.len() > MOST_BELOW;
                folded.truncate(MOST_BELOW);
                out.extend(folded);
                if more {
                    out.push(line("       …", Role::Dim));
                }
                if self.has_shadow_limit() {
                    let role = if merged > LIMIT_BYTES {
                        Role::Bad
                    } else {
                        Role::Dim
                    };
                    let text = format!(
                        "the document will have {} of {} bytes",
                        words::grouped(merged as u64),
                        words::grouped(LIMIT_BYTES as u64)
                    );
                    out.push(line(text, role));
                }
            }
        }
        if let Some(trouble) = &edit.trouble {
            out.extend(problem_lines(trouble, cells));
        }
        out
    }
}

fn too_long(merged: usize) -> Problem {
    Problem::new(
        "it is not sent: AWS would refuse it with 413",
        format!("the document would have {merged} bytes, and {LIMIT_BYTES} are allowed"),
        "take out fields that nobody needs, or use a named shadow",
    )
}

/// Cells of the box.
const WIDEST: u16 = 110;
/// Cells before the text: number, sign, air.
const NUMBERS: usize = 6;
/// Lines of what is sent.
const MOST_BELOW: usize = 3;
