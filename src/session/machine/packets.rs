//! The packet log under a flood: the first packets of each second, and a count of the others.
//!
//! Log lines are never dropped on their way to the screen, so what cannot be read anyway must not be sent: 50,000
//! messages a second would be 100,000 lines.

use std::time::Duration;

use crate::base::moment::Mono;
use crate::domain::batch::{Batch, Batched};
use crate::domain::message::Qos;
use crate::session::link::Arrival;

/// Lines in one window.
const MOST: u32 = 50;
const WINDOW: Duration = Duration::from_secs(1);

/// See the module.
#[derive(Debug, Default)]
pub struct PacketLog {
    began: Mono,
    lines: u32,
    unlisted: u64,
}

impl PacketLog {
    /// The lines to write for one more packet. Its own is made only when it is written.
    pub fn offer(&mut self, now: Mono, text: impl FnOnce() -> String) -> Vec<String> {
        let mut lines = self.turn(now);
        self.list(&mut lines, text);
        lines
    }

    /// The same for a batch of messages and their acknowledgements.
    pub fn offer_all(&mut self, now: Mono, batch: &Batch) -> Vec<String> {
        let mut lines = self.turn(now);
        let mut messages = batch.iter();
        while self.lines < MOST
            && let Some(message) = messages.next()
        {
            self.list(&mut lines, || batched(&message));
            if message.packet != 0 {
                self.list(&mut lines, || format!("out PUBACK {}", message.packet));
            }
        }
        let left = messages.map(|message| 1 + u64::from(message.packet != 0));
        self.unlisted += left.sum::<u64>();
        lines
    }

    /// What is to be said of the second that is over.
    fn turn(&mut self, now: Mono) -> Vec<String> {
        let mut lines = Vec::new();
        if now.since(self.began) >= WINDOW {
            self.began = now;
            self.lines = 0;
            let unlisted = std::mem::take(&mut self.unlisted);
            if unlisted > 0 {
                lines.push(format!("{unlisted} packets more than can be listed"));
            }
        }
        lines
    }

    fn list(&mut self, lines: &mut Vec<String>, text: impl FnOnce() -> String) {
        if self.lines < MOST {
            self.lines += 1;
            lines.push(text());
        } else {
            self.unlisted += 1;
        }
    }
}

fn batched(message: &Batched<'_>) -> String {
    let (topic, bytes) = (message.topic_text(), message.payload.len());
    published(message.qos, message.retain, message.dup, topic, bytes)
}

pub fn arrived(arrival: &Arrival) -> String {
    let (topic, bytes) = (arrival.topic.as_str(), arrival.payload.len());
    published(arrival.qos, arrival.retain, arrival.dup, topic, bytes)
}

fn published(qos: Qos, retain: bool, dup: bool, topic: &str, bytes: usize) -> String {
    format!(
        "in PUBLISH qos{}{}{} {topic} {bytes} bytes",
        qos.number(),
        if retain { " retain" } else { "" },
        if dup { " dup" } else { "" },
    )
}

/// What the link answered by itself.
pub fn acknowledged(arrival: &Arrival) -> String {
    let word = match arrival.qos {
        Qos::ExactlyOnce => "PUBREC",
        _ => "PUBACK",
    };
    format!("out {word} {}", arrival.packet)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_packet_is_listed_or_counted() {
        let mut log = PacketLog::default();
        let mut listed = 0;
        let mut counted = 0;
        let packets = 12_345;
        for number in 0..packets {
            let now = Mono(Duration::from_micros(number * 400));
            for line in log.offer(now, || "in PUBLISH".to_owned()) {
                match line.split_once(" packets more") {
                    Some((count, _)) => counted += count.parse::<u64>().unwrap(),
                    None => listed += 1,
                }
            }
        }
        assert_eq!(listed + counted + log.unlisted, packets);
        assert_eq!(listed, 5 * u64::from(MOST));
    }
}
