//! AWS's own rules, known before the wire: it answers what breaks them with a hang-up or with silence
//! (`reference/aws-iot.md` 4; failure-modes.md F36).

use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::time::Duration;

use crate::base::moment::{Moment, Mono, Timestamp};
use crate::base::problem::{Exit, Problem, Retry};
use crate::domain::message::{Draft, Qos, Will};
use crate::domain::subscription::FilterWish;
use crate::domain::topic::TopicFilter;
use crate::platform::filters::Filters;

pub const PAYLOAD: usize = 131_072;
const TOPIC_BYTES: usize = 256;
const SLASHES: usize = 7;
const CLIENT_ID: usize = 128;
pub const SUBSCRIPTIONS: usize = 50;
/// Seconds (MQTT 5).
const EXPIRY: RangeInclusive<u32> = 1..=604_800;
/// Publishes a second, in and out together; more are thrown away in silence.
const RATE: usize = 100;
const RATE_WARNING: usize = 80;

/// Before CONNECT. What is allowed and does not do what it looks like comes back in words.
pub(super) fn check_connect(id: &str, will: Option<&Will>) -> Result<Option<Problem>, Problem> {
    check_client_id(id)?;
    let told = will.map_or(Ok(None), check_will)?;
    Ok(told.or_else(|| without_events(id)))
}

fn without_events(id: &str) -> Option<Problem> {
    id.contains(['+', '#']).then(|| {
        Problem::new(
            format!("nobody hears of {id:?} coming and going"),
            "AWS tells no life-cycle events of a client id with + or # in it",
            "choose a client_id without them, where that matters",
        )
    })
}

fn check_client_id(id: &str) -> Result<(), Problem> {
    let cause = if id.is_empty() {
        "the client id is empty".to_owned()
    } else if id.len() > CLIENT_ID {
        format!(
            "the client id has {} bytes, and AWS takes {CLIENT_ID}",
            id.len()
        )
    } else if id.starts_with('$') {
        "the client id begins with $, which AWS keeps for itself".to_owned()
    } else {
        return Ok(());
    };
    let remedy = "correct client_id in the profile, or leave it out";
    Err(Problem::new("AWS would refuse the connection", cause, remedy).exit(Exit::Usage))
}

/// A will that breaks a rule costs the whole connection.
pub fn check_will(will: &Will) -> Result<Option<Problem>, Problem> {
    let draft = &will.draft;
    lawful(draft).map_err(|problem| Problem {
        what: "AWS would refuse the connection because of the will".to_owned(),
        remedy: format!("correct `will` in the profile: {}", problem.remedy),
        ..problem
    })?;
    Ok(draft.topic.as_str().starts_with('$').then(|| {
        Problem::new(
            format!("the will on {} will not reach the shadow", draft.topic),
            "AWS's services ignore a last will on a reserved topic",
            "name an ordinary topic and let a rule republish it: the palette's \"report connection state in the shadow\" shows how",
        )
    }))
}

/// Everything but the rate.
pub fn lawful(draft: &Draft) -> Result<(), Problem> {
    let topic = draft.topic.as_str();
    if draft.qos == Qos::ExactlyOnce {
        return Err(refused("AWS has no QoS 2", "use QoS 1"));
    }
    if draft.payload.len() > PAYLOAD {
        let cause = format!(
            "the payload has {} bytes, and AWS takes {PAYLOAD}: it would close the connection",
            draft.payload.len()
        );
        return Err(refused(cause, "send less, or in parts"));
    }
    if draft.retain && topic.starts_with('$') {
        return Err(refused(
            "AWS retains nothing on reserved topics ($…)",
            "send it without retain",
        ));
    }
    let expiry = draft.properties.as_ref().and_then(|p| p.expiry);
    if let Some(seconds) = expiry.filter(|seconds| !EXPIRY.contains(seconds)) {
        let cause = format!("AWS keeps a message for 1 to 604800 s (a week), not for {seconds} s");
        return Err(refused(cause, "correct its expiry"));
    }
    check_reserved(topic)?;
    check_length(topic, "topic", basic_ingest(topic))
}

