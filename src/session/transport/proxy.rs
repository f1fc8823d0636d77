//! Through a proxy: HTTP CONNECT (RFC 9110, 9.3.6), in clear or inside TLS, with a login (RFC 7617); or SOCKS5 (RFC 1928),
//! where the proxy resolves the name.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_socks::tcp::Socks5Stream;

use super::words::{self, quote, refused_end, unreachable_end};
use super::{Stream, authority, secure, tcp};
use crate::base::secret::Secret;
use crate::domain::profile::{Proxy, ProxyKind};
use crate::platform::plan::{Endpoint, TlsPlan};
use crate::session::end::{End, EndClass};
use crate::session::link::io_words;
use crate::session::tls::Tls;

/// More than any proxy answers before it opens the tunnel.
const LONGEST_HEAD: usize = 16 * 1024;
const CHECK: &str = "check `proxy` in the profile";

/// A stream to the endpoint's host and port.
pub async fn through(proxy: &Proxy, endpoint: &Endpoint) -> Result<Box<dyn Stream>, End> {
    let stream = tcp(&proxy.host, proxy.port)
        .await
        .map_err(|end| of_proxy(end, proxy))?;
    match proxy.kind {
        ProxyKind::Http => tunnel(stream, proxy, endpoint).await,
        ProxyKind::Https => {
            let tls = proxy_tls(endpoint).await?;
            let stream = secure(stream, &proxy.host, proxy.port, &tls)
                .await
                .map_err(|end| of_proxy(end, proxy))?;
            tunnel(stream, proxy, endpoint).await
        }
        ProxyKind::Socks5 => socks(stream, proxy, endpoint).await,
    }
}

/// Said of the proxy, not of the broker.
fn of_proxy(mut end: End, proxy: &Proxy) -> End {
    let place = authority(&proxy.host, proxy.port);
    end.problem.what = format!("could not connect to the proxy {place}");
    if end.class == EndClass::Unreachable {
        CHECK.clone_into(&mut end.problem.remedy);
    }
    end
}

/// The proxy is trusted like the broker: the system's roots and the profile's own.
async fn proxy_tls(endpoint: &Endpoint) -> Result<Tls, End> {
    let plan = TlsPlan {
        extra_roots: endpoint
            .tls
            .as_ref()
            .map_or_else(Vec::new, |tls| tls.extra_roots.clone()),
        system_roots: true,
        ..TlsPlan::default()
    };
    let built = tokio::task::spawn_blocking(move || Tls::build(&plan)).await;
    match built {
        Ok(Ok(tls)) => Ok(tls),
        Ok(Err(trouble)) => Err(End::new(trouble.class(), trouble.problem)),
        Err(stopped) => Err(unreachable_end(
            "could not prepare the secure connection to the proxy".to_owned(),
            stopped.to_string(),
            "",
        )),
    }
}

async fn tunnel(
    mut stream: Box<dyn Stream>,
    proxy: &Proxy,
    endpoint: &Endpoint,
) -> Result<Box<dyn Stream>, End> {
    let target = authority(&endpoint.host, endpoint.port);
    let request = connect_request(&target, proxy.login.as_ref());
    let head = async {
        stream.write_all(request.expose().as_bytes()).await?;
        stream.flush().await?;
        head(&mut stream).await
    };
    let head = head.await.map_err(|error| {
        let what = words::what(&endpoint.host, endpoint.port);
        let cause = format!("the proxy broke off: {}", io_words(&error));
        unreachable_end(what, cause, CHECK)
    })?;
    judge(&head, proxy, endpoint)?;
    Ok(stream)
}

/// Holds the login, so it is a secret.
fn connect_request(target: &str, login: Option<&(String, Secret)>) -> Secret {
    let login = login.map_or(String::new(), |(user, password)| {
        let pair = BASE64_STANDARD.encode(format!("{user}:{}", password.expose()));
        format!("Proxy-Authorization: Basic {pair}\r\n")
    });
    Secret::new(format!(
        "CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{login}\r\n"
    ))
}

/// The answer up to its empty line, and not a byte more: what follows belongs to the tunnel.
async fn head(stream: &mut Box<dyn Stream>) -> std::io::Result<Vec<u8>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") && head.len() < LONGEST_HEAD {
        head.push(stream.read_u8().await?);
        // An answer that cannot be HTTP is not waited for.
        if !b"HTTP/".starts_with(&head[..head.len().min(5)]) {
            break;
        }
    }
    Ok(head)
}

