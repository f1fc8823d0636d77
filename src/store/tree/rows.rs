//! The rows of the tree as it is seen: which nodes, in which order, for a window over them.
//!
//! A window is a slice. The list is made anew when nodes came or went, when something was folded, or when the order is
//! due; whoever holds it decides how often that may be.

use std::cmp::Ordering;

use super::{NodeId, ROOT, Tree};
use crate::base::moment::Mono;

/// While nobody has folded anything, branches unfold by themselves up to so many rows. Beyond that the wide ones are folded
/// again, and where that is not enough, all.
const BY_ITSELF: usize = 200;
/// Levels right below a branch that is not wide.
const WIDE: usize = 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    #[default]
    Name,
    /// The most messages a second first.
    Rate,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    pub id: NodeId,
    /// Levels above it.
    pub depth: u16,
    pub branch: Branch,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Branch {
    None,
    Folded,
    Unfolded,
}

/// How the tree is to be seen.
#[derive(Debug, Clone, Copy)]
pub struct Sight<'a> {
    pub order: Order,
    /// Lower-case words, all of which must be in the topic; empty shows everything.
    pub needle: &'a str,
    /// The order is worked out anew. Without it known nodes keep their places.
    pub sort: bool,
    /// This node and those above it keep their places among their siblings while the others are sorted around them.
    pub pin: Option<NodeId>,
    /// The user has put the cursor somewhere: nothing folds by itself.
    pub placed: bool,
    pub at: Mono,
}

/// See the module.
#[derive(Debug)]
pub struct Rows {
    list: Vec<Row>,
    /// The tree's shape that they show.
    shape: u64,
    /// Names one sorting; children that stand in another one are sorted when they are seen.
    sorting: u32,
    /// Topics that the needle found.
    found: u64,
    /// Branches still unfold by themselves.
    unfolds: bool,
}

impl Default for Rows {
    fn default() -> Self {
        Self {
            list: Vec::new(),
            shape: 0,
            sorting: 0,
            found: 0,
            unfolds: true,
        }
    }
}

impl Rows {
    /// For a second look at a tree: its sorting is told from that of the first.
    pub fn beside() -> Self {
        Self {
            sorting: 1 << 31,
            ..Self::default()
        }
    }

    pub fn len(&self) -> usize {
        self.list.len()
    }

    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub fn get(&self, index: usize) -> Option<Row> {
        self.list.get(index).copied()
    }

    pub fn window(&self, offset: usize, rows: usize) -> &[Row] {
        let from = offset.min(self.list.len());
        let to = (from + rows).min(self.list.len());
        &self.list[from..to]
    }

    pub fn position(&self, id: NodeId) -> Option<usize> {
        self.list.iter().position(|row| row.id == id)
    }

    /// Topics with messages of their own that the needle lets through, folded ones too.
    pub fn found(&self) -> u64 {
        self.found
    }

    /// Nodes came or went since the list was made.
    pub fn is_stale(&self, tree: &Tree) -> bool {
        self.shape != tree.shape()
    }

    /// The user folds now: nothing unfolds by itself any more.
    pub fn keep_folds(&mut self) {
        self.unfolds = false;
    }

    pub fn rebuild(&mut self, tree: &mut Tree, sight: &Sight<'_>) {
        if sight.sort || self.sorting == 0 {
            self.sorting += 1;
        }
        self.walk_all(tree, sight);
        for most in [WIDE, 0] {
            if !self.unfolds || self.list.len() <= BY_ITSELF {
                break;
            }
            self.unfolds = most > 0 && !sight.placed;
            if !sight.placed {
                fold_again(tree, most);
                self.walk_all(tree, sight);
            }
        }
        self.shape = tree.shape();
    }

