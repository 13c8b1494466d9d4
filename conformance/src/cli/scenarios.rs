//! `conformance scenarios`: sequences of attempts with faults in between.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use opusclip_conformance::command::{Command, Settings};
use opusclip_conformance::options::Options;
use opusclip_conformance::scenario::{ScenarioSuite, report_scenarios, run_scenario};

use super::run::{TIMEOUT, block_on, seconds};
use super::{Failure, Files, Output};

#[derive(Args, Debug)]
pub(super) struct Scenarios {
    /// The folder of scenarios.
    #[arg(long, value_name = "DIR", default_value = "tests/scenarios")]
    scenarios: PathBuf,
    /// The client's program with its arguments, to play them to; without it only the files are checked.
    #[arg(long, value_name = "COMMAND")]
    cmd: Option<String>,
    /// The API key that the program is given; nothing that it answers may contain it.
    #[arg(long, value_name = "TEXT", default_value = "sk-test-conformance")]
    key: String,
    /// How long one scenario may take, in real time.
    #[arg(long, value_name = "SECONDS", default_value_t = TIMEOUT, value_parser = seconds)]
    timeout: f64,
}

pub(super) fn run(files: &Files, arguments: &Scenarios) -> Result<Output, Failure> {
    let spec = files.spec()?;
    // The filter is one of scenarios here; they may name any fixture.
    let suite = files.all_fixtures()?;
    let fail = |error| Failure::usage(format!("{error}; name the folder of scenarios with --scenarios"));
    let scenarios = ScenarioSuite::load(&arguments.scenarios).map_err(fail)?;
    let mut options = Options { secrets: vec![arguments.key.clone()], ..files.options() };
    let is_selected = |id: &str| options.selects(id);
    let broken = scenarios.broken.iter().filter_map(|finding| finding.fixture.as_deref());
    if !scenarios.cases.iter().map(|case| case.scenario.id.as_str()).chain(broken).any(is_selected) {
        return Err(Failure::usage("no scenario's id contains the filter; correct --filter"));
    }
    let Some(cmd) = &arguments.cmd else {
        return files.output(&report_scenarios(&spec, &suite, &scenarios, None, &options));
    };
    let limit = Duration::from_secs_f64(arguments.timeout);
    options.watchdog = limit.saturating_mul(4) + Duration::from_secs(60);
    let (folder, quoted) = (arguments.scenarios.display(), shell_words::quote(cmd));
    let flags = if options.flags.is_empty() { String::new() } else { format!("{} ", options.flags) };
    let timeout = if arguments.timeout == TIMEOUT { String::new() } else { format!(" --timeout {}", arguments.timeout) };
    options.reproduce = Some(format!("conformance scenarios {flags}--scenarios {folder} --cmd {quoted}{timeout} --filter {{fixture}}"));
    block_on(async {
        let settings = Settings { limit, key: arguments.key.clone(), jobs: 1 };
        let client = Command::start(cmd, settings).await;
        let client = client
            .map_err(|error| Failure::usage(options.redact(&format!("the client's program cannot be used: {error}; correct --cmd"))))?;
        let played: Vec<_> = scenarios.cases.iter().filter(|case| options.selects(&case.scenario.id)).collect();
        let mut results = Vec::new();
        for case in &played {
            results.push(run_scenario(&spec, &suite, case, &client, &options).await);
        }
        let unasked = client.finish().await;
        // There is one process; what it still says belongs to what it did last.
        if let (Some(case), Some(result)) = (played.last(), results.last_mut()) {
            result.findings.extend(unasked.into_iter().map(|finding| case.finding("C420", "/do", options.redact(&finding.message))));
        }
        files.output(&report_scenarios(&spec, &suite, &scenarios, Some(&results), &options))
    })?
}
