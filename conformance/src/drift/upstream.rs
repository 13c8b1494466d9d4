//! Differences from another party's document that are meant, each with its reason.

use std::collections::BTreeSet;
use std::fmt;

use serde::Deserialize;

use super::found::{Effect, Found};
use super::{Change, Class, Drift, Names, compare_named};
use crate::json;
use crate::spec::{Locator, Spec, read_yaml};

/// The differences that are meant.
#[derive(Clone, Debug, Default)]
pub struct Accepted {
    entries: Vec<Entry>,
    locator: Option<Locator>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    /// Ids of changes.
    change: Vec<String>,
    /// Pointers into our document, into theirs for what ours lacks. `*` is one token, `**` any number of them.
    at: Vec<String>,
    /// Only changes whose summary contains this.
    #[serde(default)]
    says: Option<String>,
    /// Why it is meant.
    reason: String,
    /// The fact that the reason rests on.
    fact: String,
}

/// Why a file of accepted differences cannot be used. Displays as one line.
#[derive(Debug)]
pub struct AcceptedError(String);

impl fmt::Display for AcceptedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for AcceptedError {}

impl Accepted {
    /// Reads accepted differences from YAML; `name` is what errors call the file.
    ///
    /// # Errors
    ///
    /// A text that is not such a list, an unknown id, an entry without reason or fact, and an entry that covers every place.
    pub fn parse(name: &str, text: &str) -> Result<Self, AcceptedError> {
        let (value, locator) = read_yaml(name, text).map_err(|error| AcceptedError(error.to_string()))?;
        let list = value.as_array().cloned().unwrap_or_default();
        if !value.is_array() {
            return Err(AcceptedError(format!("{name}: expected a list of entries with `change`, `at`, `reason` and `fact`")));
        }
        let mut entries = Vec::new();
        for (index, value) in list.into_iter().enumerate() {
            let refuse = |message: String| {
                let at = locator.locate(&format!("/{index}")).map_or_else(|| name.to_owned(), |at| at.to_string());
                Err(AcceptedError(format!("{at}: {message}")))
            };
            let entry: Entry = match serde_json::from_value(value) {
                Ok(entry) => entry,
                Err(error) => {
                    return refuse(format!("{error}; an entry has `change` and `at` (lists), `reason`, `fact` and perhaps `says`"));
                }
            };
            if let Some(id) = entry.change.iter().find(|id| !super::catalogue::KINDS.iter().any(|kind| kind.id == id.as_str())) {
                return refuse(format!("there is no change `{id}`; `conformance explain --list` names all"));
            }
            if entry.reason.trim().is_empty() || entry.fact.trim().is_empty() {
                return refuse("`reason` and `fact` have to say something".to_owned());
            }
            if entry.at.iter().any(|at| json::tokens(at).all(|token| token == "**" || token == "*")) {
                return refuse("`at` covers every place; name the part of the document that is meant".to_owned());
            }
            entries.push(entry);
        }
        Ok(Self { entries, locator: Some(locator) })
    }

    /// Which entries cover a change.
    fn covering(&self, change: &Change) -> Vec<usize> {
        let Some(place) = change.old.as_ref().or(change.new.as_ref()) else { return Vec::new() };
        let covers = |entry: &Entry| {
            entry.change.iter().any(|id| id == change.id)
                && entry.at.iter().any(|pattern| json::glob(pattern, &place.pointer))
                && entry.says.as_deref().is_none_or(|says| change.summary.contains(says))
        };
        (0..).zip(&self.entries).filter(|(_, entry)| covers(entry)).map(|(index, _)| index).collect()
    }
}

/// Compares our document with another party's, and takes out what is accepted. An entry that covers nothing is the change `D901`.
#[must_use]
pub fn against(ours: &Spec, theirs: &Spec, names: &Names, accepted: &Accepted) -> Drift {
    let mut drift = compare_named(ours, theirs, names);
    let (mut used, mut count) = (BTreeSet::new(), 0);
    // Another way of writing the same thing is none that anybody has to accept.
    drift.changes.retain(|change| change.class != Class::None);
    drift.changes.retain(|change| {
        // A wide entry does not make a narrow one that covers the same change a stale one.
        let covering = accepted.covering(change);
        count += usize::from(!covering.is_empty());
        used.extend(covering.iter().copied());
        covering.is_empty()
    });
    drift.accepted = Some(count);
    let mut found = Found::default();
    for (index, entry) in accepted.entries.iter().enumerate().filter(|(index, _)| !used.contains(index)) {
        let at = accepted.locator.as_ref().and_then(|locator| locator.locate(&format!("/{index}")));
        let at = at.map_or_else(|| format!("entry {}", index + 1), |at| at.to_string());
        let summary = format!("{at}: the accepted difference {} at {} is none any more", entry.change.join(", "), entry.at.join(", "));
        found.add("D901", (None, None), summary, Effect::yes("none; take the entry out, or correct it"), None);
    }
    names.stale(ours, theirs, &mut found);
    drift.changes.extend(found.finish(ours, theirs));
    drift.count();
    drift
}
