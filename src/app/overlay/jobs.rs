//! The jobs of a thing: what is under way and what waits, live; one of them with its document; starting the next, and
//! saying what became of one.

use super::super::action::Action;
use super::super::event::{Key, KeyCode};
use super::super::keymap;
use super::super::layout::centre;
use super::super::lines::{self, labelled, line, span};
use super::super::screen::{Area, ChoiceBox, ChoiceRow, Line, Overlay, Role, Span, TextBox};
use super::super::scroll::{self, Step};
use super::super::state::App;
use super::super::words;
use super::form::{FormField, FormKind, FormOver, Sort};
use super::shadow::fitting;
use super::text::problem_lines;
use super::{After, Over};
use crate::base::problem::Problem;
use crate::base::text::{self, SafeText};
use crate::domain::device::DeviceId;
use crate::domain::jobs::{Job, STATUSES};
use crate::domain::json;
use crate::domain::payload;
use crate::domain::request::RequestId;
use crate::domain::shadow::Node;
use crate::domain::subscription::Feed;

#[derive(Debug)]
pub(in super::super) struct JobsOver {
    thing: DeviceId,
    selected: usize,
    offset: usize,
    /// The one that is looked at, and how far down.
    open: Option<(String, usize)>,
}

impl JobsOver {
    /// The keys that do something now.
    /// `any`: there are jobs.
    const fn keys(&self, any: bool) -> &'static [(&'static str, &'static str)] {
        match self.open {
            Some(_) => &[("u", "update"), ("r", "refresh"), ("Esc", "back")],
            None if !any => &[("r", "refresh"), ("e", "follow"), ("Esc", "close")],
            None => &[
                ("Enter", "document"),
                ("n", "start next"),
                ("u", "update"),
                ("r", "refresh"),
                ("e", "follow"),
                ("Esc", "close"),
            ],
        }
    }
}

impl App {
    pub(in super::super) fn open_jobs(&mut self) {
        match self.device_at_hand() {
            Some(thing) => self.open_jobs_of(&thing),
            None => self.say(Role::Warn, "no device is selected"),
        }
    }

    pub(super) fn open_jobs_of(&mut self, thing: &DeviceId) {
        if !self.capabilities().jobs {
            let platform = self.platform_name();
            return self.say(Role::Warn, format!("{platform} has no jobs"));
        }
        self.watch_jobs(thing);
        self.open_over(Over::Jobs(JobsOver {
            thing: thing.clone(),
            selected: 0,
            offset: 0,
            open: None,
        }));
    }

    pub(super) fn jobs_key(&mut self, over: JobsOver, key: Key) -> After {
        match over.open.clone() {
            Some((job, offset)) => self.job_key(over, job, offset, key),
            None => self.jobs_list_key(over, key),
        }
    }

    fn jobs_list_key(&mut self, mut over: JobsOver, key: Key) -> After {
        let total = self.home.jobs.list(&over.thing).len();
        if let Some(step) = keymap::movement_of(key).and_then(step) {
            let rows = self.jobs_rows(&over);
            over.selected = step.from(over.selected, total, rows);
            over.offset = scroll::reveal(over.offset, over.selected, total, rows);
            return After::Stay(Over::Jobs(over));
        }
        if key.repeat || key.ctrl || key.alt {
            return After::Stay(Over::Jobs(over));
        }
        let thing = over.thing.clone();
        let chosen = self.home.jobs.list(&thing).get(over.selected).cloned();
        match (key.code, chosen) {
            (KeyCode::Esc | KeyCode::Char('q' | 'J'), _) => {
                self.unsettled = true;
                return After::Close;
            }
            (KeyCode::Enter, Some(job)) => {
                self.ask_job(&thing, &job.id);
                over.open = Some((job.id, 0));
            }
            (KeyCode::Char('n'), _) => self.start_next_job(&thing),
            (KeyCode::Char('u'), Some(job)) => {
                let form = Over::Form(status_form(&thing, job));
                return After::Cover(Over::Jobs(over), form);
            }
            (KeyCode::Char('r'), _) => self.ask_jobs(&thing),
            (KeyCode::Char('e'), _) if self.capabilities().event.is_some() => {
                self.toggle_feed(Feed::Event, std::slice::from_ref(&thing));
            }
            _ => {}
        }
        After::Stay(Over::Jobs(over))
    }

