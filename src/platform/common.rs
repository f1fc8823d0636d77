//! What the settings that all platforms share mean for a connection.

use super::io::Io;
use super::plan::TlsPlan;
use crate::base::problem::{Exit, Problem};
use crate::base::secret::Secret;
use crate::domain::profile::{Common, Proxy, ProxyRef, SecretRef};

/// The roots of AWS, which LG uses too. Carried along and never fetched: start-up must not hang on a download.
pub const AMAZON_ROOTS: [&str; 4] = [
    include_str!("../../assets/roots/amazon-root-ca-1.pem"),
    include_str!("../../assets/roots/amazon-root-ca-2.pem"),
    include_str!("../../assets/roots/amazon-root-ca-3.pem"),
    include_str!("../../assets/roots/amazon-root-ca-4.pem"),
];

/// The proxy, read afresh where it is kept.
pub async fn proxy(io: &dyn Io, common: &Common) -> Result<Option<Proxy>, Problem> {
    let place = match &common.proxy {
        None => return Ok(None),
        Some(ProxyRef::Here(proxy)) => return Ok(Some(proxy.clone())),
        Some(ProxyRef::At(place)) => place,
    };
    let text = io.secret(place).await?;
    read_proxy(place, &text).map(Some)
}

/// A proxy's URL as it was found at its place.
pub fn read_proxy(place: &SecretRef, url: &Secret) -> Result<Proxy, Problem> {
    Proxy::parse(url.expose()).map_err(|why| {
        Problem::new(
            format!("no usable proxy ({})", place.place()),
            why,
            "put its URL there: http://USER:PASSWORD@HOST:PORT",
        )
        .exit(Exit::Usage)
    })
}

/// As the profile's files and words say: `cert_file` and `key_file`, `ca_file` beside or instead of the system's roots.
pub fn tls(io: &dyn Io, common: &Common, alpn: &[String]) -> Result<TlsPlan, Problem> {
    let identity = match (&common.cert_file, &common.key_file) {
        (Some(chain), Some(key)) => Some((
            String::from_utf8_lossy(&io.read_file(chain)?).into_owned(),
            io.read_private(key)?,
        )),
        _ => None,
    };
    Ok(TlsPlan {
        extra_roots: roots(io, common)?.into_iter().collect(),
        system_roots: !common.ca_file_only,
        identity,
        alpn: alpn.to_vec(),
        insecure_skip_verify: common.insecure_skip_verify,
    })
}

/// The certificates of `ca_file`.
pub(super) fn roots(io: &dyn Io, common: &Common) -> Result<Option<String>, Problem> {
    let Some(path) = &common.ca_file else {
        return Ok(None);
    };
    let pem = io.read_file(path)?;
    Ok(Some(String::from_utf8_lossy(&pem).into_owned()))
}
