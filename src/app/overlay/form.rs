//! Fields to fill in: the wizard, a new token, a topic filter, the values of a command.

use std::fmt;

use super::super::event::{Key, KeyCode};
use super::super::input::{Input, Typed};
use super::super::layout::centre;
use super::super::lines::{self, line};
use super::super::pane::devices::step_line;
use super::super::screen::{Field, FormBox, Line, Role, Span};
use super::super::state::App;
use super::relay::RelayForm;
use super::text::problem_lines;
use super::{After, Over};
use crate::base::problem::Problem;
use crate::base::text::SafeText;
use crate::domain::device::DeviceId;
use crate::domain::fact::Step;
use crate::domain::jobs::Job;
use crate::domain::request::{PropertyPath, RequestId};
use crate::domain::topic::TopicFilter;

#[derive(Debug)]
pub(in super::super) struct FormOver {
    pub(in super::super) kind: FormKind,
    pub(super) fields: Vec<FormField>,
    pub(super) focus: usize,
    /// Why it cannot be sent as it is.
    pub(super) error: Option<Problem>,
    /// The answer that it waits for; no typing meanwhile.
    pub(super) waiting: Option<RequestId>,
    pub(super) steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum FormKind {
    /// A new ThinQ account.
    Wizard,
    /// A new profile of any broker.
    Broker,
    /// A new profile of AWS IoT Core.
    Aws,
    /// A new profile of Google IoT Core's bridge.
    Google,
    /// A new profile of a device of Huawei IoT.
    Huawei,
    Token(Option<Problem>),
    /// A topic filter: a new one, or this one to be changed.
    Filter(Option<TopicFilter>),
    /// One field for each property, in this order.
    Values(DeviceId, Vec<PropertyPath>),
    /// Of MQTT 5, for the message in the composer.
    Properties,
    Repeat,
    Answer,
    TemplateName,
    /// Below which topic retained messages are counted.
    SweepTopic,
    SweepConfirm,
    /// A new thing, with its parameters as rows that grow.
    Provision,
    /// Whose connection state is to be reported, and how.
    Recipe,
    /// Of a shadow to open in a tab of its own.
    ShadowName(DeviceId),
    /// What became of a job.
    JobStatus(DeviceId, Box<Job>),
    Relay(RelayForm),
}

impl FormKind {
    /// What is typed there takes a while to type again.
    pub(in super::super) const fn is_account(&self) -> bool {
        matches!(
            self,
            Self::Wizard | Self::Broker | Self::Aws | Self::Google | Self::Huawei
        )
    }
}

pub(super) struct FormField {
    pub(super) label: String,
    pub(super) input: Input,
    pub(super) sort: Sort,
    pub(super) note: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sort {
    Text,
    /// What is sent as it is, also with line breaks in it: they come from a paste or from `$EDITOR`.
    Payload,
    /// Never shown: dots and a length.
    Secret,
    /// Chosen from the list of countries.
    Country,
    /// One of these; Left and Right go through them.
    OneOf(Vec<String>),
}

/// What was typed stays out of it: it may be a token.
impl fmt::Debug for FormField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FormField({:?}, …)", self.label)
    }
}

impl FormField {
    pub(super) fn new(label: &str, text: &str, sort: Sort, note: &str) -> Self {
        Self {
            label: label.to_owned(),
            input: Input::new(text),
            sort,
            note: note.to_owned(),
        }
    }

    fn is_typed(&self) -> bool {
        matches!(self.sort, Sort::Text | Sort::Payload | Sort::Secret)
    }
}

/// `Tab next  Enter go on`
fn hint(keys: &[(&str, &str)]) -> String {
    let keys: Vec<_> = keys
        .iter()
        .map(|(key, does)| format!("{key} {does}"))
        .collect();
    keys.join("  ")
}

impl FormOver {
    pub(super) fn new(kind: FormKind, fields: Vec<FormField>) -> Self {
        Self {
            kind,
            fields,
            focus: 0,
            error: None,
            waiting: None,
            steps: Vec::new(),
        }
    }

