//! The program from outside: what it prints where, and how it ends.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use crate::toy::root;

pub(crate) fn conformance(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_conformance"));
    command.current_dir(root()).env_remove("NO_COLOR").args(arguments).output().unwrap()
}

pub(crate) fn toy(arguments: &[&str]) -> Output {
    conformance(&[&["--spec", "openapi.yaml", "--fixtures", "fixtures"], arguments].concat())
}

pub(crate) fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A folder of its own for one test, gone when it ends.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("conformance-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn good_input_ends_with_0_and_an_empty_stderr() {
    for arguments in [
        &["lint"][..],
        &["check"],
        &["coverage", "--missing"],
        &["coverage", "--json"],
        &["schema"],
        &["schema", "report"],
        &["schema", "coverage"],
        &["schema", "diff"],
        &["check", "--all-findings"],
        &["new", "get_book", "--dry-run"],
        &["schema", "mutation"],
        &["schema", "drift"],
        &["drift", "openapi.yaml", "openapi.yaml"],
        &["drift", "openapi.yaml", "../books/openapi.yaml", "--fail-on", "never"],
        &["drift", "openapi.yaml", "../books/openapi.yaml", "--fail-on", "never", "--format", "markdown"],
        &["explain", "C405", "v702"],
        &["explain", "--list"],
        &["show", "books/get_book/minimal"],
        &["show", "fixtures/books/get_book/minimal.yaml", "--format", "json"],
        &["lint", "fixtures/books/get_book", "fixtures/covers/put_cover/by-url.yaml"],
        &["check", "--format", "json"],
    ] {
        let output = toy(arguments);
        assert_eq!((code(&output), stderr(&output).as_str()), (0, ""), "{arguments:?}");
        assert!(!stdout(&output).is_empty());
        assert!(!stdout(&output).contains('\x1b'), "{arguments:?}: colours in a pipe");
    }
}

#[test]
fn bad_input_is_one_line_with_the_place_and_a_way_out() {
    let folder = Folder::new("bad");
    let not_yaml = folder.file("not-yaml.yaml", "openapi: [\n");
    let twice = folder.file("twice.yaml", "openapi: 3.0.3\ninfo: {}\ninfo: {}\n");
    let bad_waivers = folder.file("waivers.yaml", "- {item: [\n");
    let _ = folder.file("fixtures/books/get_book/broken.yaml", "fixture: 1\nsummary: x\n");
    let _ = folder.file("empty/readme.txt", "");
    let kept = folder.file("keep.yaml", "- {operation: get_bok, at: /response/json/title, why: titles are public}\n");
    let questions = folder.file("questions.yaml", QUESTIONS);
    let below_a_file = format!("{not_yaml}/fixtures");
    let fixtures = format!("{}/fixtures", folder.path());
    let empty = format!("{}/empty", folder.path());
    let cases: Vec<(Vec<&str>, i32, &str)> = vec![
        (vec!["lint", "--spec", "nowhere.yaml"], 2, "nowhere.yaml: no such file; name the OpenAPI document with --spec"),
        (vec!["lint", "--fixtures", "nowhere"], 2, "nowhere: No such file or directory"),
        (vec!["lint", "--fixtures", &empty], 2, "no *.yaml file below this folder"),
        (vec!["lint", "--waivers", "nowhere.yaml"], 2, "nowhere.yaml: no such file"),
        (vec!["lint", "--spec", &not_yaml], 1, "not-yaml.yaml:"),
        (vec!["lint", "--spec", &twice], 1, "twice.yaml:3:1: "),
        (vec!["lint", "--waivers", &bad_waivers], 1, "waivers.yaml:"),
        (vec!["lint", "elsewhere"], 2, "elsewhere: no fixture of fixtures is there"),
        (vec!["check", "--filter", "nothing"], 2, "no fixture's id contains `nothing`"),
        (vec!["coverage", "--filter", "books"], 2, "leave --filter out"),
        (vec!["show", "books/get_book/minima"], 2, "there is no fixture `books/get_book/minima`; perhaps books/"),
        (vec!["explain", "X999"], 2, "there is no check `X999`; `conformance explain --list` names all"),
        (vec!["show", "--fixtures", &fixtures, "books/get_book/broken"], 1, "broken.yaml:1:1"),
        (vec!["drift", "openapi.yaml", "nowhere.yaml"], 2, "nowhere.yaml: no such file; give an OpenAPI 3.0 document"),
        (vec!["drift", "openapi.yaml", &not_yaml], 2, "the document cannot be compared before this is repaired"),
        (vec!["drift", "--upstream", "openapi.yaml", "--names", "nowhere.yaml"], 2, "correct --names"),
        (vec!["drift", "--upstream", "openapi.yaml", "--accepted", &twice], 2, "twice.yaml:3:1: duplicate key"),
        (vec!["lint", "--format", "markdown"], 2, "--format: lint prints text and json; --report-dir writes summary.md"),
        (vec!["drift", "openapi.yaml", folder.path()], 2, "cannot be read: Is a directory"),
        (vec!["lint", "--spec", folder.path()], 1, "cannot be read: Is a directory"),
        (vec!["record", "--to", "https://api.example", "--source", " "], 2, "--source is empty"),
        (
            vec!["record", "--to", "https://api.example", "--source", "s", "--fixtures", &not_yaml],
            2,
            "name the folder of fixtures with --fixtures",
        ),
        (vec!["record", "--to", "https://api.example", "--source", "s", "--out", &below_a_file], 2, "fixtures cannot be written there"),
        (vec!["record", "--to", "https://api.example", "--source", "s", "--keep", &kept], 2, "a reviewed place is of `get_bok`"),
        (vec!["check", "--live", "https://api.example", "--questions", "nowhere.yaml"], 2, "nowhere.yaml: No such file"),
        (vec!["check", "--live", "https://api.example", "--questions", &questions, "--key-from", "NO_KEY"], 2, "NO_KEY is not set"),
        (vec!["check", "--live", "http://127.evil.example", "--questions", &questions, "--key-from", "PATH"], 2, "anybody can read"),
    ];
    for (arguments, expected, part) in cases {
        let output = toy(&arguments);
        let said = stderr(&output);
        assert_eq!(code(&output), expected, "{arguments:?}: {said}");
        assert!(said.contains(part) && said.starts_with("conformance: "), "{arguments:?}: no `{part}` in {said}");
        assert_eq!(said.lines().count(), 1, "{arguments:?}: {said}");
        assert_eq!(stdout(&output), "", "{arguments:?}");
    }
}

