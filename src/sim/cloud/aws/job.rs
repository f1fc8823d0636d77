//! Jobs (`reference/aws-iot.md` 5.2): executions per thing, requests and notifications.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::base::moment::Timestamp;
use crate::sim::cloud::Publication;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Queued,
    InProgress,
    Succeeded,
    Failed,
    TimedOut,
    Rejected,
}

impl Status {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Queued => "QUEUED",
            Self::InProgress => "IN_PROGRESS",
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
            Self::TimedOut => "TIMED_OUT",
            Self::Rejected => "REJECTED",
        }
    }

    /// What an update may set.
    fn wanted(word: &str) -> Option<Self> {
        match word {
            "IN_PROGRESS" => Some(Self::InProgress),
            "SUCCEEDED" => Some(Self::Succeeded),
            "FAILED" => Some(Self::Failed),
            "REJECTED" => Some(Self::Rejected),
            _ => None,
        }
    }

    pub const fn is_over(self) -> bool {
        !matches!(self, Self::Queued | Self::InProgress)
    }
}

/// One job for one thing. Times in seconds.
#[derive(Debug, Clone)]
pub struct Execution {
    pub job: String,
    pub document: Value,
    pub status: Status,
    pub details: Map<String, Value>,
    queued_at: i64,
    started_at: Option<i64>,
    updated_at: i64,
    pub version: u64,
    number: u64,
    /// When it is timed out.
    deadline: Option<i64>,
}

impl Execution {
    fn summary(&self) -> Value {
        let mut summary = json!({
            "jobId": self.job,
            "queuedAt": self.queued_at,
            "lastUpdatedAt": self.updated_at,
            "executionNumber": self.number,
            "versionNumber": self.version,
        });
        if let Some(started) = self.started_at {
            summary["startedAt"] = json!(started);
        }
        summary
    }

    fn shown(&self, thing: &str, with_document: bool) -> Value {
        let mut shown = self.summary();
        shown["thingName"] = json!(thing);
        shown["status"] = json!(self.status.word());
        shown["statusDetails"] = Value::Object(self.details.clone());
        if with_document {
            shown["jobDocument"] = self.document.clone();
        }
        shown
    }

    fn state(&self) -> Value {
        json!({
            "status": self.status.word(),
            "statusDetails": self.details,
            "versionNumber": self.version,
        })
    }
}

/// An answer to a request: the rest of its topic (`get/accepted`), and its body.
pub struct Answer {
    pub topic: String,
    pub body: Value,
}

struct Refusal {
    code: &'static str,
    message: String,
    state: Option<Value>,
}

impl Refusal {
    fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            state: None,
        }
    }
}

#[derive(Debug, Default)]
pub struct Jobs {
    /// Oldest first.
    executions: BTreeMap<String, Vec<Execution>>,
}

impl Jobs {
    pub fn executions(&self, thing: &str) -> &[Execution] {
        self.executions.get(thing).map_or(&[], Vec::as_slice)
    }

    /// Queues a job for a thing, and tells it.
    pub fn queue(
        &mut self,
        thing: &str,
        job: &str,
        document: Value,
        now: Timestamp,
    ) -> Vec<Publication> {
        self.changing(thing, now, |executions| {
            let same = executions.iter().filter(|e| e.job == job).count();
            executions.push(Execution {
                job: job.to_owned(),
                document,
                status: Status::Queued,
                details: Map::new(),
                queued_at: now.seconds(),
                started_at: None,
                updated_at: now.seconds(),
                version: 1,
                number: same as u64 + 1,
                deadline: None,
            });
        })
    }

    /// A client's request: `rest` is what follows `jobs/`. Its answer, and what the thing is told.
    pub fn request(
        &mut self,
        thing: &str,
        rest: &str,
        payload: &[u8],
        now: Timestamp,
    ) -> (Answer, Vec<Publication>) {
        let mut published = Vec::new();
        let body = if payload.is_empty() {
            Ok(json!({}))
        } else {
            serde_json::from_slice(payload)
        };
        let token = body
            .as_ref()
            .ok()
            .and_then(|b: &Value| b.get("clientToken"));
        let token = token.cloned();
        let answer = body
            .ok()
            .filter(Value::is_object)
            .ok_or_else(|| Refusal::new("InvalidJson", "the payload is not a JSON object"))
            .and_then(|body| self.answer(thing, rest, &body, now, &mut published));
        let (verdict, mut body) = match answer {
            Ok(body) => ("accepted", body),
            Err(refusal) => {
                let mut body = json!({"code": refusal.code, "message": refusal.message});
                if let Some(state) = refusal.state {
                    body["executionState"] = state;
                }
                ("rejected", body)
            }
        };
        body["timestamp"] = json!(now.seconds());
        if let Some(token) = token {
            body["clientToken"] = token;
        }
        let topic = format!("{rest}/{verdict}");
        (Answer { topic, body }, published)
    }

