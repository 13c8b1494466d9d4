//! Compiled schemas, and what they object to in the words of this crate.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{Draft, ValidationError, Validator};
use serde_json::Value;

use super::direction::HIDDEN;
use super::pointer::{Flaw, FlawKind, existing, join};
use super::schema::{World, convert, property_names};

/// One objection to a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// Pointer into the value.
    pub(super) path: String,
    /// Pointer into the document.
    pub(super) spec_at: String,
    pub(super) message: String,
    /// Whether the value only breaks a `format`.
    pub(super) format: bool,
}

/// A schema that is ready to judge values.
pub(super) struct Checker {
    validator: Validator,
    sources: Vec<String>,
}

/// A schema that cannot judge anything, and why.
pub(super) type Compiled = Result<Checker, Flaw>;

/// Every schema that was needed so far.
#[derive(Default)]
pub(super) struct Checkers {
    closed: RwLock<HashMap<String, Arc<Compiled>>>,
    open: RwLock<HashMap<String, Arc<Compiled>>>,
}

impl Checkers {
    /// The compiled schema at `pointer`; compiled now if this is the first call for it.
    pub(super) fn get(&self, document: &Value, pointer: &str, world: World) -> Arc<Compiled> {
        let shelf = match world {
            World::Closed => &self.closed,
            World::Open | World::Part => &self.open,
        };
        let read = shelf.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = read.get(pointer) {
            return Arc::clone(known);
        }
        drop(read);
        let compiled = Arc::new(compile(document, pointer, world));
        let mut write = shelf.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(write.entry(pointer.to_owned()).or_insert(compiled))
    }

    /// Whether the schema at `pointer` takes `value`; a schema that does not compile takes nothing.
    pub(super) fn accepts(&self, document: &Value, pointer: &str, world: World, value: &Value) -> bool {
        match &*self.get(document, pointer, world) {
            Ok(checker) => checker.validator.is_valid(value),
            Err(_) => false,
        }
    }

    /// What the schema at `pointer` has to say against `value`.
    pub(super) fn faults(&self, document: &Value, pointer: &str, world: World, value: &Value) -> Vec<Fault> {
        match &*self.get(document, pointer, world) {
            Ok(checker) if checker.validator.is_valid(value) => Vec::new(),
            Ok(checker) => checker.faults(document, value),
            Err(error) => vec![Fault {
                path: String::new(),
                spec_at: error.at.clone(),
                message: format!("the schema is unusable: {}", error.message),
                format: false,
            }],
        }
    }
}

fn compile(document: &Value, pointer: &str, world: World) -> Compiled {
    let converted = convert(document, pointer, world)?;
    let built = jsonschema::options()
        .with_draft(Draft::Draft202012)
        .should_validate_formats(true)
        .with_format("byte", |text: &str| STANDARD.decode(text).is_ok())
        .offline()
        .build(&converted.schema);
    match built {
        Ok(validator) => Ok(Checker { validator, sources: converted.sources }),
        Err(error) => Err(Flaw {
            kind: FlawKind::Schema,
            // A schema that its meta-schema refuses is itself the instance that is wrong.
            at: [error.instance_path().as_str(), error.schema_path().as_str()]
                .into_iter()
                .find(|path| path.starts_with("/$defs/"))
                .map_or_else(|| pointer.to_owned(), |path| source(document, &converted.sources, path)),
            message: shorten(&error.to_string(), 200),
        }),
    }
}

/// The place in the document that a place in a converted schema comes from.
fn source(document: &Value, sources: &[String], path: &str) -> String {
    let tail = path.strip_prefix("/$defs/").unwrap_or(path);
    let (number, rest) = tail.split_once('/').unwrap_or((tail, ""));
    let number = number.parse::<usize>().ok();
    let Some(base) = number.and_then(|number| sources.get(number)) else {
        return String::new();
    };
    let full = if rest.is_empty() { base.clone() } else { format!("{base}/{rest}") };
    existing(document, &full).to_owned()
}

impl Checker {
    /// Pointers to the schemas that it is made of.
    pub(super) fn sources(&self) -> &[String] {
        &self.sources
    }

    fn faults(&self, document: &Value, value: &Value) -> Vec<Fault> {
        let errors: Vec<_> = self.validator.iter_errors(value).collect();
        let mut faults = self.explain(document, &errors);
        faults.sort_by(|a, b| (&a.path, &a.message).cmp(&(&b.path, &b.message)));
        faults.dedup();
        faults
    }