    /// The keys that do something in the focused field, and what.
    pub(in super::super) fn keys(&self) -> Vec<(&'static str, &'static str)> {
        if self.waiting.is_some() {
            return vec![("Esc", "stop")];
        }
        let mut keys = Vec::new();
        if self.fields.len() > 1 {
            keys.push(("Tab", "next"));
        }
        let focused = self.fields.get(self.focus);
        if focused.is_some_and(|field| matches!(field.sort, Sort::OneOf(_))) {
            keys.push(("Left Right", "choose"));
        }
        keys.extend(match &self.kind {
            FormKind::Wizard => {
                [("Enter", "next"), ("Ctrl-S", "sign in"), ("Esc", "close")].as_slice()
            }
            FormKind::Broker | FormKind::Aws | FormKind::Google | FormKind::Huawei => {
                [("Enter", "next"), ("Ctrl-S", "connect"), ("Esc", "close")].as_slice()
            }
            FormKind::Provision => {
                [("Enter", "next"), ("Ctrl-S", "provision"), ("Esc", "close")].as_slice()
            }
            FormKind::Recipe => {
                [("Enter", "next"), ("Ctrl-S", "show"), ("Esc", "close")].as_slice()
            }
            FormKind::Values(..) => &[("Enter", "check"), ("Esc", "back")],
            FormKind::Filter(_) => {
                [("Enter", "next"), ("Ctrl-S", "subscribe"), ("Esc", "close")].as_slice()
            }
            FormKind::Token(_) | FormKind::TemplateName => &[("Enter", "go on"), ("Esc", "close")],
            FormKind::Properties | FormKind::Answer => {
                &[("Enter", "next"), ("Ctrl-S", "take"), ("Esc", "close")]
            }
            FormKind::Repeat => &[("Enter", "next"), ("Ctrl-S", "start"), ("Esc", "close")],
            FormKind::ShadowName(_) => &[("Enter", "open"), ("Esc", "close")],
            FormKind::JobStatus(..) | FormKind::Relay(RelayForm::Order { .. }) => {
                &[("Enter", "next"), ("Ctrl-S", "send"), ("Esc", "back")]
            }
            FormKind::Relay(RelayForm::Send { .. }) => &[
                ("Enter", "next"),
                ("Ctrl-E", "editor"),
                ("Ctrl-S", "send"),
                ("Esc", "back"),
            ],
            FormKind::Relay(RelayForm::Bind { .. }) => &[("Enter", "go on"), ("Esc", "back")],
            FormKind::SweepTopic => &[("Enter", "count"), ("Esc", "close")],
            FormKind::SweepConfirm => &[("Enter", "clear them"), ("Esc", "leave them")],
        });
        keys
    }

    pub(super) fn text(&self, field: usize) -> &str {
        self.fields.get(field).map_or("", |f| f.input.text().trim())
    }

    pub(in super::super) fn is_touched(&self) -> bool {
        if self.kind == FormKind::Broker {
            return super::broker::is_touched(self);
        }
        if self.kind == FormKind::Google {
            return super::gateway::is_touched(self);
        }
        if self.kind == FormKind::Huawei {
            return super::meter::is_touched(self);
        }
        if self.kind == FormKind::Aws {
            return super::account::is_touched(self);
        }
        self.fields
            .iter()
            .any(|f| f.sort == Sort::Secret && !f.input.is_empty())
            || self
                .fields
                .iter()
                .any(|f| f.sort == Sort::Country && !f.input.is_empty())
    }

    pub(in super::super) fn paste(&mut self, text: &str) {
        if self.waiting.is_some() {
            return;
        }
        if let Some(field) = self.fields.get_mut(self.focus) {
            match field.sort {
                // A token is copied with blanks and line ends around it.
                Sort::Secret => field.input.insert(text.trim()),
                Sort::Text => field.input.insert(text),
                Sort::Payload => field.input.insert_whole(text),
                Sort::Country | Sort::OneOf(_) => {}
            }
        }
    }

    /// The answer was no: it can be corrected and sent again.
    pub(in super::super) fn failed(&mut self, problem: Problem) {
        self.waiting = None;
        self.error = Some(problem);
    }

    fn step(&mut self, forward: bool) {
        let count = self.fields.len().max(1);
        let by = if forward { 1 } else { count - 1 };
        self.focus = (self.focus + by) % count;
    }
}

