//! The state of the account: what was created, and how far it has come by a given moment.
//!
//! Nothing here runs by itself. What a project is at a moment follows from when it was created, so that a test can let
//! any time pass at once.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use opusclip::types::{CreateProject, ProjectStage, SourcePlatform, Visibility};

use crate::settings::{ExportLinks, Settings};

#[derive(Debug)]
pub(crate) struct World {
    random: fastrand::Rng,
    /// In the order of creation.
    pub(crate) projects: Vec<Project>,
    pub(crate) collections: Vec<Collection>,
    /// When each was made.
    pub(crate) censor_jobs: BTreeMap<String, SystemTime>,
    pub(crate) copy_jobs: BTreeMap<String, CopyJob>,
    /// When each was made.
    pub(crate) generative_jobs: BTreeMap<String, SystemTime>,
    pub(crate) posts: Vec<Post>,
    /// When each is published.
    pub(crate) schedules: BTreeMap<String, SystemTime>,
    /// What was charged, and when.
    pub(crate) charges: Vec<(SystemTime, u64)>,
    pub(crate) minutes: u64,
}

#[derive(Debug)]
pub(crate) struct Project {
    pub(crate) id: String,
    pub(crate) org: String,
    pub(crate) request: CreateProject,
    pub(crate) platform: SourcePlatform,
    pub(crate) created: SystemTime,
    pub(crate) visibility: Visibility,
    pub(crate) bytes: u64,
    pub(crate) clips: Vec<Clip>,
    pub(crate) stages: Vec<(ProjectStage, Duration)>,
    pub(crate) stall_at: Option<ProjectStage>,
    /// When the work was ended by hand.
    pub(crate) stalled: Option<SystemTime>,
    pub(crate) life: Duration,
    /// Whether the messages about its end were sent.
    pub(crate) concluded: bool,
}

#[derive(Debug)]
pub(crate) struct Clip {
    /// The bare id.
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) is_bonus: bool,
    pub(crate) start_ms: u32,
    pub(crate) duration_ms: u32,
    pub(crate) exported: Option<SystemTime>,
    pub(crate) censored: bool,
}

#[derive(Debug)]
pub(crate) struct Collection {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) created: SystemTime,
    pub(crate) updated: SystemTime,
    /// Full ids of clips.
    pub(crate) contents: Vec<String>,
}

#[derive(Debug)]
pub(crate) struct CopyJob {
    pub(crate) created: SystemTime,
    pub(crate) clip: String,
    pub(crate) cached: bool,
}

#[derive(Debug)]
pub(crate) struct Post {
    pub(crate) platform: String,
    pub(crate) at: SystemTime,
}

/// How far a project has come.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Progress {
    Working(ProjectStage),
    Complete { since: SystemTime },
    Stalled { since: SystemTime },
}

impl Progress {
    pub(crate) fn stage(&self) -> ProjectStage {
        match self {
            Self::Working(stage) => stage.clone(),
            Self::Complete { .. } => ProjectStage::Complete,
            Self::Stalled { .. } => ProjectStage::Stalled,
        }
    }

    pub(crate) fn is_working(&self) -> bool {
        matches!(self, Self::Working(_))
    }
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            random: fastrand::Rng::with_seed(seed),
            projects: Vec::new(),
            collections: Vec::new(),
            censor_jobs: BTreeMap::new(),
            copy_jobs: BTreeMap::new(),
            generative_jobs: BTreeMap::new(),
            posts: Vec::new(),
            schedules: BTreeMap::new(),
            charges: Vec::new(),
            minutes: 0,
        }
    }

    /// `length` letters and digits.
    pub(crate) fn letters(&mut self, length: usize) -> String {
        (0..length).map(|_| self.random.alphanumeric()).collect()
    }

    /// `length` hex digits, in lower case.
    pub(crate) fn hex(&mut self, length: usize) -> String {
        (0..length).map(|_| self.random.digit(16)).collect()
    }

    pub(crate) fn uuid(&mut self) -> String {
        let mut part = |length| self.hex(length);
        format!("{}-{}-4{}-8{}-{}", part(8), part(4), part(3), part(3), part(12))
    }

    /// A project that has not been purged.
    pub(crate) fn project(&self, id: &str, now: SystemTime) -> Option<&Project> {
        self.projects.iter().find(|project| project.id == id && !project.is_purged(now))
    }

    pub(crate) fn project_mut(&mut self, id: &str, now: SystemTime) -> Option<&mut Project> {
        self.projects.iter_mut().find(|project| project.id == id && !project.is_purged(now))
    }

    /// A clip by its full id, cut at the first dot (C28), once it is to be seen.
    pub(crate) fn clip(&self, full: &str, now: SystemTime) -> Option<(&Project, &Clip)> {
        let (project, clip) = full.split_once('.')?;
        let project = self.project(project, now)?;
        Some((project, project.clips(now).iter().find(|found| found.id == clip)?))
    }

    pub(crate) fn in_work(&self, now: SystemTime) -> usize {
        self.projects.iter().filter(|project| project.progress(now).is_working()).count()
    }

    /// Credits that were charged since the month began.
    pub(crate) fn used(&self, month: SystemTime) -> u64 {
        self.charges.iter().filter(|(at, _)| *at >= month).map(|(_, credits)| credits).sum()
    }

    /// The end of work that is told next.
    pub(crate) fn next_conclusion(&self) -> Option<SystemTime> {
        self.projects.iter().filter(|project| !project.concluded).map(Project::ends).min()
    }
}

