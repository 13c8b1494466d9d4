//! One video: up, made clips of, down. It can be dropped anywhere, and a later run goes on.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use opusclip::types::{FullClipId, ProjectId, ProjectStage};
use opusclip::{
    ClipEvent, Clipped, Clipping, Download, DownloadEvent, DownloadOutcome, DownloadReport, UploadPhase, UploadProgress, WaitEvent,
    portable_name,
};
use tokio::sync::watch;

use super::batch::Shared;
use super::inputs::{Item, Source};
use super::ledger::{Entry, State};
use super::screen::Line;
use super::slots::Slot;
use crate::failure::{Code, Failure};
use crate::outcome;

/// How often a clip that the service takes no project of is tried again, in time.
const BETWEEN_REFUSALS: Duration = Duration::from_secs(60);

/// What came of a video.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) item: Item,
    pub(crate) project: Option<ProjectId>,
    pub(crate) report: Option<DownloadReport>,
    pub(crate) result: Result<&'static str, Failure>,
    /// Whether it was only held back, by what the account was refused for another video.
    pub(crate) is_held_back: bool,
}

/// The work on one video.
pub(crate) struct Work {
    shared: Arc<Shared>,
    item: Item,
    line: Option<Line>,
    project: Option<ProjectId>,
    slot: Option<Slot>,
    /// The credits that were counted for a project that was asked for here.
    charged: Option<u64>,
    /// Whether the billed call is under way, or nobody knows what came of it.
    is_asking: bool,
    is_held_back: bool,
}

impl Work {
    pub(crate) fn new(shared: Arc<Shared>, item: Item) -> Self {
        Self { shared, item, line: None, project: None, slot: None, charged: None, is_asking: false, is_held_back: false }
    }

    /// Does all of it.
    pub(crate) async fn run(mut self) -> End {
        let shared = Arc::clone(&self.shared);
        // It is never closed.
        let _permit = shared.begun.acquire().await;
        let mut report = None;
        let result = self.all(&mut report).await;
        if !self.is_held_back {
            let written = self.write_down(&result, report.as_ref());
            if let Err(failure) = &result {
                self.shared.refused(failure);
            }
            if let Err(failure) = written {
                self.shared.screen.of(&self.item.name, &format!("warning: {failure}"));
            }
        }
        if let Some(line) = self.line.take() {
            match &result {
                _ if self.is_held_back => drop(line),
                Ok(summary) => line.finish(summary),
                Err(failure) => line.fail(&failure.to_string()),
            }
        }
        let Self { item, project, is_held_back, .. } = self;
        End { item, project, report, result, is_held_back }
    }

    fn write_down(&mut self, result: &Result<&'static str, Failure>, report: Option<&DownloadReport>) -> Result<(), Failure> {
        let folder = report.map(|report| report.folder().to_owned());
        let failure = match result {
            Ok(_) => {
                let state = if self.shared.options.downloads { State::Done } else { State::Ready };
                return self.shared.ledger.note(Entry { folder, ..self.entry(state) });
            }
            Err(failure) => failure,
        };
        let is_billed = self.project.is_some() || self.is_asking;
        let credits = self.charged.take().filter(|_| !is_billed).map(|credits| {
            self.shared.give_back(credits);
            0
        });
        let state = if self.project.is_some() { State::Incomplete } else { State::Failed };
        self.shared.ledger.note(Entry { note: Some(failure.to_string()), folder, credits, ..self.entry(state) })
    }

