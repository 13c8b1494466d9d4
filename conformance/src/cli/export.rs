//! Fixtures in the formats of other tools.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use opusclip_conformance::export::{Exchanges, LeftOut};

use super::{Failure, Files, Output, talk};

#[derive(Args, Debug)]
pub(super) struct Export {
    /// For which tool.
    #[arg(value_enum)]
    to: Target,
    /// The file to write, or for `specmatic` the folder [default: stdout]
    #[arg(long, short, value_name = "PATH", required_if_eq("to", "specmatic"))]
    output: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Target {
    /// HTTP Archive 1.2: one file for `redocly drift` and many others.
    Har,
    /// One example file for each fixture, for `specmatic examples validate`.
    Specmatic,
    /// One file of calls and asserts, to run against `conformance serve`.
    Hurl,
}

pub(super) fn run(files: &Files, arguments: &Export) -> Result<Output, Failure> {
    let (spec, suite) = (files.spec()?, files.suite()?);
    if let Some(finding) = suite.broken.first() {
        return Err(Failure::finding(format!("{finding}; `conformance lint` shows all")));
    }
    let exchanges = Exchanges::new(&spec, &suite);
    let left_out = exchanges.left_out();
    let say = |exported: usize| {
        let undecodable = exchanges.len() - exported;
        let more = if undecodable == 0 { String::new() } else { format!(", {undecodable} with an unusual path") };
        let LeftOut { departing, incomplete } = left_out;
        talk(&format!(
            "{exported} fixtures exported; left out: {departing} that depart from the spec on purpose, \
             {incomplete} without a request or an answer{more}"
        ));
    };
    let text = match arguments.to {
        Target::Har => exchanges.to_har(&spec),
        Target::Hurl => exchanges.to_hurl(),
        Target::Specmatic => {
            if let Some(folder) = &arguments.output {
                let list = exchanges.to_specmatic(&spec);
                write_all(folder, &list)?;
                say(list.len());
            }
            return Ok(Output::good(String::new()));
        }
    };
    say(exchanges.len());
    match &arguments.output {
        None => Ok(Output::good(text)),
        Some(path) => fs::write(path, text).map(|()| Output::good(String::new())).map_err(|error| unwritten(path, &error)),
    }
}

/// Files of an earlier export would be validated as if they were of this one, so that the folder has to be empty or new.
fn write_all(folder: &Path, list: &[(String, String)]) -> Result<(), Failure> {
    fs::create_dir_all(folder).map_err(|error| unwritten(folder, &error))?;
    let mut there = fs::read_dir(folder).map_err(|error| unwritten(folder, &error))?;
    if there.next().is_some() {
        return Err(Failure::usage(format!("{}: the folder is not empty; name a new one with --output", folder.display())));
    }
    for (name, text) in list {
        let path = folder.join(name);
        fs::write(&path, text).map_err(|error| unwritten(&path, &error))?;
    }
    Ok(())
}

fn unwritten(path: &Path, error: &std::io::Error) -> Failure {
    Failure::usage(format!("{}: cannot be written: {error}; name another place with --output", path.display()))
}
