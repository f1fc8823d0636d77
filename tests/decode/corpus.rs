//! More than two hundred payloads with what each of them is. A wrong label is a person misled.

use serde_json::{Value, json};
use thingdeck::domain::decode::{Limits, guess};

use crate::write::{
    Message, avro, base64, cbor, gzip, hex, metric, msgpack, png, sparkplug, zlib, zstd,
};

struct Sample {
    label: String,
    topic: &'static str,
    bytes: Vec<u8>,
}

#[derive(Default)]
struct Corpus(Vec<Sample>);

impl Corpus {
    fn add(&mut self, label: &str, bytes: impl Into<Vec<u8>>) {
        self.on("plant/line/1", label, bytes);
    }

    fn on(&mut self, topic: &'static str, label: &str, bytes: impl Into<Vec<u8>>) {
        self.0.push(Sample {
            label: label.to_owned(),
            topic,
            bytes: bytes.into(),
        });
    }
}

/// What ThinQ sends, as captured and written down in the reference.
const THINQ: [&str; 25] = [
    include_str!("../fixtures/thinq/messages/device_alias_changed.json"),
    include_str!("../fixtures/thinq/messages/device_registered.json"),
    include_str!("../fixtures/thinq/messages/device_unregistered.json"),
    include_str!("../fixtures/thinq/messages/push_air_purifier.json"),
    include_str!("../fixtures/thinq/messages/push_refrigerator.json"),
    include_str!("../fixtures/thinq/messages/push_robot_cleaner.json"),
    include_str!("../fixtures/thinq/messages/push_washer.json"),
    include_str!("../fixtures/thinq/messages/status_air_conditioner.json"),
    include_str!("../fixtures/thinq/messages/status_air_conditioner_timer_unset.json"),
    include_str!("../fixtures/thinq/messages/status_air_purifier.json"),
    include_str!("../fixtures/thinq/messages/status_dehumidifier.json"),
    include_str!("../fixtures/thinq/messages/status_dish_washer.json"),
    include_str!("../fixtures/thinq/messages/status_dryer.json"),
    include_str!("../fixtures/thinq/messages/status_humidifier.json"),
    include_str!("../fixtures/thinq/messages/status_oven.json"),
    include_str!("../fixtures/thinq/messages/status_refrigerator_door.json"),
    include_str!("../fixtures/thinq/messages/status_refrigerator_temperature.json"),
    include_str!("../fixtures/thinq/messages/status_robot_cleaner.json"),
    include_str!("../fixtures/thinq/messages/status_robot_cleaner_error.json"),
    include_str!("../fixtures/thinq/messages/status_styler.json"),
    include_str!("../fixtures/thinq/messages/status_washer.json"),
    include_str!("../fixtures/thinq/messages/status_washtower.json"),
    include_str!("../fixtures/thinq/messages/status_water_purifier.json"),
    include_str!("../fixtures/thinq/messages/wrapped_push_washer.json"),
    include_str!("../fixtures/thinq/messages/wrapped_status_washer.json"),
];

