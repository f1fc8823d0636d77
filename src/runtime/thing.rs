//! A thing that was provisioned becomes a profile: its key and certificate in 0600 files, its entry beside the claim's.

use std::path::Path;

use tempfile::TempDir;

use super::config::Config;
use super::config::edit::{self, ThingEntry};
use super::files::{Access, Folders, make_private_folder, replace, trouble};
use crate::base::problem::{Exit, Problem};
use crate::base::secret::Secret;
use crate::domain::profile::{
    AwsAuth, AwsEndpoint, AwsSettings, Common, Profile, Settings, is_profile_name,
};
use crate::domain::provision::{NewThingProfile, SavedThing, profile_name};

const CERTIFICATE: &str = "certificate.pem";
const KEY: &str = "private.key";

/// The files first: an entry that names nothing would be worse than files that nobody names.
pub fn save(
    folders: &Folders,
    config: &Config,
    new: &NewThingProfile,
) -> Result<SavedThing, Problem> {
    let claim = config.profiles.iter().find(|p| p.name == new.claim);
    let claim = claim.ok_or_else(|| no_claim(&new.claim))?;
    let name = free_name(new, |name| config.profiles.iter().any(|p| p.name == name))?;
    let identity = folders.identity(&name);
    // A profile that is replaced keeps its files until the new ones are whole.
    identity.keep(KEY, &new.thing.key)?;
    identity.keep(CERTIFICATE, &Secret::new(new.thing.certificate.as_str()))?;
    let (certificate, key) = (identity.path(CERTIFICATE), identity.path(KEY));
    edit::save_thing(
        &folders.config_file,
        &ThingEntry {
            name: &name,
            claim: &new.claim,
            thing: &new.thing.thing,
            endpoint: &endpoint(claim, &config.profiles)?,
            certificate: &certificate,
            key: &key,
            replace: new.replace,
        },
    )?;
    let remarks = vec![
        format!("in {}", folders.config_file.display()),
        format!("certificate in {}", certificate.display()),
        format!("key in {}", key.display()),
    ];
    Ok(SavedThing {
        profile: name,
        certificate,
        key,
        remarks,
    })
}

/// The same for the simulator inside this process: it is gone when this ends, and so is the profile.
pub fn save_for_now(
    folder: &TempDir,
    claim: &Profile,
    taken: &[Profile],
    new: &NewThingProfile,
) -> Result<(SavedThing, Profile), Problem> {
    let name = free_name(new, |name| taken.iter().any(|p| p.name == name))?;
    let place = folder.path().join(&name);
    make_private_folder(&place)?;
    let (certificate, key) = (place.join(CERTIFICATE), place.join(KEY));
    replace(&key, new.thing.key.expose().as_bytes(), Access::Private)?;
    replace(
        &certificate,
        new.thing.certificate.as_bytes(),
        Access::Private,
    )?;
    let Settings::Aws(settings) = &claim.settings else {
        return Err(no_claim(&new.claim));
    };
    let profile = Profile {
        name: name.clone(),
        settings: Settings::Aws(AwsSettings {
            client_id: Some(new.thing.thing.clone()),
            region: settings.region.clone(),
            api_url: settings.api_url.clone(),
            things: vec![new.thing.thing.clone()],
            version: settings.version,
            ..AwsSettings::new(endpoint(claim, taken)?)
        }),
        common: Common {
            cert_file: Some(certificate.clone()),
            key_file: Some(key.clone()),
            ca_file: claim.common.ca_file.clone(),
            ca_file_only: claim.common.ca_file_only,
            ..Common::default()
        },
        simulated: true,
    };
    let saved = SavedThing {
        profile: name,
        certificate,
        key,
        remarks: vec!["for as long as this simulator runs".to_owned()],
    };
    Ok((saved, profile))
}

pub fn folder_for_now() -> Result<TempDir, Problem> {
    tempfile::tempdir().map_err(|error| trouble("make a folder in", Path::new("/tmp"), &error))
}

fn free_name(new: &NewThingProfile, taken: impl Fn(&str) -> bool) -> Result<String, Problem> {
    if let Some(name) = &new.name {
        if !is_profile_name(name) {
            let cause = format!("{name:?} cannot be a profile's name");
            return Err(not_saved(
                cause,
                "use letters, digits, - and _ (at most 64)",
            ));
        }
        if taken(name) && !new.replace {
            let cause = format!("there is a profile {name:?} already");
            return Err(not_saved(cause, "choose another name, or give --replace"));
        }
        return Ok(name.clone());
    }
    let first = profile_name(&new.thing.thing);
    if new.replace || !taken(&first) {
        return Ok(first);
    }
    let numbered = (2_u32..).map(|n| format!("{first}-{n}"));
    Ok(numbered
        .take(10_000)
        .find(|name| !taken(name))
        .unwrap_or(first))
}

fn not_saved(cause: String, remedy: &str) -> Problem {
    let what = "the thing is registered, but not saved as a profile";
    let remedy = format!("{remedy}; its key and certificate are kept until then");
    Problem::new(what, cause, remedy).exit(Exit::Usage)
}

fn no_claim(name: &str) -> Problem {
    not_saved(
        format!("the profile {name:?} that it was provisioned with is gone"),
        "put it back, and ask for the same thing once more",
    )
}

/// Where a certificate signs in: the claim's own endpoint. Where that names the port of a WebSocket, one of the same host
/// is looked for that is used with a certificate.
fn endpoint(claim: &Profile, others: &[Profile]) -> Result<String, Problem> {
    let Settings::Aws(settings) = &claim.settings else {
        return Err(no_claim(&claim.name));
    };
    let own = settings.endpoint.clone();
    let Ok(parsed) = AwsEndpoint::parse(&own) else {
        return Ok(own);
    };
    if settings.auth == AwsAuth::Mtls || parsed.port.is_none() {
        return Ok(own);
    }
    let same_host = others.iter().find_map(|other| match &other.settings {
        Settings::Aws(other) if other.auth == AwsAuth::Mtls => {
            let other_host = AwsEndpoint::parse(&other.endpoint).ok()?.host;
            (other_host == parsed.host).then(|| other.endpoint.clone())
        }
        _ => None,
    });
    Ok(same_host.unwrap_or(parsed.host))
}
