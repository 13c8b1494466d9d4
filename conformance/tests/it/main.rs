//! The harness from outside: a toy API, its fixtures, a toy client, and everything that can be wrong with each.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod agreement;
mod catalogue;
mod cli;
mod closed_world;
mod command;
mod debug;
mod drift;
mod drift_compiles;
mod drift_matrix;
mod export;
mod help;
mod lint;
mod live;
mod mutate;
mod record;
mod replay;
mod report;
mod report_forms;
mod roundtrip;
mod scaffold;
mod scenario;
mod scenario_play;
mod serve;
mod spec_matrix;
mod toy;
mod view;
