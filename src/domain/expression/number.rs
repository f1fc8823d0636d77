//! Numbers as they are written, compared exactly: no digit of a 64-bit id is rounded, and `1e400` is a number like others.

use std::cmp::Ordering;

/// A number as it was typed.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Number {
    typed: String,
    /// As JSON writes it.
    text: String,
    about: f64,
}

impl Number {
    /// Also as people begin to type one: `+5`, `.5`, and `25.` or `1e` on the way to more.
    pub(super) fn typed(text: &str) -> Option<Self> {
        let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
        let minus = if text.starts_with('-') { "-" } else { "" };
        let zero = if unsigned.starts_with('.') { "0" } else { "" };
        let whole = format!("{minus}{zero}{unsigned}");
        let ends = ["e+", "e-", "E+", "E-", "e", "E", "."];
        let begun = ends.into_iter().find_map(|end| whole.strip_suffix(end));
        [Some(whole.as_str()), begun]
            .into_iter()
            .flatten()
            .find(|text| is_number(text))
            .map(|number| Self {
                typed: text.to_owned(),
                text: number.to_owned(),
                about: about(number),
            })
    }

    /// How `found` compares with it. `found` is a number of JSON.
    pub(super) fn order_of(&self, found: &str) -> Ordering {
        let found_about = about(found);
        // Rounding keeps the order: only where both round to the same the digits tell.
        match found_about.partial_cmp(&self.about) {
            Some(order) if order.is_ne() => order,
            _ if found == self.text => Ordering::Equal,
            _ => Digits::of(found).order(&Digits::of(&self.text)),
        }
    }

    /// The same for a text: many devices send their figures so. `7e` may be a number on its way to another, or somebody's name.
    pub(super) fn order_of_text(&self, found: &str) -> Option<Ordering> {
        if found == self.typed {
            return Some(Ordering::Equal);
        }
        let found = found.trim();
        is_number(found).then(|| self.order_of(found))
    }

    /// As it was typed.
    pub(super) fn typed_text(&self) -> &str {
        &self.typed
    }
}

fn about(text: &str) -> f64 {
    text.parse().unwrap_or(f64::NAN)
}

fn is_number(text: &str) -> bool {
    length(text.as_bytes()) == Some(text.len())
}

/// Bytes of the number of JSON (RFC 8259, 6) that `bytes` begins with.
pub(super) fn length(bytes: &[u8]) -> Option<usize> {
    let mut end = usize::from(bytes.first() == Some(&b'-'));
    end = match bytes.get(end)? {
        b'0' => end + 1,
        _ => digits(bytes, end)?,
    };
    if end < bytes.len() && bytes[end] == b'.' {
        end = digits(bytes, end + 1)?;
    }
    if end < bytes.len() && matches!(bytes[end], b'e' | b'E') {
        let signed = matches!(bytes.get(end + 1), Some(b'+' | b'-'));
        end = digits(bytes, end + 1 + usize::from(signed))?;
    }
    Some(end)
}

/// Where the digits that begin at `from` end; there is at least one.
fn digits(bytes: &[u8], from: usize) -> Option<usize> {
    let mut end = from;
    while end < bytes.len() && bytes[end].is_ascii_digit() {
        end += 1;
    }
    (end > from).then_some(end)
}

/// A number as `0.digits` times a power of ten.
struct Digits<'a> {
    minus: bool,
    /// Before the dot and behind it, without zeros at either end of both together; none of zero.
    whole: &'a str,
    fraction: &'a str,
    power: i64,
}

