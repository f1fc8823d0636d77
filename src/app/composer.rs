//! The composer: a message being written, on platforms that let one publish.
//!
//! What is typed stays until it is sent or replaced, in this run and, a moment after each change, on the disk. While the
//! composer has the keys, letters are letters; [`Action`]s that make sense there have Ctrl in their keys.

pub(super) mod exchange;
mod fill;
mod kept;
mod picture;
pub(super) mod repeat;
pub(super) mod send;
mod suggest;
pub(super) mod sweep;

use std::collections::{BTreeMap, VecDeque};

use super::action::Action;
use super::editor::Editor;
use super::event::{Key, KeyCode, TimerId};
use super::input::{Input, Typed};
use super::keymap;
use super::screen::{PaneId, Role};
use super::state::App;
use crate::base::dice::Dice;
use crate::domain::compose::{Entry, Finding, PayloadKind, PropertyTexts, Sheet, Template};
use crate::domain::json_text::{self, JsonState};
use crate::domain::message::Qos;
use crate::domain::profile::Version;
use crate::domain::session::ReceiptId;
use exchange::{AnswerWish, Exchange};
use repeat::Repeat;
use send::{Outgoing, Sent};
use suggest::Suggestions;
use sweep::Sweep;

#[derive(Debug)]
pub(super) struct Composer {
    pub(super) topic: Input,
    pub(super) payload: Editor,
    pub(super) kind: PayloadKind,
    pub(super) qos: Qos,
    pub(super) retain: bool,
    pub(super) properties: PropertyTexts,
    spot: Spot,
    /// It has the keys.
    editing: bool,
    /// Where the keys were before; they go back there.
    came_from: PaneId,
    suggestions: Suggestions,
    /// What is wrong with what is typed, as of the last change.
    findings: Vec<Finding>,
    json: JsonState,
    /// Handed to the session, not answered yet.
    pub(super) outgoing: BTreeMap<ReceiptId, Outgoing>,
    /// What became of the last ones, newest first.
    sent: VecDeque<Sent>,
    /// Oldest first.
    pub(super) history: Vec<Entry>,
    pub(super) templates: Vec<Template>,
    /// The draft on the disk is older than what is typed.
    unkept: Option<TimerId>,
    pub(super) repeat: Option<Repeat>,
    pub(super) wish: AnswerWish,
    pub(super) exchange: Option<Exchange>,
    pub(super) sweep: Option<Sweep>,
    /// Of `{{seq}}`: the number of the next message.
    seq: u64,
    next_receipt: u64,
    pub(super) dice: Dice,
}

/// What has the keys inside the composer, in the order of Tab.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Spot {
    #[default]
    Topic,
    Payload,
    Kind,
    Qos,
    Retain,
    Properties,
    Repeat,
    Answer,
}

impl Spot {
    const ALL: [Self; 8] = [
        Self::Topic,
        Self::Payload,
        Self::Kind,
        Self::Qos,
        Self::Retain,
        Self::Properties,
        Self::Repeat,
        Self::Answer,
    ];

    fn beside(self, forward: bool) -> Self {
        let count = Self::ALL.len();
        let now = Self::ALL.iter().position(|s| *s == self).unwrap_or(0);
        let by = if forward { 1 } else { count - 1 };
        Self::ALL[(now + by) % count]
    }
}

impl Composer {
    pub(super) fn new(dice: Dice, next_receipt: u64) -> Self {
        Self {
            topic: Input::default(),
            payload: Editor::default(),
            kind: PayloadKind::default(),
            qos: Qos::default(),
            retain: false,
            properties: PropertyTexts::default(),
            spot: Spot::default(),
            editing: false,
            came_from: PaneId::Messages,
            suggestions: Suggestions::default(),
            findings: Vec::new(),
            json: JsonState::Empty,
            outgoing: BTreeMap::new(),
            sent: VecDeque::new(),
            history: Vec::new(),
            templates: Vec::new(),
            unkept: None,
            repeat: None,
            wish: AnswerWish::default(),
            exchange: None,
            sweep: None,
            seq: 1,
            next_receipt,
            dice,
        }
    }

    /// For another profile: receipts go on counting.
    pub(super) fn fresh(&self) -> Self {
        Self::new(self.dice.clone(), self.next_receipt)
    }

    pub(super) fn sheet(&self) -> Sheet {
        Sheet {
            topic: self.topic.text().to_owned(),
            kind: self.kind,
            payload: self.payload.text().to_owned(),
            qos: self.qos,
            retain: self.retain,
            properties: self.properties.clone(),
        }
    }

    fn put(&mut self, sheet: &Sheet) {
        self.topic = Input::new(sheet.topic.as_str());
        self.payload.replace(&sheet.payload);
        self.kind = sheet.kind;
        self.qos = sheet.qos;
        self.retain = sheet.retain;
        self.properties = sheet.properties.clone();
        self.suggestions = Suggestions::default();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.topic.is_empty() && self.payload.is_empty() && self.properties.is_empty()
    }

