//! The known word nearest to a mistyped one.

/// Edits between two words: a letter more, less, another, or two swapped.
pub fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().collect();
    let b: Vec<char> = b.chars().collect();
    let width = b.len() + 1;
    let mut table: Vec<usize> = vec![0; (a.len() + 1) * width];
    for row in 0..=a.len() {
        for column in 0..=b.len() {
            let at = |up: usize, left: usize| table[(row - up) * width + column - left];
            let mut best = match (row, column) {
                (0, _) => column,
                (_, 0) => row,
                _ => {
                    let other = usize::from(a[row - 1] != b[column - 1]);
                    (at(1, 1) + other).min(at(1, 0) + 1).min(at(0, 1) + 1)
                }
            };
            if row > 1 && column > 1 && a[row - 1] == b[column - 2] && a[row - 2] == b[column - 1] {
                best = best.min(at(2, 2) + 1);
            }
            table[row * width + column] = best;
        }
    }
    table[a.len() * width + b.len()]
}

/// The nearest of `known`; `None` when nothing is near enough to be meant.
pub fn nearest<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let typed = typed.to_lowercase();
    known
        .into_iter()
        .map(|word| (distance(&typed, &word.to_lowercase()), word))
        .filter(|(edits, word)| *edits <= word.chars().count().max(3) / 3 + 1)
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, word)| word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_are_counted() {
        let cases = [
            ("", "", 0),
            ("a", "", 1),
            ("token", "tokne", 1),
            ("kitten", "sitting", 3),
            ("거실", "거", 1),
        ];
        for (a, b, edits) in cases {
            assert_eq!(distance(a, b), edits, "{a} {b}");
            assert_eq!(distance(b, a), edits, "{b} {a}");
        }
    }

    #[test]
    fn only_a_near_word_is_suggested() {
        let known = ["country", "token", "client_id", "event_hours"];
        assert_eq!(nearest("contry", known), Some("country"));
        assert_eq!(nearest("clientid", known), Some("client_id"));
        assert_eq!(nearest("TOKEN", known), Some("token"));
        assert_eq!(nearest("frobnicate", known), None);
    }
}
