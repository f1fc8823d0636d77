//! What a broker can be told to do wrong.

use std::collections::{BTreeMap, BTreeSet};

use super::Verdict;
use crate::sim::packet::{Publish, Qos};

#[derive(Debug, Default)]
pub struct BrokerFaults {
    /// Answers pings, delivers nothing, and keeps nothing for later.
    pub deaf: bool,
    /// Every CONNECT is answered with this CONNACK code.
    pub refuse_connect: Option<u8>,
    /// Every connection ends right after its CONNECT, without a CONNACK.
    pub close_after_connect: bool,
    /// How many more of the coming acknowledgements are lost together with the connection.
    pub lose_pubacks: u32,
    /// How many more publishes of clients are cut off before they are acknowledged.
    pub cut_before_puback: u32,
    /// How many more of the coming QoS 1 and 2 deliveries are sent a second time, marked as duplicates.
    pub duplicate: u32,
    /// How many more of the coming deliveries are not sent; those of QoS 1 and 2 come on the next connection.
    pub swallow: u32,
    /// What clients publish is taken, but not acknowledged.
    pub hold_acknowledgements: bool,
    /// SUBSCRIBE is taken, but not answered, and what it wants is in force.
    pub hold_subacks: bool,
    /// Filters that are refused, and with which code.
    pub refused_filters: BTreeMap<String, u8>,
    /// Filters at which the connection ends.
    pub deadly_filters: BTreeSet<String>,
    /// Clients whose id somebody else uses as well, and how often that one still takes it back.
    pub rivals: BTreeMap<String, u32>,
}

impl BrokerFaults {
    pub(super) fn connect(&self, _client: &str) -> Option<Verdict> {
        if self.close_after_connect {
            return Some(Verdict::Closed);
        }
        self.refuse_connect.map(Verdict::Refused)
    }

    pub(super) fn subscribe(&self, filter: &str) -> Option<Verdict> {
        if self.deadly_filters.contains(filter) {
            return Some(Verdict::Closed);
        }
        let code = self.refused_filters.get(filter);
        code.copied().map(Verdict::Refused)
    }

    pub(super) fn evicts(&mut self, client: &str) -> bool {
        self.rivals.get_mut(client).is_some_and(take_one)
    }

    pub(super) fn loses_puback(&mut self) -> bool {
        take_one(&mut self.lose_pubacks)
    }

    pub(super) fn cuts_before_puback(&mut self, publish: &Publish) -> bool {
        publish.qos != Qos::AtMostOnce && take_one(&mut self.cut_before_puback)
    }

    pub(super) fn swallows(&mut self) -> bool {
        take_one(&mut self.swallow)
    }

    pub(super) fn duplicates(&mut self, publish: &Publish) -> Option<Publish> {
        let again = publish.qos != Qos::AtMostOnce && take_one(&mut self.duplicate);
        again.then(|| Publish {
            dup: true,
            ..publish.clone()
        })
    }
}

fn take_one(left: &mut u32) -> bool {
    let was = *left;
    *left = was.saturating_sub(1);
    was > 0
}
