//! `--url`: a profile of platform `mqtt` that no config file holds.

use crate::base::problem::{Exit, Problem};
use crate::cli::Look;
use crate::cli::environment::Environment;
use crate::domain::profile::{Common, MqttSettings, Profile, SecretRef, Settings};
use crate::platform::mqtt::address::Address;

/// Where the password of the URL's user is.
const PASSWORD: &str = "THINGDECK_PASSWORD";

pub fn profile(look: &Look, environment: &Environment) -> Result<Profile, Problem> {
    let wrong = |cause: String, remedy: &str| {
        Problem::new("--url cannot be used as it is", cause, remedy).exit(Exit::Usage)
    };
    let typed = look.url.expose();
    let address = Address::parse(typed)
        .map_err(|why| wrong(why, "write mqtt://HOST:PORT, or with mqtts, ws or wss"))?;
    if address.has_password {
        let cause = "it holds a password, and other users of this machine can read it there";
        let remedy = format!("keep the user in it, and put the password into {PASSWORD}");
        return Err(wrong(cause.to_owned(), &remedy));
    }
    let password = environment
        .value(PASSWORD)
        .filter(|_| address.user.is_some())
        .map(|_| SecretRef::Env(PASSWORD.to_owned()));
    Ok(Profile {
        // No profile of a config file can be called so: its name holds no colon.
        name: format!("{}:{}", address.host, address.port),
        settings: Settings::Mqtt(MqttSettings {
            version: look.version,
            username: address.user,
            password,
            ..MqttSettings::new(without_user(typed))
        }),
        common: Common {
            ca_file: look.ca_file.clone(),
            topics: look.topics.clone(),
            ..Common::default()
        },
        simulated: false,
    })
}

/// The same text without `user@`. Not by way of a URL type, which would write a path where there was none.
fn without_user(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    format!("{scheme}://{host}{path}")
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;
    use crate::base::secret::Secret;
    use crate::domain::profile::Version;

    fn look(url: &str) -> Look {
        Look {
            url: Secret::new(url),
            topics: Vec::new(),
            ca_file: None,
            version: Version::V5,
        }
    }

    fn with_password() -> Environment {
        [(PASSWORD.to_owned(), OsString::from("c4nary"))]
            .into_iter()
            .collect()
    }

    fn settings(url: &str, environment: &Environment) -> MqttSettings {
        match profile(&look(url), environment)
            .expect("a profile")
            .settings
        {
            Settings::Mqtt(settings) => settings,
            _ => panic!("a broker"),
        }
    }

    #[test]
    fn a_url_stands_in_for_a_profile() {
        let stand_in = profile(&look("wss://h:1"), &with_password()).expect("a profile");
        assert_eq!(stand_in.name, "h:1");
        let expected = MqttSettings {
            version: Version::V5,
            ..MqttSettings::new("wss://h:1".to_owned())
        };
        assert_eq!(stand_in.settings, Settings::Mqtt(expected));
    }

    #[test]
    fn the_user_is_taken_from_it_and_the_password_from_the_environment() {
        let with = settings("mqtt://a%40b@h/", &with_password());
        assert_eq!(with.url, "mqtt://h/");
        assert_eq!(with.username.as_deref(), Some("a@b"));
        assert_eq!(with.password, Some(SecretRef::Env(PASSWORD.to_owned())));
        let without = settings("mqtt://me@h", &Environment::default());
        assert_eq!(
            (without.username.as_deref(), without.password),
            (Some("me"), None)
        );
    }

    #[test]
    fn a_password_in_it_is_refused_and_not_repeated() {
        let problem = profile(&look("mqtt://me:c4nary@h"), &with_password()).expect_err("refused");
        assert_eq!(problem.exit, Exit::Usage);
        assert!(problem.remedy.contains(PASSWORD), "{problem}");
        assert!(!format!("{problem:?}").contains("c4nary"), "{problem:?}");
    }
}
