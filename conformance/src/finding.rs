//! What the harness has to say: findings with stable ids.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Who has to act on a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Attribution {
    /// The OpenAPI document is wrong.
    Spec,
    /// A fixture is wrong.
    Fixture,
    /// The client under test is wrong.
    Client,
    /// The service differs from what is documented.
    Drift,
    /// Something secret could leak.
    Redaction,
    /// Something is not proven by any fixture.
    Coverage,
    /// A corrupted fixture was not noticed.
    Mutation,
    /// The harness itself failed; never counted as a failure of the subject.
    Engine,
}

/// A place in a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Location {
    /// Path as it was given to the harness.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1.
    pub column: usize,
}

/// One thing that is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct Finding {
    /// Stable id of the check, as `C401`.
    pub id: &'static str,
    /// Who has to act.
    pub attribution: Attribution,
    /// Id of the fixture, where one is concerned.
    pub fixture: Option<String>,
    /// JSON pointer inside the fixture (`/response/json/0/stage`), the spec or the coverage item.
    pub pointer: String,
    /// What was expected and what was found.
    pub message: String,
    /// Where it stands in the fixture.
    pub at: Option<Location>,
    /// Where the spec says otherwise.
    pub spec_at: Option<Location>,
    /// A command that shows this finding again.
    pub reproduce: Option<String>,
}

impl Attribution {
    /// All attributions, in the order in which a report lists them.
    pub const ALL: [Self; 8] =
        [Self::Engine, Self::Redaction, Self::Spec, Self::Fixture, Self::Client, Self::Drift, Self::Mutation, Self::Coverage];

    /// The attribution of a check, which the first letter of its id tells.
    #[must_use]
    pub fn of(id: &str) -> Self {
        match id.as_bytes().first() {
            Some(b'S') => Self::Spec,
            Some(b'F') => Self::Fixture,
            Some(b'C') => Self::Client,
            Some(b'D') => Self::Drift,
            Some(b'R') => Self::Redaction,
            Some(b'V') => Self::Coverage,
            Some(b'M') => Self::Mutation,
            _ => Self::Engine,
        }
    }

    /// Who has to act, in a few words.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Spec => "SPEC: the OpenAPI document has to change",
            Self::Fixture => "FIXTURE: a fixture has to change",
            Self::Client => "CLIENT: the client under test has to change",
            Self::Drift => "DRIFT: the service differs from what is documented",
            Self::Redaction => "REDACTION: something secret could leak",
            Self::Coverage => "COVERAGE: something is not proven, or a waiver is not in order",
            Self::Mutation => "MUTATION: a corrupted fixture was not noticed",
            Self::Engine => "ENGINE: the harness itself failed, which says nothing about the client",
        }
    }
}

impl Finding {
    /// A finding of the check `id`, which also decides the attribution; everything but the message is still open.
    #[must_use]
    pub fn new(id: &'static str, message: impl Into<String>) -> Self {
        Self {
            id,
            attribution: Attribution::of(id),
            fixture: None,
            pointer: String::new(),
            message: message.into(),
            at: None,
            spec_at: None,
            reproduce: None,
        }
    }

    /// The same finding at a JSON pointer.
    #[must_use]
    pub fn with_pointer(mut self, pointer: impl Into<String>) -> Self {
        self.pointer = pointer.into();
        self
    }

    /// The same finding with the place in a file.
    #[must_use]
    pub fn with_location(mut self, at: Option<Location>) -> Self {
        self.at = at;
        self
    }

    /// The same finding with the place in the spec.
    #[must_use]
    pub fn with_spec_location(mut self, at: Option<Location>) -> Self {
        self.spec_at = at;
        self
    }

    /// What a waiver names to cover this finding: the id, the fixture and the pointer, as far as there are any.
    #[must_use]
    pub fn item(&self) -> String {
        let parts = [Some(self.id), self.fixture.as_deref(), Some(self.pointer.as_str())];
        parts.into_iter().flatten().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// One line: the id, the place, the fixture and the message.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.id)?;
        if let Some(at) = &self.at {
            write!(f, " {at}")?;
        } else if let Some(fixture) = &self.fixture {
            write!(f, " {fixture}")?;
        }
        if !self.pointer.is_empty() {
            write!(f, " {}", self.pointer)?;
        }
        write!(f, ": {}", self.message)
    }
}
