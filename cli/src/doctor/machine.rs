//! What is on this machine: the program itself, its state folder, room.

use std::path::{Path, PathBuf};

use super::Finding;
use crate::failure::{Code, Failure};
use crate::settings::state_folder;

/// Clips of one video take as much.
const LITTLE: u64 = 1 << 30;

pub(super) fn check() -> Vec<Finding> {
    let mut findings = vec![programs()];
    match state_folder(None) {
        Ok(folder) => findings.push(state(&folder)),
        Err(failure) => findings.push(Finding::fault("state folder", &failure)),
    }
    findings.push(space());
    findings
}

/// Which `opusclip` a shell takes.
fn programs() -> Finding {
    const CHECK: &str = "PATH";
    let name = format!("opusclip{}", std::env::consts::EXE_SUFFIX);
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let mut found: Vec<(PathBuf, PathBuf)> = Vec::new();
    for path in std::env::split_paths(&folders).map(|folder| folder.join(&name)).filter(|path| is_program(path)) {
        // The same one by two names is one.
        let whole = path.canonicalize().unwrap_or_else(|_| path.clone());
        if !found.iter().any(|(_, known)| *known == whole) {
            found.push((path, whole));
        }
    }
    let this = std::env::current_exe().and_then(|path| path.canonicalize()).ok();
    let is_this = |whole: &PathBuf| Some(whole) == this.as_ref();
    let others: Vec<String> = found.iter().filter(|(_, whole)| !is_this(whole)).map(|(path, _)| path.display().to_string()).collect();
    let this = this.as_ref().map_or_else(|| "this program".to_owned(), |path| path.display().to_string());
    match found.first() {
        None => Finding::ok(CHECK, format!("no `opusclip`; this one is {this}")),
        Some((first, whole)) if !is_this(whole) => Finding::warning(
            CHECK,
            format!("`opusclip` is {}, and this one is {this}; others: {}", first.display(), others.join(", ")),
            "change the order of PATH, or remove the other one: other programs have this name, too",
        ),
        Some(_) if !others.is_empty() => {
            Finding::warning(CHECK, format!("`opusclip` is this one; others: {}", others.join(", ")), "remove what is not used")
        }
        Some(_) => Finding::ok(CHECK, format!("`opusclip` is this one, {this}")),
    }
}

fn is_program(path: &Path) -> bool {
    let Ok(metadata) = std::fs::metadata(path) else { return false };
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;

        metadata.is_file() && metadata.permissions().mode() & 0o111 != 0
    }
    #[cfg(not(unix))]
    metadata.is_file()
}

/// Whether what is unfinished can be remembered. What is not there is not made.
fn state(folder: &Path) -> Finding {
    const CHECK: &str = "state folder";
    let there = existing(folder);
    let is_new = there != folder;
    let tried = match there.is_dir() {
        true => tempfile::tempfile_in(&there).map(drop),
        false => Err(std::io::Error::from(std::io::ErrorKind::NotADirectory)),
    };
    match tried {
        Ok(()) if is_new => Finding::ok(CHECK, format!("{}, which will be made", folder.display())),
        Ok(()) => Finding::ok(CHECK, format!("{} can be written into", folder.display())),
        Err(error) => {
            let what = format!("{} cannot be written into: {error}", there.display());
            let why = Failure::new(Code::General, format!("{what}; `opusclip clip` could not remember what is billed"));
            Finding::fault(CHECK, &why.with_next("look at its permissions, or name another folder in OPUSCLIP_STATE"))
        }
    }
}

/// Room for clips where they are put by default, and for what is remembered.
fn space() -> Finding {
    const CHECK: &str = "free space";
    let here = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."));
    let state = state_folder(None).map_or_else(|_| here.clone(), |folder| existing(&folder));
    let free = |path: &Path| fs4::available_space(path).ok().map(|free| (free, path.to_owned()));
    match [free(&here), free(&state)].into_iter().flatten().min_by_key(|(free, _)| *free) {
        None => Finding::skipped(CHECK, "not known: the system does not tell"),
        Some((free, path)) if free < LITTLE => Finding::warning(
            CHECK,
            format!("{} in {}", shown(free), path.display()),
            "make room: clips are downloaded there, or choose another folder with `--out`",
        ),
        Some((free, path)) => Finding::ok(CHECK, format!("{} in {}", shown(free), path.display())),
    }
}

fn shown(bytes: u64) -> String {
    indicatif::BinaryBytes(bytes).to_string()
}

/// The folder, or where it would be made.
fn existing(folder: &Path) -> PathBuf {
    folder.ancestors().find(|folder| folder.exists()).map_or_else(|| PathBuf::from("."), Path::to_owned)
}
