//! The headers that every call must bring (`reference/lg-thinq.md` 2 and 3).

use super::codes::Refusal;
use crate::sim::cloud::HttpRequest;

/// The constants that LG publishes in its Python and JavaScript SDKs.
const API_KEYS: [&str; 2] = [
    "v6GFvkweNo7DK7yD3ylIZ9w52aKBU0eJ7wLXkSR3",
    "ZkVkqP9jq44HuWkbNX9EKzZmmn7ToPY3A4vQ4tY8",
];

/// The region this simulator stands for, and the others: an account's country decides.
const KIC: &str = "AU BD CN HK ID IN JP KH KR LA LK MM MY NP NZ PH SG TH TW VN";
const AIC: &str = "AG AR AW BB BO BR BS BZ CA CL CO CR CU DM DO EC GD GT GY HN HT JM KN LC MX NI PA PE PR PY SR SV TT \
                   US UY VC VE";
const EIC: &str = "AE AF AL AM AO AT AZ BA BE BF BG BH BJ BY CD CF CG CH CI CM CV CY CZ DE DJ DK DZ EE EG ES ET FI \
                   FR GA GB GE GH GM GN GQ GR HR HU IE IL IQ IR IS IT JO KE KG KW KZ LB LR LT LU LV LY MA MD ME MK ML \
                   MR MT MU MW NE NG NL NO OM PK PL PS PT QA RO RS RU RW SA SD SE SI SK SL SN SO ST SY TD TG TN TR TZ \
                   UA UG UZ XK YE ZA ZM";

/// Who is allowed in.
pub struct Account<'a> {
    pub token: &'a str,
    pub revoked: bool,
}

/// Checks the headers; the answer is the client id.
///
/// The order, and the codes for a missing or wrong key, country, client id and phase, are nowhere documented
/// (section 15): 1301 is LG's "invalid service key", 1216 its "incorrect header".
pub fn check(request: &HttpRequest, account: &Account<'_>) -> Result<String, Refusal> {
    let header = |name| request.header(name).unwrap_or_default();
    if !API_KEYS.contains(&header("x-api-key")) {
        return Err("1301".into());
    }
    if !is_message_id(header("x-message-id")) {
        return Err("1104".into());
    }
    if header("x-service-phase") != "OP" {
        return Err("1216".into());
    }
    country(header("x-country"))?;
    let client = header("x-client-id");
    if !is_client_id(client) {
        return Err("1216".into());
    }
    token(header("authorization"), account)?;
    let is_json = header("content-type").starts_with("application/json");
    if !request.body.is_empty() && !is_json {
        return Err("1216".into());
    }
    Ok(client.to_owned())
}

/// A random UUID's 16 bytes in URL-safe base64, without the padding.
fn is_message_id(id: &str) -> bool {
    id.len() == 22
        && id
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

fn is_client_id(id: &str) -> bool {
    (1..=128).contains(&id.len())
        && id
            .bytes()
            .all(|b| b.is_ascii_graphic() && !matches!(b, b'/' | b'+' | b'#'))
}

/// A country that no region has is 1307; one of another region has come to the wrong host.
///
/// Nobody reports what another country of the same region gets; it is let through.
fn country(code: &str) -> Result<(), Refusal> {
    let is_in = |list: &str| list.split_whitespace().any(|known| known == code);
    match code {
        "" => Err("1216".into()),
        _ if is_in(KIC) => Ok(()),
        _ if is_in(AIC) || is_in(EIC) => Err("1310".into()),
        _ => Err("1307".into()),
    }
}

fn token(authorization: &str, account: &Account<'_>) -> Result<(), Refusal> {
    let Some(token) = authorization.strip_prefix("Bearer ") else {
        return Err("1103".into());
    };
    match token {
        "" => Err("1218".into()),
        _ if !token.starts_with("thinqpat_") || !token.bytes().all(|b| b.is_ascii_graphic()) => {
            Err("1103".into())
        }
        _ if token != account.token || account.revoked => Err("1302".into()),
        _ => Ok(()),
    }
}
