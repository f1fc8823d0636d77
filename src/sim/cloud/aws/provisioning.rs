//! Fleet provisioning (`reference/aws-iot.md` 5.3): keys or a request signed, a token that lives an hour, a template.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::directory::{Directory, Standing};
use super::registry::{Registry, Thing};
use crate::base::moment::Timestamp;
use crate::sim::ca::{Authority, KeyKind};

/// An ownership token's life.
const TOKEN_SECONDS: i64 = 3600;

/// How a device becomes a thing.
#[derive(Debug, Clone)]
pub struct Template {
    pub name: String,
    /// Names of parameters that have to be there.
    pub required: Vec<String>,
    /// The thing's name, `{SerialNumber}` filled in.
    pub thing_name: String,
    pub thing_type: Option<String>,
    /// What the device is told.
    pub configuration: Value,
    /// Attached to the certificate.
    pub policy: String,
    /// Serial numbers that the pre-provisioning hook turns down; may hold `*`.
    pub denied: Vec<String>,
}

/// `{"statusCode","errorCode","errorMessage"}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    pub status: u16,
    pub code: &'static str,
    pub message: String,
}

impl Rejection {
    fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
        }
    }

    pub fn body(&self) -> Value {
        json!({
            "statusCode": self.status,
            "errorCode": self.code,
            "errorMessage": self.message,
        })
    }
}

#[derive(Debug)]
struct Ownership {
    certificate: String,
    ends: Timestamp,
}

#[derive(Debug, Default)]
pub struct Provisioning {
    pub templates: BTreeMap<String, Template>,
    tokens: BTreeMap<String, Ownership>,
    /// Requests are taken and not answered.
    pub silent: bool,
}

impl Provisioning {
    /// A key and a certificate that is not good for anything yet.
    pub fn create_keys(
        &mut self,
        authority: &Authority,
        directory: &mut Directory,
        token: String,
        now: Timestamp,
    ) -> Result<Value, Rejection> {
        let pair = authority
            .issue(KeyKind::Rsa)
            .map_err(|error| Rejection::new(500, "InternalFailure", error.to_string()))?;
        let id = directory.register(&pair.issued, Standing::PendingActivation, &[]);
        let mut body = self.owned(directory, id, token, now);
        body["privateKey"] = json!(pair.key_pem.expose());
        Ok(body)
    }

    pub fn create_from_csr(
        &mut self,
        authority: &Authority,
        directory: &mut Directory,
        request: &Value,
        token: String,
        now: Timestamp,
    ) -> Result<Value, Rejection> {
        let csr = request.get("certificateSigningRequest");
        let csr = csr.and_then(Value::as_str).unwrap_or_default();
        if csr.is_empty() {
            let words = "Certificate signing request cannot be empty.";
            return Err(Rejection::new(
                400,
                "InvalidCertificateSigningRequest",
                words,
            ));
        }
        let issued = authority.sign(csr).map_err(|error| {
            Rejection::new(400, "InvalidCertificateSigningRequest", error.to_string())
        })?;
        let id = directory.register(&issued, Standing::PendingActivation, &[]);
        Ok(self.owned(directory, id, token, now))
    }

    fn owned(
        &mut self,
        directory: &mut Directory,
        id: String,
        token: String,
        now: Timestamp,
    ) -> Value {
        let ends = Timestamp::from_seconds(now.seconds() + TOKEN_SECONDS);
        let mut pem = String::new();
        if let Some(certificate) = directory.certificate_mut(&id) {
            certificate.ends = Some(ends);
            pem.clone_from(&certificate.pem);
        }
        let body = json!({
            "certificateId": id,
            "certificatePem": pem,
            "certificateOwnershipToken": token,
        });
        self.tokens.insert(
            token,
            Ownership {
                certificate: id,
                ends,
            },
        );
        body
    }

    /// The certificate's token for a thing; none where there is no such template, which AWS leaves without an answer.
    pub fn register(
        &mut self,
        template: &str,
        request: &Value,
        directory: &mut Directory,
        registry: &mut Registry,
        now: Timestamp,
    ) -> Option<Result<Value, Rejection>> {
        let template = self.templates.get(template)?.clone();
        Some(self.register_with(&template, request, directory, registry, now))
    }

    fn register_with(
        &mut self,
        template: &Template,
        request: &Value,
        directory: &mut Directory,
        registry: &mut Registry,
        now: Timestamp,
    ) -> Result<Value, Rejection> {
        let invalid = |words: &str| Rejection::new(400, "InvalidCertificateOwnershipToken", words);
        let token = request.get("certificateOwnershipToken");
        let token = token.and_then(Value::as_str).unwrap_or_default();
        if token.is_empty() {
            return Err(invalid("Certificate ownership token cannot be empty."));
        }
        let ownership = self
            .tokens
            .get(token)
            .ok_or_else(|| invalid("Certificate ownership token is not valid."))?;
        if ownership.ends <= now {
            return Err(invalid("Certificate ownership token has expired."));
        }
        let parameters = parameters(request)?;
        if let Some(missing) = template
            .required
            .iter()
            .find(|name| !parameters.contains_key(*name))
        {
            let words = format!("The parameter {missing} is missing.");
            return Err(Rejection::new(400, "InvalidParameters", words));
        }
        let serial = parameters.get("SerialNumber").map_or("", String::as_str);
        if template.denied.iter().any(|d| super::wild(d, serial)) {
            let words = "Pre-provisioning hook declined the request.";
            return Err(Rejection::new(403, "ACCESS_DENIED", words));
        }
        let mut name = template.thing_name.clone();
        for (key, value) in &parameters {
            name = name.replace(&format!("{{{key}}}"), value);
        }
        if !super::topic::is_thing_name(&name) {
            let words = format!("{name:?} is not a valid thing name.");
            return Err(Rejection::new(400, "InvalidParameters", words));
        }
        let id = ownership.certificate.clone();
        let Some(certificate) = directory.certificate_mut(&id) else {
            return Err(invalid("Certificate ownership token is not valid."));
        };
        certificate.standing = Standing::Active;
        certificate.ends = None;
        certificate.policies = vec![template.policy.clone()];
        certificate.things = vec![name.clone()];
        self.tokens.remove(token);
        if registry.thing(&name).is_none() {
            let attributes = parameters
                .into_iter()
                .filter(|(_, value)| is_attribute(value))
                .take(3);
            let mut thing = Thing::new(&name, template.thing_type.as_deref());
            thing.attributes = attributes.collect();
            registry.add(thing);
        }
        Ok(json!({
            "deviceConfiguration": template.configuration,
            "thingName": name,
        }))
    }
}

/// `parameters`; real programs have been seen to write it `Parameters`.
fn parameters(request: &Value) -> Result<BTreeMap<String, String>, Rejection> {
    let nothing = Value::Object(Map::new());
    let given = request
        .get("parameters")
        .or_else(|| request.get("Parameters"));
    let invalid = |words: String| Rejection::new(400, "InvalidParameters", words);
    let given = given.unwrap_or(&nothing).as_object();
    let given = given.ok_or_else(|| invalid("parameters have to be an object.".to_owned()))?;
    let one = |(name, value): (&String, &Value)| match value.as_str() {
        Some(text) => Ok((name.clone(), text.to_owned())),
        None => Err(invalid(format!("The parameter {name} is not a string."))),
    };
    given.iter().map(one).collect()
}

/// What the registry takes as an attribute's value.
fn is_attribute(value: &str) -> bool {
    value.len() <= 800
        && value
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"_.,@/:#=[]-".contains(&b))
}
