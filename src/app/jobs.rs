//! The jobs of the things whose jobs were opened: what is pending and under way, and what is asked about them.

use std::collections::BTreeMap;

use super::effect::Effect;
use super::pending::Purpose;
use super::screen::Role;
use super::state::App;
use crate::base::problem::Problem;
use crate::domain::device::DeviceId;
use crate::domain::jobs::{Job, JobsNews, JobsReply, JobsRequest, refusal};
use crate::domain::request::{Reply, Request, RequestId};

/// Things whose jobs are kept.
const KEPT: usize = 64;
/// Jobs of one thing that are kept; the service itself has fewer at a time.
const MOST: usize = 1000;

/// What an answer is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum JobsPurpose {
    List(DeviceId),
    Describe {
        thing: DeviceId,
        job: String,
    },
    Start(DeviceId),
    Update {
        thing: DeviceId,
        job: String,
        status: String,
    },
}

/// Of one thing.
#[derive(Debug, Default)]
pub(super) struct Entry {
    /// Under way first, then those that wait; `None` until they were told.
    pub(super) jobs: Option<Vec<Job>>,
    pub(super) trouble: Option<Problem>,
    opened: u64,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Jobs {
    entries: BTreeMap<DeviceId, Entry>,
    opened: u64,
}

impl Jobs {
    pub(super) fn get(&self, thing: &DeviceId) -> Option<&Entry> {
        self.entries.get(thing)
    }

    pub(super) fn job(&self, thing: &DeviceId, id: &str) -> Option<&Job> {
        let jobs = self.get(thing)?.jobs.as_ref()?;
        jobs.iter().find(|job| job.id == id)
    }

    pub(super) fn list(&self, thing: &DeviceId) -> &[Job] {
        let jobs = self.get(thing).and_then(|entry| entry.jobs.as_deref());
        jobs.unwrap_or_default()
    }

    fn open(&mut self, thing: &DeviceId) {
        self.opened += 1;
        self.entries.entry(thing.clone()).or_default().opened = self.opened;
        while self.entries.len() > KEPT {
            let oldest = self.entries.iter().min_by_key(|(_, entry)| entry.opened);
            let Some(oldest) = oldest.map(|(thing, _)| thing.clone()) else {
                return;
            };
            self.entries.remove(&oldest);
        }
    }
}

impl Entry {
    /// All of them, anew: what only a description told stays.
    fn replace(&mut self, mut jobs: Vec<Job>) {
        jobs.truncate(MOST);
        for job in &mut jobs {
            let known = self.jobs.iter().flatten().find(|known| known.id == job.id);
            if let Some(known) = known {
                job.keep_from(known);
            }
        }
        self.jobs = Some(jobs);
        self.trouble = None;
    }

    /// One of them, as it stands now.
    fn put(&mut self, mut job: Job) {
        let jobs = self.jobs.get_or_insert_default();
        let at = jobs.iter().position(|known| known.id == job.id);
        if let Some(at) = at {
            if job.version < jobs[at].version {
                return;
            }
            job.keep_from(&jobs[at]);
            jobs.remove(at);
        }
        if job.is_over() {
            return;
        }
        let first_waiting = jobs
            .iter()
            .position(|known| known.status != "IN_PROGRESS")
            .unwrap_or(jobs.len());
        let place = if job.status == "IN_PROGRESS" {
            at.unwrap_or(first_waiting).min(first_waiting)
        } else {
            at.unwrap_or(jobs.len()).clamp(first_waiting, jobs.len())
        };
        jobs.insert(place, job);
        jobs.truncate(MOST);
        self.trouble = None;
    }
}

impl App {
    pub(super) fn watch_jobs(&mut self, thing: &DeviceId) {
        self.home.jobs.open(thing);
        self.ask_jobs(thing);
    }

    pub(super) fn ask_jobs(&mut self, thing: &DeviceId) {
        if !self.asks_jobs(thing) {
            let purpose = JobsPurpose::List(thing.clone());
            self.request_jobs(purpose, JobsRequest::List(thing.clone()));
        }
    }

    pub(super) fn asks_jobs(&self, thing: &DeviceId) -> bool {
        self.pending
            .has(|p| matches!(p, Purpose::Jobs(JobsPurpose::List(asked)) if asked == thing))
    }

    /// Its document, which lists leave out.
    pub(super) fn ask_job(&mut self, thing: &DeviceId, job: &str) {
        let purpose = JobsPurpose::Describe {
            thing: thing.clone(),
            job: job.to_owned(),
        };
        if self.pending.has(|p| *p == Purpose::Jobs(purpose.clone())) {
            return;
        }
        let request = JobsRequest::Describe {
            thing: thing.clone(),
            job: job.to_owned(),
        };
        self.request_jobs(purpose, request);
    }

