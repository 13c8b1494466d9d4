//! What the rest of the build needs to know of the spec, checked: every fault here names the YAML path and the operation.

use std::collections::{BTreeMap, BTreeSet};

use heck::{ToSnakeCase, ToUpperCamelCase};
use serde_json::Value;

use crate::document::{Node, Result, resolve, schema_name};

pub(crate) const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// Types of `src/types` that stand in for a schema of the same name.
const HAND_WRITTEN: [&str; 6] = ["FullClipId", "Timestamp", "Hashtags", "DurationRange", "TimeRange", "GenerativeProgress"];

pub(crate) struct Model {
    pub(crate) operations: Vec<Operation>,
    pub(crate) enums: Vec<OpenEnum>,
    pub(crate) ids: Vec<Id>,
    pub(crate) hand_written: Vec<String>,
}

pub(crate) struct Operation {
    pub(crate) id: String,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) yaml: String,
    pub(crate) tag: String,
    pub(crate) summary: String,
    pub(crate) description: String,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) body: Option<Body>,
    pub(crate) success: Vec<u16>,
    pub(crate) reply: Option<String>,
    pub(crate) errors: Vec<u16>,
    pub(crate) billed: bool,
    pub(crate) idempotent: bool,
    /// Whether a reference can be planted in what it makes.
    pub(crate) reference: bool,
    pub(crate) rate: Rate,
    pub(crate) evidence: String,
    pub(crate) choice: Option<Choice>,
    pub(crate) server: Option<String>,
}

pub(crate) struct Parameter {
    pub(crate) name: String,
    pub(crate) location: String,
    pub(crate) required: bool,
    pub(crate) schema: Value,
    pub(crate) description: String,
    pub(crate) example: Option<Value>,
    pub(crate) client_wide: bool,
    /// The only value that a required parameter can have: nobody has to pass it.
    pub(crate) fixed: Option<String>,
}

impl Parameter {
    pub(crate) fn ident(&self) -> String {
        snake(&self.name)
    }
}

pub(crate) struct Body {
    /// Component name of a JSON body; `None` for raw bytes.
    pub(crate) schema: Option<String>,
    pub(crate) example: Option<Value>,
}

pub(crate) struct Rate {
    pub(crate) class: String,
    pub(crate) requests: u32,
    pub(crate) seconds: u32,
}

/// Parameters that depend on each other, turned into one argument.
pub(crate) struct Choice {
    pub(crate) name: String,
    pub(crate) type_name: String,
    pub(crate) parameter: String,
    pub(crate) variants: Vec<ChoiceVariant>,
}

pub(crate) struct ChoiceVariant {
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) argument: Option<String>,
    pub(crate) description: String,
}

pub(crate) struct OpenEnum {
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) variants: Vec<EnumVariant>,
}

pub(crate) struct EnumVariant {
    pub(crate) ident: String,
    pub(crate) value: String,
    pub(crate) description: String,
}

pub(crate) struct Id {
    pub(crate) name: String,
    pub(crate) description: String,
}

impl Model {
    pub(crate) fn read(spec: &Value) -> Result<Self> {
        let root = Node::root(spec);
        let schemas = root.need("components")?.need("schemas")?;
        let (mut enums, mut ids, mut hand_written) = (Vec::new(), Vec::new(), Vec::new());
        for (name, schema) in schemas.entries() {
            if schema.flag("x-hand-written") || HAND_WRITTEN.contains(&name) {
                if !HAND_WRITTEN.contains(&name) {
                    return Err(
                        schema.fault(format!("`x-hand-written`, but src/types has no `{name}`; it has {}", HAND_WRITTEN.join(", ")))
                    );
                }
                hand_written.push(name.to_owned());
            } else if schema.flag("x-id") {
                ids.push(Id { name: name.to_owned(), description: text(&schema) });
            } else if schema.get("enum").is_some() {
                enums.push(open_enum(name, &schema)?);
            } else {
                named_only(spec, &schema)?;
            }
        }
        let mut operations: Vec<Operation> = Vec::new();
        let mut seen = BTreeSet::new();
        for (path, item) in root.need("paths")?.entries() {
            for (method, node) in item.entries().into_iter().filter(|(key, _)| METHODS.contains(key)) {
                let operation = operation(spec, path, method, &item, &node)?;
                if !seen.insert(operation.id.clone()) {
                    return Err(node.fault("operationId is used twice").in_operation(&operation.id));
                }
                operations.push(operation);
            }
        }
        Ok(Self { operations, enums, ids, hand_written })
    }
}

