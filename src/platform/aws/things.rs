//! The things: from the fleet index (who is connected, too), else from the registry, else from the profile; and whoever was
//! heard (`reference/aws-iot.md` 7).

use std::collections::{BTreeSet, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};

use super::Aws;
use super::rest::{Answer, Call, Plane, Refusal, path};
use super::topics::is_thing_name;
use crate::base::moment::Mono;
use crate::base::problem::Problem;
use crate::domain::device::{Device, DeviceId, Presence};
use crate::domain::fact::{Fact, Step, StepState};
use crate::domain::profile::AwsAuth;
use crate::domain::session::LogLevel;
use crate::platform::io::{Io, Method};

/// Things at most. What is beyond is named, and can be reached by a search in AWS's console.
const MOST: usize = 250_000;
const PER_INDEX_PAGE: usize = 500;
const PER_PAGE: usize = 250;
/// A list is told again without asking for so long.
const FRESH: Duration = Duration::from_mins(1);
/// Ids that messages alone tell of, at most.
const STRANGERS: usize = 10_000;
/// A device that is no thing.
pub(super) const NO_TOPICS: &str = "it has no topics of its own";
/// A list that is longer is asked for again rather than kept a second time.
const KEPT: usize = 5000;
const WHAT: &str = "could not list the things";

/// What is known of the things.
#[derive(Debug, Default)]
pub(super) struct Book(Mutex<Listed>);

#[derive(Debug, Default)]
struct Listed {
    /// Empty where they are too many to be kept twice.
    devices: Vec<Device>,
    ids: HashSet<DeviceId>,
    at: Option<Mono>,
    /// In no list, but heard.
    heard: BTreeSet<DeviceId>,
}

impl Book {
    fn lock(&self) -> MutexGuard<'_, Listed> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a list names it, or it was heard.
    pub(super) fn knows(&self, id: &str) -> bool {
        let listed = self.lock();
        let id = DeviceId::new(id);
        listed.ids.contains(&id) || listed.heard.contains(&id)
    }

    /// The fact to tell at first sight.
    pub(super) fn hear(&self, id: &DeviceId) -> Option<Fact> {
        let mut listed = self.lock();
        let is_new = !listed.ids.contains(id)
            && listed.heard.len() < STRANGERS
            && listed.heard.insert(id.clone());
        is_new.then(|| Fact::DeviceHeard(bare(id.as_str())))
    }

    fn fresh(&self, now: Mono) -> Option<Vec<Device>> {
        let listed = self.lock();
        let at = listed.at?;
        (now.since(at) < FRESH).then(|| listed.with_heard())
    }

    fn heard(&self) -> Vec<Device> {
        let listed = self.lock();
        listed.heard.iter().map(|id| bare(id.as_str())).collect()
    }

    fn put(&self, mut devices: Vec<Device>, now: Mono) -> Vec<Device> {
        let mut listed = self.lock();
        listed.ids = devices.iter().map(|device| device.id.clone()).collect();
        let Listed { ids, heard, .. } = &mut *listed;
        heard.retain(|id| !ids.contains(id));
        devices.extend(heard.iter().map(|id| bare(id.as_str())));
        let few = devices.len() <= KEPT;
        listed.at = few.then_some(now);
        listed.devices = if few { devices.clone() } else { Vec::new() };
        devices
    }
}

impl Listed {
    /// Those of the list, and whoever was heard since.
    fn with_heard(&self) -> Vec<Device> {
        let told: HashSet<_> = self.devices.iter().map(|device| &device.id).collect();
        let since = self.heard.iter().filter(|id| !told.contains(id));
        let since = since.map(|id| bare(id.as_str()));
        self.devices.iter().cloned().chain(since).collect()
    }
}

/// A thing of which nothing but the name is known.
fn bare(name: &str) -> Device {
    Device {
        id: DeviceId::new(name),
        name: name.to_owned(),
        kind: String::new(),
        model: String::new(),
        reportable: true,
        group: None,
        presence: Presence::Unknown,
        attributes: Vec::new(),
    }
}

impl Aws {
    pub(super) async fn list_things(
        &self,
        io: &dyn Io,
        fresh: bool,
    ) -> Result<Vec<Device>, Problem> {
        let at_hand = self.things.fresh(io.now().mono).filter(|_| !fresh);
        if let Some(devices) = at_hand {
            return Ok(devices);
        }
        let devices = if self.settings.things.is_empty() {
            match self.ask_for_things(io).await {
                Ok(devices) => devices,
                Err(problem) => return self.only_heard(io, problem),
            }
        } else {
            let names = self.settings.things.iter();
            names.map(|name| bare(name)).collect()
        };
        let mut devices = self.things.put(devices, io.now().mono);
        self.presences().correct(&mut devices);
        Ok(devices)
    }

