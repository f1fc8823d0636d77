//! Screens as the core would make them, rich enough to show everything there is.

use thingdeck::app::event::Size;
use thingdeck::app::screen::{
    Area, Body, ChoiceBox, ChoiceRow, CommandRow, ComposeRow, ConfirmBox, DeviceRow, Field,
    FilterLine, FilterRow, Fold, Footer, FormBox, Header, Line, Mark, MessageRow, Overlay, PaneId,
    PaneView, Presence, Role, Screen, Scroll, Span, SubscriptionRow, TextBox, TopicRow,
};
use thingdeck::base::text::SafeText;

pub const fn area(x: u16, y: u16, width: u16, height: u16) -> Area {
    Area {
        x,
        y,
        width,
        height,
    }
}

/// All five panes on a large terminal, two on a small one, placed much as the core places them.
pub fn screen(width: u16, height: u16) -> Screen {
    let top = 2.min(height);
    let rows = height.saturating_sub(top + 1);
    let mut panes = if width < 100 {
        let upper = rows * 45 / 100;
        vec![
            devices(area(0, top, width, upper)),
            messages(area(0, top + upper, width, rows - upper)),
        ]
    } else {
        let left = width / 2;
        let right = width - left;
        let upper = rows * 62 / 100;
        let slim = 6.min(rows);
        let stream = (rows - slim) * 55 / 100;
        vec![
            devices(area(0, top, left, upper)),
            subscriptions(area(0, top + upper, left, rows - upper)),
            messages(area(left, top, right, stream)),
            inspector(area(left, top + stream, right, rows - slim - stream)),
            publish(area(left, height - 1 - slim, right, slim)),
        ]
    };
    panes[0].focused = true;
    Screen {
        size: Size { width, height },
        header: header(),
        panes,
        footer: footer(),
        overlays: Vec::new(),
        too_small: false,
    }
}

/// One pane alone in the middle of nothing.
pub fn alone(width: u16, height: u16, pane: PaneView) -> Screen {
    Screen {
        size: Size { width, height },
        header: Header::default(),
        panes: vec![pane],
        footer: Footer::default(),
        overlays: Vec::new(),
        too_small: false,
    }
}

pub fn header() -> Header {
    Header {
        profile: "simulated home".into(),
        platform: "LG ThinQ",
        state: Span::new("connected", Role::Good),
        insecure: false,
        received: 12_408,
        on_disk: None,
        kept: 11_205,
        dropped: 1_203,
        recording: None,
        calls: Some(Span::new("42 calls this hour", Role::Dim)),
        rates: (0..60_u32)
            .map(|i| (i * 7919 % 13) * (i / 20) + i % 3)
            .collect(),
        rate: 18,
        hint: Some("simulated home: press P to add your own account".into()),
    }
}

pub fn footer() -> Footer {
    let keys = [
        ("p", "push"),
        ("e", "event"),
        ("s", "state"),
        ("x", "control"),
        ("Enter", "only its messages"),
        ("/", "filter"),
        ("Tab", "next pane"),
        (":", "all actions"),
        ("?", "help"),
        ("q", "quit"),
    ];
    Footer {
        keys: keys.map(|(key, label)| (key.into(), label.into())).to_vec(),
        notice: Some(Span::new("push is on for 거실 에어컨", Role::Good)),
    }
}

fn pane(id: PaneId, area: Area, body: Body, total: usize) -> PaneView {
    let shown = usize::from(area.height).saturating_sub(3);
    PaneView {
        id,
        area,
        focused: false,
        note: None,
        filter: None,
        program: None,
        feeds: ["Push", "Event"],
        body,
        scroll: Scroll {
            offset: 0,
            total,
            shown: shown.min(total),
        },
    }
}

/// Rows of a table: the frame takes two lines, the headings one.
fn room(area: Area) -> usize {
    usize::from(area.height).saturating_sub(3)
}

pub fn devices(area: Area) -> PaneView {
    let rows = device_rows();
    let total = rows.len();
    let mut pane = pane(
        PaneId::Devices,
        area,
        Body::Devices(rows.into_iter().take(room(area)).collect()),
        total,
    );
    pane.note = Some(Span::new("14", Role::Dim));
    pane
}

