//! Records what a service answers as fixtures, without anything of anybody in them.
//!
//! A [`Recorder`] is a reverse proxy on loopback: point any client at its URL, and each interaction becomes a file. In a test
//! of a typed client it is the layer inside the process:
//!
//! ```no_run
//! use std::sync::Arc;
//! use std::time::SystemTime;
//!
//! use opusclip_conformance::record::{RecordOptions, Recorder};
//! use opusclip_conformance::spec::Spec;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let spec = Arc::new(Spec::load("openapi.yaml".as_ref())?);
//! let clock = Arc::new(|| SystemTime::UNIX_EPOCH);
//! let options = RecordOptions::new("https://api.books.example", "an account of ours", "tests/fixtures", clock);
//! let recorder = Recorder::start(spec, options).await?;
//! let base_url = recorder.url(); // give this to the client, and let it make its calls
//! # let _ = base_url;
//! for event in recorder.stop() {
//!     println!("{event}");
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Only what the document shows to be public is written as it is: values of enums, truth values, short numbers, dates where
//! dates are documented. Every other value becomes a placeholder, the same for the same value throughout a session, unless a
//! reviewed [`Keep`] entry names its place. No header is kept that the document does not name, but for the media types and
//! `retry-after`. What was replaced is then searched for in the text of the fixture, in all its encodings, before anything
//! is written. Only calls that read and cost nothing go through, unless the [`Policy`] says otherwise.

mod draft;
mod keep;
mod placeholder;
mod policy;
mod proxy;
mod redact;
mod scrub;
mod store;
mod wire;

use std::collections::BTreeMap;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

pub use self::keep::{Keep, KeepEntry};
pub use self::policy::Policy;
pub use self::proxy::Recorder;
pub(crate) use self::proxy::{below, http_client, is_elsewhere, judged, read, reason, service_url};

use crate::fixture::ClientExpectation;
use crate::suite::Suite;

/// Tells the time of an interaction.
pub type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;
/// Is told of each event as it happens.
pub type Listener = Arc<dyn Fn(&Event) + Send + Sync>;

/// How a recording is made; begin with [`RecordOptions::new`].
#[derive(Clone)]
pub struct RecordOptions {
    /// Where the service lives: scheme, host and a path prefix.
    pub upstream: String,
    /// What is recorded from, in words: it stands in the provenance of every fixture, and a fake service has to be called one.
    pub source: String,
    /// Where clients connect; on loopback. Port 0 takes any free one.
    pub listen: SocketAddr,
    /// The folder of fixtures. Files that are there are never changed.
    pub out: PathBuf,
    /// What may be called.
    pub policy: Policy,
    /// The reviewed places.
    pub keep: Keep,
    /// Tells when something was recorded.
    pub clock: Clock,
    /// Is told of each event.
    pub listener: Option<Listener>,
    types: draft::Types,
}

impl RecordOptions {
    /// Reading only, on any free port, with nothing kept.
    #[must_use]
    pub fn new(upstream: impl Into<String>, source: impl Into<String>, out: impl Into<PathBuf>, clock: Clock) -> Self {
        Self {
            upstream: upstream.into(),
            source: source.into(),
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            out: out.into(),
            policy: Policy::default(),
            keep: Keep::default(),
            clock,
            listener: None,
            types: BTreeMap::new(),
        }
    }

    /// Takes over from other fixtures into which type a client decodes the answers of each operation. What is not there is
    /// named after the schema of the document.
    #[must_use]
    pub fn with_types_of(mut self, suite: &Suite) -> Self {
        for case in &suite.cases {
            let expect = &case.fixture.expect;
            if let (ClientExpectation::Ok, Some(name)) = (expect.client, &expect.type_name) {
                let known = self.types.entry(case.fixture.operation.clone());
                known.or_insert_with(|| (name.clone(), expect.part.clone()));
            }
        }
        self
    }
}

impl fmt::Debug for RecordOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordOptions")
            .field("listen", &self.listen)
            .field("out", &self.out)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

/// Something that a recording has to tell. Never holds a value of the service or of the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A fixture was written.
    Written {
        /// Its file.
        file: PathBuf,
        /// Where the service departs from the document.
        drift: Vec<String>,
    },
    /// A fixture that says the same is there already.
    Known(PathBuf),
    /// A request was not passed on.
    Refused(String),
    /// The interaction took place and was not written down.
    NotRecorded {
        /// The operationId.
        operation: String,
        /// The place, and what is wrong there.
        why: String,
    },
    /// The service did not answer.
    Unanswered {
        /// The operationId.
        operation: String,
        /// What went wrong.
        why: String,
    },
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Written { file, drift } => {
                write!(f, "recorded {}", file.display())?;
                drift.iter().try_for_each(|place| write!(f, "\n  not as documented: {place}"))
            }
            Self::Known(file) => write!(f, "{} says the same already", file.display()),
            Self::Refused(why) => write!(f, "refused: {why}"),
            Self::NotRecorded { operation, why } => write!(f, "{operation} was not recorded: {why}"),
            Self::Unanswered { operation, why } => write!(f, "{operation} got no answer: {why}"),
        }
    }
}

/// Why a recording cannot begin. Displays as one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordError(pub(crate) String);

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for RecordError {}
