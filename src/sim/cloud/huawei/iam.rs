//! IAM: a token for a user and a password, and the projects (`reference/huawei-iot.md` 6.1, 7).

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};

use super::Huawei;
use super::registry::dashed;
use super::sign::{self, Kind};
use crate::base::moment::Timestamp;
use crate::base::secret::Secret;
use crate::sim::cloud::{HttpAnswer, HttpRequest};

const TOKEN_LIFE: Duration = Duration::from_hours(24);
/// Characters; the real ones are several KB long.
const TOKEN_LENGTH: usize = 3000;
const TOKENS: usize = 100;

pub struct Token {
    text: Secret,
    ends: Timestamp,
}

/// None where the path is not IAM's.
pub fn answer(huawei: &mut Huawei, request: &HttpRequest, now: Timestamp) -> Option<HttpAnswer> {
    match (request.method.as_str(), request.path.as_str()) {
        ("POST", "/v3/auth/tokens") => Some(token(huawei, request, now)),
        ("GET", "/v3/projects") => Some(projects(huawei, request, now)),
        _ => None,
    }
}

/// Whether a request brings a token that is still good.
pub fn is_known(huawei: &Huawei, given: &str, now: Timestamp) -> bool {
    let mut tokens = huawei.tokens.iter();
    tokens.any(|token| token.text.expose() == given && token.ends > now)
}

fn refused(status: u16, title: &str, message: &str) -> HttpAnswer {
    let error = json!({"error": {"code": status, "message": message, "title": title}});
    HttpAnswer {
        status,
        content_type: "application/json; charset=UTF-8",
        body: Bytes::from(error.to_string()),
        code: Some(title.to_owned()),
        ..HttpAnswer::default()
    }
}

fn token(huawei: &mut Huawei, request: &HttpRequest, now: Timestamp) -> HttpAnswer {
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let identity = &body["auth"]["identity"];
    let user = &identity["password"]["user"];
    let is_password = identity["methods"]
        .as_array()
        .is_some_and(|methods| methods.iter().any(|method| method == "password"));
    if !is_password || !user.is_object() {
        return refused(400, "Bad Request", "Request body is invalid.");
    }
    let account = &huawei.account;
    let is_known = user["name"] == account.user.as_str()
        && user["password"] == account.password.expose()
        && user["domain"]["name"] == account.domain.as_str();
    if !is_known {
        return refused(401, "Unauthorized", "The username or password is wrong.");
    }
    let project = &body["auth"]["scope"]["project"];
    if project["name"] != account.region.as_str() && project["id"] != account.project.as_str() {
        return refused(
            400,
            "Bad Request",
            "The project of the scope was not found.",
        );
    }
    let text: String = (0..TOKEN_LENGTH)
        .map(|_| fastrand::alphanumeric())
        .collect();
    let ends = now.plus(TOKEN_LIFE);
    let domain = json!({"id": "d0".repeat(16), "name": account.domain});
    let answer = json!({"token": {
        "expires_at": dashed(ends),
        "issued_at": dashed(now),
        "methods": ["password"],
        "catalog": [],
        "roles": [{"id": "0", "name": "te_admin"}],
        "project": {"id": account.project, "name": account.region, "domain": domain},
        "user": {"id": "e1".repeat(16), "name": account.user, "domain": domain, "password_expires_at": ""},
    }});
    if huawei.tokens.len() >= TOKENS {
        huawei.tokens.remove(0);
    }
    huawei.tokens.push(Token {
        text: Secret::new(text.clone()),
        ends,
    });
    HttpAnswer {
        status: 201,
        content_type: "application/json; charset=UTF-8",
        body: Bytes::from(answer.to_string()),
        headers: vec![("x-subject-token", text)],
        ..HttpAnswer::default()
    }
}

/// By token, or signed in the standard way: IAM has no instances.
fn projects(huawei: &Huawei, request: &HttpRequest, now: Timestamp) -> HttpAnswer {
    let account = &huawei.account;
    let allowed = match request.header("x-auth-token") {
        Some(given) => is_known(huawei, given, now),
        None => sign::check(request, Kind::Standard, &account.keys, &account.region, now).is_ok(),
    };
    if !allowed {
        return refused(
            401,
            "Unauthorized",
            "The request you have made requires authentication.",
        );
    }
    let wanted = request.query.get("name");
    let is_wanted = wanted.is_none_or(|name| *name == account.region);
    let project = json!({
        "id": account.project,
        "name": account.region,
        "domain_id": "d0".repeat(16),
        "parent_id": "d0".repeat(16),
        "is_domain": false,
        "enabled": true,
        "description": "",
    });
    let found = is_wanted.then_some(project).into_iter().collect::<Vec<_>>();
    let answer =
        json!({"projects": found, "links": {"self": request.path, "next": null, "previous": null}});
    HttpAnswer {
        status: 200,
        content_type: "application/json; charset=UTF-8",
        body: Bytes::from(answer.to_string()),
        ..HttpAnswer::default()
    }
}
