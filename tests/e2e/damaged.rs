//! Whatever happened to the files of an earlier run, the program starts, says what was wrong, and keeps the profiles
//! (failure-modes.md F3).

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use portable_pty::CommandBuilder;

use crate::support::home::{BINARY, Home, collect};
use crate::support::screen::Screen;

/// A home whose dashboard was used: an identity, a log, and messages on the disk.
fn used() -> (Home, Vec<(PathBuf, Vec<u8>)>) {
    let home = Home::quiet();
    let mut config = fs::read_to_string(home.config()).expect("a config");
    config.push_str("\n[history]\nmemory = \"1 MiB\"\ndisk = \"20 MiB\"\n");
    fs::write(home.config(), config).expect("writable");
    let mut screen = Screen::opened(&home, 120, 36);
    let client = home.control.clients()[0].clone();
    for n in 0..300 {
        let payload = format!("{{\"number\":{n},\"noise\":\"{n:0>6000}\"}}");
        home.control.publish_raw(&client, payload);
    }
    screen.shows("received 300").no_longer_shows("on disk 0");
    screen.press("R").shows("recording everything that comes");
    screen.leaves();
    let mut files = Vec::new();
    for folder in ["data", "state"] {
        collect(&home.path(folder), &mut files);
    }
    let names: Vec<String> = files
        .iter()
        .map(|(path, _)| path.display().to_string())
        .collect();
    for wanted in ["/history/", "/identities/", "/recordings/", "/logs/"] {
        assert!(
            names.iter().any(|name| name.contains(wanted)),
            "no {wanted} in {names:?}"
        );
    }
    (home, files)
}

type Damage = fn(&[u8], &mut fastrand::Rng) -> Vec<u8>;

const DAMAGES: [(&str, Damage); 5] = [
    ("emptied", |_, _| Vec::new()),
    ("truncated", |content, rng| {
        content[..rng.usize(0..=content.len())].to_vec()
    }),
    ("zeroed", |content, _| vec![0; content.len()]),
    ("flipped", |content, rng| {
        let mut content = content.to_vec();
        for _ in 0..content.len().min(20) {
            let at = rng.usize(..content.len());
            content[at] ^= 1 << rng.u8(..8);
        }
        content
    }),
    ("garbage", |content, rng| {
        std::iter::repeat_with(|| rng.u8(..))
            .take(content.len())
            .collect()
    }),
];

/// Starts it, waits for a connection or for the word why there is none, and leaves in peace.
#[track_caller]
fn starts(home: &Home, what: &str) -> String {
    let mut screen = Screen::start(home, 120, 36, &[]);
    screen.until(what, |text| {
        text.contains("Devices") && (text.contains("● connected") || text.contains("refused"))
    });
    let text = screen.text();
    screen.leaves();
    text
}

#[track_caller]
fn keeps_profiles(home: &Home, config: &str) {
    assert_eq!(fs::read_to_string(home.config()).expect("there"), config);
    let ended = home.run(&["profile-list"]).expect(0);
    assert!(ended.out.contains("home"), "{}", ended.out);
}

fn put_back(home: &Home, files: &[(PathBuf, Vec<u8>)]) {
    for folder in ["data", "state"] {
        let _not_there = fs::remove_dir_all(home.path(folder));
    }
    for (path, content) in files {
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, content).expect("writable");
        // As thingdeck had them: else what it says about that hides what it says about the damage.
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("ours");
    }
}

#[test]
fn state_files_that_were_damaged_are_set_aside_or_mended_and_the_stream_is_there() {
    let (home, files) = used();
    let config = fs::read_to_string(home.config()).expect("a config");
    let mut rng = fastrand::Rng::with_seed(3);
    for (name, damage) in DAMAGES {
        put_back(&home, &files);
        let in_state = files
            .iter()
            .filter(|(path, _)| path.starts_with(home.path("state")));
        for (path, content) in in_state {
            fs::write(path, damage(content, &mut rng)).expect("writable");
        }
        let text = starts(&home, name);
        assert!(text.contains("● connected"), "{name}:\n{text}");
        keeps_profiles(&home, &config);
        // A recording is the user's: nobody touches it.
        let recordings = |files: &[(PathBuf, Vec<u8>)]| {
            files
                .iter()
                .filter(|(path, _)| path.to_string_lossy().contains("/recordings/"))
                .count()
        };
        let mut now = Vec::new();
        collect(&home.path("state"), &mut now);
        assert_eq!(recordings(&now), recordings(&files), "{name}");
    }
}

#[test]
fn a_segment_of_garbage_is_named_on_the_screen_and_kept_aside() {
    let (home, files) = used();
    put_back(&home, &files);
    let is_segment = |path: &Path| path.extension().is_some_and(|e| e == "seg");
    let segments = files.iter().filter(|(path, _)| is_segment(path));
    let mut count = 0;
    for (path, content) in segments {
        fs::write(path, vec![0; content.len()]).expect("writable");
        count += 1;
    }
    assert!(count > 0, "nothing was on the disk");
    let mut screen = Screen::start(&home, 120, 36, &[]);
    screen.shows("was damaged and is not used");
    screen.leaves();
    let mut now = Vec::new();
    collect(&home.path("state"), &mut now);
    let aside = now
        .iter()
        .filter(|(path, _)| path.to_string_lossy().contains(".seg.damaged-"));
    assert_eq!(aside.count(), count);
}

