//! Request and response: a message that names where its answer is awaited, and the answer with its round-trip time.
//!
//! With MQTT 5 response topic and correlation data go with it, made up where none are given (MQTT 5, 4.10). With 3.1.1 the
//! next message on a chosen topic counts as the answer.

use std::time::Duration;

use bytes::Bytes;

use super::super::effect::Effect;
use super::super::event::TimerId;
use super::super::filters::Origin;
use super::super::screen::Role;
use super::super::state::App;
use super::super::words;
use super::send::By;
use crate::base::moment::Moment;
use crate::domain::message::{Draft, Message, Qos};
use crate::domain::profile::Version;
use crate::domain::session::SessionCommand;
use crate::domain::subscription::FilterWish;
use crate::domain::topic::{Topic, TopicFilter};

/// Of an answer's payload, so much is kept here; the stream has all of it.
const SHOWN: usize = 4096;

/// What the user wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct AnswerWish {
    pub(in super::super) on: bool,
    /// Empty: made up.
    pub(in super::super) topic: String,
    pub(in super::super) patience: Duration,
}

impl Default for AnswerWish {
    fn default() -> Self {
        Self {
            on: false,
            topic: String::new(),
            patience: Duration::from_secs(10),
        }
    }
}

#[derive(Debug)]
pub(in super::super) struct Exchange {
    draft: Draft,
    pub(super) answers_on: Topic,
    correlation: Option<Bytes>,
    patience: Duration,
    /// The filter is ours, to be dropped afterwards.
    subscribed: bool,
    timer: Option<TimerId>,
    pub(super) stage: Stage,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stage {
    Subscribing,
    Waiting {
        since: Moment,
    },
    Answered {
        after: Duration,
        payload: Bytes,
        remark: &'static str,
    },
    Over(String),
}

impl Stage {
    const fn is_over(&self) -> bool {
        matches!(self, Self::Answered { .. } | Self::Over(_))
    }
}

impl App {
    pub(super) fn start_exchange(&mut self, mut draft: Draft) {
        self.end_exchange("another one was begun");
        let (answers_on, correlation) = match self.address(&mut draft) {
            Ok(address) => address,
            Err(why) => return self.say(Role::Bad, format!("not sent: {why}")),
        };
        let Ok(filter) = TopicFilter::parse(answers_on.as_str()) else {
            return;
        };
        let known = self.home.filters.iter().find(|f| f.wish.filter == filter);
        let is_wanted = known.is_some();
        let stands =
            self.home.link.is_up() && known.is_some_and(|f| matches!(f.granted, Some(Ok(_))));
        let patience = self.composer.wish.patience;
        let timer = self.timers.next();
        self.ask(Effect::StartTimer(timer, patience));
        self.composer.exchange = Some(Exchange {
            draft,
            answers_on,
            correlation,
            patience,
            subscribed: !is_wanted,
            timer: Some(timer),
            stage: Stage::Subscribing,
        });
        if stands {
            return self.ask_for_answer();
        }
        if !is_wanted {
            let wish = FilterWish::new(filter, Qos::AtLeastOnce);
            self.home.filters.want(wish.clone(), Origin::Composer);
            let session = self.home.session;
            self.ask(Effect::Session(session, SessionCommand::Subscribe(wish)));
        }
        self.say(Role::Pending, "subscribing to where the answer will be");
    }

    /// Where the answer is awaited and what it is known by; both go with an MQTT 5 message.
    fn address(&mut self, draft: &mut Draft) -> Result<(Topic, Option<Bytes>), String> {
        let chosen = self.composer.wish.topic.clone();
        let given = draft
            .properties
            .as_ref()
            .and_then(|p| p.response_topic.clone());
        let v5 = self.version() == Version::V5;
        let topic = match given.or_else(|| Some(chosen).filter(|topic| !topic.is_empty())) {
            Some(topic) => topic,
            None if v5 => format!("thingdeck/answers/{}", self.composer.dice.uuid()),
            None => {
                return Err(
                    "with MQTT 3.1.1 the topic of the answer must be named (Answer)".to_owned(),
                );
            }
        };
        let topic = Topic::parse(&topic).map_err(|why| why.to_string())?;
        if topic == draft.topic {
            return Err("the answer would be awaited where the question goes".to_owned());
        }
        if !v5 {
            return Ok((topic, None));
        }
        // A text: whoever answers by hand can read it in the line, and write it.
        let made_up = self.composer.dice.uuid();
        let properties = draft.properties.get_or_insert_default();
        properties.response_topic = Some(topic.to_string());
        let correlation = properties
            .correlation_data
            .get_or_insert_with(|| Bytes::from(made_up))
            .clone();
        Ok((topic, Some(correlation)))
    }

