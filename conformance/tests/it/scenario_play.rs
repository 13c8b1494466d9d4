//! Scenarios played by a client that does as it is told: each fault as it arrives, and everything that can be held against a client.

use std::fmt::Write as _;
use std::time::Duration;

use opusclip_conformance::options::Options;
use opusclip_conformance::scenario::{Performer, ScenarioResult, ScenarioSuite, Task, report_scenarios, run_scenario};
use opusclip_conformance::subject::{Failure, FailureClass, Outcome};
use serde_json::{Map, Value, json};

use crate::toy::{spec, suite};

/// What the client does next.
enum Do {
    Get(&'static str),
    Post(&'static str, &'static str),
    Pause(f64),
}

/// Does what the script says, ends as it says, and notes what it met.
struct Scripted {
    script: Vec<Do>,
    outcome: Outcome,
    met: std::sync::Mutex<Vec<String>>,
}

impl Scripted {
    fn new(script: Vec<Do>, outcome: Outcome) -> Self {
        Self { script, outcome, met: std::sync::Mutex::default() }
    }
}

impl Performer for Scripted {
    async fn perform(&self, task: Task<'_>) -> Outcome {
        let limit = task.attempt_timeout.unwrap_or(Duration::from_secs(20));
        for step in &self.script {
            // A connection that is kept would be the one that a fault has closed.
            let http = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).timeout(limit).build().unwrap();
            let url = |path: &str| format!("{}{path}", task.base_url);
            let sent = match step {
                Do::Get(path) => http.get(url(path)),
                Do::Post(path, body) => http.post(url(path)).header("content-type", "application/json").body(*body),
                Do::Pause(seconds) => {
                    task.clock.pause(Duration::from_secs_f64(*seconds));
                    continue;
                }
            };
            let met = match sent.header("authorization", "Bearer k").send().await {
                Err(error) if error.is_timeout() => "silence".to_owned(),
                Err(error) if error.is_connect() => "refused".to_owned(),
                Err(_) => "closed".to_owned(),
                Ok(reply) => {
                    let head = format!("{} {:?}", reply.status().as_u16(), reply.headers().get("retry-after"));
                    reply.text().await.map_or_else(|_| format!("{head} cut"), |text| format!("{head} {text}"))
                }
            };
            self.met.lock().unwrap().push(met.replace(task.base_url, "BASE"));
        }
        self.outcome.clone()
    }
}

fn decoded(value: Value) -> Outcome {
    let details: Map<String, Value> = [("etag".to_owned(), json!("e1"))].into_iter().collect();
    Outcome::Decoded { type_name: "Book".into(), value, details }
}

fn failed(class: FailureClass, status: Option<u16>, code: Option<&str>) -> Outcome {
    let details: Map<String, Value> = [("retry_after".to_owned(), json!(7))].into_iter().collect();
    Outcome::Failed(Failure { class, status, code: code.map(str::to_owned), details, display: "it failed".into(), ..Failure::default() })
}

fn scenarios(steps: &str, expect: &str) -> ScenarioSuite {
    let text = format!(
        "scenario: 1\nid: a\nsummary: s\nprovenance: {{kind: documented, source: p}}\n\
         do: {{operation: get_book, input: {{bookId: b 1}}, attempt_timeout: 0.2}}\nsteps:\n{steps}expect: {expect}\n"
    );
    let mut scenarios = ScenarioSuite::default();
    scenarios.add("a.yaml", "a", &text);
    let wrong = scenarios.lint(spec(), &suite());
    assert!(wrong.is_empty(), "{wrong:?} in\n{text}");
    scenarios
}

async fn play(scenarios: &ScenarioSuite, client: &Scripted) -> ScenarioResult {
    run_scenario(spec(), &suite(), &scenarios.cases[0], client, &Options::default()).await
}

const FIXTURE: &str = "  - {fixture: books/get_book/minimal}\n";
const PATH: &str = "/books/b%201";

