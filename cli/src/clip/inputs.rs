//! What shall be clipped: files, addresses, patterns, lists.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use url::Url;

use crate::failure::{Code, Failure};

/// What a video costs at least, in credits (documented; facts 5).
pub(crate) const LEAST_CREDITS: u64 = 10;

/// What is looked at of a file, to see whether it is a video.
const HEAD: u64 = 8 << 10;

/// Endings of videos, and of sound with a picture or without; the folder that is watched takes these.
const ENDINGS: [&str; 21] = [
    "3gp", "aac", "avi", "flac", "flv", "m2ts", "m4a", "m4v", "mkv", "mov", "mp3", "mp4", "mpeg", "mpg", "mts", "mxf", "ogv", "ts", "wav",
    "webm", "wmv",
];

/// Where a video is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    File(PathBuf),
    Url(String),
}

/// A video to be clipped.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    /// As it was given.
    pub(crate) name: String,
    pub(crate) source: Source,
    /// What it is known by in the ledger.
    pub(crate) key: String,
    pub(crate) bytes: Option<u64>,
    /// How much of it is looked at, in seconds, where the file tells its length.
    pub(crate) seconds: Option<f64>,
}

impl Item {
    /// Looks at what was given. Nothing is sent.
    pub(crate) fn new(given: &OsStr) -> Result<Self, Failure> {
        if let Some(name) = given.to_str().filter(|name| is_url(name)) {
            if !Url::parse(name).is_ok_and(|url| url.scheme() == "https" && url.has_host()) {
                return Err(Failure::usage(
                    format!("{} is not the address of a video", called(name)),
                    "give a public one that begins with https://, or a file",
                ));
            }
            return Ok(Self {
                name: name.to_owned(),
                source: Source::Url(name.to_owned()),
                key: name.to_owned(),
                bytes: None,
                seconds: None,
            });
        }
        Self::of_file(Path::new(given))
    }

    pub(crate) fn of_file(path: &Path) -> Result<Self, Failure> {
        let name = path.display().to_string();
        let wrong = |what: &str, next: &str| Failure::usage(format!("{} {what}", called(&name)), next);
        let fault = |error: &std::io::Error| match error.kind() {
            std::io::ErrorKind::NotFound => wrong("is not there", "look at the name; a pattern in quotes, as '*.mp4', is expanded here"),
            _ => Failure::io(called(&name), error).with_code(Code::Usage),
        };
        let metadata = path.metadata().map_err(|error| fault(&error))?;
        if metadata.is_dir() {
            return Err(wrong("is a folder", &format!("give the videos in it, as '{}', or `--watch` it", path.join("*.mp4").display())));
        }
        if !metadata.is_file() {
            return Err(wrong("is not a regular file", "give a video file, or the address of one"));
        }
        if metadata.len() == 0 {
            return Err(wrong("is empty", "give a video file; is it still being written?"));
        }
        File::open(path).map_err(|error| fault(&error))?;
        let modified = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
        let whole = path.canonicalize().map_err(|error| fault(&error))?;
        // What is no UTF-8 is escaped, for two such names could be shown alike.
        let place = whole.to_str().map_or_else(|| format!("{whole:?}"), str::to_owned);
        let key = format!("{place}|{}|{}", metadata.len(), modified.as_nanos());
        let seconds = seconds(path, metadata.len());
        Ok(Self { name, source: Source::File(path.to_owned()), key, bytes: Some(metadata.len()), seconds })
    }

    /// An error for a file that is something else than a video, as a page that was saved in the place of one: it would be billed.
    pub(crate) fn check_kind(&self) -> Result<(), Failure> {
        let Source::File(path) = &self.source else { return Ok(()) };
        let mut head = Vec::new();
        File::open(path)
            .and_then(|file| file.take(HEAD).read_to_end(&mut head))
            .map_err(|error| Failure::io(called(&self.name), &error))?;
        match kind(path, &head) {
            None => match missing(path, self.bytes.unwrap_or_default()) {
                None => Ok(()),
                Some(what) => Err(Failure::usage(
                    format!("{} is not whole: {what}", called(&self.name)),
                    "is it still being copied or recorded? If it is to be taken as it is, `--any-file` takes it. Nothing was sent",
                )),
            },
            Some(kind) => Err(Failure::usage(
                format!("{} does not look like a video ({kind})", called(&self.name)),
                "look at the file; if it is one, `--any-file` takes it. Nothing was sent",
            )),
        }
    }

