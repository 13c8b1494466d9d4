//! Parameters as text: put together from a request, taken apart by style, judged by their schema.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::Spec;
use super::model::{Credential, Operation, Parameter, Place, Style};
use super::pointer::percent_decode;
use super::schema::{World, property_names};

/// The value of a parameter, and what the document says against it.
pub(super) struct Judged {
    /// The parameter as JSON, where it could be read.
    pub(super) value: Value,
    /// Pointer into the document and message of each objection.
    pub(super) faults: Vec<(String, String)>,
}

/// The query pairs of a request, and which of them a parameter has claimed.
pub(super) struct Query<'a> {
    pairs: &'a [(String, String)],
    claimed: BTreeSet<usize>,
}

impl<'a> Query<'a> {
    pub(super) fn new(pairs: &'a [(String, String)]) -> Self {
        Self { pairs, claimed: BTreeSet::new() }
    }

    /// The values of the pairs with this name, which are no longer undocumented.
    pub(super) fn claim(&mut self, name: &str) -> Vec<&'a str> {
        let mut values = Vec::new();
        for (position, (key, value)) in self.pairs.iter().enumerate() {
            if key == name {
                self.claimed.insert(position);
                values.push(value.as_str());
            }
        }
        values
    }

    /// The names that no parameter has claimed, each once.
    pub(super) fn unclaimed(&self) -> BTreeSet<&'a str> {
        let pairs = self.pairs.iter().enumerate();
        pairs.filter(|(position, _)| !self.claimed.contains(position)).map(|(_, (name, _))| name.as_str()).collect()
    }
}

/// What a schema describes, as far as taking text apart goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Scalar,
    Array,
    Object,
}

impl Spec {
    /// The query parameter in a request: `None` when it is absent.
    pub(super) fn query_value(&self, parameter: &Parameter, query: &mut Query<'_>) -> Option<Judged> {
        let shape = self.shape(parameter);
        let value = match (shape, parameter.style, parameter.explode) {
            (Shape::Object, Style::Deep, _) => self.deep_object(parameter, query)?,
            (Shape::Object, Style::Comma, true) => self.spread_object(parameter, query)?,
            (Shape::Array, _, true) => {
                let values = query.claim(&parameter.name);
                if values.is_empty() {
                    return None;
                }
                let items = values.into_iter().map(|text| self.item(parameter, text));
                Value::Array(items.collect())
            }
            _ => {
                let values = query.claim(&parameter.name);
                if values.len() > 1 {
                    return Some(Judged {
                        value: Value::Null,
                        faults: vec![(parameter.pointer.clone(), format!("given {} times, and takes one value", values.len()))],
                    });
                }
                return Some(self.text_value(parameter, values.first()?));
            }
        };
        Some(self.judge(parameter, value))
    }

    /// The one text of a path, header, cookie or query parameter.
    pub(super) fn text_value(&self, parameter: &Parameter, text: &str) -> Judged {
        let Some(schema) = &parameter.schema else {
            return Judged { value: Value::from(text), faults: Vec::new() };
        };
        let separator = match parameter.style {
            Style::Space => ' ',
            Style::Pipe => '|',
            _ => ',',
        };
        let value = match (parameter.style, self.shape(parameter)) {
            (Style::Json, _) => match serde_json::from_str(text) {
                Ok(value) => value,
                Err(error) => {
                    return Judged { value: Value::Null, faults: vec![(parameter.pointer.clone(), format!("not JSON: {error}"))] };
                }
            },
            (Style::Opaque, _) => {
                return Judged { value: Value::from(text), faults: Vec::new() };
            }
            (_, Shape::Scalar) => self.scalar(schema, text),
            (_, Shape::Array) => {
                let items = text.split(separator).filter(|_| !text.is_empty());
                Value::Array(items.map(|text| self.item(parameter, text)).collect())
            }
            (_, Shape::Object) => {
                let mut object = Map::new();
                let parts: Vec<_> = text.split(separator).collect();
                let pairs: Vec<_> = if parameter.explode {
                    parts.iter().filter_map(|part| part.split_once('=')).collect()
                } else {
                    let pairs = parts.chunks_exact(2);
                    pairs.filter_map(|pair| Some((*pair.first()?, *pair.last()?))).collect()
                };
                for (name, text) in pairs {
                    object.insert(name.to_owned(), self.member(schema, name, text));
                }
                Value::Object(object)
            }
        };
        self.judge(parameter, value)
    }

