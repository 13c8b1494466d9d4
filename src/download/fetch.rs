//! The download of one clip: what the course decides, done with a socket and a file.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use reqwest::header::{ACCEPT_ENCODING, HeaderName, HeaderValue, IF_NONE_MATCH, IF_RANGE, RANGE, USER_AGENT};
use reqwest::{Method, Request, Response, StatusCode};
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::course::{Ask, Body, Course, Step, Why};
use super::folder::{Entry, Folder, Part};
use super::head::{Head, Version};
use super::report::{ClipDownload, DownloadEvent, DownloadOutcome, SavedFile};
use crate::error::Kind;
use crate::operation::{LIST_CLIPS, Operation};
use crate::transport::{Answer, Exchange, Failure, since};
use crate::types::{Clip, FullClipId};
use crate::work::blocking;
use crate::{Client, ClipSource, Error};

/// Not of the API, so the document has it not: a file behind a link.
const OPERATION: &Operation = &Operation { id: "download", path: "", summary: "The file of a clip", storage: true, ..LIST_CLIPS };

/// How much may wait for the disk, in bytes.
const WAITING: usize = 1 << 20;

/// Between two events of progress, in bytes.
const PROGRESS: u64 = 256 << 10;

/// How much of an error's body is read, in bytes.
const ERROR_BODY: usize = 8 << 10;

/// So many lists in vain are enough for a whole download.
const LISTS_IN_VAIN: u32 = 2;

/// What all clips of a download share.
pub(super) struct Context {
    pub(super) client: Client,
    pub(super) source: ClipSource,
    pub(super) folder: Arc<Folder>,
    pub(super) links: Mutex<Links>,
    pub(super) stall: Duration,
    pub(super) events: mpsc::UnboundedSender<DownloadEvent>,
    pub(super) cancelled: CancellationToken,
}

/// The newest links.
#[derive(Default)]
pub(super) struct Links {
    generation: u64,
    in_vain: u32,
    links: HashMap<String, String>,
}

impl Links {
    pub(super) fn of(clips: &[Clip]) -> Self {
        let links = clips.iter().filter_map(|clip| Some((clip.id.as_str().to_owned(), link(clip)?.to_owned())));
        Self { links: links.collect(), ..Self::default() }
    }
}

/// An empty link is none.
pub(super) fn link(clip: &Clip) -> Option<&str> {
    clip.uri_for_export.as_deref().filter(|uri| !uri.trim().is_empty())
}

/// All clips of a source, each once.
pub(super) async fn list(client: &Client, source: &ClipSource) -> Result<Vec<Clip>, Error> {
    let mut pages = client.clip_pages(source.clone());
    let mut clips = Vec::new();
    while let Some(page) = pages.next_page().await? {
        clips.extend(page);
    }
    Ok(clips)
}

/// A clip to be fetched.
pub(super) struct Job {
    pub(super) number: usize,
    pub(super) clip: FullClipId,
    pub(super) title: Option<String>,
    pub(super) updated_at: Option<String>,
    pub(super) entry: Entry,
    /// Whether an earlier file of it is there, which may be old by now.
    pub(super) is_there: bool,
}

impl Context {
    async fn link(&self, clip: &FullClipId) -> Option<(u64, String)> {
        let links = self.links.lock().await;
        Some((links.generation, links.links.get(clip.as_str())?.clone()))
    }

    /// A link that is newer than that of `generation`. One list serves all who ask meanwhile.
    async fn renew(&self, clip: &FullClipId, generation: u64) -> Result<Option<(u64, String)>, Error> {
        let mut links = self.links.lock().await;
        if links.generation == generation {
            if links.in_vain >= LISTS_IN_VAIN {
                return Ok(None);
            }
            links.in_vain += 1;
            let clips = list(&self.client, &self.source).await?;
            *links = Links { generation: generation + 1, ..Links::of(&clips) };
        }
        Ok(links.links.get(clip.as_str()).map(|link| (links.generation, link.clone())))
    }

    pub(super) fn tell(&self, event: DownloadEvent) {
        // Nobody listens any more: then nobody misses it.
        let _ = self.events.send(event);
    }
}

/// Fetches a clip, whatever it takes.
pub(super) async fn fetch(context: Arc<Context>, job: Job) -> (usize, ClipDownload) {
    let (number, id, title) = (job.number, job.clip.clone(), job.title.clone());
    let outcome = outcome(&context, job).await.unwrap_or_else(DownloadOutcome::Failed);
    (number, ClipDownload { id, title, outcome })
}

