//! `record`: what `tail` prints, into a file.

use crate::base::problem::Exit;
use crate::cli::verb::{Place, RecordVerb};

use super::script::{End, Script};
use super::tail::{self, Manner, Written};

pub(super) async fn run(script: &mut Script<'_>, verb: &RecordVerb) -> Result<Exit, End> {
    let Place::File(path) = &verb.to else {
        return tail::run(script, &verb.tail, Manner::Tail).await;
    };
    let profile = script.begin()?;
    let mended = script.console.open_recording(path, verb.existing)?;
    if let Some(mended) = mended {
        script.say(&mended);
    }
    let (mut end, written) = tail::stream(script, &verb.tail, Manner::Record, profile).await;
    // A quiet time is a recording, too; who was not let in, or had nothing to wait for, has none.
    let keep = end.is_ok() || written != Written::default();
    match script.console.close_recording(keep).await {
        Ok(bytes) if keep => script.say(&summary(written, &path.display().to_string(), bytes)),
        Ok(_) => {}
        Err(problem) => end = end.and_then(|_| Err(problem.into())),
    }
    end
}

fn summary(written: Written, path: &str, bytes: u64) -> String {
    let messages = match written.messages {
        1 => "1 message".to_owned(),
        many => format!("{many} messages"),
    };
    let gaps = match written.gaps {
        0 => String::new(),
        1 => ", with a gap where some were dropped".to_owned(),
        many => format!(", with {many} gaps where some were dropped"),
    };
    format!("recorded {messages} in {path} ({bytes} bytes){gaps}")
}
