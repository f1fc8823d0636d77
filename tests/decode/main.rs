//! Decoders on a labelled corpus: what a payload is taken for, and that nothing in it is altered.

mod corpus;
mod exact;
mod write;
