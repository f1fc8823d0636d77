//! Instructions for each message, frame, filter and payload: counts, which noise on the machine cannot move.
//!
//! A scenario runs under callgrind and only its [`counted_part`] is counted. The counts are compared with
//! `tests/instructions/baseline.txt`: a tenth more is a failure. To renew the baseline after a change that is worth it:
//!
//! ```sh
//! THINGDECK_RENEW_BASELINE=1 cargo test --test instructions
//! ```
//!
//! Counts are of the test profile, which is built anyway; `cargo test --release --test instructions -- --nocapture` tells those
//! of the release. Skipped where valgrind is not installed; with `THINGDECK_REQUIRE_TOOLS=1` that is a failure.
#![expect(
    clippy::disallowed_methods,
    clippy::panic,
    reason = "a tool of the tests: it reads its choice, writes its baseline, and says what broke"
)]

mod baseline;
mod scenario;

use std::path::Path;
use std::process::{Command, Stdio};

use baseline::Baseline;

/// Names the scenario that a child process is to run.
const CHOICE: &str = "THINGDECK_COUNT";

/// Everything in here is counted, and nothing else. Named to callgrind by its name.
#[inline(never)]
pub fn counted_part<T>(work: impl FnOnce() -> T) -> T {
    std::hint::black_box(work())
}

/// Not a test of its own: what runs under callgrind.
#[test]
#[ignore = "run by the other one, under callgrind"]
fn one_scenario() {
    let Ok(name) = std::env::var(CHOICE) else {
        return;
    };
    let scenario = scenario::ALL.iter().find(|scenario| scenario.name == name);
    (scenario.expect("a known scenario").run)();
}

fn has_valgrind() -> bool {
    let asked = Command::new("valgrind")
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    asked.is_ok_and(|status| status.success())
}

/// Instructions in the counted part of that scenario.
fn count(name: &str, folder: &Path) -> u64 {
    let out = folder.join(name);
    let own = std::env::current_exe().expect("this test");
    let run = Command::new("valgrind")
        .args(["--tool=callgrind", "--toggle-collect=*counted_part*"])
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(own)
        .args([
            "--ignored",
            "--exact",
            "one_scenario",
            "--test-threads",
            "1",
        ])
        .env(CHOICE, name)
        .env("RUST_BACKTRACE", "0")
        .output()
        .expect("valgrind runs");
    let told = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{name}: {told}");
    let text = std::fs::read_to_string(&out).expect("callgrind's file");
    let summary = text
        .lines()
        .filter_map(|line| {
            line.strip_prefix("totals: ")
                .or_else(|| line.strip_prefix("summary: "))
        })
        .filter_map(|figure| figure.trim().parse::<u64>().ok())
        .max();
    summary.unwrap_or_else(|| panic!("{name}: no sum in callgrind's file; {told}"))
}

#[test]
fn nothing_costs_a_tenth_more_than_it_did() {
    let mut found = Baseline::now();
    found.put("bytes_over_the_payload_of_a_message", scenario::memory());
    if has_valgrind() {
        let folder = tempfile::tempdir().expect("a folder");
        for scenario in scenario::ALL {
            let instructions = count(scenario.name, folder.path());
            assert!(instructions > 0, "{}: nothing was counted", scenario.name);
            found.put(scenario.name, instructions / scenario.units);
        }
    } else {
        assert!(
            std::env::var_os("THINGDECK_REQUIRE_TOOLS").is_none(),
            "valgrind is not installed"
        );
        eprintln!("SKIPPED: instructions are not counted, valgrind is not installed");
    }
    eprintln!("{found}");
    if std::env::var_os("THINGDECK_RENEW_BASELINE").is_some() {
        return found.save();
    }
    let worse = found.worse_than(&Baseline::load());
    assert!(worse.is_empty(), "{}", worse.join("\n"));
}
