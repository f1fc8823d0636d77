//! `device-register`, `device-delete`. A secret that the platform made is in its answer once and nowhere else: it goes into
//! the file of a profile, and never to stdout.

use super::{ask, device, unfit_relay};
use crate::base::problem::{Exit, Problem};
use crate::base::secret::Secret;
use crate::base::text::SafeText;
use crate::cli::verb::{RegisterVerb, SecretSource};
use crate::domain::device::DeviceId;
use crate::domain::json::one_line;
use crate::domain::profile::{
    Common, HuaweiSettings, Profile, SecretRef, Settings, is_profile_name,
};
use crate::domain::relay::{NewDevice, RelayReply, RelayRequest};
use crate::headless::console::{Answer, NewEntry};
use crate::headless::script::{End, Script};

pub(super) async fn register(script: &mut Script<'_>, verb: &RegisterVerb) -> Result<Exit, End> {
    let profile = script.begin_with("device-register", |can| can.relay.register)?;
    let name = verb.save_as.clone().unwrap_or_else(|| verb.node.clone());
    check_free(script, &name, verb.replace)?;
    let own = own_secret(script, verb)?;
    let request = RelayRequest::Register(NewDevice {
        node: verb.node.clone(),
        product: Some(verb.product.clone()),
        name: verb.name.clone(),
        device: verb.device.as_deref().map(DeviceId::new),
        secret: own.as_ref().map(|(secret, _)| secret.clone()),
        gateway: verb.gateway.as_deref().map(DeviceId::new),
    });
    let (device, made, raw) = match ask(script, request).await? {
        RelayReply::Registered {
            device,
            secret,
            raw,
        } => (device, secret, raw),
        other => return Err(unfit_relay(other)),
    };
    let place = match (own, made) {
        (Some((_, place)), _) => Some(place),
        (None, Some(made)) => Some(SecretRef::Plain(made)),
        (None, None) => None,
    };
    // A device behind a gateway signs in with nothing.
    let saved = match place.filter(|_| verb.gateway.is_none()) {
        Some(place) => script.console.save_profile(&NewEntry {
            profile: of_device(&profile, name, &device, place),
            make_default: false,
            replace: verb.replace,
        }),
        None => Ok(format!(
            "{device} is registered; there is no secret to keep"
        )),
    };
    // Only now: a reader that went away must not cost the secret.
    let told = script.out(&one_line(&raw)).await;
    for line in saved
        .map_err(|problem| not_kept(&device, &problem))?
        .lines()
    {
        script.say(line);
    }
    told.map(|()| Exit::Done)
}

fn not_kept(device: &DeviceId, problem: &Problem) -> Problem {
    Problem::new(
        format!("{device} is registered, but its secret is not kept"),
        problem.line(),
        "reset its secret in the console, or delete it with device-delete and register it again",
    )
    .exit(problem.exit)
}

/// Before anything is made that would have no place.
fn check_free(script: &Script<'_>, name: &str, replace: bool) -> Result<(), Problem> {
    let what = "the device is not registered";
    if !is_profile_name(name) {
        let cause = format!("{name:?} cannot be the name of a profile, which keeps its secret");
        return Err(Problem::new(what, cause, "name one with --save-as").exit(Exit::Usage));
    }
    let is_taken = script.console.profiles().iter().any(|p| p.name == name);
    if !is_taken || replace {
        return Ok(());
    }
    let cause = format!("there is a profile {name:?} already");
    let remedy = "choose another name with --save-as, or give --replace";
    Err(Problem::new(what, cause, remedy).exit(Exit::Usage))
}

/// The secret that the user chose, and where it stays.
fn own_secret(
    script: &mut Script<'_>,
    verb: &RegisterVerb,
) -> Result<Option<(Secret, SecretRef)>, Problem> {
    let Some(SecretSource::At(place)) = &verb.secret else {
        return Ok(None);
    };
    let secret = match place {
        SecretRef::Env(name) => script.console.variable(name).ok_or_else(|| {
            let cause = format!("the variable {name} is not set");
            Problem::new("the device is not registered", cause, "set it").exit(Exit::Usage)
        })?,
        SecretRef::File(path) => {
            let bytes = script.console.read_file(path)?;
            Secret::new(String::from_utf8_lossy(&bytes).trim())
        }
        SecretRef::Command(_) | SecretRef::Keyring | SecretRef::Plain(_) => return Ok(None),
    };
    Ok(Some((secret, place.clone())))
}

/// The same platform, as the new device.
fn of_device(profile: &Profile, name: String, device: &DeviceId, secret: SecretRef) -> Profile {
    let settings = match &profile.settings {
        Settings::Huawei(settings) => Settings::Huawei(HuaweiSettings {
            by_node: false,
            signature: settings.signature,
            secret: Some(secret),
            ..HuaweiSettings::new(
                settings.dialect,
                settings.mqtt_url.clone(),
                device.as_str().to_owned(),
            )
        }),
        other => other.clone(),
    };
    Profile {
        name,
        settings,
        common: Common {
            ca_file: profile.common.ca_file.clone(),
            ca_file_only: profile.common.ca_file_only,
            proxy: profile.common.proxy.clone(),
            ..Common::default()
        },
        simulated: false,
    }
}

pub(super) async fn delete(script: &mut Script<'_>, wanted: &str, yes: bool) -> Result<Exit, End> {
    script.begin_with("device-delete", |can| can.relay.register)?;
    let device = device(script, wanted).await?;
    if !yes {
        let question =
            format!("Delete device {device} at the platform, with its shadow and its data?");
        let question = SafeText::new(&question).into_string();
        match script.console.confirm(&question).await {
            Answer::Yes => {}
            Answer::No => {
                script.say("nothing was deleted");
                return Ok(Exit::Failed);
            }
            Answer::Interrupted => return Err(End::Interrupted),
            Answer::Nobody => {
                let what = format!("{device} is not deleted");
                let cause = "there is no terminal to ask on";
                return Err(Problem::new(what, cause, "give --yes")
                    .exit(Exit::Usage)
                    .into());
            }
        }
    }
    match ask(script, RelayRequest::Delete(device.clone())).await? {
        RelayReply::Done => {
            script
                .out(SafeText::new(&format!("deleted  {device}")).as_str())
                .await?;
            Ok(Exit::Done)
        }
        other => Err(unfit_relay(other)),
    }
}
