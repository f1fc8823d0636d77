//! Who asks the registry: ClearBlade's key pairs or a Google service account, told apart by the credentials file.

use serde::Deserialize;

use super::Google;
use super::identity::Token;
use super::jwt;
use super::key::SigningKey;
use super::rest::{Refusal, encode};
use crate::base::moment::Timestamp;
use crate::base::problem::{Exit, Problem};
use crate::base::secret::Secret;
use crate::platform::io::{HttpCall, Io, Method};

const CLEARBLADE: &str = "https://iot.clearblade.com";
const GOOGLE: &str = "https://cloudiot.googleapis.com";
const GOOGLE_TOKENS: &str = "https://oauth2.googleapis.com/token";
const SCOPE: &str = "https://www.googleapis.com/auth/cloudiot";
/// Where ClearBlade's SDKs look for the credentials file.
const CONFIGURATION: &str = "CLEARBLADE_CONFIGURATION";
/// A token is not used in its last minute.
const SPARE: i64 = 60;

/// What was found out about the account, kept for the run.
#[derive(Debug, Default)]
pub struct Account {
    registry: Option<Keys>,
    bearer: Option<(Secret, Timestamp)>,
}

/// One of ClearBlade's systems: where it is, and the token for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys {
    pub url: String,
    pub system: String,
    pub token: Secret,
}

/// How a call is made and signed.
#[derive(Debug, Clone)]
pub enum Door {
    ClearBlade(Keys),
    Google { base: String, bearer: Secret },
}

/// The credentials file of either, as far as it says which.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    system_key: Option<String>,
    token: Option<String>,
    url: Option<String>,
    #[serde(rename = "client_email")]
    client_email: Option<String>,
    #[serde(rename = "private_key")]
    private_key: Option<String>,
    #[serde(rename = "token_uri")]
    token_uri: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RegistryKeys {
    system_key: String,
    service_account_token: String,
    #[serde(default)]
    url: String,
}

#[derive(Deserialize)]
struct Bearer {
    access_token: String,
    #[serde(default)]
    expires_in: i64,
}

impl Google {
    /// Whether the registry can be asked at all.
    pub(super) fn has_registry(&self, io: &dyn Io) -> bool {
        let named = || {
            io.variable(CONFIGURATION)
                .is_some_and(|path| !path.is_empty())
        };
        self.settings.credentials_file.is_some() || environment(io).is_some() || named()
    }

    /// The way to everything about this profile's registry.
    pub(super) async fn door(&self, io: &dyn Io) -> Result<Door, Problem> {
        if let Some(keys) = self.account().registry.clone() {
            return Ok(Door::ClearBlade(keys));
        }
        if self.settings.credentials_file.is_none()
            && let Some(keys) = environment(io)
        {
            return Ok(Door::ClearBlade(keys));
        }
        let (path, file) = self.credentials(io)?;
        if let (Some(email), Some(key)) = (&file.client_email, &file.private_key) {
            let bearer = self.bearer(io, &path, &file, email, key).await?;
            let base = self.google_base();
            return Ok(Door::Google { base, bearer });
        }
        let admin = self.admin_keys(&path, file)?;
        let keys = self.registry_keys(io, &admin).await?;
        self.account().registry = Some(keys.clone());
        Ok(Door::ClearBlade(keys))
    }

    /// The way to the list of registries.
    pub(super) async fn admin_door(&self, io: &dyn Io) -> Result<Door, Problem> {
        if self.settings.credentials_file.is_none() && environment(io).is_some() {
            let cause = "the environment holds the keys of one registry only";
            let remedy = "name a service account's `credentials_file` in the profile";
            return Err(
                Problem::new("the registries cannot be listed", cause, remedy).exit(Exit::Usage),
            );
        }
        let (path, file) = self.credentials(io)?;
        if file.client_email.is_some() {
            return self.door(io).await;
        }
        self.admin_keys(&path, file).map(Door::ClearBlade)
    }

    /// Keys that were refused are asked for anew.
    pub(super) fn forget_keys(&self) {
        *self.account() = Account::default();
    }

    /// Where the platform answers over HTTP, for a look at its clock.
    pub(super) fn api_host(&self) -> String {
        use crate::domain::profile::GoogleFlavor;
        match (&self.settings.api_url, self.settings.flavor) {
            (Some(url), _) => url.trim_end_matches('/').to_owned(),
            (None, GoogleFlavor::ClearBlade) => CLEARBLADE.to_owned(),
            (None, GoogleFlavor::Google) => GOOGLE.to_owned(),
        }
    }

    fn google_base(&self) -> String {
        let url = self.settings.api_url.as_deref().unwrap_or(GOOGLE);
        let url = url.trim_end_matches('/');
        let url = url.strip_suffix("/v1").unwrap_or(url);
        format!("{url}/v1")
    }

    fn credentials(&self, io: &dyn Io) -> Result<(String, File), Problem> {
        let from_environment = || {
            let path = io.variable(CONFIGURATION).filter(|path| !path.is_empty())?;
            Some(std::path::PathBuf::from(path.expose()))
        };
        let path = self.settings.credentials_file.clone();
        let Some(path) = path.or_else(from_environment) else {
            let cause = "the profile names no `credentials_file`: MQTT works without, the registry does not";
            let remedy = "download a service account's file in the console, and write credentials_file = \"FILE\"";
            return Err(
                Problem::new("the registry cannot be asked", cause, remedy).exit(Exit::Usage)
            );
        };
        let name = path.display().to_string();
        let text = io.read_private(&path)?;
        let text = text.expose().trim_start_matches('\u{feff}');
        let file = serde_json::from_str(text).map_err(|error| {
            let cause = format!("it is no JSON object: line {}", error.line());
            unusable(&name, cause)
        })?;
        Ok((name, file))
    }

