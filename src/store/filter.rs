//! What `/` lets through: an [`Expression`], or everything.

use memchr::memchr2_iter;

use crate::domain::expression::{Expression, ExpressionError, Here};

/// A filter that is understood.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Filter {
    expression: Option<Box<Expression>>,
}

impl Filter {
    pub fn parse(text: &str) -> Result<Self, ExpressionError> {
        Self::parse_at(text, Here::default())
    }

    /// `here` says what `after:10m` means.
    pub fn parse_at(text: &str, here: Here) -> Result<Self, ExpressionError> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        Ok(Self {
            expression: Some(Box::new(Expression::parse(text)?.at(here))),
        })
    }

    pub const fn is_empty(&self) -> bool {
        self.expression.is_none()
    }

    pub fn expression(&self) -> Option<&Expression> {
        self.expression.as_deref()
    }

    /// The same, made for payloads like `sample`.
    #[must_use]
    pub(super) fn tuned(&self, sample: &[u8]) -> Self {
        Self {
            expression: self.expression().map(|e| Box::new(e.tuned(sample))),
        }
    }
}

/// Whether `hay` holds `needle` (lower case), ASCII letters of either case taken as equal.
pub fn contains(hay: &[u8], needle: &str) -> bool {
    let needle = needle.as_bytes();
    let Some(first) = needle.first() else {
        return true;
    };
    let Some(last) = hay.len().checked_sub(needle.len()) else {
        return false;
    };
    memchr2_iter(*first, first.to_ascii_uppercase(), &hay[..=last])
        .any(|at| hay[at..at + needle.len()].eq_ignore_ascii_case(needle))
}