#[tokio::test]
async fn a_client_meets_each_fault_as_it_is_said() {
    let steps = "  - {fixture: books/get_book/minimal, fault: refuse}\n  \
                 - {fixture: books/get_book/minimal, fault: reset}\n  \
                 - {fixture: books/get_book/minimal, fault: lose-reply}\n  \
                 - {fixture: books/get_book/minimal, fault: cut-reply}\n  \
                 - {fixture: books/get_book/minimal, fault: silence}\n  \
                 - {fixture: books/get_book/minimal, status: 503, retry_after: '7', times: 2}\n  \
                 - {fixture: books/get_book/minimal, after: {at_least: 1, at_most: 1.5}}\n";
    let get = || Do::Get(PATH);
    let script = vec![get(), Do::Pause(0.25), get(), get(), get(), get(), get(), get(), Do::Pause(1.25), get()];
    let scenarios = scenarios(steps, "{client: ok, type: Book, elapsed: {at_least: 1.5, at_most: 1.5}}");
    let client = Scripted::new(script, decoded(json!({})));
    let result = play(&scenarios, &client).await;
    let told: Vec<String> = result.findings.iter().map(ToString::to_string).collect();
    assert_eq!((told, result.attempts, result.elapsed), (Vec::new(), 8, Duration::from_millis(1500)));
    let met = client.met.lock().unwrap();
    assert_eq!(met[..7], ["refused", "closed", "closed", "200 None cut", "silence", "503 Some(\"7\") ", "503 Some(\"7\") "]);
    assert!(met[7].starts_with("200 None {\"id\""), "{}", met[7]);
    let report = report_scenarios(spec(), &suite(), &scenarios, Some(&[result]), &Options::default());
    insta::assert_snapshot!(report.to_text(false));
}

