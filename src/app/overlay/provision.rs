//! A new thing: its template and parameters, each step as it happens, and what came of it.

use std::time::Duration;

use super::super::effect::Effect;
use super::super::event::Outcome;
use super::super::lines::{self, labelled, line, span};
use super::super::pending::Purpose;
use super::super::screen::{Line, Role};
use super::super::state::{App, ProfileSummary};
use super::form::{FormField, FormKind, FormOver, Sort, paragraph};
use super::text::{TextKind, TextOver, problem_lines};
use super::wizard::check_name;
use super::{After, Over};
use crate::base::moment::Timestamp;
use crate::base::problem::Problem;
use crate::domain::fact::{Progress, Step, StepState};
use crate::domain::provision::{
    NewThing, NewThingProfile, ProvisionRequest, Provisioned, SavedThing, read_parameter,
};
use crate::domain::request::{Reply, Request, RequestId};

const TEMPLATE: usize = 0;
const KEY: usize = 1;
const NAME: usize = 2;
/// This one and all below.
const PARAMETERS: usize = 3;
const MOST_PARAMETERS: usize = 12;

const BY_AWS: &str = "made by AWS";
const HERE: &str = "made here (CSR)";

/// A new thing on its way.
#[derive(Debug, Default)]
pub(in super::super) struct NewcomerState {
    /// Registered, and not saved yet.
    thing: Option<Provisioned>,
    /// When the token ends that pays for the registration.
    until: Option<Timestamp>,
    shown: Option<Shown>,
}

/// What came of it; nothing here is secret.
#[derive(Debug)]
struct Shown {
    thing: String,
    certificate_id: String,
    configuration: Option<String>,
    saved: SavedThing,
    /// `None`: it was not waited for.
    connected: Option<Result<(), Problem>>,
}

pub(super) fn intro(over: &FormOver, cells: usize) -> Vec<Line> {
    if !over.steps.is_empty() {
        return Vec::new();
    }
    let text = "Fleet provisioning: AWS makes a certificate, and the template makes the thing. Key and certificate become a \
                new profile, in files that only you can read.";
    paragraph(text, cells)
}

/// There is always an empty row for one more parameter.
pub(super) fn grow(over: &mut FormOver) {
    let full = over.fields.len() >= PARAMETERS + MOST_PARAMETERS;
    let last_is_used = over.fields.last().is_some_and(|f| !f.input.is_empty());
    if over.kind == FormKind::Provision && last_is_used && !full {
        over.fields.push(parameter());
    }
}

fn parameter() -> FormField {
    FormField::new("Parameter", "", Sort::Text, "NAME=VALUE")
}

impl App {
    pub(in super::super) fn open_provision(&mut self) {
        if !self.capabilities().provision {
            let platform = self.platform_name();
            return self.say(Role::Warn, format!("{platform} has no fleet provisioning"));
        }
        let fields = vec![
            FormField::new("Template", "", Sort::Text, "as AWS lists it"),
            FormField::new(
                "Key",
                BY_AWS,
                Sort::OneOf(vec![BY_AWS.to_owned(), HERE.to_owned()]),
                "made here, it never leaves",
            ),
            FormField::new("Save as", "", Sort::Text, "empty: as the thing is called"),
            parameter(),
        ];
        self.newcomer = NewcomerState::default();
        self.open_over(Over::Form(FormOver::new(FormKind::Provision, fields)));
    }

    pub(super) fn submit_provision(&mut self, mut over: FormOver) -> After {
        match self.asked_thing(&over) {
            Ok(thing) => {
                let id = self.pending.begin(Purpose::Provision);
                over.waiting = Some(id);
                over.error = None;
                over.steps.clear();
                self.newcomer = NewcomerState::default();
                let request = ProvisionRequest::Begin(thing);
                self.ask(Effect::Request(id, Request::Provision(Box::new(request))));
            }
            Err((field, problem)) => {
                over.focus = field;
                over.error = Some(problem);
            }
        }
        After::Stay(Over::Form(over))
    }

    /// What was typed, or which field is wrong and why.
    fn asked_thing(&self, over: &FormOver) -> Result<NewThing, (usize, Problem)> {
        let name = over.text(NAME);
        if !name.is_empty()
            && let Some(why) = check_name(&self.profiles, name)
        {
            return Err((NAME, Problem::new(why, "", "")));
        }
        let mut parameters = Vec::new();
        for at in PARAMETERS..over.fields.len() {
            let typed = over.fields[at].input.text();
            if typed.trim().is_empty() {
                continue;
            }
            let read = read_parameter(typed);
            parameters.push(read.map_err(|why| (at, Problem::new(why, "", "")))?);
        }
        if !self.home.link.is_up() {
            let what = "there is no connection to ask on";
            return Err((TEMPLATE, Problem::new(what, "", "Esc, then r connects")));
        }
        NewThing::new(over.text(TEMPLATE), parameters, over.text(KEY) == HERE)
            .map_err(|problem| (TEMPLATE, problem))
    }

