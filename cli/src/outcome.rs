//! How a project ended, as an exit code.

use opusclip::WaitOutcome;
use opusclip::types::{Clip, ProjectId};

use crate::failure::{Code, Failure};

/// The clips of a project that is over, or why there are none.
pub(crate) fn clips_of(outcome: WaitOutcome, project: &ProjectId) -> Result<Vec<Clip>, Failure> {
    match outcome {
        WaitOutcome::Ready { clips, .. } | WaitOutcome::PreviewsOnly { clips, .. } => Ok(clips),
        WaitOutcome::NoClips { .. } => Err(Failure::new(Code::Upstream, format!("project {project} is complete and has no clips"))
            .with_next("try other options, as another `--genre` or a `--prompt`: that is another project, and billed")),
        WaitOutcome::Stalled { project: details } => {
            let why = details.error.map(|error| format!(" ({error})")).unwrap_or_default();
            Err(Failure::new(Code::Upstream, format!("project {project} stalled{why}"))
                .with_next("look at it in the dashboard; run the same command again to see whether it goes on"))
        }
        WaitOutcome::Gone => Err(Failure::new(Code::NotFound, format!("project {project} is gone, or was never there")).with_next(
            "look at the id and the organisation; projects expire. `opusclip clip VIDEO --create-again` makes another one, which is billed",
        )),
        WaitOutcome::Deadline { stage } => {
            let stage = stage.map(|stage| format!(" ({})", stage.as_str())).unwrap_or_default();
            Err(Failure::new(Code::TimedOut, format!("project {project} is not done yet{stage}")))
        }
        _ => Err(Failure::new(Code::General, "the wait ended in a way that this version does not know")),
    }
}
