//! Where a broker is: `mqtts://host:8883`, `wss://host/mqtt`.

use url::Url;

use crate::base::percent;

/// Path of the WebSocket where the URL has none: what nearly every broker listens on, and mosquitto takes any.
const PATH: &str = "/mqtt";

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    pub host: String,
    pub port: u16,
    pub tls: bool,
    /// Path and query of a WebSocket.
    pub target: Option<String>,
    /// From `user@`; where a login is not wanted, this and `has_password` are the reason to say no.
    pub user: Option<String>,
    pub has_password: bool,
}

impl Address {
    /// Says what is wrong without repeating the text, which may hold a password.
    pub fn parse(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).map_err(|error| format!("it is no URL: {error}"))?;
        let (tls, port, web_socket) = match url.scheme() {
            "mqtt" | "tcp" => (false, 1883, false),
            "mqtts" | "ssl" => (true, 8883, false),
            "ws" => (false, 80, true),
            "wss" => (true, 443, true),
            _ => return Err("it must begin with mqtt://, mqtts://, ws:// or wss://".to_owned()),
        };
        let host = url.host_str().unwrap_or_default();
        if host.is_empty() {
            return Err("it names no host".to_owned());
        }
        if url.fragment().is_some() {
            return Err("it holds a #, which no address has".to_owned());
        }
        if !web_socket && (!matches!(url.path(), "" | "/") || url.query().is_some()) {
            return Err("only ws:// and wss:// have a path".to_owned());
        }
        Ok(Self {
            host: host
                .trim_start_matches('[')
                .trim_end_matches(']')
                .to_owned(),
            port: url.port().unwrap_or(port),
            tls,
            target: web_socket.then(|| target(&url, text)),
            user: user(&url)?,
            has_password: url.password().is_some(),
        })
    }
}

/// A URL library gives `/` for a missing path and for `/` alike; who writes `/` means it.
fn target(url: &Url, text: &str) -> String {
    let after_scheme = text.split_once("://").map_or("", |(_, rest)| rest);
    let authority = after_scheme.split('?').next().unwrap_or_default();
    let path = if authority.contains('/') {
        url.path()
    } else {
        PATH
    };
    match url.query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    }
}

fn user(url: &Url) -> Result<Option<String>, String> {
    match url.username() {
        "" => Ok(None),
        user => percent::decode(user)
            .map(Some)
            .ok_or_else(|| "its user name is no UTF-8".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_the_ports_and_the_path_that_its_scheme_means() {
        let read = |text: &str| {
            let read = Address::parse(text).ok();
            read.map(|a| (a.host, a.port, a.tls, a.target))
        };
        let of = |host: &str, port, tls, target: Option<&str>| {
            Some((host.to_owned(), port, tls, target.map(str::to_owned)))
        };
        assert_eq!(read("mqtt://h"), of("h", 1883, false, None));
        assert_eq!(read("mqtts://h:1/"), of("h", 1, true, None));
        assert_eq!(read("mqtt://[::1]"), of("::1", 1883, false, None));
        assert_eq!(read("ws://h:9001"), of("h", 9001, false, Some("/mqtt")));
        assert_eq!(read("ws://h:9001/"), of("h", 9001, false, Some("/")));
        assert_eq!(read("wss://h"), of("h", 443, true, Some("/mqtt")));
        assert_eq!(read("wss://h?a=/b"), of("h", 443, true, Some("/mqtt?a=/b")));
        assert_eq!(read("wss://h/x?a=b"), of("h", 443, true, Some("/x?a=b")));
        for wrong in [
            "http://h",
            "mqtt://",
            "mqtt://h/x",
            "mqtt://h?x",
            "ws://h/#",
            "h:1883",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_login_is_seen_and_no_complaint_repeats_it() {
        let address = Address::parse("mqtt://me%40home:c4nary@h").expect("an address");
        assert_eq!(address.user.as_deref(), Some("me@home"));
        assert!(address.has_password);
        let why = Address::parse("http://me:c4nary@h").expect_err("no address");
        assert!(!why.contains("c4nary"), "{why}");
    }
}
