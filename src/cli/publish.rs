//! `publish` as clap sees it.

use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use clap::error::ErrorKind;
use clap::{Args as ClapArgs, CommandFactory as _};

use super::args::{Args, parse_duration, parse_qos, parse_setting};
use super::verb::{PayloadSource, PublishVerb};
use crate::domain::compose;
use crate::domain::message::{Properties, Qos};
use crate::domain::topic::Topic;

#[derive(Debug, ClapArgs)]
pub struct PublishArgs {
    /// Where to: a topic without wildcards
    #[arg(value_name = "TOPIC", value_parser = Topic::parse)]
    topic: Topic,
    /// The message; without it, and without --file and --stdin, an empty one
    #[arg(value_name = "PAYLOAD", conflicts_with_all = ["file", "stdin"], allow_hyphen_values = true)]
    payload: Option<String>,
    /// The message is what this file holds, byte for byte
    #[arg(long, value_name = "FILE", conflicts_with = "stdin")]
    file: Option<PathBuf>,
    /// The message is all of stdin, byte for byte
    #[arg(long)]
    stdin: bool,
    /// Delivery: 0 at most once, 1 at least once, 2 exactly once
    #[arg(long, value_name = "0|1|2", default_value = "1", value_parser = parse_qos)]
    qos: Qos,
    /// The broker keeps it for who subscribes later; an empty one clears what is kept
    #[arg(long)]
    retain: bool,
    /// Send it N times in all
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    repeat: Option<u64>,
    /// Time from one to the next; without --repeat, until it is interrupted
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    every: Option<Duration>,
    /// Put values into the payload: {{uuid}} {{now}} {{now unix}} {{now ms}} {{seq}} {{rand 1..9}} {{env NAME}}
    #[arg(long)]
    expand: bool,
    #[command(flatten)]
    properties: PropertyArgs,
}

#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "MQTT 5 only")]
struct PropertyArgs {
    /// What the payload is: application/json
    #[arg(long, value_name = "TYPE")]
    content_type: Option<String>,
    /// Where an answer is awaited
    #[arg(long, value_name = "TOPIC", value_parser = Topic::parse)]
    response_topic: Option<Topic>,
    /// Comes back with the answer: a text, or bytes as hex:0a0b or base64:Cgs=
    #[arg(long, value_name = "TEXT")]
    correlation: Option<String>,
    /// How long the broker keeps it for who is away
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    expiry: Option<Duration>,
    /// A user property; may be given several times
    #[arg(long = "property", value_name = "KEY=VALUE", value_parser = parse_setting)]
    user: Vec<String>,
}

impl PublishArgs {
    pub fn verb(self) -> Result<PublishVerb, clap::Error> {
        let payload = match (self.payload, self.file) {
            (Some(text), _) => PayloadSource::Text(text),
            (None, Some(file)) => PayloadSource::File(file),
            (None, None) if self.stdin => PayloadSource::Stdin,
            (None, None) => PayloadSource::Text(String::new()),
        };
        Ok(PublishVerb {
            topic: self.topic,
            payload,
            qos: self.qos,
            retain: self.retain,
            repeat: self.repeat,
            every: self.every,
            expand: self.expand,
            properties: self.properties.properties()?,
        })
    }
}

impl PropertyArgs {
    fn properties(self) -> Result<Properties, clap::Error> {
        Ok(Properties {
            expiry: self.expiry.map(seconds).transpose()?,
            content_type: self.content_type,
            response_topic: self.response_topic.map(|topic| topic.to_string()),
            correlation_data: self.correlation.as_deref().map(bytes).transpose()?,
            user: self.user.iter().filter_map(|pair| split(pair)).collect(),
            ..Properties::default()
        })
    }
}

fn bytes(text: &str) -> Result<Bytes, clap::Error> {
    let read = compose::correlation_bytes(text).map(Option::unwrap_or_default);
    read.map_err(|why| Args::command().error(ErrorKind::ValueValidation, why))
}

/// Whole seconds in 32 bits on the wire (MQTT 5, 3.3.2.3.3).
fn seconds(expiry: Duration) -> Result<u32, clap::Error> {
    u32::try_from(expiry.as_secs())
        .ok()
        .filter(|seconds| *seconds > 0)
        .ok_or_else(|| {
            let text = "--expiry is counted in whole seconds, from 1s to some 136 years";
            Args::command().error(ErrorKind::ValueValidation, text)
        })
}

fn split(pair: &str) -> Option<(String, String)> {
    let (key, value) = pair.split_once('=')?;
    Some((key.to_owned(), value.to_owned()))
}
