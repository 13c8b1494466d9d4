//! Two documents side by side, or ours and another party's.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use opusclip_conformance::drift::{Accepted, Drift, Names, Threshold, against, compare};
use opusclip_conformance::spec::Spec;
use opusclip_conformance::suite::Suite;

use super::{FINDINGS, FIXTURES, Failure, Files, Format, Output, talk};

const NAMES: &str = "upstream/names.yaml";
const ACCEPTED: &str = "upstream/accepted.yaml";

#[derive(Args, Debug)]
pub(crate) struct DriftArguments {
    /// The OpenAPI document as it was.
    #[arg(required_unless_present = "upstream")]
    old: Option<PathBuf>,
    /// The OpenAPI document as it is.
    #[arg(required_unless_present = "upstream", requires = "old")]
    new: Option<PathBuf>,
    /// Compare the document of --spec with this one, which another party keeps.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["old", "new"])]
    upstream: Option<PathBuf>,
    /// The map from the other party's names to ours [default: upstream/names.yaml, where it exists]
    #[arg(long, value_name = "FILE", requires = "upstream")]
    names: Option<PathBuf>,
    /// The differences that are meant, with reasons [default: upstream/accepted.yaml, where it exists]
    #[arg(long, value_name = "FILE", requires = "upstream")]
    accepted: Option<PathBuf>,
    /// The mildest class that ends the program with 1: breaking, client-risk, additive or never.
    #[arg(long, value_name = "CLASS", default_value = "client-risk", value_parser = |text: &str| text.parse::<Threshold>())]
    fail_on: Threshold,
}

pub(crate) fn run(files: &Files, arguments: &DriftArguments) -> Result<Output, Failure> {
    let mut drift = match (&arguments.upstream, &arguments.old, &arguments.new) {
        (Some(theirs), ..) => upstream(files, arguments, theirs)?,
        (None, Some(old), Some(new)) => compare(&load(old)?, &load(new)?),
        _ => return Err(Failure::usage("give two documents, or --upstream FILE")),
    };
    prove(files, &mut drift)?;
    let text = match files.format {
        Format::Text => drift.to_text(arguments.fail_on),
        Format::Json => drift.to_json(),
        Format::Markdown => drift.to_markdown(arguments.fail_on),
    };
    let code = if drift.findings(arguments.fail_on) > 0 { FINDINGS } else { 0 };
    Ok(Output { text, code })
}

fn load(path: &Path) -> Result<Spec, Failure> {
    if !path.exists() {
        return Err(Failure::usage(format!("{}: no such file; give an OpenAPI 3.0 document, YAML or JSON", path.display())));
    }
    Spec::load(path).map_err(|error| Failure::usage(format!("{error}; the document cannot be compared before this is repaired")))
}

fn upstream(files: &Files, arguments: &DriftArguments, theirs: &Path) -> Result<Drift, Failure> {
    let (ours, theirs) = (files.spec()?, load(theirs)?);
    let names = match beside(arguments.names.as_deref(), NAMES, "--names")? {
        Some((name, text)) => Names::parse(&name, &text).map_err(|error| Failure::usage(error.to_string()))?,
        None => Names::default(),
    };
    let accepted = match beside(arguments.accepted.as_deref(), ACCEPTED, "--accepted")? {
        Some((name, text)) => Accepted::parse(&name, &text).map_err(|error| Failure::usage(error.to_string()))?,
        None => Accepted::default(),
    };
    Ok(against(&ours, &theirs, &names, &accepted))
}

/// The name and the text of a file that was given, or of the default where it exists.
fn beside(given: Option<&Path>, default: &str, option: &str) -> Result<Option<(String, String)>, Failure> {
    let path = match given {
        Some(path) => path,
        None if Path::new(default).is_file() => Path::new(default),
        None => return Ok(None),
    };
    let read = fs::read_to_string(path).map_err(|error| Failure::usage(format!("{}: {error}; correct {option}", path.display())))?;
    Ok(Some((path.display().to_string(), read)))
}

/// Fixtures are only read where there is something to prove.
fn prove(files: &Files, drift: &mut Drift) -> Result<(), Failure> {
    let is_default = files.fixtures.as_path() == Path::new(FIXTURES);
    if drift.changes.iter().all(|change| change.uses.is_empty()) || (is_default && !files.fixtures.is_dir()) {
        return Ok(());
    }
    let suite: Suite = files.all_fixtures()?;
    if !suite.broken.is_empty() {
        talk(&format!("{} file(s) are no fixtures and prove nothing; see `conformance lint`", suite.broken.len()));
    }
    drift.prove(&suite);
    Ok(())
}
