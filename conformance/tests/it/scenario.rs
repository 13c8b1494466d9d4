//! Scenarios: the worked example in Python plays them, and files that are wrong say where.

use opusclip_conformance::command::Command;
use opusclip_conformance::options::Options;
use opusclip_conformance::report::Report;
use opusclip_conformance::scenario::{Performer, ScenarioSuite, Task, report_scenarios, run_scenario, scenario_schema};
use opusclip_conformance::subject::{Failure, FailureClass, Outcome};

use crate::command::{example, has_python, settings};
use crate::toy::{root, spec, suite};

fn scenarios() -> ScenarioSuite {
    ScenarioSuite::load(&root().join("scenarios")).unwrap()
}

async fn play<P: Performer>(client: &P, scenarios: &ScenarioSuite) -> Report {
    let (suite, options) = (suite(), Options::default());
    let mut results = Vec::new();
    for case in &scenarios.cases {
        results.push(run_scenario(spec(), &suite, case, client, &options).await);
    }
    report_scenarios(spec(), &suite, scenarios, Some(&results), &options)
}

async fn python(flags: &str) -> Report {
    let client = Command::start(&example(flags), settings(std::time::Duration::from_secs(30))).await.unwrap();
    play(&client, &scenarios()).await
}

fn found(report: &Report) -> Vec<(&str, &str, &str)> {
    let parts = report.findings.iter().map(|f| (f.id, f.fixture.as_deref().unwrap_or_default(), f.pointer.as_str()));
    parts.collect()
}

#[tokio::test]
async fn a_client_in_another_language_has_the_virtual_clock_too() {
    if !has_python("a_client_in_another_language_has_the_virtual_clock_too") {
        return;
    }
    let report = python("").await;
    assert!(report.is_pass(), "{}", report.to_text(false));
    let told = |id: &str| report.scenarios.iter().find(|s| s.id == id).map(|s| (s.attempts, s.seconds));
    assert_eq!(told("books/read-again"), Some((Some(3), Some(1.5))));
    assert_eq!(told("books/retry-after"), Some((Some(2), Some(7.0))));
    assert_eq!(report.to_json(), python("").await.to_json(), "two runs give the same bytes");
}

#[tokio::test]
async fn a_changed_policy_is_found_out() {
    if !has_python("a_changed_policy_is_found_out") {
        return;
    }
    let repeats = python("--break repeat-post").await;
    assert!(found(&repeats).contains(&("C502", "books/add-once", "/steps")), "{:?}", found(&repeats));
    let hasty = python("--break ignore-retry-after").await;
    assert_eq!(found(&hasty), [("C503", "books/retry-after", "/steps/1/after")]);
    assert_eq!(hasty.exit_code(), 1);
    let loses = python("--break drop-field").await;
    assert_eq!(found(&loses), [("C505", "books/read-again", "/expect/value/author")]);
}

/// What a client can do wrong without sending anything.
enum Idle {
    Panics,
    Unsupported,
    Fails,
}

impl Performer for Idle {
    async fn perform(&self, task: Task<'_>) -> Outcome {
        match self {
            Self::Panics => panic!("cannot reach {}", task.base_url),
            Self::Unsupported => Outcome::Unsupported,
            Self::Fails => Outcome::Failed(Failure {
                class: FailureClass::Rejected,
                display: format!("not at {}", task.base_url),
                ..Failure::default()
            }),
        }
    }
}

#[tokio::test]
async fn a_client_that_does_nothing_never_passes() {
    for (client, id) in [(Idle::Panics, "C408"), (Idle::Unsupported, "C411"), (Idle::Fails, "C504")] {
        let report = play(&client, &scenarios()).await;
        for scenario in &report.scenarios {
            assert!(found(&report).iter().any(|(found, of, _)| *found == id && *of == scenario.id), "{id} {}", scenario.id);
        }
        assert!(report.findings.iter().all(|finding| !finding.message.contains("127.0.0.1")), "no port is in a report");
    }
}

const HEAD: &str = "scenario: 1\nid: a\nsummary: s\nprovenance: {kind: documented, source: s}\n";
const END: &str = "expect: {client: ok}\n";

#[test]
fn a_wrong_file_says_where_and_what() {
    for (text, id, line, said) in [
        ("do: {operation: get_book}\nsteps:\n  - {falt: reset}\n", "F240", 7, "unknown key `falt`; known here: fixture, request"),
        ("do: {operation: get_book}\nsteps:\n  - {fixture: books/get_book/minmal}\n", "F242", 7, "there is no fixture"),
        ("do: {operation: get_bok}\nsteps: []\n", "F242", 5, "the document has no operation `get_bok`"),
        ("do: {}\nsteps: []\n", "F241", 5, "exactly one of"),
        ("do: {operation: get_book}\nsteps:\n  - {status: 503}\n", "F241", 7, "nothing says which request is expected"),
        ("do: {operation: get_book}\nsteps:\n  - {request: {method: GET, path: /}}\n", "F241", 7, "nothing says what is answered"),
        (
            "do: {operation: get_book}\nsteps:\n  - fixture: books/get_book/minimal\n  - fixture: books/get_book/minimal\n    fault: refuse\n",
            "F241",
            9,
            "only before any other step",
        ),
        ("do: {operation: get_book}\nsteps:\n  - {fixture: books/get_book/minimal, fault: silence}\n", "F241", 5, "attempt_timeout"),
    ] {
        let mut scenarios = ScenarioSuite::default();
        scenarios.add("a.yaml", "a", &format!("{HEAD}{text}{END}"));
        let findings = scenarios.lint(spec(), &suite());
        let finding = findings.iter().find(|finding| finding.message.contains(said)).unwrap_or_else(|| panic!("{said}: {findings:?}"));
        assert_eq!((finding.id, finding.at.as_ref().map(|at| at.line)), (id, Some(line)), "{finding}");
    }
    let mut moved = ScenarioSuite::default();
    moved.add("b.yaml", "b", &format!("{HEAD}do: {{operation: get_book}}\nsteps: []\n{END}"));
    assert_eq!(moved.lint(spec(), &suite()).first().map(|finding| finding.id), Some("F241"));
}

#[test]
fn the_published_schema_is_the_one_of_the_code() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("scenario.schema.json");
    let published = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(published, format!("{:#}\n", scenario_schema()), "write it anew: conformance schema scenario > {}", path.display());
}

/// The forms of a report on scenarios, word for word.
#[tokio::test]
async fn a_report_on_scenarios_word_for_word() {
    let (mut relative, here) = (scenarios(), root().display().to_string());
    for case in &mut relative.cases {
        case.file = case.file.replace(&here, "");
    }
    let files = report_scenarios(spec(), &suite(), &relative, None, &Options::default());
    let played = play(&Idle::Fails, &relative).await;
    let body = |report: &Report| report.to_html().split_once("</style>").unwrap().1.replace("><", ">\n<");
    let all = [
        files.to_text(false),
        files.to_markdown(),
        body(&files),
        played.to_text(false),
        played.to_markdown(),
        body(&played),
        played.to_junit(),
    ];
    insta::assert_snapshot!(all.join("\n=====\n").replace(&here, ""));
}
