//! What the disk keeps, what it gives back, and what it says when it cannot.

use std::iter::repeat_with;

use super::*;
use crate::base::moment::Timestamp;
use crate::domain::device::DeviceId;
use crate::domain::message::{Direction, Message, Properties, Qos};
use crate::domain::topic::Topic;
use crate::store::devices::Devices;
use crate::store::filter::Filter;
use crate::store::hits::View;
use crate::store::ring::{Note, Ring, Seq};

const LONG: Duration = Duration::from_secs(20);

fn message(payload: String) -> Message {
    Message {
        at: Timestamp(7),
        direction: Direction::In,
        topic: Topic::received("plant/a"),
        payload: payload.into(),
        qos: Qos::AtLeastOnce,
        retain: false,
        dup: false,
        ack: None,
        properties: None,
        session: false,
    }
}

/// That many messages, all but the newest on their way to the disk.
fn sheets(messages: usize) -> (Ring, Devices, Vec<Job>) {
    let mut ring = Ring::with_shelf(64 * 1024);
    let mut devices = Devices::default();
    let device = devices.number(&DeviceId::new("washer-1"));
    for n in 0..messages {
        let payload = format!(
            "{{\"number\":{n},\"key\":\"hidden {n}\",\"noise\":\"{:0>150}\"}}",
            n % 7
        );
        let note = Note {
            device: Some(device),
            mask: if n == 3 { &["key"] } else { &[] },
            ..Note::default()
        };
        ring.push(&message(payload), note);
    }
    let jobs = leaving(&mut ring, &devices);
    (ring, devices, jobs)
}

fn leaving(ring: &mut Ring, devices: &Devices) -> Vec<Job> {
    let leaving = ring.take_leaving(devices).into_iter();
    leaving
        .map(|(place, sheet)| (place, Arc::new(sheet)))
        .collect()
}

struct Desk {
    inbox: Inbox,
    shelf: Shelf,
}

impl Desk {
    fn open(folder: &Path, limit: u64) -> Self {
        let inbox = Inbox::new(1 << 20);
        let shelf = Shelf::open(folder.to_owned(), limit, SessionId::default(), &inbox);
        Self { inbox, shelf }
    }

    /// The next thing that is said.
    async fn next(&self) -> Event {
        tokio::time::timeout(LONG, self.inbox.filled())
            .await
            .expect("something is said in time");
        self.inbox.pop().expect("filled")
    }

    async fn shelf_event(&self) -> ShelfEvent {
        match self.next().await {
            Event::Shelf(_, event) => event,
            other => panic!("{other:?}"),
        }
    }

    async fn problem(&self) -> Problem {
        match self.next().await {
            Event::Session(_, SessionEvent::Fact(Fact::Notice(problem))) => problem,
            other => panic!("{other:?}"),
        }
    }

    /// Hands over one by one, so that the queue is never full.
    async fn keep_all(&self, jobs: &[Job]) {
        for (place, sheet) in jobs {
            self.shelf.keep(*place, Arc::clone(sheet));
            let written = async {
                while self.waits(*place) {
                    tokio::task::yield_now().await;
                }
            };
            tokio::time::timeout(LONG, written)
                .await
                .expect("it is written in time");
        }
    }

    fn waits(&self, place: Place) -> bool {
        let blocks = self.shelf.shared.blocks();
        matches!(blocks.get(&place), Some(Where::Waiting(_)))
    }
}

