//! The program `opusclip-sandbox`.

use std::process::ExitCode;

use clap::Parser;
use opusclip_sandbox::cli;

#[derive(Debug, Parser)]
#[command(version)]
struct Program {
    #[command(flatten)]
    arguments: cli::Arguments,
    /// Log nothing
    #[arg(long, short)]
    quiet: bool,
}

#[tokio::main]
#[allow(clippy::print_stderr, reason = "a program talks")]
async fn main() -> ExitCode {
    let Program { arguments, quiet } = Program::parse();
    match cli::run(arguments, quiet).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("opusclip-sandbox: {error}");
            ExitCode::from(if error.is_invalid_input() { 2 } else { 1 })
        }
    }
}