    fn admin_keys(&self, path: &str, file: File) -> Result<Keys, Problem> {
        let (Some(system), Some(token)) = (file.system_key, file.token) else {
            let cause = "it holds neither systemKey and token nor client_email and private_key";
            return Err(unusable(path, cause));
        };
        let own = self.settings.api_url.clone().or(file.url);
        let url = own.unwrap_or_else(|| CLEARBLADE.to_owned());
        Ok(Keys {
            url: url.trim_end_matches('/').to_owned(),
            system,
            token: Secret::new(token),
        })
    }

    /// The keys of one registry, and the host of its region (`reference/google-iot-core.md` 11).
    async fn registry_keys(&self, io: &dyn Io, admin: &Keys) -> Result<Keys, Problem> {
        let body = serde_json::json!({
            "region": self.settings.region,
            "registry": self.settings.registry,
            "project": self.settings.project,
        });
        let call = HttpCall {
            method: Method::Post,
            url: format!(
                "{}/api/v/1/code/{}/getRegistryCredentials",
                admin.url,
                encode(&admin.system)
            ),
            headers: vec![("content-type", "application/json".to_owned())],
            secret_headers: vec![("clearblade-usertoken", admin.token.clone())],
            body: Some(body.to_string().into()),
            timeout: super::rest::TIMEOUT,
            label: "POST getRegistryCredentials".to_owned(),
        };
        let what = format!(
            "could not get the keys of registry {}",
            self.settings.registry
        );
        let reply = self
            .send(io, call, true)
            .await
            .map_err(|refusal| refusal.problem(&what))?;
        let keys: RegistryKeys = serde_json::from_value(reply).map_err(|_| {
            let cause = "the answer holds no systemKey and serviceAccountToken";
            let remedy = "check project, region and registry in the profile";
            Problem::new(what.as_str(), cause, remedy)
        })?;
        Ok(Keys {
            url: self.regional(&keys.url, &admin.url),
            system: keys.system_key,
            token: Secret::new(keys.service_account_token),
        })
    }

    /// The answer's host, but for ClearBlade's own when the profile means somebody else's.
    fn regional(&self, told: &str, admin: &str) -> String {
        let told = told.trim_end_matches('/');
        let is_theirs = |url: &str| url.contains(".clearblade.com");
        let elsewhere = self.settings.api_url.is_some() && !is_theirs(admin);
        if told.is_empty() || (elsewhere && is_theirs(told)) {
            admin.to_owned()
        } else {
            told.to_owned()
        }
    }

    /// An access token for a service account (RFC 7523), kept while it is good.
    async fn bearer(
        &self,
        io: &dyn Io,
        path: &str,
        file: &File,
        email: &str,
        key: &str,
    ) -> Result<Secret, Problem> {
        let now = io.now().wall;
        let kept = self.account().bearer.clone();
        if let Some((bearer, until)) = kept
            && now.seconds() + SPARE < until.seconds()
        {
            return Ok(bearer);
        }
        let key = SigningKey::parse(&Secret::new(key))
            .map_err(|error| unusable(path, format!("its private_key cannot be used: {error}")))?;
        let uri = file.token_uri.as_deref().unwrap_or(GOOGLE_TOKENS);
        let assertion = jwt::sign(&key, &jwt::account_claims(email, SCOPE, uri, now))
            .ok_or_else(|| unusable(path, "its private_key cannot sign"))?;
        let form = format!(
            "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion={}",
            assertion.expose()
        );
        let call = HttpCall {
            method: Method::Post,
            url: uri.to_owned(),
            headers: vec![(
                "content-type",
                "application/x-www-form-urlencoded".to_owned(),
            )],
            secret_headers: Vec::new(),
            body: Some(form.into()),
            timeout: super::rest::TIMEOUT,
            label: "POST token".to_owned(),
        };
        let what = format!("could not sign in as {email}");
        let reply = self.send(io, call, true).await.map_err(|refusal| match refusal {
            Refusal::Api { message, .. } => {
                let remedy = "check that the service account exists, that its key is not revoked, and this computer's clock";
                Problem::new(what.as_str(), message, remedy).exit(Exit::Refused)
            }
            other => other.problem(&what),
        })?;
        let bearer: Bearer = serde_json::from_value(reply).map_err(|_| {
            Problem::new(
                what.as_str(),
                "the answer holds no access_token",
                "check token_uri in the file",
            )
        })?;
        let until = Timestamp::from_seconds(now.seconds() + bearer.expires_in.max(0));
        let bearer = Secret::new(bearer.access_token);
        self.account().bearer = Some((bearer.clone(), until));
        Ok(bearer)
    }
}

/// As ClearBlade's Python SDK takes them.
fn environment(io: &dyn Io) -> Option<Keys> {
    let text = |name| {
        let value = io.variable(name)?;
        (!value.is_empty()).then_some(value)
    };
    Some(Keys {
        url: text("REGISTRY_URL")?
            .expose()
            .trim_end_matches('/')
            .to_owned(),
        system: text("REGISTRY_SYSKEY")?.expose().to_owned(),
        token: text("REGISTRY_TOKEN")?,
    })
}

fn unusable(path: &str, cause: impl Into<String>) -> Problem {
    let remedy = "name a service account's file: ClearBlade's with systemKey and token, or Google's with client_email and private_key";
    Problem::new(format!("{path} holds no credentials"), cause, remedy).exit(Exit::Usage)
}

impl Token {
    /// For a person to compare with the console.
    pub(super) fn described(&self) -> String {
        format!(
            "{}, public key SHA-256 {}",
            self.algorithm, self.fingerprint
        )
    }
}
