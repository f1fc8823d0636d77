use std::collections::{BTreeMap, BTreeSet};

use super::*;

fn run(seed: u64, count: Option<usize>, seconds: u64) -> Vec<News> {
    let mut world = World::new(seed, count);
    let beats = seconds * 10;
    (0..beats)
        .flat_map(|beat| world.tick(Mono(Duration::from_millis(beat * 100))))
        .collect()
}

fn all_kinds() -> World {
    World::new(1, Some(43))
}

#[test]
fn the_same_seed_lives_the_same_life_and_another_does_not() {
    assert_eq!(run(7, None, 60), run(7, None, 60));
    assert_ne!(run(7, None, 60), run(8, None, 60));
}

#[test]
fn the_home_has_twelve_kinds_and_more_and_reports_within_seconds() {
    let home = World::new(0, None);
    let kinds: BTreeSet<_> = home.devices().iter().map(|d| d.kind.name).collect();
    assert!(kinds.len() >= 12, "{kinds:?}");
    let early: BTreeSet<_> = run(0, None, 8)
        .into_iter()
        .filter_map(|news| match news {
            News::Report { device, .. } => Some(device),
            _ => None,
        })
        .collect();
    assert!(early.len() >= 12, "{} devices reported", early.len());
}

#[test]
fn every_online_device_moves_and_most_notify() {
    let mut world = all_kinds();
    let (mut reports, mut pushes) = (BTreeMap::new(), BTreeMap::new());
    for beat in 0..2400 {
        for news in world.tick(Mono(Duration::from_millis(beat * 100))) {
            match news {
                News::Report { device, .. } => *reports.entry(device).or_insert(0) += 1,
                News::Push { device, .. } => *pushes.entry(device).or_insert(0) += 1,
                News::Controlled { .. } => {}
            }
        }
    }
    for device in world.devices() {
        let count: u32 = reports.get(&device.id).copied().unwrap_or_default();
        assert_eq!(
            count >= 10,
            device.online,
            "{}: {count} reports",
            device.alias
        );
        let announced = device.profile.to_string().contains("\"push\":");
        let notified = pushes.contains_key(&device.id);
        assert_eq!(notified, announced && device.online, "{}", device.alias);
    }
}

#[test]
fn notifications_are_those_that_the_profile_announces() {
    let mut world = all_kinds();
    for beat in 0..2400 {
        for news in world.tick(Mono(Duration::from_millis(beat * 100))) {
            if let News::Push { device, code } = news {
                let device = world.device(&device).unwrap();
                let announced = device.profile.to_string().contains(&format!("\"{code}\""));
                assert!(announced, "{}: {code}", device.alias);
            }
        }
    }
}

/// Every enum value of a state is one that the profile lists, whatever the device has been through.
#[test]
fn states_stay_within_what_their_profiles_list() {
    let mut world = all_kinds();
    for beat in 0..1200 {
        world.tick(Mono(Duration::from_millis(beat * 100)));
    }
    for device in world.devices() {
        let run_states: Vec<_> = ["", "/0", "/1", "/washer", "/dryer"]
            .iter()
            .filter_map(|at| device.state.pointer(&format!("{at}/runState/currentState")))
            .collect();
        for state in run_states {
            let listed = device.profile.to_string().contains(&state.to_string());
            assert!(listed, "{}: {state}", device.alias);
        }
    }
}

#[test]
fn a_washing_cycle_counts_down_and_ends_with_its_notification() {
    let mut world = World::new(3, Some(2));
    let washer = world.devices()[1].id.clone();
    let mut left = Vec::new();
    for beat in 0..600 {
        for news in world.tick(Mono(Duration::from_millis(beat * 100))) {
            match news {
                News::Push { device, code } if device == washer => {
                    assert_eq!(code, "WASHING_IS_COMPLETE");
                    assert!(left.is_sorted_by(|a, b| a >= b), "{left:?}");
                    assert_eq!(left.last(), Some(&0));
                    return;
                }
                News::Report { device, report } if device == washer => {
                    let minute = report.pointer("/0/timer/remainMinute");
                    left.extend(minute.and_then(Value::as_i64));
                }
                _ => {}
            }
        }
    }
    panic!("the cycle did not end: {left:?}");
}

