//! Uploading a video to the storage, whatever happens on the way.

mod body;
mod course;
mod drive;
mod source;
mod token;

use std::fmt;
use std::future::IntoFuture;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub(crate) use source::Fingerprint;
pub use source::UploadSource;
pub(crate) use token::Kept;
pub use token::{ResumeStore, ResumeToken};

use crate::calls::BoxFuture;
use crate::types::UploadId;
use crate::work::Canceller;
use crate::{Client, Error};

impl Client {
    /// Uploads a video, and makes sure that what arrived is what was read.
    ///
    /// ```no_run
    /// # async fn example(client: &opusclip::Client) -> Result<(), opusclip::Error> {
    /// let uploaded = client.upload("talk.mp4").await?;
    /// let project = client.create_project(uploaded.upload_id.as_str()).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Asks for a link, starts a session at the storage and sends the source in one request, from a few buffers whatever its size.
    /// What breaks is taken up again at the offset that the storage tells: what it has is not sent twice. A session that is lost is
    /// replaced, which costs what it had, and told by [`Upload::progress`]. At the end the checksum of the stored object is compared
    /// with that of what was read; see [`Uploaded::verification`].
    ///
    /// Nothing here is billed. With [`Upload::with_store`], or with the [`ResumeToken`] of the progress or of an error, a later
    /// process goes on where this one stopped. Dropping the future stops without cancelling. Source: documented, DOC-2; the
    /// protocol is that of resumable uploads to Google Cloud Storage.
    ///
    /// # Errors
    ///
    /// [`Error::is_io`] for a source that cannot be read, [`Error::is_source_changed`] for one that changes meanwhile,
    /// [`Error::is_corrupt`] where the storage has other bytes after a second try too, [`Error::is_in_use`] where another process is
    /// at the same upload, and what the API or the storage refuse. [`Error::resume_token`] has what the upload can go on with.
    #[must_use = "an upload begins when it is awaited"]
    pub fn upload(&self, source: impl Into<UploadSource>) -> Upload {
        Upload::new(self, source.into(), None)
    }

    /// Goes on with an upload that was interrupted, at the offset that the storage has.
    ///
    /// ```no_run
    /// # async fn example(client: &opusclip::Client, text: &str) -> Result<(), Box<dyn std::error::Error>> {
    /// let token: opusclip::ResumeToken = serde_json::from_str(text)?;
    /// let uploaded = client.resume(token, "talk.mp4").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// The source is read again up to that offset, for its checksum. An upload that was complete already is verified and
    /// returned. Safe to repeat.
    ///
    /// # Errors
    ///
    /// Those of [`upload`](Self::upload); [`Error::is_source_changed`] before anything is sent if the source is not the same,
    /// [`Error::is_invalid_input`] for a token of a later version of this crate.
    #[must_use = "an upload goes on when it is awaited"]
    pub fn resume(&self, token: ResumeToken, source: impl Into<UploadSource>) -> Upload {
        Upload::new(self, source.into(), Some(token))
    }

    /// Tells the storage to forget an upload that was interrupted, whoever began it.
    ///
    /// ```no_run
    /// # async fn example(client: &opusclip::Client, text: &str) -> Result<(), Box<dyn std::error::Error>> {
    /// let token: opusclip::ResumeToken = serde_json::from_str(text)?;
    /// client.cancel_upload(&token).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// An upload that runs is cancelled by [`Upload::canceller`]. Safe to repeat; nothing was billed.
    ///
    /// # Errors
    ///
    /// What the storage refuses; a session that is gone counts as cancelled.
    pub async fn cancel_upload(&self, token: &ResumeToken) -> Result<(), Error> {
        let session = self.open_upload_session(&token.session)?;
        self.cancel_upload_session(&session).await
    }
}

/// An upload; [`Client::upload`] makes it, `.await` runs it to its end.
#[derive(Debug)]
pub struct Upload {
    client: Client,
    source: UploadSource,
    token: Option<ResumeToken>,
    options: Options,
    progress: watch::Sender<UploadProgress>,
    cancelled: CancellationToken,
}

#[derive(Debug)]
struct Options {
    chunk: Option<u64>,
    max_failures: u32,
    stall_time: Duration,
    store: Option<ResumeStore>,
}

impl Upload {
    fn new(client: &Client, source: UploadSource, token: Option<ResumeToken>) -> Self {
        let options = Options { chunk: None, max_failures: 24, stall_time: Duration::from_secs(120), store: None };
        Self { client: client.clone(), source, token, options, progress: watch::Sender::default(), cancelled: CancellationToken::new() }
    }

    /// Sends requests of so many bytes each, instead of one for all that is left. Rounded up to a multiple of 256 KiB.
    ///
    /// This costs time, since each request is waited for. It is for networks that cut long requests, and for storages that keep
    /// nothing of a request that broke.
    #[must_use]
    pub fn with_chunk_size(mut self, bytes: u64) -> Self {
        self.options.chunk = Some(bytes);
        self
    }

