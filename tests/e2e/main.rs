//! The binary as a person runs it: in a pseudo-terminal and in a pipe, against the simulator over real HTTPS and MQTT.

mod support;

mod dashboard;
mod faults;
mod headless;
mod hostile;
mod idle;
mod secrets;
mod terminal;
mod wizard;
