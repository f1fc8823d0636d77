//! What is subscribed: push and event of each device, and topic filters with the broker's word on them.

use std::collections::BTreeSet;

use super::super::effect::Effect;
use super::super::lines::line;
use super::super::screen::{
    Body, FilterRow, Line, Mark, PaneId, Role, Scroll, Span, SubscriptionRow,
};
use super::super::scroll::{self, Step};
use super::super::state::App;
use super::super::words;
use super::PaneFilter;
use crate::base::text::SafeText;
use crate::domain::device::DeviceId;
use crate::domain::session::SessionCommand;
use crate::domain::subscription::{Feed, FeedState, FilterState};
use crate::domain::topic::TopicFilter;
use crate::store::devices::Entry;
use crate::store::hits::Mute;

#[derive(Debug, Default)]
pub(in super::super) struct SubscriptionsPane {
    pub(in super::super) filter: PaneFilter,
    selected: Option<Subscribed>,
    index: usize,
    offset: usize,
    /// The user has moved the cursor: from then on it stays on what it is on.
    placed: bool,
    muted: Vec<Subscribed>,
    /// The muted filters as bits of the list of filters.
    pub(in super::super) muted_bits: u64,
}

/// One subscription, known by what it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Subscribed {
    Feed(DeviceId, Feed),
    Filter(TopicFilter),
}

impl App {
    fn subscribed(&self) -> Vec<Subscribed> {
        let needle = self.subscriptions.filter.needle();
        let mut all = Vec::new();
        let entries = self.devices_with_feeds();
        for feed in Feed::ALL {
            for entry in &entries {
                let (name, _) = self.home.devices.search_texts(entry.number);
                let shown =
                    needle.is_empty() || name.contains(&needle) || self.feed_word(feed) == needle;
                if shown && self.feed_is_listed(entry, feed) {
                    all.push(Subscribed::Feed(entry.device.id.clone(), feed));
                }
            }
        }
        let filters = self.home.filters.iter().map(|state| &state.wish.filter);
        all.extend(
            filters
                .filter(|f| needle.is_empty() || f.as_str().to_lowercase().contains(&needle))
                .cloned()
                .map(Subscribed::Filter),
        );
        all
    }

    /// In the order of the devices.
    fn devices_with_feeds(&self) -> Vec<&Entry> {
        let devices = &self.home.devices;
        let ids: BTreeSet<_> = devices
            .with_feeds()
            .chain(self.home.feeds.devices())
            .collect();
        let placed = ids
            .into_iter()
            .filter_map(|id| Some((devices.position(id)?, id)));
        let mut placed: Vec<_> = placed.collect();
        placed.sort_unstable();
        placed
            .into_iter()
            .filter_map(|(_, id)| devices.get(id))
            .collect()
    }

    pub(in super::super) fn settle_subscriptions(&mut self) {
        let rows = self.rows(PaneId::Subscriptions);
        if rows == 0 {
            return;
        }
        let all = self.subscribed();
        let pane = &mut self.subscriptions;
        let found = pane
            .selected
            .as_ref()
            .filter(|_| pane.placed)
            .and_then(|s| all.iter().position(|o| o == s));
        let index = found.unwrap_or_else(|| pane.index.min(all.len().saturating_sub(1)));
        let offset = (pane.offset + index).saturating_sub(pane.index);
        pane.offset = scroll::reveal(offset, index, all.len(), rows);
        pane.index = index;
        pane.selected = all.into_iter().nth(index);
    }

    pub(in super::super) fn step_subscriptions(&mut self, step: Step) {
        let rows = self.rows(PaneId::Subscriptions);
        let all = self.subscribed();
        let index = step.from(self.subscriptions.index, all.len(), rows);
        self.put_subscription_cursor(index, all);
    }

    pub(in super::super) fn select_subscription_row(&mut self, row: usize) {
        let all = self.subscribed();
        let index = self.subscriptions.offset + row;
        if index < all.len() {
            self.put_subscription_cursor(index, all);
        }
    }

    fn put_subscription_cursor(&mut self, index: usize, all: Vec<Subscribed>) {
        let rows = self.rows(PaneId::Subscriptions);
        let pane = &mut self.subscriptions;
        pane.placed = true;
        pane.index = index;
        pane.offset = scroll::reveal(pane.offset, index, all.len(), rows);
        pane.selected = all.into_iter().nth(index);
    }

    pub(in super::super) fn device_of_subscription(&self) -> Option<DeviceId> {
        match &self.subscriptions.selected {
            Some(Subscribed::Feed(device, _)) => Some(device.clone()),
            _ => None,
        }
    }

    pub(in super::super) fn add_filter(&mut self) {
        if self.capabilities().filters {
            let over = self.new_filter_form();
            return self.open_over(over);
        }
        let platform = self.platform_name();
        let text =
            format!("{platform} sends what push and event turn on: no topic filters can be added");
        self.say(Role::Warn, text);
    }

