//! The payloads of the shadow service (`reference/aws-iot.md` 5.1). What is not as documented is left out, never guessed.

use super::{Node, Shadow};
use crate::base::moment::Timestamp;

/// What a rejection says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    pub code: u16,
    pub message: String,
}

/// `get/accepted`, `update/accepted` and the answers over REST: `state`, `metadata`, `version`, `timestamp`.
pub fn document(payload: &str) -> Option<Shadow> {
    let root = object(payload)?;
    let mut shadow = state(&root)?;
    shadow.at = time(&root);
    Some(shadow)
}

/// `update/documents`: what was before, where there was something, and what is now.
pub fn documents(payload: &str) -> Option<(Option<Shadow>, Shadow)> {
    let root = object(payload)?;
    let mut current = state(root.member("current")?)?;
    current.at = time(&root);
    Some((root.member("previous").and_then(state), current))
}

/// `update/delta`: the differing desired values stand directly in `state`.
pub fn delta(payload: &str) -> Option<Shadow> {
    let root = object(payload)?;
    let state = root.member("state")?.clone();
    Some(Shadow {
        delta: Some(state.timed(root.member("metadata"))),
        version: version(&root),
        at: time(&root),
        ..Shadow::default()
    })
}

/// `delete/accepted`: the version that was deleted. Its payload is documented differently by age, so any object will do.
pub fn deleted(payload: &str) -> Option<Option<u64>> {
    if payload.trim().is_empty() {
        return Some(None);
    }
    Some(version(&object(payload)?))
}

/// `…/rejected`.
pub fn rejected(payload: &str) -> Option<Rejection> {
    let root = object(payload)?;
    Some(Rejection {
        code: u16::try_from(root.member("code")?.number()?).ok()?,
        message: root
            .member("message")
            .and_then(Node::words)
            .unwrap_or_default(),
    })
}

/// The `clientToken` that an answer gives back.
pub fn token(payload: &str) -> Option<String> {
    object(payload)?.member("clientToken")?.words()
}

/// `ListNamedShadowsForThing`: names, and the token of the next page.
pub fn names(payload: &str) -> Option<(Vec<String>, Option<String>)> {
    let root = object(payload)?;
    let Node::Leaf(results) = root.member("results")? else {
        return None;
    };
    let names = serde_json::from_str(&results.raw).ok()?;
    Some((names, root.member("nextToken").and_then(Node::words)))
}

fn object(payload: &str) -> Option<Node> {
    Node::parse(payload).ok().filter(Node::is_object)
}

/// The sections of `state`, timed by `metadata`.
fn state(root: &Node) -> Option<Shadow> {
    let state = root.member("state").filter(|state| state.is_object())?;
    let metadata = root.member("metadata");
    let section = |name: &str| {
        let node = state.member(name)?.clone();
        Some(node.timed(metadata.and_then(|times| times.member(name))))
    };
    Some(Shadow {
        desired: section("desired"),
        reported: section("reported"),
        // Metadata has no times of the delta: they are those of what is desired.
        delta: state
            .member("delta")
            .cloned()
            .map(|delta| delta.timed(metadata.and_then(|times| times.member("desired")))),
        version: version(root),
        at: None,
    })
}

fn version(root: &Node) -> Option<u64> {
    root.member("version")?.number()
}

fn time(root: &Node) -> Option<Timestamp> {
    let seconds = root.member("timestamp")?.number()?;
    Some(Timestamp::from_seconds(i64::try_from(seconds).ok()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(node: Option<&Node>) -> String {
        node.map_or_else(|| "-".to_owned(), Node::text)
    }

    #[test]
    fn a_document_is_read_with_its_sections_version_and_time() {
        let shadow = document(
            r#"{"state":{"desired":{"t":24.50},"reported":{"t":22},"delta":{"t":24.50}},
                "metadata":{"desired":{"t":{"timestamp":100}},"reported":{"t":{"timestamp":90}}},
                "version":7,"timestamp":101,"clientToken":"abc"}"#,
        )
        .expect("a document");
        let sections = [&shadow.desired, &shadow.reported, &shadow.delta];
        assert_eq!(
            sections.map(|s| text(s.as_ref())),
            [r#"{"t":24.50}"#, r#"{"t":22}"#, r#"{"t":24.50}"#]
        );
        assert_eq!(shadow.version, Some(7));
        assert_eq!(shadow.at, Some(Timestamp::from_seconds(101)));
        assert_eq!(
            shadow.bytes(),
            r#"{"desired":{"t":24.50},"reported":{"t":22}}"#.len()
        );
    }

    #[test]
    fn an_update_that_takes_something_away_says_null() {
        let shadow = document(r#"{"state":{"desired":null,"reported":{"a":null}},"version":8}"#);
        let shadow = shadow.expect("a document");
        assert_eq!(text(shadow.desired.as_ref()), "null");
        assert_eq!(text(shadow.reported.as_ref()), r#"{"a":null}"#);
    }

    #[test]
    fn documents_tell_before_and_after_and_a_first_one_only_after() {
        let both = r#"{"previous":{"state":{"reported":{"a":1}},"metadata":{},"version":1},
            "current":{"state":{"reported":{"a":2}},"metadata":{},"version":2},"timestamp":5}"#;
        let (previous, current) = documents(both).expect("documents");
        assert_eq!(previous.and_then(|p| p.version), Some(1));
        assert_eq!(
            (current.version, current.at),
            (Some(2), Some(Timestamp::from_seconds(5)))
        );
        let first = r#"{"previous":null,"current":{"state":{},"version":1}}"#;
        assert_eq!(documents(first).expect("documents").0, None);
    }

    #[test]
    fn deltas_deletions_and_rejections_are_read() {
        let told = delta(
            r#"{"version":9,"timestamp":3,"state":{"on":true},"metadata":{"on":{"timestamp":2}}}"#,
        );
        assert_eq!(
            text(told.expect("a delta").delta.as_ref()),
            r#"{"on":true}"#
        );
        assert_eq!(deleted(r#"{"version":10,"timestamp":3}"#), Some(Some(10)));
        assert_eq!(deleted(""), Some(None));
        let no = rejected(
            r#"{"code":409,"message":"Version conflict","timestamp":3,"clientToken":"x"}"#,
        );
        assert_eq!(no.expect("a rejection").message, "Version conflict");
        assert_eq!(token(r#"{"clientToken":"\u0078"}"#).as_deref(), Some("x"));
    }

    #[test]
    fn a_page_of_names_tells_where_to_go_on() {
        let page = names(r#"{"results":["config","b"],"nextToken":"n","timestamp":1}"#);
        assert_eq!(
            page,
            Some((
                vec!["config".to_owned(), "b".to_owned()],
                Some("n".to_owned())
            ))
        );
        let last = names(r#"{"results":[],"nextToken":null}"#);
        assert_eq!(last, Some((Vec::new(), None)));
    }

    #[test]
    fn what_is_no_shadow_message_is_left_out() {
        for text in [
            "",
            "[]",
            "7",
            "{}",
            "{\"state\":7}",
            "{\"state\":{}",
            "\u{0}",
        ] {
            assert_eq!(document(text), None, "{text}");
            assert_eq!(documents(text), None, "{text}");
            assert_eq!(rejected(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_payload_breaks_it(text in "[\\[\\]{}\":,a-z0-9. ]{0,60}") {
            let _ = (document(&text), documents(&text), delta(&text), deleted(&text), rejected(&text), token(&text), names(&text));
        }
    }
}