/// What other devices and gateways send.
pub fn documents() -> Vec<Value> {
    vec![
        json!({"battery": 87, "contact": true, "linkquality": 132, "voltage": 3015}),
        json!({"state": "ON", "brightness": 254, "color": {"x": 0.3127, "y": 0.329}, "color_temp": 370}),
        json!({"Time": "2025-11-20T20:40:00", "ENERGY": {"TotalStartTime": "2024-01-01T00:00:00", "Total": 1234.567, "Power": 42, "Voltage": 231, "Current": 0.183}}),
        json!({"id": 1, "source": "shellyplus1-a8032ab12345", "output": false, "temperature": {"tC": 48.3, "tF": 118.9}}),
        json!({"_type": "location", "lat": 37.5665, "lon": 126.978, "tst": 1_763_671_200, "batt": 66, "acc": 12}),
        json!({"end_device_ids": {"device_id": "eui-70b3d57ed0051234", "dev_eui": "70B3D57ED0051234"}, "uplink_message": {"f_port": 2, "f_cnt": 1021, "frm_payload": "AWcBEAJlAAw="}}),
        json!({"state": {"reported": {"temp": 21.5, "on": true}}, "metadata": {"reported": {"temp": {"timestamp": 1_763_671_200}}}, "version": 17}),
        json!({"name": "Kitchen", "unique_id": "0x00158d0001a2b3c4_temperature", "device_class": "temperature", "unit_of_measurement": "°C", "value_template": "{{ value_json.temperature }}"}),
        json!([{"bn": "urn:dev:mac:0024befffe804ff1/", "bt": 1_763_671_200, "u": "A", "v": 1.2}, {"n": "voltage", "u": "V", "v": 120.1}]),
        json!({"temperature": 21.375, "humidity": 45.12, "pressure": 1013.25}),
        json!({"ts": 1_763_671_200_123_u64, "values": {"rpm": 1480, "torque": -12.75, "alarms": []}}),
        json!({"이름": "거실 에어컨", "온도": 24.5, "켜짐": true}),
        json!({"cmd": "reboot", "args": null, "retries": 3}),
        json!({"d": [{"tag": "PLC1:DB10.DBD4", "value": 17.2}, {"tag": "PLC1:M10.0", "value": false}]}),
        json!({"a": 1, "b": 2, "c": 3}),
        json!({"serial": "F_V8_Y___W.B_2QEUK", "counter": 9_223_372_036_854_775_807_u64, "offset": -9_223_372_036_854_775_807_i64}),
        json!({"gw": "rak7268", "rssi": -107, "snr": -3.5, "freq": 868.1, "dr": "SF9BW125"}),
        json!([1, 2, 3, 5, 8, 13, 21, 34, 55, 89]),
        json!([21.5, 21.25, 21.0, 20.75, 20.5, 20.25, 20.0, 19.75]),
        json!({"message": "pump started by operator", "level": "info", "line": 4}),
    ]
}

const TEXTS: &[&str] = &[
    "21.5",
    "0",
    "-12",
    "1",
    "true",
    "false",
    "null",
    "ON",
    "OFF",
    "online",
    "offline",
    "open",
    "closed",
    "1763671200",
    "2025-11-20T20:40:00Z",
    "12:34:56",
    "100%",
    "3,14",
    "1e400",
    "\"quoted\"",
    "N/A",
    "?",
    "hello",
    "Hello World",
    "temperature",
    "temperature1234",
    "abcd",
    "deadbeef",
    "12345678",
    "cafe",
    "aa:bb:cc:dd:ee:ff",
    "00-14-22-01-23-45",
    "192.168.1.20",
    "fe80::1ff:fe23:4567:890a",
    "550e8400-e29b-41d4-a716-446655440000",
    "d41d8cd98f00b204e9800998ecf8427e",
    "da39a3ee5e6b4b0d3255bfef95601890afd80709",
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "https://example.com/a?b=c&d=%20",
    "mqtt://broker:1883",
    "/dev/ttyUSB0",
    "C:\\Users\\plc\\log.txt",
    "key=value",
    "a=1;b=2;c=3",
    "temp:21.5,hum:45",
    "time,temp,hum\n12:00,21.5,45\n12:01,21.6,45\n",
    "<?xml version=\"1.0\"?><r><t unit=\"C\">21.5</t></r>",
    "<html><body>hi</body></html>",
    "name: boiler\nvalues:\n  - 1\n  - 2\n",
    "weather,location=us-midwest temperature=82 1465839830100400200",
    "$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*47",
    "<34>Oct 11 22:14:15 mymachine su: 'su root' failed for lonvick on /dev/pts/8",
    "\u{1b}[32mOK\u{1b}[0m ready",
    "line one\r\nline two\r\n",
    "\ttabbed\ttext",
    "거실 에어컨이 켜졌습니다",
    "客厅空调已打开",
    "エアコンがオンになりました",
    "Кондиционер включен",
    "مكيف الهواء يعمل",
    "🔥 21.5 °C",
    "naïve café — “quoted”",
    "BM",
    "BMW",
    "PK",
    "GIF",
    "RIFF",
    "Obj",
    "x",
    " ",
    "\n",
    "...",
    "{",
    "}",
    "[]x",
    "{not json}",
    "{'single': 'quotes'}",
    "[INFO] pump started",
    "[2025-11-20 20:40:00] WARN overheating",
    "{{ value_json.t }}",
    "OK 200",
    "ERR -32601 method not found",
    "AT+CSQ\r\nOK",
    "Lorem ipsum dolor sit amet, consectetur adipiscing elit.",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
    "F_V8_Y___W.B_2QEUK",
    "RAC_056905_WW",
    "0x1F",
    "1A2B",
    "C0FFEE",
    "#ff8800",
    "SGVsbG8",
    "password",
    "abcdefghijklmnop",
    "ABCDEFGH",
    "user1234user5678",
    "thisisaverylongidentifierwithoutanyblanks",
    "MIIB",
    "setpoint",
    "+CSQ: 17,99",
    "ssid=home;rssi=-61;up=123456",
    "1,2,3,4,5,6,7,8,9,10",
    "0.1 0.2 0.3",
    "50.087,14.421",
    "v1.2.3-rc1+build.5",
];

