//! Waiting for a project: a decision after each look, and a thin loop around it.

mod course;

use std::fmt;
use std::future::IntoFuture;
use std::sync::Arc;
use std::time::Duration;

use futures_core::Stream;
use futures_util::{future, stream};
use tokio::sync::Notify;

use self::course::{Course, Look, Policy, Step};
use crate::calls::BoxFuture;
use crate::types::{Clip, Project, ProjectId, ProjectStage};
use crate::{Client, ClipSource, Error};

impl Client {
    /// Waits until a project is done, one way or another.
    ///
    /// ```no_run
    /// # async fn example(client: &opusclip::Client) -> Result<(), opusclip::Error> {
    /// use opusclip::WaitOutcome;
    ///
    /// match client.wait("P0000000demo").await? {
    ///     WaitOutcome::Ready { clips, .. } => println!("{} clips", clips.len()),
    ///     WaitOutcome::Stalled { project } => println!("stalled: {:?}", project.error),
    ///     other => println!("{other:?}"),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Looks at the project every 30 s, give or take a tenth, for three hours at most, all of which can be set. A project takes
    /// minutes to more than an hour. Any stage but COMPLETE and STALLED, known or not, means that the work goes on (C26).
    /// Complete is not ready yet: the list of clips and their export links have been seen to come later, or never (C25), so
    /// they are given some time too. [`Wait::next`] tells of each step, [`Wait::nudger`] lets a webhook end a pause.
    ///
    /// Nothing here is billed. Many projects can be waited for at once: the clients of one key share a pace (30 calls a minute,
    /// two to three for each project that has ended), so that more than about 15 projects are looked at less often than asked.
    #[must_use = "a wait begins when it is awaited"]
    pub fn wait(&self, project: impl Into<ProjectId>) -> Wait {
        Wait {
            client: self.clone(),
            project: project.into(),
            policy: Policy::default(),
            is_known: false,
            nudge: Arc::default(),
            course: None,
            looking: None,
        }
    }
}

/// How a wait ended. Each way but a ready project is one that a caller has to look at.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum WaitOutcome {
    /// Complete, and every clip has its export link.
    Ready {
        /// The project.
        project: Box<Project>,
        /// Its clips, all pages.
        clips: Vec<Clip>,
    },
    /// Complete, but clips have no export link, also after the time to settle. On some accounts an export of a collection
    /// brings it; previews are there where the clips say so (C25).
    PreviewsOnly {
        /// The project.
        project: Box<Project>,
        /// Its clips, all pages.
        clips: Vec<Clip>,
    },
    /// Complete, and there are no clips, also after the time to settle.
    NoClips {
        /// The project.
        project: Box<Project>,
    },
    /// Stopped without success; whether the service takes it up again is not known. `error` of the project may say more.
    Stalled {
        /// The project.
        project: Box<Project>,
    },
    /// Deleted, expired, or never there, as far as a 404 tells: two of them, an interval apart, where it was there before. A [`Clipping`](crate::Clipping) creates no other project for it
    /// before [`forget`](crate::Clipping::forget) is called.
    Gone,
    /// Not done by the deadline. The project goes on; waiting for it again costs nothing.
    Deadline {
        /// The stage seen last, if any was.
        stage: Option<ProjectStage>,
    },
}

impl WaitOutcome {
    /// Whether there is something to download: a ready project, or one with previews.
    #[must_use]
    pub fn clips(&self) -> &[Clip] {
        match self {
            Self::Ready { clips, .. } | Self::PreviewsOnly { clips, .. } => clips,
            _ => &[],
        }
    }
}

/// What [`Wait::next`] tells.
#[derive(Debug)]
#[non_exhaustive]
pub enum WaitEvent {
    /// The project has come to another stage.
    Stage(ProjectStage),
    /// Complete; now for the clips and their links, of which there are so many.
    Settling {
        /// Clips in the list.
        clips: usize,
        /// Those with an export link.
        exportable: usize,
    },
    /// A look failed in a way that passes; the wait goes on.
    Trouble(Error),
    /// The end.
    Ended(WaitOutcome),
}

/// Ends the pauses of a wait, as when a webhook tells that its project is done.
///
/// ```no_run
/// # fn example(client: &opusclip::Client) {
/// let wait = client.wait("P0000000demo");
/// let nudger = wait.nudger(); // give it to the receiver of the webhook
/// nudger.nudge();
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Nudger(Arc<Notify>);

impl Nudger {
    /// Lets the wait look at once, or as soon as it pauses.
    pub fn nudge(&self) {
        self.0.notify_one();
    }
}

/// A wait for a project; [`Client::wait`] makes it, `.await` runs it to its end.
pub struct Wait {
    client: Client,
    project: ProjectId,
    policy: Policy,
    is_known: bool,
    nudge: Arc<Notify>,
    course: Option<Course>,
    /// The look under way.
    looking: Option<BoxFuture<'static, Result<Look, Error>>>,
}

impl fmt::Debug for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wait").field("project", &self.project).field("policy", &self.policy).finish_non_exhaustive()
    }
}

