//! Schemas in a normal form, in which every way of writing the same thing is the same thing.
//!
//! References are followed, `allOf` is merged, a `oneOf` of one is that one, and null has one place. What is
//! left are the facts that a request or an answer can keep to or break.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use serde_json::{Number, Value};

use crate::json;
use crate::spec::{reference, resolve};

/// The schemas that all describe one place, by their pointers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Node(Vec<String>);

impl Node {
    pub(super) fn at(pointer: &str) -> Self {
        Self(vec![pointer.to_owned()])
    }

    /// Where the place is described, before references are followed.
    pub(super) fn pointer(&self) -> &str {
        self.0.first().map_or("", String::as_str)
    }
}

/// What a JSON value can be, null aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    String,
    Number,
    Integer,
    Boolean,
    Object,
    Array,
}

impl Kind {
    fn of(name: &str) -> Option<Self> {
        Some(match name {
            "string" => Self::String,
            "number" => Self::Number,
            "integer" => Self::Integer,
            "boolean" => Self::Boolean,
            "object" => Self::Object,
            "array" => Self::Array,
            _ => return None,
        })
    }

    fn of_value(value: &Value) -> Option<Self> {
        Some(match value {
            Value::String(_) => Self::String,
            Value::Number(_) => Self::Number,
            Value::Bool(_) => Self::Boolean,
            Value::Object(_) => Self::Object,
            Value::Array(_) => Self::Array,
            Value::Null => return None,
        })
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Number => "number",
            Self::Integer => "integer",
            Self::Boolean => "boolean",
            Self::Object => "object",
            Self::Array => "array",
        }
    }
}

/// What an object may hold beside its properties.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Additional {
    Anything,
    Nothing,
    Only(Node),
}

#[derive(Clone, Debug)]
pub(super) struct Property {
    pub(super) node: Node,
    pub(super) required: bool,
}

/// One place of a request or an answer.
#[derive(Clone, Debug)]
pub(super) struct Normal {
    /// The component that a reference names, as long as it alone describes the place.
    pub(super) name: Option<String>,
    /// Where the description stands, references followed.
    pub(super) at: String,
    /// Empty where anything goes.
    pub(super) kinds: BTreeSet<Kind>,
    pub(super) nullable: bool,
    pub(super) format: Option<String>,
    pub(super) values: Option<Vec<Value>>,
    pub(super) properties: BTreeMap<String, Property>,
    pub(super) additional: Additional,
    pub(super) items: Option<Node>,
    pub(super) limits: BTreeMap<&'static str, Value>,
    pub(super) default: Option<Value>,
    /// More than one, or none.
    pub(super) variants: Vec<Node>,
    pub(super) discriminator: Option<String>,
    /// The schemas that values of the discriminator stand for, where these are not their names anyway.
    pub(super) mapping: BTreeMap<String, String>,
    pub(super) deprecated: bool,
    pub(super) read_only: bool,
    pub(super) write_only: bool,
}

impl Normal {
    pub(super) fn is(&self, kind: Kind) -> bool {
        self.kinds.contains(&kind)
    }

    /// The format, as long as it says more than the type does.
    pub(super) fn telling_format(&self) -> Option<&str> {
        let is_implied = |format: &&str| (*format == "int64" && self.is(Kind::Integer)) || (*format == "double" && self.is(Kind::Number));
        self.format.as_deref().filter(|format| KNOWN_FORMATS.contains(format) && !is_implied(format))
    }

    /// Whether this says nothing at all of the value.
    pub(super) fn is_anything(&self) -> bool {
        self.kinds.is_empty() && self.variants.is_empty() && self.values.is_none()
    }
}

/// The schemas of one document.
pub(super) struct Schemas<'a> {
    pub(super) document: &'a Value,
    known: RefCell<BTreeMap<Node, Rc<Normal>>>,
}

/// Formats that a value can break or that decide about a type; others are words.
const KNOWN_FORMATS: [&str; 22] = [
    "date-time",
    "date",
    "time",
    "duration",
    "uuid",
    "uri",
    "email",
    "hostname",
    "ip",
    "ipv4",
    "ipv6",
    "byte",
    "binary",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint32",
    "uint64",
    "float",
    "double",
];
const LIMITS: [&str; 8] = ["minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"];
const COMPONENTS: &str = "/components/schemas/";

impl<'a> Schemas<'a> {
    pub(super) fn new(document: &'a Value) -> Self {
        Self { document, known: RefCell::default() }
    }

