//! Videos that are put into a folder.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tokio::sync::mpsc::UnboundedSender;

use super::batch::Shared;
use super::inputs::{Item, is_named_like_a_video};
use super::ledger::State;
use crate::failure::{Code, Failure};

/// How often the folder is looked at.
const BETWEEN_LOOKS: Duration = Duration::from_secs(5);

/// A file as it was at a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    /// It may still be written.
    As(u64, SystemTime),
    /// It was handed over.
    Taken(u64, SystemTime),
}

/// Hands over each video once it was the same at two looks, and not done in an earlier run. Ends only by what goes wrong.
pub(crate) async fn watch(folder: &Path, shared: &Shared, found: UnboundedSender<Item>) -> Failure {
    let mut seen = HashMap::new();
    loop {
        let steady = match look(folder, &mut seen) {
            Ok(steady) => steady,
            Err(error) => return Failure::io(format_args!("--watch {}", folder.display()), &error).with_code(Code::Usage),
        };
        for path in steady {
            let looked_at = Item::of_file(&path).and_then(|item| match shared.options.takes_any_file {
                true => Ok(item),
                false => item.check_kind().map(|()| item),
            });
            match looked_at {
                Ok(item) => {
                    let item = Item { seconds: shared.options.project.seconds_of(item.seconds), ..item };
                    let known = shared.ledger.known(&item.key);
                    shared.remember(known.map_or(0, |known| known.credits));
                    let is_done = known.is_some_and(|known| match known.state {
                        State::Done => true,
                        State::Ready => !shared.options.downloads,
                        _ => false,
                    });
                    if !is_done && found.send(item).is_err() {
                        return Failure::new(Code::General, "nobody takes the videos");
                    }
                }
                Err(failure) => shared.screen.failed(&path.display().to_string(), &format!("left alone: {failure}")),
            }
        }
        shared.clock.sleep(BETWEEN_LOOKS).await;
    }
}

/// The videos that have not changed since the last look.
fn look(folder: &Path, seen: &mut HashMap<PathBuf, Seen>) -> std::io::Result<Vec<PathBuf>> {
    let (mut steady, mut there) = (Vec::new(), HashMap::new());
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        // What else lies in folders is left alone.
        let is_video = is_named_like_a_video(&path);
        let is_hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        // What is gone again is nobody's fault.
        let Some(metadata) = path.metadata().ok().filter(|metadata| is_video && !is_hidden && metadata.is_file()) else { continue };
        let now = (metadata.len(), metadata.modified()?);
        let state = match seen.get(&path) {
            Some(Seen::Taken(size, time)) if (*size, *time) == now => Seen::Taken(now.0, now.1),
            Some(Seen::As(size, time)) if (*size, *time) == now && now.0 > 0 => {
                steady.push(path.clone());
                Seen::Taken(now.0, now.1)
            }
            _ => Seen::As(now.0, now.1),
        };
        there.insert(path, state);
    }
    *seen = there;
    steady.sort();
    Ok(steady)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_video_is_taken_once_it_has_come_to_rest() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.MP4");
        let mut seen = HashMap::new();
        std::fs::write(folder.path().join("notes.txt"), "x").unwrap();
        std::fs::write(folder.path().join(".b.mp4"), "x").unwrap();
        std::fs::write(&path, "half").unwrap();
        assert!(look(folder.path(), &mut seen).unwrap().is_empty());
        std::fs::write(&path, "half and half").unwrap();
        assert!(look(folder.path(), &mut seen).unwrap().is_empty(), "it has grown");
        assert_eq!(look(folder.path(), &mut seen).unwrap(), std::slice::from_ref(&path));
        assert!(look(folder.path(), &mut seen).unwrap().is_empty(), "it was taken");
        std::fs::write(&path, "another video").unwrap();
        std::fs::File::open(&path).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
        assert!(look(folder.path(), &mut seen).unwrap().is_empty());
        assert_eq!(look(folder.path(), &mut seen).unwrap(), [path], "a new one of the same name");
    }
}
