//! jq programs over the stream (`|`): one per topic filter, put over what is seen and nothing else.
//!
//! The work is done beside the screen ([`Effect::Sift`]), a window at a time. A program that was cut off is named and not
//! tried again until somebody says so; its topics are shown as they are.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;

use super::effect::Effect;
use super::event::{Key, KeyCode};
use super::input::{Input, Typed};
use super::lines::{self, line};
use super::pending::Purpose;
use super::screen::{FilterLine, Line, PaneId, Role};
use super::state::App;
use crate::base::moment::Mono;
use crate::base::text::SafeText;
use crate::domain::decode::{Chain, Step};
use crate::domain::payload;
use crate::domain::program::{Made, Program, Programs};
use crate::domain::request::RequestId;
use crate::domain::topic::TopicFilter;
use crate::store::ring::{Kept, Seq};

/// One payload and the program for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiftRow {
    pub program: Program,
    pub topic: String,
    pub payload: Bytes,
    /// How the topic is decoded, where somebody said so.
    pub pin: Option<Chain>,
    /// Bytes wanted at most.
    pub most: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sifted {
    Made(Made),
    /// The program was cut off, and why.
    Stopped(String),
}

/// From one look at the window to the next.
const PAUSE: Duration = Duration::from_millis(15);
/// Outputs kept; beyond it only those in sight stay.
const KEPT: usize = 1024;
/// Bytes of an output: for a row, and for the inspector.
const ROW: usize = 4 * 1024;
const WHOLE: usize = 512 * 1024;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Sieve {
    programs: Programs,
    /// Changes with every program that is set.
    version: u64,
    typing: Option<Typing>,
    outputs: BTreeMap<Place, Output>,
    /// Counts outputs, so that one can be told from the next.
    stamp: u64,
    /// Programs that were cut off, and why.
    cut: BTreeMap<Program, String>,
    asked: Option<Asked>,
    looked: Option<Mono>,
}

/// A row, or the whole of it for the inspector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    seq: Seq,
    whole: bool,
}

#[derive(Debug)]
struct Output {
    version: u64,
    stamp: u64,
    made: Made,
}

#[derive(Debug)]
struct Asked {
    id: RequestId,
    version: u64,
    rows: Vec<(Place, Program)>,
}

/// The line that `|` opens.
#[derive(Debug)]
struct Typing {
    scope: Vec<TopicFilter>,
    input: Input,
    /// What is typed, where it is one: finding out takes a while, and a frame comes more often than a key.
    program: Option<Program>,
    error: Option<String>,
    /// What was in force before.
    before: Vec<Option<Program>>,
}

/// What a program has made of a message so far.
pub(super) enum Shown<'a> {
    /// There is no program for it, or it was cut off.
    Plain,
    Waiting,
    Made(&'a Made, u64),
}

impl Sieve {
    pub(super) fn new(programs: Programs) -> Self {
        Self {
            programs,
            ..Self::default()
        }
    }

    /// Other messages have these numbers now.
    pub(super) fn forget(&mut self) {
        let programs = std::mem::take(&mut self.programs);
        *self = Self {
            version: self.version + 1,
            stamp: self.stamp,
            ..Self::new(programs)
        };
    }

    fn program_of(&self, topic: &str) -> Option<&Program> {
        let program = self.programs.of(topic)?;
        (!self.cut.contains_key(program)).then_some(program)
    }

    /// The program that is put over this topic, unless it was cut off.
    pub(super) fn program_for(&self, topic: &str) -> Option<&Program> {
        self.program_of(topic)
    }

