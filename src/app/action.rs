//! Every action once: its name, its keys, where it holds, and what it does in a line. The keymap ([`super::keymap`]), the footer, `?`, the
//! palette and the README's table are made from this list.

use super::screen::PaneId;
use super::screen::PaneId::{Devices, Inspector, Messages, Publish, Subscriptions};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Action {
    NextPane,
    PreviousPane,
    Focus(PaneId),
    Zoom,
    Up,
    Down,
    Left,
    Right,
    Top,
    TopOfMessage,
    PlotOrTop,
    Plot,
    Bottom,
    PageUp,
    PageDown,
    HalfUp,
    HalfDown,
    ShowMessages,
    Inspect,
    Push,
    Event,
    Mark,
    Freeze,
    State,
    Control,
    Jobs,
    Bind,
    Unbind,
    AddFilter,
    Drop,
    Mute,
    Filter,
    Program,
    Clear,
    NextMatch,
    PreviousMatch,
    View,
    FoldValue,
    FoldAll,
    Earlier,
    Later,
    Compare,
    Changes,
    CopyPath,
    Decoder,
    Copy,
    CopyMessage,
    SavePayload,
    Compose,
    Write,
    Send,
    OpenEditor,
    History,
    FormatJson,
    Undo,
    Redo,
    ComposeMessage,
    StopRepeat,
    Templates,
    SaveTemplate,
    DeleteTemplate,
    MessageProperties,
    Repeat,
    AwaitAnswer,
    ClearDraft,
    ClearRetained,
    Refresh,
    Record,
    Log,
    Profiles,
    Palette,
    Help,
    Quit,
    QuitEnding,
    Leave,
    Suspend,
    Energy,
    Fold,
    FoldBelow,
    Sort,
    Group,
    Health,
    EditFilter,
    AddAccount,
    NewToken,
    Problems,
    Provision,
    ConnectionState,
}

/// One action, as data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ActionInfo {
    pub action: Action,
    /// For the palette: `toggle push`.
    pub name: &'static str,
    /// As they are written: `Ctrl-P`. Empty: in the palette only.
    pub keys: &'static [&'static str],
    /// The panes where the keys hold.
    pub panes: &'static [PaneId],
    pub help: &'static str,
    /// For the footer, in a word; `None` where it would only be noise.
    pub short: Option<&'static str>,
    /// Does nothing but move: obeyed also while a key is held down (F25).
    pub moves: bool,
}

impl ActionInfo {
    pub fn holds_in(&self, pane: PaneId) -> bool {
        self.panes.contains(&pane)
    }

    /// `: Ctrl-P`, for help and tables.
    pub fn keys_text(&self) -> String {
        self.keys.join(" ")
    }
}

const ALL: &[PaneId] = &PaneId::ALL;
const FILTERS: &[PaneId] = &[Devices, Subscriptions];
const STREAM: &[PaneId] = &[Messages, Inspector];
/// There `g` is about the number under the cursor first.
const BUT_INSPECTOR: &[PaneId] = &[Devices, Subscriptions, Messages, Publish];
const ON_DEVICE: &[PaneId] = &[Devices, Subscriptions, Messages, Publish];

