//! One line of what a shadow message says: versions, and the fields that it is about.

use crate::base::text;
use crate::domain::shadow::{Cell, Node, Section, Shadow, read, rows};

/// Fields that are named.
const NAMED: usize = 3;
/// Cells of a value.
const VALUE: usize = 24;

pub(super) fn gist(verb: &str, payload: &str) -> String {
    let said = match verb {
        "get" => Some("asks for the shadow".to_owned()),
        "delete" => Some("asks to delete the shadow".to_owned()),
        "update" => read::document(payload).map(|asked| format!("asks for {}", changes(&asked))),
        "get/accepted" => read::document(payload).map(|shadow| got(&shadow)),
        "update/accepted" => read::document(payload)
            .map(|shadow| format!("{}accepted: {}", version(&shadow), changes(&shadow))),
        "update/documents" => {
            read::documents(payload).map(|(before, now)| moved(before.as_ref(), &now))
        }
        "update/delta" => read::delta(payload).map(|delta| {
            let fields = delta.delta.as_ref().map_or_else(String::new, fields);
            format!("{}not as desired: {fields}", version(&delta))
        }),
        "delete/accepted" => read::deleted(payload).map(|version| match version {
            Some(version) => format!("deleted at version {version}"),
            None => "deleted".to_owned(),
        }),
        "get/rejected" | "update/rejected" | "delete/rejected" => {
            read::rejected(payload).map(|no| {
                let what = verb.split('/').next().unwrap_or_default();
                format!("{what} rejected: {} {}", no.code, no.message)
            })
        }
        _ => None,
    };
    said.unwrap_or_default()
}

fn version(shadow: &Shadow) -> String {
    shadow
        .version
        .map_or_else(String::new, |version| format!("v{version} "))
}

fn got(shadow: &Shadow) -> String {
    let how = match (&shadow.desired, &shadow.delta) {
        (_, Some(delta)) => format!("not as desired: {}", fields(delta)),
        (Some(_), None) => "as desired".to_owned(),
        (None, None) => "nothing is desired".to_owned(),
    };
    format!("{}{how}", version(shadow))
}

fn changes(shadow: &Shadow) -> String {
    let parts: Vec<_> = [Section::Desired, Section::Reported]
        .into_iter()
        .filter_map(|section| {
            let node = shadow.section(section)?;
            let what = if node.is_null() {
                "taken away".to_owned()
            } else {
                fields(node)
            };
            Some(format!("{} {what}", section.word()))
        })
        .collect();
    parts.join("; ")
}

/// `v11 → v12: reported t 22 → 24`
fn moved(before: Option<&Shadow>, now: &Shadow) -> String {
    let empty = Node::empty();
    let parts: Vec<_> = [Section::Desired, Section::Reported]
        .into_iter()
        .filter_map(|section| {
            let old = before.and_then(|shadow| shadow.section(section));
            let new = now.section(section).unwrap_or(&empty);
            let patch = Node::patch(old.unwrap_or(&empty), new)?;
            Some(format!("{} {}", section.word(), fields(&patch)))
        })
        .collect();
    let from = before.map_or_else(String::new, |shadow| format!("{}→ ", version(shadow)));
    let what = if parts.is_empty() {
        "the same again".to_owned()
    } else {
        parts.join("; ")
    };
    format!("{from}{}{what}", version(now))
}

/// `led.r=255, on=true, 3 more`
fn fields(node: &Node) -> String {
    let mut path: Vec<String> = Vec::new();
    let mut all = Vec::new();
    for row in rows(&[Some(node)]) {
        path.truncate(row.depth);
        path.push(row.name);
        let value = match &row.cells[0] {
            Cell::Leaf(leaf) => leaf.raw.to_string(),
            Cell::EmptyObject => "{}".to_owned(),
            Cell::Branch | Cell::Absent => continue,
        };
        all.push(match value.as_str() {
            "null" => format!("{} taken away", path.join(".")),
            value => format!("{}={}", path.join("."), text::fit(value, VALUE)),
        });
    }
    if all.is_empty() {
        return "no field".to_owned();
    }
    let more = all.len().saturating_sub(NAMED);
    all.truncate(NAMED);
    if more > 0 {
        all.push(format!("{more} more"));
    }
    all.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_is_told_in_a_line() {
        let cases = [
            ("get", "", "asks for the shadow"),
            (
                "update",
                r#"{"state":{"desired":{"t":24.50}}}"#,
                "asks for desired t=24.50",
            ),
            (
                "update/accepted",
                r#"{"state":{"reported":{"led":{"r":1,"g":2},"a":[1],"b":2,"c":null},"desired":null},"version":13}"#,
                "v13 accepted: desired taken away; reported led.r=1, led.g=2, a=[1], 2 more",
            ),
            (
                "update/documents",
                r#"{"previous":{"state":{"reported":{"t":22}},"version":1},"current":{"state":{"reported":{"t":24}},"version":2}}"#,
                "v1 → v2 reported t=24",
            ),
            (
                "update/documents",
                r#"{"previous":null,"current":{"state":{"reported":{"t":24}},"version":1}}"#,
                "v1 reported t=24",
            ),
            (
                "update/delta",
                r#"{"state":{"on":true},"version":3}"#,
                "v3 not as desired: on=true",
            ),
            (
                "get/accepted",
                r#"{"state":{"desired":{"t":1},"reported":{"t":1}},"version":4}"#,
                "v4 as desired",
            ),
            (
                "delete/accepted",
                r#"{"version":5}"#,
                "deleted at version 5",
            ),
            (
                "update/rejected",
                r#"{"code":409,"message":"Version conflict"}"#,
                "update rejected: 409 Version conflict",
            ),
            ("update/accepted", "no JSON", ""),
            ("else", "{}", ""),
        ];
        for (verb, payload, expected) in cases {
            assert_eq!(gist(verb, payload), expected, "{verb}");
        }
    }
}
