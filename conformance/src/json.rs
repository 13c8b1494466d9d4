//! JSON by pointer: walking, comparing by value, printing short.

use serde_json::Value;

/// How many characters of a value a message shows.
const SHOWN: usize = 120;

/// `pointer` with one more token, escaped.
pub(crate) fn join(pointer: &str, token: &str) -> String {
    format!("{pointer}/{}", token.replace('~', "~0").replace('/', "~1"))
}

/// Splits a pointer into its unescaped tokens.
pub(crate) fn tokens(pointer: &str) -> impl Iterator<Item = String> + '_ {
    pointer.split('/').skip(1).map(|token| token.replace("~1", "/").replace("~0", "~"))
}

/// Whether `pointer` is `ancestor` or lies below it.
pub(crate) fn is_within(pointer: &str, ancestor: &str) -> bool {
    pointer.strip_prefix(ancestor).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether a pattern matches a pointer: `*` stands for one token, `**` for any number of them.
pub(crate) fn glob(pattern: &str, pointer: &str) -> bool {
    matches(&tokens(pattern).collect::<Vec<_>>(), &tokens(pointer).collect::<Vec<_>>())
}

fn matches(pattern: &[String], tokens: &[String]) -> bool {
    match (pattern.split_first(), tokens.split_first()) {
        (None, None) => true,
        (Some((any, rest)), _) if any == "**" => (0..=tokens.len()).any(|skip| matches(rest, tokens.get(skip..).unwrap_or_default())),
        (Some((one, rest)), Some((token, tokens))) => (one == "*" || one == token) && matches(rest, tokens),
        _ => false,
    }
}

/// Whether two scalars are equal; numbers are by value, so that `2.0` is `2`.
fn same_scalar(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(a), Value::Number(b)) => a == b || same_number(a, b),
        _ => left == right,
    }
}

fn same_number(a: &serde_json::Number, b: &serde_json::Number) -> bool {
    match (whole(a), whole(b)) {
        (Some(a), Some(b)) => a == b,
        _ => a.as_f64().is_some() && a.as_f64() == b.as_f64(),
    }
}

/// The number as an integer, if it is one, exactly: as floats, large ones would fall together.
fn whole(number: &serde_json::Number) -> Option<i128> {
    let integer = number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
    // Every float of this size without a fraction is an i128.
    integer.or_else(|| number.as_f64().filter(|float| float.fract() == 0.0 && float.abs() < 1e38).map(|float| float as i128))
}

/// How two JSON values differ at one place.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Difference<'a> {
    /// Only the left value has it.
    Lost(&'a Value),
    /// Only the right value has it.
    Invented(&'a Value),
    /// Both have it, with different values.
    Changed(&'a Value, &'a Value),
}

/// Every leaf at which `left` and `right` differ, in the order of `left` and then of what only `right` has.
/// Something lost or invented is reported as a whole; [`leaves`] takes it apart.
pub(crate) fn differences<'a>(left: &'a Value, right: &'a Value) -> Vec<(String, Difference<'a>)> {
    let mut found = Vec::new();
    compare(left, right, String::new(), &mut found);
    found
}

fn compare<'a>(left: &'a Value, right: &'a Value, at: String, found: &mut Vec<(String, Difference<'a>)>) {
    match (left, right) {
        (Value::Object(a), Value::Object(b)) => {
            for (key, value) in a {
                match b.get(key) {
                    Some(other) => compare(value, other, join(&at, key), found),
                    None => found.push((join(&at, key), Difference::Lost(value))),
                }
            }
            let new = b.iter().filter(|(key, _)| !a.contains_key(*key));
            found.extend(new.map(|(key, value)| (join(&at, key), Difference::Invented(value))));
        }
        (Value::Array(a), Value::Array(b)) => {
            for (index, (value, other)) in a.iter().zip(b).enumerate() {
                compare(value, other, format!("{at}/{index}"), found);
            }
            let lost = a.iter().enumerate().skip(b.len());
            found.extend(lost.map(|(index, value)| (format!("{at}/{index}"), Difference::Lost(value))));
            let new = b.iter().enumerate().skip(a.len());
            found.extend(new.map(|(index, value)| (format!("{at}/{index}"), Difference::Invented(value))));
        }
        _ if same_scalar(left, right) => {}
        _ => found.push((at, Difference::Changed(left, right))),
    }
}

/// Every scalar and every empty container below `value`, with its pointer.
pub(crate) fn leaves<'a>(value: &'a Value, at: &str) -> Vec<(String, &'a Value)> {
    match value {
        Value::Object(map) if !map.is_empty() => map.iter().flat_map(|(key, value)| leaves(value, &join(at, key))).collect(),
        Value::Array(list) if !list.is_empty() => {
            list.iter().enumerate().flat_map(|(index, value)| leaves(value, &format!("{at}/{index}"))).collect()
        }
        _ => vec![(at.to_owned(), value)],
    }
}

