//! Turns the examples of the spec into Rust expressions, for the examples in the documentation.

use serde_json::Value;

use crate::document::schema_name;
use crate::model::{Model, Operation, snake};

pub(crate) struct Examples<'a> {
    schemas: &'a Value,
    model: &'a Model,
}

impl<'a> Examples<'a> {
    pub(crate) fn new(spec: &'a Value, model: &'a Model) -> Self {
        Self { schemas: &spec["components"]["schemas"], model }
    }

    /// The arguments of a call, as they would be written.
    pub(crate) fn arguments(&self, operation: &Operation, fields: &[(&str, &Value)]) -> String {
        let mut arguments = Vec::new();
        if let Some(choice) = &operation.choice {
            let variant = &choice.variants[0];
            let argument = variant.argument.as_ref().and_then(|name| operation.parameters.iter().find(|parameter| parameter.name == *name));
            let argument = argument.map(|parameter| format!("({}.into())", self.expression(&parameter.schema, parameter.example.as_ref())));
            arguments.push(format!("opusclip::{}::{}{}", choice.type_name, variant.name, argument.unwrap_or_default()));
        }
        let body = operation.body.as_ref().and_then(|body| body.example.as_ref());
        for (name, schema) in fields {
            let parameter =
                operation.parameters.iter().find(|parameter| parameter.name == *name).and_then(|parameter| parameter.example.as_ref());
            arguments.push(self.expression(schema, parameter.or_else(|| body?.get(name))));
        }
        arguments.join(", ")
    }

    fn expression(&self, schema: &Value, example: Option<&Value>) -> String {
        let named = schema_name(schema);
        let declared = named.map_or(schema, |name| &self.schemas[name]);
        let example = example.or_else(|| declared.get("example")).unwrap_or(&Value::Null);
        if let Some(open) = named.and_then(|name| self.model.enums.iter().find(|open| open.name == name)) {
            let variant = open.variants.iter().find(|variant| example == variant.value.as_str()).or_else(|| open.variants.first());
            return format!("opusclip::types::{}::{}", open.name, variant.map_or("Other", |variant| &variant.ident));
        }
        match (named, example) {
            (Some("FullClipId"), Value::String(id)) => {
                let (project, clip) = id.split_once('.').unwrap_or((id, "CUexample1"));
                format!("opusclip::types::FullClipId::new({project:?}, {clip:?})")
            }
            (Some(name), Value::Object(members)) => self.object(name, declared, members),
            (_, Value::Array(items)) => {
                let items: Vec<String> = items.iter().map(|item| self.expression(&declared["items"], Some(item))).collect();
                format!("[{}]", items.join(", "))
            }
            (_, Value::Number(number)) if declared["type"] == "number" && !number.is_f64() => format!("{number}.0"),
            (_, Value::Null) => "\"…\"".to_owned(),
            (_, other) => other.to_string(),
        }
    }

    fn object(&self, name: &str, schema: &Value, example: &serde_json::Map<String, Value>) -> String {
        let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let mut required_sorted = required.clone();
        required_sorted.sort_by_key(|name| snake(name));
        let new: Vec<String> = required_sorted.iter().map(|key| self.expression(&schema["properties"][key], example.get(*key))).collect();
        let optional = example.iter().filter(|(key, _)| !required.contains(&key.as_str()));
        let with: String = optional
            .map(|(key, value)| format!(".with_{}({})", snake(key), self.expression(&schema["properties"][key], Some(value))))
            .collect();
        format!("opusclip::types::{name}::new({}){with}", new.join(", "))
    }
}
