//! `conformance record`: fixtures of what a service answers.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use clap::Args;
use opusclip_conformance::record::{Event, Keep, Policy, RecordError, RecordOptions, Recorder};
use opusclip_conformance::suite::Suite;

use super::run::block_on;
use super::{ENGINE, FINDINGS, Failure, Files, Output, talk};

#[derive(Args, Debug)]
pub(super) struct Record {
    /// The service (scheme, host and path prefix); it alone is given the key that the client sends.
    #[arg(long, value_name = "URL")]
    to: String,
    /// What is recorded from, for the provenance: 'account of the test team', or 'sandbox 0.1' where it is a fake.
    #[arg(long, value_name = "TEXT")]
    source: String,
    /// The port on the loopback interface; 0 takes any that is free.
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    port: u16,
    /// The folder of fixtures to write; files that are there are never changed [default: that of --fixtures]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// The file of places that a person has reviewed: their values are recorded as they are.
    #[arg(long, value_name = "FILE")]
    keep: Option<PathBuf>,
    /// Let calls through that are billed, as many as --budget says.
    #[arg(long, requires = "budget")]
    allow_billed: bool,
    /// Let calls through that may change something, as many as --budget says.
    #[arg(long, requires = "budget")]
    allow_writes: bool,
    /// How many calls that are billed or change something may be made in all.
    #[arg(long, value_name = "N")]
    budget: Option<u32>,
}

pub(super) fn run(files: &Files, arguments: &Record) -> Result<Output, Failure> {
    let spec = Arc::new(files.spec()?);
    if arguments.source.trim().is_empty() {
        return Err(Failure::usage("--source is empty; say what is recorded from, as 'sandbox 0.1'"));
    }
    let keep = arguments.keep.as_deref().map_or_else(|| Ok(Keep::default()), Keep::load).map_err(Failure::usage)?;
    let out = arguments.out.clone().unwrap_or_else(|| files.fixtures.clone());
    let mut options = RecordOptions::new(&arguments.to, &arguments.source, out, Arc::new(now));
    options.listen = SocketAddr::from((Ipv4Addr::LOCALHOST, arguments.port));
    options.policy =
        Policy { allow_billed: arguments.allow_billed, allow_writes: arguments.allow_writes, budget: arguments.budget.unwrap_or_default() };
    options.keep = keep;
    options.listener = Some(Arc::new(|event: &Event| talk(&event.to_string())));
    // The fixtures that are there know into which types the client decodes; without any the schemas name them.
    let known = if holds_nothing(&files.fixtures) { Suite::default() } else { files.all_fixtures()? };
    let options = options.with_types_of(&known);
    block_on(async {
        let mut recorder = Recorder::start(spec, options).await.map_err(|error: RecordError| Failure::usage(error.to_string()))?;
        talk(&format!("give the client the base URL {}; Ctrl-C ends the recording", recorder.url()));
        ctrl_c().await?;
        let under_way = recorder.under_way();
        if !under_way.is_empty() {
            talk(&format!("waiting for {}; Ctrl-C again breaks off what is under way", under_way.join(", ")));
        }
        tokio::select! {
            () = recorder.settle() => {}
            again = ctrl_c() => again?,
        }
        Ok(ending(&recorder.stop()))
    })?
}

async fn ctrl_c() -> Result<(), Failure> {
    let pressed = tokio::signal::ctrl_c().await;
    pressed.map_err(|error| Failure { message: format!("Ctrl-C cannot be waited for: {error}"), code: ENGINE })
}

/// Whether this is the first recording into a folder.
fn holds_nothing(folder: &Path) -> bool {
    match std::fs::read_dir(folder) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) => error.kind() == ErrorKind::NotFound,
    }
}

#[allow(clippy::disallowed_methods, reason = "a recording says when it was made")]
fn now() -> SystemTime {
    SystemTime::now()
}

fn ending(events: &[Event]) -> Output {
    let count = |is: fn(&Event) -> bool| events.iter().filter(|event| is(event)).count();
    let written = count(|event| matches!(event, Event::Written { .. }));
    let known = count(|event| matches!(event, Event::Known(_)));
    let refused = count(|event| matches!(event, Event::Refused(_)));
    let lost = count(|event| matches!(event, Event::NotRecorded { .. } | Event::Unanswered { .. }));
    let mut text = format!("{written} fixture(s) written, {known} known already, {refused} call(s) refused, {lost} not recorded\n");
    if written > 0 {
        text.push_str("Read each new file before it is committed, then `conformance lint`.\n");
    }
    Output { text, code: if lost == 0 { 0 } else { FINDINGS } }
}
