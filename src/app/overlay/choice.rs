//! A list to choose from. Typing searches: at once in the palette and the countries, after `/` elsewhere.

use super::super::action::Action;
use super::super::event::{Key, KeyCode};
use super::super::input::{Input, Typed};
use super::super::keymap;
use super::super::layout::centre;
use super::super::screen::{Area, ChoiceBox, ChoiceRow, FilterLine, Line, Role, Span};
use super::super::scroll::{self, Step};
use super::super::state::App;
use super::confirm::{ConfirmKind, ConfirmOver};
use super::decoders::{self, Offer};
use super::{After, Over};
use crate::base::text::SafeText;
use crate::domain::decode::Chain;
use crate::domain::device::DeviceId;
use crate::domain::request::{PropertyPath, RequestId};
use serde_json::Value;

#[derive(Debug)]
pub(in super::super) struct ChoiceOver {
    pub(in super::super) kind: ChoiceKind,
    search: Input,
    typing: bool,
    selected: usize,
    offset: usize,
    /// The body of the chosen value is being made: nothing else is chosen meanwhile.
    pub(super) waiting: Option<RequestId>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum ChoiceKind {
    Palette,
    Profiles,
    /// For the wizard below.
    Countries,
    /// What was sent from the composer.
    History,
    /// To be opened, or to be deleted.
    Templates {
        delete: bool,
    },
    /// What can be written on this device.
    Properties(DeviceId),
    /// How the payloads of a topic are decoded.
    Decoders {
        topic: String,
        offers: Vec<Offer>,
    },
    /// The values of one property.
    Values(DeviceId, PropertyPath),
}

/// One row before it is searched.
#[derive(Debug, Clone)]
pub(super) struct Choice {
    pub(super) name: Line,
    pub(super) detail: Span,
    /// What is searched.
    pub(super) find: String,
    pub(super) pick: Pick,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Pick {
    Act(Action),
    Profile(usize),
    AddAccount,
    AddBroker,
    AddAws,
    AddGoogle,
    AddHuawei,
    Country(&'static str),
    Decoder(Chain),
    Property(PropertyPath),
    Value(Value),
    /// Of the history, by its place in it.
    Sheet(usize),
    Template(usize),
    /// A template that is to go.
    Forget(usize),
}

impl ChoiceOver {
    pub(in super::super) fn new(kind: ChoiceKind) -> Self {
        Self {
            typing: kind.searches_at_once(),
            kind,
            search: Input::default(),
            selected: 0,
            offset: 0,
            waiting: None,
        }
    }

    pub(super) fn at(mut self, selected: usize) -> Self {
        self.selected = selected;
        self
    }

    pub(in super::super) fn paste(&mut self, text: &str) {
        if self.typing {
            self.search.insert(text);
            self.selected = 0;
        }
    }
}

impl ChoiceKind {
    const fn searches_at_once(&self) -> bool {
        matches!(
            self,
            Self::Palette | Self::Countries | Self::History | Self::Templates { .. }
        )
    }
}

impl App {
    fn all_choices(&self, kind: &ChoiceKind) -> Vec<Choice> {
        match kind {
            ChoiceKind::Palette => self.palette_choices(),
            ChoiceKind::Profiles => self.profile_choices(),
            ChoiceKind::Countries => super::wizard::country_choices(),
            ChoiceKind::Decoders { offers, .. } => decoders::choices(offers),
            ChoiceKind::History => self.history_choices(),
            ChoiceKind::Templates { delete } => self.template_choices(*delete),
            ChoiceKind::Properties(device) => self.property_choices(device),
            ChoiceKind::Values(device, path) => self.value_choices(device, path),
        }
    }

    /// The best matches first, those equally good in their own order.
    fn choices(&self, over: &ChoiceOver) -> Vec<Choice> {
        let wanted = over.search.text().trim().to_lowercase();
        let mut scored: Vec<_> = self
            .all_choices(&over.kind)
            .into_iter()
            .filter_map(|choice| Some((score(&choice.find.to_lowercase(), &wanted)?, choice)))
            .collect();
        scored.sort_by_key(|(score, _)| *score);
        scored.into_iter().map(|(_, choice)| choice).collect()
    }

    pub(super) fn choice_key(&mut self, mut over: ChoiceOver, key: Key) -> After {
        if let Some(id) = over.waiting {
            if key.code == KeyCode::Esc && !key.repeat {
                self.give_up(id);
                over.waiting = None;
            }
            return After::Stay(Over::Choice(over));
        }
        let choices = self.choices(&over);
        if let Some(step) = step(&over, key) {
            let rows = self.choice_rows(&over);
            over.selected = step.from(over.selected.min(choices.len()), choices.len(), rows);
            over.offset = scroll::reveal(over.offset, over.selected, choices.len(), rows);
            return After::Stay(Over::Choice(over));
        }
        match key.code {
            KeyCode::Enter if !key.repeat => {
                return match choices.into_iter().nth(over.selected) {
                    Some(choice) => self.picked(over, choice.pick),
                    None => After::Stay(Over::Choice(over)),
                };
            }
            KeyCode::Esc if over.typing && !over.kind.searches_at_once() => {
                over.typing = false;
                over.search.clear();
            }
            KeyCode::Esc => return self.choice_left(),
            KeyCode::Char('q') if !over.typing => return self.choice_left(),
            KeyCode::Char('/') if !over.typing => over.typing = true,
            _ if over.typing && over.search.key(key) == Typed::Changed => {
                over.selected = 0;
                over.offset = 0;
            }
            _ => {}
        }
        After::Stay(Over::Choice(over))
    }

    fn choice_left(&mut self) -> After {
        self.unsettled = true;
        After::Close
    }

    fn picked(&mut self, mut over: ChoiceOver, pick: Pick) -> After {
        match (pick, over.kind.clone()) {
            (Pick::Act(action), _) => {
                // The palette goes first: what it starts is about what lies below it.
                self.act(action);
                After::Close
            }
            (Pick::Profile(index), _) => {
                if self.open == Some(index) {
                    return After::Close;
                }
                if !self.unsent_messages().is_empty() {
                    return After::Stay(Over::Confirm(ConfirmOver {
                        kind: ConfirmKind::Switch(index),
                    }));
                }
                self.switch_to(index);
                After::Close
            }
            (Pick::AddAccount, _) => {
                self.open_wizard();
                After::Close
            }
            (Pick::AddBroker, _) => {
                self.open_broker_wizard();
                After::Close
            }
            (Pick::AddGoogle, _) => {
                self.open_google_wizard();
                After::Close
            }
            (Pick::AddHuawei, _) => {
                self.open_huawei_wizard();
                After::Close
            }
            (Pick::AddAws, _) => {
                self.open_aws_wizard();
                After::Close
            }
            (Pick::Country(code), _) => {
                self.country_chosen(code);
                After::Close
            }
            (Pick::Decoder(chain), ChoiceKind::Decoders { topic, .. }) => {
                self.pin_decoder(&topic, chain);
                After::Close
            }
            (Pick::Property(path), ChoiceKind::Properties(device)) => {
                self.property_chosen(over, &device, &path)
            }
            (Pick::Value(value), ChoiceKind::Values(device, path)) => {
                over.waiting = Some(self.value_chosen(&device, path, value));
                After::Stay(Over::Choice(over))
            }
            (pick @ (Pick::Sheet(_) | Pick::Template(_)), _) => {
                self.sheet_picked(&pick);
                After::Close
            }
            (Pick::Forget(index), _) => {
                let template = self.composer.templates.get(index);
                let Some(name) = template.map(|t| t.name.clone()) else {
                    return After::Close;
                };
                let kind = ConfirmKind::ForgetTemplate(name);
                After::Cover(Over::Choice(over), Over::Confirm(ConfirmOver { kind }))
            }
            (Pick::Property(_) | Pick::Value(_) | Pick::Decoder(_), _) => After::Close,
        }
    }

    fn choice_intro(&self, kind: &ChoiceKind) -> Vec<Line> {
        match kind {
            ChoiceKind::Properties(device) => self.properties_intro(device),
            ChoiceKind::Values(device, path) => self.values_intro(device, path),
            ChoiceKind::Countries => vec![vec![Span::new(
                "the country of the LG account; it picks the region",
                Role::Dim,
            )]],
            ChoiceKind::Decoders { topic, .. } => decoders::intro(topic),
            ChoiceKind::Palette
            | ChoiceKind::Profiles
            | ChoiceKind::History
            | ChoiceKind::Templates { .. } => Vec::new(),
        }
    }

    fn choice_area(&self, over: &ChoiceOver) -> Area {
        let (width, most) = match over.kind {
            ChoiceKind::Palette => (84, 24),
            ChoiceKind::Profiles => (72, 16),
            ChoiceKind::Properties(_) | ChoiceKind::History | ChoiceKind::Templates { .. } => {
                (100, 36)
            }
            ChoiceKind::Countries | ChoiceKind::Values(..) | ChoiceKind::Decoders { .. } => {
                (64, 24)
            }
        };
        let rows = self.all_choices(&over.kind).len();
        let wanted = rows + 2 + self.above_rows(over);
        let height = u16::try_from(wanted).unwrap_or(u16::MAX).clamp(5, most);
        centre(self.size, width, height)
    }

    /// Lines inside the box before the first row.
    fn above_rows(&self, over: &ChoiceOver) -> usize {
        let intro = self.choice_intro(&over.kind).len();
        let search = if over.typing { 2 } else { 0 };
        intro + usize::from(intro > 0) + search
    }

    fn choice_rows(&self, over: &ChoiceOver) -> usize {
        let inside = usize::from(self.choice_area(over).height).saturating_sub(2);
        inside.saturating_sub(self.above_rows(over)).max(1)
    }

    pub(super) fn choice_picture(&self, over: &ChoiceOver) -> ChoiceBox {
        let choices = self.choices(over);
        let rows = self.choice_rows(over);
        let selected = over.selected.min(choices.len().saturating_sub(1));
        let offset = scroll::reveal(over.offset, selected, choices.len(), rows);
        let search = over.typing.then(|| FilterLine {
            text: over.search.shown(),
            cursor: Some(over.search.cells_before()),
            error: choices.is_empty().then(|| SafeText::new("no match")),
        });
        ChoiceBox {
            area: self.choice_area(over),
            title: SafeText::new(&self.choice_title(&over.kind)),
            search,
            scroll: scroll::scroll(offset, choices.len(), rows),
            rows: choices
                .into_iter()
                .enumerate()
                .skip(offset)
                .take(rows)
                .map(|(n, choice)| ChoiceRow {
                    selected: n == selected,
                    name: choice.name,
                    detail: choice.detail,
                })
                .collect(),
            hint: SafeText::new(if over.waiting.is_some() {
                "checking …  Esc stop"
            } else if over.typing {
                "Enter choose  Esc close"
            } else {
                "Enter choose  / search  Esc close"
            }),
            intro: self.choice_intro(&over.kind),
        }
    }

    fn choice_title(&self, kind: &ChoiceKind) -> String {
        match kind {
            ChoiceKind::Palette => "Commands".to_owned(),
            ChoiceKind::Profiles => "Profiles".to_owned(),
            ChoiceKind::Countries => "Country".to_owned(),
            ChoiceKind::Decoders { .. } => "Decode as".to_owned(),
            ChoiceKind::History => "History".to_owned(),
            ChoiceKind::Templates { delete: false } => "Templates".to_owned(),
            ChoiceKind::Templates { delete: true } => "Delete a template".to_owned(),
            ChoiceKind::Properties(device) => {
                format!("Control {}", self.home.devices.label(device))
            }
            ChoiceKind::Values(_, path) => format!("Set {path}"),
        }
    }
}

/// Movement keys; letters only where they are not typed.
fn step(over: &ChoiceOver, key: Key) -> Option<Step> {
    let is_text = matches!(key.code, KeyCode::Char(_) | KeyCode::Home | KeyCode::End);
    if over.typing && is_text {
        return match (key.code, key.ctrl) {
            (KeyCode::Char('n'), true) => Some(Step::Down),
            (KeyCode::Char('p'), true) => Some(Step::Up),
            _ => None,
        };
    }
    match keymap::movement_of(key)? {
        Action::Up => Some(Step::Up),
        Action::Down => Some(Step::Down),
        Action::Top => Some(Step::First),
        Action::Bottom => Some(Step::Last),
        Action::PageUp => Some(Step::PageUp),
        Action::PageDown => Some(Step::PageDown),
        Action::HalfUp => Some(Step::HalfUp),
        Action::HalfDown => Some(Step::HalfDown),
        _ => None,
    }
}

/// How well `text` matches, both in lower case: 0 is best, `None` not at all. Letters in order are enough.
fn score(text: &str, wanted: &str) -> Option<u8> {
    if text.starts_with(wanted) {
        return Some(0);
    }
    if text
        .split([' ', '.', '('])
        .any(|word| word.starts_with(wanted))
    {
        return Some(1);
    }
    if text.contains(wanted) {
        return Some(2);
    }
    let mut rest = text.chars();
    let in_order = |c: char| c.is_whitespace() || rest.any(|t| t == c);
    wanted.chars().all(in_order).then_some(3)
}

#[cfg(test)]
mod tests {
    use super::score;

    #[test]
    fn letters_in_order_are_enough_and_beginnings_come_first() {
        assert_eq!(score("toggle push", "tp"), Some(3));
        assert_eq!(score("toggle push", "push"), Some(1));
        assert_eq!(score("push", "push"), Some(0));
        assert_eq!(score("toggle push", "ogg"), Some(2));
        assert_eq!(score("toggle push", "pt"), None);
        assert_eq!(score("anything", ""), Some(0));
    }
}
