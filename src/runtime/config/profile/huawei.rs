//! What a profile of Huawei IoT may say.

use toml::de::DeValue;

use super::{common, mqtt, secret};
use crate::base::problem::Problem;
use crate::domain::profile::{
    Common, HuaweiAnswer, HuaweiDialect, HuaweiRest, HuaweiSettings, HuaweiSignIn, HuaweiSignature,
};
use crate::domain::shadow::Node;
use crate::platform::mqtt::address::Address;
use crate::runtime::config::section::Section;

pub(super) const KEYS: [&str; 11] = [
    "dialect",
    "mqtt_url",
    "device_id",
    "access",
    "signature",
    "secret",
    "auto_reply",
    "replies",
    "rest",
    "cert_file",
    "key_file",
];

/// Common keys that mean nothing there: the platform knows no last will and keeps no session (`reference/huawei-iot.md` 3).
pub(super) const NOT_HERE: [&str; 2] = ["will", "clean_session"];

/// Seconds; a keep-alive outside of it is refused with the code of a wrong client id.
const KEEP_ALIVE: (i64, i64) = (30, 1200);

pub(super) fn read(
    section: &Section<'_>,
    warnings: &mut Vec<Problem>,
) -> Result<(HuaweiSettings, Common), Problem> {
    let dialect = dialect(section)?;
    let device_id = device_id(section)?;
    let mut settings = HuaweiSettings::new(dialect, url(section, warnings)?, device_id);
    settings.by_node = by_node(section, dialect)?;
    settings.signature = signature(section)?;
    settings.secret = secret::place(section, "secret", SECRET_REMEDY, warnings)?;
    settings.auto_reply = section.flag("auto_reply")?.unwrap_or(false);
    settings.replies = replies(section)?;
    settings.rest = rest(section, warnings)?;
    let mut common = common::read(section, KEEP_ALIVE, warnings)?;
    common.cert_file = mqtt::file(section, "cert_file", "key_file")?;
    common.key_file = mqtt::file(section, "key_file", "cert_file")?;
    match (&settings.secret, &common.cert_file) {
        (None, None) => {
            let cause = "it is missing: a device signs in with a secret or a certificate";
            Err(section.wrong("secret", cause, SECRET_REMEDY))
        }
        (Some(_), Some(_)) => {
            let cause = "a device that signs in with a certificate has no secret";
            Err(section.wrong("secret", cause, "remove it, or cert_file and key_file"))
        }
        _ => Ok((settings, common)),
    }
}

const SECRET_REMEDY: &str =
    "write secret = { env = \"HW_SECRET\" }, { file = \"…\" } or { command = [\"…\"] }";
const URL_REMEDY: &str =
    "write mqtt_url = \"mqtts://HOST:8883\", as the console's access information tells it";

/// It stands in topics, and in the client id between underscores.
fn device_id(section: &Section<'_>) -> Result<String, Problem> {
    let remedy = "write device_id = \"…\", as the console shows it";
    let id = section.required_text("device_id", remedy)?;
    if id
        .chars()
        .any(|c| c.is_control() || c.is_whitespace() || "/+#".contains(c))
    {
        let cause = format!("{id:?} cannot be one: it stands in topics");
        return Err(section.wrong("device_id", cause, remedy));
    }
    Ok(id)
}

fn dialect(section: &Section<'_>) -> Result<HuaweiDialect, Problem> {
    match section.text("dialect")?.as_deref() {
        None | Some("iotda") => Ok(HuaweiDialect::Iotda),
        Some("v1") => Ok(HuaweiDialect::V1),
        Some(other) => {
            let cause = format!("{other:?} is not known");
            Err(section.wrong("dialect", cause, "write \"iotda\" or \"v1\""))
        }
    }
}

fn url(section: &Section<'_>, warnings: &mut Vec<Problem>) -> Result<String, Problem> {
    let url = section.required_text("mqtt_url", URL_REMEDY)?;
    let address = Address::parse(&url).map_err(|why| section.wrong("mqtt_url", why, URL_REMEDY))?;
    if address.user.is_some() || address.has_password {
        let cause = "it must hold no user name and no password";
        return Err(section.wrong("mqtt_url", cause, URL_REMEDY));
    }
    if !address.tls {
        // Whoever reads one login of type 0 can use it for ever (`reference/huawei-iot.md` 2).
        let cause = "it is without TLS: whoever reads the login on its way can use it";
        warnings.push(section.wrong("mqtt_url", cause, "write mqtts://, port 8883"));
    }
    Ok(url)
}

