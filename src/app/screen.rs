//! Everything there is to show, as plain data: what `App::screen` gives and `ui::view` draws.
//!
//! The seam between the core and the picture. The core decides *what* is visible (rows of the window, which pane is where,
//! what a cell says); the view decides only *how* it looks. Texts are [`SafeText`] or our own words. Lists hold the
//! visible rows only, so a frame costs the same with ten devices and with ten thousand.

use std::ops::Range;

use super::event::Size;
use crate::base::text::SafeText;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Screen {
    pub size: Size,
    pub header: Header,
    /// Panes with their areas; none overlap. Empty when the terminal is too small.
    pub panes: Vec<PaneView>,
    pub footer: Footer,
    /// On top of everything, the last one topmost.
    pub overlays: Vec<Overlay>,
    /// Below the minimum: nothing but a line that says so.
    pub too_small: bool,
}

/// Cells from the top left corner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Area {
    pub x: u16,
    pub y: u16,
    pub width: u16,
    pub height: u16,
}

impl Area {
    pub const fn contains(self, column: u16, row: u16) -> bool {
        column >= self.x
            && column < self.x + self.width
            && row >= self.y
            && row < self.y + self.height
    }
}

/// What a piece of text is, for the theme to dress. Every role also differs by a sign, a word or an attribute, never by
/// colour alone (NO_COLOR).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Role {
    #[default]
    Normal,
    /// Less important: times, ids, units.
    Dim,
    Title,
    Good,
    Warn,
    Bad,
    /// Waits for confirmation.
    Pending,
    Key,
    /// What a key of JSON, a heading of a column is.
    Label,
    Text,
    Number,
    Literal,
    Punctuation,
    /// Found by the filter.
    Match,
    /// Changed since the message before.
    Changed,
    /// A half block `▀`: two pixels of a picture, red, green and blue.
    Pixels {
        top: [u8; 3],
        bottom: [u8; 3],
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Span {
    pub text: SafeText,
    pub role: Role,
}

impl Span {
    pub fn new(text: impl Into<SafeText>, role: Role) -> Self {
        Self {
            text: text.into(),
            role,
        }
    }
}

/// One line of spans.
pub type Line = Vec<Span>;

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Header {
    /// `home`, or `simulated home`.
    pub profile: SafeText,
    pub platform: &'static str,
    /// In words: `connected`, `reconnecting in 4 s: …`, with `Good`, `Warn`, `Bad` or `Pending`.
    pub state: Span,
    /// TLS verification is off: said the whole time.
    pub insecure: bool,
    pub received: u64,
    /// In memory.
    pub kept: u64,
    /// On the disk; `None` where nothing goes there.
    pub on_disk: Option<u64>,
    pub dropped: u64,
    /// A recording is being made: how much of it there is.
    pub recording: Option<Span>,
    /// REST calls in the last hour and, while limited, how long calls rest; else what waits to be sent.
    pub calls: Option<Span>,
    /// Messages per second over the last minute, oldest first, for the sparkline; empty hides it.
    pub rates: Vec<u32>,
    /// Messages a second now, rounded.
    pub rate: u32,
    /// A line that says that this is the simulated home and which key adds an account.
    pub hint: Option<SafeText>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PaneId {
    Devices,
    Subscriptions,
    Messages,
    Inspector,
    Publish,
}

impl PaneId {
    pub const ALL: [Self; 5] = [
        Self::Devices,
        Self::Subscriptions,
        Self::Messages,
        Self::Inspector,
        Self::Publish,
    ];

    pub const fn title(self) -> &'static str {
        match self {
            Self::Devices => "Devices",
            Self::Subscriptions => "Subscriptions",
            Self::Messages => "Messages",
            Self::Inspector => "Inspector",
            Self::Publish => "Publish",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaneView {
    pub id: PaneId,
    /// With the border.
    pub area: Area,
    pub focused: bool,
    /// After the title: `12`, `3 of 12 match "거실"`, `frozen, 40 new`.
    pub note: Option<Span>,
    /// The filter being typed or in force, with the cursor's cell offset while it is typed.
    pub filter: Option<FilterLine>,
    /// The jq program being typed or in force, as the filter.
    pub program: Option<FilterLine>,
    pub body: Body,
    /// What the platform calls its two feeds: over their columns, and in Subscriptions in their rows.
    pub feeds: [&'static str; 2],
    /// Where the window stands in the whole list, for the scroll bar.
    pub scroll: Scroll,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FilterLine {
    pub text: SafeText,
    /// Cells from the start of `text`; `None` when not being typed.
    pub cursor: Option<u16>,
    /// Why it is not understood; the old view is kept.
    pub error: Option<SafeText>,
}

/// Rows before the window, rows in all, rows shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scroll {
    pub offset: usize,
    pub total: usize,
    pub shown: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// Nothing there yet: what that means and what to press, centred.
    Empty(Vec<Line>),
    Devices(Vec<DeviceRow>),
    /// In place of devices where there are none: the topics that are heard.
    Topics(Vec<TopicRow>),
    Subscriptions(Vec<SubscriptionRow>),
    /// In place of subscriptions where there are topic filters only.
    Filters(Vec<FilterRow>),
    Messages(Vec<MessageRow>),
    /// Lines of the inspector or any other text, ready wrapped to the area's inner width.
    Lines(Vec<Line>),
    /// The same with a line under the cursor, counted from the first one shown.
    Document {
        lines: Vec<Line>,
        selected: Option<usize>,
    },
    /// The publish pane on a platform that takes commands over REST, and the commands so far.
    Commands(Vec<CommandRow>),
    /// The publish pane where messages can be published: one row for each line inside the pane.
    Compose(Vec<ComposeRow>),
}

/// One line of the composer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ComposeRow {
    /// One field over the whole width, or several side by side.
    Fields(Vec<Field>),
    /// A line of the payload.
    Text {
        number: usize,
        text: SafeText,
        /// Cells from the start of `text`.
        cursor: Option<u16>,
        /// Something is wrong in it.
        broken: bool,
    },
    /// One of the topics that are known, under the field.
    Choice {
        text: SafeText,
        selected: bool,
    },
    Line(Line),
}

/// One device. Column widths are the view's business: it drops columns from the least important as the pane narrows
/// (model, kind, message count, last).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeviceRow {
    pub selected: bool,
    /// Marked with Space, for an action on several.
    pub marked: bool,
    pub presence: Presence,
    pub name: SafeText,
    pub kind: SafeText,
    pub model: SafeText,
    pub push: Mark,
    pub event: Mark,
    /// `12s`, `4m`; empty when nothing was heard.
    pub last: String,
    pub count: u64,
    /// Said in place of the kind when something is wrong (`1222 not connected`).
    pub trouble: Option<SafeText>,
    /// A new message has just come: drawn stronger.
    pub fresh: bool,
}

/// One level of a topic: what is heard on it and below it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TopicRow {
    pub selected: bool,
    pub marked: bool,
    /// Levels above it.
    pub depth: u16,
    pub fold: Fold,
    /// This level alone; `""` where it is empty.
    pub name: SafeText,
    /// The last payload on this very topic, on one line; for a branch how many topics are below.
    pub value: Line,
    /// Messages a second over the last minute, own and below: `0.2`, `12.3`; empty when there were none.
    pub rate: String,
    /// `12s`, `4m`
    pub last: String,
    /// The broker keeps a message of this very topic.
    pub retained: bool,
    /// Messages, own and below.
    pub count: u64,
    /// Messages on this very topic.
    pub own: u64,
    /// Topics below it.
    pub topics: u64,
    /// Payload bytes, own and below.
    pub bytes: u64,
    pub fresh: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fold {
    /// Nothing below.
    #[default]
    Leaf,
    Folded,
    Unfolded,
}

/// A topic filter and the broker's word on it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FilterRow {
    pub selected: bool,
    pub filter: SafeText,
    pub mark: Mark,
    /// `QoS 1`, `QoS 1 → 0 granted`, `refused: not authorised`; `muted, 12 hidden` behind it.
    pub detail: Span,
    pub muted: bool,
    /// MQTT 5's options in short: `nl rap rh2 id7`.
    pub options: SafeText,
    /// `profile`, `by hand`, `health`.
    pub origin: &'static str,
    /// Messages that it matched; `None` where they are not counted.
    pub count: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Presence {
    #[default]
    Unknown,
    Online,
    Offline,
}

/// A feed's mark.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Mark {
    /// The platform or the device has no such feed.
    None,
    #[default]
    Unknown,
    Off,
    /// Not subscribed, and delivered all the same.
    Unasked,
    /// With the time left, where it ends: `23h40`.
    On(Option<String>),
    /// Asked for, not confirmed: turning on (true) or off.
    Pending(bool),
    /// The last wish was refused; the mark shows that, the row's trouble says why.
    Failed,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SubscriptionRow {
    pub selected: bool,
    /// `push`, `event`, `filter`.
    pub sort: &'static str,
    /// Device name or topic filter.
    pub what: SafeText,
    pub mark: Mark,
    /// `QoS 1`, `renews in 11h`, `refused: not authorised`.
    pub detail: Span,
    pub muted: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MessageRow {
    pub selected: bool,
    /// `20:41:22.123`
    pub time: String,
    pub kind: &'static str,
    pub kind_role: Role,
    /// Device name, or the topic where there is none.
    pub source: SafeText,
    /// The source is a topic: where there is no room for all of it, its end says more.
    pub topic: bool,
    /// Bytes of the source that are looked for.
    pub found: Vec<Range<usize>>,
    /// One line of what it says: gist or payload, with matches and roles.
    pub gist: Line,
    pub bytes: usize,
    pub retain: bool,
    pub dup: bool,
    pub outgoing: bool,
    /// This row stands for messages that were dropped here.
    pub gap: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CommandRow {
    pub time: String,
    pub device: SafeText,
    /// `operation.airConOperationMode = POWER_ON`
    pub what: SafeText,
    /// `sent`, `confirmed after 2 s`, `refused: 2302 …`
    pub outcome: Span,
    pub selected: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Footer {
    /// The keys that are valid now: `("p", "push")`.
    pub keys: Vec<(SafeText, SafeText)>,
    /// What just happened or failed; shown before the keys until the next key.
    pub notice: Option<Span>,
}

/// A box on top.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Overlay {
    /// Scrollable text: help, log, state tree, problem, doctor.
    Text(TextBox),
    /// A list to choose from, with an optional search line: palette, countries, profiles, properties, values.
    Choice(ChoiceBox),
    /// Fields to fill in: the wizard, a value.
    Form(FormBox),
    /// A question with keys as answers.
    Confirm(ConfirmBox),
    /// Text of several lines to change.
    Editor(EditorBox),
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TextBox {
    pub area: Area,
    pub title: SafeText,
    pub lines: Vec<Line>,
    pub scroll: Scroll,
    /// Under the text: the keys valid here.
    pub hint: SafeText,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChoiceBox {
    pub area: Area,
    pub title: SafeText,
    pub search: Option<FilterLine>,
    pub rows: Vec<ChoiceRow>,
    pub scroll: Scroll,
    pub hint: SafeText,
    /// Above the rows: an explanation.
    pub intro: Vec<Line>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChoiceRow {
    pub selected: bool,
    pub name: Line,
    /// Right-aligned: the key, the current value.
    pub detail: Span,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FormBox {
    pub area: Area,
    pub title: SafeText,
    pub intro: Vec<Line>,
    pub fields: Vec<Field>,
    /// Errors, progress steps, the exact request.
    pub below: Vec<Line>,
    pub hint: SafeText,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Field {
    pub label: SafeText,
    /// Already masked where it is a secret (`•••••••• 61 characters`).
    pub value: SafeText,
    pub focused: bool,
    /// Cells from the start of `value`.
    pub cursor: Option<u16>,
    pub note: Option<Span>,
}

/// A text with its line numbers, what it is about above, and what becomes of it below.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EditorBox {
    pub area: Area,
    pub title: SafeText,
    pub intro: Vec<Line>,
    /// One for each line of the window.
    pub rows: Vec<ComposeRow>,
    pub below: Vec<Line>,
    pub hint: SafeText,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConfirmBox {
    pub area: Area,
    pub title: SafeText,
    pub lines: Vec<Line>,
    /// `("y", "quit")`, `("n", "stay")`.
    pub answers: Vec<(SafeText, SafeText)>,
}
