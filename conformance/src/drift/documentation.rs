//! Words that no request and no answer can break: counted, not listed.

use std::collections::BTreeMap;

use serde_json::Value;

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

/// How often each text is there.
type Texts = BTreeMap<String, usize>;

/// One change for all descriptions, examples and the like, and one for all extensions. Where a text stands makes no difference.
pub(super) fn compare(old: &Value, new: &Value, found: &mut Found) {
    let (was, is) = (texts(old), texts(new));
    for (id, index, what) in [("D131", 0, "texts and examples"), ("D132", 1, "extensions")] {
        let count = differing(was.get(index), is.get(index));
        if count > 0 {
            let summary = format!("{count} {what} of the documentation differ");
            let summary = if index == 1 { format!("{count} {what} (`x-…`) differ") } else { summary };
            let effect =
                if index == 1 { "a generator that knows the extension may make other code" } else { "comments of the generated code" };
            found.add(id, (Some(""), Some("")), summary, Effect::yes(effect), None);
        }
    }
}

fn differing(was: Option<&Texts>, is: Option<&Texts>) -> usize {
    let (Some(was), Some(is)) = (was, is) else { return 0 };
    let only = |these: &Texts, those: &Texts| -> usize {
        these.iter().map(|(text, count)| count.saturating_sub(those.get(text).copied().unwrap_or_default())).sum()
    };
    only(was, is).max(only(is, was))
}

fn texts(document: &Value) -> [Texts; 2] {
    let mut all = [Texts::new(), Texts::new()];
    collect(document, false, &mut all);
    all
}

fn collect(value: &Value, is_map: bool, [words, extensions]: &mut [Texts; 2]) {
    let mut all = [std::mem::take(words), std::mem::take(extensions)];
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                let [words, extensions] = &mut all;
                if !is_map && key.starts_with("x-") {
                    *extensions.entry(format!("{key}: {value}")).or_default() += 1;
                } else if !is_map && WORDS.contains(&key.as_str()) {
                    *words.entry(format!("{key}: {value}")).or_default() += 1;
                } else if is_map || !["default", "enum", "required"].contains(&key.as_str()) {
                    let is_list = value.is_array();
                    collect(value, !is_map && !is_list && MAPS.contains(&key.as_str()), &mut all);
                }
            }
        }
        Value::Array(list) => list.iter().for_each(|value| collect(value, false, &mut all)),
        _ => {}
    }
    let [first, second] = all;
    (*words, *extensions) = (first, second);
}
