//! Profiles of AWS's shared files: keys that stand there, roles, SSO, and programs that print keys.

use std::path::PathBuf;

use serde_json::Value;

use super::ini::{self, Section};
use super::{Found, Search, Sought, half, instant, keys_in, trouble};
use crate::base::problem::Problem;
use crate::base::secret::Secret;
use crate::base::text::hex;
use crate::platform::Pending;
use crate::platform::aws::sign::Keys;
use crate::platform::io::Io;

/// A role that takes another role's keys, that take another's: AWS sets no bound, a circle does.
const DEEPEST: usize = 8;

/// Both shared files as they are now.
pub(super) struct Files {
    credentials: Vec<Section>,
    config: Vec<Section>,
    /// Where it was looked, and why there was nothing.
    notes: Vec<String>,
    home: Option<PathBuf>,
}

impl Files {
    pub(super) fn read(io: &dyn Io) -> Self {
        let mut files = Self {
            credentials: Vec::new(),
            config: Vec::new(),
            notes: Vec::new(),
            home: home(io),
        };
        files.credentials = files.file(io, "AWS_SHARED_CREDENTIALS_FILE", "credentials");
        files.config = files.file(io, "AWS_CONFIG_FILE", "config");
        files
    }

    fn file(&mut self, io: &dyn Io, variable: &str, name: &str) -> Vec<Section> {
        let named = io.variable(variable).filter(|path| !path.is_empty());
        let path = match (&named, &self.home) {
            (Some(path), home) => Some(expand(path.expose(), home.as_ref())),
            (None, Some(home)) => Some(home.join(".aws").join(name)),
            (None, None) => None,
        };
        let Some(path) = path else {
            self.notes.push(format!("no home folder for {name}"));
            return Vec::new();
        };
        match io.read_file(&path) {
            Ok(bytes) => ini::parse(&String::from_utf8_lossy(&bytes)),
            Err(problem) => {
                self.notes
                    .push(format!("{}: {}", path.display(), problem.cause));
                Vec::new()
            }
        }
    }

    /// What could not be read, in words; or that both were.
    pub(super) fn notes(&self) -> String {
        if self.notes.is_empty() {
            "they hold no such profile".to_owned()
        } else {
            self.notes.join("; ")
        }
    }

    pub(super) fn names(&self) -> Vec<&str> {
        let config = self.config.iter().filter_map(|section| {
            let name = section.name.strip_prefix("profile ");
            name.or_else(|| (section.name == "default").then_some("default"))
        });
        let credentials = self.credentials.iter().map(|section| section.name.as_str());
        let mut names: Vec<_> = credentials.chain(config).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// What the credentials file says counts more than what the config file says.
    fn sections(&self, name: &str) -> Vec<&Section> {
        let is_ours = |section: &&Section| {
            section.name.strip_prefix("profile ") == Some(name)
                || (name == "default" && section.name == "default")
        };
        let credentials = self.credentials.iter().filter(|s| s.name == name);
        credentials
            .chain(self.config.iter().filter(is_ours))
            .collect()
    }

    fn sso_session(&self, name: &str) -> Option<&Section> {
        let wanted = format!("sso-session {name}");
        self.config.iter().find(|section| section.name == wanted)
    }
}

fn home(io: &dyn Io) -> Option<PathBuf> {
    let variable = |name| io.variable(name).filter(|path| !path.is_empty());
    let home = variable("HOME").or_else(|| variable("USERPROFILE"))?;
    Some(PathBuf::from(home.expose()))
}

fn expand(path: &str, home: Option<&PathBuf>) -> PathBuf {
    match (path.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(path),
    }
}

/// One profile's settings.
struct Named<'a> {
    name: &'a str,
    sections: Vec<&'a Section>,
}

impl<'a> Named<'a> {
    fn value(&self, key: &str) -> Option<&'a str> {
        self.sections.iter().find_map(|section| section.value(key))
    }

    /// Both halves from one file: mixed ones never fit.
    fn keys(&self) -> Result<Option<Keys>, Problem> {
        for section in &self.sections {
            let (id, secret) = (
                section.value("aws_access_key_id"),
                section.value("aws_secret_access_key"),
            );
            let token = section.value("aws_session_token").map(Secret::new);
            match (id, secret) {
                (Some(id), Some(secret)) => {
                    return Ok(Some(Keys::new(id, &Secret::new(secret), token)));
                }
                (None, None) => {}
                _ => {
                    let place = format!("profile {:?} of the shared files", self.name);
                    return Err(half(&place, "aws_access_key_id and aws_secret_access_key"));
                }
            }
        }
        Ok(None)
    }
}

