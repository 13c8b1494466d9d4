//! The command line.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, CommandFactory as _, Parser, Subcommand};

use crate::auth;
use crate::clip;
use crate::config;
use crate::context::{Context, UnderWay};
use crate::doctor;
use crate::failure::{Code, Failure};
use crate::help;
use crate::output::Output;
use crate::sandbox;
use crate::settings::AccountArgs;
use crate::{legacy, project, requests, shell, upload, verbose, webhook};

const EXAMPLES: &str = "\
Examples:
  opusclip clip --sandbox --sample          try it: no key, nothing is billed
  opusclip clip talk.mp4 --out clips        upload, make clips, download them; billed
  opusclip clip *.mp4 --dry-run             what would happen, and what it may cost
  opusclip clip list P0000000demo --json    the clips of a project

The API key: `opusclip auth login`, or OPUSCLIP_API_KEY. Exit codes: `opusclip help exit-codes`.";

/// Videos in, finished clips out: a program for the OpusClip API.
#[derive(Debug, Parser)]
#[command(name = "opusclip", version, after_help = EXAMPLES, propagate_version = true, subcommand_required = true, arg_required_else_help = true, disable_help_subcommand = true, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    global: GlobalArgs,
    #[command(flatten)]
    account: AccountArgs,
}

#[derive(Args, Debug)]
#[command(next_help_heading = "Output")]
struct GlobalArgs {
    /// Write JSON, as it is done where stdout is no terminal
    #[arg(long, global = true)]
    json: bool,
    /// Write these fields only, as `id,title,durationMs`
    #[arg(long, value_name = "FIELDS", value_delimiter = ',', global = true, hide_short_help = true)]
    columns: Option<Vec<String>>,
    /// Say nothing but data and errors
    #[arg(long, short, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Print each call as a curl command instead of sending it; the key stands in it as $OPUSCLIP_API_KEY
    #[arg(long, global = true, hide_short_help = true)]
    curl: bool,
    /// Tell each request, with the id that the service gives it
    #[arg(long, short, global = true)]
    verbose: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    #[command(alias = "clips")]
    Clip(Box<clip::ClipArgs>),
    #[command(subcommand, alias = "projects")]
    Project(project::Project),
    #[command(subcommand, alias = "uploads")]
    Upload(upload::Upload),
    #[command(subcommand, aliases = ["templates", "brand-template", "brand-templates"])]
    Template(requests::Template),
    #[command(subcommand, alias = "collections")]
    Collection(requests::Collection),
    #[command(subcommand, alias = "posts")]
    Post(Box<requests::Post>),
    #[command(subcommand, aliases = ["censor-job", "censor-jobs"])]
    Censor(requests::Censor),
    #[command(subcommand, aliases = ["thumbnails", "generative-job"])]
    Thumbnail(requests::Thumbnail),
    #[command(subcommand, alias = "webhooks")]
    Webhook(webhook::Webhook),
    Api(requests::ApiArgs),
    #[command(subcommand)]
    Auth(auth::Auth),
    #[command(subcommand)]
    Config(config::Config),
    /// Check configuration, key, network and this machine; costs nothing
    #[command(after_help = doctor::HELP)]
    Doctor,
    #[command(after_help = sandbox::EXAMPLES)]
    Sandbox(Box<opusclip_sandbox::cli::Arguments>),
    #[command(after_help = shell::COMPLETIONS, alias = "completion")]
    Completions(shell::CompletionsArgs),
    #[command(after_help = shell::MAN)]
    Man(shell::ManArgs),
    Help(help::HelpArgs),
}

impl Command {
    /// Whether it runs until it is told to stop, which is its good end.
    fn is_server(&self) -> bool {
        match self {
            Self::Sandbox(_) => true,
            Self::Webhook(command) => command.is_server(),
            _ => false,
        }
    }
}

/// Runs the program.
pub(crate) fn run() -> ExitCode {
    let Cli { command, global, account } = Cli::parse_from(legacy::translated(std::env::args_os(), &Cli::command()));
    let output = Output::new(global.json, global.quiet, global.verbose, global.columns);
    if !global.quiet {
        verbose::listen(global.verbose);
    }
    let context = Context { output: output.clone(), account, curl: global.curl, under_way: Arc::default() };
    let is_server = command.is_server();
    match block_on(execute(command, context.clone()), &context.under_way) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) if is_server && failure.code == Code::Interrupted => ExitCode::SUCCESS,
        Err(failure) => {
            output.fail(&failure);
            ExitCode::from(failure.code.number())
        }
    }
}

async fn execute(command: Command, context: Context) -> Result<(), Failure> {
    match command {
        Command::Clip(args) => clip::run(*args, context).await,
        Command::Project(command) => project::run(command, &context).await,
        Command::Upload(command) => upload::run(command, &context).await,
        Command::Template(command) => requests::template(command, &context).await,
        Command::Collection(command) => requests::collection(command, &context).await,
        Command::Post(command) => requests::post(*command, &context).await,
        Command::Censor(command) => requests::censor(command, &context).await,
        Command::Thumbnail(command) => requests::thumbnail(command, &context).await,
        Command::Webhook(command) => webhook::run(command, &context).await,
        Command::Api(args) => requests::api(args, &context).await,
        Command::Auth(command) => auth::run(command, &context).await,
        Command::Config(command) => config::run(&command, &context),
        Command::Doctor => doctor::run(&context).await,
        Command::Sandbox(args) => sandbox::run(*args, &context).await,
        Command::Completions(args) => shell::completions(&args, &context),
        Command::Man(args) => shell::man(&args, &context),
        Command::Help(args) => help::run(&args, &context.output),
    }
}

/// Runs it to its end, or until a signal comes: everything here can be dropped at any point.
fn block_on(work: impl Future<Output = Result<(), Failure>> + Send + 'static, under_way: &UnderWay) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|error| Failure::io("the runtime", &error))?;
    let result = runtime.block_on(async {
        // Listened to before anything is said that somebody may answer with a signal.
        let signalled = signalled();
        // On a thread of its own: reading stdin blocks it, and a signal has to be seen meanwhile.
        let mut work = tokio::spawn(work);
        tokio::select! {
            biased;
            result = &mut work => result.unwrap_or_else(|broken| match broken.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(error) => Err(Failure::new(Code::General, format!("the work broke off: {error}"))),
            }),
            () = signalled => {
                let failure = under_way.interrupted();
                work.abort();
                Err(failure)
            }
        }
    });
    // What is being written comes to its end; a read that hangs does not hold the program.
    runtime.shutdown_timeout(Duration::from_secs(2));
    result
}

/// Ends when the user or the system asks the program to end.
fn signalled() -> impl Future<Output = ()> {
    #[cfg(unix)]
    let signals = {
        use tokio::signal::unix::{SignalKind, signal};

        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    };
    async move {
        #[cfg(unix)]
        if let (Ok(mut interrupt), Ok(mut terminate)) = signals {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
        if tokio::signal::ctrl_c().await.is_err() {
            // Where it cannot be listened to, the program ends by it anyway.
            std::future::pending::<()>().await;
        }
    }
}
