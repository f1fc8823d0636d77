//! A topic filter with its QoS and, under MQTT 5, its options: added, or changed.

use super::super::effect::Effect;
use super::super::event::{Key, KeyCode};
use super::super::filters::Origin;
use super::super::input::Input;
use super::super::lines;
use super::super::screen::{Line, PaneId, Role};
use super::super::state::App;
use super::super::words;
use super::form::{FormField, FormKind, FormOver, Sort};
use super::{After, Over};
use crate::base::problem::Problem;
use crate::domain::message::Qos;
use crate::domain::profile::Version;
use crate::domain::session::SessionCommand;
use crate::domain::subscription::{FilterOptions, FilterWish, RetainHandling};
use crate::domain::topic::TopicFilter;
use crate::store::tree::Node;

const FILTER: usize = 0;
const QOS: usize = 1;
const NO_LOCAL: usize = 2;
const AS_PUBLISHED: usize = 3;
const RETAINED: usize = 4;
const ID: usize = 5;

const PROMISES: [&str; 3] = ["0 at most once", "1 at least once", "2 exactly once"];
const RETAIN_WORDS: [&str; 3] = ["send", "send if new", "never"];
/// The largest subscription identifier (MQTT 5, 3.8.2.1.2).
const LARGEST_ID: u32 = 268_435_455;
/// Beginnings that are offered at most.
const OFFERED: usize = 200;

fn one_of(words: &[&str], chosen: usize) -> (String, Sort) {
    let all = words.iter().map(|word| (*word).to_owned()).collect();
    let text = words.get(chosen).copied().unwrap_or_default();
    (text.to_owned(), Sort::OneOf(all))
}

/// The form for a new filter, or for `wish` as it is.
fn form(wish: Option<&FilterWish>, v5: bool) -> FormOver {
    let text = wish.map_or("", |wish| wish.filter.as_str());
    let options = wish.map_or_else(FilterOptions::default, |wish| wish.options);
    let qos = wish.map_or(Qos::AtLeastOnce, |wish| wish.qos);
    let mut fields = vec![FormField::new("Filter", text, Sort::Text, "")];
    let mut choice = |label: &str, words: &[&str], chosen: usize| {
        let (text, sort) = one_of(words, chosen);
        fields.push(FormField::new(label, &text, sort, ""));
    };
    choice("QoS", &PROMISES, usize::from(qos.number()));
    if v5 {
        let yes = ["no", "yes"];
        choice("No local", &yes, usize::from(options.no_local));
        let kept = usize::from(options.retain_as_published);
        choice("Retain as published", &yes, kept);
        let handling = match options.retain_handling {
            RetainHandling::Send => 0,
            RetainHandling::SendIfNew => 1,
            RetainHandling::Never => 2,
        };
        choice("Retained messages", &RETAIN_WORDS, handling);
        let id = options.id.map_or(String::new(), |id| id.to_string());
        fields.push(FormField::new(
            "Subscription id",
            &id,
            Sort::Text,
            "none, or a number",
        ));
    }
    FormOver::new(FormKind::Filter(wish.map(|w| w.filter.clone())), fields)
}

impl App {
    pub(in super::super) fn filter_form(&self, wish: Option<&FilterWish>) -> Over {
        let v5 = self
            .profile()
            .is_some_and(|profile| profile.version == Version::V5);
        Over::Form(form(wish, v5))
    }

    pub(super) fn submit_filter(&mut self, mut over: FormOver, old: Option<&TopicFilter>) -> After {
        let wish = match wished(&over) {
            Ok(wish) => wish,
            Err(why) => {
                over.error = Some(Problem::new("this is no topic filter", why, ""));
                return After::Stay(Over::Form(over));
            }
        };
        let id = self.home.session;
        if let Some(old) = old.filter(|old| **old != wish.filter) {
            self.ask(Effect::Session(
                id,
                SessionCommand::Unsubscribe(old.clone()),
            ));
        }
        self.home.filters.want(wish.clone(), Origin::Hand);
        self.mutes_changed();
        self.ask(Effect::Session(id, SessionCommand::Subscribe(wish)));
        self.unsettled = true;
        After::Close
    }