    pub(in super::super) fn drop_subscription(&mut self) {
        match self.subscriptions.selected.clone() {
            Some(Subscribed::Feed(device, feed)) => {
                let state = self.home.devices.get(&device).map(|entry| entry.feed(feed));
                if self.wants(&device, feed) {
                    self.wish(device, feed, false, None);
                } else if state == Some(FeedState::Unasked) {
                    let text = "the platform delivers it unasked; m mutes it here";
                    self.say(Role::Warn, text);
                }
            }
            Some(Subscribed::Filter(filter)) if self.capabilities().filters => {
                let id = self.home.session;
                self.ask(Effect::Session(id, SessionCommand::Unsubscribe(filter)));
            }
            Some(Subscribed::Filter(_)) => {
                self.say(
                    Role::Warn,
                    "the platform's own topic stays: all messages come on it",
                );
            }
            None => self.say(Role::Warn, "nothing is selected"),
        }
    }

    pub(in super::super) fn mute_subscription(&mut self) {
        let Some(selected) = self.subscriptions.selected.clone() else {
            return self.say(Role::Warn, "nothing is selected");
        };
        let muted = &mut self.subscriptions.muted;
        if let Some(at) = muted.iter().position(|m| *m == selected) {
            muted.remove(at);
        } else {
            if let Subscribed::Filter(filter) = &selected {
                self.home.filters.forget_hidden(filter);
            }
            muted.push(selected);
        }
        self.mutes_changed();
    }

    /// A filter that is dropped takes its mute along: what it hid is shown.
    pub(in super::super) fn unmute_filter(&mut self, filter: &TopicFilter) {
        let gone = |muted: &Subscribed| matches!(muted, Subscribed::Filter(f) if f == filter);
        self.subscriptions.muted.retain(|muted| !gone(muted));
    }

    /// Mutes or filters are others now: where that hides other messages, the stream is looked through anew.
    pub(in super::super) fn mutes_changed(&mut self) {
        let muted = self.muted_filters();
        self.subscriptions.muted_bits = self.home.filters.bits_of(&muted);
        if self.messages.hides(&self.mutes(), &self.unmuted()) {
            self.view_changed();
        }
    }

    fn muted_filters(&self) -> Vec<TopicFilter> {
        let filters = self.subscriptions.muted.iter().filter_map(|m| match m {
            Subscribed::Filter(filter) => Some(filter.clone()),
            Subscribed::Feed(..) => None,
        });
        filters.collect()
    }

    /// Filters whose messages are shown, though a muted one matches them too.
    pub(in super::super) fn unmuted(&self) -> Vec<TopicFilter> {
        match self.muted_filters() {
            muted if muted.is_empty() || !self.has_topics() => Vec::new(),
            muted => self.home.filters.heard_beside(&muted),
        }
    }

    pub(in super::super) fn filter_of_subscription(&self) -> Option<TopicFilter> {
        match &self.subscriptions.selected {
            Some(Subscribed::Filter(filter)) => Some(filter.clone()),
            _ => None,
        }
    }

    /// Whose messages the stream leaves out.
    pub(in super::super) fn mutes(&self) -> Vec<Mute> {
        let mute = |what: &Subscribed| match what {
            Subscribed::Feed(device, feed) => {
                let entry = self.home.devices.get(device)?;
                Some(Mute::Feed {
                    device: entry.number,
                    kinds: self.capabilities().kinds(*feed),
                })
            }
            Subscribed::Filter(filter) => Some(Mute::Topics(filter.clone())),
        };
        self.subscriptions.muted.iter().filter_map(mute).collect()
    }

    pub(in super::super) fn subscriptions_body(&self, rows: usize) -> (Body, Option<Span>, Scroll) {
        let all = self.subscribed();
        let position = scroll::scroll(self.subscriptions.offset, all.len(), rows);
        if all.is_empty() {
            return (Body::Empty(self.no_subscriptions()), None, position);
        }
        let shown = all.iter().skip(self.subscriptions.offset).take(rows);
        let note = Span::new(words::grouped(all.len() as u64), Role::Dim);
        let body = if self.has_topics() {
            Body::Filters(
                shown
                    .filter_map(|what| self.topic_filter_row(what))
                    .collect(),
            )
        } else {
            Body::Subscriptions(shown.map(|what| self.subscription_row(what)).collect())
        };
        (body, Some(note), position)
    }

