//! Arguments, and what each command prints.

mod check;
mod diff;
mod drift;
mod export;
mod help;
mod init;
mod mutate;
mod new;
mod record;
mod run;
mod scenarios;
mod serve;
mod show;

use std::fmt::Write as _;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use clap::{Args, Parser, Subcommand, ValueEnum};
use opusclip_conformance::command::protocol_schema;
use opusclip_conformance::drift::drift_schema;
use opusclip_conformance::explain::{all, explain};
use opusclip_conformance::fixture::fixture_schema;
use opusclip_conformance::mutate::mutation_schema;
use opusclip_conformance::options::Options;
use opusclip_conformance::report::{DimensionCoverage, FILES, Report, coverage_schema, diff_schema, report_schema};
use opusclip_conformance::run::{check, lint_only};
use opusclip_conformance::scenario::scenario_schema;
use opusclip_conformance::spec::Spec;
use opusclip_conformance::suite::Suite;
use opusclip_conformance::waivers::{Date, Waivers};
use serde_json::Value;

const SPEC: &str = "openapi.yaml";
const FIXTURES: &str = "tests/fixtures";
const WAIVERS: &str = "tests/waivers.yaml";

/// Exit code: something is wrong with what was looked at.
const FINDINGS: u8 = 1;
/// Exit code: the program was called wrongly.
const USAGE: u8 = 2;
/// Exit code: the harness itself failed.
pub(crate) const ENGINE: u8 = 3;

/// Columns of a text that has no terminal to fit into.
const READABLE: usize = 100;

/// Checks an OpenAPI document and fixtures of HTTP interactions against each other.
#[derive(Debug, Parser)]
#[command(name = "conformance", version, after_help = help::SHORT, after_long_help = help::LONG, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(flatten)]
    files: Files,
    #[command(subcommand)]
    command: Command,
}

