//! LG ThinQ Connect as `reference/lg-thinq.md` describes it: REST, and the rules of its MQTT side.
//!
//! Nothing here knows sockets or tasks. Where section 15 of the reference says "not verified", a comment says what was
//! chosen and why.

pub mod account;
mod check;
pub mod codes;
mod energy;
mod headers;
mod messages;
mod routes;

use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Value, json};

use self::account::Accounts;
use self::codes::{Refusal, lookup};
use self::headers::Account;
use super::{Cloud, HttpAnswer, HttpRequest, Publication, Tick};
use crate::base::moment::Moment;
use crate::base::secret::Secret;
use crate::sim::broker::{Identity, Rules, Verdict, Who};
use crate::sim::ca::Authority;
use crate::sim::event::SimEvent;
use crate::sim::packet::Connect;
use crate::sim::world::catalog::Kind;
use crate::sim::world::{News, World};

/// Where this cloud can be found: what `GET route` answers.
#[derive(Debug, Clone, Default)]
pub struct Hosts {
    pub api: String,
    pub mqtt: String,
    pub web_socket: String,
}

pub struct Thinq {
    pub world: World,
    pub accounts: Accounts,
    hosts: Hosts,
    token: Secret,
    token_revoked: bool,
    authority: Arc<Authority>,
    /// Messages so far: every eighth comes wrapped.
    messages: u64,
}

impl Thinq {
    pub fn new(world: World, hosts: Hosts, token: Secret, authority: Arc<Authority>) -> Self {
        Self {
            world,
            accounts: Accounts::default(),
            hosts,
            token,
            token_revoked: false,
            authority,
            messages: 0,
        }
    }

    /// From now on the token is unknown.
    pub fn revoke_token(&mut self) {
        self.token_revoked = true;
    }

    /// A device's notification to all who subscribed to it.
    pub fn notify(&mut self, device: &str, code: &str, now: Moment) -> Vec<Publication> {
        let Some(message) = self.world.device(device).map(|d| messages::push(d, code)) else {
            return Vec::new();
        };
        let clients = self.subscribers(|client| client.push.contains(device));
        self.address(&clients, &message, now)
    }

    /// A state report to all who subscribed to it.
    pub fn report(&mut self, device: &str, report: Value, now: Moment) -> Vec<Publication> {
        let Some(message) = self
            .world
            .device(device)
            .filter(|device| device.reportable && device.online)
            .map(|device| messages::status(device, report))
        else {
            return Vec::new();
        };
        let clients = self.subscribers(|client| client.event.contains_key(device));
        self.address(&clients, &message, now)
    }

    /// A new appliance in the account; its id, and what its owner's clients hear.
    pub fn add_device(
        &mut self,
        kind: &'static Kind,
        alias: &str,
        now: Moment,
    ) -> (String, Vec<Publication>) {
        let id = self.world.add(kind, alias);
        let message = self.world.device(&id).map(messages::registered);
        let heard = self.announce(message, now);
        (id, heard)
    }

    pub fn remove_device(&mut self, id: &str, now: Moment) -> Vec<Publication> {
        let removed = self.world.remove(id);
        self.accounts.forget_device(id);
        self.announce(removed.as_ref().map(messages::unregistered), now)
    }

    pub fn rename_device(&mut self, id: &str, alias: &str, now: Moment) -> Vec<Publication> {
        let message = self.world.device_mut(id).map(|device| {
            alias.clone_into(&mut device.alias);
            messages::renamed(device)
        });
        self.announce(message, now)
    }

    /// The topic that a client listens to.
    pub fn push_topic(client: &str) -> String {
        format!("app/clients/{client}/push")
    }

    fn announce(&mut self, message: Option<Value>, now: Moment) -> Vec<Publication> {
        let clients = self.subscribers(|client| client.home);
        message.map_or_else(Vec::new, |message| self.address(&clients, &message, now))
    }

    fn subscribers(&self, wants: impl Fn(&account::Client) -> bool) -> Vec<String> {
        let clients = self.accounts.clients.iter();
        clients
            .filter(|(_, client)| wants(client))
            .map(|(id, _)| id.clone())
            .collect()
    }

    fn address(&mut self, clients: &[String], message: &Value, now: Moment) -> Vec<Publication> {
        clients
            .iter()
            .map(|client| self.publication(client, message.clone(), now))
            .collect()
    }

    /// Mostly flat, as seen on the wire; every eighth as the documentation has it. Both are LG's (8.1).
    fn publication(&mut self, client: &str, message: Value, now: Moment) -> Publication {
        self.messages += 1;
        let message = if self.messages.is_multiple_of(8) {
            let id = format!("sim{:019}", self.messages);
            messages::wrapped(message, &id, now.wall)
        } else {
            message
        };
        Publication::new(Self::push_topic(client), message.to_string())
    }
}

