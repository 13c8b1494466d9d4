//! What an interrupted upload is taken up with, and where it is kept.

use std::fmt;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use same_file::Handle;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::source::Fingerprint;
use crate::error::Kind;
use crate::types::UploadId;
use crate::work::{Readers, blocking, hex, lock, read_if_there, sweep, when_free, write_whole};
use crate::{Client, Error};

/// Sessions live about this long.
const SESSION_LIFE: Duration = Duration::from_secs(7 * 86_400);

/// The version of what is stored.
const VERSION: u32 = 1;

/// What a later process needs to go on with an upload.
///
/// ```
/// # fn example(token: &opusclip::ResumeToken) -> Result<(), Box<dyn std::error::Error>> {
/// let text = serde_json::to_string(token)?; // to be kept where only its owner can read it
/// let token: opusclip::ResumeToken = serde_json::from_str(&text)?;
/// # Ok(())
/// # }
/// ```
///
/// It holds the address of the upload session, which is a secret: whoever has it can write the object. `Debug` does not show it.
/// How far the storage is, the storage itself is asked. The token of [`UploadProgress`](super::UploadProgress) stays valid as long
/// as the session, about a week; if the session is lost, the upload that goes on makes a new one and tells a new token.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResumeToken {
    version: u32,
    pub(super) upload_id: UploadId,
    /// The link that the session was started under, for another one.
    pub(super) link: String,
    pub(super) session: String,
    /// Seconds since 1970.
    started: u64,
    pub(super) source: Fingerprint,
    pub(super) persisted: u64,
}

impl ResumeToken {
    pub(super) fn new(upload_id: UploadId, link: String, session: String, started: SystemTime, source: Fingerprint) -> Self {
        let started = started.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        Self { version: VERSION, upload_id, link, session, started, source, persisted: 0 }
    }

    /// The id that the upload will have; good for nothing before the upload is complete.
    #[must_use]
    pub fn upload_id(&self) -> &UploadId {
        &self.upload_id
    }

    /// The size of what is uploaded, in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.source.size
    }

    /// How many bytes the storage was known to have.
    #[must_use]
    pub fn persisted(&self) -> u64 {
        self.persisted
    }

    /// When the session was started.
    #[must_use]
    pub fn started_at(&self) -> SystemTime {
        UNIX_EPOCH.checked_add(Duration::from_secs(self.started)).unwrap_or(UNIX_EPOCH)
    }

    /// When the session is expected to end, a week after its start (as Google documents it; the service says nothing of it).
    /// What it had is then sent again.
    #[must_use]
    pub fn expires_at(&self) -> SystemTime {
        self.started_at().checked_add(SESSION_LIFE).unwrap_or(UNIX_EPOCH)
    }

    pub(crate) fn is_of_the_session(&self, other: &Self) -> bool {
        self.session == other.session
    }

    /// An error if it is of another source.
    pub(crate) fn check_source(&self, source: &Fingerprint) -> Result<(), Error> {
        self.source.check(source)
    }

    /// An error for the token of a later version of this crate.
    pub(super) fn check_version(&self) -> Result<(), Error> {
        if self.version == VERSION {
            return Ok(());
        }
        let message = format!("the resume token has the version {}; this version of opusclip reads {VERSION}", self.version);
        Err(Error::of(Kind::Input, None, message))
    }
}

impl fmt::Debug for ResumeToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResumeToken")
            .field("upload_id", &self.upload_id)
            .field("size", &self.size())
            .field("persisted", &self.persisted)
            .finish_non_exhaustive()
    }
}

/// A folder that keeps the tokens of unfinished work, so that the same call goes on where an earlier process stopped.
///
/// ```no_run
/// # async fn example(client: &opusclip::Client) -> Result<(), Box<dyn std::error::Error>> {
/// let store = opusclip::ResumeStore::open("/var/lib/clipper/unfinished")?;
/// let uploaded = client.upload("talk.mp4").with_store(&store).await?;
/// # Ok(())
/// # }
/// ```
///
/// Each token is a file of its own, written whole or not at all, that only its owner can read. It is found again by the account, the
/// path and the fingerprint of the source, and removed when the upload is complete or cancelled. The account is the key with address
/// and organisation, and the fingerprint has size and time of modification: with a new key, or for a file that was touched, there is
/// nothing.
#[derive(Clone, Debug)]
pub struct ResumeStore {
    folder: PathBuf,
}

impl ResumeStore {
    /// Opens a store; the folder is made if it is not there, for its owner alone.
    ///
    /// # Errors
    ///
    /// [`Error::is_io`] if the folder cannot be made.
    pub fn open(folder: impl Into<PathBuf>) -> Result<Self, Error> {
        let folder = folder.into();
        let mut builder = fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.recursive(true).create(&folder).map_err(|error| Error::io(folder.display(), error))?;
        Ok(Self { folder })
    }
}

/// The place in a store where the token of one piece of work is kept, by the only one who works on it.
#[derive(Debug)]
pub(crate) struct Kept {
    /// Whatever writes has it, too, for a write goes on when its future is dropped.
    place: Arc<Mutex<Place>>,
}

#[derive(Debug)]
struct Place {
    path: PathBuf,
    /// A write that was begun before comes too late.
    is_forgotten: bool,
    _lock: Lock,
}