#[tokio::test]
async fn what_is_held_against_a_client_names_both_sides() {
    let ok = "{client: ok, type: Book, value: {id: b1, n: 1.0}, details: {etag: e1}}";
    let book = || decoded(json!({"id": "b1", "n": 1}));
    let late = "  - {fixture: books/get_book/minimal}\n  - {fixture: books/get_book/minimal, after: {at_least: 2, at_most: 3}}\n";
    let post = "  - {fixture: books/add_book/minimal}\n";
    let reset = "  - {fixture: books/add_book/minimal, fault: reset}\n";
    let api = |status, code| failed(FailureClass::ApiError, status, code);
    let refused = "{client: api-error, status: 404, code: NO_BOOK, details: {retry_after: 7}}";
    let cases: Vec<(&str, &str, &str, Vec<Do>, Outcome)> = vec![
        ("as expected", FIXTURE, ok, vec![Do::Get(PATH)], book()),
        ("nothing is sent", FIXTURE, ok, vec![], book()),
        ("one too many", FIXTURE, ok, vec![Do::Get(PATH), Do::Get("/books/b2")], book()),
        ("another path", FIXTURE, ok, vec![Do::Get("/books/b2")], book()),
        ("another method", FIXTURE, ok, vec![Do::Post(PATH, "{}")], book()),
        ("another body", post, ok, vec![Do::Post("/books", r#"{"titel": "Duino"}"#)], book()),
        ("a body that nobody read", reset, ok, vec![Do::Post("/books", r#"{"titel": "Duino"}"#)], book()),
        ("too early", late, ok, vec![Do::Get(PATH), Do::Pause(1.5), Do::Get(PATH)], book()),
        ("too late", late, ok, vec![Do::Get(PATH), Do::Pause(1.0), Do::Pause(2.5), Do::Get(PATH)], book()),
        ("takes too long", FIXTURE, "{client: ok, elapsed: {at_most: 2}}", vec![Do::Get(PATH), Do::Pause(2.5)], book()),
        ("another type", FIXTURE, "{client: ok, type: Page < Book >}", vec![Do::Get(PATH)], book()),
        ("another value", FIXTURE, ok, vec![Do::Get(PATH)], decoded(json!({"id": "b2", "new": [1]}))),
        ("other details", FIXTURE, "{client: ok, details: {etag: e2, left: {n: 1}}}", vec![Do::Get(PATH)], book()),
        ("success in place of an error", FIXTURE, refused, vec![Do::Get(PATH)], book()),
        ("an error in place of success", FIXTURE, ok, vec![Do::Get(PATH)], api(Some(404), Some("NO_BOOK"))),
        ("the error", FIXTURE, refused, vec![Do::Get(PATH)], api(Some(404), Some("NO_BOOK"))),
        ("another class of error", FIXTURE, refused, vec![Do::Get(PATH)], failed(FailureClass::DecodeError, Some(404), Some("NO_BOOK"))),
        ("another status and code", FIXTURE, refused, vec![Do::Get(PATH)], api(Some(500), Some("DOWN"))),
        ("no status and code", FIXTURE, refused, vec![Do::Get(PATH)], api(None, None)),
        ("not implemented", FIXTURE, ok, vec![Do::Get(PATH)], Outcome::Unsupported),
        ("broken", FIXTURE, ok, vec![], Outcome::Broken { check: "C421", message: "the program ended".into() }),
    ];
    let mut all = String::new();
    for (name, steps, expect, script, outcome) in cases {
        let scenarios = scenarios(steps, expect);
        let result = play(&scenarios, &Scripted::new(script, outcome)).await;
        assert_eq!(result.is_pass(), result.findings.is_empty());
        // Writing into a String cannot fail.
        let _ = writeln!(all, "== {name}: {} attempt(s), {:?}", result.attempts, result.elapsed);
        for finding in &result.findings {
            let _ = writeln!(all, "{} {} {}", finding.id, finding.pointer, finding.message);
        }
    }
    insta::assert_snapshot!(all);
}

#[tokio::test]
async fn a_secret_in_what_a_client_says_is_found() {
    let scenarios = scenarios(FIXTURE, "{client: ok}");
    let options = Options { secrets: vec!["sk-canary".into()], ..Options::default() };
    for (outcome, at) in [
        (decoded(json!({"id": "b1", "note": "by sk-canary"})), "/outcome/value/note"),
        (failed(FailureClass::ApiError, None, Some("sk-canary")), "/outcome/code"),
    ] {
        let client = Scripted::new(vec![Do::Get(PATH)], outcome);
        let result = run_scenario(spec(), &suite(), &scenarios.cases[0], &client, &options).await;
        let leaks: Vec<&str> =
            result.findings.iter().filter(|finding| finding.id == "C409").map(|finding| finding.pointer.as_str()).collect();
        assert_eq!(leaks, [at], "{:?}", result.findings);
        assert!(result.findings.iter().all(|finding| !finding.message.contains("sk-canary")));
    }
}

/// A line after the last answer has no call that would meet it.
#[test]
fn a_line_after_the_last_scenario_is_found() {
    if !crate::command::has_python("a_line_after_the_last_scenario_is_found") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let scenario = "scenario: 1\nid: a\nsummary: s\nprovenance: {kind: documented, source: p}\n\
                    do: {fixture: books/get_book/minimal}\nsteps: [{fixture: books/get_book/minimal}]\nexpect: {client: ok}\n";
    std::fs::write(folder.path().join("a.yaml"), scenario).unwrap();
    let played = |flags: &str| {
        let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_conformance"));
        program.current_dir(crate::toy::root()).args(["--fixtures", "fixtures", "scenarios", "--key", "sk-test-key", "--scenarios"]);
        let output = program.arg(folder.path()).arg("--cmd").arg(crate::command::example(flags)).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap())
    };
    let (code, told) = played("");
    assert_eq!(code, Some(0), "{told}");
    let (code, told) = played("--break twice");
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("C420") && told.contains("more than one line"), "{told}");
}