    fn answer(
        &mut self,
        thing: &str,
        rest: &str,
        body: &Value,
        now: Timestamp,
        published: &mut Vec<Publication>,
    ) -> Result<Value, Refusal> {
        match rest.split('/').collect::<Vec<_>>()[..] {
            ["get"] => Ok(self.pending(thing)),
            ["start-next"] => self.start_next(thing, body, now, published),
            [job, "get"] => self.describe(thing, job, body),
            [job, "update"] => self.update(thing, job, body, now, published),
            _ => Err(Refusal::new("InvalidTopic", "there is no such operation")),
        }
    }

    pub fn pending(&self, thing: &str) -> Value {
        let with = |status| -> Vec<Value> {
            let all = self.executions(thing).iter();
            all.filter(|e| e.status == status)
                .map(Execution::summary)
                .collect()
        };
        json!({
            "inProgressJobs": with(Status::InProgress),
            "queuedJobs": with(Status::Queued),
        })
    }

    /// The oldest in progress, else the oldest queued.
    fn next(&self, thing: &str) -> Option<&Execution> {
        let all = self.executions(thing);
        let first = |status| all.iter().find(|e| e.status == status);
        first(Status::InProgress).or_else(|| first(Status::Queued))
    }

    fn start_next(
        &mut self,
        thing: &str,
        body: &Value,
        now: Timestamp,
        published: &mut Vec<Publication>,
    ) -> Result<Value, Refusal> {
        let Some(job) = self.next(thing).map(|e| e.job.clone()) else {
            return Ok(json!({}));
        };
        let details = details(body)?;
        *published = self.changing(thing, now, |executions| {
            let Some(execution) = open(executions, &job) else {
                return;
            };
            if execution.status == Status::Queued {
                execution.status = Status::InProgress;
                execution.started_at = Some(now.seconds());
                execution.updated_at = now.seconds();
                execution.version += 1;
                execution.details = details.unwrap_or_default();
            }
            execution.deadline = deadline(body, now).or(execution.deadline);
        });
        let execution = self.next(thing).map(|e| e.shown(thing, true));
        Ok(json!({"execution": execution}))
    }

    fn describe(&self, thing: &str, job: &str, body: &Value) -> Result<Value, Refusal> {
        let with_document = body.get("includeJobDocument") != Some(&json!(false));
        if job == "$next" {
            return Ok(match self.next(thing) {
                Some(next) => json!({"execution": next.shown(thing, with_document)}),
                None => json!({}),
            });
        }
        let number = body.get("executionNumber").and_then(Value::as_u64);
        let mut all = self.executions(thing).iter().rev();
        let found = all.find(|e| e.job == job && number.is_none_or(|number| number == e.number));
        let execution = found.ok_or_else(|| unknown(thing, job))?;
        if execution.status.is_over() {
            let words = format!("job {job} of {thing} is {}", execution.status.word());
            return Err(Refusal::new("TerminalStateReached", words));
        }
        Ok(json!({"execution": execution.shown(thing, with_document)}))
    }

    fn update(
        &mut self,
        thing: &str,
        job: &str,
        body: &Value,
        now: Timestamp,
        published: &mut Vec<Publication>,
    ) -> Result<Value, Refusal> {
        let wanted = body.get("status").and_then(Value::as_str);
        let status = wanted.and_then(Status::wanted).ok_or_else(|| {
            let words = "status has to be IN_PROGRESS, FAILED, SUCCEEDED or REJECTED";
            Refusal::new("InvalidRequest", words)
        })?;
        let details = details(body)?;
        let mut all = self.executions(thing).iter().rev();
        let execution = all
            .find(|e| e.job == job)
            .ok_or_else(|| unknown(thing, job))?;
        let refuse = |code, message: String| {
            Err(Refusal {
                code,
                message,
                state: Some(execution.state()),
            })
        };
        if execution.status.is_over() {
            let from = execution.status.word();
            let words = format!("a job cannot go from {from} to {}", status.word());
            return refuse("InvalidStateTransition", words);
        }
        let expected = body.get("expectedVersion").filter(|v| !v.is_null());
        if let Some(expected) = expected
            && text_or_number(expected) != Some(execution.version)
        {
            let words = format!("the current version is {}", execution.version);
            return refuse("VersionMismatch", words);
        }
        let mut changed = None;
        *published = self.changing(thing, now, |executions| {
            let Some(execution) = open(executions, job) else {
                return;
            };
            execution.status = status;
            execution.updated_at = now.seconds();
            execution.started_at = execution.started_at.or_else(|| Some(now.seconds()));
            execution.version += 1;
            if let Some(details) = details {
                execution.details = details;
            }
            execution.deadline = deadline(body, now).or(execution.deadline);
            changed = Some(execution.clone());
        });
        let asks = |name: &str| body.get(name) == Some(&json!(true));
        let mut answer = json!({});
        if let Some(execution) = changed {
            if asks("includeJobExecutionState") {
                answer["executionState"] = execution.state();
            }
            if asks("includeJobDocument") {
                answer["jobDocument"] = execution.document;
            }
        }
        Ok(answer)
    }

