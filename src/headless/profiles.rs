//! `profile-list`, `profile-add`, `profile-remove`.

use crate::base::problem::{Exit, Problem};
use crate::base::secret::Secret;
use crate::base::text::SafeText;
use crate::cli::verb::{Account, AddVerb, AwsAccount, SecretSource};
use crate::domain::json::quote;
use crate::domain::profile::{
    AwsCredentials, AwsSettings, Common, HuaweiSettings, HuaweiSignature, MqttSettings, PlatformId,
    Profile, SecretRef, Settings, ThinqSettings,
};
use crate::domain::request::{Reply, Request};

use super::console::{Answer, NewEntry};
use super::script::{End, Script, problem_text, unfit};
use super::table;

pub(super) async fn list(script: &mut Script<'_>, json: bool) -> Result<Exit, End> {
    let profiles = script.console.profiles();
    let default = script.console.default_profile();
    let is_default = |profile: &Profile| default.as_deref() == Some(profile.name.as_str());
    if json {
        for profile in &profiles {
            script.out(&json_line(profile, is_default(profile))).await?;
        }
    } else if profiles.is_empty() {
        script.say("no profiles: `thingdeck profile-add` makes one");
    } else {
        let rows: Vec<_> = profiles.iter().map(|p| row(p, is_default(p))).collect();
        for line in table::lines(&["NAME", "PLATFORM", "WHERE", "SECRET", "DEFAULT"], &rows) {
            script.out(&line).await?;
        }
    }
    Ok(Exit::Done)
}

fn row(profile: &Profile, is_default: bool) -> Vec<SafeText> {
    let (place, secret) = match &profile.settings {
        Settings::Thinq(settings) => (settings.country.clone(), settings.token.place()),
        Settings::Huawei(settings) => (
            settings.mqtt_url.clone(),
            settings
                .secret
                .as_ref()
                .map_or(String::new(), SecretRef::place),
        ),
        Settings::Aws(_) | Settings::Google(_) => (profile.settings.place(), String::new()),
        Settings::Mqtt(settings) => (
            settings.shown_url(),
            settings
                .password
                .as_ref()
                .map_or(String::new(), SecretRef::place),
        ),
    };
    vec![
        SafeText::new(&profile.name),
        SafeText::new(profile.platform().word()),
        SafeText::new(&place),
        secret.into(),
        SafeText::new(if is_default { "yes" } else { "" }),
    ]
}

fn json_line(profile: &Profile, is_default: bool) -> String {
    let own = match &profile.settings {
        Settings::Thinq(settings) => format!(
            "\"country\":{},\"token\":{}",
            quote(&settings.country),
            quote(&settings.token.place())
        ),
        Settings::Aws(settings) => format!("\"endpoint\":{}", quote(&settings.endpoint)),
        Settings::Google(settings) => {
            format!("\"client_id\":{}", quote(&settings.client_id()))
        }
        Settings::Huawei(settings) => format!(
            "\"mqtt_url\":{},\"device_id\":{}",
            quote(&settings.mqtt_url),
            quote(&settings.device_id)
        ),
        Settings::Mqtt(settings) => {
            let mut own = format!("\"url\":{}", quote(&settings.shown_url()));
            if let Some(password) = &settings.password {
                own.push_str(&format!(",\"password\":{}", quote(&password.place())));
            }
            own
        }
    };
    format!(
        "{{\"name\":{},\"platform\":\"{}\",{own},\"default\":{is_default}}}",
        quote(&profile.name),
        profile.platform().word(),
    )
}

pub(super) async fn add(script: &mut Script<'_>, verb: &AddVerb) -> Result<Exit, End> {
    let exists = script
        .console
        .profiles()
        .iter()
        .any(|p| p.name == verb.name);
    if exists && !verb.replace {
        return Err(taken(&verb.name).into());
    }
    let profile = profile(script, verb).await?;
    if !verb.no_check {
        try_out(script, &profile).await?;
    }
    let saved = script.console.save_profile(&NewEntry {
        profile,
        make_default: verb.make_default,
        replace: verb.replace,
    })?;
    for line in saved.lines() {
        script.say(line);
    }
    Ok(Exit::Done)
}