pub fn device_rows() -> Vec<DeviceRow> {
    let row = |name: &str, kind: &str, model: &str| DeviceRow {
        name: name.into(),
        kind: kind.into(),
        model: model.into(),
        presence: Presence::Online,
        push: Mark::Off,
        event: Mark::Off,
        ..DeviceRow::default()
    };
    vec![
        DeviceRow {
            selected: true,
            push: Mark::On(None),
            event: Mark::On(Some("23h40".to_owned())),
            last: "2s".to_owned(),
            count: 1_204,
            fresh: true,
            ..row("거실 에어컨", "Air conditioner", "RAC_056905_WW")
        },
        DeviceRow {
            marked: true,
            push: Mark::On(None),
            event: Mark::Pending(true),
            last: "41s".to_owned(),
            count: 88,
            ..row("안방 공기청정기", "Air purifier", "AIR_910604_WW")
        },
        DeviceRow {
            push: Mark::Pending(false),
            last: "4m".to_owned(),
            count: 312,
            ..row("세탁기", "Washer", "F_V8_Y___W.B_2QEUK")
        },
        DeviceRow {
            push: Mark::On(None),
            last: "12s".to_owned(),
            count: 64_210,
            marked: true,
            ..row("冰箱 Kühlschrank", "Refrigerator", "T20_2REF11EJGGA_2")
        },
        DeviceRow {
            presence: Presence::Offline,
            push: Mark::Failed,
            trouble: Some("1222 not connected".into()),
            last: "3h".to_owned(),
            count: 7,
            ..row("로봇청소기", "Robot cleaner", "R9_WW")
        },
        DeviceRow {
            presence: Presence::Unknown,
            push: Mark::Unknown,
            event: Mark::Unknown,
            ..row("Dish washer", "Dish washer", "D_TAP_WW")
        },
        DeviceRow {
            event: Mark::None,
            push: Mark::On(None),
            ..row("현관 센서 🏠", "Sensor", "AGR_HM")
        },
        row("Dryer", "Dryer", "RV13B6AMD_D_EU_WIFI"),
        row("Wine cellar", "Wine cellar", "WINE_12"),
        row("로메스틱 정수기", "Water purifier", "WP_3"),
        row("Oven", "Oven", "OVN_22"),
        row("Ceiling fan", "Ceiling fan", "FAN_1"),
        row("보일러", "System boiler", "BOIL_7"),
        row("Stick cleaner", "Stick cleaner", "S_9"),
    ]
}

pub fn subscriptions(area: Area) -> PaneView {
    let rows = subscription_rows();
    let total = rows.len();
    let mut pane = pane(
        PaneId::Subscriptions,
        area,
        Body::Subscriptions(rows.into_iter().take(room(area)).collect()),
        total,
    );
    pane.note = Some(Span::new("4 on, 1 refused", Role::Dim));
    pane
}

pub fn subscription_rows() -> Vec<SubscriptionRow> {
    let row =
        |sort: &'static str, what: &str, mark: Mark, detail: &str, role: Role| SubscriptionRow {
            sort,
            what: what.into(),
            mark,
            detail: Span::new(detail, role),
            ..SubscriptionRow::default()
        };
    vec![
        SubscriptionRow {
            selected: true,
            ..row(
                "event",
                "거실 에어컨",
                Mark::On(Some("23h40".to_owned())),
                "renews in 23h10",
                Role::Dim,
            )
        },
        row("push", "거실 에어컨", Mark::On(None), "", Role::Dim),
        row(
            "push",
            "세탁기",
            Mark::Pending(false),
            "waiting for LG",
            Role::Pending,
        ),
        row(
            "push",
            "로봇청소기",
            Mark::Failed,
            "1222 not connected",
            Role::Bad,
        ),
        row(
            "filter",
            "app/clients/8f21/push",
            Mark::On(None),
            "QoS 1",
            Role::Dim,
        ),
        SubscriptionRow {
            muted: true,
            ..row(
                "filter",
                "app/clients/8f21/#",
                Mark::On(None),
                "QoS 0",
                Role::Dim,
            )
        },
    ]
}

pub fn topics(area: Area) -> PaneView {
    let row = |depth: u16, name: &str, fold: Fold| TopicRow {
        depth,
        name: name.into(),
        fold,
        value: vec![Span::new("21.5", Role::Number)],
        rate: "12.3".to_owned(),
        last: "4m".to_owned(),
        retained: depth == 2,
        count: 1_204,
        ..TopicRow::default()
    };
    let rows = vec![
        TopicRow {
            selected: true,
            marked: true,
            topics: 12,
            ..row(0, "home", Fold::Unfolded)
        },
        row(1, "거실", Fold::Folded),
        row(2, "temp", Fold::Leaf),
        row(60, "deep", Fold::Leaf),
    ];
    pane(PaneId::Devices, area, Body::Topics(rows), 4)
}

