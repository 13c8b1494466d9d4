//! Files that are for their owner alone, and whole or not there.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;

/// Replaces a file, with mode 0600; folders that are missing are made with mode 0700.
pub(crate) fn write(path: &Path, contents: &[u8]) -> io::Result<()> {
    // A link to the file, as programs for dotfiles make one, stays a link.
    let path = match path.canonicalize() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => path.to_owned(),
        whole => whole?,
    };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    folder_of_owner(folder)?;
    // Temporary files are for their owner alone.
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(contents)?;
    file.as_file().sync_all()?;
    file.persist(&path).map_err(|error| error.error)?;
    Ok(())
}

/// Keeps other processes from changing a file between its reading and its writing, until it is dropped.
pub(crate) fn lock(path: &Path) -> io::Result<File> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        folder_of_owner(folder)?;
    }
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let file = File::options().create(true).truncate(false).write(true).open(name)?;
    file.lock()?;
    Ok(file)
}

fn folder_of_owner(folder: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(folder)
}

/// The permissions of a file, where others than its owner have some.
#[cfg(unix)]
pub(crate) fn shared_mode(path: &Path) -> io::Result<Option<u32>> {
    use std::os::unix::fs::PermissionsExt as _;

    let mode = std::fs::metadata(path)?.permissions().mode() & 0o777;
    Ok((mode & 0o077 != 0).then_some(mode))
}

/// Windows keeps the folder of a user from others by itself.
#[cfg(not(unix))]
pub(crate) fn shared_mode(_: &Path) -> io::Result<Option<u32>> {
    Ok(None)
}
