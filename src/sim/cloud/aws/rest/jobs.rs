//! Jobs over HTTPS: made on the control plane, worked on by devices on the jobs' own plane.

use serde_json::{Value, json};

use super::{Failure, Result};
use crate::base::moment::Timestamp;
use crate::sim::cloud::HttpRequest;
use crate::sim::cloud::aws::Aws;

/// CreateJob, for things and groups of things.
pub fn create(aws: &mut Aws, job: &str, request: &HttpRequest, now: Timestamp) -> Result<Value> {
    let body: Value = serde_json::from_slice(&request.body)
        .map_err(|_| Failure::invalid("the body is not JSON"))?;
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    if !(1..=64).contains(&job.len()) || !job.bytes().all(is_name) {
        return Err(Failure::invalid(format!("Invalid job id: {job}")));
    }
    let document = body["document"].as_str();
    let document = document.and_then(|text| serde_json::from_str::<Value>(text).ok());
    let document = document.ok_or_else(|| Failure::invalid("document has to be JSON in a text"))?;
    let targets = body["targets"].as_array().map_or(&[][..], Vec::as_slice);
    let mut things = Vec::new();
    for target in targets {
        things.extend(meant(aws, target.as_str().unwrap_or_default())?);
    }
    if things.is_empty() {
        return Err(Failure::invalid("targets has to name a thing"));
    }
    things.sort();
    things.dedup();
    let is_there = |thing: &String| aws.jobs.executions(thing).iter().any(|e| e.job == job);
    if things.iter().any(is_there) {
        let words = format!("Job {job} already exists.");
        return Err(Failure::new(409, "ResourceAlreadyExistsException", words));
    }
    for thing in things {
        aws.queue_job(&thing, job, document.clone(), now);
    }
    let mut answer = json!({"jobArn": aws.arn(&format!("job/{job}")), "jobId": job});
    if let Some(description) = body["description"].as_str() {
        answer["description"] = json!(description);
    }
    Ok(answer)
}

/// The things that a target stands for.
fn meant(aws: &Aws, target: &str) -> Result<Vec<String>> {
    let missing = || Failure::missing(format!("Target {target} not found"));
    let own = target.strip_prefix(&aws.arn("")).ok_or_else(missing)?;
    if let Some(name) = own.strip_prefix("thing/") {
        let thing = aws.registry.thing(name).ok_or_else(missing)?;
        return Ok(vec![thing.name.clone()]);
    }
    let group = own.strip_prefix("thinggroup/").ok_or_else(missing)?;
    if !aws.registry.groups.iter().any(|name| name == group) {
        return Err(missing());
    }
    let things = aws.registry.things().iter();
    let things = things.filter(|thing| thing.groups.iter().any(|name| name == group));
    Ok(things.map(|thing| thing.name.clone()).collect())
}

/// What a device asks of its jobs: `rest` as in the topic of the same request.
pub fn ask(
    aws: &mut Aws,
    thing: &str,
    rest: &str,
    request: &HttpRequest,
    now: Timestamp,
) -> Result<Value> {
    let mut body = if request.body.is_empty() {
        json!({})
    } else {
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        if !body.is_object() {
            return Err(Failure::invalid("the body is no JSON object"));
        }
        body
    };
    // A GET has them in its query.
    if request.query.get("includeJobDocument").map(String::as_str) == Some("false") {
        body["includeJobDocument"] = json!(false);
    }
    let number = request.query.get("executionNumber");
    if let Some(number) = number.and_then(|text| text.parse::<u64>().ok()) {
        body["executionNumber"] = json!(number);
    }
    let (answer, told) = aws
        .jobs
        .request(thing, rest, body.to_string().as_bytes(), now);
    let mut tick = std::mem::take(&mut aws.pending);
    aws.spread_all(told, now, 0, &mut tick);
    aws.pending = tick;
    let mut body = answer.body;
    if answer.topic.ends_with("/rejected") {
        let message = body["message"].as_str().unwrap_or_default().to_owned();
        return Err(match body["code"].as_str() {
            Some("ResourceNotFound") => Failure::missing(message),
            Some("TerminalStateReached") => Failure::new(410, "TerminalStateException", message),
            Some("InvalidStateTransition" | "VersionMismatch") => {
                Failure::new(409, "InvalidStateTransitionException", message)
            }
            _ => Failure::invalid(message),
        });
    }
    if let Some(body) = body.as_object_mut() {
        body.shift_remove("timestamp");
    }
    Ok(body)
}
