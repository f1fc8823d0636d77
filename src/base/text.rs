//! Text that is safe to put on a terminal.
//!
//! Device names, topics and payloads come from other machines. [`SafeText`] is the only type the view accepts
//! for them. Control, bidirectional, zero-width and tag characters are shown escaped (`\u{202e}`), never sent
//! and never silently removed. Columns count cells, never bytes or characters.

use std::borrow::Cow;
use std::fmt;

use unicode_normalization::UnicodeNormalization as _;
use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr as _;

/// One line of text that holds nothing a terminal would obey. Composed (NFC), so that a decomposed Korean
/// syllable takes the two cells it should.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct SafeText(String);

impl SafeText {
    pub fn new(raw: &str) -> Self {
        if raw.is_ascii() && !raw.bytes().any(|b| b.is_ascii_control()) {
            return Self(raw.to_owned());
        }
        Self(escape(&raw.nfc().collect::<String>()).into_owned())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn into_string(self) -> String {
        self.0
    }

    /// Cells on the screen.
    pub fn width(&self) -> usize {
        width(&self.0)
    }

    /// At most `cells` wide, cut between grapheme clusters, with `…` where something was cut.
    #[must_use]
    pub fn fit(&self, cells: usize) -> Self {
        Self(fit(&self.0, cells).into_owned())
    }

    /// The same, cut at the beginning.
    #[must_use]
    pub fn fit_end(&self, cells: usize) -> Self {
        Self(fit_end(&self.0, cells).into_owned())
    }
}

impl fmt::Debug for SafeText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for SafeText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl From<&str> for SafeText {
    fn from(raw: &str) -> Self {
        Self::new(raw)
    }
}

impl From<String> for SafeText {
    fn from(raw: String) -> Self {
        Self::new(&raw)
    }
}

/// Whether a terminal might obey this character, or a reader might be misled by it.
pub const fn is_unsafe(c: char) -> bool {
    matches!(c,
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}'                 // C0, DEL, C1
        | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180b}'..='\u{180f}'
        | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{3164}' | '\u{ffa0}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{fe00}'..='\u{fe0e}' | '\u{feff}' | '\u{fff0}'..='\u{fffb}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

/// `raw` with every unsafe character written as `\n`, `\t`, `\e`… or `\u{…}`. A zero-width joiner stays between two
/// pictures (a family emoji), and nowhere else.
pub fn escape(raw: &str) -> Cow<'_, str> {
    if !raw.chars().any(is_unsafe) {
        return Cow::Borrowed(raw);
    }
    let mut out = String::with_capacity(raw.len() + 16);
    let mut before = '\0';
    let mut chars = raw.chars().peekable();
    while let Some(c) = chars.next() {
        let joins =
            c == '\u{200d}' && is_picture(before) && chars.peek().copied().is_some_and(is_picture);
        match c {
            _ if joins || !is_unsafe(c) => out.push(c),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{1b}' => out.push_str("\\e"),
            _ => out.extend(c.escape_unicode()),
        }
        before = c;
    }
    Cow::Owned(out)
}

/// `escape` line by line: our own line breaks stay.
pub fn escape_lines(text: &str) -> String {
    text.split('\n').map(escape).collect::<Vec<_>>().join("\n")
}

const fn is_picture(c: char) -> bool {
    matches!(c, '\u{2190}'..='\u{2bff}' | '\u{fe0f}' | '\u{1f000}'..='\u{1faff}')
}

/// Cells that `text` takes.
pub fn width(text: &str) -> usize {
    if text.is_ascii() {
        text.len()
    } else {
        text.graphemes(true).map(|g| g.width().min(2)).sum()
    }
}

/// `text` cut to at most `cells`, between grapheme clusters, with `…` in place of what was cut.
pub fn fit(text: &str, cells: usize) -> Cow<'_, str> {
    if width(text) <= cells {
        return Cow::Borrowed(text);
    }
    if cells == 0 {
        return Cow::Borrowed("");
    }
    let mut out = String::new();
    let mut used = 0;
    for cluster in text.graphemes(true) {
        let wide = cluster.width().min(2);
        if used + wide > cells - 1 {
            break;
        }
        out.push_str(cluster);
        used += wide;
    }
    out.push('…');
    Cow::Owned(out)
}

