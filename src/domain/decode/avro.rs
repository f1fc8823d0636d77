//! Avro (specification 1.11): payloads with a schema that is given, and container files, which bring their own.

mod schema;

pub use schema::{Schema, SchemaError};

use super::inflate;
use super::reader::{Fault, Reader, Work};
use super::value::{Value, float, float32};
use crate::base::moment::Timestamp;
use schema::{Logical, Type};

/// The first bytes of a container file.
pub const MAGIC: &[u8] = b"Obj\x01";

/// One datum and how many bytes it takes. What stands in front in a stream with a registry (a zero and four bytes) or in
/// single-object encoding (`C3 01` and a fingerprint) is passed over and said.
pub fn read(schema: &Schema, bytes: &[u8], work: &mut Work) -> Result<(Value, usize), Fault> {
    let mut reader = Reader::new(bytes, work);
    match bytes {
        [0xc3, 0x01, ..] if bytes.len() > 10 => {
            reader.at = 10;
            let value = datum(schema, schema.root(), &mut reader, 0)?;
            return Ok((value.noted("single object"), reader.at));
        }
        [0, a, b, c, d, ..] => {
            reader.at = 5;
            if let Ok(value) = datum(schema, schema.root(), &mut reader, 0)
                && reader.is_at_end()
            {
                let id = u32::from_be_bytes([*a, *b, *c, *d]);
                return Ok((
                    value.noted(format!("schema {id} of the registry")),
                    reader.at,
                ));
            }
            reader.at = 0;
        }
        _ => {}
    }
    let value = datum(schema, schema.root(), &mut reader, 0)?;
    Ok((value, reader.at))
}

fn datum(
    schema: &Schema,
    index: usize,
    reader: &mut Reader<'_, '_>,
    depth: usize,
) -> Result<Value, Fault> {
    reader.count(depth)?;
    Ok(match schema.kind(index) {
        Type::Null => Value::Null,
        Type::Boolean => match reader.byte()? {
            0 => Value::Bool(false),
            1 => Value::Bool(true),
            _ => return Err(reader.wrong("a boolean that is neither")),
        },
        Type::Int(logical) | Type::Long(logical) => whole(reader.zigzag()?, *logical),
        Type::Float => Value::Number(float32(f32::from_le_bytes(reader.array()?))),
        Type::Double => Value::Number(float(f64::from_le_bytes(reader.array()?))),
        Type::Bytes(logical) => {
            let length = length(reader)?;
            raw(reader.take(length)?, *logical)
        }
        Type::Fixed(size, logical) => raw(reader.take(*size)?, *logical),
        Type::Text => {
            let length = length(reader)?;
            let bytes = reader.take(length)?;
            match std::str::from_utf8(bytes) {
                Ok(text) => Value::text(text),
                Err(_) => return Err(reader.wrong("a text that is no UTF-8")),
            }
        }
        Type::Enum(symbols) => {
            let number = reader.zigzag()?;
            let symbol = usize::try_from(number).ok().and_then(|n| symbols.get(n));
            match symbol {
                Some(symbol) => Value::text(symbol),
                None => return Err(reader.wrong("a symbol that the enum does not have")),
            }
        }
        Type::Array(inner) => {
            let mut items = Vec::new();
            blocks(reader, |reader| {
                items.push(datum(schema, *inner, reader, depth + 1)?);
                Ok(())
            })?;
            Value::List(items)
        }
        Type::Map(inner) => {
            let mut entries = Vec::new();
            blocks(reader, |reader| {
                let length = length(reader)?;
                let key = String::from_utf8_lossy(reader.take(length)?).into_owned();
                entries.push((Value::text(&key), datum(schema, *inner, reader, depth + 1)?));
                Ok(())
            })?;
            Value::Map(entries)
        }
        Type::Union(branches) => {
            let number = reader.zigzag()?;
            let branch = usize::try_from(number).ok().and_then(|n| branches.get(n));
            match branch {
                Some(branch) => datum(schema, *branch, reader, depth + 1)?,
                None => return Err(reader.wrong("a branch that the union does not have")),
            }
        }
        Type::Record(fields) => {
            let mut entries = Vec::with_capacity(fields.len());
            for (name, kind) in fields {
                entries.push((Value::text(name), datum(schema, *kind, reader, depth + 1)?));
            }
            Value::Map(entries)
        }
    })
}

fn length(reader: &mut Reader<'_, '_>) -> Result<u64, Fault> {
    let length = reader.zigzag()?;
    u64::try_from(length).map_err(|_| reader.wrong("a negative length"))
}

