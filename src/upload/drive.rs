//! Does what the course of an upload says, and tells it what came of it.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Body;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::body::{Reader, sending};
use super::course::{Course, Seen, Step};
use super::source::{Fingerprint, Opened, Watch};
use super::token::{Kept, Lock, ResumeToken};
use super::{Options, Upload, UploadPhase, UploadProgress, UploadSource, Uploaded, Verification};
use crate::error::Kind;
use crate::operation::{SEND_UPLOAD_BYTES, START_UPLOAD_SESSION};
use crate::storage::{UploadSession, UploadStatus};
use crate::transport::{Clock, since};
use crate::types::{UploadId, UploadUsecase, UploadVideo};
use crate::work::blocking;
use crate::{Client, ContentRange, Error};

/// Storages have been seen to answer 408 for a session at the end of its week.
const OLD_SESSION: Duration = Duration::from_secs(13 * 43_200);

/// Over what time the rate is taken.
const RATE_WINDOW: Duration = Duration::from_secs(1);

pub(super) async fn run(upload: Upload) -> Result<Uploaded, Error> {
    let Upload { client, source, token, options, progress, cancelled } = upload;
    let Some(opened) = cancelled.run_until_cancelled(Drive::open(client, source, token, options, progress)).await else {
        return Err(Error::of(Kind::Cancelled, None, "the upload was cancelled before it began"));
    };
    let mut drive = opened?;
    match cancelled.run_until_cancelled(drive.steps()).await {
        Some(ended) => drive.finish(ended).await,
        None => Err(drive.cancel().await),
    }
}

/// An upload under way.
struct Drive {
    client: Client,
    course: Course,
    /// Away only while a thread has it.
    reader: Option<Reader>,
    fingerprint: Fingerprint,
    watch: Watch,
    link: Option<Link>,
    active: Option<Active>,
    kept: Option<Kept>,
    stall_time: Duration,
    /// Requests in a row that were given up.
    stalls: u32,
    sent: u64,
    progress: watch::Sender<UploadProgress>,
}

struct Link {
    id: UploadId,
    url: String,
}

/// The session that is sent to.
struct Active {
    session: UploadSession,
    token: ResumeToken,
    _lock: Lock,
}

/// What comparing has shown.
enum Proof {
    Same(Verification),
    /// There was nothing to compare with.
    None,
    Other(Error),
}

impl Drive {
    async fn open(
        client: Client,
        source: UploadSource,
        token: Option<ResumeToken>,
        options: Options,
        progress: watch::Sender<UploadProgress>,
    ) -> Result<Self, Error> {
        if let Some(token) = &token {
            token.check_version()?;
        }
        let Opened { reader, fingerprint, watch } = source.open().await?;
        let total = fingerprint.size;
        progress.send_modify(|progress| progress.total = total);
        let kept = match options.store {
            None => None,
            Some(store) => Some(Kept::of_source(store, &client, "upload", watch.path(), &fingerprint).await?),
        };
        let token = match (token, &kept) {
            (None, Some(kept)) => kept.load().await?,
            (token, _) => token,
        };
        let mut drive = Self {
            client,
            course: Course::new(total, options.chunk, options.max_failures),
            reader: Some(reader),
            fingerprint,
            watch,
            link: None,
            active: None,
            kept,
            stall_time: options.stall_time,
            stalls: 0,
            sent: 0,
            progress,
        };
        if let Some(token) = token {
            token.check_version()?;
            token.check_source(&drive.fingerprint)?;
            drive.course = Course::resumed(total, options.chunk, options.max_failures);
            drive.link = Some(Link { id: token.upload_id.clone(), url: token.link.clone() });
            let session = drive.client.open_upload_session(&token.session)?;
            drive.activate(session, token).await?;
        }
        Ok(drive)
    }

    async fn finish(&mut self, ended: Result<Uploaded, Error>) -> Result<Uploaded, Error> {
        let uploaded = match ended {
            Ok(uploaded) => uploaded,
            Err(error) => return Err(error.with_resume_token(self.active.as_ref().map(|active| active.token.clone()))),
        };
        self.progress.send_modify(|progress| {
            (progress.phase, progress.persisted, progress.sent) = (UploadPhase::Done, uploaded.size, uploaded.size);
        });
        self.active = None;
        // What stays behind would only tell a later process of the same complete upload.
        if let Err(error) = self.forget().await {
            tracing::warn!(%error, "the resume token of a complete upload is still there");
        }
        Ok(uploaded)
    }