/// `text` cut to at most `cells` as by [`fit`], but its end stays: of a topic it says the most.
pub fn fit_end(text: &str, cells: usize) -> Cow<'_, str> {
    if width(text) <= cells {
        return Cow::Borrowed(text);
    }
    if cells == 0 {
        return Cow::Borrowed("");
    }
    let mut from = text.len();
    let mut used = 0;
    for (at, cluster) in text.grapheme_indices(true).rev() {
        let wide = cluster.width().min(2);
        if used + wide > cells - 1 {
            break;
        }
        from = at;
        used += wide;
    }
    Cow::Owned(format!("…{}", &text[from..]))
}

/// `fit`, then blanks up to exactly `cells`.
pub fn pad(text: &str, cells: usize) -> String {
    let mut out = fit(text, cells).into_owned();
    let used = width(&out);
    out.extend(std::iter::repeat_n(' ', cells.saturating_sub(used)));
    out
}

/// Lines of at most `cells`, broken at blanks where possible. At least one line; a cluster wider than the line is
/// put on a line of its own.
pub fn wrap(text: &str, cells: usize) -> Vec<String> {
    let cells = cells.max(1);
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut used = 0;
    for word in text.split_word_bounds() {
        let wide = width(word);
        if used + wide <= cells {
            line.push_str(word);
            used += wide;
            continue;
        }
        if used > 0 {
            lines.push(std::mem::take(&mut line).trim_end().to_owned());
            used = 0;
        }
        if word.trim().is_empty() {
            continue;
        }
        for cluster in word.graphemes(true) {
            let wide = cluster.width().min(2);
            if used > 0 && used + wide > cells {
                lines.push(std::mem::take(&mut line));
                used = 0;
            }
            line.push_str(cluster);
            used += wide;
        }
    }
    if !line.is_empty() || lines.is_empty() {
        lines.push(line);
    }
    lines
}

/// Two small digits a byte.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits =
        |byte: &u8| [byte >> 4, byte & 15].map(|half| char::from(DIGITS[usize::from(half)]));
    bytes.iter().flat_map(digits).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_and_direction_marks_are_shown_not_obeyed() {
        assert_eq!(
            SafeText::new("a\u{1b}[2Jb\u{202e}c\n").as_str(),
            "a\\e[2Jb\\u{202e}c\\n"
        );
        assert_eq!(
            SafeText::new("x\u{9b}31m\u{7}").as_str(),
            "x\\u{9b}31m\\u{7}"
        );
    }

    #[test]
    fn korean_counts_two_cells_a_syllable_composed_or_not() {
        assert_eq!(SafeText::new("거실").width(), 4);
        assert_eq!(
            SafeText::new("\u{1100}\u{1165}\u{1109}\u{1175}\u{11af}").as_str(),
            "거실"
        );
    }

    #[test]
    fn a_cut_never_halves_a_wide_character() {
        assert_eq!(fit("거실 에어컨", 6), "거실 …");
        assert_eq!(fit("거실 에어컨", 4), "거…");
        assert_eq!(width(&pad("거실 에어컨", 4)), 4);
        assert_eq!(fit_end("거실 에어컨", 6), "…어컨");
        assert_eq!(fit_end("거실 에어컨", 5), "…어컨");
        assert_eq!(fit_end("거실 에어컨", 4), "…컨");
        assert_eq!(fit_end("plant/line1/tank", 6), "…/tank");
        assert_eq!(fit_end("abc", 3), "abc");
        assert_eq!(fit_end("abc", 0), "");
        assert_eq!(fit("abc", 3), "abc");
        assert_eq!(fit("abc", 0), "");
    }

    #[test]
    fn wrapping_keeps_every_word_and_the_width() {
        assert_eq!(
            wrap("LG answered 1222 device is not connected", 12),
            ["LG answered", "1222 device", "is not", "connected"]
        );
        assert_eq!(wrap("거실에어컨", 4), ["거실", "에어", "컨"]);
        assert_eq!(wrap("", 4), [""]);
    }
}
