//! Words that no request and no answer can break: counted, not listed.

use serde_json::{Map, Value};

use super::found::{Effect, Found};

const WORDS: [&str; 7] = ["title", "description", "summary", "example", "examples", "externalDocs", "tags"];
/// Keys whose value maps names of somebody's choice to things, so that a name among them is no keyword.
const MAPS: [&str; 11] = [
    "properties",
    "schemas",
    "responses",
    "parameters",
    "headers",
    "requestBodies",
    "securitySchemes",
    "paths",
    "content",
    "callbacks",
    "variables",
];

#[derive(Default)]
struct Count {
    words: usize,
    extensions: usize,
}

/// One change for all texts and examples, and one for all extensions, of what both documents have at the same place. What is
/// there in one of them only is a change of its own, and takes its words with it.
pub(super) fn compare(old: &Value, new: &Value, found: &mut Found) {
    let mut count = Count::default();
    walk(old, new, false, &mut count);
    let at = (Some(""), Some(""));
    if count.words > 0 {
        let summary = format!("{} texts and examples of the documentation differ", count.words);
        found.add("D131", at, summary, Effect::yes("comments of the generated code change"), None);
    }
    if count.extensions > 0 {
        let summary = format!("{} extensions (`x-…`) differ", count.extensions);
        found.add("D132", at, summary, Effect::yes("a generator that knows the extension may make other code"), None);
    }
}

fn walk(old: &Value, new: &Value, is_map: bool, count: &mut Count) {
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => objects(old, new, is_map, count),
        (Value::Array(old), Value::Array(new)) => {
            for (index, value) in old.iter().enumerate() {
                let other = match identity(value) {
                    Some(identity) => new.iter().find(|other| self::identity(other) == Some(identity)),
                    None => new.get(index),
                };
                if let Some(other) = other {
                    walk(value, other, false, count);
                }
            }
        }
        _ => {}
    }
}

fn objects(old: &Map<String, Value>, new: &Map<String, Value>, is_map: bool, count: &mut Count) {
    if old.contains_key("$ref") || new.contains_key("$ref") {
        return;
    }
    let is_word = |key: &str| !is_map && WORDS.contains(&key);
    let is_extension = |key: &str| !is_map && key.starts_with("x-");
    let all = old.keys().chain(new.keys().filter(|key| !old.contains_key(*key)));
    for key in all.filter(|key| old.get(*key) != new.get(*key)) {
        match (old.get(key), new.get(key)) {
            _ if is_word(key) => count.words += 1,
            _ if is_extension(key) => count.extensions += 1,
            (Some(old), Some(new)) if is_map || !["default", "enum", "required"].contains(&key.as_str()) => {
                walk(old, new, !is_map && old.is_object() && MAPS.contains(&key.as_str()), count);
            }
            _ => {}
        }
    }
}

/// What tells a parameter from the others of its list.
fn identity(value: &Value) -> Option<(&str, &str)> {
    Some((value.get("name")?.as_str()?, value.get("in")?.as_str()?))
}
