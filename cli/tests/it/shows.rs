//! What each command shows: as a table on a terminal, and as JSON in a pipe.

use std::io::Read as _;
use std::process::Stdio;
use std::time::Duration;

use opusclip::types::ProjectStage;
use serde_json::Value;

use crate::support::World;
use crate::terminal::{attached, read_while};

const VIDEO: &str = "https://www.youtube.com/watch?v=LXvv6CbGg8A";

/// After it every job is over.
const HOUR: Duration = Duration::from_secs(3600);

/// A person at a terminal of a hundred columns, whose session is written down.
struct Session {
    world: World,
    seen: String,
    /// Whether no variable says where the account is.
    is_bare: bool,
}

impl Session {
    fn new() -> Self {
        Self::of(World::new())
    }

    fn of(world: World) -> Self {
        Self { world, seen: String::new(), is_bare: false }
    }

    /// Runs it with a terminal for its stdout, and writes down what is seen.
    #[track_caller]
    fn sees(&mut self, args: &[&str]) -> &mut Self {
        let mut command = if self.is_bare { self.world.bare(args) } else { self.world.command(args) };
        command.env("NO_COLOR", "1");
        let (mut child, mut terminal) = attached(pty_process::blocking::Command::from(command).stdin(Stdio::null()).stderr(Stdio::piped()));
        let stdout = std::thread::spawn(move || {
            let mut bytes = Vec::new();
            read_while(&mut terminal, &mut bytes, |_| true);
            bytes
        });
        let mut stderr = String::new();
        child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        let code = child.wait().unwrap().code().unwrap_or(-1);
        let stdout = String::from_utf8(stdout.join().unwrap()).unwrap().replace("\r\n", "\n");
        self.write_down(args, &stdout, &stderr, code);
        self
    }

    /// The first value of this name in what it writes into a pipe, which is written down.
    #[track_caller]
    fn gives(&mut self, args: &[&str], name: &str) -> String {
        let json: &[&str] = if args.contains(&"--columns") { &["--json"] } else { &[] };
        let args = &[args, json].concat()[..];
        let run = self.world.opusclip(args).succeeds();
        let data = run.json();
        let row = data.get(0).unwrap_or(&data);
        self.write_down(&[args, &["| cat"]].concat(), &run.stdout, &run.stderr, run.code);
        row[name].as_str().unwrap_or_else(|| panic!("no {name} in {data}")).to_owned()
    }

    fn write_down(&mut self, args: &[&str], stdout: &str, stderr: &str, code: i32) {
        let args: Vec<&str> = args.iter().map(|arg| if *arg == VIDEO { "VIDEO" } else { arg }).collect();
        let stderr: String = stderr.lines().map(|line| format!("! {line}\n")).collect();
        let text = self.world.masked(&format!("{stdout}{stderr}"));
        // How wide a column is depends on what is masked in it.
        let text = if text == format!("{stdout}{stderr}") { text } else { collapsed(&text) };
        let ending = if code == 0 { String::new() } else { format!("[exit code {code}]\n") };
        self.seen.push_str(&format!("$ opusclip {}\n{text}{ending}\n", self.world.masked(&args.join(" "))));
    }

    fn snapshot(&self, name: &str) {
        let mut settings = insta::Settings::clone_current();
        settings.add_filter(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "TIME");
        settings.add_filter(r"\b\d{13}", "MS");
        settings.add_filter(r"(x-opus-\w+): [0-9a-f]+", "$1: X");
        settings.add_filter(r"os error \d+", "os error N");
        settings.add_filter(r"Expires=\d+&Signature=[0-9a-f]+", "Expires=TIME&Signature=X");
        settings.set_omit_expression(true);
        settings.bind(|| insta::assert_snapshot!(name, self.seen));
    }
}

