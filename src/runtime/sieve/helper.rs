//! The process that runs jq programs: questions on stdin, answers on stdout, until nobody asks any more.
//!
//! It begins with [`READY`]. A question is the program, the payload (each after its length) and how many bytes may come
//! back; an answer a kind and a text after its length; numbers are 32 bits, lowest byte first. It has a ceiling of memory,
//! and ends itself when a program takes long or nobody has asked for long: whoever started it may be gone.

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::process::{Resource, Rlimit, setrlimit};

use crate::base::problem::Exit;
use crate::domain::program::{Machine, Made};

/// Bytes of address space.
pub const MEMORY: u64 = 512 << 20;

pub const READY: u8 = b'r';
pub const LINES: u8 = 0;
pub const CUT: u8 = 1;
pub const FAILED: u8 = 2;

/// From one look at the work to the next.
const LOOK: Duration = Duration::from_millis(250);
/// Looks at the same work after which it is given up; longer than whoever asked waits.
const LONG: u32 = 12;
/// Looks at no work after which nobody is believed to come back.
const IDLE: u32 = 240;
/// Programs kept ready.
const AT_HAND: usize = 8;
/// Bytes of one part of a question.
const LARGEST: u32 = 4 << 20;

/// Until stdin ends.
pub fn run() -> Exit {
    confine();
    let steps = Arc::new(AtomicU64::new(0));
    watch(Arc::clone(&steps));
    let (mut from, mut to) = (io::stdin().lock(), io::stdout().lock());
    let mut ready: Vec<(String, Result<Machine, String>)> = Vec::new();
    if to.write_all(&[READY]).and_then(|()| to.flush()).is_err() {
        return Exit::Done;
    }
    while let Ok((program, payload, most)) = question(&mut from) {
        steps.fetch_add(1, Ordering::Relaxed);
        let made = answer(&mut ready, &program, &payload, most);
        if tell(&mut to, made).is_err() {
            break;
        }
        steps.fetch_add(1, Ordering::Relaxed);
    }
    Exit::Done
}

fn confine() {
    let limit = |most: u64| Rlimit {
        current: Some(most),
        maximum: Some(most),
    };
    // Where there is no such limit, the deadline is what is left.
    let _ = setrlimit(Resource::As, limit(MEMORY));
    let _ = setrlimit(Resource::Core, limit(0));
}

/// Odd numbers of steps are work under way.
#[expect(
    clippy::exit,
    reason = "work that does not end is ended with its process"
)]
fn watch(steps: Arc<AtomicU64>) {
    let watching = move || {
        let (mut seen, mut looks) = (0, 0);
        loop {
            std::thread::sleep(LOOK);
            let now = steps.load(Ordering::Relaxed);
            looks = if now == seen { looks + 1 } else { 0 };
            seen = now;
            if (now % 2 == 1 && looks >= LONG) || looks >= IDLE {
                std::process::exit(1);
            }
        }
    };
    // Without it the asker's deadline holds.
    let _ = std::thread::Builder::new()
        .name("watch".to_owned())
        .spawn(watching);
}

fn answer(
    ready: &mut Vec<(String, Result<Machine, String>)>,
    program: &str,
    payload: &[u8],
    most: usize,
) -> Made {
    if !ready.iter().any(|(text, _)| text == program) {
        if ready.len() >= AT_HAND {
            drop(ready.remove(0));
        }
        ready.push((program.to_owned(), Machine::new(program)));
    }
    match ready.iter().find(|(text, _)| text == program) {
        Some((_, Ok(machine))) => machine.run(payload, most),
        Some((_, Err(why))) => Made::Failed(why.clone()),
        None => Made::Failed(String::new()),
    }
}

fn question(from: &mut impl Read) -> io::Result<(String, Vec<u8>, usize)> {
    let program = part(from)?;
    let payload = part(from)?;
    let most = number(from)?;
    let program = String::from_utf8(program).map_err(|_| io::ErrorKind::InvalidData)?;
    Ok((program, payload, most as usize))
}

fn part(from: &mut impl Read) -> io::Result<Vec<u8>> {
    let length = number(from)?;
    if length > LARGEST {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut bytes = vec![0; length as usize];
    from.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn number(from: &mut impl Read) -> io::Result<u32> {
    let mut bytes = [0; 4];
    from.read_exact(&mut bytes)?;
    Ok(u32::from_le_bytes(bytes))
}

fn tell(to: &mut impl Write, made: Made) -> io::Result<()> {
    let (kind, text) = match made {
        Made::Lines { text, cut: false } => (LINES, text),
        Made::Lines { text, cut: true } => (CUT, text),
        Made::Failed(why) => (FAILED, why),
    };
    let length = u32::try_from(text.len()).map_err(|_| io::ErrorKind::InvalidData)?;
    to.write_all(&[kind])?;
    to.write_all(&length.to_le_bytes())?;
    to.write_all(text.as_bytes())?;
    to.flush()
}
