//! The plain broker's plant.

use super::SimControl;
use crate::sim::broker::Limits;
use crate::sim::cloud::mqtt::Plant;
use crate::sim::cloud::mqtt::access::Access;

impl SimControl {
    /// Who may come in from now on, and what they may do. Connections stay.
    pub fn set_access(&self, access: Access) {
        self.plant(|plant| plant.access = access);
    }

    pub fn set_limits(&self, change: impl FnOnce(&mut Limits)) {
        self.plant(|plant| change(&mut plant.limits));
    }

    /// The topics under which the machines are found: `plant/line1/pump`.
    pub fn machines(&self) -> Vec<String> {
        self.plant(|plant| plant.machines().map(str::to_owned).collect())
    }

    fn plant<T: Default>(&self, work: impl FnOnce(&mut Plant) -> T) -> T {
        self.core(|core| core.cloud_as().map_or_else(T::default, work))
    }
}
