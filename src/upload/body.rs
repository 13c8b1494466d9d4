//! Reading what is sent: a blocking thread reads, hashes and fills a few buffers that come back when they are sent.

use std::io::{self, Read, Seek, SeekFrom};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc as std_mpsc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use md5::{Digest as _, Md5};
use tokio::sync::{mpsc, oneshot};

/// What is read at once, and how many of these there are: the memory of an upload, whatever its size.
const BUFFER: usize = 512 << 10;
const BUFFERS: usize = 4;

/// What goes to the connection at once.
const FRAME: usize = 256 << 10;

/// Set in the count of the bytes that went to the connection once no more may go there.
const CLOSED: u64 = 1 << 63;

pub(super) trait ReadSeek: Read + Seek + Send {}

impl<T: Read + Seek + Send> ReadSeek for T {}

/// A source with a place in it, and the checksum of what has been read up to some offset.
pub(super) struct Reader {
    source: Box<dyn ReadSeek>,
    hashed: u64,
    crc32c: u32,
}

impl Reader {
    pub(super) fn new(source: Box<dyn ReadSeek>) -> Self {
        Self { source, hashed: 0, crc32c: 0 }
    }

    /// The same source, of which nothing is hashed yet.
    pub(super) fn afresh(self) -> Self {
        Self::new(self.source)
    }

    /// The CRC32C of everything up to `end`, once [`catch_up`](Self::catch_up) or sending has come there.
    pub(super) fn crc32c(&self) -> u32 {
        self.crc32c
    }

    pub(super) fn hashed(&self) -> u64 {
        self.hashed
    }

    /// Hashes bytes that stand at `offset`, those of them that were not hashed before.
    fn absorb(&mut self, offset: u64, bytes: &[u8]) {
        let known = usize::try_from(self.hashed.saturating_sub(offset)).unwrap_or(usize::MAX).min(bytes.len());
        self.crc32c = crc32c::crc32c_append(self.crc32c, &bytes[known..]);
        self.hashed += (bytes.len() - known) as u64;
    }

    /// Reads on to `end`, for the checksum alone, unless nobody wants it any more.
    pub(super) fn catch_up(&mut self, end: u64, is_wanted: impl Fn() -> bool) -> io::Result<()> {
        let mut at = self.hashed;
        self.source.seek(SeekFrom::Start(at))?;
        let mut buffer = vec![0; BUFFER];
        while at < end && is_wanted() {
            let part = &mut buffer[..part(at, end)];
            self.source.read_exact(part)?;
            self.absorb(at, part);
            at += part.len() as u64;
        }
        Ok(())
    }

    /// The MD5 of the whole, for a storage that tells no other hash.
    pub(super) fn md5(&mut self) -> io::Result<[u8; 16]> {
        self.source.rewind()?;
        let mut md5 = Md5::new();
        let mut buffer = vec![0; BUFFER];
        loop {
            match self.source.read(&mut buffer)? {
                0 => return Ok(md5.finalize().into()),
                count => md5.update(&buffer[..count]),
            }
        }
    }

    /// Fills free buffers with what stands from `first` to `end` until it is done, or told to stop.
    fn pump(&mut self, first: u64, end: u64, pool: &Pool, out: &mpsc::Sender<io::Result<Bytes>>) -> io::Result<()> {
        let mut at = first;
        self.source.seek(SeekFrom::Start(at))?;
        while at < end {
            let Ok(Some(mut buffer)) = pool.free.recv() else { return Ok(()) };
            if buffer.is_empty() {
                // Memory that the system gives is zero already, and is not touched for a small source.
                buffer = vec![0; BUFFER];
            }
            let count = part(at, end);
            self.source.read_exact(&mut buffer[..count])?;
            self.absorb(at, &buffer[..count]);
            at += count as u64;
            let pooled = Pooled { buffer, count, home: pool.home.clone() };
            if out.blocking_send(Ok(Bytes::from_owner(pooled))).is_err() {
                return Ok(());
            }
        }
        Ok(())
    }
}

/// How much of what stands from `at` to `end` is read at once.
fn part(at: u64, end: u64) -> usize {
    usize::try_from(end - at).unwrap_or(usize::MAX).min(BUFFER)
}

