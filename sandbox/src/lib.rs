#![doc = include_str!("../README.md")]
#![warn(missing_docs, missing_debug_implementations)]

mod api;
mod cdn;
#[cfg(feature = "cli")]
pub mod cli;
mod clock;
mod control;
mod core;
mod distort;
mod fault;
mod gate;
mod journal;
mod limits;
mod reply;
mod sandbox;
mod server;
mod settings;
mod storage;
mod upload;
mod webhooks;
mod world;

pub use cdn::sample_video;
pub use fault::{Fault, FaultError};
pub use journal::Entry;
pub use sandbox::{Sandbox, SandboxBuilder, StartError};
pub use settings::ExportLinks;
pub use storage::StoredObject;

/// The API key of [`Sandbox::client`], where no keys are given.
pub const KEY: &str = "sk-sandbox";
