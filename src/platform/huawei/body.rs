//! JSON as the text it came as: no number is altered between a person and the platform, in either direction.

use crate::domain::json::quote;
use crate::domain::message::Message;
use crate::domain::shadow::{Leaf, Node};

/// The platform takes no payload that is longer; what a foreign broker sends beyond is not taken apart.
const LONGEST: usize = 1 << 20;

/// `null` for what is no JSON.
pub(super) fn read(bytes: &[u8]) -> Node {
    let text = std::str::from_utf8(bytes).ok();
    text.and_then(|text| Node::parse(text).ok())
        .unwrap_or_else(null)
}

/// The same of a message.
pub(super) fn of(message: &Message) -> Node {
    if message.payload.len() > LONGEST {
        return null();
    }
    read(&message.payload)
}

fn null() -> Node {
    raw("null")
}

/// JSON that is known to be some.
pub(super) fn raw(json: &str) -> Node {
    Node::Leaf(Leaf::new(json))
}

pub(super) fn text(words: &str) -> Node {
    raw(&quote(words))
}

pub(super) fn object<const N: usize>(members: [(&str, Node); N]) -> Node {
    let members = members.into_iter();
    Node::Object(
        members
            .map(|(name, node)| (name.to_owned(), node))
            .collect(),
    )
}

pub(super) fn array(items: &[Node]) -> Node {
    let items: Vec<_> = items.iter().map(Node::text).collect();
    raw(&format!("[{}]", items.join(",")))
}

/// What a member says; empty where it is no text.
pub(super) fn word(body: &Node, name: &str) -> String {
    body.member(name).and_then(Node::words).unwrap_or_default()
}

/// The first of these members that says something: both interfaces have the same things under different names.
pub(super) fn word_of(body: &Node, names: [&str; 2]) -> String {
    let words = names.map(|name| word(body, name));
    words
        .into_iter()
        .find(|word| !word.is_empty())
        .unwrap_or_default()
}

/// The items of a member; none where it is no array.
pub(super) fn list(body: &Node, name: &str) -> Vec<Node> {
    body.member(name).and_then(Node::items).unwrap_or_default()
}

pub(super) fn whole(body: &Node, name: &str) -> Option<i64> {
    match body.member(name)? {
        Node::Leaf(leaf) => leaf.raw.parse().ok(),
        Node::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_go_through_as_they_were_written() {
        let written = r#"{"b":1.50,"a":[12345678901234567890123,1e400],"거":"\u0041"}"#;
        let body = read(written.as_bytes());
        assert_eq!(body.text(), written);
        let around = object([("services", array(&[body, text("a\"b")]))]);
        assert_eq!(
            around.text(),
            format!("{{\"services\":[{written},\"a\\\"b\"]}}")
        );
    }

    #[test]
    fn any_bytes_are_stood() {
        for bytes in [&b"\xff"[..], b"", b"{", b"7", &[b'['; 5000]] {
            let body = read(bytes);
            assert_eq!(word(&body, "a"), "");
            assert!(list(&body, "a").is_empty());
            assert_eq!(whole(&body, "a"), None);
        }
    }
}
