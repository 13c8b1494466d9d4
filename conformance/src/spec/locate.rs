//! Reading YAML twice: once for what it says, once for where it says it.
//!
//! Two parsers that do not share a line of code read every text. Where they differ, some other
//! tool would read something else again, which is what `S101` reports.

use std::collections::BTreeMap;

use saphyr::{LoadableYamlNode, MarkedYaml, Marker, Scalar, YamlData};
use serde_json::{Map, Number, Value};

use super::LoadError;
use super::pointer::join;
use crate::finding::Location;

/// Where every value of a YAML text stands: JSON pointer to line and column.
///
/// ```
/// use opusclip_conformance::spec::Locator;
///
/// let locator = Locator::parse("shelf.yaml", "books:\n  - title: Emma\n")?;
/// let at = locator.locate("/books/0/title").unwrap();
/// assert_eq!((at.line, at.column), (2, 5));
/// # Ok::<(), opusclip_conformance::spec::LoadError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Locator {
    file: String,
    places: BTreeMap<String, (usize, usize)>,
}

impl Locator {
    /// Reads a YAML text; `name` is what locations call the file.
    ///
    /// # Errors
    ///
    /// A text that is not one YAML document, repeats a key, has a merge key (`<<`), or holds what JSON cannot.
    pub fn parse(name: &str, text: &str) -> Result<Self, LoadError> {
        read_yaml(name, text).map(|(_, locator)| locator)
    }

    /// Where the value at `pointer` stands (its key, for an entry of a mapping), or its nearest
    /// ancestor that exists.
    #[must_use]
    pub fn locate(&self, pointer: &str) -> Option<Location> {
        let mut pointer = pointer;
        loop {
            if let Some(&(line, column)) = self.places.get(pointer) {
                return Some(Location { file: self.file.clone(), line, column });
            }
            pointer = pointer.get(..pointer.rfind('/')?)?;
        }
    }

    fn index(&mut self, node: &MarkedYaml<'_>, pointer: &str, mark: Marker) {
        self.places.insert(pointer.to_owned(), (mark.line(), mark.col() + 1));
        match &node.data {
            YamlData::Mapping(entries) => {
                for (key, value) in entries {
                    if let Some(name) = key_name(key) {
                        self.index(value, &join(pointer, &name), key.span.start);
                    }
                }
            }
            YamlData::Sequence(items) => {
                for (position, item) in items.iter().enumerate() {
                    self.index(item, &format!("{pointer}/{position}"), item.span.start);
                }
            }
            _ => {}
        }
    }
}

/// Reads a YAML text as JSON. Duplicate keys are refused, keys that are numbers become strings.
///
/// ```
/// use opusclip_conformance::spec::read_yaml;
///
/// let (value, _) = read_yaml("replies.yaml", "200: fine")?;
/// assert_eq!(value["200"], "fine");
///
/// let error = read_yaml("replies.yaml", "a: 1\na: 2").unwrap_err();
/// assert_eq!(error.to_string(), "replies.yaml:2:1: duplicate key `a`");
/// # Ok::<(), opusclip_conformance::spec::LoadError>(())
/// ```
///
/// # Errors
///
/// A text that is not one YAML document, repeats a key, has a merge key (`<<`), or holds what JSON cannot.
pub fn read_yaml(name: &str, text: &str) -> Result<(Value, Locator), LoadError> {
    read_twice(name, text).map(|(value, locator, _)| (value, locator))
}

/// One place where the two parsers read different values: pointer and message.
pub(super) type Disagreement = (String, String);

