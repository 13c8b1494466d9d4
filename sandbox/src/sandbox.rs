//! The sandbox as a value: started, asked, stopped.

use std::fmt;
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use opusclip::types::{ProjectStage, UploadId};
use opusclip::{Client, ClientBuilder};
use tokio::net::{TcpListener, TcpSocket};
use tokio::task::JoinHandle;

use crate::core::{Core, rules};
use crate::fault::{Fault, FaultError};
use crate::journal::Entry;
use crate::settings::{ExportLinks, Settings};
use crate::storage::StoredObject;
use crate::{KEY, server, webhooks};

/// A fake of the OpusClip API and of its storage, on a port of this machine.
///
/// ```
/// use std::time::Duration;
/// use opusclip_sandbox::Sandbox;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let sandbox = Sandbox::builder().with_speed(0.0).start().await?; // time stands still until it is told to pass
/// let client = sandbox.client();
/// let project = client.create_project("https://www.youtube.com/watch?v=LXvv6CbGg8A").await?;
/// let source = opusclip::ClipSource::Project(project.id);
/// assert!(client.list_clips(source.clone()).await?.is_empty());
///
/// sandbox.advance(Duration::from_secs(600));
/// assert_eq!(client.list_clips(source).await?.len(), 3);
/// assert_eq!(sandbox.count("create_project"), 1);
/// # Ok(())
/// # }
/// ```
///
/// Dropping it closes the port and every connection, and leaves no task behind.
pub struct Sandbox {
    core: Arc<Core>,
    client: Client,
    address: SocketAddr,
    tasks: [JoinHandle<()>; 2],
}

/// Why a sandbox did not start. Prints as one line, with what to do next.
#[derive(Debug)]
pub struct StartError {
    message: String,
    remedy: Option<&'static str>,
    is_invalid_input: bool,
}

impl StartError {
    fn invalid(message: impl Into<String>, remedy: &'static str) -> Self {
        Self { message: message.into(), remedy: Some(remedy), is_invalid_input: true }
    }

    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self { message: message.into(), remedy: None, is_invalid_input: false }
    }

    /// Whether a setting is wrong. Otherwise the machine is in the way, as with a port that another program has.
    #[must_use]
    pub fn is_invalid_input(&self) -> bool {
        self.is_invalid_input
    }

    /// What went wrong, alone.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to do next, where that is known.
    #[must_use]
    pub fn remedy(&self) -> Option<&str> {
        self.remedy
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        self.remedy.map_or(Ok(()), |remedy| write!(f, "; {remedy}"))
    }
}

impl std::error::Error for StartError {}

impl fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sandbox").field("url", &self.core.base).finish_non_exhaustive()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.core.closing.send_replace(true);
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl Sandbox {
    /// Starts to set one up; everything has a default.
    pub fn builder() -> SandboxBuilder {
        SandboxBuilder { settings: Settings::default() }
    }

    /// Starts one as it is by default.
    ///
    /// # Errors
    ///
    /// Those of [`SandboxBuilder::start`].
    pub async fn start() -> Result<Self, StartError> {
        Self::builder().start().await
    }

    /// The base URL of the API, as for `OPUSCLIP_BASE_URL`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.core.base
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A client of this sandbox. It does not pace itself: the sandbox has a clock of its own.
    #[must_use]
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// The same, to be set up further.
    pub fn client_builder(&self) -> ClientBuilder {
        builder(&self.core.settings, &self.core.base)
    }

    /// What time it is in the sandbox.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        self.core.clock.now()
    }

    /// Lets time pass at once: projects move on, links expire, limits are free again.
    pub fn advance(&self, duration: Duration) {
        self.core.clock.advance(duration);
    }

    /// Sets a fault, as `create_project#1=lost`; it counts from now.
    ///
    /// # Errors
    ///
    /// [`FaultError`], which says what is wrong and what there is.
    pub fn fault(&self, fault: &str) -> Result<(), FaultError> {
        self.add_fault(fault.parse()?);
        Ok(())
    }

    pub(crate) fn add_fault(&self, fault: Fault) {
        self.core.faults.add(fault);
    }

    /// Takes all faults away.
    pub fn clear_faults(&self) {
        self.core.faults.clear();
    }

    /// What was asked and answered, in order: the latest ten thousand, or 64 MiB of them. Bodies up to 16 KiB are kept.
    #[must_use]
    pub fn journal(&self) -> Vec<Entry> {
        self.core.journal.entries()
    }

    /// How many requests of an operation there were, those that a fault struck included; also `cdn`, `webhook`, `email`.
    #[must_use]
    pub fn count(&self, operation: &str) -> u64 {
        self.core.journal.count(operation)
    }

    /// A finished upload.
    #[must_use]
    pub fn upload(&self, id: &UploadId) -> Option<StoredObject> {
        self.core.storage.object(id.as_str())
    }

    /// Ends the work on a project without success. `false` where there is none in work with this id.
    pub fn stall(&self, project: &opusclip::types::ProjectId) -> bool {
        self.core.stall(project.as_str())
    }

    /// Closes everything, and returns when it is closed.
    pub async fn stop(mut self) {
        self.core.closing.send_replace(true);
        for task in &mut self.tasks {
            task.abort();
            // It was cancelled, which is what was wanted.
            let _ = task.await;
        }
    }
}