    pub(super) fn normal(&self, node: &Node) -> Rc<Normal> {
        if let Some(known) = self.known.borrow().get(node) {
            return Rc::clone(known);
        }
        let normal = Rc::new(self.read(node));
        self.known.borrow_mut().insert(node.clone(), Rc::clone(&normal));
        normal
    }

    /// The names of the components, in the order of the alphabet.
    pub(super) fn names(&self) -> BTreeSet<&'a str> {
        let schemas = self.document.pointer("/components/schemas").and_then(Value::as_object);
        schemas.into_iter().flat_map(|schemas| schemas.keys()).map(String::as_str).collect()
    }

    fn read(&self, node: &Node) -> Normal {
        let mut merged = Merged::default();
        for pointer in &node.0 {
            self.absorb(pointer, &mut merged);
        }
        let name = match node.0.as_slice() {
            [only] => self.name(only, 0),
            _ => None,
        };
        let at = resolve(self.document, node.pointer()).map_or_else(|_| node.pointer().to_owned(), |(at, _)| at);
        let variant_is_null = merged.variants.iter().any(|variant| self.normal(variant).nullable);
        let mut normal = merged.finish(name, at);
        normal.nullable |= variant_is_null;
        normal
    }

    /// The component that stands for the whole place: behind a reference, or alone in a wrapper that adds nothing but words.
    fn name(&self, pointer: &str, depth: usize) -> Option<String> {
        let component = pointer.strip_prefix(COMPONENTS).filter(|name| !name.contains('/'));
        if let Some(name) = component {
            return Some(name.replace("~1", "/").replace("~0", "~"));
        }
        let value = self.document.pointer(pointer)?;
        if depth > 8 {
            return None;
        }
        if let Some(target) = reference(value) {
            let target = target.strip_prefix('#')?;
            return self.name(target, depth + 1);
        }
        let object = value.as_object()?;
        let adds = |key: &&String| !(is_annotation(key) || ["nullable", "allOf", "oneOf", "anyOf"].contains(&key.as_str()));
        if object.keys().any(|key| adds(&key)) {
            return None;
        }
        let mut branches = Vec::new();
        for key in ["allOf", "oneOf", "anyOf"] {
            let list = object.get(key).and_then(Value::as_array).into_iter().flatten().enumerate();
            branches.extend(list.filter(|(_, branch)| !is_null(branch)).map(|(index, _)| format!("{pointer}/{key}/{index}")));
        }
        match branches.as_slice() {
            [only] => self.name(only, depth + 1),
            _ => None,
        }
    }

    fn absorb(&self, pointer: &str, merged: &mut Merged) {
        let Ok((pointer, value)) = resolve(self.document, pointer) else { return };
        if !merged.seen.insert(pointer.clone()) {
            return;
        }
        let Some(object) = value.as_object() else { return };
        merged.take(&pointer, value);
        let branches = |key: &str| object.get(key).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        for index in 0..branches("allOf").len() {
            self.absorb(&format!("{pointer}/allOf/{index}"), merged);
        }
        for key in ["oneOf", "anyOf"] {
            let list = branches(key);
            let of_value: Vec<usize> = (0..list.len()).filter(|index| !list.get(*index).is_some_and(is_null)).collect();
            merged.is_nullable |= of_value.len() < list.len();
            match of_value.as_slice() {
                [only] => self.absorb(&format!("{pointer}/{key}/{only}"), merged),
                many => merged.variants.extend(many.iter().map(|index| Node::at(&format!("{pointer}/{key}/{index}")))),
            }
        }
    }
}

/// Words about a schema, which no value can break.
pub(super) fn is_annotation(key: &str) -> bool {
    let words = ["title", "description", "example", "examples", "externalDocs", "xml", "default", "deprecated", "readOnly", "writeOnly"];
    words.contains(&key) || key.starts_with("x-")
}

/// A branch that stands for null alone.
fn is_null(schema: &Value) -> bool {
    let only_null =
        schema.get("enum").and_then(Value::as_array).is_some_and(|values| !values.is_empty() && values.iter().all(Value::is_null));
    only_null || schema.get("type").and_then(Value::as_str) == Some("null")
}

