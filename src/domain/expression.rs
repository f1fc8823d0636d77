//! The language of `tail --where`: which messages are meant.

/// A parsed condition.
#[derive(Debug, Clone, PartialEq)]
pub struct Expression {}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ExpressionError(String);

impl Expression {
    pub fn parse(_text: &str) -> Result<Self, ExpressionError> {
        Ok(Self {})
    }
}
