//! Pieces that several pictures share.

pub mod badge;
pub mod field;
pub mod number;
pub mod rows;
pub mod scroll;
pub mod spark;
pub mod wrap;