/// As [`read_yaml`], with the places where the parsers disagree.
pub(super) fn read_twice(name: &str, text: &str) -> Result<(Value, Locator, Vec<Disagreement>), LoadError> {
    // The first parser also bounds nesting and the growth of aliases, which the second does not:
    // the second never sees a text that the first refused, but for the place of a duplicate key.
    let parsed: yaml_serde::Value = match yaml_serde::from_str(text) {
        Ok(parsed) => parsed,
        Err(error) => return Err(refused(name, text, &error)),
    };
    let documents = MarkedYaml::load_from_str(text).map_err(|error| {
        let at = place(name, error.marker());
        LoadError::new(name, Some(at), format!("S101: {}", error.info()))
    })?;
    let mut locator = Locator { file: name.to_owned(), places: BTreeMap::new() };
    if let Some(root) = documents.first() {
        if let Some(mark) = merge_key(root, text) {
            let message = "`<<` is a merge key, which YAML 1.2 does not have: write out what it stands for, or quote it if it is a name";
            return Err(LoadError::new(name, Some(place(name, &mark)), message.to_owned()));
        }
        locator.index(root, "", root.span.start);
    }
    let value = to_json(&parsed, "").map_err(|(pointer, message)| LoadError::new(name, locator.locate(&pointer), message))?;
    let mut disagreements = Vec::new();
    if let Some(root) = documents.first() {
        compare(&value, root, "", &mut disagreements);
    }
    Ok((value, locator, disagreements))
}

fn place(name: &str, mark: &Marker) -> Location {
    Location { file: name.to_owned(), line: mark.line(), column: mark.col() + 1 }
}

/// `yaml_serde` gives the start of the mapping for a duplicate key; the other parser gives the key.
fn refused(name: &str, text: &str, error: &yaml_serde::Error) -> LoadError {
    let mut message = error.to_string();
    let location = error.location().map(|at| Location { file: name.to_owned(), line: at.line(), column: at.column() });
    if let Some((_, key)) = message.split_once("duplicate entry with key ") {
        let key = key.rsplit_once(" at line ").map_or(key, |(key, _)| key);
        let key = key.trim_matches(['"', '`']).to_owned();
        let at = match MarkedYaml::load_from_str(text) {
            Err(second) => Some(place(name, second.marker())),
            Ok(_) => location,
        };
        return LoadError::new(name, at, format!("duplicate key `{key}`"));
    }
    if let Some(at) = &location {
        // The location is printed in front; the message need not say it again.
        message = message.replacen(&format!(" at line {} column {}", at.line, at.column), "", 1);
    }
    LoadError::new(name, location, message)
}

/// Where a merge key of YAML 1.1 stands. Both parsers keep it as a key like any other; tools that merge read something else.
fn merge_key(node: &MarkedYaml<'_>, text: &str) -> Option<Marker> {
    let is_quoted = |mark: &Marker| {
        let line = text.lines().nth(mark.line().saturating_sub(1));
        line.and_then(|line| line.chars().nth(mark.col())) != Some('<')
    };
    match &node.data {
        YamlData::Mapping(entries) => entries.iter().find_map(|(key, value)| {
            let mark = key.span.start;
            let is_merge = matches!(&key.data, YamlData::Value(Scalar::String(name)) if name == "<<") && !is_quoted(&mark);
            is_merge.then_some(mark).or_else(|| merge_key(value, text))
        }),
        YamlData::Sequence(items) => items.iter().find_map(|item| merge_key(item, text)),
        _ => None,
    }
}

fn key_name(key: &MarkedYaml<'_>) -> Option<String> {
    match &key.data {
        YamlData::Value(Scalar::String(text)) => Some(text.to_string()),
        YamlData::Value(Scalar::Integer(number)) => Some(number.to_string()),
        YamlData::Value(Scalar::FloatingPoint(number)) => Some(number.to_string()),
        YamlData::Value(Scalar::Boolean(flag)) => Some(flag.to_string()),
        YamlData::Value(Scalar::Null) => Some("null".to_owned()),
        _ => None,
    }
}

