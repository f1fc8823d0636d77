//! From where a secret is to the secret itself. Problems name the place, never the value.

use std::io;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::process::Command;

use super::files::{is_readable_by_others, trouble};
use crate::base::problem::{Exit, Problem};
use crate::base::secret::Secret;
use crate::cli::environment::Environment;
use crate::domain::profile::SecretRef;

/// How long a command may take: it may ask for a passphrase or a touch.
const COMMAND_TIMEOUT: Duration = Duration::from_mins(1);
/// More than any token.
const MAX_BYTES: u64 = 64 * 1024;

/// A secret, and what a person should know about where it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub secret: Secret,
    pub warning: Option<Problem>,
}

/// Reads the secret afresh: a rotated token is found at the next call.
pub async fn find(place: &SecretRef, environment: &Environment) -> Result<Found, Problem> {
    let (text, warning) = match place {
        SecretRef::Env(name) => (variable(name, environment)?, None),
        SecretRef::File(path) => file(path).await?,
        SecretRef::Command(words) => (command(words, COMMAND_TIMEOUT).await?, None),
        SecretRef::Keyring => {
            return Err(wrong(
                "could not read the secret from the keyring",
                "this build has no keyring",
                "use { env = … }, { file = … } or { command = [..] } in the config file",
            ));
        }
        SecretRef::Plain(secret) => (secret.clone(), None),
    };
    Ok(Found {
        secret: one_line(&text, place)?,
        warning,
    })
}

fn wrong(what: impl Into<String>, cause: impl Into<String>, remedy: impl Into<String>) -> Problem {
    Problem::new(what, cause, remedy).exit(Exit::Usage)
}

fn variable(name: &str, environment: &Environment) -> Result<Secret, Problem> {
    let Some(value) = environment.value(name) else {
        return Err(wrong(
            format!("no secret in the variable {name}"),
            format!("{name} is not set"),
            format!("export {name}=… and start again, or name another place in the config file"),
        ));
    };
    value.to_str().map(Secret::new).ok_or_else(|| {
        wrong(
            format!("no secret in the variable {name}"),
            "its value is no text",
            format!("set {name} to the secret alone"),
        )
    })
}

async fn file(path: &Path) -> Result<(Secret, Option<Problem>), Problem> {
    let (text, metadata) = read(path)
        .await
        .map_err(|error| trouble("read the secret's file", path, &error).exit(Exit::Usage))?;
    let warning = is_readable_by_others(&metadata).then(|| {
        Problem::new(
            format!("others can read the secret's file {}", path.display()),
            "its permissions are too wide",
            format!("chmod 600 {}", path.display()),
        )
    });
    Ok((text, warning))
}

async fn read(path: &Path) -> io::Result<(Secret, std::fs::Metadata)> {
    let file = tokio::fs::File::open(path).await?;
    let metadata = file.metadata().await?;
    let mut text = String::new();
    file.take(MAX_BYTES).read_to_string(&mut text).await?;
    Ok((Secret::new(text), metadata))
}

/// All that a command prints.
pub async fn output(words: &[String]) -> Result<Secret, Problem> {
    command(words, COMMAND_TIMEOUT).await
}

/// What the command prints. Its stderr goes nowhere: it might repeat the secret.
async fn command(words: &[String], timeout: Duration) -> Result<Secret, Problem> {
    let Some((program, arguments)) = words.split_first() else {
        return Err(wrong(
            "no secret from a command",
            "the command is empty",
            "write { command = [\"program\", \"argument\"] }",
        ));
    };
    let failed = |cause: String| {
        wrong(
            format!("no secret from the command {program}"),
            cause,
            "run it by hand: it must print the secret and nothing else",
        )
    };
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| failed(error.to_string()))?;
    let output = child.stdout.take();
    let work = async {
        let mut text = String::new();
        if let Some(output) = output {
            output.take(MAX_BYTES).read_to_string(&mut text).await?;
        }
        Ok::<_, io::Error>((Secret::new(text), child.wait().await?))
    };
    match tokio::time::timeout(timeout, work).await {
        Err(_elapsed) => Err(failed(format!(
            "it did not end within {} s",
            timeout.as_secs()
        ))),
        Ok(Err(error)) => Err(failed(error.to_string())),
        Ok(Ok((_, status))) if !status.success() => Err(failed(format!("it ended with {status}"))),
        Ok(Ok((text, _))) => Ok(text),
    }
}

/// A token is one line without blanks around it; it goes into a header as it is.
fn one_line(text: &Secret, place: &SecretRef) -> Result<Secret, Problem> {
    let trimmed = text.expose().trim();
    let cause = if trimmed.is_empty() {
        "it is empty"
    } else if trimmed.chars().any(char::is_control) {
        "it is more than one line, or holds control characters"
    } else {
        return Ok(Secret::new(trimmed));
    };
    Err(wrong(
        format!("no usable secret ({})", place.place()),
        cause,
        "put it there, alone on one line",
    ))
}

#[cfg(all(test, unix))]
mod tests;
