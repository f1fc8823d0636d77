//! Every headless verb against a scripted console: what it prints, what it says, what it asks for, and how it ends.

mod feeds;
mod looking;
mod profiles;
mod stage;
mod tail;
