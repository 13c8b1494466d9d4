//! What came of all videos, as data, and as one exit code.

use opusclip::{ClipDownload, DownloadOutcome};
use serde_json::{Value, json};

use super::item::End;
use crate::failure::{Code, Failure};

/// The columns of the table at the end. The titles are in the names of the files.
pub(crate) const COLUMNS: [&str; 3] = ["source", "size", "file"];

/// All that a row has.
pub(crate) const OF_A_ROW: [&str; 10] = ["source", "project", "clip", "title", "state", "file", "bytes", "sha256", "error", "size"];

/// All that the data has.
pub(crate) const OF_THE_DATA: [&str; 6] = ["source", "state", "project", "folder", "clips", "error"];

/// A row for each clip, for a table.
pub(crate) fn rows(end: &End) -> Vec<Value> {
    let source = &end.item.name;
    let project = end.project.as_ref().map(ToString::to_string);
    let clips = end.report.as_ref().map(|report| report.clips()).unwrap_or_default();
    let rows = clips.iter().map(|clip| {
        let mut row = json!({"source": source, "project": project});
        if let (Value::Object(row), Value::Object(clip)) = (&mut row, data_of(clip)) {
            row.extend(clip);
        }
        short(row)
    });
    rows.collect()
}

/// A row as a table has room for it.
pub(crate) fn short(mut row: Value) -> Value {
    row["file"] = row["file"].as_str().map(near).into();
    row["size"] = row["bytes"].as_u64().map(|bytes| indicatif::HumanBytes(bytes).to_string()).into();
    row
}

/// A path as short as it can be given to another command.
fn near(path: &str) -> String {
    let here = std::env::current_dir().ok();
    let near = here.and_then(|here| Some(std::path::Path::new(path).strip_prefix(here).ok()?.display().to_string()));
    near.unwrap_or_else(|| path.to_owned())
}

/// All that is known of a video.
pub(crate) fn data(end: &End) -> Value {
    let clips = end.report.as_ref().map(|report| report.clips()).unwrap_or_default();
    let error = end.result.as_ref().err();
    json!({
        "source": end.item.name,
        "state": match &end.result {
            Ok(state) => state,
            Err(_) if end.is_held_back => "not_begun",
            Err(_) if end.project.is_some() => "incomplete",
            Err(_) => "failed",
        },
        "project": end.project.as_ref().map(ToString::to_string),
        "folder": end.report.as_ref().map(|report| report.folder().display().to_string()),
        "clips": clips.iter().map(data_of).collect::<Vec<_>>(),
        "error": error.map(|failure| json!({"exitCode": failure.code.number(), "message": failure.message(), "next": failure.next()})),
    })
}

/// All that is known of a clip that was downloaded.
pub(crate) fn data_of(clip: &ClipDownload) -> Value {
    let (state, file, error) = match &clip.outcome {
        DownloadOutcome::Saved(file) => ("saved", Some(file), None),
        DownloadOutcome::AlreadyThere(file) => ("already_there", Some(file), None),
        DownloadOutcome::Failed(error) => ("failed", None, Some(error.to_string())),
        _ => ("no_link", None, None),
    };
    json!({
        "clip": clip.id.to_string(),
        "title": clip.title,
        "state": state,
        "file": file.map(|file| file.path.display().to_string()),
        "bytes": file.map(|file| file.size),
        "sha256": file.map(|file| &file.sha256),
        "error": error,
    })
}

/// How it ended, for all of them together.
pub(crate) fn verdict(failures: &[&Failure], whole: usize) -> Result<(), Failure> {
    let Some(first) = failures.first() else { return Ok(()) };
    if whole == 1 {
        return Err((*first).clone());
    }
    let message = format!("{} of {whole} videos are not done", failures.len());
    let next = "run the same command again: what is done stays, and nothing is billed twice";
    let is_partial = failures.len() < whole || failures.iter().any(|failure| failure.code == Code::Partial);
    let is_same = failures.iter().all(|failure| failure.code == first.code);
    let code = match (is_partial, is_same) {
        (true, _) => Code::Partial,
        (false, true) => first.code,
        (false, false) => Code::General,
    };
    Err(Failure::new(code, message).with_next(next))
}