    /// A device's own profile seldom has credentials to list others with: those that were heard are better than nothing.
    fn only_heard(&self, io: &dyn Io, problem: Problem) -> Result<Vec<Device>, Problem> {
        let heard = self.things.heard();
        if heard.is_empty() {
            let remedy = match problem.remedy.as_str() {
                "" => "name them in the profile: things = [\"…\"]".to_owned(),
                remedy => format!("{remedy}; or name them in the profile: things = [\"…\"]"),
            };
            return Err(Problem {
                what: WHAT.to_owned(),
                remedy,
                ..problem
            });
        }
        let level = match self.settings.auth {
            AwsAuth::SigV4 => LogLevel::Warn,
            AwsAuth::Mtls | AwsAuth::Custom => LogLevel::Info,
        };
        io.log(level, problem.line());
        Ok(heard)
    }

    async fn ask_for_things(&self, io: &dyn Io) -> Result<Vec<Device>, Problem> {
        let why = match self.search_index(io).await {
            Ok(devices) => return Ok(devices),
            Err(Refusal::Before(problem)) => return Err(problem),
            Err(Refusal::Said(said)) => said,
        };
        let text = format!(
            "AWS: the fleet index does not answer ({} {}): presence comes from messages alone",
            why.kind, why.message
        );
        io.log(LogLevel::Info, text);
        if let Some(query) = &self.settings.things_query {
            let what = format!("things_query = {query:?} is not asked: all things are listed");
            let cause = format!("the fleet index answered {} {}", why.kind, why.message);
            let remedy = "does the query read as AWS's search wants it, is fleet indexing on, and may this identity search (iot:SearchIndex)?";
            self.notice_once(io, Problem::new(what, cause, remedy));
        }
        let pages = |token: Option<&str>| {
            let mut call = Call::get(
                Plane::Control,
                "/things".to_owned(),
                "AWS, list things".to_owned(),
            );
            call.query.push(("maxResults", PER_PAGE.to_string()));
            if let Some(token) = token {
                call.query.push(("nextToken", token.to_owned()));
            }
            call
        };
        let listed = self.pages(io, pages).await;
        listed.map_err(|refusal| refusal.problem(WHAT))
    }

    async fn search_index(&self, io: &dyn Io) -> Result<Vec<Device>, Refusal> {
        let pages = |token: Option<&str>| {
            let mut body = json!({
                "indexName": "AWS_Things",
                "queryString": self.settings.things_query.as_deref().unwrap_or("thingName:*"),
                "maxResults": PER_INDEX_PAGE,
            });
            if let (Some(token), Some(body)) = (token, body.as_object_mut()) {
                body.insert("nextToken".to_owned(), token.into());
            }
            Call {
                method: Method::Post,
                body: Some(Bytes::from(body.to_string())),
                ..Call::get(
                    Plane::Control,
                    "/indices/search".to_owned(),
                    "AWS, search the index".to_owned(),
                )
            }
        };
        self.pages(io, pages).await
    }

