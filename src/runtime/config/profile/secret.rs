//! Where a secret is: `{ env }`, `{ file }`, `{ command }`, `{ keyring }`, or in clear.

use crate::base::problem::Problem;
use crate::base::secret::Secret;
use crate::domain::profile::SecretRef;
use crate::runtime::config::section::Section;
use crate::runtime::files::resolve;

/// `None`: the key is not there.
pub(super) fn place(
    section: &Section<'_>,
    key: &str,
    remedy: &str,
    warnings: &mut Vec<Problem>,
) -> Result<Option<SecretRef>, Problem> {
    if let Ok(Some(text)) = section.text(key) {
        return plain(section, key, &text, remedy, warnings).map(Some);
    }
    let place = section.section(key).map_err(|problem| Problem {
        remedy: remedy.to_owned(),
        ..problem
    })?;
    let Some(place) = place else {
        return Ok(None);
    };
    place.only(&["env", "file", "command", "keyring"])?;
    let command = place.texts("command")?;
    match (
        place.text("env")?,
        place.text("file")?,
        command,
        place.flag("keyring")?,
    ) {
        (Some(name), None, None, None) if !name.is_empty() => Ok(Some(SecretRef::Env(name))),
        (None, Some(path), None, None) if !path.is_empty() => {
            Ok(Some(SecretRef::File(resolve(&path, section.base()))))
        }
        (None, None, Some(words), None) if words.first().is_some_and(|w| !w.is_empty()) => {
            Ok(Some(SecretRef::Command(words)))
        }
        (None, None, None, Some(true)) => Ok(Some(keyring(section.name(), key))),
        _ => Err(section.wrong(
            key,
            "it must name exactly one place, and not an empty one",
            remedy,
        )),
    }
}

/// The system's own program gives it: `secret-tool` for the Secret Service (GNOME, KDE), `security` for the keychain of
/// macOS. It is kept there by hand, under the profile's name and the key.
fn keyring(profile: &str, key: &str) -> SecretRef {
    let account = format!("{profile}/{key}");
    let words: &[&str] = if cfg!(target_os = "macos") {
        &[
            "security",
            "find-generic-password",
            "-s",
            "thingdeck",
            "-a",
            &account,
            "-w",
        ]
    } else {
        &[
            "secret-tool",
            "lookup",
            "service",
            "thingdeck",
            "account",
            &account,
        ]
    };
    SecretRef::Command(words.iter().map(|word| (*word).to_owned()).collect())
}

fn plain(
    section: &Section<'_>,
    key: &str,
    text: &str,
    remedy: &str,
    warnings: &mut Vec<Problem>,
) -> Result<SecretRef, Problem> {
    if text.trim().is_empty() {
        return Err(section.wrong(key, "it is empty", remedy));
    }
    warnings.push(in_clear(section, key, remedy));
    Ok(SecretRef::Plain(Secret::new(text.trim())))
}

/// What a person should read once about a secret that stands in the file.
pub(super) fn in_clear(section: &Section<'_>, key: &str, remedy: &str) -> Problem {
    let cause = "it stands in the config file in clear: whoever reads the file can use it";
    section.wrong(key, cause, remedy)
}
