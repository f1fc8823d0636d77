//! The topics that are heard, as a tree: how much on each and below it, how often, what was said last.
//!
//! A message on a known topic costs a few steps a level and allocates nothing. Nodes are bounded in number and in bytes:
//! beyond that the topics that were silent for longest go, a batch at a time, and are counted. A node's number is never
//! given to another topic, so a number held elsewhere is valid or gone.

mod bound;
mod find;
pub mod pace;
pub mod rows;

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;

use super::ring::{Known, Seq};
use crate::base::keyed_hash::{AsItIs, KeyedHash};
use crate::base::moment::Mono;
use pace::Pace;

/// Nodes kept, branches included.
pub const NODES: usize = 200_000;
/// Bytes of all nodes.
const BYTES: usize = 80 * 1024 * 1024;
/// Levels told apart. Those further down stay together: a topic may have 32,768 of them.
const LEVELS: usize = 64;
/// Bytes of a payload that are kept for a glance at it.
pub const GLANCE: usize = 56;
/// What a node takes in the index and in its parent's list.
const BESIDE: usize = 60;

const ROOT: u32 = 0;
const NONE: u32 = u32::MAX;

/// Names a node; never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId {
    index: u32,
    serial: u32,
}

/// What is told of a message.
#[derive(Debug, Clone, Copy)]
pub struct Heard<'a> {
    pub at: Mono,
    pub seq: Seq,
    pub payload: &'a [u8],
    /// It came because the broker keeps it (MQTT 3.1.1, 3.3.1.3).
    pub retain: bool,
}

/// The beginning of the last payload.
#[derive(Debug, Clone, Copy)]
struct Glance {
    bytes: [u8; GLANCE],
    /// Length of the whole payload.
    length: u32,
}

/// One level of a topic.
#[derive(Debug)]
pub struct Node {
    name: Box<str>,
    parent: u32,
    serial: u32,
    /// The next node with the same hash.
    twin: u32,
    /// Neighbours in the order in which topics were last heard. Only topics with nothing below are in it.
    older: u32,
    newer: u32,
    listed: bool,
    dead: bool,
    retained: bool,
    /// Unfolded on the screen; kept here so that it goes with the node.
    open: bool,
    /// It has unfolded by itself, or the user has decided: it does so no more.
    settled: bool,
    /// A child came whose place is not at the end.
    out_of_place: bool,
    /// The sorting that its children stand in.
    sorted: u32,
    depth: u16,
    /// Children that are dead but still listed, while a batch goes.
    lost: u32,
    children: Vec<u32>,
    total: u64,
    own: u64,
    bytes: u64,
    /// Topics with messages of their own, this one among them.
    topics: u32,
    last: Mono,
    last_own: Seq,
    pace: Pace,
    glance: Glance,
    /// Which filters match this topic, and under which list of them that was found.
    matched: (u32, u64),
    /// The hash of its whole topic, where it is among `Tree::whole`; else 0.
    whole: u64,
    known: Known,
}

/// See the module.
#[derive(Debug)]
pub struct Tree {
    nodes: Vec<Node>,
    /// By hash of parent and name; those that collide are a chain.
    index: HashMap<u64, u32>,
    hasher: RandomState,
    /// Topics that messages came on, by the hash of all their levels. Of those that collide one is here.
    whole: HashMap<u64, u32, AsItIs>,
    whole_hash: KeyedHash,
    free: Vec<u32>,
    oldest: u32,
    newest: u32,
    live: usize,
    bytes: usize,
    most_nodes: usize,
    most_bytes: usize,
    let_go: u64,
    shape: u64,
    heard: u64,
}

impl Default for Tree {
    fn default() -> Self {
        Self::bounded(NODES, BYTES)
    }
}

impl Tree {
    /// For messages that have a ceiling: the tree takes a quarter of it at most.
    pub fn under(ceiling: usize) -> Self {
        Self::bounded(NODES, BYTES.min(ceiling / 4))
    }
}

impl Node {
    /// This level as it came: outside text, and maybe empty.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Messages on this topic and below.
    pub const fn total(&self) -> u64 {
        self.total
    }

    /// Messages on this very topic.
    pub const fn own(&self) -> u64 {
        self.own
    }

    /// Payload bytes, own and below.
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Topics below it that have messages of their own.
    pub fn topics_below(&self) -> u64 {
        u64::from(self.topics) - u64::from(self.own > 0)
    }

    /// When the last message came, own or below.
    pub const fn last(&self) -> Mono {
        self.last
    }

    /// Thousandths of a message a second over the last minute, own and below.
    pub fn rate(&self, at: Mono) -> u64 {
        self.pace.rate(at)
    }

    /// The broker keeps a message of this topic, as far as is known.
    pub const fn is_retained(&self) -> bool {
        self.retained
    }

    /// The last message on this very topic: its row in the ring, which may be gone from there.
    pub fn last_own(&self) -> Option<Seq> {
        (self.own > 0).then_some(self.last_own)
    }

