//! Files of a known format against its JSON Schema, with errors that say what to write instead.

use jsonschema::Validator;
use jsonschema::error::ValidationErrorKind;
use serde_json::Value;

use crate::json;

/// A JSON Schema that is ready to use.
pub(crate) struct Shape {
    schema: Value,
    validator: Option<Validator>,
}

impl Shape {
    pub(crate) fn new(schema: Value) -> Self {
        let validator = jsonschema::validator_for(&schema).ok();
        Self { schema, validator }
    }

    /// Where a file departs from the schema, with what is wrong there.
    pub(crate) fn misshapen(&self, source: &Value) -> Vec<(String, String)> {
        let Some(validator) = &self.validator else {
            return vec![(String::new(), "the harness's own schema of this format does not compile".into())];
        };
        let mut found = Vec::new();
        for error in validator.iter_errors(source) {
            let at = error.instance_path().as_str().to_owned();
            match error.kind() {
                ValidationErrorKind::AdditionalProperties { unexpected } => {
                    let known = self.known_keys(error.schema_path().as_str());
                    found.extend(unexpected.iter().map(|key| (json::join(&at, key), format!("unknown key `{key}`; known here: {known}"))));
                }
                ValidationErrorKind::Required { property } => {
                    found.push((at, format!("the key {property} is missing")));
                }
                _ => {
                    let value = source.pointer(&at).map(json::short).unwrap_or_default();
                    let choices = self.choices(error.schema_path().as_str());
                    let message = match (choices.is_empty(), error.kind()) {
                        (false, _) => format!("{value} is not one of {}", choices.join(", ")),
                        (true, ValidationErrorKind::Type { .. }) => {
                            format!("{} (a text that looks like something else needs quotes)", json::shorten(&error.to_string()))
                        }
                        _ => json::shorten(&error.to_string()),
                    };
                    found.push((at, message));
                }
            }
        }
        found.sort();
        found
    }

    /// The property names that the schema beside a keyword knows.
    fn known_keys(&self, keyword: &str) -> String {
        let parent = keyword.rsplit_once('/').map_or("", |(parent, _)| parent);
        let keys = self.schema.pointer(&self.resolve(parent)).and_then(|schema| schema.get("properties")).and_then(Value::as_object);
        keys.map(|keys| keys.keys().map(String::as_str).collect::<Vec<_>>().join(", ")).unwrap_or_default()
    }

    /// The values that a keyword such as `oneOf` or `enum` allows, where it lists constants.
    fn choices(&self, keyword: &str) -> Vec<String> {
        let list = self.schema.pointer(&self.resolve(keyword)).and_then(Value::as_array);
        let constant = |value: &Value| value.get("const").or(value.is_string().then_some(value)).map(Value::to_string);
        list.map(|list| list.iter().filter_map(constant).collect()).unwrap_or_default()
    }

    /// A path of keywords as the validator gives it, with every `$ref` on the way replaced by what it points to.
    fn resolve(&self, keywords: &str) -> String {
        let mut pointer = String::new();
        for token in json::tokens(keywords) {
            if token == "$ref" {
                let target = self.schema.pointer(&pointer).and_then(|schema| schema.get("$ref")).and_then(Value::as_str);
                if let Some(target) = target.and_then(|target| target.strip_prefix('#')) {
                    target.clone_into(&mut pointer);
                    continue;
                }
            }
            pointer = json::join(&pointer, &token);
        }
        pointer
    }
}
