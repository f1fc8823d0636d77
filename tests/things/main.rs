//! Shadows and jobs through the AWS adapter: a scripted broker and a scripted REST service, on virtual time.

#![expect(
    clippy::panic,
    reason = "a broken script or an unexpected call is a failed test"
)]

mod jobs;
mod meaning;
mod script;
mod shadows;