    /// Sets how many failures in a row, without a byte more at the storage, are too many. Default: 24, with pauses up to half a
    /// minute: ten minutes without a network.
    #[must_use]
    pub fn with_max_failures(mut self, failures: u32) -> Self {
        self.options.max_failures = failures;
        self
    }

    /// Sets how long a request may go without any progress before it is given up for another one. Default: 120 s while sending, and
    /// two and a half times that for the answer after the last byte. Doubled each time that it was not enough.
    #[must_use]
    pub fn with_stall_time(mut self, time: Duration) -> Self {
        self.options.stall_time = time;
        self
    }

    /// Keeps the token in a store, and goes on with what is kept there of this source.
    #[must_use]
    pub fn with_store(mut self, store: &ResumeStore) -> Self {
        self.options.store = Some(store.clone());
        self
    }

    /// How far it is, at any time. What changed in between is not kept: this is for display, and for the token.
    ///
    /// ```no_run
    /// # async fn example(client: &opusclip::Client) -> Result<(), opusclip::Error> {
    /// let upload = client.upload("talk.mp4");
    /// let mut progress = upload.progress();
    /// tokio::spawn(async move {
    ///     while progress.changed().await.is_ok() {
    ///         let now = progress.borrow_and_update();
    ///         println!("{} of {} bytes, {:.0} kB/s", now.sent, now.total, now.rate / 1e3);
    ///     }
    /// });
    /// upload.await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn progress(&self) -> watch::Receiver<UploadProgress> {
        self.progress.subscribe()
    }

    /// Tells its progress there.
    pub(crate) fn with_progress(mut self, progress: watch::Sender<UploadProgress>) -> Self {
        self.progress = progress;
        self
    }

    /// Something to cancel it with, from anywhere.
    #[must_use]
    pub fn canceller(&self) -> Canceller {
        Canceller(self.cancelled.clone())
    }
}

impl IntoFuture for Upload {
    type Output = Result<Uploaded, Error>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(drive::run(self))
    }
}

/// What an upload is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum UploadPhase {
    /// Opens the source.
    #[default]
    Opening,
    /// Asks for a link and starts a session.
    Starting,
    /// Reads again what the storage has, for the checksum.
    Hashing,
    /// Sends.
    Sending,
    /// Asks the storage how far it is.
    Asking,
    /// Pauses after trouble.
    Pausing,
    /// Compares what the storage has with what was read.
    Verifying,
    /// Complete.
    Done,
}

/// How far an upload is.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct UploadProgress {
    /// What it is doing.
    pub phase: UploadPhase,
    /// The size of the source, in bytes; 0 before it is open.
    pub total: u64,
    /// The bytes that the storage has confirmed. It says so at the end of a request, and when it is asked.
    pub persisted: u64,
    /// The place up to which bytes were handed to the network, at or beyond `persisted`. It goes back after trouble.
    pub sent: u64,
    /// Bytes a second, over the last seconds of sending.
    pub rate: f64,
    /// How often the storage had lost all of it, so that it began anew.
    pub restarts: u32,
    /// What went wrong last, until there is progress again.
    pub trouble: Option<String>,
    /// What a later process can go on with, as soon as there is a session.
    pub token: Option<ResumeToken>,
}

/// A complete upload.
///
/// ```no_run
/// # async fn example(client: &opusclip::Client) -> Result<(), opusclip::Error> {
/// use opusclip::Verification;
///
/// let uploaded = client.upload("talk.mp4").await?;
/// if uploaded.verification == Verification::Unverified {
///     println!("{} has {} bytes, and nobody knows which", uploaded.upload_id, uploaded.size);
/// }
/// # Ok(())
/// # }
/// ```
///
/// It can be kept as any value of serde's. How long an upload can be used, and how often, is not documented.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Uploaded {
    /// The id, to create a project with.
    pub upload_id: UploadId,
    /// Its size in bytes.
    pub size: u64,
    /// The CRC-32C of what was read.
    pub crc32c: u32,
    /// How it was found out that the storage has the same.
    pub verification: Verification,
    /// The bytes that went over the network, what was sent again included.
    pub sent: u64,
    /// How often the storage had lost all of it, so that it began anew.
    pub restarts: u32,
}

/// How an upload was compared with its source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Verification {
    /// The storage told the same CRC-32C.
    Crc32c,
    /// The storage told the same MD5, and no CRC-32C.
    Md5,
    /// The storage told no hash, asked several times. It said that it has all bytes, and where it told a length, the right one.
    Unverified,
}

impl fmt::Display for Verification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Crc32c => "CRC-32C",
            Self::Md5 => "MD5",
            Self::Unverified => "unverified",
        })
    }
}
