//! One `[profiles.NAME]`.

mod aws;
mod common;
mod google;
mod huawei;
mod mqtt;
mod secret;
mod thinq;
mod will;

pub(super) use mqtt::check_address;

use url::Url;

use super::section::Section;
use crate::base::problem::Problem;
use crate::domain::profile::{PlatformId, Profile, Settings, is_profile_name};

pub(super) fn read(section: &Section<'_>, warnings: &mut Vec<Problem>) -> Result<Profile, Problem> {
    let name = section.name().to_owned();
    check_name(&name).map_err(|why| section.wrong_itself(why, NAME_REMEDY))?;
    section.no_misspelling("platform")?;
    let (settings, common) = match platform(section)? {
        PlatformId::Thinq => {
            let elsewhere = [&mqtt::CONNECTION_KEYS[..], &["on_connect", "on_disconnect"]];
            common::not_here(section, &elsewhere.concat(), "ThinQ")?;
            section.only(&[&common::KEYS[..], &thinq::KEYS].concat())?;
            let settings = Settings::Thinq(thinq::read(section, warnings)?);
            (settings, common::read(section, (5, 1200), warnings)?)
        }
        PlatformId::Aws => {
            section.only(&[&common::KEYS[..], &aws::KEYS, &mqtt::CONNECTION_KEYS].concat())?;
            let (settings, common) = aws::read(section, warnings)?;
            (Settings::Aws(settings), common)
        }
        PlatformId::Google => {
            let elsewhere = ["cert_file", "will", "clean_session"];
            common::not_here(section, &elsewhere, "the bridge")?;
            section.only(&[&common::KEYS[..], &google::KEYS].concat())?;
            let settings = Settings::Google(google::read(section)?);
            (settings, common::read(section, (5, 1200), warnings)?)
        }
        PlatformId::Huawei => {
            common::not_here(section, &huawei::NOT_HERE, "Huawei IoT")?;
            section.only(&[&common::KEYS[..], &huawei::KEYS].concat())?;
            let (settings, common) = huawei::read(section, warnings)?;
            (Settings::Huawei(settings), common)
        }
        PlatformId::Mqtt => {
            section.only(&[&common::KEYS[..], &mqtt::KEYS, &mqtt::CONNECTION_KEYS].concat())?;
            let (settings, common) = mqtt::read(section, warnings)?;
            (Settings::Mqtt(settings), common)
        }
    };
    Ok(Profile {
        name,
        settings,
        common,
        simulated: false,
    })
}

pub(super) const NAME_REMEDY: &str = "use letters, digits, - and _ (at most 64)";

pub(super) fn check_name(name: &str) -> Result<(), String> {
    if is_profile_name(name) {
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
        .ok_or_else(|| unknown(section, &word))
}

fn unknown(section: &Section<'_>, word: &str) -> Problem {
    let known = PlatformId::ALL.map(PlatformId::word).join(", ");
    section.wrong(
        "platform",
        format!("this version does not know the platform {word:?}"),
        &format!("it knows: {known}"),
    )
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
