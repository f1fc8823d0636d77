//! The tools of the end-to-end tests, of which a few are needed here.
#![expect(dead_code, reason = "a few of them are needed here")]

#[path = "../e2e/support/home.rs"]
pub mod home;
#[path = "../e2e/support/mosquitto.rs"]
pub mod mosquitto;
#[path = "../e2e/support/screen.rs"]
pub mod screen;
#[path = "../e2e/support/signal.rs"]
pub mod signal;
