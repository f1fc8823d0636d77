//! `s` where devices have shadows: what is desired, what is reported and the difference side by side, one tab for each
//! shadow of the thing, live.

mod conflict;
mod edit;
mod table;

use super::super::action::Action;
use super::super::event::{Key, KeyCode};
use super::super::keymap;
use super::super::layout::centre;
use super::super::lines::{self, line, span};
use super::super::screen::{Area, Line, Overlay, Role, Span, TextBox};
use super::super::scroll::{self, Step};
use super::super::state::App;
use super::super::words;
use super::confirm::{ConfirmKind, ConfirmOver};
use super::text::problem_lines;
use super::{After, Over};
use crate::base::moment::Timestamp;
use crate::base::text::SafeText;
use crate::domain::device::DeviceId;
use crate::domain::shadow::{Knowledge, LIMIT_BYTES, Section, Shadow, ShadowKey, rows};
use crate::domain::subscription::Feed;
use conflict::Conflict;
use edit::Edit;

#[derive(Debug)]
pub(in super::super) struct ShadowOver {
    pub(in super::super) thing: DeviceId,
    /// Which of its shadows; `None`: the classic one.
    tab: Option<String>,
    offset: usize,
    mode: Mode,
}

#[derive(Debug)]
enum Mode {
    View,
    Edit(Box<Edit>),
    Conflict(Box<Conflict>),
}

/// What belongs above the fields and does not move with them, and the fields.
struct Page {
    head: Vec<Line>,
    rows: Vec<Line>,
}

impl ShadowOver {
    fn new(thing: DeviceId) -> Self {
        Self {
            thing,
            tab: None,
            offset: 0,
            mode: Mode::View,
        }
    }

    pub(in super::super) fn key(&self) -> ShadowKey {
        ShadowKey {
            thing: self.thing.clone(),
            name: self.tab.clone(),
        }
    }

    pub(super) const fn is_typing(&self) -> bool {
        matches!(self.mode, Mode::Edit(_))
    }

    /// What was typed would be lost.
    pub(super) fn is_half_filled(&self) -> bool {
        match &self.mode {
            Mode::View => false,
            Mode::Edit(edit) => edit.is_touched(),
            Mode::Conflict(_) => true,
        }
    }

    pub(super) fn waits_for(&self, id: crate::domain::request::RequestId) -> bool {
        matches!(&self.mode, Mode::Edit(edit) if edit.waiting == Some(id))
    }

    pub(super) fn paste(&mut self, text: &str) {
        if let Mode::Edit(edit) = &mut self.mode {
            edit.paste(text);
        }
    }
}

impl App {
    pub(in super::super) fn open_shadow(&mut self) {
        match self.device_at_hand() {
            Some(thing) => self.open_shadow_of(&thing),
            None => self.say(Role::Warn, "no device is selected"),
        }
    }

    pub(super) fn open_shadow_of(&mut self, thing: &DeviceId) {
        if !self.capabilities().shadow {
            let platform = self.platform_name();
            return self.say(Role::Warn, format!("{platform} has no shadows"));
        }
        let over = ShadowOver::new(thing.clone());
        self.watch_shadow(&over.key());
        self.ask_shadow_names(thing);
        self.open_over(Over::Shadow(over));
    }

    /// A view of the thing is open, whatever its tab.
    pub(in super::super) fn shows_shadow_of(&self, thing: &DeviceId) -> bool {
        self.overlays
            .iter()
            .any(|over| matches!(over, Over::Shadow(s) if s.thing == *thing))
    }

    pub(in super::super) fn shows_shadow(&self, key: &ShadowKey) -> bool {
        self.overlays
            .iter()
            .any(|over| matches!(over, Over::Shadow(s) if s.key() == *key))
    }

    pub(super) fn shadow_key(&mut self, mut over: ShadowOver, key: Key) -> After {
        match std::mem::replace(&mut over.mode, Mode::View) {
            Mode::View => self.shadow_view_key(over, key),
            Mode::Edit(edit) => self.shadow_edit_key(over, edit, key),
            Mode::Conflict(conflict) => self.shadow_conflict_key(over, conflict, key),
        }
    }

