//! What every layer may use: text made safe for a terminal, secrets, moments in time, and problems in words.

pub mod dice;
pub mod keyed_hash;
pub mod moment;
pub mod near;
pub mod percent;
pub mod problem;
pub mod secret;
pub mod text;
