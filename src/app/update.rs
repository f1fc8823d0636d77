//! One exhaustive match, one call per arm.

use std::time::Duration;

use super::Effects;
use super::action::Action;
use super::effect::Effect;
use super::event::{Event, Key, KeyCode, Mouse, MouseKind, TimerId};
use super::keymap::{self, is_key};
use super::pending::ForTemplates;
use super::screen::{Area, PaneId, Role};
use super::scroll::Step;
use super::state::App;
use crate::base::moment::Moment;
use crate::domain::session::SessionCommand;

impl App {
    pub fn update(&mut self, at: Moment, event: Event) -> Effects {
        self.at = at;
        // Messages, facts and log lines come in crowds and say themselves whether they moved something; for the rest the
        // screen is compared.
        let compare = match event {
            Event::Key(key) => {
                self.key(key);
                true
            }
            Event::Paste(text) => {
                self.paste(&text);
                true
            }
            Event::Mouse(mouse) => {
                self.mouse(mouse);
                true
            }
            Event::Resize(size) => {
                self.size = size;
                true
            }
            Event::Focus(_) => false,
            Event::Session(id, event) => {
                self.session_event(id, event);
                false
            }
            Event::Progress(id, fact) => {
                self.progress(id, fact);
                false
            }
            Event::Reply(id, result) => {
                self.reply(id, result);
                true
            }
            Event::Done(id, result) => {
                self.done(id, result);
                true
            }
            Event::Decoded(id, ready) => {
                self.decoded(id, *ready);
                true
            }
            Event::Sifted(id, results, last) => {
                if self.plot_waits_for(id) {
                    self.plot_sifted(results, last);
                } else {
                    self.sifted(id, results, last);
                }
                true
            }
            Event::Timer(id) => {
                self.timer(id);
                true
            }
            Event::Shelf(id, event) => {
                self.shelf_event(id, event);
                true
            }
            Event::Recording(id, event) => {
                self.recording_event(id, event);
                false
            }
            Event::Log(line) => {
                self.log_line(line);
                false
            }
            Event::Stop(_) => {
                self.flush_draft();
                self.ask(Effect::Quit);
                false
            }
        };
        if std::mem::take(&mut self.unsettled) || compare {
            self.settle();
        } else {
            self.settle_messages();
        }
        self.search_disk();
        self.count_groups();
        self.fetch_window();
        self.sift();
        self.plot_on();
        self.schedule();
        self.revise(compare);
        std::mem::take(&mut self.out)
    }

    fn revise(&mut self, compare: bool) {
        if std::mem::take(&mut self.moved) {
            self.revision += 1;
            self.shown = None;
        } else if compare {
            let screen = self.screen(self.at);
            if self.shown.as_deref() != Some(&screen) {
                self.revision += 1;
                self.shown = Some(Box::new(screen));
            }
        }
    }

    /// Keeps cursors on rows and windows over cursors, whatever has just happened.
    pub(super) fn settle(&mut self) {
        self.settle_devices();
        self.settle_subscriptions();
        self.settle_messages();
        self.settle_groups();
        self.settle_inspector();
        self.settle_publish();
        self.settle_shadow();
        if self.overlays.is_empty()
            && !self.is_typing()
            && let Some(over) = self.waiting.pop_front()
        {
            self.overlays.push(over);
            self.moved = true;
        }
    }

    /// One timer for all that moves with the time alone; none when nothing does.
    fn schedule(&mut self) {
        let due = self.next_change().map(|wait| self.at.mono.plus(wait));
        match (self.timers.tick, due) {
            (Some((_, set)), Some(due)) if set <= due => {}
            (None, None) => {}
            (old, due) => {
                if let Some((id, _)) = old {
                    self.ask(Effect::StopTimer(id));
                }
                self.timers.tick = due.map(|due| {
                    let id = self.timers.next();
                    let wait = due.since(self.at.mono).max(Duration::from_millis(1));
                    self.out.push(Effect::StartTimer(id, wait));
                    (id, due)
                });
            }
        }
        if self.timers.search.is_none() && self.messages.is_looking(&self.home) {
            let id = self.timers.next();
            // At once, but after whatever the keyboard has to say.
            self.ask(Effect::StartTimer(id, Duration::ZERO));
            self.timers.search = Some(id);
        }
    }

