//! One call of the application side: signed or with a token, and its refusal in words (`reference/huawei-iot.md` 6, 7).

use std::sync::PoisonError;
use std::time::Duration;

use bytes::Bytes;
use url::Url;

use super::Huawei;
use super::body::{self, list, object, raw, text, word};
use super::refusal::refused;
use super::sign::{self, Kind, Signed, authorization};
use crate::base::moment::Timestamp;
use crate::base::percent;
use crate::base::problem::{Exit, Problem, Retry};
use crate::base::secret::Secret;
use crate::domain::profile::{HuaweiKeys, HuaweiRest, HuaweiSignIn};
use crate::domain::shadow::Node;
use crate::platform::io::{HttpCall, HttpError, HttpReply, Io, Method};

/// The platform itself waits 20 s for a device's answer to a command.
const TIMEOUT: Duration = Duration::from_secs(30);
/// A token is good for 24 hours (`reference/huawei-iot.md` 6.1); a new one is asked for well before.
const TOKEN_LIFE: Duration = Duration::from_hours(20);

/// A clock that is off, and a call that takes its time. Microseconds.
const BEFORE_ITS_END: i64 = 300_000_000;

/// One call under `/v5/iot/{project}`.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    pub method: Method,
    /// Levels after the project, each to be encoded.
    pub path: Vec<String>,
    pub query: Vec<(String, String)>,
    pub body: Option<Node>,
    /// What fails when this fails: `could not list the devices`.
    pub what: String,
}

impl Ask {
    pub fn new(method: Method, path: &[&str], what: &str) -> Self {
        Self {
            method,
            path: path.iter().map(|level| (*level).to_owned()).collect(),
            query: Vec::new(),
            body: None,
            what: what.to_owned(),
        }
    }

    pub fn body(self, body: Node) -> Self {
        Self {
            body: Some(body),
            ..self
        }
    }
}

/// A token and the project it is for.
#[derive(Debug, Clone)]
pub(super) struct Session {
    token: Secret,
    project: String,
    until: Timestamp,
}

impl Huawei {
    /// The application side of the profile, or why there is none.
    pub(super) fn rest(&self, what: &str) -> Result<&HuaweiRest, Problem> {
        self.settings.rest.as_ref().ok_or_else(|| {
            Problem::new(
                what,
                "the profile has no access to the application side of the platform",
                "add [profiles.NAME.rest] with api_url, region, project_id, access_key and secret_key",
            )
            .exit(Exit::Usage)
        })
    }

    /// The answer's JSON. A 200 with an `error_code` is a failure, too.
    pub(super) async fn ask(&self, io: &dyn Io, ask: Ask) -> Result<Node, Problem> {
        let rest = self.rest(&ask.what)?;
        match &rest.sign_in {
            HuaweiSignIn::Keys { .. } => self.ask_signed(io, rest, &ask).await,
            HuaweiSignIn::User { .. } => self.ask_with_token(io, rest, &ask).await,
        }
    }

    async fn ask_signed(&self, io: &dyn Io, rest: &HuaweiRest, ask: &Ask) -> Result<Node, Problem> {
        let Some(project) = &rest.project_id else {
            let cause = "the profile names no project";
            let remedy = "write project_id = \"…\" (32 digits, of the region; not the account's)";
            return Err(Problem::new(&ask.what, cause, remedy).exit(Exit::Usage));
        };
        let keys = keys(io, &rest.sign_in).await?;
        let host = host(&rest.api_url);
        let path = path(project, &ask.path);
        let at = io.now().wall;
        let body = body(ask);
        let mut headers = vec![
            ("host", host.clone()),
            ("x-sdk-date", sign::date(at)),
            ("content-type", "application/json".to_owned()),
            ("x-project-id", project.clone()),
        ];
        headers.extend(rest.instance_id.clone().map(|id| ("instance-id", id)));
        let kind = kind(rest, &host);
        let mut signed_headers = headers.clone();
        if let Some(token) = &keys.security_token {
            signed_headers.push(("x-security-token", token.expose().to_owned()));
        }
        let signed = Signed {
            method: ask.method.word(),
            path: &path,
            query: &ask.query,
            headers: &signed_headers,
            body: &body,
        };
        let authorization = authorization(&signed, &keys, kind, at);
        // The client writes Host by itself, exactly like this.
        headers.retain(|(name, _)| *name != "host");
        let mut secret_headers = vec![("authorization", authorization)];
        secret_headers.extend(keys.security_token.map(|token| ("x-security-token", token)));
        let reply = call(io, rest, ask, &path, headers, secret_headers, body).await?;
        read(&reply, ask, Some(kind), at)
    }

