//! F40: jq programs that do not end, eat the memory or break, in the process that they are given.

use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use thingdeck::app::sieve::{SiftRow, Sifted};
use thingdeck::domain::decode::{Chain, Step};
use thingdeck::domain::program::{Made, Program};
use thingdeck::runtime::sieve::Sieve;

/// Nothing here takes so long.
const LIMIT: Duration = Duration::from_mins(1);

fn sieve() -> Sieve {
    Sieve::new(PathBuf::from(env!("CARGO_BIN_EXE_thingdeck")))
}

fn row(program: &str, payload: &[u8]) -> SiftRow {
    SiftRow {
        program: Program::parse(program).expect(program),
        topic: "t".to_owned(),
        payload: Bytes::copy_from_slice(payload),
        pin: None,
        most: 1000,
    }
}

/// All answers in the order of the rows; `None` for rows behind one that was cut off with the same program.
async fn sift(sieve: &mut Sieve, rows: &[SiftRow]) -> Vec<Option<Sifted>> {
    let mut all = vec![None; rows.len()];
    let mut ends = 0;
    let work = sieve.sift(rows, |results, last| {
        ends += usize::from(last);
        for (index, result) in results {
            assert_eq!(all[index].replace(result), None);
        }
    });
    tokio::time::timeout(LIMIT, work).await.expect("in time");
    assert_eq!(ends, 1);
    all
}

fn lines(answer: Option<&Sifted>) -> String {
    match answer {
        Some(Sifted::Made(Made::Lines { text, .. })) => text.clone(),
        other => panic!("{other:?}"),
    }
}

fn stopped(answer: Option<&Sifted>) -> String {
    match answer {
        Some(Sifted::Stopped(why)) => why.clone(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn payloads_of_any_format_go_through_a_program() {
    let mut sieve = sieve();
    let pinned = SiftRow {
        pin: Some(Chain(vec![Step::Text])),
        ..row("length", b"12345")
    };
    let rows = [
        row(".t", b" {\"t\": 1.50}"),
        row(". + 1", b"20"),
        row("ascii_downcase", b"OFF"),
        row(".temp", b"\xa2\x64temp\xf9\x4d\x60\x64name\x64roof"),
        pinned,
        row(".[]", b"[1,2]"),
        row(".", b"{broken"),
    ];
    let answers = sift(&mut sieve, &rows).await;
    let lines: Vec<_> = answers.iter().map(|a| lines(a.as_ref())).collect();
    assert_eq!(
        lines,
        ["1.50", "21", "\"off\"", "21.5", "5", "1\n2", "\"{broken\""]
    );
}

#[tokio::test]
async fn a_program_that_does_not_end_is_cut_off_and_the_others_flow() {
    let mut sieve = sieve();
    for endless in [
        "def f: f; f",
        "last(repeat(.))",
        "[range(1e12)] | length",
        "reduce range(1e12) as $x (0; . + $x)",
        "until(false; .)",
    ] {
        let rows = [
            row(".a", b"{\"a\":1}"),
            row(endless, b"1"),
            row(".a", b"{\"a\":2}"),
            row(endless, b"2"),
        ];
        let answers = sift(&mut sieve, &rows).await;
        assert_eq!(
            [lines(answers[0].as_ref()), lines(answers[2].as_ref())],
            ["1", "2"],
            "{endless}"
        );
        let why = stopped(answers[1].as_ref());
        assert!(why.starts_with("cut off: "), "{endless}: {why}");
        assert_eq!(answers[3], None);
    }
}

#[tokio::test]
async fn what_is_ready_is_told_before_a_slow_one_is_done() {
    let mut sieve = sieve();
    let rows = [row(".", b"1"), row("last(repeat(.))", b"1")];
    let mut told = Vec::new();
    let work = sieve.sift(&rows, |results, last| told.push((results.len(), last)));
    tokio::time::timeout(LIMIT, work).await.expect("in time");
    assert_eq!(told, [(1, false), (1, true)]);
}

#[tokio::test]
async fn a_program_that_wants_all_memory_or_all_of_the_stack_breaks_its_own_process_only() {
    let mut sieve = sieve();
    for greedy in [
        "def f: 1 + f; f",
        "[limit(100000000; repeat(\"xxxxxxxxxxxxxxxx\"))] | length",
        "reduce range(60) as $i (\"x\"; . + .) | length",
    ] {
        let answers = sift(&mut sieve, &[row(greedy, b"1"), row(".", b"7")]).await;
        let why = stopped(answers[0].as_ref());
        assert!(why.starts_with("cut off: "), "{greedy}: {why}");
        assert_eq!(lines(answers[1].as_ref()), "7");
    }
}

#[tokio::test]
async fn an_endless_output_and_a_halt_are_no_trouble() {
    let mut sieve = sieve();
    let answers = sift(
        &mut sieve,
        &[
            row("range(1e12)", b"1"),
            row("1, halt, 2", b"1"),
            row("error(\"no\")", b"1"),
        ],
    )
    .await;
    assert!(
        matches!(&answers[0], Some(Sifted::Made(Made::Lines { text, cut: true })) if text.len() == 1000)
    );
    assert_eq!(lines(answers[1].as_ref()), "1");
    assert_eq!(
        answers[2],
        Some(Sifted::Made(Made::Failed("\"no\"".to_owned())))
    );
}

#[tokio::test]
async fn a_question_that_nobody_waits_for_any_more_ends_its_process() {
    let mut sieve = sieve();
    let endless = [row("last(repeat(.))", b"1")];
    let work = sieve.sift(&endless, |_, _| {});
    let dropped = tokio::time::timeout(Duration::from_millis(200), work).await;
    assert!(dropped.is_err());
    assert_eq!(
        lines(sift(&mut sieve, &[row(".", b"7")]).await[0].as_ref()),
        "7"
    );
}

#[tokio::test]
async fn a_program_sees_nothing_of_our_environment() {
    let mut sieve = sieve();
    assert!(Program::parse("env").is_err());
    assert!(Program::parse("$ENV").is_err());
    assert!(Program::parse("input").is_err());
    let answers = sift(&mut sieve, &[row("[limit(3; repeat(now > 0))]", b"1")]).await;
    assert_eq!(lines(answers[0].as_ref()), "[true,true,true]");
}