    fn shadow_view_key(&mut self, mut over: ShadowOver, key: Key) -> After {
        if matches!(key.code, KeyCode::Tab | KeyCode::BackTab) && !key.repeat {
            let back = key.shift || key.code == KeyCode::BackTab;
            self.shadow_tab(&mut over, !back);
            return After::Stay(Over::Shadow(over));
        }
        match keymap::movement_of(key) {
            Some(Action::Left) => self.shadow_tab(&mut over, false),
            Some(Action::Right) => self.shadow_tab(&mut over, true),
            Some(action) => self.shadow_scroll(&mut over, action),
            None if key.repeat || key.ctrl || key.alt => {}
            None => return self.shadow_command(over, key.code),
        }
        After::Stay(Over::Shadow(over))
    }

    fn shadow_command(&mut self, mut over: ShadowOver, code: KeyCode) -> After {
        let key = over.key();
        match code {
            KeyCode::Esc | KeyCode::Enter | KeyCode::Char('q' | 's') => {
                self.unsettled = true;
                return After::Close;
            }
            KeyCode::Char('e') => self.edit_shadow(&mut over, Section::Desired),
            KeyCode::Char('E' | 'd' | 'p') if !self.capabilities().shadow_topics => {
                let text = "what is reported only the device can change; a shadow lives as long as its device";
                self.say(Role::Warn, text);
            }
            KeyCode::Char('E') => self.edit_shadow(&mut over, Section::Reported),
            KeyCode::Char('r') => {
                self.ask_shadow(&key);
                self.ask_shadow_names(&over.thing);
                self.say(Role::Pending, format!("asking for the {key}"));
            }
            KeyCode::Char('d') if self.home.shadows.shadow(&key).is_some() => {
                let kind = ConfirmKind::DeleteShadow(key);
                let question = Over::Confirm(ConfirmOver { kind });
                return After::Cover(Over::Shadow(over), question);
            }
            KeyCode::Char('d') => self.say(Role::Warn, "there is nothing to delete"),
            KeyCode::Char('n') => {
                let form = Over::Form(edit::name_form(&over.thing));
                return After::Cover(Over::Shadow(over), form);
            }
            KeyCode::Char('p') => self.follow_shadow(&over.thing),
            KeyCode::Char('J') => {
                let thing = over.thing.clone();
                self.open_jobs_of(&thing);
            }
            KeyCode::Char('y') => self.copy_shadow(&key),
            KeyCode::Char('x') if self.capabilities().control => {
                let thing = over.thing.clone();
                self.open_control_of(&thing);
            }
            _ => {}
        }
        After::Stay(Over::Shadow(over))
    }

    fn follow_shadow(&mut self, thing: &DeviceId) {
        if self.capabilities().push.is_some() {
            self.toggle_feed(Feed::Push, std::slice::from_ref(thing));
        }
    }

    fn shadow_tab(&mut self, over: &mut ShadowOver, forward: bool) {
        let tabs = self.home.shadows.tabs(&over.thing);
        let at = tabs.iter().position(|tab| *tab == over.tab).unwrap_or(0);
        let by = if forward { 1 } else { tabs.len() - 1 };
        let next = tabs[(at + by) % tabs.len()].clone();
        if next != over.tab {
            self.show_shadow_tab(over, next);
        }
    }

    fn show_shadow_tab(&mut self, over: &mut ShadowOver, tab: Option<String>) {
        over.tab = tab;
        over.offset = 0;
        self.watch_shadow(&over.key());
    }

    /// A name was typed for a tab of its own.
    pub(super) fn open_named_shadow(&mut self, thing: &DeviceId, name: &str) {
        let at = self
            .overlays
            .iter()
            .rposition(|over| matches!(over, Over::Shadow(s) if s.thing == *thing));
        let Some(at) = at else { return };
        let Over::Shadow(mut over) = self.overlays.remove(at) else {
            return;
        };
        self.show_shadow_tab(&mut over, Some(name.to_owned()));
        self.overlays.insert(at, Over::Shadow(over));
    }

