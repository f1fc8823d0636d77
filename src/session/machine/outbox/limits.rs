//! What may be published on a connection, known before the wire: the plan's rules and what the broker said with its
//! CONNACK.

use super::what;
use crate::base::problem::{Exit, Problem};
use crate::domain::message::{Draft, Properties, Qos};
use crate::domain::profile::Version;
use crate::platform::plan::ConnectPlan;
use crate::session::link::Accepted;

/// Type and longest length of a packet, the length of the topic, packet id.
const OVERHEAD: usize = 9;
/// The longest length of all properties.
const PROPERTIES: usize = 4;

/// See the module. By default everything may be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    version: Version,
    max_qos: Qos,
    /// The plan's bound of a packet.
    planned: usize,
    /// The broker's own (MQTT 5, 3.2.2.3.6).
    told: usize,
    retain: bool,
    /// Unacknowledged publishes of QoS 1 and 2 at once.
    pub at_once: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            version: Version::V5,
            max_qos: Qos::ExactlyOnce,
            planned: usize::MAX,
            told: usize::MAX,
            retain: true,
            at_once: usize::MAX,
        }
    }
}

impl Limits {
    pub fn planned(plan: &ConnectPlan) -> Self {
        Self {
            version: plan.version,
            max_qos: plan.limits.max_qos,
            planned: plan.limits.max_packet,
            ..Self::default()
        }
    }

    #[must_use]
    pub fn accepted(mut self, accepted: &Accepted) -> Self {
        let told = accepted.max_packet.and_then(|most| most.try_into().ok());
        self.told = told.unwrap_or(usize::MAX);
        self.max_qos = self.max_qos.min(accepted.max_qos.unwrap_or(self.max_qos));
        self.retain = !accepted.no_retain;
        // Zero is a protocol error (MQTT 5, 3.2.2.3.3), and would mean that nothing is ever sent.
        let at_once = accepted.receive_max.map_or(usize::MAX, usize::from);
        self.at_once = at_once.max(1);
        self
    }

    pub fn check(&self, draft: &Draft) -> Result<(), Problem> {
        let refused = |cause: String, remedy: &str| {
            Err(Problem::new(what(draft), cause, remedy).exit(Exit::Refused))
        };
        if draft.qos > self.max_qos {
            let (most, asked) = (self.max_qos.number(), draft.qos.number());
            let cause = format!("this broker knows QoS {most} at most, and this is QoS {asked}");
            return refused(cause, "use a lower QoS");
        }
        if draft.retain && !self.retain {
            let cause = "this broker keeps no retained messages".to_owned();
            return refused(cause, "publish it without retain");
        }
        if self.version == Version::V311 && draft.properties.as_ref().is_some_and(|p| !p.is_empty())
        {
            let cause = "it has MQTT 5 properties, and this connection speaks MQTT 3.1.1";
            let remedy = "leave the properties out, or set version = \"5\" in the profile";
            return refused(cause.to_owned(), remedy);
        }
        let bytes = size(draft);
        if bytes > self.told {
            let cause = format!(
                "it takes {bytes} bytes, and this broker takes {} at most",
                self.told
            );
            return refused(cause, "send less at once");
        }
        if bytes > self.planned {
            let most = self.planned;
            let cause = format!("it takes {bytes} bytes, and a packet may have {most} at most");
            return refused(
                cause,
                "send less at once, or raise max_packet in the profile",
            );
        }
        Ok(())
    }
}

/// Bytes on the wire, a few too many rather than one too few.
fn size(draft: &Draft) -> usize {
    let properties = draft.properties.as_deref().map_or(0, properties_size);
    draft.payload.len() + draft.topic.as_str().len() + OVERHEAD + properties
}

/// MQTT 5, 3.3.2.3: an id each, and two bytes of length before each text.
fn properties_size(properties: &Properties) -> usize {
    let text = |text: &Option<String>| text.as_ref().map_or(0, |text| text.len() + 3);
    let user = properties.user.iter();
    PROPERTIES
        + properties.utf8.map_or(0, |_| 2)
        + properties.expiry.map_or(0, |_| 5)
        + text(&properties.content_type)
        + text(&properties.response_topic)
        + properties
            .correlation_data
            .as_ref()
            .map_or(0, |data| data.len() + 3)
        + user
            .map(|(name, value)| name.len() + value.len() + 5)
            .sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::topic::Topic;

    fn draft(bytes: usize) -> Draft {
        let payload = vec![b'x'; bytes].into();
        Draft::new(Topic::parse("t").unwrap(), payload, Qos::AtLeastOnce)
    }

    fn told(accepted: &Accepted) -> Limits {
        Limits::default().accepted(accepted)
    }

    #[test]
    fn each_limit_of_a_broker_is_named() {
        let retained = Draft {
            retain: true,
            ..draft(1)
        };
        let cases = [
            (
                told(&Accepted {
                    max_qos: Some(Qos::AtMostOnce),
                    ..Accepted::default()
                }),
                draft(1),
                "QoS 0 at most",
            ),
            (
                told(&Accepted {
                    max_packet: Some(100),
                    ..Accepted::default()
                }),
                draft(101),
                "takes 100 at most",
            ),
            (
                told(&Accepted {
                    no_retain: true,
                    ..Accepted::default()
                }),
                retained,
                "no retained messages",
            ),
        ];
        for (limits, draft, words) in cases {
            let problem = limits.check(&draft).unwrap_err();
            assert!(problem.cause.contains(words), "{problem}");
            assert_eq!(Limits::default().check(&draft), Ok(()));
        }
    }

    #[test]
    fn properties_count_and_need_version_5() {
        let mut with = draft(1);
        with.properties = Some(Box::new(Properties {
            content_type: Some("x".repeat(100)),
            ..Properties::default()
        }));
        let small = told(&Accepted {
            max_packet: Some(100),
            ..Accepted::default()
        });
        assert!(small.check(&with).is_err());
        let old = Limits {
            version: Version::V311,
            ..Limits::default()
        };
        let problem = old.check(&with).unwrap_err();
        assert!(problem.cause.contains("speaks MQTT 3.1.1"), "{problem}");
        with.properties = Some(Box::default());
        assert_eq!(old.check(&with), Ok(()), "nothing in them, nothing lost");
    }

    #[test]
    fn a_receive_maximum_of_zero_does_not_stop_everything() {
        let nonsense = Accepted {
            receive_max: Some(0),
            ..Accepted::default()
        };
        assert_eq!(told(&nonsense).at_once, 1);
    }
}