/// Several blanks, but for those that a line begins with, as two.
fn collapsed(text: &str) -> String {
    let line = |line: &str| {
        let indent = line.len() - line.trim_start().len();
        let words: Vec<&str> = line.trim_start().split("  ").map(str::trim).filter(|word| !word.is_empty()).collect();
        format!("{}{}\n", &line[..indent], words.join("  "))
    };
    text.lines().map(line).collect()
}

#[test]
fn projects_and_their_clips() {
    let mut session = Session::new();
    let project = session.gives(&["project", "create", VIDEO, "--genre", "Podcast", "--title", "Talk"], "id");
    let id = project.as_str();
    session.sees(&["project", "wait", id, "--quiet"]).sees(&["project", "get", id]).sees(&["project", "share", id]);
    session.sees(&["clip", "list", id]).sees(&["clip", "list", id, "--columns", "id,durationMs"]);
    session.gives(&["clip", "list", id, "--columns", "id,title"], "id");
    session.sees(&["project", "transcript", id]);
    session.sees(&["clip", "download", id, "--out", "clips"]).sees(&["clip", "download", id, "--out", "clips"]);
    session.gives(&["clip", "download", id, "--out", "clips", "--columns", "clip,state,bytes"], "clip");
    session.sees(&["project", "get", "P0000000none"]);
    session.snapshot("projects");
}

#[test]
fn collections() {
    let mut session = Session::new();
    session.sees(&["collection", "list"]);
    let project = session.gives(&["project", "create", VIDEO, "--columns", "id"], "id");
    session.sees(&["project", "wait", &project, "--quiet", "--columns", "id"]);
    let clip = session.gives(&["clip", "list", &project, "--columns", "id"], "id");
    let collection = session.gives(&["collection", "create", "best"], "collectionId");
    let (clip, collection) = (clip.as_str(), collection.as_str());
    session.sees(&["collection", "add", collection, clip]).sees(&["collection", "list"]);
    session.sees(&["collection", "list", "--containing", clip]).sees(&["clip", "list", "--collection", collection]);
    session.sees(&["collection", "export", collection]).sees(&["collection", "remove", collection, clip]);
    session.sees(&["collection", "delete", collection]).sees(&["collection", "delete", collection]);
    session.snapshot("collections");
}

#[test]
fn posts() {
    let mut session = Session::new();
    let project = session.gives(&["project", "create", VIDEO, "--columns", "id"], "id");
    session.sees(&["project", "wait", &project, "--quiet", "--columns", "id"]);
    let clip = session.gives(&["clip", "list", &project, "--columns", "id"], "id");
    session.sees(&["post", "account", "list"]);
    let account = session.gives(&["post", "account", "list", "--columns", "postAccountId"], "postAccountId");
    let to = [clip.as_str(), "--account", &account];
    session.sees(&[&["post", "create"], &to[..], &["--title", "T", "--privacy", "public"]].concat());
    let at = ["--title", "T", "--at", "2031-01-01T00:00:00Z"];
    let schedule = session.gives(&[&["post", "schedule"], &to[..], &at].concat(), "scheduleId");
    session.sees(&["post", "cancel", &schedule]);
    let job = session.gives(&[&["post", "copy", "create"], &to[..], &["--prompt", "short"]].concat(), "jobId");
    session.world.sandbox.advance(HOUR);
    session.sees(&["post", "copy", "get", &job]);
    session.snapshot("posts");
}

#[test]
fn jobs_and_templates() {
    let mut session = Session::new();
    let project = session.gives(&["project", "create", VIDEO, "--columns", "id"], "id");
    session.sees(&["project", "wait", &project, "--quiet", "--columns", "id"]);
    let clip = session.gives(&["clip", "list", &project, "--columns", "id"], "id");
    let job = session.gives(&["censor", "create", &clip, "--beep"], "jobId");
    session.world.sandbox.advance(HOUR);
    session.sees(&["censor", "get", &job]);
    let job = session.gives(&["thumbnail", "create", VIDEO, "--prompt", "a cat"], "jobId");
    session.world.sandbox.advance(HOUR);
    session.sees(&["thumbnail", "get", &job]).sees(&["template", "list"]);
    session.snapshot("jobs");
}

