//! The only layer with a clock, files, a terminal and tasks.

pub mod clip;
pub mod clock;
pub mod config;
pub mod console;
pub mod context;
pub mod dashboard;
pub mod drawer;
pub mod editing;
pub mod effects;
pub mod files;
pub mod inbox;
pub mod io;
pub mod keep;
pub mod keys;
pub mod logging;
pub mod pacer;
pub mod picture;
pub mod probe;
pub mod secrets;
pub mod shelf;
pub mod signals;
pub mod simulated;
pub mod stand_in;
pub mod start;
pub mod station;
pub mod terminal;