    async fn steps(&mut self) -> Result<Uploaded, Error> {
        loop {
            let step = self.course.step();
            let seen = match &step {
                Step::Pause(pause) => {
                    self.phase(UploadPhase::Pausing);
                    self.clock().sleep(*pause).await;
                    continue;
                }
                Step::Start => {
                    self.phase(UploadPhase::Starting);
                    self.start().await?
                }
                Step::Ask => {
                    self.phase(UploadPhase::Asking);
                    let status = self.client.query_upload_offset_once(&self.active()?.session, self.fingerprint.size).await;
                    self.judge(status)?
                }
                Step::Send { first, length } => self.send(*first, *length).await?,
                Step::Prove(status) => match self.prove(status).await? {
                    Proof::Same(verification) => return self.uploaded(verification),
                    Proof::None if self.course.asks_for_a_hash() => continue,
                    Proof::None if self.course.handed_all() => return self.uploaded(Verification::Unverified),
                    Proof::None => return Err(corrupt("the storage says that it is complete before all was sent".to_owned())),
                    Proof::Other(error) => Seen::Mismatch(error),
                },
            };
            self.take_in(&step, seen)?;
        }
    }

    /// Tells the course what came of a step, and everyone else how far it is.
    fn take_in(&mut self, step: &Step, seen: Seen) -> Result<(), Error> {
        let trouble = match &seen {
            Seen::Started | Seen::Status(_) => None,
            Seen::LinkRefused(error) | Seen::SessionLost(error) | Seen::Trouble(error) | Seen::Mismatch(error) => Some(error.to_string()),
        };
        if let Some(trouble) = &trouble {
            tracing::debug!(?step, trouble, "upload");
        }
        match &seen {
            Seen::LinkRefused(_) => self.link = None,
            Seen::SessionLost(_) => self.active = None,
            Seen::Mismatch(_) => {
                // Another object, and everything read anew: either side may be the one that was wrong.
                (self.link, self.active) = (None, None);
                self.reader = self.reader.take().map(Reader::afresh);
            }
            Seen::Started | Seen::Status(_) | Seen::Trouble(_) => {}
        }
        let before = self.course.persisted();
        let clock = Arc::clone(&self.client.shared().clock);
        self.course.saw(step, seen, clock.random())?;
        let persisted = self.course.persisted();
        if persisted > before {
            self.stalls = 0;
        }
        let token = self.active.as_mut().map(|active| {
            active.token.persisted = persisted;
            active.token.clone()
        });
        self.progress.send_modify(|progress| {
            (progress.persisted, progress.sent, progress.restarts) = (persisted, persisted, self.course.restarts());
            progress.token = token;
            if trouble.is_some() || persisted > before {
                progress.trouble = trouble;
            }
        });
        Ok(())
    }

    async fn start(&mut self) -> Result<Seen, Error> {
        self.watch.check().await?;
        let link = match self.link.take() {
            Some(link) => link,
            None => match self.client.create_upload_link().with_video(UploadVideo::new(UploadUsecase::LocalUpload)).await {
                Ok(link) => Link { id: link.upload_id, url: link.url },
                Err(error) if passes(&error) && !error.is_decode() => return Ok(Seen::Trouble(error)),
                Err(error) => return Err(error),
            },
        };
        let started = self.client.start_upload_session(&link.url).await;
        let (id, url) = (link.id.clone(), link.url.clone());
        self.link = Some(link);
        match started {
            Ok(session) => {
                let now = self.clock().system_time();
                let token = ResumeToken::new(id, url, session.expose_uri().to_owned(), now, self.fingerprint.clone());
                self.activate(session, token).await?;
                Ok(Seen::Started)
            }
            Err(error) if matches!(error.status(), Some(400 | 403 | 404 | 410)) => Ok(Seen::LinkRefused(error)),
            Err(error) if passes(&error) => Ok(Seen::Trouble(error)),
            Err(error) => Err(error),
        }
    }

