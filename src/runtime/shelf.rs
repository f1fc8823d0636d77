//! The history on the disk: two threads beside the loop, one that writes and one that reads and searches.
//!
//! What leaves memory is handed over and never waited for: the queue is short, and what it has no room for is lost, which the core is
//! told. The folder has a ceiling; the oldest file goes when it is reached. One program at a time has a profile's folder.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;

use super::files;
use super::inbox::Inbox;
use crate::app::event::{Event, SearchId, ShelfEvent};
use crate::base::problem::Problem;
use crate::domain::fact::Fact;
use crate::domain::session::{SessionEvent, SessionId};
use crate::store::query::Query;
use crate::store::seek::Seek;
use crate::store::sheet::Sheet;
use crate::store::shelf::{Earlier, Loss, Place};

mod segment;

use segment::{Frame, Scan, Writer};

/// Blocks that wait to be written, at most.
const QUEUE: usize = 8;
/// Bytes of them: a block is as large as its largest message. One may be larger.
const QUEUE_BYTES: usize = 8 << 20;
/// A segment has a sixteenth of the folder's ceiling, within these bounds. Bytes.
const SEGMENT: (u64, u64) = (64 << 10, 64 << 20);
/// How long the folder's last owner, a session of this program, may take to let go of it.
const PATIENCE: Duration = Duration::from_secs(3);
/// What is left of a session when the program ends is written within this, or not at all; and the block that is being written
/// then, within the other.
const FAREWELL: (Duration, Duration) = (Duration::from_secs(2), Duration::from_millis(500));

/// A block that is to be kept.
type Job = (Place, Arc<Sheet>);

enum Order {
    Read(Place, Vec<u16>),
    Search(SearchId, Query),
    Seek(SearchId, Seek),
}

/// The history of one session. Dropping it ends its threads when they have done what they have.
pub struct Shelf {
    id: SessionId,
    shared: Arc<Shared>,
    jobs: SyncSender<Job>,
    orders: Sender<Order>,
    /// What a session leaves behind.
    rest: Option<oneshot::Sender<Vec<Job>>>,
    written: Option<oneshot::Receiver<()>>,
}

struct Shared {
    id: SessionId,
    inbox: Inbox,
    /// The only search that is wanted; 0 is none.
    wanted: AtomicU64,
    /// Looks for one row that are wanted.
    sought: Mutex<BTreeSet<SearchId>>,
    /// The program ends: nothing more is written.
    hurries: AtomicBool,
    /// Bytes of the blocks that wait to be written, and of the one that is.
    waiting: AtomicUsize,
    blocks: Mutex<HashMap<Place, Where>>,
}

#[derive(Clone)]
enum Where {
    /// Not written yet.
    Waiting(Arc<Sheet>),
    File(Arc<Path>, Frame),
}

impl Shelf {
    /// At once; the folder is looked at by the thread that writes.
    pub fn open(folder: PathBuf, limit: u64, id: SessionId, inbox: &Inbox) -> Self {
        let shared = Arc::new(Shared {
            id,
            inbox: inbox.clone(),
            wanted: AtomicU64::new(0),
            sought: Mutex::default(),
            hurries: AtomicBool::new(false),
            waiting: AtomicUsize::new(0),
            blocks: Mutex::default(),
        });
        let (jobs, writing) = mpsc::sync_channel(QUEUE);
        let (orders, reading) = mpsc::channel();
        let (rest, left) = oneshot::channel();
        let (done, written) = oneshot::channel();
        let writer = Arc::clone(&shared);
        let began = thread::Builder::new()
            .name("history".to_owned())
            .spawn(move || {
                write(&writer, &folder, limit, &writing, left);
                let _nobody_waits = done.send(());
            });
        let reader = Arc::clone(&shared);
        let reads = thread::Builder::new()
            .name("search".to_owned())
            .spawn(move || read(&reader, &reading));
        if let Err(error) = began.and(reads) {
            shared.notice(no_history(error.to_string()));
        }
        Self {
            id,
            shared,
            jobs,
            orders,
            rest: Some(rest),
            written: Some(written),
        }
    }

