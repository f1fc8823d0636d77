//! Our own numbers, short enough for a column.

/// With a comma after every three digits: `1,203`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// At most five cells: `9,999`, `12.3k`, `4.5M`.
pub fn short(number: u64) -> String {
    match number {
        0..10_000 => grouped(number),
        10_000..1_000_000 => tenths(number, 1000, "k"),
        1_000_000..1_000_000_000 => tenths(number, 1_000_000, "M"),
        _ => tenths(number, 1_000_000_000, "G"),
    }
}

/// At most eight cells: `512 B`, `1.2 KiB`, `3.4 MiB`.
pub fn size(bytes: usize) -> String {
    let bytes = bytes as u64;
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..0x10_0000 => tenths(bytes, 1024, " KiB"),
        0x10_0000..0x4000_0000 => tenths(bytes, 0x10_0000, " MiB"),
        _ => tenths(bytes, 0x4000_0000, " GiB"),
    }
}

/// One decimal below a hundred units, none above.
fn tenths(number: u64, unit: u64, name: &str) -> String {
    let whole = number / unit;
    if whole >= 100 {
        format!("{whole}{name}")
    } else {
        format!("{whole}.{}{name}", number % unit * 10 / unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        let shown = [0, 999, 1000, 1_234_567].map(grouped);
        assert_eq!(shown, ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn counts_and_sizes_stay_within_their_columns() {
        let counts = [9999, 10_000, 123_456, 4_560_000, 7_800_000_000].map(short);
        assert_eq!(counts, ["9,999", "10.0k", "123k", "4.5M", "7.8G"]);
        let sizes = [0, 1023, 1229, 150 << 10, 3 << 20, 5 << 30].map(size);
        assert_eq!(
            sizes,
            ["0 B", "1023 B", "1.2 KiB", "150 KiB", "3.0 MiB", "5.0 GiB"]
        );
    }
}
