//! The ThinQ adapter against a scripted outside on virtual time.

mod attend;
mod budget;
mod control;
mod errors;
mod feeds;
mod leave;
mod messages;
mod script;
mod sign_in;
