//! The HTTPS side (`reference/aws-iot.md` 7): signatures checked, policies asked, AWS's shapes of errors.

mod control;
mod data;
mod jobs;
mod search;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use self::Plane::{Control, Data};
use super::Aws;
use super::directory::Principal;
use super::sigv4::{self, Fault, Scope, Signed};
use crate::base::moment::Timestamp;
use crate::sim::broker::Identity;
use crate::sim::cloud::{HttpAnswer, HttpRequest};

/// What can be switched.
#[derive(Debug, Clone, Default)]
pub struct Service {
    /// The error that SearchIndex answers with while indexing is off, such as `IndexNotReadyException`.
    pub indexing_off: Option<String>,
    /// 3.1.1 hears of a denial by CONNACK 5 and SUBACK 0x80, as older documents have it, instead of a hang-up.
    pub answers_denials_in_3: bool,
}

/// Which of AWS's hosts answers a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Plane {
    Control,
    Data,
    Jobs,
}

impl Plane {
    /// The names that its requests are signed for.
    const fn services(self) -> &'static [&'static str] {
        match self {
            Self::Control => &["iot"],
            Self::Data => &["iotdata", "iotdevicegateway"],
            Self::Jobs => &["iot-jobs-data"],
        }
    }
}

/// A call, and what a policy has to allow for it.
struct Route {
    plane: Plane,
    action: &'static str,
    resource: String,
    call: Call,
}

enum Call {
    DescribeEndpoint,
    ListThings,
    DescribeThing(String),
    SearchIndex,
    Connectivity(String),
    ListGroups,
    ListGroup(String),
    ListTypes,
    GetShadow(String),
    UpdateShadow(String),
    DeleteShadow(String),
    ListShadows(String),
    Publish(String),
    ListRetained,
    GetRetained(String),
    DeleteConnection(String),
    GetConnection(String),
    ListSubscriptions(String),
    CreateJob(String),
    PendingJobs(String),
    /// Of a thing; the rest is as in the topics.
    Job(String, String),
}

/// An error as AWS names it.
#[derive(Debug)]
struct Failure {
    status: u16,
    code: String,
    message: String,
}

impl Failure {
    fn new(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self {
            status,
            code: code.to_owned(),
            message: message.into(),
        }
    }

    fn invalid(message: impl Into<String>) -> Self {
        Self::new(400, "InvalidRequestException", message)
    }

    fn missing(message: impl Into<String>) -> Self {
        Self::new(404, "ResourceNotFoundException", message)
    }
}

type Result<T> = std::result::Result<T, Failure>;

pub fn answer(aws: &mut Aws, request: &HttpRequest, now: Timestamp) -> HttpAnswer {
    let segments: Vec<_> = request
        .raw_path
        .split('/')
        .skip(1)
        .map(sigv4::decode)
        .collect();
    let segments: Vec<_> = segments.iter().map(String::as_str).collect();
    let Some(route) = route(&request.method, &segments) else {
        let failure = Failure::new(404, "UnknownOperationException", "there is no such call");
        return refused(&failure, Control, &trace(aws), now);
    };
    let plane = route.plane;
    match perform(aws, route, request, now) {
        Ok(body) => answered(&body, now),
        Err(failure) => refused(&failure, plane, &trace(aws), now),
    }
}

/// A call that fails with this code, whatever it asked.
pub fn failure(code: &str, request: &HttpRequest, now: Timestamp) -> HttpAnswer {
    let segments: Vec<_> = request.raw_path.split('/').skip(1).collect();
    let plane = route(&request.method, &segments).map_or(Control, |route| route.plane);
    let (status, message) = match (code, plane) {
        ("ThrottlingException", Control) => (400, "Rate exceeded"),
        ("ThrottlingException", _) => (429, "Rate exceeded"),
        ("ResourceNotFoundException", _) => (404, "The specified resource does not exist"),
        ("UnauthorizedException", _) => (401, "Unauthorized"),
        ("AccessDeniedException" | "ForbiddenException", _) => (403, "Forbidden"),
        ("InternalFailureException", _) => (500, "An unexpected error has occurred"),
        ("ServiceUnavailableException", _) => (503, "The service is temporarily unavailable"),
        _ => (400, "The request is not valid"),
    };
    let failure = Failure::new(status, code, message);
    refused(&failure, plane, "00000000-0000-4000-8000-000000000000", now)
}