#[test]
fn wrong_usage_ends_with_2() {
    for set in ["x=", "=x", "x"] {
        let output = toy(&["check", "--live", "https://api.example", "--set", set]);
        assert!(code(&output) == 2 && stderr(&output).contains("expected NAME=VALUE, as projectId=P123"), "{set}: {}", stderr(&output));
    }
    for arguments in [&["frobnicate"][..], &["lint", "--nope"], &[], &["check", "--today", "tomorrow"], &["explain"]] {
        assert_eq!(code(&toy(arguments)), 2, "{arguments:?}");
    }
}

#[test]
fn findings_end_with_1_and_say_how_to_see_them_again() {
    let folder = Folder::new("findings");
    let text = fs::read_to_string(root().join("fixtures/books/get_book/minimal.yaml")).unwrap();
    let file = folder.file("books/get_book/minimal.yaml", &text.replace("title:", "titel:"));
    let output = toy(&["lint", "--fixtures", folder.path()]);
    let said = stdout(&output);
    assert_eq!(code(&output), 1);
    let again = format!("conformance lint --fixtures {} --filter books/get_book/minimal", folder.path());
    for part in ["FAIL", "F302 books/get_book/minimal /response/json/titel", &format!("{file}:14:"), &again, "openapi.yaml:"] {
        assert!(said.contains(part), "no `{part}` in\n{said}");
    }
    assert_eq!(code(&toy(&["lint", "--fixtures", folder.path(), "--filter", "books/get_book/minimal"])), 1);
}

#[test]
fn a_surviving_mutant_comes_with_a_command_that_shows_it_again() {
    let asked = ["mutate", "--operator", "auth", "--filter", "books/get_book/minimal", "--without", "F206", "--without", "f207"];
    let output = toy(&asked);
    let said = stdout(&output);
    assert_eq!(code(&output), 1, "{said}");
    assert!(said.contains("M801 fixtures/books/get_book/minimal.yaml:"), "{said}");
    let again = said.lines().find_map(|line| line.trim().strip_prefix("conformance ")).unwrap();
    let again = conformance(&again.split_whitespace().map(|word| word.trim_matches('\'')).collect::<Vec<_>>());
    let said = stdout(&again);
    assert_eq!(code(&again), 1, "{said}");
    assert!(said.contains("0 of 1 mutants of 1 fixtures killed, 1 survived"), "{said}");

    let shown = toy(&["mutate", "--show", "books/get_book/minimal#auth:drop@/request/require_headers/0"]);
    let said = stdout(&shown);
    assert_eq!(code(&shown), 0);
    for part in ["\nkilled by F207\n", "--- fixtures/books/get_book/minimal.yaml\n", "\n-       \"authorization\"\n"] {
        assert!(said.contains(part), "no `{part}` in\n{said}");
    }
    for wrong in [&["mutate", "--only", "books/none#drop@/x"][..], &["mutate", "--without", "C999"], &["mutate", "--snapshots", "none"]] {
        assert_eq!(code(&toy(wrong)), 2, "{wrong:?}");
    }
}

