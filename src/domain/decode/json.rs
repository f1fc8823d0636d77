//! JSON as a tree in which every number, key and string is as it stood.

use serde_json::value::RawValue;

use super::reader::{Fault, Work};
use super::value::{Literal, MAX_DEPTH, Value};

/// The document at the beginning of `text` and how many bytes it takes, blanks in front included.
pub fn read(text: &str, work: &mut Work) -> Result<(Value, usize), Fault> {
    work.spend(text.len() / 64)?;
    let mut stream = serde_json::Deserializer::from_str(text).into_iter::<&RawValue>();
    let document = match stream.next() {
        Some(Ok(document)) => document.get(),
        Some(Err(error)) if error.is_eof() => return Err(Fault::Ends(text.len())),
        Some(Err(error)) => {
            return Err(Fault::Wrong {
                at: place(text, error.line(), error.column()),
                what: "no JSON".into(),
            });
        }
        None => return Err(Fault::Ends(text.len())),
    };
    let mut scanner = Scanner {
        text: document,
        at: 0,
        work,
    };
    let value = scanner.value(0)?;
    Ok((value, stream.byte_offset()))
}

fn place(text: &str, line: usize, column: usize) -> usize {
    let before: usize = text
        .split_inclusive('\n')
        .take(line.saturating_sub(1))
        .map(str::len)
        .sum();
    (before + column.saturating_sub(1)).min(text.len())
}

/// Goes over a document that is known to be valid.
struct Scanner<'a, 'w> {
    text: &'a str,
    at: usize,
    work: &'w mut Work,
}

impl Scanner<'_, '_> {
    fn value(&mut self, depth: usize) -> Result<Value, Fault> {
        if depth > MAX_DEPTH {
            return Err(Fault::Deep);
        }
        self.work.spend(1)?;
        match self.next()? {
            b'{' => self.map(depth),
            b'[' => self.list(depth),
            b'"' => Ok(Value::Text(self.literal()?)),
            b't' => Ok(self.word(4, Value::Bool(true))),
            b'f' => Ok(self.word(5, Value::Bool(false))),
            b'n' => Ok(self.word(4, Value::Null)),
            _ => {
                let rest = &self.text.as_bytes()[self.at..];
                let ends = |b: &u8| matches!(b, b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t');
                let length = rest.iter().position(ends).unwrap_or(rest.len());
                let from = self.at;
                self.at += length;
                let digits = self.text.get(from..self.at).ok_or(Fault::Ends(from))?;
                Ok(Value::Number(digits.to_owned()))
            }
        }
    }

    fn word(&mut self, length: usize, value: Value) -> Value {
        self.at += length;
        value
    }

    /// The next byte that is no blank.
    fn next(&mut self) -> Result<u8, Fault> {
        let bytes = self.text.as_bytes();
        while let Some(byte) = bytes.get(self.at) {
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return Ok(*byte);
            }
            self.at += 1;
        }
        Err(Fault::Ends(self.at))
    }

    fn literal(&mut self) -> Result<Literal, Fault> {
        let bytes = self.text.as_bytes();
        let from = self.at;
        let mut at = from + 1;
        while let Some(found) = memchr::memchr2(b'"', b'\\', bytes.get(at..).unwrap_or_default()) {
            at += found + 1;
            if bytes[at - 1] == b'"' {
                self.at = at;
                let literal = self.text.get(from..at).ok_or(Fault::Ends(from))?;
                return Ok(Literal::as_stood(literal));
            }
            at += 1;
        }
        Err(Fault::Ends(bytes.len()))
    }

    fn list(&mut self, depth: usize) -> Result<Value, Fault> {
        let mut items = Vec::new();
        self.at += 1;
        while self.next()? != b']' {
            items.push(self.value(depth + 1)?);
            if self.next()? == b',' {
                self.at += 1;
            }
        }
        self.at += 1;
        Ok(Value::List(items))
    }

    fn map(&mut self, depth: usize) -> Result<Value, Fault> {
        let mut entries = Vec::new();
        self.at += 1;
        while self.next()? != b'}' {
            let key = Value::Text(self.literal()?);
            if self.next()? == b':' {
                self.at += 1;
            }
            entries.push((key, self.value(depth + 1)?));
            if self.next()? == b',' {
                self.at += 1;
            }
        }
        self.at += 1;
        Ok(Value::Map(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Result<(String, usize), Fault> {
        let (value, end) = read(text, &mut Work::new(10_000))?;
        Ok((value.line(10_000), end))
    }

    #[test]
    fn numbers_keys_and_escapes_are_as_they_stood() {
        let text = r#" {"b":1.0,"a":1e400,"b":12345678901234567890,"c":"\u0041\/\ud800 x,}","d":[[],{},-0,true,false,null]}"#;
        let (shown, end) = line(text).expect("JSON");
        assert_eq!(shown, text.trim());
        assert_eq!(end, text.len());
    }

    #[test]
    fn what_follows_the_document_is_left() {
        assert_eq!(line("{\"a\":1}\0\0"), Ok(("{\"a\":1}".to_owned(), 7)));
        assert_eq!(line("[1] tail"), Ok(("[1]".to_owned(), 3)));
    }

    #[test]
    fn what_is_no_json_says_where() {
        assert!(
            matches!(line("{\"a\":1,}"), Err(Fault::Wrong { at: 7, .. })),
            "{:?}",
            line("{\"a\":1,}")
        );
        assert!(matches!(line("{\"a\":"), Err(Fault::Ends(_))));
        assert_eq!(line(&"[".repeat(5000)), Err(Fault::Ends(5000)));
        let deep = format!("{}{}", "[".repeat(500), "]".repeat(500));
        assert_eq!(line(&deep), Err(Fault::Deep));
    }
}
