//! A new profile as a table of the config file: what `profile-add` and the wizard can set, no more.

mod aws;
mod google;
mod huawei;

use std::path::Path;

use toml_edit::{Array, InlineTable, Item, Table, Value};

use super::profile::{NAME_REMEDY, check_address, check_name, check_url};
use crate::base::problem::{Exit, Problem};
use crate::domain::profile::{
    AwsCredentials, AwsEndpoint, MqttSettings, Profile, SecretRef, Settings, ThinqSettings, Version,
};
use crate::platform::mqtt::address::Address;

/// The identity files of secrets that were typed, pasted or piped in.
pub const TOKEN_FILE: &str = "token";
pub const PASSWORD_FILE: &str = "password";
pub const SECRET_KEY_FILE: &str = "secret_access_key";

/// The one secret of a profile, what a person calls it, and the file that keeps it.
pub(super) fn secret(settings: &mut Settings) -> Option<(&mut SecretRef, &'static str)> {
    match settings {
        Settings::Thinq(settings) => Some((&mut settings.token, TOKEN_FILE)),
        Settings::Mqtt(settings) => Some((settings.password.as_mut()?, PASSWORD_FILE)),
        Settings::Huawei(settings) => Some((settings.secret.as_mut()?, PASSWORD_FILE)),
        Settings::Aws(settings) => match &mut settings.credentials {
            AwsCredentials::Keys {
                secret_access_key, ..
            } => Some((secret_access_key, SECRET_KEY_FILE)),
            AwsCredentials::Chain | AwsCredentials::Profile(_) => None,
        },
        Settings::Google(_) => None,
    }
}

/// Before anything is written, in words for the command line: there is no line of a file to name yet.
pub(super) fn check(profile: &Profile) -> Result<(), Problem> {
    let wrong = |what: &str, why: String, remedy: &str| {
        Err(Problem::new(format!("could not save {what}"), why, remedy).exit(Exit::Usage))
    };
    if let Err(why) = check_name(&profile.name) {
        return wrong("the profile", why, NAME_REMEDY);
    }
    let urls = match &profile.settings {
        Settings::Thinq(settings) => vec![
            ("api_url", "https", settings.api_url.as_deref()),
            ("mqtt_url", "mqtts", settings.mqtt_url.as_deref()),
        ],
        Settings::Aws(settings) => {
            if let Err(why) = AwsEndpoint::parse(&settings.endpoint) {
                let remedy = "write xxxx-ats.iot.REGION.amazonaws.com";
                return wrong("`endpoint`", why, remedy);
            }
            vec![("api_url", "https", settings.api_url.as_deref())]
        }
        Settings::Google(settings) => vec![("api_url", "https", settings.api_url.as_deref())],
        Settings::Huawei(settings) => {
            return Address::parse(&settings.mqtt_url)
                .map(drop)
                .or_else(|why| wrong("`mqtt_url`", why.to_string(), "write mqtts://HOST:8883"));
        }
        Settings::Mqtt(settings) => {
            return check_address(&settings.url).or_else(|why| {
                let remedy = "write mqtt://HOST:PORT (or mqtts, ws, wss), and the user and the password apart from it";
                wrong("`url`", why, remedy)
            });
        }
    };
    for (key, scheme, text) in urls {
        if let Some(Err(why)) = text.map(|text| check_url(text, scheme)) {
            return wrong(
                &format!("`{key}`"),
                why,
                &format!("write {scheme}://HOST:PORT"),
            );
        }
    }
    Ok(())
}

pub(super) fn table(profile: &Profile) -> Table {
    let mut table = Table::new();
    text(&mut table, "platform", Some(profile.platform().word()));
    match &profile.settings {
        Settings::Thinq(settings) => thinq(&mut table, settings, profile),
        Settings::Mqtt(settings) => mqtt(&mut table, settings, profile),
        Settings::Aws(settings) => aws::fill(&mut table, settings, profile),
        Settings::Google(settings) => google::fill(&mut table, settings, profile),
        Settings::Huawei(settings) => huawei::fill(&mut table, settings, profile),
    }
    table
}

fn thinq(table: &mut Table, settings: &ThinqSettings, profile: &Profile) {
    text(table, "country", Some(&settings.country));
    text(table, "api_url", settings.api_url.as_deref());
    text(table, "mqtt_url", settings.mqtt_url.as_deref());
    ca_file(table, profile);
    table.insert("token", Item::Value(place(&settings.token)));
    let plain = ThinqSettings::new(String::new(), SecretRef::Keyring);
    if settings.event_hours != plain.event_hours {
        let hours = i64::from(settings.event_hours);
        table.insert("event_hours", toml_edit::value(hours));
    }
}

fn mqtt(table: &mut Table, settings: &MqttSettings, profile: &Profile) {
    text(table, "url", Some(&settings.url));
    if settings.version != Version::default() {
        text(table, "version", Some(settings.version.word()));
    }
    text(table, "username", settings.username.as_deref());
    if let Some(password) = &settings.password {
        table.insert("password", Item::Value(place(password)));
    }
    text(table, "client_id", settings.client_id.as_deref());
    ca_file(table, profile);
    topics(table, profile);
}

fn topics(table: &mut Table, profile: &Profile) {
    let topics = &profile.common.topics;
    if !topics.is_empty() {
        let filters = topics.iter().map(|wish| wish.filter.as_str());
        table.insert("topics", toml_edit::value(filters.collect::<Array>()));
    }
}

fn text(table: &mut Table, key: &str, value: Option<&str>) {
    if let Some(value) = value {
        table.insert(key, toml_edit::value(value));
    }
}

fn ca_file(table: &mut Table, profile: &Profile) {
    file(table, "ca_file", profile.common.ca_file.as_deref());
}

fn file(table: &mut Table, key: &str, path: Option<&Path>) {
    let path = path.map(Path::to_string_lossy);
    text(table, key, path.as_deref());
}

pub(super) fn place(place: &SecretRef) -> Value {
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
