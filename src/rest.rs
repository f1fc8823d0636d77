//! HTTP for every platform, behind the descriptions of [`crate::platform::io`]. Only [`client`] names reqwest's types.

pub mod client;
pub mod retry_after;
