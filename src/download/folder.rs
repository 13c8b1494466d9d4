//! A folder of clips: its lock, its manifest, its files. Everything here may block.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::course::Found;
use super::head::{Sum, Version};
use super::names::{ENDING, PART, Taken, Template, is_safe};
use crate::Error;
use crate::types::Clip;
use crate::work::{Readers, hex, read_if_there, sweep, sync_folder, write_whole};

pub(super) const MANIFEST: &str = "manifest.json";
const LOCK: &str = ".opusclip.lock";

/// The form of the manifest.
const FORM: u32 = 1;

/// What is known of the clips in a folder. No link is in it: links are signed.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Manifest {
    version: u32,
    clips: Vec<Entry>,
}

/// What is known of one clip. Its name is its own, from the first time that it was to be fetched.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Entry {
    pub(super) clip_id: String,
    pub(super) file: String,
    /// The finished file.
    #[serde(flatten)]
    pub(super) saved: Option<Saved>,
    /// What is in the part file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) part: Option<Version>,
    /// What the part file was when it was about to become the finished one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) finishing: Option<Saved>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Saved {
    pub(super) size: u64,
    pub(super) sha256: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) etag: Option<String>,
    /// When the clip was changed last, as the service told it then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) updated_at: Option<String>,
}

impl Saved {
    /// Whether the service does not say that the clip was changed since.
    pub(super) fn is_current(&self, updated_at: Option<&str>) -> bool {
        updated_at.is_none() || self.updated_at.as_deref() == updated_at
    }
}

/// A folder that is ours as long as this lives.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    manifest: Mutex<Manifest>,
    _lock: File,
}

impl Folder {
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let failed = |error| Error::io(format_args!("the folder {} cannot be used", path.display()), error);
        fs::create_dir_all(path).map_err(failed)?;
        let path = path.canonicalize().map_err(failed)?;
        let lock = open_regular(&path.join(LOCK)).map_err(|error| Error::io(path.join(LOCK).display(), error))?;
        crate::work::lock(&lock, &path.join(LOCK), || format!("another download works in {}; let it end", path.display()))?;
        sweep(&path.join(MANIFEST)).map_err(failed)?;
        let manifest = read_manifest(&path.join(MANIFEST))?;
        Ok(Self { path, manifest: Mutex::new(manifest), _lock: lock })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Gives every clip its name and its entry, and says which are there already; `is_thorough` reads them.
    pub(super) fn assign(&self, clips: &[Clip], template: &Template, is_thorough: bool) -> Result<Vec<(Entry, bool)>, Error> {
        let mut taken = self.taken()?;
        let known: Vec<Entry> = self.manifest().clips.clone();
        let mut assigned = Vec::with_capacity(clips.len());
        for (number, clip) in clips.iter().enumerate() {
            let id = clip.id.as_str();
            let mut entry = known.iter().find(|entry| entry.clip_id == id).cloned().unwrap_or_else(|| {
                let title = clip.title.as_deref().unwrap_or_default();
                let file = taken.claim(&template.stem(number + 1, title, clip.id.clip().as_str()));
                Entry { clip_id: id.to_owned(), file, ..Entry::default() }
            });
            // A crash came between the new name and the note of it.
            if let Some(finishing) = entry.finishing.take()
                && self.is_there(&entry.file, &finishing, true)?
            {
                (entry.saved, entry.part) = (Some(finishing), None);
            }
            let is_there = match &entry.saved {
                Some(saved) => self.is_there(&entry.file, saved, is_thorough)?,
                None => false,
            };
            assigned.push((entry, is_there));
        }
        self.note(assigned.iter().map(|(entry, _)| entry))?;
        Ok(assigned)
    }

    /// The names that no new file may have.
    fn taken(&self) -> Result<Taken, Error> {
        let mut taken = Taken::default();
        for entry in fs::read_dir(&self.path).map_err(|error| self.failed("", error))? {
            let name = entry.map_err(|error| self.failed("", error))?.file_name();
            let name = name.to_string_lossy();
            taken.take(&name);
            // Someone's part file: the name that it is for would be written over it.
            if let Some(whole) = name.strip_suffix(PART) {
                taken.take(whole);
            }
        }
        for entry in &self.manifest().clips {
            taken.take(&entry.file);
        }
        Ok(taken)
    }

