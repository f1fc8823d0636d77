//! The proxy on the way (`reference/aws-iot.md` 2.4): the profile's, else the environment's, as curl and AWS's own tools read
//! it.

use std::net::IpAddr;

use super::Aws;
use crate::base::problem::Problem;
use crate::base::secret::Secret;
use crate::domain::profile::{Proxy, SecretRef};
use crate::domain::session::LogLevel;
use crate::platform::common;
use crate::platform::io::Io;

/// The first that is set counts.
const VARIABLES: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
const EXCEPTIONS: [&str; 2] = ["NO_PROXY", "no_proxy"];

impl Aws {
    pub(super) async fn proxy(&self, io: &dyn Io, host: &str) -> Result<Option<Proxy>, Problem> {
        let own = common::proxy(io, &self.common).await?;
        if own.is_some() || is_this_machine(host) || is_excepted(&first(io, &EXCEPTIONS), host) {
            return Ok(own);
        }
        let Some((name, url)) = first(io, &VARIABLES) else {
            return Ok(None);
        };
        let url = match url.expose().trim() {
            url if url.contains("://") => Secret::new(url),
            bare => Secret::new(format!("http://{bare}")),
        };
        let proxy = common::read_proxy(&SecretRef::Env(name.to_owned()), &url)?;
        let text = format!("AWS: through the proxy that {name} names");
        if self.is_news(&text) {
            io.log(LogLevel::Info, text);
        }
        Ok(Some(proxy))
    }
}

fn first(io: &dyn Io, names: &[&'static str]) -> Option<(&'static str, Secret)> {
    names.iter().find_map(|name| {
        let value = io.variable(name)?;
        let is_set = !value.expose().trim().is_empty();
        is_set.then_some((*name, value))
    })
}

fn is_this_machine(host: &str) -> bool {
    let address = host.parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// `NO_PROXY`: names and ends of names, with a dot before them or not; `*` is everything.
fn is_excepted(exceptions: &Option<(&'static str, Secret)>, host: &str) -> bool {
    let Some((_, list)) = exceptions else {
        return false;
    };
    list.expose().split([',', ' ']).any(|entry| {
        let entry = entry.trim().to_ascii_lowercase();
        let entry = entry.split_once(':').map_or(&*entry, |(name, _port)| name);
        let name = entry.trim_start_matches('*').trim_start_matches('.');
        let before = host.strip_suffix(name);
        entry == "*" || !name.is_empty() && before.is_some_and(|b| b.is_empty() || b.ends_with('.'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_excepted_by_name_and_by_the_end_of_their_name() {
        let host = "abc-ats.iot.eu-west-1.amazonaws.com";
        let cases = [
            ("*", true),
            ("amazonaws.com", true),
            ("x, .AMAZONAWS.com:443", true),
            ("*.amazonaws.com", true),
            (host, true),
            ("aws.com", false),
            ("example.com", false),
            (",", false),
        ];
        for (list, expected) in cases {
            let list = Some(("NO_PROXY", Secret::new(list)));
            assert_eq!(is_excepted(&list, host), expected, "{list:?}");
        }
        assert!(!is_excepted(&None, host));
        assert!(is_this_machine("127.0.0.1") && is_this_machine("::1") && !is_this_machine(host));
    }
}
