//! Runs the examples of the README as they stand there, and looks at what they have done to a sandbox.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use opusclip::types::{ProjectId, ProjectStage, UploadId};
use opusclip_sandbox::{Entry, Fault, Sandbox};
use tempfile::TempDir;

const README: &str = include_str!("../README.md");

/// An example must not hang for longer than this.
const PATIENCE: Duration = Duration::from_secs(60);

/// A fenced block with the heading above it.
struct Block {
    heading: &'static str,
    language: &'static str,
    code: &'static str,
}

fn blocks() -> Vec<Block> {
    let (mut blocks, mut heading, mut open) = (Vec::new(), "", None);
    let mut at = 0;
    for line in README.split_inclusive('\n') {
        let next = at + line.len();
        match (line.trim_end().strip_prefix("```"), open) {
            (Some(language), None) => open = Some((language, next)),
            (Some(_), Some((language, start))) => {
                blocks.push(Block { heading, language, code: &README[start..at] });
                open = None;
            }
            (None, None) if line.starts_with('#') => heading = line.trim_start_matches('#').trim(),
            _ => {}
        }
        at = next;
    }
    assert!(open.is_none(), "a block is not closed");
    blocks
}

/// The examples that a reader can run, and so does this test: those that read `OPUSCLIP_BASE_URL`.
fn examples(language: &str) -> BTreeMap<&'static str, &'static str> {
    let wanted = |block: &Block| {
        let reads = if block.language == "sh" { "$OPUSCLIP_BASE_URL" } else { "\"OPUSCLIP_BASE_URL\"" };
        block.language == language && block.code.contains(reads)
    };
    let all: Vec<Block> = blocks().into_iter().filter(wanted).collect();
    let by_heading: BTreeMap<_, _> = all.iter().map(|block| (block.heading, block.code)).collect();
    assert_eq!(by_heading.len(), all.len(), "two examples in {language} under one heading; the test tells them apart by it");
    by_heading
}

/// What an example left behind.
struct Ran {
    sandbox: Sandbox,
    folder: TempDir,
    stdout: String,
}

impl Ran {
    /// How operations were answered, in order, and whether they had their effect.
    fn outcomes(&self, operation: &str) -> Vec<(Option<u16>, bool)> {
        self.entries(operation).iter().map(|entry| (entry.status, entry.effect)).collect()
    }

    fn entries(&self, operation: &str) -> Vec<Entry> {
        self.sandbox.journal().into_iter().filter(|entry| entry.operation == operation).collect()
    }

    fn body(&self, operation: &str, member: &str) -> String {
        let body = self.entries(operation)[0].body.clone().unwrap();
        body[member].as_str().unwrap().to_owned()
    }
}

/// Whether a program is there and runs; says so on stderr where it does not.
fn there_is(program: &str, argument: &str) -> bool {
    let found = Command::new(program).arg(argument).stdin(Stdio::null()).output().is_ok_and(|output| output.status.success());
    if !found {
        let told = format!("SKIPPED: `{program}` does not run here, so the README's examples that need it were not tried\n");
        // Not with `eprintln!`, which the test harness keeps to itself when a test passes.
        io::stderr().write_all(told.as_bytes()).unwrap();
    }
    found
}

async fn wait(mut child: Child) -> Option<ExitStatus> {
    let done = async {
        let mut pulse = tokio::time::interval(Duration::from_millis(10));
        loop {
            if let Some(status) = child.try_wait().unwrap() {
                return status;
            }
            pulse.tick().await;
        }
    };
    let status = tokio::time::timeout(PATIENCE, done).await.ok();
    if status.is_none() {
        child.kill().unwrap();
        child.wait().unwrap();
    }
    status
}

