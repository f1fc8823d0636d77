//! `record` and `replay`.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use super::args::TailArgs;
use super::verb::{Existing, Place, RecordVerb, ReplayVerb, Speed};
use crate::domain::expression::Expression;

#[derive(Debug, ClapArgs)]
pub struct RecordArgs {
    /// Where the lines go; a name that ends in .zst compresses, - is stdout
    #[arg(value_name = "FILE", value_parser = place)]
    file: Place,
    #[command(flatten)]
    tail: TailArgs,
    /// Go on with a recording that is there already; a last line that was cut off is taken away first
    #[arg(long, conflicts_with = "force")]
    append: bool,
    /// Replace a file that is there already, once there is something to write
    #[arg(long)]
    force: bool,
}

impl RecordArgs {
    pub(super) fn verb(self) -> RecordVerb {
        RecordVerb {
            to: self.file,
            existing: match (self.append, self.force) {
                (true, _) => Existing::Append,
                (_, true) => Existing::Replace,
                _ => Existing::Refuse,
            },
            tail: self.tail.verb(),
        }
    }
}

#[derive(Debug, ClapArgs)]
pub struct ReplayArgs {
    /// A recording, compressed or not; - is stdin
    #[arg(value_name = "FILE", value_parser = place)]
    file: Place,
    /// How fast: 1 as it was recorded, 2 twice as fast, 0.5 half as fast; 0 or max as fast as the broker acknowledges
    #[arg(long, value_name = "X", default_value = "1", value_parser = speed)]
    speed: Speed,
    /// Put in front of every topic, as it stands: `lab/` makes lab/a/b of a/b
    #[arg(long, value_name = "P", default_value = "", hide_default_value = true, value_parser = prefix)]
    prefix: String,
    /// Only messages that match, as `tail --where` has it
    #[arg(long = "where", value_name = "EXPR", value_parser = Expression::parse, allow_hyphen_values = true)]
    condition: Option<Expression>,
    /// Also messages that thingdeck itself had sent, not only those that it received
    #[arg(long)]
    sent: bool,
    /// Print the lines of what would be published, and connect to nothing
    #[arg(long)]
    dry_run: bool,
}

impl ReplayArgs {
    pub(super) fn verb(self) -> ReplayVerb {
        ReplayVerb {
            from: self.file,
            speed: self.speed,
            prefix: self.prefix,
            condition: self.condition,
            sent: self.sent,
            dry_run: self.dry_run,
        }
    }
}

#[expect(clippy::unnecessary_wraps, reason = "clap wants a result")]
fn place(text: &str) -> Result<Place, String> {
    Ok(match text {
        "-" => Place::Standard,
        path => Place::File(PathBuf::from(path)),
    })
}

fn speed(text: &str) -> Result<Speed, String> {
    if text == "max" {
        return Ok(Speed::Max);
    }
    let number = text.strip_suffix('x').unwrap_or(text);
    match number.parse::<f64>() {
        Ok(0.0) => Ok(Speed::Max),
        Ok(times) if times.is_finite() && times > 0.0 => Ok(Speed::Times(times)),
        _ => Err("a speed is a number such as 1, 2 or 0.5; 0 or max is as fast as the broker acknowledges".to_owned()),
    }
}

fn prefix(text: &str) -> Result<String, String> {
    if text.contains(['+', '#', '\0']) {
        Err("a topic has no wildcards (+ and #) and no NUL character".to_owned())
    } else {
        Ok(text.to_owned())
    }
}