fn files_in(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .into_string()
                .expect("a name")
        })
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn what_is_kept_is_read_back_and_found_also_at_the_next_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut ring, mut devices, jobs) = sheets(1000);
    let desk = Desk::open(folder.path(), 1 << 30);
    desk.keep_all(&jobs).await;
    let (place, sheet) = &jobs[0];
    desk.shelf.read(*place, vec![0, 1]);
    let ShelfEvent::Page(read, rows, page) = desk.shelf_event().await else {
        panic!("a page")
    };
    assert_eq!((read, page.rows()), (*place, 2));
    assert!(sheet.rows() > 2);
    let first = ring.first();
    ring.add_page(read, rows, *page, &mut devices);
    let kept = ring.get(first).expect("read back");
    assert!(kept.payload.starts_with(b"{\"number\":0,"));
    assert_eq!(
        kept.device.and_then(|n| devices.id_of(n)),
        Some(&DeviceId::new("washer-1"))
    );
    desk.shelf.close().await;

    // The next start finds it, and what must not be shown never got there.
    let desk = Desk::open(folder.path(), 1 << 30);
    let ShelfEvent::Earlier(earlier) = desk.shelf_event().await else {
        panic!("what an earlier run left")
    };
    assert_eq!(earlier.len(), jobs.len());
    let found = |text: &str| {
        let view = View {
            filter: Filter::parse(text).expect("understood"),
            ..View::default()
        };
        let places = earlier.iter().rev().map(|e| e.place).collect();
        Query::new(view, &Devices::default(), places)
    };
    desk.shelf
        .search(SearchId(1), found("device:washer number==5"));
    assert_eq!(
        desk.shelf_event().await,
        ShelfEvent::Found(SearchId(1), earlier[0].place, vec![5])
    );
    assert_eq!(
        desk.shelf_event().await,
        ShelfEvent::SearchOver(SearchId(1))
    );
    desk.shelf.search(SearchId(2), found("\"hidden 3\\\"\""));
    assert_eq!(
        desk.shelf_event().await,
        ShelfEvent::SearchOver(SearchId(2))
    );
    desk.shelf.search(SearchId(3), found("\"hidden 4\\\"\""));
    assert_eq!(
        desk.shelf_event().await,
        ShelfEvent::Found(SearchId(3), earlier[0].place, vec![4])
    );
}

#[tokio::test]
async fn the_oldest_files_go_when_the_ceiling_is_reached_and_that_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut ring, _, jobs) = sheets(200_000);
    let desk = Desk::open(folder.path(), 300 << 10);
    desk.keep_all(&jobs).await;
    let places: Vec<_> = jobs.iter().map(|(place, _)| *place).collect();
    desk.shelf.close().await;
    let mut gone = Vec::new();
    while let Some(event) = desk.inbox.pop() {
        let Event::Shelf(_, ShelfEvent::Lost(lost, Loss::Old)) = event else {
            panic!("{event:?}")
        };
        for place in lost {
            ring.lose(place, Loss::Old);
            gone.push(place);
        }
    }
    assert!(!gone.is_empty());
    assert_eq!(gone, places[..gone.len()], "the oldest, in order");
    assert_eq!(
        ring.received(),
        ring.kept() + ring.shelved() + ring.dropped()
    );
    let size = |name: &String| fs::metadata(folder.path().join(name)).map_or(0, |m| m.len());
    let bytes: u64 = files_in(folder.path()).iter().map(size).sum();
    assert!(bytes <= 300 << 10, "{bytes}");
}

#[tokio::test]
async fn more_than_the_disk_can_take_is_lost_and_counted_and_nobody_waits() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut ring, _, jobs) = sheets(50_000);
    // The writer waits as long as somebody else has the folder.
    let lock = lock(folder.path()).expect("nobody has it");
    let desk = Desk::open(folder.path(), 1 << 30);
    for (place, sheet) in &jobs {
        desk.shelf.keep(*place, Arc::clone(sheet));
    }
    drop(lock);
    desk.shelf.close().await;
    let mut lost = 0;
    while let Some(event) = desk.inbox.pop() {
        if let Event::Shelf(_, ShelfEvent::Lost(places, Loss::Hole)) = event {
            lost += places.len();
            for place in places {
                ring.lose(place, Loss::Hole);
            }
        }
    }
    assert_eq!(
        ring.received(),
        ring.kept() + ring.shelved() + ring.dropped()
    );
    assert!(lost > 0 && lost < jobs.len(), "{lost} of {}", jobs.len());
}

#[tokio::test]
async fn two_programs_never_write_to_one_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    let first = Desk::open(folder.path(), 1 << 30);
    let (_, _, jobs) = sheets(1000);
    first.keep_all(&jobs[..1]).await;
    let second = Desk::open(folder.path(), 1 << 30);
    let problem = second.problem().await;
    assert!(problem.cause.contains("another thingdeck"), "{problem}");
    second.shelf.keep(jobs[1].0, Arc::clone(&jobs[1].1));
    assert_eq!(
        second.shelf_event().await,
        ShelfEvent::Lost(vec![jobs[1].0], Loss::Hole)
    );
}

#[cfg(unix)]
#[tokio::test]
async fn nobody_else_can_read_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let parent = tempfile::tempdir().expect("a folder");
    let folder = parent.path().join("history");
    let (_, _, jobs) = sheets(1000);
    let desk = Desk::open(&folder, 1 << 30);
    desk.keep_all(&jobs).await;
    let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    assert_eq!(mode(&folder.join("00000001.seg")), 0o600);
}

