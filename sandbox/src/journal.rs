//! What happened, in order: for assertions, and for people who wonder.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde_json::Value;

/// One request, or one message that the sandbox sent or would have sent.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Entry {
    /// From 1, in the order in which the exchanges ended.
    pub number: u64,
    /// By the sandbox's clock, as RFC 3339.
    pub at: String,
    /// The operationId; `cdn` for clip files, `webhook` and `email` for messages, empty for an unknown route.
    pub operation: String,
    /// HTTP method.
    pub method: String,
    /// Path and query. Signatures of links and session ids are kept: they are worth nothing outside of this sandbox.
    pub target: String,
    /// The status that was answered, or that a webhook's receiver answered; `None` where there was none.
    pub status: Option<u16>,
    /// The JSON body of a request to the API, or of a message.
    pub body: Option<Value>,
    /// Bytes of an upload that arrived with this request.
    pub received: u64,
    /// Whether the request had its effect. A lost reply has a status of `None` and an effect.
    pub effect: bool,
    /// How the request departs from the spec: check, place, what was expected and found.
    pub violations: Vec<String>,
    /// The fault that struck, as it was written.
    pub fault: Option<String>,
    /// Anything else there is to say.
    pub note: Option<String>,
}

/// Kept in full; older entries are only counted.
const KEPT: usize = 10_000;

/// And so many bytes of them, about.
const KEPT_BYTES: usize = 64 << 20;

/// A longer body is not kept: parsed JSON takes many times its length.
pub(crate) const KEPT_BODY: usize = 16 << 10;

/// So many departures of a request are kept.
pub(crate) const KEPT_VIOLATIONS: usize = 20;

#[derive(Debug, Default)]
pub(crate) struct Journal(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// With about how many bytes each takes.
    entries: VecDeque<(usize, Entry)>,
    bytes: usize,
    counts: BTreeMap<String, u64>,
    last: u64,
}

impl Journal {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn push(&self, mut entry: Entry) {
        let mut inner = self.inner();
        inner.last += 1;
        entry.number = inner.last;
        *inner.counts.entry(entry.operation.clone()).or_default() += 1;
        if entry.violations.len() > KEPT_VIOLATIONS {
            let more = entry.violations.len() - KEPT_VIOLATIONS;
            entry.violations.truncate(KEPT_VIOLATIONS);
            entry.violations.push(format!("and {more} more"));
        }
        let weight = weight(&entry);
        inner.bytes += weight;
        while inner.entries.len() >= KEPT || inner.bytes > KEPT_BYTES {
            let Some((weight, _)) = inner.entries.pop_front() else { break };
            inner.bytes = inner.bytes.saturating_sub(weight);
        }
        inner.entries.push_back((weight, entry));
    }

    pub(crate) fn entries(&self) -> Vec<Entry> {
        self.inner().entries.iter().map(|(_, entry)| entry.clone()).collect()
    }

    pub(crate) fn count(&self, operation: &str) -> u64 {
        self.inner().counts.get(operation).copied().unwrap_or_default()
    }

    pub(crate) fn clear(&self) {
        *self.inner() = Inner::default();
    }
}

/// About how many bytes an entry takes.
fn weight(entry: &Entry) -> usize {
    let body = entry.body.as_ref().map_or(0, |body| 8 * body.to_string().len());
    500 + entry.target.len() + body + entry.violations.iter().map(String::len).sum::<usize>()
}
