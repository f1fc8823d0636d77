//! `x`: only what the device's model lets be written, with its values; the exact body is shown before it goes.

use serde_json::Value;

use super::super::commands::plain;
use super::super::effect::Effect;
use super::super::lines::{self, line, span};
use super::super::pending::Purpose;
use super::super::relays::RelayPurpose;
use super::super::screen::{Line, Role};
use super::super::state::App;
use super::super::words;
use super::choice::{Choice, ChoiceKind, ChoiceOver, Pick};
use super::confirm::{ConfirmKind, ConfirmOver};
use super::form::{FormField, FormKind, FormOver, Sort};
use super::order::Order;
use super::{After, Over};
use crate::base::problem::Problem;
use crate::base::text;
use crate::domain::device::DeviceId;
use crate::domain::model::{Domain, Property};
use crate::domain::relay::RelayRequest;
use crate::domain::request::{PropertyPath, Reply, Request, RequestId, Setting};
use crate::domain::state;

impl App {
    pub(in super::super) fn open_control(&mut self) {
        match self.device_at_hand() {
            Some(device) => self.open_control_of(&device),
            None => self.say(Role::Warn, "no device is selected"),
        }
    }

    pub(super) fn open_control_of(&mut self, device: &DeviceId) {
        if self.capabilities().relay.config {
            return self.open_relay_send(device.clone());
        }
        if self.capabilities().relay.report {
            if self.is_elsewhere(device) {
                return self.open_order_of(device.clone(), Order::Command);
            }
            let request = RelayRequest::ReportDraft(device.clone());
            self.ask_relay(RelayPurpose::ReportDraft(device.clone()), request);
            return;
        }
        if !self.capabilities().control {
            let platform = self.platform_name();
            let instead = if self.capabilities().shadow_topics {
                ": s shows the shadow, and e there changes what is desired"
            } else {
                ""
            };
            return self.say(Role::Warn, format!("{platform} takes no commands{instead}"));
        }
        self.ask_model(device);
        if self.home.devices.get(device).is_some_and(|e| !e.whole) {
            self.ask_state(device);
        }
        let kind = ChoiceKind::Properties(device.clone());
        self.open_over(Over::Choice(ChoiceOver::new(kind)));
    }

    fn property(&self, device: &DeviceId, path: &PropertyPath) -> Option<&Property> {
        let model = self.home.devices.get(device)?.model.as_ref()?;
        model.property(path)
    }

    fn current(&self, device: &DeviceId, path: &PropertyPath) -> Option<&Value> {
        state::at(self.home.devices.get(device)?.state.as_ref()?, path)
    }

    pub(super) fn properties_intro(&self, device: &DeviceId) -> Vec<Line> {
        let Some(entry) = self.home.devices.get(device) else {
            return vec![line("the device is gone", Role::Warn)];
        };
        let mut out = Vec::new();
        if let Some(trouble) = &entry.trouble {
            out.push(line(trouble.as_str(), Role::Bad));
        }
        match &entry.model {
            None => {
                let asked = self
                    .pending
                    .has(|p| matches!(p, Purpose::Model(d) if d == device));
                let (text, role) = if asked {
                    ("asking what can be set …", Role::Pending)
                } else {
                    (
                        "its profile could not be had: nothing can be set",
                        Role::Bad,
                    )
                };
                out.push(line(text, role));
            }
            Some(model) if model.writable().next().is_none() => {
                out.push(line("nothing of this device can be set", Role::Warn));
            }
            Some(_) => {}
        }
        out
    }

    /// By place and resource, with the value now and what is allowed.
    pub(super) fn property_choices(&self, device: &DeviceId) -> Vec<Choice> {
        let model = self.home.devices.get(device).and_then(|e| e.model.clone());
        let Some(model) = model else {
            return Vec::new();
        };
        let mut writable: Vec<_> = model.writable().collect();
        // Stable: places and resources as the model has them, each once.
        let order = |p: &Property| {
            let same =
                |o: &&Property| o.path.place == p.path.place && o.path.resource == p.path.resource;
            model.writable().position(|o| same(&o)).unwrap_or(0)
        };
        writable.sort_by_key(|p| order(p));
        let width = writable
            .iter()
            .map(|p| text::width(&p.path.to_string()))
            .max()
            .unwrap_or(0);
        writable
            .into_iter()
            .map(|p| self.property_choice(device, p, width))
            .collect()
    }

