//! Who may come in, and what may be published and subscribed (`reference/huawei-iot.md` 3, 5).

use std::collections::BTreeMap;
use std::time::Duration;

use super::login::{self, ClientId};
use super::registry::{Auth, Device};
use super::topic::{self, Place, Wish};
use super::{Huawei, Session};
use crate::base::moment::{Moment, Mono};
use crate::domain::message::Qos;
use crate::sim::broker::{Identity, Limits, Rules, Verdict, Who};
use crate::sim::packet::{Connect, Publish, Version, code};

/// Seconds; a keep-alive outside of it is refused with the code of a wrong client id.
const KEEP_ALIVE: std::ops::RangeInclusive<u16> = 30..=1200;
const SUBSCRIPTIONS: usize = 100;
/// Bytes of one message, and of all in a second.
const PAYLOAD: usize = 1 << 20;
const PER_SECOND: u32 = 50;
/// Bytes.
const CUSTOM_TOPIC: usize = 128;

const RETAIN_NOT_SUPPORTED: u8 = 0x9a;

/// What happens while rules are only asked.
#[derive(Debug, Default)]
pub struct Aside {
    pub now: Moment,
    windows: BTreeMap<String, Window>,
}

/// What a client has sent in this second.
#[derive(Debug, Default)]
struct Window {
    since: Mono,
    messages: u32,
    bytes: usize,
}

impl Aside {
    fn has_room(&mut self, client: &str, bytes: usize) -> bool {
        let now = self.now.mono;
        let window = self.windows.entry(client.to_owned()).or_default();
        if now.since(window.since) >= Duration::from_secs(1) {
            *window = Window {
                since: now,
                ..Window::default()
            };
        }
        window.messages += 1;
        window.bytes += bytes;
        // The first message of a second may fill it.
        window.messages <= PER_SECOND && (window.bytes <= PAYLOAD || window.messages == 1)
    }
}

impl Huawei {
    /// The device that a client id names, and its id in topics.
    pub(super) fn whose<'a>(&self, client: &'a str) -> Option<(&Device, &'a str)> {
        let id = ClientId::parse(client)?;
        let device = if id.by_node {
            let mut devices = self.devices.values();
            devices.find(|d| d.node_id == id.id && d.product.is_older)?
        } else {
            self.devices.get(id.id)?
        };
        Some((device, id.id))
    }

    /// The CONNACK code of a refusal.
    fn admit(&self, identity: &Identity, connect: &Connect) -> Result<(), u8> {
        let id = ClientId::parse(&connect.client_id).ok_or(2)?;
        if !KEEP_ALIVE.contains(&connect.keep_alive) {
            return Err(2);
        }
        // There is no last will. Whether the platform refuses one or forgets it is not known; refusing shows the mistake.
        if connect.will.is_some() {
            return Err(5);
        }
        let (device, _) = self.whose(&connect.client_id).ok_or(4)?;
        if connect.username.as_deref() != Some(id.id) || !id.is_timely(self.aside.borrow().now.wall)
        {
            return Err(4);
        }
        let is_good = match (&device.auth, &connect.password, &identity.certificate) {
            (Auth::Secret(secret), Some(password), _) => id.is_signed(password, secret.expose()),
            (Auth::Certificate(fingerprint), _, Some(certificate)) => {
                self.authority.has_signed(certificate)
                    && fingerprint
                        .as_ref()
                        .is_none_or(|known| login::has_fingerprint(certificate, known))
            }
            _ => false,
        };
        match (is_good, device.frozen) {
            (false, _) => Err(4),
            (true, true) => Err(5),
            (true, false) => Ok(()),
        }
    }

    fn may_publish(&self, session: &Session, topic: &str) -> bool {
        let declared = |suffix: &str| {
            let device = self.devices.get(&session.device);
            device.is_some_and(|device| device.product.custom.contains(&suffix))
        };
        match topic::place(topic) {
            Place::Up { id, .. } => id == session.login,
            Place::User { id, suffix } => id == session.login && declared(suffix),
            Place::Down { .. } | Place::Nowhere => false,
            Place::Free => topic.len() <= CUSTOM_TOPIC,
        }
    }
}

impl Rules for Huawei {
    fn connect(&self, identity: &Identity, connect: &Connect) -> Verdict {
        match self.admit(identity, connect) {
            Ok(()) => Verdict::Allowed,
            Err(code) => Verdict::Refused(code),
        }
    }

    fn subscribe(&self, who: Who<'_>, filter: &str) -> Verdict {
        let Some(session) = self.sessions.get(who.client) else {
            return Verdict::Closed;
        };
        let product = self.devices.get(&session.device).map(|d| d.product);
        let is_allowed = match topic::wish(filter) {
            Wish::Own { id, user } if id == session.login => user.is_none_or(|suffix| {
                suffix.contains(['+', '#'])
                    || product.is_some_and(|product| product.custom.contains(&suffix))
            }),
            Wish::Own { .. } | Wish::Forbidden => false,
            Wish::Free => true,
        };
        if is_allowed {
            Verdict::Allowed
        } else {
            Verdict::Refused(code::NOT_AUTHORIZED)
        }
    }

    /// Of wills, which there are none of.
    fn publish(&self, _: Who<'_>, _: &str) -> Verdict {
        Verdict::Refused(code::NOT_AUTHORIZED)
    }

    fn take(&self, who: Who<'_>, publish: &Publish) -> Verdict {
        let Some(session) = self.sessions.get(who.client) else {
            return Verdict::Closed;
        };
        if publish.retain {
            return Verdict::Ended(RETAIN_NOT_SUPPORTED);
        }
        if publish.payload.len() > PAYLOAD {
            return Verdict::Ended(code::PACKET_TOO_LARGE);
        }
        if !self.may_publish(session, &publish.topic) {
            // Whether the platform drops it or hangs up is not known. A silent drop would hide the mistake; MQTT 5 can
            // say it in the acknowledgement.
            let can_say = who.version == Version::V5 && publish.qos == Qos::AtLeastOnce;
            return if can_say {
                Verdict::Refused(code::NOT_AUTHORIZED)
            } else {
                Verdict::Ended(code::NOT_AUTHORIZED)
            };
        }
        let mut aside = self.aside.borrow_mut();
        if aside.has_room(who.client, publish.payload.len()) {
            Verdict::Allowed
        } else {
            Verdict::Discarded
        }
    }

    /// The platform is no broker between devices: of its own topics a device gets what is for it. Free topics reach
    /// whoever has subscribed them.
    fn receive(&self, who: Who<'_>, topic: &str) -> bool {
        let login = self.sessions.get(who.client).map(|s| s.login.as_str());
        match topic::place(topic) {
            Place::Down { id } | Place::User { id, .. } => login == Some(id),
            Place::Up { .. } | Place::Nowhere => false,
            Place::Free => true,
        }
    }

    fn hears(&self, _: &str) -> bool {
        true
    }

    fn limits(&self) -> Limits {
        Limits {
            version_5: true,
            filters_per_subscribe: usize::MAX,
            session_life: Duration::ZERO,
            maximum_qos: Qos::AtLeastOnce,
            // So that what is too large for the platform still gets to its rule.
            packet: 2 * PAYLOAD,
            shared: false,
            subscriptions: SUBSCRIPTIONS,
            retains: false,
            follows: true,
            ..Limits::default()
        }
    }
}
