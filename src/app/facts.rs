//! What comes in from the session, from requests and from the platform.

use std::time::Duration;

use super::commands::plain;
use super::effect::Effect;
use super::event::Outcome;
use super::overlay::Over;
use super::pending::Purpose;
use super::screen::Role;
use super::state::App;
use super::words;
use crate::base::problem::Problem;
use crate::domain::device::{DeviceId, Presence};
use crate::domain::fact::Fact;
use crate::domain::message::{Direction, Message};
use crate::domain::reading::{Kind, Reading};
use crate::domain::request::{Reply, Request, RequestId};
use crate::domain::session::{LinkState, LogLine, SessionEvent, SessionId};
use crate::domain::subscription::Feed;
use crate::store::ring::Note;

/// After a command the platform's state may be the old one for seconds to minutes (`reference/lg-thinq.md` 10).
const LOOKS: [Duration; 2] = [Duration::from_secs(5), Duration::from_secs(45)];

impl App {
    pub(super) fn session_event(&mut self, id: SessionId, event: SessionEvent) {
        if id != self.home.session {
            // From a session that is closed.
            return self.pending.stray();
        }
        match event {
            SessionEvent::Link(state) => self.link(state),
            SessionEvent::Message(message, reading) => self.message(&message, reading),
            SessionEvent::Messages(batch) => self.batch(&batch),
            SessionEvent::Granted { filter, result } => {
                self.exchange_granted(&filter, &result);
                self.sweep_granted(&filter, &result);
                let changed = self.home.filters.granted(&filter, result);
                self.filters_changed(changed);
            }
            SessionEvent::Dropped(filter) => {
                let changed = self.home.filters.dropped(&filter);
                self.unmute_filter(&filter);
                self.filters_changed(changed);
            }
            SessionEvent::Queue { waiting } => {
                self.moved |= self.home.waiting != waiting;
                self.home.waiting = waiting;
            }
            SessionEvent::Receipt { id, result } => self.receipt(id, result),
            SessionEvent::Gap(gap) => {
                self.sweep_missed();
                self.record_gap(gap);
                let seq = self.home.ring.push_gap(self.at.wall, gap);
                self.offer_message(seq);
                self.moved = true;
            }
            SessionEvent::Fact(fact) => self.fact(fact),
            SessionEvent::Log(line) => self.log_line(line),
        }
    }

    fn filters_changed(&mut self, changed: bool) {
        if changed {
            self.mutes_changed();
        }
        self.lists_changed(changed);
    }

    fn lists_changed(&mut self, changed: bool) {
        self.moved |= changed;
        self.unsettled |= changed;
    }

    pub(super) fn log_line(&mut self, line: LogLine) {
        self.log.push(line);
        self.moved |= self.overlays.iter().any(Over::is_log);
    }

    pub(super) fn message(&mut self, message: &Message, reading: Reading) {
        self.exchange_heard(message);
        self.sweep_heard(message);
        self.record(message, &reading);
        let device = reading.device.map(|id| (self.home.devices.number(&id), id));
        let note = Note {
            kind: reading.kind,
            device: device.as_ref().map(|(number, _)| *number),
            gist: &reading.gist,
            mask: &reading.mask,
        };
        let seq = self.home.ring.push(message, note);
        if message.direction == Direction::Out {
            let asked = &mut self.home.relays.asked;
            asked.sent(&message.topic, &message.payload, message.at);
        }
        self.home.rates.count(self.at.mono, 1);
        self.topic_heard(message, seq, !reading.mask.is_empty());
        if let Some((number, id)) = device {
            self.home.devices.touch(number, self.at.mono);
            if is_said_by_device(message, reading.kind) {
                self.alive(&id);
            }
        }
        self.offer_message(seq);
        self.moved = true;
        for fact in reading.facts {
            self.fact(fact);
        }
    }

