//! Whole screens at the sizes that people have.

use crate::sample;
use crate::{drawn, row_of, shown};
use thingdeck::app::event::Size;
use thingdeck::app::screen::{Role, Span};
use thingdeck::ui::Theme;

#[test]
fn on_80_by_24() {
    insta::assert_snapshot!(shown(&sample::screen(80, 24)));
}

#[test]
fn on_120_by_36() {
    insta::assert_snapshot!(shown(&sample::screen(120, 36)));
}

#[test]
fn on_200_by_60() {
    insta::assert_snapshot!(shown(&sample::screen(200, 60)));
}

#[test]
fn a_terminal_that_is_too_small_says_so_and_nothing_else() {
    let mut screen = sample::screen(120, 36);
    screen.size = Size {
        width: 30,
        height: 7,
    };
    screen.too_small = true;
    let text = shown(&screen);
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    assert_eq!(lines, ["", "", "too small", "30x7", "needs 40x10", "", ""]);
}

#[test]
fn the_state_is_told_by_a_sign_and_in_words() {
    let mut screen = sample::screen(120, 36);
    let states = [
        ("connected", Role::Good),
        ("connecting", Role::Pending),
        ("silent", Role::Warn),
        ("refused: the token is not accepted", Role::Bad),
        ("offline", Role::Dim),
    ];
    let said: Vec<String> = states
        .iter()
        .map(|&(words, role)| {
            screen.header.state = Span::new(words, role);
            let text = shown(&screen);
            let line = text.lines().next().unwrap();
            line.chars()
                .skip(28)
                .take(20)
                .collect::<String>()
                .trim()
                .to_owned()
        })
        .collect();
    assert_eq!(
        said,
        [
            "● connected",
            "◐ connecting",
            "! silent",
            "✗ refused: the toke",
            "○ offline"
        ]
    );
}

#[test]
fn a_long_state_takes_the_room_of_the_name_and_the_sparkline() {
    let mut screen = sample::screen(80, 24);
    screen.header.hint = None;
    screen.header.state = Span::new(
        "reconnecting in 4 s: the broker closed the connection without a word",
        Role::Warn,
    );
    let text = shown(&screen);
    let line = text.lines().next().unwrap();
    assert!(line.contains("without a word"), "{line}");
}

#[test]
fn verification_turned_off_is_said_the_whole_time() {
    for width in [40, 80, 120] {
        let mut screen = sample::screen(width, 24);
        screen.header.insecure = true;
        let buffer = drawn(&screen, &Theme::plain());
        assert_eq!(row_of(&buffer, "INSECURE"), 0, "at {width}");
        assert_eq!(row_of(&buffer, "● connected"), 0, "at {width}");
    }
}

#[test]
fn counters_are_left_out_whole_never_cut() {
    for width in 1..=120 {
        let mut screen = sample::screen(width, 24);
        screen.header.hint = None;
        let text = shown(&screen);
        let line = text.lines().nth(1).unwrap().trim();
        let whole = [
            "",
            "dropped 1,203",
            "kept 11.2k   dropped 1,203",
            "received 12.4k   kept 11.2k   dropped 1,203",
            "received 12,408   kept 11,205   dropped 1,203",
            "received 12,408   kept 11,205   dropped 1,203   42 calls this hour",
        ];
        assert!(whole.contains(&line), "at {width}: {line:?}");
    }
}

#[test]
fn a_header_of_one_line_has_the_state_and_the_counters() {
    for (width, line) in [
        (
            60,
            "simulated home · LG ThinQ   ● connected   dropped 1,203",
        ),
        (
            80,
            "simulated home · LG ThinQ   ● connected   kept 11.2k   dropped 1,203      18/s",
        ),
    ] {
        let mut screen = sample::screen(width, 12);
        screen.panes = vec![sample::devices(sample::area(0, 1, width, 10))];
        let text = shown(&screen);
        let said = text.lines().next().unwrap().trim();
        assert_eq!(said, line);
    }
}

#[test]
fn a_header_of_three_lines_gives_the_hint_the_last_one() {
    let mut screen = sample::screen(80, 24);
    screen.panes = vec![sample::devices(sample::area(0, 3, 80, 20))];
    let text = shown(&screen);
    let line = text.lines().nth(2).unwrap();
    assert_eq!(line, " simulated home: press P to add your own account");
}

#[test]
fn the_hint_of_the_simulated_home_is_there_on_a_small_terminal_too() {
    let text = shown(&sample::screen(80, 24));
    assert!(text.contains("simulated home: press P"), "{text}");
}

#[test]
fn the_footer_shows_whole_entries_only() {
    for width in 10..=120 {
        let mut screen = sample::screen(width, 24);
        screen.footer.notice = None;
        let text = shown(&screen);
        let line = text.lines().last().unwrap().trim();
        let all = "p push  e event  s state  x control  Enter only its messages  / filter  \
                   Tab next pane  : all actions  ? help  q quit";
        assert!(all.starts_with(line), "at {width}: {line:?}");
        let rest = all.strip_prefix(line).unwrap();
        assert!(
            rest.is_empty() || rest.starts_with("  "),
            "at {width}: {line:?}"
        );
    }
}

#[test]
fn a_notice_stands_before_the_keys_with_a_sign_of_its_own() {
    let mut screen = sample::screen(120, 36);
    screen.footer.notice = Some(Span::new("LG refused: 1222 not connected", Role::Bad));
    let text = shown(&screen);
    let line = text.lines().last().unwrap();
    assert!(
        line.starts_with(" ✗ LG refused: 1222 not connected   p push"),
        "{line}"
    );
}