/// As [`TcpListener::bind`], but for more than its 128 connections at once: of the others some would wait a second for their
/// second try.
fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // On Windows this would let two programs share the port.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(1024)
}

/// What to do where it cannot be listened.
fn remedy(kind: ErrorKind) -> Option<&'static str> {
    match kind {
        ErrorKind::AddrInUse => Some("another program has the port: take another one with `--port`, or 0 for a free one"),
        ErrorKind::PermissionDenied => Some("ports below 1024 are for the administrator: take another one with `--port`"),
        ErrorKind::AddrNotAvailable => Some("the address is none of this machine's: take 127.0.0.1"),
        _ => None,
    }
}

fn builder(settings: &Settings, base: &str) -> ClientBuilder {
    let key = settings.keys.first().map_or(KEY, String::as_str);
    Client::builder(key).with_base_url(base).with_pacing(false)
}

/// Sets up a [`Sandbox`].
///
/// ```
/// use std::time::Duration;
/// use opusclip_sandbox::{ExportLinks, Sandbox};
///
/// let builder = Sandbox::builder().with_speed(60.0).with_clips(10).with_export_links(ExportLinks::OnExport).without_rate_limits();
/// # let _ = builder;
/// ```
#[derive(Clone, Debug)]
#[must_use = "a sandbox runs once `start` is awaited"]
pub struct SandboxBuilder {
    settings: Settings,
}

impl SandboxBuilder {
    /// Sets the port; 0, the default, takes a free one.
    pub fn with_port(mut self, port: u16) -> Self {
        self.settings.port = port;
        self
    }

    /// Sets the address to listen on. Default: 127.0.0.1. One that other machines reach needs [`public`](Self::public) too.
    pub fn with_address(mut self, address: IpAddr) -> Self {
        self.settings.address = address;
        self
    }

    /// Allows an address that other machines reach. Whoever reaches it can use it: any key that begins with `sk-` is one.
    pub fn public(mut self) -> Self {
        self.settings.public = true;
        self
    }

    /// Sets how fast the sandbox's time goes. Default: 1, real time; at 60 ten minutes pass in ten seconds; at 0 time only
    /// passes by [`Sandbox::advance`].
    pub fn with_speed(mut self, speed: f64) -> Self {
        self.settings.speed = speed;
        self
    }