fn operation(spec: &Value, path: &str, method: &str, item: &Node<'_>, node: &Node<'_>) -> Result<Operation> {
    let id = node.need_str("operationId")?;
    let read = || -> Result<Operation> {
        if id != snake(id) || !id.contains('_') {
            return Err(node.need("operationId")?.fault(format!("must be `verb_noun` in snake_case, is `{id}`")));
        }
        let parameters = parameters(spec, item, node)?;
        check_path_parameters(path, node, &parameters)?;
        let choice = node.get("x-choice").map(|choice| read_choice(&choice, &parameters)).transpose()?;
        let body = node.get("requestBody").map(|body| read_body(spec, body)).transpose()?;
        let billed = need_flag(node, "x-billed")?;
        if billed && body.as_ref().is_none_or(|body| body.schema.is_none()) {
            return Err(node.fault("is billed, and has no JSON body that could be looked at before it is sent"));
        }
        let (success, reply, errors) = responses(spec, node)?;
        let server =
            node.get("servers").or_else(|| item.get("servers")).and_then(|servers| Some(servers.items().first()?.str("url")?.to_owned()));
        Ok(Operation {
            id: id.to_owned(),
            method: method.to_uppercase(),
            path: path.to_owned(),
            yaml: node.path.clone(),
            tag: tag(node)?,
            summary: node.need_str("summary")?.trim().to_owned(),
            description: text(node),
            parameters,
            body,
            success,
            reply,
            errors,
            billed,
            idempotent: need_flag(node, "x-idempotent")?,
            reference: node.flag("x-reference"),
            rate: rate(node)?,
            evidence: evidence(node)?,
            choice,
            server,
        })
    };
    read().map_err(|fault| fault.in_operation(id))
}

fn tag(node: &Node<'_>) -> Result<String> {
    match node.need("tags")?.items().as_slice() {
        [only] => only.value.as_str().map(str::to_owned).ok_or_else(|| only.fault("must be a string")),
        tags => Err(node.fault(format!("must have exactly one tag, has {}", tags.len()))),
    }
}

fn need_flag(node: &Node<'_>, key: &str) -> Result<bool> {
    let flag = node.need(key)?;
    flag.value.as_bool().ok_or_else(|| flag.fault("must be true or false"))
}

fn rate(node: &Node<'_>) -> Result<Rate> {
    let rate = node.need("x-rate-limit")?;
    let number = |key: &str| rate.value.get(key).and_then(Value::as_u64).and_then(|n| u32::try_from(n).ok());
    let class = rate.need_str("class")?.to_owned();
    match (number("per-minute"), number("per-second")) {
        (Some(requests), None) => Ok(Rate { class, requests, seconds: 60 }),
        (None, Some(requests)) => Ok(Rate { class, requests, seconds: 1 }),
        (None, None) if class == "none" => Ok(Rate { class, requests: 0, seconds: 0 }),
        _ => Err(rate.fault("needs exactly one of `per-minute` and `per-second`, a whole number, or `class: none`")),
    }
}

fn evidence(node: &Node<'_>) -> Result<String> {
    let evidence = node.need("x-evidence")?;
    let label = evidence.need_str("label")?;
    if !["documented", "first-party", "observed", "inferred"].contains(&label) {
        return Err(evidence.need("label")?.fault("must be documented, first-party, observed or inferred"));
    }
    Ok(format!("{label}, {}", evidence.need_str("source")?))
}

