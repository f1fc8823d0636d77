//! The user's own editor on a text: `$VISUAL`, else `$EDITOR`, else `vi`, on a file that only the user can read.

use std::io::Write as _;
use std::process::{ExitStatus, Stdio};

use tempfile::NamedTempFile;
use tokio::process::{Child, Command};

use super::files::trouble;
use crate::app::editor::LONGEST;
use crate::base::problem::Problem;
use crate::cli::environment::Environment;
use crate::domain::request::RequestId;

/// What is to be edited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Editing {
    pub id: RequestId,
    pub text: String,
    /// Of the file's name, so that the editor knows what it is: `.json`.
    pub ending: &'static str,
}

/// An editor that runs.
pub struct Open {
    child: Child,
    /// Deleted with this.
    file: NamedTempFile,
    editor: String,
    /// As it was given.
    text: String,
    status: Option<std::io::Result<ExitStatus>>,
}

impl Open {
    /// The terminal must be given back before.
    pub fn start(environment: &Environment, editing: &Editing) -> Result<Self, Problem> {
        let editor = ["VISUAL", "EDITOR"]
            .into_iter()
            .find_map(|name| environment.text(name))
            .unwrap_or("vi")
            .to_owned();
        let folder = std::env::temp_dir();
        let mut file = tempfile::Builder::new()
            .prefix("thingdeck-")
            .suffix(editing.ending)
            .tempfile() // 0600
            .map_err(|error| trouble("make a file in", &folder, &error))?;
        file.write_all(editing.text.as_bytes())
            .and_then(|()| file.flush())
            .map_err(|error| trouble("write", file.path(), &error))?;
        // As git does: the variable may hold arguments.
        let child = Command::new("sh")
            .arg("-c")
            .arg(format!("{editor} \"$1\""))
            .arg("sh")
            .arg(file.path())
            .stdin(Stdio::inherit())
            .stdout(Stdio::inherit())
            .stderr(Stdio::inherit())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| failed(&editor, &error.to_string()))?;
        Ok(Self {
            child,
            file,
            editor,
            text: editing.text.clone(),
            status: None,
        })
    }

    /// Safe to drop and call again.
    pub async fn ended(&mut self) {
        if self.status.is_none() {
            self.status = Some(self.child.wait().await);
        }
    }

    /// We are to end, whatever it holds.
    pub fn stop(&mut self) {
        let _already_gone = self.child.start_kill();
    }

    /// The text as it was left; nothing is changed where the editor failed. What was written and is not taken stays in its file.
    pub async fn outcome(mut self) -> Result<String, Problem> {
        self.ended().await;
        match &self.status {
            Some(Ok(status)) if status.success() => {}
            Some(Ok(status)) => {
                let problem = failed(&self.editor, &status.to_string());
                return Err(self.keep_what_was_written(problem));
            }
            Some(Err(error)) => {
                let problem = failed(&self.editor, &error.to_string());
                return Err(self.keep_what_was_written(problem));
            }
            None => return Err(failed(&self.editor, "it did not end")),
        }
        let path = self.file.path();
        let read = |error| trouble("read", path, &error);
        let length = std::fs::metadata(path).map_err(read)?.len();
        if length > LONGEST as u64 {
            let cause = format!("{length} bytes are more than the composer takes ({LONGEST})");
            let problem = Problem::new(NOT_TAKEN, cause, "");
            return Err(self.keep_what_was_written(problem));
        }
        let bytes = std::fs::read(path).map_err(read)?;
        let Ok(mut text) = String::from_utf8(bytes) else {
            let problem = Problem::new(NOT_TAKEN, "the file is no UTF-8 any more", "");
            return Err(self.keep_what_was_written(problem));
        };
        // Editors end the last line, which is no wish of the person's.
        let ended = self.text.is_empty() || self.text.ends_with('\n');
        if !ended && text.ends_with('\n') {
            text.pop();
        }
        Ok(text)
    }

    /// The problem, with where the text is now.
    fn keep_what_was_written(self, mut problem: Problem) -> Problem {
        let path = self.file.path().to_owned();
        let as_before = std::fs::metadata(&path)
            .is_ok_and(|now| now.len() == self.text.len() as u64)
            && std::fs::read(&path).is_ok_and(|now| now == self.text.as_bytes());
        if as_before || !path.exists() || self.file.into_temp_path().keep().is_err() {
            return problem;
        }
        problem.remedy = format!(
            "what was written is kept in {}; the kind \"file\" sends it",
            path.display()
        );
        problem
    }
}

