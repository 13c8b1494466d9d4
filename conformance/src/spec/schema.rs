//! OpenAPI 3.0 schemas as JSON Schema 2020-12, in a closed world.
//!
//! An object with documented properties accepts no others, also across `allOf`, `anyOf` and
//! `oneOf`; an object of which nothing is documented stays free-form. The result keeps the shape
//! of the source, so that a place in it is a place in the document.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::{Map, Value, json};

use super::pointer::{Flaw, FlawKind, join, reference, resolve, target};

/// How undocumented properties of a schema's object are treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum World {
    /// Refused: this schema alone describes the object.
    Closed,
    /// Left to the schema around it.
    Open,
    /// As `Open`, and an object without properties does not stand for "anything": it adds to a
    /// description that has properties.
    Part,
}

/// A converted schema, and where its definitions come from.
#[derive(Debug)]
pub(super) struct Converted {
    pub(super) schema: Value,
    /// Pointer into the document of each definition, by number.
    pub(super) sources: Vec<String>,
}

/// Converts the schema at `pointer` and everything that it refers to.
pub(super) fn convert(document: &Value, pointer: &str, world: World) -> Result<Converted, Flaw> {
    let mut converter =
        Converter { document, numbers: BTreeMap::new(), sources: Vec::new(), queue: VecDeque::new(), grounded: BTreeSet::new() };
    let (root, _) = resolve(document, pointer)?;
    let root = converter.define(root, world)?;
    let mut definitions = Map::new();
    while let Some((number, at, world)) = converter.queue.pop_front() {
        let value = document.pointer(&at).unwrap_or(&Value::Null);
        let schema = converter.schema(&at, value, world)?;
        definitions.insert(number.to_string(), schema);
    }
    Ok(Converted {
        schema: json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$ref": root,
            "$defs": definitions,
        }),
        sources: converter.sources,
    })
}

struct Converter<'a> {
    document: &'a Value,
    numbers: BTreeMap<(String, World), usize>,
    sources: Vec<String>,
    queue: VecDeque<(usize, String, World)>,
    grounded: BTreeSet<String>,
}

impl Converter<'_> {
    fn define(&mut self, pointer: String, world: World) -> Result<String, Flaw> {
        let key = (pointer, world);
        let number = match self.numbers.get(&key) {
            Some(number) => *number,
            None => {
                ground(self.document, &key.0, &mut Vec::new(), &mut self.grounded)?;
                let number = self.sources.len();
                self.sources.push(key.0.clone());
                self.queue.push_back((number, key.0.clone(), world));
                self.numbers.insert(key, number);
                number
            }
        };
        Ok(format!("#/$defs/{number}"))
    }

    fn schema(&mut self, at: &str, value: &Value, world: World) -> Result<Value, Flaw> {
        if reference(value).is_some() {
            // Siblings of a reference are ignored in OpenAPI 3.0; `S103` points them out.
            let (to, _) = resolve(self.document, at)?;
            return Ok(json!({"$ref": self.define(to, world)?}));
        }
        let Some(source) = value.as_object() else {
            return Err(Flaw { kind: FlawKind::Schema, at: at.to_owned(), message: "a schema is not an object".to_owned() });
        };
        let mut out = Map::new();
        for (key, item) in source {
            let below = join(at, key);
            match key.as_str() {
                "type" if nullable(source) => {
                    out.insert(key.clone(), json!([item, "null"]));
                }
                "type" | "enum" | "format" | "pattern" | "multipleOf" | "maxLength" | "minLength" | "maxItems" | "minItems"
                | "uniqueItems" | "maxProperties" | "minProperties" | "required" => {
                    out.insert(key.clone(), item.clone());
                }
                "minimum" | "maximum" => {
                    let exclusive = match key.as_str() {
                        "minimum" => "exclusiveMinimum",
                        _ => "exclusiveMaximum",
                    };
                    let strict = source.get(exclusive) == Some(&Value::Bool(true));
                    let name = if strict { exclusive } else { key };
                    out.insert(name.to_owned(), item.clone());
                }
                "properties" => {
                    let mut properties = Map::new();
                    for (name, property) in item.as_object().into_iter().flatten() {
                        let schema = self.schema(&join(&below, name), property, World::Closed)?;
                        properties.insert(name.clone(), schema);
                    }
                    out.insert(key.clone(), Value::Object(properties));
                }
                "items" => {
                    let schema = self.schema(&below, item, World::Closed)?;
                    out.insert(key.clone(), schema);
                }
                "additionalProperties" => {
                    let schema = match item {
                        Value::Bool(_) => item.clone(),
                        _ => self.schema(&below, item, World::Closed)?,
                    };
                    out.insert(key.clone(), schema);
                }
                "not" => {
                    let schema = self.schema(&below, item, World::Open)?;
                    out.insert(key.clone(), schema);
                }
                "allOf" | "anyOf" | "oneOf" => {
                    let inner = self.inner_world(at, value, key, world);
                    let mut parts = Vec::new();
                    for (position, part) in item.as_array().into_iter().flatten().enumerate() {
                        parts.push(self.schema(&format!("{below}/{position}"), part, inner)?);
                    }
                    out.insert(key.clone(), Value::Array(parts));
                }
                _ => {}
            }
        }
        close(source, world, &mut out);
        Ok(Value::Object(out))
    }

    /// How the parts of a composition are treated.
    fn inner_world(&self, at: &str, value: &Value, key: &str, world: World) -> World {
        if value.as_object().is_some_and(is_wrapper) {
            return world;
        }
        let names = if key == "allOf" { property_names(self.document, at) } else { names_outside(self.document, at, key) };
        match world {
            World::Part => World::Part,
            _ if names.is_empty() => World::Open,
            _ => World::Part,
        }
    }
}

