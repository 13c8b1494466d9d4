//! Every scenario is one named test: the client with its retries, its waiting and its uploads, on the runner's clock.

use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use libtest_mimic::{Failed, Trial};
use opusclip::{Client, Clock, Error, WaitOutcome};
use opusclip_conformance::scenario::{Performer, ScenarioSuite, Task, VirtualClock, run_scenario};
use opusclip_conformance::subject::Outcome;
use serde_json::{Map, Value, json};

use crate::adapter::{KEY, failure, options};
use crate::suite::{Harness, fail_on};

pub(crate) const PREFIX: &str = "scenario/";
const FOLDER: &str = "tests/scenarios";

/// One test for each scenario, and one for all of them by themselves.
pub(crate) fn trials(harness: &Arc<Harness>) -> Result<Vec<Trial>, String> {
    let scenarios = Arc::new(ScenarioSuite::load(Path::new(FOLDER)).map_err(|error| error.to_string())?);
    let mut trials = Vec::with_capacity(scenarios.cases.len() + 1);
    for (index, case) in scenarios.cases.iter().enumerate() {
        let (harness, scenarios) = (Arc::clone(harness), Arc::clone(&scenarios));
        trials.push(Trial::test(format!("{PREFIX}{}", case.scenario.id), move || play(&harness, &scenarios, index)));
    }
    let harness = Arc::clone(harness);
    trials.push(Trial::test("suite::scenarios_are_in_order", move || fail_on(&scenarios.lint(&harness.spec, &harness.suite))));
    Ok(trials)
}

fn play(harness: &Harness, scenarios: &ScenarioSuite, index: usize) -> Result<(), Failed> {
    let case = scenarios.cases.get(index).ok_or("the scenario is gone")?;
    let options = options();
    let played = run_scenario(&harness.spec, &harness.suite, case, &WithPolicy, &options);
    fail_on(&harness.runtime.block_on(played).findings)
}

/// The client as its users have it: the default retries, no pacing, a connection pool of its own.
struct WithPolicy;

impl Performer for WithPolicy {
    async fn perform(&self, task: Task<'_>) -> Outcome {
        let mut builder = Client::builder(KEY).with_base_url(task.base_url).with_pacing(false).with_clock(Lent::of(task.clock));
        if let Some(limit) = task.attempt_timeout {
            builder = builder.with_timeout(limit);
        }
        let done = match builder.build() {
            Ok(client) => perform(&client, task).await,
            Err(error) => Err(error),
        };
        match done {
            Ok(Some((type_name, value))) => Outcome::Decoded { type_name, value, details: Map::new() },
            Ok(None) => Outcome::Unsupported,
            Err(error) => {
                let mut failure = failure(&error);
                failure.details.insert("attempts".to_owned(), json!(error.attempts()));
                Outcome::Failed(failure)
            }
        }
    }
}

async fn perform(client: &Client, task: Task<'_>) -> Result<Option<(String, Value)>, Error> {
    if let Some(operation) = task.operation {
        let reply = client.dispatch(operation, task.input).await?;
        return Ok(Some((reply.type_name, reply.value)));
    }
    let text = |name: &str| task.input.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    match task.workflow {
        Some("wait") => {
            let outcome = client.wait(text("project").as_str()).await?;
            Ok(Some(("WaitOutcome".to_owned(), told(&outcome))))
        }
        Some("upload") => {
            let uploaded = client.upload(text("bytes").into_bytes()).await?;
            Ok(Some(("Uploaded".to_owned(), json!(uploaded))))
        }
        _ => Ok(None),
    }
}

fn told(outcome: &WaitOutcome) -> Value {
    match outcome {
        WaitOutcome::Ready { clips, .. } => json!({"ready": clips.len()}),
        WaitOutcome::PreviewsOnly { clips, .. } => json!({"previewsOnly": clips.len()}),
        WaitOutcome::NoClips { .. } => json!("noClips"),
        WaitOutcome::Stalled { .. } => json!("stalled"),
        WaitOutcome::Gone => json!("gone"),
        WaitOutcome::Deadline { stage } => json!({"deadline": stage}),
        _ => json!("unknown"),
    }
}

/// The runner's clock as the client's.
#[derive(Debug)]
struct Lent {
    base: Instant,
    clock: VirtualClock,
}

impl Lent {
    #[allow(clippy::disallowed_methods, reason = "some instant to count from")]
    fn of(clock: &VirtualClock) -> Arc<Self> {
        Arc::new(Self { base: Instant::now(), clock: clock.clone() })
    }
}

impl Clock for Lent {
    fn now(&self) -> Instant {
        self.base + self.clock.elapsed()
    }

    fn system_time(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + self.clock.unix_time()
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        self.clock.pause(duration);
        Box::pin(async {})
    }

    fn random(&self) -> f64 {
        0.5
    }
}