    pub const fn id(&self) -> SessionId {
        self.id
    }

    /// Hands a block over. Where there is no room for it, it is lost.
    pub fn keep(&self, place: Place, sheet: Arc<Sheet>) {
        let waiting = &self.shared.waiting;
        let bytes = sheet.cost();
        let before = waiting.fetch_add(bytes, Ordering::Relaxed);
        let has_room = before == 0 || before + bytes <= QUEUE_BYTES;
        self.shared.put(place, Where::Waiting(Arc::clone(&sheet)));
        if !has_room || self.jobs.try_send((place, sheet)).is_err() {
            waiting.fetch_sub(bytes, Ordering::Relaxed);
            self.shared.lost(&[place], Loss::Hole);
        }
    }

    pub fn read(&self, place: Place, rows: Vec<u16>) {
        // A thread that is gone has been told of.
        let _ = self.orders.send(Order::Read(place, rows));
    }

    pub fn search(&self, id: SearchId, query: Query) {
        self.shared.wanted.store(id.0, Ordering::Relaxed);
        let _ = self.orders.send(Order::Search(id, query));
    }

    pub fn seek(&self, id: SearchId, seek: Seek) {
        self.shared.sought().insert(id);
        let _ = self.orders.send(Order::Seek(id, seek));
    }