/// What several schemas say together.
#[derive(Default)]
struct Merged {
    seen: BTreeSet<String>,
    kinds: Option<BTreeSet<Kind>>,
    /// One for each schema that names a type: whether it lets null through.
    typed: Vec<bool>,
    is_nullable: bool,
    format: Option<String>,
    values: Option<Vec<Value>>,
    properties: BTreeMap<String, Vec<String>>,
    required: BTreeSet<String>,
    is_closed: bool,
    additional: Vec<String>,
    items: Vec<String>,
    limits: BTreeMap<&'static str, Value>,
    default: Option<Value>,
    variants: Vec<Node>,
    discriminator: Option<String>,
    mapping: BTreeMap<String, String>,
    flags: [bool; 3],
}

impl Merged {
    fn take(&mut self, pointer: &str, value: &Value) {
        let says = |key: &str| value.get(key);
        let flag = |key: &str| value.get(key).and_then(Value::as_bool).unwrap_or(false);
        let is_composed = ["allOf", "oneOf", "anyOf"].iter().any(|key| says(key).is_some());
        match (says("type").and_then(Value::as_str).and_then(Kind::of), flag("nullable")) {
            (Some(kind), nullable) => {
                self.narrow([kind].into());
                self.typed.push(nullable);
            }
            (None, nullable) => {
                self.is_nullable |= nullable && is_composed;
                if let Some(kinds) = implied(value) {
                    self.narrow(kinds);
                    self.typed.push(nullable || says("enum").and_then(Value::as_array).is_some_and(|list| list.contains(&Value::Null)));
                }
            }
        }
        if let Some(list) = says("enum").and_then(Value::as_array) {
            let mut list: Vec<Value> = list.iter().filter(|value| !value.is_null()).cloned().collect();
            list.sort_by_key(Value::to_string);
            list.dedup();
            match &mut self.values {
                Some(values) => values.retain(|value| list.contains(value)),
                None => self.values = Some(list),
            }
        }
        let text = |key: &str| says(key).and_then(Value::as_str).map(str::to_owned);
        self.format = self.format.take().or_else(|| text("format"));
        self.default = self.default.take().or_else(|| says("default").cloned());
        self.discriminator = self.discriminator.take().or_else(|| Some(value.pointer("/discriminator/propertyName")?.as_str()?.to_owned()));
        let mapped = value.pointer("/discriminator/mapping").and_then(Value::as_object).into_iter().flatten();
        for (key, to) in mapped.filter_map(|(key, to)| Some((key, to.as_str()?))) {
            let name = to.strip_prefix("#/components/schemas/").unwrap_or(to);
            if key != name {
                self.mapping.entry(key.clone()).or_insert_with(|| name.to_owned());
            }
        }
        for (mark, key) in self.flags.iter_mut().zip(["deprecated", "readOnly", "writeOnly"]) {
            *mark |= flag(key);
        }
        for name in says("properties").and_then(Value::as_object).into_iter().flat_map(|properties| properties.keys()) {
            self.properties.entry(name.clone()).or_default().push(json::join(&format!("{pointer}/properties"), name));
        }
        self.required.extend(says("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).map(str::to_owned));
        match says("additionalProperties") {
            Some(Value::Bool(false)) => self.is_closed = true,
            Some(Value::Object(schema)) if !schema.keys().all(|key| is_annotation(key)) => {
                self.additional.push(format!("{pointer}/additionalProperties"));
            }
            _ => {}
        }
        if says("items").is_some_and(|items| items.as_object().is_some_and(|items| !items.is_empty())) {
            self.items.push(format!("{pointer}/items"));
        }
        self.limit(value);
    }

    fn narrow(&mut self, kinds: BTreeSet<Kind>) {
        self.kinds = Some(match self.kinds.take() {
            None => kinds,
            Some(known) => {
                let mut both: BTreeSet<Kind> = known.intersection(&kinds).copied().collect();
                let is_number = |set: &BTreeSet<Kind>| set.contains(&Kind::Number) || set.contains(&Kind::Integer);
                if both.is_empty() && is_number(&known) && is_number(&kinds) {
                    both.insert(Kind::Integer);
                }
                both
            }
        });
    }

    fn limit(&mut self, value: &Value) {
        for key in LIMITS {
            let Some(bound) = value.get(key).and_then(Value::as_f64) else { continue };
            let is_lower = key.starts_with("min");
            if is_lower && bound == 0.0 && key != "minimum" {
                continue;
            }
            let known = self.limits.get(key).and_then(Value::as_f64);
            let is_tighter = known.is_none_or(|known| if is_lower { bound > known } else { bound < known });
            if is_tighter && let Some(bound) = value.get(key) {
                self.limits.insert(key, bound.clone());
            }
        }
        for key in ["exclusiveMinimum", "exclusiveMaximum", "uniqueItems"] {
            if value.get(key).and_then(Value::as_bool) == Some(true) {
                self.limits.insert(key, Value::Bool(true));
            }
        }
        for key in ["pattern", "multipleOf"] {
            if let Some(bound) = value.get(key) {
                self.limits.entry(key).or_insert_with(|| bound.clone());
            }
        }
    }

    fn finish(self, name: Option<String>, at: String) -> Normal {
        let [deprecated, read_only, write_only] = self.flags;
        let required = self.required;
        let properties = self.properties.into_iter();
        let nodes = |pointers: Vec<String>| (!pointers.is_empty()).then_some(Node(pointers));
        let kinds = self.kinds.unwrap_or_default();
        Normal {
            name,
            at,
            nullable: self.is_nullable || (!self.typed.is_empty() && self.typed.iter().all(|nullable| *nullable)),
            format: self.format,
            kinds,
            values: self.values,
            properties: properties
                .map(|(name, pointers)| {
                    let required = required.contains(&name);
                    (name, Property { node: Node(pointers), required })
                })
                .collect(),
            additional: match (self.is_closed, nodes(self.additional)) {
                (true, _) => Additional::Nothing,
                (false, Some(node)) => Additional::Only(node),
                (false, None) => Additional::Anything,
            },
            items: nodes(self.items),
            limits: self.limits.into_iter().map(|(key, value)| (key, whole(value))).collect(),
            // A default of null says no more than that the thing may be missing.
            default: self.default.filter(|default| !default.is_null()),
            variants: self.variants,
            discriminator: self.discriminator,
            mapping: self.mapping,
            deprecated,
            read_only,
            write_only,
        }
    }
}

/// The type that the other keywords leave no doubt about.
fn implied(value: &Value) -> Option<BTreeSet<Kind>> {
    if value.get("properties").is_some() || value.get("additionalProperties").is_some() {
        return Some([Kind::Object].into());
    }
    if value.get("items").is_some() {
        return Some([Kind::Array].into());
    }
    let values = value.get("enum")?.as_array()?;
    let kinds: BTreeSet<Kind> = values.iter().filter_map(Kind::of_value).collect();
    (!kinds.is_empty()).then_some(kinds)
}

/// `1.0` as `1`.
fn whole(value: Value) -> Value {
    let number = value.as_f64().filter(|number| number.fract() == 0.0 && number.abs() < 9e15);
    match number {
        Some(number) => Value::Number(Number::from(number as i64)),
        None => value,
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    const SCHEMAS: &str = "
- {}
- {description: words, x-note: 1, example: 2}
- {type: string, nullable: true}
- {nullable: true}
- {nullable: true, allOf: [{type: string}]}
- {type: string, allOf: [{type: string, nullable: true}]}
- {type: string, nullable: true, allOf: [{type: string, nullable: true}]}
- {type: 'null'}
- {type: unknown}
- {$ref: '#/components/schemas/Name'}
- {$ref: '#/components/schemas/Slash~1Name'}
- {$ref: '#/components/schemas/Chain'}
- {$ref: '#/components/schemas/Circle'}
- {$ref: '#/nowhere'}
- {allOf: [{$ref: '#/components/schemas/Name'}], description: d, nullable: true}
- {allOf: [{$ref: '#/components/schemas/Name'}], maxLength: 3}
- {oneOf: [{$ref: '#/components/schemas/Name'}, {enum: [null]}]}
- {anyOf: [{$ref: '#/components/schemas/Name'}, {type: 'null'}]}
- {oneOf: [{$ref: '#/components/schemas/Name'}, {type: integer}]}
- {oneOf: [{$ref: '#/components/schemas/Name'}, {type: integer, nullable: true}, {enum: [null]}]}
- {oneOf: [{enum: []}, {type: string}]}
- {anyOf: [{type: object, properties: {a: {}}}, {type: array}], discriminator: {propertyName: kind}}
- {allOf: [{type: number}, {type: integer}]}
- {allOf: [{type: integer}, {type: number}]}
- {allOf: [{type: string}, {type: integer}]}
- {allOf: [{type: object, properties: {a: {type: string}, b: {}}, required: [a]}, {properties: {a: {maxLength: 2}, c: {}}, required: [b, z]}]}
- {properties: {a: {}}}
- {additionalProperties: false}
- {additionalProperties: true}
- {additionalProperties: {description: d}}
- {additionalProperties: {type: string}}
- {allOf: [{additionalProperties: {type: string}}, {additionalProperties: {minLength: 2}}, {additionalProperties: false}]}
- {items: {type: string}}
- {type: array, items: {}}
- {allOf: [{items: {type: string}}, {items: {maxLength: 2}}]}
- {enum: [b, a, a, null]}
- {enum: [1, x, true, 1.5]}
- {type: string, enum: [a, b, c], allOf: [{enum: [b, c, d]}]}
- {enum: []}
- {type: integer, format: int64}
- {type: number, format: double}
- {type: string, format: int64}
- {type: string, format: date, allOf: [{format: uuid, default: x}]}
- {type: string, format: nonsense, default: null}
- {type: integer, minimum: 0, maximum: 5.0}
- {allOf: [{minimum: 1, maximum: 9, minLength: 0, maxLength: 0}, {minimum: 3, maximum: 7, minLength: 2}, {minimum: 2, maximum: 8}]}
- {minLength: 0, minItems: 0, minProperties: 0, minimum: 0}
- {exclusiveMinimum: true, exclusiveMaximum: false, uniqueItems: true}
- {allOf: [{pattern: a, multipleOf: 2.0}, {pattern: b, multipleOf: 0.5}]}
- {deprecated: true, allOf: [{readOnly: true}], oneOf: [{writeOnly: true}]}
- {maximum: 10000000000000000, minimum: 0.5}
- {default: 0, discriminator: {propertyName: p}}
- {discriminator: {propertyName: kind, mapping: {a: '#/components/schemas/Name', Name: Name, b: Chain}}}
";

    fn document() -> Value {
        let list = crate::spec::read_yaml("schemas.yaml", SCHEMAS).expect("YAML").0;
        serde_json::json!({"list": list, "components": {"schemas": {
            "Name": {"type": "string", "minLength": 1}, "Slash/Name": {"type": "integer"},
            "Chain": {"$ref": "#/components/schemas/Name"}, "Circle": {"$ref": "#/components/schemas/Circle"},
        }}})
    }

    /// Every keyword alone, merged with itself, and behind references, wrappers and branches of null.
    #[test]
    fn a_schema_in_normal_form() {
        let document = document();
        let schemas = Schemas::new(&document);
        let mut told = String::new();
        for (index, schema) in document["list"].as_array().into_iter().flatten().enumerate() {
            let normal = schemas.normal(&Node::at(&format!("/list/{index}")));
            // Writing into a String cannot fail.
            let _ = writeln!(told, "{schema}");
            let kinds: Vec<&str> = normal.kinds.iter().map(|kind| kind.name()).collect();
            let parts = [
                ("name", format!("{:?}", normal.name)),
                ("at", normal.at.clone()),
                ("kinds", kinds.join(", ")),
                ("nullable", normal.nullable.to_string()),
                ("format", format!("{:?} {:?}", normal.format, normal.telling_format())),
                ("values", format!("{:?}", normal.values)),
                ("properties", normal.properties.iter().map(|(name, p)| format!("{name} {} {:?} ", p.required, p.node.0)).collect()),
                ("additional", format!("{:?}", normal.additional)),
                ("items", format!("{:?}", normal.items)),
                ("limits", normal.limits.iter().map(|(key, value)| format!("{key} {value} ")).collect()),
                ("default", format!("{:?}", normal.default)),
                ("variants", normal.variants.iter().map(|node| format!("{:?} ", node.0)).collect()),
                ("discriminator", format!("{:?}", normal.discriminator)),
                ("mapping", normal.mapping.iter().map(|(key, name)| format!("{key}={name} ")).collect()),
                ("flags", format!("{} {} {}", normal.deprecated, normal.read_only, normal.write_only)),
                ("anything", normal.is_anything().to_string()),
            ];
            let usual = ["", "None", "None None", "false", "Anything", "false false false"];
            for (key, said) in parts.iter().filter(|(_, said)| !usual.contains(&said.as_str())) {
                let _ = writeln!(told, "    {key}: {}", said.trim_end());
            }
        }
        assert_eq!(schemas.names().into_iter().collect::<Vec<_>>(), ["Chain", "Circle", "Name", "Slash/Name"]);
        insta::assert_snapshot!(told);
    }
}