    /// The broker's word on a filter.
    pub(in super::super) fn exchange_granted(
        &mut self,
        filter: &TopicFilter,
        result: &Result<Qos, String>,
    ) {
        let ours = self.composer.exchange.as_ref().is_some_and(|e| {
            e.stage == Stage::Subscribing && e.answers_on.as_str() == filter.as_str()
        });
        match result {
            _ if !ours => {}
            Ok(_) => self.ask_for_answer(),
            Err(why) => {
                let why = format!("no answer could be awaited: {why}");
                self.end_exchange(&why);
            }
        }
    }

    fn ask_for_answer(&mut self) {
        let at = self.at;
        let Some(exchange) = &mut self.composer.exchange else {
            return;
        };
        exchange.stage = Stage::Waiting { since: at };
        let draft = exchange.draft.clone();
        self.publish(draft, By::Exchange);
        self.moved = true;
    }

    /// A message has come: is it the answer?
    pub(in super::super) fn exchange_heard(&mut self, message: &Message) {
        let Some(exchange) = &mut self.composer.exchange else {
            return;
        };
        let Stage::Waiting { since } = exchange.stage else {
            return;
        };
        if message.topic != exchange.answers_on || message.retain {
            return;
        }
        let sent = message
            .properties
            .as_ref()
            .and_then(|p| p.correlation_data.as_ref());
        let remark = match (&exchange.correlation, sent) {
            (Some(ours), Some(theirs)) if ours != theirs => return,
            (Some(_), None) => " without correlation data",
            _ => "",
        };
        let after = self.at.mono.since(since.mono);
        let shown = message.payload.len().min(SHOWN);
        exchange.stage = Stage::Answered {
            after,
            payload: Bytes::copy_from_slice(message.payload.get(..shown).unwrap_or_default()),
            remark,
        };
        let text = format!("answered after {}{remark}", words::brief_time(after));
        self.say(Role::Good, text);
        self.tidy_exchange();
    }

    pub(in super::super) fn exchange_timer(&mut self, id: TimerId) -> bool {
        let Some(exchange) = &mut self.composer.exchange else {
            return false;
        };
        if exchange.timer != Some(id) {
            return false;
        }
        exchange.timer = None;
        let waited = words::brief_time(exchange.patience);
        let text = if exchange.stage == Stage::Subscribing {
            format!("not sent: the subscription for the answer did not stand within {waited}")
        } else {
            format!("no answer within {waited}")
        };
        self.end_exchange(&text);
        true
    }

    pub(super) fn exchange_refused(&mut self, why: &str) {
        self.end_exchange(&format!("not sent: {why}"));
    }

    /// Nothing is awaited any more.
    pub(in super::super) fn end_exchange(&mut self, why: &str) {
        let Some(exchange) = &mut self.composer.exchange else {
            return;
        };
        if exchange.stage.is_over() {
            return;
        }
        exchange.stage = Stage::Over(why.to_owned());
        self.say(Role::Warn, why);
        self.tidy_exchange();
    }

    fn tidy_exchange(&mut self) {
        let Some(exchange) = &mut self.composer.exchange else {
            return;
        };
        let timer = exchange.timer.take();
        let ours = std::mem::take(&mut exchange.subscribed);
        let filter = TopicFilter::parse(exchange.answers_on.as_str());
        if let Some(timer) = timer {
            self.ask(Effect::StopTimer(timer));
        }
        if ours
            && let Ok(filter) = filter
            && self.home.filters.is_for_a_while(&filter)
        {
            let session = self.home.session;
            self.ask(Effect::Session(
                session,
                SessionCommand::Unsubscribe(filter),
            ));
        }
    }
}