    fn shadow_scroll(&mut self, over: &mut ShadowOver, action: Action) {
        let step = match action {
            Action::Up => Step::Up,
            Action::Down => Step::Down,
            Action::Top => Step::First,
            Action::Bottom => Step::Last,
            Action::PageUp => Step::PageUp,
            Action::PageDown => Step::PageDown,
            Action::HalfUp => Step::HalfUp,
            Action::HalfDown => Step::HalfDown,
            _ => return,
        };
        let (page, area) = self.shadow_page(over);
        let room = room(area, &page);
        over.offset = step.scroll(over.offset, page.rows.len(), room);
    }

    pub(super) fn shadow_picture(&self, over: &ShadowOver) -> Overlay {
        match &over.mode {
            Mode::Edit(edit) => Overlay::Editor(self.edit_picture(over, edit)),
            Mode::View | Mode::Conflict(_) => {
                let (page, area) = self.shadow_page(over);
                let room = room(area, &page);
                let offset = over.offset.min(page.rows.len().saturating_sub(room));
                let scroll = scroll::scroll(offset, page.rows.len(), room);
                let window = page.rows.into_iter().skip(offset).take(room);
                Overlay::Text(TextBox {
                    area,
                    title: SafeText::new(&self.shadow_title(over)),
                    lines: page.head.into_iter().chain(window).collect(),
                    scroll,
                    hint: SafeText::new(&self.shadow_hint(over, area)),
                })
            }
        }
    }

    /// As high as what it says, and as wide as the screen lets it.
    fn shadow_page(&self, over: &ShadowOver) -> (Page, Area) {
        /// Wider, the columns would stand too far apart to be compared.
        const WIDEST: u16 = 150;
        let area = centre(self.size, WIDEST, u16::MAX);
        let cells = usize::from(area.width).saturating_sub(4);
        let page = match &over.mode {
            Mode::Conflict(conflict) => self.conflict_page(&over.key(), conflict, cells),
            Mode::View | Mode::Edit(_) => self.view_page(over, cells),
        };
        let needed = u16::try_from(page.head.len() + page.rows.len() + 2).unwrap_or(u16::MAX);
        let height = needed.clamp(10, area.height.max(10));
        (page, centre(self.size, WIDEST, height))
    }

    fn shadow_title(&self, over: &ShadowOver) -> String {
        format!("Shadow of {}", self.home.devices.label(&over.thing))
    }

    /// The keys that do something now, the most wanted first.
    pub(in super::super) fn shadow_keys(
        &self,
        over: &ShadowOver,
    ) -> Vec<(&'static str, &'static str)> {
        match &over.mode {
            Mode::Edit(edit) => return edit.keys(),
            Mode::Conflict(_) => {
                return vec![
                    ("e", "keep editing"),
                    ("s", "send mine anyway"),
                    ("x", "drop mine"),
                ];
            }
            Mode::View => {}
        }
        let entry = self.home.shadows.get(&over.key());
        let knowledge = entry.map(|entry| &entry.record.knowledge);
        let has_topics = self.capabilities().shadow_topics;
        let mut keys = vec![("r", "refresh")];
        if has_topics {
            keys.push(("n", "named shadow"));
        }
        if let Some(Knowledge::Whole(_)) = knowledge
            && has_topics
        {
            keys.insert(1, ("d", "delete"));
        }
        if let Some(Knowledge::Whole(_) | Knowledge::Absent(_)) = knowledge {
            keys.insert(0, ("e", "edit desired"));
            if has_topics {
                keys.insert(1, ("E", "edit reported"));
            }
        }
        if self.home.shadows.tabs(&over.thing).len() > 1 {
            keys.insert(0, ("Tab", "next shadow"));
        }
        if has_topics && !self.is_live(&over.thing) {
            keys.push(("p", "follow"));
        }
        keys.push(("y", "copy"));
        if self.capabilities().jobs {
            keys.push(("J", "jobs"));
        }
        keys.push(("Esc", "close"));
        keys
    }

