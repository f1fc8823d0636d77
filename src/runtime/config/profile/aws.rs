//! What a profile of AWS IoT Core may say.

use super::{common, mqtt, secret, will};
use crate::base::problem::Problem;
use crate::domain::profile::{
    AwsAuth, AwsAuthorizer, AwsCredentials, AwsEndpoint, AwsSettings, Common,
};
use crate::platform::aws::rules;
use crate::runtime::config::section::Section;

pub(super) const KEYS: [&str; 11] = [
    "endpoint",
    "auth",
    "client_id",
    "region",
    "credentials",
    "api_url",
    "things",
    "things_query",
    "version",
    "presence",
    "authorizer",
];

/// Seconds; outside of it AWS takes the nearest bound without a word (`reference/aws-iot.md` 4).
const KEEP_ALIVE: (i64, i64) = (30, 1200);

pub(super) fn read(
    section: &Section<'_>,
    warnings: &mut Vec<Problem>,
) -> Result<(AwsSettings, Common), Problem> {
    let (endpoint, parsed) = endpoint(section, warnings)?;
    let auth = auth(section)?;
    let version = mqtt::version(section)?;
    let settings = AwsSettings {
        endpoint,
        auth,
        client_id: client_id(section)?,
        region: region(section)?,
        credentials: credentials(section, warnings)?,
        api_url: api_url(section)?,
        things: section.texts("things")?.unwrap_or_default(),
        things_query: things_query(section)?,
        version,
        presence: section.flag("presence")?,
        authorizer: authorizer(section, auth, warnings)?,
    };
    let mut common = common::read(section, KEEP_ALIVE, warnings)?;
    common.cert_file = mqtt::file(section, "cert_file", "key_file")?;
    common.key_file = mqtt::file(section, "key_file", "cert_file")?;
    common.clean_session = section.flag("clean_session")?;
    common.will = will::read(section, version)?;
    check_rules(section, &common)?;
    check_sign_in(section, &settings, &parsed, &common)?;
    check_session(section, &settings, &common)?;
    Ok((settings, common))
}

const ENDPOINT_REMEDY: &str = "write endpoint = \"xxxx-ats.iot.REGION.amazonaws.com\", as `aws iot describe-endpoint --endpoint-type iot:Data-ATS` tells it";

/// As a person pasted it, cleaned.
fn endpoint(
    section: &Section<'_>,
    warnings: &mut Vec<Problem>,
) -> Result<(String, AwsEndpoint), Problem> {
    let text = section.required_text("endpoint", ENDPOINT_REMEDY)?;
    let parsed =
        AwsEndpoint::parse(&text).map_err(|why| section.wrong("endpoint", why, ENDPOINT_REMEDY))?;
    if parsed.is_legacy() {
        let cause = "it is the old kind, without -ats: its certificate ends at an authority that is no longer trusted";
        warnings.push(section.wrong("endpoint", cause, ENDPOINT_REMEDY));
    }
    if parsed.is_foreign_address() {
        let cause = "it is an address: AWS finds the account by the endpoint's name";
        warnings.push(section.wrong("endpoint", cause, ENDPOINT_REMEDY));
    }
    Ok((parsed.to_string(), parsed))
}

fn auth(section: &Section<'_>) -> Result<AwsAuth, Problem> {
    let Some(word) = section.text("auth")? else {
        return Ok(AwsAuth::default());
    };
    let mut known = AwsAuth::ALL.into_iter();
    known.find(|auth| auth.word() == word).ok_or_else(|| {
        let cause = format!("{word:?} is not known");
        section.wrong("auth", cause, "write \"mtls\", \"sigv4\" or \"custom\"")
    })
}

/// `reference/aws-iot.md` 4.
fn client_id(section: &Section<'_>) -> Result<Option<String>, Problem> {
    let Some(id) = mqtt::text(section, "client_id")? else {
        return Ok(None);
    };
    let cause = if id.is_empty() {
        "it is empty"
    } else if id.len() > 128 {
        "it is longer than the 128 bytes that AWS takes"
    } else if id.starts_with('$') {
        "AWS takes no client id that begins with $"
    } else {
        return Ok(Some(id));
    };
    let remedy = "correct its value; or leave it out, and one is made up";
    Err(section.wrong("client_id", cause, remedy))
}

fn region(section: &Section<'_>) -> Result<Option<String>, Problem> {
    let Some(region) = section.text("region")? else {
        return Ok(None);
    };
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if !region.is_empty() && region.chars().all(fits) {
        return Ok(Some(region));
    }
    let cause = format!("{region:?} is no region");
    Err(section.wrong("region", cause, "write it as region = \"eu-west-1\""))
}

const CREDENTIALS_REMEDY: &str = "write credentials = { profile = \"NAME\" }, or { access_key_id = …, secret_access_key = { env = \"…\" } }; without it AWS's usual places are looked through";

