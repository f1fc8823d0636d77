//! The outside of AWS's adapter: what is subscribed, what is published and what the service answers.

#[path = "../support/outside.rs"]
#[expect(dead_code, reason = "what other tests use of it")]
mod outside;

use std::task::{Context, Waker};

use thingdeck::base::problem::Problem;
use thingdeck::base::secret::Secret;
use thingdeck::domain::message::Message;
use thingdeck::domain::profile::{AwsCredentials, AwsSettings, Common, SecretRef};
use thingdeck::domain::request::{Reply, Request};
use thingdeck::platform::Platform as _;
use thingdeck::platform::aws::Aws;
use thingdeck::platform::io::HttpCall;

use outside::Rules;
pub use outside::Script;

pub const HOST: &str = "abcdefghijklmn-ats.iot.eu-west-1.amazonaws.com";
const START: i64 = 1_763_671_200;

fn rules() -> Rules {
    Rules {
        start: START,
        front: "",
        unasked: false,
        headers: Vec::new(),
        secret: |place| match place {
            SecretRef::Env(name) if name == "ID" => Ok(Secret::new("AKIDEXAMPLE")),
            SecretRef::Env(name) if name == "SECRET" => Ok(Secret::new("canary-secret")),
            other => Err(Problem::new(
                format!("{} is not set", other.place()),
                "",
                "set it",
            )),
        },
    }
}

impl Script {
    pub fn new(service: impl FnMut(&str, &str) -> Vec<(String, String)> + Send + 'static) -> Self {
        // The adapter greets a connection by listing things; anything else is not expected.
        Self::with(rules(), service, |call| {
            let lists = ["/indices/search", "/things?"];
            assert!(
                lists.iter().any(|path| call.url.contains(path)),
                "nobody answers {call:?}"
            );
            (200, "{\"things\":[]}".to_owned())
        })
    }

    /// A service that answers REST.
    pub fn rest(answer: impl FnMut(&HttpCall) -> (u16, String) + Send + 'static) -> Self {
        let script = Self::new(|topic, _| panic!("nothing is published: {topic}"));
        script.world().rest = Box::new(answer);
        script
    }

    /// Asks while the connection stands.
    pub fn ask(&self, aws: &Aws, what: Request) -> Result<Reply, Problem> {
        let mut attending = aws.attend(self);
        let waker = Waker::noop();
        let mut context = Context::from_waker(waker);
        assert!(attending.as_mut().poll(&mut context).is_pending());
        self.run(aws.request(self, what))
    }
}

pub fn message(topic: &str, payload: &str) -> Message {
    outside::message(topic, payload, START)
}

/// Without credentials.
pub fn device() -> Aws {
    let mut settings = AwsSettings::new(HOST.to_owned());
    settings.credentials = AwsCredentials::Keys {
        access_key_id: SecretRef::Env("ABSENT".to_owned()),
        secret_access_key: SecretRef::Env("ABSENT".to_owned()),
        session_token: None,
    };
    Aws::new(settings, Common::default())
}

/// With keys that never end.
pub fn operator() -> Aws {
    let mut settings = AwsSettings::new(HOST.to_owned());
    settings.credentials = AwsCredentials::Keys {
        access_key_id: SecretRef::Env("ID".to_owned()),
        secret_access_key: SecretRef::Env("SECRET".to_owned()),
        session_token: None,
    };
    Aws::new(settings, Common::default())
}

/// The member of a JSON payload, as text.
pub fn member(payload: &str, name: &str) -> Option<String> {
    let value: serde_json::Value = serde_json::from_str(payload).ok()?;
    Some(value.get(name)?.as_str()?.to_owned())
}
