//! Turns the truthful spec into what progenitor can take, and says by which type each reply is decoded.
//!
//! This is the only place that bends anything. progenitor takes one success type and one error type an operation, loses
//! the status of an error body that is not JSON, sends headers that belong to the client, and cannot speak to a second
//! server; so errors, client-wide headers, storage operations and callbacks end here and stay true in the spec.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::document::{Node, Result, component_name, object, resolve, schema_name};
use crate::model::{METHODS, Model, Operation};

/// How the body of a success is decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    /// A list in any of its envelopes, of the component named here.
    List(String),
    /// One object, bare or under `data`.
    Data(String),
    /// The component as it is.
    Plain(String),
    /// Nothing that a caller could want: the status is the answer.
    Done,
}

pub(crate) struct Lowered {
    pub(crate) spec: Value,
    /// Component name to the Rust path that stands in for it.
    pub(crate) replacements: BTreeMap<String, String>,
    /// operationId to how its success is decoded.
    pub(crate) replies: BTreeMap<String, Reply>,
}

pub(crate) fn lower(spec: &Value, model: &Model) -> Result<Lowered> {
    let mut replacements: BTreeMap<String, String> = BTreeMap::new();
    let names = model.enums.iter().map(|e| &e.name).chain(model.ids.iter().map(|id| &id.name)).chain(&model.hand_written);
    replacements.extend(names.map(|name| (name.clone(), format!("crate::types::{name}"))));

    let mut replies = BTreeMap::new();
    let mut stand_ins = BTreeMap::new();
    let mut paths = Map::new();
    for operation in model.operations.iter().filter(|operation| operation.server.is_none()) {
        let reply = reply(spec, operation)?;
        let stand_in = match &reply {
            Reply::List(item) => Some((format!("ListOf{item}"), format!("crate::types::List<crate::api::types::{item}>"))),
            Reply::Data(inner) => Some((format!("DataOf{inner}"), format!("crate::types::Data<crate::api::types::{inner}>"))),
            Reply::Done => Some(("Done".to_owned(), "crate::types::Done".to_owned())),
            Reply::Plain(_) => None,
        };
        let schema = match (&stand_in, &reply) {
            (Some((name, _)), _) | (None, Reply::Plain(name)) => json!({"$ref": format!("#/components/schemas/{name}")}),
            (None, _) => Value::Null,
        };
        let item = paths.entry(operation.path.clone()).or_insert_with(|| json!({}));
        item[operation.method.to_lowercase()] = lower_operation(operation, &schema);
        if let Some((name, path)) = stand_in {
            stand_ins.insert(name.clone(), ());
            replacements.insert(name, path);
        }
        replies.insert(operation.id.clone(), reply);
    }

    let mut schemas = spec["components"]["schemas"].clone();
    if let Some(all) = schemas.as_object_mut() {
        all.extend(stand_ins.into_keys().map(|name| (name, json!({"type": "object"}))));
        let mut roots: Vec<String> = replies
            .values()
            .filter_map(|reply| match reply {
                Reply::List(name) | Reply::Data(name) | Reply::Plain(name) => Some(name.clone()),
                Reply::Done => None,
            })
            .collect();
        references(&Value::Object(paths.clone()), &mut roots);
        let reached = reached(all, roots, &replacements);
        all.retain(|name, _| reached.contains(name));
        for (name, schema) in all.iter_mut() {
            if replacements.contains_key(name) {
                let kind = schema.get("type").filter(|kind| *kind != "array").cloned().unwrap_or_else(|| json!("string"));
                *schema = json!({"type": kind, "description": schema.get("description")});
            } else {
                lower_schema(schema);
            }
        }
    }
    let info = json!({"title": spec["info"]["title"], "version": spec["info"]["version"]});
    let spec = json!({"openapi": "3.0.3", "info": info, "paths": paths, "components": {"schemas": schemas}});
    Ok(Lowered { spec, replacements, replies })
}

fn lower_operation(operation: &Operation, success: &Value) -> Value {
    let sent = operation.parameters.iter().filter(|parameter| !parameter.client_wide);
    let parameters: Vec<Value> = sent.map(|parameter| {
        let mut schema = parameter.schema.clone();
        lower_schema(&mut schema);
        json!({"name": parameter.name, "in": parameter.location, "required": parameter.required, "description": parameter.description, "schema": schema})
    }).collect();
    let mut lowered = json!({
        "operationId": operation.id,
        "summary": operation.summary,
        "description": operation.description,
        "parameters": parameters,
        // Any 2xx is a success (C7), whatever code is documented.
        "responses": {"2XX": {"description": "success", "content": {"application/json": {"schema": success}}}},
    });
    if let Some(schema) = operation.body.as_ref().and_then(|body| body.schema.as_ref()) {
        let reference = format!("#/components/schemas/{schema}");
        lowered["requestBody"] = json!({"required": true, "content": {"application/json": {"schema": {"$ref": reference}}}});
    }
    lowered
}

