//! Topics that a platform keeps for itself, as templates: what completion offers, and what a person should know of filters.
//!
//! A level in braces is to be filled in: `{thing}` with a device, any other by hand.

/// Known beforehand, so that nobody has to remember them (failure-modes.md F37).
#[derive(Debug, PartialEq, Eq)]
pub struct Reserved {
    pub publish: &'static [&'static str],
    pub filters: &'static [&'static str],
    /// What `#` leaves out.
    pub everything: &'static str,
    /// What is special about `a/#`.
    pub below: &'static str,
    /// What is special about wildcards.
    pub wildcards: &'static str,
}

pub const AWS: Reserved = Reserved {
    publish: &[
        "$aws/things/{thing}/shadow/get",
        "$aws/things/{thing}/shadow/update",
        "$aws/things/{thing}/shadow/delete",
        "$aws/things/{thing}/shadow/name/{shadow}/get",
        "$aws/things/{thing}/shadow/name/{shadow}/update",
        "$aws/things/{thing}/shadow/name/{shadow}/delete",
        "$aws/things/{thing}/jobs/get",
        "$aws/things/{thing}/jobs/start-next",
        "$aws/things/{thing}/jobs/$next/get",
        "$aws/things/{thing}/jobs/{job}/get",
        "$aws/things/{thing}/jobs/{job}/update",
        "$aws/certificates/create/json",
        "$aws/certificates/create-from-csr/json",
        "$aws/provisioning-templates/{template}/provision/json",
        "$aws/rules/{rule}/{topic}",
        "$aws/things/{thing}/defender/metrics/json",
        "$aws/things/{thing}/streams/{stream}/get/json",
        "$aws/things/{thing}/streams/{stream}/describe/json",
    ],
    filters: &[
        "$aws/things/{thing}/shadow/#",
        "$aws/things/{thing}/shadow/get/accepted",
        "$aws/things/{thing}/shadow/get/rejected",
        "$aws/things/{thing}/shadow/update/accepted",
        "$aws/things/{thing}/shadow/update/rejected",
        "$aws/things/{thing}/shadow/update/delta",
        "$aws/things/{thing}/shadow/update/documents",
        "$aws/things/{thing}/shadow/delete/accepted",
        "$aws/things/{thing}/shadow/delete/rejected",
        "$aws/things/{thing}/shadow/name/{shadow}/get/accepted",
        "$aws/things/{thing}/shadow/name/{shadow}/get/rejected",
        "$aws/things/{thing}/shadow/name/{shadow}/update/accepted",
        "$aws/things/{thing}/shadow/name/{shadow}/update/rejected",
        "$aws/things/{thing}/shadow/name/{shadow}/update/delta",
        "$aws/things/{thing}/shadow/name/{shadow}/update/documents",
        "$aws/things/{thing}/shadow/name/{shadow}/delete/accepted",
        "$aws/things/{thing}/shadow/name/{shadow}/delete/rejected",
        "$aws/things/{thing}/jobs/notify",
        "$aws/things/{thing}/jobs/notify-next",
        "$aws/things/{thing}/jobs/get/accepted",
        "$aws/things/{thing}/jobs/get/rejected",
        "$aws/things/{thing}/jobs/start-next/accepted",
        "$aws/things/{thing}/jobs/start-next/rejected",
        "$aws/things/{thing}/jobs/{job}/get/accepted",
        "$aws/things/{thing}/jobs/{job}/get/rejected",
        "$aws/things/{thing}/jobs/{job}/update/accepted",
        "$aws/things/{thing}/jobs/{job}/update/rejected",
        "$aws/things/{thing}/tunnels/notify",
        "$aws/things/{thing}/defender/metrics/json/accepted",
        "$aws/things/{thing}/defender/metrics/json/rejected",
        "$aws/things/{thing}/streams/{stream}/data/json",
        "$aws/things/{thing}/streams/{stream}/description/json",
        "$aws/things/{thing}/streams/{stream}/rejected/json",
        "$aws/certificates/create/json/accepted",
        "$aws/certificates/create/json/rejected",
        "$aws/certificates/create-from-csr/json/accepted",
        "$aws/certificates/create-from-csr/json/rejected",
        "$aws/provisioning-templates/{template}/provision/json/accepted",
        "$aws/provisioning-templates/{template}/provision/json/rejected",
        "$aws/events/presence/+/+",
        "$aws/events/presence/connected/{thing}",
        "$aws/events/presence/disconnected/{thing}",
        "$aws/events/presence/connect_failed/{thing}",
        "$aws/events/subscriptions/+/+",
        "$aws/events/subscriptions/subscribed/{thing}",
        "$aws/events/subscriptions/unsubscribed/{thing}",
        "$aws/events/thing/{thing}/created",
        "$aws/events/thing/{thing}/updated",
        "$aws/events/thing/{thing}/deleted",
        "$aws/events/job/{job}/completed",
        "$aws/events/job/{job}/canceled",
        "$aws/events/jobExecution/{job}/succeeded",
        "$aws/events/jobExecution/{job}/failed",
        "$share/{group}/{topic}",
    ],
    everything: "everything, but nothing that begins with $: $aws/… needs a filter of its own, such as $aws/things/+/shadow/+/+",
    below: "on AWS it matches what is below, not the topic itself",
    wildcards: "AWS sends retained messages to filters without wildcards only",
};

