//! What a suite can cover, and what one exchange does cover.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::Value;

use super::Spec;
use super::check::cookie;
use super::cycle::Circles;
use super::direction::Way;
use super::facet::{Facet, properties};
use super::model::{FORM, Media, Operation, Parameter, Place, essence, is_json, media_for};
use super::parameter::Query;
use super::pointer::{escape, join};
use super::schema::World;
use crate::exchange::{Body, Headers, Request, Response, header};

/// What a coverage item counts. The first seven gate, the others are reported as shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dimension {
    /// An operation: `list_books`.
    Operation,
    /// A documented status: `list_books 404`.
    Status,
    /// A parameter: `list_books query page`.
    Parameter,
    /// A value of a parameter that has an enum: `list_books query sort=title`.
    ParameterEnum,
    /// A property of a response body: `list_books 200 /[]/author/name`. `[]` is the items of an
    /// array, `{}` the entries of a map.
    ResponseProperty,
    /// A property of a request body: `add_book /author/name`.
    RequestProperty,
    /// A value of an enum in a body: `response #/components/schemas/Genre=poetry`.
    EnumValue,
    /// An optional property that is left out: `list_books 200 /[]/author/name`.
    OptionalAbsent,
    /// A nullable place that is null: `list_books 200 /[]/author`.
    NullableNull,
    /// The lengths of an array: `list_books 200 / length 0`, `… length 1`, `… length many`.
    ArrayLength,
    /// A media type of a response: `list_books 200 application/json`.
    MediaType,
}

impl Dimension {
    /// All dimensions, in order.
    pub const ALL: [Self; 11] = [
        Self::Operation,
        Self::Status,
        Self::Parameter,
        Self::ParameterEnum,
        Self::ResponseProperty,
        Self::RequestProperty,
        Self::EnumValue,
        Self::OptionalAbsent,
        Self::NullableNull,
        Self::ArrayLength,
        Self::MediaType,
    ];

    /// The id of the check, `V701` to `V711`.
    #[must_use]
    pub fn check(self) -> &'static str {
        match self {
            Self::Operation => "V701",
            Self::Status => "V702",
            Self::Parameter => "V703",
            Self::ParameterEnum => "V704",
            Self::ResponseProperty => "V705",
            Self::RequestProperty => "V706",
            Self::EnumValue => "V707",
            Self::OptionalAbsent => "V708",
            Self::NullableNull => "V709",
            Self::ArrayLength => "V710",
            Self::MediaType => "V711",
        }
    }

    /// Whether an uncovered item of this dimension fails a run.
    #[must_use]
    pub fn gates(self) -> bool {
        self <= Self::EnumValue
    }
}

/// One thing that a suite can cover.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Item {
    /// What is counted.
    pub dimension: Dimension,
    /// Its name, unique within the dimension.
    pub key: String,
    /// JSON pointer into the document.
    pub spec_at: String,
}

/// Everything that a suite can cover.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inventory {
    /// The items, by dimension and name.
    pub items: BTreeSet<Item>,
}

/// The inventory by name. A name that two branches of a composition share is one item, at the
/// place that comes first.
#[derive(Default)]
pub(super) struct Index(BTreeMap<(Dimension, String), String>);

impl Index {
    fn add(&mut self, dimension: Dimension, key: String, spec_at: &str) {
        let place = self.0.entry((dimension, key));
        place.or_insert_with(|| spec_at.to_owned());
    }

    pub(super) fn inventory(&self) -> Inventory {
        let items =
            self.0.iter().map(|((dimension, key), spec_at)| Item { dimension: *dimension, key: key.clone(), spec_at: spec_at.clone() });
        Inventory { items: items.collect() }
    }

    fn pick(&self, names: BTreeSet<(Dimension, String)>) -> BTreeSet<Item> {
        let known = names.into_iter().filter_map(|name| {
            let spec_at = self.0.get(&name)?.clone();
            let (dimension, key) = name;
            Some(Item { dimension, key, spec_at })
        });
        known.collect()
    }
}

/// The names of what was touched.
type Names = BTreeSet<(Dimension, String)>;

/// One body: how its places are called.
struct BodyKeys<'a> {
    prefix: &'a str,
    direction: &'static str,
    property: Dimension,
}

impl BodyKeys<'_> {
    fn at(&self, path: &str) -> String {
        let path = if path.is_empty() { "/" } else { path };
        format!("{} {path}", self.prefix)
    }

    fn length(&self, path: &str, length: &str) -> String {
        format!("{} length {length}", self.at(path))
    }

    fn value(&self, facet: &Facet<'_>, value: &Value) -> String {
        format!("{} #{}={}", self.direction, facet.pointer, plain(value))
    }
}

