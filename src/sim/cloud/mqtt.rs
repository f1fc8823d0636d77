//! A plain MQTT broker with a small plant that publishes to it: nothing here knows a cloud.
//!
//! What is published is a pure function of the seed and the number of steps, so that two runs with one seed say the
//! same on each topic.

mod encode;
mod machine;
mod service;
mod site;

use std::time::Duration;

use rumqttc::mqttbytes::v4::Connect;

use self::machine::Machine;
use self::site::Site;
use super::{Cloud, Publication, Tick};
use crate::base::moment::Moment;
use crate::sim::broker::{Identity, Limits, Rules, Verdict};
use crate::sim::event::SimEvent;

/// Machines where nobody asked for a number: a line and a half.
const MACHINES: usize = 12;

/// The plant: lines of machines, and what belongs to none of them.
pub struct Plant {
    machines: Vec<Machine>,
    site: Site,
    frozen: bool,
    /// Whose turn it is to repeat itself under load.
    turn: usize,
}

impl Plant {
    /// `count` machines (a dozen when none), all of them from `seed`.
    pub fn new(seed: u64, count: Option<usize>) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let machines = (0..count.unwrap_or(MACHINES))
            .map(|index| Machine::new(index, rng.fork()))
            .collect();
        Self {
            machines,
            site: Site::new(rng.fork()),
            frozen: false,
            turn: 0,
        }
    }

    /// The topics under which the machines are found: `plant/line1/pump`.
    pub fn machines(&self) -> impl Iterator<Item = &str> {
        self.machines.iter().map(Machine::topic)
    }
}

impl Cloud for Plant {
    fn tick(&mut self, now: Moment) -> Tick {
        let mut tick = Tick::default();
        if self.frozen {
            return tick;
        }
        self.site.live(now.mono, &mut tick.publications);
        for machine in &mut self.machines {
            machine.live(now.mono, &mut tick.publications);
        }
        tick
    }

    fn freeze(&mut self, frozen: bool) {
        self.frozen = frozen;
    }

    fn hear(&mut self, heard: &Publication, _now: Moment) -> Tick {
        if heard.topic == service::ECHO {
            return Tick {
                publications: service::echo(heard).into_iter().collect(),
                ..Tick::default()
            };
        }
        let Some((machine, topic)) = heard.topic.strip_suffix("/set").and_then(|topic| {
            let mut machines = self.machines.iter_mut();
            Some((machines.find(|machine| machine.topic() == topic)?, topic))
        }) else {
            return Tick::default();
        };
        Tick {
            publications: vec![machine.obey(&heard.payload)],
            events: vec![SimEvent::Controlled {
                device: topic.to_owned(),
            }],
        }
    }

    /// More of the same, machine by machine.
    fn load(
        &mut self,
        count: usize,
        _now: Moment,
        _is_busy: &dyn Fn(&str) -> bool,
    ) -> Vec<Publication> {
        let mut publications = Vec::with_capacity(count);
        for _ in 0..count {
            self.turn = (self.turn + 1) % self.machines.len().max(1);
            if let Some(machine) = self.machines.get_mut(self.turn) {
                publications.push(machine.measure().at_most_once());
            }
        }
        publications
    }
}

/// Everybody may do everything.
impl Rules for Plant {
    fn connect(&self, _: &Identity, _: &Connect) -> Verdict {
        Verdict::Allowed
    }

    fn subscribe(&self, _: &str, _: &str) -> Verdict {
        Verdict::Allowed
    }

    fn publish(&self, _: &str, _: &str) -> Verdict {
        Verdict::Allowed
    }

    fn limits(&self) -> Limits {
        Limits {
            filters_per_subscribe: usize::MAX,
            session_life: Duration::from_hours(24),
            ..Limits::default()
        }
    }
}

#[cfg(test)]
mod tests;