    /// The beginning of that message's payload, and the length of the whole.
    pub fn glance(&self) -> Option<(&[u8], usize)> {
        let length = self.glance.length as usize;
        (self.own > 0).then(|| (&self.glance.bytes[..length.min(GLANCE)], length))
    }

    pub const fn has_children(&self) -> bool {
        !self.children.is_empty()
    }
}

impl Tree {
    /// At most that many nodes and bytes.
    pub fn bounded(most_nodes: usize, most_bytes: usize) -> Self {
        let root = Node {
            open: true,
            ..Node::new("", NONE, 0, Mono::default())
        };
        Self {
            nodes: vec![root],
            index: HashMap::new(),
            hasher: RandomState::new(),
            whole: HashMap::default(),
            whole_hash: KeyedHash::default(),
            free: Vec::new(),
            oldest: NONE,
            newest: NONE,
            live: 0,
            bytes: 0,
            most_nodes,
            most_bytes,
            let_go: 0,
            shape: 0,
            heard: 0,
        }
    }

    /// A message has come on `topic`.
    pub fn hear(&mut self, topic: &str, heard: &Heard<'_>) -> NodeId {
        let hash = self.whole_hash.of(topic.as_bytes());
        let at = match self.find_whole(hash, topic.as_bytes()) {
            Some(at) => at,
            None => self.walk(hash, topic, heard.at),
        };
        self.count(at, heard);
        self.touch(at);
        if self.live > self.most_nodes || self.bytes > self.most_bytes {
            self.let_some_go(at);
        }
        self.id(at)
    }

    /// The same where a message has come on it before; `None` where that is not known, and nothing has happened then.
    pub fn hear_known(&mut self, topic: &[u8], heard: &Heard<'_>) -> Option<NodeId> {
        let at = self.find_whole(self.whole_hash.of(topic), topic)?;
        self.count(at, heard);
        self.touch(at);
        Some(self.id(at))
    }

    /// Level by level; what is missing grows.
    fn walk(&mut self, hash: u64, topic: &str, now: Mono) -> u32 {
        let mut at = ROOT;
        for level in topic.splitn(LEVELS, '/') {
            at = match self.child(at, level) {
                Some(child) => child,
                None => self.grow(at, level, now),
            };
        }
        if hash != 0 {
            if let Some(other) = self.whole.insert(hash, at) {
                self.nodes[other as usize].whole = 0;
            }
            self.nodes[at as usize].whole = hash;
        }
        at
    }

    fn find_whole(&self, hash: u64, topic: &[u8]) -> Option<u32> {
        let found = *self.whole.get(&hash)?;
        let (mut at, mut rest) = (found, topic);
        loop {
            let node = &self.nodes[at as usize];
            rest = rest.strip_suffix(node.name.as_bytes())?;
            at = node.parent;
            if at == ROOT {
                return rest.is_empty().then_some(found);
            }
            rest = rest.strip_suffix(b"/")?;
        }
    }

    /// Where the ring has this topic, as [`Self::set_known`] was told.
    pub fn known(&self, id: NodeId) -> Known {
        self.nodes[id.index as usize].known
    }

    pub fn set_known(&mut self, id: NodeId, known: Known) {
        self.nodes[id.index as usize].known = known;
    }

    pub fn get(&self, id: NodeId) -> Option<&Node> {
        let node = self.nodes.get(id.index as usize)?;
        (node.serial == id.serial && !node.dead).then_some(node)
    }

    /// The whole topic down to this node, as it came.
    pub fn path(&self, id: NodeId) -> Option<String> {
        self.get(id)?;
        let mut names: Vec<&str> = self.line_of(id.index).map(|n| &*n.name).collect();
        names.reverse();
        Some(names.join("/"))
    }

    pub fn parent(&self, id: NodeId) -> Option<NodeId> {
        let parent = self.get(id)?.parent;
        (parent != ROOT).then(|| self.id(parent))
    }

    /// Topics that have messages of their own.
    pub fn topics(&self) -> usize {
        self.nodes[ROOT as usize].topics as usize
    }

    /// Nodes, branches included.
    pub fn len(&self) -> usize {
        self.live
    }

    pub fn is_empty(&self) -> bool {
        self.live == 0
    }

    /// Topics that the bound let go.
    pub fn let_go(&self) -> u64 {
        self.let_go
    }

    /// Bytes charged for all nodes.
    pub fn charged(&self) -> usize {
        self.bytes
    }

    /// Moves when a node comes or goes.
    pub fn shape(&self) -> u64 {
        self.shape
    }

    /// Messages counted.
    pub fn heard(&self) -> u64 {
        self.heard
    }

    pub fn is_open(&self, id: NodeId) -> bool {
        self.get(id).is_some_and(|node| node.open)
    }

    pub fn set_open(&mut self, id: NodeId, open: bool) {
        if self.get(id).is_some() {
            let node = &mut self.nodes[id.index as usize];
            node.open = open;
            node.settled = true;
        }
    }