#[test]
fn a_damaged_identity_is_made_anew_or_explained() {
    let (home, files) = used();
    let config = fs::read_to_string(home.config()).expect("a config");
    let mut rng = fastrand::Rng::with_seed(4);
    for (name, damage) in DAMAGES {
        put_back(&home, &files);
        for (path, content) in files
            .iter()
            .filter(|(path, _)| path.starts_with(home.path("data")))
        {
            fs::write(path, damage(content, &mut rng)).expect("writable");
        }
        starts(&home, name);
        keeps_profiles(&home, &config);
    }
}

#[test]
fn folders_that_cannot_be_written_to_are_said_and_lived_with() {
    let (home, files) = used();
    let config = fs::read_to_string(home.config()).expect("a config");
    // Read-only means nothing to root: there, a file stands where the folder should be.
    put_back(&home, &files);
    let mut folders = vec![home.path("state")];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder).expect("a folder");
        folders.extend(
            entries
                .flatten()
                .map(|e| e.path())
                .filter(|path| path.is_dir()),
        );
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o500)).expect("ours");
    }
    let text = starts(&home, "a read-only state folder");
    assert!(text.contains("● connected"), "{text}");
    let mut folders = vec![home.path("state")];
    while let Some(folder) = folders.pop() {
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).expect("ours");
        let entries = fs::read_dir(&folder).expect("a folder");
        folders.extend(
            entries
                .flatten()
                .map(|e| e.path())
                .filter(|path| path.is_dir()),
        );
    }
    fs::remove_dir_all(home.path("state")).expect("ours");
    fs::write(home.path("state"), "in the way").expect("writable");
    let mut screen = Screen::start(&home, 120, 36, &[]);
    screen.shows("● connected");
    screen.press("R").shows("could not");
    screen.leaves();
    keeps_profiles(&home, &config);
}

#[test]
fn a_full_disk_is_said_and_lived_with() {
    let (home, files) = used();
    let config = fs::read_to_string(home.config()).expect("a config");
    put_back(&home, &files);
    // No file may have a byte more: as near to a full disk as a test without privileges gets.
    let mut command = CommandBuilder::new("sh");
    command.env_clear();
    for (name, value) in home.environment() {
        command.env(name, value);
    }
    command.args(["-c", &format!("trap '' XFSZ; ulimit -f 0; exec {BINARY}")]);
    command.cwd(home.path(""));
    let mut screen = Screen::run(command, 120, 36);
    screen.shows("● connected").shows("Dish washer");
    let client = home.control.clients()[0].clone();
    for n in 0..300 {
        let payload = format!("{{\"number\":{n},\"noise\":\"{n:0>6000}\"}}");
        home.control.publish_raw(&client, payload);
    }
    screen.shows("received 300");
    screen.press("R").shows("recording 0");
    home.control.publish_raw(&client, "{}");
    screen.shows("could not record in");
    screen.leaves();
    keeps_profiles(&home, &config);
    for (path, content) in files
        .iter()
        .filter(|(path, _)| path.starts_with(home.path("data")))
    {
        assert!(
            fs::read(path).expect("there") == *content,
            "{}",
            path.display()
        );
    }
}

/// Room for the beginning of a file and for no block.
#[test]
fn a_full_disk_is_not_littered_with_files_that_hold_nothing() {
    let home = Home::quiet();
    let mut config = fs::read_to_string(home.config()).expect("a config");
    config.push_str("\n[history]\nmemory = \"1 MiB\"\ndisk = \"20 MiB\"\n");
    fs::write(home.config(), config).expect("writable");
    let mut command = CommandBuilder::new("sh");
    command.env_clear();
    for (name, value) in home.environment() {
        command.env(name, value);
    }
    command.args(["-c", &format!("trap '' XFSZ; ulimit -f 8; exec {BINARY}")]);
    command.cwd(home.path(""));
    let mut screen = Screen::run(command, 120, 36);
    screen.shows("● connected").shows("Dish washer");
    let client = home.control.clients()[0].clone();
    let mut rng = fastrand::Rng::with_seed(5);
    for _ in 0..400 {
        let noise: Vec<u8> = std::iter::repeat_with(|| rng.u8(..)).take(6000).collect();
        home.control.publish_raw(&client, noise);
    }
    screen
        .shows("received 400")
        .shows("on disk 0")
        .no_longer_shows("dropped 0");
    screen.leaves();
    let mut files = Vec::new();
    collect(&home.path("state"), &mut files);
    let segments = files
        .iter()
        .filter(|(path, _)| path.extension().is_some_and(|e| e == "seg"));
    let sizes: Vec<usize> = segments.map(|(_, content)| content.len()).collect();
    assert!(sizes.len() <= 1, "{sizes:?}");
}
