//! `conformance serve`: fixtures over HTTP.

use clap::Args;
use opusclip_conformance::serve::Session;

use super::run::{Selection, block_on};
use super::{ENGINE, Failure, Files, Format, Output, talk};

/// So many fixtures are listed one by one.
const LISTED: usize = 40;

#[derive(Args, Debug)]
pub(super) struct Serve {
    /// The port on the loopback interface; 0 takes any that is free.
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    port: u16,
    #[command(flatten)]
    selection: Selection,
    /// A fixture that is not called is a finding.
    #[arg(long)]
    all: bool,
}

pub(super) fn run(files: &Files, arguments: &Serve) -> Result<Output, Failure> {
    let (spec, mut suite) = (files.spec()?, files.suite()?);
    arguments.selection.apply(&spec, &mut suite)?;
    if let Some(finding) = suite.broken.first() {
        return Err(Failure::finding(format!("{finding}; `conformance lint` shows all")));
    }
    block_on(async {
        let port = arguments.port;
        let session = Session::start(spec, suite, files.options(), port).await;
        let session =
            session.map_err(|error| Failure { message: format!("port {port} cannot be had: {error}; set --port"), code: ENGINE })?;
        let url = session.url().to_owned();
        let ids: Vec<&str> = session.fixtures().collect();
        talk(&format!("{} fixtures at {url}; GET / lists them with their calls", ids.len()));
        for id in ids.iter().take(LISTED) {
            talk(&format!("  {url}/f/{id}"));
        }
        if let Some(more) = ids.len().checked_sub(LISTED).filter(|more| *more > 0) {
            talk(&format!("  and {more} more"));
        }
        talk("the report comes after Ctrl-C or POST /__done");
        tokio::select! {
            () = session.done() => {}
            stopped = tokio::signal::ctrl_c() => {
                stopped.map_err(|error| Failure { message: format!("Ctrl-C cannot be waited for: {error}"), code: ENGINE })?;
            }
        }
        let report = session.end(arguments.all).await;
        let text = if files.format == Format::Json { report.to_json() } else { report.to_text() };
        Ok(Output { text, code: report.exit_code() })
    })?
}
