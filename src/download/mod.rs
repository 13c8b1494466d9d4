//! Clips to a folder: pure decisions in [`names`], [`head`] and [`course`], the disk in [`folder`], the socket in [`fetch`].

mod course;
mod fetch;
mod folder;
mod head;
mod names;
mod report;
#[cfg(test)]
mod servers;

use std::collections::{HashSet, VecDeque};
use std::fmt;
use std::future::IntoFuture;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_core::Stream;
use futures_util::stream::{self, FuturesUnordered};
use futures_util::{StreamExt, future};
use tokio::sync::{Mutex, mpsc};
use tokio_util::sync::CancellationToken;

use crate::calls::BoxFuture;
use crate::error::Kind;
use crate::types::{Clip, CollectionId, ProjectId};
use crate::work::{Canceller, blocking, when_free};
use crate::{Client, ClipSource, Error};
use fetch::{Context, Job, Links};
use folder::Folder;
use names::Template;
pub use names::portable_name;
pub use report::{ClipDownload, DownloadEvent, DownloadOutcome, DownloadReport, SavedFile};

impl Client {
    /// Downloads the clips of a project or a collection to a folder.
    ///
    /// ```no_run
    /// # async fn example(client: &opusclip::Client) -> Result<(), opusclip::Error> {
    /// use opusclip::types::ProjectId;
    ///
    /// let report = client.download(ProjectId::from("P0000000demo"), "clips").await?;
    /// for clip in report.clips().iter().filter(|clip| !clip.is_saved()) {
    ///     println!("{}: {:?}", clip.id, clip.outcome);
    /// }
    /// println!("complete: {}", report.is_complete());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Begins when it is awaited, and makes the folder where there is none. A file has its name only when it is whole: until then
    /// it is a `.part` beside it. What breaks off or stalls goes on where it was, also in a later run, as long as the server says
    /// that the file is the same; a link that has expired (they live about a day) is renewed by listing the clips again, once for
    /// all. Length, and where the server names one the checksum, are compared before a file gets its name.
    ///
    /// `manifest.json` in the folder holds clip id, file name, size in bytes and SHA-256 of each file, and no link. A file in it
    /// is not fetched again, unless its size is another, or the service says that the clip was changed and the file is no longer
    /// the same; what was changed here is then kept beside it under another name. No other file in the folder is written over.
    ///
    /// Safe to repeat at any time. Nothing here is billed; links and their life are observed, not documented (facts 7). The API
    /// key never goes to the CDN, and redirects are not followed.
    #[must_use = "a download begins when it is awaited"]
    pub fn download(&self, source: impl Into<ClipSource>, folder: impl Into<PathBuf>) -> Download {
        let plan = Plan {
            client: self.clone(),
            source: source.into(),
            folder: folder.into(),
            clips: None,
            names: "{number:02}-{title}".to_owned(),
            stall: Duration::from_secs(30),
            is_thorough: false,
        };
        Download { plan, parallel: 4, cancelled: CancellationToken::new(), stage: Stage::New }
    }
}

impl From<ProjectId> for ClipSource {
    fn from(project: ProjectId) -> Self {
        Self::Project(project)
    }
}

impl From<&ProjectId> for ClipSource {
    fn from(project: &ProjectId) -> Self {
        Self::Project(project.clone())
    }
}

impl From<CollectionId> for ClipSource {
    fn from(collection: CollectionId) -> Self {
        Self::Collection(collection)
    }
}

impl From<&CollectionId> for ClipSource {
    fn from(collection: &CollectionId) -> Self {
        Self::Collection(collection.clone())
    }
}

/// A download of clips; [`Client::download`] makes it, `.await` runs it to its end.
///
/// Dropping it stops it at once, and a later one goes on; [`canceller`](Self::canceller) stops it with a report.
pub struct Download {
    plan: Plan,
    parallel: usize,
    cancelled: CancellationToken,
    stage: Stage,
}

#[derive(Clone, Debug)]
struct Plan {
    client: Client,
    source: ClipSource,
    folder: PathBuf,
    clips: Option<Vec<Clip>>,
    names: String,
    stall: Duration,
    is_thorough: bool,
}

enum Stage {
    New,
    Beginning(BoxFuture<'static, Result<Running, Error>>),
    Running(Running),
    Over,
}

/// A download whose clips are known.
struct Running {
    context: Arc<Context>,
    waiting: VecDeque<Job>,
    active: FuturesUnordered<BoxFuture<'static, (usize, ClipDownload)>>,
    done: Vec<(usize, ClipDownload)>,
    events: mpsc::UnboundedReceiver<DownloadEvent>,
}

impl fmt::Debug for Download {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Plan { source, folder, names, .. } = &self.plan;
        f.debug_struct("Download").field("source", source).field("folder", folder).field("names", names).finish_non_exhaustive()
    }
}

