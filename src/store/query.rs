//! A search through what is on the disk: made in the core, carried out beside it.

use std::collections::HashMap;
use std::sync::Arc;

use super::devices::Devices;
use super::sheet::Sheet;
use super::shelf::Place;
use super::view::{Names, View};
use crate::domain::device::DeviceId;

/// Cheap to clone. Equal to its clones only.
#[derive(Debug, Clone)]
pub struct Query(Arc<Wanted>);

#[derive(Debug)]
struct Wanted {
    view: View,
    roster: Roster,
    places: Vec<Place>,
}

/// What devices are called, by number, as it was when the search began.
#[derive(Debug, Clone, Default)]
pub struct Roster {
    devices: Vec<(DeviceId, String)>,
    numbers: HashMap<DeviceId, u32>,
}

impl Query {
    pub fn new(view: View, devices: &Devices, places: Vec<Place>) -> Self {
        let mut roster = Roster::default();
        for (id, name) in devices.names() {
            roster.add(id, name);
        }
        Self(Arc::new(Wanted {
            view,
            roster,
            places,
        }))
    }

    /// Where to look, in that order.
    pub fn places(&self) -> &[Place] {
        &self.0.places
    }

    /// Rows of the block that are looked for.
    pub fn sift(&self, sheet: &Sheet) -> Vec<u16> {
        let Wanted { view, roster, .. } = &*self.0;
        let mut block = sheet.block.clone();
        let strangers = |id: &&DeviceId| !roster.numbers.contains_key(*id);
        let mut known = None;
        if sheet.devices.iter().any(|id| strangers(&id)) {
            let mut more = roster.clone();
            for id in &sheet.devices {
                more.add(id, "");
            }
            known = Some(more);
        }
        let roster = known.as_ref().unwrap_or(roster);
        for source in &mut block.sources {
            if let Some(id) = sheet.devices.get(source.device as usize) {
                source.device = roster.numbers.get(id).copied().unwrap_or(u32::MAX);
            }
        }
        view.sift(&block, roster)
    }
}

impl Roster {
    fn add(&mut self, id: &DeviceId, name: &str) {
        if self.numbers.contains_key(id) {
            return;
        }
        let number = u32::try_from(self.devices.len()).unwrap_or(u32::MAX);
        self.numbers.insert(id.clone(), number);
        self.devices.push((id.clone(), name.to_owned()));
    }
}

impl Names for Roster {
    fn device(&self, number: u32) -> Option<(&DeviceId, &str)> {
        let (id, name) = self.devices.get(number as usize)?;
        Some((id, name))
    }
}

impl PartialEq for Query {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Query {}
