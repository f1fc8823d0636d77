use std::collections::BTreeSet;

use super::*;
use crate::sim::world::catalog::KINDS;

fn cloud() -> Thinq {
    let authority = Arc::new(Authority::new().unwrap());
    let token = Secret::new("thinqpat_1");
    Thinq::new(World::new(1, Some(43)), Hosts::default(), token, authority)
}

fn request(method: &str, path: &str) -> HttpRequest {
    let headers = [
        ("authorization", "Bearer thinqpat_1"),
        ("x-country", "KR"),
        ("x-message-id", "abcdefghijklmnopqrstuv"),
        ("x-client-id", "me"),
        ("x-api-key", "v6GFvkweNo7DK7yD3ylIZ9w52aKBU0eJ7wLXkSR3"),
        ("x-service-phase", "OP"),
    ];
    HttpRequest {
        method: method.to_owned(),
        path: path.to_owned(),
        headers: headers.map(|(n, v)| (n.to_owned(), v.to_owned())).into(),
        ..HttpRequest::default()
    }
}

#[test]
fn all_nineteen_endpoints_are_there() {
    let mut cloud = cloud();
    let id = cloud.world.devices()[0].id.clone();
    let endpoints = [
        ("GET", "/route".to_owned()),
        ("GET", "/devices".to_owned()),
        ("GET", format!("/devices/{id}/profile")),
        ("GET", format!("/devices/{id}/state")),
        ("POST", format!("/devices/{id}/control")),
        ("POST", "/client".to_owned()),
        ("DELETE", "/client".to_owned()),
        ("POST", "/client/certificate".to_owned()),
        ("GET", "/push".to_owned()),
        ("POST", format!("/push/{id}/subscribe")),
        ("DELETE", format!("/push/{id}/unsubscribe")),
        ("GET", "/event".to_owned()),
        ("POST", format!("/event/{id}/subscribe")),
        ("DELETE", format!("/event/{id}/unsubscribe")),
        ("GET", "/push/devices".to_owned()),
        ("POST", "/push/devices".to_owned()),
        ("DELETE", "/push/devices".to_owned()),
        ("GET", format!("/devices/energy/{id}/profile")),
        ("GET", format!("/devices/energy/{id}/usage")),
    ];
    for (method, path) in endpoints {
        let answer = cloud.http(&request(method, &path), Moment::default());
        assert_ne!(answer.status, 403, "{method} {path}");
        let other = cloud.http(&request("PUT", &path), Moment::default());
        assert_eq!(other.status, 403, "PUT {path}");
    }
}

#[test]
fn every_refusal_in_this_cloud_is_in_the_table() {
    let sources = [
        include_str!("account.rs"),
        include_str!("check.rs"),
        include_str!("energy.rs"),
        include_str!("headers.rs"),
        include_str!("routes.rs"),
    ];
    let used: BTreeSet<_> = sources
        .iter()
        .flat_map(|source| source.split('"'))
        .filter(|word| word.len() == 4 && word.bytes().all(|b| b.is_ascii_digit()))
        .collect();
    assert!(used.len() > 20, "{used:?}");
    for code in used {
        assert_ne!(lookup(code).1, "Undocumented error", "{code}");
    }
}

/// Everything that a profile lets be written is accepted with one of the values it allows, by itself or with what has
/// to go along.
#[test]
fn every_writable_enum_of_every_kind_is_accepted_against_its_profile() {
    let cloud = cloud();
    let mut tried = 0;
    for kind in KINDS {
        let device = cloud
            .world
            .devices()
            .iter()
            .find(|d| d.kind.name == kind.name)
            .unwrap();
        let profile = kind.profile();
        let property = &profile["property"];
        let parts: Vec<_> = property
            .as_array()
            .map_or_else(|| vec![property], |p| p.iter().collect());
        for part in parts {
            for (resource, descriptors) in part.as_object().into_iter().flatten() {
                for (name, descriptor) in descriptors.as_object().into_iter().flatten() {
                    let together = ["power", "mode", "ventilation", "lamp"];
                    let Some(value) = descriptor.pointer("/value/w/0") else {
                        continue;
                    };
                    if together.contains(&resource.as_str()) {
                        continue;
                    }
                    let mut body = json!({resource: {name: value}});
                    if let Some(location) = part.get("location") {
                        body["location"] = location.clone();
                    }
                    tried += 1;
                    assert_eq!(
                        check::against_profile(device, &body),
                        Ok(()),
                        "{} {body}",
                        kind.name
                    );
                }
            }
        }
    }
    assert!(tried > 60, "{tried}");
}

#[test]
fn load_goes_round_the_subscribed_devices_and_spares_the_busy() {
    let mut cloud = cloud();
    let now = Moment::default();
    let ids: Vec<_> = cloud
        .world
        .devices()
        .iter()
        .take(2)
        .map(|d| d.id.clone())
        .collect();
    cloud.accounts.register("me");
    assert!(cloud.load(5, now, &|_| false).is_empty());
    for id in &ids {
        cloud
            .accounts
            .subscribe_event("me", id, 1, now.mono)
            .unwrap();
    }
    let load = cloud.load(6, now, &|_| false);
    for id in &ids {
        let of_it = load
            .iter()
            .filter(|p| String::from_utf8_lossy(&p.payload).contains(id));
        assert_eq!(of_it.count(), 3);
    }
    assert!(cloud.load(6, now, &|client| client == "me").is_empty());
}