/// `reference/huawei-iot.md` 4, 5.
pub const HUAWEI: Reserved = Reserved {
    publish: &[
        "$oc/devices/{thing}/sys/properties/report",
        "$oc/devices/{thing}/sys/gateway/sub_devices/properties/report",
        "$oc/devices/{thing}/sys/messages/up",
        "$oc/devices/{thing}/sys/events/up",
        "$oc/devices/{thing}/sys/commands/response/{request}",
        "$oc/devices/{thing}/sys/properties/set/response/{request}",
        "$oc/devices/{thing}/sys/properties/get/response/{request}",
        "$oc/devices/{thing}/sys/shadow/get/{request}",
        "$oc/devices/{thing}/user/{topic}",
        "/huawei/v1/devices/{thing}/data/json",
        "/huawei/v1/devices/{thing}/data/binary",
    ],
    filters: &[
        "$oc/devices/{thing}/sys/#",
        "$oc/devices/{thing}/sys/commands/#",
        "$oc/devices/{thing}/sys/properties/set/#",
        "$oc/devices/{thing}/sys/properties/get/#",
        "$oc/devices/{thing}/sys/shadow/get/response/#",
        "$oc/devices/{thing}/sys/messages/down",
        "$oc/devices/{thing}/sys/events/down",
        "$oc/devices/{thing}/user/{topic}",
        "/huawei/v1/devices/{thing}/command/json",
        "/huawei/v1/devices/{thing}/command/binary",
    ],
    everything: "everything, but nothing that begins with $: what the platform says to this device it sends unasked",
    below: "",
    wildcards: "",
};

/// Templates that go on from what was typed, filled in as far as that is possible: whole topics, or such as end with `/`
/// where a person goes on. `things` are asked for with the beginning of their name.
pub fn complete(
    templates: &[&str],
    typed: &str,
    things: impl Fn(&str) -> Vec<String>,
    most: usize,
) -> Vec<String> {
    let typed: Vec<_> = typed.split('/').collect();
    let mut out: Vec<String> = Vec::new();
    for template in templates {
        for filled in fill(template, &typed, &things) {
            if out.len() < most && !out.contains(&filled) {
                out.push(filled);
            }
        }
    }
    out
}

fn fill(template: &str, typed: &[&str], things: &impl Fn(&str) -> Vec<String>) -> Vec<String> {
    let levels: Vec<_> = template.split('/').collect();
    if typed.len() > levels.len() {
        return Vec::new();
    }
    let mut paths = vec![Vec::<String>::new()];
    for (index, level) in levels.iter().enumerate() {
        let written = typed.get(index).copied();
        let is_open = index + 1 >= typed.len();
        let next: Vec<String> = match (placeholder(level), written) {
            (None, Some(text)) if is_open && level.starts_with(text) => vec![(*level).to_owned()],
            (None, Some(text)) if text == *level => vec![(*level).to_owned()],
            (None, Some(_)) => return Vec::new(),
            (None, None) => vec![(*level).to_owned()],
            (Some("thing"), text) if is_open => things(text.unwrap_or_default()),
            (Some(_), Some(text)) if !text.is_empty() => vec![text.to_owned()],
            (Some(_), _) => {
                // The rest is the person's.
                return paths
                    .iter()
                    .map(|path| format!("{}/", path.join("/")))
                    .collect();
            }
        };
        let longer = |path: &Vec<String>| {
            let with = |level: &String| path.iter().cloned().chain([level.clone()]).collect();
            next.iter().map(with).collect::<Vec<Vec<String>>>()
        };
        paths = paths.iter().flat_map(longer).collect();
    }
    paths.iter().map(|path| path.join("/")).collect()
}

fn placeholder(level: &str) -> Option<&str> {
    level.strip_prefix('{')?.strip_suffix('}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offered(templates: &[&str], typed: &str) -> Vec<String> {
        let known = ["RPI", "RPI2", "lamp"];
        let things = |begins: &str| {
            let fits = known.iter().filter(|name| name.starts_with(begins));
            fits.map(|name| (*name).to_owned()).collect()
        };
        complete(templates, typed, things, 100)
    }

    #[test]
    fn a_thing_is_filled_in_and_its_topics_follow() {
        let found = offered(AWS.publish, "$aws/things/RP");
        assert!(
            found.contains(&"$aws/things/RPI/shadow/update".to_owned()),
            "{found:?}"
        );
        assert!(
            found.contains(&"$aws/things/RPI2/jobs/start-next".to_owned()),
            "{found:?}"
        );
        assert!(
            !found.iter().any(|topic| topic.contains("lamp")),
            "{found:?}"
        );
        let found = offered(AWS.publish, "$aws/things/unknown/shadow/u");
        assert_eq!(found, ["$aws/things/unknown/shadow/update"]);
    }

    #[test]
    fn where_only_a_person_knows_on_the_completion_stops() {
        assert_eq!(offered(AWS.publish, "$aws/ru"), ["$aws/rules/"]);
        assert_eq!(
            offered(AWS.publish, "$aws/provisioning-templates/line/"),
            ["$aws/provisioning-templates/line/provision/json"]
        );
        assert_eq!(offered(AWS.filters, "$sh"), ["$share/"]);
        assert!(offered(AWS.publish, "plant/").is_empty());
    }

    #[test]
    fn huaweis_topics_are_offered_in_both_forms() {
        assert_eq!(
            offered(HUAWEI.publish, "$oc/devices/lamp/sys/m"),
            ["$oc/devices/lamp/sys/messages/up"]
        );
        assert_eq!(
            offered(HUAWEI.publish, "/huawei/v1/devices/l"),
            [
                "/huawei/v1/devices/lamp/data/json",
                "/huawei/v1/devices/lamp/data/binary"
            ]
        );
    }

    #[test]
    fn every_reserved_topic_is_one() {
        for topic in AWS.publish.iter().chain(AWS.filters) {
            assert!(
                topic.starts_with("$aws/") || topic.starts_with("$share/"),
                "{topic}"
            );
            assert!(topic.matches('/').count() <= 8, "{topic}");
        }
    }
}
