//! Fleet provisioning and the trial of the connection state: the AWS adapter against a scripted outside on virtual time.

#![expect(
    clippy::panic,
    reason = "clippy does not see that the helpers of tests are tests"
)]

mod script;
mod steps;
mod trial;
mod troubles;
