//! Sessions against a broker on loopback that each test scripts by itself, the machine on a virtual clock, and the HTTP
//! client against small servers.

#![expect(
    clippy::disallowed_methods,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail like tests"
)]

mod bench;
mod broker;
mod certificates;
#[path = "../broker/bench.rs"]
#[expect(
    dead_code,
    reason = "written for the tests of `broker`, which use more of it"
)]
mod lab;
mod line;
mod support;
mod transport;

mod again;
mod close;
mod connect;
mod cuts;
mod delivery;
mod embedded;
mod ends;
mod filters;
mod guided;
mod laws;
mod machine;
mod model;
mod mosquitto;
mod offers;
mod publish;
mod rest;
mod trust;
mod wire;