/// What happens to what is under the cursor comes first: the footer shows as many as fit.
static TABLE: &[ActionInfo] = &[
    entry(
        Action::ShowMessages,
        "show only this device's messages",
        &["Enter"],
        &[Devices],
        "show only this device's messages",
        Some("its messages"),
    ),
    entry(
        Action::Inspect,
        "inspect message",
        &["Enter"],
        &[Messages],
        "open the message in the inspector",
        Some("inspect"),
    ),
    entry(
        Action::Push,
        "toggle push",
        &["p"],
        &[Devices],
        "push (notifications) on or off, for the device or all marked ones",
        Some("push"),
    ),
    entry(
        Action::Event,
        "toggle event",
        &["e"],
        &[Devices],
        "event (state changes) on or off, for the device or all marked ones",
        Some("event"),
    ),
    entry(
        Action::AddFilter,
        "add topic filter",
        &["a"],
        FILTERS,
        "subscribe to a topic filter",
        Some("add"),
    ),
    entry(
        Action::EditFilter,
        "edit topic filter",
        &["Enter"],
        &[Subscriptions],
        "change QoS and options of the selected topic filter",
        Some("edit"),
    ),
    entry(
        Action::Drop,
        "drop subscription",
        &["d"],
        &[Subscriptions],
        "end the selected subscription",
        Some("drop"),
    ),
    entry(
        Action::Mute,
        "mute subscription",
        &["m"],
        &[Subscriptions],
        "hide or show its messages in the stream",
        Some("mute"),
    ),
    entry(
        Action::Fold,
        "fold or unfold topic",
        &["o"],
        &[Devices],
        "fold or unfold the topic; so do Left and Right, which go on to the next pane where nothing is left to fold",
        Some("fold"),
    ),
    entry(
        Action::FoldBelow,
        "fold or unfold all below the topic",
        &["O"],
        &[Devices],
        "fold or unfold the topic and all below it",
        None,
    ),
    entry(
        Action::Group,
        "group messages by topic, or not",
        &["t"],
        &[Messages],
        "the topics as a tree in place of the messages: rate, last message, count; Enter shows only that topic",
        None,
    ),
    entry(
        Action::Sort,
        "sort topics by name or rate",
        &["S"],
        &[Devices, Messages],
        "sort the topics by name, or the busiest first",
        Some("sort"),
    ),
    entry(
        Action::Freeze,
        "freeze or follow the stream",
        &["Space"],
        STREAM,
        "freeze or follow the stream; nothing is lost meanwhile",
        Some("freeze"),
    ),
    entry(
        Action::Mark,
        "mark device",
        &["Space"],
        &[Devices],
        "mark, for an action on several",
        Some("mark"),
    ),
    entry(
        Action::View,
        "next view of the payload",
        &["v"],
        STREAM,
        "next view of the payload: pretty, raw, hex, tree, changes, decoded",
        Some("view"),
    ),
    entry(
        Action::FoldValue,
        "fold or unfold",
        &["Enter"],
        &[Inspector],
        "fold or unfold the value under the cursor",
        Some("fold"),
    ),
    entry(
        Action::FoldAll,
        "fold or unfold all",
        &["-"],
        &[Inspector],
        "fold all values, or unfold them",
        None,
    ),
    entry(
        Action::State,
        "device state",
        &["s"],
        ON_DEVICE,
        "the device's state or shadow; of a topic, its last message",
        Some("state"),
    ),
    entry(
        Action::Control,
        "control device",
        &["x"],
        ON_DEVICE,
        "control the device",
        Some("control"),
    ),
    entry(
        Action::Jobs,
        "jobs",
        &["J"],
        ON_DEVICE,
        "the device's jobs: what waits, what is under way, and what became of it",
        None,
    ),
    entry(
        Action::Bind,
        "bind device to a gateway",
        &[],
        ON_DEVICE,
        "bind the device to a gateway in the registry",
        None,
    ),
    entry(
        Action::Unbind,
        "unbind device from a gateway",
        &[],
        ON_DEVICE,
        "take the device's binding to a gateway away",
        None,
    ),
    entry(
        Action::Copy,
        "copy payload",
        &["y"],
        STREAM,
        "copy the payload",
        Some("copy"),
    ),
    entry(
        Action::CopyMessage,
        "copy message",
        &["Y"],
        STREAM,
        "copy the whole message as a JSON line",
        None,
    ),
    entry(
        Action::SavePayload,
        "save payload",
        &[],
        STREAM,
        "write the payload to a file, byte for byte",
        None,
    ),
    entry(
        Action::Earlier,
        "earlier message of the same device or topic",
        &["["],
        STREAM,
        "the message before, of the same device or topic",
        Some("before"),
    ),
    entry(
        Action::Later,
        "later message of the same device or topic",
        &["]"],
        STREAM,
        "the message after, of the same device or topic",
        Some("after"),
    ),
    entry(
        Action::Compare,
        "compare two messages",
        &["d"],
        STREAM,
        "mark a message, then compare another one with it; on the marked one: end that",
        Some("compare"),
    ),
    entry(
        Action::Changes,
        "show what changed, or not",
        &["="],
        STREAM,
        "mark what changed since the message before, or not",
        None,
    ),
    entry(
        Action::PlotOrTop,
        "plot this number",
        &["g"],
        &[Inspector],
        "plot the number under the cursor, live, beside up to three others; on anything else: the first line",
        Some("plot"),
    ),
    entry(
        Action::Plot,
        "show the plot",
        &[],
        ALL,
        "the numbers plotted with g in the inspector",
        None,
    ),
    entry(
        Action::CopyPath,
        "copy path",
        &["p"],
        &[Inspector],
        "copy the path of the field under the cursor",
        None,
    ),
    entry(
        Action::Decoder,
        "decode otherwise",
        &["o"],
        STREAM,
        "choose the decoder for this topic; it is remembered",
        Some("decoder"),
    ),
    entry(
        Action::Filter,
        "filter this pane",
        &["/"],
        ALL,
        "filter this pane, live",
        Some("filter"),
    ),
    entry(
        Action::Program,
        "jq program",
        &["|"],
        STREAM,
        "put a jq program over the payloads of these topics; it is remembered, an empty one ends it",
        None,
    ),
    entry(
        Action::Clear,
        "clear",
        &["Esc"],
        ALL,
        "one step back: filter, inspector, device, held stream, marks, zoom",
        None,
    ),
    entry(
        Action::NextMatch,
        "next match",
        &["n"],
        ALL,
        "next match",
        None,
    ),
    entry(
        Action::PreviousMatch,
        "previous match",
        &["N"],
        ALL,
        "previous match",
        None,
    ),
    entry(
        Action::Compose,
        "compose",
        &["c"],
        ALL,
        "compose a message; where the platform takes none, control the device",
        None,
    ),
    entry(
        Action::ComposeMessage,
        "open message in the composer",
        &["C"],
        STREAM,
        "open the message in the composer, byte for byte, to change it or send it again",
        None,
    ),
    entry(
        Action::Write,
        "write a message",
        &["Enter"],
        &[Publish],
        "write in the composer",
        Some("write"),
    ),
    entry(
        Action::Send,
        "send",
        &["Ctrl-S"],
        &[Publish],
        "send what is in the composer",
        Some("send"),
    ),
    entry(
        Action::OpenEditor,
        "edit in $EDITOR",
        &["Ctrl-E"],
        &[Publish],
        "the payload in $VISUAL or $EDITOR",
        Some("editor"),
    ),
    entry(
        Action::History,
        "history",
        &["Ctrl-R"],
        &[Publish],
        "what was sent before, to search and open again",
        Some("history"),
    ),
    entry(
        Action::Templates,
        "open template",
        &["Ctrl-T"],
        &[Publish],
        "open a named template",
        None,
    ),
    entry(
        Action::FormatJson,
        "lay out JSON",
        &["Ctrl-F"],
        &[Publish],
        "lay out the JSON of the payload; only white space moves",
        None,
    ),
    entry(
        Action::Undo,
        "undo typing",
        &["Ctrl-_"],
        &[Publish],
        "take back what was typed in the payload",
        None,
    ),
    entry(
        Action::Redo,
        "redo typing",
        &["Ctrl-Y"],
        &[Publish],
        "type it again",
        None,
    ),
    entry(
        Action::StopRepeat,
        "stop repeating",
        &["Ctrl-X"],
        ALL,
        "stop the message that is sent again and again",
        None,
    ),
    entry(
        Action::Refresh,
        "refresh",
        &["r"],
        ALL,
        "ask the platform again; connect now when it waits",
        Some("refresh"),
    ),
    movement(Action::Up, "up", &["Up", "k"], "up"),
    movement(Action::Down, "down", &["Down", "j"], "down"),
    movement(
        Action::Left,
        "pane to the left",
        &["Left", "h"],
        "to the pane on the left",
    ),
    movement(
        Action::Right,
        "pane to the right",
        &["Right", "l"],
        "to the pane on the right",
    ),
    within(
        BUT_INSPECTOR,
        movement(Action::Top, "first row", &["g", "Home"], "first row"),
    ),
    within(
        &[Inspector],
        movement(
            Action::TopOfMessage,
            "first line",
            &["Home"],
            "first line of the message",
        ),
    ),
    movement(
        Action::Bottom,
        "last row",
        &["G", "End"],
        "last row; in Messages: follow again",
    ),
    movement(Action::PageUp, "page up", &["PageUp"], "a page up"),
    movement(Action::PageDown, "page down", &["PageDown"], "a page down"),
    movement(
        Action::HalfUp,
        "half a page up",
        &["Ctrl-U"],
        "half a page up",
    ),
    movement(
        Action::HalfDown,
        "half a page down",
        &["Ctrl-D"],
        "half a page down",
    ),
    movement(Action::NextPane, "next pane", &["Tab"], "next pane"),
    movement(
        Action::PreviousPane,
        "previous pane",
        &["Shift-Tab"],
        "previous pane",
    ),
    entry(
        Action::Focus(Devices),
        "Devices",
        &["1"],
        ALL,
        "Devices",
        None,
    ),
    entry(
        Action::Focus(Subscriptions),
        "Subscriptions",
        &["2"],
        ALL,
        "Subscriptions",
        None,
    ),
    entry(
        Action::Focus(Messages),
        "Messages",
        &["3"],
        ALL,
        "Messages",
        None,
    ),
    entry(
        Action::Focus(Inspector),
        "Inspector",
        &["4"],
        ALL,
        "Inspector",
        None,
    ),
    entry(
        Action::Focus(Publish),
        "Publish",
        &["5"],
        ALL,
        "Publish",
        None,
    ),
    entry(
        Action::Zoom,
        "zoom pane",
        &["z"],
        ALL,
        "the pane alone, or all again",
        None,
    ),
    entry(
        Action::Record,
        "record, or stop the recording",
        &["R"],
        ALL,
        "start or stop a recording of every message, whatever is filtered",
        None,
    ),
    entry(
        Action::Log,
        "log",
        &["L"],
        ALL,
        "log of REST calls and MQTT packets",
        None,
    ),
    entry(
        Action::Health,
        "broker health",
        &["B"],
        ALL,
        "what the broker says of itself under $SYS: clients, messages, load",
        None,
    ),
    entry(
        Action::Profiles,
        "switch profile",
        &["P"],
        ALL,
        "switch profile, or add an account",
        None,
    ),
    entry(
        Action::Palette,
        "command palette",
        &[":", "Ctrl-P"],
        ALL,
        "every action by name, with its key",
        Some("palette"),
    ),
    entry(
        Action::Help,
        "help",
        &["?"],
        ALL,
        "the keys valid here",
        Some("help"),
    ),
    entry(
        Action::Quit,
        "quit",
        &["q"],
        ALL,
        "quit; asks when something unsent would be lost",
        Some("quit"),
    ),
    entry(
        Action::QuitEnding,
        "quit and end all push and event subscriptions",
        &[],
        ALL,
        "quit, and end the subscriptions whatever the profile says",
        None,
    ),
    entry(
        Action::Leave,
        "quit at once",
        &["Ctrl-C"],
        ALL,
        "quit at once",
        None,
    ),
    entry(
        Action::Suspend,
        "suspend",
        &["Ctrl-Z"],
        ALL,
        "suspend; fg comes back",
        None,
    ),
    entry(
        Action::Energy,
        "energy usage",
        &[],
        ON_DEVICE,
        "energy usage of the device",
        None,
    ),
    entry(
        Action::AddAccount,
        "add an account",
        &[],
        ALL,
        "sign in with another account",
        None,
    ),
    entry(
        Action::NewToken,
        "new access token",
        &[],
        ALL,
        "give a new access token to the open profile",
        None,
    ),
    entry(
        Action::SaveTemplate,
        "save as template",
        &[],
        ALL,
        "keep what is in the composer under a name, in templates.toml",
        None,
    ),
    entry(
        Action::DeleteTemplate,
        "delete template",
        &[],
        ALL,
        "delete a named template",
        None,
    ),
    entry(
        Action::MessageProperties,
        "message properties",
        &[],
        ALL,
        "MQTT 5 properties of the message in the composer",
        None,
    ),
    entry(
        Action::Repeat,
        "repeat message",
        &[],
        ALL,
        "send what is in the composer again and again",
        None,
    ),
    entry(
        Action::AwaitAnswer,
        "wait for an answer",
        &[],
        ALL,
        "request and response: send and wait for the answer",
        None,
    ),
    entry(
        Action::ClearDraft,
        "new message",
        &[],
        ALL,
        "empty the composer; what was typed goes into the history",
        None,
    ),
    entry(
        Action::ClearRetained,
        "clear retained messages below a topic",
        &[],
        ALL,
        "count what the broker retains below a topic, and clear it after a question",
        None,
    ),
    entry(
        Action::Provision,
        "provision a new thing",
        &[],
        ALL,
        "fleet provisioning: a certificate, a thing, a new profile",
        None,
    ),
    entry(
        Action::ConnectionState,
        "report connection state in the shadow",
        &[],
        ALL,
        "will, rule, role and policies, step by step, and a test",
        None,
    ),
    entry(
        Action::Problems,
        "last problems",
        &[],
        ALL,
        "the last problems once more",
        None,
    ),
];

