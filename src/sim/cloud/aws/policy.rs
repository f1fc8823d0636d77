//! Policies as AWS IoT evaluates them (`reference/aws-iot.md` 3.1): `*` and `?` are wildcards, `+` and `#` are not.

use serde_json::Value;

use super::wild;

/// Statements, in JSON's order; a Deny wins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    statements: Vec<Statement>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Statement {
    allows: bool,
    actions: Vec<String>,
    resources: Vec<String>,
    /// What `iot:ConnectAttributes` may hold, where it is asked about.
    attributes: Option<Vec<String>>,
}

/// Who asks, as far as policies can tell.
#[derive(Debug, Clone, Copy, Default)]
pub struct Context<'a> {
    pub client: &'a str,
    /// The thing that the certificate is attached to, if the client id is its name.
    pub thing: Option<&'a str>,
    pub is_attached: bool,
    /// Of a CONNECT: `PersistentConnect`, `LastWill`.
    pub attributes: &'a [&'a str],
}

/// What a policy says to one question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Say {
    Nothing,
    Allow,
    Deny,
}

impl Policy {
    /// Of a document as the console shows it; none where it is not one.
    pub fn parse(text: &str) -> Option<Self> {
        let document: Value = serde_json::from_str(text).ok()?;
        let statements = match document.get("Statement")? {
            Value::Array(all) => all.iter().map(statement).collect::<Option<_>>()?,
            one => vec![statement(one)?],
        };
        Some(Self { statements })
    }

    pub fn says(&self, action: &str, resource: &str, context: &Context<'_>) -> Say {
        let mut said = Say::Nothing;
        for statement in &self.statements {
            if !statement.speaks_of(action, resource, context) {
                continue;
            }
            if !statement.allows {
                return Say::Deny;
            }
            said = Say::Allow;
        }
        said
    }
}

impl Statement {
    fn speaks_of(&self, action: &str, resource: &str, context: &Context<'_>) -> bool {
        let attributes = self.attributes.as_ref();
        self.actions.iter().any(|a| wild(a, action))
            && self
                .resources
                .iter()
                .filter_map(|pattern| fill(pattern, context))
                .any(|pattern| wild(&pattern, resource))
            && attributes.is_none_or(|allowed| {
                let mut wanted = context.attributes.iter();
                wanted.all(|w| allowed.iter().any(|a| a == w))
            })
    }
}

fn statement(value: &Value) -> Option<Statement> {
    let condition = value.get("Condition").and_then(Value::as_object);
    let attributes = condition.and_then(|condition| {
        let mut all = condition.values();
        all.find_map(|test| test.get("iot:ConnectAttributes"))
            .map(texts)
    });
    Some(Statement {
        allows: match value.get("Effect")?.as_str()? {
            "Allow" => true,
            "Deny" => false,
            _ => return None,
        },
        actions: texts(value.get("Action")?),
        resources: texts(value.get("Resource")?),
        attributes,
    })
}

fn texts(value: &Value) -> Vec<String> {
    let one = value.as_str().map(str::to_owned);
    let many = value.as_array().into_iter().flatten();
    let many = many.filter_map(|v| v.as_str().map(str::to_owned));
    one.into_iter().chain(many).collect()
}

/// A pattern with its variables in place; none where one of them stands for nothing.
fn fill(pattern: &str, context: &Context<'_>) -> Option<String> {
    let mut filled = String::new();
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once("${") {
        let (name, after) = after.split_once('}')?;
        let value = match name {
            "iot:ClientId" | "iot:clientId" => context.client,
            "iot:Connection.Thing.ThingName" => context.thing?,
            "iot:Connection.Thing.IsAttached" if context.is_attached => "true",
            "iot:Connection.Thing.IsAttached" => "false",
            "*" => "*",
            "?" => "?",
            _ => return None,
        };
        filled.push_str(before);
        filled.push_str(value);
        rest = after;
    }
    filled.push_str(rest);
    Some(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: &str = r#"{"Version":"2012-10-17","Statement":[
        {"Effect":"Allow","Action":"iot:Connect","Resource":"arn:client/${iot:Connection.Thing.ThingName}",
         "Condition":{"ForAllValues:StringEquals":{"iot:ConnectAttributes":["LastWill"]}}},
        {"Effect":"Allow","Action":["iot:Publish","iot:Receive"],"Resource":"arn:topic/my/*"},
        {"Effect":"Allow","Action":"iot:Subscribe","Resource":"arn:topicfilter/my/#"},
        {"Effect":"Deny","Action":"iot:Publish","Resource":"arn:topic/my/secret?"}]}"#;

    #[test]
    fn each_statement_has_its_say_and_a_deny_wins() {
        let policy = Policy::parse(POLICY).expect("a policy");
        let context = Context::default();
        for (action, resource, expected) in [
            ("iot:Publish", "arn:topic/my/a/b", Say::Allow),
            ("iot:Publish", "arn:topic/my/secret1", Say::Deny),
            ("iot:Publish", "arn:topic/other", Say::Nothing),
            ("iot:Subscribe", "arn:topicfilter/my/#", Say::Allow),
            ("iot:Subscribe", "arn:topicfilter/my/a", Say::Nothing),
        ] {
            assert_eq!(
                policy.says(action, resource, &context),
                expected,
                "{resource}"
            );
        }
    }

    #[test]
    fn a_thing_connects_under_its_own_name_and_without_a_kept_session() {
        let policy = Policy::parse(POLICY).expect("a policy");
        let says = |client, thing, attributes| {
            let context = Context {
                client,
                thing,
                is_attached: true,
                attributes,
            };
            policy.says("iot:Connect", &format!("arn:client/{client}"), &context)
        };
        assert_eq!(says("RPI", Some("RPI"), &["LastWill"][..]), Say::Allow);
        assert_eq!(says("deck", None, &[]), Say::Nothing);
        let kept = ["LastWill", "PersistentConnect"];
        assert_eq!(says("RPI", Some("RPI"), &kept), Say::Nothing);
    }
}
