//! `conformance init`: a first project from a document.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use opusclip_conformance::scaffold::{File, Layout, project};

use super::{ENGINE, Failure, Files, Output, WAIVERS, talk};

/// So many days the waivers of a new project hold.
const DAYS: u64 = 90;

#[derive(Args, Debug)]
pub(super) struct Init {
    /// The root of the project; a document from elsewhere is copied into it.
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,
    /// Print what would be written, and write nothing.
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn run(files: &Files, arguments: &Init) -> Result<Output, Failure> {
    let spec = files.spec()?;
    let root = &arguments.dir;
    let below = below(root, &files.spec);
    let layout = Layout {
        spec: below.clone().unwrap_or_else(|| Layout::default().spec),
        fixtures: files.fixtures.clone(),
        waivers: files.waivers.clone().unwrap_or_else(|| WAIVERS.into()),
    };
    if let Some(path) = [&layout.fixtures, &layout.waivers].into_iter().find(|path| path.is_absolute()) {
        let message = format!("{}: name a place below the root of the project, which --dir gives", path.display());
        return Err(Failure::usage(message));
    }
    let made = project(&spec, &layout, files.today().plus_days(DAYS)).map_err(|error| Failure::usage(error.to_string()))?;
    let mut all = Vec::new();
    if below.is_none() {
        let text = fs::read_to_string(&files.spec).map_err(|error| Failure::usage(format!("{}: {error}", files.spec.display())))?;
        all.push(File { path: layout.spec.clone(), text });
    }
    all.extend(made.files);
    for (operation, reason) in &made.left_out {
        talk(&format!("{operation} is left out, it needs your hand: {reason}"));
    }
    let placed: Vec<File> = all.into_iter().map(|file| File { path: tidy(&root.join(file.path)), text: file.text }).collect();
    let names: Vec<String> = placed.iter().map(|file| format!("{}\n", file.path.display())).collect();
    if arguments.dry_run {
        refuse_existing(&placed, OTHERWISE)?;
        talk("nothing was written, as --dry-run says");
        return Ok(Output::good(names.concat()));
    }
    write_new(&placed, OTHERWISE)?;
    let (items, flags) = (made.waived, layout.flags());
    let place = if root == Path::new(".") { String::new() } else { format!(", in {}", root.display()) };
    talk(&format!("{items} waivers say what the fixtures do not show yet; next{place}: conformance check{flags}"));
    Ok(Output::good(names.concat()))
}

const OTHERWISE: &str = "move it away, or give another --dir";

/// The document's path below the root, if it stands there.
fn below(root: &Path, spec: &Path) -> Option<PathBuf> {
    let (root, spec) = (fs::canonicalize(root).ok()?, fs::canonicalize(spec).ok()?);
    spec.strip_prefix(root).ok().map(Path::to_path_buf)
}

fn tidy(path: &Path) -> PathBuf {
    path.strip_prefix(".").map_or_else(|_| path.to_path_buf(), Path::to_path_buf)
}

fn refuse_existing(files: &[File], otherwise: &str) -> Result<(), Failure> {
    let mut there = files.iter().filter(|file| file.path.symlink_metadata().is_ok());
    let Some(first) = there.next() else { return Ok(()) };
    let more = there.count();
    let more = if more > 0 { format!(", and so are {more} more of the files to write") } else { String::new() };
    Err(Failure::usage(format!("{} is there already{more}; nothing was written: {otherwise}", first.path.display())))
}

/// Writes files that must not be there yet: each of them whole or not at all.
pub(super) fn write_new(files: &[File], otherwise: &str) -> Result<(), Failure> {
    refuse_existing(files, otherwise)?;
    for file in files {
        file.write_new().map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => Failure::usage(format!("{} is there already: {otherwise}", file.path.display())),
            _ => Failure { message: format!("{} cannot be written: {error}", file.path.display()), code: ENGINE },
        })?;
    }
    Ok(())
}
