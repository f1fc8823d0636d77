//! What a hang-up of AWS IoT most likely is, with the policy statement that would allow it (`reference/aws-iot.md` 3.2).
//!
//! Over MQTT 3.1.1 AWS says nothing when it refuses: it closes. Which packet went out last tells what was refused.

use std::time::Duration;

use serde_json::Value;

use super::Aws;
use super::plan::PRESENCE;
use super::rest::skew;
use super::rules::PAYLOAD;
use crate::base::moment::{Timestamp, words};
use crate::base::problem::Problem;
use crate::domain::message::Draft;
use crate::domain::profile::{AwsAuth, Version};
use crate::domain::topic::TopicFilter;
use crate::platform::After;
use crate::platform::io::HttpReply;

/// A WebSocket that was signed for lives this long at most.
const WEB_SOCKET: Duration = Duration::from_hours(24);
/// And this much less still counts as that.
const NEARLY: Duration = Duration::from_mins(5);

/// Who we are, as far as it is known.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// `certificate 3f…`, `access key AKIA… from …`.
    pub(super) identity: String,
    pub(super) client_id: String,
    /// Twelve digits.
    pub(super) account: Option<String>,
}

impl Aws {
    pub(super) fn likely(&self, after: &After<'_>, said: &Problem) -> Option<Problem> {
        match after {
            After::Connect => self.at_connect(said),
            After::Upgrade { reply, at } => self.at_upgrade(reply, *at, said),
            After::Subscribe(filters) => self.at_subscribe(filters, said),
            After::Publish(draft) => self.at_publish(draft, said),
            After::Standing { lived } => self.while_standing(*lived, said),
        }
    }

    fn at_connect(&self, said: &Problem) -> Option<Problem> {
        if let Some(problem) = untrusted(said) {
            return Some(problem);
        }
        let denied = [
            "after CONNECT",
            "not authorized",
            "code 7",
            "refused the client id",
            "the client certificate",
        ];
        if !denied.iter().any(|word| said.cause.contains(word)) {
            return None;
        }
        let known = self.known();
        let cause = match self.settings.auth {
            AwsAuth::Mtls => format!(
                "{}: that is how AWS refuses a certificate that is not active, has no policy, or is of another account or region, and a client id that its policy does not allow ({})",
                said.cause, known.identity
            ),
            AwsAuth::SigV4 => format!(
                "{}: that is how AWS refuses a client id that the IAM policy does not allow ({})",
                said.cause, known.identity
            ),
            AwsAuth::Custom => format!(
                "{}: that is how AWS refuses what the custom authorizer does not allow, also when its function failed or took over 5 s",
                said.cause
            ),
        };
        let resource = format!("client/{}", known.client_id);
        drop(known);
        let mut remedy = format!("allow {}", self.statement("iot:Connect", &[resource]));
        if let Some(will) = &self.common.will {
            let resource = format!("topic/{}", will.draft.topic);
            let resource = [resource];
            remedy.push_str(&format!(
                ", for the will {}",
                self.statement("iot:Publish", &resource)
            ));
            if will.draft.retain {
                let statement = self.statement("iot:RetainPublish", &resource);
                remedy.push_str(&format!(", and as it is retained {statement}"));
            }
        }
        if self.common.clean_session == Some(false) {
            remedy
                .push_str(", and let no iot:ConnectAttributes condition forbid PersistentConnect");
        }
        remedy.push_str(&self.five());
        Some(Problem::new(said.what.clone(), cause, remedy))
    }

    /// 403 instead of 101: the service says why, in its own words (`reference/aws-iot.md` 2.2).
    fn at_upgrade(&self, reply: &HttpReply, at: Timestamp, said: &Problem) -> Option<Problem> {
        let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
        let message = body.get("message").and_then(Value::as_str);
        let message = message.unwrap_or_default();
        if reply.status != 401 && reply.status != 403 {
            return None;
        }
        let kind = reply.header("x-amzn-errortype").unwrap_or_default();
        let kind = kind.split(':').next().unwrap_or_default();
        let words = match (kind, message) {
            ("", "") => "it did not say why".to_owned(),
            ("", message) => message.to_owned(),
            (kind, "") => kind.to_owned(),
            (kind, message) => format!("{kind}: {message}"),
        };
        let known = self.known();
        let region = self.settings.region().unwrap_or_default();
        let cause = format!(
            "AWS answered {} {words} (signed with the {}, for region {region})",
            reply.status, known.identity
        );
        drop(known);
        let clock = reply.header("date").and_then(|date| skew(date, at));
        let remedy = match clock {
            Some(clock) => format!("set the clock: {clock}"),
            None => advice(message).to_owned(),
        };
        Some(Problem::new(said.what.clone(), cause, remedy))
    }

