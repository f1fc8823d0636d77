//! The composer as rows: the core decides what stands where, the view only how it looks.

use super::super::lines::{self, span};
use super::super::screen::{Body, ComposeRow, Field, Line, Role, Scroll, Span};
use super::super::scroll;
use super::super::state::App;
use super::super::words;
use super::exchange::Stage;
use super::{PayloadKind, Spot};
use crate::base::text::{self, SafeText};
use crate::domain::compose::Weight;
use crate::domain::json_text::JsonState;
use crate::domain::payload;
use crate::domain::profile::Version;

/// Cells before a line of the payload: its number.
pub(super) const GUTTER: usize = 5;
/// Suggestions shown at once.
const SUGGESTED: usize = 6;

/// Which rows there are room for.
struct Plan {
    suggestions: usize,
    payload: usize,
    /// Lines of the row of options.
    options: usize,
    status: bool,
    results: usize,
}

impl App {
    fn plan(&self, rows: usize, cells: usize) -> Plan {
        let options = match (rows, self.is_composing()) {
            (0..=3, _) | (4..=5, false) => 0,
            _ if cells >= 96 || rows < 7 => 1,
            _ => 2,
        };
        let status = rows >= 3;
        let results = match rows {
            0..=3 => 0,
            4..=9 => 1,
            10..=13 => 2,
            _ => 4,
        };
        let results = results.min(self.result_lines(cells).len());
        let wanted = self.composer.suggestions.list.len().min(SUGGESTED);
        let fixed = 1 + options + usize::from(status) + results;
        let left = rows.saturating_sub(fixed);
        let suggestions = wanted.min(left.saturating_sub(1));
        Plan {
            suggestions,
            payload: left - suggestions,
            options,
            status,
            results,
        }
    }

    pub(in super::super) fn settle_composer(&mut self, rows: usize, cells: usize) {
        if !self.composer.editing {
            self.composer.suggestions.close();
        }
        let plan = self.plan(rows, cells);
        let room = cells.saturating_sub(GUTTER + 1);
        self.composer.payload.settle(plan.payload, room);
    }

    pub(in super::super) fn composer_body(
        &self,
        rows: usize,
        cells: usize,
    ) -> (Body, Option<Span>, Scroll) {
        let plan = self.plan(rows, cells);
        let mut out = vec![ComposeRow::Fields(vec![self.topic_field()])];
        out.extend(self.suggestion_rows(plan.suggestions));
        out.extend(self.payload_rows(plan.payload, cells));
        let fields = self.option_fields();
        match plan.options {
            0 => {}
            1 => out.push(ComposeRow::Fields(fields)),
            _ => {
                let mut fields = fields;
                let second = fields.split_off(3);
                out.push(ComposeRow::Fields(fields));
                out.push(ComposeRow::Fields(second));
            }
        }
        if plan.status {
            out.push(ComposeRow::Line(self.status_line(cells)));
        }
        let results = self.result_lines(cells).into_iter().take(plan.results);
        out.extend(results.map(ComposeRow::Line));
        let payload = &self.composer.payload;
        let position = scroll::scroll(payload.top(), payload.lines(), plan.payload);
        (Body::Compose(out), self.composer_note(), position)
    }

    fn at(&self, spot: Spot) -> bool {
        self.is_composing() && self.composer.spot == spot
    }

    fn topic_field(&self) -> Field {
        let focused = self.at(Spot::Topic);
        let topic = &self.composer.topic;
        Field {
            label: SafeText::new("Topic"),
            value: topic.shown(),
            focused,
            cursor: focused.then(|| topic.cells_before()),
            note: None,
        }
    }

    fn suggestion_rows(&self, rows: usize) -> Vec<ComposeRow> {
        let suggestions = &self.composer.suggestions;
        let chosen = suggestions.chosen.unwrap_or(0);
        let offset = scroll::reveal(0, chosen, suggestions.list.len(), rows);
        let shown = suggestions.list.iter().enumerate().skip(offset).take(rows);
        shown
            .map(|(n, topic)| ComposeRow::Choice {
                text: SafeText::new(topic),
                selected: suggestions.chosen == Some(n),
            })
            .collect()
    }

    fn payload_rows(&self, rows: usize, cells: usize) -> Vec<ComposeRow> {
        let focused = self.at(Spot::Payload);
        let room = cells.saturating_sub(GUTTER + 1);
        let mut out: Vec<_> = self
            .composer
            .payload
            .window(rows, room)
            .into_iter()
            .map(|row| ComposeRow::Text {
                number: row.number,
                text: row.text,
                cursor: row.cursor.filter(|_| focused),
                broken: self.is_broken(row.number),
            })
            .collect();
        if self.composer.payload.is_empty()
            && !focused
            && let Some(first) = out.first_mut()
        {
            let hint = match self.composer.kind {
                PayloadKind::File => "the path of a file",
                _ => "payload: empty",
            };
            *first = ComposeRow::Line(lines::line(format!("     {hint}"), Role::Dim));
        }
        out.resize_with(rows, || ComposeRow::Line(Line::new()));
        out
    }

    fn is_broken(&self, number: usize) -> bool {
        matches!(&self.composer.json, JsonState::Broken { line, .. } if *line == number)
    }