    fn topic_filter_row(&self, what: &Subscribed) -> Option<FilterRow> {
        let Subscribed::Filter(filter) = what else {
            return None;
        };
        let entry = self.home.filters.get(filter)?;
        let counted = self.home.filters.is_counted(filter);
        let muted = self.subscriptions.muted.contains(what);
        let (mut text, role) = words::granted(&entry.state, self.home.link.is_up());
        if muted {
            text.push_str(", muted");
        }
        if muted && counted {
            text.push_str(&format!(", {} hidden", words::grouped(entry.hidden)));
        }
        Some(FilterRow {
            selected: self.subscriptions.selected.as_ref() == Some(what),
            filter: SafeText::new(filter.as_str()),
            mark: match &entry.state.granted {
                Some(Ok(_)) => Mark::On(None),
                Some(Err(_)) => Mark::Failed,
                None => Mark::Pending(true),
            },
            detail: Span::new(text, role),
            muted,
            options: SafeText::new(&words::options(entry.state.wish.options)),
            origin: entry.origin.word(),
            count: counted.then_some(entry.heard),
        })
    }

    fn no_subscriptions(&self) -> Vec<Line> {
        if !self.subscriptions.filter.text().is_empty() {
            return vec![
                line("no subscription matches", Role::Normal),
                line("Esc clears the filter", Role::Dim),
            ];
        }
        if self.has_topics() {
            return self.how_to_subscribe();
        }
        vec![
            line("nothing is subscribed", Role::Normal),
            line("p or e on a device turns one on", Role::Dim),
        ]
    }

    fn subscription_row(&self, what: &Subscribed) -> SubscriptionRow {
        let selected = self.subscriptions.selected.as_ref() == Some(what);
        let muted = self.subscriptions.muted.contains(what);
        let row = match what {
            Subscribed::Feed(device, feed) => self.feed_row(device, *feed),
            Subscribed::Filter(filter) => self.filter_row(filter),
        };
        SubscriptionRow {
            selected,
            muted,
            ..row
        }
    }

    fn feed_row(&self, device: &DeviceId, feed: Feed) -> SubscriptionRow {
        let Some(entry) = self.home.devices.get(device) else {
            return SubscriptionRow::default();
        };
        let mark = self.mark(entry, feed);
        let detail = match (&mark, entry.feed(feed)) {
            (Mark::Pending(true), _) => Span::new("waits for the platform", Role::Pending),
            (Mark::Pending(false), _) => {
                Span::new("waits for the platform to end it", Role::Pending)
            }
            (Mark::Failed, _) => {
                let why = self.home.feeds.failure(device, feed).map(words::brief);
                Span::new(words::refused(&why.unwrap_or_default()), Role::Bad)
            }
            // The time left stands in the mark.
            (_, FeedState::On { until: Some(until) }) if until > self.at_wall() => {
                Span::new("renews itself in time", Role::Dim)
            }
            (_, FeedState::On { until: Some(_) }) => Span::new("its time is over", Role::Warn),
            // An attachment is made again with each connection.
            (_, FeedState::On { until: None })
                if feed == Feed::Push && self.capabilities().relay.bind =>
            {
                Span::new("while connected", Role::Dim)
            }
            (_, FeedState::On { until: None }) => Span::new("without end", Role::Dim),
            (_, FeedState::Unasked) => Span::new("comes unasked", Role::Dim),
            _ => Span::default(),
        };
        SubscriptionRow {
            sort: self.feed_word(feed),
            what: SafeText::new(&entry.device.label()),
            mark,
            detail,
            ..SubscriptionRow::default()
        }
    }

    /// In a narrow pane the end of a long filter: what tells it from the others.
    fn filter_text(&self, filter: &TopicFilter) -> SafeText {
        const END: usize = 15;
        let area = self.layout().area(PaneId::Subscriptions);
        let wide = area.is_some_and(|a| usize::from(a.width) >= filter.as_str().len() + 40);
        let count = filter.as_str().chars().count();
        if wide || count <= END + 1 {
            return SafeText::new(filter.as_str());
        }
        let end: String = filter.as_str().chars().skip(count - END).collect();
        SafeText::new(&format!("…{end}"))
    }

    fn filter_row(&self, filter: &TopicFilter) -> SubscriptionRow {
        let is_this = |state: &&FilterState| state.wish.filter == *filter;
        let granted = self
            .home
            .filters
            .iter()
            .find(is_this)
            .and_then(|s| s.granted.clone());
        let (mark, detail) = match granted {
            Some(Ok(qos)) => (
                Mark::On(None),
                Span::new(format!("QoS {}", qos.number()), Role::Dim),
            ),
            Some(Err(why)) => (
                Mark::Failed,
                Span::new(format!("refused: {why}"), Role::Bad),
            ),
            None => (
                Mark::Pending(true),
                Span::new("waits for the broker", Role::Pending),
            ),
        };
        SubscriptionRow {
            sort: "filter",
            what: self.filter_text(filter),
            mark,
            detail,
            ..SubscriptionRow::default()
        }
    }
}
