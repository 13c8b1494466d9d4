//! Every fixture and every scenario is one named test; more tests look after the whole.
//!
//! `cargo test --test conformance -- clips/list_clips` runs those of one operation.

#![allow(clippy::expect_used, clippy::print_stdout, clippy::print_stderr, reason = "a test may fail by panicking, and its runner prints")]

mod adapter;
mod scenarios;
mod suite;

use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Failed, Trial};
use opusclip_conformance::suite::Case;

use suite::Harness;

type WholeCheck = fn(&Harness) -> Result<(), Failed>;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let harness = match Harness::load(single(&arguments)) {
        Ok(harness) => Arc::new(harness),
        Err(problem) => {
            eprintln!("{problem}");
            return ExitCode::FAILURE;
        }
    };
    let cases = harness.suite.cases.iter().map(|case| fixture(&harness, case));
    let mut trials: Vec<Trial> = cases.collect();
    match scenarios::trials(&harness) {
        Ok(more) => trials.extend(more),
        Err(problem) => {
            eprintln!("{problem}");
            return ExitCode::FAILURE;
        }
    }
    let whole: [(&str, WholeCheck); 5] = [
        ("suite::is_clean_and_covers_everything", Harness::is_clean),
        ("suite::has_one_snapshot_for_each_fixture", Harness::snapshots_match),
        ("suite::every_operation_has_the_cases_it_needs", Harness::every_operation_is_covered),
        ("suite::documented_examples_are_fixtures", Harness::documented_examples),
        ("surface::public_items_of_the_binding", Harness::public_surface),
    ];
    for (name, check) in whole {
        let harness = Arc::clone(&harness);
        trials.push(Trial::test(name, move || check(&harness)));
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// The one fixture that this process is for: nextest gives every test a process, and reading all of them takes longer than a test.
fn single(arguments: &Arguments) -> Option<&str> {
    let name = arguments.filter.as_deref().filter(|_| arguments.exact)?;
    (!name.contains("::") && !name.starts_with(scenarios::PREFIX)).then_some(name)
}

fn fixture(harness: &Arc<Harness>, case: &Case) -> Trial {
    let (id, harness) = (case.fixture.id.clone(), Arc::clone(harness));
    Trial::test(id.clone(), move || harness.replay(&id))
}
