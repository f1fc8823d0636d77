//! Making lines of spans.

use super::screen::{Line, Role, Span};
use crate::base::text::{self, SafeText};
use crate::domain::expression::Expression;
use crate::domain::payload::{Piece, Token};

pub(super) fn span(text: impl Into<SafeText>, role: Role) -> Span {
    Span::new(text, role)
}

pub(super) fn line(text: impl Into<SafeText>, role: Role) -> Line {
    vec![span(text, role)]
}

pub(super) fn wrapped(text: &str, role: Role, cells: usize) -> Vec<Line> {
    text::wrap(SafeText::new(text).as_str(), cells)
        .into_iter()
        .map(|part| line(part, role))
        .collect()
}

/// `label` in front, `text` wrapped beside it.
pub(super) fn labelled(label: &str, text: &str, role: Role, cells: usize) -> Vec<Line> {
    let indent = text::width(label);
    let parts = text::wrap(
        SafeText::new(text).as_str(),
        cells.saturating_sub(indent).max(8),
    );
    let mut lines = Vec::new();
    for (index, part) in parts.into_iter().enumerate() {
        let front = if index == 0 {
            label.to_owned()
        } else {
            " ".repeat(indent)
        };
        lines.push(vec![span(front, Role::Dim), span(part, role)]);
    }
    lines
}

pub(super) fn pieces(pieces: Vec<Piece>) -> Line {
    pieces
        .into_iter()
        .map(|piece| span(piece.text, role(piece.token)))
        .collect()
}

const fn role(token: Token) -> Role {
    match token {
        Token::Key => Role::Label,
        Token::Text => Role::Text,
        Token::Number => Role::Number,
        Token::Literal => Role::Literal,
        Token::Punctuation => Role::Punctuation,
        Token::Plain => Role::Normal,
        Token::Dim => Role::Dim,
    }
}

/// A line broken where it is full, between grapheme clusters; what follows keeps an indent of `indent` cells.
pub(super) fn fold(line: Line, cells: usize, indent: usize) -> Vec<Line> {
    let width: usize = line.iter().map(|s| s.text.width()).sum();
    if width <= cells {
        return vec![line];
    }
    let indent = indent.min(cells / 2);
    let mut lines = Vec::new();
    let (mut current, mut used) = (Line::new(), 0);
    for part in line {
        let mut rest = part.text.as_str().to_owned();
        while !rest.is_empty() {
            let room = cells.saturating_sub(used);
            let taken = beginning(&rest, room);
            if taken == 0 {
                lines.push(std::mem::take(&mut current));
                current.push(span(" ".repeat(indent), Role::Normal));
                used = indent;
                if beginning(&rest, cells.saturating_sub(used)) == 0 {
                    // Narrower than one character: nothing of it can be shown.
                    break;
                }
                continue;
            }
            let (now, later) = rest.split_at(taken);
            used += text::width(now);
            current.push(span(now, part.role));
            rest = later.to_owned();
        }
    }
    lines.push(current);
    lines
}

/// The line without `cells` cells of what follows its first `keep` spans: a view further to the right.
pub(super) fn further_right(line: Line, keep: usize, cells: usize) -> Line {
    let mut left = cells;
    let mut out = Line::new();
    for (at, part) in line.into_iter().enumerate() {
        if at < keep || left == 0 {
            out.push(part);
            continue;
        }
        let cut = beginning(part.text.as_str(), left);
        let gone = text::width(&part.text.as_str()[..cut]);
        left = if cut == part.text.as_str().len() {
            left - gone
        } else {
            0
        };
        out.push(span(&part.text.as_str()[cut..], part.role));
    }
    out
}

/// Bytes of the longest beginning that takes at most `cells`.
fn beginning(text: &str, cells: usize) -> usize {
    use unicode_segmentation::UnicodeSegmentation as _;
    let mut used = 0;
    let mut end = 0;
    for (at, cluster) in text.grapheme_indices(true) {
        used += text::width(cluster);
        if used > cells {
            break;
        }
        end = at + cluster.len();
    }
    end
}

/// The line with every occurrence of one of `words` (lower case) marked as found.
pub(super) fn found(line: Line, words: &[String]) -> Line {
    if words.is_empty() {
        return line;
    }
    line.into_iter()
        .flat_map(|part| mark(&part, words))
        .collect()
}

