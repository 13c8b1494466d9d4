//! The program `opusclip`: videos in, finished clips out.

mod args;
mod auth;
mod call;
mod clip;
mod clock;
mod config;
mod context;
mod curl;
mod doctor;
mod failure;
mod help;
mod legacy;
mod options;
mod outcome;
mod output;
mod private;
mod project;
mod requests;
mod sandbox;
mod settings;
mod shell;
mod upload;
mod verbose;
mod webhook;

fn main() -> std::process::ExitCode {
    args::run()
}
