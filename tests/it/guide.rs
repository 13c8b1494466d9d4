//! The guide for those who import the client: what it says that the examples print.

use std::path::Path;
use std::process::Command;

const RUN: &str = "$ cargo run --quiet --example ";

#[test]
fn the_guide_shows_what_the_examples_print() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join("docs/import.md")).unwrap();
    let blocks: Vec<(&str, &str)> = text
        .split("```console\n")
        .skip(1)
        .map(|rest| {
            let (block, _) = rest.split_once("```").unwrap();
            let (command, output) = block.split_once('\n').unwrap();
            (command.strip_prefix(RUN).unwrap_or_else(|| panic!("`{command}` is no example")), output)
        })
        .collect();
    assert!(!blocks.is_empty());
    // Cargo builds the examples with the tests, beside them.
    let tests = std::env::current_exe().unwrap();
    let examples = tests.parent().and_then(Path::parent).unwrap().join("examples");
    for (name, expected) in blocks {
        let program = examples.join(name);
        let output = Command::new(&program)
            .output()
            .unwrap_or_else(|error| panic!("{}: {error}; build it: cargo build --example {name}", program.display()));
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        // `[..]` stands for what differs from run to run.
        snapbox::assert_data_eq!(String::from_utf8(output.stdout).unwrap(), expected);
    }
}
