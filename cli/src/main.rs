//! The program `opusclip`: videos in, finished clips out.

mod args;
mod clip;
mod clock;
mod context;
mod failure;
mod help;
mod options;
mod output;
mod sandbox;
mod settings;

fn main() -> std::process::ExitCode {
    args::run()
}