    fn property_choice(&self, device: &DeviceId, property: &Property, width: usize) -> Choice {
        let path = &property.path;
        let front = match &path.place {
            Some(place) => format!("{place}.{}.", path.resource),
            None => format!("{}.", path.resource),
        };
        let room = width.min(52).saturating_sub(text::width(&front)) + 2;
        let name = text::pad(&path.property, room.max(text::width(&path.property) + 2));
        let mut line = vec![span(front, Role::Dim), span(name, Role::Normal)];
        if let Some(now) = self.current(device, path) {
            line.push(span(plain(now), Role::Text));
            if !property.unit.is_empty() {
                line.push(span(format!(" {}", words::unit(&property.unit)), Role::Dim));
            }
        }
        if let Some(wanted) = self.home.commands.wanted(device, path) {
            line.push(span(
                format!("  → {} pending", plain(wanted)),
                Role::Pending,
            ));
        }
        let allowed = property.write.as_ref().map(Domain::words);
        Choice {
            name: line,
            detail: span(allowed.unwrap_or_default(), Role::Dim),
            find: path.to_string(),
            pick: Pick::Property(path.clone()),
        }
    }

    pub(super) fn property_chosen(
        &mut self,
        list: ChoiceOver,
        device: &DeviceId,
        path: &PropertyPath,
    ) -> After {
        let Some(property) = self.property(device, path).cloned() else {
            return After::Stay(Over::Choice(list));
        };
        let choices = self.value_choices(device, path);
        let above = if property.together.is_empty() && !choices.is_empty() {
            let now = self.current(device, path);
            let at = choices
                .iter()
                .position(|c| matches!(&c.pick, Pick::Value(v) if Some(v) == now));
            let kind = ChoiceKind::Values(device.clone(), path.clone());
            Over::Choice(ChoiceOver::new(kind).at(at.unwrap_or(0)))
        } else {
            Over::Form(self.values_form(device, &property))
        };
        After::Cover(Over::Choice(list), above)
    }

    pub(super) fn values_intro(&self, device: &DeviceId, path: &PropertyPath) -> Vec<Line> {
        let now = self
            .current(device, path)
            .map_or_else(|| "not reported".to_owned(), plain);
        vec![vec![span("now  ", Role::Dim), span(now, Role::Text)]]
    }

    /// `24 °C`
    fn with_unit(&self, device: &DeviceId, path: &PropertyPath, value: &Value) -> String {
        let unit = self.property(device, path).map_or("", |p| &p.unit);
        format!("{} {}", plain(value), words::unit(unit))
            .trim_end()
            .to_owned()
    }

    /// Only where the values can be listed.
    pub(super) fn value_choices(&self, device: &DeviceId, path: &PropertyPath) -> Vec<Choice> {
        let domain = self.property(device, path).and_then(|p| p.write.as_ref());
        let values: Vec<Value> = match domain {
            Some(Domain::Words(words)) => words.iter().map(|w| Value::from(w.as_str())).collect(),
            Some(Domain::Flag) => vec![Value::Bool(true), Value::Bool(false)],
            _ => Vec::new(),
        };
        let now = self.current(device, path);
        values
            .into_iter()
            .map(|value| Choice {
                name: vec![span(plain(&value), Role::Normal)],
                detail: span(if Some(&value) == now { "now" } else { "" }, Role::Dim),
                find: plain(&value),
                pick: Pick::Value(value),
            })
            .collect()
    }

    pub(super) fn value_chosen(
        &mut self,
        device: &DeviceId,
        path: PropertyPath,
        value: Value,
    ) -> RequestId {
        self.rehearse(device, vec![Setting { path, value }])
    }

    /// The property and those that must be sent with it, each in a field.
    fn values_form(&self, device: &DeviceId, property: &Property) -> FormOver {
        let others = property
            .together
            .iter()
            .filter(|path| **path != property.path)
            .filter_map(|path| self.property(device, path))
            .filter(|p| p.write.is_some());
        let all: Vec<_> = std::iter::once(property).chain(others).collect();
        let fields = all.iter().map(|p| self.value_field(device, p)).collect();
        let paths = all.iter().map(|p| p.path.clone()).collect();
        FormOver::new(FormKind::Values(device.clone(), paths), fields)
    }

    fn value_field(&self, device: &DeviceId, property: &Property) -> FormField {
        let now = self
            .current(device, &property.path)
            .filter(|v| !v.is_null())
            .map(plain);
        let domain = property.write.as_ref().unwrap_or(&property.read);
        let (sort, choices) = match domain {
            Domain::Words(all) => (Sort::OneOf(all.clone()), all.clone()),
            Domain::Flag => {
                let both = vec!["true".to_owned(), "false".to_owned()];
                (Sort::OneOf(both.clone()), both)
            }
            _ => (Sort::Text, Vec::new()),
        };
        let first = choices.first().cloned().unwrap_or_default();
        let text = now
            .filter(|now| choices.is_empty() || choices.contains(now))
            .unwrap_or(first);
        let unit = if property.unit.is_empty() {
            String::new()
        } else {
            format!(" {}", words::unit(&property.unit))
        };
        let note = match sort {
            Sort::OneOf(_) => String::new(),
            _ => format!("{}{unit}", domain.words()),
        };
        FormField::new(&property.path.property, &text, sort, &note)
    }

