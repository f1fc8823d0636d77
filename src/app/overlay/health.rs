//! `B`: what the broker says of itself under `$SYS`, live, while the box is open.
//!
//! Nothing of `$SYS` is in the standard. The names are mosquitto's (its man page, "Broker status"; HiveMQ's extension has the
//! same), EMQX's (`brokers/NODE/…`) and VerneMQ's (`NODE/…`); what is not known here is listed as it comes.

use std::collections::{BTreeMap, HashMap};

use super::super::effect::Effect;
use super::super::filters::Origin;
use super::super::lines::{self, line, span};
use super::super::screen::{Line, Role};
use super::super::state::App;
use super::super::words;
use super::Over;
use super::text::{TextKind, TextOver};
use crate::base::text::{self, SafeText};
use crate::domain::message::Qos;
use crate::domain::session::SessionCommand;
use crate::domain::subscription::FilterWish;
use crate::domain::topic::TopicFilter;
use crate::store::sys::Value;

/// How a figure is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sort {
    Text,
    /// Seconds, or what the broker writes in their place.
    Time,
    Count,
    Bytes,
    /// A sum that grows: with its speed.
    Sum,
    ByteSum,
    /// So many a minute over the last 1, 5 and 15 minutes, as the broker works it out: a value each.
    Average,
    ByteAverage,
}

struct Figure {
    label: &'static str,
    sort: Sort,
    /// Without what stands before the broker's own part of the name; the first that is there counts.
    names: &'static [&'static str],
}

struct Group {
    title: &'static str,
    figures: &'static [Figure],
}