fn check_reserved(topic: &str) -> Result<(), Problem> {
    if topic.starts_with("$share/") {
        let cause = "$share/… is for subscribing; nobody can publish there";
        return Err(refused(cause, "publish on the topic after $share/NAME/"));
    }
    if topic.starts_with("$$") {
        return Err(refused(DOUBLED, "write it with one $"));
    }
    if topic.starts_with('$') && !topic.starts_with("$aws/") {
        let cause = "AWS keeps topics that begin with $ for itself, and has none of this name";
        return Err(refused(cause, "use a topic without $, or one under $aws/"));
    }
    if topic.starts_with("$aws/rules/") && basic_ingest(topic).is_none_or(str::is_empty) {
        let cause = "a topic of Basic Ingest names a rule and then a topic";
        return Err(refused(cause, "write $aws/rules/RULE/TOPIC"));
    }
    if let Some((cause, remedy)) = said_by_services(topic) {
        return Err(refused(cause, remedy));
    }
    Ok(())
}

/// Topics on which AWS alone speaks (`reference/aws-iot.md` 3.2, 5): it hangs up at a client that does.
fn said_by_services(topic: &str) -> Option<(&'static str, &'static str)> {
    let rest = topic.strip_prefix("$aws/")?;
    // What follows the rule's name is the person's own.
    if rest.starts_with("rules/") {
        return None;
    }
    if rest.starts_with("events/") {
        let cause = "AWS itself tells events under $aws/events/; clients subscribe them";
        return Some((cause, "subscribe it, or publish on a topic of your own"));
    }
    let levels: Vec<_> = rest.split('/').collect();
    match levels.as_slice() {
        [.., "accepted" | "rejected"] => Some((
            "it is AWS that answers there; clients subscribe it",
            "publish the question: the same topic without its last level",
        )),
        ["things", _, "shadow", .., "update", "delta" | "documents"] => Some((
            "it is AWS that tells there what became of the shadow; clients subscribe it",
            "publish the change on …/shadow/update",
        )),
        ["things", _, "jobs", "notify" | "notify-next"] | ["things", _, "tunnels", "notify"] => {
            Some((
                "it is AWS that notifies there; clients subscribe it",
                "ask with …/jobs/get or …/jobs/start-next",
            ))
        }
        [
            "things",
            _,
            "streams",
            _,
            "data" | "description" | "rejected",
            _,
        ] => Some((
            "it is AWS that answers there; clients subscribe it",
            "ask with …/get/json or …/describe/json",
        )),
        _ => None,
    }
}

/// What follows `$aws/rules/<rule>/`.
fn basic_ingest(topic: &str) -> Option<&str> {
    let rest = topic.strip_prefix("$aws/rules/")?;
    rest.split_once('/').map(|(_, topic)| topic)
}

/// `counted`: what is left without the levels that AWS does not count.
fn check_length(whole: &str, word: &str, counted: Option<&str>) -> Result<(), Problem> {
    let text = counted.unwrap_or(whole);
    if text.len() > TOPIC_BYTES {
        let cause = format!(
            "the {word} has {} bytes, and AWS takes {TOPIC_BYTES}",
            text.len()
        );
        return Err(refused(cause, "shorten it"));
    }
    let slashes = text.matches('/').count();
    if slashes > SLASHES {
        let cause = format!("the {word} has {slashes} slashes, and AWS takes {SLASHES}");
        return Err(refused(cause, "use fewer levels"));
    }
    Ok(())
}

/// Everything but the number of filters.
pub fn check_filter(wish: &FilterWish) -> Result<(), Problem> {
    let filter = wish.filter.as_str();
    if wish.qos == Qos::ExactlyOnce {
        return Err(not_subscribed("AWS has no QoS 2", "use QoS 1"));
    }
    let shared = filter.strip_prefix("$share/");
    let shared = shared.and_then(|rest| rest.split_once('/'));
    let inner = shared.map_or(filter, |(_, inner)| inner);
    if inner.starts_with("$SYS") {
        let cause = "AWS has no $SYS topics, and hangs up at who asks for them";
        let remedy = "for connections, subscribe $aws/events/presence/+/+";
        return Err(not_subscribed(cause, remedy));
    }
    if inner.starts_with("$aws/rules") {
        let cause = "$aws/rules/… goes to its rule alone: nobody can subscribe there";
        let remedy = "let the rule republish to a topic, and subscribe that";
        return Err(not_subscribed(cause, remedy));
    }
    if inner.starts_with("$$") {
        return Err(not_subscribed(DOUBLED, "write it with one $"));
    }
    if inner.starts_with('$') && !inner.starts_with("$aws/") {
        let cause = "AWS keeps topics that begin with $ for itself, and has none of this name";
        return Err(not_subscribed(
            cause,
            "use a filter without $, or one under $aws/",
        ));
    }
    check_length(filter, "filter", Some(inner)).map_err(|problem| Problem {
        what: NOT_SUBSCRIBED.to_owned(),
        ..problem
    })
}

