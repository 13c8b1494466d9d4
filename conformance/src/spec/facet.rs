//! A schema taken apart into the plain schemas that together describe one value.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Spec;
use super::direction::HIDDEN;
use super::pointer::{join, resolve};
use super::schema::World;

/// One plain schema that describes a value: the target of a reference, a part or a branch.
#[derive(Clone, Debug)]
pub(super) struct Facet<'a> {
    /// Pointer into the document, references followed.
    pub(super) pointer: String,
    pub(super) value: &'a Value,
}

impl Facet<'_> {
    /// Pointer to the schema of the items.
    pub(super) fn items(&self) -> Option<String> {
        self.value.get("items").map(|_| join(&self.pointer, "items"))
    }

    /// Pointer to the schema of a property.
    pub(super) fn property(&self, name: &str) -> Option<String> {
        self.value.get("properties")?.get(name)?;
        Some(join(&join(&self.pointer, "properties"), name))
    }

    /// Pointer to the schema of the entries of a map.
    pub(super) fn entries(&self) -> Option<String> {
        let schema = self.value.get("additionalProperties")?;
        schema.is_object().then(|| join(&self.pointer, "additionalProperties"))
    }

    pub(super) fn requires(&self, name: &str) -> bool {
        let required = self.value.get("required").and_then(Value::as_array);
        required.is_some_and(|names| names.iter().any(|required| required == name))
    }
}

/// The properties that facets document, each with the schemas that they give it; without those that do not travel in the direction
/// that is looked at.
pub(super) fn properties(facets: &[Facet<'_>]) -> BTreeMap<String, Vec<String>> {
    let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for facet in facets {
        let names = facet.value.get("properties").and_then(Value::as_object);
        let shown = names.into_iter().flatten().filter(|(_, property)| property.get(HIDDEN).is_none());
        for (name, _) in shown {
            all.entry(name.clone()).or_default().extend(facet.property(name));
        }
    }
    all
}

impl Spec {
    /// The plain schemas that the schema at `pointer` is made of. With a value, only the branches
    /// of `anyOf` and `oneOf` that take it; without, all of them.
    pub(super) fn facets(&self, pointer: &str, value: Option<&Value>) -> Vec<Facet<'_>> {
        let mut found = Vec::new();
        self.add_facets(pointer, value, &mut BTreeSet::new(), &mut found);
        found
    }

    fn add_facets<'a>(&'a self, pointer: &str, value: Option<&Value>, seen: &mut BTreeSet<String>, found: &mut Vec<Facet<'a>>) {
        let Ok((pointer, schema)) = resolve(self.document(), pointer) else {
            return;
        };
        if !seen.insert(pointer.clone()) {
            return;
        }
        for key in ["allOf", "anyOf", "oneOf"] {
            let parts = schema.get(key).and_then(Value::as_array);
            for position in 0..parts.map_or(0, Vec::len) {
                let part = format!("{pointer}/{key}/{position}");
                let fits = key == "allOf" || value.is_none_or(|value| self.accepts(&part, World::Open, value));
                if fits {
                    self.add_facets(&part, value, seen, found);
                }
            }
        }
        found.push(Facet { pointer, value: schema });
    }
}
