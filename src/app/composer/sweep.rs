//! Clearing what a broker retains below a topic: it is counted first, the user types what is to go, and empty retained
//! messages are published at a set rate. Esc stops at any time.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;

use super::super::effect::Effect;
use super::super::event::TimerId;
use super::super::filters::Origin;
use super::super::lines::{labelled, line, wrapped};
use super::super::overlay::Over;
use super::super::screen::{Line, Role};
use super::super::state::App;
use super::super::words;
use crate::base::moment::{Mono, words as time_words};
use crate::base::problem::Problem;
use crate::domain::compose;
use crate::domain::message::{Draft, Message, Qos};
use crate::domain::session::{Delivered, ReceiptId, SessionCommand};
use crate::domain::subscription::FilterWish;
use crate::domain::topic::{Topic, TopicFilter};

/// Nothing retained has come for this long: that was all.
const QUIET: Duration = Duration::from_millis(1500);
/// The count ends after this, whatever comes.
const LONGEST_COUNT: Duration = Duration::from_mins(2);
/// Topics that are remembered, in number and in bytes. What is beyond is cleared in a second turn.
const MOST: usize = 1_000_000;
const MOST_BYTES: usize = 64 * 1024 * 1024;
/// 500 a second.
const TURN: Duration = Duration::from_millis(20);
const IN_A_TURN: usize = 10;
/// Unanswered at once.
const IN_FLIGHT: usize = 200;
/// How often the count looks whether it is at its end.
const LOOK: Duration = Duration::from_millis(250);

#[derive(Debug)]
pub(in super::super) struct Sweep {
    root: String,
    filter: TopicFilter,
    stage: Stage,
    /// What was counted; what of it is still to be cleared.
    found: BTreeSet<Topic>,
    found_bytes: usize,
    /// How many were counted.
    count: usize,
    /// There is more than is remembered.
    more: bool,
    /// The user's own wish for the same filter: it stands again afterwards.
    own: Option<FilterWish>,
    begun: Mono,
    /// When the last retained message came.
    last: Mono,
    timer: Option<TimerId>,
    in_flight: BTreeSet<ReceiptId>,
    /// It came to clearing.
    began: bool,
    cleared: usize,
    failed: usize,
    /// The connection was lost meanwhile.
    cut_off: bool,
    /// Why the first one failed.
    why: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Subscribing,
    Counting,
    /// The user is to type what is to go.
    Asking,
    Clearing,
    Stopped,
    Done,
}

impl Sweep {
    pub(in super::super) const fn is_clearing(&self) -> bool {
        matches!(self.stage, Stage::Clearing)
    }

    const fn is_under_way(&self) -> bool {
        matches!(
            self.stage,
            Stage::Subscribing | Stage::Counting | Stage::Clearing
        )
    }

    /// What may be typed to let it go.
    pub(in super::super) fn is_confirmed_by(&self, typed: &str) -> bool {
        typed == self.root || typed == self.count.to_string()
    }

    pub(in super::super) fn root(&self) -> &str {
        &self.root
    }
}

impl App {
    /// `Err`: why there is nothing to be counted.
    pub(in super::super) fn start_sweep(&mut self, root: &str) -> Result<(), String> {
        if !self.home.link.is_up() {
            return Err("there is no connection to count over".to_owned());
        }
        let filter = compose::below(root)?;
        let own = self
            .home
            .filters
            .iter()
            .find(|f| f.wish.filter == filter)
            .map(|f| f.wish.clone());
        let mut wish = FilterWish::new(filter.clone(), Qos::AtMostOnce);
        if let Some(own) = &own {
            // Another QoS makes it a subscription of its own to the broker, which sends again what it retains.
            wish.options = own.options;
            wish.qos = match own.qos {
                Qos::AtMostOnce => Qos::AtLeastOnce,
                _ => Qos::AtMostOnce,
            };
        }
        wish.options.retain_handling = crate::domain::subscription::RetainHandling::Send;
        self.home.filters.want(wish.clone(), Origin::Composer);
        let session = self.home.session;
        self.ask(Effect::Session(session, SessionCommand::Subscribe(wish)));
        let timer = self.sweep_in(LOOK);
        self.composer.sweep = Some(Sweep {
            root: filter.as_str().trim_end_matches("/#").to_owned(),
            filter,
            stage: Stage::Subscribing,
            found: BTreeSet::new(),
            found_bytes: 0,
            count: 0,
            more: false,
            own,
            begun: self.at.mono,
            last: self.at.mono,
            timer: Some(timer),
            in_flight: BTreeSet::new(),
            began: false,
            cleared: 0,
            failed: 0,
            cut_off: false,
            why: None,
        });
        self.open_over(Over::sweep());
        Ok(())
    }

