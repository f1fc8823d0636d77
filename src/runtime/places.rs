//! `info`: where the program's files are. It reads no config file, so that it helps where that one is broken.

use std::path::PathBuf;

use super::files::Folders;
use crate::base::text::SafeText;
use crate::domain::json::quote;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Whole lines.
pub fn tell(folders: &Folders, json: bool) -> String {
    let places = places(folders);
    if json {
        let places = places.map(|(name, path)| {
            let path = path.to_string_lossy();
            format!(",\"{name}\":{}", quote(&path))
        });
        return format!("{{\"version\":\"{VERSION}\"{}}}\n", places.concat());
    }
    let places = places.map(|(name, path)| {
        let text = path.to_string_lossy();
        let there = if path.exists() {
            ""
        } else {
            "  (not there yet)"
        };
        format!("{name:<11} {}{there}\n", SafeText::new(&text))
    });
    format!("version     {VERSION}\n{}", places.concat())
}

fn places(folders: &Folders) -> [(&'static str, PathBuf); 7] {
    let state = |name: &str| folders.state.join(name);
    [
        ("config", folders.config_file.clone()),
        (
            "templates",
            folders.config_file.with_file_name("templates.toml"),
        ),
        ("data", folders.data.clone()),
        ("state", folders.state.clone()),
        ("logs", folders.logs()),
        ("recordings", state("recordings")),
        ("history", state("history")),
    ]
}