fn parameters(spec: &Value, item: &Node<'_>, node: &Node<'_>) -> Result<Vec<Parameter>> {
    let mut found: BTreeMap<(String, String), Parameter> = BTreeMap::new();
    let mut order = Vec::new();
    for list in [item, node].into_iter().filter_map(|node| node.get("parameters")) {
        for entry in list.items() {
            let node = resolve(spec, entry)?;
            let (name, location) = (node.need_str("name")?.to_owned(), node.need_str("in")?.to_owned());
            let schema = node.need("schema")?;
            let declared = resolve(spec, schema.clone())?;
            let required = node.flag("required");
            let fixed = declared.get("enum").filter(|_| required).map(|values| values.items()).and_then(|values| match values.as_slice() {
                [only] => only.value.as_str().map(str::to_owned),
                _ => None,
            });
            if schema.get("enum").is_some() {
                return Err(schema.fault("an inline enum would be closed; make it a component with `x-open-enum: true` and refer to it"));
            }
            let example = node.value.get("example").or_else(|| declared.value.get("example")).cloned();
            let key = (location.clone(), name.clone());
            let parameter = Parameter {
                description: text(&node),
                client_wide: node.flag("x-client-wide"),
                schema: schema.value.clone(),
                name,
                location,
                required,
                example,
                fixed,
            };
            if found.insert(key.clone(), parameter).is_none() {
                order.push(key);
            }
        }
    }
    Ok(order.into_iter().filter_map(|key| found.remove(&key)).collect())
}

fn check_path_parameters(path: &str, node: &Node<'_>, parameters: &[Parameter]) -> Result<()> {
    let in_template: BTreeSet<&str> = path.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name).collect();
    let declared: BTreeSet<&str> =
        parameters.iter().filter(|parameter| parameter.location == "path").map(|parameter| parameter.name.as_str()).collect();
    match in_template.symmetric_difference(&declared).next() {
        None => Ok(()),
        Some(name) => Err(node.fault(format!("path parameter `{name}` must stand both in the path and in `parameters`"))),
    }
}

fn read_choice(node: &Node<'_>, parameters: &[Parameter]) -> Result<Choice> {
    let known = |name: &str, at: &Node<'_>| {
        let found = parameters.iter().any(|parameter| parameter.name == name);
        if found { Ok(name.to_owned()) } else { Err(at.fault(format!("`{name}` is no parameter of this operation"))) }
    };
    let mut variants = Vec::new();
    for variant in node.need("variants")?.items() {
        variants.push(ChoiceVariant {
            name: variant.need_str("name")?.to_owned(),
            value: variant.need_str("value")?.to_owned(),
            argument: variant.str("argument").map(|name| known(name, &variant)).transpose()?,
            description: text(&variant),
        });
    }
    Ok(Choice {
        name: node.need_str("name")?.to_owned(),
        type_name: node.need_str("type")?.to_owned(),
        parameter: known(node.need_str("parameter")?, node)?,
        variants,
    })
}

fn read_body(spec: &Value, node: Node<'_>) -> Result<Body> {
    let body = resolve(spec, node)?;
    let content = body.need("content")?;
    let Some(media) = content.get("application/json") else { return Ok(Body { schema: None, example: None }) };
    let name = component(spec, &media.need("schema")?)?;
    let example = media
        .get("examples")
        .and_then(|examples| examples.get("minimal").or_else(|| examples.entries().into_iter().next().map(|(_, example)| example)));
    let example = example
        .map(|example| resolve(spec, example))
        .transpose()?
        .and_then(|example| example.value.get("value"))
        .or_else(|| media.value.get("example"));
    Ok(Body { schema: Some(name), example: example.cloned() })
}

/// The name of the component that the schema of a body refers to.
fn component(spec: &Value, schema: &Node<'_>) -> Result<String> {
    resolve(spec, schema.clone())?;
    let name = schema_name(schema.value).map(str::to_owned);
    name.ok_or_else(|| schema.fault("must be a `$ref` to a component, so that its type has a name"))
}

