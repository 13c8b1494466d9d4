//! Changes as they are found: each once, however many operations meet it.

use std::collections::{BTreeMap, BTreeSet};

use super::catalogue::{Class, find};
use super::{Binding, Change, Compiles, Evidence, Place, Use};
use crate::spec::Spec;

/// What happens to the generated code.
#[derive(Clone, Debug)]
pub(super) struct Effect {
    pub(super) text: String,
    pub(super) compiles: Compiles,
    pub(super) why: Option<&'static str>,
}

impl Effect {
    pub(super) fn yes(text: impl Into<String>) -> Self {
        Self { text: text.into(), compiles: Compiles::Yes, why: None }
    }

    pub(super) fn partly(text: impl Into<String>, why: &'static str) -> Self {
        Self { text: text.into(), compiles: Compiles::Partly, why: Some(why) }
    }

    pub(super) fn no(text: impl Into<String>) -> Self {
        Self { text: text.into(), compiles: Compiles::No, why: None }
    }
}

/// Where a change stands, in the old and in the new document.
pub(super) type Pair<'a> = (Option<&'a str>, Option<&'a str>);

type Key = (&'static str, Option<String>, Option<String>, String);

#[derive(Default)]
pub(super) struct Found {
    changes: BTreeMap<Key, (Effect, BTreeSet<Use>)>,
}

impl Found {
    pub(super) fn add(&mut self, id: &'static str, at: Pair<'_>, summary: impl Into<String>, effect: Effect, by: Option<Use>) {
        let key = (id, at.0.map(str::to_owned), at.1.map(str::to_owned), summary.into());
        let (_, uses) = self.changes.entry(key).or_insert_with(|| (effect, BTreeSet::new()));
        uses.extend(by);
    }

    pub(super) fn finish(self, old: &Spec, new: &Spec) -> Vec<Change> {
        let place = |spec: &Spec, pointer: Option<String>| {
            pointer.map(|pointer| {
                let at = spec.locate(&pointer);
                Place { pointer, at }
            })
        };
        let change = |((id, old_at, new_at, summary), (effect, uses)): (Key, (Effect, BTreeSet<Use>))| {
            let kind = find(id);
            // Where code stops compiling, more than the wire is concerned. A type that is merely written elsewhere is no change.
            let is_refactoring = kind.class == Class::None;
            let class = if effect.compiles == Compiles::No && !is_refactoring { kind.class.min(Class::ClientRisk) } else { kind.class };
            Change {
                id,
                class,
                summary,
                old: place(old, old_at),
                new: place(new, new_at),
                binding: Binding {
                    effect: effect.text,
                    compiles: effect.compiles,
                    why: effect.why.map(str::to_owned),
                    until: kind.until.to_owned(),
                },
                uses: uses.into_iter().collect(),
                evidence: Evidence::default(),
            }
        };
        self.changes.into_iter().map(change).collect()
    }
}
