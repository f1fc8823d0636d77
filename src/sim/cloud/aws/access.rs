//! What the broker is told about clients: the limits and denials of `reference/aws-iot.md` 3.2 and 4.

use std::time::Duration;

use super::Aws;
use super::directory::Principal;
use super::topic;
use crate::domain::message::Qos;
use crate::sim::broker::{Identity, Limits, Rules, Verdict, Who};
use crate::sim::packet::{Connect, Publish, Version, code};

/// Largest payload; the packets may be larger.
pub const LARGEST_PAYLOAD: usize = 131_072;
const LONGEST_CLIENT_ID: usize = 128;
/// How ids begin that the broker makes up.
const ASSIGNED: &str = "$GEN/";

/// AWS's numbers. Some of them can be raised per account.
pub fn limits() -> Limits {
    Limits {
        version_5: true,
        filters_per_subscribe: 8,
        in_flight: 100,
        session_life: Duration::from_hours(1),
        maximum_qos: Qos::AtLeastOnce,
        packet: 149_504,
        receive_maximum: 100,
        topic_aliases: 8,
        shared: true,
        subscriptions: 50,
        keep_alive_range: Some((30, 1200)),
        parent_matches: false,
        greets_wildcards: false,
        subscription_ids: false,
        strict_qos: true,
        publishes_per_second: Some(100),
        resume_per_second: Some(10),
        separate_versions: true,
        tells_all: true,
        follows: true,
        close_frame_is_goodbye: true,
        ..Limits::default()
    }
}

impl Rules for Aws {
    fn connect(&self, identity: &Identity, connect: &Connect) -> Verdict {
        let refused = |code| self.refused(connect.version, code);
        let username = connect.username.as_deref();
        let Some(principal) = self.directory.principal(identity, username) else {
            return Verdict::Closed;
        };
        let id = &connect.client_id;
        let reserved = id.starts_with('$') && !id.starts_with(ASSIGNED);
        if id.len() > LONGEST_CLIENT_ID || reserved {
            return refused(code::CLIENT_ID_INVALID);
        }
        let mut attributes = Vec::new();
        let keeps = match connect.version {
            Version::V311 => !connect.clean,
            Version::V5 => connect.session_expiry > 0,
        };
        if keeps {
            attributes.push("PersistentConnect");
        }
        if connect.will.is_some() {
            attributes.push("LastWill");
        }
        let resource = self.arn(&format!("client/{id}"));
        let directory = &self.directory;
        if !directory.allows(principal, "iot:Connect", &resource, id, &attributes) {
            return refused(code::NOT_AUTHORIZED);
        }
        let Some(will) = &connect.will else {
            return Verdict::Allowed;
        };
        match self.judge(principal, id, &will.publish) {
            Ok(()) => Verdict::Allowed,
            Err(code) => refused(code),
        }
    }

    fn subscribe(&self, who: Who<'_>, filter: &str) -> Verdict {
        let five = who.version == Version::V5;
        let refused = |code| self.refused(who.version, code);
        let inner = topic::unshared(filter);
        if !topic::may_be_subscribed(inner) {
            return if five {
                Verdict::Ended(code::FILTER_INVALID)
            } else {
                Verdict::Closed
            };
        }
        if !topic::fits(filter) {
            return refused(code::FILTER_INVALID);
        }
        if self.may(who, "iot:Subscribe", "topicfilter", filter) {
            Verdict::Allowed
        } else {
            refused(code::NOT_AUTHORIZED)
        }
    }

    /// Of a will; CONNECT has looked at it already.
    fn publish(&self, _who: Who<'_>, _topic: &str) -> Verdict {
        Verdict::Allowed
    }

    fn take(&self, who: Who<'_>, publish: &Publish) -> Verdict {
        let principal = self.directory.principal(who.identity, who.username);
        let judged = match principal {
            Some(principal) => self.judge(principal, who.client, publish),
            None => Err(code::NOT_AUTHORIZED),
        };
        let acknowledged = publish.qos != Qos::AtMostOnce;
        match (judged, who.version) {
            (Ok(()), _) => Verdict::Allowed,
            (Err(_), Version::V311) => Verdict::Closed,
            // An acknowledgement can say so, and the connection stays.
            (Err(code::NOT_AUTHORIZED), Version::V5) if acknowledged => {
                Verdict::Refused(code::NOT_AUTHORIZED)
            }
            (Err(code), Version::V5) => Verdict::Ended(code),
        }
    }

    fn receive(&self, who: Who<'_>, topic: &str) -> bool {
        !topic.starts_with("$aws/rules/") && self.may(who, "iot:Receive", "topic", topic)
    }

    fn client_id(&self, version: Version, number: u64) -> Option<String> {
        (version == Version::V5).then(|| format!("{ASSIGNED}{number:08x}"))
    }

    /// Every message is taken, as far as PUBACK tells.
    fn hears(&self, _topic: &str) -> bool {
        true
    }

    fn limits(&self) -> Limits {
        self.limits
    }
}

impl Aws {
    /// `arn:aws:iot:<region>:<account>:<resource>`.
    pub fn arn(&self, resource: &str) -> String {
        format!("arn:aws:iot:{}:{}:{resource}", self.region, self.account)
    }

    /// 3.1.1 is hung up on.
    fn refused(&self, version: Version, code: u8) -> Verdict {
        let answers = self.service.answers_denials_in_3 && code == code::NOT_AUTHORIZED;
        if version == Version::V5 || answers {
            Verdict::Refused(code)
        } else {
            Verdict::Closed
        }
    }

    fn may(&self, who: Who<'_>, action: &str, kind: &str, name: &str) -> bool {
        let resource = self.arn(&format!("{kind}/{name}"));
        self.directory
            .principal(who.identity, who.username)
            .is_some_and(|principal| {
                self.directory
                    .allows(principal, action, &resource, who.client, &[])
            })
    }

    /// Whether a message, or a will, may be published; the reason code where not.
    fn judge(&self, principal: Principal<'_>, client: &str, publish: &Publish) -> Result<(), u8> {
        if publish.qos > Qos::AtLeastOnce {
            return Err(code::QOS_NOT_SUPPORTED);
        }
        let name = &publish.topic;
        let reserved = name.starts_with('$');
        if !topic::fits(name) || (reserved && (publish.retain || topic::request(name).is_none())) {
            return Err(code::TOPIC_INVALID);
        }
        if publish.payload.len() > LARGEST_PAYLOAD {
            return Err(code::QUOTA_EXCEEDED);
        }
        let resource = self.arn(&format!("topic/{name}"));
        let allows = |action| {
            self.directory
                .allows(principal, action, &resource, client, &[])
        };
        let retained = publish.retain.then_some("iot:RetainPublish");
        let mut needed = std::iter::once("iot:Publish").chain(retained);
        if needed.all(allows) {
            Ok(())
        } else {
            Err(code::NOT_AUTHORIZED)
        }
    }
}
