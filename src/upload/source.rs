//! What is uploaded, and how a change of it is noticed.

use std::fmt;
use std::fs::{File, Metadata};
use std::io::{self, Cursor, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::time::UNIX_EPOCH;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncSeek};
use tokio_util::io::SyncIoBridge;

use super::Uploaded;
use super::body::{ReadSeek, Reader};
use crate::Error;
use crate::error::Kind;
use crate::work::{blocking, hex};

/// How much of the beginning and of the end is hashed to know a source again.
const EDGE: u64 = 64 << 10;

/// A stream that is longer goes to a temporary file.
const SPOOL_MEMORY: usize = 8 << 20;

const SPOOL_BUFFER: usize = 1 << 20;

trait AsyncReadSeek: AsyncRead + AsyncSeek + Unpin + Send {}

impl<T: AsyncRead + AsyncSeek + Unpin + Send> AsyncReadSeek for T {}

/// What to upload: a path, bytes, or something to read from.
///
/// ```
/// use opusclip::UploadSource;
///
/// let file: UploadSource = "talk.mp4".into();
/// let bytes: UploadSource = vec![0_u8; 1024].into();
/// let reader = UploadSource::seekable(std::io::Cursor::new(vec![0_u8; 1024]));
/// # let _ = (file, bytes, reader);
/// ```
///
/// A path, as `&str`, `String`, `&Path` or `PathBuf`, is the best of them: it can be watched for changes and opened again by a
/// later process. Anything else is read once more, before the upload, to know it again. Nothing is opened before the upload begins.
pub struct UploadSource(Inner);

enum Inner {
    Path(PathBuf),
    Seekable(Box<dyn ReadSeek>),
    AsyncSeekable(Box<dyn AsyncReadSeek>),
    Stream { reader: Pin<Box<dyn AsyncRead + Send>>, limit: u64 },
    Open(Box<Opened>),
}

impl UploadSource {
    /// Something that can be read and sought, from its first byte to its last. It is used on a thread that may block.
    pub fn seekable(source: impl Read + Seek + Send + 'static) -> Self {
        Self(Inner::Seekable(Box::new(source)))
    }

    /// The same for an asynchronous source, as `tokio::fs::File`.
    pub fn async_seekable(source: impl AsyncRead + AsyncSeek + Unpin + Send + 'static) -> Self {
        Self(Inner::AsyncSeekable(Box::new(source)))
    }

    /// A stream that cannot be sought, of `limit` bytes at the most.
    ///
    /// It is read to its end before anything is sent, since what the storage lost has to be sent again: into memory up to
    /// 8 MiB, into an unnamed file in the temporary folder beyond. A stream that is longer than `limit` is an error.
    pub fn stream(reader: impl AsyncRead + Send + 'static, limit: u64) -> Self {
        Self(Inner::Stream { reader: Box::pin(reader), limit })
    }

    /// The name of a file, without its ending.
    pub(crate) fn name(&self) -> Option<String> {
        match &self.0 {
            Inner::Path(path) => Some(path.file_stem()?.to_string_lossy().into_owned()),
            _ => None,
        }
    }

    /// Opens it and takes its fingerprint.
    pub(crate) async fn open(self) -> Result<Opened, Error> {
        let source: Box<dyn ReadSeek> = match self.0 {
            Inner::Path(path) => return blocking(move || open_path(path)).await,
            Inner::Seekable(source) => source,
            Inner::AsyncSeekable(source) => Box::new(SyncIoBridge::new(source)),
            Inner::Stream { reader, limit } => Box::new(spool(reader, limit).await?),
            Inner::Open(opened) => return Ok(*opened),
        };
        blocking(move || {
            let mut source = source;
            let fault = |error| Error::io("the source of the upload", error);
            let mut fingerprint = Fingerprint::take(&mut source, None).map_err(fault)?;
            let mut reader = Reader::new(source);
            // Without a path and a time, two that begin and end alike would be taken for one.
            reader.catch_up(fingerprint.size, || true).map_err(fault)?;
            fingerprint.crc32c = Some(reader.crc32c());
            Ok(Opened { reader, fingerprint, watch: Watch { path: None } })
        })
        .await
    }
}

