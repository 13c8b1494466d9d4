//! Behaviour of the client, through its public face and against a server on loopback.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail by panicking")]

mod billed;
mod build_script;
mod clip;
mod download;
mod download_files;
mod errors;
mod guide;
mod kill;
mod live;
mod pages;
mod raw;
mod record;
mod requests;
mod retries;
mod storage;
mod support;
mod types;
mod upload;
mod upload_wire;
mod wait;
mod webhook;