    /// A step of what the form waits for. `false`: it is somebody else's.
    pub(in super::super) fn provision_step(&mut self, progress: &Progress) -> bool {
        let Some(form) = self.provision_form() else {
            return false;
        };
        put_step(&mut form.steps, progress.step.clone());
        if progress.until.is_some() {
            self.newcomer.until = progress.until;
        }
        self.moved = true;
        true
    }

    fn provision_form(&mut self) -> Option<&mut FormOver> {
        self.overlays.iter_mut().find_map(|over| match over {
            Over::Form(form) if form.kind == FormKind::Provision && form.waiting.is_some() => {
                Some(form)
            }
            _ => None,
        })
    }

    /// Esc while it runs.
    pub(super) fn stop_provision(&mut self, mut over: FormOver, id: RequestId) -> After {
        self.give_up(id);
        over.waiting = None;
        if let Some(shown) = self.newcomer.shown.take() {
            // Registered and saved; only the connection was still being tried.
            self.newcomer.shown = Some(shown);
            self.open_over(Over::Text(TextOver::new(TextKind::Newcomer)));
            return After::Close;
        }
        let left = self.newcomer.until.map_or_else(
            || ("nothing was made", ""),
            |_| {
                (
                    "a certificate waits here for its registration",
                    "Ctrl-S goes on with it; AWS deletes it when its token ends",
                )
            },
        );
        over.error = Some(Problem::new("stopped", left.0, left.1));
        After::Stay(Over::Form(over))
    }

    pub(in super::super) fn provisioned(&mut self, id: RequestId, result: Result<Reply, Problem>) {
        let (claim, save) = (self.profile().map(|p| p.name.clone()), Purpose::SaveThing);
        let Some(form) = self.form_waiting(id) else {
            return;
        };
        form.waiting = None;
        let thing = match result {
            Ok(Reply::Provisioned(thing)) => *thing,
            Ok(_) => return,
            Err(problem) => {
                form.error = Some(problem);
                return;
            }
        };
        let name = Some(form.text(NAME).to_owned()).filter(|name| !name.is_empty());
        let next = self.pending.begin(save);
        if let Some(form) = self.overlays.iter_mut().find_map(|over| match over {
            Over::Form(form) if form.kind == FormKind::Provision => Some(form),
            _ => None,
        }) {
            form.waiting = Some(next);
        }
        self.newcomer.thing = Some(thing.clone());
        self.newcomer.until = None;
        let new = NewThingProfile {
            claim: claim.unwrap_or_default(),
            thing,
            name,
            replace: false,
        };
        self.ask(Effect::SaveThing(next, Box::new(new)));
    }

    pub(in super::super) fn thing_saved(
        &mut self,
        id: RequestId,
        result: Result<Outcome, Problem>,
    ) {
        let (saved, summary) = match result {
            Ok(Outcome::ThingSaved(saved, summary)) => (saved, summary),
            Ok(_) => return,
            Err(problem) => {
                if let Some(form) = self.form_waiting(id) {
                    form.waiting = None;
                    form.error = Some(problem);
                }
                return;
            }
        };
        let Some(thing) = self.newcomer.thing.take() else {
            return;
        };
        self.newcomer_is_a_profile(*summary);
        let done = self.pending.begin(Purpose::Forgotten);
        let request = ProvisionRequest::Saved;
        self.ask(Effect::Request(done, Request::Provision(Box::new(request))));
        let next = self.pending.begin(Purpose::TryThing);
        if let Some(form) = self.form_waiting(id) {
            form.waiting = Some(next);
            put_step(
                &mut form.steps,
                step("profile", StepState::Done, &saved.profile),
            );
            let text = format!("as {}", thing.thing);
            put_step(
                &mut form.steps,
                step("connection", StepState::Running, &text),
            );
        }
        self.ask(Effect::TryThing(next, saved.profile.clone()));
        self.newcomer.shown = Some(Shown {
            thing: thing.thing,
            certificate_id: thing.certificate_id,
            configuration: thing.configuration.map(|value| value.to_string()),
            saved: *saved,
            connected: None,
        });
    }

