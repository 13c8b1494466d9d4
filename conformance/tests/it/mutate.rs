//! Faults in the toy's fixtures: which there are, who notices, and who does not when a check is not heard.

use std::collections::BTreeSet;

use opusclip_conformance::lint::lint_case;
use opusclip_conformance::mutate::{Mutant, Operator, Reason, Settings, Snapshots, Verdict, mutants, mutate, mutated, mutation_schema};
use opusclip_conformance::options::Options;
use opusclip_conformance::replay::Replayer;
use opusclip_conformance::suite::{Case, Suite};
use opusclip_conformance::view::{compare, view};
use serde_json::Value;

use crate::toy::{KEY, Toy, spec, suite};

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
fn the_score_keeps_to_its_schema() {
    let settings = Settings { without: BTreeSet::from(["F207".to_owned()]), ..Settings::default() };
    let score = mutate(spec(), &suite(), &Snapshots::new(), &settings);
    let validator = jsonschema::validator_for(&mutation_schema()).unwrap();
    let value: Value = serde_json::from_str(&score.to_json()).unwrap();
    let errors: Vec<String> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?}");
    assert!(!score.survivors.is_empty() && !score.equivalents.is_empty());
}

#[test]
fn a_mutant_is_found_again_by_its_id() {
    let all = judged(&Settings::default());
    let ids: BTreeSet<&str> = all.iter().map(|mutant| mutant.id.as_str()).collect();
    assert_eq!(ids.len(), all.len(), "two mutants have one id");
    assert!(mutated(spec(), &suite(), &all[0].id).is_some());
    assert!(mutated(spec(), &suite(), "books/get_book/minimal#drop@/nowhere").is_none());
}

fn options() -> Options {
    Options { secrets: vec![KEY.into()], ..Options::default() }
}

/// What a run with the toy client says of a case: its findings, and the view to keep.
async fn run(replayer: &Replayer, case: &Case) -> (BTreeSet<&'static str>, Value) {
    let result = replayer.run(spec(), case, &Toy::default(), &options()).await;
    (result.findings.iter().map(|finding| finding.id).collect(), view(case, &result, &options()))
}

async fn snapshots(suite: &Suite) -> Snapshots {
    let replayer = Replayer::start(spec(), suite).await.unwrap();
    let mut kept = Snapshots::new();
    for case in &suite.cases {
        kept.insert(case.fixture.id.clone(), run(&replayer, case).await.1);
    }
    kept
}

#[tokio::test]
async fn with_snapshots_nothing_survives_and_nothing_is_wrong_before() {
    let suite = suite();
    let kept = snapshots(&suite).await;
    let score = mutate(spec(), &suite, &kept, &Settings::default());
    assert!(score.is_pass(), "{}", score.to_text());
    assert!(score.totals.killed > 500, "{}", score.to_text());
    let used: BTreeSet<&str> = score.by_operator.keys().copied().collect();
    // The toy has no dates and no addresses.
    let all: BTreeSet<&str> = Operator::ALL.iter().map(|operator| operator.name()).filter(|name| *name != "format").collect();
    assert_eq!(used, all, "an operator without a mutant is not tested");
}

/// Which faults there are, and who notices them: with snapshots, without, and where the first to speak are not heard.
#[tokio::test]
async fn the_score_of_the_toy_is_known() {
    let suite = suite();
    let kept = snapshots(&suite).await;
    let without = |ids: &[&str]| Settings { without: ids.iter().map(ToString::to_string).collect(), ..Settings::default() };
    let text = |snapshots: &Snapshots, settings: &Settings| {
        let mut score = mutate(spec(), &suite, snapshots, settings);
        // Which ones survive is in their ids; the numbers say the rest.
        score.survivors.truncate(2);
        score.to_text()
    };
    let all = [
        ("with snapshots", text(&kept, &Settings::default())),
        ("without snapshots", text(&Snapshots::new(), &Settings::default())),
        ("without C404", text(&kept, &without(&["C404"]))),
        ("without C401, F2xx", text(&kept, &without(&["C401", "F203", "F204", "F205", "F206", "F207", "F208", "F209"]))),
        ("without C404, C405, F3xx", text(&kept, &without(&["C404", "C405", "F301", "F302", "F303", "F304", "F305", "F306"]))),
    ];
    insta::assert_snapshot!(all.map(|(name, text)| format!("== {name}\n{}", text.replace(env!("CARGO_MANIFEST_DIR"), ""))).concat());
}

