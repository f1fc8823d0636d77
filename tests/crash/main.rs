//! A defect in a background task ends the program instead of leaving a screen without its terminal.

use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use thingdeck::runtime::logging;

const REPORTS: &str = "THINGDECK_TEST_REPORTS";
const SIGTERM: i32 = 15;

/// Not a test by itself: what the other one runs as a process of its own.
#[test]
#[ignore = "run by another test, in a process of its own"]
fn panics_in_another_thread() {
    let Some(folder) = std::env::var_os(REPORTS) else {
        return;
    };
    logging::catch_panics(PathBuf::from(folder));
    assert!(!logging::has_crashed());
    let task = std::thread::spawn(|| panic!("on purpose"));
    // Caught here as the tasks' runtime catches it.
    let _caught = task.join();
    std::thread::sleep(Duration::from_secs(20));
}

#[test]
fn a_panic_in_a_task_ends_the_program_and_leaves_a_report() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = Command::new(std::env::current_exe().expect("we run"))
        .args([
            "--exact",
            "panics_in_another_thread",
            "--ignored",
            "--nocapture",
        ])
        .env(REPORTS, folder.path())
        .output()
        .expect("it runs");
    assert_eq!(output.status.signal(), Some(SIGTERM), "{output:?}");
    let reports: Vec<_> = std::fs::read_dir(folder.path())
        .expect("a folder of reports")
        .flatten()
        .map(|entry| std::fs::read_to_string(entry.path()).expect("text"))
        .collect();
    assert_eq!(reports.len(), 1);
    assert!(reports[0].contains("on purpose"), "{}", reports[0]);
}