    async fn all(&mut self, report: &mut Option<DownloadReport>) -> Result<&'static str, Failure> {
        let clipped = loop {
            match self.clip().await? {
                Some(clipped) => break clipped,
                None => self.wait_for_room().await,
            }
        };
        self.settle();
        let clips = outcome::clips_of(clipped.outcome, &clipped.project)?;
        if !self.shared.options.downloads {
            return Ok("ready");
        }
        self.note(State::Ready)?;
        let done = self.download(&clipped.project, clips).await?;
        let judged = judge(&done);
        *report = Some(done);
        judged
    }

    /// Up to the end of the project; `None` where the service takes no more projects at the moment.
    async fn clip(&mut self) -> Result<Option<Clipped>, Failure> {
        // Everybody who has a file asks here first, so that the videos begin in order.
        let mut upload = match self.item.is_file() {
            true => Arc::clone(&self.shared.uploads).acquire_owned().await.ok(),
            false => None,
        };
        if self.project.is_none() && self.shared.is_refused() {
            return Err(self.held_back());
        }
        let shared = Arc::clone(&self.shared);
        let line = self.line.get_or_insert_with(|| shared.screen.line(&self.item.name));
        let mut clipping = begin(&shared, &self.item)?;
        let mut progress = clipping.progress();
        let (mut was_uploading, mut is_shown) = (false, false);
        loop {
            let event = tokio::select! {
                biased;
                event = clipping.next() => event,
                Ok(()) = progress.changed() => {
                    if !is_shown && !matches!(progress.borrow().phase, UploadPhase::Opening | UploadPhase::Starting) {
                        is_shown = true;
                        shared.screen.unless_drawn(&self.item.name, "uploads");
                    }
                    show(line, &mut progress);
                    continue;
                }
                // What is asked for already may be billed: what comes of it is waited for.
                () = shared.refusal(), if self.project.is_none() && !self.is_asking => {
                    drop(clipping);
                    return Err(self.held_back());
                }
            };
            let event = match event {
                Ok(event) => event,
                Err(error) if error.is_concurrency_limited() => {
                    self.is_asking = false;
                    if let Some(slot) = self.slot.take() {
                        slot.refused();
                    }
                    let nothing = Entry { credits: Some(0), note: Some(error.to_string()), ..self.entry(State::Failed) };
                    shared.ledger.note(nothing)?;
                    return Ok(None);
                }
                Err(error) => {
                    let failure = explained(&error, self.is_asking && self.item.is_file());
                    // What it was asked for may be there, although it could not be written down.
                    self.is_asking &= error.is_outcome_unknown() || error.is_io();
                    return Err(failure);
                }
            };
            // Whatever these tell of, nobody knows of a project.
            if let Some(ClipEvent::Token(_) | ClipEvent::Uploaded(_) | ClipEvent::Creating) = &event
                && self.charged.is_none()
            {
                shared.check_is_new(&self.item)?;
            }
            match event {
                Some(ClipEvent::Token(token)) if token.attempted().is_some() => {
                    let entry = Entry::new(&self.item.key, &self.item.name, State::Creating);
                    shared.ledger.note(Entry { credits: Some(self.item.credits()), ..entry })?;
                }
                Some(ClipEvent::Token(_)) if !was_uploading => {
                    was_uploading = true;
                    shared.ledger.note(Entry::new(&self.item.key, &self.item.name, State::Uploading))?;
                }
                Some(ClipEvent::Uploaded(uploaded)) => {
                    drop(upload.take());
                    line.tell(&format!("uploaded {} ({})", indicatif::HumanBytes(uploaded.size), uploaded.verification));
                    shared.ledger.note(Entry::new(&self.item.key, &self.item.name, State::Uploaded))?;
                }
                Some(ClipEvent::Creating) => {
                    drop(upload.take());
                    if self.charged.is_none() {
                        shared.charge(&self.item)?;
                        self.charged = Some(self.item.credits());
                    }
                    if self.slot.is_none() {
                        line.wait("waits for a place");
                        let slot = tokio::select! {
                            slot = shared.slots.acquire() => slot,
                            () = shared.refusal() => {
                                drop(clipping);
                                return Err(self.held_back());
                            }
                        };
                        self.slot = Some(slot);
                    }
                    if shared.is_refused() {
                        drop(clipping);
                        return Err(self.held_back());
                    }
                    self.is_asking = true;
                    line.wait("creates the project");
                }
                Some(ClipEvent::Created(project)) => {
                    drop(upload.take());
                    let is_new = shared.ledger.known(&self.item.key).is_none_or(|known| known.project.as_deref() != Some(project.as_str()));
                    if self.slot.is_none() {
                        self.slot = Some(shared.slots.take());
                    }
                    line.tell(&format!("project {project}"));
                    let credits = is_new.then(|| self.item.credits());
                    let created = Entry {
                        project: Some(project.to_string()),
                        credits,
                        ..Entry::new(&self.item.key, &self.item.name, State::Created)
                    };
                    (self.project, self.is_asking) = (Some(project), false);
                    if is_new {
                        shared.ledger.note(created)?;
                    }
                }
                Some(ClipEvent::Waiting(event)) => waiting(line, event),
                Some(ClipEvent::Ended(clipped)) => {
                    self.project = Some(clipped.project.clone());
                    return Ok(Some(clipped));
                }
                Some(_) => {}
                None => return Err(Failure::new(Code::General, "it ended without an end")),
            }
        }
    }

    fn held_back(&mut self) -> Failure {
        self.is_held_back = true;
        self.shared.why()
    }

    /// Until a project of this program ends; where there is none, others have the places, and time has to pass.
    async fn wait_for_room(&self) {
        if let Some(line) = &self.line {
            line.tell("waits: the account has as many projects in work as it may");
        }
        if self.shared.slots.used() == 0 {
            self.shared.clock.sleep(BETWEEN_REFUSALS).await;
        }
    }

    /// The project is not in work any more.
    fn settle(&mut self) {
        if let Some(slot) = self.slot.take() {
            slot.ended();
        }
    }

    async fn download(&mut self, project: &ProjectId, clips: Vec<opusclip::types::Clip>) -> Result<DownloadReport, Failure> {
        let _permit = self.shared.downloads.acquire().await;
        let name = match self.item.stem() {
            Some(stem) => format!("{stem}-{project}"),
            None => project.to_string(),
        };
        let folder: PathBuf = self.shared.options.out.join(portable_name(&name).unwrap_or_else(|| "project".to_owned()));
        let mut download = self.shared.client.download(project.clone(), folder).with_clips(clips);
        if let Some(names) = &self.shared.options.names {
            download = download.with_names(names);
        }
        followed(download, self.line.as_ref()).await
    }

    fn entry(&self, state: State) -> Entry {
        let project = self.project.as_ref().map(ToString::to_string);
        Entry { project, ..Entry::new(&self.item.key, &self.item.name, state) }
    }

    fn note(&self, state: State) -> Result<(), Failure> {
        self.shared.ledger.note(self.entry(state))
    }
}

