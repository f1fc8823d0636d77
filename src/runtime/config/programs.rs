//! `[jq]`: programs that are put over the payloads of some topics.
//!
//! ```toml
//! [jq]
//! "plant/#" = ".report | {temp, rpm}"
//! ```

use super::section::Section;
use crate::base::problem::Problem;
use crate::domain::program::{Program, Programs};
use crate::domain::topic::TopicFilter;

pub(super) fn read(section: &Section<'_>) -> Result<Programs, Problem> {
    let mut programs = Programs::default();
    for (topic, text) in section.all_texts()? {
        let filter = TopicFilter::parse(&topic).map_err(|error| {
            section.wrong(
                &topic,
                format!("it is no topic filter: {error}"),
                "write a topic, with + and # where any level will do",
            )
        })?;
        let program = Program::parse(&text).map_err(|why| {
            section.wrong(
                &topic,
                format!("it is no jq program: {why}"),
                "write one such as \".temp\", or take the line out",
            )
        })?;
        programs.set(&filter, Some(program));
    }
    Ok(programs)
}
