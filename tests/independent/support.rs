//! The fake cloud, and the program in a pipe or a pseudo-terminal.

pub mod account;
pub mod home;
pub mod screen;
