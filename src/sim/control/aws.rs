//! The simulated AWS account.

use serde_json::Value;

use super::SimControl;
use crate::base::moment::Timestamp;
use crate::sim::broker::Limits;
use crate::sim::cloud::Publication;
use crate::sim::cloud::aws::Aws;
use crate::sim::cloud::aws::directory::{Denial, Standing};
use crate::sim::cloud::aws::policy::Policy;
use crate::sim::cloud::aws::rule::{RuleError, TopicRule};
use crate::sim::cloud::aws::sigv4::AccessKey;

/// A registered certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateInfo {
    /// SHA-256 of its DER, in lower-case hex.
    pub id: String,
    pub standing: Standing,
    pub policies: Vec<String>,
    pub things: Vec<String>,
}

impl SimControl {
    fn aws<T: Default>(&self, work: impl FnOnce(&mut Aws, Timestamp) -> T) -> T {
        let done = self.core(|core| {
            let now = core.clock.now().wall;
            core.cloud_as()
                .map_or_else(T::default, |aws| work(aws, now))
        });
        self.hub.aftermath();
        done
    }

    /// How many things there are in the registry.
    pub fn thing_count(&self) -> usize {
        self.aws(|aws, _| aws.registry.things().len())
    }

    /// A thing's attributes; none where there is no such thing.
    pub fn thing_attributes(&self, thing: &str) -> Option<Vec<(String, String)>> {
        self.aws(|aws, _| Some(aws.registry.thing(thing)?.attributes.clone()))
    }

    /// `{state, metadata, version}` of a shadow, classic or named.
    pub fn shadow(&self, thing: &str, name: Option<&str>) -> Option<Value> {
        self.aws(|aws, _| {
            let document = aws.shadows.document(thing, name)?;
            Some(Value::Object(document.shown(false)))
        })
    }

    /// Requests for shadows are (or are no longer) limited to 20 a second for each thing.
    pub fn throttle_shadows(&self, throttle: bool) {
        self.aws(|aws, _| aws.shadows.unthrottled = !throttle);
    }

    pub fn certificates(&self) -> Vec<CertificateInfo> {
        self.aws(|aws, _| {
            let all = aws.directory.certificates.values();
            all.map(|certificate| CertificateInfo {
                id: certificate.id.clone(),
                standing: certificate.standing,
                policies: certificate.policies.clone(),
                things: certificate.things.clone(),
            })
            .collect()
        })
    }

    /// Certificates that have no standing but `Active` are hung up on at CONNECT. Connections stay.
    pub fn set_standing(&self, certificate: &str, standing: Standing) {
        self.aws(|aws, _| {
            if let Some(certificate) = aws.directory.certificate_mut(certificate) {
                certificate.standing = standing;
            }
        });
    }

    /// Attaches exactly these policies.
    pub fn attach(&self, certificate: &str, policies: &[&str]) {
        self.aws(|aws, _| {
            if let Some(certificate) = aws.directory.certificate_mut(certificate) {
                certificate.policies = policies.iter().map(|name| (*name).to_owned()).collect();
            }
        });
    }

    /// Puts a policy document in place: `deck` is that of the profile `fleet` and of all access keys, `thing` of `rpi`
    /// and whatever is provisioned, `claim` of the claim certificate. False where it is not a policy.
    pub fn set_policy(&self, name: &str, document: &str) -> bool {
        self.aws(|aws, _| match Policy::parse(document) {
            Some(policy) => {
                aws.directory.policies.insert(name.to_owned(), policy);
                true
            }
            None => false,
        })
    }

    /// Refuses an action on a resource (both may hold `*`: `iot:Publish`, `*topic/secret/*`), whatever the policies say.
    pub fn deny(&self, action: &str, resource: &str) {
        self.aws(|aws, _| {
            aws.directory.denials.push(Denial {
                action: action.to_owned(),
                resource: resource.to_owned(),
            });
        });
    }

    pub fn allow_again(&self) {
        self.aws(|aws, _| aws.directory.denials.clear());
    }

