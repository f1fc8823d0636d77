//! Values that are folded, and their paths.

use crate::app::effect::Effect;
use crate::app::pending::Purpose;
use crate::app::screen::{PaneId, Role};
use crate::app::state::App;

impl App {
    /// Enter: the value under the cursor, or what it stands in, is folded or unfolded.
    pub(in super::super::super) fn fold_here(&mut self) {
        let rows = self.rows(PaneId::Inspector);
        let pane = &mut self.inspector;
        let (Some(ready), Some(entry)) = (&pane.ready, pane.entry()) else {
            return;
        };
        let opens = ready.sheet.opens(entry);
        let entry = if opens {
            Some(entry)
        } else {
            ready.sheet.parent(entry)
        };
        let Some(path) = entry.map(|entry| ready.sheet.path(entry)) else {
            return;
        };
        if path.is_empty() {
            // The whole is never shut, but all that is in it.
            if opens {
                self.fold_all();
            }
            return;
        }
        if !pane.folded.remove(&path) {
            pane.folded.insert(path);
        }
        pane.refold();
        if let Some(line) = entry.and_then(|entry| pane.line_of(entry)) {
            pane.point_at(line, rows);
        }
    }

    /// Everything inside the whole is folded, or nothing any more.
    pub(in super::super::super) fn fold_all(&mut self) {
        /// Paths that are kept; a document with more is folded in part.
        const FOLDED: usize = 2000;
        let rows = self.rows(PaneId::Inspector);
        let pane = &mut self.inspector;
        let Some(ready) = pane.ready.as_ref().filter(|r| r.sheet.pointed) else {
            return self.say(Role::Warn, "there is nothing here to fold");
        };
        let entry = pane.entry();
        if pane.shut.is_empty() {
            let inner = ready.sheet.inner();
            let paths = inner.iter().take(FOLDED).map(|n| ready.sheet.path(*n));
            pane.folded = paths.collect();
        } else {
            pane.folded.clear();
        }
        pane.refold();
        if let Some(line) = entry.and_then(|entry| pane.line_of(entry)) {
            pane.point_at(line, rows);
        }
    }

    /// The path under the cursor as jq takes it.
    pub(in super::super::super) fn copy_path(&mut self) {
        let path = self.inspector.path().concat();
        if path.is_empty() {
            return self.say(Role::Warn, "there is no field under the cursor");
        }
        let path = if path.starts_with('.') {
            path
        } else {
            format!(".{path}")
        };
        let id = self.pending.begin(Purpose::Copy);
        self.ask(Effect::Copy(id, path));
    }
}