    /// The device has just said something: it is connected.
    fn alive(&mut self, device: &DeviceId) {
        let Some(entry) = self.home.devices.get_mut(device) else {
            return;
        };
        entry.device.presence = Presence::Online;
        entry.trouble = None;
    }

    fn link(&mut self, state: LinkState) {
        if state == self.home.link {
            return;
        }
        self.moved = true;
        if !state.is_up() {
            self.sweep_cut_off();
        }
        match &state {
            // The adapter greets at every connection; where there is none, the list can be had all the same.
            LinkState::Reconnecting { .. } => {
                self.home.filters.disconnected();
                self.unsettled = true;
                self.ask_devices_once();
            }
            LinkState::Connected { .. } => self.close_problem_box(),
            LinkState::Refused(problem) | LinkState::TakenOver(problem) => {
                // It does not come back by itself.
                if let Some(words) = self.drop_repeat() {
                    self.say(Role::Bad, format!("repeating stopped ({words})"));
                }
                self.close_problem_box();
                if !self.token_is_asked() {
                    self.offer(Over::problem(problem.clone(), true));
                }
            }
            LinkState::Idle
            | LinkState::SigningIn { .. }
            | LinkState::Connecting { .. }
            | LinkState::Silent { .. }
            | LinkState::Closed => {}
        }
        self.home.link = state;
    }

    fn ask_devices_once(&mut self) {
        if self.has_topics() {
            return;
        }
        if !self.home.devices.is_listed() && !std::mem::replace(&mut self.home.greeted, true) {
            self.ask_devices(false);
        }
    }

    /// `asked`: by the user, so the platform itself is asked and the outcome is said.
    pub(super) fn ask_devices(&mut self, asked: bool) {
        let id = self.pending.begin(Purpose::Devices { asked });
        self.ask(Effect::Request(id, Request::Devices { fresh: asked }));
    }

    /// A device that came by itself: the list tells all of it, and after that the feeds. Several at once cost one list.
    fn ask_about_newcomers(&mut self) {
        if !std::mem::replace(&mut self.home.newcomers, true) {
            let id = self.pending.begin(Purpose::Devices { asked: false });
            self.ask(Effect::Request(id, Request::Devices { fresh: true }));
        }
    }

    pub(super) fn ask_feeds(&mut self) {
        if self.capabilities().push.is_none() && self.capabilities().event.is_none() {
            return;
        }
        let id = self.pending.begin(Purpose::Feeds);
        self.ask(Effect::Request(id, Request::Feeds));
    }

    /// Found out on the way to an answer that somebody waits for.
    pub(super) fn progress(&mut self, id: RequestId, fact: Fact) {
        match self.pending.owner(id) {
            Some(Purpose::TryProfile) => self.wizard_progress(id, fact),
            Some(_) => self.fact(fact),
            None => self.pending.stray(),
        }
    }

