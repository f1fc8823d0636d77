//! One exhaustive match, one call per arm.

use super::Effects;
use super::effect::Effect;
use super::event::Event;
use super::state::App;
use crate::base::moment::Moment;

impl App {
    pub fn update(&mut self, _at: Moment, event: Event) -> Effects {
        match event {
            Event::Resize(size) => {
                self.size = size;
                self.revision += 1;
                Effects::new()
            }
            Event::Stop(_) => vec![Effect::Quit],
            Event::Key(_)
            | Event::Paste(_)
            | Event::Mouse(_)
            | Event::Focus(_)
            | Event::Session(..)
            | Event::Progress(..)
            | Event::Reply(..)
            | Event::Done(..)
            | Event::Timer(_)
            | Event::Log(_) => Effects::new(),
        }
    }
}
