//! Several trees side by side: one row for each field that one of them has.

use super::{Leaf, Node};

/// One field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Objects around it.
    pub depth: usize,
    pub name: String,
    /// One for each tree.
    pub cells: Vec<Cell>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    Absent,
    Leaf(Leaf),
    /// An object: its fields are the rows that follow.
    Branch,
    EmptyObject,
}

impl Cell {
    /// The same field with the same value, or missing in both.
    pub fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Leaf(a), Self::Leaf(b)) => a.same(b),
            _ => self == other,
        }
    }
}

/// The fields of all trees: in the order of the first, then what only the others have.
pub fn rows(trees: &[Option<&Node>]) -> Vec<Row> {
    let mut out = Vec::new();
    below(trees, 0, &mut out);
    out
}

fn below(trees: &[Option<&Node>], depth: usize, out: &mut Vec<Row>) {
    let mut names: Vec<&str> = Vec::new();
    for tree in trees {
        if let Some(Node::Object(members)) = tree {
            for (name, _) in members {
                if !names.contains(&name.as_str()) {
                    names.push(name);
                }
            }
        }
    }
    for name in names {
        let found: Vec<_> = trees
            .iter()
            .map(|tree| tree.and_then(|tree| tree.member(name)))
            .collect();
        out.push(Row {
            depth,
            name: name.to_owned(),
            cells: found.iter().map(|node| cell(*node)).collect(),
        });
        below(&found, depth + 1, out);
    }
}

fn cell(node: Option<&Node>) -> Cell {
    match node {
        None => Cell::Absent,
        Some(Node::Leaf(leaf)) => Cell::Leaf(leaf.clone()),
        Some(node) if node.is_empty() => Cell::EmptyObject,
        Some(Node::Object(_)) => Cell::Branch,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_has_one_row_with_all_its_values() {
        let trees = [
            r#"{"led":{"r":1},"t":24}"#,
            r#"{"t":22,"led":{"r":1,"g":2},"x":{"y":{}}}"#,
            r#"{"led":7}"#,
        ]
        .map(|text| Node::parse(text).expect("JSON"));
        let shown: Vec<_> = rows(&trees.each_ref().map(Some))
            .into_iter()
            .map(|row| {
                let cells: Vec<_> = row
                    .cells
                    .iter()
                    .map(|cell| match cell {
                        Cell::Absent => "-".to_owned(),
                        Cell::Leaf(leaf) => leaf.raw.to_string(),
                        Cell::Branch => ">".to_owned(),
                        Cell::EmptyObject => "{}".to_owned(),
                    })
                    .collect();
                format!("{}{} {}", "  ".repeat(row.depth), row.name, cells.join(" "))
            })
            .collect();
        assert_eq!(
            shown,
            [
                "led > > 7",
                "  r 1 1 -",
                "  g - 2 -",
                "t 24 22 -",
                "x - > -",
                "  y - {} -"
            ]
        );
    }
}