impl App {
    pub(super) fn form_key(&mut self, mut over: FormOver, key: Key) -> After {
        if let Some(id) = over.waiting {
            if key.code == KeyCode::Esc && !key.repeat {
                if over.kind == FormKind::Provision {
                    return self.stop_provision(over, id);
                }
                self.give_up(id);
                over.waiting = None;
            }
            return After::Stay(Over::Form(over));
        }
        let last = over.focus + 1 >= over.fields.len();
        let sort = over.fields.get(over.focus).map(|f| f.sort.clone());
        match (key.code, sort) {
            (KeyCode::Esc, _) if !key.repeat => return self.form_left(over),
            (KeyCode::Char('s'), _) if key.ctrl && !key.repeat => return self.submit(over),
            (KeyCode::Char('e'), _)
                if key.ctrl
                    && !key.repeat
                    && matches!(over.kind, FormKind::Relay(RelayForm::Send { .. })) =>
            {
                self.edit_relay_payload(&over);
            }
            (KeyCode::Tab, _)
                if matches!(over.kind, FormKind::Filter(_))
                    && self.complete_filter(&mut over, key) => {}
            (KeyCode::BackTab | KeyCode::Up, _) => over.step(false),
            (KeyCode::Tab | KeyCode::Down, _) => over.step(!key.shift),
            (KeyCode::Enter, _) if key.repeat => {}
            (KeyCode::Enter | KeyCode::Char(_), Some(Sort::Country)) => {
                let letter = match key.code {
                    KeyCode::Char(c) if c.is_alphanumeric() => c.to_string(),
                    KeyCode::Char('q') | KeyCode::Enter => String::new(),
                    _ => return After::Stay(Over::Form(over)),
                };
                return super::wizard::choose_country(over, &letter);
            }
            (KeyCode::Enter, _) if last => return self.submit(over),
            (KeyCode::Enter, _) => over.step(true),
            (KeyCode::Left | KeyCode::Right | KeyCode::Char(_), Some(Sort::OneOf(words))) => {
                choose(&mut over, &words, key);
            }
            _ => {
                let focus = over.focus;
                let field = over.fields.get_mut(focus).filter(|f| f.is_typed());
                if field.is_some_and(|f| f.input.key(key) == Typed::Changed) {
                    over.error = None;
                    super::provision::grow(&mut over);
                }
            }
        }
        After::Stay(Over::Form(over))
    }

    fn form_left(&mut self, over: FormOver) -> After {
        use super::confirm::{ConfirmKind, ConfirmOver};
        if over.kind.is_account() && over.is_touched() {
            let question = Over::Confirm(ConfirmOver {
                kind: ConfirmKind::Discard,
            });
            return After::Cover(Over::Form(over), question);
        }
        if let FormKind::Token(_) = over.kind {
            self.home.token_declined = true;
        }
        if over.kind == FormKind::SweepConfirm {
            self.forget_sweep();
        }
        self.unsettled = true;
        After::Close
    }

    /// The question above it was answered with yes.
    pub(super) fn discard_form(&mut self) {
        self.overlays
            .retain(|over| !matches!(over, Over::Form(f) if f.kind.is_account()));
    }

    fn submit(&mut self, over: FormOver) -> After {
        match over.kind.clone() {
            FormKind::Wizard => self.submit_wizard(over),
            FormKind::Broker => self.submit_broker(over),
            FormKind::Aws => self.submit_aws(over),
            FormKind::Google => self.submit_google(over),
            FormKind::Huawei => self.submit_huawei(over),
            FormKind::Token(_) => self.submit_token(over),
            FormKind::Provision => self.submit_provision(over),
            FormKind::Recipe => self.submit_recipe(over),
            FormKind::Filter(old) => self.submit_filter(over, old.as_ref()),
            FormKind::Properties => self.submit_properties(over),
            FormKind::Repeat => self.submit_repeat(over),
            FormKind::Answer => self.submit_answer(over),
            FormKind::TemplateName => self.submit_template(over),
            FormKind::SweepTopic => self.submit_sweep(over),
            FormKind::SweepConfirm => self.submit_sweep_confirm(over),
            FormKind::Values(device, paths) => self.submit_values(over, &device, &paths),
            FormKind::ShadowName(thing) => self.submit_shadow_name(over, &thing),
            FormKind::JobStatus(thing, job) => self.submit_job_status(over, &thing, &job),
            FormKind::Relay(form) => self.submit_relay(over, &form),
        }
    }

