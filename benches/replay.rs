//! How many fixtures a second are validated and go through the typed client, and whether a thousand runs in a row all end well.
//!
//! `cargo bench --bench replay -- [RUNS]`; 20 runs if nothing is said.

#![allow(clippy::expect_used, clippy::print_stdout, clippy::print_stderr, reason = "a benchmark prints, and may fail by panicking")]

#[allow(dead_code, reason = "the waivers are for those who judge the whole")]
#[path = "../tests/conformance/adapter.rs"]
mod adapter;

use std::process::ExitCode;
use std::time::Instant;

use opusclip_conformance::lint::lint;
use opusclip_conformance::replay::Replayer;
use opusclip_conformance::spec::Spec;
use opusclip_conformance::suite::Suite;

#[allow(clippy::disallowed_methods, reason = "a benchmark measures time")]
#[tokio::main]
async fn main() -> ExitCode {
    // cargo adds `--bench` to what the caller gave.
    let runs: usize = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(20);
    let (spec, fixtures, _) = adapter::paths();
    let (spec, suite) = (Spec::load(spec).expect("the spec"), Suite::load(fixtures).expect("the fixtures"));
    let (started, mut wrong) = (Instant::now(), 0);
    for _ in 0..runs {
        wrong += lint(&spec, &suite).len();
    }
    let (elapsed, validated) = (started.elapsed().as_secs_f64(), runs * suite.cases.len());
    println!("{validated} fixtures validated in {elapsed:.1} s, {:.0} a second, {wrong} findings", validated as f64 / elapsed);
    let options = adapter::options();
    let subject = adapter::Typed::new();
    let replayer = Replayer::start(&spec, &suite).await.expect("a loopback port");
    let (started, mut failed) = (Instant::now(), 0);
    for _ in 0..runs {
        let results = futures_util::future::join_all(suite.cases.iter().map(|case| replayer.run(&spec, case, &subject, &options))).await;
        failed += results.iter().filter(|result| !result.findings.is_empty()).count();
    }
    let (elapsed, replays) = (started.elapsed().as_secs_f64(), runs * suite.cases.len());
    println!(
        "{runs} runs of {} fixtures: {replays} replays in {elapsed:.1} s, {:.0} a second, {failed} with findings",
        suite.cases.len(),
        replays as f64 / elapsed
    );
    if failed == 0 && wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
