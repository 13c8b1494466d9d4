//! A whole project: a fixture for each operation, waivers for what they do not show, a note for people and a check for CI.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{fs, io};

use super::{ScaffoldError, draft};
use crate::finding::Finding;
use crate::options::Options;
use crate::report::files::beside;
use crate::run::check;
use crate::spec::Spec;
use crate::suite::Suite;
use crate::waivers::{Date, Waivers};

/// Where the parts of a project stand, below its root.
#[derive(Clone, Debug)]
pub struct Layout {
    /// The OpenAPI document.
    pub spec: PathBuf,
    /// The folder of fixtures.
    pub fixtures: PathBuf,
    /// The file of waivers.
    pub waivers: PathBuf,
}

impl Default for Layout {
    fn default() -> Self {
        Self { spec: "openapi.yaml".into(), fixtures: "tests/fixtures".into(), waivers: "tests/waivers.yaml".into() }
    }
}

impl Layout {
    /// What the program has to be told of it, with a blank in front; nothing where all is in its usual place.
    #[must_use]
    pub fn flags(&self) -> String {
        let usual = Self::default();
        let named = [
            ("--spec", &self.spec, &usual.spec),
            ("--fixtures", &self.fixtures, &usual.fixtures),
            ("--waivers", &self.waivers, &usual.waivers),
        ];
        named.into_iter().filter(|(_, path, usual)| path != usual).map(|(flag, path, _)| format!(" {flag} {}", quoted(path))).collect()
    }
}

/// A file to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Below the root of the project.
    pub path: PathBuf,
    /// What it holds.
    pub text: String,
}

impl File {
    /// Writes the file, whole or not at all, where none is yet.
    ///
    /// # Errors
    ///
    /// A file of this name that is there already, or a folder that cannot be made or written.
    pub fn write_new(&self) -> io::Result<()> {
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::create_dir_all(folder)?;
        beside(folder, &self.text)?.persist_noclobber(&self.path).map_err(|error| error.error)?;
        Ok(())
    }
}

/// The files of a new project.
#[derive(Clone, Debug)]
pub struct Project {
    /// What to write.
    pub files: Vec<File>,
    /// Operations for which no fixture could be made that the lint has nothing against, with the reason.
    pub left_out: Vec<(String, String)>,
    /// How many items the waivers speak of.
    pub waived: usize,
}

/// Makes a project that passes `conformance check` at once: what its fixtures do not show is waived until a day.
///
/// # Errors
///
/// A document without an operation that a fixture can be made of.
pub fn project(spec: &Spec, layout: &Layout, until: Date) -> Result<Project, ScaffoldError> {
    let mut suite = Suite::default();
    let (mut files, mut left_out) = (Vec::new(), Vec::new());
    for operation in spec.operations() {
        match draft(spec, &operation.id, None, None) {
            Ok(draft) if draft.findings.is_empty() => {
                let path = layout.fixtures.join(format!("{}.yaml", draft.id));
                suite.add(&show(&path), &draft.id, &draft.text);
                files.push(File { path, text: draft.text });
            }
            Ok(draft) => left_out.push((operation.id.clone(), draft.findings.first().map(Finding::to_string).unwrap_or_default())),
            Err(error) => left_out.push((operation.id.clone(), error.to_string())),
        }
    }
    if files.is_empty() {
        let reason = left_out.first().map_or_else(|| "it has no operation".to_owned(), |(id, reason)| format!("`{id}`: {reason}"));
        return Err(ScaffoldError(format!("no fixture can be made of this document: {reason}")));
    }
    let report = check(spec, &suite, &Waivers::none(), &Options::default());
    let items = waivable(&report.findings);
    files.push(File { path: layout.waivers.clone(), text: waivers(&items, until) });
    files.push(File { path: layout.fixtures.join("README.md"), text: readme(layout) });
    files.push(File { path: PathBuf::from(".github/workflows/conformance.yml"), text: workflow(layout) });
    Ok(Project { files, left_out, waived: items.len() })
}

/// What has to be waived; a name covers those below it.
fn waivable(findings: &[Finding]) -> Vec<String> {
    let items: BTreeSet<String> = findings.iter().map(Finding::item).collect();
    let is_below = |item: &str| item.match_indices('/').any(|(at, _)| items.contains(&item[..at]));
    items.iter().filter(|item| !is_below(item)).cloned().collect()
}

fn waivers(items: &[String], until: Date) -> String {
    let mut text = "\
# What the first fixtures do not show. Each entry is work to be done: add a fixture (`conformance new OPERATION --status N`),
# and take out the entry, which is then a finding of its own. After its day an entry no longer holds.
"
    .to_owned();
    if items.is_empty() {
        text.push_str("[]\n");
    }
    for item in items {
        let item = serde_json::Value::from(item.as_str());
        text.push_str(&format!("- {{item: {item}, reason: no fixture shows it yet, until: {until}}}\n"));
    }
    text
}

fn readme(layout: &Layout) -> String {
    let flags = layout.flags();
    let waivers = show(&layout.waivers);
    let commands = [
        (format!("check{flags}"), "spec, fixtures and coverage"),
        (format!("coverage --missing{flags}"), "what no fixture shows yet"),
        (format!("new OPERATION --status 404{flags}"), "one more fixture, from the document"),
        (format!("run --cmd 'your client'{flags}"), "the fixtures through your client"),
        ("explain V702".to_owned(), "what a finding means and what to do"),
    ];
    let width = commands.iter().map(|(command, _)| command.chars().count()).max().unwrap_or_default();
    let commands: String = commands.map(|(command, what)| format!("conformance {command:width$}  # {what}\n")).concat();
    format!(
        "\
# Fixtures

One interaction with the API in each file. Those that `conformance init` made are drafts: they hold what the document requires,
with values that nobody has seen. Replace them with what the API really answers.

```sh
{commands}```

`{waivers}` lists what no fixture shows yet, each with a day on which it has to be done. A client in Rust is plugged in
as a library, one in another language speaks lines of JSON: see the README of `opusclip-conformance`.
"
    )
}

fn workflow(layout: &Layout) -> String {
    let flags = layout.flags();
    format!(
        "\
name: conformance
on: [push, pull_request]
permissions: {{contents: read}}
jobs:
  conformance:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - run: cargo install --locked opusclip-conformance
      - run: conformance check{flags} --report-dir conformance-report
      - if: always()
        run: cat conformance-report/summary.md >> \"$GITHUB_STEP_SUMMARY\"
      - if: always()
        uses: actions/upload-artifact@v4
        with: {{name: conformance-report, path: conformance-report}}
"
    )
}

/// As a shell takes it for one word.
fn quoted(path: &Path) -> String {
    let path = show(path);
    let is_plain = path.bytes().all(|b| b.is_ascii_alphanumeric() || b"/._-".contains(&b));
    if is_plain { path } else { format!("'{}'", path.replace('\'', r"'\''")) }
}

fn show(path: &Path) -> String {
    crate::suite::show(path)
}