    fn timer(&mut self, id: TimerId) {
        if self.timers.tick.is_some_and(|(tick, _)| tick == id) {
            self.timers.tick = None;
        } else if self.timers.search == Some(id) {
            self.timers.search = None;
            self.look_back();
        } else if let Some((device, command)) = self.timers.looks.remove(&id) {
            self.look_at_state(&device, command);
        } else if self.draft_timer(id)
            || self.repeat_timer(id)
            || self.exchange_timer(id)
            || self.sweep_timer(id)
            || self.shadow_timer(id)
            || self.sift_timer(id)
            || self.groups_timer(id)
            || self.plot_timer(id)
        {
        } else {
            self.pending.stray();
        }
    }

    fn key(&mut self, key: Key) {
        if is_key("Ctrl-C", key) {
            return self.act(Action::Leave);
        }
        if is_key("Ctrl-Z", key) && !key.repeat {
            return self.act(Action::Suspend);
        }
        self.notice = None;
        if !self.overlays.is_empty() {
            return self.overlay_key(key);
        }
        if self.program_is_edited() {
            return self.program_key(key);
        }
        if self.filter_is_edited() {
            return self.filter_key(key);
        }
        if self.is_composing() {
            return self.composer_key(key);
        }
        let Some(info) = keymap::lookup(self.focus, key) else {
            return;
        };
        if !key.repeat || info.moves {
            self.act(info.action);
        }
    }

    fn paste(&mut self, text: &str) {
        if !self.overlays.is_empty() {
            self.overlay_paste(text);
        } else if self.program_is_edited() {
            self.program_paste(text);
        } else if self.filter_is_edited() {
            self.filter_paste(text);
        } else if self.is_composing() {
            self.composer_paste(text);
        }
    }

    /// Whether letters go into a text field: then nothing may pop up and take them.
    pub(super) fn is_typing(&self) -> bool {
        match self.overlays.last() {
            Some(over) => over.is_typing(),
            None => self.program_is_edited() || self.filter_is_edited() || self.is_composing(),
        }
    }

    fn mouse(&mut self, mouse: Mouse) {
        if !self.mouse {
            return;
        }
        let step = match mouse.kind {
            MouseKind::Click => None,
            MouseKind::ScrollUp => Some(Step::Up),
            MouseKind::ScrollDown => Some(Step::Down),
        };
        if !self.overlays.is_empty() {
            if step.is_some() {
                let code = match mouse.kind {
                    MouseKind::ScrollUp => KeyCode::Up,
                    _ => KeyCode::Down,
                };
                self.overlay_key(Key::plain(code));
            }
            return;
        }
        let layout = self.layout();
        let Some((pane, area)) = layout.under(mouse.column, mouse.row) else {
            return;
        };
        if let Some(step) = step {
            for _ in 0..3 {
                self.step(pane, step);
            }
            return;
        }
        // The headings take the first line inside where the list is short of the frame by one.
        let inside = usize::from(area.height.saturating_sub(2));
        let headings = inside - self.rows(pane).min(inside);
        let row = usize::from(mouse.row - area.y).checked_sub(1 + headings);
        self.focus_on(pane);
        if let Some(row) = row.filter(|row| *row < self.rows(pane)) {
            self.select_row(pane, row);
        }
    }

    pub(super) fn focus_on(&mut self, pane: PaneId) {
        self.end_program_editing();
        self.end_filter_editing();
        self.stop_composing();
        self.focus = pane;
    }

