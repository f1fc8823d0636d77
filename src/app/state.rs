//! Everything there is to show.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::Effects;
use super::composer::Composer;
use super::composer::sweep::Sweep;
use super::effect::Effect;
use super::event::{Size, TimerId};
use super::filters::Origin;
use super::glance::Glances;
use super::home::Home;
use super::layout::{self, Layout};
use super::overlay::provision::NewcomerState;
use super::overlay::recipe::RecipeState;
use super::overlay::{Over, Report};
use super::pane::devices::DevicesPane;
use super::pane::inspector::InspectorPane;
use super::pane::messages::MessagesPane;
use super::pane::publish::PublishPane;
use super::pane::subscriptions::SubscriptionsPane;
use super::pane::topics::TopicsPane;
use super::pending::{Pending, Purpose};
use super::plot::Plot;
use super::recording::Recording;
use super::screen::{PaneId, Role, Screen, Span};
use super::sieve::Sieve;
use super::words;
use crate::base::dice::Dice;
use crate::base::moment::{Moment, Mono, Timestamp};
use crate::base::problem::Problem;
use crate::domain::capability::Capabilities;
use crate::domain::decode::Pins;
use crate::domain::device::DeviceId;
use crate::domain::profile::{OnQuit, PlatformId, Version};
use crate::domain::program::Programs;
use crate::domain::session::SessionId;
use crate::domain::subscription::FilterWish;
use crate::store::log::Log;
use crate::store::ring::Ring;

/// What the runtime knows at the start.
#[derive(Debug, Clone)]
pub struct Setup {
    pub at: Moment,
    pub size: Size,
    /// Seconds east of UTC, for the times on the screen.
    pub zone_offset_seconds: i32,
    pub profiles: Vec<ProfileSummary>,
    /// Name of the profile to open; empty opens none (the wizard comes up).
    pub open: String,
    /// The line that says that this is the simulated home and which key adds an account.
    pub hint: Option<String>,
    /// Ceiling for messages kept in memory, in bytes.
    pub memory_limit: usize,
    /// What does not fit goes to the disk.
    pub keeps_history: bool,
    pub mouse: bool,
    /// Topics whose payloads are decoded as somebody said.
    pub pins: Pins,
    /// jq programs that are put over the payloads of some topics.
    pub programs: Programs,
    /// For what the composer makes up: ids, sample values.
    pub seed: u64,
}

impl Setup {
    /// Nothing chosen: the first of these profiles is opened, with a little memory and no disk.
    pub fn new(size: Size, profiles: Vec<ProfileSummary>) -> Self {
        Self {
            at: Moment::default(),
            size,
            zone_offset_seconds: 0,
            open: profiles
                .first()
                .map_or_else(String::new, |p| p.name.clone()),
            profiles,
            hint: None,
            memory_limit: 8 << 20,
            keeps_history: false,
            mouse: true,
            pins: Pins::default(),
            programs: Programs::default(),
            seed: 1,
        }
    }
}

/// A profile as the screen needs to know it: no secret, only where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileSummary {
    pub name: String,
    pub platform: PlatformId,
    pub capabilities: Capabilities,
    pub simulated: bool,
    /// TLS verification is off.
    pub insecure: bool,
    pub event_hours: u8,
    pub on_quit: OnQuit,
    /// For the list of profiles: where its secret is (`env THINQ_PAT`), or where its broker is.
    pub place: String,
    /// What its connection speaks: MQTT 5 alone has properties, and options of subscriptions.
    pub version: Version,
    /// The filters that the profile itself names.
    pub topics: Vec<FilterWish>,
}

impl ProfileSummary {
    /// With all that the platform can do, over MQTT 3.1.1, and no filters.
    pub fn new(name: &str, platform: PlatformId, place: &str) -> Self {
        Self {
            name: name.to_owned(),
            platform,
            capabilities: Capabilities::of(platform),
            simulated: false,
            insecure: false,
            event_hours: match platform {
                PlatformId::Thinq => 24,
                _ => 0,
            },
            on_quit: OnQuit::default(),
            place: place.to_owned(),
            version: Version::V311,
            topics: Vec::new(),
        }
    }
}