    fn sweep_in(&mut self, wait: Duration) -> TimerId {
        let id = self.timers.next();
        self.ask(Effect::StartTimer(id, wait));
        id
    }

    pub(in super::super) fn sweep_granted(
        &mut self,
        filter: &TopicFilter,
        result: &Result<Qos, String>,
    ) {
        let at = self.at.mono;
        let Some(sweep) = &mut self.composer.sweep else {
            return;
        };
        if sweep.stage != Stage::Subscribing || sweep.filter != *filter {
            return;
        }
        match result {
            Ok(_) => {
                sweep.stage = Stage::Counting;
                sweep.last = at;
            }
            Err(why) => {
                sweep.why = Some(format!("the broker refuses to tell: {why}"));
                self.end_sweep(Stage::Stopped);
            }
        }
    }

    pub(in super::super) fn sweep_heard(&mut self, message: &Message) {
        let at = self.at.mono;
        let Some(sweep) = &mut self.composer.sweep else {
            return;
        };
        let counts = matches!(sweep.stage, Stage::Subscribing | Stage::Counting);
        if !counts || !message.retain || !sweep.filter.matches(message.topic.as_str()) {
            return;
        }
        sweep.last = at;
        let bytes = message.topic.as_str().len();
        if sweep.found.len() >= MOST || sweep.found_bytes + bytes > MOST_BYTES {
            sweep.more = true;
        } else if sweep.found.insert(message.topic.clone()) {
            sweep.found_bytes += bytes;
            sweep.count += 1;
        }
    }

    /// Some messages were dropped on the way: what was counted is not all.
    pub(in super::super) fn sweep_missed(&mut self) {
        if let Some(sweep) = &mut self.composer.sweep
            && matches!(sweep.stage, Stage::Subscribing | Stage::Counting)
        {
            sweep.more = true;
        }
    }

    pub(in super::super) fn sweep_timer(&mut self, id: TimerId) -> bool {
        let Some(sweep) = &mut self.composer.sweep else {
            return false;
        };
        if sweep.timer != Some(id) {
            return false;
        }
        sweep.timer = None;
        match sweep.stage {
            Stage::Subscribing | Stage::Counting => self.look_at_count(),
            Stage::Clearing => self.clear_some(),
            Stage::Asking | Stage::Stopped | Stage::Done => {}
        }
        true
    }

    fn look_at_count(&mut self) {
        let at = self.at.mono;
        let Some(sweep) = &mut self.composer.sweep else {
            return;
        };
        let quiet = sweep.stage == Stage::Counting && at.since(sweep.last) >= QUIET;
        if !quiet && at.since(sweep.begun) < LONGEST_COUNT {
            let timer = self.sweep_in(LOOK);
            if let Some(sweep) = &mut self.composer.sweep {
                sweep.timer = Some(timer);
            }
            return;
        }
        if sweep.stage == Stage::Subscribing {
            sweep.why = Some("the broker did not answer the subscription".to_owned());
            return self.end_sweep(Stage::Stopped);
        }
        sweep.more |= !quiet;
        if sweep.found.is_empty() {
            return self.end_sweep(Stage::Done);
        }
        sweep.stage = Stage::Asking;
        self.let_filter_go();
        self.overlays.retain(|over| !over.is_sweep());
        self.open_over(Over::sweep_question());
    }

    /// The subscription was for the count only.
    fn let_filter_go(&mut self) {
        let Some(sweep) = &mut self.composer.sweep else {
            return;
        };
        let (own, filter) = (sweep.own.take(), sweep.filter.clone());
        let command = match own {
            Some(own) => {
                self.home.filters.want(own.clone(), Origin::Composer);
                SessionCommand::Subscribe(own)
            }
            // Somebody else has come to want it.
            None if !self.home.filters.is_for_a_while(&filter) => return,
            None => SessionCommand::Unsubscribe(filter),
        };
        let session = self.home.session;
        self.ask(Effect::Session(session, command));
    }

