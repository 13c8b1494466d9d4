//! What is wrong with the document itself, before any exchange is looked at.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::direction::Way;
use super::model::{Credential, FORM, Operation, essence, is_json};
use super::pointer::{FlawKind, existing, join, reference, resolve, target, tokens};
use super::schema::{World, property_names};
use super::walk::{Kind, Node, nodes};
use super::{Spec, Violation};
use crate::exchange::Body;

/// The violations found so far; a lint speaks of one place.
#[derive(Default)]
struct Found(Vec<Violation>);

impl Found {
    fn add(&mut self, check: &'static str, at: &str, message: impl Into<String>) {
        self.0.push(Violation { check, at: at.to_owned(), spec_at: at.to_owned(), message: message.into() });
    }
}

impl Spec {
    pub(super) fn lint_violations(&self) -> Vec<Violation> {
        let nodes = nodes(self.document());
        let mut found = Found::default();
        for (pointer, message) in &self.disagreements {
            found.add("S101", pointer, message.clone());
        }
        let parts = composition_parts(&nodes);
        let mut usable = BTreeSet::new();
        for node in &nodes {
            self.lint_reference(node, &mut found);
            if reference(node.value).is_some() {
                continue;
            }
            match node.kind {
                Kind::Schema => self.lint_schema(node, &parts, &mut usable, &mut found),
                Kind::Media | Kind::Parameter | Kind::Header => self.lint_examples(node, &mut found),
                _ => {}
            }
        }
        for operation in self.operations() {
            self.lint_statuses(operation, &mut found);
            self.lint_read_only(operation, &mut found);
            lint_credentials(operation, &mut found);
        }
        self.lint_ids(&nodes, &mut found);
        self.lint_unused(&nodes, &mut found);
        for violation in &mut found.0 {
            // What is missing has no place of its own.
            let place = existing(self.document(), &violation.at).to_owned();
            violation.spec_at.clone_from(&place);
            violation.at = place;
        }
        found.0.sort();
        found.0.dedup();
        found.0
    }

    fn lint_reference(&self, node: &Node<'_>, found: &mut Found) {
        let Some(text) = reference(node.value) else {
            return;
        };
        let siblings: Vec<_> = node.value.as_object().into_iter().flatten().collect();
        if siblings.len() > 1 && node.kind != Kind::PathItem {
            let names = siblings.iter().map(|(key, _)| key.as_str());
            let names: Vec<_> = names.filter(|key| *key != "$ref").collect();
            let message = format!("ignored beside `$ref: {text}`: {}", names.join(", "));
            found.add("S103", &node.pointer, message);
        }
        match target(self.document(), &node.pointer, text) {
            Err(error) => found.add("S115", &node.pointer, error.message),
            Ok(_) => match resolve(self.document(), &node.pointer) {
                Err(error) if error.kind == FlawKind::Circle => {
                    found.add("S115", &node.pointer, error.message);
                }
                _ => {}
            },
        }
    }

    /// `usable` are schemas that were compiled as a part of others: compiling each of those that contain each other would compile all of
    /// them each time.
    fn lint_schema(&self, node: &Node<'_>, parts: &BTreeSet<String>, usable: &mut BTreeSet<String>, found: &mut Found) {
        let at = node.pointer.as_str();
        let schema = node.value;
        let has = |key: &str| schema.get(key).is_some();
        let kind = schema.get("type").and_then(Value::as_str);
        if kind == Some("array") && !has("items") {
            found.add("S104", at, "an array that does not say what its items are");
        }
        if !has("type") && (has("properties") || has("additionalProperties")) {
            found.add("S105", at, "properties without `type: object` let anything else through");
        }
        self.lint_nullable(at, schema, found);
        self.lint_null_branches(at, schema, found);
        // The parts of a composition may require, and show, what other parts document.
        let world = if parts.contains(at) {
            World::Open
        } else {
            self.lint_required(at, found);
            World::Closed
        };
        let is_known = |end: usize| at.get(..end).is_some_and(|above| usable.contains(above));
        let is_usable = is_known(at.len()) || at.match_indices('/').any(|(end, _)| is_known(end));
        if !is_usable {
            match &*self.checkers.get(self.document(), at, World::Closed) {
                Ok(checker) => usable.extend(checker.sources().iter().cloned()),
                Err(error) => {
                    // A reference that leads nowhere has its own check.
                    if error.kind == FlawKind::Schema {
                        found.add("S116", &error.at, error.message.clone());
                    }
                    return;
                }
            }
        }
        for key in ["example", "default"] {
            if let Some(value) = schema.get(key) {
                self.lint_example(at, world, value, &join(at, key), found);
            }
        }
    }

