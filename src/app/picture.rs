//! The screen as plain data, from everything there is to show.

use std::borrow::Cow;
use std::time::Duration;

use super::action::{self, Action};
use super::overlay::Over;
use super::screen::{Area, Footer, Header, PaneId, PaneView, Role, Screen, Span};
use super::state::App;
use super::words;
use crate::base::moment::Moment;
use crate::base::problem::Problem;
use crate::base::text::SafeText;
use crate::domain::session::LinkState;
use crate::domain::subscription::{Feed, FeedState};

impl App {
    /// The same as [`Self::screen`], but not worked out again where the last update has done so and nothing moved since.
    pub fn picture(&self, at: Moment) -> Cow<'_, Screen> {
        match self.shown.as_deref() {
            Some(shown) => Cow::Borrowed(shown),
            None => Cow::Owned(self.screen(at)),
        }
    }

    /// What is to be seen at that moment. Costs the same with ten messages and with ten million.
    pub fn screen(&self, at: Moment) -> Screen {
        let layout = self.layout();
        let panes = layout
            .panes
            .iter()
            .map(|(id, area)| self.pane_view(*id, *area))
            .collect();
        Screen {
            size: self.size,
            header: self.header(at),
            panes,
            footer: self.footer(),
            overlays: if layout.too_small {
                Vec::new()
            } else {
                self.overlay_pictures()
            },
            too_small: layout.too_small,
        }
    }

    fn pane_view(&self, id: PaneId, area: Area) -> PaneView {
        let rows = self.rows(id);
        let cells = usize::from(area.width);
        let (filter, (body, note, scroll)) = match id {
            PaneId::Devices => (&self.devices.filter, self.devices_body(rows)),
            PaneId::Subscriptions => (&self.subscriptions.filter, self.subscriptions_body(rows)),
            PaneId::Messages => (&self.messages.filter, self.messages_body(rows, cells)),
            PaneId::Inspector => (&self.inspector.filter, self.inspector_body(rows)),
            PaneId::Publish => {
                let inside = cells.saturating_sub(2);
                (&self.publish.filter, self.publish_body(rows, inside))
            }
        };
        PaneView {
            id,
            area,
            focused: self.focus == id,
            note,
            filter: filter.line(),
            program: self.program_line(id),
            body,
            feeds: match id {
                PaneId::Subscriptions => Feed::ALL.map(|feed| self.feed_word(feed)),
                _ => self.capabilities().feeds.heads,
            },
            scroll,
        }
    }

    fn header(&self, at: Moment) -> Header {
        let profile = self.profile();
        let ring = &self.home.ring;
        Header {
            profile: profile.map_or_else(
                || SafeText::new("no profile"),
                |p| {
                    SafeText::new(if p.simulated {
                        p.platform.simulated()
                    } else {
                        &p.name
                    })
                },
            ),
            platform: self.platform_name(),
            state: self.link_span(at),
            insecure: profile.is_some_and(|p| p.insecure),
            received: ring.received(),
            kept: ring.kept(),
            on_disk: ring.has_shelf().then(|| ring.shelved()),
            dropped: ring.dropped(),
            recording: self.recording_span(),
            calls: self.calls(),
            rates: self.home.rates.window(at.mono),
            rate: self.home.rates.now(at.mono),
            hint: self.hint_shown().map(SafeText::new),
        }
    }

    /// The connection in the words of `interface.md`, section 6.
    fn link_span(&self, at: Moment) -> Span {
        let why = |problem: &Problem| words::brief(problem);
        match &self.home.link {
            LinkState::Idle if self.open.is_none() => Span::new("not connected", Role::Dim),
            LinkState::Idle | LinkState::Connecting { .. } => {
                Span::new("connecting", Role::Pending)
            }
            LinkState::SigningIn { step } => {
                Span::new(format!("connecting: {step}"), Role::Pending)
            }
            LinkState::Connected {
                session_present: true,
                ..
            } if self.has_topics() => Span::new("connected, session kept", Role::Good),
            LinkState::Connected { .. } => Span::new("connected", Role::Good),
            LinkState::Silent { since } => {
                let text = format!("silent: nothing heard since {}", since.clock(self.zone));
                Span::new(text, Role::Warn)
            }
            LinkState::Reconnecting {
                at: due,
                why: problem,
                ..
            } => {
                let left = due.since(at.mono).as_millis().div_ceil(1000);
                let text = match left {
                    0 => format!("reconnecting: {}", why(problem)),
                    left => format!("reconnecting in {left} s: {}", why(problem)),
                };
                Span::new(text, Role::Warn)
            }
            LinkState::Refused(problem) => {
                Span::new(format!("refused: {}", why(problem)), Role::Bad)
            }
            // By whom and how it was noticed is too long for here, and stands in the box.
            LinkState::TakenOver(problem) => {
                Span::new(format!("refused: {}", problem.what), Role::Bad)
            }
            LinkState::Closed => Span::new("closed", Role::Dim),
        }
    }

    fn calls(&self) -> Option<Span> {
        if self.home.waiting > 0 {
            let waiting = words::grouped(self.home.waiting as u64);
            let text = format!("{waiting} waiting to be sent");
            return Some(Span::new(text, Role::Warn));
        }
        if let Some(credential) = self.credential_span() {
            return Some(credential);
        }
        let budget = self.home.budget?;
        match budget.resting_until {
            Some(until) if until > self.at_wall() => {
                let clock = until.clock(self.zone);
                let text = format!("calls rest until {} (limit)", &clock[..5]);
                Some(Span::new(text, Role::Warn))
            }
            _ => {
                let calls = words::count(budget.calls_this_hour as usize, "call");
                Some(Span::new(format!("{calls} this hour"), Role::Dim))
            }
        }
    }

    fn footer(&self) -> Footer {
        let pair = |key: &str, does: &str| (SafeText::new(key), SafeText::new(does));
        let keys = match self.overlays.last() {
            Some(over) if over.is_plot() => [
                ("w", "time"),
                ("c", "CSV file"),
                ("y", "copy CSV"),
                ("x", "take out"),
                ("Esc", "close"),
            ]
            .map(|(key, does)| pair(key, does))
            .to_vec(),
            Some(Over::Text(_)) => vec![pair("Up Down", "scroll"), pair("Esc", "close")],
            Some(Over::Choice(_)) => vec![
                pair("Up Down", "move"),
                pair("Enter", "choose"),
                pair("Esc", "close"),
            ],
            Some(Over::Form(over)) => {
                let keys = over.keys().into_iter();
                keys.map(|(key, does)| pair(key, does)).collect()
            }
            Some(Over::Confirm(over)) => {
                let answers = over.kind.answers().into_iter();
                answers.map(|(key, does)| pair(key, does)).collect()
            }
            Some(Over::Shadow(over)) => {
                let keys = self.shadow_keys(over).into_iter();
                keys.map(|(key, does)| pair(key, does)).collect()
            }
            Some(Over::Jobs(over)) => {
                let keys = self.jobs_keys(over).iter();
                keys.map(|(key, does)| pair(key, does)).collect()
            }
            None if self.program_is_edited() => vec![pair("Enter", "keep"), pair("Esc", "back")],
            None if self.filter_is_edited() => vec![pair("Enter", "keep"), pair("Esc", "clear")],
            None if self.is_composing() => self.composer_keys(),
            None if self.group_is_at_hand() => [
                ("Enter", "only this"),
                ("Left Right", "fold"),
                ("S", "sort"),
                ("t", "messages"),
                ("?", "help"),
                ("q", "quit"),
            ]
            .map(|(key, does)| pair(key, does))
            .to_vec(),
            None => self.pane_keys(),
        };
        Footer {
            keys,
            notice: self.notice.clone(),
        }
    }

    fn pane_keys(&self) -> Vec<(SafeText, SafeText)> {
        let table = action::table();
        let mut valid: Vec<_> = table
            .iter()
            .filter(|info| info.holds_in(self.focus) && self.can(info.action))
            .filter(|info| info.short.is_some())
            .collect();
        // The rest is a key away: help is among those that fit.
        if let Some(at) = valid.iter().position(|info| info.action == Action::Help) {
            let help = valid.remove(at);
            valid.insert(at.min(4), help);
        }
        valid
            .into_iter()
            .filter_map(|info| Some((info.keys.first()?, self.short_of(info)?)))
            .map(|(key, short)| (SafeText::new(key), SafeText::new(short)))
            .collect()
    }

    /// What keeps its meaning while letters are letters.
    fn composer_keys(&self) -> Vec<(SafeText, SafeText)> {
        let mut keys = vec![("Ctrl-S", "send"), ("Tab", "next"), ("Esc", "leave")];
        if self.composer.repeat.is_some() {
            keys.insert(1, ("Ctrl-X", "stop"));
        }
        keys.extend([
            ("Ctrl-E", "editor"),
            ("Ctrl-R", "history"),
            ("Ctrl-T", "templates"),
            ("Ctrl-F", "format"),
            ("Ctrl-P", "palette"),
        ]);
        keys.into_iter()
            .map(|(key, does)| (SafeText::new(key), SafeText::new(does)))
            .collect()
    }

    /// How long until something on the screen changes with the time alone; `None` when nothing does.
    pub(super) fn next_change(&self) -> Option<Duration> {
        let topics = self
            .topics_due_in()
            .into_iter()
            .chain(self.groups_due_in())
            .min();
        // While the sparkline moves, ages move with it.
        let ages = self.home.rates.next_change(self.at.mono).or_else(|| {
            let ages = [
                self.ages_change(),
                self.topic_ages_change(),
                self.groups_change(),
            ];
            ages.into_iter().flatten().min()
        });
        let countdown = match &self.home.link {
            LinkState::Reconnecting { at: due, .. } => until_whole_second(due.since(self.at.mono)),
            _ => None,
        };
        let rest = self
            .home
            .budget
            .and_then(|b| b.resting_until)
            .map(|until| self.at.wall.until(until))
            .filter(|wait| !wait.is_zero());
        [
            countdown,
            rest,
            topics,
            ages,
            self.feeds_change(),
            self.newcomer_change(),
            self.credential_change(),
            self.asked_change(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// When the age of a last message reads otherwise.
    fn ages_change(&self) -> Option<Duration> {
        let shown = self.shown_devices();
        shown
            .into_iter()
            .filter_map(|e| e.last)
            .map(|last| words::age_changes_in(self.at.mono.since(last)))
            .min()
    }

    /// When the time left of an event subscription reads otherwise: at the minute.
    fn feeds_change(&self) -> Option<Duration> {
        let left = |state: FeedState| match state {
            FeedState::On { until: Some(until) } => Some(self.at.wall.until(until)),
            _ => None,
        };
        let devices = &self.home.devices;
        devices
            .with_feeds()
            .filter_map(|id| devices.get(id))
            .flat_map(|e| Feed::ALL.map(|feed| left(e.feed(feed))))
            .flatten()
            .filter(|left| !left.is_zero())
            .map(|left| {
                let over = left.as_millis() % 60_000;
                Duration::from_millis(u64::try_from(over).unwrap_or(0) + 1)
            })
            .min()
    }
}

/// Until a countdown shows the next number.
fn until_whole_second(left: Duration) -> Option<Duration> {
    if left.is_zero() {
        return None;
    }
    match left.subsec_nanos() {
        0 => Some(Duration::from_secs(1)),
        nanos => Some(Duration::from_nanos(u64::from(nanos))),
    }
}
