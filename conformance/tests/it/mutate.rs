//! Faults in the toy's fixtures: which there are, who notices, and who does not when a check is not heard.

use std::collections::BTreeSet;

use opusclip_conformance::mutate::{Mutant, Operator, Reason, Settings, Snapshots, Verdict, mutants, mutate, mutated};

use crate::toy::{spec, suite};

fn judged(settings: &Settings) -> Vec<Mutant> {
    mutants(spec(), &suite(), &Snapshots::new(), settings)
}

fn of(operator: Operator) -> Vec<Mutant> {
    judged(&Settings { operators: vec![operator], ..Settings::default() })
}

#[test]
fn what_the_spec_forbids_is_killed_by_its_check() {
    for (operator, variant, check) in
        [(Operator::Method, ":DELETE", "F203"), (Operator::Auth, ":drop", "F207"), (Operator::Auth, ":rename", "F206")]
    {
        let found: Vec<Mutant> = of(operator).into_iter().filter(|mutant| mutant.id.contains(variant)).collect();
        assert!(!found.is_empty());
        assert!(found.iter().all(|mutant| mutant.verdict == Verdict::Killed(check)), "{operator}{variant}: {found:?}");
    }
}

#[test]
fn a_check_that_is_not_heard_leaves_survivors() {
    let settings = Settings { operators: vec![Operator::Auth], without: BTreeSet::from(["F207".to_owned()]), ..Settings::default() };
    let score = mutate(spec(), &suite(), &Snapshots::new(), &settings);
    assert!(!score.is_pass() && score.totals.survived > 0);
    let command = score.survivors[0].reproduce.as_deref().unwrap();
    assert!(command.starts_with("conformance mutate --only '"), "{command}");
    assert!(score.survivors[0].at.is_some());
}

#[test]
fn the_case_of_a_header_changes_nothing() {
    let found = of(Operator::HeaderCase);
    let is_odd = |mutant: &&Mutant| mutant.verdict != Verdict::Equivalent(Reason::Same);
    assert!(!found.is_empty());
    assert_eq!(found.iter().find(is_odd), None);
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let text = |jobs| mutate(spec(), &suite(), &Snapshots::new(), &Settings { jobs, ..Settings::default() }).to_json();
    assert_eq!(text(1), text(16));
}

#[test]
fn a_mutant_is_found_again_by_its_id() {
    let all = judged(&Settings::default());
    let ids: BTreeSet<&str> = all.iter().map(|mutant| mutant.id.as_str()).collect();
    assert_eq!(ids.len(), all.len(), "two mutants have one id");
    assert!(mutated(spec(), &suite(), &all[0].id).is_some());
    assert!(mutated(spec(), &suite(), "books/get_book/minimal#drop@/nowhere").is_none());
}