    pub(super) fn act(&mut self, action: Action) {
        match action {
            Action::NextPane => self.focus_by(1),
            Action::PreviousPane => self.focus_by(PaneId::ALL.len() - 1),
            Action::Focus(pane) => self.focus_on(pane),
            Action::Zoom => self.zoomed = !self.zoomed,
            Action::Up => self.step(self.focus, Step::Up),
            Action::Down => self.step(self.focus, Step::Down),
            Action::Left if self.topic_is_at_hand() && self.topic_outwards() => {}
            Action::Right if self.topic_is_at_hand() && self.topic_inwards() => {}
            Action::Left if self.group_is_at_hand() && self.group_inwards(false) => {}
            Action::Right if self.group_is_at_hand() && self.group_inwards(true) => {}
            Action::Left => self.focus_beside(false),
            Action::Right => self.focus_beside(true),
            Action::PlotOrTop => self.plot_or_top(),
            Action::Plot => self.open_plot(),
            Action::Top | Action::TopOfMessage => self.step(self.focus, Step::First),
            Action::Bottom => self.step(self.focus, Step::Last),
            Action::PageUp => self.step(self.focus, Step::PageUp),
            Action::PageDown => self.step(self.focus, Step::PageDown),
            Action::HalfUp => self.step(self.focus, Step::HalfUp),
            Action::HalfDown => self.step(self.focus, Step::HalfDown),
            Action::ShowMessages => self.show_messages_of_device(),
            Action::Inspect if self.is_grouped() => self.show_group(),
            Action::Inspect if self.answer_selected() => {}
            Action::Inspect => self.inspect(),
            Action::Group => self.group_or_not(),
            Action::Push => self.toggle_chosen(crate::domain::subscription::Feed::Push),
            Action::Event => self.toggle_chosen(crate::domain::subscription::Feed::Event),
            Action::Mark => self.mark_device(),
            Action::Freeze => self.freeze_or_follow(),
            Action::State => self.open_state(),
            Action::Sort if self.group_is_at_hand() => self.sort_groups(),
            Action::Fold | Action::FoldBelow | Action::Sort if !self.has_topics() => {}
            Action::Fold => self.fold_or_unfold(),
            Action::FoldBelow => self.fold_or_unfold_below(),
            Action::Sort => self.sort_topics(),
            Action::Health => self.open_health(),
            Action::EditFilter => self.edit_topic_filter(),
            Action::Control => self.open_control(),
            Action::Jobs => self.open_jobs(),
            Action::Bind => self.open_binding(true),
            Action::Unbind => self.open_binding(false),
            Action::SendCommand => self.open_command(),
            Action::SendMessage => self.open_send_message(),
            Action::SendEvent => self.compose_event(),
            Action::SyncClock => self.compare_clocks(),
            Action::Compose => self.compose(),
            Action::Write => {
                if self.has_composer() {
                    self.compose();
                }
            }
            Action::Send => self.send(),
            Action::OpenEditor => self.open_editor(),
            Action::History => self.only_composer(Self::open_history),
            Action::FormatJson => self.only_composer(Self::format_json),
            Action::Undo => self.only_composer(|app| app.undo_typing(true)),
            Action::Redo => self.only_composer(|app| app.undo_typing(false)),
            Action::ComposeMessage => self.compose_message(),
            Action::StopRepeat => self.only_composer(Self::stop_repeating),
            Action::Templates => self.only_composer(|app| app.ask_templates(ForTemplates::Open)),
            Action::SaveTemplate => {
                self.only_composer(|app| app.ask_templates(ForTemplates::Save));
            }
            Action::DeleteTemplate => {
                self.only_composer(|app| app.ask_templates(ForTemplates::Delete));
            }
            Action::MessageProperties => self.only_composer(Self::open_properties),
            Action::Repeat => self.only_composer(Self::open_repeat),
            Action::AwaitAnswer => self.only_composer(Self::open_answer),
            Action::ClearDraft => self.only_composer(Self::clear_draft),
            Action::ClearRetained => self.open_sweep(),
            Action::AddFilter => self.add_filter(),
            Action::Drop => self.drop_subscription(),
            Action::Mute => self.mute_subscription(),
            Action::Filter => self.edit_filter(),
            Action::Program => self.edit_program(),
            Action::Clear => self.clear(),
            Action::NextMatch => self.next_match(true),
            Action::PreviousMatch => self.next_match(false),
            Action::View => self.next_view(),
            Action::FoldValue => self.fold_here(),
            Action::FoldAll => self.fold_all(),
            Action::Earlier => self.step_in_time(false),
            Action::Later => self.step_in_time(true),
            Action::Compare => self.compare(),
            Action::Changes => self.toggle_changes(),
            Action::CopyPath => self.copy_path(),
            Action::Decoder => self.choose_decoder(),
            Action::Copy => self.copy_payload(),
            Action::SavePayload => self.save_payload(),
            Action::CopyMessage => self.copy_message(),
            Action::Refresh => self.refresh(),
            Action::Record => self.record_or_stop(),
            Action::Log => self.open_log(),
            Action::Profiles => self.open_profiles(),
            Action::Palette => self.open_palette(),
            Action::Help => self.open_help(),
            Action::Quit => self.quit(),
            Action::QuitEnding => self.ask(Effect::QuitEnding),
            Action::Leave => {
                self.flush_draft();
                self.ask(Effect::Quit);
            }
            Action::Suspend => self.ask(Effect::Suspend),
            Action::Energy => self.open_energy(),
            Action::AddAccount => self.open_wizard(),
            Action::NewToken => self.open_token(None),
            Action::Problems => self.open_problems(),
            Action::Provision => self.open_provision(),
            Action::ConnectionState => self.open_recipe(),
        }
    }

