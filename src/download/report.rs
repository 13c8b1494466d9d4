//! What a download tells: events on the way, a report at the end.

use std::path::{Path, PathBuf};

use super::folder::Saved;
use crate::Error;
use crate::types::FullClipId;

/// What [`Download::next`](super::Download::next) tells.
#[derive(Debug)]
#[non_exhaustive]
pub enum DownloadEvent {
    /// The clips are known; there are so many.
    Listed {
        /// Clips in the list, those without an export link included.
        clips: usize,
    },
    /// More of a file is on disk.
    Progress {
        /// The clip.
        clip: FullClipId,
        /// Bytes that are there, those of an earlier run included. They can become fewer: a file that has changed on the server
        /// begins anew.
        bytes: u64,
        /// The size of the whole in bytes, if the server tells it.
        size: Option<u64>,
    },
    /// Something went wrong in a way that may pass; the download of this clip goes on.
    Trouble {
        /// The clip.
        clip: FullClipId,
        /// What went wrong.
        error: Error,
    },
    /// A clip is done with, one way or another; the report says which.
    Finished {
        /// The clip.
        clip: FullClipId,
        /// Whether its file is there, whole.
        is_saved: bool,
    },
    /// The end.
    Ended(DownloadReport),
}

/// How a download ended, clip by clip.
///
/// ```no_run
/// # async fn example(client: &opusclip::Client) -> Result<(), opusclip::Error> {
/// use opusclip::{DownloadOutcome, types::ProjectId};
///
/// let report = client.download(ProjectId::from("P0000000demo"), "clips").await?;
/// for clip in report.clips() {
///     match &clip.outcome {
///         DownloadOutcome::Saved(file) | DownloadOutcome::AlreadyThere(file) => println!("{}", file.path.display()),
///         DownloadOutcome::NoExportLink => println!("{} has no export link", clip.id),
///         DownloadOutcome::Failed(error) => println!("{}: {error}", clip.id),
///         _ => {}
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a download that ended may still lack clips; see `is_complete`"]
pub struct DownloadReport {
    pub(super) folder: PathBuf,
    pub(super) clips: Vec<ClipDownload>,
}

impl DownloadReport {
    /// Whether every clip is there, whole. `false` too where there are no clips: an unfinished project has none either.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        !self.clips.is_empty() && self.clips.iter().all(ClipDownload::is_saved)
    }

    /// Every clip, in the order of the list.
    #[must_use]
    pub fn clips(&self) -> &[ClipDownload] {
        &self.clips
    }

    /// The folder, as an absolute path without links in it.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

/// How the download of one clip ended.
#[derive(Debug)]
#[non_exhaustive]
pub struct ClipDownload {
    /// The clip.
    pub id: FullClipId,
    /// Its title, if it has one.
    pub title: Option<String>,
    /// How it ended.
    pub outcome: DownloadOutcome,
}

impl ClipDownload {
    /// Whether its file is there, whole.
    #[must_use]
    pub fn is_saved(&self) -> bool {
        matches!(self.outcome, DownloadOutcome::Saved(_) | DownloadOutcome::AlreadyThere(_))
    }
}

/// The ways in which it can end.
#[derive(Debug)]
#[non_exhaustive]
pub enum DownloadOutcome {
    /// Fetched, checked, and in its place.
    Saved(SavedFile),
    /// Fetched by an earlier download, and still there.
    AlreadyThere(SavedFile),
    /// The service gave no link for it: it is not rendered yet, or the account gets export links only by an export of a
    /// collection (C25).
    NoExportLink,
    /// Not there. What was fetched is kept for the next time.
    Failed(Error),
}

/// A whole file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SavedFile {
    /// Where it is.
    pub path: PathBuf,
    /// Its size in bytes.
    pub size: u64,
    /// SHA-256 of what was written, in lower-case hex, as it stands in the manifest.
    pub sha256: String,
    /// Whether the server named a checksum, and it was right. Without one its length was checked. `false` for a file that was
    /// there already.
    pub is_checksum_verified: bool,
}

impl SavedFile {
    /// A file of an earlier run.
    pub(super) fn of(saved: &Saved, path: PathBuf) -> Self {
        Self { path, size: saved.size, sha256: saved.sha256.clone(), is_checksum_verified: false }
    }
}