    /// Makes a session the one that is sent to, and its token known before anything is sent.
    async fn activate(&mut self, session: UploadSession, token: ResumeToken) -> Result<(), Error> {
        let lock = Lock::session(session.expose_uri()).await?;
        let told = token.clone();
        let token = &self.active.insert(Active { session, token, _lock: lock }).token;
        if let Some(kept) = &self.kept {
            kept.save(token).await?;
        }
        self.progress.send_modify(|progress| progress.token = Some(told));
        Ok(())
    }

    async fn send(&mut self, first: u64, length: u64) -> Result<Seen, Error> {
        self.watch.check().await?;
        // What the storage has already is hashed before a request is open, since that may take long.
        let reader = self.hashed_to(first).await?;
        self.phase(UploadPhase::Sending);
        let mut gauge = Gauge::new(self.clock());
        let progress = self.progress.clone();
        let (body, sending) = sending(reader, first, length, move |handed| {
            let rate = gauge.rate(handed);
            progress.send_modify(|progress| {
                progress.sent = first + handed;
                progress.rate = rate.unwrap_or(progress.rate);
            });
        });
        let total = self.fingerprint.size;
        let range = (length < total).then(|| ContentRange::new(first, length).of(total));
        let session = &self.active()?.session;
        let mut request = Box::pin(self.client.send_upload_body(session, Body::wrap(body), length, range));
        let patience = self.stall_time.saturating_mul(1 << self.stalls.min(16));
        let answer = loop {
            let before = sending.handed();
            // The answer after the last byte is one to the whole.
            let limit = if before == length { patience.saturating_mul(5) / 2 } else { patience };
            match tokio::time::timeout(limit, &mut request).await {
                Ok(answer) => break Some(answer),
                Err(_) if sending.handed() > before => {}
                Err(_) => break None,
            }
        };
        drop(request);
        let handed = sending.close();
        self.sent += handed;
        self.course.handed(first + handed);
        // A thread cannot be stopped that waits for a disk or a network which gives nothing.
        let finished = tokio::time::timeout(patience, sending.finish()).await;
        let finished = finished.unwrap_or_else(|_| Err(io::Error::new(io::ErrorKind::TimedOut, "it gives nothing more to read")));
        self.reader = Some(finished.map_err(|error| self.watch.read_error(error))?);
        match answer {
            Some(answer) => self.judge(answer),
            None => {
                self.stalls += 1;
                let message = format!("no progress for {patience:?} after {handed} of {length} bytes");
                Ok(Seen::Trouble(Error::of(Kind::Timeout, &SEND_UPLOAD_BYTES, message)))
            }
        }
    }

    fn judge(&self, answer: Result<UploadStatus, Error>) -> Result<Seen, Error> {
        let error = match answer {
            Ok(status) => return Ok(Seen::Status(status)),
            Err(error) => error,
        };
        let started = self.active()?.token.started_at();
        let is_old = || self.clock().system_time().duration_since(started).is_ok_and(|age| age > OLD_SESSION);
        match error.status() {
            // 499: it was cancelled.
            Some(404 | 410 | 499) => Ok(Seen::SessionLost(error)),
            Some(408) if is_old() => Ok(Seen::SessionLost(error)),
            _ if passes(&error) => Ok(Seen::Trouble(error)),
            _ => Err(error),
        }
    }

    async fn prove(&mut self, status: &UploadStatus) -> Result<Proof, Error> {
        let UploadStatus::Complete { crc32c, md5, length } = status else { return Ok(Proof::None) };
        self.phase(UploadPhase::Verifying);
        let total = self.fingerprint.size;
        let md5 = md5.as_ref().and_then(|text| STANDARD.decode(text).ok());
        let mut reader = self.hashed_to(total).await?;
        let ours = reader.crc32c();
        let proof = match (length, crc32c, md5) {
            (Some(length), _, _) if *length != total => Proof::Other(corrupt(format!("the storage has {length} bytes of {total}"))),
            (_, Some(theirs), _) if *theirs == ours => Proof::Same(Verification::Crc32c),
            (_, Some(theirs), _) => Proof::Other(corrupt(format!("the storage has the CRC-32C {theirs:08x}, and {ours:08x} was read"))),
            (_, None, Some(theirs)) => {
                let (back, hash) = blocking(move || {
                    let hash = reader.md5();
                    Ok((reader, hash))
                })
                .await?;
                reader = back;
                let hash = hash.map_err(|error| self.watch.read_error(error))?;
                match hash[..] == theirs[..] {
                    true => Proof::Same(Verification::Md5),
                    false => Proof::Other(corrupt("the storage has another MD5 than what was read".to_owned())),
                }
            }
            _ => Proof::None,
        };
        self.reader = Some(reader);
        // Whatever was found out is worth nothing if the source is not what it was.
        self.watch.check().await?;
        Ok(proof)
    }

