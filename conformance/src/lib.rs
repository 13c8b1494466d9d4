#![doc = include_str!("../README.md")]
#![warn(missing_docs)]

#[cfg(feature = "replay")]
pub mod command;
pub mod compare;
pub mod drift;
pub mod exchange;
pub mod explain;
pub mod export;
pub mod finding;
pub mod fixture;
pub mod lint;
#[cfg(feature = "record")]
pub mod live;
pub mod mutate;
pub mod options;
#[cfg(feature = "record")]
pub mod record;
#[cfg(feature = "replay")]
pub mod replay;
pub mod report;
pub mod run;
pub mod scaffold;
#[cfg(feature = "replay")]
pub mod scenario;
pub mod secrets;
#[cfg(feature = "replay")]
pub mod serve;
pub mod spec;
pub mod subject;
pub mod suite;
pub mod view;
pub mod waivers;

mod agreement;
mod closed;
mod json;
mod parallel;
mod params;
mod roundtrip;
#[cfg(feature = "replay")]
mod server;
#[cfg(feature = "replay")]
mod servers;
mod shape;
