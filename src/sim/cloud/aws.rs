//! AWS IoT Core as its reference tells it: policies, shadows, jobs, provisioning, presence, one rule, and REST.
//!
//! Everything that is published, by whomever, goes through [`Aws::arrive`]: rules first, then the service whose topic
//! it is. What the services say goes the same way, so that a rule can listen to them.

mod access;
pub mod cbor;
pub mod directory;
pub mod door;
pub mod job;
mod life;
pub mod policy;
pub mod presence;
pub mod provisioning;
pub mod registry;
mod rest;
pub mod rule;
pub mod shadow;
pub mod sigv4;
pub mod topic;

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use fastrand::Rng;
use serde_json::{Value, json};

use self::directory::Directory;
use self::job::Jobs;
use self::life::Fleet;
use self::presence::Presence;
use self::provisioning::{Provisioning, Rejection};
use self::registry::Registry;
use self::rest::Service;
use self::rule::TopicRule;
use self::shadow::Shadows;
use self::topic::{Format, Request};
use super::{Answer, Cloud, Command, HttpAnswer, HttpRequest, Publication, Tick};
use crate::base::moment::{Moment, Timestamp};
use crate::domain::message::Qos;
use crate::sim::broker::{Life, Limits};
use crate::sim::ca::Authority;

/// How often a message may set off another one. A rule that feeds itself ends here.
const DEEPEST: usize = 5;

/// A message that is kept at its topic.
#[derive(Debug, Clone)]
pub struct Retained {
    pub payload: Bytes,
    pub qos: Qos,
    /// Milliseconds.
    pub modified: i64,
}

/// Where a message came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source<'a> {
    Client(&'a str),
    /// REST, or a rule.
    Account,
    /// Shadows take no notice of wills (`reference/aws-iot.md` 6).
    Will,
    Service,
}

/// The account.
pub struct Aws {
    pub region: String,
    pub account: String,
    /// What DescribeEndpoint tells.
    pub endpoint: String,
    pub directory: Directory,
    pub registry: Registry,
    pub shadows: Shadows,
    pub jobs: Jobs,
    pub provisioning: Provisioning,
    pub presence: Presence,
    pub rules: Vec<TopicRule>,
    pub retained: BTreeMap<String, Retained>,
    pub limits: Limits,
    pub service: Service,
    authority: Arc<Authority>,
    fleet: Fleet,
    /// What the hand behind the curtain or a call has set off.
    pending: Tick,
    rng: Rng,
}

/// What an account begins with.
pub struct Account {
    pub region: String,
    pub endpoint: String,
    pub seed: u64,
    pub things: Option<usize>,
    pub authority: Arc<Authority>,
    pub directory: Directory,
}

impl Aws {
    pub fn new(account: Account, now: Timestamp) -> Self {
        let mut rng = Rng::with_seed(account.seed);
        let registry = Registry::new(account.things, rng.fork());
        let mut shadows = Shadows::default();
        let fleet = Fleet::new(&registry, &mut shadows, rng.fork(), now);
        Self {
            region: account.region,
            account: "123456789012".to_owned(),
            endpoint: account.endpoint,
            directory: account.directory,
            registry,
            shadows,
            jobs: Jobs::default(),
            provisioning: Provisioning::default(),
            presence: Presence::new(rng.fork()),
            rules: Vec::new(),
            retained: BTreeMap::new(),
            limits: access::limits(),
            service: Service::default(),
            authority: account.authority,
            fleet,
            pending: Tick::default(),
            rng,
        }
    }

    /// Publishes as the account itself does it; it goes out with the next step.
    pub fn say(&mut self, publication: Publication, now: Timestamp) {
        let mut tick = std::mem::take(&mut self.pending);
        self.spread(Source::Account, publication, now, 0, &mut tick);
        self.pending = tick;
    }

    /// Has a client's connection ended with the next step.
    pub fn evict(&mut self, client: &str, forget: bool, with_will: bool) {
        self.pending.commands.push(Command::Disconnect {
            client: client.to_owned(),
            forget,
            with_will,
        });
    }

    /// Queues a job; it is told with the next step.
    pub fn queue_job(&mut self, thing: &str, job: &str, document: Value, now: Timestamp) {
        let told = self.jobs.queue(thing, job, document, now);
        let mut tick = std::mem::take(&mut self.pending);
        self.spread_all(told, now, 0, &mut tick);
        self.pending = tick;
    }