/// The toy's document, in which a book need not have an id.
fn changed(folder: &Folder) -> String {
    let text = fs::read_to_string(root().join("openapi.yaml")).unwrap();
    let new = text.replace("      required: [id]\n", "");
    assert_ne!(text, new);
    folder.file("new.yaml", &new)
}

#[test]
fn drift_names_the_fixtures_that_prove_a_change() {
    let folder = Folder::new("drift");
    let new = changed(&folder);
    let output = toy(&["drift", "openapi.yaml", &new, "--format", "json"]);
    let drift: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!((code(&output), stderr(&output).as_str()), (1, ""));
    let change = &drift["changes"][0];
    assert_eq!((&change["id"], &change["class"]), (&"D703".into(), &"breaking".into()), "{change:#}");
    let evidence = &change["evidence"];
    let fixtures: Vec<&str> = evidence["fixtures"].as_array().unwrap().iter().map(|id| id.as_str().unwrap()).collect();
    assert!(evidence["is_exact"] == true && fixtures.contains(&"books/get_book/minimal"), "{evidence:#}");
    assert!(!fixtures.iter().any(|id| id.contains("covers/")), "{evidence:#}");

    let text = stdout(&toy(&["drift", "openapi.yaml", &new]));
    for part in ["BREAKING (1)", "D703  field `id`", "where     openapi.yaml:", "new.yaml:", "compiles  no", "FAIL  1 breaking", "Next: "] {
        assert!(text.contains(part), "no `{part}` in\n{text}");
    }
    assert_eq!(text, stdout(&toy(&["drift", "openapi.yaml", &new])));
    for (threshold, expected) in [("breaking", 1), ("client-risk", 1), ("additive", 1), ("never", 0)] {
        assert_eq!(code(&toy(&["drift", "openapi.yaml", &new, "--fail-on", threshold])), expected, "{threshold}");
    }
    for wrong in [&["drift"][..], &["drift", "openapi.yaml"], &["drift", "openapi.yaml", &new, "--fail-on", "all"]] {
        assert_eq!(code(&toy(wrong)), 2, "{wrong:?}");
    }
}

#[test]
fn another_partys_document_is_judged_by_what_is_accepted() {
    let folder = Folder::new("upstream");
    let theirs = changed(&folder);
    let against = |accepted: &str| {
        let accepted = folder.file("accepted.yaml", accepted);
        let output = toy(&["drift", "--upstream", &theirs, "--accepted", &accepted]);
        (code(&output), stdout(&output))
    };
    assert_eq!(against("[]").0, 1);
    let entry = "- {change: [D703], at: [/components/schemas/Book/properties/id], reason: books without one were seen, fact: page 3}\n";
    let (code, said) = against(entry);
    assert!(code == 0 && said.contains("; 1 differences are accepted"), "{said}");
    let (code, said) = against(&format!("{entry}{}", entry.replace("properties/id", "properties/genre")));
    assert!(code == 1 && said.contains("D901") && said.contains("accepted.yaml:2:3"), "{said}");
}

#[test]
fn a_wide_entry_does_not_make_a_narrow_one_stale() {
    let folder = Folder::new("upstream-wide");
    let theirs = changed(&folder);
    let entry = |at: &str| format!("- {{change: [D703], at: ['{at}'], reason: books without one were seen, fact: page 3}}\n");
    let (wide, narrow) = (entry("/components/**"), entry("/components/schemas/Book/properties/id"));
    for both in [format!("{wide}{narrow}"), format!("{narrow}{wide}")] {
        let accepted = folder.file("accepted.yaml", &both);
        let output = toy(&["drift", "--upstream", &theirs, "--accepted", &accepted]);
        let said = stdout(&output);
        assert!(code(&output) == 0 && said.contains("; 1 differences are accepted"), "{said}");
    }
}