/// The work of the library on it.
fn begin(shared: &Shared, item: &Item) -> Result<Clipping, Failure> {
    let clipping = match &item.source {
        Source::File(path) => shared.client.clip(path),
        Source::Url(url) => shared.client.clip_url(url),
    };
    let project = shared.options.project.clone();
    let deadline = shared.options.deadline;
    let clipping = clipping.with_store(&shared.store).with_project(move |call| project.apply(call));
    let clipping = match deadline {
        Some(deadline) => clipping.with_wait(move |wait| wait.with_deadline(deadline)),
        None => clipping,
    };
    Ok(if shared.options.takes_unverified { clipping.with_unverified_uploads() } else { clipping })
}

fn show(line: &Line, progress: &mut watch::Receiver<UploadProgress>) {
    line.upload(&progress.borrow_and_update());
}

fn waiting(line: &Line, event: WaitEvent) {
    match event {
        WaitEvent::Stage(ProjectStage::Complete) => line.tell("complete"),
        WaitEvent::Stage(stage) => line.stage(&stage),
        WaitEvent::Settling { clips, exportable } => line.tell(&format!("complete; {exportable} of {clips} clips have their links")),
        WaitEvent::Trouble(error) => line.tell(&format!("waits on: {error}")),
        _ => {}
    }
}

/// What is said of a failed call, with what the options of this program can do about it.
fn explained(error: &opusclip::Error, is_of_an_upload: bool) -> Failure {
    let failure = Failure::from(error);
    if is_of_an_upload && matches!(failure.code, Code::Invalid | Code::NotFound) {
        let next = failure.next().unwrap_or_default().to_owned();
        return failure.with_next(format!("{next}; if the service has the upload no more, `--create-again` uploads it anew"));
    }
    if error.is_outcome_unknown() {
        let what = error.attempted().map(|attempted| format!(" It was asked: {attempted}.")).unwrap_or_default();
        return failure.with_next(format!(
            "look in the dashboard whether the project is there.{what} If so, run it again for this video alone with `--project-id ID`; \
             if not, with `--create-again`, which is billed"
        ));
    }
    if error.is_source_changed() {
        return failure.with_next("let nothing write to the file, and run it again: it is uploaded anew");
    }
    if error.is_invalid_input() && error.to_string().contains("other options") {
        return failure.with_next("give the options of the first time, or `--create-again` for another project, which is billed");
    }
    failure
}

/// A download to its end, shown on this line.
pub(super) async fn followed(mut download: Download, line: Option<&Line>) -> Result<DownloadReport, Failure> {
    let (mut count, mut done, mut sizes) = (0, 0, HashMap::<FullClipId, (u64, u64)>::new());
    while let Some(event) = download.next().await? {
        match event {
            DownloadEvent::Listed { clips } => count = clips,
            DownloadEvent::Progress { clip, bytes, size } => drop(sizes.insert(clip, (bytes, size.unwrap_or(bytes)))),
            DownloadEvent::Finished { .. } => done += 1,
            DownloadEvent::Trouble { error, .. } => {
                if let Some(line) = line {
                    line.wait(&format!("pauses and goes on: {error}"));
                }
                continue;
            }
            DownloadEvent::Ended(report) => return Ok(report),
            _ => {}
        }
        if let Some(line) = line {
            let (bytes, size) = sizes.values().fold((0, 0), |(bytes, size), clip| (bytes + clip.0, size + clip.1));
            line.download(done, count, bytes, size);
        }
    }
    Err(Failure::new(Code::General, "the download ended without an end"))
}

/// Whether the files are there.
pub(super) fn judge(report: &DownloadReport) -> Result<&'static str, Failure> {
    let clips = report.clips();
    let saved = clips.iter().filter(|clip| clip.is_saved()).count();
    let failed = clips.iter().find_map(|clip| match &clip.outcome {
        DownloadOutcome::Failed(error) => Some(error),
        _ => None,
    });
    let (whole, folder) = (clips.len(), report.folder().display());
    match failed {
        _ if saved == whole && whole > 0 => Ok("done"),
        Some(error) => {
            let failure = Failure::from(error);
            let message = format!("{saved} of {whole} clips are in {folder}; the first that failed: {error}");
            let code = if saved > 0 { Code::Partial } else { failure.code };
            Err(Failure::new(code, message).with_next(failure.next().unwrap_or("run the same command again: it goes on where it was")))
        }
        None => Err(Failure::new(
            if saved > 0 { Code::Partial } else { Code::Upstream },
            format!("{saved} of {whole} clips have a link to download"),
        )
        .with_next(
            "run the same command again later; on some accounts an export of a collection brings the links (`opusclip collection export`)",
        )),
    }
}
