//! Numbers over time: up to four fields, each of one topic or device, from what memory keeps and as it comes.
//!
//! Rows are read in slices while the box is open, the new ones first, then backwards; nothing is done where a message
//! comes in. What was dropped leaves a mark that no line crosses.

mod chart;
mod figures;
mod sifted;

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use super::effect::Effect;
use super::event::TimerId;
use super::overlay::Over;
use super::overlay::text::{TextKind, TextOver};
use super::pane::inspector::FieldOf;
use super::pending::Purpose;
use super::screen::{Line, Role};
use super::state::App;
use super::words;
use crate::base::moment::{Mono, Timestamp};
use crate::domain::decode::Chain;
use crate::domain::program::Program;
use crate::store::ring::{Kept, Seq};

/// Fields in one plot.
const SERIES: usize = 4;
/// Values of a field; beyond it the oldest go.
const POINTS: usize = 20_000;
/// Marks of what is missing.
const GAPS: usize = 4_000;
/// Rows looked at, and bytes of payloads taken apart, in one slice: a few milliseconds.
const ROWS: u64 = 20_000;
const BYTES: usize = 256 * 1024;
/// What a payload costs beside its bytes.
const PAYLOAD: usize = 512;
/// From one look at what is new to the next.
const PAUSE: Duration = Duration::from_millis(50);

/// How much of the time is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Window {
    #[default]
    All,
    Hour,
    TenMinutes,
    Minute,
    TenSeconds,
}

impl Window {
    const fn next(self) -> Self {
        match self {
            Self::All => Self::Hour,
            Self::Hour => Self::TenMinutes,
            Self::TenMinutes => Self::Minute,
            Self::Minute => Self::TenSeconds,
            Self::TenSeconds => Self::All,
        }
    }

    const fn micros(self) -> Option<i64> {
        match self {
            Self::All => None,
            Self::Hour => Some(3_600_000_000),
            Self::TenMinutes => Some(600_000_000),
            Self::Minute => Some(60_000_000),
            Self::TenSeconds => Some(10_000_000),
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::All => "all that memory keeps",
            Self::Hour => "the last hour",
            Self::TenMinutes => "the last 10 minutes",
            Self::Minute => "the last minute",
            Self::TenSeconds => "the last 10 seconds",
        }
    }
}

/// One value: when, and what.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Point {
    at: i64,
    value: f64,
}

#[derive(Debug)]
struct Series {
    /// Never that of another one.
    id: u64,
    topic: String,
    device: Option<u32>,
    /// Between this program's output and the number, where one is put over the topic.
    program: Option<Program>,
    /// The program was cut off: nothing more is read.
    is_cut: bool,
    /// As jq writes it; empty for a payload that is a number.
    path: String,
    points: VecDeque<Point>,
    /// Rows before this one are still to be looked at, down to the oldest in memory.
    back: Option<Seq>,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Plot {
    series: Vec<Series>,
    /// Fields so far.
    fields: u64,
    gaps: BTreeSet<i64>,
    /// Rows from here on have not been looked at.
    ahead: Seq,
    /// Rows that a program is put over at the moment.
    asked: Option<sifted::Asked>,
    window: Window,
    looked: Option<Mono>,
    timer: Option<TimerId>,
}

impl Series {
    fn matches(&self, kept: &Kept<'_>) -> bool {
        !self.is_cut
            && kept.device == self.device
            && kept.topic == self.topic
            && !kept.outgoing
            && kept.mask.is_empty()
    }

    /// The whole way to the number, as jq takes it.
    fn way(&self) -> String {
        match (&self.program, self.path.as_str()) {
            (None, path) => path.to_owned(),
            (Some(program), "") => program.text().to_owned(),
            (Some(program), path) if path.starts_with('.') => format!("{program} | {path}"),
            (Some(program), path) => format!("{program} | .{path}"),
        }
    }

    fn is(&self, other: &Self) -> bool {
        self.topic == other.topic
            && self.device == other.device
            && self.path == other.path
            && self.program == other.program
    }

    /// Beyond the bound the oldest go; an older one has no room then.
    fn add(&mut self, point: Point, is_newer: bool) {
        if is_newer {
            self.points.push_back(point);
            if self.points.len() > POINTS {
                self.points.pop_front();
            }
        } else if self.points.len() < POINTS {
            self.points.push_front(point);
        }
    }
}

impl App {
    /// `g` in the inspector: the number under the cursor joins the plot; elsewhere it is the way to the first line.
    pub(super) fn plot_or_top(&mut self) {
        let Some(mut series) = self.number_at_hand() else {
            return self.act(super::action::Action::Top);
        };
        if !self.plot.series.iter().any(|known| known.is(&series)) {
            if self.plot.series.len() >= SERIES {
                let text =
                    format!("{SERIES} fields are plotted already; x in the plot takes one out");
                self.say(Role::Warn, text);
            } else {
                if self.plot.series.is_empty() {
                    self.plot.ahead = self.home.ring.end();
                    self.plot.gaps.clear();
                }
                self.plot.fields += 1;
                series.id = self.plot.fields;
                series.back = Some(self.plot.ahead);
                self.plot.series.push(series);
            }
        }
        self.open_plot();
    }

