//! The environment, read once.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;

/// The environment as it was at the start. Shows its size only: values may be tokens.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Environment(BTreeMap<String, OsString>);

impl Environment {
    /// A variable that is set to nothing counts as not set.
    pub fn value(&self, name: &str) -> Option<&OsStr> {
        self.0
            .get(name)
            .map(OsString::as_os_str)
            .filter(|v| !v.is_empty())
    }

    /// The same, where it is Unicode.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.value(name).and_then(OsStr::to_str)
    }
}

impl FromIterator<(String, OsString)> for Environment {
    fn from_iter<T: IntoIterator<Item = (String, OsString)>>(variables: T) -> Self {
        Self(variables.into_iter().collect())
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Environment({} variables)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_does_not_show_its_values() {
        let variables = [("PAT".to_owned(), OsString::from("c4nary"))];
        let environment: Environment = variables.into_iter().collect();
        assert_eq!(format!("{environment:?}"), "Environment(1 variables)");
        assert_eq!(environment.text("PAT"), Some("c4nary"));
    }
}