async fn outcome(context: &Context, job: Job) -> Result<DownloadOutcome, Error> {
    let mut fetch = Fetch::begin(context, &job).await?;
    let ending = fetch.run().await;
    let Fetch { course, writer, .. } = fetch;
    let part = writer.close().await;
    let sum = course.sum();
    let version = course.version().cloned();
    // Bytes that the next run could not go on with are no use to it.
    let is_useful = course.have() > 0 && course.version().is_some();
    let Job { mut entry, updated_at, .. } = job;
    match ending {
        Ok(Ending::Whole) => {
            let part = part?;
            let (entry, path) = blocking(move || part.finish(entry, version, updated_at)).await?;
            let saved = entry.saved.ok_or_else(lost)?;
            let file = SavedFile { path, size: saved.size, sha256: saved.sha256, is_checksum_verified: sum.is_some() };
            Ok(DownloadOutcome::Saved(file))
        }
        Ok(Ending::Unchanged) => {
            let (part, mut saved) = (part?, entry.saved.take().ok_or_else(lost)?);
            saved.updated_at = updated_at;
            let path = context.folder.path().join(&entry.file);
            let file = SavedFile::of(&saved, path);
            let (folder, entry) = (Arc::clone(&context.folder), Entry { saved: Some(saved), part: None, ..entry });
            blocking(move || {
                part.leave(false);
                folder.note([&entry])
            })
            .await?;
            Ok(DownloadOutcome::AlreadyThere(file))
        }
        Err(error) => {
            if let Ok(part) = part {
                blocking(move || {
                    part.leave(is_useful);
                    Ok(())
                })
                .await?;
            }
            Err(error)
        }
    }
}

enum Ending {
    Whole,
    Unchanged,
}

/// The fetching of one clip that is under way.
struct Fetch<'c> {
    context: &'c Context,
    job: &'c Job,
    course: Course,
    writer: Writer,
    /// Which version the manifest says is in the part file.
    noted: Option<Version>,
    link: (u64, String),
    trouble: Option<Error>,
    attempts: u32,
    started: Instant,
    told: u64,
}

impl<'c> Fetch<'c> {
    async fn begin(context: &'c Context, job: &'c Job) -> Result<Self, Error> {
        if context.cancelled.is_cancelled() {
            return Err(cancelled());
        }
        let link = context.link(&job.clip).await.ok_or_else(|| Error::of(Kind::Decode, OPERATION, "the list has no link of the clip"))?;
        let (folder, file) = (Arc::clone(&context.folder), job.entry.file.clone());
        let part = blocking(move || Part::open(folder, file)).await?;
        let unless = job.entry.saved.as_ref().filter(|_| job.is_there).and_then(|saved| saved.etag.clone());
        let shared = context.client.shared();
        let noted = job.entry.part.clone();
        let course = Course::new(shared.retry.clone(), part.length(), noted.clone(), unless);
        let (writer, started) = (Writer::new(part), shared.clock.now());
        Ok(Self { context, job, course, writer, noted, link, trouble: None, attempts: 0, started, told: 0 })
    }

    async fn run(&mut self) -> Result<Ending, Error> {
        let clock = Arc::clone(&self.context.client.shared().clock);
        loop {
            match self.course.step(clock.random()) {
                Step::Fetch(ask) => {
                    self.tell_trouble();
                    self.attempt(&ask).await?;
                }
                Step::Pause(pause) => {
                    self.tell_trouble();
                    self.context.cancelled.run_until_cancelled(clock.sleep(pause)).await.ok_or_else(cancelled)?;
                }
                Step::Renew => {
                    let renewed = self.context.cancelled.run_until_cancelled(self.context.renew(&self.job.clip, self.link.0)).await;
                    let link = renewed.ok_or_else(cancelled)??.filter(|(_, link)| *link != self.link.1);
                    self.course.renewed(link.is_some());
                    self.link = link.unwrap_or_else(|| std::mem::take(&mut self.link));
                }
                Step::Verify => {
                    let sum = self.course.sum();
                    let found = self.writer.with(move |part| part.found(sum)).await?;
                    self.course.verified(&found);
                    // Of no use where it was right: then nothing is told any more.
                    self.trouble =
                        Some(Error::of(Kind::Corrupt, OPERATION, "what arrived has another checksum or length than what is stored"));
                }
                Step::Done => return Ok(Ending::Whole),
                Step::Unchanged => return Ok(Ending::Unchanged),
                Step::Fail(Why::Unknowable) => {
                    let message = "the server told neither length nor checksum, so nobody can say whether the file is whole";
                    return Err(self.counted(Error::of(Kind::Decode, OPERATION, message)));
                }
                Step::Fail(Why::Trouble | Why::Corrupt) => {
                    let trouble = self.trouble.take().unwrap_or_else(lost);
                    return Err(self.counted(trouble));
                }
            }
        }
    }