/// Arrays and maps come in blocks; a negative count is followed by the size in bytes.
fn blocks(
    reader: &mut Reader<'_, '_>,
    mut each: impl FnMut(&mut Reader<'_, '_>) -> Result<(), Fault>,
) -> Result<(), Fault> {
    loop {
        let count = reader.zigzag()?;
        if count == 0 {
            return Ok(());
        }
        if count < 0 {
            reader.zigzag()?;
        }
        for _ in 0..count.unsigned_abs() {
            // Items that take no bytes must not loop for ever.
            reader.count(0)?;
            each(reader)?;
        }
    }
}

fn whole(number: i64, logical: Logical) -> Value {
    let value = Value::number(number);
    match logical {
        Logical::Millis => value.noted(Timestamp(number.saturating_mul(1000)).to_string()),
        Logical::Micros => value.noted(Timestamp(number).to_string()),
        Logical::Days => {
            let day = Timestamp::from_seconds(number.saturating_mul(86_400)).to_string();
            value.noted(day.split('T').next().unwrap_or_default())
        }
        _ => value,
    }
}

fn raw(bytes: &[u8], logical: Logical) -> Value {
    let Logical::Decimal(scale) = logical else {
        return Value::Bytes(bytes.to_vec());
    };
    if bytes.is_empty() || bytes.len() > 15 {
        return Value::Bytes(bytes.to_vec()).noted("decimal");
    }
    let start = if bytes[0] & 0x80 == 0 { 0 } else { -1_i128 };
    let number = bytes.iter().fold(start, |n, b| n << 8 | i128::from(*b));
    let digits = format!("{:0>1$}", number.unsigned_abs(), scale + 1);
    let (whole, part) = digits.split_at(digits.len() - scale);
    let sign = if number < 0 { "-" } else { "" };
    Value::Number(match scale {
        0 => format!("{sign}{whole}"),
        _ => format!("{sign}{whole}.{part}"),
    })
}

/// A container file: its own schema, then blocks of data.
pub fn read_file(bytes: &[u8], ceiling: usize, work: &mut Work) -> Result<Value, Fault> {
    let mut reader = Reader::new(bytes, work);
    if reader.take(4)? != MAGIC {
        return Err(reader.wrong("no container file"));
    }
    let (mut text, mut codec) = (Vec::new(), b"null".to_vec());
    blocks(&mut reader, |reader| {
        let name_length = length(reader)?;
        let name = reader.take(name_length)?;
        let value_length = length(reader)?;
        let value = reader.take(value_length)?;
        match name {
            b"avro.schema" => text = value.to_vec(),
            b"avro.codec" => codec = value.to_vec(),
            _ => {}
        }
        Ok(())
    })?;
    let schema = Schema::parse(&text)
        .map_err(|error| reader.wrong(format!("a schema that is wrong: {error}")))?;
    let sync: [u8; 16] = reader.array()?;
    let mut items = Vec::new();
    while !reader.is_at_end() {
        let count = length(&mut reader)?;
        let size = length(&mut reader)?;
        let block = reader.take(size)?;
        let plain = unpacked(&codec, block, ceiling).map_err(|error| match error {
            Some(what) => reader.wrong(what),
            None => Fault::Work,
        })?;
        // A block may say that nothing is in it, however much comes out.
        reader.work.spend(plain.len() / 64)?;
        let mut inside = Reader::new(&plain, reader.work);
        for _ in 0..count {
            items.push(datum(&schema, schema.root(), &mut inside, 0)?);
        }
        if reader.array::<16>()? != sync {
            return Err(reader.wrong("a block without its end mark"));
        }
    }
    Ok(Value::List(items))
}