    fn at_subscribe(&self, filters: &[TopicFilter], said: &Problem) -> Option<Problem> {
        if !is_denial(said) {
            return None;
        }
        let names: Vec<_> = filters.iter().map(TopicFilter::as_str).collect();
        let which = match names.as_slice() {
            [one] => format!("the policy does not allow iot:Subscribe on topicfilter/{one}"),
            many => format!(
                "the policy does not allow iot:Subscribe on one of {}",
                many.join(", ")
            ),
        };
        let cause = format!("{}: most likely {which}", said.cause);
        let subscribe: Vec<_> = names.iter().flat_map(|name| topic_filters(name)).collect();
        let receive: Vec<_> = names
            .iter()
            .map(|name| format!("topic/{}", wildcard(name)))
            .collect();
        let own = if names == [PRESENCE] && self.settings.presence.is_none() {
            "; or write presence = false in the profile"
        } else {
            ""
        };
        let remedy = format!(
            "allow {}, {}{own}{}",
            self.statement("iot:Subscribe", &subscribe),
            self.statement("iot:Receive", &receive),
            self.five()
        );
        Some(Problem::new(said.what.clone(), cause, remedy))
    }

    fn at_publish(&self, draft: &Draft, said: &Problem) -> Option<Problem> {
        if !is_denial(said) {
            return None;
        }
        let topic = &draft.topic;
        let more = if draft.retain {
            " or iot:RetainPublish"
        } else {
            ""
        };
        let which = format!("the policy does not allow iot:Publish{more} on topic/{topic}");
        let cause = if said.cause.contains("refused it") {
            format!("{}: {which}", said.cause)
        } else {
            let closed = &said.cause;
            format!("{closed}, right after a message to {topic}: most likely {which}")
        };
        let resource = [format!("topic/{topic}")];
        let mut remedy = format!("allow {}", self.statement("iot:Publish", &resource));
        if draft.retain {
            remedy.push_str(&format!(
                ", {}",
                self.statement("iot:RetainPublish", &resource)
            ));
        }
        remedy.push_str(&self.five());
        if draft.payload.len() > PAYLOAD {
            remedy = format!("send at most {PAYLOAD} bytes");
        }
        Some(Problem::new(said.what.clone(), cause, remedy))
    }

    fn while_standing(&self, lived: Duration, said: &Problem) -> Option<Problem> {
        let is_old = self.settings.auth == AwsAuth::SigV4 && lived + NEARLY >= WEB_SOCKET;
        is_old.then(|| {
            let cause = format!(
                "{}: AWS ends a signed WebSocket after 24 h (this one stood for {})",
                said.cause,
                words(lived)
            );
            Problem::new(said.what.clone(), cause, "")
        })
    }

    /// A statement for a policy, in one line, ready to copy.
    pub(super) fn statement(&self, action: &str, resources: &[String]) -> String {
        let arn = |resource: &String| Value::String(self.arn(resource));
        let resource = match resources {
            [one] => arn(one),
            many => Value::Array(many.iter().map(arn).collect()),
        };
        format!(r#"{{"Effect":"Allow","Action":"{action}","Resource":{resource}}}"#)
    }

    /// Wildcards stand for a region or an account that nobody told us.
    fn arn(&self, resource: &str) -> String {
        let region = self.settings.region();
        let region = region.as_deref().unwrap_or("*");
        let partition = match region {
            _ if region.starts_with("cn-") => "aws-cn",
            _ if region.starts_with("us-gov-") => "aws-us-gov",
            _ => "aws",
        };
        let known = self.known();
        let account = known.account.as_deref().unwrap_or("*");
        format!("arn:{partition}:iot:{region}:{account}:{resource}")
    }

    /// What is to be said of every statement: what its `*` is, and how AWS would give its reasons.
    fn five(&self) -> String {
        let mut out = String::new();
        if self.known().account.is_none() {
            out.push_str(
                "; the lone * is the account, which is not known here: put its 12 digits there",
            );
        }
        if self.settings.version == Version::V311 {
            out.push_str("; with version = \"5\" in the profile AWS gives its reasons");
        }
        out
    }
}

/// A close without a word, or a code that says no to who we are; other codes speak for themselves.
fn is_denial(said: &Problem) -> bool {
    let words = [
        "hangs up",
        "closed",
        "reset",
        "gone",
        "code 128",
        "code 135",
        "not authorized",
    ];
    words.iter().any(|word| said.cause.contains(word))
}

/// The server's chain, as a proxy that looks into TLS would replace it, or as the old endpoint shows it.
fn untrusted(said: &Problem) -> Option<Problem> {
    let is_ours = said.cause.contains("trust") || said.cause.contains("issue");
    if !is_ours || said.cause.contains("client certificate") {
        return None;
    }
    let remedy = format!(
        "{}{}the endpoint needs -ats in its name; an issuer other than Amazon or Starfield is a proxy that looks into TLS: a client certificate does not pass it, so ask for an exception, or name its CA in ca_file and use auth = \"sigv4\"",
        said.remedy,
        if said.remedy.is_empty() { "" } else { "; " },
    );
    Some(Problem::new(said.what.clone(), said.cause.clone(), remedy))
}

/// What to do about a refusal in the service's own words.
fn advice(message: &str) -> &'static str {
    if message.contains("signature we calculated") {
        "is the secret key the one of this key id, is the endpoint of this region, and does a proxy change the host or the address?"
    } else if message.contains("Signature expired") {
        "set this machine's clock: it is behind"
    } else if message.contains("Signature not yet current") {
        "set this machine's clock: it is ahead"
    } else if message.contains("is expired") {
        "sign in again (`aws sso login`), or get new keys: these have ended"
    } else if message.contains("security token") {
        "is the key id right, and does the session token belong to it?"
    } else if message.contains("scoped") {
        "set `region` in the profile to the region of the endpoint"
    } else {
        "does this identity's IAM policy allow iot:Connect? A Cognito identity needs an IoT policy too"
    }
}

