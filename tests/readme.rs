//! The README says what the program does: its table of keys is made from the program's own table of actions.

use thingdeck::app::action::{ActionInfo, table};
use thingdeck::app::screen::PaneId;

const README: &str = include_str!("../README.md");
const BEGIN: &str = "<!-- keys: made from app/action.rs; tests/readme.rs prints it anew -->\n";
const END: &str = "<!-- end of keys -->";

fn row(info: &ActionInfo) -> String {
    // A bar ends a cell also where it stands in code.
    let code = |key: &&str| format!("`{}`", key.replace('|', "\\|"));
    let keys: Vec<String> = info.keys.iter().map(code).collect();
    let everywhere = info.panes.len() == PaneId::ALL.len();
    let panes: Vec<&str> = info.panes.iter().map(|pane| pane.title()).collect();
    let place = if everywhere {
        String::new()
    } else {
        panes.join(", ")
    };
    format!("| {} | {} | {place} |", keys.join(" "), info.help)
}

fn keys() -> String {
    let rows: Vec<String> = table()
        .iter()
        .filter(|info| !info.keys.is_empty())
        .map(row)
        .collect();
    format!(
        "| key | does | in |\n| --- | --- | --- |\n{}\n",
        rows.join("\n")
    )
}

#[test]
fn the_table_of_keys_is_the_programs_own() {
    let (_, rest) = README
        .split_once(BEGIN)
        .expect("the table's beginning is marked");
    let (found, _) = rest.split_once(END).expect("the table's end is marked");
    assert!(
        found == keys(),
        "the README's table should be:\n\n{}",
        keys()
    );
}

#[test]
fn the_first_screen_has_the_picture_and_the_two_commands() {
    let first: Vec<&str> = README.lines().take(24).collect();
    for wanted in [
        "assets/dashboard.svg",
        "    cargo run --release",
        "    cargo test",
    ] {
        assert!(
            first.iter().any(|line| line.contains(wanted)),
            "{wanted} is missing in\n{}",
            first.join("\n")
        );
    }
    assert!(include_str!("../assets/dashboard.svg").contains("<svg"));
}