    /// A message to whoever listens, and to the account's own services.
    fn spread(
        &mut self,
        source: Source<'_>,
        publication: Publication,
        now: Timestamp,
        depth: usize,
        tick: &mut Tick,
    ) {
        let at = tick.publications.len();
        self.arrive(source, &publication, now, depth, tick);
        // Before what it has set off.
        tick.publications.insert(at, publication);
    }

    /// What a service says.
    fn spread_all(
        &mut self,
        publications: Vec<Publication>,
        now: Timestamp,
        depth: usize,
        tick: &mut Tick,
    ) {
        for publication in publications {
            self.spread(Source::Service, publication, now, depth, tick);
        }
    }

    /// A message has been published; subscribers have it, or will by `tick`.
    fn arrive(
        &mut self,
        source: Source<'_>,
        message: &Publication,
        now: Timestamp,
        depth: usize,
        tick: &mut Tick,
    ) {
        if depth > DEEPEST {
            return;
        }
        let request = topic::request(&message.topic);
        if let Some(Request::Ingest { rule, topic }) = request {
            let rule = self.rules.iter().find(|r| r.name == rule && r.is_enabled);
            let target = rule.and_then(|rule| rule.target(topic));
            return self.republish(target, message, now, depth, tick);
        }
        if message.retain {
            self.retain(message, now);
        }
        let matching = self.rules.iter().filter(|r| r.matches(&message.topic));
        let targets: Vec<_> = matching.map(|r| r.target(&message.topic)).collect();
        for target in targets {
            self.republish(target, message, now, depth, tick);
        }
        if source == Source::Service {
            return;
        }
        match request {
            Some(Request::Shadow(request)) if source != Source::Will => {
                let payload = &message.payload;
                let outcome = self.shadows.request(request, payload, true, now);
                self.spread_all(outcome.publications, now, depth + 1, tick);
            }
            Some(other) => {
                if let Source::Client(client) = source {
                    self.serve(client, other, message, now, depth, tick);
                }
            }
            None => {}
        }
    }

    fn republish(
        &mut self,
        target: Option<String>,
        message: &Publication,
        now: Timestamp,
        depth: usize,
        tick: &mut Tick,
    ) {
        if let Some(target) = target {
            let publication = Publication::new(target, message.payload.clone());
            self.spread(Source::Account, publication, now, depth + 1, tick);
        }
    }

    fn retain(&mut self, message: &Publication, now: Timestamp) {
        if message.payload.is_empty() {
            self.retained.remove(&message.topic);
            return;
        }
        let retained = Retained {
            payload: message.payload.clone(),
            qos: message.qos,
            modified: now.0 / 1000,
        };
        self.retained.insert(message.topic.clone(), retained);
    }

    /// What is answered to one client alone.
    fn serve(
        &mut self,
        client: &str,
        request: Request<'_>,
        message: &Publication,
        now: Timestamp,
        depth: usize,
        tick: &mut Tick,
    ) {
        match request {
            Request::Jobs { thing, rest } => {
                let (answer, told) = self.jobs.request(thing, rest, &message.payload, now);
                let topic = format!("$aws/things/{thing}/jobs/{}", answer.topic);
                tick.answers.push(Answer {
                    client: client.to_owned(),
                    publication: Publication::new(topic, answer.body.to_string()),
                    unasked: true,
                });
                self.spread_all(told, now, depth + 1, tick);
            }
            Request::CreateKeys(format)
            | Request::CreateFromCsr(format)
            | Request::Provision { format, .. } => {
                if self.provisioning.silent {
                    return;
                }
                let Some(answer) = self.provision(request, format, &message.payload, now) else {
                    return;
                };
                let (verdict, body) = match answer {
                    Ok(body) => ("accepted", body),
                    Err(rejection) => ("rejected", rejection.body()),
                };
                let topic = format!("{}/{verdict}", message.topic);
                let payload = match format {
                    Format::Json => body.to_string().into_bytes(),
                    Format::Cbor => cbor::encode(&body),
                };
                tick.answers.push(Answer {
                    client: client.to_owned(),
                    publication: Publication::new(topic, payload),
                    unasked: false,
                });
            }
            Request::Shadow(_) | Request::Ingest { .. } | Request::Other => {}
        }
    }