    fn job_key(&mut self, mut over: JobsOver, job: String, offset: usize, key: Key) -> After {
        if let Some(step) = keymap::movement_of(key).and_then(step) {
            let (area, lines) = self.job_page(&over, &job);
            let rows = usize::from(area.height).saturating_sub(2);
            over.open = Some((job, step.scroll(offset, lines.len(), rows)));
            return After::Stay(Over::Jobs(over));
        }
        if key.repeat || key.ctrl || key.alt {
            return After::Stay(Over::Jobs(over));
        }
        let thing = over.thing.clone();
        match key.code {
            KeyCode::Esc | KeyCode::Enter | KeyCode::Char('q') => over.open = None,
            KeyCode::Char('r') => self.ask_job(&thing, &job),
            KeyCode::Char('u') => {
                if let Some(job) = self.home.jobs.job(&thing, &job).cloned() {
                    let form = Over::Form(status_form(&thing, job));
                    return After::Cover(Over::Jobs(over), form);
                }
            }
            _ => {}
        }
        After::Stay(Over::Jobs(over))
    }

    pub(in super::super) fn jobs_keys(
        &self,
        over: &JobsOver,
    ) -> &'static [(&'static str, &'static str)] {
        over.keys(!self.home.jobs.list(&over.thing).is_empty())
    }

    pub(super) fn jobs_picture(&self, over: &JobsOver) -> Overlay {
        match &over.open {
            None => Overlay::Choice(self.jobs_list_picture(over)),
            Some((job, offset)) => Overlay::Text(self.job_picture(over, job, *offset)),
        }
    }

    fn jobs_area(&self, over: &JobsOver) -> (Area, Vec<Line>) {
        let wide = centre(self.size, 100, u16::MAX);
        let cells = usize::from(wide.width).saturating_sub(4);
        let intro = self.jobs_intro(&over.thing, cells);
        let list = self.home.jobs.list(&over.thing).len().max(1);
        let needed = u16::try_from(intro.len() + list + 3).unwrap_or(u16::MAX);
        (centre(self.size, 100, needed.max(8)), intro)
    }

    fn jobs_rows(&self, over: &JobsOver) -> usize {
        let (area, intro) = self.jobs_area(over);
        usize::from(area.height)
            .saturating_sub(3 + intro.len())
            .max(1)
    }

    fn jobs_intro(&self, thing: &DeviceId, cells: usize) -> Vec<Line> {
        let entry = self.home.jobs.get(thing);
        let mut out = Vec::new();
        if let Some(trouble) = entry.and_then(|entry| entry.trouble.as_ref()) {
            out.extend(problem_lines(trouble, cells));
        }
        let jobs = entry.and_then(|entry| entry.jobs.as_ref());
        match jobs {
            None if self.asks_jobs(thing) => out.push(line("asking for the jobs …", Role::Pending)),
            None if out.is_empty() => {
                out.push(line("nothing is known of them; r asks again", Role::Normal));
            }
            None => {}
            Some(jobs) if jobs.is_empty() => {
                out.push(line("no job is pending or under way", Role::Good));
            }
            Some(jobs) => {
                let running = jobs
                    .iter()
                    .filter(|job| job.status == "IN_PROGRESS")
                    .count();
                let text = format!("{running} under way, {} waiting", jobs.len() - running);
                out.push(line(text, Role::Normal));
            }
        }
        if self.capabilities().event.is_some() {
            let live = self
                .home
                .devices
                .get(thing)
                .is_some_and(|entry| entry.feed(Feed::Event).is_on());
            out.push(if live {
                line("live", Role::Good)
            } else {
                line("not followed: e subscribes its notifications", Role::Dim)
            });
        }
        out
    }

    fn jobs_list_picture(&self, over: &JobsOver) -> ChoiceBox {
        let (area, intro) = self.jobs_area(over);
        let rows = self.jobs_rows(over);
        let jobs = self.home.jobs.list(&over.thing);
        let selected = over.selected.min(jobs.len().saturating_sub(1));
        let offset = over.offset.min(jobs.len().saturating_sub(rows));
        let names = jobs
            .iter()
            .map(|job| text::width(&job.id))
            .max()
            .unwrap_or(0)
            .min(48);
        let shown = jobs.iter().enumerate().skip(offset).take(rows);
        ChoiceBox {
            area,
            title: SafeText::new(&format!("Jobs of {}", self.home.devices.label(&over.thing))),
            search: None,
            rows: shown
                .map(|(at, job)| ChoiceRow {
                    selected: at == selected,
                    name: vec![
                        span(text::pad(&job.id, names), Role::Normal),
                        span("  ", Role::Normal),
                        span(job.status.as_str(), status_role(&job.status)),
                    ],
                    detail: self.job_time(job),
                })
                .collect(),
            scroll: scroll::scroll(offset, jobs.len(), rows),
            hint: SafeText::new(&fitting(
                self.jobs_keys(over),
                usize::from(area.width).saturating_sub(8),
            )),
            intro,
        }
    }

    fn job_time(&self, job: &Job) -> Span {
        let told = [
            ("updated", job.updated),
            ("started", job.started),
            ("queued", job.queued),
        ];
        let latest = told.into_iter().find_map(|(word, at)| Some((word, at?)));
        span(
            latest.map_or(String::new(), |(word, at)| {
                format!("{word} {}", self.when(at))
            }),
            Role::Dim,
        )
    }

    fn job_page(&self, over: &JobsOver, job: &str) -> (Area, Vec<Line>) {
        let wide = centre(self.size, 104, u16::MAX);
        let cells = usize::from(wide.width).saturating_sub(4);
        let lines = match self.home.jobs.job(&over.thing, job) {
            Some(job) => self.job_lines(job, cells),
            None => vec![line(
                "it is neither pending nor under way any more",
                Role::Good,
            )],
        };
        let needed = u16::try_from(lines.len() + 2).unwrap_or(u16::MAX);
        (centre(self.size, 104, needed.max(8)), lines)
    }

    fn job_lines(&self, job: &Job, cells: usize) -> Vec<Line> {
        let mut out = vec![vec![
            span("status   ", Role::Dim),
            span(job.status.as_str(), status_role(&job.status)),
        ]];
        let number = |n: Option<u64>| n.map_or_else(|| "?".to_owned(), words::grouped);
        let counts = format!(
            "{}, execution {}",
            number(job.version),
            number(job.execution)
        );
        out.extend(labelled("version  ", &counts, Role::Number, cells));
        let times = [
            ("queued   ", job.queued),
            ("started  ", job.started),
            ("updated  ", job.updated),
        ];
        for (label, at) in times {
            if let Some(at) = at {
                out.extend(labelled(label, &self.when(at), Role::Normal, cells));
            }
        }
        if let Some(details) = &job.details {
            out.push(line("statusDetails", Role::Label));
            out.extend(json_lines(details, cells));
        }
        out.push(line("document", Role::Label));
        match &job.document {
            Some(document) => out.extend(json_lines(document, cells)),
            None => out.push(line("asking for it …", Role::Pending)),
        }
        out
    }

    fn job_picture(&self, over: &JobsOver, job: &str, offset: usize) -> TextBox {
        let (area, lines) = self.job_page(over, job);
        let rows = usize::from(area.height).saturating_sub(2);
        let offset = offset.min(lines.len().saturating_sub(rows));
        TextBox {
            area,
            title: SafeText::new(&format!("Job {job}")),
            scroll: scroll::scroll(offset, lines.len(), rows),
            lines: lines.into_iter().skip(offset).take(rows).collect(),
            hint: SafeText::new(&fitting(
                self.jobs_keys(over),
                usize::from(area.width).saturating_sub(8),
            )),
        }
    }

    pub(super) fn submit_job_status(
        &mut self,
        mut form: FormOver,
        thing: &DeviceId,
        job: &Job,
    ) -> After {
        let status = form.text(0).to_owned();
        match details(form.text(1)) {
            Ok(details) => {
                // Since the form was opened the job may have moved on: its version is then what is refused, in words.
                form.waiting = Some(self.update_job(thing, job, &status, details));
                form.error = None;
            }
            Err(problem) => {
                form.focus = 1;
                form.error = Some(problem);
            }
        }
        After::Stay(Over::Form(form))
    }

    pub(in super::super) fn job_update_failed(
        &mut self,
        id: RequestId,
        thing: &DeviceId,
        problem: Problem,
    ) {
        self.ask_jobs(thing);
        if let Some(form) = self.form_waiting(id) {
            form.waiting = None;
            form.error = Some(problem);
            return;
        }
        let name = self.home.devices.label(thing);
        self.problem_notice(&name, &problem);
    }
}

