//! The one-way rule of ARCHITECTURE.md, checked against every `crate::` path and every forbidden word under `src/`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Module → the modules it may use.
const MAY_USE: [(&str, &[&str]); 14] = [
    ("base", &[]),
    ("domain", &["base"]),
    ("store", &["base", "domain"]),
    ("app", &["base", "domain", "store"]),
    ("ui", &["base", "domain", "store", "app"]),
    ("headless", &["base", "domain", "store", "cli"]),
    ("platform", &["base", "domain"]),
    ("session", &["base", "domain", "platform"]),
    ("rest", &["base", "domain", "platform", "session"]),
    ("sim", &["base", "domain"]),
    ("cli", &["base", "domain"]),
    (
        "runtime",
        &[
            "base", "domain", "store", "app", "ui", "headless", "platform", "session", "rest",
            "sim", "cli",
        ],
    ),
    ("main", &["cli", "runtime"]),
    ("lib", &[]),
];

const SCREEN: &[&str] = &["ratatui", "crossterm"];
const NETWORK: &[&str] = &["tokio", "rumqttc", "reqwest"];
const OUTSIDE: &[&str] = &["std::fs", "std::env", "Instant::now", "SystemTime"];

/// Module → words that its code must not hold.
fn forbidden(module: &str) -> Vec<&'static str> {
    let lists: &[&[&str]] = match module {
        "base" | "domain" | "store" | "headless" => &[SCREEN, NETWORK],
        "app" | "platform" => &[SCREEN, NETWORK, OUTSIDE],
        "ui" => &[NETWORK, &["&mut App"]],
        "session" | "rest" => &[SCREEN],
        "sim" => &[SCREEN, &["reqwest"]],
        _ => &[],
    };
    lists.concat()
}

fn sources(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("src is readable") {
        let path = entry.expect("entry").path();
        if path.is_dir() {
            sources(&path, out);
        } else if path.extension().is_some_and(|e| e == "rs") {
            out.push(path);
        }
    }
}

fn module_of(path: &Path) -> String {
    let inside = path.strip_prefix("src").expect("under src");
    let first = inside
        .components()
        .next()
        .expect("a name")
        .as_os_str()
        .to_string_lossy()
        .into_owned();
    first.trim_end_matches(".rs").to_owned()
}

/// Code without comments; what stands in strings stays, which is harmless.
fn code(text: &str) -> String {
    text.lines()
        .map(|line| line.split("//").next().unwrap_or_default())
        .collect::<Vec<_>>()
        .join("\n")
}

fn violations(module: &str, text: &str) -> Vec<String> {
    let allowed = MAY_USE
        .iter()
        .find(|(name, _)| *name == module)
        .map(|(_, uses)| *uses);
    let Some(allowed) = allowed else {
        return vec![format!("module {module} is not in the table")];
    };
    let code = code(text);
    let mut found = Vec::new();
    for part in code.split("crate::").skip(1) {
        let used: String = part
            .chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect();
        if used != module && !allowed.contains(&used.as_str()) {
            found.push(format!("uses crate::{used}"));
        }
    }
    for word in forbidden(module) {
        let path = format!("{word}::");
        if code.contains(&path) || (word.contains([':', '&']) && code.contains(word)) {
            found.push(format!("mentions {word}"));
        }
    }
    found
}

#[test]
fn no_import_runs_against_the_layers() {
    std::env::set_current_dir(env!("CARGO_MANIFEST_DIR")).expect("the crate's folder");
    let mut paths = Vec::new();
    sources(Path::new("src"), &mut paths);
    assert!(paths.len() > 50, "the sources were found");
    let mut broken = BTreeMap::new();
    for path in paths {
        let found = violations(
            &module_of(&path),
            &fs::read_to_string(&path).expect("utf-8"),
        );
        if !found.is_empty() {
            broken.insert(path, found);
        }
    }
    assert!(broken.is_empty(), "against the layers:\n{broken:#?}");
}

#[test]
fn an_upward_import_and_a_forbidden_word_are_found() {
    assert_eq!(
        violations("domain", "use crate::app::event::Event;"),
        ["uses crate::app"]
    );
    assert_eq!(
        violations("app", "let now = std::time::Instant::now();"),
        ["mentions Instant::now"]
    );
    assert_eq!(violations("ui", "use tokio::spawn;"), ["mentions tokio"]);
    assert_eq!(
        violations("ui", "use crate::app::screen::Screen; // tokio::x"),
        Vec::<String>::new()
    );
}