    fn explain(&self, document: &Value, errors: &[ValidationError<'_>]) -> Vec<Fault> {
        let mut faults = Vec::new();
        let mut unplaced = Vec::new();
        for error in errors {
            match error.kind() {
                ValidationErrorKind::AdditionalProperties { unexpected } | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
                    unplaced.push((error, unexpected));
                }
                ValidationErrorKind::AnyOf { context } => {
                    faults.extend(self.closest(document, error, context, "anyOf"));
                }
                ValidationErrorKind::OneOfNotValid { context } => {
                    faults.extend(self.closest(document, error, context, "oneOf"));
                }
                // A value of the wrong type is in no enum either; once is enough.
                ValidationErrorKind::Enum { .. } if mistyped(errors, error) => {}
                _ => faults.push(self.hidden(document, error).unwrap_or_else(|| self.fault(document, error, describe_error(error)))),
            }
        }
        for (error, names) in unplaced {
            self.unexpected(document, error, names, &mut faults);
        }
        faults
    }

    /// A part of a composition that fails takes the properties that it documents with it; those
    /// are no finding of their own.
    fn unexpected(&self, document: &Value, error: &ValidationError<'_>, names: &[String], faults: &mut Vec<Fault>) {
        let at = error.instance_path().as_str();
        let schema = source(document, &self.sources, error.schema_path().as_str());
        let schema = schema.strip_suffix("/additionalProperties").unwrap_or(&schema);
        let documented = property_names(document, schema);
        let failed_below = |fault: &Fault| fault.path.strip_prefix(at).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        let explained = faults.iter().any(failed_below);
        for name in names {
            let message = if !documented.contains(name) {
                format!("the property `{name}` is not documented")
            } else if explained {
                continue;
            } else {
                format!("the property `{name}` is not documented in the branch that fits")
            };
            let mut fault = self.fault(document, error, message);
            fault.path = join(&fault.path, name);
            faults.push(fault);
        }
    }

    /// The objections of the branch that was most likely meant.
    fn closest(
        &self,
        document: &Value,
        error: &ValidationError<'_>,
        branches: &[Vec<ValidationError<'static>>],
        keyword: &str,
    ) -> Vec<Fault> {
        let at = error.instance_path();
        let right_type = |branch: &&Vec<ValidationError<'static>>| {
            !branch.iter().any(|error| error.instance_path() == at && matches!(error.kind(), ValidationErrorKind::Type { .. }))
        };
        let candidates: Vec<_> = branches.iter().filter(right_type).collect();
        let explained = candidates.iter().map(|branch| self.explain(document, branch)).min_by_key(Vec::len);
        match explained {
            None => {
                let found = describe(error.instance());
                let count = branches.len();
                let message = format!("{found} fits none of the {count} branches of `{keyword}`");
                vec![self.fault(document, error, message)]
            }
            Some(faults) if candidates.len() == 1 => faults,
            Some(mut faults) => {
                for fault in &mut faults {
                    let count = branches.len();
                    let note = format!(" (in the closest of {count} branches of `{keyword}`)");
                    fault.message.push_str(&note);
                }
                faults
            }
        }
    }

    /// What to say of a property that goes the wrong way.
    fn hidden(&self, document: &Value, error: &ValidationError<'_>) -> Option<Fault> {
        let mut fault = self.fault(document, error, String::new());
        fault.spec_at.truncate(fault.spec_at.strip_suffix("/not")?.len());
        let mark = document.pointer(&fault.spec_at)?.get(HIDDEN)?.as_str()?;
        let side = if mark == "readOnly" { "a request" } else { "an answer" };
        fault.message = format!("the property is `{mark}`, and {side} has none such");
        Some(fault)
    }

    fn fault(&self, document: &Value, error: &ValidationError<'_>, message: String) -> Fault {
        Fault {
            path: error.instance_path().as_str().to_owned(),
            spec_at: source(document, &self.sources, error.schema_path().as_str()),
            message,
            format: matches!(error.kind(), ValidationErrorKind::Format { .. }),
        }
    }
}

fn mistyped(errors: &[ValidationError<'_>], error: &ValidationError<'_>) -> bool {
    errors.iter().any(|other| matches!(other.kind(), ValidationErrorKind::Type { .. }) && other.instance_path() == error.instance_path())
}

fn describe_error(error: &ValidationError<'_>) -> String {
    let found = describe(error.instance());
    match error.kind() {
        ValidationErrorKind::Type { kind } => {
            let expected = match kind {
                TypeKind::Single(one) => one.to_string(),
                TypeKind::Multiple(several) => {
                    let mut names: Vec<_> = several.iter().map(|one| one.to_string()).collect();
                    names.sort_unstable_by_key(|name| (name == "null", name.clone()));
                    names.join(" or ")
                }
            };
            format!("expected {expected}, found {found}")
        }
        ValidationErrorKind::Enum { options } => {
            format!("{found} is none of {}", list(options))
        }
        ValidationErrorKind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            format!("the required property `{name}` is missing")
        }
        ValidationErrorKind::Format { format } => format!("{found} is not a `{format}`"),
        ValidationErrorKind::OneOfMultipleValid { .. } => {
            format!("{found} fits more than one branch of `oneOf`")
        }
        ValidationErrorKind::Pattern { pattern } => {
            format!("{found} does not match the pattern `{pattern}`")
        }
        _ => shorten(&error.masked_with("the value").to_string(), 200),
    }
}