/// Whether a schema is nothing but a single-element `allOf`, which people write to put a
/// description beside a reference.
fn is_wrapper(source: &Map<String, Value>) -> bool {
    let one = source.get("allOf").and_then(Value::as_array);
    let others = ["anyOf", "oneOf", "properties", "additionalProperties"];
    one.is_some_and(|parts| parts.len() == 1) && !others.iter().any(|key| source.contains_key(*key))
}

fn close(source: &Map<String, Value>, world: World, out: &mut Map<String, Value>) {
    let has = |key: &str| source.contains_key(key);
    if has("additionalProperties") {
        return;
    }
    if has("allOf") || has("anyOf") || has("oneOf") {
        if world == World::Closed && !is_wrapper(source) {
            out.insert("unevaluatedProperties".to_owned(), Value::Bool(false));
        }
    } else if has("properties") {
        if world == World::Closed {
            out.insert("additionalProperties".to_owned(), Value::Bool(false));
        }
    } else if world == World::Open && is_free_form(source) {
        out.insert("additionalProperties".to_owned(), Value::Bool(true));
    }
}

/// An object of which nothing is documented, or a schema that says nothing at all.
fn is_free_form(source: &Map<String, Value>) -> bool {
    let silent = ["description", "title", "example", "nullable", "deprecated", "default", "externalDocs"];
    match source.get("type").and_then(Value::as_str) {
        Some(kind) => kind == "object",
        None => source.keys().all(|key| silent.contains(&key.as_str()) || key.starts_with("x-")),
    }
}

/// `nullable` works only together with a `type` in the same object (OAS 3.0.3).
fn nullable(source: &Map<String, Value>) -> bool {
    source.get("nullable") == Some(&Value::Bool(true)) && source.contains_key("type")
}

/// The names of the properties that a schema documents, through references and compositions.
pub(super) fn property_names(document: &Value, at: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    collect_names(document, at, "", &mut BTreeSet::new(), &mut names);
    names
}

fn names_outside(document: &Value, at: &str, without: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    collect_names(document, at, without, &mut BTreeSet::new(), &mut names);
    names
}

fn collect_names(document: &Value, at: &str, without: &str, seen: &mut BTreeSet<String>, names: &mut BTreeSet<String>) {
    let Ok((at, value)) = resolve(document, at) else {
        return;
    };
    if !seen.insert(at.clone()) {
        return;
    }
    if let Some(properties) = value.get("properties").and_then(Value::as_object) {
        names.extend(properties.keys().cloned());
    }
    for key in ["allOf", "anyOf", "oneOf"] {
        let parts = value.get(key).and_then(Value::as_array);
        for position in 0..parts.map_or(0, Vec::len) {
            if key != without {
                let part = format!("{at}/{key}/{position}");
                collect_names(document, &part, "", seen, names);
            }
        }
    }
}

