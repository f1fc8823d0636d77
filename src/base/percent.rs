//! Percent-encoding, as user names and passwords carry it inside a URL (RFC 3986, 2.1).

/// `None`: what comes out is no UTF-8. A `%` without two hexadecimal digits stands for itself.
pub fn decode(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    loop {
        rest = match rest {
            [] => return String::from_utf8(out).ok(),
            [b'%', high, low, after @ ..] if digit(*high).is_some() && digit(*low).is_some() => {
                out.push(digit(*high).unwrap_or_default() << 4 | digit(*low).unwrap_or_default());
                after
            }
            [byte, after @ ..] => {
                out.push(*byte);
                after
            }
        };
    }
}

/// One path segment or query value: everything but the unreserved characters (RFC 3986, 2.3).
pub fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

fn digit(byte: u8) -> Option<u8> {
    let digit = char::from(byte).to_digit(16)?;
    u8::try_from(digit).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_means_nothing_in_a_url_stays_as_it_is() {
        assert_eq!(encode("a-b_c.~/ +거"), "a-b_c.~%2F%20%2B%EA%B1%B0");
    }

    #[test]
    fn what_was_encoded_comes_back_and_the_rest_stands() {
        let cases = [
            ("", Some("")),
            ("plain", Some("plain")),
            ("a%40b%3A%2f", Some("a@b:/")),
            ("%EA%B1%B0", Some("거")),
            ("100%", Some("100%")),
            ("%zz%4", Some("%zz%4")),
            ("+ ", Some("+ ")),
            ("%ff", None),
        ];
        for (text, expected) in cases {
            assert_eq!(decode(text).as_deref(), expected, "{text}");
        }
    }
}