#[test]
fn uploads() {
    let mut session = Session::new();
    session.world.file("talk.mp4", opusclip_sandbox::sample_video(1 << 20));
    session.sees(&["upload", "list"]).sees(&["upload", "start", "talk.mp4", "--quiet"]);
    session.sees(&["upload", "resume"]).sees(&["upload", "cancel", "UPL_none"]);
    session.snapshot("uploads");
}

#[test]
fn clip() {
    // Each is seen, however busy the machine is.
    let stages = [ProjectStage::Queued, ProjectStage::Curate, ProjectStage::Render].map(|stage| (stage, Duration::from_secs(900)));
    let mut session = Session::of(World::with(|sandbox| sandbox.with_stages(stages)));
    session.world.file("talk.mp4", opusclip_sandbox::sample_video(1 << 20));
    session.world.file("page.mp4", "<!doctype html>");
    session.sees(&["clip", "talk.mp4", VIDEO, "--dry-run"]).sees(&["clip", "talk.mp4"]).sees(&["clip", "talk.mp4", "page.mp4"]);
    session.sees(&["clip", "talk.mp4", "--dry-run"]).sees(&["clip"]);
    session.snapshot("clip");
}

#[test]
fn accounts() {
    let mut session = Session { is_bare: true, ..Session::new() };
    session.world.file("key.txt", "sk-of-the-tests\n");
    let url = session.world.sandbox.url().to_owned();
    session.sees(&["auth", "status"]).sees(&["template", "list"]);
    session.sees(&["auth", "login", "--base-url", &url, "--api-key-file", "key.txt"]).sees(&["auth", "status", "--check"]);
    session.sees(&["config", "path"]).sees(&["config", "set", "org", "org_12ab"]).sees(&["config", "get", "org"]);
    session.sees(&["config", "set", "orgs", "x"]).sees(&["config", "set", "base_url", "nonsense"]);
    session.sees(&["config", "list"]).sees(&["config", "unset", "org"]).sees(&["template", "list"]);
    session.sees(&["template", "list", "--profile", "wrok"]).sees(&["auth", "logout"]).sees(&["auth", "logout"]);
    session.snapshot("accounts");
}

#[test]
fn messages() {
    let mut session = Session::new();
    session.world.file("body.json", r#"{"projectId":"P1","stage":"COMPLETE"}"#);
    session.sees(&["webhook", "send", "http://127.0.0.1:1/", "--curl"]);
    session.sees(&["webhook", "verify", "body.json"]);
    session.sees(&["webhook", "verify", "body.json", "--signature", "00", "--salt", "aa", "--timestamp", "1"]);
    session.sees(&["webhook", "send", "http://127.0.0.1:1/"]).sees(&["webhook", "listen"]);
    session.snapshot("messages");
}

#[test]
fn operations_and_exit_codes() {
    let mut session = Session::new();
    session.sees(&["api", "list"]).sees(&["api", "get_collection"]).sees(&["help", "exit-codes"]);
    session.sees(&["api", "list_collections", "--input", r#"{"q": "mine"}"#]);
    session.snapshot("operations");
}

#[test]
fn short_helps() {
    let mut session = Session::new();
    session.sees(&["-h"]).sees(&["clip", "-h"]).sees(&["project", "-h"]).sees(&["upload", "start", "-h"]);
    session.snapshot("helps");
}

/// So that the values in the snapshots of this file are data and not chance.
#[test]
fn the_same_session_is_seen_again() {
    let ids = || {
        let world = World::new();
        let created: Vec<Value> = (0..3).map(|_| world.opusclip(&["project", "create", VIDEO]).succeeds().json()["id"].clone()).collect();
        created
    };
    assert_eq!(ids(), ids());
}
