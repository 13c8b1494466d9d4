//! Faults in fixtures, and whether anybody notices.

use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use opusclip_conformance::explain::explain;
use opusclip_conformance::mutate::{Operator, Score, Settings, Snapshots, Verdict, load_snapshots, mutants, mutate, mutated};
use opusclip_conformance::spec::Spec;
use opusclip_conformance::suite::{Case, Suite};
use serde_json::{Value, json};

use super::{FINDINGS, Failure, Files, Format, Output, pretty, talk};

const SNAPSHOTS: &str = "snapshots";

#[derive(Args, Debug)]
pub(crate) struct Mutate {
    /// The folder of snapshots, as insta writes them [default: snapshots, where it exists]
    #[arg(long, value_name = "DIR")]
    snapshots: Option<PathBuf>,
    /// Only this operator; may be given again.
    #[arg(long, value_name = "NAME", value_parser = operators())]
    operator: Vec<Operator>,
    /// Only the mutant with this id.
    #[arg(long, value_name = "ID", conflicts_with = "show")]
    only: Option<String>,
    /// Print one mutant as a difference, with its verdict.
    #[arg(long, value_name = "ID")]
    show: Option<String>,
    /// Do not hear this check, to see what would be missed without it; may be given again.
    #[arg(long, value_name = "CHECK")]
    without: Vec<String>,
    /// List every equivalent mutant.
    #[arg(long)]
    equivalents: bool,
    /// How many threads work [default: one for each core]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    jobs: usize,
}

fn operators() -> impl TypedValueParser<Value = Operator> {
    PossibleValuesParser::new(Operator::ALL.iter().map(|operator| operator.name())).try_map(|name| name.parse::<Operator>())
}

pub(crate) fn run(files: &Files, arguments: &Mutate) -> Result<Output, Failure> {
    let without: Vec<String> = arguments.without.iter().map(|id| id.to_ascii_uppercase()).collect();
    if let Some(id) = without.iter().find(|id| explain(id).is_none()) {
        return Err(Failure::usage(format!("there is no check `{id}`; `conformance explain --list` names all")));
    }
    let (spec, suite) = (files.spec()?, files.suite()?);
    let snapshots = snapshots(arguments, &suite)?;
    let mut flags = files.options().flags;
    if let Some(folder) = &arguments.snapshots {
        flags = format!("{flags} --snapshots {}", folder.display());
    }
    for id in &without {
        flags = format!("{flags} --without {id}");
    }
    let only = arguments.only.clone().or_else(|| arguments.show.clone());
    if let Some(id) = &only
        && mutated(&spec, &suite, id).is_none()
    {
        let message = format!("there is no mutant `{id}`; an id is <fixture>#<operator>[:<variant>]@<pointer>, as a survivor shows it");
        return Err(Failure::usage(message));
    }
    let settings = Settings {
        filter: files.filter.clone(),
        operators: arguments.operator.clone(),
        only,
        without: without.into_iter().collect(),
        jobs: arguments.jobs,
        flags: flags.trim().to_owned(),
    };
    if let Some(id) = &arguments.show {
        return show(&spec, &suite, &snapshots, &settings, id);
    }
    let score = mutate(&spec, &suite, &snapshots, &settings);
    let code = if score.is_pass() { 0 } else { FINDINGS };
    let text = match files.format {
        Format::Json => score.to_json(),
        Format::Text | Format::Markdown => text(&score, arguments.equivalents),
    };
    Ok(Output { text, code })
}

fn snapshots(arguments: &Mutate, suite: &Suite) -> Result<Snapshots, Failure> {
    let folder = match &arguments.snapshots {
        Some(folder) if !folder.is_dir() => {
            return Err(Failure::usage(format!("{}: no such folder; correct --snapshots", folder.display())));
        }
        Some(folder) => folder.as_path(),
        None => Path::new(SNAPSHOTS),
    };
    let found = load_snapshots(folder, suite).map_err(Failure::finding)?;
    if found.is_empty() {
        talk("there are no snapshots, so that only the lint judges; name their folder with --snapshots");
    }
    Ok(found)
}

fn text(score: &Score, with_equivalents: bool) -> String {
    let mut text = String::new();
    if with_equivalents {
        for mutant in &score.equivalents {
            let at = mutant.at.as_ref().map(|at| format!("{at} ")).unwrap_or_default();
            text.push_str(&format!("M802 {at}{}: {}\n", mutant.mutant, mutant.reason.words()));
        }
        text.push('\n');
    }
    text + &score.to_text()
}

fn show(spec: &Spec, suite: &Suite, snapshots: &Snapshots, settings: &Settings, id: &str) -> Result<Output, Failure> {
    let unknown = || Failure::usage(format!("there is no mutant `{id}`"));
    let mutant = mutated(spec, suite, id).ok_or_else(unknown)?;
    let case = suite.case(&mutant.fixture.id).ok_or_else(unknown)?;
    let judged = mutants(spec, suite, snapshots, settings);
    let verdict = match judged.first().map(|mutant| mutant.verdict) {
        Some(Verdict::Killed(check)) => format!("killed by {check}"),
        Some(Verdict::Equivalent(reason)) => format!("equivalent: {}", reason.words()),
        Some(Verdict::Survived(check)) => format!("survived; {check} should have spoken"),
        None => "not judged: the fixture has findings as it is, see `conformance lint`, or a filter leaves it out".to_owned(),
    };
    let difference = difference(&exchange(case), &exchange(&mutant));
    Ok(Output::good(format!("{id}\n{verdict}\n--- {}\n+++ mutant\n{difference}", case.file)))
}

fn exchange(case: &Case) -> String {
    let whole: Value = json!({ "request": case.fixture.request, "response": case.fixture.response });
    pretty(&whole)
}

/// The lines that differ, with three around them: a single fault changes one stretch.
fn difference(before: &str, after: &str) -> String {
    let (before, after): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    let shared = before.iter().zip(&after).take_while(|(a, b)| a == b).count();
    let rest = before.len().min(after.len()) - shared;
    let end = before.iter().rev().zip(after.iter().rev()).take(rest).take_while(|(a, b)| a == b).count();
    let (before_end, after_end) = (before.len() - end, after.len() - end);
    let around = before.iter().take(shared).skip(shared.saturating_sub(3)).map(|line| format!("  {line}\n"));
    let gone = before.iter().take(before_end).skip(shared).map(|line| format!("- {line}\n"));
    let new = after.iter().take(after_end).skip(shared).map(|line| format!("+ {line}\n"));
    let follows = before.iter().skip(before_end).take(3).map(|line| format!("  {line}\n"));
    around.chain(gone).chain(new).chain(follows).collect()
}