impl Project {
    pub(crate) fn progress(&self, now: SystemTime) -> Progress {
        if let Some(since) = self.stalled.filter(|since| now >= *since) {
            return Progress::Stalled { since };
        }
        let mut end = self.created;
        for (stage, duration) in &self.stages {
            if self.stall_at.as_ref() == Some(stage) && now >= end {
                return Progress::Stalled { since: end };
            }
            end += *duration;
            if now < end {
                return Progress::Working(stage.clone());
            }
        }
        Progress::Complete { since: end }
    }

    /// When the work ends, well or not.
    pub(crate) fn ends(&self) -> SystemTime {
        let before = self.stages.iter().take_while(|(stage, _)| Some(stage) != self.stall_at.as_ref());
        self.stalled.unwrap_or_else(|| self.created + before.map(|(_, duration)| *duration).sum::<Duration>())
    }

    pub(crate) fn expires(&self) -> SystemTime {
        self.created + self.life
    }

    pub(crate) fn is_purged(&self, now: SystemTime) -> bool {
        now >= self.expires()
    }

    /// The clips that are to be seen: none while the project is in work, previews from the last stage on.
    pub(crate) fn clips(&self, now: SystemTime) -> &[Clip] {
        let last = self.stages.last().map(|(stage, _)| stage);
        match self.progress(now) {
            Progress::Complete { .. } => &self.clips,
            Progress::Working(stage) if Some(&stage) == last && self.stages.len() > 1 => &self.clips,
            _ => &[],
        }
    }

    /// Whether the transcript is there: once the moments are being chosen.
    pub(crate) fn has_transcript(&self, now: SystemTime) -> bool {
        let early = [ProjectStage::Pending, ProjectStage::Queued, ProjectStage::Import];
        match self.progress(now) {
            Progress::Working(stage) => !early.contains(&stage),
            Progress::Complete { .. } => true,
            Progress::Stalled { .. } => self.stalled.is_some() || self.stall_at.as_ref().is_some_and(|stage| !early.contains(stage)),
        }
    }

    /// Whether the export link of a clip is there.
    pub(crate) fn is_exportable(&self, clip: &Clip, settings: &Settings, now: SystemTime) -> bool {
        let Progress::Complete { since } = self.progress(now) else { return false };
        match settings.export_links {
            ExportLinks::After(delay) => now >= since + delay,
            ExportLinks::OnExport => clip.exported.is_some(),
            ExportLinks::Never => false,
        }
    }

    /// Ends the work at `now`; `false` where it is over.
    pub(crate) fn stall(&mut self, now: SystemTime) -> bool {
        let is_working = self.progress(now).is_working();
        if is_working {
            self.stalled = Some(now);
        }
        is_working
    }

    pub(crate) fn full_id(&self, clip: &Clip) -> String {
        format!("{}.{}", self.id, clip.id)
    }
}

/// The first moment of the month, in UTC, and of the next one.
pub(crate) fn month(now: SystemTime) -> (SystemTime, SystemTime) {
    let text = humantime::format_rfc3339_seconds(now).to_string();
    let mut parts = text.split('-').map(|part| part.parse::<u32>().unwrap_or(1));
    let (year, month) = (parts.next().unwrap_or(1970), parts.next().unwrap_or(1));
    let first = |year: u32, month: u32| humantime::parse_rfc3339(&format!("{year:04}-{month:02}-01T00:00:00Z")).unwrap_or(now);
    let next = if month == 12 { first(year + 1, 1) } else { first(year, month + 1) };
    (first(year, month), next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_begins_on_its_first_day_also_in_december() {
        let at = |text: &str| humantime::parse_rfc3339(text).unwrap();
        assert_eq!(month(at("2026-12-31T23:59:59Z")), (at("2026-12-01T00:00:00Z"), at("2027-01-01T00:00:00Z")));
        assert_eq!(month(at("2024-02-29T00:00:00Z")), (at("2024-02-01T00:00:00Z"), at("2024-03-01T00:00:00Z")));
    }
}
