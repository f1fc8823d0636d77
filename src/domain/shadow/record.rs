//! What is known of one shadow, brought up to date by whatever is heard: in any order, twice, or with something missed
//! between.

use super::{Node, Section, Shadow, ShadowChange};

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Record {
    pub knowledge: Knowledge,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Knowledge {
    #[default]
    Nothing,
    /// There is no shadow of this name; when there was one, its last version.
    Absent(Option<u64>),
    /// The document, with its delta.
    Whole(Shadow),
}

/// What became of something heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// Older than what is known, or nothing new.
    Known,
    Changed,
    /// It does not join what is known: the whole document is to be asked for.
    Missed,
}

impl Record {
    pub const fn shadow(&self) -> Option<&Shadow> {
        match &self.knowledge {
            Knowledge::Whole(shadow) => Some(shadow),
            Knowledge::Nothing | Knowledge::Absent(_) => None,
        }
    }

    pub fn version(&self) -> Option<u64> {
        self.shadow()?.version
    }

    pub fn hear(&mut self, change: &ShadowChange) -> Heard {
        match change {
            ShadowChange::Whole(shadow) => self.whole(shadow),
            ShadowChange::Patch(patch) => self.patch(patch),
            ShadowChange::Delta(delta) => self.delta(delta),
            ShadowChange::Deleted { version } => self.deleted(*version),
            ShadowChange::Refused { code: 404, .. } if self.knowledge == Knowledge::Nothing => {
                self.knowledge = Knowledge::Absent(None);
                Heard::Changed
            }
            ShadowChange::Refused { .. } => Heard::Known,
        }
    }

    /// The answer to our own question: so it is, whatever was known.
    pub fn told(&mut self, shadow: &Shadow) -> Heard {
        self.take(shadow)
    }

    fn whole(&mut self, shadow: &Shadow) -> Heard {
        if let Some(known) = self.shadow()
            && shadow.version < known.version
            && shadow.at <= known.at
        {
            return Heard::Known;
        }
        let is_late = self.is_of_before_the_end(shadow);
        let heard = self.take(shadow);
        if is_late { Heard::Missed } else { heard }
    }

    /// A version that the deleted document had: late, or of a new one more than 48 h after, which begins at 1 again. Who
    /// asks will know.
    fn is_of_before_the_end(&self, told: &Shadow) -> bool {
        matches!(self.knowledge, Knowledge::Absent(Some(last)) if told.version.is_some_and(|v| v <= last))
    }

    fn take(&mut self, shadow: &Shadow) -> Heard {
        let mut shadow = shadow.clone();
        for section in [Section::Desired, Section::Reported] {
            let node = shadow.section_mut(section);
            if node.as_ref().is_some_and(|node| !node.is_object()) {
                *node = None;
            }
        }
        if shadow.delta.is_none() {
            shadow.delta = shadow.difference();
        }
        let now = Knowledge::Whole(shadow);
        if self.knowledge == now {
            return Heard::Known;
        }
        self.knowledge = now;
        Heard::Changed
    }

    fn patch(&mut self, patch: &Shadow) -> Heard {
        let is_late = self.is_of_before_the_end(patch);
        let known = match &mut self.knowledge {
            Knowledge::Nothing => return Heard::Missed,
            // The first document has all of its fields in the update that made it.
            Knowledge::Absent(_) => {
                let mut shadow = Shadow {
                    version: patch.version,
                    at: patch.at,
                    ..Shadow::default()
                };
                merge(&mut shadow, patch);
                let heard = self.take(&shadow);
                return if is_late { Heard::Missed } else { heard };
            }
            Knowledge::Whole(known) => known,
        };
        if patch.version.is_some() && patch.version <= known.version {
            return Heard::Known;
        }
        let joins = patch.version == known.version.map(|version| version.saturating_add(1));
        merge(known, patch);
        known.delta = known.difference();
        known.version = patch.version.or(known.version);
        known.at = patch.at.or(known.at);
        if joins { Heard::Changed } else { Heard::Missed }
    }

