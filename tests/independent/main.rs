//! The binary against a ThinQ cloud that others wrote from the reference: see the README beside this file.

mod support {
    pub mod home;
    #[expect(
        dead_code,
        reason = "these tests need some of what the end-to-end tests need"
    )]
    #[path = "../../e2e/support/screen.rs"]
    pub mod screen;
}

mod control;
mod dashboard;
mod feeds;
mod stream;
mod trouble;