/// One cheap authorised call or connection, so that a mistyped secret is found before it is saved.
async fn try_out(script: &mut Script<'_>, profile: &Profile) -> Result<(), End> {
    script.console.choose(profile.clone())?;
    match (script.ask(Request::Probe).await?, profile.platform()) {
        (Reply::Probed { .. }, PlatformId::Mqtt) => script.say("the broker lets us in"),
        (Reply::Probed { .. }, PlatformId::Aws) => script.say("AWS IoT lets us in"),
        (Reply::Probed { devices }, PlatformId::Thinq) => {
            script.say(&format!("the token works: {devices} devices"));
        }
        (Reply::Probed { .. }, _) => script.say("the connection works"),
        (other, _) => return Err(unfit(&other)),
    }
    Ok(())
}

fn taken(name: &str) -> Problem {
    Problem::new(
        format!("could not add profile {name:?}"),
        "there is one of that name",
        "choose another name, or give --replace",
    )
    .exit(Exit::Usage)
}

async fn profile(script: &mut Script<'_>, verb: &AddVerb) -> Result<Profile, End> {
    let mut common = Common {
        ca_file: verb.ca_file.clone(),
        ..Common::default()
    };
    let settings = match &verb.account {
        Account::Thinq {
            country,
            token,
            event_hours,
            api_url,
            mqtt_url,
        } => Settings::Thinq(ThinqSettings {
            event_hours: event_hours.unwrap_or(24),
            api_url: api_url.clone(),
            mqtt_url: mqtt_url.clone(),
            ..ThinqSettings::new(country.clone(), place(script, token).await?)
        }),
        Account::Aws(account) => {
            common.topics.clone_from(&account.topics);
            common.cert_file.clone_from(&account.cert_file);
            common.key_file.clone_from(&account.key_file);
            Settings::Aws(aws(script, account).await?)
        }
        Account::Google(settings) => Settings::Google((**settings).clone()),
        Account::Huawei(account) => {
            common.topics.clone_from(&account.topics);
            common.cert_file.clone_from(&account.cert_file);
            common.key_file.clone_from(&account.key_file);
            let secret = match &account.secret {
                Some(source) => Some(place(script, source).await?),
                None => None,
            };
            let signature = if account.unchecked {
                HuaweiSignature::Unchecked
            } else {
                HuaweiSignature::Checked
            };
            Settings::Huawei(HuaweiSettings {
                signature,
                secret,
                auto_reply: account.auto_reply,
                ..HuaweiSettings::new(
                    account.dialect,
                    account.mqtt_url.clone(),
                    account.device_id.clone(),
                )
            })
        }
        Account::Mqtt {
            url,
            version,
            username,
            password,
            client_id,
            topics,
        } => {
            common.topics.clone_from(topics);
            let password = match password {
                Some(source) => Some(place(script, source).await?),
                None => None,
            };
            Settings::Mqtt(MqttSettings {
                version: *version,
                username: username.clone(),
                password,
                client_id: client_id.clone(),
                ..MqttSettings::new(url.expose().to_owned())
            })
        }
    };
    Ok(Profile {
        name: verb.name.clone(),
        settings,
        common,
        simulated: false,
    })
}

async fn aws(script: &mut Script<'_>, account: &AwsAccount) -> Result<AwsSettings, End> {
    let credentials = match (&account.keys, &account.aws_profile) {
        (Some((id, secret)), _) => AwsCredentials::Keys {
            access_key_id: SecretRef::Plain(Secret::new(id.as_str())),
            secret_access_key: place(script, secret).await?,
            session_token: None,
        },
        (None, Some(name)) => AwsCredentials::Profile(name.clone()),
        (None, None) => AwsCredentials::Chain,
    };
    Ok(AwsSettings {
        auth: account.auth,
        client_id: account.client_id.clone(),
        region: account.region.clone(),
        credentials,
        api_url: account.api_url.clone(),
        things: account.things.clone(),
        version: account.version,
        ..AwsSettings::new(account.endpoint.clone())
    })
}