    /// Tab in the filter: as far as the topics that are known agree. Whether there was anything to add.
    pub(super) fn complete_filter(&self, over: &mut FormOver, key: Key) -> bool {
        if key.code != KeyCode::Tab || key.shift || over.focus != FILTER {
            return false;
        }
        let text = over.text(FILTER).to_owned();
        let known = self.known_beginnings(&text);
        let Some(mut agreed) = common(&known).filter(|_| !text.is_empty()) else {
            return false;
        };
        if let [only] = known.as_slice()
            && self.has_levels_below(only)
            && !only.ends_with('/')
        {
            agreed.push('/');
        }
        if agreed.len() <= text.len() {
            return false;
        }
        if let Some(field) = over.fields.get_mut(FILTER) {
            field.input = Input::new(agreed);
        }
        over.error = None;
        true
    }

    /// Topics of the stream and reserved ones, as far as the level that is being typed.
    fn known_beginnings(&self, text: &str) -> Vec<String> {
        let mut known = self.home.tree.beginning_with(text, OFFERED);
        let levels = text.split('/').count();
        for topic in self.reserved_filters(text) {
            let cut: Vec<_> = topic.split('/').take(levels).collect();
            let cut = cut.join("/");
            if !cut.is_empty() && !known.contains(&cut) {
                known.push(cut);
            }
        }
        known
    }

    fn reserved_filters(&self, text: &str) -> Vec<String> {
        if !text.starts_with('$') {
            return Vec::new();
        }
        let templates = self.capabilities().reserved.map_or(&[][..], |r| r.filters);
        self.reserved_topics(templates, text)
    }

    fn has_levels_below(&self, topic: &str) -> bool {
        let inside = format!("{topic}/");
        let mut reserved = self.reserved_filters(topic).into_iter();
        if reserved.any(|filter| filter.starts_with(&inside)) {
            return true;
        }
        let node = self.home.tree.find(topic);
        node.and_then(|id| self.home.tree.get(id))
            .is_some_and(Node::has_children)
    }

    /// What is to be said of the filter as it stands: live, under the fields.
    pub(super) fn filter_remarks(&self, over: &FormOver, cells: usize) -> Vec<Line> {
        let text = over.text(FILTER);
        if text.is_empty() {
            let examples = if self.has_topics() {
                "for example home/#, +/temp, or # for everything but $SYS/#"
            } else {
                "for example plant/hall/temp, or with + and # where the platform takes them"
            };
            return lines::wrapped(examples, Role::Dim, cells);
        }
        let wish = match wished(over) {
            Ok(wish) => wish,
            Err(why) => return lines::wrapped(&why, Role::Bad, cells),
        };
        let known = self.home.filters.get(&wish.filter);
        let remark = match (&over.kind, known) {
            (FormKind::Filter(Some(old)), Some(entry)) if *old == wish.filter => {
                let (text, role) = words::granted(&entry.state, self.home.link.is_up());
                return lines::wrapped(&text, role, cells);
            }
            (_, Some(_)) => "it is subscribed already: this changes how",
            _ if wish.filter.as_str() == "#" => self
                .capabilities()
                .reserved
                .map_or("everything, but not $SYS/# and the like", |r| r.everything),
            _ if wish.filter.as_str().starts_with("$share/") => {
                "shared: each message goes to one client of the group only"
            }
            _ => self.reserved_remark(wish.filter.as_str()),
        };
        let mut out = lines::wrapped(remark, Role::Dim, cells);
        if let Some(offer) = self.offered(over) {
            out = lines::wrapped(&offer, Role::Dim, cells);
            out.truncate(1);
        }
        out
    }

