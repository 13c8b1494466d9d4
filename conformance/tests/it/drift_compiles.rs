//! What a comparison says of calling code, against clients that are really generated and really compiled.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use progenitor::{GenerationSettings, Generator, InterfaceStyle};
use serde::Deserialize;
use serde_json::Value;

use crate::drift::{Pair, corpus, yaml};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    pair: String,
    callers: Vec<Caller>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Caller {
    compiles: String,
    code: String,
}

const DEPENDENCIES: &str = r#"
bytes = "1"
futures-core = "0.3"
progenitor-client = "0.15.1"
regress = "*"
reqwest = { version = "0.13.4", default-features = false, features = ["json", "query", "stream"] }
serde = { version = "1", features = ["derive"] }
serde_json = "1"
"#;

fn client(document: &Value, style: InterfaceStyle) -> String {
    let document: openapiv3::OpenAPI = serde_json::from_value(document.clone()).unwrap();
    let mut generator = Generator::new(GenerationSettings::default().with_interface(style));
    generator.generate_tokens(&document).unwrap().to_string()
}

/// A crate that has every client, one with all callers that must compile, and one for each that must not.
struct Project {
    folder: PathBuf,
    members: Vec<String>,
    clients: String,
    callers: String,
}

impl Project {
    fn new() -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("drift-compiles");
        for kind in ["clients", "callers", "fails"] {
            let _ = fs::remove_dir_all(folder.join(kind));
        }
        Self { folder, members: Vec::new(), clients: String::new(), callers: String::new() }
    }

    fn clients(&mut self, name: &str, document: &Value) {
        for (kind, style) in [("positional", InterfaceStyle::Positional), ("builder", InterfaceStyle::Builder)] {
            self.write(&format!("clients/src/{name}_{kind}.rs"), &client(document, style));
            writeln!(self.clients, "pub mod {name}_{kind};").unwrap();
        }
    }

    fn call(&mut self, name: &str, document: &str, code: &str, compiles: bool) {
        let uses = ["positional", "builder"].into_iter().filter(|kind| code.contains(&format!("{kind}::")));
        let uses: String = uses.map(|kind| format!("use clients::{document}_{kind} as {kind};\n")).collect();
        if compiles {
            self.write(&format!("callers/src/{name}.rs"), &format!("{uses}{code}\n"));
            writeln!(self.callers, "mod {name};").unwrap();
        } else {
            self.member(&format!("fails/{name}"), name, &format!("{uses}{code}\n"), "clients = { path = \"../../clients\" }");
        }
    }

    fn member(&mut self, path: &str, name: &str, code: &str, dependencies: &str) {
        self.members.push(path.to_owned());
        let manifest = format!("[package]\nname = \"{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[dependencies]\n{dependencies}\n");
        self.write(&format!("{path}/Cargo.toml"), &manifest);
        self.write(&format!("{path}/src/lib.rs"), &format!("#![allow(warnings)]\n{code}"));
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// The members that do not compile, with the first error of each.
    fn check(mut self) -> Vec<(String, String)> {
        let (clients, callers) = (std::mem::take(&mut self.clients), std::mem::take(&mut self.callers));
        self.member("clients", "clients", &clients, DEPENDENCIES);
        self.member("callers", "callers", &callers, "clients = { path = \"../clients\" }");
        self.write("Cargo.toml", &format!("[workspace]\nresolver = \"3\"\nmembers = {:?}\n", self.members));
        // The versions of this workspace, which are there without a network.
        let lock = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.lock");
        fs::copy(lock, self.folder.join("Cargo.lock")).unwrap();
        let output = Command::new(env!("CARGO"))
            .args(["check", "--offline", "--workspace", "--keep-going", "--quiet", "--message-format=json"])
            .current_dir(&self.folder)
            .env("CARGO_TARGET_DIR", self.folder.join("target"))
            .env_remove("RUSTFLAGS")
            .output()
            .unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        let messages: Vec<Value> = said.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        assert!(!messages.is_empty(), "cargo said: {}", String::from_utf8_lossy(&output.stderr));
        let mut broken: Vec<(String, String)> = Vec::new();
        for message in messages.iter().filter(|message| message["message"]["level"] == "error") {
            let name = message["target"]["name"].as_str().unwrap().to_owned();
            let error = message["message"]["rendered"].as_str().unwrap().to_owned();
            if !broken.iter().any(|(known, _)| *known == name) {
                broken.push((name, error));
            }
        }
        broken
    }
}

fn cases() -> Vec<(Case, Pair)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/drift/callers.yaml");
    let cases: Vec<Case> = serde_json::from_value(yaml(&path)).unwrap();
    let mut pairs = corpus();
    let found = cases.into_iter().map(|case| {
        let index = pairs.iter().position(|(name, _)| *name == case.pair);
        let (_, pair) = pairs.swap_remove(index.unwrap_or_else(|| panic!("there is no pair `{}`, or it is here twice", case.pair)));
        (case, pair)
    });
    found.collect()
}

#[test]
fn callers_are_what_the_corpus_expects() {
    let mut classes = BTreeSet::new();
    for (case, pair) in cases() {
        let outcomes: BTreeSet<&str> = case.callers.iter().map(|caller| caller.compiles.as_str()).collect();
        let said = pair.expect.first().map_or("yes", |expected| expected.compiles.as_str());
        let wanted: BTreeSet<&str> = if said == "partly" { ["no", "yes"].into() } else { [said].into() };
        assert_eq!(outcomes, wanted, "{}", case.pair);
        classes.insert(pair.expect.first().map_or_else(|| "none".to_owned(), |expected| expected.class.clone()));
    }
    assert_eq!(classes, ["additive", "breaking", "client-risk", "none"].map(str::to_owned).into());
}

#[test]
#[ignore = "generates and compiles clients, which takes a minute: .ci/run drift_compiles"]
fn drift_compiles() {
    let mut project = Project::new();
    let mut must_fail = BTreeSet::new();
    let mut names = Vec::new();
    for (index, (case, pair)) in cases().iter().enumerate() {
        let (old, new) = pair.documents();
        let (old_name, new_name) = (format!("old_{index}"), format!("new_{index}"));
        project.clients(&old_name, &old);
        project.clients(&new_name, &new);
        for (number, caller) in case.callers.iter().enumerate() {
            let name = format!("caller_{index}_{number}");
            names.push((name.clone(), case.pair.clone()));
            project.call(&format!("{name}_before"), &old_name, &caller.code, true);
            project.call(&name, &new_name, &caller.code, caller.compiles == "yes");
            if caller.compiles == "no" {
                must_fail.insert(name);
            }
        }
    }
    let broken = project.check();
    let unexpected: Vec<_> = broken.iter().filter(|(name, _)| !must_fail.contains(name)).collect();
    assert!(unexpected.is_empty(), "{}", unexpected.iter().map(|(name, error)| format!("{name}: {error}")).collect::<String>());
    let compiled = must_fail.iter().filter(|name| !broken.iter().any(|(known, _)| known == *name));
    let compiled: Vec<_> = compiled.map(|name| names.iter().find(|(known, _)| known == name)).collect();
    assert!(compiled.is_empty(), "compiles, and should not: {compiled:?}");
}