    pub(super) fn shown(&self, seq: Seq, topic: &str, whole: bool) -> Shown<'_> {
        if self.programs.is_empty() || self.program_of(topic).is_none() {
            return Shown::Plain;
        }
        match self.outputs.get(&Place { seq, whole }) {
            Some(output) => Shown::Made(&output.made, output.stamp),
            None => Shown::Waiting,
        }
    }

    fn is_due(&self, place: Place) -> bool {
        let output = self.outputs.get(&place);
        output.is_none_or(|output| output.version != self.version)
    }

    fn set(&mut self, scope: &[TopicFilter], programs: &[Option<Program>]) {
        for (filter, program) in scope.iter().zip(programs) {
            if let Some(program) = program {
                self.cut.remove(program);
            }
            self.programs.set(filter, program.clone());
        }
        self.version += 1;
    }

    fn keep(&mut self, version: u64, place: Place, made: Made) {
        self.stamp += 1;
        let stamp = self.stamp;
        let output = Output {
            version,
            stamp,
            made,
        };
        self.outputs.insert(place, output);
    }
}

impl App {
    pub(super) fn program_is_edited(&self) -> bool {
        self.sieve.typing.is_some()
    }

    /// `|`: in the stream for the topics it is narrowed to, else for all; in the inspector for the topic of its message.
    pub(super) fn edit_program(&mut self) {
        let opened = match self.focus {
            PaneId::Inspector => self.opened_topic(),
            _ => None,
        };
        let scope = match opened {
            Some(topic) => TopicFilter::parse(&topic).into_iter().collect(),
            None => self.messages.narrowed_to(),
        };
        let scope = match scope {
            scope if scope.is_empty() => TopicFilter::parse("#").into_iter().collect(),
            scope => scope,
        };
        let before: Vec<_> = scope
            .iter()
            .map(|filter| self.sieve.programs.get(filter).cloned())
            .collect();
        let program = before.iter().flatten().next().cloned();
        let text = program.as_ref().map(Program::text);
        self.sieve.typing = Some(Typing {
            input: Input::new(text.unwrap_or_default()),
            program,
            scope,
            error: None,
            before,
        });
    }

    pub(super) fn program_key(&mut self, key: Key) {
        match key.code {
            KeyCode::Enter | KeyCode::Tab if !key.repeat => self.keep_program(),
            KeyCode::Esc if !key.repeat => self.drop_program_typing(),
            KeyCode::Up | KeyCode::Down | KeyCode::PageUp | KeyCode::PageDown => {
                if let Some(action) = super::keymap::movement_of(key) {
                    self.act(action);
                }
            }
            _ => {
                let typing = self.sieve.typing.as_mut();
                if typing.is_some_and(|typing| typing.input.key(key) == Typed::Changed) {
                    self.program_typed();
                }
            }
        }
    }

    pub(super) fn program_paste(&mut self, text: &str) {
        if let Some(typing) = &mut self.sieve.typing {
            typing.input.insert(text);
            self.program_typed();
        }
    }

    /// What is a program is put over the stream at once; what is none leaves the view as it was.
    fn program_typed(&mut self) {
        let Some(typing) = &mut self.sieve.typing else {
            return;
        };
        let text = typing.input.text().trim();
        let program = if text.is_empty() {
            Ok(None)
        } else {
            Program::parse(text).map(Some)
        };
        match program {
            Ok(program) => {
                typing.error = None;
                typing.program.clone_from(&program);
                let (scope, all) = (typing.scope.clone(), vec![program; typing.scope.len()]);
                self.set_programs(&scope, &all);
            }
            Err(why) => {
                typing.program = None;
                typing.error = Some(why);
            }
        }
    }

    fn set_programs(&mut self, scope: &[TopicFilter], programs: &[Option<Program>]) {
        if let Some(asked) = self.sieve.asked.take() {
            self.pending.end(asked.id);
            self.ask(Effect::Abort(asked.id));
        }
        self.sieve.set(scope, programs);
        self.sieve.looked = None;
        self.moved = true;
        self.unsettled = true;
    }

    /// Esc: what was in force before is in force again.
    fn drop_program_typing(&mut self) {
        if let Some(typing) = self.sieve.typing.take() {
            self.set_programs(&typing.scope, &typing.before);
        }
    }