/// Runs an example against a sandbox of its own, in which time only passes when the example says so.
async fn run(program: &str, arguments: &[&str], code: &str) -> Ran {
    let sandbox = Sandbox::builder().with_speed(0.0).without_rate_limits().with_checked_replies().start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let output = tempfile::tempdir().unwrap();
    let (stdout, stderr) = (output.path().join("stdout"), output.path().join("stderr"));
    let child = Command::new(program)
        .args(arguments)
        .args(["-c", code])
        .current_dir(folder.path())
        .env("OPUSCLIP_BASE_URL", sandbox.url())
        .env("OPUSCLIP_API_KEY", "sk-readme")
        .env("NO_PROXY", "127.0.0.1")
        .env("no_proxy", "127.0.0.1")
        .stdin(Stdio::null())
        .stdout(File::create(&stdout).unwrap())
        .stderr(File::create(&stderr).unwrap())
        .spawn()
        .unwrap();
    let status = wait(child).await;
    let read = |path: &Path| String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned();
    let (stdout, stderr) = (read(&stdout), read(&stderr));
    let ran = Ran { sandbox, folder, stdout };
    let is_success = status.is_some_and(|status| status.success());
    let journal = ran.sandbox.journal();
    assert!(is_success, "{program}: {status:?}\n{code}\n--- stdout\n{}\n--- stderr\n{stderr}\n--- journal\n{journal:#?}", ran.stdout);
    for entry in journal {
        assert_eq!(entry.violations, Vec::<String>::new(), "an example keeps to the spec: {entry:#?}");
    }
    ran
}

const DONE: (Option<u16>, bool) = (Some(200), true);
const CREATED: (Option<u16>, bool) = (Some(201), true);

#[tokio::test]
async fn the_examples_in_shell_do_what_they_say() {
    let examples = examples("sh");
    assert_eq!(examples.keys().copied().collect::<Vec<_>>(), ["A first tour", "Make it fail", "The four steps of an upload"]);
    if !(there_is("bash", "--version") & there_is("curl", "--version")) {
        return;
    }
    for (heading, code) in examples {
        let ran = run("bash", &["-eu"], code).await;
        match heading {
            "A first tour" => first_tour(&ran),
            "The four steps of an upload" => upload(&ran).await,
            _ => lost_reply(&ran),
        }
    }
}

fn first_tour(ran: &Ran) {
    assert_eq!((ran.outcomes("create_project"), ran.outcomes("list_clips")), (vec![CREATED], vec![DONE]));
    assert_eq!(ran.outcomes("cdn").iter().map(|(status, _)| *status).collect::<Vec<_>>(), [Some(206)], "a part of the clip");
    let start = std::fs::read(ran.folder.path().join("start.mp4")).unwrap();
    assert_eq!((start.len(), &start[4..8]), (1024, b"ftyp".as_slice()), "the head of an MP4 file");
}

async fn upload(ran: &Ran) {
    let file = std::fs::read(ran.folder.path().join("test.mp4")).unwrap();
    let id = ran.body("create_project", "videoUrl");
    let object = ran.sandbox.upload(&UploadId::from(id.as_str())).unwrap();
    assert_eq!((object.size, object.crc32c, object.received), (3_000_000, crc32c::crc32c(&file), 3_000_000));
    for (operation, outcome) in [
        ("create_upload_link", DONE),
        ("start_upload_session", CREATED),
        ("send_upload_bytes", DONE),
        ("create_project", CREATED),
        ("get_project", DONE),
    ] {
        assert_eq!(ran.outcomes(operation), [outcome], "{operation}");
    }
    let target = ran.entries("get_project")[0].target.clone();
    let project = ran.sandbox.client().get_project(ProjectId::from(target.rsplit('/').next().unwrap())).await.unwrap();
    assert_eq!((project.stage, project.storage_size), (Some(ProjectStage::Complete), Some(3_000_000)));
    for told in ["\"stage\":\"COMPLETE\"", "\"size\": 3000000"] {
        assert!(ran.stdout.contains(told), "{told} in {}", ran.stdout);
    }
}