pub fn filters(area: Area) -> PaneView {
    let row = |filter: &str, mark: Mark, detail: &str| FilterRow {
        filter: filter.into(),
        mark,
        detail: Span::new(detail, Role::Dim),
        options: "nl rap rh2 id7".into(),
        origin: "by hand",
        count: Some(12_408),
        ..FilterRow::default()
    };
    let rows = vec![
        FilterRow {
            selected: true,
            ..row("home/#", Mark::On(None), "QoS 1 → 0 granted")
        },
        FilterRow {
            muted: true,
            ..row("#", Mark::On(None), "QoS 1, muted, 12 hidden")
        },
        row("secret/#", Mark::Failed, "refused: not authorised"),
    ];
    pane(PaneId::Subscriptions, area, Body::Filters(rows), 3)
}

pub fn messages(area: Area) -> PaneView {
    let rows = message_rows();
    let mut pane = pane(
        PaneId::Messages,
        area,
        Body::Messages(rows.into_iter().take(room(area)).collect()),
        11_205,
    );
    pane.note = Some(Span::new("following", Role::Good));
    pane.scroll.offset = 11_205 - pane.scroll.shown;
    pane
}

pub fn message_rows() -> Vec<MessageRow> {
    let gist = |spans: &[(&str, Role)]| -> Line {
        spans
            .iter()
            .map(|&(text, role)| Span::new(text, role))
            .collect()
    };
    let row = |time: &str, kind: &'static str, source: &str, gist: Line, bytes: usize| MessageRow {
        time: time.to_owned(),
        kind,
        kind_role: match kind {
            "event" => Role::Number,
            "device" => Role::Pending,
            _ => Role::Good,
        },
        source: source.into(),
        gist,
        bytes,
        ..MessageRow::default()
    };
    let value = |key: &str, value: &str, unit: &str| {
        gist(&[
            (key, Role::Label),
            (" ", Role::Normal),
            (value, Role::Number),
            (unit, Role::Dim),
        ])
    };
    vec![
        row(
            "20:41:18.004",
            "push",
            "세탁기",
            gist(&[
                ("runState.currentState", Role::Label),
                (" ", Role::Normal),
                ("RINSING", Role::Changed),
            ]),
            412,
        ),
        row(
            "20:41:19.310",
            "event",
            "거실 에어컨",
            value("temperature.current", "24.5", " °C"),
            1_229,
        ),
        MessageRow {
            gap: true,
            gist: gist(&[(
                "⋯ 1,203 messages (2.1 MiB) dropped: they came faster than they could be kept",
                Role::Warn,
            )]),
            ..MessageRow::default()
        },
        row(
            "20:41:20.118",
            "push",
            "冰箱 Kühlschrank",
            value("doorStatus.main", "OPEN", ""),
            287,
        ),
        MessageRow {
            dup: true,
            ..row(
                "20:41:20.700",
                "event",
                "안방 공기청정기",
                value("airQuality.PM2", "12", " µg/m³"),
                960,
            )
        },
        MessageRow {
            selected: true,
            ..row(
                "20:41:22.123",
                "push",
                "거실 에어컨",
                gist(&[
                    ("airConJobMode.currentJobMode", Role::Label),
                    (" ", Role::Normal),
                    ("COOL", Role::Text),
                    ("  ", Role::Normal),
                    ("windStrength", Role::Label),
                    (" ", Role::Normal),
                    ("HIGH", Role::Changed),
                ]),
                524,
            )
        },
        MessageRow {
            outgoing: true,
            ..row(
                "20:41:22.140",
                "command",
                "거실 에어컨",
                value("targetTemperature", "22", " °C"),
                61,
            )
        },
        row(
            "20:41:23.009",
            "device",
            "로봇청소기",
            gist(&[("was renamed from ", Role::Normal), ("Robot", Role::Match)]),
            198,
        ),
        MessageRow {
            retain: true,
            ..row(
                "20:41:23.500",
                "message",
                "app/clients/8f21/inform",
                value("version", "3", ""),
                3 << 20,
            )
        },
    ]
}

pub fn inspector(area: Area) -> PaneView {
    let lines = inspector_lines();
    let total = 48;
    let shown = usize::from(area.height).saturating_sub(2);
    let mut pane = pane(PaneId::Inspector, area, Body::Lines(lines), total);
    pane.scroll.shown = shown.min(total);
    pane.note = Some(Span::new("pretty", Role::Dim));
    pane
}