#[derive(Args, Debug)]
#[command(next_help_heading = "Options of all commands")]
struct Files {
    /// The OpenAPI 3.0 document.
    #[arg(long, global = true, value_name = "FILE", default_value = SPEC)]
    spec: PathBuf,
    /// The folder of fixtures.
    #[arg(long, global = true, value_name = "DIR", default_value = FIXTURES)]
    fixtures: PathBuf,
    /// The file of waivers [default: tests/waivers.yaml, where it exists]
    #[arg(long, global = true, value_name = "FILE")]
    waivers: Option<PathBuf>,
    /// The day on which waivers are judged [default: today, in UTC]
    #[arg(long, global = true, value_name = "YYYY-MM-DD")]
    today: Option<Date>,
    /// Only fixtures whose id contains this; coverage is then not judged.
    #[arg(long, global = true, value_name = "SUBSTRING")]
    filter: Option<String>,
    /// How to print the result; the end of each command's help says what it has.
    #[arg(long, global = true, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Write the report in every form here, too (lint, check, run, scenarios)
    #[arg(long, global = true, value_name = "DIR")]
    report_dir: Option<PathBuf>,
    /// Print every finding in full, also where many are of one cause.
    #[arg(long, global = true)]
    all_findings: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For a person.
    Text,
    /// For a program; `conformance schema` prints what it is made of.
    Json,
    /// For a pull request: drift, diff and check --live.
    Markdown,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Check the spec and the fixtures.
    #[command(after_help = help::LINT)]
    Lint {
        /// Only these fixture files, or what is below these folders.
        paths: Vec<PathBuf>,
    },
    /// Lint, and check coverage, without a client; with --live, see what a service shows.
    #[command(after_help = help::CHECK)]
    Check(check::Check),
    /// Show what the fixtures cover of the spec.
    #[command(after_help = help::COVERAGE)]
    Coverage {
        /// The same as `--format json`.
        #[arg(long)]
        json: bool,
        /// List every item that is not covered.
        #[arg(long)]
        missing: bool,
    },
    /// Print a JSON Schema.
    #[command(after_help = help::SCHEMA)]
    Schema {
        /// Of which format.
        #[arg(value_enum, default_value_t = Schema::Fixture)]
        of: Schema,
    },
    /// Say what a finding means and what to do about it.
    #[command(after_help = help::EXPLAIN)]
    Explain {
        /// Ids of checks, as C405.
        #[arg(required_unless_present = "list", value_name = "ID")]
        ids: Vec<String>,
        /// List all checks.
        #[arg(long)]
        list: bool,
    },
    /// Replay the fixtures through a client in any language, over its stdin and stdout.
    #[command(after_help = help::RUN)]
    Run(run::Run),
    /// Check the scenarios, and play them to a client that speaks JSON lines.
    #[command(after_help = help::SCENARIOS)]
    Scenarios(scenarios::Scenarios),
    /// Replay the fixtures over HTTP, and judge the requests of a client that runs by itself.
    #[command(after_help = help::SERVE)]
    Serve(serve::Serve),
    /// Put every single fault into every fixture, and tell which ones no check notices.
    #[command(after_help = help::MUTATE)]
    Mutate(mutate::Mutate),
    /// Record fixtures of what a service answers, redacted, by a proxy on loopback.
    #[command(after_help = help::RECORD)]
    Record(record::Record),
    /// Compare two OpenAPI documents: what changed, and what it does to the generated client.
    #[command(after_help = help::DRIFT)]
    Drift(drift::DriftArguments),
    /// Write the fixtures that keep to the spec in the format of another tool.
    #[command(after_help = help::EXPORT)]
    Export(export::Export),
    /// Start a project: fixtures, waivers, a note and a check for CI.
    #[command(after_help = help::INIT)]
    Init(init::Init),
    /// Write one fixture from the document, to be edited.
    #[command(after_help = help::NEW)]
    New(new::New),
    /// Compare two reports in JSON: findings and coverage that are new or gone.
    #[command(after_help = help::DIFF)]
    Diff(diff::Diff),
    /// Show one fixture: what is called, sent, answered and expected.
    #[command(after_help = help::SHOW)]
    Show {
        /// Its id or its file.
        fixture: String,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Schema {
    Fixture,
    Report,
    Coverage,
    Diff,
    Protocol,
    Scenario,
    Mutation,
    Drift,
}

/// What goes to stdout, and how the program ends.
pub(crate) struct Output {
    pub(crate) text: String,
    pub(crate) code: u8,
}

impl Output {
    fn good(text: String) -> Self {
        Self { text, code: 0 }
    }
}

/// One line for stderr, and how the program ends.
pub(crate) struct Failure {
    pub(crate) message: String,
    pub(crate) code: u8,
}

impl Failure {
    fn usage(message: impl Into<String>) -> Self {
        Self { message: message.into(), code: USAGE }
    }

    fn finding(message: impl Into<String>) -> Self {
        Self { message: message.into(), code: FINDINGS }
    }
}

pub(crate) fn run(arguments: &Arguments) -> Result<Output, Failure> {
    let files = &arguments.files;
    let (command, forms) = arguments.command.forms();
    if files.format != Format::Text && !forms.contains(&files.format) {
        return Err(Failure::usage(refused(command, forms, files.format)));
    }
    let has_report = matches!(command, "lint" | "check" | "run" | "scenarios");
    if files.report_dir.is_some() && !has_report {
        let message = format!("--report-dir goes with lint, check, run and scenarios, which make a report; {command} makes none");
        return Err(Failure::usage(message));
    }
    match &arguments.command {
        Command::Lint { paths } => lint(files, paths),
        Command::Check(arguments) => check::run(files, arguments),
        Command::Coverage { json, missing } => coverage(files, *json, *missing),
        Command::Schema { of } => {
            let schema = match of {
                Schema::Fixture => fixture_schema(),
                Schema::Report => report_schema(),
                Schema::Coverage => coverage_schema(),
                Schema::Diff => diff_schema(),
                Schema::Protocol => protocol_schema(),
                Schema::Scenario => scenario_schema(),
                Schema::Mutation => mutation_schema(),
                Schema::Drift => drift_schema(),
            };
            Ok(Output::good(pretty(&schema)))
        }
        Command::Explain { ids, list } => explanations(ids, *list),
        Command::Run(arguments) => run::run(files, arguments),
        Command::Scenarios(arguments) => scenarios::run(files, arguments),
        Command::Serve(arguments) => serve::run(files, arguments),
        Command::Mutate(arguments) => mutate::run(files, arguments),
        Command::Record(arguments) => record::run(files, arguments),
        Command::Drift(arguments) => drift::run(files, arguments),
        Command::Export(arguments) => export::run(files, arguments),
        Command::Init(arguments) => init::run(files, arguments),
        Command::New(arguments) => new::run(files, arguments),
        Command::Diff(arguments) => diff::run(files, arguments),
        Command::Show { fixture } => {
            let (spec, suite) = (files.spec()?, files.suite()?);
            let case = suite.cases.iter().find(|case| case.fixture.id == *fixture || case.file == *fixture);
            let Some(case) = case else { return Err(unknown_fixture(&suite, fixture)) };
            Ok(Output::good(match files.format {
                Format::Json => pretty(&case.source),
                Format::Text | Format::Markdown => show::text(&spec, case),
            }))
        }
    }
}

fn refused(command: &str, forms: &[Format], asked: Format) -> String {
    let others = match command {
        "schema" => "json alone",
        "export" => "the format of the other tool alone",
        _ if forms.is_empty() => "text alone",
        _ => "text and json",
    };
    let instead = match asked {
        Format::Markdown if command == "check" => "; check --live does, and --report-dir writes summary.md",
        Format::Markdown if matches!(command, "lint" | "run" | "scenarios") => "; --report-dir writes summary.md",
        _ => "",
    };
    format!("--format: {command} prints {others}{instead}")
}

fn lint(files: &Files, paths: &[PathBuf]) -> Result<Output, Failure> {
    let (spec, mut suite, waivers) = (files.spec()?, files.suite()?, files.waivers()?);
    if !paths.is_empty() {
        let known: Vec<String> = suite.cases.iter().map(|case| case.file.clone()).collect();
        let broken = suite.broken.iter().filter_map(|finding| finding.at.as_ref()).map(|at| at.file.clone());
        let known: Vec<String> = known.into_iter().chain(broken).collect();
        let is_below = |file: &str| paths.iter().any(|path| Path::new(file).starts_with(path));
        let stray = paths.iter().find(|path| !known.iter().any(|file| Path::new(file).starts_with(path)));
        if let Some(path) = stray {
            let folder = files.fixtures.display();
            let message =
                format!("{}: no fixture of {folder} is there; write the path as it begins there, or set --fixtures", path.display());
            return Err(Failure::usage(message));
        }
        suite.retain(|file, _| is_below(file));
    }
    files.output(&lint_only(&spec, &suite, &waivers, &files.options()))
}

fn coverage(files: &Files, json: bool, missing: bool) -> Result<Output, Failure> {
    if files.filter.is_some() {
        return Err(Failure::usage("coverage is judged over all fixtures; leave --filter out"));
    }
    let (spec, suite, waivers) = (files.spec()?, files.suite()?, files.waivers()?);
    let report = check(&spec, &suite, &waivers, &files.options());
    let silent = report.totals.failed + report.totals.errors + report.totals.waived;
    if silent > 0 {
        talk(&format!("{silent} fixture(s) have findings and so cover nothing; see `conformance check`"));
    }
    let is_complete = !report.coverage.iter().any(|dimension| dimension.gates && dimension.missing.iter().any(|item| !item.waived));
    let code = if is_complete { 0 } else { FINDINGS };
    if json || files.format == Format::Json {
        return Ok(Output { text: report.to_coverage().to_json(), code });
    }
    Ok(Output { text: coverage_text(&report.coverage, missing), code })
}

fn coverage_text(coverage: &[DimensionCoverage], missing: bool) -> String {
    let mut text = String::new();
    for dimension in coverage {
        let gate = if dimension.gates { "" } else { "  (no gate)" };
        let share = format!("{}/{}", dimension.covered, dimension.total);
        // Writing into a String cannot fail.
        let _ = writeln!(text, "{}  {:28} {share:>11}{gate}", dimension.id, dimension.title);
        for item in dimension.missing.iter().filter(|_| missing) {
            let place = item.spec_at.as_ref().map(|at| format!("  ({at})")).unwrap_or_default();
            let waived = if item.waived { "  waived" } else { "" };
            let _ = writeln!(text, "      {}{place}{waived}", item.key);
        }
    }
    text
}

fn explanations(ids: &[String], list: bool) -> Result<Output, Failure> {
    if list {
        let lines = all().map(|check| format!("{}  {}\n", check.id, check.title));
        return Ok(Output::good(lines.collect()));
    }
    let found: Result<Vec<String>, Failure> = ids
        .iter()
        .map(|id| {
            let unknown = || Failure::usage(format!("there is no check `{id}`; `conformance explain --list` names all"));
            explain(&id.to_ascii_uppercase()).map(|check| check.to_text(width())).ok_or_else(unknown)
        })
        .collect();
    Ok(Output::good(found?.join("\n")))
}

fn unknown_fixture(suite: &Suite, fixture: &str) -> Failure {
    if let Some(finding) = suite
        .broken
        .iter()
        .find(|finding| finding.fixture.as_deref() == Some(fixture) || finding.at.as_ref().is_some_and(|at| at.file == fixture))
    {
        return Failure::finding(finding.to_string());
    }
    let name = fixture.rsplit('/').next().unwrap_or(fixture);
    let near: Vec<&str> = suite.ids().filter(|id| id.contains(name)).take(3).collect();
    let hint =
        if near.is_empty() { "`conformance check --format json` lists all".to_owned() } else { format!("perhaps {}", near.join(", ")) };
    Failure::usage(format!("there is no fixture `{fixture}`; {hint}"))
}

impl Files {
    fn spec(&self) -> Result<Spec, Failure> {
        if !self.spec.exists() {
            return Err(Failure::usage(format!("{}: no such file; name the OpenAPI document with --spec", self.spec.display())));
        }
        Spec::load(&self.spec).map_err(|error| Failure::finding(format!("{error}; the document cannot be used before this is repaired")))
    }

    /// The fixtures, whatever the filter says.
    fn all_fixtures(&self) -> Result<Suite, Failure> {
        let fail = |error| Failure::usage(format!("{error}; name the folder of fixtures with --fixtures"));
        Suite::load(&self.fixtures).map_err(fail)
    }

    fn suite(&self) -> Result<Suite, Failure> {
        let suite = self.all_fixtures()?;
        let selects = |id: &str| self.filter.as_deref().is_none_or(|filter| id.contains(filter));
        let broken = suite.broken.iter().filter_map(|finding| finding.fixture.as_deref());
        if !suite.ids().chain(broken).any(selects) {
            let filter = self.filter.as_deref().unwrap_or_default();
            return Err(Failure::usage(format!("no fixture's id contains `{filter}`; correct --filter")));
        }
        Ok(suite)
    }

    fn waivers(&self) -> Result<Waivers, Failure> {
        let path = match &self.waivers {
            Some(path) if !path.exists() => {
                return Err(Failure::usage(format!("{}: no such file; correct --waivers", path.display())));
            }
            Some(path) => path.clone(),
            None if Path::new(WAIVERS).is_file() => PathBuf::from(WAIVERS),
            None => return Ok(Waivers::none()),
        };
        Waivers::load(&path, self.today()).map_err(|error| Failure::finding(error.to_string()))
    }

    #[allow(clippy::disallowed_methods, reason = "the library is given the day; this is where it comes from")]
    fn today(&self) -> Date {
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map(|since| since.as_secs());
        self.today.unwrap_or_else(|| Date::from_unix(seconds.unwrap_or_default()))
    }

    fn options(&self) -> Options {
        let given = [("--spec", &self.spec, SPEC), ("--fixtures", &self.fixtures, FIXTURES)];
        let named = given.into_iter().filter(|(_, path, default)| path.as_path() != Path::new(default));
        let mut flags: Vec<String> = named.map(|(flag, path, _)| format!("{flag} {}", path.display())).collect();
        flags.extend(self.waivers.iter().map(|path| format!("--waivers {}", path.display())));
        Options { filter: self.filter.clone(), flags: flags.join(" "), ..Options::default() }
    }

    fn warn_of_filter(&self) {
        if self.filter.is_some() {
            talk("with --filter, coverage and unused waivers are not judged");
        }
    }

    /// Prints the report, and writes its forms where `--report-dir` says.
    fn output(&self, report: &Report) -> Result<Output, Failure> {
        if let Some(folder) = &self.report_dir {
            report.write_dir(folder).map_err(|error| {
                let message = format!("--report-dir: the report cannot be written into {}: {error}", folder.display());
                Failure { message, code: ENGINE }
            })?;
            talk(&format!("{} written into {}", FILES.join(", "), folder.display()));
        }
        let text = match self.format {
            Format::Text | Format::Markdown if self.all_findings => report.to_text_in_full(is_coloured()),
            Format::Text | Format::Markdown => report.to_text(is_coloured()),
            Format::Json => report.to_json(),
        };
        Ok(Output { text, code: report.exit_code() })
    }
}

/// How many columns a text may have: those of the terminal, and no more than are good to read.
fn width() -> usize {
    let columns = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
    columns.map_or(READABLE, |columns| columns.clamp(40, READABLE))
}

/// Whether stdout is a terminal that wants colours.
fn is_coloured() -> bool {
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let is_dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
    io::stdout().is_terminal() && !no_color && !is_dumb
}

fn talk(line: &str) {
    // Talk that nobody can hear is no reason to stop.
    let _ = writeln!(io::stderr(), "conformance: {line}");
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}