fn to_json(value: &yaml_serde::Value, pointer: &str) -> Result<Value, (String, String)> {
    use yaml_serde::Value as Yaml;

    let refuse = |message: &str| Err((pointer.to_owned(), message.to_owned()));
    Ok(match value {
        Yaml::Null => Value::Null,
        Yaml::Bool(flag) => Value::Bool(*flag),
        Yaml::String(text) => Value::String(text.clone()),
        Yaml::Number(number) => {
            let exact = number.as_u64().map(Number::from).or_else(|| number.as_i64().map(Number::from));
            match exact.or_else(|| number.as_f64().and_then(Number::from_f64)) {
                Some(number) => Value::Number(number),
                None => return refuse("a number that JSON cannot hold"),
            }
        }
        Yaml::Sequence(items) => {
            let mut array = Vec::with_capacity(items.len());
            for (position, item) in items.iter().enumerate() {
                array.push(to_json(item, &format!("{pointer}/{position}"))?);
            }
            Value::Array(array)
        }
        Yaml::Mapping(entries) => {
            let mut object = Map::new();
            for (key, item) in entries {
                let name = match key {
                    Yaml::String(text) => text.clone(),
                    Yaml::Number(number) => number.to_string(),
                    Yaml::Bool(flag) => flag.to_string(),
                    Yaml::Null => "null".to_owned(),
                    _ => return refuse("a key that is neither text nor a number"),
                };
                let below = join(pointer, &name);
                let item = to_json(item, &below)?;
                if object.insert(name.clone(), item).is_some() {
                    // `200` and `"200"` are two keys in YAML and one in JSON.
                    return Err((below, format!("duplicate key `{name}`")));
                }
            }
            Value::Object(object)
        }
        Yaml::Tagged(tagged) => {
            return refuse(&format!("the tag `{}`, which JSON cannot hold", tagged.tag));
        }
    })
}

fn compare(first: &Value, second: &MarkedYaml<'_>, pointer: &str, out: &mut Vec<Disagreement>) {
    match (first, &second.data) {
        (Value::Object(object), YamlData::Mapping(entries)) => {
            let names: Vec<_> = entries.iter().map(|(key, item)| (key_name(key), item)).collect();
            for (name, item) in &names {
                let known = name.as_ref().and_then(|name| object.get(name).map(|value| (name, value)));
                match known {
                    Some((name, value)) => compare(value, item, &join(pointer, name), out),
                    None => out.push((
                        pointer.to_owned(),
                        format!("two YAML parsers read different keys: only one has `{}`", name.as_deref().unwrap_or("?")),
                    )),
                }
            }
            if names.len() < object.len() {
                out.push((pointer.to_owned(), "two YAML parsers read a different number of keys".to_owned()));
            }
        }
        (Value::Array(array), YamlData::Sequence(items)) if array.len() == items.len() => {
            for (position, (value, item)) in array.iter().zip(items).enumerate() {
                compare(value, item, &format!("{pointer}/{position}"), out);
            }
        }
        (value, YamlData::Value(scalar)) if same_scalar(value, scalar) => {}
        (value, data) => {
            let other = match data {
                YamlData::Value(Scalar::String(text)) => format!("the text \"{text}\""),
                YamlData::Value(Scalar::Integer(number)) => format!("the number {number}"),
                YamlData::Value(Scalar::FloatingPoint(number)) => format!("the number {number}"),
                YamlData::Value(Scalar::Boolean(flag)) => flag.to_string(),
                YamlData::Value(Scalar::Null) => "null".to_owned(),
                YamlData::Mapping(_) => "a mapping".to_owned(),
                YamlData::Sequence(_) => "a sequence".to_owned(),
                _ => "something else".to_owned(),
            };
            out.push((pointer.to_owned(), format!("two YAML parsers disagree: one reads {value}, the other {other}; quote it")));
        }
    }
}