    /// The user typed what is to go.
    pub(in super::super) fn clear_found(&mut self) {
        let Some(sweep) = &mut self.composer.sweep else {
            return;
        };
        sweep.stage = Stage::Clearing;
        sweep.began = true;
        sweep.begun = self.at.mono;
        self.open_over(Over::sweep());
        self.clear_some();
    }

    fn clear_some(&mut self) {
        let session = self.home.session;
        for _ in 0..IN_A_TURN {
            let Some(sweep) = &mut self.composer.sweep else {
                return;
            };
            if sweep.in_flight.len() >= IN_FLIGHT {
                break;
            }
            let Some(topic) = sweep.found.pop_first() else {
                break;
            };
            let id = self.composer.take_receipt();
            if let Some(sweep) = &mut self.composer.sweep {
                sweep.in_flight.insert(id);
            }
            let mut draft = Draft::new(topic, Bytes::new(), Qos::AtLeastOnce);
            draft.retain = true;
            self.ask(Effect::Session(session, SessionCommand::Publish(id, draft)));
        }
        let done = |s: &Sweep| s.found.is_empty() && s.in_flight.is_empty();
        if self.composer.sweep.as_ref().is_some_and(done) {
            return self.end_sweep(Stage::Done);
        }
        let timer = self.sweep_in(TURN);
        if let Some(sweep) = &mut self.composer.sweep {
            sweep.timer = Some(timer);
        }
    }

    /// Whether the receipt was the sweep's.
    pub(super) fn sweep_receipt(
        &mut self,
        id: ReceiptId,
        result: &Result<Delivered, Problem>,
    ) -> bool {
        let Some(sweep) = &mut self.composer.sweep else {
            return false;
        };
        if !sweep.in_flight.remove(&id) {
            return false;
        }
        match result {
            Ok(_) => sweep.cleared += 1,
            Err(problem) => {
                sweep.failed += 1;
                sweep.why.get_or_insert_with(|| words::brief(problem));
            }
        }
        true
    }

    /// Esc in its box. `false`: there is nothing to stop.
    pub(in super::super) fn stop_sweep(&mut self) -> bool {
        let under_way = self
            .composer
            .sweep
            .as_ref()
            .is_some_and(Sweep::is_under_way);
        if under_way {
            self.end_sweep(Stage::Stopped);
        }
        under_way
    }

    /// The connection is gone, and who knows for how long: nothing is cleared behind the user's back when it is there again.
    pub(in super::super) fn sweep_cut_off(&mut self) {
        if let Some(sweep) = &mut self.composer.sweep
            && sweep.is_under_way()
        {
            sweep.cut_off = true;
            if !sweep.began {
                sweep.why = Some("stopped: the connection was lost, nothing is cleared".to_owned());
            }
            self.end_sweep(Stage::Stopped);
        }
    }

    /// The question was not answered.
    pub(in super::super) fn forget_sweep(&mut self) {
        self.composer.sweep = None;
    }

    fn end_sweep(&mut self, stage: Stage) {
        let Some(sweep) = &mut self.composer.sweep else {
            return;
        };
        let counted = matches!(sweep.stage, Stage::Subscribing | Stage::Counting);
        sweep.stage = stage;
        let timer = sweep.timer.take();
        if let Some(timer) = timer {
            self.ask(Effect::StopTimer(timer));
        }
        if counted {
            self.let_filter_go();
        }
        self.moved = true;
    }