impl<'a> Digits<'a> {
    fn of(text: &'a str) -> Self {
        let (minus, text) = match text.strip_prefix('-') {
            Some(text) => (true, text),
            None => (false, text),
        };
        let (digits, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let whole = whole.trim_start_matches('0');
        let fraction = fraction.trim_end_matches('0');
        let exponent = exponent.strip_prefix('+').unwrap_or(exponent);
        // An exponent beyond 64 bits: as large as can be, or as small.
        let beyond = if exponent.starts_with('-') {
            i64::MIN / 2
        } else {
            i64::MAX / 2
        };
        let exponent = exponent
            .parse()
            .unwrap_or(beyond)
            .clamp(i64::MIN / 2, i64::MAX / 2);
        let long = |text: &str| i64::try_from(text.len()).unwrap_or(0);
        if whole.is_empty() {
            let shorter = fraction.trim_start_matches('0');
            return Self {
                minus,
                whole: "",
                fraction: shorter,
                power: exponent - (long(fraction) - long(shorter)),
            };
        }
        let power = exponent + long(whole);
        let whole = if fraction.is_empty() {
            whole.trim_end_matches('0')
        } else {
            whole
        };
        Self {
            minus,
            whole,
            fraction,
            power,
        }
    }

    fn is_zero(&self) -> bool {
        self.whole.is_empty() && self.fraction.is_empty()
    }

    fn digits(&self) -> impl Iterator<Item = u8> {
        self.whole.bytes().chain(self.fraction.bytes())
    }

    fn order(&self, other: &Self) -> Ordering {
        match (self.is_zero(), other.is_zero()) {
            (true, true) => return Ordering::Equal,
            (true, false) => {
                return if other.minus {
                    Ordering::Greater
                } else {
                    Ordering::Less
                };
            }
            (false, true) => {
                return if self.minus {
                    Ordering::Less
                } else {
                    Ordering::Greater
                };
            }
            (false, false) => {}
        }
        match (self.minus, other.minus) {
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            (false, false) => self.size(other),
            (true, true) => other.size(self),
        }
    }

    fn size(&self, other: &Self) -> Ordering {
        let power = self.power.cmp(&other.power);
        power.then_with(|| self.digits().cmp(other.digits()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn order(found: &str, wanted: &str) -> Ordering {
        Number::typed(wanted).expect(wanted).order_of(found)
    }

    #[test]
    fn every_digit_counts_however_many_there_are() {
        use Ordering::{Equal, Greater, Less};
        let cases = [
            ("9007199254740993", "9007199254740992", Greater),
            ("9007199254740993.0", "9007199254740993", Equal),
            ("18446744073709551615", "18446744073709551616", Less),
            (
                "123456789012345678901234567890",
                "123456789012345678901234567891",
                Less,
            ),
            ("1e400", "1e400", Equal),
            ("1e400", "10e399", Equal),
            ("1e400", "1e308", Greater),
            ("-1e400", "-1e401", Greater),
            ("1e-400", "0", Greater),
            ("0.0", "-0", Equal),
            ("-0.5", "0", Less),
            ("1000", "1e3", Equal),
            ("25.50", "25.5", Equal),
            ("0.00100", "1e-3", Equal),
            ("1e99999999999999999999", "1e999999", Greater),
        ];
        for (found, wanted, expected) in cases {
            assert_eq!(order(found, wanted), expected, "{found} against {wanted}");
        }
    }

    #[test]
    fn what_is_on_its_way_to_a_number_is_one() {
        let typed = ["25.", ".5", "-.5", "+5", "1e", "1e+", "2.5e-"];
        let read = typed.map(|text| Number::typed(text).map(|number| number.text));
        let expected = ["25", "0.5", "-0.5", "5", "1", "1", "2.5"];
        assert_eq!(read, expected.map(|text| Some(text.to_owned())));
        for text in [
            "", "-", "+", "e5", "0123", "1.2.3", "0x10", "NaN", "inf", "5C",
        ] {
            assert_eq!(Number::typed(text), None, "{text}");
        }
    }

    #[test]
    fn a_text_is_a_number_where_it_is_written_as_one() {
        let order = |found: &str, wanted: &str| {
            let wanted = Number::typed(wanted).expect(wanted);
            wanted.order_of_text(found)
        };
        assert_eq!(order(" 25.5 ", "25"), Some(Ordering::Greater));
        assert_eq!(order("7e", "7e"), Some(Ordering::Equal), "an id");
        assert_eq!(order("7e", "5"), None);
        assert_eq!(order("5 C", "5"), None);
    }

    proptest! {
        #[test]
        fn whole_numbers_and_floats_compare_as_they_are(a in any::<i64>(), b in any::<i64>(), x in any::<f64>(), y in any::<f64>()) {
            prop_assert_eq!(order(&a.to_string(), &b.to_string()), a.cmp(&b));
            if x.is_finite() && y.is_finite() {
                let order = Number::typed(&format!("{y:e}")).expect("a number").order_of(&format!("{x:?}"));
                prop_assert_eq!(Some(order), x.partial_cmp(&y));
            }
        }
    }
}