    /// What is typed differs from all that was sent or put aside last.
    pub(super) fn is_unsent(&self) -> bool {
        let sheet = self.sheet();
        !sheet.is_empty() && !self.history.iter().any(|entry| entry.sheet == sheet)
    }

    pub(super) fn take_receipt(&mut self) -> ReceiptId {
        self.next_receipt += 1;
        ReceiptId(self.next_receipt)
    }
}

impl App {
    /// Whether the Publish pane is the composer here.
    pub(super) fn has_composer(&self) -> bool {
        self.capabilities().publish
    }

    pub(super) fn is_composing(&self) -> bool {
        self.focus == PaneId::Publish && self.has_composer() && self.composer.editing
    }

    pub(super) fn version(&self) -> Version {
        self.profile().map_or(Version::V311, |p| p.version)
    }

    /// `c`: the composer; where the platform takes no messages, the controls of the device.
    pub(super) fn compose(&mut self) {
        if !self.has_composer() {
            return self.open_control();
        }
        let spot = if self.composer.topic.is_empty() {
            Spot::Topic
        } else {
            Spot::Payload
        };
        self.compose_at(spot);
    }

    pub(super) fn compose_at(&mut self, spot: Spot) {
        if !self.has_composer() {
            return;
        }
        if self.focus != PaneId::Publish {
            self.composer.came_from = self.focus;
        }
        self.focus_on(PaneId::Publish);
        self.composer.editing = true;
        self.composer.spot = spot;
        self.composer.suggestions = Suggestions::default();
    }

    pub(super) fn stop_composing(&mut self) {
        self.composer.editing = false;
        self.unsettled = true;
    }

    /// Something in the composer was changed by the user.
    pub(super) fn composer_changed(&mut self) {
        self.check_draft();
        self.keep_draft_soon();
    }

    fn check_draft(&mut self) {
        let version = self.version();
        let composer = &mut self.composer;
        composer.findings = composer.sheet().findings(version);
        composer.json = match composer.kind {
            PayloadKind::Text => json_text::check(composer.payload.text()),
            _ => JsonState::NotJson,
        };
    }

    /// A key while the composer has them.
    pub(super) fn composer_key(&mut self, key: Key) {
        if let Some(action) = command(key) {
            if !key.repeat || matches!(action, Action::Undo | Action::Redo) {
                self.act(action);
            }
            return;
        }
        match key.code {
            KeyCode::Esc if !key.repeat => return self.composer_escape(),
            KeyCode::Tab if !self.take_suggestion(false) => return self.spot_beside(!key.shift),
            KeyCode::Tab => return,
            KeyCode::BackTab => return self.spot_beside(false),
            _ => {}
        }
        match self.composer.spot {
            Spot::Topic => self.topic_key(key),
            Spot::Payload => self.payload_key(key),
            Spot::Kind | Spot::Qos | Spot::Retain => self.option_key(key),
            Spot::Properties | Spot::Repeat | Spot::Answer => self.box_key(key),
        }
    }

    /// One step back: the list of topics, then the composer itself. The draft stays.
    fn composer_escape(&mut self) {
        if self.composer.suggestions.close() {
            return;
        }
        let back = self.composer.came_from;
        self.focus_on(back);
    }

    fn spot_beside(&mut self, forward: bool) {
        self.composer.suggestions.close();
        self.composer.spot = self.composer.spot.beside(forward);
    }

    fn topic_key(&mut self, key: Key) {
        match key.code {
            KeyCode::Enter if key.repeat => {}
            KeyCode::Enter => {
                if !self.take_suggestion(true) {
                    self.spot_beside(true);
                }
            }
            KeyCode::Up => {
                self.composer.suggestions.step(false);
            }
            KeyCode::Down => {
                if !self.composer.suggestions.step(true) {
                    self.spot_beside(true);
                }
            }
            _ => {
                if self.composer.topic.key(key) == Typed::Changed {
                    self.suggest_topics();
                    self.composer_changed();
                }
            }
        }
    }

    fn payload_key(&mut self, key: Key) {
        if key.code == KeyCode::Up && self.composer.payload.line() == 0 {
            self.composer.spot = Spot::Topic;
            return;
        }
        match self.composer.payload.key(key) {
            Typed::Changed => self.composer_changed(),
            Typed::Ignored if matches!(key.code, KeyCode::Char(_) | KeyCode::Enter) => {
                self.too_long_a_payload();
            }
            Typed::Moved | Typed::Ignored => {}
        }
    }

    fn too_long_a_payload(&mut self) {
        if self.composer.payload.text().len() + 4 > super::editor::LONGEST {
            self.say(
                Role::Warn,
                "the payload is as long as it may be typed; choose the kind \"file\" for more",
            );
        }
    }

