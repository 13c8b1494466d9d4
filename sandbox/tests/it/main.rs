//! The sandbox through its public face: the typed client, plain HTTP, and raw sockets.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod delivery;
mod faults;
mod hostile;
mod limits;
mod program;
mod projects;
mod support;
mod tour;
mod uploads;
mod validation;
mod webhooks;
