//! What a profile of Google IoT Core's bridge (ClearBlade) may say.

use toml::Spanned;
use toml::de::DeValue;

use super::{check_address, mqtt};
use crate::base::problem::Problem;
use crate::domain::profile::{GoogleDevice, GoogleFlavor, GoogleIdentity, GoogleSettings};
use crate::platform::google::topics::is_id;
use crate::runtime::config::section::Section;
use crate::runtime::files::resolve;

pub(super) const KEYS: [&str; 12] = [
    "flavor",
    "project",
    "region",
    "registry",
    "gateway",
    "device",
    "devices",
    "key_file",
    "token_minutes",
    "mqtt_url",
    "api_url",
    "credentials_file",
];

const ID_REMEDY: &str = "up to 255 characters: first a letter, then letters, digits and - . _ ~ %";
const DEVICES_REMEDY: &str =
    "write devices = [\"sensor-1\", { id = \"sensor-2\", key_file = \"sensor-2.pem\" }]";

pub(super) fn read(section: &Section<'_>) -> Result<GoogleSettings, Problem> {
    let identity = identity(section)?;
    let devices = devices(section)?;
    if !devices.is_empty() && !identity.is_gateway() {
        let cause = "only a gateway has devices to attach";
        return Err(section.wrong("devices", cause, "write gateway = \"…\" instead of device"));
    }
    let part = |key: &str, remedy: &str| {
        let text = section.required_text(key, remedy)?;
        check_part(section, key, text)
    };
    let key = section.required_text(
        "key_file",
        "write key_file = \"FILE\": the private key whose public key is registered",
    )?;
    Ok(GoogleSettings {
        flavor: flavor(section)?,
        project: part("project", "write the cloud project's id: project = \"…\"")?,
        region: part(
            "region",
            "write region = \"us-central1\", \"europe-west1\" or \"asia-east1\"",
        )?,
        registry: part("registry", "write the registry's id: registry = \"…\"")?,
        identity,
        devices,
        key_file: resolve(&key, section.base()),
        token_minutes: section.number("token_minutes", 1, 1440)?.unwrap_or(60),
        mqtt_url: mqtt_url(section)?,
        api_url: api_url(section)?,
        credentials_file: section
            .text("credentials_file")?
            .map(|path| resolve(&path, section.base())),
    })
}

fn flavor(section: &Section<'_>) -> Result<GoogleFlavor, Problem> {
    match section.text("flavor")?.as_deref() {
        None | Some("clearblade") => Ok(GoogleFlavor::ClearBlade),
        Some("google") => Ok(GoogleFlavor::Google),
        Some(other) => Err(section.wrong(
            "flavor",
            format!("{other:?} is not known"),
            "write \"clearblade\", or \"google\" for a bridge that speaks Google's own dialect",
        )),
    }
}

/// A part of the client id.
fn check_part(section: &Section<'_>, key: &str, text: String) -> Result<String, Problem> {
    if text.contains('/') || text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        let cause = "it becomes a part of the client id, and must hold no / and no blanks";
        return Err(section.wrong(key, cause, "write the id alone"));
    }
    Ok(text)
}

fn identity(section: &Section<'_>) -> Result<GoogleIdentity, Problem> {
    let both = "a profile is one of both: a gateway or a device";
    match (section.text("gateway")?, section.text("device")?) {
        (Some(_), Some(_)) => Err(section.wrong("device", both, "remove one of them")),
        (Some(id), None) => id_of(section, "gateway", id).map(GoogleIdentity::Gateway),
        (None, Some(id)) => id_of(section, "device", id).map(GoogleIdentity::Device),
        (None, None) => {
            let cause = "it is missing, and so is device";
            let remedy = "write gateway = \"…\", or device = \"…\"";
            Err(section.wrong("gateway", cause, remedy))
        }
    }
}

fn id_of(section: &Section<'_>, key: &str, id: String) -> Result<String, Problem> {
    if is_id(&id) && !id.contains('+') {
        Ok(id)
    } else {
        Err(section.wrong(key, format!("{id:?} is no id of a device"), ID_REMEDY))
    }
}

/// `"sensor-1"` or `{ id = "sensor-1", key_file = "…" }`.
fn devices(section: &Section<'_>) -> Result<Vec<GoogleDevice>, Problem> {
    let Some(items) = section.array("devices")? else {
        return Ok(Vec::new());
    };
    let items = items.iter().enumerate();
    items
        .map(|(index, item)| device(section, index, item))
        .collect()
}

fn device<'a>(
    section: &Section<'a>,
    index: usize,
    item: &'a Spanned<DeValue<'a>>,
) -> Result<GoogleDevice, Problem> {
    if let DeValue::String(text) = item.get_ref() {
        return Ok(GoogleDevice {
            id: id_of(section, "devices", text.to_string())?,
            key_file: None,
        });
    }
    let path = format!("profiles.{}.devices[{index}]", section.name());
    let item = section.as_section(path, item)?;
    item.only(&["id", "key_file"])?;
    let id = item.required_text("id", DEVICES_REMEDY)?;
    Ok(GoogleDevice {
        id: id_of(&item, "id", id)?,
        key_file: item
            .text("key_file")?
            .map(|path| resolve(&path, item.base())),
    })
}

fn mqtt_url(section: &Section<'_>) -> Result<Option<String>, Problem> {
    let remedy = "write mqtt_url = \"mqtts://HOST:8883\"";
    let Some(url) = mqtt::text(section, "mqtt_url")? else {
        return Ok(None);
    };
    check_address(&url).map_err(|why| section.wrong("mqtt_url", why, remedy))?;
    if !url.starts_with("mqtt") {
        let cause = "the bridge speaks MQTT over TCP and TLS";
        return Err(section.wrong("mqtt_url", cause, remedy));
    }
    Ok(Some(url))
}

fn api_url(section: &Section<'_>) -> Result<Option<String>, Problem> {
    let Some(url) = section.text("api_url")? else {
        return Ok(None);
    };
    // A bridge on the premises may have no TLS in front of its API.
    super::check_url(&url, "https")
        .or_else(|why| super::check_url(&url, "http").map_err(|_| why))
        .map_err(|why| section.wrong("api_url", why, "write api_url = \"https://HOST:PORT\""))?;
    Ok(Some(url))
}