impl Search<'_> {
    pub(super) async fn profile(&self, files: &Files, name: &str) -> Sought {
        self.deeper(files, name, &mut Vec::new()).await
    }

    /// `visited`: the profiles whose keys wait for these.
    fn deeper<'b>(
        &'b self,
        files: &'b Files,
        name: &'b str,
        visited: &'b mut Vec<String>,
    ) -> Pending<'b, Sought> {
        Box::pin(async move {
            let named = Named {
                name,
                sections: files.sections(name),
            };
            if named.sections.is_empty() {
                return Ok(None);
            }
            let is_own_source = visited.iter().any(|before| before == name);
            if let (Some(role), false) = (named.value("role_arn"), is_own_source) {
                return self.role(files, &named, role, visited).await.map(Some);
            }
            if let Some(keys) = named.keys()? {
                let source = format!("profile {name:?} of the shared files");
                return Ok(Some(Found::lasting(keys, source)));
            }
            if named.value("sso_session").is_some() || named.value("sso_start_url").is_some() {
                return self.sign_on(files, &named).await.map(Some);
            }
            match named.value("credential_process") {
                Some(line) => self.process(name, line).await.map(Some),
                None => Ok(None),
            }
        })
    }

    async fn role(
        &self,
        files: &Files,
        named: &Named<'_>,
        role: &str,
        visited: &mut Vec<String>,
    ) -> Result<Found, Problem> {
        let name = named.name;
        let region = named.value("region").map(str::to_owned);
        let session = named.value("role_session_name").unwrap_or("thingdeck");
        if let Some(file) = named.value("web_identity_token_file") {
            let path = expand(file, files.home.as_ref());
            let source = format!("profile {name:?} (role {role}, web identity)");
            return self
                .with_web_identity(&path, role, session, region, source)
                .await;
        }
        if named.value("mfa_serial").is_some() {
            let cause =
                format!("profile {name:?} takes a role that asks for a code of a second factor");
            let remedy = "take the keys with `aws sts get-session-token` or `aws sso login`, or a credential_process that asks for the code";
            return Err(trouble(cause, remedy));
        }
        if visited.len() >= DEEPEST {
            let cause = format!(
                "the profiles {} take each other's roles",
                visited.join(", ")
            );
            return Err(trouble(cause, "correct source_profile in the shared files"));
        }
        visited.push(name.to_owned());
        let own = match (
            named.value("source_profile"),
            named.value("credential_source"),
        ) {
            (Some(source), _) => self.deeper(files, source, visited).await?,
            (None, Some("Environment")) => self.environment()?,
            (None, Some("EcsContainer")) => self.container().await?,
            (None, Some("Ec2InstanceMetadata")) => Some(self.instance().await.map_err(|why| {
                trouble(
                    format!("the instance's metadata: {why}"),
                    "is this an EC2 instance with a role?",
                )
            })?),
            _ => {
                let cause = format!("profile {name:?} names a role, and not whose keys take it");
                return Err(trouble(
                    cause,
                    "write source_profile or credential_source there",
                ));
            }
        };
        let Some(own) = own else {
            let cause = format!("what profile {name:?} takes its role with has no keys");
            return Err(trouble(
                cause,
                "correct source_profile or credential_source in the shared files",
            ));
        };
        let external = named.value("external_id");
        let found = self.assume(&own, role, session, external, region).await?;
        Ok(Found {
            source: format!("profile {name:?} (role {role}, with the {})", own.words()),
            ..found
        })
    }

    /// IAM Identity Center: the token that `aws sso login` left behind, for keys.
    async fn sign_on(&self, files: &Files, named: &Named<'_>) -> Result<Found, Problem> {
        let name = named.name;
        let session = named.value("sso_session");
        let section = session.and_then(|session| files.sso_session(session));
        let value = |key: &str| {
            let own = named.value(key);
            own.or_else(|| section.and_then(|section| section.value(key)))
        };
        let missing = |key: &str| {
            let cause = format!("profile {name:?} signs on with SSO and has no {key}");
            trouble(
                cause,
                format!("`aws configure sso --profile {name}` writes it"),
            )
        };
        let start = value("sso_start_url").ok_or_else(|| missing("sso_start_url"))?;
        let region = value("sso_region").ok_or_else(|| missing("sso_region"))?;
        let account = value("sso_account_id").ok_or_else(|| missing("sso_account_id"))?;
        let role = value("sso_role_name").ok_or_else(|| missing("sso_role_name"))?;
        let token = self.sso_token(files, name, session.unwrap_or(start))?;
        let found = self.sso_keys(name, region, account, role, &token).await?;
        let source = format!("profile {name:?} (SSO, account {account}, role {role})");
        Ok(Found { source, ..found })
    }

    fn sso_token(&self, files: &Files, name: &str, key: &str) -> Result<Secret, Problem> {
        let login = format!("run `aws sso login --profile {name}`");
        let file = format!("{}.json", sha1_hex(key));
        let home = files.home.clone().unwrap_or_default();
        let path = home.join(".aws").join("sso").join("cache").join(file);
        let Ok(bytes) = self.io.read_file(&path) else {
            let cause = format!("profile {name:?} is not signed on with SSO");
            return Err(trouble(cause, login));
        };
        let cached: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let text = |name: &str| cached.get(name).and_then(Value::as_str);
        let expires = text("expiresAt").and_then(instant);
        match (text("accessToken"), expires) {
            (Some(token), Some(at)) if at > self.io.now().wall => Ok(Secret::new(token)),
            (Some(_), Some(at)) => {
                let cause = format!("the SSO sign-on of profile {name:?} ended at {at}");
                Err(trouble(cause, login))
            }
            _ => {
                let cause = format!("{} is no SSO sign-on", path.display());
                Err(trouble(cause, login))
            }
        }
    }

    async fn process(&self, name: &str, line: &str) -> Result<Found, Problem> {
        let words = words(line);
        let program = words.first().cloned().unwrap_or_default();
        let printed = self.io.output(&words).await?;
        let unusable = |why: &str| {
            let cause = format!("the credential_process of profile {name:?} ({program}) {why}");
            trouble(
                cause,
                "run it by hand: it must print JSON with Version 1, AccessKeyId and SecretAccessKey",
            )
        };
        let value: Value = serde_json::from_str(printed.expose())
            .map_err(|_repeats| unusable("printed no JSON"))?;
        if value.get("Version").and_then(Value::as_u64) != Some(1) {
            return Err(unusable("did not print Version 1"));
        }
        let keys = keys_in(&value, ["AccessKeyId", "SecretAccessKey", "SessionToken"])
            .ok_or_else(|| unusable("printed no key"))?;
        let expires = value.get("Expiration").and_then(Value::as_str);
        let expires = expires.and_then(instant);
        if expires.is_some_and(|at| at <= self.io.now().wall) {
            return Err(unusable("printed a key that has ended"));
        }
        Ok(Found {
            keys,
            expires,
            source: format!("profile {name:?} (credential_process {program})"),
        })
    }
}