    pub(super) fn fact(&mut self, fact: Fact) {
        match fact {
            Fact::Step(step) => {
                self.home.step(step);
                self.moved |= !self.home.devices.is_listed();
            }
            Fact::Progress(progress) => {
                if !self.provision_step(&progress) {
                    self.trial_step(progress);
                }
            }
            Fact::Devices(devices) => {
                let changed = self.home.devices.replace(devices);
                self.home.trouble = None;
                self.lists_changed(changed);
            }
            Fact::DeviceAdded(device) => {
                let text = format!("new device: {}", device.label());
                let known = self.home.devices.get(&device.id).is_some();
                let changed = self.home.devices.add(device);
                self.lists_changed(changed);
                if !known {
                    self.say(Role::Good, text);
                    self.ask_about_newcomers();
                }
            }
            Fact::DeviceHeard(device) => {
                if self.home.devices.get(&device.id).is_none() {
                    let changed = self.home.devices.add(device);
                    self.lists_changed(changed);
                }
            }
            Fact::DeviceRemoved(device) => {
                let text = format!("{} is gone", self.home.devices.label(&device));
                if self.home.devices.remove(&device) {
                    self.lists_changed(true);
                    self.say(Role::Warn, text);
                }
            }
            Fact::DeviceRenamed { device, name } => {
                let text = format!("{} is now {name}", self.home.devices.label(&device));
                if self.home.devices.rename(&device, name) {
                    self.lists_changed(true);
                    self.say(Role::Good, text);
                    self.view_changed();
                }
            }
            Fact::Presence { device, presence } => {
                let changed = self.home.devices.set_presence(&device, presence);
                self.moved |= changed;
            }
            Fact::Model { device, model } => {
                if let Some(entry) = self.home.devices.get_mut(&device) {
                    entry.model = Some(model);
                    self.moved |= !self.overlays.is_empty();
                }
            }
            Fact::State { device, state } => {
                let changed = self.home.devices.set_state(&device, state);
                self.state_seen(&device, changed, false);
            }
            Fact::Report { device, patch } => {
                let changed = self.home.devices.merge(&device, &patch);
                self.state_seen(&device, changed, true);
            }
            Fact::Feed {
                device,
                feed,
                state,
            } => {
                let changed = self.feed_told(&device, feed, state);
                self.lists_changed(changed);
            }
            Fact::FeedFailed {
                device,
                feed,
                state,
                problem,
            } => {
                self.feed_failed(&device, feed, state, problem);
                self.lists_changed(true);
            }
            Fact::Budget(budget) => {
                self.moved |= self.home.budget != Some(budget);
                self.home.budget = Some(budget);
            }
            Fact::Shadow(news) => self.shadow_news(&news),
            Fact::Jobs(news) => self.jobs_news(*news),
            Fact::Relay(news) => self.relay_news(*news),
            Fact::TokenRefused(problem) => self.token_refused(problem),
            Fact::Notice(problem) => {
                let role = if problem.is_fatal() {
                    Role::Bad
                } else {
                    Role::Warn
                };
                self.remember(&problem.what, &problem);
                self.say(role, problem.line());
            }
        }
    }

    /// A state or a report is in: commands that it proves are confirmed.
    fn state_seen(&mut self, device: &DeviceId, changed: bool, reported: bool) {
        let state = self.home.devices.get(device).and_then(|e| e.state.clone());
        let Some(state) = state else { return };
        let confirmed = self.home.commands.seen(self.at, device, &state, reported);
        self.moved |= confirmed || (changed && !self.overlays.is_empty());
    }

    pub(super) fn reply(&mut self, id: RequestId, result: Result<Reply, Problem>) {
        // Late, or of a session that was left.
        let Some(purpose) = self.pending.end(id) else {
            return;
        };
        self.unsettled = true;
        match purpose {
            Purpose::Devices { asked } => self.devices_answered(asked, result),
            Purpose::Feeds => self.feeds_answered(result),
            Purpose::Feed { device, feed, on } => self.feed_answered(device, feed, on, result),
            Purpose::State(device) => self.state_answered(&device, result),
            Purpose::Model(device) => self.model_answered(&device, result),
            Purpose::Energy(device) => self.energy_answered(&device, result),
            Purpose::Rehearse { device, settings } => self.rehearsed(id, &device, settings, result),
            Purpose::Control { device, command } => self.control_answered(&device, command, result),
            Purpose::TryProfile => self.profile_tried(id, result),
            Purpose::Provision => self.provisioned(id, result),
            Purpose::Trial => self.trial_answered(result),
            Purpose::Forgotten => {
                if let Err(problem) = result {
                    self.problem_notice("provisioning", &problem);
                }
            }
            Purpose::Shadow(purpose) => self.shadow_answered(id, purpose, result),
            Purpose::Jobs(purpose) => self.jobs_answered(id, purpose, result),
            Purpose::Relay(purpose) => self.relay_answered(id, purpose, result),
            Purpose::SaveProfile
            | Purpose::SaveThing
            | Purpose::TryThing
            | Purpose::Recipe
            | Purpose::SaveMessages
            | Purpose::SaveToken
            | Purpose::SavePin
            | Purpose::Sift
            | Purpose::SaveProgram
            | Purpose::Export
            | Purpose::Copy
            | Purpose::Decode
            | Purpose::Kept
            | Purpose::Edit
            | Purpose::EditShadow
            | Purpose::EditRelay
            | Purpose::Gather(_)
            | Purpose::Templates(_) => self.pending.stray(),
        }
    }

