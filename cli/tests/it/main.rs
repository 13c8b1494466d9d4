//! The real binary, against a sandbox of its own.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail by panicking")]

mod auth;
mod bad_input;
mod billed;
mod clip;
mod config;
mod doctor;
mod exit_codes;
mod kill;
mod legacy;
#[cfg(target_os = "linux")]
mod memory;
mod resources;
mod running;
mod sandbox;
mod shell;
#[cfg(unix)]
mod shows;
mod support;
#[cfg(unix)]
mod terminal;
mod webhook;
