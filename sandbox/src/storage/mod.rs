//! Resumable uploads as Google Cloud Storage speaks them (XML API, signed link): sessions, ranges, hashes, finality.
//!
//! Bytes are hashed and counted as they come; memory does not grow with the file.

mod session;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Buf as _, Bytes};

use self::session::{QUANTUM, Session};
use crate::reply::{Payload, Reply};

pub(crate) const PREFIX: &str = "/ext.gcs.opus.pro/";

/// A file that was uploaded whole.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredObject {
    /// Its length, in bytes.
    pub size: u64,
    /// Its CRC32C (Castagnoli).
    pub crc32c: u32,
    /// Its MD5, for files up to 64 MiB.
    pub md5: Option<[u8; 16]>,
    /// Bytes that arrived for it over all requests, those that were sent again included.
    pub received: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Storage {
    links: Mutex<HashMap<String, Link>>,
    sessions: Mutex<HashMap<String, Arc<Mutex<Session>>>>,
    folder: Option<PathBuf>,
}

#[derive(Debug)]
struct Link {
    signature: String,
    expires: SystemTime,
    object: Option<StoredObject>,
}

/// What `Content-Range` says of a PUT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Range {
    Whole,
    Part { first: u64, last: u64, total: Option<u64> },
    Ask { total: Option<u64> },
}

