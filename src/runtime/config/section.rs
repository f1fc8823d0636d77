//! A table of the file with the means to complain about it: every value knows its line.

use std::ops::Range;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use crate::base::near::nearest;
use crate::base::problem::{Exit, Problem};

/// The text that spans point into.
#[derive(Debug, Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) file: &'a Path,
    pub(super) text: &'a str,
}

impl Source<'_> {
    fn line(&self, at: usize) -> usize {
        let before = self.text.as_bytes().get(..at).unwrap_or_default();
        1 + memchr::memchr_iter(b'\n', before).count()
    }

    /// The parser's message names what it expected, never what a value holds.
    pub(super) fn syntax(&self, error: &toml::de::Error) -> Problem {
        let line = self.line(error.span().map_or(0, |span| span.start));
        let what = format!("{}, line {line}: this is no TOML", self.file.display());
        Problem::new(what, error.message(), "correct that line").exit(Exit::Usage)
    }

    fn wrong(
        &self,
        span: Range<usize>,
        key: &str,
        cause: impl Into<String>,
        remedy: &str,
    ) -> Problem {
        let what = format!(
            "{}, line {}: `{key}`",
            self.file.display(),
            self.line(span.start)
        );
        Problem::new(what, cause, remedy).exit(Exit::Usage)
    }
}

pub(super) struct Section<'a> {
    source: &'a Source<'a>,
    /// `profiles.home`; empty for the whole file.
    path: String,
    table: &'a DeTable<'a>,
    span: Range<usize>,
}

impl<'a> Section<'a> {
    pub(super) fn root(source: &'a Source<'a>, table: &'a Spanned<DeTable<'a>>) -> Self {
        Self {
            source,
            path: String::new(),
            table: table.get_ref(),
            span: table.span(),
        }
    }

    /// The last part of the path: what the section is called.
    pub(super) fn name(&self) -> &str {
        self.path
            .rsplit_once("profiles.")
            .map_or(self.path.as_str(), |(_, name)| name)
    }

