//! A small value that a schema takes: what is required, and nothing else.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use regex_syntax::hir::{Class, Hir, HirKind};
use serde_json::{Map, Number, Value};

use super::Spec;
use super::facet::{Facet, properties};
use super::pointer::resolve;
use super::schema::World;

/// So many places are filled before a value is given up: schemas that require each other have more ways than there is time for.
const FILLED: u32 = 3_000;
/// So many values are tried for one place.
const TRIED: usize = 12;
/// A pattern is lengthened up to so many repetitions to reach a minimal length.
const REPEATED: u32 = 64;

/// The schemas that a value is inside of, and what is left to be filled.
struct Trail<'a> {
    above: Option<(&'a Self, &'a str)>,
    left: &'a Cell<u32>,
}

impl Trail<'_> {
    fn holds(&self, pointer: &str) -> bool {
        let mut above = self.above;
        while let Some((trail, known)) = above {
            if known == pointer {
                return true;
            }
            above = trail.above;
        }
        false
    }
}

impl Spec {
    /// A value that the schema at `pointer` takes; `name` is what texts are called where nothing else is known of them.
    /// `None` where no value was found, as for a pattern that looks around.
    pub(super) fn instance(&self, pointer: &str, name: &str) -> Option<Value> {
        let left = Cell::new(FILLED);
        let mut tried = self.candidates(pointer, name, &Trail { above: None, left: &left }).into_iter();
        tried.find(|value| self.accepts(pointer, World::Closed, value))
    }

    /// As [`Spec::instance`], for a parameter: a list that may be empty has one element, as otherwise nothing is sent.
    pub(super) fn sendable(&self, pointer: &str, name: &str) -> Option<Value> {
        match self.instance(pointer, name)? {
            Value::Array(items) if items.is_empty() => {
                let items = self.plain(pointer).into_iter().find_map(|facet| facet.items())?;
                let one = Value::Array(vec![self.instance(&items, name)?]);
                self.accepts(pointer, World::Closed, &one).then_some(one)
            }
            value => Some(value),
        }
    }