fn by_node(section: &Section<'_>, dialect: HuaweiDialect) -> Result<bool, Problem> {
    match section.text("access")?.as_deref() {
        None | Some("device") => Ok(false),
        Some("node") if dialect == HuaweiDialect::V1 => Ok(true),
        Some("node") => {
            let cause = "IoTDA is accessed by device id only";
            Err(section.wrong("access", cause, "write the device id, and remove access"))
        }
        Some(other) => {
            let cause = format!("{other:?} is not known");
            Err(section.wrong("access", cause, "write \"device\" or \"node\""))
        }
    }
}

fn signature(section: &Section<'_>) -> Result<HuaweiSignature, Problem> {
    Ok(match section.number::<u8>("signature", 0, 1)? {
        Some(0) => HuaweiSignature::Unchecked,
        _ => HuaweiSignature::Checked,
    })
}

const REPLIES_REMEDY: &str =
    "write replies = [{ command = \"SERVICE.COMMAND\", result = 0, paras = '{\"on\":true}' }]";

fn replies(section: &Section<'_>) -> Result<Vec<HuaweiAnswer>, Problem> {
    let Some(items) = section.array("replies")? else {
        return Ok(Vec::new());
    };
    let mut replies = Vec::new();
    for (index, item) in items.iter().enumerate() {
        if !matches!(item.get_ref(), DeValue::Table(_)) {
            let cause = "each of them is a table";
            return Err(section.wrong("replies", cause, REPLIES_REMEDY));
        }
        let path = format!("profiles.{}.replies[{index}]", section.name());
        let item = section.as_section(path, item)?;
        item.only(&["command", "result", "name", "paras"])?;
        let paras = item.text("paras")?.map(|text| {
            Node::parse(&text).map(|node| node.text()).map_err(|error| {
                item.wrong("paras", format!("it is no JSON: {error}"), REPLIES_REMEDY)
            })
        });
        replies.push(HuaweiAnswer {
            command: item.required_text("command", REPLIES_REMEDY)?,
            result: item.number("result", 0, i64::from(i32::MAX))?.unwrap_or(0),
            name: item.text("name")?,
            paras: paras.transpose()?,
        });
    }
    Ok(replies)
}

const REST_REMEDY: &str = "write [profiles.NAME.rest] with api_url, region, project_id, and access_key and secret_key (or user, password, domain, iam_url)";

/// The application side: `[profiles.NAME.rest]`.
fn rest(section: &Section<'_>, warnings: &mut Vec<Problem>) -> Result<Option<HuaweiRest>, Problem> {
    let Some(table) = section.section("rest")? else {
        return Ok(None);
    };
    table.only(&[
        "api_url",
        "region",
        "project_id",
        "instance_id",
        "access_key",
        "secret_key",
        "security_token",
        "derived",
        "iam_url",
        "user",
        "password",
        "domain",
    ])?;
    let https = |key: &str, text: String| {
        super::check_url(&text, "https")
            .map(|()| text)
            .map_err(|why| table.wrong(key, why, "write https://HOST[:PORT]"))
    };
    let api_url = https("api_url", table.required_text("api_url", REST_REMEDY)?)?;
    let region = table.required_text("region", REST_REMEDY)?;
    let sign_in = if table.has("user") {
        let iam_url = table
            .text("iam_url")?
            .unwrap_or_else(|| format!("https://iam.{region}.myhuaweicloud.com"));
        HuaweiSignIn::User {
            iam_url: https("iam_url", iam_url)?,
            user: table.required_text("user", REST_REMEDY)?,
            password: secret::place(&table, "password", REST_REMEDY, warnings)?
                .ok_or_else(|| table.wrong("user", "its password is missing", REST_REMEDY))?,
            domain: table.required_text("domain", REST_REMEDY)?,
        }
    } else {
        // An access key's id is no secret: it may stand there in clear.
        let access_key = secret::place(&table, "access_key", REST_REMEDY, &mut Vec::new())?;
        let secret_key = secret::place(&table, "secret_key", REST_REMEDY, warnings)?;
        let (Some(access_key), Some(secret_key)) = (access_key, secret_key) else {
            let cause = "it names neither access keys nor a user";
            return Err(section.wrong("rest", cause, REST_REMEDY));
        };
        HuaweiSignIn::Keys {
            access_key,
            secret_key,
            security_token: secret::place(&table, "security_token", REST_REMEDY, warnings)?,
            derived: table.flag("derived")?,
        }
    };
    Ok(Some(HuaweiRest {
        api_url,
        region,
        project_id: table.text("project_id")?,
        instance_id: table.text("instance_id")?,
        sign_in,
    }))
}