    /// Left and Right are about the tree first.
    fn topic_is_at_hand(&self) -> bool {
        self.focus == PaneId::Devices && self.has_topics()
    }

    pub(super) fn group_is_at_hand(&self) -> bool {
        self.focus == PaneId::Messages && self.is_grouped()
    }

    /// Where there is no composer, its keys do nothing.
    fn only_composer(&mut self, act: impl FnOnce(&mut Self)) {
        if self.has_composer() {
            act(self);
        }
    }

    fn focus_by(&mut self, by: usize) {
        let all = PaneId::ALL;
        let now = all.iter().position(|p| *p == self.focus).unwrap_or(0);
        self.focus_on(all[(now + by) % all.len()]);
    }

    /// To the pane that stands beside the focused one, at about its height.
    fn focus_beside(&mut self, right: bool) {
        let layout = self.layout();
        let Some(here) = layout.area(self.focus) else {
            return;
        };
        let middle = here.y + here.height / 2;
        let beside = |area: &Area| {
            if right {
                area.x >= here.x + here.width
            } else {
                area.x + area.width <= here.x
            }
        };
        let next = layout
            .panes
            .iter()
            .filter(|(_, area)| beside(area))
            .min_by_key(|(_, area)| middle.abs_diff(area.y + area.height / 2));
        if let Some((pane, _)) = next {
            self.focus_on(*pane);
        }
    }

    fn step(&mut self, pane: PaneId, step: Step) {
        match pane {
            PaneId::Devices => self.step_devices(step),
            PaneId::Subscriptions => self.step_subscriptions(step),
            PaneId::Messages => self.step_messages(step),
            PaneId::Inspector => self.step_inspector(step),
            PaneId::Publish => self.step_publish(step),
        }
    }

    fn select_row(&mut self, pane: PaneId, row: usize) {
        match pane {
            PaneId::Devices => self.select_device_row(row),
            PaneId::Subscriptions => self.select_subscription_row(row),
            PaneId::Messages => self.select_message_row(row),
            PaneId::Publish => self.select_command_row(row),
            PaneId::Inspector => self.select_inspector_row(row),
        }
    }

    /// Esc goes back one step: filter, inspector, device, held stream, marks, zoom.
    fn clear(&mut self) {
        if self.clear_filter() {
            return;
        }
        if self.focus == PaneId::Inspector {
            return self.focus_on(PaneId::Messages);
        }
        if self.focus == PaneId::Messages && self.leave_groups() {
            return;
        }
        if self.messages.is_narrowed() {
            return self.show_all_messages();
        }
        if self.focus == PaneId::Messages && self.follow_again() {
            return;
        }
        if self.devices.unmark_all() || self.topics.unmark_all() {
            return;
        }
        self.zoomed = false;
    }

    fn next_match(&mut self, forward: bool) {
        if self.focus == PaneId::Inspector {
            return self.next_inspector_match(forward);
        }
        let step = if forward { Step::Down } else { Step::Up };
        self.step(self.focus, step);
    }

    /// `r`: where it waits to connect, it connects now; where it is connected, everything is asked afresh.
    fn refresh(&mut self) {
        use crate::domain::session::LinkState;
        let id = self.home.session;
        match self.home.link {
            LinkState::Reconnecting { .. }
            | LinkState::Refused(_)
            | LinkState::TakenOver(_)
            | LinkState::Closed => {
                self.ask(Effect::Session(id, SessionCommand::RetryNow));
                self.say(Role::Pending, "connecting again");
            }
            _ if self.has_topics() => {
                let reason = "the user asks for everything again".to_owned();
                self.ask(Effect::Session(id, SessionCommand::Resubscribe { reason }));
                self.say(
                    Role::Pending,
                    "subscribing again: what is retained comes anew",
                );
            }
            _ => {
                self.ask_devices(true);
                self.ask_feeds();
                self.say(Role::Pending, "asking the platform");
            }
        }
    }
}
