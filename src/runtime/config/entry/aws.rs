//! A profile of AWS IoT Core as a table.

use toml_edit::{Array, InlineTable, Item, Table, Value};

use super::{ca_file, file, place, text, topics};
use crate::domain::profile::{AwsCredentials, AwsSettings, Profile, SecretRef, Version};

pub(super) fn fill(table: &mut Table, settings: &AwsSettings, profile: &Profile) {
    text(table, "endpoint", Some(&settings.endpoint));
    text(table, "auth", Some(settings.auth.word()));
    if settings.version != Version::default() {
        text(table, "version", Some(settings.version.word()));
    }
    text(table, "client_id", settings.client_id.as_deref());
    file(table, "cert_file", profile.common.cert_file.as_deref());
    file(table, "key_file", profile.common.key_file.as_deref());
    text(table, "region", settings.region.as_deref());
    if let Some(credentials) = credentials(&settings.credentials) {
        table.insert("credentials", Item::Value(Value::InlineTable(credentials)));
    }
    text(table, "api_url", settings.api_url.as_deref());
    ca_file(table, profile);
    if !settings.things.is_empty() {
        let things = settings.things.iter().map(String::as_str);
        table.insert("things", toml_edit::value(things.collect::<Array>()));
    }
    text(table, "things_query", settings.things_query.as_deref());
    topics(table, profile);
    if profile.common.clean_session == Some(false) {
        table.insert("clean_session", toml_edit::value(false));
    }
}

fn credentials(credentials: &AwsCredentials) -> Option<InlineTable> {
    let mut table = InlineTable::new();
    match credentials {
        AwsCredentials::Chain => return None,
        AwsCredentials::Profile(name) => {
            table.insert("profile", name.as_str().into());
        }
        AwsCredentials::Keys {
            access_key_id,
            secret_access_key,
            session_token,
        } => {
            let id = match access_key_id {
                // No secret: AWS shows it in logs and messages too.
                SecretRef::Plain(id) => id.expose().into(),
                elsewhere => place(elsewhere),
            };
            table.insert("access_key_id", id);
            table.insert("secret_access_key", place(secret_access_key));
            if let Some(token) = session_token {
                table.insert("session_token", place(token));
            }
        }
    }
    Some(table)
}