impl Range {
    pub(crate) fn parse(header: Option<&str>) -> Option<Self> {
        let Some(header) = header else { return Some(Self::Whole) };
        let (range, total) = header.trim().strip_prefix("bytes ")?.trim().split_once('/')?;
        let total = match total {
            "*" => None,
            total => Some(total.parse().ok()?),
        };
        if range == "*" {
            return Some(Self::Ask { total });
        }
        let (first, last) = range.split_once('-')?;
        let (first, last) = (first.parse().ok()?, last.parse::<u64>().ok()?);
        (first <= last && last < u64::MAX && total.is_none_or(|total| last < total)).then_some(Self::Part { first, last, total })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Storage {
    pub(crate) fn new(folder: Option<PathBuf>) -> Self {
        Self { folder, ..Self::default() }
    }

    /// Makes a link for one upload: path and query.
    pub(crate) fn link(&self, upload: &str, org: &str, signature: &str, expires: SystemTime) -> String {
        let link = Link { signature: signature.to_owned(), expires, object: None };
        lock(&self.links).insert(upload.to_owned(), link);
        let safe = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
        let org: String = org.chars().map(|c| if safe(c) { c } else { '_' }).collect();
        format!(
            "{PREFIX}upload/{org}/{upload}?X-Goog-Algorithm=GOOG4-RSA-SHA256&X-Goog-SignedHeaders=host%3Bx-goog-resumable&X-Goog-Signature={signature}"
        )
    }

    /// The size of a finished upload.
    pub(crate) fn finished(&self, upload: &str) -> Option<u64> {
        self.object(upload).map(|object| object.size)
    }

    pub(crate) fn object(&self, upload: &str) -> Option<StoredObject> {
        lock(&self.links).get(upload)?.object.clone()
    }

    pub(crate) fn knows(&self, upload: &str) -> bool {
        lock(&self.links).contains_key(upload)
    }

    /// Bytes of all finished uploads.
    pub(crate) fn used(&self) -> u64 {
        lock(&self.links).values().filter_map(|link| link.object.as_ref()).map(|object| object.size).sum()
    }

    /// Whether a file of an earlier run has this name.
    pub(crate) fn is_kept(&self, upload: &str) -> bool {
        self.folder.as_ref().is_some_and(|folder| folder.join(upload).exists())
    }

    pub(crate) fn clear(&self) {
        lock(&self.links).clear();
        let sessions = std::mem::take(&mut *lock(&self.sessions));
        sessions.values().for_each(|session| lock(session).cancel());
    }

    /// Opens a session and answers with its address.
    pub(crate) fn start(&self, ask: &Start<'_>) -> Reply {
        {
            let links = lock(&self.links);
            let Some(link) = links.get(ask.upload).filter(|link| Some(link.signature.as_str()) == ask.signature) else {
                return Reply::xml(403, "SignatureDoesNotMatch", "The signature does not match; take the link of create_upload_link whole");
            };
            if ask.now >= link.expires {
                return Reply::xml(400, "ExpiredToken", "The link has expired; ask for a new one");
            }
        }
        let part = self.folder.as_ref().map(|folder| folder.join(format!("{}.{}.part", ask.upload, ask.session)));
        let session = Session::new(ask.upload, ask.now + ask.life, part);
        lock(&self.sessions).insert(ask.session.to_owned(), Arc::new(Mutex::new(session)));
        Reply::new(201, Payload::Empty)
            .with_header("location", format!("{}{}?upload_id={}", ask.base, ask.path, ask.session))
            .with_header("x-goog-resumable-upload-id", ask.session)
            .with_header("x-guploader-uploadid", ask.session)
    }

    fn session(&self, id: &str, now: SystemTime) -> Result<Arc<Mutex<Session>>, Reply> {
        let found = lock(&self.sessions).get(id).cloned();
        let session = found.ok_or_else(|| Reply::xml(404, "NoSuchUpload", "The upload session does not exist"))?;
        if now >= lock(&session).expires {
            return Err(Reply::xml(410, "Gone", "The upload session has expired"));
        }
        Ok(session)
    }

    pub(crate) fn cancel(&self, id: &str, now: SystemTime) -> Reply {
        match self.session(id, now) {
            Ok(session) => {
                lock(&self.sessions).remove(id);
                lock(&session).cancel();
                Reply::new(499, Payload::Empty)
            }
            Err(reply) => reply,
        }
    }

    /// Begins a PUT: the answer at once, or a writer for what comes.
    pub(crate) fn put(&self, id: &str, range: Option<Range>, length: Option<u64>, now: SystemTime) -> Result<Writer<'_>, Reply> {
        let shared = self.session(id, now)?;
        let mut session = lock(&shared);
        let bad = |message: &str| Err(Reply::xml(400, "InvalidArgument", message));
        if let Some(object) = session.object() {
            return Err(complete(object, id));
        }
        let Some(range) = range else {
            return bad("Content-Range must be bytes FIRST-LAST/TOTAL or bytes */TOTAL");
        };
        let total = match range {
            Range::Whole => length,
            Range::Part { total, .. } | Range::Ask { total } => total,
        };
        if let (Some(known), Some(total)) = (session.total, total)
            && known != total
        {
            return bad("the total size differs from what was said before");
        }
        if total.is_some_and(|total| total < session.size()) {
            return bad("the total size is less than what is stored");
        }
        let (first, end) = match range {
            Range::Ask { total } => {
                if length.is_some_and(|length| length > 0) {
                    return bad("a question for the offset has no body");
                }
                session.take_over();
                session.set_total(total);
                if session.total == Some(session.size()) {
                    return Err(self.finish(&mut session, id));
                }
                return Err(session.incomplete(id));
            }
            Range::Whole => (0, length.or(session.total)),
            Range::Part { first, last, total } => {
                let count = last - first + 1;
                if length.is_some_and(|length| length != count) {
                    return bad("Content-Length and Content-Range disagree");
                }
                if total != Some(last + 1) && !count.is_multiple_of(QUANTUM) {
                    return bad("a part that is not the last must be a multiple of 262144 bytes");
                }
                (first, Some(last + 1))
            }
        };
        let writer = session.take_over();
        if first > session.size() {
            return Err(Reply::xml(503, "ServiceUnavailable", "There is a gap before the first byte; ask for the offset"));
        }
        session.set_total(total);
        if let Err(error) = session.open() {
            return Err(unkept(&error));
        }
        let skip = session.size() - first;
        drop(session);
        Ok(Writer {
            storage: self,
            session: shared,
            id: id.to_owned(),
            writer,
            skip,
            end,
            at: first,
            is_whole: range == Range::Whole,
            keep_to: u64::MAX,
        })
    }

    fn finish(&self, session: &mut Session, id: &str) -> Reply {
        let object = match session.finish(self.folder.as_deref()) {
            Ok(object) => object,
            Err(error) => return unkept(&error),
        };
        if let Some(link) = lock(&self.links).get_mut(session.upload()) {
            link.object = Some(object.clone());
        }
        complete(&object, id)
    }
}

/// What a session is started with.
pub(crate) struct Start<'a> {
    pub(crate) upload: &'a str,
    pub(crate) signature: Option<&'a str>,
    pub(crate) session: &'a str,
    pub(crate) path: &'a str,
    pub(crate) base: &'a str,
    pub(crate) life: Duration,
    pub(crate) now: SystemTime,
}

