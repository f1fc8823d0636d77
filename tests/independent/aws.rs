//! AWS IoT Core: the binary against an account written from the reference alone (`aws_core.py`).

mod dashboard;
mod identities;
mod rules;
mod things;
