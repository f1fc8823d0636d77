//! A profile of Google IoT Core's bridge as a table.

use toml_edit::{Array, InlineTable, Table, Value};

use super::{ca_file, file, text, topics};
use crate::domain::profile::{GoogleFlavor, GoogleIdentity, GoogleSettings, Profile};

pub(super) fn fill(table: &mut Table, settings: &GoogleSettings, profile: &Profile) {
    if settings.flavor != GoogleFlavor::default() {
        text(table, "flavor", Some(settings.flavor.word()));
    }
    text(table, "project", Some(&settings.project));
    text(table, "region", Some(&settings.region));
    text(table, "registry", Some(&settings.registry));
    match &settings.identity {
        GoogleIdentity::Gateway(id) => text(table, "gateway", Some(id)),
        GoogleIdentity::Device(id) => text(table, "device", Some(id)),
    }
    file(table, "key_file", Some(&settings.key_file));
    if !settings.devices.is_empty() {
        let devices = settings.devices.iter().map(|device| {
            let Some(key) = &device.key_file else {
                return Value::from(device.id.as_str());
            };
            let mut inline = InlineTable::new();
            inline.insert("id", device.id.as_str().into());
            inline.insert("key_file", key.to_string_lossy().as_ref().into());
            Value::InlineTable(inline)
        });
        table.insert("devices", toml_edit::value(devices.collect::<Array>()));
    }
    let usual = 60;
    if settings.token_minutes != usual {
        let minutes = i64::from(settings.token_minutes);
        table.insert("token_minutes", toml_edit::value(minutes));
    }
    text(table, "mqtt_url", settings.mqtt_url.as_deref());
    text(table, "api_url", settings.api_url.as_deref());
    file(
        table,
        "credentials_file",
        settings.credentials_file.as_deref(),
    );
    ca_file(table, profile);
    topics(table, profile);
}
