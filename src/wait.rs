//! Waiting for a project: a decision after each look, and a thin loop around it.

use std::fmt;
use std::future::IntoFuture;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_core::Stream;
use futures_util::{future, stream};
use tokio::sync::Notify;

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
            nudge: Arc::default(),
            course: None,
            looking: None,
        }
    }
}

/// How long to wait, and for what.
#[derive(Clone, Debug)]
struct Policy {
    interval: Duration,
    deadline: Duration,
    settling: Duration,
    stall_patience: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(30),
            deadline: Duration::from_secs(3 * 3600),
            settling: Duration::from_secs(300),
            stall_patience: Duration::ZERO,
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
    /// Deleted, expired, or never there, as far as a 404 tells. A [`Clipping`](crate::Clipping) creates no other project for it
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
            let course = self.course.get_or_insert_with(|| Course::new(clock.now()));
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

/// What a look has shown.
#[derive(Debug)]
enum Look {
    Project(Box<Project>),
    Complete(Box<Project>, Vec<Clip>),
    Gone,
    Trouble(Error),
}

/// Looks at the project, and at its clips where it is complete. An error is one that waiting does not mend.
async fn look(client: Client, id: ProjectId) -> Result<Look, Error> {
    let project = match client.get_project(&id).await {
        Ok(project) => Box::new(project),
        Err(error) if error.is_not_found() => return Ok(Look::Gone),
        Err(error) => return passing(error),
    };
    if project.is_deleted == Some(true) || project.is_purged == Some(true) {
        return Ok(Look::Gone);
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

/// What to do next.
#[derive(Debug, PartialEq)]
enum Step {
    Look,
    Pause(Duration),
    End(WaitOutcome),
    Over,
}

/// The course of one wait: pure decisions on what was seen and when.
#[derive(Debug)]
struct Course {
    started: Instant,
    /// Whether a look has ended since the latest pause.
    looked: bool,
    /// When the pause under way ends.
    until: Option<Instant>,
    stage: Option<ProjectStage>,
    stalled_since: Option<Instant>,
    complete_since: Option<Instant>,
    settled: Option<(usize, usize)>,
    /// How it will end unless something changes.
    ending: Option<(WaitOutcome, Ending)>,
    retry_after: Duration,
    over: bool,
}

/// When an outcome counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    Now,
    Settled,
    Stalled,
}

impl Course {
    fn new(now: Instant) -> Self {
        Self {
            started: now,
            looked: false,
            until: None,
            stage: None,
            stalled_since: None,
            complete_since: None,
            settled: None,
            ending: None,
            retry_after: Duration::ZERO,
            over: false,
        }
    }

    fn step(&mut self, policy: &Policy, now: Instant, random: f64) -> Step {
        if self.over {
            return Step::Over;
        }
        if !self.looked {
            return Step::Look;
        }
        let since = |moment: Option<Instant>| moment.map_or(Duration::ZERO, |moment| now.saturating_duration_since(moment));
        let left = policy.deadline.saturating_sub(since(Some(self.started)));
        let is_due = match &self.ending {
            None => false,
            Some((_, Ending::Now)) => true,
            Some((_, Ending::Settled)) => since(self.complete_since) >= policy.settling || left.is_zero(),
            Some((_, Ending::Stalled)) => since(self.stalled_since) >= policy.stall_patience || left.is_zero(),
        };
        if is_due && let Some((outcome, _)) = self.ending.take() {
            self.over = true;
            return Step::End(outcome);
        }
        if left.is_zero() {
            self.over = true;
            return Step::End(WaitOutcome::Deadline { stage: self.stage.clone() });
        }
        let pause = policy.interval.mul_f64(0.9 + 0.2 * random).max(self.retry_after);
        let until = *self.until.get_or_insert(now + pause.min(left));
        Step::Pause(until.saturating_duration_since(now))
    }

    fn saw(&mut self, look: Look, now: Instant) -> Option<WaitEvent> {
        self.retry_after = Duration::ZERO;
        match look {
            Look::Trouble(error) => {
                self.retry_after = error.retry_after().unwrap_or_default();
                Some(WaitEvent::Trouble(error))
            }
            Look::Gone => {
                self.ending = Some((WaitOutcome::Gone, Ending::Now));
                None
            }
            Look::Project(project) => {
                self.complete_since = None;
                let stage = project.stage.clone();
                if stage == Some(ProjectStage::Stalled) {
                    self.stalled_since.get_or_insert(now);
                    self.ending = Some((WaitOutcome::Stalled { project }, Ending::Stalled));
                } else {
                    self.stalled_since = None;
                    self.ending = None;
                }
                self.moved(stage)
            }
            Look::Complete(project, clips) => {
                self.complete_since.get_or_insert(now);
                let exportable = clips.iter().filter(|clip| has_link(clip)).count();
                let counts = (clips.len(), exportable);
                self.ending = Some(match counts {
                    (0, _) => (WaitOutcome::NoClips { project }, Ending::Settled),
                    (all, some) if some < all => (WaitOutcome::PreviewsOnly { project, clips }, Ending::Settled),
                    _ => (WaitOutcome::Ready { project, clips }, Ending::Now),
                });
                let moved = self.moved(Some(ProjectStage::Complete));
                let changed = self.settled.replace(counts) != Some(counts);
                moved.or_else(|| changed.then_some(WaitEvent::Settling { clips: counts.0, exportable }))
            }
        }
    }

    fn moved(&mut self, stage: Option<ProjectStage>) -> Option<WaitEvent> {
        let stage = stage.filter(|stage| self.stage.as_ref() != Some(stage))?;
        self.stage = Some(stage.clone());
        Some(WaitEvent::Stage(stage))
    }
}

/// An empty link is none.
fn has_link(clip: &Clip) -> bool {
    clip.uri_for_export.as_deref().is_some_and(|uri| !uri.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(stage: &str) -> Look {
        Look::Project(Box::new(Project::new("P1").with_stage(stage)))
    }

    fn complete(links: &[Option<&str>]) -> Look {
        let clips = links.iter().enumerate().map(|(number, link)| {
            let clip = Clip::new(crate::types::FullClipId::new("P1", format!("CU{number}")));
            match link {
                Some(link) => clip.with_uri_for_export(*link),
                None => clip,
            }
        });
        Look::Complete(Box::new(Project::new("P1").with_stage("COMPLETE")), clips.collect())
    }

    fn start() -> Instant {
        #[allow(clippy::disallowed_methods, reason = "some instant to count from")]
        Instant::now()
    }

    fn ends(step: &Step) -> &'static str {
        match step {
            Step::End(WaitOutcome::Ready { .. }) => "ready",
            Step::End(WaitOutcome::PreviewsOnly { .. }) => "previews",
            Step::End(WaitOutcome::NoClips { .. }) => "no clips",
            Step::End(WaitOutcome::Stalled { .. }) => "stalled",
            Step::End(WaitOutcome::Gone) => "gone",
            Step::End(WaitOutcome::Deadline { .. }) => "deadline",
            Step::Look => "look",
            Step::Pause(_) => "pause",
            Step::Over => "over",
        }
    }

    #[test]
    fn links_are_waited_for_and_then_not() {
        let (policy, now) = (Policy::default(), start());
        let mut course = Course::new(now);
        assert_eq!(ends(&course.step(&policy, now, 0.5)), "look");
        course.looked = true;
        assert!(matches!(course.saw(complete(&[Some("u"), None, Some("")]), now), Some(WaitEvent::Stage(ProjectStage::Complete))));
        assert_eq!(course.step(&policy, now, 0.5), Step::Pause(Duration::from_secs(30)));
        let later = now + Duration::from_secs(299);
        assert_eq!(ends(&course.step(&policy, later, 0.5)), "pause");
        assert!(matches!(
            course.saw(complete(&[Some("u"), Some("u"), None]), later),
            Some(WaitEvent::Settling { clips: 3, exportable: 2 })
        ));
        assert_eq!(ends(&course.step(&policy, now + Duration::from_secs(300), 0.5)), "previews");
        assert_eq!(ends(&course.step(&policy, now + Duration::from_secs(300), 0.5)), "over");
        let mut ready = Course::new(now);
        ready.looked = true;
        ready.saw(complete(&[Some("u")]), now);
        assert_eq!(ends(&ready.step(&policy, now, 0.5)), "ready");
        let mut none = Course::new(now);
        none.saw(complete(&[]), now);
        none.looked = true;
        assert_eq!(ends(&none.step(&policy, now, 0.5)), "pause");
        assert_eq!(ends(&none.step(&policy, now + policy.settling, 0.5)), "no clips");
    }

    #[test]
    fn a_stalled_project_may_be_given_time_and_may_come_back() {
        let (policy, now) = (Policy { stall_patience: Duration::from_secs(60), ..Policy::default() }, start());
        let mut course = Course::new(now);
        assert_eq!(ends(&course.step(&policy, now, 0.0)), "look");
        course.looked = true;
        course.saw(project("STALLED"), now);
        assert_eq!(ends(&course.step(&policy, now, 0.0)), "pause");
        assert!(course.saw(project("RENDER"), now + Duration::from_secs(27)).is_some());
        assert_eq!(ends(&course.step(&policy, now + Duration::from_secs(100), 0.0)), "pause");
        course.saw(project("STALLED"), now + Duration::from_secs(100));
        assert_eq!(ends(&course.step(&policy, now + Duration::from_secs(160), 0.0)), "stalled");
        let mut hasty = Course::new(now);
        hasty.looked = true;
        hasty.saw(project("STALLED"), now);
        assert_eq!(ends(&hasty.step(&Policy::default(), now, 0.0)), "stalled");
    }

    /// Whatever is seen: it ends, not after the deadline, once, and ready only where every clip has its link.
    #[test]
    fn every_course_ends_in_time_and_never_in_a_false_success() {
        let mut random = fastrand::Rng::with_seed(11);
        for _ in 0..100_000 {
            let policy = Policy {
                interval: Duration::from_secs(random.u64(1..100)),
                deadline: Duration::from_secs(random.u64(0..2000)),
                settling: Duration::from_secs(random.u64(0..500)),
                stall_patience: Duration::from_secs(random.u64(0..500)),
            };
            let start = start();
            let (mut course, mut now, mut looked_at, mut last_complete) = (Course::new(start), start, start, None);
            let mut steps = 0;
            loop {
                steps += 1;
                assert!(steps < 10_000, "{policy:?}");
                match course.step(&policy, now, random.f64()) {
                    Step::Pause(pause) => {
                        assert!(!pause.is_zero() || policy.deadline.is_zero(), "{policy:?}");
                        now += pause;
                        (course.looked, course.until) = (false, None);
                    }
                    Step::Look => {
                        let links: Vec<Option<&str>> = (0..random.usize(..3)).map(|_| random.bool().then_some("u")).collect();
                        let look = match random.u8(..6) {
                            0 => complete(&links),
                            1 => project("STALLED"),
                            2 => Look::Trouble(Error::input(None, "x")),
                            _ => project(["QUEUED", "RENDER", "TELEPORT"][random.usize(..3)]),
                        };
                        last_complete = match &look {
                            Look::Complete(..) => Some(!links.is_empty() && links.iter().all(Option::is_some)),
                            Look::Trouble(_) => last_complete,
                            _ => None,
                        };
                        course.looked = true;
                        course.saw(look, now);
                        looked_at = now;
                    }
                    Step::End(outcome) => {
                        assert!(now <= start + policy.deadline, "{policy:?}");
                        assert_eq!(looked_at, now, "the last word has a look, not a pause");
                        assert_eq!(matches!(outcome, WaitOutcome::Ready { .. }), last_complete == Some(true), "{outcome:?}");
                        assert_eq!(course.step(&policy, now, 0.5), Step::Over);
                        break;
                    }
                    Step::Over => panic!("over without an end"),
                }
            }
        }
    }
}
