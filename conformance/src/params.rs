//! The parameters of an operation, as far as a call has to agree with a request.

use serde_json::Value;

use crate::spec::{Operation, Spec};

/// One documented parameter.
pub(crate) struct Parameter {
    pub(crate) name: String,
    /// `path`, `query`, `header` or `cookie`.
    pub(crate) place: String,
    /// Whether it can have one value only, so that no caller has to give it.
    pub(crate) is_constant: bool,
}

/// The parameters of an operation and of its path; the operation's own win.
pub(crate) fn parameters(spec: &Spec, operation: &Operation) -> Vec<Parameter> {
    let document = spec.document();
    let item = operation.pointer.rsplit_once('/').map_or("", |(item, _)| item);
    let mut found: Vec<Parameter> = Vec::new();
    for owner in [operation.pointer.as_str(), item] {
        let list = document.pointer(owner).and_then(|owner| owner.get("parameters")).and_then(Value::as_array);
        for parameter in list.into_iter().flatten().filter_map(|value| read(document, value)) {
            if !found.iter().any(|known| known.name == parameter.name && known.place == parameter.place) {
                found.push(parameter);
            }
        }
    }
    found
}

fn read(document: &Value, value: &Value) -> Option<Parameter> {
    let value = resolve(document, value)?;
    let schema = value.get("schema").and_then(|schema| resolve(document, schema));
    let values = schema.and_then(|schema| schema.get("enum")).and_then(Value::as_array);
    let is_required = value.get("required").and_then(Value::as_bool).unwrap_or_default();
    let place = value.get("in")?.as_str()?.to_owned();
    Some(Parameter {
        name: value.get("name")?.as_str()?.to_owned(),
        place,
        is_constant: is_required && values.is_some_and(|values| values.len() == 1),
    })
}

/// Follows `$ref` inside the document; a chain that does not end is given up.
fn resolve<'a>(document: &'a Value, mut value: &'a Value) -> Option<&'a Value> {
    for _ in 0..16 {
        let Some(target) = value.get("$ref").and_then(Value::as_str) else { return Some(value) };
        value = document.pointer(target.strip_prefix('#')?)?;
    }
    None
}
