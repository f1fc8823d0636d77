//! What the composer leaves on the disk: the unsent draft and the history of each profile (state folder, 0600), and
//! `templates.toml` beside the config file. One worker does it in the order in which it was asked, off the loop.

use std::fs;
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::files::{self, Access, make_private_folder, replace, set_aside, trouble};
use super::inbox::Inbox;
use crate::app::effect::TemplateOrder;
use crate::app::event::{Event, Kept, Outcome};
use crate::base::problem::Problem;
use crate::domain::compose::{Entry, HISTORY, Template};
use crate::domain::fact::Fact;
use crate::domain::request::RequestId;
use crate::domain::session::{SessionEvent, SessionId};

/// Jobs that may wait; beyond it the disk is too slow, and that is said.
const JOBS: usize = 256;
/// Longest files that are read. A history of longer lines is cut when it is next read.
const LONGEST: u64 = 64 * 1024 * 1024;
/// A history file beyond this is written anew with its last entries.
const HISTORY_BYTES: u64 = 8 * 1024 * 1024;
/// What a session takes at once.
const PAYLOAD: u64 = 16 * 1024 * 1024;
/// For a file on a disk that does not answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// For what waits when the program is left.
const FAREWELL: Duration = Duration::from_secs(2);

const DRAFT: &str = "draft.json";
const HISTORY_FILE: &str = "history.jsonl";

#[derive(Debug)]
pub enum Job {
    Load(RequestId, Option<PathBuf>),
    Draft(PathBuf, Option<Box<Entry>>),
    History(PathBuf, Box<Entry>),
    Templates(RequestId, PathBuf, TemplateOrder),
}

/// The worker's counter.
pub struct Drawer {
    jobs: Option<mpsc::Sender<(SessionId, Job)>>,
    worker: JoinHandle<()>,
    inbox: Inbox,
}

impl Drawer {
    pub fn open(inbox: Inbox) -> Self {
        let (jobs, orders) = mpsc::channel(JOBS);
        Self {
            jobs: Some(jobs),
            worker: tokio::spawn(work(orders, inbox.clone())),
            inbox,
        }
    }

    pub fn take(&self, session: SessionId, job: Job) {
        let sent = self.jobs.as_ref().map(|jobs| jobs.try_send((session, job)));
        if !matches!(sent, Some(Ok(()))) {
            let what = "the composer's draft and history are not kept";
            let problem = Problem::new(what, "the disk does not keep up", "check the disk");
            self.inbox.push(notice(session, problem));
        }
    }

    /// Waits for what was asked, but never long.
    pub async fn close(&mut self) {
        self.jobs = None;
        let _too_slow = tokio::time::timeout(FAREWELL, &mut self.worker).await;
    }
}

fn notice(session: SessionId, problem: Problem) -> Event {
    Event::Session(session, SessionEvent::Fact(Fact::Notice(problem)))
}

async fn work(mut orders: mpsc::Receiver<(SessionId, Job)>, inbox: Inbox) {
    // A disk that is full is told once, not at every key.
    let mut told = false;
    while let Some((session, job)) = orders.recv().await {
        let done = tokio::task::spawn_blocking(move || job.carry_out()).await;
        match done {
            Ok(Done::Kept(Ok(()))) => told = false,
            Ok(Done::Kept(Err(problem))) => {
                if !std::mem::replace(&mut told, true) {
                    inbox.push(notice(session, problem));
                }
            }
            Ok(Done::Answer(id, result)) => inbox.push(Event::Done(id, result)),
            // The panic hook has spoken.
            Err(_crashed) => return,
        }
    }
}

enum Done {
    Kept(Result<(), Problem>),
    Answer(RequestId, Result<Outcome, Problem>),
}

impl Job {
    fn carry_out(self) -> Done {
        match self {
            Self::Load(id, folder) => {
                let kept = folder.map(|folder| load(&folder)).unwrap_or_default();
                Done::Answer(id, Ok(Outcome::Kept(Box::new(kept))))
            }
            Self::Draft(folder, draft) => Done::Kept(keep_draft(&folder, draft.as_deref())),
            Self::History(folder, entry) => Done::Kept(append(&folder, &entry)),
            Self::Templates(id, file, order) => {
                Done::Answer(id, templates(&file, order).map(Outcome::Templates))
            }
        }
    }
}

