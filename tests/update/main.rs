//! Stories on the core: events in, effects and screen out. Every behaviour that a user can name.

mod boxes;
mod broken_off;
mod broker_properties;
mod composer;
mod composer_more;
mod control;
mod deck;
mod devices;
mod feeds;
mod filters;
mod fleet;
mod groups;
mod history;
mod inspector;
mod messages;
mod panes;
mod plot;
mod properties;
mod provision;
mod recording;
mod session;
mod shadow;
mod sieve;
mod thing_jobs;
mod topics;
mod wizard;