/// Every fault of one fixture, by its id, and of one with two pairs, a text and bytes.
#[test]
fn the_faults_of_a_fixture_are_known() {
    let mut suite = suite();
    suite.retain(|_, id| ["books/list_books/maximal", "books/get_book/unauthorized", "covers/put_cover/by-url"].contains(&id));
    let ids = mutants(spec(), &suite, &Snapshots::new(), &Settings::default()).into_iter().map(|mutant| match mutant.verdict {
        Verdict::Killed(check) => format!("{check} {}\n", mutant.id),
        Verdict::Equivalent(reason) => format!("{reason:?} {}\n", mutant.id),
        Verdict::Survived(check) => format!("SURVIVED {check} {}\n", mutant.id),
    });
    insta::assert_snapshot!(ids.collect::<String>());
}

/// A fixture that its own snapshot contradicts has no mutants: nothing could be said of them.
#[tokio::test]
async fn a_snapshot_that_says_something_else_is_a_finding_before_any_fault() {
    let mut suite = suite();
    suite.retain(|_, id| id == "books/get_book/minimal");
    let kept = snapshots(&suite).await;
    let id = "books/get_book/minimal";
    let changed = |pointer: &str, value: Value| {
        let mut kept = kept.clone();
        *kept.get_mut(id).unwrap().pointer_mut(pointer).unwrap() = value;
        let score = mutate(spec(), &suite, &kept, &Settings::default());
        assert_eq!((score.totals.mutants, score.without_mutants), (0, 1));
        assert!(!score.is_pass());
        score.baseline.iter().map(|finding| format!("{} {}", finding.id, finding.pointer)).collect::<Vec<_>>()
    };
    assert_eq!(changed("/request/path", "/books/other".into()), ["C401 /request/path"]);
    assert_eq!(changed("/outcome/ok/type", "Other".into()), ["C403 /expect/type"]);
    assert_eq!(changed("/outcome/ok/value/id", "other".into()), ["C405 /response/json/id"]);
    assert_eq!(changed("/response/status", 201.into()), ["C404 /response/status"]);
    let score = mutate(spec(), &suite, &kept, &Settings::default());
    assert!(score.is_pass() && score.fixtures == 1 && score.without_mutants == 0, "{}", score.to_text());
}

#[test]
fn snapshots_are_read_from_their_folder() {
    use opusclip_conformance::mutate::load_snapshots;

    let (folder, suite) = (tempfile::tempdir().unwrap(), suite());
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    assert!(load_snapshots(folder.path(), &suite).unwrap().is_empty());
    write("books__get_book__minimal.snap", "---\nsource: x\n---\n{\"a\": 1}\n");
    write("books__get_book__maximal.snap", "{\"b\": 2}");
    write("books__none.snap", "{");
    let found = load_snapshots(folder.path(), &suite).unwrap();
    assert_eq!(
        found.into_iter().collect::<Vec<_>>(),
        [("books/get_book/maximal".into(), serde_json::json!({"b": 2})), ("books/get_book/minimal".into(), serde_json::json!({"a": 1}))]
    );
    write("books__get_book__missing.snap", "---\nsource: x\n---\nno json");
    let error = load_snapshots(folder.path(), &suite).unwrap_err();
    assert!(error.contains("books__get_book__missing.snap: the snapshot is no JSON: "), "{error}");
}

/// No client runs in a mutation run; this one lets it run on every mutant, and the two must agree.
#[tokio::test]
async fn a_real_replay_says_of_every_mutant_what_was_concluded() {
    let mut suite = suite();
    let kept = snapshots(&suite).await;
    let judged = mutants(spec(), &suite, &kept, &Settings::default());
    let cases: Vec<Case> = judged.iter().map(|mutant| mutated(spec(), &suite, &mutant.id).unwrap()).collect();
    // One server for all: a route is told by the fixture's id.
    suite.cases = cases
        .iter()
        .enumerate()
        .map(|(index, case)| {
            let mut case = case.clone();
            case.fixture.id = format!("mutant/{index}");
            case
        })
        .collect();
    let replayer = Replayer::start(spec(), &suite).await.unwrap();
    let mut wrong = Vec::new();
    for ((mutant, case), served) in judged.iter().zip(&cases).zip(&suite.cases) {
        let (mut found, shown) = run(&replayer, served).await;
        found.extend(lint_case(spec(), case).iter().map(|finding| finding.id));
        found.extend(compare(case, &kept[&mutant.fixture], &shown).iter().map(|finding| finding.id));
        let agrees = match mutant.verdict {
            // A client that is right makes of the mutant what it says, so that its snapshot differs.
            Verdict::Killed("C403" | "C405" | "C407") => !found.is_empty(),
            Verdict::Killed(check) => found.contains(check),
            Verdict::Equivalent(Reason::Same) => found.is_empty(),
            // The client's value may show more than a run has to notice.
            Verdict::Equivalent(_) => found.iter().all(|id| *id == "C404"),
            Verdict::Survived(_) => false,
        };
        if !agrees {
            wrong.push(format!("{} {:?}: {found:?}", mutant.id, mutant.verdict));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), judged.len(), wrong.join("\n"));
}
