//! The texts of the recipe, each ready to be copied.

use serde_json::{Value, json};

use super::{CONNECTED, DISCONNECTED};

/// What the texts are about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipe {
    /// The profile that is the device.
    pub profile: String,
    pub thing: String,
    /// Where the will goes: an ordinary topic.
    pub topic: String,
    /// `None`: devices are mostly called as their things are.
    pub client_id: Option<String>,
    pub region: Option<String>,
    /// 12 digits.
    pub account: Option<String>,
    /// Seconds.
    pub keep_alive: u16,
}

/// One part of the recipe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    pub title: String,
    /// Where it goes and what it is for.
    pub note: String,
    /// To be copied as it stands.
    pub text: String,
}

/// Behind the profile's client id, the trial's own.
pub const TEST: &str = "-test";
/// A longer one has no room for that.
pub const LONGEST_TESTED: usize = 120;
/// The beginning of the trial's client id where the profile has none.
pub const TEST_CLIENT: &str = "thingdeck-test-";

const RULE: &str = "thing_connection_state";
const ROLE: &str = "thing-connection-state";

impl Recipe {
    pub fn sections(&self) -> Vec<Section> {
        let section = |title: &str, note: String, text: String| Section {
            title: title.to_owned(),
            note,
            text,
        };
        vec![
            section(
                "Profile",
                format!(
                    "In config.toml, [profiles.{}]: the will, and what is said after connecting and before leaving. Your own \
                     program on the device needs the same three messages.",
                    self.profile
                ),
                self.profile_lines(),
            ),
            section(
                "Rule, SQL",
                "AWS IoT > Message routing > Rules > Create rule; SQL version 2016-03-23."
                    .to_owned(),
                self.sql(),
            ),
            section(
                "Rule, action \"Republish to AWS IoT topic\"",
                "QoS 1. With two $: with one, nothing arrives and nobody is told.".to_owned(),
                self.republish_topic(),
            ),
            section(
                "Role of the action, who may use it",
                format!("IAM role {ROLE}, trust policy."),
                pretty(&trust_policy()),
            ),
            section(
                "Role of the action, what it may do",
                format!("IAM role {ROLE}, permissions."),
                pretty(&self.role_policy()),
            ),
            section(
                "Policy of the device's certificate",
                format!(
                    "Added to its statements. No condition on iot:ConnectAttributes may forbid LastWill. {} is for the test on \
                     the last page; take it out afterwards.",
                    self.test_client()
                ),
                pretty(&self.device_policy()),
            ),
            section(
                "The same with the AWS command line",
                "Rule and role in one go; the JSON above in files of these names.".to_owned(),
                self.commands(),
            ),
        ]
    }

    /// The whole of it, for a file.
    pub fn text(&self) -> String {
        let title = format!("Connection state of {} in its shadow", self.thing);
        let mut out = format!("{title}\n{}\n", "=".repeat(title.chars().count()));
        for section in self.sections() {
            let rule = "-".repeat(section.title.chars().count());
            out.push_str(&format!(
                "\n{}\n{rule}\n{}\n\n{}\n",
                section.title, section.note, section.text
            ));
        }
        out.push_str(&format!("\n{}\n", self.delay()));
        out
    }

    /// How long a power loss stays unseen: 1.5 times the keep-alive, of which AWS takes 30 to 1200 s.
    pub fn delay(&self) -> String {
        let keep_alive = match self.keep_alive {
            0 => 1200,
            seconds => seconds.clamp(30, 1200),
        };
        format!(
            "After a power loss the shadow turns {} s later (1.5 times the keep-alive of {keep_alive} s), after a cut socket at once.",
            u32::from(keep_alive) * 3 / 2
        )
    }

    pub fn shadow_topic(&self) -> String {
        format!("$aws/things/{}/shadow/update", self.thing)
    }

    /// What the profile says, and when: key, topic and payload.
    pub fn messages(&self) -> [(&'static str, String, &'static str); 3] {
        [
            ("will", self.topic.clone(), DISCONNECTED),
            ("on_connect", self.shadow_topic(), CONNECTED),
            ("on_disconnect", self.shadow_topic(), DISCONNECTED),
        ]
    }

    fn profile_lines(&self) -> String {
        let lines = self.messages().map(|(key, topic, payload)| {
            // What JSON escapes, TOML reads the same way.
            let topic = Value::from(topic);
            format!("{key} = {{ topic = {topic}, payload = '{payload}', qos = 1 }}")
        });
        lines.join("\n")
    }

    /// The level that is the thing's name, from 1 as `topic(n)` counts.
    fn level(&self) -> Option<usize> {
        let at = self.topic.split('/').position(|level| level == self.thing);
        at.map(|at| at + 1)
    }

    pub fn sql(&self) -> String {
        let filter = match self.level() {
            None => self.topic.clone(),
            Some(at) => {
                let levels = self.topic.split('/').enumerate();
                let levels = levels.map(|(n, level)| if n + 1 == at { "+" } else { level });
                levels.collect::<Vec<_>>().join("/")
            }
        };
        format!("SELECT * FROM '{}'", filter.replace('\'', "''"))
    }

    pub fn republish_topic(&self) -> String {
        match self.level() {
            None => format!("$${}", self.shadow_topic().trim_start_matches('$')),
            Some(at) => format!("$$aws/things/${{topic({at})}}/shadow/update"),
        }
    }

