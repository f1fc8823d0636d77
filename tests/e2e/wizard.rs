//! The first account, on a machine where the program was never used.

use std::os::unix::fs::PermissionsExt as _;

use crate::support::home::Home;
use crate::support::screen::Screen;

/// The dashboard on its own simulated home, with the way to ours in the environment; the form is open, the country chosen.
fn at_the_token(home: &Home) -> Screen {
    let ready = home.ready();
    let ca = ready.ca_file.display().to_string();
    let way = [
        (
            "THINGDECK_API_URL",
            ready.api_url.as_deref().expect("ThinQ has a REST side"),
        ),
        ("THINGDECK_MQTT_URL", ready.mqtt_url.as_str()),
        ("THINGDECK_CA_FILE", ca.as_str()),
    ];
    let mut screen = Screen::start_with(home, 120, 36, &[], &way);
    screen.shows("● connected").shows("Dish washer");
    screen
        .press("P")
        .shows("Profiles")
        .shows("add an LG ThinQ account");
    screen.press("/ThinQ\r").shows("Add an LG ThinQ account");
    screen.press("K").shows("the country of the LG account");
    screen
        .press("R\r")
        .no_longer_shows("the country of the LG account");
    screen.shows("KR ");
    screen
}

#[test]
fn an_account_is_added_tried_saved_and_opened_and_its_token_never_shown() {
    let home = Home::fresh();
    let token = home.token();
    let mut screen = at_the_token(&home);
    screen
        .paste(&format!("  {token}\n"))
        .shows(&format!("{} characters", token.len()));
    screen.press("\r").shows("profile home is saved and open");
    screen
        .shows("home · LG ThinQ   ● connected")
        .shows("Dish washer");
    assert!(!home.control.clients().is_empty(), "it signed in at ours");
    screen.leaves();
    let raw = String::from_utf8_lossy(&screen.raw()).into_owned();
    assert!(!raw.contains(&token), "the token was on the screen");

    let files = home.files();
    let config = files
        .iter()
        .find(|(path, _)| path.ends_with("config.toml"))
        .expect("a config file");
    let text = String::from_utf8_lossy(&config.1);
    assert!(text.contains("[profiles.home]"), "{text}");
    let with_token: Vec<_> = files
        .iter()
        .filter(|(_, content)| contains(content, &token))
        .collect();
    assert_eq!(with_token.len(), 1, "one file has the token");
    let (path, content) = with_token[0];
    assert_eq!(String::from_utf8_lossy(content).trim(), token);
    let mode = std::fs::metadata(path).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "{}", path.display());
    // The next start needs nothing from us.
    let devices = home.run(&["devices"]).expect(0);
    assert!(devices.out.contains("Dish washer"), "{}", devices.out);
}

#[test]
fn a_wrong_token_is_explained_and_the_form_stays() {
    let home = Home::fresh();
    let wrong = "thinqpat_wr0ng";
    let mut screen = at_the_token(&home);
    screen.paste(wrong).shows("14 characters");
    screen.press("\r").shows("1302").shows("because");
    screen.shows("Add an LG ThinQ account");
    assert!(
        !home.files().iter().any(|(p, _)| p.ends_with("config.toml")),
        "nothing is saved that does not work"
    );
    screen
        .press(&"\x7f".repeat(14))
        .no_longer_shows("14 characters");
    screen.paste(&home.token());
    screen.press("\r").shows("profile home is saved and open");
    screen.leaves();
    assert!(!contains(&screen.raw(), wrong), "the wrong token was shown");
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|part| part == text.as_bytes())
}