pub fn inspector_lines() -> Vec<Line> {
    let line = |spans: &[(&str, Role)]| -> Line {
        spans
            .iter()
            .map(|&(text, role)| Span::new(text, role))
            .collect()
    };
    let pair = |indent: &str, key: &str, value: (&str, Role), comma: &str| {
        line(&[
            (indent, Role::Normal),
            (key, Role::Label),
            (": ", Role::Punctuation),
            value,
            (comma, Role::Punctuation),
        ])
    };
    vec![
        line(&[
            ("topic  ", Role::Dim),
            ("app/clients/8f21/push", Role::Normal),
        ]),
        line(&[("push · QoS 1 · 524 B · 20:41:22.123", Role::Dim)]),
        line(&[]),
        line(&[("{", Role::Punctuation)]),
        pair("  ", "\"pushType\"", ("\"DEVICE_STATUS\"", Role::Text), ","),
        pair("  ", "\"deviceId\"", ("\"8f21…c04e\"", Role::Text), ","),
        line(&[
            ("  ", Role::Normal),
            ("\"report\"", Role::Label),
            (": {", Role::Punctuation),
        ]),
        pair("    ", "\"currentJobMode\"", ("\"COOL\"", Role::Text), ","),
        pair("    ", "\"windStrength\"", ("\"HIGH\"", Role::Changed), ","),
        pair("    ", "\"targetTemperature\"", ("22.5", Role::Number), ","),
        pair("    ", "\"powerSave\"", ("false", Role::Literal), ","),
        pair("    ", "\"alias\"", ("\"거실 에어컨\"", Role::Match), ""),
        line(&[("  }", Role::Punctuation)]),
        line(&[("}", Role::Punctuation)]),
    ]
}

pub fn publish(area: Area) -> PaneView {
    let rows = command_rows();
    let total = rows.len();
    pane(
        PaneId::Publish,
        area,
        Body::Commands(rows.into_iter().take(room(area)).collect()),
        total,
    )
}

pub fn command_rows() -> Vec<CommandRow> {
    let row = |time: &str, device: &str, what: &str, outcome: Span| CommandRow {
        time: time.to_owned(),
        device: device.into(),
        what: what.into(),
        outcome,
        selected: false,
    };
    vec![
        row(
            "20:41:22",
            "거실 에어컨",
            "targetTemperature = 22",
            Span::new("confirmed after 2 s", Role::Good),
        ),
        row(
            "20:40:02",
            "세탁기",
            "operation.washerOperationMode = START",
            Span::new("refused: 2302 not in remote control", Role::Bad),
        ),
        row(
            "20:39:55",
            "Dryer",
            "power = ON",
            Span::new("sent", Role::Pending),
        ),
    ]
}

pub fn palette() -> Overlay {
    let row = |name: &str, key: &str| ChoiceRow {
        selected: false,
        name: vec![Span::new(name, Role::Normal)],
        detail: Span::new(key, Role::Key),
    };
    let mut rows = vec![
        row("Turn push on or off", "p"),
        row("Turn events on or off", "e"),
        row("Show the state", "s"),
        row("Control the device", "x"),
        row("Refresh from the platform", "r"),
        row("Zoom the pane", "z"),
    ];
    rows[1].selected = true;
    rows[1].name = vec![
        Span::new("Turn ", Role::Normal),
        Span::new("event", Role::Match),
        Span::new("s on or off", Role::Normal),
    ];
    Overlay::Choice(ChoiceBox {
        area: area(30, 8, 60, 14),
        title: "All actions".into(),
        search: Some(FilterLine {
            text: "event".into(),
            cursor: Some(5),
            error: None,
        }),
        rows,
        scroll: Scroll {
            offset: 2,
            total: 41,
            shown: 6,
        },
        hint: "Enter does it · Esc closes".into(),
        intro: Vec::new(),
    })
}

pub fn wizard() -> Overlay {
    Overlay::Form(FormBox {
        area: area(20, 6, 80, 18),
        title: "Add an account".into(),
        intro: vec![vec![
            Span::new("A token of your LG account: ", Role::Normal),
            Span::new("connect-pat.lgthinq.com", Role::Key),
        ]],
        fields: vec![
            Field {
                label: "Name".into(),
                value: "우리집".into(),
                ..Field::default()
            },
            Field {
                label: "Token".into(),
                value: "•••••••• 61 characters".into(),
                focused: true,
                cursor: Some(22),
                note: Some(Span::new("pasted", Role::Good)),
            },
            Field {
                label: "Country".into(),
                value: "KR".into(),
                note: Some(Span::new("South Korea, region kic", Role::Dim)),
                ..Field::default()
            },
        ],
        below: vec![
            vec![Span::new("✓ region: kic", Role::Good)],
            vec![Span::new("✓ client registered", Role::Good)],
            vec![Span::new("◌ waiting for the certificate", Role::Pending)],
        ],
        hint: "Tab next · Enter tests and saves · Esc gives up".into(),
    })
}