    /// The search, or the look for one row.
    pub fn stop_search(&self, id: SearchId) {
        self.shared.sought().remove(&id);
        // Another may be wanted by now.
        let _ = self
            .shared
            .wanted
            .compare_exchange(id.0, 0, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// The session is over; this is the rest of it.
    pub fn finish(&mut self, rest: Vec<Job>) {
        self.shared.wanted.store(0, Ordering::Relaxed);
        self.shared.sought().clear();
        if let Some(sender) = self.rest.take() {
            let _ = sender.send(rest);
        }
    }

    /// Until everything handed over is written, but never long.
    pub async fn close(mut self) {
        let (written, shared) = (self.written.take(), Arc::clone(&self.shared));
        drop(self);
        let Some(mut written) = written else {
            return;
        };
        if tokio::time::timeout(FAREWELL.0, &mut written)
            .await
            .is_err()
        {
            shared.hurries.store(true, Ordering::Relaxed);
            let _torn = tokio::time::timeout(FAREWELL.1, written).await;
        }
    }
}

impl Shared {
    fn blocks(&self) -> MutexGuard<'_, HashMap<Place, Where>> {
        self.blocks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sought(&self) -> MutexGuard<'_, BTreeSet<SearchId>> {
        self.sought.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, place: Place, at: Where) {
        self.blocks().insert(place, at);
    }

    fn tell(&self, event: ShelfEvent) {
        self.inbox.push(Event::Shelf(self.id, event));
    }

    fn lost(&self, places: &[Place], loss: Loss) {
        let mut blocks = self.blocks();
        for place in places {
            blocks.remove(place);
        }
        drop(blocks);
        self.tell(ShelfEvent::Lost(places.to_vec(), loss));
    }

    fn notice(&self, problem: Problem) {
        tracing::warn!("{}", problem.line());
        let event = SessionEvent::Fact(Fact::Notice(problem));
        self.inbox.push(Event::Session(self.id, event));
    }

    /// `None` when it is gone; a block that cannot be read any more is told of.
    fn sheet(&self, place: Place) -> Option<Arc<Sheet>> {
        let at = self.blocks().get(&place).cloned()?;
        let (path, frame) = match at {
            Where::Waiting(sheet) => return Some(sheet),
            Where::File(path, frame) => (path, frame),
        };
        match frame.read(&path) {
            Ok(sheet) => Some(Arc::new(sheet)),
            // Its file made room for newer ones meanwhile.
            Err(_gone) if !self.blocks().contains_key(&place) => None,
            Err(error) => {
                self.lost(&[place], Loss::Hole);
                self.notice(files::trouble("read messages from", &path, &error));
                None
            }
        }
    }
}

fn read(shared: &Shared, orders: &Receiver<Order>) {
    let mut last = None;
    let mut waiting = VecDeque::new();
    while let Some(order) = waiting.pop_front().or_else(|| orders.recv().ok()) {
        match order {
            Order::Read(place, rows) => read_back(shared, place, rows, &mut last),
            Order::Search(id, query) => {
                for place in query.places() {
                    while let Ok(order) = orders.try_recv() {
                        // Somebody looks at it, or waits for it: that comes first.
                        match order {
                            Order::Read(place, rows) => {
                                read_back(shared, place, rows, &mut last);
                            }
                            Order::Seek(id, one) => {
                                seek(shared, id, &one, &mut last, orders, &mut waiting);
                            }
                            search @ Order::Search(..) => waiting.push_back(search),
                        }
                    }
                    if shared.wanted.load(Ordering::Relaxed) != id.0 {
                        break;
                    }
                    let rows = shared.sheet(*place).map(|sheet| query.sift(&sheet));
                    if let Some(rows) = rows.filter(|rows| !rows.is_empty()) {
                        shared.tell(ShelfEvent::Found(id, *place, rows));
                    }
                }
                shared.tell(ShelfEvent::SearchOver(id));
            }
            Order::Seek(id, one) => seek(shared, id, &one, &mut last, orders, &mut waiting),
        }
    }
}

/// One row, wherever it is. One that is not wanted any more ends with the next block, and nothing is told of it.
fn seek(
    shared: &Shared,
    id: SearchId,
    seek: &Seek,
    last: &mut Option<(Place, Arc<Sheet>)>,
    orders: &Receiver<Order>,
    waiting: &mut VecDeque<Order>,
) {
    let mut found = None;
    for place in &seek.places {
        while let Ok(order) = orders.try_recv() {
            match order {
                Order::Read(place, rows) => read_back(shared, place, rows, last),
                other => waiting.push_back(other),
            }
        }
        if !shared.sought().contains(&id) {
            return;
        }
        let known = last.as_ref().filter(|(known, _)| known == place);
        let sheet = known.map(|(_, sheet)| Arc::clone(sheet));
        let Some(sheet) = sheet.or_else(|| shared.sheet(*place)) else {
            continue;
        };
        if let Some(row) = seek.find(*place, &sheet) {
            found = Some((*place, row, Box::new(sheet.some(&[row]))));
            *last = Some((*place, sheet));
            break;
        }
    }
    if shared.sought().remove(&id) {
        shared.tell(ShelfEvent::Sought(id, found));
    }
}

/// `last` is the block that was read last: who scrolls asks for its next rows.
fn read_back(
    shared: &Shared,
    place: Place,
    rows: Vec<u16>,
    last: &mut Option<(Place, Arc<Sheet>)>,
) {
    if last.as_ref().is_none_or(|(known, _)| *known != place) {
        *last = shared.sheet(place).map(|sheet| (place, sheet));
    }
    if let Some((_, sheet)) = last {
        let page = Box::new(sheet.some(&rows));
        shared.tell(ShelfEvent::Page(place, rows, page));
    }
}

fn write(
    shared: &Shared,
    folder: &Path,
    limit: u64,
    jobs: &Receiver<Job>,
    mut left: oneshot::Receiver<Vec<Job>>,
) {
    let mut cabinet = match Cabinet::open(shared, folder, limit) {
        Ok(cabinet) => Some(cabinet),
        Err(problem) => {
            shared.notice(problem);
            None
        }
    };
    let mut keep = |(place, sheet): Job| match &mut cabinet {
        Some(cabinet) => cabinet.keep(place, &sheet),
        None => shared.lost(&[place], Loss::Hole),
    };
    while let Ok(job) = jobs.recv() {
        let bytes = job.1.cost();
        keep(job);
        shared.waiting.fetch_sub(bytes, Ordering::Relaxed);
    }
    // The handle is gone: what it left behind, if anything.
    let mut rest = left.try_recv().unwrap_or_default().into_iter();
    while let Some(job) = rest.next() {
        if shared.hurries.load(Ordering::Relaxed) {
            let jobs = std::iter::once(job).chain(rest);
            return shared.notice(unwritten(jobs.map(|(_, sheet)| sheet.messages()).sum()));
        }
        keep(job);
    }
}

/// For the log: the screen is gone by then.
fn unwritten(messages: u64) -> Problem {
    Problem::new(
        format!("the newest {messages} messages are not kept on the disk"),
        "it did not take them within the time that ending may take",
        "give history.memory less, or history.disk a faster disk",
    )
}

/// The files, oldest first, the last one being written.
struct Cabinet<'a> {
    shared: &'a Shared,
    folder: PathBuf,
    limit: u64,
    files: VecDeque<Drawer>,
    writer: Option<Writer>,
    /// Number of the next file.
    next: u64,
    /// The disk refused: said once, until it takes something again.
    refused: bool,
    /// Held as long as this is.
    _lock: File,
}

