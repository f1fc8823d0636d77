//! Harnesses: a home folder of its own, the simulator, the program in a pseudo-terminal, the program in a pipe.

pub mod home;
pub mod mosquitto;
pub mod screen;
pub mod signal;