fn credentials(
    section: &Section<'_>,
    warnings: &mut Vec<Problem>,
) -> Result<AwsCredentials, Problem> {
    let Some(table) = section.section("credentials")? else {
        return Ok(AwsCredentials::Chain);
    };
    table.only(&[
        "profile",
        "access_key_id",
        "secret_access_key",
        "session_token",
    ])?;
    // A key id is no secret: it may stand there in clear.
    let id = secret::place(&table, "access_key_id", CREDENTIALS_REMEDY, &mut Vec::new())?;
    let key = secret::place(&table, "secret_access_key", CREDENTIALS_REMEDY, warnings)?;
    let session_token = secret::place(&table, "session_token", CREDENTIALS_REMEDY, warnings)?;
    match (table.text("profile")?, id, key, session_token) {
        (Some(name), None, None, None) if !name.is_empty() => Ok(AwsCredentials::Profile(name)),
        (None, Some(access_key_id), Some(secret_access_key), session_token) => {
            Ok(AwsCredentials::Keys {
                access_key_id,
                secret_access_key,
                session_token,
            })
        }
        _ => {
            let cause = "it must name a profile, or both halves of an access key";
            Err(section.wrong("credentials", cause, CREDENTIALS_REMEDY))
        }
    }
}

/// `reference/aws-iot.md` 7: 1000 bytes at most.
fn things_query(section: &Section<'_>) -> Result<Option<String>, Problem> {
    let Some(query) = section.text("things_query")? else {
        return Ok(None);
    };
    let cause = if query.trim().is_empty() {
        "it is empty"
    } else if query.len() > 1000 {
        "it is longer than the 1000 bytes that AWS takes"
    } else {
        return Ok(Some(query));
    };
    let remedy =
        "write things_query = \"thingTypeName:Board AND attributes.site:north\", or leave it out";
    Err(section.wrong("things_query", cause, remedy))
}

fn api_url(section: &Section<'_>) -> Result<Option<String>, Problem> {
    let Some(text) = section.text("api_url")? else {
        return Ok(None);
    };
    super::check_url(&text, "https")
        .map(|()| Some(text))
        .map_err(|why| section.wrong("api_url", why, "write https://HOST:PORT"))
}

const AUTHORIZER_REMEDY: &str = "write authorizer = { name = \"…\", token_key = \"…\", token = { env = \"…\" }, signature = { env = \"…\" } }, or username and password";

fn authorizer(
    section: &Section<'_>,
    auth: AwsAuth,
    warnings: &mut Vec<Problem>,
) -> Result<Option<AwsAuthorizer>, Problem> {
    let Some(table) = section.section("authorizer")? else {
        return Ok((auth == AwsAuth::Custom).then(AwsAuthorizer::default));
    };
    if auth != AwsAuth::Custom {
        let cause = "it has no effect without auth = \"custom\"";
        return Err(section.wrong("authorizer", cause, "write auth = \"custom\", or remove it"));
    }
    table.only(&[
        "name",
        "signature",
        "token_key",
        "token",
        "username",
        "password",
    ])?;
    let mut place = |key| secret::place(&table, key, AUTHORIZER_REMEDY, warnings);
    let (signature, token, password) = (place("signature")?, place("token")?, place("password")?);
    let token = match (table.text("token_key")?, token) {
        (Some(name), Some(token)) if !name.is_empty() => Some((name, token)),
        (None, None) => None,
        _ => {
            let cause = "token_key and token go together";
            return Err(section.wrong("authorizer", cause, AUTHORIZER_REMEDY));
        }
    };
    Ok(Some(AwsAuthorizer {
        name: table.text("name")?,
        signature,
        token,
        username: mqtt::text(&table, "username")?,
        password,
    }))
}

/// What AWS would hang up at is found where it is written.
fn check_rules(section: &Section<'_>, common: &Common) -> Result<(), Problem> {
    for wish in &common.topics {
        rules::check_filter(wish).map_err(|problem| {
            let cause = format!("{}: {}", wish.filter, problem.cause);
            section.wrong("topics", cause, &problem.remedy)
        })?;
    }
    if common.topics.len() > rules::SUBSCRIPTIONS {
        let cause = "a connection to AWS has 50 subscriptions at most";
        return Err(section.wrong("topics", cause, "use wildcards, or a second profile"));
    }
    match common.will.as_ref().map(rules::check_will) {
        Some(Err(problem)) => Err(section.wrong("will", problem.cause, &problem.remedy)),
        // What the plan says of it while connecting is enough.
        _ => Ok(()),
    }
}

fn check_sign_in(
    section: &Section<'_>,
    settings: &AwsSettings,
    endpoint: &AwsEndpoint,
    common: &Common,
) -> Result<(), Problem> {
    match settings.auth {
        AwsAuth::Mtls if common.cert_file.is_none() => {
            let cause = "it is missing: the profile signs in with a certificate";
            let remedy = "write cert_file = \"…-certificate.pem.crt\" and key_file = \"…-private.pem.key\"; or auth = \"sigv4\"";
            Err(section.wrong("cert_file", cause, remedy))
        }
        AwsAuth::SigV4 if settings.region().is_none() => {
            let cause = "it is missing, and the endpoint's name does not tell it";
            let remedy = "write it as region = \"eu-west-1\"";
            Err(section.wrong("region", cause, remedy))
        }
        AwsAuth::Custom if endpoint.port == Some(8883) => {
            let cause = "port 8883 never reaches a custom authorizer";
            Err(section.wrong("endpoint", cause, "leave the port out"))
        }
        _ => Ok(()),
    }
}

/// A made-up client id is another one at every start: nobody would come back for the session.
fn check_session(
    section: &Section<'_>,
    settings: &AwsSettings,
    common: &Common,
) -> Result<(), Problem> {
    if common.clean_session != Some(false) || settings.client_id.is_some() {
        return Ok(());
    }
    let cause = "AWS keeps a session for a client id, and this profile has none of its own";
    Err(section.wrong("clean_session", cause, "write client_id = \"…\" too"))
}
