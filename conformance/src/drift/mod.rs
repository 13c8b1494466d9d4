//! Two OpenAPI documents: what changed, what it does to generated bindings, and which fixtures prove it.
//!
//! Documents are compared by what they say of requests and answers, not by how they say it: references,
//! `allOf`, order and other spellings make no difference. Names of generated code are those of progenitor
//! and typify.
//!
//! ```
//! use opusclip_conformance::drift::{Class, Compiles, compare};
//! use opusclip_conformance::spec::Spec;
//!
//! let text = |required: &str| format!(r##"
//! openapi: 3.0.3
//! info: {{title: Books, version: "1"}}
//! paths:
//!   /books/7:
//!     get:
//!       operationId: get_book
//!       responses:
//!         "200":
//!           description: The book.
//!           content: {{application/json: {{schema: {{$ref: "#/components/schemas/Book"}}}}}}
//! components:
//!   schemas:
//!     Book: {{type: object, required: [{required}], properties: {{title: {{type: string}}}}}}
//! "##);
//! let (old, new) = (Spec::parse("old.yaml", &text("title"))?, Spec::parse("new.yaml", &text(""))?);
//!
//! let drift = compare(&old, &new);
//! let change = &drift.changes[0];
//! assert_eq!((change.id, change.class), ("D703", Class::Breaking));
//! assert_eq!(change.binding.effect, "field `title` of `Book` was `String` and becomes `Option<String>`");
//! assert_eq!(change.binding.compiles, Compiles::No);
//! # Ok::<(), opusclip_conformance::spec::LoadError>(())
//! ```

mod catalogue;
mod documentation;
mod evidence;
mod found;
mod markdown;
mod names;
mod node;
mod operations;
mod report;
mod rust;
mod schemas;
mod upstream;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::finding::Location;
use crate::spec::Spec;

pub use self::catalogue::Class;
#[cfg(feature = "record")]
pub(crate) use self::markdown::cell;
pub use self::names::{Names, NamesError};
pub use self::report::Threshold;
pub use self::upstream::{Accepted, AcceptedError, against};

/// The JSON Schema of [`Drift::to_json`].
#[must_use]
pub fn drift_schema() -> Value {
    schemars::schema_for!(Drift).to_value()
}

/// Whether code that uses the generated client still compiles after it is generated anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Compiles {
    /// It does.
    Yes,
    /// It depends on how it is written, as [`Binding::why`] says.
    Partly,
    /// Code that uses what changed does not.
    No,
}

/// What a change does to the generated client and to those who call it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct Binding {
    /// The method, type, field, variant or argument, and what becomes of it.
    pub effect: String,
    /// Whether existing calls still compile after regenerating.
    pub compiles: Compiles,
    /// Which code does not, or under which condition.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// What happens at run time to a client that is not regenerated yet.
    pub until: String,
}

/// A place in one of the two documents.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct Place {
    /// JSON pointer into the document.
    pub pointer: String,
    /// The file with line and column, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Location>,
}

/// One way in which an operation meets a change.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct Use {
    /// The operationId, in the old document where it is there.
    pub operation: String,
    /// The status of the response; none for requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Where a fixture carries it, with `*` for every element: `/response/json/list/*/title`. Empty for the whole operation.
    pub at: String,
}

/// The fixtures that carry what changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Evidence {
    /// Their ids.
    pub fixtures: Vec<String>,
    /// Whether they carry the place itself, or only belong to its operation.
    pub is_exact: bool,
}

/// One difference between the documents.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Change {
    /// Id in the catalogue, as `D703`; `conformance explain` tells more.
    pub id: &'static str,
    /// How much it matters.
    pub class: Class,
    /// What changed, in one line.
    pub summary: String,
    /// Where the old document says it; none for what is new.
    pub old: Option<Place>,
    /// Where the new document says it; none for what is gone.
    pub new: Option<Place>,
    /// What it does to the generated client.
    pub binding: Binding,
    /// Which operations meet it.
    pub uses: Vec<Use>,
    /// Which fixtures prove it.
    pub evidence: Evidence,
}

/// All differences between two documents, worst first.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Drift {
    /// Version of this format.
    pub drift: u32,
    /// The old document, as it was named.
    pub old: String,
    /// The new document.
    pub new: String,
    /// How many changes there are of each class.
    pub totals: BTreeMap<Class, usize>,
    /// The changes.
    pub changes: Vec<Change>,
    /// How many differences accepted entries cover, which are not among the changes; none where two documents of one party were
    /// compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accepted: Option<usize>,
}

/// Compares two documents.
#[must_use]
pub fn compare(old: &Spec, new: &Spec) -> Drift {
    compare_named(old, new, &Names::default())
}

/// Compares two documents, of which the new one goes by other names.
#[must_use]
pub fn compare_named(old: &Spec, new: &Spec, names: &Names) -> Drift {
    let mut walk = operations::Walk::new(old, new, names);
    walk.operations();
    if names.is_empty() {
        walk.unreferenced();
        documentation::compare(old.document(), new.document(), &mut walk.found);
    }
    let (old_name, new_name) = (file(old), file(new));
    Drift::new(old_name, new_name, walk.found.finish(old, new))
}

fn file(spec: &Spec) -> String {
    spec.locate("").map(|at| at.file).unwrap_or_default()
}

impl Drift {
    fn new(old: String, new: String, changes: Vec<Change>) -> Self {
        let mut drift = Self { drift: 1, old, new, totals: BTreeMap::new(), changes, accepted: None };
        drift.count();
        drift
    }

    fn count(&mut self) {
        self.changes.sort_by(|a, b| (a.class, a.id, &a.old, &a.new, &a.summary).cmp(&(b.class, b.id, &b.old, &b.new, &b.summary)));
        self.totals = Class::ALL.into_iter().map(|class| (class, 0)).collect();
        for change in &self.changes {
            *self.totals.entry(change.class).or_default() += 1;
        }
    }

    /// How many changes there are of a class.
    #[must_use]
    pub fn of(&self, class: Class) -> usize {
        self.totals.get(&class).copied().unwrap_or_default()
    }
}
