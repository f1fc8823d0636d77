//! Chains of decoders as they are written: `gzip > cbor`, `protobuf(file.proto, pkg.Message)`, `avro(schema.avsc)`, `text`.

use std::fmt;
use std::sync::Arc;

use super::{avro, protobuf};
use crate::base::near::nearest;
use crate::domain::topic::TopicFilter;

/// One decoder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    Gzip,
    Zlib,
    Zstd,
    Base64,
    Hex,
    Json,
    /// JSON documents one a line.
    JsonLines,
    Cbor,
    MsgPack,
    Protobuf(Option<Arc<Written<protobuf::Schema>>>),
    Sparkplug,
    /// Without a schema: a container file.
    Avro(Option<Arc<Written<avro::Schema>>>),
    Picture,
    Text,
    Bytes,
}

/// A schema, with what stands in the parentheses.
#[derive(Debug, PartialEq, Eq)]
pub struct Written<S> {
    pub text: String,
    pub schema: S,
}

/// Every decoder that needs no file, in the order in which they are offered.
pub const PLAIN: [Step; 15] = [
    Step::Json,
    Step::JsonLines,
    Step::Text,
    Step::Bytes,
    Step::Gzip,
    Step::Zlib,
    Step::Zstd,
    Step::Base64,
    Step::Hex,
    Step::Cbor,
    Step::MsgPack,
    Step::Protobuf(None),
    Step::Sparkplug,
    Step::Avro(None),
    Step::Picture,
];

impl Step {
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zlib => "zlib",
            Self::Zstd => "zstd",
            Self::Base64 => "base64",
            Self::Hex => "hex",
            Self::Json => "json",
            Self::JsonLines => "jsonl",
            Self::Cbor => "cbor",
            Self::MsgPack => "msgpack",
            Self::Protobuf(_) => "protobuf",
            Self::Sparkplug => "sparkplug",
            Self::Avro(_) => "avro",
            Self::Picture => "picture",
            Self::Text => "text",
            Self::Bytes => "binary",
        }
    }

    /// Whether bytes come out, which another decoder may take further.
    pub const fn unwraps(&self) -> bool {
        matches!(
            self,
            Self::Gzip | Self::Zlib | Self::Zstd | Self::Base64 | Self::Hex
        )
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Protobuf(Some(schema)) => write!(f, "protobuf({})", schema.text),
            Self::Avro(Some(schema)) => write!(f, "avro({})", schema.text),
            _ => f.write_str(self.word()),
        }
    }
}

/// Decoders one after the other. Where the last one unwraps, what comes out is guessed; an empty chain (`auto`) leaves it all
/// to the guess.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Chain(pub Vec<Step>);

impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("auto");
        }
        for (n, step) in self.0.iter().enumerate() {
            if n > 0 {
                f.write_str(" > ")?;
            }
            write!(f, "{step}")?;
        }
        Ok(())
    }
}

/// Why a chain is not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    #[error("it is empty")]
    Empty,
    #[error("there is no decoder {name:?}{}", near.map_or(String::new(), |n| format!("; did you mean {n:?}?")))]
    Unknown {
        name: String,
        near: Option<&'static str>,
    },
    #[error("nothing can follow {0:?}: it is the end of a chain")]
    NotLast(String),
    #[error("{0:?} takes nothing in parentheses")]
    Arguments(String),
    #[error("protobuf needs a file and a message: protobuf(file.proto, pkg.Message)")]
    Protobuf,
    #[error("avro needs a schema file: avro(schema.avsc)")]
    Avro,
    #[error("{file}: {why}")]
    File { file: String, why: String },
}

/// The bytes of a file by its name, and for an import the file that asks for it; else why there are none.
pub type Files<'a> = dyn FnMut(&str, Option<&str>) -> Result<Vec<u8>, String> + 'a;

/// Steps that a chain may have.
const LONGEST: usize = 8;

impl Chain {
    /// `file` is asked for every file that the chain names, and for what a `.proto` file imports.
    pub fn parse(text: &str, file: &mut Files<'_>) -> Result<Self, ChainError> {
        let mut steps = Vec::new();
        if text.trim() == "auto" {
            return Ok(Self(steps));
        }
        for part in text.split('>').map(str::trim) {
            if let Some(last) = steps.last().filter(|s: &&Step| !s.unwraps()) {
                return Err(ChainError::NotLast(last.to_string()));
            }
            if part.is_empty() || steps.len() == LONGEST {
                return Err(ChainError::Empty);
            }
            steps.push(step(part, file)?);
        }
        Ok(Self(steps))
    }
}

