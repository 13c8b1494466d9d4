//! `--poll`: what a webhook would tell, seen by looking.

use std::sync::Arc;

use futures_util::future::join_all;
use opusclip::types::ProjectId;
use opusclip::{Clock, Wait, WaitEvent, WaitOutcome};

use super::message::Message;
use super::relay::{Handed, Inbox, Via};
use crate::auth::Secret;
use crate::failure::{Code, Failure};
use crate::outcome;
use crate::output::Output;

/// What polls go by.
#[derive(Clone)]
pub(super) struct Poll {
    pub(super) secret: Secret,
    pub(super) inbox: Inbox,
    /// The time of day, which messages tell.
    pub(super) clock: Arc<dyn Clock>,
    pub(super) output: Output,
    /// Whether the end of the program tells how the polls ended.
    pub(super) is_all: bool,
}

impl Poll {
    /// Waits for each of them, and hands on what a webhook would tell of it. The end is that of `opusclip project wait`.
    pub(super) async fn all(self, waits: Vec<(ProjectId, Wait)>) -> Result<(), Failure> {
        let whole = waits.len();
        let is_told = !self.is_all || whole > 1;
        let ends = join_all(waits.into_iter().map(|(project, wait)| self.one(project, wait, is_told))).await;
        let mut failures: Vec<Failure> = ends.into_iter().filter_map(Result::err).collect();
        match failures.len() {
            0 => Ok(()),
            failed if failed < whole => {
                Err(Failure::new(Code::Partial, format!("{failed} of {whole} projects have no clips, or were not handed on"))
                    .with_next("the lines above tell of each"))
            }
            _ => Err(failures.swap_remove(0)),
        }
    }

    async fn one(&self, project: ProjectId, wait: Wait, is_told: bool) -> Result<(), Failure> {
        let end = self.follow(&project, wait).await;
        if let Err(failure) = &end
            && is_told
        {
            self.output.tell(&format!("{project}: {failure}"));
        }
        end
    }

    async fn follow(&self, project: &ProjectId, mut wait: Wait) -> Result<(), Failure> {
        let ended = loop {
            match wait.next().await? {
                Some(WaitEvent::Stage(stage)) => self.output.say(&format!("{project}: {}", stage.as_str().to_lowercase())),
                Some(WaitEvent::Trouble(error)) => self.output.say(&format!("{project}: waits on: {error}")),
                Some(WaitEvent::Ended(ended)) => break ended,
                Some(_) => {}
                None => return Err(Failure::new(Code::General, "the wait ended without an end")),
            }
        };
        if let Some((stage, error)) = told(&ended) {
            let now = self.clock.system_time();
            let message = Message::signed(Message::payload(project.as_str(), stage, error.as_deref()), &self.secret, now);
            // What was signed here just now is genuine.
            let event = message.check(&self.secret, now, false).map_err(|rejection| Failure::new(Code::General, rejection.to_string()))?;
            if let Handed::Not(undelivered) = self.inbox.hand_on(message, event, Via::Poll).await {
                return Err(Failure::new(Code::Upstream, format!("the event was not handed on: {}", undelivered.why))
                    .with_next("run it again: looking costs nothing"));
            }
        }
        outcome::clips_of(ended, project).map(|_| ())
    }
}

/// What the service would send: nothing of a project that is not over.
fn told(ended: &WaitOutcome) -> Option<(&'static str, Option<String>)> {
    match ended {
        WaitOutcome::Ready { .. } | WaitOutcome::PreviewsOnly { .. } | WaitOutcome::NoClips { .. } => Some(("COMPLETE", None)),
        WaitOutcome::Stalled { project } => {
            let error = project.error.as_ref().map(ToString::to_string);
            Some(("STALLED", Some(error.unwrap_or_else(|| "The project has stalled".to_owned()))))
        }
        _ => None,
    }
}
