//! The binary against a look-alike of Huawei's platform that was written from the reference alone.

mod application;
mod device;
mod hands;
