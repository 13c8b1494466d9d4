//! What a fault makes of a good answer.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::fault::Envelope;

/// A value that no enum of the spec lists.
const UNKNOWN: &str = "SANDBOX_UNKNOWN";

/// The list in another envelope; what is no list stays as it is.
pub(crate) fn envelope(body: Value, envelope: Envelope) -> Value {
    let list = match body {
        Value::Array(list) => Value::Array(list),
        Value::Object(mut members) => {
            let data = members.remove("data").or_else(|| members.remove("list"));
            match data {
                Some(Value::Object(mut inner)) => match inner.remove("list") {
                    Some(list) => list,
                    None => return json!({"data": inner}),
                },
                Some(list @ Value::Array(_)) => list,
                Some(other) => return json!({"data": other}),
                None => return Value::Object(members),
            }
        }
        other => return other,
    };
    let total = list.as_array().map_or(0, Vec::len);
    match envelope {
        Envelope::Bare => list,
        Envelope::Data => json!({"data": list}),
        Envelope::DataList => json!({"data": {"list": list, "total": total, "next": null, "limit": null}}),
        Envelope::List => json!({"list": list, "total": total}),
    }
}

/// Applies `edit` to every member of every object.
fn each_member(value: Value, edit: &impl Fn(String, Value) -> Option<(String, Value)>) -> Value {
    match value {
        Value::Object(members) => {
            let edited = members.into_iter().filter_map(|(name, value)| edit(name, each_member(value, edit)));
            Value::Object(edited.collect::<Map<_, _>>())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(|item| each_member(item, edit)).collect()),
        other => other,
    }
}

pub(crate) fn snake_case(body: Value) -> Value {
    each_member(body, &|name, value| {
        let mut snake = String::new();
        for c in name.chars() {
            if c.is_ascii_uppercase() {
                snake.push('_');
            }
            snake.push(c.to_ascii_lowercase());
        }
        // These have been seen under names of their own (C41).
        let seen = match snake.as_str() {
            "uri_for_preview" => "preview_url".to_owned(),
            "uri_for_export" => "export_url".to_owned(),
            _ => snake,
        };
        Some((seen, value))
    })
}

/// Puts a value that nobody listed into every open enum.
pub(crate) fn unknown_enum(body: Value, enums: &BTreeSet<String>) -> Value {
    each_member(body, &|name, value| {
        let value = if value.is_string() && enums.contains(&name) { Value::from(UNKNOWN) } else { value };
        Some((name, value))
    })
}

pub(crate) fn no_export_links(body: Value) -> Value {
    each_member(body, &|name, value| (name != "uriForExport").then_some((name, value)))
}

/// The names of all properties whose values are an open enum.
pub(crate) fn enum_properties(document: &Value) -> BTreeSet<String> {
    let schemas = &document["components"]["schemas"];
    let is_open = |property: &Value| {
        let reference = property.get("$ref").or_else(|| property["allOf"].get(0)?.get("$ref")).and_then(Value::as_str);
        let name = reference.and_then(|reference| reference.strip_prefix("#/components/schemas/"));
        name.is_some_and(|name| schemas[name]["x-open-enum"] == true)
    };
    let all = schemas.as_object().into_iter().flatten().filter_map(|(_, schema)| schema["properties"].as_object());
    all.flatten().filter(|(_, property)| is_open(property)).map(|(name, _)| name.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_envelope_becomes_every_other() {
        let list = json!([{"id": 1}]);
        let all = [
            (Envelope::Bare, list.clone()),
            (Envelope::Data, json!({"data": list})),
            (Envelope::DataList, json!({"data": {"list": list, "total": 1, "next": null, "limit": null}})),
            (Envelope::List, json!({"list": list, "total": 1})),
        ];
        for (_, from) in &all {
            for (to, expected) in &all {
                assert_eq!(envelope(from.clone(), *to), *expected);
            }
        }
        assert_eq!(envelope(json!({"id": "P1"}), Envelope::Data), json!({"id": "P1"}));
        assert_eq!(envelope(json!({"data": {"jobId": 1}}), Envelope::List), json!({"data": {"jobId": 1}}));
    }

    #[test]
    fn names_and_values_change_at_any_depth() {
        let body = json!([{"projectId": "P1", "uriForExport": "u", "stage": "QUEUED", "in": {"sourcePlatform": "ZOOM", "title": "T"}}]);
        assert_eq!(snake_case(body.clone())[0]["in"]["source_platform"], "ZOOM");
        assert_eq!(snake_case(body.clone())[0]["export_url"], "u");
        assert_eq!(no_export_links(body.clone())[0].get("uriForExport"), None);
        let enums = ["stage", "sourcePlatform"].map(str::to_owned).into();
        let unknown = unknown_enum(body, &enums);
        assert_eq!((&unknown[0]["stage"], &unknown[0]["in"]["sourcePlatform"]), (&json!(UNKNOWN), &json!(UNKNOWN)));
        assert_eq!(unknown[0]["in"]["title"], "T");
    }
}
