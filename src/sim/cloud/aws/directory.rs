//! Who is known to the account: certificates, access keys, policies, an authorizer.

use std::collections::{BTreeMap, HashMap};

use super::policy::{Context, Policy, Say};
use super::sigv4::{AccessKey, sha256};
use super::wild;
use crate::base::moment::Timestamp;
use crate::base::secret::Secret;
use crate::sim::broker::Identity;
use crate::sim::ca::Issued;

/// A certificate's standing; only `Active` ones connect (`reference/aws-iot.md` 2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    Active,
    Inactive,
    Revoked,
    PendingActivation,
}

#[derive(Debug, Clone)]
pub struct Certificate {
    /// SHA-256 of its DER, in lower-case hex.
    pub id: String,
    pub pem: String,
    pub standing: Standing,
    /// Names.
    pub policies: Vec<String>,
    pub things: Vec<String>,
    /// A pending one goes when its ownership token does.
    pub ends: Option<Timestamp>,
}

/// A custom authorizer without signing: its Lambda knows one token.
#[derive(Debug, Clone)]
pub struct Authorizer {
    pub name: String,
    /// Under which name the token comes.
    pub token_key: String,
    pub token: Secret,
    pub policy: String,
}

/// Whom an identity has turned out to be.
#[derive(Debug, Clone, Copy)]
pub enum Principal<'a> {
    Certificate(&'a Certificate),
    Key(&'a AccessKey),
    Authorized(&'a Authorizer),
}

impl Principal<'_> {
    /// As life-cycle events name it.
    pub fn identifier(&self) -> String {
        match self {
            Self::Certificate(certificate) => certificate.id.clone(),
            Self::Key(key) => key.id.clone(),
            Self::Authorized(_) => "deckAuthorizer".to_owned(),
        }
    }
}

/// An action on a resource that is refused, whatever the policies say. Both may hold `*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    pub action: String,
    pub resource: String,
}

#[derive(Debug, Default)]
pub struct Directory {
    pub certificates: BTreeMap<String, Certificate>,
    by_der: HashMap<Vec<u8>, String>,
    pub policies: BTreeMap<String, Policy>,
    pub keys: Vec<AccessKey>,
    /// Of the access keys.
    pub key_policy: String,
    pub authorizer: Option<Authorizer>,
    pub denials: Vec<Denial>,
}

impl Directory {
    /// Registers a certificate; its id.
    pub fn register(&mut self, issued: &Issued, standing: Standing, policies: &[&str]) -> String {
        let id = sha256(&issued.der);
        self.by_der.insert(issued.der.clone(), id.clone());
        let certificate = Certificate {
            id: id.clone(),
            pem: issued.pem.clone(),
            standing,
            policies: policies.iter().map(|name| (*name).to_owned()).collect(),
            things: Vec::new(),
            ends: None,
        };
        self.certificates.insert(id.clone(), certificate);
        id
    }

    pub fn certificate_mut(&mut self, id: &str) -> Option<&mut Certificate> {
        self.certificates.get_mut(id)
    }

    /// Deletes pending certificates whose time is over.
    pub fn expire(&mut self, now: Timestamp) {
        let over = |c: &Certificate| {
            c.standing == Standing::PendingActivation && c.ends.is_some_and(|end| end <= now)
        };
        self.certificates
            .retain(|_, certificate| !over(certificate));
        let left = &self.certificates;
        self.by_der.retain(|_, id| left.contains_key(id));
    }

    /// Whom a connection is from; none where it is nobody that may do anything at all.
    pub fn principal(&self, identity: &Identity, username: Option<&str>) -> Option<Principal<'_>> {
        if let Some(der) = &identity.certificate {
            let certificate = self.certificates.get(self.by_der.get(der)?)?;
            let usable =
                certificate.standing == Standing::Active && !certificate.policies.is_empty();
            return usable.then_some(Principal::Certificate(certificate));
        }
        if let Some(name) = &identity.name {
            if let Some(authorizer) = name.strip_prefix("authorizer:") {
                let known = self.authorizer.as_ref();
                return known
                    .filter(|known| known.name == authorizer)
                    .map(Principal::Authorized);
            }
            return self
                .keys
                .iter()
                .find(|key| key.id == *name)
                .map(Principal::Key);
        }
        let (_, query) = username?.split_once('?')?;
        self.authorized(query).map(Principal::Authorized)
    }

    /// The authorizer that lets a query such as `x-amz-customauthorizer-name=deck&token=…` in.
    pub fn authorized(&self, query: &str) -> Option<&Authorizer> {
        let field = |wanted: &str| {
            let mut fields = query.split('&').filter_map(|pair| pair.split_once('='));
            let found = fields.find(|(name, _)| name.eq_ignore_ascii_case(wanted));
            found.map(|(_, value)| super::sigv4::decode(value))
        };
        let authorizer = self.authorizer.as_ref()?;
        let name = field("x-amz-customauthorizer-name").unwrap_or_default();
        let token = field(&authorizer.token_key)?;
        (name == authorizer.name && token == authorizer.token.expose()).then_some(authorizer)
    }

    pub fn allows(
        &self,
        principal: Principal<'_>,
        action: &str,
        resource: &str,
        client: &str,
        attributes: &[&str],
    ) -> bool {
        let denied = |d: &Denial| wild(&d.action, action) && wild(&d.resource, resource);
        if self.denials.iter().any(denied) {
            return false;
        }
        let mut context = Context {
            client,
            attributes,
            ..Context::default()
        };
        let names: Vec<&str> = match principal {
            Principal::Certificate(certificate) => {
                context.is_attached = !certificate.things.is_empty();
                let mut things = certificate.things.iter();
                context.thing = things.find(|t| *t == client).map(String::as_str);
                certificate.policies.iter().map(String::as_str).collect()
            }
            Principal::Key(_) => vec![&self.key_policy],
            Principal::Authorized(authorizer) => vec![&authorizer.policy],
        };
        let mut allowed = false;
        for name in names {
            let policy = self.policies.get(name);
            match policy.map_or(Say::Nothing, |p| p.says(action, resource, &context)) {
                Say::Deny => return false,
                Say::Allow => allowed = true,
                Say::Nothing => {}
            }
        }
        allowed
    }
}
