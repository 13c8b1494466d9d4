//! `conformance run`: a client in any language.

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use clap::Args;
use opusclip_conformance::command::{Command, Settings};
use opusclip_conformance::finding::Finding;
use opusclip_conformance::options::Options;
use opusclip_conformance::run::{conclude, execute};
use opusclip_conformance::spec::Spec;
use opusclip_conformance::suite::Suite;

use super::{ENGINE, Failure, Files, Output, talk};

/// Seconds for one call.
pub(super) const TIMEOUT: f64 = 10.0;
/// Processes of a client.
const JOBS: usize = 8;

#[derive(Args, Debug)]
pub(super) struct Run {
    /// The client's program with its arguments, as 'python3 client.py'; no shell runs it.
    #[arg(long, value_name = "COMMAND")]
    cmd: String,
    #[command(flatten)]
    selection: Selection,
    /// The API key that the program is given; nothing that it answers may contain it.
    #[arg(long, value_name = "TEXT", default_value = "sk-test-conformance")]
    key: String,
    /// How long one call may take.
    #[arg(long, value_name = "SECONDS", default_value_t = TIMEOUT, value_parser = seconds)]
    timeout: f64,
    /// How many processes of the program run at most, where it says that more than one may.
    #[arg(long, value_name = "N", default_value_t = JOBS)]
    jobs: usize,
}

/// Which fixtures a client is given.
#[derive(Args, Debug)]
pub(super) struct Selection {
    /// Only fixtures of these operations, separated by commas; coverage is then not judged.
    #[arg(long, value_name = "IDS", value_delimiter = ',')]
    operations: Vec<String>,
}

pub(super) fn seconds(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|seconds| (0.001..=86_400.0).contains(seconds));
    number.ok_or_else(|| "expected a number of seconds from 0.001 to 86400".into())
}

pub(super) fn run(files: &Files, arguments: &Run) -> Result<Output, Failure> {
    let (spec, mut suite, waivers) = (files.spec()?, files.suite()?, files.waivers()?);
    arguments.selection.apply(&spec, &mut suite)?;
    let limit = Duration::from_secs_f64(arguments.timeout);
    let options = Options {
        jobs: arguments.jobs.max(1),
        // The program has its own limit, which knows what to say; this one is for the worst.
        watchdog: limit.saturating_mul(4) + Duration::from_secs(60),
        secrets: vec![arguments.key.clone()],
        reproduce: Some(arguments.reproduction(files)),
        ..files.options()
    };
    let settings = Settings { limit, key: arguments.key.clone(), jobs: arguments.jobs };
    block_on(async {
        let client = Command::start(&arguments.cmd, settings)
            .await
            .map_err(|error| Failure::usage(options.redact(&format!("the client's program cannot be used: {error}; correct --cmd"))))?;
        let name = client.client().unwrap_or(&arguments.cmd);
        talk(&format!("{name}: {} fixtures", suite.cases.iter().filter(|case| options.selects(&case.fixture.id)).count()));
        let (results, mut beyond) = execute(&spec, &suite, &client, &options).await;
        let unasked = client.finish().await.into_iter();
        beyond.extend(unasked.map(|finding| Finding { message: options.redact(&finding.message), ..finding }));
        files.output(&conclude(&spec, &suite, &waivers, &options, &results, beyond))
    })?
}

impl Run {
    fn reproduction(&self, files: &Files) -> String {
        let flags = files.options().flags;
        let flags = if flags.is_empty() { flags } else { format!("{flags} ") };
        let mut command = format!("conformance run {flags}--cmd {}", shell_words::quote(&self.cmd));
        // The key is not told; whoever gave one has it.
        if !self.selection.operations.is_empty() {
            command.push_str(&format!(" --operations {}", self.selection.operations.join(",")));
        }
        if self.timeout != TIMEOUT {
            command.push_str(&format!(" --timeout {}", self.timeout));
        }
        if self.jobs != JOBS {
            command.push_str(&format!(" --jobs {}", self.jobs));
        }
        command.push_str(" --filter {fixture}");
        command
    }
}

impl Selection {
    /// Leaves only the fixtures of the named operations.
    pub(super) fn apply(&self, spec: &Spec, suite: &mut Suite) -> Result<(), Failure> {
        if self.operations.is_empty() {
            return Ok(());
        }
        if let Some(unknown) = self.operations.iter().find(|id| spec.operation(id).is_none()) {
            let known: Vec<&str> = spec.operations().iter().map(|operation| operation.id.as_str()).collect();
            return Err(Failure::usage(format!("--operations: the document has no operation `{unknown}`; it has {}", known.join(", "))));
        }
        let of: BTreeMap<String, String> = suite.cases.iter().map(|case| (case.file.clone(), case.fixture.operation.clone())).collect();
        // A file that is no fixture has only its path to say which operation it would be of.
        let operation = |file: &str, id: &str| of.get(file).cloned().or_else(|| id.split('/').nth(1).map(str::to_owned));
        suite.retain(|file, id| operation(file, id).is_some_and(|operation| self.operations.contains(&operation)));
        match suite.files() {
            0 => Err(Failure::usage("--operations: no fixture belongs to these operations")),
            _ => {
                talk("with --operations, coverage and unused waivers are not judged");
                Ok(())
            }
        }
    }
}

/// Runs to the end on a runtime of its own.
pub(super) fn block_on<T>(future: impl Future<Output = T>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure { message: format!("no runtime can be had: {error}"), code: ENGINE })?;
    Ok(runtime.block_on(future))
}