/// The whole program, but for clock, screen and sockets.
#[derive(Debug)]
pub struct App {
    pub(super) at: Moment,
    pub(super) size: Size,
    pub(super) zone: i32,
    pub(super) mouse: bool,
    pub(super) hint: Option<String>,
    pub(super) profiles: Vec<ProfileSummary>,
    /// Index of the open one.
    pub(super) open: Option<usize>,
    pub(super) memory_limit: usize,
    pub(super) keeps_history: bool,
    pub(super) home: Home,
    pub(super) log: Log,
    pub(super) pending: Pending,
    pub(super) focus: PaneId,
    pub(super) zoomed: bool,
    pub(super) devices: DevicesPane,
    /// In place of the devices, on a platform that has none.
    pub(super) topics: TopicsPane,
    pub(super) subscriptions: SubscriptionsPane,
    pub(super) messages: MessagesPane,
    pub(super) inspector: InspectorPane,
    /// How payloads are decoded, where somebody said so, and how often that has changed.
    pub(super) pins: Pins,
    pub(super) pinned: u64,
    pub(super) sieve: Sieve,
    pub(super) glances: Glances,
    pub(super) plot: Plot,
    pub(super) publish: PublishPane,
    pub(super) composer: Composer,
    /// The last one is on top and has the keys.
    pub(super) overlays: Vec<Over>,
    /// Boxes that came up while the user was typing: shown when that is over, so that no key goes astray.
    pub(super) waiting: VecDeque<Over>,
    pub(super) notice: Option<Span>,
    pub(super) report: Option<Report>,
    /// A thing that is being provisioned, or was.
    pub(super) newcomer: NewcomerState,
    /// How the connection state gets into the shadow.
    pub(super) recipe: RecipeState,
    pub(super) timers: Timers,
    pub(super) revision: u64,
    /// Searches through the disk so far.
    pub(super) searches: u64,
    pub(super) recording: Option<Recording>,
    /// Recordings so far.
    pub(super) recordings: u64,
    /// Something visible moved in this update, without a need to compare.
    pub(super) moved: bool,
    /// Lists changed: cursors and windows are to be put right.
    pub(super) unsettled: bool,
    /// The screen as it was last compared; `None` when it has moved since.
    pub(super) shown: Option<Box<Screen>>,
    /// What the update at hand asks for.
    pub(super) out: Effects,
}

/// What waits for the disk, and what is being written, takes memory too: up to so much of the ceiling. Bytes.
const ON_THE_WAY: usize = 8 << 20;

/// Nothing of the simulated home is worth a file.
fn new_ring(limit: usize, keeps_history: bool, profile: Option<&ProfileSummary>) -> Ring {
    if keeps_history && profile.is_some_and(|profile| !profile.simulated) {
        Ring::with_shelf(limit - ON_THE_WAY.min(limit / 4))
    } else {
        Ring::new(limit)
    }
}

/// Timers exist only while something is seen to count.
#[derive(Debug, Default)]
pub(super) struct Timers {
    last: u64,
    /// For what changes with the time alone, and when it is due.
    pub(super) tick: Option<(TimerId, Mono)>,
    /// For the next slice of a search through old messages.
    pub(super) search: Option<TimerId>,
    /// For the next look at what a jq program is still to be put over.
    pub(super) sift: Option<TimerId>,
    /// For the next slice of what is counted by topic.
    pub(super) groups: Option<TimerId>,
    /// For a look at the state after a command, where no report will come: the device and the command.
    pub(super) looks: BTreeMap<TimerId, (DeviceId, u64)>,
}

impl Timers {
    pub(super) fn next(&mut self) -> TimerId {
        self.last += 1;
        TimerId(self.last)
    }
}

impl App {
    pub fn new(setup: Setup) -> (Self, Effects) {
        let open = setup.profiles.iter().position(|p| p.name == setup.open);
        let profile = open.and_then(|index| setup.profiles.get(index));
        let ring = new_ring(setup.memory_limit, setup.keeps_history, profile);
        let home = Home::new(SessionId { generation: 1 }, ring);
        let messages = MessagesPane::new(&home);
        let mut app = Self {
            at: setup.at,
            size: setup.size,
            zone: setup.zone_offset_seconds,
            mouse: setup.mouse,
            hint: setup.hint,
            open,
            profiles: setup.profiles,
            memory_limit: setup.memory_limit,
            keeps_history: setup.keeps_history,
            home,
            log: Log::default(),
            pending: Pending::default(),
            focus: PaneId::Devices,
            zoomed: false,
            devices: DevicesPane::default(),
            topics: TopicsPane::default(),
            subscriptions: SubscriptionsPane::default(),
            messages,
            inspector: InspectorPane::default(),
            pins: setup.pins,
            pinned: 0,
            sieve: Sieve::new(setup.programs),
            glances: Glances::default(),
            plot: Plot::default(),
            publish: PublishPane::default(),
            composer: Composer::new(Dice::new(setup.seed), 0),
            overlays: Vec::new(),
            waiting: VecDeque::new(),
            notice: None,
            report: None,
            newcomer: NewcomerState::default(),
            recipe: RecipeState::default(),
            timers: Timers::default(),
            revision: 1,
            searches: 0,
            recording: None,
            recordings: 0,
            moved: false,
            unsettled: false,
            shown: None,
            out: Effects::new(),
        };
        match app.open {
            Some(_) => app.open_session(),
            None => app.open_wizard(),
        }
        app.settle();
        let effects = std::mem::take(&mut app.out);
        (app, effects)
    }

    /// Moves only when something visible moved.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Answers, timers and session events that found no owner any more.
    pub fn strays(&self) -> u64 {
        self.pending.strays()
    }

    pub(super) fn profile(&self) -> Option<&ProfileSummary> {
        self.open.and_then(|index| self.profiles.get(index))
    }

    pub(super) fn capabilities(&self) -> Capabilities {
        self.profile()
            .map_or(Capabilities::NONE, |p| p.capabilities)
    }

