//! The program: its options, and a sandbox that runs until a signal comes. `opusclip-sandbox` and `opusclip sandbox` are both this.

use std::io::Write as _;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::{ExportLinks, Fault, Sandbox, SandboxBuilder, StartError};

/// A fake of the OpusClip API and of its upload storage, on this machine.
///
/// Prints its URL on stdout, and a line for each request on stderr. Point a client at it with OPUSCLIP_BASE_URL and any API
/// key that begins with `sk-`. Its own endpoints (journal, faults, clock) are listed at URL/_sandbox.
#[derive(Args, Clone, Debug)]
pub struct Arguments {
    /// Port to listen on; 0 takes a free one
    #[arg(long, value_name = "N", default_value_t = 8787)]
    port: u16,
    /// Address to listen on
    #[arg(long, value_name = "IP", default_value = "127.0.0.1")]
    address: IpAddr,
    /// Allow an address that other machines reach
    #[arg(long)]
    public: bool,
    /// How fast time goes: at 60, ten minutes pass in ten seconds; at 0 only by POST /_sandbox/clock
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0, allow_negative_numbers = true)]
    speed: f64,
    /// What ids are made from
    #[arg(long, value_name = "N", default_value_t = 1, hide_short_help = true)]
    seed: u64,
    /// API key to accept; can be given several times [default: any that begins with `sk-`]
    #[arg(long = "key", value_name = "KEY")]
    keys: Vec<String>,
    /// Ignore what the spec does not document, as the service does, and only log it
    #[arg(long, hide_short_help = true)]
    lenient: bool,
    /// Something that shall go wrong, as `create_project#1=lost`; can be given several times. A wrong one lists what there is
    #[arg(long = "fault", value_name = "FAULT")]
    faults: Vec<Fault>,
    /// Clips of a project
    #[arg(long, value_name = "N", default_value_t = 3)]
    clips: usize,
    /// When export links appear
    #[arg(long, value_name = "WHEN", value_enum, default_value_t = Links::Complete)]
    export_links: Links,
    /// How long links to files work
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = humantime::parse_duration, hide_short_help = true)]
    link_life: Duration,
    /// Keep uploaded files in this folder
    #[arg(long, value_name = "FOLDER", hide_short_help = true)]
    keep_uploads: Option<PathBuf>,
    /// Do not limit requests in a time
    #[arg(long)]
    no_rate_limits: bool,
    /// Projects that can be in work at once
    #[arg(long, value_name = "N", default_value_t = 4, hide_short_help = true)]
    concurrent: usize,
    /// Credits of a month
    #[arg(long, value_name = "N", default_value_t = 900, hide_short_help = true)]
    credits: u64,
    /// Minutes of the plan [default: no end]
    #[arg(long, value_name = "N", hide_short_help = true)]
    minutes: Option<u64>,
    /// Posts and schedules of a day
    #[arg(long, value_name = "N", default_value_t = 500, hide_short_help = true)]
    daily_posts: usize,
    /// Collections that there can be
    #[arg(long, value_name = "N", default_value_t = 100, hide_short_help = true)]
    collections: usize,
    /// How long source videos are, which decides what a project costs
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = humantime::parse_duration, hide_short_help = true)]
    source_length: Duration,
    /// Refuse thumbnail jobs, as for a plan without them
    #[arg(long, hide_short_help = true)]
    no_thumbnails: bool,
    /// Refuse new projects, as for requests from a data centre without a subscription
    #[arg(long, hide_short_help = true)]
    no_proxy_access: bool,
    /// How often a webhook is sent until it is answered with 2xx
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    webhook_attempts: u32,
    /// Send webhooks to other machines too
    #[arg(long)]
    webhooks_anywhere: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Links {
    /// When the project is complete
    Complete,
    /// After an export of a collection with the clip
    OnExport,
    /// Never
    Never,
}

/// Runs a sandbox until SIGINT, SIGTERM or Ctrl-C. Its URL goes to stdout, and a line for each request to stderr unless it is quiet.
///
/// Dropping the future ends the sandbox too.
///
/// # Errors
///
/// [`StartError`] where it does not start.
///
/// # Panics
///
/// Outside of a tokio runtime.
#[allow(clippy::print_stderr, reason = "a program talks")]
pub async fn run(arguments: Arguments, is_quiet: bool) -> Result<(), StartError> {
    let mut builder = Sandbox::builder()
        .with_port(arguments.port)
        .with_address(arguments.address)
        .with_speed(arguments.speed)
        .with_seed(arguments.seed)
        .with_keys(arguments.keys)
        .with_clips(arguments.clips)
        .with_export_links(match arguments.export_links {
            Links::Complete => ExportLinks::After(Duration::ZERO),
            Links::OnExport => ExportLinks::OnExport,
            Links::Never => ExportLinks::Never,
        })
        .with_link_life(arguments.link_life)
        .with_concurrent_projects(arguments.concurrent)
        .with_monthly_credits(arguments.credits)
        .with_daily_posts(arguments.daily_posts)
        .with_collection_limit(arguments.collections)
        .with_source_length(arguments.source_length)
        .with_webhook_attempts(arguments.webhook_attempts, Duration::from_secs(30));
    let switches: [(bool, fn(_) -> _); 7] = [
        (arguments.no_thumbnails, SandboxBuilder::without_thumbnails),
        (arguments.no_proxy_access, SandboxBuilder::without_proxy_access),
        (arguments.public, SandboxBuilder::public),
        (arguments.lenient, SandboxBuilder::lenient),
        (arguments.no_rate_limits, SandboxBuilder::without_rate_limits),
        (arguments.webhooks_anywhere, SandboxBuilder::with_webhooks_anywhere),
        (!is_quiet, SandboxBuilder::with_log),
    ];
    for (_, switch) in switches.into_iter().filter(|(on, _)| *on) {
        builder = switch(builder);
    }
    if let Some(minutes) = arguments.minutes {
        builder = builder.with_plan_minutes(minutes);
    }
    if let Some(folder) = arguments.keep_uploads {
        builder = builder.with_kept_uploads(folder);
    }
    if arguments.public && !arguments.address.is_loopback() {
        eprintln!("warning: everybody who reaches {} can use this sandbox", arguments.address);
    }
    let signals = Signals::new().map_err(|error| StartError::failed(format!("signals cannot be listened to: {error}")))?;
    let sandbox = builder.start().await?;
    for fault in arguments.faults {
        sandbox.add_fault(fault);
    }
    // Whoever started it may not want to know.
    let _ = writeln!(std::io::stdout(), "{}", sandbox.url());
    signals.wait().await;
    sandbox.stop().await;
    Ok(())
}

/// SIGINT and SIGTERM, listened to from the start, so that none is missed.
#[cfg(unix)]
struct Signals([tokio::signal::unix::Signal; 2]);

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};

        Ok(Self([signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?]))
    }

    async fn wait(self) {
        let [mut interrupt, mut terminate] = self.0;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn wait(self) {
        // Where Ctrl-C cannot be listened to the program ends by it anyway.
        let _ = tokio::signal::ctrl_c().await;
    }
}
