//! The one HTTP client: bounded in time and size, without redirects, and with failures in words.

use std::error::Error as _;
use std::io;
use std::net::IpAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::{DATE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Client, ClientBuilder, Response, redirect};
use url::Url;

use super::retry_after;
use crate::base::problem::{Exit, Problem};
use crate::domain::profile::{Proxy, ProxyKind};
use crate::platform::io::{HttpCall, HttpError, HttpReply, Method};
use crate::platform::plan::TlsPlan;
use crate::session::link::io_words;
use crate::session::tls::{Tls, trouble};

/// An answer longer than this is none that any platform gives.
pub const BODY_LIMIT: usize = 8 << 20;

/// Cheap to clone: clones share their connections.
#[derive(Debug, Clone)]
pub struct RestClient {
    /// Through the system's proxy, where there is one.
    outward: Client,
    /// For this machine itself and the metadata of the one it runs on: never through a proxy.
    loopback: Client,
    tls: Tls,
}

/// How to reach the API of one profile.
#[derive(Debug, Clone, Copy)]
pub struct RestOptions<'a> {
    pub extra_roots_pem: &'a [String],
    pub system_roots: bool,
    pub insecure: bool,
    /// The profile's own: for every host then, this machine too. `None`: the system's, where there is one.
    pub proxy: Option<&'a Proxy>,
    pub user_agent: &'a str,
}

impl RestClient {
    /// Trusts the system's roots and `extra_roots_pem`. Reads the system's roots: blocking work of some milliseconds.
    pub fn new(
        extra_roots_pem: &[String],
        insecure: bool,
        user_agent: &str,
    ) -> Result<Self, Problem> {
        Self::with(RestOptions {
            extra_roots_pem,
            system_roots: true,
            insecure,
            proxy: None,
            user_agent,
        })
    }

    /// The same with everything that a profile may say.
    pub fn with(options: RestOptions<'_>) -> Result<Self, Problem> {
        let plan = TlsPlan {
            extra_roots: options.extra_roots_pem.to_vec(),
            system_roots: options.system_roots,
            identity: None,
            alpn: vec!["http/1.1".to_owned()],
            insecure_skip_verify: options.insecure,
        };
        let tls = Tls::build(&plan).map_err(|trouble| trouble.problem)?;
        let basis = || builder(&tls, options.user_agent);
        if let Some(proxy) = options.proxy {
            let through = build(basis().proxy(through(proxy)?))?;
            return Ok(Self {
                outward: through.clone(),
                loopback: through,
                tls,
            });
        }
        Ok(Self {
            outward: build(basis())?,
            loopback: build(basis().no_proxy())?,
            tls,
        })
    }

    /// One call. Dropping the future abandons it.
    pub async fn call(&self, call: HttpCall) -> Result<HttpReply, HttpError> {
        let url = Url::parse(&call.url).map_err(|error| unusable(&call.url, &error.to_string()))?;
        let host = place(&url);
        let client = if is_loopback(&url) {
            &self.loopback
        } else {
            &self.outward
        };
        let timeout = call.timeout;
        let mut request = client
            .request(method(call.method), url)
            .headers(headers(&call, &host)?)
            .timeout(timeout);
        if let Some(body) = call.body {
            request = request.body(body);
        }
        let failed = |error| self.words(error, &host, timeout);
        let response = request.send().await.map_err(&failed)?;
        let status = response.status().as_u16();
        let retry_after = wait(response.headers());
        let headers = texts(response.headers());
        let body = read(response, &host, failed).await?;
        Ok(HttpReply {
            status,
            retry_after,
            headers,
            body,
        })
    }

    fn words(&self, error: reqwest::Error, host: &str, timeout: Duration) -> HttpError {
        // The URL is in our own words already.
        let error = error.without_url();
        let host = host.to_owned();
        if error.is_timeout() {
            let after = timeout;
            return HttpError::Timeout { host, after };
        }
        if let Some(found) = trouble::find(&error) {
            let problem = trouble::words(found, &host, self.tls.presented().as_ref()).problem;
            let why = match problem.remedy.as_str() {
                "" => problem.cause,
                remedy => format!("{}; {remedy}", problem.cause),
            };
            return HttpError::Tls { host, why };
        }
        let why = root_words(&error);
        if error.is_connect() || error.is_builder() {
            HttpError::Unreachable { host, why }
        } else {
            HttpError::Broken { host, why }
        }
    }
}