    pub(super) fn platform_name(&self) -> &'static str {
        self.profile().map_or("", |p| p.platform.name())
    }

    pub(super) fn at_wall(&self) -> Timestamp {
        self.at.wall
    }

    pub(super) fn layout(&self) -> Layout {
        let hint = self.hint_shown().is_some();
        layout::arrange(
            self.size,
            self.focus,
            self.zoomed,
            hint,
            self.has_composer(),
        )
    }

    /// The hint is about the simulated home and ends with it.
    pub(super) fn hint_shown(&self) -> Option<&str> {
        let simulated = self.profile().is_some_and(|p| p.simulated);
        self.hint.as_deref().filter(|_| simulated)
    }

    /// Rows that a pane has room for; a pane that is not shown has none.
    pub(super) fn rows(&self, id: PaneId) -> usize {
        let area = self.layout().area(id);
        area.map_or(0, |area| match id {
            PaneId::Publish if self.has_composer() => usize::from(area.height.saturating_sub(2)),
            _ => usize::from(layout::rows(id, area)),
        })
    }

    pub(super) fn ask(&mut self, effect: Effect) {
        self.out.push(effect);
    }

    /// To the footer, until the next key.
    pub(super) fn say(&mut self, role: Role, text: impl AsRef<str>) {
        self.notice = Some(Span::new(text.as_ref(), role));
        self.moved = true;
    }

    /// A problem about `name`, in the footer; the whole of it is kept for "last problems".
    pub(super) fn problem_notice(&mut self, name: &str, problem: &Problem) {
        self.remember(name, problem);
        self.say(Role::Bad, format!("{name}: {}", words::brief(problem)));
    }

    pub(super) fn remember(&mut self, name: &str, problem: &Problem) {
        let line = (
            name.to_owned(),
            words::brief(problem),
            problem.remedy.clone(),
        );
        self.report = Some(Report {
            title: problem.what.clone(),
            lines: vec![line],
        });
    }

    /// Opens the session of the open profile. Whatever the one before still owes is not wanted any more.
    pub(super) fn open_session(&mut self) {
        let topics = self.profile().map_or_else(Vec::new, |p| p.topics.clone());
        for wish in topics {
            self.home.filters.want(wish, Origin::Profile);
        }
        let profile = self.profile().map_or(String::new(), |p| p.name.clone());
        let id = self.home.session;
        self.ask(Effect::Open { id, profile });
        self.load_kept();
    }

    pub(super) fn switch_to(&mut self, index: usize) {
        if self.open != Some(index) {
            self.stop_recording();
        }
        for id in self.pending.abandon(|_| true) {
            self.ask(Effect::Abort(id));
        }
        self.flush_draft();
        self.drop_repeat();
        // A session that the broker keeps would go on with filters that nobody wants.
        self.end_exchange("another profile is opened");
        self.stop_sweep();
        let session = SessionId {
            generation: self.home.session.generation + 1,
        };
        self.shelve_rest();
        self.open = Some(index);
        let ring = new_ring(self.memory_limit, self.keeps_history, self.profile());
        self.home = Home::new(session, ring);
        self.devices = DevicesPane::default();
        self.topics = TopicsPane::default();
        self.subscriptions = SubscriptionsPane::default();
        self.messages = MessagesPane::new(&self.home);
        self.sieve.forget();
        self.glances.forget();
        self.forget_plot();
        self.inspector = InspectorPane::default();
        self.publish = PublishPane::default();
        self.composer = self.composer.fresh();
        for id in std::mem::take(&mut self.timers.looks).into_keys() {
            self.ask(Effect::StopTimer(id));
        }
        self.overlays.clear();
        self.waiting.clear();
        self.report = None;
        self.newcomer = NewcomerState::default();
        self.recipe = RecipeState::default();
        self.open_session();
    }

    /// What the session was given and would take along when it ends.
    pub(super) fn unsent_messages(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let publishes = self.composer.outgoing.len();
        if publishes > 0 {
            let text = words::count(publishes, "message");
            lines.push(format!(
                "{text} not delivered yet; what waits would be lost"
            ));
        }
        if self.composer.sweep.as_ref().is_some_and(Sweep::is_clearing) {
            lines.push("retained messages are being cleared".to_owned());
        }
        lines
    }

    /// Commands and wishes that a quit would leave undone.
    pub(super) fn unsent(&self) -> Vec<String> {
        /// How long an accepted command without a report counts as unfinished.
        const FRESH: Duration = Duration::from_mins(1);
        let mut lines = Vec::new();
        let commands = self.home.commands.open_since(self.at, FRESH);
        if commands > 0 {
            lines.push(format!(
                "{} not confirmed yet",
                words::count(commands, "command")
            ));
        }
        lines.extend(self.unsent_messages());
        let waiting = |p: &Purpose| matches!(p, Purpose::Feed { .. });
        if self.home.feeds.is_waiting() || self.pending.has(waiting) {
            lines.push("a subscription is still being changed".to_owned());
        }
        if self.overlays.iter().any(Over::is_half_filled) {
            lines.push("a form that is half filled in".to_owned());
        }
        lines
    }
}
