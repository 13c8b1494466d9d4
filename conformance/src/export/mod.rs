//! Fixtures in the formats of other tools, so that these can check what this crate says.
//!
//! ```no_run
//! use std::path::Path;
//!
//! use opusclip_conformance::export::Exchanges;
//! use opusclip_conformance::{spec::Spec, suite::Suite};
//!
//! let spec = Spec::load(Path::new("openapi.yaml"))?;
//! let suite = Suite::load(Path::new("tests/fixtures"))?;
//! let exchanges = Exchanges::new(&spec, &suite);
//! std::fs::write("fixtures.har", exchanges.to_har(&spec))?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod har;
mod hurl;
mod specmatic;

use crate::closed;
use crate::exchange::{Request, Response};
use crate::spec::{Operation, Spec};
use crate::suite::{Case, Suite};

/// The fixtures that another tool can judge by the document: complete exchanges that keep to it.
#[derive(Debug)]
pub struct Exchanges<'a> {
    list: Vec<Exchange<'a>>,
    left_out: LeftOut,
}

/// How many fixtures are no such exchange.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// They depart from the document on purpose.
    pub departing: usize,
    /// The client sends nothing, or gets no answer.
    pub incomplete: usize,
}

#[derive(Debug)]
struct Exchange<'a> {
    case: &'a Case,
    operation: &'a Operation,
    /// With a stand-in for credentials and for headers of any value.
    request: Request,
    response: Response,
}

impl<'a> Exchanges<'a> {
    /// Chooses the exchanges of a suite, in its order. Fixtures that the lint rejects are not looked for here.
    #[must_use]
    pub fn new(spec: &'a Spec, suite: &'a Suite) -> Self {
        let mut left_out = LeftOut::default();
        let mut list = Vec::new();
        for case in &suite.cases {
            let Some(operation) = spec.operation(&case.fixture.operation) else {
                left_out.departing += 1;
                continue;
            };
            let Some((request, response)) = closed::whole_request(spec, operation, case).zip(case.response()) else {
                left_out.incomplete += 1;
                continue;
            };
            if case.fixture.expect.violates.is_empty() {
                list.push(Exchange { case, operation, request, response });
            } else {
                left_out.departing += 1;
            }
        }
        Self { list, left_out }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// How many fixtures were left out.
    #[must_use]
    pub fn left_out(&self) -> LeftOut {
        self.left_out
    }

    /// One HTTP Archive 1.2, each entry with the id of its fixture as comment.
    ///
    /// A HAR has to say when; every entry says 1970, since a fixture is nothing that happened once.
    #[must_use]
    pub fn to_har(&self, spec: &Spec) -> String {
        har::document(spec, &self.list)
    }

    /// One Specmatic example for each exchange: the name of its file, and what stands in it. Those are left out
    /// whose path has characters that Specmatic does not read.
    #[must_use]
    pub fn to_specmatic(&self, spec: &Spec) -> Vec<(String, String)> {
        specmatic::files(spec, &self.list)
    }

    /// One Hurl file that makes every call to `conformance serve` and asserts the whole answer.
    ///
    /// Its variables are `server`, the address that `serve` prints, and `token`.
    #[must_use]
    pub fn to_hurl(&self) -> String {
        hurl::file(&self.list)
    }
}
