//! From the command line to the face that was asked for.

use std::io::{IsTerminal as _, Write as _};

use super::config::Theme as Wanted;
use super::console::{self, Shell};
use super::context::Context;
use super::files::Folders;
use super::signals::{Signal, Signals};
use super::simulated::{self, SIMULATED};
use super::{clock, dashboard, logging, picture, places, sieve, terminal};
use crate::app::Setup;
use crate::app::event::Size;
use crate::base::problem::{Exit, Problem};
use crate::base::text::escape_lines;
use crate::cli::{Command, Options, SimOptions as Asked, TerminalHints, paper};
use crate::headless;
use crate::sim::{Sim, SimOptions};
use crate::ui::{ColourDepth, Theme};

/// Network, TLS and the simulator need little; the screen has the main thread for itself.
const WORKERS: usize = 2;

/// Carries out the command line; what went wrong stands on stderr when this returns.
pub fn run(options: Options) -> Exit {
    if options.command == Command::SieveHelper {
        return sieve::helper::run();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .enable_all()
        .build();
    let result = match runtime {
        Ok(runtime) => {
            let result = runtime.block_on(command(options));
            // Whatever still hangs in a name lookup must not keep us.
            runtime.shutdown_timeout(std::time::Duration::from_millis(200));
            result
        }
        Err(error) => Err(Problem::new(
            "thingdeck could not start",
            error.to_string(),
            "free some memory or threads",
        )),
    };
    result.unwrap_or_else(|problem| {
        say(&problem);
        problem.exit
    })
}

/// What, why, what to do, and the exit code in words.
fn say(problem: &Problem) {
    let (code, words) = (problem.exit.code(), problem.exit.words());
    // A closed stderr is no reason to fail differently.
    let _ = writeln!(
        std::io::stderr(),
        "{}\nexit {code}: {words}",
        escape_lines(&problem.to_string())
    );
}

async fn command(options: Options) -> Result<Exit, Problem> {
    match options.command.clone() {
        Command::Info { json } => print(places::tell(&Folders::of(&options)?, json).as_bytes()),
        Command::Completions(shell) => print(&paper::completions(shell)),
        Command::Man => print(&paper::man().map_err(|e| io_problem(&e))?),
        Command::Sim(asked) => simulate(asked).await,
        Command::Verb(verb) => {
            let context = Context::load(&options)?;
            logging::catch_panics(context.log_folder());
            let _log = logging::start(&context.log_folder(), options.log_level.word());
            for warning in context.take_warnings() {
                let _ = writeln!(std::io::stderr(), "{}", escape_lines(&warning.to_string()));
            }
            let mut shell = Shell::new(context, options.profile).map_err(|e| io_problem(&e))?;
            let exit = headless::run(&verb, &mut shell).await;
            // A defect in a task came as a signal: whatever the verb made of that, it was no success.
            let exit = if logging::has_crashed() {
                Exit::Failed
            } else {
                exit
            };
            Ok(exit)
        }
        Command::SieveHelper => Ok(sieve::helper::run()),
        Command::Dashboard => show(&options, None).await,
        Command::Demo(platform) => {
            let name = simulated::name(platform);
            show(&options, Some(name.to_owned())).await
        }
        Command::Picture {
            file,
            width,
            height,
        } => {
            let context = Context::load(&options)?;
            let mut setup = setup(&context, &options, Some(SIMULATED.to_owned()))?;
            setup.size = Size { width, height };
            picture::draw(&context, setup, &Theme::dark(), &file).await?;
            Ok(Exit::Done)
        }
    }
}

/// Data on stdout. A closed pipe is nobody's problem.
fn print(data: &[u8]) -> Result<Exit, Problem> {
    let mut stdout = std::io::stdout();
    match stdout.write_all(data).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(console::no_room(&error))
        }
        _ => Ok(Exit::Done),
    }
}

fn io_problem(error: &std::io::Error) -> Problem {
    Problem::new("thingdeck could not start", error.to_string(), "")
}