/// Letters, digits and all the rest as chance has it.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length)
            .map(|_| u8::try_from(self.next() >> 40 & 0xff).expect("a byte"))
            .collect()
    }
}

fn json_samples(corpus: &mut Corpus) {
    for text in THINQ {
        corpus.on("app/clients/0a1b/push", "json", text);
    }
    for document in documents() {
        corpus.add("json", document.to_string());
        corpus.add("json", format!("{document:#}\n"));
    }
    corpus.add("json", "{}");
    corpus.add("json", "[]");
    corpus.add("json", "{\"n\":1e400,\"n\":12345678901234567890}");
    // The end of a C string sent along.
    corpus.add("json", "{\"temp\":21.5,\"hum\":45}\0");
    corpus.add(
        "json",
        b"{\"id\":\"sensor-1\",\"ok\":true}\0\0\0\0".to_vec(),
    );
    // A checksum behind it, a byte order mark in front, and more levels than are taken apart.
    corpus.add(
        "json",
        b"{\"temp\":21.5,\"hum\":45,\"t\":1763671200}\xa7\x1f".to_vec(),
    );
    corpus.add("json", b"[20.5,21,21.5,22]\0\xff".to_vec());
    corpus.add("json", "\u{feff}{\"temp\":21.5}");
    corpus.add(
        "json",
        format!("{}1{}", "{\"a\":".repeat(120), "}".repeat(120)),
    );
    corpus.add("jsonl", "{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n");
    corpus.add(
        "jsonl",
        "{\"t\":\"x\",\"v\":1}\r\n{\"t\":\"y\",\"v\":2}\r\n",
    );
    corpus.on(
        "spBv1.0/STATE/host",
        "json",
        "{\"online\":true,\"timestamp\":1763671200123}",
    );
}

fn packed_samples(corpus: &mut Corpus) {
    let documents = documents();
    for (n, document) in documents.iter().enumerate() {
        let text = document.to_string();
        match n % 7 {
            0 => corpus.add("gzip > json", gzip(text.as_bytes())),
            1 => corpus.add("zlib > json", zlib(text.as_bytes())),
            2 => corpus.add("zstd > json", zstd(text.as_bytes())),
            3 => corpus.add("gzip > cbor", gzip(&cbor(document))),
            4 => corpus.add("zstd > msgpack", zstd(&msgpack(document))),
            5 => corpus.add("base64 > json", base64(text.as_bytes())),
            _ => corpus.add("hex > json", hex(text.as_bytes())),
        }
    }
    let mut random = Random(0x1234_5678_9abc_def1);
    corpus.add(
        "gzip > text",
        gzip(b"a long log line, again and again\n".repeat(40).as_slice()),
    );
    corpus.add("gzip", gzip(&random.bytes(300)));
    corpus.add("zstd", zstd(&random.bytes(300)));
    corpus.add("zlib > text", zlib(b"hello hello hello hello"));
    corpus.add(
        "base64 > gzip > json",
        base64(&gzip(documents[2].to_string().as_bytes())),
    );
    corpus.add("base64 > picture", base64(&png(8, 8)));
    corpus.add("base64 > cbor", base64(&cbor(&documents[9])));
    corpus.add("base64", base64(&random.bytes(96)));
    corpus.add("base64", base64(&random.bytes(150)));
    corpus.add("hex > cbor", hex(&cbor(&documents[9])));
    corpus.add(
        "hex > gzip > json",
        hex(&gzip(documents[6].to_string().as_bytes())),
    );
    corpus.add(
        "gzip > gzip > json",
        gzip(&gzip(documents[5].to_string().as_bytes())),
    );
}