#[cfg(unix)]
#[test]
fn a_document_can_come_through_a_pipe() {
    let script = format!("cat openapi.yaml | {} drift openapi.yaml /dev/stdin", env!("CARGO_BIN_EXE_conformance"));
    let output = Command::new("sh").args(["-c", &script]).current_dir(root()).output().unwrap();
    assert_eq!((code(&output), stderr(&output).as_str()), (0, ""), "{}", stdout(&output));
    let script = format!("cat openapi.yaml | {} --spec /dev/stdin --fixtures fixtures lint", env!("CARGO_BIN_EXE_conformance"));
    let output = Command::new("sh").args(["-c", &script]).current_dir(root()).output().unwrap();
    assert_eq!((code(&output), stderr(&output).as_str()), (0, ""), "{}", stdout(&output));
}

const QUESTIONS: &str = "
- fact: C1
  question: Does a page have a total?
  operation: list_books
  answers: [{answer: a number, at: /total, is: integer, expected: true}, {answer: none, at: /total, is: absent}]
";

/// Answers each connection with one response of JSON, after `wait` has returned.
fn service(body: &'static str, wait: impl Fn() + Send + 'static) -> String {
    use std::io::{Read as _, Write as _};

    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            wait();
            let head =
                format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            let _ = stream.write_all(format!("{head}{body}").as_bytes());
        }
    });
    url
}

