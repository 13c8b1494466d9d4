//! The sessions of the storage. Of the bytes it keeps the number and the checksum.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crc_fast::{CrcAlgorithm, Digest};

pub(crate) struct Storage {
    pub(crate) base: String,
    hashes: bool,
    sessions: Mutex<HashMap<String, Session>>,
}

#[derive(Clone, Copy)]
pub(crate) struct Session {
    pub(crate) offset: u64,
    /// `None` where none is wanted.
    crc32c: Option<Digest>,
}

impl Storage {
    pub(crate) fn new(base: String, hashes: bool) -> Self {
        Self { base, hashes, sessions: Mutex::default() }
    }

    /// The address of a new session.
    pub(crate) fn start(&self) -> String {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        let target = format!("/session/{}", sessions.len());
        sessions.insert(target.clone(), self.session());
        format!("{}{target}", self.base)
    }

    /// A session by its target. Whatever else is put is an object of its own, as curl puts it.
    pub(crate) fn load(&self, target: &str) -> Session {
        let sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.get(target).copied().unwrap_or_else(|| self.session())
    }

    pub(crate) fn save(&self, target: &str, session: Session) {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = sessions.get_mut(target) {
            *known = session;
        }
    }

    fn session(&self) -> Session {
        Session { offset: 0, crc32c: self.hashes.then(|| Digest::new(CrcAlgorithm::Crc32Iscsi)) }
    }
}

impl Session {
    pub(crate) fn absorb(&mut self, bytes: &[u8]) {
        self.offset += bytes.len() as u64;
        if let Some(digest) = &mut self.crc32c {
            digest.update(bytes);
        }
    }

    /// The checksum as the storage tells it.
    pub(crate) fn crc32c(&self) -> Option<String> {
        self.crc32c.map(|digest| encode(digest.finalize()))
    }
}

/// A CRC-32C as headers and JSON have it; crc-fast gives all checksums in 64 bits.
pub(crate) fn encode(crc32c: u64) -> String {
    STANDARD.encode(&crc32c.to_be_bytes()[4..])
}

/// Which bytes a `Content-Range` names.
pub(crate) struct Range {
    /// `None` asks for the offset only.
    pub(crate) first: Option<u64>,
    pub(crate) total: Option<u64>,
}

impl Range {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (range, total) = text.strip_prefix("bytes ")?.split_once('/')?;
        let first = range.split_once('-').and_then(|(first, _)| first.parse().ok());
        Some(Self { first, total: total.parse().ok() })
    }
}
