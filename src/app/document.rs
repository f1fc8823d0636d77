//! A payload as the inspector shows it: decoded, compared, and laid out in lines that can be folded.
//!
//! All of it is a function of the bytes ([`Job::run`]), so that it can be done at once for a small payload and beside the
//! screen for a large one.

mod changed;
mod job;
mod picture;
mod plain;
pub(super) mod sheet;
mod tree;

pub use job::{Counts, Job, Ready};
pub use sheet::Sheet;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum View {
    /// As its format writes it, with indents; what is no tree as text, picture or bytes.
    #[default]
    Pretty,
    Raw,
    Hex,
    Tree,
    /// Only what changed.
    Changes,
    /// How it was decoded, and what else it could be.
    Decoded,
}

impl View {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pretty => "pretty",
            Self::Raw => "raw",
            Self::Hex => "hex",
            Self::Tree => "tree",
            Self::Changes => "changes",
            Self::Decoded => "decoded",
        }
    }

    #[must_use]
    pub const fn next(self) -> Self {
        match self {
            Self::Pretty => Self::Raw,
            Self::Raw => Self::Hex,
            Self::Hex => Self::Tree,
            Self::Tree => Self::Changes,
            Self::Changes => Self::Decoded,
            Self::Decoded => Self::Pretty,
        }
    }
}