    pub(super) fn form_picture(&self, over: &FormOver) -> FormBox {
        let width = match over.kind {
            FormKind::Wizard
            | FormKind::Broker
            | FormKind::Aws
            | FormKind::Google
            | FormKind::Huawei
            | FormKind::Token(_)
            | FormKind::Provision
            | FormKind::Recipe => 78,
            FormKind::TemplateName | FormKind::ShadowName(_) => 64,
            FormKind::Filter(_) | FormKind::Repeat | FormKind::Answer | FormKind::SweepTopic => 72,
            FormKind::Values(..)
            | FormKind::JobStatus(..)
            | FormKind::Relay(_)
            | FormKind::Properties
            | FormKind::SweepConfirm => 84,
        };
        let cells = usize::from(centre(self.size, width, 9).width).saturating_sub(4);
        let intro = self.form_intro(over, cells);
        let mut below = below(over, cells);
        if matches!(over.kind, FormKind::Filter(_)) && over.error.is_none() {
            below = self.filter_remarks(over, cells);
        }
        if over.kind == FormKind::Provision && over.waiting.is_some() {
            below.extend(self.newcomer_below(cells));
        }
        let gaps = usize::from(!intro.is_empty()) + usize::from(!below.is_empty());
        let height = 2 + intro.len() + over.fields.len() + below.len() + gaps;
        FormBox {
            area: centre(self.size, width, u16::try_from(height).unwrap_or(u16::MAX)),
            title: SafeText::new(&self.form_title(over)),
            intro,
            fields: over
                .fields
                .iter()
                .enumerate()
                .map(|(n, field)| picture(field, n == over.focus && over.waiting.is_none()))
                .collect(),
            below,
            hint: SafeText::new(&hint(&over.keys())),
        }
    }

    fn form_title(&self, over: &FormOver) -> String {
        match &over.kind {
            FormKind::Wizard => "Add an LG ThinQ account".to_owned(),
            FormKind::Broker => "Add an MQTT broker".to_owned(),
            FormKind::Aws => "Add an AWS IoT Core account".to_owned(),
            FormKind::Google => "Add a gateway or device of IoT Core (ClearBlade)".to_owned(),
            FormKind::Huawei => "Add a Huawei IoT device".to_owned(),
            FormKind::Token(_) => "A new access token".to_owned(),
            FormKind::Provision => "Provision a new thing".to_owned(),
            FormKind::Recipe => "Report the connection state in the shadow".to_owned(),
            FormKind::Filter(None) => "Add a topic filter".to_owned(),
            FormKind::Filter(Some(_)) => "Change a topic filter".to_owned(),
            FormKind::Properties => "MQTT 5 properties".to_owned(),
            FormKind::Repeat => "Send again and again".to_owned(),
            FormKind::Answer => "Wait for an answer".to_owned(),
            FormKind::TemplateName => "Save as template".to_owned(),
            FormKind::SweepTopic => "Clear retained messages".to_owned(),
            FormKind::SweepConfirm => {
                let count = super::compose::counted(self.sweep_count(), "retained message");
                format!("Clear {count}?")
            }
            FormKind::ShadowName(thing) => {
                format!("A named shadow of {}", self.home.devices.label(thing))
            }
            FormKind::JobStatus(_, job) => format!("Job {}", job.id),
            FormKind::Relay(form) => self.relay_form_title(form),
            FormKind::Values(device, _) => {
                format!("Control {}", self.home.devices.label(device))
            }
        }
    }

    fn form_intro(&self, over: &FormOver, cells: usize) -> Vec<Line> {
        match &over.kind {
            FormKind::Wizard => super::wizard::intro(cells),
            FormKind::Broker => super::broker::intro(cells),
            FormKind::Aws => super::account::intro(cells),
            FormKind::Google => super::gateway::intro(cells),
            FormKind::Huawei => super::meter::intro(cells),
            FormKind::Token(problem) => super::token::intro(problem.as_ref(), cells),
            FormKind::Provision => super::provision::intro(over, cells),
            FormKind::Recipe => super::recipe::intro(cells),
            FormKind::Relay(_) => self.relay_form_intro(over, cells),
            FormKind::Filter(_) | FormKind::ShadowName(_) | FormKind::JobStatus(..) => Vec::new(),
            FormKind::Properties
            | FormKind::Repeat
            | FormKind::Answer
            | FormKind::TemplateName
            | FormKind::SweepTopic
            | FormKind::SweepConfirm => self.compose_form_intro(&over.kind, cells),
            FormKind::Values(device, paths) => self.values_form_intro(device, paths, cells),
        }
    }

