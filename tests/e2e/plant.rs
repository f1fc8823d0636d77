//! `demo mqtt`: the dashboard on the plain broker inside the program, nothing set up.

use thingdeck::domain::profile::PlatformId;

use crate::support::home::{Ended, Home};
use crate::support::screen::Screen;

#[test]
fn the_demo_of_a_plain_broker_shows_its_plant() {
    let home = Home::fresh();
    let mut screen = Screen::start(&home, 120, 36, &["demo", "mqtt"]);
    screen.shows("simulated plant").shows("connected");
    screen.shows("line1").shows("camera");
    screen.leaves();
}

/// A platform that this version brings has a simulator, and its demo connects to it.
#[test]
fn every_platform_has_a_demo() {
    let demos = [
        ("thinq", "simulated home"),
        ("aws", "simulated fleet"),
        ("google", "simulated gateway"),
        ("huawei", "simulated meter"),
        ("mqtt", "simulated plant"),
    ];
    assert_eq!(demos.len(), PlatformId::ALL.len());
    for (platform, name) in demos {
        let home = Home::fresh();
        let mut screen = Screen::start(&home, 120, 36, &["demo", platform]);
        screen.shows(name).shows("● connected");
        screen.leaves();
    }
}

#[test]
fn tail_reads_every_profile_that_the_simulator_writes() {
    let home = Home::with(|options| {
        options.platform = PlatformId::Mqtt;
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

fn plant() -> Home {
    Home::with(|options| {
        options.platform = PlatformId::Mqtt;
    })
}

const LOOK: [&str; 4] = ["expect", "plant/config", "--within", "20s"];

/// failure-modes.md F18.
#[test]
fn the_systems_roots_are_trusted_unless_the_profile_wants_its_own_only() {
    let home = plant();
    let url = home.ready().mqtt_url.clone();
    let run = |options: &[&str], roots: &str| {
        let mut command = home.command(&[options, &LOOK].concat());
        command.env("SSL_CERT_FILE", roots);
        Ended::from(command.output().expect("it runs"))
    };
    let ca = home.config().with_file_name("ca.pem");
    let ca = ca.to_str().expect("text");
    let other = rcgen::generate_simple_self_signed(vec!["elsewhere".to_owned()]).expect("made");
    let stranger = home.config().with_file_name("stranger.pem");
    std::fs::write(&stranger, other.cert.pem()).expect("writable");
    let stranger = stranger.to_str().expect("text");

    run(&["--url", &url], ca).expect(0);
    let ended = run(&["--url", &url], stranger).expect(3);
    assert!(ended.err.contains("not trusted here"), "{}", ended.err);
    run(&["--url", &url, "--ca-file", ca], stranger).expect(0);
    run(&["--url", &url, "--ca-file", stranger], ca).expect(0);
    let profile = format!(
        "[profiles.own]\nplatform = \"mqtt\"\nurl = {url:?}\nca_file = {stranger:?}\nsystem_roots = false\n"
    );
    let file = home.config().with_file_name("own.toml");
    std::fs::write(&file, profile).expect("writable");
    let file = file.to_str().expect("text");
    run(&["--config", file, "-p", "own"], ca).expect(3);
}

#[test]
fn the_keys_of_a_connection_are_written_where_sslkeylogfile_says_and_that_is_told() {
    let home = plant();
    let file = home.config().with_file_name("keys");
    let mut command = home.command(&[&["-p", "plant"], &LOOK[..]].concat());
    command.env("SSLKEYLOGFILE", &file);
    let ended = Ended::from(command.output().expect("it runs")).expect(0);
    assert!(ended.err.contains("SSLKEYLOGFILE"), "{}", ended.err);
    let keys = std::fs::read_to_string(&file).expect("keys");
    assert!(keys.contains("CLIENT_TRAFFIC_SECRET_0"), "{keys}");
}

#[test]
fn a_url_is_meant_whatever_profile_a_variable_names() {
    let home = plant();
    let nobody = format!(
        "mqtt://127.0.0.1:{}",
        crate::support::mosquitto::free_port()
    );
    let mut command = home.command(&["--url", &nobody, "publish", "a", "x"]);
    command.env("THINGDECK_PROFILE", "plant");
    Ended::from(command.output().expect("it runs")).expect(6);
}

/// failure-modes.md F40.
#[test]
fn a_jq_program_that_does_not_end_is_named_while_the_stream_and_the_keys_go_on() {
    let home = plant();
    let mut screen = Screen::start(&home, 120, 36, &["-p", "plant"]);
    screen.shows("connected").shows("conveyor").press("3|");
    screen.shows("jq for everything").paste("last(repeat(.))");
    screen.shows("cut off: not done after 1 s");
    screen.escape("jq for everything").no_longer_shows("repeat");
    screen
        .press("|")
        .shows("jq for everything")
        .paste("\"n\" + \"=7\"");
    screen.shows("\"n=7\"").press("\r").shows("written: ");
    screen.leaves();
    let config = std::fs::read_to_string(home.config()).expect("a config");
    assert!(config.contains("[jq]"), "{config}");
    // The next start has it.
    let mut screen = Screen::start(&home, 120, 36, &["-p", "plant"]);
    screen.shows("connected").press("3").shows("\"n=7\"");
    screen.leaves();
}