/// A folder with two segments.
async fn filled() -> (tempfile::TempDir, usize) {
    let folder = tempfile::tempdir().expect("a folder");
    let (_, _, jobs) = sheets(1000);
    for jobs in jobs.chunks(jobs.len().div_ceil(2)) {
        let desk = Desk::open(folder.path(), 1 << 30);
        desk.keep_all(jobs).await;
        desk.shelf.close().await;
    }
    (folder, jobs.len())
}

/// What a start says: problems, and how many blocks are there.
async fn start(folder: &Path) -> (Vec<String>, usize) {
    let desk = Desk::open(folder, 1 << 30);
    desk.shelf.close().await;
    let (mut problems, mut blocks) = (Vec::new(), 0);
    while let Some(event) = desk.inbox.pop() {
        match event {
            Event::Session(_, SessionEvent::Fact(Fact::Notice(problem))) => {
                problems.push(problem.line());
            }
            Event::Shelf(_, ShelfEvent::Earlier(earlier)) => blocks += earlier.len(),
            other => panic!("{other:?}"),
        }
    }
    (problems, blocks)
}

#[tokio::test]
async fn a_file_that_was_cut_off_keeps_what_stands_before_the_cut() {
    let (folder, blocks) = filled().await;
    let path = folder.path().join("00000002.seg");
    let length = fs::metadata(&path).expect("there").len();
    segment::mend(&path, length - 10).expect("cut");
    let (problems, there) = start(folder.path()).await;
    assert_eq!(there, blocks - 1);
    assert!(problems[0].contains("cut off"), "{problems:?}");
    assert_eq!(
        start(folder.path()).await,
        (Vec::new(), blocks - 1),
        "said once"
    );
}