impl Download {
    /// Downloads these clips only, and lists the source only if their links have expired; as with the clips of a
    /// [wait](Client::wait). They have to be of the source.
    #[must_use]
    pub fn with_clips(mut self, clips: impl IntoIterator<Item = Clip>) -> Self {
        self.plan.clips = Some(clips.into_iter().collect());
        self
    }

    /// Sets how files are named: `{number}` or `{number:02}` (place in the list from 1, with the least number of digits), `{title}`
    /// and `{id}` (the bare id of the clip), with any text between; `.mp4` is added. Default: `{number:02}-{title}`. What some
    /// file system does not take is left out, and names that some system takes for the same get a number. A clip that the
    /// manifest knows keeps its name.
    #[must_use]
    pub fn with_names(mut self, template: impl Into<String>) -> Self {
        self.plan.names = template.into();
        self
    }

    /// Says what is wrong with the options, without beginning.
    ///
    /// ```
    /// # fn example(client: &opusclip::Client) -> Result<(), opusclip::Error> {
    /// use opusclip::types::ProjectId;
    ///
    /// assert!(client.download(ProjectId::from("P0000000demo"), "clips").with_names("{nummer}").check().is_err());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// For whoever pays for a project before its clips are downloaded.
    ///
    /// # Errors
    ///
    /// [`Error::is_invalid_input`] for a template of names that cannot be filled in.
    pub fn check(&self) -> Result<(), Error> {
        template(&self.plan).map(drop)
    }

    /// Sets how many files are fetched at the same time. Default: 4; 0 counts as 1.
    #[must_use]
    pub fn with_parallel(mut self, files: usize) -> Self {
        self.parallel = files.max(1);
        self
    }

    /// Sets how long nothing may come from the server before the connection is given up and another attempt made. Default: 30 s,
    /// of real time. How often it is tried without progress is the client's [`RetryPolicy`](crate::RetryPolicy).
    #[must_use]
    pub fn with_stall_timeout(mut self, timeout: Duration) -> Self {
        self.plan.stall = timeout;
        self
    }

    /// Reads the files that are there already, and fetches those again whose SHA-256 is not that of the manifest. Default: their
    /// size is compared.
    #[must_use]
    pub fn with_thorough_check(mut self) -> Self {
        self.plan.is_thorough = true;
        self
    }

    /// Something to cancel it with, from anywhere: what has arrived is written, and the clips that are not done end in an error
    /// with [`Error::is_cancelled`]. The report has the others.
    #[must_use]
    pub fn canceller(&self) -> Canceller {
        Canceller(self.cancelled.clone())
    }

    /// The next thing that happens, or `None` after the end. Files are fetched while this is awaited. Dropping the future loses
    /// nothing: the next call goes on.
    ///
    /// # Errors
    ///
    /// What keeps the download as a whole from beginning: [`Error::is_invalid_input`] for a template that is wrong;
    /// [`Error::is_in_use`] if another download works in the folder, in this process or another, and does not end within two
    /// seconds; [`Error::is_io`] for a folder or a
    /// manifest that cannot be used; [`Error::is_cancelled`]; and those of [`Client::list_clips`]. What goes wrong with one clip is
    /// in the report. After an error the download begins anew.
    pub async fn next(&mut self) -> Result<Option<DownloadEvent>, Error> {
        loop {
            match &mut self.stage {
                Stage::Over => return Ok(None),
                Stage::New => self.stage = Stage::Beginning(Box::pin(begin(self.plan.clone(), self.cancelled.clone()))),
                Stage::Beginning(beginning) => {
                    let begun = beginning.as_mut().await;
                    self.stage = Stage::New;
                    let running = begun?;
                    let clips = running.waiting.len() + running.done.len();
                    self.stage = Stage::Running(running);
                    return Ok(Some(DownloadEvent::Listed { clips }));
                }
                Stage::Running(running) => {
                    if let Some(event) = running.next(self.parallel).await {
                        return Ok(Some(event));
                    }
                    let Stage::Running(running) = std::mem::replace(&mut self.stage, Stage::Over) else { continue };
                    return Ok(Some(DownloadEvent::Ended(running.report())));
                }
            }
        }
    }