const fn figure(label: &'static str, sort: Sort, names: &'static [&'static str]) -> Figure {
    Figure { label, sort, names }
}

static GROUPS: &[Group] = &[
    Group {
        title: "Broker",
        figures: &[
            figure("version", Sort::Text, &["version"]),
            figure("uptime", Sort::Time, &["uptime"]),
        ],
    },
    Group {
        title: "Clients",
        figures: &[
            figure(
                "connected",
                Sort::Count,
                &[
                    "clients/connected",
                    "clients/active",
                    "connections/count",
                    "live_connections/count",
                ],
            ),
            figure(
                "at most",
                Sort::Count,
                &["clients/maximum", "connections/max"],
            ),
            figure("known", Sort::Count, &["clients/total", "sessions/count"]),
            figure(
                "subscriptions",
                Sort::Count,
                &["subscriptions/count", "router/subscriptions"],
            ),
        ],
    },
    Group {
        title: "Messages",
        figures: &[
            figure(
                "received",
                Sort::Sum,
                &["messages/received", "mqtt/publish/received"],
            ),
            figure("  on average", Sort::Average, &["load/messages/received"]),
            figure("sent", Sort::Sum, &["messages/sent", "mqtt/publish/sent"]),
            figure("  on average", Sort::Average, &["load/messages/sent"]),
            figure(
                "dropped",
                Sort::Sum,
                &[
                    "publish/messages/dropped",
                    "messages/dropped",
                    "queue/message/drop",
                ],
            ),
        ],
    },
    Group {
        title: "Bytes",
        figures: &[
            figure("received", Sort::ByteSum, &["bytes/received"]),
            figure("  on average", Sort::ByteAverage, &["load/bytes/received"]),
            figure("sent", Sort::ByteSum, &["bytes/sent"]),
            figure("  on average", Sort::ByteAverage, &["load/bytes/sent"]),
        ],
    },
    Group {
        title: "Kept",
        figures: &[
            figure(
                "retained",
                Sort::Count,
                &[
                    "retained messages/count",
                    "retained/count",
                    "retain/messages",
                ],
            ),
            figure(
                "stored",
                Sort::Count,
                &["store/messages/count", "messages/stored"],
            ),
            figure("stored bytes", Sort::Bytes, &["store/messages/bytes"]),
            figure("heap", Sort::Bytes, &["heap/current", "heap/current size"]),
            figure(
                "heap at most",
                Sort::Bytes,
                &["heap/maximum", "heap/maximum size"],
            ),
        ],
    },
];

/// Cells of the labels.
const LABEL: usize = 18;

fn everything() -> Option<TopicFilter> {
    TopicFilter::parse("$SYS/#").ok()
}

impl App {
    pub(in super::super) fn open_health(&mut self) {
        if !self.has_topics() {
            return;
        }
        if let Some(filter) = everything()
            && self.home.filters.get(&filter).is_none()
        {
            let wish = FilterWish::new(filter, Qos::AtMostOnce);
            self.home.filters.want(wish.clone(), Origin::Health);
            self.mutes_changed();
            let id = self.home.session;
            self.ask(Effect::Session(id, SessionCommand::Subscribe(wish)));
        }
        self.open_over(Over::Text(TextOver::new(TextKind::Health)));
    }

    /// The box is closed: nobody wants its filter any more, unless it was there before or was added meanwhile.
    pub(super) fn leave_health(&mut self) {
        let own = everything().filter(|f| {
            self.home
                .filters
                .get(f)
                .is_some_and(|e| e.origin == Origin::Health)
        });
        if let Some(filter) = own {
            let id = self.home.session;
            self.ask(Effect::Session(id, SessionCommand::Unsubscribe(filter)));
        }
    }

    pub(super) fn health_lines(&self, cells: usize) -> Vec<Line> {
        let mut out = self.health_state(cells);
        let mut rest = Values::new(self.home.sys.iter());
        for group in GROUPS {
            let rows: Vec<_> = group
                .figures
                .iter()
                .filter_map(|figure| figure_row(&mut rest, figure))
                .collect();
            if !rows.is_empty() {
                out.push(line(group.title, Role::Title));
                out.extend(rows);
            }
        }
        if !rest.named.is_empty() {
            let title = if out.is_empty() {
                "As it comes"
            } else {
                "More, as it comes"
            };
            out.push(line(title, Role::Title));
        }
        for (name, value) in rest.named {
            out.push(raw(name, value, cells));
        }
        if self.home.sys.left_out() > 0 {
            let more = words::grouped(self.home.sys.left_out());
            out.push(line(
                format!("⋯ {more} messages on further topics"),
                Role::Warn,
            ));
        }
        out
    }

    /// Why there is nothing, or why it is old.
    fn health_state(&self, cells: usize) -> Vec<Line> {
        let refusal = everything()
            .and_then(|filter| self.home.filters.get(&filter)?.state.granted.clone())
            .and_then(Result::err);
        if let Some(why) = refusal {
            let mut out = lines::wrapped(&words::refused(&why), Role::Bad, cells);
            let hint = "this broker tells nothing of itself to this client";
            out.extend(lines::wrapped(hint, Role::Dim, cells));
            return out;
        }
        if !self.home.link.is_up() {
            return lines::wrapped("not connected: the figures are old", Role::Warn, cells);
        }
        if self.home.sys.is_empty() {
            let text = "nothing under $SYS yet; mosquitto tells it every 10 s, other brokers every minute or never";
            return lines::wrapped(text, Role::Pending, cells);
        }
        Vec::new()
    }
}

/// What is not shown yet.
struct Values<'a> {
    named: BTreeMap<&'a str, &'a Value>,
    /// Names by their own part; the first one where several have the same.
    parts: HashMap<&'a str, &'a str>,
}

impl<'a> Values<'a> {
    fn new(all: impl Iterator<Item = (&'a str, &'a Value)>) -> Self {
        let named: BTreeMap<_, _> = all.collect();
        let mut parts = HashMap::new();
        for name in named.keys() {
            parts.entry(own_part(name)).or_insert(*name);
        }
        Self { named, parts }
    }

    fn take(&mut self, wanted: &str) -> Option<&'a Value> {
        self.named.remove(self.parts.remove(wanted)?)
    }
}

/// The figure's row; its values are listed no more.
fn figure_row(values: &mut Values<'_>, figure: &Figure) -> Option<Line> {
    let (main, aside) = match figure.sort {
        Sort::Average | Sort::ByteAverage => (averages(values, figure)?, String::new()),
        sort => {
            let mut found = figure.names.iter().map(|name| values.take(name));
            let first = found.by_ref().find_map(|value| value)?;
            // Other names of the same figure.
            found.for_each(drop);
            told(sort, first)
        }
    };
    let role = match figure.sort {
        Sort::Text => Role::Text,
        _ => Role::Number,
    };
    let mut out = vec![
        span("  ", Role::Normal),
        span(text::pad(figure.label, LABEL), Role::Label),
        span(main, role),
    ];
    if !aside.is_empty() {
        out.push(span(format!("  {aside}"), Role::Dim));
    }
    Some(out)
}

