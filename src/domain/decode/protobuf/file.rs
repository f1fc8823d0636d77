//! `.proto` files: what a decoder needs of them. Options, services, extensions and reserved ranges are passed over.

use super::schema::{Declared, DeclaredEnum, DeclaredField, DeclaredMessage, SchemaError};
use crate::domain::decode::value::MAX_DEPTH;

pub(super) fn read(text: &str) -> Result<Declared, SchemaError> {
    let mut parser = Parser {
        tokens: tokens(text)?,
        at: 0,
        out: Declared::default(),
        package: String::new(),
    };
    parser.file()?;
    Ok(parser.out)
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Token {
    line: usize,
    text: String,
    quoted: bool,
}

fn tokens(text: &str) -> Result<Vec<Token>, SchemaError> {
    let mut out = Vec::new();
    let mut line = 1;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\n' => line += 1,
            _ if c.is_whitespace() => {}
            '/' if chars.peek() == Some(&'/') => while chars.next_if(|c| *c != '\n').is_some() {},
            '/' if chars.peek() == Some(&'*') => {
                let mut before = ' ';
                chars.next();
                for c in chars.by_ref() {
                    line += usize::from(c == '\n');
                    if before == '*' && c == '/' {
                        break;
                    }
                    before = c;
                }
            }
            '"' | '\'' => {
                let mut text = String::new();
                loop {
                    match chars.next() {
                        Some(end) if end == c => break,
                        Some('\\') => text.extend(chars.next()),
                        Some('\n') | None => {
                            let what = "a text without an end".to_owned();
                            return Err(SchemaError::Syntax { line, what });
                        }
                        Some(other) => text.push(other),
                    }
                }
                out.push(Token {
                    line,
                    text,
                    quoted: true,
                });
            }
            _ if is_word(c) => {
                let mut text = String::from(c);
                while let Some(c) = chars.next_if(|c| is_word(*c)) {
                    text.push(c);
                }
                out.push(Token {
                    line,
                    text,
                    quoted: false,
                });
            }
            _ => out.push(Token {
                line,
                text: c.to_string(),
                quoted: false,
            }),
        }
    }
    Ok(out)
}

/// Names with their dots, and numbers with their signs.
const fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-' | '+')
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    out: Declared,
    package: String,
}

impl Parser {
    fn peek(&self) -> &str {
        self.tokens
            .get(self.at)
            .map_or("", |t| if t.quoted { "\"" } else { t.text.as_str() })
    }

