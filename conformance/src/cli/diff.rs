//! `conformance diff`: two reports side by side.

use std::path::{Path, PathBuf};

use clap::Args;
use opusclip_conformance::report::diff;

use super::{Failure, Files, Format, Output};

#[derive(Args, Debug)]
pub(super) struct Diff {
    /// The earlier report, as `conformance check --format json` or --report-dir wrote it.
    old: PathBuf,
    /// The later one.
    new: PathBuf,
}

pub(super) fn run(files: &Files, arguments: &Diff) -> Result<Output, Failure> {
    let (old, new) = (read(&arguments.old)?, read(&arguments.new)?);
    let names = (arguments.old.display().to_string(), arguments.new.display().to_string());
    let diff = diff((&names.0, &old), (&names.1, &new)).map_err(|error| Failure::usage(error.to_string()))?;
    let text = match files.format {
        Format::Json => diff.to_json(),
        Format::Markdown => diff.to_markdown(),
        Format::Text => diff.to_text(),
    };
    Ok(Output { text, code: diff.exit_code() })
}

fn read(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| Failure::usage(format!("{}: {error}; name a report in JSON", path.display())))
}