fn step(part: &str, file: &mut Files<'_>) -> Result<Step, ChainError> {
    let (name, inside) = match part.split_once('(') {
        Some((name, rest)) => (
            name.trim(),
            rest.strip_suffix(')').map(str::trim).or(Some("")),
        ),
        None => (part, None),
    };
    match (name, inside) {
        ("protobuf", Some(inside)) => {
            let (path, message) = inside.split_once(',').ok_or(ChainError::Protobuf)?;
            let (path, message) = (path.trim(), message.trim());
            if path.is_empty() || message.is_empty() {
                return Err(ChainError::Protobuf);
            }
            let wrong = |why: String| ChainError::File {
                file: path.to_owned(),
                why,
            };
            let bytes = file(path, None).map_err(wrong)?;
            let mut import = |name: &str| file(name, Some(path));
            let schema = protobuf::compile(&bytes, message, &mut import)
                .map_err(|error| wrong(error.to_string()))?;
            let text = format!("{path}, {message}");
            Ok(Step::Protobuf(Some(Arc::new(Written { text, schema }))))
        }
        ("avro", Some(path)) => {
            if path.is_empty() {
                return Err(ChainError::Avro);
            }
            let wrong = |why: String| ChainError::File {
                file: path.to_owned(),
                why,
            };
            let bytes = file(path, None).map_err(wrong)?;
            let schema = avro::Schema::parse(&bytes).map_err(|error| wrong(error.to_string()))?;
            let text = path.to_owned();
            Ok(Step::Avro(Some(Arc::new(Written { text, schema }))))
        }
        (_, arguments) => {
            let found = PLAIN.iter().find(|step| step.word() == name);
            match (found, arguments) {
                (Some(step), None) => Ok(step.clone()),
                (Some(_), Some(_)) => Err(ChainError::Arguments(name.to_owned())),
                (None, _) => Err(ChainError::Unknown {
                    name: name.to_owned(),
                    near: nearest(name, PLAIN.iter().map(Step::word)),
                }),
            }
        }
    }
}

/// Which chain is meant for which topics, whatever the bytes look like.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pins(Vec<(TopicFilter, Chain)>);

impl Pins {
    /// In place of what was said for that very filter before.
    pub fn set(&mut self, filter: TopicFilter, chain: Chain) {
        self.unset(&filter);
        self.0.push((filter, chain));
    }

    pub fn unset(&mut self, filter: &TopicFilter) {
        self.0.retain(|(known, _)| known != filter);
    }

    /// The chain of the filter that says most about the topic: more levels by name first, then no `#`, then the one that was
    /// set first.
    pub fn of(&self, topic: &str) -> Option<&Chain> {
        self.0
            .iter()
            .rev()
            .filter(|(filter, _)| filter.matches(topic))
            .max_by_key(|(filter, _)| filter.weight())
            .map(|(_, chain)| chain)
            .filter(|chain| !chain.0.is_empty())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(name: &str, by: Option<&str>) -> Result<Vec<u8>, String> {
        match (name, by) {
            ("a.proto", None) => {
                Ok(b"import \"b.proto\"; package p; message M { B b = 1; }".to_vec())
            }
            ("b.proto", Some("a.proto")) => Ok(b"package p; message B { int32 n = 1; }".to_vec()),
            ("s.avsc", None) => Ok(b"{\"type\":\"long\"}".to_vec()),
            _ => Err("there is no such file".to_owned()),
        }
    }

    fn parse(text: &str) -> Result<String, String> {
        Chain::parse(text, &mut files)
            .map(|chain| chain.to_string())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_chain_reads_as_it_is_written() {
        for text in [
            "gzip > cbor",
            "text",
            "base64 > zstd > msgpack",
            "protobuf(a.proto, p.M)",
            "avro(s.avsc)",
            "zlib",
            "auto",
        ] {
            assert_eq!(parse(text).as_deref(), Ok(text));
        }
        assert_eq!(parse(" gzip>cbor ").as_deref(), Ok("gzip > cbor"));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let cases = [
            ("", "it is empty"),
            ("gzip > ", "it is empty"),
            (
                "gzipp",
                "there is no decoder \"gzipp\"; did you mean \"gzip\"?",
            ),
            (
                "cbor > gzip",
                "nothing can follow \"cbor\": it is the end of a chain",
            ),
            ("gzip(9)", "\"gzip\" takes nothing in parentheses"),
            (
                "protobuf(a.proto)",
                "protobuf needs a file and a message: protobuf(file.proto, pkg.Message)",
            ),
            ("avro(x.avsc)", "x.avsc: there is no such file"),
            (
                "protobuf(a.proto, Q)",
                "a.proto: there is no message \"Q\"; it has p.M, p.B",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text), Err(expected.to_owned()), "{text}");
        }
    }

    #[test]
    fn the_filter_that_says_most_wins() {
        let mut pins = Pins::default();
        let filter = |text: &str| TopicFilter::parse(text).expect("a filter");
        for (text, step) in [
            ("#", Step::Text),
            ("plant/#", Step::Cbor),
            ("plant/+/raw", Step::Bytes),
            ("plant/boiler/raw", Step::Gzip),
        ] {
            pins.set(filter(text), Chain(vec![step]));
        }
        let of = |pins: &Pins, topic: &str| pins.of(topic).map(ToString::to_string);
        assert_eq!(of(&pins, "home/x").as_deref(), Some("text"));
        assert_eq!(of(&pins, "plant/x").as_deref(), Some("cbor"));
        assert_eq!(of(&pins, "plant/x/raw").as_deref(), Some("binary"));
        assert_eq!(of(&pins, "plant/boiler/raw").as_deref(), Some("gzip"));
        pins.set(filter("plant/boiler/raw"), Chain::default());
        assert_eq!(of(&pins, "plant/boiler/raw"), None, "left to the guess");
        pins.unset(&filter("plant/boiler/raw"));
        assert_eq!(of(&pins, "plant/boiler/raw").as_deref(), Some("binary"));
        assert_eq!(of(&Pins::default(), "x"), None);
    }
}
