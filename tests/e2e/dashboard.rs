//! The main job, end to end, and every way around it.

use serde_json::json;
use thingdeck::sim::{SimEvent, SimOptions};

use crate::support::home::Home;
use crate::support::screen::Screen;

const DISHES: &str = "Dish washer";

/// Devices, push on, its next message, inspected, event on, quit.
fn main_job(home: &Home, columns: u16, rows: u16) {
    let mut screen = Screen::opened(home, columns, rows);
    screen.shows("1 Devices").until_marks(DISHES, "●○○");
    screen.press("p").until_marks(DISHES, "●●○");
    next_push(home, &mut screen);
    // Each key is seen to have come: Esc and the next one together would be another key.
    screen.press("3").shows("Enter inspect");
    screen.press("\r").shows("Enter fold");
    screen
        .shows("4 Inspector")
        .shows("dish washer: cleaning is complete");
    screen.press("\x1b").shows("Enter inspect");
    screen.press("1").shows("Enter its messages");
    screen.press("e").until("event on", |text| {
        let marks: Vec<_> = text.lines().filter(|l| l.contains(DISHES)).collect();
        marks.iter().any(|l| l.matches('●').count() == 3)
    });
    screen.press("q");
    assert_eq!(screen.ends(), 0);
}

/// The simulator's own home lives by itself; ours is told to speak.
fn next_push(home: &Home, screen: &mut Screen) {
    home.control
        .notify(&home.device(DISHES), "CLEANING_IS_COMPLETE");
    screen.until("a notification in the stream", |text| {
        text.lines()
            .any(|l| l.contains(" push ") && l.contains("clean"))
    });
}

#[test]
fn a_person_sees_devices_toggles_push_and_reads_messages_at_120x36() {
    main_job(&Home::quiet(), 120, 36);
}

#[test]
fn the_same_at_80x24() {
    main_job(&Home::quiet(), 80, 24);
}

#[test]
fn without_any_config_the_same_on_a_simulated_home_at_120x36() {
    let home = Home::fresh();
    main_job(&home, 120, 36);
    assert!(
        home.control.calls().is_empty(),
        "that was another simulator"
    );
}

#[test]
fn without_any_config_the_same_on_a_simulated_home_at_80x24() {
    main_job(&Home::fresh(), 80, 24);
}

#[test]
fn the_first_start_says_that_nothing_is_real_and_how_to_add_an_account() {
    let home = Home::fresh();
    let mut screen = Screen::opened(&home, 120, 36);
    screen.shows("simulated home").shows("P adds your account");
    screen.leaves();
}

#[test]
fn several_marked_devices_are_subscribed_at_once() {
    let home = Home::quiet();
    let mut screen = Screen::opened(&home, 120, 36);
    screen
        .press("   ")
        .press("p")
        .shows("push on for 3 devices");
    screen.until_marks(DISHES, "●●○");
    assert_eq!(home.control.push_subscriptions().len(), 3);
    screen.press("p").shows("push off for 3 devices");
    assert_eq!(home.control.push_subscriptions().len(), 0);
    screen.leaves();
}

#[test]
fn the_state_of_a_device_is_a_tree() {
    let home = Home::quiet();
    let mut screen = Screen::opened(&home, 120, 36);
    screen
        .press("s")
        .shows("State of Dish washer")
        .shows("currentState");
    screen.escape("State of Dish washer").leaves();
}

#[test]
fn a_command_is_shown_sent_and_confirmed_by_the_device() {
    let home = Home::quiet();
    let name = "침실 공기청정기";
    let id = home.device(name);
    let strength = || home.control.state(&id).expect("a state")["airFlow"]["windStrength"].clone();
    let mut screen = Screen::opened(&home, 120, 36);
    screen.choose(name).press("e").until_marks(name, "●○●");
    // What the device reports is held back until the screen was seen without it.
    home.control.deaf(true);
    screen
        .press("x")
        .shows("Control 침실")
        .shows("windStrength");
    screen
        .press("/windStrength\r")
        .shows("Set airFlow.windStrength");
    screen.press("/HIGH\r").shows("\"windStrength\": \"HIGH\"");
    assert_ne!(strength(), "HIGH", "nothing goes before it was shown");
    home.after(
        || {
            screen.press("\r");
        },
        "the command at the device",
        |event| *event == SimEvent::Controlled { device: id.clone() },
    );
    assert_eq!(strength(), "HIGH");
    screen.until("the command as sent", |text| {
        text.lines()
            .any(|l| l.contains("windStre") && l.contains("sent"))
    });
    home.control.deaf(false);
    home.control
        .report(&id, json!({"airFlow": {"windStrength": "HIGH"}}));
    screen.until("the command as confirmed", |text| {
        text.lines()
            .any(|l| l.contains("windStre") && l.contains("confirmed"))
    });
    screen.press("q");
    assert_eq!(screen.ends(), 0);
}

#[test]
fn a_filter_narrows_the_devices_and_escape_brings_them_back() {
    let home = Home::quiet();
    let mut screen = Screen::opened(&home, 120, 36);
    screen
        .press("/fridge")
        .no_longer_shows(DISHES)
        .shows("Kitchen fridge");
    screen.press("\x1b").shows(DISHES);
    screen.leaves();
}

#[test]
fn zoom_shows_one_pane_and_then_all() {
    let home = Home::quiet();
    let mut screen = Screen::opened(&home, 120, 36);
    screen.shows("3 Messages");
    screen
        .press("z")
        .no_longer_shows("3 Messages")
        .shows("1 Devices");
    screen.press("z").shows("3 Messages");
    screen.leaves();
}