/// The seed's author lost hours to this (`reference/aws-iot.md` 6).
const DOUBLED: &str =
    "the doubled $ belongs into the republish action of a rule; in MQTT the topic has one";
const NOT_SUBSCRIBED: &str = "AWS would hang up at this filter";

fn refused(cause: impl Into<String>, remedy: &str) -> Problem {
    Problem::new("AWS would not take this message", cause, remedy).exit(Exit::Usage)
}

fn not_subscribed(cause: impl Into<String>, remedy: &str) -> Problem {
    Problem::new(NOT_SUBSCRIBED, cause, remedy).exit(Exit::Usage)
}

/// What is counted over a connection's life.
#[derive(Debug)]
pub(super) struct Counted {
    /// Both clocks at one moment: messages carry the wall's.
    clock: Option<Moment>,
    /// Messages of the last second, at most [`RATE`]; `true`: it came in.
    passed: VecDeque<(Mono, bool)>,
    /// The rate was high, and nobody was told yet.
    fast: Option<usize>,
    warned: Option<Mono>,
    filters: Filters,
}

/// Not more often than this.
const WARN_EVERY: Duration = Duration::from_secs(30);

impl Default for Counted {
    fn default() -> Self {
        Self {
            clock: None,
            passed: VecDeque::new(),
            fast: None,
            warned: None,
            filters: Filters::up_to(SUBSCRIPTIONS),
        }
    }
}

impl Counted {
    /// One more publish, unless AWS would throw it away.
    pub(super) fn publish(&mut self, at: Mono) -> Result<(), Problem> {
        self.forget_before(at);
        if self.passed.len() >= RATE {
            let came = self.passed.iter().filter(|(_, came)| *came).count();
            let sent = self.passed.len() - came;
            let cause = format!(
                "{sent} messages went out and {came} came in within a second: above {RATE} together AWS throws them away without a word"
            );
            let remedy = if came > sent {
                "subscribe less, or publish through another profile"
            } else {
                "send slower"
            };
            return Err(refused(cause, remedy).retry(Retry::After(Duration::from_secs(1))));
        }
        self.count(at, false);
        Ok(())
    }

    pub(super) const fn tick(&mut self, now: Moment) {
        self.clock = Some(now);
    }

    /// One that came in: AWS counts both ways (`reference/aws-iot.md` 4).
    pub(super) fn received(&mut self, at: Timestamp) {
        let Some(clock) = self.clock else {
            return;
        };
        let at = clock.mono.plus(clock.wall.until(at));
        self.forget_before(at);
        if self.passed.len() >= RATE {
            self.passed.pop_front();
        }
        self.count(at, true);
    }

    fn count(&mut self, at: Mono, came: bool) {
        self.passed.push_back((at, came));
        if self.passed.len() >= RATE_WARNING {
            self.fast = Some(self.passed.len());
        }
    }

    fn forget_before(&mut self, at: Mono) {
        while let Some((first, _)) = self.passed.front()
            && at.since(*first) >= Duration::from_secs(1)
        {
            self.passed.pop_front();
        }
    }

    /// What a person should know about the rate, once in a while.
    pub(super) fn warning(&mut self, at: Mono) -> Option<String> {
        let fast = self.fast.take()?;
        if self
            .warned
            .is_some_and(|before| at.since(before) < WARN_EVERY)
        {
            return None;
        }
        self.warned = Some(at);
        Some(format!(
            "{fast} messages passed within a second: above {RATE}, in and out together, AWS throws them away without a word"
        ))
    }

