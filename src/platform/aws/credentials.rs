//! Access keys, from where AWS's own tools find them (`reference/aws-iot.md` 2.6).
//!
//! Done by hand over [`Io`] and not with `aws-config`: that brings three SDKs and a second HTTP stack for what is a dozen
//! small questions, and nothing of it could be tested without a network. ARCHITECTURE.md has the figures.

mod ini;
mod profile;
mod remote;

use std::time::Duration;

use super::Aws;
use super::sign::Keys;
use crate::base::moment::{Moment, Mono, Timestamp};
use crate::base::problem::{Exit, Problem};
use crate::base::secret::Secret;
use crate::domain::profile::{AwsCredentials, SecretRef};
use crate::domain::session::LogLevel;
use crate::platform::io::Io;
use profile::Files;
pub(super) use remote::domain;

/// Keys that end sooner than this are asked for anew.
const SPARE: Duration = Duration::from_mins(5);
/// Keys without an end may have been changed where they stand.
const FRESH: Duration = Duration::from_mins(5);

/// Keys, and what a person should know about them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) keys: Keys,
    pub(super) expires: Option<Timestamp>,
    /// Where they came from: `the environment (AWS_ACCESS_KEY_ID)`.
    pub(super) source: String,
}

impl Found {
    pub(super) const fn lasting(keys: Keys, source: String) -> Self {
        Self {
            keys,
            expires: None,
            source,
        }
    }

    /// For the log and for messages: which key, from where, until when. Never a secret; of the key's id as much as one is
    /// known by.
    pub(super) fn words(&self) -> String {
        let kind = if self.keys.token.is_some() {
            "temporary access key"
        } else {
            "access key"
        };
        let until = match self.expires {
            Some(at) => format!(", until {at}"),
            None => String::new(),
        };
        format!(
            "{kind} {} from {}{until}",
            brief(&self.keys.id),
            self.source
        )
    }
}

/// `AKIA…MPLE`: no secret, but half of one. AWS's own tools do not show it whole either (`aws configure list`).
fn brief(id: &str) -> String {
    let ends = |text: &str| {
        Some((
            text.get(..4)?.to_owned(),
            text.get(text.len() - 4..)?.to_owned(),
        ))
    };
    match ends(id) {
        Some((start, end)) if id.len() >= 12 => format!("{start}…{end}"),
        _ => id.to_owned(),
    }
}

/// The keys of the moment.
#[derive(Debug, Default)]
pub(super) struct Kept(Option<(Found, Mono)>);

impl Kept {
    fn at(&self, now: Moment) -> Option<Found> {
        let (found, since) = self.0.as_ref()?;
        let good = match found.expires {
            Some(at) => now.wall.until(at) > SPARE,
            None => now.mono.since(*since) < FRESH,
        };
        good.then(|| found.clone())
    }
}

impl Aws {
    /// Those at hand, while they are good; else looked for again.
    pub(super) async fn keys(&self, io: &dyn Io) -> Result<Found, Problem> {
        let kept = self.kept_keys().at(io.now());
        if let Some(found) = kept {
            return Ok(found);
        }
        let found = self.find_keys(io).await?;
        let before = self.kept_keys().0.replace((found.clone(), io.now().mono));
        if before.is_none_or(|(before, _)| before.words() != found.words()) {
            io.log(LogLevel::Info, format!("AWS: {}", found.words()));
        }
        Ok(found)
    }

    /// Whether there are some at hand.
    pub(super) fn has_keys(&self, now: Moment) -> bool {
        self.kept_keys().at(now).is_some()
    }

    /// The service does not take them any more. Answers whether there was anything to forget.
    pub(super) fn forget_keys(&self) -> bool {
        self.kept_keys().0.take().is_some()
    }

    async fn find_keys(&self, io: &dyn Io) -> Result<Found, Problem> {
        let search = Search {
            io,
            region: self.settings.region(),
        };
        match &self.settings.credentials {
            AwsCredentials::Chain => search.everywhere().await,
            AwsCredentials::Profile(name) => search.named(name).await,
            AwsCredentials::Keys {
                access_key_id,
                secret_access_key,
                session_token,
            } => {
                let (id, key) = (access_key_id, secret_access_key);
                search.written(id, key, session_token.as_ref()).await
            }
        }
    }
}

/// One search.
struct Search<'a> {
    io: &'a dyn Io,
    region: Option<String>,
}

/// `None`: nothing of this kind is set up here.
type Sought = Result<Option<Found>, Problem>;

