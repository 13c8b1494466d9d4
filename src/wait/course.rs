//! The course of a wait: pure decisions on what was seen and when.

use std::time::{Duration, Instant};

use super::{WaitEvent, WaitOutcome};
use crate::Error;
use crate::types::{Clip, Project, ProjectStage};

/// How long to wait, and for what.
#[derive(Clone, Debug)]
pub(super) struct Policy {
    pub(super) interval: Duration,
    pub(super) deadline: Duration,
    pub(super) settling: Duration,
    pub(super) stall_patience: Duration,
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

/// What a look has shown.
#[derive(Debug)]
pub(super) enum Look {
    Project(Box<Project>),
    Complete(Box<Project>, Vec<Clip>),
    /// Said to be deleted.
    Deleted,
    /// A 404, as of a project that there never was, and as a gateway has it.
    NotFound,
    Trouble(Error),
}

/// As good as never.
const LONGEST_PAUSE: Duration = Duration::from_secs(365 * 24 * 3600);

/// However long the service asks to be left alone, as uploads take it.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(300);

/// What to do next.
#[derive(Debug, PartialEq)]
pub(super) enum Step {
    Look,
    Pause(Duration),
    End(WaitOutcome),
    Over,
}

/// The course of one wait: pure decisions on what was seen and when.
#[derive(Debug)]
pub(super) struct Course {
    pub(super) started: Instant,
    /// Whether a look has ended since the latest pause.
    pub(super) looked: bool,
    /// When the pause under way ends.
    pub(super) until: Option<Instant>,
    /// Whether it was there, then or before.
    is_known: bool,
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
    /// With the deadline.
    Late,
}

impl Course {
    pub(super) fn new(now: Instant, is_known: bool) -> Self {
        Self {
            started: now,
            looked: false,
            until: None,
            is_known,
            stage: None,
            stalled_since: None,
            complete_since: None,
            settled: None,
            ending: None,
            retry_after: Duration::ZERO,
            over: false,
        }
    }

    pub(super) fn step(&mut self, policy: &Policy, now: Instant, random: f64) -> Step {
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
            Some((_, Ending::Late)) => left.is_zero(),
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
        let pause = policy.interval.min(LONGEST_PAUSE).mul_f64(0.9 + 0.2 * random).max(self.retry_after);
        let until = *self.until.get_or_insert(now + pause.min(left));
        Step::Pause(until.saturating_duration_since(now))
    }

    pub(super) fn saw(&mut self, look: Look, now: Instant) -> Option<WaitEvent> {
        self.retry_after = Duration::ZERO;
        match look {
            Look::Trouble(error) => {
                self.retry_after = error.retry_after().unwrap_or_default().min(LONGEST_RETRY_AFTER);
                Some(WaitEvent::Trouble(error))
            }
            Look::Deleted => {
                self.ending = Some((WaitOutcome::Gone, Ending::Now));
                None
            }
            Look::NotFound => {
                // One that is known to have been there is asked for once more.
                let is_sure = !self.is_known || matches!(self.ending, Some((WaitOutcome::Gone, _)));
                self.ending = Some((WaitOutcome::Gone, if is_sure { Ending::Now } else { Ending::Late }));
                None
            }
            Look::Project(project) => {
                self.is_known = true;
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
                self.is_known = true;
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
        let mut course = Course::new(now, false);
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
        let mut ready = Course::new(now, false);
        ready.looked = true;
        ready.saw(complete(&[Some("u")]), now);
        assert_eq!(ends(&ready.step(&policy, now, 0.5)), "ready");
        let mut none = Course::new(now, false);
        none.saw(complete(&[]), now);
        none.looked = true;
        assert_eq!(ends(&none.step(&policy, now, 0.5)), "pause");
        assert_eq!(ends(&none.step(&policy, now + policy.settling, 0.5)), "no clips");
    }

    #[test]
    fn a_stalled_project_may_be_given_time_and_may_come_back() {
        let (policy, now) = (Policy { stall_patience: Duration::from_secs(60), ..Policy::default() }, start());
        let mut course = Course::new(now, false);
        assert_eq!(ends(&course.step(&policy, now, 0.0)), "look");
        course.looked = true;
        course.saw(project("STALLED"), now);
        assert_eq!(ends(&course.step(&policy, now, 0.0)), "pause");
        assert!(course.saw(project("RENDER"), now + Duration::from_secs(27)).is_some());
        assert_eq!(ends(&course.step(&policy, now + Duration::from_secs(100), 0.0)), "pause");
        course.saw(project("STALLED"), now + Duration::from_secs(100));
        assert_eq!(ends(&course.step(&policy, now + Duration::from_secs(160), 0.0)), "stalled");
        let mut hasty = Course::new(now, false);
        hasty.looked = true;
        hasty.saw(project("STALLED"), now);
        assert_eq!(ends(&hasty.step(&Policy::default(), now, 0.0)), "stalled");
    }

    #[test]
    fn one_that_was_there_is_gone_when_it_is_not_found_twice() {
        let (policy, now) = (Policy::default(), start());
        let mut unknown = Course::new(now, false);
        unknown.looked = true;
        unknown.saw(Look::NotFound, now);
        assert_eq!(ends(&unknown.step(&policy, now, 0.5)), "gone");
        let mut known = Course::new(now, true);
        known.looked = true;
        known.saw(Look::NotFound, now);
        assert_eq!(ends(&known.step(&policy, now, 0.5)), "pause");
        known.saw(project("RENDER"), now);
        known.saw(Look::NotFound, now);
        assert_eq!(ends(&known.step(&policy, now, 0.5)), "pause");
        known.saw(Look::NotFound, now);
        assert_eq!(ends(&known.step(&policy, now, 0.5)), "gone");
        let mut late = Course::new(now, true);
        late.looked = true;
        late.saw(Look::NotFound, now);
        assert_eq!(ends(&late.step(&policy, now + policy.deadline, 0.5)), "gone");
        let mut deleted = Course::new(now, true);
        deleted.looked = true;
        deleted.saw(Look::Deleted, now);
        assert_eq!(ends(&deleted.step(&policy, now, 0.5)), "gone");
    }

    #[test]
    fn no_pause_is_too_long() {
        let now = start();
        let policy = Policy { interval: Duration::MAX, deadline: Duration::from_secs(7200), ..Policy::default() };
        let mut course = Course::new(now, false);
        course.looked = true;
        assert_eq!(course.step(&policy, now, 1.0), Step::Pause(policy.deadline));
        let endless = Policy { deadline: Duration::MAX, ..policy };
        let mut course = Course::new(now, false);
        course.looked = true;
        assert_eq!(ends(&course.step(&endless, now, 1.0)), "pause");
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
            let (mut course, mut now, mut looked_at, mut last_complete) = (Course::new(start, false), start, start, None);
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
                        let look = match random.u8(..7) {
                            3 => Look::NotFound,
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