fn unkept(error: &std::io::Error) -> Reply {
    Reply::xml(500, "InternalError", &format!("the upload cannot be kept: {error}"))
}

fn complete(object: &StoredObject, id: &str) -> Reply {
    let crc32c = format!("crc32c={}", STANDARD.encode(object.crc32c.to_be_bytes()));
    let hashes = object.md5.map_or(crc32c.clone(), |md5| format!("{crc32c},md5={}", STANDARD.encode(md5)));
    Reply::new(200, Payload::Empty)
        .with_header("x-goog-hash", hashes)
        .with_header("x-goog-stored-content-length", object.size.to_string())
        .with_header("x-guploader-uploadid", id)
}

/// Takes the body of one PUT.
pub(crate) struct Writer<'s> {
    storage: &'s Storage,
    session: Arc<Mutex<Session>>,
    id: String,
    writer: u64,
    /// Bytes that are stored already.
    skip: u64,
    /// The offset at which the body ends, where that is known.
    end: Option<u64>,
    at: u64,
    is_whole: bool,
    /// What comes after this offset is not stored; for a fault.
    keep_to: u64,
}

impl Writer<'_> {
    /// Loses the last bytes of what comes.
    pub(crate) fn forget(&mut self, bytes: u64) {
        self.keep_to = self.end.unwrap_or(self.at).saturating_sub(bytes);
    }

    pub(crate) fn write(&mut self, mut bytes: Bytes) -> Result<(), Reply> {
        let mut session = lock(&self.session);
        if !session.is_of(self.writer) {
            return Err(session.lost());
        }
        session.received += bytes.len() as u64;
        if self.end.is_some_and(|end| self.at + bytes.len() as u64 > end) {
            return Err(Reply::xml(400, "InvalidArgument", "The body is longer than Content-Range says"));
        }
        let skipped = self.skip.min(bytes.len() as u64);
        self.skip -= skipped;
        self.at += bytes.len() as u64;
        bytes.advance(usize::try_from(skipped).unwrap_or(usize::MAX));
        let room = usize::try_from(self.keep_to.saturating_sub(session.size())).unwrap_or(usize::MAX);
        bytes.truncate(room);
        session.store(&bytes).map_err(|error| unkept(&error))
    }

    /// The body is over.
    pub(crate) fn end(self) -> Reply {
        let shared = Arc::clone(&self.session);
        let mut session = lock(&shared);
        if !session.is_of(self.writer) {
            return session.lost();
        }
        session.close();
        let is_all = self.keep_to == u64::MAX;
        if self.is_whole && is_all {
            if self.at < session.size() {
                return Reply::xml(400, "InvalidArgument", "the total size is less than what is stored");
            }
            // Without a length the end of the body says how long it is.
            session.total.get_or_insert(self.at);
        }
        if session.total == Some(session.size()) && is_all {
            return self.storage.finish(&mut session, &self.id);
        }
        session.roll_back();
        session.incomplete(&self.id)
    }
}