    fn walk_all(&mut self, tree: &mut Tree, sight: &Sight<'_>) {
        let words: Vec<&str> = sight.needle.split_whitespace().collect();
        let mut walk = Walk {
            tree,
            sight,
            pins: Vec::new(),
            words,
            sorting: self.sorting,
            unfolds: self.unfolds && sight.needle.is_empty(),
            path: String::new(),
            found: 0,
            rows: std::mem::take(&mut self.list),
        };
        walk.rows.clear();
        walk.pins = walk.pins_of(sight.pin);
        let all = walk.words.is_empty();
        walk.children(ROOT, 0, all);
        self.found = walk.found;
        self.list = walk.rows;
    }
}

/// Only what unfolded by itself, and of that the branches with more than `most` levels right below.
fn fold_again(tree: &mut Tree, most: usize) {
    let nodes = tree.nodes.iter_mut().skip(1);
    for node in nodes.filter(|node| node.settled && node.children.len() > most) {
        node.open = false;
    }
}

/// One way through the tree, from the top.
struct Walk<'a> {
    tree: &'a mut Tree,
    sight: &'a Sight<'a>,
    /// Nodes that keep their places.
    pins: Vec<u32>,
    words: Vec<&'a str>,
    sorting: u32,
    unfolds: bool,
    /// The topic down to the node at hand, lower case.
    path: String,
    found: u64,
    rows: Vec<Row>,
}

impl Walk<'_> {
    fn pins_of(&self, pin: Option<NodeId>) -> Vec<u32> {
        let mut pins = Vec::new();
        let mut at = pin.filter(|id| self.tree.get(*id).is_some());
        while let Some(id) = at {
            pins.push(id.index);
            at = self.tree.parent(id);
        }
        pins
    }

    /// `matches`: what stands above matches already, and so does everything below.
    fn children(&mut self, parent: u32, depth: u16, matches: bool) {
        self.sort(parent);
        let children = std::mem::take(&mut self.tree.nodes[parent as usize].children);
        for child in &children {
            self.node(*child, depth, matches);
        }
        self.tree.nodes[parent as usize].children = children;
    }

    fn node(&mut self, index: u32, depth: u16, matches: bool) {
        let before = self.path.len();
        let matches = matches || self.enter(index);
        self.unfold_by_itself(index);
        let node = &self.tree.nodes[index as usize];
        let (open, leaf) = (node.open, node.children.is_empty());
        if matches {
            self.found += u64::from(node.topics);
        }
        let row = self.rows.len();
        self.rows.push(Row {
            id: self.tree.id(index),
            depth,
            branch: match (leaf, open || !matches) {
                (true, _) => Branch::None,
                (false, true) => Branch::Unfolded,
                (false, false) => Branch::Folded,
            },
        });
        if !leaf && (open || !matches) {
            // As a match above is a match below, only a node without one needs its topic any further.
            if !matches {
                self.path.push('/');
            }
            self.children(index, depth + 1, matches);
        }
        if !matches && self.rows.len() == row + 1 {
            self.rows.pop();
        }
        self.path.truncate(before);
    }

    /// Adds the node's name to the topic; whether all words are in it now.
    fn enter(&mut self, index: u32) -> bool {
        let name = self.tree.nodes[index as usize].name();
        if name.is_ascii() {
            let lower = name
                .bytes()
                .map(|byte| char::from(byte.to_ascii_lowercase()));
            self.path.extend(lower);
        } else {
            self.path.push_str(&name.to_lowercase());
        }
        self.words.iter().all(|word| self.path.contains(word))
    }

    fn unfold_by_itself(&mut self, index: u32) {
        if self.unfolds {
            let node = &mut self.tree.nodes[index as usize];
            if !node.settled && !node.children.is_empty() {
                (node.open, node.settled) = (true, true);
            }
        }
    }

    fn sort(&mut self, parent: u32) {
        let (sorting, at, order) = (self.sorting, self.sight.at, self.sight.order);
        let node = &mut self.tree.nodes[parent as usize];
        let old = node.sorted != sorting;
        let misplaced = order == Order::Name && node.out_of_place;
        if !old && !misplaced {
            return;
        }
        node.sorted = sorting;
        node.out_of_place = false;
        let mut children = std::mem::take(&mut node.children);
        let pin = children.iter().position(|child| self.pins.contains(child));
        let pinned = pin.map(|place| (place, children[place]));
        let nodes = &self.tree.nodes;
        let name = |child: &u32| nodes[*child as usize].name();
        match order {
            Order::Name => children.sort_by(|a, b| by_name(name(a), name(b))),
            Order::Rate => {
                let rate = |child: &u32| nodes[*child as usize].rate(at);
                let mut rated: Vec<_> = children.iter().map(|c| (rate(c), *c)).collect();
                rated.sort_by(|(a, one), (b, other)| {
                    let (one, other) = (name(one), name(other));
                    let own = is_own(one).cmp(&is_own(other));
                    own.then_with(|| b.cmp(a)).then_with(|| by_name(one, other))
                });
                children.clear();
                children.extend(rated.iter().map(|(_, child)| *child));
            }
        }
        if let Some((place, child)) = pinned {
            let now = children.iter().position(|c| *c == child).unwrap_or(place);
            children.remove(now);
            children.insert(place, child);
        }
        self.tree.nodes[parent as usize].children = children;
    }
}

