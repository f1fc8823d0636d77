//! Signals to the program under test.

use rustix::process::{Pid, Signal, kill_process};

/// `TERM`, `HUP`, `INT`, `TSTP`, `CONT`, `KILL`.
pub fn send(process: i32, name: &str) {
    let signal = match name {
        "TERM" => Signal::TERM,
        "HUP" => Signal::HUP,
        "INT" => Signal::INT,
        "TSTP" => Signal::TSTP,
        "CONT" => Signal::CONT,
        "KILL" => Signal::KILL,
        other => unreachable!("signal {other}"),
    };
    let process = Pid::from_raw(process).expect("a process");
    kill_process(process, signal).expect("it takes signals");
}