    async fn ask_with_token(
        &self,
        io: &dyn Io,
        rest: &HuaweiRest,
        ask: &Ask,
    ) -> Result<Node, Problem> {
        let kept = self.kept(io.now().wall);
        let session = match &kept {
            Some(kept) => kept.clone(),
            None => self.new_session(io, rest).await?,
        };
        let mut reply = call_with(io, rest, ask, session).await?;
        if reply.status == 401 && kept.is_some() {
            // It may have been revoked, and nothing was done: once more, with a new one.
            let session = self.new_session(io, rest).await?;
            reply = call_with(io, rest, ask, session).await?;
        }
        if reply.status == 401 {
            *self.session.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
        read(&reply, ask, None, io.now().wall)
    }

    fn kept(&self, now: Timestamp) -> Option<Session> {
        let kept = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        kept.clone().filter(|session| session.until > now)
    }

    async fn new_session(&self, io: &dyn Io, rest: &HuaweiRest) -> Result<Session, Problem> {
        let session = sign_in(io, rest, io.now().wall).await?;
        *self.session.lock().unwrap_or_else(PoisonError::into_inner) = Some(session.clone());
        Ok(session)
    }
}

async fn call_with(
    io: &dyn Io,
    rest: &HuaweiRest,
    ask: &Ask,
    session: Session,
) -> Result<HttpReply, Problem> {
    let path = path(&session.project, &ask.path);
    let mut headers = vec![("content-type", "application/json".to_owned())];
    headers.extend(rest.instance_id.clone().map(|id| ("instance-id", id)));
    let token = vec![("x-auth-token", session.token)];
    call(io, rest, ask, &path, headers, token, body(ask)).await
}

/// By the host, unless the profile says so (`reference/huawei-iot.md` 6.3).
fn kind<'a>(rest: &'a HuaweiRest, host: &str) -> Kind<'a> {
    let told = match rest.sign_in {
        HuaweiSignIn::Keys { derived, .. } => derived,
        HuaweiSignIn::User { .. } => None,
    };
    if told.unwrap_or_else(|| !sign::is_shared(host)) {
        Kind::Derived {
            region: &rest.region,
        }
    } else {
        Kind::Standard
    }
}

async fn keys(io: &dyn Io, sign_in: &HuaweiSignIn) -> Result<HuaweiKeys, Problem> {
    let HuaweiSignIn::Keys {
        access_key,
        secret_key,
        security_token,
        ..
    } = sign_in
    else {
        return Err(Problem::new(
            "could not sign",
            "there are no access keys",
            "",
        ));
    };
    Ok(HuaweiKeys {
        access_key: io.secret(access_key).await?.expose().trim().to_owned(),
        secret_key: trimmed(&io.secret(secret_key).await?),
        security_token: match security_token {
            Some(place) => Some(trimmed(&io.secret(place).await?)),
            None => None,
        },
    })
}

fn trimmed(secret: &Secret) -> Secret {
    Secret::new(secret.expose().trim())
}

fn path(project: &str, levels: &[String]) -> String {
    let levels: Vec<_> = levels.iter().map(|level| percent::encode(level)).collect();
    format!("/v5/iot/{}/{}", percent::encode(project), levels.join("/"))
}

fn body(ask: &Ask) -> Bytes {
    ask.body
        .as_ref()
        .map_or_else(Bytes::new, |body| body.text().into())
}

/// As it goes on the wire: with a port only where it is not the usual one.
fn host(api_url: &str) -> String {
    Url::parse(api_url).map_or_else(
        |_unusable| String::new(),
        |url| {
            let host = url.host_str().unwrap_or_default();
            url.port()
                .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
        },
    )
}

