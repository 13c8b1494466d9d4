//! A folder of fixtures, read with the place of every value.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use serde_json::Value;

use crate::exchange::{Request, Response};
use crate::finding::{Finding, Location};
use crate::fixture::{Fixture, fixture_schema, lower};
use crate::json;
use crate::shape::Shape;
use crate::spec::{Locator, read_yaml};

/// Why a folder of fixtures could not be read at all. Displays as one line.
#[derive(Debug)]
pub struct SuiteError {
    path: String,
    message: String,
}

impl SuiteError {
    pub(crate) fn new(path: &Path, message: String) -> Self {
        Self { path: show(path), message }
    }
}

impl fmt::Display for SuiteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.message)
    }
}

impl std::error::Error for SuiteError {}

/// One fixture and the file it stands in.
#[derive(Clone, Debug)]
pub struct Case {
    /// What the file says.
    pub fixture: Fixture,
    /// The file, as it was given to the harness.
    pub file: String,
    /// The id that the file's path asks for.
    pub path_id: String,
    /// The file as JSON.
    pub source: Value,
    locator: Locator,
}

impl Case {
    /// Where something stands in the file. Besides plain JSON pointers this understands those of the spec's checks, which
    /// give query parameters and headers by name.
    #[must_use]
    pub fn locate(&self, at: &str) -> Option<Location> {
        self.locator.locate(&self.source_pointer(at))
    }

    /// Turns `/request/query/NAME` and `/request/headers/name` into pointers of the file.
    fn source_pointer(&self, at: &str) -> String {
        let parts: Vec<String> = json::tokens(at).collect();
        let [side, kind, name, ..] = parts.as_slice() else { return at.to_owned() };
        let Some(place) = self.source.get(side).and_then(|side| side.get(kind)) else { return at.to_owned() };
        match (kind.as_str(), place) {
            ("query", Value::Array(pairs)) => {
                let index = pairs.iter().position(|pair| pair.get(0).and_then(Value::as_str) == Some(name));
                index.map_or_else(|| "/request/query".to_owned(), |index| format!("/request/query/{index}"))
            }
            ("headers", Value::Object(headers)) => {
                let key = headers.keys().find(|key| key.eq_ignore_ascii_case(name));
                key.map_or_else(|| at.to_owned(), |key| json::join(&format!("/{side}/headers"), key))
            }
            _ => at.to_owned(),
        }
    }

    /// A finding of the check `id` at a pointer of this fixture.
    #[must_use]
    pub fn finding(&self, id: &'static str, at: &str, message: impl Into<String>) -> Finding {
        let mut finding = Finding::new(id, message).with_pointer(at).with_location(self.locate(at));
        finding.fixture = Some(self.fixture.id.clone());
        finding
    }

    /// The request that the fixture states. Headers that are only required to be there are left out.
    #[must_use]
    pub fn request(&self) -> Option<Request> {
        self.fixture.request.as_ref().map(|request| Request {
            method: request.method.clone(),
            path: request.path.clone(),
            query: request.query.clone(),
            headers: lower(&request.headers),
            body: request.body(),
        })
    }

    /// The response that the fixture states; `None` for a fault and where nothing is sent.
    #[must_use]
    pub fn response(&self) -> Option<Response> {
        self.fixture.response.as_ref()?.to_response()
    }
}

/// The fixtures of a folder, and the files that are none.
#[derive(Clone, Debug, Default)]
pub struct Suite {
    /// The fixtures, sorted by path.
    pub cases: Vec<Case>,
    /// What is wrong with files that could not be read as fixtures. They count as findings of every run.
    pub broken: Vec<Finding>,
    is_partial: bool,
}

