//! Sessions against a broker on loopback that each test scripts by itself, and the machine on a virtual clock.

mod broker;
mod certificates;
mod support;

mod connect;
