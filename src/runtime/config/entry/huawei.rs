//! A profile of Huawei IoT as a table.

use toml_edit::{Item, Table};

use super::{ca_file, file, place, text, topics};
use crate::domain::profile::{HuaweiSettings, HuaweiSignature, Profile};

pub(super) fn fill(table: &mut Table, settings: &HuaweiSettings, profile: &Profile) {
    text(table, "dialect", Some(settings.dialect.word()));
    text(table, "mqtt_url", Some(&settings.mqtt_url));
    text(table, "device_id", Some(&settings.device_id));
    if settings.by_node {
        text(table, "access", Some("node"));
    }
    if settings.signature == HuaweiSignature::Unchecked {
        table.insert("signature", toml_edit::value(0));
    }
    if let Some(secret) = &settings.secret {
        table.insert("secret", Item::Value(place(secret)));
    }
    file(table, "cert_file", profile.common.cert_file.as_deref());
    file(table, "key_file", profile.common.key_file.as_deref());
    if settings.auto_reply {
        table.insert("auto_reply", toml_edit::value(true));
    }
    ca_file(table, profile);
    if profile.common.ca_file_only {
        table.insert("system_roots", toml_edit::value(false));
    }
    topics(table, profile);
}
