//! What happened to each video, one line for each change, in a file that only grows.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use opusclip::Clock;
use serde::{Deserialize, Serialize};

use crate::failure::{Code, Failure};

/// How far a video is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    Uploading,
    Uploaded,
    /// The billed call is sent now.
    Creating,
    Created,
    Working,
    Ready,
    Done,
    /// There may be more to do for it.
    Incomplete,
    Failed,
}

/// One line.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// RFC 3339.
    pub(crate) at: String,
    /// A hash of address, organisation and key: what is done for one account is not done for another.
    pub(crate) account: String,
    /// A hash of address, organisation and profile, which stays the same where the key changes.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) owner: String,
    /// A path with size and time of modification, which `|` divides, or an address.
    pub(crate) key: String,
    /// As it was given.
    pub(crate) source: String,
    pub(crate) state: State,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) project: Option<String>,
    /// Estimated: when the project is asked for, when it is there, and 0 when nothing came of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) credits: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) folder: Option<PathBuf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) note: Option<String>,
}

/// What is known of a video from earlier runs.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    source: String,
    pub(crate) state: State,
    pub(crate) project: Option<String>,
    /// Of all projects that were created of it, or may have been.
    pub(crate) credits: u64,
    /// Those of a call whose reply is not known.
    open: u64,
}

/// Whose videos a run is about, as hashes.
#[derive(Clone, Debug)]
pub(crate) struct Whose {
    pub(crate) account: String,
    pub(crate) owner: String,
}

/// What earlier runs wrote down.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    known: HashMap<String, Known>,
    /// Projects of the same owner that were made with another key.
    former: HashMap<String, String>,
}

impl Memory {
    /// What was done to a video.
    pub(crate) fn known(&self, key: &str) -> Option<&Known> {
        self.known.get(key)
    }

    /// A project of the same video that is not known by this name: it was made with another key, or before the file was touched.
    pub(crate) fn former(&self, key: &str) -> Option<(&str, &'static str)> {
        if self.known(key).is_some_and(|known| known.project.is_some()) {
            return None;
        }
        let of_another_key = self.former.get(key).map(|project| (project.as_str(), "with another key"));
        of_another_key.or_else(|| {
            let place = untimed(key)?;
            let touched =
                self.known.iter().filter(|(other, _)| untimed(other) == Some(place)).find_map(|(_, known)| known.project.as_deref());
            touched.map(|project| (project, "when the file had another time of modification"))
        })
    }

    /// Another video that has this project.
    pub(crate) fn other_with(&self, project: &str, key: &str) -> Option<&str> {
        let found = self.known.iter().find(|(other, known)| *other != key && known.project.as_deref() == Some(project));
        found.map(|(_, known)| known.source.as_str())
    }
}

/// Path and size: two videos that differ hardly share both.
fn untimed(key: &str) -> Option<&str> {
    let (place, time) = key.rsplit_once('|')?;
    let (_, size) = place.rsplit_once('|')?;
    // An address may have bars in it.
    [size, time].iter().all(|number| number.bytes().all(|byte| byte.is_ascii_digit())).then_some(place)
}

/// How each line begins, cut off or not.
const BEGINNING: &[u8] = br#"{"at":"#;

/// The file.
pub(crate) struct Ledger {
    path: PathBuf,
    file: Mutex<File>,
    /// Whether the last line could not be written whole.
    is_torn: AtomicBool,
    whose: Whose,
    clock: Arc<dyn Clock>,
    memory: Memory,
}

impl Ledger {
    /// Opens it, and reads what is known of this account. A line that was cut off by a crash counts for nothing.
    pub(crate) fn open(path: &Path, whose: Whose, clock: Arc<dyn Clock>) -> Result<Self, Failure> {
        let fault = |error| Failure::io(format_args!("the ledger {}", path.display()), &error).with_code(Code::Usage);
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).map_err(fault)?;
        }
        let memory = match path.exists() {
            true => Self::read(path, &whose)?,
            false => Memory::default(),
        };
        let mut file = OpenOptions::new().create(true).read(true).append(true).open(path).map_err(fault)?;
        if !ends_in_a_line(&mut file).map_err(fault)? {
            file.write_all(b"\n").map_err(fault)?;
        }
        Ok(Self { path: path.to_owned(), file: Mutex::new(file), is_torn: AtomicBool::new(false), whose, clock, memory })
    }

    /// What is known of this account's videos, without opening it for more.
    pub(crate) fn read(path: &Path, whose: &Whose) -> Result<Memory, Failure> {
        let fault = |error| Failure::io(format_args!("the ledger {}", path.display()), &error).with_code(Code::Usage);
        if !path.metadata().map_err(fault)?.is_file() {
            return Err(Failure::usage(
                format!("the ledger {} is not a regular file", path.display()),
                "give another name with `--ledger`",
            ));
        }
        let bytes = std::fs::read(path).map_err(fault)?;
        let (mut memory, mut read, mut foreign) = (Memory::default(), 0, 0);
        for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()) {
            match serde_json::from_slice::<Entry>(line) {
                Ok(entry) => {
                    read += 1;
                    if entry.account == whose.account {
                        learn(&mut memory.known, entry);
                    } else if let (Some(project), true) = (entry.project, entry.owner == whose.owner) {
                        memory.former.insert(entry.key, project);
                    }
                }
                Err(_) if line.starts_with(BEGINNING) || BEGINNING.starts_with(line) => {}
                Err(_) => foreign += 1,
            }
        }
        // A file of somebody else's is not to be written into.
        if read == 0 && foreign > 0 {
            return Err(Failure::usage(format!("{} is no ledger of this program", path.display()), "give another file with `--ledger`"));
        }
        Ok(memory)
    }

    /// What earlier runs wrote down.
    pub(crate) fn memory(&self) -> &Memory {
        &self.memory
    }

    /// What they did to a video.
    pub(crate) fn known(&self, key: &str) -> Option<&Known> {
        self.memory.known(key)
    }

    /// Writes a line, which is on disk when this returns.
    pub(crate) fn note(&self, entry: Entry) -> Result<(), Failure> {
        let at = humantime::format_rfc3339_millis(self.clock.system_time()).to_string();
        let Whose { account, owner } = self.whose.clone();
        let entry = Entry { at, account, owner, ..entry };
        let fault = |error| Failure::io(format_args!("the ledger {}", self.path.display()), &error);
        let text = serde_json::to_string(&entry).map_err(|error| fault(error.into()))?;
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        // In one piece, for another process may write into the same file.
        let line = format!("{}{text}\n", if self.is_torn.load(Ordering::Relaxed) { "\n" } else { "" });
        let written = file.write_all(line.as_bytes());
        self.is_torn.store(written.is_err(), Ordering::Relaxed);
        written.and_then(|()| file.sync_data()).map_err(fault)
    }
}