#[test]
fn help_palette_and_log_open_over_everything() {
    let home = Home::quiet();
    let mut screen = Screen::opened(&home, 120, 36);
    screen
        .press("?")
        .shows("Keys in Devices")
        .escape("Keys in Devices");
    screen.press(":").shows("Commands").press("zoom\r");
    screen
        .no_longer_shows("Commands")
        .no_longer_shows("3 Messages");
    screen
        .press("\x10")
        .shows("Commands")
        .press("zoom\r")
        .shows("3 Messages");
    screen.press("L").shows("REST GET devices").shows("MQTT");
    screen.until("packets by name", |text| {
        text.contains("SUBSCRIBE") || text.contains("SUBACK")
    });
    screen.escape("REST GET devices").leaves();
}

#[test]
fn a_frozen_stream_stands_still_and_loses_nothing() {
    let home = Home::quiet();
    let id = home.device(DISHES);
    let report = |state: &str| {
        let report = json!({"runState": {"currentState": state}});
        home.control.report(&id, report);
    };
    let mut screen = Screen::opened(&home, 180, 40);
    screen.press("e").until_marks(DISHES, "●○●");
    report("RINSING");
    screen.shows("currentState RINSING");
    screen.press("3 ").shows("frozen");
    report("DRYING");
    screen.shows("frozen, 1 new");
    assert!(
        !screen.text().contains("currentState DRYING"),
        "{}",
        screen.text()
    );
    screen
        .press(" ")
        .shows("currentState DRYING")
        .no_longer_shows("frozen");
    screen.leaves();
}

#[test]
fn the_mouse_selects_and_scrolls() {
    let home = Home::quiet();
    let mut screen = Screen::opened(&home, 120, 36);
    let row = |screen: &Screen, name: &str| {
        let at = screen.text().lines().position(|l| l.contains(name));
        at.unwrap_or_else(|| panic!("{name} is not there"))
    };
    let selected = |name: &'static str| {
        move |text: &str| text.lines().any(|l| l.contains('▌') && l.contains(name))
    };
    let at = row(&screen, "Kitchen fridge");
    screen
        .click(10, at)
        .until("the fridge selected", selected("Kitchen fridge"));
    screen
        .wheel(true, 10, at)
        .until("three rows on", selected("건조기"));
    screen
        .wheel(false, 10, at)
        .until("back", selected("Kitchen fridge"));
    screen.click(80, row(&screen, "3 Messages") + 3);
    screen
        .press("?")
        .shows("Keys in Messages")
        .escape("Keys in Messages")
        .leaves();
}

#[test]
fn a_terminal_of_any_size_is_drawn_while_messages_come() {
    let home = Home::with(|options: &mut SimOptions| options.rate = 200.0);
    let mut screen = Screen::opened(&home, 120, 36);
    screen.press("p").until_marks(DISHES, "●●○");
    screen.press("e").until_marks(DISHES, "●●●");
    let mut seed = 7_u32;
    let mut random = |most: u32| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        u16::try_from(1 + (seed >> 8) % most).expect("small")
    };
    for _ in 0..80 {
        let (columns, rows) = (random(200), random(60));
        screen.resize(columns, rows);
        // One round trip through the loop now and then, so that sizes are drawn and not only passed over.
        screen.press("j");
    }
    for (columns, rows) in [(1, 1), (200, 60), (2, 40), (200, 1)] {
        screen.resize(columns, rows);
    }
    screen.resize(39, 9).shows("too small");
    screen.resize(40, 10).no_longer_shows("too small");
    screen
        .resize(120, 36)
        .shows("● connected")
        .shows("received");
    screen.leaves();
}

/// Between two looks of the program at it, the terminal may have thrown away what stood there.
#[test]
fn a_window_that_is_pulled_away_and_back_at_once_is_drawn_anew() {
    let home = Home::quiet();
    let mut screen = Screen::opened(&home, 120, 36);
    for _ in 0..10 {
        screen.resize(1, 1).resize(120, 36);
        screen.shows("● connected").shows("Dish washer");
    }
    screen.leaves();
}

#[test]
fn a_key_pressed_together_with_a_resize_is_not_held_back() {
    let home = Home::quiet();
    let mut screen = Screen::opened(&home, 120, 36);
    screen.press("/");
    let mut typed = String::new();
    for round in 0..24 {
        typed.push('x');
        screen.resize(110 + round % 2 * 10, 36).press("x");
        screen.shows(&typed);
    }
    screen.leaves();
}

#[test]
fn devices_come_are_renamed_and_go_by_themselves() {
    let home = Home::quiet();
    let mut screen = Screen::opened(&home, 120, 36);
    let id = home
        .control
        .register_device("washer", "Attic washer")
        .expect("a kind");
    screen.shows("Attic washer");
    home.control.rename_device(&id, "Cellar washer");
    let in_list = |name: &'static str| {
        move |text: &str| {
            text.lines().any(|l| {
                l.starts_with('│')
                    && l.split_once('│').is_some_and(|(_, rest)| {
                        rest.split('│').next().unwrap_or_default().contains(name)
                    })
            })
        }
    };
    screen.until("the new name", in_list("● Cellar washer"));
    screen.until_marks("Cellar washer", "●○○");
    home.control.unregister_device(&id);
    screen.until("the list without it", |text| {
        text.contains("Cellar washer is gone") && !in_list("● Cellar washer")(text)
    });
    screen.leaves();
}
