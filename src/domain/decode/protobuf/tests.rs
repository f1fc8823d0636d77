use super::*;

const HOME: &str = r#"
syntax = "proto3";
package home.v1; // the house
import "google/protobuf/timestamp.proto";
import "parts.proto";
option java_package = "x";
message Report {
  enum Mode { MODE_OFF = 0; COOL = 1; reserved 5 to 9; }
  message Filter { uint32 hours = 1; string message = 2; }
  string name = 1;
  Mode mode = 2 [deprecated = true];
  double temperature = 3;
  sint64 offset = 4;
  repeated int32 levels = 5 [packed = true];
  map<string, Filter> filters = 6;
  oneof more { bytes blob = 7; uint64 big = 8; }
  google.protobuf.Timestamp at = 9;
  parts.Part part = 10;
  reserved 20, 30 to 40;
}
service Homes { rpc Get (Report) returns (Report) { option x = 1; } }
"#;

fn import(name: &str) -> Result<Vec<u8>, String> {
    match name {
        "parts.proto" => Ok(b"package parts; message Part { fixed32 id = 1; }".to_vec()),
        _ => Err("no such file".to_owned()),
    }
}

fn report() -> Vec<u8> {
    let mut out = b"\x0a\x03abc\x10\x01\x19".to_vec();
    out.extend(21.5_f64.to_le_bytes());
    out.extend(b"\x20\x01\x2a\x03\x01\x02\x03");
    out.extend(b"\x32\x09\x0a\x03pre\x12\x02\x08\x2a");
    out.extend(b"\x40\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");
    out.extend(b"\x4a\x04\x08\x80\x80\x02\x52\x05\x0d\x07\0\0\0");
    out.extend(b"\x98\x06\x05");
    out
}

#[test]
fn with_a_schema_fields_have_their_names_and_types() {
    let schema = compile(HOME.as_bytes(), "Report", &mut import).expect("a schema");
    let value = read_as(&schema, &report(), &mut Work::new(1000)).expect("a message");
    assert_eq!(
        value.line(1000),
        "{\"name\":\"abc\",\"mode\":\"COOL\",\"temperature\":21.5,\"offset\":-1,\"levels\":[1,2,3],\
         \"filters\":{\"pre\":{\"hours\":42}},\"big\":18446744073709551615,\"at\":{\"seconds\":32768},\
         \"part\":{\"id\":7},99:5}"
    );
}

#[test]
fn without_a_schema_fields_have_their_numbers() {
    let value = read(&report(), &mut Work::new(1000)).expect("a message");
    let line = value.line(1000);
    assert!(
        line.starts_with("{1:\"abc\",2:1,3:21.5,4:1,5:3 bytes: 01 02 03,"),
        "{line}"
    );
    assert!(line.contains("6:{1:\"pre\",2:{1:42}}"), "{line}");
}

#[test]
fn a_schema_that_is_wrong_says_where() {
    let error = |text: &str, name: &str| {
        compile(text.as_bytes(), name, &mut import)
            .expect_err("wrong")
            .to_string()
    };
    assert_eq!(
        error("message A {\n int32 x 1;\n}", "A"),
        "line 2: \"=\" is wanted here, not \"1\""
    );
    assert_eq!(
        error("message A { B b = 1; }", "A"),
        "there is no type \"B\" (used by A.b)"
    );
    assert_eq!(
        error("message A { }", "C"),
        "there is no message \"C\"; it has A"
    );
    assert_eq!(
        error("import \"x.proto\"; message A { x.B b = 1; }", "A"),
        "the import \"x.proto\" cannot be read: no such file"
    );
}

#[test]
fn an_import_that_brings_options_only_need_not_be_there() {
    let text = "import \"nanopb.proto\"; import \"google/protobuf/any.proto\"; \
                message A { string name = 1 [(nanopb).max_size = 40]; google.protobuf.Any more = 2; }";
    let schema = compile(text.as_bytes(), "A", &mut import).expect("a schema");
    let value = read_as(&schema, b"\x0a\x01x\x12\x03\x0a\x01t", &mut Work::new(100));
    assert_eq!(
        value.expect("a message").line(100),
        "{\"name\":\"x\",\"more\":{\"type_url\":\"t\"}}"
    );
}

/// A field on the wire.
fn wire(number: u8, inside: &[u8]) -> Vec<u8> {
    let mut out = vec![number << 3 | 2, u8::try_from(inside.len()).expect("short")];
    out.extend(inside);
    out
}

#[test]
fn a_compiled_descriptor_set_serves_as_well() {
    let field = |name: &[u8], number: u8, kind: u8, type_name: &[u8]| {
        let mut out = wire(1, name);
        out.extend([3 << 3, number, 4 << 3, 1, 5 << 3, kind]);
        if !type_name.is_empty() {
            out.extend(wire(6, type_name));
        }
        wire(2, &out)
    };
    let value = wire(2, &[wire(1, b"COOL"), vec![2 << 3, 1]].concat());
    let mode = wire(4, &[wire(1, b"Mode"), value].concat());
    let message = [
        wire(1, b"Report"),
        field(b"name", 1, 9, b""),
        field(b"mode", 2, 14, b".home.Report.Mode"),
        mode,
    ]
    .concat();
    let file = [wire(1, b"home.proto"), wire(2, b"home"), wire(4, &message)].concat();
    let set = wire(1, &file);
    let schema = compile(&set, "home.Report", &mut import).expect("a schema");
    let value = read_as(&schema, b"\x0a\x01x\x10\x01", &mut Work::new(100)).expect("a message");
    assert_eq!(value.line(100), "{\"name\":\"x\",\"mode\":\"COOL\"}");
}

#[test]
fn a_message_that_runs_out_or_nests_without_end_is_refused() {
    assert!(matches!(
        read(b"\x0a\xff\xff\xff\xff\x0f", &mut Work::new(100)),
        Err(Fault::Ends(_))
    ));
    let groups = vec![0x0b; 10_000];
    assert!(read(&groups, &mut Work::new(100_000)).is_err());
}
