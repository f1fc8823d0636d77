//! The dashboard's recording: a bounded queue, and a thread that writes it down.
//!
//! The screen never waits for the disk. What the queue has no room for is lost, leaves a gap line in its place and is counted.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;

use super::files;
use super::inbox::Inbox;
use super::recording::Recording;
use crate::app::effect::Recorded;
use crate::app::event::{Amount, Event, RecordingEvent, RecordingId};
use crate::base::moment::Timestamp;
use crate::base::problem::Problem;
use crate::cli::verb::Existing;
use crate::domain::line::{Origin, encode, encode_gap};
use crate::domain::profile::PlatformId;
use crate::domain::reading::Reading;
use crate::domain::session::Gap;

/// What waits for the disk, at most. Bytes.
const ROOM: usize = 32 << 20;
/// What a message takes besides its payload and topic, roughly. Bytes.
const EACH: usize = 384;
/// Lines go to the disk together, and the screen is told, this often.
const PACE: Duration = Duration::from_millis(100);
/// Or when the queue is this full.
const HASTE: usize = ROOM / 4;
/// The end of the program waits so long for the rest.
const FAREWELL: Duration = Duration::from_secs(2);

/// Where a recording goes, and whose it is.
pub struct Opening {
    pub id: RecordingId,
    pub folder: PathBuf,
    pub profile: String,
    pub platform: PlatformId,
    /// For the file's name.
    pub at: Timestamp,
}

/// A recording under way. Dropping it finishes the file in its own time.
pub struct Recorder {
    id: RecordingId,
    shared: Arc<Shared>,
    ended: Option<oneshot::Receiver<()>>,
}

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    came: Condvar,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Entry>,
    bytes: usize,
    /// Messages that there was no room for.
    lost: u64,
    is_closed: bool,
}

