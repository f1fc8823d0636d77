//! The account, without a broker.

use super::*;
use crate::base::moment::Mono;

const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000);

fn account() -> Aws {
    let account = Account {
        region: "eu-north-1".to_owned(),
        endpoint: "localhost".to_owned(),
        seed: 1,
        things: None,
        authority: Arc::new(Authority::new().expect("an authority")),
        directory: Directory::default(),
    };
    Aws::new(account, NOW)
}

#[test]
fn a_pattern_has_two_wildcards() {
    for (pattern, text, expected) in [
        ("*", "", true),
        ("a*c", "abbc", true),
        ("a*c", "abcd", false),
        ("a?c", "abc", true),
        ("a?c", "ac", false),
        ("*topic/한/*", "arn:topic/한/글", true),
        ("**x", "x", true),
        ("", "x", false),
    ] {
        assert_eq!(wild(pattern, text), expected, "{pattern} {text}");
    }
}

#[test]
fn a_rule_that_feeds_itself_comes_to_an_end() {
    let mut aws = account();
    aws.rules
        .push(TopicRule::new("echo", "SELECT * FROM 'a'", Some("a")).expect("a rule"));
    aws.say(Publication::new("a", "x"), NOW);
    let at = Moment {
        mono: Mono::default(),
        wall: NOW,
    };
    let published = aws.aftermath(at).publications.len();
    assert!((2..=DEEPEST + 2).contains(&published), "{published}");
}

#[test]
fn a_rule_hears_what_a_service_says() {
    let mut aws = account();
    aws.rules.push(
        TopicRule::new(
            "copy",
            "SELECT * FROM '$aws/things/+/shadow/update/accepted'",
            Some("copy/${topic(3)}"),
        )
        .expect("a rule"),
    );
    let update = Publication::new(
        "$aws/things/x/shadow/update",
        r#"{"state":{"reported":{}}}"#,
    );
    aws.say(update, NOW);
    let at = Moment {
        mono: Mono::default(),
        wall: NOW,
    };
    let topics: Vec<_> = aws
        .aftermath(at)
        .publications
        .into_iter()
        .map(|p| p.topic)
        .collect();
    assert_eq!(
        topics,
        [
            "$aws/things/x/shadow/update",
            "$aws/things/x/shadow/update/accepted",
            "copy/x",
            "$aws/things/x/shadow/update/documents",
        ]
    );
}

#[test]
fn with_the_same_seed_the_same_things_come() {
    let names = |aws: &Aws| -> Vec<String> {
        let things = aws.registry.things().iter();
        things
            .map(|t| format!("{} {:?}", t.name, t.attributes))
            .collect()
    };
    assert_eq!(names(&account()), names(&account()));
}