struct Drawer {
    path: Arc<Path>,
    bytes: u64,
    places: Vec<Place>,
}

impl<'a> Cabinet<'a> {
    fn open(shared: &'a Shared, folder: &Path, limit: u64) -> Result<Self, Problem> {
        files::make_private_folder(folder)?;
        let lock = lock(folder)?;
        let mut cabinet = Self {
            shared,
            folder: folder.to_owned(),
            limit,
            files: VecDeque::new(),
            writer: None,
            next: 1,
            refused: false,
            _lock: lock,
        };
        let earlier = cabinet.look_around()?;
        if !earlier.is_empty() {
            shared.tell(ShelfEvent::Earlier(earlier));
        }
        // The ceiling may have been lowered since.
        cabinet.make_room();
        Ok(cabinet)
    }

    /// What earlier runs left. A file that is not as it should be is set aside or mended, and told of.
    fn look_around(&mut self) -> Result<Vec<Earlier>, Problem> {
        let wrong = |error: &io::Error| files::trouble("read", &self.folder, error);
        let mut numbers: Vec<u64> = fs::read_dir(&self.folder)
            .map_err(|error| wrong(&error))?
            .filter_map(|entry| number_of(&entry.ok()?.path()))
            .collect();
        numbers.sort_unstable();
        let mut earlier = Vec::new();
        for number in numbers {
            self.next = self.next.max(number.saturating_add(1));
            let path: Arc<Path> = self.path(number).into();
            let frames = self.frames(&path);
            let mut drawer = Drawer {
                bytes: fs::metadata(&path).map_or(0, |metadata| metadata.len()),
                path: Arc::clone(&path),
                places: Vec::new(),
            };
            for frame in frames {
                let place = Place(earlier.len() as u64);
                self.shared
                    .put(place, Where::File(Arc::clone(&path), frame));
                drawer.places.push(place);
                earlier.push(Earlier {
                    place,
                    rows: frame.rows,
                    messages: u64::from(frame.messages),
                });
            }
            if !drawer.places.is_empty() {
                self.files.push_back(drawer);
            }
        }
        Ok(earlier)
    }

    fn frames(&self, path: &Path) -> Vec<Frame> {
        let torn = |frames: &[Frame], end: u64| {
            if frames.is_empty() {
                return self.set_aside(path, "it ends before its first block does");
            }
            let what = format!("the end of {} is cut off", path.display());
            let cause = "the program or the machine stopped while it was written";
            match segment::mend(path, end) {
                Ok(()) => self.shared.notice(Problem::new(
                    what,
                    cause,
                    "nothing: what stands before it is used",
                )),
                Err(error) => self.shared.notice(files::trouble("mend", path, &error)),
            }
        };
        match segment::scan(path) {
            Ok(Scan::Whole(frames)) => {
                if frames.is_empty() {
                    let _not_worth_a_word = fs::remove_file(path);
                }
                frames
            }
            Ok(Scan::Torn(frames, end)) => {
                torn(&frames, end);
                frames
            }
            Ok(Scan::Holed(frames, holes)) => {
                self.fill(path, &holes);
                frames
            }
            Ok(Scan::Garbled) => {
                self.set_aside(path, "its content makes no sense");
                Vec::new()
            }
            Err(error) => {
                self.shared.notice(files::trouble("read", path, &error));
                Vec::new()
            }
        }
    }

