//! The headless verbs: straight-line scripts over the port [`console::Console`], so that they share sessions and
//! adapters with the dashboard and are tested with a scripted console.

pub mod console;