const NOT_TAKEN: &str = "the edited text was not taken";

fn failed(editor: &str, why: &str) -> Problem {
    Problem::new(
        format!("the editor {editor:?} failed; the payload is as it was"),
        why,
        "set VISUAL or EDITOR to an editor that is installed",
    )
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;

    async fn edited(editor: &str, text: &str) -> Result<String, Problem> {
        let variables = [("EDITOR".to_owned(), OsString::from(editor))];
        let editing = Editing {
            id: RequestId(1),
            text: text.to_owned(),
            ending: ".json",
        };
        Open::start(&variables.into_iter().collect(), &editing)?
            .outcome()
            .await
    }

    #[tokio::test]
    async fn what_the_editor_saved_comes_back_without_the_line_end_it_added() {
        let shout =
            "sh -c 'tr a-z A-Z <\"$0\" >\"$0.new\"; echo >>\"$0.new\"; mv \"$0.new\" \"$0\"'";
        assert_eq!(edited(shout, "on").await, Ok("ON".to_owned()));
        assert_eq!(edited("true", "on\n").await, Ok("on\n".to_owned()));
    }

    #[tokio::test]
    async fn an_editor_that_fails_changes_nothing_and_says_what_to_set() {
        let problem = edited("false", "on").await.unwrap_err();
        assert!(problem.what.contains("as it was"), "{problem}");
        let problem = edited("no-such-editor 2>/dev/null", "on")
            .await
            .unwrap_err();
        assert!(problem.remedy.contains("VISUAL"), "{problem}");
    }

    #[tokio::test]
    async fn what_was_written_and_is_not_taken_is_kept_and_named() {
        let kept = |problem: &Problem| {
            let words = problem.remedy.strip_prefix("what was written is kept in ");
            let (path, _) = words
                .and_then(|words| words.split_once(';'))
                .unwrap_or_else(|| panic!("{problem}"));
            let bytes = std::fs::read(path).expect("it is there");
            std::fs::remove_file(path).expect("ours");
            bytes
        };
        let problem = edited("sh -c 'printf draft >\"$0\"; kill -9 $$'", "on").await;
        let problem = problem.unwrap_err();
        assert!(problem.what.contains("as it was"), "{problem}");
        assert_eq!(kept(&problem), b"draft");
        let problem = edited("sh -c 'printf \"\\377\" >\"$0\"'", "on").await;
        assert_eq!(kept(&problem.unwrap_err()), b"\xff");
        let long = format!("sh -c 'head -c {} /dev/zero >\"$0\"'", LONGEST + 1);
        let problem = edited(&long, "on").await.unwrap_err();
        assert!(problem.cause.contains("more than"), "{problem}");
        assert_eq!(kept(&problem).len(), LONGEST + 1);
    }

    #[tokio::test]
    async fn the_file_is_for_its_owner_only_and_gone_afterwards() {
        let look = "sh -c 'stat -c \"%a $0\" \"$0\" >\"$0.new\"; mv \"$0.new\" \"$0\"'";
        let told = edited(look, "x").await.unwrap();
        let (mode, path) = told.split_once(' ').unwrap();
        assert_eq!(mode, "600");
        let path = std::path::Path::new(path);
        assert!(
            path.extension().is_some_and(|ending| ending == "json"),
            "{path:?}"
        );
        assert!(!path.exists());
    }
}
