//! The OpenAPI document: what it says, where it says it, and whether an exchange keeps to it.
//!
//! Everything is judged in a closed world: a property, a parameter, a header, a status or a media
//! type that the document does not name is a violation.
//!
//! ```
//! use opusclip_conformance::exchange::{Body, Response};
//! use opusclip_conformance::spec::Spec;
//!
//! let spec = Spec::parse("books.yaml", r#"
//! openapi: 3.0.3
//! info: {title: Books, version: "1"}
//! paths:
//!   /books/{bookId}:
//!     get:
//!       operationId: get_book
//!       parameters: [{name: bookId, in: path, required: true, schema: {type: string}}]
//!       responses:
//!         "200":
//!           description: The book.
//!           content:
//!             application/json:
//!               schema: {type: object, properties: {title: {type: string}}}
//! "#)?;
//! let operation = spec.operation_for("GET", "/books/7").unwrap();
//! let response = Response {
//!     status: 200,
//!     headers: vec![("content-type".into(), "application/json".into())],
//!     body: Body(br#"{"titel": "Emma"}"#.to_vec()),
//! };
//! let found = spec.check_response(operation, &response);
//! assert_eq!(found[0].check, "F302");
//! assert_eq!(found[0].at, "/response/json/titel");
//! # Ok::<(), opusclip_conformance::spec::LoadError>(())
//! ```

mod check;
mod coverage;
mod cycle;
mod direction;
mod draft;
mod facet;
mod instance;
#[cfg(feature = "record")]
mod leaf;
mod lint;
mod locate;
mod model;
mod parameter;
mod pointer;
mod schema;
mod validator;
mod walk;

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;
use std::sync::OnceLock;

use serde_json::Value;

use self::coverage::Index;
use self::direction::{Views, Way};
use self::locate::Disagreement;
use self::schema::World;
use self::validator::{Checkers, Fault};
use crate::exchange::{Request, Response};
use crate::finding::Location;

pub use self::coverage::{Dimension, Inventory, Item};
pub(crate) use self::draft::{DraftBody, DraftRequest, DraftResponse, query as as_pairs, text as as_text};
#[cfg(feature = "record")]
pub(crate) use self::leaf::{Member, Schemas};
pub use self::locate::{Locator, read_yaml};
pub use self::model::Operation;
pub(crate) use self::model::{Credential, Media, Parameter, Payload, Place, Reply, Style, essence};
#[cfg(feature = "record")]
pub(crate) use self::pointer::{percent_decode, percent_encode};
pub(crate) use self::pointer::{reference, resolve};

/// The id of every check that this module can emit, in order.
///
/// `S102` is no violation but a [`LoadError`]: a document that repeats a key cannot be read.
pub const CHECKS: &[&str] = &[
    "S101", "S102", "S103", "S104", "S105", "S106", "S107", "S108", "S109", "S110", "S112", "S113", "S114", "S115", "S116", "F203", "F204",
    "F205", "F206", "F207", "F208", "F209", "F301", "F302", "F303", "F304", "F305", "F306",
];

/// A parsed OpenAPI 3.0 document with its validators, which are compiled when first needed.
pub struct Spec {
    document: Value,
    locator: Locator,
    disagreements: Vec<Disagreement>,
    operations: Vec<Operation>,
    checkers: Checkers,
    index: OnceLock<Index>,
    views: Views,
}

/// Why a document could not be loaded. Displays as one line: ``openapi.yaml:12:3: duplicate key `paths` ``.
#[derive(Debug)]
pub struct LoadError {
    file: String,
    location: Option<Location>,
    message: String,
}

impl LoadError {
    fn new(file: &str, location: Option<Location>, message: String) -> Self {
        Self { file: file.to_owned(), location, message }
    }

    /// Where it went wrong, where that is known.
    #[must_use]
    pub fn location(&self) -> Option<&Location> {
        self.location.as_ref()
    }

    /// What went wrong, without the place.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.location {
            Some(at) => write!(f, "{}:{}:{}: {}", at.file, at.line, at.column, self.message),
            None => write!(f, "{}: {}", self.file, self.message),
        }
    }
}

impl std::error::Error for LoadError {}

/// One departure of an exchange from the document, or of the document from good sense.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// Id of the check, as `F302`.
    pub check: &'static str,
    /// JSON pointer into the exchange, as `/response/json/data/0/x`; the same as `spec_at` for a
    /// lint (`S1xx`).
    pub at: String,
    /// JSON pointer into the document.
    pub spec_at: String,
    /// What was expected and what was found.
    pub message: String,
}

impl fmt::Debug for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: Vec<_> = self.operations.iter().map(|operation| &operation.id).collect();
        f.debug_struct("Spec").field("operations", &ids).finish_non_exhaustive()
    }
}