pub fn question() -> Overlay {
    Overlay::Confirm(ConfirmBox {
        area: area(35, 12, 50, 8),
        title: "Quit?".into(),
        lines: vec![
            vec![Span::new(
                "Two event subscriptions would stay on:",
                Role::Normal,
            )],
            vec![Span::new("거실 에어컨, 안방 공기청정기", Role::Title)],
        ],
        answers: [
            ("y", "quit, leave them"),
            ("o", "turn them off"),
            ("n", "stay"),
        ]
        .map(|(key, label)| (key.into(), label.into()))
        .to_vec(),
    })
}

pub fn help() -> Overlay {
    let lines = inspector_lines();
    let total = 60;
    Overlay::Text(TextBox {
        area: area(25, 5, 70, 20),
        title: "State of 거실 에어컨".into(),
        lines,
        scroll: Scroll {
            offset: 10,
            total,
            shown: 18,
        },
        hint: "↑↓ scroll · Esc closes".into(),
    })
}

/// Texts that break careless columns: wide, joined, combining, right to left, and hostile.
pub fn awkward() -> Vec<SafeText> {
    [
        "거실 에어컨 (안방)",
        "\u{1100}\u{1165}\u{1109}\u{1175}\u{11af} 분해된 글자",
        "冰箱冷藏室温度传感器",
        "リビングのエアコン",
        "👨‍👩‍👧‍👦 family ☺️ ❤️ 🏳️‍🌈 🇰🇷🇰🇷",
        "e\u{301}a\u{30a}o\u{308}\u{323} \u{301}combining",
        "مكيف غرفة المعيشة",
        "מזגן סלון abc",
        "\u{1b}[31mred\u{1b}]52;c;AAAA\u{7} \r\n\t\0 \u{202e}evil\u{2066}",
        "क्षत्रिय हिन्दी தமிழ் ไทยกำ",
        "\u{200b}\u{feff}\u{e0041}\u{ad}zero",
        "",
        "ascii only, quite long: the quick brown fox jumps over the lazy dog",
    ]
    .map(SafeText::from)
    .to_vec()
}

/// The composer in use: a payload with a mistake, suggestions, and what became of the last messages.
pub fn composer(area: Area) -> PaneView {
    let field = |label: &str, value: &str| Field {
        label: label.into(),
        value: value.into(),
        ..Field::default()
    };
    let text = |number, text: &str, broken| ComposeRow::Text {
        number,
        text: text.into(),
        cursor: None,
        broken,
    };
    let result = |topic: &str, outcome: &str, role| {
        ComposeRow::Line(vec![
            Span::new("20:41:22 ", Role::Dim),
            Span::new(topic, Role::Label),
            Span::new("  ", Role::Normal),
            Span::new(outcome, role),
        ])
    };
    let mut topic = field("Topic", "home/거실/lamp");
    topic.focused = true;
    topic.cursor = Some(14);
    let rows = vec![
        ComposeRow::Fields(vec![topic]),
        ComposeRow::Choice {
            text: "home/거실/lamp/set".into(),
            selected: true,
        },
        ComposeRow::Choice {
            text: "home/거실/lamp/state".into(),
            selected: false,
        },
        text(1, "{", false),
        text(2, "  \"on\": tru", true),
        text(3, "}", false),
        ComposeRow::Fields(vec![
            field("Kind", "text"),
            field("QoS", "1"),
            field("Retain", "no"),
            field("Properties", "content type, 2 user properties"),
        ]),
        ComposeRow::Line(vec![Span::new(
            "JSON error at line 2, column 11: expected value",
            Role::Warn,
        )]),
        result("home/hall/lamp/set", "acknowledged after 12 ms", Role::Good),
        result("home/hall/lamp/set", "refused: not authorised", Role::Bad),
    ];
    PaneView {
        id: PaneId::Publish,
        area,
        focused: true,
        note: Some(Span::new("1 waiting", Role::Pending)),
        filter: None,
        program: None,
        feeds: ["Push", "Event"],
        body: Body::Compose(rows),
        scroll: Scroll::default(),
    }
}
