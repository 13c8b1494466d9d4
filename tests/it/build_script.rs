//! The build script on broken specs: one line that names the place and the operation, never a panic of a dependency.

use std::path::Path;
use std::process::Command;

const SPEC: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.yaml"));

/// Runs the build script on a spec and returns whether it succeeded, with all that it printed.
fn build(spec: &str) -> (bool, String) {
    let (package, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    std::fs::write(package.path().join("openapi.yaml"), spec).unwrap();
    let result = run(package.path(), out.path());
    let left: Vec<_> = std::fs::read_dir(package.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["openapi.yaml"], "only OUT_DIR may be written");
    result
}

fn run(package: &Path, out: &Path) -> (bool, String) {
    let output = Command::new(env!("OPUSCLIP_BUILD_SCRIPT")).env("CARGO_MANIFEST_DIR", package).env("OUT_DIR", out).output().unwrap();
    (output.status.success(), String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap())
}

/// The spec with `from` replaced once.
fn broken(from: &str, to: &str) -> String {
    assert!(SPEC.contains(from), "the spec no longer has {from:?}");
    SPEC.replacen(from, to, 1)
}

#[test]
fn takes_the_spec_as_it_is() {
    let (ok, text) = build(SPEC);
    assert!(ok, "{text}");
}

#[test]
fn a_missing_spec_is_named() {
    let (package, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (ok, text) = run(package.path(), out.path());
    assert!(!ok && text.contains("openapi.yaml") && text.contains("No such file"), "{text}");
}

/// The spec, in which reading a project is billed.
fn billed_read() -> String {
    let (before, rest) = SPEC.split_once("operationId: get_project").unwrap();
    format!("{before}operationId: get_project{}", rest.replacen("x-billed: false", "x-billed: true", 1))
}

#[test]
fn a_broken_spec_names_the_place_and_the_operation() {
    let cases = [
        ("not YAML", "openapi: [".to_owned(), vec!["not valid YAML", "line"]),
        ("wrong version", broken("openapi: 3.0.3", "openapi: 3.1.0"), vec!["openapi", "3.1.0"]),
        ("duplicate key", format!("{SPEC}\ncomponents: {{}}\n"), vec!["duplicate", "components"]),
        (
            "dangling reference",
            broken("$ref: '#/components/schemas/ClipList'", "$ref: '#/components/schemas/Nowhere'"),
            vec!["list_clips", "Nowhere"],
        ),
        (
            "camel case id",
            broken("operationId: get_project", "operationId: getProject"),
            vec!["paths./api/clip-projects/{projectId}.get", "getProject", "snake_case"],
        ),
        ("same id twice", broken("operationId: get_project", "operationId: list_clips"), vec!["list_clips", "twice"]),
        ("unbilled", broken("x-billed: true", "x-billed: maybe"), vec!["create_project", "x-billed", "true or false"]),
        ("billed without a body", billed_read(), vec!["get_project", "billed", "JSON body"]),
        ("closed enum", broken("x-open-enum: true", "x-open-enum: false"), vec!["components.schemas.", "x-open-enum"]),
        (
            "path parameter",
            broken("/api/clip-projects/{projectId}:", "/api/clip-projects/{project}:"),
            vec!["get_project", "path parameter `project`"],
        ),
        ("unknown label", broken("label: documented", "label: rumoured"), vec!["x-evidence.label"]),
    ];
    for (name, spec, expected) in cases {
        let (ok, text) = build(&spec);
        assert!(!ok, "{name} was taken");
        for part in expected {
            assert!(text.contains(part), "{name}: no {part:?} in {text}");
        }
        assert!(!text.contains("panicked"), "{name}: {text}");
        let errors = text.lines().filter(|line| line.starts_with("cargo::error=")).count();
        assert_eq!(errors, 1, "{name}: {text}");
    }
}

#[test]
fn what_the_generator_cannot_take_names_the_operation() {
    // A parameter that is an object: progenitor panics on it.
    let spec = broken(
        "        - name: pageNum\n          in: query\n",
        "        - name: pageNum\n          in: query\n          style: deepObject\n",
    );
    let (ok, text) = build(&spec);
    assert!(ok || text.contains("list_clips"), "{text}");
}
