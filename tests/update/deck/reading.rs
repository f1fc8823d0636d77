//! What a person would read on the screen.

use std::fmt::Write as _;

use thingdeck::app::screen::{
    Body, CommandRow, ComposeRow, DeviceRow, FilterRow, Fold, Line, MessageRow, Overlay, PaneId,
    PaneView, Screen, SubscriptionRow, TopicRow,
};

use super::Deck;

impl Deck {
    pub fn screen(&self) -> Screen {
        self.app.screen(self.at)
    }

    pub fn pane(&self, id: PaneId) -> PaneView {
        let screen = self.screen();
        let shown: Vec<_> = screen.panes.iter().map(|p| p.id).collect();
        let pane = screen.panes.into_iter().find(|p| p.id == id);
        pane.unwrap_or_else(|| panic!("{id:?} is not among {shown:?}"))
    }

    pub fn devices(&self) -> Vec<DeviceRow> {
        match self.pane(PaneId::Devices).body {
            Body::Devices(rows) => rows,
            other => panic!("no device rows: {other:?}"),
        }
    }

    /// The same, where the pane may be empty.
    pub fn device_rows(&self) -> Vec<DeviceRow> {
        match self.pane(PaneId::Devices).body {
            Body::Devices(rows) => rows,
            _ => Vec::new(),
        }
    }

    pub fn topics(&self) -> Vec<TopicRow> {
        match self.pane(PaneId::Devices).body {
            Body::Topics(rows) => rows,
            Body::Empty(_) => Vec::new(),
            other => panic!("no topic rows: {other:?}"),
        }
    }

    /// The tree as a person sees it: `-home`, ` +kitchen`, `  temp`; the selected one begins with `>`.
    pub fn tree(&self) -> Vec<String> {
        let text = |row: &TopicRow| {
            let cursor = if row.selected { ">" } else { "" };
            let sign = match row.fold {
                Fold::Leaf => "",
                Fold::Folded => "+",
                Fold::Unfolded => "-",
            };
            let air = " ".repeat(usize::from(row.depth));
            format!("{cursor}{air}{sign}{}", row.name)
        };
        self.topics().iter().map(text).collect()
    }

    pub fn topic(&self, name: &str) -> TopicRow {
        let rows = self.topics();
        let row = rows.iter().find(|r| r.name.as_str() == name).cloned();
        row.unwrap_or_else(|| panic!("no row {name}: {rows:?}"))
    }

    pub fn filters(&self) -> Vec<FilterRow> {
        match self.pane(PaneId::Subscriptions).body {
            Body::Filters(rows) => rows,
            Body::Empty(_) => Vec::new(),
            other => panic!("no filter rows: {other:?}"),
        }
    }

    pub fn filter(&self, filter: &str) -> FilterRow {
        let rows = self.filters();
        let row = rows.iter().find(|r| r.filter.as_str() == filter).cloned();
        row.unwrap_or_else(|| panic!("no row {filter}: {rows:?}"))
    }

    pub fn device(&self, name: &str) -> DeviceRow {
        let rows = self.devices();
        let row = rows.iter().find(|r| r.name.as_str() == name).cloned();
        row.unwrap_or_else(|| panic!("no row {name}: {rows:?}"))
    }

    pub fn device_names(&self) -> Vec<String> {
        self.devices().iter().map(|r| r.name.to_string()).collect()
    }

    pub fn selected_device(&self) -> String {
        let rows = self.device_rows();
        let row = rows.iter().find(|r| r.selected);
        row.map_or(String::new(), |r| r.name.to_string())
    }

    pub fn messages(&self) -> Vec<MessageRow> {
        match self.pane(PaneId::Messages).body {
            Body::Messages(rows) => rows,
            Body::Empty(_) => Vec::new(),
            other => panic!("no message rows: {other:?}"),
        }
    }

    /// What the rows say, oldest first.
    pub fn gists(&self) -> Vec<String> {
        self.messages().iter().map(|r| plain(&r.gist)).collect()
    }