/// Calls `visit` for every string below `value`, keys of objects included.
pub(crate) fn each_string<'a>(value: &'a Value, at: &str, visit: &mut impl FnMut(&str, &'a str)) {
    match value {
        Value::String(text) => visit(at, text),
        Value::Array(list) => {
            for (index, value) in list.iter().enumerate() {
                each_string(value, &format!("{at}/{index}"), visit);
            }
        }
        Value::Object(map) => {
            for (key, value) in map {
                let at = join(at, key);
                visit(&at, key);
                each_string(value, &at, visit);
            }
        }
        _ => {}
    }
}

/// The same value with every string passed through `change`.
pub(crate) fn map_strings(value: &Value, change: &impl Fn(&str) -> String) -> Value {
    match value {
        Value::String(text) => Value::String(change(text)),
        Value::Array(list) => list.iter().map(|value| map_strings(value, change)).collect(),
        Value::Object(map) => Value::Object(map.iter().map(|(key, value)| (key.clone(), map_strings(value, change))).collect()),
        other => other.clone(),
    }
}

/// The value as compact JSON, cut where it gets long.
pub(crate) fn short(value: &Value) -> String {
    shorten(&value.to_string())
}

/// The text on one line, cut where it gets long.
pub(crate) fn shorten(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(SHOWN + 1).collect();
    if line.chars().count() <= SHOWN {
        return line;
    }
    let cut: String = line.chars().take(SHOWN).collect();
    format!("{cut}…")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_equal_by_value() {
        assert!(differences(&json!({"a": 19478.0}), &json!({"a": 19478})).is_empty());
        let (a, b) = (json!(9_007_199_254_740_993_i64), json!(9_007_199_254_740_992_i64));
        assert_eq!(differences(&a, &b).len(), 1, "integers that fall together as floats stay apart");
        let same = |a: &Value, b: &Value| (differences(a, b).is_empty(), differences(b, a).is_empty());
        let float = json!(9_007_199_254_740_992.0);
        assert_eq!((same(&a, &float), same(&b, &float)), ((false, false), (true, true)), "an integer and a float, too");
        assert_eq!(same(&json!(u64::MAX), &json!(18_446_744_073_709_551_616.0)), (false, false));
        assert_eq!(same(&json!(i64::MIN), &json!(-9_223_372_036_854_775_808.0)), (true, true));
        assert_eq!(same(&json!(0), &json!(-0.0)), (true, true));
        assert_eq!(same(&json!(2), &json!(2.5)), (false, false));
        assert_eq!(same(&json!(1e300), &json!(1e300)), (true, true));
    }

    #[test]
    fn a_pattern_covers_one_token_or_many() {
        assert!(glob("/paths/*/get", "/paths/~1books/get"));
        assert!(!glob("/paths/*", "/paths/~1books/get") && !glob("/paths/*/get", "/paths/get"));
        assert!(glob("/paths/**", "/paths/~1books/get") && glob("/a/**/z", "/a/z") && glob("/a/**/z", "/a/b/c/z"));
        assert!(!glob("/paths/**/post", "/paths/~1books/get"));
        assert!(glob("", "") && !glob("", "/a") && !glob("/a", ""));
    }

    #[test]
    fn differences_name_the_place() {
        let (left, right) = (json!({"a": [1, {"b/c": 2}], "z": 0}), json!({"a": [1, {"b/c": 3}, 4], "y": null}));
        let found: Vec<_> = differences(&left, &right).into_iter().map(|(at, _)| at).collect();
        assert_eq!(found, ["/a/1/b~1c", "/a/2", "/z", "/y"]);
    }

    #[test]
    fn leaves_keep_empty_containers() {
        let value = json!({"a": {}, "b": [1, []]});
        let found: Vec<_> = leaves(&value, "").into_iter().map(|(at, _)| at).collect();
        assert_eq!(found, ["/a", "/b/0", "/b/1"]);
    }

    #[test]
    fn a_sibling_with_a_common_prefix_is_not_within() {
        assert!(is_within("/a/b", "/a") && is_within("/a", "/a") && is_within("/a", ""));
        assert!(!is_within("/ab", "/a"));
    }

    #[test]
    fn long_text_is_cut_on_a_character() {
        assert_eq!(shorten(&"ä".repeat(200)).chars().count(), SHOWN + 1);
        assert_eq!(shorten("a\nb"), "a b");
    }
}
