//! Access tokens for service accounts (RFC 7523): a signed assertion for a bearer.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::base::moment::{Moment, Timestamp};
use crate::sim::cloud::google::{Google, token};
use crate::sim::cloud::{HttpAnswer, HttpRequest};

pub fn answer(google: &mut Google, request: &HttpRequest, now: Moment) -> HttpAnswer {
    let form: Vec<(String, String)> = url::form_urlencoded::parse(&request.body)
        .into_owned()
        .collect();
    let field = |name: &str| {
        let found = form.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value.as_str())
    };
    let deny = |error: &str, words: &str| HttpAnswer {
        status: 400,
        content_type: "application/json; charset=UTF-8",
        body: Bytes::from(json!({"error": error, "error_description": words}).to_string()),
        code: Some(error.to_owned()),
        ..HttpAnswer::default()
    };
    if field("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer" {
        return deny("unsupported_grant_type", "Invalid grant_type");
    }
    let keys = [google.keys.account_key.clone()];
    let assertion = field("assertion").as_bytes();
    let Ok((claims, header)) = token::verified(assertion, &keys, now.wall) else {
        return deny("invalid_grant", "Invalid JWT Signature.");
    };
    let text = |name: &str| claims.get(name).and_then(Value::as_str).unwrap_or_default();
    let seconds = |name: &str| claims.get(name).and_then(Value::as_i64).unwrap_or_default();
    let wall = now.wall.seconds();
    if header.get("alg").and_then(Value::as_str) != Some("RS256") {
        return deny("invalid_grant", "Service accounts sign with RS256.");
    }
    if text("iss") != google.keys.account {
        return deny("invalid_grant", "Invalid grant: account not found");
    }
    if text("aud") != format!("{}/token", google.url) {
        return deny("invalid_grant", "Invalid JWT: wrong audience.");
    }
    let (issued, expires) = (seconds("iat"), seconds("exp"));
    if expires <= wall || issued > wall + 300 || expires - issued > 3600 {
        let words = "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe.";
        return deny("invalid_grant", words);
    }
    let scopes =
        ["cloudiot", "cloud-platform"].map(|s| format!("https://www.googleapis.com/auth/{s}"));
    if !text("scope")
        .split(' ')
        .any(|scope| scopes.iter().any(|known| known == scope))
    {
        return deny("invalid_scope", "the scope does not cover Cloud IoT");
    }
    let digits: String = (0..40).map(|_| fastrand::alphanumeric()).collect();
    let bearer = format!("ya29.{digits}");
    let until = Timestamp::from_seconds(wall + 3599);
    google.bearers.push((bearer.clone(), until));
    let body = json!({"access_token": bearer, "expires_in": 3599, "token_type": "Bearer"});
    HttpAnswer {
        status: 200,
        content_type: "application/json; charset=UTF-8",
        body: Bytes::from(body.to_string()),
        ..HttpAnswer::default()
    }
}
