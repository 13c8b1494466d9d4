//! Replays the documented interactions through the typed client and prints the harness's report.
//!
//! `cargo conform [--json] [FILTER]`: FILTER is a part of a fixture's id, as `clips/list_clips`.

#![allow(clippy::expect_used, clippy::print_stdout, clippy::print_stderr, reason = "a program prints")]

#[path = "../tests/conformance/adapter.rs"]
mod adapter;

use std::process::ExitCode;

use opusclip_conformance::run::run;
use opusclip_conformance::spec::Spec;
use opusclip_conformance::suite::Suite;

const USAGE: u8 = 2;

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
    let (mut json, mut filter) = (false, None);
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--json" => json = true,
            flag if flag.starts_with('-') => return Err(format!("unknown option {flag}; expected [--json] [FILTER]").into()),
            text => filter = Some(text.to_owned()),
        }
    }
    let (spec, fixtures, _) = adapter::paths();
    let waivers = adapter::waivers()?;
    let options = opusclip_conformance::options::Options { filter, ..adapter::options() };
    let report = run(&Spec::load(spec)?, &Suite::load(fixtures)?, &waivers, &adapter::Typed::new(), &options).await;
    if json {
        println!("{:#}", report.to_json());
    } else {
        print!("{}", report.to_text(false));
    }
    Ok(ExitCode::from(report.exit_code()))
}
