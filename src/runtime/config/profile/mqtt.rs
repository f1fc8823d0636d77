//! What a profile of any MQTT broker may say.

use super::{common, secret, will};
use crate::base::moment::parse_duration;
use crate::base::problem::Problem;
use crate::domain::profile::{Common, MqttSettings, Version};
use crate::domain::subscription::FilterOptions;
use crate::platform::mqtt::address::Address;
use crate::platform::mqtt::keeps_session;
use crate::runtime::config::bytes;
use crate::runtime::config::section::Section;
use crate::runtime::files::resolve;

pub(super) const KEYS: [&str; 8] = [
    "url",
    "version",
    "username",
    "password",
    "client_id",
    "session_expiry",
    "alpn",
    "max_packet",
];

/// Common keys of the platforms that leave the connection to the profile.
pub(super) const CONNECTION_KEYS: [&str; 4] = ["cert_file", "key_file", "will", "clean_session"];

/// What a text or a will may take on the wire, in bytes (MQTT 5, 1.5.4).
pub(super) const MOST_BYTES: usize = 65_535;
/// The largest packet that MQTT can express (MQTT 5, 1.5.5).
const LARGEST_PACKET: u64 = 268_435_455;

pub(super) fn read(
    section: &Section<'_>,
    warnings: &mut Vec<Problem>,
) -> Result<(MqttSettings, Common), Problem> {
    let (url, address) = url(section)?;
    let version = version(section)?;
    let settings = MqttSettings {
        url,
        version,
        username: text(section, "username")?,
        password: secret::place(section, "password", PASSWORD_REMEDY, warnings)?,
        client_id: text(section, "client_id")?,
        session_expiry: session_expiry(section, version)?,
        alpn: alpn(section)?,
        max_packet: max_packet(section)?,
    };
    let mut common = common::read(section, (0, 65_535), warnings)?;
    common.cert_file = file(section, "cert_file", "key_file")?;
    common.key_file = file(section, "key_file", "cert_file")?;
    common.clean_session = section.flag("clean_session")?;
    common.will = will::read(section, version)?;
    check_session(section, &settings, &common)?;
    warnings.extend(without_effect(section, &address, version, &common));
    Ok((settings, common))
}

const URL_REMEDY: &str =
    "write the broker's address: url = \"mqtt://HOST:PORT\" (or mqtts, ws, wss)";
const PASSWORD_REMEDY: &str =
    "write password = { env = \"LAB_PW\" }, { file = \"…\" } or { command = [\"…\"] }";

fn url(section: &Section<'_>) -> Result<(String, Address), Problem> {
    let url = section.required_text("url", URL_REMEDY)?;
    let address = Address::parse(&url).map_err(|why| section.wrong("url", why, URL_REMEDY))?;
    if address.user.is_some() || address.has_password {
        let cause = "it must hold no user name and no password";
        let remedy =
            "take them out of it, and write username = \"…\" and password = { env = \"…\" }";
        return Err(section.wrong("url", cause, remedy));
    }
    Ok((url, address))
}

/// An address without a login.
pub(in super::super) fn check_address(text: &str) -> Result<(), String> {
    match Address::parse(text)? {
        address if address.user.is_some() || address.has_password => {
            Err("it must hold no user name and no password".to_owned())
        }
        _ => Ok(()),
    }
}

pub(super) fn version(section: &Section<'_>) -> Result<Version, Problem> {
    match section.text_or_number("version")?.as_deref() {
        None => Ok(Version::default()),
        Some("3.1.1") => Ok(Version::V311),
        Some("5") => Ok(Version::V5),
        Some(other) => Err(section.wrong(
            "version",
            format!("MQTT {other:?} is not known"),
            "write \"5\" or \"3.1.1\"",
        )),
    }
}

/// As it stands, where MQTT can carry it (MQTT 5, 1.5.4).
pub(super) fn text(section: &Section<'_>, key: &str) -> Result<Option<String>, Problem> {
    let Some(text) = section.text(key)? else {
        return Ok(None);
    };
    let cause = if text.contains('\0') {
        "it holds a NUL character, which MQTT does not allow"
    } else if text.len() > MOST_BYTES {
        "it is longer than 65,535 bytes"
    } else {
        return Ok(Some(text));
    };
    Err(section.wrong(key, cause, "correct its value"))
}

