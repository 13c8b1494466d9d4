//! What a person has looked at and lets stand.

use std::path::Path;

use serde::Deserialize;

use crate::json;
use crate::spec::{LoadError, read_yaml};

/// One reviewed place: its values are recorded as they are.
///
/// ```yaml
/// - operation: list_books
///   at: /response/json/data/*/title      # a place in the fixture; * stands for any index or name
///   why: titles of books are public
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeepEntry {
    /// The operationId.
    pub operation: String,
    /// JSON pointer into the fixture, as `/response/json/data/*/title`, `/request/query/page`, `/request/path/bookId`.
    pub at: String,
    /// Why that gives nothing away.
    pub why: String,
}

/// The reviewed places of a file.
///
/// ```
/// use opusclip_conformance::record::Keep;
///
/// let text = "- {operation: list_books, at: /response/json/data/*/title, why: titles are public}";
/// assert_eq!(Keep::parse("keep.yaml", text).map(|keep| keep.entries.len()), Ok(1));
///
/// let error = Keep::parse("keep.yaml", "- {operation: list_books}").unwrap_err();
/// assert!(error.starts_with("keep.yaml:1:3: "), "{error}");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keep {
    /// The entries, in the order of the file.
    pub entries: Vec<KeepEntry>,
}

impl Keep {
    /// Reads a file of reviewed places.
    ///
    /// # Errors
    ///
    /// One line that names the file, and what [`Keep::parse`] refuses.
    pub fn load(path: &Path) -> Result<Self, String> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| format!("{name}: {error}"))?;
        Self::parse(&name, &text)
    }

    /// Reads reviewed places from a text; `name` is what errors call the file.
    ///
    /// # Errors
    ///
    /// One line, with the place, for a text that is no list of `{operation, at, why}`, or an entry without a reason.
    pub fn parse(name: &str, text: &str) -> Result<Self, String> {
        let (value, locator) = read_yaml(name, text).map_err(|error: LoadError| error.to_string())?;
        let Some(list) = value.as_array() else {
            return Err(format!("{name}: a list of entries {{operation, at, why}} is expected"));
        };
        let mut entries = Vec::with_capacity(list.len());
        for (index, value) in list.iter().enumerate() {
            let place = locator.locate(&format!("/{index}")).map_or_else(|| name.to_owned(), |at| at.to_string());
            let entry: KeepEntry =
                serde_json::from_value(value.clone()).map_err(|error| format!("{place}: {error}; an entry is {{operation, at, why}}"))?;
            if entry.why.trim().is_empty() {
                return Err(format!("{place}: `why` is empty; say why this gives nothing away"));
            }
            if !(entry.at.starts_with("/request/") || entry.at.starts_with("/response/")) {
                return Err(format!("{place}: `at` begins with /request/ or /response/, as /response/json/data/*/title"));
            }
            if json::tokens(&entry.at).any(|token| token == "**") {
                return Err(format!("{place}: `**` would let whole parts stand; name each place"));
            }
            entries.push(entry);
        }
        Ok(Self { entries })
    }

    /// The entry that lets the value at `at` stand.
    pub(super) fn covers(&self, operation: &str, at: &str) -> Option<&KeepEntry> {
        self.entries.iter().find(|entry| entry.operation == operation && json::glob(&entry.at, at))
    }
}