    /// None: AWS does not answer that.
    fn provision(
        &mut self,
        request: Request<'_>,
        format: Format,
        payload: &[u8],
        now: Timestamp,
    ) -> Option<Result<Value, Rejection>> {
        let body = match format {
            _ if payload.is_empty() => Some(json!({})),
            Format::Json => serde_json::from_slice(payload).ok(),
            Format::Cbor => cbor::decode(payload),
        };
        let Some(body) = body.filter(Value::is_object) else {
            return Some(Err(Rejection {
                status: 400,
                code: "InvalidPayload",
                message: "The payload cannot be parsed.".to_owned(),
            }));
        };
        let token: String = (0..512).map(|_| self.rng.alphanumeric()).collect();
        let Self {
            provisioning,
            directory,
            registry,
            authority,
            ..
        } = self;
        match request {
            Request::CreateKeys(_) => {
                Some(provisioning.create_keys(authority, directory, token, now))
            }
            Request::CreateFromCsr(_) => {
                Some(provisioning.create_from_csr(authority, directory, &body, token, now))
            }
            Request::Provision { template, .. } => {
                provisioning.register(template, &body, directory, registry, now)
            }
            _ => None,
        }
    }

    fn lived(&mut self, life: &Life, now: Timestamp) -> Vec<Publication> {
        match life {
            Life::Connected(arrival) => {
                let username = arrival.username.as_deref();
                let principal = self.directory.principal(&arrival.identity, username);
                let principal = principal.map(|p| p.identifier()).unwrap_or_default();
                self.fleet.yields(&arrival.client);
                self.presence.arrived(arrival, principal, now)
            }
            Life::Disconnected {
                client,
                connection,
                cause,
            } => self.presence.left(client, *connection, *cause, now),
            Life::Refused { client, identity } => match self.directory.principal(identity, None) {
                Some(principal) if !client.is_empty() => {
                    let principal = principal.identifier();
                    self.presence.failed(client, &principal, now)
                }
                _ => Vec::new(),
            },
            Life::Subscribed {
                client, filters, ..
            } => self.presence.subscribed(client, filters, now),
            Life::Unsubscribed {
                client, filters, ..
            } => self.presence.unsubscribed(client, filters, now),
            Life::Acknowledged { .. } | Life::Pinged { .. } | Life::Strange { .. } => Vec::new(),
        }
    }
}

impl Cloud for Aws {
    fn http(&mut self, request: &HttpRequest, now: Moment) -> HttpAnswer {
        rest::answer(self, request, now.wall)
    }

    fn failure(&self, code: &str, request: &HttpRequest, now: Moment) -> HttpAnswer {
        rest::failure(code, request, now.wall)
    }

    fn hear_from(&mut self, client: &str, heard: &Publication, now: Moment) -> Tick {
        let mut tick = Tick::default();
        self.arrive(Source::Client(client), heard, now.wall, 0, &mut tick);
        tick
    }

    fn last_words(&mut self, _client: &str, heard: &Publication, now: Moment) -> Tick {
        let mut tick = Tick::default();
        self.arrive(Source::Will, heard, now.wall, 0, &mut tick);
        tick
    }

    fn life(&mut self, life: &Life, now: Moment) -> Tick {
        let mut tick = Tick::default();
        let told = self.lived(life, now.wall);
        self.spread_all(told, now.wall, 0, &mut tick);
        tick
    }

    fn aftermath(&mut self, _now: Moment) -> Tick {
        std::mem::take(&mut self.pending)
    }

    fn freeze(&mut self, frozen: bool) {
        self.fleet.frozen = frozen;
    }

    fn tick(&mut self, now: Moment) -> Tick {
        let mut tick = std::mem::take(&mut self.pending);
        self.directory.expire(now.wall);
        let late = self.jobs.tick(now.wall);
        self.spread_all(late, now.wall, 0, &mut tick);
        self.live(now, &mut tick);
        tick
    }

    fn load(
        &mut self,
        count: usize,
        _now: Moment,
        _is_busy: &dyn Fn(&str) -> bool,
    ) -> Vec<Publication> {
        self.fleet.load(count)
    }
}

/// `*` stands for any run of characters, `?` for one.
pub fn wild(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    let mut star = None;
    while let Some(c) = text.get(t) {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(wanted) if *wanted == '?' || wanted == c => {
                p += 1;
                t += 1;
            }
            _ => {
                let Some((at, from)) = star else {
                    return false;
                };
                star = Some((at, from + 1));
                p = at + 1;
                t = from + 1;
            }
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests;