impl Suite {
    /// Reads every `*.yaml` below a folder. A file that is not a fixture becomes a finding, never a silent skip.
    ///
    /// ```no_run
    /// use std::path::Path;
    ///
    /// use opusclip_conformance::suite::Suite;
    ///
    /// let suite = Suite::load(Path::new("tests/fixtures"))?;
    /// println!("{} fixtures", suite.cases.len());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// A folder that cannot be listed, or that holds no fixture.
    pub fn load(folder: &Path) -> Result<Self, SuiteError> {
        let mut files = Vec::new();
        list(folder, &mut files).map_err(|(path, error)| SuiteError::new(&path, error.to_string()))?;
        if files.is_empty() {
            return Err(SuiteError::new(folder, "no *.yaml file below this folder".into()));
        }
        let mut suite = Self::default();
        for file in files {
            let relative = file.strip_prefix(folder).unwrap_or(&file);
            let path_id = show(&relative.with_extension(""));
            if file.extension().is_some_and(|extension| extension == "yml") {
                let message = "this file would be skipped: fixtures end in .yaml";
                suite.broken.push(broken(&show(&file), &path_id, message));
                continue;
            }
            match fs::read_to_string(&file) {
                Ok(text) => suite.add(&show(&file), &path_id, &text),
                Err(error) => suite.broken.push(broken(&show(&file), &path_id, error.to_string())),
            }
        }
        Ok(suite)
    }

    /// Adds one fixture from its text; `path_id` is the id that its path asks for.
    pub fn add(&mut self, file: &str, path_id: &str, text: &str) {
        let (source, locator) = match read_yaml(file, text) {
            Ok(read) => read,
            Err(error) => {
                let mut finding = broken(file, path_id, error.message());
                finding.at = error.location().cloned().or(finding.at);
                self.broken.push(finding);
                return;
            }
        };
        let wrong = SHAPE.misshapen(&source);
        if wrong.is_empty() {
            match serde_json::from_value::<Fixture>(source.clone()) {
                Ok(fixture) => {
                    let (file, path_id) = (file.to_owned(), path_id.to_owned());
                    self.cases.push(Case { fixture, file, path_id, source, locator });
                }
                Err(error) => self.broken.push(broken(file, path_id, error.to_string())),
            }
        }
        self.broken.extend(wrong.into_iter().map(|(at, message)| {
            let mut finding = broken(file, path_id, message);
            finding.at = locator_of(&at, file, text).or(finding.at);
            finding.with_pointer(at)
        }));
    }

    /// The fixture with this id.
    #[must_use]
    pub fn case(&self, id: &str) -> Option<&Case> {
        self.cases.iter().find(|case| case.fixture.id == id)
    }

    /// Every fixture id, in order.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.cases.iter().map(|case| case.fixture.id.as_str())
    }

    /// Whether something was taken out, so that coverage can no longer be judged.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        self.is_partial
    }

    /// Keeps what `keep` says yes to; it is given the file and the id.
    pub fn retain(&mut self, keep: impl Fn(&str, &str) -> bool) {
        self.is_partial = true;
        self.cases.retain(|case| keep(&case.file, &case.fixture.id));
        self.broken.retain(|finding| {
            let file = finding.at.as_ref().map_or("", |at| at.file.as_str());
            keep(file, finding.fixture.as_deref().unwrap_or_default())
        });
    }

    /// How many files there are, fixtures or not.
    #[must_use]
    pub fn files(&self) -> usize {
        let mut broken: Vec<_> = self.broken.iter().filter_map(|finding| finding.fixture.as_deref()).collect();
        broken.dedup();
        self.cases.len() + broken.len()
    }
}

/// Reads the text a second time, as a locator is used up by the case that it belongs to.
fn locator_of(at: &str, file: &str, text: &str) -> Option<Location> {
    Locator::parse(file, text).ok()?.locate(at)
}

fn broken(file: &str, path_id: &str, message: impl Into<String>) -> Finding {
    let at = Location { file: file.to_owned(), line: 1, column: 1 };
    let mut finding = Finding::new("F201", message).with_location(Some(at));
    finding.fixture = Some(path_id.to_owned());
    finding
}

/// Lists the files below a folder in order of their paths; hidden ones are left out.
pub(crate) fn list(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), (PathBuf, std::io::Error)> {
    let fail = |error| (folder.to_path_buf(), error);
    let mut entries = fs::read_dir(folder).map_err(fail)?.collect::<Result<Vec<_>, _>>().map_err(fail)?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        // A link to a folder is not followed, so that a loop of links ends.
        let is_folder = entry.file_type().map_err(|error| (path.clone(), error))?.is_dir();
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        if is_folder {
            list(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml") {
            files.push(path);
        }
    }
    Ok(())
}

/// The path with forward slashes, on every system.
pub(crate) fn show(path: &Path) -> String {
    path.display().to_string().replace('\\', "/")
}

static SHAPE: LazyLock<Shape> = LazyLock::new(|| Shape::new(fixture_schema()));