/// What the broker says of itself: `$SYS` and the like.
fn is_own(name: &str) -> bool {
    name.starts_with('$')
}

/// What the broker says of itself comes last; numbers in names count as numbers.
fn by_name(a: &str, b: &str) -> Ordering {
    is_own(a)
        .cmp(&is_own(b))
        .then_with(|| natural(a.as_bytes(), b.as_bytes()))
        .then_with(|| a.cmp(b))
}

/// `sensor2` before `sensor10`.
fn natural(mut a: &[u8], mut b: &[u8]) -> Ordering {
    while let ([x, ..], [y, ..]) = (a, b) {
        if x.is_ascii_digit() && y.is_ascii_digit() {
            let (one, rest_a) = number(a);
            let (other, rest_b) = number(b);
            let order = one.len().cmp(&other.len()).then_with(|| one.cmp(other));
            if order.is_ne() {
                return order;
            }
            (a, b) = (rest_a, rest_b);
        } else if x == y {
            (a, b) = (&a[1..], &b[1..]);
        } else {
            return x.cmp(y);
        }
    }
    a.len().cmp(&b.len())
}

/// The digits at the beginning without leading zeros, and what follows them.
fn number(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(|byte| !byte.is_ascii_digit());
    let (digits, rest) = text.split_at(end.unwrap_or(text.len()));
    let zeros = digits.iter().position(|byte| *byte != b'0');
    (&digits[zeros.unwrap_or(digits.len())..], rest)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::Heard;
    use super::*;
    use crate::store::ring::Seq;

    fn hear(tree: &mut Tree, topic: &str, second: u64, times: usize) {
        for _ in 0..times {
            let heard = Heard {
                at: at(second),
                seq: Seq(0),
                payload: b"x",
                retain: false,
            };
            tree.hear(topic, &heard);
        }
    }

    fn at(second: u64) -> Mono {
        Mono(Duration::from_secs(second))
    }

    const PLAIN: Sight<'_> = Sight {
        order: Order::Name,
        needle: "",
        sort: false,
        pin: None,
        placed: false,
        at: Mono(Duration::ZERO),
    };

    fn shown(rows: &Rows, tree: &Tree) -> Vec<String> {
        let text = |row: &Row| {
            let name = tree.get(row.id).map_or("gone", |node| node.name());
            let sign = match row.branch {
                Branch::None => "",
                Branch::Folded => "+",
                Branch::Unfolded => "-",
            };
            format!("{}{sign}{name}", " ".repeat(usize::from(row.depth)))
        };
        rows.window(0, usize::MAX).iter().map(text).collect()
    }

    #[test]
    fn a_small_tree_unfolds_by_itself_and_a_large_one_folds_again() {
        let (mut tree, mut rows) = (Tree::default(), Rows::default());
        for topic in ["home/b10", "home/b9", "$SYS/broker", "a/x"] {
            hear(&mut tree, topic, 0, 1);
        }
        rows.rebuild(&mut tree, &PLAIN);
        assert_eq!(
            shown(&rows, &tree),
            ["-a", " x", "-home", " b9", " b10", "-$SYS", " broker"]
        );
        for n in 0..300 {
            hear(&mut tree, &format!("home/{n}"), 0, 1);
        }
        assert!(rows.is_stale(&tree));
        rows.rebuild(&mut tree, &PLAIN);
        assert_eq!(
            shown(&rows, &tree),
            ["-a", " x", "+home", "-$SYS", " broker"]
        );
        for n in 0..300 {
            hear(&mut tree, &format!("{n}/x"), 0, 1);
        }
        rows.rebuild(&mut tree, &PLAIN);
        assert_eq!(
            shown(&rows, &tree)[298..],
            ["+298", "+299", "+a", "+home", "+$SYS"]
        );
    }

    #[test]
    fn words_are_looked_for_in_the_whole_topic_and_branches_open_on_the_way() {
        let (mut tree, mut rows) = (Tree::default(), Rows::default());
        rows.keep_folds();
        for topic in ["Home/거실/Temp", "home/bath/temp", "home/bath/light", "x"] {
            hear(&mut tree, topic, 0, 1);
        }
        let mut seen = |needle: &str| {
            rows.rebuild(&mut tree, &Sight { needle, ..PLAIN });
            (shown(&rows, &tree), rows.found())
        };
        let (all, found) = seen("");
        assert_eq!(
            (all, found),
            (vec!["+Home".into(), "+home".into(), "x".into()], 4)
        );
        let (temps, found) = seen("temp home");
        assert_eq!(
            temps,
            ["-Home", " -거실", "  Temp", "-home", " -bath", "  temp"]
        );
        assert_eq!(found, 2);
        let (bath, found) = seen("bath");
        assert_eq!((bath, found), (vec!["-home".into(), " +bath".into()], 2));
        assert_eq!(seen("거실").1, 1);
        assert_eq!(seen("nothing").0, Vec::<String>::new());
    }

    #[test]
    fn by_rate_the_busiest_is_first_and_the_pinned_one_stands_still() {
        let (mut tree, mut rows) = (Tree::default(), Rows::default());
        for (topic, times) in [("a", 1), ("b", 9), ("c", 5)] {
            hear(&mut tree, topic, 0, times);
        }
        let sight = Sight {
            order: Order::Rate,
            at: at(1),
            ..PLAIN
        };
        rows.rebuild(&mut tree, &sight);
        assert_eq!(shown(&rows, &tree), ["b", "c", "a"]);
        hear(&mut tree, "a", 1, 50);
        hear(&mut tree, "new", 1, 99);
        rows.rebuild(&mut tree, &sight);
        assert_eq!(
            shown(&rows, &tree),
            ["b", "c", "a", "new"],
            "not sorted yet"
        );
        let pin = tree.find("c");
        rows.rebuild(
            &mut tree,
            &Sight {
                sort: true,
                pin,
                ..sight
            },
        );
        assert_eq!(shown(&rows, &tree), ["new", "c", "a", "b"]);
    }

    #[test]
    fn what_is_gone_is_gone_from_a_held_list_too() {
        let (mut tree, mut rows) = (Tree::bounded(16, usize::MAX), Rows::default());
        for n in 0..16 {
            hear(&mut tree, &format!("t{n}"), n, 1);
        }
        rows.rebuild(&mut tree, &PLAIN);
        hear(&mut tree, "one more", 99, 1);
        assert_eq!(shown(&rows, &tree)[0], "gone");
        rows.rebuild(&mut tree, &PLAIN);
        assert_eq!(shown(&rows, &tree)[0], "one more");
    }
}