    /// Enter: it is remembered for its topics. What is no program is not.
    fn keep_program(&mut self) {
        if self
            .sieve
            .typing
            .as_ref()
            .is_some_and(|t| t.error.is_some())
        {
            return self.say(
                Role::Bad,
                "this is no program yet; Esc goes back to the one before",
            );
        }
        let Some(typing) = self.sieve.typing.take() else {
            return;
        };
        let now = typing
            .scope
            .iter()
            .map(|f| self.sieve.programs.get(f).cloned());
        let now: Vec<_> = now.collect();
        if now == typing.before {
            // One that was cut off gets another try.
            return self.set_programs(&typing.scope, &now);
        }
        let whose = scope_words(&typing.scope);
        if self.profile().is_none_or(|profile| profile.simulated) {
            let text = match now.first() {
                Some(Some(_)) => format!("{whose}: goes through this program until you quit"),
                _ => format!("{whose}: shown as it is"),
            };
            return self.say(Role::Good, text);
        }
        for (filter, program) in typing.scope.iter().zip(now) {
            let id = self.pending.begin(Purpose::SaveProgram);
            self.ask(Effect::SaveProgram {
                id,
                topic: filter.as_str().to_owned(),
                program: program.map(|program| program.text().to_owned()),
            });
        }
    }

    /// Another pane has the keys now: a program that is one stays.
    pub(super) fn end_program_editing(&mut self) {
        match &self.sieve.typing {
            Some(typing) if typing.error.is_some() => self.drop_program_typing(),
            Some(_) => self.keep_program(),
            None => {}
        }
    }

    /// What is typed in this pane, else the program of the message at hand.
    pub(super) fn program_line(&self, pane: PaneId) -> Option<FilterLine> {
        if let Some(typing) = self.sieve.typing.as_ref().filter(|_| self.focus == pane) {
            let program = typing.program.as_ref();
            let cut = program.and_then(|program| self.sieve.cut.get(program));
            let error = typing.error.as_ref().or(cut);
            return Some(FilterLine {
                text: typing.input.shown(),
                cursor: Some(typing.input.cells_before()),
                error: error.map(|why| SafeText::new(why)),
            });
        }
        if self.sieve.programs.is_empty() {
            return None;
        }
        let topic = match pane {
            PaneId::Messages => self.row_at_hand().map(|kept| kept.topic.to_owned()),
            PaneId::Inspector => self.opened_topic(),
            _ => None,
        };
        let program = self.sieve.programs.of(&topic?)?;
        Some(FilterLine {
            text: SafeText::new(program.text()),
            cursor: None,
            error: self.sieve.cut.get(program).map(|why| SafeText::new(why)),
        })
    }

    /// For the pane's note while a program is typed: which topics it will be for.
    pub(super) fn program_scope(&self) -> Option<String> {
        let typing = self.sieve.typing.as_ref()?;
        Some(format!("jq for {}", scope_words(&typing.scope)))
    }

    /// What is seen and has no output yet is asked for; one window at a time, and not for every message.
    pub(super) fn sift(&mut self) {
        if self.sieve.programs.is_empty()
            || self.sieve.asked.is_some()
            || self.timers.sift.is_some()
        {
            return;
        }
        let now = self.at.mono;
        if let Some(looked) = self.sieve.looked {
            let left = PAUSE.saturating_sub(now.since(looked));
            if !left.is_zero() {
                let id = self.timers.next();
                self.ask(Effect::StartTimer(id, left));
                self.timers.sift = Some(id);
                return;
            }
        }
        self.sieve.looked = Some(now);
        let (places, rows): (Vec<_>, Vec<_>) = self.unsifted().into_iter().unzip();
        if rows.is_empty() {
            return;
        }
        let id = self.pending.begin(Purpose::Sift);
        let programs = rows.iter().map(|row: &SiftRow| row.program.clone());
        if self.sieve.outputs.len() > KEPT {
            let seen = self.places_in_sight();
            self.sieve.outputs.retain(|place, _| seen.contains(place));
        }
        self.sieve.asked = Some(Asked {
            id,
            version: self.sieve.version,
            rows: places.into_iter().zip(programs).collect(),
        });
        self.ask(Effect::Sift(id, rows));
    }