/// Where the header of a file's third block ends.
fn third_header(path: &Path) -> usize {
    match segment::scan(path) {
        Ok(Scan::Whole(frames)) => usize::try_from(frames[2].at).expect("small"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_header_that_was_damaged_costs_its_block_and_no_other_one() {
    let (folder, blocks) = filled().await;
    let path = folder.path().join("00000001.seg");
    let at = third_header(&path);
    let mut bytes = fs::read(&path).expect("read");
    for byte in [at - 1, at - 24] {
        bytes[byte] ^= 0x10;
        files::replace(&path, &bytes, files::Access::Private).expect("write");
        let (problems, there) = start(folder.path()).await;
        assert_eq!(there, blocks - 1, "{problems:?}");
        assert!(problems[0].contains("cannot be read"), "{problems:?}");
        assert_eq!(
            start(folder.path()).await,
            (Vec::new(), blocks - 1),
            "said once"
        );
    }
}

/// As a file is left by a machine that went down: its length was written, what stands there was not.
#[tokio::test]
async fn an_end_of_zeros_is_cut_off() {
    let (folder, blocks) = filled().await;
    let path = folder.path().join("00000002.seg");
    let at = third_header(&path);
    let mut bytes = fs::read(&path).expect("read");
    let in_file = match segment::scan(&path) {
        Ok(Scan::Whole(frames)) => frames.len(),
        other => panic!("{other:?}"),
    };
    bytes[at - 24..].fill(0);
    files::replace(&path, &bytes, files::Access::Private).expect("write");
    let left = blocks - in_file + 2;
    let (problems, there) = start(folder.path()).await;
    assert_eq!((there, problems.len()), (left, 1), "{problems:?}");
    assert_eq!(start(folder.path()).await, (Vec::new(), left), "said once");
    let length = fs::metadata(&path).expect("there").len();
    assert_eq!(length, at as u64 - 24);
}

#[tokio::test]
async fn whatever_happens_to_a_file_the_start_goes_on_with_the_others() {
    for seed in 0..40 {
        let mut roll = fastrand::Rng::with_seed(seed);
        let (folder, blocks) = filled().await;
        let path = folder.path().join("00000001.seg");
        let mut bytes = fs::read(&path).expect("read");
        match seed % 4 {
            0 => bytes.truncate(roll.usize(0..bytes.len())),
            1 => bytes.fill(0),
            2 => (0..20).for_each(|_| {
                let at = roll.usize(0..bytes.len());
                bytes[at] ^= 1 << roll.u8(0..8);
            }),
            _ => bytes = (0..roll.usize(0..1000)).map(|_| roll.u8(..)).collect(),
        }
        files::replace(&path, &bytes, files::Access::Private).expect("write");
        let desk = Desk::open(folder.path(), 1 << 30);
        let mut notices = 0;
        // Everything is read once: what cannot be read any more is told of.
        let places = loop {
            match desk.next().await {
                Event::Shelf(_, ShelfEvent::Earlier(earlier)) => break earlier,
                _ => notices += 1,
            }
        };
        assert!(
            places.len() >= blocks - blocks.div_ceil(2),
            "seed {seed}: the other file is there"
        );
        for earlier in &places {
            desk.shelf.read(earlier.place, vec![0]);
        }
        let mut answered = 0;
        while answered < places.len() {
            match desk.next().await {
                Event::Shelf(_, ShelfEvent::Page(..) | ShelfEvent::Lost(..)) => answered += 1,
                _ => notices += 1,
            }
        }
        let whole = answered == blocks && seed % 4 == 2;
        assert!(
            notices > 0 || whole || seed % 4 == 0,
            "seed {seed}: it is told"
        );
    }
}

#[test]
fn a_file_that_could_not_be_made_costs_a_block_and_not_the_history() {
    let home = tempfile::tempdir().expect("a folder");
    let (_ring, _devices, jobs) = sheets(2_000);
    let shared = Shared {
        id: SessionId::default(),
        inbox: Inbox::new(1 << 20),
        wanted: AtomicU64::new(0),
        sought: Mutex::default(),
        hurries: AtomicBool::new(false),
        waiting: AtomicUsize::new(0),
        blocks: Mutex::default(),
    };
    let mut cabinet = Cabinet::open(&shared, home.path(), 1 << 20).expect("a cabinet");
    // What a full disk leaves of the first attempt, or somebody else's file.
    File::create(home.path().join("00000001.seg")).expect("a file");
    for (place, sheet) in &jobs[..2] {
        cabinet.keep(*place, sheet);
    }
    let kept = jobs[..2]
        .iter()
        .map(|(place, _)| matches!(shared.blocks().get(place), Some(Where::File(..))));
    assert_eq!(kept.collect::<Vec<_>>(), [false, true]);
}

/// failure-modes.md F13: through memory, the disk and the next start.
#[tokio::test]
async fn ten_thousand_random_payloads_come_back_from_the_disk_byte_for_byte() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut ring, mut devices) = (Ring::with_shelf(256 << 10), Devices::default());
    let mut dice = fastrand::Rng::with_seed(13);
    let desk = Desk::open(folder.path(), 1 << 30);
    let mut sent = Vec::new();
    for n in 0..10_000 {
        let length = dice.usize(0..=8192) >> dice.u32(0..8);
        let properties = (n % 7 == 0).then(|| Properties {
            correlation_data: Some(repeat_with(|| dice.u8(..)).take(9).collect()),
            ..Properties::default()
        });
        sent.push(Message {
            at: Timestamp(n),
            topic: Topic::received(&format!("거실/{}", n % 300)),
            payload: repeat_with(|| dice.u8(..)).take(length).collect(),
            qos: Qos::from_number(dice.u8(0..3)).expect("one of three"),
            retain: dice.bool(),
            dup: dice.bool(),
            session: dice.bool(),
            properties: properties.map(Box::new),
            ..message(String::new())
        });
        ring.push(&sent[sent.len() - 1], Note::default());
        desk.keep_all(&leaving(&mut ring, &devices)).await;
    }
    ring.let_go_of_all();
    desk.keep_all(&leaving(&mut ring, &devices)).await;
    desk.shelf.close().await;

    let desk = Desk::open(folder.path(), 1 << 30);
    let ShelfEvent::Earlier(earlier) = desk.shelf_event().await else {
        panic!("what an earlier run left")
    };
    let mut ring = Ring::with_shelf(256 << 10);
    ring.add_earlier(&earlier);
    let mut rest = sent.iter();
    for block in earlier {
        let rows = u16::try_from(block.rows).expect("few");
        desk.shelf.read(block.place, (0..rows).collect());
        let ShelfEvent::Page(place, rows, page) = desk.shelf_event().await else {
            panic!("a page")
        };
        let first = ring.first_of(place).expect("known");
        ring.add_page(place, rows, *page, &mut devices);
        for row in 0..u64::from(block.rows) {
            let wanted = rest.next().expect("no more than were sent");
            let kept = ring.get(Seq(first.0 + row)).expect("read back");
            assert!(kept.payload == wanted.payload, "payload {}", wanted.at.0);
            assert_eq!((kept.at, kept.topic), (wanted.at, wanted.topic.as_str()));
            assert_eq!(
                (kept.qos, kept.retain, kept.dup, kept.session),
                (wanted.qos, wanted.retain, wanted.dup, wanted.session)
            );
            assert_eq!(kept.properties(), wanted.properties);
            assert_eq!(kept.length, wanted.payload.len() as u64);
        }
    }
    assert_eq!(rest.next(), None);
}

/// Else eight of the largest would be far more than the ceiling has for them.
#[tokio::test]
async fn what_waits_for_the_disk_is_bounded_in_bytes_too() {
    let folder = tempfile::tempdir().expect("a folder");
    // The writer waits as long as somebody else has the folder.
    let lock = lock(folder.path()).expect("nobody has it");
    let desk = Desk::open(folder.path(), 1 << 30);
    let (mut ring, devices) = (Ring::with_shelf(24 << 20), Devices::default());
    for n in 0..12 {
        let payload = vec![b'a' + n; 5 << 20];
        let payload = String::from_utf8(payload).expect("text");
        ring.push(&message(payload), Note::default());
    }
    let jobs = leaving(&mut ring, &devices);
    assert!(jobs.len() > 4, "{} blocks", jobs.len());
    for (place, sheet) in &jobs {
        desk.shelf.keep(*place, Arc::clone(sheet));
    }
    assert!(desk.waits(jobs[0].0), "one has room however large it is");
    for (place, _) in &jobs[1..] {
        let lost = ShelfEvent::Lost(vec![*place], Loss::Hole);
        assert_eq!(desk.shelf_event().await, lost);
    }
    drop(lock);
    desk.shelf.close().await;
}

#[tokio::test]
async fn what_ending_leaves_no_time_for_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let (ring, _, jobs) = sheets(1000);
    let Desk { inbox, mut shelf } = Desk::open(folder.path(), 1 << 30);
    shelf.shared.hurries.store(true, Ordering::Relaxed);
    shelf.finish(jobs);
    shelf.close().await;
    let Some(Event::Session(_, SessionEvent::Fact(Fact::Notice(problem)))) = inbox.pop() else {
        panic!("nothing is told")
    };
    let lost = ring.shelved();
    assert!(problem.what.contains(&lost.to_string()), "{problem}");
}

