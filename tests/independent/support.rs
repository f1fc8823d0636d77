//! The fake clouds, and the program in a pipe or a pseudo-terminal.

pub mod account;
pub mod bridge;
pub mod home;
pub mod plant;
pub mod program;
pub mod screen;
