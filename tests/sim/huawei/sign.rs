//! A signer after the reference, for these tests only; `huawei_paho.py` has Huawei's own.

use aws_lc_rs::{digest, hmac};

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn sha(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

fn mac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    hmac::sign(&key, text).as_ref().to_vec()
}

#[derive(Debug, Clone)]
pub struct Signer {
    pub access: String,
    pub secret: String,
    pub derived: bool,
    pub region: &'static str,
}

impl Signer {
    /// `X-Sdk-Date` and `Authorization`. `path` as it goes over the wire, `query` sorted and encoded.
    pub fn headers(
        &self,
        (method, path, query): (&str, &str, &str),
        host: &str,
        date: &str,
        body: &str,
    ) -> [(&'static str, String); 2] {
        let names = "host;x-sdk-date";
        let canonical = format!(
            "{method}\n{path}/\n{query}\nhost:{host}\nx-sdk-date:{date}\n\n{names}\n{}",
            sha(body.as_bytes())
        );
        let hash = sha(canonical.as_bytes());
        let authorization = if self.derived {
            let info = format!("{}/{}/iotdm", &date[..8], self.region);
            // HKDF of one block (RFC 5869).
            let extracted = mac(self.access.as_bytes(), self.secret.as_bytes());
            let key = hex(&mac(&extracted, &[info.as_bytes(), &[1]].concat()));
            let signature = mac(
                key.as_bytes(),
                format!("V11-HMAC-SHA256\n{date}\n{info}\n{hash}").as_bytes(),
            );
            format!(
                "V11-HMAC-SHA256 Credential={}/{info}, SignedHeaders={names}, Signature={}",
                self.access,
                hex(&signature)
            )
        } else {
            let signature = mac(
                self.secret.as_bytes(),
                format!("SDK-HMAC-SHA256\n{date}\n{hash}").as_bytes(),
            );
            format!(
                "SDK-HMAC-SHA256 Access={}, SignedHeaders={names}, Signature={}",
                self.access,
                hex(&signature)
            )
        };
        [
            ("x-sdk-date", date.to_owned()),
            ("authorization", authorization),
        ]
    }
}
