//! Where a value stands in a JSON document.

use serde_json::Value;

/// From the top (`.report.list[0].x`), or a member chain found anywhere (`currentState`, `runState.currentState`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Path {
    pub(super) anywhere: bool,
    pub(super) steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Member(String),
    Index(usize),
}

impl Path {
    /// Whether `test` holds for any value that the path finds.
    pub(super) fn any(&self, root: &Value, test: &dyn Fn(&Value) -> bool) -> bool {
        if walk(root, &self.steps).is_some_and(test) {
            return true;
        }
        self.anywhere
            && match root {
                Value::Object(members) => members.values().any(|value| self.any(value, test)),
                Value::Array(items) => items.iter().any(|value| self.any(value, test)),
                _ => false,
            }
    }
}

fn walk<'a>(root: &'a Value, steps: &[Step]) -> Option<&'a Value> {
    steps.iter().try_fold(root, |value, step| match step {
        Step::Member(name) => value.get(name),
        Step::Index(index) => value.get(index),
    })
}