    /// Ids of the access keys, the lasting one first.
    pub fn access_keys(&self) -> Vec<String> {
        self.aws(|aws, _| aws.directory.keys.iter().map(|k| k.id.clone()).collect())
    }

    /// One more access key.
    pub fn add_access_key(&self, key: AccessKey) {
        self.aws(|aws, _| aws.directory.keys.push(key));
    }

    /// Temporary keys end now.
    pub fn expire_access_keys(&self) {
        self.aws(|aws, now| {
            let temporary = aws.directory.keys.iter_mut().filter(|k| k.token.is_some());
            temporary.for_each(|key| key.expires = Some(now));
        });
    }

    /// The simulator's wall clock is off by so many seconds: signatures are judged by it.
    pub fn skew_clock(&self, seconds: i64) {
        self.core(|core| core.clock.skew(seconds));
        self.hub.tick();
    }

    /// Fleet provisioning is not answered.
    pub fn hold_provisioning(&self, hold: bool) {
        self.aws(|aws, _| aws.provisioning.silent = hold);
    }

    /// Serial numbers that the pre-provisioning hook turns down; each may hold `*`.
    pub fn deny_serials(&self, template: &str, serials: &[&str]) {
        self.aws(|aws, _| {
            if let Some(template) = aws.provisioning.templates.get_mut(template) {
                template.denied = serials.iter().map(|text| (*text).to_owned()).collect();
            }
        });
    }

    /// Queues a job for a thing.
    pub fn queue_job(&self, thing: &str, job: &str, document: Value) {
        self.aws(|aws, now| aws.queue_job(thing, job, document, now));
    }

    /// (job, status, statusDetails) of a thing's executions, oldest first.
    pub fn jobs(&self, thing: &str) -> Vec<(String, &'static str, Value)> {
        self.aws(|aws, _| {
            let all = aws.jobs.executions(thing).iter();
            all.map(|e| {
                let details = Value::Object(e.details.clone());
                (e.job.clone(), e.status.word(), details)
            })
            .collect()
        })
    }

    /// Puts a rule in place of the one with its name.
    pub fn set_rule(
        &self,
        name: &str,
        sql: &str,
        republish: Option<&str>,
    ) -> Result<(), RuleError> {
        let rule = TopicRule::new(name, sql, republish)?;
        self.aws(|aws, _| {
            aws.rules.retain(|old| old.name != name);
            aws.rules.push(rule);
        });
        Ok(())
    }

    pub fn enable_rule(&self, name: &str, enabled: bool) {
        self.aws(|aws, _| {
            let mut rules = aws.rules.iter_mut();
            if let Some(rule) = rules.find(|rule| rule.name == name) {
                rule.is_enabled = enabled;
            }
        });
    }

    /// SearchIndex answers with this error (`IndexNotReadyException`, `ResourceNotFoundException`), or works again.
    pub fn indexing_off(&self, error: Option<&str>) {
        self.aws(|aws, _| aws.service.indexing_off = error.map(str::to_owned));
    }

    /// MQTT 3.1.1 hears of a denied CONNECT by code 5 and of a denied filter by 0x80, instead of a hang-up.
    pub fn answer_denials_in_3(&self, answer: bool) {
        self.aws(|aws, _| aws.service.answers_denials_in_3 = answer);
    }

    /// Quotas that AWS raises on request.
    pub fn set_aws_limits(&self, change: impl FnOnce(&mut Limits)) {
        self.aws(|aws, _| change(&mut aws.limits));
    }

    /// Publishes as the account does it: services and rules take notice.
    pub fn publish_as_account(&self, topic: &str, payload: impl Into<Vec<u8>>) {
        let publication = Publication::new(topic, payload.into());
        self.aws(|aws, now| aws.say(publication, now));
    }

    /// As DeleteConnection does it.
    pub fn delete_connection(&self, client: &str, forget: bool, with_will: bool) {
        self.aws(|aws, _| aws.evict(client, forget, with_will));
    }
}