    pub(super) fn done(&mut self, id: RequestId, result: Result<Outcome, Problem>) {
        let Some(purpose) = self.pending.end(id) else {
            return;
        };
        match (purpose, result) {
            (Purpose::SaveProfile, result) => self.profile_saved(id, result),
            (Purpose::SaveToken, result) => self.token_saved(id, result),
            (Purpose::SaveThing, result) => self.thing_saved(id, result),
            (Purpose::TryThing, result) => self.thing_tried(id, result),
            (Purpose::Recipe, result) => self.recipe_completed(result),
            (Purpose::SaveMessages, result) => self.messages_saved(result),
            (_, Ok(Outcome::Copied { how })) => self.say(Role::Good, format!("copied: {how}")),
            (_, Ok(Outcome::Written { path })) => self.say(Role::Good, format!("written: {path}")),
            (_, Ok(Outcome::ProfileSaved { name })) => {
                self.say(Role::Good, format!("profile {name} is saved"));
            }
            (_, Ok(Outcome::Kept(kept))) => self.kept_came(*kept),
            (Purpose::EditShadow, Ok(Outcome::Edited { text })) => self.shadow_edited(&text),
            (Purpose::EditRelay, Ok(Outcome::Edited { text })) => self.relay_edited(&text),
            (_, Ok(Outcome::Edited { text })) => self.edited(&text),
            (Purpose::Gather(job), Ok(Outcome::Gathered(gathered))) => {
                self.gathered(*job, gathered);
            }
            (Purpose::Templates(purpose), Ok(Outcome::Templates(templates))) => {
                self.templates_came(templates, purpose);
            }
            (
                _,
                Ok(
                    Outcome::ThingSaved(..)
                    | Outcome::Tried
                    | Outcome::Recipe(_)
                    | Outcome::Gathered(_)
                    | Outcome::Templates(_),
                ),
            ) => self.pending.stray(),
            (_, Err(problem)) => {
                self.remember(&problem.what, &problem);
                self.say(Role::Bad, problem.line());
            }
        }
    }

    fn devices_answered(&mut self, asked: bool, result: Result<Reply, Problem>) {
        let newcomers = std::mem::take(&mut self.home.newcomers);
        match result {
            Ok(Reply::Devices(devices)) => {
                if newcomers {
                    self.ask_feeds();
                }
                let count = devices.len();
                self.fact(Fact::Devices(devices));
                if asked {
                    self.say(Role::Good, words::count(count, "device"));
                }
            }
            Ok(_) => {}
            Err(problem) => {
                self.say(Role::Bad, problem.line());
                self.home.trouble = Some(problem);
            }
        }
    }

    fn feeds_answered(&mut self, result: Result<Reply, Problem>) {
        match result {
            Ok(Reply::Feeds(entries)) => {
                for entry in entries {
                    self.feed_told(&entry.device, entry.feed, entry.state);
                }
            }
            Ok(_) => {}
            Err(problem) => self.say(Role::Bad, problem.line()),
        }
    }

    pub(super) fn ask_state(&mut self, device: &DeviceId) {
        let asked = |p: &Purpose| matches!(p, Purpose::State(d) if d == device);
        if self.pending.has(asked) {
            return;
        }
        let id = self.pending.begin(Purpose::State(device.clone()));
        let device = device.clone();
        self.ask(Effect::Request(id, Request::State { device }));
    }