impl fmt::Debug for UploadSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Inner::Path(path) => f.debug_tuple("UploadSource").field(path).finish(),
            Inner::Seekable(_) | Inner::AsyncSeekable(_) => f.write_str("UploadSource(seekable)"),
            Inner::Open(opened) => write!(f, "UploadSource(open, {} bytes)", opened.fingerprint.size),
            Inner::Stream { limit, .. } => write!(f, "UploadSource(stream of at most {limit} bytes)"),
        }
    }
}

impl From<&str> for UploadSource {
    fn from(path: &str) -> Self {
        PathBuf::from(path).into()
    }
}

impl From<String> for UploadSource {
    fn from(path: String) -> Self {
        PathBuf::from(path).into()
    }
}

impl From<&Path> for UploadSource {
    fn from(path: &Path) -> Self {
        path.to_owned().into()
    }
}

impl From<&PathBuf> for UploadSource {
    fn from(path: &PathBuf) -> Self {
        path.clone().into()
    }
}

impl From<PathBuf> for UploadSource {
    fn from(path: PathBuf) -> Self {
        Self(Inner::Path(path))
    }
}

impl From<Bytes> for UploadSource {
    fn from(bytes: Bytes) -> Self {
        Self::seekable(Cursor::new(bytes))
    }
}

impl From<Vec<u8>> for UploadSource {
    fn from(bytes: Vec<u8>) -> Self {
        Self::seekable(Cursor::new(bytes))
    }
}

/// A source that is open.
pub(crate) struct Opened {
    pub(super) reader: Reader,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) watch: Watch,
}

impl From<Opened> for UploadSource {
    fn from(opened: Opened) -> Self {
        Self(Inner::Open(Box::new(opened)))
    }
}

fn open_path(path: PathBuf) -> Result<Opened, Error> {
    let fault = |error| Error::io(path.display(), error);
    // Looked at first, since opening a pipe would wait for its other end.
    let metadata = path.metadata().map_err(fault)?;
    if !metadata.is_file() {
        let found = if metadata.is_dir() { "a folder" } else { "not a regular file" };
        let message =
            format!("{} is {found}; expected a video file (what is not a file goes through `UploadSource::stream`)", path.display());
        return Err(Error::of(Kind::Input, None, message));
    }
    let mut file = File::open(&path).map_err(fault)?;
    let stamp = Stamp::of(&file.metadata().map_err(fault)?);
    let fingerprint = Fingerprint::take(&mut file, stamp.modified).map_err(fault)?;
    Ok(Opened { reader: Reader::new(Box::new(file)), fingerprint, watch: Watch { path: Some((path, stamp)) } })
}

async fn spool(mut reader: Pin<Box<dyn AsyncRead + Send>>, limit: u64) -> Result<tempfile::SpooledTempFile, Error> {
    let mut spool = tempfile::spooled_tempfile(SPOOL_MEMORY);
    let (mut buffer, mut length) = (Vec::with_capacity(SPOOL_BUFFER), 0);
    loop {
        let count = (&mut reader).take(SPOOL_BUFFER as u64).read_to_end(&mut buffer).await;
        count.map_err(|error| Error::io("the stream to upload", error))?;
        length += buffer.len() as u64;
        if length > limit {
            let message = format!("the stream to upload is longer than the {limit} bytes that were allowed");
            return Err(Error::of(Kind::Input, None, message));
        }
        if buffer.is_empty() {
            return Ok(spool);
        }
        (spool, buffer) = blocking(move || {
            let fault = |error| Error::io(format!("the temporary file in {}", std::env::temp_dir().display()), error);
            spool.write_all(&buffer).map_err(fault)?;
            buffer.clear();
            Ok((spool, buffer))
        })
        .await?;
    }
}

/// What a source is known by: an upload only goes on with the same one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Fingerprint {
    pub(crate) size: u64,
    /// Nanoseconds since 1970, of a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    modified: Option<i64>,
    /// SHA-256 of the first and the last 64 KiB, in hexadecimal.
    edges: String,
    /// Of the whole, where it is not a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    crc32c: Option<u32>,
}