#[tokio::test]
async fn one_row_is_found_on_either_side_of_another_and_none_where_there_is_none() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_ring, _devices, jobs) = sheets(1000);
    let desk = Desk::open(folder.path(), 1 << 30);
    desk.keep_all(&jobs).await;
    let seek = |device: &str, later: bool, from| Seek {
        device: Some(DeviceId::new(device)),
        topic: None,
        like: None,
        later,
        from,
        places: if later {
            jobs.iter().map(|job| job.0).collect()
        } else {
            jobs.iter().rev().map(|job| job.0).collect()
        },
    };
    let (newest, sheet) = jobs.last().expect("some blocks");
    let last = u16::try_from(sheet.rows() - 1).expect("few");
    let oldest = jobs[0].0;
    let after_the_last = u16::try_from(jobs[0].1.rows() - 1).expect("few");
    let cases = [
        (seek("washer-1", false, None), Some((*newest, last))),
        (
            seek("washer-1", false, Some((*newest, last))),
            Some((*newest, last - 1)),
        ),
        (seek("washer-1", true, Some((oldest, 0))), Some((oldest, 1))),
        (
            seek("washer-1", true, Some((oldest, after_the_last))),
            Some((jobs[1].0, 0)),
        ),
        (seek("dryer-1", false, None), None),
    ];
    for (n, (seek, wanted)) in (1..).zip(cases) {
        desk.shelf.seek(SearchId(n), seek);
        let ShelfEvent::Sought(id, found) = desk.shelf_event().await else {
            panic!("it was looked for")
        };
        assert_eq!(id, SearchId(n));
        let place = found.as_ref().map(|(place, row, _)| (*place, *row));
        assert_eq!(place, wanted, "case {n}");
        assert!(found.is_none_or(|(_, _, row)| row.rows() == 1));
    }
}
