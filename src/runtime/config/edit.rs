//! Changes to the config file that leave comments, order and everything else as they are.

use std::fs;
use std::io;
use std::path::Path;

use toml_edit::{Array, Decor, DocumentMut, InlineTable, Item, Key, RawString, Table, Value};

use super::Config;
use super::profile::{NAME_REMEDY, check_name, check_url};
use crate::base::problem::{Exit, Problem};
use crate::domain::profile::SecretRef;
use crate::headless::console::NewEntry;
use crate::runtime::files::{Access, Folders, make_folder, replace, trouble};

/// What a new config file begins with.
const HEADER: &str = "# thingdeck's profiles. `thingdeck man` explains every command.\n";

/// The identity file of a token that was pasted or piped in.
pub const TOKEN_FILE: &str = "token";

/// Writes the profile; a token given in clear goes to a 0600 file in the profile's identity folder. Answers where, in words.
pub fn save_profile(folders: &Folders, entry: &NewEntry) -> Result<String, Problem> {
    check(entry)?;
    let file = &folders.config_file;
    let mut entry = NewEntry {
        ca_file: entry.ca_file.as_deref().map(absolute),
        ..entry.clone()
    };
    let text = current(file)?;
    // A file that is wrong stays untouched, and so does the identity.
    add(&text, file, &entry)?;
    let mut where_to = format!("profile {:?} saved in {}", entry.name, file.display());
    entry.token = match entry.token {
        SecretRef::Plain(secret) => {
            let identity = folders.identity(&entry.name);
            identity.keep(TOKEN_FILE, &secret)?;
            where_to.push_str(&format!(
                "\nits token in {}",
                identity.path(TOKEN_FILE).display()
            ));
            SecretRef::File(identity.path(TOKEN_FILE))
        }
        SecretRef::File(path) => SecretRef::File(absolute(&path)),
        other => other,
    };
    store(file, &add(&text, file, &entry)?)?;
    Ok(where_to)
}

/// Puts a new token into the profile's 0600 file and lets the profile read it from there.
pub fn save_token(
    folders: &Folders,
    profile: &str,
    token: &crate::base::secret::Secret,
) -> Result<(), Problem> {
    let file = &folders.config_file;
    let text = current(file)?;
    let mut document = parsed(&text, file)?;
    let identity = folders.identity(profile);
    let place = SecretRef::File(identity.path(TOKEN_FILE));
    let table = document
        .get_mut("profiles")
        .and_then(|profiles| profiles.get_mut(profile))
        .and_then(Item::as_table_like_mut)
        .ok_or_else(|| no_such(profile, file))?;
    table.insert("token", Item::Value(place_value(&place)));
    identity.keep(TOKEN_FILE, token)?;
    store(file, &document.to_string())
}

/// Takes the profile out of the config file; its identity is another matter.
pub fn remove_profile(file: &Path, name: &str) -> Result<(), Problem> {
    let text = current(file)?;
    let edited = remove(&text, file, name)?;
    Config::parse(&edited, file)?;
    store(file, &edited)
}

/// Says in `[decode]` how a topic's payloads are decoded.
pub fn save_pin(file: &Path, topic: &str, chain: &str) -> Result<(), Problem> {
    let edited = pin(&current(file)?, file, topic, chain)?;
    store(file, &edited)
}

fn pin(text: &str, file: &Path, topic: &str, chain: &str) -> Result<String, Problem> {
    let mut document = parsed(text, file)?;
    let table = document
        .entry("decode")
        .or_insert_with(|| Item::Table(Table::new()))
        .as_table_like_mut()
        .ok_or_else(|| {
            let what = format!("could not change {}", file.display());
            Problem::new(what, "`decode` is no table", "correct the file by hand").exit(Exit::Usage)
        })?;
    table.insert(topic, Item::Value(Value::from(chain)));
    let edited = document.to_string();
    Config::parse(&edited, file)?;
    Ok(edited)
}

fn current(file: &Path) -> Result<String, Problem> {
    match fs::read_to_string(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(HEADER.to_owned()),
        other => other.map_err(|error| trouble("read", file, &error)),
    }
}

fn store(file: &Path, text: &str) -> Result<(), Problem> {
    if let Some(folder) = file.parent() {
        make_folder(folder)?;
    }
    replace(file, text.as_bytes(), Access::AsBefore)
}

fn absolute(path: &Path) -> std::path::PathBuf {
    std::path::absolute(path).unwrap_or_else(|_no_current_folder| path.to_owned())
}

fn parsed(text: &str, file: &Path) -> Result<DocumentMut, Problem> {
    Config::parse(text, file)?;
    text.parse().map_err(|error: toml_edit::TomlError| {
        Problem::new(
            format!("could not change {}", file.display()),
            error.message(),
            "correct the file by hand",
        )
        .exit(Exit::Usage)
    })
}