impl Search<'_> {
    async fn written(
        &self,
        id: &SecretRef,
        secret: &SecretRef,
        token: Option<&SecretRef>,
    ) -> Result<Found, Problem> {
        let id = self.io.secret(id).await?;
        let place = secret.place();
        let secret = self.io.secret(secret).await?;
        let token = match token {
            Some(place) => Some(self.io.secret(place).await?),
            None => None,
        };
        let keys = Keys::new(id.expose(), &secret, token);
        Ok(Found::lasting(keys, format!("the profile ({place})")))
    }

    async fn named(&self, name: &str) -> Result<Found, Problem> {
        let files = Files::read(self.io);
        match self.profile(&files, name).await? {
            Some(found) => Ok(found),
            None => Err(no_such_profile(name, &files)),
        }
    }

    /// In the order of AWS's own tools; the first that is set up decides, also when it fails.
    async fn everywhere(&self) -> Result<Found, Problem> {
        if let Some(found) = self.environment()? {
            return Ok(found);
        }
        if let Some(found) = self.web_identity().await? {
            return Ok(found);
        }
        let files = Files::read(self.io);
        let chosen = self
            .text("AWS_PROFILE")
            .or_else(|| self.text("AWS_DEFAULT_PROFILE"));
        let name = chosen.as_deref().unwrap_or("default");
        match self.profile(&files, name).await? {
            Some(found) => return Ok(found),
            None if chosen.is_some() => return Err(no_such_profile(name, &files)),
            None => {}
        }
        if let Some(found) = self.container().await? {
            return Ok(found);
        }
        match self.instance().await {
            Ok(found) => Ok(found),
            Err(why) => Err(nowhere(&files, &why)),
        }
    }

    fn environment(&self) -> Sought {
        let variable = |name: &str| self.io.variable(name).filter(|value| !value.is_empty());
        let (id, secret) = (
            variable("AWS_ACCESS_KEY_ID"),
            variable("AWS_SECRET_ACCESS_KEY"),
        );
        let token = variable("AWS_SESSION_TOKEN");
        match (id, secret) {
            (Some(id), Some(secret)) => Ok(Some(Found::lasting(
                Keys::new(id.expose(), &secret, token),
                "the environment (AWS_ACCESS_KEY_ID)".to_owned(),
            ))),
            (None, None) => {
                if token.is_some() {
                    let text = "AWS: AWS_SESSION_TOKEN is set without AWS_ACCESS_KEY_ID: it belongs to no key and is not used";
                    self.io.log(LogLevel::Warn, text.to_owned());
                }
                Ok(None)
            }
            _ => Err(half(
                "the environment",
                "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
            )),
        }
    }

    fn text(&self, name: &str) -> Option<String> {
        let value = self.io.variable(name)?;
        Some(value.expose().trim().to_owned()).filter(|value| !value.is_empty())
    }
}

fn half(place: &str, both: &str) -> Problem {
    let cause = format!("{place} holds one half of an access key");
    trouble(cause, format!("set {both}, or neither"))
}

fn no_such_profile(name: &str, files: &Files) -> Problem {
    let known = files.names();
    let cause = format!("AWS's shared files have no profile {name:?} with credentials in it");
    let remedy = if known.is_empty() {
        format!(
            "`aws configure --profile {name}` makes one; {}",
            files.notes()
        )
    } else {
        format!("the profiles there are: {}", known.join(", "))
    };
    trouble(cause, remedy)
}

/// Whether the trouble is just that there are none, in all the places where they may be.
pub(super) fn are_nowhere(problem: &Problem) -> bool {
    problem.cause.starts_with(NOWHERE)
}

const NOWHERE: &str = "there are none in the environment";

fn nowhere(files: &Files, instance: &str) -> Problem {
    let cause = format!(
        "{NOWHERE}, in the shared files ({}), in a container, or at the instance's metadata ({instance})",
        files.notes()
    );
    let remedy = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, run `aws configure` or `aws sso login`, or write credentials = { … } in the profile";
    trouble(cause, remedy)
}

fn trouble(cause: impl Into<String>, remedy: impl Into<String>) -> Problem {
    Problem::new("no AWS credentials", cause, remedy).exit(Exit::Refused)
}

/// Seconds or an instant as AWS writes it; the CLI of old wrote `UTC` for `Z`.
fn instant(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let text = text
        .strip_suffix("UTC")
        .map_or_else(|| text.to_owned(), |rest| format!("{rest}Z"));
    let at: jiff::Timestamp = text.parse().ok()?;
    Some(Timestamp(at.as_microsecond()))
}

/// The keys in an answer, by the names that this service gives them.
fn keys_in(value: &serde_json::Value, [id, secret, token]: [&str; 3]) -> Option<Keys> {
    let text = |name: &str| value.get(name).and_then(serde_json::Value::as_str);
    let secret = Secret::new(text(secret)?);
    Some(Keys::new(text(id)?, &secret, text(token).map(Secret::new)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_read_as_aws_writes_them() {
        let seconds = |text| instant(text).map(Timestamp::seconds);
        assert_eq!(seconds("2026-03-01T12:34:56Z"), Some(1_772_368_496));
        assert_eq!(seconds("2026-03-01T12:34:56UTC"), Some(1_772_368_496));
        assert_eq!(seconds("2026-03-01T13:34:56+01:00"), Some(1_772_368_496));
        assert_eq!(seconds("tomorrow"), None);
    }

    #[test]
    fn a_key_is_told_by_the_ends_of_its_id() {
        let keys = Keys::new("AKIAIOSFODNN7EXAMPLE", &Secret::new("s"), None);
        let words = Found::lasting(keys, "a file".to_owned()).words();
        assert_eq!(words, "access key AKIA…MPLE from a file");
        assert_eq!(brief("AKIA1"), "AKIA1");
    }

    #[test]
    fn keys_are_kept_until_shortly_before_their_end() {
        let at = |seconds: u64| Moment {
            mono: Mono(Duration::from_secs(seconds)),
            wall: Timestamp::from_seconds(1000).plus(Duration::from_secs(seconds)),
        };
        let found = |expires: Option<i64>| Found {
            keys: Keys::new("AKIA", &Secret::new("s"), None),
            expires: expires.map(Timestamp::from_seconds),
            source: String::new(),
        };
        let ending = Kept(Some((found(Some(4600)), Mono::default())));
        assert!(ending.at(at(3299)).is_some());
        assert!(ending.at(at(3300)).is_none());
        let lasting = Kept(Some((found(None), Mono::default())));
        assert!(lasting.at(at(299)).is_some() && lasting.at(at(300)).is_none());
    }
}