fn builder(tls: &Tls, user_agent: &str) -> ClientBuilder {
    Client::builder()
        .user_agent(user_agent)
        .redirect(redirect::Policy::none())
        .tls_backend_preconfigured((*tls.config()).clone())
}

fn through(proxy: &Proxy) -> Result<reqwest::Proxy, Problem> {
    let scheme = match proxy.kind {
        ProxyKind::Http => "http",
        ProxyKind::Https => "https",
        ProxyKind::Socks5 => "socks5h",
    };
    let host = if proxy.host.contains(':') {
        format!("[{}]", proxy.host)
    } else {
        proxy.host.clone()
    };
    let url = format!("{scheme}://{host}:{}", proxy.port);
    let made = reqwest::Proxy::all(url).map_err(|error| {
        let remedy = "correct `proxy` in the profile";
        Problem::new("could not use the proxy", root_words(&error), remedy).exit(Exit::Usage)
    })?;
    Ok(match &proxy.login {
        Some((user, password)) => made.basic_auth(user, password.expose()),
        None => made,
    })
}

fn build(builder: ClientBuilder) -> Result<Client, Problem> {
    builder.build().map_err(|error| {
        let cause = root_words(&error);
        Problem::new(
            "could not set up HTTPS",
            cause,
            "check the proxy settings of this system",
        )
        .exit(Exit::Usage)
    })
}

const fn method(method: Method) -> reqwest::Method {
    match method {
        Method::Get => reqwest::Method::GET,
        Method::Post => reqwest::Method::POST,
        Method::Delete => reqwest::Method::DELETE,
        Method::Put => reqwest::Method::PUT,
    }
}

fn headers(call: &HttpCall, host: &str) -> Result<HeaderMap, HttpError> {
    let mut map = HeaderMap::new();
    let open = call
        .headers
        .iter()
        .map(|(name, value)| (*name, value.as_str(), false));
    let secret = call
        .secret_headers
        .iter()
        .map(|(name, value)| (*name, value.expose(), true));
    for (name, text, is_secret) in open.chain(secret) {
        let bad = || HttpError::Unreachable {
            host: host.to_owned(),
            why: format!("the header {name} holds characters that HTTP cannot carry"),
        };
        let name: HeaderName = name.parse().map_err(|_unquoted| bad())?;
        let mut value = HeaderValue::from_str(text).map_err(|_unquoted| bad())?;
        value.set_sensitive(is_secret);
        map.append(name, value);
    }
    Ok(map)
}

fn texts(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |(name, value): (&HeaderName, &HeaderValue)| {
        Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
    };
    headers.iter().filter_map(text).collect()
}

fn wait(headers: &HeaderMap) -> Option<Duration> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let now = text(DATE).and_then(retry_after::date);
    retry_after::parse(text(RETRY_AFTER)?, now)
}

async fn read(
    mut response: Response,
    host: &str,
    failed: impl Fn(reqwest::Error) -> HttpError,
) -> Result<Bytes, HttpError> {
    let too_long = || HttpError::TooLong {
        host: host.to_owned(),
        limit: BODY_LIMIT,
    };
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(&failed)? {
        if body.len() + chunk.len() > BODY_LIMIT {
            return Err(too_long());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

fn place(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port()
        .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        // Containers and instances ask their own host there.
        Some(url::Host::Ipv4(address)) => address.is_loopback() || address.is_link_local(),
        Some(url::Host::Ipv6(address)) => IpAddr::from(address).is_loopback(),
        None => false,
    }
}

fn unusable(url: &str, why: &str) -> HttpError {
    HttpError::Unreachable {
        host: url.to_owned(),
        why: format!("this is no usable address: {why}"),
    }
}

/// What lies deepest says it best.
fn root_words(error: &reqwest::Error) -> String {
    let mut words = error.to_string();
    let mut next = error.source();
    while let Some(inner) = next {
        words = inner
            .downcast_ref::<io::Error>()
            .map_or_else(|| inner.to_string(), io_words);
        if inner.to_string().contains("dns error") {
            return "its name could not be resolved (DNS)".to_owned();
        }
        next = inner.source();
    }
    words
}
