//! Whether the checks would notice if a fixture were wrong: every single fault of every fixture, judged as a run judges it.
//!
//! ```no_run
//! use std::path::Path;
//!
//! use opusclip_conformance::mutate::{Settings, load_snapshots, mutate};
//! use opusclip_conformance::{spec::Spec, suite::Suite};
//!
//! let spec = Spec::load(Path::new("openapi.yaml"))?;
//! let suite = Suite::load(Path::new("tests/fixtures"))?;
//! let snapshots = load_snapshots(Path::new("snapshots"), &suite)?;
//! let score = mutate(&spec, &suite, &snapshots, &Settings::default());
//! assert!(score.is_pass(), "{}", score.to_text());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod baseline;
mod edit;
mod faults;
mod judge;
mod score;

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use self::edit::{Fault, enums};
use self::judge::Judge;
use crate::finding::Finding;
use crate::parallel;
use crate::spec::Spec;
use crate::suite::{Case, Suite};

pub use self::baseline::{Snapshots, load_snapshots};
pub use self::score::{Count, Equivalent, Score, mutation_schema};

macro_rules! operators {
    ($($name:ident $text:literal $what:literal,)*) => {
        /// What kind of fault is put in.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
        #[serde(rename_all = "kebab-case")]
        pub enum Operator {
            $(#[doc = $what] $name,)*
        }

        impl Operator {
            /// All operators, in the order in which a score lists them.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The name, as in `--operator`.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

operators! {
    Drop "drop" "A key, an element or a whole body is left out.",
    Rename "rename" "A key has another name.",
    Case "case" "A key is spelled with another case.",
    Retype "retype" "A value is of another type.",
    Null "null" "A value is null.",
    Add "add" "An object has a key that nobody documented.",
    Enum "enum" "A text is another value of its enum, or none of them.",
    Format "format" "A date, URI, UUID or address is none.",
    Value "value" "A value is another one of its type.",
    Length "length" "A list is empty, or its last element stands twice.",
    Wrapper "wrapper" "A body stands in an envelope, or has lost its own.",
    Status "status" "The status is another.",
    ContentType "content-type" "The content-type is missing, misspelled or another.",
    Query "query" "A query parameter is missing, misspelled, repeated, added, or has another value.",
    Header "header" "A header is missing, misspelled, added, or has another value.",
    Auth "auth" "The credentials are missing.",
    Method "method" "The method is another.",
    Path "path" "A segment of the path is changed, missing or added.",
    Order "order" "The query pairs stand in another order.",
    HeaderCase "header-case" "A header's name is written in another case.",
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Operator {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.iter().find(|operator| operator.name() == text);
        known.copied().ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.iter().map(|operator| operator.name()).collect();
            format!("there is no operator `{text}`; those are {}", names.join(", "))
        })
    }
}

/// The rule that proves that a mutant needs no check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// It says the same over the wire: header names have no case, pairs of different names no order.
    Same,
    /// The fixture declares that the client may lose this place.
    Lossy,
    /// The key was null and may be left out; the harness takes both for the same.
    OptionalNull,
}

impl Reason {
    /// The rule in words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Same => "it says the same over the wire",
            Self::Lossy => "the fixture declares this place lossy",
            Self::OptionalNull => "null and absent are the same to the spec here",
        }
    }
}

/// What became of a mutant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// This check spoke.
    Killed(&'static str),
    /// No check has to.
    Equivalent(Reason),
    /// None spoke, and this one should have.
    Survived(&'static str),
}

/// What is mutated, and how.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Only fixtures whose id contains this.
    pub filter: Option<String>,
    /// Only these operators; none stands for all.
    pub operators: Vec<Operator>,
    /// Only the mutant with this id.
    pub only: Option<String>,
    /// Checks that are not heard, to see what would be missed without them.
    pub without: BTreeSet<String>,
    /// How many threads work; 0 stands for as many as the machine has.
    pub jobs: usize,
    /// What the program needs to find the same files, as `--spec api.yaml`.
    pub flags: String,
}

impl Settings {
    fn selects(&self, case: &Case, fault: &Fault) -> bool {
        (self.operators.is_empty() || self.operators.contains(&fault.operator))
            && self.only.as_ref().is_none_or(|only| *only == id_of(case, fault))
    }

