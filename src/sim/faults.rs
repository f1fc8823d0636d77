//! What the HTTP side of a simulated cloud can be told to do wrong.

use std::time::Duration;

/// One way to fail. The cloud turns a code into its own status and message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// One of the cloud's own error codes.
    Code(String),
    /// Any status with any body.
    Status(u16, String),
    /// A gateway's error page with status 502.
    Html,
    /// Status 200 and nothing.
    EmptyBody,
    /// The request is taken and never answered.
    Silence,
    /// Answered properly, but late (real time, not the simulator's).
    Delay(Duration),
    /// Done, but the connection ends before the answer.
    LoseReply,
    /// Not done, and the connection ends.
    Cut,
}

impl Fault {
    pub fn code(code: &str) -> Self {
        Self::Code(code.to_owned())
    }
}

/// How often a fault strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Times {
    Once,
    Next(u32),
    Forever,
}

#[derive(Debug)]
struct Rule {
    method: String,
    path: String,
    left: Option<u32>,
    fault: Fault,
}

/// The faults in force. The first that matches strikes.
#[derive(Debug, Default)]
pub struct Faults {
    rules: Vec<Rule>,
}

impl Faults {
    /// `method` and `path` may hold `*` for anything.
    pub fn add(&mut self, method: &str, path: &str, times: Times, fault: Fault) {
        let left = match times {
            Times::Once => Some(1),
            Times::Next(count) => Some(count),
            Times::Forever => None,
        };
        self.rules.push(Rule {
            method: method.to_owned(),
            path: path.to_owned(),
            left,
            fault,
        });
    }

    pub fn clear(&mut self) {
        self.rules.clear();
    }

    /// The fault that strikes this request, if any; it is used up by it.
    pub fn strike(&mut self, method: &str, path: &str) -> Option<Fault> {
        let rule = self
            .rules
            .iter_mut()
            .find(|rule| glob(&rule.method, method) && glob(&rule.path, path))?;
        let fault = rule.fault.clone();
        rule.left = rule.left.map(|left| left.saturating_sub(1));
        self.rules.retain(|rule| rule.left != Some(0));
        Some(fault)
    }
}

/// `*` stands for any run of characters.
pub fn glob(pattern: &str, text: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(text) = text.strip_prefix(head) else {
        return false;
    };
    let mut tails = std::iter::once(text).chain(
        text.char_indices()
            .map(|(at, c)| text.get(at + c.len_utf8()..).unwrap_or_default()),
    );
    tails.any(|tail| glob(rest, tail))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_matches_any_run() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("/push/*/subscribe", "/push/1/subscribe", true),
            ("/push/*/subscribe", "/push/1/unsubscribe", false),
            ("/devices", "/devices/1", false),
            ("/d*/*e", "/devices/1/state", true),
        ] {
            assert_eq!(glob(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn a_fault_is_used_up_and_the_next_one_follows() {
        let mut faults = Faults::default();
        faults.add("GET", "/devices", Times::Once, Fault::Html);
        faults.add("*", "*", Times::Next(2), Fault::Silence);
        let struck: Vec<_> = (0..4).map(|_| faults.strike("GET", "/devices")).collect();
        assert_eq!(
            struck,
            [
                Some(Fault::Html),
                Some(Fault::Silence),
                Some(Fault::Silence),
                None
            ]
        );
    }
}