impl Fingerprint {
    fn take(mut source: &mut dyn ReadSeek, modified: Option<i64>) -> io::Result<Self> {
        let size = source.seek(SeekFrom::End(0))?;
        let mut hash = Sha256::new();
        for first in [0, size.saturating_sub(EDGE)] {
            source.seek(SeekFrom::Start(first))?;
            let mut edge = Vec::new();
            Read::by_ref(&mut source).take(EDGE).read_to_end(&mut edge)?;
            hash.update(&edge);
        }
        Ok(Self { size, modified, edges: hex(&hash.finalize()), crc32c: None })
    }

    /// An error, unless what was uploaded so far is this.
    pub(super) fn check(&self, now: &Self) -> Result<(), Error> {
        let problem = if self.size != now.size {
            format!("its size was {} bytes and is {}", self.size, now.size)
        } else if (&self.edges, self.crc32c) != (&now.edges, now.crc32c) {
            "its content is another".to_owned()
        } else if self.modified != now.modified {
            "it was modified since".to_owned()
        } else {
            return Ok(());
        };
        Err(changed("the source is not the one of the upload that shall go on", &problem))
    }

    /// An error if what was uploaded cannot be this.
    pub(crate) fn check_uploaded(&self, uploaded: &Uploaded) -> Result<(), Error> {
        if uploaded.size == self.size && self.crc32c.is_none_or(|crc32c| crc32c == uploaded.crc32c) {
            return Ok(());
        }
        let problem = format!("{} bytes were uploaded, and it has {} or others", uploaded.size, self.size);
        Err(changed("the source is not the one that was uploaded", &problem))
    }

    pub(super) fn digest(&self, hash: &mut Sha256) {
        hash.update(format!("{}/{:?}/{}/{:?}", self.size, self.modified, self.edges, self.crc32c));
    }
}

pub(super) fn changed(what: impl fmt::Display, problem: &str) -> Error {
    Error::of(Kind::SourceChanged, None, format!("{what}: {problem}"))
}

/// What the system says of a file without reading it.
#[derive(Clone, PartialEq, Eq)]
struct Stamp {
    size: u64,
    modified: Option<i64>,
    /// Device and inode, where there are such.
    file: Option<(u64, u64)>,
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        let modified = metadata.modified().ok().and_then(|time| match time.duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_nanos()).ok(),
            Err(before) => i64::try_from(before.duration().as_nanos()).ok().map(|nanos| -nanos),
        });
        #[cfg(unix)]
        let file = {
            use std::os::unix::fs::MetadataExt as _;
            Some((metadata.dev(), metadata.ino()))
        };
        #[cfg(not(unix))]
        let file = None;
        Self { size: metadata.len(), modified, file }
    }
}

/// Looks whether a file is still the one that was opened.
#[derive(Clone)]
pub(crate) struct Watch {
    path: Option<(PathBuf, Stamp)>,
}

impl Watch {
    /// Where the file is, whatever way leads there.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.path.as_ref().map(|(path, _)| path.as_path())
    }

    pub(super) async fn check(&self) -> Result<(), Error> {
        let Some((path, stamp)) = self.path.clone() else { return Ok(()) };
        blocking(move || {
            let now = match path.metadata() {
                Ok(metadata) => Stamp::of(&metadata),
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(changed(path.display(), "it is gone")),
                Err(error) => return Err(Error::io(path.display(), error)),
            };
            if now.size != stamp.size {
                return Err(changed(path.display(), &format!("its size was {} bytes and is {}", stamp.size, now.size)));
            }
            if now.file != stamp.file {
                return Err(changed(path.display(), "another file was put in its place"));
            }
            if now.modified != stamp.modified {
                return Err(changed(path.display(), "it was modified during the upload"));
            }
            Ok(())
        })
        .await
    }

    /// An error of reading; a file that ends too early has changed.
    pub(super) fn read_error(&self, error: io::Error) -> Error {
        let name = self.path.as_ref().map_or_else(|| "the source of the upload".to_owned(), |(path, _)| path.display().to_string());
        match error.kind() {
            io::ErrorKind::UnexpectedEof => changed(name, "it has become shorter"),
            _ => Error::io(name, error),
        }
    }
}
