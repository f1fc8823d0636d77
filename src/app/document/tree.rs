//! A tree as lines: as its format would write it, or one value a line with signs to fold it.

use super::super::screen::Role;
use super::sheet::Sheet;
use crate::domain::decode::difference::{Matcher, number_difference};
use crate::domain::decode::{Literal, Value, bytes_line, path_step};

/// Lays a tree out, compared with `before` where that is given.
pub(super) struct Writer<'a> {
    pub(super) sheet: &'a mut Sheet,
    pub(super) compares: bool,
    /// Without braces and commas.
    pub(super) plain: bool,
}

/// Where a value stands.
struct Place<'a> {
    /// `"name"`; `None` in a list and for the whole.
    key: Option<&'a Value>,
    step: String,
    depth: usize,
    /// A comma follows.
    comma: bool,
}

impl Writer<'_> {
    pub(super) fn write(&mut self, value: &Value, before: Option<&Value>) {
        self.sheet.pointed = true;
        self.sheet.signs = self.plain;
        let place = Place {
            key: None,
            step: String::new(),
            depth: 0,
            comma: false,
        };
        self.value(value, before, &place, false);
    }

    /// `is_new`: it stands in something that was not there before, which said so already.
    fn value(&mut self, value: &Value, before: Option<&Value>, place: &Place<'_>, is_new: bool) {
        if !self.head(place, value) {
            return;
        }
        let news = match before {
            _ if !self.compares || is_new => News::Nothing,
            None => News::Came,
            Some(before) => News::of(before, value),
        };
        match value.bare() {
            Value::Map(entries) if !entries.is_empty() => {
                self.opening("{", entries.len(), value, &news);
                let mut matcher = Matcher::new(before);
                let last = entries.len() - 1;
                for (n, (key, inner)) in entries.iter().enumerate() {
                    let place = Place {
                        key: Some(key),
                        step: path_step(key),
                        depth: place.depth + 1,
                        comma: n < last,
                    };
                    let old = matcher.take(key);
                    self.value(inner, old, &place, is_new || matches!(news, News::Came));
                }
                self.closing("}", place);
            }
            Value::List(items) if !items.is_empty() => {
                self.opening("[", items.len(), value, &news);
                let old: &[Value] = match before.map(Value::bare) {
                    Some(Value::List(old)) => old,
                    _ => &[],
                };
                let last = items.len() - 1;
                for (n, inner) in items.iter().enumerate() {
                    let place = Place {
                        key: None,
                        step: format!("[{n}]"),
                        depth: place.depth + 1,
                        comma: n < last,
                    };
                    self.value(
                        inner,
                        old.get(n),
                        &place,
                        is_new || matches!(news, News::Came),
                    );
                }
                self.closing("]", place);
            }
            bare => self.scalar(bare, value, place, &news),
        }
    }

    /// Indent, fold sign, and key.
    fn head(&mut self, place: &Place<'_>, value: &Value) -> bool {
        let indent = place.depth * 2;
        if !self.sheet.begin(indent, &place.step) {
            return false;
        }
        self.sheet.put(&" ".repeat(indent.min(80)), Role::Normal);
        if self.plain {
            let sign = if is_open(value) { "- " } else { "  " };
            self.sheet.put(sign, Role::Key);
            let name = match place.key.map(Value::bare) {
                Some(Value::Text(literal)) => {
                    let said = said(literal);
                    said.name().unwrap_or(said.as_str()).to_owned()
                }
                Some(key) => key.line(60),
                None => place.step.clone(),
            };
            self.sheet.put(&name, Role::Label);
            if !name.is_empty() {
                self.sheet.put(" ", Role::Normal);
            }
        } else if let Some(key) = place.key {
            let (name, _) = scalar(key.bare());
            let is_list = key.is_container();
            self.sheet
                .put(&if is_list { key.line(400) } else { name }, Role::Label);
            self.sheet.put(": ", Role::Punctuation);
        }
        true
    }

    fn opening(&mut self, bracket: &str, children: usize, value: &Value, news: &News) {
        if self.plain {
            let close = if bracket == "{" { "}" } else { "]" };
            self.sheet
                .put(&format!("{bracket}{children}{close}"), Role::Dim);
        } else {
            self.sheet.put(bracket, Role::Punctuation);
        }
        self.news(news);
        self.note(value);
        self.sheet.open(children);
    }

    fn closing(&mut self, bracket: &str, place: &Place<'_>) {
        if !self.plain {
            let indent = place.depth * 2;
            if self.sheet.begin(indent, "") {
                self.sheet.put(&" ".repeat(indent.min(80)), Role::Normal);
                self.sheet.put(bracket, Role::Punctuation);
                self.comma(place);
            }
        }
        self.sheet.close();
    }

    fn comma(&mut self, place: &Place<'_>) {
        if place.comma && !self.plain {
            self.sheet.put(",", Role::Punctuation);
        }
    }

    fn scalar(&mut self, bare: &Value, value: &Value, place: &Place<'_>, news: &News) {
        let changed = matches!(news, News::Was(_));
        let (text, role) = match bare {
            Value::Text(literal) if self.plain => (said(literal).as_str().to_owned(), Role::Text),
            bare => scalar(bare),
        };
        self.sheet
            .put(&text, if changed { Role::Changed } else { role });
        self.news(news);
        self.comma(place);
        self.note(value);
    }

    fn news(&mut self, news: &News) {
        match news {
            News::Nothing => {}
            News::Came => self.sheet.put(" (new)", Role::Dim),
            News::Was(before) => self.sheet.put(&format!(" ({before})"), Role::Dim),
        }
    }

    /// What the format says beside the value.
    fn note(&mut self, value: &Value) {
        let mut value = value;
        while let Value::Noted(noted) = value {
            self.sheet.put("  // ", Role::Dim);
            self.sheet.put(&noted.0, Role::Dim);
            value = &noted.1;
        }
    }
}

