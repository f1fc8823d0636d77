//! JSON numbers compared as they are written, without the detour over binary floating point: 1.0 is 1, and
//! 12345678901234567891 is not 12345678901234567890.

/// Sign, digits without zeros at either end, and the power of ten of the last digit. `None` for what is no number.
#[derive(Debug, PartialEq, Eq)]
struct Decimal {
    negative: bool,
    digits: String,
    exponent: i64,
}

fn decimal(text: &str) -> Option<Decimal> {
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{whole}{fraction}");
    if all.is_empty() || !all.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let kept = all.trim_end_matches('0');
    let dropped = i64::try_from(all.len() - kept.len()).ok()?;
    let behind = i64::try_from(fraction.len()).ok()?;
    let digits = kept.trim_start_matches('0').to_owned();
    if digits.is_empty() {
        // Minus zero is zero.
        return Some(Decimal {
            negative: false,
            digits,
            exponent: 0,
        });
    }
    Some(Decimal {
        negative,
        digits,
        exponent: exponent.checked_add(dropped)?.checked_sub(behind)?,
    })
}

/// Whether both are numbers, and the same one.
pub(super) fn same(a: &str, b: &str) -> bool {
    decimal(a).is_some_and(|a| Some(a) == decimal(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_compared_by_value_to_the_last_digit() {
        for (a, b) in [
            ("1", "1.0"),
            ("1e2", "100"),
            ("-0", "0.00"),
            ("1.50E1", "15"),
            ("0.010", "1e-2"),
            ("12345678901234567890", "1234567890123456789e1"),
        ] {
            assert!(same(a, b), "{a} {b}");
        }
        for (a, b) in [
            ("1", "-1"),
            ("12345678901234567890", "12345678901234567891"),
            ("0.1", "0.10000000000000000001"),
            ("1", "\"1\""),
            ("true", "true"),
        ] {
            assert!(!same(a, b), "{a} {b}");
        }
    }
}