async fn call(
    io: &dyn Io,
    rest: &HuaweiRest,
    ask: &Ask,
    path: &str,
    headers: Vec<(&'static str, String)>,
    secret_headers: Vec<(&'static str, Secret)>,
    body: Bytes,
) -> Result<HttpReply, Problem> {
    let query = sign::query(&ask.query);
    let mark = if query.is_empty() { "" } else { "?" };
    let base = rest.api_url.trim_end_matches('/');
    let sent = io.http(HttpCall {
        method: ask.method,
        url: format!("{base}{path}{mark}{query}"),
        headers,
        secret_headers,
        body: ask.body.is_some().then_some(body),
        timeout: TIMEOUT,
        label: format!("{} {}", ask.method.word(), ask.path.join("/")),
    });
    sent.await.map_err(|error| unreachable(&ask.what, &error))
}

fn read(
    reply: &HttpReply,
    ask: &Ask,
    kind: Option<Kind<'_>>,
    at: Timestamp,
) -> Result<Node, Problem> {
    let body = body::read(&reply.body);
    let is_error = !word(&body, "error_code").is_empty();
    if (200..300).contains(&reply.status) && !is_error {
        return Ok(body);
    }
    Err(refused(&ask.what, reply, &body, kind, at))
}

async fn sign_in(io: &dyn Io, rest: &HuaweiRest, now: Timestamp) -> Result<Session, Problem> {
    let HuaweiSignIn::User {
        iam_url,
        user,
        password,
        domain,
    } = &rest.sign_in
    else {
        return Err(Problem::new("could not sign in", "there is no user", ""));
    };
    let what = "could not sign in at Huawei's IAM";
    let password = io.secret(password).await?;
    let user = object([
        ("name", text(user)),
        ("password", text(password.expose().trim())),
        ("domain", object([("name", text(domain))])),
    ]);
    let identity = object([
        ("methods", raw("[\"password\"]")),
        ("password", object([("user", user)])),
    ]);
    let scope = object([("project", object([("name", text(&rest.region))]))]);
    let body = object([("auth", object([("identity", identity), ("scope", scope)]))]);
    let iam_url = iam_url.trim_end_matches('/');
    let reply = io
        .http(HttpCall {
            method: Method::Post,
            url: format!("{iam_url}/v3/auth/tokens"),
            headers: vec![("content-type", "application/json".to_owned())],
            secret_headers: Vec::new(),
            body: Some(body.text().into()),
            timeout: TIMEOUT,
            label: "POST auth/tokens".to_owned(),
        })
        .await
        .map_err(|error| unreachable(what, &error))?;
    let answer = body::read(&reply.body);
    let (201, Some(token)) = (reply.status, reply.header("x-subject-token")) else {
        let words = answer.member("error").map(|error| word(error, "message"));
        let words = words.filter(|words| !words.is_empty());
        let words = words.unwrap_or_else(|| "it gave no token".to_owned());
        let cause = format!("IAM answered {}: {words}", reply.status);
        let remedy = "check user, password and domain (the account's name), and that the user may sign in by program";
        return Err(Problem::new(what, cause, remedy).exit(Exit::Refused));
    };
    let token = Secret::new(token);
    let told = answer.member("token");
    let project_told = told.and_then(|token| token.member("project"));
    let project_told = project_told.map(|project| word(project, "id"));
    let project = match &rest.project_id {
        Some(project) => project.clone(),
        None => match project_told.filter(|id| !id.is_empty()) {
            Some(project) => project,
            None => project(io, iam_url, &rest.region, &token).await?,
        },
    };
    let end = told.and_then(|token| word(token, "expires_at").parse::<jiff::Timestamp>().ok());
    let end = end.map(|end| Timestamp(end.as_microsecond() - BEFORE_ITS_END));
    let longest = now.plus(TOKEN_LIFE);
    Ok(Session {
        token,
        project,
        until: end.map_or(longest, |end| end.min(longest)),
    })
}

/// The region's project, by its name.
async fn project(
    io: &dyn Io,
    iam_url: &str,
    region: &str,
    token: &Secret,
) -> Result<String, Problem> {
    let what = "could not find the region's project";
    let reply = io
        .http(HttpCall {
            method: Method::Get,
            url: format!("{iam_url}/v3/projects?name={}", percent::encode(region)),
            headers: Vec::new(),
            secret_headers: vec![("x-auth-token", token.clone())],
            body: None,
            timeout: TIMEOUT,
            label: "GET projects".to_owned(),
        })
        .await
        .map_err(|error| unreachable(what, &error))?;
    let projects = list(&body::read(&reply.body), "projects");
    let id = projects.first().map(|project| word(project, "id"));
    id.filter(|id| !id.is_empty()).ok_or_else(|| {
        let cause = format!("IAM knows no project of region {region:?}");
        Problem::new(what, cause, "write project_id = \"…\" in the profile").exit(Exit::NotFound)
    })
}

fn unreachable(what: &str, error: &HttpError) -> Problem {
    Problem::new(
        what,
        error.to_string(),
        "check the network, api_url and the proxy",
    )
    .retry(Retry::Backoff)
    .exit(Exit::Unreachable)
}