    fn judge(&self, parameter: &Parameter, value: Value) -> Judged {
        let faults = match &parameter.schema {
            Some(schema) => self.faults(schema, &value),
            None => Vec::new(),
        };
        let place = |path: &str| match path {
            "" => String::new(),
            _ => format!(" at {path}"),
        };
        Judged {
            faults: faults.into_iter().map(|fault| (fault.spec_at, format!("{}{}", fault.message, place(&fault.path)))).collect(),
            value,
        }
    }

    /// The body of a form as the object that its schema describes.
    pub(super) fn form_value(&self, schema: &str, text: &str) -> Value {
        let mut object = Map::new();
        let pairs: Vec<(String, String)> = text
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                let decode = |text: &str| percent_decode(&text.replace('+', " ")).into_owned();
                (decode(name), decode(value))
            })
            .collect();
        for (name, text) in &pairs {
            let property = self.property(schema, name);
            let array = property.as_ref().filter(|at| self.schema_shape(at) == Shape::Array);
            match array {
                Some(at) => {
                    let item = self.array_item(at, text);
                    let list = object.entry(name.clone()).or_insert_with(|| Value::Array(Vec::new()));
                    if let Value::Array(items) = list {
                        items.push(item);
                    }
                }
                None => {
                    object.insert(name.clone(), self.member(schema, name, text));
                }
            }
        }
        Value::Object(object)
    }

    fn deep_object(&self, parameter: &Parameter, query: &mut Query<'_>) -> Option<Value> {
        let schema = parameter.schema.as_deref()?;
        let mut object = Map::new();
        let prefix = format!("{}[", parameter.name);
        let pairs = query.pairs;
        for (key, _) in pairs {
            let name = key.strip_prefix(&prefix).and_then(|rest| rest.strip_suffix(']'));
            let Some(name) = name else {
                continue;
            };
            if let Some(text) = query.claim(key).first() {
                object.insert(name.to_owned(), self.member(schema, name, text));
            }
        }
        (!object.is_empty()).then_some(Value::Object(object))
    }

    fn spread_object(&self, parameter: &Parameter, query: &mut Query<'_>) -> Option<Value> {
        let schema = parameter.schema.as_deref()?;
        let mut names = property_names(self.document(), schema);
        if self.is_open_spread(parameter) {
            names.extend(query.unclaimed().into_iter().map(str::to_owned));
        }
        let mut object = Map::new();
        for name in names {
            let value = match query.claim(&name).as_slice() {
                [] => continue,
                [text] => self.member(schema, &name, text),
                texts => texts.iter().map(|text| self.member(schema, &name, text)).collect(),
            };
            object.insert(name, value);
        }
        (!object.is_empty()).then_some(Value::Object(object))
    }

    /// Whether a parameter has a pair for each member of an object with any members: it takes all pairs that no other has claimed.
    pub(super) fn is_open_spread(&self, parameter: &Parameter) -> bool {
        let Some(schema) = parameter.schema.as_deref() else { return false };
        let is_spread = parameter.place == Place::Query && parameter.style == Style::Comma && parameter.explode;
        is_spread && self.schema_shape(schema) == Shape::Object && {
            let facets = self.facets(schema, None);
            let further = facets.iter().filter_map(|facet| facet.value.get("additionalProperties")).collect::<Vec<_>>();
            let is_free = further.is_empty() && property_names(self.document(), schema).is_empty();
            is_free || further.iter().any(|further| **further != Value::Bool(false))
        }
    }

    /// The query parameters, those that take what the others leave at the end. Credentials are left to nobody.
    pub(super) fn query_parameters<'a>(&self, operation: &'a Operation, query: &mut Query<'_>) -> Vec<&'a Parameter> {
        let mut all: Vec<&Parameter> = operation.parameters_in(Place::Query).collect();
        if all.iter().any(|parameter| self.is_open_spread(parameter)) {
            all.sort_by_key(|parameter| self.is_open_spread(parameter));
            for credential in operation.security.iter().flatten() {
                if let Credential::Query(name) = credential {
                    query.claim(name);
                }
            }
        }
        all
    }

    /// Whether a pair of this name belongs to a query parameter, and to no other.
    pub(crate) fn claims(&self, operation: &Operation, parameter: &Parameter, name: &str) -> bool {
        if !self.is_open_spread(parameter) {
            return self.names(parameter, name);
        }
        let mut others = operation.parameters_in(Place::Query).filter(|other| !self.is_open_spread(other));
        let is_credential = |credential: &Credential| matches!(credential, Credential::Query(key) if key == name);
        !others.any(|other| self.names(other, name)) && !operation.security.iter().flatten().any(is_credential)
    }

    /// Whether the document gives a pair of a query parameter this name.
    fn names(&self, parameter: &Parameter, name: &str) -> bool {
        match (self.shape(parameter), parameter.style, parameter.explode, parameter.schema.as_deref()) {
            (Shape::Object, Style::Deep, ..) => {
                name.strip_prefix(parameter.name.as_str()).is_some_and(|rest| rest.starts_with('[') && rest.ends_with(']'))
            }
            (Shape::Object, Style::Comma, true, Some(schema)) => property_names(self.document(), schema).contains(name),
            _ => parameter.name == name,
        }
    }

    fn item(&self, parameter: &Parameter, text: &str) -> Value {
        match &parameter.schema {
            Some(schema) => self.array_item(schema, text),
            None => Value::from(text),
        }
    }

    fn array_item(&self, schema: &str, text: &str) -> Value {
        let items = self.facets(schema, None).into_iter().find_map(|facet| facet.items());
        match items {
            Some(at) => self.scalar(&at, text),
            None => Value::from(text),
        }
    }

    fn member(&self, schema: &str, name: &str, text: &str) -> Value {
        let entries = || self.facets(schema, None).into_iter().find_map(|facet| facet.entries());
        match self.property(schema, name).or_else(entries) {
            Some(at) => self.scalar(&at, text),
            None => Value::from(text),
        }
    }

    fn property(&self, schema: &str, name: &str) -> Option<String> {
        let facets = self.facets(schema, None);
        facets.into_iter().find_map(|facet| facet.property(name))
    }

    /// Text as the value that the schema takes: as text, as a number, as a truth value. Where it takes none of them it is the one of
    /// the schema's type, so that what is held against it is not its type.
    fn scalar(&self, schema: &str, text: &str) -> Value {
        let plain = text.strip_prefix('-').unwrap_or(text);
        let numeric =
            plain.starts_with(|first: char| first.is_ascii_digit()) && plain.chars().all(|char| char.is_ascii_digit() || char == '.');
        let number = numeric.then(|| serde_json::from_str::<Value>(text).ok()).flatten();
        let truth = text.parse::<bool>().ok().map(Value::Bool);
        let candidates: Vec<Value> = [Some(Value::from(text)), number, truth].into_iter().flatten().collect();
        let facets = self.facets(schema, None);
        let is_typed = |value: &&Value| {
            let mut kinds = facets.iter().filter_map(|facet| facet.value.get("type")?.as_str());
            kinds.any(|kind| match kind {
                "integer" | "number" => value.is_number(),
                "boolean" => value.is_boolean(),
                _ => false,
            })
        };
        let taken = candidates.iter().find(|value| self.accepts(schema, World::Closed, value));
        taken.or_else(|| candidates.iter().find(is_typed)).cloned().unwrap_or_else(|| Value::from(text))
    }

    fn shape(&self, parameter: &Parameter) -> Shape {
        match &parameter.schema {
            Some(schema) => self.schema_shape(schema),
            None => Shape::Scalar,
        }
    }

    fn schema_shape(&self, schema: &str) -> Shape {
        let facets = self.facets(schema, None);
        let mut kinds = facets.iter().filter_map(|facet| facet.value.get("type")?.as_str());
        match kinds.next() {
            Some("array") => Shape::Array,
            Some("object") => Shape::Object,
            _ => Shape::Scalar,
        }
    }
}