async fn show(options: &Options, open: Option<String>) -> Result<Exit, Problem> {
    if !std::io::stdout().is_terminal() || !std::io::stdin().is_terminal() {
        let remedy = "for scripts: thingdeck devices --json, thingdeck tail; thingdeck --help lists them all";
        return Err(Problem::new(
            "the dashboard needs a terminal",
            "stdin or stdout is none",
            remedy,
        )
        .exit(Exit::Usage));
    }
    let context = Context::load(options)?;
    logging::catch_panics(context.log_folder());
    let log = logging::start(&context.log_folder(), options.log_level.word());
    if let Err(why) = &log {
        context.warn(Problem::new(
            "there is no log file",
            why.clone(),
            "make the state folder writable",
        ));
    }
    let setup = setup(&context, options, open)?;
    let theme = pick_theme(&context, options);
    let left = dashboard::run(&context, setup, &theme).await;
    terminal::restore();
    left.map_err(|error| Problem::new("the terminal failed", error.to_string(), ""))
}

/// The config's theme as this terminal can show it. A theme file that is wrong is told, and the dark theme stands in.
fn pick_theme(context: &Context, options: &Options) -> Theme {
    let (plain, depth) = (options.terminal.no_color, depth(&options.terminal));
    match context.theme() {
        Some(Wanted::File(path)) => {
            let read = std::fs::read_to_string(&path).map_err(|error| error.to_string());
            read.and_then(|text| Theme::from_file(&text, plain, depth))
                .unwrap_or_else(|why| {
                    let what = format!("the theme {} is not used", path.display());
                    context.warn(Problem::new(
                        what,
                        why,
                        "mend the file, or say theme = \"dark\" or \"light\" in the config",
                    ));
                    Theme::pick("dark", plain, depth)
                })
        }
        Some(Wanted::Light) => Theme::pick("light", plain, depth),
        _ => Theme::pick("dark", plain, depth),
    }
}

/// What the terminal says of its colours.
fn depth(terminal: &TerminalHints) -> ColourDepth {
    if matches!(terminal.colorterm.as_str(), "truecolor" | "24bit") {
        ColourDepth::True
    } else if terminal.term.contains("256color") {
        ColourDepth::TwoHundredFiftySix
    } else {
        ColourDepth::Sixteen
    }
}

fn setup(context: &Context, options: &Options, open: Option<String>) -> Result<Setup, Problem> {
    let at = context.clock.now();
    let chosen = match open {
        Some(name) => Some(name),
        None => context.choose_for_dashboard(options.profile.as_deref())?,
    };
    let hint = chosen
        .is_none()
        .then(|| "a simulated home, nothing real · P adds your account".to_owned());
    Ok(Setup {
        at,
        size: Size {
            width: 80,
            height: 24,
        },
        zone_offset_seconds: clock::zone_offset(at.wall),
        profiles: context.summaries(),
        open: chosen.unwrap_or_else(|| SIMULATED.to_owned()),
        hint,
        memory_limit: context.memory_limit(),
        keeps_history: context.history_limit() > 0,
        mouse: context.mouse(),
        pins: context.pins(),
        programs: context.programs(),
        seed: fastrand::u64(..),
    })
}

/// `thingdeck sim`: the simulator alone, in the foreground.
async fn simulate(asked: Asked) -> Result<Exit, Problem> {
    let failed = |why: String| {
        Problem::new(
            "the simulator did not start",
            why,
            "try other ports or another --dir",
        )
    };
    let mut signals = Signals::listen().map_err(|e| io_problem(&e))?;
    let own = if asked.dir.is_none() {
        Some(tempfile::tempdir().map_err(|e| failed(e.to_string()))?)
    } else {
        None
    };
    let dir = asked
        .dir
        .clone()
        .or_else(|| own.as_ref().map(|d| d.path().to_owned()))
        .unwrap_or_default();
    let mut options = SimOptions::in_dir(dir);
    options.platform = asked.platform;
    options.api_port = asked.api_port;
    options.mqtt_port = asked.mqtt_port;
    options.wss_port = asked.wss_port;
    options.devices = asked.devices;
    options.rate = asked.rate.unwrap_or(options.rate);
    options.seed = asked.seed.unwrap_or(options.seed);
    let sim = Sim::start(options)
        .await
        .map_err(|e| failed(e.to_string()))?;
    let line = serde_json::to_string(sim.ready()).map_err(|e| failed(e.to_string()))?;
    let mut stdout = std::io::stdout();
    // Nobody reads us: serve all the same.
    let _ = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
    while !matches!(signals.next().await, Signal::Stop | Signal::Interrupt) {}
    sim.stop().await;
    Ok(Exit::Done)
}