fn check(entry: &NewEntry) -> Result<(), Problem> {
    let wrong = |what: &str, why: String, remedy: &str| {
        Err(Problem::new(format!("could not save {what}"), why, remedy).exit(Exit::Usage))
    };
    if let Err(why) = check_name(&entry.name) {
        return wrong("the profile", why, NAME_REMEDY);
    }
    for (key, text, scheme) in [
        ("api_url", &entry.api_url, "https"),
        ("mqtt_url", &entry.mqtt_url, "mqtts"),
    ] {
        if let Some(Err(why)) = text.as_deref().map(|text| check_url(text, scheme)) {
            return wrong(
                &format!("`{key}`"),
                why,
                &format!("write {scheme}://HOST:PORT"),
            );
        }
    }
    Ok(())
}

/// The text of the file with the profile in it; checked by reading it back.
fn add(text: &str, file: &Path, entry: &NewEntry) -> Result<String, Problem> {
    let mut document = parsed(text, file)?;
    // Comments of a file without entries would end up below what is added.
    let mut opening = String::new();
    if document.is_empty() {
        opening = text.trim_end().to_owned() + "\n\n";
        document = DocumentMut::new();
    }
    let profiles = document
        .entry("profiles")
        .or_insert_with(|| {
            let mut table = Table::new();
            table.set_implicit(true);
            Item::Table(table)
        })
        .as_table_like_mut()
        .ok_or_else(|| no_such(&entry.name, file))?;
    if profiles.contains_key(&entry.name) && !entry.replace {
        return Err(Problem::new(
            format!("could not add profile {:?}", entry.name),
            format!("{} has one of that name", file.display()),
            "choose another name, or give --replace",
        )
        .exit(Exit::Usage));
    }
    let is_first = profiles.is_empty();
    profiles.insert(&entry.name, Item::Table(table(entry)));
    if entry.make_default || is_first {
        document.insert("default_profile", toml_edit::value(entry.name.as_str()));
    }
    let edited = opening.trim_start().to_owned() + &document.to_string();
    Config::parse(&edited, file)?;
    Ok(edited)
}

fn table(entry: &NewEntry) -> Table {
    let mut table = Table::new();
    let mut text = |key: &str, value: Option<String>| {
        if let Some(value) = value {
            table.insert(key, toml_edit::value(value));
        }
    };
    text("platform", Some("thinq".to_owned()));
    text("country", Some(entry.country.clone()));
    text("api_url", entry.api_url.clone());
    text("mqtt_url", entry.mqtt_url.clone());
    text(
        "ca_file",
        entry
            .ca_file
            .as_deref()
            .map(|path| path.to_string_lossy().into_owned()),
    );
    table.insert("token", Item::Value(place_value(&entry.token)));
    if let Some(hours) = entry.event_hours {
        table.insert("event_hours", toml_edit::value(i64::from(hours)));
    }
    table
}

fn place_value(place: &SecretRef) -> Value {
    let mut inline = InlineTable::new();
    match place {
        SecretRef::Env(name) => inline.insert("env", name.as_str().into()),
        SecretRef::File(path) => inline.insert("file", path.to_string_lossy().as_ref().into()),
        SecretRef::Command(words) => inline.insert(
            "command",
            Value::Array(words.iter().map(String::as_str).collect::<Array>()),
        ),
        SecretRef::Keyring => inline.insert("keyring", true.into()),
        // Checked before anything is written, and never stored in clear.
        SecretRef::Plain(_) => inline.insert("file", TOKEN_FILE.into()),
    };
    Value::InlineTable(inline)
}

fn remove(text: &str, file: &Path, name: &str) -> Result<String, Problem> {
    let mut document = parsed(text, file)?;
    let removed = document
        .get_mut("profiles")
        .and_then(Item::as_table_like_mut)
        .and_then(|profiles| profiles.remove(name))
        .ok_or_else(|| no_such(name, file))?;
    let mut kept = String::new();
    if document.get("default_profile").and_then(Item::as_str) == Some(name) {
        let key = document.key("default_profile");
        kept.push_str(&not_about_it(key.map(Key::leaf_decor)));
        document.remove("default_profile");
    }
    kept.push_str(&not_about_it(removed.as_table().map(Table::decor)));
    Ok(kept + &document.to_string())
}

/// The comments above something that are not about it: all up to the last empty line.
fn not_about_it(decor: Option<&Decor>) -> String {
    let prefix = decor
        .and_then(Decor::prefix)
        .and_then(RawString::as_str)
        .unwrap_or_default();
    match prefix.rsplit_once("\n\n") {
        Some((above, _)) if above.contains('#') => {
            format!("{}\n\n", above.trim_start_matches('\n'))
        }
        _ => String::new(),
    }
}

fn no_such(name: &str, file: &Path) -> Problem {
    Problem::new(
        format!("no profile {name:?}"),
        format!("{} has none of that name", file.display()),
        "thingdeck profile-list names them",
    )
    .exit(Exit::NotFound)
}