    fn newcomer_is_a_profile(&mut self, summary: ProfileSummary) {
        let open = self.profile().map(|p| p.name.clone());
        self.profiles.retain(|p| p.name != summary.name);
        self.profiles.push(summary);
        // The list has moved below the open one.
        self.open = self
            .profiles
            .iter()
            .position(|p| Some(&p.name) == open.as_ref());
    }

    pub(in super::super) fn thing_tried(
        &mut self,
        id: RequestId,
        result: Result<Outcome, Problem>,
    ) {
        if let Some(shown) = &mut self.newcomer.shown {
            shown.connected = Some(result.map(|_| ()));
        }
        if self.form_waiting(id).is_some() {
            self.close_form_waiting(id);
            self.open_over(Over::Text(TextOver::new(TextKind::Newcomer)));
        }
    }

    /// Below the steps: how long the token lives.
    pub(super) fn newcomer_below(&self, cells: usize) -> Vec<Line> {
        let Some(left) = self.token_left() else {
            return Vec::new();
        };
        let seconds = left.as_millis().div_ceil(1000);
        let text = format!("the token lives {}:{:02} more", seconds / 60, seconds % 60);
        lines::wrapped(&text, Role::Dim, cells)
    }

    fn token_left(&self) -> Option<Duration> {
        let left = self.at.wall.until(self.newcomer.until?);
        (!left.is_zero()).then_some(left)
    }

    /// When the countdown shows another number.
    pub(in super::super) fn newcomer_change(&self) -> Option<Duration> {
        let shown = self
            .overlays
            .iter()
            .any(|over| matches!(over, Over::Form(f) if f.kind == FormKind::Provision));
        let left = self.token_left().filter(|_| shown)?;
        Some(match left.subsec_nanos() {
            0 => Duration::from_secs(1),
            nanos => Duration::from_nanos(u64::from(nanos)),
        })
    }

    pub(super) fn newcomer_lines(&self, cells: usize) -> Vec<Line> {
        let Some(shown) = &self.newcomer.shown else {
            return Vec::new();
        };
        let mut out = Vec::new();
        let fields = [
            ("Thing        ", shown.thing.as_str()),
            ("Certificate  ", &shown.certificate_id),
            ("Profile      ", &shown.saved.profile),
        ];
        for (label, text) in fields {
            out.extend(labelled(label, text, Role::Text, cells));
        }
        for (label, path) in [
            ("Files        ", &shown.saved.certificate),
            ("             ", &shown.saved.key),
        ] {
            out.extend(labelled(
                label,
                &path.to_string_lossy(),
                Role::Normal,
                cells,
            ));
        }
        if let Some(configuration) = &shown.configuration {
            out.push(line("", Role::Normal));
            out.push(line("Device configuration", Role::Title));
            let pretty = crate::domain::payload::pretty(configuration.as_bytes());
            for pieces in pretty.unwrap_or_default() {
                out.extend(lines::fold(lines::pieces(pieces), cells, 4));
            }
        }
        out.push(line("", Role::Normal));
        match &shown.connected {
            None => {}
            Some(Ok(())) => out.push(vec![
                span("✓ ", Role::Good),
                span(format!("connected as {}", shown.thing), Role::Normal),
            ]),
            Some(Err(problem)) => {
                out.push(line("It is registered and saved, but:", Role::Warn));
                out.extend(problem_lines(problem, cells));
            }
        }
        out
    }

    /// `o`: the new profile, in place of the one that made it.
    pub(super) fn open_newcomer(&mut self) {
        let name = self
            .newcomer
            .shown
            .as_ref()
            .map(|s| s.saved.profile.clone());
        let at = name.and_then(|name| self.profiles.iter().position(|p| p.name == name));
        if let Some(at) = at {
            self.switch_to(at);
        }
    }

    /// `y`: all that may be told of it.
    pub(super) fn copy_newcomer(&mut self) {
        let text: Vec<String> = self
            .newcomer_lines(usize::from(u16::MAX))
            .iter()
            .map(|line| line.iter().map(|part| part.text.as_str()).collect())
            .collect();
        let id = self.pending.begin(Purpose::Copy);
        self.ask(Effect::Copy(id, text.join("\n")));
    }
}

pub(super) fn put_step(steps: &mut Vec<Step>, step: Step) {
    match steps.iter_mut().find(|known| known.name == step.name) {
        Some(known) => *known = step,
        None => steps.push(step),
    }
}

fn step(name: &'static str, state: StepState, text: &str) -> Step {
    Step {
        name,
        text: text.to_owned(),
        state,
    }
}
