//! Which fixtures carry what changed.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Drift, Evidence, Use};
use crate::json;
use crate::suite::{Case, Suite};

impl Drift {
    /// Names for every change the fixtures that prove it: those that carry the place, else those of its operations.
    pub fn prove(&mut self, suite: &Suite) {
        let mut of_operation: BTreeMap<&str, Vec<&Case>> = BTreeMap::new();
        for case in &suite.cases {
            of_operation.entry(&case.fixture.operation).or_default().push(case);
        }
        for change in &mut self.changes {
            let mut exact = BTreeSet::new();
            let mut near = BTreeSet::new();
            for by in &change.uses {
                for case in of_operation.get(by.operation.as_str()).into_iter().flatten().filter(|case| has_status(case, by)) {
                    let is_there = carries(&case.source, by);
                    if is_there { &mut exact } else { &mut near }.insert(case.fixture.id.clone());
                }
            }
            let is_exact = !exact.is_empty();
            let fixtures = if is_exact { exact } else { near };
            change.evidence = Evidence { fixtures: fixtures.into_iter().collect(), is_exact };
        }
    }
}

fn has_status(case: &Case, by: &Use) -> bool {
    let Some(wanted) = &by.status else { return true };
    let status = case.source.pointer("/response/status").and_then(Value::as_u64).map(|status| status.to_string());
    status.is_some_and(|status| {
        let class = wanted.strip_suffix("xx").is_some_and(|class| status.starts_with(class));
        status == *wanted || class || (wanted == "default" && !status.starts_with('2'))
    })
}

fn carries(source: &Value, by: &Use) -> bool {
    let tokens: Vec<String> = json::tokens(&by.at).collect();
    let Some((side, rest)) = tokens.split_first() else { return true };
    let Some(side) = source.get(side) else { return false };
    match rest {
        [kind, name] if kind == "query" => {
            let pairs = side.get("query").and_then(Value::as_array);
            pairs.into_iter().flatten().any(|pair| pair.get(0).and_then(Value::as_str) == Some(name))
        }
        [kind, name] if kind == "headers" => {
            let given = side.get("headers").and_then(Value::as_object).into_iter().flat_map(|headers| headers.keys());
            let required = side.get("require_headers").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
            given.map(String::as_str).chain(required).any(|header| header.eq_ignore_ascii_case(name))
        }
        _ => holds(side, rest),
    }
}

fn holds(value: &Value, tokens: &[String]) -> bool {
    let Some((token, rest)) = tokens.split_first() else { return true };
    match value {
        Value::Array(list) if token == "*" => list.iter().any(|item| holds(item, rest)),
        Value::Object(object) if token == "*" => object.values().any(|item| holds(item, rest)),
        Value::Object(object) => object.get(token).is_some_and(|item| holds(item, rest)),
        _ => false,
    }
}