    fn lint_nullable(&self, at: &str, schema: &Value, found: &mut Found) {
        if schema.get("nullable") != Some(&Value::Bool(true)) {
            return;
        }
        let refuses = |value: &Value| {
            let options = value.as_array();
            options.is_some_and(|options| !options.contains(&Value::Null))
        };
        if schema.get("type").is_none() {
            found.add("S107", at, "`nullable` has no effect without `type` beside it");
        } else if schema.get("enum").is_some_and(refuses) {
            let message = "`nullable` has no effect: the `enum` beside it does not list null";
            found.add("S107", at, message);
        } else if self.checkers.get(self.document(), at, World::Closed).is_ok() && !self.accepts(at, World::Closed, &Value::Null) {
            let message = "`nullable` has no effect: a part of the composition beside it refuses null";
            found.add("S107", at, message);
        }
    }

    fn lint_null_branches(&self, at: &str, schema: &Value, found: &mut Found) {
        let branches = schema.get("oneOf").and_then(Value::as_array);
        let takes_null = |position: &usize| {
            let branch = format!("{at}/oneOf/{position}");
            self.accepts(&branch, World::Open, &Value::Null)
        };
        let count = (0..branches.map_or(0, Vec::len)).filter(takes_null).count();
        if count > 1 {
            let message = format!("{count} branches of `oneOf` take null, so null fits none alone");
            found.add("S108", at, message);
        }
    }

    fn lint_required(&self, at: &str, found: &mut Found) {
        let names = property_names(self.document(), at);
        let facets = self.facets(at, None);
        // An open map documents every name.
        if facets.iter().any(|facet| facet.value.get("additionalProperties").is_some_and(|v| *v != false)) {
            return;
        }
        for facet in facets {
            let required = facet.value.get("required").and_then(Value::as_array);
            let inside = facet.pointer == at || facet.pointer.starts_with(&format!("{at}/"));
            for (position, name) in required.into_iter().flatten().enumerate() {
                let name = name.as_str().unwrap_or_default();
                if inside && !names.contains(name) {
                    let at = format!("{}/required/{position}", facet.pointer);
                    found.add("S113", &at, format!("`{name}` is required and not among the properties"));
                }
            }
        }
    }

    /// The examples of a media type, a parameter or a header, each against the schema beside it.
    fn lint_examples(&self, node: &Node<'_>, found: &mut Found) {
        let schema = join(&node.pointer, "schema");
        if node.value.get("schema").is_none() {
            return;
        }
        if let Some(value) = node.value.get("example") {
            self.lint_typed_example(node, &schema, value, &join(&node.pointer, "example"), found);
        }
        let named = join(&node.pointer, "examples");
        let examples = node.value.get("examples").and_then(Value::as_object);
        for name in examples.into_iter().flat_map(|examples| examples.keys()) {
            let resolved = resolve(self.document(), &join(&named, name));
            let Ok((at, example)) = resolved else {
                continue;
            };
            if let Some(value) = example.get("value") {
                self.lint_typed_example(node, &schema, value, &join(&at, "value"), found);
            }
        }
    }

    fn lint_typed_example(&self, node: &Node<'_>, schema: &str, value: &Value, at: &str, found: &mut Found) {
        let media = tokens(&node.pointer).last().unwrap_or_default();
        let kind = essence(&media);
        if node.kind != Kind::Media || is_json(&kind) {
            self.lint_example(schema, World::Closed, value, at, found);
            return;
        }
        // In any other media type an example is the text of the body, or a form as an object.
        let body = match value {
            Value::String(text) => self.body_value(schema, &kind, &Body(text.clone().into_bytes())),
            Value::Object(_) if kind == FORM => Ok(Some(value.clone())),
            _ => Ok(None),
        };
        if let Ok(Some(value)) = body {
            self.lint_example(schema, World::Closed, &value, at, found);
        }
    }

    fn lint_example(&self, schema: &str, world: World, value: &Value, at: &str, found: &mut Found) {
        let document = self.document();
        // A schema that cannot be used has a finding of its own.
        if self.checkers.get(document, schema, world).is_err() {
            return;
        }
        // What is shown may be a request or an answer.
        if [Way::Request, Way::Response].into_iter().any(|way| self.view(way).accepts(schema, world, value)) {
            return;
        }
        for fault in self.checkers.faults(document, schema, world, value) {
            found.add("S106", &format!("{at}{}", fault.path), fault.message);
        }
    }

    fn lint_statuses(&self, operation: &Operation, found: &mut Found) {
        let secured = !operation.security.is_empty() && operation.security.iter().all(|requirement| !requirement.is_empty());
        let has = |wanted: &dyn Fn(&str) -> bool| operation.responses.iter().any(|reply| wanted(&reply.status.to_ascii_uppercase()));
        if !secured || has(&|status| matches!(status, "401" | "4XX" | "DEFAULT")) {
            return;
        }
        let message = if has(&|status| status.starts_with('4')) {
            "a secured operation that documents no 401"
        } else {
            "a secured operation that documents no 401, nor any other 4xx"
        };
        found.add("S109", &join(&operation.pointer, "responses"), message);
    }