fn same_scalar(value: &Value, scalar: &Scalar<'_>) -> bool {
    match (value, scalar) {
        (Value::Null, Scalar::Null) => true,
        (Value::Bool(first), Scalar::Boolean(second)) => first == second,
        (Value::String(first), Scalar::String(second)) => first == second,
        (Value::Number(first), Scalar::Integer(second)) => first.as_i64() == Some(*second) || first.as_f64() == Some(*second as f64),
        (Value::Number(first), Scalar::FloatingPoint(second)) => first.as_f64() == Some(second.into_inner()),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn disagreements(text: &str) -> Vec<String> {
        let (_, _, found) = read_twice("t.yaml", text).unwrap();
        found.into_iter().map(|(pointer, _)| pointer).collect()
    }

    #[test]
    fn finds_keys_items_and_ancestors() {
        let text = "openapi: 3.0.3\npaths:\n  /books/{id}:\n    get:\n      tags: [a, b]\n";
        let locator = Locator::parse("t.yaml", text).unwrap();
        let at = |pointer: &str| {
            let found = locator.locate(pointer).unwrap();
            (found.line, found.column)
        };
        assert_eq!(at("/paths/~1books~1{id}/get"), (4, 5));
        assert_eq!(at("/paths/~1books~1{id}/get/tags/1"), (5, 17));
        assert_eq!(at("/paths/~1books~1{id}/put/x"), (3, 3));
        assert_eq!(at(""), (1, 1));
    }

    #[test]
    fn refuses_duplicate_keys_at_the_second_one() {
        let error = read_yaml("t.yaml", "a: 1\nb:\n  c: 1\n  d: 2\n  c: 3\n").unwrap_err();
        assert_eq!(error.to_string(), "t.yaml:5:3: duplicate key `c`");
        let error = read_yaml("t.yaml", "200: a\n'200': b\n").unwrap_err();
        assert!(error.to_string().ends_with("duplicate key `200`"));
        assert!(read_yaml("t.yaml", "a: 1\nb: {a: 1}\n").is_ok());
    }

    #[test]
    fn says_where_a_text_is_broken() {
        let error = read_yaml("t.yaml", "a: [1\n").unwrap_err();
        assert_eq!(error.location().unwrap().line, 2);
        assert_eq!(error.to_string().lines().count(), 1);
        assert!(read_yaml("t.yaml", "a: 1\n---\nb: 2\n").is_err());
        let error = read_yaml("t.yaml", "a: 1\nb: .inf\n").unwrap_err();
        assert_eq!(error.to_string(), "t.yaml:2:1: a number that JSON cannot hold");
        assert!(read_yaml("t.yaml", "a: !shelf 1\n").is_err());
    }

    #[test]
    fn refuses_merge_keys_and_lets_a_name_that_looks_like_one_pass() {
        let error = read_yaml("t.yaml", "Base: &base {type: object}\nä: [{Book: {<<: *base, description: A book}}]\n").unwrap_err();
        assert!(error.to_string().starts_with("t.yaml:2:13: `<<` is a merge key"), "{error}");
        let (value, _) = read_yaml("t.yaml", "a: {'<<': 1, b: <<}\n").unwrap();
        assert_eq!(value, serde_json::json!({"a": {"<<": 1, "b": "<<"}}));
        assert!(read_yaml("t.json", "{\n  \"<<\": {}\n}").is_ok());
    }

    #[test]
    fn reports_where_parsers_disagree() {
        assert_eq!(disagreements("a: 012\nb: [0b11, 7]\n"), ["/a", "/b/0"]);
        let plain = "a: 12\nb: 1e3\nc: ~\nd: yes\ne: '012'\nf: 2024-01-01\ng: 12345678901234567890\nh: &x [1]\ni: *x\nj: true\n";
        assert_eq!(disagreements(plain), Vec::<String>::new());
    }

    #[test]
    fn reads_an_empty_text_as_null() {
        let (value, locator) = read_yaml("t.yaml", "").unwrap();
        assert_eq!(value, Value::Null);
        assert!(locator.locate("/a").is_none());
    }
}
