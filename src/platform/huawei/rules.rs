//! What the platform refuses, known before the wire (`reference/huawei-iot.md` 3).

use std::collections::VecDeque;
use std::sync::PoisonError;
use std::time::Duration;

use super::Huawei;
use super::topics::place;
use crate::base::moment::Mono;
use crate::base::problem::{Exit, Problem, Retry};
use crate::domain::message::{Draft, Qos};
use crate::domain::subscription::FilterWish;

const MOST_BYTES: usize = 1 << 20;
const MOST_TOPIC_BYTES: usize = 128;
const MOST_PER_SECOND: usize = 50;
/// On one connection.
pub(super) const SUBSCRIPTIONS: usize = 100;

/// The publishes of the last second.
#[derive(Debug, Default)]
pub struct Rate(VecDeque<Mono>);

impl Rate {
    /// Counts one more; `false` when that is too much.
    fn take(&mut self, at: Mono) -> bool {
        while self
            .0
            .front()
            .is_some_and(|first| at.since(*first) >= Duration::from_secs(1))
        {
            self.0.pop_front();
        }
        if self.0.len() >= MOST_PER_SECOND {
            return false;
        }
        self.0.push_back(at);
        true
    }
}

impl Huawei {
    pub(super) fn check(&self, draft: &Draft, at: Mono) -> Result<(), Problem> {
        let topic = draft.topic.as_str();
        let refuse = |cause: String, remedy: &str| {
            Err(Problem::new("the message is not published", cause, remedy).exit(Exit::Usage))
        };
        if draft.qos == Qos::ExactlyOnce {
            return refuse(
                "Huawei IoT knows QoS 0 and 1 only".to_owned(),
                "choose QoS 1",
            );
        }
        if draft.retain {
            return refuse(
                "Huawei IoT keeps no retained messages".to_owned(),
                "take the retain flag off",
            );
        }
        if draft.payload.len() > MOST_BYTES {
            let cause = format!(
                "it has {} bytes, and Huawei IoT takes 1 MB ({MOST_BYTES} bytes)",
                draft.payload.len()
            );
            return refuse(cause, "send less at a time");
        }
        match place(topic) {
            Some(place) if place.device() != self.settings.device_id => {
                let cause = format!(
                    "the topic is of device {:?}, and a device may publish under its own id only",
                    place.device()
                );
                return refuse(
                    cause,
                    "name a device behind this gateway in the payload instead",
                );
            }
            None if topic.starts_with("$oc") => {
                let cause = "no topic of IoTDA is written like this".to_owned();
                return refuse(
                    cause,
                    "write $oc/devices/DEVICE/sys/… or $oc/devices/DEVICE/user/…",
                );
            }
            None if topic.len() > MOST_TOPIC_BYTES => {
                let cause = format!("the topic has {} bytes, and 128 are allowed", topic.len());
                return refuse(cause, "choose a shorter topic");
            }
            _ => {}
        }
        let mut rate = self.rate.lock().unwrap_or_else(PoisonError::into_inner);
        if rate.take(at) {
            return Ok(());
        }
        let cause = "50 messages a second are allowed on one connection";
        Err(
            Problem::new("the message is not published", cause, "send more slowly")
                .retry(Retry::After(Duration::from_secs(1))),
        )
    }
}

/// A device subscribes below its own id, and what begins otherwise than the platform's topics do.
pub fn filter(own: &str, wish: &FilterWish) -> Result<(), Problem> {
    let refuse = |cause: String, remedy: &str| {
        Err(Problem::new("Huawei IoT grants no such filter", cause, remedy).exit(Exit::Usage))
    };
    if wish.qos == Qos::ExactlyOnce {
        let cause = "Huawei IoT knows QoS 0 and 1 only".to_owned();
        return refuse(cause, "ask for QoS 1");
    }
    let text = wish.filter.as_str();
    let fronts = ["$oc/devices/", "/huawei/v1/devices/"];
    let below = fronts.iter().find_map(|front| text.strip_prefix(front));
    let device = below.and_then(|rest| rest.split('/').next());
    match device {
        Some(device) if device != own => {
            let cause = format!(
                "it is about device {device:?}, and a device may subscribe below its own id only"
            );
            refuse(
                cause,
                "what concerns devices behind this gateway comes under the gateway's id",
            )
        }
        _ => Ok(()),
    }
}

