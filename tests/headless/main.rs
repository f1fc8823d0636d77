//! Every headless verb against a scripted console: what it prints, what it says, what it asks for, and how it ends.

#![expect(
    clippy::panic,
    reason = "a broken script or an unread line is a failed test"
)]

mod expect;
mod feeds;
mod looking;
mod profiles;
mod provision;
mod publish;
mod record;
mod relay;
mod replay;
mod shadow;
mod stage;
mod tail;
