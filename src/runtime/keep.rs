//! Where an adapter keeps what it obtained: the profile's identity folder, or nowhere but here.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::files::{Identity, Kept};
use crate::base::problem::Problem;
use crate::base::secret::Secret;

pub enum Keep {
    Disk(Identity),
    /// For an account that is only tried, and for the simulated home.
    Memory(Mutex<HashMap<String, Secret>>),
}

impl Keep {
    pub fn on_disk(identity: Identity) -> Self {
        Self::Disk(identity)
    }

    pub fn in_memory() -> Self {
        Self::Memory(Mutex::default())
    }

    pub fn load(&self, name: &str) -> Result<Kept, Problem> {
        match self {
            Self::Disk(identity) => identity.load(name),
            Self::Memory(kept) => {
                let content = kept
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .get(name)
                    .cloned();
                Ok(Kept {
                    content,
                    notice: None,
                })
            }
        }
    }

    pub fn keep(&self, name: &str, content: &Secret) -> Result<(), Problem> {
        match self {
            Self::Disk(identity) => identity.keep(name, content),
            Self::Memory(kept) => {
                kept.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .insert(name.to_owned(), content.clone());
                Ok(())
            }
        }
    }

    pub fn forget(&self, name: &str) -> Result<(), Problem> {
        match self {
            Self::Disk(identity) => identity.forget(name),
            Self::Memory(kept) => {
                kept.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .remove(name);
                Ok(())
            }
        }
    }
}