#[test]
fn the_room_reaches_the_target_of_the_air_conditioner() {
    let mut world = World::new(5, Some(1));
    let id = world.devices()[0].id.clone();
    let target = json!({"temperatureInUnits": {"coolTargetTemperature": 22, "unit": "C"}});
    world.obey(&id, target, Mono::default());
    for beat in 0..600 {
        world.tick(Mono(Duration::from_millis(beat * 100)));
    }
    let state = &world.device(&id).unwrap().state;
    let room = state["temperature"]["currentTemperature"].as_f64().unwrap();
    assert!((21.5..=22.5).contains(&room), "{room}");
    assert_eq!(
        state["temperatureInUnits"][0]["currentTemperature"],
        state["temperature"]["currentTemperature"]
    );
}

#[test]
fn a_robot_cleans_charges_and_stops_its_home_guard() {
    let codes: BTreeSet<_> = run(0, None, 240)
        .into_iter()
        .filter_map(|news| match news {
            News::Push { code, .. } => Some(code),
            _ => None,
        })
        .collect();
    for code in [
        "CLEANING_IS_COMPLETED",
        "HOMEGUARD_IS_STOPPED",
        "WASHING_IS_COMPLETE",
    ] {
        assert!(codes.contains(code), "{code} in {codes:?}");
    }
}

#[test]
fn a_control_does_not_change_what_devices_do_by_themselves() {
    let lives = |control: bool| {
        let mut world = World::new(9, None);
        let (ac, fridge) = (world.devices()[0].id.clone(), world.devices()[2].id.clone());
        if control {
            let body = json!({"display": {"light": "OFF"}});
            world.obey(&ac, body, Mono::default());
        }
        let beats = 0..300_u64;
        let news = beats.flat_map(|beat| world.tick(Mono(Duration::from_millis(beat * 100))));
        news.filter(|news| matches!(news, News::Report { device, .. } if *device == fridge))
            .collect::<Vec<_>>()
    };
    assert_eq!(lives(true), lives(false));
}

#[test]
fn a_device_somebody_waits_for_notifies_within_seconds() {
    let home = World::new(0, None);
    for device in home.devices().iter().filter(|d| d.online) {
        if !device.profile.to_string().contains("\"push\":") {
            continue;
        }
        let mut world = World::new(0, None);
        world.hurry(&device.id);
        let beats = 0..100_u64;
        let heard = beats
            .flat_map(|beat| world.tick(Mono(Duration::from_millis(beat * 100))))
            .any(|news| matches!(news, News::Push { device: from, .. } if from == device.id));
        assert!(heard, "{}", device.alias);
    }
}

#[test]
fn a_stuck_robot_names_its_error_and_forgets_it_when_freed() {
    let mut world = World::new(0, Some(4));
    let robot = world.devices()[3].id.clone();
    let (mut stuck, mut freed) = (0, 0);
    for beat in 0..6000 {
        world.tick(Mono(Duration::from_millis(beat * 100)));
        let state = &world.device(&robot).unwrap().state;
        let is_stuck = state["runState"]["currentState"] == "ERROR";
        assert_eq!(state.get("error").is_some(), is_stuck, "{state}");
        stuck += u32::from(is_stuck);
        freed += u32::from(stuck > 0 && !is_stuck);
    }
    assert!(stuck > 0 && freed > 0);
}

#[test]
fn a_target_in_one_unit_shows_in_the_other() {
    let mut world = all_kinds();
    let boiler = |world: &World| {
        let found = world
            .devices()
            .iter()
            .find(|d| d.kind.name == "system_boiler");
        found.unwrap().clone()
    };
    let id = boiler(&world).id;
    let body = json!({"hotWaterTemperatureInUnits": {"targetTemperature": 60, "unit": "C"}});
    world.obey(&id, body, Mono::default());
    world.frozen = true;
    world.tick(Mono(Duration::from_secs(1)));
    let water = &boiler(&world).state["hotWaterTemperatureInUnits"];
    assert_eq!(
        (
            &water[0]["targetTemperature"],
            &water[1]["targetTemperature"]
        ),
        (&json!(60), &json!(140))
    );
}