/// The buffers that are free; `None` among them is the word to stop.
struct Pool {
    home: std_mpsc::Sender<Option<Vec<u8>>>,
    free: std_mpsc::Receiver<Option<Vec<u8>>>,
}

impl Pool {
    fn new() -> Self {
        let (home, free) = std_mpsc::channel();
        for _ in 0..BUFFERS {
            // Nobody can have hung up: the other end is here.
            let _ = home.send(Some(Vec::new()));
        }
        Self { home, free }
    }
}

/// A buffer that goes back where it came from.
struct Pooled {
    buffer: Vec<u8>,
    count: usize,
    home: std_mpsc::Sender<Option<Vec<u8>>>,
}

impl AsRef<[u8]> for Pooled {
    fn as_ref(&self) -> &[u8] {
        &self.buffer[..self.count]
    }
}

impl Drop for Pooled {
    fn drop(&mut self) {
        // Once reading is over nobody takes it.
        let _ = self.home.send(Some(std::mem::take(&mut self.buffer)));
    }
}

/// The body of one request, of a known length, and the way to get the reader back.
pub(super) fn sending(mut reader: Reader, first: u64, length: u64, sent: impl FnMut(u64) + Send + Sync + 'static) -> (SendBody, Sending) {
    let (out, frames) = mpsc::channel(BUFFERS);
    let (back, returned) = oneshot::channel();
    let end = first + length;
    let pool = Pool::new();
    let stop = pool.home.clone();
    tokio::task::spawn_blocking(move || {
        let result = reader.pump(first, end, &pool, &out);
        if let Err(error) = &result {
            // The request has to fail with it; the error itself goes back with the reader.
            let _ = out.blocking_send(Err(error.kind().into()));
        }
        let _ = back.send((reader, result));
    });
    let handed = Arc::new(AtomicU64::new(0));
    let body = SendBody { frames, current: Bytes::new(), left: length, handed: Arc::clone(&handed), sent: Box::new(sent) };
    (body, Sending { returned, handed, stop })
}

/// The other end of a [`SendBody`].
pub(super) struct Sending {
    returned: oneshot::Receiver<(Reader, io::Result<()>)>,
    handed: Arc<AtomicU64>,
    stop: std_mpsc::Sender<Option<Vec<u8>>>,
}

impl Sending {
    /// Bytes that went to the connection so far.
    pub(super) fn handed(&self) -> u64 {
        self.handed.load(Ordering::Relaxed) & !CLOSED
    }

    /// Lets no more bytes go to the connection, and tells how many did.
    ///
    /// After an early answer a connection goes on with the body, and what the storage takes of that it has.
    pub(super) fn close(&self) -> u64 {
        self.handed.fetch_or(CLOSED, Ordering::Relaxed) & !CLOSED
    }

    /// The reader, from which no more is sent; an error is one of the source.
    pub(super) async fn finish(self) -> io::Result<Reader> {
        // The connection may hold the body for ever, where a storage has answered and reads no further: no buffer would come back.
        // If nobody is there to be stopped, it has stopped.
        let _ = self.stop.send(None);
        let (reader, result) = self.returned.await.map_err(|_| io::Error::other("the thread that reads the source has died"))?;
        result.map(|()| reader)
    }
}

pub(super) struct SendBody {
    frames: mpsc::Receiver<io::Result<Bytes>>,
    current: Bytes,
    left: u64,
    handed: Arc<AtomicU64>,
    sent: Box<dyn FnMut(u64) + Send + Sync>,
}

impl Body for SendBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        if self.current.is_empty() {
            match ready!(self.frames.poll_recv(context)) {
                Some(Ok(bytes)) => self.current = bytes,
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(Some(Err(io::ErrorKind::UnexpectedEof.into()))),
            }
        }
        let count = self.current.len().min(FRAME);
        let add = |handed: u64| (handed & CLOSED == 0).then_some(handed + count as u64);
        let Ok(handed) = self.handed.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add) else {
            return Poll::Ready(Some(Err(io::ErrorKind::ConnectionAborted.into())));
        };
        let frame = self.current.split_to(count);
        self.left -= count as u64;
        (self.sent)(handed + count as u64);
        Poll::Ready(Some(Ok(Frame::data(frame))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