    fn counted(&self, error: Error) -> Error {
        error.with_attempts(self.attempts, since(self.context.client.shared().clock.as_ref(), self.started))
    }

    /// Asks once, and takes what comes. An error is one that trying again does not mend.
    async fn attempt(&mut self, ask: &Ask) -> Result<(), Error> {
        self.attempts += 1;
        let context = self.context;
        let shared = context.client.shared();
        let request = self.request(ask)?;
        let asked = request.url().clone();
        let answer = tokio::time::timeout(context.stall, shared.http.execute(request));
        let mut response = match context.cancelled.run_until_cancelled(answer).await.ok_or_else(cancelled)? {
            Ok(Ok(response)) if response.url() == &asked => response,
            Ok(Ok(_)) => return Err(self.failure(Failure::Redirected)),
            Ok(Err(error)) => {
                self.trouble = Some(self.failure(Failure::Http(error)));
                self.course.unanswered();
                return Ok(());
            }
            Err(_) => {
                self.trouble = Some(Error::of(Kind::Timeout, OPERATION, "no answer in time"));
                self.course.unanswered();
                return Ok(());
            }
        };
        let head = Head::read(response.status().as_u16(), response.headers(), shared.clock.system_time());
        tracing::debug!(clip = self.job.clip.as_str(), from = ask.from, status = head.status, attempt = self.attempts, "download");
        match self.course.answered(&head) {
            Body::Leave => {
                self.trouble = Some(self.refusal(response).await?);
                return Ok(());
            }
            Body::Afresh => self.writer.with(Part::truncate).await?,
            Body::Append => {}
        }
        let is_clean = loop {
            let chunk = tokio::time::timeout(context.stall, response.chunk());
            match context.cancelled.run_until_cancelled(chunk).await.ok_or_else(cancelled)? {
                Ok(Ok(Some(bytes))) => {
                    if !self.course.took(bytes.len() as u64) {
                        self.trouble = Some(Error::of(Kind::Decode, OPERATION, "the answer is longer than it says"));
                        self.course.overran();
                        return self.writer.flush().await;
                    }
                    self.note().await?;
                    self.writer.push(bytes).await?;
                    self.tell_progress();
                }
                Ok(Ok(None)) => {
                    self.trouble = Some(Error::of(Kind::Transport, OPERATION, "the answer ended before the file did"));
                    break true;
                }
                Ok(Err(error)) => {
                    self.trouble = Some(self.failure(Failure::Http(error)));
                    break false;
                }
                Err(_) => {
                    self.trouble = Some(Error::of(Kind::Timeout, OPERATION, "no more bytes in time"));
                    break false;
                }
            }
        };
        self.writer.flush().await?;
        self.course.ended(is_clean);
        Ok(())
    }

    /// Without the key: the link is all that the CDN wants to see.
    fn request(&self, ask: &Ask) -> Result<Request, Error> {
        let client = &self.context.client;
        let mut request = Request::new(Method::GET, client.storage_url(Some(OPERATION), &self.link.1)?);
        let headers = request.headers_mut();
        let mut set = |name: HeaderName, value: &str| {
            // A version that cannot stand in a header did not come in one.
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(name, value);
            }
        };
        set(ACCEPT_ENCODING, "identity");
        if let (Some(version), 1..) = (&ask.if_range, ask.from) {
            set(RANGE, &format!("bytes={}-", ask.from));
            set(IF_RANGE, version.as_str());
        }
        if let Some(tag) = &ask.unless {
            set(IF_NONE_MATCH, tag);
        }
        headers.insert(USER_AGENT, client.shared().user_agent.clone());
        Ok(request)
    }

    fn failure(&self, failure: Failure) -> Error {
        let exchange = Exchange { attempts: self.attempts, is_repeated: false, elapsed: Duration::ZERO, ending: Err(failure) };
        Error::from_exchange(OPERATION, self.context.client.shared(), exchange)
    }

    /// What an answer without a usable body says.
    async fn refusal(&self, mut response: Response) -> Result<Error, Error> {
        let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
        let (url, mut body) = (response.url().clone(), BytesMut::new());
        let read = async {
            while body.len() < ERROR_BODY
                && let Ok(Some(bytes)) = response.chunk().await
            {
                body.extend_from_slice(&bytes);
            }
        };
        // For the whole: what an error says is not worth a server's drop by drop. What came of it until then counts.
        let read = tokio::time::timeout(self.context.stall, read);
        let _ = self.context.cancelled.run_until_cancelled(read).await.ok_or_else(cancelled)?;
        let shared = self.context.client.shared();
        let answer = Answer { status, headers, body: body.freeze() };
        let error = match status.is_success() || status == StatusCode::NOT_MODIFIED {
            true => Error::unusable(OPERATION, shared, &answer, "the answer is no video, empty, or not the part that was asked for"),
            false => Error::from_answer(OPERATION, shared, &answer),
        };
        Ok(error.without_address(&url))
    }

    /// Notes which version is in the part file, before it is; a small file that is whole at once needs no note.
    async fn note(&mut self) -> Result<(), Error> {
        let version = self.course.version();
        let is_whole = self.course.total() == Some(self.course.have());
        if self.noted.as_ref() == version || (is_whole && self.noted.is_none()) {
            return Ok(());
        }
        self.noted = version.cloned();
        let (folder, entry) = (Arc::clone(&self.context.folder), Entry { part: self.noted.clone(), ..self.job.entry.clone() });
        blocking(move || folder.note([&entry])).await
    }

    fn tell_trouble(&mut self) {
        if let Some(error) = self.trouble.take() {
            self.context.tell(DownloadEvent::Trouble { clip: self.job.clip.clone(), error });
        }
    }

    fn tell_progress(&mut self) {
        let (bytes, size) = (self.course.have(), self.course.total());
        if bytes < self.told || bytes - self.told >= PROGRESS || size == Some(bytes) {
            self.told = bytes;
            self.context.tell(DownloadEvent::Progress { clip: self.job.clip.clone(), bytes, size });
        }
    }
}