fn is_open(value: &Value) -> bool {
    match value.bare() {
        Value::Map(entries) => !entries.is_empty(),
        Value::List(items) => !items.is_empty(),
        _ => false,
    }
}

/// What a comparison says of one value.
enum News {
    Nothing,
    Came,
    /// `+0.5`, or `was "COOL"`.
    Was(String),
}

impl News {
    fn of(before: &Value, now: &Value) -> Self {
        match (before.bare(), now.bare()) {
            // What is inside says so itself.
            (Value::Map(_), Value::Map(_)) | (Value::List(_), Value::List(_)) => Self::Nothing,
            (old, new) if old == new => Self::Nothing,
            (old, new) => Self::Was(difference(old, new)),
        }
    }
}

/// How a value differs from what it was, in short.
pub(super) fn difference(old: &Value, new: &Value) -> String {
    if let (Value::Number(old), Value::Number(new)) = (old, new)
        && let Some(difference) = number_difference(old, new)
    {
        return difference;
    }
    format!("was {}", old.line(40))
}

/// As people write it: `"\ud55c\uad6d"` says `"한국"`. For the tree, which shows what a document says; the others show
/// how it stands there.
fn said(literal: &Literal) -> Literal {
    let escaped = literal.as_str().contains("\\u");
    let plain = escaped.then(|| literal.plain()).flatten();
    plain.map_or_else(|| literal.clone(), |text| Literal::new(&text))
}

pub(super) fn scalar(bare: &Value) -> (String, Role) {
    match bare {
        Value::Null => ("null".to_owned(), Role::Literal),
        Value::Bool(truth) => (truth.to_string(), Role::Literal),
        Value::Number(digits) => (digits.clone(), Role::Number),
        Value::Text(literal) => (literal.as_str().to_owned(), Role::Text),
        Value::Bytes(bytes) => (bytes_line(bytes), Role::Dim),
        Value::List(_) => ("[]".to_owned(), Role::Punctuation),
        Value::Map(_) => ("{}".to_owned(), Role::Punctuation),
        Value::Hidden | Value::Noted(_) => ("(…)".to_owned(), Role::Dim),
    }
}
