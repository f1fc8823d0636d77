//! An account's endpoint, as people paste it and as it is meant (`reference/aws-iot.md` 1).

use std::fmt;
use std::net::IpAddr;

/// A host without scheme, path and slashes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsEndpoint {
    pub host: String,
    /// `None`: what the way of signing in uses.
    pub port: Option<u16>,
}

impl AwsEndpoint {
    /// `https://xxxx-ats.iot.eu-west-1.amazonaws.com:443/mqtt/` is `xxxx-ats.iot.eu-west-1.amazonaws.com`, port 443.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let after_scheme = text.split_once("://").map_or(text, |(_, rest)| rest);
        let authority = after_scheme.split(['/', '?', '#']).next();
        let authority = authority.unwrap_or_default();
        if authority.contains('@') {
            return Err("it must hold no user name and no password".to_owned());
        }
        let (host, port) = split(authority)?;
        if host.is_empty() {
            return Err("it names no host".to_owned());
        }
        if !host.chars().all(is_of_a_host) {
            return Err(format!("{host:?} is no host name"));
        }
        Ok(Self {
            host: host.to_ascii_lowercase(),
            port,
        })
    }

    /// The label after `iot.` (`ats.iot.` in China); a custom domain does not tell.
    pub fn region(&self) -> Option<&str> {
        let name = self
            .host
            .strip_suffix(".amazonaws.com")
            .or_else(|| self.host.strip_suffix(".amazonaws.com.cn"))?;
        let mut labels = name.split('.');
        labels.find(|label| matches!(*label, "iot" | "iot-fips"))?;
        labels.next().filter(|region| !region.is_empty())
    }

    /// AWS's own and without `-ats`: its chain ends at an authority that nobody trusts any more (`reference/aws-iot.md` 2.5).
    pub fn is_legacy(&self) -> bool {
        let first = self.host.split('.').next().unwrap_or_default();
        self.region().is_some()
            && self.host.split('.').nth(1) == Some("iot")
            && !first.ends_with("-ats")
            && !matches!(first, "data" | "iot")
    }

    /// An address has no name to send in the handshake, and AWS finds the account by that name.
    pub fn is_foreign_address(&self) -> bool {
        let address = self.host.parse::<IpAddr>();
        address.is_ok_and(|address| !address.is_loopback())
    }

    /// `amazonaws.com`, or China's.
    pub fn domain(&self) -> &'static str {
        if self.host.ends_with(".amazonaws.com.cn") {
            "amazonaws.com.cn"
        } else {
            "amazonaws.com"
        }
    }
}

impl fmt::Display for AwsEndpoint {
    /// `host[:port]`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.host.contains(':'), self.port) {
            (_, None) => f.write_str(&self.host),
            (false, Some(port)) => write!(f, "{}:{port}", self.host),
            (true, Some(port)) => write!(f, "[{}]:{port}", self.host),
        }
    }
}

/// IPv6 addresses stand in brackets where a port follows.
fn split(authority: &str) -> Result<(&str, Option<u16>), String> {
    if let Some(rest) = authority.strip_prefix('[') {
        let (host, after) = rest
            .split_once(']')
            .ok_or_else(|| "its bracket is not closed".to_owned())?;
        return Ok((host, port(after.strip_prefix(':'))?));
    }
    match authority.split_once(':') {
        Some((host, after)) if !after.contains(':') => Ok((host, port(Some(after))?)),
        // More than one colon: an IPv6 address.
        _ => Ok((authority, None)),
    }
}

fn port(text: Option<&str>) -> Result<Option<u16>, String> {
    match text {
        None | Some("") => Ok(None),
        Some(text) => match text.parse() {
            Ok(0) | Err(_) => Err(format!("{text:?} is no port")),
            Ok(port) => Ok(Some(port)),
        },
    }
}

const fn is_of_a_host(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | ':')
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &str = "a1b2c3d4e5f6g7-ats.iot.eu-west-1.amazonaws.com";

    #[test]
    fn what_people_paste_is_the_host_and_perhaps_a_port() {
        let read = |text: &str| AwsEndpoint::parse(text).map(|e| (e.host, e.port)).ok();
        let of = |host: &str, port| Some((host.to_owned(), port));
        for pasted in [
            HOST.to_owned(),
            format!("https://{HOST}"),
            format!("https://{HOST}/"),
            format!("{HOST}/mqtt"),
            format!("wss://{HOST}/mqtt?X-Amz-Algorithm=x"),
            format!(" {HOST}:\n"),
            HOST.to_uppercase(),
        ] {
            assert_eq!(read(&pasted), of(HOST, None), "{pasted:?}");
        }
        assert_eq!(read(&format!("mqtts://{HOST}:8883/")), of(HOST, Some(8883)));
        assert_eq!(read("127.0.0.1:41234"), of("127.0.0.1", Some(41234)));
        assert_eq!(read("[::1]:8883"), of("::1", Some(8883)));
        for wrong in [
            "",
            "https://",
            "a b",
            "me:pw@host",
            "host:0",
            "host:x",
            "[::1",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_region_is_read_from_aws_names_and_from_no_others() {
        let cases = [
            (HOST, Some("eu-west-1"), false),
            ("abc.iot.us-east-1.amazonaws.com", Some("us-east-1"), true),
            (
                "abc.ats.iot.cn-north-1.amazonaws.com.cn",
                Some("cn-north-1"),
                false,
            ),
            (
                "data-ats.iot.eu-north-1.amazonaws.com",
                Some("eu-north-1"),
                false,
            ),
            (
                "data.iot-fips.us-gov-west-1.amazonaws.com",
                Some("us-gov-west-1"),
                false,
            ),
            ("iot.example.com", None, false),
            ("127.0.0.1", None, false),
        ];
        for (host, region, legacy) in cases {
            let endpoint = AwsEndpoint::parse(host).expect("a host");
            assert_eq!(endpoint.region(), region, "{host}");
            assert_eq!(endpoint.is_legacy(), legacy, "{host}");
        }
    }
}