    /// Sets what ids are made from; the same seed and the same requests give the same ids.
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.settings.seed = seed;
        self
    }

    /// Accepts these API keys only; the first one signs webhooks. Default: any that begins with `sk-`.
    pub fn with_keys(mut self, keys: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.settings.keys = keys.into_iter().map(Into::into).collect();
        self
    }

    /// Ignores what the spec does not document, as the service itself does, and only notes it in the journal.
    pub fn lenient(mut self) -> Self {
        self.settings.lenient = true;
        self
    }

    /// Prints a line on stderr for each request.
    pub fn with_log(mut self) -> Self {
        self.settings.log = true;
        self
    }

    /// Checks the sandbox's own answers against the spec too; what departs stands in the journal.
    pub fn with_checked_replies(mut self) -> Self {
        self.settings.check_replies = true;
        self
    }

    /// Sets the stages of a project with how long each lasts. Default: QUEUED to UPLOAD, ten minutes in all.
    pub fn with_stages(mut self, stages: impl IntoIterator<Item = (ProjectStage, Duration)>) -> Self {
        self.settings.stages = stages.into_iter().collect();
        self
    }

    /// Lets every project stall when it comes to this stage. One project alone stalls with `sandbox-stall` in its `videoUrl`,
    /// or by [`Sandbox::stall`].
    pub fn with_stall_at(mut self, stage: ProjectStage) -> Self {
        self.settings.stall_at = Some(stage);
        self
    }

    /// Sets how many clips a project has. Default: 3. A project has none with `sandbox-no-clips` in its `videoUrl`.
    pub fn with_clips(mut self, clips: usize) -> Self {
        self.settings.clips = clips;
        self
    }

    /// Sets how long source videos are, which decides what a project costs. Default: ten minutes.
    pub fn with_source_length(mut self, length: Duration) -> Self {
        self.settings.source = length;
        self
    }

    /// Sets when export links appear. Default: with completion.
    pub fn with_export_links(mut self, links: ExportLinks) -> Self {
        self.settings.export_links = links;
        self
    }

    /// Sets how long links to files work. Default: 24 hours.
    pub fn with_link_life(mut self, life: Duration) -> Self {
        self.settings.link_life = life;
        self
    }

    /// Sets how long an upload link can be started with. Default: 24 hours.
    pub fn with_upload_link_life(mut self, life: Duration) -> Self {
        self.settings.upload_link_life = life;
        self
    }

    /// Sets how long an upload session lives. Default: 7 days.
    pub fn with_session_life(mut self, life: Duration) -> Self {
        self.settings.session_life = life;
        self
    }

    /// Sets how long a project is kept. Default: 30 days.
    pub fn with_project_life(mut self, life: Duration) -> Self {
        self.settings.project_life = life;
        self
    }

    /// Keeps uploaded files in this folder, named by their uploadId. Default: only their size and checksums are kept.
    pub fn with_kept_uploads(mut self, folder: impl Into<PathBuf>) -> Self {
        self.settings.kept_uploads = Some(folder.into());
        self
    }

    /// Sets how long the body of a request may take, of an upload each piece of it (408). Default: 30 s, in real time.
    pub fn with_body_time(mut self, time: Duration) -> Self {
        self.settings.body_time = time;
        self
    }

    /// Sends a webhook again until it is answered with 2xx: so often in all, with pauses that double. Default: once.
    pub fn with_webhook_attempts(mut self, attempts: u32, pause: Duration) -> Self {
        self.settings.webhook_attempts = attempts;
        self.settings.webhook_pause = pause;
        self
    }

    /// Sends webhooks to any address. Default: only to this machine, so that examples harm nobody.
    pub fn with_webhooks_anywhere(mut self) -> Self {
        self.settings.webhooks_anywhere = true;
        self
    }

    /// Drops the limits on requests in a time (429).
    pub fn without_rate_limits(mut self) -> Self {
        self.settings.limits.rates = false;
        self
    }

    /// Sets how many projects can be in work at once (429 with `X-Cap-Reason`). Default: 4.
    pub fn with_concurrent_projects(mut self, limit: usize) -> Self {
        self.settings.limits.concurrent = limit;
        self
    }

    /// Sets the credits of a month (403). Default: 900.
    pub fn with_monthly_credits(mut self, credits: u64) -> Self {
        self.settings.limits.credits = credits;
        self
    }

    /// Sets the minutes of the plan, a meter of its own (402). Default: no end.
    pub fn with_plan_minutes(mut self, minutes: u64) -> Self {
        self.settings.limits.minutes = Some(minutes);
        self
    }

    /// Sets how many posts and schedules a day takes (429). Default: 500.
    pub fn with_daily_posts(mut self, limit: usize) -> Self {
        self.settings.limits.posts = limit;
        self
    }

    /// Sets how many collections there can be (402). Default: 100.
    pub fn with_collection_limit(mut self, limit: usize) -> Self {
        self.settings.limits.collections = limit;
        self
    }

    /// Refuses thumbnail jobs, as for a plan without them (403).
    pub fn without_thumbnails(mut self) -> Self {
        self.settings.thumbnails = false;
        self
    }

    /// Refuses new projects, as for requests from a data centre without a subscription (403).
    pub fn without_proxy_access(mut self) -> Self {
        self.settings.proxy_allowed = false;
        self
    }

    /// Starts it in the current tokio runtime.
    ///
    /// # Errors
    ///
    /// [`StartError`] for an address that cannot be had, or that other machines reach without [`public`](Self::public), for a
    /// speed that is none, and for a folder that is not there.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub async fn start(self) -> Result<Sandbox, StartError> {
        let settings = self.settings.bounded();
        if !settings.address.is_loopback() && !settings.public {
            return Err(StartError::invalid(
                format!("{} can be reached from other machines", settings.address),
                "allow that with `--public` (`SandboxBuilder::public`), or listen on 127.0.0.1",
            ));
        }
        if settings.keys.iter().any(|key| key.trim().is_empty()) {
            return Err(StartError::invalid("an API key is empty", "give one, or none to accept all that begin with `sk-`"));
        }
        if !(settings.speed.is_finite() && settings.speed >= 0.0) {
            return Err(StartError::invalid(format!("the speed {} is not a number from 0", settings.speed), "give one like 60"));
        }
        if let Some(folder) = settings.kept_uploads.as_ref().filter(|folder| !folder.is_dir()) {
            return Err(StartError::invalid(
                format!("{} is no folder, so that uploads cannot be kept there", folder.display()),
                "make it, or give another one",
            ));
        }
        let rules = rules().map_err(|error| StartError::failed(error.to_string()))?;
        let asked = SocketAddr::new(settings.address, settings.port);
        let failed = |error: std::io::Error| StartError {
            remedy: remedy(error.kind()),
            ..StartError::failed(format!("cannot listen on {asked}: {error}"))
        };
        let listener = listen(asked).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        // Links have to lead somewhere also where it listens on all addresses.
        let host = match address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => "127.0.0.1".to_owned(),
            IpAddr::V6(ip) if ip.is_unspecified() => "[::1]".to_owned(),
            IpAddr::V4(ip) => ip.to_string(),
            IpAddr::V6(ip) => format!("[{ip}]"),
        };
        let base = format!("http://{host}:{}", address.port());
        let client = builder(&settings, &base).build().map_err(|error| StartError::failed(error.to_string()))?;
        let core = Arc::new(Core::new(settings, rules, base));
        let tasks = [tokio::spawn(server::serve(listener, Arc::clone(&core))), tokio::spawn(webhooks::run(Arc::clone(&core)))];
        Ok(Sandbox { core, client, address, tasks })
    }
}