/// A value in a few words, never longer than a line.
pub(super) fn describe(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) => format!("the text {}", shorten(&Value::from(&**text).to_string(), 60)),
        Value::Array(items) => format!("an array of {}", items.len()),
        Value::Object(_) => "an object".to_owned(),
    }
}

fn list(options: &Value) -> String {
    let options = options.as_array().map(Vec::as_slice).unwrap_or_default();
    let shown: Vec<_> = options.iter().take(12).map(Value::to_string).collect();
    let more = options.len().saturating_sub(shown.len());
    match more {
        0 => shown.join(", "),
        _ => format!("{} and {more} more", shown.join(", ")),
    }
}

fn shorten(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    let start: String = text.chars().take(limit).collect();
    format!("{start}…")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    fn faults(schema: &Value, value: &Value) -> Vec<(String, String, String)> {
        let document = json!({"components": {"schemas": {"S": schema, "T": {
            "type": "object", "required": ["id"], "properties": {"id": {"type": "integer"}},
        }}}});
        let checkers = Checkers::default();
        checkers
            .faults(&document, "/components/schemas/S", World::Closed, value)
            .into_iter()
            .map(|fault| (fault.path, fault.spec_at, fault.message))
            .collect()
    }

    #[test]
    fn names_the_place_in_value_and_document() {
        let schema = json!({"type": "object", "properties": {
            "a/b": {"type": "array", "items": {"type": "integer", "nullable": true}},
            "t": {"$ref": "#/components/schemas/T"},
        }});
        let found = faults(&schema, &json!({"a/b": [1, "x"], "t": {}, "z": 1}));
        assert_eq!(
            found,
            [
                (
                    "/a~1b/1".to_owned(),
                    "/components/schemas/S/properties/a~1b/items/type".to_owned(),
                    "expected integer or null, found the text \"x\"".to_owned()
                ),
                ("/t".to_owned(), "/components/schemas/T/required".to_owned(), "the required property `id` is missing".to_owned()),
                ("/z".to_owned(), "/components/schemas/S".to_owned(), "the property `z` is not documented".to_owned()),
            ]
        );
    }

    #[test]
    fn explains_the_branch_that_was_meant() {
        let schema = json!({"anyOf": [{"type": "string"}, {"$ref": "#/components/schemas/T"}]});
        let found = faults(&schema, &json!({"id": "x"}));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].0, "/id");
        let found = faults(&schema, &json!(7));
        assert!(found[0].2.contains("fits none of the 2 branches"));
    }

    #[test]
    fn keeps_quiet_about_properties_of_a_part_that_fails() {
        let schema = json!({"allOf": [{"$ref": "#/components/schemas/T"}, {"type": "object", "properties": {"n": {"type": "string"}}}]});
        let found = faults(&schema, &json!({"id": "x", "n": "y", "q": 1}));
        let paths: Vec<_> = found.iter().map(|fault| fault.0.as_str()).collect();
        assert_eq!(paths, ["/id", "/q"]);
    }

    #[test]
    fn asserts_formats() {
        for (format, good, bad) in [
            ("date-time", "2026-01-02T03:04:05Z", "2026-01-02"),
            ("uuid", "6f1c1a4e-0c0f-4d5c-9f3b-0c9a1f0e7a11", "6f1c"),
            ("uri", "https://example.com/a", "not a uri"),
            ("byte", "aGk=", "a*"),
        ] {
            let schema = json!({"type": "string", "format": format});
            assert_eq!(faults(&schema, &json!(good)), []);
            assert_eq!(faults(&schema, &json!(bad)).len(), 1, "{format}");
        }
        assert_eq!(faults(&json!({"type": "string", "format": "shelfmark"}), &json!("x")), []);
    }

    #[test]
    fn reports_a_schema_that_cannot_be_used() {
        let found = faults(&json!({"type": "string", "pattern": "("}), &json!("x"));
        assert!(found[0].2.starts_with("the schema is unusable"));
        assert_eq!(found[0].1, "/components/schemas/S/pattern");
        let found = faults(&json!({"$ref": "#/components/schemas/Lost"}), &json!("x"));
        assert!(found[0].2.contains("leads nowhere"));
    }
}
