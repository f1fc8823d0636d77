//! The outside of Huawei's adapter.

#[path = "../support/outside.rs"]
#[expect(dead_code, reason = "what other tests use of it")]
mod outside;

use thingdeck::base::secret::Secret;
use thingdeck::domain::profile::SecretRef;
use thingdeck::platform::io::HttpCall;

use outside::Rules;
pub use outside::Script;

impl Script {
    pub fn new(
        mut service: impl FnMut(&str, &str) -> Option<(String, String)> + Send + 'static,
        rest: impl FnMut(&HttpCall) -> (u16, String) + Send + 'static,
    ) -> Self {
        let rules = Rules {
            // 2026-11-21T16:55:43Z.
            start: 1_795_280_143,
            front: "myhuaweicloud.com",
            unasked: true,
            headers: vec![("x-subject-token".to_owned(), "canary-token".to_owned())],
            secret: |place| match place {
                SecretRef::Env(name) => Ok(Secret::new(format!("canary-{name}"))),
                other => panic!("{other:?}"),
            },
        };
        let answers =
            move |topic: &str, payload: &str| service(topic, payload).into_iter().collect();
        Self::with(rules, answers, rest)
    }

    /// Nobody answers anything.
    pub fn silent() -> Self {
        Self::new(|_, _| None, |call| panic!("nobody answers {call:?}"))
    }
}