    /// What its box says.
    pub(in super::super) fn sweep_lines(&self, cells: usize) -> Vec<Line> {
        let Some(sweep) = &self.composer.sweep else {
            return Vec::new();
        };
        let mut out = labelled("below  ", &sweep.root, Role::Title, cells);
        out.push(line("", Role::Normal));
        let found = words::grouped(sweep.count as u64);
        let counted = format!("{found} retained so far");
        match sweep.stage {
            Stage::Subscribing => out.push(line("asking the broker …", Role::Pending)),
            Stage::Counting => out.push(line(format!("counting: {counted}"), Role::Pending)),
            Stage::Asking => {}
            Stage::Clearing => out.extend(Self::progress_lines(sweep, cells)),
            Stage::Stopped if !sweep.began => {
                let why = sweep.why.clone();
                let text = why.unwrap_or_else(|| format!("stopped: {counted}, nothing is cleared"));
                out.extend(wrapped(&text, Role::Warn, cells));
            }
            Stage::Done if sweep.count == 0 => {
                out.push(line("the broker retains nothing below it", Role::Normal));
            }
            Stage::Stopped | Stage::Done => out.extend(result_lines(sweep, cells)),
        }
        out
    }

    fn progress_lines(sweep: &Sweep, cells: usize) -> Vec<Line> {
        let all = sweep.count;
        let done = sweep.cleared + sweep.failed;
        let text = format!(
            "{} of {} cleared",
            words::grouped(sweep.cleared as u64),
            words::grouped(all as u64)
        );
        let room = cells.saturating_sub(2).clamp(1, 60);
        let full = done * room / all.max(1);
        let bar = format!("{}{}", "█".repeat(full), "░".repeat(room - full));
        let mut out = vec![line(text, Role::Normal), line(bar, Role::Pending)];
        let pace = IN_A_TURN as u64 * 1000 / u64::try_from(TURN.as_millis()).unwrap_or(1);
        let left = sweep.found.len() as u64 / pace.max(1);
        let time = time_words(Duration::from_secs(left + 1));
        let text = format!("at most {pace} a second, about {time} to go");
        out.push(line(text, Role::Dim));
        if sweep.failed > 0 {
            out.extend(failed_line(sweep, cells));
        }
        out
    }

    /// Before the typed confirmation: how many, and a few of them.
    pub(in super::super) fn sweep_intro(&self, cells: usize) -> Vec<Line> {
        const EXAMPLES: usize = 5;
        let Some(sweep) = &self.composer.sweep else {
            return Vec::new();
        };
        let number = words::count(sweep.count, "retained message");
        let at_least = if sweep.more { "at least " } else { "" };
        let text = format!("The broker keeps {at_least}{number} below {}:", sweep.root);
        let mut out = wrapped(&text, Role::Normal, cells);
        for topic in sweep.found.iter().take(EXAMPLES) {
            out.extend(labelled("  ", topic.as_str(), Role::Label, cells));
        }
        if sweep.found.len() > EXAMPLES {
            out.push(line("  …", Role::Dim));
        }
        let text = "They are forgotten for everybody, and cannot be brought back from here.";
        out.extend(wrapped(text, Role::Warn, cells));
        out
    }

    pub(in super::super) fn sweep_count(&self) -> usize {
        self.composer.sweep.as_ref().map_or(0, |s| s.count)
    }
}

fn failed_line(sweep: &Sweep, cells: usize) -> Vec<Line> {
    let why = sweep.why.as_deref().unwrap_or_default();
    let text = format!("{} failed: {why}", words::grouped(sweep.failed as u64));
    wrapped(&text, Role::Bad, cells)
}

fn result_lines(sweep: &Sweep, cells: usize) -> Vec<Line> {
    let how = match (sweep.stage, sweep.cut_off) {
        (Stage::Done, _) => "done",
        (_, true) => "the connection was lost, stopped",
        _ => "stopped",
    };
    let text = format!("{how}: {} cleared", words::grouped(sweep.cleared as u64));
    let mut out = vec![line(text, Role::Good)];
    if sweep.failed > 0 {
        out.extend(failed_line(sweep, cells));
    }
    if !sweep.in_flight.is_empty() {
        let text = format!(
            "{} sent and not answered yet",
            words::grouped(sweep.in_flight.len() as u64)
        );
        out.push(line(text, Role::Pending));
    }
    if !sweep.found.is_empty() {
        let text = format!(
            "{} left as they were",
            words::grouped(sweep.found.len() as u64)
        );
        out.push(line(text, Role::Warn));
    }
    if sweep.more {
        let text = "there was more than was counted: clear again for the rest";
        out.extend(wrapped(text, Role::Warn, cells));
    }
    out
}
