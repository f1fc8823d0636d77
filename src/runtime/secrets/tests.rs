//! Secrets from real files and real commands.

use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt as _;

use super::*;

const TOKEN: &str = "thinqpat_c4nary";

fn environment() -> Environment {
    [("PAT", TOKEN), ("EMPTY", ""), ("TWO", "a\nthinqpat_c4nary")]
        .map(|(name, value)| (name.to_owned(), OsString::from(value)))
        .into_iter()
        .collect()
}

fn shell(script: &str) -> SecretRef {
    SecretRef::Command(["sh", "-c", script].map(str::to_owned).to_vec())
}

async fn find_in(place: SecretRef) -> Result<Found, Problem> {
    find(&place, &environment()).await
}

fn file_with(content: &str, mode: u32) -> (tempfile::TempDir, SecretRef) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("token");
    super::super::files::replace(
        &path,
        content.as_bytes(),
        super::super::files::Access::Private,
    )
    .expect("written");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("mode");
    (folder, SecretRef::File(path))
}

#[tokio::test]
async fn a_token_is_found_wherever_it_is_and_trimmed() {
    let (_folder, file) = file_with(" thinqpat_c4nary\n\n", 0o600);
    for place in [
        SecretRef::Env("PAT".to_owned()),
        file,
        shell("echo thinqpat_c4nary; echo noise >&2"),
        SecretRef::Plain(Secret::new(TOKEN)),
    ] {
        let found = find_in(place.clone()).await.expect("found");
        assert_eq!(found.secret, Secret::new(TOKEN), "{place:?}");
        assert_eq!(found.warning, None, "{place:?}");
    }
}

#[tokio::test]
async fn a_file_that_others_can_read_is_warned_about() {
    let (_folder, file) = file_with(TOKEN, 0o644);
    let found = find_in(file).await.expect("found");
    assert!(
        found
            .warning
            .is_some_and(|w| w.remedy.starts_with("chmod 600"))
    );
}

#[tokio::test]
async fn what_is_wrong_is_said_without_the_secret() {
    let (_folder, two_lines) = file_with("a\nthinqpat_c4nary", 0o600);
    let cases = [
        (SecretRef::Env("NOT_SET".to_owned()), "NOT_SET is not set"),
        (SecretRef::Env("EMPTY".to_owned()), "EMPTY is not set"),
        (SecretRef::Env("TWO".to_owned()), "more than one line"),
        (two_lines, "more than one line"),
        (SecretRef::File("/nowhere/token".into()), "No such file"),
        (
            shell("echo thinqpat_c4nary; echo thinqpat_c4nary >&2; exit 3"),
            "it ended with exit status: 3",
        ),
        (shell("true"), "it is empty"),
        (
            SecretRef::Command(vec!["thingdeck-no-such-program".to_owned()]),
            "No such file",
        ),
        (SecretRef::Command(vec![]), "the command is empty"),
        (SecretRef::Keyring, "no keyring"),
        (
            SecretRef::Plain(Secret::new("a\tthinqpat_c4nary")),
            "control characters",
        ),
    ];
    for (place, said) in cases {
        let problem = find_in(place.clone()).await.expect_err("no token");
        let text = format!("{problem} {problem:?}");
        assert!(text.contains(said), "{place:?}: {text}");
        assert!(!text.contains("c4nary"), "{text}");
        assert_eq!(problem.exit, Exit::Usage);
        assert!(!problem.remedy.is_empty());
    }
}

#[tokio::test]
async fn a_command_that_hangs_is_ended() {
    let words = ["sh", "-c", "sleep 600"].map(str::to_owned);
    let problem = command(&words, Duration::from_millis(20))
        .await
        .expect_err("too slow");
    assert!(problem.cause.starts_with("it did not end"), "{problem}");
}
