//! The shadow view in a pseudo-terminal, against the simulated AWS account.

use thingdeck::domain::profile::PlatformId;

use crate::support::home::Home;
use crate::support::screen::Screen;

const SEND: &str = "\x13";
/// The end of the line.
const END: &str = "\x1b[F";

fn account() -> Home {
    Home::with(|options| options.platform = PlatformId::Aws)
}

/// The dashboard with RPI alone in its list.
fn opened(home: &Home, columns: u16, rows: u16) -> Screen {
    let mut screen = Screen::start(home, columns, rows, &["-p", "fleet"]);
    screen.shows("● connected");
    screen.press("r").shows("8 devices");
    screen
        .press("/RPI\r")
        .shows("RPI")
        .no_longer_shows("greenhouse");
    screen
}

fn shadow(home: &Home, arguments: &[&str]) -> String {
    let line = [&["-p", "fleet", "shadow"], arguments].concat();
    home.run(&line).expect(0).out
}

#[test]
fn a_person_reads_edits_and_settles_a_conflict_in_the_shadow_view() {
    let home = account();
    shadow(
        &home,
        &[
            "update",
            "RPI",
            r#"{"desired":{"target":20.5},"reported":{"target":18}}"#,
        ],
    );
    let mut screen = opened(&home, 120, 36);
    screen.press("s").shows("Shadow of RPI").shows("[classic]");
    // The delta, by a sign and by its value.
    screen
        .shows("≠ target")
        .shows("→ 20.5")
        .shows("≠ not as desired");
    // Follow it: what another client reports is there at once.
    screen.press("p").shows("  live");
    shadow(&home, &["update", "RPI", r#"{"reported":{"target":20.5}}"#]);
    screen.no_longer_shows("≠ target").shows("as desired");
    // Edit what is desired: only the change goes, and is accepted.
    screen
        .press("e")
        .shows("Edit desired of RPI")
        .shows("nothing changed yet");
    screen.press(&format!("{END},\r\"fan\": \"빠름\""));
    screen.shows(r#"sends  {"desired":{"fan":"빠름"}}"#);
    screen
        .press(SEND)
        .shows("desired accepted, version")
        .shows("≠ fan");
    // Somebody else is faster.
    screen.press("e").shows("based on version");
    screen.press(&format!("{END}\r\"mode\": 1,"));
    screen.shows(r#"sends  {"desired":{"mode":1}}"#);
    shadow(&home, &["update", "RPI", r#"{"desired":{"fan":"느림"}}"#]);
    screen
        .press(SEND)
        .shows("409")
        .shows("before")
        .shows("mine")
        .shows("theirs")
        .shows("느림");
    screen
        .press("e")
        .shows("\"느림\"")
        .shows(r#"sends  {"desired":{"mode":1}}"#);
    screen
        .press(SEND)
        .shows("desired accepted, version")
        .shows("≠ mode");
    let document = home.control.shadow("RPI", None).expect("it is there");
    let desired = &document["state"]["desired"];
    assert_eq!(desired["fan"], "느림");
    assert_eq!(desired["mode"], 1);
    // A named one in its tab.
    screen.press("\t").shows("[firmware]").shows("1.9.20");
    screen.press("\x1b").no_longer_shows("Shadow of RPI");
    screen.leaves();
}

#[test]
fn a_named_shadow_is_made_and_deleted_on_a_small_terminal() {
    let home = account();
    let mut screen = opened(&home, 80, 24);
    screen.press("s").shows("[classic]");
    screen.press("n").shows("A named shadow of RPI");
    screen
        .press("lab\r")
        .shows("[lab]")
        .shows("no shadow lab yet");
    screen.press("E").shows("Edit reported of RPI, lab");
    screen
        .press("\"on\": true")
        .shows(r#"sends  {"reported":{"on":true}}"#);
    screen.press(SEND).shows("version 1").shows("true");
    screen.press("d").shows("Delete the shadow lab of RPI?");
    screen.press("y").shows("no shadow lab yet");
    assert_eq!(home.control.shadow("RPI", Some("lab")), None);
    screen.press("\x1b").no_longer_shows("Shadow of RPI");
    screen.leaves();
}

#[test]
fn the_verb_reads_writes_and_refuses() {
    let home = account();
    let accepted = shadow(
        &home,
        &[
            "update",
            "RPI",
            "--name",
            "lab",
            r#"{"state":{"desired":{"t":24.50}}}"#,
        ],
    );
    assert!(accepted.contains(r#""version":1"#), "{accepted}");
    assert!(
        shadow(&home, &["list", "RPI"])
            .lines()
            .any(|line| line == "lab")
    );
    assert!(shadow(&home, &["get", "RPI", "--name", "lab"]).contains(r#""desired""#));
    let run = |arguments: &[&str]| home.run(&[&["-p", "fleet", "shadow"], arguments].concat());
    let stale = run(&[
        "update",
        "RPI",
        "--name",
        "lab",
        r#"{"desired":{"t":1}}"#,
        "--version",
        "7",
    ]);
    assert!(stale.expect(3).err.contains("409"));
    run(&["get", "RPI", "--name", "never"]).expect(4);
    run(&["update", "RPI", "{"]).expect(2);
    shadow(&home, &["delete", "RPI", "--name", "lab"]);
    run(&["get", "RPI", "--name", "lab"]).expect(4);
}

#[test]
fn jobs_are_started_and_ended_in_the_dashboard() {
    let home = account();
    home.control.queue_job(
        "RPI",
        "update-7",
        serde_json::json!({"url": "https://plant.example/7"}),
    );
    let mut screen = opened(&home, 120, 36);
    screen
        .press("J")
        .shows("Jobs of RPI")
        .shows("update-7")
        .shows("QUEUED");
    screen
        .press("\r")
        .shows("Job update-7")
        .shows("https://plant.example/7");
    screen.press("\x1b").shows("Jobs of RPI");
    screen.press("n").shows("IN_PROGRESS");
    screen.press("u").shows("< SUCCEEDED >");
    screen
        .press("\tstep=done\r")
        .shows("update-7: SUCCEEDED accepted");
    screen.shows("no job is pending or under way");
    let after = home.control.jobs("RPI");
    assert_eq!(after[0].1, "SUCCEEDED");
    screen.press("\x1b").no_longer_shows("Jobs of RPI");
    screen.leaves();
}