    fn next(&mut self) -> Result<String, SchemaError> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        token
            .map(|t| t.text)
            .ok_or_else(|| self.wrong("the file ends in the middle"))
    }

    fn wrong(&self, what: impl Into<String>) -> SchemaError {
        let place = self.at.saturating_sub(1).min(self.tokens.len().max(1) - 1);
        SchemaError::Syntax {
            line: self.tokens.get(place).map_or(1, |t| t.line),
            what: what.into(),
        }
    }

    fn expect(&mut self, wanted: &str) -> Result<(), SchemaError> {
        let found = self.next()?;
        if found == wanted {
            return Ok(());
        }
        Err(self.wrong(format!("{wanted:?} is wanted here, not {found:?}")))
    }

    fn file(&mut self) -> Result<(), SchemaError> {
        while self.at < self.tokens.len() {
            match self.next()?.as_str() {
                ";" => {}
                "syntax" | "edition" | "option" => self.skip_statement()?,
                "package" => {
                    self.package = self.next()?;
                    self.expect(";")?;
                }
                "import" => {
                    if matches!(self.peek(), "public" | "weak" | "option") {
                        self.next()?;
                    }
                    let file = self.next()?;
                    self.out.imports.push(file);
                    self.expect(";")?;
                }
                "message" => {
                    let scope = self.package.clone();
                    self.message(&scope, 0)?;
                }
                "enum" => {
                    let scope = self.package.clone();
                    self.enumeration(&scope)?;
                }
                "service" | "extend" => self.skip_block()?,
                other => return Err(self.wrong(format!("{other:?} is not understood"))),
            }
        }
        Ok(())
    }

    /// To the semicolon, whatever braces stand before it.
    fn skip_statement(&mut self) -> Result<(), SchemaError> {
        let mut depth = 0_usize;
        loop {
            match self.next()?.as_str() {
                "{" | "[" => depth += 1,
                "}" | "]" => depth = depth.saturating_sub(1),
                ";" if depth == 0 => return Ok(()),
                _ => {}
            }
        }
    }

    fn skip_block(&mut self) -> Result<(), SchemaError> {
        while self.next()? != "{" {}
        let mut depth = 1_usize;
        while depth > 0 {
            match self.next()?.as_str() {
                "{" => depth += 1,
                "}" => depth -= 1,
                _ => {}
            }
        }
        Ok(())
    }

    fn message(&mut self, scope: &str, depth: usize) -> Result<(), SchemaError> {
        let name = full(scope, &self.next()?);
        self.expect("{")?;
        self.body(name, depth)
    }

    fn body(&mut self, name: String, depth: usize) -> Result<(), SchemaError> {
        if depth > MAX_DEPTH {
            return Err(self.wrong("nested too deep"));
        }
        let mut message = DeclaredMessage {
            name,
            ..DeclaredMessage::default()
        };
        loop {
            let word = self.next()?;
            match word.as_str() {
                "}" => break,
                ";" => {}
                // A field may be called so too: then a name and "=" follow a type.
                "message" if self.is_before("{", 1) => self.message(&message.name, depth + 1)?,
                "enum" if self.is_before("{", 1) => self.enumeration(&message.name)?,
                "oneof" => {
                    self.next()?;
                    self.expect("{")?;
                    while self.peek() != "}" {
                        let word = self.next()?;
                        match word.as_str() {
                            "option" => self.skip_statement()?,
                            ";" => {}
                            _ => self.field(&mut message, &word, false, depth)?,
                        }
                    }
                    self.next()?;
                }
                "option" | "reserved" | "extensions" => self.skip_statement()?,
                "extend" => self.skip_block()?,
                "map" if self.peek() == "<" => self.map(&mut message)?,
                "repeated" => {
                    let kind = self.next()?;
                    self.field(&mut message, &kind, true, depth)?;
                }
                "optional" | "required" => {
                    let kind = self.next()?;
                    self.field(&mut message, &kind, false, depth)?;
                }
                kind => self.field(&mut message, kind, false, depth)?,
            }
        }
        self.out.messages.push(message);
        Ok(())
    }

    fn is_before(&self, wanted: &str, ahead: usize) -> bool {
        self.tokens
            .get(self.at + ahead)
            .is_some_and(|t| t.text == wanted)
    }

    fn field(
        &mut self,
        message: &mut DeclaredMessage,
        kind: &str,
        repeated: bool,
        depth: usize,
    ) -> Result<(), SchemaError> {
        let name = self.next()?;
        self.expect("=")?;
        let number = self.number()?;
        let number = u32::try_from(number)
            .ok()
            .filter(|n| *n > 0)
            .ok_or_else(|| self.wrong(format!("{number} is no field number")))?;
        let is_group = kind == "group";
        message.fields.push(DeclaredField {
            name: if is_group {
                name.to_lowercase()
            } else {
                name.clone()
            },
            number,
            kind: if is_group {
                name.clone()
            } else {
                kind.to_owned()
            },
            repeated,
        });
        if is_group {
            if self.peek() == "[" {
                while self.next()? != "]" {}
            }
            self.expect("{")?;
            return self.body(full(&message.name, &name), depth + 1);
        }
        self.skip_statement()
    }

    fn number(&mut self) -> Result<i64, SchemaError> {
        let text = self.next()?;
        let (negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text.as_str()),
        };
        let number = match digits
            .strip_prefix("0x")
            .or_else(|| digits.strip_prefix("0X"))
        {
            Some(hex) => i64::from_str_radix(hex, 16),
            None => digits.parse(),
        };
        match number {
            Ok(number) => Ok(if negative { -number } else { number }),
            Err(_) => Err(self.wrong(format!("{text:?} is no number"))),
        }
    }

    /// `map<K, V> name = N;` is a repeated message with `key` and `value`.
    fn map(&mut self, message: &mut DeclaredMessage) -> Result<(), SchemaError> {
        self.expect("<")?;
        let key = self.next()?;
        self.expect(",")?;
        let value = self.next()?;
        self.expect(">")?;
        let name = self.next()?;
        self.expect("=")?;
        let number = self.number()?;
        self.skip_statement()?;
        let number = u32::try_from(number)
            .map_err(|_| self.wrong(format!("{number} is no field number")))?;
        let entry = format!("{}.{name}Entry", message.name);
        let part = |name: &str, number, kind| DeclaredField {
            name: name.to_owned(),
            number,
            kind,
            repeated: false,
        };
        self.out.messages.push(DeclaredMessage {
            name: entry.clone(),
            fields: vec![part("key", 1, key), part("value", 2, value)],
            is_map_entry: true,
        });
        message.fields.push(DeclaredField {
            name,
            number,
            kind: format!(".{entry}"),
            repeated: true,
        });
        Ok(())
    }

    fn enumeration(&mut self, scope: &str) -> Result<(), SchemaError> {
        let name = full(scope, &self.next()?);
        self.expect("{")?;
        let mut values = Vec::new();
        loop {
            let word = self.next()?;
            match word.as_str() {
                "}" => break,
                ";" => {}
                "option" | "reserved" => self.skip_statement()?,
                _ => {
                    self.expect("=")?;
                    let number = self.number()?;
                    self.skip_statement()?;
                    let number = i32::try_from(number)
                        .map_err(|_| self.wrong(format!("{number} is no value of an enum")))?;
                    values.push((number, word));
                }
            }
        }
        self.out.enums.push(DeclaredEnum { name, values });
        Ok(())
    }
}

fn full(scope: &str, name: &str) -> String {
    if scope.is_empty() {
        name.to_owned()
    } else {
        format!("{scope}.{name}")
    }
}
