//! What a LG ThinQ account may say.

use super::secret;
use crate::base::problem::Problem;
use crate::domain::profile::{OnQuit, SecretRef, ThinqSettings};
use crate::runtime::config::section::Section;

pub(super) const KEYS: [&str; 9] = [
    "country",
    "token",
    "client_id",
    "event_hours",
    "api_url",
    "mqtt_url",
    "api_key",
    "on_quit",
    "silent_after",
];

const TOKEN_REMEDY: &str =
    "write token = { env = \"THINQ_PAT\" }, { file = \"…\" } or { command = [\"…\"] }";

pub(super) fn read(
    section: &Section<'_>,
    warnings: &mut Vec<Problem>,
) -> Result<ThinqSettings, Problem> {
    Ok(ThinqSettings {
        country: country(section)?,
        token: token(section, warnings)?,
        client_id: client_id(section)?,
        event_hours: section.number("event_hours", 1, 24)?.unwrap_or(24),
        api_url: url(section, "api_url", "https")?,
        mqtt_url: url(section, "mqtt_url", "mqtts")?,
        api_key: section.text("api_key")?,
        on_quit: on_quit(section)?,
        silent_after: silent_after(section)?,
    })
}

fn country(section: &Section<'_>) -> Result<String, Problem> {
    let remedy = "write the country of the account: country = \"KR\"";
    let text = section.required_text("country", remedy)?;
    if text.len() == 2 && text.chars().all(|c| c.is_ascii_alphabetic()) {
        Ok(text.to_ascii_uppercase())
    } else {
        Err(section.wrong(
            "country",
            format!("{text:?} is no ISO 3166-1 code of two letters"),
            remedy,
        ))
    }
}

fn token(section: &Section<'_>, warnings: &mut Vec<Problem>) -> Result<SecretRef, Problem> {
    secret::place(section, "token", TOKEN_REMEDY, warnings)?
        .ok_or_else(|| section.wrong("token", "it is missing", TOKEN_REMEDY))
}

/// It becomes an MQTT client id and a topic level, byte for byte (`reference/lg-thinq.md` 3).
fn client_id(section: &Section<'_>) -> Result<Option<String>, Problem> {
    let Some(id) = section.text("client_id")? else {
        return Ok(None);
    };
    let fits = (1..=64).contains(&id.len())
        && id
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    if fits {
        Ok(Some(id))
    } else {
        Err(section.wrong(
            "client_id",
            format!("{id:?} cannot be a client id"),
            "use 1 to 64 of A-Z, a-z, 0-9, - and _; or leave it out, and one is made and kept",
        ))
    }
}

fn url(section: &Section<'_>, key: &str, scheme: &str) -> Result<Option<String>, Problem> {
    let Some(text) = section.text(key)? else {
        return Ok(None);
    };
    super::check_url(&text, scheme)
        .map(|()| Some(text))
        .map_err(|why| section.wrong(key, why, &format!("write {scheme}://HOST:PORT")))
}

fn on_quit(section: &Section<'_>) -> Result<OnQuit, Problem> {
    match section.text("on_quit")?.as_deref() {
        None | Some("keep") => Ok(OnQuit::Keep),
        Some("end-events") => Ok(OnQuit::EndEvents),
        Some("end-all") => Ok(OnQuit::EndAll),
        Some(other) => Err(section.wrong(
            "on_quit",
            format!("{other:?} is not known"),
            "write \"keep\", \"end-events\" or \"end-all\"",
        )),
    }
}

/// Seconds, or `"30m"`.
fn silent_after(section: &Section<'_>) -> Result<Option<u32>, Problem> {
    let Some(text) = section.text_or_number("silent_after")? else {
        return Ok(None);
    };
    let seconds = text
        .parse()
        .ok()
        .or_else(|| u32::try_from(crate::base::moment::parse_duration(&text)?.as_secs()).ok());
    match seconds {
        Some(seconds) if seconds > 0 => Ok(Some(seconds)),
        _ => Err(section.wrong(
            "silent_after",
            format!("{text:?} is no time"),
            "write seconds, or \"30m\"",
        )),
    }
}