    /// What a project of it costs: a credit for each minute that has begun, ten at the least (documented). Without its length
    /// nobody knows, and the least is what is sure.
    pub(crate) fn credits(&self) -> u64 {
        let minutes = self.seconds.map_or(0.0, |seconds| (seconds / 60.0).ceil());
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float that is too large becomes the largest number")]
        let credits = minutes as u64;
        credits.max(LEAST_CREDITS)
    }

    /// What its project's folder begins with.
    pub(crate) fn stem(&self) -> Option<String> {
        match &self.source {
            Source::File(path) => path.file_stem().and_then(|stem| opusclip::portable_name(&stem.to_string_lossy())),
            Source::Url(_) => None,
        }
    }

    pub(crate) fn is_file(&self) -> bool {
        matches!(self.source, Source::File(_))
    }
}

/// A name as it stands in a sentence.
fn called(name: &str) -> String {
    if name.trim().is_empty() || name.chars().any(char::is_control) { format!("{name:?}") } else { name.to_owned() }
}

/// Whether a file is watched for.
pub(crate) fn is_named_like_a_video(path: &Path) -> bool {
    let ending = path.extension().and_then(OsStr::to_str).map(str::to_ascii_lowercase);
    ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str()))
}

/// What it is instead of a video, if it is.
fn kind(path: &Path, head: &[u8]) -> Option<String> {
    use infer::MatcherType::{Audio, Video};

    match infer::get(head) {
        Some(kind) if matches!(kind.matcher_type(), Audio | Video) => None,
        Some(kind) => Some(kind.mime_type().to_owned()),
        None => {
            let is_text = match std::str::from_utf8(head) {
                Ok(_) => true,
                // The last character may be cut.
                Err(error) => error.error_len().is_none(),
            };
            match (is_text, is_named_like_a_video(path)) {
                (true, _) => Some("it begins like a text".to_owned()),
                (false, true) => None,
                (false, false) => Some("neither its name nor its beginning is that of one".to_owned()),
            }
        }
    }
}

/// What the head of an MP4 says of its length.
fn seconds(path: &Path, size: u64) -> Option<f64> {
    let ending = path.extension()?.to_str()?.to_ascii_lowercase();
    if !["mp4", "m4v", "mov"].contains(&ending.as_str()) {
        return None;
    }
    let mut file = File::open(path).ok()?;
    let (begin, end) = mp4_box(&mut file, *b"moov", 0, size)?;
    let (begin, _) = mp4_box(&mut file, *b"mvhd", begin, end)?;
    file.seek(SeekFrom::Start(begin)).ok()?;
    // ISO 14496-12, 8.2.2: version, flags and two dates come first.
    let mut head = [0; 32];
    let mut read = 0;
    while let Ok(bytes @ 1..) = file.read(&mut head[read..]) {
        read += bytes;
    }
    let number = |at: usize, size: usize| head[at..at + size].iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    let (timescale, duration, needed) = if head[0] == 1 { (number(20, 4), number(24, 8), 32) } else { (number(12, 4), number(16, 4), 20) };
    #[allow(clippy::cast_precision_loss, reason = "no video is that long")]
    let seconds = duration as f64 / timescale as f64;
    // All bits set means that it is not known, and so does none where it comes in fragments.
    (read >= needed && timescale > 0 && (1..u64::from(u32::MAX)).contains(&duration)).then_some(seconds)
}

/// How many boxes are passed over: more than stand before the one that is looked for.
const BOXES: usize = 10_000;

/// Where the contents of the first box of this kind are. Each box says how long it is; one that leads nowhere ends the search.
fn mp4_box(file: &mut File, kind: [u8; 4], mut at: u64, end: u64) -> Option<(u64, u64)> {
    for _ in 0..BOXES {
        let (found, begin, next) = next_box(file, at, end)?;
        if next > end {
            break;
        }
        if found == kind {
            return Some((begin, next));
        }
        at = next;
    }
    None
}

/// The box that begins here: its kind, and where its contents begin and should end.
fn next_box(file: &mut File, at: u64, end: u64) -> Option<([u8; 4], u64, u64)> {
    if at.checked_add(8)? > end {
        return None;
    }
    file.seek(SeekFrom::Start(at)).ok()?;
    let mut head = [0; 8];
    file.read_exact(&mut head).ok()?;
    let [a, b, c, d, kind @ ..] = head;
    let (length, begin) = match u32::from_be_bytes([a, b, c, d]) {
        0 => (end - at, at + 8),
        1 => {
            let mut large = [0; 8];
            file.read_exact(&mut large).ok()?;
            (u64::from_be_bytes(large), at + 16)
        }
        length => (length.into(), at + 8),
    };
    let next = at.checked_add(length).filter(|next| *next >= begin)?;
    Some((kind, begin, next))
}