    /// Everything that happens, as a stream; it ends after [`DownloadEvent::Ended`] or the first error.
    pub fn into_stream(self) -> impl Stream<Item = Result<DownloadEvent, Error>> + Send {
        stream::unfold(Some(self), |download| async move {
            let mut download = download?;
            match download.next().await {
                Ok(event) => Some((Ok(event?), Some(download))),
                Err(error) => Some((Err(error), None)),
            }
        })
    }
}

impl IntoFuture for Download {
    type Output = Result<DownloadReport, Error>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(mut self) -> Self::IntoFuture {
        Box::pin(async move {
            loop {
                match self.next().await? {
                    Some(DownloadEvent::Ended(report)) => return Ok(report),
                    Some(_) => {}
                    // Whoever has read the end by `next` has the report.
                    None => return Ok(DownloadReport { folder: self.plan.folder, clips: Vec::new() }),
                }
            }
        })
    }
}

impl Running {
    /// What happens next, or `None` when all is done.
    async fn next(&mut self, parallel: usize) -> Option<DownloadEvent> {
        loop {
            if let Ok(event) = self.events.try_recv() {
                return Some(event);
            }
            while self.active.len() < parallel
                && let Some(job) = self.waiting.pop_front()
            {
                self.active.push(Box::pin(fetch::fetch(Arc::clone(&self.context), job)));
            }
            if self.active.is_empty() {
                return None;
            }
            let event = std::pin::pin!(self.events.recv());
            match future::select(self.active.next(), event).await {
                future::Either::Left((done, _)) => {
                    let (number, clip) = done?;
                    // Behind what was told of it before.
                    self.context.tell(DownloadEvent::Finished { clip: clip.id.clone(), is_saved: clip.is_saved() });
                    self.done.push((number, clip));
                }
                future::Either::Right((event, _)) => return event,
            }
        }
    }

    fn report(mut self) -> DownloadReport {
        self.done.sort_by_key(|(number, _)| *number);
        let clips = self.done.into_iter().map(|(_, clip)| clip).collect();
        DownloadReport { folder: self.context.folder.path().to_owned(), clips }
    }
}

fn template(plan: &Plan) -> Result<Template, Error> {
    Template::parse(&plan.names).map_err(|problem| Error::input(None, problem))
}

/// Takes the folder, lists the clips, and sees what is there.
async fn begin(plan: Plan, cancelled: CancellationToken) -> Result<Running, Error> {
    let template = template(&plan)?;
    let (sender, events) = mpsc::unbounded_channel();
    let folder = Arc::new(when_free(&plan.client, move || Folder::open(&plan.folder)).await?);
    let Plan { client, source, stall, is_thorough, .. } = plan;
    let mut context = Context { client, source, folder: Arc::clone(&folder), links: Mutex::default(), stall, events: sender, cancelled };
    let mut clips = match plan.clips {
        Some(clips) => clips,
        None => {
            let listed = context.cancelled.run_until_cancelled(fetch::list(&context.client, &context.source)).await;
            listed.ok_or_else(|| Error::of(Kind::Cancelled, None, "the download was cancelled"))??
        }
    };
    let mut seen = HashSet::new();
    clips.retain(|clip| seen.insert(clip.id.as_str().to_owned()));
    *context.links.get_mut() = Links::of(&clips);
    let (assigned, clips) = blocking(move || Ok((folder.assign(&clips, &template, is_thorough)?, clips))).await?;
    let (mut waiting, mut done) = (VecDeque::new(), Vec::new());
    for (number, (clip, (entry, is_there))) in clips.into_iter().zip(assigned).enumerate() {
        let updated_at = clip.updated_at.as_ref().map(|at| at.as_str().to_owned());
        let has_link = fetch::link(&clip).is_some();
        let Clip { id, title, .. } = clip;
        let outcome = match &entry.saved {
            // Without a link there is no asking whether it is still the same.
            Some(saved) if is_there && (!has_link || saved.is_current(updated_at.as_deref())) => {
                Some(DownloadOutcome::AlreadyThere(SavedFile::of(saved, context.folder.path().join(&entry.file))))
            }
            _ if !has_link => Some(DownloadOutcome::NoExportLink),
            _ => None,
        };
        match outcome {
            Some(outcome) => done.push((number, ClipDownload { id, title, outcome })),
            None => waiting.push_back(Job { number, clip: id, title, updated_at, entry, is_there }),
        }
    }
    for (_, clip) in &done {
        context.tell(DownloadEvent::Finished { clip: clip.id.clone(), is_saved: clip.is_saved() });
    }
    Ok(Running { context: Arc::new(context), waiting, active: FuturesUnordered::new(), done, events })
}