fn status_form(thing: &DeviceId, job: Job) -> FormOver {
    let words: Vec<String> = STATUSES.map(str::to_owned).to_vec();
    let first = match job.status.as_str() {
        "IN_PROGRESS" => "SUCCEEDED",
        _ => "IN_PROGRESS",
    };
    let note = "statusDetails: step=2, progress=50%, or JSON";
    let fields = vec![
        FormField::new("Status", first, Sort::OneOf(words), ""),
        FormField::new("Details", "", Sort::Text, note),
    ];
    FormOver::new(FormKind::JobStatus(thing.clone(), Box::new(job)), fields)
}

/// JSON of `statusDetails`: a flat object of strings, written as such or as `key=value, key=value`.
fn details(text: &str) -> Result<Option<String>, Problem> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let wrong =
        |why: &str| Problem::new(why, "", "write step=2, progress=50%, or {\"step\":\"2\"}");
    if text.starts_with('{') {
        let node = Node::parse(text).map_err(|error| wrong(&error.why))?;
        let flat = match &node {
            Node::Object(members) => members.iter().all(|(_, value)| value.words().is_some()),
            Node::Leaf(_) => false,
        };
        return if flat {
            Ok(Some(node.text()))
        } else {
            Err(wrong("every value of statusDetails is a string"))
        };
    }
    let mut members = Vec::new();
    for pair in text.split(',') {
        let (key, value) = pair
            .split_once('=')
            .ok_or_else(|| wrong("what is not JSON is written key=value"))?;
        members.push(format!(
            "{}:{}",
            json::quote(key.trim()),
            json::quote(value.trim())
        ));
    }
    Ok(Some(format!("{{{}}}", members.join(","))))
}

