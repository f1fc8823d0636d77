//! `[decode]`: how the payloads of some topics are decoded.
//!
//! ```toml
//! [decode]
//! "plant/#" = "gzip > cbor"
//! "line/+/report" = "protobuf(line.proto, acme.Report)"   # also a compiled descriptor set; imports beside it
//! "meter/#" = "avro(meter.avsc)"
//! "door/raw" = "text"                                      # a wrong guess, pinned off
//! ```

use std::path::Path;

use super::section::Section;
use crate::base::problem::Problem;
use crate::domain::decode::{Chain, ChainError, Pins};
use crate::domain::topic::TopicFilter;
use crate::runtime::files::resolve;

/// A schema file is not read further than this. Bytes.
const LARGEST: u64 = 8 << 20;
/// Folders that an import is looked for in.
const ABOVE: usize = 6;

pub(super) fn read(section: &Section<'_>) -> Result<Pins, Problem> {
    let mut pins = Pins::default();
    for (topic, text) in section.all_texts()? {
        let filter = TopicFilter::parse(&topic).map_err(|error| {
            section.wrong(
                &topic,
                format!("it is no topic filter: {error}"),
                "write a topic, with + and # where any level will do",
            )
        })?;
        let base = section.base();
        let mut file = |name: &str, by: Option<&str>| load(base, name, by);
        let chain = Chain::parse(&text, &mut file)
            .map_err(|error| section.wrong(&topic, error.to_string(), remedy(&error)))?;
        pins.set(filter, chain);
    }
    Ok(pins)
}

const fn remedy(error: &ChainError) -> &'static str {
    match error {
        ChainError::File { .. } => "correct the file, or its name here",
        _ => {
            "write decoders from outside to inside, such as \"gzip > cbor\"; auto, text, binary, json, jsonl, gzip, zlib, zstd, \
             base64, hex, cbor, msgpack, sparkplug, picture, protobuf(FILE, MESSAGE), avro(FILE)"
        }
    }
}

/// Relative to the config file; an import first beside the file that asks for it, then in the folders above that, one of which
/// is where its compiler is told to begin.
fn load(base: &Path, name: &str, by: Option<&str>) -> Result<Vec<u8>, String> {
    let plain = resolve(name, base);
    let by = by.map(|by| resolve(by, base)).unwrap_or_default();
    let above = by.ancestors().skip(1).take(ABOVE);
    let beside = above
        .map(|folder| folder.join(name))
        .find(|path| path.exists());
    let path = beside.unwrap_or(plain);
    let length = std::fs::metadata(&path)
        .map_err(|error| error.to_string())?
        .len();
    if length > LARGEST {
        return Err(format!(
            "it has {length} bytes; a schema has {LARGEST} at most"
        ));
    }
    std::fs::read(&path).map_err(|error| error.to_string())
}