async fn place(script: &mut Script<'_>, source: &SecretSource) -> Result<SecretRef, End> {
    Ok(match source {
        SecretSource::At(place) => place.clone(),
        SecretSource::Stdin => SecretRef::Plain(script.console.read_secret().await?),
    })
}

/// Signs out where it can, then deletes what is here; what stays behind is named, and makes it a failure.
pub(super) async fn remove(script: &mut Script<'_>, name: &str, yes: bool) -> Result<Exit, End> {
    let profiles = script.console.profiles();
    let Some(profile) = profiles.iter().find(|p| p.name == name) else {
        return Err(no_such(name, &profiles).into());
    };
    if !yes && !confirmed(script, profile).await? {
        script.say("nothing was removed");
        return Ok(Exit::Failed);
    }
    let mut left = sign_out(script, profile.clone()).await?;
    left.extend(script.console.remove_profile(name)?);
    script.say(&format!("profile {name:?} is removed"));
    for item in &left {
        script.say(&format!("could not be undone: {item}"));
    }
    if left.is_empty() {
        Ok(Exit::Done)
    } else {
        Err(left_behind(name).into())
    }
}

fn no_such(name: &str, profiles: &[Profile]) -> Problem {
    let names: Vec<_> = profiles.iter().map(|p| p.name.as_str()).collect();
    let remedy = if names.is_empty() {
        "there are no profiles".to_owned()
    } else {
        format!("the profiles are: {}", names.join(", "))
    };
    Problem::new(
        format!("no profile {name:?}"),
        "the config file has none of that name",
        remedy,
    )
    .exit(Exit::NotFound)
}

async fn confirmed(script: &mut Script<'_>, profile: &Profile) -> Result<bool, End> {
    let name = &profile.name;
    let what = match profile.platform() {
        PlatformId::Thinq => {
            "Its subscriptions end, its client is deregistered and its identity deleted."
        }
        PlatformId::Aws | PlatformId::Google | PlatformId::Huawei => {
            "What thingdeck made for it here is deleted too; nothing changes at the platform."
        }
        PlatformId::Mqtt => "Its password file, if thingdeck made one, is deleted too.",
    };
    let question = format!("Remove profile {name:?}? {what}");
    let question = SafeText::new(&question).into_string();
    match script.console.confirm(&question).await {
        Answer::Yes => Ok(true),
        Answer::No => Ok(false),
        Answer::Interrupted => Err(End::Interrupted),
        Answer::Nobody => Err(Problem::new(
            format!("profile {name:?} is not removed"),
            "there is no terminal to ask on",
            "give --yes",
        )
        .exit(Exit::Usage)
        .into()),
    }
}

/// What could not be undone at the platform. Only an interrupt stops the removal.
async fn sign_out(script: &mut Script<'_>, profile: Profile) -> Result<Vec<String>, End> {
    let asked = match script.console.choose(profile) {
        Ok(()) => script.ask(Request::SignOut).await,
        Err(problem) => Err(End::Failed(problem)),
    };
    match asked {
        Ok(Reply::SignedOut { left }) => Ok(left),
        Ok(other) => Err(unfit(&other)),
        Err(End::Failed(problem)) => {
            script.console.say(&problem_text(&problem));
            Ok(vec![
                "the subscriptions and the registration at the platform".to_owned(),
            ])
        }
        Err(end) => Err(end),
    }
}

fn left_behind(name: &str) -> Problem {
    Problem::new(
        format!("profile {name:?} is removed here, but not everywhere"),
        "what is named above is still at the platform",
        "revoke its token on the platform's own page: then nothing of it can be used any more",
    )
}