    /// The node and all below it.
    pub fn set_open_below(&mut self, id: NodeId, open: bool) {
        if self.get(id).is_none() {
            return;
        }
        let mut todo = vec![id.index];
        while let Some(index) = todo.pop() {
            let node = &mut self.nodes[index as usize];
            node.open = open;
            node.settled = true;
            todo.extend(&node.children);
        }
    }

    /// Which of the filters in force match this topic, as bits: worked out once for each list of filters.
    pub fn matched(&mut self, id: NodeId, list: u32, find: impl FnOnce() -> u64) -> u64 {
        let node = &mut self.nodes[id.index as usize];
        if node.matched.0 != list {
            node.matched = (list, find());
        }
        node.matched.1
    }

    fn id(&self, index: u32) -> NodeId {
        NodeId {
            index,
            serial: self.nodes[index as usize].serial,
        }
    }

    /// The node and those above it, without the root.
    fn line_of(&self, index: u32) -> impl Iterator<Item = &Node> {
        let mut at = index;
        std::iter::from_fn(move || {
            let node = self.nodes.get(at as usize).filter(|_| at != ROOT)?;
            at = node.parent;
            Some(node)
        })
    }

    fn hash(&self, parent: u32, name: &str) -> u64 {
        self.hasher.hash_one((parent, name))
    }

    fn child(&self, parent: u32, name: &str) -> Option<u32> {
        let mut at = *self.index.get(&self.hash(parent, name))?;
        while at != NONE {
            let node = &self.nodes[at as usize];
            if node.parent == parent && *node.name == *name {
                return Some(at);
            }
            at = node.twin;
        }
        None
    }

    fn grow(&mut self, parent: u32, name: &str, at: Mono) -> u32 {
        let hash = self.hash(parent, name);
        let depth = match parent {
            ROOT => 0,
            _ => self.nodes[parent as usize].depth + 1,
        };
        let mut node = Node::new(name, parent, depth, at);
        self.bytes += node.cost();
        self.live += 1;
        self.shape += 1;
        node.twin = self.index.get(&hash).copied().unwrap_or(NONE);
        let index = if let Some(index) = self.free.pop() {
            node.serial = self.nodes[index as usize].serial + 1;
            self.nodes[index as usize] = node;
            index
        } else {
            self.nodes.push(node);
            u32::try_from(self.nodes.len() - 1).unwrap_or(NONE)
        };
        self.index.insert(hash, index);
        self.unlink(parent);
        let last = self.nodes[parent as usize].children.last().copied();
        let in_place = last.is_none_or(|last| *self.nodes[last as usize].name < *name);
        let parent = &mut self.nodes[parent as usize];
        parent.out_of_place |= !in_place;
        parent.children.push(index);
        index
    }

    /// The message counts for the node and all above it.
    fn count(&mut self, index: u32, heard: &Heard<'_>) {
        self.heard += 1;
        let node = &mut self.nodes[index as usize];
        let new = u32::from(node.own == 0);
        node.own += 1;
        node.last_own = heard.seq;
        node.glance = Glance::of(heard.payload);
        // An empty retained message clears what is kept, and whoever listens hears it without the mark
        // (MQTT 3.1.1, 3.3.1.3).
        node.retained = !heard.payload.is_empty() && (node.retained || heard.retain);
        let mut at = index;
        loop {
            let node = &mut self.nodes[at as usize];
            node.total += 1;
            node.bytes += heard.payload.len() as u64;
            node.topics += new;
            node.last = heard.at;
            node.pace.count(heard.at);
            if at == ROOT {
                return;
            }
            at = node.parent;
        }
    }
}

impl Node {
    fn new(name: &str, parent: u32, depth: u16, at: Mono) -> Self {
        Self {
            name: name.into(),
            parent,
            serial: 0,
            twin: NONE,
            older: NONE,
            newer: NONE,
            listed: false,
            dead: false,
            retained: false,
            open: false,
            settled: false,
            out_of_place: false,
            sorted: 0,
            depth,
            lost: 0,
            children: Vec::new(),
            total: 0,
            own: 0,
            bytes: 0,
            topics: 0,
            last: at,
            last_own: Seq(0),
            pace: Pace::new(at),
            glance: Glance::of(&[]),
            matched: (0, 0),
            whole: 0,
            known: Known::default(),
        }
    }

    fn cost(&self) -> usize {
        size_of::<Self>() + self.name.len() + BESIDE
    }
}

impl Glance {
    fn of(payload: &[u8]) -> Self {
        let mut bytes = [0; GLANCE];
        let kept = payload.len().min(GLANCE);
        bytes[..kept].copy_from_slice(&payload[..kept]);
        Self {
            bytes,
            length: u32::try_from(payload.len()).unwrap_or(u32::MAX),
        }
    }
}

#[cfg(test)]
mod tests;