/// `28.0/s 1 min, 6.8/s 5 min, 2.3/s 15 min`
fn averages(values: &mut Values<'_>, figure: &Figure) -> Option<String> {
    let base = figure.names.first()?;
    let parts: Vec<_> = ["1", "5", "15"]
        .into_iter()
        .filter_map(|window| {
            let value = values.take(&format!("{base}/{window}min"))?;
            let speed = value.number()? / 60.0;
            let speed = match figure.sort {
                Sort::ByteAverage => bytes_per_second(speed),
                _ => per_second(speed),
            };
            Some(format!("{speed} {window} min"))
        })
        .collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// `clients/connected` of `broker/clients/connected`, `brokers/NODE/stats/clients/connected` and `NODE@HOST/clients/connected`.
fn own_part(name: &str) -> &str {
    let after_node = |text: &'_ str| text.split_once('/').map_or("", |(_, rest)| rest).len();
    let rest = match name.split_once('/') {
        Some(("broker", rest)) => rest,
        Some(("brokers", rest)) => {
            let own = after_node(rest);
            rest.get(rest.len() - own..).unwrap_or_default()
        }
        Some((node, rest)) if node.contains('@') => rest,
        _ => name,
    };
    let part = rest
        .strip_prefix("stats/")
        .or_else(|| rest.strip_prefix("metrics/"));
    part.unwrap_or(rest)
}

/// The figure, and what is to be said beside it.
fn told(sort: Sort, value: &Value) -> (String, String) {
    let as_it_is = || (value.text.clone(), String::new());
    let Some(number) = value.number().filter(|n| n.is_finite() && *n >= 0.0) else {
        return as_it_is();
    };
    let whole = whole(number);
    match sort {
        Sort::Time if value.text.contains(',') => as_it_is(),
        Sort::Time => (uptime(whole), String::new()),
        Sort::Count => (words::grouped(whole), String::new()),
        Sort::Bytes => (words::bytes(whole), String::new()),
        Sort::Sum => {
            let sum = format!("{} in all", words::grouped(whole));
            (speed(value, per_second), sum)
        }
        Sort::ByteSum => {
            let sum = format!("{} in all", words::bytes(whole));
            (speed(value, bytes_per_second), sum)
        }
        Sort::Text | Sort::Average | Sort::ByteAverage => as_it_is(),
    }
}

/// A dash before there are two values to compare.
fn speed(value: &Value, words: fn(f64) -> String) -> String {
    value.growth().map_or_else(|| "–".to_owned(), words)
}

/// Its two greatest units: `3 d 4 h`, `1 min 42 s`.
fn uptime(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds / 3600 % 24),
    }
}

fn bytes_per_second(speed: f64) -> String {
    format!("{}/s", words::bytes(whole(speed)))
}

fn per_second(speed: f64) -> String {
    match words::rate(whole(speed * 1000.0)) {
        none if none.is_empty() => "0/s".to_owned(),
        rate => format!("{rate}/s"),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a figure to be shown; `as` stops at the ends of the range"
)]
fn whole(number: f64) -> u64 {
    number.max(0.0).round() as u64
}

fn raw(name: &str, value: &Value, cells: usize) -> Line {
    let safe = SafeText::new(name);
    let label = text::pad(safe.as_str(), (cells / 2).max(LABEL));
    vec![
        span("  ", Role::Normal),
        span(label, Role::Label),
        span(" ", Role::Normal),
        span(value.text.as_str(), Role::Text),
    ]
}

#[cfg(test)]
mod tests {
    use super::own_part;

    #[test]
    fn every_brokers_names_have_the_same_part() {
        for name in [
            "broker/clients/connected",
            "brokers/emqx@127.0.0.1/stats/clients/connected",
            "VerneMQ@127.0.0.1/clients/connected",
            "clients/connected",
        ] {
            assert_eq!(own_part(name), "clients/connected", "{name}");
        }
    }
}