    /// All pages; a token that comes again would make it endless.
    async fn pages(
        &self,
        io: &dyn Io,
        page: impl Fn(Option<&str>) -> Call,
    ) -> Result<Vec<Device>, Refusal> {
        let mut devices = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let answer = self.call(io, page(token.as_deref())).await?;
            let (things, next) = self.read_page(&answer);
            devices.extend(things);
            let is_last = next.is_none() || next == token || devices.len() >= MOST;
            if is_last {
                if next.is_some() && next == token {
                    let cause = "AWS gave the same page token twice";
                    let remedy = "r asks again; a filter finds what is missing in AWS's console";
                    let what = format!("the list of things ends after {}", devices.len());
                    self.notice_once(io, Problem::new(what, cause, remedy));
                }
                self.all_listed(io, &devices, next.is_some());
                return Ok(devices);
            }
            progress(io, devices.len(), StepState::Running);
            token = next;
        }
    }

    /// The index tells no ARN, and a statement to copy wants the account in it: one thing's description has it.
    pub(super) async fn learn_account(&self, io: &dyn Io, thing: &DeviceId) {
        // Where no keys were found they are not looked for again just for this.
        let has_keys = self.has_keys(io.now());
        let is_known = self.known().account.is_some();
        if is_known || !has_keys || !is_thing_name(thing.as_str()) {
            return;
        }
        let label = format!("AWS, describe {}", thing.as_str());
        let call = Call::get(Plane::Control, path(&["things", thing.as_str()]), label);
        if let Ok(answer) = self.call(io, call).await
            && let Some(arn) = text(&answer.value(), "thingArn")
        {
            self.account_in(arn);
        }
    }

    fn account_in(&self, arn: &str) {
        if let Some(account) = account(arn) {
            self.known().account = Some(account);
        }
    }

    fn all_listed(&self, io: &dyn Io, devices: &[Device], more: bool) {
        progress(io, devices.len(), StepState::Done);
        if more && devices.len() >= MOST {
            let what = format!("only the first {MOST} things are shown");
            self.notice_once(io, Problem::new(what, "the account has more", ""));
        }
    }

    fn read_page(&self, answer: &Answer) -> (Vec<Device>, Option<String>) {
        let value = answer.value();
        let things = value.get("things").and_then(Value::as_array);
        let things = things.map(Vec::as_slice).unwrap_or_default();
        if let Some(arn) = things.first().and_then(|thing| text(thing, "thingArn")) {
            self.account_in(arn);
        }
        let next = text(&value, "nextToken").filter(|token| !token.is_empty());
        (
            things.iter().filter_map(device).collect(),
            next.map(str::to_owned),
        )
    }
}

fn progress(io: &dyn Io, count: usize, state: StepState) {
    io.fact(Fact::Step(Step {
        name: "things",
        text: match state {
            StepState::Running => format!("{count} so far"),
            _ => format!("{count} listed"),
        },
        state,
    }));
}

/// One of ListThings or of SearchIndex.
fn device(thing: &Value) -> Option<Device> {
    let name = text(thing, "thingName")?;
    let attributes = thing.get("attributes").and_then(Value::as_object);
    let attributes = attributes.into_iter().flatten().map(|(name, value)| {
        let value = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        (name.clone(), value)
    });
    let connected = thing.pointer("/connectivity/connected");
    Some(Device {
        kind: text(thing, "thingTypeName").unwrap_or_default().to_owned(),
        presence: match connected.and_then(Value::as_bool) {
            None => Presence::Unknown,
            Some(true) => Presence::Online,
            Some(false) => Presence::Offline,
        },
        attributes: attributes.collect(),
        ..bare(name)
    })
}

fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name).and_then(Value::as_str)
}

/// `arn:aws:iot:eu-west-1:123456789012:thing/RPI`.
fn account(arn: &str) -> Option<String> {
    let account = arn.split(':').nth(4)?;
    let fits = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
    fits.then(|| account.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thing_is_read_from_the_registry_and_from_the_index() {
        let listed = device(&json!({"thingName": "RPI", "thingTypeName": "Board_v2",
            "attributes": {"site": "north"}, "version": 1}));
        let listed = listed.expect("a thing");
        assert_eq!(
            (listed.name.as_str(), listed.kind.as_str()),
            ("RPI", "Board_v2")
        );
        assert_eq!(listed.attributes, [("site".to_owned(), "north".to_owned())]);
        assert_eq!(listed.presence, Presence::Unknown);
        let indexed =
            json!({"thingName": "RPI", "connectivity": {"connected": true, "timestamp": 1}});
        assert_eq!(device(&indexed).map(|d| d.presence), Some(Presence::Online));
        assert_eq!(device(&json!({"x": 1})), None);
    }

    #[test]
    fn what_was_heard_is_told_once_and_stays_when_a_list_comes() {
        let book = Book::default();
        let id = DeviceId::new("RPI");
        assert!(matches!(book.hear(&id), Some(Fact::DeviceHeard(_))));
        assert_eq!(book.hear(&id), None);
        let all = book.put(vec![bare("other")], Mono::default());
        let names: Vec<_> = all.iter().map(|d| d.name.as_str()).collect();
        assert_eq!(names, ["other", "RPI"]);
        assert_eq!(book.hear(&DeviceId::new("other")), None, "the list has it");
        assert_eq!(book.put(vec![bare("RPI")], Mono::default()).len(), 1);
    }

    #[test]
    fn an_arn_tells_the_account() {
        let arn = "arn:aws:iot:eu-west-1:123456789012:thing/RPI";
        assert_eq!(account(arn).as_deref(), Some("123456789012"));
        assert_eq!(account("arn:aws:iot:x:me:thing/a"), None);
    }
}