/// Both files. What is damaged is set aside and said; what can be read of it is used.
fn load(folder: &Path) -> Kept {
    let mut kept = Kept::default();
    let path = folder.join(DRAFT);
    match text_of(&path) {
        Ok(None) => {}
        Ok(Some(text)) => match Entry::read(text.trim()) {
            Ok(entry) => kept.draft = Some(entry),
            Err(why) => kept.notices.push(aside(&path, &why)),
        },
        Err(problem) => kept.notices.push(problem),
    }
    let path = folder.join(HISTORY_FILE);
    match text_of(&path) {
        Ok(None) => {}
        Ok(Some(text)) => read_history(&path, &text, &mut kept),
        Err(problem) => kept.notices.push(problem),
    }
    kept
}

fn read_history(path: &Path, text: &str, kept: &mut Kept) {
    let lines: Vec<_> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    let mut why = None;
    for (number, line) in lines.iter().enumerate() {
        match Entry::read(line) {
            Ok(entry) => kept.history.push(entry),
            Err(error) => {
                why.get_or_insert_with(|| format!("line {}: {error}", number + 1));
            }
        }
    }
    let older = kept.history.len().saturating_sub(HISTORY);
    kept.history.drain(..older);
    if let Some(why) = &why {
        kept.notices.push(aside(path, why));
    }
    if (why.is_some() || older > 0)
        && let Err(problem) = write_history(path, &kept.history)
    {
        kept.notices.push(problem);
    }
}

fn aside(path: &Path, why: &str) -> Problem {
    set_aside(path, why).unwrap_or_else(|problem| problem)
}

/// `None`: it is not there. Bytes that are no text are damage like any other.
fn text_of(path: &Path) -> Result<Option<String>, Problem> {
    let length = match fs::metadata(path) {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(trouble("read", path, &error)),
    };
    if length > LONGEST {
        return Err(aside(path, "it is far longer than thingdeck makes it"));
    }
    let bytes = fs::read(path).map_err(|error| trouble("read", path, &error))?;
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

fn keep_draft(folder: &Path, draft: Option<&Entry>) -> Result<(), Problem> {
    let path = folder.join(DRAFT);
    let Some(line) = draft.and_then(Entry::line) else {
        return match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(trouble("delete", &path, &error))
            }
            _ => Ok(()),
        };
    };
    make_private_folder(folder)?;
    replace(&path, format!("{line}\n").as_bytes(), Access::Private)
}

fn append(folder: &Path, entry: &Entry) -> Result<(), Problem> {
    let Some(line) = entry.history_line() else {
        return Ok(());
    };
    make_private_folder(folder)?;
    let path = folder.join(HISTORY_FILE);
    let written = open_to_append(&path).and_then(|mut file| {
        // A line that a full disk tore takes no other one along.
        let before = if is_torn(&mut file)? { "\n" } else { "" };
        // In one piece: two dashboards on one profile do not mix their lines.
        file.write_all(format!("{before}{line}\n").as_bytes())?;
        file.metadata()
    });
    let length = written
        .map_err(|error| trouble("write", &path, &error))?
        .len();
    if length > HISTORY_BYTES {
        shorten(&path)?;
    }
    Ok(())
}

/// The newer half stays.
fn shorten(path: &Path) -> Result<(), Problem> {
    let Some(text) = text_of(path)? else {
        return Ok(());
    };
    let mut kept = Kept::default();
    read_history(path, &text, &mut kept);
    let half = kept.history.len() / 2;
    write_history(path, kept.history.get(half..).unwrap_or_default())?;
    // What was damaged is said.
    kept.notices.into_iter().next().map_or(Ok(()), Err)
}

