//! HTTP for every platform, behind the descriptions of [`crate::platform::io`].