/// Refuses a schema that contains itself without a property or an item in between: a validator
/// would follow it forever.
fn ground(document: &Value, at: &str, path: &mut Vec<String>, done: &mut BTreeSet<String>) -> Result<(), Flaw> {
    if done.contains(at) {
        return Ok(());
    }
    if path.iter().any(|earlier| earlier == at) {
        return Err(Flaw { kind: FlawKind::Schema, at: at.to_owned(), message: "a schema that is made of itself".to_owned() });
    }
    path.push(at.to_owned());
    let value = document.pointer(at).unwrap_or(&Value::Null);
    if let Some(text) = reference(value) {
        ground(document, &target(document, at, text)?, path, done)?;
    } else {
        for key in ["allOf", "anyOf", "oneOf"] {
            let parts = value.get(key).and_then(Value::as_array);
            for position in 0..parts.map_or(0, Vec::len) {
                ground(document, &format!("{at}/{key}/{position}"), path, done)?;
            }
        }
        if value.get("not").is_some() {
            ground(document, &join(at, "not"), path, done)?;
        }
    }
    path.pop();
    done.insert(at.to_owned());
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn accepts(schemas: &Value, name: &str, instance: &Value) -> bool {
        let document = json!({"components": {"schemas": schemas}});
        let at = join("/components/schemas", name);
        let converted = convert(&document, &at, World::Closed).unwrap();
        jsonschema::options().build(&converted.schema).unwrap().is_valid(instance)
    }

    #[test]
    fn closes_objects_through_references() {
        let schemas = json!({
            "Book": {"type": "object", "properties": {"author": {"$ref": "#/components/schemas/Author"}}},
            "Author": {"type": "object", "properties": {"name": {"type": "string"}}},
        });
        assert!(accepts(&schemas, "Book", &json!({"author": {"name": "A"}})));
        assert!(!accepts(&schemas, "Book", &json!({"author": {"nmae": "A"}})));
        assert!(!accepts(&schemas, "Book", &json!({"pages": 1})));
    }

    #[test]
    fn closes_compositions_as_a_whole() {
        let schemas = json!({
            "Named": {"type": "object", "properties": {"name": {"type": "string"}}},
            "All": {"allOf": [{"$ref": "#/components/schemas/Named"}, {"type": "object", "required": ["age"]}],
                "type": "object", "properties": {"age": {"type": "integer"}}},
            "Any": {"anyOf": [{"$ref": "#/components/schemas/Named"},
                {"type": "object", "required": ["id"], "properties": {"id": {"type": "integer"}}}]},
            "Either": {"type": "object", "properties": {"a": {}, "b": {}}, "anyOf": [{"required": ["a"]}, {"required": ["b"]}]},
            "Wrapped": {"allOf": [{"$ref": "#/components/schemas/Named"}], "description": "the same"},
            "Nested": {"allOf": [{"$ref": "#/components/schemas/All"}, {"properties": {"x": {}}}]},
        });
        let all = |value: Value| accepts(&schemas, "All", &value);
        assert!(all(json!({"name": "A", "age": 19478.0})));
        assert!(!all(json!({"name": "A", "age": 3, "more": 1})));
        let any = |value: Value| accepts(&schemas, "Any", &value);
        assert!(any(json!({"name": "A"})) && any(json!({"name": "A", "id": 1})));
        assert!(!any(json!({"name": "A", "more": 1})));
        assert!(accepts(&schemas, "Either", &json!({"a": 1})));
        assert!(!accepts(&schemas, "Either", &json!({"a": 1, "c": 1})));
        assert!(accepts(&schemas, "Wrapped", &json!({"name": "A"})));
        assert!(!accepts(&schemas, "Wrapped", &json!({"more": "A"})));
        assert!(accepts(&schemas, "Nested", &json!({"name": "A", "age": 1, "x": 1})));
        assert!(!accepts(&schemas, "Nested", &json!({"name": "A", "age": 1, "y": 1})));
    }

    #[test]
    fn keeps_free_form_objects_open() {
        let schemas = json!({
            "Free": {"type": "object"},
            "Anything": {"description": "whatever"},
            "Map": {"type": "object", "additionalProperties": {"type": "integer"}},
            "Open": {"type": "object", "properties": {"a": {}}, "additionalProperties": true},
            "Shut": {"type": "object", "additionalProperties": false},
            "FreeBranch": {"anyOf": [{"type": "string"}, {"type": "object"}]},
        });
        for name in ["Free", "Anything", "Map", "Open", "FreeBranch"] {
            assert!(accepts(&schemas, name, &json!({"x": 1})), "{name}");
        }
        assert!(!accepts(&schemas, "Shut", &json!({"x": 1})));
        assert!(!accepts(&schemas, "Map", &json!({"x": "1"})));
    }

    #[test]
    fn gives_nullable_its_effect_and_no_more() {
        let schemas = json!({
            "Text": {"type": "string", "nullable": true},
            "Kind": {"type": "string", "nullable": true, "enum": ["a", null]},
            "Strict": {"type": "string", "nullable": true, "enum": ["a"]},
            "Object": {"type": "object", "properties": {"a": {"type": "string"}}},
            "NoType": {"nullable": true, "allOf": [{"$ref": "#/components/schemas/Object"}]},
            "Typed": {"type": "object", "nullable": true, "allOf": [{"$ref": "#/components/schemas/Object"}]},
            "Both": {"type": "object", "nullable": true, "allOf": [{"type": "object", "nullable": true, "properties": {"a": {}}}]},
        });
        for (name, expected) in [("Text", true), ("Kind", true), ("Strict", false), ("NoType", false), ("Typed", false), ("Both", true)] {
            assert_eq!(accepts(&schemas, name, &Value::Null), expected, "{name}");
        }
    }

    #[test]
    fn translates_exclusive_bounds() {
        let schemas = json!({
            "Above": {"type": "number", "minimum": 1, "exclusiveMinimum": true},
            "From": {"type": "number", "minimum": 1, "exclusiveMinimum": false},
        });
        assert!(!accepts(&schemas, "Above", &json!(1)));
        assert!(accepts(&schemas, "From", &json!(1)));
    }

    #[test]
    fn takes_recursion_through_properties_only() {
        let document = json!({"components": {"schemas": {
            "Tree": {"type": "object", "properties": {"children": {"type": "array", "items": {"$ref": "#/components/schemas/Tree"}}}},
            "Loop": {"allOf": [{"$ref": "#/components/schemas/Loop"}]},
        }}});
        assert!(convert(&document, "/components/schemas/Tree", World::Closed).is_ok());
        let error = convert(&document, "/components/schemas/Loop", World::Closed).unwrap_err();
        assert!(error.message.contains("made of itself"));
    }
}