    /// Gives a file that somebody changed another name, for a new one is about to take its own.
    fn keep_changed(&self, file: &str, saved: &Saved) -> Result<(), Error> {
        let path = self.path.join(file);
        if !fs::symlink_metadata(&path).is_ok_and(|found| found.is_file()) || self.is_there(file, saved, true)? {
            return Ok(());
        }
        let name = self.taken()?.claim(file.strip_suffix(ENDING).unwrap_or(file));
        fs::rename(&path, self.path.join(&name)).map_err(|error| self.failed(&name, error))
    }

    /// Whether the finished file is the one that was noted.
    fn is_there(&self, file: &str, saved: &Saved, is_thorough: bool) -> Result<bool, Error> {
        let path = self.path.join(file);
        match fs::symlink_metadata(&path) {
            Ok(found) if found.is_file() && found.len() == saved.size => {}
            Ok(_) => return Ok(false),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(self.failed(file, error)),
        }
        if !is_thorough {
            return Ok(true);
        }
        let mut hashes = Hashes::default();
        let mut open = File::open(&path).map_err(|error| self.failed(file, error))?;
        hashes.read(&mut open).map_err(|error| self.failed(file, error))?;
        Ok(hashes.sha256() == saved.sha256)
    }

    /// Writes down what is known of these clips, if it is news.
    pub(super) fn note<'e>(&self, entries: impl IntoIterator<Item = &'e Entry>) -> Result<(), Error> {
        let mut manifest = self.manifest();
        let mut is_news = false;
        for entry in entries {
            match manifest.clips.iter_mut().find(|known| known.clip_id == entry.clip_id) {
                Some(known) if known == entry => continue,
                Some(known) => known.clone_from(entry),
                None => manifest.clips.push(entry.clone()),
            }
            is_news = true;
        }
        if !is_news {
            return Ok(());
        }
        manifest.version = FORM;
        let written = serde_json::to_vec_pretty(&*manifest).map_err(Into::into).and_then(|mut text| {
            text.push(b'\n');
            write_whole(&self.path.join(MANIFEST), &text, Readers::Usual)
        });
        written.map_err(|error| self.failed(MANIFEST, error))
    }

    fn manifest(&self) -> MutexGuard<'_, Manifest> {
        self.manifest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failed(&self, file: &str, error: io::Error) -> Error {
        Error::io(self.path.join(file).display(), error)
    }
}

fn read_manifest(path: &Path) -> Result<Manifest, Error> {
    let Some(text) = read_if_there(path)? else { return Ok(Manifest::default()) };
    let wrong = |what: String| {
        let remedy = format!("{}, which is no manifest of this program; mend it, move it away, or take another folder", path.display());
        Error::io(remedy, io::Error::new(io::ErrorKind::InvalidData, what))
    };
    let mut manifest: Manifest = serde_json::from_slice(&text).map_err(|error| wrong(error.to_string()))?;
    if manifest.version != FORM {
        return Err(wrong(format!("its version is {}, expected {FORM}", manifest.version)));
    }
    // A name that leads elsewhere did not come from here; nor do two clips have the same one.
    let mut taken = Taken::default();
    manifest.clips.retain(|entry| is_safe(&entry.file) && taken.take(&entry.file));
    Ok(manifest)
}

/// Opens a file for reading and writing, or makes it; never through a link that leads elsewhere.
fn open_regular(path: &Path) -> io::Result<File> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_symlink() => fs::remove_file(path)?,
        Ok(found) if !found.is_file() => return Err(io::Error::other("it is there already, and not a file")),
        Ok(_) => return OpenOptions::new().read(true).write(true).open(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    OpenOptions::new().read(true).write(true).create_new(true).open(path)
}

/// Checksums of bytes that come one after the other.
#[derive(Clone, Default)]
struct Hashes {
    length: u64,
    sha256: Sha256,
    crc32c: u32,
    /// Only where a server gives nothing else.
    md5: Option<md5::Md5>,
}

impl Hashes {
    fn update(&mut self, bytes: &[u8]) {
        self.length += bytes.len() as u64;
        self.sha256.update(bytes);
        self.crc32c = crc32c::crc32c_append(self.crc32c, bytes);
        if let Some(md5) = &mut self.md5 {
            md5.update(bytes);
        }
    }