fn trace(aws: &mut Aws) -> String {
    super::registry::uuid(&mut aws.rng)
}

fn answered(body: &Value, now: Timestamp) -> HttpAnswer {
    HttpAnswer {
        status: 200,
        content_type: "application/json",
        body: if body.is_null() {
            String::new().into()
        } else {
            body.to_string().into()
        },
        code: None,
        headers: vec![("date", http_date(now))],
        ..HttpAnswer::default()
    }
}

/// The data plane adds a trace id.
fn refused(failure: &Failure, plane: Plane, trace: &str, now: Timestamp) -> HttpAnswer {
    let mut body = json!({"message": failure.message});
    if plane == Data {
        body["traceId"] = json!(trace);
    }
    HttpAnswer {
        status: failure.status,
        content_type: "application/json",
        body: body.to_string().into(),
        code: Some(failure.code.clone()),
        headers: vec![
            ("date", http_date(now)),
            ("x-amzn-errortype", format!("{}:", failure.code)),
        ],
        ..HttpAnswer::default()
    }
}

/// `Sun, 01 Mar 2026 12:34:56 GMT`.
pub fn http_date(at: Timestamp) -> String {
    let at = jiff::Timestamp::from_microsecond(at.0).unwrap_or_default();
    at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

fn route(method: &str, segments: &[&str]) -> Option<Route> {
    let thing = |name: &str| format!("thing/{name}");
    let own = |name: &&str| (*name).to_owned();
    let all = || "*".to_owned();
    let (plane, action, resource, call) = match (method, segments) {
        ("GET", ["endpoint"]) => (
            Control,
            "iot:DescribeEndpoint",
            all(),
            Call::DescribeEndpoint,
        ),
        ("GET", ["things"]) => (Control, "iot:ListThings", all(), Call::ListThings),
        ("GET", ["things", name]) => (
            Control,
            "iot:DescribeThing",
            thing(name),
            Call::DescribeThing(own(name)),
        ),
        ("POST", ["indices", "search"]) => (
            Control,
            "iot:SearchIndex",
            "index/AWS_Things".to_owned(),
            Call::SearchIndex,
        ),
        ("POST", ["things", name, "connectivity-data"]) => (
            Control,
            "iot:GetThingConnectivityData",
            thing(name),
            Call::Connectivity(own(name)),
        ),
        ("GET", ["thing-groups"]) => (Control, "iot:ListThingGroups", all(), Call::ListGroups),
        ("GET", ["thing-groups", group, "things"]) => (
            Control,
            "iot:ListThingsInThingGroup",
            format!("thinggroup/{group}"),
            Call::ListGroup(own(group)),
        ),
        ("GET", ["thing-types"]) => (Control, "iot:ListThingTypes", all(), Call::ListTypes),
        ("GET", ["things", name, "shadow"]) => (
            Data,
            "iot:GetThingShadow",
            thing(name),
            Call::GetShadow(own(name)),
        ),
        ("POST", ["things", name, "shadow"]) => (
            Data,
            "iot:UpdateThingShadow",
            thing(name),
            Call::UpdateShadow(own(name)),
        ),
        ("DELETE", ["things", name, "shadow"]) => (
            Data,
            "iot:DeleteThingShadow",
            thing(name),
            Call::DeleteShadow(own(name)),
        ),
        ("GET", ["api", "things", "shadow", "ListNamedShadowsForThing", name]) => (
            Data,
            "iot:ListNamedShadowsForThing",
            all(),
            Call::ListShadows(own(name)),
        ),
        ("POST", ["topics", topic @ ..]) if !topic.is_empty() => {
            let topic = topic.join("/");
            let resource = format!("topic/{topic}");
            (Data, "iot:Publish", resource, Call::Publish(topic))
        }
        ("GET", ["retainedMessage"]) => {
            (Data, "iot:ListRetainedMessages", all(), Call::ListRetained)
        }
        ("GET", ["retainedMessage", topic @ ..]) => {
            let topic = topic.join("/");
            let resource = format!("topic/{topic}");
            (
                Data,
                "iot:GetRetainedMessage",
                resource,
                Call::GetRetained(topic),
            )
        }
        ("DELETE", ["connections", client]) => (
            Data,
            "iot:DeleteConnection",
            format!("client/{client}"),
            Call::DeleteConnection(own(client)),
        ),
        ("GET", ["connections", client]) => (
            Data,
            "iot:GetConnection",
            format!("client/{client}"),
            Call::GetConnection(own(client)),
        ),
        ("GET", ["connections", client, "subscriptions"]) => (
            Data,
            "iot:ListSubscriptions",
            format!("client/{client}"),
            Call::ListSubscriptions(own(client)),
        ),
        ("GET", ["things", name, "jobs"]) => (
            Plane::Jobs,
            "iot:GetPendingJobExecutions",
            thing(name),
            Call::PendingJobs(own(name)),
        ),
        ("PUT", ["jobs", job]) => (
            Control,
            "iot:CreateJob",
            format!("job/{job}"),
            Call::CreateJob(own(job)),
        ),
        ("PUT", ["things", name, "jobs", "$next"]) => (
            Plane::Jobs,
            "iotjobsdata:StartNextPendingJobExecution",
            thing(name),
            Call::Job(own(name), "start-next".to_owned()),
        ),
        ("GET", ["things", name, "jobs", job]) => (
            Plane::Jobs,
            "iotjobsdata:DescribeJobExecution",
            thing(name),
            Call::Job(own(name), format!("{job}/get")),
        ),
        ("POST", ["things", name, "jobs", job]) => (
            Plane::Jobs,
            "iotjobsdata:UpdateJobExecution",
            thing(name),
            Call::Job(own(name), format!("{job}/update")),
        ),
        _ => return None,
    };
    Some(Route {
        plane,
        action,
        resource,
        call,
    })
}

fn perform(aws: &mut Aws, route: Route, request: &HttpRequest, now: Timestamp) -> Result<Value> {
    authorize(aws, &route, request, now)?;
    match route.call {
        Call::DescribeEndpoint => control::endpoint(aws, request),
        Call::ListThings => control::things(aws, request),
        Call::DescribeThing(name) => control::thing(aws, &name),
        Call::SearchIndex => control::search(aws, request),
        Call::Connectivity(name) => control::connectivity(aws, &name),
        Call::ListGroups => control::groups(aws, request),
        Call::ListGroup(group) => control::group(aws, &group, request),
        Call::ListTypes => control::types(aws, request),
        Call::GetShadow(name) => data::get_shadow(aws, &name, request, now),
        Call::UpdateShadow(name) => data::update_shadow(aws, &name, request, now),
        Call::DeleteShadow(name) => data::delete_shadow(aws, &name, request, now),
        Call::ListShadows(name) => data::shadows(aws, &name, request, now),
        Call::Publish(topic) => data::publish(aws, &topic, request, now),
        Call::ListRetained => data::list_retained(aws, request),
        Call::GetRetained(topic) => data::retained(aws, &topic),
        Call::DeleteConnection(client) => data::delete_connection(aws, &client, request),
        Call::GetConnection(client) => data::connection(aws, &client),
        Call::ListSubscriptions(client) => data::subscriptions(aws, &client),
        Call::CreateJob(job) => jobs::create(aws, &job, request, now),
        Call::PendingJobs(name) => Ok(aws.jobs.pending(&name)),
        Call::Job(thing, rest) => jobs::ask(aws, &thing, &rest, request, now),
    }
}

/// Whose call it is, and whether they may.
fn authorize(aws: &Aws, route: &Route, request: &HttpRequest, now: Timestamp) -> Result<()> {
    // The data plane takes a certificate for a signature.
    let is_signed = request.header("authorization").is_some();
    if let (Data, Some(der), false) = (route.plane, &request.certificate, is_signed) {
        let identity = Identity {
            certificate: Some(der.clone()),
            ..Identity::default()
        };
        let principal = aws.directory.principal(&identity, None);
        let principal = principal.ok_or_else(forbidden)?;
        return if may(aws, route, principal) {
            Ok(())
        } else {
            Err(forbidden())
        };
    }
    let signed = Signed {
        method: &request.method,
        raw_path: &request.raw_path,
        raw_query: &request.raw_query,
        headers: &request.headers,
        body: &request.body,
    };
    let scope = Scope {
        region: &aws.region,
        services: route.plane.services(),
    };
    let key = sigv4::check(signed, scope, &aws.directory.keys, now).map_err(|refusal| {
        let code = match (route.plane, refusal.fault) {
            (Data, _) => "ForbiddenException",
            (_, Fault::Missing) => "MissingAuthenticationTokenException",
            (_, Fault::Incomplete) => "IncompleteSignatureException",
            (_, Fault::UnknownKey | Fault::Token) => "UnrecognizedClientException",
            (_, Fault::Expired) => "ExpiredTokenException",
            (_, Fault::Scope | Fault::Time | Fault::Mismatch) => "InvalidSignatureException",
        };
        Failure::new(403, code, refusal.words)
    })?;
    if may(aws, route, Principal::Key(key)) {
        return Ok(());
    }
    Err(match route.plane {
        Data => forbidden(),
        Control | Plane::Jobs => {
            let user = format!("arn:aws:iam::{}:{}", aws.account, key.user);
            let words = format!(
                "User: {user} is not authorized to perform: {} on resource: {} because no \
                 identity-based policy allows the {} action",
                route.action,
                resource(aws, route),
                route.action
            );
            Failure::new(403, "AccessDeniedException", words)
        }
    })
}

fn forbidden() -> Failure {
    Failure::new(403, "ForbiddenException", "Forbidden")
}

fn resource(aws: &Aws, route: &Route) -> String {
    match route.resource.as_str() {
        "*" => "*".to_owned(),
        resource => aws.arn(resource),
    }
}

fn may(aws: &Aws, route: &Route, principal: Principal<'_>) -> bool {
    let resource = resource(aws, route);
    aws.directory
        .allows(principal, route.action, &resource, "", &[])
}

/// One page of something: from where, and how many.
fn page(
    request: &HttpRequest,
    size: &str,
    standard: usize,
    most: usize,
    total: usize,
) -> Result<(std::ops::Range<usize>, Option<String>)> {
    let asked = request.query.get(size).filter(|text| !text.is_empty());
    let token = request
        .query
        .get("nextToken")
        .filter(|text| !text.is_empty());
    let asked = match asked {
        None => standard,
        Some(text) => text
            .parse()
            .ok()
            .filter(|count| (1..=most).contains(count))
            .ok_or_else(|| Failure::invalid(format!("{size} has to be from 1 to {most}")))?,
    };
    turn(token.map(String::as_str), asked, total)
}

fn turn(
    token: Option<&str>,
    count: usize,
    total: usize,
) -> Result<(std::ops::Range<usize>, Option<String>)> {
    let from = match token {
        None => 0,
        Some(token) => STANDARD
            .decode(token)
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .and_then(|text| text.strip_prefix("from:")?.parse().ok())
            .filter(|from| *from <= total)
            .ok_or_else(|| Failure::invalid("Invalid nextToken"))?,
    };
    let to = (from + count).min(total);
    let next = (to < total).then(|| STANDARD.encode(format!("from:{to}")));
    Ok((from..to, next))
}

/// A page's body, with the token of the next one where there is one.
fn listed(name: &str, items: Value, next: Option<String>) -> Value {
    let mut body = Map::new();
    body.insert(name.to_owned(), items);
    if let Some(next) = next {
        body.insert("nextToken".to_owned(), json!(next));
    }
    Value::Object(body)
}