fn binary_trees(corpus: &mut Corpus) {
    for document in documents() {
        corpus.add("cbor", cbor(&document));
        if document.is_object() {
            corpus.add("msgpack", msgpack(&document));
        }
    }
    corpus.add(
        "cbor",
        [b"\xd9\xd9\xf7".as_slice(), &cbor(&json!([1, 2]))].concat(),
    );
    corpus.add(
        "cbor",
        b"\xbf\x64temp\xf9\x4d\x60\x63hum\x18\x2d\xff".to_vec(),
    );
    corpus.add(
        "msgpack",
        msgpack(&json!(["boiler", 21.5, true, null, "on"])),
    );
    // SenML (RFC 8428, 6): labels are numbers.
    corpus.add(
        "cbor",
        b"\x82\xa3\x21\x6durn:dev:ow:10\x00\x64temp\x02\xfb\x40\x35\x80\0\0\0\0\0\xa2\x00\x63hum\x02\x18\x2d"
            .to_vec(),
    );
    // Without any name: a place, and readings by number.
    let place = json!([37.5665, 126.978]);
    corpus.add("cbor", cbor(&place));
    corpus.add("msgpack", msgpack(&place));
    corpus.add("cbor", b"\xa3\x01\x15\x02\x18\x2d\x03\x19\x03\xf5".to_vec());
    corpus.add("msgpack", b"\x83\x01\x15\x02\x2d\x03\xcd\x03\xf5".to_vec());
    // A tagged time, bytes, and a negative number.
    corpus.add(
        "cbor",
        b"\xa4\x62id\x44\xde\xad\xbe\xef\x61t\xc1\x1a\x69\x1f\x54\x60\x64rssi\x38\x6a\x62ok\xf5"
            .to_vec(),
    );
    corpus.add(
        "gzip > json",
        [gzip(b"{\"a\":[1,"), gzip(b"2,3]}")].concat(),
    );
}

fn protobuf_samples(corpus: &mut Corpus) {
    let point = Message::default().double(1, 37.5665).double(2, 126.978);
    let reading = Message::default()
        .text(1, "sensor-17")
        .number(2, 1_763_671_200)
        .float(3, 21.5)
        .message(4, &point);
    corpus.add("protobuf", reading.clone().0);
    corpus.add("protobuf", reading.clone().number(5, 1).text(6, "garage").0);
    let list = (0..5).fold(Message::default(), |out, n| {
        let one = Message::default().text(1, "temperature").number(2, n);
        out.message(1, &one)
    });
    corpus.add("protobuf", list.0);
    corpus.add(
        "protobuf",
        Message::default()
            .text(1, "거실 에어컨")
            .text(2, "COOL")
            .number(3, 24)
            .0,
    );
    corpus.add(
        "protobuf",
        Message::default()
            .text(1, "RAC_056905_WW")
            .bytes(2, &[1, 2, 3, 0xff, 0xfe])
            .number(3, 7)
            .0,
    );
    corpus.add(
        "protobuf",
        Message::default()
            .number(1, 42)
            .text(2, "hello protobuf world")
            .0,
    );
    corpus.add(
        "protobuf",
        Message::default()
            .message(1, &reading)
            .message(2, &reading)
            .0,
    );
    corpus.add(
        "gzip > protobuf",
        gzip(
            &Message::default()
                .message(1, &reading)
                .message(2, &reading)
                .0,
        ),
    );
}

