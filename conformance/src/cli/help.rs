//! What the help of each command ends with: examples, and in which forms it prints.

use super::{Command, Format};

pub(super) const SHORT: &str = "\
Examples:
  conformance init                                     a first project from openapi.yaml
  conformance check                                    spec, fixtures and coverage, without a client
  conformance run --cmd 'python3 client.py'            the fixtures through a client in any language
  conformance explain C405                             what a finding means and what to do

Exit codes: 0 nothing is wrong, 1 findings, 2 wrong usage, 3 the harness failed. Examples: --help";

pub(super) const LONG: &str = "\
Examples:
  conformance check                                    spec, fixtures and coverage, without a client
  conformance init                                     a first project from openapi.yaml
  conformance new get_book --status 404                one fixture from the document, to be edited
  conformance lint tests/fixtures/books                only the fixtures below a folder
  conformance --spec api.yaml --fixtures cases lint    other places than openapi.yaml and tests/fixtures
  conformance coverage --missing                       what no fixture shows yet
  conformance show books/list_books/minimal            one fixture, as HTTP
  conformance run --cmd 'python3 client.py'            the fixtures through a client in any language
  conformance scenarios                                the sequences and faults in tests/scenarios
  conformance serve --port 8080                        the fixtures over HTTP, for a client that cannot be plugged in
  conformance explain C405                             what a finding means and what to do
  conformance check --report-dir target/report         the report as JSON, JUnit, SARIF, HTML, Markdown and text
  conformance diff old.json new.json                   what changed between two reports
  conformance mutate                                   would anybody notice a fault in a fixture?
  conformance drift old.yaml openapi.yaml              what a change of the API does to the generated client
  conformance export har -o fixtures.har               the fixtures for another tool
  conformance record --to URL --source 'our account'   a proxy that writes fixtures of what a service answers, redacted
  conformance schema fixture > fixture.schema.json     the fixture format, for an editor

Exit codes:
  0 nothing is wrong    1 findings    2 wrong usage    3 the harness itself failed

A client in Rust is plugged in as a library, one in another language with `run`; see the README of the crate.";

pub(super) const LINT: &str = "\
Examples:
  conformance lint
  conformance lint tests/fixtures/books                only what is below a folder

Prints text, or with --format json the report (its schema: conformance schema report).";

pub(super) const CHECK: &str = "\
Examples:
  conformance check
  conformance check --report-dir target/report         the report in every form as well
  conformance check --live https://api.example --set projectId=P123 --format markdown

Prints text, or with --format json the report (its schema: conformance schema report).
With --live it prints a table as text, json or markdown.";

pub(super) const COVERAGE: &str = "\
Examples:
  conformance coverage --missing                       every item, with its place in the document

Prints text, or with --format json every item that is missing (its schema: conformance schema coverage).";

pub(super) const EXPLAIN: &str = "\
Examples:
  conformance explain C405 V702
  conformance explain --list

Prints text.";

pub(super) const RUN: &str = "\
Examples:
  conformance run --cmd 'python3 client.py'
  conformance run --cmd ./client --operations list_books,get_book --report-dir target/report

What the program reads and writes: conformance schema protocol, and PROTOCOL.md of the crate.
Prints text, or with --format json the report (its schema: conformance schema report).";

pub(super) const SCENARIOS: &str = "\
Examples:
  conformance scenarios                                only checks the files
  conformance scenarios --cmd 'python3 client.py'      plays them to a client

Prints text, or with --format json the report (its schema: conformance schema report).";

pub(super) const SERVE: &str = "\
Examples:
  conformance serve --port 8080
  curl http://127.0.0.1:8080/                          the fixtures, and the call that each expects
  curl -X POST http://127.0.0.1:8080/__done            ends it

Prints text, or with --format json what was and was not as expected.";

pub(super) const MUTATE: &str = "\
Examples:
  conformance mutate
  conformance mutate --operator drop --filter books/   one kind of fault in some fixtures
  conformance mutate --show 'books/get_book/minimal#drop@/response/json/title'
  conformance mutate --without C405                    what no other check would notice

Without snapshots only the lint judges. An equivalent mutant says the same as the fixture; it cannot be noticed.
Prints text, or with --format json each survivor and equivalent (its schema: conformance schema mutation).";

pub(super) const RECORD: &str = "\
Examples:
  conformance record --to https://api.example --source 'account of the test team' --port 8080
  conformance record --to https://api.example --source 'test account' --allow-billed --budget 1

Prints what was written and what was not, as text.";

pub(super) const DRIFT: &str = "\
Examples:
  conformance drift old.yaml openapi.yaml
  conformance drift old.yaml openapi.yaml --format markdown --fail-on breaking
  conformance drift --upstream vendor.json             the document of --spec against somebody else's

Prints text, with --format markdown at most sixty lines for a pull request, or with --format json everything
(its schema: conformance schema drift).";

pub(super) const EXPORT: &str = "\
Examples:
  conformance export har -o fixtures.har
  conformance export specmatic -o target/examples
  conformance export hurl -o fixtures.hurl

Prints the format of the other tool.";

pub(super) const INIT: &str = "\
Examples:
  conformance init --dry-run
  conformance init --spec api.yaml --dir tests/api     copies the document there

Prints the files, one a line.";

pub(super) const NEW: &str = "\
Examples:
  conformance new get_book
  conformance new get_book --status 404 --name missing
  conformance new get_book --dry-run

Prints the file that was written, or with --dry-run its text.";

pub(super) const DIFF: &str = "\
Examples:
  conformance diff old/report.json target/report/report.json --format markdown

Prints text, with --format markdown the same for a pull request, or with --format json the same for a program
(its schema: conformance schema diff).";

pub(super) const SHOW: &str = "\
Examples:
  conformance show books/list_books/minimal

Prints text, or with --format json the fixture as it was read.";

pub(super) const SCHEMA: &str = "\
Examples:
  conformance schema fixture > fixture.schema.json

Prints JSON.";

impl Command {
    /// The command's name, and what `--format` may be for it besides text.
    pub(super) const fn forms(&self) -> (&'static str, &'static [Format]) {
        use Format::{Json, Markdown};
        match self {
            Self::Lint { .. } => ("lint", &[Json]),
            Self::Check(check) if check.live.is_some() => ("check --live", &[Json, Markdown]),
            Self::Check(_) => ("check", &[Json]),
            Self::Coverage { .. } => ("coverage", &[Json]),
            Self::Schema { .. } => ("schema", &[Json]),
            Self::Explain { .. } => ("explain", &[]),
            Self::Run(_) => ("run", &[Json]),
            Self::Scenarios(_) => ("scenarios", &[Json]),
            Self::Serve(_) => ("serve", &[Json]),
            Self::Mutate(_) => ("mutate", &[Json]),
            Self::Record(_) => ("record", &[]),
            Self::Drift(_) => ("drift", &[Json, Markdown]),
            Self::Export(_) => ("export", &[]),
            Self::Init(_) => ("init", &[]),
            Self::New(_) => ("new", &[]),
            Self::Diff(_) => ("diff", &[Json, Markdown]),
            Self::Show { .. } => ("show", &[Json]),
        }
    }
}