    fn shadow_hint(&self, over: &ShadowOver, area: Area) -> String {
        fitting(
            &self.shadow_keys(over),
            usize::from(area.width).saturating_sub(8),
        )
    }

    fn view_page(&self, over: &ShadowOver, cells: usize) -> Page {
        let key = over.key();
        let mut head = self.tab_lines(over, cells);
        let entry = self.home.shadows.get(&key);
        let knowledge = entry.map(|entry| &entry.record.knowledge);
        if let Some(Knowledge::Whole(shadow)) = knowledge {
            head.extend(self.facts_lines(&over.thing, shadow, cells));
        }
        if let Some(trouble) = entry.and_then(|entry| entry.trouble.as_ref()) {
            head.extend(problem_lines(trouble, cells));
        }
        let asking = self.asks_shadow(&key);
        match knowledge {
            Some(Knowledge::Whole(shadow)) => {
                let table = self.shadow_table(shadow, cells);
                head.push(line("", Role::Normal));
                head.extend(table.head);
                Page {
                    head,
                    rows: table.rows,
                }
            }
            Some(Knowledge::Absent(version)) => {
                let mut rows = vec![line("", Role::Normal)];
                rows.push(line(absent(&key), Role::Warn));
                if let Some(version) = version {
                    rows.push(line(
                        format!("the last one was deleted at version {version}"),
                        Role::Dim,
                    ));
                }
                let next =
                    "e writes what is desired of the thing, E what it reports: that makes one";
                rows.extend(lines::wrapped(next, Role::Normal, cells));
                Page { head, rows }
            }
            Some(Knowledge::Nothing) | None => {
                let mut rows = vec![line("", Role::Normal)];
                if asking {
                    rows.push(line("asking for the shadow …", Role::Pending));
                } else {
                    rows.push(line("nothing is known of it; r asks again", Role::Normal));
                }
                Page { head, rows }
            }
        }
    }

    /// `[classic]  config  …`, and where they do not fit, those around the open one.
    fn tab_lines(&self, over: &ShadowOver, cells: usize) -> Vec<Line> {
        let tabs = self.home.shadows.tabs(&over.thing);
        let at = tabs.iter().position(|tab| *tab == over.tab).unwrap_or(0);
        let mut out = Line::new();
        let whole = if self.capabilities().shadow_topics {
            "classic"
        } else {
            "all services"
        };
        let label = |tab: &Option<String>| tab.as_deref().unwrap_or(whole).to_owned();
        let wide = |tab: &Option<String>| SafeText::new(&label(tab)).width() + 4;
        let mut first = 0;
        while first < at && tabs[first..=at].iter().map(wide).sum::<usize>() + 2 > cells {
            first += 1;
        }
        if first > 0 {
            out.push(span("… ", Role::Dim));
        }
        for (n, tab) in tabs.iter().enumerate().skip(first) {
            if n == at {
                out.push(span("[", Role::Key));
                out.push(span(label(tab), Role::Title));
                out.push(span("]", Role::Key));
                out.push(span("  ", Role::Normal));
            } else {
                out.push(span(format!(" {}   ", label(tab)), Role::Dim));
            }
        }
        vec![table::cut(out, cells)]
    }