/// The resources of a SUBSCRIBE. Whether AWS holds a shared one against its whole name or against the filter in it is not
/// documented: both are named.
fn topic_filters(name: &str) -> Vec<String> {
    let shared = name.strip_prefix("$share/");
    let inner = shared.and_then(|rest| rest.split_once('/'));
    let inner = inner.map(|(_, inner)| format!("topicfilter/{inner}"));
    std::iter::once(format!("topicfilter/{name}"))
        .chain(inner)
        .collect()
}

/// A filter as policies write wildcards: `a/+/#` is `a/*/*`.
fn wildcard(filter: &str) -> String {
    let inner = filter
        .strip_prefix("$share/")
        .and_then(|rest| rest.split_once('/'));
    let filter = inner.map_or(filter, |(_, inner)| inner);
    let levels: Vec<_> = filter
        .split('/')
        .map(|level| {
            if matches!(level, "+" | "#") {
                "*"
            } else {
                level
            }
        })
        .collect();
    levels.join("/")
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::domain::message::{Qos, Will};
    use crate::domain::profile::{AwsSettings, Common};
    use crate::domain::topic::Topic;

    fn aws(auth: AwsAuth) -> Aws {
        let endpoint = "abc-ats.iot.eu-west-1.amazonaws.com".to_owned();
        let settings = AwsSettings {
            auth,
            ..AwsSettings::new(endpoint)
        };
        let aws = Aws::new(settings, Common::default());
        aws.known().client_id = "deck".to_owned();
        aws.known().identity = "certificate 3f2a".to_owned();
        aws
    }

    fn said(cause: &str) -> Problem {
        Problem::new("could not connect to x:8883", cause, "")
    }

    #[test]
    fn a_close_after_connect_names_the_certificate_and_the_statement() {
        let said = said("the broker closed the connection right after CONNECT");
        let problem = aws(AwsAuth::Mtls)
            .likely(&After::Connect, &said)
            .expect("explained");
        assert!(problem.cause.contains("not active") && problem.cause.contains("certificate 3f2a"));
        let statement = r#"{"Effect":"Allow","Action":"iot:Connect","Resource":"arn:aws:iot:eu-west-1:*:client/deck"}"#;
        assert!(problem.remedy.contains(statement), "{problem}");
        assert!(problem.remedy.contains("version = \"5\""), "{problem}");
    }

    #[test]
    fn a_retained_will_takes_a_right_of_its_own() {
        let topic = Topic::parse("my/RPI").expect("a topic");
        let draft = Draft {
            retain: true,
            ..Draft::new(topic, Bytes::new(), Qos::AtLeastOnce)
        };
        let mut aws = aws(AwsAuth::Mtls);
        aws.common.will = Some(Will { draft, delay: 0 });
        let said = said("the broker closed the connection right after CONNECT");
        let remedy = aws
            .likely(&After::Connect, &said)
            .expect("explained")
            .remedy;
        for part in ["iot:Connect", "iot:Publish", "iot:RetainPublish"] {
            assert!(remedy.contains(part), "{remedy}");
        }
    }

    #[test]
    fn a_close_after_subscribe_names_both_resources_that_a_filter_needs() {
        let aws = aws(AwsAuth::Mtls);
        aws.known().account = Some("123456789012".to_owned());
        let filter = [TopicFilter::parse("plant/+/#").expect("a filter")];
        let problem = aws.likely(
            &After::Subscribe(&filter),
            &said("the broker closed the connection"),
        );
        let remedy = problem.expect("explained").remedy;
        for resource in ["topicfilter/plant/+/#", "topic/plant/*/*"] {
            let arn = format!("arn:aws:iot:eu-west-1:123456789012:{resource}");
            assert!(remedy.contains(&arn), "{remedy}");
        }
    }

    #[test]
    fn a_close_after_publish_names_the_topic_and_the_right_to_retain() {
        let draft = Draft {
            retain: true,
            ..Draft::new(
                Topic::parse("a/b").expect("a topic"),
                Bytes::new(),
                Qos::AtMostOnce,
            )
        };
        let problem = aws(AwsAuth::SigV4).likely(&After::Publish(&draft), &said("closed"));
        let problem = problem.expect("explained");
        for part in ["iot:Publish", "iot:RetainPublish", "topic/a/b"] {
            assert!(problem.to_string().contains(part), "{problem}");
        }
    }

    #[test]
    fn a_code_that_speaks_for_itself_is_left_as_it_is() {
        let topic = Topic::parse("a/b").expect("a topic");
        let draft = Draft::new(topic, Bytes::new(), Qos::AtLeastOnce);
        let of = |cause| aws(AwsAuth::Mtls).likely(&After::Publish(&draft), &said(cause));
        assert_eq!(of("the broker refused it: quota exceeded (code 151)"), None);
        let denied = of("the broker refused it: not authorized (code 135)");
        let cause = denied.expect("explained").cause;
        assert!(
            cause.ends_with("(code 135): the policy does not allow iot:Publish on topic/a/b"),
            "{cause}"
        );
    }

    #[test]
    fn a_refused_signature_is_told_in_the_service_s_words_and_with_both_clocks() {
        let body = br#"{"message":"Signature expired: 20260301T120000Z is now earlier than 20260301T121956Z","traceId":"x"}"#;
        let reply = HttpReply {
            status: 403,
            retry_after: None,
            headers: vec![
                (
                    "x-amzn-errortype".to_owned(),
                    "ForbiddenException:".to_owned(),
                ),
                (
                    "date".to_owned(),
                    "Sun, 01 Mar 2026 12:34:56 GMT".to_owned(),
                ),
            ],
            body: Bytes::from_static(body),
        };
        let at = Timestamp::from_seconds(1_772_368_496 - 1800);
        let after = After::Upgrade { reply: &reply, at };
        let problem = aws(AwsAuth::SigV4)
            .likely(&after, &said("403"))
            .expect("explained");
        assert!(problem.cause.contains("Signature expired"), "{problem}");
        assert!(problem.remedy.contains("30 min behind"), "{problem}");
    }

    #[test]
    fn the_end_after_a_day_is_known_for_what_it_is() {
        let after = |hours| After::Standing {
            lived: Duration::from_hours(hours),
        };
        let of = |auth, hours| aws(auth).likely(&after(hours), &said("closed"));
        assert!(of(AwsAuth::SigV4, 24).is_some_and(|p| p.cause.contains("24 h")));
        assert_eq!(of(AwsAuth::SigV4, 3), None);
        assert_eq!(of(AwsAuth::Mtls, 24), None);
    }

    #[test]
    fn a_shared_filter_is_allowed_by_both_its_names() {
        let aws = aws(AwsAuth::Mtls);
        let filter = [TopicFilter::parse("$share/g/plant/+").expect("a filter")];
        let problem = aws.likely(&After::Subscribe(&filter), &said("closed"));
        let remedy = problem.expect("explained").remedy;
        for resource in [
            "topicfilter/$share/g/plant/+\"",
            "topicfilter/plant/+\"",
            "topic/plant/*\"",
        ] {
            assert!(
                remedy.contains(&format!("arn:aws:iot:eu-west-1:*:{resource}")),
                "{remedy}"
            );
        }
        assert!(remedy.contains("put its 12 digits there"), "{remedy}");
    }

    #[test]
    fn filters_become_resources_with_the_wildcards_of_policies() {
        assert_eq!(wildcard("$share/g/a/+/b/#"), "a/*/b/*");
        assert_eq!(wildcard("$aws/things/T/shadow/#"), "$aws/things/T/shadow/*");
    }
}