    /// Models practically never change: asked for once.
    pub(super) fn ask_model(&mut self, device: &DeviceId) {
        let known = self
            .home
            .devices
            .get(device)
            .is_some_and(|e| e.model.is_some());
        let asked = |p: &Purpose| matches!(p, Purpose::Model(d) if d == device);
        if known || self.pending.has(asked) {
            return;
        }
        let id = self.pending.begin(Purpose::Model(device.clone()));
        let device = device.clone();
        self.ask(Effect::Request(id, Request::Model { device }));
    }

    fn state_answered(&mut self, device: &DeviceId, result: Result<Reply, Problem>) {
        match result {
            Ok(Reply::State(state)) => {
                self.clear_trouble(device);
                self.fact(Fact::State {
                    device: device.clone(),
                    state,
                });
            }
            Ok(_) => {}
            Err(problem) => self.device_trouble(device, &problem),
        }
    }

    fn model_answered(&mut self, device: &DeviceId, result: Result<Reply, Problem>) {
        match result {
            Ok(Reply::Model { model, .. }) => self.fact(Fact::Model {
                device: device.clone(),
                model,
            }),
            Ok(_) => {}
            Err(problem) => self.device_trouble(device, &problem),
        }
    }

    fn energy_answered(&mut self, device: &DeviceId, result: Result<Reply, Problem>) {
        match result {
            Ok(Reply::Energy(usage)) => {
                if let Some(entry) = self.home.devices.get_mut(device) {
                    entry.usage = Some(usage);
                }
            }
            Ok(_) => {}
            Err(problem) => {
                self.close_energy(device);
                let name = self.home.devices.label(device);
                self.problem_notice(&name, &problem);
            }
        }
    }

    fn control_answered(
        &mut self,
        device: &DeviceId,
        command: u64,
        result: Result<Reply, Problem>,
    ) {
        let name = self.home.devices.label(device);
        match result {
            Ok(_) => {
                self.clear_trouble(device);
                self.home.commands.answered(command, None);
                self.say(Role::Pending, format!("{name}: sent, waits for its report"));
                if !self.wants(device, Feed::Event) {
                    for wait in LOOKS {
                        let id = self.timers.next();
                        self.ask(Effect::StartTimer(id, wait));
                        self.timers.looks.insert(id, (device.clone(), command));
                    }
                }
            }
            Err(problem) => {
                let why = words::brief(&problem);
                self.home.commands.answered(command, Some(why));
                self.problem_notice(&name, &problem);
                self.offer(Over::problem(problem, false));
            }
        }
    }

    /// A device whose events are off reports nothing: its state is asked for instead, unless it is known by now.
    pub(super) fn look_at_state(&mut self, device: &DeviceId, command: u64) {
        if self.home.commands.is_open(command) {
            self.ask_state(device);
        }
    }

    fn device_trouble(&mut self, device: &DeviceId, problem: &Problem) {
        let brief = words::brief(problem);
        if let Some(entry) = self.home.devices.get_mut(device) {
            entry.trouble = Some(brief);
        }
        let name = self.home.devices.label(device);
        self.problem_notice(&name, problem);
    }

    fn clear_trouble(&mut self, device: &DeviceId) {
        if let Some(entry) = self.home.devices.get_mut(device) {
            entry.trouble = None;
        }
    }

    /// For a notice: `targetTemperature = 24`.
    pub(super) fn setting_words(settings: &[crate::domain::request::Setting]) -> String {
        let parts: Vec<_> = settings
            .iter()
            .map(|s| format!("{} = {}", s.path.property, plain(&s.value)))
            .collect();
        parts.join(", ")
    }
}

/// What the platform says about a device, its shadow or its jobs does not show that the device is there; nor does a
/// message on a topic with its name in it: that may be its last will.
const fn is_said_by_device(message: &Message, kind: Kind) -> bool {
    let is_fresh = !message.retain && !message.session;
    let is_about = matches!(
        kind,
        Kind::Shadow | Kind::Job | Kind::Presence | Kind::Provisioning | Kind::Message
    );
    is_fresh && !is_about && matches!(message.direction, Direction::In)
}