fn judge(head: &[u8], proxy: &Proxy, endpoint: &Endpoint) -> Result<(), End> {
    let line = String::from_utf8_lossy(head);
    let line = line.lines().next().unwrap_or_default();
    let status = line
        .strip_prefix("HTTP/")
        .and_then(|rest| rest.split(' ').nth(1))
        .and_then(|code| code.parse::<u16>().ok());
    let what = words::what(&endpoint.host, endpoint.port);
    let place = authority(&proxy.host, proxy.port);
    let target = authority(&endpoint.host, endpoint.port);
    match status {
        Some(200..300) => Ok(()),
        Some(407) => {
            let cause = match proxy.login {
                Some(_) => format!("the proxy {place} refused the login (407)"),
                None => format!("the proxy {place} wants a login (407)"),
            };
            let remedy = "write proxy = \"http://USER:PASSWORD@HOST:PORT\" in the profile";
            Err(refused_end(what, cause, remedy))
        }
        Some(code @ (401 | 403 | 405)) => {
            let cause = format!("the proxy {place} does not let {target} through ({code})");
            let remedy = "ask whoever runs the proxy for this host and port, or use port 443";
            Err(refused_end(what, cause, remedy))
        }
        Some(_) => {
            let cause = format!(
                "the proxy {place} could not reach {target}: {}",
                quote(line)
            );
            Err(unreachable_end(
                what,
                cause,
                "check the broker's host and port",
            ))
        }
        None => {
            let cause = format!("what answers on {place} is no HTTP proxy");
            Err(unreachable_end(what, cause, CHECK))
        }
    }
}

async fn socks(
    stream: Box<dyn Stream>,
    proxy: &Proxy,
    endpoint: &Endpoint,
) -> Result<Box<dyn Stream>, End> {
    let target = (endpoint.host.as_str(), endpoint.port);
    let opened = match &proxy.login {
        None => Socks5Stream::connect_with_socket(stream, target).await,
        Some((user, password)) => {
            let password = password.expose();
            Socks5Stream::connect_with_password_and_socket(stream, target, user, password).await
        }
    };
    match opened {
        Ok(stream) => Ok(stream.into_inner()),
        Err(error) => Err(socks_end(&error, proxy, endpoint)),
    }
}

fn socks_end(error: &tokio_socks::Error, proxy: &Proxy, endpoint: &Endpoint) -> End {
    use tokio_socks::Error;
    let what = words::what(&endpoint.host, endpoint.port);
    let place = authority(&proxy.host, proxy.port);
    match error {
        Error::Io(error) => {
            let cause = format!("the proxy {place} broke off: {}", io_words(error));
            unreachable_end(what, cause, CHECK)
        }
        Error::PasswordAuthFailure(_) => {
            let cause = format!("the proxy {place} refused the login");
            refused_end(what, cause, "check the login in `proxy`")
        }
        Error::NoAcceptableAuthMethods | Error::UnknownAuthMethod => {
            let cause = format!("the proxy {place} wants a login of another kind");
            let remedy = "write proxy = \"socks5://USER:PASSWORD@HOST:PORT\" in the profile";
            refused_end(what, cause, remedy)
        }
        Error::ConnectionNotAllowedByRuleset => {
            let cause = format!("the proxy {place} does not let this host and port through");
            refused_end(what, cause, "ask whoever runs the proxy")
        }
        Error::InvalidResponseVersion => {
            let cause = format!("what answers on {place} is no SOCKS5 proxy");
            unreachable_end(what, cause, CHECK)
        }
        error => {
            let cause = format!("the proxy {place} says: {error}");
            unreachable_end(what, cause, "check the broker's host and port")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_carries_the_login_and_hides_it() {
        let login = ("u".to_owned(), Secret::new("p:w"));
        let request = connect_request("h:1", Some(&login));
        assert_eq!(
            request.expose(),
            "CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\nProxy-Authorization: Basic dTpwOnc=\r\n\r\n"
        );
        assert!(!format!("{request:?}").contains("dTpwOnc"));
        let open = connect_request("h:1", None);
        assert_eq!(open.expose(), "CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n\r\n");
    }

    #[test]
    fn an_ipv6_address_stands_in_brackets() {
        assert_eq!(authority("::1", 80), "[::1]:80");
        assert_eq!(authority("h", 80), "h:80");
    }
}
