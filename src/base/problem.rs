//! What a person is told when something does not work: what, why, what to do, and what happens next.

use std::fmt;
use std::time::Duration;

/// Exit codes of the headless commands (`interface.md`, section 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Exit {
    Done,
    #[default]
    Failed,
    Usage,
    Refused,
    NotFound,
    NoMatch,
    Unreachable,
    Interrupted,
}

impl Exit {
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Refused => 3,
            Self::NotFound => 4,
            Self::NoMatch => 5,
            Self::Unreachable => 6,
            Self::Interrupted => 130,
        }
    }

    /// The code in words, as the message on stderr ends with it.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed while running",
            Self::Usage => "wrong usage or configuration",
            Self::Refused => "refused",
            Self::NotFound => "not found",
            Self::NoMatch => "nothing matched in time",
            Self::Unreachable => "could not reach the host",
            Self::Interrupted => "interrupted",
        }
    }
}

/// Whether trying again can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Retry {
    /// The same attempt will fail the same way until a person acts.
    #[default]
    Never,
    /// Passing trouble: again with backoff.
    Backoff,
    /// The other side said when, or our own budget does.
    After(Duration),
}

/// One failure in words. Never holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Problem {
    /// What failed: `could not subscribe to push of 거실 에어컨`.
    pub what: String,
    /// The likely cause: `LG answered 1302: the token is unknown or has expired`.
    pub cause: String,
    /// What to do: `make a new token at https://connect-pat.lgthinq.com and paste it`.
    pub remedy: String,
    pub retry: Retry,
    pub exit: Exit,
}

impl Problem {
    pub fn new(
        what: impl Into<String>,
        cause: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            what: what.into(),
            cause: cause.into(),
            remedy: remedy.into(),
            ..Self::default()
        }
    }

    #[must_use]
    pub fn exit(mut self, exit: Exit) -> Self {
        self.exit = exit;
        self
    }

    #[must_use]
    pub fn retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }

    pub const fn is_fatal(&self) -> bool {
        matches!(self.retry, Retry::Never)
    }

    /// One line, for a header or a log.
    pub fn line(&self) -> String {
        match (self.cause.is_empty(), self.remedy.is_empty()) {
            (true, _) => self.what.clone(),
            (false, true) => format!("{}: {}", self.what, self.cause),
            (false, false) => format!("{}: {}; {}", self.what, self.cause, self.remedy),
        }
    }
}

impl fmt::Display for Problem {
    /// Three lines, as stderr and the problem box show it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.what)?;
        if !self.cause.is_empty() {
            write!(f, "\n  because  {}", self.cause)?;
        }
        if !self.remedy.is_empty() {
            write!(f, "\n  try      {}", self.remedy)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problem {}
