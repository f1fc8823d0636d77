//! Topics by their text: one, or those that begin with what was typed.

use super::{LEVELS, NodeId, ROOT, Tree};

impl Tree {
    pub fn find(&self, topic: &str) -> Option<NodeId> {
        let mut at = ROOT;
        for level in topic.splitn(LEVELS, '/') {
            at = self.child(at, level)?;
        }
        Some(self.id(at))
    }

    /// Topics that begin so, a few of them, in no order; for completion.
    pub fn beginning_with(&self, text: &str, most: usize) -> Vec<String> {
        let (above, begun) = match text.rsplit_once('/') {
            Some((above, begun)) => (self.find(above).map(|id| id.index), begun),
            None => (Some(ROOT), text),
        };
        let Some(above) = above else {
            return Vec::new();
        };
        self.nodes[above as usize]
            .children
            .iter()
            .filter(|child| self.nodes[**child as usize].name.starts_with(begun))
            .take(most)
            .filter_map(|child| self.path(self.id(*child)))
            .collect()
    }

    /// Topics with messages of their own that begin so, then those that hold it, whatever the case of letters; for
    /// completion. Of a large tree a part is looked through: a key press must not take long.
    pub fn topics_like(&self, text: &str, most: usize) -> Vec<String> {
        const LOOKED_AT: usize = 20_000;
        let folded = text.to_lowercase();
        let (mut begin, mut hold) = (Vec::new(), Vec::new());
        let all = self.nodes[ROOT as usize].children.clone();
        for mut left in [self.beginning(text), all] {
            let mut looked_at = 0;
            while let Some(index) = left.pop() {
                looked_at += 1;
                if begin.len() >= most || looked_at > LOOKED_AT {
                    break;
                }
                let node = &self.nodes[index as usize];
                left.extend(&node.children);
                if node.dead || node.own == 0 {
                    continue;
                }
                let Some(path) = self.path(self.id(index)) else {
                    continue;
                };
                if path.starts_with(text) {
                    begin.push(path);
                } else if path.to_lowercase().contains(&folded) {
                    hold.push(path);
                }
            }
        }
        for list in [&mut begin, &mut hold] {
            list.sort();
            list.dedup();
        }
        begin.into_iter().chain(hold).take(most).collect()
    }

    /// The nodes of the text's last level that begin so.
    fn beginning(&self, text: &str) -> Vec<u32> {
        let (above, begun) = match text.rsplit_once('/') {
            Some((above, begun)) => (self.find(above).map(|id| id.index), begun),
            None => (Some(ROOT), text),
        };
        let children = above.map(|above| &self.nodes[above as usize].children);
        let begins = |child: &u32| self.nodes[*child as usize].name.starts_with(begun);
        children
            .into_iter()
            .flatten()
            .copied()
            .filter(begins)
            .collect()
    }
}