/// A place of a body that is still to be looked into.
#[derive(Clone, Default)]
struct Spot {
    schema: String,
    path: String,
    /// Where the circles that it lies in were entered.
    entries: BTreeMap<usize, String>,
    /// The nearest object above it whose schema lies on a circle.
    owner: Option<String>,
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn below(path: &str, name: &str) -> String {
    format!("{path}/{}", escape(name))
}

fn parameter_key(operation: &Operation, parameter: &Parameter) -> String {
    format!("{} {} {}", operation.id, parameter.place.name(), parameter.name)
}

fn reply_key(operation: &Operation, status: &str) -> String {
    format!("{} {status}", operation.id)
}

fn options<'a>(facet: &Facet<'a>) -> impl Iterator<Item = &'a Value> + use<'a> {
    let options = facet.value.get("enum").and_then(Value::as_array);
    options.into_iter().flatten()
}

impl Spec {
    pub(super) fn build_index(&self) -> Index {
        let mut index = Index::default();
        let circles = Circles::of(self.document());
        for operation in self.operations() {
            index.add(Dimension::Operation, operation.id.clone(), &operation.pointer);
            for parameter in &operation.parameters {
                let key = parameter_key(operation, parameter);
                for (value, at) in self.parameter_options(parameter) {
                    let key = format!("{key}={}", plain(value));
                    index.add(Dimension::ParameterEnum, key, &at);
                }
                index.add(Dimension::Parameter, key, &parameter.pointer);
            }
            for media in operation.body.iter().flat_map(|body| &body.media) {
                let body = BodyKeys { prefix: &operation.id, direction: "request", property: Dimension::RequestProperty };
                self.view(Way::Request).survey_media(&body, media, &circles, &mut index);
            }
            for reply in &operation.responses {
                let key = reply_key(operation, &reply.status);
                for media in &reply.media {
                    let name = format!("{key} {}", media.name);
                    index.add(Dimension::MediaType, name, &media.pointer);
                    let body = BodyKeys { prefix: &key, direction: "response", property: Dimension::ResponseProperty };
                    self.view(Way::Response).survey_media(&body, media, &circles, &mut index);
                }
                index.add(Dimension::Status, key, &reply.pointer);
            }
        }
        index
    }

    fn survey_media(&self, body: &BodyKeys<'_>, media: &Media, circles: &Circles, index: &mut Index) {
        if let Some(schema) = media.schema.as_ref().filter(|_| has_places(media)) {
            self.survey(body, schema, circles, index);
        }
    }

    /// Lists the places of a body, the nearest ones first. Schemas that contain each other would give more places than anybody can
    /// count, so from where their circle is entered each is followed in one object only: the one that is nearest to the top.
    fn survey(&self, body: &BodyKeys<'_>, schema: &str, circles: &Circles, index: &mut Index) {
        let mut followed: BTreeMap<(String, String), Option<String>> = BTreeMap::new();
        let mut places = VecDeque::from([Spot { schema: schema.to_owned(), ..Spot::default() }]);
        while let Some(spot) = places.pop_front() {
            let facets = self.facets(&spot.schema, None);
            let nullable = facets.iter().any(|facet| facet.value.get("nullable") == Some(&Value::Bool(true)));
            if nullable && self.accepts(&spot.schema, World::Closed, &Value::Null) {
                index.add(Dimension::NullableNull, body.at(&spot.path), &spot.schema);
            }
            let mut inside = Spot { entries: spot.entries.clone(), owner: spot.owner.clone(), ..Spot::default() };
            let mut fresh = Vec::new();
            for facet in facets {
                if let Some(circle) = circles.around(&facet.pointer) {
                    let entry = spot.entries.get(&circle).unwrap_or(&spot.path);
                    let owner = followed.entry((facet.pointer.clone(), entry.clone())).or_insert_with(|| spot.owner.clone());
                    if *owner != spot.owner {
                        continue;
                    }
                    inside.entries.insert(circle, entry.clone());
                    inside.owner = Some(spot.path.clone());
                }
                fresh.push(facet);
            }
            let below = self.survey_facets(body, &fresh, &spot.path, index);
            places.extend(below.into_iter().map(|(schema, path)| Spot { schema, path, ..inside.clone() }));
        }
    }