fn sparkplug_samples(corpus: &mut Corpus) {
    let temperature = metric("Boiler/Temperature", 1, 9).float(12, 78.25);
    let pressure = metric("Boiler/Pressure", 2, 10).double(13, 1.875);
    let running = metric("Boiler/Running", 3, 11).number(14, 1);
    let state = metric("Boiler/State", 4, 12).text(15, "HEATING");
    let birth = [
        metric("bdSeq", 0, 4).number(11, 3),
        metric("Node Control/Rebirth", 0, 11).number(14, 0),
        temperature,
        pressure,
        running,
        state,
    ];
    let by_alias = [
        metric("", 1, 9).float(12, 78.5),
        metric("", 3, 11).number(14, 0),
    ];
    for (topic, metrics) in [
        ("spBv1.0/plant/NBIRTH/edge", &birth[..]),
        ("spBv1.0/plant/NDATA/edge", &by_alias[..]),
        ("spBv1.0/plant/DBIRTH/edge/boiler", &birth[2..]),
        ("spBv1.0/plant/DDATA/edge/boiler", &birth[2..3]),
        ("spBv1.0/plant/DCMD/edge/boiler", &birth[4..5]),
        ("spBv1.0/plant/NCMD/edge", &birth[1..2]),
        ("spBv1.0/plant/NDEATH/edge", &birth[..1]),
    ] {
        corpus.on(topic, "sparkplug", sparkplug(metrics, 5));
    }
    corpus.on(
        "spBv1.0/plant/DDEATH/edge/boiler",
        "sparkplug",
        sparkplug(&[], 9),
    );
    // Bridged to another topic, it still is what it is.
    corpus.on("bridge/plant/edge", "sparkplug", sparkplug(&birth, 0));
    // What is no Sparkplug does not become so by its topic.
    corpus.on("spBv1.0/plant/STATE/edge", "text", "ONLINE");
    corpus.on("spBv1.0/plant/NDATA/edge", "text", "not connected");
    corpus.on(
        "spBv1.0/plant/NDATA/edge",
        "json",
        "{\"timestamp\":1,\"metrics\":[]}",
    );
}