/// A request that ends before its body does, because the connection broke: only whole units stay.
impl Drop for Writer<'_> {
    fn drop(&mut self) {
        let mut session = lock(&self.session);
        if session.is_of(self.writer) && session.object().is_none() {
            session.roll_back();
            session.close();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(storage: &Storage) -> SystemTime {
        let now = SystemTime::UNIX_EPOCH;
        storage.link("UPL_1", "org", "sig", now + Duration::from_secs(60));
        let start = Start {
            upload: "UPL_1",
            signature: Some("sig"),
            session: "s",
            path: "/p",
            base: "http://h",
            life: Duration::from_secs(600),
            now,
        };
        assert_eq!(storage.start(&start).status, 201);
        now
    }

    fn put(storage: &Storage, range: Option<&str>, body: &[u8]) -> Reply {
        let now = SystemTime::UNIX_EPOCH;
        match storage.put("s", Range::parse(range), Some(body.len() as u64), now) {
            Err(reply) => reply,
            Ok(mut writer) => match writer.write(Bytes::copy_from_slice(body)) {
                Ok(()) => writer.end(),
                Err(reply) => reply,
            },
        }
    }

    fn header<'r>(reply: &'r Reply, name: &str) -> Option<&'r str> {
        reply.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    #[test]
    fn a_file_comes_in_parts_and_the_hash_is_that_of_the_whole() {
        let storage = Storage::default();
        open(&storage);
        let quantum = usize::try_from(QUANTUM).unwrap();
        let file: Vec<u8> = (0..2 * quantum + 5).map(|n| u8::try_from(n % 251).unwrap()).collect();
        let total = file.len();
        let first = put(&storage, Some(&format!("bytes 0-{}/{total}", quantum - 1)), &file[..quantum]);
        assert_eq!((first.status, header(&first, "range")), (308, Some("bytes=0-262143")));
        let gap = put(&storage, Some(&format!("bytes {}-{}/{total}", 2 * quantum, total - 1)), &file[2 * quantum..]);
        assert_eq!(gap.status, 503, "a gap");
        let odd = put(&storage, Some(&format!("bytes {quantum}-{}/{total}", quantum + 9)), &file[quantum..quantum + 10]);
        assert_eq!(odd.status, 400, "no multiple of 256 KiB");
        let asked = put(&storage, Some(&format!("bytes */{total}")), b"");
        assert_eq!((asked.status, header(&asked, "range")), (308, Some("bytes=0-262143")));
        // What is stored already is ignored when it comes again.
        let last = put(&storage, Some(&format!("bytes 0-{}/{total}", total - 1)), &file);
        let crc = format!("crc32c={}", STANDARD.encode(crc32c::crc32c(&file).to_be_bytes()));
        assert!(last.status == 200 && header(&last, "x-goog-hash").unwrap().starts_with(&crc), "{last:?}");
        let object = storage.object("UPL_1").unwrap();
        assert_eq!((object.size, object.received), (total as u64, (quantum + total) as u64));
        assert_eq!(put(&storage, Some(&format!("bytes */{total}")), b"").status, 200, "asking again finds it complete");
    }

    #[test]
    fn a_broken_connection_keeps_whole_units() {
        let storage = Storage::default();
        let now = open(&storage);
        let mut writer = storage.put("s", Range::parse(None), Some(1 << 20), now).unwrap();
        writer.write(Bytes::from(vec![7; 300_000])).unwrap();
        drop(writer);
        let asked = put(&storage, Some("bytes */1048576"), b"");
        assert_eq!(header(&asked, "range"), Some("bytes=0-262143"));
        let rest = put(&storage, Some("bytes 262144-1048575/1048576"), &vec![7; (1 << 20) - 262_144]);
        assert_eq!((rest.status, storage.object("UPL_1").unwrap().crc32c), (200, crc32c::crc32c(&vec![7; 1 << 20])));
    }

    #[test]
    fn a_newer_request_takes_the_session_over() {
        let storage = Storage::default();
        let now = open(&storage);
        let mut old = storage.put("s", Range::parse(None), Some(600_000), now).unwrap();
        old.write(Bytes::from(vec![1; 262_144])).unwrap();
        assert_eq!(header(&put(&storage, Some("bytes */600000"), b""), "range"), Some("bytes=0-262143"));
        assert_eq!(old.write(Bytes::from(vec![1; 10])).unwrap_err().status, 503);
    }

    #[test]
    fn sessions_end_and_empty_files_are_files() {
        let storage = Storage::default();
        let now = open(&storage);
        assert_eq!(put(&storage, None, b"").status, 200);
        assert_eq!(storage.object("UPL_1").map(|object| (object.size, object.crc32c)), Some((0, 0)));
        assert_eq!(storage.put("s", None, None, now + Duration::from_secs(600)).err().map(|reply| reply.status), Some(410));
        assert_eq!((storage.cancel("s", now).status, storage.cancel("s", now).status), (499, 404));
        assert_eq!(storage.put("x", None, None, now).err().map(|reply| reply.status), Some(404));
    }

    #[test]
    fn ranges_are_read_strictly() {
        assert_eq!(Range::parse(Some("bytes 0-0/1")), Some(Range::Part { first: 0, last: 0, total: Some(1) }));
        assert_eq!(Range::parse(Some("bytes 0-9/*")), Some(Range::Part { first: 0, last: 9, total: None }));
        assert_eq!(Range::parse(Some("bytes */*")), Some(Range::Ask { total: None }));
        for wrong in [
            "bytes 5-4/10",
            "bytes 0-10/10",
            "0-1/2",
            "bytes a-b/c",
            "bytes 0-1",
            "bytes -1-2/3",
            "bytes 0-99999999999999999999/*",
            "bytes 0-18446744073709551615/*",
        ] {
            assert_eq!(Range::parse(Some(wrong)), None, "{wrong}");
        }
    }

    #[test]
    fn a_cancelled_upload_does_not_finish() {
        let storage = Storage::default();
        let now = open(&storage);
        let mut writer = storage.put("s", Range::parse(None), Some(1000), now).unwrap();
        writer.write(Bytes::from(vec![1; 500])).unwrap();
        assert_eq!(storage.cancel("s", now).status, 499);
        assert_eq!(writer.write(Bytes::from(vec![1; 500])).unwrap_err().status, 404);
        assert_eq!((writer.end().status, storage.object("UPL_1")), (404, None));
    }

    #[test]
    fn a_body_without_a_length_keeps_to_the_total() {
        let storage = Storage::default();
        let now = open(&storage);
        let quantum = usize::try_from(QUANTUM).unwrap();
        put(&storage, Some(&format!("bytes 0-{}/1000000", quantum - 1)), &vec![1; quantum]);
        let mut long = storage.put("s", Range::parse(None), None, now).unwrap();
        assert_eq!(long.write(Bytes::from(vec![1; 1_000_001])).unwrap_err().status, 400);
        drop(long);
        let whole = storage.put("s", Range::parse(None), None, now).map(|mut writer| {
            writer.write(Bytes::from(vec![1; 1_000_000])).unwrap();
            writer.end().status
        });
        assert_eq!(whole.unwrap(), 200);

        let storage = Storage::default();
        open(&storage);
        put(&storage, Some(&format!("bytes 0-{}/*", quantum - 1)), &vec![1; quantum]);
        let short = storage.put("s", Range::parse(None), None, now).unwrap().end();
        assert_eq!(short.status, 400, "less than what is stored");
        let rest = put(&storage, Some(&format!("bytes {quantum}-{quantum}/{}", quantum + 1)), b"x");
        assert_eq!(rest.status, 200, "the session goes on");
    }
}
