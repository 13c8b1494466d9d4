//! One upload under way: what has come, and what of it stays when the connection breaks.

use std::fs::File;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use md5::{Digest as _, Md5};

use super::StoredObject;
use crate::reply::{Payload, Reply};

/// What is stored is a multiple of this, until the last byte is there.
pub(super) const QUANTUM: u64 = 256 << 10;

/// Beyond this size there is no MD5, as there is none for composite objects; CRC32C is always there.
const MD5_LIMIT: u64 = 64 << 20;

#[derive(Debug)]
pub(super) struct Session {
    upload: String,
    pub(super) expires: SystemTime,
    pub(super) total: Option<u64>,
    /// What has come, and what of it outlasts a broken connection.
    current: Stored,
    safe: Stored,
    pub(super) received: u64,
    /// Which request may write; a newer one takes over.
    writer: u64,
    object: Option<StoredObject>,
    is_cancelled: bool,
    /// Where the bytes are kept until they are all there, and the file while a request writes it.
    part: Option<PathBuf>,
    file: Option<File>,
}

#[derive(Clone, Debug, Default)]
struct Stored {
    size: u64,
    crc32c: u32,
    md5: Option<Md5>,
}

impl Stored {
    fn absorb(&mut self, bytes: &[u8]) {
        self.crc32c = crc32c::crc32c_append(self.crc32c, bytes);
        self.size += bytes.len() as u64;
        if self.size > MD5_LIMIT {
            self.md5 = None;
        } else if let Some(md5) = &mut self.md5 {
            md5.update(bytes);
        }
    }
}

impl Session {
    pub(super) fn new(upload: &str, expires: SystemTime, part: Option<PathBuf>) -> Self {
        let empty = Stored { md5: Some(Md5::new()), ..Stored::default() };
        Self {
            upload: upload.to_owned(),
            expires,
            total: None,
            current: empty.clone(),
            safe: empty,
            received: 0,
            writer: 0,
            object: None,
            is_cancelled: false,
            part,
            file: None,
        }
    }

    /// Bytes that are stored.
    pub(super) fn size(&self) -> u64 {
        self.current.size
    }

    pub(super) fn upload(&self) -> &str {
        &self.upload
    }

    /// What it became, once it is complete.
    pub(super) fn object(&self) -> Option<&StoredObject> {
        self.object.as_ref()
    }

    /// Takes the session from whoever writes; the number of the new writer.
    pub(super) fn take_over(&mut self) -> u64 {
        self.writer += 1;
        self.roll_back();
        self.writer
    }

    pub(super) fn is_of(&self, writer: u64) -> bool {
        self.writer == writer
    }

    /// Remembers the size of the whole, unless it is known.
    pub(super) fn set_total(&mut self, total: Option<u64>) {
        self.total = self.total.or(total);
        if self.total.is_some_and(|total| total > MD5_LIMIT) {
            // It would be dropped in the end, and is by far the slowest part.
            self.current.md5 = None;
            self.safe.md5 = None;
        }
    }

    /// No request writes any more.
    pub(super) fn close(&mut self) {
        self.file = None;
    }

    /// Makes an object of what has come.
    pub(super) fn finish(&mut self, folder: Option<&Path>) -> std::io::Result<StoredObject> {
        let md5 = self.current.md5.clone().map(|md5| md5.finalize().into());
        self.keep(folder)?;
        let object = StoredObject { size: self.current.size, crc32c: self.current.crc32c, md5, received: self.received };
        self.object = Some(object.clone());
        Ok(object)
    }

    /// Forgets what would be lost with a connection.
    pub(super) fn roll_back(&mut self) {
        if self.current.size != self.safe.size {
            self.current = self.safe.clone();
        }
    }

    /// No writer may go on, and nothing of it stays.
    pub(super) fn cancel(&mut self) {
        self.writer += 1;
        self.is_cancelled = true;
        self.file = None;
        if let Some(part) = self.part.take() {
            // Where nothing came there is no file.
            let _ = std::fs::remove_file(part);
        }
    }

    /// Opens the file for as long as a request writes.
    pub(super) fn open(&mut self) -> std::io::Result<()> {
        let open = |part: &PathBuf| File::options().write(true).create(true).truncate(false).open(part);
        self.file = self.part.as_ref().map(open).transpose()?;
        if let Some(file) = &self.file {
            file.set_len(self.current.size)?;
        }
        Ok(())
    }

    /// Gives the file its name; one without bytes has to be made first.
    fn keep(&mut self, folder: Option<&Path>) -> std::io::Result<()> {
        if let (Some(folder), Some(part)) = (folder, self.part.clone()) {
            self.open()?;
            self.file = None;
            std::fs::rename(part, folder.join(&self.upload))?;
        }
        Ok(())
    }

    /// What a request hears that may not write any more.
    pub(super) fn lost(&self) -> Reply {
        match self.is_cancelled {
            true => Reply::xml(404, "NoSuchUpload", "The upload session was cancelled"),
            false => Reply::xml(503, "ServiceUnavailable", "Another request has taken the session over"),
        }
    }

    pub(super) fn incomplete(&self, id: &str) -> Reply {
        let reply = Reply::new(308, Payload::Empty).with_header("x-guploader-uploadid", id);
        match self.current.size {
            0 => reply,
            size => reply.with_header("range", format!("bytes=0-{}", size - 1)),
        }
    }

    pub(super) fn store(&mut self, mut bytes: &[u8]) -> std::io::Result<()> {
        if let Some(file) = &mut self.file {
            file.seek(SeekFrom::Start(self.current.size))?;
            file.write_all(bytes)?;
        }
        while !bytes.is_empty() {
            let room = usize::try_from(QUANTUM - self.current.size % QUANTUM).unwrap_or(usize::MAX);
            let (now, rest) = bytes.split_at(room.min(bytes.len()));
            self.current.absorb(now);
            if self.current.size.is_multiple_of(QUANTUM) {
                self.safe = self.current.clone();
            }
            bytes = rest;
        }
        Ok(())
    }
}
