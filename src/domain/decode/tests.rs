use std::io::Write as _;

use proptest::prelude::*;

use super::*;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

fn auto(bytes: &[u8], topic: &str) -> Decoded {
    decode(bytes, topic, None, Limits::FULL)
}

#[test]
fn a_chain_is_found_and_gone_through() {
    let packed = gzip(b"\xa2\x64temp\xf9\x4d\x60\x62on\xf5");
    let decoded = auto(&packed, "t");
    assert_eq!(decoded.chain().to_string(), "gzip > cbor");
    let tree = decoded.tree().expect("a tree").line(100);
    assert_eq!(tree, "{\"temp\":21.5,\"on\":true}");
}

#[test]
fn a_pin_is_obeyed_whatever_the_bytes_look_like() {
    let pin = Chain(vec![Step::Text]);
    let decoded = decode(b"{\"a\":1}", "t", Some(&pin), Limits::FULL);
    assert_eq!(decoded.content, Content::Text("{\"a\":1}".to_owned()));
    assert_eq!(decoded.sure, Sure::Pinned);
}

#[test]
fn a_pin_that_does_not_fit_says_so_and_shows_what_there_is() {
    let pin = Chain(vec![Step::Gzip, Step::Cbor]);
    let decoded = decode(b"hello", "t", Some(&pin), Limits::FULL);
    assert_eq!(decoded.content, Content::Text("hello".to_owned()));
    assert!(
        decoded.remarks[0].starts_with("gzip: "),
        "{:?}",
        decoded.remarks
    );
}

#[test]
fn trailing_bytes_are_kept() {
    let decoded = auto(b"{\"a\":1}\0\0", "t");
    assert_eq!(decoded.chain().to_string(), "json");
    assert_eq!(decoded.trailing, [0, 0]);
}

#[test]
fn json_that_nests_too_deep_says_so_and_stays_readable() {
    let deep = format!("{}1{}", "[".repeat(150), "]".repeat(150));
    let decoded = auto(deep.as_bytes(), "t");
    assert_eq!(decoded.content, Content::Text(deep));
    assert_eq!(decoded.remarks, ["json: nested deeper than 100 levels"]);
}

#[test]
fn what_is_marked_but_broken_says_what_it_was_and_why_it_cannot_be_read() {
    let cut = &gzip(b"hello")[..10];
    let snappy = b"Obj\x01\x04\x16avro.schema\x0c\"long\"\x14avro.codec\x0csnappy\0\
                   0123456789abcdef\x02\x02x0123456789abcdef";
    for (bytes, word) in [
        (cut, "gzip: "),
        (&snappy[..], "avro: blocks compressed with \"snappy\""),
        (&snappy[..60], "avro: it ends in the middle"),
        (b"\x28\xb5\x2f\xfd\xff\xff", "zstd: "),
    ] {
        let decoded = auto(bytes, "t");
        assert_eq!(decoded.content, Content::Bytes(bytes.to_vec()), "{word}");
        let said = decoded.remarks.join("; ");
        assert!(said.starts_with(word), "{word} is not in {said}");
    }
}

/// Beyond what is tried between two frames: it is not called binary for that.
#[test]
fn a_small_payload_of_many_values_is_not_given_up_at_the_first_look() {
    let mut many = b"\xa1\x66levels\x99\x2e\xe0".to_vec();
    many.extend((0..12_000).map(|n| u8::try_from(n % 20).expect("small")));
    assert!(decode(&many, "t", None, Limits::QUICK).stopped);
    let decoded = auto(&many, "t");
    assert_eq!(decoded.chain().to_string(), "cbor");
    assert!(!decoded.stopped && decoded.remarks.is_empty());
}

#[test]
fn a_byte_order_mark_does_not_hide_json() {
    let decoded = auto("\u{feff}{\"a\":1.0}\r\n".as_bytes(), "t");
    assert_eq!(decoded.tree().expect("a tree").line(100), "{\"a\":1.0}");
    assert!(decoded.trailing.is_empty());
    assert_eq!(decoded.remarks.len(), 1, "{:?}", decoded.remarks);
    let decoded = auto("\u{feff}{\"a\":1}\0".as_bytes(), "t");
    assert_eq!(decoded.trailing, [0]);
}

#[test]
fn a_bomb_stops_at_the_ceiling_and_says_so() {
    let bomb = gzip(&vec![b' '; 40 << 20]);
    let decoded = auto(&bomb, "t");
    assert!(decoded.stopped);
    assert!(
        decoded.remarks[0].contains("stopped after 16777216 bytes"),
        "{:?}",
        decoded.remarks
    );
    let quick = decode(&bomb, "t", None, Limits::QUICK);
    assert!(quick.stopped, "a higher bound may bring more");
}

