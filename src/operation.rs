//! The operation table: what `openapi.yaml` says of each operation, as data.
//!
//! ```
//! let billed: Vec<&str> = opusclip::operation::OPERATIONS.iter().filter(|operation| operation.billed).map(|operation| operation.id).collect();
//! assert!(billed.contains(&"create_project"));
//! ```

/// One operation of the API.
#[derive(Debug)]
#[non_exhaustive]
pub struct Operation {
    /// The operationId, which is also the name of the method on [`Client`](crate::Client).
    pub id: &'static str,
    /// HTTP method, upper case.
    pub method: &'static str,
    /// Path template, as `/api/clip-projects/{projectId}`.
    pub path: &'static str,
    /// The group that it belongs to.
    pub tag: &'static str,
    /// What it does, in a few words.
    pub summary: &'static str,
    /// Its parameters, without the body.
    pub parameters: &'static [Parameter],
    /// Whether it takes a JSON body.
    pub json_body: bool,
    /// Whether it consumes credits of the account.
    pub billed: bool,
    /// Whether sending it twice has the same effect as sending it once.
    pub idempotent: bool,
    /// The limit that it counts against.
    pub rate: Rate,
    /// Statuses of success that are documented.
    pub success: &'static [u16],
    /// Error statuses that are documented or observed.
    pub errors: &'static [u16],
    /// Whether it goes to the storage, without the API key, instead of the API.
    pub storage: bool,
}

/// A parameter of an operation.
#[derive(Debug)]
#[non_exhaustive]
pub struct Parameter {
    /// Its name on the wire.
    pub name: &'static str,
    /// Where it stands.
    pub place: Place,
    /// Whether the service needs it.
    pub required: bool,
}

/// Where a parameter stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A segment of the path.
    Path,
    /// The query string.
    Query,
    /// A header.
    Header,
}

/// A rate limit: so many requests in so many seconds, for all operations of the class together.
#[derive(Debug)]
#[non_exhaustive]
pub struct Rate {
    /// The name of the class, as `core`.
    pub class: &'static str,
    /// Requests in the window; 0 means no limit is known.
    pub requests: u32,
    /// The length of the window, in seconds.
    pub seconds: u32,
}

impl Operation {
    /// The operation of this id.
    #[must_use]
    pub fn find(id: &str) -> Option<&'static Self> {
        OPERATIONS.iter().copied().find(|operation| operation.id == id)
    }
}

include!(concat!(env!("OUT_DIR"), "/operations.rs"));
