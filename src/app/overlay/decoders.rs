//! `o`: how the payloads of a topic are decoded.

use super::super::lines::{line, span};
use super::super::screen::{Line, Role};
use super::choice::{Choice, Pick};
use crate::domain::decode::Chain;

/// A decoder that can be chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Offer {
    /// Empty: whatever fits best.
    pub(in super::super) chain: Chain,
    /// `95 % sure`, `pinned now`
    pub(in super::super) note: String,
}

pub(super) fn choices(offers: &[Offer]) -> Vec<Choice> {
    offers
        .iter()
        .map(|offer| {
            let name = offer.chain.to_string();
            Choice {
                name: line(name.as_str(), Role::Normal),
                detail: span(offer.note.as_str(), Role::Dim),
                find: name,
                pick: Pick::Decoder(offer.chain.clone()),
            }
        })
        .collect()
}

pub(super) fn intro(topic: &str) -> Vec<Line> {
    vec![
        line(topic, Role::Label),
        line("its payloads are decoded like that from now on", Role::Dim),
    ]
}
