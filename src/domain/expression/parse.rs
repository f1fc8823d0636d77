//! From text to a condition.

use super::envelope::{self, Envelope};
use super::path::{MAX_STEPS, Path, Step};
use super::pattern::{Needle, Pattern};
use super::{Comparison, Node, SenderTest, Typed, Wanted};
use crate::domain::reading::Kind;
use crate::domain::topic::TopicFilter;

/// Why a text is no condition, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} (at character {at})")]
pub struct ExpressionError {
    pub what: String,
    /// Counted from 1.
    pub at: usize,
}

/// Parentheses and negations deeper than this are a mistake, or an attack on the stack.
const MAX_DEPTH: usize = 50;

/// What may stand before a colon.
const FIELDS: [&str; 9] = [
    "kind", "device", "topic", "retain", "after", "before", "dir", "qos", "dup",
];
/// What is long enough to be recognized with a slip in it.
const LONG: [&str; 7] = [
    "kind", "device", "topic", "retain", "after", "before", "size",
];

pub(super) fn parse(text: &str) -> Result<Node, ExpressionError> {
    let mut parser = Parser {
        chars: text.chars().collect(),
        at: 0,
        depth: 0,
    };
    let mut node = parser.any()?;
    if parser.peek().is_some() {
        return Err(parser.error("this ) closes nothing"));
    }
    if !node.number(&mut 0) {
        return Err(parser.error_at(0, "these are too many conditions"));
    }
    Ok(node)
}

struct Parser {
    chars: Vec<char>,
    at: usize,
    depth: usize,
}

impl Parser {
    /// The next character that is no blank.
    fn peek(&mut self) -> Option<char> {
        while self.here().is_some_and(char::is_whitespace) {
            self.at += 1;
        }
        self.here()
    }

