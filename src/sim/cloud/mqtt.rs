//! A plain MQTT broker with a small plant that publishes to it: nothing here knows a cloud.
//!
//! What is published is a pure function of the seed and the number of steps, so that two runs with one seed say the
//! same on each topic.

pub mod access;
mod encode;
mod machine;
mod service;
mod site;

use self::access::Access;
use self::machine::Machine;
use self::site::Site;
use super::{Cloud, Publication, Tick};
use crate::base::moment::Moment;
use crate::sim::broker::{Identity, Limits, Rules, Verdict, Who};
use crate::sim::event::SimEvent;
use crate::sim::packet::Connect;

/// Machines where nobody asked for a number: a line and a half.
const MACHINES: usize = 12;

/// The plant: lines of machines, and what belongs to none of them.
pub struct Plant {
    pub access: Access,
    pub limits: Limits,
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
            access: Access::default(),
            limits: Limits::plain(),
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

    /// The place of the machine that a topic commands.
    fn commanded(&self, topic: &str) -> Option<usize> {
        let topic = topic.strip_suffix("/set")?;
        self.machines.iter().position(|m| m.topic() == topic)
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
        let commanded = self.commanded(&heard.topic);
        let Some(machine) = commanded.and_then(|at| self.machines.get_mut(at)) else {
            return Tick::default();
        };
        Tick {
            publications: vec![machine.obey(&heard.payload)],
            events: vec![SimEvent::Controlled {
                device: machine.topic().to_owned(),
            }],
            ..Tick::default()
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

impl Rules for Plant {
    fn connect(&self, _: &Identity, connect: &Connect) -> Verdict {
        self.access.connect(connect)
    }

    fn subscribe(&self, who: Who<'_>, filter: &str) -> Verdict {
        self.access.subscribe(who, filter)
    }

    fn publish(&self, who: Who<'_>, topic: &str) -> Verdict {
        self.access.publish(who, topic)
    }

    fn hears(&self, topic: &str) -> bool {
        topic == service::ECHO || self.commanded(topic).is_some()
    }

    fn limits(&self) -> Limits {
        self.limits
    }
}

#[cfg(test)]
mod tests;