fn cancelled() -> Error {
    Error::of(Kind::Cancelled, OPERATION, "the download was cancelled")
}

/// What cannot be, short of a panic elsewhere.
fn lost() -> Error {
    Error::io("the file", io::Error::other("the work on it was given up"))
}

/// Writes while the next bytes are on their way: at once where the disk is idle, together what came while it was not.
struct Writer {
    /// Not here while a write is under way.
    part: Option<Part>,
    writing: Option<JoinHandle<(Part, Result<(), Error>)>>,
    waiting: Vec<Bytes>,
    bytes: usize,
}

impl Writer {
    fn new(part: Part) -> Self {
        Self { part: Some(part), writing: None, waiting: Vec::new(), bytes: 0 }
    }

    async fn push(&mut self, bytes: Bytes) -> Result<(), Error> {
        self.bytes += bytes.len();
        self.waiting.push(bytes);
        if self.bytes < WAITING && self.writing.as_ref().is_some_and(|writing| !writing.is_finished()) {
            return Ok(());
        }
        self.settle().await?;
        self.write();
        Ok(())
    }

    fn write(&mut self) {
        if let Some(mut part) = self.part.take() {
            self.bytes = 0;
            let waiting = std::mem::take(&mut self.waiting);
            self.writing = Some(tokio::task::spawn_blocking(move || {
                let written = waiting.iter().try_for_each(|bytes| part.write(bytes));
                (part, written)
            }));
        }
    }

    async fn settle(&mut self) -> Result<(), Error> {
        let Some(writing) = &mut self.writing else { return Ok(()) };
        let written = writing.await;
        self.writing = None;
        let (part, written) = written.map_err(|_| lost())?;
        self.part = Some(part);
        if written.is_err() {
            // What comes after a gap must not be written.
            self.waiting.clear();
            self.bytes = 0;
        }
        written
    }

    async fn flush(&mut self) -> Result<(), Error> {
        self.settle().await?;
        if self.waiting.is_empty() {
            return Ok(());
        }
        self.write();
        self.settle().await
    }

    /// Does something with the file, after everything is written.
    async fn with<T: Send + 'static>(&mut self, work: impl FnOnce(&mut Part) -> Result<T, Error> + Send + 'static) -> Result<T, Error> {
        self.flush().await?;
        let mut part = self.part.take().ok_or_else(lost)?;
        let (part, outcome) = blocking(move || {
            let outcome = work(&mut part);
            Ok((part, outcome))
        })
        .await?;
        self.part = Some(part);
        outcome
    }

    async fn close(mut self) -> Result<Part, Error> {
        let flushed = self.flush().await;
        flushed.and(self.part.ok_or_else(lost))
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    /// On a device that is always full.
    #[tokio::test]
    async fn a_full_disk_is_an_error_and_nothing_is_written_after_the_gap() {
        let folder = tempfile::tempdir().unwrap();
        let folder = Arc::new(Folder::open(folder.path()).unwrap());
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut writer = Writer::new(Part::of(folder, full));
        writer.push(Bytes::from_static(b"lost")).await.unwrap();
        let pushed = writer.push(Bytes::from_static(b"behind it")).await;
        let error = pushed.and(writer.flush().await).unwrap_err();
        assert!(error.is_io() && error.to_string().contains("full.mp4.part") && error.to_string().contains("No space left"), "{error}");
        assert!(writer.waiting.is_empty());
        assert_eq!(writer.close().await.unwrap().length(), 0);
    }
}