    fn here(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn error(&self, what: impl Into<String>) -> ExpressionError {
        self.error_at(self.at, what)
    }

    #[expect(clippy::unused_self, reason = "reads like `error`")]
    fn error_at(&self, at: usize, what: impl Into<String>) -> ExpressionError {
        ExpressionError {
            what: what.into(),
            at: at + 1,
        }
    }

    /// Takes `word` when it stands here as a word of its own, in small letters or in capitals.
    fn keyword(&mut self, word: &str) -> bool {
        self.peek();
        let end = self.at + word.chars().count();
        let is_here = self.chars.get(self.at..end).is_some_and(|found| {
            let found: String = found.iter().collect();
            found == word || found == word.to_uppercase()
        });
        let ends = self
            .chars
            .get(end)
            .is_none_or(|c| c.is_whitespace() || matches!(c, '(' | ')' | '"'));
        if is_here && ends {
            self.at = end;
        }
        is_here && ends
    }

    fn any(&mut self) -> Result<Node, ExpressionError> {
        let mut nodes = vec![self.all()?];
        while self.keyword("or") {
            nodes.push(self.all()?);
        }
        Ok(one_or(nodes, Node::Any))
    }

    fn all(&mut self) -> Result<Node, ExpressionError> {
        let mut nodes = vec![self.term()?];
        loop {
            let joined = self.keyword("and");
            let before = self.at;
            let ends = matches!(self.peek(), None | Some(')')) || self.keyword("or");
            self.at = before;
            if ends && !joined {
                return Ok(one_or(nodes, Node::All));
            }
            nodes.push(self.term()?);
        }
    }

    fn term(&mut self) -> Result<Node, ExpressionError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.error("this is nested too deep"));
        }
        let node = self.shallow_term();
        self.depth -= 1;
        node
    }

    fn shallow_term(&mut self) -> Result<Node, ExpressionError> {
        if self.keyword("not") {
            return Ok(Node::Not(Box::new(self.term()?)));
        }
        match self.peek() {
            None => Err(self.error("something is missing here")),
            Some(')') => Err(self.error("something is missing before this )")),
            Some('(') => self.group(),
            Some('-') => {
                self.at += 1;
                match self.here() {
                    Some(c) if !c.is_whitespace() => Ok(Node::Not(Box::new(self.term()?))),
                    _ => Err(self.error("- stands right before what must not match")),
                }
            }
            Some('=' | '<' | '>' | '!') => {
                Err(self.error("a name or a path must stand before this comparison"))
            }
            Some('.') => self.path(),
            Some('"') => {
                let text = self.quoted()?;
                let steps = vec![Step::Member(text.clone())];
                self.compared_or(steps, || Node::word(&text))
            }
            Some(_) => self.word(),
        }
    }

    fn group(&mut self) -> Result<Node, ExpressionError> {
        let opened = self.at;
        self.at += 1;
        let node = self.any()?;
        if self.peek() != Some(')') {
            return Err(self.error_at(opened, "this ( is never closed"));
        }
        self.at += 1;
        Ok(node)
    }

    /// Up to the closing quote, with `\"` and `\\` for themselves.
    fn quoted(&mut self) -> Result<String, ExpressionError> {
        let opened = self.at;
        self.at += 1;
        let mut text = String::new();
        loop {
            let c = self
                .here()
                .ok_or_else(|| self.error_at(opened, "this quote is never closed"))?;
            self.at += 1;
            match c {
                '"' => return Ok(text),
                '\\' if matches!(self.here(), Some('"' | '\\')) => {
                    text.extend(self.here());
                    self.at += 1;
                }
                _ => text.push(c),
            }
        }
    }

    fn bare(&mut self) -> String {
        let start = self.at;
        while let Some(c) = self.here()
            && !c.is_whitespace()
            && !matches!(c, '(' | ')' | '"' | '=' | '<' | '>')
            && !(c == '!' && self.chars.get(self.at + 1) == Some(&'='))
        {
            self.at += 1;
        }
        self.chars
            .get(start..self.at)
            .unwrap_or_default()
            .iter()
            .collect()
    }

    fn word(&mut self) -> Result<Node, ExpressionError> {
        let start = self.at;
        if self.begins("re:") {
            return self.regex();
        }
        let mut word = self.bare();
        if word == "size"
            && let Some(node) = self.size()?
        {
            return Ok(node);
        }
        if let Some((field, _)) = word.split_once(':')
            && FIELDS.contains(&field)
        {
            // Nothing is compared here: a topic may have these signs.
            while matches!(self.here(), Some('=' | '<' | '>' | '!')) {
                word.extend(self.here());
                self.at += 1;
                word.push_str(&self.bare());
            }
        }
        if let Some((field, rest)) = word.split_once(':') {
            let value = match self.here() {
                Some('"') if rest.is_empty() => self.quoted()?,
                _ => rest.to_owned(),
            };
            if let Some(node) = self.field(start, field, &value)? {
                return Ok(node);
            }
        }
        if word.is_empty() {
            return Err(self.error("this is not understood; put it in quotes"));
        }
        // `list["a b"].x` and `list."a b"`
        if self.here() == Some('"')
            && let Some(name) = word.strip_suffix(['.', '['])
            && !name.is_empty()
        {
            let mut steps = self.steps(start, name)?;
            self.at -= 1;
            self.more_steps(&mut steps)?;
            let path = self.checked_path(true, steps)?;
            return self.compared_path(path);
        }
        let before = self.at;
        if self.comparison()?.is_none() {
            return Ok(Node::word(&word));
        }
        self.at = before;
        let steps = self.steps(start, &word)?;
        self.compared_or(steps, || Node::word(&word))
    }

    /// `runState.currentState`, `list[0].x`
    fn steps(&self, start: usize, name: &str) -> Result<Vec<Step>, ExpressionError> {
        let mut steps = Vec::new();
        for part in name.split('.') {
            if part.is_empty() {
                let what = "a name is missing beside this dot; quotes make one of dots";
                return Err(self.error_at(start, what));
            }
            let (name, indices) = indexed(part).unwrap_or_else(|| (part, Vec::new()));
            steps.push(Step::Member(name.to_owned()));
            steps.extend(indices);
        }
        Ok(steps)
    }

    /// `None` when `field` is no field: then it is a word with a colon in it.
    fn field(
        &self,
        start: usize,
        field: &str,
        value: &str,
    ) -> Result<Option<Node>, ExpressionError> {
        let fail = |what: String| Err(self.error_at(start, what));
        let sender = |test| Ok(Some(Node::sender(test)));
        if let Some(envelope) = Envelope::parse(field, value) {
            return envelope
                .map(|envelope| Some(Node::Envelope(envelope)))
                .or_else(fail);
        }
        match field {
            // Half a word is on its way to one.
            "kind" => {
                let wanted = value.to_lowercase();
                let kinds = Kind::ALL.into_iter();
                let kinds: Vec<_> = kinds.filter(|k| k.word().starts_with(&wanted)).collect();
                match Kind::from_word(&wanted) {
                    Some(kind) => sender(SenderTest::Kinds(vec![kind])),
                    None if kinds.is_empty() || wanted.is_empty() => fail(format!(
                        "{value:?} is no kind; the kinds are {}",
                        Kind::ALL.map(Kind::word).join(", ")
                    )),
                    None => sender(SenderTest::Kinds(kinds)),
                }
            }
            "device" | "topic" if value.is_empty() => fail(format!("{field}: needs a value")),
            "device" => sender(SenderTest::Device(Needle::new(value))),
            "topic" if value.contains(['+', '#']) => match TopicFilter::parse(value) {
                Ok(filter) => sender(SenderTest::Topic(filter)),
                Err(error) => fail(format!("{value:?} is no topic filter: {error}")),
            },
            "topic" => sender(SenderTest::TopicPart(Needle::new(value))),
            "size" => fail("size needs a comparison, as in size>1k".to_owned()),
            _ => match LONG.into_iter().find(|known| is_slip_of(field, known)) {
                Some(known) => fail(format!(
                    "{field}: is not known; did you mean {known}:? Quotes make a word of it"
                )),
                None => Ok(None),
            },
        }
    }

    fn path(&mut self) -> Result<Node, ExpressionError> {
        let mut steps = Vec::new();
        self.more_steps(&mut steps)?;
        let path = self.checked_path(false, steps)?;
        self.compared_path(path)
    }

    /// As many `.name`, `."name"`, `["name"]`, `[0]` and `[]` as stand here.
    fn more_steps(&mut self, steps: &mut Vec<Step>) -> Result<(), ExpressionError> {
        loop {
            match self.here() {
                Some('.') => {
                    self.at += 1;
                    match self.here() {
                        Some('"') => steps.push(Step::Member(self.name()?)),
                        Some('[') => {}
                        _ => steps.extend(self.member(steps.is_empty())?.map(Step::Member)),
                    }
                }
                Some('[') => steps.push(self.bracket()?),
                _ => return Ok(()),
            }
        }
    }

    /// A member's name in quotes, with the escapes of JSON: so it stands where its path was copied from.
    fn name(&mut self) -> Result<String, ExpressionError> {
        let start = self.at;
        let text = self.quoted()?;
        let literal: String = self
            .chars
            .get(start..self.at)
            .unwrap_or_default()
            .iter()
            .collect();
        Ok(serde_json::from_str(&literal).unwrap_or(text))
    }

    fn compared_path(&mut self, path: Path) -> Result<Node, ExpressionError> {
        Ok(match self.comparison()? {
            Some((comparison, value)) => {
                let wanted = Box::new(Wanted::new(value, comparison));
                Node::Compare(path, comparison, wanted)
            }
            None => Node::Exists(path),
        })
    }

    /// A member name after a dot; nothing after the first dot alone, which is the whole document.
    fn member(&mut self, is_first: bool) -> Result<Option<String>, ExpressionError> {
        let start = self.at;
        while self
            .here()
            .is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '$' | '@'))
        {
            self.at += 1;
        }
        match self.chars.get(start..self.at).unwrap_or_default() {
            [] if is_first => Ok(None),
            [] => Err(self.error("a member name must follow the dot")),
            name => Ok(Some(name.iter().collect())),
        }
    }

    fn bracket(&mut self) -> Result<Step, ExpressionError> {
        let opened = self.at;
        self.at += 1;
        let step = if self.here() == Some('"') {
            Step::Member(self.name()?)
        } else if self.here() == Some(']') {
            Step::Each
        } else {
            let start = self.at;
            while self.here().is_some_and(|c| c.is_ascii_digit()) {
                self.at += 1;
            }
            let digits: String = self
                .chars
                .get(start..self.at)
                .unwrap_or_default()
                .iter()
                .collect();
            Step::Index(digits.parse().map_err(|_no_number| {
                self.error_at(start, "a number or a quoted name belongs in [ ]")
            })?)
        };
        if self.here() != Some(']') {
            return Err(self.error_at(opened, "this [ is never closed"));
        }
        self.at += 1;
        Ok(step)
    }

    /// The left side of a comparison, or, where none follows, what `otherwise` makes of it.
    fn compared_or(
        &mut self,
        steps: Vec<Step>,
        otherwise: impl FnOnce() -> Node,
    ) -> Result<Node, ExpressionError> {
        let Some((comparison, value)) = self.comparison()? else {
            return Ok(otherwise());
        };
        let path = self.checked_path(true, steps)?;
        let wanted = Box::new(Wanted::new(value, comparison));
        Ok(Node::Compare(path, comparison, wanted))
    }

    fn checked_path(&self, anywhere: bool, steps: Vec<Step>) -> Result<Path, ExpressionError> {
        if steps.len() > MAX_STEPS {
            return Err(self.error("this path is too long"));
        }
        Ok(Path::new(anywhere, steps))
    }

    fn begins(&self, text: &str) -> bool {
        let rest = self.chars.get(self.at..).unwrap_or_default();
        text.chars().zip(rest).filter(|(a, b)| a == *b).count() == text.chars().count()
    }

    /// `re:/…/`, with `i` behind it where the case does not count (also `m`, `s` and `x`, as everywhere). A slash inside is
    /// written `\/`.
    fn regex(&mut self) -> Result<Node, ExpressionError> {
        let start = self.at;
        self.at += "re:".len();
        if self.here() != Some('/') {
            return Err(self.error_at(start, "a pattern stands between slashes: re:/…/"));
        }
        self.at += 1;
        let mut pattern = String::new();
        loop {
            match self.here() {
                None => return Err(self.error_at(start, "this pattern is never closed with /")),
                Some('/') => break,
                Some('\\') => {
                    let next = self.chars.get(self.at + 1).copied();
                    if next != Some('/') {
                        pattern.push('\\');
                    }
                    pattern.extend(next);
                    self.at += 1 + usize::from(next.is_some());
                }
                Some(c) => {
                    pattern.push(c);
                    self.at += 1;
                }
            }
        }
        self.at += 1;
        let flags = self.bare();
        if let Some(strange) = flags.chars().find(|flag| !"imsx".contains(*flag)) {
            let what = format!("behind a pattern stand i, m, s and x, not {strange:?}");
            return Err(self.error_at(start, what));
        }
        Pattern::regex(&pattern, &flags)
            .map(Node::text)
            .map_err(|why| self.error_at(start, format!("this is no pattern: {why}")))
    }

    /// `size>1k`. A member that is called so has a dot before it, or quotes around it.
    fn size(&mut self) -> Result<Option<Node>, ExpressionError> {
        let before = self.at;
        let Some((comparison, value)) = self.comparison()? else {
            return Ok(None);
        };
        let text = match &value {
            Typed::Text(text) => text,
            Typed::Number(number) => number.typed_text(),
            Typed::Bool(_) | Typed::Null => "",
        };
        match envelope::bytes(text) {
            Some(bytes) => Ok(Some(Node::Envelope(Envelope::Size(comparison, bytes)))),
            None => Err(self.error_at(before, format!("{text:?} is no size; try 512, 1k or 2MiB"))),
        }
    }

    fn comparison(&mut self) -> Result<Option<(Comparison, Typed)>, ExpressionError> {
        let before = self.at;
        let first = self.peek();
        let second = self.chars.get(self.at + 1).copied();
        let (comparison, length) = match (first, second) {
            (Some('='), Some('=')) => (Comparison::Equal, 2),
            (Some('='), _) => (Comparison::Equal, 1),
            (Some('!'), Some('=')) => (Comparison::Different, 2),
            (Some('<'), Some('=')) => (Comparison::AtMost, 2),
            (Some('<'), _) => (Comparison::Less, 1),
            (Some('>'), Some('=')) => (Comparison::AtLeast, 2),
            (Some('>'), _) => (Comparison::Greater, 1),
            _ => {
                self.at = before;
                return Ok(None);
            }
        };
        self.at += length;
        let value = match self.peek() {
            Some('"') => Typed::Text(self.quoted()?),
            _ => match self.bare() {
                word if matches!(word.as_str(), "" | "-" | "+") => {
                    return Err(self.error("a value must follow the comparison"));
                }
                word => Typed::bare(&word),
            },
        };
        Ok(Some((comparison, value)))
    }
}

/// `list[0][]`: the name, and what stands in brackets behind it.
fn indexed(part: &str) -> Option<(&str, Vec<Step>)> {
    let (name, brackets) = part.split_at(part.find('[').filter(|at| *at > 0)?);
    let inside = brackets.strip_prefix('[')?.strip_suffix(']')?;
    let index = |text: &str| match text {
        "" => Some(Step::Each),
        digits if digits.bytes().all(|b| b.is_ascii_digit()) => {
            digits.parse().ok().map(Step::Index)
        }
        _ => None,
    };
    let indices: Option<_> = inside.split("][").map(index).collect();
    Some((name, indices?))
}

fn one_or(mut nodes: Vec<Node>, many: fn(Vec<Node>) -> Node) -> Node {
    match (nodes.len(), nodes.pop()) {
        (1, Some(node)) => node,
        (_, last) => {
            nodes.extend(last);
            many(nodes)
        }
    }
}

/// One letter off, or the plural: `knd`, `devices`, `tpoic`.
fn is_slip_of(typed: &str, known: &str) -> bool {
    crate::base::near::distance(&typed.to_lowercase(), known) <= if known.len() > 4 { 2 } else { 1 }
}