    pub fn selected_gist(&self) -> String {
        let rows = self.messages();
        rows.iter()
            .find(|r| r.selected)
            .map_or(String::new(), |r| plain(&r.gist))
    }

    pub fn subscriptions(&self) -> Vec<SubscriptionRow> {
        match self.pane(PaneId::Subscriptions).body {
            Body::Subscriptions(rows) => rows,
            Body::Empty(_) => Vec::new(),
            other => panic!("no subscription rows: {other:?}"),
        }
    }

    pub fn commands(&self) -> Vec<CommandRow> {
        match self.pane(PaneId::Publish).body {
            Body::Commands(rows) => rows,
            Body::Empty(_) => Vec::new(),
            other => panic!("no command rows: {other:?}"),
        }
    }

    pub fn inspector(&self) -> String {
        body(&self.pane(PaneId::Inspector).body)
    }

    pub fn note(&self, id: PaneId) -> String {
        self.pane(id)
            .note
            .map_or(String::new(), |n| n.text.to_string())
    }

    pub fn notice(&self) -> String {
        self.screen()
            .footer
            .notice
            .map_or(String::new(), |n| n.text.to_string())
    }

    pub fn focus(&self) -> PaneId {
        let screen = self.screen();
        screen
            .panes
            .iter()
            .find(|p| p.focused)
            .expect("one has the focus")
            .id
    }

    /// All that the topmost box says.
    pub fn overlay(&self) -> String {
        self.screen().overlays.last().map_or(String::new(), overlay)
    }

    pub fn state_words(&self) -> String {
        self.screen().header.state.text.to_string()
    }
}

pub fn plain(line: &Line) -> String {
    line.iter().map(|s| s.text.as_str()).collect()
}

pub fn lines(all: &[Line]) -> String {
    all.iter().map(plain).collect::<Vec<_>>().join("\n")
}

pub fn body(body: &Body) -> String {
    match body {
        Body::Empty(all) | Body::Lines(all) | Body::Document { lines: all, .. } => lines(all),
        other => format!("{other:#?}"),
    }
}

pub fn overlay(overlay: &Overlay) -> String {
    let mut out = String::new();
    let _ = match overlay {
        Overlay::Text(shown) => writeln!(
            out,
            "{}\n{}\n{}",
            shown.title,
            lines(&shown.lines),
            shown.hint
        ),
        Overlay::Choice(shown) => {
            let _ = writeln!(out, "{}\n{}", shown.title, lines(&shown.intro));
            for row in &shown.rows {
                let mark = if row.selected { "> " } else { "  " };
                let _ = writeln!(out, "{mark}{} | {}", plain(&row.name), row.detail.text);
            }
            Ok(())
        }
        Overlay::Form(shown) => {
            let _ = writeln!(out, "{}\n{}", shown.title, lines(&shown.intro));
            for field in &shown.fields {
                let mark = if field.focused { "> " } else { "  " };
                let note = field.note.as_ref().map_or("", |n| n.text.as_str());
                let _ = writeln!(out, "{mark}{}: {} ({note})", field.label, field.value);
            }
            writeln!(out, "{}", lines(&shown.below))
        }
        Overlay::Editor(shown) => {
            let rows: Vec<_> = shown.rows.iter().map(compose_row).collect();
            writeln!(
                out,
                "{}\n{}\n{}\n{}\n{}",
                shown.title,
                lines(&shown.intro),
                rows.join("\n"),
                lines(&shown.below),
                shown.hint
            )
        }
        Overlay::Confirm(shown) => {
            let answers: Vec<_> = shown
                .answers
                .iter()
                .map(|(k, d)| format!("{k} {d}"))
                .collect();
            writeln!(
                out,
                "{}\n{}\n{}",
                shown.title,
                lines(&shown.lines),
                answers.join(", ")
            )
        }
    };
    out
}

fn compose_row(row: &ComposeRow) -> String {
    match row {
        ComposeRow::Text { text, broken, .. } => {
            let sign = if *broken { "! " } else { "" };
            format!("{sign}{text}")
        }
        ComposeRow::Line(line) => plain(line),
        other => format!("{other:?}"),
    }
}
