//! The generated client, as progenitor makes it of `openapi.yaml`.
//!
//! An escape hatch: one function for each operation, arguments in alphabetical order. Calls through it keep the policies of
//! the [`Client`](crate::Client) that it came from (authentication, retries, pacing). It changes with every change of the
//! spec and of the generator, and is exempt from semantic versioning; [`Client`](crate::Client) is the stable face.

#![allow(
    clippy::pedantic,
    clippy::nursery,
    clippy::all,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::use_self,
    unreachable_pub,
    missing_docs
)]

include!(concat!(env!("OUT_DIR"), "/api.rs"));