pub(super) fn only_in_five(
    section: &Section<'_>,
    key: &str,
    version: Version,
) -> Result<(), Problem> {
    if version == Version::V5 || !section.has(key) {
        return Ok(());
    }
    let remedy = "write version = \"5\" in the profile, or remove it";
    Err(section.wrong(key, "MQTT 3.1.1 has no such thing", remedy))
}

/// Seconds, `"1h30m"`, or `"never"`.
fn session_expiry(section: &Section<'_>, version: Version) -> Result<Option<u32>, Problem> {
    only_in_five(section, "session_expiry", version)?;
    let Some(text) = section.text_or_number("session_expiry")? else {
        return Ok(None);
    };
    let seconds = match text.as_str() {
        "never" => Some(u32::MAX),
        text => text
            .parse()
            .ok()
            .or_else(|| u32::try_from(parse_duration(text)?.as_secs()).ok()),
    };
    seconds.map(Some).ok_or_else(|| {
        let remedy = "write seconds, \"1h30m\" or \"never\"";
        section.wrong("session_expiry", format!("{text:?} is no time"), remedy)
    })
}

/// Each name takes one byte of length on the wire (RFC 7301, 3.1).
fn alpn(section: &Section<'_>) -> Result<Vec<String>, Problem> {
    let names = section.texts("alpn")?.unwrap_or_default();
    if names.iter().all(|name| (1..=255).contains(&name.len())) {
        return Ok(names);
    }
    let remedy = "write alpn = [\"mqtt\"]";
    Err(section.wrong("alpn", "a name takes 1 to 255 bytes", remedy))
}

fn max_packet(section: &Section<'_>) -> Result<Option<usize>, Problem> {
    let Some(text) = section.text_or_number("max_packet")? else {
        return Ok(None);
    };
    match bytes(&text) {
        Some(most) if (1024..=LARGEST_PACKET).contains(&most) => Ok(usize::try_from(most).ok()),
        Some(_) => Err(section.wrong(
            "max_packet",
            "it is out of range",
            "from \"1 KiB\" to 268435455 bytes",
        )),
        None => Err(section.wrong(
            "max_packet",
            format!("{text:?} is no size"),
            "write a number and a unit: \"16 MiB\"",
        )),
    }
}

/// Certificate and key: both or none.
pub(super) fn file(
    section: &Section<'_>,
    key: &str,
    other: &str,
) -> Result<Option<std::path::PathBuf>, Problem> {
    let path = section.text(key)?;
    if path.is_some() && !section.has(other) {
        let cause = format!("it is of no use without {other}");
        return Err(section.wrong(key, cause, &format!("name {other} too")));
    }
    Ok(path.map(|path| resolve(&path, section.base())))
}

/// A made-up client id is another one at every start: nobody would come back for the session.
fn check_session(
    section: &Section<'_>,
    settings: &MqttSettings,
    common: &Common,
) -> Result<(), Problem> {
    let is_nameless = settings.client_id.as_deref().is_none_or(str::is_empty);
    if !is_nameless || !keeps_session(settings, common) {
        return Ok(());
    }
    let key = if section.has("clean_session") {
        "clean_session"
    } else {
        "session_expiry"
    };
    let cause = "the broker keeps a session for a client id, and this profile has none of its own";
    Err(section.wrong(key, cause, "write client_id = \"…\" too"))
}

/// What is written down and does nothing.
fn without_effect(
    section: &Section<'_>,
    address: &Address,
    version: Version,
    common: &Common,
) -> Option<Problem> {
    let tls_keys = ["ca_file", "cert_file", "alpn", "insecure_skip_verify"];
    if let Some(key) = tls_keys.iter().find(|key| section.has(key))
        && !address.tls
    {
        let cause = "it has no effect: the url is one without TLS";
        return Some(section.wrong(key, cause, "write mqtts:// or wss://, or remove it"));
    }
    let plain = FilterOptions::default();
    if version == Version::V311 && common.topics.iter().any(|wish| wish.options != plain) {
        let cause =
            "no_local, retain_as_published, retain_handling and id have no effect in MQTT 3.1.1";
        return Some(section.wrong("topics", cause, "write version = \"5\", or remove them"));
    }
    None
}