    fn lint_read_only(&self, operation: &Operation, found: &mut Found) {
        let media = operation.body.iter().flat_map(|body| &body.media);
        let mut seen = BTreeSet::new();
        let mut todo: Vec<String> = media.filter_map(|media| media.schema.clone()).collect();
        while let Some(schema) = todo.pop() {
            for facet in self.facets(&schema, None) {
                if !seen.insert(facet.pointer.clone()) {
                    continue;
                }
                if facet.value.get("readOnly") == Some(&Value::Bool(true)) {
                    let message = format!("`readOnly`, and the request of `{}` has it", operation.id);
                    found.add("S114", &facet.pointer, message);
                }
                todo.extend(facet.items());
                todo.extend(facet.entries());
                let names = facet.value.get("properties").and_then(Value::as_object);
                let names = names.into_iter().flat_map(|names| names.keys());
                todo.extend(names.filter_map(|name| facet.property(name)));
            }
        }
    }

    fn lint_ids(&self, nodes: &[Node<'_>], found: &mut Found) {
        let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
        let operations = nodes.iter().filter(|node| node.kind == Kind::Operation);
        for node in operations {
            let Some(id) = node.value.get("operationId").and_then(Value::as_str) else {
                found.add("S110", &node.pointer, "no operationId");
                continue;
            };
            let at = join(&node.pointer, "operationId");
            if let Some(first) = seen.insert(id, &node.pointer) {
                found.add("S110", &at, format!("`{id}` is also the operationId of {first}"));
            }
            if !is_snake_case(id) {
                found.add("S110", &at, format!("`{id}` is not snake_case"));
            }
        }
    }

    /// Components that nothing reaches from the paths.
    fn lint_unused(&self, nodes: &[Node<'_>], found: &mut Found) {
        let component = |pointer: &str| {
            let mut tokens = pointer.split('/').skip(1);
            match (tokens.next(), tokens.next(), tokens.next()) {
                (Some("components"), Some(kind), Some(name)) => Some(format!("/components/{kind}/{name}")),
                _ => None,
            }
        };
        let mut edges: BTreeMap<Option<String>, Vec<String>> = BTreeMap::new();
        for node in nodes {
            let from = component(&node.pointer);
            let targets = references_of(node).into_iter();
            let targets = targets.filter_map(|text| {
                let pointer = target(self.document(), &node.pointer, &text).ok()?;
                component(&pointer)
            });
            edges.entry(from).or_default().extend(targets);
        }
        let mut reached = BTreeSet::new();
        let mut todo = edges.get(&None).cloned().unwrap_or_default();
        while let Some(pointer) = todo.pop() {
            if reached.insert(pointer.clone()) {
                todo.extend(edges.get(&Some(pointer)).cloned().unwrap_or_default());
            }
        }
        let kinds = self.document().get("components").and_then(Value::as_object);
        for (kind, named) in kinds.into_iter().flatten().filter(|(kind, _)| !kind.starts_with("x-")) {
            let names = named.as_object().into_iter().flat_map(|names| names.keys());
            for name in names {
                let pointer = join(&join("/components", kind), name);
                if !reached.contains(&pointer) {
                    found.add("S112", &pointer, "nothing uses this component");
                }
            }
        }
    }
}

/// The references that an object makes: its own, its security schemes and its discriminator's.
fn references_of(node: &Node<'_>) -> Vec<String> {
    let mut found: Vec<String> = reference(node.value).map(str::to_owned).into_iter().collect();
    if matches!(node.kind, Kind::Document | Kind::Operation) {
        let list = node.value.get("security").and_then(Value::as_array);
        let schemes = list.into_iter().flatten().filter_map(Value::as_object);
        let names = schemes.flat_map(|scheme| scheme.keys());
        found.extend(names.map(|name| format!("#{}", join("/components/securitySchemes", name))));
    }
    let mapping = node.value.pointer("/discriminator/mapping");
    let mapping = mapping.filter(|_| node.kind == Kind::Schema);
    let names = mapping.and_then(Value::as_object).into_iter().flatten();
    for name in names.filter_map(|(_, name)| name.as_str()) {
        found.push(if name.starts_with('#') { name.to_owned() } else { format!("#{}", join("/components/schemas", name)) });
    }
    found
}

/// Pointers of the schemas that are parts or branches of another one.
fn composition_parts(nodes: &[Node<'_>]) -> BTreeSet<String> {
    let schemas = nodes.iter().filter(|node| node.kind == Kind::Schema);
    let mut parts = BTreeSet::new();
    for node in schemas {
        for key in ["allOf", "anyOf", "oneOf"] {
            let list = node.value.get(key).and_then(Value::as_array);
            for position in 0..list.map_or(0, Vec::len) {
                parts.insert(format!("{}/{key}/{position}", node.pointer));
            }
        }
    }
    parts
}

fn lint_credentials(operation: &Operation, found: &mut Found) {
    for credential in operation.security.iter().flatten() {
        if let Credential::Unknown(name) = credential {
            let message = format!("the security scheme `{name}` is not declared, or not one that can be checked");
            found.add("S115", &operation.pointer, message);
        }
    }
}

fn is_snake_case(id: &str) -> bool {
    let words = id.split('_');
    id.starts_with(|first: char| first.is_ascii_lowercase())
        && words.into_iter().all(|word| !word.is_empty() && word.chars().all(|char| char.is_ascii_lowercase() || char.is_ascii_digit()))
}