    /// What the platform does otherwise than the standard.
    fn reserved_remark(&self, filter: &str) -> &'static str {
        match self.capabilities().reserved {
            Some(reserved) if filter.starts_with("+/") => reserved.everything,
            Some(reserved) if filter.ends_with("/#") => reserved.below,
            Some(reserved) if filter.contains('+') => reserved.wildcards,
            _ => "",
        }
    }

    /// `Tab: kitchen, kiosk …`
    fn offered(&self, over: &FormOver) -> Option<String> {
        let text = over.text(FILTER);
        let mut known = self.known_beginnings(text);
        known.retain(|topic| topic != text);
        if known.is_empty() || over.focus != FILTER {
            return None;
        }
        known.sort();
        let last = |topic: &String| topic.rsplit('/').next().unwrap_or_default().to_owned();
        let names: Vec<_> = known.iter().take(8).map(last).collect();
        let more = if known.len() > names.len() {
            " …"
        } else {
            ""
        };
        Some(format!("Tab: {}{more}", names.join(", ")))
    }

    /// `Enter` in Subscriptions.
    pub(in super::super) fn edit_topic_filter(&mut self) {
        let Some(filter) = self.filter_of_subscription() else {
            return self.say(Role::Warn, "no topic filter is selected");
        };
        if !self.capabilities().filters {
            let platform = self.platform_name();
            return self.say(Role::Warn, format!("{platform}'s own topic stays as it is"));
        }
        let wish = self.home.filters.get(&filter).map(|e| e.state.wish.clone());
        let over = self.filter_form(wish.as_ref());
        self.open_over(over);
    }

    /// On a topic of the tree, that topic and all below it stand in the form already.
    pub(in super::super) fn new_filter_form(&self) -> Over {
        let mut over = form(
            None,
            self.profile()
                .is_some_and(|profile| profile.version == Version::V5),
        );
        let topic = self
            .selected_topic()
            .filter(|_| self.focus == PaneId::Devices);
        if let (Some(topic), Some(field)) = (topic, over.fields.get_mut(FILTER)) {
            field.input = Input::new(format!("{topic}/#"));
        }
        Over::Form(over)
    }
}

/// What the form says, or why it cannot be.
fn wished(over: &FormOver) -> Result<FilterWish, String> {
    let filter = TopicFilter::parse(over.text(FILTER)).map_err(|why| why.to_string())?;
    let qos = chosen(over, QOS, &PROMISES);
    let mut wish = FilterWish::new(
        filter,
        Qos::from_number(u8::try_from(qos).unwrap_or(0)).unwrap_or_default(),
    );
    if over.fields.len() <= NO_LOCAL {
        return Ok(wish);
    }
    wish.options = FilterOptions {
        no_local: over.text(NO_LOCAL) == "yes",
        retain_as_published: over.text(AS_PUBLISHED) == "yes",
        retain_handling: match chosen(over, RETAINED, &RETAIN_WORDS) {
            1 => RetainHandling::SendIfNew,
            2 => RetainHandling::Never,
            _ => RetainHandling::Send,
        },
        id: id(over.text(ID))?,
    };
    // MQTT 5, 3.8.3.1: the broker would close the connection.
    if wish.options.no_local && wish.filter.as_str().starts_with("$share/") {
        return Err("a shared subscription cannot be no-local".to_owned());
    }
    Ok(wish)
}

fn chosen(over: &FormOver, field: usize, words: &[&str]) -> usize {
    let text = over.text(field);
    words.iter().position(|word| *word == text).unwrap_or(0)
}

fn id(text: &str) -> Result<Option<u32>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    match text.parse() {
        Ok(id @ 1..=LARGEST_ID) => Ok(Some(id)),
        _ => Err("a subscription id is a number from 1 to 268,435,455".to_owned()),
    }
}

/// What all of them begin with.
fn common(texts: &[String]) -> Option<String> {
    let (first, rest) = texts.split_first()?;
    let mut end = first.len();
    for text in rest {
        let same = first.bytes().zip(text.bytes()).take_while(|(a, b)| a == b);
        end = end.min(same.count());
    }
    Some(first[..first.floor_char_boundary(end)].to_owned())
}
