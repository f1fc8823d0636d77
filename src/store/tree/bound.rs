//! What keeps the tree within its bounds: topics in the order in which they were last heard, and those that go.

use super::{NONE, ROOT, Tree};

impl Tree {
    /// It is the last that was heard.
    pub(super) fn touch(&mut self, at: u32) {
        if at != self.newest && self.nodes[at as usize].children.is_empty() {
            self.unlink(at);
            self.link(at);
        }
    }

    fn link(&mut self, index: u32) {
        let before = std::mem::replace(&mut self.newest, index);
        let node = &mut self.nodes[index as usize];
        (node.older, node.newer, node.listed) = (before, NONE, true);
        match before {
            NONE => self.oldest = index,
            before => self.nodes[before as usize].newer = index,
        }
    }

    pub(super) fn unlink(&mut self, index: u32) {
        let node = &mut self.nodes[index as usize];
        if !std::mem::take(&mut node.listed) {
            return;
        }
        let (older, newer) = (node.older, node.newer);
        match older {
            NONE => self.oldest = newer,
            older => self.nodes[older as usize].newer = newer,
        }
        match newer {
            NONE => self.newest = older,
            newer => self.nodes[newer as usize].older = older,
        }
    }

    /// One in sixteen, so that ever new topics do not cost a search each.
    pub(super) fn let_some_go(&mut self, keep: u32) {
        let nodes = self.most_nodes - self.most_nodes / 16;
        let bytes = self.most_bytes - self.most_bytes / 16;
        let (mut thinned, mut dead) = (Vec::new(), Vec::new());
        while self.live > nodes || self.bytes > bytes {
            let gone = self.oldest;
            // The one just heard stays, whatever it takes.
            if gone == NONE || gone == keep {
                break;
            }
            self.remove(gone, &mut thinned, &mut dead);
        }
        for parent in thinned {
            let mut children = std::mem::take(&mut self.nodes[parent as usize].children);
            children.retain(|child| !self.nodes[*child as usize].dead);
            let parent = &mut self.nodes[parent as usize];
            parent.children = children;
            parent.lost = 0;
        }
        self.free.append(&mut dead);
        self.shape += 1;
    }

    /// A topic without anything below, and the branches above it that are left without anything.
    fn remove(&mut self, index: u32, thinned: &mut Vec<u32>, dead: &mut Vec<u32>) {
        if self.nodes[index as usize].own > 0 {
            self.let_go += 1;
            let mut at = self.nodes[index as usize].parent;
            while at != NONE {
                let above = &mut self.nodes[at as usize];
                above.topics -= 1;
                at = above.parent;
            }
        }
        let mut at = index;
        loop {
            self.bury(at);
            dead.push(at);
            at = self.nodes[at as usize].parent;
            let parent = &mut self.nodes[at as usize];
            if parent.lost == 0 {
                thinned.push(at);
            }
            parent.lost += 1;
            if at == ROOT || parent.children.len() > parent.lost as usize {
                return;
            }
            if parent.own > 0 {
                return self.link(at);
            }
        }
    }

    fn bury(&mut self, index: u32) {
        self.unlink(index);
        let node = &self.nodes[index as usize];
        let (hash, twin) = (self.hash(node.parent, &node.name), node.twin);
        self.bytes -= node.cost();
        self.live -= 1;
        match self.index.get(&hash).copied() {
            Some(first) if first == index && twin == NONE => {
                self.index.remove(&hash);
            }
            Some(first) if first == index => {
                self.index.insert(hash, twin);
            }
            first => self.skip_twin(first.unwrap_or(NONE), index, twin),
        }
        let node = &mut self.nodes[index as usize];
        node.dead = true;
        node.name = "".into();
        if node.whole != 0 {
            self.whole.remove(&node.whole);
        }
    }

    fn skip_twin(&mut self, first: u32, gone: u32, next: u32) {
        let mut at = first;
        while at != NONE {
            let node = &mut self.nodes[at as usize];
            if node.twin == gone {
                node.twin = next;
                return;
            }
            at = node.twin;
        }
    }
}