fn is_torn(file: &mut fs::File) -> io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(false);
    }
    let mut last = [0];
    file.seek(io::SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

fn open_to_append(path: &Path) -> io::Result<fs::File> {
    let mut options = fs::OpenOptions::new();
    options.create(true).append(true).read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(path)
}

fn write_history(path: &Path, entries: &[Entry]) -> Result<(), Problem> {
    let mut text = String::new();
    for line in entries.iter().filter_map(Entry::history_line) {
        text.push_str(&line);
        text.push('\n');
    }
    replace(path, text.as_bytes(), Access::Private)
}

/// A file that is not understood is left as it is.
fn templates(file: &Path, order: TemplateOrder) -> Result<Vec<Template>, Problem> {
    let before = text_of(file)?.unwrap_or_default();
    let wrong = |why: String| {
        Problem::new(
            format!("{} is not understood", file.display()),
            why,
            "mend it there; it is left as it is",
        )
    };
    let after = match order {
        TemplateOrder::Load => None,
        TemplateOrder::Save(template) => Some(template.put_into(&before)),
        TemplateOrder::Delete(name) => Some(Template::take_out(&name, &before)),
    };
    let text = match after
        .transpose()
        .map_err(|error| wrong(error.to_string()))?
    {
        Some(text) => {
            if let Some(folder) = file.parent() {
                files::make_folder(folder)?;
            }
            replace(file, text.as_bytes(), Access::AsBefore)?;
            text
        }
        None => before,
    };
    Template::read_all(&text).map_err(|error| wrong(error.to_string()))
}

/// The bytes of a file that is to be published.
pub async fn read_payload(path: &str) -> Result<Bytes, Problem> {
    let here = std::env::current_dir().unwrap_or_default();
    let path = files::resolve(path, &here);
    let shown = path.clone();
    let read = tokio::task::spawn_blocking(move || {
        let metadata = fs::metadata(&path).map_err(|error| trouble("read", &path, &error))?;
        let not = |cause: String| {
            Problem::new(
                format!("could not read {}", path.display()),
                cause,
                "name another file",
            )
        };
        if !metadata.is_file() {
            return Err(not("it is no file".to_owned()));
        }
        if metadata.len() > PAYLOAD {
            return Err(not(format!(
                "it has {} bytes; {PAYLOAD} are the most",
                metadata.len()
            )));
        }
        fs::read(&path).map_err(|error| trouble("read", &path, &error))
    });
    match tokio::time::timeout(PATIENCE, read).await {
        Ok(Ok(bytes)) => bytes.map(Bytes::from),
        Ok(Err(_crashed)) => Err(Problem::new("could not read the file", "", "")),
        Err(_late) => Err(Problem::new(
            format!("could not read {}", shown.display()),
            "the disk does not answer",
            "try again",
        )),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::base::moment::Timestamp;
    use crate::domain::compose::Sheet;

    fn entry(topic: &str) -> Entry {
        Entry {
            at: Timestamp(1),
            sent: true,
            sheet: Sheet {
                topic: topic.to_owned(),
                payload: "{{env SECRET}}".to_owned(),
                ..Sheet::default()
            },
        }
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).expect("there").permissions().mode() & 0o777
    }

    #[test]
    fn draft_and_history_come_back_and_only_their_owner_can_read_them() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("composer/lab");
        assert_eq!(load(&folder), Kept::default());
        keep_draft(&folder, Some(&entry("draft"))).unwrap();
        append(&folder, &entry("a")).unwrap();
        append(&folder, &entry("b")).unwrap();
        let kept = load(&folder);
        assert_eq!(kept.draft, Some(entry("draft")));
        assert_eq!(kept.history, [entry("a"), entry("b")]);
        assert_eq!(mode(&folder), 0o700);
        assert_eq!(mode(&folder.join(DRAFT)), 0o600);
        assert_eq!(mode(&folder.join(HISTORY_FILE)), 0o600);
        keep_draft(&folder, None).unwrap();
        keep_draft(&folder, None).unwrap();
        assert_eq!(load(&folder).draft, None);
    }

    #[test]
    fn what_is_damaged_is_set_aside_and_the_rest_is_used() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("lab");
        append(&folder, &entry("a")).unwrap();
        keep_draft(&folder, Some(&entry("draft"))).unwrap();
        let damage = |name: &str, bytes: &[u8]| {
            let path = folder.join(name);
            let mut content = fs::read(&path).unwrap();
            content.extend_from_slice(bytes);
            replace(&path, &content, Access::Private).unwrap();
        };
        damage(HISTORY_FILE, b"{\"v\":1,\"at\n\xff\0\n");
        damage(DRAFT, b"garbage");
        let kept = load(&folder);
        assert_eq!((kept.draft, kept.history), (None, vec![entry("a")]));
        assert_eq!(kept.notices.len(), 2, "{:?}", kept.notices);
        assert!(kept.notices[0].remedy.contains(".damaged-1"));
        assert_eq!(load(&folder).notices, []);
        assert_eq!(load(&folder).history, [entry("a")]);
    }

    #[test]
    fn a_line_that_a_full_disk_tore_takes_no_other_one_along() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("lab");
        append(&folder, &entry("a")).unwrap();
        let path = folder.join(HISTORY_FILE);
        let torn = format!("{}{{\"v\":1,\"at\":", fs::read_to_string(&path).unwrap());
        replace(&path, torn.as_bytes(), Access::Private).unwrap();
        append(&folder, &entry("b")).unwrap();
        let kept = load(&folder);
        assert_eq!(kept.history, [entry("a"), entry("b")]);
        assert_eq!(kept.notices.len(), 1, "{:?}", kept.notices);
    }

    #[test]
    fn the_history_is_bounded() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("lab");
        for n in 0..HISTORY + 5 {
            append(&folder, &entry(&n.to_string())).unwrap();
        }
        let kept = load(&folder);
        assert_eq!(kept.history.len(), HISTORY);
        assert_eq!(kept.history[0].sheet.topic, "5");
        let file = fs::read_to_string(folder.join(HISTORY_FILE)).unwrap();
        assert_eq!(file.lines().count(), HISTORY);
    }

    #[test]
    fn templates_are_saved_into_the_file_as_it_is_and_a_wrong_one_is_left_alone() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("conf/templates.toml");
        assert_eq!(templates(&file, TemplateOrder::Load), Ok(Vec::new()));
        let template = Template {
            name: "lamp".to_owned(),
            sheet: entry("home/lamp").sheet,
        };
        let save = TemplateOrder::Save(Box::new(template.clone()));
        assert_eq!(templates(&file, save.clone()), Ok(vec![template]));
        let gone = templates(&file, TemplateOrder::Delete("lamp".to_owned()));
        assert_eq!(gone, Ok(Vec::new()));
        let wrong = b"[lamp]\ntopic = 3\n";
        replace(&file, wrong, Access::AsBefore).unwrap();
        let problem = templates(&file, save).unwrap_err();
        assert!(problem.cause.contains("line 2"), "{problem}");
        assert_eq!(fs::read(&file).unwrap(), wrong);
    }

    #[tokio::test]
    async fn a_file_to_publish_is_read_or_it_is_said_why_not() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("x.bin");
        replace(&path, b"\x00\xff", Access::Private).unwrap();
        let text = |path: &Path| path.to_string_lossy().into_owned();
        assert_eq!(
            read_payload(&text(&path)).await.unwrap().as_ref(),
            b"\x00\xff"
        );
        let folder = read_payload(&text(home.path())).await.unwrap_err();
        assert!(folder.cause.contains("no file"), "{folder}");
        assert!(read_payload("/no/such/file").await.is_err());
    }

    #[tokio::test]
    async fn what_was_asked_before_leaving_is_on_the_disk_afterwards() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("lab");
        let mut drawer = Drawer::open(Inbox::new(1 << 20));
        for n in 0..20 {
            let draft = Some(Box::new(entry(&n.to_string())));
            drawer.take(SessionId::default(), Job::Draft(folder.clone(), draft));
        }
        drawer.close().await;
        assert_eq!(load(&folder).draft, Some(entry("19")));
    }
}