    /// To the end of the file.
    fn read(&mut self, file: &mut File) -> io::Result<()> {
        let mut buffer = vec![0; 256 << 10];
        loop {
            match file.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(length) => self.update(&buffer[..length]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn sha256(&self) -> String {
        hex(&self.sha256.clone().finalize())
    }
}

/// A file that is being fetched, at its end, with the checksums of what is in it.
pub(super) struct Part {
    folder: Arc<Folder>,
    /// The name of the finished file.
    file: String,
    open: File,
    hashes: Hashes,
}

impl Part {
    /// The part of an earlier run, or a new one.
    pub(super) fn open(folder: Arc<Folder>, file: String) -> Result<Self, Error> {
        let name = format!("{file}{PART}");
        let open = open_regular(&folder.path.join(&name)).map_err(|error| folder.failed(&name, error))?;
        let mut part = Self { folder, file, open, hashes: Hashes::default() };
        part.hash(false)?;
        Ok(part)
    }

    #[cfg(all(test, target_os = "linux"))]
    pub(super) fn of(folder: Arc<Folder>, open: File) -> Self {
        Self { folder, file: "full.mp4".to_owned(), open, hashes: Hashes::default() }
    }

    pub(super) fn length(&self) -> u64 {
        self.hashes.length
    }

    fn failed(&self, error: io::Error) -> Error {
        self.folder.failed(&format!("{}{PART}", self.file), error)
    }

    /// Reads what is there.
    fn hash(&mut self, with_md5: bool) -> Result<(), Error> {
        use std::io::{Seek, SeekFrom};

        self.hashes = Hashes { md5: with_md5.then(Default::default), ..Hashes::default() };
        let read = self.open.seek(SeekFrom::Start(0)).and_then(|_| self.hashes.read(&mut self.open));
        read.map_err(|error| self.failed(error))
    }

    pub(super) fn truncate(&mut self) -> Result<(), Error> {
        self.open.set_len(0).map_err(|error| self.failed(error))?;
        self.hash(false)
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.open.write_all(bytes).map_err(|error| self.failed(error))?;
        self.hashes.update(bytes);
        Ok(())
    }

    /// What there is to compare with what the server says.
    pub(super) fn found(&mut self, sum: Option<Sum>) -> Result<Found, Error> {
        if matches!(sum, Some(Sum::Md5(_))) {
            self.hash(true)?;
        }
        // What the system says, not what was meant to be written.
        let length = self.open.metadata().map_err(|error| self.failed(error))?.len();
        if length != self.hashes.length {
            self.hash(self.hashes.md5.is_some())?;
        }
        let md5 = self.hashes.md5.clone().map(|md5| md5.finalize().into());
        Ok(Found { length, crc32c: self.hashes.crc32c, md5 })
    }

    /// Makes it the finished file: on disk, then noted, then under its name, then noted again.
    pub(super) fn finish(self, mut entry: Entry, version: Option<Version>, updated_at: Option<String>) -> Result<(Entry, PathBuf), Error> {
        self.open.sync_all().map_err(|error| self.failed(error))?;
        let Self { folder, file, open, hashes } = self;
        let path = folder.path.join(&file);
        let failed = |error| folder.failed(&file, error);
        // Someone has put a file there since the name was chosen.
        if entry.saved.is_none() && fs::symlink_metadata(&path).is_ok() {
            return Err(failed(io::Error::new(io::ErrorKind::AlreadyExists, "it is there, and was not downloaded by this program")));
        }
        if let Some(saved) = &entry.saved {
            folder.keep_changed(&file, saved)?;
        }
        let etag = version.as_ref().and_then(|version| if let Version::Etag(tag) = version { Some(tag.clone()) } else { None });
        let saved = Saved { size: hashes.length, sha256: hashes.sha256(), etag, updated_at };
        (entry.part, entry.finishing) = (version, Some(saved.clone()));
        folder.note([&entry])?;
        drop(open);
        fs::rename(folder.path.join(format!("{file}{PART}")), &path).map_err(failed)?;
        sync_folder(&folder.path).map_err(failed)?;
        (entry.saved, entry.part, entry.finishing) = (Some(saved), None, None);
        folder.note([&entry])?;
        Ok((entry, path))
    }

    /// Leaves it for another time, or takes it away where it is of no use.
    pub(super) fn leave(self, is_useful: bool) {
        if !is_useful {
            let path = self.folder.path.join(format!("{}{PART}", self.file));
            drop(self.open);
            // Where it stays it is in nobody's way: the next run begins it anew.
            let _ = fs::remove_file(path);
        }
    }
}
