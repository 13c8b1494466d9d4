//! `conformance new`: one fixture from the document.

use std::path::PathBuf;

use clap::Args;
use opusclip_conformance::scaffold::{File, draft};

use super::init::write_new;
use super::{FINDINGS, Failure, Files, Output, talk};

#[derive(Args, Debug)]
pub(super) struct New {
    /// The operationId.
    operation: String,
    /// The status of the answer [default: the first documented success]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(100..=599))]
    status: Option<u16>,
    /// The name of the fixture [default: minimal, or the status]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Print the fixture and write nothing.
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn run(files: &Files, arguments: &New) -> Result<Output, Failure> {
    let spec = files.spec()?;
    let made = draft(&spec, &arguments.operation, arguments.status, arguments.name.as_deref());
    let made = made.map_err(|error| Failure::usage(error.to_string()))?;
    let code = if made.findings.is_empty() { 0 } else { FINDINGS };
    for finding in &made.findings {
        talk(&format!("this draft needs your hand: {finding}"));
    }
    if arguments.dry_run {
        return Ok(Output { text: made.text, code });
    }
    let path: PathBuf = files.fixtures.join(format!("{}.yaml", made.id));
    write_new(&[File { path: path.clone(), text: made.text }], "give another --name, or edit that file")?;
    let flags = files.options().flags;
    let flags = if flags.is_empty() { flags } else { format!(" {flags}") };
    talk(&format!("put in real values and their source, then: conformance check{flags}"));
    Ok(Output { text: format!("{}\n", path.display()), code })
}
