//! The AWS adapter on a scripted outside: what it asks, signs, reads and refuses.

#![expect(clippy::panic, reason = "a test that cannot go on says so")]

mod credentials;
mod plan;
mod script;
mod signatures;
mod things;

use thingdeck::domain::profile::{AwsAuth, AwsCredentials, AwsSettings, Common, SecretRef};
use thingdeck::platform::aws::Aws;

pub const ENDPOINT: &str = "abcdefghijklmn-ats.iot.eu-north-1.amazonaws.com";

pub fn settings(auth: AwsAuth) -> AwsSettings {
    AwsSettings {
        auth,
        client_id: Some("deck".to_owned()),
        ..AwsSettings::new(ENDPOINT.to_owned())
    }
}

pub fn keyed(id: &str, secret: &str, token: Option<&str>) -> AwsCredentials {
    let plain = |text: &str| SecretRef::Plain(thingdeck::base::secret::Secret::new(text));
    AwsCredentials::Keys {
        access_key_id: plain(id),
        secret_access_key: plain(secret),
        session_token: token.map(plain),
    }
}

pub fn aws(settings: AwsSettings) -> Aws {
    Aws::new(settings, Common::default())
}