    fn option_fields(&self) -> Vec<Field> {
        let composer = &self.composer;
        let field = |spot, label: &str, value: &str| Field {
            label: SafeText::new(label),
            value: SafeText::new(value),
            focused: self.at(spot),
            cursor: None,
            note: None,
        };
        let chosen = |spot, value: &str| {
            if self.at(spot) {
                format!("< {value} >")
            } else {
                value.to_owned()
            }
        };
        let properties = match (self.version(), composer.properties.is_empty()) {
            (Version::V311, true) => "MQTT 5 only".to_owned(),
            (_, true) => "none".to_owned(),
            (_, false) => composer.properties.words(),
        };
        let repeat = match &composer.repeat {
            Some(repeat) => format!("{} (Ctrl-X stops)", repeat.words()),
            None => "off".to_owned(),
        };
        let retain = match (composer.retain, self.may_retain()) {
            (true, _) => chosen(Spot::Retain, "yes"),
            (false, true) => chosen(Spot::Retain, "no"),
            (false, false) => "not here".to_owned(),
        };
        let answer = if composer.wish.on { "awaited" } else { "off" };
        vec![
            field(
                Spot::Kind,
                "Kind",
                &chosen(Spot::Kind, composer.kind.word()),
            ),
            field(
                Spot::Qos,
                "QoS",
                &chosen(Spot::Qos, &composer.qos.number().to_string()),
            ),
            field(Spot::Retain, "Retain", &retain),
            field(Spot::Properties, "Properties", &properties),
            field(Spot::Repeat, "Repeat", &repeat),
            field(Spot::Answer, "Answer", answer),
        ]
    }

    /// What is wrong, else what the payload is.
    fn status_line(&self, cells: usize) -> Line {
        let composer = &self.composer;
        let empty = composer.is_empty();
        let finding = composer.findings.first();
        if let Some(finding) = finding.filter(|_| !empty) {
            let role = match finding.weight {
                Weight::Refusal => Role::Bad,
                Weight::Hint => Role::Warn,
            };
            return lines::line(finding.words.as_str(), role);
        }
        if empty && !composer.editing {
            return vec![
                span("c", Role::Key),
                span(" writes a message, ", Role::Dim),
                span("C", Role::Key),
                span(" opens the selected one here", Role::Dim),
            ];
        }
        let size = words::bytes(composer.payload.text().len() as u64);
        let (said, role) = match (&composer.kind, &composer.json) {
            (PayloadKind::File, _) => {
                return lines::line("the bytes of this file are sent", Role::Dim);
            }
            (PayloadKind::Hex, _) => ("hex digits, two a byte".to_owned(), Role::Dim),
            (PayloadKind::Base64, _) => ("base64".to_owned(), Role::Dim),
            (_, JsonState::Empty) => ("an empty payload".to_owned(), Role::Dim),
            (_, JsonState::Valid) => ("valid JSON".to_owned(), Role::Good),
            (_, JsonState::NotJson) => ("not JSON".to_owned(), Role::Dim),
            (_, JsonState::Broken { line, column, why }) => (
                format!("JSON error at line {line}, column {column}: {why}"),
                Role::Warn,
            ),
        };
        // What is wrong counts more than how long it is.
        let both = text::width(&said) + 2 + text::width(&size) <= cells;
        let size = both.then(|| span(format!("  {size}"), Role::Dim));
        std::iter::once(span(said, role)).chain(size).collect()
    }

    /// The answer, then what became of the last messages.
    fn result_lines(&self, cells: usize) -> Vec<Line> {
        let mut out = self.answer_lines(cells);
        let pending = self
            .composer
            .outgoing
            .values()
            .rev()
            .take(3)
            .map(|outgoing| {
                let text = if self.home.link.is_up() {
                    "waits for its acknowledgement"
                } else {
                    "waits for the connection"
                };
                result_line(
                    &outgoing.at.wall.clock(self.zone),
                    outgoing.draft.topic.as_str(),
                    Span::new(text, Role::Pending),
                    cells,
                )
            });
        out.extend(pending);
        out.extend(self.composer.sent.iter().take(4).map(|sent| {
            let outcome = match &sent.outcome {
                Ok(text) => Span::new(text.as_str(), Role::Good),
                Err(why) => Span::new(words::refused(why), Role::Bad),
            };
            result_line(&sent.at.wall.clock(self.zone), &sent.topic, outcome, cells)
        }));
        out
    }

    fn answer_lines(&self, cells: usize) -> Vec<Line> {
        let Some(exchange) = &self.composer.exchange else {
            return Vec::new();
        };
        let front = span("answer  ", Role::Label);
        match &exchange.stage {
            Stage::Subscribing | Stage::Waiting { .. } => {
                let text = format!("awaited on {}", exchange.answers_on);
                vec![vec![front, span(text, Role::Pending)]]
            }
            Stage::Over(why) => vec![vec![front, span(why.as_str(), Role::Warn)]],
            Stage::Answered {
                after,
                payload,
                remark,
            } => {
                let text = format!("after {}{remark}: ", words::brief_time(*after));
                let mut line = vec![front, span(text, Role::Good)];
                line.extend(lines::pieces(payload::compact(payload, cells)));
                lines::fold(line, cells, 8)
            }
        }
    }

    fn composer_note(&self) -> Option<Span> {
        let composer = &self.composer;
        let mut parts = Vec::new();
        if let Some(repeat) = &composer.repeat {
            parts.push(format!("repeats {}", repeat.words()));
        }
        let waiting = self.home.waiting.max(composer.outgoing.len());
        if waiting > 0 {
            parts.push(format!("{} waiting", words::grouped(waiting as u64)));
        }
        (!parts.is_empty()).then(|| Span::new(parts.join(" · "), Role::Pending))
    }
}

/// `20:41:22 home/lamp  acknowledged after 12 ms`; of a long topic the beginning.
fn result_line(time: &str, topic: &str, outcome: Span, cells: usize) -> Line {
    let room = cells.saturating_sub(12 + outcome.text.width()).max(12);
    let topic = SafeText::new(topic);
    vec![
        span(format!("{time} "), Role::Dim),
        span(text::fit(topic.as_str(), room).as_ref(), Role::Label),
        span("  ", Role::Normal),
        outcome,
    ]
}