    /// Times out what has taken too long.
    pub fn tick(&mut self, now: Timestamp) -> Vec<Publication> {
        let is_late = |e: &Execution| {
            e.status == Status::InProgress && e.deadline.is_some_and(|at| at <= now.seconds())
        };
        let late: Vec<_> = self
            .executions
            .iter()
            .filter(|(_, all)| all.iter().any(is_late))
            .map(|(thing, _)| thing.clone())
            .collect();
        let mut published = Vec::new();
        for thing in late {
            published.extend(self.changing(&thing, now, |executions| {
                for execution in executions.iter_mut().filter(|e| is_late(e)) {
                    execution.status = Status::TimedOut;
                    execution.updated_at = now.seconds();
                    execution.version += 1;
                }
            }));
        }
        published
    }

    /// Changes a thing's list; the notifications that follow from it.
    fn changing(
        &mut self,
        thing: &str,
        now: Timestamp,
        change: impl FnOnce(&mut Vec<Execution>),
    ) -> Vec<Publication> {
        let open = |jobs: &Self| -> Vec<String> {
            let all = jobs.executions(thing).iter();
            all.filter(|e| !e.status.is_over())
                .map(|e| e.job.clone())
                .collect()
        };
        let next = |jobs: &Self| jobs.next(thing).map(|e| (e.job.clone(), e.number));
        let (open_before, next_before) = (open(self), next(self));
        change(self.executions.entry(thing.to_owned()).or_default());
        let base = format!("$aws/things/{thing}/jobs");
        let mut published = Vec::new();
        if open(self) != open_before {
            let pending = self.pending(thing);
            let mut jobs = Map::new();
            for (name, list) in [("IN_PROGRESS", "inProgressJobs"), ("QUEUED", "queuedJobs")] {
                if pending[list]
                    .as_array()
                    .is_some_and(|list| !list.is_empty())
                {
                    jobs.insert(name.to_owned(), pending[list].clone());
                }
            }
            let body = json!({"timestamp": now.seconds(), "jobs": jobs});
            published.push(Publication::new(format!("{base}/notify"), body.to_string()));
        }
        if next(self) != next_before {
            let mut body = json!({"timestamp": now.seconds()});
            if let Some(next) = self.next(thing) {
                body["execution"] = next.shown(thing, true);
            }
            published.push(Publication::new(
                format!("{base}/notify-next"),
                body.to_string(),
            ));
        }
        published
    }
}

/// The execution of a job that is not over, the latest.
fn open<'a>(executions: &'a mut [Execution], job: &str) -> Option<&'a mut Execution> {
    let mut all = executions.iter_mut().rev();
    all.find(|e| e.job == job && !e.status.is_over())
}

fn unknown(thing: &str, job: &str) -> Refusal {
    Refusal::new("ResourceNotFound", format!("{thing} has no job {job}"))
}

/// Texts by name.
fn details(body: &Value) -> Result<Option<Map<String, Value>>, Refusal> {
    match body.get("statusDetails") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(details)) if details.values().all(Value::is_string) => {
            Ok(Some(details.clone()))
        }
        Some(_) => {
            let words = "statusDetails has to be an object of texts";
            Err(Refusal::new("InvalidRequest", words))
        }
    }
}

fn deadline(body: &Value, now: Timestamp) -> Option<i64> {
    let minutes = body.get("stepTimeoutInMinutes")?.as_i64()?;
    (minutes > 0).then(|| now.seconds() + minutes * 60)
}

fn text_or_number(value: &Value) -> Option<u64> {
    value
        .as_u64()
        .or_else(|| value.as_str().and_then(|text| text.parse().ok()))
}

#[cfg(test)]
mod tests;