impl Wait {
    /// Sets how long to pause between looks. Default: 30 s. It is spread by a tenth either way; what is less than a second
    /// counts as one.
    #[must_use]
    pub fn with_interval(mut self, interval: Duration) -> Self {
        self.policy.interval = interval.max(Duration::from_secs(1));
        self
    }

    /// Sets how long to wait in all. Default: three hours. A look that is under way then is given up; the first one has a second.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Duration) -> Self {
        self.policy.deadline = deadline;
        self
    }

    /// Sets how long a complete project may take to list its clips with their export links. Default: five minutes.
    #[must_use]
    pub fn with_settling(mut self, settling: Duration) -> Self {
        self.policy.settling = settling;
        self
    }

    /// Sets how long a stalled project is looked at further, in the hope that the service takes it up again. Default: not at all.
    #[must_use]
    pub fn with_stall_patience(mut self, patience: Duration) -> Self {
        self.policy.stall_patience = patience;
        self
    }

    /// The service has told of the project: one 404 is not believed.
    pub(crate) fn known(mut self) -> Self {
        self.is_known = true;
        self
    }

    /// Something to end its pauses with.
    #[must_use]
    pub fn nudger(&self) -> Nudger {
        Nudger(Arc::clone(&self.nudge))
    }

    /// The next thing that happens, or `None` after the end. Dropping the future loses nothing: a pause or a look goes on where it
    /// was with the next call.
    ///
    /// # Errors
    ///
    /// What does not pass by waiting: a wrong key, an id that cannot be one. After an error the wait can go on.
    pub async fn next(&mut self) -> Result<Option<WaitEvent>, Error> {
        loop {
            let clock = Arc::clone(&self.client.shared().clock);
            let course = self.course.get_or_insert_with(|| Course::new(clock.now(), self.is_known));
            match course.step(&self.policy, clock.now(), clock.random()) {
                Step::Over => return Ok(None),
                Step::End(outcome) => return Ok(Some(WaitEvent::Ended(outcome))),
                Step::Pause(pause) => {
                    let nudged = self.nudge.notified();
                    future::select(std::pin::pin!(nudged), clock.sleep(pause)).await;
                    (course.looked, course.until) = (false, None);
                }
                Step::Look => {
                    let left = self.policy.deadline.saturating_sub(clock.now().saturating_duration_since(course.started));
                    // Real time, like the time limits of the requests themselves: it bounds what hangs.
                    let looking = self.looking.get_or_insert_with(|| Box::pin(look(self.client.clone(), self.project.clone())));
                    let seen = tokio::time::timeout(left.max(GRACE), looking).await;
                    (course.looked, self.looking) = (true, None);
                    if let Ok(look) = seen
                        && let Some(event) = course.saw(look?, clock.now())
                    {
                        return Ok(Some(event));
                    }
                }
            }
        }
    }

    /// Everything that happens, as a stream; it ends after [`WaitEvent::Ended`] or the first error.
    pub fn into_stream(self) -> impl Stream<Item = Result<WaitEvent, Error>> + Send {
        stream::unfold(Some(self), |wait| async move {
            let mut wait = wait?;
            match wait.next().await {
                Ok(event) => Some((Ok(event?), Some(wait))),
                Err(error) => Some((Err(error), None)),
            }
        })
    }
}

impl IntoFuture for Wait {
    type Output = Result<WaitOutcome, Error>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(mut self) -> Self::IntoFuture {
        Box::pin(async move {
            loop {
                match self.next().await? {
                    Some(WaitEvent::Ended(outcome)) => return Ok(outcome),
                    Some(_) => {}
                    // The end comes before this.
                    None => return Ok(WaitOutcome::Deadline { stage: None }),
                }
            }
        })
    }
}

/// Looks at the project, and at its clips where it is complete. An error is one that waiting does not mend.
async fn look(client: Client, id: ProjectId) -> Result<Look, Error> {
    let project = match client.get_project(&id).await {
        Ok(project) => Box::new(project),
        Err(error) if error.is_not_found() => return Ok(Look::NotFound),
        Err(error) => return passing(error),
    };
    if project.is_deleted == Some(true) || project.is_purged == Some(true) {
        return Ok(Look::Deleted);
    }
    if project.stage != Some(ProjectStage::Complete) {
        return Ok(Look::Project(project));
    }
    let mut pages = client.clip_pages(ClipSource::Project(id));
    let mut clips = Vec::new();
    loop {
        match pages.next_page().await {
            Ok(Some(page)) => clips.extend(page),
            Ok(None) => return Ok(Look::Complete(project, clips)),
            Err(error) => return passing(error),
        }
    }
}

/// An error that may pass is trouble; any other ends the wait.
fn passing(error: Error) -> Result<Look, Error> {
    let lasts = error.is_invalid_input() || error.is_unauthorized() || matches!(error.status(), Some(402 | 403));
    if lasts { Err(error) } else { Ok(Look::Trouble(error)) }
}

/// What the last look may take beyond the deadline.
const GRACE: Duration = Duration::from_secs(1);