    pub(super) fn subscribe(&mut self, filter: &TopicFilter) -> Result<(), Problem> {
        if self.filters.take(filter) {
            return Ok(());
        }
        let cause = format!(
            "a connection has {SUBSCRIPTIONS} subscriptions at most, and so many there are"
        );
        let remedy = "drop one, use wildcards, or open a second profile";
        let what = "AWS would not grant one more filter";
        Err(Problem::new(what, cause, remedy).exit(Exit::Usage))
    }

    pub(super) fn unsubscribe(&mut self, filter: &TopicFilter) {
        self.filters.leave(filter);
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::domain::message::Properties;
    use crate::domain::topic::Topic;

    fn draft(topic: &str) -> Draft {
        let topic = Topic::parse(topic).expect("a topic");
        Draft::new(topic, Bytes::from_static(b"{}"), Qos::AtLeastOnce)
    }

    fn wish(filter: &str, qos: Qos) -> FilterWish {
        FilterWish::new(TopicFilter::parse(filter).expect("a filter"), qos)
    }

    fn cause(result: Result<(), Problem>) -> String {
        result
            .err()
            .map_or_else(String::new, |problem| problem.cause)
    }

    #[test]
    fn what_aws_would_hang_up_at_is_refused_with_the_rule() {
        let retained = |topic| Draft {
            retain: true,
            ..draft(topic)
        };
        let exactly = Draft {
            qos: Qos::ExactlyOnce,
            ..draft("a")
        };
        let sized = |bytes: usize| Draft {
            payload: Bytes::from(vec![b'x'; bytes]),
            ..draft("a")
        };
        let expiring = |seconds| Draft {
            properties: Some(Box::new(Properties {
                expiry: Some(seconds),
                ..Properties::default()
            })),
            ..draft("a")
        };
        let cases = [
            (expiring(0), "1 to 604800 s"),
            (expiring(604_801), "not for 604801 s"),
            (exactly, "no QoS 2"),
            (retained("$aws/things/a/shadow/update"), "retains nothing"),
            (sized(131_073), "131073 bytes, and AWS takes 131072"),
            (draft(&"a".repeat(257)), "257 bytes"),
            (draft("1/2/3/4/5/6/7/8/9"), "8 slashes, and AWS takes 7"),
            (
                draft("$$aws/things/a/shadow/update"),
                "belongs into the republish action",
            ),
            (draft("$SYS/x"), "keeps topics that begin with $"),
            (draft("$share/g/a"), "for subscribing"),
            (draft("$aws/rules/only"), "names a rule and then a topic"),
            (
                draft("$aws/things/T/shadow/name/S/update/accepted"),
                "it is AWS that answers there",
            ),
            (
                draft("$aws/certificates/create/json/rejected"),
                "it is AWS that answers there",
            ),
            (
                draft("$aws/things/T/shadow/update/delta"),
                "what became of the shadow",
            ),
            (
                draft("$aws/things/T/shadow/name/S/update/documents"),
                "what became of the shadow",
            ),
            (draft("$aws/things/T/jobs/notify-next"), "AWS that notifies"),
            (
                draft("$aws/events/presence/connected/T"),
                "AWS itself tells events",
            ),
        ];
        for (draft, expected) in cases {
            let said = cause(lawful(&draft));
            assert!(said.contains(expected), "{}: {said}", draft.topic);
        }
        for fine in [
            expiring(604_800),
            retained("a/b"),
            sized(131_072),
            draft(&"a".repeat(256)),
            draft("1/2/3/4/5/6/7/8"),
            draft(&format!("$aws/rules/my_rule/{}", "a".repeat(256))),
            draft("$aws/rules/r/1/2/3/4/5/6/7/8"),
            draft("$aws/rules/r/jobs/accepted"),
            draft("$aws/things/T/shadow/name/accepted/update"),
            draft("$aws/things/T/jobs/notify/get"),
            draft("$aws/things/T/shadow/name/S/update"),
        ] {
            assert_eq!(lawful(&fine), Ok(()), "{}", fine.topic);
        }
    }

    #[test]
    fn filters_that_cost_the_connection_are_refused_with_the_rule() {
        let once = Qos::AtLeastOnce;
        let cases = [
            (wish("a", Qos::ExactlyOnce), "no QoS 2"),
            (wish("$SYS/#", once), "no $SYS topics"),
            (wish("$share/g/$SYS/#", once), "no $SYS topics"),
            (wish("$aws/rules/r/a", once), "goes to its rule alone"),
            (wish("$other/#", once), "keeps topics that begin with $"),
            (wish("1/2/3/4/5/6/7/8/#", once), "8 slashes"),
            (wish(&"a".repeat(257), once), "257 bytes"),
        ];
        for (wish, expected) in cases {
            let said = cause(check_filter(&wish));
            assert!(said.contains(expected), "{}: {said}", wish.filter);
        }
        let shared = format!("$share/group/{}", "a".repeat(256));
        for fine in [
            "#",
            "$aws/events/presence/+/+",
            "$share/g/1/2/3/4/5/6/7/8",
            &shared,
        ] {
            assert_eq!(check_filter(&wish(fine, once)), Ok(()), "{fine}");
        }
    }

    #[test]
    fn the_fifty_first_subscription_is_refused_until_one_is_dropped() {
        let mut counted = Counted::default();
        let filter = |n: usize| TopicFilter::parse(&format!("t/{n}")).expect("a filter");
        for n in 0..50 {
            assert_eq!(counted.subscribe(&filter(n)), Ok(()));
        }
        assert_eq!(counted.subscribe(&filter(0)), Ok(()), "it is one of them");
        assert!(cause(counted.subscribe(&filter(50))).contains("50 subscriptions"));
        counted.unsubscribe(&filter(7));
        assert_eq!(counted.subscribe(&filter(50)), Ok(()));
    }

    #[test]
    fn more_than_a_hundred_messages_a_second_are_refused_and_eighty_are_warned_about() {
        let mut counted = Counted::default();
        let at = |millis| Mono(Duration::from_millis(millis));
        for n in 0..79 {
            assert_eq!(counted.publish(at(n)), Ok(()));
        }
        assert_eq!(counted.warning(at(80)), None);
        for n in 79..100 {
            assert_eq!(counted.publish(at(n)), Ok(()));
        }
        assert!(
            cause(counted.publish(at(999)))
                .starts_with("100 messages went out and 0 came in within a second")
        );
        assert!(
            counted
                .warning(at(999))
                .is_some_and(|words| words.starts_with("100 messages"))
        );
        assert_eq!(
            counted.publish(at(1000)),
            Ok(()),
            "the first is a second old"
        );
        assert_eq!(counted.warning(at(1000)), None, "it was said");
    }

    #[test]
    fn what_comes_in_counts_against_the_rate_too() {
        let mut counted = Counted::default();
        let begun = Timestamp::from_seconds(1_772_368_496);
        counted.tick(Moment {
            mono: Mono::default(),
            wall: begun,
        });
        let at = |millis| Mono(Duration::from_millis(millis));
        for n in 0..250 {
            counted.received(begun.plus(Duration::from_millis(n)));
        }
        let said = cause(counted.publish(at(300)));
        assert!(
            said.contains("0 messages went out and 100 came in"),
            "{said}"
        );
        assert_eq!(counted.publish(at(1249)), Ok(()), "the flood is over");
    }

    #[test]
    fn a_will_that_costs_the_connection_is_refused_and_one_that_no_shadow_hears_is_told() {
        let will = |draft| Will { draft, delay: 0 };
        let exactly = Draft {
            qos: Qos::ExactlyOnce,
            ..draft("a")
        };
        let said = check_will(&will(exactly)).expect_err("refused");
        assert!(said.what.contains("because of the will"), "{said}");
        let told = check_will(&will(draft("$aws/things/RPI/shadow/update")));
        assert!(
            told.expect("allowed")
                .is_some_and(|p| p.remedy.contains("republish"))
        );
        assert_eq!(check_will(&will(draft("my/things/RPI/update"))), Ok(None));
    }

    #[test]
    fn client_ids_that_aws_does_not_take_are_refused() {
        for wrong in ["", "$me", &"a".repeat(129)] {
            assert!(check_connect(wrong, None).is_err(), "{wrong}");
        }
        assert_eq!(check_connect("RPI", None), Ok(None));
    }
}
