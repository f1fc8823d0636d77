//! The headless verbs: straight-line scripts over the port [`console::Console`], so that they share sessions and
//! adapters with the dashboard and are tested with a scripted console.
//!
//! stdout carries data, stderr talk. A closed pipe ends every verb quietly with 0; a failure ends with what, why, what to
//! do, and the exit code in words (`interface.md`, section 2).

pub mod console;

mod control;
mod devices;
mod feed;
mod profiles;
mod provision;
mod publish;
mod record;
mod relay;
mod replay;
mod script;
mod shadow;
mod state;
mod subs;
mod table;
mod tail;

use crate::base::problem::Exit;
use crate::cli::verb::Verb;
use console::Console;
use script::{End, Script, problem_text};

/// Runs one verb to its end, and closes what it opened.
pub async fn run(verb: &Verb, console: &mut dyn Console) -> Exit {
    let mut script = Script::new(console);
    let end = play(verb, &mut script).await;
    let console = script.into_console();
    let exit = match end {
        Ok(exit) => exit,
        Err(End::Closed) => Exit::Done,
        Err(End::Interrupted) => {
            console.say("interrupted");
            Exit::Interrupted
        }
        Err(End::Failed(problem)) => {
            let exit = match problem.exit {
                Exit::Done => Exit::Failed,
                other => other,
            };
            console.say(&format!(
                "{}\n  exit {}   {}",
                problem_text(&problem),
                exit.code(),
                exit.words()
            ));
            exit
        }
    };
    console.close().await;
    exit
}

async fn play(verb: &Verb, script: &mut Script<'_>) -> Result<Exit, End> {
    match verb {
        Verb::Devices { json } => devices::run(script, *json).await,
        Verb::Subs { json, no_connect } => subs::run(script, *json, *no_connect).await,
        Verb::Feed(verb) => feed::run(script, verb).await,
        Verb::State { device, versions } => state::state(script, device, *versions).await,
        Verb::Relay(verb) => relay::run(script, verb).await,
        Verb::Profile { device } => state::profile(script, device).await,
        Verb::Control(verb) => control::run(script, verb).await,
        Verb::Tail(verb) => tail::run(script, verb, tail::Manner::Tail).await,
        Verb::Expect(verb) => tail::run(script, verb, tail::Manner::Expect).await,
        Verb::Publish(verb) => publish::run(script, verb).await,
        Verb::Shadow(verb) => shadow::run(script, verb).await,
        Verb::Provision(verb) => provision::run(script, verb).await,
        Verb::Record(verb) => record::run(script, verb).await,
        Verb::Replay(verb) => replay::run(script, verb).await,
        Verb::ProfileAdd(verb) => profiles::add(script, verb).await,
        Verb::ProfileList { json } => profiles::list(script, *json).await,
        Verb::ProfileRemove { name, yes } => profiles::remove(script, name, *yes).await,
    }
}
