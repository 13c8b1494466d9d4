//! A walk over a document that knows which object is what, so that data inside examples is never
//! taken for a schema or a reference.

use serde_json::Value;

use super::pointer::{join, reference};

/// What an object of the document is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Document,
    Components,
    PathItem,
    Operation,
    Parameter,
    Header,
    RequestBody,
    Response,
    Media,
    Encoding,
    Schema,
    Example,
    Link,
    Callback,
    SecurityScheme,
}

/// What stands under a key.
#[derive(Clone, Copy)]
enum Below {
    One(Kind),
    List(Kind),
    Map(Kind),
    Nothing,
}

/// One object that was met.
#[derive(Clone, Debug)]
pub(super) struct Node<'a> {
    pub(super) pointer: String,
    pub(super) kind: Kind,
    pub(super) value: &'a Value,
}

/// Every object of the document that has a meaning, references included and not followed.
pub(super) fn nodes(document: &Value) -> Vec<Node<'_>> {
    let mut found = Vec::new();
    enter(document, Kind::Document, String::new(), &mut found);
    found
}

fn enter<'a>(value: &'a Value, kind: Kind, pointer: String, found: &mut Vec<Node<'a>>) {
    found.push(Node { pointer: pointer.clone(), kind, value });
    // The siblings of a reference are ignored, but for a path item.
    if reference(value).is_some() && kind != Kind::PathItem {
        return;
    }
    let Some(entries) = value.as_object() else {
        return;
    };
    for (key, item) in entries {
        let at = join(&pointer, key);
        match below(kind, key) {
            Below::One(kind) if item.is_object() => enter(item, kind, at, found),
            Below::List(kind) => {
                let items = item.as_array().into_iter().flatten();
                for (position, item) in items.enumerate() {
                    enter(item, kind, format!("{at}/{position}"), found);
                }
            }
            Below::Map(kind) => {
                for (name, item) in item.as_object().into_iter().flatten() {
                    if item.is_object() {
                        enter(item, kind, join(&at, name), found);
                    }
                }
            }
            Below::One(_) | Below::Nothing => {}
        }
    }
}

fn below(kind: Kind, key: &str) -> Below {
    use Below::{List, Map, Nothing, One};

    if key.starts_with("x-") {
        return Nothing;
    }
    match (kind, key) {
        (Kind::Document, "paths") => Map(Kind::PathItem),
        (Kind::Document, "components") => One(Kind::Components),
        (Kind::Components, "schemas") => Map(Kind::Schema),
        (Kind::Components, "responses") => Map(Kind::Response),
        (Kind::Components, "parameters") => Map(Kind::Parameter),
        (Kind::Components, "requestBodies") => Map(Kind::RequestBody),
        (Kind::Components, "securitySchemes") => Map(Kind::SecurityScheme),
        (Kind::Components | Kind::Response | Kind::Encoding, "headers") => Map(Kind::Header),
        (Kind::Components | Kind::Response, "links") => Map(Kind::Link),
        (Kind::Components | Kind::Operation, "callbacks") => Map(Kind::Callback),
        (Kind::Components | Kind::Media | Kind::Parameter | Kind::Header, "examples") => Map(Kind::Example),
        (Kind::PathItem | Kind::Operation, "parameters") => List(Kind::Parameter),
        (Kind::PathItem, "get" | "put" | "post" | "delete" | "options" | "head" | "patch" | "trace") => One(Kind::Operation),
        (Kind::Operation, "requestBody") => One(Kind::RequestBody),
        (Kind::Operation, "responses") => Map(Kind::Response),
        (Kind::Callback, _) => One(Kind::PathItem),
        (Kind::RequestBody | Kind::Response | Kind::Parameter | Kind::Header, "content") => Map(Kind::Media),
        (Kind::Media | Kind::Parameter | Kind::Header, "schema") => One(Kind::Schema),
        (Kind::Media, "encoding") => Map(Kind::Encoding),
        (Kind::Schema, "properties") => Map(Kind::Schema),
        (Kind::Schema, "items" | "not" | "additionalProperties") => One(Kind::Schema),
        (Kind::Schema, "allOf" | "anyOf" | "oneOf") => List(Kind::Schema),
        _ => Nothing,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn tells_schemas_from_data() {
        let document = json!({
            "paths": {"/books": {"get": {"responses": {"200": {"content": {"application/json": {
                "schema": {"properties": {"schema": {"type": "string"}, "example": {"type": "object"}}},
                "example": {"schema": {"$ref": "#/no"}},
            }}}}}}},
            "components": {"examples": {"one": {"value": {"$ref": "#/no"}}}},
        });
        let schemas: Vec<_> = nodes(&document).into_iter().filter(|node| node.kind == Kind::Schema).map(|node| node.pointer).collect();
        let base = "/paths/~1books/get/responses/200/content/application~1json/schema";
        assert_eq!(schemas, [base.to_owned(), format!("{base}/properties/schema"), format!("{base}/properties/example")]);
        assert!(!nodes(&document).iter().any(|node| reference(node.value).is_some()));
    }

    /// Each object that can stand in a document once in each place where it can, and beside it what only looks like one.
    #[test]
    fn meets_every_object_in_every_place() {
        let schema = json!({"type": "object", "x-note": {"$ref": "#/no"}, "example": {"items": {}}, "properties": {"p": {}, "text": "no"},
            "items": {}, "not": {}, "additionalProperties": {}, "allOf": [{}], "anyOf": [{}, {}], "oneOf": [{"items": {}}]});
        let parameter = json!({"name": "p", "in": "query", "schema": {}, "content": {"a/b": {}}, "examples": {"e": {"value": {}}}});
        let header = json!({"schema": {}, "content": {"a/b": {}}, "examples": {"e": {}}});
        let media = json!({"schema": schema, "example": {"schema": {}}, "examples": {"e": {"value": {"schema": {}}}},
            "encoding": {"p": {"headers": {"h": {"schema": {}}}}}});
        let response = json!({"headers": {"h": header}, "content": {"a/b": media}, "links": {"l": {"parameters": {"p": {}}}}});
        let body = json!({"content": {"a/b": {"schema": {}}}});
        let operation = json!({"parameters": [parameter, {"$ref": "#/components/parameters/p", "schema": {}}], "requestBody": body,
            "responses": {"200": response, "default": {"$ref": "#/components/responses/r"}},
            "callbacks": {"c": {"{$url}": {"post": {"responses": {"200": {}}}}, "x-no": {"post": {}}}}, "tags": ["a"], "security": [{}]});
        let document = json!({
            "info": {"schema": {}}, "tags": [{"name": "a"}], "x-more": {"schemas": {}}, "servers": [{}],
            "paths": {"/a": {"$ref": "#/x", "parameters": [parameter], "get": operation, "put": {}, "post": {}, "delete": {}, "options": {},
                "head": {}, "patch": {}, "trace": {}, "copy": {}, "servers": [{}], "summary": "s"}, "/b": "no path item", "x-c": {"get": {}}},
            "components": {"schemas": {"S": schema}, "responses": {"r": response}, "parameters": {"p": parameter}, "requestBodies": {"b": body},
                "headers": {"h": header}, "securitySchemes": {"s": {"type": "http"}}, "links": {"l": {}}, "callbacks": {"c": {"{$url}": {"get": {}}}},
                "examples": {"e": {"value": {"schema": {}}}}, "others": {"o": {}}},
        });
        let told: Vec<String> = nodes(&document).iter().map(|node| format!("{:?} {}", node.kind, node.pointer)).collect();
        insta::assert_snapshot!(told.join("\n"));
    }
}
