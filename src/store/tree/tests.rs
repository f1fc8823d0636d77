use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;

use super::*;

fn heard(second: u64, payload: &[u8]) -> Heard<'_> {
    Heard {
        at: Mono(Duration::from_secs(second)),
        seq: Seq(second),
        payload,
        retain: false,
    }
}

fn node<'a>(tree: &'a Tree, topic: &str) -> &'a Node {
    let id = tree.find(topic).unwrap_or_else(|| panic!("no {topic}"));
    tree.get(id).expect("just found")
}

#[test]
fn a_message_counts_on_its_topic_and_on_all_above() {
    let mut tree = Tree::default();
    tree.hear("home/kitchen/temp", &heard(1, b"21.5"));
    tree.hear("home/kitchen/temp", &heard(2, b"21.75"));
    tree.hear("home/kitchen", &heard(3, b"on"));
    let figures = |topic| {
        let node = node(&tree, topic);
        (node.total(), node.own(), node.topics_below(), node.bytes())
    };
    assert_eq!(figures("home"), (3, 0, 2, 11));
    assert_eq!(figures("home/kitchen"), (3, 1, 1, 11));
    assert_eq!(figures("home/kitchen/temp"), (2, 2, 0, 9));
    assert_eq!((tree.topics(), tree.len()), (2, 3));
    let temp = node(&tree, "home/kitchen/temp");
    assert_eq!(temp.glance(), Some((b"21.75".as_slice(), 5)));
    assert_eq!(temp.last_own(), Some(Seq(2)));
    assert_eq!(node(&tree, "home").glance(), None);
}

#[test]
fn empty_levels_are_levels() {
    let mut tree = Tree::default();
    for topic in ["/a", "a//b", "a/", "/"] {
        let id = tree.hear(topic, &heard(1, b"x"));
        assert_eq!(tree.path(id).as_deref(), Some(topic));
    }
    assert_eq!(tree.topics(), 4);
    assert_eq!(node(&tree, "").topics_below(), 2);
}

#[test]
fn a_topic_of_thousands_of_levels_is_one_line_of_nodes() {
    let mut tree = Tree::default();
    let deep = "a/".repeat(30_000);
    let id = tree.hear(&deep, &heard(1, b"x"));
    assert_eq!(tree.len(), LEVELS);
    assert_eq!(tree.path(id), Some(deep));
}

#[test]
fn the_mark_of_a_retained_message_goes_with_an_empty_one() {
    let mut tree = Tree::default();
    let kept = Heard {
        retain: true,
        ..heard(1, b"on")
    };
    tree.hear("lamp", &kept);
    tree.hear("lamp", &heard(2, b"off"));
    assert!(
        node(&tree, "lamp").is_retained(),
        "a live one says nothing of what is kept"
    );
    tree.hear("lamp", &heard(3, b""));
    assert!(!node(&tree, "lamp").is_retained());
}

#[test]
fn the_topics_that_were_silent_for_longest_go_first_and_are_counted() {
    let mut tree = Tree::bounded(64, usize::MAX);
    for n in 0..60 {
        tree.hear(&format!("d/{n}"), &heard(n, b"x"));
    }
    tree.hear("d/0", &heard(100, b"x"));
    let gone = tree.find("d/1").expect("it is there still");
    for n in 60..64 {
        tree.hear(&format!("d/{n}"), &heard(n + 100, b"x"));
    }
    assert_eq!((tree.len(), tree.let_go()), (60, 5));
    assert!(tree.get(gone).is_none());
    assert_eq!(tree.find("d/5"), None);
    for kept in ["d/0", "d/6", "d/63"] {
        assert!(tree.find(kept).is_some(), "{kept}");
    }
    assert_eq!(
        node(&tree, "d").total(),
        65,
        "what was heard stays counted above"
    );
    let new = tree.hear("d/1", &heard(200, b"x"));
    assert_ne!(
        new, gone,
        "it is another node, though the topic is the same"
    );
}

#[test]
fn a_branch_goes_with_its_last_topic() {
    let mut tree = Tree::bounded(16, usize::MAX);
    tree.hear("a/b/c/d", &heard(1, b"x"));
    for n in 0..13 {
        tree.hear(&format!("n{n}"), &heard(2, b"x"));
    }
    assert_eq!(tree.find("a"), None);
    assert_eq!((tree.len(), tree.let_go()), (13, 1));
}

#[test]
fn completion_knows_the_next_level() {
    let mut tree = Tree::default();
    for topic in ["home/kitchen/temp", "home/kiosk", "home/bath", "other"] {
        tree.hear(topic, &heard(1, b"x"));
    }
    let mut found = tree.beginning_with("home/ki", 9);
    found.sort();
    assert_eq!(found, ["home/kiosk", "home/kitchen"]);
    assert_eq!(tree.beginning_with("nowhere/", 9), Vec::<String>::new());
}

proptest! {
    /// The bound holds, and what is still there has the counts that a plain map would have.
    #[test]
    fn the_tree_agrees_with_a_map(
        topics in proptest::collection::vec("[a-c]{0,1}(/[a-d]{0,1}){0,4}", 1..300),
        most in 8_usize..80,
    ) {
        let mut tree = Tree::bounded(most, usize::MAX);
        let mut own: BTreeMap<String, u64> = BTreeMap::new();
        for (n, topic) in topics.iter().enumerate() {
            let before: Vec<_> = own.keys().cloned().collect();
            let id = tree.hear(topic, &heard(n as u64, b"xy"));
            *own.entry(topic.clone()).or_default() += 1;
            prop_assert_eq!(tree.path(id), Some(topic.clone()));
            prop_assert!(tree.len() <= most.max(LEVELS));
            for known in before {
                let there = tree.find(&known).and_then(|id| tree.get(id)).is_some_and(|n| n.own() > 0);
                if !there && known != *topic {
                    own.remove(&known);
                }
            }
            prop_assert_eq!(tree.topics(), own.len());
            for (topic, count) in &own {
                prop_assert_eq!(node(&tree, topic).own(), *count, "{}", topic);
            }
            let alive = tree.nodes.iter().skip(1).filter(|n| !n.dead);
            let cost: usize = alive.clone().map(Node::cost).sum();
            prop_assert_eq!((tree.len(), tree.charged()), (alive.count(), cost));
        }
    }
}
