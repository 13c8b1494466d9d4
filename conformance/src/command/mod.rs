//! A client in any language: a program that speaks JSON lines over stdin and stdout.
//!
//! `PROTOCOL.md` of this crate describes the protocol.

mod process;
mod protocol;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;

use self::process::{Breakdown, Process};
pub use self::protocol::{Answer, Decoded, Failed, Greeting, Hello, Line, PROTOCOL, Pause, Request, Resume, Setting, protocol_schema};
use crate::finding::Finding;
use crate::scenario::{Performer, Task, VirtualClock};
use crate::subject::{Call, Outcome, Subject};

/// After so many breakdowns in a row the program is not started again.
const MAX_BREAKDOWNS: u32 = 10;

/// How a program is run.
#[derive(Clone)]
pub struct Settings {
    /// How long one call, and the greeting, may take.
    pub limit: Duration,
    /// The API key that the program is given.
    pub key: String,
    /// How many processes run at most, where the program allows more than one.
    pub jobs: usize,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").field("limit", &self.limit).field("jobs", &self.jobs).finish_non_exhaustive()
    }
}

/// Why a program cannot be used at all. Displays as one line.
#[derive(Debug)]
pub struct StartError(String);

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for StartError {}

/// A client's program as a subject.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::Duration;
///
/// use opusclip_conformance::command::{Command, Settings};
/// use opusclip_conformance::options::Options;
/// use opusclip_conformance::{run::run, spec::Spec, suite::Suite, waivers::Waivers};
///
/// let settings = Settings { limit: Duration::from_secs(10), key: "sk-test-key".into(), jobs: 1 };
/// let client = Command::start("python3 client.py", settings).await?;
/// let spec = Spec::load("openapi.yaml".as_ref())?;
/// let suite = Suite::load("tests/fixtures".as_ref())?;
/// let report = run(&spec, &suite, &Waivers::none(), &client, &Options::default()).await;
/// println!("{}", report.to_text(false));
/// # Ok(())
/// # }
/// ```
///
/// A process has one call at a time. One that dies, hangs or breaks the protocol is killed, the call is a finding, and the next
/// call has a new process.
#[derive(Debug)]
pub struct Command {
    words: Vec<String>,
    settings: Settings,
    client: Option<String>,
    turns: Semaphore,
    idle: Mutex<Vec<Process>>,
    next: AtomicU64,
    breakdowns: Mutex<u32>,
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Process").field("hello", &self.hello).finish_non_exhaustive()
    }
}

impl Command {
    /// Splits the command as a shell does, without running one, starts the program and waits for its greeting.
    ///
    /// # Errors
    ///
    /// A command with an open quote, a program that cannot be started, and one that does not greet as the protocol asks.
    pub async fn start(command: &str, settings: Settings) -> Result<Self, StartError> {
        let words = shell_words::split(command).map_err(|error| StartError(format!("`{command}`: {error}")))?;
        let process = Process::start(&words, settings.limit).await.map_err(StartError)?;
        let parallel = process.hello.parallel.unwrap_or(1).clamp(1, settings.jobs.max(1));
        Ok(Self {
            words,
            settings,
            client: process.hello.client.clone(),
            turns: Semaphore::new(parallel),
            idle: Mutex::new(vec![process]),
            next: AtomicU64::new(1),
            breakdowns: Mutex::new(0),
        })
    }

    /// The name that the program greeted with.
    #[must_use]
    pub fn client(&self) -> Option<&str> {
        self.client.as_deref()
    }

    /// Ends the processes. What they say without having been asked is a finding.
    pub async fn finish(self) -> Vec<Finding> {
        let idle = std::mem::take(&mut *lock(&self.idle));
        let mut findings = Vec::new();
        for process in idle {
            if let Some((fixture, message)) = process.finish(self.settings.limit).await {
                let mut finding = Finding::new("C420", message).with_pointer("/call");
                finding.fixture = Some(fixture);
                findings.push(finding);
            }
        }
        findings
    }

    async fn process(&self) -> Result<Process, Breakdown> {
        if *lock(&self.breakdowns) >= MAX_BREAKDOWNS {
            let message = format!("the program is not started again: it broke down {MAX_BREAKDOWNS} times in a row");
            return Err(Breakdown { check: "C421", message });
        }
        let idle = lock(&self.idle).pop();
        match idle {
            Some(process) => Ok(process),
            None => Process::start(&self.words, self.settings.limit)
                .await
                .map_err(|error| Breakdown { check: "C421", message: format!("the program could not be started again: {error}") }),
        }
    }

    async fn attempt(&self, mut request: Request, fixture: &str, clock: Option<&VirtualClock>) -> Result<Outcome, Breakdown> {
        let mut process = self.process().await?;
        request.id = self.next.fetch_add(1, Ordering::Relaxed);
        match process.call(&request, fixture, clock, self.settings.limit).await {
            Ok(outcome) => {
                lock(&self.idle).push(process);
                Ok(outcome)
            }
            Err(Breakdown { check, message }) => Err(Breakdown { check, message: process.end(message).await }),
        }
    }

    async fn outcome(&self, request: Request, fixture: &str, clock: Option<&VirtualClock>) -> Outcome {
        // The semaphore is never closed.
        let _turn = self.turns.acquire().await;
        match self.attempt(request, fixture, clock).await {
            Ok(outcome) => {
                *lock(&self.breakdowns) = 0;
                outcome
            }
            Err(Breakdown { check, message }) => {
                *lock(&self.breakdowns) += 1;
                Outcome::Broken { check, message }
            }
        }
    }
}

impl Subject for Command {
    async fn call(&self, call: Call<'_>) -> Outcome {
        let fixture = call.base_url.split_once("/f/").map_or(call.operation, |(_, fixture)| fixture);
        self.outcome(Request::new(0, &call, &self.settings.key), fixture, None).await
    }
}

impl Performer for Command {
    async fn perform(&self, task: Task<'_>) -> Outcome {
        let operation = task.workflow.or(task.operation).unwrap_or_default();
        let call = Call { operation, input: task.input, base_url: task.base_url };
        let setting = Setting {
            now: task.clock.unix_time().as_secs_f64(),
            attempt_timeout: task.attempt_timeout.map(|limit| limit.as_secs_f64()),
            workflow: task.workflow.is_some(),
        };
        let request = Request { scenario: Some(setting), ..Request::new(0, &call, &self.settings.key) };
        self.outcome(request, operation, Some(task.clock)).await
    }
}

/// Locks; what a panicking holder left behind is still whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
