use std::fmt;
use std::marker::PhantomData;

use serde::{Deserialize, Deserializer, Serialize};

use super::{ClipId, ProjectId};
use crate::{Error, operation::Operation};

/// An identifier of the service: an opaque string with a type of its own, so that two kinds cannot be mixed up.
macro_rules! id {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The identifier as it goes over the wire.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(value: &str) -> Self {
                Self(value.to_owned())
            }
        }

        impl From<String> for $name {
            fn from(value: String) -> Self {
                Self(value)
            }
        }

        impl From<&$name> for $name {
            fn from(value: &$name) -> Self {
                value.clone()
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(&self.0)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str($crate::types::text::Visitor(std::marker::PhantomData))
            }
        }
    };
}

/// Refuses a path parameter that would leave its segment of the path and reach another operation.
pub(crate) fn check_segment(operation: &'static Operation, name: &str, value: &str) -> Result<(), Error> {
    let problem = match value {
        "" => "is empty",
        "." | ".." => "would change the path",
        // To a URL parser a backslash is a slash.
        _ if value.contains('\\') => "contains a backslash, which would change the path",
        _ if value.chars().any(char::is_control) => "contains a control character",
        _ => return Ok(()),
    };
    Err(Error::input(operation, format!("`{name}` {problem}; expected the id that the service gave")))
}

/// The full id of a clip: `{projectId}.{clipId}`.
///
/// ```
/// use opusclip::types::{ClipId, FullClipId};
///
/// let id = FullClipId::new("P0000000demo", "CUexample1_bonus.2");
/// assert_eq!(id.as_str(), "P0000000demo.CUexample1_bonus.2");
/// assert_eq!(id.clip(), ClipId::from("CUexample1_bonus.2"));
/// ```
///
/// Collections take the full id; posts, captions and censoring take the bare [`ClipId`] with the [`ProjectId`] beside it
/// (C28). A bare id may contain dots, so the first dot is the one that separates. Decoding keeps whatever the service
/// sends, also a bare id where a full one is documented; then [`project`](Self::project) is `None`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct FullClipId(String);

impl FullClipId {
    /// Joins the ids of a project and of a clip in it.
    #[must_use]
    pub fn new(project: impl Into<ProjectId>, clip: impl Into<ClipId>) -> Self {
        Self(format!("{}.{}", project.into(), clip.into()))
    }

    /// Reads a full id, `{projectId}.{clipId}`.
    ///
    /// # Errors
    ///
    /// [`Error::is_invalid_input`] if there is no dot, or nothing on one of its sides.
    pub fn parse(id: &str) -> Result<Self, Error> {
        let full = Self(id.to_owned());
        if full.is_full() { Ok(full) } else { Err(Error::input(None, full.problem("clip id"))) }
    }

    /// The id as it goes over the wire.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The project's part, if there is one.
    #[must_use]
    pub fn project(&self) -> Option<ProjectId> {
        self.0.split_once('.').map(|(project, _)| ProjectId::from(project))
    }

    /// The clip's part; the whole id if it is bare.
    #[must_use]
    pub fn clip(&self) -> ClipId {
        ClipId::from(self.0.split_once('.').map_or(self.0.as_str(), |(_, clip)| clip))
    }

    fn is_full(&self) -> bool {
        self.0.split_once('.').is_some_and(|(project, clip)| !project.is_empty() && !clip.is_empty())
    }

    fn problem(&self, name: &str) -> String {
        format!("`{name}` is `{}`; expected the full id `{{projectId}}.{{clipId}}`, as FullClipId::new makes it", self.0)
    }

    pub(crate) fn check(&self, operation: &'static Operation, name: &str) -> Result<(), Error> {
        if self.is_full() { Ok(()) } else { Err(Error::input(operation, self.problem(name))) }
    }
}

impl From<FullClipId> for ClipId {
    fn from(id: FullClipId) -> Self {
        id.clip()
    }
}

impl From<&FullClipId> for ClipId {
    fn from(id: &FullClipId) -> Self {
        id.clip()
    }
}

impl From<&Self> for FullClipId {
    fn from(id: &Self) -> Self {
        id.clone()
    }
}

impl std::str::FromStr for FullClipId {
    type Err = Error;

    fn from_str(id: &str) -> Result<Self, Error> {
        Self::parse(id)
    }
}

impl AsRef<str> for FullClipId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FullClipId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Any string, so that a service that sends a bare id does not break the decoding of a clip.
struct Unchecked(String);

impl From<&str> for Unchecked {
    fn from(id: &str) -> Self {
        Self(id.to_owned())
    }
}

impl From<String> for Unchecked {
    fn from(id: String) -> Self {
        Self(id)
    }
}

impl<'de> Deserialize<'de> for FullClipId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Unchecked(id) = deserializer.deserialize_str(super::text::Visitor(PhantomData))?;
        Ok(Self(id))
    }
}