/// What shows that an MP4 is not whole, as one that is still being copied or whose copy broke off.
fn missing(path: &Path, size: u64) -> Option<&'static str> {
    let mut file = File::open(path).ok()?;
    let (mut at, mut is_indexed) = (0, false);
    for _ in 0..BOXES {
        if at == size {
            return (!is_indexed).then_some("its index (`moov`) is missing");
        }
        let (kind, _, next) = next_box(&mut file, at, size)?;
        if at == 0 && kind != *b"ftyp" {
            return None;
        }
        if next > size {
            // Of anything else nobody knows whether it is a box.
            return [*b"mdat", *b"moov", *b"moof", *b"free", *b"skip"].contains(&kind).then_some("the file ends before its data does");
        }
        is_indexed |= kind == *b"moov";
        at = next;
    }
    None
}

fn is_url(text: &str) -> bool {
    text.split_once("://")
        .is_some_and(|(scheme, _)| !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte)))
}

/// The names that are meant, in order: patterns expanded, lists read.
pub(crate) fn names(given: &[OsString], list: Option<&Path>) -> Result<Vec<OsString>, Failure> {
    let mut names = Vec::new();
    for name in given {
        let Some(text) = name.to_str() else {
            names.push(name.clone());
            continue;
        };
        if is_url(text) || !text.contains(['*', '?', '[']) || Path::new(text).exists() {
            names.push(name.clone());
            continue;
        }
        let paths = glob::glob(text)
            .map_err(|error| Failure::usage(format!("the pattern {text:?} is wrong: {error}"), "write one like '*.mp4'"))?;
        let mut found: Vec<OsString> = paths.filter_map(Result::ok).filter(|path| path.is_file()).map(PathBuf::into_os_string).collect();
        if found.is_empty() {
            return Err(Failure::usage(format!("the pattern {text:?} meets no file"), "look at the folder that it begins in"));
        }
        names.append(&mut found);
    }
    if let Some(list) = list {
        let text = if list.as_os_str() == "-" { std::io::read_to_string(std::io::stdin()) } else { std::fs::read_to_string(list) };
        let text = text.map_err(|error| Failure::io(format_args!("--from {}", list.display()), &error).with_code(Code::Usage))?;
        // Editors on Windows begin a file with a mark.
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let before = names.len();
        names.extend(text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).map(OsString::from));
        if names.len() == before {
            return Err(Failure::usage(format!("--from {} has no line", list.display()), "write a file or an address in each line"));
        }
    }
    Ok(names)
}

