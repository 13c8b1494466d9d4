//! Which schemas contain themselves, by way of references.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::pointer::{reference, target};
use super::walk::{Kind, nodes};
use crate::json::is_within;

/// The targets of references that lead back to themselves: pointer to the number of the circle.
#[derive(Debug, Default)]
pub(super) struct Circles(BTreeMap<String, usize>);

impl Circles {
    pub(super) fn of(document: &Value) -> Self {
        let mut links: BTreeMap<String, String> = BTreeMap::new();
        for node in nodes(document).iter().filter(|node| node.kind == Kind::Schema) {
            let to = reference(node.value).and_then(|text| target(document, &node.pointer, text).ok());
            links.extend(to.map(|to| (node.pointer.clone(), to)));
        }
        let targets: Vec<&String> = links.values().collect::<BTreeSet<_>>().into_iter().collect();
        let number: BTreeMap<&String, usize> = targets.iter().enumerate().map(|(number, target)| (*target, number)).collect();
        let mut forth = vec![BTreeSet::new(); targets.len()];
        let mut back = vec![BTreeSet::new(); targets.len()];
        for (from, pointer) in targets.iter().enumerate() {
            let inside = links.range((*pointer).clone()..).take_while(|(at, _)| at.starts_with(pointer.as_str()));
            for to in inside.filter(|(at, _)| is_within(at, pointer)).filter_map(|(_, to)| number.get(to)) {
                forth[from].insert(*to);
                back[*to].insert(from);
            }
        }
        let mut circles = BTreeMap::new();
        for (start, pointer) in targets.iter().enumerate().filter(|(start, _)| !forth[*start].is_empty()) {
            if circles.contains_key(*pointer) {
                continue;
            }
            let (ahead, behind) = (reached(&forth, start), reached(&back, start));
            circles.extend(ahead.intersection(&behind).map(|member| (targets[*member].clone(), start)));
        }
        Self(circles)
    }

    /// The circle that the schema at `pointer` lies on.
    pub(super) fn around(&self, pointer: &str) -> Option<usize> {
        self.0.get(pointer).copied()
    }
}

/// What can be reached from `start` in one step or more.
fn reached(edges: &[BTreeSet<usize>], start: usize) -> BTreeSet<usize> {
    let mut found = BTreeSet::new();
    let mut todo: Vec<usize> = edges[start].iter().copied().collect();
    while let Some(next) = todo.pop() {
        if found.insert(next) {
            todo.extend(&edges[next]);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_circle_is_what_leads_back_and_not_what_leads_there() {
        let to = |name: &str| json!({"$ref": format!("#/components/schemas/{name}")});
        let circles = Circles::of(&json!({"components": {"schemas": {
            "Shelf": {"type": "object", "properties": {"books": {"type": "array", "items": to("Book")}}},
            "Book": {"allOf": [to("Named"), {"type": "object", "properties": {"author": to("Writer")}}]},
            "Writer": to("Author"),
            "Author": {"type": "object", "properties": {"books": {"type": "object", "additionalProperties": to("Book")}}},
            "Named": {"type": "object", "properties": {"name": {"type": "string"}, "alias": to("Named2")}},
            "Named2": {"type": "object", "example": to("Named"), "properties": {"next": to("Named2")}},
        }}}));
        let around = |name: &str| circles.around(&format!("/components/schemas/{name}"));
        assert!(around("Book").is_some());
        assert_eq!((around("Book"), around("Book")), (around("Author"), around("Writer")));
        assert!(around("Named2").is_some() && around("Named2") != around("Book"));
        assert_eq!((around("Shelf"), around("Named")), (None, None));
    }
}