/// Lower-case hex; what the CLI names its cache files with.
fn sha1_hex(text: &str) -> String {
    let digest = aws_lc_rs::digest::digest(
        &aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY,
        text.as_bytes(),
    );
    hex(digest.as_ref())
}

/// Words as a shell splits them: quotes of both kinds, and a backslash outside of single ones. No shell is started.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match (c, quote) {
            ('\'' | '"', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (c, Some(open)) if c == open => quote = None,
            ('\\', None | Some('"')) => {
                word.get_or_insert_default().extend(chars.next());
            }
            (c, None) if c.is_whitespace() => words.extend(word.take()),
            (c, _) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_is_split_as_a_shell_splits_it() {
        let cases: [(&str, &[&str]); 5] = [
            ("", &[]),
            ("get-keys --for me", &["get-keys", "--for", "me"]),
            (
                r#""/opt/my tools/k" 'a "b"' ''"#,
                &["/opt/my tools/k", "a \"b\"", ""],
            ),
            (r#"a\ b "c\"d" 'e\f'"#, &["a b", "c\"d", "e\\f"]),
            ("x'y'z", &["xyz"]),
        ];
        for (line, expected) in cases {
            assert_eq!(words(line), expected, "{line}");
        }
    }

    #[test]
    fn the_cache_file_of_a_session_has_the_name_that_the_cli_gives_it() {
        // sha1sum of the start URL, as in AWS's documentation of the cache.
        assert_eq!(sha1_hex("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
    }
}
