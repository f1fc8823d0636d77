//! Saying how a topic's payloads are decoded, whatever they look like.

use crate::app::document::Job;
use crate::app::effect::Effect;
use crate::app::overlay::Over;
use crate::app::overlay::choice::{ChoiceKind, ChoiceOver};
use crate::app::overlay::decoders::Offer;
use crate::app::pending::Purpose;
use crate::app::screen::Role;
use crate::app::state::App;
use crate::domain::decode::{self, Chain, Guess, Limits, PLAIN};
use crate::domain::topic::TopicFilter;

impl App {
    pub(in super::super::super) fn choose_decoder(&mut self) {
        let Some(message) = self.message_at_hand() else {
            return self.say(Role::Warn, "there is no message to decode");
        };
        if !message.mask.is_empty() {
            return self.say(
                Role::Warn,
                "this payload holds a secret and is decoded as JSON only",
            );
        }
        let shown = self.inspector.opened.as_ref().map(|o| o.seq) == Some(message.seq);
        let guesses = match &self.inspector.ready {
            Some(ready) if shown => {
                let sure = ready.sure;
                let first = sure.map(|sure| Guess {
                    chain: ready.chain.clone(),
                    sure,
                });
                first.into_iter().chain(ready.others.clone()).collect()
            }
            _ if Job::is_quick(message.payload.len()) => {
                decode::guess(&message.payload, &message.topic, Limits::QUICK)
            }
            _ => Vec::new(),
        };
        let offers = self.decoder_offers(&message.topic, guesses);
        let kind = ChoiceKind::Decoders {
            topic: message.topic,
            offers,
        };
        self.open_over(Over::Choice(ChoiceOver::new(kind)));
    }

    /// What is said now comes first, then what fits, then everything there is.
    fn decoder_offers(&self, topic: &str, guesses: Vec<Guess>) -> Vec<Offer> {
        let mut offers: Vec<Offer> = Vec::new();
        let mut offer = |chain: Chain, note: String| {
            if !offers.iter().any(|o| o.chain == chain) {
                offers.push(Offer { chain, note });
            }
        };
        if let Some(pin) = self.pins.of(topic) {
            offer(pin.clone(), "now".to_owned());
        }
        for guess in guesses {
            offer(guess.chain, format!("{} % sure", guess.sure));
        }
        offer(Chain::default(), "whatever fits".to_owned());
        for step in PLAIN {
            offer(Chain(vec![step]), String::new());
        }
        offers
    }

    pub(in super::super::super) fn pin_decoder(&mut self, topic: &str, chain: Chain) {
        let Ok(filter) = TopicFilter::parse(topic) else {
            return self.say(Role::Bad, "nothing can be said about this topic");
        };
        let text = chain.to_string();
        self.pins.set(filter, chain);
        self.pinned += 1;
        // What is searched is what the rows show.
        if !self.messages.filter.input.is_empty() {
            self.view_changed();
        }
        if self.profile().is_none_or(|profile| profile.simulated) {
            let text = format!("{topic} is decoded as {text} until you quit");
            return self.say(Role::Good, text);
        }
        let id = self.pending.begin(Purpose::SavePin);
        let topic = topic.to_owned();
        self.ask(Effect::SavePin {
            id,
            topic,
            chain: text,
        });
    }
}
