//! `demo mqtt`: the dashboard on the plain broker inside the program, nothing set up.

use crate::support::home::Home;
use crate::support::screen::Screen;

#[test]
fn the_demo_of_a_plain_broker_shows_its_plant() {
    let home = Home::fresh();
    let mut screen = Screen::start(&home, 120, 36, &["demo", "mqtt"]);
    screen.shows("simulated plant").shows("connected");
    screen.shows("line1").shows("camera");
    screen.leaves();
}

#[test]
fn tail_reads_every_profile_that_the_simulator_writes() {
    let home = Home::with(|options| {
        options.platform = thingdeck::domain::profile::PlatformId::Mqtt;
    });
    for profile in ["plant", "plant-v5", "plant-ws", "plant-plain"] {
        let ended = home
            .run(&[
                "-p",
                profile,
                "tail",
                "plant/config",
                "--count",
                "1",
                "--for",
                "20s",
            ])
            .expect(0);
        assert!(
            ended.out.contains("plant/config"),
            "{profile}: {}",
            ended.out
        );
    }
}