    /// Where relative paths start.
    pub(super) fn base(&self) -> &'a Path {
        self.source.file.parent().unwrap_or_else(|| Path::new(""))
    }

    fn full(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    fn entry(&self, key: &str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.table.get(key)
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.entry(key).is_some()
    }

    /// A problem with the value of `key`, or with the section where the key is missing.
    pub(super) fn wrong(&self, key: &str, cause: impl Into<String>, remedy: &str) -> Problem {
        let span = self
            .entry(key)
            .map_or_else(|| self.span.clone(), Spanned::span);
        self.source.wrong(span, &self.full(key), cause, remedy)
    }

    /// A problem with the section as a whole.
    pub(super) fn wrong_itself(&self, cause: impl Into<String>, remedy: &str) -> Problem {
        self.source
            .wrong(self.span.clone(), &self.path, cause, remedy)
    }

    /// Every key must be one of these.
    pub(super) fn only(&self, known: &[&str]) -> Result<(), Problem> {
        let unknown = self
            .table
            .iter()
            .map(|(key, _)| key)
            .filter(|key| !known.contains(&key.get_ref().as_ref()))
            .min_by_key(|key| key.span().start);
        let Some(key) = unknown else {
            return Ok(());
        };
        let remedy = match nearest(key.get_ref(), known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("the keys here are: {}", known.join(", ")),
        };
        Err(self.source.wrong(
            key.span(),
            &self.full(key.get_ref()),
            "no such key",
            &remedy,
        ))
    }

    /// Where `key` is missing, a key that reads like it is what is wrong.
    pub(super) fn no_misspelling(&self, key: &str) -> Result<(), Problem> {
        let written = self
            .table
            .iter()
            .find(|(written, _)| nearest(written.get_ref(), [key]).is_some());
        match written {
            Some((written, _)) if self.entry(key).is_none() => Err(self.source.wrong(
                written.span(),
                &self.full(written.get_ref()),
                "no such key",
                &format!("did you mean `{key}`?"),
            )),
            _ => Ok(()),
        }
    }

    fn mistyped(&self, key: &str, wanted: &str, found: &DeValue<'_>) -> Problem {
        self.wrong(
            key,
            format!("it must be {wanted}, not {}", article(found)),
            "correct its value",
        )
    }

    pub(super) fn text(&self, key: &str) -> Result<Option<String>, Problem> {
        match self.entry(key).map(Spanned::get_ref) {
            None => Ok(None),
            Some(DeValue::String(text)) => Ok(Some(text.to_string())),
            Some(other) => Err(self.mistyped(key, "text in quotes", other)),
        }
    }

    /// Every key with its text, in the order of the file.
    pub(super) fn all_texts(&self) -> Result<Vec<(String, String)>, Problem> {
        let mut keys: Vec<_> = self.table.iter().map(|(key, _)| key).collect();
        keys.sort_by_key(|key| key.span().start);
        keys.into_iter()
            .map(|key| {
                let name = key.get_ref().to_string();
                let text = self.text(&name)?.unwrap_or_default();
                Ok((name, text))
            })
            .collect()
    }

    pub(super) fn required_text(&self, key: &str, remedy: &str) -> Result<String, Problem> {
        match self.text(key)? {
            Some(text) if !text.is_empty() => Ok(text),
            Some(_) => Err(self.wrong(key, "it is empty", remedy)),
            None => Err(self.wrong(key, "it is missing", remedy)),
        }
    }

    pub(super) fn text_or_number(&self, key: &str) -> Result<Option<String>, Problem> {
        match self.entry(key).map(Spanned::get_ref) {
            Some(DeValue::Integer(number)) => Ok(Some(number.to_string())),
            _ => self.text(key),
        }
    }

    pub(super) fn flag(&self, key: &str) -> Result<Option<bool>, Problem> {
        match self.entry(key).map(Spanned::get_ref) {
            None => Ok(None),
            Some(DeValue::Boolean(flag)) => Ok(Some(*flag)),
            Some(other) => Err(self.mistyped(key, "true or false", other)),
        }
    }

    /// A whole number within bounds.
    pub(super) fn number<N: TryFrom<i64>>(
        &self,
        key: &str,
        least: i64,
        most: i64,
    ) -> Result<Option<N>, Problem> {
        let number = match self.entry(key).map(Spanned::get_ref) {
            None => return Ok(None),
            Some(DeValue::Integer(number)) => {
                i64::from_str_radix(number.as_str(), number.radix()).ok()
            }
            Some(other) => return Err(self.mistyped(key, "a whole number", other)),
        };
        number
            .filter(|n| (least..=most).contains(n))
            .and_then(|n| N::try_from(n).ok())
            .map(Some)
            .ok_or_else(|| {
                self.wrong(
                    key,
                    "it is out of range",
                    &format!("from {least} to {most}"),
                )
            })
    }

    pub(super) fn array(&self, key: &str) -> Result<Option<&'a DeArray<'a>>, Problem> {
        match self.entry(key).map(Spanned::get_ref) {
            None => Ok(None),
            Some(DeValue::Array(items)) => Ok(Some(items)),
            Some(other) => Err(self.mistyped(key, "a list in [ ]", other)),
        }
    }

    /// A list of texts.
    pub(super) fn texts(&self, key: &str) -> Result<Option<Vec<String>>, Problem> {
        let Some(items) = self.array(key)? else {
            return Ok(None);
        };
        items
            .iter()
            .map(|item| match item.get_ref() {
                DeValue::String(text) => Ok(text.to_string()),
                other => Err(self.mistyped(key, "a list of texts in quotes", other)),
            })
            .collect::<Result<_, _>>()
            .map(Some)
    }

    pub(super) fn section(&self, key: &str) -> Result<Option<Self>, Problem> {
        match self.entry(key) {
            None => Ok(None),
            Some(value) => self.as_section(self.full(key), value).map(Some),
        }
    }

    /// An item of a list as a section of its own.
    pub(super) fn as_section(
        &self,
        path: String,
        value: &'a Spanned<DeValue<'a>>,
    ) -> Result<Self, Problem> {
        match value.get_ref() {
            DeValue::Table(table) => Ok(Self {
                source: self.source,
                path,
                table,
                span: value.span(),
            }),
            other => Err(self.source.wrong(
                value.span(),
                &path,
                format!("it must be a table, not {}", article(other)),
                "correct its value",
            )),
        }
    }

    /// Every entry as a section, in the order of the file.
    pub(super) fn sections(&self) -> Result<Vec<Self>, Problem> {
        let mut entries: Vec<_> = self.table.iter().collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        entries
            .into_iter()
            .map(|(key, value)| {
                let section = self.as_section(self.full(key.get_ref()), value)?;
                Ok(Self {
                    span: key.span(),
                    ..section
                })
            })
            .collect()
    }
}

fn article(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
