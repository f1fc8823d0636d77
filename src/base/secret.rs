//! Values that must never be seen.
//!
//! A [`Secret`] prints `(…)` under every formatter and does not serialize, so any struct that holds one can
//! derive `Debug`. [`Secret::expose`] is the one way out, and is searched for in review.

use std::fmt;

use zeroize::Zeroize;

/// A token, a key or a password. Wiped on drop.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The value itself: for a header, a handshake or a 0600 file, and nothing else.
    pub fn expose(&self) -> &str {
        &self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Fewer characters are no secret, and stand in any text by chance.
const SHORTEST: usize = 8;

/// A text from outside with these values taken out: what a service repeats of a request is shown to people.
pub fn without<'a>(text: &str, values: impl IntoIterator<Item = &'a str>) -> String {
    let long = values.into_iter().filter(|value| value.len() >= SHORTEST);
    long.fold(text.to_owned(), |text, value| text.replace(value, "(…)"))
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(…)")
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_never_prints_itself() {
        assert_eq!(format!("{:?}", Secret::new("thinqpat_1")), "(…)");
    }

    #[test]
    fn what_a_service_repeats_is_taken_out() {
        let said = "the canonical string is x-amz-security-token:t0ken/+== and a";
        let told = without(said, ["t0ken/+==", "a", ""]);
        assert_eq!(
            told,
            "the canonical string is x-amz-security-token:(…) and a"
        );
    }
}
