//! One `[profiles.NAME]`.

use toml::Spanned;
use toml::de::DeValue;
use url::Url;

use super::section::Section;
use crate::base::problem::Problem;
use crate::base::secret::Secret;
use crate::domain::message::Qos;
use crate::domain::profile::{
    Common, MqttSettings, OnQuit, PlatformId, Profile, SecretRef, Settings, ThinqSettings,
};
use crate::domain::subscription::FilterWish;
use crate::domain::topic::TopicFilter;
use crate::runtime::files::resolve;

const COMMON_KEYS: [&str; 5] = [
    "platform",
    "ca_file",
    "topics",
    "keep_alive",
    "insecure_skip_verify",
];
const THINQ_KEYS: [&str; 9] = [
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

const MQTT_KEYS: [&str; 1] = ["url"];

pub(super) fn read(section: &Section<'_>, warnings: &mut Vec<Problem>) -> Result<Profile, Problem> {
    let name = section.name().to_owned();
    check_name(&name).map_err(|why| section.wrong_itself(why, NAME_REMEDY))?;
    section.no_misspelling("platform")?;
    let platform = platform(section)?;
    let settings = match platform {
        PlatformId::Thinq => {
            section.only(&[&COMMON_KEYS[..], &THINQ_KEYS[..]].concat())?;
            Settings::Thinq(thinq(section, warnings)?)
        }
        PlatformId::Mqtt => {
            section.only(&[&COMMON_KEYS[..], &MQTT_KEYS[..]].concat())?;
            Settings::Mqtt(mqtt(section)?)
        }
    };
    Ok(Profile {
        name,
        settings,
        common: common(section)?,
        simulated: false,
    })
}

pub(super) const NAME_REMEDY: &str = "use letters, digits, - and _ (at most 64)";

/// A profile's name is also a folder's name.
pub(super) fn check_name(name: &str) -> Result<(), String> {
    let fits = !name.is_empty()
        && name.chars().count() <= 64
        && name
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '-' | '_'));
    if fits {
        Ok(())
    } else {
        Err(format!("{name:?} cannot be a profile's name"))
    }
}

fn platform(section: &Section<'_>) -> Result<PlatformId, Problem> {
    let known = PlatformId::ALL.map(PlatformId::word).join(", ");
    let word = section.required_text(
        "platform",
        &format!("name the platform; this version knows: {known}"),
    )?;
    PlatformId::ALL
        .into_iter()
        .find(|id| id.word() == word)
        .ok_or_else(|| {
            section.wrong(
                "platform",
                format!("this version does not know the platform {word:?}"),
                &format!("it knows: {known}"),
            )
        })
}

fn common(section: &Section<'_>) -> Result<Common, Problem> {
    Ok(Common {
        ca_file: section
            .text("ca_file")?
            .map(|path| resolve(&path, section.base())),
        topics: topics(section)?,
        keep_alive: section.number("keep_alive", 5, 1200)?,
        insecure_skip_verify: section.flag("insecure_skip_verify")?.unwrap_or(false),
        ..Common::default()
    })
}

/// `"filter"` or `{ filter = "…", qos = 1 }`.
fn topics(section: &Section<'_>) -> Result<Vec<FilterWish>, Problem> {
    let Some(items) = section.array("topics")? else {
        return Ok(Vec::new());
    };
    let items = items.iter().enumerate();
    items
        .map(|(index, item)| topic(section, index, item))
        .collect()
}

fn topic<'a>(
    section: &Section<'a>,
    index: usize,
    item: &'a Spanned<DeValue<'a>>,
) -> Result<FilterWish, Problem> {
    if let DeValue::String(text) = item.get_ref() {
        return wish(section, text, Qos::AtLeastOnce);
    }
    let item = section.as_section(format!("{}.topics[{index}]", path_of(section)), item)?;
    item.only(&["filter", "qos"])?;
    let text = item.required_text("filter", "write { filter = \"a/b\", qos = 1 }")?;
    let qos = item.number("qos", 0, 2)?.and_then(Qos::from_number);
    wish(&item, &text, qos.unwrap_or(Qos::AtLeastOnce))
}

