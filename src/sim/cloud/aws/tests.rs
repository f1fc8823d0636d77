//! The account, without a broker.
