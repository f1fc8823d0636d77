//! The keys that mean the same on every platform.

use toml::Spanned;
use toml::de::DeValue;

use super::{secret, will};
use crate::base::problem::Problem;
use crate::domain::message::Qos;
use crate::domain::profile::{Common, Proxy, ProxyRef};
use crate::domain::subscription::{FilterOptions, FilterWish, RetainHandling};
use crate::domain::topic::TopicFilter;
use crate::runtime::config::section::Section;
use crate::runtime::files::resolve;

pub(super) const KEYS: [&str; 9] = [
    "platform",
    "ca_file",
    "system_roots",
    "topics",
    "keep_alive",
    "insecure_skip_verify",
    "proxy",
    "on_connect",
    "on_disconnect",
];

/// Keys of other platforms that this one has no use for, and why.
pub(super) fn not_here(section: &Section<'_>, keys: &[&str], who: &str) -> Result<(), Problem> {
    match keys.iter().find(|key| section.has(key)) {
        None => Ok(()),
        Some(key) => Err(section.wrong(
            key,
            format!("{who} settles this by itself: a profile cannot say it"),
            "remove it",
        )),
    }
}

/// `keep_alive`: its least and its most, in seconds.
pub(super) fn read(
    section: &Section<'_>,
    keep_alive: (i64, i64),
    warnings: &mut Vec<Problem>,
) -> Result<Common, Problem> {
    let ca_file = section
        .text("ca_file")?
        .map(|path| resolve(&path, section.base()));
    let ca_file_only = !section.flag("system_roots")?.unwrap_or(true);
    if ca_file_only && ca_file.is_none() {
        let cause = "without the system's roots and without a ca_file, nobody is trusted";
        return Err(section.wrong("system_roots", cause, "name a ca_file too, or remove it"));
    }
    Ok(Common {
        ca_file,
        ca_file_only,
        topics: topics(section)?,
        keep_alive: section.number("keep_alive", keep_alive.0, keep_alive.1)?,
        insecure_skip_verify: section.flag("insecure_skip_verify")?.unwrap_or(false),
        proxy: proxy(section, warnings)?,
        on_connect: will::message(section, "on_connect")?,
        on_disconnect: will::message(section, "on_disconnect")?,
        ..Common::default()
    })
}

const PROXY_REMEDY: &str = "write proxy = \"http://HOST:PORT\" (or https, socks5); with a password, { env = \"…\" } for the whole URL";

fn proxy(section: &Section<'_>, warnings: &mut Vec<Problem>) -> Result<Option<ProxyRef>, Problem> {
    let Ok(Some(text)) = section.text("proxy") else {
        let place = secret::place(section, "proxy", PROXY_REMEDY, warnings)?;
        return Ok(place.map(ProxyRef::At));
    };
    let proxy = Proxy::parse(&text).map_err(|why| section.wrong("proxy", why, PROXY_REMEDY))?;
    if proxy
        .login
        .as_ref()
        .is_some_and(|(_, password)| !password.is_empty())
    {
        warnings.push(secret::in_clear(section, "proxy", PROXY_REMEDY));
    }
    Ok(Some(ProxyRef::Here(proxy)))
}

/// `"filter"` or `{ filter = "…", qos = 1 }`.
fn topics(section: &Section<'_>) -> Result<Vec<FilterWish>, Problem> {
    let Some(items) = section.array("topics")? else {
        return Ok(Vec::new());
    };
    let items = items.iter().enumerate();
    items
        .map(|(index, item)| topic(section, index, item))
        .collect()
}

fn topic<'a>(
    section: &Section<'a>,
    index: usize,
    item: &'a Spanned<DeValue<'a>>,
) -> Result<FilterWish, Problem> {
    if let DeValue::String(text) = item.get_ref() {
        return wish(section, "topics", text, Qos::AtLeastOnce);
    }
    let path = format!("profiles.{}.topics[{index}]", section.name());
    let item = section.as_section(path, item)?;
    item.only(&[
        "filter",
        "qos",
        "no_local",
        "retain_as_published",
        "retain_handling",
        "id",
    ])?;
    let text = item.required_text("filter", "write { filter = \"a/b\", qos = 1 }")?;
    let qos = item.number("qos", 0, 2)?.and_then(Qos::from_number);
    let mut wish = wish(&item, "filter", &text, qos.unwrap_or(Qos::AtLeastOnce))?;
    wish.options = FilterOptions {
        no_local: item.flag("no_local")?.unwrap_or(false),
        retain_as_published: item.flag("retain_as_published")?.unwrap_or(false),
        retain_handling: retain_handling(&item)?,
        id: item.number("id", 1, 268_435_455)?,
    };
    if wish.options.no_local && text.starts_with("$share/") {
        let cause = "a shared subscription cannot leave out what this client publishes";
        return Err(item.wrong("no_local", cause, "remove it (MQTT 5, 3.8.3.1)"));
    }
    Ok(wish)
}

/// In words, or as MQTT 5 numbers it (3.8.3.1).
fn retain_handling(item: &Section<'_>) -> Result<RetainHandling, Problem> {
    match item.text_or_number("retain_handling")?.as_deref() {
        None | Some("send" | "0") => Ok(RetainHandling::Send),
        Some("new" | "1") => Ok(RetainHandling::SendIfNew),
        Some("never" | "2") => Ok(RetainHandling::Never),
        Some(other) => Err(item.wrong(
            "retain_handling",
            format!("{other:?} is not known"),
            "write \"send\", \"new\" (only to a new subscription) or \"never\"",
        )),
    }
}

fn wish(section: &Section<'_>, key: &str, text: &str, qos: Qos) -> Result<FilterWish, Problem> {
    TopicFilter::parse(text)
        .map(|filter| FilterWish::new(filter, qos))
        .map_err(|error| {
            section.wrong(
                key,
                format!("{text:?} is no topic filter: {error}"),
                "correct the filter",
            )
        })
}
