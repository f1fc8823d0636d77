//! Keys and the tokens that are signed with them, afresh for each connection and each attach.

use std::path::Path;
use std::time::Duration;

use super::Google;
use super::jwt;
use super::key::SigningKey;
use crate::base::moment::Timestamp;
use crate::base::problem::{Exit, Problem};
use crate::base::secret::Secret;
use crate::platform::io::Io;

/// A token with what it was signed with.
pub struct Token {
    pub text: Secret,
    pub until: Timestamp,
    pub algorithm: &'static str,
    pub fingerprint: String,
}

impl Google {
    pub(super) fn lifetime(&self) -> Duration {
        Duration::from_mins(u64::from(self.settings.token_minutes))
    }

    /// This client's own.
    pub(super) fn token(&self, io: &dyn Io) -> Result<Token, Problem> {
        self.sign(io, &self.settings.key_file)
    }

    /// The token of a device behind the gateway, where the profile names its key.
    pub(super) fn device_token(&self, io: &dyn Io, device: &str) -> Result<Option<Token>, Problem> {
        let mut known = self.settings.devices.iter();
        let key = known
            .find(|known| known.id == device)
            .and_then(|known| known.key_file.as_deref());
        key.map(|key| self.sign(io, key)).transpose()
    }

    pub(super) fn sign(&self, io: &dyn Io, path: &Path) -> Result<Token, Problem> {
        let key = read_key(io, path)?;
        let now = io.now().wall;
        let lifetime = self.lifetime();
        let claims = jwt::device_claims(&self.settings.project, now, lifetime);
        let text = jwt::sign(&key, &claims).ok_or_else(|| {
            let what = format!("could not sign a token with {}", path.display());
            Problem::new(what, "the key refused", "try another key")
        })?;
        Ok(Token {
            text,
            until: now.plus(lifetime),
            algorithm: key.algorithm(),
            fingerprint: key.fingerprint(),
        })
    }
}

pub(super) fn read_key(io: &dyn Io, path: &Path) -> Result<SigningKey, Problem> {
    let text = io.read_private(path)?;
    SigningKey::parse(&text).map_err(|error| {
        let what = format!("{} is no key to sign with", path.display());
        Problem::new(what, error.to_string(), error.remedy()).exit(Exit::Usage)
    })
}