impl Kept {
    /// Finds the place of what is done for a purpose with a source.
    pub(crate) async fn of_source(
        store: ResumeStore,
        client: &Client,
        purpose: &str,
        source: Option<&Path>,
        fingerprint: &Fingerprint,
    ) -> Result<Self, Error> {
        Self::open(store, client, purpose, |hash| {
            fingerprint.digest(hash);
            if let Some(source) = source.and_then(|source| source.canonicalize().ok()) {
                hash.update(source.as_os_str().as_encoded_bytes());
            }
        })
        .await
    }

    /// Finds the place of what is done for a purpose with what is at an address.
    pub(crate) async fn of_url(store: ResumeStore, client: &Client, purpose: &str, url: &str) -> Result<Self, Error> {
        Self::open(store, client, purpose, |hash| hash.update(format!("url/{url}"))).await
    }

    /// Each account has its own places.
    async fn open(store: ResumeStore, client: &Client, purpose: &str, what: impl FnOnce(&mut Sha256)) -> Result<Self, Error> {
        let shared = client.shared();
        let mut hash = Sha256::new();
        hash.update(format!("{purpose}/{}/{:?}/", shared.base_url, client.org()));
        hash.update(Sha256::digest(shared.key.secret()));
        what(&mut hash);
        let name = hex(&hash.finalize()[..16]);
        let path = store.folder.join(format!("{name}.json"));
        when_free(client, move || {
            let lock = Lock::take(path.with_extension("lock"))?;
            // A token that was half written has a secret in it, too.
            sweep(&path).map_err(|error| Error::io(path.display(), error))?;
            let place = Place { path: path.clone(), is_forgotten: false, _lock: lock };
            Ok(Self { place: Arc::new(Mutex::new(place)) })
        })
        .await
    }

    /// What is kept. A file that cannot be read as such is an error: it may be hours of work.
    pub(crate) async fn load<T: DeserializeOwned + Send + 'static>(&self) -> Result<Option<T>, Error> {
        self.at(|Place { path, .. }| {
            let Some(text) = read_if_there(path)? else { return Ok(None) };
            serde_json::from_slice(&text).map(Some).map_err(|error| {
                let message = format!("{}: it is no resume token of this version ({error}); remove it to begin anew", path.display());
                Error::of(Kind::Input, None, message)
            })
        })
        .await
    }

    /// Keeps this from now on, whole or not at all.
    pub(crate) fn save<T: Serialize>(&self, value: &T) -> impl Future<Output = Result<(), Error>> + Send + use<T> {
        let text = serde_json::to_vec(value);
        self.at(|Place { path, is_forgotten, .. }| {
            if *is_forgotten {
                return Ok(());
            }
            let written = text.map_err(Into::into).and_then(|text| write_whole(path, &text, Readers::Owner));
            written.map_err(|error| Error::io(format!("the resume token {}", path.display()), error))
        })
    }

    pub(crate) async fn forget(self) -> Result<(), Error> {
        self.at(|place| {
            place.is_forgotten = true;
            match fs::remove_file(&place.path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::io(place.path.display(), error)),
                _ => Ok(()),
            }
        })
        .await
    }

    /// Works at the place, one after the other.
    fn at<T: Send + 'static, W>(&self, work: W) -> impl Future<Output = Result<T, Error>> + Send + use<T, W>
    where
        W: FnOnce(&mut Place) -> Result<T, Error> + Send + 'static,
    {
        let place = Arc::clone(&self.place);
        blocking(move || work(&mut place.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}

/// The right to work on something, held by one task on this machine until it is dropped.
#[derive(Debug)]
pub(super) struct Lock {
    path: PathBuf,
    _file: Handle,
}

impl Lock {
    /// The right to send to a session. Its address is a secret; the name of the lock is a hash of it.
    pub(super) async fn session(uri: &str) -> Result<Self, Error> {
        let name = hex(&Sha256::digest(uri)[..16]);
        blocking(move || Self::take(std::env::temp_dir().join(format!("opusclip-{name}.lock")))).await
    }

    fn take(path: PathBuf) -> Result<Self, Error> {
        let fault = |error| Error::io(path.display(), error);
        let mut options = File::options();
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.create(true).append(true);
        loop {
            let file = Handle::from_file(options.open(&path).map_err(fault)?).map_err(fault)?;
            lock(file.as_file(), &path, || "another process or task is at this upload; wait for it, or stop it first".to_owned())?;
            // Who had it until now may have removed the file meanwhile, and the next one would lock another.
            match Handle::from_path(&path) {
                Ok(there) if there == file => return Ok(Self { path, _file: file }),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(fault(error)),
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // What may stay behind is an empty file.
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Who finishes removes the file of the lock, under the eyes of those who have opened it.
    #[test]
    fn a_lock_is_held_by_one_though_its_file_goes_away() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.lock");
        let (held, taken) = (Mutex::new(()), Mutex::new(0));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..2000 {
                        let Ok(lock) = Lock::take(path.clone()) else { continue };
                        let alone = held.try_lock().expect("two have the lock");
                        *taken.lock().unwrap() += 1;
                        std::thread::yield_now();
                        drop(alone);
                        drop(lock);
                    }
                });
            }
        });
        assert!(*taken.lock().unwrap() > 100);
        assert!(!path.exists());
    }
}