    /// The number under the cursor, as a field to be plotted.
    fn number_at_hand(&self) -> Option<Series> {
        let (topic, device, shown, path) = self.field_at_hand()?;
        let (program, payload, pin) = match shown {
            FieldOf::Payload(payload) => (None, payload, self.pins.of(&topic).cloned()),
            FieldOf::Output(program, output, chain) => (Some(program), output, Some(chain)),
        };
        figures::number(&payload, &topic, pin.as_ref(), &path)?;
        Some(Series {
            id: 0,
            topic,
            device,
            program,
            is_cut: false,
            path,
            points: VecDeque::new(),
            back: None,
        })
    }

    pub(super) fn open_plot(&mut self) {
        if self.plot.series.is_empty() {
            return self.say(
                Role::Warn,
                "nothing is plotted yet: g on a number in the inspector",
            );
        }
        if !self.plot_is_open() {
            self.plot.looked = None;
            self.open_over(Over::Text(TextOver::new(TextKind::Plot)));
        }
    }

    fn plot_is_open(&self) -> bool {
        self.overlays.iter().any(Over::is_plot)
    }

    /// What came since, then what was there before; a slice at a time.
    pub(super) fn plot_on(&mut self) {
        let waits = self.plot.timer.is_some() || self.plot.asked.is_some();
        if self.plot.series.is_empty() || waits || !self.plot_is_open() {
            return;
        }
        if self.plot.ahead >= self.home.ring.end()
            && self.plot.series.iter().all(|s| s.back.is_none())
        {
            return;
        }
        let now = self.at.mono;
        let rests = self
            .plot
            .looked
            .map(|looked| PAUSE.saturating_sub(now.since(looked)));
        if let Some(left) = rests.filter(|left| !left.is_zero()) {
            return self.plot_again(left);
        }
        let (mut left, mut wanted) = (BYTES, sifted::Wanted::default());
        let goes_on =
            self.plot_forward(&mut left, &mut wanted) || self.plot_backward(&mut left, &mut wanted);
        self.moved = true;
        if self.plot_sift(wanted) {
            self.plot.looked = (!goes_on).then_some(now);
        } else if goes_on {
            self.plot_again(Duration::ZERO);
        } else {
            self.plot.looked = Some(now);
        }
    }

    fn plot_again(&mut self, wait: Duration) {
        let id = self.timers.next();
        self.ask(Effect::StartTimer(id, wait));
        self.plot.timer = Some(id);
    }

    pub(super) fn plot_timer(&mut self, id: TimerId) -> bool {
        let ours = self.plot.timer == Some(id);
        if ours {
            self.plot.timer = None;
            self.plot.looked = None;
        }
        ours
    }

    /// Whether there is more.
    fn plot_forward(&mut self, left: &mut usize, wanted: &mut sifted::Wanted) -> bool {
        let (ring, pins, plot) = (&self.home.ring, &self.pins, &mut self.plot);
        let end = ring.end();
        if plot.ahead < ring.first_in_memory() {
            // They came faster than they were read: a mark of our own.
            plot.ahead = ring.first_in_memory();
            if let Some(kept) = ring.get(plot.ahead) {
                plot.gaps.insert(kept.at.0);
            }
        }
        let stop = Seq(end.0.min(plot.ahead.0.saturating_add(ROWS)));
        while plot.ahead < stop && *left > 0 && !wanted.is_full() {
            let seq = plot.ahead;
            plot.ahead = Seq(seq.0 + 1);
            let Some(kept) = ring.get(seq) else { continue };
            if kept.gap.is_some() {
                plot.gaps.insert(kept.at.0);
                continue;
            }
            for series in &mut plot.series {
                if series.matches(&kept) {
                    *left = left.saturating_sub(PAYLOAD + kept.payload.len());
                    read(series, &kept, pins.of(kept.topic), true, wanted);
                }
            }
        }
        while plot.gaps.len() > GAPS {
            plot.gaps.pop_first();
        }
        plot.ahead < end
    }

    fn plot_backward(&mut self, left: &mut usize, wanted: &mut sifted::Wanted) -> bool {
        let (ring, pins, plot) = (&self.home.ring, &self.pins, &mut self.plot);
        let first = ring.first_in_memory();
        let mut rows = ROWS;
        for series in &mut plot.series {
            while let Some(back) = series.back {
                if back <= first || series.points.len() >= POINTS {
                    series.back = None;
                    break;
                }
                if rows == 0 || *left == 0 || wanted.is_full() {
                    return true;
                }
                rows -= 1;
                let seq = Seq(back.0 - 1);
                series.back = Some(seq);
                let Some(kept) = ring.get(seq) else { continue };
                if kept.gap.is_some() && plot.gaps.len() < GAPS {
                    plot.gaps.insert(kept.at.0);
                }
                if kept.gap.is_none() && series.matches(&kept) {
                    *left = left.saturating_sub(PAYLOAD + kept.payload.len());
                    read(series, &kept, pins.of(kept.topic), false, wanted);
                }
            }
        }
        false
    }