/// The line with everything marked that the expression looks for, also across its parts.
pub(super) fn marked(line: Line, expression: &Expression) -> Line {
    let text: String = line.iter().map(|part| part.text.as_str()).collect();
    let marks = expression.marks(&text);
    if marks.is_empty() {
        return line;
    }
    let (mut out, mut start) = (Line::new(), 0);
    for part in line {
        let (shown, end) = (part.text.as_str(), start + part.text.as_str().len());
        let mut at = start;
        let inside = marks.iter().filter(|m| m.start < end && m.end > start);
        for mark in inside {
            let (from, to) = (mark.start.max(start), mark.end.min(end));
            if from > at {
                out.push(span(&shown[at - start..from - start], part.role));
            }
            out.push(span(&shown[from - start..to - start], Role::Match));
            at = to;
        }
        if at == start {
            out.push(part);
        } else if at < end {
            out.push(span(&shown[at - start..], part.role));
        }
        start = end;
    }
    out
}

fn mark(part: &Span, words: &[String]) -> Vec<Span> {
    let text = part.text.as_str();
    let folded = text.to_ascii_lowercase();
    let mut out = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let next = words
            .iter()
            .filter(|w| !w.is_empty())
            .filter_map(|w| folded[at..].find(w.as_str()).map(|found| (found, w.len())))
            .min();
        let Some((found, length)) = next else { break };
        if found > 0 {
            out.push(span(&text[at..at + found], part.role));
        }
        out.push(span(&text[at + found..at + found + length], Role::Match));
        at += found + length;
    }
    if at < text.len() || out.is_empty() {
        out.push(span(&text[at..], part.role));
    }
    out
}

pub(super) fn has(line: &Line, words: &[String]) -> bool {
    let text: String = line.iter().map(|s| s.text.as_str()).collect();
    let folded = text.to_ascii_lowercase();
    words
        .iter()
        .any(|w| !w.is_empty() && folded.contains(w.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::payload;

    fn texts(lines: &[Line]) -> Vec<String> {
        lines
            .iter()
            .map(|l| l.iter().map(|s| s.text.as_str()).collect())
            .collect()
    }

    #[test]
    fn a_long_line_is_folded_between_characters() {
        let long = vec![span("거실 ", Role::Normal), span("에어컨", Role::Text)];
        assert_eq!(texts(&fold(long, 7, 2)), ["거실 에", "  어컨"]);
        assert_eq!(texts(&fold(line("한글", Role::Text), 1, 0)).concat(), "");
    }

    #[test]
    fn what_stands_further_right_can_be_brought_into_view() {
        let long = || {
            vec![
                span("12:00 ", Role::Dim),
                span("거실", Role::Text),
                span(" abc", Role::Text),
            ]
        };
        let moved = |cells| texts(&[further_right(long(), 1, cells)]).concat();
        assert_eq!(moved(0), "12:00 거실 abc");
        assert_eq!(moved(2), "12:00 실 abc");
        assert_eq!(moved(6), "12:00 bc");
        assert_eq!(moved(99), "12:00 ");
    }

    #[test]
    fn a_pattern_is_marked_across_the_colours_of_json() {
        let pieces = payload::compact(br#"{"temp":27.5,"on":true}"#, 80);
        let expression = Expression::parse(r#"re:/"temp":27/ on==true"#).expect("understood");
        let marked = marked(super::pieces(pieces), &expression);
        let all: String = marked.iter().map(|s| s.text.as_str()).collect();
        assert_eq!(all, r#"{"temp":27.5,"on":true}"#);
        let found = marked.iter().filter(|s| s.role == Role::Match);
        let found: Vec<_> = found.map(|s| s.text.as_str()).collect();
        assert_eq!(found.concat(), r#""temp":27"on":true"#, "{found:?}");
    }

    #[test]
    fn what_was_searched_is_marked_wherever_it_stands() {
        let marked = found(line("Washing is washed", Role::Text), &["wash".to_owned()]);
        let roles: Vec<_> = marked.iter().map(|s| (s.text.as_str(), s.role)).collect();
        assert_eq!(
            roles,
            [
                ("Wash", Role::Match),
                ("ing is ", Role::Text),
                ("wash", Role::Match),
                ("ed", Role::Text)
            ]
        );
    }
}
