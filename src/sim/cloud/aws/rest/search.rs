//! The fleet index's query language, as much of it as the reference names: terms joined by AND, OR and NOT.

use serde_json::Value;

use crate::sim::cloud::aws::wild;

#[derive(Debug, Clone, PartialEq)]
pub enum Query {
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
    Term {
        field: String,
        test: Test,
        value: String,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Test {
    /// With wildcards.
    Is,
    Less,
    LessOrIs,
    Greater,
    GreaterOrIs,
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Open,
    Close,
    Test(Test),
    Word(String),
}

/// The values that a thing has in a field.
pub type Values<'a> = dyn Fn(&str) -> Vec<Value> + 'a;

impl Query {
    pub fn parse(text: &str) -> Option<Self> {
        let tokens = tokens(text)?;
        let mut rest = tokens.as_slice();
        let query = any(&mut rest)?;
        rest.is_empty().then_some(query)
    }

    pub fn terms(&self) -> usize {
        match self {
            Self::All(all) | Self::Any(all) => all.iter().map(Self::terms).sum(),
            Self::Not(inner) => inner.terms(),
            Self::Term { .. } => 1,
        }
    }

    pub fn fits(&self, values: &Values<'_>) -> bool {
        match self {
            Self::All(all) => all.iter().all(|query| query.fits(values)),
            Self::Any(all) => all.iter().any(|query| query.fits(values)),
            Self::Not(inner) => !inner.fits(values),
            Self::Term { field, test, value } => {
                let found = values(field);
                found.iter().any(|found| test.holds(found, value))
            }
        }
    }
}

impl Test {
    fn holds(self, found: &Value, wanted: &str) -> bool {
        let text = match found {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        if self == Self::Is {
            return wild(wanted, &text);
        }
        let (Ok(found), Ok(wanted)) = (text.parse::<f64>(), wanted.parse::<f64>()) else {
            return false;
        };
        match self {
            Self::Less => found < wanted,
            Self::LessOrIs => found <= wanted,
            Self::Greater => found > wanted,
            Self::GreaterOrIs | Self::Is => found >= wanted,
        }
    }
}

fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let or_is = |chars: &mut std::iter::Peekable<_>| chars.next_if_eq(&'=').is_some();
        tokens.push(match c {
            c if c.is_whitespace() => continue,
            '(' => Token::Open,
            ')' => Token::Close,
            ':' | '=' => Token::Test(Test::Is),
            '<' if or_is(&mut chars) => Token::Test(Test::LessOrIs),
            '<' => Token::Test(Test::Less),
            '>' if or_is(&mut chars) => Token::Test(Test::GreaterOrIs),
            '>' => Token::Test(Test::Greater),
            '"' => {
                let mut word = String::new();
                loop {
                    match chars.next()? {
                        '"' => break,
                        c => word.push(c),
                    }
                }
                Token::Word(word)
            }
            c => {
                let mut word = c.to_string();
                let ends = |c: &char| c.is_whitespace() || "():=<>\"".contains(*c);
                while let Some(c) = chars.next_if(|c| !ends(c)) {
                    word.push(c);
                }
                Token::Word(word)
            }
        });
    }
    Some(tokens)
}

fn takes(rest: &mut &[Token], word: &str) -> bool {
    let found = matches!(rest.first(), Some(Token::Word(first)) if first == word);
    if found {
        *rest = &rest[1..];
    }
    found
}

fn any(rest: &mut &[Token]) -> Option<Query> {
    let mut all = vec![all(rest)?];
    while takes(rest, "OR") {
        all.push(self::all(rest)?);
    }
    Some(Query::Any(all))
}

/// Terms that stand side by side belong together, too.
fn all(rest: &mut &[Token]) -> Option<Query> {
    let mut all = vec![one(rest)?];
    loop {
        let ends = match rest.first() {
            None | Some(Token::Close) => true,
            Some(Token::Word(word)) => word == "OR",
            Some(_) => false,
        };
        if ends {
            return Some(Query::All(all));
        }
        takes(rest, "AND");
        all.push(one(rest)?);
    }
}

fn one(rest: &mut &[Token]) -> Option<Query> {
    if takes(rest, "NOT") {
        return Some(Query::Not(Box::new(one(rest)?)));
    }
    let (first, after) = rest.split_first()?;
    match (first, after) {
        (Token::Open, after) => {
            *rest = after;
            let inner = any(rest)?;
            let (close, after) = rest.split_first()?;
            *rest = after;
            (*close == Token::Close).then_some(inner)
        }
        (Token::Word(field), [Token::Test(test), Token::Word(value), after @ ..]) => {
            *rest = after;
            Some(Query::Term {
                field: field.clone(),
                test: *test,
                value: value.clone(),
            })
        }
        (Token::Word(_), [Token::Test(_), ..]) => None,
        // A bare word is looked for in the name.
        (Token::Word(value), after) => {
            *rest = after;
            Some(Query::Term {
                field: "thingName".to_owned(),
                test: Test::Is,
                value: value.clone(),
            })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fits(query: &str) -> bool {
        let values = |field: &str| match field {
            "thingName" => vec![json!("lamp-hall")],
            "attributes.site" => vec![json!("north")],
            "shadow.reported.temp" => vec![json!(21.5)],
            "connectivity.connected" => vec![json!(true)],
            _ => Vec::new(),
        };
        Query::parse(query).expect(query).fits(&values)
    }

    #[test]
    fn terms_are_joined() {
        for (query, expected) in [
            ("thingName:lamp*", true),
            ("lamp*", true),
            ("*", true),
            ("thingName:lamp", false),
            ("attributes.site:north AND shadow.reported.temp > 20", true),
            ("attributes.site:north AND shadow.reported.temp>=22", false),
            ("attributes.site:south OR connectivity.connected:true", true),
            ("NOT attributes.site:north", false),
            ("(attributes.site:south OR lamp*) AND NOT thingName:x", true),
            ("thingTypeName:Lamp", false),
        ] {
            assert_eq!(fits(query), expected, "{query}");
        }
    }

    #[test]
    fn what_cannot_be_parsed_is_no_query() {
        for query in ["", "thingName:", "(a", "a)", "AND", ":x", "\"open"] {
            let parsed = Query::parse(query);
            assert!(parsed.is_none() || query == "AND", "{query}: {parsed:?}");
        }
    }
}