    /// The topmost form that waits for this answer.
    pub(in super::super) fn form_waiting(&mut self, id: RequestId) -> Option<&mut FormOver> {
        self.overlays.iter_mut().find_map(|over| match over {
            Over::Form(form) if form.waiting == Some(id) => Some(form),
            _ => None,
        })
    }

    pub(in super::super) fn close_form_waiting(&mut self, id: RequestId) {
        self.overlays
            .retain(|over| !matches!(over, Over::Form(f) if f.waiting == Some(id)));
        self.unsettled = true;
    }
}

fn below(over: &FormOver, cells: usize) -> Vec<Line> {
    let told = |step: &&Step| {
        over.error
            .as_ref()
            .is_none_or(|problem| problem.what != step.text)
    };
    let mut out: Vec<_> = over.steps.iter().filter(told).map(step_line).collect();
    if over.waiting.is_some() {
        let text = match over.kind {
            FormKind::Wizard => "signing in …",
            FormKind::Broker | FormKind::Aws | FormKind::Google | FormKind::Huawei => {
                "connecting …"
            }
            FormKind::Token(_) => "saving …",
            FormKind::Provision if !over.steps.is_empty() => return below_steps(over, out, cells),
            FormKind::Provision => "asking …",
            _ => "checking …",
        };
        out.push(line(text, Role::Pending));
    }
    if let Some(problem) = &over.error {
        out.extend(problem_lines(problem, cells));
    }
    out
}

/// The steps say themselves what is being done.
fn below_steps(over: &FormOver, mut out: Vec<Line>, cells: usize) -> Vec<Line> {
    if let Some(problem) = &over.error {
        out.extend(problem_lines(problem, cells));
    }
    out
}

/// Left and Right go round; a letter goes to the next word that begins with it.
fn choose(over: &mut FormOver, words: &[String], key: Key) {
    let Some(field) = over.fields.get_mut(over.focus) else {
        return;
    };
    let count = words.len().max(1);
    let now = words.iter().position(|w| w == field.input.text());
    let next = match key.code {
        KeyCode::Left => now.map_or(0, |n| (n + count - 1) % count),
        KeyCode::Char(letter) if letter != ' ' => {
            let begins = |n: &usize| {
                words[*n]
                    .to_lowercase()
                    .starts_with(letter.to_ascii_lowercase())
            };
            let from = now.map_or(0, |n| n + 1);
            let found = (from..from + words.len()).map(|n| n % count).find(begins);
            let Some(found) = found else { return };
            found
        }
        _ => now.map_or(0, |n| (n + 1) % count),
    };
    if let Some(word) = words.get(next) {
        field.input = Input::new(word.as_str());
    }
    over.error = None;
}

fn picture(field: &FormField, focused: bool) -> Field {
    let (value, cursor) = match field.sort {
        Sort::Secret => {
            let (before, all) = field.input.clusters();
            let dots = "•".repeat(all.min(8));
            let length = match all {
                0 => String::new(),
                n => format!(" {n} characters"),
            };
            let cursor = u16::try_from(before.min(8)).unwrap_or(0);
            (SafeText::new(&format!("{dots}{length}")), Some(cursor))
        }
        Sort::Text | Sort::Payload => (field.input.shown(), Some(field.input.cells_before())),
        Sort::Country => (super::wizard::country_shown(field.input.text()), Some(0)),
        Sort::OneOf(_) => (
            SafeText::new(&format!("< {} >", field.input.text())),
            Some(0),
        ),
    };
    Field {
        label: SafeText::new(&field.label),
        value,
        focused,
        cursor: cursor.filter(|_| focused),
        note: (!field.note.is_empty()).then(|| Span::new(field.note.as_str(), Role::Dim)),
    }
}

/// For intros: a paragraph.
pub(super) fn paragraph(text: &str, cells: usize) -> Vec<Line> {
    lines::wrapped(text, Role::Normal, cells)
}
