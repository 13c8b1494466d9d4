//! What long work has in common: files that are written whole, locks, cancelling.

use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::io::{self, Write as _};
use std::path::Path;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::error::Kind;
use crate::{Client, Error};

/// Stops an upload or a download from elsewhere.
///
/// ```no_run
/// # async fn example(client: &opusclip::Client) -> Result<(), opusclip::Error> {
/// let upload = client.upload("talk.mp4");
/// let canceller = upload.canceller(); // for whoever handles Ctrl-C
/// let uploaded = upload.await; // ends soon after `canceller.cancel()`
/// # let _ = (uploaded, canceller);
/// # Ok(())
/// # }
/// ```
///
/// An upload ends with [`Error::is_cancelled`], and the storage is told to forget what it has. A download keeps what has arrived, and
/// the clips that are not done end in such an error.
#[derive(Clone, Debug)]
pub struct Canceller(pub(crate) CancellationToken);

impl Canceller {
    /// Cancels, also before it begins; what is over is not changed.
    pub fn cancel(&self) {
        self.0.cancel();
    }
}

/// Runs what may block, as reading and writing of files does, where it may.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Error> + Send + 'static) -> Result<T, Error> {
    let died = |error: tokio::task::JoinError| Err(Error::io("a thread that works on files", error.into()));
    tokio::task::spawn_blocking(work).await.unwrap_or_else(died)
}

/// How often, and how far apart, a lock is looked at that someone has: for two seconds.
const LOOKS: u32 = 100;
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

/// Takes what may be locked. What work that was dropped has begun to write comes to its end in the background, with the lock held.
pub(crate) async fn when_free<T: Send + 'static>(
    client: &Client,
    take: impl Fn() -> Result<T, Error> + Clone + Send + 'static,
) -> Result<T, Error> {
    for _ in 0..LOOKS {
        match blocking(take.clone()).await {
            Err(error) if error.is_in_use() => client.shared().clock.sleep(BETWEEN_LOOKS).await,
            taken => return taken,
        }
    }
    blocking(take).await
}

/// Who can read a file, where the system knows of that.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Readers {
    Owner,
    /// As new files are: whom the process lets.
    Usual,
}

/// Writes a file, whole or not at all.
pub(crate) fn write_whole(path: &Path, bytes: &[u8], readers: Readers) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    #[cfg_attr(not(unix), allow(unused_mut, unused_variables, reason = "there are no such permissions"))]
    let mut builder = tempfile::Builder::new();
    let prefix = prefix(path);
    builder.prefix(&prefix);
    #[cfg(unix)]
    if let Readers::Usual = readers {
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    }
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    sync_folder(folder)
}

/// How the names begin that a file has while it is written.
fn prefix(path: &Path) -> OsString {
    let mut prefix = OsString::from(".");
    prefix.push(path.file_name().unwrap_or_default());
    prefix.push("-");
    prefix
}

/// Removes what [`write_whole`] left where the process was killed meanwhile. Only for who has the lock.
pub(crate) fn sweep(path: &Path) -> io::Result<()> {
    let prefix = prefix(path);
    for entry in fs::read_dir(path.parent().unwrap_or(Path::new(".")))? {
        let entry = entry?;
        if entry.file_name().as_encoded_bytes().starts_with(prefix.as_encoded_bytes()) && entry.file_type()?.is_file() {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// A new name is only on the disk when its folder is. Windows does not open folders, and keeps names without.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

/// Takes the lock of a file that stands for something; `taken` says who else has it, and what to do.
pub(crate) fn lock(file: &File, path: &Path, taken: impl FnOnce() -> String) -> Result<(), Error> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(Error::of(Kind::InUse, None, taken())),
        Err(TryLockError::Error(error)) => Err(Error::io(path.display(), error)),
    }
}

/// The text of a file, or `None` where there is none.
pub(crate) fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, Error> {
    match fs::read(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io(path.display(), error)),
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
