//! Keys that a service hands out: STS, SSO, the container's, the instance's.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use super::{Found, Search, Sought, instant, keys_in, trouble};
use crate::base::moment::Timestamp;
use crate::base::percent::encode;
use crate::base::problem::Problem;
use crate::base::secret::Secret;
use crate::platform::aws::sign::{self, Keys};
use crate::platform::io::{HttpCall, HttpReply, Method};

const TIMEOUT: Duration = Duration::from_secs(10);
/// Off an instance nobody answers at all.
const INSTANCE: Duration = Duration::from_secs(1);

/// The names of a key's parts as containers and instances give them.
const NAMES: [&str; 3] = ["AccessKeyId", "SecretAccessKey", "Token"];

impl Search<'_> {
    pub(super) async fn web_identity(&self) -> Sought {
        let (Some(file), Some(role)) = (
            self.text("AWS_WEB_IDENTITY_TOKEN_FILE"),
            self.text("AWS_ROLE_ARN"),
        ) else {
            return Ok(None);
        };
        let session = self.text("AWS_ROLE_SESSION_NAME");
        let session = session.as_deref().unwrap_or("thingdeck");
        let source = format!("the environment (role {role}, AWS_WEB_IDENTITY_TOKEN_FILE)");
        let found = self.with_web_identity(Path::new(&file), &role, session, None, source);
        found.await.map(Some)
    }

    pub(super) async fn with_web_identity(
        &self,
        file: &Path,
        role: &str,
        session: &str,
        region: Option<String>,
        source: String,
    ) -> Result<Found, Problem> {
        let token = self.io.read_private(file)?;
        let body = Secret::new(format!(
            "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn={}&RoleSessionName={}&WebIdentityToken={}",
            encode(role),
            encode(session),
            encode(token.expose().trim()),
        ));
        let found = self.sts(&body, region, None, role).await?;
        Ok(Found { source, ..found })
    }

    /// `own`: the keys that take the role.
    pub(super) async fn assume(
        &self,
        own: &Found,
        role: &str,
        session: &str,
        external: Option<&str>,
        region: Option<String>,
    ) -> Result<Found, Problem> {
        let mut body = format!(
            "Action=AssumeRole&Version=2011-06-15&RoleArn={}&RoleSessionName={}",
            encode(role),
            encode(session),
        );
        if let Some(external) = external {
            body.push_str(&format!("&ExternalId={}", encode(external)));
        }
        self.sts(&Secret::new(body), region, Some(own), role).await
    }

    async fn sts(
        &self,
        body: &Secret,
        region: Option<String>,
        signer: Option<&Found>,
        role: &str,
    ) -> Result<Found, Problem> {
        let region = region
            .or_else(|| self.region.clone())
            .or_else(|| self.text("AWS_REGION"))
            .or_else(|| self.text("AWS_DEFAULT_REGION"))
            .unwrap_or_else(|| "us-east-1".to_owned());
        let url = self.service("STS", format!("https://sts.{region}.{}", domain(&region)));
        let url = format!("{url}/");
        let body = bytes::Bytes::copy_from_slice(body.expose().as_bytes());
        let secret_headers = match signer {
            Some(own) => sign::headers(
                &own.keys,
                &region,
                "sts",
                self.io.now().wall,
                "POST",
                &url,
                &body,
            )?,
            None => Vec::new(),
        };
        let reply = self
            .call(HttpCall {
                method: Method::Post,
                url,
                headers: vec![(
                    "content-type",
                    "application/x-www-form-urlencoded".to_owned(),
                )],
                secret_headers,
                body: Some(body),
                timeout: TIMEOUT,
                label: "AWS STS, assume a role".to_owned(),
            })
            .await?;
        let text = String::from_utf8_lossy(&reply.body);
        if reply.status != 200 {
            let words = element(&text, "Message").unwrap_or("it did not say why");
            let with = signer.map_or_else(String::new, |own| format!(" with the {}", own.words()));
            let cause = format!(
                "the role {role} could not be taken{with}: {} {words}",
                reply.status
            );
            return Err(trouble(
                cause,
                "does the role trust this identity, and may the identity take it (sts:AssumeRole)?",
            ));
        }
        let part = |name| element(&text, name);
        let (Some(id), Some(secret)) = (part("AccessKeyId"), part("SecretAccessKey")) else {
            return Err(odd("STS"));
        };
        let token = part("SessionToken").map(Secret::new);
        Ok(Found {
            keys: Keys::new(id, &Secret::new(secret), token),
            expires: part("Expiration").and_then(instant),
            source: String::new(),
        })
    }

    pub(super) async fn sso_keys(
        &self,
        name: &str,
        region: &str,
        account: &str,
        role: &str,
        token: &Secret,
    ) -> Result<Found, Problem> {
        let portal = format!("https://portal.sso.{region}.{}", domain(region));
        let url = format!(
            "{}/federation/credentials?role_name={}&account_id={}",
            self.service("SSO", portal),
            encode(role),
            encode(account)
        );
        let reply = self
            .call(HttpCall {
                secret_headers: vec![("x-amz-sso_bearer_token", token.clone())],
                ..get(url, TIMEOUT, "AWS SSO, keys of a role")
            })
            .await?;
        let value: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
        match reply.status {
            200 => {}
            401 => {
                let cause = format!("the SSO sign-on of profile {name:?} is no longer accepted");
                return Err(trouble(
                    cause,
                    format!("run `aws sso login --profile {name}`"),
                ));
            }
            status => {
                let words = value.get("message").and_then(Value::as_str);
                let words = words.unwrap_or("it did not say why");
                let cause = format!(
                    "SSO gave no keys for role {role} of account {account}: {status} {words}"
                );
                return Err(trouble(cause, "is the role still assigned to you?"));
            }
        }
        let part = value.get("roleCredentials").cloned().unwrap_or_default();
        let keys = keys_in(&part, ["accessKeyId", "secretAccessKey", "sessionToken"])
            .ok_or_else(|| odd("SSO"))?;
        let millis = part.get("expiration").and_then(Value::as_i64);
        Ok(Found {
            keys,
            expires: millis.map(|millis| Timestamp(millis.saturating_mul(1000))),
            source: String::new(),
        })
    }

    pub(super) async fn container(&self) -> Sought {
        let relative = self.text("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
        let url = match (relative, self.text("AWS_CONTAINER_CREDENTIALS_FULL_URI")) {
            (Some(path), _) => format!("http://169.254.170.2{path}"),
            (None, Some(url)) if is_trusted(&url) => url,
            (None, Some(_)) => {
                let cause = "AWS_CONTAINER_CREDENTIALS_FULL_URI leads elsewhere than to this machine, without TLS";
                return Err(trouble(cause, "correct it"));
            }
            (None, None) => return Ok(None),
        };
        let file = self.text("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
        let token = match file {
            Some(file) => Some(self.io.read_private(Path::new(&file))?),
            None => self.io.variable("AWS_CONTAINER_AUTHORIZATION_TOKEN"),
        };
        let token = token.filter(|token| !token.is_empty());
        let token = token.map(|token| Secret::new(token.expose().trim()));
        let call = HttpCall {
            secret_headers: token
                .map(|token| ("authorization", token))
                .into_iter()
                .collect(),
            ..get(url, TIMEOUT, "AWS, keys of the container")
        };
        let reply = self.call(call).await?;
        let source = "the container".to_owned();
        read(&reply, source).map(Some).ok_or_else(|| {
            let cause = format!(
                "the container's credentials service answered {}",
                reply.status
            );
            trouble(cause, "has the task a role?")
        })
    }

    /// `Err`: why not, in a few words.
    pub(super) async fn instance(&self) -> Result<Found, String> {
        let off = self.text("AWS_EC2_METADATA_DISABLED");
        if off.is_some_and(|off| off.eq_ignore_ascii_case("true")) {
            return Err("switched off by AWS_EC2_METADATA_DISABLED".to_owned());
        }
        let base = self.text("AWS_EC2_METADATA_SERVICE_ENDPOINT");
        let base = base.unwrap_or_else(|| "http://169.254.169.254".to_owned());
        let base = base.trim_end_matches('/');
        let ask = async |call: HttpCall| match self.io.http(call).await {
            Ok(reply) if reply.status == 200 => Ok(reply),
            Ok(reply) => Err(format!("it answered {}", reply.status)),
            Err(_) => Err("nobody answers".to_owned()),
        };
        let token = ask(HttpCall {
            method: Method::Put,
            headers: vec![("x-aws-ec2-metadata-token-ttl-seconds", "21600".to_owned())],
            ..get(
                format!("{base}/latest/api/token"),
                INSTANCE,
                "EC2 metadata, token",
            )
        })
        .await?;
        let token = Secret::new(String::from_utf8_lossy(&token.body).trim());
        let roles = format!("{base}/latest/meta-data/iam/security-credentials/");
        let with_token = |url: String, label| HttpCall {
            secret_headers: vec![("x-aws-ec2-metadata-token", token.clone())],
            ..get(url, INSTANCE, label)
        };
        let listed = ask(with_token(roles.clone(), "EC2 metadata, role")).await?;
        let listed = String::from_utf8_lossy(&listed.body).into_owned();
        let role = listed.lines().next().unwrap_or_default().trim();
        if role.is_empty() {
            return Err("the instance has no role".to_owned());
        }
        let url = format!("{roles}{}", encode(role));
        let keys = ask(with_token(url, "EC2 metadata, keys")).await?;
        let source = format!("the instance (role {role})");
        read(&keys, source).ok_or_else(|| "it gave no keys".to_owned())
    }

    async fn call(&self, call: HttpCall) -> Result<HttpReply, Problem> {
        let what = call.label.clone();
        let reply = self.io.http(call).await;
        reply.map_err(|error| {
            let problem = trouble(format!("{what}: {error}"), "is the network there?");
            problem.exit(crate::base::problem::Exit::Unreachable)
        })
    }

    /// Where a service is, unless AWS's own variables say otherwise.
    fn service(&self, name: &str, usual: String) -> String {
        let own = self.text(&format!("AWS_ENDPOINT_URL_{name}"));
        let url = own
            .or_else(|| self.text("AWS_ENDPOINT_URL"))
            .unwrap_or(usual);
        url.trim_end_matches('/').to_owned()
    }
}

fn get(url: String, timeout: Duration, label: &str) -> HttpCall {
    HttpCall {
        method: Method::Get,
        url,
        headers: Vec::new(),
        secret_headers: Vec::new(),
        body: None,
        timeout,
        label: label.to_owned(),
    }
}

fn read(reply: &HttpReply, source: String) -> Option<Found> {
    let value: Value = serde_json::from_slice(&reply.body).ok()?;
    let expires = value.get("Expiration").and_then(Value::as_str);
    Some(Found {
        keys: keys_in(&value, NAMES)?,
        expires: expires.and_then(instant),
        source,
    })
}

pub(in super::super) fn domain(region: &str) -> &'static str {
    if region.starts_with("cn-") {
        "amazonaws.com.cn"
    } else {
        "amazonaws.com"
    }
}

/// In clear only to this machine, and to the addresses that AWS gives its containers.
fn is_trusted(url: &str) -> bool {
    let Ok(url) = url::Url::parse(url) else {
        return false;
    };
    let host = url.host_str().unwrap_or_default();
    url.scheme() == "https"
        || matches!(
            host,
            "localhost"
                | "127.0.0.1"
                | "[::1]"
                | "169.254.170.2"
                | "169.254.170.23"
                | "[fd00:ec2::23]"
        )
}

/// The text of the first such element. STS's answers are flat where it counts, and hold nothing that is escaped.
fn element<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let (_, after) = xml.split_once(&format!("<{name}>"))?;
    let (text, _) = after.split_once(&format!("</{name}>"))?;
    Some(text.trim())
}

fn odd(service: &str) -> Problem {
    trouble(
        format!("{service} gave an answer without keys in it"),
        "try again",
    )
}