    /// It tells what is desired, of the fields that differ; what was reported meanwhile it does not tell.
    fn delta(&mut self, told: &Shadow) -> Heard {
        let Knowledge::Whole(known) = &mut self.knowledge else {
            return Heard::Missed;
        };
        if told.version < known.version {
            return Heard::Known;
        }
        let is_same = told.version == known.version;
        if is_same && known.delta == told.delta {
            return Heard::Known;
        }
        known.delta.clone_from(&told.delta);
        if is_same {
            Heard::Changed
        } else {
            Heard::Missed
        }
    }

    fn deleted(&mut self, version: Option<u64>) -> Heard {
        if version.is_some() && self.version() > version {
            return Heard::Known;
        }
        let now = Knowledge::Absent(version.or_else(|| self.version()));
        if self.knowledge == now {
            return Heard::Known;
        }
        self.knowledge = now;
        Heard::Changed
    }
}

fn merge(shadow: &mut Shadow, patch: &Shadow) {
    for section in [Section::Desired, Section::Reported] {
        match patch.section(section) {
            None => {}
            Some(change) if change.is_null() => *shadow.section_mut(section) = None,
            Some(change) => {
                let node = shadow.section_mut(section);
                node.get_or_insert_with(Node::empty).merge(change);
                if node.as_ref().is_some_and(Node::is_empty) {
                    *node = None;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::read;
    use super::*;

    fn whole(text: &str) -> ShadowChange {
        ShadowChange::Whole(read::document(text).expect("a document"))
    }

    fn patch(text: &str) -> ShadowChange {
        ShadowChange::Patch(read::document(text).expect("a document"))
    }

    fn told(record: &Record) -> String {
        match &record.knowledge {
            Knowledge::Nothing => "nothing".to_owned(),
            Knowledge::Absent(version) => format!("absent {version:?}"),
            Knowledge::Whole(shadow) => {
                let text =
                    |node: &Option<Node>| node.as_ref().map_or_else(|| "-".to_owned(), Node::text);
                format!(
                    "v{} {} {} {}",
                    shadow.version.unwrap_or(0),
                    text(&shadow.desired),
                    text(&shadow.reported),
                    text(&shadow.delta)
                )
            }
        }
    }

    const FIRST: &str =
        r#"{"state":{"desired":{"a":2},"reported":{"a":1,"b":1}},"version":3,"timestamp":30}"#;

    #[test]
    fn an_update_that_follows_is_merged_and_the_delta_follows_too() {
        let mut record = Record::default();
        assert_eq!(record.hear(&whole(FIRST)), Heard::Changed);
        assert_eq!(told(&record), r#"v3 {"a":2} {"a":1,"b":1} {"a":2}"#);
        let next = r#"{"state":{"reported":{"a":2,"b":null}},"version":4,"timestamp":31}"#;
        assert_eq!(record.hear(&patch(next)), Heard::Changed);
        assert_eq!(told(&record), r#"v4 {"a":2} {"a":2} -"#);
        assert_eq!(record.hear(&patch(next)), Heard::Known);
        assert_eq!(record.hear(&whole(FIRST)), Heard::Known);
        assert_eq!(told(&record), r#"v4 {"a":2} {"a":2} -"#);
    }

    #[test]
    fn a_null_section_goes_and_an_emptied_one_too() {
        let mut record = Record::default();
        record.hear(&whole(FIRST));
        record.hear(&patch(r#"{"state":{"desired":null},"version":4}"#));
        record.hear(&patch(
            r#"{"state":{"reported":{"a":null,"b":null}},"version":5}"#,
        ));
        assert_eq!(told(&record), "v5 - - -");
    }

    #[test]
    fn a_gap_between_versions_is_said() {
        let mut record = Record::default();
        assert_eq!(
            record.hear(&patch(r#"{"state":{},"version":1}"#)),
            Heard::Missed
        );
        record.hear(&whole(FIRST));
        let later = r#"{"state":{"reported":{"c":3}},"version":6}"#;
        assert_eq!(record.hear(&patch(later)), Heard::Missed);
    }

    #[test]
    fn a_deleted_shadow_is_absent_until_the_next_update_makes_it_anew() {
        let mut record = Record::default();
        record.hear(&whole(FIRST));
        let gone = ShadowChange::Deleted { version: Some(4) };
        assert_eq!(record.hear(&gone), Heard::Changed);
        assert_eq!(told(&record), "absent Some(4)");
        record.hear(&patch(
            r#"{"state":{"desired":{"x":null,"y":1}},"version":1}"#,
        ));
        assert_eq!(told(&record), r#"v1 {"y":1} - {"y":1}"#);
        let old = ShadowChange::Deleted { version: Some(0) };
        assert_eq!(record.hear(&old), Heard::Known);
    }

    #[test]
    fn what_comes_late_after_a_deletion_is_asked_about() {
        let mut record = Record::default();
        record.hear(&whole(FIRST));
        record.hear(&ShadowChange::Deleted { version: Some(4) });
        let late = r#"{"state":{"reported":{"a":2}},"version":4,"timestamp":31}"#;
        assert_eq!(record.hear(&patch(late)), Heard::Missed);
        record.hear(&ShadowChange::Deleted { version: Some(4) });
        assert_eq!(record.hear(&whole(late)), Heard::Missed);
        record.hear(&ShadowChange::Deleted { version: Some(4) });
        let next = r#"{"state":{"reported":{"a":3}},"version":5,"timestamp":40}"#;
        assert_eq!(record.hear(&patch(next)), Heard::Changed, "it goes on");
    }

    #[test]
    fn a_delta_of_a_later_version_is_shown_and_the_rest_is_missed() {
        let mut record = Record::default();
        record.hear(&whole(FIRST));
        let later = read::delta(r#"{"state":{"a":9},"version":4,"timestamp":31}"#);
        let later = ShadowChange::Delta(later.expect("a delta"));
        assert_eq!(record.hear(&later), Heard::Missed);
        assert_eq!(told(&record), r#"v3 {"a":2} {"a":1,"b":1} {"a":9}"#);
    }

    #[test]
    fn not_found_is_believed_only_where_nothing_is_known() {
        let refused = ShadowChange::Refused {
            code: 404,
            message: "No shadow exists with name: 'RPI'".to_owned(),
        };
        let mut record = Record::default();
        assert_eq!(record.hear(&refused), Heard::Changed);
        assert_eq!(told(&record), "absent None");
        record.hear(&whole(FIRST));
        assert_eq!(record.hear(&refused), Heard::Known);
    }

    proptest! {
        /// Each update comes as documents too, some twice and some late: in the end the last version stands.
        #[test]
        fn whatever_the_order_the_last_version_stands(
            values in proptest::collection::vec((0..3_u8, 0..4_u8), 1..8),
            order in proptest::collection::vec(any::<prop::sample::Index>(), 0..24),
        ) {
            let mut truth = Shadow::default();
            let mut news = Vec::new();
            for (version, (field, value)) in (1..).zip(&values) {
                let text = format!("{{\"state\":{{\"reported\":{{\"f{field}\":{value}}}}},\"version\":{version},\"timestamp\":{version}}}");
                let change = read::document(&text).expect("a document");
                merge(&mut truth, &change);
                truth.version = change.version;
                truth.at = change.at;
                news.push(ShadowChange::Patch(change));
                news.push(ShadowChange::Whole(truth.clone()));
            }
            let mut record = Record::default();
            for index in order {
                record.hear(index.get(&news));
            }
            let last = news.last().expect("there is one");
            record.hear(last);
            let shadow = record.shadow().expect("it is known");
            prop_assert_eq!(&shadow.reported, &truth.reported);
            prop_assert_eq!(shadow.version, truth.version);
        }
    }
}