impl Spec {
    /// Reads the document at `path`.
    ///
    /// # Errors
    ///
    /// A file that cannot be read, and everything that [`Spec::parse`] refuses.
    pub fn load(path: &Path) -> Result<Self, LoadError> {
        let name = path.display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&name, &text),
            Err(error) => Err(LoadError::new(&name, None, format!("cannot be read: {error}"))),
        }
    }

    /// Reads a document from its text, YAML or JSON; `name` is what locations call the file.
    ///
    /// # Errors
    ///
    /// A text that is not YAML, a duplicate key, a merge key (`<<`), or a document that is not OpenAPI 3.0.
    pub fn parse(name: &str, text: &str) -> Result<Self, LoadError> {
        let (document, locator, disagreements) = locate::read_twice(name, text)?;
        let refuse = |pointer: &str, message: String| Err(LoadError::new(name, locator.locate(pointer), message));
        match document.get("openapi").map(|version| (version, version.as_str())) {
            Some((_, Some(version))) if version.starts_with("3.0.") => {}
            Some((version, _)) => {
                let message = format!("`openapi: {version}` is not supported; this reads \"3.0.x\"");
                return refuse("/openapi", message);
            }
            None => return refuse("", "no OpenAPI document: `openapi` is missing".to_owned()),
        }
        if !document.get("paths").is_some_and(Value::is_object) {
            return refuse("/paths", "`paths` is missing or no mapping".to_owned());
        }
        Ok(Self {
            operations: model::operations(&document),
            document,
            locator,
            disagreements,
            checkers: Checkers::default(),
            index: OnceLock::new(),
            views: OnceLock::new(),
        })
    }

    /// The document as JSON, references unresolved.
    #[must_use]
    pub fn document(&self) -> &Value {
        &self.document
    }

    /// Where the value at a JSON pointer stands, or its nearest ancestor that exists.
    #[must_use]
    pub fn locate(&self, pointer: &str) -> Option<Location> {
        self.locator.locate(pointer)
    }

    /// The operations, in the order of the document. Callbacks are none.
    #[must_use]
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// The operation with this operationId.
    #[must_use]
    pub fn operation(&self, id: &str) -> Option<&Operation> {
        self.operations.iter().find(|operation| operation.id == id)
    }

    /// The operation that a request with this method and path reaches; literal segments win over
    /// parameters, and an empty segment is no parameter.
    #[must_use]
    pub fn operation_for(&self, method: &str, path: &str) -> Option<&Operation> {
        let reached = |operation: &&Operation| {
            operation.method.eq_ignore_ascii_case(method)
                && operation.match_path(path).is_some_and(|values| values.iter().all(|(_, value)| !value.is_empty()))
        };
        self.operations.iter().filter(reached).min_by_key(|operation| operation.openness())
    }

    /// The server URLs of the document as a whole, without trailing slash; operations may have others.
    #[must_use]
    pub fn main_servers(&self) -> Vec<String> {
        model::own_servers(&self.document)
    }

    /// Every server URL that the document names, without trailing slash and without repeats.
    #[must_use]
    pub fn servers(&self) -> Vec<String> {
        model::servers(&self.document)
    }

    /// Compares a request with what the document says of `operation`, in a closed world.
    ///
    /// Bodies are `/request/json` when their media type is JSON, else `/request/text` or
    /// `/request/base64`, as a fixture calls them.
    #[must_use]
    pub fn check_request(&self, operation: &Operation, request: &Request) -> Vec<Violation> {
        self.request_violations(operation, request)
    }

    /// Compares a response with what the document says of `operation`, in a closed world.
    #[must_use]
    pub fn check_response(&self, operation: &Operation, response: &Response) -> Vec<Violation> {
        self.response_violations(operation, response)
    }

    /// Whether the value at `at`, a JSON pointer into the response body, may be left out: `false`
    /// for a property that the document requires there, `true` for everything else.
    #[must_use]
    pub fn may_be_absent(&self, operation: &Operation, response: &Response, at: &str) -> bool {
        self.view(Way::Response).optional_in_response(operation, response, at)
    }

    /// What is wrong with the document itself, by check and place.
    #[must_use]
    pub fn lint(&self) -> Vec<Violation> {
        self.lint_violations()
    }

    /// Everything that a suite can cover.
    #[must_use]
    pub fn inventory(&self) -> Inventory {
        self.index().inventory()
    }

    /// What one exchange covers; always a part of [`Spec::inventory`].
    #[must_use]
    pub fn touch(&self, operation: &Operation, request: Option<&Request>, response: Option<&Response>) -> BTreeSet<Item> {
        self.touched(operation, request, response)
    }

    fn index(&self) -> &Index {
        self.index.get_or_init(|| self.build_index())
    }

    fn faults(&self, schema: &str, value: &Value) -> Vec<Fault> {
        self.checkers.faults(&self.document, schema, World::Closed, value)
    }

    fn accepts(&self, schema: &str, world: World, value: &Value) -> bool {
        self.checkers.accepts(&self.document, schema, world, value)
    }
}