fn lost_reply(ran: &Ran) {
    assert_eq!(ran.outcomes("create_project"), [(None, true)]);
    for told in ["create_project#1=lost\n", "No answer. Was it billed?", "\"status\": null", "\"effect\": true", "none is set"] {
        assert!(ran.stdout.contains(told), "{told} in {}", ran.stdout);
    }
}

#[tokio::test]
async fn the_examples_in_python_do_what_they_say() {
    let examples = examples("python");
    assert_eq!(examples.keys().copied().collect::<Vec<_>>(), ["A first tour", "Webhooks"]);
    if !there_is("python3", "--version") {
        return;
    }
    for (heading, code) in examples {
        let ran = run("python3", &[], code).await;
        assert_eq!(ran.outcomes("create_project"), [CREATED]);
        match heading {
            "A first tour" => {
                assert_eq!(ran.outcomes("list_clips"), [(Some(429), false), DONE], "one fault, and then the list");
                assert!(ran.outcomes("get_project").len() >= 5, "it has waited");
                assert_eq!(ran.stdout.lines().filter(|line| line.contains("/ehd.mp4?Expires=")).count(), 3, "{}", ran.stdout);
            }
            _ => webhook(&ran).await,
        }
    }
}

/// The example ends when it has answered; the sandbox notes the answer a moment later.
async fn webhook(ran: &Ran) {
    let noted = async {
        let mut pulse = tokio::time::interval(Duration::from_millis(10));
        while ran.sandbox.count("webhook") == 0 {
            pulse.tick().await;
        }
    };
    tokio::time::timeout(PATIENCE, noted).await.unwrap();
    // 204 and not 401: the example has found the signature to be right.
    assert_eq!(ran.outcomes("webhook"), [(Some(204), true)]);
    assert_eq!(ran.body("webhook", "stage"), "COMPLETE");
}

/// The names in the first column of the table that begins with this heading.
fn first_column(title: &str) -> String {
    let table = README.lines().skip_while(|line| !line.starts_with(&format!("| {title} |"))).skip(2);
    let rows = table.take_while(|line| line.starts_with('|'));
    let cells: Vec<&str> = rows.filter_map(|row| row.split('|').nth(1)).collect();
    assert!(!cells.is_empty(), "there is no table of `{title}`");
    cells.join(" ")
}

#[test]
fn the_tables_name_every_action_and_every_field() {
    let error = "*=boom".parse::<Fault>().unwrap_err().to_string();
    let (_, actions) = error.split_once("there are ").unwrap();
    let names: Vec<&str> = actions.split(", ").map(|action| action.split([':', '[']).next().unwrap()).collect();
    assert!(names.len() > 15, "{names:?}");
    let table = first_column("action");
    for name in &names {
        let is_there = [":", "[", "`"].iter().any(|end| table.contains(&format!("`{name}{end}")));
        assert!(is_there, "the README does not explain the action `{name}`");
    }
    assert_eq!(table.split_whitespace().count(), names.len(), "the README explains an action that there is not: {table}");

    let fields = serde_json::to_value(Entry::default()).unwrap();
    let table = first_column("field of the journal");
    for name in fields.as_object().unwrap().keys() {
        assert!(table.contains(&format!("`{name}`")), "the README does not explain the field `{name}`");
    }
}

#[test]
fn every_option_that_the_readme_names_exists() {
    // Where the program is not built there is nothing to compare with.
    let Some(program) = option_env!("CARGO_BIN_EXE_opusclip-sandbox") else { return };
    let help = Command::new(program).arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let own = README.split('`').skip(1).step_by(2).filter(|code| code.starts_with("--")).map(|code| code.split(' ').next().unwrap());
    let own: Vec<&str> = own.filter(|option| *option != "--help").collect();
    assert!(own.len() > 5, "{own:?}");
    for option in own {
        let is_there = help.lines().any(|line| line.trim_start().split(' ').any(|word| word == option));
        assert!(is_there, "there is no option {option}");
    }
}