    pub(super) fn plot_window(&mut self) {
        self.plot.window = self.plot.window.next();
    }

    /// The last field goes; whether there is still one.
    pub(super) fn plot_remove(&mut self) -> bool {
        self.plot.series.pop();
        if self.plot.series.is_empty() {
            self.plot_unask();
        }
        !self.plot.series.is_empty()
    }

    /// Other messages have these numbers now.
    pub(super) fn forget_plot(&mut self) {
        if let Some(id) = self.plot.timer.take() {
            self.ask(Effect::StopTimer(id));
        }
        self.plot_unask();
        self.plot = Plot::default();
    }

    /// The values that are seen: to a file, or copied.
    pub(super) fn plot_csv(&mut self, copy: bool) {
        let (from, to) = self.plot_span().unwrap_or_default();
        let named: Vec<_> = self
            .plot
            .series
            .iter()
            .map(|series| (self.plot_source(series), series))
            .collect();
        let text = figures::csv(&named, &self.plot.gaps, from, to);
        if copy {
            let id = self.pending.begin(Purpose::Copy);
            self.ask(Effect::Copy(id, text));
        } else {
            let id = self.pending.begin(Purpose::Export);
            let ending = "csv";
            self.ask(Effect::Export { id, ending, text });
        }
    }

    fn plot_source(&self, series: &Series) -> String {
        match series.device {
            Some(number) => self.home.devices.label_of(number).to_owned(),
            None => series.topic.clone(),
        }
    }

    /// First and last moment of what is seen.
    fn plot_span(&self) -> Option<(i64, i64)> {
        let points = || self.plot.series.iter().flat_map(|series| &series.points);
        let to = points().map(|point| point.at).max()?;
        let first = points().map(|point| point.at).min()?;
        let from = match self.plot.window.micros() {
            Some(micros) => to - micros,
            None => first,
        };
        Some((from, to))
    }

    /// The box: a band for each field with its figures, the time below.
    pub(super) fn plot_lines(&self, cells: usize, rows: usize) -> Vec<Line> {
        let Some((from, to)) = self.plot_span() else {
            return vec![super::lines::line(
                "no value of it is kept in memory yet",
                Role::Dim,
            )];
        };
        let bands = self.plot.series.len();
        // The time takes a line.
        let (band, over) = (
            rows.saturating_sub(1) / bands.max(1),
            rows.saturating_sub(1) % bands.max(1),
        );
        let span = chart::Span { from, to };
        let mut out = Vec::new();
        for (index, series) in self.plot.series.iter().enumerate() {
            let seen: Vec<Point> = series
                .points
                .iter()
                .filter(|point| (from..=to).contains(&point.at))
                .copied()
                .collect();
            let label = match series.way().as_str() {
                "" => self.plot_source(series),
                way => format!("{} {way}", self.plot_source(series)),
            };
            out.extend(chart::band(
                &chart::Band {
                    index,
                    label: &label,
                    points: &seen,
                    gaps: &self.plot.gaps,
                    span,
                },
                cells,
                band + usize::from(index < over),
            ));
        }
        out.push(chart::axis(span, self.zone, cells));
        out
    }

    /// `2 fields, the last minute, 3 marks of what was dropped`
    pub(super) fn plot_title(&self) -> String {
        let (from, to) = self.plot_span().unwrap_or_default();
        let gaps = self.plot.gaps.range(from..=to).count();
        let fields = words::count(self.plot.series.len(), "field");
        let mut text = format!("Plot: {fields}, {}", self.plot.window.word());
        if gaps > 0 {
            text.push_str(&format!(
                ", {} (nothing is drawn across)",
                words::count(gaps, "gap")
            ));
        }
        if self.plot.series.iter().any(|series| series.back.is_some()) {
            text.push_str(", reading …");
        }
        text
    }
}

/// The row's number joins the field, where it has one; at once, or when the program has had a look at it.
fn read(
    series: &mut Series,
    kept: &Kept<'_>,
    pin: Option<&Chain>,
    is_newer: bool,
    wanted: &mut sifted::Wanted,
) {
    if let Some(program) = &series.program {
        return wanted.add(series.id, program, kept, pin, is_newer);
    }
    let value = figures::number(kept.payload, kept.topic, pin, &series.path);
    if let Some(value) = value {
        let at = kept.at.0;
        series.add(Point { at, value }, is_newer);
    }
}

/// The clock of a moment in microseconds since 1970.
fn clock(at: i64, zone: i32, exact: bool) -> String {
    if exact {
        Timestamp(at).clock_millis(zone)
    } else {
        Timestamp(at).clock(zone)
    }
}