enum Entry {
    Recorded(Box<Recorded>),
    /// There was no room here.
    Lost(Gap, Timestamp),
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Recorder {
    /// At once; the file is made by the thread.
    pub fn start(opening: Opening, inbox: &Inbox) -> Self {
        let shared = Arc::new(Shared::default());
        let (done, ended) = oneshot::channel();
        let (id, writing, telling) = (opening.id, Arc::clone(&shared), inbox.clone());
        let began = thread::Builder::new()
            .name("recorder".to_owned())
            .spawn(move || {
                let end = write(&opening, &writing, &telling);
                let (amount, result) = match end {
                    Ok(amount) => (amount, Ok(())),
                    Err((amount, problem)) => (amount, Err(problem)),
                };
                telling.push(Event::Recording(id, RecordingEvent::Ended(amount, result)));
                let _nobody_waits = done.send(());
            });
        if let Err(error) = began {
            let problem = Problem::new(
                "nothing is recorded",
                error.to_string(),
                "free some memory or threads",
            );
            let ended = RecordingEvent::Ended(Amount::default(), Err(problem));
            inbox.push(Event::Recording(id, ended));
        }
        Self {
            id,
            shared,
            ended: Some(ended),
        }
    }

    pub const fn id(&self) -> RecordingId {
        self.id
    }

    /// Never waits: where there is no room, it is lost.
    pub fn take(&self, recorded: Box<Recorded>) {
        let size = size(&recorded);
        let mut queue = self.shared.queue();
        if queue.is_closed {
            return;
        }
        if queue.bytes + size > ROOM && !queue.waiting.is_empty() {
            queue.lose(&recorded);
            return;
        }
        // Between the first one and its pace the thread has no use for the others.
        let wakes = queue.waiting.is_empty() || queue.bytes + size >= HASTE;
        queue.bytes += size;
        queue.waiting.push_back(Entry::Recorded(recorded));
        drop(queue);
        if wakes {
            self.shared.came.notify_one();
        }
    }

    /// Nothing more comes; the file is finished in its own time.
    pub fn stop(&self) {
        self.shared.queue().is_closed = true;
        self.shared.came.notify_one();
    }

    /// Until the file is finished, but never long.
    pub async fn close(mut self) {
        self.stop();
        if let Some(ended) = self.ended.take() {
            let _late = tokio::time::timeout(FAREWELL, ended).await;
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Queue {
    /// The newest goes: what stands before it is promised. One mark for all that is lost in a row.
    fn lose(&mut self, recorded: &Recorded) {
        let (more, at) = match recorded {
            Recorded::Message { message, .. } => (
                Gap {
                    messages: 1,
                    bytes: message.payload.len() as u64,
                },
                message.at,
            ),
            Recorded::Gap(gap, at) => (*gap, *at),
        };
        self.lost += more.messages;
        if let Some(Entry::Lost(gap, _)) = self.waiting.back_mut() {
            gap.messages += more.messages;
            gap.bytes += more.bytes;
        } else {
            self.waiting.push_back(Entry::Lost(more, at));
        }
    }
}

fn size(recorded: &Recorded) -> usize {
    match recorded {
        Recorded::Message { message, .. } => {
            message.payload.len() + message.topic.as_str().len() + EACH
        }
        Recorded::Gap(..) => EACH,
    }
}

/// A new file named by the time: two within a second are two files.
fn open(opening: &Opening) -> Result<Recording, Problem> {
    files::make_private_folder(&opening.folder)?;
    let time: String = opening.at.to_string().chars().take(19).collect();
    let time = time.replace(':', "-");
    let name = |n: u32| match n {
        1 => format!("{time}Z.jsonl"),
        n => format!("{time}Z-{n}.jsonl"),
    };
    let path = (1..1000)
        .map(|n| opening.folder.join(name(n)))
        .find(|path| !path.exists())
        .unwrap_or_else(|| opening.folder.join(name(1)));
    Recording::open(&path, Existing::Refuse).map(|(recording, _)| recording)
}

fn write(opening: &Opening, shared: &Shared, inbox: &Inbox) -> Result<Amount, (Amount, Problem)> {
    let mut amount = Amount::default();
    let tell = |event| inbox.push(Event::Recording(opening.id, event));
    let close = |problem| {
        // Nobody collects what is not written any more.
        let mut queue = shared.queue();
        queue.is_closed = true;
        queue.waiting.clear();
        problem
    };
    let mut recording = open(opening).map_err(|problem| (amount, close(problem)))?;
    let path = recording.path().display().to_string();
    tell(RecordingEvent::Began { path });
    let origin = Origin {
        profile: &opening.profile,
        platform: opening.platform,
    };
    while let Some(entries) = next(shared, &mut amount) {
        let mut lines = String::new();
        let mut messages = 0;
        for entry in entries {
            messages += u64::from(push_line(&mut lines, &entry, origin));
        }
        if let Err(problem) = recording.write(lines.as_bytes()) {
            return Err((amount, close(problem)));
        }
        amount.messages += messages;
        amount.bytes = recording.length();
        tell(RecordingEvent::Written(amount));
    }
    match recording.close(true) {
        Ok(bytes) => {
            amount.bytes = bytes;
            Ok(amount)
        }
        Err(problem) => Err((amount, problem)),
    }
}

/// What has gathered; `None` when nothing more comes.
fn next(shared: &Shared, amount: &mut Amount) -> Option<VecDeque<Entry>> {
    let wait = |queue, is_idle: fn(&mut Queue) -> bool| {
        let waited = shared.came.wait_while(queue, is_idle);
        waited.unwrap_or_else(PoisonError::into_inner)
    };
    let queue = wait(shared.queue(), |queue| {
        queue.waiting.is_empty() && !queue.is_closed
    });
    let gathered = shared
        .came
        .wait_timeout_while(queue, PACE, |queue| queue.bytes < HASTE && !queue.is_closed);
    let (mut queue, _) = gathered.unwrap_or_else(PoisonError::into_inner);
    if queue.waiting.is_empty() {
        return None;
    }
    queue.bytes = 0;
    amount.lost = queue.lost;
    Some(std::mem::take(&mut queue.waiting))
}

/// Whether it is a message.
fn push_line(lines: &mut String, entry: &Entry, origin: Origin<'_>) -> bool {
    let is_message = match entry {
        Entry::Recorded(recorded) => match recorded.as_ref() {
            Recorded::Message {
                message,
                kind,
                device,
                device_name,
                mask,
            } => {
                let reading = Reading {
                    kind: *kind,
                    device: device.clone(),
                    mask: mask.clone(),
                    ..Reading::default()
                };
                let name = device_name.as_deref();
                lines.push_str(&encode(message, &reading, origin, name));
                true
            }
            Recorded::Gap(gap, at) => {
                lines.push_str(&encode_gap(*gap, *at, origin));
                false
            }
        },
        Entry::Lost(gap, at) => {
            lines.push_str(&encode_gap(*gap, *at, origin));
            false
        }
    };
    lines.push('\n');
    is_message
}

#[cfg(test)]
mod tests;
