//! Questions: quit with something unfinished, send this body, throw away what was typed.

use super::super::effect::Effect;
use super::super::event::{Key, KeyCode};
use super::super::layout::centre;
use super::super::lines::{self, line};
use super::super::screen::{ConfirmBox, Line, Role};
use super::super::state::App;
use super::super::words;
use super::choice::ChoiceKind;
use super::{After, Over};
use crate::base::text::SafeText;
use crate::domain::device::DeviceId;
use crate::domain::profile::OnQuit;
use crate::domain::request::Setting;
use crate::domain::shadow::ShadowKey;
use crate::domain::subscription::Feed;

#[derive(Debug)]
pub(in super::super) struct ConfirmOver {
    pub(in super::super) kind: ConfirmKind,
}

#[derive(Debug)]
pub(in super::super) enum ConfirmKind {
    Quit,
    /// The exact body, before it goes.
    Send {
        device: DeviceId,
        settings: Vec<Setting>,
        body: String,
    },
    /// Leave the wizard with something typed.
    Discard,
    ForgetTemplate(String),
    /// Another profile, though messages of this one wait.
    Switch(usize),
    DeleteShadow(ShadowKey),
    /// Leave the shadow's editor with something typed.
    DropShadowEdit,
}

impl ConfirmKind {
    /// The keys that answer, and what each does.
    pub(in super::super) const fn answers(&self) -> [(&'static str, &'static str); 2] {
        match self {
            Self::Quit => [("y", "quit"), ("n", "stay")],
            Self::Send { .. } => [("Enter", "send"), ("Esc", "back")],
            Self::Discard | Self::DropShadowEdit => [("y", "leave"), ("n", "go on")],
            Self::ForgetTemplate(_) | Self::DeleteShadow(_) => [("y", "delete"), ("n", "keep")],
            Self::Switch(_) => [("y", "switch"), ("n", "stay")],
        }
    }
}

impl App {
    pub(in super::super) fn quit(&mut self) {
        if self.unsent().is_empty() {
            self.flush_draft();
            return self.ask(Effect::Quit);
        }
        self.open_over(Over::Confirm(ConfirmOver {
            kind: ConfirmKind::Quit,
        }));
    }

    pub(super) fn confirm_key(&mut self, over: ConfirmOver, key: Key) -> After {
        if key.repeat {
            return After::Stay(Over::Confirm(over));
        }
        let yes = matches!(key.code, KeyCode::Char('y' | 'Y'));
        let no = matches!(key.code, KeyCode::Char('n' | 'N' | 'q') | KeyCode::Esc);
        match over.kind {
            ConfirmKind::Quit if yes => {
                self.flush_draft();
                self.ask(Effect::Quit);
                After::Close
            }
            ConfirmKind::ForgetTemplate(name) if yes => {
                self.forget_template(&name);
                self.overlays.retain(|over| !matches!(over, Over::Choice(c) if c.kind == ChoiceKind::Templates { delete: true }));
                After::Close
            }
            ConfirmKind::Switch(index) if yes => {
                self.switch_to(index);
                After::Close
            }
            ConfirmKind::DeleteShadow(key) if yes => {
                self.delete_shadow(&key);
                After::Close
            }
            ConfirmKind::DropShadowEdit if yes => {
                self.drop_shadow_edit();
                After::Close
            }
            ConfirmKind::Discard if yes => {
                self.discard_form();
                After::Close
            }
            ConfirmKind::Send {
                device, settings, ..
            } if yes || key.code == KeyCode::Enter => {
                self.send_command(&device, settings);
                After::Close
            }
            _ if no => After::Close,
            kind => After::Stay(Over::Confirm(ConfirmOver { kind })),
        }
    }

    pub(super) fn confirm_picture(&self, over: &ConfirmOver) -> ConfirmBox {
        let width: u16 = 72;
        let cells = usize::from(centre(self.size, width, 9).width).saturating_sub(4);
        let (title, lines) = match &over.kind {
            ConfirmKind::Quit => ("Quit?".to_owned(), self.quit_lines(cells)),
            ConfirmKind::Send { device, body, .. } => (
                format!("Send to {}?", self.home.devices.label(device)),
                body_lines(body, cells),
            ),
            ConfirmKind::ForgetTemplate(name) => (
                format!("Delete template {name}?"),
                vec![line("it goes from templates.toml", Role::Normal)],
            ),
            ConfirmKind::Switch(_) => (
                "Switch the profile?".to_owned(),
                self.unsent_messages()
                    .iter()
                    .flat_map(|text| lines::wrapped(text, Role::Warn, cells))
                    .collect(),
            ),
            ConfirmKind::DeleteShadow(key) => (
                format!("Delete the {key}?"),
                self.delete_shadow_lines(key, cells),
            ),
            ConfirmKind::Discard | ConfirmKind::DropShadowEdit => (
                "Leave?".to_owned(),
                vec![line("what you typed is thrown away", Role::Normal)],
            ),
        };
        let height = u16::try_from(lines.len() + 4).unwrap_or(u16::MAX);
        ConfirmBox {
            area: centre(self.size, width, height),
            title: SafeText::new(&title),
            lines,
            answers: over
                .kind
                .answers()
                .iter()
                .map(|(key, does)| (SafeText::new(key), SafeText::new(does)))
                .collect(),
        }
    }

    fn quit_lines(&self, cells: usize) -> Vec<Line> {
        let mut out: Vec<_> = self
            .unsent()
            .iter()
            .flat_map(|text| lines::wrapped(text, Role::Warn, cells))
            .collect();
        if out.is_empty() {
            out.push(line("what was on its way has arrived", Role::Good));
        }
        let on = |feed: Feed| {
            let all = self.home.devices.iter();
            all.filter(|e| e.feed(feed).is_on()).count()
        };
        let (push, event) = (on(Feed::Push), on(Feed::Event));
        if push + event > 0 {
            let on_quit = self.profile().map(|p| p.on_quit).unwrap_or_default();
            let fate = match on_quit {
                OnQuit::Keep => "they stay; events run out by themselves",
                OnQuit::EndEvents => "push stays, events end",
                OnQuit::EndAll => "all of them end",
            };
            let counts = format!(
                "{} push and {} event subscriptions: {fate}",
                words::grouped(push as u64),
                words::grouped(event as u64)
            );
            out.push(line("", Role::Normal));
            out.extend(lines::wrapped(&counts, Role::Normal, cells));
        }
        out
    }
}

fn body_lines(body: &str, cells: usize) -> Vec<Line> {
    let pretty = crate::domain::payload::pretty(body.as_bytes());
    let laid_out = pretty.unwrap_or_else(|| crate::domain::payload::raw_lines(body.as_bytes()));
    laid_out
        .into_iter()
        .flat_map(|pieces| lines::fold(lines::pieces(pieces), cells, 4))
        .collect()
}