impl Entry {
    /// A line to be dated and signed by [`Ledger::note`].
    pub(crate) fn new(key: &str, source: &str, state: State) -> Self {
        Self {
            at: String::new(),
            account: String::new(),
            owner: String::new(),
            key: key.to_owned(),
            source: source.to_owned(),
            state,
            project: None,
            credits: None,
            folder: None,
            note: None,
        }
    }
}

/// Whether the last line is whole; a crash may have cut it off.
fn ends_in_a_line(file: &mut File) -> std::io::Result<bool> {
    if file.seek(SeekFrom::End(0))? == 0 {
        return Ok(true);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

fn learn(known: &mut HashMap<String, Known>, entry: Entry) {
    let item = known.entry(entry.key).or_insert(Known { source: entry.source, state: entry.state, project: None, credits: 0, open: 0 });
    item.state = entry.state;
    if let Some(credits) = entry.credits {
        // Each of these lines says what came of the call before it.
        item.credits = item.credits - item.open + credits;
        item.open = if entry.state == State::Creating { credits } else { 0 };
    }
    item.project = entry.project.or(item.project.take());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::FastClock;

    fn open(path: &Path, account: &str) -> Ledger {
        let whose = Whose { account: account.to_owned(), owner: "somebody".to_owned() };
        Ledger::open(path, whose, Arc::new(FastClock::new(1.0))).unwrap()
    }

    #[test]
    fn a_line_that_was_cut_off_spoils_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/ledger.jsonl");
        let ledger = open(&path, "one");
        ledger.note(Entry { credits: Some(10), ..Entry::new("a", "a.mp4", State::Creating) }).unwrap();
        ledger.note(Entry { credits: Some(0), ..Entry::new("a", "a.mp4", State::Failed) }).unwrap();
        ledger.note(Entry { credits: Some(12), ..Entry::new("a", "a.mp4", State::Creating) }).unwrap();
        assert_eq!(open(&path, "one").known("a").unwrap().credits, 12, "it may have been billed");
        let created = Entry { credits: Some(12), project: Some("P1".to_owned()), ..Entry::new("a", "a.mp4", State::Created) };
        ledger.note(created).unwrap();
        std::fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(br#"{"at":"2026"#).unwrap();
        open(&path, "one").note(Entry::new("a", "a.mp4", State::Done)).unwrap();
        let ledger = open(&path, "one");
        let known = ledger.known("a").unwrap();
        assert_eq!((known.state, known.project.as_deref(), known.credits), (State::Done, Some("P1"), 12));
        let ledger = open(&path, "two");
        assert!(ledger.known("a").is_none());
        assert_eq!(ledger.memory().former("a"), Some(("P1", "with another key")));
        ledger.note(Entry { project: Some("P2".to_owned()), ..Entry::new("a", "a.mp4", State::Created) }).unwrap();
        assert_eq!(open(&path, "two").memory().former("a"), None);
        let another = Whose { account: "three".to_owned(), owner: "somebody else".to_owned() };
        assert_eq!(Ledger::read(&path, &another).unwrap().former("a"), None);
    }

    #[test]
    fn what_is_no_ledger_is_not_written_into() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notes.txt");
        std::fs::write(&path, "milk\neggs\n").unwrap();
        let error = Ledger::read(&path, &Whose { account: "one".to_owned(), owner: "somebody".to_owned() }).unwrap_err();
        assert!(error.message().contains("no ledger"), "{error}");
        std::fs::write(&path, "{\"at\":\"2026").unwrap();
        open(&path, "one");
        std::fs::write(&path, "milk\neggs\n").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "milk\neggs\n");
    }
}
