//! What a sandbox is like; set by the builder.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Duration;

use opusclip::types::ProjectStage;

use crate::clock::LONGEST;

/// When the export links of clips appear. The service has been seen in all of these ways (C25).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExportLinks {
    /// So long after the project is complete; zero is the default.
    After(Duration),
    /// After an export of a collection that holds the clip.
    OnExport,
    /// Never.
    Never,
}

/// The limits of the service. The default is what is documented.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    /// Whether the rates of the operation table are kept.
    pub(crate) rates: bool,
    /// Projects in work at once.
    pub(crate) concurrent: usize,
    /// Credits a month.
    pub(crate) credits: u64,
    /// Minutes of the plan, a meter of its own.
    pub(crate) minutes: Option<u64>,
    /// Posts and schedules a day.
    pub(crate) posts: usize,
    /// TikTok posts in 24 hours.
    pub(crate) tiktok: usize,
    pub(crate) collections: usize,
    /// The largest body of an API request, in bytes.
    pub(crate) body: usize,
}

#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) address: IpAddr,
    pub(crate) port: u16,
    pub(crate) public: bool,
    pub(crate) speed: f64,
    pub(crate) seed: u64,
    pub(crate) lenient: bool,
    pub(crate) keys: Vec<String>,
    pub(crate) log: bool,
    pub(crate) check_replies: bool,
    pub(crate) stages: Vec<(ProjectStage, Duration)>,
    pub(crate) stall_at: Option<ProjectStage>,
    pub(crate) clips: usize,
    pub(crate) source: Duration,
    pub(crate) export_links: ExportLinks,
    pub(crate) link_life: Duration,
    pub(crate) upload_link_life: Duration,
    pub(crate) session_life: Duration,
    pub(crate) kept_uploads: Option<PathBuf>,
    pub(crate) project_life: Duration,
    pub(crate) webhook_attempts: u32,
    pub(crate) webhook_pause: Duration,
    pub(crate) webhooks_anywhere: bool,
    pub(crate) thumbnails: bool,
    pub(crate) proxy_allowed: bool,
    /// How long a body may take; of an upload, each piece of it.
    pub(crate) body_time: Duration,
    pub(crate) limits: Limits,
}

impl Settings {
    /// No duration is longer than time goes, so that "for ever" is a setting.
    pub(crate) fn bounded(mut self) -> Self {
        let lives = [
            &mut self.source,
            &mut self.link_life,
            &mut self.upload_link_life,
            &mut self.session_life,
            &mut self.project_life,
            &mut self.webhook_pause,
        ];
        for duration in lives.into_iter().chain(self.stages.iter_mut().map(|(_, duration)| duration)) {
            *duration = (*duration).min(LONGEST);
        }
        if let ExportLinks::After(delay) = &mut self.export_links {
            *delay = (*delay).min(LONGEST);
        }
        self
    }
}

const DAY: Duration = Duration::from_secs(24 * 3600);

impl Default for Settings {
    fn default() -> Self {
        let stage = |stage, seconds| (stage, Duration::from_secs(seconds));
        Self {
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 0,
            public: false,
            speed: 1.0,
            seed: 1,
            lenient: false,
            keys: Vec::new(),
            log: false,
            check_replies: false,
            // Ten minutes in all; only the order of the stages is known, and that creation answers QUEUED.
            stages: vec![
                stage(ProjectStage::Queued, 10),
                stage(ProjectStage::Import, 50),
                stage(ProjectStage::Curate, 240),
                stage(ProjectStage::Refine, 60),
                stage(ProjectStage::Render, 200),
                stage(ProjectStage::Upload, 40),
            ],
            stall_at: None,
            clips: 3,
            source: Duration::from_secs(600),
            export_links: ExportLinks::After(Duration::ZERO),
            link_life: DAY,
            upload_link_life: DAY,
            session_life: 7 * DAY,
            kept_uploads: None,
            project_life: 30 * DAY,
            webhook_attempts: 1,
            webhook_pause: Duration::from_secs(30),
            webhooks_anywhere: false,
            thumbnails: true,
            proxy_allowed: true,
            body_time: Duration::from_secs(30),
            limits: Limits {
                rates: true,
                concurrent: 4,
                credits: 900,
                minutes: None,
                posts: 500,
                tiktok: 15,
                collections: 100,
                body: 1 << 20,
            },
        }
    }
}