    fn fill(&self, path: &Path, holes: &[(u64, u64)]) {
        let bytes: u64 = holes.iter().map(|(from, to)| to - from).sum();
        match segment::fill(path, holes) {
            Ok(()) => self.shared.notice(Problem::new(
                format!("{bytes} bytes of {} cannot be read", path.display()),
                "the disk or another program changed them",
                "nothing: the messages around them are used",
            )),
            Err(error) => self.shared.notice(files::trouble("mend", path, &error)),
        }
    }

    fn set_aside(&self, path: &Path, why: &str) {
        let told = files::set_aside(path, why);
        self.shared.notice(told.unwrap_or_else(|problem| problem));
    }

    fn path(&self, number: u64) -> PathBuf {
        self.folder.join(format!("{number:08}.seg"))
    }

    fn keep(&mut self, place: Place, sheet: &Sheet) {
        match self.append(place, sheet) {
            Ok(()) => {
                self.refused = false;
                self.make_room();
            }
            Err(error) => {
                self.shared.lost(&[place], Loss::Hole);
                // Else a full disk would be filled with files that have nothing in them.
                self.writer.take_if(|writer| writer.is_torn);
                if !std::mem::replace(&mut self.refused, true) {
                    let problem = files::trouble("write messages to", &self.folder, &error);
                    self.shared.notice(problem);
                }
            }
        }
    }

    fn append(&mut self, place: Place, sheet: &Sheet) -> io::Result<()> {
        let largest = (self.limit / 16).clamp(SEGMENT.0, SEGMENT.1);
        let is_full = self.writer.as_ref().is_none_or(|w| w.length >= largest);
        if is_full {
            let path = self.path(self.next);
            self.next += 1;
            self.writer = Some(Writer::create(&path)?);
            self.files.push_back(Drawer {
                path: path.into(),
                bytes: 0,
                places: Vec::new(),
            });
        }
        let (Some(writer), Some(drawer)) = (&mut self.writer, self.files.back_mut()) else {
            return Err(io::Error::other("no file is open"));
        };
        let frame = writer.append(sheet)?;
        drawer.bytes = writer.length;
        drawer.places.push(place);
        let at = Where::File(Arc::clone(&drawer.path), frame);
        self.shared.put(place, at);
        Ok(())
    }

    /// The oldest files go; the one being written stays.
    fn make_room(&mut self) {
        let mut bytes: u64 = self.files.iter().map(|drawer| drawer.bytes).sum();
        let writing = usize::from(self.writer.is_some());
        while bytes > self.limit && self.files.len() > writing {
            let Some(oldest) = self.files.pop_front() else {
                return;
            };
            bytes -= oldest.bytes;
            self.shared.lost(&oldest.places, Loss::Old);
            if let Err(error) = fs::remove_file(&oldest.path) {
                self.shared
                    .notice(files::trouble("delete", &oldest.path, &error));
            }
        }
    }
}

fn number_of(path: &Path) -> Option<u64> {
    let is_segment = path.extension().is_some_and(|extension| extension == "seg");
    let stem = path.file_stem()?.to_str()?;
    is_segment.then(|| stem.parse().ok()).flatten()
}

fn lock(folder: &Path) -> Result<File, Problem> {
    let path = folder.join("lock");
    let mut options = File::options();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let opened = options.open(&path);
    let lock = opened.map_err(|error| files::trouble("open", &path, &error))?;
    let step = Duration::from_millis(50);
    for _ in 0..PATIENCE.as_millis() / step.as_millis() {
        match lock.try_lock() {
            Err(TryLockError::WouldBlock) => thread::sleep(step),
            // A file system without locks cannot tell of others.
            Ok(()) | Err(TryLockError::Error(_)) => return Ok(lock),
        }
    }
    Err(no_history(
        "another thingdeck is open on this profile and keeps it".to_owned(),
    ))
}

fn no_history(why: String) -> Problem {
    Problem::new(
        "older messages are not kept on the disk",
        why,
        "what memory has no room for is let go; start again to keep it",
    )
}

#[cfg(test)]
mod tests;