    pub(super) fn values_form_intro(
        &self,
        device: &DeviceId,
        paths: &[PropertyPath],
        cells: usize,
    ) -> Vec<Line> {
        let Some(first) = paths.first() else {
            return Vec::new();
        };
        let mut out = lines::wrapped(&first.to_string(), Role::Label, cells);
        if let Some(now) = self.current(device, first) {
            out.push(vec![
                span("now  ", Role::Dim),
                span(self.with_unit(device, first, now), Role::Text),
            ]);
        }
        if paths.len() > 1 {
            out.push(line("these go together, in one request", Role::Dim));
        }
        out
    }

    pub(super) fn submit_values(
        &mut self,
        mut over: FormOver,
        device: &DeviceId,
        paths: &[PropertyPath],
    ) -> After {
        let mut settings = Vec::new();
        for (n, path) in paths.iter().enumerate() {
            let domain = self.property(device, path).and_then(|p| p.write.clone());
            let Some(domain) = domain else { continue };
            match domain.parse(over.text(n)) {
                Ok(value) => settings.push(Setting {
                    path: path.clone(),
                    value,
                }),
                Err(why) => {
                    over.focus = n;
                    over.error = Some(Problem::new(format!("{}: {why}", path.property), "", ""));
                    return After::Stay(Over::Form(over));
                }
            }
        }
        over.error = None;
        over.waiting = Some(self.rehearse(device, settings));
        After::Stay(Over::Form(over))
    }

    /// Asks for the exact body; nothing is sent.
    fn rehearse(&mut self, device: &DeviceId, settings: Vec<Setting>) -> RequestId {
        let id = self.pending.begin(Purpose::Rehearse {
            device: device.clone(),
            settings: settings.clone(),
        });
        let request = Request::Control {
            device: device.clone(),
            settings,
            dry_run: true,
        };
        self.ask(Effect::Request(id, request));
        id
    }

    pub(in super::super) fn rehearsed(
        &mut self,
        id: RequestId,
        device: &DeviceId,
        settings: Vec<Setting>,
        result: Result<Reply, Problem>,
    ) {
        let mut from_form = false;
        match self.overlays.iter_mut().find(|over| over.waits_for(id)) {
            Some(Over::Form(form)) => {
                form.waiting = None;
                from_form = true;
            }
            Some(Over::Choice(choice)) => choice.waiting = None,
            // The user has left the control boxes: nothing may pop up now.
            Some(_) | None => return,
        }
        match result {
            Ok(Reply::Control { body, .. }) => {
                let kind = ConfirmKind::Send {
                    device: device.clone(),
                    settings,
                    body,
                };
                self.open_over(Over::Confirm(ConfirmOver { kind }));
            }
            Ok(_) => {}
            Err(problem) if from_form => {
                let is_form = |o: &&mut Over| matches!(o, Over::Form(f) if matches!(f.kind, FormKind::Values(..)));
                if let Some(Over::Form(form)) = self.overlays.iter_mut().rev().find(is_form) {
                    form.error = Some(problem);
                }
            }
            Err(problem) => self.open_over(Over::problem(problem, false)),
        }
    }

    /// Enter on the exact body: it goes, and its values wait for confirmation.
    pub(super) fn send_command(&mut self, device: &DeviceId, settings: Vec<Setting>) {
        let model = self.home.devices.get(device).and_then(|e| e.model.clone());
        let command = self
            .home
            .commands
            .send(self.at, device, settings.clone(), model.as_deref());
        let id = self.pending.begin(Purpose::Control {
            device: device.clone(),
            command,
        });
        let name = self.home.devices.label(device);
        let words = Self::setting_words(&settings);
        let request = Request::Control {
            device: device.clone(),
            settings,
            dry_run: false,
        };
        self.ask(Effect::Request(id, request));
        self.overlays.retain(|o| !controls(o, device));
        self.say(Role::Pending, format!("{name}: sending {words}"));
    }
}

/// A box on the way to a command: not drawn below the next one, which says all that matters of it.
pub(super) fn is_step(over: &Over) -> bool {
    match over {
        Over::Choice(choice) => matches!(
            choice.kind,
            ChoiceKind::Properties(_) | ChoiceKind::Values(..)
        ),
        Over::Form(form) => matches!(form.kind, FormKind::Values(..)),
        Over::Text(_) | Over::Confirm(_) | Over::Shadow(_) | Over::Jobs(_) => false,
    }
}

/// Whether a box belongs to the control of this device.
fn controls(over: &Over, device: &DeviceId) -> bool {
    match over {
        Over::Choice(choice) => match &choice.kind {
            ChoiceKind::Properties(d) | ChoiceKind::Values(d, _) => d == device,
            _ => false,
        },
        Over::Form(form) => matches!(&form.kind, FormKind::Values(d, _) if d == device),
        Over::Text(_) | Over::Confirm(_) | Over::Shadow(_) | Over::Jobs(_) => false,
    }
}
