//! A client in another language: the worked example in Python, right and made wrong, and programs that break the protocol.

use std::process::{Command as Program, Stdio};
use std::time::Duration;

use opusclip_conformance::command::{Command, Line, Settings, protocol_schema};
use opusclip_conformance::options::Options;
use opusclip_conformance::report::Report;
use opusclip_conformance::run::{conclude, execute};
use opusclip_conformance::suite::Suite;
use opusclip_conformance::waivers::Waivers;
use serde_json::{Value, json};

use crate::toy::{spec, suite};

const OPERATIONS: [&str; 3] = ["list_books", "get_book", "add_book"];

/// Whether there is a Python; on CI there has to be one.
#[allow(clippy::print_stderr, reason = "a test that is left out says so")]
pub(crate) fn has_python(test: &str) -> bool {
    let found = Program::new("python3").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    let is_there = found.is_ok_and(|status| status.success());
    assert!(is_there || std::env::var_os("CI").is_none(), "CI must have python3");
    if !is_there {
        eprintln!("{test}: not run, as there is no python3");
    }
    is_there
}

pub(crate) fn example(flags: &str) -> String {
    format!("python3 {}/examples/python/client.py {flags}", env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn settings(limit: Duration) -> Settings {
    Settings { limit, key: "sk-test-key".into(), jobs: 4 }
}

async fn report(command: &str, limit: Duration, is_whole: bool) -> Report {
    let mut suite = suite();
    if !is_whole {
        suite.retain(|_, id| OPERATIONS.iter().any(|operation| id.contains(operation)));
    }
    report_on(suite, command, limit).await
}

async fn report_on(suite: Suite, command: &str, limit: Duration) -> Report {
    let client = Command::start(command, settings(limit)).await.unwrap();
    let options = Options { secrets: vec!["sk-test-key".into()], ..Options::default() };
    let (results, mut beyond) = execute(spec(), &suite, &client, &options).await;
    beyond.extend(client.finish().await);
    conclude(spec(), &suite, &Waivers::none(), &options, &results, beyond)
}

fn found(report: &Report) -> Vec<(&str, &str)> {
    report.findings.iter().map(|finding| (finding.id, finding.fixture.as_deref().unwrap_or_default())).collect()
}

const LONG: Duration = Duration::from_secs(30);

#[tokio::test]
async fn the_example_passes_for_what_it_implements() {
    if !has_python("the_example_passes_for_what_it_implements") {
        return;
    }
    let serial = report(&example(""), LONG, false).await;
    assert!(serial.is_pass(), "{}", serial.to_text(false));
    assert_eq!((serial.totals.executed, serial.totals.passed, serial.totals.unsupported), (17, 17, 0));
    let parallel = report(&example("--parallel 4"), LONG, false).await;
    assert_eq!(serial.to_json(), parallel.to_json());
}

#[tokio::test]
async fn what_is_not_implemented_is_counted_and_never_passes() {
    if !has_python("what_is_not_implemented_is_counted_and_never_passes") {
        return;
    }
    let report = report(&example(""), LONG, true).await;
    assert_eq!((report.totals.passed, report.totals.failed, report.totals.unsupported), (17, 2, 2));
    let unsupported = report.findings.iter().filter(|finding| finding.id == "C411").count();
    assert_eq!((unsupported, report.exit_code()), (2, 1));
    assert!(report.to_text(false).contains("2 fixtures of operations that the client does not implement"));
}

#[tokio::test]
async fn a_wrong_client_is_found_out() {
    if !has_python("a_wrong_client_is_found_out") {
        return;
    }
    for (flag, wanted) in [
        ("drop-field", ("C405", "books/get_book/maximal")),
        ("wrong-query", ("C401", "books/list_books/prose")),
        ("lose-null", ("C405", "books/list_books/minimal")),
    ] {
        let report = report(&example(&format!("--break {flag}")), LONG, false).await;
        assert!(found(&report).contains(&wanted), "{flag}: {:?}", found(&report));
        assert_eq!(report.exit_code(), 1, "{flag}");
    }
}

#[tokio::test]
async fn a_program_that_breaks_down_is_named_and_started_again() {
    if !has_python("a_program_that_breaks_down_is_named_and_started_again") {
        return;
    }
    for (flag, id, said, limit) in [
        ("die", "C421", "exit status: 1); last on stderr: ", LONG),
        ("hang", "C422", "last on stderr: waiting for the other side", Duration::from_secs(1)),
        ("garbage", "C420", "the program wrote `got a book`", LONG),
        ("wrong-id", "C420", "the answer has the id 10", LONG),
    ] {
        // Each call costs a process, or the whole time limit.
        let mut two = suite();
        two.retain(|_, id| id.starts_with("books/get_book/m") && !id.ends_with("missing"));
        let report = report_on(two, &example(&format!("--break {flag}")), limit).await;
        let fixtures: Vec<&str> = report.findings.iter().filter_map(|finding| finding.fixture.as_deref()).collect();
        assert_eq!(fixtures.len(), 2, "{flag}: the calls after the first have a new process: {:?}", found(&report));
        assert!(fixtures.iter().all(|fixture| fixture.starts_with("books/get_book/")), "{flag}: {fixtures:?}");
        for finding in &report.findings {
            assert!(finding.id == id && finding.message.contains(said), "{flag}: {finding}");
        }
    }
    let twice = report(&example("--break twice"), LONG, false).await;
    assert!(twice.findings.iter().any(|finding| finding.message.contains("a second answer came to the call of books/get_book/maximal")));
}

#[tokio::test]
async fn a_second_line_at_the_end_is_found_too() {
    if !has_python("a_second_line_at_the_end_is_found_too") {
        return;
    }
    let mut suite = suite();
    suite.retain(|_, id| id == "books/get_book/maximal");
    let client = Command::start(&example("--break twice"), settings(LONG)).await.unwrap();
    let (results, _) = execute(spec(), &suite, &client, &Options::default()).await;
    assert!(results[0].is_pass());
    let findings = client.finish().await;
    assert_eq!(
        findings.iter().map(|finding| (finding.id, finding.fixture.as_deref())).collect::<Vec<_>>(),
        [("C420", Some("books/get_book/maximal"))]
    );
}

#[tokio::test]
async fn a_program_that_never_works_is_given_up() {
    if !has_python("a_program_that_never_works_is_given_up") {
        return;
    }
    let greets = r#"python3 -c 'print("{\"hello\":{\"protocol\":1}}", flush=True); input(); raise SystemExit("no key sk-test-key")'"#;
    let report = report(greets, LONG, false).await;
    assert_eq!(report.findings.len(), 17);
    let given_up = report.findings.iter().filter(|finding| finding.message.contains("is not started again")).count();
    assert_eq!(given_up, 7, "10 in a row are enough");
    assert!(report.findings.iter().all(|finding| !finding.message.contains("sk-test-key")), "stderr is redacted");
}

#[tokio::test]
async fn a_program_that_cannot_be_used_is_refused_at_once() {
    let missing = Command::start("no-such-program-here", settings(LONG)).await.unwrap_err();
    assert!(missing.to_string().contains("`no-such-program-here` cannot be started"), "{missing}");
    assert!(Command::start("a 'b", settings(LONG)).await.is_err());
    assert!(Command::start("", settings(LONG)).await.unwrap_err().to_string().contains("the command is empty"));
    if !has_python("a_program_that_cannot_be_used_is_refused_at_once") {
        return;
    }
    for (code, said) in [
        (r#"print("{\"hello\":{\"protocol\":2}}")"#, "speaks version 2 of the protocol; this harness speaks 1"),
        (r#"print("hi")"#, "the program wrote `hi`; expected the line"),
        (r#"raise SystemExit("no licence")"#, "the program ended before it greeted"),
        (r#"raise SystemExit("no licence")"#, "last on stderr: no licence"),
    ] {
        let error = Command::start(&format!("python3 -c '{code}'"), settings(LONG)).await.unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
}

#[test]
fn the_schema_knows_the_lines_and_nothing_else() {
    let validator = jsonschema::validator_for(&protocol_schema()).unwrap();
    for good in [
        json!({"hello": {"protocol": 1, "client": "x", "parallel": 2}}),
        json!({"id": 1, "operation": "get_book", "base_url": "http://x", "parameters": {}, "key": "k"}),
        json!({"id": 1, "decoded": {"type": "Book", "value": null}}),
        json!({"id": 1, "failed": {"class": "api-error", "status": 404}}),
        json!({"id": 1, "unsupported": true}),
        json!({"id": 1, "pause": 0.5}),
    ] {
        assert!(validator.is_valid(&good), "{good}");
        assert!(serde_json::from_value::<Line>(good).is_ok());
    }
    let bad: [Value; 4] = [
        json!({"id": 1}),
        json!({"id": 1, "unsupported": false}),
        json!({"id": 1, "unsupported": true, "decoded": {"type": "Book", "value": null}}),
        json!({"hello": {"protocol": 2}}),
    ];
    assert!(bad.iter().all(|line| !validator.is_valid(line)));
}

/// Of a program's last words the last five lines are told, each cut where it gets long, and whatever bytes they are.
#[tokio::test]
async fn the_last_lines_of_stderr_are_told() {
    if !has_python("the_last_lines_of_stderr_are_told") {
        return;
    }
    let code = r#"import sys
for line in [b"one", b"two", b"three", b"fo\xffur", b"five", b"x" * 200, b"seven "]: sys.stderr.buffer.write(line + b"\n")
sys.stderr.buffer.write(b"no end"); sys.exit(3)"#;
    let error = Command::start(&format!("python3 -c '{code}'"), settings(LONG)).await.unwrap_err().to_string();
    let long = "x".repeat(120);
    assert!(
        error.ends_with(&format!("(exit status: 3); last on stderr: fo\u{fffd}ur | five | {long}\u{2026} | seven | no end")),
        "{error}"
    );
}

/// A program that writes more to stderr than a pipe holds is not held up, and one that writes nothing is waited for no longer than allowed.
#[tokio::test]
async fn a_talkative_program_is_heard_and_a_silent_one_given_up() {
    if !has_python("a_talkative_program_is_heard_and_a_silent_one_given_up") {
        return;
    }
    let talks = r#"python3 -c 'import sys; sys.stderr.write("x" * 300000 + "\n"); print("no greeting", flush=True); input()'"#;
    let error = Command::start(talks, settings(LONG)).await.unwrap_err().to_string();
    assert!(error.contains("the program wrote `no greeting`; expected the line"), "{error}");
    let silent = r#"python3 -c 'input()'"#;
    let error = Command::start(silent, settings(Duration::from_millis(50))).await.unwrap_err().to_string();
    assert!(error.contains("the program wrote nothing within 50 ms"), "{error}");
}

/// The key that a program was given is looked for in all that it says, and is in nothing that is told of it.
#[cfg(unix)]
#[test]
fn a_program_that_tells_its_key_is_found_out_and_not_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("client.sh");
    let text = "echo '{\"hello\": {\"protocol\": 1, \"client\": \"leaky\"}}'\nwhile read -r line; do\n  id=$(printf '%s' \"$line\" | sed 's/^{\"id\":\\([0-9]*\\).*/\\1/')\n  \
                echo \"{\\\"id\\\": $id, \\\"failed\\\": {\\\"class\\\": \\\"api-error\\\", \\\"status\\\": 404, \\\"message\\\": \\\"no sk-test-leak-0123456789\\\"}}\"\ndone\n";
    std::fs::write(&script, text).unwrap();
    let client = format!("sh {}", script.display());
    for command in ["run", "scenarios"] {
        let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_conformance"));
        program.current_dir(crate::toy::root()).args([
            "--fixtures",
            "fixtures",
            command,
            "--cmd",
            &client,
            "--key",
            "sk-test-leak-0123456789",
        ]);
        if command == "scenarios" {
            program.args(["--scenarios", "scenarios"]);
        }
        let output = program.output().unwrap();
        let told = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(!told.contains("sk-test-leak"), "{command}: {told}");
        assert!(told.contains("C409"), "{command}: {told}");
        assert!(told.contains("<secret>"), "{command}: {told}");
    }
}
