//! The program `conformance`: see `conformance --help`.

mod cli;

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    let arguments = cli::Arguments::parse();
    let (text, code) = match cli::run(&arguments) {
        Ok(output) => (output.text, output.code),
        Err(error) => {
            // Nobody is left to tell when even stderr is closed.
            let _ = writeln!(io::stderr(), "conformance: {}", error.message);
            return ExitCode::from(error.code);
        }
    };
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            let _ = writeln!(io::stderr(), "conformance: cannot write to stdout: {error}");
            ExitCode::from(cli::ENGINE)
        }
        // A reader such as `head` has seen enough; that is no failure.
        _ => ExitCode::from(code),
    }
}
