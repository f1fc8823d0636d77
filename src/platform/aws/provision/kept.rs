//! What a try leaves for the next one, in the profile's identity folder, 0600: key and certificate as they will be used,
//! and a file that says what they are, with the ownership token.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::base::moment::Timestamp;
use crate::base::problem::Problem;
use crate::base::secret::Secret;
use crate::domain::provision::NewThing;
use crate::platform::io::Io;

const KEY: &str = "provision.key";
const CERTIFICATE: &str = "provision.crt";
const STATE: &str = "provision.json";

pub(super) struct Kept {
    pub(super) certificate_id: String,
    pub(super) certificate: String,
    pub(super) key: Secret,
    pub(super) token: Secret,
    /// When the token ends, and with it a certificate that is not registered.
    pub(super) until: Timestamp,
    /// A profile can be pointed elsewhere: what was made there is nothing here.
    pub(super) endpoint: String,
    pub(super) csr: bool,
    pub(super) registered: Option<Registered>,
}

/// The registration that was accepted, and what for.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Registered {
    pub(super) thing: String,
    pub(super) configuration: Option<Value>,
    template: String,
    parameters: Vec<(String, String)>,
}

impl Registered {
    pub(super) fn new(asked: &NewThing, thing: &str, configuration: Option<&Value>) -> Self {
        Self {
            thing: thing.to_owned(),
            configuration: configuration.cloned(),
            template: asked.template().to_owned(),
            parameters: asked.parameters().to_vec(),
        }
    }

    pub(super) fn is_for(&self, asked: &NewThing) -> bool {
        self.template == asked.template() && self.parameters == asked.parameters()
    }
}

#[derive(Serialize, Deserialize)]
struct State {
    certificate_id: String,
    token: String,
    until: i64,
    endpoint: String,
    csr: bool,
    registered: Option<Registered>,
}

/// `None` where nothing whole is left that belongs to this endpoint.
pub(super) fn load(io: &dyn Io, endpoint: &str) -> Result<Option<Kept>, Problem> {
    let (Some(state), Some(key), Some(certificate)) =
        (io.load(STATE)?, io.load(KEY)?, io.load(CERTIFICATE)?)
    else {
        return Ok(None);
    };
    let Ok(state) = serde_json::from_str::<State>(state.expose()) else {
        return Ok(None);
    };
    Ok((state.endpoint == endpoint).then(|| Kept {
        certificate_id: state.certificate_id,
        certificate: certificate.expose().to_owned(),
        key,
        token: Secret::new(state.token),
        until: Timestamp::from_seconds(state.until),
        endpoint: state.endpoint,
        csr: state.csr,
        registered: state.registered,
    }))
}

pub(super) fn keep_key(io: &dyn Io, key: &Secret) -> Result<(), Problem> {
    // What a try before left is over: half of it must not stand beside the new key.
    io.forget(STATE)?;
    io.forget(CERTIFICATE)?;
    io.keep(KEY, key)
}

/// The key first: it is shown once.
pub(super) fn keep(io: &dyn Io, kept: &Kept) -> Result<(), Problem> {
    keep_key(io, &kept.key)?;
    io.keep(CERTIFICATE, &Secret::new(kept.certificate.as_str()))?;
    keep_state(io, kept)
}

pub(super) fn keep_state(io: &dyn Io, kept: &Kept) -> Result<(), Problem> {
    let state = State {
        certificate_id: kept.certificate_id.clone(),
        token: kept.token.expose().to_owned(),
        until: kept.until.seconds(),
        endpoint: kept.endpoint.clone(),
        csr: kept.csr,
        registered: kept.registered.clone(),
    };
    let text = serde_json::to_string(&state).unwrap_or_default();
    io.keep(STATE, &Secret::new(text))
}

pub(super) fn forget(io: &dyn Io) -> Result<(), Problem> {
    io.forget(STATE)?;
    io.forget(CERTIFICATE)?;
    io.forget(KEY)
}