    fn facts_lines(&self, thing: &DeviceId, shadow: &Shadow, cells: usize) -> Vec<Line> {
        let mut parts = Vec::new();
        // Where a shadow is a list of services, each counts its own.
        if let Some(version) = shadow.version {
            parts.push(span(format!("version {version}"), Role::Number));
        } else if self.capabilities().shadow_topics {
            parts.push(span("version ?", Role::Number));
        }
        if let Some(at) = shadow.at {
            parts.push(span(self.when(at), Role::Dim));
        }
        parts.push(match (shadow.desired.is_some(), shadow.delta.is_some()) {
            (false, _) => span("nothing is desired", Role::Dim),
            (true, false) => span("as desired", Role::Good),
            (true, true) => span("≠ not as desired", Role::Warn),
        });
        if self.has_shadow_limit() {
            let bytes = shadow.bytes();
            let role = if bytes > LIMIT_BYTES {
                Role::Bad
            } else {
                Role::Dim
            };
            let size = format!(
                "{} of {} bytes",
                words::grouped(bytes as u64),
                words::grouped(LIMIT_BYTES as u64)
            );
            parts.push(span(size, role));
        }
        if self.capabilities().shadow_topics {
            parts.push(if self.is_live(thing) {
                span("live", Role::Good)
            } else {
                span("not followed: p subscribes", Role::Dim)
            });
        }
        flow(parts, cells)
    }

    fn is_live(&self, thing: &DeviceId) -> bool {
        self.home
            .devices
            .get(thing)
            .is_some_and(|entry| entry.feed(Feed::Push).is_on())
    }

    fn shadow_table(&self, shadow: &Shadow, cells: usize) -> Page {
        let trees = [
            shadow.desired.as_ref(),
            shadow.reported.as_ref(),
            shadow.delta.as_ref(),
        ];
        let rows = rows(&trees);
        let show = |at: Timestamp| self.when(at);
        table::shadow(&rows, cells, &show)
    }

    /// The time of day, or the day where it was another one.
    pub(super) fn when(&self, at: Timestamp) -> String {
        const DAY: i64 = 86_400;
        let day = |at: Timestamp| (at.seconds() + i64::from(self.zone)).div_euclid(DAY);
        if day(at) == day(self.at_wall()) {
            return at.clock(self.zone);
        }
        let shifted = Timestamp::from_seconds(at.seconds() + i64::from(self.zone));
        shifted.to_string().chars().take(10).collect()
    }
}

impl App {
    pub(super) fn delete_shadow_lines(&self, key: &ShadowKey, cells: usize) -> Vec<Line> {
        let shadow = self.home.shadows.shadow(key);
        let version = shadow.and_then(|shadow| shadow.version);
        let mut out = Vec::new();
        if let Some(version) = version {
            out.push(line(format!("it is at version {version}"), Role::Normal));
        }
        let text =
            "desired and reported go with it; the device writes a new one when it reports again";
        out.extend(lines::wrapped(text, Role::Warn, cells));
        out
    }
}

/// Side by side, and on the next line what has no room.
fn flow(parts: Vec<Span>, cells: usize) -> Vec<Line> {
    let mut out: Vec<Line> = Vec::new();
    let mut used = 0;
    for part in parts {
        let wide = part.text.width();
        if let Some(line) = out.last_mut().filter(|_| used + 2 + wide <= cells) {
            line.push(span("  ", Role::Normal));
            line.push(part);
            used += 2 + wide;
        } else {
            out.push(vec![part]);
            used = wide;
        }
    }
    out
}

/// As many as there is room for; the last one in any case.
pub(super) fn fitting(keys: &[(&str, &str)], cells: usize) -> String {
    let shown = |(key, does): &(&str, &str)| format!("{key} {does}");
    let Some((last, first)) = keys.split_last() else {
        return String::new();
    };
    let last = shown(last);
    let mut out = String::new();
    for key in first.iter().map(shown) {
        if out.len() + key.len() + 2 + last.len() > cells {
            break;
        }
        out.push_str(&key);
        out.push_str("  ");
    }
    out + &last
}

fn absent(key: &ShadowKey) -> String {
    match &key.name {
        None => "no shadow yet: the thing never reported one".to_owned(),
        Some(name) => format!("no shadow {name} yet"),
    }
}

fn room(area: Area, page: &Page) -> usize {
    usize::from(area.height)
        .saturating_sub(2 + page.head.len())
        .max(1)
}
