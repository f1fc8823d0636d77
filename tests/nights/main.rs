//! A night of broken connections: nothing grows (failure-modes.md F2, F41).
//!
//! The dashboard in a pseudo-terminal, over MQTT 5 and TLS, loses its broker again and again, by a socket that is cut and by a broker that goes away and
//! comes back, with messages in between. Before and after, the system is asked what the process has: resident memory, threads,
//! file handles. Sixty times with all tests; eight hours with one a minute are 480:
//!
//! ```sh
//! cargo test --release --test nights -- --ignored --nocapture
//! ```
//!
//! `THINGDECK_NIGHT_ROUNDS=5000` makes it longer.

#![cfg(target_os = "linux")]
#![expect(clippy::print_stderr, reason = "figures to read")]
#![expect(
    clippy::disallowed_methods,
    reason = "a test reads the environment and files, and limits its waits itself"
)]

mod support;

use std::fs;
use std::time::Duration;

use thingdeck::domain::profile::PlatformId;

use crate::support::home::Home;
use crate::support::screen::Screen;

/// Rounds before the first look: by then every cache is as large as it gets.
const WARM: usize = 20;
/// Messages between two breaks.
const MESSAGES: usize = 200;

#[derive(Debug, Clone, Copy)]
struct Usage {
    resident_kib: i64,
    threads: i64,
    handles: i64,
    /// Clock ticks, of which a second has a hundred.
    cpu: i64,
}

impl Usage {
    fn of(process: i32) -> Self {
        let read = |name: &str| {
            fs::read_to_string(format!("/proc/{process}/{name}")).expect("the process lives")
        };
        let status = read("status");
        let number = |key: &str| {
            let line = status
                .lines()
                .find(|line| line.starts_with(key))
                .expect("a line");
            let value = line.split_whitespace().nth(1).expect("a value");
            value.parse::<i64>().expect("a number")
        };
        let handles = fs::read_dir(format!("/proc/{process}/fd")).expect("it lives");
        let stat = read("stat");
        // Behind the name, which may hold blanks: the 14th and 15th field are user and system time.
        let (_, fields) = stat.rsplit_once(')').expect("a name");
        let fields: Vec<&str> = fields.split_whitespace().collect();
        let ticks = |at: usize| fields[at].parse::<i64>().expect("a number");
        Self {
            resident_kib: number("VmRSS:"),
            threads: number("Threads:"),
            handles: i64::try_from(handles.count()).expect("few"),
            cpu: ticks(11) + ticks(12),
        }
    }
}

/// The connection breaks, and is made again.
fn round(home: &Home, screen: &mut Screen, number: usize) {
    for n in 0..MESSAGES {
        let payload = format!("{{\"round\":{number},\"n\":{n},\"noise\":\"{n:0>200}\"}}");
        home.control
            .publish_to(&format!("plant/soak/{}", n % 50), payload);
    }
    let is_broken = |text: &str| text.contains("reconnecting") || text.contains("refused");
    if number.is_multiple_of(2) {
        home.control.drop_connections();
        screen.until("a broken connection", is_broken);
    } else {
        home.control.stop_broker();
        screen.until("a broken connection", is_broken);
        home.control.start_broker();
    }
    // Three short lives in a row look like another client with the same id: it stops and says so, in a box.
    if screen.text().contains("refused") {
        screen.shows("─ Problem ─").escape("─ Problem ─");
    }
    // It would come by itself; a night is short here.
    screen.press("r").shows("● connected");
}

/// Usage after the warm-up, and after so many rounds more.
fn night(rounds: usize) -> (Usage, Usage, f64) {
    let home = Home::with(|options| options.platform = PlatformId::Mqtt);
    home.control.freeze(true);
    let mut config = fs::read_to_string(home.config()).expect("a config");
    config.push_str("\n[history]\nmemory = \"1 MiB\"\n");
    fs::write(home.config(), config).expect("writable");
    let mut screen = Screen::start(&home, 120, 36, &["-p", "plant-v5"]);
    screen.shows("● connected");
    let process = screen.process_id();
    for number in 0..WARM {
        round(&home, &mut screen, number);
    }
    let before = Usage::of(process);
    for number in 0..rounds {
        round(&home, &mut screen, number);
    }
    let after = Usage::of(process);
    // Nothing happens from here on, and that costs nothing.
    let rest = Duration::from_secs(if rounds > 100 { 30 } else { 1 });
    std::thread::sleep(rest);
    let resting = Usage::of(process);
    let ticks = u32::try_from(resting.cpu - after.cpu).expect("few");
    let idle_percent = f64::from(ticks) / rest.as_secs_f64();
    eprintln!(
        "after {WARM} breaks: {before:?}\nafter {rounds} more: {after:?}\nat rest: {idle_percent:.2} % CPU"
    );
    screen.leaves();
    (before, resting, idle_percent)
}

#[track_caller]
fn does_not_grow(before: Usage, after: Usage) {
    // Threads for blocking work come and go.
    assert!(after.threads <= before.threads + 2, "{before:?} {after:?}");
    assert!(after.handles <= before.handles + 2, "{before:?} {after:?}");
    let grown = after.resident_kib - before.resident_kib;
    assert!(grown < 4096, "{grown} KiB more: {before:?} {after:?}");
}

#[test]
fn sixty_broken_connections_leave_nothing_behind() {
    let (before, after, _) = night(60);
    does_not_grow(before, after);
}

#[test]
#[ignore = "takes minutes, and a release build"]
fn a_night_of_broken_connections_leaves_nothing_behind() {
    let rounds = std::env::var("THINGDECK_NIGHT_ROUNDS");
    let rounds = rounds.map_or(480, |rounds| rounds.parse().expect("a number"));
    let (before, after, idle_percent) = night(rounds);
    does_not_grow(before, after);
    assert!(idle_percent < 1.0, "{idle_percent} % at rest");
}
