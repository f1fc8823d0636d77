//! Changes to the config file that leave comments, order and everything else as they are.

use std::fs;
use std::io;
use std::path::Path;

use toml_edit::{
    Array, Decor, DocumentMut, InlineTable, Item, Key, RawString, Table, TableLike, Value,
};

use super::Config;
use super::entry::{self, TOKEN_FILE};
use crate::base::problem::{Exit, Problem};
use crate::domain::profile::{SecretRef, Settings};
use crate::headless::console::NewEntry;
use crate::runtime::files::{Access, Folders, make_folder, replace, trouble};

/// What a new config file begins with.
const HEADER: &str = "# thingdeck's profiles. `thingdeck man` explains every command.\n";

/// Writes the profile; a secret given in clear goes to a 0600 file in the profile's identity folder. Answers where, in
/// words.
pub fn save_profile(folders: &Folders, entry: &NewEntry) -> Result<String, Problem> {
    entry::check(&entry.profile)?;
    let file = &folders.config_file;
    let mut entry = entry.clone();
    let profile = &mut entry.profile;
    let common = &mut profile.common;
    for path in [
        &mut common.ca_file,
        &mut common.cert_file,
        &mut common.key_file,
    ] {
        *path = path.as_deref().map(absolute);
    }
    if let Settings::Google(settings) = &mut profile.settings {
        settings.key_file = absolute(&settings.key_file);
        let file = &mut settings.credentials_file;
        *file = file.as_deref().map(absolute);
    }
    let text = current(file)?;
    // A file that is wrong stays untouched, and so does the identity.
    add(&text, file, &entry)?;
    let name = entry.profile.name.clone();
    let mut where_to = format!("profile {name:?} saved in {}", file.display());
    if let Some((place, kept_in)) = entry::secret(&mut entry.profile.settings) {
        match place {
            SecretRef::Plain(secret) => {
                let identity = folders.identity(&name);
                identity.keep(kept_in, secret)?;
                let path = identity.path(kept_in);
                where_to.push_str(&format!("\nits {kept_in} in {}", path.display()));
                *place = SecretRef::File(path);
            }
            SecretRef::File(path) => *path = absolute(path),
            _ => {}
        }
    }
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
    put(table, "token", entry::place(&place));
    identity.keep(TOKEN_FILE, token)?;
    store(file, &document.to_string())
}

/// A provisioned thing as a profile.
pub struct ThingEntry<'a> {
    pub name: &'a str,
    /// The profile that it was provisioned with.
    pub claim: &'a str,
    pub thing: &'a str,
    pub endpoint: &'a str,
    pub certificate: &'a Path,
    pub key: &'a Path,
    pub replace: bool,
}

/// What a thing has in common with its claim, as it stands in the file.
const OF_THE_CLAIM: [&str; 8] = [
    "region",
    "api_url",
    "version",
    "ca_file",
    "system_roots",
    "insecure_skip_verify",
    "proxy",
    "keep_alive",
];

/// Writes a thing's profile behind all others.
pub fn save_thing(file: &Path, entry: &ThingEntry<'_>) -> Result<(), Problem> {
    let edited = add_thing(&current(file)?, file, entry)?;
    store(file, &edited)
}

fn add_thing(text: &str, file: &Path, entry: &ThingEntry<'_>) -> Result<String, Problem> {
    let mut document = parsed(text, file)?;
    let profiles = document
        .get_mut("profiles")
        .and_then(Item::as_table_like_mut)
        .ok_or_else(|| no_such(entry.claim, file))?;
    let claim = profiles
        .get(entry.claim)
        .and_then(Item::as_table_like)
        .ok_or_else(|| no_such(entry.claim, file))?;
    let mut table = Table::new();
    for (key, value) in [
        ("platform", "aws"),
        ("endpoint", entry.endpoint),
        ("auth", "mtls"),
        ("client_id", entry.thing),
        ("cert_file", &entry.certificate.to_string_lossy()),
        ("key_file", &entry.key.to_string_lossy()),
    ] {
        table.insert(key, toml_edit::value(value));
    }
    table.insert("things", toml_edit::value(Array::from_iter([entry.thing])));
    for key in OF_THE_CLAIM {
        if let Some(value) = claim.get(key).and_then(Item::as_value) {
            let mut value = value.clone();
            value.decor_mut().clear();
            table.insert(key, Item::Value(value));
        }
    }
    if profiles.contains_key(entry.name) && !entry.replace {
        return Err(taken(entry.name, file));
    }
    put_table(profiles, entry.name, table);
    let edited = document.to_string();
    Config::parse(&edited, file)?;
    Ok(edited)
}

