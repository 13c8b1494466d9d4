//! The parsed spec, and errors that name a place in it.

use std::fmt;
use std::path::Path;

use serde_json::{Map, Value};

/// What is wrong with the spec, and where.
#[derive(Debug)]
pub(crate) struct Fault {
    path: String,
    operation: Option<String>,
    message: String,
}

impl Fault {
    pub(crate) fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), operation: None, message: message.into() }
    }

    pub(crate) fn in_operation(mut self, id: &str) -> Self {
        self.operation.get_or_insert_with(|| id.to_owned());
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "openapi.yaml: {}", self.path)?;
        if let Some(operation) = &self.operation {
            write!(f, " (operation {operation})")?;
        }
        write!(f, ": {}", self.message)
    }
}

impl std::error::Error for Fault {}

pub(crate) type Result<T> = std::result::Result<T, Fault>;

/// Reads the spec. YAML is parsed into its own value first: going straight to JSON lets a duplicate key pass silently.
pub(crate) fn load(path: &Path) -> Result<Value> {
    let text = std::fs::read_to_string(path).map_err(|error| Fault::new(path.display().to_string(), error.to_string()))?;
    let yaml: yaml_serde::Value = yaml_serde::from_str(&text).map_err(|error| Fault::new("not valid YAML", error.to_string()))?;
    let value = serde_json::to_value(yaml).map_err(|error| Fault::new("not representable as JSON", error.to_string()))?;
    match value.get("openapi").and_then(Value::as_str) {
        Some(version) if version.starts_with("3.0.") => Ok(value),
        Some(version) => Err(Fault::new("openapi", format!("version {version} is not supported; write 3.0.3"))),
        None => Err(Fault::new("openapi", "missing; write `openapi: 3.0.3`")),
    }
}

/// A place in the spec: the value and the dotted path that leads to it.
#[derive(Clone)]
pub(crate) struct Node<'a> {
    pub(crate) value: &'a Value,
    pub(crate) path: String,
}

impl<'a> Node<'a> {
    pub(crate) fn root(value: &'a Value) -> Self {
        Self { value, path: String::new() }
    }

    fn step(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    pub(crate) fn get(&self, key: &str) -> Option<Self> {
        self.value.get(key).map(|value| Self { value, path: self.step(key) })
    }

    pub(crate) fn need(&self, key: &str) -> Result<Self> {
        self.get(key).ok_or_else(|| self.fault(format!("`{key}` is missing")))
    }

    pub(crate) fn need_str(&self, key: &str) -> Result<&'a str> {
        let node = self.need(key)?;
        node.value.as_str().ok_or_else(|| node.fault("must be a string"))
    }

    pub(crate) fn str(&self, key: &str) -> Option<&'a str> {
        self.value.get(key).and_then(Value::as_str)
    }

    pub(crate) fn flag(&self, key: &str) -> bool {
        self.value.get(key).and_then(Value::as_bool).unwrap_or(false)
    }

    pub(crate) fn entries(&self) -> Vec<(&'a str, Self)> {
        let members = self.value.as_object().into_iter().flatten();
        members.map(|(key, value)| (key.as_str(), Self { value, path: self.step(key) })).collect()
    }

    pub(crate) fn items(&self) -> Vec<Self> {
        let items = self.value.as_array().into_iter().flatten().enumerate();
        items.map(|(index, value)| Self { value, path: format!("{}[{index}]", self.path) }).collect()
    }

    pub(crate) fn fault(&self, message: impl Into<String>) -> Fault {
        Fault::new(self.path.clone(), message)
    }
}

/// The component that a local reference names, as `("schemas", "Clip")`.
pub(crate) fn component_name(reference: &str) -> Option<(&str, &str)> {
    reference.strip_prefix("#/components/")?.split_once('/')
}

/// Follows a `$ref`, if there is one, to the component it names.
pub(crate) fn resolve<'a>(root: &'a Value, node: Node<'a>) -> Result<Node<'a>> {
    let Some(reference) = node.str("$ref") else { return Ok(node) };
    let found = component_name(reference).and_then(|(kind, name)| {
        let value = root.get("components")?.get(kind)?.get(name)?;
        Some(Node { value, path: format!("components.{kind}.{name}") })
    });
    found.ok_or_else(|| node.fault(format!("`$ref: {reference}` leads nowhere; components are referenced as `#/components/KIND/NAME`")))
}

/// The name of the schema component that a schema refers to, through `$ref` or an `allOf` of one `$ref`.
pub(crate) fn schema_name(schema: &Value) -> Option<&str> {
    let reference = schema.get("$ref").or_else(|| match schema.get("allOf")?.as_array()?.as_slice() {
        [only] => only.get("$ref"),
        _ => None,
    })?;
    match component_name(reference.as_str()?)? {
        ("schemas", name) => Some(name),
        _ => None,
    }
}

pub(crate) fn object<'a>(value: &'a mut Value, key: &str) -> Option<&'a mut Map<String, Value>> {
    value.get_mut(key).and_then(Value::as_object_mut)
}