fn everything() -> Vec<Chain> {
    let mut chains: Vec<Chain> = PLAIN.iter().map(|step| Chain(vec![step.clone()])).collect();
    let schema = avro::Schema::parse(
        br#"{"type":"array","items":["null","long","string",{"type":"map","values":"bytes"}]}"#,
    );
    let proto = "message M { repeated int32 a = 1; M m = 2; string s = 3; map<string, M> x = 4; double d = 5; }";
    let compiled = protobuf::compile(proto.as_bytes(), "M", &mut |_| Err(String::new()));
    chains.push(Chain(vec![Step::Avro(Some(std::sync::Arc::new(
        Written {
            text: String::new(),
            schema: schema.expect("a schema"),
        },
    )))]));
    chains.push(Chain(vec![Step::Protobuf(Some(std::sync::Arc::new(
        Written {
            text: String::new(),
            schema: compiled.expect("a schema"),
        },
    )))]));
    chains
}

/// Bytes that get further into the decoders than chance does.
fn seeds() -> Vec<Vec<u8>> {
    let mut out = vec![
        b"\x28\xb5\x2f\xfd".to_vec(),
        b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x02\0\0\0\x02\x08\x02\0\0\0".to_vec(),
        b"\xff\xd8\xff\xe0\0\x04ab\xff\xc0\0\x11\x08\0\x10\0\x10\x03\x01\x22\0\x02\x11\x01\x03\x11\x01".to_vec(),
        b"\xff\xd8\xff\xc4\0\x14\x00\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x09".to_vec(),
        b"Obj\x01\x04\x16avro.schema\x0c\"long\"\x14avro.codec\x08null\0".to_vec(),
        b"GIF89a\x01\0".to_vec(),
        b"BM".to_vec(),
        b"RIFF\0\0\0\0WEBPVP8X".to_vec(),
        b"{\"a\":[1,2,{\"b\":\"\\u0000\"}],\"a\":1e400}".to_vec(),
        b"\x0a\x05hello\x10\x01\x1a\x04\x08\x01\x10\x02".to_vec(),
        b"\x82\xa1a\x01\xa1b\x93\x01\x02\x03".to_vec(),
        b"\xbf\x61a\x9f\x01\xff\xff".to_vec(),
        b"aGVsbG8gd29ybGQ=".to_vec(),
        b"0x001122".to_vec(),
    ];
    out.push(picture::grey_jpeg());
    out.push(gzip(b"{\"a\":1}"));
    out.push(zstd::stream::encode_all(&b"{\"a\":1}"[..], 1).expect("memory"));
    out
}

fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let random = proptest::collection::vec(any::<u8>(), 0..200);
    let seeded = (
        proptest::sample::select(seeds()),
        proptest::collection::vec(any::<u8>(), 0..80),
        proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
    )
        .prop_map(|(mut seed, tail, changes)| {
            seed.extend(tail);
            for (index, byte) in changes {
                let at = index.index(seed.len());
                seed[at] = byte;
            }
            seed
        });
    prop_oneof![random, seeded]
}

fn count(value: &Value) -> usize {
    1 + match value {
        Value::List(items) => items.iter().map(count).sum(),
        Value::Map(entries) => entries.iter().map(|(k, v)| count(k) + count(v)).sum(),
        Value::Noted(noted) => count(&noted.1),
        _ => 0,
    }
}

fn depth(value: &Value) -> usize {
    1 + match value {
        Value::List(items) => items.iter().map(depth).max().unwrap_or(0),
        Value::Map(entries) => {
            let parts = entries.iter().map(|(k, v)| depth(k).max(depth(v)));
            parts.max().unwrap_or(0)
        }
        Value::Noted(noted) => depth(&noted.1) - 1,
        _ => 0,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(800))]

    #[test]
    fn no_bytes_make_a_decoder_panic_or_go_beyond_its_bounds(bytes in hostile(), topic in "[a-z/]{0,12}") {
        let limits = Limits { output: 4096, values: 2000, pixels: 4096 };
        let mut all = everything();
        all.extend(guess(&bytes, &topic, limits).into_iter().map(|guess| guess.chain));
        for chain in &all {
            let decoded = decode(&bytes, &topic, Some(chain), limits);
            match &decoded.content {
                Content::Tree(value) => {
                    // A metric of Sparkplug, a map's key and a note each stand for one unit more.
                    prop_assert!(count(value) <= limits.values * 4, "{chain}: {}", count(value));
                    prop_assert!(depth(value) <= MAX_DEPTH + 4, "{chain}: {}", depth(value));
                }
                Content::Text(text) => prop_assert!(text.len() <= limits.output.max(bytes.len()) * 4),
                Content::Bytes(out) => prop_assert!(out.len() <= limits.output.max(bytes.len())),
                Content::Picture(picture) => {
                    if let Ok(pixels) = &picture.pixels {
                        prop_assert_eq!(pixels.rgb.len(), (pixels.width * pixels.height * 3) as usize);
                    }
                }
            }
            prop_assert!(!decoded.steps.is_empty());
        }
    }

    #[test]
    fn plain_text_is_never_taken_for_something_binary(text in "[ -~가-힣äöü\\n]{1,80}") {
        let best = guess(text.as_bytes(), "spBv1.0/not/really", Limits::FULL).remove(0);
        let binary = [Step::Sparkplug, Step::Protobuf(None), Step::Cbor, Step::MsgPack, Step::Bytes, Step::Avro(None)];
        prop_assert!(!binary.contains(&best.chain.0[0]), "{}: {}", text, best.chain);
    }
}
