//! What shall be clipped: files, addresses, patterns, lists.

use std::collections::HashSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use crate::failure::{Code, Failure};

/// What a video costs at least, in credits (documented; facts 5).
pub(crate) const LEAST_CREDITS: u64 = 10;

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
    pub(crate) fn new(name: &str) -> Result<Self, Failure> {
        if is_url(name) {
            return Ok(Self {
                name: name.to_owned(),
                source: Source::Url(name.to_owned()),
                key: name.to_owned(),
                bytes: None,
                seconds: None,
            });
        }
        Self::of_file(Path::new(name))
    }

    pub(crate) fn of_file(path: &Path) -> Result<Self, Failure> {
        let name = path.display().to_string();
        let wrong = |what: &str, next: &str| Failure::usage(format!("{name} {what}"), next);
        let fault = |error: &std::io::Error| match error.kind() {
            std::io::ErrorKind::NotFound => wrong("is not there", "look at the name; a pattern in quotes, as '*.mp4', is expanded here"),
            _ => Failure::io(&name, error).with_code(Code::Usage),
        };
        let metadata = path.metadata().map_err(|error| fault(&error))?;
        if metadata.is_dir() {
            return Err(wrong("is a folder", &format!("give the videos in it, as '{}/*.mp4', or `--watch` it", path.display())));
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
        let key = format!("{}|{}|{}", whole.display(), metadata.len(), modified.as_nanos());
        let seconds = seconds(path, metadata.len());
        Ok(Self { name, source: Source::File(path.to_owned()), key, bytes: Some(metadata.len()), seconds })
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

/// What the head of an MP4 says of its length.
fn seconds(path: &Path, size: u64) -> Option<f64> {
    let ending = path.extension()?.to_str()?.to_ascii_lowercase();
    if !["mp4", "m4v", "mov"].contains(&ending.as_str()) {
        return None;
    }
    let header = re_mp4::Mp4::read(File::open(path).ok()?, size).ok()?.moov.mvhd;
    #[allow(clippy::cast_precision_loss, reason = "no video is that long")]
    let seconds = header.duration as f64 / f64::from(header.timescale);
    (header.timescale > 0 && header.duration < u64::from(u32::MAX)).then_some(seconds)
}

fn is_url(text: &str) -> bool {
    text.split_once("://")
        .is_some_and(|(scheme, _)| !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte)))
}

/// The names that are meant, in order: patterns expanded, lists read.
pub(crate) fn names(given: &[String], list: Option<&Path>) -> Result<Vec<String>, Failure> {
    let mut names = Vec::new();
    for text in given {
        if is_url(text) || !text.contains(['*', '?', '[']) || Path::new(text).exists() {
            names.push(text.clone());
            continue;
        }
        let paths = glob::glob(text)
            .map_err(|error| Failure::usage(format!("the pattern {text:?} is wrong: {error}"), "write one like '*.mp4'"))?;
        let mut found: Vec<String> =
            paths.filter_map(Result::ok).filter(|path| path.is_file()).map(|path| path.display().to_string()).collect();
        if found.is_empty() {
            return Err(Failure::usage(format!("the pattern {text:?} meets no file"), "look at the folder that it begins in"));
        }
        names.append(&mut found);
    }
    if let Some(list) = list {
        let text = if list.as_os_str() == "-" { std::io::read_to_string(std::io::stdin()) } else { std::fs::read_to_string(list) };
        let text = text.map_err(|error| Failure::io(format_args!("--from {}", list.display()), &error).with_code(Code::Usage))?;
        let before = names.len();
        names.extend(text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned));
        if names.len() == before {
            return Err(Failure::usage(format!("--from {} has no line", list.display()), "write a file or an address in each line"));
        }
    }
    Ok(names)
}

/// The videos of these names; what is wrong with one of them does not hold up the others.
pub(crate) fn items(names: &[String]) -> Vec<Result<Item, (String, Failure)>> {
    let mut seen = HashSet::new();
    let items = names.iter().map(|name| Item::new(name).map_err(|failure| (name.clone(), failure)));
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
    fn a_pattern_is_a_file_where_there_is_one_of_its_name() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.mp4", "a.mp4", "c[1].mp4"] {
            std::fs::write(folder.path().join(name), "video").unwrap();
        }
        let given = |name: &str| folder.path().join(name).display().to_string();
        assert_eq!(names(&[given("c[1].mp4")], None).unwrap(), [given("c[1].mp4")]);
        assert_eq!(names(&[given("[ab].mp4")], None).unwrap(), [given("a.mp4"), given("b.mp4")]);
        assert!(names(&[given("*.mov")], None).is_err());
        assert_eq!(items(&[given("a.mp4"), given("./a.mp4"), "https://example.com/*?x".to_owned()]).len(), 2);
    }

    #[test]
    fn a_minute_that_has_begun_counts() {
        let item = |seconds| Item { seconds: Some(seconds), ..Item::new("https://example.com/v.mp4").unwrap() };
        assert_eq!([1.0, 600.0, 600.1, 3600.0].map(|seconds| item(seconds).credits()), [10, 10, 11, 60]);
    }
}