    pub(super) fn start_next_job(&mut self, thing: &DeviceId) {
        let purpose = JobsPurpose::Start(thing.clone());
        self.request_jobs(purpose, JobsRequest::StartNext(thing.clone()));
        self.say(Role::Pending, "asking for the next job");
    }

    pub(super) fn update_job(
        &mut self,
        thing: &DeviceId,
        job: &Job,
        status: &str,
        details: Option<String>,
    ) -> RequestId {
        let purpose = JobsPurpose::Update {
            thing: thing.clone(),
            job: job.id.clone(),
            status: status.to_owned(),
        };
        let request = JobsRequest::Update {
            thing: thing.clone(),
            job: job.id.clone(),
            status: status.to_owned(),
            details,
            expected: job.version,
        };
        self.request_jobs(purpose, request)
    }

    fn request_jobs(&mut self, purpose: JobsPurpose, request: JobsRequest) -> RequestId {
        let id = self.pending.begin(Purpose::Jobs(purpose));
        self.ask(Effect::Request(id, Request::Jobs(request)));
        id
    }

    /// Heard from the stream. What nobody has opened is let go.
    pub(super) fn jobs_news(&mut self, news: JobsNews) {
        let Some(entry) = self.home.jobs.entries.get_mut(news.thing()) else {
            return;
        };
        match news {
            JobsNews::List(_, jobs) => entry.replace(jobs),
            JobsNews::Next(_, Some(job)) => entry.put(*job),
            // No next one: nothing is pending or under way.
            JobsNews::Next(_, None) => entry.replace(Vec::new()),
        }
        self.moved |= !self.overlays.is_empty();
    }

    pub(super) fn jobs_answered(
        &mut self,
        id: RequestId,
        purpose: JobsPurpose,
        result: Result<Reply, Problem>,
    ) {
        let result = match result {
            Ok(Reply::Jobs(JobsReply::Refused { code, message })) => {
                let (what, thing) = doing(&purpose);
                Err(refusal(&what, thing, &code, &message))
            }
            Ok(Reply::Jobs(reply)) => Ok(reply),
            Ok(_) => return self.pending.stray(),
            Err(problem) => Err(problem),
        };
        match (purpose, result) {
            (JobsPurpose::List(thing), Ok(JobsReply::List(jobs))) => {
                if let Some(entry) = self.home.jobs.entries.get_mut(&thing) {
                    entry.replace(jobs);
                }
            }
            (JobsPurpose::List(thing), Err(problem)) => {
                if let Some(entry) = self.home.jobs.entries.get_mut(&thing) {
                    entry.trouble = Some(problem);
                }
            }
            (JobsPurpose::Describe { thing, .. }, Ok(JobsReply::One(Some(job)))) => {
                self.put_job(&thing, *job);
            }
            (JobsPurpose::Describe { .. }, Ok(JobsReply::One(None))) => {
                self.say(Role::Warn, "there is no such job any more");
            }
            (JobsPurpose::Start(_), Ok(JobsReply::One(None))) => {
                self.say(Role::Normal, "no job waits");
            }
            (JobsPurpose::Start(thing), Ok(JobsReply::One(Some(job)))) => {
                self.say(Role::Good, format!("{} is {}", job.id, job.status));
                self.put_job(&thing, *job);
            }
            (JobsPurpose::Update { thing, job, status }, Ok(JobsReply::Updated)) => {
                self.say(Role::Good, format!("{job}: {status} accepted"));
                self.close_form_waiting(id);
                self.ask_jobs(&thing);
            }
            (JobsPurpose::Update { thing, .. }, Err(problem)) => {
                self.job_update_failed(id, &thing, problem);
            }
            (JobsPurpose::Describe { thing, .. } | JobsPurpose::Start(thing), Err(problem)) => {
                let name = self.home.devices.label(&thing);
                self.problem_notice(&name, &problem);
            }
            (_, Ok(_)) => self.pending.stray(),
        }
    }

    fn put_job(&mut self, thing: &DeviceId, job: Job) {
        if let Some(entry) = self.home.jobs.entries.get_mut(thing) {
            entry.put(job);
        }
    }
}

fn doing(purpose: &JobsPurpose) -> (String, &DeviceId) {
    match purpose {
        JobsPurpose::List(thing) => ("could not list the jobs".to_owned(), thing),
        JobsPurpose::Describe { thing, job } => (format!("could not get job {job}"), thing),
        JobsPurpose::Start(thing) => ("could not start the next job".to_owned(), thing),
        JobsPurpose::Update { thing, job, status } => {
            (format!("could not set job {job} to {status}"), thing)
        }
    }
}