fn reply(spec: &Value, operation: &Operation) -> Result<Reply> {
    let Some(name) = &operation.reply else { return Ok(Reply::Done) };
    let reference = json!({"$ref": format!("#/components/schemas/{name}")});
    let schema = resolve(spec, Node::root(&reference))?;
    if let Some(items) = schema.get("items") {
        let item = schema_name(items.value).ok_or_else(|| items.fault("must be a `$ref` to a component").in_operation(&operation.id))?;
        return Ok(Reply::List(item.to_owned()));
    }
    let properties = schema.get("properties").map(|properties| properties.entries()).unwrap_or_default();
    let [("data", data)] = properties.as_slice() else { return Ok(Reply::Data(name.clone())) };
    if let Some(items) = data.get("items") {
        return Ok(schema_name(items.value).map_or_else(|| Reply::Plain(name.clone()), |item| Reply::List(item.to_owned())));
    }
    let Some(inner) = schema_name(data.value) else { return Ok(Reply::Done) };
    let reference = json!({"$ref": format!("#/components/schemas/{inner}")});
    let schema = resolve(spec, Node::root(&reference))?;
    let list = schema.get("properties").and_then(|properties| properties.get("list")?.get("items"));
    if let Some(item) = list.and_then(|items| schema_name(items.value)) {
        return Ok(Reply::List(item.to_owned()));
    }
    let empty = schema.get("properties").is_none_or(|properties| properties.entries().is_empty());
    Ok(if empty { Reply::Done } else { Reply::Data(inner.to_owned()) })
}

/// The names of all schema components that `value` refers to.
fn references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            let target = members.get("$ref").and_then(Value::as_str).and_then(component_name);
            found.extend(target.filter(|(kind, _)| *kind == "schemas").map(|(_, name)| name.to_owned()));
            members.values().for_each(|member| references(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

fn reached(all: &Map<String, Value>, mut open: Vec<String>, replacements: &BTreeMap<String, String>) -> BTreeSet<String> {
    let mut reached = BTreeSet::new();
    while let Some(name) = open.pop() {
        if reached.insert(name.clone()) && !replacements.contains_key(&name) {
            references(all.get(&name).unwrap_or(&Value::Null), &mut open);
        }
    }
    reached
}

/// Drops what the generator would act on in ways that lose data, and makes optional arrays nullable: absent, null and `[]`
/// are three values, and only `Option<Vec<_>>` keeps them apart.
fn lower_schema(schema: &mut Value) {
    let Some(members) = schema.as_object_mut() else { return };
    members.retain(|key, _| {
        !key.starts_with("x-")
            && !matches!(key.as_str(), "example" | "default" | "minimum" | "maximum" | "minItems" | "maxItems" | "pattern" | "deprecated")
    });
    let numeric = matches!(members.get("type").and_then(Value::as_str), Some("integer" | "number"));
    if !numeric {
        members.remove("format");
    }
    // An object without fields would become a map; as a closed one it is a struct without fields.
    if members.get("type").is_some_and(|kind| kind == "object")
        && !["properties", "additionalProperties", "allOf"].iter().any(|key| members.contains_key(*key))
    {
        members.insert("properties".to_owned(), json!({}));
        members.insert("additionalProperties".to_owned(), json!(false));
    }
    let required: BTreeSet<String> = members
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|name| name.as_str().map(str::to_owned))
        .collect();
    if let Some(properties) = object(schema, "properties") {
        for (name, property) in properties.iter_mut() {
            lower_schema(property);
            if property["type"] == "array" && !required.contains(name) {
                property["nullable"] = json!(true);
            }
        }
    }
    for key in ["items", "additionalProperties"] {
        if let Some(child) = schema.get_mut(key) {
            lower_schema(child);
        }
    }
    for key in ["allOf", "anyOf", "oneOf"] {
        for child in schema.get_mut(key).and_then(Value::as_array_mut).into_iter().flatten() {
            lower_schema(child);
        }
    }
}

/// The lowered spec with one operation only, to find the one that the generator cannot take.
pub(crate) fn only(lowered: &Value, id: &str) -> Value {
    let mut single = lowered.clone();
    if let Some(paths) = object(&mut single, "paths") {
        for item in paths.values_mut().filter_map(Value::as_object_mut) {
            item.retain(|key, operation| !METHODS.contains(&key.as_str()) || operation["operationId"] == id);
        }
        paths.retain(|_, item| item.as_object().is_some_and(|item| !item.is_empty()));
    }
    single
}
