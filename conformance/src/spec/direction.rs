//! The document as it reads in one direction: what is `readOnly` is no part of a request, what is `writeOnly` no part of an answer,
//! and neither is required there (OAS 3.0.3).

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde_json::{Value, json};

use super::facet::Facet;
use super::locate::Locator;
use super::pointer::{join, reference};
use super::validator::Checkers;
use super::walk::{Kind, nodes};
use super::{Operation, Spec};

/// Marks a property that does not travel in this direction with the keyword that says so.
pub(super) const HIDDEN: &str = "x-conformance-hidden";

/// Which way a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Request,
    Response,
}

/// The document in both directions; `None` where it is the same in each.
pub(super) type Views = OnceLock<Option<Box<[Spec; 2]>>>;

impl Spec {
    /// The document as it reads in one direction. All pointers are those of the document itself.
    pub(super) fn view(&self, way: Way) -> &Self {
        let views = self.views.get_or_init(|| {
            let documents = [self.directed("readOnly")?, self.directed("writeOnly")?];
            Some(Box::new(documents.map(|document| view_of(document, &self.operations))))
        });
        match (views.as_deref(), way) {
            (Some([request, _]), Way::Request) => request,
            (Some([_, response]), Way::Response) => response,
            (None, _) => self,
        }
    }

    /// The document without what `mark` hides; `None` where nothing is marked at all.
    fn directed(&self, mark: &str) -> Option<Value> {
        let nodes = nodes(&self.document);
        let schemas = || nodes.iter().filter(|node| node.kind == Kind::Schema);
        let is_true = |value: &Value, key: &str| value.get(key) == Some(&Value::Bool(true));
        if !schemas().any(|node| is_true(node.value, "readOnly") || is_true(node.value, "writeOnly")) {
            return None;
        }
        let is_hidden = |pointer: &str| self.plain(pointer).iter().any(|facet| is_true(facet.value, mark));
        let mut document = self.document.clone();
        let mut required: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for node in schemas().filter(|node| reference(node.value).is_none()) {
            let names = node.value.get("properties").and_then(Value::as_object);
            for name in names.into_iter().flat_map(|names| names.keys()) {
                let at = join(&join(&node.pointer, "properties"), name);
                if let Some(property) = document.pointer_mut(&at).filter(|_| is_hidden(&at)) {
                    if reference(property).is_some() {
                        *property = json!({"allOf": [property.clone()]});
                    }
                    if let Some(schema) = property.as_object_mut() {
                        schema.insert("not".to_owned(), json!({}));
                        schema.insert(HIDDEN.to_owned(), Value::from(mark));
                    }
                }
            }
            if let Some(names) = node.value.get("required").and_then(Value::as_array) {
                // A part may require what the whole or another part documents.
                let facets = self.facets(whole(&node.pointer), None);
                let is_kept = |name: &&Value| {
                    let mut places = facets.iter().filter_map(|facet: &Facet<'_>| facet.property(name.as_str()?));
                    !places.any(|place| is_hidden(&place))
                };
                required.insert(join(&node.pointer, "required"), names.iter().filter(is_kept).cloned().collect());
            }
        }
        for (at, names) in required {
            if let Some(place) = document.pointer_mut(&at) {
                *place = Value::Array(names);
            }
        }
        Some(document)
    }
}

/// The schema that a part of a composition belongs to.
fn whole(pointer: &str) -> &str {
    let above = ["/allOf/", "/anyOf/", "/oneOf/"].iter().find_map(|key| {
        let (above, position) = pointer.rsplit_once(key)?;
        position.bytes().all(|byte| byte.is_ascii_digit()).then_some(above)
    });
    above.map_or(pointer, whole)
}

fn view_of(document: Value, operations: &[Operation]) -> Spec {
    Spec {
        document,
        locator: Locator::default(),
        disagreements: Vec::new(),
        operations: operations.to_vec(),
        checkers: Checkers::default(),
        index: OnceLock::new(),
        views: OnceLock::from(None),
    }
}