fn pictures(corpus: &mut Corpus) {
    corpus.add("picture", png(1, 1));
    corpus.add("picture", png(64, 48));
    corpus.add(
        "picture",
        b"GIF89a\x40\x01\xf0\x00\x80\x00\x00\xff\xff\xff\x00\x00\x00;".to_vec(),
    );
    corpus.add("picture", b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0\xff\xc0\0\x11\x08\0\xf0\x01\x40\x03\x01\x22\0\x02\x11\x01\x03\x11\x01\xff\xd9".to_vec());
    corpus.add(
        "picture",
        b"BM\x1e\0\0\0\0\0\0\0\x1a\0\0\0\x0c\0\0\0\x01\0\x01\0\x01\0\x18\0\x01\x02\x03\0".to_vec(),
    );
    corpus.add(
        "picture",
        b"RIFF\x1a\0\0\0WEBPVP8L\x0d\0\0\0\x2f\x3f\xc1\x3b\x00\0\0\0\0".to_vec(),
    );
    corpus.add("avro", avro(&[(1, "one"), (-2, "two")], "null"));
    corpus.add("avro", avro(&[(7, "seven")], "deflate"));
}

fn raw_binary(corpus: &mut Corpus) {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for length in [
        1, 2, 3, 4, 5, 6, 8, 10, 12, 13, 16, 20, 24, 32, 48, 51, 64, 100, 128, 200, 256, 512, 1024,
    ] {
        corpus.add("binary", high(random.bytes(length)));
    }
    // Arrays of little-endian floats, as microcontrollers send them.
    for numbers in [
        &[21.5_f32, 45.0, 1013.25][..],
        &[0.0, -1.0, 1e-3, 7.25, 99.5],
    ] {
        corpus.add(
            "binary",
            numbers
                .iter()
                .flat_map(|n| n.to_le_bytes())
                .collect::<Vec<_>>(),
        );
    }
    corpus.add(
        "binary",
        [20_150_i32, -4500, 101_325]
            .iter()
            .flat_map(|n| n.to_be_bytes())
            .collect::<Vec<_>>(),
    );
    corpus.add(
        "binary",
        (0..40_i16)
            .flat_map(|n| (n * 731).to_le_bytes())
            .collect::<Vec<_>>(),
    );
    // Modbus RTU and TCP, LoRaWAN, Cayenne LPP, a ZIP, an ELF, an Ogg page, zeros, ones.
    corpus.add("binary", b"\x01\x03\x04\x00\xfa\x01\x2c\xda\x5b".to_vec());
    corpus.add(
        "binary",
        b"\x00\x01\x00\x00\x00\x06\x11\x03\x00\x6b\x00\x03".to_vec(),
    );
    corpus.add(
        "binary",
        b"\x40\xf1\x7d\xbe\x49\x00\x02\x00\x01\x95\x43\x78\x76\x2b\x11\xff\x0d".to_vec(),
    );
    corpus.add("binary", b"\x03\x67\x01\x10\x05\x67\x00\xff".to_vec());
    corpus.add(
        "binary",
        b"PK\x03\x04\x14\x00\x00\x00\x08\x00\xed\x8f\x74\x5b\x1c\x29\xde\x02".to_vec(),
    );
    corpus.add(
        "binary",
        b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3e\0\x01\0\0\0\xf0\x9e\0\0".to_vec(),
    );
    corpus.add(
        "binary",
        b"OggS\0\x02\0\0\0\0\0\0\0\0\x8f\xc1\xc1\x3c\0\0\0\0\x31\x8b\xab\x0e\x01\x13".to_vec(),
    );
    corpus.add("binary", vec![0; 1]);
    corpus.add("binary", vec![0; 16]);
    corpus.add("binary", vec![0xff; 16]);
    corpus.add("binary", vec![0x08, 0x01]);
    corpus.add("binary", vec![0x10, 0x00, 0x20]);
    corpus.add("binary", vec![0x81, 0x01, 0x02]);
    corpus.add("binary", vec![0x91, 0x05]);
    corpus.add("binary", vec![0xa0]);
    corpus.add("binary", vec![0x80]);
}

/// Chance sometimes writes a short text; that would be labelled as one, and rightly so.
fn high(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes[0] |= 0xf0;
    bytes
}

fn corpus() -> Corpus {
    let mut corpus = Corpus::default();
    json_samples(&mut corpus);
    for text in TEXTS {
        corpus.add("text", *text);
    }
    corpus.add("text", "");
    // One byte a letter, as devices write that know no UTF-8.
    corpus.add("text", b"21.5 \xb0C".to_vec());
    corpus.add("text", b"K\xfcche: Fenster ge\xf6ffnet".to_vec());
    // What would turn a terminal upside down, and padding of a fixed field.
    corpus.add(
        "text",
        "say \u{1b}[31mred\u{1b}[0m \u{7}and ring\u{202e} backwards\r\n",
    );
    corpus.add("text", b"sensor-17\0\0\0\0\0\0\0".to_vec());
    packed_samples(&mut corpus);
    binary_trees(&mut corpus);
    protobuf_samples(&mut corpus);
    sparkplug_samples(&mut corpus);
    pictures(&mut corpus);
    raw_binary(&mut corpus);
    corpus
}

#[test]
fn fewer_than_one_payload_in_a_hundred_is_taken_for_something_else() {
    let corpus = corpus();
    assert!(corpus.0.len() >= 200, "{}", corpus.0.len());
    let wrong: Vec<String> = corpus
        .0
        .iter()
        .filter_map(|sample| {
            let found = guess(&sample.bytes, sample.topic, Limits::FULL);
            let best = &found[0];
            let label = best.chain.to_string();
            (label != sample.label).then(|| {
                let shown = String::from_utf8_lossy(&sample.bytes[..sample.bytes.len().min(40)])
                    .into_owned();
                format!(
                    "{:?} is {}, taken for {label} ({} %): {found:?}",
                    shown, sample.label, best.sure
                )
            })
        })
        .collect();
    assert!(
        wrong.len() * 100 < corpus.0.len(),
        "{} of {} are labelled wrongly:\n{}",
        wrong.len(),
        corpus.0.len(),
        wrong.join("\n")
    );
}

#[test]
fn no_text_is_ever_labelled_as_something_binary() {
    for text in TEXTS {
        for topic in [
            "plant/x",
            "spBv1.0/plant/NDATA/edge",
            "spBv1.0/plant/DDATA/edge/d",
        ] {
            let best = guess(text.as_bytes(), topic, Limits::FULL).remove(0);
            assert_eq!(best.chain.to_string(), "text", "{text:?} on {topic}");
        }
    }
}

#[test]
fn random_bytes_are_hardly_ever_taken_for_a_format() {
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let total = 4000_usize;
    let wrong: Vec<_> = (0..total)
        .map(|n| random.bytes(4 + n % 60))
        .filter(|bytes| std::str::from_utf8(bytes).is_err())
        .map(|bytes| guess(&bytes, "t", Limits::FULL).remove(0).chain.to_string())
        .filter(|label| label != "binary")
        .collect();
    assert!(
        wrong.len() * 200 < total,
        "{} of {total}: {wrong:?}",
        wrong.len()
    );
}