    /// The schemas that hold in any case: through references and `allOf`, not into branches.
    pub(super) fn plain(&self, pointer: &str) -> Vec<Facet<'_>> {
        let mut found = Vec::new();
        self.add_plain(pointer, &mut BTreeSet::new(), &mut found);
        found
    }

    fn add_plain<'a>(&'a self, pointer: &str, seen: &mut BTreeSet<String>, found: &mut Vec<Facet<'a>>) {
        let Ok((pointer, value)) = resolve(self.document(), pointer) else { return };
        if !seen.insert(pointer.clone()) {
            return;
        }
        for position in 0..value.get("allOf").and_then(Value::as_array).map_or(0, Vec::len) {
            self.add_plain(&format!("{pointer}/allOf/{position}"), seen, found);
        }
        found.push(Facet { pointer, value });
    }

    /// Values that might do, the best first.
    fn candidates(&self, pointer: &str, name: &str, trail: &Trail<'_>) -> Vec<Value> {
        let pointer = resolve(self.document(), pointer).map_or_else(|_| pointer.to_owned(), |(pointer, _)| pointer);
        let left = trail.left.get();
        // The smallest value has no schema inside itself.
        if left == 0 || trail.holds(&pointer) {
            return vec![Value::Null];
        }
        trail.left.set(left - 1);
        let trail = &Trail { above: Some((trail, &pointer)), left: trail.left };
        let pointer = pointer.as_str();
        let facets = self.plain(pointer);
        let mut found: Vec<Value> = Vec::new();
        let stated = |key: &str| facets.iter().filter_map(|facet| facet.value.get(key)).cloned().collect::<Vec<_>>();
        for options in stated("enum") {
            found.extend(options.as_array().into_iter().flatten().filter(|value| !value.is_null()).take(TRIED).cloned());
        }
        found.extend(stated("default").into_iter().filter(|value| !value.is_null()));
        let own = self.instances_of(&facets, name, trail);
        let branches: Vec<Value> = facets.iter().flat_map(|facet| self.branches(facet, name, trail)).collect();
        for branch in &branches {
            // A branch of an object adds to what holds in any case.
            if let (Some(Value::Object(own)), Value::Object(branch)) = (own.first(), branch) {
                let mut whole = own.clone();
                whole.extend(branch.clone());
                found.push(Value::Object(whole));
            }
        }
        found.extend(branches);
        found.extend(own);
        found.extend(stated("example"));
        found.push(Value::Null);
        found.truncate(4 * TRIED);
        found
    }

    fn branches(&self, facet: &Facet<'_>, name: &str, trail: &Trail<'_>) -> Vec<Value> {
        let mut found = Vec::new();
        for key in ["oneOf", "anyOf"] {
            for position in 0..facet.value.get(key).and_then(Value::as_array).map_or(0, Vec::len) {
                let part = format!("{}/{key}/{position}", facet.pointer);
                // A branch that only requires names gets its properties from the schema around it.
                let schema = self.document().pointer(&part);
                let is_own = |name: &&str| schema.and_then(|schema| schema.get("properties")?.get(*name)).is_some();
                let required = schema.and_then(|schema| schema.get("required")?.as_array()).into_iter().flatten();
                let names = required.filter_map(Value::as_str).filter(|name| !is_own(name));
                let lent = names.filter_map(|name| Some((name.to_owned(), self.property_value(facet, name, trail)?)));
                let lent: Map<String, Value> = lent.collect();
                let fits = |value: &Value| self.accepts(&part, World::Open, value);
                let value = self.candidates(&part, name, trail).into_iter().find(fits);
                found.extend(value.filter(|value| !value.is_null()).map(|value| match value {
                    Value::Object(mut object) => {
                        object.extend(lent);
                        Value::Object(object)
                    }
                    other => other,
                }));
            }
        }
        found
    }

    fn property_value(&self, facet: &Facet<'_>, name: &str, trail: &Trail<'_>) -> Option<Value> {
        self.below(&[facet.property(name)?], name, trail)
    }

    /// A value that all of these schemas take.
    fn below(&self, schemas: &[String], name: &str, trail: &Trail<'_>) -> Option<Value> {
        let mut tried = schemas.iter().flat_map(|schema| self.candidates(schema, name, trail));
        tried.find(|value| schemas.iter().all(|schema| self.accepts(schema, World::Closed, value)))
    }

    fn instances_of(&self, facets: &[Facet<'_>], name: &str, trail: &Trail<'_>) -> Vec<Value> {
        let kinds: Vec<&str> = facets.iter().filter_map(|facet| facet.value.get("type")?.as_str()).collect();
        let has = |key: &str| facets.iter().any(|facet| facet.value.get(key).is_some());
        match kinds.first() {
            Some(&"string") => texts(facets, name).into_iter().map(Value::String).collect(),
            Some(&"integer") => numbers(facets, true),
            Some(&"number") => numbers(facets, kinds.contains(&"integer")),
            Some(&"boolean") => vec![Value::Bool(true), Value::Bool(false)],
            Some(&"array") => self.list(facets, name, trail),
            Some(&"object") => vec![self.object(facets, trail)],
            _ if has("properties") || has("required") => vec![self.object(facets, trail)],
            _ if has("items") => self.list(facets, name, trail),
            _ => vec![Value::String(name.to_owned()), Value::Object(Map::new())],
        }
    }

    fn list(&self, facets: &[Facet<'_>], name: &str, trail: &Trail<'_>) -> Vec<Value> {
        let least = facets.iter().filter_map(|facet| facet.value.get("minItems")?.as_u64()).max().unwrap_or(0);
        let least = usize::try_from(least).unwrap_or(usize::MAX).min(1_000);
        let schemas: Vec<String> = facets.iter().filter_map(Facet::items).collect();
        if least == 0 {
            return vec![Value::Array(Vec::new())];
        }
        let fits = |value: &Value| schemas.iter().all(|schema| self.accepts(schema, World::Closed, value));
        let mut items: Vec<Value> = Vec::new();
        let must_differ = facets.iter().any(|facet| facet.value.get("uniqueItems") == Some(&Value::Bool(true)));
        for number in 0..least {
            // Another name gives another text, where the items have to differ.
            let name = if must_differ && number > 0 { format!("{name}-{}", number + 1) } else { name.to_owned() };
            let tried = schemas.iter().flat_map(|schema| self.candidates(schema, &name, trail));
            let is_new = |value: &Value| !must_differ || !items.contains(value);
            let found = tried.filter(|value| fits(value)).find(is_new);
            items.push(found.unwrap_or_else(|| if schemas.is_empty() { Value::String(name) } else { Value::Null }));
        }
        vec![Value::Array(items)]
    }

    fn object(&self, facets: &[Facet<'_>], trail: &Trail<'_>) -> Value {
        let documented: BTreeMap<String, Vec<String>> = properties(facets);
        // In the order of the document, which says something to a reader.
        let order = facets.iter().filter_map(|facet| facet.value.get("properties")?.as_object()).flat_map(Map::keys);
        let mut object = Map::new();
        for name in order.filter(|name| facets.iter().any(|facet| facet.requires(name))) {
            let value = documented.get(name).and_then(|schemas| self.below(schemas, name, trail));
            object.insert(name.clone(), value.unwrap_or_default());
        }
        let entries = facets.iter().find_map(Facet::entries);
        let entry = |name: &str| match &entries {
            Some(entries) => self.below(std::slice::from_ref(entries), name, trail).unwrap_or_default(),
            None => Value::String(name.to_owned()),
        };
        let required = facets.iter().filter_map(|facet| facet.value.get("required")?.as_array()).flatten().filter_map(Value::as_str);
        for name in required.filter(|name| !documented.contains_key(*name)) {
            object.insert(name.to_owned(), entry(name));
        }
        let least = facets.iter().filter_map(|facet| facet.value.get("minProperties")?.as_u64()).max().unwrap_or(0);
        let least = usize::try_from(least).unwrap_or(usize::MAX).min(1_000);
        for (name, schemas) in &documented {
            if object.len() < least && !object.contains_key(name) {
                object.extend(self.below(schemas, name, trail).map(|value| (name.clone(), value)));
            }
        }
        for number in object.len()..least {
            let name = format!("key-{}", number + 1);
            object.insert(name.clone(), entry(&name));
        }
        Value::Object(object)
    }
}

/// Texts of the format, of the pattern and of the length that are asked for.
fn texts(facets: &[Facet<'_>], name: &str) -> Vec<String> {
    let text = |key: &str| facets.iter().find_map(|facet| facet.value.get(key)?.as_str());
    let bounds = |key: &str| facets.iter().filter_map(|facet| facet.value.get(key)?.as_u64()).collect::<Vec<_>>();
    let length = |number: u64| usize::try_from(number).unwrap_or(usize::MAX).min(100_000);
    let least = length(bounds("minLength").into_iter().max().unwrap_or(0));
    let most = length(bounds("maxLength").into_iter().min().unwrap_or(u64::MAX));
    let formatted: &[&str] = match text("format") {
        Some("date-time") => &["2026-01-01T00:00:00Z"],
        Some("date") => &["2026-01-01"],
        Some("time") => &["00:00:00Z"],
        Some("duration") => &["PT1S"],
        Some("uuid") => &["00000000-0000-4000-8000-000000000000"],
        Some("uri" | "url" | "iri" | "uri-reference" | "iri-reference") => &["https://example.com/", "https://example.com/a"],
        Some("email" | "idn-email") => &["jo@example.com"],
        Some("hostname" | "idn-hostname") => &["example.com"],
        Some("ipv4") => &["192.0.2.1"],
        Some("ipv6") => &["2001:db8::1"],
        Some("byte") => &["dGVzdA=="],
        Some("json-pointer") => &["/a"],
        Some("regex") => &["a"],
        _ => &[],
    };
    let mut found: Vec<String> = formatted.iter().map(|text| (*text).to_owned()).collect();
    if let Some(pattern) = text("pattern") {
        found.extend(matching(pattern, least));
    }
    let mut plain: String = name.chars().take(most).collect();
    let missing = least.saturating_sub(plain.chars().count());
    plain.extend(std::iter::repeat_n('x', missing));
    found.push(plain);
    found
}

/// Texts that match a pattern: the shortest, and where it is too short, one with more repetitions.
fn matching(pattern: &str, least: usize) -> Vec<String> {
    let Ok(hir) = regex_syntax::parse(pattern) else { return Vec::new() };
    let text = |more: u32| {
        let mut text = String::new();
        write_match(&hir, more, &mut text).then_some(text)
    };
    let long = (1..=REPEATED).filter_map(text).find(|text| text.chars().count() >= least.max(1));
    [text(0).filter(|text| text.chars().count() >= least && !text.is_empty()), long].into_iter().flatten().collect()
}

/// Appends a text that matches; `more` is how often something is repeated beyond what it has to be.
fn write_match(hir: &Hir, more: u32, out: &mut String) -> bool {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => true,
        HirKind::Literal(literal) => match std::str::from_utf8(&literal.0) {
            Ok(text) => {
                out.push_str(text);
                true
            }
            Err(_) => false,
        },
        HirKind::Class(Class::Unicode(class)) => {
            let holds = |c: &char| class.ranges().iter().any(|range| range.start() <= *c && *c <= range.end());
            let first = || class.ranges().first().map(regex_syntax::hir::ClassUnicodeRange::start);
            match ['a', 'A', '1', '0', '-', '_', ' '].into_iter().find(holds).or_else(first) {
                Some(c) => {
                    out.push(c);
                    true
                }
                None => false,
            }
        }
        HirKind::Class(Class::Bytes(_)) => false,
        HirKind::Repetition(repetition) => {
            let most = repetition.max.unwrap_or(u32::MAX);
            let number = repetition.min.saturating_add(more).min(most).min(repetition.min.max(1_000));
            (0..number).all(|_| write_match(&repetition.sub, more, out))
        }
        HirKind::Capture(capture) => write_match(&capture.sub, more, out),
        HirKind::Concat(parts) => parts.iter().all(|part| write_match(part, more, out)),
        HirKind::Alternation(parts) => parts.first().is_some_and(|part| write_match(part, more, out)),
    }
}

/// Numbers around the bounds.
fn numbers(facets: &[Facet<'_>], is_integer: bool) -> Vec<Value> {
    let all = |key: &str| facets.iter().filter_map(|facet| facet.value.get(key)?.as_f64()).collect::<Vec<_>>();
    let step = all("multipleOf").into_iter().fold(0.0, f64::max);
    let least = all("minimum").into_iter().fold(f64::NEG_INFINITY, f64::max);
    let most = all("maximum").into_iter().fold(f64::INFINITY, f64::min);
    let mut found = vec![1.0, 0.0];
    if step > 0.0 {
        found.extend([step, (least / step).ceil() * step, ((least / step).floor() + 1.0) * step, (most / step).floor() * step]);
    }
    found.extend([least, least.ceil(), least.floor() + 1.0, most, most.floor(), most.ceil() - 1.0]);
    if !is_integer {
        found.push((least + most) / 2.0);
    }
    let numbers = found.into_iter().filter(|number| number.is_finite());
    numbers.filter_map(|number| as_number(number).filter(|value| !is_integer || value.is_i64())).map(Value::Number).collect()
}

/// A whole number without a point.
#[allow(clippy::cast_possible_truncation, reason = "only whole numbers that a float holds exactly")]
fn as_number(number: f64) -> Option<Number> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if number.fract() == 0.0 && number.abs() < EXACT { Some(Number::from(number as i64)) } else { Number::from_f64(number) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    fn instance(schema: &Value) -> Option<Value> {
        let document = json!({"openapi": "3.0.3", "paths": {}, "components": {"schemas": {
            "S": schema,
            "Tree": {"type": "object", "required": ["name"], "properties": {
                "name": {"type": "string"}, "children": {"type": "array", "items": {"$ref": "#/components/schemas/Tree"}},
            }},
            "Id": {"type": "object", "required": ["id"], "properties": {"id": {"type": "integer"}}},
        }}});
        let spec = Spec::parse("t.yaml", &document.to_string()).unwrap();
        spec.instance("/components/schemas/S", "it")
    }

    #[test]
    fn gives_up_where_schemas_require_each_other() {
        let names: Vec<String> = (0..12).map(|number| format!("S{number}")).collect();
        let reference = |name: &str| json!({"$ref": format!("#/components/schemas/{name}")});
        let mut schemas: Map<String, Value> = Map::new();
        for name in &names {
            let others: Map<String, Value> =
                names.iter().filter(|other| *other != name).map(|other| (other.clone(), reference(other))).collect();
            let required: Vec<&String> = others.keys().collect();
            schemas.insert(name.clone(), json!({"type": "object", "required": required, "properties": others}));
        }
        schemas.insert("Sum".into(), json!({"type": "object", "required": ["left"], "properties": {"left": reference("Term")}}));
        schemas.insert("Term".into(), json!({"oneOf": [reference("Sum"), {"type": "integer"}]}));
        let document = json!({"openapi": "3.0.3", "paths": {}, "components": {"schemas": schemas}});
        let spec = Spec::parse("t.yaml", &document.to_string()).unwrap();
        assert_eq!(spec.instance("/components/schemas/S0", "it"), None);
        assert_eq!(spec.instance("/components/schemas/Sum", "it"), Some(json!({"left": 1})));
        assert!(spec.instance("/components/schemas/Term", "it").is_some());
    }

    #[test]
    fn makes_what_is_required_and_no_more() {
        let tree = json!({"$ref": "#/components/schemas/Tree"});
        let id = json!({"$ref": "#/components/schemas/Id"});
        for (schema, expected) in [
            (json!({"type": "string"}), json!("it")),
            (json!({"type": "string", "minLength": 4}), json!("itxx")),
            (json!({"type": "string", "maxLength": 1}), json!("i")),
            (json!({"type": "string", "enum": ["b", "a"]}), json!("b")),
            (json!({"type": "string", "nullable": true, "enum": [null, "a"]}), json!("a")),
            (json!({"type": "string", "default": "usual"}), json!("usual")),
            (json!({"type": "string", "nullable": true, "default": null}), json!("it")),
            (json!({"type": "string", "format": "date"}), json!("2026-01-01")),
            (json!({"type": "string", "pattern": "^[A-Z]{2}-\\d+$"}), json!("AA-1")),
            (json!({"type": "string", "pattern": "^(ab|c)+$", "minLength": 5}), json!("ababab")),
            (json!({"type": "string", "pattern": "^https?://[^ ]*"}), json!("http://")),
            (json!({"type": "integer", "minimum": 3, "exclusiveMinimum": true}), json!(4)),
            (json!({"type": "integer", "minimum": 10, "multipleOf": 7}), json!(14)),
            (json!({"type": "number", "minimum": 0.5, "maximum": 0.75}), json!(0.5)),
            (json!({"type": "integer", "maximum": -3}), json!(-3)),
            (json!({"type": "boolean"}), json!(true)),
            (json!({"type": "array", "items": {"type": "integer"}}), json!([])),
            (json!({"type": "array", "minItems": 2, "uniqueItems": true, "items": {"type": "string"}}), json!(["it", "it-2"])),
            (json!({"type": "object"}), json!({})),
            (json!({"type": "object", "minProperties": 1, "additionalProperties": {"type": "integer"}}), json!({"key-1": 1})),
            (tree.clone(), json!({"name": "name"})),
            (json!({"allOf": [tree, id]}), json!({"name": "name", "id": 1})),
            (json!({"oneOf": [{"type": "string", "maxLength": 1}, id]}), json!("i")),
            (json!({"anyOf": [id, {"type": "string"}]}), json!({"id": 1})),
            (json!({"type": "object", "properties": {"a": {"type": "integer"}, "b": {}}, "anyOf": [{"required": ["a"]}]}), json!({"a": 1})),
        ] {
            assert_eq!(instance(&schema), Some(expected), "{schema}");
        }
    }

    #[test]
    fn says_so_where_it_finds_nothing() {
        assert_eq!(instance(&json!({"type": "string", "pattern": "^(?=x)y$"})), None);
        assert_eq!(instance(&json!({"type": "integer", "minimum": 2, "maximum": 1})), None);
        let inside = json!({"type": "object", "required": ["s"], "properties": {"s": {"$ref": "#/components/schemas/S"}}});
        assert_eq!(instance(&inside), None, "no finite value exists");
    }
}
