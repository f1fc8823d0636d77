//! Reads the command line and leaves with an exit code; everything else is the library's.

use std::process::ExitCode;

use thingdeck::cli::Options;
use thingdeck::runtime::start;

fn main() -> ExitCode {
    let exit = match Options::from_process() {
        Ok(options) => start::run(options),
        Err(declined) => declined.print(),
    };
    ExitCode::from(exit.code())
}