/// The error is `None` where more comes out than the ceiling allows.
fn unpacked(codec: &[u8], block: &[u8], ceiling: usize) -> Result<Vec<u8>, Option<String>> {
    let opened = match codec {
        b"null" => return Ok(block.to_vec()),
        b"deflate" => inflate::deflate(block, ceiling),
        b"zstandard" => inflate::zstd(block, ceiling),
        other => {
            let name = String::from_utf8_lossy(other);
            return Err(Some(format!(
                "blocks compressed with {name:?}, which is not understood"
            )));
        }
    };
    match opened {
        Ok(opened) if opened.cut => Err(None),
        Ok(opened) => Ok(opened.bytes),
        Err(fault) => Err(Some(format!("a block that cannot be opened: {fault}"))),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    const SCHEMA: &str = r#"{"type":"record","name":"Report","namespace":"home","fields":[
        {"name":"id","type":"long"},
        {"name":"name","type":"string"},
        {"name":"mode","type":{"type":"enum","name":"Mode","symbols":["OFF","COOL"]}},
        {"name":"before","type":["null","Mode"]},
        {"name":"levels","type":{"type":"array","items":"double"}},
        {"name":"more","type":{"type":"map","values":"int"}},
        {"name":"at","type":{"type":"long","logicalType":"timestamp-millis"}},
        {"name":"price","type":{"type":"bytes","logicalType":"decimal","precision":6,"scale":2}},
        {"name":"next","type":["null","Report"]}]}"#;

    fn report() -> Vec<u8> {
        let mut out = b"\x54\x04hi\x02\x02\x00\x02".to_vec();
        out.extend(1.5_f64.to_le_bytes());
        out.extend(b"\x00\x01\x06\x02a\x09\x00\x80\xa8\xd6\xb9\xa1\x62\x04\xfe\xd4\x00");
        out
    }

    const EXPECTED: &str = "{\"id\":42,\"name\":\"hi\",\"mode\":\"COOL\",\"before\":\"OFF\",\"levels\":[1.5],\
         \"more\":{\"a\":-5},\"at\":1688116840960,\"price\":-3.00,\"next\":null}";

    #[test]
    fn every_type_is_read_with_its_schema() {
        let schema = Schema::parse(SCHEMA.as_bytes()).expect("a schema");
        let (value, end) = read(&schema, &report(), &mut Work::new(1000)).expect("a datum");
        assert_eq!(end, report().len());
        assert_eq!(value.line(1000), EXPECTED);
    }

    #[test]
    fn a_registrys_header_is_passed_over() {
        let schema = Schema::parse(b"\"string\"").expect("a schema");
        let (value, end) =
            read(&schema, b"\0\0\0\0\x07\x04hi", &mut Work::new(10)).expect("a datum");
        assert_eq!((value.line(10).as_str(), end), ("\"hi\"", 8));
        assert!(format!("{value:?}").contains("schema 7"), "{value:?}");
    }

    fn long(number: usize) -> Vec<u8> {
        let mut left = number << 1;
        let mut out = Vec::new();
        while left > 0x7f {
            out.push(u8::try_from(left & 0x7f).expect("seven bits") | 0x80);
            left >>= 7;
        }
        out.push(u8::try_from(left).expect("seven bits"));
        out
    }

    fn file(codec: &str, block: &[u8]) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.extend(long(2));
        for (name, value) in [("avro.schema", SCHEMA), ("avro.codec", codec)] {
            out.extend(long(name.len()));
            out.extend(name.bytes());
            out.extend(long(value.len()));
            out.extend(value.bytes());
        }
        out.extend([0]);
        out.extend([7; 16]);
        out.extend(long(1));
        out.extend(long(block.len()));
        out.extend(block);
        out.extend([7; 16]);
        out
    }

    #[test]
    fn a_container_file_needs_no_schema() {
        let value =
            read_file(&file("null", &report()), 1 << 20, &mut Work::new(1000)).expect("a file");
        assert!(
            value.line(1000).starts_with("[{\"id\":42,"),
            "{}",
            value.line(1000)
        );
        let error =
            read_file(&file("snappy", b"x"), 1 << 20, &mut Work::new(1000)).expect_err("unknown");
        assert!(error.to_string().contains("snappy"), "{error}");
    }

    /// Blocks that open to much and hold nothing: each was opened, and none was counted.
    #[test]
    fn blocks_that_hold_nothing_are_not_opened_without_end() {
        let mut encoder =
            flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(&vec![0; 1 << 20]).expect("memory");
        let block = encoder.finish().expect("memory");
        let mut bomb = file("deflate", b"");
        let blocks = bomb.len() - 18;
        bomb.truncate(blocks);
        for _ in 0..100 {
            bomb.extend(long(0));
            bomb.extend(long(block.len()));
            bomb.extend(&block);
            bomb.extend([7; 16]);
        }
        assert_eq!(
            read_file(&bomb, 2 << 20, &mut Work::new(400_000))
                .expect_err("too much")
                .to_string(),
            Fault::Work.to_string()
        );
    }

    #[test]
    fn items_without_bytes_do_not_loop_for_ever() {
        let schema = Schema::parse(br#"{"type":"array","items":"null"}"#).expect("a schema");
        let many = b"\xfe\xff\xff\xff\xff\xff\xff\xff\x7f\x00";
        assert_eq!(
            read(&schema, many, &mut Work::new(10_000)),
            Err(Fault::Work)
        );
    }
}
