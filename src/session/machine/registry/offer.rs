//! What may be subscribed on a connection, known before the wire, and how wishes become SUBSCRIBEs.

use crate::domain::message::Qos;
use crate::domain::profile::Version;
use crate::domain::subscription::{FilterWish, RetainHandling};
use crate::platform::plan::ConnectPlan;
use crate::session::link::Accepted;

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offer {
    version: Version,
    batch: usize,
    max_qos: Qos,
    wildcards: bool,
    shared: bool,
    ids: bool,
}

impl Default for Offer {
    fn default() -> Self {
        Self {
            version: Version::V311,
            batch: 1,
            max_qos: Qos::ExactlyOnce,
            wildcards: true,
            shared: true,
            ids: true,
        }
    }
}

impl Offer {
    pub fn planned(plan: &ConnectPlan) -> Self {
        Self {
            version: plan.version,
            batch: plan.limits.filters_per_subscribe.max(1),
            max_qos: plan.limits.max_qos,
            ..Self::default()
        }
    }

    /// The broker's maximum QoS is for what is published; a SUBSCRIBE may ask for more and is granted less (MQTT 5,
    /// 3.2.2.3.4).
    pub const fn accepted(&mut self, accepted: &Accepted) {
        self.wildcards = !accepted.no_wildcards;
        self.shared = !accepted.no_shared;
        self.ids = !accepted.no_subscription_ids;
    }

    pub const fn max_qos(self) -> Qos {
        self.max_qos
    }

    /// Why this filter is not even sent.
    pub fn refusal(self, wish: &FilterWish) -> Option<&'static str> {
        let filter = wish.filter.as_str();
        let shared = filter.starts_with("$share/");
        if shared && !self.shared {
            return Some("this broker has no shared subscriptions");
        }
        if filter.contains(['+', '#']) && !self.wildcards {
            return Some("this broker allows no wildcards (+ and #) in filters");
        }
        // MQTT 5, 3.8.3.1: a protocol error, at which the broker hangs up.
        if self.version == Version::V5 && shared && wish.options.no_local {
            return Some("MQTT 5 does not allow no-local with a shared subscription");
        }
        None
    }

    /// As it is sent. `known`: the broker has this subscription already, and its retained messages came with it.
    pub fn fit(self, wish: &FilterWish, known: bool) -> FilterWish {
        let mut wish = wish.clone();
        wish.qos = wish.qos.min(self.max_qos);
        if !self.ids || self.version == Version::V311 {
            wish.options.id = None;
        }
        if known
            && self.version == Version::V5
            && wish.options.retain_handling == RetainHandling::Send
        {
            wish.options.retain_handling = RetainHandling::SendIfNew;
        }
        wish
    }

    /// One SUBSCRIBE each. A subscription id belongs to the packet, so only filters with the same one share it
    /// (MQTT 5, 3.8.2.1.2).
    pub fn batches(self, wishes: Vec<FilterWish>) -> Vec<Vec<FilterWish>> {
        let mut batches: Vec<Vec<FilterWish>> = Vec::new();
        for wish in wishes {
            let fits = |batch: &&mut Vec<FilterWish>| {
                batch.len() < self.batch
                    && batch
                        .first()
                        .is_some_and(|w| w.options.id == wish.options.id)
            };
            match batches.iter_mut().find(fits) {
                Some(batch) => batch.push(wish),
                None => batches.push(vec![wish]),
            }
        }
        batches
    }
}
