//! What help says, and whether it is true.

use serde_json::Value;

use crate::cli::{code, conformance, stderr, stdout, toy};

/// An example that the program does not understand would be worse than none.
#[test]
fn the_help_of_each_command_fits_a_screen_and_its_examples_are_understood() {
    let told = stdout(&conformance(&["-h"]));
    let list = told.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    // How a summary is wrapped depends on the terminal of the tester.
    let names = list.lines().filter(|line| !line.starts_with("   ")).map(|line| line.split_whitespace().next().unwrap());
    let commands: Vec<&str> = names.filter(|name| *name != "help").collect();
    assert_eq!(commands.len(), 16, "{commands:?}");
    let mut examples: Vec<String> = Vec::new();
    for command in commands.iter().map(|command| vec![*command, "-h"]).chain([vec!["-h"], vec!["--help"]]) {
        let told = stdout(&conformance(&command));
        let own = told.split("\nExamples:\n").nth(1).unwrap_or_else(|| panic!("{command:?} has no examples"));
        let of_this = own.lines().filter_map(|line| line.strip_prefix("  conformance ")).map(str::to_owned);
        let (before, lines) = (examples.len(), told.lines().count());
        examples.extend(of_this);
        assert!(examples.len() > before && (lines <= 45 || command == ["--help"]), "{command:?}: {lines} lines");
        assert!(command.len() == 1 || own.contains("Prints "), "{command:?} does not say in which forms it prints");
    }
    for example in examples {
        let written = example.split("   ").next().unwrap().split(" > ").next().unwrap();
        let mut words = shell_words::split(written).unwrap();
        words.push("--help".into());
        let output = conformance(&words.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!((code(&output), stderr(&output)), (0, String::new()), "{example}");
    }
}

/// Nothing that was asked for is left out in silence.
#[test]
fn each_command_prints_the_forms_that_its_help_names() {
    let drift = &["drift", "openapi.yaml", "openapi.yaml"][..];
    for (command, json, markdown) in [
        (&["lint"][..], true, "--format: lint prints text and json; --report-dir writes summary.md"),
        (&["check"], true, "--format: check prints text and json; check --live does, and --report-dir writes summary.md"),
        (&["coverage"], true, "--format: coverage prints text and json"),
        (&["scenarios", "--scenarios", "scenarios"], true, "--format: scenarios prints text and json; --report-dir writes summary.md"),
        (&["schema"], true, "--format: schema prints json alone"),
        (&["show", "books/get_book/minimal"], true, "--format: show prints text and json"),
        (&["mutate", "--filter", "get_book/minimal"], true, "--format: mutate prints text and json"),
        (&["explain", "C405"], false, "--format: explain prints text alone"),
        (&["new", "get_book", "--dry-run"], false, "--format: new prints text alone"),
        (&["init", "--dry-run"], false, "--format: init prints text alone"),
        (&["export", "hurl"], false, "--format: export prints the format of the other tool alone"),
        (drift, true, ""),
    ] {
        let output = toy(&[command, &["--format", "json"]].concat());
        let is_json = serde_json::from_str::<Value>(&stdout(&output)).is_ok();
        assert_eq!((is_json, code(&output) == 2), (json, !json), "{command:?}: {}", stderr(&output));
        let output = toy(&[command, &["--format", "markdown"]].concat());
        let said = stderr(&output);
        assert_eq!(said.trim_end(), if markdown.is_empty() { String::new() } else { format!("conformance: {markdown}") }, "{command:?}");
        assert_eq!(code(&output), if markdown.is_empty() { 0 } else { 2 }, "{command:?}");
    }
    let coverage: Value = serde_json::from_str(&stdout(&toy(&["coverage", "--json"]))).unwrap();
    let schema: Value = serde_json::from_str(&stdout(&toy(&["schema", "coverage"]))).unwrap();
    assert!(jsonschema::is_valid(&schema, &coverage), "{coverage}");
}