#[test]
fn a_service_is_asked_and_told_in_every_form() {
    let folder = Folder::new("live");
    let questions = folder.file("questions.yaml", QUESTIONS);
    let ask = |body: &'static str, format: &str| {
        let url = service(body, || {});
        let asked = ["check", "--live", &url, "--questions", &questions, "--key-from", "KEY_OF_TEST", "--format", format];
        let mut command = Command::new(env!("CARGO_BIN_EXE_conformance"));
        // A service on this machine is not asked through a proxy, which would be given the key.
        command.envs(["HTTP_PROXY", "http_proxy", "ALL_PROXY"].map(|name| (name, "http://127.0.0.1:1")));
        command.current_dir(root()).env("KEY_OF_TEST", "sk-test-live-0123").args(["--spec", "openapi.yaml"]).args(asked).output().unwrap()
    };
    let output = ask(r#"{"data": [], "total": 0}"#, "text");
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(stdout(&output).starts_with("C1    as expected  Does a page have a total? (list_books)\n"), "{}", stdout(&output));
    assert!(stderr(&output).contains("1 question(s), at most 20 call(s) that only read, 2 s apart"), "{}", stderr(&output));
    let output = ask(r#"{"data": []}"#, "markdown");
    assert_eq!(code(&output), 1);
    assert!(stdout(&output).contains("| C1 | Does a page have a total? | `list_books` | none | **no** |"), "{}", stdout(&output));
    let output = ask(r#"{"data": []}"#, "json");
    let live: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!((code(&output), &live["rows"][0]["shown"]), (1, &serde_json::json!(["none"])));
    let output = ask("no json", "text");
    assert_eq!(code(&output), 1, "a service that shows nothing is none that is as expected");
    let said = "conformance: the service showed nothing of what was asked; correct the URL, the key or --set\n";
    assert!(stdout(&output).starts_with("C1    unseen ") && stderr(&output).ends_with(said), "{}", stderr(&output));
}

/// The first Ctrl-C waits for the answer of a call that cannot be taken back.
#[cfg(unix)]
#[test]
fn a_recording_ends_when_what_is_under_way_is_written() {
    use std::io::{BufRead as _, BufReader, Read as _, Write as _};
    use std::sync::mpsc;

    let folder = Folder::new("record");
    let (asked, was_asked) = mpsc::channel();
    let (answer, may_answer) = mpsc::channel::<()>();
    let url = service(r#"{"data": []}"#, move || {
        asked.send(()).unwrap();
        let _ = may_answer.recv();
    });
    let fixtures = format!("{}/fixtures", folder.path());
    let mut child = Command::new(env!("CARGO_BIN_EXE_conformance"))
        .current_dir(root())
        .args(["--spec", "openapi.yaml", "--fixtures", &fixtures, "record", "--to", &url, "--source", "a fake"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    let line = said.next().unwrap();
    let address = line.split_once("http://").unwrap().1.split_once(';').unwrap().0;
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    write!(stream, "GET /books HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer x\r\nconnection: close\r\n\r\n").unwrap();
    was_asked.recv().unwrap();
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    assert_eq!(said.next().unwrap(), "conformance: waiting for list_books; Ctrl-C again breaks off what is under way");
    answer.send(()).unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    assert!(reply.ends_with(r#"{"data": []}"#), "{reply}");
    assert!(said.next().unwrap().starts_with(&format!("conformance: recorded {fixtures}/books/list_books/recorded-200.yaml")));
    let output = child.wait_with_output().unwrap();
    assert_eq!(code(&output), 0);
    assert!(
        stdout(&output).starts_with("1 fixture(s) written, 0 known already, 0 call(s) refused, 0 not recorded\n"),
        "{}",
        stdout(&output)
    );
}

#[test]
fn a_run_of_some_operations_takes_their_fixtures_and_repeats_how_it_was_asked() {
    if !crate::command::has_python("a_run_of_some_operations_takes_their_fixtures_and_repeats_how_it_was_asked") {
        return;
    }
    let folder = Folder::new("operations");
    for (from, to) in [("get_book/maximal", "any/one"), ("list_books/prose", "get_book/other")] {
        let text = fs::read_to_string(root().join(format!("fixtures/books/{from}.yaml"))).unwrap();
        let _ = folder.file(&format!("books/{to}.yaml"), &text.replace(&format!("books/{from}"), &format!("books/{to}")));
    }
    let client = crate::command::example("--break drop-field");
    let asked = ["run", "--fixtures", folder.path(), "--cmd", &client, "--key", "sk-test-other"];
    let output = toy(&[&asked[..], &["--operations", "get_book", "--timeout", "9.5", "--jobs", "2"]].concat());
    let (said, told) = (stdout(&output), stderr(&output));
    assert!(told.contains(": 1 fixtures\n"), "{told}");
    assert!(said.contains("C405 books/any/one") && !said.contains("get_book/other"), "{said}");
    assert!(said.contains(" --operations get_book --timeout 9.5 --jobs 2 --filter books/any/one"), "{said}");
    assert!(!said.contains("sk-test-other") && !said.contains("--key"), "{said}");
    let output = toy(&asked);
    let said = stdout(&output);
    assert!(said.contains("client.py --break drop-field' --filter books/any/one"), "{said}");
    for (operations, said) in
        [("get_bok", "the document has no operation `get_bok`; it has list_books, "), ("put_cover", "no fixture belongs to")]
    {
        let output = toy(&[&asked[..], &["--operations", operations]].concat());
        assert!(code(&output) == 2 && stderr(&output).contains(said), "{}", stderr(&output));
    }
}

#[test]
fn a_malformed_fixture_is_a_finding_not_a_crash() {
    let folder = Folder::new("malformed");
    let _ = folder.file("books/get_book/one.yaml", "fixture: 1\n\tid: x");
    let _ = folder.file("books/get_book/two.yml", "fixture: 1\n");
    let _ = folder.file("books/get_book/three.yaml", "- just\n- a list\n");
    let output = toy(&["check", "--fixtures", folder.path(), "--format", "json"]);
    let report: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!((code(&output), &report["totals"]["failed"]), (1, &3.into()));
}

#[test]
fn the_day_decides_about_a_waiver() {
    let folder = Folder::new("waivers");
    let waivers = folder.file("waivers.yaml", "- {item: V702 list_books 429, reason: r, until: 2027-03-01}\n");
    let on = |day: &str| stdout(&toy(&["check", "--waivers", &waivers, "--today", day]));
    assert!(on("2027-03-01").contains("V721"));
    assert!(on("2027-03-02").contains("V720"));
}

#[test]
fn a_reader_that_leaves_is_no_failure() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_conformance"))
        .args(["schema", "fixture"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((code(&output), stderr(&output).as_str()), (0, ""));
}

#[test]
fn the_report_is_written_in_every_form_beside_what_is_printed() {
    let folder = Folder::new("report-dir");
    let target = format!("{}/of/this/run", folder.path());
    let output = toy(&["check", "--report-dir", &target]);
    assert_eq!((code(&output), stdout(&output)), (0, stdout(&toy(&["check"]))));
    assert!(stderr(&output).contains("report.html"), "{}", stderr(&output));
    for name in ["report.json", "report.txt", "junit.xml", "report.sarif", "report.html", "summary.md", "coverage.json"] {
        assert!(PathBuf::from(&target).join(name).is_file(), "{name}");
    }
    assert_eq!(fs::read_to_string(format!("{target}/report.txt")).unwrap(), stdout(&output));
    let output = toy(&["explain", "C405", "--report-dir", &target]);
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("--report-dir goes with lint, check, run and scenarios"));
    let file = folder.file("file", "mine");
    let output = toy(&["check", "--report-dir", &file]);
    assert_eq!(code(&output), 3);
    assert!(stderr(&output).contains("the report cannot be written into"));
}

#[test]
fn two_reports_are_compared_in_every_form() {
    let folder = Folder::new("diff");
    let text = fs::read_to_string(root().join("fixtures/books/get_book/minimal.yaml")).unwrap();
    let good = folder.file("old.json", &stdout(&toy(&["check", "--format", "json"])));
    let _ = folder.file("fixtures/books/get_book/minimal.yaml", &text.replace("title:", "titel:"));
    let fixtures = format!("{}/fixtures", folder.path());
    let bad = folder.file("new.json", &stdout(&toy(&["check", "--fixtures", &fixtures, "--format", "json"])));
    let output = conformance(&["diff", &good, &bad]);
    assert_eq!(code(&output), 1);
    for part in ["FAIL  ", "\nNew findings (", "  F302 books/get_book/minimal /response/json/titel\n", "\nCoverage lost ("] {
        assert!(stdout(&output).contains(part), "no `{part}` in\n{}", stdout(&output));
    }
    assert!(stdout(&conformance(&["diff", &good, &bad, "--format", "markdown"])).contains("### New findings: "));
    let json: serde_json::Value = serde_json::from_str(&stdout(&conformance(&["diff", &good, &bad, "--format", "json"]))).unwrap();
    assert_eq!(json["diff"], 1);
    assert_eq!(code(&conformance(&["diff", &bad, &good])), 0);
    let output = conformance(&["diff", &good, "nowhere.json"]);
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("nowhere.json: No such file"), "{}", stderr(&output));
}

/// What each command prints, word for word; where it writes files, what they hold.
#[test]
fn what_each_command_prints() {
    let folder = Folder::new("prints");
    let new = changed(&folder);
    let specmatic = format!("{}/specmatic", folder.path());
    let har = format!("{}/out.har", folder.path());
    let only = "books/get_book/minimal";
    let lists = folder.file("lists.yaml", "- {operation: x}\n");
    let commands: &[&[&str]] = &[
        &["lint"],
        &["check", "--filter", "get_book"],
        &["lint", "fixtures/covers"],
        &["coverage"],
        &["coverage", "--missing"],
        &["show", "books/get_book/minimal"],
        &["show", "books/add_book/maximal"],
        &["show", "books/list_books/maximal"],
        &["show", "books/list_books/reset"],
        &["show", "books/add_book/no-title"],
        &["show", "covers/put_cover/by-url"],
        &["show", "books/get_book/missing"],
        &["export", "hurl"],
        &["export", "har", "--filter", only],
        &["export", "har", "-o", &har],
        &["export", "specmatic", "-o", &specmatic],
        &["export", "specmatic", "-o", &specmatic],
        &["export", "har", "-o", folder.path()],
        &["scenarios"],
        &["scenarios", "--filter", "nothing"],
        &["new", "list_books", "--dry-run"],
        &["new", "put_cover", "--dry-run", "--status", "403"],
        &["new", "add_book", "--dry-run", "--name", "x"],
        &["mutate", "--filter", only],
        &["mutate", "--filter", only, "--operator", "header-case", "--equivalents"],
        &["mutate", "--show", "books/get_book/minimal#value@/response/json/title"],
        &["mutate", "--show", "books/get_book/minimal#header-case@/request/require_headers/0"],
        &["mutate", "--operator", "nothing"],
        &["drift", "openapi.yaml", &new],
        &["drift", "openapi.yaml", &new, "--format", "markdown"],
        &["explain", "F302", "v705"],
        &["explain", "--list"],
        &["drift", "--upstream", "openapi.yaml", "--accepted", &lists],
        &["run", "--cmd", "no-such-program-here"],
    ];
    let mut told = String::new();
    for arguments in commands {
        let output = toy(arguments);
        told += &format!("$ conformance {}\n[{}]\n{}{}\n", arguments.join(" "), code(&output), stdout(&output), stderr(&output));
    }
    let mut files: Vec<_> = fs::read_dir(&specmatic).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    files.sort();
    told += &files.join("\n");
    assert!(fs::read_to_string(&har).unwrap().contains("\"version\": \"1.2\""));
    insta::assert_snapshot!(told.replace(folder.path(), "FOLDER").replace(env!("CARGO_PKG_VERSION"), "VERSION"));
}