    fn option_key(&mut self, key: Key) {
        let forward = match key.code {
            KeyCode::Right | KeyCode::Enter | KeyCode::Char(' ') => true,
            KeyCode::Left => false,
            KeyCode::Char(c) => return self.option_letter(c),
            KeyCode::Up => {
                self.composer.spot = Spot::Payload;
                return;
            }
            _ => return,
        };
        let next = |now: usize, count: usize| {
            let by = if forward { 1 } else { count - 1 };
            (now + by) % count
        };
        let most = self.most_qos();
        let retains = self.may_retain();
        let composer = &mut self.composer;
        match composer.spot {
            Spot::Kind => {
                let all = PayloadKind::ALL;
                let now = all.iter().position(|k| *k == composer.kind).unwrap_or(0);
                composer.kind = all[next(now, all.len())];
            }
            Spot::Qos => {
                let now = usize::from(composer.qos.number());
                let count = usize::from(most.number()) + 1;
                let to = u8::try_from(next(now, count)).unwrap_or(0);
                composer.qos = Qos::from_number(to).unwrap_or_default();
            }
            _ => composer.retain = !composer.retain && retains,
        }
        self.composer_changed();
    }

    /// The bridge hangs up at QoS 2: it is not offered there (`reference/google-iot-core.md` 12).
    fn most_qos(&self) -> Qos {
        if self.capabilities().relay.config {
            Qos::AtLeastOnce
        } else {
            Qos::ExactlyOnce
        }
    }

    /// The same for retain.
    pub(super) fn may_retain(&self) -> bool {
        !self.capabilities().relay.config
    }

    /// The first letter of a word, or a number, goes there at once.
    fn option_letter(&mut self, letter: char) {
        let letter = letter.to_ascii_lowercase();
        let most = self.most_qos();
        let retains = self.may_retain();
        let composer = &mut self.composer;
        match composer.spot {
            Spot::Kind => {
                let found = PayloadKind::ALL
                    .into_iter()
                    .find(|kind| kind.word().starts_with(letter));
                composer.kind = found.unwrap_or(composer.kind);
            }
            Spot::Qos => {
                let number = letter.to_digit(10).and_then(|d| u8::try_from(d).ok());
                let qos = number.and_then(Qos::from_number);
                let qos = qos.filter(|qos| *qos <= most);
                composer.qos = qos.unwrap_or(composer.qos);
            }
            _ => match letter {
                'y' => composer.retain = retains,
                'n' => composer.retain = false,
                _ => {}
            },
        }
        self.composer_changed();
    }

    fn box_key(&mut self, key: Key) {
        match key.code {
            KeyCode::Enter | KeyCode::Char(' ') if !key.repeat => match self.composer.spot {
                Spot::Properties => self.open_properties(),
                Spot::Repeat if self.composer.repeat.is_some() => self.stop_repeating(),
                Spot::Repeat => self.open_repeat(),
                _ => self.open_answer(),
            },
            KeyCode::Left => self.spot_beside(false),
            KeyCode::Right => self.spot_beside(true),
            KeyCode::Up => self.composer.spot = Spot::Payload,
            _ => {}
        }
    }

    pub(super) fn composer_paste(&mut self, text: &str) {
        match self.composer.spot {
            Spot::Topic => {
                // A topic that was cut would be another topic.
                if !self.composer.topic.takes(text) {
                    let text = "the paste is too long for a topic: nothing of it was taken";
                    return self.say(Role::Warn, text);
                }
                self.composer.topic.insert(text);
                self.suggest_topics();
            }
            Spot::Payload => {
                if !self.composer.payload.paste(text) {
                    let most = super::words::bytes(super::editor::LONGEST as u64);
                    let text = format!(
                        "the paste is too long: a typed payload takes {most}; choose the kind \"file\" for more"
                    );
                    return self.say(Role::Warn, text);
                }
            }
            _ => return,
        }
        self.composer_changed();
    }

    /// A click on that row inside the pane.
    pub(super) fn composer_click(&mut self, row: usize) {
        let spot = if row == 0 { Spot::Topic } else { Spot::Payload };
        self.compose_at(spot);
    }

    pub(super) fn format_json(&mut self) {
        let text = self.composer.payload.text();
        match json_text::laid_out(text) {
            Some(laid_out) if self.composer.kind == PayloadKind::Text => {
                self.composer.payload.replace(&laid_out);
                self.composer_changed();
            }
            _ => self.say(Role::Warn, "only valid JSON can be laid out"),
        }
    }

    pub(super) fn undo_typing(&mut self, back: bool) {
        let payload = &mut self.composer.payload;
        let moved = if back { payload.undo() } else { payload.redo() };
        if moved {
            self.composer_changed();
        } else {
            let what = if back { "take back" } else { "do again" };
            self.say(Role::Normal, format!("there is nothing to {what}"));
        }
    }
}

/// The actions that keep their keys while letters are letters.
fn command(key: Key) -> Option<Action> {
    if !key.ctrl {
        return None;
    }
    let action = keymap::lookup(PaneId::Publish, key)?.action;
    matches!(
        action,
        Action::Send
            | Action::OpenEditor
            | Action::History
            | Action::FormatJson
            | Action::Undo
            | Action::Redo
            | Action::Templates
            | Action::StopRepeat
            | Action::Palette
    )
    .then_some(action)
}