/// The statuses of success with the one type that they share, and the error statuses.
fn responses(spec: &Value, node: &Node<'_>) -> Result<(Vec<u16>, Option<String>, Vec<u16>)> {
    let (mut success, mut errors) = (Vec::new(), Vec::new());
    let mut types: BTreeSet<Option<String>> = BTreeSet::new();
    let responses = node.need("responses")?;
    for (status, response) in responses.entries() {
        let Ok(code) = status.parse::<u16>() else {
            return Err(response.fault("name each status; `default` and ranges hide what is documented"));
        };
        let response = resolve(spec, response)?;
        if !(200..400).contains(&code) {
            errors.push(code);
            continue;
        }
        success.push(code);
        let media = response.get("content").and_then(|content| content.get("application/json"));
        match media {
            None => types.insert(None),
            Some(media) => types.insert(Some(component(spec, &media.need("schema")?)?)),
        };
    }
    if success.is_empty() {
        return Err(responses.fault("no success status is documented"));
    }
    if types.len() > 1 {
        return Err(responses.fault("the success statuses have different types; a caller can only get one"));
    }
    Ok((success, types.pop_first().flatten(), errors))
}

fn open_enum(name: &str, schema: &Node<'_>) -> Result<OpenEnum> {
    if !schema.flag("x-open-enum") {
        return Err(schema.fault(
            "an enum without `x-open-enum: true` would be closed: the first new value would break the decoding of the whole response",
        ));
    }
    let docs = schema.get("x-enum-descriptions");
    let mut variants: Vec<EnumVariant> = Vec::new();
    for value in schema.need("enum")?.items().iter().filter(|item| !item.value.is_null()) {
        let Some(text) = value.value.as_str() else { return Err(value.fault("must be a string")) };
        let ident = variant_ident(text);
        if ident == "Other" || variants.iter().any(|known| known.ident == ident) {
            return Err(value.fault(format!("`{text}` becomes the variant `{ident}`, which is taken")));
        }
        let description = docs.as_ref().and_then(|docs| docs.str(text)).map_or_else(|| format!("`{text}`."), |doc| doc.trim().to_owned());
        variants.push(EnumVariant { ident, value: text.to_owned(), description });
    }
    Ok(OpenEnum { name: name.to_owned(), description: text(schema), variants })
}

fn variant_ident(value: &str) -> String {
    let words: String = value.chars().map(|c| if c.is_alphanumeric() { c } else { ' ' }).collect();
    let ident = words.to_upper_camel_case();
    match ident.chars().next() {
        None => "Empty".to_owned(),
        Some(first) if first.is_ascii_digit() => format!("V{ident}"),
        Some(_) => ident,
    }
}

/// Refuses what the generator would name badly or close silently: inline objects and inline enums.
fn named_only(spec: &Value, schema: &Node<'_>) -> Result<()> {
    resolve(spec, schema.clone())?;
    let mut children = Vec::new();
    for (_, property) in schema.get("properties").iter().flat_map(Node::entries) {
        if property.get("properties").is_some() {
            return Err(property.fault("an inline object has no name of its own; make it a component and refer to it"));
        }
        children.push(property);
    }
    children.extend(schema.get("items"));
    for key in ["allOf", "anyOf", "oneOf"] {
        children.extend(schema.get(key).iter().flat_map(Node::items));
    }
    for child in children {
        if child.get("enum").is_some() {
            return Err(child.fault("an inline enum would be closed; make it a component with `x-open-enum: true` and refer to it"));
        }
        named_only(spec, &child)?;
    }
    let properties = schema.get("properties");
    for name in schema.get("required").iter().flat_map(Node::items) {
        let known = name.value.as_str().is_some_and(|name| properties.as_ref().is_some_and(|properties| properties.get(name).is_some()));
        if !known {
            return Err(name.fault(format!("{} is required but is no property", name.value)));
        }
    }
    Ok(())
}

fn text(node: &Node<'_>) -> String {
    node.str("description").unwrap_or_default().trim().to_owned()
}

/// A parameter or property name as the Rust identifier that the generator makes of it.
pub(crate) fn snake(name: &str) -> String {
    let ident = name.replace(|c: char| !c.is_alphanumeric() && c != '_', "-").to_snake_case();
    match syn::parse_str::<syn::Ident>(&ident) {
        Ok(_) => ident,
        Err(_) => format!("{ident}_"),
    }
}
