//! A start: one fixture, or a whole project, made from the document.

mod draft;
mod project;

use std::fmt;

pub use self::draft::{Draft, draft, nearest};
pub use self::project::{File, Layout, Project, project};

/// Why nothing can be made. Displays as one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScaffoldError(pub(crate) String);

impl fmt::Display for ScaffoldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ScaffoldError {}
