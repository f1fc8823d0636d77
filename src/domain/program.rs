//! jq programs that are put over payloads.
//!
//! A [`Program`] is text that was found to be one. Running it ([`Machine`]) may take for ever and all the memory there is:
//! whoever runs one must be able to end the process it runs in (`runtime/sieve.rs`).

use std::fmt;
use std::io;

use jaq_core::load::{Arena, File, Loader, lex, parse};
use jaq_core::{Compiler, Ctx, Native, Vars, data};
use jaq_json::{Val, read, write};

use super::topic::TopicFilter;

/// A program is a line, not a library. Bytes.
const LONGEST: usize = 2_000;
/// Brackets and words that may stand inside each other: reading them recurses.
const DEEPEST: usize = 60;
/// What is shown of an error. Characters.
const SAID: usize = 200;

/// Text that is a jq program.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Program(String);

impl Program {
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        Machine::new(text)?;
        Ok(Self(text.to_owned()))
    }

    pub fn text(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which program is put over which topics.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Programs(Vec<(TopicFilter, Program)>);

impl Programs {
    /// In place of the one for that very filter; `None` ends it.
    pub fn set(&mut self, filter: &TopicFilter, program: Option<Program>) {
        self.0.retain(|(known, _)| known != filter);
        self.0
            .extend(program.map(|program| (filter.clone(), program)));
    }

    /// The one for that very filter.
    pub fn get(&self, filter: &TopicFilter) -> Option<&Program> {
        let mut all = self.0.iter();
        all.find(|(known, _)| known == filter)
            .map(|(_, program)| program)
    }

    /// The program of the filter that says most about the topic.
    pub fn of(&self, topic: &str) -> Option<&Program> {
        self.0
            .iter()
            .filter(|(filter, _)| filter.matches(topic))
            .max_by_key(|(filter, _)| filter.weight())
            .map(|(_, program)| program)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// What a program made of one payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Made {
    /// Its values as JSON, one a line; none is the empty text. Cut where there was more than was asked for.
    Lines { text: String, cut: bool },
    /// Its error, or why the payload is no input.
    Failed(String),
}

/// A program ready to run.
pub struct Machine(jaq_core::compile::Filter<Native<data::JustLut<Val>>>);

impl Machine {
    /// The error says where and why, on one line.
    pub fn new(text: &str) -> Result<Self, String> {
        if text.len() > LONGEST {
            return Err(format!("a program has {LONGEST} bytes at most"));
        }
        if depth(text) > DEEPEST {
            return Err(format!("more than {DEEPEST} levels inside each other"));
        }
        let arena = Arena::default();
        let defs = jaq_core::defs()
            .chain(jaq_std::defs())
            .chain(jaq_json::defs());
        let file = File {
            code: text,
            path: (),
        };
        let modules = Loader::new(defs).load(&arena, file).map_err(|errors| {
            let error = errors.into_iter().next();
            error.map_or_else(
                || "not understood".to_owned(),
                |(file, error)| unread(file.code, error),
            )
        })?;
        // What asks for the surroundings of this process has no business here.
        let funs = jaq_core::funs()
            .chain(jaq_std::funs())
            .chain(jaq_json::funs())
            .filter(|(name, ..)| *name != "env");
        let filter = Compiler::default()
            .with_funs(funs)
            .compile(modules)
            .map_err(|errors| {
                let first = errors.into_iter().flat_map(|(_, errors)| errors).next();
                first.map_or_else(
                    || "not understood".to_owned(),
                    |(name, what)| brief(&format!("there is no {} {name}", what.as_str())),
                )
            })?;
        Ok(Self(filter))
    }

    /// Runs it over `payload`, which is JSON, else one string; at most about `most` bytes come out.
    pub fn run(&self, payload: &[u8], most: usize) -> Made {
        let input = read::parse_single(payload).unwrap_or_else(|_| Val::utf8_str(payload.to_vec()));
        let context = Ctx::<data::JustLut<Val>>::new(&self.0.lut, Vars::new([]));
        let mut out = Limited {
            text: Vec::new(),
            most,
        };
        for value in self.0.id.run((context, input)) {
            let value = match value {
                Ok(value) => value,
                Err(end) => match end.get_err() {
                    Ok(error) => return Made::Failed(brief(&error.to_string())),
                    // `halt`: what came before it stands.
                    Err(_halted) => break,
                },
            };
            let first = out.text.is_empty();
            let line = if first {
                Ok(())
            } else {
                io::Write::write_all(&mut out, b"\n")
            };
            let layout = write::Pp::default();
            if line
                .and_then(|()| write::write(&mut out, &layout, 0, &value))
                .is_err()
            {
                return out.made(true);
            }
        }
        out.made(false)
    }
}

/// Takes so many bytes and refuses more.
struct Limited {
    text: Vec<u8>,
    most: usize,
}

impl Limited {
    fn made(self, cut: bool) -> Made {
        Made::Lines {
            text: String::from_utf8_lossy(&self.text).into_owned(),
            cut,
        }
    }
}

impl io::Write for Limited {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = self.most.saturating_sub(self.text.len());
        if room == 0 && !bytes.is_empty() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let taken = room.min(bytes.len());
        self.text.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An upper bound of how far a program's parts stand inside each other; what stands in strings counts, too.
fn depth(text: &str) -> usize {
    let (mut open, mut deepest) = (0_usize, 0);
    let bytes = text.bytes();
    for byte in bytes {
        match byte {
            b'(' | b'[' | b'{' => open += 1,
            b')' | b']' | b'}' => open = open.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(open);
    }
    // Words and signs that something follows which may begin with the same again.
    let word = |c: char| !c.is_ascii_alphanumeric() && c != '_';
    let words = text.split(word);
    let nesting = [
        "if", "try", "def", "reduce", "foreach", "label", "as", "elif", "catch",
    ];
    let words = words.filter(|word| nesting.contains(word)).count();
    let signs = text.matches("--").count() + text.matches("- -").count();
    deepest + words + signs
}

/// What the reader stumbled over.
fn unread(code: &str, error: jaq_core::load::Error<&str>) -> String {
    use jaq_core::load::Error;
    let at = |rest: &str| {
        let before = code.len().saturating_sub(rest.len());
        let column = code.get(..before).map_or(0, |text| text.chars().count());
        column + 1
    };
    match error {
        Error::Io(errors) => match errors.first() {
            Some((name, _)) => brief(&format!("there are no modules here: {name}")),
            None => "there are no modules here".to_owned(),
        },
        Error::Lex(errors) => match errors.first() {
            Some((expected, rest)) => {
                let expected: &lex::Expect<&str> = expected;
                brief(&format!("{} is missing at {}", expected.as_str(), at(rest)))
            }
            None => "not understood".to_owned(),
        },
        Error::Parse(errors) => match errors.first() {
            Some((expected, found)) => {
                let expected: &parse::Expect<&str> = expected;
                let expected = expected.as_str();
                match *found {
                    "" => brief(&format!("{expected} is missing at the end")),
                    found => brief(&format!(
                        "{expected} is missing before {:?} at {}",
                        found.chars().take(12).collect::<String>(),
                        at(found)
                    )),
                }
            }
            None => "not understood".to_owned(),
        },
    }
}

fn brief(text: &str) -> String {
    let flat: String = text.chars().take(SAID).collect();
    flat.replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(program: &str, payload: &str) -> Made {
        let machine = Machine::new(program).expect(program);
        machine.run(payload.as_bytes(), 1000)
    }

    fn lines(program: &str, payload: &str) -> String {
        match run(program, payload) {
            Made::Lines { text, .. } => text,
            Made::Failed(why) => panic!("{why}"),
        }
    }

    #[test]
    fn a_program_makes_lines_of_json() {
        let payload = r#"{"t":21.50,"list":[1,2],"big":12345678901234567890}"#;
        assert_eq!(lines(".t", payload), "21.50");
        assert_eq!(lines(".list[]", payload), "1\n2");
        assert_eq!(lines(".big", payload), "12345678901234567890");
        assert_eq!(lines("select(.t > 30)", payload), "");
        assert_eq!(lines(".list | map(. * 2) | add", payload), "6");
        assert_eq!(lines(r#"test("^O")"#, "ON"), "true");
    }

    #[test]
    fn what_cannot_be_done_with_a_payload_is_said() {
        let Made::Failed(why) = run(".a.b", r#"{"a":1}"#) else {
            panic!("it worked");
        };
        assert!(why.contains("cannot index"), "{why}");
    }

    #[test]
    fn what_is_no_program_says_where() {
        let wrong = |text: &str| Program::parse(text).expect_err(text);
        for (text, said) in [
            ("foo", "there is no filter foo"),
            ("$x", "there is no variable $x"),
            (".a |", "missing"),
            ("(.a", "missing"),
            (".a ]", "missing"),
            ("\"abc", "missing"),
            ("env", "there is no filter env"),
            ("import \"x\" as x; .", "modules"),
        ] {
            let why = wrong(text);
            assert!(why.contains(said), "{text}: {why}");
        }
    }

    #[test]
    fn no_more_comes_out_than_was_asked_for() {
        let machine = Machine::new("range(1000000)").expect("a program");
        let Made::Lines { text, cut } = machine.run(b"null", 20) else {
            panic!("failed");
        };
        assert_eq!((text.len(), cut), (20, true));
    }

    #[test]
    fn a_text_of_brackets_and_words_is_refused_and_breaks_nothing() {
        let many = |part: &str| part.repeat(LONGEST / part.len());
        for part in [
            "(",
            "[",
            "{a:",
            "-",
            "- ",
            "if ",
            "try ",
            "def f: ",
            ".|",
            "1+",
            "1,",
            ".[",
            "..",
            "\"\\(",
            "not|",
            ". as $x|",
            "reduce . as $x (",
            "?",
            ".a",
            "//",
            "a:",
            "label $x|",
            "1 as [$x",
            "--",
        ] {
            let text = many(part);
            let _ = Machine::new(&text).map(|_| ());
            let closed = format!("{text}1");
            let _ = Machine::new(&closed).map(|_| ());
        }
    }

    #[test]
    fn the_filter_that_says_most_has_its_program() {
        let filter = |text: &str| TopicFilter::parse(text).expect("a filter");
        let program = |text: &str| Program::parse(text).expect("a program");
        let mut programs = Programs::default();
        programs.set(&filter("#"), Some(program(".")));
        programs.set(&filter("plant/#"), Some(program(".a")));
        programs.set(&filter("plant/+/x"), Some(program(".b")));
        let of = |topic: &str| programs.of(topic).map(Program::text);
        assert_eq!(
            [of("z"), of("plant/z"), of("plant/1/x")],
            [Some("."), Some(".a"), Some(".b")]
        );
        programs.set(&filter("#"), None);
        assert_eq!(programs.of("z"), None);
    }
}
