//! The real binary, against a sandbox of its own.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail by panicking")]

mod clip;
mod legacy;
mod resources;
mod running;
mod sandbox;
mod shell;
mod support;
mod webhook;