fn status_role(status: &str) -> Role {
    match status {
        "IN_PROGRESS" => Role::Pending,
        "SUCCEEDED" => Role::Good,
        "FAILED" | "REJECTED" | "TIMED_OUT" => Role::Bad,
        "QUEUED" => Role::Normal,
        _ => Role::Warn,
    }
}

fn json_lines(raw: &str, cells: usize) -> Vec<Line> {
    let laid_out =
        payload::pretty(raw.as_bytes()).unwrap_or_else(|| payload::raw_lines(raw.as_bytes()));
    laid_out
        .into_iter()
        .flat_map(|pieces| lines::fold(lines::pieces(pieces), cells, 4))
        .collect()
}

const fn step(action: Action) -> Option<Step> {
    Some(match action {
        Action::Up => Step::Up,
        Action::Down => Step::Down,
        Action::Top => Step::First,
        Action::Bottom => Step::Last,
        Action::PageUp => Step::PageUp,
        Action::PageDown => Step::PageDown,
        Action::HalfUp => Step::HalfUp,
        Action::HalfDown => Step::HalfDown,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn details_are_written_as_pairs_or_as_json() {
        let read = |text| details(text).map_err(|problem| problem.what);
        assert_eq!(read("  "), Ok(None));
        assert_eq!(
            read("step=2, note=a = b"),
            Ok(Some(r#"{"step":"2","note":"a = b"}"#.to_owned()))
        );
        assert_eq!(
            read(r#"{ "p" : "50" }"#),
            Ok(Some(r#"{"p":"50"}"#.to_owned()))
        );
        assert!(read(r#"{"p":50}"#).is_err());
        assert!(read("half done").is_err());
    }
}