impl Cloud for Thinq {
    fn http(&mut self, request: &HttpRequest, now: Moment) -> HttpAnswer {
        let id = request
            .header("x-message-id")
            .unwrap_or_default()
            .to_owned();
        let account = Account {
            token: self.token.expose(),
            revoked: self.token_revoked,
        };
        let answer = headers::check(request, &account)
            .and_then(|client| self.accounts.count_call(now.mono).map(|()| client))
            .map(|client| routes::answer(self, &client, request, now));
        match answer {
            Ok(Some(Ok(response))) => envelope(200, &id, now, "response", response, None),
            Ok(Some(Err(refusal))) | Err(refusal) => refused(&refusal, &id, now),
            // The gateway in front of LG's service answers like this to what it has no route for.
            Ok(None) => HttpAnswer {
                status: 403,
                content_type: "application/json",
                body: Bytes::from_static(br#"{"message":"Missing Authentication Token"}"#),
                ..HttpAnswer::default()
            },
        }
    }

    fn failure(&self, code: &str, request: &HttpRequest, now: Moment) -> HttpAnswer {
        let id = request.header("x-message-id").unwrap_or_default();
        let (status, message) = lookup(code);
        let error = json!({"message": message, "code": code});
        envelope(status, id, now, "error", error, Some(code))
    }

    fn accepts(&self, certificate: &[u8]) -> bool {
        self.accounts.accepts(certificate)
    }

    /// Devices live, controls arrive, event subscriptions end.
    fn tick(&mut self, now: Moment) -> Tick {
        let mut tick = Tick::default();
        for (client, device) in self.accounts.expire(now.mono) {
            tick.events.push(SimEvent::EventEnded { client, device });
        }
        for news in self.world.tick(now.mono) {
            match news {
                News::Report { device, report } => {
                    tick.publications.extend(self.report(&device, report, now));
                }
                News::Push { device, code } => {
                    tick.publications.extend(self.notify(&device, &code, now));
                }
                News::Controlled { device } => tick.events.push(SimEvent::Controlled { device }),
            }
        }
        tick
    }

    fn freeze(&mut self, frozen: bool) {
        self.world.frozen = frozen;
    }

    /// Reports of what is so already, over the subscribed devices in turn.
    fn load(
        &mut self,
        count: usize,
        now: Moment,
        is_busy: &dyn Fn(&str) -> bool,
    ) -> Vec<Publication> {
        let wanted: Vec<(String, String)> = self
            .accounts
            .clients
            .iter()
            .filter(|(client, _)| !is_busy(client))
            .flat_map(|(id, client)| {
                client
                    .event
                    .keys()
                    .map(|device| (id.clone(), device.clone()))
            })
            .collect();
        if wanted.is_empty() {
            return Vec::new();
        }
        (0..count)
            .filter_map(|_| {
                let at = usize::try_from(self.messages).unwrap_or_default() % wanted.len();
                let (client, id) = &wanted[at];
                let report = self.world.repeat(id)?;
                let message = messages::status(self.world.device(id)?, report);
                Some(self.publication(client, message, now))
            })
            .collect()
    }
}

/// The broker's side: AWS IoT with a policy per certificate (7.2).
impl Rules for Thinq {
    /// Refusals come in all three forms that clients report: a plain close for a certificate that nobody knows, CONNACK
    /// 2 for a client id that is not the certificate's, CONNACK 5 for a client that is not registered any more.
    fn connect(&self, identity: &Identity, connect: &Connect) -> Verdict {
        let der = identity.certificate.as_deref().unwrap_or_default();
        match self.accounts.certificates.get(der) {
            None => Verdict::Closed,
            Some(certificate) if certificate.client != connect.client_id => Verdict::Refused(2),
            Some(certificate) if !self.accounts.clients.contains_key(&certificate.client) => {
                Verdict::Refused(5)
            }
            Some(_) => Verdict::Allowed,
        }
    }

    fn subscribe(&self, who: Who<'_>, filter: &str) -> Verdict {
        if routes::subscriptions(who.client)
            .iter()
            .any(|topic| topic == filter)
        {
            Verdict::Allowed
        } else {
            Verdict::Closed
        }
    }

    fn publish(&self, who: Who<'_>, topic: &str) -> Verdict {
        if routes::publications(who.client)
            .iter()
            .any(|allowed| allowed == topic)
        {
            Verdict::Allowed
        } else {
            Verdict::Closed
        }
    }
}

fn refused(refusal: &Refusal, id: &str, now: Moment) -> HttpAnswer {
    let error = json!({"message": refusal.message, "code": refusal.code});
    envelope(
        refusal.status(),
        id,
        now,
        "error",
        error,
        Some(refusal.code),
    )
}

/// Section 4: the id is echoed, the timestamp has microseconds and no zone.
fn envelope(
    status: u16,
    id: &str,
    now: Moment,
    name: &str,
    content: Value,
    code: Option<&str>,
) -> HttpAnswer {
    let mut body = serde_json::Map::new();
    body.insert("messageId".into(), json!(id));
    body.insert("timestamp".into(), json!(messages::timestamp(now.wall)));
    body.insert(name.into(), content);
    HttpAnswer {
        status,
        content_type: "application/json;charset=UTF-8",
        body: Bytes::from(Value::Object(body).to_string()),
        code: code.map(str::to_owned),
        ..HttpAnswer::default()
    }
}

#[cfg(test)]
mod tests;