fn path_of(section: &Section<'_>) -> String {
    format!("profiles.{}", section.name())
}

fn wish(section: &Section<'_>, text: &str, qos: Qos) -> Result<FilterWish, Problem> {
    let key = if section.has("filter") {
        "filter"
    } else {
        "topics"
    };
    TopicFilter::parse(text)
        .map(|filter| FilterWish::new(filter, qos))
        .map_err(|error| {
            section.wrong(
                key,
                format!("{text:?} is no topic filter: {error}"),
                "correct the filter",
            )
        })
}

fn mqtt(section: &Section<'_>) -> Result<MqttSettings, Problem> {
    let remedy = "write the broker's address: url = \"mqtt://HOST:PORT\" (or mqtts, ws, wss)";
    Ok(MqttSettings::new(section.required_text("url", remedy)?))
}

fn thinq(section: &Section<'_>, warnings: &mut Vec<Problem>) -> Result<ThinqSettings, Problem> {
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

const TOKEN_REMEDY: &str =
    "write token = { env = \"THINQ_PAT\" }, { file = \"…\" } or { command = [\"…\"] }";

fn token(section: &Section<'_>, warnings: &mut Vec<Problem>) -> Result<SecretRef, Problem> {
    if !section.has("token") {
        return Err(section.wrong("token", "it is missing", TOKEN_REMEDY));
    }
    if let Ok(Some(text)) = section.text("token") {
        return plain_token(section, &text, warnings);
    }
    let place = section.section("token").map_err(|problem| Problem {
        remedy: TOKEN_REMEDY.to_owned(),
        ..problem
    })?;
    let Some(place) = place else {
        return Err(section.wrong("token", "it is missing", TOKEN_REMEDY));
    };
    place.only(&["env", "file", "command", "keyring"])?;
    let command = place.texts("command")?;
    match (
        place.text("env")?,
        place.text("file")?,
        command,
        place.flag("keyring")?,
    ) {
        (Some(name), None, None, None) if !name.is_empty() => Ok(SecretRef::Env(name)),
        (None, Some(path), None, None) if !path.is_empty() => {
            Ok(SecretRef::File(resolve(&path, section.base())))
        }
        (None, None, Some(words), None) if words.first().is_some_and(|w| !w.is_empty()) => {
            Ok(SecretRef::Command(words))
        }
        (None, None, None, Some(_)) => Err(place.wrong(
            "keyring",
            "this build has no keyring yet",
            "use { env = … }, { file = … } or { command = [..] }",
        )),
        _ => Err(section.wrong(
            "token",
            "it must name exactly one place, and not an empty one",
            TOKEN_REMEDY,
        )),
    }
}

fn plain_token(
    section: &Section<'_>,
    text: &str,
    warnings: &mut Vec<Problem>,
) -> Result<SecretRef, Problem> {
    if text.trim().is_empty() {
        return Err(section.wrong("token", "it is empty", TOKEN_REMEDY));
    }
    warnings.push(section.wrong(
        "token",
        "it stands in the config file in clear: whoever reads the file has the account",
        TOKEN_REMEDY,
    ));
    Ok(SecretRef::Plain(Secret::new(text.trim())))
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
    check_url(&text, scheme)
        .map(|()| Some(text))
        .map_err(|why| section.wrong(key, why, &format!("write {scheme}://HOST:PORT")))
}

/// The text is not repeated: a URL may hold a password.
pub(super) fn check_url(text: &str, scheme: &str) -> Result<(), String> {
    match Url::parse(text) {
        Err(error) => Err(format!("it is no URL: {error}")),
        Ok(url) if url.scheme() != scheme => Err(format!("it must begin with {scheme}://")),
        Ok(url) if url.host_str().is_none_or(str::is_empty) => Err("it names no host".to_owned()),
        Ok(url) if !url.username().is_empty() || url.password().is_some() => {
            Err("it must hold no user name or password".to_owned())
        }
        Ok(_) => Ok(()),
    }
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