const fn entry(
    action: Action,
    name: &'static str,
    keys: &'static [&'static str],
    panes: &'static [PaneId],
    help: &'static str,
    short: Option<&'static str>,
) -> ActionInfo {
    ActionInfo {
        action,
        name,
        keys,
        panes,
        help,
        short,
        moves: false,
    }
}

const fn movement(
    action: Action,
    name: &'static str,
    keys: &'static [&'static str],
    help: &'static str,
) -> ActionInfo {
    let mut info = entry(action, name, keys, ALL, help, None);
    info.moves = true;
    info
}

const fn within(panes: &'static [PaneId], mut info: ActionInfo) -> ActionInfo {
    info.panes = panes;
    info
}

/// Every action, for the README's table and for tests.
pub fn table() -> Vec<ActionInfo> {
    TABLE.to_vec()
}

pub(super) fn all() -> &'static [ActionInfo] {
    TABLE
}

pub fn info(action: Action) -> &'static ActionInfo {
    TABLE
        .iter()
        .find(|info| info.action == action)
        .expect("every action has an entry")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_action_stands_once_and_its_name_too() {
        let (mut names, mut actions) = (BTreeSet::new(), BTreeSet::new());
        for info in table() {
            assert!(names.insert(info.name), "{}", info.name);
            assert!(actions.insert(info.action), "{:?}", info.action);
        }
    }
}
