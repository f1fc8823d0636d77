//! Files on a real disk.

use std::os::unix::fs::PermissionsExt as _;

use super::*;
use crate::base::secret::Secret;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("metadata").permissions().mode() & 0o777
}

fn folders(root: &Path, config: &str) -> Folders {
    Folders::find(Overrides {
        config: Some(root.join(config)),
        data_dir: Some(root.join("data")),
        state_dir: Some(root.join("state")),
    })
    .expect("folders")
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .expect("folder")
        .map(|entry| {
            entry
                .expect("entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    names.sort();
    names
}

#[test]
fn folders_are_the_systems_own_unless_named() {
    let standard = ProjectDirs::from("", "", "thingdeck").expect("a home");
    let found = Folders::from_standard(Overrides::default(), Some(&standard)).expect("folders");
    assert_eq!(found.config_file, standard.config_dir().join("config.toml"));
    assert_eq!(found.data, standard.data_local_dir());
    let named = Overrides {
        config: Some(found.config_file.clone()),
        ..Overrides::default()
    };
    let named = Folders::from_standard(named, Some(&standard)).expect("folders");
    assert_eq!(named, found, "naming the standard file changes nothing");
    assert!(found.identity("home").folder().ends_with("identities/home"));
}

#[test]
fn without_a_home_the_user_is_told_what_to_set() {
    let problem = Folders::from_standard(Overrides::default(), None).expect_err("no home");
    assert_eq!(problem.exit, Exit::Usage);
    assert!(problem.remedy.contains("THINGDECK_DATA_DIR"), "{problem}");
}

#[test]
fn profiles_of_two_config_files_never_share_an_identity() {
    let root = tempfile::tempdir().expect("a folder");
    let one = folders(root.path(), "one.toml").identity("home");
    let two = folders(root.path(), "two.toml").identity("home");
    assert_ne!(one, two);
    assert_eq!(one, folders(root.path(), "one.toml").identity("home"));
    replace(&root.path().join("one.toml"), b"", Access::AsBefore).expect("written");
    let link = root.path().join("link");
    std::os::unix::fs::symlink(root.path(), &link).expect("linked");
    for known in [root.path(), &link] {
        let again = folders(known, "one.toml").identity("home");
        assert_eq!(
            again.folder().file_name(),
            one.folder().file_name(),
            "also once the file is there"
        );
    }
}

#[test]
fn a_secret_is_kept_for_its_owner_alone() {
    let root = tempfile::tempdir().expect("a folder");
    let identity = folders(root.path(), "c.toml").identity("home");
    identity
        .keep("key.pem", &Secret::new("first"))
        .expect("kept");
    identity
        .keep("key.pem", &Secret::new("second"))
        .expect("kept again");
    assert_eq!(mode(&identity.path("key.pem")), 0o600);
    assert_eq!(mode(identity.folder()), 0o700);
    assert_eq!(
        names(identity.folder()),
        ["key.pem"],
        "nothing is left beside it"
    );
    let kept = identity.load("key.pem").expect("loaded");
    assert_eq!(kept.content, Some(Secret::new("second")));
    assert_eq!(kept.notice, None);
}

#[test]
fn what_was_open_to_others_is_closed_and_said() {
    let root = tempfile::tempdir().expect("a folder");
    let identity = folders(root.path(), "c.toml").identity("home");
    identity.keep("key.pem", &Secret::new("k")).expect("kept");
    fs::set_permissions(identity.path("key.pem"), fs::Permissions::from_mode(0o644))
        .expect("opened");
    let kept = identity.load("key.pem").expect("loaded");
    assert!(
        kept.notice
            .is_some_and(|n| n.what.ends_with("could be read by others"))
    );
    assert_eq!(mode(&identity.path("key.pem")), 0o600);
    assert_eq!(kept.content, Some(Secret::new("k")));
}

#[test]
fn a_damaged_file_is_set_aside_and_the_start_goes_on() {
    let root = tempfile::tempdir().expect("a folder");
    let identity = folders(root.path(), "c.toml").identity("home");
    for (damage, number) in [(&b""[..], 1), (&b"\n\n"[..], 2), (&b"\xff\xfe\x00"[..], 3)] {
        identity.keep("cert.pem", &Secret::new("x")).expect("kept");
        replace(&identity.path("cert.pem"), damage, Access::Private).expect("damaged");
        let kept = identity.load("cert.pem").expect("loaded");
        assert_eq!(kept.content, None);
        let notice = kept.notice.expect("a notice");
        assert!(
            notice
                .remedy
                .contains(&format!("cert.pem.damaged-{number}")),
            "{notice}"
        );
        assert_eq!(
            fs::read(identity.path(&format!("cert.pem.damaged-{number}"))).expect("kept"),
            damage
        );
    }
    assert_eq!(identity.load("cert.pem"), Ok(Kept::default()));
}

#[test]
fn what_is_not_there_is_nothing_and_can_be_forgotten() {
    let root = tempfile::tempdir().expect("a folder");
    let identity = folders(root.path(), "c.toml").identity("home");
    assert_eq!(identity.load("key.pem"), Ok(Kept::default()));
    assert_eq!(identity.forget("key.pem"), Ok(()));
    assert_eq!(identity.delete(), Ok(()));
    identity.keep("key.pem", &Secret::new("k")).expect("kept");
    identity.delete().expect("deleted");
    assert!(!identity.folder().exists());
}

#[test]
fn a_file_that_cannot_be_written_stays_as_it_was() {
    let root = tempfile::tempdir().expect("a folder");
    let path = root.path().join("missing/config.toml");
    let problem = replace(&path, b"x", Access::AsBefore).expect_err("no folder");
    assert!(problem.what.starts_with("could not write"), "{problem}");
    assert!(problem.what.contains("missing/config.toml"), "{problem}");
}

#[test]
fn a_config_file_keeps_its_permissions_and_its_link() {
    let root = tempfile::tempdir().expect("a folder");
    let real = root.path().join("dotfiles.toml");
    let link = root.path().join("config.toml");
    replace(&real, b"old", Access::AsBefore).expect("new");
    assert_eq!(mode(&real), 0o600);
    fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).expect("opened");
    std::os::unix::fs::symlink(&real, &link).expect("linked");
    replace(&link, b"new", Access::AsBefore).expect("replaced");
    assert_eq!(fs::read(&real).expect("real"), b"new");
    assert_eq!(mode(&real), 0o640);
    assert!(fs::symlink_metadata(&link).expect("link").is_symlink());
    replace(&real, b"secret", Access::Private).expect("replaced");
    assert_eq!(mode(&real), 0o600);
}

#[test]
fn paths_of_a_config_file_start_at_its_folder_or_at_home() {
    assert_eq!(
        resolve("ca.pem", Path::new("/etc/x")),
        Path::new("/etc/x/ca.pem")
    );
    assert_eq!(
        resolve("/ca.pem", Path::new("/etc/x")),
        Path::new("/ca.pem")
    );
    let home = BaseDirs::new().expect("a home").home_dir().to_owned();
    assert_eq!(
        resolve("~/ca.pem", Path::new("/etc/x")),
        home.join("ca.pem")
    );
}

#[test]
fn a_new_file_is_never_written_over_another_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |content: &[u8]| {
        let path = write_new(folder.path(), ("saved", 7, "bin"), content).expect("written");
        path.file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned()
    };
    assert_eq!(
        [write(b"a"), write(b"b"), write(b"c")],
        ["saved-7.bin", "saved-7-2.bin", "saved-7-3.bin"]
    );
    assert_eq!(
        fs::read(folder.path().join("saved-7.bin")).expect("there"),
        b"a"
    );
    assert_eq!(mode(&folder.path().join("saved-7-2.bin")), 0o600);
    assert_eq!(names(folder.path()).len(), 3, "nothing is left beside");
}

/// failure-modes.md F13.
#[test]
fn ten_thousand_random_payloads_are_saved_byte_for_byte() {
    let folder = tempfile::tempdir().expect("a folder");
    std::thread::scope(|scope| {
        for thread in 0..10_u32 {
            let folder = folder.path();
            scope.spawn(move || {
                let mut rng = fastrand::Rng::with_seed(u64::from(thread));
                for now in 0..1000 {
                    let length = rng.usize(0..=8192) >> rng.u32(0..8);
                    let payload: Vec<u8> =
                        std::iter::repeat_with(|| rng.u8(..)).take(length).collect();
                    // All threads write in the same second.
                    let path = write_new(folder, ("saved", now, "bin"), &payload).expect("written");
                    let same = fs::read(&path).expect("there") == payload;
                    assert!(same, "{} of {length} bytes", path.display());
                }
            });
        }
    });
    assert_eq!(names(folder.path()).len(), 10_000);
}
