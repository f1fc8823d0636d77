//! What LG answers when it does not answer as one wishes: words, and the exit codes of `interface.md` section 2.

use serde_json::json;

use crate::support::home::Home;

#[test]
fn refusals_and_failures_end_with_their_exit_code_and_say_why() {
    let Some(home) = Home::start() else { return };
    let cases = [
        (
            json!({"http": 401, "code": "1302", "message": "Invalid token"}),
            3,
            "1302",
        ),
        (
            json!({"http": 401, "code": "1307", "message": "x"}),
            3,
            "country",
        ),
        (
            json!({"http": 500, "code": "2000", "message": "x", "times": 9}),
            1,
            "2000",
        ),
        (
            json!({"http": 502, "html": "<html><h1>Bad Gateway</h1></html>", "times": 9}),
            1,
            "HTTP 502",
        ),
        (
            json!({"http": 403, "html": "{\"message\":\"Forbidden\"}"}),
            3,
            "HTTP 403",
        ),
        (
            json!({"http": 200, "html": "<html>portal</html>"}),
            1,
            "HTTP 200",
        ),
        (
            json!({"http": 400, "code": "9999", "message": "Brand new"}),
            1,
            "9999",
        ),
        (json!({"drop": 1, "times": 9}), 6, "closed the connection"),
        (
            json!({"http": 401, "code": "1314", "message": "Exceeded User API calls"}),
            1,
            "call limit",
        ),
    ];
    for (fault, code, words) in &cases {
        let mut order = json!({"do": "fault", "route": "GET devices"});
        for (name, value) in fault.as_object().expect("an object") {
            order[name] = value.clone();
        }
        home.cloud(&order);
        let ended = home.run(&["devices"]).expect(*code);
        assert!(ended.err.contains(words), "{fault}: {}", ended.err);
        home.cloud(&json!({"do": "clear"}));
    }
    home.run(&["devices"]).expect(0);
}

#[test]
fn a_certificate_of_another_authority_is_renewed_once_and_then_explained() {
    let Some(home) = Home::start() else { return };
    home.run(&["subs"]).expect(0);

    let from = home.log_length();
    home.cloud(&json!({"do": "broker", "new_authority": true}));
    home.run(&["subs"]).expect(0);
    let issued = |from| {
        let rest = home.log("rest", from);
        rest.iter()
            .filter(|call| *call == "POST client/certificate")
            .count()
    };
    assert_eq!(issued(from), 1);

    let from = home.log_length();
    home.cloud(&json!({"do": "broker", "new_authority": true, "sign_with_old": true}));
    let ended = home.run(&["tail", "--for", "30s"]).expect(3);
    assert_eq!(issued(from), 1);
    assert!(
        ended.err.contains("refused the client certificate"),
        "{}",
        ended.err
    );
    home.assert_lawful();
}

#[test]
fn a_broker_that_is_away_is_named_by_the_route_s_own_address() {
    let Some(home) = Home::start() else { return };
    home.run(&["subs"]).expect(0);
    home.cloud(&json!({"do": "broker", "start": false}));
    let ended = home.run(&["tail", "--for", "10s"]).expect(6);
    let port = home.ready("mqtt_url").rsplit(':').next().expect("a port");
    assert!(
        ended
            .err
            .contains(&format!("could not connect to localhost:{port}")),
        "{}",
        ended.err
    );
}

#[test]
fn a_misspelt_platform_and_a_config_file_that_is_not_there_are_named() {
    let Some(home) = Home::start() else { return };
    let config = home.path("config.toml");
    let text = std::fs::read_to_string(&config).expect("there");
    std::fs::write(&config, text.replace("platform ", "platfrom ")).expect("written");
    let ended = home.run(&["devices"]).expect(2);
    assert!(
        ended.err.contains("line 4: `profiles.home.platfrom`")
            && ended.err.contains("did you mean `platform`?"),
        "{}",
        ended.err
    );
    let ended = home.run(&["--config", "nowhere.toml", "devices"]).expect(2);
    assert!(ended.err.contains("nowhere.toml"), "{}", ended.err);
}
