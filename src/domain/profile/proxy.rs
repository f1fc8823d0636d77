//! `http://user:password@host:3128` as a [`Proxy`].

use url::Url;

use super::{Proxy, ProxyKind, SecretRef};
use crate::base::percent;
use crate::base::secret::Secret;

/// A proxy in the config file, or the place of its whole URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProxyRef {
    Here(Proxy),
    At(SecretRef),
}

impl Proxy {
    /// Says what is wrong without repeating the text, which may hold a password.
    pub fn parse(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).map_err(|error| format!("it is no URL: {error}"))?;
        let (kind, port) = match url.scheme() {
            "http" => (ProxyKind::Http, 80),
            "https" => (ProxyKind::Https, 443),
            "socks5" | "socks5h" => (ProxyKind::Socks5, 1080),
            _ => return Err("it must begin with http://, https:// or socks5://".to_owned()),
        };
        let host = url.host_str().unwrap_or_default();
        if host.is_empty() {
            return Err("it names no host".to_owned());
        }
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err("nothing may follow its host and port".to_owned());
        }
        Ok(Self {
            kind,
            host: host
                .trim_start_matches('[')
                .trim_end_matches(']')
                .to_owned(),
            port: url.port().unwrap_or(port),
            login: login(&url)?,
        })
    }
}

fn login(url: &Url) -> Result<Option<(String, Secret)>, String> {
    if url.username().is_empty() && url.password().is_none() {
        return Ok(None);
    }
    let plain = |text| {
        percent::decode(text).ok_or_else(|| "its user name or password is no UTF-8".to_owned())
    };
    let password = plain(url.password().unwrap_or_default())?;
    Ok(Some((plain(url.username())?, Secret::new(password))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_the_port_that_its_scheme_means() {
        let read = |text: &str| Proxy::parse(text).map(|p| (p.kind, p.host, p.port)).ok();
        let of = |kind, host: &str, port| Some((kind, host.to_owned(), port));
        assert_eq!(read("http://p:3128"), of(ProxyKind::Http, "p", 3128));
        assert_eq!(read("http://p:80/"), of(ProxyKind::Http, "p", 80));
        assert_eq!(read("https://p"), of(ProxyKind::Https, "p", 443));
        assert_eq!(read("socks5://[::1]"), of(ProxyKind::Socks5, "::1", 1080));
        for wrong in [
            "p:3128",
            "ftp://p",
            "http://",
            "http://p/x",
            "http://p/?a",
            "",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_login_is_decoded_and_no_complaint_repeats_it() {
        let login = Proxy::parse("http://me:p%40ss@p:3128")
            .expect("a proxy")
            .login;
        assert_eq!(login, Some(("me".to_owned(), Secret::new("p@ss"))));
        let why = Proxy::parse("ftp://me:c4nary@p").expect_err("no proxy");
        assert!(!why.contains("c4nary"), "{why}");
    }
}