/// The videos of these names; what is wrong with one of them does not hold up the others.
pub(crate) fn items(names: &[OsString], takes_any_file: bool) -> Vec<Result<Item, (String, Failure)>> {
    let mut seen = HashSet::new();
    let looked_at = |name: &OsStr| {
        let item = Item::new(name)?;
        if !takes_any_file {
            item.check_kind()?;
        }
        Ok(item)
    };
    let items = names.iter().map(|name| looked_at(name).map_err(|failure| (name.display().to_string(), failure)));
    items.filter(|item| seen.insert(item.as_ref().map_or_else(|(name, _)| name.clone(), |item| item.key.clone()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_a_video_is_told_before_anything_is_sent() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("empty.mp4"), "").unwrap();
        std::fs::write(path("a.mp4"), "video").unwrap();
        let message = |path: &Path| Item::of_file(path).unwrap_err().message().to_owned();
        assert!(message(&path("none.mp4")).ends_with("is not there"));
        assert!(message(&path("empty.mp4")).ends_with("is empty"));
        assert!(message(folder.path()).ends_with("is a folder"));
        let item = Item::of_file(&path("a.mp4")).unwrap();
        assert_eq!((item.bytes, item.seconds, item.credits()), (Some(5), None, LEAST_CREDITS));
    }

    #[test]
    fn what_looks_like_something_else_is_not_billed() {
        let is_video = |name: &str, head: &[u8]| kind(Path::new(name), head).is_none();
        let sample = opusclip_sandbox::sample_video(0);
        assert!(is_video("sample", &sample), "whatever its name is");
        assert!(is_video("old.MPG", b"\xff\x01\x02\x03") && !is_video("old", b"\xff\x01\x02\x03"), "by its name");
        assert!(!is_video("page.mp4", b"<!doctype html><title>Not found"));
        assert!(!is_video("text.mp4", "caf\u{e9}".as_bytes().split_last().unwrap().1), "a character is cut");
        assert!(!is_video("zeros.mp4", &[0; 100]));
        assert!(!is_video("picture.mp4", b"\x89PNG\r\n\x1a\n\xff\xff\xff\xff"));
        for wrong in ["http://", "http://example.com/v.mp4", "ftp://x/y", "https://"] {
            assert!(Item::new(OsStr::new(wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn half_a_video_is_not_billed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("v.mp4");
        let check = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            Item::of_file(&path).unwrap().check_kind().map_err(|failure| failure.message().to_owned())
        };
        let video = opusclip_sandbox::sample_video(100_000);
        assert_eq!(check(&video), Ok(()));
        assert!(check(&video[..video.len() / 2]).unwrap_err().ends_with("is not whole: the file ends before its data does"));
        let ending = [&12_u32.to_be_bytes()[..], b"free", b"data"].concat();
        assert_eq!(check(&[&video[..], &ending].concat()), Ok(()));
        assert_eq!(check(&[&video[..], b"something behind it"].concat()), Ok(()), "nobody knows what that is");
        let head = [&16_u32.to_be_bytes()[..], b"ftyp", b"isommp42", &12_u32.to_be_bytes(), b"mdat", b"data"].concat();
        assert!(check(&head).unwrap_err().contains("`moov`"));
    }

    #[test]
    fn the_length_is_read_whatever_the_file_is_like() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("v.mp4");
        let seconds_of = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            seconds(&path, bytes.len() as u64)
        };
        let video = opusclip_sandbox::sample_video(0);
        let whole = seconds_of(&video).unwrap();
        assert!((1.0..600.0).contains(&whole), "{whole}");
        let boxed = |kind: &[u8], contents: &[u8]| [&u32::try_from(contents.len() + 8).unwrap().to_be_bytes()[..], kind, contents].concat();
        // Version 1 has 64 bits, here behind a box whose length has them, too.
        let large = [&1_u32.to_be_bytes()[..], b"mdat", &20_u64.to_be_bytes(), b"data"].concat();
        let version_1 = [&[1, 0, 0, 0][..], &[0; 16], &1000_u32.to_be_bytes(), &90_500_u64.to_be_bytes()].concat();
        let file = |header: &[u8]| [boxed(b"ftyp", b"isom"), large.clone(), boxed(b"moov", &boxed(b"mvhd", header))].concat();
        assert_eq!(seconds_of(&file(&version_1)), Some(90.5));
        let unknown = [&[0; 12][..], &1000_u32.to_be_bytes(), &[0xff; 4]].concat();
        assert_eq!(seconds_of(&file(&unknown)), None);
        assert_eq!(seconds_of(&file(&[0; 20])), None, "no time scale");
        // Broken ones end, without much memory.
        let mut random = fastrand::Rng::with_seed(1);
        for _ in 0..2000 {
            let mut broken = video[..random.usize(..=video.len().min(4096))].to_vec();
            for _ in 0..random.usize(..8) {
                if let Some(byte) = random.choose_multiple(0..broken.len(), 1).first().copied() {
                    broken[byte] = [0, 1, 0xff, random.u8(..)][random.usize(..4)];
                }
            }
            let _ = seconds_of(&broken);
        }
    }

    #[test]
    fn a_pattern_is_a_file_where_there_is_one_of_its_name() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.mp4", "a.mp4", "c[1].mp4"] {
            std::fs::write(folder.path().join(name), "video").unwrap();
        }
        let given = |name: &str| folder.path().join(name).into_os_string();
        assert_eq!(names(&[given("c[1].mp4")], None).unwrap(), [given("c[1].mp4")]);
        assert_eq!(names(&[given("[ab].mp4")], None).unwrap(), [given("a.mp4"), given("b.mp4")]);
        assert!(names(&[given("*.mov")], None).is_err());
        assert_eq!(items(&[given("a.mp4"), given("./a.mp4"), "https://example.com/*?x".into()], true).len(), 2);
    }

    #[test]
    fn a_minute_that_has_begun_counts() {
        let item = |seconds| Item { seconds: Some(seconds), ..Item::new(OsStr::new("https://example.com/v.mp4")).unwrap() };
        assert_eq!([1.0, 600.0, 600.1, 3600.0].map(|seconds| item(seconds).credits()), [10, 10, 11, 60]);
    }
}
