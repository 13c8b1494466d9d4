//! All forms of a report in one folder.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use tempfile::{Builder, NamedTempFile};

use super::Report;

/// The names of the files that [`Report::write_dir`] writes.
pub const FILES: [&str; 7] = ["report.json", "report.txt", "junit.xml", "report.sarif", "report.html", "summary.md", "coverage.json"];

pub(super) fn write(report: &Report, folder: &Path) -> io::Result<()> {
    let texts = [
        report.to_json(),
        report.to_text(false),
        report.to_junit(),
        report.to_sarif(),
        report.to_html(),
        report.to_markdown(),
        report.to_coverage().to_json(),
    ];
    fs::create_dir_all(folder)?;
    // All of them are on the disk before the first takes its name.
    let mut written = Vec::with_capacity(FILES.len());
    for (name, text) in FILES.into_iter().zip(&texts) {
        written.push((folder.join(name), beside(folder, text)?));
    }
    for (path, file) in written {
        file.persist(path).map_err(|error| error.error)?;
    }
    Ok(())
}

/// A file of another name in the same folder, so that renaming it is one step.
pub(crate) fn beside(folder: &Path, text: &str) -> io::Result<NamedTempFile> {
    let mut builder = Builder::new();
    builder.prefix(".conformance-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // As any other new file: the umask takes away what it takes away.
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    Ok(file)
}
