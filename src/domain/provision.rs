//! Fleet provisioning (AWS): a new thing gets its certificate over MQTT (`reference/aws-iot.md` 5.3).

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value;

use crate::base::problem::{Exit, Problem};
use crate::base::secret::Secret;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProvisionRequest {
    /// Make a certificate and register it, each step told as a fact. What an earlier try left is used where it can be.
    Begin(NewThing),
    /// Key and certificate are in another place by now: what was kept of them for another try is deleted.
    Saved,
}

/// What is to be registered. Checked when it is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewThing {
    template: String,
    parameters: Vec<(String, String)>,
    csr: bool,
}

impl NewThing {
    /// `csr`: the key is made here and never leaves; else the service makes it.
    pub fn new(
        template: &str,
        parameters: Vec<(String, String)>,
        csr: bool,
    ) -> Result<Self, Problem> {
        let wrong = |cause: String, remedy: &str| {
            let what = "nothing was provisioned";
            Err(Problem::new(what, cause, remedy).exit(Exit::Usage))
        };
        if let Err(why) = check_template(template) {
            return wrong(why, "name the provisioning template as AWS lists it");
        }
        for (at, (name, _)) in parameters.iter().enumerate() {
            if name.is_empty() {
                return wrong("a parameter has no name".to_owned(), "write NAME=VALUE");
            }
            if name.starts_with("AWS::IoT::Certificate::") {
                let cause = format!("{name} is filled in by AWS itself");
                return wrong(cause, "leave this parameter out");
            }
            if parameters[..at].iter().any(|(other, _)| other == name) {
                return wrong(format!("the parameter {name} is there twice"), "leave one");
            }
        }
        Ok(Self {
            template: template.to_owned(),
            parameters,
            csr,
        })
    }

    pub fn template(&self) -> &str {
        &self.template
    }

    pub fn parameters(&self) -> &[(String, String)] {
        &self.parameters
    }

    pub const fn is_csr(&self) -> bool {
        self.csr
    }
}

/// 1 to 36 of `[0-9A-Za-z_-]`.
pub fn check_template(name: &str) -> Result<(), String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if (1..=36).contains(&name.len()) && name.chars().all(plain) {
        return Ok(());
    }
    Err(format!(
        "{name:?} is no template's name: it takes 1 to 36 letters, digits, - and _"
    ))
}

/// `NAME=VALUE`, split at the first `=`. The value may be empty; every value is a text.
pub fn read_parameter(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => {
            Ok((name.trim().to_owned(), value.to_owned()))
        }
        _ => Err("it must be written NAME=VALUE".to_owned()),
    }
}

/// What came of it. Kept on disk before the registration was asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Provisioned {
    pub thing: String,
    /// Lower-case hex SHA-256 of the certificate.
    pub certificate_id: String,
    /// PEM.
    pub certificate: String,
    /// PEM.
    pub key: Secret,
    /// `deviceConfiguration` of the template.
    pub configuration: Option<Arc<Value>>,
}

impl Eq for Provisioned {}

/// A thing's name as a profile can have it.
pub fn profile_name(thing: &str) -> String {
    let fitting = |c: char| {
        if c.is_alphanumeric() || matches!(c, '-' | '_') {
            c
        } else {
            '-'
        }
    };
    let name: String = thing.chars().take(60).map(fitting).collect();
    if name.is_empty() {
        "thing".to_owned()
    } else {
        name
    }
}

/// A new thing on its way to be a profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewThingProfile {
    /// The profile that it was provisioned with: its endpoint, roots and proxy are the thing's, too.
    pub claim: String,
    pub thing: Provisioned,
    /// `None`: after the thing, and numbered where that is taken.
    pub name: Option<String>,
    /// An entry of that name may be replaced.
    pub replace: bool,
}

/// Where it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedThing {
    pub profile: String,
    /// Both 0600.
    pub certificate: PathBuf,
    pub key: PathBuf,
    /// What a person should know of it, line by line.
    pub remarks: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cause(parameters: &[(&str, &str)], template: &str) -> String {
        let pairs = parameters
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        match NewThing::new(template, pairs.collect(), false) {
            Ok(_) => String::new(),
            Err(problem) => problem.cause,
        }
    }

    #[test]
    fn what_aws_would_refuse_is_refused_before_it_is_asked() {
        assert_eq!(cause(&[("Serial", "1"), ("Empty", "")], "Fleet_1-a"), "");
        assert!(cause(&[], "").contains("1 to 36"));
        assert!(cause(&[], "a/b").contains("\"a/b\""));
        assert!(cause(&[], &"x".repeat(37)).contains("1 to 36"));
        assert!(cause(&[("A", "1"), ("A", "2")], "T").contains("twice"));
        assert!(cause(&[("", "1")], "T").contains("no name"));
        assert!(cause(&[("AWS::IoT::Certificate::Id", "1")], "T").contains("by AWS itself"));
    }

    #[test]
    fn a_parameter_keeps_what_stands_behind_its_first_equals_sign() {
        assert_eq!(
            read_parameter("Serial=a=b c"),
            Ok(("Serial".to_owned(), "a=b c".to_owned()))
        );
        assert!(read_parameter("Serial").is_err());
        assert!(read_parameter("=1").is_err());
    }

    #[test]
    fn a_thing_names_its_profile_as_far_as_a_profile_can_be_named_so() {
        assert_eq!(profile_name("line:1/lamp_2-x"), "line-1-lamp_2-x");
        assert_eq!(profile_name(""), "thing");
    }
}