pub(super) fn one_too_many() -> Problem {
    let cause =
        format!("a connection has {SUBSCRIPTIONS} subscriptions at most, and so many there are");
    let remedy = "drop one, or use wildcards";
    Problem::new("Huawei IoT would not grant one more filter", cause, remedy).exit(Exit::Usage)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::profile::{Common, HuaweiDialect, HuaweiSettings};
    use crate::domain::topic::Topic;

    fn meter() -> Huawei {
        let url = "mqtts://h".to_owned();
        let settings = HuaweiSettings::new(HuaweiDialect::Iotda, url, "d".to_owned());
        Huawei::new(settings, Common::default())
    }

    fn draft(topic: &str, payload: Vec<u8>) -> Draft {
        let topic = Topic::parse(topic).expect("a topic");
        Draft::new(topic, payload.into(), Qos::AtLeastOnce)
    }

    #[test]
    fn what_the_platform_would_refuse_is_refused_with_the_rule() {
        let meter = meter();
        let own = "$oc/devices/d/sys/properties/report";
        let at = Mono::default();
        assert_eq!(meter.check(&draft(own, vec![0; MOST_BYTES]), at), Ok(()));
        let cases = [
            (
                Draft {
                    qos: Qos::ExactlyOnce,
                    ..draft(own, vec![])
                },
                "QoS 0 and 1",
            ),
            (
                Draft {
                    retain: true,
                    ..draft(own, vec![])
                },
                "retained",
            ),
            (draft(own, vec![0; MOST_BYTES + 1]), "1048577 bytes"),
            (
                draft("$oc/devices/e/sys/messages/up", vec![]),
                "own id only",
            ),
            (
                draft("/huawei/v1/devices/e/data/json", vec![]),
                "own id only",
            ),
            (draft("$oc/x", vec![]), "no topic of IoTDA"),
            (draft(&"a".repeat(129), vec![]), "129 bytes"),
        ];
        for (draft, said) in cases {
            let problem = meter.check(&draft, at).expect_err(said);
            assert!(problem.cause.contains(said), "{problem}");
        }
    }

    #[test]
    fn a_filter_of_another_device_is_refused_before_the_wire() {
        use crate::domain::topic::TopicFilter;
        let of = |text: &str| {
            let wish = FilterWish::new(TopicFilter::parse(text).expect("one"), Qos::AtLeastOnce);
            filter("d", &wish)
        };
        for text in [
            "$oc/devices/d/sys/#",
            "/huawei/v1/devices/d/command/json",
            "#",
            "plant/+",
        ] {
            assert_eq!(of(text), Ok(()), "{text}");
        }
        for text in [
            "$oc/devices/e/sys/#",
            "$oc/devices/+/sys/commands/#",
            "/huawei/v1/devices/#",
        ] {
            assert!(of(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_hundred_and_first_filter_is_refused_until_one_is_dropped() {
        use crate::domain::topic::TopicFilter;
        use crate::platform::Platform as _;
        let wish = |n: usize| {
            let filter = TopicFilter::parse(&format!("t/{n}")).expect("a filter");
            FilterWish::new(filter, Qos::AtLeastOnce)
        };
        let meter = meter();
        for n in 0..100 {
            assert_eq!(meter.check_filter(&wish(n)), Ok(()));
        }
        assert_eq!(meter.check_filter(&wish(0)), Ok(()), "it is one of them");
        let refused = meter.check_filter(&wish(100)).expect_err("one too many");
        assert!(refused.cause.contains("100 subscriptions"), "{refused}");
        meter.filter_gone(&wish(7).filter);
        assert_eq!(meter.check_filter(&wish(100)), Ok(()));
        meter.filter_answered(&wish(100).filter, false);
        assert_eq!(meter.check_filter(&wish(101)), Ok(()), "it is not in force");
    }

    #[test]
    fn the_commands_of_v1_have_their_place_among_the_filters() {
        use crate::domain::topic::TopicFilter;
        use crate::platform::Platform as _;
        let url = "mqtts://h".to_owned();
        let settings = HuaweiSettings::new(HuaweiDialect::V1, url, "d".to_owned());
        let meter = Huawei::new(settings, Common::default());
        let taken = (0..100).filter(|n| {
            let filter = TopicFilter::parse(&format!("t/{n}")).expect("a filter");
            let wish = FilterWish::new(filter, Qos::AtLeastOnce);
            meter.check_filter(&wish).is_ok()
        });
        assert_eq!(taken.count(), 99);
    }

    #[test]
    fn more_than_fifty_messages_a_second_are_held_back() {
        let meter = meter();
        let at = |millis| Mono(Duration::from_millis(millis));
        let message = draft("plant/1", vec![]);
        for i in 0..50 {
            assert_eq!(meter.check(&message, at(i * 10)), Ok(()));
        }
        assert!(meter.check(&message, at(999)).is_err());
        assert_eq!(meter.check(&message, at(1000)), Ok(()));
    }
}