    /// Lists what facets say of their place, and returns the schemas below it with their places.
    fn survey_facets(&self, body: &BodyKeys<'_>, facets: &[Facet<'_>], path: &str, index: &mut Index) -> Vec<(String, String)> {
        let mut inner = Vec::new();
        for facet in facets {
            for (position, value) in options(facet).enumerate() {
                let at = format!("{}/enum/{position}", facet.pointer);
                index.add(Dimension::EnumValue, body.value(facet, value), &at);
            }
            if let Some(items) = facet.items() {
                for length in lengths(facet.value) {
                    let key = body.length(path, length);
                    index.add(Dimension::ArrayLength, key, &facet.pointer);
                }
                inner.push((items, format!("{path}/[]")));
            }
            if let Some(entries) = facet.entries() {
                let path = format!("{path}/{{}}");
                index.add(body.property, body.at(&path), &entries);
                inner.push((entries, path));
            }
        }
        for (name, schemas) in properties(facets) {
            let path = below(path, &name);
            let required = facets.iter().any(|facet| facet.requires(&name));
            for schema in schemas {
                index.add(body.property, body.at(&path), &schema);
                if !required {
                    index.add(Dimension::OptionalAbsent, body.at(&path), &schema);
                }
                inner.push((schema, path.clone()));
            }
        }
        inner
    }

    fn parameter_options<'a>(&'a self, parameter: &Parameter) -> Vec<(&'a Value, String)> {
        let mut found = Vec::new();
        let Some(schema) = &parameter.schema else {
            return found;
        };
        let mut facets = self.facets(schema, None);
        let items: Vec<_> = facets.iter().filter_map(Facet::items).collect();
        for items in items {
            facets.extend(self.facets(&items, None));
        }
        for facet in facets {
            for (position, value) in options(&facet).enumerate() {
                found.push((value, format!("{}/enum/{position}", facet.pointer)));
            }
        }
        found
    }

    pub(super) fn touched(&self, operation: &Operation, request: Option<&Request>, response: Option<&Response>) -> BTreeSet<Item> {
        let mut names = Names::new();
        names.insert((Dimension::Operation, operation.id.clone()));
        if let Some(request) = request {
            self.touch_parameters(operation, request, &mut names);
            if let Some(payload) = &operation.body {
                let body = BodyKeys { prefix: &operation.id, direction: "request", property: Dimension::RequestProperty };
                let media = &payload.media;
                self.view(Way::Request).touch_body(&body, media, &request.headers, &request.body, &mut names);
            }
        }
        let reply = response.and_then(|response| {
            let reply = operation.reply(response.status)?;
            Some((response, reply))
        });
        if let Some((response, reply)) = reply {
            let key = reply_key(operation, &reply.status);
            let body = BodyKeys { prefix: &key, direction: "response", property: Dimension::ResponseProperty };
            let media = &reply.media;
            let used = self.view(Way::Response).touch_body(&body, media, &response.headers, &response.body, &mut names);
            if let Some(media) = used {
                let name = format!("{key} {}", media.name);
                names.insert((Dimension::MediaType, name));
            }
            names.insert((Dimension::Status, key));
        }
        self.index().pick(names)
    }

    fn touch_parameters(&self, operation: &Operation, request: &Request, names: &mut Names) {
        let mut query = Query::new(&request.query);
        let path = operation.match_path(&request.path).unwrap_or_default();
        let elsewhere = operation.parameters.iter().filter(|parameter| parameter.place != Place::Query);
        for parameter in self.query_parameters(operation, &mut query).into_iter().chain(elsewhere) {
            let text = match parameter.place {
                Place::Query => None,
                Place::Path => {
                    path.iter().find(|(name, value)| *name == parameter.name && !value.is_empty()).map(|(_, value)| value.clone())
                }
                Place::Header => header(&request.headers, &parameter.name).map(str::to_owned),
                Place::Cookie => cookie(&request.headers, &parameter.name),
            };
            let judged = match (parameter.place, text) {
                (Place::Query, _) => self.query_value(parameter, &mut query),
                (_, Some(text)) => Some(self.text_value(parameter, &text)),
                (_, None) => None,
            };
            let Some(judged) = judged else {
                continue;
            };
            let key = parameter_key(operation, parameter);
            let values = match &judged.value {
                Value::Array(items) => items.as_slice(),
                value => std::slice::from_ref(value),
            };
            for value in values {
                let key = format!("{key}={}", plain(value));
                names.insert((Dimension::ParameterEnum, key));
            }
            names.insert((Dimension::Parameter, key));
        }
    }

    fn touch_body<'a>(
        &self,
        body: &BodyKeys<'_>,
        media: &'a [Media],
        headers: &Headers,
        bytes: &Body,
        names: &mut Names,
    ) -> Option<&'a Media> {
        if bytes.is_empty() {
            return None;
        }
        let content_type = header(headers, "content-type")?;
        let media = media_for(media, content_type)?;
        let kind = essence(content_type);
        if let Some(schema) = media.schema.as_ref().filter(|_| has_places(media))
            && let Ok(Some(value)) = self.body_value(schema, &kind, bytes)
        {
            self.visit(body, schema, &value, "", names);
        }
        Some(media)
    }

    fn visit(&self, body: &BodyKeys<'_>, schema: &str, value: &Value, path: &str, names: &mut Names) {
        let facets = self.facets(schema, Some(value));
        for facet in &facets {
            if options(facet).any(|option| option == value) {
                names.insert((Dimension::EnumValue, body.value(facet, value)));
            }
        }
        match value {
            Value::Null => {
                names.insert((Dimension::NullableNull, body.at(path)));
            }
            Value::Array(items) => {
                let length = match items.len() {
                    0 => "0",
                    1 => "1",
                    _ => "many",
                };
                names.insert((Dimension::ArrayLength, body.length(path, length)));
                let path = format!("{path}/[]");
                for schema in facets.iter().filter_map(Facet::items) {
                    for item in items {
                        self.visit(body, &schema, item, &path, names);
                    }
                }
            }
            Value::Object(object) => {
                let documented = properties(&facets);
                for (name, schemas) in &documented {
                    let path = below(path, name);
                    let Some(item) = object.get(name) else {
                        names.insert((Dimension::OptionalAbsent, body.at(&path)));
                        continue;
                    };
                    names.insert((body.property, body.at(&path)));
                    for schema in schemas {
                        self.visit(body, schema, item, &path, names);
                    }
                }
                let path = format!("{path}/{{}}");
                for schema in facets.iter().filter_map(Facet::entries) {
                    for (_, item) in object.iter().filter(|(name, _)| !documented.contains_key(*name)) {
                        names.insert((body.property, body.at(&path)));
                        self.visit(body, &schema, item, &path, names);
                    }
                }
            }
            _ => {}
        }
    }

    pub(super) fn optional_in_response(&self, operation: &Operation, response: &Response, at: &str) -> bool {
        self.required_in_response(operation, response, at) != Some(true)
    }

    fn required_in_response(&self, operation: &Operation, response: &Response, at: &str) -> Option<bool> {
        let reply = operation.reply(response.status)?;
        let media = media_for(&reply.media, header(&response.headers, "content-type")?)?;
        let mut schemas = vec![media.schema.clone()?];
        let root = response.body.to_json().ok()?;
        let mut value = &root;
        let mut required = false;
        let steps: Vec<_> = super::pointer::tokens(at).collect();
        for (position, token) in steps.iter().enumerate() {
            let facets: Vec<_> = schemas.iter().flat_map(|schema| self.facets(schema, Some(value))).collect();
            schemas = if value.is_array() {
                required = true;
                facets.iter().filter_map(Facet::items).collect()
            } else {
                required = facets.iter().any(|facet| facet.requires(token));
                let named = facets.iter().filter_map(|facet| facet.property(token));
                let named: Vec<_> = named.collect();
                match named.is_empty() {
                    true => facets.iter().filter_map(Facet::entries).collect(),
                    false => named,
                }
            };
            let last = position + 1 == steps.len();
            match value.pointer(&join("", token)) {
                Some(next) => value = next,
                None if last => {}
                None => return None,
            }
        }
        Some(required)
    }
}

/// Whether bodies of this media type have places: JSON and forms do.
fn has_places(media: &Media) -> bool {
    let kind = essence(&media.name);
    is_json(&kind) || kind == FORM || kind == "*/*"
}

/// The lengths that an array of this schema can have.
fn lengths(schema: &Value) -> impl Iterator<Item = &'static str> + use<> {
    let bound = |key: &str| schema.get(key).and_then(Value::as_u64);
    let least = bound("minItems").unwrap_or(0);
    let most = bound("maxItems").unwrap_or(u64::MAX);
    [("0", 0, 0), ("1", 1, 1), ("many", 2, u64::MAX)]
        .into_iter()
        .filter(move |(_, from, to)| *from <= most && *to >= least)
        .map(|(name, _, _)| name)
}
