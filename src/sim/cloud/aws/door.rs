//! The way in through WebSocket: a presigned URL, an authorizer, or nobody yet (`reference/aws-iot.md` 2.2, 2.3).

use std::collections::BTreeMap;
use std::time::Duration;

use super::Aws;
use super::sigv4::{self, Fault, Scope, Signed};
use crate::base::moment::Timestamp;
use crate::sim::broker::Identity;
use crate::sim::serve::web_socket::Refusal;

/// A signed connection lives no longer than this.
const LIFE: Duration = Duration::from_hours(24);

impl Aws {
    /// Who asks for a WebSocket. Where nothing in the request says so, CONNECT has to.
    pub fn upgrade(
        &mut self,
        request: &http::Request<()>,
        now: Timestamp,
    ) -> Result<Identity, Refusal> {
        let headers: BTreeMap<_, _> = request
            .headers()
            .iter()
            .filter_map(|(name, value)| {
                Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
            })
            .collect();
        let query = request.uri().query().unwrap_or_default();
        let signed = Signed {
            method: request.method().as_str(),
            raw_path: request.uri().path(),
            raw_query: query,
            headers: &headers,
            body: b"",
        };
        let scope = Scope {
            region: &self.region,
            services: &["iotdevicegateway"],
        };
        match sigv4::check(signed, scope, &self.directory.keys, now) {
            Ok(key) => Ok(Identity {
                name: Some(key.id.clone()),
                life: Some(LIFE),
                ..Identity::default()
            }),
            Err(refusal) if refusal.fault == Fault::Missing => {
                let name = self.authorized(query, &headers);
                match name {
                    Some(Err(())) => Err(self.forbidden("Forbidden", now)),
                    Some(Ok(name)) => Ok(Identity {
                        name: Some(format!("authorizer:{name}")),
                        ..Identity::default()
                    }),
                    None => Ok(Identity::default()),
                }
            }
            Err(refusal) => Err(self.forbidden(&refusal.words, now)),
        }
    }

    /// What the authorizer says, where the request asks for one.
    fn authorized(
        &self,
        query: &str,
        headers: &BTreeMap<String, String>,
    ) -> Option<Result<String, ()>> {
        let fields = headers.iter().filter(|(name, _)| !name.starts_with("sec-"));
        let fields: Vec<_> = fields
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let fields = fields.join("&");
        let asks = |text: &str| {
            text.to_ascii_lowercase()
                .contains("x-amz-customauthorizer-name=")
        };
        let given = [query, &fields].into_iter().find(|text| asks(text))?;
        let authorizer = self.directory.authorized(given);
        Some(authorizer.map(|a| a.name.clone()).ok_or(()))
    }

    fn forbidden(&mut self, words: &str, now: Timestamp) -> Refusal {
        let trace = super::registry::uuid(&mut self.rng);
        Refusal {
            status: 403,
            words: serde_json::json!({"message": words, "traceId": trace}).to_string(),
            headers: vec![
                ("content-type", "application/json".to_owned()),
                ("x-amzn-errortype", "ForbiddenException:".to_owned()),
                ("date", super::rest::http_date(now)),
            ],
        }
    }
}
