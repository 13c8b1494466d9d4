//! Replays the documented interactions through the typed client and prints the harness's report.
//!
//! `cargo conform [--json] [--report-dir DIR] [FILTER]`: FILTER is a part of a fixture's id, as `clips/list_clips`.

#![allow(clippy::expect_used, clippy::print_stdout, clippy::print_stderr, reason = "a program prints")]

#[path = "../tests/conformance/adapter.rs"]
mod adapter;

use std::io::Write;
use std::process::ExitCode;

use opusclip_conformance::run::run;
use opusclip_conformance::spec::Spec;
use opusclip_conformance::suite::Suite;

const USAGE: u8 = 2;
const USAGE_LINE: &str = "usage: cargo conform [--json] [--report-dir DIR] [FILTER]";

#[tokio::main]
async fn main() -> ExitCode {
    match report().await {
        Ok(code) => code,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::from(USAGE)
        }
    }
}

async fn report() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let (mut json, mut filter, mut folder) = (false, None, None);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--json" => json = true,
            "--report-dir" => folder = Some(arguments.next().ok_or_else(|| format!("--report-dir needs a folder; {USAGE_LINE}"))?),
            "--help" | "-h" => {
                println!(
                    "Replays the fixtures through the typed client and prints the report.\n\n{USAGE_LINE}\n\nFILTER is a part of a fixture's id, as clips/list_clips. --report-dir writes the report as JSON, JUnit, SARIF, HTML and Markdown as well. Exit codes: 0 ok, 1 findings, 2 usage, 3 engine error."
                );
                return Ok(ExitCode::SUCCESS);
            }
            flag if flag.starts_with('-') => return Err(format!("unknown option {flag}; {USAGE_LINE}").into()),
            text if filter.is_some() => return Err(format!("a second filter, {text}; {USAGE_LINE}").into()),
            text => filter = Some(text.to_owned()),
        }
    }
    let (spec, fixtures, _) = adapter::paths();
    let waivers = adapter::waivers()?;
    let suite = Suite::load(fixtures)?;
    if let Some(filter) = filter.as_ref().filter(|filter| !suite.cases.iter().any(|case| case.fixture.id.contains(filter.as_str()))) {
        return Err(format!("no fixture's id contains `{filter}`").into());
    }
    let options = opusclip_conformance::options::Options { filter, ..adapter::options() };
    let report = run(&Spec::load(spec)?, &suite, &waivers, &adapter::Typed::new(), &options).await;
    if let Some(folder) = folder {
        report.write_dir(folder.as_ref()).map_err(|error| format!("{folder}: the report cannot be written: {error}"))?;
    }
    let text = if json { report.to_json() } else { report.to_text(false) };
    // A reader that has seen enough closes the pipe; that is no failure.
    std::io::stdout().write_all(text.as_bytes()).ok();
    Ok(ExitCode::from(report.exit_code()))
}