    fn uploaded(&self, verification: Verification) -> Result<Uploaded, Error> {
        let crc32c = self.reader.as_ref().map_or(0, Reader::crc32c);
        let upload_id = self.active()?.token.upload_id.clone();
        let (size, sent, restarts) = (self.fingerprint.size, self.sent, self.course.restarts());
        Ok(Uploaded { upload_id, size, crc32c, verification, sent, restarts })
    }

    /// The reader, with the checksum of everything up to `end`.
    async fn hashed_to(&mut self, end: u64) -> Result<Reader, Error> {
        let Some(mut reader) = self.reader.take() else {
            return Err(Error::io("the source of the upload", io::Error::other("it is read by someone else")));
        };
        if reader.hashed() >= end {
            return Ok(reader);
        }
        self.phase(UploadPhase::Hashing);
        let wanted = CancellationToken::new();
        let _guard = wanted.clone().drop_guard();
        let (reader, result) = blocking(move || {
            let result = reader.catch_up(end, || !wanted.is_cancelled());
            Ok((reader, result))
        })
        .await?;
        result.map_err(|error| self.watch.read_error(error))?;
        Ok(reader)
    }

    async fn cancel(mut self) -> Error {
        let told = match self.active.take() {
            None => Ok(()),
            Some(active) => self.client.cancel_upload_session(&active.session).await,
        };
        let message = match told.and(self.forget().await) {
            Ok(()) => "the upload was cancelled".to_owned(),
            Err(error) => format!("the upload was cancelled, but something of it is still there: {error}"),
        };
        Error::of(Kind::Cancelled, &SEND_UPLOAD_BYTES, message)
    }

    /// Removes the token from the store.
    async fn forget(&mut self) -> Result<(), Error> {
        match self.kept.take() {
            Some(kept) => kept.forget().await,
            None => Ok(()),
        }
    }

    fn active(&self) -> Result<&Active, Error> {
        self.active.as_ref().ok_or_else(|| Error::input(&START_UPLOAD_SESSION, "there is no session yet"))
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.client.shared().clock)
    }

    fn phase(&self, phase: UploadPhase) {
        self.progress.send_modify(|progress| progress.phase = phase);
    }
}

fn corrupt(message: String) -> Error {
    Error::of(Kind::Corrupt, &SEND_UPLOAD_BYTES, message)
}

/// Whether the same may go well later: a broken connection, an overloaded service, an answer that makes no sense.
fn passes(error: &Error) -> bool {
    match error.status() {
        None => error.is_connect() || error.is_timeout() || error.is_transport(),
        Some(200..=299 | 308 | 408 | 429 | 500..=599) => true,
        Some(_) => false,
    }
}

/// Measures the rate of one request.
struct Gauge {
    clock: Arc<dyn Clock>,
    mark: (Instant, u64),
}

impl Gauge {
    fn new(clock: Arc<dyn Clock>) -> Self {
        let mark = (clock.now(), 0);
        Self { clock, mark }
    }

    /// A new rate, every now and then.
    fn rate(&mut self, handed: u64) -> Option<f64> {
        let (start, before) = self.mark;
        let time = since(self.clock.as_ref(), start);
        if time < RATE_WINDOW {
            return None;
        }
        self.mark = (self.clock.now(), handed);
        #[allow(clippy::cast_precision_loss, reason = "a rate for display")]
        Some((handed - before) as f64 / time.as_secs_f64())
    }
}
