//! Messages that memory has no room for, on a real disk.

use std::fs;

use crate::support::home::Home;
use crate::support::screen::Screen;

#[test]
fn what_memory_had_no_room_for_is_found_again_after_a_restart() {
    let home = Home::quiet();
    let mut config = fs::read_to_string(home.config()).expect("a config");
    config.push_str("\n[history]\nmemory = \"1 MiB\"\ndisk = \"20 MiB\"\n");
    fs::write(home.config(), config).expect("writable");

    let mut screen = Screen::opened(&home, 120, 36);
    screen.shows("on disk 0");
    let client = home.control.clients()[0].clone();
    for n in 0..3000 {
        let payload = format!("{{\"number\":{n},\"noise\":\"{n:0>600}\"}}");
        home.control.publish_raw(&client, payload);
    }
    screen.shows("received 3,000").shows("dropped 0");
    screen.no_longer_shows("on disk 0");
    screen.press("3/number==7").shows("1 of 3,000");
    screen.until("the message from the disk", |text| {
        text.contains("\"number\":7,")
    });
    screen.escape("number==7").press("q");
    assert_eq!(screen.ends(), 0);

    let mut screen = Screen::opened(&home, 120, 36);
    screen.shows("received 0");
    for number in [7, 2999] {
        // Both: the newest message stands there without a filter too.
        screen
            .press(&format!("3/number=={number}"))
            .shows(&format!("number=={number}"))
            .shows("1 of 3,000");
        let wanted = format!("\"number\":{number},");
        screen.until("the message of the run before", |text| {
            text.contains("1 of 3,000") && text.contains(&wanted)
        });
        screen.escape(&format!("number=={number}"));
    }
    screen.press("q");
    assert_eq!(screen.ends(), 0);
}
