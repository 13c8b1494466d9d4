//! The program `opusclip`: videos in, finished clips out.

mod args;
mod call;
mod clip;
mod clock;
mod context;
mod failure;
mod help;
mod legacy;
mod options;
mod outcome;
mod output;
mod project;
mod requests;
mod sandbox;
mod settings;
mod shell;
mod upload;
mod webhook;

fn main() -> std::process::ExitCode {
    args::run()
}