    fn arn(&self, service: &str, region: &str, resource: &str) -> String {
        let account = self.account.as_deref().unwrap_or("ACCOUNT");
        let partition = match &self.region {
            Some(region) if region.starts_with("cn-") => "aws-cn",
            Some(region) if region.starts_with("us-gov-") => "aws-us-gov",
            _ => "aws",
        };
        format!("arn:{partition}:{service}:{region}:{account}:{resource}")
    }

    fn iot(&self, resource: &str) -> String {
        self.arn("iot", self.region.as_deref().unwrap_or("REGION"), resource)
    }

    fn role_arn(&self) -> String {
        self.arn("iam", "", &format!("role/{ROLE}"))
    }

    fn role_policy(&self) -> Value {
        policy(&json!([allow(
            "iot:Publish",
            &[self.iot("topic/$aws/things/*/shadow/update")]
        )]))
    }

    /// What the trial's second connection calls itself, in a policy's words.
    fn test_client(&self) -> String {
        match &self.client_id {
            Some(id) if id.len() <= LONGEST_TESTED => format!("{id}{TEST}"),
            _ => format!("{TEST_CLIENT}*"),
        }
    }

    fn device_policy(&self) -> Value {
        let client = self.client_id.as_ref().unwrap_or(&self.thing);
        let shadow = self.shadow_topic();
        let topics = [
            self.iot(&format!("topic/{}", self.topic)),
            self.iot(&format!("topic/{shadow}")),
        ];
        let answers = ["accepted", "rejected"];
        let heard = answers.map(|word| self.iot(&format!("topic/{shadow}/{word}")));
        let wanted = answers.map(|word| self.iot(&format!("topicfilter/{shadow}/{word}")));
        policy(&json!([
            allow(
                "iot:Connect",
                &[
                    self.iot(&format!("client/{client}")),
                    self.iot(&format!("client/{}", self.test_client())),
                ]
            ),
            allow("iot:Publish", &topics),
            allow("iot:Subscribe", &wanted),
            allow("iot:Receive", &heard),
        ]))
    }

    /// `topicRulePayload` of `aws iot create-topic-rule`.
    fn rule(&self) -> Value {
        json!({
            "sql": self.sql(),
            "awsIotSqlVersion": "2016-03-23",
            "ruleDisabled": false,
            "actions": [{ "republish": {
                "roleArn": self.role_arn(),
                "topic": self.republish_topic(),
                "qos": 1
            }}]
        })
    }

    fn commands(&self) -> String {
        let rule = serde_json::to_string(&self.rule()).unwrap_or_default();
        format!(
            "aws iam create-role --role-name {ROLE} --assume-role-policy-document file://trust.json\n\
             aws iam put-role-policy --role-name {ROLE} --policy-name republish --policy-document file://role.json\n\
             aws iot create-topic-rule --rule-name {RULE} --topic-rule-payload '{}'",
            rule.replace('\'', r"'\''")
        )
    }
}

fn trust_policy() -> Value {
    policy(&json!([{
        "Effect": "Allow",
        "Principal": { "Service": "iot.amazonaws.com" },
        "Action": "sts:AssumeRole"
    }]))
}

fn policy(statements: &Value) -> Value {
    json!({ "Version": "2012-10-17", "Statement": statements })
}

fn allow(action: &str, resources: &[String]) -> Value {
    json!({ "Effect": "Allow", "Action": action, "Resource": resources })
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recipe(topic: &str) -> Recipe {
        Recipe {
            profile: "pi".to_owned(),
            thing: "RPI".to_owned(),
            topic: topic.to_owned(),
            client_id: Some("RPI".to_owned()),
            region: Some("eu-north-1".to_owned()),
            account: None,
            keep_alive: 30,
        }
    }

    #[test]
    fn one_rule_serves_all_things_where_the_topic_names_the_thing() {
        let recipe = recipe("my/things/RPI/update");
        assert_eq!(recipe.sql(), "SELECT * FROM 'my/things/+/update'");
        assert_eq!(
            recipe.republish_topic(),
            "$$aws/things/${topic(3)}/shadow/update"
        );
    }

    #[test]
    fn a_topic_that_does_not_name_the_thing_has_a_rule_of_its_own() {
        let recipe = recipe("last/wills");
        assert_eq!(recipe.sql(), "SELECT * FROM 'last/wills'");
        assert_eq!(recipe.republish_topic(), "$$aws/things/RPI/shadow/update");
    }

    #[test]
    fn every_json_text_is_json_and_every_topic_has_its_dollars() {
        let sections = recipe("my/things/RPI/update").sections();
        for section in sections
            .iter()
            .filter(|section| section.text.starts_with('{'))
        {
            let read: Result<Value, _> = serde_json::from_str(&section.text);
            assert!(read.is_ok(), "{}", section.text);
        }
        let all = recipe("my/things/RPI/update").text();
        assert!(
            all.contains("arn:aws:iot:eu-north-1:ACCOUNT:client/RPI\""),
            "{all}"
        );
        assert!(all.contains("ACCOUNT:client/RPI-test\""), "{all}");
        assert!(all.contains("arn:aws:iam::ACCOUNT:role/"), "{all}");
        assert!(
            all.contains("topic = \"$aws/things/RPI/shadow/update\""),
            "{all}"
        );
        assert!(all.contains("\"Service\": \"iot.amazonaws.com\""), "{all}");
        assert!(all.contains("45 s later"), "{all}");
    }
}
