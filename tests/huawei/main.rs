//! Huawei IoT: logins and signatures against an independent computation, the adapter with a scripted outside, and the
//! binary against the simulator.

#![expect(clippy::panic, reason = "a test that cannot go on says so")]
#![expect(
    clippy::disallowed_methods,
    reason = "a test makes files, starts python3 and limits its waits itself"
)]

mod adapter;
mod dashboard;
mod headless;
#[path = "../e2e/support/home.rs"]
#[expect(dead_code, reason = "what other tests use of it")]
mod home;
#[path = "../e2e/support/screen.rs"]
#[expect(dead_code, reason = "what other tests use of it")]
mod screen;
mod script;
#[path = "../e2e/support/signal.rs"]
mod signal;
mod vectors;