fn taken(name: &str, file: &Path) -> Problem {
    Problem::new(
        format!("could not add profile {name:?}"),
        format!("{} has one of that name", file.display()),
        "choose another name, or give --replace",
    )
    .exit(Exit::Usage)
}

/// `will`, `on_connect` and `on_disconnect` of a profile: key, topic and payload of each. All else stays as it is.
pub fn save_messages(
    file: &Path,
    profile: &str,
    messages: &[(&str, String, &str)],
) -> Result<(), Problem> {
    let edited = put_messages(&current(file)?, file, profile, messages)?;
    store(file, &edited)
}

fn put_messages(
    text: &str,
    file: &Path,
    profile: &str,
    messages: &[(&str, String, &str)],
) -> Result<String, Problem> {
    let mut document = parsed(text, file)?;
    let table = document
        .get_mut("profiles")
        .and_then(|profiles| profiles.get_mut(profile))
        .and_then(Item::as_table_like_mut)
        .ok_or_else(|| no_such(profile, file))?;
    for (key, topic, payload) in messages {
        let mut message = InlineTable::new();
        message.insert("topic", topic.as_str().into());
        message.insert("payload", (*payload).into());
        message.insert("qos", 1.into());
        put(table, key, Value::InlineTable(message));
    }
    let edited = document.to_string();
    Config::parse(&edited, file)?;
    Ok(edited)
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
    let edited = said(&current(file)?, file, "decode", topic, Some(chain))?;
    store(file, &edited)
}

/// Says in `[jq]` which program is put over a topic's payloads; `None` takes it out.
pub fn save_program(file: &Path, topic: &str, program: Option<&str>) -> Result<(), Problem> {
    let edited = said(&current(file)?, file, "jq", topic, program)?;
    store(file, &edited)
}

fn said(
    text: &str,
    file: &Path,
    section: &str,
    topic: &str,
    value: Option<&str>,
) -> Result<String, Problem> {
    let mut document = parsed(text, file)?;
    let table = document
        .entry(section)
        .or_insert_with(|| Item::Table(Table::new()))
        .as_table_like_mut()
        .ok_or_else(|| {
            let what = format!("could not change {}", file.display());
            Problem::new(
                what,
                format!("`{section}` is no table"),
                "correct the file by hand",
            )
            .exit(Exit::Usage)
        })?;
    match value {
        Some(value) => put(table, topic, Value::from(value)),
        None => {
            table.remove(topic);
        }
    }
    let edited = document.to_string();
    Config::parse(&edited, file)?;
    Ok(edited)
}

/// In place of what the key says, between the comments that stand around that; else behind all others.
fn put(table: &mut dyn TableLike, key: &str, mut value: Value) {
    let Some(before) = table.get_mut(key) else {
        table.insert(key, Item::Value(value));
        return;
    };
    if let Some(before) = before.as_value() {
        *value.decor_mut() = before.decor().clone();
    }
    *before = Item::Value(value);
}

/// The same for a table: it stays where it stood, below its comment.
fn put_table(tables: &mut dyn TableLike, name: &str, mut table: Table) {
    let Some(before) = tables.get_mut(name) else {
        tables.insert(name, Item::Table(table));
        return;
    };
    if let Some(before) = before.as_table() {
        *table.decor_mut() = before.decor().clone();
        table.set_position(before.position());
    }
    *before = match before {
        Item::Value(_) => Item::Value(Value::InlineTable(table.into_inline_table())),
        _ => Item::Table(table),
    };
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
        .ok_or_else(|| no_such(&entry.profile.name, file))?;
    if profiles.contains_key(&entry.profile.name) && !entry.replace {
        return Err(taken(&entry.profile.name, file));
    }
    let is_first = profiles.is_empty();
    put_table(profiles, &entry.profile.name, entry::table(&entry.profile));
    if entry.make_default || is_first {
        let name = Value::from(entry.profile.name.as_str());
        put(document.as_table_mut(), "default_profile", name);
    }
    let edited = opening.trim_start().to_owned() + &document.to_string();
    Config::parse(&edited, file)?;
    Ok(edited)
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
