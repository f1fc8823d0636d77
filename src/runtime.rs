//! To be written by the lead.

pub mod config;
pub mod files;
pub mod secrets;