    fn places_in_sight(&self) -> BTreeSet<Place> {
        let inspected = self.inspected();
        let whole = inspected.iter().map(|(seq, ..)| (*seq, true));
        let rows = self.messages_in_window().map(|kept| (kept.seq, false));
        let places = whole.chain(rows);
        places.map(|(seq, whole)| Place { seq, whole }).collect()
    }

    fn unsifted(&self) -> Vec<(Place, SiftRow)> {
        let mut out = Vec::new();
        let mut add = |place: Place, topic: &str, payload: &dyn Fn() -> Bytes| {
            let Some(program) = self.sieve.program_of(topic) else {
                return;
            };
            if self.sieve.is_due(place) {
                let row = SiftRow {
                    program: program.clone(),
                    topic: topic.to_owned(),
                    payload: payload(),
                    pin: self.pins.of(topic).cloned(),
                    most: if place.whole { WHOLE } else { ROW },
                };
                out.push((place, row));
            }
        };
        for (seq, topic, payload) in self.inspected() {
            add(Place { seq, whole: true }, topic, &|| payload.clone());
        }
        for kept in self.messages_in_window() {
            let place = Place {
                seq: kept.seq,
                whole: false,
            };
            if kept.gap.is_none() && kept.mask.is_empty() {
                add(place, kept.topic, &|| Bytes::copy_from_slice(kept.payload));
            }
        }
        out
    }

    /// A part of an answer.
    pub(super) fn sifted(&mut self, id: RequestId, results: Vec<(usize, Sifted)>, last: bool) {
        if self.sieve.asked.as_ref().map(|asked| asked.id) != Some(id) {
            return self.pending.stray();
        }
        let Some(asked) = self.sieve.asked.take() else {
            return;
        };
        for (index, result) in results {
            let Some((place, program)) = asked.rows.get(index) else {
                continue;
            };
            match result {
                Sifted::Made(made) => self.sieve.keep(asked.version, *place, made),
                Sifted::Stopped(why) => {
                    let news = self
                        .sieve
                        .cut
                        .insert(program.clone(), why.clone())
                        .is_none();
                    if news {
                        let text = format!("jq {program}: {why}; its topics are shown as they are");
                        self.say(Role::Warn, text);
                    }
                }
            }
        }
        if last {
            self.pending.end(id);
        } else {
            self.sieve.asked = Some(asked);
        }
        self.moved = true;
    }

    pub(super) fn sift_timer(&mut self, id: super::event::TimerId) -> bool {
        let ours = self.timers.sift == Some(id);
        if ours {
            self.timers.sift = None;
        }
        ours
    }

    /// A row of the stream as its program has it; `None` where it is to be shown as it is.
    pub(super) fn sifted_gist(&self, kept: &Kept<'_>, cells: usize) -> Option<Line> {
        if !kept.mask.is_empty() {
            return None;
        }
        match self.sieve.shown(kept.seq, kept.topic, false) {
            Shown::Plain => None,
            Shown::Waiting => Some(line("filtering…", Role::Pending)),
            Shown::Made(Made::Failed(why), _) => Some(line(format!("jq: {why}"), Role::Warn)),
            Shown::Made(Made::Lines { text, .. }, _) if text.is_empty() => {
                Some(line("(nothing)", Role::Dim))
            }
            Shown::Made(Made::Lines { text, .. }, _) => {
                let flat = text.replace('\n', "  ");
                Some(lines::pieces(payload::compact(flat.as_bytes(), cells)))
            }
        }
    }
}

/// What an output is: nothing, one value, or a value a line.
pub(super) fn output_chain(text: &str) -> Chain {
    Chain(vec![match text.lines().count() {
        0 => Step::Text,
        1 => Step::Json,
        _ => Step::JsonLines,
    }])
}

/// `plant/#`, `everything`, `3 filters`
fn scope_words(scope: &[TopicFilter]) -> String {
    match scope {
        [one] if one.as_str() == "#" => "everything".to_owned(),
        [one] => one.as_str().to_owned(),
        many => super::words::count(many.len(), "filter"),
    }
}