    /// Whether a fixture can have a mutant that is asked for.
    fn concerns(&self, case: &Case) -> bool {
        let id = &case.fixture.id;
        self.filter.as_ref().is_none_or(|filter| id.contains(filter.as_str()))
            && self.only.as_ref().is_none_or(|only| only.strip_prefix(id.as_str()).is_some_and(|rest| rest.starts_with('#')))
    }
}

/// One mutant and its verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mutant {
    /// `<fixture>#<operator>[:<variant>]@<pointer>`.
    pub id: String,
    /// The fixture's id.
    pub fixture: String,
    /// What was done.
    pub operator: Operator,
    /// JSON pointer into the fixture.
    pub at: String,
    /// What became of it.
    pub verdict: Verdict,
}

fn id_of(case: &Case, fault: &Fault) -> String {
    let colon = if fault.variant.is_empty() { "" } else { ":" };
    format!("{}#{}{colon}{}@{}", case.fixture.id, fault.operator, fault.variant, fault.at)
}

/// Puts every single fault into every fixture and judges each.
#[must_use]
pub fn mutate(spec: &Spec, suite: &Suite, snapshots: &Snapshots, settings: &Settings) -> Score {
    let mut score = Score::default();
    for (case, (findings, mutants)) in suite.cases.iter().zip(each(spec, suite, snapshots, settings)) {
        score.add(case, findings, &mutants, settings);
    }
    score.baseline.extend(suite.broken.iter().cloned());
    score
}

/// Every selected mutant with its verdict, in order of the fixtures.
#[must_use]
pub fn mutants(spec: &Spec, suite: &Suite, snapshots: &Snapshots, settings: &Settings) -> Vec<Mutant> {
    each(spec, suite, snapshots, settings).into_iter().flat_map(|(_, mutants)| mutants).collect()
}

/// The fixture with the fault of the mutant with this id, for who wants to replay or print it.
#[must_use]
pub fn mutated(spec: &Spec, suite: &Suite, id: &str) -> Option<Case> {
    let (fixture, _) = id.split_once('#')?;
    let case = suite.case(fixture)?;
    let fault = faults::faults(&case.fixture, &enums(spec.document())).into_iter().find(|fault| id_of(case, fault) == id)?;
    let mut mutant = case.clone();
    fault.apply(&mut mutant.fixture);
    Some(mutant)
}

type Judged = (Vec<Finding>, Vec<Mutant>);

fn each(spec: &Spec, suite: &Suite, snapshots: &Snapshots, settings: &Settings) -> Vec<Judged> {
    let enums = enums(spec.document());
    parallel::map(&suite.cases, settings.jobs, |case| of_case(spec, case, snapshots.get(&case.fixture.id), settings, &enums))
}

fn of_case(spec: &Spec, case: &Case, snapshot: Option<&Value>, settings: &Settings, enums: &BTreeSet<Vec<String>>) -> Judged {
    // Without an operation there is nothing to judge by; the lint says so (F203).
    let Some(operation) = spec.operation(&case.fixture.operation).filter(|_| settings.concerns(case)) else {
        let wrong = if settings.concerns(case) { crate::lint::lint_case(spec, case) } else { Vec::new() };
        return (wrong, Vec::new());
    };
    let judge = Judge::new(spec, operation, case, snapshot, settings);
    let wrong = judge.unmutated();
    if !wrong.is_empty() {
        return (wrong, Vec::new());
    }
    let mut mutant = case.clone();
    let selected = faults::faults(&case.fixture, enums).into_iter().filter(|fault| settings.selects(case, fault));
    let judged = selected.map(|fault| {
        fault.apply(&mut mutant.fixture);
        let verdict = judge.verdict(&fault, &mutant);
        match fault.side {
            edit::Side::Request => mutant.fixture.request.clone_from(&case.fixture.request),
            edit::Side::Response => mutant.fixture.response.clone_from(&case.fixture.response),
        }
        Mutant { id: id_of(case, &fault), fixture: case.fixture.id.clone(), operator: fault.operator, at: fault.at, verdict }
    });
    (wrong, judged.collect())
}
